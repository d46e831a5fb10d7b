//! Watches: how they begin, go on, are resumed and end.

use serde_json::{Value, json};

use super::super::Sim;
use super::{names, quiet, start};

const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases";

fn name(event: &Value) -> (&str, &str) {
    let text = |value: &'_ Value| -> &'static str { value.as_str().unwrap().to_owned().leak() };
    (
        text(&event["type"]),
        text(&event["object"]["metadata"]["name"]),
    )
}

#[tokio::test]
async fn a_watch_from_a_list_brings_what_changed_since() {
    let (sim, client) = quiet().await;
    let list = client.json("/api/v1/nodes").await;
    let version = list["metadata"]["resourceVersion"].as_str().unwrap();
    sim.node("rpi-01").cordon(true);
    let mut watch = client
        .watch(&format!(
            "/api/v1/nodes?watch=true&resourceVersion={version}"
        ))
        .await;
    assert_eq!(name(&watch.next().await.unwrap()), ("MODIFIED", "rpi-01"));
    sim.node("rpi-02").remove();
    let gone = watch.next().await.unwrap();
    assert_eq!(name(&gone), ("DELETED", "rpi-02"));
    sim.node("rpi-02").come_back();
    let back = watch.next().await.unwrap();
    assert_eq!(name(&back), ("ADDED", "rpi-02"));
    assert_ne!(
        back["object"]["metadata"]["uid"],
        gone["object"]["metadata"]["uid"]
    );
}

#[tokio::test]
async fn a_watch_without_a_version_begins_with_what_is_there() {
    let (sim, client) = quiet().await;
    let mut watch = client.watch(&format!("{LEASES}?watch=1")).await;
    for expected in ["k3s-server", "rpi-01", "rpi-02", "rpi-03"] {
        assert_eq!(name(&watch.next().await.unwrap()), ("ADDED", expected));
    }
    sim.node("rpi-03").beat();
    let beat = watch.next().await.unwrap();
    assert_eq!(name(&beat), ("MODIFIED", "rpi-03"));
    assert_eq!(beat["object"]["kind"], "Lease");
}

#[tokio::test]
async fn a_streamed_list_ends_with_a_marked_bookmark() {
    let (_sim, client) = quiet().await;
    let path = "/api/v1/nodes?watch=true&sendInitialEvents=true&allowWatchBookmarks=true\
                &resourceVersionMatch=NotOlderThan";
    let mut watch = client.watch(path).await;
    for _ in 0..4 {
        assert_eq!(watch.next().await.unwrap()["type"], "ADDED");
    }
    let end = watch.next().await.unwrap();
    assert_eq!(end["type"], "BOOKMARK");
    let metadata = &end["object"]["metadata"];
    assert_eq!(metadata["annotations"]["k8s.io/initial-events-end"], "true");
    assert!(
        metadata["resourceVersion"]
            .as_str()
            .unwrap()
            .parse::<u64>()
            .is_ok()
    );
}

#[tokio::test]
async fn bookmarks_come_and_carry_the_newest_version() {
    let scenario = "bookmark-every = 0.05\nbeat = 3600\nnode = [{ name = \"a\" }]";
    let (sim, client) = start(scenario).await;
    let path = format!(
        "{LEASES}?watch=true&allowWatchBookmarks=true&resourceVersion={}",
        version(&sim)
    );
    let mut watch = client.watch(&path).await;
    sim.node("a").cordon(true);
    let newest = json!(sim.api().version().to_string());
    let bookmark = watch
        .until(|event| event["object"]["metadata"]["resourceVersion"] == newest)
        .await;
    assert_eq!(bookmark["type"], "BOOKMARK");
}

#[tokio::test]
async fn a_version_that_is_gone_is_told_in_the_stream() {
    let (sim, client) = quiet().await;
    let old = version(&sim);
    sim.node("rpi-01").beat();
    sim.api().compact();
    let mut watch = client
        .watch(&format!("/api/v1/nodes?watch=true&resourceVersion={old}"))
        .await;
    let error = watch.next().await.unwrap();
    assert_eq!(
        (&error["type"], &error["object"]["code"]),
        (&json!("ERROR"), &json!(410))
    );
    assert_eq!(error["object"]["reason"], "Expired");
    assert!(watch.next().await.is_none());
}

#[tokio::test]
async fn a_watch_ends_when_its_time_is_over() {
    let (sim, client) = quiet().await;
    let path = format!(
        "/api/v1/nodes?watch=true&timeoutSeconds=1&resourceVersion={}",
        version(&sim) + 9_999
    );
    assert!(client.watch(&path).await.next().await.is_none());
}

#[tokio::test]
async fn leaving_a_selection_looks_like_a_deletion() {
    let (sim, client) = quiet().await;
    let path = format!(
        "/api/v1/nodes?watch=true&fieldSelector=spec.unschedulable%3Dtrue&resourceVersion={}",
        version(&sim)
    );
    let mut watch = client.watch(&path).await;
    sim.node("rpi-02").cordon(true);
    assert_eq!(name(&watch.next().await.unwrap()), ("ADDED", "rpi-02"));
    sim.node("rpi-02").cordon(false);
    assert_eq!(name(&watch.next().await.unwrap()), ("DELETED", "rpi-02"));
}

#[tokio::test]
async fn objects_given_by_a_test_are_shown_as_they_are() {
    let (sim, client) = quiet().await;
    let path = format!("/api/v1/nodes?watch=true&resourceVersion={}", version(&sim));
    let mut watch = client.watch(&path).await;
    sim.put(json!({ "kind": "Node", "metadata": { "name": "\u{1b}[31mred" } }))
        .unwrap();
    let event = watch.next().await.unwrap();
    assert_eq!(name(&event), ("ADDED", "\u{1b}[31mred"));
    assert_eq!(event["object"]["status"], json!(null));
    let odd = json!({
        "kind": "Lease",
        "metadata": { "name": "nobody", "namespace": "kube-node-lease" },
        "spec": { "renewTime": "2099-01-01T00:00:00.000000Z" },
    });
    sim.put(odd).unwrap();
    assert!(names(&client.json(LEASES).await).contains(&"nobody".to_owned()));
    sim.patch(
        "Node",
        "rpi-01",
        &json!({ "status": { "conditions": null } }),
    )
    .unwrap();
    let patched = watch.next().await.unwrap();
    assert_eq!(patched["object"]["status"]["conditions"], json!(null));
    assert!(sim.delete("Lease", "kube-node-lease/nobody"));
    assert!(
        sim.put(json!({ "kind": "Gizmo", "metadata": { "name": "x" } }))
            .is_err()
    );
}

fn version(sim: &Sim) -> u64 {
    sim.api().version()
}
