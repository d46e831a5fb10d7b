//! The custom resources: what their `spec` says.

use crate::rack::pools::finding::{Finding, Kind, Layer};
use crate::rack::pools::object::{
    Alias, Allocation, BgpAdvertisement, Body, Head, L2Advertisement, ObjectKind, Peer, Pool,
    Profile, Protocol, Selection, Spanned,
};
use crate::rack::pools::read::fields::{
    RESOURCE, addresses, flag, integer, selectors, text_at, word_at, words,
};
use crate::rack::pools::version::Version;
use crate::rack::pools::yaml::{NodeId, Tree};

/// Fields of a peer that only FRR understands.
const FRR_ONLY: [&str; 8] = [
    "dynamicASN",
    "interface",
    "vrf",
    "connectTime",
    "disableMP",
    "enableGracefulRestart",
    "dualStackAddressFamily",
    "localASN",
];

pub(super) fn body(tree: &Tree<'_>, root: NodeId, kind: ObjectKind) -> Body {
    // An object without a spec says nothing, which is legal for both advertisements: root has none of the keys below.
    let spec = tree.get(root, "spec").unwrap_or(root);
    match kind {
        ObjectKind::IpAddressPool | ObjectKind::AddressPool => Body::Pool(pool(tree, spec, kind)),
        ObjectKind::L2Advertisement => Body::L2Advertisement(L2Advertisement {
            selection: selection(tree, spec),
            interfaces: words(tree, spec, "interfaces"),
        }),
        ObjectKind::BgpAdvertisement => Body::BgpAdvertisement(advertisement(tree, spec)),
        ObjectKind::BgpPeer => Body::Peer(Box::new(peer(tree, root, spec))),
        ObjectKind::BfdProfile => Body::Profile(Profile {
            has_echo: flag(tree, spec, "echoMode").unwrap_or(false),
            is_passive: flag(tree, spec, "passiveMode").unwrap_or(false),
            numbers: Vec::new(),
        }),
        ObjectKind::Community => Body::Aliases(aliases(tree, spec)),
        ObjectKind::ConfigMap | ObjectKind::Legacy(_) => Body::ConfigMap,
    }
}

/// Kinds and versions that go away.
pub(super) fn outdated(
    tree: &Tree<'_>,
    root: NodeId,
    head: &Head,
    version: Option<Version>,
) -> Option<Finding> {
    let title = head.title();
    let span = head.span.clone();
    if head.kind == ObjectKind::AddressPool {
        let next = "convert it to an IPAddressPool and an advertisement";
        return Some(match version {
            Some(version) if !version.serves_address_pools() => Finding::error(
                Layer::Schema,
                Kind::Outdated,
                span,
                format!("MetalLB {version} has no kind AddressPool"),
            )
            .next(next),
            Some(version) if version.reads_address_pools() => Finding::warning(
                Kind::Outdated,
                span,
                format!("{title} is of a kind that goes away"),
            )
            .why("0.14.2 ignores it, and from 0.14.3 on the kind is gone")
            .next(next),
            _ => Finding::warning(
                Kind::Outdated,
                span,
                format!("{title} is of a kind that is gone"),
            )
            .why("only 0.13.0 to 0.14.1 act on it")
            .next(next),
        });
    }
    let is_old =
        tree.get(root, "apiVersion").and_then(|id| tree.key(id)) == Some("metallb.io/v1beta1");
    let is_deprecated = version.is_none_or(|it| it.is_at_least(14, 9));
    (head.kind == ObjectKind::BgpPeer && is_old && is_deprecated).then(|| {
        Finding::warning(
            Kind::Outdated,
            span,
            format!("{title} is written in v1beta1"),
        )
        .why("it is deprecated since 0.14.9")
        .next("write apiVersion: metallb.io/v1beta2")
    })
}

fn pool(tree: &Tree<'_>, spec: NodeId, kind: ObjectKind) -> Pool {
    let protocol = word_at(tree, spec, "protocol").filter(|_| kind == ObjectKind::AddressPool);
    let advertisements = tree
        .get(spec, "bgpAdvertisements")
        .map(|it| tree.sequence(it));
    let advertisement = |id: &NodeId| BgpAdvertisement {
        span: tree.span(*id),
        ..advertisement(tree, *id)
    };
    Pool {
        addresses: addresses(tree, spec),
        addresses_span: tree.get(spec, "addresses").map_or(0..0, |it| tree.span(it)),
        auto_assign: flag(tree, spec, "autoAssign").unwrap_or(true),
        avoids_buggy: flag(tree, spec, "avoidBuggyIPs").unwrap_or(false),
        allocation: tree
            .get(spec, "serviceAllocation")
            .map(|it| allocation(tree, it)),
        protocol: protocol.map(|word| Spanned {
            value: match &*word.value {
                "layer2" => Ok(Protocol::Layer2),
                "bgp" => Ok(Protocol::Bgp),
                _ => Err(word.value),
            },
            span: word.span,
        }),
        advertisements: advertisements
            .unwrap_or_default()
            .iter()
            .map(advertisement)
            .collect(),
    }
}

fn allocation(tree: &Tree<'_>, at: NodeId) -> Allocation {
    Allocation {
        priority: integer(tree, at, "priority").map_or(0, |it| it.value),
        namespaces: words(tree, at, "namespaces"),
        namespace_selectors: selectors(tree, at, "namespaceSelectors", RESOURCE),
        service_selectors: selectors(tree, at, "serviceSelectors", RESOURCE),
    }
}

fn selection(tree: &Tree<'_>, spec: NodeId) -> Selection {
    Selection {
        pools: words(tree, spec, "ipAddressPools"),
        pool_selectors: selectors(tree, spec, "ipAddressPoolSelectors", RESOURCE),
        node_selectors: selectors(tree, spec, "nodeSelectors", RESOURCE),
        service_selectors: selectors(tree, spec, "serviceSelectors", RESOURCE),
    }
}

fn advertisement(tree: &Tree<'_>, spec: NodeId) -> BgpAdvertisement {
    BgpAdvertisement {
        selection: selection(tree, spec),
        aggregation_length: integer(tree, spec, "aggregationLength"),
        aggregation_length_v6: integer(tree, spec, "aggregationLengthV6"),
        local_preference: integer(tree, spec, "localPref"),
        communities: words(tree, spec, "communities"),
        peers: words(tree, spec, "peers"),
        span: tree.span(spec),
    }
}

fn peer(tree: &Tree<'_>, root: NodeId, spec: NodeId) -> Peer {
    let secret = tree.get(spec, "passwordSecret");
    let is_frr = |key: &&str| tree.get(spec, key).is_some();
    let frr_only = FRR_ONLY.iter().filter(|key| is_frr(key));
    Peer {
        my_asn: integer(tree, spec, "myASN"),
        peer_asn: integer(tree, spec, "peerASN"),
        dynamic_asn: text_at(tree, spec, "dynamicASN"),
        address: text_at(tree, spec, "peerAddress"),
        interface: text_at(tree, spec, "interface"),
        source_address: text_at(tree, spec, "sourceAddress"),
        port: integer(tree, spec, "peerPort"),
        hold_time: text_at(tree, spec, "holdTime"),
        keepalive_time: text_at(tree, spec, "keepaliveTime"),
        connect_time: text_at(tree, spec, "connectTime"),
        router_id: text_at(tree, spec, "routerID"),
        node_selectors: selectors(tree, spec, "nodeSelectors", RESOURCE),
        password: text_at(tree, spec, "password").map(|it| it.span),
        password_secret: secret.and_then(|it| text_at(tree, it, "name")),
        profile: text_at(tree, spec, "bfdProfile"),
        is_multihop: flag(tree, spec, "ebgpMultiHop").unwrap_or(false),
        vrf: text_at(tree, spec, "vrf"),
        frr_only: frr_only
            .filter_map(|key| {
                Some(Spanned {
                    value: (*key).into(),
                    span: tree.span(tree.get(spec, key)?),
                })
            })
            .collect(),
        has_old_version: tree.get(root, "apiVersion").and_then(|id| tree.key(id))
            == Some("metallb.io/v1beta1"),
    }
}

fn aliases(tree: &Tree<'_>, spec: NodeId) -> Vec<Alias> {
    let items = tree
        .get(spec, "communities")
        .map(|it| tree.sequence(it))
        .unwrap_or_default();
    let alias = |id: &NodeId| {
        let empty = || Spanned {
            value: "".into(),
            span: tree.span(*id),
        };
        Alias {
            name: word_at(tree, *id, "name").unwrap_or_else(empty),
            value: word_at(tree, *id, "value").unwrap_or_else(empty),
        }
    };
    items.iter().map(alias).collect()
}
