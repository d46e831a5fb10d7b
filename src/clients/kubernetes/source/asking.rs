//! The right each kind needs, for the sentence that says it is missing.

use crate::clients::kubernetes::connection::Asking;
use crate::clients::kubernetes::error::Rule;
use crate::rack::link::Source;

const LIST: &str = "list";
const WATCH: &str = "list, watch";

/// One static per kind, because a rule is named in errors long after the request.
macro_rules! asking {
    ($verbs:expr, $resource:literal, $group:literal, $namespace:expr, $what:literal) => {{
        static RULE: Rule = Rule {
            verbs: $verbs,
            resource: $resource,
            group: $group,
            namespace: $namespace,
        };
        Asking {
            rule: &RULE,
            what: $what,
        }
    }};
    ($resource:literal, $group:literal, $what:literal) => {
        asking!(WATCH, $resource, $group, None, $what)
    };
    ($resource:literal) => {
        asking!(WATCH, $resource, "metallb.io", None, $resource)
    };
}

pub(in crate::clients::kubernetes) fn asking(source: Source) -> Asking {
    match source {
        Source::Nodes => asking!("nodes", "", "nodes"),
        Source::Leases => asking!(
            WATCH,
            "leases",
            "coordination.k8s.io",
            Some("kube-node-lease"),
            "leases of nodes"
        ),
        Source::Pods => asking!("pods", "", "pods"),
        Source::Events => asking!("events", "", "events of nodes"),
        Source::Metrics => asking!(
            LIST,
            "nodes",
            "metrics.k8s.io",
            None,
            "metrics.k8s.io (metrics-server is not installed)"
        ),
        Source::Services => asking!("services", "", "services"),
        Source::EndpointSlices => asking!("endpointslices", "discovery.k8s.io", "endpointslices"),
        Source::ServiceEvents => asking!("events", "", "events of services"),
        Source::DaemonSets => asking!("daemonsets", "apps", "daemonsets"),
        Source::Deployments | Source::Provisioners => asking!("deployments", "apps", "deployments"),
        Source::Namespaces => asking!("namespaces", "", "namespaces"),
        Source::PoolConfigMaps => asking!("configmaps", "", "configmaps"),
        Source::IpAddressPools => asking!("ipaddresspools"),
        Source::L2Advertisements => asking!("l2advertisements"),
        Source::BgpAdvertisements => asking!("bgpadvertisements"),
        Source::BgpPeers => asking!("bgppeers"),
        Source::BfdProfiles => asking!("bfdprofiles"),
        Source::Communities => asking!("communities"),
        Source::L2Statuses => asking!("servicel2statuses"),
        Source::BgpStatuses => asking!("servicebgpstatuses"),
        Source::ConfigurationStates => asking!("configurationstates"),
        Source::StorageClasses => asking!("storageclasses", "storage.k8s.io", "storageclasses"),
        Source::Claims => asking!("persistentvolumeclaims", "", "persistentvolumeclaims"),
        Source::Volumes => asking!("persistentvolumes", "", "persistentvolumes"),
        Source::ClaimEvents => asking!("events", "", "events of claims"),
        Source::MountEvents => asking!("events", "", "events of mounts"),
    }
}
