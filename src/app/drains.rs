//! Drains and removals as they run: what they tell, stopping them, and not leaving them by mistake.

use std::collections::VecDeque;

use crate::action::PaneId;
use crate::app::{Model, boards, onboarding, to_pane};
use crate::effect::Effect;
use crate::msg::{Level, Msg, Question};
use crate::rack::drain::{Drain, News};
use crate::rack::node::{NodeName, PasswordSecret, Uid};
use crate::rack::problem::Problem;

/// A plan has come: the pane asks about it.
pub(super) fn planned(
    model: &mut Model,
    msg: &Msg,
    queue: &mut VecDeque<Msg>,
    effects: &mut Vec<Effect>,
) {
    match msg {
        Msg::DrainPlanned {
            result: Err(problem),
            ..
        } => model.notify(Level::Error, problem.sentence()),
        Msg::DrainPlanned {
            node, uid, is_swap, ..
        } => {
            if model.rack.node(node).is_some_and(|now| now.uid == *uid) {
                if *is_swap {
                    return boards::swaps::ask_to_swap(model, msg, queue);
                }
                to_pane(model, msg, queue, effects);
            } else {
                let text = format!("node {node} is gone or was replaced: nothing was done");
                model.notify(Level::Warning, text);
            }
        }
        _ => {}
    }
}

/// A step of a drain; its end is said at the foot of the screen.
pub(super) fn told(model: &mut Model, uid: &Uid, news: News) {
    let is_end = matches!(news, News::Ended(_));
    if let News::Begun {
        node,
        is_swap: true,
        context,
    } = &news
    {
        boards::swaps::begin_swap(model, node, context);
    }
    model.rack.apply_drain(uid, news);
    if !is_end {
        return;
    }
    let Some(drain) = model.rack.drains.get(uid) else {
        return;
    };
    let place = if drain.context == model.rack.cluster.context {
        String::new()
    } else {
        format!(" (context {})", drain.context)
    };
    match drain.result() {
        Some(Ok(done)) => model.notify(Level::Info, done + &place),
        Some(Err(problem)) => model.notify(Level::Error, problem.sentence() + &place),
        None => {}
    }
}

/// Stops the drain of the node the keys act on. False when none runs there.
pub(super) fn cancel(model: &mut Model, effects: &mut Vec<Effect>) -> bool {
    if model.focus != PaneId::Rack {
        return false;
    }
    let Some(uid) = model.panes.rack.current_uid(&model.rack) else {
        return false;
    };
    match model.rack.drains.get_mut(&uid) {
        Some(drain) if drain.is_running() => {
            drain.is_cancelling = true;
            let text = format!("stopping the drain of node {}", drain.node);
            effects.push(Effect::CancelDrain(uid));
            model.notify(Level::Info, text);
            true
        }
        _ => false,
    }
}

/// Leaves the program; asked first when that would stop a drain in the middle.
pub(super) fn leave(model: &mut Model, queue: &mut VecDeque<Msg>, effects: &mut Vec<Effect>) {
    let running: Vec<String> = model
        .rack
        .drains
        .values()
        .filter(|drain| drain.is_running())
        .map(|Drain { node, .. }| node.to_string())
        .collect();
    if running.is_empty() {
        return onboarding::leave(model, queue, effects);
    }
    let lines = vec![
        format!("Being drained: {}.", running.join(", ")),
        "That stops where it is: pods already evicted end, the others stay, and the node stays cordoned.".to_owned(),
    ];
    queue.push_back(Msg::Ask(Question {
        then: vec![Effect::Quit],
        ..Question::new("Leave bramble in the middle of a drain?", lines)
    }));
}

/// A node was removed: what became of its password decides whether there is more to ask.
pub(super) fn removed(
    model: &mut Model,
    context: String,
    node: NodeName,
    result: Result<PasswordSecret, Problem>,
    queue: &mut VecDeque<Msg>,
) {
    let secret = match result {
        Ok(secret) => secret,
        Err(problem) => return model.notify(Level::Error, problem.sentence()),
    };
    let done = format!("node {node} is removed");
    match secret {
        PasswordSecret::Gone => model.notify(
            Level::Info,
            format!("{done}, and k3s has forgotten its password: a new board may take the name"),
        ),
        PasswordSecret::Unknown(why) => model.notify(
            Level::Warning,
            format!(
                "{done}; whether kube-system/{node}.node-password.k3s is gone too is not known: {why}"
            ),
        ),
        PasswordSecret::Left => {
            model.notify(Level::Warning, format!("{done}, but its password is not"));
            let lines = vec![
                format!("k3s has not taken the Secret kube-system/{node}.node-password.k3s away."),
                "As long as it is there, a reflashed board of this name is refused: \"Node password rejected\"."
                    .to_owned(),
                format!("Cluster: {context}"),
            ];
            queue.push_back(Msg::Ask(Question {
                then: vec![Effect::RemovePassword { context, node }],
                ..Question::new("Remove its password too?", lines)
            }));
        }
    }
}
