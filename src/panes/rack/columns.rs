//! The columns of the node table: what each says of a node, and how it sorts.

use std::borrow::Cow;

use crate::panes::listing::{TableColumn, Tone};
use crate::panes::rack::board;
use crate::rack::Rack;
use crate::rack::beat::Pulse;
use crate::rack::link::{Source, SourceState};
use crate::rack::metallb::Era;
use crate::rack::node::{Node, Truth};
use crate::rack::time::short;
use crate::ui::table::layout::Column as Layout;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    Beat,
    Node,
    Role,
    Status,
    Temperature,
    Power,
    Cpu,
    Memory,
    Pods,
    Vips,
    Version,
    Age,
    Address,
    System,
    Kernel,
}

/// All columns, left to right; the last three only when the table is wide.
pub(super) const COLUMNS: [Column; 15] = [
    Column::Beat,
    Column::Node,
    Column::Role,
    Column::Status,
    Column::Temperature,
    Column::Power,
    Column::Cpu,
    Column::Memory,
    Column::Pods,
    Column::Vips,
    Column::Version,
    Column::Age,
    Column::Address,
    Column::System,
    Column::Kernel,
];

/// Cells of the LED and the age behind it: `● ~15m`.
pub(super) const BEAT: u16 = 6;

impl TableColumn for Column {
    const ALL: &'static [Column] = &COLUMNS;

    fn layout(self) -> Layout {
        match self {
            Column::Beat => Layout::words("BEAT", BEAT, BEAT, 0),
            Column::Node => Layout::words("NODE", 12, 40, 0).keeping_the_end(),
            Column::Role => Layout::words("ROLE", 6, 6, 4),
            Column::Status => Layout::words("STATUS", 14, 40, 0),
            Column::Temperature => Layout::numbers("TEMP", 4, 5, 5),
            Column::Power => Layout::words("PWR", 4, 4, 6),
            Column::Cpu => Layout::numbers("CPU", 4, 4, 3),
            Column::Memory => Layout::numbers("MEM", 4, 4, 3),
            Column::Pods => Layout::numbers("PODS", 4, 5, 2),
            // Two cells wider than its words, so that on 80 columns it goes before the status is cut.
            Column::Vips => Layout::numbers("VIPS", 6, 6, 6),
            Column::Version => Layout::words("VERSION", 12, 20, 7),
            Column::Age => Layout::numbers("AGE", 4, 5, 5),
            Column::Address => Layout::words("ADDRESS", 13, 39, 3),
            Column::System => Layout::words("SYSTEM", 12, 32, 6),
            Column::Kernel => Layout::words("KERNEL", 12, 28, 8),
        }
    }

    fn is_wide_only(self) -> bool {
        matches!(self, Column::Address | Column::System | Column::Kernel)
    }
}

impl Column {
    /// True when the order by this column changes without a node being added or changed.
    pub(super) fn is_volatile(self) -> bool {
        matches!(
            self,
            Column::Beat
                | Column::Status
                | Column::Temperature
                | Column::Cpu
                | Column::Memory
                | Column::Pods
                | Column::Vips
        )
    }

    /// What the cell says, and in what tone. An empty text is drawn as a dash: nothing to be known from here.
    pub(super) fn cell<'a>(self, rack: &'a Rack, node: &'a Node) -> (Cow<'a, str>, Tone) {
        match self {
            Column::Beat => beat(rack, node),
            Column::Node => (node.name.as_str().into(), Tone::Plain),
            Column::Role => (node.role().word().into(), Tone::Plain),
            Column::Status => status(rack, node),
            // From the board itself, over SSH.
            Column::Temperature => {
                let (text, tone) = board::temperature(rack, node);
                (text.into(), tone)
            }
            Column::Power => {
                let (word, tone) = board::power(rack, node);
                (word.into(), tone)
            }
            Column::Cpu => usage(rack, node, |rack, node| {
                Some((
                    rack.usage(&node.name)?.cpu_milli,
                    node.allocatable.cpu_milli?,
                ))
            }),
            Column::Memory => usage(rack, node, |rack, node| {
                Some((
                    rack.usage(&node.name)?.memory_bytes,
                    node.allocatable.memory_bytes?,
                ))
            }),
            Column::Pods => pods(rack, node),
            Column::Vips => vips(rack, node),
            Column::Version => (version(&node.info.kubelet_version).into(), Tone::Plain),
            Column::Age => (
                node.created
                    .map_or("?".into(), |at| short(rack.now.age_of(at)).into()),
                Tone::Muted,
            ),
            Column::Address => (node.internal_ip().unwrap_or_default().into(), Tone::Plain),
            Column::System => (node.info.os_image.as_ref().into(), Tone::Muted),
            Column::Kernel => (node.info.kernel_version.as_ref().into(), Tone::Muted),
        }
    }

    /// Sorts the troubled and the large first, names ascending.
    pub(super) fn sort_key(self, rack: &Rack, node: &Node) -> (u64, String) {
        let number = match self {
            Column::Beat => rack.reading(&node.name).pulse as u64,
            Column::Status => {
                u64::from(node.ready() == Some(Truth::True)) + u64::from(!node.unschedulable)
            }
            Column::Temperature => descending(board::heat(rack, node)),
            Column::Cpu => descending(rack.usage(&node.name).map(|usage| usage.cpu_milli)),
            Column::Memory => descending(rack.usage(&node.name).map(|usage| usage.memory_bytes)),
            Column::Pods => descending(
                rack.pod_counts(&node.name)
                    .map(|counts| u64::from(counts.held)),
            ),
            Column::Vips => descending(Some(rack.vips.announced_by(&node.name) as u64)),
            Column::Age => node
                .created
                .map_or(0, |at| u64::MAX - at.as_second().unsigned_abs()),
            Column::Role => node.role() as u64,
            _ => 0,
        };
        let text = match self {
            Column::Version | Column::Address | Column::System | Column::Kernel => {
                self.cell(rack, node).0.into_owned()
            }
            _ => String::new(),
        };
        (number, text + node.name.as_str())
    }
}

fn descending(number: Option<u64>) -> u64 {
    number.map_or(u64::MAX, |number| u64::MAX - 1 - number)
}

/// The LED is drawn by the table; this is the age behind it.
fn beat(rack: &Rack, node: &Node) -> (Cow<'static, str>, Tone) {
    let reading = rack.reading(&node.name);
    let tone = match reading.pulse {
        Pulse::Beating => Tone::Plain,
        Pulse::Late => Tone::Warn,
        Pulse::Lost => Tone::Bad,
        Pulse::Unknown => Tone::Muted,
    };
    match reading.age {
        None => ("?".into(), tone),
        Some(age) if reading.is_estimate && reading.pulse != Pulse::Beating => {
            (format!("~{}", short(age)).into(), tone)
        }
        Some(age) => (short(age).into(), tone),
    }
}

fn status(rack: &Rack, node: &Node) -> (Cow<'static, str>, Tone) {
    let drained;
    let mut words = node.status_words();
    let swap = rack.swap(&node.name);
    if let Some(swap) = swap {
        words.retain(|word| *word != "cordoned");
        // First: what the person at the rack goes by must not be cut off.
        words.insert(0, swap.word());
    }
    if let Some(drain) = rack.drains.get(&node.uid).filter(|_| swap.is_none()) {
        // Every drained node is cordoned.
        words.retain(|word| *word != "cordoned");
        drained = drain.word();
        words.insert(1, &drained);
    }
    let pulse = rack.reading(&node.name).pulse;
    // Long before the API server says NotReady, the heartbeat does.
    match (pulse, node.ready()) {
        // It is meant to be silent.
        _ if swap.is_some() => {}
        (Pulse::Lost, Some(Truth::True)) => words.insert(1, "lost"),
        (Pulse::Late, Some(Truth::True)) => words.insert(1, "late"),
        _ => {}
    }
    let tone = match node.ready() {
        Some(Truth::False | Truth::Unknown) => Tone::Bad,
        _ if pulse == Pulse::Lost => Tone::Bad,
        None => Tone::Warn,
        Some(Truth::True) if words.len() > 1 => Tone::Warn,
        Some(Truth::True) => Tone::Good,
    };
    (words.join(" ").into(), tone)
}

fn usage(
    rack: &Rack,
    node: &Node,
    of: impl Fn(&Rack, &Node) -> Option<(u64, u64)>,
) -> (Cow<'static, str>, Tone) {
    match rack.link.source(Source::Metrics) {
        SourceState::Forbidden(_) => ("?".into(), Tone::Muted),
        _ => match of(rack, node) {
            Some((used, all)) if all > 0 => {
                let percent = used.saturating_mul(100) / all;
                let tone = match percent {
                    ..80 => Tone::Plain,
                    80..95 => Tone::Warn,
                    _ => Tone::Bad,
                };
                (format!("{percent}%").into(), tone)
            }
            _ => ("".into(), Tone::Muted),
        },
    }
}

fn pods(rack: &Rack, node: &Node) -> (Cow<'static, str>, Tone) {
    match rack.pod_counts(&node.name) {
        // Some of them fail: seen without colours, too.
        Some(counts) if counts.failing > 0 => (format!("!{}", counts.held).into(), Tone::Warn),
        Some(counts) => (counts.held.to_string().into(), Tone::Plain),
        None if matches!(rack.link.source(Source::Pods), SourceState::Waiting) => {
            ("".into(), Tone::Muted)
        }
        None => ("?".into(), Tone::Muted),
    }
}

/// How many virtual addresses the node announces; a dash where nobody announces any, `?` where that cannot be seen.
fn vips(rack: &Rack, node: &Node) -> (Cow<'static, str>, Tone) {
    let has_listed = |source| rack.link.has_listed(source);
    match rack.metallb.era(&rack.link) {
        Era::Unknown if has_listed(Source::Services) => ("?".into(), Tone::Muted),
        Era::Absent | Era::Unknown => ("".into(), Tone::Muted),
        Era::ConfigMap | Era::Crds if has_listed(Source::Services) => {
            let count = rack.vips.announced_by(&node.name);
            (count.to_string().into(), Tone::Plain)
        }
        Era::ConfigMap | Era::Crds => ("?".into(), Tone::Muted),
    }
}

/// The version as a kubelet reports it; an empty one is not known.
fn version(text: &str) -> &str {
    if text.is_empty() { "?" } else { text }
}
