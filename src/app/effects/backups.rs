//! Backups on this machine: what is on record of them, read now and again every hour.

use std::path::Path;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::Effects;
use crate::clients::backup;
use crate::clients::ssh::Settings;
use crate::effect::TaskKey;
use crate::msg::Msg;
use crate::rack::backup::Backups;

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
}
