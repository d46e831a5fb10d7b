//! What speaks against onboarding a board, before anything is done to it: rows of the failure table, each as a
//! [`Problem`] with its evidence and remedy.
//!
//! A critical finding stops the board; a warning stops it until the person says to go on; a note is for the record. What
//! the plan itself puts right (the kernel's parameters, the clock) is a note here.

pub(super) mod board;
pub(super) mod cluster;
mod leaving;
mod system;

use std::collections::BTreeSet;

use super::facts::Facts;
use super::version::Version;
use super::wish::Wish;
use super::{critical, warning};
use crate::rack::problem::{Problem, Severity, Subject};

/// What can be done about a finding on a key, or with a flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fix {
    /// `--clean`: remove what an earlier cluster has left.
    Clean,
    /// `--replace`: remove the old Node of that name.
    Replace,
    /// `--name`: join under another name.
    Rename,
    /// `--force`: go on in spite of the warning.
    Ignore,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub problem: Problem,
    pub fix: Option<Fix>,
}

/// What is known of the cluster that is to be joined.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cluster {
    pub nodes: Vec<KnownNode>,
    pub version: Option<Version>,
    /// SHA-256 of the CA as the server itself has it.
    pub ca_hash: Option<String>,
    /// `etcd` or `sqlite`.
    pub datastore: Option<String>,
    /// Names that k3s keeps a node password for.
    pub passwords: BTreeSet<String>,
    /// Why the cluster could not be looked at, if so: then nothing is concluded from what is missing here.
    pub unknown: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownNode {
    pub name: String,
    pub machine_id: String,
    pub is_ready: bool,
    /// Since its creation, in seconds.
    pub age: u64,
    pub version: String,
}

/// All that a judgement needs.
pub struct Look<'a> {
    pub wish: &'a Wish,
    pub facts: &'a Facts,
    /// `None` for the first server.
    pub cluster: Option<&'a Cluster>,
    /// Seconds since 1970 by our own clock, when the board was asked.
    pub now: i64,
}

impl Look<'_> {
    /// The name the Node gets: the wished one, else the board's, as k3s lowers it.
    pub fn node(&self) -> String {
        let own = || {
            self.facts
                .hostname
                .clone()
                .unwrap_or_default()
                .to_lowercase()
        };
        self.wish.name.clone().unwrap_or_else(own)
    }

    fn host(&self) -> &str {
        &self.wish.host
    }

    fn critical(&self, what: impl Into<String>) -> Problem {
        critical(self.host(), what)
    }

    fn warning(&self, what: impl Into<String>) -> Problem {
        warning(self.host(), what)
    }

    fn note(&self, what: impl Into<String>) -> Problem {
        Problem::new(Severity::Note, Subject::Board(self.host().to_owned()), what)
    }
}

/// Everything that was found, worst first.
pub fn findings(look: &Look<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    if look.wish.leaves {
        leaving::look(look, &mut found);
        found.sort_by_key(|finding| finding.problem.severity);
        return found;
    }
    board::look(look, &mut found);
    system::look(look, &mut found);
    cluster::look(look, &mut found);
    found.sort_by_key(|finding| finding.problem.severity);
    found
}

/// Whether a finding keeps the board from being onboarded, given what the person has allowed.
pub fn blocks(finding: &Finding, wish: &Wish) -> bool {
    let is_allowed = match finding.fix {
        Some(Fix::Clean) => wish.may_clean,
        Some(Fix::Replace) => wish.may_replace,
        Some(Fix::Ignore) => wish.may_ignore_warnings,
        Some(Fix::Rename) | None => false,
    };
    match finding.problem.severity {
        Severity::Critical => !is_allowed,
        Severity::Warning => !is_allowed && !wish.may_ignore_warnings,
        Severity::Note => false,
    }
}

/// A finding without a remedy of ours.
fn plain(problem: Problem) -> Finding {
    Finding { problem, fix: None }
}

fn fixed(problem: Problem, fix: Fix) -> Finding {
    Finding {
        problem,
        fix: Some(fix),
    }
}
