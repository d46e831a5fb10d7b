//! Boards that are onboarded: what was asked for, what is heard, and what the machine of a board orders next.
//!
//! Everything that is decided is decided in `rack::onboard::machine`; here its orders become effects, and boards wait for
//! a server that is made in the same run.

use std::collections::VecDeque;

use crate::action::PaneId;
use crate::app::Model;
use crate::effect::Effect;
use crate::msg::{Level, Msg};
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
        Msg::Onboard { host, event } => told(model, &host, *event, queue, effects),
        Msg::OnboardLines { host, lines } => model.rack.onboarding.hear(&host, lines),
        Msg::OnboardWished(result) => wished(model, result, queue),
        Msg::OnboardForget(host) if model.rack.onboarding.forget(&host) => {
            model.notify(Level::Info, format!("board {host} is off the list"));
        }
        _ => {}
    }
}

fn told(
    model: &mut Model,
    host: &str,
    event: Event,
    queue: &mut VecDeque<Msg>,
    effects: &mut Vec<Effect>,
) {
    let now = model.now().mono;
    let Some(run) = model.rack.onboarding.get_mut(host) else {
        return;
    };
    let before = run.board.stage.clone();
    let orders = run.board.handle(event, now);
    let wish = run.board.journal.wish.clone();
    let is_new_server = run.board.stage == Stage::Joined
        && before != Stage::Joined
        && matches!(wish.role, Role::FirstServer { .. });
    if !orders.is_empty() {
        effects.push(Effect::Onboard {
            wish: Box::new(wish),
            orders,
        });
    }
    if is_new_server {
        let words = format!(
            "{host} is a server now; merge its kubeconfig in the Kubeconfig pane: ssh://{host}"
        );
        model.notify(Level::Info, words);
        for host in model.rack.onboarding.waiting_for(host) {
            queue.push_back(begin(host));
        }
    }
}

fn wished(model: &mut Model, result: Result<Vec<Wish>, Problem>, queue: &mut VecDeque<Msg>) {
    let wishes = match result {
        Ok(wishes) => wishes,
        Err(problem) => {
            model.notify(Level::Error, problem.sentence());
            return;
        }
    };
    model.show(PaneId::Onboard);
    let hosts: Vec<String> = wishes.iter().map(|wish| wish.host.clone()).collect();
    for wish in wishes {
        let host = wish.host.clone();
        if !model.rack.onboarding.add(wish) {
            model.notify(
                Level::Warning,
                format!("board {host} is on its way already"),
            );
        }
    }
    for host in hosts {
        if model.rack.onboarding.waits_for(&host).is_none() {
            queue.push_back(begin(host));
        }
    }
}

fn begin(host: String) -> Msg {
    Msg::Onboard {
        host,
        event: Box::new(Event::Begin),
    }
}

/// What stands against boards, for the list of problems.
pub(super) fn problems(model: &Model) -> Vec<Problem> {
    let runs = model.rack.onboarding.iter();
    runs.flat_map(|run| run.board.problems()).collect()
}
