//! Onboarding: from a board with nothing but a fresh card to a beating Node.
//!
//! ```text
//!            facts (preflight.sh)     Wish (what a person wants)     Cluster (what the API knows)
//!                    └──────────────┬──────────────┴──────────────────────┘
//!                       findings ◄──┴──► plan: steps, each said in words
//!                                           │ accepted
//! Board::handle(Event) ─► Vec<Order> ─► somebody carries them out ─► Event
//!        └─ Journal: what was accepted and what is done, one file per board
//! ```
//!
//! Every step is an "ensure": carried out twice it does nothing the second time, so that a lost connection, a killed
//! cockpit or a rebooting board goes on where it was. What must not happen twice (a reboot) is written into the journal
//! before it is asked for. Nothing on a board is changed before its plan is accepted.
//!
//! Invariant: no secret is in any type of this module but [`token::Token`], and none is in the journal.

pub mod cause;
pub mod cmdline;
pub mod config;
pub mod facts;
pub mod findings;
pub mod joined;
pub mod journal;
pub mod machine;
pub mod plan;
pub mod redact;
pub mod runs;
pub mod step;
pub mod token;
pub mod version;
pub mod wish;

use crate::rack::problem::{Problem, Severity, Subject};

/// A problem of a board that is no Node yet.
pub(crate) fn critical(board: &str, what: impl Into<String>) -> Problem {
    Problem::new(Severity::Critical, Subject::Board(board.to_owned()), what)
}

pub(crate) fn warning(board: &str, what: impl Into<String>) -> Problem {
    Problem::new(Severity::Warning, Subject::Board(board.to_owned()), what)
}

#[cfg(test)]
pub(crate) mod tests;
