//! Everything a cluster can tell us, as one closed list. Clients send these; [`crate::rack::Rack::apply`] takes them in.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::rack::announcement::{BgpStatus, L2Status};
use crate::rack::config_object::{
    BfdProfile, BgpAdvertisement, BgpPeer, Community, ConfigurationState, IpAddressPool,
    L2Advertisement, PoolConfigMap,
};
use crate::rack::endpoints::EndpointSlice;
use crate::rack::event::{NodeEvent, ServiceEvent};
use crate::rack::link::{LinkState, Source, SourceState};
use crate::rack::namespace::Namespace;
use crate::rack::node::{Lease, Node, NodeName};
use crate::rack::pod::Pod;
use crate::rack::service::Service;
use crate::rack::storage::{Claim, Provisioner, StorageClass, StorageEvent, Volume};
use crate::rack::workload::{Workload, WorkloadKind};

/// A change of a kind that is listed once and watched from there.
#[derive(Debug, Clone, PartialEq)]
pub enum Change<T> {
    /// Everything there is: replaces what we had.
    Listed(Vec<T>),
    Applied(T),
    /// Gone; the object as it last was.
    Deleted(T),
}

impl<T> Change<T> {
    /// The same change of something made from each object.
    pub fn map<U>(self, make: impl Fn(T) -> U) -> Change<U> {
        match self {
            Change::Listed(all) => Change::Listed(all.into_iter().map(make).collect()),
            Change::Applied(one) => Change::Applied(make(one)),
            Change::Deleted(one) => Change::Deleted(make(one)),
        }
    }
}

/// One piece of news from the cluster.
#[derive(Debug, Clone, PartialEq)]
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

    // Services and what stands behind them.
    Services(Change<Service>),
    EndpointSlices(Change<EndpointSlice>),
    ServiceEvents(Change<ServiceEvent>),
    /// DaemonSets and Deployments come from two sources; `Listed` replaces those of one kind.
    Workloads(WorkloadKind, Change<Workload>),
    Namespaces(Change<Namespace>),

    // MetalLB.
    /// The kinds the server serves in `metallb.io/v1beta1`, by their plurals; empty without MetalLB.
    MetalLbKinds(BTreeSet<Box<str>>),
    PoolConfigMaps(Change<PoolConfigMap>),
    IpAddressPools(Change<IpAddressPool>),
    L2Advertisements(Change<L2Advertisement>),
    BgpAdvertisements(Change<BgpAdvertisement>),
    BgpPeers(Change<BgpPeer>),
    BfdProfiles(Change<BfdProfile>),
    Communities(Change<Community>),
    L2Statuses(Change<L2Status>),
    BgpStatuses(Change<BgpStatus>),
    ConfigurationStates(Change<ConfigurationState>),

    // Storage.
    StorageClasses(Change<StorageClass>),
    Claims(Change<Claim>),
    Volumes(Change<Volume>),
    /// Of every Deployment; `None` for those that make no volumes.
    Provisioners(Change<Option<Provisioner>>),
    /// About claims, and about pods that cannot mount; lists of the two add to each other.
    StorageEvents(Change<StorageEvent>),
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

impl Fact {
    /// True when it may change what MetalLB's pools are, who has their addresses, or whether they may be read.
    pub fn concerns_pools(&self) -> bool {
        matches!(
            self,
            Fact::Source(..)
                | Fact::Cluster(_)
                | Fact::Nodes(_)
                | Fact::Services(_)
                | Fact::Workloads(..)
                | Fact::MetalLbKinds(_)
                | Fact::PoolConfigMaps(_)
                | Fact::IpAddressPools(_)
                | Fact::L2Advertisements(_)
                | Fact::BgpAdvertisements(_)
                | Fact::BgpPeers(_)
                | Fact::BfdProfiles(_)
                | Fact::Communities(_)
        )
    }

    /// True for the changes of single objects that come by the hundreds a second in a big rack.
    pub fn is_one_of_many(&self) -> bool {
        matches!(
            self,
            Fact::Nodes(Change::Applied(_))
                | Fact::Services(Change::Applied(_) | Change::Deleted(_))
                | Fact::Workloads(_, Change::Applied(_) | Change::Deleted(_))
        )
    }
}
