//! The loop under paused time: what it does in a flood, how often it draws, and that it rests.

use std::cell::Cell;
use std::convert::Infallible;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use futures::stream;
use ratatui::backend::{ClearType, TestBackend, WindowSize};
use ratatui::buffer::Cell as ScreenCell;
use ratatui::layout::{Position, Size};
use tokio::time::sleep;

use super::*;
use crate::app::Settings;
use crate::keymap::Keymap;
use crate::msg::Generation;
use crate::rack::facts::{Change, Fact};
use crate::rack::node::{Lease, NodeName};
use crate::theme::roles::Theme;

const FRAME: Duration = Duration::from_millis(33);

/// A screen that counts its frames; its errors are the loop's.
struct Counting<'a> {
    inner: TestBackend,
    frames: &'a Cell<u32>,
}

fn never(error: Infallible) -> io::Error {
    match error {}
}

impl Backend for Counting<'_> {
    type Error = io::Error;

    fn draw<'c, I: Iterator<Item = (u16, u16, &'c ScreenCell)>>(
        &mut self,
        content: I,
    ) -> io::Result<()> {
        self.frames.set(self.frames.get() + 1);
        self.inner.draw(content).map_err(never)
    }
    fn hide_cursor(&mut self) -> io::Result<()> {
        self.inner.hide_cursor().map_err(never)
    }
    fn show_cursor(&mut self) -> io::Result<()> {
        self.inner.show_cursor().map_err(never)
    }
    fn get_cursor_position(&mut self) -> io::Result<Position> {
        self.inner.get_cursor_position().map_err(never)
    }
    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        self.inner.set_cursor_position(position).map_err(never)
    }
    fn clear(&mut self) -> io::Result<()> {
        self.inner.clear().map_err(never)
    }
    fn clear_region(&mut self, region: ClearType) -> io::Result<()> {
        self.inner.clear_region(region).map_err(never)
    }
    fn size(&self) -> io::Result<Size> {
        self.inner.size().map_err(never)
    }
    fn window_size(&mut self) -> io::Result<WindowSize> {
        self.inner.window_size().map_err(never)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush().map_err(never)
    }
}

/// What happened during a run.
struct Outcome {
    exit: Exit,
    frames: u32,
    took: Duration,
    model: Model,
}

/// Runs the loop on a screen of 80x24 (or `size`) with `input` and whatever `feed` sends to the inbox.
async fn run_with(
    size: Size,
    input: impl Stream<Item = io::Result<Event>> + Unpin,
    feed: impl AsyncFnOnce(mpsc::Sender<Msg>),
) -> Outcome {
    let clock = Clock::start();
    let theme = Theme::load("mono", None).0;
    let keymap = Keymap::load("default", None).0;
    let mut model = Model::new(clock.now(), size, theme, keymap, Settings::default());
    let frames = Cell::new(0);
    let backend = Counting {
        inner: TestBackend::new(size.width, size.height),
        frames: &frames,
    };
    let mut screen = Terminal::new(backend).unwrap();
    let (sender, mut inbox) = mpsc::channel(1_024);
    let mut input = input;
    let mut signals = stream::pending();
    let begun = Instant::now();
    let exit = {
        let sources = Sources {
            inbox: &mut inbox,
            signals: &mut signals,
            clock,
            frame: FRAME,
        };
        let running = run(&mut model, &mut screen, &mut input, sources, |_, _| {});
        let feeding = async {
            feed(sender).await;
            std::future::pending::<Infallible>().await
        };
        tokio::select! {
            exit = running => exit.unwrap(),
            never = feeding => match never {},
        }
    };
    Outcome {
        exit,
        frames: frames.get(),
        took: begun.elapsed(),
        model,
    }
}

fn screen() -> Size {
    Size::new(80, 24)
}

#[expect(clippy::unnecessary_wraps, reason = "the item of an input stream")]
fn press(c: char) -> io::Result<Event> {
    Ok(Event::Key(KeyEvent::new(
        KeyCode::Char(c),
        KeyModifiers::NONE,
    )))
}

/// Keeps the inbox open and sends nothing.
async fn hold(inbox: mpsc::Sender<Msg>) {
    inbox.closed().await;
}

/// News of ten boards, every second of which changes what is on the screen.
fn news(number: usize) -> Msg {
    let fact = if number.is_multiple_of(2) {
        let node = NodeName::new(&format!("rpi-{:02}", number / 2 % 10));
        Fact::Leases(Change::Applied(Lease {
            node,
            renewed: Some(Timestamp::now()),
            duration: None,
        }))
    } else {
        Fact::Usage(Vec::new())
    };
    Msg::Fact {
        generation: Generation::default(),
        fact,
    }
}

/// Input that says nothing for `wait`, then `events`, then nothing for ever.
fn after(
    wait: Duration,
    events: Vec<io::Result<Event>>,
) -> impl Stream<Item = io::Result<Event>> + Unpin {
    let begin = stream::once(sleep(wait)).filter_map(|()| async { None });
    Box::pin(begin.chain(stream::iter(events)).chain(stream::pending()))
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_100_000_messages_is_taken_in_whole_and_draws_no_more_than_the_cap() {
    let outcome = run_with(screen(), stream::pending(), async |inbox| {
        for number in 0..100_000 {
            inbox.send(news(number)).await.unwrap();
            if number % 1_000 == 999 {
                // A hundred thousand within two seconds.
                sleep(Duration::from_millis(20)).await;
            }
        }
    })
    .await;
    assert_eq!(outcome.exit, Exit::Ended, "the inbox closed");
    assert_eq!(outcome.model.rack.orphan_leases().count(), 10);
    let most = outcome.took.as_millis() / FRAME.as_millis() + 2;
    assert!(
        u128::from(outcome.frames) <= most,
        "{} frames in {:?}",
        outcome.frames,
        outcome.took
    );
    assert!(
        outcome.frames > 30,
        "the screen lives during a flood: {} frames",
        outcome.frames
    );
}

#[tokio::test(start_paused = true)]
async fn a_key_pressed_in_a_flood_is_not_delayed() {
    let quit = after(Duration::from_millis(100), vec![press('Q')]);
    let outcome = run_with(screen(), quit, async |inbox| {
        // The inbox is never empty as long as the loop runs.
        for number in 0.. {
            inbox.send(news(number)).await.unwrap();
            if number % 2_000 == 1_999 {
                sleep(Duration::from_millis(1)).await;
            }
        }
    });
    let outcome = outcome.await;
    assert_eq!(outcome.exit, Exit::Quit);
    assert!(
        outcome.took <= Duration::from_millis(102),
        "the key was taken after {:?}",
        outcome.took
    );
}

#[tokio::test(start_paused = true)]
async fn each_key_is_drawn_by_itself_however_many_frames_there_were() {
    let apart = |keys: u64, wait: Duration| {
        let steps = stream::iter(0..keys).then(move |_| async move {
            sleep(wait).await;
            press('j')
        });
        Box::pin(steps.chain(stream::iter([press('Q')])))
    };
    let outcome = run_with(screen(), apart(20, Duration::from_millis(10)), hold).await;
    assert!(
        (20..=22).contains(&outcome.frames),
        "{} frames for 20 keys",
        outcome.frames
    );
    // Keys that come in a flood share frames, too.
    let outcome = run_with(screen(), apart(1_000, Duration::from_millis(1)), hold).await;
    assert!(
        outcome.frames <= 130,
        "{} frames for 1,000 keys in a second",
        outcome.frames
    );
}

#[tokio::test(start_paused = true)]
async fn an_idle_screen_is_drawn_once_a_second_for_its_clock_and_no_more() {
    let quit = after(Duration::from_secs(60), vec![press('Q')]);
    let outcome = run_with(screen(), quit, hold).await;
    assert_eq!(outcome.exit, Exit::Quit);
    assert!(
        (58..=62).contains(&outcome.frames),
        "{} frames in a minute",
        outcome.frames
    );
}

#[tokio::test(start_paused = true)]
async fn where_nothing_moves_nothing_is_drawn() {
    let quit = after(Duration::from_secs(60), vec![press('Q')]);
    let outcome = run_with(Size::new(40, 10), quit, hold).await;
    assert!(outcome.frames <= 1, "{} frames", outcome.frames);
}

#[tokio::test(start_paused = true)]
async fn input_that_ends_or_fails_ends_the_loop() {
    for end in [vec![], vec![Err(io::Error::other("the terminal is gone"))]] {
        let outcome = run_with(screen(), stream::iter(end), hold).await;
        assert_eq!(outcome.exit, Exit::Ended);
    }
}

#[tokio::test(start_paused = true)]
async fn a_burst_of_resizes_is_drawn_once() {
    let burst = (60..=120).map(|width| Ok(Event::Resize(width, 30)));
    let events = burst.chain([press('Q')]).collect();
    let outcome = run_with(screen(), after(Duration::from_millis(500), events), hold).await;
    assert_eq!(outcome.model.size, Size::new(120, 30));
    assert!(outcome.frames <= 4, "{} frames", outcome.frames);
}

#[tokio::test(start_paused = true)]
async fn news_of_boards_that_are_not_on_the_screen_draw_nothing() {
    let outcome = run_with(screen(), stream::pending(), async |inbox| {
        for number in 0..2_000 {
            inbox.send(news(number * 2)).await.unwrap();
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    // Ten seconds: the first one may draw everything, the others are ticks alone.
    assert!(outcome.frames < 45, "{} frames", outcome.frames);
}
