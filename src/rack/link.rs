//! The line to the API server and to each kind of object on it.

use std::time::Duration;

use crate::rack::problem::Problem;

/// How many sources there are.
pub const COUNT: usize = 27;

/// One thing we read from the cluster. Each can be up, late or forbidden on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    Nodes,
    Leases,
    Pods,
    /// Events of Nodes.
    Events,
    Metrics,
    Services,
    EndpointSlices,
    /// Events of Services.
    ServiceEvents,
    DaemonSets,
    /// Only those beside MetalLB's speaker.
    Deployments,
    /// Labels of namespaces, only while a pool asks for them.
    Namespaces,
    /// The ConfigMap of MetalLB before 0.13.
    PoolConfigMaps,
    IpAddressPools,
    L2Advertisements,
    BgpAdvertisements,
    BgpPeers,
    BfdProfiles,
    Communities,
    L2Statuses,
    BgpStatuses,
    ConfigurationStates,
    StorageClasses,
    Claims,
    Volumes,
    /// Deployments that make volumes; all are asked for, but only while a class wants one.
    Provisioners,
    ClaimEvents,
    /// `FailedMount` of pods.
    MountEvents,
}

impl Source {
    pub const ALL: [Source; COUNT] = [
        Source::Nodes,
        Source::Leases,
        Source::Pods,
        Source::Events,
        Source::Metrics,
        Source::Services,
        Source::EndpointSlices,
        Source::ServiceEvents,
        Source::DaemonSets,
        Source::Deployments,
        Source::Namespaces,
        Source::PoolConfigMaps,
        Source::IpAddressPools,
        Source::L2Advertisements,
        Source::BgpAdvertisements,
        Source::BgpPeers,
        Source::BfdProfiles,
        Source::Communities,
        Source::L2Statuses,
        Source::BgpStatuses,
        Source::ConfigurationStates,
        Source::StorageClasses,
        Source::Claims,
        Source::Volumes,
        Source::Provisioners,
        Source::ClaimEvents,
        Source::MountEvents,
    ];

    /// What the rack itself stands on; without any of them there is nothing to show.
    pub const CORE: [Source; 4] = [Source::Nodes, Source::Leases, Source::Pods, Source::Events];

    /// A kind of the group `metallb.io`.
    pub fn is_of_metallb(self) -> bool {
        matches!(
            self,
            Source::IpAddressPools
                | Source::L2Advertisements
                | Source::BgpAdvertisements
                | Source::BgpPeers
                | Source::BfdProfiles
                | Source::Communities
                | Source::L2Statuses
                | Source::BgpStatuses
                | Source::ConfigurationStates
        )
    }

    /// The place in [`Source::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }

    /// The word of the API for it, in the plural.
    pub fn word(self) -> &'static str {
        match self {
            Source::Nodes => "nodes",
            Source::Leases => "leases",
            Source::Pods => "pods",
            Source::Events => "events",
            Source::Metrics => "metrics",
            Source::Services => "services",
            Source::EndpointSlices => "endpointslices",
            Source::ServiceEvents => "events of services",
            Source::DaemonSets => "daemonsets",
            Source::Deployments => "deployments",
            Source::Namespaces => "namespaces",
            Source::PoolConfigMaps => "configmaps",
            Source::IpAddressPools => "ipaddresspools",
            Source::L2Advertisements => "l2advertisements",
            Source::BgpAdvertisements => "bgpadvertisements",
            Source::BgpPeers => "bgppeers",
            Source::BfdProfiles => "bfdprofiles",
            Source::Communities => "communities",
            Source::L2Statuses => "servicel2statuses",
            Source::BgpStatuses => "servicebgpstatuses",
            Source::ConfigurationStates => "configurationstates",
            Source::StorageClasses => "storageclasses",
            Source::Claims => "persistentvolumeclaims",
            Source::Volumes => "persistentvolumes",
            Source::Provisioners => "deployments of all namespaces",
            Source::ClaimEvents => "events of claims",
            Source::MountEvents => "events of mounts",
        }
    }
}

/// How one source stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceState {
    /// Asked, not answered yet.
    Waiting,
    /// Listed, and watched since (or polled, for metrics).
    Live,
    /// RBAC says no. The problem names the rule that is missing.
    Forbidden(Problem),
    /// The server does not have it (metrics without metrics-server).
    Absent,
    /// Something else goes wrong with this kind only; retried.
    Failing(Problem),
}

/// How the whole line to the API server stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkState {
    /// No kubeconfig, or one that names no usable cluster: nothing to connect to.
    Nowhere(Problem),
    Connecting,
    Live,
    /// It worked before and does not now (or never did, `last_contact` is `None` then). Retried for ever.
    Stale {
        problem: Problem,
    },
    /// The server knows us and refuses (401, 403 on everything), or our certificate has expired.
    Denied {
        problem: Problem,
    },
}

/// The line as the rack keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub state: LinkState,
    /// Our own clock at the last byte that came from the server.
    pub last_contact: Option<Duration>,
    /// When the present state began, by our own clock.
    pub since: Duration,
    /// Each source in the order of [`Source::ALL`].
    pub sources: [SourceState; COUNT],
    /// Which of them were read whole at least once.
    pub listed: [bool; COUNT],
}

impl Link {
    pub fn new(now: Duration) -> Self {
        Self {
            state: LinkState::Connecting,
            last_contact: None,
            since: now,
            sources: [const { SourceState::Waiting }; COUNT],
            listed: [false; COUNT],
        }
    }

    pub fn is_live(&self) -> bool {
        self.state == LinkState::Live
    }

    /// True when what is on the screen may no longer be so.
    pub fn is_stale(&self) -> bool {
        matches!(
            self.state,
            LinkState::Stale { .. } | LinkState::Denied { .. }
        )
    }

    /// What is wrong with the line, if anything.
    pub fn problem(&self) -> Option<&Problem> {
        match &self.state {
            LinkState::Nowhere(problem)
            | LinkState::Stale { problem }
            | LinkState::Denied { problem } => Some(problem),
            LinkState::Connecting | LinkState::Live => None,
        }
    }

    /// Enters a state; `since` moves only when the kind of state changes.
    pub fn set(&mut self, state: LinkState, now: Duration) {
        if std::mem::discriminant(&self.state) != std::mem::discriminant(&state) {
            self.since = now;
        }
        if state == LinkState::Live {
            self.last_contact = Some(now);
        }
        self.state = state;
    }

    pub fn source(&self, source: Source) -> &SourceState {
        static WAITING: SourceState = SourceState::Waiting;
        self.sources.get(source.index()).unwrap_or(&WAITING)
    }

    /// True once the source has been read whole, and as long as it may still be read.
    pub fn has_listed(&self, source: Source) -> bool {
        let known = self.listed.get(source.index()).is_some_and(|it| *it);
        known
            && !matches!(
                self.source(source),
                SourceState::Forbidden(_) | SourceState::Absent
            )
    }

    pub fn set_source(&mut self, source: Source, state: SourceState) {
        let index = source.index();
        let (Some(slot), Some(listed)) = (self.sources.get_mut(index), self.listed.get_mut(index))
        else {
            return;
        };
        *listed |= state == SourceState::Live;
        *slot = state;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_source_has_a_place_of_its_own() {
        for (index, source) in Source::ALL.into_iter().enumerate() {
            assert_eq!(source.index(), index, "{source:?}");
        }
    }
}
