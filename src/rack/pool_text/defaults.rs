//! Fields that the API server fills in where a text leaves them out: there, leaving them out changes nothing.

use std::borrow::Cow;

use serde_json::{Value, json};

/// What the schemas of MetalLB's kinds say, as far as they have defaults: kind, field of `spec`, value.
fn defaults(kind: &str) -> Vec<(&'static str, Value)> {
    match kind {
        "IPAddressPool" => vec![("autoAssign", json!(true)), ("avoidBuggyIPs", json!(false))],
        "BGPAdvertisement" => vec![
            ("aggregationLength", json!(32)),
            ("aggregationLengthV6", json!(128)),
        ],
        "BGPPeer" => vec![
            ("peerPort", json!(179)),
            ("disableMP", json!(false)),
            ("dualStackAddressFamily", json!(false)),
        ],
        _ => Vec::new(),
    }
}

/// The object as it is on the server, without the defaults that `text` does not mention.
pub(super) fn left_out<'a>(kind: &str, known: &'a Value, text: &Value) -> Cow<'a, Value> {
    let field = |object: &Value, name: &str| object.get("spec")?.get(name).cloned();
    let mut known = Cow::Borrowed(known);
    for (name, default) in defaults(kind) {
        if field(text, name).is_none()
            && field(&known, name) == Some(default)
            && let Some(spec) = known
                .to_mut()
                .get_mut("spec")
                .and_then(Value::as_object_mut)
        {
            spec.remove(name);
        }
    }
    known
}
