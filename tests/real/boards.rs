//! The objects that kubelets make, as JSON: a board, its lease, its pods, what happens on it.

use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::Timestamp;
use serde_json::{Value, json};

/// A name no other test uses.
pub(crate) fn new_name() -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(1);
    format!("board-{:03}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// A healthy board as its kubelet registers it.
pub(crate) fn node(name: &str) -> Value {
    let id = format!("{name:0>32}");
    json!({
        "kind": "Node",
        "apiVersion": "v1",
        "metadata": {
            "name": name,
            "labels": { "kubernetes.io/hostname": name, "kubernetes.io/arch": "arm64" },
        },
        "spec": { "providerID": format!("k3s://{name}") },
        "status": {
            "addresses": [
                { "type": "InternalIP", "address": "192.0.2.17" },
                { "type": "Hostname", "address": name },
            ],
            "capacity": {
                "cpu": "4", "memory": "8058856Ki", "ephemeral-storage": "61255492Ki", "pods": "110",
            },
            "allocatable": {
                "cpu": "3800m", "memory": "7958856Ki", "ephemeral-storage": "58131462000", "pods": "110",
            },
            "conditions": conditions("True", "kubelet is posting ready status"),
            "nodeInfo": {
                "machineID": id, "systemUUID": id, "bootID": id,
                "kernelVersion": "6.12.34+rpt-rpi-v8",
                "osImage": "Debian GNU/Linux 12 (bookworm)",
                "containerRuntimeVersion": "containerd://2.0.5-k3s2",
                "kubeletVersion": "v1.33.4+k3s1",
                "kubeProxyVersion": "",
                "operatingSystem": "linux",
                "architecture": "arm64",
            },
        },
    })
}

/// All conditions of a node whose Ready has this status and message.
pub(crate) fn conditions(ready: &str, message: &str) -> Value {
    let now = seconds(Timestamp::now());
    let condition = |kind: &str, status: &str, reason: &str, message: &str| {
        json!({
            "type": kind, "status": status, "reason": reason, "message": message,
            "lastHeartbeatTime": now, "lastTransitionTime": now,
        })
    };
    let well = "kubelet has no trouble";
    let reason = if ready == "True" {
        "KubeletReady"
    } else {
        "KubeletNotReady"
    };
    json!([
        condition(
            "MemoryPressure",
            "False",
            "KubeletHasSufficientMemory",
            well
        ),
        condition("DiskPressure", "False", "KubeletHasNoDiskPressure", well),
        condition("PIDPressure", "False", "KubeletHasSufficientPID", well),
        condition("Ready", ready, reason, message),
    ])
}

pub(crate) fn lease(name: &str) -> Value {
    json!({
        "kind": "Lease",
        "apiVersion": "coordination.k8s.io/v1",
        "metadata": { "name": name, "namespace": "kube-node-lease" },
        "spec": {
            "holderIdentity": name,
            "leaseDurationSeconds": 40,
            "renewTime": micros(Timestamp::now()),
        },
    })
}

/// A pod that runs on the board.
pub(crate) fn pod(name: &str, board: &str) -> Value {
    let now = seconds(Timestamp::now());
    json!({
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": { "name": name, "namespace": "default" },
        "spec": { "nodeName": board, "containers": [{ "name": "app", "image": "app:1" }] },
        "status": {
            "phase": "Running",
            "conditions": [{ "type": "Ready", "status": "True", "lastTransitionTime": now }],
            "containerStatuses": [{
                "name": "app", "image": "app:1", "imageID": "", "ready": true, "restartCount": 2,
                "state": { "running": { "startedAt": now } },
            }],
        },
    })
}

/// A warning about an object of that kind and name, seen three times.
pub(crate) fn event(kind: &str, name: &str, message: &str) -> Value {
    let now = seconds(Timestamp::now());
    json!({
        "kind": "Event",
        "apiVersion": "v1",
        "metadata": { "name": new_name(), "namespace": "default" },
        "involvedObject": { "kind": kind, "name": name, "uid": name },
        "type": "Warning",
        "reason": "EvictionThresholdMet",
        "message": message,
        "source": { "component": "kubelet", "host": name },
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 3,
    })
}

/// A budget that keeps so many pods with the label `app` healthy.
pub(crate) fn budget(name: &str, app: &str, least: u32) -> Value {
    json!({
        "kind": "PodDisruptionBudget",
        "apiVersion": "policy/v1",
        "metadata": { "name": name, "namespace": "default" },
        "spec": { "minAvailable": least, "selector": { "matchLabels": { "app": app } } },
    })
}

/// A DaemonSet that wants a pod on this board only.
pub(crate) fn daemon_set(board: &str) -> Value {
    let labels = json!({ "daemon": board });
    json!({
        "kind": "DaemonSet",
        "apiVersion": "apps/v1",
        "metadata": { "name": format!("daemon-{board}"), "namespace": "default" },
        "spec": {
            "selector": { "matchLabels": labels },
            "updateStrategy": { "type": "OnDelete" },
            "template": {
                "metadata": { "labels": labels },
                "spec": {
                    "nodeSelector": { "kubernetes.io/hostname": board },
                    "containers": [{ "name": "app", "image": "app:1" }],
                },
            },
        },
    })
}

/// Where objects like this one are created.
pub(crate) fn collection(object: &Value) -> &'static str {
    match object["kind"].as_str() {
        Some("Node") => "/api/v1/nodes",
        Some("Pod") => "/api/v1/namespaces/default/pods",
        Some("Event") => "/api/v1/namespaces/default/events",
        Some("Secret") => "/api/v1/namespaces/kube-system/secrets",
        Some("PodDisruptionBudget") => "/apis/policy/v1/namespaces/default/poddisruptionbudgets",
        Some("DaemonSet") => "/apis/apps/v1/namespaces/default/daemonsets",
        Some("Lease") => "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases",
        other => panic!("no place for {other:?}"),
    }
}

pub(crate) fn micros(time: Timestamp) -> String {
    format!("{time:.6}")
}

fn seconds(time: Timestamp) -> String {
    format!("{time:.0}")
}
