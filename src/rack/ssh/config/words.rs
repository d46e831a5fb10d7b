//! One line of `ssh_config`: a keyword and its words, with quotes, escapes, `=` and comments.

/// The keyword in lower case and its words; `None` for blank lines and comments.
pub(super) fn split(line: &str) -> Option<(String, Vec<String>)> {
    let (keyword, rest) = keyword(line)?;
    Some((keyword.to_lowercase(), words(rest)))
}

/// Everything after the keyword, as it stands.
pub(super) fn rest(line: &str) -> String {
    keyword(line).map_or_else(String::new, |(_, rest)| rest.trim_end().to_owned())
}

/// Words as one value; those with blanks are quoted, so that a list of files stays one.
pub(super) fn join(words: &[String]) -> String {
    let words = words.iter().map(|word| {
        if word.contains([' ', '\t']) {
            format!("\"{word}\"")
        } else {
            word.clone()
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

fn keyword(line: &str) -> Option<(&str, &str)> {
    let line = line.trim_start_matches([' ', '\t', '\r', '\u{c}']);
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    let end = line.find([' ', '\t', '=']).unwrap_or(line.len());
    let (keyword, rest) = line.split_at(end);
    let rest = rest.trim_start_matches([' ', '\t']);
    let rest = rest.strip_prefix('=').unwrap_or(rest);
    let keyword = keyword.trim_end_matches('\r').trim_matches('"');
    Some((keyword, rest.trim_start_matches([' ', '\t'])))
}

/// Words are parted by blanks; quotes keep blanks; `#` at the start of a word ends the line.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut chars = text
        .trim_end_matches(['\r', '\n', ' ', '\t'])
        .chars()
        .peekable();
    loop {
        while chars.next_if(|c| *c == ' ' || *c == '\t').is_some() {}
        match chars.peek() {
            None | Some('#') => return words,
            Some(_) => {}
        }
        let mut word = String::new();
        let mut quote: Option<char> = None;
        while let Some(c) = chars.peek().copied() {
            if quote.is_none() && (c == ' ' || c == '\t') {
                break;
            }
            chars.next();
            match (c, quote) {
                ('"' | '\'', None) => quote = Some(c),
                (c, Some(open)) if c == open => quote = None,
                ('\\', _) => match chars.peek().copied() {
                    Some(escaped @ ('"' | '\'' | '\\')) => {
                        chars.next();
                        word.push(escaped);
                    }
                    Some(' ') if quote.is_none() => {
                        chars.next();
                        word.push(' ');
                    }
                    Some(_) | None => word.push('\\'),
                },
                (c, _) => word.push(c),
            }
        }
        words.push(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_split_as_openssh_splits_them() {
        for (line, keyword, expected) in [
            ("  Port 2222", "port", vec!["2222"]),
            ("\tPort\t2222\r", "port", vec!["2222"]),
            ("Port=2222", "port", vec!["2222"]),
            ("User = bob", "user", vec!["bob"]),
            ("Port 2200 # c", "port", vec!["2200"]),
            ("Host a b#c", "host", vec!["a", "b#c"]),
            (
                "IdentityFile \"~/my keys/id\"",
                "identityfile",
                vec!["~/my keys/id"],
            ),
            ("IdentityFile 'a b'\\ c", "identityfile", vec!["a b c"]),
            ("Host \"a\\\"b\"", "host", vec!["a\"b"]),
            ("Host", "host", vec![]),
        ] {
            let expected = expected.into_iter().map(str::to_owned).collect();
            assert_eq!(
                split(line),
                Some((keyword.to_owned(), expected)),
                "{line:?}"
            );
        }
        for line in ["", "   ", "# Port 1", "\t#", "\r"] {
            assert_eq!(split(line), None, "{line:?}");
        }
    }

    #[test]
    fn a_command_is_everything_to_the_end_of_the_line() {
        assert_eq!(
            rest("ProxyCommand  nc -x \"p q\" %h %p # no comment "),
            "nc -x \"p q\" %h %p # no comment"
        );
    }
}
