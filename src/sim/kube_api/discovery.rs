//! What the server says about itself: its version, its groups, its resources.
//!
//! Only the plain form; a client that asks for aggregated discovery gets this, as the Accept
//! header allows. Invariant: what is listed here can be listed there.

use hyper::StatusCode;
use serde_json::{Value, json};

use super::super::resource::{ALL, Resource};
use super::super::shared::Shared;
use super::reply::{self, Answer};

pub(crate) fn answer(shared: &Shared, path: &str) -> Answer {
    let (version, has_metrics) = {
        let world = shared.world();
        let version = world.scenario.server_version.clone();
        (version, world.scenario.metrics)
    };
    let value = match path {
        "/version" => Some(version_info(&version)),
        "/api" => Some(json!({
            "kind": "APIVersions",
            "versions": ["v1"],
            "serverAddressByClientCIDRs": [],
        })),
        "/apis" => Some(groups(has_metrics)),
        "/api/v1" => Some(resources("v1", "")),
        "/apis/coordination.k8s.io/v1" => {
            Some(resources("coordination.k8s.io/v1", "coordination.k8s.io"))
        }
        "/apis/policy/v1" => Some(resources("policy/v1", "policy")),
        "/apis/metrics.k8s.io/v1beta1" if has_metrics => Some(metrics()),
        _ => None,
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

fn groups(has_metrics: bool) -> Value {
    let mut groups = vec![("policy", "v1"), ("coordination.k8s.io", "v1")];
    if has_metrics {
        groups.push(("metrics.k8s.io", "v1beta1"));
    }
    let groups: Vec<Value> = groups
        .into_iter()
        .map(|(name, version)| {
            let version =
                json!({ "groupVersion": format!("{name}/{version}"), "version": version });
            json!({ "name": name, "versions": [version], "preferredVersion": version })
        })
        .collect();
    json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": groups })
}

fn resources(group_version: &str, group: &str) -> Value {
    let of_group = ALL.iter().filter(|resource| resource.group == group);
    let resources: Vec<Value> = of_group.map(|resource| describe(resource)).collect();
    json!({
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": group_version,
        "resources": resources,
    })
}

fn describe(resource: &Resource) -> Value {
    let mut described = json!({
        "name": resource.plural,
        "singularName": resource.name.to_lowercase(),
        "namespaced": resource.namespaced,
        "kind": resource.name,
        "verbs": ["delete", "get", "list", "patch", "watch"],
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
