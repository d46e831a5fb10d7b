//! The rack lives: heartbeats, boards that go dark and come back, pods that follow.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::life;
use super::super::populate;
use super::super::resource::Kind;
use super::super::{Pressure, Scenario, Sim};
use super::client::Client;
use super::{names, quiet, start};

fn ready(node: &Value) -> &Value {
    &node["status"]["conditions"][3]
}

fn taints(node: &Value) -> Vec<String> {
    let taints = node["spec"]["taints"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    taints
        .iter()
        .map(|taint| taint["key"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn the_office_is_the_rack_of_the_design() {
    let sim = Sim::start(Scenario::shipped("office").unwrap(), 1)
        .await
        .unwrap();
    let client = Client::new(&sim);
    let nodes = client.json("/api/v1/nodes").await;
    assert_eq!(names(&nodes), ["k3s-server", "rpi-01", "rpi-02", "rpi-03"]);
    for (node, pods) in [
        ("k3s-server", 23),
        ("rpi-01", 14),
        ("rpi-02", 16),
        ("rpi-03", 9),
    ] {
        let path = format!("/api/v1/pods?fieldSelector=spec.nodeName%3D{node}");
        assert_eq!(names(&client.json(&path).await).len(), pods, "{node}");
    }
    assert!(
        sim.kubeconfig()
            .contains("current-context: \"office-rack\"")
    );
}

#[tokio::test]
async fn a_bad_day_has_every_trouble() {
    let sim = Sim::start(Scenario::shipped("bad-day").unwrap(), 1)
        .await
        .unwrap();
    let client = Client::new(&sim);
    let node = async |name: &str| client.json(&format!("/api/v1/nodes/{name}")).await;
    let lost = node("rpi-03").await;
    assert_eq!(ready(&lost)["reason"], "NodeStatusUnknown");
    assert!(taints(&lost).contains(&"node.kubernetes.io/unreachable".to_owned()));
    let broken = node("rpi-04").await;
    assert_eq!(ready(&broken)["reason"], "KubeletNotReady");
    assert_eq!(
        node("rpi-06").await["status"]["nodeInfo"]["kubeletVersion"],
        "v1.34.1+k3s1"
    );
    let machine = async |name: &str| node(name).await["status"]["nodeInfo"]["machineID"].clone();
    assert_eq!(machine("rpi-06").await, machine("rpi-07").await);
    assert_eq!(client.get("/api/v1/events").await.code, 403);
    let pods = client.json("/api/v1/pods").await.to_string();
    for reason in [
        "CrashLoopBackOff",
        "ImagePullBackOff",
        "Unschedulable",
        "Evicted",
    ] {
        assert!(pods.contains(reason), "no pod is {reason}");
    }
}

#[tokio::test]
async fn a_board_that_goes_dark_is_lost_and_found_again() {
    let scenario = "beat = 0.05\ngrace = 0.3\nnode = [{ name = \"a\" }, { name = \"b\" }]\n\
                    workload = [{ name = \"web\", image = \"web\", on = [\"a\"] }]";
    let (sim, client) = start(scenario).await;
    let mut nodes = client.watch("/api/v1/nodes?watch=true").await;
    let mut pods = client.watch("/api/v1/pods?watch=true").await;
    sim.node("a").go_dark();
    let lost = nodes
        .until(|event| !taints(&event["object"]).is_empty())
        .await;
    assert_eq!(lost["object"]["metadata"]["name"], "a");
    assert_eq!(ready(&lost["object"])["status"], "Unknown");
    assert_eq!(
        taints(&lost["object"]),
        ["node.kubernetes.io/unreachable"; 2]
    );
    let pod_ready = |status: &'static str| {
        move |event: &Value| event["object"]["status"]["conditions"][2]["status"] == status
    };
    pods.until(pod_ready("False")).await;
    sim.node("a").come_back();
    let found = nodes
        .until(|event| taints(&event["object"]).is_empty())
        .await;
    assert_eq!(ready(&found["object"])["status"], "True");
    pods.until(pod_ready("True")).await;
    let events = client
        .json("/api/v1/events?fieldSelector=involvedObject.kind=Node")
        .await
        .to_string();
    assert!(events.contains("NodeNotReady") && events.contains("NodeReady"));
}

#[tokio::test]
async fn handles_change_what_the_api_shows() {
    let (sim, client) = quiet().await;
    let path = "/api/v1/nodes/rpi-01";
    let node = sim.node("rpi-01");
    let before = client.json(path).await;
    node.set_pressure(Pressure::Disk, true);
    let full = client.json(path).await;
    assert_eq!(taints(&full), ["node.kubernetes.io/disk-pressure"]);
    node.set_pressure(Pressure::Disk, false);
    node.be_lost();
    assert_eq!(ready(&client.json(path).await)["status"], "Unknown");
    node.come_back();
    assert_eq!(ready(&client.json(path).await)["status"], "True");
    node.replace();
    let after = client.json(path).await;
    for pointer in [
        "/metadata/uid",
        "/status/nodeInfo/machineID",
        "/status/nodeInfo/bootID",
    ] {
        assert_ne!(before.pointer(pointer), after.pointer(pointer), "{pointer}");
    }
    let _ = node.rename("rpi-99");
    assert_eq!(client.get(path).await.code, 404);
    assert_eq!(client.get("/api/v1/nodes/rpi-99").await.code, 200);
    sim.node("nobody").go_dark();
}

#[tokio::test]
async fn an_evicted_pod_ends_and_starts_elsewhere() {
    let (sim, client) = quiet().await;
    sim.node("rpi-01").cordon(true);
    let path = "/api/v1/pods?fieldSelector=spec.nodeName%3Drpi-01";
    let pods = client
        .json(&format!("{path}&labelSelector=app.kubernetes.io/name=web"))
        .await;
    let name = names(&pods).remove(0);
    let mut watch = client
        .watch("/api/v1/namespaces/default/pods?watch=true")
        .await;
    let body = json!({ "kind": "Eviction", "metadata": { "name": name } }).to_string();
    let eviction = format!("/api/v1/namespaces/default/pods/{name}/eviction");
    let done = client
        .send("POST", &eviction, "application/json", &body)
        .await;
    assert_eq!(
        (done.code, &done.json()["status"]),
        (201, &json!("Success"))
    );
    let is = |what: &'static str, own: bool, name: String| {
        move |event: &Value| {
            event["type"] == what && (event["object"]["metadata"]["name"] == *name) == own
        }
    };
    let ending = watch.until(is("MODIFIED", true, name.clone())).await;
    assert!(ending["object"]["metadata"]["deletionTimestamp"].is_string());
    watch.until(is("DELETED", true, name.clone())).await;
    let now = client.json("/api/v1/namespaces/default/pods").await;
    assert_eq!(names(&now).len(), 2);
    assert!(!names(&now).contains(&name));
}

#[tokio::test]
async fn an_odd_node_given_by_a_test_still_beats() {
    let (sim, client) = start("beat = 0.05\nnode = [{ name = \"a\" }]").await;
    sim.put(json!({ "kind": "Node", "metadata": { "name": "a" } }))
        .unwrap();
    let leases = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases";
    let mut watch = client.watch(&format!("{leases}?watch=true")).await;
    for _ in 0..3 {
        assert!(watch.next().await.is_some());
    }
    assert_eq!(client.json("/api/v1/nodes/a").await["status"], json!(null));
}

#[tokio::test]
async fn a_pod_that_finds_no_board_waits_for_one() {
    let (sim, client) = start(
        "beat = 3600\nnode = [{ name = \"a\" }]\n\
         workload = [{ name = \"web\", image = \"web\" }]",
    )
    .await;
    sim.node("a").cordon(true);
    let pods = client.json("/api/v1/pods").await;
    let path = format!("/api/v1/namespaces/default/pods/{}", names(&pods)[0]);
    let mut watch = client.watch("/api/v1/pods?watch=true").await;
    client.send("DELETE", &path, "", "").await;
    let phase = |event: &Value| event["object"]["status"]["phase"].clone();
    let waiting = watch.until(|event| phase(event) == "Pending").await;
    assert_eq!(waiting["object"]["spec"]["nodeName"], json!(null));
    sim.node("a").cordon(false);
    let name = waiting["object"]["metadata"]["name"].clone();
    let placed = |event: &Value| {
        event["object"]["metadata"]["name"] == name && event["object"]["spec"]["nodeName"] == "a"
    };
    watch.until(placed).await;
}

/// What happened in the first minutes of a rack, without time stamps.
fn history(scenario: &str, seed: u64) -> Vec<String> {
    let mut world = populate::world(Scenario::shipped(scenario).unwrap(), seed);
    let mut lines: Vec<String> = world
        .store
        .iter(Kind::Pod)
        .map(|(key, _)| key.to_string())
        .collect();
    let version = world.store.version();
    life::run_due(&mut world, Duration::from_secs(180));
    for kind in [Kind::Node, Kind::Pod, Kind::Lease, Kind::Event] {
        let changes = world.store.since(kind, version, usize::MAX).unwrap();
        lines.extend(
            changes
                .iter()
                .map(|change| format!("{} {}", change.version, change.key)),
        );
    }
    lines
}

#[test]
fn the_same_seed_gives_the_same_history() {
    let first = history("bad-day", 7);
    assert!(first.len() > 100);
    assert_eq!(first, history("bad-day", 7));
    assert_ne!(first, history("bad-day", 8));
}

#[test]
fn the_large_rack_changes_two_hundred_times_a_second() {
    let mut world = populate::world(Scenario::shipped("large").unwrap(), 1);
    assert_eq!(world.store.len(Kind::Node), 1000);
    assert_eq!(world.store.len(Kind::Pod), 20_000);
    let version = world.store.version();
    life::run_due(&mut world, Duration::from_secs(20));
    let rate = (world.store.version() - version) / 20;
    assert!((180..=230).contains(&rate), "{rate} changes a second");
}
