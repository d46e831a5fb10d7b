//! Watches: a stream of lines that begins where the client left off and goes on until it ends.
//!
//! It renders from the store's history; it keeps no queue of its own. Invariant: a client gets
//! every change of its selection exactly once and in order, or an ERROR line that says it cannot.

use std::io;
use std::sync::Arc;
use std::time::Duration;
use std::vec;

use futures::stream;
use http_body_util::{BodyExt, StreamBody};
use hyper::StatusCode;
use hyper::body::{Bytes, Frame};
use serde_json::{Value, json};
use tokio::sync::watch::Receiver;
use tokio::time::{Instant, sleep_until};

use super::super::resource::Kind;
use super::super::shared::Shared;
use super::super::store::{Change, Key, Stored, What};
use super::Ask;
use super::address::Place;
use super::reply::{self, Answer};
use super::select::Selector;

/// Changes or objects rendered at once.
const BATCH: usize = 128;

/// A stream without `timeoutSeconds` ends after this time, as the real server ends it some day.
const LONGEST: Duration = Duration::from_secs(3600);

/// One client's watch.
struct Watch {
    shared: Arc<Shared>,
    kind: Kind,
    prefix: String,
    selector: Selector,
    bell: Receiver<u64>,
    stage: Stage,
    /// Everything up to this version has been sent.
    version: u64,
    bookmarks: Option<Duration>,
    next_bookmark: Instant,
    end: Instant,
}

enum Stage {
    /// The objects as they stood at the start; then perhaps the bookmark that ends them.
    Initial(vec::IntoIter<(Key, Stored)>, bool),
    Live,
    /// What was asked for is gone; the client has to be told.
    Gone,
    /// The client has been told.
    Ended,
}

/// Opens a watch.
pub(crate) fn answer(shared: &Arc<Shared>, ask: &Ask, place: &Place) -> Answer {
    match open(shared, ask, place) {
        Ok(watch) => {
            let frames = stream::unfold(watch, |mut watch| async move {
                let text = watch.next().await?;
                let frame = Ok::<_, io::Error>(Frame::data(Bytes::from(text)));
                Some((frame, watch))
            });
            let body = StreamBody::new(frames).boxed_unsync();
            reply::with_body(StatusCode::OK, "application/json", body)
        }
        Err(refusal) => *refusal,
    }
}

fn open(shared: &Arc<Shared>, ask: &Ask, place: &Place) -> Result<Watch, Box<Answer>> {
    let query = &ask.query;
    let selector = Selector::parse(query, place.resource())
        .map_err(|message| Box::new(reply::bad_request(&message)))?;
    let streams_list = query.is_on("sendInitialEvents");
    if streams_list && query.get("resourceVersionMatch") != "NotOlderThan" {
        let message = "sendInitialEvents is forbidden for watch unless resourceVersionMatch is \
                       set to NotOlderThan";
        return Err(Box::new(reply::bad_request(message)));
    }
    let asked = match query.get("resourceVersion") {
        "" => 0,
        text => text.parse().map_err(|_| {
            let message = format!("Invalid value: \"{text}\": must be a number");
            Box::new(reply::bad_request(&message))
        })?,
    };
    let now = Instant::now();
    let world = shared.world();
    let bookmark_every = world.scenario.bookmark_every.0;
    let bookmarks = query.is_on("allowWatchBookmarks").then_some(bookmark_every);
    let (stage, version) = if streams_list || asked == 0 {
        let prefix = place.prefix();
        let wants = |key: &Key, object: &_| selector.wants(key, object);
        let all = world
            .store
            .snapshot(place.kind, &prefix, None, usize::MAX, wants);
        let marks_end = streams_list && bookmarks.is_some();
        (
            Stage::Initial(all.items.into_iter(), marks_end),
            all.version,
        )
    } else if asked < world.store.oldest(place.kind) {
        (Stage::Gone, asked)
    } else {
        (Stage::Live, asked)
    };
    let seconds = query
        .number("timeoutSeconds")
        .filter(|seconds| *seconds > 0);
    Ok(Watch {
        bell: world.store.bell(place.kind),
        shared: Arc::clone(shared),
        kind: place.kind,
        prefix: place.prefix(),
        selector,
        stage,
        version,
        bookmarks,
        next_bookmark: now + bookmark_every,
        end: now + seconds.map_or(LONGEST, Duration::from_secs).min(LONGEST),
    })
}

impl Watch {
    /// The next lines; `None` ends the stream.
    async fn next(&mut self) -> Option<String> {
        self.shared.answering().await;
        match &mut self.stage {
            Stage::Ended => return None,
            Stage::Gone => {
                self.stage = Stage::Ended;
                return Some(self.gone());
            }
            Stage::Initial(items, marks_end) => {
                let mut text = String::new();
                for (key, stored) in items.by_ref().take(BATCH) {
                    let object = stored.object.full_text(self.kind, &key, stored.version);
                    push_line(&mut text, "ADDED", &object);
                }
                if items.len() == 0 {
                    if *marks_end {
                        push_line(
                            &mut text,
                            "BOOKMARK",
                            &bookmark(self.kind, self.version, true),
                        );
                    }
                    self.stage = Stage::Live;
                }
                if !text.is_empty() {
                    return Some(text);
                }
            }
            Stage::Live => {}
        }
        loop {
            self.bell.borrow_and_update();
            let changes = self
                .shared
                .world()
                .store
                .since(self.kind, self.version, BATCH);
            let Some(changes) = changes else {
                self.stage = Stage::Ended;
                return Some(self.gone());
            };
            let text = self.lines(&changes);
            if let Some(last) = changes.last() {
                self.version = last.version;
            }
            if !text.is_empty() {
                return Some(text);
            }
            if !changes.is_empty() {
                continue;
            }
            if !self.shared.world().serves(self.kind) {
                // The kind was uninstalled; its last objects have been told as deleted.
                return None;
            }
            let bookmark_due = self
                .bookmarks
                .map_or(self.end, |_| self.next_bookmark.min(self.end));
            tokio::select! {
                _ = self.bell.changed() => {}
                () = sleep_until(bookmark_due) => {
                    if self.end <= Instant::now() {
                        return None;
                    }
                    self.next_bookmark += self.bookmarks.unwrap_or(LONGEST);
                    self.shared.answering().await;
                    return Some(self.regular_bookmark());
                }
            }
            self.shared.answering().await;
        }
    }

    /// Changes as lines; a change into or out of the selection is told as added or deleted.
    fn lines(&self, changes: &[Change]) -> String {
        let mut text = String::new();
        for change in changes
            .iter()
            .filter(|change| change.key.starts_with(&self.prefix))
        {
            let wanted = self.selector.wants(&change.key, &change.object);
            let was_wanted = match &change.what {
                What::Added => false,
                What::Modified(before) => self.selector.wants(&change.key, before),
                What::Deleted => wanted,
            };
            let what = match (&change.what, was_wanted, wanted) {
                (What::Deleted, true, _) | (What::Modified(_), true, false) => "DELETED",
                (What::Added | What::Modified(_), false, true) => "ADDED",
                (What::Modified(_), true, true) => "MODIFIED",
                _ => continue,
            };
            let object = change
                .object
                .full_text(self.kind, &change.key, change.version);
            push_line(&mut text, what, &object);
        }
        text
    }

    fn regular_bookmark(&mut self) -> String {
        // Nothing of this kind has happened up to the newest version, else it had been sent.
        let world = self.shared.world();
        let newest = world.store.version();
        let unsent = world.store.since(self.kind, self.version, 1);
        drop(world);
        if unsent.is_some_and(|changes| changes.is_empty()) {
            self.version = self.version.max(newest);
        }
        let mut text = String::new();
        push_line(
            &mut text,
            "BOOKMARK",
            &bookmark(self.kind, self.version, false),
        );
        text
    }

    /// The line that ends a watch whose version is gone.
    fn gone(&self) -> String {
        let oldest = self.shared.world().store.oldest(self.kind);
        let message = format!("too old resource version: {} ({oldest})", self.version);
        let status = reply::failure(410, "Expired", &message, &Value::Null);
        let mut text = String::new();
        push_line(&mut text, "ERROR", &status.to_string());
        text
    }
}

fn bookmark(kind: Kind, version: u64, ends_initial: bool) -> String {
    let resource = kind.resource();
    let mut metadata = json!({ "resourceVersion": version.to_string() });
    if ends_initial {
        metadata["annotations"] = json!({ "k8s.io/initial-events-end": "true" });
    }
    let mut object = json!({
        "kind": resource.name,
        "apiVersion": resource.api_version(),
        "metadata": metadata,
        "spec": {},
    });
    match kind {
        Kind::Node => object["status"] = empty_node_status(),
        Kind::Pod => {
            object["spec"] = json!({ "containers": null });
            object["status"] = json!({});
        }
        _ => {}
    }
    object.to_string()
}

/// A bookmark carries an empty object, and an empty Node is not so empty.
fn empty_node_status() -> Value {
    json!({
        "daemonEndpoints": { "kubeletEndpoint": { "Port": 0 } },
        "nodeInfo": {
            "machineID": "", "systemUUID": "", "bootID": "", "kernelVersion": "", "osImage": "",
            "containerRuntimeVersion": "", "kubeletVersion": "", "kubeProxyVersion": "",
            "operatingSystem": "", "architecture": "",
        },
    })
}

fn push_line(text: &mut String, what: &str, object: &str) {
    text.push_str(r#"{"type":""#);
    text.push_str(what);
    text.push_str(r#"","object":"#);
    text.push_str(object);
    text.push_str("}\n");
}
