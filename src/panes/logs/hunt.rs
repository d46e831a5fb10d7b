//! Looking for the next line with a text: in pieces, round the end, over the lines that are shown; and reading a time.

use jiff::Timestamp;
use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;

use crate::rack::log::pattern::Pattern;
use crate::rack::log::query::duration;
use crate::rack::log::ring::Ring;
use crate::rack::log::sieve::Sieve;
use crate::rack::time::Now;

/// A search that is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hunt {
    /// The next line to look at, inclusive.
    at: u64,
    is_forward: bool,
    /// Where it began: it ends there.
    start: u64,
    is_around: bool,
    /// A first search looks downwards from the cursor, then upwards from there: the nearest match counts, not the oldest.
    turns_back: bool,
}

/// How far it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// Not everything was looked at yet.
    More,
    Found {
        line: u64,
        is_around: bool,
    },
    Missing,
}

impl Hunt {
    /// The nearest match from `here` on, else the nearest before it.
    pub(super) fn first(here: u64) -> Hunt {
        Hunt {
            at: here,
            is_forward: true,
            start: here,
            is_around: false,
            turns_back: true,
        }
    }

    /// The next match below or above `here`, round the end.
    pub(super) fn next(here: u64, is_forward: bool) -> Hunt {
        let at = if is_forward {
            here.saturating_add(1)
        } else {
            here.wrapping_sub(1)
        };
        Hunt {
            at,
            is_forward,
            start: here,
            is_around: !is_forward && here == 0,
            turns_back: false,
        }
    }

    /// Looks at about `budget` bytes of lines.
    pub(super) fn go_on(
        &mut self,
        pattern: &Pattern,
        sieve: &Sieve,
        ring: &Ring,
        budget: usize,
    ) -> Progress {
        let mut left = budget;
        loop {
            let next = if self.is_forward {
                sieve.at_or_after(self.at, ring)
            } else {
                sieve.at_or_before(self.at, ring)
            };
            let is_past_start = |number: u64| {
                self.is_around
                    && if self.is_forward {
                        number > self.start
                    } else {
                        number < self.start
                    }
            };
            let Some(line) = next
                .filter(|it| !is_past_start(*it))
                .and_then(|it| ring.get(it))
            else {
                if self.is_around {
                    return Progress::Missing;
                }
                self.turn();
                continue;
            };
            if pattern.is_match(line.text) {
                return Progress::Found {
                    line: line.number,
                    is_around: self.is_around && !self.turns_back,
                };
            }
            if !self.step(line.number) {
                if self.is_around {
                    return Progress::Missing;
                }
                self.turn();
            }
            left = left.saturating_sub(line.text.len() + 64);
            if left == 0 {
                return Progress::More;
            }
        }
    }

    /// False at the very first line, upwards.
    fn step(&mut self, number: u64) -> bool {
        if self.is_forward {
            self.at = number + 1;
            return true;
        }
        match number.checked_sub(1) {
            Some(above) => self.at = above,
            None => return false,
        }
        true
    }

    /// From the end it came to, on to the rest.
    fn turn(&mut self) {
        self.is_around = true;
        if self.turns_back {
            self.is_forward = false;
            self.at = self.start;
            // Everything below was looked at: now everything above.
            self.start = 0;
        } else if self.is_forward {
            self.at = 0;
        } else {
            self.at = u64::MAX;
        }
    }
}

/// `14:05`, `14:05:30`, `2026-11-24 14:05`, `10m` (ago), or a time stamp; by the clock of `zone`.
pub(super) fn time(text: &str, zone: &TimeZone, now: Now) -> Result<Timestamp, String> {
    let today = now.wall.to_zoned(zone.clone()).date();
    let at = |time: DateTime| time.to_zoned(zone.clone()).ok().map(|it| it.timestamp());
    let from_clock = || {
        let with_seconds = if text.matches(':').count() == 1 {
            format!("{text}:00")
        } else {
            text.to_owned()
        };
        // A date before the time would be passed over.
        let time: Time = with_seconds.parse().ok().filter(|_| !text.contains('-'))?;
        at(today.to_datetime(time))
    };
    let from_date = || at(text.replacen(' ', "T", 1).parse().ok()?);
    let ago = || now.wall.checked_sub(duration(text).ok()?).ok();
    let stamp = || text.parse().ok();
    (stamp().or_else(from_clock).or_else(from_date).or_else(ago)).ok_or_else(|| {
        format!("\"{text}\" is no time; write 14:05, 14:05:30, 2026-11-24 14:05, or 10m for ten minutes ago")
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::rack::log::{LogLine, SourceId};

    fn ring(texts: &[&str]) -> Ring {
        let mut ring = Ring::default();
        for text in texts {
            ring.push(&LogLine {
                source: SourceId(0),
                time: None,
                text: text.as_bytes().into(),
                cut: 0,
            });
        }
        ring
    }

    fn end(mut hunt: Hunt, ring: &Ring, budget: usize) -> Progress {
        let pattern = Pattern::new("x").unwrap();
        for _ in 0..100 {
            match hunt.go_on(&pattern, &Sieve::default(), ring, budget) {
                Progress::More => {}
                end => return end,
            }
        }
        panic!("it never ends");
    }

    #[test]
    fn a_search_finds_the_next_one_and_goes_round() {
        let ring = ring(&["x0", "-", "x2", "-", "-"]);
        let found = |line, is_around| Progress::Found { line, is_around };
        for budget in [1, usize::MAX] {
            for (hunt, expected) in [
                (Hunt::next(0, true), found(2, false)),
                (Hunt::next(2, true), found(0, true)),
                (Hunt::next(4, true), found(0, true)),
                (Hunt::next(2, false), found(0, false)),
                (Hunt::next(0, false), found(2, true)),
                (Hunt::next(4, false), found(2, false)),
                (Hunt::first(1), found(2, false)),
                (Hunt::first(3), found(2, false)),
                (Hunt::first(0), found(0, false)),
            ] {
                assert_eq!(end(hunt, &ring, budget), expected, "{hunt:?}");
            }
        }
    }

    #[test]
    fn a_search_for_what_is_not_there_ends() {
        for texts in [&["a", "b", "c"][..], &[]] {
            let ring = ring(texts);
            for here in [0, 1, 2, 9] {
                for hunt in [
                    Hunt::next(here, true),
                    Hunt::next(here, false),
                    Hunt::first(here),
                ] {
                    assert_eq!(
                        end(hunt, &ring, 1),
                        Progress::Missing,
                        "{hunt:?} in {texts:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn times_are_read_as_people_write_them() {
        let now = Now {
            mono: Duration::ZERO,
            wall: "2026-11-24T12:00:00Z".parse().unwrap(),
        };
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        for (text, expected) in [
            ("14:05", "2026-11-24T13:05:00Z"),
            ("14:05:30", "2026-11-24T13:05:30Z"),
            ("2026-11-23 14:05", "2026-11-23T13:05:00Z"),
            ("2026-11-23T14:05:01Z", "2026-11-23T14:05:01Z"),
            ("10m", "2026-11-24T11:50:00Z"),
        ] {
            assert_eq!(
                time(text, &zone, now).unwrap().to_string(),
                expected,
                "{text}"
            );
        }
        assert!(
            time("soon", &zone, now)
                .unwrap_err()
                .contains("write 14:05")
        );
    }
}
