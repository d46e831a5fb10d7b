//! What `bramble kubeconfig` prints: plans, contexts, locks; as words, as changed lines, as JSON.
//!
//! Invariant: everything that comes from a file is cleaned of control characters; nothing secret comes here at all.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::clients::kubeconfig_files::{HeldLock, ServerCheck, Undone};
use crate::rack::kubeconfig::{Files, How, Plan};
use crate::rack::problem::{Problem, Severity, Subject};
use crate::rack::time::short;
use crate::ui::text::clean;

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

/// `checks` has what each server of the plan said, in the same order; it is empty when none was asked.
pub(super) fn json(plan: &Plan, backups: Option<&[PathBuf]>, checks: &[ServerCheck]) -> String {
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
    let servers = plan.servers.iter().enumerate().map(|(at, it)| {
        let check = checks.get(at);
        let problem = check.and_then(|check| check.problem(it));
        json!({
            "cluster": it.cluster, "url": it.url, "tlsServerName": it.tls_server_name,
            "check": check.map_or("not asked", ServerCheck::word),
            "names": check.map(ServerCheck::names), "problem": problem.as_ref().map(problem_as_json),
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

pub(super) fn problem_as_json(problem: &Problem) -> Value {
    json!({"severity": problem.severity.word(), "what": problem.what, "why": problem.why, "next": problem.next})
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
    for file in &undone.kept {
        let _ = writeln!(
            text,
            "what had been changed since is kept in {}",
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

pub(super) fn path(path: &Path) -> String {
    plain(&path.display().to_string()).into_owned()
}
