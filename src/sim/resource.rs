//! The resources the simulated API serves, and the words Kubernetes uses for each.
//!
//! It holds no objects. Invariant: every kind stands here exactly once, so discovery, routing
//! and error texts cannot disagree.

/// A kind of object the store keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Event,
    Namespace,
    Node,
    Pod,
    Service,
    ConfigMap,
    Lease,
    DaemonSet,
    Deployment,
    StatefulSet,
    Job,
    EndpointSlice,
    IpAddressPool,
    L2Advertisement,
    BgpAdvertisement,
    BgpPeer,
    BfdProfile,
    Community,
    L2Status,
    BgpStatus,
    ConfigurationState,
    Secret,
    PersistentVolume,
    PodDisruptionBudget,
    PersistentVolumeClaim,
    StorageClass,
    ServiceAccount,
    ClusterRole,
    ClusterRoleBinding,
    Role,
    RoleBinding,
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

/// A namespaced kind without anything special.
const fn plain(
    kind: Kind,
    group: &'static str,
    version: &'static str,
    name: &'static str,
    plural: &'static str,
) -> Resource {
    Resource {
        kind,
        name,
        group,
        version,
        plural,
        namespaced: true,
        short: "",
        fields: &[],
    }
}

/// The group of MetalLB's kinds.
pub(crate) const METALLB: &str = "metallb.io";

/// How many kinds there are.
pub(crate) const COUNT: usize = 31;

/// All of them, in the order of [`Kind`].
pub(crate) static ALL: [Resource; COUNT] = [
    Resource {
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
        ..plain(Kind::Event, "", "v1", "Event", "events")
    },
    Resource {
        namespaced: false,
        short: "ns",
        fields: &["status.phase"],
        ..plain(Kind::Namespace, "", "v1", "Namespace", "namespaces")
    },
    Resource {
        namespaced: false,
        short: "no",
        fields: &["spec.unschedulable"],
        ..plain(Kind::Node, "", "v1", "Node", "nodes")
    },
    Resource {
        short: "po",
        fields: &["spec.nodeName", "status.phase", "spec.restartPolicy"],
        ..plain(Kind::Pod, "", "v1", "Pod", "pods")
    },
    Resource {
        short: "svc",
        fields: &["spec.clusterIP", "spec.type"],
        ..plain(Kind::Service, "", "v1", "Service", "services")
    },
    Resource {
        short: "cm",
        ..plain(Kind::ConfigMap, "", "v1", "ConfigMap", "configmaps")
    },
    plain(Kind::Lease, "coordination.k8s.io", "v1", "Lease", "leases"),
    Resource {
        short: "ds",
        ..plain(Kind::DaemonSet, "apps", "v1", "DaemonSet", "daemonsets")
    },
    Resource {
        short: "deploy",
        ..plain(Kind::Deployment, "apps", "v1", "Deployment", "deployments")
    },
    Resource {
        short: "sts",
        ..plain(
            Kind::StatefulSet,
            "apps",
            "v1",
            "StatefulSet",
            "statefulsets",
        )
    },
    plain(Kind::Job, "batch", "v1", "Job", "jobs"),
    plain(
        Kind::EndpointSlice,
        "discovery.k8s.io",
        "v1",
        "EndpointSlice",
        "endpointslices",
    ),
    metallb(Kind::IpAddressPool, "IPAddressPool", "ipaddresspools"),
    metallb(Kind::L2Advertisement, "L2Advertisement", "l2advertisements"),
    metallb(
        Kind::BgpAdvertisement,
        "BGPAdvertisement",
        "bgpadvertisements",
    ),
    Resource {
        version: "v1beta2",
        ..metallb(Kind::BgpPeer, "BGPPeer", "bgppeers")
    },
    metallb(Kind::BfdProfile, "BFDProfile", "bfdprofiles"),
    metallb(Kind::Community, "Community", "communities"),
    metallb(Kind::L2Status, "ServiceL2Status", "servicel2statuses"),
    metallb(Kind::BgpStatus, "ServiceBGPStatus", "servicebgpstatuses"),
    metallb(
        Kind::ConfigurationState,
        "ConfigurationState",
        "configurationstates",
    ),
    Resource {
        fields: &["type"],
        ..plain(Kind::Secret, "", "v1", "Secret", "secrets")
    },
    Resource {
        namespaced: false,
        short: "pv",
        ..plain(
            Kind::PersistentVolume,
            "",
            "v1",
            "PersistentVolume",
            "persistentvolumes",
        )
    },
    Resource {
        short: "pdb",
        ..plain(
            Kind::PodDisruptionBudget,
            "policy",
            "v1",
            "PodDisruptionBudget",
            "poddisruptionbudgets",
        )
    },
    Resource {
        short: "pvc",
        ..plain(
            Kind::PersistentVolumeClaim,
            "",
            "v1",
            "PersistentVolumeClaim",
            "persistentvolumeclaims",
        )
    },
    Resource {
        namespaced: false,
        short: "sc",
        ..plain(
            Kind::StorageClass,
            "storage.k8s.io",
            "v1",
            "StorageClass",
            "storageclasses",
        )
    },
    Resource {
        short: "sa",
        ..plain(
            Kind::ServiceAccount,
            "",
            "v1",
            "ServiceAccount",
            "serviceaccounts",
        )
    },
    Resource {
        namespaced: false,
        ..rbac(Kind::ClusterRole, "ClusterRole", "clusterroles")
    },
    Resource {
        namespaced: false,
        ..rbac(
            Kind::ClusterRoleBinding,
            "ClusterRoleBinding",
            "clusterrolebindings",
        )
    },
    rbac(Kind::Role, "Role", "roles"),
    rbac(Kind::RoleBinding, "RoleBinding", "rolebindings"),
];

/// Who may do what: kept as it is given, and never asked.
const fn rbac(kind: Kind, name: &'static str, plural: &'static str) -> Resource {
    plain(kind, "rbac.authorization.k8s.io", "v1", name, plural)
}

const fn metallb(kind: Kind, name: &'static str, plural: &'static str) -> Resource {
    plain(kind, METALLB, "v1beta1", name, plural)
}

impl Kind {
    pub(crate) fn resource(self) -> &'static Resource {
        // The table is in the order of the kinds, which a test keeps true.
        let [first, ..] = &ALL;
        ALL.get(self as usize).unwrap_or(first)
    }

    /// The kind of that name, like `Node`.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let found = ALL.iter().find(|resource| resource.name == name)?;
        Some(found.kind)
    }

    /// One that may not be installed.
    pub(crate) fn is_of_metallb(self) -> bool {
        self.resource().group == METALLB
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

#[cfg(test)]
mod tests {
    use super::ALL;

    #[test]
    fn every_kind_has_its_own_place_in_the_table() {
        for (index, resource) in ALL.iter().enumerate() {
            assert_eq!(resource.kind as usize, index, "{}", resource.name);
            assert_eq!(resource.kind.resource().name, resource.name);
        }
    }
}
