//! Hot swaps as they run: asked about, begun with their drain, carried on by what is seen.

use std::collections::VecDeque;
use std::time::Duration;

use crate::app::{Model, hosts};
use crate::effect::Effect;
use crate::msg::{Level, Msg, Question};
use crate::panes;
use crate::rack::board::Deed;
use crate::rack::hot_swap::{Deed as SwapDeed, HotSwap, Seen, SeenNode, Step, drained};
use crate::rack::node::{Node, NodeName, Truth};
use crate::rack::problem::Subject;
use crate::rack::storage::view::hanging_without;

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
    if model.rack.swaps.get(name).is_some_and(HotSwap::is_running) {
        let text = format!("board {name} is being swapped already");
        return model.notify(Level::Info, text);
    }
    model.boards.swap_planned = Some(name.clone());
    model.notify(Level::Info, format!("looking at the pods of node {name}"));
    let node = name.clone();
    effects.push(Effect::PlanDrain { context, node, uid });
}

/// True when the plan that comes for this node is for a hot swap; asked once.
pub(in crate::app) fn is_swap_planned(model: &mut Model, node: &NodeName) -> bool {
    model.boards.swap_planned.take_if(|it| it == node).is_some()
}

/// The question before a hot swap: everything a drain says, and what comes after.
pub(in crate::app) fn ask_to_swap(model: &mut Model, plan: &Msg, queue: &mut VecDeque<Msg>) {
    let Msg::DrainPlanned {
        node,
        uid,
        result: Ok(plan),
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

/// The drain of a hot swap has begun.
pub(in crate::app) fn begin_swap(model: &mut Model, name: &NodeName, context: &str) {
    let Some(seen) = model.rack.node(name).map(seen_node) else {
        return;
    };
    let swap = HotSwap::begin(name.clone(), context.to_owned(), seen, model.now());
    model.boards.switched_off.remove(name);
    model.rack.swaps.insert(name.clone(), swap);
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
    let running = model
        .rack
        .swaps
        .values()
        .filter(|swap| swap.is_running() && swap.context == model.rack.cluster.context);
    let names: Vec<NodeName> = running.map(|swap| swap.node.clone()).collect();
    for name in names {
        let seen = seen(model, &name);
        let Some(swap) = model.rack.swaps.get_mut(&name) else {
            continue;
        };
        let before = swap.step.clone();
        let deeds = swap.look(&seen, now);
        let (changed, line) = (swap.step != before, swap.lines(now).into_iter().next());
        let context = swap.context.clone();
        if let (true, Some(line)) = (changed, line) {
            model.notify(Level::Info, format!("board {name}: {line}"));
        }
        for deed in deeds {
            effects.extend(swap_effect(model, &name, &context, deed));
        }
        if matches!(swap_step(model, &name), Some(Step::Done { .. })) {
            model.rack.swaps.remove(&name);
        }
    }
}

fn swap_step<'a>(model: &'a Model, name: &NodeName) -> Option<&'a Step> {
    model.rack.swaps.get(name).map(|swap| &swap.step)
}

fn swap_effect(
    model: &mut Model,
    name: &NodeName,
    context: &str,
    deed: SwapDeed,
) -> Option<Effect> {
    let node = name.clone();
    let to = hosts::destination(model, name).ok();
    match deed {
        SwapDeed::Blink | SwapDeed::StopBlinking => {
            let to = to?;
            model.boards.lit_by_swap.insert(node.clone());
            let deed = match deed {
                SwapDeed::Blink => Deed::Blink,
                _ => Deed::StopBlinking,
            };
            Some(Effect::Board { node, to, deed })
        }
        SwapDeed::SwitchOff => {
            let Some(to) = to else {
                let why = Err("there is no way to the board over SSH".to_owned());
                model.boards.switched_off.insert(node, why);
                return None;
            };
            let deed = Deed::PowerOff;
            Some(Effect::Board { node, to, deed })
        }
        SwapDeed::Uncordon(uid) => Some(Effect::SetUnschedulable {
            context: context.to_owned(),
            node,
            uid,
            unschedulable: false,
        }),
    }
}

fn seen(model: &Model, name: &NodeName) -> Seen {
    let rack = &model.rack;
    let uid = rack.swaps.get(name).map(|swap| &swap.uid);
    let drain = uid.and_then(|uid| rack.drains.get(uid));
    let since = rack
        .swaps
        .get(name)
        .map_or(Duration::ZERO, |swap| swap.since);
    let answered = rack.boards.get(name).and_then(|board| board.at);
    Seen {
        drained: drain
            .and_then(|drain| drain.end.as_ref())
            .map(|(end, _)| drained(end)),
        switched_off: model.boards.switched_off.get(name).cloned(),
        beat_age: rack.reading(name).age,
        answers_ssh: answered.is_some_and(|at| at > since + SWITCHING_OFF),
        is_live: rack.link.is_live(),
        node: rack.node(name).map(seen_node),
    }
}
