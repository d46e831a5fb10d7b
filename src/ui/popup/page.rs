//! A page of text from outside, such as an object's YAML: scrolled, searched, its matches marked.
//!
//! Not here: where the text comes from. Invariant: each line is cleaned before it is drawn, and only visible lines
//! are looked at while drawing.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::theme::roles::Theme;
use crate::ui::popup::open;
use crate::ui::text::{chop, clean, cut_end, put, width16};

/// Everything a page needs to be drawn.
#[derive(Debug, Clone, Copy)]
pub struct Page<'a> {
    /// What it is: `Node rpi-01`.
    pub title: &'a str,
    /// The text.
    pub lines: &'a [String],
    /// The first visible line.
    pub offset: usize,
    /// What was searched for; empty for nothing.
    pub query: &'a str,
}

/// The lines as a page in `area` can show them whole: clean, and long ones broken at the edge.
/// Scrolling and searching then count these lines.
pub fn folded(lines: &[String], area: Rect) -> Vec<String> {
    let cells = usize::from(area.width.saturating_sub(4));
    lines
        .iter()
        .flat_map(|line| chop(&clean(line), cells))
        .collect()
}

/// The lines a page shows in `area`, to scroll by.
pub fn room(area: Rect) -> u16 {
    area.height.saturating_sub(2)
}

/// The furthest a page of `total` lines can be scrolled in `area`.
pub fn last_offset(area: Rect, total: usize) -> usize {
    total.saturating_sub(room(area).into())
}

/// The next line with a match after `from`, going round at the end.
pub fn find_next(lines: &[String], query: &str, from: usize) -> Option<usize> {
    let has_match = |(_, line): &(usize, &String)| !matches(line, query).is_empty();
    let after = lines
        .iter()
        .enumerate()
        .skip(from.saturating_add(1))
        .find(has_match);
    let found = after.or_else(|| lines.iter().enumerate().find(has_match));
    found.map(|(index, _)| index)
}

/// The line with a match before `from`, going round at the beginning.
pub fn find_previous(lines: &[String], query: &str, from: usize) -> Option<usize> {
    let has_match = |(_, line): &(usize, &String)| !matches(line, query).is_empty();
    let before = lines.iter().enumerate().take(from).rfind(has_match);
    let found = before.or_else(|| lines.iter().enumerate().rfind(has_match));
    found.map(|(index, _)| index)
}

/// Draws the page over the whole of `area`.
pub fn draw(page: Page<'_>, area: Rect, buf: &mut Buffer, theme: &Theme) {
    let total = page.lines.len();
    let offset = page.offset.min(last_offset(area, total));
    let last = (offset + usize::from(room(area))).min(total);
    let right = format!("{}-{last} of {total}", (offset + 1).min(total));
    let inside = open(page.title, &right, area, buf, theme);
    for (line, y) in page
        .lines
        .iter()
        .skip(offset)
        .zip(inside.top()..inside.bottom())
    {
        let line = clean(line);
        let shown = cut_end(&line, inside.width.into(), theme.symbols.ellipsis);
        put(buf, (inside.x, y), inside.width, &shown, theme.popup);
        for (before, found) in matches(&shown, page.query) {
            let x = inside.x.saturating_add(width16(before));
            let end = x.saturating_add(width16(found)).min(inside.right());
            let place = Rect::new(x, y, end.saturating_sub(x), 1);
            buf.set_style(place.intersection(buf.area), theme.match_);
        }
    }
}

/// Every match in a line, upper and lower case alike: the text before it, and the match.
fn matches<'t>(line: &'t str, query: &str) -> Vec<(&'t str, &'t str)> {
    let wanted: Vec<char> = query.chars().map(caseless).collect();
    if wanted.is_empty() {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut free = 0;
    for (start, _) in line.char_indices() {
        let rest = line.get(start..).unwrap_or("");
        let is_match = start >= free
            && rest
                .chars()
                .map(caseless)
                .take(wanted.len())
                .eq(wanted.iter().copied());
        if is_match {
            let length: usize = rest.chars().take(wanted.len()).map(char::len_utf8).sum();
            free = start + length;
            found.extend(line.get(..start).zip(rest.get(..length)));
        }
    }
    found
}

/// One character for both cases; good enough to search by, and it never changes the length.
fn caseless(c: char) -> char {
    c.to_lowercase().next().unwrap_or(c)
}

#[cfg(test)]
mod tests {
    use ratatui::style::Modifier;

    use super::*;
    use crate::ui::testing::{at_every_size, drawn, theme};

    fn lines() -> Vec<String> {
        [
            "kind: Node",
            "metadata:",
            "  name: rpi-01\u{1b}[2J",
            "  日本: NODE",
        ]
        .map(Into::into)
        .into()
    }

    #[test]
    fn a_page_shows_where_it_is_and_only_harmless_text() {
        let lines = lines();
        let page = Page {
            title: "Node rpi-01",
            lines: &lines,
            offset: 9,
            query: "",
        };
        let drawn = drawn(34, 4, |area, buf| draw(page, area, buf, &theme()));
        assert_eq!(
            drawn,
            [
                "┌ Node rpi-01 ───────── 3-4 of 4 ┐",
                "│   name: rpi-01␛[2J             │",
                "│   日本: NODE                   │",
                "└────────────────────────────────┘"
            ]
        );
    }

    #[test]
    fn folded_lines_lose_nothing() {
        let lines = lines();
        let folded = folded(&lines, Rect::new(0, 0, 12, 5));
        assert!(folded.iter().all(|line| width16(line) <= 8), "{folded:?}");
        let whole: String = lines.iter().map(|line| clean(line)).collect();
        assert_eq!(folded.concat(), whole);
        assert_eq!(super::folded(&lines, Rect::ZERO), Vec::<String>::new());
    }

    #[test]
    fn a_search_goes_round_and_ignores_case() {
        let lines = lines();
        assert_eq!(find_next(&lines, "node", 0), Some(3));
        assert_eq!(find_next(&lines, "node", 3), Some(0));
        assert_eq!(find_previous(&lines, "node", 0), Some(3));
        assert_eq!(find_previous(&lines, "node", 3), Some(0));
        assert_eq!(find_next(&lines, "nowhere", 0), None);
        assert_eq!(find_next(&lines, "", 0), None);
        assert_eq!(find_next(&[], "x", usize::MAX), None);
    }

    #[test]
    fn matches_are_marked_in_their_cells() {
        let lines = lines();
        let page = Page {
            title: "",
            lines: &lines,
            offset: 3,
            query: "node",
        };
        let area = Rect::new(0, 0, 20, 6);
        let mut buf = Buffer::empty(area);
        draw(page, area, &mut buf, &theme());
        let marked: Vec<u16> = (0..20)
            .filter(|x| buf[(*x, 4)].modifier.contains(Modifier::UNDERLINED))
            .collect();
        assert_eq!(marked, [10, 11, 12, 13]);
    }

    #[test]
    fn no_size_is_too_small_to_draw() {
        let theme = theme();
        let lines = lines();
        at_every_size(|area, buf| {
            draw(
                Page {
                    title: "日本",
                    lines: &lines,
                    offset: 1,
                    query: "o",
                },
                area,
                buf,
                &theme,
            );
            draw(
                Page {
                    title: "",
                    lines: &[],
                    offset: 9,
                    query: "",
                },
                area,
                buf,
                &theme,
            );
        });
    }
}
