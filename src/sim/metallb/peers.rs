//! The few things about a BGP peer that MetalLB's webhook refuses at once.

use serde_json::Value;

pub(super) fn complaint(spec: &Value) -> Option<String> {
    let has =
        |field: &str| !matches!(&spec[field], Value::Null) && spec[field] != "" && spec[field] != 0;
    let words = if !has("myASN") {
        "missing local ASN"
    } else if !has("peerASN") && !has("dynamicASN") {
        "missing peer ASN"
    } else if has("peerASN") && has("dynamicASN") {
        "both peerASN and dynamicASN are set"
    } else if !has("peerAddress") && !has("interface") {
        "peer has neither address nor interface"
    } else if has("peerAddress") && has("interface") {
        "peer has both address and interface"
    } else if has("password") && has("passwordSecret") {
        "both password and passwordSecret are set"
    } else {
        return None;
    };
    Some(words.to_owned())
}
