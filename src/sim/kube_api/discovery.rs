//! What the server says about itself: its version, its groups, its resources.
//!
//! Only the plain form; a client that asks for aggregated discovery gets this, as the Accept
//! header allows. Invariant: what is listed here can be listed there.

use std::collections::{BTreeMap, BTreeSet};

use hyper::StatusCode;
use serde_json::{Value, json};

use super::super::resource::{ALL, Resource};
use super::super::shared::Shared;
use super::reply::{self, Answer};

pub(crate) fn answer(shared: &Shared, path: &str) -> Answer {
    let world = shared.world();
    let version = &world.scenario.server_version;
    let has_metrics = world.scenario.metrics;
    let served: Vec<&Resource> = ALL.iter().filter(|it| world.serves(it.kind)).collect();
    let value = match path {
        "/version" => Some(version_info(version)),
        "/api" => Some(json!({
            "kind": "APIVersions",
            "versions": ["v1"],
            "serverAddressByClientCIDRs": [],
        })),
        "/apis" => Some(groups(&served, has_metrics)),
        "/api/v1" => resources(&served, "", "v1"),
        "/apis/metrics.k8s.io/v1beta1" if has_metrics => Some(metrics()),
        _ => match path.trim_start_matches("/apis/").split_once('/') {
            Some((group, version)) => resources(&served, group, version),
            None => None,
        },
    };
    match value {
        Some(value) => reply::json_value(StatusCode::OK, &value),
        None => reply::not_found_text(),
    }
}

fn version_info(version: &str) -> Value {
    let mut numbers = version.trim_start_matches('v').split('.');
    json!({
        "major": numbers.next().unwrap_or_default(),
        "minor": numbers.next().unwrap_or_default(),
        "gitVersion": version,
        "gitCommit": "148243c49519922720fe1b340008dbce8fb02516",
        "gitTreeState": "clean",
        "buildDate": "2025-08-25T19:16:06Z",
        "goVersion": "go1.24.5",
        "compiler": "gc",
        "platform": "linux/arm64",
    })
}

fn groups(served: &[&Resource], has_metrics: bool) -> Value {
    let mut groups = BTreeMap::<&str, BTreeSet<&str>>::new();
    for resource in served.iter().filter(|it| !it.group.is_empty()) {
        let versions = groups.entry(resource.group).or_default();
        versions.insert(resource.version);
    }
    if has_metrics {
        groups.insert("metrics.k8s.io", ["v1beta1"].into());
    }
    let groups: Vec<Value> = groups
        .into_iter()
        .map(|(name, versions)| {
            let version = |version: &&str| json!({ "groupVersion": format!("{name}/{version}"), "version": version });
            let all: Vec<Value> = versions.iter().map(version).collect();
            json!({ "name": name, "versions": all, "preferredVersion": all.first() })
        })
        .collect();
    json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": groups })
}

/// The resources of a group and version; `None` when there are none, which is how an unknown group looks.
fn resources(served: &[&Resource], group: &str, version: &str) -> Option<Value> {
    let of_group = served
        .iter()
        .filter(|it| it.group == group && it.version == version);
    let resources: Vec<Value> = of_group.map(|resource| describe(resource)).collect();
    let name = match group {
        "" => version.to_owned(),
        group => format!("{group}/{version}"),
    };
    (!resources.is_empty()).then(|| {
        json!({
            "kind": "APIResourceList",
            "apiVersion": "v1",
            "groupVersion": name,
            "resources": resources,
        })
    })
}

fn describe(resource: &Resource) -> Value {
    let mut described = json!({
        "name": resource.plural,
        "singularName": resource.name.to_lowercase(),
        "namespaced": resource.namespaced,
        "kind": resource.name,
        "verbs": ["create", "delete", "get", "list", "patch", "update", "watch"],
    });
    if !resource.short.is_empty() {
        described["shortNames"] = json!([resource.short]);
    }
    described
}

fn metrics() -> Value {
    let resource = |name: &str, kind: &str, namespaced: bool| {
        json!({
            "name": name,
            "singularName": "",
            "namespaced": namespaced,
            "kind": kind,
            "verbs": ["get", "list"],
        })
    };
    json!({
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": "metrics.k8s.io/v1beta1",
        "resources": [
            resource("nodes", "NodeMetrics", false),
            resource("pods", "PodMetrics", true),
        ],
    })
}
