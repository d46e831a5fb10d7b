//! Arithmetic of ranges, against counting by hand where the ranges are small.

use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn range(first: &str, last: &str) -> AddressRange {
    AddressRange::new(ip(first), ip(last)).unwrap()
}

#[test]
fn ends_of_two_families_or_reversed_make_no_range() {
    assert_eq!(AddressRange::new(ip("10.0.0.1"), ip("::1")), None);
    assert_eq!(AddressRange::new(ip("10.0.0.2"), ip("10.0.0.1")), None);
    assert_eq!(
        AddressRange::new(ip("::ffff:10.0.0.1"), ip("10.0.0.2")),
        Some(range("10.0.0.1", "10.0.0.2"))
    );
}

#[test]
fn counts_are_arithmetic_at_every_size() {
    assert_eq!(range("192.168.7.200", "192.168.7.219").count(), 20);
    assert_eq!(range("0.0.0.0", "255.255.255.255").count(), 1 << 32);
    assert_eq!(
        Prefix::of(ip("fd00:ec2::"), 48).unwrap().range().count(),
        1 << 80
    );
    assert_eq!(Prefix::of(ip("::"), 0).unwrap().range().count(), u128::MAX);
}

#[test]
fn buggy_addresses_are_counted_as_if_by_hand() {
    let cases = [
        ("10.0.0.0", "10.0.0.0"),
        ("10.0.0.1", "10.0.0.254"),
        ("10.0.0.255", "10.0.1.0"),
        ("10.0.0.0", "10.0.3.255"),
        ("10.0.0.7", "10.0.2.200"),
        ("0.0.0.0", "0.0.1.0"),
        ("255.255.254.1", "255.255.255.255"),
    ];
    for (first, last) in cases {
        let range = range(first, last);
        let by_hand = range.addresses().filter(|it| is_buggy(*it)).count();
        assert_eq!(range.buggy_count(), by_hand as u128, "{range}");
    }
    assert_eq!(range("::", "::ff").buggy_count(), 0);
}

#[test]
fn prefixes_are_the_fewest_and_make_up_the_range() {
    let text = |first, last| {
        let prefixes: Vec<String> = range(first, last)
            .prefixes()
            .map(|it| it.to_string())
            .collect();
        prefixes.join(" ")
    };
    assert_eq!(text("10.0.0.0", "10.0.0.255"), "10.0.0.0/24");
    assert_eq!(text("3.3.3.2", "3.3.3.7"), "3.3.3.2/31 3.3.3.4/30");
    assert_eq!(text("10.0.0.5", "10.0.0.5"), "10.0.0.5/32");
    assert_eq!(text("0.0.0.0", "255.255.255.255"), "0.0.0.0/0");
    assert_eq!(
        text("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        "::/0"
    );
    assert_eq!(
        text("255.255.255.254", "255.255.255.255"),
        "255.255.255.254/31"
    );
    for (first, last) in [
        ("10.0.0.3", "10.0.5.77"),
        ("::1", "::1:2"),
        ("0.0.0.1", "0.0.1.2"),
    ] {
        let whole = range(first, last);
        let mut next = Some(whole.start());
        for prefix in whole.prefixes() {
            assert_eq!(Some(prefix.range().start()), next);
            next = next_address(prefix.range().end());
        }
        assert_eq!(next, next_address(whole.end()));
    }
}

#[test]
fn overlap_knows_families_and_neighbours() {
    let a = range("10.0.0.1", "10.0.0.10");
    assert_eq!(
        a.overlap(range("10.0.0.10", "10.0.0.20")),
        Some(range("10.0.0.10", "10.0.0.10"))
    );
    assert_eq!(a.overlap(range("10.0.0.11", "10.0.0.20")), None);
    assert_eq!(a.overlap(range("::a00:1", "::a00:5")), None);
    assert!(a.contains(ip("::ffff:10.0.0.3")));
    assert!(!a.contains(ip("::3")));
    assert!(a.covers(range("10.0.0.2", "10.0.0.10")) && !a.covers(range("10.0.0.2", "10.0.0.11")));
}

#[test]
fn pieces_join_up_to_the_whole() {
    for (whole, parts) in [
        (range("10.0.0.1", "10.0.0.10"), 3),
        (range("10.0.0.1", "10.0.0.2"), 9),
        (Prefix::of(ip("::"), 0).unwrap().range(), 7),
        (Prefix::of(ip("fd00::"), 48).unwrap().range(), 24),
    ] {
        let pieces: Vec<_> = whole.split(parts).collect();
        assert_eq!(pieces.first().unwrap().start(), whole.start());
        assert_eq!(pieces.last().unwrap().end(), whole.end());
        for pair in pieces.windows(2) {
            assert_eq!(next_address(pair[0].end()), Some(pair[1].start()));
        }
        assert!(pieces.len() as u128 <= parts.min(whole.count()));
    }
}

#[test]
fn a_prefix_cuts_host_bits_and_turns_mapped_addresses_into_ipv4() {
    let prefix = |address: &str, length| Prefix::of(ip(address), length).map(|it| it.to_string());
    assert_eq!(
        prefix("192.168.7.70", 26).as_deref(),
        Some("192.168.7.64/26")
    );
    assert_eq!(prefix("192.168.7.70", 0).as_deref(), Some("0.0.0.0/0"));
    assert_eq!(
        prefix("::ffff:192.0.2.9", 120).as_deref(),
        Some("192.0.2.0/24")
    );
    assert_eq!(
        prefix("::ffff:192.0.2.9", 90).as_deref(),
        Some("::ffc0:0:0/90")
    );
    assert_eq!(prefix("1.2.3.0", 33), None);
    assert_eq!(prefix("::", 129), None);
}
