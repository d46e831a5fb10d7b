//! What is searched for and filtered by in logs: a text or a `/regex/`, in lines that may hold any bytes.
//!
//! Colour codes stand in the bytes but not in what a person sees, so a text is looked for in the line without them.

use std::borrow::Cow;

use regex::bytes::{Regex, RegexBuilder};

/// A compiled search.
#[derive(Debug, Clone)]
pub struct Pattern {
    source: String,
    regex: Regex,
}

/// Which lines are kept: with one of these, and none of those. Without any `include` all are.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub include: Vec<Pattern>,
    pub exclude: Vec<Pattern>,
}

/// A regex bigger than this is refused: it would take the memory of the whole view.
const LARGEST: usize = 1 << 20;

impl Pattern {
    /// A plain text, upper and lower case alike; `/…/` is a regular expression, case as written unless it begins with
    /// `(?i)`. The error is one line, without the pattern.
    pub fn new(text: &str) -> Result<Pattern, String> {
        let regex = text
            .strip_prefix('/')
            .and_then(|text| text.strip_suffix('/'));
        let (source, is_plain) = match regex {
            Some(regex) if !regex.is_empty() => (regex.to_owned(), false),
            _ => (regex::escape(text), true),
        };
        let built = RegexBuilder::new(&source)
            .case_insensitive(is_plain)
            .size_limit(LARGEST)
            .build();
        match built {
            Ok(regex) => Ok(Pattern {
                source: text.to_owned(),
                regex,
            }),
            Err(error) => Err(last_line(&error.to_string())),
        }
    }

    /// As it was typed.
    pub fn source(&self) -> &str {
        &self.source
    }

    pub fn is_match(&self, line: &[u8]) -> bool {
        self.finds(&plain(line))
    }

    /// The same in a line without escape sequences.
    pub fn finds(&self, plain: &[u8]) -> bool {
        self.regex.is_match(plain)
    }

    /// Where it stands in a text that is shown: pairs of byte positions.
    pub fn places(&self, shown: &str) -> Vec<(usize, usize)> {
        let found = self.regex.find_iter(shown.as_bytes());
        found
            .map(|it| (it.start(), it.end()))
            .filter(|(start, end)| start < end)
            .collect()
    }
}

impl Filter {
    pub fn is_empty(&self) -> bool {
        self.include.is_empty() && self.exclude.is_empty()
    }

    pub fn keeps(&self, line: &[u8]) -> bool {
        let line = plain(line);
        let has = |pattern: &Pattern| pattern.regex.is_match(&line);
        (self.include.is_empty() || self.include.iter().any(has)) && !self.exclude.iter().any(has)
    }
}

/// The line without escape sequences of the form `ESC [ … letter`.
pub fn plain(line: &[u8]) -> Cow<'_, [u8]> {
    if !line.contains(&0x1b) {
        return Cow::Borrowed(line);
    }
    let mut rest = line;
    let mut plain = Vec::with_capacity(line.len());
    while let Some(at) = rest.iter().position(|byte| *byte == 0x1b) {
        let (before, escape) = rest.split_at(at);
        plain.extend_from_slice(before);
        let length = sequence(escape).unwrap_or(1);
        rest = escape.get(length..).unwrap_or_default();
    }
    plain.extend_from_slice(rest);
    Cow::Owned(plain)
}

/// The length of the sequence that `bytes` begin with; `None` when it is none, or has no end.
pub fn sequence(bytes: &[u8]) -> Option<usize> {
    let parameters = bytes.strip_prefix(b"\x1b[")?;
    let length = parameters
        .iter()
        .position(|byte| !(0x20..0x40).contains(byte))?;
    let last = parameters.get(length)?;
    (0x40..0x7f).contains(last).then_some(length + 3)
}

fn last_line(text: &str) -> String {
    let line = text.lines().last().unwrap_or_default();
    line.trim_start_matches("error: ").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Pattern {
        Pattern::new(text).unwrap()
    }

    #[test]
    fn a_text_is_found_in_any_case_and_through_colours() {
        for (text, line, is_found) in [
            ("error", &b"an ERROR here"[..], true),
            ("error", b"\x1b[31mer\x1b[1mror\x1b[0m", true),
            ("a.b", b"axb", false),
            ("a.b", b"a.b", true),
            ("/a.b/", b"axb", true),
            ("/Error/", b"error", false),
            ("/^x/", b"\x1b[0mx", true),
            ("//", b"a // b", true),
            ("x", b"\xff\xfex", true),
        ] {
            assert_eq!(pattern(text).is_match(line), is_found, "{text} in {line:?}");
        }
    }

    #[test]
    fn a_wrong_or_huge_regex_is_one_short_sentence() {
        for text in ["/(/", "/a{1000}{1000}/"] {
            let error = Pattern::new(text).unwrap_err();
            assert!(!error.is_empty() && error.lines().count() == 1, "{error}");
        }
    }

    #[test]
    fn filters_include_and_exclude() {
        let filter = Filter {
            include: vec![pattern("warn"), pattern("error")],
            exclude: vec![pattern("health")],
        };
        assert!(filter.keeps(b"WARN slow"));
        assert!(!filter.keeps(b"info"));
        assert!(!filter.keeps(b"error in healthz"));
        assert!(Filter::default().keeps(b"anything"));
    }

    #[test]
    fn places_are_where_the_eye_sees_them() {
        assert_eq!(pattern("ab").places("xab AB"), [(1, 3), (4, 6)]);
        assert_eq!(pattern("/x*/").places("aab"), [], "nothing is no place");
    }

    #[test]
    fn broken_sequences_lose_only_the_escape() {
        assert_eq!(&*plain(b"a\x1b[31"), b"a[31");
        assert_eq!(&*plain(b"\x1b]0;title\x07b"), b"]0;title\x07b");
        assert_eq!(&*plain(b"\x1b[2Jx"), b"x");
    }
}
