//! What the sources add up to: how the line stands as long as the server answers at all.

use crate::rack::link::{COUNT, LinkState, Source, SourceState};
use crate::rack::problem::{Problem, Severity, Subject};

/// What we know of one source.
pub(super) struct Seen {
    pub(super) source: Source,
    pub(super) told: SourceState,
    pub(super) is_flowing: bool,
    pub(super) unreadable: Option<Problem>,
}

impl Seen {
    pub(super) fn new(source: Source) -> Self {
        Self {
            source,
            told: SourceState::Waiting,
            is_flowing: false,
            unreadable: None,
        }
    }

    /// Its state while it flows.
    pub(super) fn live(&self) -> SourceState {
        match &self.unreadable {
            None => SourceState::Live,
            Some(problem) => SourceState::Failing(problem.clone()),
        }
    }

    fn is_forbidden(&self) -> bool {
        matches!(self.told, SourceState::Forbidden(_))
    }
}

/// How the line stands; `None` when the sources do not say yet.
pub(super) fn link(sources: &[Seen; COUNT], url: &str) -> Option<LinkState> {
    let is_core = |it: &&Seen| Source::CORE.contains(&it.source);
    let [nodes, others @ ..] = sources;
    let mut core = others.iter().filter(is_core);
    match &nodes.told {
        _ if nodes.is_flowing => Some(LinkState::Live),
        SourceState::Failing(problem) => Some(LinkState::Stale {
            problem: problem.clone(),
        }),
        SourceState::Absent => Some(LinkState::Stale {
            problem: no_kubernetes(url),
        }),
        SourceState::Forbidden(_) if flows(others) => Some(LinkState::Live),
        SourceState::Forbidden(problem) if core.all(Seen::is_forbidden) => {
            Some(LinkState::Denied {
                problem: problem.clone(),
            })
        }
        SourceState::Forbidden(_) | SourceState::Waiting | SourceState::Live => None,
    }
}

/// Anything is watched. Metrics are only asked now and then, and say nothing about the line.
fn flows(sources: &[Seen]) -> bool {
    let mut watched = sources.iter().filter(|it| it.source != Source::Metrics);
    watched.any(|it| it.is_flowing)
}

fn no_kubernetes(url: &str) -> Problem {
    let what = format!("{url} does not answer like a Kubernetes API");
    Problem::new(Severity::Critical, Subject::Link, what)
        .why("it knows no nodes (404)")
        .next("check server in the kubeconfig: address, port and path")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first sources as told, the others waiting.
    fn seen(told: [SourceState; 5]) -> [Seen; COUNT] {
        let mut told = told.into_iter();
        Source::ALL.map(|source| {
            let told = told.next().unwrap_or(SourceState::Waiting);
            let is_flowing = told == SourceState::Live;
            Seen {
                told,
                is_flowing,
                ..Seen::new(source)
            }
        })
    }

    #[test]
    fn the_nodes_decide_unless_they_may_not_be_seen() {
        use SourceState::{Absent, Live, Waiting};
        let problem = || Problem::new(Severity::Note, Subject::Link, "no");
        let no = || SourceState::Forbidden(problem());
        for (told, expected) in [
            ([Waiting, Live, Waiting, Waiting, Waiting], None),
            ([Live, no(), no(), no(), no()], Some(LinkState::Live)),
            ([no(), Waiting, Waiting, Waiting, Live], None),
            ([no(), no(), Live, no(), Absent], Some(LinkState::Live)),
            (
                [no(), no(), no(), no(), Absent],
                Some(LinkState::Denied { problem: problem() }),
            ),
            (
                [SourceState::Failing(problem()), Live, Live, Live, Live],
                Some(LinkState::Stale { problem: problem() }),
            ),
        ] {
            assert_eq!(link(&seen(told.clone()), "u"), expected, "{told:?}");
        }
    }
}
