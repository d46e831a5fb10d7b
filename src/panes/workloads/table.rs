//! The table of workloads: what is visible of it, and the line under a row that is not well.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::panes::listing::{Tone, visible_rows};
use crate::panes::workloads::columns::{COLUMNS, Column, tone};
use crate::panes::workloads::{Item, WorkloadsPane};
use crate::panes::{age_and_source, draw_empty};
use crate::rack::Rack;
use crate::rack::link::Source;
use crate::rack::pod::{Pod, PodHealth};
use crate::theme::roles::Theme;
use crate::ui::frame::{PaneBox, draw_box};
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
    let (ids, lines) = (&pane.ids, &pane.lines);
    let offset = pane.list.rows.offset_in_lines(ids, height, lines);
    let selected = pane.list.rows.index(ids);
    let mut left = height;
    let fitting = lines.iter().skip(offset).take_while(|lines| {
        let has_room = left > 0;
        left = left.saturating_sub(usize::from(**lines));
        has_room
    });
    let shown = offset..offset + fitting.count();
    let items = shown.filter_map(|index| pane.item(rack, index)).collect();
    Window {
        items,
        offset,
        selected,
    }
}

/// The widths of the texts of every visible row, one list for each. The sign stands before the status.
pub(super) fn measure(pane: &WorkloadsPane, rack: &Rack, area: Rect) -> Vec<Vec<u16>> {
    let row = |item: &Item<'_>| {
        let width = |column: &Column| {
            let sign = if *column == Column::Status { 2 } else { 0 };
            width16(&clean(&column.cell(rack, item).0)) + sign
        };
        COLUMNS.iter().map(width).collect()
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
    if rack.pods().next().is_none() && rack.idle.is_empty() {
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
    let cell = |column: &Column| {
        let (text, tone) = column.cell(rack, item);
        let text = match (column, text.is_empty()) {
            (_, true) => theme.symbols.dash.to_owned(),
            (Column::Status, _) => format!("{} {}", sign(item, theme), clean(&text)),
            _ => clean(&text).into_owned(),
        };
        Cell::new(text, tone.style(is_stale, theme))
    };
    let note = (!item.why().is_empty()).then(|| {
        let tone = item.pod().map_or(Tone::Warn, tone);
        Cell::new(clean(item.why()).into_owned(), tone.style(is_stale, theme))
    });
    Row {
        cells: COLUMNS.iter().map(cell).collect(),
        is_marked: pane.list.rows.is_marked(&item.id()),
        note,
    }
}

/// The sign of a row: state is a symbol first.
fn sign(item: &Item<'_>, theme: &Theme) -> &'static str {
    let signs = &theme.symbols;
    let worst = match item {
        Item::Group(group) => group.worst(),
        Item::Pod(_, pod) => Some(*pod),
    };
    match worst.map(Pod::health) {
        Some(PodHealth::Running) => signs.led_ok,
        Some(PodHealth::Done) => signs.check,
        Some(PodHealth::Waiting) => signs.led_late,
        Some(PodHealth::Failing) => signs.cross,
        None if matches!(item, Item::Group(group) if group.is_failing()) => signs.cross,
        None => signs.led_unknown,
    }
}
