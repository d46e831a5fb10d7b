//! The line to the API server and to each kind of object on it.

use std::time::Duration;

use crate::rack::problem::Problem;

/// One thing we read from the cluster. Each can be up, late or forbidden on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    Nodes,
    Leases,
    Pods,
    Events,
    Metrics,
}

impl Source {
    pub const ALL: [Source; 5] = [
        Source::Nodes,
        Source::Leases,
        Source::Pods,
        Source::Events,
        Source::Metrics,
    ];

    /// The word of the API for it, in the plural.
    pub fn word(self) -> &'static str {
        match self {
            Source::Nodes => "nodes",
            Source::Leases => "leases",
            Source::Pods => "pods",
            Source::Events => "events",
            Source::Metrics => "metrics",
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
    pub sources: [SourceState; 5],
    /// Which of them were read whole at least once.
    pub listed: [bool; 5],
}

impl Link {
    pub fn new(now: Duration) -> Self {
        Self {
            state: LinkState::Connecting,
            last_contact: None,
            since: now,
            sources: [const { SourceState::Waiting }; 5],
            listed: [false; 5],
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
        let [nodes, leases, pods, events, metrics] = &self.sources;
        match source {
            Source::Nodes => nodes,
            Source::Leases => leases,
            Source::Pods => pods,
            Source::Events => events,
            Source::Metrics => metrics,
        }
    }

    /// True once the source has been read whole, and as long as it may still be read.
    pub fn has_listed(&self, source: Source) -> bool {
        let known = Source::ALL
            .iter()
            .zip(self.listed)
            .any(|(it, listed)| *it == source && listed);
        known
            && !matches!(
                self.source(source),
                SourceState::Forbidden(_) | SourceState::Absent
            )
    }

    pub fn set_source(&mut self, source: Source, state: SourceState) {
        for ((known, slot), listed) in Source::ALL
            .iter()
            .zip(&mut self.sources)
            .zip(&mut self.listed)
        {
            if *known == source {
                *listed |= state == SourceState::Live;
                *slot = state;
                return;
            }
        }
    }
}
