//! The tables themselves. Sources: the CRDs shipped with MetalLB 0.16.1, and `internal/config` of 0.12.1.

use crate::rack::pools::schema::{Field, Shape};

const TEXTS: Shape = Shape::List(&Shape::Text);
const OPERATORS: &[&str] = &["In", "NotIn", "Exists", "DoesNotExist"];
const LEAST_ASN: i64 = 0;
const MOST_ASN: i64 = 4_294_967_295;

const fn text(name: &'static str, help: &'static str) -> Field {
    Field::new(name, Shape::Text, help)
}

const fn texts(name: &'static str, help: &'static str) -> Field {
    Field::new(name, TEXTS, help)
}

const fn flag(name: &'static str, help: &'static str) -> Field {
    Field::new(name, Shape::Flag, help)
}

const fn integer(name: &'static str, from: i64, to: i64, help: &'static str) -> Field {
    Field::new(name, Shape::Integer(from, to), help)
}

const fn selectors(name: &'static str, help: &'static str) -> Field {
    Field::new(name, Shape::List(&Shape::Object(SELECTOR)), help)
}

const fn object(spec: Field) -> [Field; 5] {
    [
        text("apiVersion", "metallb.io/v1beta1").required(),
        text("kind", "").required(),
        Field::new("metadata", Shape::Object(METADATA), "name and namespace").required(),
        spec,
        Field::new("status", Shape::Any, "written by MetalLB"),
    ]
}

const fn spec(fields: &'static [Field]) -> Field {
    Field::new("spec", Shape::Object(fields), "what is wanted")
}

/// What kubectl users write, and what a server adds; further keys are refused by the server, not by MetalLB.
const METADATA: &[Field] = &[
    text("name", "name of the object"),
    text("namespace", "where MetalLB runs, usually metallb-system"),
    Field::new("labels", Shape::Labels, "for selectors"),
    Field::new("annotations", Shape::Labels, "notes for tools"),
    Field::new("finalizers", Shape::Any, ""),
    Field::new("ownerReferences", Shape::Any, ""),
    Field::new("managedFields", Shape::Any, ""),
    Field::new("generation", Shape::Any, ""),
    Field::new("creationTimestamp", Shape::Any, ""),
    Field::new("deletionTimestamp", Shape::Any, ""),
    Field::new("deletionGracePeriodSeconds", Shape::Any, ""),
    Field::new("generateName", Shape::Any, ""),
    Field::new("resourceVersion", Shape::Any, ""),
    Field::new("selfLink", Shape::Any, ""),
    Field::new("uid", Shape::Any, ""),
];

const SELECTOR: &[Field] = &[
    Field::new(
        "matchLabels",
        Shape::Labels,
        "labels that must have these values",
    ),
    Field::new(
        "matchExpressions",
        Shape::List(&Shape::Object(EXPRESSION)),
        "rules about labels",
    ),
];

const EXPRESSION: &[Field] = &[
    text("key", "the label").required(),
    // The schema takes any word here; the webhook knows the four.
    text("operator", "In, NotIn, Exists or DoesNotExist").required(),
    texts("values", "values for In and NotIn"),
];

pub static IP_ADDRESS_POOL: &[Field] = &object(spec(POOL_SPEC).required());

const POOL_SPEC: &[Field] = &[
    texts("addresses", "prefixes and ranges").required(),
    flag("autoAssign", "false: only on request"),
    flag("avoidBuggyIPs", "leave out .0 and .255").since(13, 4),
    Field::new(
        "serviceAllocation",
        Shape::Object(ALLOCATION),
        "which Services may have them",
    )
    .since(13, 9),
];

const ALLOCATION: &[Field] = &[
    integer("priority", 0, i64::MAX, "lower first, 0 last"),
    texts("namespaces", "namespaces by name"),
    selectors("namespaceSelectors", "namespaces by label"),
    selectors("serviceSelectors", "Services by label"),
];

pub static L2_ADVERTISEMENT: &[Field] = &object(spec(L2_SPEC));

const L2_SPEC: &[Field] = &[
    texts("ipAddressPools", "pools by name; none: all"),
    selectors("ipAddressPoolSelectors", "pools by label"),
    selectors("nodeSelectors", "nodes that may announce"),
    texts("interfaces", "network interfaces; none: all").since(13, 6),
    selectors("serviceSelectors", "only these Services").since(16, 0),
    // On the main branch after 0.16.1: a server of today does not know it.
    Field::new(
        "preferredNodeSelectors",
        Shape::List(&Shape::Any),
        "nodes that should announce",
    )
    .since(17, 0),
];

pub static BGP_ADVERTISEMENT: &[Field] = &object(spec(BGP_SPEC));

const BGP_SPEC: &[Field] = &[
    // The schema has no upper bound; the webhook has.
    integer(
        "aggregationLength",
        1,
        i32::MAX as i64,
        "bits of the announced IPv4 routes, 32",
    ),
    integer(
        "aggregationLengthV6",
        0,
        i32::MAX as i64,
        "bits of the announced IPv6 routes, 128",
    ),
    integer("localPref", 0, MOST_ASN, "preference among iBGP peers"),
    texts("communities", "a:b, large:a:b:c or an alias"),
    texts("ipAddressPools", "pools by name; none: all"),
    selectors("ipAddressPoolSelectors", "pools by label"),
    selectors("nodeSelectors", "nodes that are next hops"),
    texts("peers", "BGPPeers by name; none: all"),
    selectors("serviceSelectors", "only these Services").since(16, 0),
];

pub static BGP_PEER_V1BETA2: &[Field] = &object(spec(PEER_SPEC));

const PEER_SPEC: &[Field] = &[
    integer("myASN", LEAST_ASN, MOST_ASN, "our AS number").required(),
    integer("peerASN", LEAST_ASN, MOST_ASN, "the peer's AS number"),
    Field::new(
        "dynamicASN",
        Shape::OneOf(&["internal", "external"]),
        "instead of peerASN",
    )
    .since(14, 9),
    text("peerAddress", "the router's address"),
    text("interface", "for unnumbered BGP").since(15, 0),
    text("sourceAddress", "our address"),
    integer("peerPort", 1, 16_384, "179"),
    text("holdTime", "90s"),
    text("keepaliveTime", "a third of holdTime"),
    text("connectTime", "whole seconds").since(14, 4),
    text("routerID", "an IPv4 address"),
    selectors("nodeSelectors", "nodes that connect"),
    text("password", "better in passwordSecret"),
    Field::new(
        "passwordSecret",
        Shape::Object(SECRET),
        "a Secret of type kubernetes.io/basic-auth",
    ),
    text("bfdProfile", "a BFDProfile by name"),
    flag("ebgpMultiHop", "the peer is some hops away"),
    text("vrf", "").since(13, 9),
    flag("disableMP", "").since(14, 4),
    flag("enableGracefulRestart", "").since(14, 6),
    flag("dualStackAddressFamily", "").since(15, 0),
    integer("localASN", LEAST_ASN, MOST_ASN, "").since(16, 0),
];

const SECRET: &[Field] = &[
    text("name", "the Secret"),
    text("namespace", "MetalLB's namespace"),
];

/// Deprecated since 0.14.9, still served.
pub static BGP_PEER_V1BETA1: &[Field] = &object(spec(OLD_PEER_SPEC));

const OLD_PEER_SPEC: &[Field] = &[
    integer("myASN", LEAST_ASN, MOST_ASN, "our AS number").required(),
    integer("peerASN", LEAST_ASN, MOST_ASN, "the peer's AS number").required(),
    text("peerAddress", "the router's address").required(),
    text("sourceAddress", "our address"),
    integer("peerPort", 1, 16_384, "179"),
    text("holdTime", "90s"),
    text("keepaliveTime", "a third of holdTime"),
    text("routerID", "an IPv4 address"),
    Field::new(
        "nodeSelectors",
        Shape::List(&Shape::Object(OLD_SELECTOR)),
        "nodes that connect",
    ),
    text("password", "the password"),
    text("bfdProfile", "a BFDProfile by name"),
    flag("ebgpMultiHop", "the peer is some hops away"),
];

const OLD_SELECTOR: &[Field] = &[
    Field::new(
        "matchLabels",
        Shape::Labels,
        "labels that must have these values",
    ),
    Field::new(
        "matchExpressions",
        Shape::List(&Shape::Object(OLD_EXPRESSION)),
        "rules about labels",
    ),
];

const OLD_EXPRESSION: &[Field] = &[
    text("key", "the label").required(),
    text("operator", "In, NotIn, Exists or DoesNotExist").required(),
    texts("values", "values for In and NotIn").required(),
];

pub static BFD_PROFILE: &[Field] = &object(spec(PROFILE_SPEC));

const PROFILE_SPEC: &[Field] = &[
    integer("receiveInterval", 10, 60_000, "milliseconds"),
    integer("transmitInterval", 10, 60_000, "milliseconds"),
    integer("echoInterval", 10, 60_000, "milliseconds"),
    integer("detectMultiplier", 2, 255, "lost packets until down"),
    integer("minimumTtl", 1, 254, "for several hops"),
    flag("echoMode", "IPv4 only"),
    flag("passiveMode", "wait for the peer to begin"),
];

pub static COMMUNITY: &[Field] = &object(spec(COMMUNITY_SPEC));

const COMMUNITY_SPEC: &[Field] = &[Field::new(
    "communities",
    Shape::List(&Shape::Object(ALIAS)),
    "aliases",
)];

const ALIAS: &[Field] = &[
    text("name", "the alias"),
    text("value", "a:b or large:a:b:c"),
];

/// Served up to 0.14.2, acted on up to 0.14.1.
pub static ADDRESS_POOL: &[Field] = &object(spec(OLD_POOL_SPEC).required());

const OLD_POOL_SPEC: &[Field] = &[
    Field::new(
        "protocol",
        Shape::OneOf(&["layer2", "bgp"]),
        "layer2 or bgp",
    )
    .required(),
    texts("addresses", "prefixes and ranges").required(),
    flag("autoAssign", "false: only on request"),
    flag("avoidBuggyIPs", "leave out .0 and .255").since(13, 4),
    Field::new(
        "bgpAdvertisements",
        Shape::List(&Shape::Object(OLD_ADVERTISEMENT)),
        "how it is announced",
    ),
];

const OLD_ADVERTISEMENT: &[Field] = &[
    integer(
        "aggregationLength",
        1,
        i32::MAX as i64,
        "bits of the announced IPv4 routes, 32",
    ),
    integer(
        "aggregationLengthV6",
        0,
        i32::MAX as i64,
        "bits of the announced IPv6 routes, 128",
    ),
    integer("localPref", 0, MOST_ASN, "preference among iBGP peers"),
    texts("communities", "a:b or an alias"),
];

/// The text of `data.config`, up to 0.12. Ranges of numbers are rules of its parser, not of this table.
pub static LEGACY: &[Field] = &[
    Field::new(
        "address-pools",
        Shape::List(&Shape::Object(LEGACY_POOL)),
        "pools",
    ),
    Field::new(
        "peers",
        Shape::List(&Shape::Object(LEGACY_PEER)),
        "BGP routers",
    ),
    Field::new("bgp-communities", Shape::Labels, "alias: a:b"),
    Field::new(
        "bfd-profiles",
        Shape::List(&Shape::Object(LEGACY_PROFILE)),
        "FRR only",
    ),
];

const LEGACY_POOL: &[Field] = &[
    text("name", "name of the pool"),
    text("protocol", "layer2 or bgp"),
    texts("addresses", "prefixes and ranges"),
    flag("avoid-buggy-ips", "leave out .0 and .255"),
    flag("auto-assign", "false: only on request"),
    Field::new(
        "bgp-advertisements",
        Shape::List(&Shape::Object(LEGACY_ADVERTISEMENT)),
        "not with layer2",
    ),
];

const LEGACY_ADVERTISEMENT: &[Field] = &[
    integer(
        "aggregation-length",
        i64::MIN,
        i64::MAX,
        "bits of the announced IPv4 routes, 32",
    ),
    integer(
        "aggregation-length-v6",
        i64::MIN,
        i64::MAX,
        "bits of the announced IPv6 routes, 128",
    )
    .since(12, 0),
    integer("localpref", 0, MOST_ASN, "preference among iBGP peers"),
    texts("communities", "a:b or an alias"),
];

const LEGACY_PEER: &[Field] = &[
    integer("my-asn", LEAST_ASN, MOST_ASN, "our AS number"),
    integer("peer-asn", LEAST_ASN, MOST_ASN, "the peer's AS number"),
    text("peer-address", "the router's address"),
    integer("peer-port", 0, 65_535, "179"),
    text("source-address", "our address").since(11, 0),
    text("hold-time", "90s"),
    text("keepalive-time", "a third of hold-time; FRR only"),
    text("router-id", "an IPv4 address"),
    text("password", "the password"),
    text("bfd-profile", "a profile by name; FRR only"),
    flag("ebgp-multihop", "the peer is some hops away"),
    Field::new(
        "node-selectors",
        Shape::List(&Shape::Object(LEGACY_SELECTOR)),
        "nodes that connect",
    ),
];

const LEGACY_SELECTOR: &[Field] = &[
    Field::new(
        "match-labels",
        Shape::Labels,
        "labels that must have these values",
    ),
    Field::new(
        "match-expressions",
        Shape::List(&Shape::Object(LEGACY_EXPRESSION)),
        "rules about labels",
    ),
];

const LEGACY_EXPRESSION: &[Field] = &[
    text("key", "the label"),
    text("operator", "In, NotIn, Exists or DoesNotExist"),
    texts("values", "values for In and NotIn"),
];

const LEGACY_PROFILE: &[Field] = &[
    text("name", "name of the profile"),
    integer("receive-interval", 0, MOST_ASN, "milliseconds"),
    integer("transmit-interval", 0, MOST_ASN, "milliseconds"),
    integer("echo-interval", 0, MOST_ASN, "milliseconds"),
    integer("detect-multiplier", 0, MOST_ASN, "lost packets until down"),
    integer("minimum-ttl", 0, MOST_ASN, "for several hops"),
    flag("echo-mode", "IPv4 only"),
    flag("passive-mode", "wait for the peer to begin"),
];

/// The words a selector's operator may be.
pub fn operators() -> &'static [&'static str] {
    OPERATORS
}
