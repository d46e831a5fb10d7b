//! What the outside asks of the program by signals.

use std::io;

use futures::{Stream, stream};
use rustix::process::{Signal, kill_current_process_group};
use tokio::signal::unix::{Signal as SignalStream, SignalKind, signal};

use crate::app::event_loop::Exit;

/// SIGTERM, SIGHUP, SIGINT and SIGQUIT end the program with the terminal restored; SIGTSTP suspends it; after SIGCONT
/// the screen is painted anew, because the shell has written on it.
pub fn listen() -> io::Result<impl Stream<Item = Exit> + Unpin> {
    let signals = Signals {
        terminate: signal(SignalKind::terminate())?,
        hang_up: signal(SignalKind::hangup())?,
        interrupt: signal(SignalKind::interrupt())?,
        quit: signal(SignalKind::quit())?,
        stop: signal(SignalKind::from_raw(Signal::TSTP.as_raw()))?,
        go_on: signal(SignalKind::from_raw(Signal::CONT.as_raw()))?,
    };
    Ok(Box::pin(stream::unfold(signals, |mut signals| async {
        let exit = signals.next().await;
        Some((exit, signals))
    })))
}

/// Stops the whole process group, as the terminal driver does for Ctrl-Z in a program that leaves it that key. Returns
/// when the shell has brought us to the foreground again.
pub fn suspend() -> io::Result<()> {
    Ok(kill_current_process_group(Signal::STOP)?)
}

struct Signals {
    terminate: SignalStream,
    hang_up: SignalStream,
    interrupt: SignalStream,
    quit: SignalStream,
    stop: SignalStream,
    go_on: SignalStream,
}

impl Signals {
    async fn next(&mut self) -> Exit {
        tokio::select! {
            _ = self.terminate.recv() => Exit::Ended,
            _ = self.hang_up.recv() => Exit::Ended,
            _ = self.interrupt.recv() => Exit::Ended,
            _ = self.quit.recv() => Exit::Ended,
            _ = self.stop.recv() => Exit::Suspend,
            _ = self.go_on.recv() => Exit::Repaint,
        }
    }
}
