//! TOML to a theme: the shipped files, a user's file over them, and a complaint for every mistake.
//!
//! Not here: reading the user's file from disk, and choosing a theme (config, `NO_COLOR`).
//! Invariant: a bad entry leaves the inherited style; every shipped file ends with all roles set.

use std::collections::BTreeSet;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use crate::complaint::{Complaint, Source, nearest, quoted};
use crate::theme::roles::{ROLES, Theme};
use crate::theme::style::{self, Palette};
use crate::theme::symbols::{self, Symbols};

/// The shipped files by name; the first is the default.
pub(super) const SHIPPED: [(&str, &str); 5] = [
    ("terminal", include_str!("../../themes/terminal.toml")),
    ("dark", include_str!("../../themes/dark.toml")),
    ("light", include_str!("../../themes/light.toml")),
    (
        "high-contrast",
        include_str!("../../themes/high-contrast.toml"),
    ),
    ("mono", include_str!("../../themes/mono.toml")),
];

/// The sets of signs a file can choose.
const SETS: [(&str, Symbols); 2] = [("unicode", symbols::UNICODE), ("ascii", symbols::ASCII)];

/// The entries of a table in the order of the file.
type Entries<'i> = Vec<(Spanned<DeString<'i>>, Spanned<DeValue<'i>>)>;

/// What comes of reading one or more files.
pub(super) struct Loaded {
    pub(super) theme: Theme,
    /// The roles that some file has set.
    pub(super) set: BTreeSet<String>,
    pub(super) complaints: Vec<Complaint>,
}

/// One file: its text for complaints, and its entries.
struct Layer<'a> {
    source: Source<'a>,
    table: DeTable<'a>,
}

/// A shipped theme with what it inherits; an unknown name gives the default and a complaint.
pub(super) fn shipped(name: &str) -> Loaded {
    let mut complaints = Vec::new();
    let layers = shipped_layers(name, &mut complaints);
    build(layers, complaints)
}

/// A user's file over what it inherits, or over the shipped theme `name`, or over the default.
pub(super) fn user(name: &str, file: String, text: &str) -> Loaded {
    let mut top = layer(file, text);
    let [(default, _), ..] = SHIPPED;
    let same_name = SHIPPED.iter().map(|(known, _)| *known).find(|n| *n == name);
    let base = inherits(&mut top);
    let base = base.as_deref().or(same_name).unwrap_or(default);
    let mut complaints = Vec::new();
    let mut layers = shipped_layers(base, &mut complaints);
    layers.push(top);
    build(layers, complaints)
}

fn layer(file: String, text: &str) -> Layer<'_> {
    let mut source = Source::new(file, text);
    let table = source.parse();
    Layer { source, table }
}

fn shipped_layers(name: &str, complaints: &mut Vec<Complaint>) -> Vec<Layer<'static>> {
    let Some((_, text)) = SHIPPED.iter().find(|(known, _)| *known == name) else {
        complaints.push(unknown_theme(name));
        let [(default, _), ..] = SHIPPED;
        return shipped_layers(default, complaints);
    };
    let mut top = layer(format!("themes/{name}.toml"), text);
    let mut layers = match inherits(&mut top) {
        // A shipped file that inherits itself would never end.
        Some(base) if base != name => shipped_layers(&base, complaints),
        _ => Vec::new(),
    };
    layers.push(top);
    layers
}

fn unknown_theme(name: &str) -> Complaint {
    Complaint {
        file: String::new(),
        line: 0,
        column: 0,
        message: format!("unknown theme {}", quoted(name)),
        nearest: nearest(name, SHIPPED.iter().map(|(known, _)| *known)),
    }
}

fn inherits(layer: &mut Layer<'_>) -> Option<String> {
    let value = layer.table.get("inherits")?;
    let names = || SHIPPED.iter().map(|(known, _)| *known);
    match value.get_ref() {
        DeValue::String(name) if names().any(|known| known == name) => {
            return Some(name.clone().into_owned());
        }
        DeValue::String(name) => {
            let message = format!("unknown theme {}", quoted(name));
            let near = nearest(name, names());
            layer.source.complain_nearest(&value.span(), message, near);
        }
        _ => layer
            .source
            .complain_type("inherits", "the name of a theme", value),
    }
    None
}

/// Puts the layers over each other. All palettes come first: a theme that only changes colours
/// changes them in the roles it inherits, too.
fn build(mut layers: Vec<Layer<'_>>, complaints: Vec<Complaint>) -> Loaded {
    let mut palette = Palette::new();
    for layer in &mut layers {
        put_palette(&mut palette, layer);
    }
    let mut loaded = Loaded {
        theme: Theme::plain(symbols::UNICODE),
        set: BTreeSet::new(),
        complaints,
    };
    for layer in layers {
        put_over(&mut loaded, &palette, layer);
    }
    loaded
}

fn put_palette(palette: &mut Palette, layer: &mut Layer<'_>) {
    let value = layer.table.remove("palette");
    for (name, value) in section(&mut layer.source, "palette", value) {
        if let Some(color) = style::color(&mut layer.source, palette, &value) {
            palette.insert(name.into_inner().into_owned(), color);
        }
    }
}

fn put_over(loaded: &mut Loaded, palette: &Palette, mut layer: Layer<'_>) {
    let source = &mut layer.source;
    for (name, value) in in_file_order(layer.table) {
        match name.get_ref().as_ref() {
            "inherits" => {}
            "symbols" => loaded.theme.symbols = set(source, &value, loaded.theme.symbols),
            "roles" => {
                let entries = section(source, "roles", Some(value));
                put_roles(loaded, palette, source, entries);
            }
            other => {
                let names = ["inherits", "symbols", "palette", "roles"];
                complain_name(source, "entry", other, &name.span(), names);
            }
        }
    }
    loaded.complaints.extend(layer.source.into_complaints());
}

fn put_roles(
    loaded: &mut Loaded,
    palette: &Palette,
    source: &mut Source<'_>,
    entries: Entries<'_>,
) {
    for (name, value) in entries {
        let role = name.get_ref().as_ref();
        let Some(slot) = loaded.theme.slot(role) else {
            let names = ROLES.iter().map(|(role, _)| *role);
            complain_name(source, "role", role, &name.span(), names);
            continue;
        };
        if let Some(style) = style::style(source, palette, &value) {
            *slot = style;
            loaded.set.insert(role.to_owned());
        }
    }
}

fn set(source: &mut Source<'_>, value: &Spanned<DeValue<'_>>, inherited: Symbols) -> Symbols {
    let DeValue::String(name) = value.get_ref() else {
        source.complain_type("symbols", "\"unicode\" or \"ascii\"", value);
        return inherited;
    };
    match SETS.iter().find(|(known, _)| known == name) {
        Some((_, set)) => *set,
        None => {
            let names = SETS.iter().map(|(known, _)| *known);
            complain_name(source, "set of symbols", name, &value.span(), names);
            inherited
        }
    }
}

/// The entries of a table in the file; nothing when it is absent or not a table.
fn section<'i>(
    source: &mut Source<'_>,
    name: &str,
    value: Option<Spanned<DeValue<'i>>>,
) -> Entries<'i> {
    let Some(value) = value else {
        return Entries::new();
    };
    match value.get_ref() {
        DeValue::Table(entries) => in_file_order(entries.clone()),
        _ => {
            source.complain_type(name, "a table", &value);
            Entries::new()
        }
    }
}

fn complain_name<'c>(
    source: &mut Source<'_>,
    what: &str,
    name: &str,
    span: &Range<usize>,
    names: impl IntoIterator<Item = &'c str>,
) {
    let message = format!("unknown {what} {}", quoted(name));
    source.complain_nearest(span, message, nearest(name, names));
}

fn in_file_order(table: DeTable<'_>) -> Entries<'_> {
    let mut entries: Vec<_> = table.into_iter().collect();
    entries.sort_by_key(|(name, _)| name.span().start);
    entries
}
