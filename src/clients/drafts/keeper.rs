//! Saves drafts as they come, off the loop: the first at once, the newest of those that come while it is written after
//! that.
//!
//! Invariant: an edit is on the disk a moment after it was typed (`PAUSE` and one write), and the last order for a key
//! is carried out before [`keep`] ends. An order that fails holds up no other, and is tried again until it is carried out
//! or a newer one for its key has come.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::{JoinError, spawn_blocking};
use tokio::time::timeout;

use super::{Drafts, Error};
use crate::rack::draft::{Draft, DraftKey};
use crate::rack::problem::Problem;

/// Between two writes: a fast typist costs a slow SD card three writes a second.
const PAUSE: Duration = Duration::from_millis(300);
/// Until what failed is tried again, when nothing else is to be done.
const RETRY: Duration = Duration::from_secs(3);

/// What is to become of a draft.
#[derive(Debug, Clone)]
pub enum Order {
    Keep(Box<Draft>),
    Drop(DraftKey),
}

/// Carries out orders until the other side is dropped. `report` hears of each change between well and ill.
pub async fn keep(
    drafts: Drafts,
    mut orders: mpsc::UnboundedReceiver<Order>,
    report: mpsc::Sender<Result<(), Problem>>,
) {
    let mut was_well = true;
    let mut waiting = Waiting::new();
    let mut failed = Waiting::new();
    loop {
        if waiting.is_empty() {
            let next = if failed.is_empty() {
                Ok(orders.recv().await)
            } else {
                timeout(RETRY, orders.recv()).await
            };
            match next {
                Ok(Some(order)) => take(&mut waiting, order),
                Ok(None) => break,
                Err(_) => {}
            }
        }
        let result = carry_out(&drafts, &mut waiting, &mut failed).await;
        if result.is_ok() != was_well {
            was_well = result.is_ok();
            let _ = report.send(result.map_err(|error| error.problem())).await;
        }
        // What comes in the pause waits for its end; when nobody is left to send any, it is over at once.
        let gather = async {
            while let Some(order) = orders.recv().await {
                take(&mut waiting, order);
            }
        };
        if timeout(PAUSE, gather).await.is_ok() {
            break;
        }
    }
    if let Err(error) = carry_out(&drafts, &mut waiting, &mut failed).await {
        tracing::warn!(%error, "a draft is not kept");
    }
}

/// The newest order for each draft.
type Waiting = BTreeMap<DraftKey, Order>;

fn take(waiting: &mut Waiting, order: Order) {
    let key = match &order {
        Order::Keep(draft) => draft.key.clone(),
        Order::Drop(key) => key.clone(),
    };
    waiting.insert(key, order);
}

/// Carries out what waits and what failed before, unless a newer order for its key waits. What fails now is in `failed`
/// afterwards; the first error is given.
async fn carry_out(
    drafts: &Drafts,
    waiting: &mut Waiting,
    failed: &mut Waiting,
) -> Result<(), Error> {
    let mut orders = std::mem::take(failed);
    orders.append(waiting);
    let mut first = Ok(());
    for (key, order) in orders {
        let (drafts, again) = (drafts.clone(), order.clone());
        let file = drafts.draft_file(&key);
        let done = spawn_blocking(move || match order {
            Order::Keep(draft) => drafts.save(&draft),
            Order::Drop(key) => drafts.remove(&key),
        });
        if let Err(error) = ended(done.await, file) {
            failed.insert(key, again);
            first = first.and(Err(error));
        }
    }
    first
}

/// A write that panicked has not been done.
pub(super) fn ended(
    result: Result<Result<(), Error>, JoinError>,
    file: PathBuf,
) -> Result<(), Error> {
    result.unwrap_or_else(|error| {
        Err(Error::Io {
            doing: "write",
            file,
            why: io::Error::other(error),
        })
    })
}
