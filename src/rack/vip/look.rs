//! What has to be decided again when a fact comes: one Service, those it shares an address with, or everything.
//!
//! A rack with two thousand Services gets hundreds of changes a second, nearly all of them about one Service each.
//! Invariant: after a look every Service is as [`Vips::of`] would have it. Two things only a thorough look sees, once a
//! second: what is wrong with the cluster as a whole, and what the passing of time makes of old facts.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::scene::Scene;
use super::speakers::Speakers;
use super::{Vip, Vips, cluster, probe, read};
use crate::rack::Rack;
use crate::rack::facts::{Change, Fact};
use crate::rack::node::NodeName;
use crate::rack::pools::range::{Family, canonical};
use crate::rack::service::{Service, ServiceName};
use crate::rack::workload::{Part, Workload};

/// What news have come since the last look.
#[derive(Debug, Clone, Default)]
pub(in crate::rack) struct Dirt {
    /// Something that all Services depend on.
    pub(super) is_all: bool,
    pub(super) services: BTreeSet<ServiceName>,
    /// One of them has changed in what decides whether another one gets its address.
    pub(super) others_care: bool,
}

/// How closely to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// At what the news are about.
    Quick,
    /// Also at the cluster, and at what time alone may have changed.
    Thorough,
}

impl Rack {
    /// Brings what is derived up to date with the facts; costs nothing when none have come.
    pub fn settle(&mut self) {
        if self.dirt.is_all || !self.dirt.services.is_empty() {
            self.look_at_vips(Look::Quick);
        }
    }

    pub(in crate::rack) fn derive_vips(&mut self) {
        self.look_at_vips(Look::Thorough);
    }

    fn look_at_vips(&mut self, look: Look) {
        let dirt = std::mem::take(&mut self.dirt);
        let mut vips = std::mem::take(&mut self.vips);
        vips.look_again(self, dirt, look);
        self.vips = vips;
    }

    /// How an attempt to connect ended.
    pub fn probed(&mut self, target: probe::Target, outcome: probe::Outcome) {
        self.probes.push(target, outcome);
    }
}

impl Dirt {
    /// Takes in what a fact is about, before the rack does. Time changes things as well: a node dies by silence, which
    /// the thorough look sees.
    pub(in crate::rack) fn note(&mut self, fact: &Fact, rack: &Rack) {
        match fact {
            Fact::Contact
            | Fact::Cluster(_)
            | Fact::Leases(_)
            | Fact::Events(_)
            | Fact::Usage(_)
            | Fact::StorageClasses(_)
            | Fact::Claims(_)
            | Fact::Volumes(_)
            | Fact::Provisioners(_)
            | Fact::StorageEvents(_)
            | Fact::Link(_)
            | Fact::ServiceEvents(Change::Deleted(_)) => {}
            Fact::Pods(Change::Applied(pod) | Change::Deleted(pod)) => {
                self.is_all |= rack.metallb.namespace() == Some(&*pod.namespace);
            }
            // A kubelet's report is a change of its Node every few seconds; the thorough look takes it in.
            Fact::Nodes(Change::Applied(node)) => {
                self.is_all |= rack.node(&node.name).is_none_or(|known| {
                    known.ready() != node.ready()
                        || known.labels != node.labels
                        || known.unschedulable != node.unschedulable
                        || known.addresses != node.addresses
                });
            }
            // The DaemonSets of others change whenever one of their pods does.
            Fact::Workloads(_, Change::Applied(it) | Change::Deleted(it)) => {
                self.is_all |= it.part != Part::Other || rack.metallb.workloads().any(is(it));
            }
            Fact::Services(Change::Applied(it)) => {
                let known = rack.services.get(&it.name);
                self.others_care |= known.is_none_or(|known| others_care(known, it));
                self.services.insert(it.name.clone());
            }
            Fact::Services(Change::Deleted(it)) => {
                self.others_care = true;
                self.services.insert(it.name.clone());
            }
            Fact::ServiceEvents(Change::Applied(it)) => {
                self.services.insert(it.service.clone());
            }
            Fact::EndpointSlices(Change::Applied(it) | Change::Deleted(it)) => {
                let before = rack.services.owner_of_slice(it);
                self.services.extend(before.cloned());
                self.services.extend(it.service.clone());
            }
            Fact::L2Statuses(Change::Applied(it) | Change::Deleted(it)) => {
                let before = rack.services.owner_of_l2(it);
                self.services.extend(before.cloned());
                self.services.extend(it.service.clone());
            }
            Fact::BgpStatuses(Change::Applied(it) | Change::Deleted(it)) => {
                let before = rack.services.owner_of_bgp(it);
                self.services.extend(before.cloned());
                self.services.extend(it.service.clone());
            }
            _ => self.is_all = true,
        }
    }
}

/// A change that others on the address, or waiting for it, can feel.
fn others_care(before: &Service, now: &Service) -> bool {
    before.ingress != now.ingress
        || before.kind != now.kind
        || before.ports != now.ports
        || before.annotations != now.annotations
        || before.external_traffic != now.external_traffic
        || before.selector != now.selector
}

fn is(workload: &Workload) -> impl Fn(&Workload) -> bool {
    move |known| {
        (known.kind, &known.namespace, &known.name)
            == (workload.kind, &workload.namespace, &workload.name)
    }
}

impl Vips {
    pub(super) fn look_again(&mut self, rack: &Rack, mut dirt: Dirt, look: Look) {
        self.looks += 1;
        let mut speakers = std::mem::take(&mut self.speakers);
        if dirt.is_all || look == Look::Thorough {
            let now = Speakers::of(rack, rack.metallb.version());
            dirt.is_all |= now != speakers;
            speakers = now;
        }
        let scene = Scene::of(rack, &speakers);
        if dirt.is_all {
            self.of.retain(|name, _| rack.services.get(name).is_some());
            self.by_node.clear();
            self.troubled.clear();
            self.shape += 1;
            for service in rack.services.iter() {
                let before = self.of.get(&service.name);
                let vip = read(&scene, service, before);
                count(&mut self.by_node, &vip, true);
                if vip.trouble().is_some() {
                    self.troubled.insert(service.name.clone());
                }
                self.of.insert(service.name.clone(), vip);
            }
        } else {
            if look == Look::Thorough {
                dirt.services.extend(self.restless(&scene));
            }
            self.touched_by(&mut dirt, &scene);
            for name in &dirt.services {
                self.look_at(&scene, name);
            }
        }
        if dirt.is_all || look == Look::Thorough {
            self.cluster = cluster::findings(&scene);
        }
        self.used = scene.pools.taken.len();
        self.capacity = capacity(&scene);
        self.speakers = speakers;
    }

    fn look_at(&mut self, scene: &Scene<'_>, name: &ServiceName) {
        let before = self.of.remove(name);
        if let Some(before) = &before {
            count(&mut self.by_node, before, false);
        }
        if let Some(service) = scene.rack.services.get(name) {
            let vip = read(scene, service, before.as_ref());
            count(&mut self.by_node, &vip, true);
            self.set_troubled(name, vip.trouble().is_some());
            self.of.insert(name.clone(), vip);
        } else {
            self.set_troubled(name, false);
        }
    }

    fn set_troubled(&mut self, name: &ServiceName, is_troubled: bool) {
        let is_news = if is_troubled {
            self.troubled.insert(name.clone())
        } else {
            self.troubled.remove(name)
        };
        self.shape += u64::from(is_news);
    }

    /// Services whose words may be others a second later: those in trouble, and those that are probed.
    fn restless(&self, scene: &Scene<'_>) -> Vec<ServiceName> {
        let troubled = self.of.iter().filter(|(_, vip)| !vip.findings.is_empty());
        let troubled = troubled.map(|(name, _)| name.clone());
        let probed = scene.rack.probes.addresses();
        let probed = probed.filter_map(|it| scene.pools.taken.get(&canonical(it)));
        let probed = probed.flatten().cloned();
        troubled.chain(probed).collect()
    }

    /// Adds what changes together with these Services: whoever stands on an address of theirs, before or now, and, when
    /// it matters to others, everybody who waits for an address.
    fn touched_by(&self, dirt: &mut Dirt, scene: &Scene<'_>) {
        let mut others = BTreeSet::new();
        for name in &dirt.services {
            let before = self.of.get(name).map_or(&[][..], |vip| &vip.addresses);
            let now = scene.rack.services.get(name);
            let now = now.into_iter().flat_map(Service::addresses);
            for address in before.iter().copied().chain(now) {
                let there = scene.pools.taken.get(&canonical(address));
                others.extend(there.into_iter().flatten().cloned());
            }
        }
        if dirt.others_care {
            let waits = |(_, vip): &(&ServiceName, &Vip)| vip.addresses.is_empty();
            others.extend(self.of.iter().filter(waits).map(|(name, _)| name.clone()));
        }
        dirt.services.extend(others);
    }
}

/// Counts what is announced from each node, or takes it off again.
fn count(by_node: &mut BTreeMap<NodeName, BTreeMap<IpAddr, usize>>, vip: &Vip, is_there: bool) {
    let Some(address) = vip.addresses.first() else {
        return;
    };
    for node in vip.announcer.iter().flat_map(|it| &it.nodes) {
        if is_there {
            let of_node = by_node.entry(node.clone()).or_default();
            *of_node.entry(*address).or_default() += 1;
        } else if let Some(of_node) = by_node.get_mut(node)
            && let Some(services) = of_node.get_mut(address)
        {
            *services -= 1;
            if *services == 0 {
                of_node.remove(address);
            }
        }
    }
}

fn capacity(scene: &Scene<'_>) -> Option<u64> {
    let all = scene.pools.all.iter().try_fold(0_u64, |sum, pool| {
        let all = pool
            .space
            .capacity(Family::V4)
            .saturating_add(pool.space.capacity(Family::V6));
        u64::try_from(all)
            .ok()
            .filter(|it| *it < 1 << 32)
            .map(|it| sum + it)
    });
    all.filter(|it| *it > 0)
}

#[cfg(test)]
mod tests;
