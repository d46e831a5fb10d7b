//! Patterns of host names as OpenSSH has them in `ssh_config` and `known_hosts` (`man ssh_config`, PATTERNS).

/// What a list of patterns says about a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listed {
    Yes,
    No,
    /// A pattern with `!` matches, which outweighs every other.
    Excluded,
}

/// Whether `text` is matched as a whole by `pattern`, in which `*` is any characters and `?` is one.
pub fn matches(text: &str, pattern: &str) -> bool {
    let (text, pattern): (Vec<char>, Vec<char>) =
        (text.chars().collect(), pattern.chars().collect());
    let (mut at, mut in_pattern) = (0, 0);
    // The last `*`, and how much of the text it has taken: the only place worth going back to.
    let mut star: Option<(usize, usize)> = None;
    while at < text.len() {
        match pattern.get(in_pattern) {
            Some('*') => {
                star = Some((in_pattern, at));
                in_pattern += 1;
            }
            Some(c) if *c == '?' || text.get(at) == Some(c) => {
                at += 1;
                in_pattern += 1;
            }
            Some(_) | None => match star {
                Some((star_at, taken)) => {
                    star = Some((star_at, taken + 1));
                    in_pattern = star_at + 1;
                    at = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(in_pattern).all(|c| *c == '*')
}

/// Asks patterns one after the other; the case must be right already.
pub fn listed<'a>(text: &str, patterns: impl IntoIterator<Item = &'a str>) -> Listed {
    let mut listed = Listed::No;
    for pattern in patterns {
        match pattern.strip_prefix('!') {
            Some(pattern) if matches(text, pattern) => return Listed::Excluded,
            None if matches(text, pattern) => listed = Listed::Yes,
            Some(_) | None => {}
        }
    }
    listed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_names() {
        for (text, pattern, expected) in [
            ("rpi-01", "rpi-01", true),
            ("rpi-01", "rpi-0?", true),
            ("rpi-01", "rpi-*", true),
            ("rpi-01", "*", true),
            ("", "*", true),
            ("", "", true),
            ("", "?", false),
            ("rpi-01", "rpi", false),
            ("rpi-01", "*1*", true),
            ("a.b.lan", "*.lan", true),
            ("a.b.lan", "?.lan", false),
            ("aXbXc", "a*X*c", true),
            ("[rpi]:2222", "[rpi]:2222", true),
            ("[rpi]:2222", "[*]:*", true),
        ] {
            assert_eq!(matches(text, pattern), expected, "{text} {pattern}");
        }
    }

    #[test]
    fn many_stars_take_no_long_time() {
        let text = "a".repeat(2_000);
        let pattern = format!("{}b", "*a".repeat(500));
        assert!(!matches(&text, &pattern));
    }

    #[test]
    fn an_exclusion_outweighs_every_match() {
        let ask = |patterns: &str| listed("rpi-02", patterns.split(','));
        assert_eq!(ask("rpi-*"), Listed::Yes);
        assert_eq!(ask("rpi-*,!rpi-02"), Listed::Excluded);
        assert_eq!(ask("!rpi-02,rpi-*"), Listed::Excluded);
        assert_eq!(ask("!rpi-01"), Listed::No);
        assert_eq!(ask("other"), Listed::No);
    }
}
