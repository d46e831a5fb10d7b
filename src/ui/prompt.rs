//! A prompt in the last line: the command line, the filter, a search; with completions above it.
//!
//! Not here: editing the text (`field`), what it means, and which completions there are (the app sets them).
//! Invariant: drawing never covers more than the two areas it is given.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::theme::roles::Theme;
use crate::ui::field::Field;
use crate::ui::footer::Hint;
use crate::ui::frame::{PaneBox, draw_box, fill};
use crate::ui::header::first_line;
use crate::ui::text::{cut_end, put, width16};

/// The most completions shown at once.
const SHOWN: usize = 8;

/// A prompt in the last line, with what the text could become shown above it.
#[derive(Debug, Clone, Default)]
pub struct Prompt {
    /// What stands before the text: `:` or `/`.
    pub prefix: &'static str,
    /// The text.
    pub field: Field,
    completions: Vec<Hint>,
    chosen: Option<usize>,
}

impl Prompt {
    /// An empty prompt.
    pub fn new(prefix: &'static str) -> Prompt {
        Prompt {
            prefix,
            ..Prompt::default()
        }
    }

    /// Shows other completions: each the whole text it would become, and a word on it. None is chosen.
    pub fn set_completions(&mut self, completions: Vec<Hint>) {
        self.completions = completions;
        self.chosen = None;
    }

    /// Puts the next completion into the field.
    pub fn choose_next(&mut self) {
        let next = self.chosen.map_or(0, |chosen| chosen + 1);
        self.choose(if next < self.completions.len() {
            next
        } else {
            0
        });
    }

    /// Puts the previous completion into the field.
    pub fn choose_previous(&mut self) {
        let last = self.completions.len().saturating_sub(1);
        let previous = self.chosen.and_then(|chosen| chosen.checked_sub(1));
        self.choose(previous.unwrap_or(last));
    }

    fn choose(&mut self, index: usize) {
        if let Some(completion) = self.completions.get(index) {
            self.field.set_text(&completion.key);
            self.chosen = Some(index);
        }
    }

    /// Draws the prompt into `line` and the completions into the end of `above`; where the cursor is.
    pub fn draw(
        &self,
        line: Rect,
        above: Rect,
        buf: &mut Buffer,
        theme: &Theme,
    ) -> Option<Position> {
        self.draw_completions(above, buf, theme);
        fill(first_line(line, buf), buf, theme.text);
        let line = Rect {
            x: line.x.saturating_add(1),
            width: line.width.saturating_sub(2),
            ..line
        };
        self.field.draw(self.prefix, line, buf, theme, theme.prompt)
    }

    fn draw_completions(&self, above: Rect, buf: &mut Buffer, theme: &Theme) {
        let room = usize::from(above.height.saturating_sub(2)).min(SHOWN);
        let count = self.completions.len().min(room);
        let Ok(height @ 1..) = u16::try_from(count) else {
            return;
        };
        let first = self
            .chosen
            .map_or(0, |chosen| (chosen + 1).saturating_sub(count));
        let shown = || self.completions.iter().enumerate().skip(first).take(count);
        let keys = shown()
            .map(|(_, hint)| width16(&hint.key))
            .max()
            .unwrap_or(0);
        let texts = shown()
            .map(|(_, hint)| width16(&hint.text))
            .max()
            .unwrap_or(0);
        let width = keys
            .saturating_add(texts)
            .saturating_add(6)
            .max(20)
            .min(above.width);
        let area = Rect::new(
            above.x,
            above.bottom().saturating_sub(height + 2),
            width,
            height + 2,
        );
        fill(area, buf, theme.popup);
        let count = format!(
            "{} of {}",
            self.chosen.map_or(0, |c| c + 1),
            self.completions.len()
        );
        let title = PaneBox {
            title: "",
            right: &count,
            has_focus: false,
        };
        let inside = draw_box(title, area, buf, theme);
        for ((index, hint), y) in shown().zip(inside.top()..inside.bottom()) {
            draw_completion(
                hint,
                keys,
                Rect::new(inside.x, y, inside.width, 1),
                buf,
                theme,
            );
            if self.chosen == Some(index) {
                buf.set_style(Rect::new(inside.x, y, inside.width, 1), theme.selection);
            }
        }
    }
}

fn draw_completion(hint: &Hint, keys: u16, line: Rect, buf: &mut Buffer, theme: &Theme) {
    let x = line.x.saturating_add(1);
    let room = |x: u16| line.right().saturating_sub(x);
    let key = cut_end(&hint.key, room(x).into(), theme.symbols.ellipsis);
    put(buf, (x, line.y), room(x), &key, theme.popup);
    let x = x.saturating_add(keys).saturating_add(2);
    let text = cut_end(&hint.text, room(x).into(), theme.symbols.ellipsis);
    put(buf, (x, line.y), room(x), &text, theme.muted);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::testing::{at_every_size, drawn, theme};

    fn hint(key: &str, text: &str) -> Hint {
        Hint {
            key: key.into(),
            text: text.into(),
        }
    }

    #[test]
    fn completions_stand_above_and_go_into_the_field() {
        let mut prompt = Prompt::new(":");
        prompt.field.set_text("c");
        prompt.set_completions(vec![
            hint("ctx office", "context"),
            hint("cordon", "no new pods"),
        ]);
        prompt.choose_next();
        assert_eq!(prompt.field.text(), "ctx office");
        prompt.choose_next();
        prompt.choose_next();
        assert_eq!(prompt.field.text(), "ctx office", "round and round");
        prompt.choose_previous();
        assert_eq!(prompt.field.text(), "cordon");
        let lines = drawn(34, 6, |area, buf| {
            let (line, above) = (
                Rect {
                    y: 5,
                    height: 1,
                    ..area
                },
                Rect { height: 5, ..area },
            );
            prompt.draw(line, above, buf, &theme());
        });
        assert_eq!(
            lines,
            [
                "",
                "┌───────────────── 2 of 2 ┐",
                "│ ctx office  context     │",
                "│ cordon      no new pods │",
                "└─────────────────────────┘",
                " :cordon",
            ]
        );
    }

    #[test]
    fn no_size_is_too_small_to_draw() {
        let theme = theme();
        let mut prompt = Prompt::new("/");
        prompt.field.set_text("日本語 text");
        prompt.set_completions(vec![hint("日本", "語"); 20]);
        at_every_size(|area, buf| {
            prompt.draw(area, area, buf, &theme);
            prompt.choose_next();
        });
    }
}
