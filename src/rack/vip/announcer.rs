//! Who announces a VIP, how sure that is, and who would take over.
//!
//! Three witnesses, the best first: the speakers' own status objects, the last event on the Service, and the election
//! computed here. What a witness says of a dead node is not believed: before 0.16 a status could outlive its node.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;

use super::election;
use super::scene::Scene;
use super::speakers::Candidates;
use crate::rack::event::ServiceEvent;
use crate::rack::node::NodeName;
use crate::rack::service::Service;

/// Above this many nodes the election is computed for the page of one Service only, not for every row every second.
pub(super) const ELECTED_UP_TO: usize = 64;

/// Where the answer comes from, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Witness {
    /// A `ServiceL2Status` or `ServiceBGPStatus`.
    Status,
    /// The event `nodeAssigned`.
    Event,
    /// The election, computed.
    Election,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    Layer2,
    Bgp,
}

/// Why an answer is not to be trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Doubt {
    /// The witness names a node that is dead or has no speaker; the answer is the election without it.
    Dead { witness: Witness, node: NodeName },
    /// The witness and the election name different nodes.
    Disagrees { elected: NodeName },
    /// Several nodes say that they announce it.
    Several,
}

/// Who announces, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcer {
    /// One for layer 2, any number for BGP, none when nobody does, or when that cannot be known.
    pub nodes: Vec<NodeName>,
    /// Nobody says it, and what would be needed to compute it may not be read.
    pub is_unknown: bool,
    pub protocol: Protocol,
    /// Names of network interfaces on the node; empty means all.
    pub interfaces: Vec<Box<str>>,
    pub witness: Witness,
    pub doubt: Option<Doubt>,
    /// All candidates in the order in which they would announce; empty when that was not computed.
    pub order: Vec<NodeName>,
    pub candidates: Arc<Candidates>,
    /// What the order was computed with.
    key: String,
}

impl Announcer {
    /// The node, when it is exactly one.
    pub fn node(&self) -> Option<&NodeName> {
        match self.nodes.as_slice() {
            [node] => Some(node),
            _ => None,
        }
    }

    /// Who would take over if `node` went.
    pub fn after(&self, node: &NodeName) -> Option<&NodeName> {
        self.order.iter().find(|it| *it != node)
    }
}

impl Witness {
    pub fn word(self) -> &'static str {
        match self {
            Witness::Status => "status",
            Witness::Event => "event",
            Witness::Election => "election",
        }
    }
}

/// Finds the announcer of a Service that has an address. `before` is what was found last, for the same Service.
pub(super) fn find(
    scene: &Scene<'_>,
    service: &Service,
    address: IpAddr,
    before: Option<&Announcer>,
) -> Announcer {
    let advertisements = scene.advertisements(service, address);
    let by_config_map = scene.pools.holding(address).and_then(|pool| pool.protocol);
    let is_bgp = by_config_map == Some(Protocol::Bgp)
        || (advertisements.as_ref()).is_some_and(|it| it.l2.is_empty() && !it.bgp.is_empty());
    let candidates = scene.candidates(service, advertisements.as_ref());
    let can_tell = scene.knows_advertisements();
    // With BGP every candidate announces, and without an endpoint nobody does.
    let is_elected = can_tell && !is_bgp && scene.has_endpoints(service);
    let name = &service.name;
    let key = election::key(scene.version, &name.namespace, &name.name, address);
    let order = if is_elected && candidates.nodes.len() <= ELECTED_UP_TO {
        let before = before.filter(|it| it.key == key);
        ordered(&candidates.nodes, &key, before)
    } else {
        Vec::new()
    };
    let is_believed =
        |node: &NodeName| !scene.speakers.is_dead(node) && scene.speakers.has_speaker(node);
    let elected = order.first().cloned();
    let mut announcer = Announcer {
        nodes: elected.iter().cloned().collect(),
        is_unknown: !can_tell,
        protocol: if is_bgp {
            Protocol::Bgp
        } else {
            Protocol::Layer2
        },
        interfaces: Vec::new(),
        witness: Witness::Election,
        doubt: None,
        order,
        candidates,
        key,
    };
    for said in [by_status(scene, service), by_event(scene, service)] {
        let Some(said) = said else { continue };
        let believed: Vec<NodeName> = (said.nodes.iter())
            .filter(|it| is_believed(it))
            .cloned()
            .collect();
        announcer.protocol = said.protocol;
        if let (true, Some(dead)) = (believed.is_empty(), said.nodes.first()) {
            announcer.doubt.get_or_insert(Doubt::Dead {
                witness: said.witness,
                node: dead.clone(),
            });
            continue;
        }
        announcer.interfaces = said.interfaces;
        announcer.witness = said.witness;
        announcer.doubt = doubt(said.protocol, &believed, elected.as_ref());
        announcer.nodes = believed;
        announcer.is_unknown = false;
        return announcer;
    }
    announcer
}

/// The order of the candidates. One that goes leaves the order of the others alone, so that the hashes of two thousand
/// Services need not be computed again when a board dies.
fn ordered(candidates: &[NodeName], key: &str, before: Option<&Announcer>) -> Vec<NodeName> {
    if let Some(before) = before {
        let is_one = |node: &&NodeName| candidates.binary_search(node).is_ok();
        let left: Vec<NodeName> = before.order.iter().filter(is_one).cloned().collect();
        if left.len() == candidates.len() {
            return left;
        }
    }
    election::order(candidates, key)
}

fn doubt(protocol: Protocol, nodes: &[NodeName], elected: Option<&NodeName>) -> Option<Doubt> {
    match (protocol, nodes, elected) {
        (Protocol::Bgp, ..) => None,
        (_, [node], Some(elected)) if node != elected => Some(Doubt::Disagrees {
            elected: elected.clone(),
        }),
        (_, [_, _, ..], _) => Some(Doubt::Several),
        _ => None,
    }
}

/// What one witness says.
struct Said {
    nodes: Vec<NodeName>,
    protocol: Protocol,
    interfaces: Vec<Box<str>>,
    witness: Witness,
}

fn by_status(scene: &Scene<'_>, service: &Service) -> Option<Said> {
    let l2 = scene.rack.services.l2_statuses(&service.name);
    let bgp = scene.rack.services.bgp_statuses(&service.name);
    let said = |nodes: BTreeSet<NodeName>, protocol, interfaces| Said {
        nodes: nodes.into_iter().collect(),
        protocol,
        interfaces,
        witness: Witness::Status,
    };
    let nodes: BTreeSet<NodeName> = l2.iter().filter_map(|it| it.node.clone()).collect();
    if !nodes.is_empty() {
        let interfaces = l2.iter().flat_map(|it| it.interfaces.clone());
        let interfaces: BTreeSet<Box<str>> = interfaces.collect();
        return Some(said(
            nodes,
            Protocol::Layer2,
            interfaces.into_iter().collect(),
        ));
    }
    let nodes: BTreeSet<NodeName> = bgp.iter().filter_map(|it| it.node.clone()).collect();
    (!nodes.is_empty()).then(|| said(nodes, Protocol::Bgp, Vec::new()))
}

fn by_event(scene: &Scene<'_>, service: &Service) -> Option<Said> {
    let mut assigned = assignments(scene, service);
    let (node, protocol, _) = assigned.next()?;
    let mut nodes = vec![node];
    if protocol == Protocol::Bgp {
        // Every node says it once.
        let others: BTreeSet<NodeName> = assigned.map(|(node, ..)| node).collect();
        nodes.extend(others);
        nodes.sort();
        nodes.dedup();
    }
    Some(Said {
        nodes,
        protocol,
        interfaces: Vec::new(),
        witness: Witness::Event,
    })
}

/// The `nodeAssigned` events of a Service, newest first.
pub(super) fn assignments<'a>(
    scene: &Scene<'a>,
    service: &'a Service,
) -> impl Iterator<Item = (NodeName, Protocol, Option<Timestamp>)> + 'a {
    let assigned = |event: &'a ServiceEvent| {
        let (node, protocol) = parse_assigned(event)?;
        Some((node, protocol, event.last))
    };
    scene
        .rack
        .services
        .events(&service.uid)
        .filter_map(assigned)
}

/// `announcing from node "rpi-01"`, since 0.13 followed by `with protocol "layer2"` or `"bgp"`.
fn parse_assigned(event: &ServiceEvent) -> Option<(NodeName, Protocol)> {
    if &*event.reason != "nodeAssigned" {
        return None;
    }
    let mut quoted = event.message.split('"').skip(1).step_by(2);
    let node = quoted.next().filter(|node| !node.is_empty())?;
    let protocol = match quoted.next() {
        Some("bgp") => Protocol::Bgp,
        _ => Protocol::Layer2,
    };
    Some((NodeName::new(node), protocol))
}
