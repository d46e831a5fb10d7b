//! TOML to tables: the shipped presets, a user's file over them, and a complaint for every mistake.
//!
//! Not here: reading the user's file from disk (the caller does) and looking keys up (`keymap`).
//! Invariant: a bad entry is skipped and complained about; everything else in the file holds.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use crate::action::Action;
use crate::complaint::{Complaint, Source, nearest, quoted};
use crate::keymap::key::{self, Key};
use crate::keymap::table::{Binding, Bindings, Table};

/// The tables of a keymap while it is put together.
pub(super) type Tables = BTreeMap<Table, Bindings>;

/// The shipped files by name.
pub(super) const PRESETS: [(&str, &str); 3] = [
    ("default", include_str!("../../keymaps/default.toml")),
    ("k9s", include_str!("../../keymaps/k9s.toml")),
    ("vim", include_str!("../../keymaps/vim.toml")),
];

/// More presses than this for one action is a mistake in the file.
const LONGEST_SEQUENCE: usize = 4;

/// A shipped preset with what it inherits; an unknown name gives the default and a complaint.
pub(super) fn preset(name: &str, complaints: &mut Vec<Complaint>) -> Tables {
    let Some((_, text)) = PRESETS.iter().find(|(preset, _)| *preset == name) else {
        complaints.push(unknown_preset(name));
        let [(default, _), ..] = PRESETS;
        return preset(default, complaints);
    };
    let file = file(format!("keymaps/{name}.toml"), text);
    let base = match &file.inherits {
        // A shipped file that inherits itself would never end.
        Some(base) if base != name => preset(base, complaints),
        _ => Tables::new(),
    };
    put_over(base, file, complaints)
}

/// Where each binding of a table stands in its file.
type Places = Vec<(Vec<Key>, Range<usize>)>;

/// What one file says, before it is put over anything.
pub(super) struct File<'a> {
    pub(super) inherits: Option<String>,
    tables: Tables,
    source: Source<'a>,
    /// Where the bindings that hold everywhere stand in the file.
    global: Places,
}

/// Reads one file.
pub(super) fn file(name: String, text: &str) -> File<'_> {
    let mut source = Source::new(name, text);
    let mut inherits = None;
    let mut tables = Tables::new();
    let mut global = Vec::new();
    for (name, value) in in_file_order(source.parse()) {
        match (name.get_ref().as_ref(), value.get_ref()) {
            ("inherits", DeValue::String(base)) => {
                if is_preset(&mut source, base, &value.span()) {
                    inherits = Some(base.clone().into_owned());
                }
            }
            ("inherits", _) => source.complain_type("inherits", "the name of a keymap", &value),
            (table, DeValue::Table(entries)) => match Table::from_name(table) {
                Some(table) => {
                    let (rows, places) = read_table(&mut source, table, entries.clone());
                    tables.insert(table, rows);
                    if table == Table::Global {
                        global = places;
                    }
                }
                None => complain_table(&mut source, table, &name.span()),
            },
            (other, _) => {
                let message = format!("{} stands outside a table", quoted(other));
                source.complain(&name.span(), message);
            }
        }
    }
    File {
        inherits,
        tables,
        source,
        global,
    }
}

/// Puts the tables of `file` over those of `base`, key by key, and passes its complaints on.
pub(super) fn put_over(
    base: Tables,
    mut file: File<'_>,
    complaints: &mut Vec<Complaint>,
) -> Tables {
    let mut tables = base;
    for (table, rows) in file.tables {
        tables.entry(table).or_default().put_over(rows);
    }
    // Lists are asked before the global table: a short key there hides a longer one here.
    for (keys, span) in file.global {
        let list = tables.get(&Table::List);
        if let Some(rival) = list.and_then(|list| list.hides(&keys)) {
            let (keys, rival) = (key::display(&keys), key::display(&rival.keys));
            let message = format!("\"{keys}\" is hidden by \"{rival}\" of [list]");
            file.source.complain(&span, message);
        }
    }
    complaints.extend(file.source.into_complaints());
    tables
}

fn unknown_preset(name: &str) -> Complaint {
    Complaint {
        file: String::new(),
        line: 0,
        column: 0,
        message: format!("unknown keymap {}", quoted(name)),
        nearest: nearest(name, PRESETS.iter().map(|(preset, _)| *preset)),
    }
}

fn is_preset(source: &mut Source<'_>, name: &str, span: &Range<usize>) -> bool {
    let names = || PRESETS.iter().map(|(preset, _)| *preset);
    if names().any(|preset| preset == name) {
        return true;
    }
    let message = format!("unknown keymap {}", quoted(name));
    source.complain_nearest(span, message, nearest(name, names()));
    false
}

fn complain_table(source: &mut Source<'_>, name: &str, span: &Range<usize>) {
    let names: Vec<String> = Table::all().map(Table::name).collect();
    let nearest = nearest(name, names.iter().map(String::as_str));
    let message = format!("unknown table {}", quoted(name));
    source.complain_nearest(span, message, nearest);
}

fn read_table(source: &mut Source<'_>, table: Table, entries: DeTable<'_>) -> (Bindings, Places) {
    let mut rows = Bindings::default();
    let mut places = Vec::new();
    for (name, value) in in_file_order(entries) {
        let keys = read_keys(source, &name);
        let action = read_action(source, &value);
        let (Some(keys), Some(action)) = (keys, action) else {
            continue;
        };
        let binding = Binding { keys, action };
        if let Some(message) = objection(table, &rows, &binding) {
            source.complain(&name.span(), message);
            continue;
        }
        places.push((binding.keys.clone(), name.span()));
        rows.push(binding);
    }
    (rows, places)
}

/// Why a well-formed binding is refused all the same.
fn objection(table: Table, rows: &Bindings, binding: &Binding) -> Option<String> {
    let keys = key::display(&binding.keys);
    if let Some(other) = binding.keys.iter().find_map(|key| key.taken_over_by()) {
        return Some(format!(
            "a terminal sends \"{other}\" for \"{keys}\"; bind that"
        ));
    }
    if let Some(action) = binding.action.filter(|action| action.is_writer())
        && binding.keys.iter().any(|key| key.is_ctrl_letter())
    {
        let name = action.info().name;
        return Some(format!(
            "\"{keys}\" cannot be \"{name}\": nothing that changes the cluster is on ctrl and a letter"
        ));
    }
    let rival = rows.rival(&binding.keys)?;
    let other = key::display(&rival.keys);
    Some(match rival.keys.len().cmp(&binding.keys.len()) {
        std::cmp::Ordering::Equal => format!("\"{keys}\" stands twice in [{}]", table.name()),
        std::cmp::Ordering::Less => format!("\"{keys}\" is hidden by \"{other}\""),
        std::cmp::Ordering::Greater => format!("\"{keys}\" would hide \"{other}\""),
    })
}

fn read_keys(source: &mut Source<'_>, name: &Spanned<DeString<'_>>) -> Option<Vec<Key>> {
    let text = name.get_ref().as_ref();
    let mut keys = Vec::new();
    for word in text.split_whitespace() {
        let Some(key) = Key::parse(word) else {
            let candidates = key::candidates(word);
            let nearest = nearest(word, candidates.iter().map(String::as_str));
            let message = format!("unknown key {}", quoted(word));
            source.complain_nearest(&name.span(), message, nearest);
            return None;
        };
        keys.push(key);
    }
    match keys.len() {
        0 => source.complain(&name.span(), "a binding needs a key".into()),
        1..=LONGEST_SEQUENCE => return Some(keys),
        _ => source.complain(
            &name.span(),
            format!("{} has more than {LONGEST_SEQUENCE} presses", quoted(text)),
        ),
    }
    None
}

/// The outer `None` is a mistake, the inner one a key that is silenced.
#[expect(
    clippy::option_option,
    reason = "three answers: wrong, silenced, an action"
)]
fn read_action(source: &mut Source<'_>, value: &Spanned<DeValue<'_>>) -> Option<Option<Action>> {
    match value.get_ref() {
        DeValue::String(name) => {
            let action = Action::from_name(name);
            if action.is_some() {
                return Some(action);
            }
            let names = Action::ALL.iter().map(|action| action.info().name);
            let nearest = nearest(name, names);
            let message = format!("unknown action {}", quoted(name));
            source.complain_nearest(&value.span(), message, nearest);
        }
        DeValue::Boolean(false) => return Some(None),
        _ => source.complain_type("a binding", "the name of an action or false", value),
    }
    None
}

fn in_file_order(table: DeTable<'_>) -> Vec<(Spanned<DeString<'_>>, Spanned<DeValue<'_>>)> {
    let mut entries: Vec<_> = table.into_iter().collect();
    entries.sort_by_key(|(name, _)| name.span().start);
    entries
}
