//! One node in detail: heartbeat, conditions, addresses, capacity, labels, events, pods. Sections of plain lines that
//! scroll as one page.

use std::time::Duration;

use jiff::SignedDuration;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::panes::page::{self, LABEL, Line, Piece, heading, nothing, row, toned};
use crate::rack::beat::{Beat, Moment, Pulse};
use crate::rack::link::{Source, SourceState};
use crate::rack::node::{Node, Resources, Role, Truth};
use crate::rack::pod::{Pod, PodHealth};
use crate::rack::problem::Subject;
use crate::rack::time::short;
use crate::rack::{BeatReading, Rack};
use crate::theme::roles::Theme;
use crate::ui::text::cut_start;
use crate::ui::{led, strip};

/// Events shown of one node.
const EVENTS: usize = 12;
/// Cells of an age, which is at most `9999d`.
const AGE: usize = 5;
/// Cells of a pod's name at least.
const LEAST: usize = 12;

/// How many lines the page has.
pub(super) fn height(rack: &Rack, node: &Node, area: Rect) -> usize {
    page::folded(lines(rack, node, (page::room(area), "…")), area).len()
}

pub(super) fn draw(
    rack: &Rack,
    node: &Node,
    scroll: usize,
    theme: &Theme,
    area: Rect,
    buf: &mut Buffer,
) {
    let title = format!("Rack {} {}", theme.symbols.arrow_right, node.name);
    let width = (page::room(area), theme.symbols.ellipsis);
    let lines = page::folded(lines(rack, node, width), area);
    let page = (title.as_str(), lines.as_slice(), scroll);
    page::draw(rack, page, theme, area, buf, |room, buf| {
        strip::draw_strip(&moments(rack, node, room.width), room, buf, theme);
    });
}

fn moments(rack: &Rack, node: &Node, cells: u16) -> Vec<strip::Beat> {
    let moments = rack.strip(&node.name, u32::from(cells));
    moments
        .into_iter()
        .map(|moment| match moment {
            Moment::Unknown => strip::Beat::Unknown,
            Moment::Beating => strip::Beat::Ok,
            Moment::Late => strip::Beat::Late,
            Moment::Lost => strip::Beat::Gap,
        })
        .collect()
}

/// `width`: the cells of a line, and the sign where the beginning of a name is missing.
fn lines(rack: &Rack, node: &Node, width: (usize, &str)) -> Vec<Line> {
    let mut lines = Vec::new();
    page::problems(rack, &Subject::Node(node.name.clone()), &mut lines);
    if let Some(swap) = rack.swap(&node.name) {
        heading(&mut lines, format!("Hot swap: {}", swap.word()));
        let words = swap.lines(rack.now).into_iter();
        lines.extend(words.map(|text| vec![(text, Piece::Plain)]));
    }
    if let Some(drain) = rack.drains.get(&node.uid) {
        super::drain::section(drain, rack, &mut lines);
    }
    heartbeat(rack, node, &mut lines);
    conditions(rack, node, &mut lines);
    board(rack, node, &mut lines);
    super::board::section(rack, node, &mut lines);
    super::vips::section(rack, node, &mut lines);
    events(rack, node, &mut lines);
    pods(rack, node, width, &mut lines);
    labels(node, &mut lines);
    lines
}

fn heartbeat(rack: &Rack, node: &Node, lines: &mut Vec<Line>) {
    heading(lines, "Heartbeat");
    let reading = rack.reading(&node.name);
    let Some(beat) = rack.beat(&node.name).filter(|_| reading.age.is_some()) else {
        let why = match rack.link.source(Source::Leases) {
            SourceState::Forbidden(_) => "? leases in kube-node-lease may not be read",
            _ => "? no Lease of this node in kube-node-lease",
        };
        lines.push(toned("last", why, Piece::Warn));
        return;
    };
    let (word, state) = match reading.pulse {
        Pulse::Beating => (
            "beating",
            led::Led::Beating {
                is_pulse: reading.is_pulsing,
            },
        ),
        Pulse::Late => ("late", led::Led::Late),
        Pulse::Lost => ("lost", led::Led::Lost),
        Pulse::Unknown => ("unknown", led::Led::Unknown),
    };
    let age = reading.age.map(short).unwrap_or_default();
    let estimate = if reading.is_estimate {
        " (by the node's own clock)"
    } else {
        ""
    };
    let lease = short(beat.lease_duration());
    lines.push(toned(
        "last",
        format!("{word}, {age} ago{estimate}; lost after {lease}"),
        Piece::Led(state),
    ));
    lines.push(vec![
        (format!("{:LABEL$}", "10 minutes"), Piece::Label),
        (String::new(), Piece::Picture),
    ]);
    lines.push(row("rhythm", rhythm(beat, reading)));
    if let Some(offset) = beat.clock_offset() {
        lines.push(toned("clock", clock(offset), Piece::Warn));
    }
}

fn rhythm(beat: &Beat, reading: BeatReading) -> String {
    let tenths = |duration: Duration| match duration.as_secs() {
        0..60 => format!("{:.1}s", duration.as_secs_f64()),
        _ => short(duration),
    };
    let jitter = beat.jitter().map_or("?".to_owned(), tenths);
    // The wait that goes on now counts as well.
    let waiting = reading.age.filter(|_| reading.pulse != Pulse::Beating);
    let gap = beat
        .longest_gap()
        .max(waiting)
        .map_or("?".to_owned(), tenths);
    let flaps = match beat.flaps() {
        0 if reading.pulse == Pulse::Lost => "not back yet".to_owned(),
        0 => "never lost".to_owned(),
        1 => "lost and back once".to_owned(),
        times => format!("lost and back {times} times"),
    };
    format!("jitter {jitter}, longest gap {gap}, {flaps}")
}

fn clock(offset: SignedDuration) -> String {
    let side = if offset.is_positive() {
        "ahead of"
    } else {
        "behind"
    };
    format!("{} {side} ours", short(offset.unsigned_abs()))
}

fn conditions(rack: &Rack, node: &Node, lines: &mut Vec<Line>) {
    heading(lines, "Conditions");
    if node.conditions.is_empty() {
        lines.push(toned("", "? this node reports none", Piece::Warn));
    }
    for condition in &node.conditions {
        let is_well = (condition.status == Truth::True) == (&*condition.kind == "Ready");
        let piece = match (is_well, condition.status) {
            (true, _) => Piece::Good,
            (false, Truth::Unknown) => Piece::Warn,
            (false, _) => Piece::Bad,
        };
        let since = condition
            .since
            .map_or("?".to_owned(), |since| short(rack.now.age_of(since)));
        let word = match condition.status {
            Truth::True => "yes",
            Truth::False => "no",
            Truth::Unknown => "unknown",
        };
        lines.push(vec![
            (format!("{:20} ", condition.kind), Piece::Label),
            (format!("{word:8}"), piece),
            (format!("for {since:5} "), Piece::Label),
            (
                if is_well {
                    condition.reason.to_string()
                } else {
                    condition.message.to_string()
                },
                Piece::Plain,
            ),
        ]);
    }
}

fn board(rack: &Rack, node: &Node, lines: &mut Vec<Line>) {
    heading(lines, "Board");
    let info = &node.info;
    let known = |text: &str| {
        if text.is_empty() {
            "?".to_owned()
        } else {
            text.to_owned()
        }
    };
    let age = node
        .created
        .map_or("?".to_owned(), |at| short(rack.now.age_of(at)));
    lines.push(row(
        "node",
        format!(
            "{}, joined {age} ago, {}",
            node.role().word(),
            known(&info.kubelet_version)
        ),
    ));
    match rack.backups.newest(node.name.as_str()) {
        Some(record) => {
            let age = short(rack.now.age_of(record.at));
            let text = format!("{age} ago, {}", record.datastore.word());
            lines.push(row("backup", text));
        }
        // Whoever keeps them elsewhere knows; whoever has none must learn it here.
        None if node.role() == Role::Server => {
            let text = format!("none on this machine; bramble backup {}", node.name);
            lines.push(row("backup", text));
        }
        None => {}
    }
    for address in &node.addresses {
        lines.push(row(&address.kind, &*address.address));
    }
    lines.push(row(
        "system",
        format!(
            "{}, kernel {}",
            known(&info.os_image),
            known(&info.kernel_version)
        ),
    ));
    lines.push(row(
        "runtime",
        format!(
            "{}, {}",
            known(&info.container_runtime),
            known(&info.architecture)
        ),
    ));
    if !node.pod_cidrs.is_empty() {
        lines.push(row("pod network", node.pod_cidrs.join(", ")));
    }
    lines.push(row("capacity", resources(&node.capacity)));
    lines.push(row("for pods", resources(&node.allocatable)));
    if let Some(usage) = rack.usage(&node.name) {
        let cpu = cores(usage.cpu_milli);
        lines.push(row(
            "in use",
            format!("{cpu} cores, {} memory", bytes(usage.memory_bytes)),
        ));
    }
    for taint in &node.taints {
        let value = if taint.value.is_empty() {
            String::new()
        } else {
            format!("={}", taint.value)
        };
        lines.push(toned(
            "taint",
            format!("{}{value}:{}", taint.key, taint.effect),
            Piece::Warn,
        ));
    }
}

fn resources(resources: &Resources) -> String {
    let or_unknown = |text: Option<String>| text.unwrap_or_else(|| "?".to_owned());
    format!(
        "{} cores, {} memory, {} disk, {} pods",
        or_unknown(resources.cpu_milli.map(cores)),
        or_unknown(resources.memory_bytes.map(bytes)),
        or_unknown(resources.disk_bytes.map(bytes)),
        or_unknown(resources.pods.map(|pods| pods.to_string())),
    )
}

fn cores(milli: u64) -> String {
    if milli.is_multiple_of(1_000) {
        (milli / 1_000).to_string()
    } else {
        format!("{}.{:02}", milli / 1_000, milli % 1_000 / 10)
    }
}

/// Binary units, as Kubernetes counts memory.
fn bytes(bytes: u64) -> String {
    const UNITS: [(&str, u64); 4] = [
        ("Ti", 1 << 40),
        ("Gi", 1 << 30),
        ("Mi", 1 << 20),
        ("Ki", 1 << 10),
    ];
    match UNITS.iter().find(|(_, unit)| bytes >= *unit) {
        Some((name, unit)) => format!("{}.{}{name}", bytes / unit, bytes % unit * 10 / unit),
        None => bytes.to_string(),
    }
}

fn events(rack: &Rack, node: &Node, lines: &mut Vec<Line>) {
    heading(lines, "Events");
    let before = lines.len();
    for event in rack.events_of(&node.name).take(EVENTS) {
        let age = event
            .last
            .map_or("?".to_owned(), |last| short(rack.now.age_of(last)));
        let times = if event.count > 1 {
            format!(" ({}x)", event.count)
        } else {
            String::new()
        };
        let piece = if event.is_warning {
            Piece::Warn
        } else {
            Piece::Plain
        };
        lines.push(vec![
            (format!("{age:>5} ago  "), Piece::Label),
            (format!("{}{times}  ", event.reason), piece),
            (event.message.to_string(), Piece::Plain),
        ]);
    }
    if lines.len() == before {
        lines.push(toned(
            "",
            nothing(
                rack,
                Source::Events,
                "none; the server forgets them after an hour",
            ),
            Piece::Label,
        ));
    }
}

/// As many columns as fit are whole; names give way first, and keep their ends, where they differ.
fn pods(rack: &Rack, node: &Node, (room, ellipsis): (usize, &str), lines: &mut Vec<Line>) {
    let mut pods = rack.pods_on(&node.name);
    // What fails comes first: it is why the page was opened.
    pods.sort_by_key(|pod| match pod.health() {
        PodHealth::Failing => 0,
        PodHealth::Waiting => 1,
        PodHealth::Running => 2,
        PodHealth::Done => 3,
    });
    heading(
        lines,
        if pods.is_empty() {
            "Pods".to_owned()
        } else {
            format!("Pods ({})", pods.len())
        },
    );
    if pods.is_empty() {
        lines.push(toned("", nothing(rack, Source::Pods, "none"), Piece::Label));
    }
    let widest = |text: &dyn Fn(&Pod) -> String| {
        let widths = pods.iter().map(|pod| text(pod).len());
        widths.max().unwrap_or_default()
    };
    let status = widest(&|pod| pod.status.to_string());
    let counts = widest(&ready);
    let tail = 2 + status + 2 + counts + 2 + AGE + widest(&restarts);
    let longest = widest(&name).min(room.saturating_sub(tail)).max(LEAST);
    for pod in pods {
        let piece = match pod.health() {
            PodHealth::Running => Piece::Good,
            PodHealth::Done => Piece::Label,
            PodHealth::Waiting => Piece::Warn,
            PodHealth::Failing => Piece::Bad,
        };
        let age = pod
            .created
            .map_or("?".to_owned(), |at| short(rack.now.age_of(at)));
        let name = name(pod);
        let name = cut_start(&name, longest, ellipsis);
        let (ready, restarts) = (self::ready(pod), restarts(pod));
        lines.push(vec![
            (format!("{name:longest$}  "), Piece::Plain),
            (format!("{:status$}  ", pod.status), piece),
            (
                format!("{ready:counts$}  {age:>AGE$}{restarts}"),
                Piece::Label,
            ),
        ]);
    }
}

fn name(pod: &Pod) -> String {
    format!("{}/{}", pod.namespace, pod.name)
}

fn ready(pod: &Pod) -> String {
    format!("{}/{}", pod.ready, pod.containers)
}

fn restarts(pod: &Pod) -> String {
    match pod.restarts {
        0 => String::new(),
        times => format!("  {times} restarts"),
    }
}

fn labels(node: &Node, lines: &mut Vec<Line>) {
    heading(lines, "Labels");
    for (key, value) in &node.labels {
        lines.push(vec![
            (format!("{key}="), Piece::Label),
            (value.to_string(), Piece::Plain),
        ]);
    }
}
