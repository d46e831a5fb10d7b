//! Virtual addresses: which Service has which, out of which pool, who announces it, what stands behind it, and, where it
//! is not well, why.
//!
//! Everything is decided here from the facts alone, again whenever they change; MetalLB's own rules are retraced, not
//! asked for. *What cannot be known is said to be unknown: nothing is guessed.*
//!
//! In reading order:
//!
//! - [`election`], [`speakers`], [`announcer`]: who announces on layer 2, and who would take over;
//! - [`pools`], [`request`], [`sharing`]: what can be asked for, and who may stand on one address;
//! - [`symptom`]: the list of what goes wrong; `pending`, `serving` and `cluster` are its rules;
//! - [`chain`]: the way from request to answer in words;
//! - [`probe`]: whether an address answers from here;
//! - [`wish`]: what a person wants, as changes to Services.

pub mod announcer;
pub mod chain;
mod cluster;
pub mod election;
mod pending;
pub mod pools;
pub mod probe;
pub mod request;
mod scene;
mod serving;
pub mod sharing;
pub mod speakers;
pub mod symptom;
#[cfg(test)]
pub(crate) mod testing;
pub mod wish;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::rack::Rack;
use crate::rack::endpoints::Readiness;
use crate::rack::facts::{Change, Fact};
use crate::rack::link::Source;
use crate::rack::node::NodeName;
use crate::rack::problem::{Problem, Severity, Subject};
use crate::rack::service::{Service, ServiceName, Wish};
use crate::rack::vip::announcer::Announcer;
use crate::rack::vip::chain::Step;
use crate::rack::vip::scene::Scene;
use crate::rack::vip::serving::Case;
use crate::rack::vip::symptom::{Finding, Symptom};

/// What is known of one Service's address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Vip {
    pub addresses: Vec<IpAddr>,
    pub pool: Option<Pooled>,
    /// `None` where MetalLB does not handle the Service, or it has no address.
    pub announcer: Option<Announcer>,
    /// `None` as long as endpoints are not read, or may not be.
    pub readiness: Option<Readiness>,
    /// Other Services on the same address.
    pub partners: Vec<ServiceName>,
    pub chain: Vec<Step>,
    /// What is wrong, the gravest cause first.
    pub findings: Vec<Finding>,
}

/// The pool of an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pooled {
    pub name: String,
    /// The controller wrote it down (since 0.13.9); else it was found by the ranges.
    pub is_recorded: bool,
}

/// Everything derived about all Services, and what is wrong with MetalLB itself.
#[derive(Debug, Clone, Default)]
pub struct Vips {
    of: BTreeMap<ServiceName, Vip>,
    /// The different addresses each node announces.
    by_node: BTreeMap<NodeName, BTreeSet<IpAddr>>,
    cluster: Vec<Finding>,
    /// Addresses in use, and all there are in pools; the latter `None` when it is practically unlimited or unknown.
    pub used: usize,
    pub capacity: Option<u64>,
}

/// A VIP that would move if a node went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    pub service: ServiceName,
    pub address: IpAddr,
    /// `None`: nobody could take it.
    pub to: Option<NodeName>,
}

impl Rack {
    /// Brings what is derived up to date with the facts; costs nothing when none have come.
    pub fn settle(&mut self) {
        if self.vips_are_old {
            self.derive_vips();
        }
    }

    pub(super) fn derive_vips(&mut self) {
        self.vips_are_old = false;
        self.vips = Vips::of(self);
    }

    /// How an attempt to connect ended.
    pub fn probed(&mut self, target: probe::Target, outcome: probe::Outcome) {
        self.probes.push(target, outcome);
    }
}

/// Whether news can change what is derived at once. Time can as well: a node dies by silence, which the survey sees.
pub(super) fn depends_on(fact: &Fact, rack: &Rack) -> bool {
    match fact {
        Fact::Contact
        | Fact::Cluster(_)
        | Fact::Leases(_)
        | Fact::Events(_)
        | Fact::Usage(_)
        | Fact::Link(_) => false,
        Fact::Pods(Change::Applied(pod) | Change::Deleted(pod)) => {
            rack.metallb.namespace() == Some(&*pod.namespace)
        }
        // A kubelet's report is a change of its Node every few seconds; the survey takes it in.
        Fact::Nodes(Change::Applied(node)) => rack.node(&node.name).is_none_or(|known| {
            known.ready() != node.ready()
                || known.labels != node.labels
                || known.unschedulable != node.unschedulable
        }),
        _ => true,
    }
}

impl Vips {
    /// Derives everything from the facts.
    pub fn of(rack: &Rack) -> Vips {
        let scene = Scene::of(rack);
        let capacity = scene.pools.all.iter().try_fold(0_u64, |sum, pool| {
            use crate::rack::pools::range::Family;
            let all = pool
                .space
                .capacity(Family::V4)
                .saturating_add(pool.space.capacity(Family::V6));
            u64::try_from(all)
                .ok()
                .filter(|it| *it < 1 << 32)
                .map(|it| sum + it)
        });
        let mut vips = Vips {
            of: BTreeMap::new(),
            by_node: BTreeMap::new(),
            cluster: cluster::findings(&scene),
            used: scene.pools.taken.len(),
            capacity: capacity.filter(|it| *it > 0),
        };
        for service in rack.services.iter() {
            vips.of.insert(service.name.clone(), read(&scene, service));
        }
        vips.by_node = by_node(&vips.of);
        vips
    }

    pub fn get(&self, service: &ServiceName) -> Option<&Vip> {
        self.of.get(service)
    }

    /// What belongs to no single Service.
    pub fn cluster(&self) -> &[Finding] {
        &self.cluster
    }

    pub fn problems(&self) -> impl Iterator<Item = &Problem> {
        let of_services = self.of.values().flat_map(|vip| &vip.findings);
        self.cluster.iter().chain(of_services).map(|it| &it.problem)
    }

    /// What `node` announces on layer 2, and who would take each over.
    pub fn moves(&self, node: &NodeName) -> Vec<Move> {
        let on_node = self.of.iter().filter_map(|(service, vip)| {
            let announcer = vip
                .announcer
                .as_ref()
                .filter(|it| it.node() == Some(node))?;
            Some(Move {
                service: service.clone(),
                address: *vip.addresses.first()?,
                to: announcer.after(node).cloned(),
            })
        });
        on_node.collect()
    }

    /// How many different addresses `node` announces.
    pub fn announced_by(&self, node: &NodeName) -> usize {
        self.by_node.get(node).map_or(0, BTreeSet::len)
    }
}

fn by_node(of: &BTreeMap<ServiceName, Vip>) -> BTreeMap<NodeName, BTreeSet<IpAddr>> {
    let mut by_node = BTreeMap::<NodeName, BTreeSet<IpAddr>>::new();
    for vip in of.values() {
        let Some(address) = vip.addresses.first() else {
            continue;
        };
        for node in vip.announcer.iter().flat_map(|it| &it.nodes) {
            by_node.entry(node.clone()).or_default().insert(*address);
        }
    }
    by_node
}

impl Vip {
    /// The gravest thing wrong, if any.
    pub fn worst(&self) -> Option<&Problem> {
        // The first of equals: the rules are in the order of cause and effect.
        let problems = self.findings.iter().map(|it| &it.problem);
        problems.min_by_key(|problem| problem.severity)
    }

    pub fn severity(&self) -> Option<Severity> {
        self.worst().map(|problem| problem.severity)
    }

    pub fn has(&self, symptom: Symptom) -> bool {
        self.findings.iter().any(|it| it.symptom == symptom)
    }
}

fn read(scene: &Scene<'_>, service: &Service) -> Vip {
    let readiness = scene
        .knows(Source::EndpointSlices)
        .then(|| scene.rack.services.readiness(&service.name));
    let mut vip = Vip {
        readiness,
        ..Vip::default()
    };
    if !service.is_load_balancer() {
        vip.findings.extend(inside(service, readiness));
        return vip;
    }
    vip.addresses = service.addresses().collect();
    let Some(address) = vip.addresses.first().copied() else {
        if service.ingress.is_empty() {
            vip.findings.extend(pending::why(scene, service));
        }
        vip.chain = chain::of(scene, service, &vip);
        return vip;
    };
    vip.pool = pooled(scene, service, address);
    vip.partners = (scene.pools.sharers(address, &service.name))
        .map(|it| it.name.clone())
        .collect();
    vip.announcer = scene
        .handles_class(service)
        .then(|| announcer::find(scene, service, address));
    vip.findings = serving::findings(&Case {
        scene,
        service,
        address,
        announcer: vip.announcer.as_ref(),
    });
    vip.findings.extend(silent(scene, service, &vip));
    vip.chain = chain::of(scene, service, &vip);
    vip
}

fn pooled(scene: &Scene<'_>, service: &Service, address: IpAddr) -> Option<Pooled> {
    // The controller wrote the old prefix up to 0.14.8 and the new one since; either is its word.
    let recorded = service.annotation(Wish::AllocatedFrom).map(|it| it.value);
    let recorded = recorded.filter(|name| !name.is_empty());
    let found = scene.pools.holding(address).map(|pool| pool.name);
    let name = recorded.or(found)?;
    Some(Pooled {
        name: name.to_owned(),
        is_recorded: recorded.is_some(),
    })
}

/// A Service inside the cluster whose pods are all missing.
fn inside(service: &Service, readiness: Option<Readiness>) -> Option<Finding> {
    let readiness = readiness?;
    if readiness.serving > 0 || service.selector.is_empty() {
        return None;
    }
    let why = match readiness.total {
        0 => format!("its selector {} matches no pod", serving::selector(service)),
        total => format!("none of its {total} endpoints is ready"),
    };
    let what = format!("service {} has nothing behind it", service.name);
    let about = Subject::Service(service.name.clone());
    let problem = Problem::new(Severity::Note, about, what).why(why);
    Some(Finding::new(
        Symptom::NoEndpoints,
        problem.next("see its pods, or its selector"),
    ))
}

/// The address does not answer from here, though nothing else speaks against it.
fn silent(scene: &Scene<'_>, service: &Service, vip: &Vip) -> Option<Finding> {
    if vip.severity() == Some(Severity::Critical) {
        return None;
    }
    let (target, history) = vip.addresses.iter().find_map(|address| {
        let ports = service
            .ports
            .iter()
            .filter(|it| it.protocol == crate::rack::service::Protocol::Tcp);
        let mut targets = ports.map(|it| probe::Target {
            address: *address,
            port: it.port,
        });
        targets.find_map(|target| {
            let history = scene.rack.probes.get(&target)?;
            (history.silent_for() >= 2).then_some((target, history))
        })
    })?;
    let what = format!("service {} does not answer on {target}", service.name);
    let about = Subject::Service(service.name.clone());
    let why = match history.last() {
        Some(probe::Outcome::Refused) => {
            "the connection is refused: the address is here, the port is not served"
        }
        _ => "no connection from here; the address may not be announced into this network",
    };
    let mut problem = Problem::new(Severity::Warning, about, what).why(why).next(
        "try it from a machine in the same network; compare the announcing node's MAC with arp",
    );
    if let Some(node) = vip.announcer.as_ref().and_then(Announcer::node) {
        problem = problem.evidence(format!("announced by {node}"));
    }
    Some(Finding::new(Symptom::Silent, problem))
}

#[cfg(test)]
mod tests;
