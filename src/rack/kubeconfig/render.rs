//! Values as YAML text that every reader reads alike: YAML 1.1 and 1.2, Go, Rust and Python.
//!
//! Invariant: what is read back from a rendered value is that value; whatever could be taken for something else is
//! quoted.

use std::fmt::Write as _;

use super::value::{Value, is_boolean, is_number};

/// A text on one line, quoted where it must be. In a flow collection (`{}`, `[]`) more must be.
pub(super) fn scalar(text: &str, is_flow: bool) -> String {
    if is_plain(text, is_flow) {
        text.to_owned()
    } else {
        quoted(text)
    }
}

/// In double quotes, as JSON has them, with what YAML takes for a line break escaped too.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn is_plain(text: &str, is_flow: bool) -> bool {
    let Some(first) = text.chars().next() else {
        return false;
    };
    let allowed = |c: char| {
        c.is_ascii_alphanumeric()
            || matches!(c, '.' | '_' | '/' | '@' | '+' | '-' | '=')
            || c == ':' && !is_flow
    };
    let is_word = is_boolean(text) || text.eq_ignore_ascii_case("null") || is_number(text);
    (first.is_ascii_alphanumeric() || first == '/')
        && text.chars().all(allowed)
        && !text.ends_with(':')
        // A time (12:30:45) and anything that counts in sixties is a number to older readers.
        && !(first.is_ascii_digit() && text.contains(':'))
        && !is_word
}

/// A value in a flow collection: JSON, but for words that need no quotes.
pub(super) fn flow(value: &Value, quote_keys: bool) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Plain(word) => word.clone(),
        Value::Text(text) if quote_keys => quoted(text),
        Value::Text(text) => scalar(text, true),
        Value::List(items) => {
            let items: Vec<String> = items.iter().map(|it| flow(it, quote_keys)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Map(pairs) => {
            let pairs: Vec<String> = (pairs.iter())
                .map(|(key, value)| pair(key, value, quote_keys))
                .collect();
            format!("{{{}}}", pairs.join(", "))
        }
    }
}

/// `key: value` in a flow collection.
pub(super) fn pair(key: &str, value: &Value, quote_keys: bool) -> String {
    let key = if quote_keys {
        quoted(key)
    } else {
        scalar(key, true)
    };
    format!("{key}: {}", flow(value, quote_keys))
}

/// The lines of `key: value` in a block mapping, the first one without its indentation.
pub(super) fn block_pair(key: &str, value: &Value, indent: usize) -> Vec<String> {
    let key = scalar(key, false);
    match value {
        Value::Map(pairs) if !pairs.is_empty() => {
            let mut lines = vec![format!("{key}:")];
            lines.extend(block_map(pairs, indent + 2));
            lines
        }
        Value::List(items) if !items.is_empty() => {
            let mut lines = vec![format!("{key}:")];
            lines.extend(items.iter().flat_map(|item| block_item(item, indent)));
            lines
        }
        Value::Text(text) => vec![format!("{key}: {}", scalar(text, false))],
        other => vec![format!("{key}: {}", flow(other, false))],
    }
}

/// The lines of a mapping, each with its indentation.
fn block_map(pairs: &[(String, Value)], indent: usize) -> Vec<String> {
    let blank = " ".repeat(indent);
    let mut lines = Vec::new();
    for (key, value) in pairs {
        let mut of_pair = block_pair(key, value, indent).into_iter();
        lines.extend(of_pair.next().map(|first| format!("{blank}{first}")));
        lines.extend(of_pair);
    }
    lines
}

/// The lines of one item of a list whose dashes stand at `indent`.
pub(super) fn block_item(item: &Value, indent: usize) -> Vec<String> {
    let blank = " ".repeat(indent);
    match item {
        Value::Map(pairs) if !pairs.is_empty() => {
            let mut lines = block_map(pairs, indent + 2);
            if let Some(first) = lines.first_mut() {
                *first = format!("{blank}- {}", first.trim_start());
            }
            lines
        }
        Value::Text(text) => vec![format!("{blank}- {}", scalar(text, false))],
        other => vec![format!("{blank}- {}", flow(other, false))],
    }
}

#[cfg(test)]
mod tests {
    use super::super::value;
    use super::super::yaml::Tree;
    use super::*;

    /// Text that has bitten somebody.
    const NASTY: [&str; 30] = [
        "",
        " ",
        "no",
        "Y",
        "0644",
        "1e3",
        "1_000",
        "~",
        "null",
        "- a",
        "a: b",
        "a #b",
        "#a",
        "&a",
        "*a",
        "!a",
        "%a",
        "@a",
        "`a`",
        "'",
        "\"",
        "\\",
        "a\nb",
        "\t",
        "\u{85}x\u{2028}",
        "12:30:45",
        "{a}",
        "[::1]",
        "ü😀",
        "a:",
    ];

    fn is_same(rendered: &str, expected: &Value) {
        let read = value::of(&Tree::parse(rendered).unwrap()).unwrap();
        assert!(&read == expected, "{rendered:?}");
        let json = serde_yaml::from_str::<serde_json::Value>(rendered).unwrap();
        let again = value::of(&Tree::parse(&json.to_string()).unwrap()).unwrap();
        assert!(&again == expected, "YAML 1.2 reads {rendered:?} otherwise");
    }

    #[test]
    fn nasty_text_comes_back_in_block_and_flow() {
        for text in NASTY {
            let value = Value::Map(vec![("k".to_owned(), Value::text(text))]);
            is_same(&format!("k: {}\n", scalar(text, false)), &value);
            is_same(&format!("{{k: {}}}\n", scalar(text, true)), &value);
            is_same(&flow(&value, true), &value);
        }
    }

    #[test]
    fn ordinary_words_need_no_quotes() {
        for text in [
            "https://10.0.0.5:6443",
            "office-rack",
            "LS0tLS1=",
            "10.0.0.5",
            "a@b",
        ] {
            assert_eq!(scalar(text, false), text);
        }
        assert_eq!(
            scalar("https://[fd00::1]:6443", false),
            "\"https://[fd00::1]:6443\""
        );
        assert_eq!(scalar("https://a:1", true), "\"https://a:1\"");
    }

    #[test]
    fn nested_values_come_back_from_block_style() {
        let inner = Value::Map(vec![
            (
                "args".to_owned(),
                Value::List(vec![
                    Value::text("a: b"),
                    Value::Map(vec![("x".to_owned(), Value::Null)]),
                ]),
            ),
            ("none".to_owned(), Value::List(Vec::new())),
            ("yes".to_owned(), Value::Plain("true".to_owned())),
        ]);
        let item = Value::Map(vec![
            ("exec".to_owned(), inner),
            ("name".to_owned(), Value::text("u")),
        ]);
        for indent in [0, 2] {
            let text = format!("users:\n{}\n", block_item(&item, indent).join("\n"));
            let expected = Value::Map(vec![("users".to_owned(), Value::List(vec![item.clone()]))]);
            is_same(&text, &expected);
        }
    }
}
