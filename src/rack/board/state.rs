//! What is known of each board over SSH, and how fresh it is. A board that does not answer keeps its last reading, with
//! its age; one that never answered has none.

use std::collections::VecDeque;
use std::time::Duration;

use crate::rack::board::Reading;
use crate::rack::board::nfs::Waiting;
use crate::rack::node::NodeName;
use crate::rack::problem::{Problem, Severity, Subject};
use crate::rack::time::{Now, short};

/// A board is asked so often while the Rack pane is shown.
pub const EVERY: Duration = Duration::from_secs(15);
/// After so long a reading is no news any more: its cells are dashes.
const STALE: Duration = Duration::from_secs(60);
/// Temperatures kept: ten minutes.
const KEPT: usize = 40;
/// Above this a board of any model is about to slow down.
const HOT: f32 = 80.0;
/// Below so much free space pods are evicted soon.
const LITTLE: u64 = 10;

/// One board as seen over SSH.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Board {
    pub reading: Option<Reading>,
    /// When it answered last, by our clock.
    pub at: Option<Duration>,
    /// Why it did not answer when it was asked last.
    pub failure: Option<Problem>,
    /// One for each answer, oldest first.
    pub temperatures: VecDeque<f32>,
    /// How far its clock was from ours when it answered, in seconds; positive is ahead.
    pub clock_ahead: Option<i64>,
    /// Since when each of its processes waits, of those that did when it answered last.
    pub waiting: Waiting,
    /// What blinks on it and until when by our clock, if we made it.
    pub blinks_until: Option<Duration>,
}

impl Board {
    /// It answered.
    pub fn answered(&mut self, reading: Reading, now: Now) {
        self.failure = None;
        self.at = Some(now.mono);
        self.clock_ahead = reading
            .clock
            .map(|clock| clock.as_second() - now.wall.as_second());
        if let Some(temperature) = reading.temperature {
            if self.temperatures.len() >= KEPT {
                self.temperatures.pop_front();
            }
            self.temperatures.push_back(temperature);
        }
        self.waiting.answered(&reading.nfs.waits, now.mono);
        self.reading = Some(reading);
    }

    /// The last reading, as long as it is news.
    pub fn fresh(&self, now: Now) -> Option<&Reading> {
        let is_fresh = self.at.is_some_and(|at| now.since(at) < STALE);
        self.reading.as_ref().filter(|_| is_fresh)
    }

    /// What is wrong with the board itself, and why it must not be connected to. That it does not answer is no problem of
    /// the rack's: boards without SSH are usual.
    pub fn problems(&self, node: &NodeName, now: Now) -> Vec<Problem> {
        let is_grave = |problem: &&Problem| problem.severity == Severity::Critical;
        let mut problems: Vec<Problem> = self.failure.iter().filter(is_grave).cloned().collect();
        if let Some(reading) = self.fresh(now) {
            problems.extend(self.problems_of(reading, node));
        }
        problems
    }

    fn problems_of(&self, reading: &Reading, node: &NodeName) -> Vec<Problem> {
        let about =
            |severity, what: String| Problem::new(severity, Subject::Node(node.clone()), what);
        let mut problems = Vec::new();
        if let Some(throttle) = reading.throttle {
            if throttle.now.undervoltage {
                problems.push(
                    about(Severity::Warning, format!("board {node} gets too little voltage"))
                        .why("the firmware reports under-voltage now; it slows the board down and corrupts cards")
                        .next("use the supply and cable made for this board, and unplug what it feeds over USB"),
                );
            } else if throttle.now.throttled || throttle.now.soft_temperature {
                problems.push(
                    about(Severity::Warning, format!("board {node} slows itself down"))
                        .why("it is too hot")
                        .next("look at its fan and at the air around it"),
                );
            }
        }
        if let Some(hot) = reading.temperature.filter(|it| *it >= HOT) {
            problems.push(
                about(
                    Severity::Warning,
                    format!("board {node} is at {hot:.0} degrees"),
                )
                .why("boards slow down from 80 degrees on, at the latest at 85")
                .next("look at its fan and at the air around it"),
            );
        }
        if reading.is_root_read_only == Some(true) {
            problems.push(
                about(
                    Severity::Critical,
                    format!("the root file system of board {node} is read-only"),
                )
                .why("Linux does so when the card or disk fails to write")
                .next("drain it and replace the card; dmesg on the board says more"),
            );
        }
        for disk in &reading.disks {
            let percent = disk.free.saturating_mul(100) / disk.size.max(1);
            if percent < LITTLE && problems.iter().all(|it| !it.what.contains("free on")) {
                problems.push(
                    about(
                        Severity::Warning,
                        format!("{percent} % free on {} of board {node}", disk.mount),
                    )
                    .why("the kubelet evicts pods when space runs out")
                    .next("remove images and logs: k3s crictl rmi --prune, journalctl --vacuum-size=200M"),
                );
            }
        }
        if reading.memory_cgroup == Some(false) {
            problems.push(
                about(
                    Severity::Warning,
                    format!("board {node} has no memory cgroup"),
                )
                .why("k3s cannot start without it, and will not after the next restart")
                .next("add cgroup_enable=memory to cmdline.txt and reboot"),
            );
        }
        if let Some((name, unit)) = reading.unit()
            && &*unit.active != "active"
        {
            problems.push(
                about(
                    Severity::Critical,
                    format!("{name} on board {node} is {} ({})", unit.active, unit.sub),
                )
                .evidence(format!("restarted {} times", unit.restarts))
                .next(format!("read its journal: journalctl -u {name}")),
            );
        }
        if let Some(ahead) = self.clock_ahead.filter(|it| it.abs() > 30) {
            let side = if ahead > 0 { "ahead of" } else { "behind" };
            let off = short(Duration::from_secs(ahead.unsigned_abs()));
            problems.push(
                about(
                    Severity::Warning,
                    format!("the clock of board {node} is {off} {side} ours"),
                )
                .why("certificates and leases go by the clock")
                .next("look at its time service: timedatectl"),
            );
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rack::board::parse;

    fn at(seconds: u64) -> Now {
        Now {
            mono: Duration::from_secs(seconds),
            wall: jiff::Timestamp::from_second(1_795_511_126).unwrap(),
        }
    }

    fn board(lines: &str) -> Board {
        let mut board = Board::default();
        let reading = parse(&format!("board 1\n{lines}\nend\n")).unwrap();
        board.answered(reading, at(100));
        board
    }

    #[test]
    fn a_reading_is_news_for_a_minute() {
        let board = board("temperature\t51000\tx");
        assert!(board.fresh(at(159)).is_some());
        assert!(board.fresh(at(160)).is_none());
        assert!(Board::default().fresh(at(100)).is_none());
    }

    #[test]
    fn ten_minutes_of_temperatures_are_kept() {
        let mut board = Board::default();
        for degrees in 0..100_u8 {
            let reading = Reading {
                temperature: Some(f32::from(degrees)),
                ..Reading::default()
            };
            board.answered(reading, at(100));
        }
        assert_eq!(
            (board.temperatures.len(), board.temperatures.back()),
            (KEPT, Some(&99.0))
        );
    }

    #[test]
    fn what_is_wrong_with_a_board_is_said_with_the_next_step() {
        for (lines, expected) in [
            ("throttled\t0", None),
            ("throttled\t50000", None),
            ("throttled\t1", Some("board a gets too little voltage")),
            ("throttled\t4", Some("board a slows itself down")),
            ("temperature\t81000\tx", Some("board a is at 81 degrees")),
            (
                "root\t/dev/x / ext4 ro 0 0",
                Some("the root file system of board a is read-only"),
            ),
            ("disk\t/\t100\t95\t5\t/", Some("5 % free on / of board a")),
            ("cgroup2\tcpu", Some("board a has no memory cgroup")),
            (
                "unit\tId=k3s.service\nunit\tLoadState=loaded\nunit\tActiveState=failed\nunit\tSubState=failed",
                Some("k3s on board a is failed (failed)"),
            ),
            ("clock\t1795511126", None),
            (
                "clock\t1795511026",
                Some("the clock of board a is 1m behind ours"),
            ),
        ] {
            let node = NodeName::new("a");
            let problems = board(lines).problems(&node, at(101));
            let words = problems.first().map(|problem| problem.what.as_str());
            assert_eq!((words, problems.len() <= 1), (expected, true), "{lines}");
            assert!(problems.iter().all(|problem| !problem.next.is_empty()));
            assert!(board(lines).problems(&node, at(200)).is_empty(), "old news");
        }
    }
}
