//! The lines of `bramble pools`.

use anyhow::anyhow;
use serde_json::{Value, json};

use crate::cli::report::sheet::{Line, Sheet};
use crate::cli::{Failure, Report};
use crate::rack::Rack;
use crate::rack::link::{Source, SourceState};
use crate::rack::metallb::Era;
use crate::rack::pools::live::{PoolView, views};
use crate::rack::pools::space::count_words;
use crate::ui::text::clean;

const TITLES: &[&str] = &[
    "POOL",
    "USED",
    "OF",
    "USED6",
    "OF6",
    "AUTO",
    "ADDRESSES",
    "ANNOUNCED BY",
];

pub(super) fn sheet(report: Report) -> Sheet {
    Sheet::new(TITLES, 0, report)
}

/// An empty table would look like an empty configuration: without MetalLB, or without the right to see it, that is said
/// instead.
pub(super) fn is_there(rack: &Rack) -> Result<(), Failure> {
    for source in [Source::IpAddressPools, Source::Services] {
        if let SourceState::Forbidden(problem) | SourceState::Failing(problem) =
            rack.link.source(source)
        {
            return Err(Failure::cluster(anyhow!(problem.sentence())));
        }
    }
    if rack.metallb.era(&rack.link) == Era::Absent {
        return Err(Failure::cluster(anyhow!(
            "MetalLB is not installed in this cluster"
        )));
    }
    Ok(())
}

pub(super) fn rows(rack: &Rack) -> Vec<Line> {
    let line = |pool: PoolView| Line {
        key: pool.name.clone(),
        cells: cells(&pool),
        json: json_of(&pool),
    };
    views(rack).into_iter().map(line).collect()
}

fn cells(pool: &PoolView) -> Vec<String> {
    // A family the pool has no addresses of is no number.
    let number = |count: u128, capacity: u128| match capacity {
        0 => "-".to_owned(),
        _ => count_words(count).replace("practically ", ""),
    };
    let [v4, v6] = pool.capacity;
    let announced = if pool.announced_by.is_empty() {
        "nobody".to_owned()
    } else {
        pool.announced_by.join(", ")
    };
    let cells = [
        pool.name.clone(),
        number(pool.used[0], v4),
        number(v4, v4),
        number(pool.used[1], v6),
        number(v6, v6),
        if pool.auto_assign { "yes" } else { "no" }.to_owned(),
        pool.addresses.join(", "),
        announced,
    ];
    cells.iter().map(|it| clean(it).into_owned()).collect()
}

/// Numbers above 2^62, which MetalLB itself cannot count, are `null`: unlimited.
fn json_of(pool: &PoolView) -> Value {
    let number = |count: u128| u64::try_from(count).ok().filter(|it| *it < 1 << 62);
    let holders: Vec<Value> = pool
        .holders
        .iter()
        .map(|(address, services)| json!({ "address": address.to_string(), "services": services }))
        .collect();
    json!({
        "name": pool.name,
        "addresses": pool.addresses,
        "autoAssign": pool.auto_assign,
        "avoidBuggyIPs": pool.avoids_buggy,
        "usedIPv4": number(pool.used[0]),
        "capacityIPv4": number(pool.capacity[0]),
        "usedIPv6": number(pool.used[1]),
        "capacityIPv6": number(pool.capacity[1]),
        "announcedBy": pool.announced_by,
        "assigned": holders,
    })
}
