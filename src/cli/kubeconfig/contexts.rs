//! `bramble kubeconfig contexts`: a line for each context, with how the cluster behind it is when it may be asked.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{say, warn};
use crate::cli::{Failure, Output, cockpit, print};
use crate::clients::kubeconfig_files::{self as on_disk, Places};
use crate::clients::kubernetes;
use crate::rack::fleet::State;
use crate::rack::kubeconfig::{ContextEntry, Credential, days_left};
use crate::ui::text::width;

/// What a server gets to answer in: a person waits for the list.
const PATIENCE: Duration = Duration::from_secs(3);

const TITLES: [&str; 8] = [
    "CURRENT",
    "NAME",
    "HEALTH",
    "SERVER",
    "CREDENTIAL",
    "NAMESPACE",
    "USER",
    "FILE",
];

/// What is known of the clusters, by context; `None` when nobody was asked.
type Health = Option<BTreeMap<String, State>>;

pub(super) fn run(places: &Places, output: Output, probe: bool) -> Result<ExitCode, Failure> {
    let files = on_disk::read(&places.target);
    let contexts = files.contexts();
    let health = if probe && !contexts.is_empty() {
        let runtime = cockpit::runtime().map_err(Failure::usage)?;
        Some(runtime.block_on(kubernetes::look_once(&places.target, PATIENCE)))
    } else {
        None
    };
    let now = Timestamp::now();
    let code = print(|out| {
        let text = match output {
            Output::Table => table(&contexts, &health, now),
            Output::Json => as_json(&contexts, &health, now),
        };
        out.extend_from_slice(text.as_bytes());
        Ok(())
    })?;
    warn(&files.problems());
    if files.is_nowhere() {
        warn(&[say::nowhere(&files)]);
    }
    Ok(if files.is_usable() {
        code
    } else {
        ExitCode::from(2)
    })
}

fn table(contexts: &[ContextEntry], health: &Health, now: Timestamp) -> String {
    let rows = contexts.iter().map(|it| {
        let or_dash = |text: &str| match text {
            "" => "-".to_owned(),
            text => say::plain(text).into_owned(),
        };
        [
            if it.is_current { "*" } else { "" }.to_owned(),
            or_dash(&it.name),
            or_dash(&words(it, health)),
            or_dash(&it.server),
            credential(&it.credential, now),
            or_dash(it.namespace.as_deref().unwrap_or("")),
            or_dash(&it.user),
            say::path(&it.file),
        ]
    });
    let rows: Vec<[String; 8]> = std::iter::once(TITLES.map(ToOwned::to_owned))
        .chain(rows)
        .collect();
    let widest = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| width(cell))
            .max()
    };
    let widths: Vec<usize> = (0..TITLES.len())
        .map(|column| widest(column).unwrap_or(0))
        .collect();
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (cell, wide) in row.iter().zip(&widths) {
            line.push_str(cell);
            line.extend(std::iter::repeat_n(
                ' ',
                wide.saturating_sub(width(cell)) + 2,
            ));
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

/// `up v1.33.4, 4/4 nodes, 12 ms`; `down: refuses connections`. Empty when nobody was asked.
fn words(context: &ContextEntry, health: &Health) -> String {
    let Some(health) = health else {
        return String::new();
    };
    match health.get(&context.name) {
        None => "cannot be used".to_owned(),
        Some(State::Denied(fault)) => format!("denied: {}", fault.brief),
        Some(State::Down(fault)) => format!("down: {}", fault.brief),
        Some(State::Up(answer)) => {
            let mut text = format!("up {}", answer.words());
            if let Some((ready, all)) = answer.nodes {
                let _ = write!(text, ", {ready}/{all} nodes");
            }
            if let Some(latency) = answer.latency {
                let _ = write!(text, ", {} ms", latency.as_millis());
            }
            text
        }
    }
}

fn credential(credential: &Credential, now: Timestamp) -> String {
    match credential {
        Credential::Certificate { ends: None } => "certificate ?".to_owned(),
        Credential::Certificate { ends: Some(ends) } => match days_left(*ends, now) {
            days if days < 0 => format!("certificate ended {}d ago", -days),
            days => format!("certificate {days}d left"),
        },
        Credential::Plugin(name) => format!("plugin {}", say::plain(name)),
        other => other.word().to_owned(),
    }
}

fn as_json(contexts: &[ContextEntry], health: &Health, now: Timestamp) -> String {
    let all = contexts.iter().map(|it| {
        let ends = it.credential.ends();
        let state = health.as_ref().and_then(|health| health.get(&it.name));
        json!({
            "name": it.name, "current": it.is_current, "cluster": it.cluster, "server": it.server, "user": it.user,
            "namespace": it.namespace, "credential": it.credential.word(),
            "certificateEnds": ends.map(|it| it.to_string()), "daysLeft": ends.map(|it| days_left(it, now)),
            "file": it.file.display().to_string(), "problem": it.problem.as_ref().map(say::problem_as_json),
            "reachable": state.map(|it| !matches!(it, State::Down(_))),
            "health": state.map(state_as_json),
        })
    });
    format!("{:#}\n", Value::Array(all.collect()))
}

fn state_as_json(state: &State) -> Value {
    match state {
        State::Up(answer) => json!({
            "state": "up", "says": answer.words(), "version": answer.version,
            "nodesReady": answer.nodes.map(|it| it.0), "nodes": answer.nodes.map(|it| it.1),
            "latencyMillis": answer.latency.and_then(|it| u64::try_from(it.as_millis()).ok()),
            "anonymous": answer.is_anonymous,
        }),
        State::Denied(fault) => json!({
            "state": "denied", "says": fault.brief, "problem": say::problem_as_json(&fault.problem),
        }),
        State::Down(fault) => json!({
            "state": "down", "says": fault.brief, "problem": say::problem_as_json(&fault.problem),
        }),
    }
}
