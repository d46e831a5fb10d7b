//! What the log viewer costs: lines into it while keys are pressed, memory, searching and filtering all that is kept.
//!
//! `cargo bench --bench logs` prints each figure with its bar and fails when one is missed. It measures the program's own
//! path, from the message to the frame; the network is not in it.

#![allow(clippy::print_stdout, reason = "figures are for people")]
#![allow(clippy::panic, reason = "a bench that cannot begin should say why")]

use std::time::{Duration, Instant};

use bramble::app::{Model, Settings, update, view};
use bramble::effect::Effect;
use bramble::keymap::Keymap;
use bramble::msg::Msg;
use bramble::rack::log::feed::{FeedId, FeedNews, Opening};
use bramble::rack::log::{LogLine, SourceId, SourceState, query};
use bramble::rack::time::Now;
use bramble::theme::roles::Theme;
use crossterm::event::{KeyCode, KeyEvent};
use jiff::Timestamp;
use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};

const SOURCES: u16 = 50;
/// Lines that come together.
const BATCH: usize = 256;
/// Messages in one turn of the loop.
const TURN: usize = 256;

/// One figure, and the bar it must reach.
struct Figure {
    what: &'static str,
    value: f64,
    unit: &'static str,
    bar: f64,
    is_most: bool,
}

impl Figure {
    fn is_reached(&self) -> bool {
        if self.is_most {
            self.value <= self.bar
        } else {
            self.value >= self.bar
        }
    }
}

fn model() -> Model {
    let (theme, keymap) = (
        Theme::load("terminal", None).0,
        Keymap::load("default", None).0,
    );
    let mut model = Model::new(
        Now::ZERO,
        Size::new(160, 48),
        theme,
        keymap,
        Settings::default(),
    );
    let Ok(logs) = query::parse("-A", "bench", Timestamp::UNIX_EPOCH) else {
        panic!("the query cannot be read");
    };
    update(&mut model, Msg::OpenLogs(Opening::pods("bench", logs)));
    for source in 0..SOURCES {
        let name = format!("office/web-{source} (app)");
        let short = format!("web-{source}");
        let source = SourceId(source);
        told(
            &mut model,
            FeedNews::Source {
                source,
                name,
                short,
            },
        );
        told(&mut model, FeedNews::State(source, SourceState::Reading));
    }
    model
}

fn told(model: &mut Model, news: FeedNews) -> Vec<Effect> {
    update(
        model,
        Msg::Feed {
            feed: FeedId(1),
            news,
        },
    )
}

/// Lines `from` on, of every source in turn: 110 bytes each, a third of them JSON.
fn lines(from: usize) -> Vec<LogLine> {
    let line = |number: usize| {
        let text = match number % 3 {
            0 => format!(
                r#"{{"level":"info","msg":"request number {number}","path":"/api/items","ms":{},"client":"10.42.1.17","n":1}}"#,
                number % 400
            ),
            1 => format!(
                "2026-11-24T10:00:00.123Z INFO  web: handled request number {number} of a client in a few ms, nothing special"
            ),
            _ => format!(
                "\x1b[32mINFO\x1b[0m request number {number} from 10.42.1.17 to /static/app.js was answered with 200 OK, 4711 B"
            ),
        };
        LogLine {
            source: SourceId(u16::try_from(number % usize::from(SOURCES)).unwrap_or(0)),
            time: Timestamp::from_millisecond(i64::try_from(number).unwrap_or(0)).ok(),
            text: text.into_bytes().into(),
            cut: 0,
        }
    };
    (from..from + BATCH).map(line).collect()
}

fn draw(model: &Model, buf: &mut Buffer) {
    view::view(model, buf.area, buf);
}

/// Presses keys, and does the work that is left in pieces. The longest single piece.
fn press(model: &mut Model, keys: &str) -> Duration {
    let mut longest = Duration::ZERO;
    let mut timed = |model: &mut Model, msg: Msg| {
        let begun = Instant::now();
        let effects = update(model, msg);
        longest = longest.max(begun.elapsed());
        effects.contains(&Effect::GoOnWithLogs)
    };
    for key in keys.chars() {
        let code = if key == '\n' {
            KeyCode::Enter
        } else {
            KeyCode::Char(key)
        };
        let mut is_more = timed(model, Msg::Key(KeyEvent::from(code)));
        while is_more {
            is_more = timed(model, Msg::GoOnWithLogs);
        }
    }
    longest
}

/// Resident memory of this process in bytes.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok());
    kilobytes.unwrap_or(f64::NAN) * 1_024.0
}

/// Whole turns of the loop full of lines, a key and a frame after each: how fast, and how long a key waits at worst.
fn flood(figures: &mut Vec<Figure>) {
    let mut model = model();
    let mut buf = Buffer::empty(Rect::new(0, 0, 160, 48));
    // Made before: what writes them is another program.
    let batches: Vec<Vec<LogLine>> = (0..TURN * 6).map(|it| lines(it * BATCH)).collect();
    let count = batches.len() * BATCH;
    let (mut busy, mut worst) = (Duration::ZERO, Duration::ZERO);
    let mut batches = batches.into_iter();
    loop {
        let turn: Vec<Vec<LogLine>> = batches.by_ref().take(TURN).collect();
        if turn.is_empty() {
            break;
        }
        let begun = Instant::now();
        for lines in turn {
            told(&mut model, FeedNews::Lines(lines));
        }
        // A key that came at the beginning of the turn is read after it, and drawn.
        press(&mut model, "t");
        draw(&model, &mut buf);
        let took = begun.elapsed();
        busy += took;
        worst = worst.max(took);
    }
    let rate = f64::from(u32::try_from(count).unwrap_or(0)) / busy.as_secs_f64();
    figures.push(Figure {
        what: "lines into the viewer, with keys and frames",
        value: rate,
        unit: "lines/s",
        bar: 200_000.0,
        is_most: false,
    });
    // At 200,000 lines/s a turn has to take what came during the one before: the longest turn of 65,536 lines is far
    // more than ever waits.
    figures.push(Figure {
        what: "a key behind a turn of 65,536 lines, to its frame",
        value: worst.as_secs_f64() * 1e3,
        unit: "ms",
        bar: 30.0,
        is_most: true,
    });
}

/// 100,000 lines kept: their memory, and a search and a filter through all of them.
fn kept(figures: &mut Vec<Figure>) {
    let before = resident();
    let mut model = model();
    for batch in 0..=100_000 / BATCH {
        told(&mut model, FeedNews::Lines(lines(batch * BATCH)));
    }
    let megabytes = (resident() - before) / 1e6;
    figures.push(Figure {
        what: "memory of 100,000 lines",
        value: megabytes,
        unit: "MB",
        bar: 40.0,
        is_most: true,
    });
    let begun = Instant::now();
    let longest = press(&mut model, "/not in any line\n");
    figures.push(Figure {
        what: "search through 100,000 lines, found nowhere",
        value: begun.elapsed().as_secs_f64() * 1e3,
        unit: "ms",
        bar: 50.0,
        is_most: true,
    });
    figures.push(Figure {
        what: "longest piece of the search, between two keys",
        value: longest.as_secs_f64() * 1e3,
        unit: "ms",
        bar: 8.0,
        is_most: true,
    });
    let begun = Instant::now();
    press(&mut model, "&number 4711\n");
    figures.push(Figure {
        what: "filter over 100,000 lines",
        value: begun.elapsed().as_secs_f64() * 1e3,
        unit: "ms",
        bar: 100.0,
        is_most: true,
    });
}

/// What 50 sources of 1,000 lines/s write in ten minutes, 30 million lines: memory at the end against after one.
fn long(figures: &mut Vec<Figure>) {
    let mut model = model();
    let mut after_one = 0.0;
    let minute = 50 * 1_000 * 60 / BATCH;
    for batch in 0..minute * 10 {
        if batch == minute {
            after_one = resident();
        }
        told(&mut model, FeedNews::Lines(lines(batch * BATCH)));
    }
    let grown = (resident() - after_one) / 1e6;
    figures.push(Figure {
        what: "memory grown from minute 1 to 10, 50 sources of 1,000 lines/s",
        value: grown,
        unit: "MB",
        bar: 2.0,
        is_most: true,
    });
}

fn main() {
    // `cargo test --benches` and `cargo bench -- --test` only want it to run.
    if std::env::args().any(|it| it == "--test" || it == "--list") {
        return;
    }
    let mut figures = Vec::new();
    kept(&mut figures);
    flood(&mut figures);
    long(&mut figures);
    let mut is_well = true;
    for figure in &figures {
        let Figure {
            what,
            value,
            unit,
            bar,
            is_most,
        } = figure;
        let sign = if figure.is_reached() { "ok  " } else { "MISS" };
        let word = if *is_most { "at most" } else { "at least" };
        println!("{sign} {what}: {value:.1} {unit} ({word} {bar})");
        is_well &= figure.is_reached();
    }
    if !is_well {
        std::process::exit(1);
    }
}
