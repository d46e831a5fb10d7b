//! What belongs to a Service is found by its name, whatever comes and goes in which order.

use jiff::Timestamp;

use super::*;
use crate::rack::endpoints::Endpoint;
use crate::rack::node::ResourceVersion;
use crate::rack::selector::Labels;
use crate::rack::service::{ServiceKind, TrafficPolicy};

fn name(text: &str) -> ServiceName {
    let (namespace, name) = text.split_once('/').unwrap();
    ServiceName::new(namespace, name)
}

fn service(at: &str, uid: &str) -> Service {
    Service {
        name: name(at),
        uid: Uid(uid.into()),
        resource_version: ResourceVersion("1".into()),
        created: None,
        deleted: None,
        finalizers: Vec::new(),
        labels: Labels::new(),
        annotations: Labels::new(),
        kind: ServiceKind::LoadBalancer,
        class: None,
        cluster_ips: Vec::new(),
        family_policy: None,
        ports: Vec::new(),
        selector: Labels::new(),
        external_traffic: TrafficPolicy::Cluster,
        load_balancer_ip: None,
        allocates_node_ports: true,
        publishes_not_ready: false,
        ingress: Vec::new(),
    }
}

fn slice(object: &str, of: &str, nodes: &[(&str, bool)]) -> EndpointSlice {
    let endpoint = |(node, is_ready): &(&str, bool)| Endpoint {
        address: "10.42.0.7".into(),
        node: Some(NodeName::new(node)),
        pod: Some(format!("pod-on-{node}").into()),
        is_ready: *is_ready,
        is_serving: *is_ready,
        is_terminating: !is_ready,
    };
    EndpointSlice {
        namespace: "web".into(),
        name: object.into(),
        service: (!of.is_empty()).then(|| name(of)),
        family: if object.ends_with("v6") {
            "IPv6"
        } else {
            "IPv4"
        }
        .into(),
        ports: Vec::new(),
        endpoints: nodes.iter().map(endpoint).collect(),
    }
}

fn event(uid: &str, about: &str, second: i64) -> ServiceEvent {
    ServiceEvent {
        uid: Uid(uid.into()),
        service: name("web/shop"),
        service_uid: Uid(about.into()),
        is_warning: false,
        reason: "IPAllocated".into(),
        message: uid.into(),
        component: "metallb-controller".into(),
        count: 1,
        last: Timestamp::from_second(second).ok(),
    }
}

#[test]
fn services_are_sorted_and_found_by_name_and_uid() {
    let mut services = Services::default();
    services.apply(Change::Listed(vec![
        service("web/shop", "b"),
        service("infra/dns", "a"),
    ]));
    let names: Vec<String> = services.iter().map(|it| it.name.to_string()).collect();
    assert_eq!(names, ["infra/dns", "web/shop"]);
    assert_eq!(
        services.by_uid(&Uid("b".into())).unwrap().name,
        name("web/shop")
    );

    services.apply(Change::Applied(service("web/shop", "c")));
    assert!(
        services.by_uid(&Uid("b".into())).is_none(),
        "it was replaced"
    );
    services.apply(Change::Deleted(service("web/shop", "b")));
    assert!(
        services.get(&name("web/shop")).is_some(),
        "late news of the old one"
    );
    services.apply(Change::Deleted(service("web/shop", "c")));
    assert!(services.get(&name("web/shop")).is_none());
    services.apply(Change::Listed(Vec::new()));
    assert!(services.is_empty() && services.by_uid(&Uid("a".into())).is_none());
}

#[test]
fn slices_follow_their_service() {
    let mut services = Services::default();
    let shop = name("web/shop");
    services.apply_slices(Change::Listed(vec![
        slice("shop-1", "web/shop", &[("rpi-01", true), ("rpi-02", false)]),
        slice("shop-2", "web/shop", &[("rpi-03", true)]),
        slice("by-hand", "", &[("rpi-03", true)]),
    ]));
    let readiness = services.readiness(&shop);
    assert_eq!(
        (readiness.ready, readiness.terminating, readiness.total),
        (2, 1, 3)
    );
    let nodes: Vec<&str> = services
        .serving_nodes(&shop)
        .into_iter()
        .map(NodeName::as_str)
        .collect();
    assert_eq!(nodes, ["rpi-01", "rpi-03"]);

    services.apply_slices(Change::Applied(slice("shop-2", "web/shop", &[])));
    assert_eq!(services.readiness(&shop).ready, 1);
    services.apply_slices(Change::Applied(slice(
        "shop-2",
        "web/other",
        &[("rpi-03", true)],
    )));
    assert_eq!(services.slices(&shop).len(), 1, "its label was changed");
    assert_eq!(services.readiness(&name("web/other")).ready, 1);
    services.apply_slices(Change::Deleted(slice("shop-2", "web/shop", &[])));
    assert!(services.slices(&name("web/other")).is_empty());
    services.apply_slices(Change::Deleted(slice("unknown", "web/shop", &[])));
    assert_eq!(services.slices(&shop).len(), 1);
}

#[test]
fn a_pod_with_two_families_counts_once() {
    let mut services = Services::default();
    services.apply_slices(Change::Listed(vec![
        slice("shop-v4", "web/shop", &[("rpi-01", true), ("rpi-02", true)]),
        slice("shop-v6", "web/shop", &[("rpi-01", true), ("rpi-02", true)]),
    ]));
    assert_eq!(services.readiness(&name("web/shop")).total, 2);
    assert_eq!(services.readiness(&name("web/none")), Readiness::default());
}

#[test]
fn the_last_events_of_a_service_are_kept_newest_first() {
    let mut services = Services::default();
    services.apply(Change::Listed(vec![service("web/shop", "shop")]));
    let all = (0..40).map(|n| event(&format!("e{n}"), "shop", n)).rev();
    services.apply_events(Change::Listed(all.collect()));
    let shop = Uid("shop".into());
    let said = |services: &Services| {
        let texts = services.events(&shop).map(|it| it.message.to_string());
        texts.collect::<Vec<_>>()
    };
    assert_eq!(said(&services).len(), EVENTS_KEPT);
    assert_eq!(said(&services)[..2], ["e39", "e38"]);
    services.apply_events(Change::Applied(event("e38", "shop", 50)));
    assert_eq!(said(&services)[..2], ["e38", "e39"], "said again");
    services.apply_events(Change::Deleted(event("e38", "shop", 50)));
    assert_eq!(said(&services)[0], "e38", "expired on the server");
    services.apply(Change::Deleted(service("web/shop", "shop")));
    assert!(said(&services).is_empty());
}

#[test]
fn statuses_are_forgotten_with_their_kind() {
    let mut services = Services::default();
    let status = |object: &str, node: &str| L2Status {
        namespace: "metallb-system".into(),
        name: object.into(),
        service: Some(name("web/shop")),
        node: Some(NodeName::new(node)),
        interfaces: Vec::new(),
        created: None,
    };
    services.apply_l2(Change::Listed(vec![status("l2-a", "rpi-01")]));
    services.apply_l2(Change::Applied(status("l2-b", "rpi-02")));
    services.apply_l2(Change::Deleted(status("l2-a", "rpi-01")));
    let left = services.l2_statuses(&name("web/shop"));
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].node, Some(NodeName::new("rpi-02")));
    services.forget(Source::L2Statuses, &SourceState::Live);
    assert_eq!(services.all_l2_statuses().count(), 1);
    services.forget(Source::L2Statuses, &SourceState::Absent);
    assert_eq!(services.all_l2_statuses().count(), 0);
}
