//! Boards on their way from a fresh card to a Ready node: a row for each with its stage, and below it everything about
//! the one under the cursor.
//!
//! The pane changes no board: it asks, and `app` hands what was decided to the machine of the board.

mod draw;
mod form;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::action::Action;
use crate::effect::Effect;
use crate::form::{Answers, FormId};
use crate::msg::{Msg, Question};
use crate::panes::rows::Rows;
use crate::panes::{Cx, page, scrolled};
use crate::rack::Rack;
use crate::rack::onboard::findings::Fix;
use crate::rack::onboard::machine::{Event, Stage};
use crate::rack::onboard::runs::Run;
use crate::rack::onboard::step::Step;
use crate::theme::roles::Theme;

/// What the user is doing in the Onboard pane.
#[derive(Debug, Default)]
pub struct OnboardPane {
    rows: Rows<String>,
    filter: String,
    /// The board whose page is open, and how far it is scrolled.
    page: Option<(String, usize)>,
}

impl OnboardPane {
    pub fn filter(&self) -> &str {
        &self.filter
    }

    pub fn set_filter(&mut self, text: &str) {
        text.clone_into(&mut self.filter);
    }

    pub fn is_detail(&self) -> bool {
        self.page.is_some()
    }

    /// Closes the innermost: the page, a filter. False when there was none.
    pub fn close(&mut self) -> bool {
        self.page.take().is_some() || !std::mem::take(&mut self.filter).is_empty()
    }

    pub fn hints(&self) -> &'static [Action] {
        &[
            Action::OnboardAdd,
            Action::OnboardAccept,
            Action::OnboardFix,
            Action::OnboardRetry,
            Action::RowOpen,
            Action::OnboardForget,
        ]
    }

    pub fn menu(&self, rack: &Rack) -> (String, Vec<Action>) {
        match self.current(rack) {
            Some(run) => (
                format!("board {}", run.board.host()),
                vec![
                    Action::RowOpen,
                    Action::OnboardAccept,
                    Action::OnboardFix,
                    Action::OnboardRetry,
                    Action::OnboardForget,
                    Action::OnboardAdd,
                ],
            ),
            None => ("Onboard".to_owned(), vec![Action::OnboardAdd]),
        }
    }

    pub fn on_action(&mut self, action: Action, cx: &mut Cx<'_>) {
        if let Some((host, scroll)) = &mut self.page {
            let run = cx.rack.onboarding.get(host);
            let lines = run.map_or(0, |run| draw::page_lines(run, cx.area).len());
            let height = usize::from(cx.area.height.saturating_sub(2));
            if scrolled(scroll, action, lines, height) {
                return;
            }
        } else {
            let ids = ids(&self.shown(cx.rack));
            let height = usize::from(draw::list_height(cx.area));
            if self.rows.on_action(action, &ids, height) {
                return;
            }
        }
        match action {
            Action::OnboardAdd => cx.msgs.push(Msg::Fill(form::form())),
            Action::RowOpen => {
                let host = self.current(cx.rack).map(|run| run.board.host().to_owned());
                self.page = host.map(|host| (host, 0));
            }
            Action::OnboardAccept
            | Action::OnboardFix
            | Action::OnboardRetry
            | Action::OnboardForget => match self.current(cx.rack) {
                Some(run) => with_board(run, action, cx),
                None => {
                    let text = "there is no board here yet: add some first";
                    cx.msgs.push(Msg::info(text));
                }
            },
            other => cx.msgs.push(Msg::nothing_here(other)),
        }
    }

    /// Answers of the form, which has no complaint any more.
    pub fn on_form(&mut self, answers: &Answers, cx: &mut Cx<'_>) {
        let asked = form::asked(answers);
        cx.effects.push(Effect::PrepareOnboarding(Box::new(asked)));
    }

    pub fn view(&self, rack: &Rack, theme: &Theme, area: Rect, buf: &mut Buffer) {
        if let Some((host, scroll)) = &self.page {
            match rack.onboarding.get(host) {
                Some(run) => draw::page(run, rack, (*scroll, theme), area, buf),
                None => page::draw_gone(rack, (host, "board"), theme, area, buf),
            }
            return;
        }
        let runs = self.shown(rack);
        let ids = ids(&runs);
        let height = draw::list_height(area);
        let place = (self.rows.index(&ids), self.rows.offset(&ids, height.into()));
        draw::list((&runs, &self.filter, place), rack, theme, area, buf);
    }

    fn shown<'a>(&self, rack: &'a Rack) -> Vec<&'a Run> {
        let filter = self.filter.to_lowercase();
        let passes = |run: &&Run| run.board.host().to_lowercase().contains(&filter);
        rack.onboarding.iter().filter(passes).collect()
    }

    fn current<'a>(&self, rack: &'a Rack) -> Option<&'a Run> {
        if let Some((host, _)) = &self.page {
            return rack.onboarding.get(host);
        }
        let runs = self.shown(rack);
        let index = self.rows.index(&ids(&runs))?;
        runs.get(index).copied()
    }
}

fn ids(runs: &[&Run]) -> Vec<String> {
    runs.iter().map(|run| run.board.host().to_owned()).collect()
}

fn with_board(run: &Run, action: Action, cx: &mut Cx<'_>) {
    let host = run.board.host().to_owned();
    let info = |text: String| Msg::info(text);
    match action {
        Action::OnboardAccept => match &run.board.stage {
            Stage::Planned(plan) => {
                let title = format!("do this on board {host}?");
                let mut question = Question::new(title, plan.words());
                let is_final =
                    |step: &Step| matches!(step, Step::Clean | Step::RemoveOldNode { .. });
                question.typed = plan.steps.iter().any(is_final).then(|| plan.node.clone());
                question.then = vec![decided(&host, Event::Accepted)];
                cx.msgs.push(Msg::Ask(question));
            }
            _ => cx
                .msgs
                .push(info(format!("no plan of {host} waits to be accepted"))),
        },
        Action::OnboardFix => match run.board.fix() {
            Some(fix) => ask_fix(&host, fix, cx),
            None => cx.msgs.push(info(format!(
                "there is no fix on a key for {host}; what to do stands below"
            ))),
        },
        Action::OnboardRetry if run.board.is_over() => {
            cx.effects.push(decided(&host, Event::Retry(None)));
        }
        Action::OnboardRetry => cx.msgs.push(info(format!("{host} is on its way"))),
        _ if run.board.stage == Stage::Running => cx.msgs.push(Msg::warn(format!(
            "{host} is being changed and stays on the list until it is done"
        ))),
        _ => cx.msgs.push(Msg::OnboardForget(host)),
    }
}

fn ask_fix(host: &str, fix: Fix, cx: &mut Cx<'_>) {
    let (title, line) = match fix {
        Fix::Clean => (
            format!("plan board {host} again, and clean it first?"),
            "What an earlier cluster has left is removed when the new plan is accepted; its local volumes are lost.",
        ),
        Fix::Replace => (
            format!("plan board {host} again, and remove the old node first?"),
            "The node of that name and its password are removed when the new plan is accepted, unless it is alive.",
        ),
        Fix::Ignore => (
            format!("go on with board {host} in spite of the warnings?"),
            "It is checked and planned again; what cannot work still stops it.",
        ),
        Fix::Rename => {
            let words = format!("take {host} off the list and add it again with a node name");
            cx.msgs.push(Msg::info(words));
            return;
        }
    };
    let mut question = Question::new(title, vec![line.to_owned()]);
    question.then = vec![decided(host, Event::Retry(Some(fix)))];
    cx.msgs.push(Msg::Ask(question));
}

fn decided(host: &str, event: Event) -> Effect {
    Effect::SteerOnboarding {
        host: host.to_owned(),
        event: Box::new(event),
    }
}

pub(super) fn complaint(answers: &Answers) -> Option<(&'static str, String)> {
    form::complaint(answers)
}

/// The form of this pane.
const FORM: FormId = FormId::Onboard;

#[cfg(test)]
mod tests;
