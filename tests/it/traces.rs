//! Every recorded log of a job is read as its notes say.

#![allow(clippy::print_stderr, reason = "a skip is said aloud")]

use std::fs;
use std::path::{Path, PathBuf};

use bramble::rack::trace::{Row, RowKind, Trace};

/// What was recorded and written down for the project; tests without it say so.
const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/gitlab");

fn read(bytes: &[u8]) -> Trace {
    let mut trace = Trace::new();
    trace.take(bytes, true);
    trace
}

/// Each row as text, indented by its depth, with its section.
fn rows(trace: &Trace) -> Vec<String> {
    let row = |row: &Row| {
        let name = row
            .section
            .and_then(|index| trace.sections().get(index.get()))
            .map_or("", |section| &section.name);
        let head = if row.kind == RowKind::Text { " " } else { ">" };
        format!("{head}{name}|{}", trace.plain(row))
    };
    trace.rows().iter().map(row).collect()
}

/// Nothing of a row is an escape sequence but a colour, and nothing is a line end.
fn check_harmless(trace: &Trace) {
    for row in trace.rows() {
        let mut rest = trace.text(row);
        assert!(!rest.contains(&b'\n') && !rest.contains(&b'\r'));
        while let Some(at) = rest.iter().position(|byte| *byte == 0x1b) {
            let sequence = &rest[at..];
            let end = sequence.iter().position(|byte| *byte == b'm').unwrap();
            let inside = &sequence[2..end];
            assert_eq!(sequence[1], b'[');
            assert!(
                inside
                    .iter()
                    .all(|byte| matches!(byte, b'0'..=b'9' | b';' | b':'))
            );
            rest = &sequence[end..];
        }
    }
}

/// A file of the recorded data. Without the data the test says so and has nothing to check.
fn recorded(path: &str) -> Option<Vec<u8>> {
    let file = Path::new(DATA).join(path);
    match fs::read(&file) {
        Ok(bytes) => Some(bytes),
        Err(error) => {
            assert!(std::env::var_os("CI").is_none(), "{path}: {error}");
            eprintln!("skipped: {} is not there", file.display());
            None
        }
    }
}

fn files(under: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(Path::new(DATA).join(under)) else {
        assert!(std::env::var_os("CI").is_none(), "{under} is not there");
        eprintln!("skipped: {under} is not there");
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.is_file());
    files.sort();
    files
}

#[test]
fn the_renderings_of_one_job_give_the_same_lines() {
    for (names, expected) in [
        (
            ["arm-buildx-raw", "arm-buildx-ts-old", "arm-buildx-ts-new"],
            Some(208),
        ),
        (
            [
                "progress-cr-raw",
                "progress-cr-ts-old",
                "progress-cr-ts-new",
            ],
            None,
        ),
        (
            [
                "windows-crlf-raw",
                "windows-crlf-ts-old",
                "windows-crlf-ts-old",
            ],
            None,
        ),
    ] {
        let read = names.map(|name| {
            let body = recorded(&format!("traces/authored/{name}.log"))?;
            Some(rows(&read(&body)))
        });
        let [Some(first), Some(second), Some(third)] = read else {
            return;
        };
        assert_eq!(first, second, "{}", names[1]);
        assert_eq!(first, third, "{}", names[2]);
        if let Some(expected) = expected {
            let with_text = first.iter().filter(|row| !row.ends_with('|'));
            assert_eq!(with_text.count(), expected, "{}", names[0]);
        }
    }
}

#[test]
fn growing_piece_by_piece_gives_what_one_read_gives() {
    let mut growing = Trace::new();
    for file in files("traces/authored/growth-buildx") {
        let body = fs::read(&file).unwrap();
        growing.take(&body, false);
        assert_eq!(rows(&growing), rows(&read(&body)), "{}", file.display());
        assert_eq!(growing.sections(), read(&body).sections());
    }
}

#[test]
fn every_recorded_log_is_rows_without_escapes_but_colours() {
    let mut count = 0;
    for under in ["traces/authored", "traces/real", "terminal"] {
        for file in files(under) {
            let body = fs::read(&file).unwrap();
            let trace = read(&body);
            check_harmless(&trace);
            let shown: usize = trace.rows().iter().map(|row| trace.text(row).len()).sum();
            assert!(shown <= body.len() * 2, "{}", file.display());
            count += 1;
        }
    }
    assert!(count == 0 || count > 30, "{count} files");
}

#[test]
fn a_hostile_log_keeps_its_text_and_loses_its_power() {
    let Some(body) = recorded("traces/authored/hostile.log") else {
        return;
    };
    let trace = read(&body);
    let rows = rows(&trace);
    for expected in [
        ">|header with options",
        " step-script|after OSC title",
        " step-script|link text after OSC 8",
        " step-script|after full reset",
        " step-script|progress 100%",
    ] {
        let text = expected.split('|').next_back().unwrap();
        assert!(
            rows.iter().any(|row| row.ends_with(text)),
            "{text}: {rows:#?}"
        );
    }
    assert!(rows.iter().any(|row| row.contains("a blank in the name")));
    assert!(rows.iter().any(|row| row.ends_with("still red after CR")));
}

#[test]
fn a_failed_job_leads_to_its_cause() {
    for (file, cause, known) in [
        ("arm-exec-format-ts-new", "exec format error", true),
        ("arm-qemu-segv-ts-new", "qemu: uncaught target signal", true),
        ("arm-cargo-eoverflow-ts-new", "Value too large", true),
    ] {
        let Some(body) = recorded(&format!("traces/authored/{file}.log")) else {
            return;
        };
        let trace = read(&body);
        let (row, _) = trace.finding().known.filter(|_| known).unwrap();
        let text = trace.plain(&trace.rows()[row]);
        assert!(text.contains(cause), "{file}: {text}");
        let row = trace.finding().first_error.unwrap();
        let text = trace.plain(&trace.rows()[row]);
        assert!(!text.contains("ERROR: Job failed"), "{file}: {text}");
    }
}
