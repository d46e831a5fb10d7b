//! The address map of a pool: a cell for each address, or for a stretch of them where there are too many.
//!
//! The cells cover the pool exactly once and their numbers add up to its capacity, whether it holds twelve addresses or
//! 2^80: long ranges are cut into as many stretches as there is room for.

use std::net::IpAddr;

use crate::rack::pools::range::{AddressRange, canonical};
use crate::rack::pools::space::Space;

/// Somebody has, wants or must not get an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    pub address: IpAddr,
    pub state: State,
    /// `web/shop`, `node rpi-01`, `gateway`.
    pub owner: String,
}

/// Worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    Free,
    /// Not handed out: DHCP, `.0` and `.255` of a pool that avoids them.
    Reserved,
    /// Asked for and not given yet.
    Pending,
    Used,
    /// Two have it who must not share it, or a node or the gateway has it.
    Conflict,
}

/// A stretch of the pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    pub range: AddressRange,
    /// Addresses in each state; they add up to the stretch.
    pub free: u128,
    pub reserved: u128,
    pub pending: u128,
    pub used: u128,
    pub conflict: u128,
    /// Indexes of the claims on it.
    pub claims: Vec<usize>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddressMap {
    pub cells: Vec<Cell>,
}

impl AddressMap {
    /// The map of a pool in at most `most` cells, or one for each entry where there are more entries. Of several claims
    /// on one address the worst counts.
    pub fn of(space: &Space, claims: &[Claim], most: usize) -> AddressMap {
        let mut cells = cut(space, most);
        let mut order: Vec<usize> = (0..cells.len()).collect();
        order.sort_by_key(|index| cells.get(*index).map(|it| it.range));
        let mut sorted: Vec<usize> = (0..claims.len()).collect();
        let claim = |index: &usize| {
            claims
                .get(*index)
                .map(|it| (canonical(it.address), it.state))
        };
        sorted.sort_by_key(claim);
        for (at, index) in sorted.iter().enumerate() {
            let Some((address, state)) = claim(index) else {
                continue;
            };
            let single = AddressRange::single(address);
            let place = order.partition_point(|it| {
                cells.get(*it).is_some_and(|cell| {
                    cell.range.start() <= address && cell.range.family() <= single.family()
                })
            });
            // Entries of one pool do not overlap in a configuration MetalLB takes; in another the first one counts.
            let found = order[..place].iter().rev().find(|it| {
                cells
                    .get(**it)
                    .is_some_and(|cell| cell.range.contains(address))
            });
            let Some(cell) = found.and_then(|it| cells.get_mut(*it)) else {
                continue;
            };
            cell.claims.push(*index);
            let is_last = sorted
                .get(at + 1)
                .and_then(claim)
                .is_none_or(|(next, _)| next != address);
            if is_last {
                cell.count(state, space.is_usable(address));
            }
        }
        AddressMap { cells }
    }

    /// All cells together.
    pub fn total(&self, state: State) -> u128 {
        self.cells
            .iter()
            .map(|it| it.of(state))
            .fold(0, u128::saturating_add)
    }
}

impl Cell {
    pub fn of(&self, state: State) -> u128 {
        match state {
            State::Free => self.free,
            State::Reserved => self.reserved,
            State::Pending => self.pending,
            State::Used => self.used,
            State::Conflict => self.conflict,
        }
    }

    /// What the cell is drawn as: the worst of it; free only when all of it is.
    pub fn state(&self) -> State {
        let worst = [
            State::Conflict,
            State::Used,
            State::Pending,
            State::Free,
            State::Reserved,
        ];
        worst
            .into_iter()
            .find(|it| self.of(*it) > 0)
            .unwrap_or(State::Free)
    }

    fn count(&mut self, state: State, is_usable: bool) {
        // The address was free before, or left out by the pool itself.
        let before = if is_usable {
            &mut self.free
        } else {
            &mut self.reserved
        };
        *before = before.saturating_sub(1);
        let now = match state {
            State::Free => &mut self.free,
            State::Reserved => &mut self.reserved,
            State::Pending => &mut self.pending,
            State::Used => &mut self.used,
            State::Conflict => &mut self.conflict,
        };
        *now += 1;
    }
}

/// Cells without claims, in the order of the entries.
fn cut(space: &Space, most: usize) -> Vec<Cell> {
    let ranges = space.ranges();
    let most = most.max(1) as u128;
    let total = ranges
        .iter()
        .map(|it| it.count())
        .fold(0, u128::saturating_add);
    let size = total.div_ceil(most).max(1);
    let cell = |range: AddressRange| {
        let usable = space.usable_in(range);
        Cell {
            range,
            free: usable,
            reserved: range.count() - usable,
            pending: 0,
            used: 0,
            conflict: 0,
            claims: Vec::new(),
        }
    };
    let pieces = |range: &AddressRange| range.split((range.count() / size).max(1));
    ranges.iter().flat_map(pieces).map(cell).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rack::pools::entry;

    fn space(entries: &[&str], avoids_buggy: bool) -> Space {
        Space::new(
            entries
                .iter()
                .filter_map(|it| entry::parse(it).unwrap().range),
            avoids_buggy,
        )
    }

    fn claim(address: &str, state: State) -> Claim {
        Claim {
            address: address.parse().unwrap(),
            state,
            owner: address.into(),
        }
    }

    fn signs(map: &AddressMap) -> String {
        let sign = |cell: &Cell| match cell.state() {
            State::Free => '.',
            State::Reserved => '-',
            State::Pending => '?',
            State::Used => '#',
            State::Conflict => '!',
        };
        map.cells.iter().map(sign).collect()
    }

    #[test]
    fn a_small_pool_has_a_cell_for_each_address() {
        let space = space(&["10.0.0.0/30", "10.0.0.9/32"], true);
        let claims = [
            claim("10.0.0.1", State::Used),
            claim("10.0.0.1", State::Conflict),
            claim("10.0.0.2", State::Pending),
            claim("10.0.0.9", State::Used),
            claim("10.9.9.9", State::Used),
        ];
        let map = AddressMap::of(&space, &claims, 100);
        assert_eq!(signs(&map), "-!?.#");
        assert_eq!(map.cells[1].claims, [0, 1]);
        assert_eq!((map.total(State::Free), map.total(State::Used)), (1, 1));
    }

    #[test]
    fn a_huge_pool_is_cut_into_stretches() {
        let space = space(&["10.0.0.0-10.0.0.9", "fd00::/48"], false);
        let map = AddressMap::of(
            &space,
            &[
                claim("fd00::1", State::Used),
                claim("10.0.0.3", State::Used),
            ],
            20,
        );
        assert!(map.cells.len() <= 21, "{}", map.cells.len());
        assert_eq!(signs(&map).matches('#').count(), 2);
        assert_eq!(map.total(State::Used), 2);
        assert_eq!(map.total(State::Free), (1 << 80) + 10 - 2);
    }

    #[test]
    fn an_empty_pool_has_no_cells() {
        assert_eq!(
            AddressMap::of(&Space::default(), &[claim("10.0.0.1", State::Used)], 0).cells,
            []
        );
    }
}
