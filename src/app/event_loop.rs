//! The loop: input, signals, frames, ticks and the inbox, in that order of importance.
//!
//! Invariant: `update` runs for every message at once, drawing happens at most once a frame (a key need not wait for a
//! whole one), and only when something changed. Nothing here waits for the network.

use std::io;
use std::time::Duration;

use crossterm::event::{Event, KeyEventKind};
use futures::{Stream, StreamExt};
use jiff::Timestamp;
use ratatui::Terminal;
use ratatui::backend::Backend;
use ratatui::layout::Size;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::app::{Model, terminal, update, view};
use crate::effect::Effect;
use crate::msg::Msg;
use crate::rack::pod::PodName;
use crate::rack::ssh::Destination;
use crate::rack::time::Now;

/// Messages taken from the inbox in one turn.
const BATCH: usize = 256;
/// A key need not wait for a whole frame after the last one, only for this part of it: who presses keys looks at the
/// screen, even while a flood of facts takes every frame.
const KEY_FRAME: u32 = 4;
/// A turn that takes longer is complained about in the log.
const SLOW_TURN: Duration = Duration::from_millis(16);

/// Why the loop ended or paused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exit {
    Quit,
    /// The terminal or its keyboard is gone, or a signal asked us to end.
    Ended,
    /// To the shell; come back with a new screen and new input.
    Suspend,
    /// The screen must be painted from nothing.
    Repaint,
    /// A key of the terminal driver (SIGINT, SIGQUIT): the end, unless another program has the terminal.
    Interrupted,
    /// The terminal goes to a session on a board.
    Shell(Destination),
    /// The terminal goes to a shell in a pod.
    Exec {
        context: String,
        pod: PodName,
    },
    /// The terminal goes to the person's pager with these lines.
    Page(Vec<u8>),
}

/// A clock of two faces: monotonic since `start`, and the wall.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    pub fn start() -> Self {
        Self {
            start: Instant::now(),
        }
    }

    pub fn now(self) -> Now {
        Now {
            mono: self.start.elapsed(),
            wall: Timestamp::now(),
        }
    }
}

/// What the loop reads besides the keyboard.
pub struct Sources<'a, S> {
    pub inbox: &'a mut mpsc::Receiver<Msg>,
    /// What signals ask for: to end, to stop for a while, to paint again.
    pub signals: &'a mut S,
    pub clock: Clock,
    pub frame: Duration,
}

/// Runs until something other than an ordinary message happens. `run_effect` carries out what `update` asks for.
pub async fn run<B, I, S>(
    model: &mut Model,
    screen: &mut Terminal<B>,
    input: &mut I,
    sources: Sources<'_, S>,
    mut run_effect: impl FnMut(Effect, &mut Terminal<B>),
) -> io::Result<Exit>
where
    B: Backend<Error = io::Error>,
    I: Stream<Item = io::Result<Event>> + Unpin,
    S: Stream<Item = Exit> + Unpin,
{
    let Sources {
        inbox,
        signals,
        clock,
        frame,
    } = sources;
    let mut batch = Vec::with_capacity(BATCH);
    let mut dirty = true;
    let mut last_frame = Instant::now();
    let mut next_frame = last_frame;
    let mut next_tick = Instant::now() + until_tick(clock.now());
    loop {
        tokio::select! { biased;
            signal = signals.next() => return Ok(signal.unwrap_or(Exit::Ended)),
            event = input.next() => match event {
                Some(Ok(event)) => {
                    batch.extend(from_terminal(event));
                    next_frame = next_frame.min(last_frame + frame / KEY_FRAME);
                }
                Some(Err(_)) | None => return Ok(Exit::Ended),
            },
            () = sleep_until(next_frame), if dirty => {
                draw(model, screen)?;
                dirty = false;
                last_frame = Instant::now();
                next_frame = last_frame + frame;
                continue;
            }
            () = sleep_until(next_tick), if model.is_ticking() => {
                next_tick = tick_after(next_tick, clock);
                dirty = true;
            }
            count = inbox.recv_many(&mut batch, BATCH) => if count == 0 { return Ok(Exit::Ended) },
        }
        let begun = Instant::now();
        let exit = turn(model, clock.now(), batch.drain(..), &mut dirty, |effect| {
            run_effect(effect, screen);
        });
        let took = begun.elapsed();
        if took > SLOW_TURN {
            tracing::warn!(?took, "slow turn");
        }
        if let Some(exit) = exit {
            return Ok(exit);
        }
    }
}

/// Feeds one batch to `update`. Resizes of one batch are one resize: only the last counts.
fn turn(
    model: &mut Model,
    now: Now,
    batch: impl Iterator<Item = Msg>,
    dirty: &mut bool,
    mut run_effect: impl FnMut(Effect),
) -> Option<Exit> {
    let mut exit = None;
    for msg in std::iter::once(Msg::Clock(now)).chain(batch) {
        *dirty |= !matches!(msg, Msg::Clock(_)) && model.shows(&msg);
        for effect in update(model, msg) {
            match effect {
                Effect::Quit => exit = Some(Exit::Quit),
                Effect::Suspend => exit = Some(Exit::Suspend),
                Effect::Repaint => exit = Some(Exit::Repaint),
                Effect::Shell(to) => exit = Some(Exit::Shell(to)),
                Effect::Exec { context, pod } => exit = Some(Exit::Exec { context, pod }),
                Effect::Page(lines) => exit = Some(Exit::Page(lines)),
                other => run_effect(other),
            }
        }
    }
    exit
}

fn draw<B: Backend<Error = io::Error>>(
    model: &mut Model,
    screen: &mut Terminal<B>,
) -> io::Result<()> {
    model.settle();
    let model = &*model;
    screen.draw(|frame| {
        let area = frame.area();
        if let Some(cursor) = view::view(model, area, frame.buffer_mut()) {
            frame.set_cursor_position(cursor);
        }
    })?;
    terminal::crash_if_asked("1");
    Ok(())
}

/// Only presses count as keys; pasted line ends are made plain.
fn from_terminal(event: Event) -> Option<Msg> {
    match event {
        Event::Key(key) if key.kind == KeyEventKind::Press => Some(Msg::Key(key)),
        Event::Paste(text) => Some(Msg::Paste(text.replace("\r\n", "\n").replace('\r', "\n"))),
        Event::Resize(width, height) => Some(Msg::Resize(Size::new(width, height))),
        Event::Key(_) | Event::FocusGained | Event::FocusLost | Event::Mouse(_) => None,
    }
}

/// A second later; after a long stop (a suspend, a debugger) the next whole second of the wall clock.
fn tick_after(tick: Instant, clock: Clock) -> Instant {
    let next = tick + Duration::from_secs(1);
    if next > Instant::now() {
        next
    } else {
        Instant::now() + until_tick(clock.now())
    }
}

/// Ticks fall on whole seconds of the wall clock, so that the clock on the screen does not stutter.
fn until_tick(now: Now) -> Duration {
    let into_second = u64::try_from(now.wall.subsec_nanosecond()).unwrap_or_default();
    Duration::from_nanos(1_000_000_000 - into_second.min(999_999_999))
}

#[cfg(test)]
mod tests;
