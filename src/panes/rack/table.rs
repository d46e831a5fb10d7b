//! The table of nodes: what is visible of it, its columns and their widths.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::panes::rack::RackPane;
use crate::panes::rack::columns::{COLUMNS, Column, Tone};
use crate::panes::{age_and_source, draw_empty};
use crate::rack::Rack;
use crate::rack::beat::Pulse;
use crate::rack::node::Node;
use crate::theme::roles::Theme;
use crate::ui::frame::{PaneBox, draw_box, inside};
use crate::ui::led::{Led, led};
use crate::ui::table::layout::{self, GUTTER, widths};
use crate::ui::table::{Cell, Row, Sorting, Table, draw as draw_table};
use crate::ui::text::{clean, put, width16};

/// Cells of the LED and the age behind it: `● ~15m`.
const BEAT: u16 = 6;

/// Rows that fit into the pane, below the line of titles.
pub(super) fn visible_rows(area: Rect) -> usize {
    usize::from(inside(area).height.saturating_sub(1))
}

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
    let offset = pane.rows.offset(&ids, height);
    let selected = pane.rows.index(&ids);
    nodes.drain(..offset.min(nodes.len()));
    nodes.truncate(height);
    Window {
        nodes,
        offset,
        selected,
    }
}

/// The widest values among the visible rows; kept by the pane so that columns never shrink while one looks.
pub(super) fn measure(pane: &RackPane, rack: &Rack, area: Rect) -> Vec<u16> {
    let mut content = pane.content.clone();
    let window = window(pane, rack, visible_rows(area));
    let width = |column: &Column, node: &Node| match column {
        Column::Beat => BEAT,
        _ => width16(&clean(&column.cell(rack, node).0)),
    };
    content.resize(COLUMNS.len(), 0);
    for node in window.nodes {
        for (widest, column) in content.iter_mut().zip(&COLUMNS) {
            *widest = width(column, node).max(*widest);
        }
    }
    content
}

pub(super) fn draw(pane: &RackPane, rack: &Rack, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let right = age_and_source(rack, theme);
    let pane_box = PaneBox {
        title: &title(pane),
        right: &right,
        has_focus: true,
    };
    let inside = draw_box(pane_box, area, buf, theme);
    if rack.node_count() == 0 {
        return draw_empty(rack, theme, inside, buf);
    }
    let columns = columns(pane);
    let window = window(pane, rack, usize::from(inside.height.saturating_sub(1)));
    let rows: Vec<Row> = window
        .nodes
        .iter()
        .map(|node| row(pane, node, rack, theme))
        .collect();
    let mut content = pane.content.clone();
    layout::measure(&mut content, &rows);
    let sorting = pane
        .sort
        .and_then(|sort| COLUMNS.iter().position(|column| *column == sort));
    let table = Table {
        columns: &columns,
        widths: &widths(&columns, &content, inside.width.saturating_sub(1)),
        rows: &rows,
        offset: window.offset,
        selected: window.selected,
        sorting: sorting.map(|column| Sorting {
            column,
            is_descending: pane.is_reversed,
        }),
    };
    draw_table(table, inside, buf, theme);
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
        is_marked: pane.rows.is_marked(&node.uid),
        note: None,
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

fn title(pane: &RackPane) -> String {
    let mut title = "Rack".to_owned();
    if pane.only_faults {
        title.push_str(" ! only faults");
    }
    if !pane.filter.is_empty() {
        title.push_str(" /");
        title.push_str(&pane.filter);
    }
    title
}

/// Shown or not, a column keeps its place in the list, so that rows need not know.
fn columns(pane: &RackPane) -> Vec<layout::Column> {
    let column = |column: &Column| {
        let shown = layout_of(*column);
        let is_hidden = column.is_wide_only() && !pane.is_wide;
        if is_hidden {
            layout::Column {
                min: 0,
                max: 0,
                title: "",
                ..shown
            }
        } else {
            shown
        }
    };
    COLUMNS.iter().map(column).collect()
}

fn layout_of(column: Column) -> layout::Column {
    use layout::Column as Layout;
    let title = column.title();
    match column {
        Column::Beat => Layout::words(title, BEAT, BEAT, 0),
        Column::Node => Layout::words(title, 12, 40, 0).keeping_the_end(),
        Column::Role => Layout::words(title, 6, 6, 4),
        Column::Status => Layout::words(title, 14, 40, 0),
        Column::Temperature => Layout::numbers(title, 4, 5, 8),
        Column::Power => Layout::words(title, 3, 4, 9),
        Column::Cpu | Column::Memory => Layout::numbers(title, 4, 4, 3),
        Column::Pods => Layout::numbers(title, 4, 5, 2),
        Column::Version => Layout::words(title, 12, 20, 7),
        Column::Age => Layout::numbers(title, 4, 5, 5),
        Column::Address => Layout::words(title, 13, 39, 3),
        Column::System => Layout::words(title, 12, 32, 6),
        Column::Kernel => Layout::words(title, 12, 28, 8),
    }
}

fn cell(column: Column, rack: &Rack, node: &Node, theme: &Theme) -> Cell {
    let (text, tone) = column.cell(rack, node);
    let text = match column {
        Column::Beat => format!("{} {text:>4}", light(rack, node, theme).0),
        _ if text.is_empty() => theme.symbols.dash.to_owned(),
        _ => clean(&text).into_owned(),
    };
    let style = match tone {
        _ if rack.link.is_stale() => theme.stale,
        Tone::Plain => theme.text,
        Tone::Muted => theme.muted,
        Tone::Good => theme.status_ok,
        Tone::Warn => theme.status_warn,
        Tone::Bad => theme.status_bad,
    };
    Cell::new(text, style)
}
