//! The table of nodes: what is visible of it, its columns and their widths.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::panes::listing::visible_rows;
use crate::panes::rack::RackPane;
use crate::panes::rack::board;
use crate::panes::rack::columns::{BEAT, COLUMNS, Column};
use crate::panes::{age_and_source, draw_empty};
use crate::rack::Rack;
use crate::rack::beat::Pulse;
use crate::rack::link::Source;
use crate::rack::node::Node;
use crate::theme::roles::Theme;
use crate::ui::frame::{PaneBox, draw_box};
use crate::ui::led::{Led, led};
use crate::ui::table::layout::GUTTER;
use crate::ui::table::{Cell, Row};
use crate::ui::text::{clean, put, width16};

/// The part of the table that is on the screen.
pub(super) struct Window<'a> {
    pub(super) nodes: Vec<&'a Node>,
    /// The index of the first of them in the whole table.
    offset: usize,
    /// The index in the whole table of the row the keys act on.
    selected: Option<usize>,
}

/// What of the chosen nodes stands in `height` rows.
pub(super) fn window<'a>(pane: &RackPane, rack: &'a Rack, height: usize) -> Window<'a> {
    let mut nodes = pane.chosen(rack);
    let ids: Vec<_> = nodes.iter().map(|node| node.uid.clone()).collect();
    let offset = pane.list.rows.offset(&ids, height);
    let selected = pane.list.rows.index(&ids);
    nodes.drain(..offset.min(nodes.len()));
    nodes.truncate(height);
    Window {
        nodes,
        offset,
        selected,
    }
}

/// The widths of the texts of every visible row, one list for each.
pub(super) fn measure(pane: &RackPane, rack: &Rack, area: Rect) -> Vec<Vec<u16>> {
    let width = |column: &Column, node: &Node| match column {
        Column::Beat => BEAT,
        _ => width16(&clean(&column.cell(rack, node).0)),
    };
    let window = window(pane, rack, visible_rows(area));
    let row = |node: &&Node| COLUMNS.iter().map(|it| width(it, node)).collect();
    window.nodes.iter().map(row).collect()
}

pub(super) fn draw(pane: &RackPane, rack: &Rack, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let right = age_and_source(rack, theme);
    let pane_box = PaneBox {
        title: &pane.list.title("Rack"),
        right: &right,
        has_focus: true,
    };
    let inside = draw_box(pane_box, area, buf, theme);
    if rack.node_count() == 0 {
        return draw_empty(rack, (Source::Nodes, "Nodes"), theme, inside, buf);
    }
    let window = window(pane, rack, usize::from(inside.height.saturating_sub(1)));
    let rows: Vec<Row> = window
        .nodes
        .iter()
        .map(|node| row(pane, node, rack, theme))
        .collect();
    let place = (window.offset, window.selected);
    pane.list.draw(&rows, place, inside, buf, theme);
    draw_leds(&window.nodes, rack, theme, inside, buf);
    if window.nodes.is_empty() {
        let text = "No node passes the filter. esc shows all again.";
        put(
            buf,
            (inside.x + 2, inside.y + 2),
            inside.width.saturating_sub(2),
            text,
            theme.muted,
        );
    }
}

fn row(pane: &RackPane, node: &Node, rack: &Rack, theme: &Theme) -> Row {
    Row {
        cells: COLUMNS
            .iter()
            .map(|column| cell(*column, rack, node, theme))
            .collect(),
        is_marked: pane.list.rows.is_marked(&node.uid),
        note: board::outage(rack, node).map(|(text, tone)| {
            let text = clean(&text).into_owned();
            Cell::new(text, tone.style(false, theme))
        }),
    }
}

/// The LEDs have colours of their own; the age behind them is plain, so that a tick changes one digit and no colour.
fn draw_leds(nodes: &[&Node], rack: &Rack, theme: &Theme, inside: Rect, buf: &mut Buffer) {
    let is_stale = rack.link.is_stale();
    for (node, y) in nodes.iter().zip(inside.top() + 1..inside.bottom()) {
        let (_, style) = light(rack, node, theme);
        let style = if is_stale { theme.stale } else { style };
        if let Some(cell) = buf.cell_mut((inside.x + GUTTER, y)) {
            cell.set_style(style);
        }
    }
}

/// The LED of a node.
pub(super) fn light(rack: &Rack, node: &Node, theme: &Theme) -> (&'static str, Style) {
    let reading = rack.reading(&node.name);
    let state = match reading.pulse {
        Pulse::Beating => Led::Beating {
            is_pulse: reading.is_pulsing,
        },
        Pulse::Late => Led::Late,
        Pulse::Lost => Led::Lost,
        Pulse::Unknown => Led::Unknown,
    };
    led(state, theme)
}

fn cell(column: Column, rack: &Rack, node: &Node, theme: &Theme) -> Cell {
    let (text, tone) = column.cell(rack, node);
    let text = match column {
        Column::Beat => format!("{} {text:>4}", light(rack, node, theme).0),
        _ if text.is_empty() => theme.symbols.dash.to_owned(),
        Column::Temperature => text.replace('°', theme.symbols.degree),
        _ => clean(&text).into_owned(),
    };
    Cell::new(text, tone.style(rack.link.is_stale(), theme))
}
