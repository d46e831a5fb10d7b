//! A line of somebody's output as pieces of text with their colours: nothing but cells reaches the terminal.
//!
//! Only the colour sequence `ESC [ … m` is honoured; every other control character and sequence is made visible. A
//! carriage return begins the line anew, as progress bars mean it: what it overwrote is not shown.

use ratatui::buffer::CellWidth;
use ratatui::style::Style;

use crate::theme::sgr;
use crate::ui::text::clean;

/// A piece of a line in one style, its text clean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    pub text: String,
    pub style: Style,
}

/// The pieces of a line. `sequence` tells the length of the control sequence that bytes begin with.
pub fn spans(line: &[u8], sequence: impl Fn(&[u8]) -> Option<usize>) -> Vec<Span> {
    let mut rest = after_return(line);
    let mut spans: Vec<Span> = Vec::new();
    let mut style = Style::new();
    let mut pending = Vec::new();
    while let Some(at) = rest.iter().position(|byte| *byte == 0x1b) {
        let (before, escape) = rest.split_at(at);
        pending.extend_from_slice(before);
        let colour = sequence(escape).and_then(|length| {
            let parameters = escape.get(2..length - 1)?;
            (escape.get(length - 1) == Some(&b'm')).then_some((length, parameters))
        });
        if let Some((length, parameters)) = colour {
            push(&mut spans, &mut pending, style);
            style = sgr::apply(style, parameters);
            rest = escape.get(length..).unwrap_or_default();
        } else {
            pending.push(0x1b);
            rest = escape.get(1..).unwrap_or_default();
        }
    }
    pending.extend_from_slice(rest);
    push(&mut spans, &mut pending, style);
    spans
}

/// Whether these bytes are one colour sequence, whole and nothing else.
pub fn is_colour(sequence: &[u8]) -> bool {
    let parameters = sequence.strip_prefix(b"\x1b[");
    let parameters = parameters.and_then(|it| it.strip_suffix(b"m"));
    parameters.is_some_and(|it| {
        it.iter()
            .all(|byte| matches!(byte, b'0'..=b'9' | b';' | b':'))
    })
}

/// Lines for a file or a pager: their text, with the colours of programs if they are wanted, and nothing else a terminal
/// could obey.
pub fn harmless(
    lines: &[u8],
    sequence: impl Fn(&[u8]) -> Option<usize> + Copy,
    with_colours: bool,
) -> String {
    let mut text = String::with_capacity(lines.len());
    for line in lines.split_inclusive(|byte| *byte == b'\n') {
        for span in spans(line.strip_suffix(b"\n").unwrap_or(line), sequence) {
            let codes = with_colours.then(|| sgr::codes(span.style)).flatten();
            match codes {
                Some(codes) => {
                    text.push_str(&codes);
                    text.push_str(&span.text);
                    text.push_str(sgr::RESET);
                }
                None => text.push_str(&span.text),
            }
        }
        text.push('\n');
    }
    text
}

/// The pieces in rows of at most `cells`, broken at the edge; at most `most` rows, and whether that was not enough. A
/// letter wider than a row is left out.
pub fn rows(spans: &[Span], cells: usize, most: usize) -> (Vec<Vec<Span>>, bool) {
    let mut rows: Vec<Vec<Span>> = vec![Vec::new()];
    let mut used = 0;
    let is_whole = each_letter(spans, |letter, width, style| {
        if width > cells {
            return true;
        }
        if used + width > cells {
            if rows.len() >= most {
                return false;
            }
            rows.push(Vec::new());
            used = 0;
        }
        used += width;
        if let Some(row) = rows.last_mut() {
            add(row, letter, style);
        }
        true
    });
    (rows, !is_whole)
}

/// What is seen of the pieces from cell `from` on, at most `cells` of it.
pub fn window(spans: &[Span], from: usize, cells: usize) -> Vec<Span> {
    let mut row = Vec::new();
    let mut at = 0;
    each_letter(spans, |letter, width, style| {
        if at + width > from + cells {
            return false;
        }
        if at >= from {
            add(&mut row, letter, style);
        } else if at + width > from {
            // Half of a wide letter is no letter.
            add(&mut row, " ", style);
        }
        at += width;
        true
    });
    row
}

/// The same text with `style` on top from one byte position to another.
pub fn mark(spans: Vec<Span>, places: &[(usize, usize)], style: Style) -> Vec<Span> {
    if places.is_empty() {
        return spans;
    }
    let mut marked = Vec::with_capacity(spans.len() + 2 * places.len());
    let mut start = 0;
    for span in spans {
        let end = start + span.text.len();
        let mut at = start;
        let inside = places
            .iter()
            .filter(|(from, to)| *from < end && *to > start);
        for (from, to) in inside {
            let (from, to) = ((*from).max(at), (*to).min(end));
            for (from, to, style) in [(at, from, span.style), (from, to, span.style.patch(style))] {
                if let Some(text) = span.text.get(from - start..to.max(from) - start)
                    && !text.is_empty()
                {
                    let text = text.to_owned();
                    marked.push(Span { text, style });
                }
            }
            at = at.max(to);
        }
        if let Some(text) = span.text.get(at - start..).filter(|text| !text.is_empty()) {
            let (text, style) = (text.to_owned(), span.style);
            marked.push(Span { text, style });
        }
        start = end;
    }
    marked
}

/// Gives every letter as the buffer draws it, with its width, until `take` says no. False when it did.
fn each_letter(spans: &[Span], mut take: impl FnMut(&str, usize, Style) -> bool) -> bool {
    spans.iter().all(|span| {
        let raw = ratatui::text::Span::raw(&*span.text);
        raw.styled_graphemes(span.style)
            .all(|it| take(it.symbol, usize::from(it.symbol.cell_width()), it.style))
    })
}

fn add(row: &mut Vec<Span>, letter: &str, style: Style) {
    match row.last_mut() {
        Some(last) if last.style == style => last.text.push_str(letter),
        _ => row.push(Span {
            text: letter.to_owned(),
            style,
        }),
    }
}

fn push(spans: &mut Vec<Span>, pending: &mut Vec<u8>, style: Style) {
    if pending.is_empty() {
        return;
    }
    let text = clean(&String::from_utf8_lossy(pending)).into_owned();
    pending.clear();
    spans.push(Span { text, style });
}

/// What is left of a line whose beginning was overwritten. A return at its end is a line end of other systems.
fn after_return(line: &[u8]) -> &[u8] {
    let end = line
        .iter()
        .rposition(|byte| *byte != b'\r')
        .map_or(0, |last| last + 1);
    let line = line.get(..end).unwrap_or_default();
    let start = line
        .iter()
        .rposition(|byte| *byte == b'\r')
        .map_or(0, |at| at + 1);
    line.get(start..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use ratatui::style::Color;

    use super::*;

    fn sequence(bytes: &[u8]) -> Option<usize> {
        let end = bytes.iter().position(u8::is_ascii_alphabetic)?;
        bytes.starts_with(b"\x1b[").then_some(end + 1)
    }

    fn text(line: &[u8]) -> String {
        spans(line, sequence)
            .into_iter()
            .map(|span| span.text)
            .collect()
    }

    #[test]
    fn colours_are_kept_and_everything_else_is_made_visible() {
        let line = spans(b"a\x1b[31mred\x1b[0m b\x1b[2Jc", sequence);
        assert_eq!(line[1].text, "red");
        assert_eq!(line[1].style.fg, Some(Color::Red));
        assert_eq!(line[2].style, Style::new());
        assert_eq!(text(b"a\x1b[31mred\x1b[0m b\x1b[2Jc"), "ared b␛[2Jc");
        assert_eq!(text(b"\x1b]0;title\x07x"), "␛]0;title␇x");
    }

    #[test]
    fn a_progress_bar_shows_its_last_state() {
        for (line, expected) in [
            (&b"10 %\r50 %\r100 %"[..], "100 %"),
            (b"done\r", "done"),
            (b"\r\r", ""),
            (b"", ""),
        ] {
            assert_eq!(text(line), expected, "{line:?}");
        }
    }

    fn span(text: &str) -> Span {
        Span {
            text: text.to_owned(),
            style: Style::new(),
        }
    }

    fn texts(rows: &[Vec<Span>]) -> Vec<String> {
        let text = |row: &Vec<Span>| row.iter().map(|span| span.text.as_str()).collect();
        rows.iter().map(text).collect()
    }

    #[test]
    fn what_leaves_for_a_file_is_text_with_colours_or_without() {
        let lines = b"\x1b[31mred\x1b[0m x\n\x1b]0;t\x07\xff\nlast";
        let plain = harmless(lines, sequence, false);
        assert_eq!(plain, "red x\n\u{241b}]0;t\u{2407}\u{fffd}\nlast\n");
        let coloured = harmless(lines, sequence, true);
        assert!(
            coloured.starts_with("\x1b[0;31mred\x1b[0m x\n\u{241b}]0;t"),
            "{coloured:?}"
        );
    }

    #[test]
    fn rows_break_at_the_edge_and_never_through_a_letter() {
        let pieces = [span("abc日"), span("本de")];
        let (all, is_cut) = rows(&pieces, 4, 9);
        assert_eq!(
            (texts(&all), is_cut),
            (vec!["abc".into(), "日本".into(), "de".into()], false)
        );
        let (some, is_cut) = rows(&pieces, 4, 2);
        assert_eq!(
            (texts(&some), is_cut),
            (vec!["abc".into(), "日本".into()], true)
        );
        assert_eq!(texts(&rows(&[span("日a")], 1, 9).0), ["a"]);
        assert_eq!(texts(&rows(&[], 4, 9).0), [""], "an empty line is a row");
    }

    #[test]
    fn a_window_shows_what_stands_between_two_cells() {
        let pieces = [span("ab日"), span("本c")];
        for (from, cells, expected) in [
            (0, 3, "ab"),
            (1, 3, "b日"),
            (3, 3, " 本"),
            (6, 9, "c"),
            (9, 9, ""),
        ] {
            let row = window(&pieces, from, cells);
            assert_eq!(texts(&[row]), [expected], "{from} {cells}");
        }
    }

    #[test]
    fn a_mark_lies_on_the_colours_that_are_there() {
        let red = Style::new().fg(Color::Red);
        let line = vec![
            span("ab"),
            Span {
                text: "cdef".into(),
                style: red,
            },
        ];
        let marked = mark(line, &[(1, 3), (4, 5)], Style::new().bg(Color::Blue));
        let pieces: Vec<_> = marked
            .iter()
            .map(|it| (it.text.as_str(), it.style.bg.is_some(), it.style.fg))
            .collect();
        let fg = Some(Color::Red);
        let expected = [
            ("a", false, None),
            ("b", true, None),
            ("c", true, fg),
            ("d", false, fg),
            ("e", true, fg),
            ("f", false, fg),
        ];
        assert_eq!(pieces, expected);
    }

    #[test]
    fn no_control_character_survives_whatever_comes() {
        // A small generator of odd bytes: the same every time.
        let mut state = 1_u32;
        for _ in 0..20_000 {
            let line: Vec<u8> = (0..24)
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    let odd = [
                        0x1b, b'[', b'm', b'3', b';', b'\r', 0x9b, 0xc2, 0xe2, 0x80, 0xae,
                    ];
                    odd.get((state >> 24) as usize % 16)
                        .copied()
                        .unwrap_or(state.to_le_bytes()[2])
                })
                .collect();
            let shown = text(&line);
            assert!(
                !shown.chars().any(char::is_control),
                "{line:?} became {shown:?}"
            );
            assert!(!shown.contains('\u{202e}'), "{line:?}");
        }
    }
}
