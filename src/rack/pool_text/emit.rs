//! An object as YAML, as people write it: block style, text in quotes only where Kubernetes would read something else.
//!
//! Own code because our YAML library writes the words `yes` and `no` bare, and Kubernetes reads those as truths.

use std::fmt::Write;

use serde_json::{Map, Value};

/// A document, with a line end after its last line.
pub(super) fn document(value: &Value) -> String {
    let mut out = String::new();
    match value {
        Value::Object(map) if !map.is_empty() => put_map(map, 0, &mut out),
        other => {
            out.push_str(&scalar(other));
            out.push('\n');
        }
    }
    out
}

fn put_map(map: &Map<String, Value>, depth: usize, out: &mut String) {
    for (key, value) in in_order(map) {
        let _ = write!(out, "{:depth$}{}:", "", text(key));
        put_value(value, depth, out);
    }
}

/// What comes after a colon.
fn put_value(value: &Value, depth: usize, out: &mut String) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            out.push('\n');
            put_map(map, depth + 2, out);
        }
        Value::Array(items) if !items.is_empty() => {
            out.push('\n');
            for item in items {
                put_item(item, depth, out);
            }
        }
        other => {
            let _ = writeln!(out, " {}", scalar(other));
        }
    }
}

/// An item stands below its key, not deeper, as kubectl prints it.
fn put_item(item: &Value, depth: usize, out: &mut String) {
    let mut inner = String::new();
    match item {
        Value::Object(map) if !map.is_empty() => put_map(map, depth + 2, &mut inner),
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                put_item(item, depth + 2, &mut inner);
            }
        }
        other => {
            let _ = writeln!(out, "{:depth$}- {}", "", scalar(other));
            return;
        }
    }
    let _ = write!(out, "{:depth$}- {}", "", inner.trim_start_matches(' '));
}

/// Who it is comes first, as everybody writes it; the rest as it comes.
fn in_order(map: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let first = ["apiVersion", "kind", "metadata", "name", "namespace"];
    let mut entries: Vec<_> = map.iter().collect();
    entries.sort_by_key(|(key, _)| {
        let place = first.iter().position(|first| first == key);
        place.unwrap_or(first.len())
    });
    entries
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(string) => text(string),
        // Empty ones only: the others have lines of their own.
        Value::Object(_) => "{}".to_owned(),
        Value::Array(_) => "[]".to_owned(),
        other => other.to_string(),
    }
}

/// A text bare where every reader of YAML, 1.1 and 1.2, takes it for that text; else as a JSON string, which YAML reads.
fn text(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    // JSON leaves some characters as they are that YAML does not take bare.
    let mut out = String::new();
    for c in Value::from(text).to_string().chars() {
        match c {
            '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            _ => out.push(c),
        }
    }
    out
}

fn is_plain(text: &str) -> bool {
    let Some(first) = text.chars().next() else {
        return false;
    };
    let is_letter = |c: char| c.is_ascii_alphanumeric() || "-_./@".contains(c);
    let words = [
        "true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", ".nan", ".inf",
    ];
    let has_number_ahead = first.is_ascii_digit() || matches!(first, '.' | '-');
    first.is_ascii_alphanumeric()
        && text.chars().all(is_letter)
        && !words.contains(&text.to_ascii_lowercase().as_str())
        && (!has_number_ahead || is_address(text))
}

/// An IPv4 address, a CIDR or a range: three dots make it no number.
fn is_address(text: &str) -> bool {
    text.matches('.').count() >= 3
        && text
            .chars()
            .all(|c| c.is_ascii_digit() || "./-".contains(c))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_reads_as_people_write_it() {
        let value = json!({
            "kind": "IPAddressPool",
            "apiVersion": "metallb.io/v1beta1",
            "metadata": { "namespace": "metallb-system", "name": "lan", "labels": { "a/b": "yes" } },
            "spec": {
                "addresses": ["192.168.7.0/26", "10.0.0.1-10.0.0.9", "2001:db8::/120"],
                "autoAssign": true,
                "serviceAllocation": { "priority": 50, "serviceSelectors": [{ "matchLabels": { "app": "1" } }], "namespaces": [] },
            },
        });
        let text = document(&value);
        assert_eq!(
            text,
            r#"apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata:
  name: lan
  namespace: metallb-system
  labels:
    a/b: "yes"
spec:
  addresses:
  - 192.168.7.0/26
  - 10.0.0.1-10.0.0.9
  - "2001:db8::/120"
  autoAssign: true
  serviceAllocation:
    namespaces: []
    priority: 50
    serviceSelectors:
    - matchLabels:
        app: "1"
"#
        );
        assert_eq!(serde_yaml::from_str::<Value>(&text).unwrap(), value);
    }

    #[test]
    fn nothing_is_read_back_as_something_else() {
        for nasty in [
            "",
            " ",
            "yes",
            "No",
            "null",
            "~",
            "0644",
            "1e3",
            "1.5",
            ".5",
            "-1",
            "a: b",
            "# x",
            "- x",
            "a #b",
            "'",
            "\"",
            "line\nline",
            "\u{1b}[2J\u{7f}",
            "日本",
            "@x",
            "`x",
            "{a}",
            "12:30",
            "0x1f",
            "1_000",
            "=",
            "<<",
            "..",
            "1.2.3.4",
            "a\\b",
        ] {
            let value = json!({ "a": nasty, "b": [nasty], nasty: { "c": nasty } });
            let back: Value = serde_yaml::from_str(&document(&value)).unwrap();
            assert_eq!(back, value, "{nasty:?}");
        }
        let odd = json!({ "a": [[1, 2], [{ "b": [] }], {}], "c": null, "d": 1.5, "e": false });
        assert_eq!(serde_yaml::from_str::<Value>(&document(&odd)).unwrap(), odd);
    }
}
