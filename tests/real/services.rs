//! Services and what stands behind them arrive as facts.

use bramble::rack::Rack;
use bramble::rack::service::{Protocol, ServiceName, TrafficPolicy};
use http::Method;
use serde_json::{Value, json};

use crate::bed::Bed;
use crate::follower::{Follower, SOON};
use crate::hand::JSON;
use crate::place::Who;

ask_both!(services_endpoints_and_events_become_facts);

const SERVICES: &str = "/api/v1/namespaces/default/services";
const SLICES: &str = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices";

async fn services_endpoints_and_events_become_facts(bed: Bed) {
    let hand = bed.hand();
    let mut follower = Follower::live(bed.target(Who::Admin)).await;
    let name = ServiceName::new("default", "hall-lamp");
    let service = json!({
        "metadata": { "name": "hall-lamp", "annotations": {
            "metallb.universe.tf/allow-shared-ip": "\u{1b}[31mkey", "note": "dropped" } },
        "spec": { "type": "LoadBalancer", "externalTrafficPolicy": "Local", "ports": [
            { "name": "a", "port": 53, "protocol": "UDP", "targetPort": "dns" },
            { "name": "b", "port": 80, "targetPort": 8080 } ] },
    });
    let made = hand
        .must(Method::POST, SERVICES, JSON, &service.to_string())
        .await;
    let is_there = |rack: &Rack| rack.services.get(&name).is_some();
    follower.until("the service", SOON, is_there).await;
    let known = follower.rack.services.get(&name).unwrap();
    assert_eq!(json!(known.uid.0), made["metadata"]["uid"]);
    assert!(known.is_pending() && known.allocates_node_ports);
    assert_eq!(known.external_traffic, TrafficPolicy::Local);
    assert_eq!(known.annotations.len(), 1, "only those of allocators");
    assert_eq!(known.ports[0].protocol, Protocol::Udp);
    assert!(known.ports.iter().all(|it| it.node_port.is_some()));
    assert_eq!(known.cluster_ips.len(), 1);

    let slice = json!({
        "metadata": { "name": "hall-lamp-x", "labels": { "kubernetes.io/service-name": "hall-lamp" } },
        "addressType": "IPv4",
        "endpoints": [
            { "addresses": ["10.42.0.7"], "nodeName": "board", "conditions": { "ready": true } },
            { "addresses": ["10.42.0.8"], "conditions": { "ready": false, "serving": true, "terminating": true } },
        ],
        "ports": [{ "name": "b", "port": 8080, "protocol": "TCP" }],
    });
    hand.must(Method::POST, SLICES, JSON, &slice.to_string())
        .await;
    let has_endpoints = |rack: &Rack| rack.services.readiness(&name).total == 2;
    follower.until("its endpoints", SOON, has_endpoints).await;
    let readiness = follower.rack.services.readiness(&name);
    assert_eq!(
        (readiness.ready, readiness.serving, readiness.terminating),
        (1, 2, 1)
    );

    let event = json!({
        "metadata": { "name": "hall-lamp.1", "namespace": "default" },
        "involvedObject": { "kind": "Service", "namespace": "default", "name": "hall-lamp", "uid": known_uid(&made) },
        "reason": "AllocationFailed", "message": "no available IPs", "type": "Warning",
        "source": { "component": "metallb-controller" }, "count": 3, "lastTimestamp": "2026-11-24T08:00:00Z",
    });
    hand.must(
        Method::POST,
        "/api/v1/namespaces/default/events",
        JSON,
        &event.to_string(),
    )
    .await;
    let uid = follower.rack.services.get(&name).unwrap().uid.clone();
    let is_said = |rack: &Rack| rack.services.events(&uid).next().is_some();
    follower.until("its event", SOON, is_said).await;
    let said = follower.rack.services.events(&uid).next().unwrap();
    assert_eq!((&*said.component, said.count), ("metallb-controller", 3));

    let slice_path = format!("{SLICES}/hall-lamp-x");
    hand.must(Method::DELETE, &slice_path, "", "").await;
    let is_empty = |rack: &Rack| rack.services.slices(&name).is_empty();
    follower.until("its endpoints go", SOON, is_empty).await;
    hand.must(Method::DELETE, &format!("{SERVICES}/hall-lamp"), "", "")
        .await;
    let is_gone = |rack: &Rack| rack.services.get(&name).is_none();
    follower.until("it goes", SOON, is_gone).await;
}

fn known_uid(object: &Value) -> Value {
    object["metadata"]["uid"].clone()
}
