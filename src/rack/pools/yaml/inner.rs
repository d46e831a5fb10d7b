//! YAML inside YAML: the text a block scalar holds, and where each byte of it stands outside.
//!
//! The legacy configuration is text inside a ConfigMap. A problem in it must point at the line people see, so the inner
//! text carries a table of places. The table is only believed when the text built with it is the text the parser read;
//! otherwise everything points at the scalar as a whole.

use std::ops::Range;

use granit_parser::ScalarStyle;

use crate::rack::pools::yaml::{NodeId, Tree};

/// The text of a scalar with the places of its bytes outside.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inner {
    pub text: String,
    places: Places,
}

/// Where the bytes of an inner text stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Places {
    /// The text is its own outside.
    #[default]
    Same,
    /// From the inner byte on, bytes stand at the outer byte and after it; sorted by the inner byte.
    Steps {
        steps: Vec<(usize, usize)>,
        whole: Range<usize>,
    },
    /// Nothing finer is known than the scalar.
    Whole(Range<usize>),
}

impl Places {
    /// The outer span of an inner one.
    pub fn outer(&self, inner: &Range<usize>) -> Range<usize> {
        match self {
            Places::Same => inner.clone(),
            Places::Whole(whole) => whole.clone(),
            Places::Steps { steps, whole } => {
                let place = |at: usize| {
                    let step = steps
                        .partition_point(|(from, _)| *from <= at)
                        .checked_sub(1)?;
                    let (from, outer) = steps.get(step)?;
                    Some((outer + (at - from)).min(whole.end))
                };
                let start = place(inner.start).unwrap_or(whole.start);
                // The end of a span belongs to the line of its last byte, not to the line that begins there.
                let end = match inner.end.checked_sub(1).filter(|last| *last >= inner.start) {
                    Some(last) => place(last).map_or(start, |last| last + 1),
                    None => start,
                };
                start..end.max(start)
            }
        }
    }
}

impl Inner {
    /// A text that stands for itself.
    pub fn plain(text: &str) -> Inner {
        Inner {
            text: text.to_owned(),
            places: Places::Same,
        }
    }

    /// The text of a scalar of `outer`.
    pub fn of(outer: &str, tree: &Tree<'_>, id: NodeId) -> Inner {
        let whole = tree.span(id);
        let Some(scalar) = tree.scalar(id) else {
            return Inner::default();
        };
        let source = outer.get(whole.clone()).unwrap_or_default();
        let steps = match scalar.style {
            ScalarStyle::Literal => literal(outer, whole.start, &scalar.text),
            ScalarStyle::DoubleQuoted => double_quoted(source, whole.start, &scalar.text),
            ScalarStyle::Plain if source == scalar.text => Some(vec![(0, whole.start)]),
            ScalarStyle::SingleQuoted
                if source.get(1..source.len().saturating_sub(1)) == Some(&scalar.text) =>
            {
                Some(vec![(0, whole.start + 1)])
            }
            _ => None,
        };
        Inner {
            text: scalar.text.to_string(),
            places: match steps {
                Some(steps) => Places::Steps {
                    steps,
                    // A block scalar's last line may end after the span the parser gives.
                    whole: whole.start..outer.len(),
                },
                None => Places::Whole(whole),
            },
        }
    }

    pub fn places(&self) -> &Places {
        &self.places
    }
}

/// `|`: each line of the text is a line outside, without its indentation.
fn literal(outer: &str, start: usize, text: &str) -> Option<Vec<(usize, usize)>> {
    let body = body(outer, start, text)?;
    let lines = || outer.get(body..).unwrap_or_default().split_inclusive('\n');
    let first = lines().find(|line| !line.trim().is_empty())?;
    let deepest = first.len() - first.trim_start_matches(' ').len();
    // An indentation indicator (`|2`) makes the indentation shallower than the first line looks: what is left of its
    // blanks stands in the text.
    let kept = text.lines().find(|line| !line.trim().is_empty())?;
    let indent = deepest.checked_sub(kept.len() - kept.trim_start_matches(' ').len())?;
    steps_at(lines(), body, indent, text)
}

/// Where the first line of the text begins. The parser's span begins at the first word of it, after empty lines.
fn body(outer: &str, start: usize, text: &str) -> Option<usize> {
    let line_start = |at: usize| {
        outer
            .get(..at)
            .map(|it| it.rfind('\n').map_or(0, |it| it + 1))
    };
    let line = line_start(start)?;
    if !outer.get(line..start)?.trim().is_empty() {
        return Some(start + outer.get(start..)?.find('\n')? + 1);
    }
    let empty = text.bytes().take_while(|byte| *byte == b'\n').count();
    (0..empty).try_fold(line, |line, _| line_start(line.checked_sub(1)?))
}

fn steps_at<'a>(
    lines: impl Iterator<Item = &'a str>,
    body: usize,
    indent: usize,
    text: &str,
) -> Option<Vec<(usize, usize)>> {
    let mut steps = Vec::new();
    let mut outer = body;
    let mut inner = 0;
    for line in lines {
        if inner >= text.len() {
            break;
        }
        let content = line.trim_end_matches(['\n', '\r']);
        let blanks = content.len() - content.trim_start_matches(' ').len();
        let skipped = blanks.min(indent);
        let content = &content[skipped..];
        let rest = text.get(inner..)?;
        if !rest.starts_with(content) {
            return None;
        }
        steps.push((inner, outer + skipped));
        inner += content.len();
        match text.as_bytes().get(inner) {
            Some(b'\n') => inner += 1,
            None => {}
            Some(_) => return None,
        }
        outer += line.len();
    }
    (inner >= text.len() && !steps.is_empty()).then_some(steps)
}

/// `"…"`: escapes are shorter inside than outside.
fn double_quoted(source: &str, start: usize, text: &str) -> Option<Vec<(usize, usize)>> {
    let body = source.strip_prefix('"')?.strip_suffix('"')?;
    let mut steps = vec![(0, start + 1)];
    let mut inner = 0;
    let mut chars = body.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let rest = text.get(inner..)?;
        if c == '\n' {
            // A folded line: which blank it became is not worth knowing.
            return None;
        }
        if c != '\\' {
            if !rest.starts_with(c) {
                return None;
            }
            inner += c.len_utf8();
            continue;
        }
        let (_, escape) = chars.next()?;
        let hex = match escape {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            _ => 0,
        };
        for _ in 0..hex {
            chars.next()?;
        }
        if escape == '\n' {
            // An escaped line break with the blanks after it is nothing at all.
            while chars.next_if(|(_, it)| matches!(it, ' ' | '\t')).is_some() {}
        } else {
            inner += rest.chars().next()?.len_utf8();
        }
        let next = chars.peek().map_or(body.len(), |(next, _)| *next);
        debug_assert!(next > at);
        steps.push((inner, start + 1 + next));
    }
    (inner == text.len()).then_some(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Finds `word` in the inner text of `config` and says what stands outside at its place.
    fn check(outer: &str, word: &str) -> String {
        let tree = Tree::read(outer);
        let id = tree.get(tree.documents[0], "config").unwrap();
        let inner = Inner::of(outer, &tree, id);
        let at = inner.text.find(word).unwrap();
        let span = inner.places().outer(&(at..at + word.len()));
        outer[span].to_owned()
    }

    #[test]
    fn inner_words_are_found_outside() {
        let cases = [
            ("config: |\n  a: 1\n  word: 2\n", "word"),
            ("config: |\n  a: 1\n\n     \n  word: 2", "word"),
            (
                "x:\n- 1\nconfig: |-\n      a: 1\n      b:\n        word: 2\n",
                "word",
            ),
            ("config: |\n\n\n  word: 2\n", "word"),
            ("config: |1\n   a: 1\n   word: 2\n", "word"),
            ("config: |\r\n  a: 1\r\n  word: 2\r\n", "word"),
            ("config: \"a: 1\\nword: 2\\n\"\n", "word"),
            (
                "config: \"a: 1\\nb: \\\"é\\\"\\n\\\n   word: 2\\n\"\n",
                "word",
            ),
            ("config: 'word 2'\n", "word"),
            ("config: word 2\n", "word"),
        ];
        for (outer, word) in cases {
            assert_eq!(check(outer, word), word, "{outer:?}");
        }
    }

    #[test]
    fn what_cannot_be_told_points_at_the_whole() {
        assert!(check("config: >\n  a\n  word\n", "word").contains("word"));
        assert_eq!(check("config: 'it''s a word'\n", "word"), "'it''s a word'");
    }
}
