//! The resources the simulated API serves, and the words Kubernetes uses for each.
//!
//! It holds no objects. Invariant: every kind stands here exactly once, so discovery, routing
//! and error texts cannot disagree.

/// A kind of object the store keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Node,
    Pod,
    Lease,
    Event,
    Namespace,
    Secret,
    PersistentVolume,
    PodDisruptionBudget,
}

/// How a kind is addressed and described.
#[derive(Debug)]
pub(crate) struct Resource {
    pub(crate) kind: Kind,
    pub(crate) name: &'static str,
    pub(crate) group: &'static str,
    pub(crate) version: &'static str,
    pub(crate) plural: &'static str,
    pub(crate) namespaced: bool,
    pub(crate) short: &'static str,
    /// Field selectors the real server knows for this kind, besides name and namespace.
    pub(crate) fields: &'static [&'static str],
}

static NODE: Resource = Resource {
    kind: Kind::Node,
    name: "Node",
    group: "",
    version: "v1",
    plural: "nodes",
    namespaced: false,
    short: "no",
    fields: &["spec.unschedulable"],
};

static POD: Resource = Resource {
    kind: Kind::Pod,
    name: "Pod",
    group: "",
    version: "v1",
    plural: "pods",
    namespaced: true,
    short: "po",
    fields: &["spec.nodeName", "status.phase", "spec.restartPolicy"],
};

static LEASE: Resource = Resource {
    kind: Kind::Lease,
    name: "Lease",
    group: "coordination.k8s.io",
    version: "v1",
    plural: "leases",
    namespaced: true,
    short: "",
    fields: &[],
};

static EVENT: Resource = Resource {
    kind: Kind::Event,
    name: "Event",
    group: "",
    version: "v1",
    plural: "events",
    namespaced: true,
    short: "ev",
    fields: &[
        "involvedObject.kind",
        "involvedObject.namespace",
        "involvedObject.name",
        "involvedObject.uid",
        "reason",
        "type",
        "source",
    ],
};

static NAMESPACE: Resource = Resource {
    kind: Kind::Namespace,
    name: "Namespace",
    group: "",
    version: "v1",
    plural: "namespaces",
    namespaced: false,
    short: "ns",
    fields: &["status.phase"],
};

static SECRET: Resource = Resource {
    kind: Kind::Secret,
    name: "Secret",
    group: "",
    version: "v1",
    plural: "secrets",
    namespaced: true,
    short: "",
    fields: &["type"],
};

static PERSISTENT_VOLUME: Resource = Resource {
    kind: Kind::PersistentVolume,
    name: "PersistentVolume",
    group: "",
    version: "v1",
    plural: "persistentvolumes",
    namespaced: false,
    short: "pv",
    fields: &[],
};

static POD_DISRUPTION_BUDGET: Resource = Resource {
    kind: Kind::PodDisruptionBudget,
    name: "PodDisruptionBudget",
    group: "policy",
    version: "v1",
    plural: "poddisruptionbudgets",
    namespaced: true,
    short: "pdb",
    fields: &[],
};

/// All of them, in the order discovery lists them.
pub(crate) static ALL: [&Resource; 8] = [
    &EVENT,
    &NAMESPACE,
    &NODE,
    &PERSISTENT_VOLUME,
    &POD,
    &SECRET,
    &LEASE,
    &POD_DISRUPTION_BUDGET,
];

impl Kind {
    pub(crate) fn resource(self) -> &'static Resource {
        match self {
            Self::Node => &NODE,
            Self::Pod => &POD,
            Self::Lease => &LEASE,
            Self::Event => &EVENT,
            Self::Namespace => &NAMESPACE,
            Self::Secret => &SECRET,
            Self::PersistentVolume => &PERSISTENT_VOLUME,
            Self::PodDisruptionBudget => &POD_DISRUPTION_BUDGET,
        }
    }

    /// The kind of that name, like `Node`.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let found = ALL.iter().find(|resource| resource.name == name)?;
        Some(found.kind)
    }
}

impl Resource {
    /// `v1` or `coordination.k8s.io/v1`
    pub(crate) fn api_version(&self) -> String {
        match self.group {
            "" => self.version.to_owned(),
            group => format!("{group}/{}", self.version),
        }
    }

    /// The key of an object in the store: `name` or `namespace/name`.
    pub(crate) fn key(&self, namespace: &str, name: &str) -> String {
        if self.namespaced {
            format!("{namespace}/{name}")
        } else {
            name.to_owned()
        }
    }
}

/// The namespace (empty if there is none) and the name in a store key.
pub(crate) fn split_key(key: &str) -> (&str, &str) {
    key.split_once('/').unwrap_or(("", key))
}
