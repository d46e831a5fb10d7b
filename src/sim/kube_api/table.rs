//! A list of nodes as a Table, the form `kubectl get nodes` asks for; other kinds are not printed.
//!
//! Only the columns of the narrow table, and no objects in the rows, as `includeObject=None` asks.

use hyper::StatusCode;
use serde_json::{Value, json};

use super::super::object::Object;
use super::super::resource::Kind;
use super::super::shared::Shared;
use super::address::Place;
use super::reply::{self, Answer};

/// Whether the client's Accept header asks for a Table.
pub(crate) fn is_wanted(accept: &str) -> bool {
    accept.contains("as=Table")
}

pub(crate) fn nodes(shared: &Shared, place: &Place) -> Answer {
    if place.kind != Kind::Node {
        return reply::refuse(
            StatusCode::NOT_ACCEPTABLE,
            "NotAcceptable",
            "only nodes are printed as a Table here",
            &Value::Null,
        );
    }
    let world = shared.world();
    let rows: Vec<Value> = (world.store.iter(Kind::Node))
        .map(|(key, stored)| json!({ "cells": cells(key, &stored.object), "object": null }))
        .collect();
    let columns: Vec<Value> = ["Name", "Status", "Roles", "Age", "Version"]
        .map(|name| json!({ "name": name, "type": "string", "format": "", "description": "", "priority": 0 }))
        .into();
    let table = json!({
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": { "resourceVersion": world.store.version().to_string() },
        "columnDefinitions": columns,
        "rows": rows,
    });
    reply::json_value(StatusCode::OK, &table)
}

fn cells(key: &str, object: &Object) -> Value {
    let node = object.value(key, 0);
    let text = |pointer: &str| {
        let found = node.pointer(pointer).and_then(Value::as_str);
        found.unwrap_or_default().to_owned()
    };
    let labels = node.pointer("/metadata/labels").and_then(Value::as_object);
    let roles: Vec<&str> = labels
        .into_iter()
        .flat_map(|labels| labels.keys())
        .filter_map(|label| label.strip_prefix("node-role.kubernetes.io/"))
        .collect();
    let roles = if roles.is_empty() {
        "<none>".to_owned()
    } else {
        roles.join(",")
    };
    let version = text("/status/nodeInfo/kubeletVersion");
    json!([key, status(&node), roles, "91d", version])
}

/// `Ready`, `NotReady,SchedulingDisabled`; `Unknown` without the condition.
fn status(node: &Value) -> String {
    let conditions = node.pointer("/status/conditions").and_then(Value::as_array);
    let ready = (conditions.into_iter().flatten()).find(|it| it["type"] == "Ready");
    let mut status = match ready {
        Some(ready) if ready["status"] == "True" => "Ready".to_owned(),
        Some(_) => "NotReady".to_owned(),
        None => "Unknown".to_owned(),
    };
    if node.pointer("/spec/unschedulable") == Some(&Value::Bool(true)) {
        status.push_str(",SchedulingDisabled");
    }
    status
}
