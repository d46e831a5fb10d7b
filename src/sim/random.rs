//! Chance for the simulated rack: one small generator and names made from a seed.
//!
//! It is not for secrets and knows nothing of racks.
//! Invariant: the same seed and the same order of calls give the same values, on every machine.

use std::time::Duration;

/// The letters Kubernetes uses for the random ends of names: no vowels, so no words.
const NAME_LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// A splitmix64 generator; enough for jitter and names.
#[derive(Debug, Clone)]
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number below `limit`; 0 when `limit` is 0.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        let value = self.next();
        value.checked_rem(limit).unwrap_or(0)
    }

    /// A duration below `limit`, in whole microseconds.
    pub(crate) fn up_to(&mut self, limit: Duration) -> Duration {
        Duration::from_micros(self.below(u64::try_from(limit.as_micros()).unwrap_or(u64::MAX)))
    }

    /// `middle`, give or take `spread`.
    pub(crate) fn around(&mut self, middle: Duration, spread: Duration) -> Duration {
        (middle + self.up_to(spread * 2)).saturating_sub(spread)
    }

    /// True in `percent` of the calls.
    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn pick<'a, T>(&mut self, choices: &'a [T]) -> Option<&'a T> {
        let limit = u64::try_from(choices.len()).unwrap_or(u64::MAX);
        choices.get(usize::try_from(self.below(limit)).unwrap_or(0))
    }

    /// The random end of a name, like the `x7k2q` of `web-7d4b9c-x7k2q`.
    pub(crate) fn suffix(&mut self, letters: usize) -> String {
        (0..letters)
            .filter_map(|_| self.pick(NAME_LETTERS))
            .map(|letter| char::from(*letter))
            .collect()
    }
}

/// A stable number for a text: what belongs to a name stays the same in every run of a seed.
pub(crate) fn hash(seed: u64, text: &str) -> u64 {
    let start = mix(seed ^ 0xcbf2_9ce4_8422_2325);
    let folded = text.bytes().fold(start, |sum, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    mix(folded)
}

/// A UUID of version 4 made from a number.
pub(crate) fn uuid(number: u64) -> String {
    let (high, low) = (mix(number ^ 0x5555), mix(number ^ 0xaaaa));
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        0x8000 | (low >> 50),
        low & 0xffff_ffff_ffff,
    )
}

/// Thirty-two hexadecimal digits, the shape of a machine id.
pub(crate) fn hex32(number: u64) -> String {
    format!("{:016x}{:016x}", mix(number ^ 1), mix(number ^ 2))
}

fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::{Rng, hash, uuid};

    #[test]
    fn the_same_seed_gives_the_same_numbers() {
        let draw = |seed| {
            let mut rng = Rng::new(seed);
            (rng.next(), rng.suffix(5), rng.below(10))
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn nothing_is_drawn_from_nothing() {
        let mut rng = Rng::new(1);
        assert_eq!(rng.below(0), 0);
        assert_eq!(rng.pick::<u8>(&[]), None);
    }

    #[test]
    fn uuids_have_the_shape_of_version_four() {
        let id = uuid(hash(1, "rpi-01"));
        assert_eq!(id.len(), 36);
        assert_eq!(id.as_bytes()[14], b'4');
        assert!(matches!(id.as_bytes()[19], b'8' | b'9' | b'a' | b'b'));
    }
}
