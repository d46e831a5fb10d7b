//! The log of a job on a page: its rows, which sections are folded, and where one reads.
//!
//! Which rows are shown is worked out when something changes, not when it is drawn: a log may have a million.

use std::collections::HashMap;
use std::sync::Arc;

use crate::action::Action;
use crate::panes::scrolled;
use crate::rack::Rack;
use crate::rack::pipeline::state::OpenTrace;
use crate::rack::trace::{Row, RowKind, SectionIndex, Trace};

/// How a log is looked at.
#[derive(Debug, Default)]
pub(super) struct LogPage {
    /// Only lines with this text.
    pub(super) filter: String,
    /// Sections that a person has folded or unfolded; the others are as their writer wants them.
    folded: HashMap<SectionIndex, bool>,
    /// The rows that are shown: indices into the rows of the log.
    shown: Vec<usize>,
    /// Something has changed since `shown` was made.
    pub(super) is_old: bool,
    /// The row the keys act on, and the first one in the window: indices into `shown`.
    pub(super) cursor: usize,
    pub(super) top: usize,
    /// The cursor is at the end and stays there when more comes.
    is_left_end: bool,
    pub(super) shows_times: bool,
}

impl LogPage {
    /// Brings the rows up to date.
    pub(super) fn settle(&mut self, open: Option<&OpenTrace>, height: usize) {
        let Some(open) = open else {
            return self.shown.clear();
        };
        if self.is_old || self.shown.is_empty() {
            self.is_old = false;
            let reading = self.shown.get(self.cursor).copied();
            self.shown = self.wanted(&open.trace);
            let last = self.shown.len().saturating_sub(1);
            self.cursor = match reading {
                Some(row) if self.is_left_end => {
                    self.shown.partition_point(|it| *it < row).min(last)
                }
                _ => last,
            };
        }
        self.keep_in_window(height);
    }

    fn keep_in_window(&mut self, height: usize) {
        let height = height.max(1);
        let lowest = (self.cursor + 1).saturating_sub(height);
        let last_full = self.shown.len().saturating_sub(height);
        self.top = self
            .top
            .clamp(lowest, self.cursor.max(lowest))
            .min(last_full.max(lowest));
    }

    fn wanted(&self, trace: &Arc<Trace>) -> Vec<usize> {
        let wanted = self.filter.to_lowercase();
        let is_folded: Vec<bool> = (trace.sections().iter().enumerate())
            .map(|(index, section)| {
                let by_person = SectionIndex::new(index).and_then(|it| self.folded.get(&it));
                by_person.copied().unwrap_or(section.is_collapsed)
            })
            .collect();
        // A section is hidden when one around it is folded; those around come first in the list.
        let mut is_hidden: Vec<bool> = Vec::with_capacity(is_folded.len());
        for section in trace.sections() {
            let hides = section.parent.is_some_and(|parent| {
                let at = parent.get();
                is_hidden.get(at) == Some(&true) || is_folded.get(at) == Some(&true)
            });
            is_hidden.push(hides);
        }
        let is_shown = |row: &Row| match row.section {
            Some(section) => {
                let at = section.get();
                is_hidden.get(at) != Some(&true) && is_folded.get(at) != Some(&true)
            }
            None => true,
        };
        (trace.rows().iter().enumerate())
            .filter(|(_, row)| {
                if wanted.is_empty() {
                    is_shown(row)
                } else {
                    trace.plain(row).to_lowercase().contains(&wanted)
                }
            })
            .map(|(index, _)| index)
            .collect()
    }

    pub(super) fn shown(&self) -> &[usize] {
        &self.shown
    }

    /// Whether a section is folded now.
    pub(super) fn is_folded(&self, index: SectionIndex, trace: &Trace) -> bool {
        let by_writer = trace.sections().get(index.get());
        let by_writer = by_writer.is_some_and(|section| section.is_collapsed);
        self.folded.get(&index).copied().unwrap_or(by_writer)
    }

    pub(super) fn has_error(rack: &Rack) -> bool {
        let open = rack.builds.trace.as_ref();
        open.is_some_and(|open| open.trace.finding().first_error.is_some())
    }

    pub(super) fn on_action(&mut self, action: Action, open: Option<&OpenTrace>, height: usize) {
        let Some(open) = open else {
            return;
        };
        let trace = &open.trace;
        let mut cursor = self.cursor;
        if scrolled(&mut cursor, action, self.shown.len(), 1) {
            self.cursor = match action {
                Action::HalfDown | Action::PageDown | Action::HalfUp | Action::PageUp => {
                    self.paged(action, height)
                }
                _ => cursor,
            };
            self.is_left_end = self.cursor + 1 < self.shown.len();
            return self.keep_in_window(height);
        }
        match action {
            Action::WideToggle => self.shows_times = !self.shows_times,
            Action::RowOpen => self.toggle(trace),
            Action::LogError => {
                if let Some(row) = trace.finding().first_error {
                    self.go_to(row, trace);
                }
            }
            _ => {}
        }
        self.settle(Some(open), height);
    }

    fn paged(&self, action: Action, height: usize) -> usize {
        let last = self.shown.len().saturating_sub(1);
        let half = (height / 2).max(1);
        let to = match action {
            Action::HalfDown => self.cursor + half,
            Action::PageDown => self.cursor + height,
            Action::HalfUp => self.cursor.saturating_sub(half),
            _ => self.cursor.saturating_sub(height),
        };
        to.min(last)
    }

    /// Folds or unfolds the section whose title the cursor is on, or which it is in.
    fn toggle(&mut self, trace: &Arc<Trace>) {
        let row = self
            .shown
            .get(self.cursor)
            .and_then(|at| trace.rows().get(*at));
        let Some((RowKind::Head(section), _) | (RowKind::Text, Some(section))) =
            row.map(|row| (row.kind, row.section))
        else {
            return;
        };
        let was = self.is_folded(section, trace);
        self.folded.insert(section, !was);
        self.is_old = true;
        self.is_left_end = true;
        if let Some(head) = trace.sections().get(section.get()).map(|it| it.head) {
            self.shown = self.wanted(trace);
            self.cursor = self.shown.partition_point(|it| *it < head);
        }
    }

    /// Puts the cursor on a row, in sections that are unfolded for it.
    fn go_to(&mut self, row: usize, trace: &Arc<Trace>) {
        self.filter.clear();
        let mut section = trace.rows().get(row).and_then(|row| row.section);
        while let Some(index) = section {
            self.folded.insert(index, false);
            section = trace.sections().get(index.get()).and_then(|it| it.parent);
        }
        self.shown = self.wanted(trace);
        self.cursor = self.shown.partition_point(|it| *it < row);
        self.is_left_end = true;
    }
}
