//! A Node and its Lease: the few fields of the API objects that bramble shows, under the API's own names.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use jiff::Timestamp;

/// The name of a Node, which is also the name of its Lease in `kube-node-lease`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeName(pub Box<str>);

impl NodeName {
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `metadata.uid`: what a cursor or a mark holds on to, because a reflashed board comes back under its old name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uid(pub Box<str>);

/// `metadata.resourceVersion`, opaque: only ever sent back.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ResourceVersion(pub Box<str>);

/// A Node, without what bramble does not show (images, managedFields, most annotations).
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    pub name: NodeName,
    pub uid: Uid,
    pub resource_version: ResourceVersion,
    pub created: Option<Timestamp>,
    pub labels: BTreeMap<Box<str>, Box<str>>,
    pub taints: Vec<Taint>,
    /// `spec.unschedulable`: cordoned.
    pub unschedulable: bool,
    pub addresses: Vec<Address>,
    pub conditions: Vec<Condition>,
    pub capacity: Resources,
    pub allocatable: Resources,
    pub info: NodeInfo,
    pub pod_cidrs: Vec<Box<str>>,
    /// Of the arguments k3s was started with (`k3s.io/node-args`), those of [`KEPT_ARGS`] as `--flag=value`.
    pub k3s_args: Vec<Box<str>>,
}

/// The flags of k3s that decide about Services; others may hold secrets and are dropped on arrival.
pub const KEPT_ARGS: [&str; 3] = ["--disable", "--no-deploy", "--kube-proxy-arg"];

/// Keeps the flags of [`KEPT_ARGS`], whose values may stand behind `=` or as the next argument.
pub fn kept_args(all: &[String]) -> Vec<Box<str>> {
    let mut kept = Vec::new();
    for (argument, next) in all.iter().zip(all.iter().skip(1).map(Some).chain([None])) {
        let (flag, value) = match argument.split_once('=') {
            Some((flag, value)) => (flag, Some(value)),
            None => (argument.as_str(), next.map(String::as_str)),
        };
        if let (true, Some(value)) = (KEPT_ARGS.contains(&flag), value) {
            kept.push(format!("{flag}={value}").into());
        }
    }
    kept
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taint {
    pub key: Box<str>,
    pub value: Box<str>,
    /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`; whatever the server said.
    pub effect: Box<str>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// `InternalIP`, `ExternalIP`, `Hostname`.
    pub kind: Box<str>,
    pub address: Box<str>,
}

/// One entry of `status.conditions`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// `Ready`, `MemoryPressure`, …
    pub kind: Box<str>,
    pub status: Truth,
    pub reason: Box<str>,
    pub message: Box<str>,
    /// `lastTransitionTime`.
    pub since: Option<Timestamp>,
}

/// The three values of a condition's status; anything else is read as `Unknown`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truth {
    True,
    False,
    Unknown,
}

/// CPU in thousandths of a core, memory and disk in bytes; `None` where the node does not say or it is unreadable.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Resources {
    pub cpu_milli: Option<u64>,
    pub memory_bytes: Option<u64>,
    pub disk_bytes: Option<u64>,
    pub pods: Option<u64>,
}

/// `status.nodeInfo`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodeInfo {
    pub architecture: Box<str>,
    pub os_image: Box<str>,
    pub kernel_version: Box<str>,
    pub kubelet_version: Box<str>,
    pub container_runtime: Box<str>,
    pub machine_id: Box<str>,
    pub boot_id: Box<str>,
}

/// A Lease of `kube-node-lease`: the kubelet renews it every 10 seconds, that is the heartbeat of the board.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    pub node: NodeName,
    /// `spec.renewTime`, by the node's clock.
    pub renewed: Option<Timestamp>,
    /// `spec.leaseDurationSeconds`.
    pub duration: Option<Duration>,
}

/// What became of `kube-system/<node>.node-password.k3s` when its node was removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PasswordSecret {
    Gone,
    /// Still there: a reflashed board of that name would be refused.
    Left,
    /// It could not be looked at, and why.
    Unknown(String),
}

/// What a board is for, from its role labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    Server,
    Agent,
}

impl Role {
    pub fn word(self) -> &'static str {
        match self {
            Role::Server => "server",
            Role::Agent => "agent",
        }
    }
}

impl Node {
    pub fn condition(&self, kind: &str) -> Option<&Condition> {
        self.conditions
            .iter()
            .find(|condition| &*condition.kind == kind)
    }

    /// The Ready condition; `None` when the node reports no conditions at all.
    pub fn ready(&self) -> Option<Truth> {
        self.condition("Ready").map(|condition| condition.status)
    }

    pub fn role(&self) -> Role {
        let is_server = [
            "node-role.kubernetes.io/control-plane",
            "node-role.kubernetes.io/master",
            "node-role.kubernetes.io/etcd",
        ]
        .iter()
        .any(|label| self.labels.contains_key(*label));
        if is_server { Role::Server } else { Role::Agent }
    }

    pub fn internal_ip(&self) -> Option<&str> {
        self.addresses
            .iter()
            .find(|address| &*address.kind == "InternalIP")
            .map(|address| &*address.address)
    }

    /// The STATUS words as kubectl prints them (`Ready`, `NotReady`, `Ready,SchedulingDisabled` in our shorter words),
    /// then each pressure that holds.
    pub fn status_words(&self) -> Vec<&str> {
        let mut words = vec![match self.ready() {
            Some(Truth::True) => "Ready",
            Some(Truth::False | Truth::Unknown) => "NotReady",
            None => "Unknown",
        }];
        if self.unschedulable {
            words.push("cordoned");
        }
        for condition in self.troubles() {
            words.push(&condition.kind);
        }
        words
    }

    /// Conditions other than Ready that say something is wrong (`MemoryPressure`, `DiskPressure`, …).
    pub fn troubles(&self) -> impl Iterator<Item = &Condition> {
        self.conditions
            .iter()
            .filter(|condition| &*condition.kind != "Ready" && condition.status == Truth::True)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_arguments_about_services_are_kept_however_they_are_written() {
        let all = [
            "server",
            "--token",
            "secret",
            "--disable",
            "servicelb",
            "--kube-proxy-arg=proxy-mode=ipvs",
            "--no-deploy",
        ]
        .map(str::to_owned);
        let kept = kept_args(&all);
        let kept: Vec<&str> = kept.iter().map(|it| &**it).collect();
        assert_eq!(
            kept,
            ["--disable=servicelb", "--kube-proxy-arg=proxy-mode=ipvs"]
        );
    }
}
