//! One kind of object, followed for ever: listed once, watched from there, resumed from the last version after any
//! break, and listed again only when the server has forgotten that version.
//!
//! A source never decides how the line as a whole stands; it reports, and waits for the supervisor's word to dial.

mod asking;
mod list;
mod watch;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::decode::{Failed, Kind};
use super::error::Error;
use super::line::{Dial, Line, Report};
use crate::clients::backoff::Backoff;
use crate::rack::facts::Change;
use crate::rack::link::Source;
use crate::rack::problem::{Problem, Severity, Subject};

pub(super) use asking::asking;
pub(super) use list::{list, push_encoded};

/// What a source knows between two connections.
struct Progress {
    /// Where it is asked for; another place means another list.
    path: Cow<'static, str>,
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
        path: K::PATH.into(),
        version: None,
        needs_fresh: false,
        unreadable: BTreeMap::new(),
        backoff: Backoff::new(),
        garbage: 0,
    };
    let suits = |dial: &Dial| {
        let is_first = matches!(K::SOURCE, Source::Nodes | Source::Leases);
        (is_first || dial.has_nodes) && K::path(&dial.place).is_some()
    };
    loop {
        let mut gate = line.clone();
        let dial = tokio::select! {
            biased;
            dial = line.dial(suits) => dial,
            () = gate.until(is_shut::<K>) => {
                gate.report(Report::Gate(K::SOURCE, false)).await;
                gate.until(|dial| K::path(&dial.place).is_some()).await;
                gate.report(Report::Gate(K::SOURCE, true)).await;
                continue;
            }
        };
        let Some(path) = K::path(&dial.place) else {
            continue;
        };
        if progress.path != path {
            progress.path = path;
            progress.version = None;
        }
        let began = Instant::now();
        let mut streams = line.clone();
        let path = progress.path.clone();
        let is_over =
            |now: &Dial| now.epoch != dial.epoch || K::path(&now.place) != Some(path.clone());
        let end = tokio::select! {
            biased;
            () = streams.until(is_over) => continue,
            end = turn::<K>(&dial, &mut progress, &line) => end,
        };
        let pause = settle::<K>(end, began, &mut progress, &line).await;
        tokio::select! {
            () = sleep(pause) => {}
            () = streams.until(is_over) => {}
        }
    }
}

/// The cluster has no such kind.
fn is_shut<K: Kind>(dial: &Dial) -> bool {
    dial.is_up && dial.place.is_known() && K::path(&dial.place).is_none()
}

/// One connection's worth: a list when there is nothing to go on from, then the watch.
async fn turn<K: Kind>(dial: &Dial, progress: &mut Progress, line: &Line) -> End {
    if progress.version.is_none() {
        let fresh = progress.needs_fresh;
        let listed = list::<K>(&dial.connection, &progress.path, fresh, Some(line)).await;
        let listed = match listed {
            Ok(listed) => listed,
            Err(error) => return error.into(),
        };
        progress.unreadable = listed.failed;
        progress.version = Some(listed.version);
        let change = Change::Listed(listed.items);
        notice(&change, line).await;
        line.tell(K::fact(change)).await;
        line.report(Report::Live(K::SOURCE)).await;
        if !progress.unreadable.is_empty() {
            line.report(progress.unreadable_report::<K>()).await;
        }
    }
    watch::watch::<K>(dial, progress, line).await
}

/// Passes on what a change tells about where others are.
async fn notice<K: Kind>(change: &Change<K>, line: &Line) {
    if let Some(notice) = K::notice(change) {
        line.report(Report::Noticed(notice)).await;
    }
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
            if matches!(error, Error::Missing { .. }) {
                line.doubt_kinds();
                progress.version = None;
            }
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
        _ => CAP_OTHERS,
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
