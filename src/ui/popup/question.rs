//! A question before something dangerous: what will happen, and the keys that answer; sometimes a name to type.
//!
//! Not here: deciding whether the answer counts. Invariant: the line with the keys is always visible,
//! also when the words do not fit.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::theme::roles::Theme;
use crate::ui::field::Field;
use crate::ui::footer::{Hint, draw_hints};
use crate::ui::popup::{centred, open};
use crate::ui::text::{put, width16, wrap};

/// The widest a question gets.
const WIDEST: u16 = 64;

/// Everything a question needs to be drawn.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// What is about to be done: `Cordon rpi-01`.
    pub title: &'a str,
    /// What that means; wrapped.
    pub lines: &'a [String],
    /// The keys that answer.
    pub hints: &'a [Hint],
    /// The field where a name must be typed, for what cannot be undone.
    pub typed: Option<Typed<'a>>,
}

/// A name that must be typed.
#[derive(Debug, Clone, Copy)]
pub struct Typed<'a> {
    /// The name.
    pub wanted: &'a str,
    /// What has been typed so far.
    pub field: &'a Field,
}

impl Typed<'_> {
    /// Whether exactly the name has been typed.
    pub fn is_right(&self) -> bool {
        self.field.text() == self.wanted
    }
}

/// Draws the question in the middle of `area`; where the cursor is when a name is typed.
pub fn draw(
    question: Question<'_>,
    area: Rect,
    buf: &mut Buffer,
    theme: &Theme,
) -> Option<Position> {
    let width = width(question).min(area.width);
    let text_width = usize::from(width.saturating_sub(4));
    let lines: Vec<String> = question
        .lines
        .iter()
        .flat_map(|line| wrap(line, text_width))
        .collect();
    let text = u16::try_from(lines.len()).unwrap_or(u16::MAX);
    let typing = if question.typed.is_some() { 3 } else { 0 };
    let height = text.saturating_add(typing).saturating_add(4);
    let inside = open(question.title, "", centred(area, width, height), buf, theme);
    let end = inside.bottom().saturating_sub(1);
    let words_end = end.saturating_sub(typing).max(inside.y);
    for (line, y) in lines.iter().zip(inside.y..words_end) {
        put(buf, (inside.x, y), inside.width, line, theme.popup);
    }
    let cursor = question.typed.and_then(|typed| {
        let y = end.saturating_sub(3).max(inside.y);
        draw_typed(
            typed,
            Rect {
                y,
                height: inside.bottom().saturating_sub(y).min(2),
                ..inside
            },
            buf,
            theme,
        )
    });
    let keys = Rect {
        x: inside.x.saturating_sub(1),
        y: end.max(inside.y),
        height: inside.height.min(1),
        ..inside
    };
    draw_hints(question.hints, keys, buf, theme);
    cursor
}

fn draw_typed(typed: Typed<'_>, area: Rect, buf: &mut Buffer, theme: &Theme) -> Option<Position> {
    let sentence = format!("type {} to go on", typed.wanted);
    put(buf, (area.x, area.y), area.width, &sentence, theme.muted);
    let line = Rect {
        y: area.y.saturating_add(1),
        height: area.height.saturating_sub(1),
        ..area
    };
    let (sign, style) = if typed.is_right() {
        (theme.symbols.check, theme.status_ok)
    } else {
        (theme.symbols.arrow_right, theme.prompt)
    };
    typed
        .field
        .draw(&format!("{sign} "), line, buf, theme, style)
}

fn width(question: Question<'_>) -> u16 {
    let hints = question
        .hints
        .iter()
        .map(|hint| width16(&hint.key) + width16(&hint.text) + 3);
    let hints = hints.fold(0, u16::saturating_add);
    let typed = question
        .typed
        .map_or(0, |typed| width16(typed.wanted).saturating_add(14));
    let lines = question
        .lines
        .iter()
        .map(|line| width16(line))
        .max()
        .unwrap_or(0);
    let title = width16(question.title).saturating_add(2);
    let widest = lines.max(title).max(hints).max(typed);
    widest.saturating_add(4).min(WIDEST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::testing::{at_every_size, drawn, theme};

    fn hints() -> Vec<Hint> {
        let hint = |key: &str, text: &str| Hint {
            key: key.into(),
            text: text.into(),
        };
        vec![hint("y", "yes"), hint("n", "no")]
    }

    #[test]
    fn a_question_says_what_will_happen_and_which_keys_answer() {
        let lines = ["no new pods will come to rpi-01".to_owned()];
        let question = Question {
            title: "Cordon rpi-01",
            lines: &lines,
            hints: &hints(),
            typed: None,
        };
        let lines = drawn(37, 6, |area, buf| {
            assert_eq!(draw(question, area, buf, &theme()), None);
        });
        assert_eq!(
            lines,
            [
                " ┌ Cordon rpi-01 ──────────────────┐",
                " │ no new pods will come to rpi-01 │",
                " │                                 │",
                " │ y yes  n no                     │",
                " └─────────────────────────────────┘",
                "",
            ]
        );
    }

    #[test]
    fn what_cannot_be_undone_wants_the_name() {
        let field = Field::with_text("rpi-0");
        let typed = Typed {
            wanted: "rpi-01",
            field: &field,
        };
        assert!(!typed.is_right());
        let question = Question {
            title: "Remove rpi-01",
            lines: &[],
            hints: &hints(),
            typed: Some(typed),
        };
        let mut cursor = None;
        let lines = drawn(24, 7, |area, buf| {
            cursor = draw(question, area, buf, &theme());
        });
        assert_eq!(
            lines,
            [
                "┌ Remove rpi-01 ───────┐",
                "│                      │",
                "│ type rpi-01 to go on │",
                "│ ▸ rpi-0              │",
                "│                      │",
                "│ y yes  n no          │",
                "└──────────────────────┘",
            ]
        );
        assert_eq!(cursor, Some(Position::new(9, 3)));
    }

    #[test]
    fn no_size_is_too_small_to_draw() {
        let theme = theme();
        let field = Field::with_text("日本");
        let lines = vec!["日本語 a long sentence that wraps".to_owned(); 3];
        for typed in [
            None,
            Some(Typed {
                wanted: "日本",
                field: &field,
            }),
        ] {
            let hints = hints();
            let question = Question {
                title: "日本",
                lines: &lines,
                hints: &hints,
                typed,
            };
            at_every_size(|area, buf| {
                draw(question, area, buf, &theme);
            });
        }
    }
}
