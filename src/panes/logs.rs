//! The log viewer: what is shown of the logbook, where one is in it, and what is searched for.
//!
//! Not here: the lines themselves (`rack::log::logbook`) and what kind of thing writes them. Following stops at any
//! upward motion; the logbook keeps filling and nothing on the screen moves. Looking through all lines is done in
//! pieces: between two of them keys are read.

mod draw;
mod export;
mod hunt;
mod line;
mod sources;
mod window;

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::action::Action;
use crate::effect::Effect;
use crate::form::Answers;
use crate::msg::Msg;
use crate::panes::Cx;
use crate::panes::logs::hunt::{Hunt, Progress};
use crate::panes::logs::line::{Look, Times};
use crate::panes::logs::sources::SourceList;
use crate::rack::Rack;
use crate::rack::log::pattern::Pattern;
use crate::rack::log::sieve::{Sieve, Term};
use crate::theme::roles::Theme;

/// Bytes of lines looked at in one piece: a few milliseconds.
const PIECE: usize = 1 << 20;
/// Lines around a match, one after the other.
const CONTEXTS: [u64; 4] = [0, 2, 5, 20];
/// Cells that one key goes to the side.
const SIDE: usize = 16;

/// What the user is doing in the log viewer.
#[derive(Debug)]
pub struct LogsPane {
    sieve: Sieve,
    follows: bool,
    /// The first line on the screen while nothing is followed.
    top: u64,
    /// The line the keys act on.
    cursor: u64,
    /// What the ring's end was when following stopped: newer lines are announced.
    seen: u64,
    /// The first cell on the screen of long lines.
    column: usize,
    shape: Shape,
    /// What `/` looks for, as it was typed and as it is understood.
    search: String,
    found: Option<Pattern>,
    highlights: Vec<Pattern>,
    hunt: Option<Hunt>,
    marks: BTreeSet<u64>,
    list: Option<SourceList>,
    zone: TimeZone,
    /// The next piece of work is on its way.
    is_working: bool,
}

/// How lines are shown, whatever they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Shape {
    wraps: bool,
    times: Times,
    /// JSON and logfmt as sentences.
    is_readable: bool,
}

impl Default for Shape {
    fn default() -> Shape {
        Shape {
            wraps: false,
            times: Times::None,
            is_readable: true,
        }
    }
}

/// A line that is typed for the viewer alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// Only lines that hold a text, or do not.
    Keep,
    /// A time to go to.
    Time,
    /// One more text that is marked.
    Highlight,
}

/// What is wrong with the answers in the form for saving.
pub(super) fn complaint(answers: &Answers) -> Option<(&'static str, String)> {
    export::complaint(answers)
}

impl Default for LogsPane {
    fn default() -> LogsPane {
        LogsPane {
            sieve: Sieve::default(),
            follows: true,
            top: 0,
            cursor: 0,
            seen: 0,
            column: 0,
            shape: Shape::default(),
            search: String::new(),
            found: None,
            highlights: Vec::new(),
            hunt: None,
            marks: BTreeSet::new(),
            list: None,
            zone: TimeZone::UTC,
            is_working: false,
        }
    }
}

impl LogsPane {
    pub fn set_time_zone(&mut self, zone: TimeZone) {
        self.zone = zone;
    }

    /// Another thing is shown from now on; how it is shown stays.
    pub fn reset(&mut self) {
        *self = LogsPane {
            shape: self.shape,
            highlights: std::mem::take(&mut self.highlights),
            zone: self.zone.clone(),
            is_working: self.is_working,
            ..LogsPane::default()
        };
    }

    /// What is searched for.
    pub fn filter(&self) -> &str {
        &self.search
    }

    /// Marks what is typed while it is typed.
    pub fn set_filter(&mut self, text: &str) {
        text.clone_into(&mut self.search);
        self.found = (!text.is_empty())
            .then(|| Pattern::new(text).ok())
            .flatten();
        self.hunt = None;
    }

    /// True while the keys act on the list of sources.
    pub fn is_in_list(&self) -> bool {
        self.list.is_some()
    }

    /// Closes the innermost thing: the list, the search, the last filter. False when there was nothing.
    pub fn close(&mut self, rack: &Rack) -> bool {
        let ring = &rack.logbook.ring;
        if self.list.take().is_some() {
            return true;
        }
        if self.hunt.take().is_some() || self.found.is_some() {
            self.set_filter("");
            return true;
        }
        if self.sieve.pop(ring) {
            return true;
        }
        if self.sieve.only_faults() {
            self.sieve.set_only_faults(false, ring);
            return true;
        }
        !std::mem::take(&mut self.highlights).is_empty()
    }

    pub fn hints(&self) -> &'static [Action] {
        if self.list.is_some() {
            return &[
                Action::RowMark,
                Action::RowOpen,
                Action::SourcesToggle,
                Action::Close,
            ];
        }
        &[
            Action::LogFollow,
            Action::FilterOpen,
            Action::LogKeep,
            Action::FaultsToggle,
            Action::SourcesToggle,
            Action::LogTimes,
            Action::LogWrap,
            Action::MenuOpen,
            Action::CommandOpen,
        ]
    }

    pub fn menu(&self, rack: &Rack) -> (String, Vec<Action>) {
        if rack.logbook.is_closed() {
            return Default::default();
        }
        let menu = vec![
            Action::RowOpen,
            Action::LogFollow,
            Action::FilterOpen,
            Action::LogKeep,
            Action::LogContext,
            Action::FaultsToggle,
            Action::SourcesToggle,
            Action::LogTimes,
            Action::LogTime,
            Action::LogWrap,
            Action::LogReadable,
            Action::LogHighlight,
            Action::RowMark,
            Action::CopyName,
            Action::LogSave,
            Action::LogPager,
            Action::LogsPrevious,
            Action::LogsEarlier,
            Action::LogsClear,
            Action::LogsClose,
        ];
        ("Logs".to_owned(), menu)
    }

    pub fn on_action(&mut self, action: Action, cx: &mut Cx<'_>) {
        if self.list.is_some() && self.on_list(action, cx) {
            return self.work(cx);
        }
        let ring = &cx.rack.logbook.ring;
        match action {
            Action::LogFollow if !self.follows => self.follow(),
            Action::LogFollow => self.pause(cx),
            Action::GoBottom => self.follow(),
            Action::GoTop => self.go_to(self.sieve.first(ring), cx),
            Action::SearchNext => self.hunt(true, cx),
            Action::SearchPrevious => self.hunt(false, cx),
            Action::LogWrap => self.shape.wraps = !self.shape.wraps,
            Action::LogTimes => {
                self.shape.times = self.shape.times.next();
                cx.msgs.push(Msg::info(self.shape.times.words()));
            }
            Action::LogReadable => self.shape.is_readable = !self.shape.is_readable,
            Action::FaultsToggle => self.sieve.set_only_faults(!self.sieve.only_faults(), ring),
            Action::LogContext => self.next_context(cx),
            Action::SourcesToggle => self.list = Some(SourceList::default()),
            Action::ColumnRight => self.column += SIDE,
            Action::ColumnLeft => self.column = self.column.saturating_sub(SIDE),
            Action::RowMark => self.toggle_mark(cx),
            Action::MarkNext => self.go_to_mark(true, cx),
            Action::MarkPrevious => self.go_to_mark(false, cx),
            Action::CopyName => export::copy(self, cx),
            Action::LogSave => cx.msgs.push(export::form(self, cx.rack)),
            Action::LogPager => export::page(self, cx),
            Action::RowOpen => self.open(cx),
            action => match self.distance(action, cx) {
                Some(by) => self.step(by, cx),
                None => cx.msgs.push(Msg::nothing_here(action)),
            },
        }
        self.work(cx);
    }

    /// How many lines down an action goes; `None` when it is not a movement.
    fn distance(&self, action: Action, cx: &Cx<'_>) -> Option<i64> {
        let page = i64::from(window::places(self, &cx.rack.logbook, cx.area).lines.height).max(1);
        match action {
            Action::RowDown => Some(1),
            Action::RowUp => Some(-1),
            Action::HalfDown => Some((page / 2).max(1)),
            Action::HalfUp => Some(-(page / 2).max(1)),
            Action::PageDown => Some(page),
            Action::PageUp => Some(-page),
            _ => None,
        }
    }

    fn follow(&mut self) {
        self.follows = true;
        self.hunt = None;
    }

    /// Nothing on the screen moves from now on.
    fn pause(&mut self, cx: &Cx<'_>) {
        if !self.follows {
            return;
        }
        let book = &cx.rack.logbook;
        let places = window::places(self, book, cx.area);
        if let Some((top, _)) = window::top(self, book, places) {
            self.top = top;
        }
        self.cursor = self.sieve.last(&book.ring).unwrap_or_default();
        self.follows = false;
        self.seen = book.ring.end();
    }

    fn step(&mut self, by: i64, cx: &Cx<'_>) {
        if self.follows && by > 0 {
            return;
        }
        self.pause(cx);
        let to = self.sieve.moved(self.cursor, by, &cx.rack.logbook.ring);
        self.go_to(to, cx);
    }

    /// The cursor stands on this line, and it is on the screen.
    fn go_to(&mut self, line: Option<u64>, cx: &Cx<'_>) {
        self.pause(cx);
        let Some(line) = line else { return };
        let book = &cx.rack.logbook;
        self.cursor = line;
        let places = window::places(self, book, cx.area);
        self.top = window::holding(self, book, line, places);
    }

    fn next_context(&mut self, cx: &mut Cx<'_>) {
        let at = CONTEXTS.iter().position(|it| *it == self.sieve.context());
        let next = at.map_or(0, |at| (at + 1) % CONTEXTS.len());
        let context = CONTEXTS.get(next).copied().unwrap_or_default();
        self.sieve.set_context(context, &cx.rack.logbook.ring);
        cx.msgs.push(Msg::info(match context {
            0 => "matching lines alone".to_owned(),
            lines => format!("{lines} lines before and after each match"),
        }));
    }

    fn toggle_mark(&mut self, cx: &Cx<'_>) {
        self.pause(cx);
        if !self.marks.remove(&self.cursor) {
            self.marks.insert(self.cursor);
        }
        self.step(1, cx);
    }

    fn go_to_mark(&mut self, is_forward: bool, cx: &mut Cx<'_>) {
        let ring = &cx.rack.logbook.ring;
        self.marks = self.marks.split_off(&ring.dropped());
        let here = if self.follows {
            ring.end()
        } else {
            self.cursor
        };
        let next = if is_forward {
            self.marks.range(here + 1..).next()
        } else {
            self.marks.range(..here).next_back()
        };
        match next.copied() {
            Some(mark) => self.go_to(self.sieve.at_or_after(mark, ring), cx),
            None => cx.msgs.push(Msg::info("no mark that way: space sets one")),
        }
    }

    /// Folds a section, or shows the whole line.
    fn open(&mut self, cx: &mut Cx<'_>) {
        self.pause(cx);
        let book = &cx.rack.logbook;
        let Some(line) = book.ring.get(self.cursor) else {
            return;
        };
        if book.section(line.number).is_some() {
            return self.sieve.toggle_fold(line.number, &book.ring);
        }
        cx.msgs.push(export::whole_line(self, &line, book));
    }

    /// A line was typed for the viewer.
    pub fn told(&mut self, asked: Asked, text: &str, cx: &mut Cx<'_>) {
        let text = text.trim();
        let ring = &cx.rack.logbook.ring;
        match asked {
            Asked::Keep if text.is_empty() => self.sieve.clear_terms(ring),
            Asked::Keep => match Term::parse(text) {
                Ok(term) => self.sieve.add(term, ring),
                Err(why) => cx.msgs.push(Msg::warn(format!("no filter: {why}"))),
            },
            Asked::Highlight if text.is_empty() => self.highlights.clear(),
            Asked::Highlight => match Pattern::new(text) {
                Ok(pattern) => self.highlights.push(pattern),
                Err(why) => cx.msgs.push(Msg::warn(format!("nothing is marked: {why}"))),
            },
            Asked::Time if text.is_empty() => {}
            Asked::Time => match hunt::time(text, &self.zone, cx.rack.now) {
                Ok(time) => {
                    let is_there = |it: &u64| ring.get(*it).is_some_and(|it| it.time >= Some(time));
                    let found = (ring.dropped()..ring.end()).find(is_there);
                    let line = found.and_then(|found| self.sieve.at_or_after(found, ring));
                    match line {
                        Some(line) => {
                            self.go_to(Some(line), cx);
                            self.top = line;
                        }
                        None => cx
                            .msgs
                            .push(Msg::info("no line is so late: G goes to the last")),
                    }
                }
                Err(why) => cx.msgs.push(Msg::warn(why)),
            },
        }
        self.work(cx);
    }

    /// `/` was answered with enter.
    pub fn search(&mut self, text: &str, cx: &mut Cx<'_>) {
        self.set_filter(text);
        if text.is_empty() {
            return;
        }
        match Pattern::new(text) {
            Ok(pattern) => self.found = Some(pattern),
            Err(why) => return cx.msgs.push(Msg::warn(format!("cannot search: {why}"))),
        }
        self.pause(cx);
        self.hunt = Some(Hunt::first(self.cursor));
        self.work(cx);
    }

    fn hunt(&mut self, is_forward: bool, cx: &mut Cx<'_>) {
        if self.found.is_none() {
            return cx.msgs.push(Msg::info("nothing is searched for: / begins"));
        }
        self.pause(cx);
        self.hunt = Some(Hunt::next(self.cursor, is_forward));
    }

    /// Lines have come, or the next piece of work is due.
    pub fn work(&mut self, cx: &mut Cx<'_>) {
        let book = &cx.rack.logbook;
        let mut is_more = self.sieve.work(book, PIECE);
        // First what is shown, then what is in it.
        if !is_more && let (Some(hunt), Some(pattern)) = (&mut self.hunt, &self.found) {
            match hunt.go_on(pattern, &self.sieve, &book.ring, PIECE) {
                Progress::More => is_more = true,
                Progress::Found { line, is_around } => {
                    self.hunt = None;
                    self.go_to(Some(line), cx);
                    if is_around {
                        cx.msgs.push(Msg::info("gone round to the other end"));
                    }
                }
                Progress::Missing => {
                    self.hunt = None;
                    let text = format!("\"{}\" is in no line that is shown", self.search);
                    cx.msgs.push(Msg::info(text));
                }
            }
        }
        if is_more && !self.is_working {
            self.is_working = true;
            cx.effects.push(Effect::GoOnWithLogs);
        }
    }

    /// The next piece of work is due.
    pub fn go_on(&mut self, cx: &mut Cx<'_>) {
        self.is_working = false;
        self.work(cx);
    }

    /// The form for saving was filled in.
    pub fn filled_in(&mut self, answers: &Answers, cx: &mut Cx<'_>) {
        export::filled_in(self, answers, cx);
    }

    /// How lines are shown.
    fn look<'a>(&'a self, theme: &'a Theme) -> Look<'a> {
        Look {
            theme,
            is_readable: self.shape.is_readable,
            found: self.found.iter().chain(&self.highlights).collect(),
            is_colourless: theme.is_colourless(),
        }
    }

    /// Lines that came since following stopped.
    fn news(&self, rack: &Rack) -> u64 {
        if self.follows {
            0
        } else {
            rack.logbook.ring.end().saturating_sub(self.seen)
        }
    }

    pub fn view(&self, rack: &Rack, theme: &Theme, area: Rect, buf: &mut Buffer) {
        draw::pane(self, rack, theme, area, buf);
    }
}
