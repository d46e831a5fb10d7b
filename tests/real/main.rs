//! The same questions asked of the simulator and of a real kube-apiserver, so that the simulator cannot drift from the
//! world, nor the client from either.
//!
//! The real one is built by `tests/run`. Where it is not there, its half of each question is skipped aloud; with
//! `CI=true` that is a failure.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that cannot go on should say where, and one that is skipped should say so"
)]

mod bed;
mod command_line;
mod control_plane;
mod follower;
mod outages;
mod questions;
