//! Lists and single objects.
//!
//! It changes nothing. Invariant: a list is one moment of the store, however long it takes to
//! send, and the JSON of its items is made while it is sent, never all at once.

use std::fmt::Write as _;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures::stream;
use http_body_util::{BodyExt, StreamBody};
use hyper::StatusCode;
use hyper::body::{Bytes, Frame};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::super::metrics;
use super::super::node::Node;
use super::super::object::Object;
use super::super::resource::Kind;
use super::super::shared::Shared;
use super::super::store::{Key, Snapshot, Stored};
use super::Ask;
use super::address::{Place, Query};
use super::reply::{self, Answer, Body};
use super::select::Selector;

/// Items rendered between two looks at whether the client still reads.
const CHUNK: usize = 64;

/// What the real server says when a continue token has expired.
const EXPIRED: &str = "The provided continue parameter is too old to display a consistent list \
    result. You can start a new list without the continue parameter, or use the continue token in \
    this response to retrieve the remainder of the results. Continuing with the provided token \
    results in an inconsistent list - objects that were created, modified, or deleted between the \
    time the first chunk was returned and now may show up in the list.";

/// One object.
pub(crate) fn object(shared: &Shared, place: &Place) -> Answer {
    let key = place.key();
    let stored = shared.world().store.get(place.kind, &key).cloned();
    match stored {
        Some(Stored { version, object }) => {
            reply::json_text(StatusCode::OK, object.full_text(place.kind, &key, version))
        }
        None => reply::not_found(place),
    }
}

/// All objects of a place, or a page of them.
pub(crate) async fn objects(shared: &Arc<Shared>, ask: &Ask, place: &Place) -> Answer {
    let selector = match Selector::parse(&ask.query, place.resource()) {
        Ok(selector) => selector,
        Err(message) => return reply::bad_request(&message),
    };
    if let Some(refusal) = check_version(shared, &ask.query, place.kind).await {
        return refusal;
    }
    let page = match Page::read(&ask.query) {
        Ok(page) => page,
        Err(message) => return reply::bad_request(message),
    };
    let (snapshot, left, expired) = {
        let world = shared.world();
        let store = &world.store;
        let snapshot = store.snapshot(
            place.kind,
            &place.prefix(),
            page.after.as_deref(),
            page.limit,
            |key, object| selector.wants(key, object),
        );
        let expired = page
            .version
            .is_some_and(|version| version < store.oldest(place.kind));
        let sent = page.sent + snapshot.items.len();
        (
            snapshot,
            store.len(place.kind).saturating_sub(sent),
            expired,
        )
    };
    let version = page.version.unwrap_or(snapshot.version);
    if expired {
        let after = page.after.unwrap_or_default();
        return expired_page(&token(snapshot.version, page.sent, &after));
    }
    let mut metadata = json!({ "resourceVersion": version.to_string() });
    if let (true, Some((last, _))) = (snapshot.more, snapshot.items.last()) {
        let sent = page.sent + snapshot.items.len();
        metadata["continue"] = json!(token(version, sent, last));
        if selector.is_empty() && place.prefix().is_empty() {
            metadata["remainingItemCount"] = json!(left);
        }
    }
    let body = stream_items(Arc::clone(shared), place.kind, &metadata, snapshot);
    reply::with_body(StatusCode::OK, "application/json", body)
}

/// What metrics-server would say; unknown boards and dead ones are missing.
pub(crate) fn metrics(shared: &Shared, place: &Place) -> Answer {
    let world = shared.world();
    if !world.scenario.metrics {
        return reply::not_found_text();
    }
    let wanted = |key: &Key| match &place.name {
        Some(_) => **key == *place.key(),
        None => key.starts_with(&place.prefix()),
    };
    let mut pods_on = std::collections::BTreeMap::<&str, u64>::new();
    for (_, stored) in world.store.iter(Kind::Pod) {
        if let Object::Pod(pod) = &*stored.object {
            *pods_on.entry(pod.node_name()).or_default() += 1;
        }
    }
    let measured = |key: &Key, object: &Object| match object {
        Object::Node(node) => {
            let alive = world.machines.get(key).is_some_and(|machine| machine.alive);
            let pods = pods_on.get(&**key).copied().unwrap_or(0);
            (alive && Node::is_ready(node)).then(|| metrics::of_node(key, node, pods))
        }
        Object::Pod(pod) => metrics::of_pod(key, pod),
        _ => None,
    };
    let items: Vec<Value> = world
        .store
        .iter(place.kind)
        .filter(|(key, _)| wanted(key))
        .filter_map(|(key, stored)| measured(key, &stored.object))
        .collect();
    let name = format!("{}Metrics", place.resource().name);
    let api_version = "metrics.k8s.io/v1beta1";
    match (&place.name, items.into_iter()) {
        (Some(_), mut items) => match items.next() {
            Some(mut item) => {
                item["kind"] = json!(name);
                item["apiVersion"] = json!(api_version);
                reply::json_value(StatusCode::OK, &item)
            }
            None => reply::not_found(place),
        },
        (None, items) => {
            let items: Vec<Value> = items.collect();
            let list = json!({
                "kind": format!("{name}List"),
                "apiVersion": api_version,
                "metadata": {},
                "items": items,
            });
            reply::json_value(StatusCode::OK, &list)
        }
    }
}

/// Refuses versions of the past and of the future as the real server does.
async fn check_version(shared: &Shared, query: &Query, kind: Kind) -> Option<Answer> {
    let asked = match query.get("resourceVersion") {
        "" | "0" => return None,
        text => {
            let Ok(asked) = text.parse::<u64>() else {
                let message = format!(
                    "invalid resource version: resourceVersion: Invalid value: \"{text}\": \
                     strconv.ParseUint: parsing \"{text}\": invalid syntax"
                );
                return Some(reply::bad_request(&message));
            };
            asked
        }
    };
    let (current, oldest) = {
        let world = shared.world();
        (world.store.version(), world.store.oldest(kind))
    };
    if asked > current {
        sleep(Duration::from_secs(3)).await;
        let message = format!("Timeout: Too large resource version: {asked}, current: {current}");
        let details = json!({
            "causes": [{
                "reason": "ResourceVersionTooLarge",
                "message": "Too large resource version",
            }],
            "retryAfterSeconds": 1,
        });
        let code = StatusCode::GATEWAY_TIMEOUT;
        return Some(reply::refuse(code, "Timeout", &message, &details));
    }
    if query.get("resourceVersionMatch") == "Exact" && asked < oldest {
        let message = "The resourceVersion for the provided list is too old.";
        return Some(reply::refuse(
            StatusCode::GONE,
            "Expired",
            message,
            &Value::Null,
        ));
    }
    None
}

fn expired_page(token: &str) -> Answer {
    let mut status = reply::failure(410, "Expired", EXPIRED, &Value::Null);
    status["metadata"]["continue"] = json!(token);
    reply::json_value(StatusCode::GONE, &status)
}

/// Which part of a list is asked for.
struct Page {
    limit: usize,
    after: Option<String>,
    /// The version of the first page.
    version: Option<u64>,
    sent: usize,
}

impl Page {
    fn read(query: &Query) -> Result<Self, &'static str> {
        let limit = query.number("limit").filter(|limit| *limit > 0);
        // From memory, for which 0 asks, the real server gives everything.
        let limit = limit.filter(|_| query.get("resourceVersion") != "0");
        let mut page = Self {
            limit: limit.map_or(usize::MAX, |limit| {
                usize::try_from(limit).unwrap_or(usize::MAX)
            }),
            after: None,
            version: None,
            sent: 0,
        };
        let token = query.get("continue");
        if token.is_empty() {
            return Ok(page);
        }
        let (version, sent, after) = read_token(token).ok_or("continue key is not valid")?;
        page.version = Some(version);
        page.sent = sent;
        page.after = Some(after);
        Ok(page)
    }
}

/// A continue token: opaque to clients, the version, the count so far and the last key to us.
fn token(version: u64, sent: usize, after: &str) -> String {
    let text = format!("{version} {sent} {after}");
    text.bytes().fold(String::new(), |mut token, byte| {
        let _ = write!(token, "{byte:02x}");
        token
    })
}

fn read_token(token: &str) -> Option<(u64, usize, String)> {
    let digit = |byte: &u8| {
        char::from(*byte)
            .to_digit(16)
            .and_then(|it| u8::try_from(it).ok())
    };
    let bytes: Option<Vec<u8>> = token
        .as_bytes()
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => Some(digit(high)? * 16 + digit(low)?),
            _ => None,
        })
        .collect();
    let text = String::from_utf8(bytes?).ok()?;
    let mut parts = text.splitn(3, ' ');
    let version = parts.next()?.parse().ok()?;
    let sent = parts.next()?.parse().ok()?;
    Some((version, sent, parts.next()?.to_owned()))
}

/// The list as a body that renders its items as it is read.
fn stream_items(shared: Arc<Shared>, kind: Kind, metadata: &Value, snapshot: Snapshot) -> Body {
    let resource = kind.resource();
    let head = format!(
        r#"{{"kind":"{}List","apiVersion":"{}","metadata":{metadata},"items":["#,
        resource.name,
        resource.api_version(),
    );
    let state = (shared, head, snapshot.items.into_iter(), true);
    let frames = stream::unfold(Some(state), |state| async move {
        let (shared, mut text, mut items, mut first) = state?;
        shared.answering().await;
        for (key, stored) in items.by_ref().take(CHUNK) {
            if !std::mem::take(&mut first) {
                text.push(',');
            }
            text.push_str(&stored.object.text(&key, stored.version));
        }
        let more = items.len() > 0;
        if !more {
            text.push_str("]}\n");
        }
        let frame = Ok::<_, io::Error>(Frame::data(Bytes::from(text)));
        Some((frame, more.then(|| (shared, String::new(), items, first))))
    });
    StreamBody::new(frames).boxed_unsync()
}

#[cfg(test)]
mod tests {
    use super::{read_token, token};

    #[test]
    fn a_token_can_be_read_again_and_nonsense_cannot() {
        let made = token(2681, 500, "web/ü");
        assert_eq!(read_token(&made), Some((2681, 500, "web/ü".to_owned())));
        for nonsense in ["x", "zz", "00ff", "616263"] {
            assert_eq!(read_token(nonsense), None, "{nonsense}");
        }
    }
}
