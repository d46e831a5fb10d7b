//! Questions before boards are changed. A plan is asked about in short lines; all of it is on the board's page.

use super::decided;
use crate::msg::{Msg, Question};
use crate::panes::Cx;
use crate::rack::onboard::findings::Fix;
use crate::rack::onboard::machine::{Event, Stage};
use crate::rack::onboard::plan::Plan;
use crate::rack::onboard::runs::Run;
use crate::rack::onboard::step::Step;

/// Boards that are named one by one in a question about all of them.
const NAMED: usize = 8;

fn plan(run: &Run) -> Option<&Plan> {
    match &run.board.stage {
        Stage::Planned(plan) => Some(plan),
        _ => None,
    }
}

fn is_final(plan: &Plan) -> bool {
    plan.steps.iter().any(Step::is_final)
}

/// The plan of one board.
pub(super) fn one(run: &Run, cx: &mut Cx<'_>) {
    let host = run.board.host();
    let Some(plan) = plan(run) else {
        let words = format!("no plan of {host} waits to be accepted");
        return cx.msgs.push(Msg::info(words));
    };
    let mut question = Question::new(format!("Do this on board {host}?"), plan.brief());
    question.typed = is_final(plan).then(|| plan.node.clone());
    question.then = vec![decided(host, Event::Accepted)];
    cx.msgs.push(Msg::Ask(question));
}

/// All plans that wait, but for those that lose something: each of them is asked about by itself.
pub(super) fn all(cx: &mut Cx<'_>) {
    let waiting: Vec<(&Run, &Plan)> = (cx.rack.onboarding.iter())
        .filter_map(|run| Some((run, plan(run)?)))
        .collect();
    let (final_ones, plain): (Vec<_>, Vec<_>) =
        waiting.into_iter().partition(|(_, plan)| is_final(plan));
    let hosts = |of: &[(&Run, &Plan)]| -> String {
        let hosts: Vec<&str> = of.iter().map(|(run, _)| run.board.host()).collect();
        hosts.join(", ")
    };
    if plain.is_empty() {
        let words = match final_ones.as_slice() {
            [] => "no plan waits to be accepted".to_owned(),
            some => format!("accept by itself, for something is lost: {}", hosts(some)),
        };
        return cx.msgs.push(Msg::info(words));
    }
    let mut lines = Vec::new();
    for (run, plan) in plain.iter().take(NAMED) {
        let steps: Vec<&str> = plan.steps.iter().map(Step::name).collect();
        lines.push(format!("{}: {}", run.board.host(), steps.join(", ")));
    }
    if let Some(rest) = plain.get(NAMED..).filter(|rest| !rest.is_empty()) {
        lines.push(format!("and {}", hosts(rest)));
    }
    if !final_ones.is_empty() {
        lines.push(format!(
            "Not among them, for something is lost: {}",
            hosts(&final_ones)
        ));
    }
    let title = match plain.as_slice() {
        [(run, _)] => format!("Do this on board {}?", run.board.host()),
        many => format!("Do this on {} boards?", many.len()),
    };
    let mut question = Question::new(title, lines);
    let each = plain.iter();
    question.then = each
        .map(|(run, _)| decided(run.board.host(), Event::Accepted))
        .collect();
    cx.msgs.push(Msg::Ask(question));
}

/// What takes away what stands against the board.
pub(super) fn fix(run: &Run, cx: &mut Cx<'_>) {
    let host = run.board.host();
    let (title, line) = match run.board.fix() {
        None => {
            let words = format!("there is no fix on a key for {host}; what to do stands below");
            return cx.msgs.push(Msg::info(words));
        }
        Some(Fix::Rename) => return cx.msgs.push(Msg::Fill(super::form::rename(run))),
        Some(Fix::Clean) => (
            format!("Plan board {host} again, and clean it first?"),
            "What an earlier cluster has left is removed when the new plan is accepted; its local-path volumes are lost.",
        ),
        Some(Fix::Replace) => (
            format!("Plan board {host} again, and remove the old node first?"),
            "The node of that name and its password are removed when the new plan is accepted, unless it is alive.",
        ),
        Some(Fix::Ignore) => (
            format!("Go on with board {host} in spite of the warnings?"),
            "It is checked and planned again; what cannot work still stops it.",
        ),
    };
    let mut question = Question::new(title, vec![line.to_owned()]);
    question.then = vec![decided(host, Event::Retry(run.board.fix()))];
    cx.msgs.push(Msg::Ask(question));
}
