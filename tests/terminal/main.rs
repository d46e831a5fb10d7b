//! The real program in a pseudo-terminal: what a person sees, what is left behind, and the recorded demo.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that cannot go on should say where, and one that measures should say what"
)]

mod boards;
mod harness;
mod keys;
mod kubeconfig;
mod leaving;
mod picture;
mod plain;
mod pools;
mod screen;
mod shell;
mod suspend;
mod tape;

// The real sshd of the SSH tests, on a root that looks like a board.
#[path = "../real/ssh/leaks.rs"]
mod leaks;
#[path = "../real/ssh/pi.rs"]
#[allow(dead_code, reason = "the SSH tests use all of it")]
mod pi;
#[path = "../real/ssh/sshd.rs"]
#[allow(dead_code, reason = "the SSH tests use all of it")]
mod sshd;
