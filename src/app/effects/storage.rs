//! Work on claims: made, changed, deleted.

use futures::future::join_all;
use tokio::sync::mpsc;

use super::Effects;
use crate::clients::{board, kubernetes, probe};
use crate::effect::TaskKey;
use crate::msg::Msg;
use crate::rack::manifest::Manifest;
use crate::rack::node::{NodeName, Uid};
use crate::rack::ssh::Destination;
use crate::rack::storage::ClaimName;
use crate::rack::storage::reach::{PORT, Reach};
use crate::rack::storage::setup::{News, Setup};

impl Effects {
    pub(super) fn create_claim(&self, context: &str, claim: ClaimName, body: serde_json::Value) {
        let target = self.target_in(context);
        let done = format!("claim {claim} is made");
        let not_done = format!("claim {claim} was not made");
        self.report(done, not_done, async move {
            let connection = kubernetes::connect(&target).await?;
            kubernetes::claims::create(&connection, &claim, &body).await
        });
    }

    /// Changes the claim, or deletes it where there is no change.
    pub(super) fn change_claim(
        &self,
        context: &str,
        claim: ClaimName,
        uid: Uid,
        change: Option<serde_json::Value>,
    ) {
        let target = self.target_in(context);
        let (done, not_done) = match &change {
            Some(_) => (
                format!("claim {claim} is changed"),
                format!("claim {claim} was not changed"),
            ),
            None => (
                format!("claim {claim} is deleted, or goes with the last pod that uses it"),
                format!("claim {claim} was not deleted"),
            ),
        };
        self.report(done, not_done, async move {
            let connection = kubernetes::connect(&target).await?;
            match change {
                Some(change) => {
                    kubernetes::claims::change(&connection, &claim, &uid, &change).await
                }
                None => kubernetes::claims::delete(&connection, &claim, &uid).await,
            }
        });
    }

    pub(super) fn try_setup(&mut self, context: String, manifest: Manifest) {
        let (target, inbox) = (self.target_in(&context), self.inbox.clone());
        self.read(TaskKey::Trial, async move {
            let tried = async {
                let connection = kubernetes::connect(&target).await;
                let connection = connection.map_err(|error| error.problem())?;
                kubernetes::setup::try_out(&connection, &manifest).await
            };
            let news = News::Tried(tried.await);
            let _ = inbox.send(Msg::Setup { context, news }).await;
        });
    }

    pub(super) fn set_up(&self, context: String, manifest: Manifest, setup: Setup) {
        let (target, inbox) = (self.target_in(&context), self.inbox.clone());
        self.write(TaskKey::Write, async move {
            let (said, mut told) = mpsc::channel(4);
            let work = async {
                let connection = kubernetes::connect(&target).await;
                let connection = connection.map_err(|error| error.problem())?;
                kubernetes::setup::set_up(&connection, &manifest, &setup, said).await
            };
            let tell = async {
                while let Some(sentence) = told.recv().await {
                    let (context, news) = (context.clone(), News::Said(sentence));
                    let _ = inbox.send(Msg::Setup { context, news }).await;
                }
            };
            let (result, ()) = tokio::join!(work, tell);
            let news = News::Ended(result);
            let _ = inbox.send(Msg::Setup { context, news }).await;
        });
    }

    /// All servers at once; each answer comes by itself.
    pub(super) fn look_at_nfs(
        &mut self,
        context: String,
        servers: Vec<Box<str>>,
        board: Option<(NodeName, Destination)>,
    ) {
        let (ssh, inbox) = (self.ssh(), self.inbox.clone());
        self.read(TaskKey::Nfs, async move {
            let looks = servers.into_iter().map(|server| async {
                let from_board = async {
                    let (node, to) = board.as_ref()?;
                    // That a board does not answer is said elsewhere.
                    board::nfs(&ssh, node, to, &server).await.ok()
                };
                let (here, board) = tokio::join!(probe::once(&server, PORT), from_board);
                let context = context.clone();
                let reach = Reach { here, board };
                let msg = Msg::NfsLooked {
                    context,
                    server,
                    reach,
                };
                let _ = inbox.send(msg).await;
            });
            join_all(looks).await;
        });
    }
}
