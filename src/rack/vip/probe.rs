//! Whether an address answers from here: the last attempts to connect, and how long each took.
//!
//! Not here: connecting. UDP is not probed: without an answer of the service's own kind, silence says nothing.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Attempts kept of each port: five minutes at one every five seconds.
const KEPT: usize = 60;

/// One TCP port of one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    pub address: IpAddr,
    pub port: u16,
}

/// How one attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Connected after so long.
    Answered(Duration),
    /// Somebody said no: a reset.
    Refused,
    /// Nothing came back in time.
    Silent,
    /// There is no way to that network from here.
    Unreachable,
}

/// The last attempts on one port, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    outcomes: VecDeque<Outcome>,
}

/// All ports that were ever tried in this context.
#[derive(Debug, Clone, Default)]
pub struct Probes {
    histories: HashMap<Target, History>,
    /// The user has switched probing off for this context.
    pub is_off: bool,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        SocketAddr::new(self.address, self.port).fmt(f)
    }
}

impl Outcome {
    pub fn is_answer(self) -> bool {
        matches!(self, Outcome::Answered(_))
    }

    pub fn words(self) -> String {
        match self {
            Outcome::Answered(after) => milliseconds(after),
            Outcome::Refused => "refused".to_owned(),
            Outcome::Silent => "no answer".to_owned(),
            Outcome::Unreachable => "no route".to_owned(),
        }
    }
}

/// `2 ms`, `<1 ms`, `1.2 s`.
pub fn milliseconds(duration: Duration) -> String {
    match duration.as_millis() {
        0 => "<1 ms".to_owned(),
        ms @ 1..1_000 => format!("{ms} ms"),
        _ => format!("{:.1} s", duration.as_secs_f64()),
    }
}

impl History {
    pub fn push(&mut self, outcome: Outcome) {
        self.outcomes.push_back(outcome);
        while self.outcomes.len() > KEPT {
            self.outcomes.pop_front();
        }
    }

    pub fn last(&self) -> Option<Outcome> {
        self.outcomes.back().copied()
    }

    pub fn count(&self) -> usize {
        self.outcomes.len()
    }

    /// Attempts without an answer at the end of the history.
    pub fn silent_for(&self) -> usize {
        let silent = self.outcomes.iter().rev().take_while(|it| !it.is_answer());
        silent.count()
    }

    /// Attempts without an answer, of all.
    pub fn lost(&self) -> usize {
        self.outcomes.iter().filter(|it| !it.is_answer()).count()
    }

    /// Milliseconds of each attempt, oldest first; `None` without an answer.
    pub fn latencies(&self) -> Vec<Option<f64>> {
        let latency = |outcome: &Outcome| match outcome {
            Outcome::Answered(after) => Some(after.as_secs_f64() * 1_000.0),
            _ => None,
        };
        self.outcomes.iter().map(latency).collect()
    }
}

impl Probes {
    pub fn get(&self, target: &Target) -> Option<&History> {
        self.histories.get(target)
    }

    /// Every address that was tried; one for each of its ports.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.histories.keys().map(|target| target.address)
    }

    pub fn push(&mut self, target: Target, outcome: Outcome) {
        self.histories.entry(target).or_default().push(outcome);
    }

    /// Forgets ports that are no longer probed for.
    pub fn keep_only(&mut self, targets: &[Target]) {
        self.histories.retain(|target, _| targets.contains(target));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_and_silence_are_counted_from_the_attempts_kept() {
        let mut history = History::default();
        for _ in 0..KEPT {
            history.push(Outcome::Silent);
        }
        history.push(Outcome::Answered(Duration::from_millis(2)));
        assert_eq!(
            (history.count(), history.lost(), history.silent_for()),
            (KEPT, KEPT - 1, 0)
        );
        history.push(Outcome::Refused);
        assert_eq!((history.lost(), history.silent_for()), (KEPT - 1, 1));
        assert_eq!(history.latencies().iter().flatten().count(), 1);
    }

    #[test]
    fn times_are_told_in_the_unit_people_think_in() {
        for (micros, expected) in [
            (400, "<1 ms"),
            (2_300, "2 ms"),
            (999_999, "999 ms"),
            (1_240_000, "1.2 s"),
        ] {
            assert_eq!(milliseconds(Duration::from_micros(micros)), expected);
        }
    }

    #[test]
    fn a_target_reads_as_people_write_it() {
        let target = |address: &str| Target {
            address: address.parse().unwrap(),
            port: 443,
        };
        assert_eq!(target("10.10.10.51").to_string(), "10.10.10.51:443");
        assert_eq!(target("2001:db8::1").to_string(), "[2001:db8::1]:443");
    }
}
