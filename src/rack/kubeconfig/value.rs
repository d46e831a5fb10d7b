//! What a YAML node means to kubectl: Go's reading, with the words of YAML 1.1 (`no` is a boolean, `0644` a number).
//!
//! Seen with kubectl 1.32 and written down in the tests. Invariant: `Debug` shows no value, only its kind.

use super::yaml::{Fault, NodeId, Shape, Style, Tree};

/// More nodes than this after following every alias is a bomb, not a kubeconfig.
const LARGEST: usize = 2_000_000;

#[derive(Clone)]
pub(super) enum Value {
    Null,
    /// A boolean or a number, as it is written.
    Plain(String),
    Text(String),
    List(Vec<Value>),
    Map(Vec<(String, Value)>),
}

impl Value {
    pub(super) fn text(text: impl Into<String>) -> Value {
        Value::Text(text.into())
    }

    /// The value of a key of a mapping.
    pub(super) fn get(&self, key: &str) -> Option<&Value> {
        match self {
            Value::Map(pairs) => pairs.iter().find(|(it, _)| it == key).map(|(_, it)| it),
            _ => None,
        }
    }

    pub(super) fn get_mut(&mut self, key: &str) -> Option<&mut Value> {
        match self {
            Value::Map(pairs) => (pairs.iter_mut())
                .find(|(it, _)| it == key)
                .map(|(_, it)| it),
            _ => None,
        }
    }

    pub(super) fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A text that is not empty: Go cannot tell an empty field from a missing one.
    pub(super) fn filled(&self, key: &str) -> Option<&str> {
        let text = self.get(key)?.as_text()?;
        (!text.is_empty()).then_some(text)
    }

    pub(super) fn items(&self) -> &[Value] {
        match self {
            Value::List(items) => items,
            _ => &[],
        }
    }

    pub(super) fn pairs(&self) -> &[(String, Value)] {
        match self {
            Value::Map(pairs) => pairs,
            _ => &[],
        }
    }

    pub(super) fn kind(&self) -> &'static str {
        match self {
            Value::Null => "nothing",
            Value::Plain(_) => "a number or a boolean",
            Value::Text(_) => "text",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }
}

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.kind())
    }
}

/// The order of keys means nothing.
impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Value::Null, Value::Null) => true,
            (Value::Plain(one), Value::Plain(two)) | (Value::Text(one), Value::Text(two)) => {
                one == two
            }
            (Value::List(one), Value::List(two)) => one == two,
            (Value::Map(one), Value::Map(two)) => {
                // Most often the order is the same; only what differs is searched for.
                one.len() == two.len()
                    && (one.iter().zip(two).all(|(a, b)| a == b)
                        || one.iter().all(|(key, it)| other.get(key) == Some(it)))
            }
            _ => false,
        }
    }
}

/// The whole document; `Null` for an empty one.
pub(super) fn of(tree: &Tree) -> Result<Value, Fault> {
    let mut budget = LARGEST;
    match tree.root() {
        Some(root) => read(tree, root, &mut budget),
        None => Ok(Value::Null),
    }
}

fn read(tree: &Tree, id: NodeId, budget: &mut usize) -> Result<Value, Fault> {
    let node = tree.node(id);
    *budget = budget.checked_sub(1).ok_or_else(|| {
        Fault::at(
            node.line,
            "its aliases (*name) make it larger than any kubeconfig",
        )
    })?;
    match &node.shape {
        Shape::Alias(target) => read(tree, *target, budget),
        Shape::Scalar { text, style } => Ok(scalar(text, *style, node.tag.as_deref())),
        Shape::List { items, .. } => {
            let items = items.iter().map(|item| read(tree, *item, budget));
            Ok(Value::List(items.collect::<Result<_, _>>()?))
        }
        Shape::Map { pairs, .. } => map(tree, pairs, budget),
    }
}

fn map(tree: &Tree, pairs: &[(NodeId, NodeId)], budget: &mut usize) -> Result<Value, Fault> {
    let mut own: Vec<(String, Value)> = Vec::with_capacity(pairs.len());
    let mut merged: Vec<(String, Value)> = Vec::new();
    for (key, value) in pairs {
        let line = tree.node(*key).line;
        let Some(name) = tree.text(*key) else {
            return Err(Fault::at(line, "a key is not plain text"));
        };
        let value = read(tree, *value, budget)?;
        if name == "<<" {
            match value {
                Value::Map(pairs) => merged.extend(pairs),
                Value::List(maps) => merged.extend(maps.into_iter().flat_map(|it| match it {
                    Value::Map(pairs) => pairs,
                    _ => Vec::new(),
                })),
                _ => return Err(Fault::at(line, "a merge key (<<) does not name a mapping")),
            }
            continue;
        }
        if own.iter().any(|(it, _)| it == name) {
            return Err(Fault::at(
                line,
                "a key stands twice: kubectl takes the last, others refuse the file",
            ));
        }
        own.push((name.to_owned(), value));
    }
    for (name, value) in merged {
        if !own.iter().any(|(it, _)| *it == name) {
            own.push((name, value));
        }
    }
    Ok(Value::Map(own))
}

fn scalar(text: &str, style: Style, tag: Option<&str>) -> Value {
    if style != Style::Plain || tag == Some("str") {
        return Value::Text(text.to_owned());
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        text if is_boolean(text) || is_number(text) => Value::Plain(text.to_owned()),
        text => Value::Text(text.to_owned()),
    }
}

/// A word that Go's YAML 1.1 reads as a boolean.
#[rustfmt::skip]
pub(super) fn is_boolean(text: &str) -> bool {
    matches!(
        text,
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "true" | "True" | "TRUE"
            | "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" | "false" | "False" | "FALSE"
    )
}

/// A word that Go's YAML 1.1 reads as a number.
pub(super) fn is_number(text: &str) -> bool {
    let signless = text.strip_prefix(['+', '-']).unwrap_or(text);
    match signless {
        ".inf" | ".Inf" | ".INF" => return true,
        _ if matches!(text, ".nan" | ".NaN" | ".NAN") => return true,
        _ => {}
    }
    let first = signless.chars().next();
    if !first.is_some_and(|c| c.is_ascii_digit() || c == '.') {
        return false;
    }
    let digits = signless.replace('_', "");
    let radix = |prefix: &str, radix: u32| {
        digits
            .strip_prefix(prefix)
            .is_some_and(|rest| !rest.is_empty() && rest.chars().all(|c| c.is_digit(radix)))
    };
    if radix("0x", 16) || radix("0X", 16) || radix("0b", 2) || radix("0o", 8) {
        return true;
    }
    let is_plain = |c: char| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-');
    digits.chars().all(is_plain) && digits.parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Result<Value, Fault> {
        of(&Tree::parse(text)?)
    }

    /// What kubectl 1.32 makes of these words as a context's name.
    #[test]
    fn words_are_read_as_kubectl_reads_them() {
        for (word, is_text) in [
            ("yes", false),
            ("y", false),
            ("no", false),
            ("N", false),
            ("NO", false),
            ("Yes", false),
            ("yEs", true),
            ("on", false),
            ("0644", false),
            ("1_000", false),
            ("0x1f", false),
            ("0b11", false),
            ("0o17", false),
            ("1e3", false),
            (".5", false),
            ("+1", false),
            ("-.inf", false),
            ("12:30:45", true),
            ("2020-01-01", true),
            ("1.2.3", true),
            ("=", true),
            ("10.0.0.5", true),
            ("e3", true),
            ("'no'", true),
            ("\"0644\"", true),
            ("!!str no", true),
        ] {
            let read = value(&format!("a: {word}")).unwrap();
            assert_eq!(
                read.get("a").unwrap().as_text().is_some(),
                is_text,
                "{word}"
            );
        }
        for nothing in ["", "~", "null"] {
            let read = value(&format!("a: {nothing}")).unwrap();
            assert_eq!(read.get("a"), Some(&Value::Null), "{nothing}");
        }
    }

    #[test]
    fn aliases_and_merge_keys_are_followed_and_own_keys_win() {
        let read = value("x: &x {a: one, b: two}\ny:\n  <<: *x\n  b: own\nz: *x\n").unwrap();
        assert_eq!(read.get("y").unwrap().filled("a"), Some("one"));
        assert_eq!(read.get("y").unwrap().filled("b"), Some("own"));
        assert_eq!(read.get("z").unwrap().filled("b"), Some("two"));
    }

    #[test]
    fn the_order_of_keys_means_nothing_and_values_do() {
        assert_eq!(
            value("a: x\nb: [1, 2]").unwrap(),
            value("b: [1, 2]\na: x").unwrap()
        );
        assert_ne!(
            value("a: x\nb: [1, 2]").unwrap(),
            value("a: x\nb: [2, 1]").unwrap()
        );
        assert_ne!(value("a: 'no'").unwrap(), value("a: no").unwrap());
    }

    #[test]
    fn double_keys_and_bombs_are_faults_with_a_line() {
        let fault = value("a: 1\nb: {c: 1,\n c: secret}").err().unwrap();
        assert_eq!(fault.line, 3);
        assert!(!fault.why.contains("secret"));
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for depth in 1..10 {
            let line = format!(
                "a{depth}: &a{depth} [{}]\n",
                vec![format!("*a{}", depth - 1); 10].join(", ")
            );
            bomb.push_str(&line);
        }
        assert!(value(&bomb).is_err());
    }

    #[test]
    fn debug_shows_no_value() {
        assert_eq!(
            format!("{:?}", value("token: secret").unwrap()),
            "a mapping"
        );
        assert_eq!(format!("{:?}", Value::text("secret")), "text");
    }
}
