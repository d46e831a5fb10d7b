//! JSON and logfmt lines as a person reads them: the time, the level and the message first, the rest behind.
//!
//! Nothing is lost: what has no place of its own follows as `key=value`. A line that is neither stays as it is.

use std::fmt::Write;

use serde_json::Value;

/// How bad a line is, as its writer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Debug,
    Info,
    Warning,
    Error,
}

const LEVELS: [&str; 4] = ["level", "lvl", "severity", "log.level"];
const MESSAGES: [&str; 4] = ["msg", "message", "log", "error"];
const TIMES: [&str; 5] = ["ts", "time", "timestamp", "@timestamp", "t"];
/// Longer lines are left as they are: nobody reads them, and parsing would cost a frame.
const LONGEST: usize = 64 << 10;

/// The line in readable form; `None` when it is neither JSON nor logfmt.
pub fn readable(line: &str) -> Option<String> {
    if line.len() > LONGEST {
        return None;
    }
    let fields = json(line).or_else(|| logfmt(line))?;
    let find = |names: &[&str]| {
        let place = |name: &&str| fields.iter().position(|(key, _)| key == name);
        names.iter().find_map(place)
    };
    let (level, message, time) = (find(&LEVELS), find(&MESSAGES), find(&TIMES));
    message.or(level)?;
    let value = |place: Option<usize>| place.and_then(|at| fields.get(at)).map(|(_, value)| value);
    let mut text = String::new();
    if let Some(level) = value(level) {
        let _ = write!(text, "{:5} ", level.to_uppercase());
    }
    text.push_str(value(message).map_or("", String::as_str));
    for (index, (key, value)) in fields.iter().enumerate() {
        if ![level, message, time].contains(&Some(index)) {
            let _ = write!(text, "  {key}={value}");
        }
    }
    Some(text)
}

/// What the line says of itself: by its level field, or by a word near its beginning.
pub fn level(line: &str) -> Option<Level> {
    let from_field = || {
        let fields = json(line).or_else(|| logfmt(line))?;
        let (_, level) = fields
            .iter()
            .find(|(key, _)| LEVELS.contains(&key.as_str()))?;
        word(level)
    };
    let starts = line.starts_with('{') || line.contains("level=") || line.contains("lvl=");
    if starts
        && line.len() <= LONGEST
        && let Some(level) = from_field()
    {
        return Some(level);
    }
    if let Some(level) = klog(line) {
        return Some(level);
    }
    if let Some(level) = said_first(line) {
        return Some(level);
    }
    let is_edge = |c: char| !c.is_ascii_alphanumeric();
    line.split(is_edge)
        .filter(|it| !it.is_empty())
        .take(12)
        .find_map(shouted)
}

/// `E1124 12:00:00.000000 …` as Kubernetes itself writes it.
fn klog(line: &str) -> Option<Level> {
    let (letter, rest) = line.split_at_checked(1)?;
    let is_date = rest
        .get(..4)
        .is_some_and(|date| date.chars().all(|c| c.is_ascii_digit()));
    match letter {
        _ if !is_date || rest.get(4..5) != Some(" ") => None,
        "I" => Some(Level::Info),
        "W" => Some(Level::Warning),
        "E" | "F" => Some(Level::Error),
        _ => None,
    }
}

/// `panic: …`, `fatal error: …` and `Error: …` as languages end their programs.
fn said_first(line: &str) -> Option<Level> {
    let (head, _) = line.split_once(':')?;
    match head.split_once(' ') {
        None => word(head),
        Some((first, "error")) => word(first),
        Some(("Traceback", "(most recent call last)")) => Some(Level::Error),
        Some(_) => None,
    }
}

/// A level among other words counts only when it is written as levels are, in capitals.
fn shouted(text: &str) -> Option<Level> {
    (!text.chars().any(|c| c.is_ascii_lowercase()))
        .then(|| word(text))
        .flatten()
}

fn word(text: &str) -> Option<Level> {
    match text.to_ascii_lowercase().as_str() {
        "trace" | "debug" | "dbg" => Some(Level::Debug),
        "info" | "notice" | "inf" => Some(Level::Info),
        "warn" | "warning" | "wrn" => Some(Level::Warning),
        "error" | "err" | "fatal" | "panic" | "critical" | "crit" | "alert" | "emergency" => {
            Some(Level::Error)
        }
        _ => None,
    }
}

fn json(line: &str) -> Option<Vec<(String, String)>> {
    let line = line.trim();
    if !line.starts_with('{') {
        return None;
    }
    let Value::Object(fields) = serde_json::from_str(line).ok()? else {
        return None;
    };
    let text = |value: Value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    Some(
        fields
            .into_iter()
            .map(|(key, value)| (key, text(value)))
            .collect(),
    )
}

/// `key=value key="a value"`, at least two of them, and nothing else.
fn logfmt(line: &str) -> Option<Vec<(String, String)>> {
    let mut rest = line.trim();
    let mut fields = Vec::new();
    while !rest.is_empty() {
        let (key, after) = rest.split_once('=')?;
        if key.is_empty() || key.contains(|c: char| c.is_whitespace() || c == '"') {
            return None;
        }
        let (value, after) = if let Some(quoted) = after.strip_prefix('"') {
            unquoted(quoted)?
        } else {
            let end = after.find(char::is_whitespace).unwrap_or(after.len());
            let (value, after) = after.split_at(end);
            (value.to_owned(), after)
        };
        fields.push((key.to_owned(), value));
        rest = after.trim_start();
    }
    (fields.len() >= 2).then_some(fields)
}

/// The text up to the closing quote, and what follows it.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((value, text.get(at + 1..)?)),
            '\\' => match letters.next()?.1 {
                'n' => value.push('\n'),
                't' => value.push('\t'),
                other => value.push(other),
            },
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_fields_are_put_in_order_and_others_left() {
        for (line, expected) in [
            (
                r#"{"ts":"2026-11-24T10:00:00Z","level":"error","msg":"no route","pool":"lan","n":3}"#,
                Some("ERROR no route  n=3  pool=lan"),
            ),
            (
                r#"time=2026-11-24 level=warn msg="slow \"disk\"" took=2s"#,
                Some(r#"WARN  slow "disk"  took=2s"#),
            ),
            ("level=info", None),
            ("a=b c=d", None),
            ("GET /index.html?x=1 200", None),
            ("{not json", None),
            ("[1,2]", None),
            ("", None),
            (r#"{"msg":"only"}"#, Some("only")),
        ] {
            assert_eq!(readable(line).as_deref(), expected, "{line}");
        }
    }

    #[test]
    fn the_level_is_what_the_writer_says() {
        for (line, expected) in [
            (r#"{"level":"error","msg":"x"}"#, Some(Level::Error)),
            ("level=warning msg=x", Some(Level::Warning)),
            ("E1124 10:00:00.000 1 x.go:3] broken", Some(Level::Error)),
            ("W1124 10:00:00.000 1 x.go:3] hm", Some(Level::Warning)),
            ("2026-11-24 10:00:00 INFO started", Some(Level::Info)),
            ("[ERROR] no such file", Some(Level::Error)),
            ("panic: runtime error", Some(Level::Error)),
            ("fatal error: all goroutines are asleep", Some(Level::Error)),
            ("Traceback (most recent call last):", Some(Level::Error)),
            ("info from 10:00: error is a word", None),
            ("there was no error at all", None),
            ("Everything fine", None),
            ("", None),
        ] {
            assert_eq!(level(line), expected, "{line}");
        }
    }

    #[test]
    fn nested_and_huge_lines_end_quickly() {
        let deep = "{\"a\":".repeat(10_000);
        assert_eq!(readable(&deep), None);
        assert_eq!(
            readable(&format!("{{\"msg\":\"{}\"}}", "x".repeat(100_000))),
            None
        );
    }
}
