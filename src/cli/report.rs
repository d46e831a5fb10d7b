//! `bramble nodes`, `bramble services`, `bramble pools`, `bramble storage` and `bramble problems`: the same facts as the cockpit, on plain stdout.
//!
//! With `--watch` every line carries the time, what goes away is said, and an outage is a line of its own: it never ends
//! the watch.

mod nodes;
mod pools;
pub(super) mod problems;
mod services;
pub(super) mod sheet;
mod storage;

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::anyhow;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout, timeout_at};

use crate::app::event_loop::Clock;
use crate::cli::{Failure, Output, Report, cockpit};
use crate::clients::kubernetes::{self, Target, Wants};
use crate::rack::Rack;
use crate::rack::facts::Fact;
use crate::rack::link::{LinkState, Source, SourceState};
use crate::rack::problem::{Problem, Severity};
use crate::rack::time::Now;
use crate::ui::text::clean;

/// How long a print waits for the facts beyond the nodes; what is missing then is printed as `?`.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a watch goes without looking: a heartbeat is late also when nothing comes.
const LOOK: Duration = Duration::from_secs(1);

pub(super) fn nodes(target: Target, report: Report) -> Result<ExitCode, Failure> {
    read(target, |mut reader| async move {
        let mut sheet = nodes::sheet(report);
        let mut link = LinkLine::default();
        reader.until(|rack| is_complete(rack, &NODES)).await?;
        write_lines(&sheet.first(nodes::rows(&reader.rack), reader.rack.now))?;
        while report.watch && reader.next().await.is_some() {
            write_lines(&link.news(&reader.rack, report.output))?;
            write_lines(&sheet.news(nodes::rows(&reader.rack), reader.rack.now))?;
        }
        Ok(ExitCode::SUCCESS)
    })
}

pub(super) fn pools(target: Target, report: Report) -> Result<ExitCode, Failure> {
    read(target, |mut reader| async move {
        let mut sheet = pools::sheet(report);
        let mut link = LinkLine::default();
        reader.until(|rack| is_complete(rack, &POOLS)).await?;
        pools::is_there(&reader.rack)?;
        write_lines(&sheet.first(pools::rows(&reader.rack), reader.rack.now))?;
        while report.watch && reader.next().await.is_some() {
            write_lines(&link.news(&reader.rack, report.output))?;
            write_lines(&sheet.news(pools::rows(&reader.rack), reader.rack.now))?;
        }
        Ok(ExitCode::SUCCESS)
    })
}

pub(super) fn services(
    target: Target,
    report: Report,
    shows_all: bool,
    fails_on_problems: bool,
) -> Result<ExitCode, Failure> {
    read(target, |mut reader| async move {
        let mut sheet = services::sheet(report);
        let mut link = LinkLine::default();
        reader.until(|rack| is_complete(rack, &Source::ALL)).await?;
        services::is_there(&reader.rack)?;
        reader.rack.survey();
        let mut is_wrong = services::is_wrong(&reader.rack);
        let rows = services::rows(&reader.rack, shows_all);
        write_lines(&sheet.first(rows, reader.rack.now))?;
        while report.watch && reader.next().await.is_some() {
            reader.rack.survey();
            is_wrong = services::is_wrong(&reader.rack);
            write_lines(&link.news(&reader.rack, report.output))?;
            let rows = services::rows(&reader.rack, shows_all);
            write_lines(&sheet.news(rows, reader.rack.now))?;
        }
        Ok(if fails_on_problems && is_wrong {
            ExitCode::from(1)
        } else {
            ExitCode::SUCCESS
        })
    })
}

pub(super) fn problems(target: Target, report: Report) -> Result<ExitCode, Failure> {
    read(target, |mut reader| async move {
        let mut list = problems::List::new(report);
        reader.until(|rack| is_complete(rack, &Source::ALL)).await?;
        reader.rack.survey();
        write_lines(&list.first(&reader.rack))?;
        while report.watch && reader.next().await.is_some() {
            reader.rack.survey();
            write_lines(&list.news(&reader.rack))?;
        }
        let is_wrong = reader
            .rack
            .problems
            .iter()
            .any(|problem| problem.severity < Severity::Note);
        Ok(if is_wrong {
            ExitCode::from(1)
        } else {
            ExitCode::SUCCESS
        })
    })
}

pub(super) fn storage(target: Target, report: Report) -> Result<ExitCode, Failure> {
    read(target, |mut reader| async move {
        let mut sheet = storage::sheet(report);
        let mut link = LinkLine::default();
        reader.until(|rack| is_complete(rack, &STORAGE)).await?;
        storage::is_there(&reader.rack)?;
        write_lines(&sheet.first(storage::rows(&reader.rack), reader.rack.now))?;
        while report.watch && reader.next().await.is_some() {
            write_lines(&link.news(&reader.rack, report.output))?;
            write_lines(&sheet.news(storage::rows(&reader.rack), reader.rack.now))?;
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// Follows the cluster in the background of `work`.
fn read<F>(target: Target, work: impl FnOnce(Reader) -> F) -> Result<ExitCode, Failure>
where
    F: Future<Output = Result<ExitCode, Failure>>,
{
    let runtime = cockpit::runtime().map_err(Failure::cluster)?;
    runtime.block_on(async {
        let clock = Clock::start();
        let (facts, receiver) = mpsc::channel(1_024);
        let (_wants, wants) = watch::channel(Wants { metrics: true });
        let reader = Reader { rack: Rack::new(clock.now()), facts: receiver, clock };
        tokio::select! {
            result = work(reader) => result,
            () = kubernetes::follow(target, wants, facts) => Err(Failure::cluster(anyhow!("the connection ended"))),
        }
    })
}

/// Facts as they come, kept in a rack.
struct Reader {
    rack: Rack,
    facts: mpsc::Receiver<Fact>,
    clock: Clock,
}

impl Reader {
    /// Waits until `is_enough`. A line that does not come up is an error at once: nobody is there to wait.
    async fn until(&mut self, is_enough: impl Fn(&Rack) -> bool) -> Result<(), Failure> {
        let deadline = Instant::now() + PATIENCE;
        while !is_enough(&self.rack) {
            let fact = match timeout_at(deadline, self.facts.recv()).await {
                Ok(Some(fact)) => fact,
                Ok(None) => return Err(Failure::cluster(anyhow!("the connection ended"))),
                Err(_) if self.rack.link.has_listed(Source::Nodes) => return Ok(()),
                Err(_) => {
                    return Err(Failure::cluster(anyhow!(
                        "the server did not answer within {}s",
                        PATIENCE.as_secs()
                    )));
                }
            };
            self.take_in(fact);
            if let Some(problem) = self.rack.link.problem() {
                return Err(failure(&self.rack.link.state, problem));
            }
            if let SourceState::Forbidden(problem) = self.rack.link.source(Source::Nodes) {
                return Err(Failure::cluster(anyhow!(problem.sentence())));
            }
        }
        Ok(())
    }

    /// The next facts, or a second without any; `None` when the connection has ended.
    async fn next(&mut self) -> Option<()> {
        match timeout(LOOK, self.facts.recv()).await {
            Ok(Some(fact)) => self.take_in(fact),
            Ok(None) => return None,
            Err(_) => self.rack.tick(self.clock.now()),
        }
        while let Ok(fact) = self.facts.try_recv() {
            self.take_in(fact);
        }
        Some(())
    }

    fn take_in(&mut self, fact: Fact) {
        self.rack.tick(self.clock.now());
        self.rack.apply(fact);
    }
}

fn failure(state: &LinkState, problem: &Problem) -> Failure {
    let error = anyhow!(problem.sentence());
    match state {
        LinkState::Nowhere(_) => Failure::usage(error),
        _ => Failure::cluster(error),
    }
}

/// What the table of nodes is made of.
const NODES: [Source; 5] = [
    Source::Nodes,
    Source::Leases,
    Source::Pods,
    Source::Events,
    Source::Metrics,
];

/// What the table of claims is made of.
const STORAGE: [Source; 6] = [
    Source::Pods,
    Source::StorageClasses,
    Source::Claims,
    Source::Volumes,
    Source::Provisioners,
    Source::ClaimEvents,
];

/// What the table of pools is made of.
const POOLS: [Source; 7] = [
    Source::Services,
    Source::DaemonSets,
    Source::Deployments,
    Source::PoolConfigMaps,
    Source::IpAddressPools,
    Source::L2Advertisements,
    Source::BgpAdvertisements,
];

/// True when each of these kinds has been read, or will not be.
fn is_complete(rack: &Rack, sources: &[Source]) -> bool {
    let is_settled = |source: &Source| match rack.link.source(*source) {
        SourceState::Waiting => false,
        SourceState::Live
        | SourceState::Forbidden(_)
        | SourceState::Absent
        | SourceState::Failing(_) => true,
    };
    sources.iter().all(is_settled)
}

/// What was last said of the connection.
#[derive(Default)]
struct LinkLine {
    problem: Option<Problem>,
}

impl LinkLine {
    /// A line when the connection went away or came back.
    fn news(&mut self, rack: &Rack, output: Output) -> Vec<String> {
        let problem = rack.link.problem().cloned();
        if problem == self.problem {
            return Vec::new();
        }
        self.problem.clone_from(&problem);
        let time = stamp(rack.now);
        let line = match (output, problem) {
            (Output::Table, Some(problem)) => {
                format!("{time}  no contact: {}", clean(&problem.sentence()))
            }
            (Output::Table, None) => format!("{time}  in contact again"),
            (Output::Json, problem) => json!({
                "time": rack.now.wall.to_string(),
                "link": if problem.is_some() { "stale" } else { "live" },
                "problem": problem.as_ref().map(problems::json_of),
            })
            .to_string(),
        };
        vec![line]
    }
}

/// The time of day where the person is.
fn stamp(now: Now) -> String {
    let time = now.wall.to_zoned(TimeZone::system());
    format!(
        "{:02}:{:02}:{:02}",
        time.hour(),
        time.minute(),
        time.second()
    )
}

/// A JSON object with the time it was seen.
fn stamped(mut object: Value, now: Now) -> Value {
    if let Some(fields) = object.as_object_mut() {
        fields.insert("time".to_owned(), json!(now.wall.to_string()));
    }
    object
}

/// A reader that went away (`| head`) ends the print quietly.
pub(super) fn write_lines(lines: &[String]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let written = lines
        .iter()
        .try_for_each(|line| writeln!(out, "{line}"))
        .and_then(|()| out.flush());
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(0),
        other => other.map_err(|error| {
            Failure::terminal(anyhow!(error).context("cannot write to standard output"))
        }),
    }
}
