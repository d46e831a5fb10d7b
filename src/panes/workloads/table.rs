//! The table of workloads: what is visible of it, and the line under a row that is not well.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::panes::listing::{Tone, visible_rows};
use crate::panes::workloads::columns::{COLUMNS, Column, tone};
use crate::panes::workloads::{Item, RowId, WorkloadsPane};
use crate::panes::{age_and_source, draw_empty};
use crate::rack::Rack;
use crate::rack::link::Source;
use crate::rack::pod::PodHealth;
use crate::theme::roles::Theme;
use crate::ui::frame::{PaneBox, draw_box};
use crate::ui::table::layout::GUTTER;
use crate::ui::table::{Cell, Row};
use crate::ui::text::{clean, put, width16};

/// The part of the table that is on the screen.
struct Window<'a> {
    items: Vec<Item<'a>>,
    offset: usize,
    selected: Option<usize>,
}

/// Lines each row takes: two with the reason why it is not well.
pub(super) fn lines(items: &[Item<'_>]) -> Vec<u16> {
    items
        .iter()
        .map(|item| 1 + u16::from(!item.why().is_empty()))
        .collect()
}

fn window<'a>(pane: &WorkloadsPane, rack: &'a Rack, height: usize) -> Window<'a> {
    let mut items = pane.items(rack);
    let ids: Vec<RowId> = items.iter().map(Item::id).collect();
    let lines = lines(&items);
    let offset = pane.list.rows.offset_in_lines(&ids, height, &lines);
    let selected = pane.list.rows.index(&ids);
    let mut left = height;
    let fitting = lines.iter().skip(offset).take_while(|lines| {
        let has_room = left > 0;
        left = left.saturating_sub(usize::from(**lines));
        has_room
    });
    let count = fitting.count();
    items.drain(..offset.min(items.len()));
    items.truncate(count);
    Window {
        items,
        offset,
        selected,
    }
}

/// The widths of the texts of every visible row, one list for each. The sign stands before the name.
pub(super) fn measure(pane: &WorkloadsPane, rack: &Rack, area: Rect) -> Vec<Vec<u16>> {
    let row = |item: &Item<'_>| {
        let width = |(at, column): (usize, &Column)| {
            width16(&clean(&column.cell(rack, item).0)) + if at == 0 { 2 } else { 0 }
        };
        COLUMNS.iter().enumerate().map(width).collect()
    };
    window(pane, rack, visible_rows(area))
        .items
        .iter()
        .map(row)
        .collect()
}

pub(super) fn draw(pane: &WorkloadsPane, rack: &Rack, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let title = pane.list.title("Workloads");
    let pane_box = PaneBox {
        title: &clean(&title),
        right: &age_and_source(rack, theme),
        has_focus: true,
    };
    let inside = draw_box(pane_box, area, buf, theme);
    if rack.pods().next().is_none() {
        return draw_empty(rack, (Source::Pods, "Pods"), theme, inside, buf);
    }
    let window = window(pane, rack, usize::from(inside.height.saturating_sub(1)));
    let rows: Vec<Row> = window
        .items
        .iter()
        .map(|it| row(pane, it, rack, theme))
        .collect();
    pane.list
        .draw(&rows, (window.offset, window.selected), inside, buf, theme);
    draw_signs(&window.items, &rows, rack, theme, inside, buf);
    if window.items.is_empty() {
        let text = "No workload passes the filter. esc shows all again.";
        put(
            buf,
            (inside.x + 2, inside.y + 2),
            inside.width.saturating_sub(2),
            text,
            theme.muted,
        );
    }
}

fn row(pane: &WorkloadsPane, item: &Item<'_>, rack: &Rack, theme: &Theme) -> Row {
    let is_stale = rack.link.is_stale();
    let cell = |(at, column): (usize, &Column)| {
        let (text, tone) = column.cell(rack, item);
        let text = match (at, text.is_empty()) {
            (0, _) => {
                let indent = if matches!(item, Item::Pod(..)) {
                    "  "
                } else {
                    ""
                };
                format!(
                    "{indent}{} {}",
                    sign(item, theme).0,
                    clean(text.trim_start())
                )
            }
            (_, true) => theme.symbols.dash.to_owned(),
            _ => clean(&text).into_owned(),
        };
        Cell::new(text, tone.style(is_stale, theme))
    };
    let note = (!item.why().is_empty()).then(|| {
        let tone = item.pod().map_or(Tone::Warn, tone);
        Cell::new(clean(item.why()).into_owned(), tone.style(is_stale, theme))
    });
    Row {
        cells: COLUMNS.iter().enumerate().map(cell).collect(),
        is_marked: pane.list.rows.is_marked(&item.id()),
        note,
    }
}

/// The sign of a row: state is a symbol first.
fn sign(item: &Item<'_>, theme: &Theme) -> (&'static str, Tone) {
    let signs = &theme.symbols;
    let worst = match item {
        Item::Group(group) => group.worst(),
        Item::Pod(_, pod) => Some(*pod),
    };
    let Some(pod) = worst else {
        return (signs.led_unknown, Tone::Muted);
    };
    let sign = match pod.health() {
        PodHealth::Running => signs.led_ok,
        PodHealth::Done => signs.check,
        PodHealth::Waiting => signs.led_late,
        PodHealth::Failing => signs.cross,
    };
    (sign, tone(pod))
}

/// The signs have colours of their own.
fn draw_signs(
    items: &[Item<'_>],
    rows: &[Row],
    rack: &Rack,
    theme: &Theme,
    inside: Rect,
    buf: &mut Buffer,
) {
    let mut y = inside.y + 1;
    for (item, row) in items.iter().zip(rows) {
        if y >= inside.bottom() {
            return;
        }
        let indent = if matches!(item, Item::Pod(..)) { 2 } else { 0 };
        if let Some(cell) = buf.cell_mut((inside.x + GUTTER + indent, y)) {
            cell.set_style(sign(item, theme).1.style(rack.link.is_stale(), theme));
        }
        y = y.saturating_add(row.height());
    }
}
