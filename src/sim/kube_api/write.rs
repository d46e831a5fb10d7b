//! What changes objects: patches, deletions, evictions. Those that come whole are in `put`.
//!
//! Invariant: a write checks version and
//! uid if it names them, stores nothing on `dryRun=All`, and a patch that changes nothing makes no
//! new version.

use std::sync::Arc;

use hyper::StatusCode;
use serde_json::{Value, json};

use super::super::object::Object;
use super::super::resource::Kind;
use super::super::shared::Shared;
use super::super::stamp;
use super::super::store::Key;
use super::super::world::World;
use super::Ask;
use super::address::Place;
use super::budget;
use super::put;
use super::reply::{self, Answer};

const MODIFIED: &str = "the object has been modified; please apply your changes to the latest \
    version and try again";

/// PATCH of one object.
pub(crate) fn patch(shared: &Shared, ask: &Ask, place: &Place) -> Answer {
    let dry = match is_dry(ask, place) {
        Ok(dry) => dry,
        Err(refusal) => return *refusal,
    };
    let content_type = ask.content_type.split(';').next().unwrap_or_default();
    let is_strategic = match content_type.trim() {
        "application/merge-patch+json" => false,
        "application/strategic-merge-patch+json" if place.kind.is_of_metallb() => {
            return reply::unsupported_media_type(
                "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
            );
        }
        "application/strategic-merge-patch+json" => true,
        "application/apply-patch+yaml" => return put::apply(shared, ask, place),
        _ => {
            return reply::unsupported_media_type(
                "application/merge-patch+json, application/strategic-merge-patch+json, \
                 application/apply-patch+yaml",
            );
        }
    };
    let patch = match serde_json::from_slice::<Value>(&ask.body) {
        Ok(patch) if patch.is_object() => patch,
        Ok(_) => return reply::bad_request("json: cannot unmarshal into Go value of type map"),
        Err(error) => {
            return reply::bad_request(&format!("error decoding patch: {error}"));
        }
    };
    let mut world = shared.world();
    let key = Key::from(place.key());
    let Some(stored) = world.store.get(place.kind, &key).cloned() else {
        return reply::not_found(place);
    };
    let before = stored.object.value(&key, stored.version);
    if let Some(refusal) = check_metadata(&patch["metadata"], &before, place) {
        return refusal;
    }
    let after = put::patched(&before, &patch, is_strategic);
    if after["metadata"]["name"] != before["metadata"]["name"] {
        let given = after["metadata"]["name"].as_str().unwrap_or_default();
        let name = place.name.as_deref().unwrap_or_default();
        let message =
            format!("the name of the object ({given}) does not match the name on the URL ({name})");
        return reply::bad_request(&message);
    }
    let answer = put::change(&mut world, ask, place, &before, after, dry);
    shared.planned.notify_one();
    answer.unwrap_or_else(|refusal| *refusal)
}

/// DELETE of one object.
pub(crate) fn delete(shared: &Shared, ask: &Ask, place: &Place) -> Answer {
    let dry = match is_dry(ask, place) {
        Ok(dry) => dry,
        Err(refusal) => return *refusal,
    };
    let options = serde_json::from_slice::<Value>(&ask.body).unwrap_or_default();
    let mut world = shared.world();
    let key = Key::from(place.key());
    let Some(stored) = world.store.get(place.kind, &key).cloned() else {
        return reply::not_found(place);
    };
    let value = stored.object.value(&key, stored.version);
    if let Some(refusal) = check_preconditions(&options["preconditions"], &value, place) {
        return refusal;
    }
    let mut details = reply::details(place);
    details["uid"] = json!(stored.object.uid(&key));
    if !dry {
        match place.kind {
            Kind::Node => {
                world.remove_node(&key);
            }
            Kind::Pod if is_at_once(ask, &options) => {
                world.store.remove(Kind::Pod, &key);
            }
            Kind::Pod => {
                world.delete_pod(&key, stamp::now());
            }
            _ => {
                world.store.remove(place.kind, &key);
            }
        }
        shared.planned.notify_one();
    }
    if place.kind == Kind::Pod
        && let Some(stored) = world.store.get(Kind::Pod, &key)
    {
        let text = stored.object.full_text(Kind::Pod, &key, stored.version);
        return reply::json_text(StatusCode::OK, text);
    }
    let success = json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": details,
    });
    reply::json_value(StatusCode::OK, &success)
}

/// Nobody is waited for: the pod is gone from the store whatever its kubelet does.
fn is_at_once(ask: &Ask, options: &Value) -> bool {
    ask.query.get("gracePeriodSeconds") == "0" || options["gracePeriodSeconds"] == 0
}

/// POST of an eviction, which disruption budgets may forbid.
pub(crate) fn evict(shared: &Shared, ask: &Ask, place: &Place) -> Answer {
    let eviction = match serde_json::from_slice::<Value>(&ask.body) {
        Ok(eviction) => eviction,
        Err(error) => return reply::bad_request(&format!("error decoding eviction: {error}")),
    };
    let dry = match is_dry(ask, place) {
        Ok(dry) => dry || eviction["deleteOptions"]["dryRun"][0] == "All",
        Err(refusal) => return *refusal,
    };
    let mut world = shared.world();
    let key = Key::from(place.key());
    let Some(stored) = world.store.get(Kind::Pod, &key).cloned() else {
        return reply::not_found(place);
    };
    let value = stored.object.value(&key, stored.version);
    let preconditions = &eviction["deleteOptions"]["preconditions"];
    if let Some(refusal) = check_preconditions(preconditions, &value, place) {
        return refusal;
    }
    if let Some(refusal) = budget::refusal(&world, &key, &value) {
        return refusal;
    }
    if !dry {
        world.delete_pod(&key, stamp::now());
        shared.planned.notify_one();
    }
    let success = json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "code": 201,
    });
    reply::json_value(StatusCode::CREATED, &success)
}

/// Stores a changed tree: into the compact form where there is one, as it is otherwise.
pub(crate) fn store(
    world: &mut World,
    kind: Kind,
    key: &Key,
    before: &Arc<Object>,
    after: Value,
) -> u64 {
    let object = match &**before {
        Object::Node(node) => {
            let mut node = node.clone();
            let was_cordoned = node.cordoned;
            node.absorb(key, &after);
            if node.cordoned != was_cordoned {
                node.settle_cordon();
            }
            Object::Node(node)
        }
        _ => Object::Given(Box::new(after)),
    };
    world.store.put(kind, key, object)
}

pub(super) fn check_metadata(given: &Value, before: &Value, place: &Place) -> Option<Answer> {
    let differs = |field: &str| {
        let given = given.get(field).filter(|value| !value.is_null());
        given.is_some_and(|value| *value != before["metadata"][field])
    };
    if differs("resourceVersion") {
        return Some(reply::conflict(place, MODIFIED));
    }
    if differs("uid") {
        let message = format!("Invalid value: {}: field is immutable", given["uid"]);
        return Some(reply::invalid(place, &message, "metadata.uid"));
    }
    None
}

fn check_preconditions(wanted: &Value, value: &Value, place: &Place) -> Option<Answer> {
    let differs = |field: &str| {
        wanted
            .get(field)
            .is_some_and(|wanted| *wanted != value["metadata"][field])
    };
    if differs("uid") {
        return Some(reply::conflict(place, &uid_differs(&wanted["uid"], value)));
    }
    if differs("resourceVersion") {
        let why = format!(
            "the ResourceVersion in the precondition ({}) does not match the ResourceVersion in \
             record ({}). The object might have been modified",
            wanted["resourceVersion"].as_str().unwrap_or_default(),
            value["metadata"]["resourceVersion"]
                .as_str()
                .unwrap_or_default(),
        );
        return Some(reply::conflict(place, &why));
    }
    None
}

fn uid_differs(wanted: &Value, value: &Value) -> String {
    format!(
        "the UID in the precondition ({}) does not match the UID in record ({}). The object might \
         have been deleted and then recreated",
        wanted.as_str().unwrap_or_default(),
        value["metadata"]["uid"].as_str().unwrap_or_default(),
    )
}

pub(super) fn is_dry(ask: &Ask, place: &Place) -> Result<bool, Box<Answer>> {
    match ask.query.get("dryRun") {
        "" => Ok(false),
        "All" => Ok(true),
        other => {
            let message = format!("Invalid value: [\"{other}\"]: supported values: \"All\"");
            Err(Box::new(reply::invalid(place, &message, "dryRun")))
        }
    }
}
