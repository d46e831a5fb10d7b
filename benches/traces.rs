//! What the log of a job of 50 MB costs: until it is on the screen, for a key and its frame, and in memory.
//!
//! `cargo bench --bench traces` prints each figure with its bar and fails when one is missed. It measures the program's
//! own path, from the bytes of the server to the frame; the network is not in it.

#![allow(clippy::print_stdout, reason = "figures are for people")]
#![allow(clippy::panic, reason = "a bench that cannot begin should say why")]

use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bramble::action::PaneId;
use bramble::app::{Model, Settings, update, view};
use bramble::keymap::Keymap;
use bramble::msg::Msg;
use bramble::rack::pipeline::state::{JobRef, News, PipelineRef, ProjectRef};
use bramble::rack::pipeline::{
    Detail, Job, JobId, JobKind, Pipeline, PipelineId, Project, ProjectId, Status,
};
use bramble::rack::time::Now;
use bramble::rack::trace::Trace;
use bramble::theme::roles::Theme;
use crossterm::event::{KeyCode, KeyEvent};
use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::{Rect, Size};

const SIZE: usize = 50 << 20;

/// A build as a runner of today writes it: a time before each line, colours, sections, a redrawn line now and then.
fn log() -> Vec<u8> {
    let mut text = String::with_capacity(SIZE + 4_096);
    let mut line = 0;
    while text.len() < SIZE {
        let head = format!(
            "2026-11-24T{:02}:{:02}:{:02}.{:06}Z 01O ",
            line / 360_000 % 24,
            line / 6_000 % 60,
            line / 100 % 60,
            line % 100 * 10_000
        );
        let _ = match line % 1_000 {
            0 => writeln!(
                text,
                "{head}section_start:{line}:step_{line}\r\x1b[0K\x1b[36;1mStep {line}\x1b[0;m"
            ),
            999 => writeln!(
                text,
                "{head}section_end:{line}:step_{}\r\x1b[0K",
                line - 999
            ),
            500 => writeln!(text, "{head}fetching 10%\rfetching 50%\rfetched"),
            _ => writeln!(
                text,
                "{head}#{line} \x1b[32;1m$ cc\x1b[0;m -O2 -c src/module_{line}.c -o build/module_{line}.o"
            ),
        };
        line += 1;
    }
    text.into_bytes()
}

fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok());
    kilobytes.unwrap_or(f64::NAN) * 1_024.0
}

fn job() -> Job {
    Job {
        id: JobId(1),
        name: "build".to_owned(),
        stage: "build".to_owned(),
        status: Status::Success,
        allow_failure: false,
        failure_reason: None,
        branch: "main".to_owned(),
        created: None,
        started: None,
        finished: None,
        erased: None,
        duration: None,
        queued: None,
        archived: false,
        tags: Vec::new(),
        runner: None,
        url: String::new(),
        kind: JobKind::Job,
    }
}

/// The program with the log's job under the cursor.
fn model(project: &ProjectRef) -> Model {
    let (theme, keymap) = (
        Theme::load("terminal", None).0,
        Keymap::load("default", None).0,
    );
    let settings = Settings {
        gitlabs: vec![("office".to_owned(), "https://gitlab.example.com".to_owned())],
        ..Settings::default()
    };
    let mut model = Model::new(Now::ZERO, Size::new(160, 48), theme, keymap, settings);
    let about = Project {
        id: project.project,
        path: "ops/hub".to_owned(),
        url: String::new(),
        default_branch: None,
        access_level: None,
        registry: None,
    };
    let pipeline = Pipeline {
        id: PipelineId(9),
        project: project.project,
        status: Status::Success,
        source: "push".to_owned(),
        branch: "main".to_owned(),
        sha: "356a192b7913b04c54574d18c28d46e6395428ab".to_owned(),
        name: None,
        url: String::new(),
        created: None,
        updated: None,
    };
    let of = PipelineRef {
        project: project.clone(),
        pipeline: pipeline.id,
    };
    update(&mut model, Msg::Focus(PaneId::Pipelines));
    for news in [
        News::Projects(project.instance.clone(), vec![about]),
        News::Pipelines(project.clone(), vec![pipeline]),
        News::Jobs(of, vec![job()], Detail::default()),
    ] {
        update(&mut model, Msg::Builds(news));
    }
    for _ in 0..3 {
        key(&mut model, KeyCode::Enter);
    }
    model
}

fn key(model: &mut Model, code: KeyCode) {
    update(model, Msg::Key(KeyEvent::from(code)));
}

fn main() {
    // `cargo test --benches` and `cargo bench -- --test` only want it to run.
    if std::env::args().any(|it| it == "--test" || it == "--list") {
        return;
    }
    let project = ProjectRef {
        instance: "office".into(),
        project: ProjectId(7),
    };
    let mut model = model(&project);
    let mut buf = Buffer::empty(Rect::new(0, 0, 160, 48));
    let body = log();
    let (size, before) = (body.len(), resident());

    let begun = Instant::now();
    let mut trace = Trace::new();
    trace.take(&body, true);
    let rows = trace.rows().len();
    let job = JobRef {
        project,
        job: JobId(1),
    };
    update(&mut model, Msg::Builds(News::Trace(job, Arc::new(trace))));
    model.settle();
    view::view(&model, buf.area, &mut buf);
    let opened = begun.elapsed();
    let grown = resident() - before;

    let mut slowest = Duration::ZERO;
    let keys = [
        KeyCode::Home,
        KeyCode::PageDown,
        KeyCode::Down,
        KeyCode::PageDown,
        KeyCode::Up,
        KeyCode::End,
        KeyCode::PageUp,
        KeyCode::Enter,
    ];
    for code in keys.into_iter().cycle().take(400) {
        let begun = Instant::now();
        key(&mut model, code);
        model.settle();
        view::view(&model, buf.area, &mut buf);
        slowest = slowest.max(begun.elapsed());
    }
    let shown: String = buf.content().iter().map(Cell::symbol).collect();
    assert!(
        shown.contains("module_") && rows > 400_000,
        "{rows} rows\n{shown}"
    );
    let mut is_well = true;
    #[expect(
        clippy::cast_precision_loss,
        reason = "a few significant digits are read"
    )]
    let times = grown / size as f64;
    for (what, value, unit, bar) in [
        (
            "a log of 50 MB until it is on the screen",
            opened.as_secs_f64(),
            "s",
            1.0,
        ),
        (
            "a key and its frame, the slowest of 400",
            slowest.as_secs_f64() * 1e3,
            "ms",
            30.0,
        ),
        (
            "memory, besides the bytes of the answer",
            times,
            "times its size",
            3.0,
        ),
    ] {
        let sign = if value <= bar { "ok  " } else { "MISS" };
        println!("{sign} {what}: {value:.2} {unit} (at most {bar})");
        is_well &= value <= bar;
    }
    drop(body);
    if !is_well {
        std::process::exit(1);
    }
}
