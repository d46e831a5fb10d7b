//! The lines of `bramble nodes`.

use serde_json::{Value, json};

use crate::cli::Report;
use crate::cli::report::sheet::{Line, Sheet};
use crate::rack::Rack;
use crate::rack::node::Node;
use crate::rack::time::short;
use crate::ui::text::clean;

const TITLES: &[&str] = &[
    "BEAT", "NODE", "ROLE", "STATUS", "CPU", "MEM", "PODS", "VERSION",
];

/// The age of a heartbeat always changes: that alone is no news.
pub(super) fn sheet(report: Report) -> Sheet {
    Sheet::new(TITLES, 1, report)
}

pub(super) fn rows(rack: &Rack) -> Vec<Line> {
    let line = |node: &Node| Line {
        key: node.name.to_string(),
        cells: row(rack, node).into(),
        json: json_of(rack, node),
    };
    rack.nodes().map(line).collect()
}

/// The cells of a node's line. Text from outside is made harmless: stdout may be a terminal.
fn row(rack: &Rack, node: &Node) -> [String; 8] {
    let unknown = || "?".to_owned();
    let percent = |used: Option<u64>, all: Option<u64>| match (used, all) {
        (Some(used), Some(all)) if all > 0 => format!("{}%", used.saturating_mul(100) / all),
        _ => "-".to_owned(),
    };
    let usage = rack.usage(&node.name);
    let reading = rack.reading(&node.name);
    let pulse = match reading.pulse {
        crate::rack::beat::Pulse::Late => ",late",
        crate::rack::beat::Pulse::Lost => ",lost",
        _ => "",
    };
    let version = &node.info.kubelet_version;
    [
        reading.age.map_or_else(unknown, short),
        clean(node.name.as_str()).into_owned(),
        node.role().word().to_owned(),
        clean(&format!("{}{pulse}", node.status_words().join(","))).into_owned(),
        percent(usage.map(|it| it.cpu_milli), node.allocatable.cpu_milli),
        percent(
            usage.map(|it| it.memory_bytes),
            node.allocatable.memory_bytes,
        ),
        rack.pod_counts(&node.name)
            .map_or_else(unknown, |counts| counts.held.to_string()),
        if version.is_empty() {
            unknown()
        } else {
            clean(version).into_owned()
        },
    ]
}

/// A node as JSON: raw values, `null` for what is not known.
fn json_of(rack: &Rack, node: &Node) -> Value {
    let reading = rack.reading(&node.name);
    let usage = rack.usage(&node.name);
    let counts = rack.pod_counts(&node.name);
    json!({
        "name": node.name.as_str(),
        "role": node.role().word(),
        "status": node.status_words(),
        "beat": format!("{:?}", reading.pulse).to_lowercase(),
        "beatAgeSeconds": reading.age.map(|age| age.as_secs()),
        "beatAgeIsEstimate": reading.is_estimate,
        "address": node.internal_ip(),
        "cpuMilli": usage.map(|it| it.cpu_milli),
        "memoryBytes": usage.map(|it| it.memory_bytes),
        "pods": counts.map(|it| it.held),
        "podsFailing": counts.map(|it| it.failing),
        "kubeletVersion": &*node.info.kubelet_version,
    })
}
