//! One line of `addresses`, read exactly as MetalLB reads it.
//!
//! The rules are those of MetalLB's `ParseCIDR` (the same code in 0.12.1 and 0.16.1) on top of Go's `net.ParseCIDR` and
//! `net.ParseIP`: blanks are trimmed around a dash, never around a prefix; host bits are cut in silence; an IPv4 start
//! with an IPv6 end is taken and means nothing at all.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::ops::Range;

use crate::rack::pools::range::{AddressRange, Family, Prefix};

/// A line that MetalLB takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    pub notation: Notation,
    /// `None` for ends of two families: MetalLB takes the line and gets no address from it.
    pub range: Option<AddressRange>,
}

/// How it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notation {
    /// `192.168.7.64/26`. `cut` is the address as written when it had host bits: they count for nothing.
    Prefix { prefix: Prefix, cut: Option<IpAddr> },
    /// `192.168.7.200-192.168.7.219`.
    Range,
}

/// A line that MetalLB refuses, with the bytes of it that are wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryError {
    pub at: Range<usize>,
    pub fault: Fault,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    Empty,
    /// A single address needs `/32` or `/128`.
    NoPrefixLength(IpAddr),
    /// Not a number, or more bits than the address has.
    PrefixLength(Family),
    /// Blanks around a prefix are not trimmed.
    Blank,
    /// An address in words Go does not take: octets over 255, leading zeros, a zone, a name.
    NotAnAddress(Mistake),
    /// `192.168.7.200-219`: the end must be a whole address.
    ShortEnd(IpAddr),
    /// The end comes before the start.
    Reversed,
    /// More than one range or prefix in one entry.
    SeveralInOne,
}

/// What kind of non-address it is, as far as it can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mistake {
    OctetTooBig,
    LeadingZero,
    Zone,
    Incomplete,
    LongDash,
    Other,
}

/// Reads one entry.
pub fn parse(text: &str) -> Result<Entry, EntryError> {
    if text.is_empty() {
        return Err(fault(0..0, Fault::Empty));
    }
    match text.split_once('-') {
        Some((first, last)) => range(text, first, last),
        None => prefix(text),
    }
}

fn range(text: &str, first: &str, last: &str) -> Result<Entry, EntryError> {
    let (first_at, last_at) = (trimmed(text, first), trimmed(text, last));
    let (first, last) = (first.trim(), last.trim());
    let begins_well = first
        .split('/')
        .next()
        .is_some_and(|it| address(it).is_ok());
    if begins_well && (first.contains('/') || last.contains([',', '-', '/'])) {
        return Err(fault(0..text.len(), Fault::SeveralInOne));
    }
    let start = address(first).map_err(|mistake| fault(first_at, Fault::NotAnAddress(mistake)))?;
    let end = address(last).map_err(|mistake| {
        let is_octet =
            !last.is_empty() && last.len() <= 3 && last.bytes().all(|it| it.is_ascii_digit());
        match short_end(start, last).filter(|_| is_octet) {
            Some(whole) => fault(last_at.clone(), Fault::ShortEnd(whole)),
            None => fault(last_at.clone(), Fault::NotAnAddress(mistake)),
        }
    })?;
    // Go compares both in their sixteen-byte form, where IPv4 sits low: an IPv6 start before an IPv4 end is reversed.
    if wide(start) > wide(end) {
        return Err(fault(0..text.len(), Fault::Reversed));
    }
    Ok(Entry {
        notation: Notation::Range,
        range: AddressRange::new(start, end),
    })
}

fn prefix(text: &str) -> Result<Entry, EntryError> {
    let whole = 0..text.len();
    if text.trim() != text && !text.trim().is_empty() {
        return Err(fault(whole, Fault::Blank));
    }
    if text.contains(',') {
        return Err(fault(whole, Fault::SeveralInOne));
    }
    let Some((written, length)) = text.split_once('/') else {
        return Err(match address(text) {
            Ok(alone) => fault(whole, Fault::NoPrefixLength(alone)),
            Err(mistake) => fault(whole, Fault::NotAnAddress(mistake)),
        });
    };
    let ip = address(written)
        .map_err(|mistake| fault(0..written.len(), Fault::NotAnAddress(mistake)))?;
    let family = if ip.is_ipv4() { Family::V4 } else { Family::V6 };
    let digits = !length.is_empty() && length.bytes().all(|it| it.is_ascii_digit());
    let prefix = digits
        .then(|| length.trim_start_matches('0'))
        .and_then(|digits| {
            if digits.is_empty() {
                Some(0)
            } else {
                digits.parse().ok()
            }
        })
        .and_then(|length| Prefix::of(ip, length))
        .ok_or_else(|| fault(written.len() + 1..text.len(), Fault::PrefixLength(family)))?;
    let host_bits = wide(ip) != wide(prefix.address);
    Ok(Entry {
        notation: Notation::Prefix {
            prefix,
            cut: host_bits.then_some(ip),
        },
        range: Some(prefix.range()),
    })
}

/// An address as Go's `net.ParseIP` reads it; the standard library is as strict.
fn address(text: &str) -> Result<IpAddr, Mistake> {
    text.parse().map_err(|_| mistake(text))
}

fn mistake(text: &str) -> Mistake {
    if text.contains(['\u{2012}', '\u{2013}', '\u{2014}', '\u{2212}']) {
        return Mistake::LongDash;
    }
    if text.contains('%') {
        return Mistake::Zone;
    }
    let octets: Vec<&str> = text.split('.').collect();
    let is_numeric = octets
        .iter()
        .all(|it| !it.is_empty() && it.bytes().all(|byte| byte.is_ascii_digit()));
    if !is_numeric {
        return Mistake::Other;
    }
    let is_too_big = |octet: &&str| {
        octet
            .trim_start_matches('0')
            .parse::<u16>()
            .map_or(octet.len() > 4, |it| it > 255)
    };
    match octets.len() {
        1..=3 => Mistake::Incomplete,
        4 if octets.iter().any(is_too_big) => Mistake::OctetTooBig,
        4 if octets.iter().any(|it| it.len() > 1 && it.starts_with('0')) => Mistake::LeadingZero,
        _ => Mistake::Other,
    }
}

/// The end that was meant by `-219`.
fn short_end(start: IpAddr, octet: &str) -> Option<IpAddr> {
    let IpAddr::V4(start) = start else {
        return None;
    };
    let [a, b, c, _] = start.octets();
    Some(IpAddr::from([a, b, c, octet.parse().ok()?]))
}

fn wide(address: IpAddr) -> u128 {
    let wide: Ipv6Addr = match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    };
    wide.into()
}

/// The bytes of `part`, a piece of `text`, without the blanks at its ends.
fn trimmed(text: &str, part: &str) -> Range<usize> {
    let start = part.as_ptr() as usize - text.as_ptr() as usize;
    let lead = part.len() - part.trim_start().len();
    let inner = part.trim().len();
    if inner == 0 {
        return 0..text.len();
    }
    start + lead..start + lead + inner
}

fn fault(at: Range<usize>, fault: Fault) -> EntryError {
    EntryError { at, fault }
}

impl fmt::Display for Fault {
    /// A phrase that follows the entry: `"192.168.7.5" has no prefix length`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Empty => f.write_str("is empty"),
            Fault::NoPrefixLength(_) => f.write_str("has no prefix length"),
            Fault::PrefixLength(family) => {
                write!(
                    f,
                    "has a prefix length that is no number from 0 to {}",
                    family.bits()
                )
            }
            Fault::Blank => f.write_str("has blanks around it, which are only trimmed in a range"),
            Fault::NotAnAddress(Mistake::OctetTooBig) => f.write_str("has an octet above 255"),
            Fault::NotAnAddress(Mistake::LeadingZero) => {
                f.write_str("has an octet with a leading zero")
            }
            Fault::NotAnAddress(Mistake::Zone) => f.write_str("names an interface with %"),
            Fault::NotAnAddress(Mistake::Incomplete) => f.write_str("is not a whole address"),
            Fault::NotAnAddress(Mistake::LongDash) => {
                f.write_str("has a long dash instead of a hyphen")
            }
            Fault::NotAnAddress(Mistake::Other) => {
                f.write_str("is neither a prefix nor a range of addresses")
            }
            Fault::ShortEnd(_) => f.write_str("ends with an octet instead of a whole address"),
            Fault::Reversed => f.write_str("ends before it starts"),
            Fault::SeveralInOne => f.write_str("is more than one range"),
        }
    }
}

impl Fault {
    /// What to write instead.
    pub fn advice(&self) -> String {
        match self {
            Fault::Empty => {
                "write a prefix (192.168.7.64/28) or a range (192.168.7.200-192.168.7.219)".into()
            }
            Fault::NoPrefixLength(address) => {
                format!("write {address}/{}", Family::of(*address).bits())
            }
            Fault::PrefixLength(family) => format!("write a length from 0 to {}", family.bits()),
            Fault::Blank => "remove the blanks".into(),
            Fault::NotAnAddress(Mistake::LeadingZero) => "write it without the zero".into(),
            Fault::NotAnAddress(Mistake::Zone) => "leave out % and what follows".into(),
            Fault::NotAnAddress(Mistake::LongDash) => "write the hyphen of the keyboard".into(),
            Fault::NotAnAddress(_) => {
                "write a prefix (192.168.7.64/28) or whole addresses at both ends".into()
            }
            Fault::ShortEnd(whole) => format!("write the end in full: {whole}"),
            Fault::Reversed => "swap the two ends".into(),
            Fault::SeveralInOne => "make each an entry of its own".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let got = match parse(text) {
            Ok(Entry { range: None, .. }) => "nothing".to_owned(),
            Ok(Entry {
                range: Some(range),
                notation,
            }) => {
                let cut = matches!(notation, Notation::Prefix { cut: Some(_), .. });
                format!("{range}{}", if cut { " cut" } else { "" })
            }
            Err(error) => format!("{:?} at {:?}", error.fault, text.get(error.at).unwrap()),
        };
        assert_eq!(got, expected, "{text:?}");
    }

    #[test]
    fn entries_are_read_as_metallb_reads_them() {
        let cases = [
            ("192.168.7.64/26", "192.168.7.64-192.168.7.127"),
            ("192.168.7.70/26", "192.168.7.64-192.168.7.127 cut"),
            ("2001:db8:7::/120", "2001:db8:7::-2001:db8:7::ff"),
            ("192.168.7.200-192.168.7.219", "192.168.7.200-192.168.7.219"),
            (
                "  192.168.7.200 -\t192.168.7.219 ",
                "192.168.7.200-192.168.7.219",
            ),
            ("192.168.7.5-192.168.7.5", "192.168.7.5"),
            ("192.168.7.5/32", "192.168.7.5"),
            ("192.168.7.5/032", "192.168.7.5"),
            ("0.0.0.0/0", "0.0.0.0-255.255.255.255"),
            ("::/0", "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            ("::ffff:192.0.2.0/120", "192.0.2.0-192.0.2.255"),
            ("::ffff:192.0.2.1-192.0.2.5", "192.0.2.1-192.0.2.5"),
            ("192.0.2.1-2001:db8::1", "nothing"),
            ("::1-192.0.2.1", "nothing"),
        ];
        for (text, expected) in cases {
            check(text, expected);
        }
    }

    #[test]
    fn what_metallb_refuses_is_refused_with_its_place() {
        let cases = [
            ("", "Empty at \"\""),
            (" 192.168.7.0/24", "Blank at \" 192.168.7.0/24\""),
            (
                "192.168.7.5",
                "NoPrefixLength(192.168.7.5) at \"192.168.7.5\"",
            ),
            ("192.168.7.0/33", "PrefixLength(V4) at \"33\""),
            ("192.168.7.0/+4", "PrefixLength(V4) at \"+4\""),
            ("192.168.7.0/", "PrefixLength(V4) at \"\""),
            ("::/129", "PrefixLength(V6) at \"129\""),
            ("192.168.7.0/24/8", "PrefixLength(V4) at \"24/8\""),
            (
                "192.168.7.0/9999999999999999999999",
                "PrefixLength(V4) at \"9999999999999999999999\"",
            ),
            ("192.168.7.200-219", "ShortEnd(192.168.7.219) at \"219\""),
            (
                "10.0.0.0/28-10.0.0.64/28",
                "SeveralInOne at \"10.0.0.0/28-10.0.0.64/28\"",
            ),
            (
                "10.0.0.1-10.0.0.2-10.0.0.3",
                "SeveralInOne at \"10.0.0.1-10.0.0.2-10.0.0.3\"",
            ),
            (
                "10.0.0.1/32,10.0.0.2/32",
                "SeveralInOne at \"10.0.0.1/32,10.0.0.2/32\"",
            ),
            (
                "10.0.0.1\u{2013}10.0.0.2",
                "NotAnAddress(LongDash) at \"10.0.0.1\u{2013}10.0.0.2\"",
            ),
            ("1.2.3.10-1.2.3.1", "Reversed at \"1.2.3.10-1.2.3.1\""),
            (
                "2001:db8::1-192.0.2.1",
                "Reversed at \"2001:db8::1-192.0.2.1\"",
            ),
            ("fe80::1%eth0/64", "NotAnAddress(Zone) at \"fe80::1%eth0\""),
            (
                "192.168.7.010/32",
                "NotAnAddress(LeadingZero) at \"192.168.7.010\"",
            ),
            (
                "100.200.300.400/24",
                "NotAnAddress(OctetTooBig) at \"100.200.300.400\"",
            ),
            ("10.0.0/24", "NotAnAddress(Incomplete) at \"10.0.0\""),
            ("FILL-ME-IN", "NotAnAddress(Other) at \"FILL\""),
            ("LB_ADDRESSES", "NotAnAddress(Other) at \"LB_ADDRESSES\""),
            ("-", "NotAnAddress(Other) at \"-\""),
            ("10.0.0.1-", "NotAnAddress(Other) at \"10.0.0.1-\""),
        ];
        for (text, expected) in cases {
            check(text, expected);
        }
    }
}
