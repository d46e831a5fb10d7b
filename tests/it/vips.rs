//! The Services pane on whole screens: a rack with MetalLB in which some addresses are well and some are not.

use std::collections::BTreeSet;
use std::time::Duration;

use bramble::app::{Model, update};
use bramble::clients::kubernetes::read_list;
use bramble::msg::{Generation, Msg};
use bramble::rack::facts::Fact;
use bramble::rack::link::{LinkState, Source};
use bramble::rack::problem::{Problem, Severity, Subject};
use bramble::rack::vip::probe::{Outcome, Target};
use insta::assert_snapshot;
use ratatui::layout::Size;
use serde_json::{Value, json};

use crate::fixtures::{at, office, tell};
use crate::screens::{draw, press, text};

const SMALL: Size = Size::new(60, 20);
const USUAL: Size = Size::new(80, 24);
const LARGE: Size = Size::new(160, 48);

fn list(model: &mut Model, source: Source, items: &[Value]) {
    let list = json!({ "kind": "List", "metadata": { "resourceVersion": "9" }, "items": items });
    let fact = read_list(source, list.to_string().as_bytes()).expect("a list that can be read");
    tell(model, fact);
}

fn meta(name: &str) -> Value {
    let (namespace, name) = name.split_once('/').unwrap();
    json!({
        "name": name, "namespace": namespace, "uid": format!("{namespace}/{name}"), "resourceVersion": "1",
        "creationTimestamp": "2026-01-20T12:00:00Z",
    })
}

fn workload(part: &str) -> Value {
    let mut metadata = meta(&format!("metallb-system/{part}"));
    metadata["labels"] = json!({ "app": "metallb", "component": part });
    let container = json!({ "name": part, "image": format!("quay.io/metallb/{part}:v0.15.2") });
    json!({
        "metadata": metadata,
        "spec": { "replicas": 1, "template": { "spec": { "containers": [container] } } },
        "status": { "readyReplicas": 1, "desiredNumberScheduled": 4, "numberReady": 4 },
    })
}

/// A pod as far as its place and state go.
fn pod(name: &str, node: &str, owner: &str, state: &Value) -> Value {
    let mut metadata = meta(name);
    metadata["ownerReferences"] = json!([{ "kind": owner, "name": "x", "controller": true }]);
    json!({
        "metadata": metadata,
        "spec": { "nodeName": node, "containers": [{ "name": "app" }] },
        "status": {
            "phase": "Running",
            "containerStatuses": [{ "name": "app", "ready": state["running"].is_object(), "restartCount": 17, "state": state }],
        },
    })
}

fn service(name: &str, ports: &Value, address: &str, annotations: &Value) -> Value {
    let mut metadata = meta(name);
    metadata["annotations"] = annotations.clone();
    let app = metadata["name"].clone();
    let mut service = json!({
        "metadata": metadata,
        "spec": { "type": "LoadBalancer", "clusterIPs": ["10.43.0.9"], "ports": ports, "selector": { "app": app } },
        "status": { "loadBalancer": {} },
    });
    if !address.is_empty() {
        service["status"]["loadBalancer"]["ingress"] = json!([{ "ip": address }]);
    }
    service
}

fn slice(service: &str, on: &[(&str, bool)]) -> Value {
    let mut metadata = meta(&format!("{service}-x"));
    let name = service.split('/').next_back();
    metadata["labels"] = json!({ "kubernetes.io/service-name": name });
    let endpoint = |(at, (node, is_ready)): (usize, &(&str, bool))| {
        let pod = format!("{}-{at}", name.unwrap_or_default());
        json!({
            "addresses": [format!("10.42.1.{at}")], "nodeName": node,
            "conditions": { "ready": is_ready, "serving": is_ready },
            "targetRef": { "kind": "Pod", "name": pod },
        })
    };
    let endpoints: Vec<Value> = on.iter().enumerate().map(endpoint).collect();
    json!({ "metadata": metadata, "addressType": "IPv4", "endpoints": endpoints, "ports": [] })
}

fn status(service: &str, node: &str, card: &str) -> Value {
    let (namespace, name) = service.split_once('/').unwrap();
    json!({
        "metadata": meta(&format!("metallb-system/l2-{name}")),
        "status": {
            "node": node, "serviceName": name, "serviceNamespace": namespace, "interfaces": [{ "name": card }],
        },
    })
}

/// The office rack with MetalLB: in its pool of eight two are free, in the small one none is. Shown is the Services pane.
fn rack(size: Size) -> Model {
    let mut model = office(size, "terminal");
    let kinds = ["ipaddresspools", "l2advertisements", "servicel2statuses"].map(Box::from);
    tell(&mut model, Fact::MetalLbKinds(BTreeSet::from(kinds)));
    list(&mut model, Source::DaemonSets, &[workload("speaker")]);
    list(&mut model, Source::Deployments, &[workload("controller")]);
    let running = json!({ "running": {} });
    let crashing = json!({ "waiting": { "reason": "CrashLoopBackOff" } });
    let mut pods: Vec<Value> = ["k3s-server", "rpi-01", "rpi-02", "rpi-03"]
        .map(|node| {
            pod(
                &format!("metallb-system/speaker-{node}"),
                node,
                "DaemonSet",
                &running,
            )
        })
        .into();
    pods.push(pod("web/blog-0", "rpi-01", "ReplicaSet", &crashing));
    list(&mut model, Source::Pods, &pods);
    let pool = |name: &str, range: &str| json!({ "metadata": meta(&format!("metallb-system/{name}")), "spec": { "addresses": [range] } });
    let pools = [
        pool("company-office", "10.10.10.50-10.10.10.57"),
        pool("dmz", "10.10.10.70/32"),
    ];
    list(&mut model, Source::IpAddressPools, &pools);
    list(
        &mut model,
        Source::L2Advertisements,
        &[json!({ "metadata": meta("metallb-system/all") })],
    );
    let shared = json!({ "metallb.io/allow-shared-ip": "dns" });
    let tcp = |port: u16, to: u16| json!([{ "port": port, "targetPort": to }]);
    let udp = json!([{ "port": 53, "protocol": "UDP", "targetPort": 53 }]);
    let in_dmz = json!({ "metallb.io/address-pool": "dmz" });
    let services = [
        service("web/my-web-app", &tcp(80, 8080), "10.10.10.51", &json!({})),
        service("infra/dns", &tcp(53, 53), "10.10.10.53", &shared),
        service("infra/dns-udp", &udp, "10.10.10.53", &shared),
        service(
            "monitoring/grafana",
            &tcp(443, 3000),
            "10.10.10.56",
            &json!({}),
        ),
        service("web/edge", &tcp(443, 8443), "10.10.10.70", &in_dmz),
        service("web/shop", &tcp(443, 8443), "", &in_dmz),
        service("web/blog", &tcp(80, 2368), "10.10.10.57", &json!({})),
    ];
    list(&mut model, Source::Services, &services);
    let (one, two, three) = (("rpi-01", true), ("rpi-02", true), ("k3s-server", true));
    let slices = [
        slice("web/my-web-app", &[one, two, three]),
        slice("infra/dns", &[one, two]),
        slice("infra/dns-udp", &[one, two]),
        slice("monitoring/grafana", &[one, ("rpi-02", false)]),
        slice("web/edge", &[one]),
        slice("web/shop", &[one, two]),
        slice("web/blog", &[("rpi-01", false)]),
    ];
    list(&mut model, Source::EndpointSlices, &slices);
    let said = [
        "web/my-web-app",
        "infra/dns",
        "infra/dns-udp",
        "monitoring/grafana",
        "web/edge",
    ];
    let order = |name: &str| {
        let service = services
            .iter()
            .find(|it| name.ends_with(it["metadata"]["name"].as_str().unwrap()));
        let address = service.unwrap()["status"]["loadBalancer"]["ingress"][0]["ip"]
            .as_str()
            .unwrap();
        // rpi-03 is lost in the office of these tests.
        let nodes = ["k3s-server", "rpi-01", "rpi-02"].map(bramble::rack::node::NodeName::new);
        bramble::rack::vip::election::order(&nodes, address)
    };
    let statuses: Vec<Value> = said
        .iter()
        .map(|name| status(name, order(name)[0].as_str(), "eth0"))
        .collect();
    list(&mut model, Source::L2Statuses, &statuses);
    press(&mut model, "2");
    for (address, millis) in [("10.10.10.51", 2), ("10.10.10.53", 1), ("10.10.10.56", 3)] {
        for round in 0..4 {
            let port = match address {
                "10.10.10.51" => 80,
                "10.10.10.53" => 53,
                _ => 443,
            };
            let outcome = Outcome::Answered(Duration::from_millis(millis * (1 + round % 2)));
            probed(&mut model, address, port, outcome);
        }
    }
    for _ in 0..2 {
        probed(&mut model, "10.10.10.70", 443, Outcome::Silent);
    }
    update(&mut model, Msg::Clock(at(123)));
    model.settle();
    model
}

fn probed(model: &mut Model, address: &str, port: u16, outcome: Outcome) {
    let target = Target {
        address: address.parse().unwrap(),
        port,
    };
    let generation = Generation::default();
    update(
        model,
        Msg::Probed {
            generation,
            target,
            outcome,
        },
    );
}

#[test]
fn the_services_at_three_sizes() {
    assert_snapshot!("services-80x24", text(&rack(USUAL)));
    assert_snapshot!("services-60x20", text(&rack(SMALL)));
    assert_snapshot!("services-160x48", text(&rack(LARGE)));
}

#[test]
fn what_can_be_seen_of_services() {
    for (name, keys) in [
        ("services-detail", "/ m y - w e b enter enter"),
        ("services-detail-scrolled", "/ m y - w e b enter enter G"),
        ("services-pending", "/ s h o p enter enter"),
        ("services-crashing", "/ b l o g enter enter G"),
        ("services-menu", "/ m y - w e b enter m"),
        ("services-faults", "!"),
        ("services-address", "/ m y - w e b enter i"),
        ("services-expose", "e"),
        ("services-share", "/ g r a f enter s"),
        ("services-release", "/ g r a f enter x"),
        ("services-of-a-node", "1 k enter"),
    ] {
        let mut model = rack(USUAL);
        press(&mut model, keys);
        model.settle();
        assert_snapshot!(name, text(&model));
    }
    let mut wide = rack(LARGE);
    press(&mut wide, "w");
    assert_snapshot!("services-wide", text(&wide));
}

#[test]
fn in_an_outage_the_services_stay_and_look_old() {
    let mut model = rack(USUAL);
    let problem = Problem::new(
        Severity::Critical,
        Subject::Link,
        "the API server does not answer",
    );
    tell(&mut model, Fact::Link(LinkState::Stale { problem }));
    update(&mut model, Msg::Clock(at(160)));
    assert_snapshot!("services-outage", text(&model));
}

#[test]
fn services_are_plain_in_ascii_and_colourless_in_mono() {
    for keys in ["", "/ m y - w e b enter enter", "e", "w", "m"] {
        for size in [SMALL, USUAL, LARGE] {
            let mut model = rack(size);
            if !keys.is_empty() {
                press(&mut model, keys);
            }
            model.settle();
            model.theme = bramble::theme::roles::Theme::load("mono", None).0;
            let reset = ratatui::style::Color::Reset;
            let has_colour = |cell: &ratatui::buffer::Cell| cell.fg != reset || cell.bg != reset;
            assert!(!draw(&model).content.iter().any(has_colour), "{keys}");
            model.theme = model.theme.clone().in_ascii();
            let odd: String = text(&model).chars().filter(|c| !c.is_ascii()).collect();
            assert_eq!(odd, "", "after {keys:?} at {size}");
        }
    }
}

#[test]
fn hostile_names_annotations_and_events_are_made_visible() {
    const HOSTILE: &str = "x\u{1b}[2J\u{1b}]0;gone\u{7}\u{202e}y\r\n";
    let mut model = rack(USUAL);
    let annotations = json!({
        "metallb.io/address-pool": HOSTILE,
        "metallb.io/allow-shared-ip": HOSTILE,
        "metallb.io/loadBalancerIPs": HOSTILE,
    });
    let ports = json!([{ "name": HOSTILE, "port": 80, "targetPort": HOSTILE }]);
    let mut odd = service("web/odd", &ports, "", &annotations);
    odd["spec"]["loadBalancerClass"] = json!(HOSTILE);
    odd["spec"]["selector"] = json!({ HOSTILE: HOSTILE });
    let mut named = service("web/named", &ports, "10.10.10.55", &annotations);
    named["metadata"]["name"] = json!(HOSTILE);
    named["status"]["loadBalancer"]["ingress"] =
        json!([{ "hostname": HOSTILE }, { "ip": HOSTILE }]);
    list(&mut model, Source::Services, &[odd, named]);
    let event = json!({
        "metadata": meta("web/odd.1"),
        "involvedObject": { "kind": "Service", "namespace": "web", "name": "odd", "uid": "web/odd" },
        "reason": HOSTILE, "message": HOSTILE, "type": "Warning", "count": 2,
    });
    list(&mut model, Source::ServiceEvents, &[event]);
    for keys in [
        "", "w", "enter", "G", "m", "esc", "esc", "j", "enter", "esc", "i", "esc", "8",
    ] {
        if !keys.is_empty() {
            press(&mut model, keys);
        }
        model.settle();
        update(&mut model, Msg::Clock(at(125)));
        let is_bad =
            |c: &char| (c.is_control() && *c != '\n') || ('\u{202a}'..='\u{202e}').contains(c);
        let bad: Vec<char> = text(&model).chars().filter(is_bad).collect();
        assert_eq!(bad, Vec::<char>::new(), "after {keys:?}");
    }
}
