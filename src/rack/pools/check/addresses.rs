//! Rules about the addresses of one pool: what can be said without looking at the rest of the set.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use crate::rack::pools::check::Facts;
use crate::rack::pools::entry::{Entry, Fault, Notation};
use crate::rack::pools::finding::{Finding, Kind, Layer};
use crate::rack::pools::object::{Head, Pool, Protocol, Written};
use crate::rack::pools::range::{AddressRange, Family};
use crate::rack::pools::version::Version;

/// A range that begins at .1 and is at least this long takes in what is usually the router and the DHCP leases.
const MOST_OF_A_SUBNET: u128 = 100;
/// Findings about one pool's entries; a pool that is wrong throughout need not say so a thousand times.
const MOST: usize = 200;

pub(super) fn check(
    head: &Head,
    pool: &Pool,
    layer: Layer,
    facts: &Facts,
    findings: &mut Vec<Finding>,
) {
    let title = head.title();
    if pool.addresses.is_empty() && !(layer == Layer::Webhook && pool.addresses_span.is_empty()) {
        findings.push(
            Finding::error(
                layer,
                Kind::NoAddresses,
                pool.addresses_span.clone(),
                format!("{title} has no addresses"),
            )
            .next("add a range or a prefix"),
        );
    }
    let before = findings.len();
    for written in &pool.addresses {
        if findings.len() - before > MOST {
            break;
        }
        match &written.entry {
            Err(_) => findings.extend(refused(&title, written, layer, facts.version)),
            Ok(entry) => {
                findings.extend(notation(&title, written, entry, head));
                if let Some(range) = entry.range {
                    findings.extend(occupied(&title, written, range, facts));
                    let is_bgp =
                        matches!(&pool.protocol, Some(it) if it.value == Ok(Protocol::Bgp));
                    findings.extend(implausible(&title, written, entry, range, is_bgp, facts));
                }
            }
        }
    }
}

/// An entry MetalLB does not take. The finding covers the wrong part, where it can be told.
fn refused(
    title: &str,
    written: &Written,
    layer: Layer,
    version: Option<Version>,
) -> Option<Finding> {
    let error = written.entry.as_ref().err()?;
    let what = format!("\"{}\" in {title} {}", written.text, error.fault);
    let is_reversed = error.fault == Fault::Reversed;
    if is_reversed && version.is_some_and(|it| !it.refuses_reversed_ranges()) {
        return Some(
            Finding::warning(Kind::Reversed, written.span.clone(), what)
                .why("MetalLB before 0.11.0 takes it and gets no address from it; later ones refuse it")
                .next(error.fault.advice()),
        );
    }
    let kind = if is_reversed {
        Kind::Reversed
    } else {
        Kind::BadEntry
    };
    let span = part(&written.span, &written.text, &error.at);
    Some(Finding::error(layer, kind, span, what).next(error.fault.advice()))
}

/// A part of the entry, where the text in the file is the entry itself (no quotes, no escapes).
fn part(span: &Range<usize>, text: &str, at: &Range<usize>) -> Range<usize> {
    if span.len() == text.len() && !at.is_empty() && at.end <= text.len() {
        span.start + at.start..span.start + at.end
    } else {
        span.clone()
    }
}

/// What is taken but does not mean what it looks like.
fn notation(title: &str, written: &Written, entry: &Entry, head: &Head) -> Option<Finding> {
    let span = written.span.clone();
    let text = &written.text;
    match entry.notation {
        Notation::Prefix { prefix, cut: Some(_) } => Some(
            Finding::warning(Kind::HostBits, span, format!("\"{text}\" in {title} means {prefix}"))
                .why(format!("MetalLB cuts what is behind the prefix: the pool gets {}", prefix.range()))
                .next(format!("write {prefix}, or a range for fewer addresses")),
        ),
        Notation::Range if entry.range.is_none() => Some(
            Finding::warning(Kind::MixedFamilies, span, format!("\"{text}\" in {title} gives no address at all"))
                .why("its ends are of two families; MetalLB takes it, and can break on it when it is announced over BGP")
                .next("write an IPv4 range and an IPv6 range"),
        ),
        Notation::Range => {
            let single = entry.range.filter(|it| it.count() == 1 && head.kind.is_legacy())?;
            let bits = single.family().bits();
            Some(
                Finding::warning(Kind::SingleAddressRange, span, format!("\"{text}\" in {title} is one address"))
                    .why("MetalLB 0.11.0 refuses a range with equal ends")
                    .next(format!("write {}/{bits}", single.start())),
            )
        }
        Notation::Prefix { .. } => None,
    }
}

/// Addresses somebody else has.
fn occupied(title: &str, written: &Written, range: AddressRange, facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    let text = &written.text;
    let nodes = facts
        .nodes
        .iter()
        .filter(|(_, address)| range.contains(*address));
    for (name, address) in nodes {
        let name = if name.is_empty() {
            String::new()
        } else {
            format!("{name}, ")
        };
        let what = format!("\"{text}\" in {title} contains node {name}{address}");
        findings.push(
            Finding::warning(Kind::NodeAddress, written.span.clone(), what)
                .why("a Service that gets this address takes the node off the network; MetalLB does not check")
                .next("leave the address out"),
        );
    }
    for gateway in facts.gateways.iter().filter(|it| range.contains(**it)) {
        let what = format!("\"{text}\" in {title} contains the gateway {gateway}");
        findings.push(
            Finding::warning(Kind::GatewayAddress, written.span.clone(), what)
                .why(
                    "a Service that gets this address cuts the network off; MetalLB does not check",
                )
                .next("leave the address out"),
        );
    }
    for both in facts.dhcp.iter().filter_map(|lease| lease.overlap(range)) {
        let what = format!("\"{text}\" in {title} shares {both} with the DHCP server");
        findings.push(
            Finding::warning(Kind::DhcpRange, written.span.clone(), what)
                .why("sooner or later a device and a Service have the same address")
                .next("take the range out of one of them"),
        );
    }
    findings
}

/// What looks like a slip, or can never answer.
fn implausible(
    title: &str,
    written: &Written,
    entry: &Entry,
    range: AddressRange,
    is_bgp: bool,
    facts: &Facts,
) -> Option<Finding> {
    let warn = |what: String| Finding::warning(Kind::Implausible, written.span.clone(), what);
    let text = &written.text;
    if let Some(what_it_is) = special(range) {
        let what = format!("\"{text}\" in {title} are {what_it_is}");
        return Some(
            warn(what)
                .why("nothing outside can reach them")
                .next("use addresses of your network"),
        );
    }
    let (IpAddr::V4(first), IpAddr::V4(last)) = (range.start(), range.end()) else {
        return None;
    };
    let ([.., first_octet], [.., last_octet]) = (first.octets(), last.octets());
    let is_one_network = u32::from(first) >> 8 == u32::from(last) >> 8;
    if entry.notation != Notation::Range {
        return None;
    }
    let is_whole = first_octet <= 1 && last_octet >= 254;
    if !is_one_network && !is_whole {
        let what = format!(
            "\"{text}\" in {title} is {} addresses over several networks",
            range.count()
        );
        return Some(
            warn(what)
                .why("a slip in the third number?")
                .next("write both ends in the same network"),
        );
    }
    let is_lan = is_one_network && first_octet == 1 && range.count() >= MOST_OF_A_SUBNET;
    (is_lan && !is_bgp && facts.gateways.is_empty()).then(|| {
        let what = format!("\"{text}\" in {title} takes in {first}, usually the router");
        Finding::warning(Kind::GatewayAddress, written.span.clone(), what)
            .why("nodes and devices of this network are probably in the range too; MetalLB does not check")
            .next("begin behind the router, the nodes and the DHCP leases")
    })
}

/// Blocks that no pool can use, in words. The IPv6 block for documentation is left alone: examples made from real
/// files carry it.
fn special(range: AddressRange) -> Option<&'static str> {
    let v4 = |first: [u8; 4], last: [u8; 4]| {
        AddressRange::new(Ipv4Addr::from(first).into(), Ipv4Addr::from(last).into())
    };
    let v6 = |first: u128, last: u128| {
        AddressRange::new(Ipv6Addr::from(first).into(), Ipv6Addr::from(last).into())
    };
    let blocks = match range.family() {
        Family::V4 => vec![
            (
                v4([0, 0, 0, 0], [0, 255, 255, 255]),
                "addresses of no network",
            ),
            (
                v4([127, 0, 0, 0], [127, 255, 255, 255]),
                "loopback addresses",
            ),
            (
                v4([169, 254, 0, 0], [169, 254, 255, 255]),
                "link-local addresses",
            ),
            (
                v4([192, 0, 2, 0], [192, 0, 2, 255]),
                "addresses for documentation",
            ),
            (
                v4([198, 51, 100, 0], [198, 51, 100, 255]),
                "addresses for documentation",
            ),
            (
                v4([203, 0, 113, 0], [203, 0, 113, 255]),
                "addresses for documentation",
            ),
            (
                v4([224, 0, 0, 0], [239, 255, 255, 255]),
                "multicast addresses",
            ),
            (
                v4([240, 0, 0, 0], [255, 255, 255, 255]),
                "reserved addresses",
            ),
        ],
        Family::V6 => vec![
            (v6(0, 1), "addresses of no network"),
            (
                v6(0xfe80 << 112, (0xfec0 << 112) - 1),
                "link-local addresses",
            ),
            (v6(0xff00 << 112, u128::MAX), "multicast addresses"),
        ],
    };
    let mut blocks = blocks.into_iter();
    blocks.find_map(|(block, word)| block?.overlap(range).map(|_| word))
}

/// IPv4 addresses that belong to somebody on the internet.
pub(super) fn is_public(range: AddressRange) -> bool {
    let (IpAddr::V4(first), IpAddr::V4(last)) = (range.start(), range.end()) else {
        return false;
    };
    let is_private = |it: Ipv4Addr| {
        let [a, b, ..] = it.octets();
        it.is_private()
            || (a == 100 && (64..128).contains(&b))
            || (a == 198 && (b == 18 || b == 19))
    };
    special(range).is_none() && !is_private(first) && !is_private(last)
}
