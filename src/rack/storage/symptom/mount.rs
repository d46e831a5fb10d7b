//! Pods that cannot mount: what the kubelet says, and what that means on a rack with NFS.

use std::collections::BTreeMap;

use crate::rack::Rack;
use crate::rack::node::NodeName;
use crate::rack::pod::{Pod, PodHealth};
use crate::rack::problem::{Problem, Severity, Subject};
use crate::rack::storage::StorageEvent;

/// One cause on one board, with everybody it holds up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Cause {
    NoClient,
    Denied,
    Silent,
    Other,
}

/// Pods that one cause holds up, with what is said of each.
type Held<'a> = Vec<(&'a Pod, &'a StorageEvent)>;

pub(super) fn check(rack: &Rack, problems: &mut Vec<Problem>) {
    let mut causes: BTreeMap<(Option<&NodeName>, Cause), Held<'_>> = BTreeMap::new();
    for pod in rack.pods().filter(|it| it.health() != PodHealth::Running) {
        let said = rack
            .storage
            .events(&pod.uid)
            .find(|it| &*it.reason == "FailedMount");
        if let Some(event) = said {
            let key = (pod.node.as_ref(), cause(&event.message));
            causes.entry(key).or_default().push((pod, event));
        }
    }
    for ((node, cause), mut held) in causes {
        held.sort_by(|a, b| (&a.0.namespace, &a.0.name).cmp(&(&b.0.namespace, &b.0.name)));
        problems.extend(problem(node, cause, &held));
    }
}

fn cause(message: &str) -> Cause {
    let message = message.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|it| message.contains(it));
    if says(&["access denied by server"]) {
        Cause::Denied
    } else if says(&[
        "helper program",
        "bad option",
        "unknown filesystem type 'nfs",
        "mount.nfs: not found",
    ]) {
        Cause::NoClient
    } else if says(&[
        "connection timed out",
        "connection refused",
        "no route to host",
        "deadlineexceeded",
    ]) {
        Cause::Silent
    } else {
        Cause::Other
    }
}

fn problem(
    node: Option<&NodeName>,
    cause: Cause,
    held: &[(&Pod, &StorageEvent)],
) -> Option<Problem> {
    let (pod, event) = held.first()?;
    let who = match held.len() {
        1 => format!("pod {}/{} cannot", pod.namespace, pod.name),
        count => format!("{count} pods cannot"),
    };
    let place = node.map_or_else(String::new, |it| format!(" on node {it}"));
    let board = node.map_or_else(|| "the board".to_owned(), |it| format!("node {it}"));
    let about = node.map_or(Subject::Storage, |it| Subject::Node(it.clone()));
    let mut problem = Problem::new(
        Severity::Warning,
        about,
        format!("{who} mount a volume{place}"),
    );
    problem = match cause {
        Cause::NoClient => problem
            .why(format!("{board} has no NFS client"))
            .next("sudo apt install nfs-common, on every board; the kubelet tries again by itself"),
        Cause::Denied => problem
            .why(format!("the NFS server refuses {board}"))
            .next("the export list must name the boards' own addresses, not those of pods: it is the kubelet that mounts"),
        Cause::Silent => problem
            .why("the NFS server does not answer")
            .next("is it up? TCP 2049 must be open from the boards, for NFSv3 111 as well; and the path must be exported"),
        Cause::Other => problem.next("the kubelet's words say more; it tries again by itself"),
    };
    for (pod, _) in held.iter().take(3).filter(|_| held.len() > 1) {
        problem = problem.evidence(format!("pod {}/{}", pod.namespace, pod.name));
    }
    // The last line of a mount's output is the one that says why.
    let last = event.message.lines().rev().find(|it| !it.trim().is_empty());
    Some(problem.evidence(last.unwrap_or_default().trim()))
}
