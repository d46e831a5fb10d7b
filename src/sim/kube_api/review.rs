//! "May I?" and "Who am I?": the reviews a client posts about itself.
//!
//! They are answered from the switches and never stored. Invariant: what a review allows, a request
//! is allowed to do.

use hyper::StatusCode;
use serde_json::{Value, json};

use super::super::USER;
use super::super::shared::Shared;
use super::Ask;
use super::reply::{self, Answer};

pub(crate) fn answer(shared: &Shared, ask: &Ask, kind: &str) -> Answer {
    let Ok(review) = serde_json::from_slice::<Value>(&ask.body) else {
        return reply::bad_request("the object provided is unrecognized");
    };
    let answer = match kind {
        "SelfSubjectAccessReview" => access(shared, &review["spec"]),
        _ => json!({
            "kind": kind,
            "apiVersion": "authentication.k8s.io/v1",
            "metadata": {},
            "status": { "userInfo": {
                "username": USER,
                "groups": ["system:masters", "system:authenticated"],
            } },
        }),
    };
    reply::json_value(StatusCode::CREATED, &answer)
}

fn access(shared: &Shared, spec: &Value) -> Value {
    let text = |field: &str| {
        spec["resourceAttributes"][field]
            .as_str()
            .unwrap_or_default()
    };
    let resource = match (text("resource"), text("subresource"), text("group")) {
        (resource, "", "metrics.k8s.io") => format!("{resource}.metrics.k8s.io"),
        (resource, "", _) => resource.to_owned(),
        (resource, subresource, _) => format!("{resource}/{subresource}"),
    };
    let allowed = !shared.switches().forbids(text("verb"), &resource);
    json!({
        "kind": "SelfSubjectAccessReview",
        "apiVersion": "authorization.k8s.io/v1",
        "metadata": {},
        "spec": spec,
        "status": { "allowed": allowed },
    })
}
