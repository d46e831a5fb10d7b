//! The real program in a pseudo-terminal: what a person sees, what is left behind, and the recorded demo.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that cannot go on should say where, and one that measures should say what"
)]

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
