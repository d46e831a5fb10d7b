//! What FRR wants of peers: one session to a neighbour, one router ID, and one AS number of ours in a VRF.
//!
//! Before 0.16 the webhook compares all peers with each other; from 0.16 on those that share a node. Which nodes a peer is
//! for is known where the labels of nodes are. Where they are not, an error is said of peers that are certain to meet, a
//! warning of those that may, and nothing of those that cannot.

use std::net::IpAddr;
use std::ops::Range;

use crate::rack::pools::check::Facts;
use crate::rack::pools::check::set::At;
use crate::rack::pools::finding::{Finding, Kind, Layer};
use crate::rack::pools::object::{Peer, Spanned};
use crate::rack::pools::range::canonical;
use crate::rack::pools::version::Version;
use crate::rack::selector::{LabelSelector, Labels};

/// Pairs of peers that are compared while somebody waits: all of some 440 peers.
const MOST_PAIRS: usize = 100_000;
/// From this release on only peers that share a node are compared.
const BY_NODE: Version = Version::new(0, 16, 0);

pub(super) fn check(peers: &[At<'_, Peer>], facts: &Facts, findings: &mut Vec<Finding>) {
    let mut pairs = 0;
    for (index, later) in peers.iter().enumerate() {
        // One of each is enough for a peer: the rest follows when that is mended.
        let mut said = [false; 3];
        for earlier in &peers[..index] {
            pairs += 1;
            if pairs > MOST_PAIRS {
                return;
            }
            for (rule, said) in Rule::ALL.into_iter().zip(&mut said) {
                if *said || !rule.is_broken(earlier.body, later.body) {
                    continue;
                }
                let span = rule
                    .place(later.body)
                    .map_or_else(|| later.head_span(), |it| later.span(it));
                let meeting = meeting(earlier.body, later.body, facts);
                let finding = finding(earlier, later, rule, span, &meeting);
                *said = finding.is_some();
                findings.extend(finding);
            }
        }
    }
}

/// What two peers must agree on.
#[derive(Debug, Clone, Copy)]
enum Rule {
    Neighbour,
    AsNumber,
    RouterId,
}

impl Rule {
    const ALL: [Rule; 3] = [Rule::Neighbour, Rule::AsNumber, Rule::RouterId];

    fn is_broken(self, earlier: &Peer, later: &Peer) -> bool {
        let vrf = |it: &Peer| it.vrf.as_ref().map(|it| it.value.clone());
        let is_one_vrf = || vrf(earlier) == vrf(later);
        let asn = |it: &Peer| it.my_asn.as_ref().map(|it| it.value);
        let router = |it: &Peer| it.router_id.as_ref().map(|it| it.value.clone());
        match self {
            Rule::Neighbour => {
                is_one_vrf() && neighbour(earlier).is_some_and(|it| Some(it) == neighbour(later))
            }
            Rule::AsNumber => is_one_vrf() && asn(earlier) != asn(later),
            Rule::RouterId => router(earlier) != router(later),
        }
    }

    /// Where it stands in a peer.
    fn place(self, peer: &Peer) -> Option<&Range<usize>> {
        match self {
            Rule::Neighbour => {
                let name = peer.address.as_ref().or(peer.interface.as_ref());
                name.map(|it| &it.span)
            }
            Rule::AsNumber => peer.my_asn.as_ref().map(|it| &it.span),
            Rule::RouterId => peer.router_id.as_ref().map(|it| &it.span),
        }
    }

    fn sentence(self) -> &'static str {
        match self {
            Rule::Neighbour => "lead to the same neighbour",
            Rule::AsNumber => "have two AS numbers of ours",
            Rule::RouterId => "have two router IDs",
        }
    }
}

/// Whom a peer speaks to: an address, however it is written, or the neighbour behind an interface.
fn neighbour(peer: &Peer) -> Option<String> {
    let Some(address) = &peer.address else {
        return peer.interface.as_ref().map(|it| it.value.to_string());
    };
    let parsed = address.value.parse::<IpAddr>().map(canonical);
    Some(parsed.map_or_else(|_| address.value.to_string(), |it| it.to_string()))
}

/// Whether two peers are compared, and why.
enum Meeting<'a> {
    /// This release compares all peers.
    Anywhere,
    /// On this node, and maybe on others.
    On(&'a str),
    /// On every node of one of the two.
    Certain,
    /// It depends on labels that are not known.
    Perhaps,
    Never,
}

fn meeting<'a>(earlier: &Peer, later: &Peer, facts: &'a Facts) -> Meeting<'a> {
    if facts.version.is_some_and(|it| it < BY_NODE) {
        return Meeting::Anywhere;
    }
    let (a, b) = (&earlier.node_selectors, &later.node_selectors);
    if let Some(nodes) = facts.node_labels.as_ref().filter(|it| !it.is_empty()) {
        let both = nodes
            .iter()
            .find(|(_, labels)| chooses(a, labels) && chooses(b, labels));
        return both.map_or(Meeting::Never, |(name, _)| Meeting::On(name));
    }
    let pairs = || a.iter().flat_map(|a| b.iter().map(move |b| (a, b)));
    let holds_the_other = |(a, b): (&Spanned<LabelSelector>, &Spanned<LabelSelector>)| {
        a.value.includes(&b.value) || b.value.includes(&a.value)
    };
    if a.is_empty() || b.is_empty() || pairs().any(holds_the_other) {
        Meeting::Certain
    } else if pairs().all(|(a, b)| a.value.excludes(&b.value)) {
        Meeting::Never
    } else {
        Meeting::Perhaps
    }
}

/// No selector at all is for every node.
fn chooses(selectors: &[Spanned<LabelSelector>], labels: &Labels) -> bool {
    selectors.is_empty() || selectors.iter().any(|it| it.value.matches(labels))
}

fn finding(
    earlier: &At<'_, Peer>,
    later: &At<'_, Peer>,
    rule: Rule,
    span: Range<usize>,
    meeting: &Meeting<'_>,
) -> Option<Finding> {
    let what = rule.sentence();
    let both = format!("{} and {} {what}", earlier.title(), later.title());
    let error = |what| Finding::error(Layer::Webhook, Kind::Peer, span.clone(), what);
    let finding = match meeting {
        Meeting::Never => return None,
        Meeting::Anywhere => error(both).next("before 0.16 nodeSelectors do not tell them apart"),
        Meeting::On(node) => error(format!("{both} on node {node}"))
            .next("give them nodeSelectors that no node has both of, or make them agree"),
        Meeting::Certain => error(format!("{both} on one node"))
            .next("give them nodeSelectors that no node has both of, or make them agree"),
        Meeting::Perhaps => {
            let what = format!("{both}, on every node that both nodeSelectors choose");
            Finding::warning(Kind::Peer, span, what)
        }
    };
    Some(
        finding.why(
            "FRR has one session to a neighbour and one identity on a node; native mode takes it",
        ),
    )
}

#[cfg(test)]
mod tests;
