//! All contexts of the kubeconfig: what the files say, and a look at each cluster now and then while somebody wants it.
//!
//! A look is `/version`, `/readyz` and, where we may, the names and states of the nodes as a Table without the objects:
//! about two kilobytes for a small rack. Contexts that mean the same cluster and user are looked at once. Credential
//! plugins are never run for it, they may ask a person; such a context is asked without any credential.
//!
//! Invariants: at most [`AT_ONCE`] looks run at a time and each has its own limits, so that a dead cluster delays no
//! other; no task is spawned.

mod brief;
mod nodes;

use std::collections::BTreeMap;
use std::time::Duration;

use futures::stream::{FuturesUnordered, StreamExt};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, sleep, timeout};

use super::Target;
use super::cause::Cause;
use super::connection::{Asking, Connection};
use super::dial::dial;
use super::error::{Error, Rule};
use super::kubeconfig::{self, Chosen, Group, Listing, Stamps};
use super::supervisor::{PROBE, probe};
use crate::clients::backoff::Backoff;
use crate::rack::fleet::{Answer, Contexts, Fault, FleetFact, Ready, State};
use crate::rack::problem::{Problem, Severity, Subject};

/// Between two looks at the same cluster: nobody reads faster.
const EVERY: Duration = Duration::from_secs(30);
/// With hundreds of contexts each is looked at less often, so that never more than about two looks a second are made.
const EACH: Duration = Duration::from_millis(500);
const AT_ONCE: usize = 8;
/// Of looks that somebody waits for.
const AT_ONCE_WAITED_FOR: usize = 64;
/// A file that is being written is read a moment later.
const SETTLE: Duration = Duration::from_millis(300);

/// Reads the contexts, again whenever a file changes, and looks at their clusters. Never ends.
pub(super) async fn follow(target: Target, out: mpsc::Sender<FleetFact>) {
    loop {
        let listing = list(&target).await;
        let _ = out.send(FleetFact::Contexts(listing.contexts)).await;
        tokio::select! {
            () = listing.stamps.changed() => sleep(SETTLE).await,
            () = look_at_all(listing.groups, &out) => {}
        }
    }
}

/// Reads the files on a blocking thread: they may lie on a network disk.
pub(super) async fn list(target: &Target) -> Listing {
    let target = target.clone();
    let reading = tokio::task::spawn_blocking(move || kubeconfig::list(&target));
    reading.await.unwrap_or_else(|_| Listing {
        contexts: Contexts {
            problem: Some(
                Problem::new(
                    Severity::Critical,
                    Subject::Kubeconfig,
                    "the kubeconfig cannot be read",
                )
                .why("reading it failed in an unforeseen way"),
            ),
            ..Contexts::default()
        },
        groups: Vec::new(),
        stamps: Stamps::none(),
    })
}

/// Looks at the cluster of every context once, each within `limit`. Contexts that cannot be used are not in the answer.
pub(super) async fn once(target: &Target, limit: Duration) -> BTreeMap<String, State> {
    let groups = list(target).await.groups;
    let looks = futures::stream::iter(groups).map(|group| async move {
        let looked = timeout(limit, look(&group.chosen, &mut None)).await;
        let state = looked.unwrap_or_else(|_| refused(&group.chosen.silent(limit)));
        (group.names, state)
    });
    let mut states = BTreeMap::new();
    let mut looks = looks.buffer_unordered(AT_ONCE_WAITED_FOR);
    while let Some((names, state)) = looks.next().await {
        states.extend(names.into_iter().map(|name| (name, state.clone())));
    }
    states
}

/// Never ends.
async fn look_at_all(groups: Vec<Group>, out: &mpsc::Sender<FleetFact>) {
    let every = EVERY.max(EACH.saturating_mul(u32::try_from(groups.len()).unwrap_or(u32::MAX)));
    let places = Semaphore::new(AT_ONCE);
    let mut looks: FuturesUnordered<_> = groups
        .into_iter()
        .map(|group| look_at(group, every, &places, out))
        .collect();
    while looks.next().await.is_some() {}
    std::future::pending::<()>().await;
}

/// Looks at one cluster for ever. The connection is kept between looks: a handshake costs a Pi more than the question.
async fn look_at(group: Group, every: Duration, places: &Semaphore, out: &mpsc::Sender<FleetFact>) {
    let mut pause = Backoff::new();
    let mut connection = None;
    loop {
        let state = {
            let _place = places.acquire().await;
            look(&group.chosen, &mut connection).await
        };
        if !matches!(state, State::Up(_)) {
            connection = None;
        }
        let contexts = group.names.clone();
        let _ = out.send(FleetFact::Asked { contexts, state }).await;
        sleep(pause.between(every, every + every / 4)).await;
    }
}

/// One look, in at most a few seconds.
async fn look(chosen: &Chosen, kept: &mut Option<Connection>) -> State {
    let is_anonymous = chosen.has_plugin();
    let connection = match kept {
        Some(connection) => connection.clone(),
        None => match dial(&chosen.without_plugin()).await {
            Ok(connection) => kept.insert(connection).clone(),
            Err(error) => return refused(&error),
        },
    };
    let mut answer = Answer {
        is_anonymous,
        ..Answer::default()
    };
    match probe(connection.clone(), Duration::ZERO).await {
        Ok(version) => answer.version = Some(version),
        // It speaks Kubernetes and does not tell strangers more.
        Err(Error::Forbidden { .. }) => {}
        Err(Error::Unauthorized { .. }) if is_anonymous => return State::Up(answer),
        Err(error) => return refused(&error),
    }
    let asked = Instant::now();
    answer.ready = match ready(&connection).await {
        Ok(ready) => {
            answer.latency = Some(asked.elapsed());
            ready
        }
        Err(error) => return refused(&error),
    };
    if !is_anonymous {
        answer.nodes = limited(&connection, nodes::count(&connection)).await.ok();
    }
    State::Up(answer)
}

/// Asks whether the server is ready to serve. An error is one of the line.
async fn ready(connection: &Connection) -> Result<Ready, Error> {
    static RULE: Rule = Rule {
        verbs: "get",
        resource: "/readyz",
        group: "",
        namespace: None,
    };
    let asking = Asking {
        rule: &RULE,
        what: "/readyz",
    };
    match limited(connection, connection.get("/readyz", asking)).await {
        Ok(_) => Ok(Ready::Yes),
        Err(Error::Server { message, .. } | Error::Busy { message, .. }) => {
            Ok(Ready::No(failed_checks(&message)))
        }
        Err(error) if error.is_line() => Err(error),
        // Not allowed, or too old to have it.
        Err(_) => Ok(Ready::Unknown),
    }
}

/// The checks in `[-]etcd failed: reason withheld`.
fn failed_checks(body: &str) -> Vec<String> {
    let names = body.lines().filter_map(|line| line.strip_prefix("[-]"));
    names
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect()
}

async fn limited<T>(
    connection: &Connection,
    asking: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    match timeout(PROBE, asking).await {
        Ok(answer) => answer,
        Err(_) => Err(connection.silent(PROBE)),
    }
}

fn refused(error: &Error) -> State {
    let fault = Fault {
        brief: brief::words(error),
        problem: error.problem(),
    };
    match error {
        Error::Unauthorized { .. }
        | Error::Forbidden { .. }
        | Error::Unreachable {
            cause: Cause::ClientRefused(_),
            ..
        } => State::Denied(fault),
        _ => State::Down(fault),
    }
}
