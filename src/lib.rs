//! bramble
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        reason = "a test that cannot go on should say where"
    )
)]

pub mod action;
pub mod clients;
pub mod complaint;
pub mod keymap;
pub mod rack;
pub mod sim;
pub mod theme;
pub mod ui;
