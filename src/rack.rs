//! What we know of the rack, as plain structs, and every rule that can be decided without I/O.
//!
//! Invariant: no async, no ratatui, no kube types, no clock. Time comes in as [`Now`]; bad input gives a value and a
//! [`Problem`], never a panic.

pub mod announcement;
pub mod backup;
pub mod beat;
pub mod board;
pub mod config_object;
pub mod draft;
pub mod drain;
pub mod endpoints;
pub mod event;
pub mod facts;
pub mod filter;
pub mod fleet;
pub mod hot_swap;
pub mod image;
pub mod kubeconfig;
pub mod kubeconfig_change;
pub mod label;
pub mod line_diff;
pub mod link;
pub mod log;
pub mod manifest;
pub mod metallb;
pub mod namespace;
pub mod node;
pub mod onboard;
pub mod pipeline;
pub mod pod;
mod pods;
pub mod pool_text;
pub mod pools;
pub mod problem;
pub mod pull_secret;
pub mod quantity;
pub mod quorum;
pub mod scaffold;
pub mod secret;
pub mod selector;
pub mod service;
pub mod services;
pub mod ssh;
pub mod storage;
pub mod survey;
pub mod time;
pub mod trace;
pub mod vip;
pub mod workload;
pub mod workloads;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;

use crate::rack::backup::Backups;
use crate::rack::beat::{Beat, Pulse};
use crate::rack::board::state::Board;
use crate::rack::drain::Drain;
use crate::rack::event::NodeEvent;
use crate::rack::facts::{Change, ClusterInfo, Fact, Usage};
use crate::rack::fleet::Fleet;
use crate::rack::hot_swap::HotSwap;
use crate::rack::image::Images;
use crate::rack::link::{Link, LinkState, Source, SourceState};
use crate::rack::log::logbook::Logbook;
use crate::rack::metallb::MetalLb;
use crate::rack::namespace::Namespace;
use crate::rack::node::{Lease, Node, NodeName, Uid};
use crate::rack::onboard::runs::Runs;
use crate::rack::pipeline::state::Builds;
use crate::rack::pod::{Pod, PodCounts};
use crate::rack::pools::range::AddressRange;
use crate::rack::problem::{Problem, Subject};
use crate::rack::selector::Labels;
use crate::rack::services::Services;
use crate::rack::storage::{ClaimName, Storage};
use crate::rack::time::Now;
use crate::rack::vip::Vips;
use crate::rack::vip::probe::Probes;
use crate::rack::workloads::IdleWorkload;

/// Events kept, over all nodes: enough for an incident, little memory.
const EVENTS_KEPT: usize = 2_000;
/// After an outage the beats of the past stay frozen this long: kubelets that could not renew either try again within
/// ten seconds.
const GRACE: Duration = Duration::from_secs(15);

/// Everything known about one cluster.
#[derive(Debug, Clone)]
pub struct Rack {
    pub now: Now,
    pub cluster: ClusterInfo,
    pub link: Link,
    /// All contexts of the kubeconfig; not of this cluster alone.
    pub fleet: Fleet,
    /// Boards on their way into the cluster; whatever context is on the screen.
    pub onboarding: Runs,
    /// Pipelines of all GitLab servers; not of this cluster alone.
    pub builds: Builds,
    /// Images that were looked at, and who runs them.
    pub images: Images,
    /// When we began to look, by our own clock.
    pub watched_since: Duration,
    /// What boards say over SSH, by the name of their node.
    pub boards: BTreeMap<NodeName, Board>,
    /// Boards being swapped, in every context, by the UID that their Node has at the beginning.
    pub swaps: BTreeMap<Uid, HotSwap>,
    /// Backups of servers on this machine; not of this cluster alone.
    pub backups: Backups,
    /// Nodes being drained, or drained and not uncordoned yet.
    pub drains: BTreeMap<Uid, Drain>,
    /// What the user said of the network: nothing in the cluster knows it.
    pub network: ToldNetwork,
    /// What is wrong, worst first; made anew by [`Rack::survey`].
    pub problems: Vec<Problem>,
    /// Workloads that had no pod when they were asked for last.
    pub idle: Vec<IdleWorkload>,
    /// What is open in the log viewer.
    pub logbook: Logbook,
    /// Services, their endpoints, announcements and events.
    pub services: Services,
    /// MetalLB's configuration and workloads, and its neighbours.
    pub metallb: MetalLb,
    /// Classes, claims, volumes, and who makes them.
    pub storage: Storage,
    /// Derived from all of these, when [`Rack::settle`] or [`Rack::survey`] was called last.
    pub vips: Vips,
    /// What has come since that `vips` depends on.
    dirt: vip::Dirt,
    /// Whether addresses answer from here.
    pub probes: Probes,
    namespaces: BTreeMap<Box<str>, Labels>,
    nodes: BTreeMap<NodeName, Node>,
    beats: HashMap<NodeName, Beat>,
    pods: HashMap<Uid, Pod>,
    /// Those on a node that fail.
    failing: BTreeSet<Uid>,
    counts: HashMap<NodeName, PodCounts>,
    events: VecDeque<NodeEvent>,
    usage: HashMap<NodeName, Usage>,
    /// Our clock at the last contact before an outage, as long as beats must not age.
    frozen: Option<Duration>,
}

/// The network around the cluster, as the user's settings have it. Empty: not known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToldNetwork {
    pub dhcp: Vec<AddressRange>,
    pub gateways: Vec<IpAddr>,
}

/// How a board's heartbeat reads right now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BeatReading {
    pub pulse: Pulse,
    pub is_pulsing: bool,
    /// `None` when nothing is known.
    pub age: Option<Duration>,
    /// The age rests on the node's clock alone.
    pub is_estimate: bool,
}

impl Rack {
    pub fn new(now: Now) -> Self {
        Self {
            now,
            cluster: ClusterInfo::default(),
            link: Link::new(now.mono),
            fleet: Fleet::default(),
            onboarding: Runs::default(),
            builds: Builds::default(),
            images: Images::default(),
            watched_since: now.mono,
            boards: BTreeMap::new(),
            swaps: BTreeMap::new(),
            backups: Backups::default(),
            drains: BTreeMap::new(),
            network: ToldNetwork::default(),
            problems: Vec::new(),
            idle: Vec::new(),
            logbook: Logbook::default(),
            services: Services::default(),
            metallb: MetalLb::default(),
            storage: Storage::default(),
            namespaces: BTreeMap::new(),
            nodes: BTreeMap::new(),
            beats: HashMap::new(),
            pods: HashMap::new(),
            failing: BTreeSet::new(),
            counts: HashMap::new(),
            events: VecDeque::new(),
            usage: HashMap::new(),
            frozen: None,
            vips: Vips::default(),
            dirt: vip::Dirt::default(),
            probes: Probes::default(),
        }
    }

    /// Takes in one piece of news.
    pub fn apply(&mut self, fact: Fact) {
        let mut dirt = std::mem::take(&mut self.dirt);
        dirt.note(&fact, self);
        self.dirt = dirt;
        match fact {
            Fact::Link(state) => self.apply_link(state),
            Fact::Source(source, state) => {
                self.metallb.forget(source, &state);
                self.services.forget(source, &state);
                self.storage.forget(source, &state);
                self.link.set_source(source, state);
            }
            Fact::Contact => self.link.last_contact = Some(self.now.mono),
            Fact::Cluster(info) => self.cluster = info,
            Fact::Nodes(change) => self.apply_nodes(change),
            Fact::Leases(change) => self.apply_leases(change),
            Fact::Pods(change) => self.apply_pods(change),
            Fact::Events(change) => self.apply_events(change),
            Fact::Usage(usage) => {
                self.usage = usage.into_iter().map(|it| (it.node.clone(), it)).collect();
            }
            Fact::Services(change) => self.services.apply(change),
            Fact::EndpointSlices(change) => self.services.apply_slices(change),
            Fact::ServiceEvents(change) => self.services.apply_events(change),
            Fact::L2Statuses(change) => self.services.apply_l2(change),
            Fact::BgpStatuses(change) => self.services.apply_bgp(change),
            Fact::Namespaces(change) => self.apply_namespaces(change),
            Fact::Workloads(kind, change) => self.metallb.apply_workloads(kind, change),
            Fact::MetalLbKinds(served) => self.metallb.set_served(served),
            Fact::PoolConfigMaps(change) => self.metallb.apply_config_maps(change),
            Fact::IpAddressPools(change) => self.metallb.apply_pools(change),
            Fact::L2Advertisements(change) => self.metallb.apply_l2(change),
            Fact::BgpAdvertisements(change) => self.metallb.apply_bgp(change),
            Fact::BgpPeers(change) => self.metallb.apply_peers(change),
            Fact::BfdProfiles(change) => self.metallb.apply_bfd(change),
            Fact::Communities(change) => self.metallb.apply_communities(change),
            Fact::ConfigurationStates(change) => self.metallb.apply_states(change),
            Fact::StorageClasses(change) => self.storage.apply_classes(change),
            Fact::Claims(change) => self.storage.apply_claims(change),
            Fact::Volumes(change) => self.storage.apply_volumes(change),
            Fact::Provisioners(change) => self.storage.apply_provisioners(change),
            Fact::StorageEvents(change) => self.storage.apply_events(change),
        }
    }

    /// The labels of a namespace; `None` as long as they are not watched, or it does not exist.
    pub fn namespace_labels(&self, name: &str) -> Option<&Labels> {
        self.namespaces.get(name)
    }

    fn apply_namespaces(&mut self, change: Change<Namespace>) {
        match change {
            Change::Listed(namespaces) => {
                self.namespaces = namespaces
                    .into_iter()
                    .map(|it| (it.name, it.labels))
                    .collect();
            }
            Change::Applied(it) => {
                self.namespaces.insert(it.name, it.labels);
            }
            Change::Deleted(it) => {
                self.namespaces.remove(&it.name);
            }
        }
    }

    /// Time passes: beats thaw once the line has been back for a moment.
    pub fn tick(&mut self, now: Now) {
        self.now = now;
        if self.frozen.is_some() && self.link.is_live() && now.since(self.link.since) >= GRACE {
            self.frozen = None;
        }
    }

    /// The clock by which a beat ages: it stands still while the line is down, because silence is then ours, and for a
    /// moment after, until the board has been heard again.
    fn clock_of(&self, beat: &Beat) -> Now {
        match self.frozen {
            Some(mono) if beat.heard() <= mono => {
                let wall = self
                    .now
                    .wall
                    .checked_sub(self.now.since(mono))
                    .unwrap_or(self.now.wall);
                Now { mono, wall }
            }
            _ => self.now,
        }
    }

    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.nodes.values()
    }

    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    pub fn node(&self, name: &NodeName) -> Option<&Node> {
        self.nodes.get(name)
    }

    /// The hot swap of a board of this context, also after it stopped.
    pub fn swap(&self, name: &NodeName) -> Option<&HotSwap> {
        let mut swaps = self.swaps.values();
        swaps.find(|swap| swap.node == *name && swap.context == self.cluster.context)
    }

    /// The UID an object has now; `None` when it is gone, or is no object of the cluster.
    pub fn uid(&self, object: &Subject) -> Option<&Uid> {
        match object {
            Subject::Node(name) => self.node(name).map(|node| &node.uid),
            Subject::Service(name) => self.services.get(name).map(|service| &service.uid),
            Subject::Claim(name) => self.storage.claim(name).map(|it| &it.uid),
            Subject::Volume(name) => self.storage.volume(name).map(|it| &it.uid),
            Subject::StorageClass(name) => self.storage.class(name).map(|it| &it.uid),
            Subject::Pod(name) => {
                let mut pods = self.pods_in(&name.namespace);
                pods.find(|pod| pod.name == name.name).map(|pod| &pod.uid)
            }
            // Of a workload only the pods are watched.
            Subject::Workload(_)
            | Subject::Link
            | Subject::Kubeconfig
            | Subject::Board(_)
            | Subject::MetalLb
            | Subject::Storage
            | Subject::Gitlab
            | Subject::Settings
            | Subject::Program => None,
        }
    }

    pub fn node_by_uid(&self, uid: &Uid) -> Option<&Node> {
        self.nodes.values().find(|node| node.uid == *uid)
    }

    pub fn beat(&self, name: &NodeName) -> Option<&Beat> {
        self.beats.get(name)
    }

    /// Leases that belong to no node we know: boards that are gone, or not yet joined.
    pub fn orphan_leases(&self) -> impl Iterator<Item = &NodeName> {
        self.beats
            .keys()
            .filter(|name| !self.nodes.contains_key(name))
    }

    pub fn reading(&self, name: &NodeName) -> BeatReading {
        let unknown = BeatReading {
            pulse: Pulse::Unknown,
            is_pulsing: false,
            age: None,
            is_estimate: false,
        };
        let forbidden = matches!(self.link.source(Source::Leases), SourceState::Forbidden(_));
        let Some(beat) = self.beats.get(name).filter(|_| !forbidden) else {
            return unknown;
        };
        let clock = self.clock_of(beat);
        BeatReading {
            pulse: beat.pulse(clock),
            is_pulsing: beat.is_pulsing(clock),
            age: beat.renewed().map(|_| beat.age(clock)),
            is_estimate: beat.is_estimate(),
        }
    }

    /// The ten-minute strip of a node, oldest first.
    pub fn strip(&self, name: &NodeName, buckets: u32) -> Vec<beat::Moment> {
        let strip = |beat: &Beat| beat.strip(self.clock_of(beat), self.watched_since, buckets);
        self.beats.get(name).map(strip).unwrap_or_default()
    }

    /// The pods that use a claim and have not ended, in no order.
    pub fn pods_using<'a>(&'a self, claim: &'a ClaimName) -> impl Iterator<Item = &'a Pod> {
        self.pods_in(&claim.namespace)
            .filter(|pod| pod.claims.contains(&claim.name) && !storage::view::has_ended(pod))
    }

    /// The minor of Kubernetes' version: 33 of `v1.33.4+k3s1`.
    pub fn kubernetes_minor(&self) -> Option<u32> {
        let version = self.cluster.version.as_deref()?.strip_prefix("v1.")?;
        version.split('.').next()?.parse().ok()
    }

    /// The events of a node, newest first.
    pub fn events_of<'a>(&'a self, name: &'a NodeName) -> impl Iterator<Item = &'a NodeEvent> {
        self.events
            .iter()
            .rev()
            .filter(move |event| event.node == *name)
    }

    pub fn usage(&self, name: &NodeName) -> Option<&Usage> {
        self.usage.get(name)
    }

    /// What a drain tells; the first news begins it anew.
    pub fn apply_drain(&mut self, uid: &Uid, news: drain::News) {
        if let drain::News::Begun { node, context, .. } = news {
            let drain = Drain::begin(node, context, self.now);
            self.drains.insert(uid.clone(), drain);
        } else if let Some(drain) = self.drains.get_mut(uid) {
            drain.apply(news, self.now);
        }
    }

    /// Nodes that are Ready, of all.
    pub fn ready_count(&self) -> usize {
        self.nodes
            .values()
            .filter(|node| node.ready() == Some(node::Truth::True))
            .count()
    }

    fn apply_link(&mut self, state: LinkState) {
        let was_live = self.link.is_live();
        self.link.set(state, self.now.mono);
        if was_live && !self.link.is_live() {
            self.frozen = Some(self.link.last_contact.unwrap_or(self.now.mono));
        }
    }

    fn apply_nodes(&mut self, change: Change<Node>) {
        match change {
            Change::Listed(nodes) => {
                self.nodes = nodes
                    .into_iter()
                    .map(|node| (node.name.clone(), node))
                    .collect();
            }
            Change::Applied(node) => {
                // Uncordoned: what was drained is over.
                if !node.unschedulable
                    && self
                        .drains
                        .get(&node.uid)
                        .is_some_and(|it| !it.is_running())
                {
                    self.drains.remove(&node.uid);
                    if self.swaps.get(&node.uid).is_some_and(|it| !it.is_running()) {
                        self.swaps.remove(&node.uid);
                    }
                }
                self.nodes.insert(node.name.clone(), node);
            }
            Change::Deleted(node) => {
                self.nodes.remove(&node.name);
            }
        }
    }

    fn apply_leases(&mut self, change: Change<Lease>) {
        match change {
            Change::Listed(leases) => {
                let mut before = std::mem::take(&mut self.beats);
                for lease in leases {
                    let kept = before.remove(&lease.node);
                    self.apply_lease(&lease, kept);
                }
            }
            Change::Applied(lease) => {
                let kept = self.beats.remove(&lease.node);
                self.apply_lease(&lease, kept);
            }
            Change::Deleted(lease) => {
                self.beats.remove(&lease.node);
            }
        }
    }

    fn apply_lease(&mut self, lease: &Lease, kept: Option<Beat>) {
        let beat = match kept {
            Some(mut beat) => {
                beat.renew(lease, self.now, self.frozen.is_some());
                beat
            }
            None => Beat::first_seen(lease, self.now),
        };
        self.beats.insert(lease.node.clone(), beat);
    }

    fn apply_events(&mut self, change: Change<NodeEvent>) {
        match change {
            Change::Listed(mut events) => {
                events.sort_by_key(|event| event.last);
                self.events = events.into();
            }
            Change::Applied(event) => {
                self.events.retain(|known| known.uid != event.uid);
                self.events.push_back(event);
            }
            // An event that expired on the server is still news to the person looking.
            Change::Deleted(_) => {}
        }
        while self.events.len() > EVENTS_KEPT {
            self.events.pop_front();
        }
    }
}

impl Now {
    /// A fixed reading for tests and for the moment before the first tick.
    pub const ZERO: Now = Now {
        mono: Duration::ZERO,
        wall: Timestamp::UNIX_EPOCH,
    };
}

#[cfg(test)]
mod tests;
