//! The table of claims, and the line under a row that is not well.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::panes::listing::{Tone, visible_rows};
use crate::panes::storage::StoragePane;
use crate::panes::storage::columns::{COLUMNS, Column, tone};
use crate::panes::{age_and_source, draw_empty};
use crate::rack::Rack;
use crate::rack::link::Source;
use crate::rack::problem::{Problem, Severity};
use crate::rack::storage::symptom;
use crate::rack::storage::view::{ClaimView, Standing};
use crate::theme::roles::Theme;
use crate::ui::frame::{PaneBox, draw_box};
use crate::ui::table::layout::GUTTER;
use crate::ui::table::{Cell, Row};
use crate::ui::text::{clean, put, width16};

/// The part of the table that is on the screen.
struct Window<'a> {
    claims: Vec<ClaimView<'a>>,
    offset: usize,
    selected: Option<usize>,
}

/// Lines each of these claims takes: two with the reason why it is not well.
pub(super) fn lines(rack: &Rack, claims: &[ClaimView<'_>]) -> Vec<u16> {
    let lines = |view: &ClaimView<'_>| 1 + u16::from(trouble(rack, view).is_some());
    claims.iter().map(lines).collect()
}

fn window<'a>(pane: &StoragePane, rack: &'a Rack, height: usize) -> Window<'a> {
    let mut claims = pane.chosen(rack);
    let ids: Vec<_> = claims.iter().map(|it| it.claim.uid.clone()).collect();
    let lines = lines(rack, &claims);
    let offset = pane.list.rows.offset_in_lines(&ids, height, &lines);
    let selected = pane.list.rows.index(&ids);
    let mut left = height;
    let fitting = lines.iter().skip(offset).take_while(|lines| {
        let has_room = left > 0;
        left = left.saturating_sub(usize::from(**lines));
        has_room
    });
    let count = fitting.count();
    claims.drain(..offset.min(claims.len()));
    claims.truncate(count);
    Window {
        claims,
        offset,
        selected,
    }
}

/// The widths of the texts of every visible row, one list for each.
pub(super) fn measure(pane: &StoragePane, rack: &Rack, area: Rect) -> Vec<Vec<u16>> {
    let width = |column: &Column, view: &ClaimView<'_>| {
        let text = width16(&clean(&column.cell(rack, view).0));
        match column {
            // The sign before it.
            Column::State => text + 2,
            _ => text,
        }
    };
    let window = window(pane, rack, visible_rows(area));
    let row = |view: &ClaimView<'_>| COLUMNS.iter().map(|it| width(it, view)).collect();
    window.claims.iter().map(row).collect()
}

pub(super) fn draw(pane: &StoragePane, rack: &Rack, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let right = age_and_source(rack, theme);
    let title = pane.list.title("Storage");
    let pane_box = PaneBox {
        title: &clean(&title),
        right: &right,
        has_focus: true,
    };
    let inside = draw_box(pane_box, area, buf, theme);
    if rack.storage.claims().next().is_none() {
        let words = (Source::Claims, "PersistentVolumeClaims");
        return draw_empty(rack, words, theme, inside, buf);
    }
    let window = window(pane, rack, usize::from(inside.height.saturating_sub(1)));
    let rows: Vec<Row> = window
        .claims
        .iter()
        .map(|it| row(pane, it, rack, theme))
        .collect();
    pane.list
        .draw(&rows, (window.offset, window.selected), inside, buf, theme);
    draw_signs(&window.claims, &rows, rack, theme, inside, buf);
    if window.claims.is_empty() {
        let text = "No claim passes the filter. esc shows all again.";
        let at = (inside.x + 2, inside.y + 2);
        put(buf, at, inside.width.saturating_sub(2), text, theme.muted);
    }
}

/// The problem worth a line of its own.
fn trouble(rack: &Rack, view: &ClaimView<'_>) -> Option<Problem> {
    symptom::of_claim(rack, view.claim).filter(|it| it.severity < Severity::Note)
}

fn row(pane: &StoragePane, view: &ClaimView<'_>, rack: &Rack, theme: &Theme) -> Row {
    let note = trouble(rack, view).map(|problem| {
        let parts = [problem.why.as_str(), problem.next.as_str()];
        let parts: Vec<&str> = parts.into_iter().filter(|it| !it.is_empty()).collect();
        let style = match problem.severity {
            _ if rack.link.is_stale() => theme.stale,
            Severity::Critical => theme.status_bad,
            _ => theme.status_warn,
        };
        Cell::new(clean(&parts.join("; ")).into_owned(), style)
    });
    Row {
        cells: COLUMNS
            .iter()
            .map(|it| cell(*it, rack, view, theme))
            .collect(),
        is_marked: pane.list.rows.is_marked(&view.claim.uid),
        note,
    }
}

fn cell(column: Column, rack: &Rack, view: &ClaimView<'_>, theme: &Theme) -> Cell {
    let (text, tone) = column.cell(rack, view);
    let text = match column {
        Column::State => format!("{} {}", sign(rack, view, theme).0, clean(&text)),
        _ if text.is_empty() => theme.symbols.dash.to_owned(),
        _ => clean(&text).into_owned(),
    };
    Cell::new(text, tone.style(rack.link.is_stale(), theme))
}

/// The sign of a row: state is a symbol first.
fn sign(rack: &Rack, view: &ClaimView<'_>, theme: &Theme) -> (&'static str, Style) {
    let signs = &theme.symbols;
    match (tone(rack, view), view.state().0) {
        (Tone::Bad, _) => (signs.cross, theme.status_bad),
        (Tone::Warn, Standing::Waiting) => (signs.led_late, theme.led_late),
        (Tone::Warn, _) => (signs.warn, theme.status_warn),
        (_, Standing::Good) => (signs.led_ok, theme.led_ok),
        _ => (signs.led_unknown, theme.led_unknown),
    }
}

/// The signs have colours of their own.
fn draw_signs(
    claims: &[ClaimView<'_>],
    rows: &[Row],
    rack: &Rack,
    theme: &Theme,
    inside: Rect,
    buf: &mut Buffer,
) {
    let mut y = inside.y + 1;
    for (view, row) in claims.iter().zip(rows) {
        if y >= inside.bottom() {
            return;
        }
        let style = if rack.link.is_stale() {
            theme.stale
        } else {
            sign(rack, view, theme).1
        };
        if let Some(cell) = buf.cell_mut((inside.x + GUTTER, y)) {
            cell.set_style(style);
        }
        y = y.saturating_add(row.height());
    }
}
