//! Core v1 events: what a kubelet or a controller said about a node or a pod.
//!
//! It does not decide when something is said; `life` and `world` do.
//! Invariant: repeated events are one object whose count and last time move, as in the real API.

use serde_json::{Value, json};

use super::random::{hash, uuid};
use super::resource::split_key;
use super::stamp;

/// Something that was said about an object.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    /// `Node`, `Pod` or `Service`.
    pub(crate) about: &'static str,
    pub(crate) object: String,
    /// Empty for nodes.
    pub(crate) object_namespace: String,
    pub(crate) object_uid: String,
    pub(crate) severity: &'static str,
    pub(crate) reason: &'static str,
    pub(crate) message: String,
    pub(crate) component: &'static str,
    /// The node the component runs on; empty for controllers.
    pub(crate) host: String,
    pub(crate) first: i64,
    pub(crate) last: i64,
    pub(crate) count: u32,
}

impl Event {
    pub(crate) fn value(&self, key: &str, version: u64) -> Value {
        let (namespace, name) = split_key(key);
        let mut involved = json!({
            "kind": self.about,
            "name": self.object,
            "uid": self.object_uid,
        });
        if self.about != "Node" {
            involved["apiVersion"] = json!("v1");
            involved["namespace"] = json!(self.object_namespace);
        }
        let mut source = json!({ "component": self.component });
        if !self.host.is_empty() {
            source["host"] = json!(self.host);
        }
        json!({
            "metadata": {
                "name": name,
                "namespace": namespace,
                "uid": uuid(hash(1, key)),
                "resourceVersion": version.to_string(),
                "creationTimestamp": stamp::seconds(self.first),
            },
            "involvedObject": involved,
            "reason": self.reason,
            "message": self.message,
            "source": source,
            "firstTimestamp": stamp::seconds(self.first),
            "lastTimestamp": stamp::seconds(self.last),
            "count": self.count,
            "type": self.severity,
            "eventTime": null,
            "reportingComponent": self.component,
            "reportingInstance": self.host,
        })
    }

    pub(crate) fn field(&self, path: &str) -> &str {
        match path {
            "involvedObject.kind" => self.about,
            "involvedObject.name" => &self.object,
            "involvedObject.namespace" => &self.object_namespace,
            "involvedObject.uid" => &self.object_uid,
            "reason" => self.reason,
            "type" => self.severity,
            "source" => self.component,
            _ => "",
        }
    }
}
