//! BGP over the whole set: aggregation, local preference, communities, BFD, modes.

use std::collections::HashSet;
use std::net::IpAddr;

use crate::rack::pools::check::set::{At, Set};
use crate::rack::pools::check::{Facts, Mode, frr};
use crate::rack::pools::finding::{Finding, Kind, Layer};
use crate::rack::pools::object::{BgpAdvertisement, Pool, Word};
use crate::rack::pools::range::Family;

/// Pairs that are compared with each other; more than this many are not told apart while somebody waits.
const MOST_PAIRS: usize = 2_000;

pub(super) fn check(set: &Set<'_>, facts: &Facts, findings: &mut Vec<Finding>) {
    for advertisement in &set.bgp {
        let spans = |local: &std::ops::Range<usize>| advertisement.span(local);
        aggregation_bounds(
            &advertisement.title(),
            advertisement.body,
            Layer::Webhook,
            &spans,
            findings,
        );
        let chosen = chosen_pools(set, advertisement);
        for pool in &chosen {
            aggregation(advertisement, pool, findings);
        }
    }
    local_preferences(set, findings);
    communities(set, findings);
    if facts.mode != Mode::Native {
        frr::check(&set.peers, facts, findings);
    }
    echo(set, findings);
    native(set, facts, findings);
}

fn chosen_pools<'a>(set: &Set<'a>, advertisement: &At<'a, BgpAdvertisement>) -> Vec<At<'a, Pool>> {
    let selection = &advertisement.body.selection;
    if selection.pool_selectors.is_empty() && !selection.is_everything() {
        let named = selection.pools.iter().filter_map(|it| set.pool(&it.value));
        return named.collect();
    }
    let is_chosen = |pool: &&At<'_, Pool>| selection.takes_pool(&pool.head.name, &pool.head.labels);
    set.pools.iter().filter(is_chosen).copied().collect()
}

/// Bits of a route that no address has.
pub(super) fn aggregation_bounds(
    title: &str,
    advertisement: &BgpAdvertisement,
    layer: Layer,
    place: &dyn Fn(&std::ops::Range<usize>) -> std::ops::Range<usize>,
    findings: &mut Vec<Finding>,
) {
    let written = [
        (Family::V4, &advertisement.aggregation_length),
        (Family::V6, &advertisement.aggregation_length_v6),
    ];
    for (family, length) in written {
        let Some(length) = length else { continue };
        if !(0..=i64::from(family.bits())).contains(&length.value) {
            let what = format!(
                "{title} aggregates {} routes to {} bits",
                family.word(),
                length.value
            );
            findings.push(
                Finding::error(layer, Kind::Aggregation, place(&length.span), what)
                    .next(format!("write a length up to {}", family.bits())),
            );
        }
    }
}

fn aggregation(
    advertisement: &At<'_, BgpAdvertisement>,
    pool: &At<'_, Pool>,
    findings: &mut Vec<Finding>,
) {
    for family in [Family::V4, Family::V6] {
        let length = advertisement.body.aggregation(family);
        let Some((narrowest, index)) = pool
            .digest
            .narrowest(family)
            .filter(|(it, _)| length < i64::from(*it))
        else {
            continue;
        };
        let written = match family {
            Family::V4 => &advertisement.body.aggregation_length,
            Family::V6 => &advertisement.body.aggregation_length_v6,
        };
        let span = written.as_ref().map_or_else(
            || advertisement.head_span(),
            |it| advertisement.span(&it.span),
        );
        findings.push(too_wide(
            &advertisement.title(),
            &pool.title(),
            pool.body,
            (length, narrowest, index),
            Layer::Webhook,
            span,
        ));
    }
}

/// An aggregation wider than an entry: it would announce addresses that are not the pool's.
pub(super) fn too_wide(
    title: &str,
    pool_title: &str,
    pool: &Pool,
    (length, narrowest, index): (i64, u8, usize),
    layer: Layer,
    span: std::ops::Range<usize>,
) -> Finding {
    let entry = pool.addresses.get(index).map_or("?", |it| &*it.text);
    let what = format!(
        "{title} aggregates to /{length}, and the widest block of \"{entry}\" in {pool_title} is a /{narrowest}"
    );
    let finding = Finding::error(layer, Kind::Aggregation, span, what).next(format!(
        "aggregate to /{narrowest} or longer, or widen the entry"
    ));
    if layer == Layer::Webhook {
        finding.why("the webhook sees this only when the advertisement is written; after an edit of the pool the speakers keep their old configuration")
    } else {
        finding
    }
}

/// The same routes to the same peers from the same nodes with two preferences.
fn local_preferences(set: &Set<'_>, findings: &mut Vec<Finding>) {
    let differing: Vec<&At<'_, BgpAdvertisement>> = set.bgp.iter().collect();
    let mut pairs = 0;
    for (index, later) in differing.iter().enumerate() {
        for earlier in &differing[..index] {
            pairs += 1;
            if pairs > MOST_PAIRS {
                return;
            }
            let (a, b) = (earlier.body, later.body);
            let is_same_route = a.aggregation(Family::V4) == b.aggregation(Family::V4)
                && a.aggregation(Family::V6) == b.aggregation(Family::V6);
            if a.preference() == b.preference()
                || !is_same_route
                || a.selection.node_selectors.iter().map(|it| &it.value).ne(b
                    .selection
                    .node_selectors
                    .iter()
                    .map(|it| &it.value))
                || names(&a.peers) != names(&b.peers)
            {
                continue;
            }
            let shared = chosen_pools(set, earlier)
                .into_iter()
                .find(|pool| b.selection.takes_pool(&pool.head.name, &pool.head.labels));
            if let Some(pool) = shared {
                let span = b
                    .local_preference
                    .as_ref()
                    .map_or_else(|| later.head_span(), |it| later.span(&it.span));
                let what = format!(
                    "{} announces {} with preference {}, and {} with {}",
                    later.title(),
                    pool.title(),
                    b.preference(),
                    earlier.title(),
                    a.preference()
                );
                findings.push(
                    Finding::error(Layer::Webhook, Kind::LocalPreference, span, what)
                        .next("give both the same localPref, or other peers or nodes"),
                );
            }
        }
    }
}

fn names(words: &[Word]) -> HashSet<&str> {
    words.iter().map(|it| &*it.value).collect()
}

/// Communities that are none, and aliases nobody defines.
fn communities(set: &Set<'_>, findings: &mut Vec<Finding>) {
    let known: HashSet<&str> = set
        .aliases
        .iter()
        .flat_map(|it| it.body.iter().map(|alias| &*alias.name.value))
        .collect();
    for advertisement in &set.bgp {
        for word in &advertisement.body.communities {
            let name = &*word.value;
            if known.contains(name) {
                continue;
            }
            let title = advertisement.title();
            let span = advertisement.span(&word.span);
            match community(name) {
                Ok(()) => {}
                Err(_) if !name.contains(':') => findings.push(
                    Finding::warning(
                        Kind::DanglingCommunity,
                        span,
                        format!("{title} names community {name}, which no Community defines"),
                    )
                    .why("until it exists the speakers keep their old configuration"),
                ),
                Err(why) => findings.push(
                    Finding::error(
                        Layer::Webhook,
                        Kind::Community,
                        span,
                        format!("\"{name}\" in {title} is no community"),
                    )
                    .why(why),
                ),
            }
        }
    }
}

/// `a:b` with two 16-bit numbers, or `large:a:b:c` with three of 32 bits.
pub(super) fn community(text: &str) -> Result<(), &'static str> {
    let parts: Vec<&str> = text.split(':').collect();
    match parts[..] {
        [a, b] if a.parse::<u16>().is_ok() && b.parse::<u16>().is_ok() => Ok(()),
        [_, _] => Err("both numbers must be from 0 to 65535"),
        ["large", a, b, c] if [a, b, c].iter().all(|it| it.parse::<u32>().is_ok()) => Ok(()),
        ["large", _, _, _] => Err("each number must be from 0 to 4294967295"),
        [_, _, _, _] => Err("a community of four parts begins with large:"),
        _ => Err("write a:b or large:a:b:c"),
    }
}

/// BFD's echo mode knows no IPv6.
fn echo(set: &Set<'_>, findings: &mut Vec<Finding>) {
    let echoing: HashSet<&str> = set
        .profiles
        .iter()
        .filter(|it| it.body.has_echo)
        .map(|it| &*it.head.name.value)
        .collect();
    let has_v6 = |advertisement: &At<'_, BgpAdvertisement>, peer: &str| {
        let peers = &advertisement.body.peers;
        let reaches = peers.is_empty() || peers.iter().any(|it| &*it.value == peer);
        reaches
            && chosen_pools(set, advertisement)
                .iter()
                .any(|it| it.digest.has(Family::V6))
    };
    for peer in &set.peers {
        let Some(profile) = peer
            .body
            .profile
            .as_ref()
            .filter(|it| echoing.contains(&*it.value))
        else {
            continue;
        };
        if let Some(advertisement) = set.bgp.iter().find(|it| has_v6(it, &peer.head.name)) {
            let what = format!(
                "{} uses BFD echo ({}), and {} announces IPv6 addresses to it",
                peer.title(),
                &*profile.value,
                advertisement.title()
            );
            findings.push(
                Finding::error(
                    Layer::Webhook,
                    Kind::BfdEcho,
                    peer.span(&profile.span),
                    what,
                )
                .next("switch echoMode off, or give the IPv6 pool to other peers"),
            );
        }
    }
}

/// Native mode announces no IPv6.
fn native(set: &Set<'_>, facts: &Facts, findings: &mut Vec<Finding>) {
    if facts.mode != Mode::Native {
        return;
    }
    for advertisement in &set.bgp {
        if let Some(pool) = chosen_pools(set, advertisement)
            .iter()
            .find(|it| it.digest.has(Family::V6))
        {
            let what = format!(
                "{} announces IPv6 addresses of {}, and MetalLB runs in native mode",
                advertisement.title(),
                pool.title()
            );
            findings.push(
                Finding::error(Layer::Webhook, Kind::Mode, advertisement.head_span(), what)
                    .next("FRR mode announces IPv6"),
            );
        }
    }
    for peer in &set.peers {
        let v6 = peer
            .body
            .address
            .as_ref()
            .filter(|it| it.parse::<IpAddr>().is_ok_and(|it| it.is_ipv6()));
        if let Some(address) = v6 {
            let what = format!(
                "{} has an IPv6 address, and MetalLB runs in native mode",
                peer.title()
            );
            findings.push(Finding::warning(Kind::Mode, peer.span(&address.span), what));
        }
    }
}
