//! Patches on JSON trees: merge patch (RFC 7396), the part of strategic merge patch that nodes
//! and pods need, and the difference of two trees as a merge patch.
//!
//! It knows no objects. Invariant: `merge_patch(a, difference(a, b))` makes `b` of `a`, as long
//! as `b` holds no nulls.

use serde_json::{Map, Value};

/// Lists of objects that a strategic merge patch merges by a key; all others are replaced.
const MERGED_LISTS: [(&str, &str); 5] = [
    ("conditions", "type"),
    ("addresses", "type"),
    ("containers", "name"),
    ("volumes", "name"),
    ("ownerReferences", "uid"),
];

/// Applies a merge patch: null removes, objects merge, everything else replaces.
pub(crate) fn merge_patch(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        target.clone_from(patch);
        return;
    };
    let mut merged = into_object(target);
    for (name, change) in patch {
        match change {
            Value::Null => {
                merged.remove(name);
            }
            _ => merge_patch(merged.entry(name.clone()).or_insert(Value::Null), change),
        }
    }
    *target = Value::Object(merged);
}

/// Applies a strategic merge patch: like a merge patch, but lists with a merge key are merged.
pub(crate) fn strategic_patch(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        target.clone_from(patch);
        return;
    };
    let mut merged = into_object(target);
    for (name, change) in patch {
        let entry = || MERGED_LISTS.iter().find(|(list, _)| list == name);
        match (change, entry()) {
            (Value::Null, _) => {
                merged.remove(name);
            }
            (Value::Array(changes), Some((_, key))) => {
                merge_list(
                    merged.entry(name.clone()).or_insert(Value::Null),
                    changes,
                    key,
                );
            }
            _ => strategic_patch(merged.entry(name.clone()).or_insert(Value::Null), change),
        }
    }
    *target = Value::Object(merged);
}

/// What must be merged into `from` to make it `to`; `None` if nothing.
pub(crate) fn difference(from: &Value, to: &Value) -> Option<Value> {
    let (Value::Object(before), Value::Object(after)) = (from, to) else {
        return (from != to).then(|| to.clone());
    };
    let mut patch = Map::new();
    for (name, value) in after {
        let change = match before.get(name) {
            Some(old) => difference(old, value),
            None => Some(value.clone()),
        };
        patch.extend(change.map(|change| (name.clone(), change)));
    }
    let gone = before.keys().filter(|name| !after.contains_key(*name));
    patch.extend(gone.map(|name| (name.clone(), Value::Null)));
    (!patch.is_empty()).then_some(Value::Object(patch))
}

fn merge_list(target: &mut Value, changes: &[Value], key: &str) {
    if !target.is_array() {
        *target = Value::Array(Vec::new());
    }
    let Value::Array(items) = target else { return };
    for change in changes {
        let same = |item: &Value| item.get(key).is_some() && item.get(key) == change.get(key);
        let found = items.iter().position(same);
        let deletes = change.get("$patch").and_then(Value::as_str) == Some("delete");
        match (found, deletes) {
            (Some(place), true) => {
                items.remove(place);
            }
            (Some(place), false) => {
                if let Some(item) = items.get_mut(place) {
                    strategic_patch(item, change);
                }
            }
            (None, true) => {}
            (None, false) => items.push(change.clone()),
        }
    }
}

/// Takes the fields out of a value; anything but an object counts as empty, as RFC 7396 says.
fn into_object(value: &mut Value) -> Map<String, Value> {
    match value.take() {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{difference, merge_patch, strategic_patch};

    #[test]
    fn null_removes_and_lists_replace() {
        let mut value = json!({ "a": 1, "b": { "c": [1, 2], "d": 3 } });
        merge_patch(&mut value, &json!({ "a": null, "b": { "c": [9] } }));
        assert_eq!(value, json!({ "b": { "c": [9], "d": 3 } }));
    }

    #[test]
    fn strategic_lists_merge_by_their_key() {
        let mut value = json!({ "conditions": [{ "type": "Ready", "status": "True", "x": 1 }] });
        let patch = json!({ "conditions": [
            { "type": "Ready", "status": "False" },
            { "type": "New", "status": "True" },
        ] });
        strategic_patch(&mut value, &patch);
        let expected = json!({ "conditions": [
            { "type": "Ready", "status": "False", "x": 1 },
            { "type": "New", "status": "True" },
        ] });
        assert_eq!(value, expected);
    }

    #[test]
    fn a_difference_merged_gives_the_other_tree() {
        let check = |from: Value, to: Value| {
            let mut made = from.clone();
            if let Some(patch) = difference(&from, &to) {
                merge_patch(&mut made, &patch);
            }
            assert_eq!(made, to);
        };
        check(json!({ "a": 1 }), json!({ "a": 1 }));
        check(
            json!({ "a": 1, "b": { "c": 1 } }),
            json!({ "b": { "d": [1] } }),
        );
        check(json!({}), json!({ "a": { "b": {} } }));
    }
}
