//! Changes of one kubeconfig: carried out on the text, carried out on what it means, and compared.
//!
//! Invariant: a new text is handed out only when it reads as exactly what was intended: every entry that is not
//! concerned means what it meant, and every byte outside the changed values and new entries is the byte that was there.

use super::Kind;
use super::entry::{self, KeyEdit, Splice};
use super::file::File;
use super::render;
use super::value::{self, Value};
use super::yaml::{Fault, NodeId, Tree};

/// One change of one file. Entries are named as they are before all changes.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Change {
    /// A new item: `{name, cluster: {...}}`.
    Add {
        kind: Kind,
        item: Value,
    },
    /// Paths begin at the item: `cluster.server`, `name`.
    Edit {
        kind: Kind,
        name: String,
        edits: Vec<KeyEdit>,
    },
    Remove {
        kind: Kind,
        name: String,
    },
    SetCurrent(String),
}

const SECTIONS: [Kind; 3] = [Kind::Cluster, Kind::Context, Kind::User];
const CURRENT: &str = "current-context";

/// The text after all changes.
pub(super) fn rewrite(file: &File, changes: &[Change]) -> Result<String, Fault> {
    let expected = expected(file.value(), changes);
    let body = file.body();
    let tree = file.tree();
    let root = tree.root().filter(|root| !is_nothing(tree, *root));
    let mut splices = match root {
        // `{}`, as some tools write a file for later.
        Some(root) if tree.is_flow(root) && tree.pairs(root).is_empty() => {
            let text = fresh("", &expected);
            vec![(tree.node(root).span.clone(), text.trim_end().to_owned())]
        }
        Some(root) => splices(body, tree, root, changes)?,
        None => vec![(body.len()..body.len(), fresh(body, &expected))],
    };
    splices.sort_by_key(|(range, _)| range.start);
    let overlaps = splices
        .windows(2)
        .any(|pair| matches!(pair, [one, two] if one.0.end > two.0.start));
    let unsafe_to_change = || {
        Fault::at(
            1,
            "it is written in a way that cannot be changed without risk to other entries",
        )
    };
    if overlaps {
        return Err(unsafe_to_change());
    }
    let mut new = body.to_owned();
    for (range, text) in splices.into_iter().rev() {
        new.replace_range(range, &text);
    }
    let read = Tree::parse(&new).and_then(|tree| value::of(&tree));
    if !read.is_ok_and(|read| read == expected) {
        return Err(unsafe_to_change());
    }
    new.insert_str(0, file.bom());
    Ok(new)
}

fn is_nothing(tree: &Tree, id: NodeId) -> bool {
    tree.text(id)
        .is_some_and(|text| matches!(text, "" | "~" | "null"))
}

/// What the file must mean afterwards.
fn expected(before: &Value, changes: &[Change]) -> Value {
    let mut root = match before {
        Value::Null => Value::Map(vec![
            ("apiVersion".to_owned(), Value::text("v1")),
            ("kind".to_owned(), Value::text("Config")),
        ]),
        before => before.clone(),
    };
    // Names are those from before: what renames an entry comes last.
    for change in changes {
        match change {
            Change::Add { kind, item } => {
                if let Value::List(items) = section(&mut root, *kind) {
                    items.push(item.clone());
                }
            }
            Change::Remove { kind, name } => {
                if let Value::List(items) = section(&mut root, *kind) {
                    items.retain(|item| !is_named(item, name));
                }
            }
            Change::Edit { kind, name, edits } => {
                if let Value::List(items) = section(&mut root, *kind) {
                    let item = items.iter_mut().find(|item| is_named(item, name));
                    if let Some(item) = item {
                        for edit in edits {
                            apply(item, edit);
                        }
                    }
                }
            }
            Change::SetCurrent(name) => put(&mut root, CURRENT, Value::text(name)),
        }
    }
    root
}

fn section(root: &mut Value, kind: Kind) -> &mut Value {
    let key = kind.section();
    if !matches!(root.get(key), Some(Value::List(_))) {
        put(root, key, Value::List(Vec::new()));
    }
    // `put` has made it.
    match root {
        Value::Map(pairs) => {
            let at = pairs.iter().position(|(it, _)| it == key).unwrap_or(0);
            &mut pairs[at].1
        }
        other => other,
    }
}

fn is_named(item: &Value, name: &str) -> bool {
    item.filled("name").unwrap_or_default() == name
}

fn put(map: &mut Value, key: &str, value: Value) {
    match map {
        Value::Map(pairs) => match pairs.iter_mut().find(|(it, _)| it == key) {
            Some((_, old)) => *old = value,
            None => pairs.push((key.to_owned(), value)),
        },
        other => *other = Value::Map(vec![(key.to_owned(), value)]),
    }
}

fn apply(item: &mut Value, edit: &KeyEdit) {
    match edit {
        KeyEdit::Set { path, value } => {
            let Some((last, parents)) = path.split_last() else {
                return;
            };
            let mut map = item;
            for key in parents {
                if !matches!(map.get(key), Some(Value::Map(_))) {
                    put(map, key, Value::Map(Vec::new()));
                }
                match map.get_mut(key) {
                    Some(next) => map = next,
                    None => return,
                }
            }
            put(map, last, value.clone());
        }
        KeyEdit::Unset { path } => {
            let Some((last, parents)) = path.split_last() else {
                return;
            };
            let map = parents.iter().try_fold(item, |map, key| map.get_mut(key));
            if let Some(Value::Map(pairs)) = map {
                pairs.retain(|(key, _)| key != last);
            }
        }
    }
}

/// The text of a file that says nothing yet; comments in it stay.
fn fresh(body: &str, all: &Value) -> String {
    let newline = entry::newline(body);
    let mut text = String::new();
    if !body.is_empty() && !body.ends_with('\n') {
        text.push_str(newline);
    }
    for key in [
        "apiVersion",
        "kind",
        "clusters",
        "contexts",
        "users",
        CURRENT,
    ] {
        let Some(value) = all.get(key) else { continue };
        text.push_str(&render::block_pair(key, value, 0).join(newline));
        text.push_str(newline);
    }
    text
}

fn splices(
    text: &str,
    tree: &Tree,
    root: NodeId,
    changes: &[Change],
) -> Result<Vec<Splice>, Fault> {
    let newline = entry::newline(text);
    let mut splices = Vec::new();
    for change in changes {
        match change {
            Change::Edit { kind, name, edits } => {
                let item = find(tree, root, *kind, name)?;
                splices.push(entry::edit(text, tree, item, edits)?);
            }
            Change::Remove { kind, name } => {
                let item = find(tree, root, *kind, name)?;
                splices.extend(remove(text, tree, root, *kind, item)?);
            }
            Change::Add { .. } | Change::SetCurrent(_) => {}
        }
    }
    // New items stand before new keys of the root, which may go to the same place.
    let mut keys = Vec::new();
    for kind in SECTIONS {
        let items: Vec<Value> = (changes.iter())
            .filter_map(|change| match change {
                Change::Add { kind: of, item } if *of == kind => Some(item.clone()),
                _ => None,
            })
            .collect();
        if items.is_empty() {
            continue;
        }
        match tree.pair(root, kind.section()) {
            Some((key, list)) => splices.extend(append(text, tree, (key, list), &items)?),
            None => keys.push(entry::insert(
                (text, newline),
                tree,
                root,
                kind.section(),
                &Value::List(items),
            )),
        }
    }
    let current = changes.iter().rev().find_map(|change| match change {
        Change::SetCurrent(name) => Some(Value::text(name)),
        _ => None,
    });
    if let Some(name) = current {
        match tree.pair(root, CURRENT) {
            Some(pair) => {
                let line = tree.node(pair.0).line;
                let splice = entry::replace((text, newline), tree, root, pair, &name);
                keys.push(splice.map_err(|why| Fault::at(line, why))?);
            }
            None => keys.push(entry::insert((text, newline), tree, root, CURRENT, &name)),
        }
    }
    splices.extend(keys);
    Ok(splices)
}

fn find(tree: &Tree, root: NodeId, kind: Kind, name: &str) -> Result<NodeId, Fault> {
    let list = tree.get(root, kind.section());
    let items = list.map(|list| tree.items(list)).unwrap_or_default();
    let is_it = |item: &&NodeId| {
        let named = tree.get(**item, "name").and_then(|it| tree.text(it));
        named.unwrap_or_default() == name
    };
    let found = items.iter().find(is_it).copied();
    found.ok_or_else(|| {
        Fault::at(
            1,
            format!("the {} is not written where it can be changed", kind.word()),
        )
    })
}

/// New items behind the last one, or in place of `[]` or nothing.
fn append(
    text: &str,
    tree: &Tree,
    (key, list): (NodeId, NodeId),
    items: &[Value],
) -> Result<Vec<Splice>, Fault> {
    let node = tree.node(list);
    let newline = entry::newline(text);
    let line = node.line;
    if tree.resolved(list) != list || node.has_anchor {
        return Err(Fault::at(line, "the list is shared with others (&name)"));
    }
    let Some(last_item) = tree.items(list).last().copied() else {
        // `clusters:`, `clusters: null`, `clusters: []`.
        let colon = entry::colon(text, tree.node(key).span.end);
        let colon = colon.ok_or_else(|| Fault::at(line, "a key is written as ? key"))?;
        let root_is_flow = tree.root().is_some_and(|root| tree.is_flow(root));
        if root_is_flow {
            let items: Vec<String> = items.iter().map(|item| render::flow(item, true)).collect();
            let end = node.span.end.max(colon);
            return Ok(vec![(colon..end, format!(" [{}]", items.join(", ")))]);
        }
        let mut splices = Vec::new();
        if node.span.end > colon {
            splices.push((colon..node.span.end, String::new()));
        }
        let at = entry::line_end(text, node.span.end.max(colon));
        splices.push((at..at, lines(items, 0, newline)));
        return Ok(splices);
    };
    if tree.is_flow(list) {
        let end = tree.node(last_item).span.end;
        let quote_keys = text[tree.node(last_item).span.clone()].contains('"');
        let items = items.iter().map(|item| render::flow(item, quote_keys));
        let items: Vec<String> = std::iter::once(String::new()).chain(items).collect();
        let items = items.join(", ");
        return Ok(vec![(end..end, items)]);
    }
    let dash = dash(text, tree, last_item)?;
    let indent = dash - entry::line_start(text, dash);
    let at = entry::behind(text, tree.node(last_item).span.end, indent);
    Ok(vec![(at..at, lines(items, indent, newline))])
}

fn lines(items: &[Value], indent: usize, newline: &str) -> String {
    let lines = items
        .iter()
        .flat_map(|item| render::block_item(item, indent));
    let lines: Vec<String> = std::iter::once(String::new()).chain(lines).collect();
    lines.join(newline)
}

fn remove(
    text: &str,
    tree: &Tree,
    root: NodeId,
    kind: Kind,
    item: NodeId,
) -> Result<Vec<Splice>, Fault> {
    let line = tree.node(item).line;
    let missing = || Fault::at(line, "the entry is not written where it can be changed");
    let (key, list) = tree.pair(root, kind.section()).ok_or_else(missing)?;
    if tree.resolved(list) != list {
        return Err(missing());
    }
    let items = tree.items(list);
    let index = items
        .iter()
        .position(|it| *it == item)
        .ok_or_else(missing)?;
    let own = tree.node(item).span.clone();
    let neighbour = |index: Option<usize>| {
        index
            .and_then(|it| items.get(it))
            .map(|it| tree.node(*it).span.clone())
    };
    let before = neighbour(index.checked_sub(1));
    let after = neighbour(Some(index + 1));
    if tree.is_flow(list) {
        let range = match (before, after) {
            (_, Some(after)) => own.start..after.start,
            (Some(before), None) => before.end..own.end,
            (None, None) => own,
        };
        return Ok(vec![(range, String::new())]);
    }
    let dash = dash(text, tree, item)?;
    let mut splices = vec![(entry::whole_lines(text, &(dash..own.end)), String::new())];
    if before.is_none() && after.is_none() {
        let colon = entry::colon(text, tree.node(key).span.end).ok_or_else(missing)?;
        splices.push((colon..colon, " []".to_owned()));
    }
    Ok(splices)
}

/// The dash of an item of a block list.
fn dash(text: &str, tree: &Tree, item: NodeId) -> Result<usize, Fault> {
    let node = tree.node(item);
    let before = text.get(..node.span.start).unwrap_or_default().trim_end();
    let dash = before.strip_suffix('-').map(str::len);
    dash.filter(|dash| {
        text[entry::line_start(text, *dash)..*dash]
            .trim()
            .is_empty()
    })
    .ok_or_else(|| Fault::at(node.line, "the entry shares its text with others (&name)"))
}
