//! What the outside asks of the program by signals, and by hanging up.

use std::io::{self, IsTerminal};
use std::time::Duration;

use futures::{Stream, stream};
use rustix::process::{Signal, kill_current_process_group};
use tokio::signal::unix::{Signal as SignalStream, SignalKind, signal};
use tokio::time::sleep;

use crate::app::event_loop::Exit;

/// How soon a terminal that hung up is noticed.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// SIGTERM, SIGHUP, SIGINT and SIGQUIT end the program with the terminal restored, and so does a terminal that hangs up
/// without a SIGHUP for us; SIGTSTP suspends it; after SIGCONT the screen is painted anew, because the shell has written
/// on it.
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

/// Whether somebody is there to bring us back: a program that a shell did not start (`ssh -t host bramble`) leads its own
/// session, and would stay stopped for ever.
pub fn can_suspend() -> bool {
    rustix::process::getsid(None).is_ok_and(|session| session != rustix::process::getpid())
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
            _ = self.interrupt.recv() => Exit::Interrupted,
            _ = self.quit.recv() => Exit::Interrupted,
            _ = self.stop.recv() => Exit::Suspend,
            _ = self.go_on.recv() => Exit::Repaint,
            () = hung_up() => Exit::Ended,
        }
    }
}

/// Returns when the terminal behind the keyboard is gone. crossterm does not tell: it reads the end of file over and
/// over, which takes a whole core for ever.
async fn hung_up() {
    while io::stdin().is_terminal() {
        sleep(LOOK_EVERY).await;
    }
}
