//! The pools pane: MetalLB's addresses and who has them at the left, its configuration as a text to edit at the right.
//!
//! ```text
//! ┌ Pools ───────────────┐┌ ConfigMap metallb-system/config ── draft · kept ┐
//! │▌ company-office 12/50 ││   11 address-pools:                             │
//! │  ▓▓▓░░░░░░░░░         ││ ✗ 12 - name: lan                                │
//! │  10.10.10.51 web/shop ││      └ pool "lan" has no addresses              │
//! └───────────────────────┘└─────────────────────────────────────────────────┘
//! ```
//!
//! Where both do not fit, one stands for the other. Not here: files and the cluster, which effects do. Invariants: a text
//! that was typed is never thrown away without a key that says so; nothing is applied that was not shown as a difference;
//! everything is applied at the version it was read at.

mod apply;
mod conflict;
mod convert;
mod create;
mod install;
mod judge;
mod list;
mod map;
mod review;
mod session;
mod words;

use crossterm::event::KeyEvent;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::action::Action;
use crate::effect::Effect;
use crate::form::{Answers, FormId};
use crate::msg::Msg;
use crate::panes::Cx;
use crate::panes::pools::conflict::Conflict;
use crate::panes::pools::install::Installing;
use crate::panes::pools::review::Review;
use crate::panes::pools::session::Session;
use crate::panes::rows::Rows;
use crate::rack::Rack;
use crate::rack::draft::{Applied, DraftKey};
use crate::rack::pool_text::Live;
use crate::rack::pools::live::{PoolView, views};
use crate::rack::problem::Problem;
use crate::theme::roles::Theme;
use crate::ui::editor::Answer;
use crate::ui::frame::{PaneBox, draw_box, inside};

/// From this width on both halves stand side by side.
const BOTH: u16 = 100;
/// The left half then.
const LEFT: u16 = 42;

/// What the user is doing in the pools pane.
#[derive(Debug, Default)]
pub struct PoolsPane {
    rows: Rows<String>,
    half: Half,
    right: Right,
    /// The text that is open; `None` as long as there is none to open.
    session: Option<Box<Session>>,
    /// Letters go into the text.
    is_typing: bool,
    /// What was searched for in the text.
    search: String,
    /// The pools as they are on the server, made anew when something about them changes.
    pools: Vec<PoolView>,
    /// Facts have come since that were not looked at.
    is_stirred: bool,
    /// The address of the map the cursor is on, counted in cells.
    map_cursor: usize,
    /// Everything applied from here, newest first.
    history: Vec<Applied>,
    history_row: usize,
    /// Why drafts are not kept, when they are not.
    not_kept: Option<Problem>,
    /// The draft and history that were asked for.
    asked: Option<DraftKey>,
    installing: Option<Installing>,
}

/// Where the keys act.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Half {
    #[default]
    Pools,
    Text,
}

/// What the right half shows.
#[derive(Debug, Default)]
enum Right {
    #[default]
    Text,
    Review(Review),
    Conflict(Conflict),
    History,
}

impl PoolsPane {
    /// Letters go into the text, and so do most other keys.
    pub fn is_editing(&self) -> bool {
        self.is_typing
    }

    pub fn filter(&self) -> &str {
        &self.search
    }

    /// Searches the text.
    pub fn set_filter(&mut self, text: &str) {
        text.clone_into(&mut self.search);
        if let Some(session) = &mut self.session {
            session.editor.search_for(text);
            self.half = Half::Text;
        }
    }

    /// Something about MetalLB, the Services or the nodes has changed; `waits`: it is one of very many changes, and what
    /// they come to is looked at once a second, or when somebody comes to look.
    pub fn facts_changed(&mut self, waits: bool, cx: &mut Cx<'_>) {
        self.is_stirred = true;
        if !waits {
            self.catch_up(cx);
        }
        self.settle_install(cx);
    }

    /// Takes in what has changed since the last time.
    pub fn catch_up(&mut self, cx: &mut Cx<'_>) {
        if std::mem::take(&mut self.is_stirred) {
            self.take_in(cx);
        }
    }

    fn take_in(&mut self, cx: &mut Cx<'_>) {
        let Some(live) = Live::of(cx.rack) else {
            self.pools.clear();
            return;
        };
        self.pools = views(cx.rack);
        let ids = self.ids();
        self.rows.settle(&ids, cx.rack.now.mono);
        let key = DraftKey {
            context: cx.rack.cluster.context.clone(),
            target: live.form.target(),
        };
        if self.asked.as_ref() != Some(&key) && !key.context.is_empty() {
            self.asked = Some(key.clone());
            self.session = None;
            cx.effects.push(Effect::ReadDraft(key.clone()));
        }
        match &mut self.session {
            Some(session) => session.server_has(live, cx),
            None => self.session = Some(Box::new(Session::new(key, live))),
        }
        self.check(cx.rack);
        if let (Right::Review(_), Some(session)) = (&self.right, &self.session) {
            self.right = Right::Review(Review::of(session, cx.rack));
        }
    }

    /// A second has passed: what is not kept yet is kept, and who looks sees what is new.
    pub fn on_clock(&mut self, is_shown: bool, cx: &mut Cx<'_>) {
        if is_shown {
            self.catch_up(cx);
        }
        if let Some(session) = &mut self.session {
            session.on_clock(cx);
        }
    }

    pub fn on_msg(&mut self, msg: &Msg, cx: &mut Cx<'_>) {
        match msg {
            Msg::DraftRead {
                key,
                draft,
                history,
            } if self.asked.as_ref() == Some(key) => self.take_draft(draft, history, cx),
            Msg::DraftKept(result) => {
                self.not_kept = result.clone().err();
                if let Some(problem) = &self.not_kept {
                    cx.msgs.push(Msg::warn(problem.sentence()));
                }
            }
            Msg::PoolsChanged { record, outcome } => self.changed(record, outcome, cx),
            Msg::ManifestRead(result) => install::read(result, cx),
            Msg::InstallStep { done, next } => self.install_step(*done, next),
            Msg::Installed { record, result } => self.installed(record, result, cx),
            _ => {}
        }
    }

    pub fn on_form(&mut self, form: &FormId, answers: &Answers, cx: &mut Cx<'_>) {
        match form {
            FormId::PoolCreate => self.create(answers, cx),
            FormId::PoolDeletions { .. } => self.ask_to_apply(cx),
            FormId::Manifest => install::named(answers, cx),
            _ => {}
        }
    }

    pub fn complaint(
        &self,
        form: &FormId,
        answers: &Answers,
        rack: &Rack,
    ) -> Option<(&'static str, String)> {
        match form {
            FormId::PoolCreate => create::complaint(&self.pools, answers, rack),
            FormId::PoolDeletions { in_use } => apply::complaint(in_use, answers),
            FormId::Manifest => install::complaint(answers),
            _ => None,
        }
    }

    /// A key while letters go into the text. False when it was none for the text.
    pub fn on_text(&mut self, key: KeyEvent, cx: &mut Cx<'_>) -> bool {
        let area = Self::text_area(cx.area);
        let Some(session) = &mut self.session else {
            return false;
        };
        let answer = session.editor.on_key(key);
        self.after_key(answer, area, cx);
        answer != Answer::Ignored
    }

    pub fn on_paste(&mut self, text: &str, cx: &mut Cx<'_>) {
        let area = Self::text_area(cx.area);
        if let Some(session) = &mut self.session {
            let answer = session.editor.on_paste(text);
            self.after_key(answer, area, cx);
        }
    }

    fn after_key(&mut self, answer: Answer, area: Rect, cx: &mut Cx<'_>) {
        if answer == Answer::Edited {
            if let Some(session) = &mut self.session {
                session.edited(cx);
            }
            self.check(cx.rack);
        }
        if let Some(session) = &mut self.session {
            if answer != Answer::Ignored {
                words::offer(session, cx.rack);
            }
            session.editor.follow(area);
        }
    }

    /// Looks at the text anew and puts signs where something is wrong.
    fn check(&mut self, rack: &Rack) {
        if let Some(session) = &mut self.session {
            session.check(rack);
        }
    }

    /// Closes the innermost thing. False when there was nothing to close.
    pub fn close(&mut self) -> bool {
        if self.is_typing {
            let has_closed = self
                .session
                .as_mut()
                .is_some_and(|session| session.editor.close_offer());
            self.is_typing = has_closed;
            return true;
        }
        if !matches!(self.right, Right::Text) {
            self.right = Right::Text;
            return true;
        }
        let was_in_text = self.half == Half::Text;
        self.half = Half::Pools;
        was_in_text
    }

    pub fn on_action(&mut self, action: Action, cx: &mut Cx<'_>) {
        match action {
            Action::HalfToggle => self.toggle_half(),
            Action::PoolEdit => self.edit(cx),
            Action::PoolReview => self.review(cx),
            Action::PoolApply => self.apply(cx),
            Action::PoolUndo => self.undo(cx),
            Action::PoolHistory => {
                self.right = Right::History;
                self.half = Half::Text;
                self.history_row = 0;
            }
            Action::PoolCreate => self.ask_for_pool(cx),
            Action::PoolMerge => self.merge(cx),
            Action::PoolDiscard => self.discard(cx),
            Action::PoolConvert => self.convert(cx),
            Action::MetallbInstall => self.ask_for_manifest(cx),
            Action::FaultNext | Action::FaultPrevious => self.go_to_fault(action, cx),
            Action::SearchNext | Action::SearchPrevious => self.search_on(action, cx),
            Action::CopyName => self.copy(cx),
            _ => self.move_by(action, cx),
        }
    }

    fn toggle_half(&mut self) {
        self.half = match self.half {
            Half::Pools => Half::Text,
            Half::Text => Half::Pools,
        };
    }

    fn edit(&mut self, cx: &mut Cx<'_>) {
        let area = Self::text_area(cx.area);
        match &mut self.session {
            Some(session) => {
                session.editor.follow(area);
                self.right = Right::Text;
                self.half = Half::Text;
                self.is_typing = true;
            }
            None => cx.msgs.push(Msg::warn(
                "there is no configuration of MetalLB here to edit",
            )),
        }
    }

    fn go_to_fault(&mut self, action: Action, cx: &mut Cx<'_>) {
        let area = Self::text_area(cx.area);
        if let Some(session) = &mut self.session {
            self.half = Half::Text;
            self.right = Right::Text;
            if !session.editor.next_mark(action == Action::FaultNext) {
                cx.msgs.push(Msg::info("nothing is wrong in this text"));
            }
            session.editor.follow(area);
        }
    }

    fn search_on(&mut self, action: Action, cx: &mut Cx<'_>) {
        let area = Self::text_area(cx.area);
        if let Some(session) = &mut self.session {
            if !session.editor.search_next(action == Action::SearchNext) {
                cx.msgs.push(Msg::info("nothing was found; / searches"));
            }
            session.editor.follow(area);
        }
    }

    fn copy(&self, cx: &mut Cx<'_>) {
        if let Some(name) = self.current().map(|pool| pool.name.clone()) {
            cx.msgs.push(Msg::Copy(name));
        }
    }

    fn move_by(&mut self, action: Action, cx: &mut Cx<'_>) {
        let area = Self::text_area(cx.area);
        let height = usize::from(area.height);
        match (&mut self.right, self.half) {
            (Right::Review(review), Half::Text) => review.on_action(action, height),
            (Right::Conflict(conflict), Half::Text) => conflict.on_action(action, height),
            (Right::History, Half::Text) => {
                let last = self.history.len().saturating_sub(1);
                super::scrolled(&mut self.history_row, action, last + height, height);
            }
            (Right::Text, Half::Text) => {
                if action == Action::RowOpen {
                    self.edit(cx);
                } else if let Some(session) = &mut self.session {
                    session.move_by(action);
                    session.editor.follow(area);
                }
            }
            (_, Half::Pools) => self.move_in_list(action, cx),
        }
    }

    fn move_in_list(&mut self, action: Action, cx: &mut Cx<'_>) {
        let ids = self.ids();
        match action {
            Action::RowOpen => self.go_to_pool(cx),
            Action::HistoryBack => self.map_cursor = self.map_cursor.saturating_sub(1),
            Action::HistoryForward => self.map_cursor += 1,
            _ => {
                if self.rows.on_action(action, &ids, 8) {
                    self.map_cursor = 0;
                }
            }
        }
    }

    /// Opens the text where the pool under the cursor stands.
    fn go_to_pool(&mut self, cx: &mut Cx<'_>) {
        let area = Self::text_area(cx.area);
        self.half = Half::Text;
        let name = self.current().map(|pool| pool.name.clone());
        if let (Some(session), Some(name)) = (&mut self.session, name) {
            session.go_to_pool(&name);
            session.editor.follow(area);
        }
    }

    fn ids(&self) -> Vec<String> {
        self.pools.iter().map(|pool| pool.name.clone()).collect()
    }

    /// The pool the keys act on.
    fn current(&self) -> Option<&PoolView> {
        let index = self.rows.index(&self.ids())?;
        self.pools.get(index)
    }

    pub fn hints(&self) -> &'static [Action] {
        match (&self.right, self.half) {
            _ if self.is_typing => &[Action::Close],
            (Right::Review(_), Half::Text) => &[Action::PoolApply, Action::PoolEdit, Action::Close],
            (Right::Conflict(_), Half::Text) => {
                &[Action::PoolMerge, Action::PoolDiscard, Action::Close]
            }
            (Right::History, Half::Text) => &[Action::PoolUndo, Action::Close],
            (_, Half::Pools) if self.session.is_none() => &[Action::MetallbInstall],
            (Right::Text, Half::Text) => &[
                Action::PoolEdit,
                Action::PoolApply,
                Action::PoolReview,
                Action::HalfToggle,
                Action::FaultNext,
                Action::FilterOpen,
            ],
            (_, Half::Pools) => &[
                Action::RowOpen,
                Action::PoolEdit,
                Action::PoolCreate,
                Action::PoolApply,
                Action::PoolUndo,
                Action::MenuOpen,
            ],
        }
    }

    pub fn menu(&self, _rack: &Rack) -> (String, Vec<Action>) {
        let title = match self.current() {
            Some(pool) if self.half == Half::Pools => format!("Pool {}", pool.name),
            _ => "MetalLB's addresses".to_owned(),
        };
        let actions = vec![
            Action::PoolEdit,
            Action::PoolReview,
            Action::PoolApply,
            Action::PoolUndo,
            Action::PoolHistory,
            Action::PoolCreate,
            Action::PoolConvert,
            Action::PoolMerge,
            Action::PoolDiscard,
            Action::MetallbInstall,
        ];
        (title, actions)
    }

    /// Draws the pane; where the cursor is while letters go into the text.
    pub fn view(
        &self,
        rack: &Rack,
        theme: &Theme,
        area: Rect,
        buf: &mut Buffer,
    ) -> Option<Position> {
        if self.session.is_none() {
            install::draw(self.installing.as_ref(), rack, theme, area, buf);
            return None;
        }
        let (left, right) = self.halves(area);
        if let Some(left) = left {
            list::draw(self, rack, theme, left, buf);
        }
        right.and_then(|right| self.draw_right(rack, theme, right, buf))
    }

    /// The two halves; only one of them where both do not fit.
    fn halves(&self, area: Rect) -> (Option<Rect>, Option<Rect>) {
        if area.width < BOTH {
            return match self.half {
                Half::Pools => (Some(area), None),
                Half::Text => (None, Some(area)),
            };
        }
        let left = Rect {
            width: LEFT,
            ..area
        };
        let right = Rect {
            x: area.x.saturating_add(LEFT),
            width: area.width - LEFT,
            ..area
        };
        (Some(left), Some(right))
    }

    /// Where the text is drawn, whether it is shown now or not.
    fn text_area(area: Rect) -> Rect {
        let width = if area.width < BOTH {
            area.width
        } else {
            area.width - LEFT
        };
        inside(Rect { width, ..area })
    }

    fn draw_right(
        &self,
        rack: &Rack,
        theme: &Theme,
        area: Rect,
        buf: &mut Buffer,
    ) -> Option<Position> {
        let session = self.session.as_ref()?;
        let has_focus = self.half == Half::Text;
        let (title, right) = match &self.right {
            Right::Text => (
                session.title(theme),
                session.state(rack, self.not_kept.is_some(), theme),
            ),
            Right::Review(review) => (review.title.to_owned(), review.summary()),
            Right::Conflict(_) => (
                "Changed by somebody else meanwhile".to_owned(),
                String::new(),
            ),
            Right::History => ("Applied from here".to_owned(), String::new()),
        };
        let frame = PaneBox {
            title: &title,
            right: &right,
            has_focus,
        };
        let inside = draw_box(frame, area, buf, theme);
        match &self.right {
            Right::Text => session
                .editor
                .draw(inside, buf, theme, has_focus)
                .filter(|_| self.is_typing),
            Right::Review(review) => {
                review.draw(theme, inside, buf);
                None
            }
            Right::Conflict(conflict) => {
                conflict.draw(theme, inside, buf);
                None
            }
            Right::History => {
                review::draw_history(&self.history, self.history_row, rack, theme, inside, buf);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests;
