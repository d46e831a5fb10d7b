//! Saves drafts as they come, off the loop: the first at once, the newest of those that come while it is written after
//! that.
//!
//! Invariant: an edit is on the disk a moment after it was typed (`PAUSE` and one write), and the last order for a key
//! is carried out before [`keep`] ends.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;

use super::{Drafts, Error};
use crate::rack::draft::{Draft, DraftKey};
use crate::rack::problem::Problem;

/// Between two writes: a fast typist costs a slow SD card three writes a second.
const PAUSE: Duration = Duration::from_millis(300);

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
    loop {
        if waiting.is_empty() {
            match orders.recv().await {
                Some(order) => take(&mut waiting, order),
                None => return,
            }
        }
        let result = carry_out(&drafts, std::mem::take(&mut waiting)).await;
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
        let is_over = timeout(PAUSE, gather).await.is_ok();
        if is_over {
            let _ = carry_out(&drafts, waiting).await;
            return;
        }
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

async fn carry_out(drafts: &Drafts, orders: Waiting) -> Result<(), Error> {
    let drafts = drafts.clone();
    let saving = tokio::task::spawn_blocking(move || {
        orders.into_values().try_for_each(|order| match order {
            Order::Keep(draft) => drafts.save(&draft),
            Order::Drop(key) => drafts.remove(&key),
        })
    });
    saving.await.unwrap_or(Ok(()))
}
