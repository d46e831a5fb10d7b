//! The line goes down in every way it can, is said to be down in time, and comes back by itself with the right state.
//!
//! The limits are those promised (stale within 2 s, or 15 s of silence; live within 3 s) and as much again for a busy
//! machine; what was measured is printed.

use std::time::Duration;

use bramble::rack::Rack;
use bramble::rack::beat::Beat;
use bramble::rack::link::Source;
use bramble::rack::node::NodeName;
use http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::bed::Bed;
use crate::boards;
use crate::follower::{Follower, SOON, is_live, is_stale, node};
use crate::hand::JSON;
use crate::place::{Plane, Who, on_real};

ask_both_alone!(
    an_outage_is_told_and_the_facts_are_kept,
    what_the_server_forgot_is_listed_again_once,
    what_the_server_forgot_is_refused_with_410,
    a_silent_server_is_noticed_and_taken_up_again,
);

const STALE: Duration = Duration::from_secs(5);
const SILENT: Duration = Duration::from_secs(25);
const LIVE: Duration = Duration::from_secs(10);
const KINDS: [Source; 4] = [Source::Nodes, Source::Leases, Source::Pods, Source::Events];

fn stale_because(rack: &Rack, words: &str) -> bool {
    let problem = rack.link.problem();
    is_stale(rack) && problem.is_some_and(|problem| problem.sentence().contains(words))
}

/// Stops the API; the follower must notice in time and keep what it knew.
async fn stop(bed: &Bed, follower: &mut Follower) {
    let nodes: Vec<_> = follower.rack.nodes().cloned().collect();
    bed.stop_api().await;
    let stopped = follower.now();
    let when = follower.until("it is stale", STALE, is_stale).await;
    let took = when.saturating_sub(stopped);
    eprintln!("stopped: stale after {took:?}");
    let is_refused = |rack: &Rack| stale_because(rack, "refuses connections");
    follower.until("it says why", SOON, is_refused).await;
    let kept: Vec<_> = follower.rack.nodes().cloned().collect();
    assert_eq!(kept, nodes, "the facts are kept");
    assert!(follower.rack.link.last_contact.is_some());
}

/// Starts the API and at once changes `kept` and removes `gone`; the follower must show just that in time.
async fn start(bed: &Bed, follower: &mut Follower, kept: &str, gone: &str) {
    let before = follower.rack.node_count();
    bed.start_api().await;
    let started = follower.now();
    let stamp = Timestamp::now();
    let label = json!({ "metadata": { "labels": { "after": "outage" } } });
    bed.change(kept, label).await;
    bed.remove(gone).await;
    bed.beat(kept).await;
    let when = follower.until("it is live", LIVE, |rack| rack.link.is_live());
    let when = when.await;
    let took = when.saturating_sub(started);
    eprintln!("started: live after {took:?}");
    assert!(took < LIVE, "live only after {took:?}");

    let (name, gone) = (NodeName::new(kept), NodeName::new(gone));
    let is_changed = node(kept, |node| node.labels.contains_key("after"));
    let is_right = |rack: &Rack| {
        let beat = rack.beat(&name).and_then(Beat::renewed);
        is_live(rack)
            && rack.node(&gone).is_none()
            && is_changed(rack)
            && beat.is_some_and(|renewed| renewed >= stamp)
    };
    follower.until("the state is right", SOON, is_right).await;
    assert_eq!(follower.rack.node_count(), before - 1);
}

async fn an_outage_is_told_and_the_facts_are_kept(bed: Bed) {
    let (kept, gone) = (bed.board().await, bed.board().await);
    let mut follower = Follower::live(bed.target(Who::Admin)).await;
    stop(&bed, &mut follower).await;
    start(&bed, &mut follower, &kept, &gone).await;
}

#[test]
fn an_outage_of_thirty_seconds_is_survived() {
    on_real(Plane::Own, |bed| async move {
        let (kept, gone) = (bed.board().await, bed.board().await);
        let mut follower = Follower::live(bed.target(Who::Admin)).await;
        stop(&bed, &mut follower).await;
        let nodes = follower.rack.node_count();
        let reading = follower.rack.reading(&NodeName::new(&kept)).pulse;
        follower
            .stays("stale, with its facts", Duration::from_secs(30), |rack| {
                is_stale(rack)
                    && rack.node_count() == nodes
                    && rack.reading(&NodeName::new(&kept)).pulse == reading
            })
            .await;
        start(&bed, &mut follower, &kept, &gone).await;
    });
}

async fn what_the_server_forgot_is_listed_again_once(bed: Bed) {
    let (kept, gone) = (bed.board().await, bed.board().await);
    let mut follower = Follower::live(bed.target(Who::Admin)).await;
    assert_eq!(KINDS.map(|kind| follower.lists(kind)), [1; 4]);
    // Something happens of which the follower of events does not hear: its version grows old.
    for _ in 0..3 {
        bed.beat(&kept).await;
    }
    stop(&bed, &mut follower).await;
    bed.forget_the_past();
    start(&bed, &mut follower, &kept, &gone).await;
    follower.until_listed(&KINDS, 2).await;
    let lists = KINDS.map(|kind| follower.lists(kind));
    assert!(
        lists.iter().all(|lists| (2..=3).contains(lists)),
        "{lists:?}"
    );

    // And then it watches again.
    let label = json!({ "metadata": { "labels": { "still": "watched" } } });
    bed.change(&kept, label).await;
    let is_seen = node(&kept, |node| node.labels.contains_key("still"));
    follower.until("a change after it all", SOON, is_seen).await;
    assert_eq!(KINDS.map(|kind| follower.lists(kind)), lists);
}

/// Asked of events, for which a real server has no memory of its own: it answers for etcd.
async fn what_the_server_forgot_is_refused_with_410(bed: Bed) {
    let board = bed.board().await;
    bed.put(&boards::event("Node", &board, "first")).await;
    let list = bed.hand().get("/api/v1/events").await;
    let version = list["metadata"]["resourceVersion"].as_str().unwrap();
    bed.put(&boards::event("Node", &board, "second")).await;
    bed.beat(&board).await;
    bed.forget_the_past();

    let get = async |query: &str| {
        let path = format!("/api/v1/events?resourceVersion={version}&{query}");
        bed.hand().send(Method::GET, &path, JSON, "").await
    };
    let exact = get("resourceVersionMatch=Exact").await;
    assert_eq!(exact.code, 410, "{exact:?}");
    assert_eq!(exact.json()["reason"], "Expired");

    let watch = get("watch=true&timeoutSeconds=1").await;
    assert_eq!(watch.code, 200, "{watch:?}");
    let event: Value = serde_json::from_str(watch.text.lines().next().unwrap()).unwrap();
    assert_eq!(event["type"], "ERROR");
    assert_eq!(event["object"]["kind"], "Status");
    assert_eq!(event["object"]["code"], 410);
    assert_eq!(event["object"]["reason"], "Expired");
    assert_eq!(watch.text.lines().count(), 1, "and that ends it");
}

async fn a_silent_server_is_noticed_and_taken_up_again(bed: Bed) {
    let board = bed.board().await;
    let mut follower = Follower::live(bed.target(Who::Admin)).await;
    let nodes = follower.rack.node_count();
    follower.stop_asking_for_metrics();
    bed.hang();
    let hung = follower.now();
    let is_silent = |rack: &Rack| stale_because(rack, "nothing came for");
    let when = follower.until("it is stale", SILENT, is_silent).await;
    eprintln!("hung: stale after {:?}", when.saturating_sub(hung));
    assert_eq!(follower.rack.node_count(), nodes, "the facts are kept");

    bed.resume();
    let resumed = follower.now();
    let when = follower.until("it is live", LIVE, |rack| rack.link.is_live());
    let when = when.await;
    eprintln!("resumed: live after {:?}", when.saturating_sub(resumed));
    let label = json!({ "metadata": { "labels": { "after": "silence" } } });
    bed.change(&board, label).await;
    let is_seen = node(&board, |node| node.labels.contains_key("after"));
    follower.until("a change after it", SOON, is_seen).await;
    // The server remembers everything, so the watches went on where they stood.
    assert_eq!(follower.lists(Source::Nodes), 1);
}
