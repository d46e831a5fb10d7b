//! Events about Nodes, newest last.

use jiff::Timestamp;

use crate::rack::node::{NodeName, Uid};

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
