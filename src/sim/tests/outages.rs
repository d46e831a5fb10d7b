//! The API dying, hanging and answering nonsense.

use std::time::Duration;

use serde_json::json;

use super::super::{Fault, Scenario, Sim};
use super::quiet;

#[tokio::test]
async fn a_killed_api_refuses_and_is_back_on_the_same_port() {
    let (sim, client) = quiet().await;
    let version = sim.api().version();
    let path = format!("/api/v1/nodes?watch=true&resourceVersion={version}");
    let mut watch = client.watch(&path).await;
    sim.api().kill().await;
    assert!(watch.next().await.is_none());
    assert!(!client.connects().await);
    sim.node("rpi-01").cordon(true);
    sim.api().restart().await;
    let mut watch = client.watch(&path).await;
    let missed = watch.next().await.unwrap();
    assert_eq!(missed["object"]["metadata"]["name"], "rpi-01");
}

#[tokio::test]
async fn a_hung_api_is_silent_and_then_goes_on() {
    let (sim, client) = quiet().await;
    let version = sim.api().version();
    let mut watch = client
        .watch(&format!(
            "/api/v1/nodes?watch=true&resourceVersion={version}"
        ))
        .await;
    sim.api().hang();
    sim.node("rpi-01").cordon(true);
    assert!(client.connects().await);
    assert!(watch.is_silent(Duration::from_millis(100)).await);
    let (answer, ()) = tokio::join!(client.get("/api/v1/nodes/rpi-01"), async {
        tokio::task::yield_now().await;
        sim.api().resume();
    });
    assert_eq!(answer.code, 200);
    assert_eq!(watch.next().await.unwrap()["type"], "MODIFIED");
}

#[tokio::test]
async fn faults_spoil_the_answers_they_were_set_for() {
    let (sim, client) = quiet().await;
    let api = sim.api();
    let path = "/api/v1/nodes";
    api.fail_next(path, Fault::Status(429, Some(2)));
    api.fail_next(path, Fault::Html(502));
    api.fail_next(path, Fault::Unauthorized);
    api.fail_next(path, Fault::Garbage);
    api.fail_next(path, Fault::HalfLine);
    api.fail_next(path, Fault::CloseMidWay);
    assert_eq!(client.get("/version").await.code, 200);
    let busy = client.get(path).await;
    assert_eq!(
        (busy.code, &busy.json()["details"]["retryAfterSeconds"]),
        (429, &json!(2))
    );
    assert!(busy.head.to_lowercase().contains("retry-after: 2"));
    let html = client.get(path).await;
    assert_eq!((html.code, html.head.contains("text/html")), (502, true));
    assert_eq!(client.get(path).await.code, 401);
    for _ in 0..3 {
        let spoiled = client.get(path).await;
        assert_eq!(spoiled.code, 200);
        assert!(serde_json::from_str::<serde_json::Value>(&spoiled.body).is_err());
    }
    assert_eq!(client.json(path).await["kind"], "NodeList");
    api.fail_always(path, Fault::Status(500, None));
    assert_eq!(client.get(path).await.code, 500);
    assert_eq!(client.get(path).await.code, 500);
    api.heal();
    assert_eq!(client.get(path).await.code, 200);
    assert_eq!(
        api.request_log().first().map(String::as_str),
        Some("GET /version")
    );
}

#[tokio::test]
async fn a_huge_line_is_valid_and_the_watch_goes_on() {
    let (sim, client) = quiet().await;
    sim.api()
        .fail_next("/api/v1/nodes?watch", Fault::HugeLine(2_000_000));
    let mut watch = client.watch("/api/v1/nodes?watch=true").await;
    let huge = watch.next().await.unwrap();
    assert!(
        huge["object"]["metadata"]["annotations"]["huge"]
            .as_str()
            .unwrap()
            .len()
            == 2_000_000
    );
    assert_eq!(
        watch.next().await.unwrap()["object"]["metadata"]["name"],
        "k3s-server"
    );
}

#[tokio::test]
async fn a_simulation_that_ends_closes_its_port() {
    let sim = Sim::start(Scenario::shipped("office").unwrap(), 1)
        .await
        .unwrap();
    let client = super::Client::new(&sim);
    assert!(client.connects().await);
    sim.shutdown().await;
    assert!(!client.connects().await);
}
