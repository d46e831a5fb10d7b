//! How fast one GitLab is asked: a second for each question on average, slower when the server runs short, not at all
//! while it says so.

use std::time::Duration;

use http::HeaderMap;
use tokio::time::Instant;

/// On average; a burst may come at once after a pause.
const EACH: Duration = Duration::from_secs(1);
const BURST: u32 = 20;

#[derive(Debug, Default)]
pub(super) struct Pace {
    /// When the next question would come if all came evenly.
    even: Option<Instant>,
    /// The server said not to ask before.
    silent_until: Option<Instant>,
    is_short: bool,
}

impl Pace {
    /// How long to wait before asking; the error: for how long the server wants no question at all.
    pub(super) fn turn(&mut self, now: Instant) -> Result<Duration, Duration> {
        if let Some(until) = self.silent_until.filter(|until| *until > now) {
            return Err(until - now);
        }
        let each = if self.is_short { EACH * 2 } else { EACH };
        let even = self.even.unwrap_or(now).max(now) + each;
        self.even = Some(even);
        Ok((even - now).saturating_sub(each * BURST))
    }

    pub(super) fn silence(&mut self, now: Instant, wait: Duration) {
        self.silent_until = Some(now + wait);
    }

    /// Less than a fifth of what is allowed is left.
    pub(super) fn learn(&mut self, headers: &HeaderMap) {
        let number = |name: &str| -> Option<u64> { headers.get(name)?.to_str().ok()?.parse().ok() };
        let told = (number("ratelimit-limit"), number("ratelimit-remaining"));
        if let (Some(limit), Some(left)) = told {
            self.is_short = left.saturating_mul(5) < limit;
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn waits(pace: &mut Pace, now: Instant, count: usize) -> Vec<u64> {
        (0..count)
            .map(|_| pace.turn(now).unwrap().as_secs())
            .collect()
    }

    #[test]
    fn a_burst_is_free_and_then_it_is_one_a_second() {
        let (mut pace, now) = (Pace::default(), Instant::now());
        assert_eq!(waits(&mut pace, now, 20), [0; 20]);
        assert_eq!(waits(&mut pace, now, 3), [1, 2, 3]);
        let later = now + Duration::from_secs(60);
        assert_eq!(pace.turn(later).unwrap(), Duration::ZERO);
    }

    #[test]
    fn a_server_that_wants_silence_gets_it() {
        let (mut pace, now) = (Pace::default(), Instant::now());
        pace.silence(now, Duration::from_secs(60));
        assert_eq!(pace.turn(now), Err(Duration::from_secs(60)));
        assert!(pace.turn(now + Duration::from_secs(60)).is_ok());
    }

    #[test]
    fn a_server_that_runs_short_is_asked_half_as_often() {
        let (mut pace, now) = (Pace::default(), Instant::now());
        let mut headers = HeaderMap::new();
        headers.insert("ratelimit-limit", HeaderValue::from_static("2000"));
        headers.insert("ratelimit-remaining", HeaderValue::from_static("399"));
        pace.learn(&headers);
        assert_eq!(waits(&mut pace, now, 20), [0; 20]);
        assert_eq!(waits(&mut pace, now, 2), [2, 4]);
    }
}
