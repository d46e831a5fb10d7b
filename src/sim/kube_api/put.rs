//! Objects that come whole: created with POST, replaced with PUT, applied by a manager of fields.
//!
//! Invariant: a write that names a version fails when it is not the newest, and a dry run answers what would be stored
//! without storing it.

use hyper::StatusCode;
use hyper::header::{HeaderValue, WARNING};
use serde_json::{Value, json};

use super::super::object::Object;
use super::super::random::uuid;
use super::super::resource::Kind;
use super::super::shared::Shared;
use super::super::stamp;
use super::super::store::Key;
use super::super::world::World;
use super::Ask;
use super::address::Place;
use super::admit::admit;
use super::apply;
use super::merge;
use super::reply::{self, Answer};
use super::write::{self, is_dry};

/// POST of a new object.
pub(crate) fn create(shared: &Shared, ask: &Ask, place: &Place) -> Answer {
    answer(shared, ask, place, |world, dry| {
        let object = read(ask)?;
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        let place = named(place, name, &object)?;
        let key = Key::from(place.key());
        if world.store.get(place.kind, &key).is_some() {
            return Err(Box::new(reply::exists(&place)));
        }
        has_namespace(world, &place)?;
        make(world, ask, &place, object, dry)
    })
}

/// PUT of an object that is there.
pub(crate) fn replace(shared: &Shared, ask: &Ask, place: &Place) -> Answer {
    answer(shared, ask, place, |world, dry| {
        let object = read(ask)?;
        let key = Key::from(place.key());
        let Some(stored) = world.store.get(place.kind, &key).cloned() else {
            return Err(Box::new(reply::not_found(place)));
        };
        let before = stored.object.value(&key, stored.version);
        if let Some(refusal) = write::check_metadata(&object["metadata"], &before, place) {
            return Err(Box::new(refusal));
        }
        if object["metadata"]["resourceVersion"].is_null() && place.kind.is_of_metallb() {
            let message = "Invalid value: 0: must be specified for an update";
            return Err(Box::new(reply::invalid(
                place,
                message,
                "metadata.resourceVersion",
            )));
        }
        let mut after = object;
        for field in [
            "uid",
            "creationTimestamp",
            "namespace",
            "name",
            "generation",
        ] {
            if !before["metadata"][field].is_null() {
                after["metadata"][field] = before["metadata"][field].clone();
            }
        }
        if !before["status"].is_null() {
            after["status"] = before["status"].clone();
        }
        change(world, ask, place, &before, after, dry)
    })
}

/// Server-side apply: the fields are the manager's, others stay; what it applied before and leaves out now goes.
pub(crate) fn apply(shared: &Shared, ask: &Ask, place: &Place) -> Answer {
    answer(shared, ask, place, |world, dry| {
        let manager = ask.query.get("fieldManager").to_owned();
        if manager.is_empty() {
            let message = "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch";
            return Err(Box::new(reply::bad_request(message)));
        }
        let mut applied: Value = serde_yaml::from_slice(&ask.body).map_err(|error| {
            Box::new(reply::bad_request(&format!("error decoding YAML: {error}")))
        })?;
        if let Some(fields) = applied.as_object_mut() {
            fields.remove("kind");
            fields.remove("apiVersion");
        }
        let key = Key::from(place.key());
        let stored = world.store.get(place.kind, &key).cloned();
        let answer = match stored {
            None => {
                has_namespace(world, place)?;
                make(world, ask, place, applied.clone(), dry)
            }
            Some(stored) => {
                let before = stored.object.value(&key, stored.version);
                if let Some(refusal) = write::check_metadata(&applied["metadata"], &before, place) {
                    return Err(Box::new(refusal));
                }
                let is_forced = ask.query.is_on("force");
                let after = apply::merged(world, place, &manager, &before, &applied, is_forced)?;
                change(world, ask, place, &before, after, dry)
            }
        }?;
        if !dry {
            apply::remember(world, place, manager, applied);
        }
        Ok(answer)
    })
}

/// Stores what became of an object, or answers what would be stored.
pub(super) fn change(
    world: &mut World,
    ask: &Ask,
    place: &Place,
    before: &Value,
    mut after: Value,
    dry: bool,
) -> Result<Answer, Box<Answer>> {
    after["metadata"]["resourceVersion"] = before["metadata"]["resourceVersion"].clone();
    let warnings = admit(world, ask, place, Some(before), &mut after)?;
    let generation = before["metadata"]["generation"].as_u64();
    if let Some(generation) = generation.filter(|_| before["spec"] != after["spec"]) {
        after["metadata"]["generation"] = json!(generation + 1);
    }
    let key = Key::from(place.key());
    if dry || after == *before {
        return Ok(warned(whole(StatusCode::OK, place, after), &warnings));
    }
    let Some(stored) = world.store.get(place.kind, &key).cloned() else {
        return Err(Box::new(reply::not_found(place)));
    };
    write::store(world, place.kind, &key, &stored.object, after);
    Ok(warned(
        stored_answer(world, StatusCode::OK, place, &key),
        &warnings,
    ))
}

fn make(
    world: &mut World,
    ask: &Ask,
    place: &Place,
    mut object: Value,
    dry: bool,
) -> Result<Answer, Box<Answer>> {
    let warnings = admit(world, ask, place, None, &mut object)?;
    let metadata = &mut object["metadata"];
    metadata["uid"] = json!(uuid(world.rng.next()));
    metadata["creationTimestamp"] = json!(stamp::seconds(stamp::now()));
    if place.kind.is_of_metallb() {
        metadata["generation"] = json!(1);
    }
    if place.resource().namespaced {
        metadata["namespace"] = json!(place.namespace);
    }
    if let Some(fields) = metadata.as_object_mut() {
        fields.remove("resourceVersion");
        fields.remove("managedFields");
    }
    if let Some(fields) = object.as_object_mut() {
        fields.remove("kind");
        fields.remove("apiVersion");
    }
    if dry {
        return Ok(warned(whole(StatusCode::CREATED, place, object), &warnings));
    }
    let key = Key::from(place.key());
    world
        .store
        .put(place.kind, &key, Object::Given(Box::new(object)));
    Ok(warned(
        stored_answer(world, StatusCode::CREATED, place, &key),
        &warnings,
    ))
}

/// Runs a write under the world's lock and lets the controllers look afterwards.
fn answer(
    shared: &Shared,
    ask: &Ask,
    place: &Place,
    work: impl FnOnce(&mut World, bool) -> Result<Answer, Box<Answer>>,
) -> Answer {
    let dry = match is_dry(ask, place) {
        Ok(dry) => dry,
        Err(refusal) => return *refusal,
    };
    let answer = work(&mut shared.world(), dry);
    shared.planned.notify_one();
    answer.unwrap_or_else(|refusal| *refusal)
}

fn read(ask: &Ask) -> Result<Value, Box<Answer>> {
    let object: Result<Value, _> = if ask.content_type.contains("yaml") {
        serde_yaml::from_slice(&ask.body).map_err(|error| error.to_string())
    } else {
        serde_json::from_slice(&ask.body).map_err(|error| error.to_string())
    };
    match object {
        Ok(object) if object.is_object() => Ok(object),
        Ok(_) => Err(Box::new(reply::bad_request("the body is no object"))),
        Err(error) => Err(Box::new(reply::bad_request(&format!(
            "error decoding object: {error}"
        )))),
    }
}

/// The place of a new object: that of its list, with its name.
fn named(place: &Place, name: &str, object: &Value) -> Result<Place, Box<Answer>> {
    let mut named = place.clone();
    named.name = Some(name.to_owned());
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
    let is_good = !name.is_empty() && name.len() <= 253 && name.chars().all(is_plain);
    if !is_good {
        let message = format!(
            "Invalid value: \"{name}\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric \
             characters, '-' or '.', and must start and end with an alphanumeric character"
        );
        return Err(Box::new(reply::invalid(&named, &message, "metadata.name")));
    }
    let given = object["metadata"]["namespace"].as_str();
    if let (Some(given), Some(asked)) = (given, &place.namespace)
        && given != asked
    {
        let message = format!(
            "the namespace of the provided object does not match the namespace sent on the request ({given} != {asked})"
        );
        return Err(Box::new(reply::bad_request(&message)));
    }
    Ok(named)
}

fn has_namespace(world: &World, place: &Place) -> Result<(), Box<Answer>> {
    let Some(namespace) = place
        .namespace
        .as_deref()
        .filter(|_| place.resource().namespaced)
    else {
        return Ok(());
    };
    if world.store.get(Kind::Namespace, namespace).is_some() {
        return Ok(());
    }
    let missing = Place {
        kind: Kind::Namespace,
        group: "",
        subresource: "",
        namespace: None,
        name: Some(namespace.to_owned()),
    };
    Err(Box::new(reply::not_found(&missing)))
}

fn whole(code: StatusCode, place: &Place, mut object: Value) -> Answer {
    object["kind"] = json!(place.resource().name);
    object["apiVersion"] = json!(place.resource().api_version());
    reply::json_value(code, &object)
}

pub(super) fn stored_answer(world: &World, code: StatusCode, place: &Place, key: &Key) -> Answer {
    match world.store.get(place.kind, key) {
        Some(stored) => {
            let text = stored.object.full_text(place.kind, key, stored.version);
            reply::json_text(code, text)
        }
        None => reply::not_found(place),
    }
}

fn warned(mut answer: Answer, warnings: &[String]) -> Answer {
    for warning in warnings {
        let text = format!("299 - \"{}\"", warning.replace('"', "\\\""));
        if let Ok(value) = HeaderValue::from_str(&text) {
            answer.headers_mut().append(WARNING, value);
        }
    }
    answer
}

/// A merge or strategic merge patch of `before`.
pub(super) fn patched(before: &Value, patch: &Value, is_strategic: bool) -> Value {
    let mut after = before.clone();
    if is_strategic {
        merge::strategic_patch(&mut after, patch);
    } else {
        merge::merge_patch(&mut after, patch);
    }
    after
}
