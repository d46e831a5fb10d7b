//! The heartbeat of a board: when its Lease was renewed, as heard by our own clock.
//!
//! The kubelet renews its Lease every 10 seconds; the API server calls the node `NotReady` only some 50 seconds after the
//! last renewal. Ages count from the moment a renewal reached us, so a node whose clock is wrong still shows a true age.
//! Gaps between renewals are taken from the node's own time stamps, so a stall of our line does not look like a stall
//! of the board.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::rack::node::Lease;
use crate::rack::time::Now;

/// A beat older than this is late: one renewal was missed (they come every 10 seconds).
pub const LATE: Duration = Duration::from_secs(15);
/// How much of the past a beat remembers.
pub const MEMORY: Duration = Duration::from_secs(600);
/// How long the LED stays bright after a renewal.
const PULSE: Duration = Duration::from_millis(700);
/// A node's clock is called wrong beyond this.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_secs(5);
/// `leaseDurationSeconds` where the Lease does not say: the kubelet's default.
const DEFAULT_LEASE: Duration = Duration::from_secs(40);

/// What the LED of a board shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pulse {
    /// The lease ran out.
    Lost,
    Late,
    /// No lease seen, or leases may not be read.
    Unknown,
    Beating,
}

/// The renewals of one Lease, ten minutes back.
#[derive(Debug, Clone, PartialEq)]
pub struct Beat {
    renewed: Option<Timestamp>,
    lease: Duration,
    /// Our clock when the newest renewal came, or when it must have come, judging by `renewed`.
    heard: Duration,
    /// False as long as we only know the time stamp that was there when we first looked.
    witnessed: bool,
    renewals: VecDeque<Renewal>,
    /// Times, by our clock, at which a lost board beat again.
    returns: VecDeque<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Renewal {
    heard: Duration,
    /// Since the renewal before, by the node's clock.
    gap: Duration,
    /// The node's time stamp against our wall clock at arrival, in milliseconds: positive when the node is ahead.
    offset_ms: i64,
}

/// One bucket of the ten-minute strip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Before we looked, or while our own line was down.
    Unknown,
    Beating,
    Late,
    Lost,
}

impl Beat {
    /// A beat first seen in a list. Its age is only as good as the node's clock until the next renewal.
    pub fn first_seen(lease: &Lease, now: Now) -> Self {
        let age = lease
            .renewed
            .map(|renewed| now.age_of(renewed))
            .unwrap_or_default();
        Self {
            renewed: lease.renewed,
            lease: lease.duration.unwrap_or(DEFAULT_LEASE),
            heard: now.mono.saturating_sub(age),
            // An age beyond the program's own start cannot be told from `mono`; see `age`.
            witnessed: false,
            renewals: VecDeque::new(),
            returns: VecDeque::new(),
        }
    }

    /// Takes in what the watch or a new list says of this Lease. True when it is a renewal.
    ///
    /// `is_excused`: nobody could renew, or be heard, just before; the wait is not the board's.
    pub fn renew(&mut self, lease: &Lease, now: Now, is_excused: bool) -> bool {
        self.lease = lease.duration.unwrap_or(DEFAULT_LEASE);
        let (Some(renewed), before) = (lease.renewed, self.renewed) else {
            return false;
        };
        if before == Some(renewed) {
            return false;
        }
        if self.pulse(now) == Pulse::Lost && !is_excused {
            push(&mut self.returns, now.mono, |at| *at, now.mono);
        }
        let gap = before
            .filter(|_| !is_excused)
            .map(|before| Duration::try_from(renewed.duration_since(before)).unwrap_or_default())
            .unwrap_or_default();
        let offset_ms =
            i64::try_from(renewed.duration_since(now.wall).as_millis()).unwrap_or_default();
        push(
            &mut self.renewals,
            Renewal {
                heard: now.mono,
                gap,
                offset_ms,
            },
            |it| it.heard,
            now.mono,
        );
        self.renewed = Some(renewed);
        self.heard = now.mono;
        self.witnessed = true;
        true
    }

    /// Age of the newest renewal. Before the first one that we heard ourselves it rests on the node's clock.
    pub fn age(&self, now: Now) -> Duration {
        if self.witnessed {
            return now.since(self.heard);
        }
        self.renewed
            .map(|renewed| now.age_of(renewed))
            .unwrap_or_default()
            .max(now.since(self.heard))
    }

    /// True while the age rests on the node's clock alone: shown with a `~`.
    pub fn is_estimate(&self) -> bool {
        !self.witnessed
    }

    /// Our clock when the newest renewal came.
    pub fn heard(&self) -> Duration {
        self.heard
    }

    pub fn lease_duration(&self) -> Duration {
        self.lease
    }

    pub fn renewed(&self) -> Option<Timestamp> {
        self.renewed
    }

    pub fn pulse(&self, now: Now) -> Pulse {
        if self.renewed.is_none() {
            return Pulse::Unknown;
        }
        let age = self.age(now);
        if age >= self.lease {
            Pulse::Lost
        } else if age >= LATE {
            Pulse::Late
        } else {
            Pulse::Beating
        }
    }

    /// True for a moment after each renewal: the LED is bright.
    pub fn is_pulsing(&self, now: Now) -> bool {
        self.witnessed && now.since(self.heard) < PULSE
    }

    /// How often a lost board came back within the last ten minutes.
    pub fn flaps(&self) -> usize {
        self.returns.len()
    }

    /// The longest wait between two renewals within the last ten minutes, by the node's clock.
    pub fn longest_gap(&self) -> Option<Duration> {
        self.renewals
            .iter()
            .map(|renewal| renewal.gap)
            .max()
            .filter(|gap| !gap.is_zero())
    }

    /// How far renewals stray from their mean distance (mean absolute deviation); `None` below three renewals.
    pub fn jitter(&self) -> Option<Duration> {
        let gaps: Vec<u128> = self
            .renewals
            .iter()
            .map(|renewal| renewal.gap.as_millis())
            .filter(|gap| *gap > 0)
            .collect();
        let count = gaps.len() as u128;
        if count < 3 {
            return None;
        }
        let mean = gaps.iter().sum::<u128>() / count;
        let spread = gaps.iter().map(|gap| gap.abs_diff(mean)).sum::<u128>() / count;
        u64::try_from(spread).ok().map(Duration::from_millis)
    }

    /// How far the node's clock is from ours, when that is clearly more than the way of a message: the median of what
    /// we heard, positive when the node is ahead. `None` when it is right, or too little was heard.
    pub fn clock_offset(&self) -> Option<SignedDuration> {
        let mut offsets: Vec<i64> = self
            .renewals
            .iter()
            .rev()
            .take(9)
            .map(|renewal| renewal.offset_ms)
            .collect();
        if offsets.len() < 2 {
            return None;
        }
        offsets.sort_unstable();
        let median = SignedDuration::from_millis(*offsets.get(offsets.len() / 2)?);
        (median.abs() > CLOCK_TOLERANCE).then_some(median)
    }

    /// The last ten minutes in `buckets` equal parts, oldest first. `watched_since` is when we began to look.
    pub fn strip(&self, now: Now, watched_since: Duration, buckets: u32) -> Vec<Moment> {
        let width = MEMORY / buckets.max(1);
        (0..buckets)
            .map(|index| self.moment(now, watched_since, width * (buckets - index), width))
            .collect()
    }

    /// The worst that held in the bucket that began `ago` before now and lasted `width`.
    fn moment(&self, now: Now, watched_since: Duration, ago: Duration, width: Duration) -> Moment {
        let Some(start) = now.mono.checked_sub(ago) else {
            return Moment::Unknown;
        };
        let end = (start + width).min(now.mono);
        let first_known = self.renewals.front().map_or(self.heard, |renewal| {
            renewal.heard.saturating_sub(renewal.gap)
        });
        if end <= watched_since.min(first_known) {
            return Moment::Unknown;
        }
        let before = self
            .renewals
            .iter()
            .rev()
            .find(|renewal| renewal.heard < end)
            .map(|renewal| renewal.heard);
        let last = match before {
            Some(heard) => heard,
            None => first_known.min(self.heard),
        };
        // A renewal inside the bucket closes the wait that led to it.
        let inside = self
            .renewals
            .iter()
            .filter(|it| it.heard >= start && it.heard < end)
            .map(|it| it.gap)
            .max();
        let wait = inside.unwrap_or_default().max(end.saturating_sub(last));
        if wait >= self.lease {
            Moment::Lost
        } else if wait >= LATE {
            Moment::Late
        } else {
            Moment::Beating
        }
    }
}

/// Adds to a history and forgets what is older than [`MEMORY`].
fn push<T>(history: &mut VecDeque<T>, item: T, heard: impl Fn(&T) -> Duration, now: Duration) {
    history.push_back(item);
    while history
        .front()
        .is_some_and(|oldest| now.saturating_sub(heard(oldest)) > MEMORY)
    {
        history.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rack::node::NodeName;

    /// Both clocks at `seconds` after the program's start.
    fn at(seconds: u64) -> Now {
        Now {
            mono: Duration::from_secs(1_000 + seconds),
            wall: wall(seconds),
        }
    }

    fn wall(seconds: u64) -> Timestamp {
        Timestamp::from_second(1_700_000_000).unwrap() + Duration::from_secs(seconds)
    }

    fn lease(renewed: Timestamp) -> Lease {
        Lease {
            node: NodeName::new("rpi-01"),
            renewed: Some(renewed),
            duration: Some(Duration::from_secs(40)),
        }
    }

    #[test]
    fn a_beat_goes_from_beating_to_late_to_lost() {
        let mut beat = Beat::first_seen(&lease(wall(0)), at(0));
        beat.renew(&lease(wall(10)), at(10), false);
        for (seconds, expected) in [
            (10, Pulse::Beating),
            (24, Pulse::Beating),
            (25, Pulse::Late),
            (49, Pulse::Late),
            (50, Pulse::Lost),
        ] {
            assert_eq!(beat.pulse(at(seconds)), expected, "at {seconds} s");
        }
    }

    #[test]
    fn ages_count_from_arrival_even_when_the_nodes_clock_is_an_hour_ahead() {
        let mut beat = Beat::first_seen(&lease(wall(3_600)), at(0));
        assert_eq!(
            beat.pulse(at(1)),
            Pulse::Beating,
            "a stamp from the future is no reason to worry"
        );
        beat.renew(&lease(wall(3_610)), at(10), false);
        beat.renew(&lease(wall(3_620)), at(20), false);
        assert_eq!(beat.age(at(23)), Duration::from_secs(3));
        assert_eq!(beat.clock_offset(), Some(SignedDuration::from_secs(3_600)));
    }

    #[test]
    fn a_board_that_was_dead_before_we_looked_is_lost_at_once_and_its_age_an_estimate() {
        let beat = Beat::first_seen(&lease(wall(0)), at(71));
        assert_eq!(
            (beat.pulse(at(71)), beat.is_estimate()),
            (Pulse::Lost, true)
        );
        assert_eq!(beat.age(at(71)), Duration::from_secs(71));
    }

    #[test]
    fn the_same_time_stamp_again_is_no_renewal() {
        let mut beat = Beat::first_seen(&lease(wall(0)), at(0));
        assert!(!beat.renew(&lease(wall(0)), at(5), false));
        assert!(beat.renew(&lease(wall(10)), at(10), false));
        assert!(beat.is_pulsing(at(10)));
        assert!(!beat.is_pulsing(at(11)));
    }

    #[test]
    fn a_return_after_a_loss_is_a_flap_and_shows_in_the_longest_gap() {
        let mut beat = Beat::first_seen(&lease(wall(0)), at(0));
        beat.renew(&lease(wall(10)), at(10), false);
        beat.renew(&lease(wall(100)), at(100), false);
        assert_eq!(beat.flaps(), 1);
        assert_eq!(beat.longest_gap(), Some(Duration::from_secs(90)));
        beat.renew(&lease(wall(110)), at(110), false);
        assert_eq!(beat.jitter(), Some(Duration::from_millis(35_555)));
    }

    #[test]
    fn the_strip_tells_beating_from_late_from_lost_from_not_looked() {
        let mut beat = Beat::first_seen(&lease(wall(0)), at(0));
        for second in (10..=120).step_by(10) {
            beat.renew(&lease(wall(second)), at(second), false);
        }
        beat.renew(&lease(wall(180)), at(180), false);
        let strip = beat.strip(at(180), at(0).mono, 10);
        assert_eq!(&strip[..7], [Moment::Unknown; 7]);
        assert_eq!(
            &strip[7..],
            [Moment::Beating, Moment::Beating, Moment::Lost]
        );
    }

    #[test]
    fn a_lease_that_was_never_renewed_is_unknown() {
        let never = Lease {
            node: NodeName::new("x"),
            renewed: None,
            duration: None,
        };
        assert_eq!(
            Beat::first_seen(&never, at(0)).pulse(at(500)),
            Pulse::Unknown
        );
    }
}
