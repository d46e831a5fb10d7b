//! Boards over SSH: the scripts that run on them, and what their answers mean.
//!
//! Agentless: one script, one round trip, nothing is installed. The scripts are POSIX sh and know their paths only
//! behind a prefix, so that tests run them on a folder.

/// Health of a board; read by `rack::board::parse`.
pub(crate) const PROBE: &str = include_str!("board/probe.sh");
/// Its lights.
pub(crate) const LED: &str = include_str!("board/led.sh");

#[cfg(test)]
#[allow(clippy::print_stderr, reason = "a test that skips or measures says so")]
mod tests;
