//! A Service as far as bramble shows it: who asked for which address, what it got, and what stands behind it.
//!
//! The API's own fields under the API's own names; no rule of MetalLB is decided here.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use jiff::Timestamp;

use crate::rack::node::{ResourceVersion, Uid};

/// `namespace/name`: what Services, their endpoints and their statuses are found by. Sorted as kubectl sorts them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceName {
    pub namespace: Box<str>,
    pub name: Box<str>,
}

/// A Service without what bramble does not show. About 600 bytes: a big rack has two thousand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    pub name: ServiceName,
    pub uid: Uid,
    pub resource_version: ResourceVersion,
    pub created: Option<Timestamp>,
    /// `metadata.deletionTimestamp`: it is going, and waits for its finalizers.
    pub deleted: Option<Timestamp>,
    pub finalizers: Vec<Box<str>>,
    /// Pools and advertisements may select Services by these.
    pub labels: BTreeMap<Box<str>, Box<str>>,
    /// Only those of address allocators, see [`is_of_allocator`]; all others are dropped on arrival.
    pub annotations: BTreeMap<Box<str>, Box<str>>,
    pub kind: ServiceKind,
    /// `spec.loadBalancerClass`; cannot be changed once set.
    pub class: Option<Box<str>>,
    /// `spec.clusterIPs`; `None` as text for a headless Service.
    pub cluster_ips: Vec<Box<str>>,
    /// `spec.ipFamilyPolicy`: `SingleStack`, `PreferDualStack`, `RequireDualStack`.
    pub family_policy: Option<Box<str>>,
    pub ports: Vec<ServicePort>,
    /// Empty: its endpoints are made by hand, or there are none.
    pub selector: BTreeMap<Box<str>, Box<str>>,
    pub external_traffic: TrafficPolicy,
    /// `spec.loadBalancerIP`, deprecated and still served.
    pub load_balancer_ip: Option<Box<str>>,
    /// `spec.allocateLoadBalancerNodePorts`; true unless said otherwise.
    pub allocates_node_ports: bool,
    /// `spec.publishNotReadyAddresses`.
    pub publishes_not_ready: bool,
    /// `status.loadBalancer.ingress`: the addresses it has.
    pub ingress: Vec<Ingress>,
}

/// `spec.type`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum ServiceKind {
    LoadBalancer,
    NodePort,
    #[default]
    ClusterIp,
    ExternalName,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServicePort {
    /// Empty when the Service has only one.
    pub name: Box<str>,
    pub protocol: Protocol,
    pub port: u16,
    pub target: TargetPort,
    /// `None` when it has none (yet).
    pub node_port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TargetPort {
    Number(u16),
    /// The name of a container's port.
    Name(Box<str>),
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    #[default]
    Tcp,
    Udp,
    Sctp,
}

/// `spec.externalTrafficPolicy`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TrafficPolicy {
    #[default]
    Cluster,
    Local,
}

/// One entry of `status.loadBalancer.ingress`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ingress {
    /// As the server wrote it; may be no address at all.
    pub ip: Box<str>,
    pub hostname: Box<str>,
    /// `VIP` or `Proxy`; servicelb sets it, MetalLB does not.
    pub mode: Box<str>,
}

/// What people ask MetalLB for by annotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// `address-pool`: an address out of this pool.
    Pool,
    /// `allow-shared-ip`: the sharing key.
    SharingKey,
    /// `loadBalancerIPs`: these addresses, separated by commas.
    Addresses,
    /// `ip-allocated-from-pool`: written by the controller.
    AllocatedFrom,
}

/// The value of a MetalLB annotation, and under which prefix it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Annotation<'a> {
    pub value: &'a str,
    /// `metallb.universe.tf/`, the only one before 0.14.9; else `metallb.io/`.
    pub has_old_prefix: bool,
}

/// The prefix since MetalLB 0.14.9, read first from then on.
pub const PREFIX: &str = "metallb.io/";
/// The prefix of all versions before, still read.
pub const OLD_PREFIX: &str = "metallb.universe.tf/";

/// Prefixes of annotations that are kept: MetalLB's two, then those of its neighbours.
const KEPT: [&str; 7] = [
    PREFIX,
    OLD_PREFIX,
    "kube-vip.io/",
    "purelb.io/",
    "lbipam.cilium.io/",
    "io.cilium/",
    "svccontroller.k3s.cattle.io/",
];

/// Whether an annotation (or a label put there by mistake) speaks to an address allocator.
pub fn is_of_allocator(key: &str) -> bool {
    KEPT.iter().any(|prefix| key.starts_with(prefix))
}

impl ServiceName {
    pub fn new(namespace: &str, name: &str) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
        }
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

impl Service {
    /// The addresses it has, in the order of its status. Text that is no address is left out.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.ingress.iter().filter_map(|it| it.ip.parse().ok())
    }

    pub fn is_load_balancer(&self) -> bool {
        self.kind == ServiceKind::LoadBalancer
    }

    /// Of type `LoadBalancer` and without any address.
    pub fn is_pending(&self) -> bool {
        self.is_load_balancer() && self.ingress.is_empty()
    }

    /// A MetalLB annotation; the new prefix wins, as in MetalLB since 0.14.9.
    pub fn annotation(&self, wish: Wish) -> Option<Annotation<'_>> {
        let under = |prefix: &str, has_old_prefix| {
            let value = self.annotations.get(&*format!("{prefix}{}", wish.key()))?;
            Some(Annotation {
                value,
                has_old_prefix,
            })
        };
        under(PREFIX, false).or_else(|| under(OLD_PREFIX, true))
    }

    /// The same under the old prefix alone, all that MetalLB before 0.14.9 reads.
    pub fn old_annotation(&self, wish: Wish) -> Option<&str> {
        let key = format!("{OLD_PREFIX}{}", wish.key());
        self.annotations.get(&*key).map(|value| &**value)
    }
}

impl Wish {
    /// The annotation without its prefix.
    pub fn key(self) -> &'static str {
        match self {
            Wish::Pool => "address-pool",
            Wish::SharingKey => "allow-shared-ip",
            Wish::Addresses => "loadBalancerIPs",
            Wish::AllocatedFrom => "ip-allocated-from-pool",
        }
    }
}

impl ServiceKind {
    /// The word kubectl prints.
    pub fn word(self) -> &'static str {
        match self {
            ServiceKind::LoadBalancer => "LoadBalancer",
            ServiceKind::NodePort => "NodePort",
            ServiceKind::ClusterIp => "ClusterIP",
            ServiceKind::ExternalName => "ExternalName",
        }
    }
}

impl Protocol {
    pub fn word(self) -> &'static str {
        match self {
            Protocol::Tcp => "TCP",
            Protocol::Udp => "UDP",
            Protocol::Sctp => "SCTP",
        }
    }
}

impl fmt::Display for TargetPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TargetPort::Number(number) => number.fmt(f),
            TargetPort::Name(name) => f.write_str(name),
        }
    }
}
