//! ssh's own configuration, read the way OpenSSH reads it, for machines that have no `ssh` to ask (`ssh -G`).
//!
//! Covers what people use: `Host`, `Match all|host|originalhost|user|localuser|final`, `Include`, quotes, `=`, comments,
//! the first value wins. Not here: opening files, running the commands of `Match exec` (such a block does not match, and
//! a note says so).

mod words;

use std::path::PathBuf;

use crate::rack::ssh::Destination;
use crate::rack::ssh::pattern::{self, Listed};
use crate::rack::ssh::resolved::Options;

/// Files that include each other in a circle end here, as in OpenSSH.
const DEEPEST: usize = 16;

/// What `Host` and `Match` compare with.
#[derive(Debug, Clone)]
pub struct Asked {
    pub destination: Destination,
    pub local_user: String,
}

/// A file of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    pub path: PathBuf,
    pub text: String,
}

/// The values that hold for one host, and what could not be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reading {
    pub options: Options,
    /// Files in the order in which they were read.
    pub files: Vec<PathBuf>,
    /// Sentences with file and line.
    pub notes: Vec<String>,
}

/// Reads `files` (the person's own, then the system's) for one host. `include` finds the files of an `Include` by its
/// word as written and the file it stands in.
pub fn read<F>(asked: &Asked, files: &[File], include: F) -> Reading
where
    F: FnMut(&str, &File) -> Vec<File>,
{
    let mut reader = Reader {
        asked,
        include,
        reading: Reading::default(),
        is_final: false,
        wants_final: false,
    };
    // What was said on the command line comes first, and the first value wins.
    if let Some(user) = &asked.destination.user {
        reader.reading.options.set("user", user);
    }
    if let Some(port) = asked.destination.port {
        reader.reading.options.set("port", &port.to_string());
    }
    reader.pass(files);
    if reader.wants_final {
        reader.is_final = true;
        reader.pass(files);
    }
    reader.reading
}

struct Reader<'a, F> {
    asked: &'a Asked,
    include: F,
    reading: Reading,
    is_final: bool,
    wants_final: bool,
}

impl<F> Reader<'_, F>
where
    F: FnMut(&str, &File) -> Vec<File>,
{
    fn pass(&mut self, files: &[File]) {
        for file in files {
            self.file(file, true, 0);
        }
    }

    /// `may_match`: false inside an `Include` of a block that does not hold; its own `Host` lines cannot hold either.
    fn file(&mut self, file: &File, may_match: bool, depth: usize) {
        if !self.is_final {
            self.reading.files.push(file.path.clone());
        }
        let mut holds = may_match;
        for (index, line) in file.text.lines().enumerate() {
            let Some((keyword, words)) = words::split(line) else {
                continue;
            };
            match keyword.as_str() {
                "host" => holds = may_match && self.host_holds(&words),
                "match" => {
                    let matches = self.match_holds(&words, file, index + 1);
                    holds = may_match && matches;
                }
                "include" => self.include(&words, file, holds, depth),
                _ if !holds => {}
                _ if words.is_empty() => {
                    self.note(file, index + 1, &format!("{keyword} has no value"));
                }
                // Everything to the end of the line belongs to the command.
                "proxycommand" => self.reading.options.set(&keyword, &words::rest(line)),
                _ if keyword.ends_with("knownhostsfile") => {
                    self.reading.options.set(&keyword, &words::join(&words));
                }
                _ => self.reading.options.set(&keyword, &words.join(" ")),
            }
        }
    }

    fn include(&mut self, words: &[String], file: &File, holds: bool, depth: usize) {
        if depth >= DEEPEST {
            return;
        }
        for word in words {
            for included in (self.include)(word, file) {
                self.file(&included, holds, depth + 1);
            }
        }
    }

    fn host_holds(&self, words: &[String]) -> bool {
        let patterns = words.iter().map(String::as_str);
        pattern::listed(&self.asked.destination.host, patterns) == Listed::Yes
    }

    fn match_holds(&mut self, words: &[String], file: &File, number: usize) -> bool {
        let mut holds = !words.is_empty();
        let mut words = words.iter().flat_map(|word| {
            // `Match host=rpi` is `Match host rpi`.
            let (criterion, value) = word.split_once('=').unwrap_or((word, ""));
            [criterion, value].map(str::to_owned)
        });
        let mut next = || words.find(|word| !word.is_empty());
        while let Some(word) = next() {
            let (is_negated, criterion) = match word.strip_prefix('!') {
                Some(criterion) => (true, criterion.to_lowercase()),
                None => (false, word.to_lowercase()),
            };
            let applies = match criterion.as_str() {
                "all" => true,
                "canonical" => self.is_final && is_negated,
                "final" => {
                    self.wants_final = true;
                    self.is_final
                }
                name => {
                    let Some(value) = next() else {
                        self.note(file, number, &format!("Match {name} has no value"));
                        return false;
                    };
                    if let Some(text) = self.compared(name) {
                        pattern::listed(&text, value.split(',')) == Listed::Yes
                    } else {
                        let note = format!(
                            "Match {name} is not understood without OpenSSH: the block is left out"
                        );
                        self.note(file, number, &note);
                        return false;
                    }
                }
            };
            holds &= applies != is_negated;
        }
        holds
    }

    /// What a criterion compares its patterns with; `None` when it is not one of ours.
    fn compared(&self, criterion: &str) -> Option<String> {
        let options = &self.reading.options;
        let host = &self.asked.destination.host;
        Some(match criterion {
            "host" => match options.first("hostname") {
                Some(name) => name.replace("%h", host).replace("%%", "%"),
                None => host.clone(),
            },
            "originalhost" => host.clone(),
            "user" => options
                .first("user")
                .unwrap_or(&self.asked.local_user)
                .to_owned(),
            "localuser" => self.asked.local_user.clone(),
            _ => return None,
        })
    }

    fn note(&mut self, file: &File, number: usize, what: &str) {
        if !self.is_final {
            self.reading
                .notes
                .push(format!("{}:{number}: {what}", file.path.display()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What OpenSSH makes of many more files is compared in `tests/real/ssh`.
    fn check(text: &str, host: &str, keyword: &str, expected: Option<&str>) {
        let reading = reading(text, host);
        assert_eq!(reading.options.first(keyword), expected, "{text} {host}");
    }

    fn reading(text: &str, host: &str) -> Reading {
        let asked = Asked {
            destination: Destination::parse(host).unwrap(),
            local_user: "me".to_owned(),
        };
        let file = File {
            path: PathBuf::from("config"),
            text: text.to_owned(),
        };
        read(&asked, &[file], |word, _| {
            vec![File {
                path: PathBuf::from(word),
                text: if word == "loop" {
                    "Include loop\n".to_owned()
                } else {
                    "User included\n".to_owned()
                },
            }]
        })
    }

    #[test]
    fn the_first_value_wins_and_what_was_said_aloud_before_all() {
        let text = "Host rpi-*\n User pi\n Port=2222\nHost *\n User root\n";
        check(text, "rpi-01", "user", Some("pi"));
        check(text, "other", "user", Some("root"));
        check(text, "bob@rpi-01:77", "user", Some("bob"));
        check(text, "bob@rpi-01:77", "port", Some("77"));
    }

    #[test]
    fn options_of_a_block_that_does_not_hold_leak_nowhere() {
        let text =
            "Match host other\n User wrong\nMatch exec \"true\"\n User wrong\nHost rpi\n User pi\n";
        check(text, "rpi", "user", Some("pi"));
        check(text, "third", "user", None);
        let notes = reading(text, "rpi").notes;
        assert_eq!(
            notes,
            ["config:3: Match exec is not understood without OpenSSH: the block is left out"]
        );
    }

    #[test]
    fn includes_are_read_where_they_stand_and_end() {
        check("Host a\n Include x\n", "a", "user", Some("included"));
        check("Host a\n Include x\n", "b", "user", None);
        assert_eq!(reading("Include loop\n", "a").files.len(), DEEPEST + 1);
    }
}
