//! One line of text that can be edited: in a prompt, or where a name must be typed.
//!
//! Not here: what the text means. Invariants: the text is one line and clean; the keys that end a prompt
//! (enter, esc, ctrl-c) and those that choose (tab, up, down) are never taken.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use tui_textarea::{CursorMove, TextArea};

use crate::theme::roles::Theme;
use crate::ui::header::first_line;
use crate::ui::text::{clean, cut_end, cut_start, put};

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

    /// True when the cursor stands behind the last letter.
    pub fn is_at_end(&self) -> bool {
        self.area.cursor().1 >= self.text().chars().count()
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
    fn no_size_is_too_small_to_draw() {
        let theme = theme();
        let field = Field::with_text("日本語 text");
        at_every_size(|area, buf| {
            field.draw("日", area, buf, &theme, Style::new());
        });
    }
}
