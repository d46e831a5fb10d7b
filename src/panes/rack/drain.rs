//! Draining and removing a node: what is asked before, and what is refused because the cluster would stop.
//!
//! The rules stand in `rack/drain.rs` and `rack/quorum.rs`; here they become words.

use crate::effect::Effect;
use crate::msg::{Msg, Question};
use crate::panes::page::{Line, Piece, heading};
use crate::rack::Rack;
use crate::rack::beat::Pulse;
use crate::rack::drain::{Consent, Drain, End, Fate, Occupant, Plan, PodState, count};
use crate::rack::node::Node;
use crate::rack::problem::Subject;
use crate::rack::storage::view::hanging_without;
use crate::rack::time::short;

/// Names in a question; the rest is counted.
const NAMED: usize = 6;

/// Looks at the pods of a node before the question is asked.
pub(super) fn look(rack: &Rack, node: &Node) -> (Msg, Option<Effect>) {
    if rack.drains.get(&node.uid).is_some_and(Drain::is_running) {
        let text = format!("node {} is being drained; ctrl-c stops it", node.name);
        return (Msg::info(text), None);
    }
    let effect = Effect::PlanDrain {
        context: rack.cluster.context.clone(),
        node: node.name.clone(),
        uid: node.uid.clone(),
        is_swap: false,
    };
    let text = format!("looking at the pods of node {}", node.name);
    (Msg::info(text), Some(effect))
}

/// The question before a drain, or why it is refused.
pub(crate) fn ask(rack: &Rack, node: &Node, plan: &Plan) -> Msg {
    let leaving = plan.leaving().count();
    let takers = rack.takers(node);
    if takers.is_empty() && leaving > 0 {
        return Msg::warn(format!(
            "node {} is not drained: no other node takes pods now; make one Ready and uncordon it first",
            node.name
        ));
    }
    let forlorn: Vec<&Occupant> = plan.with_fate(Fate::LosePod).collect();
    let mut lines = plan_lines(plan);
    let is_silent = rack.reading(&node.name).pulse == Pulse::Lost;
    if is_silent && leaving > 0 {
        lines.push("It is silent: nothing on it can end its pods. They are marked to go and stay until it beats again or is removed; Deployments start theirs elsewhere at once, StatefulSets do not.".to_owned());
    }
    if let [only] = takers.as_slice() {
        lines.push(format!(
            "Only node {} takes pods: all of them go there.",
            only.name
        ));
    }
    if let Some(why) = rack.stops_without(node) {
        lines.push(format!("Do not switch the board off after that: {why}."));
    }
    if let Some(what) = hanging_without(rack, &node.name) {
        lines.push(format!("Do not switch the board off after that. {what}"));
    }
    lines.push(format!("Cluster: {}", rack.cluster.context));
    Msg::Ask(Question {
        about: vec![(Subject::Node(node.name.clone()), node.uid.clone())],
        typed: (!forlorn.is_empty()).then(|| node.name.to_string()),
        then: vec![Effect::Drain {
            context: rack.cluster.context.clone(),
            node: node.name.clone(),
            uid: node.uid.clone(),
            consent: Consent {
                lose_data: true,
                lose_pods: !forlorn.is_empty(),
                only_mark: is_silent,
            },
            is_swap: false,
        }],
        ..Question::new(format!("Drain node {}?", node.name), lines)
    })
}

/// What leaves, what stays, what is lost.
pub(super) fn plan_lines(plan: &Plan) -> Vec<String> {
    let leaving: Vec<&Occupant> = plan.leaving().collect();
    let mut lines = vec![match leaving.len() {
        0 => "It is cordoned; there are no pods to evict.".to_owned(),
        number => format!(
            "It is cordoned, then {} evicted, each with its own time to end: {}.",
            if number == 1 {
                "1 pod is".to_owned()
            } else {
                format!("{number} pods are")
            },
            names(&leaving)
        ),
    }];
    let daemons = plan.with_fate(Fate::DaemonSetStays).count();
    let mirrors = plan.with_fate(Fate::MirrorStays).count();
    let mut stay = Vec::new();
    if daemons > 0 {
        stay.push(format!("{} of DaemonSets", count(daemons, "pod", "pods")));
    }
    if mirrors > 0 {
        stay.push(count(mirrors, "static pod", "static pods"));
    }
    if !stay.is_empty() {
        lines.push(format!("Not touched: {}.", stay.join(" and ")));
    }
    let forlorn: Vec<&Occupant> = plan.with_fate(Fate::LosePod).collect();
    if !forlorn.is_empty() {
        lines.push(format!(
            "Nobody will make these again: {}.",
            names(&forlorn)
        ));
    }
    let losing: Vec<&Occupant> = leaving
        .iter()
        .filter(|pod| !pod.empty_dirs.is_empty() && !pod.is_finished)
        .copied()
        .collect();
    if !losing.is_empty() {
        lines.push(format!(
            "Lost is what these keep in emptyDir volumes: {}.",
            names(&losing)
        ));
    }
    let pinned = plan.pinned_pods();
    if !pinned.is_empty() {
        lines.push(format!(
            "These wait until the node is back, because their volume lies on it: {}.",
            names(&pinned)
        ));
    } else if plan.pinned.is_none() && leaving.iter().any(|pod| !pod.claims.is_empty()) {
        lines.push("? PersistentVolumes may not be read: pods whose volume lies on this node would wait for it.".to_owned());
    }
    lines
}

fn names(pods: &[&Occupant]) -> String {
    let mut names: Vec<String> = pods
        .iter()
        .take(NAMED)
        .map(|pod| pod.pod.to_string())
        .collect();
    if pods.len() > NAMED {
        names.push(format!("and {} more", pods.len() - NAMED));
    }
    names.join(", ")
}

/// The question before a node is removed, or why it is refused.
pub(super) fn ask_to_remove(rack: &Rack, node: &Node) -> Msg {
    let name = &node.name;
    if let Some(why) = rack.stops_without(node) {
        return Msg::warn(format!("node {name} is not removed: {why}"));
    }
    let mut lines = vec![
        "The Node and its Lease are deleted, and what ran there counts as gone. k3s forgets its password, so that \
         a new board may take the name."
            .to_owned(),
    ];
    let is_drained = rack
        .drains
        .get(&node.uid)
        .and_then(|drain| drain.end.as_ref());
    let is_drained = is_drained.is_some_and(|(end, _)| *end == End::Drained);
    let held = rack.pod_counts(name).map_or(0, |counts| counts.held);
    if !is_drained && held > 0 {
        let pods = count(held as usize, "pod", "pods");
        lines.push(format!(
            "It still holds {pods}: drain it first, so that they end in order."
        ));
    }
    if rack.reading(name).pulse == Pulse::Beating {
        lines.push(
            "The board is alive: its k3s runs on alone, and joins again when it is restarted. Switch it off or uninstall k3s on it."
                .to_owned(),
        );
    }
    lines.push(format!("Cluster: {}", rack.cluster.context));
    Msg::Ask(Question {
        about: vec![(Subject::Node(name.clone()), node.uid.clone())],
        typed: Some(name.to_string()),
        then: vec![Effect::RemoveNode {
            context: rack.cluster.context.clone(),
            node: name.clone(),
            uid: node.uid.clone(),
        }],
        ..Question::new(format!("Remove node {name} from the cluster?"), lines)
    })
}

/// How far a drain is, pod by pod, for the page of its node.
pub(super) fn section(drain: &Drain, rack: &Rack, lines: &mut Vec<Line>) {
    let since = |at| short(rack.now.since(at));
    heading(lines, format!("Drain: {}", drain.word()));
    match &drain.end {
        Some((End::Failed(problem), _)) => {
            lines.push(vec![(problem.what.clone(), Piece::Bad)]);
            for text in [&problem.why, &problem.next] {
                lines.push(vec![(format!("  {text}"), Piece::Label)]);
            }
        }
        Some((_, at)) => {
            let text = format!("ended {} ago; uncordon lets pods come again", since(*at));
            lines.push(vec![(text, Piece::Label)]);
        }
        None if drain.is_cancelling => {
            let text = "stopping: requests under way are waited for";
            lines.push(vec![(text.to_owned(), Piece::Warn)]);
        }
        None => {
            let text = format!("running for {}; ctrl-c stops it", since(drain.begun));
            lines.push(vec![(text, Piece::Label)]);
        }
    }
    let mut pods: Vec<_> = drain.pods.iter().flatten().collect();
    // What holds it up stands first.
    pods.sort_by_key(|departure| match departure.state {
        PodState::Failed(_) => 0,
        PodState::Held { .. } => 1,
        PodState::Leaving { .. } => 2,
        PodState::Waiting => 3,
        PodState::Gone => 4,
    });
    for departure in pods {
        let (word, why, piece) = match &departure.state {
            PodState::Failed(why) => ("cannot be evicted".to_owned(), why.as_str(), Piece::Bad),
            PodState::Held { why, since: at } => (
                format!("held for {}", since(*at)),
                why.as_str(),
                Piece::Warn,
            ),
            PodState::Leaving { since: at } => {
                (format!("ending for {}", since(*at)), "", Piece::Plain)
            }
            PodState::Waiting => ("to be evicted".to_owned(), "", Piece::Label),
            PodState::Gone => ("gone".to_owned(), "", Piece::Good),
        };
        lines.push(vec![
            (format!("{:44} ", departure.pod.to_string()), Piece::Plain),
            (word, piece),
        ]);
        if !why.is_empty() {
            lines.push(vec![(format!("  {why}"), Piece::Label)]);
        }
    }
}
