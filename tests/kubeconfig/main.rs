//! Kubeconfigs with the real program, the real kubectl and real disks: read by kubectl, killed at any moment, raced, full.
//!
//! ```text
//! Home (a temporary HOME) ─► bramble kubeconfig … ─┐
//!                         └► kubectl config …     ─┴─► ~/.kube/config, its lock, its backups
//! ```
//!
//! What is planned is tested beside `src/rack/kubeconfig`; here it is what lands on the disk. Without kubectl its questions
//! are skipped aloud; with `CI=true` that is a failure. Invariant: nothing outside temporary directories is touched.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that cannot go on should say where, and what it skipped"
)]

mod bad_input;
mod crash;
mod disks;
mod home;
mod kubectl;
mod race;
mod server;
