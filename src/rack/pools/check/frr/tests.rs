//! Peers that meet and clash, that meet and agree, and that never meet.

use crate::rack::pools::check::{Facts, Mode, check};
use crate::rack::pools::finding::{Kind, Severity};
use crate::rack::pools::read::Form;
use crate::rack::pools::version::Version;
use crate::rack::selector::Labels;

/// A peer; `fields` stand beside the AS number of the other side.
fn peer(index: usize, fields: &str) -> String {
    format!(
        "---\napiVersion: metallb.io/v1beta2\nkind: BGPPeer\nmetadata: {{name: r{index}, namespace: metallb-system}}\n\
         spec: {{peerASN: 9, {fields}}}\n"
    )
}

fn peers(all: &[&str]) -> String {
    let peers = all.iter().enumerate();
    peers.map(|(index, fields)| peer(index, fields)).collect()
}

/// `!` for an error and `?` for a warning, with the text it stands at.
fn found(text: &str, facts: &Facts) -> Vec<String> {
    let report = check(text, Form::File, facts);
    let findings = report.findings.iter().filter(|it| it.kind == Kind::Peer);
    let shown = findings.map(|it| {
        let sign = if it.severity() == Severity::Error {
            '!'
        } else {
            '?'
        };
        format!("{sign}{}", text[it.span.clone()].trim_matches('"'))
    });
    shown.collect()
}

/// A rack whose nodes have these labels: `rack=a disk=ssd`.
fn nodes(all: &[&str]) -> Facts {
    let labels = |text: &&str| -> Labels {
        let pairs = text.split(' ').filter_map(|it| it.split_once('='));
        pairs
            .map(|(key, value)| (key.into(), value.into()))
            .collect()
    };
    let named = all.iter().enumerate();
    let named = named.map(|(at, it)| (format!("n{at}").into(), labels(it)));
    Facts {
        node_labels: Some(named.collect()),
        ..Facts::default()
    }
}

const A: &str = "myASN: 1, peerAddress: 10.0.0.1";
const ON_RACK_A: &str =
    "myASN: 1, peerAddress: 10.0.0.1, nodeSelectors: [{matchLabels: {rack: a}}]";
const ON_RACK_B: &str =
    "myASN: 1, peerAddress: 10.0.0.1, nodeSelectors: [{matchLabels: {rack: b}}]";
const ON_SSDS: &str =
    "myASN: 1, peerAddress: 10.0.0.1, nodeSelectors: [{matchLabels: {disk: ssd}}]";
const ON_SSDS_OF_A: &str =
    "myASN: 1, peerAddress: 10.0.0.1, nodeSelectors: [{matchLabels: {disk: ssd, rack: a}}]";

#[test]
fn peers_that_cannot_be_on_one_node_are_told() {
    let other = "myASN: 1, peerAddress: 10.0.0.2";
    for (what, second, expected) in [
        ("another neighbour", other, &[][..]),
        ("the same neighbour", A, &["!10.0.0.1"]),
        (
            "written otherwise",
            "myASN: 1, peerAddress: \"::ffff:10.0.0.1\"",
            &["!::ffff:10.0.0.1"],
        ),
        (
            "in another VRF",
            "myASN: 1, peerAddress: 10.0.0.1, vrf: red",
            &[],
        ),
        ("two AS numbers", "myASN: 2, peerAddress: 10.0.0.2", &["!2"]),
        (
            "two AS numbers, two VRFs",
            "myASN: 2, peerAddress: 10.0.0.2, vrf: red",
            &[],
        ),
        (
            "two router IDs",
            "myASN: 1, peerAddress: 10.0.0.2, routerID: 10.0.0.9",
            &["!10.0.0.9"],
        ),
    ] {
        let text = peers(&[A, second]);
        assert_eq!(found(&text, &Facts::default()), expected, "{what}");
        let native = Facts {
            mode: Mode::Native,
            ..Facts::default()
        };
        assert_eq!(
            found(&text, &native),
            [""; 0],
            "native mode takes it: {what}"
        );
    }
    let interface = "myASN: 1, interface: eth1";
    assert_eq!(
        found(&peers(&[interface, interface]), &Facts::default()),
        ["!eth1"]
    );
    // Three that clash: one finding for each but the first.
    assert_eq!(found(&peers(&[A, A, A]), &Facts::default()).len(), 2);
}

#[test]
fn only_peers_that_meet_clash() {
    let none = Facts::default();
    for (what, first, second, facts, expected) in [
        ("one for all nodes", A, ON_RACK_A, &none, "!10.0.0.1"),
        (
            "one within the other",
            ON_SSDS_OF_A,
            ON_RACK_A,
            &none,
            "!10.0.0.1",
        ),
        ("never on one node", ON_RACK_A, ON_RACK_B, &none, ""),
        (
            "perhaps on one node",
            ON_RACK_A,
            ON_SSDS,
            &none,
            "?10.0.0.1",
        ),
        (
            "on no node there is",
            ON_RACK_A,
            ON_SSDS,
            &nodes(&["rack=a", "disk=ssd"]),
            "",
        ),
        (
            "on a node there is",
            ON_RACK_A,
            ON_SSDS,
            &nodes(&["rack=b", "rack=a disk=ssd"]),
            "!10.0.0.1",
        ),
    ] {
        assert_eq!(
            found(&peers(&[first, second]), facts).concat(),
            expected,
            "{what}"
        );
    }
    let apart = peers(&[ON_RACK_A, ON_RACK_B]);
    let release = |minor| Facts {
        version: Some(Version::new(0, minor, 0)),
        ..Facts::default()
    };
    assert_eq!(
        found(&apart, &release(15)),
        ["!10.0.0.1"],
        "all are compared"
    );
    assert_eq!(found(&apart, &release(16)), [""; 0]);
}
