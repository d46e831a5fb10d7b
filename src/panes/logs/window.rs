//! Which lines are on the screen: their rows, the first of them, and how the window follows the cursor.
//!
//! Invariant: `update` and drawing ask the same functions, so that what was scrolled to is what is drawn.

use ratatui::layout::Rect;

use crate::panes::logs::LogsPane;
use crate::panes::logs::line::{self, Look};
use crate::rack::log::logbook::Logbook;
use crate::rack::log::ring::Line;
use crate::ui::ansi::{self, Span};
use crate::ui::frame::inside;
use crate::ui::text::width;

/// Cells of the cursor and the sign of the level.
pub(super) const GUTTER: u16 = 3;
/// The list of sources takes so much, if there is room.
const LIST: u16 = 38;

/// Where things are in the pane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Places {
    /// The list of sources, when it is open.
    pub(super) list: Rect,
    pub(super) lines: Rect,
    /// One line: what is followed, filtered, lost.
    pub(super) status: Rect,
    /// Cells of the name of the source before each line, with the blank behind.
    pub(super) name: u16,
    /// Cells left for the text.
    pub(super) text: u16,
}

pub(super) fn places(pane: &LogsPane, book: &Logbook, area: Rect) -> Places {
    let inside = inside(area);
    let status = Rect {
        y: inside.bottom().saturating_sub(1),
        height: inside.height.min(1),
        ..inside
    };
    let body = Rect {
        height: inside.height.saturating_sub(1),
        ..inside
    };
    let taken = match pane.list {
        Some(_) => LIST.min(inside.width / 2),
        None => 0,
    };
    let list = Rect {
        width: taken,
        ..body
    };
    let lines = Rect {
        x: body.x + taken,
        width: body.width.saturating_sub(taken),
        ..body
    };
    let name = match book.sources() {
        [] | [_] => 0,
        sources => {
            let longest = sources
                .iter()
                .map(|it| width(it.short()))
                .max()
                .unwrap_or(0);
            let most = usize::from(lines.width / 4).clamp(6, 28);
            u16::try_from(longest.min(most) + 1).unwrap_or(0)
        }
    };
    let time = u16::try_from(pane.shape.times.width()).unwrap_or(0);
    let text = lines.width.saturating_sub(GUTTER + name + time);
    Places {
        list,
        lines,
        status,
        name,
        text,
    }
}

/// The rows of one line. A line that would take the whole window ends with its last row cut.
pub(super) fn rows(
    pane: &LogsPane,
    line: &Line<'_>,
    look: &Look<'_>,
    places: Places,
) -> Vec<Vec<Span>> {
    let spans = line::spans(line, look);
    let cells = usize::from(places.text);
    if !pane.shape.wraps {
        return vec![ansi::window(&spans, pane.column, cells)];
    }
    let (mut rows, is_cut) = ansi::rows(&spans, cells, most_rows(places));
    if is_cut && let Some(last) = rows.last_mut() {
        let more = format!("{} enter shows all of it", look.theme.symbols.ellipsis);
        *last = vec![Span {
            text: more,
            style: look.theme.muted,
        }];
    }
    rows
}

/// One line never fills the window.
fn most_rows(places: Places) -> usize {
    usize::from(places.lines.height).max(2) - 1
}

/// How many rows a line takes.
fn height(pane: &LogsPane, line: &Line<'_>, places: Places) -> usize {
    if !pane.shape.wraps {
        return 1;
    }
    let spans = line::bare(line, pane.shape.is_readable);
    ansi::rows(&spans, usize::from(places.text), most_rows(places))
        .0
        .len()
}

/// The first line of a window that ends with `last`, and how many of its rows have no room.
pub(super) fn ending_with(
    pane: &LogsPane,
    book: &Logbook,
    last: u64,
    places: Places,
) -> (u64, usize) {
    let mut room = usize::from(places.lines.height);
    let mut top = last;
    let mut next = Some(last);
    while let Some(line) = next.and_then(|number| book.ring.get(number)) {
        let height = height(pane, &line, places);
        top = line.number;
        if height >= room {
            return (top, height - room);
        }
        room -= height;
        next = (line.number.checked_sub(1))
            .and_then(|above| pane.sieve.at_or_before(above, &book.ring));
    }
    (top, 0)
}

/// The first line to draw, and how many of its rows are left out.
pub(super) fn top(pane: &LogsPane, book: &Logbook, places: Places) -> Option<(u64, usize)> {
    let last = pane.sieve.last(&book.ring)?;
    if pane.follows {
        return Some(ending_with(pane, book, last, places));
    }
    let top = pane.sieve.at_or_after(pane.top, &book.ring).unwrap_or(last);
    Some((top, 0))
}

/// The top that keeps the line `cursor` in the window, nearest to the one before.
pub(super) fn holding(pane: &LogsPane, book: &Logbook, cursor: u64, places: Places) -> u64 {
    if cursor <= pane.top {
        return cursor;
    }
    let (lowest, cut) = ending_with(pane, book, cursor, places);
    let lowest = if cut > 0 && lowest < cursor {
        pane.sieve
            .at_or_after(lowest + 1, &book.ring)
            .unwrap_or(cursor)
    } else {
        lowest
    };
    pane.top.max(lowest)
}
