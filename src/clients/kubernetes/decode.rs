//! From the API's JSON to the rack's structs.
//!
//! Each kind has a wire struct that borrows from the bytes and names only the fields that are shown; the decoder skips
//! everything else without building it, so managedFields and image lists cost a scan and no memory. There is never a
//! tree of values, and one object that cannot be read never takes its neighbours with it.

pub(super) mod announcement;
pub(super) mod config_object;
pub(super) mod config_state;
pub(super) mod endpoints;
pub(super) mod event;
pub(super) mod lease;
pub(super) mod namespace;
pub(super) mod node;
pub(super) mod pod;
pub(super) mod provisioner;
pub(super) mod service;
pub(super) mod status;
pub(super) mod storage;
pub(super) mod usage;
mod why;
pub(super) mod wire;
pub(super) mod workload;

use std::borrow::Cow;

use serde::Deserialize;

use super::place::{Notice, Place};
use crate::rack::facts::{Change, Fact};
use crate::rack::link::Source;

/// A kind of object that is listed once and watched from there.
pub(super) trait Kind: Sized + Send + 'static {
    const SOURCE: Source;
    /// Where it usually is.
    const PATH: &'static str;
    /// What every list and watch of this kind adds to its query, percent-encoded.
    const QUERY: &'static str = "";
    /// How many objects to ask for at a time. `None` takes all from the server's memory in one answer.
    const PAGE: Option<u32> = None;

    type Wire<'a>: Deserialize<'a> + Into<Object<Self>>;

    /// `namespace/name`, or the name alone, as [`Failed::name`] spells it.
    fn name(&self) -> String;
    fn fact(change: Change<Self>) -> Fact;

    /// Where it is in this cluster, perhaps with a query; `None` as long as there is no use in asking.
    fn path(_place: &Place) -> Option<Cow<'static, str>> {
        Some(Self::PATH.into())
    }

    /// What a change tells about where others are.
    fn notice(_change: &Change<Self>) -> Option<Notice> {
        None
    }
}

/// The path of a kind of MetalLB, if the server serves it: a kind that is not there is not asked for.
fn plural_if_served(place: &Place, path: &'static str) -> Option<Cow<'static, str>> {
    let (_, plural) = path.rsplit_once('/')?;
    place.serves(plural).then_some(path.into())
}

/// A decoded object and what is needed to go on watching after it.
pub(super) struct Object<K> {
    pub(super) version: Box<str>,
    pub(super) item: K,
}

/// An object that could not be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Failed {
    pub(super) name: String,
    pub(super) why: String,
    pub(super) version: Option<Box<str>>,
}

/// One line of a watch.
pub(super) enum Event<K> {
    Applied(Object<K>),
    Deleted(Object<K>),
    Bookmark(Box<str>),
    /// The version we asked from is gone: only a new list helps.
    Expired,
    Error {
        code: u16,
        message: String,
    },
    /// An object of a shape we do not understand; `is_deletion` when it went away.
    Failed {
        failed: Failed,
        is_deletion: bool,
    },
    /// Not an event at all.
    Garbage(String),
}

/// Decodes one object of a list.
pub(super) fn object<K: Kind>(json: &[u8]) -> Result<Object<K>, Failed> {
    match serde_json::from_slice::<K::Wire<'_>>(json) {
        Ok(wire) => Ok(wire.into()),
        Err(error) => {
            let head: Head<'_> = serde_json::from_slice(json).unwrap_or_default();
            Err(head.failed(&error))
        }
    }
}

/// Decodes one line of a watch. The common case is a single pass over the bytes.
pub(super) fn event<K: Kind>(line: &[u8]) -> Event<K> {
    let error = match serde_json::from_slice::<Line<'_, K::Wire<'_>>>(line) {
        Ok(Line { kind, object }) => match &*kind {
            "ADDED" | "MODIFIED" => return Event::Applied(object.into()),
            "DELETED" => return Event::Deleted(object.into()),
            _ => None,
        },
        Err(error) => Some(error),
    };
    match serde_json::from_slice::<Line<'_, Head<'_>>>(line) {
        Ok(Line { kind, object }) => unusual(&kind, object, error),
        Err(error) => Event::Garbage(error.to_string()),
    }
}

fn unusual<K>(kind: &str, head: Head<'_>, error: Option<serde_json::Error>) -> Event<K> {
    match (kind, error) {
        ("BOOKMARK", _) if !head.metadata.resource_version.is_empty() => {
            Event::Bookmark(head.metadata.resource_version.into())
        }
        ("ERROR", _) if head.code == 410 => Event::Expired,
        ("ERROR", _) => Event::Error {
            code: head.code,
            message: head.message.into_owned(),
        },
        ("ADDED" | "MODIFIED" | "DELETED", Some(error)) => Event::Failed {
            failed: head.failed(&error),
            is_deletion: kind == "DELETED",
        },
        _ => Event::Garbage(format!("a watch event of type {kind:?}")),
    }
}

#[derive(Deserialize)]
struct Line<'a, W> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    object: W,
}

/// What can still be read of an object whose other fields make no sense, and all there is to read of a Status.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Head<'a> {
    code: u16,
    #[serde(borrow)]
    message: Cow<'a, str>,
    #[serde(borrow)]
    metadata: HeadMeta<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct HeadMeta<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    namespace: Cow<'a, str>,
    #[serde(borrow)]
    resource_version: Cow<'a, str>,
}

impl Head<'_> {
    fn failed(self, error: &serde_json::Error) -> Failed {
        let name = match (&*self.metadata.namespace, &*self.metadata.name) {
            (_, "") => "an object without a name".to_owned(),
            ("", name) => name.to_owned(),
            (namespace, name) => format!("{namespace}/{name}"),
        };
        let version = self.metadata.resource_version;
        Failed {
            name,
            why: error.to_string(),
            version: (!version.is_empty()).then(|| version.into()),
        }
    }
}

#[cfg(test)]
mod tests;
