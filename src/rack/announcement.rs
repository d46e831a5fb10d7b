//! What MetalLB's speakers say they announce: ServiceL2Status and ServiceBGPStatus.
//!
//! It is what was written, not what is true: before 0.16 an entry could outlive its node.

use jiff::Timestamp;

use crate::rack::node::NodeName;
use crate::rack::service::ServiceName;

/// A ServiceL2Status: this node answers ARP and NDP for the Service's addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct L2Status {
    pub namespace: Box<str>,
    pub name: Box<str>,
    /// From the status, else from the labels `metallb.io/service-namespace` and `metallb.io/service-name`.
    pub service: Option<ServiceName>,
    /// From the status, else from the label `metallb.io/node`.
    pub node: Option<NodeName>,
    /// Names of network interfaces; empty means all.
    pub interfaces: Vec<Box<str>>,
    pub created: Option<Timestamp>,
}

/// A ServiceBGPStatus: this node means to announce the Service to these peers. It says nothing of the sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BgpStatus {
    pub namespace: Box<str>,
    pub name: Box<str>,
    pub service: Option<ServiceName>,
    pub node: Option<NodeName>,
    /// Names of BGPPeers.
    pub peers: Vec<Box<str>>,
}
