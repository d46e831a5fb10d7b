//! How long to wait before the next try: doubling, with full jitter, so that a rack of cockpits does not come back in
//! step. Short at the top, because a person watches and wants the rack back within three seconds.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

const FIRST: Duration = Duration::from_millis(200);
/// Never at once: a server that answers an error immediately must not be hammered.
const LEAST: Duration = Duration::from_millis(50);

#[derive(Debug)]
pub(crate) struct Backoff {
    tries: u32,
    random: Random,
}

impl Backoff {
    pub(crate) fn new() -> Self {
        Self {
            tries: 0,
            random: Random::new(),
        }
    }

    /// The next pause, somewhere between [`LEAST`] and a bound that doubles up to `cap`.
    pub(crate) fn next(&mut self, cap: Duration) -> Duration {
        let bound = FIRST.saturating_mul(1 << self.tries.min(16)).min(cap);
        self.tries = self.tries.saturating_add(1);
        self.random.between(LEAST, bound)
    }

    pub(crate) fn tries(&self) -> u32 {
        self.tries
    }

    pub(crate) fn reset(&mut self) {
        self.tries = 0;
    }

    pub(crate) fn between(&mut self, low: Duration, high: Duration) -> Duration {
        self.random.between(low, high)
    }
}

/// Xorshift. Good enough to spread retries, not for anything secret.
#[derive(Debug)]
struct Random(u64);

impl Random {
    fn new() -> Self {
        static COUNT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
        let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let time = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(1, |since| u64::from(since.subsec_nanos()) ^ since.as_secs());
        let seed = time ^ (u64::from(std::process::id()) << 32);
        Self(seed.wrapping_add(count.wrapping_mul(0x9E37_79B9_7F4A_7C15)) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn between(&mut self, low: Duration, high: Duration) -> Duration {
        let span = u64::try_from(high.saturating_sub(low).as_micros()).unwrap_or(u64::MAX);
        low + Duration::from_micros(self.next() % span.saturating_add(1).max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_cap_and_are_never_nothing() {
        let cap = Duration::from_secs(2);
        let mut backoff = Backoff::new();
        let first = backoff.next(cap);
        assert!(first >= LEAST && first <= FIRST, "{first:?}");
        let pauses: Vec<_> = (0..200).map(|_| backoff.next(cap)).collect();
        assert!(pauses.iter().all(|pause| *pause >= LEAST && *pause <= cap));
        assert!(pauses.iter().any(|pause| *pause > cap / 2));
        backoff.reset();
        assert!(backoff.next(cap) <= FIRST);
    }

    #[test]
    fn two_racks_do_not_come_back_in_step() {
        let cap = Duration::from_secs(600);
        let (mut one, mut two) = (Backoff::new(), Backoff::new());
        let differ = (0..10).any(|_| one.next(cap) != two.next(cap));
        assert!(differ);
    }
}
