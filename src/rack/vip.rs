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
//! - `look`: what has to be decided again when a fact comes, and what need not;
//! - [`probe`]: whether an address answers from here;
//! - [`wish`]: what a person wants, as changes to Services.

pub mod announcer;
pub mod chain;
mod cluster;
pub mod election;
mod look;
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
use crate::rack::link::Source;
use crate::rack::node::NodeName;
use crate::rack::problem::{Problem, Severity, Subject};
use crate::rack::service::{Service, ServiceName, Wish};
use crate::rack::vip::announcer::Announcer;
use crate::rack::vip::chain::Step;
pub(super) use crate::rack::vip::look::Dirt;
use crate::rack::vip::look::Look;
use crate::rack::vip::scene::Scene;
use crate::rack::vip::serving::Case;
use crate::rack::vip::speakers::Speakers;
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
    /// The different addresses each node announces, with how many Services are on each.
    by_node: BTreeMap<NodeName, BTreeMap<IpAddr, usize>>,
    cluster: Vec<Finding>,
    speakers: Speakers,
    looks: u64,
    /// Services with a problem that is shown below their row.
    troubled: BTreeSet<ServiceName>,
    /// Another number: others are troubled.
    shape: u64,
    /// Addresses in use, and all there are in pools; the latter `None` when it is practically unlimited or unknown.
    pub used: usize,
    pub capacity: Option<u64>,
}

/// A VIP that would move if a node went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    pub service: ServiceName,
    pub address: IpAddr,
    pub to: Takeover,
}

/// Who would announce an address next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Takeover {
    Node(NodeName),
    /// No other node may announce it.
    Nobody,
    /// The order was not computed: there are too many nodes.
    Unknown,
}

impl Vips {
    /// Derives everything from the facts.
    pub fn of(rack: &Rack) -> Vips {
        let mut vips = Vips::default();
        let everything = Dirt {
            is_all: true,
            ..Dirt::default()
        };
        vips.look_again(rack, everything, Look::Thorough);
        vips
    }

    pub fn get(&self, service: &ServiceName) -> Option<&Vip> {
        self.of.get(service)
    }

    /// How often anything was looked at: as long as it is the same, nothing here is another.
    pub fn looks(&self) -> u64 {
        self.looks
    }

    /// Something is wrong with this Service that is worth a line of its own.
    pub fn is_troubled(&self, service: &ServiceName) -> bool {
        self.troubled.contains(service)
    }

    /// As long as it is the same, the same Services are troubled.
    pub fn shape(&self) -> u64 {
        self.shape
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
                to: match announcer.after(node) {
                    Some(next) => Takeover::Node(next.clone()),
                    None if announcer.candidates.nodes.len() > announcer.order.len() => {
                        Takeover::Unknown
                    }
                    None => Takeover::Nobody,
                },
            })
        });
        let mut moves: Vec<Move> = on_node.collect();
        moves.sort_by_key(|it| it.address);
        moves
    }

    /// How many different addresses `node` announces.
    pub fn announced_by(&self, node: &NodeName) -> usize {
        self.by_node.get(node).map_or(0, BTreeMap::len)
    }
}

impl Rack {
    /// The way of a Service from the request for an address to an answer; empty for one that asks for none. Put together
    /// when it is looked at: a table of two thousand has no use for it.
    pub fn chain(&self, service: &Service) -> Vec<Step> {
        let Some(vip) = self.vips.get(&service.name) else {
            return Vec::new();
        };
        if !service.is_load_balancer() {
            return Vec::new();
        }
        chain::of(&Scene::of(self, &self.vips.speakers), service, vip)
    }
}

impl Vip {
    /// The gravest thing wrong, if any.
    pub fn worst(&self) -> Option<&Problem> {
        // The first of equals: the rules are in the order of cause and effect.
        let problems = self.findings.iter().map(|it| &it.problem);
        problems.min_by_key(|problem| problem.severity)
    }

    /// The gravest thing wrong, if it is worth a line of its own.
    pub fn trouble(&self) -> Option<&Problem> {
        self.worst().filter(|it| it.severity < Severity::Note)
    }

    pub fn severity(&self) -> Option<Severity> {
        self.worst().map(|problem| problem.severity)
    }

    pub fn has(&self, symptom: Symptom) -> bool {
        self.findings.iter().any(|it| it.symptom == symptom)
    }
}

fn read(scene: &Scene<'_>, service: &Service, before: Option<&Vip>) -> Vip {
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
        return vip;
    };
    vip.pool = pooled(scene, service, address);
    vip.partners = (scene.pools.sharers(address, &service.name))
        .map(|it| it.name.clone())
        .collect();
    let before = before.and_then(|it| it.announcer.as_ref());
    vip.announcer = scene
        .handles_class(service)
        .then(|| announcer::find(scene, service, address, before));
    vip.findings = serving::findings(&Case {
        scene,
        service,
        address,
        announcer: vip.announcer.as_ref(),
    });
    vip.findings.extend(silent(scene, service, &vip));
    vip
}

fn pooled(scene: &Scene<'_>, service: &Service, address: IpAddr) -> Option<Pooled> {
    // The controller wrote the old prefix up to 0.14.8 and the new one since; either is its word.
    let recorded = service.annotation(Wish::AllocatedFrom).map(|it| it.value);
    let recorded = recorded.filter(|name| !name.is_empty());
    let found = scene.pools.holding(address).map(|pool| &*pool.name);
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
