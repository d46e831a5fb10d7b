//! Draining a node as `kubectl drain` does it: what is evicted, what has to be asked about, how far it is.
//!
//! Pure: requests are made in `clients/kubernetes/drain.rs`, which sends [`News`]; [`Drain`] takes them in. Invariant:
//! nothing is evicted while one pod of the node has no answer ([`Plan::objections`]), and a pod counts as gone only when
//! no pod with its UID is left.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::rack::node::{NodeName, Uid};
use crate::rack::problem::{Problem, Severity, Subject};
use crate::rack::time::{Now, short};

/// A budget that holds a pod back for so long is a problem to look at: some budgets can never be met.
const STUCK: Duration = Duration::from_secs(60);

/// A pod as draining looks at it: the few fields of the API object that decide.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Occupant {
    pub pod: PodId,
    /// Kind and name of the owner with `controller: true`.
    pub controller: Option<(Box<str>, Box<str>)>,
    /// Has the annotation `kubernetes.io/config.mirror`: the API only shows it, the kubelet runs it from a file.
    pub is_mirror: bool,
    /// The names of its emptyDir volumes.
    pub empty_dirs: Vec<Box<str>>,
    /// The names of its `PersistentVolumeClaims`.
    pub claims: Vec<Box<str>>,
    /// Phase Succeeded or Failed.
    pub is_finished: bool,
    /// Has a deletion time stamp.
    pub is_terminating: bool,
}

/// Which pod, whatever takes its name later.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PodId {
    pub namespace: Box<str>,
    pub name: Box<str>,
    pub uid: Uid,
}

impl Default for PodId {
    fn default() -> Self {
        Self {
            namespace: "".into(),
            name: "".into(),
            uid: Uid("".into()),
        }
    }
}

impl std::fmt::Display for PodId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// What happens to a pod, in kubectl's order of rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Evict,
    /// Evicted, and what its emptyDir volumes hold is lost: kubectl wants `--delete-emptydir-data`.
    LoseData,
    /// Evicted, and nobody makes it again: kubectl wants `--force`.
    LosePod,
    /// A DaemonSet runs it here and would make it again at once.
    DaemonSetStays,
    MirrorStays,
}

/// What the person allowed; kubectl's flags `--delete-emptydir-data`, `--force` and `--skip-wait-for-delete-timeout`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Consent {
    pub lose_data: bool,
    pub lose_pods: bool,
    /// The board is silent: nothing on it can end its pods, so that they are marked and not waited for.
    pub only_mark: bool,
}

/// What draining would do, before anything is done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    pub pods: Vec<(Occupant, Fate)>,
    /// Claims (`namespace/name`) whose volume lies on this node: a pod that uses one waits until the node is back.
    /// `None` when volumes may not be read.
    pub pinned: Option<BTreeSet<String>>,
}

impl Plan {
    /// `daemon_sets` as `(namespace, name)`; `None` when they cannot be read, and then each is taken to exist.
    pub fn of(
        occupants: Vec<Occupant>,
        daemon_sets: Option<&BTreeSet<(Box<str>, Box<str>)>>,
    ) -> Plan {
        let mut pods: Vec<(Occupant, Fate)> = occupants
            .into_iter()
            .map(|occupant| {
                let fate = fate(&occupant, daemon_sets);
                (occupant, fate)
            })
            .collect();
        pods.sort_by(|(a, _), (b, _)| a.pod.cmp(&b.pod));
        Plan { pods, pinned: None }
    }

    /// The pods that go.
    pub fn leaving(&self) -> impl Iterator<Item = &Occupant> {
        self.pods
            .iter()
            .filter(|(_, fate)| fate.leaves())
            .map(|(occupant, _)| occupant)
    }

    /// The pods of one fate.
    pub fn with_fate(&self, wanted: Fate) -> impl Iterator<Item = &Occupant> {
        self.pods
            .iter()
            .filter(move |(_, fate)| *fate == wanted)
            .map(|(occupant, _)| occupant)
    }

    /// The pods that must not go without a word of the person; with one of them nothing goes.
    pub fn objections(&self, consent: Consent) -> Vec<&Occupant> {
        self.pods
            .iter()
            .filter(|(_, fate)| match fate {
                Fate::LoseData => !consent.lose_data,
                Fate::LosePod => !consent.lose_pods,
                Fate::Evict | Fate::DaemonSetStays | Fate::MirrorStays => false,
            })
            .map(|(occupant, _)| occupant)
            .collect()
    }

    /// The pods that go and wait for this very node, because their volume lies on it.
    pub fn pinned_pods(&self) -> Vec<&Occupant> {
        let Some(pinned) = &self.pinned else {
            return Vec::new();
        };
        let is_pinned = |occupant: &&Occupant| {
            let claim = |name: &str| format!("{}/{name}", occupant.pod.namespace);
            !occupant.is_finished
                && occupant
                    .claims
                    .iter()
                    .any(|name| pinned.contains(&claim(name)))
        };
        self.leaving().filter(is_pinned).collect()
    }
}

impl Fate {
    pub fn leaves(self) -> bool {
        !matches!(self, Fate::DaemonSetStays | Fate::MirrorStays)
    }
}

/// The filters of kubectl in their order; the first that has something to say decides.
fn fate(pod: &Occupant, daemon_sets: Option<&BTreeSet<(Box<str>, Box<str>)>>) -> Fate {
    let is_orphan = |name: &str| {
        daemon_sets.is_some_and(|known| !known.contains(&(pod.pod.namespace.clone(), name.into())))
    };
    match &pod.controller {
        // A finished pod of a DaemonSet goes like any other, and so does one whose DaemonSet is gone.
        Some((kind, name)) if &**kind == "DaemonSet" && !pod.is_finished => {
            return if is_orphan(name) {
                Fate::LosePod
            } else {
                Fate::DaemonSetStays
            };
        }
        _ => {}
    }
    if pod.is_mirror {
        return Fate::MirrorStays;
    }
    match pod.controller {
        _ if pod.is_finished => Fate::Evict,
        // Losing the pod is the graver of the two.
        None => Fate::LosePod,
        Some(_) if !pod.empty_dirs.is_empty() => Fate::LoseData,
        Some(_) => Fate::Evict,
    }
}

/// The budget named in what the server says about an eviction it refuses:
/// `The disruption budget shop needs 2 healthy pods and has 2 currently`.
pub fn budget_in(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("disruption budget ")?;
    let name = rest.split_whitespace().next()?;
    let is_name = |c: char| c.is_ascii_alphanumeric() || "-.".contains(c);
    name.chars().all(is_name).then_some(name)
}

/// What the client tells while it drains.
#[derive(Debug, Clone, PartialEq)]
pub enum News {
    Begun {
        node: NodeName,
        context: String,
        is_swap: bool,
    },
    Cordoned,
    /// The pods that will go.
    Pods(Vec<PodId>),
    Pod(Uid, PodNews),
    Ended(End),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PodNews {
    /// Refused for now and tried again: the server's own words, or why it could not be asked.
    Held(String),
    /// The eviction was accepted.
    Leaving,
    /// No pod with this UID is left.
    Gone,
    /// Refused for good.
    Failed(String),
}

#[derive(Debug, Clone, PartialEq)]
pub enum End {
    Drained,
    /// Stopped on request: what was not evicted yet stays.
    Cancelled,
    Failed(Problem),
}

/// A drain that goes on, or has ended: what the screen shows of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Drain {
    pub node: NodeName,
    pub context: String,
    /// By our own clock.
    pub begun: Duration,
    pub is_cordoned: bool,
    pub is_cancelling: bool,
    /// `None` until the pods have been listed.
    pub pods: Option<Vec<Departure>>,
    pub end: Option<(End, Duration)>,
}

/// One pod on its way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Departure {
    pub pod: PodId,
    pub state: PodState,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PodState {
    Waiting,
    Held { why: String, since: Duration },
    Leaving { since: Duration },
    Gone,
    Failed(String),
}

/// How many pods are in which state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    pub all: usize,
    pub gone: usize,
    pub leaving: usize,
    pub held: usize,
    pub failed: usize,
}

impl Drain {
    pub fn begin(node: NodeName, context: String, now: Now) -> Drain {
        Drain {
            node,
            context,
            begun: now.mono,
            is_cordoned: false,
            is_cancelling: false,
            pods: None,
            end: None,
        }
    }

    pub fn is_running(&self) -> bool {
        self.end.is_none()
    }

    /// Takes in what the client tells. News about pods nobody announced, or after the end, change nothing.
    pub fn apply(&mut self, news: News, now: Now) {
        if !self.is_running() {
            return;
        }
        match news {
            News::Begun { .. } => {}
            News::Cordoned => self.is_cordoned = true,
            News::Pods(pods) => {
                let departure = |pod| Departure {
                    pod,
                    state: PodState::Waiting,
                };
                self.pods = Some(pods.into_iter().map(departure).collect());
            }
            News::Pod(uid, news) => {
                let known = self.pods.iter_mut().flatten();
                if let Some(departure) = known.into_iter().find(|it| it.pod.uid == uid) {
                    departure.state.apply(news, now);
                }
            }
            News::Ended(end) => self.end = Some((end, now.mono)),
        }
    }

    pub fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        for departure in self.pods.iter().flatten() {
            tally.all += 1;
            match departure.state {
                PodState::Waiting => {}
                PodState::Held { .. } => tally.held += 1,
                PodState::Leaving { .. } => tally.leaving += 1,
                PodState::Gone => tally.gone += 1,
                PodState::Failed(_) => tally.failed += 1,
            }
        }
        tally
    }

    /// In a word or two for a table: `draining 3/14`.
    pub fn word(&self) -> String {
        let Tally { all, gone, .. } = self.tally();
        match (&self.end, &self.pods) {
            (Some((End::Drained, _)), _) => "drained".to_owned(),
            (Some((End::Cancelled, _)), _) => "drain stopped".to_owned(),
            (Some((End::Failed(_), _)), _) => "drain failed".to_owned(),
            (None, None) => "draining".to_owned(),
            (None, Some(_)) => format!("draining {gone}/{all}"),
        }
    }

    /// In a sentence, for the foot of the screen when it has ended.
    pub fn result(&self) -> Option<Result<String, Problem>> {
        let (end, at) = self.end.as_ref()?;
        let took = short(at.saturating_sub(self.begun));
        let tally = self.tally();
        let node = &self.node;
        Some(match end {
            End::Drained if tally.leaving > 0 => {
                let pods = count(tally.leaving, "pod is", "pods are");
                Ok(format!(
                    "node {node} is silent: {pods} marked to go; they end when it beats again or is removed"
                ))
            }
            End::Drained => {
                let pods = count(tally.all, "pod", "pods");
                Ok(format!("node {node} is drained: {pods} gone in {took}"))
            }
            End::Cancelled => {
                let left = tally.gone + tally.leaving;
                Ok(format!(
                    "draining of {node} stopped: {left} of {} evicted; it is still cordoned, uncordon undoes that",
                    count(tally.all, "pod", "pods")
                ))
            }
            End::Failed(problem) => Err(problem.clone()),
        })
    }

    /// Pods held back so long that somebody must look, as one problem.
    pub fn problem(&self, now: Now) -> Option<Problem> {
        if !self.is_running() {
            return None;
        }
        let stuck: Vec<(&PodId, &str, Duration)> = self
            .pods
            .iter()
            .flatten()
            .filter_map(|departure| match &departure.state {
                PodState::Held { why, since } if now.since(*since) >= STUCK => {
                    Some((&departure.pod, why.as_str(), *since))
                }
                _ => None,
            })
            .collect();
        let (pod, why, since) = stuck.iter().min_by_key(|(_, _, since)| *since)?;
        let what = format!(
            "draining of node {} waits for {}",
            self.node,
            count(stuck.len(), "pod", "pods")
        );
        let mut problem = Problem::new(Severity::Warning, Subject::Node(self.node.clone()), what)
            .why(format!(
                "{pod} is held back for {}: {why}",
                short(now.since(*since))
            ));
        problem = match budget_in(why) {
            Some(budget) => problem.next(format!(
                "make more pods healthy, or loosen the budget: kubectl edit pdb -n {} {budget}; ctrl-c stops the drain",
                pod.namespace
            )),
            None => problem.next("it is tried again every few seconds; ctrl-c stops the drain"),
        };
        for (pod, why, _) in &stuck {
            problem = problem.evidence(format!("{pod}: {why}"));
        }
        Some(problem)
    }
}

impl PodState {
    /// A pod that is gone stays gone, and one that leaves is not held any more.
    fn apply(&mut self, news: PodNews, now: Now) {
        *self = match (&*self, news) {
            (PodState::Gone, _) | (PodState::Leaving { .. }, PodNews::Leaving) => return,
            (PodState::Held { since, .. }, PodNews::Held(why)) => {
                PodState::Held { why, since: *since }
            }
            (_, PodNews::Held(why)) => PodState::Held {
                why,
                since: now.mono,
            },
            (_, PodNews::Leaving) => PodState::Leaving { since: now.mono },
            (_, PodNews::Gone) => PodState::Gone,
            (_, PodNews::Failed(why)) => PodState::Failed(why),
        };
    }
}

/// `1 pod`, `3 pods`.
pub fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests;
