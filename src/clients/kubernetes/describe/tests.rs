//! The page as text.

use serde_json::json;

use super::*;

fn page() -> Page {
    Page::new("2026-11-24T10:00:00Z".parse().unwrap())
}

#[test]
fn a_pod_that_crashes_says_why_when_and_what_was_said_about_it() {
    let pod = json!({
        "metadata": {
            "name": "web-x", "namespace": "shop", "labels": { "app": "web" },
            "creationTimestamp": "2026-11-24T09:00:00Z",
            "annotations": { "note": "annotated" },
            "ownerReferences": [{ "kind": "ReplicaSet", "name": "web" }],
        },
        "spec": {
            "nodeName": "rpi-01",
            "tolerations": [
                { "key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300 },
            ],
            "containers": [{
                "name": "app", "image": "web:1", "command": ["/web", "-v"],
                "env": [{ "name": "PASSWORD", "value": "hunter2" }],
                "resources": { "limits": { "memory": "64Mi" } },
                "livenessProbe": { "httpGet": { "path": "/healthz", "port": "http" }, "periodSeconds": 5 },
                "volumeMounts": [{ "name": "data", "mountPath": "/data", "readOnly": true }],
            }],
            "volumes": [{ "name": "data", "persistentVolumeClaim": { "claimName": "web-data" } }],
        },
        "status": {
            "phase": "Running", "hostIP": "192.0.2.17",
            "conditions": [{ "type": "Ready", "status": "False", "reason": "ContainersNotReady", "message": "app" }],
            "containerStatuses": [{
                "name": "app", "ready": false, "restartCount": 12,
                "state": { "waiting": { "reason": "CrashLoopBackOff", "message": "back-off 5m0s" } },
                "lastState": { "terminated": { "exitCode": 137, "reason": "OOMKilled", "finishedAt": "2026-11-24T09:57:00Z" } },
            }],
        },
    });
    let mut page = page();
    page.object(&pod);
    for words in [
        "Name          web-x\n",
        "Made by       ReplicaSet web\n",
        "Created       2026-11-24T09:00:00Z, 60m ago\n",
        "Node          rpi-01 192.0.2.17\n",
        "Tolerates     node.kubernetes.io/not-ready:NoExecute for 300s\n",
        "    state     Waiting, CrashLoopBackOff: back-off 5m0s\n",
        "    before    Ended, OOMKilled, exit code 137, 2026-11-24T09:57:00Z, 3m ago\n",
        "    ready     no, 12 restarts\n",
        "    limits    memory=64Mi\n",
        "GET :http/healthz, every 5s, 3 failures in a row count\n",
        "    env       PASSWORD\n",
        "/data from data, read-only\n",
        "persistentVolumeClaim web-data\n",
        "  Ready: False, ContainersNotReady: app\n",
    ] {
        assert!(page.text.contains(words), "{words:?} in\n{}", page.text);
    }
    for secret in ["hunter2", "annotated"] {
        assert!(!page.text.contains(secret), "{secret} in\n{}", page.text);
    }
}

#[test]
fn a_workload_tells_how_many_pods_it_wants_and_has() {
    let deployment = json!({
        "metadata": { "name": "web", "namespace": "shop" },
        "spec": {
            "replicas": 0, "selector": { "matchLabels": { "app": "web" } },
            "strategy": { "type": "Recreate" },
            "template": { "spec": { "containers": [{ "name": "app", "image": "web:1" }] } },
        },
        "status": { "readyReplicas": 0 },
    });
    let mut page = page();
    page.object(&deployment);
    for words in [
        "Selector      app=web\n",
        "Strategy      Recreate\n",
        "Pods          0 wanted, 0 ready\n",
        "    image     web:1\n",
    ] {
        assert!(page.text.contains(words), "{words:?} in\n{}", page.text);
    }
}

#[test]
fn events_stand_in_their_order_and_nonsense_is_no_reason_to_fall() {
    let event = |last: &str, message: &str| {
        json!({
            "type": "Warning", "reason": "BackOff", "message": message, "count": 3,
            "lastTimestamp": last, "source": { "component": "kubelet" },
        })
    };
    let mut page = page();
    page.events(&[
        event("2026-11-24T09:59:00Z", "newer"),
        event("2026-11-24T09:30:00Z", "older"),
    ]);
    let (older, newer) = (page.text.find("older"), page.text.find("newer"));
    assert!(older < newer, "{}", page.text);
    assert!(
        page.text.contains("60s ago, 3 times, by kubelet"),
        "{}",
        page.text
    );
    for nonsense in [
        json!(null),
        json!([1]),
        json!({ "spec": { "containers": [3, {}] }, "status": 7 }),
    ] {
        page.object(&nonsense);
        page.events(&[nonsense]);
    }
}
