//! What Kubernetes takes as the key and the value of a label.
//!
//! Source: "Labels and Selectors", syntax and character set, of the Kubernetes documentation.

const LONGEST_NAME: usize = 63;
const LONGEST_PREFIX: usize = 253;

/// What is wrong with the key of a label; `None` when nothing is.
pub fn key_fault(key: &str) -> Option<String> {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    if name.is_empty() {
        return Some("a label needs a name".to_owned());
    }
    if let Some(prefix) = prefix
        && !is_domain(prefix)
    {
        return Some(format!(
            "\"{prefix}\" before the slash is no domain name in lower case"
        ));
    }
    name_fault(name)
}

/// What is wrong with the value of a label; it may be empty.
pub fn value_fault(value: &str) -> Option<String> {
    (!value.is_empty()).then(|| name_fault(value)).flatten()
}

fn name_fault(name: &str) -> Option<String> {
    let is_edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let is_inner = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.len() > LONGEST_NAME {
        return Some(format!(
            "\"{name}\" is longer than {LONGEST_NAME} characters"
        ));
    }
    if let Some(odd) = name.chars().find(|c| !is_inner(*c)) {
        return Some(format!(
            "{odd:?} is not allowed; letters, digits, - _ . are"
        ));
    }
    let is_good = is_edge(name.chars().next()) && is_edge(name.chars().next_back());
    (!is_good).then(|| format!("\"{name}\" must begin and end with a letter or a digit"))
}

fn is_domain(prefix: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty()
            && !part.starts_with('-')
            && !part.ends_with('-')
            && part
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    };
    prefix.len() <= LONGEST_PREFIX && prefix.split('.').all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_taken_as_kubernetes_takes_them() {
        let long = "a".repeat(64);
        for (key, is_good) in [
            ("disk", true),
            ("node-role.kubernetes.io/worker", true),
            ("a_b.c-d", true),
            ("", false),
            ("x/", false),
            ("/x", false),
            ("UPPER.io/x", false),
            ("a..b/x", false),
            ("-x", false),
            ("x-", false),
            ("a b", false),
            ("a/b/c", false),
            ("naïve", false),
            (&long, false),
        ] {
            assert_eq!(key_fault(key).is_none(), is_good, "{key}");
        }
    }

    #[test]
    fn a_value_may_be_empty_but_not_odd() {
        for (value, is_good) in [("", true), ("ssd", true), ("a b", false), ("-", false)] {
            assert_eq!(value_fault(value).is_none(), is_good, "{value}");
        }
    }
}
