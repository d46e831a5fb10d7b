//! Boards that are onboarded: what was asked for, what is heard, and what the machine of a board orders next.
//!
//! Everything that is decided is decided in `rack::onboard`; here its orders become effects, and boards wait for a server
//! that is made in the same run.

use std::collections::VecDeque;

use crate::action::PaneId;
use crate::app::Model;
use crate::app::update::with_panes;
use crate::effect::Effect;
use crate::msg::{Level, Msg, Question};
use crate::rack::onboard::journal::Journal;
use crate::rack::onboard::machine::{Event, Stage};
use crate::rack::onboard::wish::{Role, Wish};
use crate::rack::problem::Problem;

/// Deals with a message about onboarding.
pub(super) fn heard(
    model: &mut Model,
    msg: Msg,
    queue: &mut VecDeque<Msg>,
    effects: &mut Vec<Effect>,
) {
    match msg {
        Msg::Onboard { host, event } => told(model, &host, *event, effects),
        Msg::OnboardLines { host, lines } => model.rack.onboarding.hear(&host, lines),
        Msg::OnboardFound(journals, problems) => found(model, journals, problems),
        Msg::MergeKubeconfig(source) => {
            model.show(PaneId::Kubeconfig);
            with_panes(model, queue, effects, |panes, cx| {
                panes.kubeconfig.merge_from(source, cx);
            });
        }
        Msg::OnboardWished(result) => wished(model, result, effects),
        Msg::OnboardForget(host) if model.rack.onboarding.forget(&host) => {
            model.notify(Level::Info, format!("board {host} is off the list"));
        }
        _ => {}
    }
}

fn told(model: &mut Model, host: &str, event: Event, effects: &mut Vec<Effect>) {
    let Some(run) = model.rack.onboarding.get(host) else {
        return;
    };
    let had_joined = run.board.stage == Stage::Joined;
    if event == Event::Accepted && model.rack.onboarding.must_wait(host) {
        if let Some(run) = model.rack.onboarding.get_mut(host) {
            run.is_accepted = true;
        }
        return;
    }
    handle(model, host, event, effects);
    let Some(run) = model.rack.onboarding.get(host) else {
        return;
    };
    if run.board.stage == Stage::Joined && !had_joined {
        let words = match run.board.journal.wish.role {
            _ if run.board.journal.wish.leaves => {
                format!("board {host} is blank again, and out of the cluster")
            }
            Role::FirstServer { .. } => format!("{host} is a server now; K merges its kubeconfig"),
            Role::Server | Role::Agent => format!("board {host} has joined"),
        };
        model.notify(Level::Info, words);
    }
    begin_all(model, effects);
    while let Some(next) = model.rack.onboarding.to_accept() {
        handle(model, &next, Event::Accepted, effects);
    }
}

/// The machine of a board takes an event; its orders become one effect, for they are carried out one after the other.
fn handle(model: &mut Model, host: &str, event: Event, effects: &mut Vec<Effect>) {
    let now = model.now().mono;
    let Some(run) = model.rack.onboarding.get_mut(host) else {
        return;
    };
    run.is_wanted = true;
    run.is_accepted = false;
    let orders = run.board.handle(event, now);
    if !orders.is_empty() {
        let wish = Box::new(run.board.journal.wish.clone());
        effects.push(Effect::Onboard { wish, orders });
    }
}

/// Begins every board that waits for nothing any more.
fn begin_all(model: &mut Model, effects: &mut Vec<Effect>) {
    for host in model.rack.onboarding.to_begin() {
        handle(model, &host, Event::Begin, effects);
    }
}

fn found(model: &mut Model, journals: Vec<Journal>, problems: Vec<Problem>) {
    for problem in problems {
        model.settings.complaints.push(problem);
    }
    let words = match model.rack.onboarding.found(journals) {
        0 => return,
        1 => "the onboarding of a board was cut off; the Onboard pane goes on with it".to_owned(),
        many => format!(
            "the onboarding of {many} boards was cut off; the Onboard pane goes on with them"
        ),
    };
    model.notify(Level::Info, words);
}

fn wished(model: &mut Model, result: Result<Vec<Wish>, Problem>, effects: &mut Vec<Effect>) {
    let wishes = match result {
        Ok(wishes) => wishes,
        Err(problem) => {
            model.notify(Level::Error, problem.sentence());
            return;
        }
    };
    model.show(PaneId::Onboard);
    for wish in wishes {
        let host = wish.host.clone();
        if !model.rack.onboarding.add(wish) {
            model.notify(
                Level::Warning,
                format!("board {host} is on its way already"),
            );
        }
    }
    begin_all(model, effects);
}

/// Leaves the program; asked first when boards are being changed.
pub(super) fn leave(model: &mut Model, queue: &mut VecDeque<Msg>, effects: &mut Vec<Effect>) {
    let runs = model.rack.onboarding.iter();
    let running: Vec<&str> = runs
        .filter(|run| run.board.stage == Stage::Running)
        .map(|run| run.board.host())
        .collect();
    if running.is_empty() {
        effects.push(Effect::Quit);
        return;
    }
    let lines = vec![
        format!("Being onboarded: {}.", running.join(", ")),
        "The step that runs on a board goes on to its end there; what comes after it waits. The journals are kept: R in \
         the Onboard pane, or bramble onboard --resume, goes on."
            .to_owned(),
    ];
    queue.push_back(Msg::Ask(Question {
        then: vec![Effect::Quit],
        ..Question::new("Leave bramble while boards are onboarded?", lines)
    }));
}
