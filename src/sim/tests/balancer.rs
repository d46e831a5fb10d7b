//! The simulated MetalLB hands out, shares, announces and takes back as the real one does.

use std::time::Duration;

use serde_json::{Value, json};

use crate::sim::life;
use crate::sim::populate;
use crate::sim::resource::Kind;
use crate::sim::scenario::Scenario;
use crate::sim::world::World;

fn world(scenario: &str) -> World {
    populate::world(Scenario::shipped(scenario).unwrap(), 1)
}

fn pass(world: &mut World, seconds: u64) {
    let until = world.now + Duration::from_secs(seconds);
    life::run_due(world, until);
}

fn get(world: &World, kind: Kind, key: &str) -> Value {
    let stored = world.store.get(kind, key);
    stored.map_or(Value::Null, |it| it.object.value(key, it.version))
}

fn address(world: &World, service: &str) -> String {
    let service = get(world, Kind::Service, service);
    let ingress = &service["status"]["loadBalancer"]["ingress"];
    ingress[0]["ip"].as_str().unwrap_or("pending").to_owned()
}

/// The node in the status of a Service; empty when nobody announces it.
fn announcer(world: &World, service: &str) -> String {
    let (namespace, name) = service.split_once('/').unwrap();
    let all = world.all(Kind::L2Status);
    let its = all.iter().filter(|(_, it)| {
        it["status"]["serviceName"] == name && it["status"]["serviceNamespace"] == namespace
    });
    let nodes: Vec<&str> = its
        .filter_map(|(_, it)| it["status"]["node"].as_str())
        .collect();
    nodes.join(" ")
}

fn said(world: &World, service: &str) -> String {
    let (namespace, name) = service.split_once('/').unwrap();
    let all = world.all(Kind::Event);
    let its = all.iter().filter(|(_, it)| {
        it["involvedObject"]["name"] == name && it["involvedObject"]["namespace"] == namespace
    });
    let words: Vec<String> = its
        .map(|(_, it)| format!("{} {}", it["reason"], it["message"]))
        .collect();
    words.join("\n")
}

#[test]
fn the_office_has_the_addresses_of_the_design() {
    let world = world("office");
    for (service, expected) in [
        ("web/my-web-app", "10.10.10.51"),
        ("infra/dns", "10.10.10.53"),
        ("infra/dns-udp", "10.10.10.53"),
        ("web/shop", "pending"),
    ] {
        assert_eq!(address(&world, service), expected, "{service}");
    }
    // Computed by hand: sha256 of NODE#10.10.10.53 over the three agents.
    assert_eq!(announcer(&world, "infra/dns"), "rpi-02");
    assert_eq!(announcer(&world, "infra/dns-udp"), "rpi-02");
    assert_eq!(announcer(&world, "web/my-web-app"), "rpi-03");
    assert!(said(&world, "web/shop").contains("no available IPs in pool"));
    let pool = get(&world, Kind::IpAddressPool, "metallb-system/company-office");
    assert_eq!(pool["status"]["assignedIPv4"], 12, "{pool}");
    assert_eq!(pool["status"]["availableIPv4"], 38);
    let service = get(&world, Kind::Service, "web/my-web-app");
    let from = &service["metadata"]["annotations"]["metallb.io/ip-allocated-from-pool"];
    assert_eq!(from, "company-office");
}

#[test]
fn a_rack_left_alone_comes_to_rest() {
    // On a bad day nothing comes to rest.
    for scenario in ["office", "vips"] {
        let mut scenario = Scenario::shipped(scenario).unwrap();
        scenario.churn = 0.0;
        let mut world = populate::world(scenario, 1);
        pass(&mut world, 5);
        let count = |world: &World| {
            let kinds = [
                Kind::Service,
                Kind::EndpointSlice,
                Kind::L2Status,
                Kind::IpAddressPool,
                Kind::DaemonSet,
            ];
            let all = kinds.iter().flat_map(|kind| world.store.iter(*kind));
            all.map(|(_, it)| it.version).max()
        };
        let before = count(&world);
        pass(&mut world, 20);
        assert_eq!(before, count(&world));
    }
}

#[test]
fn a_dead_announcer_is_followed_by_the_next_within_seconds() {
    let mut world = world("office");
    world.go_dark("rpi-02");
    pass(&mut world, 5);
    assert_eq!(announcer(&world, "infra/dns"), "rpi-03");
    let words = said(&world, "infra/dns");
    assert!(
        words.contains("announcing from node \\\"rpi-03\\\" with protocol"),
        "{words}"
    );
    world.come_back("rpi-02", false);
    pass(&mut world, 5);
    assert_eq!(announcer(&world, "infra/dns"), "rpi-02");
}

#[test]
fn with_bgp_every_node_that_may_announces_and_says_so() {
    let mut scenario = Scenario::shipped("office").unwrap();
    scenario.churn = 0.0;
    for object in &mut scenario.object {
        if object["kind"] == "L2Advertisement" {
            object["kind"] = json!("BGPAdvertisement");
        }
    }
    let mut world = populate::world(scenario, 1);
    let announcing = |world: &World| -> Vec<String> {
        let all = world.all(Kind::BgpStatus).into_iter();
        let of_dns = all.filter(|(_, it)| it["status"]["serviceName"] == "dns");
        let mut nodes: Vec<String> = of_dns
            .map(|(_, it)| it["status"]["node"].as_str().unwrap().to_owned())
            .collect();
        nodes.sort();
        nodes
    };
    assert_eq!(announcing(&world), ["rpi-01", "rpi-02", "rpi-03"]);
    assert_eq!(world.all(Kind::L2Status), []);
    world.go_dark("rpi-02");
    pass(&mut world, 5);
    assert_eq!(announcing(&world), ["rpi-01", "rpi-03"]);
    world.come_back("rpi-02", false);
    pass(&mut world, 5);
    assert_eq!(announcing(&world), ["rpi-01", "rpi-02", "rpi-03"]);
    let words = said(&world, "infra/dns");
    assert!(
        words.contains("from node \\\"rpi-02\\\" with protocol \\\"bgp"),
        "{words}"
    );
}

#[test]
fn every_refusal_has_the_words_of_metallb() {
    let world = world("vips");
    for (service, words) in [
        ("web/full-3", "no available IPs in pool"),
        ("guests/portal", "no available IPs"),
        ("web/outside", "is not allowed in config"),
        ("web/no-such-pool", "unknown pool"),
        ("web/asks-twice", "service can not have both"),
        ("infra/dns-again", "port TCP/53 is already in use on"),
        ("infra/dns-local", "can't change sharing key for"),
    ] {
        assert_eq!(address(&world, service), "pending", "{service}");
        assert!(
            said(&world, service).contains(words),
            "{service}: {}",
            said(&world, service)
        );
    }
    assert_eq!(
        said(&world, "web/other-class"),
        "",
        "it is none of MetalLB's"
    );
    for (service, node) in [
        ("web/unheard", ""),
        ("web/labels", ""),
        ("web/nobody", ""),
        ("home/camera", ""),
        ("home/game", "rpi-02"),
    ] {
        assert_ne!(address(&world, service), "pending", "{service}");
        assert_eq!(announcer(&world, service), node, "{service}");
    }
    let stale = announcer(&world, "web/my-web-app");
    assert!(
        stale.contains("rpi-05"),
        "the dead board's words stay: {stale}"
    );
}

#[test]
fn endpoints_follow_the_pods() {
    let mut world = world("office");
    let ready = |world: &World| {
        let slices = world.all(Kind::EndpointSlice);
        let (_, slice) = slices
            .iter()
            .find(|(key, _)| key.starts_with("web/my-web-app-"))
            .unwrap();
        let endpoints = slice["endpoints"].as_array().unwrap().clone();
        endpoints
            .iter()
            .filter(|it| it["conditions"]["ready"] == true)
            .count()
    };
    assert_eq!(ready(&world), 3);
    let (pod, _) = world
        .store
        .iter(Kind::Pod)
        .find(|(key, _)| key.starts_with("web/my-web-app-"))
        .unwrap();
    let pod = pod.clone();
    world.delete_pod(&pod, 0);
    pass(&mut world, 1);
    assert_eq!(ready(&world), 2);
    pass(&mut world, 30);
    assert_eq!(ready(&world), 3, "it was replaced");
}

#[test]
fn a_shrunken_pool_renumbers_and_a_freed_address_wakes_who_waits() {
    let mut world = world("office");
    let mut pool = get(&world, Kind::IpAddressPool, "metallb-system/company-office");
    pool["spec"]["addresses"] = json!(["10.10.10.52-10.10.10.100"]);
    world.settle(
        Kind::IpAddressPool,
        &"metallb-system/company-office".into(),
        pool,
    );
    pass(&mut world, 1);
    assert_eq!(
        address(&world, "web/my-web-app"),
        "pending",
        "it asks for an address that is gone"
    );
    assert!(said(&world, "web/my-web-app").contains("ClearAssignment"));

    world.store.remove(Kind::Service, "infra/wireguard");
    pass(&mut world, 1);
    assert_eq!(address(&world, "web/shop"), "10.10.10.120");
    assert!(said(&world, "web/shop").contains("IPAllocated"));
}

#[test]
fn a_configuration_with_a_mistake_changes_nothing() {
    let mut world = world("vips");
    let mut pool = get(&world, Kind::IpAddressPool, "metallb-system/tiny");
    pool["spec"]["addresses"] = json!(["10.30.0.60-10.30.0.61"]);
    world.settle(Kind::IpAddressPool, &"metallb-system/tiny".into(), pool);
    pass(&mut world, 1);
    assert_eq!(address(&world, "web/full-1"), "10.30.0.80");
    let state = get(
        &world,
        Kind::ConfigurationState,
        "metallb-system/controller",
    );
    assert_eq!(state["status"]["result"], "Invalid");
    let why = state["status"]["errorSummary"].as_str().unwrap();
    assert!(why.contains("overlaps with already defined CIDR"), "{why}");
}

#[test]
fn two_balancers_overwrite_each_other() {
    let mut world = world("old-metallb");
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..40 {
        let until = world.now + Duration::from_millis(400);
        life::run_due(&mut world, until);
        seen.insert(address(&world, "default/nas"));
    }
    assert!(
        seen.contains("192.168.7.205") && seen.contains("192.168.7.10"),
        "{seen:?}"
    );
    assert!(!world.serves(Kind::IpAddressPool), "0.12 has no such kinds");
}
