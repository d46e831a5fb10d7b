//! Changing keys of one mapping, as text: the mapping is cut out, changed key by key, and put back by the caller.
//!
//! Invariant: what is not the key's own bytes stays as it is. Whatever cannot be changed with certainty is refused;
//! [`super::change`] compares old and new afterwards all the same.

use std::ops::Range;

use super::render;
use super::value::Value;
use super::yaml::{Fault, NodeId, Tree};

/// One change inside a mapping. The path leads from the mapping to the key.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum KeyEdit {
    Set { path: Vec<String>, value: Value },
    Unset { path: Vec<String> },
}

impl KeyEdit {
    /// The key it changes, for people: `server`, `exec`.
    pub(super) fn field(&self) -> String {
        let (KeyEdit::Set { path, .. } | KeyEdit::Unset { path }) = self;
        path.join(".")
    }

    /// The same edit, seen from the mapping around it.
    pub(super) fn inside(mut self, key: &str) -> KeyEdit {
        let (KeyEdit::Set { path, .. } | KeyEdit::Unset { path }) = &mut self;
        path.insert(0, key.to_owned());
        self
    }
}

/// The bytes to replace, and with what.
pub(super) type Splice = (Range<usize>, String);

/// The mapping `id` of `text` with all edits done.
pub(super) fn edit(
    text: &str,
    tree: &Tree,
    id: NodeId,
    edits: &[KeyEdit],
) -> Result<Splice, Fault> {
    let node = tree.node(id);
    let line = node.line;
    let refused = || Fault::at(line, "the entry shares its text with others (*name)");
    if tree.resolved(id) != id {
        return Err(refused());
    }
    let start = node.span.start;
    let end = if tree.is_flow(id) {
        node.span.end
    } else {
        line_end(text, node.span.end)
    };
    // Blanks stand for what is before it on its line, so that columns, and with them the structure, stay the same.
    let column = start - line_start(text, start);
    let newline = newline(text);
    let mut part = " ".repeat(column);
    part.push_str(text.get(start..end).unwrap_or_default());
    for edit in edits {
        let tree = Tree::parse(&part).map_err(|_| refused())?;
        let root = tree.root().ok_or_else(refused)?;
        let splice = match edit {
            KeyEdit::Set { path, value } => set((&part, newline), &tree, root, path, value)?,
            KeyEdit::Unset { path } => {
                unset(&part, &tree, root, path).map_err(|why| Fault::at(line, why))?
            }
        };
        if let Some((range, new)) = splice {
            part.replace_range(range, &new);
        }
    }
    // A first key that went takes its blanks along: those of the next one stand for them now.
    match part.split_at_checked(column) {
        Some((blanks, changed)) if blanks.trim_start_matches(' ').is_empty() => {
            Ok((start..end, changed.to_owned()))
        }
        _ => Err(Fault::at(line, "a comment stands where the entry begins")),
    }
}

fn set(
    text: (&str, &str),
    tree: &Tree,
    root: NodeId,
    path: &[String],
    value: &Value,
) -> Result<Option<Splice>, Fault> {
    let mut map = root;
    let mut rest = path;
    while let [key, deeper @ ..] = rest {
        let Some((key_id, value_id)) = tree.pair(map, key) else {
            return Ok(Some(insert(text, tree, map, key, &nested(deeper, value))));
        };
        if deeper.is_empty() || tree.pairs(value_id).is_empty() {
            let splice = replace(text, tree, map, (key_id, value_id), &nested(deeper, value));
            let line = tree.node(key_id).line;
            return splice.map(Some).map_err(|why| Fault::at(line, why));
        }
        if tree.resolved(value_id) != value_id {
            return Err(Fault::at(
                tree.node(value_id).line,
                "the entry is an alias (*name)",
            ));
        }
        map = value_id;
        rest = deeper;
    }
    Ok(None)
}

/// The value with the mappings around it that do not exist yet.
fn nested(path: &[String], value: &Value) -> Value {
    path.iter().rev().fold(value.clone(), |inner, key| {
        Value::Map(vec![(key.clone(), inner)])
    })
}

/// A new key after the last one. The second text is the line break to use.
pub(super) fn insert(
    (text, newline): (&str, &str),
    tree: &Tree,
    map: NodeId,
    key: &str,
    value: &Value,
) -> Splice {
    let node = tree.node(map);
    let last = tree.pairs(map).last().copied();
    let Some((last_key, last_value)) = last else {
        // `{}`: the only mapping without keys that has bytes of its own.
        return (
            node.span.clone(),
            format!("{{{}}}", render::pair(key, value, false)),
        );
    };
    let end = tree
        .node(last_value)
        .span
        .end
        .max(tree.node(last_key).span.end);
    if tree.is_flow(map) {
        let quote_keys = text[tree.node(last_key).span.clone()].starts_with('"');
        return (
            end..end,
            format!(", {}", render::pair(key, value, quote_keys)),
        );
    }
    let indent = tree.node(last_key).span.start - line_start(text, tree.node(last_key).span.start);
    let at = behind(text, end, indent);
    let mut new = String::from(newline);
    new.push_str(&" ".repeat(indent));
    new.push_str(&render::block_pair(key, value, indent).join(newline));
    (at..at, new)
}

/// What stands between the colon and the end of the value, replaced: quotes, tags and block styles go with it.
pub(super) fn replace(
    (text, newline): (&str, &str),
    tree: &Tree,
    map: NodeId,
    (key, value): (NodeId, NodeId),
    new: &Value,
) -> Result<Splice, &'static str> {
    let is_flow = tree.is_flow(map);
    let colon = colon(text, tree.node(key).span.end).ok_or("a key is written as ? key")?;
    let old = tree.node(value);
    if old.has_anchor {
        return Err("the value is shared with other entries (&name)");
    }
    let end = old.span.end.max(colon);
    if tree.comments_in(&(colon..end)) > 0 {
        return Err("a comment stands between a key and its value");
    }
    let quote_keys = is_flow && text[tree.node(key).span.clone()].starts_with('"');
    let indent = tree.node(key).span.start - line_start(text, tree.node(key).span.start);
    let new = match new {
        Value::Text(text) if quote_keys => format!(" {}", render::quoted(text)),
        Value::Text(text) => format!(" {}", render::scalar(text, is_flow)),
        new if is_flow => format!(" {}", render::flow(new, quote_keys)),
        new => {
            let lines = render::block_pair("k", new, indent).join(newline);
            lines.get("k:".len()..).unwrap_or_default().to_owned()
        }
    };
    Ok((colon..end, new))
}

fn unset(
    text: &str,
    tree: &Tree,
    root: NodeId,
    path: &[String],
) -> Result<Option<Splice>, &'static str> {
    let Some((last, parents)) = path.split_last() else {
        return Ok(None);
    };
    let mut map = root;
    for key in parents {
        let Some(next) = tree.get(map, key) else {
            return Ok(None);
        };
        if tree.resolved(next) != next {
            return Err("the entry is an alias (*name)");
        }
        map = next;
    }
    let pairs = tree.pairs(map);
    let Some(index) = pairs
        .iter()
        .position(|(key, _)| tree.text(*key) == Some(last))
    else {
        return Ok(None);
    };
    let span = |index: usize| {
        let (key, value) = pairs.get(index)?;
        let (key, value) = (tree.node(*key), tree.node(*value));
        Some(key.span.start..key.span.end.max(value.span.end))
    };
    let Some(own) = span(index) else {
        return Ok(None);
    };
    let before = index.checked_sub(1).and_then(span);
    let after = span(index + 1);
    if before.is_none() && after.is_none() {
        return Ok(Some((tree.node(map).span.clone(), "{}".to_owned())));
    }
    let gap = if tree.is_flow(map) {
        match (before, after) {
            (_, Some(after)) => own.start..after.start,
            (Some(before), None) => before.end..own.end,
            (None, None) => own,
        }
    } else if text[line_start(text, own.start)..own.start]
        .trim()
        .is_empty()
    {
        whole_lines(text, &own)
    } else {
        return Err("a key stands behind another on one line");
    };
    Ok(Some((gap, String::new())))
}

/// The lines of a range with the line break after them, or the one before when it is the last line.
pub(super) fn whole_lines(text: &str, range: &Range<usize>) -> Range<usize> {
    let start = line_start(text, range.start);
    let end = line_end(text, range.end);
    let rest = text.get(end..).unwrap_or_default();
    if rest.starts_with("\r\n") {
        start..end + 2
    } else if rest.starts_with('\n') {
        start..end + 1
    } else {
        let before = text.get(..start).unwrap_or_default();
        let before = before.strip_suffix('\n').unwrap_or(before);
        let before = before.strip_suffix('\r').unwrap_or(before);
        before.len()..end
    }
}

/// Where something new goes behind what ends at `end` and is indented by `indent`: the end of the line, or of the
/// comment lines below that are indented deeper, for they speak of what stands above them.
pub(super) fn behind(text: &str, end: usize, indent: usize) -> usize {
    let mut at = line_end(text, end);
    loop {
        let rest = text.get(at..).unwrap_or_default();
        let next = rest.strip_prefix('\r').unwrap_or(rest);
        let Some(next) = next.strip_prefix('\n') else {
            return at;
        };
        let blank = next.len() - next.trim_start_matches(' ').len();
        if blank <= indent || !next[blank..].starts_with('#') {
            return at;
        }
        at = line_end(text, text.len() - next.len());
    }
}

/// Just behind the colon after a key.
pub(super) fn colon(text: &str, key_end: usize) -> Option<usize> {
    let rest = text.get(key_end..)?;
    let blank = rest.len() - rest.trim_start_matches([' ', '\t']).len();
    rest[blank..]
        .starts_with(':')
        .then_some(key_end + blank + 1)
}

pub(super) fn line_start(text: &str, at: usize) -> usize {
    let before = text.get(..at).unwrap_or_default();
    before.rfind('\n').map_or(0, |newline| newline + 1)
}

/// The end of the line, before its line break.
pub(super) fn line_end(text: &str, at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    let line = rest.find('\n').map_or(rest, |newline| &rest[..newline]);
    at + line.strip_suffix('\r').unwrap_or(line).len()
}

/// The line break this text uses.
pub(super) fn newline(text: &str) -> &'static str {
    match text.find('\n') {
        Some(at) if text[..at].ends_with('\r') => "\r\n",
        _ => "\n",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(keys: &str) -> Vec<String> {
        keys.split('.').map(ToOwned::to_owned).collect()
    }

    fn set(keys: &str, text: &str) -> KeyEdit {
        KeyEdit::Set {
            path: path(keys),
            value: Value::text(text),
        }
    }

    fn unset(keys: &str) -> KeyEdit {
        KeyEdit::Unset { path: path(keys) }
    }

    /// The first item of `list`, edited.
    fn edited(text: &str, edits: &[KeyEdit]) -> Result<String, Fault> {
        let tree = Tree::parse(text).unwrap();
        let list = tree.get(tree.root().unwrap(), "list").unwrap();
        let item = tree.items(list)[0];
        let (range, new) = edit(text, &tree, item, edits)?;
        let mut text = text.to_owned();
        text.replace_range(range, &new);
        Ok(text)
    }

    #[track_caller]
    fn check(before: &str, edits: &[KeyEdit], after: &str) {
        assert_eq!(edited(before, edits).unwrap(), after);
    }

    #[test]
    fn a_value_is_replaced_and_its_neighbours_stay() {
        check(
            "list: # c\n- name:  'a'   # one\n  user: {token: x, } # two\n  # three\n- name: b\n",
            &[
                set("name", "new"),
                set("user.token", "a, b"),
                set("user.as", "no"),
            ],
            "list: # c\n- name: new   # one\n  user: {token: \"a, b\", as: \"no\", } # two\n  # three\n- name: b\n",
        );
        check(
            "list:\n  - ca: |\n      one\n      two\n\n    name: a\n",
            &[set("ca", "x")],
            "list:\n  - ca: x\n\n    name: a\n",
        );
        check(
            "list:\n- ca: !!str x\n",
            &[set("ca", "w")],
            "list:\n- ca: w\n",
        );
        check(
            "list:\n- ca:\n    x\n  b: c\n",
            &[set("ca", "w")],
            "list:\n- ca: w\n  b: c\n",
        );
    }

    #[test]
    fn a_new_key_comes_after_the_last_one_in_the_style_around_it() {
        check(
            "list:\n- user:\n    a: x # keep\n\n    # and this\n  name: n",
            &[set("user.b", "w"), set("new.deep", "z")],
            "list:\n- user:\n    a: x # keep\n    b: w\n\n    # and this\n  name: n\n  new:\n    deep: z",
        );
        check(
            "list:\r\n- a: x\r\n",
            &[set("b", "w")],
            "list:\r\n- a: x\r\n  b: w\r\n",
        );
        check(
            "list: [{\"a\": \"x\"}]",
            &[set("b", "w")],
            "list: [{\"a\": \"x\", \"b\": \"w\"}]",
        );
        check(
            "list:\n- user: {}\n",
            &[set("user.b", "w")],
            "list:\n- user:\n    b: w\n",
        );
        check(
            "list:\n- user:\n  n: a\n",
            &[set("user.b", "w")],
            "list:\n- user:\n    b: w\n  n: a\n",
        );
        check(
            "list:\n- user: ~ # c\n",
            &[set("user.b", "w")],
            "list:\n- user:\n    b: w # c\n",
        );
    }

    #[test]
    fn a_removed_key_takes_its_line_and_nothing_else() {
        check(
            "list:\n- a: x\n  # about b\n  b: y # of b\n  # about c\n  c: z\n",
            &[unset("b")],
            "list:\n- a: x\n  # about b\n  # about c\n  c: z\n",
        );
        check("list:\n- a: x\n  b: y\n", &[unset("a")], "list:\n- b: y\n");
        check("list:\n- a: x\n  b: y\n", &[unset("b")], "list:\n- a: x\n");
        check("list:\n- a: x\n  b: y", &[unset("b")], "list:\n- a: x");
        check(
            "list:\n- u:\n    a: x\n  n: y\n",
            &[unset("u.a")],
            "list:\n- u:\n    {}\n  n: y\n",
        );
        check("list: [{a: x, b: y}]\n", &[unset("b")], "list: [{a: x}]\n");
        check("list: [{a: x, b: y}]\n", &[unset("a")], "list: [{b: y}]\n");
        check(
            "list:\n- a: x\n",
            &[unset("none"), unset("no.such")],
            "list:\n- a: x\n",
        );
        check(
            "list:\n- exec:\n    args:\n    - x\n    env: [{a: b}]\n  n: y\n",
            &[unset("exec"), set("token", "t")],
            "list:\n- n: y\n  token: t\n",
        );
    }

    #[test]
    fn what_is_not_certain_is_refused() {
        for (text, edit) in [
            ("list:\n- a: &x y\n  b: *x\n", set("a", "z")),
            ("list:\n- a: # why\n    x\n", set("a", "z")),
            ("list:\n- a: x\n# about b\n  b: y\n", unset("a")),
            ("list:\n- ? a\n  : x\n", set("a", "z")),
            ("x: &x {b: c}\nlist:\n- a: *x\n", set("a.b", "z")),
        ] {
            assert!(
                edited(text, std::slice::from_ref(&edit)).is_err(),
                "{text:?} {edit:?}"
            );
        }
    }
}
