//! What the store keeps: compact structs for what the simulation makes, whole JSON for what a
//! test or a patch gave.
//!
//! It decides nothing about the life of an object. Invariant: objects are immutable once stored
//! and shared by the store, its history and every watcher; JSON is made only when somebody reads.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::event::Event;
use super::lease::Lease;
use super::node::Node;
use super::pod::Pod;
use super::resource::{Kind, split_key};

/// One stored object without its name and version, which the store knows.
#[derive(Debug, Clone)]
pub(crate) enum Object {
    Node(Box<Node>),
    Pod(Pod),
    Lease(Lease),
    Event(Box<Event>),
    /// As given from outside, without `kind` and `apiVersion`.
    Given(Box<Value>),
}

impl Object {
    /// The JSON text as it stands in a list: without `kind` and `apiVersion`.
    pub(crate) fn text(&self, key: &str, version: u64) -> String {
        match self {
            Self::Pod(pod) => pod.text(key, version),
            Self::Lease(lease) => lease.text(key, version),
            Self::Node(_) | Self::Event(_) | Self::Given(_) => self.value(key, version).to_string(),
        }
    }

    /// The JSON text as it stands alone or in a watch event.
    pub(crate) fn full_text(&self, kind: Kind, key: &str, version: u64) -> String {
        let text = self.text(key, version);
        let resource = kind.resource();
        let rest = text.strip_prefix('{').unwrap_or(&text);
        format!(
            r#"{{"kind":"{}","apiVersion":"{}",{rest}"#,
            resource.name,
            resource.api_version()
        )
    }

    /// The object as a JSON tree, for patches and selectors.
    pub(crate) fn value(&self, key: &str, version: u64) -> Value {
        match self {
            Self::Node(node) => node.value(key, version),
            Self::Event(event) => event.value(key, version),
            Self::Given(value) => given(value, version),
            Self::Pod(_) | Self::Lease(_) => {
                serde_json::from_str(&self.text(key, version)).unwrap_or_default()
            }
        }
    }

    /// The value of a field a selector names; empty when the object has none.
    pub(crate) fn field<'a>(&'a self, key: &'a str, path: &str) -> Cow<'a, str> {
        let (namespace, name) = split_key(key);
        match (path, self) {
            ("metadata.name", _) => Cow::Borrowed(name),
            ("metadata.namespace", _) => Cow::Borrowed(namespace),
            ("spec.nodeName", Self::Pod(pod)) => Cow::Borrowed(pod.node_name()),
            ("status.phase", Self::Pod(pod)) => Cow::Borrowed(pod.phase()),
            ("spec.restartPolicy", Self::Pod(pod)) => Cow::Borrowed(pod.restart_policy()),
            ("spec.unschedulable", Self::Node(node)) => Cow::Owned(node.cordoned.to_string()),
            (_, Self::Event(event)) => Cow::Borrowed(event.field(path)),
            (_, Self::Given(value)) => Cow::Owned(given_field(value, path)),
            _ => Cow::Borrowed(""),
        }
    }

    /// The labels, made from the rendered object: only label selectors ask.
    pub(crate) fn labels(&self, key: &str) -> Map<String, Value> {
        let mut value = self.value(key, 0);
        match value.pointer_mut("/metadata/labels").map(Value::take) {
            Some(Value::Object(labels)) => labels,
            _ => Map::new(),
        }
    }

    /// The unique id of this incarnation.
    pub(crate) fn uid(&self, key: &str) -> String {
        let value = self.value(key, 0);
        let uid = value.pointer("/metadata/uid").and_then(Value::as_str);
        uid.unwrap_or_default().to_owned()
    }
}

fn given(value: &Value, version: u64) -> Value {
    let mut value = value.clone();
    if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.insert("resourceVersion".to_owned(), json!(version.to_string()));
    }
    value
}

fn given_field(value: &Value, path: &str) -> String {
    let pointer = format!("/{}", path.replace('.', "/"));
    match value.pointer(&pointer) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Bool(flag)) => flag.to_string(),
        None if path == "spec.unschedulable" => "false".to_owned(),
        _ => String::new(),
    }
}
