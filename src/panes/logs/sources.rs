//! The list of sources: who writes, how each stands in words, and which are switched off.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::action::Action;
use crate::msg::Msg;
use crate::panes::Cx;
use crate::panes::logs::LogsPane;
use crate::panes::logs::line::long;
use crate::rack::Rack;
use crate::rack::log::logbook::{LogSource, Logbook};
use crate::rack::log::{SourceId, SourceState};
use crate::rack::time::Now;
use crate::theme::roles::Theme;
use crate::ui::text::{clean, cut_end, cut_start, put, width16, wrap};

/// Where the cursor is in the list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct SourceList {
    pub(super) cursor: usize,
}

impl LogsPane {
    /// An action for the list. False when it is none of its own.
    pub(super) fn on_list(&mut self, action: Action, cx: &mut Cx<'_>) -> bool {
        let Some(list) = &mut self.list else {
            return false;
        };
        let book = &cx.rack.logbook;
        let bottom = book.sources().len().saturating_sub(1);
        let chosen = SourceId(u16::try_from(list.cursor).unwrap_or_default());
        match action {
            Action::RowDown => list.cursor = (list.cursor + 1).min(bottom),
            Action::RowUp => list.cursor = list.cursor.saturating_sub(1),
            Action::GoTop => list.cursor = 0,
            Action::GoBottom => list.cursor = bottom,
            Action::RowMark => {
                self.sieve.toggle_source(chosen, &book.ring);
                list.cursor = (list.cursor + 1).min(bottom);
            }
            Action::RowOpen => {
                let others = || {
                    (0..=bottom)
                        .filter_map(|it| u16::try_from(it).ok())
                        .map(SourceId)
                };
                let is_alone = others().all(|it| (it == chosen) != self.sieve.is_hidden(it));
                if is_alone {
                    self.sieve.hide(std::iter::empty(), &book.ring);
                } else {
                    self.sieve
                        .hide(others().filter(|it| *it != chosen), &book.ring);
                }
            }
            Action::SourcesToggle => self.list = None,
            Action::CopyName => {
                let name = book.source(chosen).map(|source| source.name.clone());
                cx.msgs.extend(name.map(Msg::Copy));
            }
            _ => return false,
        }
        true
    }
}

/// How a source stands: a sign, a few words, and whether that needs a look.
pub(super) fn state(source: &LogSource, now: Now, theme: &Theme) -> (&'static str, String, Style) {
    let signs = &theme.symbols;
    match &source.state {
        SourceState::Waiting(why) => (signs.led_late, format!("waits: {why}"), theme.status_warn),
        SourceState::Reading => match source.silence(now) {
            Some(silence) => (
                signs.led_lost,
                format!("silent for {}", long(silence)),
                theme.muted,
            ),
            None => (signs.led_ok, count(source.lines), theme.muted),
        },
        SourceState::Ended(why) => (signs.led_unknown, format!("ended: {why}"), theme.muted),
        SourceState::Failing(problem) => (signs.cross, problem.what.clone(), theme.status_bad),
    }
}

/// `1 line`, `1,204 lines`.
pub(super) fn count(lines: u64) -> String {
    let word = if lines == 1 { "line" } else { "lines" };
    format!("{} {word}", grouped(lines))
}

/// `1,204`.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The colour of a source. Its name stands before its lines too.
pub(super) fn colour(id: SourceId, theme: &Theme) -> Style {
    let colours = [
        theme.log_source_1,
        theme.log_source_2,
        theme.log_source_3,
        theme.log_source_4,
        theme.log_source_5,
        theme.log_source_6,
    ];
    let at = usize::from(id.0) % colours.len();
    colours.get(at).copied().unwrap_or(theme.text)
}

/// Draws the list; below it all that is known of the source under the cursor.
pub(super) fn draw(pane: &LogsPane, rack: &Rack, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let Some(list) = pane.list else { return };
    let book = &rack.logbook;
    let cursor = list.cursor.min(book.sources().len().saturating_sub(1));
    let below = (area.height / 3).min(8);
    let rows = area.height.saturating_sub(below);
    let first = (cursor + 1).saturating_sub(usize::from(rows));
    let shown = book.sources().iter().enumerate().skip(first);
    for ((at, source), y) in shown.zip(area.y..area.y + rows) {
        let line = Rect {
            y,
            height: 1,
            width: area.width.saturating_sub(1),
            ..area
        };
        row(pane, (at, source), rack.now, theme, line, buf);
        if at == cursor {
            buf.set_style(line, theme.selection);
            put(buf, (line.x, y), 1, theme.symbols.cursor, theme.cursor);
        }
    }
    let Some(source) = book.sources().get(cursor) else {
        return;
    };
    let room = usize::from(area.width.saturating_sub(3));
    let words = about(source, book, rack.now).into_iter();
    let lines = words.flat_map(|text| wrap(&clean(&text), room));
    for (text, y) in lines.zip(area.y + rows..area.bottom()) {
        put(
            buf,
            (area.x + 1, y),
            area.width.saturating_sub(2),
            &text,
            theme.muted,
        );
    }
}

fn row(
    pane: &LogsPane,
    (at, source): (usize, &LogSource),
    now: Now,
    theme: &Theme,
    line: Rect,
    buf: &mut Buffer,
) {
    let id = SourceId(u16::try_from(at).unwrap_or(u16::MAX));
    let is_off = pane.sieve.is_hidden(id);
    let (sign, words, style) = state(source, now, theme);
    let switch = if is_off { "off" } else { sign };
    let style = if is_off { theme.muted } else { style };
    put(buf, (line.x + 1, line.y), 3, switch, style);
    let room = line.width.saturating_sub(5);
    let ellipsis = theme.symbols.ellipsis;
    let name = clean(source.short());
    let name = cut_start(&name, usize::from(room * 3 / 5), ellipsis);
    let name_style = if is_off {
        theme.muted
    } else {
        colour(id, theme)
    };
    put(buf, (line.x + 5, line.y), room, &name, name_style);
    let left = room.saturating_sub(width16(&name) + 1);
    let words = clean(&words);
    let words = cut_end(&words, left.into(), ellipsis);
    let x = line.right().saturating_sub(width16(&words));
    put(buf, (x, line.y), left, &words, style);
}

/// Everything known of a source, each a sentence.
fn about(source: &LogSource, book: &Logbook, now: Now) -> Vec<String> {
    let mut words = vec![source.name.clone()];
    words.push(match &source.state {
        SourceState::Failing(problem) => problem.sentence(),
        SourceState::Waiting(why) => format!("waits: {why}"),
        SourceState::Ended(why) => format!("ended: {why}"),
        SourceState::Reading => match source.silence(now) {
            Some(silence) => format!("is read; silent for {}", long(silence)),
            None => "is read".to_owned(),
        },
    });
    words.push(format!("{} came", count(source.lines)));
    if source.lost > 0 {
        words.push(format!("{} were lost on the way", count(source.lost)));
    }
    let troubles = book.feeds().iter().filter_map(|feed| feed.trouble.as_ref());
    words.extend(troubles.map(|problem| problem.sentence()));
    words
}
