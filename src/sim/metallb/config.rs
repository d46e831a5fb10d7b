//! MetalLB's configuration, read from the objects in the store: the ConfigMap up to 0.12, custom resources from 0.13.
//!
//! Invariant: a configuration with a mistake is not used at all; the one before stays in force, as in MetalLB.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde_json::{Value, json};

use super::texts;
use crate::sim::object::Object;
use crate::sim::resource::Kind;
use crate::sim::scenario::MetalLbPlan;
use crate::sim::store::Key;
use crate::sim::world::World;

#[derive(Debug, Clone, Default)]
pub(super) struct Config {
    pub(super) pools: Vec<Pool>,
    pub(super) advertisements: Vec<Advertisement>,
}

#[derive(Debug, Clone)]
pub(super) struct Pool {
    pub(super) name: String,
    pub(super) labels: Value,
    pub(super) ranges: Vec<(IpAddr, IpAddr)>,
    pub(super) auto_assign: bool,
    pub(super) avoid_buggy: bool,
    /// `serviceAllocation`, or null.
    pub(super) allocation: Value,
}

#[derive(Debug, Clone)]
pub(super) struct Advertisement {
    pub(super) is_l2: bool,
    pub(super) pools: Vec<String>,
    pub(super) spec: Value,
}

impl World {
    pub(super) fn read_config(&mut self, plan: &MetalLbPlan) {
        let read = if plan.is_at_least(13, 0) {
            self.read_resources(plan)
        } else {
            self.read_config_map(plan)
        };
        match read {
            Ok(config) => {
                self.balancer.config = config;
                self.balancer.complaint = None;
            }
            Err(complaint) => self.balancer.complaint = Some(complaint),
        }
    }

    fn read_resources(&self, plan: &MetalLbPlan) -> Result<Config, String> {
        let place = format!("{}/", plan.namespace);
        let of = |kind| {
            let all = self.all(kind).into_iter();
            all.filter(|(key, _)| key.starts_with(&place))
        };
        let mut config = Config {
            pools: pools(plan, self.all(Kind::IpAddressPool))?,
            ..Config::default()
        };
        for (kind, is_l2) in [
            (Kind::L2Advertisement, true),
            (Kind::BgpAdvertisement, false),
        ] {
            let made = of(kind).map(|(_, value)| {
                let spec = value["spec"].clone();
                let pools = texts(&spec["ipAddressPools"]);
                Advertisement { is_l2, pools, spec }
            });
            config.advertisements.extend(made);
        }
        Ok(config)
    }

    fn read_config_map(&self, plan: &MetalLbPlan) -> Result<Config, String> {
        let key = format!("{}/config", plan.namespace);
        let Some(stored) = self.store.get(Kind::ConfigMap, &key) else {
            return Ok(Config::default());
        };
        let Object::Given(map) = &*stored.object else {
            return Ok(Config::default());
        };
        let text = map["data"]["config"].as_str().unwrap_or_default();
        let tree: Value = serde_yaml::from_str(text)
            .map_err(|error| format!("could not parse config: {error}"))?;
        let mut config = Config::default();
        for pool in tree["address-pools"].as_array().into_iter().flatten() {
            let name = pool["name"].as_str().ok_or("missing pool name")?.to_owned();
            let is_l2 = match pool["protocol"].as_str() {
                Some("layer2") => true,
                Some("bgp") => false,
                Some(other) => return Err(format!("unknown protocol \"{other}\"")),
                None => {
                    return Err(format!(
                        "parsing address pool {name}: missing the protocol field"
                    ));
                }
            };
            config.advertisements.push(Advertisement {
                is_l2,
                pools: vec![name.clone()],
                spec: json!({}),
            });
            config.pools.push(Pool {
                ranges: ranges(&name, &texts(&pool["addresses"]))?,
                labels: Value::Null,
                auto_assign: pool["auto-assign"].as_bool().unwrap_or(true),
                avoid_buggy: pool["avoid-buggy-ips"].as_bool().unwrap_or(false),
                allocation: Value::Null,
                name,
            });
        }
        overlaps(&config.pools)?;
        Ok(config)
    }
}

/// Pools out of their objects, or what is wrong with them together.
pub(super) fn pools(plan: &MetalLbPlan, all: Vec<(Key, Value)>) -> Result<Vec<Pool>, String> {
    let place = format!("{}/", plan.namespace);
    let mut pools = Vec::new();
    for (key, value) in all {
        let Some(name) = key.strip_prefix(&place) else {
            continue;
        };
        let spec = &value["spec"];
        pools.push(Pool {
            name: name.to_owned(),
            ranges: ranges(name, &texts(&spec["addresses"]))?,
            labels: value["metadata"]["labels"].clone(),
            auto_assign: spec["autoAssign"].as_bool().unwrap_or(true),
            avoid_buggy: spec["avoidBuggyIPs"].as_bool().unwrap_or(false),
            allocation: spec["serviceAllocation"].clone(),
        });
    }
    overlaps(&pools)?;
    Ok(pools)
}

impl Pool {
    pub(super) fn contains(&self, ip: IpAddr) -> bool {
        self.ranges
            .iter()
            .any(|(first, last)| *first <= ip && ip <= *last)
            && !(self.avoid_buggy && is_buggy(ip))
    }

    /// Its addresses in the order MetalLB tries them.
    pub(super) fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        let ranges = self.ranges.iter();
        let all = ranges.flat_map(|(first, last)| {
            std::iter::successors(Some(*first), |ip| next(*ip)).take_while(move |ip| ip <= last)
        });
        all.filter(|ip| !(self.avoid_buggy && is_buggy(*ip)))
    }
}

impl Advertisement {
    pub(super) fn takes(&self, pool: &Pool) -> bool {
        let selectors = self.spec["ipAddressPoolSelectors"].as_array();
        let selectors = selectors.map_or(&[][..], Vec::as_slice);
        let takes_all = self.pools.is_empty() && selectors.is_empty();
        takes_all
            || self.pools.contains(&pool.name)
            || selectors.iter().any(|it| super::selects(it, &pool.labels))
    }
}

/// The first and last address of each entry, or MetalLB's words about the first that is none.
fn ranges(pool: &str, entries: &[String]) -> Result<Vec<(IpAddr, IpAddr)>, String> {
    if entries.is_empty() {
        return Err(format!("pool \"{pool}\" has no prefixes defined"));
    }
    let invalid = |entry: &str| format!("invalid CIDR \"{entry}\" in pool \"{pool}\"");
    let range = |entry: &String| {
        if let Some((first, last)) = entry.split_once('-') {
            let first: IpAddr = first.trim().parse().map_err(|_| invalid(entry))?;
            let last: IpAddr = last.trim().parse().map_err(|_| invalid(entry))?;
            if last < first {
                return Err(format!(
                    "{}: invalid IP range \"{entry}\": start IP \"{first}\" is after the end IP \"{last}\"",
                    invalid(entry)
                ));
            }
            return Ok((first, last));
        }
        let (address, length) = entry.split_once('/').ok_or_else(|| invalid(entry))?;
        let address: IpAddr = address.parse().map_err(|_| invalid(entry))?;
        let length: u32 = length.parse().map_err(|_| invalid(entry))?;
        block(address, length).ok_or_else(|| invalid(entry))
    };
    entries.iter().map(range).collect()
}

fn block(address: IpAddr, length: u32) -> Option<(IpAddr, IpAddr)> {
    Some(match address {
        IpAddr::V4(address) => {
            let host = u32::MAX.checked_shr(length).unwrap_or(0);
            (length <= 32).then_some(())?;
            let bits = address.to_bits();
            (
                Ipv4Addr::from_bits(bits & !host).into(),
                Ipv4Addr::from_bits(bits | host).into(),
            )
        }
        IpAddr::V6(address) => {
            let host = u128::MAX.checked_shr(length).unwrap_or(0);
            (length <= 128).then_some(())?;
            let bits = address.to_bits();
            (
                Ipv6Addr::from_bits(bits & !host).into(),
                Ipv6Addr::from_bits(bits | host).into(),
            )
        }
    })
}

fn overlaps(pools: &[Pool]) -> Result<(), String> {
    let all = pools.iter();
    let all: Vec<_> = all
        .flat_map(|pool| pool.ranges.iter().map(move |it| (&pool.name, it)))
        .collect();
    for (index, (name, (first, last))) in all.iter().enumerate() {
        let others = all.iter().skip(index + 1);
        let mut clashing = others.filter(|(_, (from, to))| from <= last && first <= to);
        if let Some((other, (from, to))) = clashing.next() {
            return Err(format!(
                "CIDR \"{from}-{to}\" in pool \"{other}\" overlaps with already defined CIDR \"{first}-{last}\" in pool \"{name}\""
            ));
        }
    }
    Ok(())
}

fn next(ip: IpAddr) -> Option<IpAddr> {
    Some(match ip {
        IpAddr::V4(ip) => Ipv4Addr::from_bits(ip.to_bits().checked_add(1)?).into(),
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits().checked_add(1)?).into(),
    })
}

fn is_buggy(ip: IpAddr) -> bool {
    matches!(ip, IpAddr::V4(ip) if matches!(ip.octets()[3], 0 | 255))
}
