//! Who announces what: names that lead nowhere, pools nobody announces, sets nobody gets an address from.
//!
//! None of this is refused by anybody, and it is the most common reason why an address is assigned and nothing answers.

use std::collections::HashSet;

use crate::rack::pools::check::set::{At, Set};
use crate::rack::pools::finding::{Finding, Kind};
use crate::rack::pools::object::{ObjectKind, Pool, Protocol, Selection, Word};
use crate::rack::pools::range::Family;

pub(super) fn check(set: &Set<'_>, findings: &mut Vec<Finding>) {
    dangling(set, findings);
    let reach = Reach::of(set);
    for pool in &set.pools {
        announced(&reach, set, pool, findings);
    }
    allocation(set, findings);
}

fn dangling(set: &Set<'_>, findings: &mut Vec<Finding>) {
    let mut compared = 0;
    let missing_pools = |title: &str,
                         selection: &Selection,
                         place: &dyn Fn(&Word) -> std::ops::Range<usize>,
                         findings: &mut Vec<Finding>,
                         compared: &mut usize| {
        for word in selection
            .pools
            .iter()
            .filter(|it| set.pool(&it.value).is_none())
        {
            let what = format!("{title} names pool {}, which does not exist", &*word.value);
            findings.push(
                Finding::warning(Kind::DanglingPool, place(word), what)
                    .why("MetalLB ignores the name: what is meant is never announced")
                    .next(nearest(
                        &word.value,
                        set.pools.iter().map(|it| &*it.head.name.value),
                        compared,
                    )),
            );
        }
    };
    for l2 in &set.l2 {
        missing_pools(
            &l2.title(),
            &l2.body.selection,
            &|word| l2.span(&word.span),
            findings,
            &mut compared,
        );
    }
    let peers: HashSet<&str> = set.peers.iter().map(|it| &*it.head.name.value).collect();
    for bgp in &set.bgp {
        missing_pools(
            &bgp.title(),
            &bgp.body.selection,
            &|word| bgp.span(&word.span),
            findings,
            &mut compared,
        );
        for word in bgp
            .body
            .peers
            .iter()
            .filter(|it| !peers.contains(&*it.value))
        {
            let what = format!(
                "{} names peer {}, which does not exist",
                bgp.title(),
                &*word.value
            );
            findings.push(
                Finding::warning(Kind::DanglingPeer, bgp.span(&word.span), what).next(nearest(
                    &word.value,
                    peers.iter().copied(),
                    &mut compared,
                )),
            );
        }
    }
    let profiles: HashSet<&str> = set.profiles.iter().map(|it| &*it.head.name.value).collect();
    for peer in &set.peers {
        let Some(profile) = peer
            .body
            .profile
            .as_ref()
            .filter(|it| !profiles.contains(&*it.value))
        else {
            continue;
        };
        let what = format!(
            "{} names BFDProfile {}, which does not exist",
            peer.title(),
            &*profile.value
        );
        findings.push(
            Finding::warning(Kind::DanglingProfile, peer.span(&profile.span), what)
                .why("until it exists the speakers keep their old configuration"),
        );
    }
}

/// Names compared for advice in one check: a set in which everything dangles is answered as soon as any other.
const MOST_COMPARED: usize = 2_000;
/// Longer ones are no names.
const LONGEST_NAME: usize = 253;

/// The nearest name as advice; empty when there is none.
fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>, compared: &mut usize) -> String {
    if name.len() > LONGEST_NAME {
        return String::new();
    }
    let known = known.filter(|it| it.len() <= LONGEST_NAME);
    let known = known.take(MOST_COMPARED.saturating_sub(*compared));
    let scored = known.map(|it| {
        *compared += 1;
        (strsim::jaro_winkler(name, it), it)
    });
    match scored.max_by(|a, b| a.0.total_cmp(&b.0)) {
        Some((likeness, near)) if likeness >= 0.75 => format!("did you mean {near}?"),
        _ => String::new(),
    }
}

/// Which pools the advertisements of each kind choose, asked for every pool.
struct Reach<'a> {
    l2: Chosen<'a>,
    bgp: Chosen<'a>,
}

#[derive(Default)]
struct Chosen<'a> {
    is_everything: bool,
    names: HashSet<&'a str>,
    choosy: Vec<&'a Selection>,
}

impl<'a> Chosen<'a> {
    fn of(selections: impl Iterator<Item = &'a Selection>) -> Chosen<'a> {
        let mut chosen = Chosen::default();
        for selection in selections {
            chosen.is_everything |= selection.is_everything();
            chosen
                .names
                .extend(selection.pools.iter().map(|it| &*it.value));
            if !selection.pool_selectors.is_empty() {
                chosen.choosy.push(selection);
            }
        }
        chosen
    }

    fn takes(&self, pool: &At<'_, Pool>) -> bool {
        self.is_everything
            || self.names.contains(&*pool.head.name.value)
            || self.choosy.iter().any(|it| {
                it.pool_selectors
                    .iter()
                    .any(|it| it.matches(&pool.head.labels))
            })
    }
}

impl<'a> Reach<'a> {
    fn of(set: &Set<'a>) -> Reach<'a> {
        Reach {
            l2: Chosen::of(set.l2.iter().map(|it| &it.body.selection)),
            bgp: Chosen::of(set.bgp.iter().map(|it| &it.body.selection)),
        }
    }
}

fn announced(reach: &Reach<'_>, set: &Set<'_>, pool: &At<'_, Pool>, findings: &mut Vec<Finding>) {
    let title = pool.title();
    let span = pool.head_span();
    // Pools of the ConfigMap, and AddressPools, announce themselves.
    let protocol = pool
        .body
        .protocol
        .as_ref()
        .and_then(|it| it.value.as_ref().ok().copied());
    let has_own = pool.head.kind != ObjectKind::IpAddressPool;
    let is_l2 = if has_own {
        protocol == Some(Protocol::Layer2)
    } else {
        reach.l2.takes(pool)
    };
    let is_bgp = if has_own {
        protocol == Some(Protocol::Bgp)
    } else {
        reach.bgp.takes(pool)
    };
    if !has_own && !is_l2 && !is_bgp {
        findings.push(
            Finding::warning(
                Kind::NotAnnounced,
                span,
                format!("nothing announces {title}"),
            )
            .why("Services get addresses from it, and nobody answers them")
            .next(format!(
                "add an L2Advertisement with ipAddressPools: [{}]",
                &*pool.head.name.value
            )),
        );
        return;
    }
    if is_bgp && !is_l2 && set.peers.is_empty() {
        findings.push(
            Finding::warning(
                Kind::NoPeers,
                span,
                format!("{title} is announced over BGP, and there is no peer"),
            )
            .why("Services get addresses from it, and no router hears of them")
            .next(if pool.head.kind.is_legacy() {
                "add a peer, or protocol: layer2"
            } else {
                "add a BGPPeer"
            }),
        );
    }
    if let Some(index) = pool.digest.public.filter(|_| is_l2)
        && let Some(written) = pool.body.addresses.get(index)
    {
        let what = format!("\"{}\" in {title} are public addresses", written.text);
        findings.push(
            Finding::warning(Kind::Implausible, pool.span(&written.span), what)
                .why("they answer only where your network owns them; 192.186 for 192.168 is a common slip")
                .next("check the first two numbers"),
        );
    }
    if let Some(index) = pool.digest.mixed
        && set.bgp.len() > 1
        && is_bgp
        && let Some(written) = pool.body.addresses.get(index)
    {
        let what = format!("\"{}\" in {title} can crash the speakers", written.text);
        findings.push(
            Finding::warning(Kind::MixedFamilies, pool.span(&written.span), what)
                .why("its ends are of two families, and several BGPAdvertisements choose the pool"),
        );
    }
}

/// Whether anybody gets an address without asking for it.
fn allocation(set: &Set<'_>, findings: &mut Vec<Finding>) {
    let Some(first) = set.pools.first() else {
        let place = set.l2.first().map(At::head_span);
        let place = place.or_else(|| set.bgp.first().map(At::head_span));
        let place = place.or_else(|| set.peers.first().map(At::head_span));
        let place = place.or_else(|| set.aliases.first().map(At::head_span));
        findings.push(
            Finding::warning(
                Kind::NothingToAllocate,
                place.unwrap_or_default(),
                "there is no pool",
            )
            .why("every Service stays pending")
            .next("add a pool"),
        );
        return;
    };
    if set.pools.iter().all(|pool| !pool.body.auto_assign) {
        findings.push(
            Finding::warning(
                Kind::OnlyOnRequest,
                first.head_span(),
                "no pool gives addresses by itself",
            )
            .why("autoAssign is false everywhere: a Service that asks for none stays pending"),
        );
    }
    let has = |family| set.pools.iter().any(|pool| pool.digest.has(family));
    if has(Family::V6) && !has(Family::V4) {
        findings.push(
            Finding::warning(
                Kind::OneFamilyOnly,
                first.head_span(),
                "no pool has IPv4 addresses",
            )
            .why("an IPv4 Service stays pending"),
        );
    }
}
