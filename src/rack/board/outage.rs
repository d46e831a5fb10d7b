//! What a board says of an outage of the API: its unit, the last complaint in its journal, its disk, port 6443.
//!
//! Not here: what a complaint means. The words are k3s's own; only what the logger puts around them is taken away.

use crate::rack::board::{Reading, Unit};

/// Below so much free space the disk is a suspect.
const LITTLE: u64 = 10;

/// One board in an outage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outage<'a> {
    /// Name and state of the unit that makes it a node; `None` where none is installed or systemd is not there.
    pub unit: Option<(&'a str, &'a Unit)>,
    /// Whether port 6443 is open; `None` on agents, which serve no API, and when it was not asked for.
    pub is_serving: Option<bool>,
    /// Free space of its fullest disk.
    pub free_percent: Option<u64>,
    /// The last complaint of the unit.
    pub cause: Option<&'a str>,
}

impl<'a> Outage<'a> {
    pub fn of(reading: &'a Reading) -> Outage<'a> {
        let unit = reading.unit();
        let is_server = unit.is_some_and(|(name, _)| name == "k3s");
        Outage {
            unit,
            is_serving: (is_server && reading.is_deep).then_some(reading.listens_on_6443),
            free_percent: reading.least_free_percent(),
            cause: cause(reading),
        }
    }

    /// True when the board itself is a reason that the API does not answer.
    pub fn is_suspect(&self) -> bool {
        self.unit.is_none_or(|(_, unit)| &*unit.active != "active")
            || self.is_serving == Some(false)
            || self.free_percent.is_some_and(|free| free < LITTLE)
    }

    /// In one line, the worst first to be read; what is not known is left out.
    pub fn line(&self) -> String {
        let mut words = vec![match self.unit {
            Some((name, unit)) if unit.restarts > 0 => {
                format!("{name} {}, restarted {} times", unit.active, unit.restarts)
            }
            Some((name, unit)) => format!("{name} {}", unit.active),
            None => "no k3s unit".to_owned(),
        }];
        words.extend(self.is_serving.map(|is_open| {
            let word = if is_open { "open" } else { "closed" };
            format!("6443 {word}")
        }));
        words.extend(self.free_percent.map(|free| format!("{free}% free")));
        let words = words.join(", ");
        match self.cause {
            Some(cause) => format!("{words}: {cause}"),
            None => words,
        }
    }
}

/// The last line of the unit's journal that complains, without what the logger puts around its words.
fn cause(reading: &Reading) -> Option<&str> {
    let (unit, _) = reading.unit()?;
    let own = reading.journal.iter().filter(|(of, _)| **of == *unit);
    own.rev().find_map(|(_, line)| complaint(line))
}

/// The words of a line that complains: of logrus (`level=error msg="…"`), of klog (`E1124 …] …`), of Go when it panics.
fn complaint(line: &str) -> Option<&str> {
    let has_level = |level: &str| line.contains(&format!("level={level} "));
    if ["fatal", "error", "panic"].into_iter().any(has_level) {
        let words = line.split_once("msg=").map_or(line, |(_, words)| words);
        return Some(words.trim_matches('"'));
    }
    let is_klog = |line: &str| {
        let mut letters = line.chars();
        matches!(letters.next(), Some('E' | 'F')) && letters.take(4).all(|it| it.is_ascii_digit())
    };
    if is_klog(line) {
        return Some(line.split_once("] ").map_or(line, |(_, words)| words));
    }
    line.starts_with("panic: ").then_some(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rack::board::parse;

    fn reading(lines: &str) -> Reading {
        parse(&format!("board 1\n{lines}\nend\n")).unwrap()
    }

    fn unit(name: &str, active: &str, restarts: u32) -> String {
        format!(
            "unit\tId={name}.service\nunit\tLoadState=loaded\nunit\tActiveState={active}\nunit\tNRestarts={restarts}\n"
        )
    }

    #[test]
    fn a_board_in_an_outage_is_one_line() {
        let server = unit("k3s", "activating", 7);
        for (lines, expected, is_suspect) in [
            (
                format!(
                    "{server}deep\ndisk\t/\t100\t88\t12\t/\njournal\tk3s\ttime=\"x\" level=fatal msg=\"starting kubernetes: no space\""
                ),
                "k3s activating, restarted 7 times, 6443 closed, 12% free: starting kubernetes: no space",
                true,
            ),
            (
                unit("k3s", "active", 0) + "deep\nlistens\t6443",
                "k3s active, 6443 open",
                false,
            ),
            // Not looked for: not known.
            (unit("k3s", "active", 0), "k3s active", false),
            (
                unit("k3s-agent", "active", 0) + "deep\ndisk\t/\t100\t95\t5\t/",
                "k3s-agent active, 5% free",
                true,
            ),
            (String::new(), "no k3s unit", true),
        ] {
            let reading = reading(lines.trim_end());
            let outage = Outage::of(&reading);
            assert_eq!(
                (outage.line().as_str(), outage.is_suspect()),
                (expected, is_suspect),
                "{lines}"
            );
        }
    }

    #[test]
    fn the_last_complaint_is_the_cause() {
        for (line, expected) in [
            ("level=info msg=\"Running\"", None),
            ("time=x level=error msg=\"a\"", Some("a")),
            (
                "E1124 11:02:03.1 812 server.go:9] b failed",
                Some("b failed"),
            ),
            ("panic: runtime error", Some("panic: runtime error")),
            ("Ended early", None),
            ("EXAMPLE", None),
            ("", None),
        ] {
            let reading = reading(&format!(
                "{}journal\tk3s\tlevel=fatal msg=older\njournal\tk3s\t{line}\njournal\tk3s-agent\tlevel=fatal msg=other",
                unit("k3s", "failed", 0)
            ));
            let expected = expected.or(Some("older"));
            assert_eq!(Outage::of(&reading).cause, expected, "{line}");
        }
    }
}
