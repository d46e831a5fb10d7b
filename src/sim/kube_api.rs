//! The simulated API server's front door: who asks, what for, and who answers.
//!
//! It follows the order of a real server: authentication, authorization, then the resource.
//! Invariant: every refusal is a Status (or the plain text) that a real kube-apiserver sends.

mod address;
mod admit;
mod apply;
mod budget;
mod discovery;
mod list;
mod log;
pub(crate) mod merge;
mod put;
mod reply;
mod review;
mod schema;
mod select;
mod spoil;
mod table;
mod watch;
mod write;

use std::sync::Arc;

use http_body_util::{BodyExt, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use hyper::{Method, Request, StatusCode};
use serde_json::Value;

use super::resource::{Kind, METALLB};
use super::shared::Shared;
use super::store::Key;
use super::world::World;
use address::{Query, Target};
use reply::Answer;

/// The largest body a real server takes.
const BODY_LIMIT: usize = 3_145_728;

/// A request that has been read and understood.
#[derive(Debug)]
pub(crate) struct Ask {
    pub(crate) method: Method,
    pub(crate) target: Target,
    pub(crate) query: Query,
    pub(crate) content_type: String,
    pub(crate) accept: String,
    pub(crate) body: Bytes,
}

/// Answers one request, in its time and with the fault that waits for it.
pub(crate) async fn answer(shared: Arc<Shared>, request: Request<Incoming>) -> Answer {
    let path = match request.uri().path_and_query() {
        Some(path) => path.as_str().to_owned(),
        None => "/".to_owned(),
    };
    let fault = {
        let mut switches = shared.switches();
        switches.note(format!("{} {path}", request.method()));
        switches.spring(&path)
    };
    shared.answering().await;
    let token = format!("Bearer {}", shared.token);
    let known = request
        .headers()
        .get(AUTHORIZATION)
        .is_some_and(|given| *given == token);
    let (head, body) = request.into_parts();
    let body = match Limited::new(body, BODY_LIMIT).collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => return reply::too_large(BODY_LIMIT),
    };
    if !known {
        return reply::unauthorized();
    }
    let header = |name| {
        let value = head.headers.get(name).and_then(|it| it.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let ask = Ask {
        method: head.method,
        target: address::target(head.uri.path()),
        query: Query::parse(head.uri.query().unwrap_or_default()),
        content_type: header(CONTENT_TYPE),
        accept: header(ACCEPT),
        body,
    };
    match fault {
        Some(fault) => spoil::answer(&shared, &ask, fault).await,
        None => dispatch(&shared, &ask).await,
    }
}

/// The right answer.
pub(crate) async fn dispatch(shared: &Arc<Shared>, ask: &Ask) -> Answer {
    let verb = verb(ask);
    if let Some(place) = ask.target.place() {
        if !shared.world().serves(place.kind) {
            // A kind that is not installed is an unknown path, before anybody asks about rights.
            return reply::not_found_text();
        }
        let resource = place.checked_resource();
        if shared.switches().forbids(verb, &resource) {
            return reply::forbidden(verb, place);
        }
    }
    match (&ask.target, ask.method.as_str()) {
        (Target::Health, "GET") => reply::text(StatusCode::OK, "ok"),
        (Target::Info(path), "GET") => discovery::answer(shared, path),
        (Target::Review(kind), "POST") => review::answer(shared, ask, kind),
        (Target::Metrics(place), "GET") => list::metrics(shared, place),
        (Target::Objects(place), "GET") if ask.query.is_watch() => {
            watch::answer(shared, ask, place)
        }
        (Target::Objects(place), "GET") if table::is_wanted(&ask.accept) => {
            table::nodes(shared, place)
        }
        (Target::Objects(place), "GET") => list::objects(shared, ask, place).await,
        (Target::Object(place), "GET") => list::object(shared, place),
        (Target::Objects(place), "POST") => put::create(shared, ask, place),
        (Target::Object(place), "PUT") => put::replace(shared, ask, place),
        (Target::Object(place), "PATCH") => write::patch(shared, ask, place),
        (Target::Object(place), "DELETE") => write::delete(shared, ask, place),
        (Target::Log(place), "GET") => log::answer(shared, ask, place),
        (Target::Eviction(place), "POST") => write::evict(shared, ask, place),
        (Target::NoResource(group), _) if *group == METALLB => reply::not_found_text(),
        (Target::NoResource(_), _) => reply::no_resource(),
        (Target::Unknown, _) => reply::not_found_text(),
        _ => reply::method_not_allowed(),
    }
}

/// Merges a patch into an object past every check; for tests.
pub(crate) fn force_patch(
    world: &mut World,
    kind: &str,
    key: &str,
    patch: &Value,
) -> Result<u64, String> {
    let kind = Kind::named(kind).ok_or_else(|| format!("the simulation keeps no {kind}"))?;
    let stored = world.store.get(kind, key);
    let stored = stored.ok_or_else(|| format!("there is no {key}"))?.clone();
    let mut value = stored.object.value(key, stored.version);
    merge::merge_patch(&mut value, patch);
    Ok(write::store(
        world,
        kind,
        &Key::from(key),
        &stored.object,
        value,
    ))
}

/// The word authorization uses for what is asked.
fn verb(ask: &Ask) -> &'static str {
    match (ask.method.as_str(), &ask.target) {
        ("GET", Target::Objects(_)) if ask.query.is_watch() => "watch",
        ("GET", Target::Objects(place) | Target::Metrics(place)) if place.name.is_none() => "list",
        ("PATCH", _) => "patch",
        ("DELETE", _) => "delete",
        ("POST", _) => "create",
        ("PUT", _) => "update",
        _ => "get",
    }
}
