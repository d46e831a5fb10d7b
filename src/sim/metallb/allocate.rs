//! The controller: which Service has which address.
//!
//! The order is MetalLB's: keep what is still legal, then the address that was asked for, then the pool that was asked
//! for, then any. Invariant: two Services have one address only if they may share it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::{Value, json};

use super::config::Pool;
use super::sharing::Holder;
use super::{annotation, selects, texts};
use crate::sim::resource::{Kind, split_key};
use crate::sim::scenario::MetalLbPlan;
use crate::sim::store::Key;
use crate::sim::world::World;

type Holders = BTreeMap<IpAddr, Vec<Holder>>;
/// An address and the name of its pool, or MetalLB's words why there is none.
type Chosen = Result<(IpAddr, String), Refusal>;

struct Refusal {
    reason: &'static str,
    words: String,
}

impl World {
    pub(super) fn allocate(&mut self, plan: &MetalLbPlan) {
        let mut services = self.all(Kind::Service);
        services.retain(|(_, service)| is_mine(service, plan));
        // Those that have an address hold it before those that want one; then by age.
        services.sort_by_key(|(key, service)| {
            let has_none = !self.balancer.given.contains_key(key) && addresses(service).is_empty();
            let created = service["metadata"]["creationTimestamp"].as_str();
            (has_none, created.unwrap_or_default().to_owned())
        });
        let mut holders = Holders::new();
        let mut given = BTreeMap::new();
        let before = std::mem::take(&mut self.balancer.given);
        for (key, service) in &services {
            let had = match before.get(key) {
                Some((addresses, _)) => addresses.clone(),
                None => addresses(service),
            };
            let holder = Holder::new(key, service, plan.is_at_least(14, 9));
            let kept = had
                .first()
                .copied()
                .and_then(|ip| self.keep(plan, service, &holder, ip, &holders));
            if kept.is_none() && !had.is_empty() {
                let message = format!("Assigned IP lost, clearing assignment of {had:?}");
                self.say_of_service(key, "Normal", "ClearAssignment", message, CONTROLLER, "");
                self.balancer.said.remove(key);
            }
            let chosen = match kept {
                Some(chosen) => Ok(chosen),
                None => self.choose(plan, service, &holder, &holders),
            };
            match chosen {
                Ok((ip, pool)) => {
                    holders.entry(ip).or_default().push(holder);
                    if kept_elsewhere(&had, ip) {
                        let message = format!("Assigned IP [\"{ip}\"]");
                        self.say_of_service(key, "Normal", "IPAllocated", message, CONTROLLER, "");
                    }
                    self.balancer.said.remove(key);
                    self.write_assignment(plan, key, ip, &pool);
                    given.insert(key.clone(), (vec![ip], pool));
                }
                Err(refusal) => self.refuse(key, refusal),
            }
        }
        self.balancer.given = given;
    }

    /// The address it has, if it may keep it.
    fn keep(
        &self,
        plan: &MetalLbPlan,
        service: &Value,
        holder: &Holder,
        ip: IpAddr,
        holders: &Holders,
    ) -> Option<(IpAddr, String)> {
        let reads_new = plan.is_at_least(14, 9);
        let wished = wished_addresses(service, reads_new);
        if !wished.is_empty() && !wished.contains(&ip.to_string()) {
            return None;
        }
        let pools = self.balancer.config.pools.iter();
        let pool = pools
            .into_iter()
            .find(|pool| pool.contains(ip) && self.allows(pool, service))?;
        let wished = annotation(service, "address-pool", reads_new);
        let fits = wished.is_none_or(|wished| wished == pool.name);
        (fits && clash(holder, ip, holders).is_none()).then(|| (ip, pool.name.clone()))
    }

    fn choose(
        &self,
        plan: &MetalLbPlan,
        service: &Value,
        holder: &Holder,
        holders: &Holders,
    ) -> Chosen {
        let reads_new = plan.is_at_least(14, 9);
        let failed = |words: String| Refusal {
            reason: "AllocationFailed",
            words,
        };
        let wished_pool = annotation(service, "address-pool", reads_new);
        let has_field = service["spec"]["loadBalancerIP"].is_string();
        if has_field && annotation(service, "loadBalancerIPs", reads_new).is_some() {
            let words =
                "service can not have both metallb.io/loadBalancerIPs and svc.Spec.LoadBalancerIP"
                    .to_owned();
            return Err(Refusal {
                reason: "LoadBalancerFailed",
                words,
            });
        }
        let pools = &self.balancer.config.pools;
        if let Some(wished) = wished_addresses(service, reads_new).first() {
            let Ok(ip) = wished.parse::<IpAddr>() else {
                let words = format!("invalid spec.loadBalancerIP {wished:?}");
                return Err(Refusal {
                    reason: "LoadBalancerFailed",
                    words,
                });
            };
            let pool = pools
                .iter()
                .find(|pool| pool.contains(ip) && self.allows(pool, service));
            let pool =
                pool.ok_or_else(|| failed(format!("[\"{ip}\"] is not allowed in config")))?;
            if let Some(other) = wished_pool.filter(|it| *it != pool.name) {
                return Err(failed(format!(
                    "requested loadBalancer IP(s) [\"{ip}\"] is not compatible with requested address pool {other}"
                )));
            }
            return match clash(holder, ip, holders) {
                Some(words) => Err(failed(words)),
                None => Ok((ip, pool.name.clone())),
            };
        }
        if let Some(wished) = wished_pool {
            let pool = pools.iter().find(|pool| pool.name == wished);
            let pool = pool.ok_or_else(|| failed(format!("unknown pool \"{wished}\"")))?;
            let free = first_free(pool, holder, holders);
            return match free {
                Some(ip) => Ok((ip, pool.name.clone())),
                None => Err(failed(format!("no available IPs in pool \"{wished}\""))),
            };
        }
        let mut automatic: Vec<&Pool> = pools
            .iter()
            .filter(|pool| pool.auto_assign && self.allows(pool, service))
            .collect();
        automatic.sort_by_key(|pool| match pool.allocation["priority"].as_i64() {
            None | Some(0) => i64::MAX,
            Some(priority) => priority,
        });
        let mut free = automatic
            .into_iter()
            .filter_map(|pool| Some((first_free(pool, holder, holders)?, pool.name.clone())));
        free.next()
            .ok_or_else(|| failed("no available IPs".to_owned()))
    }

    /// Whether `serviceAllocation` of a pool lets this Service in.
    fn allows(&self, pool: &Pool, service: &Value) -> bool {
        let allocation = &pool.allocation;
        let namespace = service["metadata"]["namespace"]
            .as_str()
            .unwrap_or_default();
        let names = texts(&allocation["namespaces"]);
        let list = |field: &str| allocation[field].as_array().cloned().unwrap_or_default();
        let (namespaces, services) = (list("namespaceSelectors"), list("serviceSelectors"));
        let labels = match self.store.get(Kind::Namespace, namespace) {
            Some(stored) => stored.object.value(namespace, 0)["metadata"]["labels"].clone(),
            None => Value::Null,
        };
        let is_open = names.is_empty() && namespaces.is_empty();
        let is_in = is_open
            || names.iter().any(|name| name == namespace)
            || namespaces.iter().any(|it| selects(it, &labels));
        let own = &service["metadata"]["labels"];
        is_in && (services.is_empty() || services.iter().any(|it| selects(it, own)))
    }

    fn write_assignment(&mut self, plan: &MetalLbPlan, key: &Key, ip: IpAddr, pool: &str) {
        self.set_ingress(key, &[json!({ "ip": ip.to_string() })]);
        if !plan.is_at_least(13, 9) {
            return;
        }
        let Some(stored) = self.store.get(Kind::Service, key) else {
            return;
        };
        let mut service = stored.object.value(key, stored.version);
        let annotation = format!("{}ip-allocated-from-pool", plan.prefix());
        if service["metadata"]["annotations"][&annotation] != json!(pool) {
            service["metadata"]["annotations"][&annotation] = json!(pool);
            self.settle(Kind::Service, key, service);
        }
    }

    /// Nothing for this Service; said once for each different reason.
    fn refuse(&mut self, key: &Key, refusal: Refusal) {
        self.set_ingress(key, &[]);
        let (namespace, name) = split_key(key);
        let message = match refusal.reason {
            "AllocationFailed" => {
                format!(
                    "Failed to allocate IP for \"{namespace}/{name}\": {}",
                    refusal.words
                )
            }
            _ => refusal.words,
        };
        if self.balancer.said.get(key) != Some(&message) {
            self.balancer.said.insert(key.clone(), message.clone());
            self.say_of_service(key, "Warning", refusal.reason, message, CONTROLLER, "");
        }
    }
}

const CONTROLLER: &str = "metallb-controller";

/// Whether this Service is for this MetalLB.
pub(super) fn is_mine(service: &Value, plan: &MetalLbPlan) -> bool {
    let class = service["spec"]["loadBalancerClass"].as_str();
    service["spec"]["type"] == "LoadBalancer"
        && class == plan.lb_class.as_deref()
        && service["metadata"]["deletionTimestamp"].is_null()
}

/// The addresses in its status.
pub(super) fn addresses(service: &Value) -> Vec<IpAddr> {
    let ingress = service["status"]["loadBalancer"]["ingress"].as_array();
    let ips = ingress
        .into_iter()
        .flatten()
        .filter_map(|it| it["ip"].as_str());
    ips.filter_map(|ip| ip.parse().ok()).collect()
}

fn wished_addresses(service: &Value, reads_new: bool) -> Vec<String> {
    let wished = annotation(service, "loadBalancerIPs", reads_new);
    let wished = wished.or_else(|| service["spec"]["loadBalancerIP"].as_str());
    let wished = wished.into_iter().flat_map(|it| it.split(','));
    wished.map(|it| it.trim().to_owned()).collect()
}

fn clash(holder: &Holder, ip: IpAddr, holders: &Holders) -> Option<String> {
    let others = holders.get(&ip).into_iter().flatten();
    others.into_iter().find_map(|other| holder.clash(other, ip))
}

fn first_free(pool: &Pool, holder: &Holder, holders: &Holders) -> Option<IpAddr> {
    pool.addresses()
        .find(|ip| clash(holder, *ip, holders).is_none())
}

fn kept_elsewhere(had: &[IpAddr], ip: IpAddr) -> bool {
    !had.contains(&ip)
}
