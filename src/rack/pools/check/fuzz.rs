//! Damaged and random texts: whatever is typed, the check answers soon, does not panic, and points into the text.
//!
//! Bounded and seeded, so that it runs with every test: well-formed texts are cut, spliced, doubled and sprinkled with
//! the signs that YAML and addresses are made of.

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::*;
use crate::rack::pools::check::checker::Checker;
use crate::rack::pools::convert::convert;
use crate::rack::pools::entry;
use crate::rack::pools::map::{AddressMap, Claim, State};
use crate::rack::pools::object::Body;
use crate::rack::pools::range::Family;
use crate::rack::pools::read::read;
use crate::rack::pools::space::Space;

const SEEDS: [&str; 6] = [
    "apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata:\n  name: lan\n  namespace: metallb-system\n  labels: {a: b}\nspec:\n  \
     addresses:\n  - 10.0.0.0/28 # é\n  - \"10.0.1.1-10.0.1.9\"\n  - fd00::/64\n  autoAssign: false\n  serviceAllocation:\n    priority: 1\n    \
     namespaces: [a, b]\n    serviceSelectors: [{matchExpressions: [{key: x, operator: In, values: [y]}]}]\n---\n",
    "apiVersion: metallb.io/v1beta2\nkind: BGPPeer\nmetadata: {name: r, namespace: metallb-system}\nspec: {myASN: 1, peerASN: 2, \
     peerAddress: 10.0.0.1, holdTime: 90s, bfdProfile: f, passwordSecret: {name: s}}\n---\n",
    "apiVersion: metallb.io/v1beta1\nkind: BGPAdvertisement\nmetadata: {name: x}\nspec:\n  aggregationLength: 24\n  communities: [1:2, 'large:1:2:3', no]\n  \
     ipAddressPools: [lan, gone]\n  localPref: 7\n---\n",
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {namespace: metallb-system, name: config}\ndata:\n  config: |\n    # c\n    address-pools:\n    - name: d\n      \
     protocol: bgp\n      addresses:\n      - 10.2.0.0/16\n      bgp-advertisements: [{aggregation-length: 24, communities: [n]}]\n    bgp-communities: {n: 1:2}\n    \
     peers: [{my-asn: 1, peer-asn: 2, peer-address: 10.0.0.1, password: p}]\n    bfd-profiles: [{name: f, echo-mode: true}]\n---\n",
    "{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[{\"apiVersion\":\"metallb.io/v1beta1\",\"kind\":\"L2Advertisement\",\"metadata\":{\"name\":\"l\"}}]}\n---\n",
    "x: &a [1, 2]\ny: *a\n<<: {k: v}\nz: \"\\u00e9\\\n  w\"\nt: !!str 5\n? q\n: - >-\n    folded\n---\n",
];

const SIGNS: [&str; 28] = [
    ":", "-", "\n", " ", "  ", "\t", "#", "\"", "'", "|", ">", "&a", "*a", "!", "%", "[", "]", "{",
    "}", ",", "---", "...", "\u{feff}", "é", "\0", "\r\n", "/", "0",
];

/// What is done to a text, with numbers that choose where.
#[derive(Debug, Clone)]
enum Damage {
    Cut(usize, usize),
    Insert(usize, usize),
    Double(usize, usize),
    Indent(usize),
}

impl Damage {
    fn apply(&self, text: &mut String) {
        let place = |at: usize, text: &str| {
            crate::rack::pools::finding::boundary(text, at % (text.len() + 1))
        };
        match *self {
            Damage::Cut(at, length) => {
                let start = place(at, text);
                let end = crate::rack::pools::finding::boundary(
                    text,
                    (start + length % 40).min(text.len()),
                );
                text.replace_range(start..end.max(start), "");
            }
            Damage::Insert(at, sign) => text.insert_str(place(at, text), SIGNS[sign % SIGNS.len()]),
            Damage::Double(at, length) => {
                let start = place(at, text);
                let end = crate::rack::pools::finding::boundary(
                    text,
                    (start + length % 200).min(text.len()),
                );
                let piece = text.get(start..end).unwrap_or_default().to_owned();
                text.insert_str(start, &piece);
            }
            Damage::Indent(at) => {
                let line = text[..place(at, text)].rfind('\n').map_or(0, |it| it + 1);
                text.insert(line, ' ');
            }
        }
    }
}

fn damage() -> impl Strategy<Value = Damage> {
    let number = || 0..10_000_usize;
    prop_oneof![
        (number(), number()).prop_map(|(a, b)| Damage::Cut(a, b)),
        (number(), number()).prop_map(|(a, b)| Damage::Insert(a, b)),
        (number(), number()).prop_map(|(a, b)| Damage::Double(a, b)),
        number().prop_map(Damage::Indent),
    ]
}

/// The same cases on every machine.
fn runner(cases: u32) -> TestRunner {
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

fn spans_are_inside(text: &str, form: Form) {
    let document = read(text, form, None);
    for finding in &document.findings {
        assert!(
            text.get(finding.span.clone()).is_some(),
            "{finding:?} in {text:?}"
        );
    }
    for object in &document.objects {
        assert!(
            text.get(object.head.span.clone()).is_some(),
            "{:?} in {text:?}",
            object.head
        );
        if let Body::Pool(pool) = &object.body {
            for written in &pool.addresses {
                assert!(
                    text.get(written.span.clone()).is_some(),
                    "{written:?} in {text:?}"
                );
            }
        }
    }
}

#[test]
fn damaged_texts_are_answered_with_places_inside_and_the_same_while_typing() {
    let cases = (
        prop::collection::vec(0..SEEDS.len(), 1..4),
        prop::collection::vec(damage(), 1..6),
    );
    runner(600)
        .run(&cases, |(seeds, damages)| {
            let mut text: String = seeds.iter().map(|it| SEEDS[*it]).collect();
            let mut checker = Checker::new(Form::File, Facts::default());
            checker.update(text.clone());
            let mut spliced = Checker::new(Form::File, Facts::default());
            spliced.update(text.clone());
            for damage in damages {
                damage.apply(&mut text);
                let kept = checker.update(text.clone()).clone();
                let fresh = check(&text, Form::File, &Facts::default());
                assert_eq!(kept, fresh, "{text:?}");
                // The same edit as bytes put in place of others.
                let before = spliced.text().to_owned();
                let same = before
                    .bytes()
                    .zip(text.bytes())
                    .take_while(|(a, b)| a == b)
                    .count();
                let start = crate::rack::pools::finding::boundary(&before, same);
                let rest = before[start..]
                    .bytes()
                    .rev()
                    .zip(text[start..].bytes().rev());
                let same_end = rest.take_while(|(a, b)| a == b).count();
                let mut end = before.len() - same_end;
                while !before.is_char_boundary(end) {
                    end += 1;
                }
                let with = &text[start..text.len() - (before.len() - end)];
                assert_eq!(*spliced.splice(start..end, with), fresh, "{text:?}");
                assert_eq!(spliced.text(), text);
                for finding in &fresh.findings {
                    assert!(
                        text.get(finding.span.clone()).is_some(),
                        "{finding:?} in {text:?}"
                    );
                }
            }
            spans_are_inside(&text, Form::File);
            spans_are_inside(&text, Form::Inner);
            // What converts at all converts to something that is read again.
            if let Ok(conversion) = convert(&text, Form::File, &[]) {
                let again = read(&conversion.yaml, Form::File, None);
                let is_syntax =
                    |it: &&Finding| it.kind == crate::rack::pools::finding::Kind::Syntax;
                assert_eq!(
                    again.findings.iter().find(is_syntax),
                    None,
                    "{text:?}\n{}",
                    conversion.yaml
                );
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn any_characters_at_all_are_answered() {
    runner(400)
        .run(&"(?s).{0,300}", |text| {
            spans_are_inside(&text, Form::File);
            spans_are_inside(&text, Form::Inner);
            let _ = entry::parse(&text);
            Ok(())
        })
        .unwrap();
}

#[test]
fn entries_of_address_signs_never_panic_and_what_is_taken_is_read_back() {
    runner(4_000)
        .run(&"[0-9a-f.:/ -]{0,40}", |text| {
            if let Ok(entry) = entry::parse(&text)
                && let Some(range) = entry.range
            {
                let again = entry::parse(&format!("{}-{}", range.start(), range.end())).unwrap();
                assert_eq!(again.range, Some(range), "{text:?}");
            }
            Ok(())
        })
        .unwrap();
}

fn ranges() -> impl Strategy<Value = Vec<AddressRange>> {
    let v4 = (any::<u16>(), 0..2_000_u32).prop_map(|(base, length)| {
        let first = (10 << 24) + u32::from(base) * 64;
        let ip = |it: u32| IpAddr::from(it.to_be_bytes());
        AddressRange::new(ip(first), ip(first + length)).unwrap()
    });
    let v6 = (0..=128_u8).prop_map(|length| {
        crate::rack::pools::range::Prefix::of("fd00:1::".parse().unwrap(), length)
            .unwrap()
            .range()
    });
    prop::collection::vec(prop_oneof![4 => v4, 1 => v6], 0..6)
}

#[test]
fn allocation_never_leaves_the_pool_and_maps_add_up() {
    let cases = (
        ranges(),
        any::<bool>(),
        prop::collection::vec(0..3_000_u32, 0..30),
        1..400_usize,
    );
    runner(500)
        .run(&cases, |(ranges, avoids_buggy, picks, most)| {
            // Overlapping entries are refused by MetalLB; a pool of such is not a pool.
            let mut apart: Vec<AddressRange> = Vec::new();
            for range in ranges {
                if apart.iter().all(|it| it.overlap(range).is_none()) {
                    apart.push(range);
                }
            }
            let space = Space::new(apart.clone(), avoids_buggy);
            let mut taken = std::collections::BTreeSet::new();
            for family in [Family::V4, Family::V6] {
                for _ in 0..20 {
                    let before = space.free_count(family, &taken);
                    let Some(next) = space.next_free(family, &taken) else {
                        assert_eq!(before, 0);
                        break;
                    };
                    assert!(space.contains(next) && space.is_usable(next) && taken.insert(next));
                    // Above 2^128 - 1 counts are pinned.
                    assert!(before == u128::MAX || space.free_count(family, &taken) + 1 == before);
                }
            }
            let claim = |pick: &u32| {
                let range = apart.get(*pick as usize % apart.len().max(1))?;
                let address = range.addresses().nth(*pick as usize % 500)?;
                Some(Claim {
                    address,
                    state: State::Used,
                    owner: "web/shop".into(),
                })
            };
            let claims: Vec<Claim> = picks.iter().filter_map(claim).collect();
            let map = AddressMap::of(&space, &claims, most);
            let counts = apart
                .iter()
                .map(|it| it.count())
                .fold(0, u128::saturating_add);
            let states = [
                State::Free,
                State::Reserved,
                State::Pending,
                State::Used,
                State::Conflict,
            ];
            let sum = states
                .iter()
                .map(|it| map.total(*it))
                .fold(0, u128::saturating_add);
            assert_eq!(sum, counts);
            let used: std::collections::BTreeSet<IpAddr> =
                claims.iter().map(|it| it.address).collect();
            assert_eq!(map.total(State::Used), used.len() as u128);
            let claimed: usize = map.cells.iter().map(|it| it.claims.len()).sum();
            assert_eq!(claimed, claims.len());
            assert!(
                map.cells.len() <= most + apart.len(),
                "{} cells",
                map.cells.len()
            );
            Ok(())
        })
        .unwrap();
}
