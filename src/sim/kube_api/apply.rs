//! Who applied which fields: as much of server-side apply as a client can notice.
//!
//! Lists are taken whole, which is how MetalLB's kinds define theirs. Invariant: a field that one manager applied is not
//! changed by another unless it is forced.

use hyper::StatusCode;
use serde_json::{Value, json};

use super::super::world::World;
use super::address::Place;
use super::merge;
use super::reply::{self, Answer};

/// What the object becomes when `manager` applies this.
pub(super) fn merged(
    world: &World,
    place: &Place,
    manager: &str,
    before: &Value,
    applied: &Value,
    is_forced: bool,
) -> Result<Value, Box<Answer>> {
    let all = world.applied.get(&(place.kind, place.key()));
    let others = all
        .into_iter()
        .flatten()
        .filter(|(name, _)| *name != manager);
    let mut conflicts = Vec::new();
    for (other, theirs) in others {
        for path in leaves(theirs) {
            let ours = applied.pointer(&path);
            if ours.is_some() && ours != before.pointer(&path) {
                conflicts.push((other.clone(), path.replace('/', ".")));
            }
        }
    }
    if !conflicts.is_empty() && !is_forced {
        return Err(Box::new(refusal(&conflicts)));
    }
    let mut after = before.clone();
    let last = all.and_then(|all| all.iter().find(|(name, _)| *name == manager));
    if let Some((_, last)) = last {
        for path in leaves(last) {
            if applied.pointer(&path).is_none() {
                remove(&mut after, &path);
            }
        }
    }
    merge::merge_patch(&mut after, applied);
    Ok(after)
}

pub(super) fn remember(world: &mut World, place: &Place, manager: String, applied: Value) {
    let all = world.applied.entry((place.kind, place.key())).or_default();
    all.retain(|(name, _)| *name != manager);
    all.push((manager, applied));
}

/// Pointers to everything in a tree that is no object; of the metadata only labels and annotations.
fn leaves(tree: &Value) -> Vec<String> {
    fn collect(value: &Value, path: &str, out: &mut Vec<String>) {
        match value {
            Value::Object(map) if !map.is_empty() => {
                for (key, inner) in map {
                    let key = key.replace('~', "~0").replace('/', "~1");
                    collect(inner, &format!("{path}/{key}"), out);
                }
            }
            _ => out.push(path.to_owned()),
        }
    }
    let mut out = Vec::new();
    collect(tree, "", &mut out);
    let is_owned = |path: &String| {
        !path.starts_with("/metadata")
            || path.starts_with("/metadata/labels/")
            || path.starts_with("/metadata/annotations/")
    };
    out.retain(is_owned);
    out
}

fn remove(tree: &mut Value, path: &str) {
    let Some((parent, name)) = path.rsplit_once('/') else {
        return;
    };
    let name = name.replace("~1", "/").replace("~0", "~");
    if let Some(Value::Object(map)) = tree.pointer_mut(parent) {
        map.remove(&name);
    }
}

fn refusal(conflicts: &[(String, String)]) -> Answer {
    let count = conflicts.len();
    let (manager, _) = conflicts.first().cloned().unwrap_or_default();
    let lines: Vec<String> = conflicts
        .iter()
        .map(|(_, path)| format!("- {path}"))
        .collect();
    let noun = if count == 1 { "conflict" } else { "conflicts" };
    let message = format!(
        "Apply failed with {count} {noun}: conflicts with \"{manager}\":\n{}",
        lines.join("\n")
    );
    let cause = |(manager, path): &(String, String)| {
        json!({
            "reason": "FieldManagerConflict",
            "message": format!("conflict with \"{manager}\""),
            "field": path,
        })
    };
    let causes: Vec<Value> = conflicts.iter().map(cause).collect();
    reply::refuse(
        StatusCode::CONFLICT,
        "Conflict",
        &message,
        &json!({ "causes": causes }),
    )
}
