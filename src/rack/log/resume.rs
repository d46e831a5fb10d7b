//! Where a log was left, so that reading it again brings neither a gap nor a repeat.
//!
//! The kubelet can be asked for lines since a time, in whole seconds and rounded, so some come twice. Two streams of one
//! container may stand in the file a moment out of order, so "older than the last" does not mean "seen": each line of
//! the last seconds is remembered by a hash of its time and text, and only those are left out, as often as they were
//! seen.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use jiff::Timestamp;

/// Lines that far before the last one are remembered. The kubelet rounds to whole seconds.
const WINDOW: Duration = Duration::from_secs(3);
/// Lines remembered at most: a program that writes more within the window is read again from its last instant only.
const REMEMBERED: usize = 200_000;

/// What was seen of one container's log.
#[derive(Debug, Clone, Default)]
pub struct Resume {
    recent: VecDeque<(Timestamp, u64)>,
    newest: Option<Timestamp>,
    /// While a log is read again: what is still to be left out, and up to when.
    replay: Option<Replay>,
}

#[derive(Debug, Clone)]
struct Replay {
    until: Timestamp,
    /// The first time that is remembered: what is older was seen.
    from: Timestamp,
    seen: HashMap<u64, u32>,
}

impl Resume {
    /// The time to ask from when the log is read again; `None`: from the beginning that was asked for at first.
    pub fn since(&self) -> Option<Timestamp> {
        let newest = self.newest?;
        let floor = Timestamp::from_second(newest.as_second()).unwrap_or(newest);
        floor.checked_sub(Duration::from_secs(1)).ok()
    }

    /// The newest line that was taken.
    pub fn newest(&self) -> Option<Timestamp> {
        self.newest
    }

    /// The log is read again from [`Resume::since`] on.
    pub fn again(&mut self) {
        let (Some(until), Some((from, _))) = (self.newest, self.recent.front()) else {
            return;
        };
        let mut seen = HashMap::new();
        for (_, hash) in &self.recent {
            *seen.entry(*hash).or_default() += 1;
        }
        self.replay = Some(Replay {
            until,
            from: *from,
            seen,
        });
    }

    /// Whether this line is new; it counts as seen from now on.
    pub fn take(&mut self, time: Timestamp, text: &[u8]) -> bool {
        let hash = hash(time, text);
        if let Some(replay) = &mut self.replay {
            if time > replay.until {
                self.replay = None;
            } else if replay.is_seen(time, hash) {
                return false;
            }
        }
        self.newest = self.newest.max(Some(time));
        self.recent.push_back((time, hash));
        self.forget();
        true
    }

    fn forget(&mut self) {
        let Some(newest) = self.newest else { return };
        let is_old = |time: Timestamp| newest.duration_since(time).unsigned_abs() > WINDOW;
        while self.recent.len() > REMEMBERED
            || self.recent.front().is_some_and(|(time, _)| is_old(*time))
        {
            self.recent.pop_front();
        }
    }
}

impl Replay {
    fn is_seen(&mut self, time: Timestamp, hash: u64) -> bool {
        if time < self.from {
            return true;
        }
        match self.seen.get_mut(&hash) {
            Some(count @ 1..) => {
                *count -= 1;
                true
            }
            _ => false,
        }
    }
}

fn hash(time: Timestamp, text: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    (time.as_nanosecond(), text).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(1_700_000_000_000 + milliseconds).unwrap()
    }

    /// A log is read up to each cut, taken up again from what `since` says, and must come out whole.
    fn read_with_cuts(lines: &[(Timestamp, String)], cuts: &[usize]) -> Vec<String> {
        let mut resume = Resume::default();
        let mut taken = Vec::new();
        for end in cuts.iter().copied().chain([lines.len()]) {
            let since = resume.since();
            resume.again();
            // As the kubelet does it: from the first line that is not older on.
            let begin = lines
                .iter()
                .position(|(time, _)| since.is_none_or(|since| *time >= since));
            for (time, text) in lines.iter().take(end).skip(begin.unwrap_or(lines.len())) {
                if resume.take(*time, text.as_bytes()) {
                    taken.push(text.clone());
                }
            }
        }
        taken
    }

    #[test]
    fn twenty_cuts_lose_nothing_and_repeat_nothing() {
        // Seven lines in each instant, the same text now and then, instants 300 ms apart.
        let lines: Vec<_> = (0..2_000)
            .map(|number| (at(number / 7 * 300), format!("line {}", number % 3)))
            .collect();
        let cuts: Vec<usize> = (1..=20).map(|cut| cut * 97).collect();
        let expected: Vec<String> = lines.iter().map(|(_, text)| text.clone()).collect();
        assert_eq!(read_with_cuts(&lines, &cuts), expected);
    }

    #[test]
    fn streams_that_are_a_moment_out_of_order_lose_nothing() {
        let times = [0, 10, 5, 20, 15, 30, 25, 1_040, 1_035, 1_050];
        let lines: Vec<_> = times
            .iter()
            .map(|time| (at(*time), format!("at {time}")))
            .collect();
        let expected: Vec<String> = lines.iter().map(|(_, text)| text.clone()).collect();
        for cut in 0..lines.len() {
            assert_eq!(read_with_cuts(&lines, &[cut]), expected, "cut at {cut}");
        }
    }

    #[test]
    fn a_fresh_log_is_read_from_where_it_was_asked_for() {
        let mut resume = Resume::default();
        assert_eq!(resume.since(), None);
        resume.again();
        assert!(resume.take(at(0), b"a"));
        assert_eq!(resume.since(), Some(at(-1_000)));
    }

    #[test]
    fn memory_is_bounded_whatever_is_written() {
        let mut resume = Resume::default();
        for number in 0..300_000_u32 {
            resume.take(at(0), &number.to_le_bytes());
        }
        assert_eq!(resume.recent.len(), REMEMBERED);
        resume.take(at(10_000), b"later");
        assert_eq!(resume.recent.len(), 1);
    }
}
