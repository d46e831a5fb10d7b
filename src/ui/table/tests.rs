//! Tables drawn into small buffers.

use ratatui::style::{Modifier, Style};

use super::*;
use crate::ui::table::layout::{measure, widths};
use crate::ui::testing::{at_every_size, drawn, theme};

const COLUMNS: [Column; 3] = [
    Column::words("NODE", 6, 20, 0).keeping_the_end(),
    Column::words("STATUS", 6, 20, 1),
    Column::numbers("PODS", 4, 4, 2),
];

fn row(name: &str, status: &str, pods: &str) -> Row {
    let cells = [name, status, pods].map(|text| Cell::new(text, Style::new()));
    Row {
        cells: cells.into(),
        is_marked: false,
        note: None,
    }
}

fn rows() -> Vec<Row> {
    let mut late = row("rpi-02", "Ready late", "16");
    late.note = Some(Cell::new("no heartbeat for 17 s", Style::new()));
    let mut wide = row("日本語-03", "NotReady", "0");
    wide.is_marked = true;
    vec![row("rpi-01", "Ready", "14"), late, wide]
}

fn table(width: u16, height: u16, rows: &[Row], offset: usize) -> Vec<String> {
    let mut content = Vec::new();
    measure(&mut content, rows);
    let widths = widths(&COLUMNS, &content, width);
    let sorting = Some(Sorting {
        column: 0,
        is_descending: false,
    });
    let table = Table {
        columns: &COLUMNS,
        widths: &widths,
        rows,
        offset,
        selected: Some(1),
        sorting,
    };
    drawn(width, height, |area, buf| draw(table, area, buf, &theme()))
}

#[test]
fn a_table_shows_cursor_marks_notes_and_order() {
    assert_eq!(
        table(40, 6, &rows(), 0),
        [
            "  NODE▴      STATUS      PODS",
            "  rpi-01     Ready         14",
            "▌ rpi-02     Ready late    16",
            "     └ no heartbeat for 17 s",
            " +日本語-03  NotReady       0",
            "",
        ]
    );
}

#[test]
fn a_narrow_table_cuts_names_at_their_start() {
    assert_eq!(
        table(16, 5, &rows(), 0),
        [
            "  NODE▴   STATUS",
            "  rpi-01  Ready",
            "▌ rpi-02  Ready…",
            "     └ no heart…",
            " +…語-03  NotRe…"
        ]
    );
}

#[test]
fn rows_below_the_edge_are_not_drawn() {
    assert_eq!(
        table(20, 3, &rows(), 1),
        [
            "  NODE▴     STATUS",
            "▌ rpi-01    Ready",
            "  rpi-02    Ready l…"
        ]
    );
}

#[test]
fn the_selected_row_is_reversed_but_its_bar_is_not() {
    let theme = theme();
    let area = Rect::new(0, 0, 20, 3);
    let mut buf = Buffer::empty(area);
    let rows = rows();
    let table = Table {
        columns: &COLUMNS,
        widths: &[9, 6, 0],
        rows: &rows,
        offset: 0,
        selected: Some(0),
        sorting: None,
    };
    draw(table, area, &mut buf, &theme);
    let is_reversed = |x, y| buf[(x, y)].modifier.contains(Modifier::REVERSED);
    assert!(is_reversed(1, 1) && is_reversed(19, 1));
    assert!(!is_reversed(0, 1) && !is_reversed(5, 2));
}

#[test]
fn no_size_is_too_small_to_draw() {
    let theme = theme();
    let rows = rows();
    at_every_size(|area, buf| {
        let widths = widths(&COLUMNS, &[10, 10, 2], area.width);
        let mut table = Table {
            columns: &COLUMNS,
            widths: &widths,
            rows: &rows,
            offset: 0,
            selected: Some(2),
            sorting: None,
        };
        draw(table, area, buf, &theme);
        table.widths = &[90, 3, 4];
        draw(table, area, buf, &theme);
        table.rows = &[];
        draw(table, area, buf, &theme);
    });
}
