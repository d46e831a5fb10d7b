//! A look at the cluster behind a context: what a real server tells, to whom.

use std::time::Duration;

use bramble::clients::kubernetes;
use bramble::rack::fleet::{FleetFact, Ready, State};
use tokio::sync::mpsc;

use crate::bed::Bed;
use crate::place::{Plane, Who, on_real};

ask_both!(
    a_look_tells_version_readiness_and_ready_nodes,
    who_may_read_no_nodes_is_told_the_rest,
    a_login_of_the_past_is_denied,
);

#[test]
fn another_authority_is_not_trusted() {
    on_real(Plane::Shared, async |bed| {
        let State::Down(fault) = look(&bed, Who::Misled).await else {
            panic!("it is not trusted");
        };
        assert_eq!(fault.brief, "unknown authority");
    });
}

async fn look(bed: &Bed, who: Who) -> State {
    let (out, mut facts) = mpsc::channel(16);
    let following = kubernetes::follow_fleet(bed.target(who), out);
    let looking = async {
        loop {
            if let FleetFact::Asked { state, .. } = facts.recv().await.unwrap() {
                return state;
            }
        }
    };
    let first = async {
        tokio::select! {
            state = looking => state,
            () = following => panic!("it never ends by itself"),
        }
    };
    tokio::time::timeout(Duration::from_secs(20), first)
        .await
        .unwrap()
}

async fn a_look_tells_version_readiness_and_ready_nodes(bed: Bed) {
    bed.board().await;
    let State::Up(answer) = look(&bed, Who::Admin).await else {
        panic!("it is up");
    };
    assert!(answer.version.unwrap().starts_with("v1."));
    assert_eq!(answer.ready, Ready::Yes);
    assert!(answer.latency.is_some());
    let (ready, all) = answer.nodes.expect("a table of nodes");
    assert!(ready >= 1 && all >= ready, "{ready}/{all}");
}

async fn who_may_read_no_nodes_is_told_the_rest(bed: Bed) {
    let State::Up(answer) = look(&bed, Who::Nobody).await else {
        panic!("it is up");
    };
    assert!(answer.version.is_some());
    assert_eq!(answer.nodes, None);
}

async fn a_login_of_the_past_is_denied(bed: Bed) {
    let state = look(&bed, Who::Bygone).await;
    assert!(matches!(state, State::Denied(_)), "{state:?}");
}
