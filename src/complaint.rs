//! What is wrong in a file the user wrote: where exactly, what, and the nearest valid name.
//!
//! Shared by `keymap` and `theme` (and whoever else reads TOML), so that every such notice reads alike.
//! Not here: reading files, and deciding what is wrong. A complaint never stops the start.

use std::fmt;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// One mistake in a TOML file, with the place an editor can jump to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// The file as the caller named it.
    pub file: String,
    /// The line, counted from 1; 0 when the mistake is not in a file (a name from the command line).
    pub line: usize,
    /// The column, counted in characters from 1.
    pub column: usize,
    /// What is wrong, in lower case and without a full stop.
    pub message: String,
    /// The valid name that is most like the one that was written.
    pub nearest: Option<String>,
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "{}:{}:{}: ", self.file, self.line, self.column)?;
        } else if !self.file.is_empty() {
            write!(f, "{}: ", self.file)?;
        }
        write!(f, "{}", self.message)?;
        match &self.nearest {
            Some(name) => write!(f, "; did you mean \"{name}\"?"),
            None => Ok(()),
        }
    }
}

/// A TOML text while it is read, and the complaints about it so far.
#[derive(Debug)]
pub struct Source<'a> {
    file: String,
    text: &'a str,
    complaints: Vec<Complaint>,
    /// Lines that are not TOML: what else seems wrong there is only a consequence.
    broken_lines: Vec<usize>,
}

impl<'a> Source<'a> {
    /// A source that is called `file` in complaints.
    pub fn new(file: String, text: &'a str) -> Self {
        Source {
            file,
            text,
            complaints: Vec::new(),
            broken_lines: Vec::new(),
        }
    }

    /// The mistakes found, in the order of the file.
    pub fn into_complaints(mut self) -> Vec<Complaint> {
        self.complaints.sort_by_key(|c| (c.line, c.column));
        self.complaints
    }

    /// The text as a table, with every syntax error noted and everything readable kept.
    pub fn parse(&mut self) -> DeTable<'a> {
        let (table, errors) = DeTable::parse_recoverable(self.text);
        for error in errors {
            let span = error.span().unwrap_or(0..0);
            let message = error.message().lines().collect::<Vec<_>>().join(", ");
            self.complain(&span, message);
            self.broken_lines.push(place(self.text, span.start).0);
        }
        table.into_inner()
    }

    /// Notes a mistake at `span`.
    pub fn complain(&mut self, span: &Range<usize>, message: String) {
        self.complain_nearest(span, message, None);
    }

    /// Notes a mistake at `span` with the name that was probably meant.
    pub fn complain_nearest(
        &mut self,
        span: &Range<usize>,
        message: String,
        nearest: Option<String>,
    ) {
        let (line, column) = place(self.text, span.start);
        if self.broken_lines.contains(&line) {
            return;
        }
        self.complaints.push(Complaint {
            file: self.file.clone(),
            line,
            column,
            message,
            nearest,
        });
    }

    /// Notes that `value` should have been `wanted`.
    pub fn complain_type(&mut self, what: &str, wanted: &str, value: &Spanned<DeValue<'_>>) {
        let found = value.get_ref().type_str();
        self.complain(
            &value.span(),
            format!("{what} must be {wanted}, but this is: {found}"),
        );
    }
}

/// A name between quotes, with everything unprintable in it escaped.
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.escape_debug())
}

/// The candidate most like `name`, when one is near enough to be a slip of the finger.
pub fn nearest<'c>(name: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<String> {
    let limit = (name.chars().count() / 3).max(1) + 1;
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= limit && *distance < candidate.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate.to_owned())
}

/// Line and column of a byte offset, both counted from 1, columns in characters.
fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = text
        .char_indices()
        .take_while(|(at, _)| *at < offset)
        .map(|(_, c)| c);
    before.fold((1, 1), |(line, column), c| match c {
        '\n' => (line + 1, 1),
        _ => (line, column + 1),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_not_bytes() {
        assert_eq!(place("ab\nçé x", 3), (2, 1));
        assert_eq!(place("ab\nçé x", "ab\nçé ".len()), (2, 4));
        assert_eq!(place("", 0), (1, 1));
        assert_eq!(place("a", 99), (1, 2));
    }

    #[test]
    fn swapped_letters_are_near_and_strangers_are_not() {
        let names = ["ctrl-d", "ctrl-u", "enter", "esc"];
        assert_eq!(nearest("ctlr-d", names).as_deref(), Some("ctrl-d"));
        assert_eq!(nearest("entr", names).as_deref(), Some("enter"));
        assert_eq!(nearest("blueberry", names), None);
        assert_eq!(nearest("", names), None);
    }

    #[test]
    fn a_complaint_reads_as_editors_expect() {
        let mut source = Source::new("keymap.toml".into(), "[global]\n\"x\" = 1\n");
        source.complain_nearest(&(15..16), "unknown action".into(), Some("quit".into()));
        let text = source.into_complaints()[0].to_string();
        assert_eq!(
            text,
            "keymap.toml:2:7: unknown action; did you mean \"quit\"?"
        );
    }

    #[test]
    fn a_syntax_error_keeps_the_rest_of_the_file() {
        let mut source = Source::new("t.toml".into(), "a = 1\nb = = 2\nc = 3\n");
        let table = source.parse();
        assert!(table.contains_key("a") && table.contains_key("c"));
        assert_eq!(source.into_complaints()[0].line, 2);
    }
}
