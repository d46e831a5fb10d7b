//! The one thing the program changes, and what it reads before it does.

use std::time::Duration;

use bramble::clients::kubernetes::{self, Error};
use bramble::rack::node::{NodeName, Uid};
use bramble::rack::problem::Subject;
use http::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use crate::bed::Bed;
use crate::boards;
use crate::follower::{Follower, SOON, node};
use crate::hand::{Hand, MERGE};
use crate::place::Who;

ask_both!(
    a_cordon_is_seen_and_outlasts_the_kubelet,
    a_label_is_set_and_removed,
    a_board_that_took_over_the_name_is_left_alone,
    a_cordon_against_writers_who_never_rest_is_a_conflict,
    the_yaml_of_a_node_is_whole_but_for_managed_fields,
);

const TAINT: &str = "node.kubernetes.io/unschedulable";

fn uid(node: &Value) -> Uid {
    Uid(node["metadata"]["uid"].as_str().unwrap().into())
}

async fn a_cordon_is_seen_and_outlasts_the_kubelet(bed: Bed) {
    let board = bed.board().await;
    let (name, uid) = (NodeName::new(&board), uid(&bed.node(&board).await));
    let mut follower = Follower::live(bed.target(Who::Admin)).await;
    let connection = kubernetes::connect(&bed.target(Who::Admin)).await.unwrap();

    kubernetes::cordon(&connection, &name, &uid, true)
        .await
        .unwrap();
    let is_closed = |is_so: bool| {
        node(&board, move |node| {
            let is_tainted = node.taints.iter().any(|taint| &*taint.key == TAINT);
            node.unschedulable == is_so && is_tainted == is_so
        })
    };
    follower
        .until("the cordon and its taint", SOON, is_closed(true))
        .await;

    let status = json!({ "conditions": boards::conditions("True", "still here") });
    bed.report(&board, status).await;
    bed.beat(&board).await;
    let has_reported = node(&board, |node| {
        &*node.condition("Ready").unwrap().message == "still here" && node.unschedulable
    });
    follower.until("the next report", SOON, has_reported).await;
    assert!(is_closed(true)(&follower.rack), "the cordon is still there");
    let again = Follower::live(bed.target(Who::Admin)).await;
    assert!(is_closed(true)(&again.rack), "for others as well");

    // Cordoning twice is no error, and changes nothing.
    kubernetes::cordon(&connection, &name, &uid, true)
        .await
        .unwrap();
    kubernetes::cordon(&connection, &name, &uid, false)
        .await
        .unwrap();
    follower
        .until("the node is open again", SOON, is_closed(false))
        .await;
    let raw = bed.node(&board).await;
    assert_eq!(raw["spec"]["unschedulable"], Value::Null);
}

async fn a_label_is_set_and_removed(bed: Bed) {
    let board = bed.board().await;
    let (name, uid) = (NodeName::new(&board), uid(&bed.node(&board).await));
    let connection = kubernetes::connect(&bed.target(Who::Admin)).await.unwrap();
    for value in [Some("ssd"), Some(""), None] {
        kubernetes::label(&connection, &name, &uid, "example.org/disk", value)
            .await
            .unwrap();
        let raw = bed.node(&board).await;
        let now = raw["metadata"]["labels"].get("example.org/disk");
        assert_eq!(now.and_then(Value::as_str), value);
    }
}

async fn a_board_that_took_over_the_name_is_left_alone(bed: Bed) {
    let board = bed.board().await;
    let (name, old) = (NodeName::new(&board), uid(&bed.node(&board).await));
    let connection = kubernetes::connect(&bed.target(Who::Admin)).await.unwrap();
    bed.replace(&board).await;
    assert_ne!(uid(&bed.node(&board).await), old);
    let refused = kubernetes::cordon(&connection, &name, &old, true).await;
    assert_eq!(refused, Err(Error::Replaced(Subject::Node(name.clone()))));
    let raw = bed.node(&board).await;
    assert_eq!(raw["spec"]["unschedulable"], Value::Null, "left alone");

    bed.remove(&board).await;
    let refused = kubernetes::cordon(&connection, &name, &old, true).await;
    assert_eq!(
        refused,
        Err(Error::Replaced(Subject::Node(name))),
        "gone is replaced too"
    );
}

/// One change in between is overtaken by reading the node again; only where that does not help is it told.
async fn a_cordon_against_writers_who_never_rest_is_a_conflict(bed: Bed) {
    let board = bed.board().await;
    let (name, uid) = (NodeName::new(&board), uid(&bed.node(&board).await));
    let connection = kubernetes::connect(&bed.target(Who::Admin)).await.unwrap();
    let mut others = JoinSet::new();
    for number in 0..4 {
        others.spawn(keep_changing(bed.hand(), board.clone(), number));
    }
    let deadline = Instant::now() + Duration::from_secs(30);
    let mut tries = 0;
    let conflict = async {
        loop {
            tries += 1;
            match kubernetes::cordon(&connection, &name, &uid, tries % 2 == 1).await {
                Ok(()) => {}
                Err(error) => return error,
            }
        }
    };
    let error = timeout_at(deadline, conflict).await;
    let error = error.expect("who cannot get through is told");
    assert_eq!(error, Error::Conflict(Subject::Node(name.clone())));
    let sentence = error.problem().sentence();
    assert!(sentence.contains("somebody else changed it"), "{sentence}");

    others.shutdown().await;
    kubernetes::cordon(&connection, &name, &uid, true)
        .await
        .unwrap();
}

/// Somebody who writes a label over and over.
async fn keep_changing(hand: Hand, board: String, who: u32) {
    let path = format!("/api/v1/nodes/{board}");
    for number in 0_u32.. {
        let label = format!("{who}-{number}");
        let patch = json!({ "metadata": { "labels": { "busy": label } } });
        // Two of these may be in each other's way too.
        hand.send(Method::PATCH, &path, MERGE, &patch.to_string())
            .await;
    }
}

async fn the_yaml_of_a_node_is_whole_but_for_managed_fields(bed: Bed) {
    let board = bed.board().await;
    let connection = kubernetes::connect(&bed.target(Who::Admin)).await.unwrap();
    let yaml = kubernetes::yaml(&connection, &Subject::Node(NodeName::new(&board))).await;
    let yaml: Value = serde_yaml::from_str(&yaml.unwrap()).unwrap();
    let mut raw = bed.node(&board).await;
    let managed = raw["metadata"].as_object_mut().unwrap();
    let was_managed = managed.remove("managedFields").is_some();
    assert!(was_managed || !bed.is_real(), "a real server has them");
    assert_eq!(yaml, raw);

    let missing = Subject::Node(NodeName::new("no-such-board"));
    let error = kubernetes::yaml(&connection, &missing).await.unwrap_err();
    assert!(matches!(error, Error::Missing { .. }), "{error:?}");
}
