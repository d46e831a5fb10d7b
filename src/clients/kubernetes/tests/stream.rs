//! Lists and watches as they should go, and as they go when a connection breaks at the worst place.

use super::server::{Answer, Server, json, list, status};
use super::{Follower, event, node, plain};
use crate::clients::kubernetes::Wants;
use crate::rack::facts::{Change, Fact};
use crate::rack::link::{LinkState, Source, SourceState};

/// Names of the nodes in the next list, or the next node that was applied or deleted.
async fn nodes(follower: &mut Follower) -> Vec<String> {
    follower
        .until(|fact| match fact {
            Fact::Nodes(Change::Listed(nodes)) => {
                let names = nodes.iter().map(|node| node.name.to_string());
                Some(names.collect::<Vec<_>>())
            }
            Fact::Nodes(Change::Applied(node)) => Some(vec![format!("+{}", node.name)]),
            Fact::Nodes(Change::Deleted(node)) => Some(vec![format!("-{}", node.name)]),
            _ => None,
        })
        .await
}

/// The `n`th request of a kind, waiting for it through the next facts.
fn last(server: &Server, kind: &str) -> String {
    server.requests(kind).last().cloned().unwrap_or_default()
}

#[tokio::test]
async fn the_cluster_is_named_first_and_the_nodes_come_before_the_line_is_live() {
    let server = Server::start().await;
    server.next("list nodes", [list("7", &[&node("rpi-01", 5)])]);
    let mut follower = Follower::start(&plain(&server));
    let Fact::Cluster(info) = follower.next().await else {
        panic!("the cluster comes first")
    };
    assert_eq!((&*info.context, &*info.user), ("test", "u"));
    assert_eq!(info.contexts, ["test"]);
    assert_eq!(info.version, None);
    assert_eq!(follower.next().await, Fact::Link(LinkState::Connecting));
    for source in Source::ALL {
        assert_eq!(
            follower.next().await,
            Fact::Source(source, SourceState::Waiting)
        );
    }
    let mut listed = false;
    follower
        .until(|fact| {
            listed |= matches!(fact, Fact::Nodes(Change::Listed(_)));
            (*fact == Fact::Link(LinkState::Live)).then_some(())
        })
        .await;
    assert!(listed, "nodes are shown before the line is live");
    let version = follower
        .until(|fact| match fact {
            Fact::Cluster(info) => info.version.clone(),
            _ => None,
        })
        .await;
    assert_eq!(version, "v1.36.2");
}

#[tokio::test]
async fn pods_wait_for_the_nodes() {
    let server = Server::start().await;
    server.next("list nodes", [Answer::Hang]);
    let mut follower = Follower::start(&plain(&server));
    assert_eq!(
        follower.until_source(Source::Leases).await,
        SourceState::Live
    );
    assert!(server.requests("list pods").is_empty());
}

#[tokio::test]
async fn changes_come_as_they_happen() {
    let server = Server::start().await;
    server.next("list nodes", [list("7", &[&node("a", 5), &node("b", 6)])]);
    let added = event("ADDED", &node("c", 8));
    server.next("watch nodes", [Answer::Stream(added)]);
    let mut follower = Follower::start(&plain(&server));
    assert_eq!(nodes(&mut follower).await, ["a", "b"]);
    assert_eq!(nodes(&mut follower).await, ["+c"]);
    server.push("watch nodes", &event("DELETED", &node("a", 9)));
    assert_eq!(nodes(&mut follower).await, ["-a"]);
    let (half, rest) = (
        event("MODIFIED", &node("b", 10)),
        event("ADDED", &node("d", 11)),
    );
    let (one, two) = half.split_at(30);
    server.push("watch nodes", one);
    server.push("watch nodes", &format!("{two}{rest}"));
    assert_eq!(nodes(&mut follower).await, ["+b"]);
    assert_eq!(nodes(&mut follower).await, ["+d"]);
}

#[tokio::test]
async fn a_cut_watch_goes_on_from_the_last_version() {
    let server = Server::start().await;
    server.next("list nodes", [list("7", &[&node("a", 5)])]);
    server.next("watch nodes", [Answer::Cut(event("ADDED", &node("b", 8)))]);
    server.next(
        "watch nodes",
        [Answer::Stream(event("ADDED", &node("c", 9)))],
    );
    let mut follower = Follower::start(&plain(&server));
    assert_eq!(nodes(&mut follower).await, ["a"]);
    assert_eq!(nodes(&mut follower).await, ["+b"]);
    assert_eq!(nodes(&mut follower).await, ["+c"]);
    assert!(last(&server, "watch nodes").contains("resourceVersion=8"));
    assert_eq!(
        server.requests("list nodes").len(),
        1,
        "nothing is listed again"
    );
}

#[tokio::test]
async fn half_a_line_at_the_end_is_dropped_and_comes_again() {
    let server = Server::start().await;
    let (whole, half) = (event("ADDED", &node("b", 8)), event("ADDED", &node("c", 9)));
    let cut = whole + half.get(..40).unwrap();
    server.next("watch nodes", [Answer::Cut(cut), Answer::Stream(half)]);
    let mut follower = Follower::start(&plain(&server));
    assert!(nodes(&mut follower).await.is_empty());
    assert_eq!(nodes(&mut follower).await, ["+b"]);
    assert_eq!(nodes(&mut follower).await, ["+c"]);
    assert!(last(&server, "watch nodes").contains("resourceVersion=8"));
}

#[tokio::test]
async fn a_bookmark_moves_the_version_and_shows_nothing() {
    let server = Server::start().await;
    let bookmark = event(
        "BOOKMARK",
        r#"{"kind":"Node","metadata":{"resourceVersion":"42"}}"#,
    );
    server.next("watch nodes", [Answer::Cut(bookmark)]);
    server.next(
        "watch nodes",
        [Answer::Stream(event("ADDED", &node("b", 43)))],
    );
    let mut follower = Follower::start(&plain(&server));
    assert!(nodes(&mut follower).await.is_empty());
    assert_eq!(nodes(&mut follower).await, ["+b"]);
    assert!(last(&server, "watch nodes").contains("resourceVersion=42"));
}

#[tokio::test]
async fn a_forgotten_version_makes_a_new_list() {
    let gone = r#"{"kind":"Status","metadata":{},"reason":"Expired","code":410}"#;
    for expired in [Answer::Stream(event("ERROR", gone)), status(410, gone)] {
        let server = Server::start().await;
        server.next("watch nodes", [expired]);
        server.next("list nodes", [list("7", &[&node("a", 5)])]);
        server.next("list nodes", [list("90", &[&node("b", 80)])]);
        let mut follower = Follower::start(&plain(&server));
        assert_eq!(nodes(&mut follower).await, ["a"]);
        assert_eq!(nodes(&mut follower).await, ["b"]);
        let asked = server.requests("list nodes");
        assert!(
            asked[0].contains("resourceVersion=0"),
            "the first list may be from memory"
        );
        assert!(
            !asked[1].contains("resourceVersion=0"),
            "the next one must be fresh"
        );
    }
}

#[tokio::test]
async fn big_lists_come_in_pages_and_begin_again_when_the_server_forgot() {
    let server = Server::start().await;
    let page = |more: &str, name: &str| {
        json(&format!(
            r#"{{"metadata":{{"resourceVersion":"7","continue":"{more}"}},
                 "items":[{{"metadata":{{"name":"{name}"}}}}]}}"#
        ))
    };
    let gone = include_str!("../../../../tests/it/fixtures/kube/status-410-continue.json");
    server.next("list pods", [page("a/b=", "one"), page("", "two")]);
    server.next(
        "list events",
        [page("x", "one"), status(410, gone), page("", "all")],
    );
    let mut follower = Follower::start(&plain(&server));
    let (mut pods, mut events) = (0, 0);
    follower
        .until(|fact| {
            match fact {
                Fact::Pods(Change::Listed(all)) => pods = all.len(),
                Fact::Events(Change::Listed(all)) => events = all.len(),
                _ => {}
            }
            (pods > 0 && events > 0).then_some(())
        })
        .await;
    assert_eq!((pods, events), (2, 1));
    assert!(server.requests("list pods")[1].contains("continue=a%2Fb%3D"));
    let events = server.requests("list events");
    assert!(events[0].contains("fieldSelector=involvedObject.kind%3DNode"));
    assert!(!events[2].contains("limit") && !events[2].contains("continue"));
}

#[tokio::test]
async fn metrics_are_asked_only_while_they_are_wanted() {
    let server = Server::start().await;
    let usage = r#"{"items":[
        {"metadata":{"name":"rpi-01"},"usage":{"cpu":"1500m","memory":"1Ki"}},
        {"metadata":{"name":"odd"},"usage":{"cpu":"lots","memory":"1Ki"}}]}"#;
    server.always("get metrics", json(usage));
    let mut follower = Follower::start(&plain(&server));
    follower.until_source(Source::Pods).await;
    assert!(server.requests("get metrics").is_empty());
    follower.wants.send_replace(Wants { metrics: true });
    let usage = follower
        .until(|fact| match fact {
            Fact::Usage(usage) => Some(usage.clone()),
            _ => None,
        })
        .await;
    assert_eq!(
        usage.len(),
        1,
        "a node whose figures are no quantities is left out"
    );
    assert_eq!((usage[0].cpu_milli, usage[0].memory_bytes), (1_500, 1_024));
    assert_eq!(
        follower.until_source(Source::Metrics).await,
        SourceState::Live
    );
}

#[tokio::test]
async fn nobody_listening_ends_it() {
    let server = Server::start().await;
    let mut follower = Follower::start(&plain(&server));
    follower.until_live().await;
    follower.facts.close();
    while follower.facts.recv().await.is_some() {}
    let ended = tokio::time::timeout(super::DEADLINE, follower.task.join_next()).await;
    assert!(ended.is_ok());
}
