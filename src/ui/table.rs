//! Rows and columns: the window of a table that is on screen, with cursor, marks and notes under rows.
//!
//! Not here: sorting, filtering and moving the cursor (panes). Invariants: only rows that are handed over are looked
//! at, so the caller hands over the visible ones; column positions depend on the widths alone, never on the rows
//! of this frame; a row's note is drawn only when its row is.

pub mod layout;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::theme::roles::Theme;
use crate::ui::table::layout::{Align, Column, Cut, GAP, GUTTER};
use crate::ui::text::{cut_end, cut_start, put, width16};

/// One value in a row; its text is already clean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// What it says.
    pub text: String,
    /// How it looks.
    pub style: Style,
}

impl Cell {
    /// A cell.
    pub fn new(text: impl Into<String>, style: Style) -> Cell {
        Cell {
            text: text.into(),
            style,
        }
    }
}

/// One row: as many cells as there are columns, also for those that are not shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The values.
    pub cells: Vec<Cell>,
    /// Whether the user has marked it.
    pub is_marked: bool,
    /// A line of its own under the row: why it is as it is.
    pub note: Option<Cell>,
}

impl Row {
    /// The lines the row takes.
    pub fn height(&self) -> u16 {
        if self.note.is_some() { 2 } else { 1 }
    }
}

/// Which column the rows are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sorting {
    /// The index of the column.
    pub column: usize,
    /// Whether the largest value is on top.
    pub is_descending: bool,
}

/// Everything a table needs to be drawn.
#[derive(Debug, Clone, Copy)]
pub struct Table<'a> {
    /// The columns, also those that are not shown.
    pub columns: &'a [Column],
    /// The width of each column, from [`layout::widths`]; 0 is not shown.
    pub widths: &'a [u16],
    /// The visible rows only.
    pub rows: &'a [Row],
    /// The index of the first of `rows` in the whole table.
    pub offset: usize,
    /// The index in the whole table of the row the keys act on.
    pub selected: Option<usize>,
    /// The order of the rows.
    pub sorting: Option<Sorting>,
}

/// Draws the line of titles and as many rows as there is room for.
pub fn draw(table: Table<'_>, area: Rect, buf: &mut Buffer, theme: &Theme) {
    let area = area.intersection(buf.area);
    if area.is_empty() {
        return;
    }
    draw_titles(table, area, buf, theme);
    let mut y = area.y.saturating_add(1);
    for (row, index) in table.rows.iter().zip(table.offset..) {
        if y >= area.bottom() {
            break;
        }
        let line = Rect::new(area.x, y, area.width, 1);
        let is_selected = table.selected == Some(index);
        draw_row(table, row, is_selected, line, buf, theme);
        let next = Rect {
            y: y.saturating_add(1),
            ..line
        };
        if let Some(note) = &row.note
            && next.y < area.bottom()
        {
            draw_note(note, next, buf, theme);
        }
        y = y.saturating_add(row.height());
    }
}

fn draw_titles(table: Table<'_>, area: Rect, buf: &mut Buffer, theme: &Theme) {
    for (index, (column, x, width)) in places(table, area).enumerate() {
        if width == 0 {
            continue;
        }
        let title = cut_end(column.title, width.into(), theme.symbols.ellipsis);
        let end = put_aligned(column.align, &title, (x, area.y), width, buf, theme.column);
        let arrow = match table.sorting {
            Some(sorting) if sorting.column != index => continue,
            Some(Sorting {
                is_descending: true,
                ..
            }) => theme.symbols.arrow_down,
            Some(_) => theme.symbols.arrow_up,
            None => continue,
        };
        let room = area.right().saturating_sub(end);
        put(buf, (end, area.y), room.min(1), arrow, theme.column);
    }
}

fn draw_row(
    table: Table<'_>,
    row: &Row,
    is_selected: bool,
    line: Rect,
    buf: &mut Buffer,
    theme: &Theme,
) {
    for ((column, x, width), cell) in places(table, line).zip(&row.cells) {
        if width == 0 {
            continue;
        }
        let text = match column.cut {
            Cut::End => cut_end(&cell.text, width.into(), theme.symbols.ellipsis),
            Cut::Start => cut_start(&cell.text, width.into(), theme.symbols.ellipsis),
        };
        put_aligned(column.align, &text, (x, line.y), width, buf, cell.style);
    }
    if is_selected {
        let beside_the_bar = Rect {
            x: line.x.saturating_add(1),
            width: line.width.saturating_sub(1),
            ..line
        };
        buf.set_style(beside_the_bar, theme.selection);
        put(
            buf,
            (line.x, line.y),
            line.width,
            theme.symbols.cursor,
            theme.cursor,
        );
    }
    if row.is_marked {
        let x = line.x.saturating_add(1);
        put(
            buf,
            (x, line.y),
            line.width.saturating_sub(1),
            theme.symbols.mark,
            theme.mark,
        );
    }
}

fn draw_note(note: &Cell, line: Rect, buf: &mut Buffer, theme: &Theme) {
    let x = line.x.saturating_add(GUTTER + 3);
    let room = |x: u16| line.right().saturating_sub(x);
    let after = put(buf, (x, line.y), room(x), theme.symbols.branch, theme.muted).saturating_add(1);
    let text = cut_end(&note.text, room(after).into(), theme.symbols.ellipsis);
    put(buf, (after, line.y), room(after), &text, note.style);
}

/// Each column with its left edge and the width that is left for it in `line`.
fn places(table: Table<'_>, line: Rect) -> impl Iterator<Item = (&Column, u16, u16)> {
    let mut x = line.x.saturating_add(GUTTER);
    table
        .columns
        .iter()
        .zip(table.widths)
        .map(move |(column, width)| {
            let place = (column, x, (*width).min(line.right().saturating_sub(x)));
            if *width > 0 {
                x = x.saturating_add(*width).saturating_add(GAP);
            }
            place
        })
}

/// Writes a text that fits; the column after it.
fn put_aligned(
    align: Align,
    text: &str,
    at: (u16, u16),
    width: u16,
    buf: &mut Buffer,
    style: Style,
) -> u16 {
    let (x, y) = at;
    let shift = match align {
        Align::Left => 0,
        Align::Right => width.saturating_sub(width16(text)),
    };
    put(
        buf,
        (x.saturating_add(shift), y),
        width.saturating_sub(shift),
        text,
        style,
    )
}

#[cfg(test)]
mod tests;
