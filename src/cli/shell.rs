//! A session on a board with the terminal handed over: OpenSSH's `ssh` as a child, until it ends.
//!
//! The cockpit goes on behind it: facts are taken in, so that no watch starves, and nothing is drawn.

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitStatus;
use std::time::Duration;

use futures::{Stream, StreamExt};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

use crate::app::effects::Effects;
use crate::app::event_loop::{Clock, Exit};
use crate::app::{Model, update};
use crate::clients::ssh;
use crate::effect::Effect;
use crate::msg::Msg;
use crate::rack::ssh::Destination;

/// Messages taken in at once.
const BATCH: usize = 256;
/// How often it is looked whether `ssh` has stopped itself (`~^Z`): no shell would bring it back.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// What `ssh` says when it is `ssh` that failed, and not what ran on the board.
const SSH_FAILED: i32 = 255;

/// What goes on meanwhile.
pub(super) struct Program<'a, S> {
    pub(super) model: &'a mut Model,
    pub(super) effects: &'a mut Effects,
    pub(super) inbox: &'a mut mpsc::Receiver<Msg>,
    pub(super) signals: &'a mut S,
    pub(super) clock: Clock,
}

/// How it came back.
pub(super) enum End {
    /// With something to say, perhaps.
    Back(Option<String>),
    /// The program was asked to end.
    Leave,
}

/// Runs `ssh` on the terminal, which must have been left.
pub(super) async fn run<S>(
    program: &mut Program<'_, S>,
    settings: &ssh::Settings,
    to: &Destination,
) -> io::Result<End>
where
    S: Stream<Item = Exit> + Unpin,
{
    let to = match ssh::resolve(settings, to).await {
        // The address, when the name leads nowhere.
        Ok(resolved) => resolved.destination,
        Err(error) => return Ok(End::Back(Some(error.to_string()))),
    };
    let Some(arguments) = ssh::shell(settings, &to) else {
        let text = "there is no ssh on this machine; install openssh-client for shells";
        return Ok(End::Back(Some(text.to_owned())));
    };
    let mut child = match start(&arguments) {
        Ok(child) => child,
        Err(error) => {
            return Ok(End::Back(Some(format!("ssh cannot be run: {error}"))));
        }
    };
    let Some(status) = wait(program, &mut child).await? else {
        return Ok(End::Leave);
    };
    if status.code() == Some(SSH_FAILED) {
        // Its words are on the screen that we are about to cover.
        pause(&to).await?;
    }
    Ok(End::Back(None))
}

fn start(arguments: &[OsString]) -> io::Result<Child> {
    let (program, rest) = arguments.split_first().ok_or(io::ErrorKind::NotFound)?;
    Command::new(program).args(rest).spawn()
}

/// Waits for a program that has the terminal. `None`: we were asked to end before it did.
pub(super) async fn wait<S>(
    program: &mut Program<'_, S>,
    child: &mut Child,
) -> io::Result<Option<ExitStatus>>
where
    S: Stream<Item = Exit> + Unpin,
{
    let mut look = interval(LOOK_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        tokio::select! { biased;
            status = child.wait() => return status.map(Some),
            signal = program.signals.next() => match signal {
                Some(Exit::Ended) | None => {
                    child.start_kill()?;
                    return Ok(None);
                }
                // These were meant for the program that has the terminal.
                Some(_) => {}
            },
            count = program.inbox.recv_many(&mut batch, BATCH) => {
                if count == 0 {
                    return Ok(None);
                }
                take_in(program, batch.drain(..));
            }
            _ = look.tick() => go_on(child),
        }
    }
}

/// What the loop does with messages, without a screen.
fn take_in<S>(program: &mut Program<'_, S>, batch: impl Iterator<Item = Msg>) {
    for msg in std::iter::once(Msg::Clock(program.clock.now())).chain(batch) {
        for effect in update(program.model, msg) {
            match effect {
                Effect::Quit
                | Effect::Suspend
                | Effect::Repaint
                | Effect::Shell(_)
                | Effect::Page(_)
                | Effect::Exec { .. } => {}
                effect => program.effects.run(effect),
            }
        }
    }
}

/// Continues a child that is stopped.
fn go_on(child: &Child) {
    let Some(id) = child.id() else { return };
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    let state = stat
        .rsplit_once(") ")
        .and_then(|(_, rest)| rest.chars().next());
    if state == Some('T')
        && let Some(pid) = i32::try_from(id).ok().and_then(Pid::from_raw)
    {
        let _ = kill_process(pid, Signal::CONT);
    }
}

async fn pause(to: &Destination) -> io::Result<()> {
    let mut out = io::stdout();
    write!(
        out,
        "\r\nno session on {to}; press enter to go back to bramble "
    )?;
    out.flush()?;
    let read = tokio::task::spawn_blocking(|| io::stdin().read_line(&mut String::new())).await;
    read.map_or(Ok(()), |read| read.map(|_| ()))
}
