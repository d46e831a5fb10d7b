//! The objects of a rack with MetalLB and many Services, as the API sends them.
//!
//! It makes JSON and sends nothing: `cargo bench --bench services` and the whole-program bench both read it.

use bramble::rack::node::NodeName;
use bramble::rack::vip::election;
use serde_json::{Value, json};

pub(crate) const NAMESPACE: &str = "metallb-system";

pub(crate) fn name(index: usize) -> String {
    format!("svc-{index:04}")
}

/// Inside the pool, one for each Service.
pub(crate) fn address(index: usize) -> String {
    format!("10.200.{}.{}", index / 250, 1 + index % 250)
}

/// A Service with its address, in the version `turn`.
pub(crate) fn service(index: usize, namespace: &str, turn: usize) -> Value {
    json!({
        "metadata": {
            "name": name(index),
            "namespace": namespace,
            "labels": { "turn": turn.to_string() },
        },
        "spec": {
            "type": "LoadBalancer",
            "ports": [{ "name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP" }],
        },
    })
}

/// What the controller writes into its status.
pub(crate) fn ingress(index: usize) -> Value {
    json!({ "status": { "loadBalancer": { "ingress": [{ "ip": address(index), "ipMode": "VIP" }] } } })
}

/// Three endpoints, of which `ready` are.
pub(crate) fn slice(index: usize, namespace: &str, nodes: &[String], ready: usize) -> Value {
    let endpoint = |number: usize| {
        json!({
            "addresses": [format!("10.42.{}.{}", number, 1 + index % 250)],
            "nodeName": nodes[(index + number) % nodes.len()],
            "conditions": { "ready": number < ready, "serving": number < ready },
        })
    };
    json!({
        "metadata": {
            "name": format!("{}-x", name(index)),
            "namespace": namespace,
            "labels": { "kubernetes.io/service-name": name(index) },
        },
        "addressType": "IPv4",
        "endpoints": (0..3).map(endpoint).collect::<Vec<_>>(),
        "ports": [{ "name": "http", "port": 8080, "protocol": "TCP" }],
    })
}

/// What the speaker says that announces it: the one that MetalLB's election gives.
pub(crate) fn l2_status(index: usize, namespace: &str, nodes: &[String]) -> Value {
    let names: Vec<NodeName> = nodes.iter().map(|it| NodeName::new(it)).collect();
    let node = election::order(&names, &address(index)).swap_remove(0);
    json!({
        "apiVersion": "metallb.io/v1beta1",
        "kind": "ServiceL2Status",
        "metadata": { "name": format!("l2-{index:04}"), "namespace": NAMESPACE },
        "status": { "node": node.as_str(), "serviceName": name(index), "serviceNamespace": namespace },
    })
}

pub(crate) fn pool() -> Value {
    let spec = json!({ "addresses": ["10.200.0.0/20"] });
    resource("IPAddressPool", &spec)
}

pub(crate) fn advertisement() -> Value {
    resource("L2Advertisement", &json!({ "ipAddressPools": ["lan"] }))
}

fn resource(kind: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "metallb.io/v1beta1",
        "kind": kind,
        "metadata": { "name": "lan", "namespace": NAMESPACE },
        "spec": spec,
    })
}

/// MetalLB's own DaemonSet or Deployment, with its status.
pub(crate) fn workload(kind: &str, part: &str, count: usize) -> Value {
    let labels = json!({ "app": "metallb", "component": part });
    let container = json!({ "name": part, "image": format!("quay.io/metallb/{part}:v0.15.3") });
    json!({
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": { "name": part, "namespace": NAMESPACE, "labels": labels },
        "spec": {
            "selector": { "matchLabels": labels },
            "template": { "metadata": { "labels": labels }, "spec": { "containers": [container] } },
        },
        "status": {
            "replicas": count, "readyReplicas": count,
            "desiredNumberScheduled": count, "numberReady": count,
        },
    })
}

/// The name of a kind in a path, and the version it is served in.
pub(crate) const KINDS: [(&str, &str, &str); 9] = [
    ("IPAddressPool", "ipaddresspools", "v1beta1"),
    ("L2Advertisement", "l2advertisements", "v1beta1"),
    ("BGPAdvertisement", "bgpadvertisements", "v1beta1"),
    ("BGPPeer", "bgppeers", "v1beta2"),
    ("BFDProfile", "bfdprofiles", "v1beta1"),
    ("Community", "communities", "v1beta1"),
    ("ServiceL2Status", "servicel2statuses", "v1beta1"),
    ("ServiceBGPStatus", "servicebgpstatuses", "v1beta1"),
    ("ConfigurationState", "configurationstates", "v1beta1"),
];

/// A definition of a kind that takes anything.
pub(crate) fn definition(kind: &str, plural: &str, version: &str) -> Value {
    let open = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": { "name": format!("{plural}.metallb.io") },
        "spec": {
            "group": "metallb.io",
            "scope": "Namespaced",
            "names": {
                "kind": kind, "plural": plural, "singular": kind.to_lowercase(), "listKind": format!("{kind}List"),
            },
            "versions": [{
                "name": version,
                "served": true,
                "storage": true,
                "schema": { "openAPIV3Schema": { "type": "object", "properties": { "spec": open, "status": open } } },
            }],
        },
    })
}
