//! EndpointSlices: which pods stand behind a Service, where they run, and whether they are ready.

use std::collections::BTreeSet;

use crate::rack::node::NodeName;
use crate::rack::service::{Protocol, ServiceName};

/// A slice of the endpoints of one Service; a big Service has several, a dual-stack one at least two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointSlice {
    pub namespace: Box<str>,
    pub name: Box<str>,
    /// From the label `kubernetes.io/service-name`; a slice without it belongs to nobody we show.
    pub service: Option<ServiceName>,
    /// `IPv4`, `IPv6` or `FQDN`; whatever the server said.
    pub family: Box<str>,
    pub ports: Vec<EndpointPort>,
    pub endpoints: Vec<Endpoint>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointPort {
    pub name: Box<str>,
    pub protocol: Protocol,
    /// `None`: all ports.
    pub port: Option<u16>,
}

/// One pod (or one address made by hand).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The first of its addresses, which is the one kube-proxy uses.
    pub address: Box<str>,
    pub node: Option<NodeName>,
    /// The name of the pod, in the namespace of the slice; `None` for an address made by hand.
    pub pod: Option<Box<str>>,
    /// `conditions.ready`; a missing value reads as true, as the API says.
    pub is_ready: bool,
    /// `conditions.serving`; a missing value reads as `ready`.
    pub is_serving: bool,
    pub is_terminating: bool,
}

/// What the slices of one Service add up to. A pod that is in an IPv4 and an IPv6 slice counts once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Readiness {
    pub ready: usize,
    /// Ready, or going but still answering.
    pub serving: usize,
    pub terminating: usize,
    pub total: usize,
}

/// Adds up the slices of one Service.
pub fn readiness(slices: &[EndpointSlice]) -> Readiness {
    let families: BTreeSet<&str> = slices.iter().map(|slice| &*slice.family).collect();
    let of = |family: &str| {
        let of_family = slices.iter().filter(|slice| &*slice.family == family);
        let mut sum = Readiness::default();
        for endpoint in of_family.flat_map(|slice| &slice.endpoints) {
            sum.total += 1;
            sum.ready += usize::from(endpoint.is_ready);
            sum.serving += usize::from(endpoint.is_serving);
            sum.terminating += usize::from(endpoint.is_terminating);
        }
        sum
    };
    let sums = families.into_iter().map(of);
    sums.max_by_key(|sum| (sum.total, sum.ready))
        .unwrap_or_default()
}
