//! `bramble nodes` and `bramble problems`: the same facts as the cockpit, on plain stdout.

use std::collections::HashMap;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::anyhow;
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout_at};

use crate::app::event_loop::Clock;
use crate::cli::{Failure, Output, Report, cockpit};
use crate::clients::kubernetes::{self, Target, Wants};
use crate::rack::Rack;
use crate::rack::facts::Fact;
use crate::rack::link::{LinkState, Source, SourceState};
use crate::rack::node::Node;
use crate::rack::problem::{Problem, Severity, Subject};
use crate::rack::time::short;
use crate::ui::text::clean;

/// How long a print waits for the facts beyond the nodes; what is missing then is printed as `?`.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) fn nodes(target: Target, report: Report) -> Result<ExitCode, Failure> {
    read(target, |mut reader| async move {
        let mut out = Printer::default();
        reader.until(|rack| is_complete(rack, &NODES)).await?;
        let mut widths = Widths::of(&reader.rack);
        out.nodes(&reader.rack, &mut widths, report.output)?;
        while report.watch && reader.next().await.is_some() {
            out.nodes(&reader.rack, &mut widths, report.output)?;
        }
        Ok(ExitCode::SUCCESS)
    })
}

pub(super) fn problems(target: Target, report: Report) -> Result<ExitCode, Failure> {
    read(target, |mut reader| async move {
        let mut out = Printer::default();
        reader.until(|rack| is_complete(rack, &Source::ALL)).await?;
        reader.rack.survey();
        out.problems(&reader.rack, report.output)?;
        while report.watch && reader.next().await.is_some() {
            reader.rack.survey();
            out.problems(&reader.rack, report.output)?;
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

    /// The next fact, with all that came with it; `None` when the connection has ended.
    async fn next(&mut self) -> Option<()> {
        let fact = self.facts.recv().await?;
        self.take_in(fact);
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

const TITLES: [&str; 8] = [
    "BEAT", "NODE", "ROLE", "STATUS", "CPU", "MEM", "PODS", "VERSION",
];

/// The widest each column has been: lines of a watch stay aligned.
struct Widths([usize; 8]);

impl Widths {
    fn of(rack: &Rack) -> Widths {
        let mut widths = Widths(TITLES.map(str::len));
        rack.nodes()
            .for_each(|node| widths.take_in(&row(rack, node)));
        widths
    }

    fn take_in(&mut self, row: &[String; 8]) {
        for (width, cell) in self.0.iter_mut().zip(row) {
            *width = (*width).max(unicode_width::UnicodeWidthStr::width(cell.as_str()));
        }
    }

    fn line<'a>(&self, cells: impl Iterator<Item = &'a str>) -> String {
        let mut line = String::new();
        for (cell, width) in cells.zip(self.0) {
            let pad = width.saturating_sub(unicode_width::UnicodeWidthStr::width(cell)) + 2;
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', pad));
        }
        line.trim_end().to_owned()
    }
}

/// What has been printed, so that a watch prints only what changed.
#[derive(Default)]
struct Printer {
    rows: HashMap<String, [String; 8]>,
    problems: Vec<Problem>,
    has_title: bool,
}

impl Printer {
    fn nodes(&mut self, rack: &Rack, widths: &mut Widths, output: Output) -> Result<(), Failure> {
        let mut lines = Vec::new();
        let is_first = !std::mem::replace(&mut self.has_title, true);
        let mut all = Vec::new();
        for node in rack.nodes() {
            let cells = row(rack, node);
            let is_new = self
                .rows
                .get(node.name.as_str())
                .is_none_or(|before| before.iter().skip(1).ne(cells.iter().skip(1)));
            if !is_new {
                continue;
            }
            widths.take_in(&cells);
            match output {
                Output::Table => lines.push(widths.line(cells.iter().map(String::as_str))),
                Output::Json if is_first => all.push(json_of(rack, node)),
                Output::Json => lines.push(json_of(rack, node).to_string()),
            }
            self.rows.insert(node.name.to_string(), cells);
        }
        match output {
            Output::Table if is_first => lines.insert(0, widths.line(TITLES.iter().copied())),
            Output::Json if is_first => lines.push(format!("{:#}", Value::Array(all))),
            _ => {}
        }
        write_lines(&lines)
    }

    fn problems(&mut self, rack: &Rack, output: Output) -> Result<(), Failure> {
        let is_first = !std::mem::replace(&mut self.has_title, true);
        let is_known = |problem: &&Problem| {
            self.problems
                .iter()
                .any(|it| (&it.about, &it.what) == (&problem.about, &problem.what))
        };
        let news: Vec<&Problem> = rack
            .problems
            .iter()
            .filter(|problem| !is_known(problem))
            .collect();
        let lines: Vec<String> = match output {
            Output::Table if is_first && news.is_empty() => vec!["nothing is wrong".to_owned()],
            Output::Table => news
                .iter()
                .map(|problem| {
                    format!(
                        "{:9} {}",
                        problem.severity.word(),
                        clean(&problem.sentence())
                    )
                })
                .collect(),
            Output::Json if is_first => vec![format!(
                "{:#}",
                Value::Array(news.iter().map(|problem| problem_json(problem)).collect())
            )],
            Output::Json => news
                .iter()
                .map(|problem| problem_json(problem).to_string())
                .collect(),
        };
        self.problems.clone_from(&rack.problems);
        write_lines(&lines)
    }
}

/// The cells of a node's line. Text from outside is made harmless: stdout may be a terminal.
fn row(rack: &Rack, node: &Node) -> [String; 8] {
    let unknown = || "?".to_owned();
    let percent = |used: Option<u64>, all: Option<u64>| match (used, all) {
        (Some(used), Some(all)) if all > 0 => format!("{}%", used.saturating_mul(100) / all),
        _ => "-".to_owned(),
    };
    let usage = rack.usage(&node.name);
    let reading = rack.reading(&node.name);
    let pulse = match reading.pulse {
        crate::rack::beat::Pulse::Late => ",late",
        crate::rack::beat::Pulse::Lost => ",lost",
        _ => "",
    };
    let version = &node.info.kubelet_version;
    [
        reading.age.map_or_else(unknown, short),
        clean(node.name.as_str()).into_owned(),
        node.role().word().to_owned(),
        clean(&format!("{}{pulse}", node.status_words().join(","))).into_owned(),
        percent(usage.map(|it| it.cpu_milli), node.allocatable.cpu_milli),
        percent(
            usage.map(|it| it.memory_bytes),
            node.allocatable.memory_bytes,
        ),
        rack.pod_counts(&node.name)
            .map_or_else(unknown, |counts| counts.held.to_string()),
        if version.is_empty() {
            unknown()
        } else {
            clean(version).into_owned()
        },
    ]
}

/// A node as JSON: raw values, `null` for what is not known.
fn json_of(rack: &Rack, node: &Node) -> Value {
    let reading = rack.reading(&node.name);
    let usage = rack.usage(&node.name);
    let counts = rack.pod_counts(&node.name);
    json!({
        "name": node.name.as_str(),
        "role": node.role().word(),
        "status": node.status_words(),
        "beat": format!("{:?}", reading.pulse).to_lowercase(),
        "beatAgeSeconds": reading.age.map(|age| age.as_secs()),
        "beatAgeIsEstimate": reading.is_estimate,
        "address": node.internal_ip(),
        "cpuMilli": usage.map(|it| it.cpu_milli),
        "memoryBytes": usage.map(|it| it.memory_bytes),
        "pods": counts.map(|it| it.held),
        "podsFailing": counts.map(|it| it.failing),
        "kubeletVersion": &*node.info.kubelet_version,
    })
}

fn problem_json(problem: &Problem) -> Value {
    let (kind, name) = match &problem.about {
        Subject::Node(name) => ("node", Some(name.to_string())),
        Subject::Service(name) => ("service", Some(name.to_string())),
        Subject::MetalLb => ("metallb", None),
        Subject::Link => ("link", None),
        Subject::Kubeconfig => ("kubeconfig", None),
        Subject::Settings => ("settings", None),
        Subject::Program => ("program", None),
    };
    json!({
        "severity": problem.severity.word(),
        "about": { "kind": kind, "name": name },
        "what": problem.what,
        "why": problem.why,
        "evidence": problem.evidence,
        "next": problem.next,
    })
}

/// A reader that went away (`| head`) ends the print quietly.
fn write_lines(lines: &[String]) -> Result<(), Failure> {
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
