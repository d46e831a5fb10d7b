//! How soon a person sees that an address is lost, and what the pane does while services change.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use bramble::app::Settings;
use bramble::clients::probe::PACE;
use bramble::sim::{Scenario, Sim};
use serde_json::json;

use super::{Harness, office};

/// One board with a Service that has this address, whoever gave it: nobody takes it back or gives another one.
async fn bare(address: &str, port: u16) -> Sim {
    let scenario = format!(
        r#"
context = "bare-rack"
churn = 0.0
node = [{{ name = "rpi-01", role = "server", ip = "192.0.2.11" }}]
workload = [{{ name = "lamp", namespace = "home", image = "lamp:1", on = ["rpi-01"] }}]
service = [{{ name = "lamp", namespace = "home", ports = ["{port}"], has = ["{address}"] }}]
"#
    );
    let scenario = Scenario::from_toml(&scenario).unwrap();
    Sim::start(scenario, 1).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vip_lost_at_the_api_is_lost_on_the_screen_within_a_tenth_of_a_second() {
    let sim = bare("192.0.2.64", 80).await;
    let mut cockpit = Harness::start(&sim, Settings::default());
    cockpit.until("1/1 ready").await;
    cockpit.press("2").await;
    cockpit.until("192.0.2.64").await;
    let mut quickest = Duration::MAX;
    for _ in 0..5 {
        for (ingress, seen) in [
            (json!(null), "pending"),
            (json!([{ "ip": "192.0.2.64" }]), "192.0.2.64"),
        ] {
            let status = json!({ "status": { "loadBalancer": { "ingress": ingress } } });
            let begun = Instant::now();
            sim.patch("Service", "home/lamp", &status).unwrap();
            cockpit.until(seen).await;
            quickest = quickest.min(begun.elapsed());
        }
    }
    // The quickest of ten: on a busy machine any one of them may have to wait for its turn.
    assert!(quickest < Duration::from_millis(100), "{quickest:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_listener_is_seen_within_an_interval_and_the_patience() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let sim = bare("127.0.0.1", listener.local_addr().unwrap().port()).await;
    let mut cockpit = Harness::start(&sim, Settings::default());
    cockpit.until("1/1 ready").await;
    cockpit.press("2").await;
    cockpit.until(" ms ").await;
    drop(listener);
    let begun = Instant::now();
    cockpit.until("refused").await;
    let limit = PACE.interval + PACE.patience;
    assert!(begun.elapsed() < limit, "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn kinds_of_metallb_that_may_not_be_read_are_one_problem() {
    let sim = office().await;
    for kind in [
        "ipaddresspools",
        "l2advertisements",
        "bgpadvertisements",
        "bgppeers",
        "bfdprofiles",
        "communities",
        "servicel2statuses",
        "servicebgpstatuses",
    ] {
        sim.api().forbid(kind);
    }
    let mut cockpit = Harness::start(&sim, Settings::default());
    cockpit.until("4/4 ready").await;
    cockpit.press("8").await;
    let screen = cockpit.until("kinds of metallb.io").await;
    assert_eq!(screen.matches("not allowed").count(), 1, "{screen}");
    // Who announces is still known from events or computed, and what is not is said to be unknown.
    cockpit.press("2").await;
    cockpit.until("10.10.10.51").await;
    cockpit.press("/ m y - w e b enter enter").await;
    cockpit.until("? pools may not be read").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_under_a_filter_can_be_changed_at_once_and_one_that_slid_there_cannot() {
    let sim = bare("192.0.2.64", 80).await;
    let mut cockpit = Harness::start(&sim, Settings::default());
    cockpit.until("1/1 ready").await;
    let ghost = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": { "name": "ghost", "namespace": "a" },
        "spec": { "type": "LoadBalancer", "ports": [{ "port": 80 }] },
        "status": { "loadBalancer": { "ingress": [{ "ip": "192.0.2.65" }] } },
    });
    sim.put(ghost).unwrap();
    cockpit.press("2").await;
    cockpit.until("a/ghost").await;
    cockpit.press("/ l a m p enter i").await;
    cockpit.until("Address of service home/lamp").await;
    cockpit.press("esc esc g").await;
    cockpit.until("a/ghost").await;
    assert!(sim.delete("Service", "a/ghost"));
    while crate::screens::text(&cockpit.model).contains("a/ghost") {
        cockpit.press("").await;
    }
    cockpit.press("i").await;
    cockpit.until("another service slid under the cursor").await;
}
