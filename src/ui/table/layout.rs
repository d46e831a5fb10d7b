//! The layout of a table, decided from numbers alone: which columns are shown, how wide, and which row is on top.
//!
//! Not here: drawing. Invariants: what the columns take never exceeds the room; a column goes entirely before
//! one of a lower priority gets narrower than its least; the selected row is inside the window.

use crate::ui::table::Row;
use crate::ui::text::width16;

/// Cells left of the first column: the cursor bar and the mark.
pub const GUTTER: u16 = 2;
/// Blanks between two columns; the first of them may carry the arrow of the sorting.
pub const GAP: u16 = 2;

/// Where a value stands in its column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// Which end of a long value stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// The beginning stays.
    End,
    /// The end stays, where names differ.
    Start,
}

/// A column of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// What stands above it, in capitals.
    pub title: &'static str,
    /// The least width worth showing.
    pub min: u16,
    /// The most it takes for its values.
    pub max: u16,
    /// Whether it takes what is left over.
    pub is_filling: bool,
    /// Where values stand.
    pub align: Align,
    /// 0 is never left out; the highest number goes first when the table is narrow.
    pub priority: u8,
    /// Which end of a long value stays.
    pub cut: Cut,
    /// No wider than its widest value, even where that is narrower than the least.
    pub is_hugging: bool,
}

impl Column {
    /// A column of words.
    pub const fn words(title: &'static str, min: u16, max: u16, priority: u8) -> Column {
        Column {
            title,
            min,
            max,
            is_filling: false,
            align: Align::Left,
            priority,
            cut: Cut::End,
            is_hugging: false,
        }
    }

    /// A column of numbers.
    pub const fn numbers(title: &'static str, min: u16, max: u16, priority: u8) -> Column {
        let mut column = Column::words(title, min, max, priority);
        column.align = Align::Right;
        column
    }

    /// The same column, keeping the end of long values.
    #[must_use]
    pub const fn keeping_the_end(mut self) -> Column {
        self.cut = Cut::Start;
        self
    }

    /// The same column, no wider than its widest value: for names, which do not change from frame to frame.
    #[must_use]
    pub const fn hugging(mut self) -> Column {
        self.is_hugging = true;
        self
    }

    /// The same column, taking what is left over.
    #[must_use]
    pub const fn filling(mut self) -> Column {
        self.is_filling = true;
        self
    }

    fn least(&self) -> u16 {
        self.min.min(self.max)
    }

    /// What the column would like, given the widest value so far.
    fn wish(&self, content: u16) -> u16 {
        let least = if self.is_hugging { 0 } else { self.least() };
        content
            .max(width16(self.title))
            .clamp(least, self.max.max(self.least()))
    }
}

/// Remembers the widest value of each column, so that columns stay where they are while values change.
pub fn measure(content: &mut Vec<u16>, rows: &[Row]) {
    for row in rows {
        if content.len() < row.cells.len() {
            content.resize(row.cells.len(), 0);
        }
        for (widest, cell) in content.iter_mut().zip(&row.cells) {
            *widest = width16(&cell.text).max(*widest);
        }
    }
}

/// The width of each column when `available` cells are there for the whole table; 0 is not shown.
/// `content` is the widest value of each column so far, from [`measure`].
pub fn widths(columns: &[Column], content: &[u16], available: u16) -> Vec<u16> {
    let room = available.saturating_sub(GUTTER);
    let contents = content.iter().copied().chain(std::iter::repeat(0));
    let mut widths: Vec<u16> = columns
        .iter()
        .zip(contents)
        .map(|(column, content)| column.wish(content))
        .collect();
    let least: Vec<u16> = columns.iter().map(Column::least).collect();
    leave_out(columns, &least, &mut widths, room);
    narrow(&least, &mut widths, room);
    widen(columns, &mut widths, room);
    widths
}

/// The first row of the window: the old one, moved no further than needed to show `selected`.
pub fn offset_for(selected: usize, offset: usize, height: u16, total: usize) -> usize {
    let height = usize::from(height).max(1);
    let selected = selected.min(total.saturating_sub(1));
    let offset = offset.clamp((selected + 1).saturating_sub(height), selected);
    offset.min(total.saturating_sub(height))
}

/// The same for rows of different heights, given the lines of every row.
pub fn offset_for_lines(selected: usize, offset: usize, height: u16, lines: &[u16]) -> usize {
    let selected = selected.min(lines.len().saturating_sub(1));
    // Upwards from the selected row: as many rows as fit with it entirely visible.
    let mut left = height;
    let above = lines.iter().take(selected + 1).rev();
    let fitting = above.take_while(|lines| {
        let rest = left.checked_sub(**lines);
        left = rest.unwrap_or(0);
        rest.is_some()
    });
    let first = (selected + 1).saturating_sub(fitting.count().max(1));
    offset.clamp(first, selected)
}

/// Leaves out the column that matters least until the rest fits at its narrowest.
fn leave_out(columns: &[Column], least: &[u16], widths: &mut [u16], room: u16) {
    loop {
        let shown = least
            .iter()
            .zip(widths.iter())
            .map(|(least, width)| (*least).min(*width));
        if total(shown) <= u32::from(room) {
            return;
        }
        let goes = columns
            .iter()
            .zip(widths.iter_mut())
            .filter(|(column, width)| column.priority > 0 && **width > 0)
            .max_by_key(|(column, _)| column.priority);
        match goes {
            Some((_, width)) => *width = 0,
            None => return,
        }
    }
}

/// Takes from the column with most to spare, then from the widest, until all fits.
fn narrow(least: &[u16], widths: &mut [u16], room: u16) {
    while total(widths.iter().copied()) > u32::from(room) {
        let spare = |(width, least): &(&mut u16, &u16)| (width.saturating_sub(**least), **width);
        match widths.iter_mut().zip(least).max_by_key(spare) {
            Some((width, _)) if *width > 0 => *width -= 1,
            _ => return,
        }
    }
}

/// Gives what is left over to the columns that take it.
fn widen(columns: &[Column], widths: &mut [u16], room: u16) {
    let used = total(widths.iter().copied());
    let spare = u16::try_from(u32::from(room).saturating_sub(used)).unwrap_or(0);
    let takers = || {
        columns
            .iter()
            .enumerate()
            .filter(|(_, column)| column.is_filling)
    };
    let shown = takers().filter(|(index, _)| widths.get(*index).is_some_and(|width| *width > 0));
    let indices: Vec<usize> = shown.map(|(index, _)| index).collect();
    let Some(each) = u16::try_from(indices.len())
        .ok()
        .and_then(|count| spare.checked_div(count))
    else {
        return;
    };
    let mut rest =
        spare.saturating_sub(each.saturating_mul(u16::try_from(indices.len()).unwrap_or(0)));
    for index in indices {
        if let Some(width) = widths.get_mut(index) {
            *width = width.saturating_add(each).saturating_add(rest.min(1));
            rest = rest.saturating_sub(1);
        }
    }
}

/// The cells of the shown columns with the blanks between them.
fn total(widths: impl Iterator<Item = u16>) -> u32 {
    let shown: Vec<u32> = widths.filter(|width| *width > 0).map(u32::from).collect();
    let gaps = u32::try_from(shown.len().saturating_sub(1)).unwrap_or(0);
    shown.iter().sum::<u32>() + gaps * u32::from(GAP)
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column; 4] = [
        Column::words("NODE", 8, 30, 0).keeping_the_end(),
        Column::words("ROLE", 6, 6, 3),
        Column::words("STATUS", 6, 20, 1).filling(),
        Column::numbers("PODS", 4, 4, 2),
    ];

    #[test]
    fn columns_go_by_priority_and_names_shrink_first() {
        let cases = [
            (80, vec![12, 6, 50, 4]),
            (40, vec![12, 6, 10, 4]),
            (32, vec![8, 6, 6, 4]),
            (31, vec![12, 0, 9, 4]),
            (24, vec![8, 0, 6, 4]),
            (20, vec![9, 0, 7, 0]),
            (17, vec![15, 0, 0, 0]),
            (6, vec![4, 0, 0, 0]),
            (0, vec![0, 0, 0, 0]),
        ];
        for (available, expected) in cases {
            let content = if available == 17 {
                [15, 6, 8, 2]
            } else {
                [12, 6, 8, 2]
            };
            assert_eq!(
                widths(&COLUMNS, &content, available),
                expected,
                "{available}"
            );
        }
    }

    #[test]
    fn a_hugging_column_leaves_the_room_its_values_do_not_need() {
        let columns = [
            Column::words("VIP", 17, 41, 0).hugging(),
            Column::words("POOL", 6, 24, 6),
        ];
        assert_eq!(widths(&columns, &[11, 14], 40), [11, 14]);
        assert_eq!(widths(&columns, &[17, 14], 27), [17, 6]);
    }

    #[test]
    fn what_the_columns_take_never_exceeds_the_room() {
        for available in 0..120 {
            for content in [[0; 4], [5, 80, 3, 9], [u16::MAX; 4]] {
                let widths = widths(&COLUMNS, &content, available);
                let taken = total(widths.iter().copied());
                assert!(
                    taken <= u32::from(available.saturating_sub(GUTTER)),
                    "{available}: {widths:?}"
                );
            }
        }
        assert_eq!(widths(&[], &[], 10), Vec::<u16>::new());
    }

    #[test]
    fn the_window_moves_no_further_than_it_must() {
        assert_eq!(offset_for(5, 0, 10, 100), 0);
        assert_eq!(offset_for(10, 0, 10, 100), 1);
        assert_eq!(offset_for(3, 20, 10, 100), 3);
        assert_eq!(offset_for(99, 0, 10, 100), 90);
        assert_eq!(offset_for(50, 95, 10, 60), 50);
        assert_eq!(offset_for(0, 7, 10, 3), 0);
        assert_eq!(offset_for(0, 0, 0, 0), 0);
        assert_eq!(offset_for(7, 7, 0, 9), 7);
    }

    #[test]
    fn rows_with_notes_count_twice() {
        let lines = [1, 2, 1, 2, 1];
        assert_eq!(offset_for_lines(2, 0, 4, &lines), 0);
        assert_eq!(offset_for_lines(3, 0, 4, &lines), 2);
        assert_eq!(offset_for_lines(4, 0, 4, &lines), 2);
        assert_eq!(offset_for_lines(0, 3, 4, &lines), 0);
        assert_eq!(
            offset_for_lines(1, 0, 1, &lines),
            1,
            "the row itself, though its note has no room"
        );
        assert_eq!(offset_for_lines(9, 9, 4, &[]), 0);
    }
}
