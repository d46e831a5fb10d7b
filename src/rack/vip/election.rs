//! Which node announces a VIP on layer 2, computed as the speakers do it, and who would take over.
//!
//! There is no leader: every speaker sorts the candidates by the SHA-256 of `NODE#KEY` and the lowest announces. The key
//! is the first VIP since 0.11, and was the Service up to 0.10 (metallb: `internal/layer2`, `speaker/layer2_controller.go`).

use std::net::IpAddr;

use ring::digest::{SHA256, digest};

use crate::rack::node::NodeName;
use crate::rack::pools::range::canonical;
use crate::rack::pools::version::Version;

/// What a node is hashed with.
///
/// `first` is the first address of the Service's status: a Service with both families is announced by one node.
pub fn key(version: Option<Version>, namespace: &str, name: &str, first: IpAddr) -> String {
    match version {
        Some(version) if (version.major, version.minor) <= (0, 10) => format!("{namespace}/{name}"),
        _ => canonical(first).to_string(),
    }
}

/// The candidates in the order in which they would announce: the first one does, the next takes over when it goes.
pub fn order<'a>(candidates: impl IntoIterator<Item = &'a NodeName>, key: &str) -> Vec<NodeName> {
    let mut hashed: Vec<([u8; 32], &NodeName)> = candidates
        .into_iter()
        .map(|node| (hash(node, key), node))
        .collect();
    hashed.sort();
    hashed.into_iter().map(|(_, node)| node.clone()).collect()
}

fn hash(node: &NodeName, key: &str) -> [u8; 32] {
    let text = format!("{node}#{key}");
    let mut bytes = [0; 32];
    for (byte, from) in bytes
        .iter_mut()
        .zip(digest(&SHA256, text.as_bytes()).as_ref())
    {
        *byte = *from;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes() -> Vec<NodeName> {
        ["pi-01", "pi-02", "pi-03"].map(NodeName::new).to_vec()
    }

    fn check(key: &str, expected: [&str; 3]) {
        assert_eq!(order(&nodes(), key), expected.map(NodeName::new), "{key}");
    }

    #[test]
    fn the_order_is_that_of_the_speakers() {
        check("192.168.7.200", ["pi-01", "pi-03", "pi-02"]);
        check("192.168.7.201", ["pi-01", "pi-03", "pi-02"]);
        check("2001:db8:7::c8", ["pi-02", "pi-01", "pi-03"]);
        check("default/web", ["pi-03", "pi-01", "pi-02"]);
    }

    #[test]
    fn the_hash_is_of_node_and_key() {
        for (node, key, start) in [
            ("pi-01", "192.168.7.200", [0xc1, 0x95, 0x32, 0x37]),
            ("pi-03", "192.168.7.200", [0xce, 0xbe, 0x81, 0x0a]),
            ("pi-02", "192.168.7.200", [0xf5, 0x42, 0x60, 0x1f]),
            ("pi-02", "2001:db8:7::c8", [0x18, 0x4f, 0xf7, 0xb8]),
            ("pi-03", "default/web", [0x2b, 0x9a, 0x1a, 0x3e]),
        ] {
            assert!(
                hash(&NodeName::new(node), key).starts_with(&start),
                "{node}#{key}"
            );
        }
    }

    #[test]
    fn the_key_is_the_address_since_0_11_in_its_shortest_text() {
        let version = |text| Version::parse(text);
        for (at, address, expected) in [
            (version("v0.10.3"), "192.168.7.200", "default/web"),
            (version("v0.9.6"), "192.168.7.200", "default/web"),
            (version("v0.11.0"), "192.168.7.200", "192.168.7.200"),
            (version("v0.16.1"), "2001:0DB8:7:0::C8", "2001:db8:7::c8"),
            (None, "::ffff:192.168.7.200", "192.168.7.200"),
        ] {
            let address = address.parse().unwrap();
            assert_eq!(key(at, "default", "web", address), expected);
        }
    }

    #[test]
    fn without_candidates_nobody_announces() {
        assert!(order(&[], "192.168.7.200").is_empty());
    }
}
