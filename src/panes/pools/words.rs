//! What the word under the cursor could become: keys of MetalLB's objects, values they take, names that exist.
//!
//! Not here: whether they are right where they stand.

use crate::panes::pools::session::Session;
use crate::rack::Rack;
use crate::rack::pool_text::Form;
use crate::ui::editor::Candidate;

/// Lines looked at above the cursor.
const LOOK_BACK: usize = 200;

/// Keys of the objects, with a word on each.
const KEYS: [(&str, &str); 49] = [
    ("apiVersion: ", "metallb.io/v1beta1"),
    ("kind: ", "which object"),
    ("metadata:", "name, namespace, labels"),
    ("name: ", "of the object"),
    ("namespace: ", "MetalLB's own"),
    ("labels:", ""),
    ("annotations:", ""),
    ("spec:", ""),
    ("addresses:", "CIDRs and ranges"),
    ("autoAssign: ", "true unless said otherwise"),
    ("avoidBuggyIPs: ", "leaves out .0 and .255"),
    ("serviceAllocation:", "who may have addresses"),
    ("priority: ", "lower comes first, 0 last"),
    ("namespaces:", "of services"),
    ("namespaceSelectors:", ""),
    ("serviceSelectors:", ""),
    ("ipAddressPools:", "names of pools"),
    ("ipAddressPoolSelectors:", "by labels of pools"),
    ("nodeSelectors:", "who announces"),
    ("interfaces:", "where it is announced"),
    ("matchLabels:", ""),
    ("matchExpressions:", ""),
    ("key: ", ""),
    ("operator: ", ""),
    ("values:", ""),
    ("aggregationLength: ", "32 unless said otherwise"),
    ("aggregationLengthV6: ", "128 unless said otherwise"),
    ("localPref: ", ""),
    ("communities:", ""),
    ("peers:", "names of BGPPeers"),
    ("myASN: ", ""),
    ("peerASN: ", ""),
    ("peerAddress: ", ""),
    ("peerPort: ", "179"),
    ("sourceAddress: ", ""),
    ("holdTime: ", "90s"),
    ("keepaliveTime: ", ""),
    ("routerID: ", ""),
    ("passwordSecret:", "name of a Secret"),
    ("bfdProfile: ", "name of a BFDProfile"),
    ("ebgpMultiHop: ", ""),
    ("vrf: ", ""),
    ("receiveInterval: ", "ms"),
    ("transmitInterval: ", "ms"),
    ("echoInterval: ", "ms"),
    ("detectMultiplier: ", ""),
    ("minimumTtl: ", ""),
    ("echoMode: ", ""),
    ("passiveMode: ", ""),
];

/// Keys of the old ConfigMap.
const OLD_KEYS: [(&str, &str); 24] = [
    ("address-pools:", "the pools"),
    ("name: ", "of the pool"),
    ("protocol: ", "layer2 or bgp"),
    ("addresses:", "CIDRs and ranges"),
    ("auto-assign: ", "true unless said otherwise"),
    ("avoid-buggy-ips: ", "leaves out .0 and .255"),
    ("bgp-advertisements:", ""),
    ("aggregation-length: ", "32 unless said otherwise"),
    ("aggregation-length-v6: ", "128 unless said otherwise"),
    ("localpref: ", ""),
    ("communities:", ""),
    ("bgp-communities:", "names for communities"),
    ("peers:", "BGP routers"),
    ("peer-address: ", ""),
    ("peer-asn: ", ""),
    ("my-asn: ", ""),
    ("peer-port: ", "179"),
    ("source-address: ", ""),
    ("hold-time: ", "90s"),
    ("router-id: ", ""),
    ("node-selectors:", "who speaks to this router"),
    ("match-labels:", ""),
    ("match-expressions:", ""),
    ("bfd-profiles:", ""),
];

/// Values that a key takes, by key.
const VALUES: [(&str, &[&str]); 8] = [
    (
        "kind",
        &[
            "IPAddressPool",
            "L2Advertisement",
            "BGPAdvertisement",
            "BGPPeer",
            "BFDProfile",
            "Community",
        ],
    ),
    ("apiVersion", &["metallb.io/v1beta1", "metallb.io/v1beta2"]),
    ("protocol", &["layer2", "bgp"]),
    ("autoAssign", &["true", "false"]),
    ("auto-assign", &["true", "false"]),
    ("avoidBuggyIPs", &["true", "false"]),
    ("avoid-buggy-ips", &["true", "false"]),
    ("operator", &["In", "NotIn", "Exists", "DoesNotExist"]),
];

/// Offers what fits where the cursor is.
pub(super) fn offer(session: &mut Session, rack: &Rack) {
    if !session.editor.wants_candidates() {
        return;
    }
    let before = session.editor.before_cursor();
    let text = before.trim_start().trim_start_matches("- ").trim_start();
    let candidates = match text.split_once(':') {
        Some((key, _)) => values(key.trim(), rack),
        None if before.trim_start().starts_with("- ") => {
            let parent = parent(session);
            let mut found = values(&parent, rack);
            found.extend(keys(session));
            found
        }
        None => keys(session),
    };
    session.editor.offer(candidates);
}

fn keys(session: &Session) -> Vec<Candidate> {
    let keys: &[(&str, &str)] = match session.live.form {
        Form::ConfigMap { .. } => &OLD_KEYS,
        Form::Objects { .. } => &KEYS,
    };
    keys.iter()
        .map(|(text, note)| candidate(text, note))
        .collect()
}

/// The key of the list the cursor is in: the nearest line above that is not deeper and ends with a colon.
fn parent(session: &Session) -> String {
    let (row, _) = session.editor.cursor();
    let depth = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let lines = session.editor.lines();
    let here = lines.get(row).map_or(0, |line| depth(line));
    let above = lines.iter().take(row).rev().take(LOOK_BACK);
    above
        .filter(|line| depth(line) <= here && !line.trim_start().starts_with('-'))
        .find_map(|line| line.trim().strip_suffix(':'))
        .unwrap_or_default()
        .to_owned()
}

/// What a key may have as its value, or its list as an item.
fn values(key: &str, rack: &Rack) -> Vec<Candidate> {
    let fixed = VALUES.iter().find(|(name, _)| *name == key);
    let fixed = fixed.map_or(&[][..], |(_, values)| values);
    let metallb = &rack.metallb;
    let names: Vec<(String, &str)> = match key {
        "ipAddressPools" => metallb
            .pools()
            .map(|it| (it.head.name.to_string(), "pool"))
            .collect(),
        "peers" => metallb
            .bgp_peers()
            .map(|it| (it.head.name.to_string(), "BGPPeer"))
            .collect(),
        "bfdProfile" | "bfd-profile" => metallb
            .bfd_profiles()
            .map(|it| (it.head.name.to_string(), "BFDProfile"))
            .collect(),
        "namespace" => metallb
            .namespace()
            .map(|it| (it.to_owned(), "MetalLB's own"))
            .into_iter()
            .collect(),
        "namespaces" => {
            let all = rack.services.iter().map(|it| it.name.namespace.to_string());
            let mut all: Vec<String> = all.collect();
            all.dedup();
            all.into_iter().map(|it| (it, "has services")).collect()
        }
        _ => Vec::new(),
    };
    let fixed = fixed.iter().map(|text| candidate(text, ""));
    let names = names.iter().map(|(text, note)| candidate(text, note));
    fixed.chain(names).collect()
}

fn candidate(text: &str, note: &str) -> Candidate {
    Candidate {
        text: text.to_owned(),
        note: note.to_owned(),
    }
}
