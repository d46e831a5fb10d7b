//! Blanks at the beginning of lines: what enter, tab and backspace do there, as YAML wants it.
//!
//! Invariant: nothing here ever writes a tab character.

use tui_textarea::CursorMove;

use super::{Answer, Editor};

/// One step of indentation.
pub(super) const STEP: &str = "  ";

/// Blanks before the first letter.
pub(super) fn of(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// What the next line begins with when enter is pressed behind `before`; `None` when the line is an empty list item,
/// which enter ends.
fn next_line(before: &str) -> Option<String> {
    let indent = of(before);
    let text = before.trim();
    let is_comment = text.starts_with('#');
    let deeper = |text: &str| {
        if text.ends_with(':') && !is_comment {
            STEP
        } else {
            ""
        }
    };
    let blanks = " ".repeat(indent);
    match text.strip_prefix('-') {
        Some("") => None,
        Some(item) if item.starts_with(' ') => {
            let item = item.trim_start();
            let is_mapping = item.ends_with(':') || item.contains(": ");
            let aligned = if is_mapping { STEP } else { "- " };
            Some(format!("{blanks}{aligned}{}", deeper(item)))
        }
        _ => Some(format!("{blanks}{}", deeper(text))),
    }
}

impl Editor {
    /// A new line, as deep as what it continues.
    pub(super) fn on_enter(&mut self) -> Answer {
        let (line, column) = self.cursor();
        let whole = self.line(line).to_owned();
        let before: String = whole.chars().take(column).collect();
        let is_at_end = before.len() == whole.len();
        match next_line(&before) {
            None if is_at_end => {
                // The list ends here: the dash goes, the line stays.
                self.area.delete_line_by_head();
                self.area.insert_str(" ".repeat(of(&before)));
            }
            start => {
                let start = start.unwrap_or_else(|| " ".repeat(of(&before)));
                self.area.insert_str(format!("\n{start}"));
            }
        }
        self.edited()
    }

    /// Takes what is offered; else blanks up to the next step.
    pub(super) fn on_tab(&mut self) -> Answer {
        if let Some(text) = self.offer.as_ref().and_then(|offer| offer.chosen()) {
            let (text, typed) = (text.to_owned(), self.word().chars().count());
            for _ in 0..typed {
                self.area.delete_char();
            }
            self.area.insert_str(text);
            return self.edited();
        }
        let (_, column) = self.cursor();
        let blanks = STEP.len() - column % STEP.len();
        self.area.insert_str(" ".repeat(blanks));
        self.edited()
    }

    /// One step out, wherever in the line the cursor is.
    pub(super) fn on_back_tab(&mut self) -> Answer {
        let (line, column) = self.cursor();
        let blanks = of(self.line(line)).min(STEP.len());
        if blanks == 0 {
            return Answer::Moved;
        }
        self.area.move_cursor(CursorMove::Head);
        self.area.delete_str(blanks);
        self.go_to(line, column.saturating_sub(blanks));
        self.edited()
    }

    /// Among the blanks at the beginning a whole step goes at once.
    pub(super) fn on_backspace(&mut self) -> Answer {
        let (line, column) = self.cursor();
        let is_alone = column > 0 && !self.area.is_selecting();
        let is_in_blanks = column > 0 && column <= of(self.line(line));
        let count = if is_in_blanks && !self.area.is_selecting() {
            (column - 1) % STEP.len() + 1
        } else {
            1
        };
        let mut has_deleted = false;
        for _ in 0..count {
            has_deleted |= self.area.delete_char();
        }
        match (has_deleted, is_alone) {
            (true, true) => self.edited_here(),
            (true, false) => self.edited(),
            (false, _) => Answer::Moved,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_line_is_as_deep_as_what_it_continues() {
        for (before, expected) in [
            ("", Some("")),
            ("spec:", Some("  ")),
            ("  addresses:", Some("    ")),
            ("  - 10.0.0.1-10.0.0.9", Some("  - ")),
            ("- name: lan", Some("  ")),
            ("- bgp-advertisements:", Some("    ")),
            ("  protocol: layer2", Some("  ")),
            ("  # a word:", Some("  ")),
            ("  -", None),
            ("  - ", None),
            ("---", Some("")),
            ("-x", Some("")),
        ] {
            assert_eq!(next_line(before).as_deref(), expected, "{before:?}");
        }
    }
}
