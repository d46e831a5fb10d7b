//! What we know of the rack, as plain structs, and every rule that can be decided without I/O.
//!
//! Invariant: no async, no ratatui, no kube types, no clock. Time comes in as [`Now`]; bad input gives a value and a
//! [`Problem`], never a panic.

pub mod event;
pub mod facts;
pub mod link;
pub mod node;
pub mod pod;
pub mod problem;
pub mod quantity;
pub mod time;
