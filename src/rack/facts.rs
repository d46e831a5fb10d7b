//! Everything a cluster can tell us, as one closed list. Clients send these; [`crate::rack::Rack::apply`] takes them in.

use jiff::Timestamp;

use crate::rack::event::NodeEvent;
use crate::rack::link::{LinkState, Source, SourceState};
use crate::rack::node::{Lease, Node, NodeName};
use crate::rack::pod::Pod;

/// A change of a kind that is listed once and watched from there.
#[derive(Debug, Clone, PartialEq)]
pub enum Change<T> {
    /// Everything there is: replaces what we had.
    Listed(Vec<T>),
    Applied(T),
    /// Gone; the object as it last was.
    Deleted(T),
}

/// One piece of news from the cluster.
#[derive(Debug, Clone, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "a Node is large and rare, and is moved only twice on its way into the rack"
)]
pub enum Fact {
    Link(LinkState),
    Source(Source, SourceState),
    /// Bytes came from the server just now. Sent at most once a second.
    Contact,
    Cluster(ClusterInfo),
    Nodes(Change<Node>),
    Leases(Change<Lease>),
    Pods(Change<Pod>),
    Events(Change<NodeEvent>),
    /// metrics.k8s.io: all nodes at once, every 15 seconds while shown.
    Usage(Vec<Usage>),
}

/// Who we talk to; known as soon as the kubeconfig is read, the version after the first answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClusterInfo {
    pub context: String,
    /// The server's URL from the kubeconfig.
    pub server: String,
    pub user: String,
    pub namespace: Option<String>,
    /// `gitVersion` of `/version`: `v1.33.4+k3s1`.
    pub version: Option<String>,
    /// When the client certificate of the kubeconfig ends; `None` for tokens and plugins.
    pub certificate_ends: Option<Timestamp>,
    /// All contexts of the kubeconfig, in its order.
    pub contexts: Vec<String>,
}

/// What a node uses, from metrics.k8s.io.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    pub node: NodeName,
    pub cpu_milli: u64,
    pub memory_bytes: u64,
}
