//! What is wrong, decided from the facts alone, worst first.
//!
//! Every rule gives a [`Problem`] that says what, why, the evidence and the next step. Nothing here guesses: a rule
//! whose facts are missing stays silent, and the missing facts are a problem of their own.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use crate::rack::Rack;
use crate::rack::beat::Pulse;
use crate::rack::link::{LinkState, Source, SourceState};
use crate::rack::node::{Node, NodeName, Truth};
use crate::rack::pod::Pod;
use crate::rack::problem::{Problem, Severity, Subject};
use crate::rack::time::short;

/// Everything wrong with the rack right now, worst first, then by object.
pub fn survey(rack: &Rack) -> Vec<Problem> {
    let mut problems = Vec::new();
    problems.extend(rack.link.problem().cloned());
    problems.extend(sources(rack));
    problems.extend(certificate(rack));
    for node in rack.nodes() {
        of_node(rack, node, &mut problems);
    }
    failing_pods(rack, &mut problems);
    shared_machine_ids(rack, &mut problems);
    problems.extend(rack.orphan_leases().map(orphan));
    problems.extend(rack.vips.problems().cloned());
    problems.extend(super::storage::symptom::problems(rack));
    problems.sort_by(worst_first);
    problems
}

fn worst_first(a: &Problem, b: &Problem) -> Ordering {
    (a.severity, &a.about, &a.what).cmp(&(b.severity, &b.about, &b.what))
}

fn sources(rack: &Rack) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut forbidden = Vec::new();
    for source in Source::ALL {
        match rack.link.source(source) {
            SourceState::Forbidden(problem) if source.is_of_metallb() => {
                forbidden.push((source, problem));
            }
            SourceState::Forbidden(problem) | SourceState::Failing(problem) => {
                // Two sources may stand on one rule, as the events of nodes and of services do: it is missing once.
                let is_said =
                    |said: &Problem| (&said.about, &said.what) == (&problem.about, &problem.what);
                if !problems.iter().any(is_said) {
                    problems.push(problem.clone());
                }
            }
            SourceState::Waiting | SourceState::Live | SourceState::Absent => {}
        }
    }
    problems.extend(metallb_forbidden(&forbidden));
    problems
}

/// One role is missing, not nine: MetalLB's kinds are granted together, by one command.
fn metallb_forbidden(forbidden: &[(Source, &Problem)]) -> Option<Problem> {
    let (first, problem) = *forbidden.first()?;
    if forbidden.len() == 1 {
        return Some(problem.clone());
    }
    let words: Vec<&str> = forbidden.iter().map(|(source, _)| source.word()).collect();
    let of_group = |word: &&str| format!("{word}.metallb.io");
    let resources: Vec<String> = words.iter().map(of_group).collect();
    let command = (problem.next)
        .replace(&of_group(&first.word()), &resources.join(","))
        .replace(&format!("bramble-{}-", first.word()), "bramble-");
    let what = format!(
        "not allowed: list, watch on {} kinds of metallb.io",
        words.len()
    );
    Some(
        Problem::new(problem.severity, problem.about.clone(), what)
            .why(&problem.why)
            .evidence(words.join(", "))
            .next(command),
    )
}

/// The client certificate of the kubeconfig: 60, 30 and 7 days before its end. k3s renews it only when the server
/// restarts within 120 days of the end, and the copy in a kubeconfig never.
fn certificate(rack: &Rack) -> Option<Problem> {
    let ends = rack.cluster.certificate_ends?;
    let left = rack.now.wall.duration_until(ends);
    let days = left.as_hours() / 24;
    let severity = match days {
        _ if left.is_negative() => Severity::Critical,
        ..7 => Severity::Critical,
        7..30 => Severity::Warning,
        30..60 => Severity::Note,
        _ => return None,
    };
    let context = &rack.cluster.context;
    let what = match (left.is_negative(), days) {
        (true, _) => format!("the client certificate of context \"{context}\" has expired"),
        (false, 0) => format!("the client certificate of context \"{context}\" expires today"),
        (false, 1) => format!("the client certificate of context \"{context}\" expires tomorrow"),
        (false, days) => {
            format!("the client certificate of context \"{context}\" expires in {days} days")
        }
    };
    Some(
        Problem::new(severity, Subject::Kubeconfig, what)
            .evidence(format!("not valid after {ends}"))
            .next("restart k3s on the server, which renews it, then merge its /etc/rancher/k3s/k3s.yaml anew"),
    )
}

fn of_node(rack: &Rack, node: &Node, problems: &mut Vec<Problem>) {
    heartbeat(rack, node, problems);
    conditions(rack, node, problems);
    problems.extend(clock(rack, node));
    problems.extend(skew(rack, node));
    let board = rack.boards.get(&node.name);
    problems.extend(
        board
            .into_iter()
            .flat_map(|it| it.problems(&node.name, rack.now)),
    );
    let backups = &rack.backups;
    problems.extend(backups.problem(&node.name.to_string(), &about(node), rack.now.wall));
    let drain = rack.drains.get(&node.uid);
    problems.extend(drain.and_then(|drain| drain.problem(rack.now)));
    if node.unschedulable {
        problems.push(
            Problem::new(
                Severity::Note,
                about(node),
                format!("node {} is cordoned", node.name),
            )
            .why("no new pods are placed on it")
            .next("uncordon it when the work on the board is done"),
        );
    }
}

fn heartbeat(rack: &Rack, node: &Node, problems: &mut Vec<Problem>) {
    let reading = rack.reading(&node.name);
    let age = reading.age.map(short).unwrap_or_default();
    let name = &node.name;
    match reading.pulse {
        Pulse::Lost => {
            let lease = rack
                .beat(name)
                .map(|beat| short(beat.lease_duration()))
                .unwrap_or_default();
            let problem = Problem::new(
                Severity::Critical,
                about(node),
                format!("node {name} has lost its heartbeat"),
            )
            .why(format!(
                "its Lease was renewed {age} ago and ran out after {lease}"
            ))
            .next("look at the board: power, network cable, LEDs; then k3s on it");
            problems.push(with_ready(problem, node, rack));
        }
        Pulse::Late => problems.push(
            Problem::new(
                Severity::Warning,
                about(node),
                format!("node {name} is late with its heartbeat"),
            )
            .why(format!(
                "its Lease was renewed {age} ago, it should be every 10s"
            ))
            .next("watch it; a loaded board or a poor network link does this"),
        ),
        Pulse::Unknown if rack.link.has_listed(Source::Leases) => problems.push(
            Problem::new(
                Severity::Warning,
                about(node),
                format!("node {name} has no heartbeat"),
            )
            .why("there is no renewed Lease of that name in kube-node-lease")
            .next("check that the kubelet of this node runs and has joined this cluster"),
        ),
        Pulse::Unknown | Pulse::Beating => {}
    }
    let flaps = rack.beat(name).map_or(0, super::beat::Beat::flaps);
    if flaps >= 2 {
        problems.push(
            Problem::new(
                Severity::Warning,
                about(node),
                format!("node {name} is flapping"),
            )
            .why(format!(
                "it was lost and came back {flaps} times within 10 minutes"
            ))
            .next("check its power supply and network link"),
        );
    }
}

fn conditions(rack: &Rack, node: &Node, problems: &mut Vec<Problem>) {
    let is_lost = rack.reading(&node.name).pulse == Pulse::Lost;
    match node.ready() {
        None => problems.push(
            Problem::new(
                Severity::Warning,
                about(node),
                format!("node {} reports no conditions", node.name),
            )
            .next("check that its kubelet has started"),
        ),
        // Said already, as evidence of the lost heartbeat.
        Some(Truth::False | Truth::Unknown) if is_lost => {}
        Some(Truth::False | Truth::Unknown) => {
            let problem = Problem::new(
                Severity::Critical,
                about(node),
                format!("node {} is NotReady", node.name),
            )
            .next("read the journal of k3s on the board");
            problems.push(with_ready(problem, node, rack));
        }
        Some(Truth::True) => {}
    }
    for condition in node.troubles() {
        let what = format!("node {} has {}", node.name, condition.kind);
        let problem = Problem::new(Severity::Warning, about(node), what);
        let mut problem = match meaning(&condition.kind) {
            Some((why, next)) => problem.why(why).next(next),
            // Not one of the kubelet's own: whoever set it has the words.
            None => problem
                .why(&*condition.message)
                .next("read the events of the node and the journal of k3s on the board"),
        };
        if let Some(since) = condition.since {
            problem = problem.evidence(format!(
                "{} since {}",
                condition.reason,
                short(rack.now.age_of(since))
            ));
        }
        problems.push(problem);
    }
}

/// What a condition that the kubelet sets comes to, and what to do; its message only repeats its name.
fn meaning(kind: &str) -> Option<(&'static str, &'static str)> {
    Some(match kind {
        "DiskPressure" => (
            "its disk is almost full: the kubelet deletes images and evicts pods, and no new ones are placed on it",
            "free space on the board: images, logs and volumes; or give it a bigger disk",
        ),
        "MemoryPressure" => (
            "its memory is almost used up: the kubelet evicts pods, and none without memory requests is placed on it",
            "find the pods that use the most memory; give them limits, or move some to another node",
        ),
        "PIDPressure" => (
            "almost no process numbers are left on it: the kubelet evicts pods, and no new ones are placed on it",
            "find the pod that starts so many processes, and stop it",
        ),
        "NetworkUnavailable" => (
            "the network of its pods is not set up: no new ones are placed on it",
            "read the journal of k3s on the board for what the network plugin says",
        ),
        _ => return None,
    })
}

/// Adds what the Ready condition says: its message as the reason when there is none yet, else as evidence.
fn with_ready(mut problem: Problem, node: &Node, rack: &Rack) -> Problem {
    let Some(ready) = node
        .condition("Ready")
        .filter(|ready| ready.status != Truth::True)
    else {
        return problem;
    };
    if problem.why.is_empty() {
        problem.why = ready.message.to_string();
    } else if !ready.message.is_empty() {
        problem = problem.evidence(&*ready.message);
    }
    let since = ready
        .since
        .map(|since| format!(" for {}", short(rack.now.age_of(since))))
        .unwrap_or_default();
    problem.evidence(format!("NotReady{since}: {}", ready.reason))
}

fn clock(rack: &Rack, node: &Node) -> Option<Problem> {
    let offset = rack.beat(&node.name)?.clock_offset()?;
    let ahead = if offset.is_positive() {
        "ahead of"
    } else {
        "behind"
    };
    let by = short(offset.unsigned_abs());
    Some(
        Problem::new(
            Severity::Warning,
            about(node),
            format!("the clock of node {} is {by} {ahead} ours", node.name),
        )
        .why("its heartbeats carry time stamps that far from our clock on arrival")
        .next("check time synchronisation on the board, and on this machine"),
    )
}

fn skew(rack: &Rack, node: &Node) -> Option<Problem> {
    let server = rack.cluster.version.as_deref()?;
    let kubelet = &*node.info.kubelet_version;
    (minor(kubelet)? > minor(server)?).then(|| {
        Problem::new(
            Severity::Warning,
            about(node),
            format!("node {} runs a kubelet newer than the server", node.name),
        )
        .why(format!(
            "the kubelet is {kubelet}, the server {server}; Kubernetes does not support that"
        ))
        .next("upgrade the server first, or install the server's version on the node")
    })
}

/// Pods that fail, by the node they are on, with their names.
fn failing_pods(rack: &Rack, problems: &mut Vec<Problem>) {
    let mut by_node: BTreeMap<&NodeName, Vec<&Pod>> = BTreeMap::new();
    for pod in rack.failing_pods() {
        if let Some(node) = pod.node.as_ref().filter(|node| rack.node(node).is_some()) {
            by_node.entry(node).or_default().push(pod);
        }
    }
    for (node, mut pods) in by_node {
        pods.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
        problems.push(failing_on(node, &pods));
    }
}

/// Pods named in one problem.
const NAMED: usize = 5;

fn failing_on(node: &NodeName, pods: &[&Pod]) -> Problem {
    let what = match pods {
        [pod] => format!("a pod on node {node} is failing: {}", pod.status),
        pods => format!("{} pods on node {node} are failing", pods.len()),
    };
    let line = |pod: &&Pod| {
        let restarts = match pod.restarts {
            0 => String::new(),
            1 => ", 1 restart".to_owned(),
            count => format!(", {count} restarts"),
        };
        format!("{}/{} {}{restarts}", pod.namespace, pod.name, pod.status)
    };
    let mut problem = Problem::new(Severity::Warning, Subject::Node(node.clone()), what)
        .next("read the log and the events of a failing pod: they say why");
    if let [pod] = pods {
        return problem.why(line(pod));
    }
    let mut statuses: BTreeMap<&str, usize> = BTreeMap::new();
    for pod in pods {
        *statuses.entry(&pod.status).or_default() += 1;
    }
    let counted = statuses
        .iter()
        .map(|(status, count)| format!("{count} {status}"));
    problem.why = counted.collect::<Vec<String>>().join(", ");
    problem.evidence = pods.iter().take(NAMED).map(line).collect();
    match pods.len().saturating_sub(NAMED) {
        0 => problem,
        more => problem.evidence(format!("and {more} more")),
    }
}

/// Two boards flashed from one image after its first boot share a machine-id; k3s, DHCP and the journal then mix
/// them up.
fn shared_machine_ids(rack: &Rack, problems: &mut Vec<Problem>) {
    let mut by_id: BTreeMap<&str, Vec<&Node>> = BTreeMap::new();
    for node in rack.nodes().filter(|node| !node.info.machine_id.is_empty()) {
        by_id.entry(&node.info.machine_id).or_default().push(node);
    }
    for (id, nodes) in by_id {
        let [first, _, ..] = nodes.as_slice() else {
            continue;
        };
        let names: Vec<&str> = nodes.iter().map(|node| node.name.as_str()).collect();
        problems.push(
            Problem::new(
                Severity::Warning,
                about(first),
                format!("nodes {} share one machine-id", names.join(", ")),
            )
            .why("they were flashed from the same image after its first boot")
            .evidence(format!("machine-id {id}"))
            .next("on one of them: rm /etc/machine-id && systemd-machine-id-setup, then reboot"),
        );
    }
}

fn orphan(name: &NodeName) -> Problem {
    Problem::new(
        Severity::Note,
        Subject::Node(name.clone()),
        format!("a Lease \"{name}\" belongs to no node"),
    )
    .why("the node was removed, or has not finished joining")
}

fn about(node: &Node) -> Subject {
    Subject::Node(node.name.clone())
}

/// Major and minor of `v1.33.4+k3s1`.
fn minor(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.trim_start_matches('v').split('.');
    let major = parts.next()?.parse().ok()?;
    let minor = parts.next()?;
    let digits = minor
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(minor.len());
    Some((major, minor.get(..digits)?.parse().ok()?))
}

impl Rack {
    /// Makes the list of problems anew.
    pub fn survey(&mut self) {
        self.derive_vips();
        self.problems = survey(self);
    }

    /// True when some link state other than live explains silence.
    pub fn is_nowhere(&self) -> bool {
        matches!(self.link.state, LinkState::Nowhere(_))
    }
}
