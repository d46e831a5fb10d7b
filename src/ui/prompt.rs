//! A line of text being typed: the command line, the filter, a name that must be typed.
//!
//! Not here: what the text means, and which completions there are (the app sets them). Invariants: the text is one
//! line and clean; the keys that end a prompt (enter, esc, ctrl-c) and those that choose (tab, up, down) are never taken.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use tui_textarea::{CursorMove, TextArea};

use crate::theme::roles::Theme;
use crate::ui::footer::Hint;
use crate::ui::frame::{PaneBox, draw_box, fill};
use crate::ui::header::first_line;
use crate::ui::text::{clean, cut_end, cut_start, put, width16};

/// The most completions shown at once.
const SHOWN: usize = 8;

/// An editable line.
#[derive(Debug, Clone, Default)]
pub struct Field {
    area: TextArea<'static>,
}

impl Field {
    /// A field with a text in it, the cursor at its end.
    pub fn with_text(text: &str) -> Field {
        let mut field = Field::default();
        field.set_text(text);
        field
    }

    /// The text.
    pub fn text(&self) -> &str {
        self.area.lines().first().map_or("", String::as_str)
    }

    /// Puts another text in place of this one, the cursor at its end.
    pub fn set_text(&mut self, text: &str) {
        let text = clean(text).into_owned();
        self.area = TextArea::new(vec![text]);
        self.area.move_cursor(CursorMove::End);
    }

    /// Gives a key to the field; whether it was one for the field.
    pub fn on_key(&mut self, key: KeyEvent) -> bool {
        if key.kind == KeyEventKind::Release {
            return false;
        }
        let has_ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        let has_alt = key.modifiers.contains(KeyModifiers::ALT);
        match key.code {
            // The shell's habits where the text area has others.
            KeyCode::Char('u') if has_ctrl => self.area.delete_line_by_head(),
            KeyCode::Char('a') if has_ctrl => return self.go_to(CursorMove::Head),
            KeyCode::Char('e') if has_ctrl => return self.go_to(CursorMove::End),
            KeyCode::Char('b' | 'd' | 'f' | 'h' | 'k' | 'w' | 'y') if has_ctrl => {
                self.area.input(key)
            }
            KeyCode::Char('b' | 'd' | 'f') if has_alt => self.area.input(key),
            KeyCode::Char(_) if has_ctrl || has_alt => return false,
            KeyCode::Char(c) => match clean(c.encode_utf8(&mut [0; 4])).chars().next() {
                Some(c) => {
                    self.area.insert_char(c);
                    true
                }
                None => return false,
            },
            KeyCode::Backspace | KeyCode::Delete | KeyCode::Left | KeyCode::Right => {
                self.area.input(key)
            }
            KeyCode::Home => return self.go_to(CursorMove::Head),
            KeyCode::End => return self.go_to(CursorMove::End),
            _ => return false,
        };
        true
    }

    /// Inserts pasted text as one line.
    pub fn on_paste(&mut self, text: &str) {
        let line: Vec<&str> = text
            .split(['\r', '\n'])
            .filter(|part| !part.is_empty())
            .collect();
        self.area.insert_str(clean(&line.join(" ")));
    }

    /// Draws the line after `prefix`; where the cursor is.
    pub fn draw(
        &self,
        prefix: &str,
        area: Rect,
        buf: &mut Buffer,
        theme: &Theme,
        style: Style,
    ) -> Option<Position> {
        let area = first_line(area, buf);
        if area.is_empty() {
            return None;
        }
        let after = put(buf, (area.x, area.y), area.width, prefix, theme.hint_key);
        let room = area.right().saturating_sub(after);
        let column = self.area.cursor().1;
        let before: String = self.text().chars().take(column).collect();
        let rest: String = self.text().chars().skip(column).collect();
        let before = cut_start(
            &before,
            room.saturating_sub(1).into(),
            theme.symbols.ellipsis,
        );
        let cursor = put(buf, (after, area.y), room, &before, style);
        let left = area.right().saturating_sub(cursor);
        let rest = cut_end(&rest, left.into(), theme.symbols.ellipsis);
        put(buf, (cursor, area.y), left, &rest, style);
        (cursor < area.right()).then(|| Position::new(cursor, area.y))
    }

    fn go_to(&mut self, place: CursorMove) -> bool {
        self.area.move_cursor(place);
        true
    }
}

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
    use crate::keymap::key::Key;
    use crate::ui::testing::{at_every_size, drawn, theme};

    fn typed(keys: &str) -> Field {
        let mut field = Field::default();
        for name in keys.split(' ') {
            field.on_key(Key::parse(name).unwrap().to_event());
        }
        field
    }

    fn hint(key: &str, text: &str) -> Hint {
        Hint {
            key: key.into(),
            text: text.into(),
        }
    }

    #[test]
    fn a_field_edits_like_a_shell() {
        assert_eq!(typed("a b c").text(), "abc");
        assert_eq!(typed("a b ctrl-u c").text(), "c");
        assert_eq!(typed("a b home x").text(), "xab");
        assert_eq!(typed("a b ctrl-a x ctrl-e y").text(), "xaby");
        assert_eq!(typed("a space b ctrl-w").text(), "a ");
        assert_eq!(typed("a b left backspace").text(), "b");
    }

    #[test]
    fn keys_that_end_or_choose_are_left_alone() {
        let mut field = Field::with_text("text");
        for name in [
            "enter", "esc", "tab", "backtab", "up", "down", "ctrl-c", "ctrl-j", "pgup", "ctrl-z",
            "f1",
        ] {
            assert!(
                !field.on_key(Key::parse(name).unwrap().to_event()),
                "{name}"
            );
        }
        assert_eq!(field.text(), "text");
    }

    #[test]
    fn pasted_lines_become_one_harmless_line() {
        let mut field = Field::with_text("a");
        field.on_paste("b\r\nc\u{1b}[2J\nd");
        assert_eq!(field.text(), "ab c␛[2J d");
    }

    #[test]
    fn a_long_text_shows_the_place_of_the_cursor() {
        let field = Field::with_text("abcdefghij");
        let mut cursor = None;
        let lines = drawn(6, 1, |area, buf| {
            cursor = field.draw(":", area, buf, &theme(), Style::new());
        });
        assert_eq!(lines, [":…hij"]);
        assert_eq!(cursor, Some(Position::new(5, 0)));
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
