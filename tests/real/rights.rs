//! Who may not read something, or is not known, hears which right or which step is missing.

use std::time::Duration;

use bramble::clients::kubernetes::{self, Error};
use bramble::rack::link::{Source, SourceState};
use bramble::rack::node::{NodeName, Truth, Uid};
use bramble::rack::problem::Problem;
use serde_json::json;

use crate::bed::Bed;
use crate::boards;
use crate::follower::{Follower, SOON, is_denied, is_live, is_stale, node};
use crate::place::{Plane, Who, on_real};

ask_both!(
    forbidden_kinds_are_named_and_the_nodes_live,
    who_may_read_nothing_is_denied,
    who_may_only_read_cannot_cordon,
    a_token_opens_the_door_too,
    credentials_that_ran_out_are_denied_with_the_next_step,
    a_kubeconfig_that_changes_is_read_again,
);

fn forbidden(follower: &Follower, source: Source) -> &Problem {
    match follower.rack.link.source(source) {
        SourceState::Forbidden(problem) => problem,
        other => panic!("{source:?} is {other:?}"),
    }
}

fn problem(follower: &Follower) -> &Problem {
    follower.rack.link.problem().unwrap()
}

async fn forbidden_kinds_are_named_and_the_nodes_live(bed: Bed) {
    let board = bed.board().await;
    let mut follower = Follower::live(bed.target(Who::Viewer)).await;
    let leases = forbidden(&follower, Source::Leases);
    assert_eq!(
        leases.what,
        "not allowed: list, watch on leases (coordination.k8s.io) in kube-node-lease"
    );
    assert!(leases.why.contains("is forbidden: User \""), "{leases:?}");
    let user = if bed.is_real() { "viewer" } else { "demo" };
    let role = "kubectl create role bramble-leases-coordination-k8s-io -n kube-node-lease \
        --verb=list,watch --resource=leases.coordination.k8s.io && ";
    assert!(leases.next.contains(role), "{}", leases.next);
    let binding = format!("--user={user}");
    assert!(leases.next.ends_with(&binding), "{}", leases.next);
    let events = forbidden(&follower, Source::Events);
    assert_eq!(events.what, "not allowed: list, watch on events");
    let metrics = forbidden(&follower, Source::Metrics);
    assert_eq!(metrics.what, "not allowed: list on nodes (metrics.k8s.io)");
    assert_eq!(*follower.rack.link.source(Source::Pods), SourceState::Live);

    // Nodes go on as if nothing was amiss.
    let status = json!({ "conditions": boards::conditions("False", "seen by all") });
    bed.report(&board, status).await;
    let is_seen = node(&board, |node| node.ready() == Some(Truth::False));
    follower.until("a change of a node", SOON, is_seen).await;
    assert!(follower.rack.link.is_live());
}

async fn who_may_read_nothing_is_denied(bed: Bed) {
    let mut follower = Follower::start(bed.target(Who::Nobody));
    follower.until("it is denied", SOON, is_denied).await;
    let problem = problem(&follower);
    assert_eq!(problem.what, "not allowed: list, watch on nodes");
    let role = "kubectl create clusterrole bramble-nodes --verb=list,watch --resource=nodes";
    assert!(problem.next.contains(role), "{}", problem.next);
    assert_eq!(follower.rack.node_count(), 0);
}

async fn who_may_only_read_cannot_cordon(bed: Bed) {
    let board = bed.board().await;
    let before = bed.node(&board).await;
    let connection = kubernetes::connect(&bed.target(Who::Viewer)).await.unwrap();
    let uid = Uid(before["metadata"]["uid"].as_str().unwrap().into());
    let refused = kubernetes::cordon(&connection, &NodeName::new(&board), &uid, true).await;
    let error = refused.unwrap_err();
    assert!(matches!(error, Error::Forbidden { .. }), "{error:?}");
    assert_eq!(error.problem().what, "not allowed: patch on nodes");
    assert_eq!(bed.node(&board).await["spec"], before["spec"]);
}

async fn a_token_opens_the_door_too(bed: Bed) {
    let board = bed.board().await;
    let follower = Follower::live(bed.target(Who::Token)).await;
    follower.node(&board);
    assert_eq!(follower.rack.cluster.certificate_ends, None);
}

async fn credentials_that_ran_out_are_denied_with_the_next_step(bed: Bed) {
    let mut follower = Follower::start(bed.target(Who::Bygone));
    follower.until("it is denied", SOON, is_denied).await;
    let problem = problem(&follower);
    if bed.is_real() {
        let next = "take a fresh kubeconfig: k3s renews /etc/rancher/k3s/k3s.yaml";
        assert!(problem.next.starts_with(next), "{problem:?}");
        let ended = "our client certificate ended ";
        let evidence = &problem.evidence;
        assert!(
            evidence.iter().any(|it| it.starts_with(ended)),
            "{problem:?}"
        );
        assert!(follower.rack.cluster.certificate_ends.is_some());
    } else {
        let next = "get a fresh token or kubeconfig";
        assert!(problem.next.starts_with(next), "{problem:?}");
    }
    assert!(
        !problem.sentence().contains("demo-of-yesterday"),
        "no secret"
    );
}

#[test]
fn a_certificate_of_another_authority_is_not_trusted() {
    on_real(Plane::Shared, |bed| async move {
        let mut follower = Follower::start(bed.target(Who::Misled));
        follower.until("it is refused", SOON, is_stale).await;
        let problem = problem(&follower);
        assert!(problem.what.starts_with("cannot trust https://127.0.0.1:"));
        let why = "signed by another authority than";
        assert!(problem.why.contains(why), "{problem:?}");
        assert!(problem.next.contains("fresh kubeconfig"), "{problem:?}");
    });
}

async fn a_kubeconfig_that_changes_is_read_again(bed: Bed) {
    let board = bed.board().await;
    let good = std::fs::read_to_string(bed.kubeconfig(Who::Admin)).unwrap();
    let target = bed.target(Who::Bygone);
    let path = target.kubeconfig.clone().unwrap();
    let mut follower = Follower::start(target);
    follower.until("it is denied", SOON, is_denied).await;

    std::fs::write(&path, good).unwrap();
    let changed = follower.now();
    let limit = Duration::from_secs(15);
    let live = follower.until("it is live", limit, is_live).await;
    follower.node(&board);
    let took = live.saturating_sub(changed);
    eprintln!("a changed kubeconfig: live after {took:?}");

    // A tool that writes the file half must not take the cockpit down for ever, either.
    let good = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, "apiVersion: v1\nkind: [").unwrap();
    let is_nowhere = |rack: &bramble::rack::Rack| rack.is_nowhere();
    follower.until("it is of no use", limit, is_nowhere).await;
    std::fs::write(&path, good).unwrap();
    follower.until("it is live again", limit, is_live).await;
}
