//! What is said of a change of the kubeconfig: before, and when it is done.

use std::path::PathBuf;
use std::time::Duration;

use crate::rack::kubeconfig::{EntryChange, How, Plan, Request};
use crate::rack::kubeconfig_change::{Done, Order};
use crate::rack::problem::Problem;
use crate::rack::time::short;

/// The question before a change is written.
pub(super) fn title(request: &Request) -> String {
    match request {
        Request::Merge(_) => "Write this into the kubeconfig?".to_owned(),
        Request::UseContext { context } => format!("Make {context} the current context?"),
        Request::SetNamespace { context, .. } => format!("Set the namespace of {context}?"),
        Request::RenameContext { from, .. } => format!("Rename context {from}?"),
        Request::DeleteContext { context, .. } => format!("Delete context {context}?"),
    }
}

/// Everything a plan changes, a sentence each.
pub(super) fn changes(plan: &Plan) -> Vec<String> {
    let changed = plan
        .entries
        .iter()
        .filter(|entry| entry.how != How::Unchanged);
    let mut lines: Vec<String> = changed.map(entry).collect();
    lines.extend(current(plan));
    lines
}

/// `context lab becomes rack in ~/.kube/config`.
pub(super) fn entry(entry: &EntryChange) -> String {
    sentence(entry, |word| format!(" {word} {}", entry.file.display()))
}

/// The same where the file is said already.
pub(super) fn entry_alone(entry: &EntryChange) -> String {
    sentence(entry, |_| String::new())
}

fn sentence(entry: &EntryChange, place: impl Fn(&str) -> String) -> String {
    let (kind, name) = (entry.kind.word(), &entry.name);
    match (entry.how, &entry.was) {
        (How::Added, Some(was)) => {
            format!(
                "{kind} {name} ({was} in the source) is added{}",
                place("to")
            )
        }
        (How::Added, None) => format!("{kind} {name} is added{}", place("to")),
        (How::Updated, _) => {
            let fields = entry.fields.join(", ");
            format!("{kind} {name} is updated{}: {fields}", place("in"))
        }
        (How::Renamed, Some(was)) => format!("{kind} {was} becomes {name}{}", place("in")),
        (How::Renamed, None) => format!("{kind} {name} is renamed{}", place("in")),
        (How::Removed, _) => format!("{kind} {name} is removed{}", place("from")),
        (How::Unchanged, _) => format!("{kind} {name} stays as it is{}", place("in")),
    }
}

/// What becomes of current-context; nothing when it stays.
pub(super) fn current(plan: &Plan) -> Option<String> {
    let change = plan.current_context.as_ref()?;
    let from = change.from.as_deref().unwrap_or("not set");
    let to = change.to.as_deref().unwrap_or("not set any more");
    Some(format!("current-context becomes {to}; it is {from} now"))
}

/// One line for the foot of the screen.
pub(super) fn done(order: &Order, done: &Done) -> String {
    match (order, done) {
        (
            _,
            Done::Undone {
                what,
                restored,
                removed,
                kept,
            },
        ) => {
            let shown = |files: &mut dyn Iterator<Item = &PathBuf>| {
                let files: Vec<String> = files.map(|it| it.display().to_string()).collect();
                files.join(", ")
            };
            let files = shown(&mut restored.iter().chain(removed));
            let kept = if kept.is_empty() {
                String::new()
            } else {
                format!(
                    "; what was changed since is kept in {}",
                    shown(&mut kept.iter())
                )
            };
            format!("taken back ({what}): {files}{kept}")
        }
        (Order::Write { .. }, Done::Written { plan, .. }) if plan.is_nothing() => {
            "the kubeconfig said so already".to_owned()
        }
        (Order::Write { request, .. }, Done::Written { .. }) => {
            format!("{}; u takes it back", past(request))
        }
        (Order::Undo { .. }, Done::Written { .. }) => "taken back".to_owned(),
    }
}

fn past(request: &Request) -> String {
    match request {
        Request::Merge(merge) => format!("merged {}", merge.source.place),
        Request::UseContext { context } => format!("{context} is the current context"),
        Request::SetNamespace { context, namespace } => {
            let namespace = namespace.as_deref().unwrap_or("default");
            format!("context {context} looks at namespace {namespace}")
        }
        Request::RenameContext { from, to } => format!("context {from} is {to} now"),
        Request::DeleteContext { context, .. } => format!("context {context} is deleted"),
    }
}

/// `7m ago`.
pub(super) fn age(age: Option<Duration>) -> String {
    age.map_or_else(
        || "at an unknown time".to_owned(),
        |age| format!("{} ago", short(age)),
    )
}

/// A problem a line each: what, why, next.
pub(super) fn of_problem(problem: &Problem) -> Vec<String> {
    let texts = [&problem.what, &problem.why, &problem.next];
    texts
        .into_iter()
        .filter(|text| !text.is_empty())
        .cloned()
        .collect()
}
