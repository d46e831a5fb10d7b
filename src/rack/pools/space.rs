//! The room a pool has: how many addresses, which are free, and which one MetalLB would hand out next.
//!
//! MetalLB walks through the entries in the order they were written and through each of them upwards; the first address
//! nobody has is the one. Everything here is arithmetic or lazy: a pool of 2^80 addresses costs what a small one costs.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::rack::pools::range::{AddressRange, Family, canonical, is_buggy};

/// From here on MetalLB's own counters are pinned: nobody will use it up.
pub const PRACTICALLY_UNLIMITED: u128 = 1 << 62;

/// The ranges of one pool, in the order they were written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Space {
    ranges: Vec<AddressRange>,
    avoids_buggy: bool,
}

impl Space {
    pub fn new(ranges: impl IntoIterator<Item = AddressRange>, avoids_buggy: bool) -> Space {
        Space {
            ranges: ranges.into_iter().collect(),
            avoids_buggy,
        }
    }

    pub fn ranges(&self) -> &[AddressRange] {
        &self.ranges
    }

    pub fn has_family(&self, family: Family) -> bool {
        self.ranges.iter().any(|range| range.family() == family)
    }

    /// Inside the ranges: what a Service may ask for by address.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.ranges.iter().any(|range| range.contains(address))
    }

    /// Handed out without being asked for by address: inside, and not left out as buggy.
    pub fn is_usable(&self, address: IpAddr) -> bool {
        self.contains(address) && !self.is_left_out(address)
    }

    /// How many addresses of a family can be handed out; saturates.
    pub fn capacity(&self, family: Family) -> u128 {
        let ranges = self.ranges.iter().filter(|range| range.family() == family);
        ranges
            .map(|range| self.usable_in(*range))
            .fold(0, u128::saturating_add)
    }

    /// How many addresses of a part can be handed out.
    pub fn usable_in(&self, part: AddressRange) -> u128 {
        let buggy = if self.avoids_buggy {
            part.buggy_count()
        } else {
            0
        };
        part.count() - buggy
    }

    /// The addresses nobody in `taken` has, in the order MetalLB would hand them out. Lazy: take as many as needed.
    pub fn free<'a>(&'a self, taken: &'a BTreeSet<IpAddr>) -> impl Iterator<Item = IpAddr> + 'a {
        let all = self.ranges.iter().flat_map(|range| range.addresses());
        all.filter(move |address| !self.is_left_out(*address) && !taken.contains(address))
    }

    /// The address an automatic allocation gets. `taken` holds canonical addresses ([`canonical`]).
    pub fn next_free(&self, family: Family, taken: &BTreeSet<IpAddr>) -> Option<IpAddr> {
        self.ranges
            .iter()
            .filter(|range| range.family() == family)
            .find_map(|range| {
                range
                    .addresses()
                    .find(|it| !self.is_left_out(*it) && !taken.contains(it))
            })
    }

    /// How many addresses of a family nobody has.
    pub fn free_count(&self, family: Family, taken: &BTreeSet<IpAddr>) -> u128 {
        let is_ours =
            |address: &&IpAddr| Family::of(**address) == family && self.is_usable(**address);
        let used = taken.iter().filter(is_ours).count();
        self.capacity(family).saturating_sub(used as u128)
    }

    fn is_left_out(&self, address: IpAddr) -> bool {
        self.avoids_buggy && is_buggy(canonical(address))
    }
}

/// `12`, or `practically unlimited` where counting has no meaning any more.
pub fn count_words(count: u128) -> String {
    if count >= PRACTICALLY_UNLIMITED {
        "practically unlimited".to_owned()
    } else {
        count.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rack::pools::entry;

    fn space(entries: &[&str], avoids_buggy: bool) -> Space {
        let ranges = entries
            .iter()
            .filter_map(|it| entry::parse(it).unwrap().range);
        Space::new(ranges, avoids_buggy)
    }

    fn ips(texts: &[&str]) -> BTreeSet<IpAddr> {
        texts.iter().map(|it| it.parse().unwrap()).collect()
    }

    #[test]
    fn capacity_counts_what_is_handed_out() {
        let cases: [(&[&str], bool, u128, u128); 6] = [
            (&["192.168.7.200-192.168.7.219"], false, 20, 0),
            (&["192.168.3.0/24"], true, 254, 0),
            (&["10.0.0.0/22"], true, 1016, 0),
            (&["10.0.0.0/31", "fd00::/127"], true, 1, 2),
            (
                &["192.168.178.181-192.168.178.199", "fd00:ec2::/48"],
                false,
                19,
                1 << 80,
            ),
            (&["::/0", "::/0"], false, 0, u128::MAX),
        ];
        for (entries, avoids_buggy, v4, v6) in cases {
            let space = space(entries, avoids_buggy);
            assert_eq!(space.capacity(Family::V4), v4, "{entries:?}");
            assert_eq!(space.capacity(Family::V6), v6, "{entries:?}");
        }
    }

    #[test]
    fn the_next_address_follows_the_order_of_the_entries() {
        let space = space(&["10.0.0.9/32", "10.0.0.0-10.0.0.2", "fd00::/48"], true);
        let next = |taken: &[&str], family| {
            space
                .next_free(family, &ips(taken))
                .map(|it| it.to_string())
        };
        assert_eq!(next(&[], Family::V4).as_deref(), Some("10.0.0.9"));
        assert_eq!(next(&["10.0.0.9"], Family::V4).as_deref(), Some("10.0.0.1"));
        assert_eq!(
            next(&["10.0.0.9", "10.0.0.1", "10.0.0.2"], Family::V4),
            None
        );
        assert_eq!(next(&["fd00::"], Family::V6).as_deref(), Some("fd00::1"));
        let free: Vec<String> = space
            .free(&ips(&["10.0.0.2"]))
            .take(3)
            .map(|it| it.to_string())
            .collect();
        assert_eq!(free, ["10.0.0.9", "10.0.0.1", "fd00::"]);
    }

    #[test]
    fn free_and_used_add_up() {
        let space = space(&["10.0.0.0/29"], true);
        let taken = ips(&["10.0.0.0", "10.0.0.3", "10.9.9.9", "fd00::1"]);
        assert_eq!(space.capacity(Family::V4), 7);
        assert_eq!(space.free_count(Family::V4, &taken), 6);
        assert_eq!(space.free(&taken).count(), 6);
    }
}
