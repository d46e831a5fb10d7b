//! Boards on their way from a fresh card to a Ready node: a row for each with its stage, and below it everything about
//! the one under the cursor.
//!
//! The pane changes no board: it asks, and `app` hands what was decided to the machine of the board.

mod ask;
mod draw;
mod form;
mod sheet;

use std::collections::BTreeMap;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::action::Action;
use crate::effect::Effect;
use crate::form::{Answers, FormId};
use crate::msg::Msg;
use crate::panes::rows::Rows;
use crate::panes::{Cx, page, scrolled};
use crate::rack::Rack;
use crate::rack::onboard::machine::{Event, Stage};
use crate::rack::onboard::runs::Run;
use crate::rack::onboard::wish::Role;
use crate::rack::ssh::Destination;
use crate::theme::roles::Theme;

/// What the user is doing in the Onboard pane.
#[derive(Debug, Default)]
pub struct OnboardPane {
    rows: Rows<String>,
    filter: String,
    /// The board whose page is open, and how far it is scrolled.
    page: Option<(String, usize)>,
    /// Boards of the settings, by the names of their nodes, as ssh knows them.
    known: BTreeMap<String, String>,
}

impl OnboardPane {
    /// The boards that the settings of the context name.
    pub fn set_known(&mut self, hosts: BTreeMap<String, String>) {
        self.known = hosts;
    }

    /// Those of them that are no nodes yet.
    fn offered(&self, rack: &Rack) -> Vec<String> {
        let is_node = |name: &str| rack.nodes().any(|node| node.name.as_str() == name);
        let known = self.known.iter();
        known
            .filter(|(name, _)| !is_node(name))
            .map(|(_, host)| host.clone())
            .collect()
    }

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

    /// What can be done with the board under the cursor, most useful first.
    pub fn hints(&self, rack: &Rack) -> &'static [Action] {
        let Some(run) = self.current(rack) else {
            return &[Action::OnboardAdd, Action::CommandOpen];
        };
        match &run.board.stage {
            Stage::Planned(_) => &[
                Action::OnboardAccept,
                Action::RowOpen,
                Action::OnboardAcceptAll,
                Action::OnboardRename,
                Action::OnboardForget,
                Action::OnboardAdd,
            ],
            Stage::Blocked | Stage::Failed(_) if run.board.fix().is_some() => &[
                Action::OnboardFix,
                Action::OnboardRetry,
                Action::OnboardRename,
                Action::OnboardShell,
                Action::RowOpen,
                Action::OnboardForget,
            ],
            Stage::Blocked | Stage::Failed(_) | Stage::Declined => &[
                Action::OnboardRetry,
                Action::OnboardShell,
                Action::RowOpen,
                Action::OnboardForget,
                Action::OnboardAdd,
            ],
            Stage::Checking if run.is_cut_off() => &[
                Action::OnboardRetry,
                Action::RowOpen,
                Action::OnboardForget,
                Action::OnboardAdd,
            ],
            Stage::Joined if matches!(run.board.journal.wish.role, Role::FirstServer { .. }) => &[
                Action::OnboardKubeconfig,
                Action::RowOpen,
                Action::OnboardForget,
                Action::OnboardAdd,
            ],
            Stage::Checking | Stage::Running | Stage::Joined => &[
                Action::RowOpen,
                Action::OnboardAdd,
                Action::OnboardAcceptAll,
                Action::OnboardForget,
            ],
        }
    }

    pub fn menu(&self, rack: &Rack) -> (String, Vec<Action>) {
        match self.current(rack) {
            Some(run) => (
                format!("board {}", run.board.host()),
                vec![
                    Action::RowOpen,
                    Action::OnboardAccept,
                    Action::OnboardAcceptAll,
                    Action::OnboardFix,
                    Action::OnboardRetry,
                    Action::OnboardRename,
                    Action::OnboardShell,
                    Action::OnboardKubeconfig,
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
            let lines = run.map_or(0, |run| sheet::lines(run, cx.area).len());
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
            Action::OnboardAdd => {
                let offered = self.offered(cx.rack);
                cx.msgs.push(Msg::Fill(form::add(cx.rack, offered)));
            }
            Action::OnboardAcceptAll => ask::all(cx),
            Action::RowOpen => {
                let host = self.current(cx.rack).map(|run| run.board.host().to_owned());
                self.page = host.map(|host| (host, 0));
            }
            Action::OnboardAccept
            | Action::OnboardFix
            | Action::OnboardRetry
            | Action::OnboardRename
            | Action::OnboardShell
            | Action::OnboardKubeconfig
            | Action::OnboardForget
            | Action::CopyName => {
                if let Some(run) = self.current(cx.rack) {
                    with_board(run, action, cx);
                } else {
                    let text = "there is no board here yet: add some first";
                    cx.msgs.push(Msg::info(text));
                }
            }
            other => cx.msgs.push(Msg::nothing_here(other)),
        }
    }

    pub fn view(&self, rack: &Rack, theme: &Theme, area: Rect, buf: &mut Buffer) {
        if let Some((host, scroll)) = &self.page {
            match rack.onboarding.get(host) {
                Some(run) => sheet::draw(run, rack, (*scroll, theme), area, buf),
                None => page::draw_gone(rack, (host, "board"), theme, area, buf),
            }
            return;
        }
        let runs = self.shown(rack);
        let ids = ids(&runs);
        let height = draw::list_height(area);
        let place = (self.rows.index(&ids), self.rows.offset(&ids, height.into()));
        if runs.is_empty() {
            let offered = rack.onboarding.is_empty().then(|| self.offered(rack));
            return draw::none(offered.as_deref(), theme, area, buf);
        }
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
    match action {
        Action::OnboardAccept => ask::one(run, cx),
        Action::OnboardFix => ask::fix(run, cx),
        Action::OnboardRetry => retry(run, cx),
        Action::OnboardRename => match &run.board.stage {
            Stage::Blocked | Stage::Failed(_) | Stage::Planned(_) => {
                cx.msgs.push(Msg::Fill(form::rename(run)));
            }
            _ => cx.msgs.push(Msg::info(format!(
                "{host} gets another name only before it is changed"
            ))),
        },
        Action::OnboardShell => match Destination::parse(&host) {
            Ok(to) => cx.effects.push(Effect::Shell(to)),
            Err(why) => cx
                .msgs
                .push(Msg::warn(format!("no shell on {host}: {why}"))),
        },
        Action::OnboardKubeconfig => match (&run.board.stage, run.board.journal.wish.role) {
            (Stage::Joined, Role::FirstServer { .. }) if !run.board.journal.wish.leaves => {
                cx.msgs.push(Msg::MergeKubeconfig(format!("ssh://{host}")));
            }
            _ => cx.msgs.push(Msg::info(format!(
                "{host} is no first server that has joined: it has no kubeconfig of its own"
            ))),
        },
        Action::CopyName => cx.msgs.push(Msg::Copy(host)),
        _ if run.board.stage == Stage::Running => cx.msgs.push(Msg::warn(format!(
            "{host} is being changed and stays on the list until it is done"
        ))),
        _ => cx.msgs.push(Msg::OnboardForget(host)),
    }
}

fn retry(run: &Run, cx: &mut Cx<'_>) {
    let host = run.board.host();
    if run.is_cut_off() {
        cx.effects.push(decided(host, Event::Begin));
    } else if run.board.is_over() && run.board.stage != Stage::Joined {
        cx.effects.push(decided(host, Event::Retry(None)));
    } else {
        let words = match &run.board.stage {
            Stage::Joined => format!("{host} has joined"),
            Stage::Planned(_) => format!("the plan of {host} waits to be accepted"),
            _ => match cx.rack.onboarding.waits_for(host) {
                Some(other) => format!("{host} waits for {other}"),
                None => format!("{host} is on its way"),
            },
        };
        cx.msgs.push(Msg::info(words));
    }
}

fn decided(host: &str, event: Event) -> Effect {
    Effect::SteerOnboarding {
        host: host.to_owned(),
        event: Box::new(event),
    }
}

/// What is wrong with the answers of a form: the key of the field, and a sentence.
pub(super) fn complaint(form: &FormId, answers: &Answers) -> Option<(&'static str, String)> {
    form::complaint(form, answers)
}

/// Answers of a form, which has no complaint any more.
pub(super) fn filled_in(form: &FormId, answers: &Answers, cx: &mut Cx<'_>) {
    if let FormId::OnboardName { host } = form {
        let name = form::new_name(answers);
        return cx.effects.push(decided(host, Event::Renamed(name)));
    }
    let asked = form::asked(answers, cx.rack);
    cx.msgs.push(Msg::info("asking what was left open"));
    cx.effects.push(Effect::PrepareOnboarding(Box::new(asked)));
}

#[cfg(test)]
mod tests;
