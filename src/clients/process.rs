//! Starting other programs in the background, never in the middle of a stop.
//!
//! A thread that starts a program waits in the kernel until that program runs (`vfork`), and cannot be stopped there. A
//! `SIGSTOP` for the whole process group in that moment stops the half-started child, which its parent waits for without
//! end: the parent never counts as stopped, and the shell it was to give the terminal to waits for ever. So a stop waits
//! until nothing is being started, which takes milliseconds.

use std::io;
use std::sync::{PoisonError, RwLock};

use tokio::process::{Child, Command};

/// Held for reading by whoever starts a program, for writing by whoever stops all of them.
static STARTING: RwLock<()> = RwLock::new(());

/// Starts `command`. Everything that runs beside the screen is started here.
pub(super) fn start(command: &mut Command) -> io::Result<Child> {
    let _starting = STARTING.read().unwrap_or_else(PoisonError::into_inner);
    command.spawn()
}

/// Does `work` while nothing is being started.
pub fn between_starts<T>(work: impl FnOnce() -> T) -> T {
    let _nothing_starts = STARTING.write().unwrap_or_else(PoisonError::into_inner);
    work()
}
