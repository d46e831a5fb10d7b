//! What `bramble kubeconfig` prints: plans, contexts, locks; as words, as changed lines, as JSON.
//!
//! Invariant: everything that comes from a file is cleaned of control characters; nothing secret comes here at all.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::clients::kubeconfig_files::{HeldLock, Undone};
use crate::rack::kubeconfig::{ContextEntry, Credential, Files, How, Plan, days_left};
use crate::rack::problem::{Problem, Severity, Subject};
use crate::rack::time::short;
use crate::ui::text::{clean, width};

/// Text from outside, harmless.
pub(super) fn plain(text: &str) -> Cow<'_, str> {
    clean(text)
}

/// One line for each entry, then the lines that change; what was written, or would be.
pub(super) fn summary(plan: &Plan, backups: Option<&[PathBuf]>) -> String {
    let mut text = String::new();
    for entry in &plan.entries {
        let sign = match entry.how {
            How::Added => '+',
            How::Updated | How::Renamed => '~',
            How::Removed => '-',
            How::Unchanged => '=',
        };
        let was = entry
            .was
            .as_ref()
            .map(|was| format!(" (was {})", plain(was)))
            .unwrap_or_default();
        let fields = if entry.fields.is_empty() {
            String::new()
        } else {
            format!(": {}", plain(&entry.fields.join(", ")))
        };
        let (kind, how, file) = (entry.kind.word(), entry.how.word(), path(&entry.file));
        let _ = writeln!(
            text,
            "{sign} {kind:7} {}{was} {how}{fields}  in {file}",
            plain(&entry.name)
        );
    }
    if let Some(current) = &plan.current_context {
        let name = |it: &Option<String>| {
            it.as_deref()
                .map_or("none".to_owned(), |it| plain(it).into_owned())
        };
        let _ = writeln!(
            text,
            "~ current-context {} -> {}  in {}",
            name(&current.from),
            name(&current.to),
            path(&current.file)
        );
    }
    for conflict in &plan.conflicts {
        let _ = writeln!(
            text,
            "! {} {} is another one already  in {}",
            conflict.kind.word(),
            plain(&conflict.name),
            path(&conflict.file)
        );
        conflict.theirs.iter().for_each(|line| {
            let _ = writeln!(text, "    there: {}", plain(line));
        });
        conflict.ours.iter().for_each(|line| {
            let _ = writeln!(text, "    new:   {}", plain(line));
        });
        if !conflict.used_by.is_empty() {
            let _ = writeln!(text, "    used by: {}", plain(&conflict.used_by.join(", ")));
        }
    }
    for (kind, name) in &plan.orphans {
        let _ = writeln!(
            text,
            "  {} {} is used by no context now (--with-orphans deletes it too)",
            kind.word(),
            plain(name)
        );
    }
    match backups {
        _ if !plan.conflicts.is_empty() => {}
        _ if plan.is_nothing() => text.push_str("nothing to change\n"),
        Some(backups) => {
            for backup in backups {
                let _ = writeln!(text, "backup {}", path(backup));
            }
            text.push_str("take it back: bramble kubeconfig undo\n");
        }
        None => {
            text.push('\n');
            text.push_str(&diff(plan));
        }
    }
    text
}

pub(super) fn diff(plan: &Plan) -> String {
    let mut text = String::new();
    for file in plan.diff() {
        for line in file.to_string().lines() {
            let _ = writeln!(text, "{}", plain(line));
        }
    }
    text
}

pub(super) fn json(plan: &Plan, backups: Option<&[PathBuf]>) -> String {
    let entries = plan.entries.iter().map(|it| {
        json!({
            "kind": it.kind.word(), "name": it.name, "how": it.how.word(), "was": it.was,
            "file": it.file.display().to_string(), "fields": it.fields,
        })
    });
    let conflicts = plan.conflicts.iter().map(|it| {
        json!({
            "kind": it.kind.word(), "name": it.name, "file": it.file.display().to_string(),
            "theirs": it.theirs, "ours": it.ours, "freeName": it.free_name, "usedBy": it.used_by,
        })
    });
    let current = plan.current_context.as_ref().map(|it| {
        json!({
            "from": it.from, "to": it.to, "file": it.file.display().to_string(),
        })
    });
    let servers = plan.servers.iter().map(|it| {
        json!({
            "cluster": it.cluster, "url": it.url, "tlsServerName": it.tls_server_name,
        })
    });
    let backups = backups.map(|all| {
        all.iter()
            .map(|it| it.display().to_string())
            .collect::<Vec<_>>()
    });
    let all = json!({
        "written": backups.is_some() && !plan.is_nothing(),
        "entries": entries.collect::<Vec<_>>(),
        "currentContext": current,
        "conflicts": conflicts.collect::<Vec<_>>(),
        "orphans": plan.orphans.iter().map(|(kind, name)| json!({"kind": kind.word(), "name": name})).collect::<Vec<_>>(),
        "servers": servers.collect::<Vec<_>>(),
        "notes": plan.notes.iter().map(problem_as_json).collect::<Vec<_>>(),
        "backups": backups,
        "diff": plan.diff().iter().map(ToString::to_string).collect::<Vec<_>>().concat(),
    });
    format!("{all:#}\n")
}

fn problem_as_json(problem: &Problem) -> Value {
    json!({"severity": problem.severity.word(), "what": problem.what, "why": problem.why, "next": problem.next})
}

const TITLES: [&str; 7] = [
    "CURRENT",
    "NAME",
    "SERVER",
    "USER",
    "NAMESPACE",
    "CREDENTIAL",
    "FILE",
];

pub(super) fn contexts(contexts: &[ContextEntry], now: Timestamp) -> String {
    let rows = contexts.iter().map(|it| {
        let or_dash = |text: &str| {
            if text.is_empty() {
                "-".to_owned()
            } else {
                plain(text).into_owned()
            }
        };
        [
            if it.is_current { "*" } else { "" }.to_owned(),
            or_dash(&it.name),
            or_dash(&it.server),
            or_dash(&it.user),
            or_dash(it.namespace.as_deref().unwrap_or("")),
            credential(&it.credential, now),
            path(&it.file),
        ]
    });
    let rows: Vec<[String; 7]> = std::iter::once(TITLES.map(ToOwned::to_owned))
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

fn credential(credential: &Credential, now: Timestamp) -> String {
    match credential {
        Credential::Certificate { ends: None } => "certificate ?".to_owned(),
        Credential::Certificate { ends: Some(ends) } => match days_left(*ends, now) {
            days if days < 0 => format!("certificate over since {}d", -days),
            days => format!("certificate {days}d left"),
        },
        Credential::Plugin(name) => format!("plugin {}", plain(name)),
        other => other.word().to_owned(),
    }
}

pub(super) fn contexts_as_json(contexts: &[ContextEntry], now: Timestamp) -> String {
    let all = contexts.iter().map(|it| {
        let ends = it.credential.ends();
        json!({
            "name": it.name, "current": it.is_current, "cluster": it.cluster, "server": it.server, "user": it.user,
            "namespace": it.namespace, "credential": it.credential.word(),
            "certificateEnds": ends.map(|it| it.to_string()), "daysLeft": ends.map(|it| days_left(it, now)),
            "file": it.file.display().to_string(), "problem": it.problem.as_ref().map(problem_as_json),
        })
    });
    format!("{:#}\n", Value::Array(all.collect()))
}

pub(super) fn undone(undone: &Undone) -> String {
    let mut text = format!(
        "taken back: {} at {}\n",
        plain(&undone.what),
        undone.at.strftime("%F %TZ")
    );
    for file in &undone.restored {
        let _ = writeln!(text, "~ {} is as it was before", path(file));
    }
    for file in &undone.removed {
        let _ = writeln!(
            text,
            "- {} is gone again: there was none before",
            path(file)
        );
    }
    text
}

pub(super) fn locks(locks: &[HeldLock], are_gone: bool) -> String {
    let mut text = String::new();
    for lock in locks {
        let owner = lock
            .owner
            .as_deref()
            .unwrap_or("kubectl, or a tool like it, which leaves no name");
        let age = lock.age.map_or("?".to_owned(), short);
        let state = if are_gone { "removed" } else { "held" };
        let _ = writeln!(
            text,
            "{state}: {}, made {age} ago by {}",
            path(&lock.lock),
            plain(owner)
        );
    }
    if !are_gone {
        text.push_str(
            "when nothing is running any more, remove with: bramble kubeconfig unlock --yes\n",
        );
    }
    text
}

/// What to say when a name is taken and nobody said what to do.
pub(super) fn undecided(plan: &Plan) -> Problem {
    let names: Vec<String> = plan
        .conflicts
        .iter()
        .map(|it| format!("{} {}", it.kind.word(), it.name))
        .collect();
    let free = plan
        .conflicts
        .first()
        .map_or("NAME", |it| it.free_name.as_str());
    problem(
        Severity::Critical,
        format!(
            "nothing was written: {} would be overwritten",
            names.join(", ")
        ),
    )
    .why("another cluster or person has the name")
    .next(format!(
        "choose: --on-conflict replace, or another name: --name {free}"
    ))
}

pub(super) fn over(place: &str, ends: Timestamp) -> Problem {
    let what = format!(
        "the client certificate in {place} is over since {}",
        ends.strftime("%F")
    );
    problem(Severity::Warning, what)
        .next("take a fresh one from the server: k3s renews it when it starts")
}

pub(super) fn waiting() -> Problem {
    problem(
        Severity::Note,
        "reading a kubeconfig from standard input; end it with ctrl-d".to_owned(),
    )
}

pub(super) fn nowhere(files: &Files) -> Problem {
    let paths: Vec<String> = files
        .paths()
        .map(|path| path.display().to_string())
        .collect();
    problem(Severity::Note, "no kubeconfig was found".to_owned())
        .why(format!("looked for {}", paths.join(", ")))
        .next("merge one: bramble kubeconfig merge /etc/rancher/k3s/k3s.yaml")
}

fn problem(severity: Severity, what: String) -> Problem {
    Problem::new(severity, Subject::Kubeconfig, what)
}

fn path(path: &Path) -> String {
    plain(&path.display().to_string()).into_owned()
}
