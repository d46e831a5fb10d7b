//! A large file on its way to a board: never whole in memory, hashed on both ends, put in place in one step.
//!
//! The data goes through the stdin of a command, not through SFTP: that cannot replace a file in one step nor write as
//! root (see the client's page), and the board hashes what has really arrived on its disk.

use std::path::Path;
use std::time::Duration;

use tokio::time::Instant;

use super::command::{Command, Who, quoted};
use super::{Error, GRACE, Ssh};
use crate::rack::ssh::Destination;

/// What the board answers when what came is not what was sent.
const MISMATCH: &str = "bramble-hash-differs";

/// A file of this machine and where it goes.
#[derive(Debug, Clone, Copy)]
pub struct Push<'a> {
    pub from: &'a Path,
    /// Of the whole file, in small hexadecimal letters.
    pub sha256: &'a str,
    /// On the board; its folder is made where it is missing.
    pub path: &'a str,
    /// As `0o755`.
    pub mode: u32,
    pub deadline: Duration,
}

impl Ssh {
    /// Puts a file on a board as root, unless it is there already with the same hash: then answers false.
    ///
    /// `sent` hears how many bytes are on their way. Two of these for one board wait for each other, also across
    /// programs.
    pub async fn push_file(
        &self,
        to: &Destination,
        push: Push<'_>,
        sent: &(dyn Fn(u64) + Sync),
    ) -> Result<bool, Error> {
        let local = |error: &std::io::Error| Error::File {
            file: push.from.display().to_string(),
            why: error.to_string(),
        };
        let mut file = tokio::fs::File::open(push.from)
            .await
            .map_err(|error| local(&error))?;
        let command = Command::program(remote(&push))
            .as_root()
            .deadline(push.deadline);
        let connection = self.connection(to).await?;
        let (mut running, heard) = self
            .start(to, &connection, Who::Root, &command.line())
            .await?;
        let end = Instant::now() + push.deadline + GRACE;
        let mut output = running
            .pour_and_collect(&mut file, sent, end, push.deadline)
            .await?;
        output.stdout.splice(0..0, heard);
        let answer = output.text();
        if output.is_success() {
            return Ok(answer.trim() != "already");
        }
        let why = if answer.contains(MISMATCH) {
            "what arrived has another SHA-256 than what was sent".to_owned()
        } else {
            output.complaint()
        };
        Err(Error::Failed {
            at: to.to_string(),
            what: format!("putting {} in place", push.path),
            why,
        })
    }
}

fn remote(push: &Push<'_>) -> String {
    format!(
        "set -e; umask 022; f={file}; t=$f.bramble-push; h='{hash}  -'; mkdir -p \"${{f%/*}}\"; \
         exec 9>/run/bramble-onboard.lock; flock 9; \
         if [ -f \"$f\" ] && [ \"$(sha256sum <\"$f\")\" = \"$h\" ]; then chmod {mode:04o} \"$f\"; echo already; exit 0; fi; \
         trap 'rm -f -- \"$t\"' EXIT; cat >\"$t\"; \
         [ \"$(sha256sum <\"$t\")\" = \"$h\" ] || {{ echo {MISMATCH}; exit 65; }}; \
         chmod {mode:04o} \"$t\"; sync \"$t\" 2>/dev/null || sync; mv -f -- \"$t\" \"$f\"; trap - EXIT; echo sent",
        file = quoted(push.path),
        hash = push.sha256,
        mode = push.mode,
    )
}
