//! What an edit does to the Services that have addresses, before it is applied.
//!
//! Nothing in MetalLB asks whether an address is in use. Up to 0.13 the controller then refuses the whole new
//! configuration, and only its log says so; from 0.14.2 on it takes the address away and gives another. Either is a bad
//! surprise, so both are said first, Service by Service.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::rack::pools::object::{Allocation, Body, Object};
use crate::rack::pools::range::{Family, canonical};
use crate::rack::pools::space::Space;
use crate::rack::pools::version::{Shrinking, Version};
use crate::rack::selector::Labels;

/// A Service of type `LoadBalancer`, as far as the allocator looks at it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holder {
    /// `namespace/name`.
    pub service: String,
    pub namespace: Box<str>,
    pub labels: Labels,
    pub namespace_labels: Labels,
    /// What it has.
    pub addresses: Vec<IpAddr>,
    /// What it asks for by address.
    pub wants_addresses: Vec<IpAddr>,
    /// The pool it asks for.
    pub wants_pool: Option<Box<str>>,
    /// The families of its cluster addresses, for one that has nothing yet.
    pub families: Vec<Family>,
}

/// What the whole edit comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Impact {
    /// Services that notice, worst first, then by name. Those that keep what they have are only counted.
    pub outcomes: Vec<Outcome>,
    pub kept: usize,
    /// The release refuses the edit as a whole, without telling anybody.
    pub is_refused: bool,
    /// One sentence about all of it.
    pub words: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    pub service: String,
    pub addresses: Vec<IpAddr>,
    pub fate: Fate,
    /// `web/shop loses 10.0.0.9 and gets 10.0.0.20 from pool lan`.
    pub words: String,
}

/// Worst first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// Loses its address and gets none.
    Pending,
    /// Loses its address and gets another: the first it would get, where that can be said.
    Renumbered {
        pool: Option<String>,
        address: Option<IpAddr>,
    },
    /// Its address is why the release refuses the edit.
    Refused,
    /// Waited for an address, and gets one.
    Gains { pool: Option<String> },
    /// Keeps its address, which is now in another pool.
    Moved { from: String, to: String },
}

/// A pool as the allocator sees it.
struct Candidate<'a> {
    name: &'a str,
    space: Space,
    auto_assign: bool,
    allocation: Option<&'a Allocation>,
}

/// Compares two configurations.
pub fn impact<'a>(
    before: impl IntoIterator<Item = &'a Object>,
    after: impl IntoIterator<Item = &'a Object>,
    services: &[Holder],
    version: Version,
) -> Impact {
    let (before, after) = (candidates(before), candidates(after));
    let mut taken: BTreeSet<IpAddr> = services
        .iter()
        .flat_map(|it| it.addresses.iter().copied().map(canonical))
        .collect();
    let losers: Vec<&Holder> = services
        .iter()
        .filter(|it| loses(it, &before, &after))
        .collect();
    let is_refused = !losers.is_empty() && version.on_shrinking() != Shrinking::Renumbers;
    let mut outcomes = Vec::new();
    let mut kept = 0;
    for holder in &losers {
        for address in &holder.addresses {
            taken.remove(&canonical(*address));
        }
    }
    for holder in services {
        let is_loser = losers.iter().any(|it| std::ptr::eq(*it, holder));
        let outcome = match (is_loser, is_refused) {
            (true, true) => Some(refused(holder, version)),
            (true, false) => Some(renumbered(holder, &after, &taken, losers.len() == 1)),
            (false, true) => None,
            (false, false) if holder.addresses.is_empty() => gains(holder, &before, &after, &taken),
            (false, false) => moved(holder, &before, &after),
        };
        match outcome {
            Some(outcome) => outcomes.push(outcome),
            None => kept += usize::from(!holder.addresses.is_empty()),
        }
    }
    outcomes.sort_by(|a, b| (&a.fate, &a.service).cmp(&(&b.fate, &b.service)));
    let words = summary(&outcomes, losers.len(), kept, version);
    Impact {
        outcomes,
        kept,
        is_refused,
        words,
    }
}

fn candidates<'a>(objects: impl IntoIterator<Item = &'a Object>) -> Vec<Candidate<'a>> {
    let pools: BTreeMap<&str, Candidate<'_>> = objects
        .into_iter()
        .filter_map(|object| match &object.body {
            Body::Pool(pool) => Some((
                &*object.head.name.value,
                Candidate {
                    name: &object.head.name.value,
                    space: pool.space(),
                    auto_assign: pool.auto_assign,
                    allocation: pool.allocation.as_ref(),
                },
            )),
            _ => None,
        })
        .collect();
    pools.into_values().collect()
}

/// The pool that holds all addresses of a Service: MetalLB wants both of a dual-stack Service in one.
fn home<'a, 'b>(addresses: &[IpAddr], pools: &'b [Candidate<'a>]) -> Option<&'b Candidate<'a>> {
    let is_home = |pool: &&Candidate<'_>| addresses.iter().all(|it| pool.space.is_usable(*it));
    pools.iter().find(is_home).filter(|_| !addresses.is_empty())
}

impl Candidate<'_> {
    fn allows(&self, holder: &Holder) -> bool {
        self.allocation
            .is_none_or(|it| it.takes(&holder.namespace, &holder.namespace_labels, &holder.labels))
    }
}

/// Had an address of MetalLB's, and may not keep it.
fn loses(holder: &Holder, before: &[Candidate<'_>], after: &[Candidate<'_>]) -> bool {
    let was_ours = before
        .iter()
        .any(|pool| holder.addresses.iter().any(|it| pool.space.contains(*it)));
    was_ours && !keeps(holder, after)
}

fn keeps(holder: &Holder, pools: &[Candidate<'_>]) -> bool {
    home(&holder.addresses, pools).is_some_and(|pool| {
        let is_wanted = holder
            .wants_pool
            .as_deref()
            .is_none_or(|it| it == pool.name);
        is_wanted && pool.allows(holder)
    })
}

fn refused(holder: &Holder, version: Version) -> Outcome {
    let until = match version.on_shrinking() {
        Shrinking::RefusedForGood => "and does not try again",
        _ => "until no Service has it any more",
    };
    let addresses = list(&holder.addresses);
    Outcome {
        service: holder.service.clone(),
        addresses: holder.addresses.clone(),
        fate: Fate::Refused,
        words: format!(
            "{} keeps {addresses}, and for that MetalLB {version} refuses the edit {until}",
            holder.service
        ),
    }
}

/// The pools it may get an address from, best first, and whether their order is certain.
fn choices<'a, 'b>(holder: &Holder, pools: &'b [Candidate<'a>]) -> (Vec<&'b Candidate<'a>>, bool) {
    let allowed = pools.iter().filter(|pool| pool.allows(holder));
    if let Some(name) = &holder.wants_pool {
        return (allowed.filter(|pool| *pool.name == **name).collect(), true);
    }
    let automatic: Vec<_> = allowed.filter(|pool| pool.auto_assign).collect();
    let is_choosy = |pool: &&&Candidate<'_>| {
        pool.allocation
            .is_some_and(|it| it.priority != 0 || it.is_choosy())
    };
    let (mut choosy, open): (Vec<_>, Vec<_>) =
        automatic.iter().copied().partition(|pool| is_choosy(&pool));
    // 0 is the lowest priority, not the highest.
    let rank = |pool: &Candidate<'_>| {
        pool.allocation.map_or(i64::MAX, |it| {
            if it.priority == 0 {
                i64::MAX
            } else {
                it.priority
            }
        })
    };
    choosy.sort_by_key(|pool| rank(pool));
    let first = choosy.first().map(|it| rank(it));
    let is_certain = match choosy.len() {
        0 => open.len() < 2,
        _ => choosy.iter().filter(|it| Some(rank(it)) == first).count() == 1,
    };
    choosy.extend(open);
    (choosy, is_certain)
}

fn families(holder: &Holder) -> Vec<Family> {
    let of_addresses: BTreeSet<Family> =
        holder.addresses.iter().map(|it| Family::of(*it)).collect();
    let known = if of_addresses.is_empty() {
        holder.families.clone()
    } else {
        of_addresses.into_iter().collect()
    };
    if known.is_empty() {
        vec![Family::V4]
    } else {
        known
    }
}

/// The first pool with room for all families, and the addresses it would give.
fn next<'a, 'b>(
    holder: &Holder,
    pools: &'b [Candidate<'a>],
    taken: &BTreeSet<IpAddr>,
) -> (Option<(&'b Candidate<'a>, Vec<IpAddr>)>, bool) {
    if !holder.wants_addresses.is_empty() {
        let wanted: Vec<IpAddr> = holder
            .wants_addresses
            .iter()
            .copied()
            .map(canonical)
            .collect();
        let pool = pools
            .iter()
            .filter(|it| it.allows(holder))
            .find(|it| wanted.iter().all(|ip| it.space.contains(*ip)));
        return (pool.map(|it| (it, wanted)), true);
    }
    let wanted = families(holder);
    let (choices, is_certain) = choices(holder, pools);
    let found = choices.into_iter().find_map(|pool| {
        let addresses: Option<Vec<IpAddr>> = wanted
            .iter()
            .map(|family| pool.space.next_free(*family, taken))
            .collect();
        Some((pool, addresses?))
    });
    (found, is_certain)
}

fn renumbered(
    holder: &Holder,
    after: &[Candidate<'_>],
    taken: &BTreeSet<IpAddr>,
    is_alone: bool,
) -> Outcome {
    let lost = list(&holder.addresses);
    let service = &holder.service;
    let (found, is_certain) = next(holder, after, taken);
    let (fate, words) = match found {
        None => {
            let why = match (&holder.wants_pool, holder.wants_addresses.is_empty()) {
                (Some(pool), _) if !after.iter().any(|it| *it.name == **pool) => {
                    format!("it asks for pool {pool}, which is gone")
                }
                (Some(pool), _) => format!("pool {pool}, which it asks for, has nothing for it"),
                (None, false) => format!(
                    "it asks for {}, which is in no pool",
                    list(&holder.wants_addresses)
                ),
                (None, true) => "no pool gives it another".to_owned(),
            };
            (
                Fate::Pending,
                format!("{service} loses {lost} and stays pending: {why}"),
            )
        }
        Some((pool, addresses)) if is_certain && is_alone => {
            let words = format!(
                "{service} loses {lost} and gets {} from pool {}",
                list(&addresses),
                pool.name
            );
            let fate = Fate::Renumbered {
                pool: Some(pool.name.to_owned()),
                address: addresses.first().copied(),
            };
            (fate, words)
        }
        Some((pool, _)) if is_certain => (
            Fate::Renumbered {
                pool: Some(pool.name.to_owned()),
                address: None,
            },
            format!(
                "{service} loses {lost} and gets another from pool {}",
                pool.name
            ),
        ),
        Some(_) => (
            Fate::Renumbered {
                pool: None,
                address: None,
            },
            format!("{service} loses {lost} and gets another; from which pool is chance"),
        ),
    };
    Outcome {
        service: service.clone(),
        addresses: holder.addresses.clone(),
        fate,
        words,
    }
}

fn moved(holder: &Holder, before: &[Candidate<'_>], after: &[Candidate<'_>]) -> Option<Outcome> {
    let (from, to) = (
        home(&holder.addresses, before)?,
        home(&holder.addresses, after)?,
    );
    (from.name != to.name).then(|| Outcome {
        service: holder.service.clone(),
        addresses: holder.addresses.clone(),
        fate: Fate::Moved {
            from: from.name.to_owned(),
            to: to.name.to_owned(),
        },
        words: format!(
            "{} keeps {}, now of pool {} instead of {}",
            holder.service,
            list(&holder.addresses),
            to.name,
            from.name
        ),
    })
}

/// A pending Service that finds an address now and did not before.
fn gains(
    holder: &Holder,
    before: &[Candidate<'_>],
    after: &[Candidate<'_>],
    taken: &BTreeSet<IpAddr>,
) -> Option<Outcome> {
    if next(holder, before, taken).0.is_some() {
        return None;
    }
    let (found, is_certain) = next(holder, after, taken);
    let (pool, _) = found?;
    let from = if is_certain {
        format!(" from pool {}", pool.name)
    } else {
        String::new()
    };
    Some(Outcome {
        service: holder.service.clone(),
        addresses: Vec::new(),
        fate: Fate::Gains {
            pool: is_certain.then(|| pool.name.to_owned()),
        },
        words: format!(
            "{} no longer waits: it gets an address{from}",
            holder.service
        ),
    })
}

fn list(addresses: &[IpAddr]) -> String {
    let words: Vec<String> = addresses.iter().map(IpAddr::to_string).collect();
    words.join(" and ")
}

fn summary(outcomes: &[Outcome], losers: usize, kept: usize, version: Version) -> String {
    let count = |number: usize| match number {
        1 => "1 Service".to_owned(),
        _ => format!("{number} Services"),
    };
    if losers == 0 {
        let gains = outcomes
            .iter()
            .filter(|it| matches!(it.fate, Fate::Gains { .. }))
            .count();
        let more = if gains == 0 {
            String::new()
        } else {
            format!(
                ", and {} that waited {}",
                count(gains),
                if gains == 1 { "gets one" } else { "get one" }
            )
        };
        return format!("nobody loses an address{more}");
    }
    let they = if losers == 1 {
        "has an address"
    } else {
        "have addresses"
    };
    match version.on_shrinking() {
        Shrinking::Renumbers => {
            let pending = outcomes
                .iter()
                .filter(|it| it.fate == Fate::Pending)
                .count();
            let verb = if losers == 1 {
                "loses its address"
            } else {
                "lose their addresses"
            };
            let end = match (pending, losers) {
                (0, 1) => "it gets another".to_owned(),
                (0, _) => "all get others".to_owned(),
                (1, 1) => "it gets none".to_owned(),
                _ => format!("{pending} of them get none"),
            };
            let rest = if kept == 1 {
                "1 keeps its own".to_owned()
            } else {
                format!("{kept} keep theirs")
            };
            format!("{} {verb} at once, {end}; {rest}", count(losers))
        }
        Shrinking::RefusedUntilFree => format!(
            "MetalLB {version} will refuse this without a word: {} {they} outside it; it takes effect when the last of them is gone or the controller restarts, and nothing new works until then",
            count(losers)
        ),
        Shrinking::RefusedForGood => format!(
            "MetalLB {version} will refuse this without a word: {} {they} outside it; it keeps the old configuration until it is told another or restarts",
            count(losers)
        ),
    }
}

#[cfg(test)]
mod tests;
