//! A line as cells: each character with what is drawn for it and how wide that is.
//!
//! Invariant: where the cursor stands and where a letter is drawn come from this one walk, so they cannot disagree.

use std::borrow::Cow;

use crate::ui::text::{clean, is_mark, width};

/// Marks on one letter that are drawn; more is mischief.
const MARKS: usize = 4;

/// One letter with the marks on it.
pub(super) struct Letter<'a> {
    /// The first of its characters in the line.
    pub(super) index: usize,
    /// What is drawn; empty for a character without a cell.
    pub(super) text: Cow<'a, str>,
    pub(super) width: usize,
}

/// The letters of a line, in order.
pub(super) fn letters(line: &str) -> impl Iterator<Item = Letter<'_>> {
    let mut chars = line.char_indices().enumerate().peekable();
    std::iter::from_fn(move || {
        let (index, (start, c)) = chars.next()?;
        let mut end = start + c.len_utf8();
        let mut marks = 0;
        while let Some((_, (at, c))) = chars.next_if(|(_, (_, next))| is_mark(*next)) {
            marks += 1;
            if marks <= MARKS {
                end = at + c.len_utf8();
            }
        }
        let text = line.get(start..end).unwrap_or_default();
        let text = if c.is_ascii() && !c.is_ascii_control() && marks == 0 {
            Cow::Borrowed(text)
        } else {
            clean(text)
        };
        let width = width(&text);
        Some(Letter { index, text, width })
    })
}

/// Cells before the character at `column`.
pub(super) fn cells_before(line: &str, column: usize) -> usize {
    letters(line)
        .take_while(|letter| letter.index < column)
        .map(|letter| letter.width)
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_letters_marks_and_control_characters_have_their_cells() {
        for (line, column, expected) in [
            ("abc", 2, 2),
            ("日本x", 1, 2),
            ("日本x", 2, 4),
            ("e\u{301}x", 2, 1),
            ("\tx", 1, 4),
            ("\u{1b}[2J", 1, 1),
            ("a\u{200b}b", 2, 1),
            ("ab", 99, 2),
        ] {
            assert_eq!(cells_before(line, column), expected, "{line:?} {column}");
        }
    }
}
