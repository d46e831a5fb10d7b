//! Steps on the Node of a board that is a member already: its pods go elsewhere and come back, or it leaves for good.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::{Board, Outcome};
use crate::clients::kubernetes::drain::{self, Order, RETRY};
use crate::clients::kubernetes::{self, Connection, Error, joining};
use crate::rack::drain::{Consent, End, News as Drained, PodNews};
use crate::rack::node::{NodeName, Uid};
use crate::rack::onboard::machine::Failure;
use crate::rack::onboard::warning;
use crate::rack::problem::Problem;

/// A disruption budget may hold a drain for ever; a person must know.
const DRAINING: Duration = Duration::from_secs(300);

fn failed(problem: Problem) -> Failure {
    Failure {
        problem,
        is_transient: false,
        fix: None,
    }
}

fn of_cluster(what: &str, error: &Error) -> Failure {
    let mut problem = error.problem();
    problem.what = format!("{what}: {}", problem.what);
    failed(problem)
}

/// The way to the cluster, and the UID of the Node; `None` when there is no such Node.
async fn find(board: &Board<'_>, name: &str) -> Result<(Connection, Option<Uid>), Failure> {
    let connection = board.tools.servers.connection(board).await?;
    let uid = joining::uid(&connection, name, None).await;
    let uid = uid.map_err(|error| of_cluster(&format!("node {name} was not found"), &error))?;
    Ok((connection, uid))
}

pub(super) async fn drain(board: &Board<'_>, name: &str) -> Outcome {
    let (connection, Some(uid)) = find(board, name).await? else {
        return Ok((false, String::new()));
    };
    let order = Order {
        node: NodeName::new(name),
        uid,
        consent: Consent {
            lose_data: true,
            lose_pods: false,
            only_mark: false,
        },
        retry: RETRY,
    };
    let (tx, mut news) = mpsc::channel(64);
    let cancel = CancellationToken::new();
    let draining = drain::drain(&connection, &order, &cancel, &tx);
    let hearing = async {
        let (mut total, mut gone, mut held) = (0, 0, None);
        // A pod that is held says so again and again: only one that leaves is a reason to wait on.
        let mut end = Instant::now() + DRAINING;
        loop {
            if cancel.is_cancelled() {
                // What was asked for already ends first.
                end = Instant::now() + DRAINING;
            }
            match timeout_at(end, news.recv()).await {
                Ok(Some(Drained::Ended(end))) => return (end, total, held),
                Ok(Some(Drained::Pods(pods))) => total = pods.len(),
                Ok(Some(Drained::Pod(_, news))) => {
                    if let PodNews::Held(why) = &news {
                        held = Some(why.clone());
                    }
                    if matches!(news, PodNews::Gone) {
                        gone += 1;
                        end = Instant::now() + DRAINING;
                    }
                    board
                        .note(format!("{gone} of {total} pods have left"))
                        .await;
                }
                Ok(Some(Drained::Cordoned | Drained::Begun { .. })) => {}
                Ok(None) => return (End::Cancelled, total, held),
                Err(_) => cancel.cancel(),
            }
        }
    };
    let ((), (end, total, held)) = tokio::join!(draining, hearing);
    match end {
        End::Drained => Ok((true, format!("{total} pods have left node {name}"))),
        End::Failed(problem) => Err(failed(problem)),
        End::Cancelled => {
            let what = format!(
                "node {name} was not drained within {} s",
                DRAINING.as_secs()
            );
            let why = held.unwrap_or_else(|| "a pod does not end".to_owned());
            Err(failed(warning(board.host(), what).why(why).next(
                "it is still cordoned: see what holds the pod, then go on",
            )))
        }
    }
}

pub(super) async fn uncordon(board: &Board<'_>, name: &str) -> Outcome {
    let (connection, Some(uid)) = find(board, name).await? else {
        return Ok((false, String::new()));
    };
    let done = kubernetes::cordon(&connection, &NodeName::new(name), &uid, false).await;
    done.map_err(|error| of_cluster(&format!("node {name} is still cordoned"), &error))?;
    Ok((true, format!("node {name} takes pods again")))
}

/// Removes the Node of this machine; one of another machine under its name is left alone.
pub(super) async fn leave(board: &Board<'_>, name: &str, machine: &str) -> Outcome {
    let connection = board.tools.servers.connection(board).await?;
    let not_removed = |error: Error| of_cluster(&format!("node {name} was not removed"), &error);
    let uid = joining::uid(&connection, name, Some(machine)).await;
    let Some(uid) = uid.map_err(not_removed)? else {
        return Ok((false, String::new()));
    };
    joining::remove(&connection, name, &uid)
        .await
        .map_err(not_removed)?;
    Ok((true, format!("node {name} and its password are removed")))
}
