//! A line of somebody's output as pieces of text with their colours: nothing but cells reaches the terminal.
//!
//! Only the colour sequence `ESC [ … m` is honoured; every other control character and sequence is made visible. A
//! carriage return begins the line anew, as progress bars mean it: what it overwrote is not shown.

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
