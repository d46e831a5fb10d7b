//! What no server should send, and refusals: each gets a sentence in the right place, and the rest keeps working.

use std::fmt::Write as _;

use super::server::{Answer, Server, json, list, status, text};
use super::{Follower, TOKEN, event, kubeconfig, node, plain};
use crate::clients::kubernetes::{Wants, connect_with, yaml};
use crate::rack::facts::{Change, Fact};
use crate::rack::link::{LinkState, Source, SourceState};
use crate::rack::node::{Lease, Node, NodeName};
use crate::rack::problem::Subject;

const FORBIDDEN: &str = include_str!("../../../../tests/it/fixtures/kube/status-403-list.json");

/// The server serves some of MetalLB's kinds.
const KINDS: &str = r#"{"kind":"APIResourceList","groupVersion":"metallb.io/v1beta1","resources":[
    {"name":"ipaddresspools"},{"name":"ipaddresspools/status"},{"name":"servicel2statuses"}]}"#;

async fn first_nodes(follower: &mut Follower) -> Vec<Node> {
    follower
        .until(|fact| match fact {
            Fact::Nodes(Change::Listed(nodes)) => Some(nodes.clone()),
            _ => None,
        })
        .await
}

async fn applied(follower: &mut Follower) -> Node {
    follower
        .until(|fact| match fact {
            Fact::Nodes(Change::Applied(node)) => Some(node.clone()),
            _ => None,
        })
        .await
}

#[tokio::test]
async fn each_kind_can_be_forbidden_alone_and_the_missing_rule_is_named() {
    for (source, kind, rule) in [
        (
            Source::Leases,
            "leases",
            "list, watch on leases (coordination.k8s.io) in kube-node-lease",
        ),
        (Source::Pods, "pods", "list, watch on pods"),
        (Source::Events, "events", "list, watch on events"),
        (Source::Metrics, "", "list on nodes (metrics.k8s.io)"),
        (Source::Services, "services", "list, watch on services"),
        (
            Source::EndpointSlices,
            "endpointslices",
            "list, watch on endpointslices (discovery.k8s.io)",
        ),
        (
            Source::ServiceEvents,
            "service-events",
            "list, watch on events",
        ),
        (
            Source::L2Statuses,
            "servicel2statuses",
            "list, watch on servicel2statuses (metallb.io)",
        ),
    ] {
        let server = Server::start().await;
        server.always("get /apis/metallb.io/v1beta1", json(KINDS));
        server.always(&format!("list {kind}"), status(403, FORBIDDEN));
        server.always("get metrics", status(403, FORBIDDEN));
        let mut follower = Follower::start(&plain(&server));
        follower.wants.send_replace(Wants { metrics: true });
        let (mut is_live, mut refused) = (false, None);
        let problem = follower
            .until(|fact| {
                match fact {
                    Fact::Link(state) => is_live = *state == LinkState::Live,
                    Fact::Source(of, SourceState::Forbidden(problem)) if *of == source => {
                        refused = Some(problem.clone());
                    }
                    _ => {}
                }
                refused.clone().filter(|_| is_live)
            })
            .await;
        assert_eq!(problem.what, format!("not allowed: {rule}"));
        assert!(problem.next.contains("--user=tui-viewer"), "{problem:?}");
    }
}

#[tokio::test]
async fn forbidden_nodes_leave_the_line_live_for_the_others() {
    let server = Server::start().await;
    server.always("list nodes", status(403, FORBIDDEN));
    let mut follower = Follower::start(&plain(&server));
    assert!(matches!(
        follower.until_source(Source::Nodes).await,
        SourceState::Forbidden(_)
    ));
    follower.until_live().await;
    follower.until_source(Source::Pods).await;
}

#[tokio::test]
async fn forbidden_everything_is_denied() {
    let server = Server::start().await;
    for kind in ["nodes", "leases", "pods", "events"] {
        server.always(&format!("list {kind}"), status(403, FORBIDDEN));
    }
    let mut follower = Follower::start(&plain(&server));
    let problem = follower.until_denied().await;
    assert!(problem.why.contains("tui-viewer"), "{problem:?}");
}

#[tokio::test]
async fn a_refused_user_is_denied_and_asked_again() {
    let unauthorized = include_str!("../../../../tests/it/fixtures/kube/status-401-bad.json");
    let server = Server::start().await;
    for kind in ["list nodes", "list leases", "get /version"] {
        server.next(kind, [status(401, unauthorized)]);
    }
    let mut follower = Follower::start(&plain(&server));
    let problem = follower.until_denied().await;
    assert!(
        problem.what.contains("does not accept user \"u\""),
        "{problem:?}"
    );
    assert!(!format!("{problem:?}").contains(TOKEN));
    follower.until_live().await;
}

#[tokio::test]
async fn a_cluster_without_metrics_is_absent() {
    for answer in [
        text(404, "text/plain", "404 page not found"),
        text(503, "text/plain", "service unavailable"),
    ] {
        let server = Server::start().await;
        server.always("get metrics", answer);
        let mut follower = Follower::start(&plain(&server));
        follower.wants.send_replace(Wants { metrics: true });
        assert_eq!(
            follower.until_source(Source::Metrics).await,
            SourceState::Absent
        );
    }
}

#[tokio::test]
async fn an_object_that_cannot_be_read_is_named_and_the_others_are_shown() {
    let odd = r#"{"metadata":{"name":"odd","resourceVersion":"6"},"status":{"conditions":"none"}}"#;
    let server = Server::start().await;
    server.next(
        "list nodes",
        [list("7", &[&node("a", 5), odd, "17", &node("b", 6)])],
    );
    let changes = event("MODIFIED", odd) + &event("MODIFIED", &node("c", 9));
    server.next("watch nodes", [Answer::Stream(changes)]);
    let mut follower = Follower::start(&plain(&server));
    assert_eq!(first_nodes(&mut follower).await.len(), 2);
    let problem = follower
        .until(|fact| match fact {
            Fact::Source(Source::Nodes, SourceState::Failing(problem)) => Some(problem.clone()),
            _ => None,
        })
        .await;
    assert!(problem.what.contains("1 more of the nodes"), "{problem:?}");
    assert!(
        problem.evidence[1].starts_with("odd: invalid type"),
        "{problem:?}"
    );
    assert_eq!(applied(&mut follower).await.name.as_str(), "c");
}

#[tokio::test]
async fn an_object_that_can_be_read_again_is_no_problem_any_more() {
    let odd = r#"{"metadata":{"name":"odd","resourceVersion":"8"},"spec":7}"#;
    let server = Server::start().await;
    server.next("watch nodes", [Answer::Stream(event("ADDED", odd))]);
    let mut follower = Follower::start(&plain(&server));
    while !matches!(
        follower.until_source(Source::Nodes).await,
        SourceState::Failing(_)
    ) {}
    server.push("watch nodes", &event("MODIFIED", &node("odd", 9)));
    assert_eq!(
        follower.until_source(Source::Nodes).await,
        SourceState::Live
    );
}

#[tokio::test]
async fn garbage_in_a_watch_is_survived() {
    let server = Server::start().await;
    let watch = |line: &str| Answer::Stream(line.to_owned());
    server.next(
        "watch nodes",
        [watch("{]\n"), watch("garbage\n"), watch("\u{1}\u{2}\n")],
    );
    server.next("watch nodes", [watch(&event("ADDED", &node("b", 8)))]);
    let mut follower = Follower::start(&plain(&server));
    assert_eq!(applied(&mut follower).await.name.as_str(), "b");
    assert_eq!(
        server.requests("list nodes").len(),
        2,
        "three lines of it make a new list"
    );
}

#[tokio::test]
async fn a_line_of_ten_megabytes_is_read() {
    let server = Server::start().await;
    let filler = "x".repeat(10 << 20);
    let object = format!(
        r#"{{"metadata":{{"name":"big","resourceVersion":"9","annotations":{{"a":"{filler}"}}}}}}"#
    );
    server.next("watch nodes", [Answer::Stream(event("ADDED", &object))]);
    let mut follower = Follower::start(&plain(&server));
    assert_eq!(applied(&mut follower).await.name.as_str(), "big");
}

#[tokio::test]
async fn names_and_labels_pass_through_as_they_are() {
    let name = "\u{1b}[31mrpi\u{7}-\u{202e}ラズパイ";
    let object = serde_json::json!({
        "metadata": { "name": name, "resourceVersion": "3", "labels": { name: name } },
    });
    let server = Server::start().await;
    server.next("list nodes", [list("7", &[&object.to_string()])]);
    let mut follower = Follower::start(&plain(&server));
    let nodes = first_nodes(&mut follower).await;
    assert_eq!(nodes[0].name.as_str(), name);
    assert_eq!(&*nodes[0].labels[name], name);
}

#[tokio::test]
async fn nodes_without_conditions_and_leases_without_times_are_shown() {
    let server = Server::start().await;
    server.next(
        "list nodes",
        [list(
            "7",
            &[r#"{"metadata":{"name":"bare"},"status":null}"#],
        )],
    );
    server.next(
        "list leases",
        [list(
            "7",
            &[
                r#"{"metadata":{"name":"stranger"},"spec":{}}"#,
                r#"{"metadata":{"name":"none"}}"#,
                r#"{"metadata":{"name":"odd"},"spec":{"renewTime":"soon","leaseDurationSeconds":-4}}"#,
                r#"{"metadata":{"name":"ahead"},"spec":{"renewTime":"2999-01-01T00:00:00.000000Z"}}"#,
            ],
        )],
    );
    let mut follower = Follower::start(&plain(&server));
    let (mut nodes, mut leases): (Vec<Node>, Vec<Lease>) = Default::default();
    follower
        .until(|fact| {
            match fact {
                Fact::Nodes(Change::Listed(all)) => nodes.clone_from(all),
                Fact::Leases(Change::Listed(all)) => leases.clone_from(all),
                _ => {}
            }
            (!nodes.is_empty() && !leases.is_empty()).then_some(())
        })
        .await;
    assert_eq!(nodes[0].ready(), None);
    let renewed: Vec<bool> = leases.iter().map(|lease| lease.renewed.is_some()).collect();
    assert_eq!(renewed, [false, false, false, true]);
    assert!(leases.iter().all(|lease| lease.duration.is_none()));
}

#[tokio::test]
async fn a_list_that_is_none_says_so() {
    for body in ["", "[]", "null", r#"{"kind":"Status"}"#, r#"{"items":[{"#] {
        let server = Server::start().await;
        server.always("list nodes", json(body));
        let mut follower = Follower::start(&plain(&server));
        follower.until_stale().await;
    }
}

#[tokio::test]
async fn no_secret_is_ever_said() {
    let server = Server::start().await;
    for kind in ["nodes", "leases", "pods", "events"] {
        server.always(&format!("list {kind}"), status(401, "{}"));
    }
    let cluster = format!("server: \"http://user:{TOKEN}@{}\"", server.address);
    let mut follower = Follower::start(&kubeconfig(&cluster, &format!("token: {TOKEN}")));
    let mut said = String::new();
    follower
        .until(|fact| {
            write!(said, "{fact:?}").unwrap();
            matches!(fact, Fact::Link(LinkState::Denied { .. })).then_some(())
        })
        .await;
    assert!(!said.contains(TOKEN), "{said}");
}

#[tokio::test]
async fn a_kubeconfig_from_elsewhere_is_used_without_a_file_and_names_none_of_ours() {
    let server = Server::start().await;
    let node = r#"{"kind":"Node","metadata":{"name":"rpi-01"}}"#;
    server.always("get /api/v1/nodes/rpi-01", json(node));
    let object = Subject::Node(NodeName::new("rpi-01"));
    let connection = connect_with(&plain(&server), "rack-server").await.unwrap();
    assert!(yaml(&connection, &object).await.unwrap().contains("rpi-01"));
    let address = format!("server: \"http://{}\"", server.address);
    let authority = format!("{address}, certificate-authority: /etc/hostname");
    for (cluster, user, what) in [
        (&address, "tokenFile: /etc/hostname", "file"),
        (&authority, "token: x", "file"),
        (&address, "client-certificate: /a, client-key: /b", "file"),
        (
            &address,
            "exec: {apiVersion: client.authentication.k8s.io/v1, command: id}",
            "program",
        ),
    ] {
        let refused = connect_with(&kubeconfig(cluster, user), "rack-server").await;
        let sentence = refused.err().unwrap().problem().sentence();
        assert!(
            sentence.contains(&format!("names a {what} of this machine")),
            "{sentence}"
        );
        assert!(sentence.contains("rack-server"), "{sentence}");
    }
}
