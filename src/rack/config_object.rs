//! The objects that configure MetalLB, as they stand on the server: the fields that rules need, and the whole text,
//! because people edit them.
//!
//! Ranges are text here, unread: `10.10.10.51-10.10.10.100`. What they mean, and whether MetalLB takes them, is decided
//! elsewhere.

use std::fmt;

use jiff::Timestamp;

use crate::rack::node::{NodeName, ResourceVersion, Uid};
use crate::rack::selector::{LabelSelector, Labels};

/// A kind that configures MetalLB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConfigKind {
    IpAddressPool,
    L2Advertisement,
    BgpAdvertisement,
    BgpPeer,
    BfdProfile,
    Community,
    /// All there is before 0.13.
    ConfigMap,
}

/// What every such object has: who it is, and its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    pub kind: ConfigKind,
    pub namespace: Box<str>,
    pub name: Box<str>,
    pub uid: Uid,
    pub resource_version: ResourceVersion,
    pub created: Option<Timestamp>,
    /// `metadata.deletionTimestamp`.
    pub deleted: Option<Timestamp>,
    pub finalizers: Vec<Box<str>>,
    pub labels: Labels,
    /// The object as JSON on one line, with `apiVersion` and `kind`, without managedFields and status.
    pub manifest: Text,
}

/// Text of a configuration. It may hold the password of a BGP peer, so debugging shows only how long it is.
#[derive(Clone, PartialEq, Eq)]
pub struct Text(pub Box<str>);

impl Text {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text({} bytes)", self.0.len())
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IpAddressPool {
    pub head: Head,
    /// `spec.addresses`: CIDRs and ranges, as written.
    pub addresses: Vec<Box<str>>,
    /// True unless said otherwise.
    pub auto_assign: bool,
    pub avoid_buggy_ips: bool,
    /// Since 0.13.9: who may have addresses of this pool.
    pub allocation: Option<ServiceAllocation>,
    /// Since 0.15.0.
    pub status: Option<PoolStatus>,
}

/// `spec.serviceAllocation`: (namespaces or namespace selectors) and service selectors.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServiceAllocation {
    /// Lower comes first, 0 comes last.
    pub priority: i64,
    pub namespaces: Vec<Box<str>>,
    pub namespace_selectors: Vec<LabelSelector>,
    pub service_selectors: Vec<LabelSelector>,
}

/// Counts as the controller wrote them; a negative one means practically unlimited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PoolStatus {
    pub assigned_v4: i64,
    pub assigned_v6: i64,
    pub available_v4: i64,
    pub available_v6: i64,
}

/// Which pools an advertisement takes, on which nodes, for which Services. Empty lists mean all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// `ipAddressPools`: names, also of pools that do not exist.
    pub pools: Vec<Box<str>>,
    /// `ipAddressPoolSelectors`; with `pools` the union of both.
    pub pool_selectors: Vec<LabelSelector>,
    /// `nodeSelectors`; any of them.
    pub nodes: Vec<LabelSelector>,
    /// `serviceSelectors`, since 0.16.0; any of them.
    pub services: Vec<LabelSelector>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct L2Advertisement {
    pub head: Head,
    pub selection: Selection,
    /// Empty means all; plays no part in the election.
    pub interfaces: Vec<Box<str>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BgpAdvertisement {
    pub head: Head,
    pub selection: Selection,
    /// Names of BGPPeers; empty means all.
    pub peers: Vec<Box<str>>,
    pub aggregation_length: Option<i64>,
    pub aggregation_length_v6: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BgpPeer {
    pub head: Head,
    /// Empty when it is found by `interface`.
    pub address: Box<str>,
    /// On which nodes there is a session; empty means all.
    pub nodes: Vec<LabelSelector>,
    pub bfd_profile: Option<Box<str>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BfdProfile {
    pub head: Head,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Community {
    pub head: Head,
}

/// The ConfigMap that MetalLB before 0.13 reads; later versions ignore it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolConfigMap {
    pub head: Head,
    /// `data.config`, the YAML inside; `None` when there is no such key.
    pub config: Option<Text>,
}

/// What a MetalLB component says of the configuration it read; since 0.15.3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigurationState {
    pub namespace: Box<str>,
    /// `controller`, or `speaker-NODE`.
    pub name: Box<str>,
    /// From the label `metallb.io/node-name`; `None` for the controller.
    pub node: Option<NodeName>,
    pub verdict: Verdict,
    /// `status.errorSummary`.
    pub error: Box<str>,
    /// Conditions that are not True: type and message.
    pub complaints: Vec<(Box<str>, Box<str>)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Valid,
    Invalid,
    /// Also before it said anything.
    Unknown,
}

impl ConfigKind {
    pub const ALL: [ConfigKind; 7] = [
        ConfigKind::IpAddressPool,
        ConfigKind::L2Advertisement,
        ConfigKind::BgpAdvertisement,
        ConfigKind::BgpPeer,
        ConfigKind::BfdProfile,
        ConfigKind::Community,
        ConfigKind::ConfigMap,
    ];

    /// `kind` in a manifest.
    pub fn word(self) -> &'static str {
        match self {
            ConfigKind::IpAddressPool => "IPAddressPool",
            ConfigKind::L2Advertisement => "L2Advertisement",
            ConfigKind::BgpAdvertisement => "BGPAdvertisement",
            ConfigKind::BgpPeer => "BGPPeer",
            ConfigKind::BfdProfile => "BFDProfile",
            ConfigKind::Community => "Community",
            ConfigKind::ConfigMap => "ConfigMap",
        }
    }

    /// `apiVersion` in a manifest: the one bramble reads and writes.
    pub fn api_version(self) -> &'static str {
        match self {
            ConfigKind::ConfigMap => "v1",
            // v1beta1 is deprecated since 0.14.9 and lacks the newer fields; 0.13.0 serves both.
            ConfigKind::BgpPeer => "metallb.io/v1beta2",
            _ => "metallb.io/v1beta1",
        }
    }

    /// The word in a path.
    pub fn plural(self) -> &'static str {
        match self {
            ConfigKind::IpAddressPool => "ipaddresspools",
            ConfigKind::L2Advertisement => "l2advertisements",
            ConfigKind::BgpAdvertisement => "bgpadvertisements",
            ConfigKind::BgpPeer => "bgppeers",
            ConfigKind::BfdProfile => "bfdprofiles",
            ConfigKind::Community => "communities",
            ConfigKind::ConfigMap => "configmaps",
        }
    }
}

impl Selection {
    /// Whether it takes a pool of this name and these labels.
    pub fn takes_pool(&self, pool: &str, labels: &Labels) -> bool {
        let takes_all = self.pools.is_empty() && self.pool_selectors.is_empty();
        takes_all
            || self.pools.iter().any(|name| **name == *pool)
            || self.pool_selectors.iter().any(|it| it.matches(labels))
    }

    pub fn takes_node(&self, labels: &Labels) -> bool {
        self.nodes.is_empty() || self.nodes.iter().any(|it| it.matches(labels))
    }

    pub fn takes_service(&self, labels: &Labels) -> bool {
        self.services.is_empty() || self.services.iter().any(|it| it.matches(labels))
    }
}
