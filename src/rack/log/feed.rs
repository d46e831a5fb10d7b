//! What is opened into the log viewer, and what reading it brings. Nothing here but [`Origin`] knows what kind of thing
//! the lines come from.
//!
//! A feed is what was asked for at one time (the pods of a Deployment, the journal of a board); it brings the lines of
//! one or more sources (containers, units), which it counts from 0.

use std::time::Duration;

use crate::rack::board::Journal;
use crate::rack::log::query;
use crate::rack::log::{LogLine, LogQuery, SourceId, SourceState};
use crate::rack::node::NodeName;
use crate::rack::problem::{Problem, Subject};
use crate::rack::ssh::Destination;

/// Behind the title of what was written before a restart.
pub const BEFORE: &str = ", before the restart";

/// Numbers what was opened into the viewer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FeedId(pub u32);

/// What a pane asks the viewer to show.
#[derive(Debug, Clone, PartialEq)]
pub struct Opening {
    /// `deploy/web`, `node rpi-01`.
    pub title: String,
    pub origins: Vec<Origin>,
    /// Beside what is shown already, instead of in its place.
    pub joins: bool,
}

/// Where the lines of a feed come from: one variant for each kind of thing that has any.
#[derive(Debug, Clone, PartialEq)]
pub enum Origin {
    Pods(PodLogs),
    Journal(JournalLogs),
}

/// What a board writes, over SSH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalLogs {
    pub node: NodeName,
    pub to: Destination,
    pub journal: Journal,
}

/// Logs of pods.
#[derive(Debug, Clone, PartialEq)]
pub struct PodLogs {
    /// The context that was on the screen when it was asked for.
    pub context: String,
    /// Its namespace is `None` for all of them.
    pub query: LogQuery,
    /// The namespace is the one of the context.
    pub is_at_home: bool,
    /// Kind and name of what the pods belong to, as kubectl writes it: `deploy`, `web`. Its selector is read first.
    pub workload: Option<(String, String)>,
}

/// What a feed brings.
#[derive(Debug, Clone, PartialEq)]
pub enum FeedNews {
    /// A source was found; its number is the next one of this feed.
    Source {
        source: SourceId,
        /// As a sentence names it: `office/web-7f9c5d6b8-x2x4z (app)`.
        name: String,
        /// Before its lines: `web-x2x4z`. The viewer takes the long name where two are the same.
        short: String,
    },
    State(SourceId, SourceState),
    Lines(Vec<LogLine>),
    /// So many lines were lost on the way.
    Lost(SourceId, u64),
    Section(SourceId, Section),
    /// It concerns the feed as a whole.
    Trouble(Box<Problem>),
}

/// Lines that belong together and can be folded away. The line before the beginning is their head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Section {
    Begun,
    Ended { took: Option<Duration> },
}

impl Opening {
    /// What the pods behind an object write: of a node, all of them; `None` when it has none.
    pub fn of(subject: &Subject, context: &str) -> Option<Opening> {
        let (title, logs) = match subject {
            Subject::Node(node) => (format!("node {node}"), query::node(context, node.as_str())),
            Subject::Service(service) => {
                let logs = query::workload(context, &service.namespace, "svc", &service.name);
                (format!("svc/{}", service.name), logs)
            }
            Subject::Pod(pod) => (format!("pod {}", pod.name), query::pod(context, pod)),
            Subject::Workload(it) => {
                let word = it.word()?;
                let logs = query::workload(context, &it.namespace, word, &it.name);
                (format!("{word}/{}", it.name), logs)
            }
            _ => return None,
        };
        Some(Opening::pods(title, logs))
    }

    /// What a board writes.
    pub fn journal(node: NodeName, to: Destination, journal: Journal) -> Opening {
        let title = match &journal {
            Journal::Unit(unit) => format!("{unit} on {node}"),
            Journal::PreviousBoot => format!("previous boot of {node}"),
            Journal::Kernel => format!("kernel of {node}"),
        };
        Opening {
            title,
            origins: vec![Origin::Journal(JournalLogs { node, to, journal })],
            joins: false,
        }
    }

    /// The same, as it was before the restart.
    #[must_use]
    pub fn before_restart(mut self) -> Opening {
        let previous = |origin: Origin| origin.previous().unwrap_or(origin);
        self.origins = self.origins.into_iter().map(previous).collect();
        self.title.push_str(BEFORE);
        self
    }

    /// What the pods of one query write.
    pub fn pods(title: impl Into<String>, logs: PodLogs) -> Opening {
        Opening {
            title: title.into(),
            origins: vec![Origin::Pods(logs)],
            joins: false,
        }
    }
}

impl Origin {
    /// The same, as it was before the restart; `None` where there is no such thing.
    pub fn previous(&self) -> Option<Origin> {
        match self {
            Origin::Pods(logs) => {
                let mut logs = logs.clone();
                logs.query.previous = !logs.query.previous;
                logs.query.follow = !logs.query.previous;
                Some(Origin::Pods(logs))
            }
            Origin::Journal(_) => None,
        }
    }

    /// The same from further back; `None` when it is whole already.
    pub fn earlier(&self) -> Option<Origin> {
        match self {
            Origin::Pods(logs) => {
                let mut logs = logs.clone();
                let tail = logs.query.tail?;
                logs.query.tail = (tail < 100_000).then_some(tail.saturating_mul(10));
                Some(Origin::Pods(logs))
            }
            Origin::Journal(_) => None,
        }
    }
}

/// The name of a pod without the hashes that controllers put into it: `web-x2x4z` for `web-7f9c5d6b8-x2x4z`.
pub fn short_pod_name(pod: &str) -> String {
    // Kubernetes' own hashes have no vowels, so that no words come of them; some controllers write hexadecimal digits.
    let of = |part: &str, letters: &str| part.chars().all(|c| letters.contains(c));
    let is_hash = |part: &str, lengths: std::ops::RangeInclusive<usize>| {
        lengths.contains(&part.len())
            && (of(part, "bcdfghjklmnpqrstvwxz2456789") || of(part, "0123456789abcdef"))
    };
    if let Some((rest, last)) = pod.rsplit_once('-')
        && let Some((name, template)) = rest.rsplit_once('-')
        && is_hash(last, 5..=5)
        && is_hash(template, 6..=10)
    {
        return format!("{name}-{last}");
    }
    pod.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_is_called_by_what_tells_it_from_others() {
        for (pod, expected) in [
            ("web-7f9c5d6b8-x2x4z", "web-x2x4z"),
            (
                "local-path-provisioner-5cf85fd84d-q8vzn",
                "local-path-provisioner-q8vzn",
            ),
            ("controller-bd61c91201-r25sg", "controller-r25sg"),
            ("db-0", "db-0"),
            ("speaker-x7k2b", "speaker-x7k2b"),
            (
                "helm-install-traefik-crd-abcde",
                "helm-install-traefik-crd-abcde",
            ),
            ("", ""),
        ] {
            assert_eq!(short_pod_name(pod), expected);
        }
    }

    #[test]
    fn the_past_is_asked_for_in_steps_and_previous_turns_back() {
        let logs = PodLogs {
            context: "office".to_owned(),
            query: LogQuery {
                tail: Some(10_000),
                ..LogQuery::default()
            },
            is_at_home: true,
            workload: None,
        };
        let origin = Origin::Pods(logs);
        let earlier = origin.earlier().unwrap();
        let tail = |origin: &Origin| match origin {
            Origin::Pods(logs) => (logs.query.tail, logs.query.previous, logs.query.follow),
            Origin::Journal(_) => (None, false, false),
        };
        assert_eq!(tail(&earlier), (Some(100_000), false, true));
        let whole = earlier.earlier().unwrap();
        assert_eq!(tail(&whole), (None, false, true));
        assert_eq!(whole.earlier(), None);
        let previous = origin.previous().unwrap();
        assert_eq!(tail(&previous), (Some(10_000), true, false));
        assert_eq!(previous.previous(), Some(origin));
    }
}
