//! The addresses of a pool as cells, and who has what in one of them.

use std::net::IpAddr;

use crate::rack::Rack;
use crate::rack::pools::entry;
use crate::rack::pools::live::PoolView;
use crate::rack::pools::map::{AddressMap, Cell, Claim, State};
use crate::rack::pools::range::AddressRange;
use crate::rack::pools::space::{Space, count_words};

/// A pool's room and everybody who has a claim on a part of it.
pub(super) struct Map {
    pub(super) cells: Vec<Cell>,
    claims: Vec<Claim>,
}

impl Map {
    /// At most `most` cells, or one for each entry.
    pub(super) fn of(pool: &PoolView, rack: &Rack, most: usize) -> Map {
        let claims = claims(pool, rack);
        let map = AddressMap::of(&space(pool), &claims, most);
        Map {
            cells: map.cells,
            claims,
        }
    }

    /// Who has what in a cell: `10.10.10.51  web/shop`.
    pub(super) fn owners(&self, cell: &Cell) -> Vec<String> {
        let claims = cell
            .claims
            .iter()
            .filter_map(|index| self.claims.get(*index));
        let mut lines: Vec<String> = claims
            .map(|claim| format!("{}  {}", claim.address, claim.owner))
            .collect();
        if lines.is_empty() {
            lines.push(if cell.range.count() == 1 {
                format!("{}  free", cell.range.start())
            } else {
                format!("{}  {} free", cell.range, count_words(cell.free))
            });
        }
        lines
    }
}

pub(super) fn space(pool: &PoolView) -> Space {
    let read = pool.addresses.iter().filter_map(|it| entry::parse(it).ok());
    Space::new(read.filter_map(|it| it.range), pool.avoids_buggy)
}

/// Boards that have an address of the pool, with it.
pub(super) fn boards(pool: &PoolView, rack: &Rack) -> Vec<(IpAddr, String)> {
    let space = space(pool);
    rack.nodes()
        .filter_map(|node| Some((node.internal_ip()?.parse().ok()?, node.name.to_string())))
        .filter(|(ip, _)| space.contains(*ip))
        .collect()
}

fn claims(pool: &PoolView, rack: &Rack) -> Vec<Claim> {
    let boards = boards(pool, rack).into_iter().map(|(address, node)| Claim {
        address,
        state: State::Conflict,
        owner: format!("the address of node {node}"),
    });
    let holders = pool.holders.iter().map(|(address, services)| Claim {
        address: *address,
        state: State::Used,
        owner: services.join(", "),
    });
    boards.chain(holders).collect()
}

/// Used and all, of the family it has: IPv4 before IPv6.
pub(super) fn numbers(pool: &PoolView) -> (u128, u128, bool) {
    let [used_v4, used_v6] = pool.used;
    match pool.capacity {
        [0, v6] if v6 > 0 => (used_v6, v6, true),
        [v4, _] => (used_v4, v4, false),
    }
}

/// `12/50`, with the word of the family where it is not IPv4.
pub(super) fn counts(pool: &PoolView) -> String {
    let (used, all, is_v6) = numbers(pool);
    let family = if is_v6 { " v6" } else { "" };
    if all >= 1 << 32 {
        return format!("{used} used{family}");
    }
    format!("{used}/{all}{family}")
}

/// True when two pools, or a pool and a range, share an address.
pub(super) fn overlap(pool: &PoolView, range: AddressRange) -> Option<AddressRange> {
    let space = space(pool);
    space.ranges().iter().find_map(|it| it.overlap(range))
}
