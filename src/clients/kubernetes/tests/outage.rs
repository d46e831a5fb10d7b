//! A server that goes away: killed, hung, refusing, and back again.

use std::time::Duration;

use super::server::{Answer, Server, list, status, text};
use super::{DEADLINE, Follower, event, node, plain};
use crate::rack::facts::{Change, Fact};
use crate::rack::link::{LinkState, Source, SourceState};

#[tokio::test]
async fn a_killed_server_is_noticed_at_once_and_its_return_as_well() {
    let mut server = Server::start().await;
    server.next("list nodes", [list("7", &[&node("a", 5)])]);
    let mut follower = Follower::start(&plain(&server));
    follower.until_source(Source::Events).await;
    let killed = tokio::time::Instant::now();
    server.die();
    let problem = follower.until_stale().await;
    assert!(
        killed.elapsed() < Duration::from_secs(2),
        "{:?}",
        killed.elapsed()
    );
    // What is noticed first may be that nobody listens, or the cut of a connection that was open.
    let told = ["refuses connections", "no answer from"];
    assert!(
        told.iter().any(|words| problem.what.contains(words)),
        "{problem:?}"
    );

    server.next(
        "watch nodes",
        [Answer::Stream(event("ADDED", &node("b", 8)))],
    );
    server.come_back().await;
    let back = tokio::time::Instant::now();
    let (mut is_live, mut is_changed) = (false, false);
    follower
        .until(|fact| {
            is_live |= *fact == Fact::Link(LinkState::Live);
            is_changed |= matches!(fact, Fact::Nodes(Change::Applied(_)));
            (is_live && is_changed).then_some(())
        })
        .await;
    assert!(
        back.elapsed() < Duration::from_secs(3),
        "{:?}",
        back.elapsed()
    );
    assert!(
        server
            .requests("watch nodes")
            .last()
            .unwrap()
            .contains("resourceVersion=7")
    );
    assert_eq!(
        server.requests("list nodes").len(),
        1,
        "nothing is listed again"
    );
}

#[tokio::test]
async fn a_server_that_was_never_there_is_waited_for() {
    let mut server = Server::start().await;
    server.die();
    let mut follower = Follower::start(&plain(&server));
    follower.until_stale().await;
    server.come_back().await;
    follower.until_live().await;
}

#[tokio::test]
async fn silence_is_asked_about_and_a_hang_is_noticed_within_fifteen_seconds() {
    let server = Server::start().await;
    let mut follower = Follower::start(&plain(&server));
    follower.until_source(Source::Events).await;
    server.hang(true);
    tokio::time::pause();
    let hung = tokio::time::Instant::now();
    let problem = follower.until_stale().await;
    assert!(
        hung.elapsed() < Duration::from_secs(15),
        "{:?}",
        hung.elapsed()
    );
    assert!(problem.what.contains("no answer"), "{problem:?}");
    tokio::time::resume();
    server.hang(false);
    follower.until_live().await;
}

#[tokio::test]
async fn a_quiet_cluster_is_probed_and_stays_live() {
    let server = Server::start().await;
    let mut follower = Follower::start(&plain(&server));
    follower.until_source(Source::Events).await;
    let before = server.requests("get /version").len();
    tokio::time::pause();
    let mut contacts = 0;
    follower
        .until(|fact| {
            assert!(!matches!(fact, Fact::Link(_)), "{fact:?}");
            contacts += u32::from(*fact == Fact::Contact);
            (contacts == 2).then_some(())
        })
        .await;
    assert!(server.requests("get /version").len() > before);
}

#[tokio::test]
async fn one_broken_kind_does_not_take_the_line_down() {
    let server = Server::start().await;
    server.always("list leases", status(500, r#"{"message":"etcd is full"}"#));
    let mut follower = Follower::start(&plain(&server));
    let mut live = false;
    let problem = follower
        .until(|fact| {
            live |= *fact == Fact::Link(LinkState::Live);
            match fact {
                Fact::Source(Source::Leases, SourceState::Failing(problem)) => {
                    Some(problem.clone())
                }
                _ => None,
            }
        })
        .await;
    assert_eq!(problem.why, "etcd is full");
    if !live {
        follower.until_live().await;
    }
    server.always("list leases", list("3", &[]));
    assert_eq!(
        follower.until_source(Source::Leases).await,
        SourceState::Live
    );
}

#[tokio::test]
async fn a_server_that_fails_for_nodes_is_not_live() {
    let server = Server::start().await;
    server.next("list nodes", [status(500, r#"{"message":"boom"}"#)]);
    let mut follower = Follower::start(&plain(&server));
    let problem = follower.until_stale().await;
    assert_eq!(
        (&*problem.what, &*problem.why),
        ("the API server answers 500", "boom")
    );
    follower.until_live().await;
}

#[tokio::test]
async fn too_many_requests_are_asked_again_when_the_server_says() {
    let server = Server::start().await;
    let busy = Answer::Whole(429, "Retry-After: 1\r\n".to_owned(), String::new());
    server.next("list nodes", [busy]);
    let began = tokio::time::Instant::now();
    let mut follower = Follower::start(&plain(&server));
    let problem = follower.until_stale().await;
    assert!(problem.what.contains("busy (429)"), "{problem:?}");
    follower.until_live().await;
    assert!(began.elapsed() >= Duration::from_secs(1));
    assert_eq!(server.requests("list nodes").len(), 2);
}

#[tokio::test]
async fn a_page_of_a_proxy_is_no_kubernetes() {
    let html = "<html><body>Sign in</body></html>";
    for code in [200, 403] {
        let server = Server::start().await;
        server.always("list nodes", text(code, "text/html", html));
        let mut follower = Follower::start(&plain(&server));
        let problem = follower.until_stale().await;
        assert!(
            problem
                .what
                .contains("does not answer like a Kubernetes API"),
            "{problem:?}"
        );
        assert!(problem.why.contains("text/html"), "{problem:?}");
    }
}

#[tokio::test]
async fn the_future_is_quick_to_drop_while_the_server_hangs() {
    let server = Server::start().await;
    server.hang(true);
    let mut follower = Follower::start(&plain(&server));
    follower.next().await;
    drop(follower);
    let ending = tokio::time::timeout(DEADLINE, Server::start()).await;
    assert!(ending.is_ok());
}
