//! Kinds that may not be there: asked for only when the server serves them, found when they appear, forgotten when they
//! go.

use std::collections::HashMap;

use super::server::{Answer, Server, json, list, text};
use super::{Follower, event, node, plain};
use crate::rack::facts::{Change, Fact};
use crate::rack::link::{Source, SourceState};

const KINDS: &str = r#"{"kind":"APIResourceList","groupVersion":"metallb.io/v1beta1","resources":[
    {"name":"ipaddresspools"},{"name":"ipaddresspools/status"},{"name":"l2advertisements"}]}"#;
const POOL: &str = r#"{"metadata":{"name":"lan","namespace":"lb","resourceVersion":"4"},
    "spec":{"addresses":["10.0.0.0/28"]}}"#;
const DISCOVERY: &str = "get /apis/metallb.io/v1beta1";

fn speaker(version: u32, flag: &str) -> String {
    format!(
        r#"{{"metadata":{{"name":"speaker","namespace":"lb","resourceVersion":"{version}","labels":{{"app":"metallb","component":"speaker"}}}},"spec":{{"template":{{"spec":{{"containers":[{{"name":"speaker","image":"quay.io/metallb/speaker:v0.15.2","args":["{flag}"]}}]}}}}}}}}"#
    )
}

/// Waits until each of these sources was last told to be so.
async fn until_told(follower: &mut Follower, wanted: &[(Source, SourceState)]) {
    let mut told = HashMap::new();
    follower
        .until(|fact| {
            if let Fact::Source(source, state) = fact {
                told.insert(*source, state.clone());
            }
            let is_so = |(source, state): &(Source, SourceState)| told.get(source) == Some(state);
            wanted.iter().all(is_so).then_some(())
        })
        .await;
}

/// Waits for a DaemonSet that came by watch: from then on the watch is open.
async fn daemonset(follower: &mut Follower) {
    follower
        .until(|fact| match fact {
            Fact::Workloads(_, Change::Applied(_)) => Some(()),
            _ => None,
        })
        .await;
}

/// Names of the pools in the next list.
async fn pools(follower: &mut Follower) -> Vec<String> {
    follower
        .until(|fact| match fact {
            Fact::IpAddressPools(Change::Listed(pools)) => {
                Some(pools.iter().map(|it| it.head.name.to_string()).collect())
            }
            _ => None,
        })
        .await
}

#[tokio::test]
async fn without_metallb_none_of_its_kinds_is_asked_for() {
    let server = Server::start().await;
    let mut follower = Follower::start(&plain(&server));
    let absent = [
        Source::IpAddressPools,
        Source::ConfigurationStates,
        Source::PoolConfigMaps,
        Source::Deployments,
        Source::Namespaces,
    ];
    until_told(&mut follower, &absent.map(|it| (it, SourceState::Absent))).await;
    for kind in [
        "ipaddresspools",
        "configurationstates",
        "configmaps",
        "deployments",
    ] {
        assert!(
            server.requests(&format!("list {kind}")).is_empty(),
            "{kind}"
        );
    }
    assert_eq!(server.requests(DISCOVERY).len(), 1, "one question for all");
}

#[tokio::test]
async fn only_the_kinds_that_are_served_are_asked_for() {
    let server = Server::start().await;
    server.always(DISCOVERY, json(KINDS));
    server.next("list ipaddresspools", [list("5", &[POOL])]);
    let mut follower = Follower::start(&plain(&server));
    let wanted = [
        (Source::IpAddressPools, SourceState::Live),
        (Source::L2Advertisements, SourceState::Live),
        (Source::L2Statuses, SourceState::Absent),
        (Source::BgpPeers, SourceState::Absent),
    ];
    until_told(&mut follower, &wanted).await;
    assert!(server.requests("list servicel2statuses").is_empty());
    assert!(server.requests("list bgppeers").is_empty());
}

#[tokio::test]
async fn a_metallb_that_is_installed_later_is_found_where_it_is() {
    let server = Server::start().await;
    server.next(DISCOVERY, [text(404, "text/plain", "404 page not found")]);
    server.always(DISCOVERY, json(KINDS));
    let other = r#"{"metadata":{"name":"other","namespace":"a","resourceVersion":"5"}}"#;
    server.next("watch daemonsets", [Answer::Stream(event("ADDED", other))]);
    server.next("list ipaddresspools", [list("5", &[POOL])]);
    let mut follower = Follower::start(&plain(&server));
    let (mut is_absent, mut is_watched) = (false, false);
    follower
        .until(|fact| {
            is_absent |= *fact == Fact::Source(Source::IpAddressPools, SourceState::Absent);
            is_watched |= matches!(fact, Fact::Workloads(_, Change::Applied(_)));
            (is_absent && is_watched).then_some(())
        })
        .await;
    server.push(
        "watch daemonsets",
        &event("ADDED", &speaker(6, "--config=pools")),
    );
    let live = [
        Source::IpAddressPools,
        Source::PoolConfigMaps,
        Source::Deployments,
    ];
    until_told(&mut follower, &live.map(|it| (it, SourceState::Live))).await;
    let request = server.requests("list configmaps").pop().unwrap();
    assert!(request.contains("/namespaces/lb/configmaps?fieldSelector=metadata.name%3Dpools"));
    assert!(request.contains("&resourceVersion=0"), "{request}");
    let request = server.requests("list deployments").pop().unwrap();
    assert!(request.contains("/namespaces/lb/deployments"), "{request}");
}

#[tokio::test]
async fn metallb_that_moves_is_followed_to_its_new_place() {
    let server = Server::start().await;
    let moved = speaker(7, "--config=new").replace("\"namespace\":\"lb\"", "\"namespace\":\"net\"");
    let old = event("ADDED", &speaker(4, "--config=old"));
    server.next("watch daemonsets", [Answer::Stream(old)]);
    let mut follower = Follower::start(&plain(&server));
    daemonset(&mut follower).await;
    let listed = |fact: &Fact| match fact {
        Fact::PoolConfigMaps(Change::Listed(_)) => Some(()),
        _ => None,
    };
    follower.until(listed).await;
    server.push("watch daemonsets", &event("ADDED", &moved));
    follower.until(listed).await;
    let requests = server.requests("list configmaps");
    assert!(requests[0].contains("/namespaces/lb/") && requests[0].contains("%3Dold"));
    assert!(requests[1].contains("/namespaces/net/") && requests[1].contains("%3Dnew"));
}

#[tokio::test]
async fn a_kind_that_is_removed_becomes_absent() {
    let server = Server::start().await;
    server.next(DISCOVERY, [json(KINDS)]);
    server.next("list ipaddresspools", [list("5", &[POOL])]);
    server.next("watch ipaddresspools", [Answer::Cut(String::new())]);
    server.always(
        "watch ipaddresspools",
        text(404, "text/plain", "404 page not found"),
    );
    server.always(
        "list ipaddresspools",
        text(404, "text/plain", "404 page not found"),
    );
    let mut follower = Follower::start(&plain(&server));
    assert_eq!(pools(&mut follower).await, ["lan"]);
    follower
        .until(|fact| match fact {
            Fact::Source(Source::IpAddressPools, SourceState::Absent) => Some(()),
            _ => None,
        })
        .await;
    let gone = follower
        .until(|fact| match fact {
            Fact::MetalLbKinds(kinds) => Some(kinds.is_empty()),
            _ => None,
        })
        .await;
    assert!(gone, "the kinds are looked at again");
    let asked = server.requests("list ipaddresspools").len()
        + server.requests("watch ipaddresspools").len();
    assert!(asked <= 4, "not asked for in a circle: {asked}");
}

#[tokio::test]
async fn a_pool_that_selects_namespaces_makes_them_watched() {
    let server = Server::start().await;
    let picky = POOL.replace(
        "\"spec\":{",
        "\"spec\":{\"serviceAllocation\":{\"namespaceSelectors\":[{\"matchLabels\":{\"team\":\"a\"}}]},",
    );
    server.always(DISCOVERY, json(KINDS));
    server.next("list ipaddresspools", [list("5", &[&picky])]);
    server.next(
        "list namespaces",
        [list(
            "5",
            &[r#"{"metadata":{"name":"web","labels":{"team":"a"}}}"#],
        )],
    );
    let mut follower = Follower::start(&plain(&server));
    let labels = follower
        .until(|fact| match fact {
            Fact::Namespaces(Change::Listed(all)) => Some(all[0].labels.clone()),
            _ => None,
        })
        .await;
    assert_eq!(&*labels["team"], "a");
}

#[tokio::test]
async fn the_nodes_come_first_even_when_metallb_is_there() {
    let server = Server::start().await;
    server.always(DISCOVERY, json(KINDS));
    server.next(
        "list nodes",
        [Answer::Hang, list("7", &[&node("rpi-01", 5)])],
    );
    let mut follower = Follower::start(&plain(&server));
    follower.until_source(Source::Leases).await;
    assert!(server.requests(DISCOVERY).is_empty() && server.requests("list services").is_empty());
}
