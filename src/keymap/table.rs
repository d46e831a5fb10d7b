//! The tables of a keymap, and the bindings in one of them.
//!
//! Not here: reading them from files (`load`) and asking several in turn (`keymap`).
//! Invariant: within a table no binding is a prefix of another, so every binding can be reached.

use crate::action::{Action, PaneId};
use crate::keymap::key::Key;

/// Where a binding holds. The caller of a look-up lists the tables that apply, innermost first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Table {
    /// Everywhere but in pop-ups and text fields.
    Global,
    /// Every pane that shows rows, and every page that scrolls.
    List,
    /// One pane.
    Pane(PaneId),
    /// The detail page of a row.
    Detail,
    /// What a change would do, before it is written.
    Preview,
    /// Menus, help and text pages.
    Popup,
    /// A question that is waiting for yes or no.
    Question,
    /// Where a name must be typed, and a form of several fields; letters belong to the text.
    Form,
    /// The line where a filter or a command is typed; letters belong to the text.
    Prompt,
    /// A text of many lines while it is typed; everything that is not here belongs to the text.
    Editor,
}

impl Table {
    /// Every table, in the order of the help page.
    pub fn all() -> impl Iterator<Item = Table> {
        let panes = PaneId::ALL.iter().copied().map(Table::Pane);
        let inner = [
            Table::Detail,
            Table::Preview,
            Table::Popup,
            Table::Question,
            Table::Form,
            Table::Prompt,
            Table::Editor,
        ];
        [Table::Global, Table::List]
            .into_iter()
            .chain(panes)
            .chain(inner)
    }

    /// The name in a file: `[list]`.
    pub fn name(self) -> String {
        self.title().to_lowercase()
    }

    /// The name above its keys on the help page.
    pub fn title(self) -> &'static str {
        match self {
            Table::Global => "Global",
            Table::List => "List",
            Table::Pane(pane) => pane.title(),
            Table::Detail => "Detail",
            Table::Preview => "Preview",
            Table::Popup => "Popup",
            Table::Question => "Question",
            Table::Form => "Form",
            Table::Prompt => "Prompt",
            Table::Editor => "Editor",
        }
    }

    /// The table a file calls `name`.
    pub fn from_name(name: &str) -> Option<Table> {
        Table::all().find(|table| table.name() == name)
    }
}

/// Keys and what they mean; `None` silences a key that an outer table binds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Binding {
    pub(super) keys: Vec<Key>,
    pub(super) action: Option<Action>,
}

/// The bindings of one table, the user's own before the inherited ones.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Bindings {
    rows: Vec<Binding>,
}

/// How a sequence of keys stands in one table.
pub(super) enum Match {
    Exact(Option<Action>),
    /// The beginning of a longer binding.
    Prefix,
    Nothing,
}

impl Bindings {
    pub(super) fn rows(&self) -> &[Binding] {
        &self.rows
    }

    pub(super) fn find(&self, keys: &[Key]) -> Match {
        if let Some(row) = self.rows.iter().find(|row| row.keys == keys) {
            return Match::Exact(row.action);
        }
        match self.continuations(keys).next() {
            Some(_) => Match::Prefix,
            None => Match::Nothing,
        }
    }

    /// The bindings that begin with `keys` and go on.
    pub(super) fn continuations(&self, keys: &[Key]) -> impl Iterator<Item = &Binding> {
        let keys = keys.to_vec();
        self.rows
            .iter()
            .filter(move |row| row.action.is_some() && goes_on(&row.keys, &keys))
    }

    /// The binding that `keys` would hide or be hidden by, or that has the very same keys.
    pub(super) fn rival(&self, keys: &[Key]) -> Option<&Binding> {
        self.rows.iter().find(|row| are_rivals(&row.keys, keys))
    }

    /// The binding that is a real beginning of `keys`, so that they never come to their end.
    pub(super) fn hides(&self, keys: &[Key]) -> Option<&Binding> {
        self.rows.iter().find(|row| goes_on(keys, &row.keys))
    }

    pub(super) fn push(&mut self, binding: Binding) {
        self.rows.push(binding);
    }

    /// Puts `newer` over these bindings: what it names, hides or is hidden by goes.
    pub(super) fn put_over(&mut self, newer: Bindings) {
        let inherited = std::mem::replace(self, newer);
        for row in inherited.rows {
            if self.rival(&row.keys).is_none() {
                self.rows.push(row);
            }
        }
    }
}

fn goes_on(long: &[Key], short: &[Key]) -> bool {
    long.len() > short.len() && long.starts_with(short)
}

fn are_rivals(one: &[Key], other: &[Key]) -> bool {
    one.starts_with(other) || other.starts_with(one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_is_found_by_its_name() {
        for table in Table::all() {
            assert_eq!(Table::from_name(&table.name()), Some(table));
        }
    }

    #[test]
    fn a_newer_sequence_takes_the_place_of_the_short_key_it_starts_with() {
        let row = |keys: &str, action| Binding {
            keys: keys.split(' ').filter_map(Key::parse).collect(),
            action: Some(action),
        };
        let mut old = Bindings::default();
        old.push(row("g", Action::GoTop));
        old.push(row("G", Action::GoBottom));
        let mut newer = Bindings::default();
        newer.push(row("g g", Action::GoTop));
        old.put_over(newer);
        assert_eq!(
            old.rows(),
            [row("g g", Action::GoTop), row("G", Action::GoBottom)]
        );
    }
}
