//! Lines of several sources in the order in which they were written, though each comes on a line of its own.
//!
//! A line waits a moment for older ones of other sources. What comes later than that keeps its time but stands behind:
//! nothing that was shown moves.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::rack::log::LogLine;

/// How long a line waits.
pub const SETTLE: Duration = Duration::from_millis(300);
/// Lines that wait at most: a flood is not held up.
const HELD: usize = 20_000;

/// Lines that wait for older ones.
#[derive(Debug, Clone, Default)]
pub struct Merge {
    /// By time, and by arrival within an instant.
    held: BTreeMap<(Timestamp, u64), (Duration, LogLine)>,
    arrived: u64,
}

impl Merge {
    /// Takes in a line at `now`, by the monotonic clock. A line without a time is not held: it is given back.
    pub fn hold(&mut self, line: LogLine, now: Duration) -> Option<LogLine> {
        let Some(time) = line.time else {
            return Some(line);
        };
        self.held.insert((time, self.arrived), (now, line));
        self.arrived += 1;
        None
    }

    /// The lines that have waited long enough, oldest first, with every older one.
    pub fn ready(&mut self, now: Duration) -> Vec<LogLine> {
        let has_waited = |since: Duration| now.saturating_sub(since) >= SETTLE;
        let last = self
            .held
            .iter()
            .rfind(|(_, (since, _))| has_waited(*since))
            .map(|(key, _)| *key);
        let surplus = self.held.len().saturating_sub(HELD);
        let overflow = self.held.keys().take(surplus).next_back().copied();
        let Some(last) = last.max(overflow) else {
            return Vec::new();
        };
        let mut rest = self.held.split_off(&last);
        let newest = rest.remove(&last);
        let ready = std::mem::replace(&mut self.held, rest);
        ready
            .into_values()
            .chain(newest)
            .map(|(_, line)| line)
            .collect()
    }

    /// True when no more can wait.
    pub fn is_full(&self) -> bool {
        self.held.len() > HELD
    }

    /// When the next line will be ready; `None` when none waits.
    pub fn next(&self) -> Option<Duration> {
        let since = self.held.values().map(|(since, _)| *since).min()?;
        Some(since + SETTLE)
    }

    /// Everything at once: the sources have ended.
    pub fn flush(&mut self) -> Vec<LogLine> {
        let held = std::mem::take(&mut self.held);
        held.into_values().map(|(_, line)| line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rack::log::SourceId;

    fn line(source: u16, milliseconds: i64) -> LogLine {
        LogLine {
            source: SourceId(source),
            time: Timestamp::from_millisecond(milliseconds).ok(),
            text: milliseconds.to_string().into_bytes().into(),
            cut: 0,
        }
    }

    fn texts(lines: &[LogLine]) -> Vec<&str> {
        lines
            .iter()
            .map(|line| std::str::from_utf8(&line.text).unwrap())
            .collect()
    }

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn sources_that_are_a_little_late_are_put_in_order() {
        let mut merge = Merge::default();
        merge.hold(line(0, 10), ms(0));
        merge.hold(line(0, 30), ms(20));
        merge.hold(line(1, 20), ms(40));
        assert_eq!(merge.ready(ms(299)), []);
        assert_eq!(texts(&merge.ready(ms(320))), ["10", "20", "30"]);
        assert_eq!(merge.next(), None);
    }

    #[test]
    fn what_comes_too_late_comes_anyway() {
        let mut merge = Merge::default();
        merge.hold(line(0, 30), ms(0));
        assert_eq!(texts(&merge.ready(ms(300))), ["30"]);
        merge.hold(line(1, 10), ms(400));
        assert_eq!(merge.next(), Some(ms(700)));
        assert_eq!(texts(&merge.ready(ms(700))), ["10"]);
    }

    #[test]
    fn a_flood_is_not_held_up_and_nothing_is_lost() {
        let mut merge = Merge::default();
        for number in 0..25_000 {
            merge.hold(line(0, number), ms(0));
        }
        let mut count = merge.ready(ms(0)).len();
        assert_eq!(count, 5_000);
        count += merge.flush().len();
        assert_eq!(count, 25_000);
    }

    #[test]
    fn a_line_without_a_time_does_not_wait() {
        let mut merge = Merge::default();
        let plain = LogLine {
            time: None,
            ..line(0, 1)
        };
        assert_eq!(merge.hold(plain.clone(), ms(0)), Some(plain));
    }
}
