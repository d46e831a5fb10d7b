//! A text to edit, YAML above all: typed, pasted, searched, undone, with signs where something is wrong and offers of
//! what a word could become.
//!
//! Not here: what the text means. Who knows that gives [`Mark`]s and [`Candidate`]s. Invariants: keys that leave
//! (`esc`), cancel, suspend or repaint are never taken while nothing of the editor's own is open; only the visible lines
//! are looked at while drawing; the text is drawn clean, whatever is in it.

mod cells;
mod complete;
mod draw;
mod indent;
mod yaml;

use std::ops::Range;

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::layout::Rect;
use tui_textarea::{CursorMove, TextArea};

use crate::ui::editor::complete::Offer;
use crate::ui::text::clean;

pub use complete::Candidate;
pub use yaml::masked;

/// Edits that can be taken back.
const UNDO: usize = 2_000;
/// `CursorMove::Jump` counts in `u16`.
const FARTHEST_JUMP: u16 = u16::MAX;

/// A text being edited.
#[derive(Debug, Clone)]
pub struct Editor {
    area: TextArea<'static>,
    /// The first line of the window.
    top: usize,
    /// Cells hidden at the left.
    left: usize,
    /// Lines of the window, as of the last [`Editor::follow`].
    height: usize,
    marks: Vec<Mark>,
    offer: Option<Offer>,
    revision: u64,
    /// The one line that the last edit changed; `None` when it may have been more.
    edited_line: Option<usize>,
}

/// A place in the text where something is to be said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// From 0.
    pub line: usize,
    /// Characters of the line, from 0; drawn underlined. Empty: the whole line is meant.
    pub columns: Range<usize>,
    pub weight: MarkWeight,
    /// One sentence.
    pub text: String,
}

/// How bad it is; worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MarkWeight {
    Error,
    Warning,
    Note,
}

/// What a key did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Not one of the editor's keys.
    Ignored,
    /// The cursor moved, or an offer opened or closed.
    Moved,
    /// The text is another.
    Edited,
}

impl Default for Editor {
    fn default() -> Self {
        Editor::new("")
    }
}

impl Editor {
    /// An editor with a text in it, the cursor at its beginning. Line ends of all kinds become plain ones.
    pub fn new(text: &str) -> Editor {
        let text = plain_line_ends(text);
        let mut area = TextArea::new(text.split('\n').map(str::to_owned).collect());
        area.set_max_histories(UNDO);
        Editor {
            area,
            top: 0,
            left: 0,
            height: 1,
            marks: Vec::new(),
            offer: None,
            revision: 0,
            edited_line: None,
        }
    }

    pub fn text(&self) -> String {
        self.area.lines().join("\n")
    }

    pub fn lines(&self) -> &[String] {
        self.area.lines()
    }

    /// Bytes of the text, line ends included.
    pub fn size(&self) -> usize {
        let lines = self.area.lines();
        lines.iter().map(String::len).sum::<usize>() + lines.len().saturating_sub(1)
    }

    /// Line and column of the cursor, in characters from 0.
    pub fn cursor(&self) -> (usize, usize) {
        let cursor = self.area.cursor();
        (cursor.0, cursor.1)
    }

    /// Grows with every edit, so that what was found out about an older text can be told apart.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The one line that the last edit changed, if it is known to be one and no line came or went.
    pub fn edited_line(&self) -> Option<usize> {
        self.edited_line
    }

    /// Bytes of the text before this line.
    pub fn line_start(&self, line: usize) -> usize {
        let before = self.area.lines().iter().take(line);
        before.map(|it| it.len() + 1).sum()
    }

    /// Puts another text in place of this one, as one edit that can be undone. The cursor keeps its line.
    pub fn replace(&mut self, text: &str) {
        let (line, _) = self.cursor();
        self.area.select_all();
        self.area.insert_str(plain_line_ends(text));
        self.area.cancel_selection();
        self.edited();
        self.go_to(line, 0);
    }

    /// What is wrong with this text; in the order of the text.
    pub fn set_marks(&mut self, mut marks: Vec<Mark>) {
        marks.sort_by(|a, b| {
            (a.line, a.weight, a.columns.start).cmp(&(b.line, b.weight, b.columns.start))
        });
        self.marks = marks;
    }

    pub fn marks(&self) -> &[Mark] {
        &self.marks
    }

    /// Goes to the next mark after the cursor's line, round at the end. False when there is none.
    pub fn next_mark(&mut self, is_forward: bool) -> bool {
        let (here, _) = self.cursor();
        let found = if is_forward {
            let after = self.marks.iter().find(|mark| mark.line > here);
            after.or_else(|| self.marks.first())
        } else {
            let before = self.marks.iter().rev().find(|mark| mark.line < here);
            before.or_else(|| self.marks.last())
        };
        let Some((line, column)) = found.map(|mark| (mark.line, mark.columns.start)) else {
            return false;
        };
        self.go_to(line, column);
        true
    }

    /// Puts the cursor there, or as near as the text allows.
    pub fn go_to(&mut self, line: usize, column: usize) {
        self.area.cancel_selection();
        let column = u16::try_from(column).unwrap_or(FARTHEST_JUMP);
        let row = u16::try_from(line).unwrap_or(FARTHEST_JUMP);
        self.area.move_cursor(CursorMove::Jump(row, column));
        for _ in usize::from(row)..line.min(self.lines().len()) {
            self.area.move_cursor(CursorMove::Down);
        }
        self.offer = None;
    }

    /// Gives a key to the text.
    pub fn on_key(&mut self, key: KeyEvent) -> Answer {
        if key.kind == KeyEventKind::Release {
            return Answer::Ignored;
        }
        let has_ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        let has_alt = key.modifiers.contains(KeyModifiers::ALT);
        match key.code {
            KeyCode::Esc if self.offer.take_if(|offer| offer.is_explicit()).is_some() => {
                Answer::Moved
            }
            KeyCode::Char(c) if has_ctrl => self.on_ctrl(c, key),
            KeyCode::Char('b' | 'd' | 'f') if has_alt => self.on_text_area(key),
            KeyCode::Char(_) if has_alt => Answer::Ignored,
            KeyCode::Char(c) => self.on_char(c),
            KeyCode::Enter => self.on_enter(),
            KeyCode::Tab => self.on_tab(),
            KeyCode::BackTab => self.on_back_tab(),
            KeyCode::Backspace if !has_ctrl && !has_alt => self.on_backspace(),
            KeyCode::PageDown => self.on_page(CursorMove::Down),
            KeyCode::PageUp => self.on_page(CursorMove::Up),
            KeyCode::Home if has_ctrl => self.on_ends(CursorMove::Top, CursorMove::Head),
            KeyCode::End if has_ctrl => self.on_ends(CursorMove::Bottom, CursorMove::End),
            KeyCode::Home => self.on_home(key),
            KeyCode::End
            | KeyCode::Backspace
            | KeyCode::Delete
            | KeyCode::Left
            | KeyCode::Right
            | KeyCode::Up
            | KeyCode::Down => self.on_text_area(key),
            _ => Answer::Ignored,
        }
    }

    /// Inserts pasted text: line ends become plain, tabs two blanks, control characters visible.
    pub fn on_paste(&mut self, text: &str) -> Answer {
        let plain = plain_line_ends(text).replace('\t', indent::STEP);
        let lines: Vec<_> = plain.split('\n').map(clean).collect();
        if !self.area.insert_str(lines.join("\n")) {
            return Answer::Ignored;
        }
        self.edited()
    }

    pub fn undo(&mut self) -> bool {
        let has_undone = self.area.undo();
        if has_undone {
            self.edited();
        }
        has_undone
    }

    pub fn redo(&mut self) -> bool {
        let has_redone = self.area.redo();
        if has_redone {
            self.edited();
        }
        has_redone
    }

    /// Marks every place with this text, in any case, and goes to the first at or after the cursor. An empty text ends
    /// the search. False when the text is nowhere.
    pub fn search_for(&mut self, text: &str) -> bool {
        let pattern = if text.is_empty() {
            String::new()
        } else {
            format!("(?i){}", regex::escape(text))
        };
        self.area.set_search_pattern(pattern).is_ok()
            && (text.is_empty() || self.area.search_forward(true))
    }

    /// Goes to the next match, round at the end. False when there is none.
    pub fn search_next(&mut self, is_forward: bool) -> bool {
        if is_forward {
            self.area.search_forward(false)
        } else {
            self.area.search_back(false)
        }
    }

    /// Keeps the cursor in the window; to be called after keys, with the area the editor is drawn in.
    pub fn follow(&mut self, area: Rect) {
        let window = self.window(area);
        self.top = window.top;
        self.left = window.left;
        self.height = usize::from(area.height).max(1);
    }

    /// Closes an offer that was asked for or chosen from. False when there was none.
    pub fn close_offer(&mut self) -> bool {
        self.offer.take().is_some_and(|offer| offer.is_explicit())
    }

    fn edited(&mut self) -> Answer {
        self.revision += 1;
        self.offer = None;
        self.edited_line = None;
        Answer::Edited
    }

    /// An edit of the cursor's line and of nothing else.
    fn edited_here(&mut self) -> Answer {
        let answer = self.edited();
        self.edited_line = Some(self.cursor().0);
        answer
    }

    fn on_text_area(&mut self, key: KeyEvent) -> Answer {
        if self.area.input(key) {
            self.edited()
        } else {
            self.offer = None;
            Answer::Moved
        }
    }

    fn on_move(&mut self, place: CursorMove) -> Answer {
        self.area.move_cursor(place);
        self.offer = None;
        Answer::Moved
    }

    /// To the first or last line, and there to the very end of the text.
    fn on_ends(&mut self, line: CursorMove, column: CursorMove) -> Answer {
        self.area.move_cursor(line);
        self.on_move(column)
    }

    /// The shell's habits, and the text area's where they do not collide.
    fn on_ctrl(&mut self, c: char, key: KeyEvent) -> Answer {
        match c {
            ' ' | '@' => {
                self.offer = Some(Offer::asked());
                Answer::Moved
            }
            'n' | 'p' if self.offer.is_some() => {
                if let Some(offer) = &mut self.offer {
                    offer.step(c == 'n');
                }
                Answer::Moved
            }
            'a' => self.on_move(CursorMove::Head),
            'e' => self.on_move(CursorMove::End),
            'u' => self.if_edited(Editor::undo),
            'r' => self.if_edited(Editor::redo),
            'b' | 'd' | 'f' | 'h' | 'k' | 'n' | 'p' | 'w' | 'x' | 'y' => self.on_text_area(key),
            _ => Answer::Ignored,
        }
    }

    fn if_edited(&mut self, change: fn(&mut Editor) -> bool) -> Answer {
        if change(self) {
            Answer::Edited
        } else {
            Answer::Moved
        }
    }

    fn on_char(&mut self, c: char) -> Answer {
        let Some(c) = clean(c.encode_utf8(&mut [0; 4])).chars().next() else {
            return Answer::Moved;
        };
        let is_alone = !self.area.is_selecting() && c != '\n';
        self.area.insert_char(c);
        if is_alone {
            self.edited_here()
        } else {
            self.edited()
        }
    }

    fn on_page(&mut self, place: CursorMove) -> Answer {
        for _ in 1..self.height.max(2) {
            self.area.move_cursor(place);
        }
        self.offer = None;
        Answer::Moved
    }

    /// To the first letter of the line, and from there to its very beginning.
    fn on_home(&mut self, key: KeyEvent) -> Answer {
        let (line, column) = self.cursor();
        let letters = indent::of(self.line(line));
        if column == letters || key.modifiers.contains(KeyModifiers::SHIFT) {
            return self.on_text_area(key);
        }
        self.go_to(line, letters);
        Answer::Moved
    }

    fn line(&self, index: usize) -> &str {
        self.lines().get(index).map_or("", String::as_str)
    }
}

fn plain_line_ends(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

#[cfg(test)]
mod tests;
