//! The smallest JSON merge patch (RFC 7386) that makes one value of another.

use serde_json::{Map, Value};

/// What to send so that `before` becomes `after`; `None` when nothing is to be done. A field that goes is `null`.
pub(super) fn between(before: &Value, after: &Value) -> Option<Value> {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            let patch = of_maps(before, after);
            (!patch.is_empty()).then_some(Value::Object(patch))
        }
        _ => (before != after).then(|| after.clone()),
    }
}

fn of_maps(before: &Map<String, Value>, after: &Map<String, Value>) -> Map<String, Value> {
    let mut patch = Map::new();
    for (key, value) in after {
        // A `null` that is written down means the same as a field that is not there.
        let change = match before.get(key) {
            None if value.is_null() => None,
            None => Some(value.clone()),
            Some(old) => between(old, value),
        };
        patch.extend(change.map(|change| (key.clone(), change)));
    }
    let gone = before.keys().filter(|key| !after.contains_key(*key));
    patch.extend(gone.map(|key| (key.clone(), Value::Null)));
    patch
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_differs_is_sent() {
        for (before, after, expected) in [
            (json!({"a": 1}), json!({"a": 1}), None),
            (
                json!({"a": 1, "b": 2}),
                json!({"a": 3, "b": 2}),
                Some(json!({"a": 3})),
            ),
            (
                json!({"a": 1, "b": 2}),
                json!({"b": 2}),
                Some(json!({"a": null})),
            ),
            (
                json!({"a": {"x": 1, "y": 2}}),
                json!({"a": {"x": 1}}),
                Some(json!({"a": {"y": null}})),
            ),
            (
                json!({"a": [1, 2]}),
                json!({"a": [2]}),
                Some(json!({"a": [2]})),
            ),
            (
                json!({}),
                json!({"a": {"x": 1}}),
                Some(json!({"a": {"x": 1}})),
            ),
            (json!({}), json!({"a": null}), None),
            (
                json!({"a": {"x": 1}}),
                json!({"a": "t"}),
                Some(json!({"a": "t"})),
            ),
        ] {
            assert_eq!(between(&before, &after), expected, "{before} -> {after}");
        }
    }
}
