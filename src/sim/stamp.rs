//! Time as the API writes it: seconds for most fields, microseconds for leases.
//!
//! It does not drive anything; the driver's own clock is monotonic and lives in `life`.
//! Invariant: this is the only place of the simulator that reads the wall clock.

use jiff::Timestamp;

/// Seconds since 1970, now.
pub(crate) fn now() -> i64 {
    Timestamp::now().as_second()
}

/// Microseconds since 1970, now.
pub(crate) fn now_micros() -> i64 {
    Timestamp::now().as_microsecond()
}

/// `2026-11-23T07:04:46Z`
pub(crate) fn seconds(at: i64) -> String {
    Timestamp::from_second(at)
        .unwrap_or(Timestamp::UNIX_EPOCH)
        .to_string()
}

/// `2026-11-23T07:04:53.841790Z`
pub(crate) fn micros(at: i64) -> String {
    let at = Timestamp::from_microsecond(at).unwrap_or(Timestamp::UNIX_EPOCH);
    format!("{at:.6}")
}

#[cfg(test)]
mod tests {
    use super::{micros, seconds};

    #[test]
    fn stamps_look_like_the_api_server_writes_them() {
        assert_eq!(seconds(1_795_417_486), "2026-11-23T07:04:46Z");
        assert_eq!(micros(1_795_417_493_841_790), "2026-11-23T07:04:53.841790Z");
        assert_eq!(micros(1_795_417_493_000_000), "2026-11-23T07:04:53.000000Z");
    }
}
