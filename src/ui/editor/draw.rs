//! The editor on the screen: numbers and signs at the left, the text, the sentence under the cursor's line, the offer.
//!
//! ```text
//!   11 address-pools:
//! ✗ 12 - name: lan█
//!      └ pool "lan" has no addresses
//!   13   protocol: layer2
//! ```
//!
//! Invariant: only lines in the window are looked at, besides a bounded look back for the beginning of a block.

use std::ops::Range;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use super::cells::{Letter, cells_before, letters};
use super::complete::SHOWN;
use super::yaml::{Paint, in_blocks, paint};
use super::{Editor, Mark, MarkWeight};
use crate::theme::roles::Theme;
use crate::ui::footer::Hint;
use crate::ui::frame::fill;
use crate::ui::text::{clean, cut_end, put, width16, wrap};

/// Lines a sentence under the cursor's line may take.
const NOTES: usize = 3;
/// Cells kept visible beside the cursor when the line is longer than the window.
const MARGIN: usize = 4;

/// What is visible: the first line, the cells hidden at the left, the sentences under the cursor's line.
pub(super) struct Window {
    pub(super) top: usize,
    pub(super) left: usize,
    notes: Vec<(MarkWeight, String)>,
}

impl Editor {
    /// The window in `area`, moved as little as needed to hold the cursor.
    pub(super) fn window(&self, area: Rect) -> Window {
        let (row, column) = self.cursor();
        let height = usize::from(area.height).max(1);
        let room = self.text_room(area);
        let notes = self.notes(row, room, height);
        let lowest = (row + 1 + notes.len()).saturating_sub(height);
        let cells = cells_before(self.line(row), column);
        let leftmost = (cells + 1).saturating_sub(room);
        let left = if cells < self.left + MARGIN.min(room / 2) && cells < self.left {
            cells.saturating_sub(MARGIN)
        } else if leftmost > self.left {
            leftmost + MARGIN.min(room / 4)
        } else {
            self.left
        };
        let fits = cells < room;
        Window {
            top: self.top.clamp(lowest, row.max(lowest)),
            left: if fits { 0 } else { left.min(cells) },
            notes,
        }
    }

    /// Cells for the text, beside numbers and signs.
    fn text_room(&self, area: Rect) -> usize {
        usize::from(area.width).saturating_sub(self.gutter()).max(1)
    }

    /// A sign, the number, blanks.
    fn gutter(&self) -> usize {
        let digits = self.lines().len().max(100).ilog10() as usize + 1;
        digits + 3
    }

    /// What is said under the cursor's line, worst first, wrapped.
    fn notes(&self, row: usize, room: usize, height: usize) -> Vec<(MarkWeight, String)> {
        let here = self.marks_of(row);
        let mut notes = Vec::new();
        for mark in here {
            let lines = wrap(&clean(&mark.text), room.saturating_sub(2));
            notes.extend(lines.into_iter().map(|line| (mark.weight, line)));
        }
        notes.truncate(NOTES.min(height.saturating_sub(1)));
        notes
    }

    fn marks_of(&self, row: usize) -> &[Mark] {
        let from = self.marks.partition_point(|mark| mark.line < row);
        let to = self.marks.partition_point(|mark| mark.line <= row);
        self.marks.get(from..to).unwrap_or_default()
    }

    /// Draws the editor; where the cursor is, when the keys act here.
    pub fn draw(
        &self,
        area: Rect,
        buf: &mut Buffer,
        theme: &Theme,
        has_focus: bool,
    ) -> Option<Position> {
        let area = area.intersection(buf.area);
        if area.is_empty() {
            return None;
        }
        let window = self.window(area);
        let gutter = u16::try_from(self.gutter())
            .unwrap_or(u16::MAX)
            .min(area.width);
        let text = Rect {
            x: area.x + gutter,
            width: area.width - gutter,
            ..area
        };
        let (row, column) = self.cursor();
        let last = (window.top + usize::from(area.height)).min(self.lines().len());
        let blocks = in_blocks(self.lines(), window.top, last);
        let mut y = area.y;
        let mut cursor = None;
        for (index, is_in_block) in (window.top..last).zip(blocks) {
            if y >= area.bottom() {
                break;
            }
            self.draw_gutter(
                index,
                Rect {
                    y,
                    width: gutter,
                    height: 1,
                    ..area
                },
                buf,
                theme,
            );
            let line = Rect {
                y,
                height: 1,
                ..text
            };
            self.draw_line(index, is_in_block, window.left, line, buf, theme);
            if index == row {
                cursor = place(self.line(row), column, window.left, line);
                y = draw_notes(
                    &window.notes,
                    Rect { y: y + 1, ..text },
                    area.bottom(),
                    buf,
                    theme,
                );
            } else {
                y += 1;
            }
        }
        if has_focus && let Some(at) = cursor {
            self.draw_offer(at, area, buf, theme);
        }
        cursor.filter(|_| has_focus)
    }

    fn draw_gutter(&self, index: usize, line: Rect, buf: &mut Buffer, theme: &Theme) {
        let worst = self.marks_of(index).iter().map(|mark| mark.weight).min();
        if let Some(weight) = worst {
            let (sign, style) = sign(weight, theme);
            put(buf, (line.x, line.y), line.width, sign, style);
        }
        let digits = self.gutter() - 3;
        let number = format!("{:>digits$}", index + 1);
        let is_current = index == self.cursor().0;
        let style = if is_current {
            theme.line_number_current
        } else {
            theme.line_number
        };
        let x = line.x.saturating_add(2);
        put(
            buf,
            (x, line.y),
            line.right().saturating_sub(x),
            &number,
            style,
        );
    }

    /// The letters of a line in their styles; neighbours of one style go out together.
    fn draw_line(
        &self,
        index: usize,
        is_in_block: bool,
        left: usize,
        line: Rect,
        buf: &mut Buffer,
        theme: &Theme,
    ) {
        let text = self.line(index);
        let paints = paint(text, is_in_block);
        let overlays = self.overlays(index, text, theme);
        let is_hidden = |letter: &Letter<'_>| {
            index != self.cursor().0 && paints.get(letter.index) == Some(&Paint::Secret)
        };
        let shown = |letter: &Letter<'_>| {
            if is_hidden(letter) {
                "*".repeat(letter.width)
            } else {
                letter.text.clone().into_owned()
            }
        };
        let style_of = |letter: &Letter<'_>| {
            let paint = paints.get(letter.index).copied().unwrap_or(Paint::Plain);
            let base = theme.text.patch(colour(paint, theme));
            overlays
                .iter()
                .filter(|(range, _)| range.contains(&letter.index))
                .fold(base, |style, (_, over)| style.patch(*over))
        };
        let right = left + usize::from(line.width);
        let mut run = (String::new(), Style::new(), 0);
        let mut cell = 0;
        for letter in letters(text) {
            let (begin, end) = (cell, cell + letter.width);
            cell = end;
            if end <= left || letter.width == 0 {
                continue;
            }
            if begin >= right {
                break;
            }
            let style = style_of(&letter);
            if style != run.1 {
                flush(&mut run, left, line, buf);
                run = (String::new(), style, begin);
            }
            if begin < left || end > right {
                // Half of a wide letter: a blank for the half.
                run.0.push(' ');
                run.2 = run.2.max(left);
            } else {
                run.0.push_str(&shown(&letter));
            }
        }
        flush(&mut run, left, line, buf);
        if cell > right {
            let at = (line.right().saturating_sub(1), line.y);
            put(buf, at, 1, theme.symbols.ellipsis, theme.muted);
        }
    }

    /// What lies over the colours of a line: what is wrong, what was found, what is selected.
    fn overlays(&self, index: usize, text: &str, theme: &Theme) -> Vec<(Range<usize>, Style)> {
        let mut overlays: Vec<(Range<usize>, Style)> = self
            .marks_of(index)
            .iter()
            .filter(|mark| mark.weight < MarkWeight::Note)
            .map(|mark| (mark.columns.clone(), theme.fault))
            .collect();
        if let Some(pattern) = self.area.search_pattern() {
            let chars = |at: usize| text.get(..at).map_or(0, |before| before.chars().count());
            let found = pattern.find_iter(text).take(64);
            overlays.extend(found.map(|it| (chars(it.start())..chars(it.end()), theme.match_)));
        }
        if let Some((from, to)) = self.area.selection_range()
            && (from.0..=to.0).contains(&index)
        {
            let start = if index == from.0 { from.1 } else { 0 };
            let end = if index == to.0 { to.1 } else { usize::MAX };
            overlays.push((start..end, theme.selection));
        }
        overlays
    }

    /// What the word could become, under the cursor, or above it where there is no room.
    fn draw_offer(&self, cursor: Position, area: Rect, buf: &mut Buffer, theme: &Theme) {
        let Some(offer) = self
            .offer
            .as_ref()
            .filter(|offer| !offer.candidates.is_empty())
        else {
            return;
        };
        let below = usize::from(area.bottom().saturating_sub(cursor.y + 1));
        let above = usize::from(cursor.y.saturating_sub(area.y));
        let wanted = offer.candidates.len().min(SHOWN);
        let is_below = below >= wanted || below >= above;
        let count = wanted.min(if is_below { below } else { above });
        let first = (offer.index + 1).saturating_sub(count);
        let shown: Vec<Hint> = offer
            .candidates
            .iter()
            .skip(first)
            .take(count)
            .map(|candidate| Hint {
                key: clean(&candidate.text).into_owned(),
                text: clean(&candidate.note).into_owned(),
            })
            .collect();
        let widest = |part: fn(&Hint) -> &str| shown.iter().map(|hint| width16(part(hint))).max();
        let keys = widest(|hint| &hint.key).unwrap_or(0);
        let texts = widest(|hint| &hint.text).unwrap_or(0);
        let width = keys.saturating_add(texts).saturating_add(4).min(area.width);
        let height = u16::try_from(shown.len()).unwrap_or(0);
        let word = width16(&clean(self.word()));
        let x = cursor.x.saturating_sub(word.saturating_add(1)).max(area.x);
        let place = Rect {
            x: x.min(area.right().saturating_sub(width)),
            y: if is_below {
                cursor.y.saturating_add(1)
            } else {
                cursor.y.saturating_sub(height)
            },
            width,
            height,
        };
        fill(place, buf, theme.offer);
        for ((hint, index), y) in shown.iter().zip(first..).zip(place.top()..place.bottom()) {
            let row = Rect {
                y,
                height: 1,
                ..place
            };
            let room = |x: u16| row.right().saturating_sub(x);
            let x = row.x.saturating_add(1);
            let key = cut_end(&hint.key, room(x).into(), theme.symbols.ellipsis);
            put(buf, (x, y), room(x), &key, theme.offer);
            let x = x.saturating_add(keys).saturating_add(2);
            let text = cut_end(&hint.text, room(x).into(), theme.symbols.ellipsis);
            put(buf, (x, y), room(x), &text, theme.offer);
            if index == offer.index {
                buf.set_style(row, theme.offer_chosen);
            }
        }
    }
}

/// The run so far, to its place; what follows begins a new one.
fn flush(run: &mut (String, Style, usize), left: usize, line: Rect, buf: &mut Buffer) {
    let (text, style, begin) = run;
    if text.is_empty() {
        return;
    }
    let offset = u16::try_from(begin.saturating_sub(left)).unwrap_or(u16::MAX);
    let x = line.x.saturating_add(offset);
    put(
        buf,
        (x, line.y),
        line.right().saturating_sub(x),
        text,
        *style,
    );
}

fn place(line: &str, column: usize, left: usize, at: Rect) -> Option<Position> {
    let cells = cells_before(line, column).checked_sub(left)?;
    let x = at.x.saturating_add(u16::try_from(cells).ok()?);
    (x < at.right()).then(|| Position::new(x, at.y))
}

/// The sentences, each with a branch; the line after them.
fn draw_notes(
    notes: &[(MarkWeight, String)],
    area: Rect,
    bottom: u16,
    buf: &mut Buffer,
    theme: &Theme,
) -> u16 {
    let mut y = area.y;
    for (number, (weight, text)) in notes.iter().enumerate() {
        if y >= bottom {
            break;
        }
        let (_, style) = sign(*weight, theme);
        let branch = if number == 0 {
            theme.symbols.branch
        } else {
            " "
        };
        let line = format!("{branch} {text}");
        put(buf, (area.x, y), area.width, &line, style);
        y += 1;
    }
    y
}

fn sign(weight: MarkWeight, theme: &Theme) -> (&'static str, Style) {
    match weight {
        MarkWeight::Error => (theme.symbols.cross, theme.problem_critical),
        MarkWeight::Warning => (theme.symbols.warn, theme.problem_warning),
        MarkWeight::Note => (theme.symbols.note, theme.problem_note),
    }
}

fn colour(paint: Paint, theme: &Theme) -> Style {
    match paint {
        Paint::Plain => Style::new(),
        Paint::Key => theme.code_key,
        Paint::Text | Paint::Secret => theme.code_text,
        Paint::Value => theme.code_value,
        Paint::Comment => theme.code_comment,
        Paint::Sign => theme.code_sign,
    }
}
