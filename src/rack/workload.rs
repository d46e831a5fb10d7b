//! DaemonSets and Deployments, as far as they tell which address allocator runs where and in which version.

use std::fmt;

use jiff::Timestamp;

use crate::rack::node::Uid;
use crate::rack::pools::version::Version;
use crate::rack::service::ServiceName;

/// What makes pods, by kind, namespace and name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkloadRef {
    /// As the API calls it: `Deployment`, `StatefulSet`, `DaemonSet`, `Job`, `ReplicaSet`, …
    pub kind: Box<str>,
    pub namespace: Box<str>,
    pub name: Box<str>,
}

impl WorkloadRef {
    /// The short word of kubectl; `None` for kinds that are not known.
    pub fn word(&self) -> Option<&'static str> {
        match &*self.kind {
            "Deployment" => Some("deploy"),
            "StatefulSet" => Some("sts"),
            "DaemonSet" => Some("ds"),
            "ReplicaSet" => Some("rs"),
            "Job" => Some("job"),
            _ => None,
        }
    }

    /// True for what makes its pods anew one by one when its template changes.
    pub fn can_roll(&self) -> bool {
        matches!(self.word(), Some("deploy" | "sts" | "ds"))
    }

    /// True for what is asked for a number of pods.
    pub fn can_scale(&self) -> bool {
        matches!(self.word(), Some("deploy" | "sts" | "rs"))
    }
}

/// `deployment web/shop`.
impl fmt::Display for WorkloadRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {}/{}",
            self.kind.to_lowercase(),
            self.namespace,
            self.name
        )
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WorkloadKind {
    DaemonSet,
    Deployment,
}

/// A DaemonSet or a Deployment in about 300 bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workload {
    pub kind: WorkloadKind,
    pub namespace: Box<str>,
    pub name: Box<str>,
    pub uid: Uid,
    pub created: Option<Timestamp>,
    pub part: Part,
    /// The image of the container that does the work.
    pub image: Box<str>,
    /// Only the flags that matter here: `--config=`, `--lb-class=`, `--ignore-exclude-lb`, and of the environment
    /// `METALLB_BGP_TYPE=`. Others may hold secrets.
    pub flags: Vec<Box<str>>,
    /// Pods there should be; for a DaemonSet one per node that it tolerates.
    pub desired: u32,
    pub ready: u32,
}

/// What a workload is to us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// `speaker` of MetalLB: announces.
    Speaker,
    /// `controller` of MetalLB: allocates.
    Controller,
    /// A DaemonSet of k3s's servicelb (klipper), made for this Service.
    ServiceLb(Option<ServiceName>),
    KubeVip,
    PureLb,
    Cilium,
    Other,
}

impl Workload {
    /// The release in the tag of its image, if the tag is one.
    pub fn version(&self) -> Option<Version> {
        Version::parse(&self.image)
    }

    /// The value of a flag like `--config`; `Some("")` when it has none.
    pub fn flag(&self, name: &str) -> Option<&str> {
        self.flags.iter().find_map(|flag| {
            let rest = flag.strip_prefix(name)?;
            match rest.strip_prefix('=') {
                Some(value) => Some(value),
                None => rest.is_empty().then_some(""),
            }
        })
    }
}
