//! The simulated MetalLB: a controller that hands out addresses and speakers that elect who announces them.
//!
//! It follows the rules of the version the scenario names, as they were read from MetalLB's source, in code of its own:
//! the cockpit's rules must not be able to hide their mistakes here. Invariant: what it decides depends only on the
//! objects in the store and on which boards live.

mod allocate;
mod announce;
mod config;
mod peers;
mod sharing;
mod states;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde_json::{Value, json};

use super::agenda::Job;
use super::event::Event;
use super::resource::{Kind, split_key};
use super::stamp;
use super::store::Key;
use super::world::World;
use config::Config;

/// What MetalLB remembers between two looks.
#[derive(Debug, Clone, Default)]
pub(crate) struct Balancer {
    /// The last configuration that could be used.
    config: Config,
    /// What was wrong with the one now in the store.
    complaint: Option<String>,
    /// Addresses by Service, with the pool they are from.
    given: BTreeMap<Key, (Vec<IpAddr>, String)>,
    /// The last words about each Service, so that nothing is said twice.
    said: BTreeMap<Key, String>,
    /// Who announces each Service on layer 2.
    announcers: BTreeMap<Key, Key>,
    /// Who announces each Service by BGP.
    routers: BTreeMap<Key, BTreeSet<Key>>,
    /// While the rack is made nothing is said of what went well: it was said long ago.
    pub(crate) is_quiet: bool,
}

impl World {
    /// One look of the controller and of all speakers.
    pub(crate) fn settle_metallb(&mut self) {
        let Some(plan) = self.scenario.metallb.clone() else {
            return;
        };
        self.read_config(&plan);
        let has = |world: &Self, component: &str| {
            let labels = |labels: &BTreeMap<String, String>| {
                labels.get("component").is_some_and(|it| it == component)
            };
            world.workloads.iter().any(|(it, _)| labels(&it.own_labels))
        };
        if plan.controller && has(self, "controller") {
            self.allocate(&plan);
        }
        if plan.speakers && has(self, "speaker") {
            self.announce(&plan);
        }
        self.settle_pool_statuses(&plan);
        self.settle_states(&plan);
    }

    /// k3s's own balancer gives every Service the addresses of the ready nodes, again and again.
    pub(crate) fn servicelb(&mut self) {
        let nodes = self.machines.iter().filter(|(name, _)| self.is_well(name));
        let ips: Vec<String> = nodes.map(|(_, it)| it.node.ip.to_string()).collect();
        for (key, service) in self.all(Kind::Service) {
            let is_mine = service["spec"]["type"] == "LoadBalancer"
                && service["spec"]["loadBalancerClass"].is_null();
            if !is_mine {
                continue;
            }
            let entry = |ip: &String| json!({ "ip": ip, "ipMode": "VIP" });
            let ingress: Vec<Value> = ips.iter().map(entry).collect();
            if self.set_ingress(&key, &ingress) {
                let message = format!(
                    "LoadBalancer Ingress IP addresses updated: {}",
                    ips.join(", ")
                );
                let source = "service-lb-controller";
                self.say_of_service(&key, "Normal", "UpdatedLoadBalancer", message, source, "");
            }
        }
        let again = self.now + std::time::Duration::from_secs(6);
        self.agenda.add(again, Job::ServiceLb);
    }

    /// Writes the addresses of a Service, if they are others than before.
    fn set_ingress(&mut self, key: &Key, ingress: &[Value]) -> bool {
        let Some(stored) = self.store.get(Kind::Service, key) else {
            return false;
        };
        let mut service = stored.object.value(key, stored.version);
        let before = service["status"]["loadBalancer"]["ingress"].clone();
        let after = match ingress {
            [] => Value::Null,
            some => json!(some),
        };
        if before == after {
            return false;
        }
        service["status"]["loadBalancer"] = match ingress {
            [] => json!({}),
            some => json!({ "ingress": some }),
        };
        self.settle(Kind::Service, key, service);
        true
    }

    /// An event about a Service.
    fn say_of_service(
        &mut self,
        key: &Key,
        severity: &'static str,
        reason: &'static str,
        message: String,
        component: &'static str,
        host: &str,
    ) {
        let is_old_news = self.balancer.is_quiet && severity == "Normal";
        let Some(stored) = self.store.get(Kind::Service, key) else {
            return;
        };
        if is_old_news {
            return;
        }
        let (namespace, name) = split_key(key);
        let at = stamp::now();
        let event = Event {
            about: "Service",
            object: name.to_owned(),
            object_namespace: namespace.to_owned(),
            object_uid: stored.object.uid(key),
            severity,
            reason,
            message,
            component,
            host: host.to_owned(),
            first: at,
            last: at,
            count: 1,
        };
        self.say(event);
    }
}

/// What the webhook says about an object that is to be stored under `key`; `None` when it may be.
pub(crate) fn complaint_about(
    world: &World,
    kind: Kind,
    key: &str,
    object: &Value,
) -> Option<String> {
    let plan = world.scenario.metallb.as_ref()?;
    let mut all = world.all(kind);
    all.retain(|(known, _)| **known != *key);
    all.push((key.into(), object.clone()));
    match kind {
        Kind::IpAddressPool => config::pools(plan, all).err(),
        Kind::BgpPeer => peers::complaint(&object["spec"]),
        _ => None,
    }
}

/// A MetalLB annotation, under whichever prefix this version reads.
fn annotation<'a>(service: &'a Value, key: &str, reads_new: bool) -> Option<&'a str> {
    let annotations = service["metadata"]["annotations"].as_object()?;
    let under = |prefix: &str| annotations.get(&format!("{prefix}{key}"))?.as_str();
    let new = under("metallb.io/").filter(|_| reads_new);
    new.or_else(|| under("metallb.universe.tf/"))
}

/// Whether a label selector holds for these labels.
fn selects(selector: &Value, labels: &Value) -> bool {
    let label = |key: &str| labels.get(key).and_then(Value::as_str);
    let wanted = selector["matchLabels"].as_object().into_iter().flatten();
    let mut wanted = wanted.map(|(key, value)| label(key) == value.as_str());
    let expressions = selector["matchExpressions"].as_array();
    let mut expressions = expressions.into_iter().flatten().map(|it| {
        let value = label(it["key"].as_str().unwrap_or_default());
        let values = it["values"].as_array().into_iter().flatten();
        let is_listed = value.is_some() && values.into_iter().any(|it| it.as_str() == value);
        match it["operator"].as_str().unwrap_or_default() {
            "In" => is_listed,
            "NotIn" => !is_listed,
            "Exists" => value.is_some(),
            "DoesNotExist" => value.is_none(),
            _ => false,
        }
    });
    wanted.all(|it| it) && expressions.all(|it| it)
}

/// Texts of a list of texts.
fn texts(value: &Value) -> Vec<String> {
    let all = value.as_array().into_iter().flatten();
    all.filter_map(|it| it.as_str().map(str::to_owned))
        .collect()
}
