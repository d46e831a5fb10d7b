//! Draining a node: cordon, list, evict, wait. The rules stand in `rack/drain.rs`; this makes the requests.
//!
//! Evictions are posted by hand: kube writes `delete_options` where the API knows `deleteOptions`, so that a dry run or
//! a precondition set through it would be ignored. Invariants: an eviction names the UID of the pod it was decided for;
//! disruption budgets are honoured, a pod is never deleted past them; a request under way is waited for, also after
//! `cancel`, so that what is told is what happened.

mod departures;
mod occupants;

use std::collections::BTreeMap;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use http::Method;
use serde_json::json;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::connection::{Asking, Connection};
use super::error::{Error, Rule};
use super::write;
use crate::rack::drain::{Consent, End, News, Occupant, Plan, PodNews};
use crate::rack::node::{NodeName, Uid};
use crate::rack::problem::{Problem, Severity, Subject};
use departures::Departed;

/// kubectl tries a refused eviction again after so long.
pub const RETRY: Duration = Duration::from_secs(5);
/// Requests on the wire at once: each is a TLS connection, and the server may be a Pi.
const AT_ONCE: usize = 8;

static EVICT: Rule = Rule {
    verbs: "create",
    resource: "pods/eviction",
    group: "",
    namespace: None,
};

/// One drain: of this very node, with what the person allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    pub node: NodeName,
    pub uid: Uid,
    pub consent: Consent,
    /// How long to wait before a refused eviction is tried again.
    pub retry: Duration,
}

/// What draining the node would do. Changes nothing.
pub async fn plan(connection: &Connection, node: &NodeName, uid: &Uid) -> Result<Plan, Error> {
    write::read_again(connection, &Subject::Node(node.clone()), uid).await?;
    let listed = occupants::list(connection, node).await?;
    let daemon_sets = occupants::daemon_sets(connection).await;
    let mut plan = Plan::of(listed.occupants, daemon_sets.as_ref());
    plan.pinned = occupants::pinned_claims(connection, node).await;
    Ok(plan)
}

/// Drains, and tells `out` of every step; the last news is the end. Dropped in the middle it stops where it is.
pub async fn drain(
    connection: &Connection,
    order: &Order,
    cancel: &CancellationToken,
    out: &mpsc::Sender<News>,
) {
    let end = match run(connection, order, cancel, out).await {
        Ok(end) => end,
        Err(error) => {
            let mut problem = error.problem();
            problem.what = format!("node {} was not drained: {}", order.node, problem.what);
            End::Failed(problem)
        }
    };
    tell(out, News::Ended(end)).await;
}

async fn tell(out: &mpsc::Sender<News>, news: News) {
    // Nobody may be listening any more; the drain goes on all the same.
    let _ = out.send(news).await;
}

async fn run(
    connection: &Connection,
    order: &Order,
    cancel: &CancellationToken,
    out: &mpsc::Sender<News>,
) -> Result<End, Error> {
    write::cordon(connection, &order.node, &order.uid, true).await?;
    tell(out, News::Cordoned).await;
    let listed = occupants::list(connection, &order.node).await?;
    let daemon_sets = occupants::daemon_sets(connection).await;
    let plan = Plan::of(listed.occupants, daemon_sets.as_ref());
    let objections = plan.objections(order.consent);
    if !objections.is_empty() {
        return Ok(End::Failed(unforeseen(&order.node, &objections)));
    }
    let pods: Vec<&Occupant> = plan.leaving().collect();
    let ids = pods.iter().map(|occupant| occupant.pod.clone()).collect();
    tell(out, News::Pods(ids)).await;
    if pods.is_empty() {
        return Ok(End::Drained);
    }
    let (departed, departures) = mpsc::channel(16);
    let evictions = Evictions::new(connection, order, cancel, out);
    tokio::select! {
        end = evictions.run(&pods, departures) => Ok(end),
        never = departures::watch(connection, &order.node, listed.version, departed) => match never {},
    }
}

/// A pod turned up that the person was not asked about.
fn unforeseen(node: &NodeName, pods: &[&Occupant]) -> Problem {
    let subject = Subject::Node(node.clone());
    let what = format!("node {node} is cordoned, but nothing was evicted");
    let mut problem = Problem::new(Severity::Warning, subject, what)
        .why("pods came to the node that would lose data or would not come back, and nobody was asked about them")
        .next("drain again to be asked, or uncordon");
    for occupant in pods {
        problem = problem.evidence(occupant.pod.to_string());
    }
    problem
}

/// The evictions of one drain.
struct Evictions<'a> {
    connection: &'a Connection,
    order: &'a Order,
    cancel: &'a CancellationToken,
    out: &'a mpsc::Sender<News>,
    places: Semaphore,
}

/// What came of one try.
enum Outcome {
    Accepted,
    Gone,
    /// Not now; in the server's words.
    Held(String),
    Failed(Error),
    /// Not tried: the drain was stopped.
    Stopped,
}

impl<'a> Evictions<'a> {
    fn new(
        connection: &'a Connection,
        order: &'a Order,
        cancel: &'a CancellationToken,
        out: &'a mpsc::Sender<News>,
    ) -> Self {
        let places = Semaphore::new(AT_ONCE);
        Self {
            connection,
            order,
            cancel,
            out,
            places,
        }
    }

    async fn run(&self, pods: &[&Occupant], mut departures: mpsc::Receiver<Departed>) -> End {
        let mut tries: FuturesUnordered<_> = pods
            .iter()
            .map(|pod| self.attempt(pod, Duration::ZERO))
            .collect();
        let mut left: BTreeMap<&Uid, &Occupant> =
            pods.iter().map(|pod| (&pod.pod.uid, *pod)).collect();
        let mut failed = Vec::new();
        loop {
            let is_over = left.len() == failed.len();
            if tries.is_empty() && (is_over || self.cancel.is_cancelled()) {
                break;
            }
            tokio::select! {
                Some((pod, outcome)) = tries.next(), if !tries.is_empty() => match outcome {
                    Outcome::Accepted => {
                        self.pod(pod, PodNews::Leaving).await;
                        if self.order.consent.only_mark {
                            left.remove(&pod.pod.uid);
                        }
                    }
                    Outcome::Gone => {
                        if left.remove(&pod.pod.uid).is_some() {
                            self.pod(pod, PodNews::Gone).await;
                        }
                    }
                    Outcome::Held(why) => {
                        self.pod(pod, PodNews::Held(why)).await;
                        tries.push(self.attempt(pod, self.order.retry));
                    }
                    Outcome::Failed(error) => {
                        let problem = error.problem();
                        self.pod(pod, PodNews::Failed(problem.sentence())).await;
                        failed.push((pod, problem));
                    }
                    Outcome::Stopped => {}
                },
                Some(departed) = departures.recv() => {
                    let gone: Vec<&Occupant> = left
                        .values()
                        .filter(|pod| departed.includes(&pod.pod.uid))
                        .copied()
                        .collect();
                    for pod in gone {
                        left.remove(&pod.pod.uid);
                        failed.retain(|(other, _)| other.pod != pod.pod);
                        self.pod(pod, PodNews::Gone).await;
                    }
                }
                () = self.cancel.cancelled(), if tries.is_empty() => {}
            }
        }
        match (failed.is_empty(), left.is_empty()) {
            (_, true) => End::Drained,
            (false, false) => End::Failed(self.refused(&failed)),
            (true, false) => End::Cancelled,
        }
    }

    async fn pod(&self, pod: &Occupant, news: PodNews) {
        tell(self.out, News::Pod(pod.pod.uid.clone(), news)).await;
    }

    /// One try, after a pause that ends when the drain is stopped.
    async fn attempt<'p>(&self, pod: &'p Occupant, pause: Duration) -> (&'p Occupant, Outcome) {
        tokio::select! {
            () = self.cancel.cancelled() => return (pod, Outcome::Stopped),
            () = sleep(pause) => {}
        }
        // Never closed; and a place is free again soon, for requests have a limit.
        let _place = self.places.acquire().await;
        if self.cancel.is_cancelled() {
            return (pod, Outcome::Stopped);
        }
        (pod, self.evict(pod).await)
    }

    async fn evict(&self, pod: &Occupant) -> Outcome {
        let id = &pod.pod;
        let mut path = "/api/v1/namespaces/".to_owned();
        super::source::push_encoded(&mut path, &id.namespace);
        path.push_str("/pods/");
        super::source::push_encoded(&mut path, &id.name);
        path.push_str("/eviction");
        let body = json!({
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": { "name": &*id.name, "namespace": &*id.namespace },
            "deleteOptions": { "preconditions": { "uid": &*id.uid.0 } },
        });
        let asking = Asking {
            rule: &EVICT,
            what: "such pod",
        };
        let answer = self
            .connection
            .write(
                Method::POST,
                &path,
                write::JSON,
                body.to_string().into_bytes(),
                asking,
            )
            .await;
        match answer {
            Ok(_) => Outcome::Accepted,
            // 409: another pod has its name.
            Err(Error::Missing { .. } | Error::Server { code: 409, .. }) => Outcome::Gone,
            Err(Error::Busy { message, .. }) => Outcome::Held(message),
            // In a namespace that is being deleted no eviction can be made; its pods go by themselves.
            Err(Error::Forbidden { message, .. }) if message.contains("is being terminated") => {
                if pod.is_terminating {
                    Outcome::Accepted
                } else {
                    Outcome::Held(message)
                }
            }
            Err(error @ Error::Unreachable { .. }) => Outcome::Held(error.to_string()),
            Err(error) => Outcome::Failed(error),
        }
    }

    fn refused(&self, failed: &[(&Occupant, Problem)]) -> Problem {
        let node = &self.order.node;
        let what = format!(
            "node {node} is not drained: {} cannot be evicted",
            crate::rack::drain::count(failed.len(), "pod", "pods")
        );
        let why = failed.first().map_or_else(String::new, |(pod, problem)| {
            format!("{}: {} {}", pod.pod, problem.what, problem.why)
        });
        let mut problem = Problem::new(Severity::Warning, Subject::Node(node.clone()), what)
            .why(why.trim_end())
            .next("the node stays cordoned: uncordon undoes that, drain tries again");
        for (pod, reason) in failed {
            problem = problem.evidence(format!("{}: {}", pod.pod, reason.sentence()));
        }
        problem
    }
}
