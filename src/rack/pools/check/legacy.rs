//! The rules of the parser that reads a ConfigMap (up to 0.12), over the whole text.

use std::collections::HashSet;

use crate::rack::pools::check::set::{At, Set};
use crate::rack::pools::check::{Facts, Mode, bgp};
use crate::rack::pools::convert::legal_name;
use crate::rack::pools::finding::{Finding, Kind, Layer};
use crate::rack::pools::object::{BgpAdvertisement, Pool, Protocol};
use crate::rack::pools::range::Family;

const PARSER: Layer = Layer::LegacyParser;

pub(super) fn check(set: &Set<'_>, facts: &Facts, findings: &mut Vec<Finding>) {
    let mut names = HashSet::new();
    let aliases: HashSet<&str> = set
        .aliases
        .iter()
        .flat_map(|it| it.body.iter().map(|it| &*it.name.value))
        .collect();
    for pool in &set.pools {
        let name = &*pool.head.name.value;
        let span = pool.head_span();
        if name.is_empty() {
            findings.push(
                Finding::error(PARSER, Kind::Missing, span.clone(), "a pool has no name")
                    .next("add name"),
            );
        } else if !names.insert(name) {
            findings.push(Finding::error(
                PARSER,
                Kind::DuplicateName,
                span.clone(),
                format!("pool {name} stands twice"),
            ));
        }
        protocol(pool, findings);
        for advertisement in &pool.body.advertisements {
            self::advertisement(pool, advertisement, &aliases, findings);
        }
    }
    peers(set, findings);
    modes(set, facts, findings);
}

fn protocol(pool: &At<'_, Pool>, findings: &mut Vec<Finding>) {
    let title = pool.title();
    let next = "write protocol: layer2 or protocol: bgp";
    match &pool.body.protocol {
        None => findings.push(
            Finding::error(
                PARSER,
                Kind::Protocol,
                pool.head_span(),
                format!("{title} has no protocol"),
            )
            .next(next),
        ),
        Some(protocol) => match &protocol.value {
            Err(word) => findings.push(
                Finding::error(
                    PARSER,
                    Kind::Protocol,
                    pool.span(&protocol.span),
                    format!("protocol {word} of {title} does not exist"),
                )
                .next(next),
            ),
            Ok(Protocol::Layer2) => {
                if let Some(first) = pool.body.advertisements.first() {
                    let what =
                        format!("{title} has bgp-advertisements, and its protocol is layer2");
                    findings.push(Finding::error(
                        PARSER,
                        Kind::Exclusive,
                        pool.span(&first.span),
                        what,
                    ));
                }
            }
            Ok(Protocol::Bgp) => {}
        },
    }
}

fn advertisement(
    pool: &At<'_, Pool>,
    advertisement: &BgpAdvertisement,
    aliases: &HashSet<&str>,
    findings: &mut Vec<Finding>,
) {
    let title = format!("an advertisement of {}", pool.title());
    bgp::aggregation_bounds(
        &title,
        advertisement,
        PARSER,
        &|span| pool.span(span),
        findings,
    );
    for family in [Family::V4, Family::V6] {
        let length = advertisement.aggregation(family);
        if let Some((narrowest, index)) = pool
            .digest
            .narrowest(family)
            .filter(|(it, _)| length < i64::from(*it))
        {
            let written = match family {
                Family::V4 => &advertisement.aggregation_length,
                Family::V6 => &advertisement.aggregation_length_v6,
            };
            let span = pool.span(written.as_ref().map_or(&advertisement.span, |it| &it.span));
            findings.push(bgp::too_wide(
                &title,
                &pool.title(),
                pool.body,
                (length, narrowest, index),
                PARSER,
                span,
            ));
        }
    }
    for word in &advertisement.communities {
        let name = &*word.value;
        if !aliases.contains(name)
            && let Err(why) = bgp::community(name)
        {
            let what =
                format!("\"{name}\" in {title} is neither a community nor one of bgp-communities");
            findings.push(
                Finding::error(PARSER, Kind::Community, pool.span(&word.span), what).why(why),
            );
        }
    }
    let same = |other: &BgpAdvertisement| {
        let words = |it: &BgpAdvertisement| {
            it.communities
                .iter()
                .map(|it| it.value.clone())
                .collect::<Vec<_>>()
        };
        other.aggregation(Family::V4) == advertisement.aggregation(Family::V4)
            && other.aggregation(Family::V6) == advertisement.aggregation(Family::V6)
            && other.preference() == advertisement.preference()
            && words(other) == words(advertisement)
    };
    let is_second = pool
        .body
        .advertisements
        .iter()
        .take_while(|it| it.span != advertisement.span)
        .any(same);
    if is_second {
        let what = format!("{title} stands twice");
        findings.push(
            Finding::error(
                PARSER,
                Kind::DuplicateEntry,
                pool.span(&advertisement.span),
                what,
            )
            .next("remove one"),
        );
    }
}

fn peers(set: &Set<'_>, findings: &mut Vec<Finding>) {
    let mut names = HashSet::new();
    for profile in &set.profiles {
        let name = &*profile.head.name.value;
        if !name.is_empty() && !names.insert(name) {
            findings.push(Finding::error(
                PARSER,
                Kind::DuplicateName,
                profile.head_span(),
                format!("bfd profile {name} stands twice"),
            ));
        }
    }
    for peer in &set.peers {
        if let Some(profile) = peer
            .body
            .profile
            .as_ref()
            .filter(|it| !names.contains(&*it.value))
        {
            let what = format!(
                "{} names bfd profile {}, which does not exist",
                peer.title(),
                &*profile.value
            );
            findings.push(Finding::error(
                PARSER,
                Kind::DanglingProfile,
                peer.span(&profile.span),
                what,
            ));
        }
    }
}

/// The parser asks first whether the mode (native, or FRR from 0.12 on) takes the configuration.
fn modes(set: &Set<'_>, facts: &Facts, findings: &mut Vec<Finding>) {
    let native = against_native(set);
    let frr = against_frr(set);
    let error = |(span, what): (std::ops::Range<usize>, String)| {
        Finding::error(Layer::LegacyMode, Kind::Mode, span, what)
    };
    match facts.mode {
        Mode::Native => findings.extend(native.map(error)),
        Mode::Frr => findings.extend(frr.map(error)),
        Mode::Unknown => match (native, frr) {
            (Some((span, native)), Some((_, frr))) => {
                let what = format!("no mode takes this: {native}, and {frr}");
                findings.push(Finding::error(Layer::LegacyMode, Kind::Mode, span, what));
            }
            (Some((span, what)), None) => {
                findings.push(Finding::warning(
                    Kind::Mode,
                    span,
                    format!("only FRR mode takes this: {what}"),
                ));
            }
            (None, Some((span, what))) => {
                findings.push(Finding::warning(
                    Kind::Mode,
                    span,
                    format!("only native mode takes this: {what}"),
                ));
            }
            (None, None) => {}
        },
    }
}

type Reason = (std::ops::Range<usize>, String);

fn against_native(set: &Set<'_>) -> Option<Reason> {
    if let Some(profile) = set.profiles.first() {
        return Some((
            profile.head_span(),
            "native mode has no bfd-profiles".into(),
        ));
    }
    for peer in &set.peers {
        let option = peer
            .body
            .profile
            .as_ref()
            .or(peer.body.keepalive_time.as_ref());
        if let Some(option) = option {
            return Some((
                peer.span(&option.span),
                "native mode has neither bfd-profile nor keepalive-time".into(),
            ));
        }
    }
    let v6 = set
        .pools
        .iter()
        .find(|it| is_bgp(it) && it.digest.has(Family::V6))?;
    Some((
        v6.head_span(),
        format!("native mode announces no IPv6 ({})", v6.title()),
    ))
}

fn against_frr(set: &Set<'_>) -> Option<Reason> {
    let first = set.peers.first()?;
    let mut addresses = HashSet::new();
    for peer in &set.peers {
        let router = |it: &At<'_, crate::rack::pools::object::Peer>| {
            it.body.router_id.as_ref().map(|it| it.value.clone())
        };
        let mine = |it: &At<'_, crate::rack::pools::object::Peer>| {
            it.body.my_asn.as_ref().map(|it| it.value)
        };
        if router(peer) != router(first) {
            return Some((
                peer.head_span(),
                "FRR mode wants the same router-id in all peers".into(),
            ));
        }
        if mine(peer) != mine(first) {
            return Some((
                peer.head_span(),
                "FRR mode wants the same my-asn in all peers".into(),
            ));
        }
        if let Some(address) = &peer.body.address
            && !addresses.insert(&address.value)
        {
            return Some((
                peer.span(&address.span),
                format!("FRR mode has one peer at {}", &*address.value),
            ));
        }
    }
    None
}

fn is_bgp(pool: &At<'_, Pool>) -> bool {
    matches!(&pool.body.protocol, Some(it) if it.value == Ok(Protocol::Bgp))
}

/// Names that resources cannot have: a conversion renames them, and annotations that name the pool lead nowhere.
pub(super) fn renamed(set: &Set<'_>, findings: &mut Vec<Finding>) {
    for pool in &set.pools {
        let name = &*pool.head.name.value;
        let legal = legal_name(name);
        if !name.is_empty() && legal != name {
            let what = format!("pool {name} cannot keep its name when it is converted");
            findings.push(
                Finding::warning(Kind::RenamedByConversion, pool.head_span(), what).why(format!(
                    "it becomes {legal}, and Services that ask for {name} by annotation get nothing"
                )),
            );
        }
    }
}
