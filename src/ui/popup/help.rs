//! The help page: keys and what they do, table by table, made from the keymap.
//!
//! Not here: which tables apply. Invariant: every binding of those tables is on the page, at any width.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::keymap::Keymap;
use crate::keymap::table::Table;
use crate::theme::roles::Theme;
use crate::ui::popup::{centred, open};
use crate::ui::text::{cut_end, put, width16};

/// Blanks between two columns.
const GAP: u16 = 3;

/// A line of the page.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Line {
    Title(&'static str),
    Row { keys: String, text: &'static str },
    Blank,
}

/// The page, laid out for one width.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Help {
    columns: Vec<Vec<Line>>,
}

impl Help {
    /// The page of some tables, for an area as wide as `width`.
    pub fn new(keymap: &Keymap, tables: &[Table], width: u16) -> Help {
        let sections: Vec<Vec<Line>> = tables
            .iter()
            .map(|table| section(keymap, *table))
            .filter(|lines| lines.len() > 1)
            .collect();
        let one = vec![sections.concat()];
        let two = in_two(sections);
        let needed: u16 = two.iter().map(|lines| needed(lines) + GAP).sum();
        // The box and a blank on either side take four cells.
        let columns = if needed <= width.saturating_sub(4) {
            two
        } else {
            one
        };
        Help { columns }
    }

    /// The lines of the page, to scroll by.
    pub fn height(&self) -> usize {
        self.columns.iter().map(Vec::len).max().unwrap_or(0)
    }

    /// Draws the page from line `offset` on over the whole of `area`.
    pub fn draw(&self, offset: usize, area: Rect, buf: &mut Buffer, theme: &Theme) {
        let height = u16::try_from(self.height())
            .unwrap_or(u16::MAX)
            .saturating_add(2);
        let area = centred(area, area.width, height);
        let room = usize::from(area.height.saturating_sub(2));
        let offset = offset.min(self.height().saturating_sub(room));
        let right = if self.height() > room {
            let last = (offset + room).min(self.height());
            format!("{}-{last} of {}", offset + 1, self.height())
        } else {
            String::new()
        };
        let inside = open("Keys", &right, area, buf, theme);
        let mut x = inside.x;
        for lines in &self.columns {
            let width = needed(lines).min(inside.right().saturating_sub(x));
            let keys = key_width(lines).min(width / 2);
            for (line, y) in lines.iter().skip(offset).zip(inside.top()..inside.bottom()) {
                draw_line(line, keys, Rect::new(x, y, width, 1), buf, theme);
            }
            x = x.saturating_add(width).saturating_add(GAP);
        }
    }
}

fn draw_line(line: &Line, keys: u16, area: Rect, buf: &mut Buffer, theme: &Theme) {
    let ellipsis = theme.symbols.ellipsis;
    match line {
        Line::Title(title) => {
            put(buf, (area.x, area.y), area.width, title, theme.title);
        }
        Line::Row {
            keys: text,
            text: help,
        } => {
            let shown = cut_end(text, keys.into(), ellipsis);
            put(buf, (area.x, area.y), area.width, &shown, theme.hint_key);
            let x = area.x.saturating_add(keys).saturating_add(2);
            let room = area.right().saturating_sub(x);
            let help = cut_end(help, room.into(), ellipsis);
            put(buf, (x, area.y), room, &help, theme.popup);
        }
        Line::Blank => {}
    }
}

fn key_width(lines: &[Line]) -> u16 {
    let keys = lines.iter().map(|line| match line {
        Line::Row { keys, .. } => width16(keys),
        Line::Title(_) | Line::Blank => 0,
    });
    keys.max().unwrap_or(0)
}

/// The width at which nothing in a column is cut.
fn needed(lines: &[Line]) -> u16 {
    let texts = lines.iter().map(|line| match line {
        Line::Row { text, .. } => width16(text),
        Line::Title(_) | Line::Blank => 0,
    });
    key_width(lines) + 2 + texts.max().unwrap_or(0)
}

fn section(keymap: &Keymap, table: Table) -> Vec<Line> {
    let rows = keymap
        .bindings(table)
        .into_iter()
        .map(|(keys, action)| Line::Row {
            keys,
            text: action.info().help,
        });
    let mut lines = vec![Line::Title(table.title())];
    lines.extend(rows);
    if lines.len() > 1 {
        lines.push(Line::Blank);
    }
    lines
}

/// Sections in two columns as even as can be without tearing one apart.
fn in_two(sections: Vec<Vec<Line>>) -> Vec<Vec<Line>> {
    let total: usize = sections.iter().map(Vec::len).sum();
    let height_if_split_at = |count: usize| {
        let left: usize = sections.iter().take(count).map(Vec::len).sum();
        left.max(total - left)
    };
    let split = (0..=sections.len())
        .min_by_key(|count| height_if_split_at(*count))
        .unwrap_or(0);
    let mut left = sections;
    let right = left.split_off(split);
    vec![left.concat(), right.concat()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::PaneId;
    use crate::ui::testing::{at_every_size, drawn, theme};

    const TABLES: [Table; 3] = [Table::Pane(PaneId::Rack), Table::List, Table::Global];

    fn help(width: u16) -> Help {
        Help::new(&Keymap::load("default", None).0, &TABLES, width)
    }

    #[test]
    fn every_binding_is_on_the_page_at_any_width() {
        let keymap = Keymap::load("default", None).0;
        for (width, height) in [(60, 110), (80, 110), (160, 48)] {
            let page = drawn(width, height, |area, buf| {
                help(width).draw(0, area, buf, &theme());
            })
            .join("\n");
            for table in TABLES {
                for (keys, action) in keymap.bindings(table) {
                    assert!(page.contains(&keys), "{keys} at {width}");
                    assert!(page.contains(action.info().help), "{action:?} at {width}");
                }
            }
        }
    }

    #[test]
    fn a_low_page_scrolls_to_its_end_and_no_further() {
        let page = help(60);
        let draw = |offset| drawn(60, 8, |area, buf| page.draw(offset, area, buf, &theme()));
        assert!(draw(0)[1].contains("Rack"));
        assert_eq!(draw(page.height() - 6), draw(usize::MAX));
        assert!(draw(0)[0].contains(&format!("1-6 of {}", page.height())));
    }

    #[test]
    fn no_size_is_too_small_to_draw() {
        let theme = theme();
        at_every_size(|area, buf| {
            help(area.width).draw(3, area, buf, &theme);
            help(100).draw(0, area, buf, &theme);
        });
    }
}
