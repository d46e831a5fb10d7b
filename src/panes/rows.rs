//! The cursor and the marks of a table, held by identity: they follow the object, not the row.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::action::Action;
use crate::ui::table::layout::offset_for_lines;

/// For so long after the row under the cursor changed by itself, nothing dangerous is done with it.
const SETTLE: Duration = Duration::from_millis(400);

/// Cursor, marks and scroll position over rows that are known by `Id`.
#[derive(Debug, Clone)]
pub(crate) struct Rows<Id> {
    cursor: Option<Id>,
    /// Where the cursor was last, for when its object goes away.
    index: usize,
    offset: usize,
    marked: BTreeSet<Id>,
    /// When the object under the cursor last went away.
    shifted: Option<Duration>,
    /// The user has narrowed or widened the rows: who slides under the cursor then was sent there.
    is_own_doing: bool,
}

impl<Id> Default for Rows<Id> {
    fn default() -> Self {
        Self {
            cursor: None,
            index: 0,
            offset: 0,
            marked: BTreeSet::new(),
            shifted: None,
            is_own_doing: false,
        }
    }
}

impl<Id: Ord + Clone> Rows<Id> {
    /// Where the cursor stands among `ids`; `None` only when there are no rows.
    pub(crate) fn index(&self, ids: &[Id]) -> Option<usize> {
        let found = self
            .cursor
            .as_ref()
            .and_then(|cursor| ids.iter().position(|id| id == cursor));
        found.or_else(|| ids.len().checked_sub(1).map(|last| self.index.min(last)))
    }

    /// The object under the cursor.
    pub(crate) fn current<'a>(&self, ids: &'a [Id]) -> Option<&'a Id> {
        self.index(ids).and_then(|index| ids.get(index))
    }

    /// The first row to draw in a window of `height` rows, so that the cursor is in it.
    pub(crate) fn offset(&self, ids: &[Id], height: usize) -> usize {
        let index = self.index(ids).unwrap_or_default();
        let lowest = (index + 1).saturating_sub(height.max(1));
        let last_full = ids.len().saturating_sub(height);
        self.offset
            .clamp(lowest, index.max(lowest))
            .min(last_full.max(lowest))
    }

    /// Rows have come or gone: keeps the cursor on its object, or on the neighbour of one that is gone.
    pub(crate) fn settle(&mut self, ids: &[Id], now: Duration) {
        let Some(index) = self.index(ids) else { return };
        let is_there = self
            .cursor
            .as_ref()
            .is_some_and(|cursor| ids.get(index) == Some(cursor));
        let is_own_doing = std::mem::take(&mut self.is_own_doing);
        if self.cursor.is_some() && !is_there && !is_own_doing {
            self.shifted = Some(now);
        }
        self.put(ids, index);
        self.marked.retain(|marked| ids.contains(marked));
    }

    /// The user chooses other rows: what then stands under the cursor did not slide there by itself.
    pub(crate) fn chosen_anew(&mut self) {
        self.is_own_doing = true;
    }

    pub(crate) fn is_chosen_anew(&self) -> bool {
        self.is_own_doing
    }

    /// True when another object slid under the cursor a moment ago.
    pub(crate) fn is_unsettled(&self, now: Duration) -> bool {
        self.shifted
            .is_some_and(|at| now.saturating_sub(at) < SETTLE)
    }

    pub(crate) fn select(&mut self, ids: &[Id], id: &Id) -> bool {
        let found = ids.iter().position(|known| known == id);
        if let Some(index) = found {
            self.put(ids, index);
        }
        found.is_some()
    }

    /// The first row to draw in a window of `height` lines, when rows take several.
    pub(crate) fn offset_in_lines(&self, ids: &[Id], height: usize, lines: &[u16]) -> usize {
        let index = self.index(ids).unwrap_or_default();
        let height = u16::try_from(height).unwrap_or(u16::MAX);
        offset_for_lines(index, self.offset, height, lines)
    }

    /// The same as [`Rows::on_action`] for rows that take several lines.
    pub(crate) fn on_action_in_lines(
        &mut self,
        action: Action,
        ids: &[Id],
        height: usize,
        lines: &[u16],
    ) -> bool {
        let is_movement = self.moved(action, ids, height);
        if is_movement {
            self.offset = self.offset_in_lines(ids, height, lines);
        }
        is_movement
    }

    /// Moves the cursor. False when `action` is not a movement.
    pub(crate) fn on_action(&mut self, action: Action, ids: &[Id], height: usize) -> bool {
        let is_movement = self.moved(action, ids, height);
        if is_movement {
            self.offset = self.offset(ids, height);
        }
        is_movement
    }

    fn moved(&mut self, action: Action, ids: &[Id], height: usize) -> bool {
        let index = self.index(ids).unwrap_or_default();
        let last = ids.len().saturating_sub(1);
        let page = height.max(1);
        let half = (height / 2).max(1);
        let to = match action {
            Action::RowDown => index + 1,
            Action::RowUp => index.saturating_sub(1),
            Action::HalfDown => index + half,
            Action::HalfUp => index.saturating_sub(half),
            Action::PageDown => index + page,
            Action::PageUp => index.saturating_sub(page),
            Action::GoTop => 0,
            Action::GoBottom => last,
            Action::RowMark => {
                self.toggle_mark(ids);
                index + 1
            }
            _ => return false,
        };
        self.put(ids, to.min(last));
        true
    }

    pub(crate) fn is_marked(&self, id: &Id) -> bool {
        self.marked.contains(id)
    }

    pub(crate) fn marked(&self) -> &BTreeSet<Id> {
        &self.marked
    }

    /// Removes all marks. False when there were none.
    pub(crate) fn clear_marks(&mut self) -> bool {
        let had = !self.marked.is_empty();
        self.marked.clear();
        had
    }

    fn toggle_mark(&mut self, ids: &[Id]) {
        let Some(id) = self.current(ids) else { return };
        if !self.marked.remove(id) {
            self.marked.insert(id.clone());
        }
    }

    fn put(&mut self, ids: &[Id], index: usize) {
        self.index = index;
        self.cursor = ids.get(index).cloned();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Duration = Duration::from_secs(100);

    #[test]
    fn the_cursor_follows_its_object_when_rows_come_and_go_above() {
        let mut rows = Rows::default();
        rows.on_action(Action::RowDown, &["a", "b", "c"], 10);
        rows.settle(&["0", "a", "b", "c"], START);
        assert_eq!(rows.current(&["0", "a", "b", "c"]), Some(&"b"));
        assert!(!rows.is_unsettled(START));
    }

    #[test]
    fn when_its_object_goes_the_neighbour_slides_under_it_and_is_not_to_be_trusted_yet() {
        let mut rows = Rows::default();
        rows.on_action(Action::RowDown, &["a", "b", "c"], 10);
        rows.settle(&["a", "c"], START);
        assert_eq!(rows.current(&["a", "c"]), Some(&"c"));
        assert!(rows.is_unsettled(START + Duration::from_millis(399)));
        assert!(!rows.is_unsettled(START + Duration::from_millis(400)));
    }

    #[test]
    fn what_a_filter_puts_under_the_cursor_can_be_acted_on_at_once() {
        let mut rows = Rows::default();
        rows.on_action(Action::RowDown, &["a", "b", "c"], 10);
        rows.chosen_anew();
        rows.settle(&["a", "c"], START);
        assert_eq!(rows.current(&["a", "c"]), Some(&"c"));
        assert!(!rows.is_unsettled(START));
        rows.settle(&["a"], START);
        assert!(rows.is_unsettled(START), "what goes by itself still counts");
    }

    #[test]
    fn movements_stop_at_both_ends_and_keep_the_cursor_in_the_window() {
        let ids: Vec<u32> = (0..100).collect();
        let mut rows = Rows::default();
        for (action, index, offset) in [
            (Action::RowUp, 0, 0),
            (Action::PageDown, 10, 1),
            (Action::HalfDown, 15, 6),
            (Action::GoBottom, 99, 90),
            (Action::RowDown, 99, 90),
            (Action::RowUp, 98, 90),
            (Action::GoTop, 0, 0),
        ] {
            assert!(rows.on_action(action, &ids, 10));
            assert_eq!(
                (rows.index(&ids), rows.offset(&ids, 10)),
                (Some(index), offset),
                "{action:?}"
            );
        }
        assert!(!rows.on_action(Action::Quit, &ids, 10));
    }

    #[test]
    fn marks_stay_on_their_objects_and_vanish_with_them() {
        let mut rows = Rows::default();
        rows.on_action(Action::RowMark, &["a", "b"], 10);
        assert!(rows.is_marked(&"a"));
        assert_eq!(rows.current(&["a", "b"]), Some(&"b"), "marking moves on");
        rows.settle(&["b"], START);
        assert!(rows.marked().is_empty());
    }

    #[test]
    fn an_empty_table_has_no_current_row() {
        let mut rows: Rows<u8> = Rows::default();
        rows.on_action(Action::RowDown, &[], 0);
        assert_eq!((rows.current(&[]), rows.offset(&[], 0)), (None, 0));
    }
}
