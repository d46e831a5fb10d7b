//! Boards over SSH: which are asked, what they answer, and what a pane wants of them.

pub(super) mod asks;
pub(super) mod swaps;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use crate::action::PaneId;
use crate::app::{Model, hosts};
use crate::effect::Effect;
use crate::msg::{BoardWish, Level, Msg, Question};
use crate::panes;
use crate::rack::board::{BoardLed, Deed, Reading};
use crate::rack::hot_swap::HotSwap;
use crate::rack::log::feed::Opening;
use crate::rack::node::{Node, NodeName, Role};
use crate::rack::problem::{Problem, Subject};
use crate::rack::ssh::Destination;
use crate::rack::storage::view::{hanging_without, lying_on};
use crate::rack::time::short;

/// Which boards are asked right now.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    /// When it was looked which are wanted.
    looked: Option<Duration>,
    boards: Vec<(NodeName, Destination)>,
    is_deep: bool,
    /// Boards that the person turned to by a key: their SSH is wanted.
    turned_to: BTreeSet<NodeName>,
    /// Boards whose lights a hot swap has just seen to: what comes of it is no news.
    lit_by_swap: BTreeSet<NodeName>,
    /// Boards that reboot: the boot they leave, and since when.
    reboots: BTreeMap<NodeName, (Box<str>, Duration)>,
}

/// How often it is looked which boards are wanted, besides after each key.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long the lights blink: the board itself ends it.
const BLINKS: Duration = Duration::from_secs(120);

/// Deals with a message about a board.
pub(super) fn heard(
    model: &mut Model,
    msg: Msg,
    queue: &mut VecDeque<Msg>,
    effects: &mut Vec<Effect>,
) {
    match msg {
        Msg::BoardAnswered {
            generation,
            node,
            result,
        } if generation == model.generation => answered(model, node, result),
        Msg::BoardDone {
            context,
            node,
            deed,
            result,
        } => done(model, &context, node, &deed, result),
        Msg::OnBoard { node, wish } => on_board(model, &node, wish, queue, effects),
        Msg::SshAsks { request, question } => asks::ssh_asks(request, question, queue),
        Msg::SshAskEnded { request } => asks::ssh_ended(model, request),
        _ => {}
    }
}

/// Boards are asked while the Rack pane is shown, and only those the person wants asked: a host is set for them, or
/// they were turned to by a key. A stranger's name is never tried by itself.
pub(super) fn want(model: &mut Model, is_key: bool, effects: &mut Vec<Effect>) {
    follow_what_goes_on(model, effects);
    let now = model.now();
    let looked = model.boards.looked;
    if !is_key && looked.is_some_and(|at| now.since(at) < LOOK_EVERY) {
        return;
    }
    model.boards.looked = Some(now.mono);
    let is_shown = model.focus == PaneId::Rack;
    let wanted = model.rack.nodes().filter(|node| {
        // A board that goes off is listened to whatever is on the screen.
        let is_leaving = model.rack.swap(&node.name).is_some_and(HotSwap::is_running);
        (is_shown && is_wanted(model, node)) || is_leaving
    });
    let place = |node: &Node| {
        Some((
            node.name.clone(),
            hosts::destination(model, &node.name).ok()?,
        ))
    };
    let boards: Vec<(NodeName, Destination)> = wanted.filter_map(place).collect();
    let is_deep = model.rack.link.is_stale();
    if boards == model.boards.boards && (is_deep == model.boards.is_deep || boards.is_empty()) {
        return;
    }
    model.boards.boards.clone_from(&boards);
    model.boards.is_deep = is_deep;
    for (node, _) in &boards {
        model.rack.boards.entry(node.clone()).or_default();
    }
    effects.push(Effect::WatchBoards {
        generation: model.generation,
        boards,
        is_deep,
    });
}

fn is_wanted(model: &Model, node: &Node) -> bool {
    let is_set = |settings: &super::ContextSettings| {
        settings.asks_all_boards || settings.hosts.contains_key(node.name.as_str())
    };
    model.context_settings().is_some_and(is_set) || model.boards.turned_to.contains(&node.name)
}

fn answered(model: &mut Model, node: NodeName, result: Result<Box<Reading>, Problem>) {
    let now = model.now();
    let board = model.rack.boards.entry(node).or_default();
    match result {
        Ok(reading) => board.answered(*reading, now),
        Err(problem) => board.failure = Some(problem),
    }
}

/// A pane wants something of a board.
fn on_board(
    model: &mut Model,
    name: &NodeName,
    wish: BoardWish,
    queue: &mut VecDeque<Msg>,
    effects: &mut Vec<Effect>,
) {
    let Some(node) = model.rack.node(name) else {
        return;
    };
    let to = match hosts::destination(model, &node.name) {
        Ok(to) => to,
        Err(why) => return model.notify(Level::Warning, why),
    };
    model.boards.turned_to.insert(name.clone());
    match wish {
        BoardWish::Blink | BoardWish::Heartbeat => {
            let deed = light(model, name, wish == BoardWish::Blink);
            let node = name.clone();
            let context = model.rack.cluster.context.clone();
            effects.push(Effect::Board {
                context,
                node,
                to,
                deed,
            });
            model.notify(Level::Info, format!("asking board {name}"));
        }
        BoardWish::Read(journal) => {
            queue.push_back(Msg::OpenLogs(Opening::journal(name.clone(), to, journal)));
        }
        BoardWish::RestartK3s => queue.extend(ask_to_restart(model, name, to)),
        BoardWish::Reboot => queue.extend(ask_to_reboot(model, name, to)),
        BoardWish::HotSwap => swaps::plan(model, name, effects),
        BoardWish::Restore => {
            let form = panes::rack::restore::form(&model.rack, name, to);
            queue.push_back(Msg::Fill(form));
        }
    }
}

/// What to do with the lights: each wish turns on what is off, and off what is on.
fn light(model: &Model, name: &NodeName, blinks: bool) -> Deed {
    let board = model.rack.boards.get(name);
    let until = board.and_then(|board| board.blinks_until);
    let is_blinking = until.is_some_and(|until| model.now().mono < until);
    let reading = board.and_then(|board| board.fresh(model.now()));
    let is_activity = |led: &&BoardLed| matches!(&*led.name, "ACT" | "led0");
    let act = reading.and_then(|reading| reading.leds.iter().find(is_activity));
    let beats = act.is_some_and(|led| led.trigger.as_deref() == Some("heartbeat"));
    match (blinks, is_blinking, beats) {
        (true, false, _) => Deed::Blink,
        (true, true, _) => Deed::StopBlinking,
        (false, _, false) => Deed::Heartbeat,
        (false, _, true) => Deed::UsualLight,
    }
}

fn ask_to_restart(model: &Model, name: &NodeName, to: Destination) -> Option<Msg> {
    let node = model.rack.node(name)?;
    let mut lines = vec!["Its pods run on; the node is not Ready for a moment.".to_owned()];
    let unit = match node.role() {
        Role::Server => {
            lines.push("This is a server: the API may be away for a minute.".to_owned());
            "k3s"
        }
        Role::Agent => "k3s-agent",
    };
    let title = format!("Restart {unit} on board {name}?");
    let deed = Deed::Restart(unit.to_owned());
    Some(ask(model, node, to, deed, Question::new(title, lines)))
}

fn ask_to_reboot(model: &Model, name: &NodeName, to: Destination) -> Option<Msg> {
    let node = model.rack.node(name)?;
    let mut lines = vec!["Its pods end and start again there; nothing is drained.".to_owned()];
    let stops = model.rack.stops_without(node);
    lines.extend(stops.map(|why| format!("The cluster stops until it is back: {why}.")));
    lines.extend(hanging_without(&model.rack, name));
    lines.extend(lying_on(&model.rack, name));
    lines.push("It is waited for until it has another boot id.".to_owned());
    lines.push(format!("Cluster: {}", model.rack.cluster.context));
    let question = Question {
        typed: Some(name.to_string()),
        ..Question::new(format!("Reboot board {name}?"), lines)
    };
    Some(ask(model, node, to, Deed::Reboot, question))
}

fn ask(model: &Model, node: &Node, to: Destination, deed: Deed, question: Question) -> Msg {
    Msg::Ask(Question {
        about: vec![(Subject::Node(node.name.clone()), node.uid.clone())],
        then: vec![Effect::Board {
            context: model.rack.cluster.context.clone(),
            node: node.name.clone(),
            to,
            deed,
        }],
        ..question
    })
}

/// Something was done to a board, or not.
fn done(
    model: &mut Model,
    context: &str,
    node: NodeName,
    deed: &Deed,
    result: Result<String, Problem>,
) {
    let now = model.now();
    if *deed == Deed::PowerOff {
        let outcome = result
            .as_ref()
            .map(drop)
            .map_err(|problem| problem.what.clone());
        swaps::switched_off(model, &node, context, &outcome);
    }
    if context != model.rack.cluster.context {
        // What is on the screen are boards of other names, or of the same name by chance.
        let (level, said) = match result {
            Ok(done) => (Level::Info, done),
            Err(problem) => (Level::Error, problem.sentence()),
        };
        return model.notify(level, format!("{said} (context {context})"));
    }
    let is_light = matches!(deed, Deed::Blink | Deed::StopBlinking);
    let is_quiet = is_light && model.boards.lit_by_swap.remove(&node) && result.is_ok();
    let boot = |model: &Model| model.rack.node(&node).map(|it| it.info.boot_id.clone());
    if let (Ok(_), Deed::Reboot, Some(boot)) = (&result, deed, boot(model)) {
        model.boards.reboots.insert(node.clone(), (boot, now.mono));
    }
    let board = model.rack.boards.entry(node).or_default();
    match (&result, deed) {
        (Ok(_), Deed::Blink) => board.blinks_until = Some(now.mono + BLINKS),
        (Ok(_), Deed::StopBlinking) => board.blinks_until = None,
        _ => {}
    }
    // What was done shows in what the board says next.
    model.boards.boards.clear();
    model.boards.looked = None;
    match result {
        Ok(_) if is_quiet => {}
        Ok(done) => model.notify(Level::Info, done),
        Err(problem) => model.notify(Level::Error, problem.sentence()),
    }
}

/// Hot swaps and reboots go on with what is seen now.
fn follow_what_goes_on(model: &mut Model, effects: &mut Vec<Effect>) {
    let now = model.now();
    let rack = &model.rack;
    let is_back = |(node, (boot, _)): &(&NodeName, &(Box<str>, Duration))| {
        let is_other = |id: &str| !id.is_empty() && *id != **boot;
        rack.node(node).is_some_and(|it| is_other(&it.info.boot_id))
    };
    let back = model.boards.reboots.iter().find(is_back);
    if let Some((node, since)) = back.map(|(node, (_, since))| (node.clone(), *since)) {
        model.boards.reboots.remove(&node);
        let took = short(now.since(since));
        model.notify(
            Level::Info,
            format!("board {node} is back after {took}, with a new boot id"),
        );
    }
    swaps::go_on(model, effects);
}
