//! One kubeconfig: its text, its tree, what it means, and everything kubectl would refuse it for.
//!
//! Invariant: no sentence holds a value of the file but names of entries.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::Kind;
use super::value::{self, Value};
use super::yaml::{Fault, NodeId, Tree};
use crate::rack::problem::{Problem, Severity, Subject};

const BOM: &str = "\u{feff}";

/// A kubeconfig that kubectl can read.
#[derive(Clone, PartialEq)]
pub(super) struct File {
    pub(super) path: PathBuf,
    text: String,
    tree: Tree,
    value: Value,
}

/// Fields that must be text, in any kind of entry.
const TEXTS: [&str; 18] = [
    "server",
    "tls-server-name",
    "certificate-authority",
    "certificate-authority-data",
    "proxy-url",
    "cluster",
    "user",
    "namespace",
    "client-certificate",
    "client-certificate-data",
    "client-key",
    "client-key-data",
    "token",
    "tokenFile",
    "username",
    "password",
    "as",
    "as-uid",
];

/// Fields that hold base64; kubectl refuses the whole file for one that is not.
const DATA: [&str; 3] = [
    "certificate-authority-data",
    "client-certificate-data",
    "client-key-data",
];

impl File {
    /// Reads a text as kubectl does, and says what kubectl would refuse.
    pub(super) fn parse(path: &Path, text: String) -> Result<File, Box<Problem>> {
        let body = text.strip_prefix(BOM).unwrap_or(&text);
        let read = Tree::parse(body).and_then(|tree| {
            check_tabs(body)?;
            let value = value::of(&tree)?;
            check(&tree, &value)?;
            Ok((tree, value))
        });
        match read {
            Ok((tree, value)) => Ok(File {
                path: path.to_owned(),
                text,
                tree,
                value,
            }),
            Err(fault) => Err(Box::new(broken(path, &fault))),
        }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The text without a byte-order mark: what the tree's ranges count in.
    pub(super) fn body(&self) -> &str {
        self.text.strip_prefix(BOM).unwrap_or(&self.text)
    }

    pub(super) fn bom(&self) -> &'static str {
        if self.text.starts_with(BOM) { BOM } else { "" }
    }

    pub(super) fn tree(&self) -> &Tree {
        &self.tree
    }

    pub(super) fn value(&self) -> &Value {
        &self.value
    }

    /// True when something beyond the first document is there, which kubectl does not read.
    pub(super) fn has_more_documents(&self) -> bool {
        self.tree.documents > 1
    }

    pub(super) fn current_context(&self) -> Option<&str> {
        self.value.filled("current-context")
    }

    /// The items of a section with their names, in the file's order.
    pub(super) fn entries(&self, kind: Kind) -> impl Iterator<Item = (&str, &Value)> {
        let items = self.value.get(kind.section()).map(Value::items);
        let items = items.unwrap_or_default().iter();
        items.map(|item| (item.filled("name").unwrap_or_default(), item))
    }

    /// One item of a section.
    pub(super) fn entry(&self, kind: Kind, name: &str) -> Option<&Value> {
        self.entries(kind)
            .find(|(it, _)| *it == name)
            .map(|(_, item)| item)
    }
}

fn broken(path: &Path, fault: &Fault) -> Problem {
    let what = format!("kubeconfig {} cannot be used", path.display());
    Problem::new(Severity::Critical, Subject::Kubeconfig, what)
        .why(format!("line {}: {}", fault.line, fault.why))
        .next("repair that line, or name another file")
}

/// Our parser takes tabs in places where Go's does not; the other one is a port of the same library as Go's. It is asked
/// only here, because it takes four times as long.
fn check_tabs(body: &str) -> Result<(), Fault> {
    if !body.contains('\t') {
        return Ok(());
    }
    let Some(first) = serde_yaml::Deserializer::from_str(body).next() else {
        return Ok(());
    };
    match serde::de::IgnoredAny::deserialize(first) {
        Ok(_) => Ok(()),
        Err(error) => {
            let line = error.location().map_or(1, |place| place.line());
            Err(Fault::at(
                line,
                "a tab stands where kubectl takes only blanks",
            ))
        }
    }
}

fn check(tree: &Tree, value: &Value) -> Result<(), Fault> {
    let root = match (value, tree.root()) {
        (Value::Null, _) | (_, None) => return Ok(()),
        (Value::Map(_), Some(root)) => root,
        (other, Some(root)) => {
            let line = tree.node(root).line;
            return Err(Fault::at(
                line,
                format!("it is {}, no kubeconfig", other.kind()),
            ));
        }
    };
    let line = |key: &str| {
        tree.pair(root, key)
            .map_or(1, |(key, _)| tree.node(key).line)
    };
    for (key, wanted) in [("kind", "Config"), ("apiVersion", "v1")] {
        match value.get(key) {
            None | Some(Value::Null) => {}
            Some(Value::Text(text)) if text.is_empty() || text == wanted => {}
            Some(_) => return Err(Fault::at(line(key), format!("{key} is not {wanted}"))),
        }
    }
    text(value, "current-context").map_err(|why| Fault::at(line("current-context"), why))?;
    for kind in [Kind::Cluster, Kind::Context, Kind::User] {
        let section = kind.section();
        match value.get(section) {
            None | Some(Value::Null) => {}
            Some(Value::List(items)) => {
                let nodes = tree.get(root, section).map(|list| tree.items(list));
                check_items(tree, nodes.unwrap_or_default(), items, kind)?;
            }
            Some(other) => {
                let why = format!("{section} is {}, not a list", other.kind());
                return Err(Fault::at(line(section), why));
            }
        }
    }
    Ok(())
}

fn check_items(tree: &Tree, nodes: &[NodeId], items: &[Value], kind: Kind) -> Result<(), Fault> {
    let mut names = std::collections::HashSet::new();
    for (index, item) in items.iter().enumerate() {
        let line = nodes.get(index).map_or(1, |node| tree.node(*node).line);
        check_item(item, kind).map_err(|why| Fault::at(line, why))?;
        if !names.insert(item.filled("name").unwrap_or_default()) {
            let why = format!("the name of this {} stands twice in the list", kind.word());
            return Err(Fault::at(line, why));
        }
    }
    Ok(())
}

fn check_item(item: &Value, kind: Kind) -> Result<(), String> {
    let Value::Map(_) = item else {
        return Err(format!(
            "a {} is {}, not a mapping",
            kind.word(),
            item.kind()
        ));
    };
    text(item, "name")?;
    let body = match item.get(kind.field()) {
        None | Some(Value::Null) => return Ok(()),
        Some(body @ Value::Map(_)) => body,
        Some(other) => {
            return Err(format!(
                "{} is {}, not a mapping",
                kind.field(),
                other.kind()
            ));
        }
    };
    for (key, value) in body.pairs() {
        if TEXTS.contains(&key.as_str()) {
            text(body, key)?;
        }
        if key == "insecure-skip-tls-verify" {
            let is_boolean = match value {
                Value::Plain(word) => value::is_boolean(word),
                Value::Null => true,
                _ => false,
            };
            if !is_boolean {
                return Err(format!("{key} is neither true nor false"));
            }
        }
        if DATA.contains(&key.as_str()) && !value.as_text().is_none_or(is_base64) {
            return Err(format!("{key} is not base64"));
        }
    }
    Ok(())
}

/// Text, or nothing at all; kubectl refuses a file for a bare `no` or `0644`.
fn text(map: &Value, key: &str) -> Result<(), String> {
    match map.get(key) {
        None | Some(Value::Null | Value::Text(_)) => Ok(()),
        Some(other) => Err(format!("{key} is {}: put it in quotes", other.kind())),
    }
}

/// As Go decodes it: line breaks are skipped, padding must be right.
fn is_base64(text: &str) -> bool {
    let mut digits = 0_usize;
    let mut padding = 0;
    for byte in text.bytes() {
        match byte {
            b'\r' | b'\n' => {}
            b'=' => padding += 1,
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' if padding == 0 => digits += 1,
            _ => return false,
        }
    }
    (digits + padding).is_multiple_of(4) && padding <= 2
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<File, Box<Problem>> {
        File::parse(Path::new("config"), text.to_owned())
    }

    #[track_caller]
    fn refused(text: &str, line: usize, why: &str) {
        let problem = parse(text).err().unwrap();
        let expected = format!("line {line}: ");
        assert!(problem.why.starts_with(&expected), "{text:?}: {problem:?}");
        assert!(problem.why.contains(why), "{text:?}: {problem:?}");
        assert!(!format!("{problem:?}").contains("s3cr3t"), "{problem:?}");
    }

    #[test]
    fn what_kubectl_refuses_is_refused_with_its_line() {
        refused("- s3cr3t", 1, "a list, no kubeconfig");
        refused("s3cr3t", 1, "text, no kubeconfig");
        refused("kind: Deployment\n", 1, "kind is not Config");
        refused("apiVersion: v2\n", 1, "apiVersion is not v1");
        refused("kind: Config\ncurrent-context: no\n", 2, "put it in quotes");
        refused("clusters: {}\n", 1, "clusters is a mapping, not a list");
        refused("users:\n- name: a\n- s3cr3t\n", 3, "a user is text");
        refused("users:\n- name: 0644\n", 2, "put it in quotes");
        refused("users:\n- name: a\n  user: s3cr3t\n", 2, "user is text");
        refused(
            "users:\n- name: a\n  user: {token: [s3cr3t]}\n",
            2,
            "token is a list",
        );
        refused("users:\n- name: a\n- name: a\n", 3, "stands twice");
        refused("users:\n- {}\n- user: {}\n", 3, "stands twice");
        refused("users: []\nusers: []\n", 2, "a key stands twice");
        refused(
            "users:\n- name: a\n  user: {client-key-data: s3cr3t!}\n",
            2,
            "not base64",
        );
        refused("users:\n-\tname: s3cr3t\n", 2, "");
        refused(
            "clusters:\n- cluster: {insecure-skip-tls-verify: s3cr3t}\n",
            2,
            "neither true",
        );
    }

    #[test]
    fn what_kubectl_takes_is_taken() {
        for text in [
            "",
            "# only a comment\n",
            "---\n",
            "clusters: null\nusers: []\ncontexts:\n",
            "{\"apiVersion\": \"v1\", \"kind\": \"Config\", \"users\": [{\"name\": \"a\", \"user\": {}}]}",
            "users:\n- user:\n  name: a\n- name:\n",
            "\u{feff}kind: Config\r\nusers:\r\n- name: a\r\n",
            "kind: Config\n---\nkind: Deployment\n",
            "anything: [else, {}]\n",
        ] {
            assert!(parse(text).is_ok(), "{text:?}: {:?}", parse(text).err());
        }
    }

    #[test]
    fn base64_is_what_go_decodes() {
        for (text, expected) in [
            ("", true),
            ("aGk=", true),
            ("aG\nk=", true),
            ("aGk", false),
            ("a===", false),
            ("a Gk", false),
            ("a=Gk", false),
        ] {
            assert_eq!(is_base64(text), expected, "{text:?}");
        }
    }
}
