//! Rules about one object other than a pool: peers, profiles, aliases, selectors.

use std::collections::HashSet;
use std::net::IpAddr;
use std::time::Duration;

use crate::rack::pools::check::{Facts, Mode};
use crate::rack::pools::finding::{Finding, Kind, Layer};
use crate::rack::pools::object::{Alias, Head, Peer, Profile, Spanned, Word};
use crate::rack::selector::{LabelSelector, Operator};

/// MetalLB's own default, in force when only the other of the two times is written.
const HOLD_TIME: Duration = Duration::from_secs(90);

pub(super) fn check(
    head: &Head,
    peer: &Peer,
    layer: Layer,
    facts: &Facts,
    findings: &mut Vec<Finding>,
) {
    let title = head.title();
    let span = head.name.span.clone();
    let mut wrong = |span: &std::ops::Range<usize>, what: String| {
        findings.push(Finding::error(layer, Kind::Peer, span.clone(), what));
    };
    let number = |asn: &Option<Spanned<i64>>| asn.as_ref().map_or(0, |it| it.value);
    let (mine, theirs) = (number(&peer.my_asn), number(&peer.peer_asn));
    // Where the schema asks for it, it has been missed already.
    if mine == 0 && (layer == Layer::LegacyParser || peer.my_asn.is_some()) {
        wrong(&span, format!("{title} has no AS number of its own"));
    }
    match (theirs, &peer.dynamic_asn) {
        (0, None)
            if layer == Layer::LegacyParser || !peer.has_old_version || peer.peer_asn.is_some() =>
        {
            wrong(&span, format!("{title} has no AS number of the peer"));
        }
        (1.., Some(dynamic)) => {
            wrong(
                &dynamic.span,
                format!("{title} has both peerASN and dynamicASN"),
            );
        }
        _ => {}
    }
    if peer.is_multihop && mine == theirs && mine != 0 {
        wrong(
            &span,
            format!("{title} asks for eBGP over several hops, and both AS numbers are {mine}"),
        );
    }
    match (&peer.address, &peer.interface) {
        (None, None) if layer == Layer::LegacyParser || !peer.has_old_version => {
            wrong(&span, format!("{title} has no address of the peer"));
        }
        (Some(_), Some(interface)) => {
            wrong(
                &interface.span,
                format!("{title} has both peerAddress and interface"),
            );
        }
        _ => {}
    }
    let addresses = [
        ("address", &peer.address),
        ("source address", &peer.source_address),
        ("router ID", &peer.router_id),
    ];
    for (name, address) in addresses {
        if let Some(address) = address.as_ref().filter(|it| it.parse::<IpAddr>().is_err()) {
            wrong(
                &address.span,
                format!(
                    "the {name} of {title}, \"{}\", is no IP address",
                    &*address.value
                ),
            );
        }
    }
    if let (Some(password), Some(_)) = (&peer.password, &peer.password_secret) {
        wrong(
            password,
            format!("{title} has both a password and a passwordSecret"),
        );
    }
    times(&title, peer, layer, findings);
    selectors(
        &title,
        &peer.node_selectors,
        "nodeSelectors",
        layer,
        findings,
    );
    native(&title, peer, layer, facts, findings);
    if let Some(secret) = &peer.password_secret {
        findings.extend(dangling_secret(&title, secret, facts));
    }
}

/// In native mode options of FRR are refused. A ConfigMap's modes are looked at as a whole.
fn native(title: &str, peer: &Peer, layer: Layer, facts: &Facts, findings: &mut Vec<Finding>) {
    if facts.mode != Mode::Native || layer == Layer::LegacyParser {
        return;
    }
    for option in peer.frr_only.iter().chain(&peer.profile) {
        let what = format!(
            "\"{}\" of {title} needs FRR, and MetalLB runs in native mode",
            &*option.value
        );
        findings.push(Finding::error(layer, Kind::Mode, option.span.clone(), what));
    }
}

fn dangling_secret(title: &str, secret: &Word, facts: &Facts) -> Option<Finding> {
    let name = &*secret.value;
    let warn = |what| {
        Some(Finding::warning(
            Kind::DanglingSecret,
            secret.span.clone(),
            what,
        ))
    };
    match &facts.secrets {
        Some(secrets) if secrets.iter().any(|it| **it == *name) => None,
        Some(_) => warn(format!("{title} takes its password from Secret {name}, which does not exist")),
        None => warn(format!("{title} needs Secret {name}, which was not looked at")),
    }
    .map(|it| {
        it.why("until it exists, with type kubernetes.io/basic-auth, the speakers keep their old configuration")
            .next("create it in MetalLB's namespace")
    })
}

fn times(title: &str, peer: &Peer, layer: Layer, findings: &mut Vec<Finding>) {
    let mut read = |word: &Option<Word>, name: &str| {
        let word = word.as_ref()?;
        let parsed = duration(&word.value);
        if parsed.is_none() {
            let what = format!("{name} of {title}, \"{}\", is no duration", &*word.value);
            findings.push(
                Finding::error(layer, Kind::Timer, word.span.clone(), what)
                    .next("write it as 90s or 1m30s"),
            );
        }
        parsed.map(|it| (it, word.span.clone()))
    };
    let hold = read(&peer.hold_time, "the hold time");
    let keepalive = read(&peer.keepalive_time, "the keepalive time");
    let connect = read(&peer.connect_time, "the connect time");
    let mut wrong = |span, what| findings.push(Finding::error(layer, Kind::Timer, span, what));
    // Whole seconds count: 2.9 s is two.
    let seconds = |it: Duration| it.as_secs();
    if let Some((hold, span)) = &hold
        && (1..3).contains(&seconds(*hold))
    {
        wrong(
            span.clone(),
            format!(
                "the hold time of {title} is {}s: BGP wants 0 or at least 3s",
                seconds(*hold)
            ),
        );
    }
    let in_force = hold.map_or(HOLD_TIME, |(hold, _)| hold);
    if let Some((keepalive, span)) = keepalive
        && keepalive > in_force
    {
        wrong(
            span,
            format!(
                "the keepalive time of {title} is longer than its hold time, {}s",
                seconds(in_force)
            ),
        );
    }
    if let Some((connect, span)) = connect
        && (!(1..=65_535).contains(&seconds(connect)) || connect.subsec_nanos() != 0)
    {
        wrong(
            span,
            format!("the connect time of {title} must be whole seconds, from 1s to 65535s"),
        );
    }
}

/// A duration as Go reads it: `1m30s`, `1.5h`, `0`. `None` for anything else, and for negative ones, which are refused
/// everywhere a duration stands here.
pub(super) fn duration(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    let mut total = Duration::ZERO;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let end = rest.find(|it: char| !it.is_ascii_digit() && it != '.')?;
        let (number, tail) = rest.split_at(end);
        let end = tail
            .find(|it: char| it.is_ascii_digit() || it == '.')
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(end);
        let seconds = match unit {
            "h" => 3_600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        let number: f64 = number.parse().ok()?;
        total = total.checked_add(Duration::try_from_secs_f64(number * seconds).ok()?)?;
        rest = tail;
    }
    Some(total)
}

/// Bounds of a legacy profile's numbers, rules of the parser there.
pub(super) fn profile(head: &Head, profile: &Profile, findings: &mut Vec<Finding>) {
    if head.name.is_empty() {
        let what = "a bfd profile has no name";
        findings.push(Finding::error(
            Layer::LegacyParser,
            Kind::Missing,
            head.span.clone(),
            what,
        ));
    }
    for (name, number) in &profile.numbers {
        let (from, to) = match *name {
            "detect-multiplier" => (2, 255),
            "minimum-ttl" => (1, 254),
            _ => (10, 60_000),
        };
        if !(from..=to).contains(&number.value) {
            let what = format!("{name} of {} is {}", head.title(), number.value);
            findings.push(
                Finding::error(
                    Layer::LegacyParser,
                    Kind::OutOfBounds,
                    number.span.clone(),
                    what,
                )
                .next(format!("write a number from {from} to {to}")),
            );
        }
    }
}

/// Aliases of one object: each once, each a community.
pub(super) fn aliases(head: &Head, aliases: &[Alias], layer: Layer, findings: &mut Vec<Finding>) {
    let mut seen = HashSet::new();
    for alias in aliases {
        let name = &*alias.name.value;
        if !seen.insert(name) {
            let what = format!("alias {name} stands twice in {}", head.title());
            findings.push(Finding::error(
                layer,
                Kind::DuplicateEntry,
                alias.name.span.clone(),
                what,
            ));
        }
        if let Err(why) = super::bgp::community(&alias.value) {
            let what = format!(
                "alias {name} stands for \"{}\", which is no community",
                &*alias.value.value
            );
            findings.push(
                Finding::error(layer, Kind::Community, alias.value.span.clone(), what).why(why),
            );
        }
    }
}

/// Operators and their values, and selectors that stand twice.
pub(super) fn selectors(
    title: &str,
    selectors: &[Spanned<LabelSelector>],
    field: &str,
    layer: Layer,
    findings: &mut Vec<Finding>,
) {
    for (index, selector) in selectors.iter().enumerate() {
        if layer != Layer::LegacyParser
            && selectors[..index]
                .iter()
                .any(|it| it.value == selector.value)
        {
            let what = format!("the same selector stands twice in {field} of {title}");
            findings.push(Finding::error(
                layer,
                Kind::DuplicateEntry,
                selector.span.clone(),
                what,
            ));
        }
        for requirement in &selector.expressions {
            let key = &requirement.key;
            let wants_values = matches!(requirement.operator, Operator::In | Operator::NotIn);
            let what = match &requirement.operator {
                Operator::Unknown(word) => {
                    format!("operator \"{word}\" for {key} in {field} of {title} does not exist")
                }
                _ if wants_values && requirement.values.is_empty() => {
                    format!("the rule for {key} in {field} of {title} has no values")
                }
                _ if !wants_values && !requirement.values.is_empty() => {
                    format!("the rule for {key} in {field} of {title} must have no values")
                }
                _ => continue,
            };
            findings.push(
                Finding::error(layer, Kind::Selector, selector.span.clone(), what)
                    .next("In and NotIn with values, Exists and DoesNotExist without"),
            );
        }
    }
}

/// Words that stand twice in a list where each may stand once.
pub(super) fn repeated(
    title: &str,
    words: &[Word],
    field: &str,
    layer: Layer,
    findings: &mut Vec<Finding>,
) {
    let mut seen = HashSet::new();
    for word in words {
        if !seen.insert(&*word.value) {
            let what = format!("\"{}\" stands twice in {field} of {title}", &*word.value);
            findings.push(
                Finding::error(layer, Kind::DuplicateEntry, word.span.clone(), what)
                    .next("remove one"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_go_reads_them() {
        let seconds = |text| duration(text).map(|it| it.as_secs_f64());
        assert_eq!(seconds("1m30s"), Some(90.0));
        assert_eq!(seconds("0s"), Some(0.0));
        assert_eq!(seconds("0"), Some(0.0));
        assert_eq!(seconds("1.5h"), Some(5400.0));
        assert_eq!(seconds("250ms"), Some(0.25));
        for bad in ["", "90", "s", "1x", "-5s", "1m 30s", "1..5s", "+"] {
            assert_eq!(seconds(bad), None, "{bad}");
        }
    }
}
