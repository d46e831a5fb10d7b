//! A list of things to choose from, each with its key: the menu of a row, and the keys that may follow a prefix.
//!
//! Not here: which rows there are. Invariant: the selected row is always visible.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::theme::roles::Theme;
use crate::ui::footer::Hint;
use crate::ui::popup::{centred, cornered, open};
use crate::ui::table::layout::offset_for;
use crate::ui::text::{cut_end, put, width16};

/// Draws a menu in the middle of `area` with one row selected.
pub fn draw(
    title: &str,
    rows: &[Hint],
    selected: usize,
    area: Rect,
    buf: &mut Buffer,
    theme: &Theme,
) {
    let (width, height) = size(title, rows);
    let inside = open(title, "", centred(area, width, height), buf, theme);
    let offset = offset_for(selected, 0, inside.height, rows.len());
    for ((index, row), y) in rows
        .iter()
        .enumerate()
        .skip(offset)
        .zip(inside.top()..inside.bottom())
    {
        let line = Rect {
            y,
            height: 1,
            ..inside
        };
        draw_row(row, keys(rows), line, buf, theme);
        if index == selected {
            buf.set_style(line, theme.selection);
            let bar = (line.x.saturating_sub(1), y);
            put(buf, bar, 1, theme.symbols.cursor, theme.cursor);
        }
    }
}

/// Draws the keys that may follow an unfinished sequence into the lower right corner of `area`.
pub fn draw_next_keys(begun: &str, rows: &[Hint], area: Rect, buf: &mut Buffer, theme: &Theme) {
    let (width, height) = size(begun, rows);
    let inside = open(begun, "", cornered(area, width, height), buf, theme);
    for (row, y) in rows.iter().zip(inside.top()..inside.bottom()) {
        draw_row(
            row,
            keys(rows),
            Rect {
                y,
                height: 1,
                ..inside
            },
            buf,
            theme,
        );
    }
}

fn draw_row(row: &Hint, keys: u16, line: Rect, buf: &mut Buffer, theme: &Theme) {
    let room = |x: u16| line.right().saturating_sub(x);
    put(buf, (line.x, line.y), line.width, &row.key, theme.hint_key);
    let x = line.x.saturating_add(keys).saturating_add(2);
    let text = cut_end(&row.text, room(x).into(), theme.symbols.ellipsis);
    put(buf, (x, line.y), room(x), &text, theme.popup);
}

fn keys(rows: &[Hint]) -> u16 {
    rows.iter().map(|row| width16(&row.key)).max().unwrap_or(0)
}

fn size(title: &str, rows: &[Hint]) -> (u16, u16) {
    let texts = rows.iter().map(|row| width16(&row.text)).max().unwrap_or(0);
    let row = keys(rows).saturating_add(texts).saturating_add(6);
    let height = u16::try_from(rows.len())
        .unwrap_or(u16::MAX)
        .saturating_add(2);
    (row.max(width16(title).saturating_add(6)), height)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::testing::{at_every_size, drawn, theme};

    fn rows() -> Vec<Hint> {
        let rows = [("enter", "open"), ("c", "cordon"), ("", "日本語")];
        rows.map(|(key, text)| Hint {
            key: key.into(),
            text: text.into(),
        })
        .into()
    }

    #[test]
    fn a_menu_shows_keys_and_the_selected_row() {
        let lines = drawn(19, 5, |area, buf| {
            draw("rpi-01", &rows(), 1, area, buf, &theme());
        });
        assert_eq!(
            lines,
            [
                " ┌ rpi-01 ───────┐",
                " │ enter  open   │",
                " │▌c      cordon │",
                " │        日本語 │",
                " └───────────────┘"
            ]
        );
    }

    #[test]
    fn a_low_menu_scrolls_to_the_selected_row() {
        let lines = drawn(19, 3, |area, buf| {
            draw("rpi-01", &rows(), 2, area, buf, &theme());
        });
        assert_eq!(lines[1], " │▌       日本語 │");
    }

    #[test]
    fn the_next_keys_stand_in_the_corner() {
        let rows = [Hint {
            key: "g".into(),
            text: "first row".into(),
        }];
        let lines = drawn(20, 4, |area, buf| {
            draw_next_keys("g", &rows, area, buf, &theme());
        });
        assert_eq!(
            lines,
            [
                "",
                "    ┌ g ───────────┐",
                "    │ g  first row │",
                "    └──────────────┘"
            ]
        );
    }

    #[test]
    fn no_size_is_too_small_to_draw() {
        let theme = theme();
        at_every_size(|area, buf| {
            draw("日本", &rows(), 2, area, buf, &theme);
            draw("", &[], 9, area, buf, &theme);
            draw_next_keys("g", &rows(), area, buf, &theme);
        });
    }
}
