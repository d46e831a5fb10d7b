//! Escape sequences in a log: colours are kept, the rest goes, carriage returns drop what stands before them.
//!
//! GitLab's own rule for a carriage return is followed, not a terminal's: authors look at their logs there.

/// A style that is carried over line ends is never longer than this; more is mischief.
const LONGEST_STYLE: usize = 96;

/// The colours that are on: parameters of the sequences since the last reset.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Style(Vec<u8>);

impl Style {
    fn apply(&mut self, parameters: &[u8]) {
        let mut parts = parameters.split(|byte| *byte == b';');
        while let Some(part) = parts.next() {
            if part.iter().all(|byte| *byte == b'0') {
                self.0.clear();
                continue;
            }
            if self.0.len() + part.len() > LONGEST_STYLE {
                self.0.clear();
            }
            self.push(part);
            // `38;5;0` is a colour and no reset.
            let values = match part {
                b"38" | b"48" | b"58" => parts.next(),
                _ => None,
            };
            if let Some(kind) = values {
                self.push(kind);
                let count = if kind == b"2" { 3 } else { 1 };
                for value in parts.by_ref().take(count) {
                    self.push(value);
                }
            }
        }
    }

    fn push(&mut self, part: &[u8]) {
        // A single parameter that is longer than any real one is nothing.
        if part.len() > LONGEST_STYLE {
            return;
        }
        if !self.0.is_empty() {
            self.0.push(b';');
        }
        self.0.extend_from_slice(part);
    }

    /// Puts the sequence that switches this style on, if there is one.
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        if !self.0.is_empty() {
            out.extend_from_slice(b"\x1b[");
            out.extend_from_slice(&self.0);
            out.push(b'm');
        }
    }
}

/// Puts what is shown of `text`: what comes after the last carriage return, without escape sequences but colours.
/// Nothing at all is put for a text that shows nothing.
pub(super) fn put_shown(text: &[u8], style: &mut Style, out: &mut Vec<u8>) {
    let text = without_returns_at_end(text);
    let start = out.len();
    style.put(out);
    if !text.contains(&0x1b) && !text.contains(&b'\r') {
        out.extend_from_slice(text);
        if text.is_empty() {
            out.truncate(start);
        }
        return;
    }
    let mut shows = false;
    let mut at = 0;
    let last_end = last_string_end(text);
    while let Some(byte) = text.get(at) {
        let rest = text.get(at..).unwrap_or_default();
        match byte {
            0x1b => {
                let length = escape(rest, at < last_end);
                if let Some(parameters) = colour(rest.get(..length).unwrap_or_default()) {
                    style.apply(parameters);
                    out.extend_from_slice(rest.get(..length).unwrap_or_default());
                }
                at += length;
            }
            b'\r' => {
                out.truncate(start);
                style.put(out);
                shows = false;
                at += 1;
            }
            _ => {
                let length = rest
                    .iter()
                    .position(|byte| matches!(byte, 0x1b | b'\r'))
                    .unwrap_or(rest.len());
                out.extend_from_slice(rest.get(..length).unwrap_or_default());
                shows = true;
                at += length;
            }
        }
    }
    if !shows {
        out.truncate(start);
    }
}

/// The text without any escape sequence.
pub(super) fn plain(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    let last_end = last_string_end(text);
    while let Some(at) = rest.iter().position(|byte| *byte == 0x1b) {
        out.extend_from_slice(rest.get(..at).unwrap_or_default());
        let from = rest.get(at..).unwrap_or_default();
        let has_end = text.len() - from.len() < last_end;
        rest = from.get(escape(from, has_end)..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    out
}

/// The parameters of a colour sequence.
fn colour(sequence: &[u8]) -> Option<&[u8]> {
    let parameters = sequence.strip_prefix(b"\x1b[")?.strip_suffix(b"m")?;
    parameters
        .iter()
        .all(|byte| matches!(byte, b'0'..=b'9' | b';' | b':'))
        .then_some(parameters)
}

/// A return directly before the line end, also several, is a line end of other systems.
fn without_returns_at_end(text: &[u8]) -> &[u8] {
    let length = text
        .iter()
        .rposition(|byte| *byte != b'\r')
        .map_or(0, |last| last + 1);
    text.get(..length).unwrap_or_default()
}

/// Where the last end of a string sequence is; 0 when there is none.
fn last_string_end(text: &[u8]) -> usize {
    let bell = text.iter().rposition(|byte| *byte == 0x07);
    let string = text.windows(2).rposition(|pair| pair == b"\x1b\\");
    bell.max(string).unwrap_or(0)
}

/// The length of the escape sequence that `text` begins with. A string sequence (a title, a link, the clipboard) that
/// does not end hides nothing: only its beginning is taken away. `has_end`: the end of a string sequence comes later,
/// so that a line of nothing but beginnings is not searched again for each.
fn escape(text: &[u8], has_end: bool) -> usize {
    match text.get(1) {
        Some(b'[') => {
            let inner = text.get(2..).unwrap_or_default();
            let length = inner
                .iter()
                .position(|byte| !(0x20..0x40).contains(byte))
                .unwrap_or(inner.len());
            match inner.get(length) {
                Some(0x40..0x7f) => length + 3,
                _ => length + 2,
            }
        }
        Some(b']' | b'P' | b'X' | b'^' | b'_') => {
            let inner = text.get(2..).unwrap_or_default();
            if !has_end {
                return 2;
            }
            let end = (inner.iter().enumerate()).find_map(|(at, byte)| match byte {
                0x07 => Some(at + 1),
                0x1b if inner.get(at + 1) == Some(&b'\\') => Some(at + 2),
                _ => None,
            });
            end.map_or(2, |end| end + 2)
        }
        Some(0x20..0x30) => {
            let inner = text.get(1..).unwrap_or_default();
            let length = inner
                .iter()
                .position(|byte| !(0x20..0x30).contains(byte))
                .unwrap_or(inner.len());
            match inner.get(length) {
                Some(0x30..0x7f) => length + 2,
                _ => length + 1,
            }
        }
        Some(0x30..0x7f) => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &[u8]) -> String {
        let mut out = Vec::new();
        put_shown(text, &mut Style::default(), &mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn colours_stay_and_every_other_sequence_goes() {
        for (text, expected) in [
            (&b"\x1b[0Kplain\x1b[2J\x1b[H"[..], "plain"),
            (b"\x1b[31mred\x1b[0;m", "\x1b[31mred\x1b[0;m"),
            (b"\x1b]0;title\x07after", "after"),
            (b"\x1b]8;;https://x\x1b\\link\x1b]8;;\x1b\\", "link"),
            (b"\x1bP1$r0m\x1b\\dcs", "dcs"),
            (b"\x1b]52;c;never ends", "52;c;never ends"),
            (b"\x1bcreset \x1b(B\x1b7", "reset "),
            (b"cut \x1b[3", "cut "),
            (b"\x1b", ""),
            (b"\x1b[0K", ""),
        ] {
            assert_eq!(shown(text), expected, "{:?}", text.escape_ascii());
        }
    }

    #[test]
    fn a_return_drops_the_line_so_far_and_keeps_its_colour() {
        for (text, expected) in [
            (&b"10%\r50%\r100%"[..], "100%"),
            (b"long line\rx", "x"),
            (b"line\r\r", "line"),
            (b"keep \x1b[31mred\rstill\x1b[0m", "\x1b[31mstill\x1b[0m"),
            (b"\x1b[31;1mred\x1b[0;m\rplain", "plain"),
        ] {
            assert_eq!(shown(text), expected, "{:?}", text.escape_ascii());
        }
    }

    #[test]
    fn a_colour_goes_on_in_the_next_line_until_it_is_reset() {
        let (mut style, mut out) = (Style::default(), Vec::new());
        put_shown(b"a\x1b[1m\x1b[38;5;0mb", &mut style, &mut out);
        out.clear();
        put_shown(b"c\x1b[m", &mut style, &mut out);
        assert_eq!(out, b"\x1b[1;38;5;0mc\x1b[m");
        assert_eq!(style, Style::default());
        for _ in 0..10_000 {
            style.apply(b"1;4;38;2;1;2;3");
        }
        assert!(style.0.len() <= 2 * LONGEST_STYLE, "it does not grow");
    }
}
