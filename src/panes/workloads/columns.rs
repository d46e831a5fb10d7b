//! The columns of the table of workloads: what each says, and how it sorts.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::panes::listing::{TableColumn, Tone};
use crate::panes::workloads::Item;
use crate::rack::Rack;
use crate::rack::node::NodeName;
use crate::rack::pod::{Pod, PodHealth};
use crate::rack::time::short;
use crate::rack::workloads::Group;
use crate::ui::table::layout::Column as Layout;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    Name,
    Kind,
    Ready,
    Status,
    Restarts,
    Node,
    Age,
}

pub(super) const COLUMNS: [Column; 7] = [
    Column::Name,
    Column::Kind,
    Column::Ready,
    Column::Status,
    Column::Restarts,
    Column::Node,
    Column::Age,
];

impl TableColumn for Column {
    const ALL: &'static [Column] = &COLUMNS;

    fn layout(self) -> Layout {
        match self {
            Column::Name => Layout::words("WORKLOAD", 18, 60, 0).keeping_the_end(),
            Column::Kind => Layout::words("KIND", 6, 12, 6).hugging(),
            Column::Ready => Layout::numbers("READY", 5, 7, 2),
            // The sign and the longest word there is: it is what the table is for, and other columns go before it is cut.
            Column::Status => Layout::words("STATUS", 28, 28, 1).hugging(),
            Column::Restarts => Layout::numbers("RESTARTS", 8, 8, 4),
            Column::Node => Layout::words("NODE", 6, 24, 3),
            Column::Age => Layout::numbers("AGE", 4, 5, 5),
        }
    }

    fn is_wide_only(self) -> bool {
        false
    }
}

impl Column {
    /// What the cell says, and in what tone.
    pub(super) fn cell<'a>(self, rack: &Rack, item: &Item<'a>) -> (Cow<'a, str>, Tone) {
        match item {
            Item::Group(group) => self.of_group(rack, group),
            Item::Pod(_, pod) => self.of_pod(rack, pod),
        }
    }

    fn of_group<'a>(self, rack: &Rack, group: &Group<'a>) -> (Cow<'a, str>, Tone) {
        let worst = group.worst();
        match self {
            Column::Name => {
                let it = &group.workload;
                (format!("{}/{}", it.namespace, it.name).into(), Tone::Plain)
            }
            Column::Kind => {
                let word = group.workload.word().map(str::to_owned);
                (
                    word.unwrap_or_else(|| group.workload.kind.to_lowercase())
                        .into(),
                    Tone::Muted,
                )
            }
            Column::Ready => {
                if let Some(idle) = group.idle {
                    return (format!("0/{}", idle.wanted).into(), idle_tone(group));
                }
                let done = |pod: &&&Pod| pod.health() == PodHealth::Done;
                let all = group.pods.len() - group.pods.iter().filter(done).count();
                let (ready, tone) = (group.ready(), worst.map_or(Tone::Plain, tone));
                (
                    if all == 0 {
                        "done".into()
                    } else {
                        format!("{ready}/{all}").into()
                    },
                    tone,
                )
            }
            Column::Status if group.idle.is_some_and(|it| it.wanted == 0) => {
                ("scaled to 0".into(), Tone::Muted)
            }
            Column::Status if group.idle.is_some() => ("no pod is made".into(), Tone::Bad),
            Column::Status => worst.map_or(("".into(), Tone::Muted), |pod| {
                (pod.status.to_string().into(), tone(pod))
            }),
            Column::Restarts => (group.restarts().to_string().into(), Tone::Muted),
            Column::Node => nodes(group),
            Column::Age => {
                let first = group.pods.iter().filter_map(|pod| pod.created).min();
                let first = first.or(group.idle.and_then(|it| it.created));
                (
                    first.map_or("?".into(), |at| short(rack.now.age_of(at)).into()),
                    Tone::Muted,
                )
            }
        }
    }

    fn of_pod<'a>(self, rack: &Rack, pod: &'a Pod) -> (Cow<'a, str>, Tone) {
        match self {
            Column::Name => (format!("  {}", pod.name).into(), Tone::Plain),
            Column::Kind => ("pod".into(), Tone::Muted),
            Column::Ready => (
                format!("{}/{}", pod.ready, pod.containers).into(),
                tone(pod),
            ),
            Column::Status => ((&*pod.status).into(), tone(pod)),
            Column::Restarts => (pod.restarts.to_string().into(), Tone::Muted),
            Column::Node => node(pod),
            Column::Age => {
                let age = pod
                    .created
                    .map_or("?".into(), |at| short(rack.now.age_of(at)).into());
                (age, Tone::Muted)
            }
        }
    }

    /// Sorts the troubled first, names ascending.
    pub(super) fn sort_key(self, rack: &Rack, group: &Group<'_>) -> (u64, String) {
        let name = format!("{}/{}", group.workload.namespace, group.workload.name);
        let text = || self.of_group(rack, group).0.into_owned();
        match self {
            Column::Name => (0, name),
            Column::Ready => (group.ready() as u64, name),
            Column::Status => (u64::from(!group.is_failing()), text()),
            Column::Restarts => (u64::from(u32::MAX - group.restarts()), name),
            Column::Kind | Column::Node => (0, text()),
            Column::Age => {
                let first = group.pods.iter().filter_map(|pod| pod.created).min();
                let age = first.map_or(u64::MAX, |at| rack.now.age_of(at).as_secs());
                (age, name)
            }
        }
    }
}

fn idle_tone(group: &Group<'_>) -> Tone {
    if group.is_failing() {
        Tone::Bad
    } else {
        Tone::Muted
    }
}

/// The node of all its pods, or how many nodes they are on; a pod that waits for one counts for none.
fn nodes<'a>(group: &Group<'_>) -> (Cow<'a, str>, Tone) {
    let names: BTreeSet<&NodeName> = (group.pods.iter())
        .filter_map(|pod| pod.node.as_ref())
        .collect();
    match (names.len(), names.first()) {
        (1, Some(name)) => (name.to_string().into(), Tone::Plain),
        (0, _) => ("".into(), Tone::Muted),
        (count, _) => (format!("{count} nodes").into(), Tone::Muted),
    }
}

fn node<'a>(pod: &Pod) -> (Cow<'a, str>, Tone) {
    match &pod.node {
        Some(node) => (node.to_string().into(), Tone::Plain),
        None => ("".into(), Tone::Muted),
    }
}

pub(super) fn tone(pod: &Pod) -> Tone {
    match pod.health() {
        PodHealth::Running => Tone::Good,
        PodHealth::Done => Tone::Muted,
        PodHealth::Waiting => Tone::Warn,
        PodHealth::Failing => Tone::Bad,
    }
}
