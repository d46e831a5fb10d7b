//! Carries out what the pools pane asks for: drafts and their history on disk, changes of MetalLB's objects, manifests.

use std::path::Path;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::Effects;
use crate::clients::drafts::Drafts;
use crate::clients::drafts::keeper::{self, Order};
use crate::clients::{kubernetes, manifest};
use crate::effect::TaskKey;
use crate::msg::Msg;
use crate::rack::draft::{Applied, DraftKey};
use crate::rack::manifest::Manifest;
use crate::rack::pool_text::{Change, Changed, Form};

/// How long leaving waits for the last draft.
const LAST_WRITE: Duration = Duration::from_secs(3);

/// The one task that writes drafts.
pub(super) struct Keeping {
    drafts: Drafts,
    orders: mpsc::UnboundedSender<Order>,
    keeper: JoinHandle<()>,
}

impl Effects {
    /// Keeps drafts and the history of applies below this directory from now on.
    #[must_use]
    pub fn keeping(mut self, state: &Path) -> Effects {
        let drafts = Drafts::new(state);
        let (orders, receiver) = mpsc::unbounded_channel();
        let (report, mut told) = mpsc::channel(1);
        let keeper = tokio::spawn(keeper::keep(drafts.clone(), receiver, report));
        let inbox = self.inbox.clone();
        tokio::spawn(async move {
            while let Some(result) = told.recv().await {
                let _ = inbox.send(Msg::DraftKept(result)).await;
            }
        });
        self.keeping = Some(Keeping {
            drafts,
            orders,
            keeper,
        });
        self
    }

    pub(super) fn order(&self, order: Order) {
        if let Some(keeping) = &self.keeping {
            let _ = keeping.orders.send(order);
        }
    }

    pub(super) fn read_draft(&mut self, key: DraftKey) {
        let Some(drafts) = self.keeping.as_ref().map(|keeping| keeping.drafts.clone()) else {
            return;
        };
        let inbox = self.inbox.clone();
        self.read(TaskKey::Draft, async move {
            let wanted = key.clone();
            let reading = tokio::task::spawn_blocking(move || {
                (drafts.load(&wanted), drafts.history(&wanted.context))
            });
            let Ok((draft, history)) = reading.await else {
                return;
            };
            let message = Msg::DraftRead {
                key,
                draft: draft
                    .map(|draft| draft.map(Box::new))
                    .map_err(|error| error.problem()),
                history: history.map(|(all, _)| all).map_err(|error| error.problem()),
            };
            let _ = inbox.send(message).await;
        });
    }

    pub(super) fn change_pools(&self, form: Form, changes: Vec<Change>, mut record: Applied) {
        let (target, inbox) = (self.target_in(&record.key.context), self.inbox.clone());
        let drafts = self.keeping.as_ref().map(|keeping| keeping.drafts.clone());
        self.write(TaskKey::Write, async move {
            let outcome = match kubernetes::connect(&target).await {
                Ok(connection) => kubernetes::change_pools(&connection, &form, &changes).await,
                Err(error) => Changed::failed(error.problem()),
            };
            record.changes.clone_from(&outcome.done);
            if let Some(refusal) = &outcome.refusal {
                record.stopped = refusal.problem.sentence();
            }
            write_down(drafts, &record, &inbox).await;
            let _ = inbox
                .send(Msg::PoolsChanged {
                    record: Box::new(record),
                    outcome: Box::new(outcome),
                })
                .await;
        });
    }

    pub(super) fn read_manifest(&mut self, file: String) {
        let inbox = self.inbox.clone();
        self.read(TaskKey::Manifest, async move {
            let reading = tokio::task::spawn_blocking(move || manifest::read(&file));
            if let Ok(result) = reading.await {
                let result = result.map_err(|problem| *problem);
                let _ = inbox.send(Msg::ManifestRead(result)).await;
            }
        });
    }

    pub(super) fn install(&self, manifest: Manifest, mut record: Applied) {
        let (target, inbox) = (self.target_in(&record.key.context), self.inbox.clone());
        let drafts = self.keeping.as_ref().map(|keeping| keeping.drafts.clone());
        self.write(TaskKey::Write, async move {
            let (steps, mut told) = mpsc::channel(4);
            let work = async {
                let connection = kubernetes::connect(&target).await;
                let connection = connection.map_err(|error| error.problem())?;
                kubernetes::install(&connection, &manifest, steps).await
            };
            let tell = async {
                while let Some((done, next)) = told.recv().await {
                    let _ = inbox.send(Msg::InstallStep { done, next }).await;
                }
            };
            let (result, ()) = tokio::join!(work, tell);
            if let Err(problem) = &result {
                record.stopped = problem.sentence();
            }
            write_down(drafts, &record, &inbox).await;
            let _ = inbox
                .send(Msg::Installed {
                    record: Box::new(record),
                    result,
                })
                .await;
        });
    }
}

/// Waits until every draft is on the disk, but not for ever: a disk that hangs must not hold the terminal.
pub(super) async fn last_drafts(keeping: Option<Keeping>) {
    if let Some(Keeping { orders, keeper, .. }) = keeping {
        drop(orders);
        let _ = timeout(LAST_WRITE, keeper).await;
    }
}

/// Adds a line to the history; one that cannot be written is told, and does not undo what was done.
async fn write_down(drafts: Option<Drafts>, record: &Applied, inbox: &mpsc::Sender<Msg>) {
    let Some(drafts) = drafts.filter(|_| record.is_worth_a_line()) else {
        return;
    };
    let line = record.clone();
    let writing = tokio::task::spawn_blocking(move || drafts.append(&line));
    if let Ok(Err(error)) = writing.await {
        let mut problem = error.problem();
        problem = problem.next("this apply cannot be undone from here");
        let _ = inbox
            .send(Msg::Written {
                result: Err(problem),
            })
            .await;
    }
}
