//! MetalLB's configuration as one text to edit, and a text as changes to objects.
//!
//! Not here: what MetalLB thinks of it (`metallb`), and writing (`clients`). Invariants: a text that was not touched is no
//! change; fields that the text does not show (status, finalizers, owners, kubectl's own mark) are left alone by every
//! change; nothing is deleted that was not read.

mod defaults;
mod emit;
mod live;
pub mod merge;
mod patch;
pub(super) mod split;

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::rack::draft::{Applied, Done, Known, ObjectId};
use crate::rack::problem::Problem;

pub use split::Part;

/// The group of MetalLB's kinds.
pub const GROUP: &str = "metallb.io";
/// The annotation in which kubectl keeps a copy of what was applied.
const KUBECTL_COPY: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// The kinds in the order of a text: pools first, then what announces them, then the rest.
const ORDER: [&str; 6] = [
    "IPAddressPool",
    "L2Advertisement",
    "BGPAdvertisement",
    "BGPPeer",
    "BFDProfile",
    "Community",
];

/// What a text stands for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Form {
    /// `data.config` of one ConfigMap, up to MetalLB 0.12.
    ConfigMap { namespace: String, name: String },
    /// All objects of MetalLB's kinds in its namespace, from 0.13 on.
    Objects { namespace: String },
}

/// The objects behind a text, as they were read.
#[derive(Debug, Clone, PartialEq)]
pub struct Live {
    pub form: Form,
    pub objects: Vec<Known>,
}

/// What is to be done with one object.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    pub id: ObjectId,
    pub deed: Deed,
    /// The line its document begins at, from 0: where a refusal of the server is shown.
    pub line: usize,
}

#[derive(Clone, PartialEq)]
pub enum Deed {
    /// The whole object.
    Create(Value),
    /// A merge patch, at the version that was read.
    Patch {
        patch: Value,
        before: Value,
        uid: String,
        version: String,
    },
    Delete {
        before: Value,
        uid: String,
        version: String,
    },
}

/// What came of carrying out changes.
#[derive(Debug, Clone, PartialEq)]
pub struct Changed {
    /// In the order it was done.
    pub done: Vec<Done>,
    /// What the server could not try beforehand, in sentences.
    pub untried: Vec<String>,
    /// Why it stopped; `None` when everything was done.
    pub refusal: Option<Refusal>,
    /// The objects as they are now, read again; `None` when that failed.
    pub live: Option<Live>,
}

/// Why the server did not do a change.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// Which of the changes; `None` when it was not about one of them.
    pub index: Option<usize>,
    pub kind: RefusalKind,
    pub problem: Problem,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalKind {
    /// Somebody else changed, made or deleted the object since it was read.
    Conflict,
    /// The server, or MetalLB's webhook, does not take it.
    Refused,
    /// It did not come to an answer: no contact, no right.
    Failed,
}

/// Why a text is no set of objects; with the line, from 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    pub line: usize,
    pub what: String,
}

impl Form {
    /// The part of a draft's key that stands for this text.
    pub fn target(&self) -> String {
        match self {
            Form::ConfigMap { namespace, name } => format!("configmap/{namespace}/{name}"),
            Form::Objects { namespace } => format!("metallb/{namespace}"),
        }
    }

    pub fn namespace(&self) -> &str {
        match self {
            Form::ConfigMap { namespace, .. } | Form::Objects { namespace } => namespace,
        }
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Form::ConfigMap { namespace, name } => write!(f, "ConfigMap {namespace}/{name}"),
            Form::Objects { namespace } => write!(f, "MetalLB objects in {namespace}"),
        }
    }
}

impl Known {
    /// An object from its JSON, without what the server manages. `None` when it is no object.
    pub fn read(json: &str) -> Option<Known> {
        let whole: Value = serde_json::from_str(json).ok()?;
        let metadata = whole.get("metadata")?;
        let text =
            |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
        let id = ObjectId {
            api_version: text(whole.get("apiVersion")),
            kind: text(whole.get("kind")),
            namespace: text(metadata.get("namespace")),
            name: text(metadata.get("name")),
        };
        Some(Known {
            uid: text(metadata.get("uid")),
            version: text(metadata.get("resourceVersion")),
            value: shown(&whole, &id),
            id,
        })
    }
}

/// The fields of an object that a text shows.
fn shown(whole: &Value, id: &ObjectId) -> Value {
    let mut metadata = Map::new();
    metadata.insert("name".into(), json!(id.name));
    if !id.namespace.is_empty() {
        metadata.insert("namespace".into(), json!(id.namespace));
    }
    for field in ["labels", "annotations"] {
        let Some(Value::Object(entries)) = whole.pointer(&format!("/metadata/{field}")) else {
            continue;
        };
        let mut entries = entries.clone();
        entries.remove(KUBECTL_COPY);
        if !entries.is_empty() {
            metadata.insert(field.into(), Value::Object(entries));
        }
    }
    let mut value = Map::new();
    value.insert("apiVersion".into(), json!(id.api_version));
    value.insert("kind".into(), json!(id.kind));
    value.insert("metadata".into(), Value::Object(metadata));
    if let Value::Object(fields) = whole {
        let managed = ["apiVersion", "kind", "metadata", "status"];
        let rest = fields
            .iter()
            .filter(|(key, _)| !managed.contains(&key.as_str()));
        value.extend(rest.map(|(key, field)| (key.clone(), field.clone())));
    }
    Value::Object(value)
}

impl Live {
    /// The text of these objects.
    pub fn text(&self) -> String {
        match &self.form {
            Form::ConfigMap { .. } => self.config().unwrap_or_default().to_owned(),
            Form::Objects { .. } => {
                let mut objects: Vec<&Known> = self.objects.iter().collect();
                objects.sort_by_key(|known| place(&known.id));
                let texts: Vec<String> = objects
                    .into_iter()
                    .map(|known| emit::document(&known.value))
                    .collect();
                texts.join("---\n")
            }
        }
    }

    fn config(&self) -> Option<&str> {
        self.objects
            .first()
            .and_then(|known| known.value.pointer("/data/config"))
            .and_then(Value::as_str)
    }

    /// True when these are the same objects at the same versions.
    pub fn is_same_as(&self, other: &Live) -> bool {
        let marks = |live: &Live| {
            let mut marks: Vec<(String, String)> = live
                .objects
                .iter()
                .map(|known| (known.uid.clone(), known.version.clone()))
                .collect();
            marks.sort();
            marks
        };
        self.form == other.form && marks(self) == marks(other)
    }

    /// True when these are the same objects, and say the same: at most their status, or what the server keeps about
    /// them, is another.
    pub fn says_the_same_as(&self, other: &Live) -> bool {
        self.form == other.form
            && self.objects.len() == other.objects.len()
            && self.objects.iter().all(|ours| {
                let theirs = other.objects.iter().find(|it| it.uid == ours.uid);
                theirs.is_some_and(|it| it.value == ours.value)
            })
    }

    /// What has to be done so that the objects are as `text` says, in the order it should be done in: first what makes
    /// room, pools before what names them, deletions of what is named nowhere any more last.
    pub fn changes(&self, text: &str) -> Result<Vec<Change>, Vec<Flaw>> {
        match &self.form {
            Form::ConfigMap { namespace, name } => Ok(self.config_changes(text, namespace, name)),
            Form::Objects { namespace } => self.object_changes(text, namespace),
        }
    }

    fn config_changes(&self, text: &str, namespace: &str, name: &str) -> Vec<Change> {
        let id = ObjectId {
            api_version: "v1".into(),
            kind: "ConfigMap".into(),
            namespace: namespace.into(),
            name: name.into(),
        };
        if self.config() == Some(text) {
            return Vec::new();
        }
        let deed = match self.objects.first() {
            Some(known) => Deed::Patch {
                patch: json!({ "data": { "config": text } }),
                before: known.value.clone(),
                uid: known.uid.clone(),
                version: known.version.clone(),
            },
            None => Deed::Create(json!({
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": { "name": name, "namespace": namespace },
                "data": { "config": text },
            })),
        };
        vec![Change { id, deed, line: 0 }]
    }

    fn object_changes(&self, text: &str, namespace: &str) -> Result<Vec<Change>, Vec<Flaw>> {
        let parts = split::parts(text, namespace)?;
        let flaws = flaws(&parts, namespace);
        if !flaws.is_empty() {
            return Err(flaws);
        }
        let mut changes: Vec<Change> = parts.iter().filter_map(|part| self.change(part)).collect();
        let gone = self
            .objects
            .iter()
            .filter(|known| !parts.iter().any(|part| part.id.is_same(&known.id)))
            .map(|known| Change {
                id: known.id.clone(),
                deed: Deed::Delete {
                    before: known.value.clone(),
                    uid: known.uid.clone(),
                    version: known.version.clone(),
                },
                line: 0,
            });
        changes.extend(gone);
        changes.sort_by_key(order);
        Ok(changes)
    }

    /// What has to be done so that one object is as its document says; `None` when it is so already.
    fn change(&self, part: &Part) -> Option<Change> {
        let known = self.objects.iter().find(|known| known.id.is_same(&part.id));
        let deed = match known {
            None => Deed::Create(part.value.clone()),
            Some(known) => {
                let is_now = defaults::left_out(&part.id.kind, &known.value, &part.value);
                Deed::Patch {
                    patch: patch::between(&is_now, &part.value)?,
                    before: known.value.clone(),
                    uid: known.uid.clone(),
                    version: known.version.clone(),
                }
            }
        };
        Some(Change {
            id: part.id.clone(),
            deed,
            line: part.line,
        })
    }
}

/// What takes back what was done, newest first; each only at the version it was left in.
pub fn undo(applied: &Applied) -> Vec<Change> {
    applied.changes.iter().rev().filter_map(back).collect()
}

fn back(done: &Done) -> Option<Change> {
    let (uid, version) = (done.uid.clone(), done.version.clone());
    let deed = match (&done.before, &done.after) {
        (Some(before), None) => Deed::Create(before.clone()),
        (None, Some(after)) => Deed::Delete {
            before: after.clone(),
            uid,
            version,
        },
        (Some(before), Some(after)) => Deed::Patch {
            patch: patch::between(after, before)?,
            before: after.clone(),
            uid,
            version,
        },
        (None, None) => return None,
    };
    Some(Change {
        id: done.id.clone(),
        deed,
        line: 0,
    })
}

/// Where an object stands in a text.
fn place(id: &ObjectId) -> (usize, String) {
    let kind = ORDER.iter().position(|kind| *kind == id.kind);
    (kind.unwrap_or(ORDER.len()), id.name.clone())
}

/// The order of writing. A pool that shrinks makes room for one that grows, and a webhook refuses an overlap at every
/// moment in between: so pools are deleted and changed first, then made. Deleting an advertisement comes before deleting
/// nothing that needs it; other kinds are made before they are named.
fn order(change: &Change) -> (usize, usize, String) {
    let is_pool = change.id.kind == "IPAddressPool";
    let step = match (&change.deed, is_pool) {
        (Deed::Delete { .. }, true) => 0,
        (Deed::Patch { .. }, true) => 1,
        (Deed::Create(_), true) => 2,
        (Deed::Create(_), false) => 3,
        (Deed::Patch { .. }, false) => 4,
        (Deed::Delete { .. }, false) => 5,
    };
    let (kind, name) = place(&change.id);
    // What is named (profiles, communities) before what names it.
    (step, usize::MAX - kind, name)
}

/// What must not be applied from here, whatever the server would say.
fn flaws(parts: &[Part], namespace: &str) -> Vec<Flaw> {
    let mut flaws = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        let what = if part.id.group() != GROUP {
            format!(
                "{} is no kind of MetalLB: only its own objects are edited here",
                part.id.kind
            )
        } else if part.id.namespace != namespace {
            format!("MetalLB looks only into its own namespace, {namespace}")
        } else if parts
            .iter()
            .take(index)
            .any(|before| before.id.is_same(&part.id))
        {
            format!("{} stands in this text twice", part.id)
        } else {
            continue;
        };
        flaws.push(Flaw {
            line: part.line,
            what,
        });
    }
    flaws
}

impl Changed {
    /// Nothing was done, and nothing could be asked.
    pub fn failed(problem: Problem) -> Changed {
        Changed {
            done: Vec::new(),
            untried: Vec::new(),
            refusal: Some(Refusal {
                index: None,
                kind: RefusalKind::Failed,
                problem,
            }),
            live: None,
        }
    }
}

/// Values may hold the password of a BGP peer: debugging shows only what is done, at which version.
impl fmt::Debug for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Deed::Create(_) => f.write_str("Create"),
            Deed::Patch { uid, version, .. } => write!(f, "Patch({uid} at {version})"),
            Deed::Delete { uid, version, .. } => write!(f, "Delete({uid} at {version})"),
        }
    }
}

impl Change {
    /// `change IPAddressPool lan`.
    pub fn sentence(&self) -> String {
        let verb = match self.deed {
            Deed::Create(_) => "create",
            Deed::Patch { .. } => "change",
            Deed::Delete { .. } => "delete",
        };
        format!("{verb} {}", self.id)
    }

    pub fn is_deletion(&self) -> bool {
        matches!(self.deed, Deed::Delete { .. })
    }
}

#[cfg(test)]
mod tests;
