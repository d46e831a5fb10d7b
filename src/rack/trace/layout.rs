//! Rows and sections from lines: which line is in which section.
//!
//! GitLab's rules: sections nest and may cross; an end without its beginning is dropped; the beginning of an open name
//! begins its time anew; what is not closed goes on to the end.

use std::collections::HashMap;
use std::time::Duration;

use super::Line;
use super::marker::Piece;

/// Deeper sections are plain rows.
const DEEPEST: usize = 100;
/// More sections are plain rows: nobody folds a hundred thousand.
const MOST: usize = 100_000;
const YEAR: i64 = 365 * 24 * 3_600;

/// One row of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    pub(super) line: u32,
    pub(super) piece: u16,
    pub kind: RowKind,
    /// The section it is in: an index into the sections.
    pub section: Option<SectionIndex>,
}

/// An index into the sections, as small as a niche makes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SectionIndex(std::num::NonZeroU32);

impl SectionIndex {
    pub fn new(index: usize) -> Option<SectionIndex> {
        let number = u32::try_from(index).ok()?.checked_add(1)?;
        std::num::NonZeroU32::new(number).map(SectionIndex)
    }

    pub fn get(self) -> usize {
        self.0.get() as usize - 1
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowKind {
    Text,
    /// The title of the section, which begins here.
    Head(SectionIndex),
}

/// A part of a log with a title.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// As GitLab compares it: `step-script`.
    pub name: String,
    /// The row of its title.
    pub head: usize,
    /// The row after its last one; `None` as long as it is open.
    pub end: Option<usize>,
    pub parent: Option<SectionIndex>,
    /// Its writer wants it folded at first.
    pub is_collapsed: bool,
    pub hides_duration: bool,
    began: i64,
    ended: Option<i64>,
}

impl Section {
    /// How long it took, as GitLab counts it: never less than nothing, never more than a year.
    pub fn duration(&self) -> Option<Duration> {
        let seconds = self.ended?.saturating_sub(self.began).clamp(0, YEAR);
        Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
    }
}

#[derive(Debug, Clone, Default)]
pub(super) struct Layout {
    pub(super) rows: Vec<Row>,
    pub(super) sections: Vec<Section>,
    open: Vec<SectionIndex>,
}

impl Layout {
    pub(super) fn of(lines: &[Line], pieces: &HashMap<u32, Vec<Piece>>) -> Layout {
        let mut layout = Layout {
            rows: Vec::with_capacity(lines.len()),
            ..Layout::default()
        };
        for (index, line) in (0_u32..).zip(lines) {
            if !line.is_in_pieces {
                layout.push(index, 0, RowKind::Text);
                continue;
            }
            for (place, piece) in (0_u16..).zip(pieces.get(&index).into_iter().flatten()) {
                match piece {
                    Piece::Text(_) => layout.push(index, place, RowKind::Text),
                    Piece::Begin { .. } => layout.begin(index, place, piece),
                    Piece::End { name, at } => layout.end(name, *at),
                }
            }
        }
        layout
    }

    fn push(&mut self, line: u32, piece: u16, kind: RowKind) {
        self.rows.push(Row {
            line,
            piece,
            kind,
            section: self.open.last().copied(),
        });
    }

    fn open(&self, name: &[u8]) -> Option<usize> {
        self.open.iter().rposition(|index| {
            let section = self.sections.get(index.get());
            section.is_some_and(|section| section.name.as_bytes() == name)
        })
    }

    fn begin(&mut self, line: u32, place: u16, piece: &Piece) {
        let Piece::Begin {
            name,
            at,
            is_collapsed,
            hides_duration,
            ..
        } = piece
        else {
            return;
        };
        if let Some(section) = self
            .open(name)
            .and_then(|place| self.open.get(place))
            .and_then(|index| self.sections.get_mut(index.get()))
        {
            section.began = *at;
            return self.push(line, place, RowKind::Text);
        }
        let has_room = self.open.len() < DEEPEST && self.sections.len() < MOST;
        let new = SectionIndex::new(self.sections.len());
        let Some(new) = new.filter(|_| has_room) else {
            return self.push(line, place, RowKind::Text);
        };
        self.sections.push(Section {
            name: String::from_utf8_lossy(name).into_owned(),
            head: self.rows.len(),
            end: None,
            parent: self.open.last().copied(),
            is_collapsed: *is_collapsed,
            hides_duration: *hides_duration,
            began: *at,
            ended: None,
        });
        self.push(line, place, RowKind::Head(new));
        self.open.push(new);
    }

    fn end(&mut self, name: &[u8], at: i64) {
        let Some(place) = self.open(name) else {
            return;
        };
        let index = self.open.remove(place);
        let row = self.rows.len();
        if let Some(section) = self.sections.get_mut(index.get()) {
            section.ended = Some(at);
            section.end = Some(row);
        }
    }
}
