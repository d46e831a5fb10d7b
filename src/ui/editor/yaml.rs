//! What the characters of a YAML line are, for their colours: a look at one line, not a parser.
//!
//! Not here: whether it is right YAML. Invariant: any text gets colours, one for each character.

/// What a character belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Paint {
    Plain,
    Key,
    /// Between quotes, or a line of a block.
    Text,
    /// A number, a truth, nothing, an address.
    Value,
    Comment,
    /// Dashes, brackets, colons, anchors, document marks.
    Sign,
    /// What stands behind a key that says it is a password.
    Secret,
}

/// Lines looked at above the window for the beginning of a block: `key: |`.
const LOOK_BACK: usize = 400;

/// For the lines `from..to`, whether each lies in a block scalar.
pub(super) fn in_blocks(lines: &[String], from: usize, to: usize) -> Vec<bool> {
    let mut open: Option<usize> = None;
    let mut inside = Vec::with_capacity(to.saturating_sub(from));
    let begin = from.saturating_sub(LOOK_BACK);
    for (index, line) in lines.iter().enumerate().take(to).skip(begin) {
        let indent = super::indent::of(line);
        let is_blank = line.trim().is_empty();
        if open.is_some_and(|parent| !is_blank && indent <= parent) {
            open = None;
        }
        if index >= from {
            inside.push(open.is_some());
        }
        if open.is_none() && opens_block(line) {
            open = Some(indent);
        }
    }
    inside
}

/// True for a line that ends with `|` or `>` as the value of a key or an item.
fn opens_block(line: &str) -> bool {
    let line = line.trim_end();
    let bare = line.trim_end_matches(|c: char| c == '-' || c == '+' || c.is_ascii_digit());
    let Some(before) = bare.strip_suffix(['|', '>']) else {
        return false;
    };
    before.ends_with(": ") || before.ends_with("- ")
}

/// What each character of a line is.
pub(super) fn paint(line: &str, is_in_block: bool) -> Vec<Paint> {
    let chars: Vec<char> = line.chars().collect();
    if is_in_block {
        return vec![Paint::Text; chars.len()];
    }
    if line.starts_with("---") || line.starts_with("...") {
        return vec![Paint::Sign; chars.len()];
    }
    let mut paints = vec![Paint::Plain; chars.len()];
    let mut at = 0;
    while at < chars.len() {
        let (end, paint) = token(&chars, at);
        for slot in paints.iter_mut().take(end).skip(at) {
            *slot = paint;
        }
        at = end.max(at + 1);
    }
    if let Some(start) = secret(&chars) {
        paints
            .iter_mut()
            .skip(start)
            .for_each(|slot| *slot = Paint::Secret);
    }
    paints
}

/// Where the value of a password begins in a line, if it has one.
fn secret(chars: &[char]) -> Option<usize> {
    let line: String = chars.iter().collect();
    let key = line.trim_start().trim_start_matches("- ").trim_start();
    let value = ["password:", "\"password\":", "'password':"]
        .iter()
        .find_map(|name| key.strip_prefix(name))?;
    let start = chars.len() - value.trim_start().chars().count();
    (start < chars.len()).then_some(start)
}

/// A line as it may be shown where nobody edits it: without its password.
pub fn masked(line: &str) -> std::borrow::Cow<'_, str> {
    let chars: Vec<char> = line.chars().collect();
    match secret(&chars) {
        Some(start) => {
            let shown: String = chars.iter().take(start).collect();
            format!("{shown}***").into()
        }
        None => line.into(),
    }
}

/// The token that begins at `at`: where it ends, and what it is.
fn token(chars: &[char], at: usize) -> (usize, Paint) {
    let char_at = |index: usize| chars.get(index).copied();
    let is_after_blank = at == 0 || char_at(at - 1).is_some_and(char::is_whitespace);
    match char_at(at) {
        Some('#') if is_after_blank => (chars.len(), Paint::Comment),
        Some(c) if c.is_whitespace() => (at + 1, Paint::Plain),
        Some('[' | ']' | '{' | '}' | ',') => (at + 1, Paint::Sign),
        Some('-' | '?' | '|' | '>' | ':') if char_at(at + 1).is_none_or(char::is_whitespace) => {
            (at + 1, Paint::Sign)
        }
        Some('&' | '*' | '!') if is_after_blank => (word_end(chars, at), Paint::Sign),
        Some(quote @ ('"' | '\'')) => quoted(chars, at, quote),
        _ => plain(chars, at),
    }
}

fn word_end(chars: &[char], at: usize) -> usize {
    let is_end = |c: &char| c.is_whitespace() || matches!(c, ',' | '[' | ']' | '{' | '}');
    let rest = chars.get(at..).unwrap_or_default();
    at + rest.iter().position(is_end).unwrap_or(rest.len())
}

fn quoted(chars: &[char], at: usize, quote: char) -> (usize, Paint) {
    let mut end = at + 1;
    while let Some(c) = chars.get(end) {
        end += 1;
        if *c == '\\' && quote == '"' {
            end += 1;
        } else if *c == quote {
            break;
        }
    }
    let end = end.min(chars.len());
    (end, key_or(chars, end, Paint::Text))
}

/// A plain scalar: it ends before `: `, before ` #`, and before a sign of flow style.
fn plain(chars: &[char], at: usize) -> (usize, Paint) {
    let mut end = at;
    while let Some(c) = chars.get(end) {
        let next = chars.get(end + 1);
        let is_key_end = *c == ':' && next.is_none_or(|next| next.is_whitespace());
        let is_before_comment = c.is_whitespace() && next == Some(&'#');
        if is_key_end || is_before_comment || matches!(c, ',' | '[' | ']' | '{' | '}') {
            break;
        }
        end += 1;
    }
    let word: String = chars.get(at..end).unwrap_or_default().iter().collect();
    let paint = if is_value(word.trim()) {
        Paint::Value
    } else {
        Paint::Plain
    };
    (end.max(at + 1), key_or(chars, end, paint))
}

/// A key when a colon follows.
fn key_or(chars: &[char], end: usize, other: Paint) -> Paint {
    let is_key =
        chars.get(end) == Some(&':') && chars.get(end + 1).is_none_or(|next| next.is_whitespace());
    if is_key { Paint::Key } else { other }
}

/// Numbers, addresses, ranges, truths, nothing.
fn is_value(word: &str) -> bool {
    let is_address = |c: char| c.is_ascii_hexdigit() || matches!(c, '.' | ':' | '/' | '-' | ' ');
    matches!(word, "true" | "false" | "null" | "~")
        || (word.chars().all(is_address) && word.chars().any(|c| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The paints as one letter each: `.` plain, `k` key, `t` text, `v` value, `#` comment, `s` sign.
    fn painted(line: &str, is_in_block: bool) -> String {
        paint(line, is_in_block)
            .into_iter()
            .map(|paint| match paint {
                Paint::Plain => '.',
                Paint::Key => 'k',
                Paint::Text => 't',
                Paint::Value => 'v',
                Paint::Comment => '#',
                Paint::Sign => 's',
                Paint::Secret => 'x',
            })
            .collect()
    }

    #[test]
    fn every_part_of_a_line_has_its_colour() {
        for (line, expected) in [
            ("name: lan # x", "kkkks.....###"),
            ("- 10.0.0.1-10.0.0.9", "s.vvvvvvvvvvvvvvvvv"),
            ("a: [\"b,c\", true]", "ks.sttttts.vvvvs"),
            ("'k': 'it''s'", "kkks.ttttttt"),
            ("a: http://b", "ks........."),
            ("---", "sss"),
            ("a: &x !t y", "ks.ss.ss.."),
            ("a: |", "ks.s"),
            ("日: 本", "ks.."),
            ("\"open", "ttttt"),
            ("- password: ab c", "s.kkkkkkkks.xxxx"),
            ("  password:", "..kkkkkkkks"),
        ] {
            assert_eq!(painted(line, false), expected, "{line}");
        }
        assert_eq!(painted("a: b", true), "tttt");
    }

    #[test]
    fn a_block_ends_where_the_text_comes_back() {
        let lines: Vec<String> = ["config: |", "  a: b", "", "  c", "other: 1", "- >-", "  x"]
            .map(str::to_owned)
            .into();
        assert_eq!(
            in_blocks(&lines, 0, 7),
            [false, true, true, true, false, false, true]
        );
        assert_eq!(
            in_blocks(&lines, 3, 5),
            [true, false],
            "seen from the middle"
        );
        assert!(!opens_block("a: b|") && opens_block("a: |2-"));
    }
}
