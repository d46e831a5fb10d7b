//! Ranges of addresses as numbers: counted, compared and cut into prefixes without ever being written out.
//!
//! A pool may hold 2^80 addresses, so nothing here makes a list; what walks through a range is lazy.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// IPv4 or IPv6. An IPv4 address written inside IPv6 (`::ffff:192.0.2.1`) is IPv4 to MetalLB, and to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    V4,
    V6,
}

impl Family {
    pub fn of(address: IpAddr) -> Family {
        match canonical(address) {
            IpAddr::V4(_) => Family::V4,
            IpAddr::V6(_) => Family::V6,
        }
    }

    /// Bits of an address.
    pub fn bits(self) -> u8 {
        match self {
            Family::V4 => 32,
            Family::V6 => 128,
        }
    }

    pub fn word(self) -> &'static str {
        match self {
            Family::V4 => "IPv4",
            Family::V6 => "IPv6",
        }
    }

    fn last(self) -> u128 {
        match self {
            Family::V4 => u128::from(u32::MAX),
            Family::V6 => u128::MAX,
        }
    }

    fn address(self, number: u128) -> IpAddr {
        match self {
            Family::V4 => Ipv4Addr::from(u32::try_from(number).unwrap_or(u32::MAX)).into(),
            Family::V6 => Ipv6Addr::from(number).into(),
        }
    }
}

/// The address as MetalLB treats it: IPv4 inside IPv6 is IPv4.
pub fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// The address after this one; `None` after the last of its family.
pub fn next_address(address: IpAddr) -> Option<IpAddr> {
    let family = Family::of(address);
    let next = number(address).checked_add(1)?;
    (next <= family.last()).then(|| family.address(next))
}

fn number(address: IpAddr) -> u128 {
    match canonical(address) {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address),
    }
}

/// Addresses from the first to the last, both included, of one family.
///
/// *Invariant: the first is not after the last.* Ranges order by family, then by their first address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddressRange {
    family: Family,
    first: u128,
    last: u128,
}

impl AddressRange {
    /// `None` when the ends are of two families or the wrong way round.
    pub fn new(first: IpAddr, last: IpAddr) -> Option<AddressRange> {
        let family = Family::of(first);
        let range = AddressRange {
            family,
            first: number(first),
            last: number(last),
        };
        (family == Family::of(last) && range.first <= range.last).then_some(range)
    }

    pub fn single(address: IpAddr) -> AddressRange {
        AddressRange {
            family: Family::of(address),
            first: number(address),
            last: number(address),
        }
    }

    pub fn family(self) -> Family {
        self.family
    }

    pub fn start(self) -> IpAddr {
        self.family.address(self.first)
    }

    pub fn end(self) -> IpAddr {
        self.family.address(self.last)
    }

    /// The ends as numbers, for sorted indexes.
    pub fn ends(self) -> (u128, u128) {
        (self.first, self.last)
    }

    /// How many addresses. `::/0` has one more than the number says: nobody will notice.
    pub fn count(self) -> u128 {
        (self.last - self.first).saturating_add(1)
    }

    pub fn contains(self, address: IpAddr) -> bool {
        let number = number(address);
        Family::of(address) == self.family && self.first <= number && number <= self.last
    }

    /// All of `other` lies inside.
    pub fn covers(self, other: AddressRange) -> bool {
        self.overlap(other) == Some(other)
    }

    /// The addresses in both.
    pub fn overlap(self, other: AddressRange) -> Option<AddressRange> {
        let both = AddressRange {
            family: self.family,
            first: self.first.max(other.first),
            last: self.last.min(other.last),
        };
        (self.family == other.family && both.first <= both.last).then_some(both)
    }

    /// Every address in turn.
    pub fn addresses(self) -> impl Iterator<Item = IpAddr> {
        let mut next = Some(self.first);
        std::iter::from_fn(move || {
            let now = next?;
            next = (now < self.last).then(|| now + 1);
            Some(self.family.address(now))
        })
    }

    /// `parts` neighbouring pieces of nearly equal size; fewer when there are fewer addresses.
    pub fn split(self, parts: u128) -> impl Iterator<Item = AddressRange> {
        let count = self.count();
        let parts = parts.clamp(1, count);
        let (size, rest) = (count / parts, count % parts);
        let mut first = self.first;
        (0..parts).map(move |part| {
            let last = if part + 1 == parts {
                self.last
            } else {
                first + size - 1 + u128::from(part < rest)
            };
            let piece = AddressRange {
                first,
                last,
                ..self
            };
            first = last.wrapping_add(1);
            piece
        })
    }

    /// The fewest prefixes that make up the range, ascending: how MetalLB keeps it.
    pub fn prefixes(self) -> impl Iterator<Item = Prefix> {
        let bits = u32::from(self.family.bits());
        let mut next = Some(self.first);
        std::iter::from_fn(move || {
            let first = next?;
            let room = self.last - first;
            let aligned = if first == 0 {
                bits
            } else {
                first.trailing_zeros()
            };
            // 2^n addresses fit where n zero bits end the first address and 2^n - 1 more are left.
            let fitting = match room.checked_add(1) {
                Some(count) => count.ilog2(),
                None => bits,
            };
            let host = aligned.min(fitting).min(bits);
            let size_less_one = 1_u128.checked_shl(host).map_or(u128::MAX, |size| size - 1);
            let last = first + size_less_one;
            next = (last < self.last).then(|| last + 1);
            Some(Prefix {
                address: self.family.address(first),
                length: u8::try_from(bits - host).unwrap_or(0),
            })
        })
    }

    /// The addresses whose last octet is 0 or 255 (IPv4 only): what `avoidBuggyIPs` leaves out.
    pub fn buggy_count(self) -> u128 {
        if self.family == Family::V6 {
            return 0;
        }
        let ending_in = |octet: u128| {
            let up_to = |last: u128| (last + 256 - octet) / 256;
            up_to(self.last) - self.first.checked_sub(1).map_or(0, up_to)
        };
        ending_in(0) + ending_in(255)
    }
}

/// An IPv4 address that old network equipment takes for a network's or a broadcast's.
pub fn is_buggy(address: IpAddr) -> bool {
    matches!(canonical(address), IpAddr::V4(address) if matches!(address.octets()[3], 0 | 255))
}

/// A network: an address without host bits, and how many bits of it count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix {
    pub address: IpAddr,
    pub length: u8,
}

impl Prefix {
    /// The network an address is in. IPv4 inside IPv6 becomes IPv4 where the prefix leaves the marker untouched, as Go's
    /// `net.IPNet` has it. `None` when the length does not fit the family.
    pub fn of(address: IpAddr, length: u8) -> Option<Prefix> {
        let (address, length) = match address {
            IpAddr::V6(inner) if length >= 96 => match inner.to_ipv4_mapped() {
                Some(inner) => (IpAddr::V4(inner), length.checked_sub(96)?),
                None => (address, length),
            },
            _ => (address, length),
        };
        let (family, raw) = match address {
            IpAddr::V4(address) => (Family::V4, u128::from(u32::from(address))),
            IpAddr::V6(address) => (Family::V6, u128::from(address)),
        };
        let host = u32::from(family.bits().checked_sub(length)?);
        let cut = raw
            .checked_shr(host)
            .and_then(|high| high.checked_shl(host))
            .unwrap_or(0);
        Some(Prefix {
            address: family.address(cut),
            length,
        })
    }

    pub fn range(self) -> AddressRange {
        let (family, first) = match self.address {
            IpAddr::V4(address) => (Family::V4, u128::from(u32::from(address))),
            IpAddr::V6(address) => (Family::V6, u128::from(address)),
        };
        let host = u32::from(family.bits().saturating_sub(self.length));
        let size_less_one = 1_u128.checked_shl(host).map_or(u128::MAX, |size| size - 1);
        AddressRange {
            family,
            first,
            last: (first | size_less_one).min(family.last()),
        }
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            write!(f, "{}", self.start())
        } else {
            write!(f, "{}-{}", self.start(), self.end())
        }
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

#[cfg(test)]
mod tests;
