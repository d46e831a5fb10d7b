//! Edits and what becomes of Services, by release.

use std::fmt::Write;

use super::*;
use crate::rack::pools::read::{Form, read};

fn pools(text: &str) -> Vec<Object> {
    let mut yaml = String::new();
    for line in text.lines().filter(|it| !it.trim().is_empty()) {
        let (name, rest) = line.trim().split_once(' ').unwrap();
        let _ = write!(
            yaml,
            "---\napiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {{name: {name}}}\nspec: {{{rest}}}\n"
        );
    }
    read(&yaml, Form::File, None).objects
}

fn holder(service: &str, addresses: &[&str]) -> Holder {
    Holder {
        service: service.into(),
        namespace: service.split('/').next().unwrap().into(),
        addresses: addresses.iter().map(|it| it.parse().unwrap()).collect(),
        ..Holder::default()
    }
}

fn words(before: &str, after: &str, services: &[Holder], version: Version) -> Vec<String> {
    let (before, after) = (pools(before), pools(after));
    let impact = impact(&before, &after, services, version);
    let words = impact.outcomes.into_iter().map(|it| it.words);
    words.chain([impact.words]).collect()
}

const NEW: Version = Version::LATEST;

#[test]
fn who_stays_inside_keeps_its_address() {
    let services = [
        holder("web/shop", &["10.0.0.9"]),
        holder("other/ours-not", &["172.16.0.1"]),
    ];
    assert_eq!(
        words(
            "lan addresses: [10.0.0.0/24]",
            "lan addresses: [10.0.0.8/29]",
            &services,
            NEW
        ),
        ["nobody loses an address"]
    );
}

#[test]
fn a_renamed_or_split_pool_keeps_addresses() {
    let services = [holder("web/shop", &["10.0.0.9"])];
    assert_eq!(
        words(
            "lan addresses: [10.0.0.0/24]",
            "office addresses: [10.0.0.0/28]",
            &services,
            NEW
        ),
        [
            "web/shop keeps 10.0.0.9, now of pool office instead of lan",
            "nobody loses an address"
        ]
    );
    let mut asking = services;
    asking[0].wants_pool = Some("lan".into());
    assert_eq!(
        words(
            "lan addresses: [10.0.0.0/24]",
            "office addresses: [10.0.0.0/28]",
            &asking,
            NEW
        )[0],
        "web/shop loses 10.0.0.9 and stays pending: it asks for pool lan, which is gone"
    );
}

#[test]
fn the_release_decides_what_shrinking_does() {
    let services = [
        holder("web/shop", &["10.0.0.9"]),
        holder("web/blog", &["10.0.0.2"]),
    ];
    let (before, after) = (
        "lan addresses: [10.0.0.0/28]",
        "lan addresses: [10.0.0.0/29]",
    );
    assert_eq!(
        words(before, after, &services, NEW),
        [
            "web/shop loses 10.0.0.9 and gets 10.0.0.0 from pool lan",
            "1 Service loses its address at once, it gets another; 1 keeps its own",
        ]
    );
    let refused = words(before, after, &services, Version::new(0, 13, 12));
    assert_eq!(
        refused[0],
        "web/shop keeps 10.0.0.9, and for that MetalLB 0.13.12 refuses the edit until no Service has it any more"
    );
    assert!(
        refused[1].starts_with(
            "MetalLB 0.13.12 will refuse this without a word: 1 Service has an address outside it"
        ),
        "{}",
        refused[1]
    );
    let for_good = words(before, after, &services, Version::new(0, 11, 0));
    assert!(
        for_good[0].ends_with("refuses the edit and does not try again"),
        "{}",
        for_good[0]
    );
}

#[test]
fn a_requested_address_outside_stays_pending() {
    let mut service = holder("web/shop", &["10.0.0.9"]);
    service.wants_addresses = service.addresses.clone();
    assert_eq!(
        words(
            "lan addresses: [10.0.0.0/28]",
            "lan addresses: [10.0.0.0/29]",
            &[service],
            NEW
        )[0],
        "web/shop loses 10.0.0.9 and stays pending: it asks for 10.0.0.9, which is in no pool"
    );
}

#[test]
fn the_order_of_pools_is_only_promised_where_it_is_certain() {
    let services = [holder("web/shop", &["10.0.0.9"])];
    let before = "a addresses: [10.0.0.0/28]";
    assert_eq!(
        words(
            before,
            "a addresses: [10.1.0.0/28]\nb addresses: [10.2.0.0/28]",
            &services,
            NEW
        )[0],
        "web/shop loses 10.0.0.9 and gets another; from which pool is chance"
    );
    assert_eq!(
        words(
            before,
            "a addresses: [10.1.0.0/28]\nb addresses: [10.2.0.0/28], serviceAllocation: {priority: 5, namespaces: [web]}\n\
             c addresses: [10.3.0.0/28], serviceAllocation: {priority: 2, namespaces: [web]}",
            &services,
            NEW
        )[0],
        "web/shop loses 10.0.0.9 and gets 10.3.0.0 from pool c"
    );
    assert_eq!(
        words(
            before,
            "a addresses: [10.1.0.0/28], autoAssign: false",
            &services,
            NEW
        )[0],
        "web/shop loses 10.0.0.9 and stays pending: no pool gives it another"
    );
}

#[test]
fn both_addresses_of_a_service_must_stay_in_one_pool() {
    let services = [holder("web/shop", &["10.0.0.9", "fd00::9"])];
    let before = "lan addresses: [10.0.0.0/28, 'fd00::/120']";
    let after = "four addresses: [10.0.0.0/28]\nsix addresses: ['fd00::/120']";
    assert_eq!(
        words(before, after, &services, NEW)[0],
        "web/shop loses 10.0.0.9 and fd00::9 and stays pending: no pool gives it another"
    );
}

#[test]
fn new_rules_of_a_pool_take_addresses_away_too() {
    let services = [
        holder("web/shop", &["10.0.0.0"]),
        holder("web/blog", &["10.0.0.5"]),
    ];
    let before = "lan addresses: [10.0.0.0/24]";
    assert_eq!(
        words(
            before,
            "lan addresses: [10.0.0.0/24], avoidBuggyIPs: true",
            &services,
            NEW
        )[0],
        "web/shop loses 10.0.0.0 and gets 10.0.0.1 from pool lan"
    );
    let denied = words(
        before,
        "lan addresses: [10.0.0.0/24], serviceAllocation: {namespaces: [infra]}",
        &services,
        NEW,
    );
    assert_eq!(denied.len(), 3, "{denied:?}");
    assert!(
        denied[0].ends_with("no pool gives it another"),
        "{denied:?}"
    );
}

#[test]
fn a_wider_pool_ends_waiting() {
    let services = [holder("web/shop", &["10.0.0.0"]), holder("web/late", &[])];
    assert_eq!(
        words(
            "lan addresses: [10.0.0.0/32]",
            "lan addresses: [10.0.0.0/30]",
            &services,
            NEW
        ),
        [
            "web/late no longer waits: it gets an address from pool lan",
            "nobody loses an address, and 1 Service that waited gets one",
        ]
    );
}
