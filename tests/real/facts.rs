//! What is in the cluster arrives as facts: whole, soon, and letter by letter.

use std::time::Duration;

use bramble::rack::Rack;
use bramble::rack::event::NodeEvent;
use bramble::rack::facts::{Change, Fact};
use bramble::rack::link::{Source, SourceState};
use bramble::rack::node::{NodeName, Role, Truth};
use bramble::rack::pod::PodHealth;
use jiff::Timestamp;
use serde_json::json;

use crate::bed::Bed;
use crate::boards;
use crate::follower::{Follower, SOON, node};
use crate::place::Who;

ask_both!(
    nodes_are_listed_and_become_facts,
    a_renewed_lease_is_a_beat_within_a_second,
    a_watch_tells_what_came_changed_and_went,
    pods_and_events_of_a_node_arrive,
    escapes_and_wide_letters_come_through_unchanged,
);

async fn nodes_are_listed_and_become_facts(bed: Bed) {
    let board = bed.board().await;
    let mut follower = Follower::live(bed.target(Who::Admin)).await;
    let knows_version = |rack: &Rack| rack.cluster.version.is_some();
    follower.until("the version", SOON, knows_version).await;
    let raw = bed.node(&board).await;
    let text = |pointer: &str| raw.pointer(pointer).and_then(|it| it.as_str()).unwrap();

    let node = follower.node(&board);
    assert_eq!(&*node.uid.0, text("/metadata/uid"));
    assert_eq!(&*node.resource_version.0, text("/metadata/resourceVersion"));
    let created: Timestamp = text("/metadata/creationTimestamp").parse().unwrap();
    assert_eq!(node.created, Some(created));
    assert_eq!(json!(node.labels), raw["metadata"]["labels"]);
    assert_eq!(node.role(), Role::Agent);
    assert_eq!(node.ready(), Some(Truth::True));
    assert_eq!(node.conditions.len(), 4);
    assert_eq!(node.taints, []);
    assert_eq!(
        node.internal_ip(),
        raw["status"]["addresses"][0]["address"].as_str()
    );
    assert_eq!(node.capacity.cpu_milli, Some(4000));
    assert_eq!(node.capacity.pods, Some(110));
    assert!(node.allocatable.memory_bytes.unwrap() > 1 << 30);
    assert!(node.allocatable.disk_bytes.unwrap() > 1 << 30);
    let info = &node.info;
    assert_eq!(&*info.os_image, text("/status/nodeInfo/osImage"));
    assert_eq!(&*info.machine_id, text("/status/nodeInfo/machineID"));
    assert_eq!(
        &*info.kubelet_version,
        text("/status/nodeInfo/kubeletVersion")
    );

    assert!(follower.rack.beat(&node.name).is_some(), "the lease too");
    for source in [Source::Nodes, Source::Leases, Source::Pods, Source::Events] {
        assert_eq!(*follower.rack.link.source(source), SourceState::Live);
        assert_eq!(follower.lists(source), 1, "{source:?}");
    }
    assert_eq!(
        *follower.rack.link.source(Source::Metrics),
        SourceState::Absent,
        "there is no metrics-server"
    );
    let version = bed.hand().get("/version").await;
    assert_eq!(
        follower.rack.cluster.version.as_deref(),
        version["gitVersion"].as_str()
    );
}

async fn a_renewed_lease_is_a_beat_within_a_second(bed: Bed) {
    let board = bed.board().await;
    let name = NodeName::new(&board);
    let mut follower = Follower::live(bed.target(Who::Admin)).await;
    let first = follower.rack.beat(&name).unwrap();
    assert!(first.is_estimate(), "nobody has heard it beat yet");
    let mut delays = Vec::new();
    for _ in 0..5 {
        let (written, stamp) = (follower.now(), Timestamp::now());
        bed.beat(&board).await;
        let came = follower
            .until("the renewal arrives", SOON, |rack| {
                let beat = rack.beat(&name).unwrap();
                beat.renewed().is_some_and(|renewed| renewed >= stamp)
            })
            .await;
        delays.push(came.saturating_sub(written));
    }
    delays.sort();
    // The middle one: another program may take the processor away for a while.
    assert!(delays[2] < Duration::from_secs(1), "{delays:?}");
    assert!(!follower.rack.beat(&name).unwrap().is_estimate());
    assert_eq!(follower.lists(Source::Leases), 1, "watched, not listed");
}

async fn a_watch_tells_what_came_changed_and_went(bed: Bed) {
    let mut follower = Follower::live(bed.target(Who::Admin)).await;
    let name = boards::new_name();
    bed.put(&boards::node(&name)).await;
    let is_there = node(&name, |node| node.ready() == Some(Truth::True));
    follower.until("the new node", SOON, is_there).await;

    let label = json!({ "metadata": { "labels": { "rack": "left" } } });
    bed.change(&name, label).await;
    let is_labelled = node(&name, |node| node.labels.contains_key("rack"));
    follower.until("its new label", SOON, is_labelled).await;

    let status = json!({ "conditions": boards::conditions("False", "the network is down") });
    bed.report(&name, status).await;
    let is_down = node(&name, |node| {
        node.ready() == Some(Truth::False)
            && &*node.condition("Ready").unwrap().message == "the network is down"
    });
    follower.until("its new status", SOON, is_down).await;

    bed.remove(&name).await;
    let id = NodeName::new(&name);
    let is_gone = |rack: &Rack| rack.node(&id).is_none();
    follower.until("the deletion", SOON, is_gone).await;
    let told = |fact: &Fact| matches!(fact, Fact::Nodes(Change::Deleted(node)) if node.name == id);
    assert!(follower.log.iter().any(|(_, fact)| told(fact)));
    assert_eq!(follower.lists(Source::Nodes), 1, "watched, not listed");
}

/// The messages of warnings about a node, newest first. What a real node controller remarks of a new node is none.
fn warnings(rack: &Rack, node: &NodeName) -> Vec<String> {
    let events = rack.events_of(node).filter(|event| event.is_warning);
    events.map(|event| event.message.to_string()).collect()
}

async fn pods_and_events_of_a_node_arrive(bed: Bed) {
    let board = bed.board().await;
    let name = NodeName::new(&board);
    let listed = boards::new_name();
    bed.put(&boards::pod(&listed, &board)).await;
    bed.put(&boards::event("Node", &board, "listed")).await;
    let mut follower = Follower::live(bed.target(Who::Admin)).await;
    assert_eq!(follower.rack.pod_counts(&name).unwrap().held, 1);
    assert_eq!(warnings(&follower.rack, &name), ["listed"]);

    let watched = boards::new_name();
    bed.put(&boards::pod(&watched, &board)).await;
    bed.put(&boards::event("Pod", &board, "of a pod")).await;
    bed.put(&boards::event("Node", &board, "watched")).await;
    follower
        .until("two running pods, two events", SOON, |rack| {
            let pods = rack.pods_on(&name);
            let all_run = pods.iter().all(|pod| pod.health() == PodHealth::Running);
            pods.len() == 2 && all_run && warnings(rack, &name).len() >= 2
        })
        .await;
    let pods = follower.rack.pods_on(&name);
    assert!(pods.iter().all(|pod| pod.restarts == 2 && pod.ready == 1));
    assert_eq!(
        warnings(&follower.rack, &name),
        ["watched", "listed"],
        "newest first, none of pods"
    );
    let events = follower.rack.events_of(&name);
    let is_whole = |it: &NodeEvent| it.count == 3 && &*it.reason == "EvictionThresholdMet";
    assert!(events.filter(|it| it.is_warning).all(is_whole));

    bed.delete_pod(&listed).await;
    let one_is_left = |rack: &Rack| rack.pod_counts(&name).unwrap().held == 1;
    follower.until("the pod is gone", SOON, one_is_left).await;
}

async fn escapes_and_wide_letters_come_through_unchanged(bed: Bed) {
    const NASTY: &str = "\u{1b}[31mred\u{1b}]0;title\u{7} \"quoted\" back\\slash <b>&amp;</b>\r\n\ttab \
        \u{0}\u{7f}\u{9b}\u{2028}\u{202e}\u{feff} 日本 🍓 e\u{301}";
    let board = bed.board().await;
    let mut follower = Follower::live(bed.target(Who::Admin)).await;
    let status = json!({
        "conditions": boards::conditions("True", NASTY),
        "nodeInfo": { "osImage": NASTY },
    });
    bed.report(&board, status).await;
    bed.put(&boards::event("Node", &board, NASTY)).await;
    let name = NodeName::new(&board);
    let is_nasty = |rack: &Rack| {
        let node = rack.node(&name).unwrap();
        &*node.info.os_image == NASTY
            && &*node.condition("Ready").unwrap().message == NASTY
            && warnings(rack, &name) == [NASTY]
    };
    follower.until("watched unchanged", SOON, is_nasty).await;
    let follower = Follower::live(bed.target(Who::Admin)).await;
    assert!(is_nasty(&follower.rack), "listed unchanged");
}
