//! Kubeconfigs as files: what is in them, and every change of them as a plan that can be looked at before it is written.
//!
//! ```text
//! texts ─► Files ─┐
//!                 ├─► plan ─► Plan { entries, conflicts, notes, edits } ─► diff (masked), or clients write the edits
//! Request ────────┘
//! ```
//!
//! Reading is kubectl's: YAML with the words of 1.1, several files of which the first to say something wins, new entries
//! into the first file that exists. Changing is ours: only the bytes of what is changed are touched, so comments, order
//! and formatting stay, and a plan whose text would mean anything else than intended does not come into being.
//!
//! Not here: files, locks, sockets, the time ([`crate::rack`] has no clock; `clients::kubeconfig_files` does the rest).
//! Invariant: nothing here prints a secret; `Debug` of whatever holds a text shows `***`.

mod certificate;
mod change;
mod conflict;
mod contexts;
mod diff;
mod entry;
mod file;
mod files;
mod mask;
mod merge;
mod names;
mod plan;
mod render;
mod source;
#[cfg(test)]
mod tests;
mod value;
mod yaml;

use std::path::PathBuf;

use crate::rack::problem::Problem;

pub use certificate::{Certificate, base64, certificate_end, days_left, fingerprints, first};
pub use contexts::{ContextEntry, Credential};
pub use diff::{DiffLine, FileDiff, Sign};
pub use files::{FileText, Files};
pub use names::{ServerUrl, display_url, name_of_host};
pub use plan::plan;
pub use source::Source;

/// The three lists of a kubeconfig.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Cluster,
    User,
    Context,
}

/// Everything that can be asked of the files.
#[derive(Debug, Clone, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "one request at a time, moved a few times"
)]
pub enum Request {
    Merge(Merge),
    /// Make it the current context.
    UseContext {
        context: String,
    },
    /// `None` takes the namespace away, so that `default` counts.
    SetNamespace {
        context: String,
        namespace: Option<String>,
    },
    /// Rename a context; `current-context` follows.
    RenameContext {
        from: String,
        to: String,
    },
    DeleteContext {
        context: String,
        /// Its cluster and user too, where no other context uses them.
        with_orphans: bool,
    },
}

/// Taking the contexts of another kubeconfig in.
#[derive(Debug, Clone, PartialEq)]
pub struct Merge {
    pub source: Source,
    /// Only this context of the source.
    pub only: Option<String>,
    /// For cluster, user and context alike; proposed from the host when a name is needed.
    pub name: Option<String>,
    /// `HOST`, `HOST:PORT` or a URL in place of the server's host.
    pub server: Option<String>,
    /// The name to check the server's certificate against.
    pub tls_server_name: Option<String>,
    pub on_conflict: OnConflict,
    pub set_current: bool,
}

/// What to do about a name that something else has already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnConflict {
    /// Plan nothing; the conflict is in the plan.
    Ask,
    /// The old entry becomes the new one, keeping what only people write (namespace, proxy-url, extensions).
    Replace,
    /// The next free name: `rack-2`.
    Rename,
}

/// What a request would do. Nothing has happened yet.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    pub entries: Vec<EntryChange>,
    pub current_context: Option<CurrentChange>,
    /// Names that are taken: as long as there are any, there are no edits.
    pub conflicts: Vec<Conflict>,
    /// What no context would use any more (only for [`Request::DeleteContext`]).
    pub orphans: Vec<(Kind, String)>,
    pub notes: Vec<Problem>,
    pub edits: Vec<FileEdit>,
    /// Servers whose answer should be looked at before this is written.
    pub servers: Vec<ServerToCheck>,
}

impl Plan {
    /// True when everything is already as asked.
    pub fn is_nothing(&self) -> bool {
        self.edits.is_empty() && self.conflicts.is_empty()
    }
}

/// One entry that a plan touches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryChange {
    pub kind: Kind,
    pub name: String,
    pub how: How,
    /// Its name before: in the source of a merge, or in the file.
    pub was: Option<String>,
    /// The file it is in, or comes into.
    pub file: PathBuf,
    /// Which keys change, for an update.
    pub fields: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    Added,
    Updated,
    Renamed,
    Removed,
    /// Already as it should be.
    Unchanged,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CurrentChange {
    pub from: Option<String>,
    /// `None`: no context is current any more.
    pub to: Option<String>,
    pub file: PathBuf,
}

/// A name that something else has already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    pub kind: Kind,
    pub name: String,
    /// What is there, a fact a line.
    pub theirs: Vec<String>,
    /// What would come.
    pub ours: Vec<String>,
    pub file: PathBuf,
    /// The name [`OnConflict::Rename`] would choose.
    pub free_name: String,
    /// Contexts that use the entry and would change with it.
    pub used_by: Vec<String>,
}

/// The new text of one file.
#[derive(Clone, PartialEq)]
pub struct FileEdit {
    pub file: PathBuf,
    /// `None`: the file does not exist yet.
    pub before: Option<String>,
    pub after: String,
}

/// A server as the plan would write it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerToCheck {
    pub cluster: String,
    pub url: String,
    /// PEM; `None` when the entry trusts the system's authorities or checks nothing.
    pub authority: Option<Vec<u8>>,
    pub tls_server_name: Option<String>,
}

impl Kind {
    /// The key of its list.
    pub fn section(self) -> &'static str {
        match self {
            Kind::Cluster => "clusters",
            Kind::User => "users",
            Kind::Context => "contexts",
        }
    }

    /// The key of an item's body.
    pub fn field(self) -> &'static str {
        self.word()
    }

    pub fn word(self) -> &'static str {
        match self {
            Kind::Cluster => "cluster",
            Kind::User => "user",
            Kind::Context => "context",
        }
    }
}

impl How {
    pub fn word(self) -> &'static str {
        match self {
            How::Added => "added",
            How::Updated => "updated",
            How::Renamed => "renamed",
            How::Removed => "removed",
            How::Unchanged => "unchanged",
        }
    }
}

impl std::fmt::Debug for FileEdit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FileEdit({:?}, ***)", self.file)
    }
}
