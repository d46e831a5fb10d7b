//! Text as cells: made harmless, measured, cut and wrapped.
//!
//! Not here: styles. Invariants: widths are those the buffer will use; nothing is cut through a wide letter;
//! what [`clean`] returns contains no control character, no bidi override and nothing invisible.

use std::borrow::Cow;

use ratatui::buffer::{Buffer, CellWidth};
use ratatui::style::Style;
use ratatui::text::Span;

/// A tab goes to the next multiple of this.
const TAB: usize = 4;

/// More marks than this on one letter is not a language but mischief.
const MARKS: usize = 4;

/// Text from outside, harmless: control characters become visible, tabs become blanks,
/// bidi overrides become `�`, invisible characters go.
pub fn clean(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut marks = 0;
    let mut stop = 0;
    for c in text.chars() {
        marks = if is_mark(c) { marks + 1 } else { 0 };
        match c {
            '\t' => {
                // Only what came since the last stop is measured: a line may be all tabs.
                let blanks = TAB - width(out.get(stop..).unwrap_or("")) % TAB;
                out.extend(std::iter::repeat_n(' ', blanks));
                stop = out.len();
            }
            '\0'..='\u{1f}' => out.push(picture(u32::from(c))),
            '\u{7f}' => out.push('␡'),
            '\u{2028}' | '\u{2029}' => out.push('␤'),
            _ if is_deceptive(c) => out.push('\u{fffd}'),
            _ if is_invisible(c) || marks > MARKS => {}
            _ => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// The width in cells.
pub fn width(text: &str) -> usize {
    if text.is_ascii() {
        return text.bytes().filter(|b| !b.is_ascii_control()).count();
    }
    graphemes(&Span::raw(text)).map(|(_, w)| w).sum()
}

/// The width in cells for layout, which counts in `u16`.
pub fn width16(text: &str) -> u16 {
    u16::try_from(width(text)).unwrap_or(u16::MAX)
}

/// The beginning that fits, with a sign where the rest was: `long-na…`.
pub fn cut_end<'a>(text: &'a str, cells: usize, ellipsis: &str) -> Cow<'a, str> {
    if width(text) <= cells {
        return Cow::Borrowed(text);
    }
    let Some(room) = cells.checked_sub(width(ellipsis)) else {
        return Cow::Borrowed("");
    };
    let span = Span::raw(text);
    let mut out = fitting(graphemes(&span), room).concat();
    out.push_str(ellipsis);
    Cow::Owned(out)
}

/// The end that fits, with a sign where the rest was: `…-office-7f9`.
pub fn cut_start<'a>(text: &'a str, cells: usize, ellipsis: &str) -> Cow<'a, str> {
    if width(text) <= cells {
        return Cow::Borrowed(text);
    }
    let Some(room) = cells.checked_sub(width(ellipsis)) else {
        return Cow::Borrowed("");
    };
    let span = Span::raw(text);
    let all: Vec<(&str, usize)> = graphemes(&span).collect();
    let mut kept = fitting(all.into_iter().rev(), room);
    kept.push(ellipsis);
    kept.reverse();
    Cow::Owned(kept.concat())
}

/// The text in lines of at most `cells`, broken between words where possible. A letter wider than a line is left out.
pub fn wrap(text: &str, cells: usize) -> Vec<String> {
    if cells == 0 {
        return Vec::new();
    }
    text.split('\n')
        .flat_map(|line| wrap_line(line, cells))
        .collect()
}

/// The text in pieces of at most `cells`, broken at the edge whatever stands there. An empty text is one empty
/// piece; a letter wider than a piece is left out.
pub fn chop(text: &str, cells: usize) -> Vec<String> {
    if cells == 0 {
        return Vec::new();
    }
    let mut pieces = Vec::new();
    let (mut piece, mut used) = (String::new(), 0);
    for (grapheme, w) in graphemes(&Span::raw(text)).filter(|(_, w)| *w <= cells) {
        if used + w > cells {
            pieces.push(std::mem::take(&mut piece));
            used = 0;
        }
        piece.push_str(grapheme);
        used += w;
    }
    pieces.push(piece);
    pieces
}

/// Writes one line of text at most `cells` wide, inside the buffer only; the column after it.
pub fn put(buf: &mut Buffer, at: (u16, u16), cells: u16, text: &str, style: Style) -> u16 {
    let (x, y) = at;
    let area = buf.area;
    let is_inside =
        (area.left()..area.right()).contains(&x) && (area.top()..area.bottom()).contains(&y);
    if is_inside {
        buf.set_stringn(x, y, text, usize::from(cells), style).0
    } else {
        x
    }
}

fn wrap_line(line: &str, cells: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut current = String::new();
    let mut used = 0;
    for word in line.split_inclusive(' ') {
        let bare = width(word.trim_end_matches(' '));
        if used > 0 && used + bare > cells {
            lines.push(std::mem::take(&mut current).trim_end().to_owned());
            used = 0;
        }
        for (grapheme, w) in graphemes(&Span::raw(word)) {
            if used + w > cells && used > 0 && grapheme != " " {
                lines.push(std::mem::take(&mut current));
                used = 0;
            }
            if used + w <= cells {
                current.push_str(grapheme);
                used += w;
            }
        }
    }
    lines.push(current.trim_end().to_owned());
    lines
}

/// The graphemes as the buffer will draw them, with their widths.
fn graphemes<'a>(span: &'a Span<'_>) -> impl Iterator<Item = (&'a str, usize)> {
    span.styled_graphemes(Style::new())
        .map(|g| (g.symbol, usize::from(g.symbol.cell_width())))
}

fn fitting<'a>(graphemes: impl Iterator<Item = (&'a str, usize)>, cells: usize) -> Vec<&'a str> {
    let mut left = cells;
    graphemes
        .map_while(|(grapheme, w)| {
            left = left.checked_sub(w)?;
            Some(grapheme)
        })
        .collect()
}

fn is_plain(c: char) -> bool {
    match c {
        ' '..='~' | '\u{a1}'..='\u{ac}' | '\u{ae}'..='\u{2ff}' => true,
        _ => !c.is_control() && !is_invisible(c) && !is_deceptive(c) && !is_mark(c),
    }
}

/// The visible picture of a control character.
fn picture(code: u32) -> char {
    char::from_u32(0x2400 + code).unwrap_or('\u{fffd}')
}

/// C1 controls, and what turns the reading direction of everything after it.
fn is_deceptive(c: char) -> bool {
    matches!(c, '\u{80}'..='\u{9f}' | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Characters without a cell: joiners, selectors, soft hyphens, tags. Terminals disagree about what they do
/// to the width of their neighbours, and names that differ only by them look the same.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200d}' | '\u{2028}' | '\u{2029}' | '\u{2060}'..='\u{2065}' | '\u{206a}'..='\u{206f}'
        | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// A mark that sits on the letter before it.
pub(crate) fn is_mark(c: char) -> bool {
    c > '\u{2ff}' && unicode_width::UnicodeWidthChar::width(c) == Some(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_becomes_visible_and_harmless() {
        let cases = [
            ("plain", "plain"),
            ("日本 é ß ✓", "日本 é ß ✓"),
            ("\u{1b}[31mred\u{1b}[0m", "␛[31mred␛[0m"),
            ("a\tb", "a   b"),
            ("日\tb", "日  b"),
            ("a\r\nb\0", "a␍␊b␀"),
            ("\u{9b}2J\u{7f}", "\u{fffd}2J␡"),
            ("rpi\u{202e}10-\u{2066}x", "rpi\u{fffd}10-\u{fffd}x"),
            ("r\u{200b}p\u{200d}i\u{feff}", "rpi"),
            ("❤\u{fe0f}", "❤"),
            ("e\u{301}", "e\u{301}"),
        ];
        for (text, expected) in cases {
            assert_eq!(clean(text), expected, "{text:?}");
            assert_eq!(clean(&clean(text)), expected, "once is enough: {text:?}");
        }
        let zalgo = format!("e{}", "\u{301}".repeat(500));
        assert_eq!(clean(&zalgo).chars().count(), 1 + MARKS);
        assert!(matches!(clean("web/my-web-app"), Cow::Borrowed(_)));
    }

    #[test]
    fn no_character_survives_that_a_terminal_could_obey() {
        for c in (0..=0xffff).filter_map(char::from_u32) {
            let text = format!("a{c}b");
            let cleaned = clean(&text);
            assert!(
                !cleaned
                    .chars()
                    .any(|c| c.is_control() || is_deceptive(c) || is_invisible(c)),
                "{c:?}"
            );
            let mut buf = Buffer::empty(ratatui::layout::Rect::new(0, 0, 10, 1));
            let end = put(&mut buf, (0, 0), 10, &cleaned, Style::new());
            assert_eq!(usize::from(end), width(&cleaned), "{c:?}");
        }
    }

    #[test]
    fn names_are_cut_where_they_say_least() {
        assert_eq!(cut_end("long-name", 8, "…"), "long-na…");
        assert_eq!(cut_start("rack-office-7f9", 12, "…"), "…-office-7f9");
        assert_eq!(cut_end("fits", 4, "…"), "fits");
        assert_eq!(cut_end("日本語", 5, "…"), "日本…");
        assert_eq!(cut_end("日本語", 4, "…"), "日…");
        assert_eq!(cut_start("日本語", 4, "…"), "…語");
        assert_eq!(cut_end("ab", 1, "…"), "…");
        assert_eq!(cut_end("ab", 0, "…"), "");
        for cells in 0..12 {
            for text in ["日本語 abc", "a日b本c語", "e\u{301}日"] {
                assert!(width(&cut_end(text, cells, "…")) <= cells);
                assert!(width(&cut_start(text, cells, "…")) <= cells);
            }
        }
    }

    #[test]
    fn wrapping_breaks_between_words_and_inside_only_when_it_must() {
        assert_eq!(
            wrap("no address left in pool", 10),
            ["no address", "left in", "pool"]
        );
        assert_eq!(wrap("abcdefgh xy", 3), ["abc", "def", "gh", "xy"]);
        assert_eq!(wrap("日本語", 3), ["日", "本", "語"]);
        assert_eq!(wrap("a\n\nb", 5), ["a", "", "b"]);
        assert_eq!(wrap("  indented", 20), ["  indented"]);
        assert_eq!(wrap("anything", 0), Vec::<String>::new());
        assert_eq!(wrap("日", 1), [""]);
        for cells in 1..20 {
            for line in wrap("a 日本語 long-word-without-end and 中 b   c", cells) {
                assert!(width(&line) <= cells, "{line:?} at {cells}");
            }
        }
    }

    #[test]
    fn chopping_breaks_at_the_edge() {
        assert_eq!(chop("abc defg", 3), ["abc", " de", "fg"]);
        assert_eq!(chop("a日本", 2), ["a", "日", "本"]);
        assert_eq!(chop("", 4), [""]);
        assert_eq!(chop("日a", 1), ["a"]);
        assert_eq!(chop("a", 0), Vec::<String>::new());
    }

    #[test]
    fn writing_outside_the_buffer_does_nothing() {
        let mut buf = Buffer::empty(ratatui::layout::Rect::new(2, 2, 3, 1));
        for at in [(0, 0), (2, 3), (5, 2), (1, 2)] {
            assert_eq!(put(&mut buf, at, 9, "text", Style::new()), at.0);
        }
        assert_eq!(
            put(&mut buf, (4, 2), 9, "日", Style::new()),
            4,
            "half a letter is no letter"
        );
    }
}
