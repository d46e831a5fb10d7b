//! What MetalLB's kinds may contain: the part of their CRD schemas that a writer can run into, and MetalLB's defaults.
//!
//! Invariant: an unknown field is dropped or refused, a known one of the wrong type is always refused, in the words of a
//! real server.

use serde_json::{Map, Value, json};

use super::super::resource::Kind;

/// The type of a field.
#[derive(Debug, Clone, Copy)]
enum Type {
    Text,
    Flag,
    Number,
    /// A list of texts.
    Texts,
    /// A list of objects with these fields.
    List(&'static [Field]),
    Object(&'static [Field]),
    /// Any keys, each with a text.
    Labels,
}

type Field = (&'static str, Type);

const EXPRESSION: &[Field] = &[
    ("key", Type::Text),
    ("operator", Type::Text),
    ("values", Type::Texts),
];
const SELECTOR: &[Field] = &[
    ("matchLabels", Type::Labels),
    ("matchExpressions", Type::List(EXPRESSION)),
];
const SELECTORS: Type = Type::List(SELECTOR);

const POOL: &[Field] = &[
    ("addresses", Type::Texts),
    ("autoAssign", Type::Flag),
    ("avoidBuggyIPs", Type::Flag),
    (
        "serviceAllocation",
        Type::Object(&[
            ("priority", Type::Number),
            ("namespaces", Type::Texts),
            ("namespaceSelectors", SELECTORS),
            ("serviceSelectors", SELECTORS),
        ]),
    ),
];
const L2: &[Field] = &[
    ("ipAddressPools", Type::Texts),
    ("ipAddressPoolSelectors", SELECTORS),
    ("nodeSelectors", SELECTORS),
    ("serviceSelectors", SELECTORS),
    ("interfaces", Type::Texts),
];
const BGP: &[Field] = &[
    ("aggregationLength", Type::Number),
    ("aggregationLengthV6", Type::Number),
    ("localPref", Type::Number),
    ("communities", Type::Texts),
    ("ipAddressPools", Type::Texts),
    ("ipAddressPoolSelectors", SELECTORS),
    ("nodeSelectors", SELECTORS),
    ("serviceSelectors", SELECTORS),
    ("peers", Type::Texts),
];
const PEER: &[Field] = &[
    ("myASN", Type::Number),
    ("peerASN", Type::Number),
    ("dynamicASN", Type::Text),
    ("localASN", Type::Number),
    ("peerAddress", Type::Text),
    ("interface", Type::Text),
    ("sourceAddress", Type::Text),
    ("peerPort", Type::Number),
    ("holdTime", Type::Text),
    ("keepaliveTime", Type::Text),
    ("connectTime", Type::Text),
    ("routerID", Type::Text),
    ("nodeSelectors", SELECTORS),
    ("password", Type::Text),
    (
        "passwordSecret",
        Type::Object(&[("name", Type::Text), ("namespace", Type::Text)]),
    ),
    ("bfdProfile", Type::Text),
    ("ebgpMultiHop", Type::Flag),
    ("vrf", Type::Text),
    ("disableMP", Type::Flag),
    ("enableGracefulRestart", Type::Flag),
    ("dualStackAddressFamily", Type::Flag),
];
const BFD: &[Field] = &[
    ("receiveInterval", Type::Number),
    ("transmitInterval", Type::Number),
    ("detectMultiplier", Type::Number),
    ("echoInterval", Type::Number),
    ("echoMode", Type::Flag),
    ("passiveMode", Type::Flag),
    ("minimumTtl", Type::Number),
];
const COMMUNITY: &[Field] = &[(
    "communities",
    Type::List(&[("name", Type::Text), ("value", Type::Text)]),
)];

/// Fields of `spec` that came later than the kind, with the release of MetalLB that brought them.
const LATER: &[(Kind, &str, (u32, u32))] = &[
    (Kind::IpAddressPool, "serviceAllocation", (13, 9)),
    (Kind::L2Advertisement, "serviceSelectors", (16, 0)),
    (Kind::BgpAdvertisement, "serviceSelectors", (16, 0)),
    (Kind::BgpPeer, "dynamicASN", (14, 9)),
    (Kind::BgpPeer, "interface", (15, 0)),
    (Kind::BgpPeer, "localASN", (16, 0)),
];

/// What is wrong with an object.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    /// Paths of fields that the schema does not know; they have been dropped.
    pub(crate) unknown: Vec<String>,
    /// Field and message of values that cannot be.
    pub(crate) wrong: Vec<(String, String)>,
}

/// Holds an object of MetalLB against the schema of its release, drops what is unknown and fills in what has a default.
/// `has` says whether the release is at least 0.MINOR.PATCH.
pub(crate) fn check(kind: Kind, object: &mut Value, has: impl Fn(u32, u32) -> bool) -> Faults {
    let mut faults = Faults::default();
    let Some(fields) = fields(kind) else {
        return faults;
    };
    for (_, field, (minor, patch)) in LATER.iter().filter(|(of, ..)| *of == kind) {
        let spec = object.get_mut("spec").and_then(Value::as_object_mut);
        if !has(*minor, *patch) && spec.is_some_and(|it| it.remove(*field).is_some()) {
            faults.unknown.push(format!("spec.{field}"));
        }
    }
    if let Some(top) = object.as_object_mut() {
        top.retain(|name, _| {
            let is_known =
                ["metadata", "spec", "status", "kind", "apiVersion"].contains(&name.as_str());
            if !is_known {
                faults.unknown.push(name.clone());
            }
            is_known
        });
    }
    let is_pool = kind == Kind::IpAddressPool;
    match object.get_mut("spec") {
        Some(spec) if !spec.is_null() => walk(spec, "spec", Type::Object(fields), &mut faults),
        _ if is_pool => faults.wrong.push(required("spec")),
        _ => {}
    }
    if is_pool && object["spec"].is_object() {
        if object["spec"]["addresses"].is_null() {
            faults.wrong.push(required("spec.addresses"));
        }
        let spec = &mut object["spec"];
        for (field, default) in [("autoAssign", true), ("avoidBuggyIPs", false)] {
            if spec.get(field).is_none() {
                spec[field] = json!(default);
            }
        }
    }
    faults
}

fn fields(kind: Kind) -> Option<&'static [Field]> {
    Some(match kind {
        Kind::IpAddressPool => POOL,
        Kind::L2Advertisement => L2,
        Kind::BgpAdvertisement => BGP,
        Kind::BgpPeer => PEER,
        Kind::BfdProfile => BFD,
        Kind::Community => COMMUNITY,
        _ => return None,
    })
}

fn walk(value: &mut Value, path: &str, wanted: Type, faults: &mut Faults) {
    match (wanted, value) {
        (Type::Text, Value::String(_)) | (Type::Flag, Value::Bool(_)) => {}
        (Type::Number, Value::Number(number)) if number.is_i64() => {}
        (Type::Texts, Value::Array(items)) => {
            for (index, item) in items.iter_mut().enumerate() {
                walk(item, &format!("{path}[{index}]"), Type::Text, faults);
            }
        }
        (Type::List(fields), Value::Array(items)) => {
            for (index, item) in items.iter_mut().enumerate() {
                walk(
                    item,
                    &format!("{path}[{index}]"),
                    Type::Object(fields),
                    faults,
                );
            }
        }
        (Type::Object(fields), Value::Object(map)) => known_only(map, path, fields, faults),
        (Type::Labels, Value::Object(map)) => {
            for (key, item) in map.iter_mut() {
                walk(item, &format!("{path}.{key}"), Type::Text, faults);
            }
        }
        (wanted, value) => {
            let found = name_of(value);
            let message = format!(
                "Invalid value: \"{found}\": {path} in body must be of type {}: \"{found}\"",
                wanted.word()
            );
            faults.wrong.push((path.to_owned(), message));
        }
    }
}

fn known_only(
    map: &mut Map<String, Value>,
    path: &str,
    fields: &'static [Field],
    faults: &mut Faults,
) {
    map.retain(|name, value| {
        let inner = format!("{path}.{name}");
        let field = fields.iter().find(|(known, _)| known == name);
        if let Some((_, wanted)) = field {
            walk(value, &inner, *wanted, faults);
        } else {
            faults.unknown.push(inner);
        }
        field.is_some()
    });
}

fn required(path: &str) -> (String, String) {
    (path.to_owned(), "Required value".to_owned())
}

impl Type {
    fn word(self) -> &'static str {
        match self {
            Type::Text => "string",
            Type::Flag => "boolean",
            Type::Number => "integer",
            Type::Texts | Type::List(_) => "array",
            Type::Object(_) | Type::Labels => "object",
        }
    }
}

fn name_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_i64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_fields_are_dropped_and_wrong_types_named() {
        let mut pool = json!({ "metadata": {}, "extra": 1, "spec": {
            "addresses": "10.0.0.0/24", "autoAsign": true,
            "serviceAllocation": { "priority": "high", "serviceSelectors": [{ "matchLabel": {} }] },
        } });
        let newest = |_, _| true;
        let faults = check(Kind::IpAddressPool, &mut pool, newest);
        assert_eq!(
            faults.unknown,
            [
                "extra",
                "spec.autoAsign",
                "spec.serviceAllocation.serviceSelectors[0].matchLabel"
            ]
        );
        let wrong: Vec<&str> = faults.wrong.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(wrong, ["spec.addresses", "spec.serviceAllocation.priority"]);
        assert_eq!(pool["spec"]["autoAssign"], true, "a default");
        assert!(pool.get("extra").is_none());
        let mut bare = json!({ "metadata": {} });
        assert!(
            check(Kind::L2Advertisement, &mut bare, newest)
                .wrong
                .is_empty()
        );
        assert_eq!(check(Kind::IpAddressPool, &mut bare, newest).wrong.len(), 1);
        let mut early = json!({ "metadata": {}, "spec": { "serviceSelectors": [] } });
        let faults = check(Kind::L2Advertisement, &mut early, |minor, _| minor < 16);
        assert_eq!(faults.unknown, ["spec.serviceSelectors"]);
    }
}
