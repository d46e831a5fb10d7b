//! A range for a new pool that nobody uses, as far as anybody can tell.
//!
//! The network is taken from the nodes: the /24 most of them are in. What is proposed is free of everything that is known,
//! and says what is not known; a router's DHCP range is the thing to look up.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use crate::rack::pools::range::{AddressRange, Prefix, canonical};

/// What is known of the network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Network {
    pub nodes: Vec<IpAddr>,
    pub gateways: Vec<IpAddr>,
    /// Empty: not known.
    pub dhcp: Vec<AddressRange>,
    /// Pools that exist, and addresses that Services have.
    pub taken: Vec<AddressRange>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    pub range: AddressRange,
    /// Why this one, and what to look up before taking it.
    pub why: String,
}

/// Proposals, the best first: at the end of the nodes' network, `wanted` addresses or as many as there are.
pub fn propose(network: &Network, wanted: u8) -> Vec<Proposal> {
    let mut networks: BTreeMap<Prefix, usize> = BTreeMap::new();
    for node in &network.nodes {
        let of_24 = |it: IpAddr| {
            if it.is_ipv4() {
                Prefix::of(it, 24)
            } else {
                None
            }
        };
        if let Some(prefix) = of_24(canonical(*node)) {
            *networks.entry(prefix).or_default() += 1;
        }
    }
    let mut networks: Vec<(Prefix, usize)> = networks.into_iter().collect();
    networks.sort_by_key(|(prefix, nodes)| (std::cmp::Reverse(*nodes), *prefix));
    networks
        .iter()
        .flat_map(|(prefix, nodes)| in_network(network, *prefix, *nodes, wanted))
        .take(3)
        .collect()
}

fn in_network(network: &Network, prefix: Prefix, nodes: usize, wanted: u8) -> Vec<Proposal> {
    let IpAddr::V4(base) = prefix.address else {
        return Vec::new();
    };
    let mut is_taken = [false; 256];
    // The network, the usual router and the broadcast address are nobody's to give.
    for octet in [0, 1, 254, 255] {
        is_taken[octet] = true;
    }
    let address = |octet: u8| {
        let [a, b, c, _] = base.octets();
        IpAddr::V4(Ipv4Addr::new(a, b, c, octet))
    };
    let singles = network.nodes.iter().chain(&network.gateways);
    let blocked: Vec<AddressRange> = singles
        .map(|it| AddressRange::single(*it))
        .chain(network.dhcp.iter().chain(&network.taken).copied())
        .collect();
    for (octet, taken) in (0..=u8::MAX).zip(is_taken.iter_mut()) {
        *taken |= blocked.iter().any(|it| it.contains(address(octet)));
    }
    let gaps = gaps(&is_taken);
    let fits = |(first, last): &(u8, u8)| last - first + 1 >= wanted.max(1);
    // The highest gap that is long enough, then the longest of the others.
    let mut ranked: Vec<(u8, u8)> = gaps.iter().rev().copied().filter(fits).collect();
    let mut short: Vec<(u8, u8)> = gaps.iter().copied().filter(|it| !fits(it)).collect();
    short.sort_by_key(|(first, last)| std::cmp::Reverse(last - first));
    ranked.extend(short);
    let lookup = if network.dhcp.is_empty() {
        "look up the DHCP range of the router first: it is not known here"
    } else {
        "outside the DHCP range"
    };
    let proposal = |(first, last): (u8, u8)| {
        let start = first.max(last.saturating_sub(wanted.max(1) - 1));
        let range = AddressRange::new(address(start), address(last))?;
        let whose = if nodes == 1 {
            "1 node is".to_owned()
        } else {
            format!("{nodes} nodes are")
        };
        Some(Proposal {
            range,
            why: format!(
                "in {prefix}, where {whose}; nobody known has one of the {}; {lookup}",
                range.count()
            ),
        })
    };
    ranked.into_iter().filter_map(proposal).collect()
}

/// Stretches of free octets.
fn gaps(is_taken: &[bool; 256]) -> Vec<(u8, u8)> {
    let mut gaps: Vec<(u8, u8)> = Vec::new();
    for (octet, taken) in (0..=u8::MAX).zip(is_taken) {
        match gaps.last_mut() {
            _ if *taken => {}
            Some((_, last)) if last.checked_add(1) == Some(octet) => *last = octet,
            _ => gaps.push((octet, octet)),
        }
    }
    gaps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ips(texts: &[&str]) -> Vec<IpAddr> {
        texts.iter().map(|it| it.parse().unwrap()).collect()
    }

    fn range(first: &str, last: &str) -> AddressRange {
        AddressRange::new(first.parse().unwrap(), last.parse().unwrap()).unwrap()
    }

    #[test]
    fn the_end_of_the_nodes_network_is_proposed() {
        let mut network = Network {
            nodes: ips(&[
                "192.168.7.10",
                "192.168.7.11",
                "192.168.7.250",
                "10.9.9.9",
                "fd00::1",
            ]),
            ..Network::default()
        };
        let proposals = propose(&network, 20);
        assert_eq!(proposals[0].range, range("192.168.7.230", "192.168.7.249"));
        assert!(
            proposals[0].why.contains("3 nodes")
                && proposals[0].why.contains("look up the DHCP range"),
            "{}",
            proposals[0].why
        );
        network.dhcp = vec![range("192.168.7.100", "192.168.7.245")];
        network.taken = vec![range("192.168.7.80", "192.168.7.99")];
        assert_eq!(
            propose(&network, 20)[0].range,
            range("192.168.7.60", "192.168.7.79")
        );
        assert_eq!(
            propose(&network, 200)[0].range,
            range("192.168.7.12", "192.168.7.79")
        );
        assert_eq!(propose(&Network::default(), 20), []);
    }

    #[test]
    fn nothing_proposed_belongs_to_anybody_known() {
        let network = Network {
            nodes: (2..=250)
                .step_by(3)
                .map(|it| IpAddr::from([10, 0, 0, it]))
                .collect(),
            gateways: ips(&["10.0.0.3"]),
            ..Network::default()
        };
        for wanted in [0, 1, 2, 50, 255] {
            for proposal in propose(&network, wanted) {
                let owned = network
                    .nodes
                    .iter()
                    .chain(&network.gateways)
                    .find(|it| proposal.range.contains(**it));
                assert_eq!(owned, None, "{}", proposal.range);
            }
        }
    }
}
