//! The cluster's own configuration, in the same terms as a file's: what the pane and `bramble pools` show.
//!
//! The objects come as the JSON they are, which the reader of files reads too: there is one understanding of a pool.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::rack::Rack;
use crate::rack::metallb::{BgpMode, Era};
use crate::rack::pools::check::{Facts, Mode};
use crate::rack::pools::convert::Asking;
use crate::rack::pools::impact::Holder;
use crate::rack::pools::object::{Body, Object, ObjectKind, Pool, Protocol};
use crate::rack::pools::propose::Network;
use crate::rack::pools::range::{AddressRange, Family, canonical};
use crate::rack::pools::read::{Form, read};
use crate::rack::service::{Service, Wish};

/// The objects that MetalLB reads: those of its namespace, of the world its release lives in.
pub fn objects(rack: &Rack) -> Vec<Object> {
    let version = rack.metallb.version();
    let is_legacy = rack.metallb.era(&rack.link) == Era::ConfigMap;
    if is_legacy {
        let config = rack.metallb.config_map().and_then(|it| it.config.as_ref());
        return config
            .map(|it| read(it.as_str(), Form::Inner, version).objects)
            .unwrap_or_default();
    }
    let home = rack.metallb.namespace();
    let here = rack
        .metallb
        .heads()
        .filter(|head| home.is_none_or(|it| it == &*head.namespace) && head.deleted.is_none());
    let objects = here.flat_map(|head| read(head.manifest.as_str(), Form::File, version).objects);
    objects.filter(|it| !it.head.kind.is_legacy()).collect()
}

/// What a check of an edit should know of this cluster.
/// `dhcp` is added to what the user's settings say.
pub fn facts(rack: &Rack, dhcp: &[AddressRange]) -> Facts {
    let metallb = &rack.metallb;
    Facts {
        version: metallb.version(),
        mode: match metallb.bgp_mode() {
            None => Mode::Unknown,
            Some(BgpMode::Native) => Mode::Native,
            Some(BgpMode::Frr) => Mode::Frr,
        },
        namespace: metallb.namespace().map(Into::into),
        config_map: metallb.config_map().map(|it| it.head.name.clone()),
        nodes: node_addresses(rack)
            .map(|(name, it)| (name.into(), it))
            .collect(),
        node_labels: Some(
            rack.nodes()
                .map(|node| (node.name.as_str().into(), node.labels.clone()))
                .collect(),
        ),
        gateways: rack.network.gateways.clone(),
        dhcp: [&rack.network.dhcp, dhcp].concat(),
        ..Facts::default()
    }
}

fn node_addresses(rack: &Rack) -> impl Iterator<Item = (&str, IpAddr)> {
    rack.nodes()
        .filter_map(|node| Some((node.name.as_str(), node.internal_ip()?.parse().ok()?)))
}

/// The Services an edit may take addresses from: MetalLB's own, by its class.
pub fn holders(rack: &Rack) -> Vec<Holder> {
    let class = rack.metallb.lb_class();
    let reads_new = rack
        .metallb
        .version()
        .is_none_or(|it| it.is_at_least(14, 9));
    let ours = rack
        .services
        .iter()
        .filter(|it| it.is_load_balancer() && it.class.as_deref() == class);
    ours.map(|service| holder(rack, service, reads_new))
        .collect()
}

fn wish(service: &Service, wish: Wish, reads_new: bool) -> Option<&str> {
    if reads_new {
        service.annotation(wish).map(|it| it.value)
    } else {
        service.old_annotation(wish)
    }
}

fn holder(rack: &Rack, service: &Service, reads_new: bool) -> Holder {
    let by_annotation = wish(service, Wish::Addresses, reads_new)
        .into_iter()
        .flat_map(|it| it.split(','));
    let by_field = service.load_balancer_ip.as_deref();
    let wanted = by_annotation
        .chain(by_field)
        .filter_map(|it| it.trim().parse().ok());
    let families = service
        .cluster_ips
        .iter()
        .filter_map(|it| it.parse().ok())
        .map(Family::of);
    Holder {
        service: service.name.to_string(),
        namespace: service.name.namespace.clone(),
        labels: service.labels.clone(),
        namespace_labels: rack
            .namespace_labels(&service.name.namespace)
            .cloned()
            .unwrap_or_default(),
        addresses: service.addresses().collect(),
        wants_addresses: wanted.collect(),
        wants_pool: wish(service, Wish::Pool, reads_new).map(Into::into),
        families: families.collect(),
    }
}

/// Services that ask for a pool by name: what a conversion must not leave behind.
pub fn asking(rack: &Rack) -> Vec<Asking> {
    let asking = |it: Holder| {
        Some(Asking {
            pool: it.wants_pool?.into(),
            service: it.service,
        })
    };
    holders(rack).into_iter().filter_map(asking).collect()
}

/// What is known of the network, for proposals.
pub fn network(rack: &Rack, dhcp: &[AddressRange]) -> Network {
    let pools = objects(rack);
    let ranges = pools.iter().filter_map(|it| {
        if let Body::Pool(pool) = &it.body {
            Some(pool)
        } else {
            None
        }
    });
    let held = rack
        .services
        .iter()
        .flat_map(Service::addresses)
        .map(AddressRange::single);
    Network {
        nodes: node_addresses(rack).map(|(_, it)| it).collect(),
        gateways: rack.network.gateways.clone(),
        dhcp: [&rack.network.dhcp, dhcp].concat(),
        taken: ranges.flat_map(Pool::ranges).chain(held).collect(),
    }
}

/// One pool as a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolView {
    pub name: String,
    pub addresses: Vec<String>,
    pub auto_assign: bool,
    pub avoids_buggy: bool,
    /// Addresses that Services have and that may be handed out, in both families.
    pub used: [u128; 2],
    pub capacity: [u128; 2],
    /// Names of the advertisements that choose it; the protocol for pools of the ConfigMap. Empty: nobody.
    pub announced_by: Vec<String>,
    /// Services on its addresses, each address with its Services.
    pub holders: BTreeMap<IpAddr, Vec<String>>,
}

/// All pools with what is used of them.
pub fn views(rack: &Rack) -> Vec<PoolView> {
    let objects = objects(rack);
    let mut taken: BTreeMap<IpAddr, Vec<String>> = BTreeMap::new();
    for service in rack.services.iter().filter(|it| it.is_load_balancer()) {
        for address in service.addresses().map(canonical) {
            taken
                .entry(address)
                .or_default()
                .push(service.name.to_string());
        }
    }
    let pools = objects.iter().filter_map(|object| match &object.body {
        Body::Pool(pool) => Some(view(object, pool, &objects, &taken)),
        _ => None,
    });
    pools.collect()
}

fn view(
    object: &Object,
    pool: &Pool,
    all: &[Object],
    taken: &BTreeMap<IpAddr, Vec<String>>,
) -> PoolView {
    let space = pool.space();
    let holders: BTreeMap<IpAddr, Vec<String>> = taken
        .iter()
        .filter(|(address, _)| space.contains(**address))
        .map(|(it, who)| (*it, who.clone()))
        .collect();
    let addresses: BTreeSet<IpAddr> = holders.keys().copied().collect();
    let numbers = |family| {
        let capacity = space.capacity(family);
        (
            capacity - space.free_count(family, &addresses).min(capacity),
            capacity,
        )
    };
    let (v4, v6) = (numbers(Family::V4), numbers(Family::V6));
    PoolView {
        name: object.head.name.value.to_string(),
        addresses: pool
            .addresses
            .iter()
            .map(|it| it.text.to_string())
            .collect(),
        auto_assign: pool.auto_assign,
        avoids_buggy: pool.avoids_buggy,
        used: [v4.0, v6.0],
        capacity: [v4.1, v6.1],
        announced_by: announced_by(object, pool, all),
        holders,
    }
}

fn announced_by(object: &Object, pool: &Pool, all: &[Object]) -> Vec<String> {
    let name = &object.head.name;
    if object.head.kind != ObjectKind::IpAddressPool {
        let protocol = pool.protocol.as_ref().and_then(|it| it.value.as_ref().ok());
        let word = |it: &Protocol| {
            if *it == Protocol::Layer2 {
                "layer2".to_owned()
            } else {
                "bgp".to_owned()
            }
        };
        return protocol.map(word).into_iter().collect();
    }
    let chooses = |it: &&Object| match &it.body {
        Body::L2Advertisement(it) => it.selection.takes_pool(name, &object.head.labels),
        Body::BgpAdvertisement(it) => it.selection.takes_pool(name, &object.head.labels),
        _ => false,
    };
    all.iter()
        .filter(chooses)
        .map(|it| it.head.title())
        .collect()
}

#[cfg(test)]
mod tests;
