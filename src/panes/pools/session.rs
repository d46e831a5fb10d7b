//! One text being edited: the editor, what it was made from, and what is kept of it.
//!
//! Invariants: a text that differs from the server's is on its way to the disk after every edit; when the server's objects
//! change, an untouched text follows them and a touched one stays as it is.

use crate::action::Action;
use crate::effect::Effect;
use crate::msg::Msg;
use crate::panes::Cx;
use crate::panes::pools::judge;
use crate::rack::Rack;
use crate::rack::draft::{Draft, DraftKey};
use crate::rack::pool_text::merge::merge;
use crate::rack::pool_text::{Change, Flaw, Form, Live};
use crate::rack::pools::check::Facts;
use crate::rack::pools::check::checker::Checker;
use crate::rack::pools::live;
use crate::rack::time::short;
use crate::theme::roles::Theme;
use crate::ui::editor::{Editor, Mark, MarkWeight};

/// Longer texts are kept when nobody types, not at every key: copying them would be felt.
const LONG: usize = 256 << 10;
/// A long text is kept when nobody has typed in it for so long.
const PAUSE: std::time::Duration = std::time::Duration::from_secs(1);
/// For so long after an apply older news of the watch are not taken for somebody else's change.
const SETTLE: std::time::Duration = std::time::Duration::from_secs(5);

/// A text and where it comes from.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) key: DraftKey,
    pub(super) editor: Editor,
    /// The objects the text was made from, at their versions.
    pub(super) live: Live,
    /// The text they make.
    pub(super) base: String,
    /// What the server has now, when somebody else changed it after the text was touched.
    pub(super) newer: Option<Live>,
    /// What the server said of the text that was applied last; gone with the next edit.
    refused: Vec<Mark>,
    /// The edit that was handed over to be kept.
    kept: u64,
    /// As of the last look: what would be done, and whether the text is another at all.
    changes: Result<Vec<Change>, Vec<Flaw>>,
    is_touched: bool,
    /// Reads only what has changed since the last look.
    checker: Checker,
    /// The edit the checker has seen; `None` when it has seen nothing of this text.
    checked: Option<u64>,
    /// When the text was edited last, by our own clock; for long texts that are not kept yet.
    edited: Option<std::time::Duration>,
    facts: Facts,
    /// Until then, by our own clock, the watch may still tell of what was before our own apply.
    settling: Option<std::time::Duration>,
}

impl Session {
    pub(super) fn new(key: DraftKey, live: Live) -> Session {
        let base = live.text();
        let checker = judge::checker(&live.form);
        let mut editor = Editor::new(&base);
        editor.go_to(0, 0);
        Session {
            key,
            editor,
            live,
            base,
            newer: None,
            refused: Vec::new(),
            kept: 0,
            changes: Ok(Vec::new()),
            is_touched: false,
            checker,
            checked: None,
            edited: None,
            facts: Facts::default(),
            settling: None,
        }
    }

    /// True when the text is not the server's any more, be it by a comment only.
    pub(super) fn is_touched(&self) -> bool {
        self.editor.text() != self.base
    }

    /// What would have to be done to the server, as of the last [`Session::settle`].
    pub(super) fn changes(&self) -> &Result<Vec<Change>, Vec<Flaw>> {
        &self.changes
    }

    /// True when applying the text would do nothing.
    fn is_same(&self) -> bool {
        self.changes.as_ref().is_ok_and(Vec::is_empty)
    }

    /// Compares the text with what it was made from.
    pub(super) fn settle(&mut self) {
        let text = self.editor.text();
        self.is_touched = text != self.base;
        self.changes = self.live.changes(&text);
    }

    /// News of the server's objects.
    pub(super) fn server_has(&mut self, live: Live, cx: &mut Cx<'_>) {
        if live.is_same_as(&self.live) {
            self.newer = None;
            self.settling = None;
            return;
        }
        if live.says_the_same_as(&self.live) {
            // MetalLB writes into the status of its objects all the time.
            self.live = live;
            self.newer = None;
            return;
        }
        let now = cx.rack.now.mono;
        if self.settling.is_some_and(|until| now < until) {
            return;
        }
        self.settle();
        if !self.is_touched {
            self.follow(live);
        } else if live
            .changes(&self.editor.text())
            .is_ok_and(|it| it.is_empty())
        {
            // The server has what stands here: it was applied, and we were not there to hear of it.
            self.base = live.text();
            self.live = live;
            self.newer = None;
            self.settle();
            self.kept = 0;
            self.keep(cx, true);
        } else if self.is_same() {
            // Only comments and layout are ours: they stay where their lines stay.
            let text = merge(&self.base, &self.editor.text(), &live.text()).text;
            self.follow(live);
            self.editor.replace(&text);
            self.keep(cx, true);
        } else if !self
            .newer
            .as_ref()
            .is_some_and(|known| known.says_the_same_as(&live))
        {
            let what = match &self.live.form {
                Form::ConfigMap { .. } => format!("{} was", self.live.form),
                Form::Objects { .. } => format!("{} were", self.live.form),
            };
            cx.msgs.push(Msg::warn(format!(
                "{what} changed by somebody else; your text stays, a shows both"
            )));
            self.newer = Some(live);
        } else {
            self.newer = Some(live);
        }
    }

    /// The server's objects as they were read just now, in answer to an apply.
    pub(super) fn server_answers(&mut self, live: Live, cx: &mut Cx<'_>) {
        self.settling = None;
        self.server_has(live, cx);
    }

    /// Takes the server's text in place of this one.
    pub(super) fn follow(&mut self, live: Live) {
        self.base = live.text();
        self.live = live;
        self.newer = None;
        if self.editor.text() != self.base {
            let base = self.base.clone();
            self.editor.replace(&base);
        }
        self.settle();
    }

    /// The server has now what we applied. The text stays as it was typed: the API does not store comments.
    pub(super) fn applied(&mut self, live: Live, cx: &mut Cx<'_>) {
        self.base = live.text();
        self.live = live;
        self.newer = None;
        self.refused.clear();
        self.settling = Some(cx.rack.now.mono + SETTLE);
        self.settle();
        let is_done = self.is_same();
        let has_comment = self
            .editor
            .lines()
            .iter()
            .any(|line| line.trim_start().starts_with('#') || line.contains(" #"));
        if is_done && !has_comment && self.is_touched() {
            let base = self.base.clone();
            self.editor.replace(&base);
        }
        self.kept = 0;
        self.keep(cx, true);
    }

    /// Opens what was kept on disk, with what it was made from.
    pub(super) fn reopen(&mut self, draft: &Draft, cx: &mut Cx<'_>) {
        let read = Live {
            form: self.live.form.clone(),
            objects: draft.read.clone(),
        };
        let now = std::mem::replace(&mut self.live, read);
        self.base.clone_from(&draft.base);
        self.editor = Editor::new(&draft.text);
        self.checked = None;
        self.kept = self.editor.revision();
        self.newer = None;
        self.settle();
        self.server_has(now, cx);
    }

    /// The text has changed: what the server said of it is history.
    pub(super) fn edited(&mut self, cx: &mut Cx<'_>) {
        self.refused.clear();
        let is_long = self.editor.size() > LONG;
        if is_long {
            self.edited = Some(cx.rack.now.mono);
        } else {
            self.keep(cx, false);
        }
    }

    /// A second has passed: what is not kept yet is kept. Of a long text once nobody types for a moment: it is copied,
    /// which would be felt.
    pub(super) fn on_clock(&mut self, cx: &mut Cx<'_>) {
        let now = cx.rack.now.mono;
        let is_typed_in = self.edited.is_some_and(|at| now < at + PAUSE);
        if !is_typed_in {
            self.edited = None;
            self.keep(cx, true);
        }
    }

    /// Hands the text over to be kept, or has it forgotten when it is the server's again.
    pub(super) fn keep(&mut self, cx: &mut Cx<'_>, is_always: bool) {
        let revision = self.editor.revision();
        if revision == self.kept || (self.editor.size() > LONG && !is_always) {
            return;
        }
        self.kept = revision;
        let text = self.editor.text();
        let effect = if text == self.base {
            Effect::DropDraft(self.key.clone())
        } else {
            Effect::KeepDraft(Draft {
                key: self.key.clone(),
                read: self.live.objects.clone(),
                base: self.base.clone(),
                text,
                saved: cx.rack.now.wall,
            })
        };
        cx.effects.push(effect);
    }

    /// Puts signs where something is wrong.
    pub(super) fn check(&mut self, rack: &Rack) {
        let facts = live::facts(rack, &[]);
        if facts != self.facts {
            self.facts.clone_from(&facts);
            self.checker.set_facts(facts);
        }
        self.read();
        let findings = &self.checker.report().findings;
        let mut marks = judge::marks(self.checker.text(), findings);
        if self.editor.size() <= LONG {
            self.settle();
        }
        if let Err(flaws) = &self.changes {
            judge::add_flaws(&mut marks, flaws);
        }
        marks.extend(self.refused.iter().cloned());
        self.editor.set_marks(marks);
    }

    /// Shows the checker the text as it is now: the line that was typed in, or all of it.
    fn read(&mut self) {
        let revision = self.editor.revision();
        if self.checked == Some(revision) {
            return;
        }
        let is_next = self.checked.map(|it| it + 1) == Some(revision);
        let line = self.editor.edited_line().filter(|_| is_next);
        match line.and_then(|it| Some((it, self.editor.lines().get(it)?))) {
            Some((number, line)) => {
                let start = self.editor.line_start(number);
                let rest = self.checker.text().get(start..).unwrap_or_default();
                let length = rest.find('\n').unwrap_or(rest.len());
                self.checker.splice(start..start + length, line);
            }
            None => {
                self.checker.update(self.editor.text());
            }
        }
        self.checked = Some(revision);
    }

    /// The server's words, at the line they are about: the one that holds what the words quote, else the first of the
    /// object's document.
    pub(super) fn refuse(&mut self, line: usize, words: &str) {
        let quoted = words.split('"').skip(1).step_by(2);
        let lines = self.editor.lines();
        let end = lines
            .iter()
            .enumerate()
            .skip(line + 1)
            .find(|(_, text)| text.starts_with("---"))
            .map_or(lines.len(), |(index, _)| index);
        let find = |word: &str| {
            let last = word.rsplit('.').next().unwrap_or(word);
            let is_it = |text: &String, word: &str| word.len() > 1 && text.contains(word);
            let document = || lines.iter().enumerate().take(end).skip(line);
            let whole = document().find(|(_, text)| is_it(text, word));
            let part = || document().find(|(_, text)| is_it(text, last));
            whole.or_else(part).map(|(index, _)| index)
        };
        // The last quoted word is the most particular one (`unknown field "spec.localpref"`), but for the object's name.
        let is_name = |at: &usize| {
            lines
                .get(*at)
                .is_some_and(|text| text.trim_start().starts_with("name:"))
        };
        let found: Vec<usize> = quoted.filter_map(find).collect();
        let particular = found.iter().rev().find(|at| !is_name(at));
        let place = particular.or(found.last()).copied().unwrap_or(line);
        self.refused = vec![Mark {
            line: place,
            columns: 0..0,
            weight: MarkWeight::Error,
            text: words.to_owned(),
        }];
        self.editor.go_to(place, 0);
    }

    /// Everything that speaks against applying, in the order of the lines.
    pub(super) fn errors(&self) -> Vec<Mark> {
        let is_error = |mark: &&Mark| mark.weight == MarkWeight::Error;
        let marks = self.editor.marks().iter().filter(is_error);
        let mut errors: Vec<Mark> = marks
            .filter(|mark| !self.refused.contains(mark))
            .cloned()
            .collect();
        // A long text is compared only when it is looked at: its flaws may have no signs yet.
        if let Err(flaws) = &self.changes {
            judge::add_flaws(&mut errors, flaws);
        }
        errors.sort_by_key(|error| (error.line, error.columns.start));
        errors
    }

    /// Errors that speak against applying; the first of them.
    pub(super) fn first_error(&self) -> Option<&Mark> {
        let is_error = |mark: &&Mark| mark.weight == MarkWeight::Error;
        self.editor
            .marks()
            .iter()
            .filter(is_error)
            .find(|mark| !self.refused.contains(mark))
    }

    pub(super) fn move_by(&mut self, action: Action) {
        use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
        let (code, modifiers, times) = match action {
            Action::RowDown => (KeyCode::Down, KeyModifiers::NONE, 1),
            Action::RowUp => (KeyCode::Up, KeyModifiers::NONE, 1),
            Action::HalfDown => (KeyCode::Down, KeyModifiers::NONE, 10),
            Action::HalfUp => (KeyCode::Up, KeyModifiers::NONE, 10),
            Action::PageDown => (KeyCode::PageDown, KeyModifiers::NONE, 1),
            Action::PageUp => (KeyCode::PageUp, KeyModifiers::NONE, 1),
            Action::GoTop => (KeyCode::Home, KeyModifiers::CONTROL, 1),
            Action::GoBottom => (KeyCode::End, KeyModifiers::CONTROL, 1),
            _ => return,
        };
        for _ in 0..times {
            self.editor.on_key(KeyEvent::new(code, modifiers));
        }
    }

    /// Puts the cursor on the line where a pool of this name begins.
    pub(super) fn go_to_pool(&mut self, name: &str) {
        let is_name = |line: &String| {
            let text = line.trim_start().trim_start_matches("- ");
            let value = text.strip_prefix("name:").map(str::trim);
            value.is_some_and(|value| value.trim_matches(['"', '\'']) == name)
        };
        if let Some(line) = self.editor.lines().iter().position(is_name) {
            self.editor.go_to(line, 0);
        }
    }

    pub(super) fn title(&self, _theme: &Theme) -> String {
        match &self.live.form {
            Form::ConfigMap { namespace, name } if self.live.objects.is_empty() => {
                format!("ConfigMap {namespace}/{name} (new)")
            }
            form => form.to_string(),
        }
    }

    /// What has become of the text: `draft`, `comments only`, changed elsewhere.
    pub(super) fn state(&self, rack: &Rack, is_lost: bool, theme: &Theme) -> String {
        let separator = theme.symbols.separator;
        if self.newer.is_some() {
            return format!("{} changed on the server too", theme.symbols.warn);
        }
        if self.is_touched {
            let kept = if is_lost {
                "NOT kept on disk"
            } else if self.kept == self.editor.revision() {
                "kept"
            } else {
                "keeping"
            };
            return if self.is_same() {
                format!("comments, in this draft only {separator} {kept}")
            } else {
                format!("draft {separator} {kept}")
            };
        }
        let age = rack.link.last_contact.map(|at| short(rack.now.since(at)));
        age.map_or_else(String::new, |age| format!("{age} ago {separator} watch"))
    }
}
