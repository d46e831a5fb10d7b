//! Noticing that the machine slept: the wall clock went on and the other one did not, or somebody set the clock. Every
//! connection is then doubtful, and none of them says so by itself.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

const JUMP: Duration = Duration::from_secs(10);

pub(super) struct Clock {
    wall: SystemTime,
    steady: Instant,
}

impl Clock {
    pub(super) fn new() -> Self {
        Self {
            wall: SystemTime::now(),
            steady: Instant::now(),
        }
    }

    /// Whether the wall clock has run ahead since the last time this was asked.
    pub(super) fn has_jumped(&mut self) -> bool {
        let now = Self::new();
        let before = std::mem::replace(self, now);
        // A wall clock set back leaves connections alone.
        let wall = self.wall.duration_since(before.wall).unwrap_or_default();
        is_jump(wall, self.steady - before.steady)
    }
}

fn is_jump(wall: Duration, steady: Duration) -> bool {
    wall > steady + JUMP
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_wall_clock_that_runs_ahead_is_a_jump() {
        let second = Duration::from_secs(1);
        assert!(!is_jump(second, second));
        assert!(!is_jump(second, second * 60), "a busy machine is no sleep");
        assert!(!is_jump(second * 10, second));
        assert!(is_jump(second * 12, second));
    }
}
