//! Files of a board: read with a limit, replaced in one step. Contents travel over stdin and stdout, never as words of a
//! command line.

use super::command::{Command, Who, quoted};
use super::{Error, Ssh};
use crate::rack::ssh::Destination;

/// Printed first when there is no such file.
const MISSING: &str = "bramble-no-such-file";

impl Ssh {
    /// The bytes of a file; `None` when there is none. More than `limit` bytes are an error, not a part of a file.
    pub async fn read_file(
        &self,
        to: &Destination,
        path: &str,
        who: Who,
        limit: usize,
    ) -> Result<Option<Vec<u8>>, Error> {
        let file = quoted(path);
        let line =
            format!("test -e {file} || {{ echo {MISSING} >&2; exit 66; }}; exec cat -- {file}");
        let output = self
            .run(to, &Command::program(line).by(who).limit(limit))
            .await?;
        if output.complaint() == MISSING {
            return Ok(None);
        }
        let failed = |why: String| Error::Failed {
            at: to.to_string(),
            what: format!("reading {path}"),
            why,
        };
        if !output.is_success() {
            return Err(failed(output.complaint()));
        }
        if output.cut > 0 {
            return Err(failed(format!("it is longer than {limit} bytes")));
        }
        Ok(Some(output.stdout))
    }

    /// Puts a file in place in one step: written beside it with its mode (as `0o600`), flushed to the disk, renamed. A
    /// file that was there keeps its owner, when we may give it.
    pub async fn write_file(
        &self,
        to: &Destination,
        path: &str,
        content: &[u8],
        mode: u32,
        who: Who,
    ) -> Result<(), Error> {
        let line = format!(
            "set -e; umask 077; f={file}; t=$f.bramble-tmp; trap 'rm -f -- \"$t\"' EXIT; rm -f -- \"$t\"; \
             cat >\"$t\"; test $(wc -c <\"$t\") -eq {length}; chmod {mode:04o} \"$t\"; \
             if test -e \"$f\"; then chown --reference=\"$f\" \"$t\" 2>/dev/null || true; fi; \
             sync \"$t\" 2>/dev/null || sync; mv -f -- \"$t\" \"$f\"; trap - EXIT",
            file = quoted(path),
            length = content.len(),
        );
        let command = Command::program(line).by(who).stdin(content.to_vec());
        let output = self.run(to, &command).await?;
        if output.is_success() {
            return Ok(());
        }
        Err(Error::Failed {
            at: to.to_string(),
            what: format!("writing {path}"),
            why: output.complaint(),
        })
    }
}
