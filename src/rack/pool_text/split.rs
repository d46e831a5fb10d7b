//! A text of several YAML documents as objects, each with the line it begins at.

use serde_json::Value;

use super::Flaw;
use crate::rack::draft::ObjectId;

/// One document of a text.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    pub id: ObjectId,
    pub value: Value,
    /// The first line of its first key, from 0.
    pub line: usize,
}

/// The documents of a text that hold something; an object without a namespace is meant for `namespace`.
pub(super) fn parts(text: &str, namespace: &str) -> Result<Vec<Part>, Vec<Flaw>> {
    let mut parts = Vec::new();
    let mut flaws = Vec::new();
    for (first, document) in documents(text) {
        match part(&document, first, namespace) {
            Ok(Some(part)) => parts.push(part),
            Ok(None) => {}
            Err(flaw) => flaws.push(flaw),
        }
    }
    if flaws.is_empty() {
        Ok(parts)
    } else {
        Err(flaws)
    }
}

/// The documents with the line each begins at. A document ends at a line that begins with `---` or `...`: in a block
/// that would be indented.
pub(in crate::rack) fn documents(text: &str) -> Vec<(usize, String)> {
    let mut all = vec![(0, String::new())];
    for (number, line) in text.split('\n').enumerate() {
        let is_mark = |mark| line == mark || line.starts_with(&format!("{mark} "));
        if is_mark("---") || line.trim_end() == "---" {
            // What stands behind the mark belongs to the document; blanks keep its columns.
            let rest = line.trim_start_matches('-');
            all.push((number, format!("   {rest}\n")));
        } else if line.trim_end() == "..." {
            all.push((number + 1, String::new()));
        } else if let Some((_, document)) = all.last_mut() {
            document.push_str(line);
            document.push('\n');
        }
    }
    all
}

fn part(document: &str, first: usize, namespace: &str) -> Result<Option<Part>, Flaw> {
    let is_content = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    let Some(offset) = document.lines().position(is_content) else {
        return Ok(None);
    };
    let line = first + offset;
    let mut value: Value = serde_yaml::from_str(document).map_err(|error| {
        let inside = error.location().map_or(0, |at| at.line().saturating_sub(1));
        // The place is said by the line the sentence stands under; the parser's own counts within the document.
        let why = error.to_string();
        let why = why.split(" at line ").next().unwrap_or_default();
        Flaw {
            line: first + inside,
            what: format!("this is not YAML: {why}"),
        }
    })?;
    if value.is_null() {
        return Ok(None);
    }
    let missing = |what: &str| Flaw {
        line,
        what: format!("a MetalLB object needs {what}"),
    };
    let text = |path: &str| {
        value
            .pointer(path)
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    let id = ObjectId {
        api_version: text("/apiVersion").ok_or_else(|| missing("apiVersion"))?,
        kind: text("/kind").ok_or_else(|| missing("kind"))?,
        namespace: text("/metadata/namespace").unwrap_or_else(|| namespace.to_owned()),
        name: text("/metadata/name").ok_or_else(|| missing("metadata.name"))?,
    };
    if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata
            .entry("namespace")
            .or_insert_with(|| Value::String(id.namespace.clone()));
    }
    Ok(Some(Part { id, value, line }))
}
