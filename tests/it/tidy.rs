//! The written rules of the tree that a compiler does not check: who may use whom, and what a file looks like.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Longer files have a second job. Tests may be longer: they are lists of cases.
const LONGEST: usize = 600;

/// Module -> the modules of ours it may use. Modules that are not here may use everything.
fn allowed() -> BTreeMap<&'static str, Vec<&'static str>> {
    BTreeMap::from([
        ("action", vec![]),
        ("complaint", vec![]),
        ("config", vec![]),
        ("rack", vec![]),
        ("sim", vec![]),
        ("theme", vec!["complaint"]),
        ("keymap", vec!["action", "complaint"]),
        ("form", vec!["rack", "effect"]),
        ("msg", vec!["rack", "action", "effect", "form"]),
        ("effect", vec!["rack", "action", "msg"]),
        ("clients", vec!["rack"]),
        ("ui", vec!["action", "keymap", "theme"]),
        (
            "panes",
            vec!["rack", "msg", "effect", "form", "action", "ui", "theme"],
        ),
        (
            "app",
            vec![
                "rack", "msg", "effect", "form", "action", "keymap", "theme", "ui", "panes",
            ],
        ),
    ])
}

/// Modules that may use anything, by the style guide: they put the program together.
const TOP: [&str; 4] = ["main", "lib", "cli", "logging"];

struct Source {
    path: String,
    text: String,
}

impl Source {
    /// `app` for `src/app.rs` and `src/app/view.rs`.
    fn module(&self) -> &str {
        let inner = self.path.trim_start_matches("src/");
        inner.split(['/', '.']).next().unwrap()
    }

    fn is_test(&self) -> bool {
        self.path.ends_with("tests.rs") || self.path.contains("/tests/")
    }

    /// The lines before the tests of the file.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self
            .text
            .lines()
            .enumerate()
            .map(|(index, line)| (index + 1, line));
        lines.take_while(|(_, line)| !line.starts_with("#[cfg(test)]"))
    }
}

/// The effect runner, which alone uses `clients` and starts tasks.
fn is_effects(path: &str) -> bool {
    path == "src/app/effects.rs" || path.starts_with("src/app/effects/")
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut todo: Vec<PathBuf> = vec![root.join("src")];
    let mut sources = Vec::new();
    while let Some(path) = todo.pop() {
        if path.is_dir() {
            todo.extend(
                fs::read_dir(&path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let path = path.strip_prefix(root).unwrap().display().to_string();
            sources.push(Source { path, text });
        }
    }
    assert!(sources.len() > 20, "the tree was not found");
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    sources
}

/// Fails with every complaint at once.
fn expect_none(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

/// The module of ours named by a `use crate::` line, or by a path in the code.
fn used(line: &str) -> Vec<&str> {
    line.match_indices("crate::")
        .map(|(at, word)| &line[at + word.len()..])
        .map(|rest| {
            rest.split(|c: char| !c.is_alphanumeric() && c != '_')
                .next()
                .unwrap()
        })
        .filter(|name| !name.is_empty() && name.starts_with(char::is_lowercase))
        .collect()
}

#[test]
fn modules_use_only_what_the_architecture_allows() {
    let allowed = allowed();
    let mut complaints = Vec::new();
    for source in sources() {
        let module = source.module();
        if TOP.contains(&module) {
            continue;
        }
        let Some(may) = allowed.get(module) else {
            complaints.push(format!(
                "{}: module {module} is not in the table of tests/it/tidy.rs",
                source.path
            ));
            continue;
        };
        for (number, line) in source.code() {
            for name in used(line) {
                let is_runner = is_effects(&source.path) && name == "clients";
                if name != module && !may.contains(&name) && !is_runner {
                    complaints.push(format!(
                        "{}:{number}: {module} may not use {name}",
                        source.path
                    ));
                }
            }
        }
    }
    expect_none(&complaints);
}

#[test]
fn every_file_says_what_it_is_and_has_one_job() {
    let mut complaints = Vec::new();
    for source in sources() {
        if !source.text.starts_with("//! ") {
            complaints.push(format!("{}: does not open with //!", source.path));
        }
        let length = source.code().count();
        if length > LONGEST && !source.is_test() {
            complaints.push(format!("{}: {length} lines", source.path));
        }
        if source.path.ends_with("/mod.rs") {
            complaints.push(format!("{}: foo.rs + foo/, never mod.rs", source.path));
        }
    }
    expect_none(&complaints);
}

#[test]
fn only_the_effect_runner_and_the_simulator_start_tasks() {
    let mut complaints = Vec::new();
    for source in sources()
        .iter()
        .filter(|source| source.module() != "sim" && !source.is_test())
    {
        for (number, line) in source.code() {
            let starts = ["tokio::spawn(", "thread::spawn(", "task::spawn("]
                .iter()
                .any(|call| line.contains(call));
            if starts && !is_effects(&source.path) {
                complaints.push(format!("{}:{number}: {}", source.path, line.trim()));
            }
        }
    }
    expect_none(&complaints);
}

#[test]
fn colours_stand_in_the_theme_alone() {
    let mut complaints = Vec::new();
    // The encoder turns colours into codes; it chooses none.
    let is_exempt =
        |source: &Source| source.module() == "theme" || source.path == "src/app/backend/encode.rs";
    for source in sources().iter().filter(|source| !is_exempt(source)) {
        for (number, line) in source.code().filter(|(_, line)| line.contains("Color::")) {
            complaints.push(format!("{}:{number}: {}", source.path, line.trim()));
        }
    }
    expect_none(&complaints);
}

#[test]
fn the_pure_part_knows_neither_clock_nor_runtime_nor_screen() {
    let banned = [
        "Timestamp::now",
        "Instant::now",
        "SystemTime::now",
        "tokio::",
        "ratatui::",
        "kube::",
        "std::fs",
        "async fn",
    ];
    let mut complaints = Vec::new();
    for source in sources().iter().filter(|source| source.module() == "rack") {
        for (number, line) in source.code() {
            for word in banned.iter().filter(|word| line.contains(**word)) {
                complaints.push(format!("{}:{number}: {word}", source.path));
            }
        }
    }
    expect_none(&complaints);
}

#[test]
fn update_and_panes_never_wait_nor_ask_the_time() {
    let banned = [
        "Timestamp::now",
        "Instant::now",
        "SystemTime::now",
        "async ",
        "std::fs",
        "Mutex",
    ];
    let exempt = [
        "src/app/event_loop.rs",
        "src/app/terminal.rs",
        "src/app/signals.rs",
        "src/app/backend.rs",
    ];
    let mut complaints = Vec::new();
    for source in sources()
        .iter()
        .filter(|source| ["app", "panes", "ui"].contains(&source.module()))
    {
        let is_exempt = exempt.contains(&source.path.as_str()) || is_effects(&source.path);
        if is_exempt || source.is_test() {
            continue;
        }
        for (number, line) in source.code() {
            for word in banned.iter().filter(|word| line.contains(**word)) {
                complaints.push(format!("{}:{number}: {word}", source.path));
            }
        }
    }
    expect_none(&complaints);
}

/// What is started beside the screen must not be caught by a stop half-started: see `clients/process.rs`.
#[test]
fn clients_start_programs_in_one_place() {
    let mut complaints = Vec::new();
    for source in sources()
        .iter()
        .filter(|source| source.module() == "clients" && !source.is_test())
        .filter(|source| source.path != "src/clients/process.rs")
    {
        for (number, line) in source.code() {
            if [".output()", ".spawn()"]
                .iter()
                .any(|call| line.contains(call))
            {
                complaints.push(format!("{}:{number}: {}", source.path, line.trim()));
            }
        }
    }
    expect_none(&complaints);
}
