//! The filter language of every table: `text`, `column:text`, `!text`, `/regex/`, all of which must hold, never case-sensitive.

use regex::{Regex, RegexBuilder};

/// A parsed filter. An empty one lets everything through.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    terms: Vec<Term>,
}

#[derive(Debug, Clone)]
struct Term {
    negated: bool,
    /// Lower case; `None` looks at every column.
    column: Option<String>,
    pattern: Pattern,
}

#[derive(Debug, Clone)]
enum Pattern {
    /// Lower case.
    Text(String),
    Regex(Regex),
}

impl Filter {
    /// Reads what the user typed. `columns` are the titles of the table, so that a colon in a name is not taken for a
    /// column. A broken regex comes back as the sentence to show, and is left out.
    pub fn parse(text: &str, columns: &[&str]) -> (Filter, Option<String>) {
        let mut complaint = None;
        let mut terms = Vec::new();
        for word in words(text) {
            match term(&word, columns) {
                Ok(Some(term)) => terms.push(term),
                Ok(None) => {}
                Err(message) => complaint = Some(message),
            }
        }
        (Filter { terms }, complaint)
    }

    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// True when a row, given as `(column title, text)`, passes every term.
    pub fn accepts(&self, row: &[(&str, &str)]) -> bool {
        self.accepts_with(row, &[])
    }

    /// The same for a row with columns that are not on the screen: only a term that names one of them looks there.
    pub fn accepts_with(&self, shown: &[(&str, &str)], hidden: &[(&str, &str)]) -> bool {
        let is_hidden = |term: &Term| term.column.is_some() && term.holds(hidden);
        self.terms
            .iter()
            .all(|term| (term.holds(shown) || is_hidden(term)) != term.negated)
    }
}

impl Term {
    fn holds(&self, row: &[(&str, &str)]) -> bool {
        row.iter().any(|(title, text)| {
            self.column
                .as_ref()
                .is_none_or(|column| title.eq_ignore_ascii_case(column))
                && self.pattern.is_in(text)
        })
    }
}

impl Pattern {
    fn is_in(&self, text: &str) -> bool {
        match self {
            Pattern::Text(needle) => text.to_lowercase().contains(needle),
            Pattern::Regex(regex) => regex.is_match(text),
        }
    }
}

/// Splits at blanks, except inside `/…/`.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut in_regex = false;
    for c in text.chars() {
        let at_start = words
            .last()
            .is_some_and(|word| word.is_empty() || word.ends_with(['!', ':']));
        match c {
            ' ' if !in_regex => words.push(String::new()),
            '/' if in_regex || at_start => {
                in_regex = !in_regex;
                words.last_mut().into_iter().for_each(|word| word.push(c));
            }
            _ => words.last_mut().into_iter().for_each(|word| word.push(c)),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn term(word: &str, columns: &[&str]) -> Result<Option<Term>, String> {
    let (negated, rest) = match word.strip_prefix('!') {
        Some(rest) => (true, rest),
        None => (false, word),
    };
    let (column, text) = match rest.split_once(':') {
        Some((column, text))
            if columns
                .iter()
                .any(|title| title.eq_ignore_ascii_case(column)) =>
        {
            (Some(column.to_lowercase()), text)
        }
        _ => (None, rest),
    };
    if text.is_empty() || text == "/" {
        return Ok(None);
    }
    let pattern = match text.strip_prefix('/') {
        Some(regex) => Pattern::Regex(compile(regex.strip_suffix('/').unwrap_or(regex))?),
        None => Pattern::Text(text.to_lowercase()),
    };
    Ok(Some(Term {
        negated,
        column,
        pattern,
    }))
}

fn compile(regex: &str) -> Result<Regex, String> {
    RegexBuilder::new(regex)
        .case_insensitive(true)
        .size_limit(1 << 20)
        .build()
        .map_err(|error| {
            let text = error.to_string();
            format!(
                "not a regex: {}",
                text.lines()
                    .last()
                    .unwrap_or_default()
                    .trim_start_matches("error: ")
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: [(&str, &str); 3] = [
        ("NODE", "rpi-01"),
        ("STATUS", "NotReady cordoned"),
        ("VERSION", "v1.33.4+k3s1"),
    ];

    fn check(text: &str, expected: bool) {
        let (filter, complaint) = Filter::parse(text, &["NODE", "STATUS", "VERSION"]);
        assert_eq!(complaint, None, "{text}");
        assert_eq!(filter.accepts(&ROW), expected, "{text}");
    }

    #[test]
    fn terms_are_anded_and_never_case_sensitive() {
        check("", true);
        check("RPI", true);
        check("rpi cordon", true);
        check("rpi ready x", false);
        check("!cordoned", false);
        check("!nothing rpi", true);
        check("node:rpi", true);
        check("status:rpi", false);
        check("!status:rpi", true);
        check("/^rpi-\\d+$/", true);
        check("/not ready|notready c/", true);
        check("node:/^v1/", false);
        check("no:column", false);
    }

    #[test]
    fn half_typed_terms_let_everything_through() {
        for text in ["!", "/", "node:", "!node:", "status:/", " "] {
            check(text, true);
        }
    }

    #[test]
    fn a_broken_regex_is_a_sentence_not_a_panic() {
        let (filter, complaint) = Filter::parse("/[/ rpi", &["NODE"]);
        assert!(complaint.unwrap().starts_with("not a regex: unclosed"));
        assert!(filter.accepts(&ROW));
    }

    #[test]
    fn only_a_term_with_its_name_looks_into_a_hidden_column() {
        let (shown, hidden) = ([("NODE", "k3s-server")], [("KERNEL", "6.12-rpi")]);
        for (text, expected) in [
            ("rpi", false),
            ("!rpi", true),
            ("/rpi/", false),
            ("kernel:rpi", true),
            ("!kernel:rpi", false),
            ("k3s kernel:rpi", true),
        ] {
            let (filter, _) = Filter::parse(text, &["NODE", "KERNEL"]);
            assert_eq!(filter.accepts_with(&shown, &hidden), expected, "{text}");
        }
    }
}
