//! Questions asked of the simulator over HTTP, as a client would.
//!
//! The same are asked of a real kube-apiserver elsewhere. Invariant: no test waits for time to
//! pass; scenarios with short times make things happen.

mod balancer;
mod client;
mod config;
mod exports;
mod journals;
mod outages;
mod rack;
mod requests;
mod rollouts;
mod watches;

use super::{Scenario, Sim};
use client::Client;

/// A small rack in which nothing happens by itself for an hour.
const QUIET: &str = r#"
context = "quiet-rack"
beat = 3600
grace = 7200
node = [
  { name = "k3s-server", role = "server" },
  { name = "rpi-01" },
  { name = "rpi-02" },
  { name = "rpi-03" },
]
workload = [
  { name = "speaker", kind = "DaemonSet", namespace = "metallb-system", image = "speaker:1" },
  { name = "web", image = "web:1", on = ["rpi-01", "rpi-02"] },
]
"#;

async fn start(scenario: &str) -> (Sim, Client) {
    let scenario = Scenario::from_toml(scenario).unwrap();
    let sim = Sim::start(scenario, 1).await.unwrap();
    let client = Client::new(&sim);
    (sim, client)
}

/// A shipped scenario, running.
async fn start_scenario(name: &str) -> (Sim, Client) {
    let sim = Sim::start(Scenario::shipped(name).unwrap(), 1)
        .await
        .unwrap();
    let client = Client::new(&sim);
    (sim, client)
}

async fn quiet() -> (Sim, Client) {
    start(QUIET).await
}

fn names(list: &serde_json::Value) -> Vec<String> {
    let items = list["items"].as_array().unwrap();
    let name = |item: &serde_json::Value| item["metadata"]["name"].as_str().unwrap().to_owned();
    items.iter().map(name).collect()
}
