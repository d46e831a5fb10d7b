//! Events about Nodes and about Services.

use jiff::Timestamp;

use crate::rack::node::{NodeName, Uid};
use crate::rack::service::ServiceName;

/// An Event whose involvedObject is a Node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeEvent {
    pub uid: Uid,
    pub node: NodeName,
    /// `type: Warning`.
    pub is_warning: bool,
    pub reason: Box<str>,
    pub message: Box<str>,
    /// How often it was seen; at least 1.
    pub count: u32,
    /// The last time it was seen (`lastTimestamp`, else `series.lastObservedTime`, else `eventTime`, else creation).
    pub last: Option<Timestamp>,
}

/// An Event whose involvedObject is a Service: what allocators and announcers say about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceEvent {
    pub uid: Uid,
    pub service: ServiceName,
    /// The Service it was said about: one of the same name may have come since.
    pub service_uid: Uid,
    pub is_warning: bool,
    pub reason: Box<str>,
    pub message: Box<str>,
    /// `source.component`: `metallb-controller`, `metallb-speaker`, `service-lb-controller`, …
    pub component: Box<str>,
    /// How often it was seen; at least 1.
    pub count: u32,
    /// As in [`NodeEvent::last`].
    pub last: Option<Timestamp>,
}
