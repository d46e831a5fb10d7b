//! Hot swaps as they run: asked about, begun with their drain, carried on by what is seen.

use std::collections::VecDeque;
use std::time::Duration;

use crate::app::{Model, hosts};
use crate::effect::Effect;
use crate::msg::{Level, Msg, Question};
use crate::panes;
use crate::rack::beat::Pulse;
use crate::rack::board::Deed;
use crate::rack::hot_swap::{Deed as SwapDeed, HotSwap, Seen, SeenNode, Step, drained};
use crate::rack::node::{Node, NodeName, Truth, Uid};
use crate::rack::problem::Subject;
use crate::rack::storage::view::{hanging_without, lying_on};

/// A board that switches off may answer so long.
const SWITCHING_OFF: Duration = Duration::from_secs(10);

/// A hot swap begins with a look at the pods; refused where the cluster would stop.
pub(super) fn plan(model: &mut Model, name: &NodeName, effects: &mut Vec<Effect>) {
    let Some(node) = model.rack.node(name) else {
        return;
    };
    let (context, uid) = (model.rack.cluster.context.clone(), node.uid.clone());
    if let Some(why) = model.rack.stops_without(node) {
        let text = format!("board {name} is not switched off: {why}");
        return model.notify(Level::Warning, text);
    }
    if model.rack.swap(name).is_some_and(HotSwap::is_running) {
        let text = format!("board {name} is being swapped already");
        return model.notify(Level::Info, text);
    }
    if model.rack.reading(name).pulse == Pulse::Lost {
        let text = format!(
            "board {name} is silent and cannot be told to switch off: drain its node, and look at its lights before you pull it"
        );
        return model.notify(Level::Warning, text);
    }
    model.notify(Level::Info, format!("looking at the pods of node {name}"));
    let node = name.clone();
    effects.push(Effect::PlanDrain {
        context,
        node,
        uid,
        is_swap: true,
    });
}

/// The question before a hot swap: everything a drain says, and what comes after.
pub(in crate::app) fn ask_to_swap(model: &mut Model, plan: &Msg, queue: &mut VecDeque<Msg>) {
    let Msg::DrainPlanned {
        node,
        uid,
        result: Ok(plan),
        ..
    } = plan
    else {
        return;
    };
    let Some(asked) = model
        .rack
        .node(node)
        .map(|it| panes::rack::drain::ask(&model.rack, it, plan))
    else {
        return;
    };
    // What forbids the drain forbids the swap.
    let Msg::Ask(drain) = asked else {
        return queue.push_back(asked);
    };
    let mut lines = drain.lines;
    lines.push("Then the board is switched off. Nothing on the network can switch it on again: somebody must be at the rack.".to_owned());
    lines.extend(hanging_without(&model.rack, node));
    lines.extend(lying_on(&model.rack, node));
    let then = drain.then.into_iter().map(|effect| match effect {
        Effect::Drain {
            context,
            node,
            uid,
            consent,
            ..
        } => Effect::Drain {
            context,
            node,
            uid,
            consent,
            is_swap: true,
        },
        other => other,
    });
    queue.push_back(Msg::Ask(Question {
        about: vec![(Subject::Node(node.clone()), uid.clone())],
        typed: Some(node.to_string()),
        then: then.collect(),
        ..Question::new(format!("Take board {node} out of the rack?"), lines)
    }));
}

/// The drain of a hot swap has begun, in the context that is on the screen: nobody sees to a board of another.
pub(in crate::app) fn begin_swap(model: &mut Model, name: &NodeName, context: &str) {
    if context != model.rack.cluster.context {
        return;
    }
    let Some(seen) = model.rack.node(name).map(seen_node) else {
        return;
    };
    let swap = HotSwap::begin(name.clone(), context.to_owned(), seen, model.now());
    let swaps = &mut model.rack.swaps;
    swaps.retain(|_, old| (&old.node, &old.context) != (&swap.node, &swap.context));
    swaps.insert(swap.uid.clone(), swap);
}

/// The command to switch off has ended, whatever context is on the screen.
pub(super) fn switched_off(
    model: &mut Model,
    name: &NodeName,
    context: &str,
    outcome: &Result<(), String>,
) {
    let swaps = model.rack.swaps.values_mut();
    for swap in swaps.filter(|swap| swap.node == *name && swap.context == context) {
        swap.switched_off = Some(outcome.clone());
    }
}

fn seen_node(node: &Node) -> SeenNode {
    SeenNode {
        uid: node.uid.clone(),
        boot_id: node.info.boot_id.clone(),
        machine_id: node.info.machine_id.clone(),
        is_ready: node.ready() == Some(Truth::True),
        is_cordoned: node.unschedulable,
    }
}

/// Carries every swap of this cluster on with what is seen now.
pub(super) fn go_on(model: &mut Model, effects: &mut Vec<Effect>) {
    let now = model.now();
    let is_here = |swap: &&HotSwap| swap.is_running() && swap.context == model.rack.cluster.context;
    let running = model.rack.swaps.values().filter(is_here);
    let running: Vec<Uid> = running.map(|swap| swap.uid.clone()).collect();
    for uid in running {
        let Some(seen) = model.rack.swaps.get(&uid).map(|swap| seen(model, swap)) else {
            continue;
        };
        let Some(swap) = model.rack.swaps.get_mut(&uid) else {
            continue;
        };
        let before = swap.step.clone();
        let deeds = swap.look(&seen, now);
        let (changed, line) = (swap.step != before, swap.lines(now).into_iter().next());
        let (name, context) = (swap.node.clone(), swap.context.clone());
        let is_done = matches!(swap.step, Step::Done { .. });
        if let (true, Some(line)) = (changed, line) {
            model.notify(Level::Info, format!("board {name}: {line}"));
        }
        for deed in deeds {
            effects.extend(swap_effect(model, &name, &context, deed));
        }
        if is_done {
            model.rack.swaps.remove(&uid);
        }
    }
}

fn swap_effect(
    model: &mut Model,
    name: &NodeName,
    context: &str,
    deed: SwapDeed,
) -> Option<Effect> {
    let node = name.clone();
    let to = hosts::destination(model, name).ok();
    let board = |node, to, deed| Effect::Board {
        context: context.to_owned(),
        node,
        to,
        deed,
    };
    match deed {
        SwapDeed::Blink | SwapDeed::StopBlinking => {
            let to = to?;
            model.boards.lit_by_swap.insert(node.clone());
            let deed = match deed {
                SwapDeed::Blink => Deed::Blink,
                _ => Deed::StopBlinking,
            };
            Some(board(node, to, deed))
        }
        SwapDeed::SwitchOff => {
            let Some(to) = to else {
                let why = Err("there is no way to the board over SSH".to_owned());
                switched_off(model, name, context, &why);
                return None;
            };
            Some(board(node, to, Deed::PowerOff))
        }
        SwapDeed::Uncordon(uid) => Some(Effect::SetUnschedulable {
            context: context.to_owned(),
            node,
            uid,
            unschedulable: false,
        }),
    }
}

fn seen(model: &Model, swap: &HotSwap) -> Seen {
    let (rack, name) = (&model.rack, &swap.node);
    let drain = rack.drains.get(&swap.uid);
    let answered = rack.boards.get(name).and_then(|board| board.at);
    Seen {
        drained: drain
            .and_then(|drain| drain.end.as_ref())
            .map(|(end, _)| drained(end)),
        switched_off: swap.switched_off.clone(),
        beat_age: rack.reading(name).age,
        answers_ssh: answered.is_some_and(|at| at > swap.since + SWITCHING_OFF),
        is_live: rack.link.is_live(),
        node: rack.node(name).map(seen_node),
    }
}
