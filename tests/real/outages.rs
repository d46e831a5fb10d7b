//! An API that goes away: refused, silent, for long, and back with another memory.

use std::sync::Arc;
use std::time::Duration;

use bramble::rack::beat::Pulse;
use bramble::rack::node::NodeName;
use tokio::time::timeout;

use crate::bed::Bed;
use crate::control_plane;
use crate::follower::Follower;

/// Worlds of our own: an outage must not disturb other questions.
async fn beds() -> Vec<Bed> {
    let mut beds = vec![Bed::simulated().await];
    if let Some(plane) = control_plane::start() {
        beds.push(Bed::real(Arc::new(plane)).await);
    }
    beds
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_that_goes_is_noticed_and_its_return_too_with_all_that_happened_meanwhile() {
    for bed in beds().await {
        let mut seen = Follower::start(&bed.admin());
        bed.join("o-stays").await;
        bed.join("o-goes").await;
        seen.until_node("o-goes").await;
        seen.until_live().await;
        bed.stop().await;
        let took = seen.until_stale().await;
        assert!(
            took < Duration::from_secs(5),
            "{}: noticed after {took:?}",
            bed.name()
        );
        assert!(
            seen.rack.node(&NodeName::new("o-stays")).is_some(),
            "{}: facts are kept",
            bed.name()
        );
        bed.start_again().await;
        let took = seen.until_live().await;
        assert!(
            took < Duration::from_secs(5),
            "{}: back after {took:?}",
            bed.name()
        );
        // Its versions of before are gone: everything is listed anew.
        bed.remove("o-goes").await;
        bed.join("o-comes").await;
        seen.until_node("o-comes").await;
        seen.until("the removed node is gone", |rack| {
            rack.node(&NodeName::new("o-goes")).is_none()
        })
        .await;
        bed.beat("o-stays").await;
        let is_beating = |rack: &bramble::rack::Rack| {
            rack.reading(&NodeName::new("o-stays")).pulse == Pulse::Beating
        };
        seen.until("a beat after the outage", is_beating).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_that_hangs_is_noticed_and_its_return_too() {
    for bed in beds().await {
        let mut seen = Follower::start(&bed.admin());
        bed.join("h-node").await;
        seen.until_node("h-node").await;
        bed.hang();
        let took = seen.until_stale().await;
        assert!(
            took < Duration::from_secs(20),
            "{}: noticed after {took:?}",
            bed.name()
        );
        bed.go_on();
        let took = seen.until_live().await;
        assert!(
            took < Duration::from_secs(8),
            "{}: back after {took:?}",
            bed.name()
        );
        bed.label("h-node", "after", "hang").await;
        seen.until("a change", |rack| {
            rack.node(&NodeName::new("h-node"))
                .is_some_and(|node| node.labels.contains_key("after"))
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_half_a_minute_without_an_api_everything_comes_back_by_itself() {
    let Some(plane) = control_plane::start() else {
        return;
    };
    let bed = Bed::real(Arc::new(plane)).await;
    let mut seen = Follower::start(&bed.admin());
    bed.join("l-node").await;
    seen.until_node("l-node").await;
    seen.until_live().await;
    bed.stop().await;
    seen.until_stale().await;
    let back = seen.until("it cannot come back", |rack| rack.link.is_live());
    assert!(
        timeout(Duration::from_secs(29), back).await.is_err(),
        "nothing answers"
    );
    bed.start_again().await;
    let took = seen.until_live().await;
    assert!(took < Duration::from_secs(6), "back after {took:?}");
    assert!(seen.rack.node(&NodeName::new("l-node")).is_some());
}
