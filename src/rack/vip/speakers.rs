//! The nodes that could announce a VIP, and for each of the others the reason why it could not.

use std::collections::{BTreeMap, BTreeSet};

use crate::rack::Rack;
use crate::rack::beat::Pulse;
use crate::rack::config_object::Selection;
use crate::rack::link::Source;
use crate::rack::node::{Node, NodeName, Truth};
use crate::rack::pod::Pod;
use crate::rack::pools::version::Version;
use crate::rack::service::{Service, TrafficPolicy};

/// Says to cloud load balancers and, since 0.14.2, to MetalLB: not this node.
pub const EXCLUDE_LABEL: &str = "node.kubernetes.io/exclude-from-external-load-balancers";

/// Why a node is no candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exclusion {
    /// Its heartbeat is lost, or it is `NotReady`.
    Dead,
    NoSpeaker,
    /// No matching advertisement chooses it.
    NotSelected,
    /// It carries [`EXCLUDE_LABEL`].
    Label,
    /// The condition `NetworkUnavailable` is true.
    NetworkUnavailable,
    /// Cordoned, which 0.14.9 alone cares about.
    Cordoned,
    /// externalTrafficPolicy `Local`, and no endpoint here.
    NoLocalEndpoint,
}

impl Exclusion {
    pub fn words(self) -> &'static str {
        match self {
            Exclusion::Dead => "not beating or NotReady",
            Exclusion::NoSpeaker => "no speaker runs there",
            Exclusion::NotSelected => "no advertisement selects it",
            Exclusion::Label => "label exclude-from-external-load-balancers",
            Exclusion::NetworkUnavailable => "NetworkUnavailable",
            Exclusion::Cordoned => "cordoned",
            Exclusion::NoLocalEndpoint => "no ready endpoint there (policy Local)",
        }
    }
}

/// Which nodes could announce, as far as that can be known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Candidates {
    pub nodes: Vec<NodeName>,
    pub excluded: BTreeMap<NodeName, Exclusion>,
}

/// What holds for every Service: which nodes live, and where speakers run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Speakers {
    /// Every node by name, with what keeps it from announcing anything.
    nodes: Vec<(NodeName, Option<Exclusion>)>,
    /// Nodes on which a speaker runs; `None` as long as pods cannot be read.
    pub(super) running: Option<BTreeSet<NodeName>>,
}

impl Speakers {
    pub(super) fn of(rack: &Rack, version: Option<Version>) -> Speakers {
        let running = running(rack);
        let ignores_label = [rack.metallb.speaker(), rack.metallb.controller()]
            .into_iter()
            .flatten()
            .any(|it| {
                it.flag("--ignore-exclude-lb")
                    .is_some_and(|value| value != "false")
            });
        let exclusion = |node: &Node| {
            let is_at = |minor, patch| version.is_none_or(|it| it.is_at_least(minor, patch));
            let has_condition = |kind: &str| {
                let condition = node.condition(kind);
                condition.is_some_and(|it| it.status == Truth::True)
            };
            if is_dead(rack, node) {
                Some(Exclusion::Dead)
            } else if running.as_ref().is_some_and(|it| !it.contains(&node.name)) {
                Some(Exclusion::NoSpeaker)
            } else if is_at(13, 10) && has_condition("NetworkUnavailable") {
                Some(Exclusion::NetworkUnavailable)
            } else if is_at(14, 2) && !ignores_label && node.labels.contains_key(EXCLUDE_LABEL) {
                Some(Exclusion::Label)
            } else if version == Some(Version::new(0, 14, 9)) && node.unschedulable {
                Some(Exclusion::Cordoned)
            } else {
                None
            }
        };
        let nodes = rack.nodes();
        let nodes = nodes.map(|node| (node.name.clone(), exclusion(node)));
        Speakers {
            nodes: nodes.collect(),
            running,
        }
    }

    pub(super) fn is_dead(&self, name: &NodeName) -> bool {
        // Nodes come sorted by name.
        let found = self.nodes.binary_search_by(|(node, _)| node.cmp(name));
        let node = found.ok().and_then(|at| self.nodes.get(at));
        node.is_none_or(|(_, exclusion)| *exclusion == Some(Exclusion::Dead))
    }

    pub(super) fn has_speaker(&self, name: &NodeName) -> bool {
        self.running.as_ref().is_none_or(|it| it.contains(name))
    }

    pub(super) fn count(&self) -> usize {
        self.nodes.len()
    }

    /// Who could announce a Service wherever its endpoints are. `selections` are those of the advertisements that take
    /// it, `None` where there are none to look at.
    pub(super) fn candidates(&self, rack: &Rack, selections: Option<&[&Selection]>) -> Candidates {
        let mut candidates = Candidates::default();
        for (name, exclusion) in &self.nodes {
            let is_selected = selections.is_none_or(|all| {
                let labels = rack.node(name).map(|node| &node.labels);
                labels.is_some_and(|it| all.iter().any(|selection| selection.takes_node(it)))
            });
            match exclusion {
                Some(exclusion) => _ = candidates.excluded.insert(name.clone(), *exclusion),
                None if !is_selected => {
                    candidates
                        .excluded
                        .insert(name.clone(), Exclusion::NotSelected);
                }
                None => candidates.nodes.push(name.clone()),
            }
        }
        candidates
    }
}

/// Nodes named for one reason.
const SHOWN: usize = 4;
/// Nodes up to which each one that lacks an endpoint is named.
const NAMED: usize = 64;

impl Candidates {
    /// Why others are none, a line for each reason: `rpi-01, rpi-02 and 7 more: no speaker runs there`. First come those
    /// that lack least.
    pub fn reasons(&self) -> Vec<String> {
        let mut by_reason: BTreeMap<Exclusion, Vec<&str>> = BTreeMap::new();
        for (node, exclusion) in &self.excluded {
            by_reason.entry(*exclusion).or_default().push(node.as_str());
        }
        let line = |(exclusion, nodes): (Exclusion, Vec<&str>)| {
            let shown = nodes.iter().take(SHOWN).copied();
            let shown = shown.collect::<Vec<_>>().join(", ");
            let more = match nodes.len().saturating_sub(SHOWN) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            format!("{shown}{more}: {}", exclusion.words())
        };
        by_reason.into_iter().rev().map(line).collect()
    }

    /// Those of them that have an endpoint which answers.
    pub(super) fn with_endpoints(&self, serving: &BTreeSet<&NodeName>) -> Candidates {
        let mut candidates = Candidates {
            nodes: Vec::new(),
            excluded: self.excluded.clone(),
        };
        let is_small = self.nodes.len() <= NAMED;
        for node in &self.nodes {
            if serving.contains(node) {
                candidates.nodes.push(node.clone());
            } else if is_small {
                let why = Exclusion::NoLocalEndpoint;
                candidates.excluded.insert(node.clone(), why);
            }
        }
        candidates
    }
}

/// Whether a node must have an endpoint of a Service to announce it: up to 0.10 whatever the policy.
pub(super) fn needs_endpoint(service: &Service, version: Option<Version>) -> bool {
    service.external_traffic == TrafficPolicy::Local
        || version.is_some_and(|it| !it.is_at_least(11, 0))
}

/// A node that cannot be announcing: speakers notice within seconds, long before the API does.
fn is_dead(rack: &Rack, node: &Node) -> bool {
    rack.reading(&node.name).pulse == Pulse::Lost
        || matches!(node.ready(), Some(Truth::False | Truth::Unknown))
}

fn running(rack: &Rack) -> Option<BTreeSet<NodeName>> {
    let speaker = rack.metallb.speaker()?;
    if !rack.link.has_listed(Source::Pods) {
        return None;
    }
    let prefix = format!("{}-", speaker.name);
    let is_speaker = |pod: &&Pod| {
        pod.name.starts_with(&prefix)
            && pod.owner.as_deref() == Some("DaemonSet")
            && &*pod.status == "Running"
    };
    let pods = rack.pods_in(&speaker.namespace).filter(is_speaker);
    Some(pods.filter_map(|pod| pod.node.clone()).collect())
}
