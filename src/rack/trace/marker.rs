//! Section markers in a joined line.
//!
//! `section_start:<digits>:<name>[<key>=<value>,…]CR ESC[0K<title>` and `section_end:<digits>:<name>CR ESC[0K`, anywhere
//! in a line, also several behind each other. GitLab's newer viewer takes a return alone for the end of a marker that
//! begins a line, and so do we. Text that only looks like a marker stays text.

use super::ansi::{self, Style};

/// More pieces than this in one line stay text.
const MOST_PIECES: usize = 1_000;
/// Options are short; a line of nothing but brackets is not searched again for each.
const LONGEST_OPTIONS: usize = 512;
const ERASE: &[u8] = b"\x1b[0K";

/// A part of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    Text(Vec<u8>),
    /// A section begins; its title is a row.
    Begin {
        name: Vec<u8>,
        at: i64,
        is_collapsed: bool,
        hides_duration: bool,
        title: Vec<u8>,
    },
    End {
        name: Vec<u8>,
        at: i64,
    },
}

impl Piece {
    /// What a row of this piece shows.
    pub(super) fn text(&self) -> &[u8] {
        match self {
            Piece::Text(text) => text,
            Piece::Begin { name, title, .. } if title.is_empty() => name,
            Piece::Begin { title, .. } => title,
            Piece::End { .. } => &[],
        }
    }
}

/// Puts a line without markers into `store`. A line with markers gives its pieces instead, and puts nothing.
pub(super) fn pieces(line: &[u8], style: &mut Style, store: &mut Vec<u8>) -> Option<Vec<Piece>> {
    let may_have = line.contains(&b'\r') && find(line, b"section_").is_some();
    let Some(mut found) = may_have.then(|| next(line, 0)).flatten() else {
        if is_bare_marker(line) {
            return Some(Vec::new());
        }
        ansi::put_shown(line, style, store);
        return None;
    };
    let mut pieces = Vec::new();
    push_text(
        line.get(..found.from).unwrap_or_default(),
        style,
        &mut pieces,
    );
    loop {
        let after = if pieces.len() < MOST_PIECES {
            next(line, found.to)
        } else {
            None
        };
        let end = after.as_ref().map_or(line.len(), |after| after.from);
        let text = line.get(found.to..end).unwrap_or_default();
        match found.piece {
            Piece::Begin {
                name,
                at,
                is_collapsed,
                hides_duration,
                ..
            } => {
                let mut title = Vec::new();
                ansi::put_shown(text, style, &mut title);
                pieces.push(Piece::Begin {
                    name,
                    at,
                    is_collapsed,
                    hides_duration,
                    title,
                });
            }
            piece => {
                pieces.push(piece);
                push_text(text, style, &mut pieces);
            }
        }
        match after {
            Some(after) => found = after,
            None => return Some(pieces),
        }
    }
}

fn push_text(text: &[u8], style: &mut Style, pieces: &mut Vec<Piece>) {
    let mut shown = Vec::new();
    ansi::put_shown(text, style, &mut shown);
    if !shown.is_empty() {
        pieces.push(Piece::Text(shown));
    }
}

/// A marker in a line: its bytes, and what it says.
struct Found {
    from: usize,
    to: usize,
    piece: Piece,
}

/// The first marker from `start` on.
fn next(line: &[u8], start: usize) -> Option<Found> {
    let mut at = start;
    while let Some(place) = find(line.get(at..)?, b"section_") {
        let from = at + place;
        let begins_line =
            matches!(line.get(..from), Some(before) if before.is_empty() || before == ERASE);
        if let Some((piece, length)) = marker(line.get(from..)?, begins_line) {
            return Some(Found {
                from,
                to: from + length,
                piece,
            });
        }
        at = from + b"section_".len();
    }
    None
}

/// The marker that `text` begins with, and its length.
fn marker(text: &[u8], begins_line: bool) -> Option<(Piece, usize)> {
    let (head, length) = head(text)?;
    let rest = text.get(length..)?;
    let (options, rest) = match rest.strip_prefix(b"[") {
        Some(inner) if head.is_start => {
            let end = inner
                .iter()
                .take(LONGEST_OPTIONS)
                .position(|byte| *byte == b']')?;
            (options(inner.get(..end)?)?, inner.get(end + 1..)?)
        }
        _ => (Options::default(), rest),
    };
    let rest = rest.strip_prefix(b"\r")?;
    let rest = match rest.strip_prefix(ERASE) {
        Some(rest) => rest,
        None if begins_line && !rest.starts_with(b"\x1b") => rest,
        None => return None,
    };
    let name = normal(head.name);
    let at = head.at;
    let piece = if head.is_start {
        Piece::Begin {
            name,
            at,
            is_collapsed: options.is_collapsed,
            hides_duration: options.hides_duration,
            title: Vec::new(),
        }
    } else {
        Piece::End { name, at }
    };
    Some((piece, text.len() - rest.len()))
}

struct Head<'a> {
    is_start: bool,
    at: i64,
    name: &'a [u8],
}

/// `section_start:1700000000:name`, and its length.
fn head(text: &[u8]) -> Option<(Head<'_>, usize)> {
    let (is_start, rest) = match text.strip_prefix(b"section_start:") {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix(b"section_end:")?),
    };
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits == 0 {
        return None;
    }
    // A time no clock can show is as good as the latest one.
    let at = std::str::from_utf8(rest.get(..digits)?).ok()?;
    let at = at.parse().unwrap_or(i64::MAX);
    let rest = rest.get(digits..)?.strip_prefix(b":")?;
    let is_of_name =
        |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    let length = rest.iter().take_while(is_of_name).count();
    if length == 0 {
        return None;
    }
    let name = rest.get(..length)?;
    let whole = text.len() - rest.len() + length;
    Some((Head { is_start, at, name }, whole))
}

#[derive(Default)]
struct Options {
    is_collapsed: bool,
    hides_duration: bool,
}

/// `collapsed=true, hide_duration=true`; options we do not know are no mistake.
fn options(text: &[u8]) -> Option<Options> {
    let mut options = Options::default();
    for (index, option) in text.split(|byte| *byte == b',').enumerate() {
        let option = match index {
            0 => option,
            _ => option.strip_prefix(b" ").unwrap_or(option),
        };
        let equals = option.iter().position(|byte| *byte == b'=')?;
        let (key, value) = option.split_at(equals);
        let value = value.get(1..)?;
        let is_word = |text: &[u8]| {
            let is_of_word =
                |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte == b'-';
            !text.is_empty() && text.iter().all(is_of_word)
        };
        if !is_word(key) || !is_word(value) {
            return None;
        }
        match key {
            b"collapsed" => options.is_collapsed = value == b"true",
            b"hide_duration" => options.hides_duration = value == b"true",
            _ => {}
        }
    }
    Some(options)
}

/// A line that is nothing but a marker whose return was lost on the way: not shown.
fn is_bare_marker(line: &[u8]) -> bool {
    let line = line.strip_prefix(ERASE).unwrap_or(line);
    line.starts_with(b"section_") && head(line).is_some_and(|(_, length)| length == line.len())
}

/// Names are compared as GitLab does: in lower case, with `-` for what is no letter or digit.
fn normal(name: &[u8]) -> Vec<u8> {
    let letter = |byte: &u8| match byte.to_ascii_lowercase() {
        byte if byte.is_ascii_alphanumeric() => byte,
        _ => b'-',
    };
    name.iter().map(letter).collect()
}

fn find(text: &[u8], word: &[u8]) -> Option<usize> {
    text.windows(word.len()).position(|window| window == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &[u8]) -> (Option<Vec<Piece>>, String) {
        let mut store = Vec::new();
        let pieces = pieces(line, &mut Style::default(), &mut store);
        (pieces, String::from_utf8_lossy(&store).into_owned())
    }

    fn begin(name: &str, at: i64, title: &str) -> Piece {
        Piece::Begin {
            name: name.into(),
            at,
            is_collapsed: false,
            hides_duration: false,
            title: title.into(),
        }
    }

    fn end(name: &str, at: i64) -> Piece {
        Piece::End {
            name: name.into(),
            at,
        }
    }

    #[test]
    fn markers_stand_anywhere_and_behind_each_other() {
        let glued = b"section_end:7:prep\r\x1b[0Ksection_start:8:get_sources\r\x1b[0KGetting\r";
        let (pieces, _) = read(glued);
        assert_eq!(
            pieces,
            Some(vec![end("prep", 7), begin("get-sources", 8, "Getting")])
        );
        let (pieces, _) = read(b"before section_start:1:A.b\r\x1b[0K");
        let expected = vec![Piece::Text(b"before ".to_vec()), begin("a-b", 1, "")];
        assert_eq!(pieces, Some(expected));
        assert_eq!(begin("a-b", 1, "").text(), b"a-b");
    }

    #[test]
    fn options_are_read_and_unknown_ones_are_no_mistake() {
        let line = b"section_start:1:x[collapsed=true, hide_duration=true,other=1]\r\x1b[0Kt";
        let (pieces, _) = read(line);
        assert!(matches!(
            pieces.as_deref(),
            Some([Piece::Begin {
                is_collapsed: true,
                hides_duration: true,
                ..
            }])
        ));
    }

    #[test]
    fn what_only_looks_like_a_marker_is_text() {
        for line in [
            &b"section_start:5:bad name\r\x1b[0Kt"[..],
            b"section_start:abc:x\r\x1b[0Kt",
            b"section_start:5:x\r\x1b[Kt",
            b"section_start:5:x[collapsed]\r\x1b[0Kt",
            b"echo section_start:5:x\\r\\e[0K",
            b"a section_start:5:x\rt",
            b"section_begin:5:x\r\x1b[0Kt",
        ] {
            assert_eq!(read(line).0, None, "{:?}", line.escape_ascii());
        }
    }

    #[test]
    fn a_marker_that_begins_a_line_needs_no_erase_code_and_a_bare_one_is_not_shown() {
        let (pieces, _) = read(b"\x1b[0Ksection_start:5:x\rtitle");
        assert_eq!(pieces, Some(vec![begin("x", 5, "title")]));
        assert_eq!(
            read(b"\x1b[0Ksection_end:5:x"),
            (Some(vec![]), String::new())
        );
        assert_eq!(
            read(b"section_start:5:x and more").1,
            "section_start:5:x and more"
        );
    }
}
