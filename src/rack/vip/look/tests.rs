//! Whatever comes in whatever order, a look at the news sees what a look at everything sees.

use std::time::Duration;

use super::*;
use crate::rack::endpoints::EndpointSlice;
use crate::rack::service::{Ingress, Protocol, TrafficPolicy};
use crate::rack::time::Now;
use crate::rack::vip::testing::*;

/// Numbers that look random and are the same every time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        let at = usize::try_from(self.below(all.len() as u64)).unwrap();
        all[at]
    }
}

const NAMES: [&str; 6] = [
    "web/shop",
    "web/blog",
    "infra/dns",
    "a/one",
    "a/two",
    "z/last",
];
const ADDRESSES: [&str; 5] = [
    "",
    "192.168.7.200",
    "192.168.7.201",
    "192.168.7.202",
    "10.9.9.9",
];

fn changed_service(dice: &mut Dice) -> Service {
    let mut it = service(dice.of(&NAMES), dice.of(&ADDRESSES));
    it.ports = vec![port(
        dice.of(&[Protocol::Tcp, Protocol::Udp]),
        dice.of(&[53, 80]),
    )];
    it.external_traffic = dice.of(&[TrafficPolicy::Cluster, TrafficPolicy::Local]);
    for (key, values) in [
        ("metallb.io/allow-shared-ip", ["", "one", "two"]),
        (
            "metallb.io/loadBalancerIPs",
            ["", "192.168.7.201", "10.9.9.9"],
        ),
    ] {
        let value = dice.of(&values);
        if !value.is_empty() {
            it.annotations.insert(key.into(), value.into());
        }
    }
    it
}

fn slice(dice: &mut Dice) -> EndpointSlice {
    let mut bench = Bench::well();
    let node = dice.of(&["rpi-01", "rpi-02", "rpi-03"]);
    bench.endpoints(dice.of(&NAMES), &[(node, dice.below(3) > 0)]);
    let mut made = bench.slices.pop().unwrap();
    // Few names: a slice is often given to another Service.
    made.namespace = "web".into();
    made.name = dice.of(&["a", "b", "c", "d"]).into();
    made
}

fn news(dice: &mut Dice) -> Fact {
    match dice.below(12) {
        0..=3 => Fact::Services(Change::Applied(changed_service(dice))),
        4 => Fact::Services(Change::Deleted(service(dice.of(&NAMES), ""))),
        5..=6 => Fact::EndpointSlices(Change::Applied(slice(dice))),
        7 => Fact::EndpointSlices(Change::Deleted(slice(dice))),
        8 => {
            let mut bench = Bench::well();
            bench.status(dice.of(&NAMES), dice.of(&["rpi-01", "rpi-02", "rpi-09"]));
            Fact::L2Statuses(Change::Applied(bench.l2_statuses.remove(0)))
        }
        9 => {
            let mut bench = Bench::well();
            bench.event("AllocationFailed", "no available IPs", 7);
            Fact::ServiceEvents(Change::Applied(bench.events.remove(0)))
        }
        10 => {
            let mut it = node(dice.of(&["rpi-01", "rpi-04"]), "192.168.7.14");
            it.unschedulable = dice.below(2) == 0;
            Fact::Nodes(Change::Applied(it))
        }
        _ => Fact::IpAddressPools(Change::Applied(pool("lan", &["192.168.7.200/30"]))),
    }
}

#[track_caller]
fn is_as_if_looked_at_anew(rack: &Rack, after: &Fact) {
    let anew = Vips::of(rack);
    for (name, vip) in &anew.of {
        assert_eq!(rack.vips.of.get(name), Some(vip), "{name} after {after:?}");
    }
    assert_eq!(rack.vips.of.len(), anew.of.len(), "after {after:?}");
    assert_eq!(
        (rack.vips.used, rack.vips.capacity),
        (anew.used, anew.capacity)
    );
    for node in rack.nodes() {
        let (now, anew) = (&rack.vips, &anew);
        assert_eq!(
            now.announced_by(&node.name),
            anew.announced_by(&node.name),
            "{}",
            node.name
        );
    }
}

#[test]
fn a_look_at_the_news_sees_what_a_look_at_everything_sees() {
    for seed in 0..20 {
        let mut dice = Dice(seed);
        let mut rack = Bench::well().rack();
        for _ in 0..60 {
            let fact = news(&mut dice);
            rack.apply(fact.clone());
            rack.settle();
            is_as_if_looked_at_anew(&rack, &fact);
        }
    }
}

#[test]
fn several_changes_between_two_frames_are_one_look() {
    let mut dice = Dice(7);
    let mut rack = Bench::well().rack();
    for _ in 0..30 {
        let mut last = None;
        for _ in 0..10 {
            let fact = news(&mut dice);
            rack.apply(fact.clone());
            last = Some(fact);
        }
        rack.settle();
        is_as_if_looked_at_anew(&rack, &last.unwrap());
    }
}

#[test]
fn a_change_of_one_service_is_a_look_at_one() {
    let mut bench = Bench::well();
    bench.services.push(service("web/blog", "192.168.7.201"));
    bench.endpoints("web/blog", &[("rpi-01", true)]);
    let mut rack = bench.rack();
    let untouched = Vip {
        addresses: vec!["192.0.2.1".parse().unwrap()],
        ..Vip::default()
    };
    // A mark that only a look at this Service takes away.
    rack.vips
        .of
        .insert(service_name("web/blog"), untouched.clone());
    let mut shop = service("web/shop", "192.168.7.200");
    shop.labels.insert("tier".into(), "front".into());
    rack.apply(Fact::Services(Change::Applied(shop)));
    rack.settle();
    let blog = service_name("web/blog");
    assert_eq!(rack.vips.get(&blog), Some(&untouched));
    rack.apply(Fact::Pods(Change::Listed(Vec::new())));
    rack.settle();
    assert_ne!(rack.vips.get(&blog), Some(&untouched));
}

#[test]
fn a_board_that_falls_silent_is_seen_by_the_thorough_look() {
    let mut rack = Bench::well().rack();
    let before = rack.vips.get(&service_name("web/shop")).cloned().unwrap();
    let elected = before.announcer.unwrap().order.remove(0);
    rack.tick(Now {
        mono: Duration::from_secs(1_200),
        wall: at(WALL + 140),
    });
    rack.settle();
    rack.survey();
    let after = rack.vips.get(&service_name("web/shop")).cloned().unwrap();
    let announcer = after.announcer.unwrap();
    // All three were silent for as long: nobody is left.
    assert!(announcer.nodes.is_empty(), "{announcer:?}");
    assert!(announcer.candidates.excluded.contains_key(&elected));
}

#[test]
fn an_address_leaves_the_count_of_its_node_with_its_last_service() {
    let mut bench = Bench::well();
    let first = bench.elected("web/shop", "192.168.7.200");
    for name in ["web/shop", "web/shop-udp"] {
        let mut it = service(name, "192.168.7.200");
        it.ports[0].protocol = if name == "web/shop" {
            Protocol::Tcp
        } else {
            Protocol::Udp
        };
        it.annotations
            .insert("metallb.io/allow-shared-ip".into(), "web".into());
        bench.services.retain(|known| known.name != it.name);
        bench.services.push(it);
        bench.endpoints(name, &[("rpi-01", true)]);
    }
    bench.l2_statuses.clear();
    let mut rack = bench.rack();
    for (name, expected) in [("web/shop", 1), ("web/shop-udp", 0)] {
        let mut it = service(name, "");
        it.ingress = Vec::<Ingress>::new();
        rack.apply(Fact::Services(Change::Applied(it)));
        rack.settle();
        assert_eq!(rack.vips.announced_by(&first), expected, "without {name}");
    }
}
