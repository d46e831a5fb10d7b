//! What is written on disk about a text that is being edited: the draft while it is not applied, and one line for every
//! apply.
//!
//! Not here: files. Invariant: both hold everything that is needed to go on without the cluster's help, because they are
//! read after a crash.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::rack::pool_text::Form;

/// What a draft belongs to. Two cockpits with the same context edit the same draft.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DraftKey {
    pub context: String,
    /// `configmap/metallb-system/config`, `metallb/metallb-system`: a form and where it lives.
    pub target: String,
}

/// A text that has been changed and not been applied.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Draft {
    pub key: DraftKey,
    /// What the text was made from: the objects as they were read, with their versions.
    pub read: Vec<Known>,
    /// The text before the first key.
    pub base: String,
    pub text: String,
    pub saved: Timestamp,
}

/// An object as it was read.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Known {
    pub id: ObjectId,
    pub uid: String,
    pub version: String,
    /// Without what the server manages: status, managedFields, the marks of kubectl.
    pub value: Value,
}

/// Which object.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ObjectId {
    /// `v1`, `metallb.io/v1beta1`.
    pub api_version: String,
    pub kind: String,
    /// Empty for an object of the whole cluster.
    pub namespace: String,
    pub name: String,
}

/// One apply, undo, conversion or installation, as the history keeps it.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Applied {
    pub at: Timestamp,
    pub key: DraftKey,
    /// What was edited; `None` for a manifest.
    pub form: Option<Form>,
    pub deed: Deed,
    /// The text before and after, as it was edited; empty for a manifest.
    pub before: String,
    pub after: String,
    /// Every object that was changed, in the order it was done.
    pub changes: Vec<Done>,
    /// The sentence why it stopped half-way; empty when everything was done.
    #[serde(default)]
    pub stopped: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Deed {
    Edit,
    Undo,
    Convert,
    Install,
}

/// What became of one object.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Done {
    pub id: ObjectId,
    /// `None` when it was created.
    pub before: Option<Value>,
    /// `None` when it was deleted.
    pub after: Option<Value>,
    /// The uid and version the server gave it; empty when deleted.
    pub uid: String,
    pub version: String,
}

/// Texts and values may hold the password of a BGP peer: debugging shows whose they are, and no more.
macro_rules! debug_without_content {
    ($($type:ident: $field:ident),+) => {
        $(impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($type))
                    .field(stringify!($field), &self.$field)
                    .finish_non_exhaustive()
            }
        })+
    };
}

debug_without_content!(Draft: key, Known: id, Applied: key, Done: id);

impl ObjectId {
    /// The kind's group: empty for `v1`.
    pub fn group(&self) -> &str {
        self.api_version
            .split_once('/')
            .map_or("", |(group, _)| group)
    }

    /// The same object, whatever version of its API names it.
    pub fn is_same(&self, other: &ObjectId) -> bool {
        let key = |id: &ObjectId| {
            (
                id.group().to_owned(),
                id.kind.clone(),
                id.namespace.clone(),
                id.name.clone(),
            )
        };
        key(self) == key(other)
    }
}

impl fmt::Display for ObjectId {
    /// `IPAddressPool lan`: the namespace is MetalLB's own and would only be noise.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.name)
    }
}

impl Applied {
    /// True when something was changed: what was only tried leaves no trace.
    pub fn is_worth_a_line(&self) -> bool {
        !self.changes.is_empty() || self.deed == Deed::Install
    }
}

impl Deed {
    /// In the past tense, as a list of deeds says it.
    pub fn word(self) -> &'static str {
        match self {
            Deed::Edit => "applied",
            Deed::Undo => "undone",
            Deed::Convert => "converted",
            Deed::Install => "installed",
        }
    }
}
