//! Tests of the program from outside its modules: the rules of the tree, whole screens, flows against the simulator.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on should say where"
)]

mod fixtures;
mod flows;
mod gitlab;
mod logs;
mod metallb;
mod onboard;
mod pools;
mod registry;
mod screens;
mod storage;
mod symptoms;
mod tidy;
mod traces;
mod vips;
