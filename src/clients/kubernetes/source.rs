//! One kind of object, followed for ever: listed once, watched from there, resumed from the last version after any
//! break, and listed again only when the server has forgotten that version.
//!
//! A source never decides how the line as a whole stands; it reports, and waits for the supervisor's word to dial.

mod list;
mod watch;

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::backoff::Backoff;
use super::connection::Asking;
use super::decode::{Failed, Kind};
use super::error::{Error, Rule};
use super::line::{Dial, Line, Report};
use crate::rack::link::Source;
use crate::rack::problem::{Problem, Severity, Subject};

pub(super) use list::{list, push_encoded};

/// What a source knows between two connections.
struct Progress {
    /// The version to go on from; `None` makes a new list.
    version: Option<Box<str>>,
    /// The server's memory gave us a version it had forgotten: ask the datastore next time.
    needs_fresh: bool,
    /// Objects that could not be read, and why.
    unreadable: BTreeMap<String, String>,
    backoff: Backoff,
    garbage: u32,
}

/// How one connection of a source ended.
enum End {
    /// The watch ended, as every watch does; take it up again.
    Over,
    Expired,
    Failed(Error),
}

impl From<Error> for End {
    fn from(error: Error) -> Self {
        match error {
            Error::Expired => End::Expired,
            error => End::Failed(error),
        }
    }
}

/// Follows one kind. Never ends; dropped with the future it is part of.
pub(super) async fn follow<K: Kind>(mut line: Line) {
    let mut progress = Progress {
        version: None,
        needs_fresh: false,
        unreadable: BTreeMap::new(),
        backoff: Backoff::new(),
        garbage: 0,
    };
    let after_nodes = matches!(K::SOURCE, Source::Pods | Source::Events);
    loop {
        let dial = line.dial(after_nodes).await;
        let began = Instant::now();
        let mut streams = line.clone();
        let end = tokio::select! {
            biased;
            () = streams.is_over(dial.epoch) => continue,
            end = turn::<K>(&dial, &mut progress, &line) => end,
        };
        let pause = settle::<K>(end, began, &mut progress, &line).await;
        tokio::select! {
            () = sleep(pause) => {}
            () = streams.is_over(dial.epoch) => {}
        }
    }
}

/// One connection's worth: a list when there is nothing to go on from, then the watch.
async fn turn<K: Kind>(dial: &Dial, progress: &mut Progress, line: &Line) -> End {
    if progress.version.is_none() {
        let listed = list::<K>(&dial.connection, progress.needs_fresh, Some(line)).await;
        let listed = match listed {
            Ok(listed) => listed,
            Err(error) => return error.into(),
        };
        progress.unreadable = listed.failed;
        progress.version = Some(listed.version);
        line.tell(K::fact(crate::rack::facts::Change::Listed(listed.items)))
            .await;
        line.report(Report::Live(K::SOURCE)).await;
        if !progress.unreadable.is_empty() {
            line.report(progress.unreadable_report::<K>()).await;
        }
    }
    watch::watch::<K>(dial, progress, line).await
}

/// Reports how a connection ended, and says how long to wait.
async fn settle<K: Kind>(
    end: End,
    began: Instant,
    progress: &mut Progress,
    line: &Line,
) -> Duration {
    let lasted = began.elapsed();
    if lasted > Duration::from_secs(10) {
        progress.backoff.reset();
    }
    match end {
        // A server that ends every watch at once must not be asked in a circle.
        End::Over if lasted > Duration::from_secs(1) => Duration::ZERO,
        End::Over => progress.backoff.next(CAP),
        End::Expired => {
            progress.version = None;
            progress.needs_fresh = true;
            progress.backoff.next(CAP)
        }
        End::Failed(error) => {
            let was_live = progress.version.is_some();
            let pause = pause::<K>(&error, was_live, &mut progress.backoff);
            let tries = progress.backoff.tries();
            // Just after a restart the server may not have read its own roles yet.
            let is_passing = matches!(error, Error::Forbidden { .. }) && was_live && tries < 5;
            if !is_passing {
                let source = K::SOURCE;
                line.report(Report::Failed {
                    source,
                    error,
                    tries,
                })
                .await;
            }
            pause
        }
    }
}

/// A person waits for these: back within three seconds of the server's return.
const CAP: Duration = Duration::from_secs(2);
const CAP_OTHERS: Duration = Duration::from_secs(15);

fn pause<K: Kind>(error: &Error, was_live: bool, backoff: &mut Backoff) -> Duration {
    let cap = match K::SOURCE {
        Source::Nodes | Source::Leases => CAP,
        Source::Pods | Source::Events | Source::Metrics => CAP_OTHERS,
    };
    let usual = backoff.next(cap);
    match error {
        Error::Forbidden { .. } if was_live && backoff.tries() < 5 => usual.max(CAP / 2),
        Error::Forbidden { .. } | Error::Missing { .. } => {
            backoff.between(Duration::from_secs(30), Duration::from_secs(60))
        }
        Error::Busy {
            after: Some(after), ..
        } => (*after).min(Duration::from_secs(120)) + backoff.between(Duration::ZERO, CAP / 4),
        // The supervisor says when the credentials were renewed.
        Error::Unauthorized { .. } => Duration::from_secs(30),
        _ => usual,
    }
}

impl Progress {
    fn cannot_read<K: Kind>(&mut self, failed: Failed) -> Report {
        self.unreadable.insert(failed.name, failed.why);
        self.unreadable_report::<K>()
    }

    /// Forgets that an object could not be read, now that it can; `None` when that changes nothing.
    fn can_read<K: Kind>(&mut self, item: &K) -> Option<Report> {
        if self.unreadable.is_empty() {
            return None;
        }
        self.unreadable.remove(&item.name())?;
        Some(self.unreadable_report::<K>())
    }

    fn unreadable_report<K: Kind>(&self) -> Report {
        let word = K::SOURCE.word();
        let problem = self.unreadable.keys().next().map(|name| {
            let what = match self.unreadable.len() {
                1 => format!("cannot read {name} among the {word}"),
                more => format!("cannot read {name} and {} more of the {word}", more - 1),
            };
            let problem = Problem::new(Severity::Note, Subject::Link, what)
                .why("they are not of the shape bramble knows")
                .next("all others are shown; compare with kubectl get -o yaml");
            let lines = self.unreadable.iter().take(5);
            lines.fold(problem, |problem, (name, why)| {
                problem.evidence(format!("{name}: {why}"))
            })
        });
        Report::Unreadable(K::SOURCE, problem)
    }
}

/// The right each kind needs, for the sentence that says it is missing.
pub(super) const fn asking(source: Source) -> Asking {
    const fn rule(resource: &'static str, group: &'static str) -> Rule {
        Rule {
            verbs: "list, watch",
            resource,
            group,
            namespace: None,
        }
    }
    static NODES: Rule = rule("nodes", "");
    static PODS: Rule = rule("pods", "");
    static EVENTS: Rule = rule("events", "");
    static LEASES: Rule = Rule {
        namespace: Some("kube-node-lease"),
        ..rule("leases", "coordination.k8s.io")
    };
    static METRICS: Rule = Rule {
        verbs: "list",
        ..rule("nodes", "metrics.k8s.io")
    };
    match source {
        Source::Nodes => Asking {
            rule: &NODES,
            what: "nodes",
        },
        Source::Leases => Asking {
            rule: &LEASES,
            what: "leases of nodes",
        },
        Source::Pods => Asking {
            rule: &PODS,
            what: "pods",
        },
        Source::Events => Asking {
            rule: &EVENTS,
            what: "events of nodes",
        },
        Source::Metrics => Asking {
            rule: &METRICS,
            what: "metrics.k8s.io (metrics-server is not installed)",
        },
    }
}
