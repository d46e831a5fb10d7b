//! The log goes to a file, never to the screen.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use tracing_subscriber::EnvFilter;

/// At this size the log of last time is put aside as `bramble.log.1`.
const ROTATE_AT: u64 = 8 << 20;

/// Starts the log in `state/bramble.log`, for this user only. `level` is what `--log` or `BRAMBLE_LOG` says, as
/// `debug` or `bramble=trace,kube=info`. Gives the file's path.
pub fn start(state: &Path, level: &str) -> io::Result<PathBuf> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(state)?;
    let path = state.join("bramble.log");
    if fs::metadata(&path).is_ok_and(|meta| meta.len() > ROTATE_AT) {
        fs::rename(&path, state.join("bramble.log.1"))?;
    }
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(&path)?;
    let filter = EnvFilter::try_new(level).unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .with_writer(Mutex::new(file))
        .try_init()
        .map_err(io::Error::other)?;
    Ok(path)
}
