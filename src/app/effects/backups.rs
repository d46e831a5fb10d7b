//! Backups on this machine: what is on record of them, read now and again every hour.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::Effects;
use crate::clients::backup::{self, Contents, Key, Progress};
use crate::clients::in_home;
use crate::clients::ssh::{Settings, Ssh};
use crate::effect::TaskKey;
use crate::msg::Msg;
use crate::rack::backup::Backups;
use crate::rack::backup::restore::{Choice, Opens, Plan, Wish};
use crate::rack::problem::{Problem, Severity, Subject};

/// Backups come once a day, at most.
const EVERY: Duration = Duration::from_secs(3_600);

impl Effects {
    pub(super) fn read_backups(&mut self) {
        // Notes and backups lie beside each other in the directory for state.
        let folder = backup::folder_in(self.notes.parent().unwrap_or(Path::new("")));
        let inbox = self.inbox.clone();
        self.read(TaskKey::Backups, async move {
            loop {
                let folder = folder.clone();
                let reading = spawn_blocking(move || Backups {
                    records: backup::list(&folder)
                        .0
                        .into_iter()
                        .map(|it| it.record)
                        .collect(),
                    here: Settings::of_user().here.host,
                    folder: folder.display().to_string(),
                });
                if let Ok(backups) = reading.await
                    && inbox.send(Msg::BackupsRead(backups)).await.is_err()
                {
                    return;
                }
                sleep(EVERY).await;
            }
        });
    }

    /// Nothing is changed: the answer is what would be.
    pub(super) fn rehearse_restore(&mut self, wish: Box<Wish>) {
        let (ssh, inbox) = (self.ssh(), self.inbox.clone());
        self.read(TaskKey::Restore, async move {
            let result = rehearse(&ssh, &wish).await.map(|(.., plan)| plan);
            let result = result.map_err(|problem| *problem);
            let _ = inbox.send(Msg::RestoreRehearsed { wish, result }).await;
        });
    }

    pub(super) fn restore(&mut self, wish: Box<Wish>, rehearsed: Plan) {
        let (ssh, inbox) = (self.ssh(), self.inbox.clone());
        self.write(TaskKey::Write, async move {
            let restoring = async {
                let (key, contents, plan) = rehearse(&ssh, &wish).await?;
                if !plan.is_as(&rehearsed) {
                    let what = format!("board {} is not as it was in the rehearsal", wish.node);
                    let about = Subject::Node(wish.node.clone());
                    let problem = Problem::new(Severity::Warning, about, what);
                    return Err(Box::new(
                        problem.next("nothing was changed: rehearse it again"),
                    ));
                }
                let progress = Arc::new(Progress::default());
                let file = in_home(&wish.file);
                let what = (file.as_path(), key, &contents);
                Box::pin(backup::restore(&ssh, &wish.to, what, &plan, progress)).await
            };
            let result = restoring.await.map_err(|problem| *problem);
            let msg = Msg::Restored {
                wish,
                plan: rehearsed,
                result,
            };
            let _ = inbox.send(msg).await;
        });
    }
}

async fn rehearse(ssh: &Ssh, wish: &Wish) -> Result<(Key, Contents, Plan), Box<Problem>> {
    let key = match &wish.opens {
        Opens::Passphrase(passphrase) => Key::Passphrase(passphrase.clone()),
        Opens::Identity(file) => Key::from_file(&in_home(file))?,
    };
    let file = in_home(&wish.file);
    let (contents, plan) =
        backup::rehearse(ssh, &wish.to, (&file, &key), Choice::default()).await?;
    Ok((key, contents, plan))
}
