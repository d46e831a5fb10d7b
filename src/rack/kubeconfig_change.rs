//! A change of the kubeconfig on its way: what a person asks for, what it would do, and how it ended.
//!
//! Not here: how a change is planned ([`crate::rack::kubeconfig`]), and files. Invariant: what is written is what was
//! shown; anything else comes back as a new preview.

use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;

use crate::rack::kubeconfig::{EntryChange, OnConflict, Plan, Request};
use crate::rack::problem::Problem;

/// What a person asks for.
#[derive(Debug, Clone, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "one at a time, moved a few times"
)]
pub enum Asked {
    /// Everything that needs nothing but the files themselves.
    Change(Request),
    Merge(MergeForm),
}

/// A merge as it is filled in: the source is still to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergeForm {
    /// A path, or `ssh://[user@]host[:port]`.
    pub source: String,
    /// Empty: proposed from the host.
    pub name: String,
    /// Empty: as in the source.
    pub server: String,
    /// The name to check the server's certificate against; empty: the host of the address.
    pub certificate_name: String,
    pub set_current: bool,
    pub on_conflict: OnConflict,
}

impl Default for MergeForm {
    fn default() -> Self {
        MergeForm {
            source: String::new(),
            name: String::new(),
            server: String::new(),
            certificate_name: String::new(),
            set_current: false,
            on_conflict: OnConflict::Ask,
        }
    }
}

/// What a change would do. Nothing has happened yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    pub request: Request,
    pub plan: Plan,
    pub servers: Vec<Server>,
}

/// What a server said when it was asked for its certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    pub url: String,
    /// `None`: it is who the kubeconfig says.
    pub problem: Option<Problem>,
    /// It is the right server, and its certificate is for these names only.
    pub names: Vec<String>,
}

/// A lock that another program holds or has left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    /// The kubeconfig.
    pub file: PathBuf,
    pub path: PathBuf,
    /// Who says to hold it; kubectl does not say.
    pub owner: Option<String>,
    pub age: Option<Duration>,
}

/// A change that a person has said yes to.
#[derive(Debug, Clone, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "one at a time, moved a few times"
)]
pub enum Order {
    Write {
        request: Request,
        /// What was shown: anything else is not written.
        shown: Vec<EntryChange>,
    },
    /// Take back the last change that bramble made; `force` also when the file was changed since.
    Undo { force: bool },
}

/// What an undo would take back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastChange {
    /// `merged k3s.yaml`.
    pub what: String,
    pub at: Timestamp,
    pub files: Vec<PathBuf>,
    /// Somebody changed a file since: only a forced undo takes it back, and that with it.
    pub is_changed_since: bool,
}

/// What was done.
#[derive(Debug, Clone, PartialEq)]
pub enum Done {
    Written {
        plan: Plan,
        notes: Vec<Problem>,
    },
    Undone {
        what: String,
        restored: Vec<PathBuf>,
        removed: Vec<PathBuf>,
        /// Backups of what others had changed since.
        kept: Vec<PathBuf>,
    },
}

/// Why nothing was done.
#[derive(Debug, Clone, PartialEq)]
pub enum Refusal {
    Problem(Box<Problem>),
    Locked(Lock),
    /// The files have changed since: this is what it would do now.
    Changed(Box<Preview>),
}
