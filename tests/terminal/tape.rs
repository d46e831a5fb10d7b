//! Replays `demo.tape`, so that the recorded demo cannot rot, and makes the pictures of the README from it.

use std::path::Path;

use crate::harness::{Session, Start};
use crate::picture::svg;

/// One line of the tape.
#[derive(Debug, PartialEq, Eq)]
enum Step<'a> {
    Width(u16),
    Height(u16),
    Run(Vec<&'a str>),
    Type(&'a str),
    Press(String),
    Wait(&'a str),
    Gone(&'a str),
    Screenshot(&'a str),
}

/// The step of a line; `None` for a blank line or a comment.
fn parse(line: &str) -> Option<Step<'_>> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    let number = || {
        rest.split(' ')
            .nth(1)
            .and_then(|it| it.parse().ok())
            .unwrap()
    };
    Some(match (word, rest) {
        ("Set", rest) if rest.starts_with("Width ") => Step::Width(number()),
        ("Set", rest) if rest.starts_with("Height ") => Step::Height(number()),
        ("Run", rest) => Step::Run(rest.strip_prefix("bramble ").unwrap().split(' ').collect()),
        ("Type", rest) => Step::Type(quoted(rest)),
        ("Wait", rest) => Step::Wait(quoted(rest)),
        ("Gone", rest) => Step::Gone(quoted(rest)),
        ("Screenshot", name) if !name.is_empty() => Step::Screenshot(name),
        ("Escape", "") => Step::Press("esc".to_owned()),
        ("Enter" | "Tab" | "Space" | "Backspace" | "Up" | "Down", "") => {
            Step::Press(word.to_lowercase())
        }
        (key, "") if key.starts_with("Ctrl+") => Step::Press(key.to_lowercase().replace('+', "-")),
        _ => panic!("not a step: {line}"),
    })
}

fn quoted(text: &str) -> &str {
    let inner = text.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
    inner.unwrap_or_else(|| panic!("not in quotes: {text}"))
}

fn replay(tape: &str, pictures: Option<&Path>) {
    let (mut width, mut height) = (80, 24);
    let mut running: Option<Session> = None;
    for (number, line) in tape.lines().enumerate() {
        let Some(step) = parse(line) else { continue };
        let at = format!("demo.tape:{}: {line}", number + 1);
        eprintln!("{at}");
        match (step, running.as_mut()) {
            (Step::Width(columns), None) => width = columns,
            (Step::Height(rows), None) => height = rows,
            (Step::Run(arguments), None) => {
                let start = Start::bramble([]).size(width, height);
                let start = arguments.into_iter().fold(start, Start::option);
                running = Some(start.go());
            }
            (Step::Type(text), Some(session)) => session.enter(text),
            (Step::Press(key), Some(session)) => session.press(&key),
            (Step::Wait(text), Some(session)) => _ = session.until(text),
            (Step::Gone(text), Some(session)) => _ = session.until_gone(text),
            (Step::Screenshot(name), Some(session)) => {
                let picture = svg(&session.screen());
                if let Some(folder) = pictures {
                    std::fs::write(folder.join(format!("{name}.svg")), picture).unwrap();
                }
            }
            (step, _) => panic!("{at}: {step:?} comes too early or too late"),
        }
    }
    let session = running.expect("the tape runs something");
    assert_eq!(session.ended(), (0, String::new()));
}

/// With `BRAMBLE_PICTURES=folder` it also writes the pictures there.
#[test]
fn the_demo_tape_plays_to_its_end() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tape = std::fs::read_to_string(root.join("demo.tape")).unwrap();
    let folder = std::env::var_os("BRAMBLE_PICTURES").map(|folder| root.join(folder));
    replay(&tape, folder.as_deref());
}

#[test]
fn the_pictures_of_the_readme_are_screens_of_the_tape() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tape = std::fs::read_to_string(root.join("demo.tape")).unwrap();
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let shown = readme
        .split("tests/terminal/pictures/")
        .skip(1)
        .filter_map(|rest| rest.split_once(".svg"))
        .map(|(name, _)| name);
    let mut count = 0;
    for name in shown {
        count += 1;
        assert!(tape.contains(&format!("\nScreenshot {name}\n")), "{name}");
        let file = root.join(format!("tests/terminal/pictures/{name}.svg"));
        assert!(file.exists(), "{name}.svg is not there");
    }
    assert!(count > 0, "the README shows no picture");
}

#[test]
fn a_line_of_the_tape_is_one_step() {
    assert_eq!(parse("# a word"), None);
    assert_eq!(parse("Type \"a \\ b\""), Some(Step::Type("a \\ b")));
    assert_eq!(parse("Ctrl+L"), Some(Step::Press("ctrl-l".to_owned())));
    assert_eq!(parse("Set Width 96"), Some(Step::Width(96)));
    assert_eq!(
        parse("Run bramble demo --seed 1"),
        Some(Step::Run(vec!["demo", "--seed", "1"]))
    );
}
