//! Keys to actions: what a press means here, which key does an action, which keys may follow.
//!
//! Not here: reading files (the caller hands the text over) and acting on an action (`app`, `panes`).
//! Invariant: a bad user file never stops the start; what is wrong in it is complained about and skipped.
//! Help, hints, menus and `bramble keys` are made from these tables, so they cannot lie.

pub mod key;
mod load;
pub mod table;

use std::path::Path;

use crossterm::event::{KeyEvent, KeyEventKind};

use crate::action::Action;
use crate::complaint::Complaint;
use crate::keymap::key::Key;
use crate::keymap::load::Tables;
use crate::keymap::table::{Bindings, Match, Table};

/// Every binding of the program, table by table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keymap {
    tables: Tables,
}

/// The presses of an unfinished sequence, such as the first `g` of `g g`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pending {
    keys: Vec<Key>,
}

impl Pending {
    /// Whether no sequence has been begun.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Forgets the sequence.
    pub fn clear(&mut self) {
        self.keys.clear();
    }

    /// The presses so far, as a file would write them.
    pub fn shown(&self) -> String {
        key::display(&self.keys)
    }
}

/// What a press means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lookup {
    /// The press, or the sequence it ends, means this.
    Action(Action),
    /// A sequence has begun; the next press decides.
    Pending,
    /// Nothing is bound to it here.
    Nothing,
}

impl Keymap {
    /// The names of the shipped keymaps.
    pub fn preset_names() -> Vec<&'static str> {
        load::PRESETS.iter().map(|(name, _)| *name).collect()
    }

    /// A shipped keymap with the user's file merged over it, key by key.
    /// `preset` counts unless the file says `inherits`. The path only names the file in complaints.
    pub fn load(preset: &str, user: Option<(&Path, &str)>) -> (Keymap, Vec<Complaint>) {
        let mut complaints = Vec::new();
        let tables = match user {
            None => load::preset(preset, &mut complaints),
            Some((path, text)) => {
                let file = load::file(path.display().to_string(), text);
                let base = file.inherits.as_deref().unwrap_or(preset);
                let base = load::preset(base, &mut complaints);
                load::put_over(base, file, &mut complaints)
            }
        };
        (Keymap { tables }, complaints)
    }

    /// What a press means when `tables` apply, innermost first. Releases mean nothing.
    pub fn look_up(&self, pending: &mut Pending, tables: &[Table], event: KeyEvent) -> Lookup {
        if event.kind == KeyEventKind::Release {
            return Lookup::Nothing;
        }
        pending.keys.push(Key::from_event(event));
        let lookup = self.find(tables, &pending.keys);
        if lookup != Lookup::Pending {
            pending.clear();
        }
        lookup
    }

    /// The keys of an action when `tables` apply, in the short form for hints: `ctrl-d`, `g g`.
    pub fn keys_for(&self, tables: &[Table], action: Action) -> Option<String> {
        self.rows(tables)
            .find(|(keys, bound)| {
                *bound == action && self.find(tables, keys) == Lookup::Action(action)
            })
            .map(|(keys, _)| key::display(keys))
    }

    /// The presses that may follow an unfinished sequence, each with its meaning.
    pub fn next_keys(&self, pending: &Pending, tables: &[Table]) -> Vec<(String, Action)> {
        let begun = &pending.keys;
        self.rows(tables)
            .filter(|(keys, _)| keys.len() > begun.len() && keys.starts_with(begun))
            .filter(|(keys, action)| self.find(tables, keys) == Lookup::Action(*action))
            .map(|(keys, action)| {
                let rest: Vec<Key> = keys.iter().skip(begun.len()).copied().collect();
                (key::display(&rest), action)
            })
            .collect()
    }

    /// The bindings of one table for help: all keys of an action in one row, in the order of `Action::ALL`.
    pub fn bindings(&self, table: Table) -> Vec<(String, Action)> {
        let tables = [table];
        let rows: Vec<(&[Key], Action)> = self.rows(&tables).collect();
        let keys_of = |action: Action| {
            let keys: Vec<String> = rows
                .iter()
                .filter(|(_, bound)| *bound == action)
                .map(|(keys, _)| key::display(keys))
                .collect();
            (!keys.is_empty()).then(|| (keys.join(", "), action))
        };
        Action::ALL.iter().copied().filter_map(keys_of).collect()
    }

    fn find(&self, tables: &[Table], keys: &[Key]) -> Lookup {
        for table in tables {
            let Some(rows) = self.tables.get(table) else {
                continue;
            };
            match rows.find(keys) {
                Match::Exact(Some(action)) => return Lookup::Action(action),
                Match::Exact(None) => return Lookup::Nothing,
                Match::Prefix => return Lookup::Pending,
                Match::Nothing => {}
            }
        }
        Lookup::Nothing
    }

    fn rows<'a>(&'a self, tables: &'a [Table]) -> impl Iterator<Item = (&'a [Key], Action)> {
        tables
            .iter()
            .filter_map(|table| self.tables.get(table))
            .flat_map(Bindings::rows)
            .filter_map(|row| Some((row.keys.as_slice(), row.action?)))
    }
}

#[cfg(test)]
mod tests;
