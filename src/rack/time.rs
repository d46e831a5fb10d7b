//! Points in time and ages as people read them. No clock: the loop hands [`Now`] in.

use std::time::Duration;

use jiff::Timestamp;

/// One reading of both clocks, taken by the loop before a batch of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Time since the program started, by a clock that never jumps. Ages of what we saw ourselves use this one.
    pub mono: Duration,
    /// The wall clock, for ages of time stamps that others wrote.
    pub wall: Timestamp,
}

impl Now {
    /// How long ago `earlier` (a reading of the same monotonic clock) was; zero when it lies ahead.
    pub fn since(self, earlier: Duration) -> Duration {
        self.mono.saturating_sub(earlier)
    }

    /// How long ago a time stamp was by the wall clock; zero when it lies in the future.
    pub fn age_of(self, stamp: Timestamp) -> Duration {
        Duration::try_from(self.wall.duration_since(stamp)).unwrap_or_default()
    }
}

/// An age in at most two digits and a unit (but for days): `42s`, `7m`, `5h`, `91d`.
pub fn short(age: Duration) -> String {
    let seconds = age.as_secs();
    match seconds {
        0..100 => format!("{seconds}s"),
        100..6_000 => format!("{}m", seconds / 60),
        6_000..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_short_and_grow_coarser() {
        for (seconds, expected) in [
            (0, "0s"),
            (99, "99s"),
            (100, "1m"),
            (5_999, "99m"),
            (6_000, "1h"),
            (172_800, "2d"),
        ] {
            assert_eq!(short(Duration::from_secs(seconds)), expected);
        }
    }

    #[test]
    fn the_age_of_a_stamp_in_the_future_is_zero() {
        let now = Now {
            mono: Duration::ZERO,
            wall: Timestamp::UNIX_EPOCH,
        };
        let ahead = Timestamp::from_second(100).unwrap();
        assert_eq!(now.age_of(ahead), Duration::ZERO);
    }
}
