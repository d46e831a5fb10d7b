//! A Pod as far as a node's row and detail need it.

use std::fmt;

use jiff::Timestamp;

use crate::rack::node::{NodeName, Uid};

/// A Pod in about 200 bytes: a big rack has twenty thousand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pod {
    pub uid: Uid,
    pub namespace: Box<str>,
    pub name: Box<str>,
    /// `None` while it waits for a place.
    pub node: Option<NodeName>,
    /// The STATUS word kubectl prints: `Running`, `CrashLoopBackOff`, `Completed`, `Terminating`, …
    pub status: Box<str>,
    pub ready: u16,
    pub containers: u16,
    pub restarts: u32,
    pub created: Option<Timestamp>,
    /// Kind of the controlling owner (`DaemonSet`, `ReplicaSet`, …); `None` for an unmanaged pod.
    pub owner: Option<Box<str>>,
    /// What a person calls the thing behind it: the Deployment of its ReplicaSet, else the owner itself.
    pub workload: Option<Box<Controller>>,
    /// Why it is not well, in words; empty when it is, or when nothing says why.
    pub why: Box<str>,
    /// Names of the `PersistentVolumeClaims` it uses, of its own namespace.
    pub claims: Box<[Box<str>]>,
}

/// What makes pods, and makes them anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Controller {
    /// `Deployment`, `StatefulSet`, `DaemonSet`, `Job`, `ReplicaSet`, …
    pub kind: Box<str>,
    pub name: Box<str>,
    pub maker: Maker,
}

/// Which one is meant of all that have had a name: what owns the pods, by its UID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Maker {
    pub uid: Uid,
    /// Pods do not tell the UID of a Deployment, only that of its ReplicaSet, which has this name.
    pub replica_set: Option<Box<str>>,
}

/// A pod by namespace and name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PodName {
    pub namespace: Box<str>,
    pub name: Box<str>,
}

impl fmt::Display for PodName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// Whether a pod is as it should be; decides its place in counts and its symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PodHealth {
    Running,
    /// Finished with success; holds no place any more.
    Done,
    /// On its way: being created, initialised, terminated, or not ready yet.
    Waiting,
    Failing,
}

impl Pod {
    pub fn health(&self) -> PodHealth {
        match &*self.status {
            "Running" if self.ready >= self.containers => PodHealth::Running,
            "Completed" | "Succeeded" => PodHealth::Done,
            "Running" | "Pending" | "ContainerCreating" | "PodInitializing" | "Terminating"
            | "SchedulingGated" => PodHealth::Waiting,
            word if word.starts_with("Init:")
                && !word.contains("Err")
                && !word.contains("BackOff") =>
            {
                PodHealth::Waiting
            }
            _ => PodHealth::Failing,
        }
    }
}

/// How many pods a node carries. Finished pods are not counted in `held`, as in the kubelet's own limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PodCounts {
    pub held: u32,
    pub failing: u32,
}
