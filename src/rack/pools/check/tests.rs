//! Rules the shared collection has no file for, and the check that keeps up with typing.

use super::*;
use crate::rack::pools::finding::{Kind, Severity};

fn pool(name: &str, entries: &[&str]) -> String {
    let entries: Vec<String> = entries.iter().map(|it| format!("  - {it}\n")).collect();
    let entries = entries.concat();
    format!(
        "apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata:\n  name: {name}\n  namespace: metallb-system\n\
         spec:\n  addresses:\n{entries}"
    )
}

const L2: &str = "---\napiVersion: metallb.io/v1beta1\nkind: L2Advertisement\nmetadata:\n  name: all\n  namespace: metallb-system\n";

fn shown(text: &str, report: &Report) -> Vec<String> {
    let sign = |it: &Finding| {
        if it.severity() == Severity::Error {
            "!"
        } else {
            "?"
        }
    };
    report
        .findings
        .iter()
        .map(|it| format!("{}{:?} {:?}", sign(it), it.kind, &text[it.span.clone()]))
        .collect()
}

fn found(text: &str, facts: &Facts) -> Vec<String> {
    shown(text, &check(text, Form::File, facts))
}

fn with(entries: &[&str], facts: &Facts) -> Vec<String> {
    found(&format!("{}{L2}", pool("lan", entries)), facts)
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn addresses_of_nodes_gateways_and_leases_are_named() {
    let facts = Facts {
        nodes: vec![
            ("rpi-01".into(), ip("10.0.0.11")),
            ("rpi-02".into(), ip("10.0.9.1")),
        ],
        gateways: vec![ip("10.0.0.1")],
        dhcp: vec![AddressRange::new(ip("10.0.0.100"), ip("10.0.0.150")).unwrap()],
        ..Facts::default()
    };
    assert_eq!(
        with(&["10.0.0.1-10.0.0.120"], &facts),
        [
            "?NodeAddress \"10.0.0.1-10.0.0.120\"",
            "?GatewayAddress \"10.0.0.1-10.0.0.120\"",
            "?DhcpRange \"10.0.0.1-10.0.0.120\"",
        ]
    );
    assert_eq!(with(&["10.0.0.200-10.0.0.220"], &facts), [""; 0]);
}

#[test]
fn overlaps_are_found_across_notations_and_families() {
    assert_eq!(
        with(
            &["10.0.0.0/28", "10.0.0.15-10.0.0.20", "::ffff:10.0.0.20/128"],
            &Facts::default()
        ),
        [
            "!Overlap \"10.0.0.15-10.0.0.20\"",
            "!Overlap \"::ffff:10.0.0.20/128\""
        ]
    );
    assert_eq!(
        with(&["10.0.0.16/28", "::a00:10/124"], &Facts::default()),
        [""; 0]
    );
}

#[test]
fn a_wide_range_overlaps_with_all_it_holds_not_only_with_the_next() {
    assert_eq!(
        with(
            &["10.0.0.0/24", "10.0.0.2/32", "10.0.0.50/32", "10.0.1.0/32"],
            &Facts::default()
        ),
        ["!Overlap \"10.0.0.2/32\"", "!Overlap \"10.0.0.50/32\""]
    );
}

#[test]
fn what_looks_right_and_is_not_is_said() {
    let none = Facts::default();
    assert_eq!(
        with(&["192.168.7.240/24"], &none),
        ["?HostBits \"192.168.7.240/24\""]
    );
    assert_eq!(
        with(&["192.168.7.5/32", "10.0.0.1-fd00::1"], &none),
        ["?MixedFamilies \"10.0.0.1-fd00::1\""]
    );
    assert_eq!(
        with(&["127.0.0.8/30"], &none),
        ["?Implausible \"127.0.0.8/30\""]
    );
    assert_eq!(
        with(&["192.186.1.8/30"], &none),
        ["?Implausible \"192.186.1.8/30\""]
    );
    assert_eq!(
        with(&["224.0.0.8/30"], &none),
        ["?Implausible \"224.0.0.8/30\""]
    );
}

#[test]
fn the_release_decides() {
    let at = |minor, patch| Facts {
        version: Some(Version::new(0, minor, patch)),
        ..Facts::default()
    };
    assert_eq!(with(&["10.0.0.0/28"], &at(16, 1)), [""; 0]);
    assert_eq!(with(&["10.0.0.0/28"], &at(12, 1)), ["!Outdated \"\""]);
    let legacy = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: config, namespace: metallb-system}\ndata:\n  config: |\n    \
                  address-pools: [{name: a, protocol: layer2, addresses: [10.0.0.9-10.0.0.1]}]\n";
    assert_eq!(
        found(legacy, &at(10, 2)),
        ["?Reversed \"10.0.0.9-10.0.0.1\""]
    );
    assert_eq!(
        found(legacy, &at(11, 0)),
        ["!Reversed \"10.0.0.9-10.0.0.1\""]
    );
    assert_eq!(
        found(legacy, &at(13, 0)),
        ["?Outdated \"\"", "!Reversed \"10.0.0.9-10.0.0.1\""]
    );
    let old = "apiVersion: metallb.io/v1beta1\nkind: AddressPool\nmetadata: {name: a, namespace: metallb-system}\n\
               spec: {protocol: layer2, addresses: [10.0.0.0/28]}\n";
    assert_eq!(found(old, &at(14, 1)), ["?Outdated \"AddressPool\""]);
    assert_eq!(found(old, &at(14, 3)), ["!Outdated \"AddressPool\""]);
}

#[test]
fn the_namespace_of_the_cluster_decides() {
    let facts = |namespace: &str| Facts {
        namespace: Some(namespace.into()),
        ..Facts::default()
    };
    assert_eq!(with(&["10.0.0.0/28"], &facts("metallb-system")), [""; 0]);
    assert_eq!(
        with(&["10.0.0.0/28"], &facts("metallb")),
        [
            "!Namespace \"metallb-system\"",
            "!Namespace \"metallb-system\""
        ]
    );
}

#[test]
fn an_object_twice_counts_once() {
    let text = format!(
        "{}---\n{}{L2}",
        pool("lan", &["10.0.0.0/28"]),
        pool("lan", &["10.0.0.0/28"])
    );
    assert_eq!(found(&text, &Facts::default()), ["?DuplicateName \"lan\""]);
}

#[test]
fn an_edit_of_a_pool_that_breaks_an_aggregation_is_seen_without_the_webhook() {
    let bgp = "---\napiVersion: metallb.io/v1beta1\nkind: BGPAdvertisement\nmetadata: {name: wide, namespace: metallb-system}\n\
               spec: {aggregationLength: 24, ipAddressPools: [lan]}\n---\napiVersion: metallb.io/v1beta2\nkind: BGPPeer\n\
               metadata: {name: router, namespace: metallb-system}\nspec: {myASN: 64512, peerASN: 64513, peerAddress: 10.0.0.1}\n";
    let before = format!("{}{bgp}", pool("lan", &["10.9.0.0/24"]));
    let after = format!("{}{bgp}", pool("lan", &["10.9.0.0/25"]));
    assert_eq!(found(&before, &Facts::default()), [""; 0]);
    assert_eq!(found(&after, &Facts::default()), ["!Aggregation \"24\""]);
}

#[test]
fn native_mode_refuses_what_only_frr_does() {
    let facts = Facts {
        mode: Mode::Native,
        ..Facts::default()
    };
    let text = format!(
        "{}---\napiVersion: metallb.io/v1beta1\nkind: BGPAdvertisement\nmetadata: {{name: a, namespace: metallb-system}}\n---\n\
         apiVersion: metallb.io/v1beta2\nkind: BGPPeer\nmetadata: {{name: r, namespace: metallb-system}}\n\
         spec: {{myASN: 1, dynamicASN: external, peerAddress: 10.0.0.1}}\n",
        pool("lan", &["10.9.0.0/24", "fd00::/120"])
    );
    assert_eq!(found(&text, &Facts::default()), [""; 0]);
    assert_eq!(found(&text, &facts), ["!Mode \"a\"", "!Mode \"external\""]);
}

/// Applies edits one after another and compares the kept answer with a fresh one.
#[test]
fn edits_are_judged_like_fresh_texts_and_read_little() {
    let many: Vec<String> = (0..40)
        .map(|it| {
            format!(
                "---\n{}",
                pool(&format!("p{it}"), &[&format!("10.1.{it}.0/24")])
            )
        })
        .collect();
    let many = many.concat();
    let text = format!("{many}{L2}");
    let mut checker = Checker::new(Form::File, Facts::default());
    checker.update(text.clone());
    assert_eq!(shown(&text, checker.report()), [""; 0]);
    let edits: [(&str, &str, usize); 9] = [
        ("10.1.7.0/24", "10.1.8.0/24", 3),
        ("10.1.8.0/24", "10.1.99.0/24", 3),
        (
            "---\napiVersion: metallb.io/v1beta1\nkind: L2",
            "--\napiVersion: metallb.io/v1beta1\nkind: L2",
            4,
        ),
        (
            "--\napiVersion: metallb.io/v1beta1\nkind: L2",
            "---\napiVersion: metallb.io/v1beta1\nkind: L2",
            4,
        ),
        ("name: p20\n", "name: p21\n", 3),
        ("name: p39\n", "name: ", 3),
        ("name: all", "name: none", 3),
        ("kind: L2Advertisement", "kind: L2Advertisment", 3),
        ("---\n", "", 4),
    ];
    let mut text = text;
    for (old, new, most) in edits {
        text = text.replacen(old, new, 1);
        let kept = checker.update(text.clone()).clone();
        assert!(
            checker.documents_read() <= most,
            "{old}: read {}",
            checker.documents_read()
        );
        let fresh = check(&text, Form::File, &Facts::default());
        assert_eq!(shown(&text, &kept), shown(&text, &fresh), "{old} -> {new}");
        assert!(checker.objects().all(|(at, it)| {
            text.get(at + it.head.span.start..at + it.head.span.end)
                .is_some()
        }));
    }
    checker.update(String::new());
    assert_eq!(checker.report().findings, []);
    checker.update(text.clone());
    assert_eq!(
        *checker.report(),
        check(&text, Form::File, &Facts::default())
    );
}

#[test]
fn knowing_more_of_the_cluster_asks_everything_again() {
    let text = format!("{}{L2}", pool("lan", &["10.0.0.8/29"]));
    let mut checker = Checker::new(Form::File, Facts::default());
    checker.update(text);
    assert_eq!(checker.report().verdict(), Verdict::Accept);
    checker.set_facts(Facts {
        nodes: vec![("rpi-01".into(), ip("10.0.0.9"))],
        ..Facts::default()
    });
    assert_eq!(checker.report().findings[0].kind, Kind::NodeAddress);
}
