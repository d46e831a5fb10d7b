//! The same questions, asked of the simulated rack and of a real control plane, through the program's own client.
//!
//! ```text
//! question(Bed) ─┬─► sim::question    a simulator of its own, in this process
//!                └─► real::question   kube-apiserver, controller-manager and etcd (control-plane/, a Go program)
//! ```
//!
//! A question passes on both, or one of them is wrong: so the simulator cannot drift from what it plays, and all other
//! suites may lean on it. It deliberately asks nothing about the screen.
//!
//! Most questions share one control plane, each with boards of its own; those that break it start one for themselves.
//! Without Go, or when the program is not built, the real half is skipped aloud; with `CI=true` that is a failure.
//! Invariant: nothing outside temporary directories is written, and nothing is left running.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that cannot go on should say where, and what it measured"
)]
#![allow(
    clippy::similar_names,
    reason = "path, patch and place are the right words"
)]

#[macro_use]
mod ask;
mod bed;
mod boards;
mod cockpit;
mod control_plane;
mod follower;
mod hand;
mod metallb;
mod onboard;
mod place;

mod answers;
mod command_line;
mod draining;
mod facts;
mod fleet;
mod kinds;
mod logs;
mod outages;
mod pools;
mod pools_install;
mod pull_secrets;
mod rights;
mod services;
mod ssh;
mod storage;
mod vips;
mod writing;
