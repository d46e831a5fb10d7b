//! What stands between a write and the store: the schema, the defaults, and MetalLB's webhook.
//!
//! Invariant: what a real server with MetalLB refuses is refused here with the same code and words; what it lets through
//! with a warning gets the warning.

use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use super::super::metallb;
use super::super::random::hash;
use super::super::resource::{Kind, METALLB};
use super::super::services;
use super::super::world::World;
use super::Ask;
use super::address::Place;
use super::reply::{self, Answer};
use super::schema;

/// Warnings for the client, or the refusal.
type Verdict = Result<Vec<String>, Box<Answer>>;

/// Looks at an object that is to be stored; `before` is what it replaces.
pub(super) fn admit(
    world: &World,
    ask: &Ask,
    place: &Place,
    before: Option<&Value>,
    object: &mut Value,
) -> Verdict {
    let resource = place.resource();
    let metallb = world.scenario.metallb.as_ref();
    let has = |minor, patch| metallb.is_none_or(|it| it.is_at_least(minor, patch));
    let faults = schema::check(place.kind, object, has);
    let unknown: Vec<String> = faults
        .unknown
        .iter()
        .map(|path| format!("unknown field \"{path}\""))
        .collect();
    if ask.query.get("fieldValidation") == "Strict" && !unknown.is_empty() {
        let message = format!(
            "{name} in version \"{}\" cannot be handled as a {name}: strict decoding error: {}",
            resource.version,
            unknown.join(", "),
            name = resource.name,
        );
        if ask.method == Method::PATCH && before.is_some() {
            // A patch is refused with the object that it would have made.
            let message = format!(
                "\"\" is invalid: patch: Invalid value: {:?}: strict decoding error: {}",
                object.to_string(),
                unknown.join(", "),
            );
            let code = StatusCode::UNPROCESSABLE_ENTITY;
            return Err(Box::new(reply::refuse(
                code,
                "Invalid",
                &message,
                &json!({}),
            )));
        }
        return Err(Box::new(reply::bad_request(&message)));
    }
    if !faults.wrong.is_empty() {
        return Err(Box::new(reply::invalid_fields(place, &faults.wrong)));
    }
    if place.kind == Kind::Service {
        check_service(place, before, object)?;
        let number = hash(world.seed, &format!("service {}", place.key()));
        services::complete(object, number);
    }
    if resource.group == METALLB {
        webhook(world, place, object)?;
    }
    Ok(match ask.query.get("fieldValidation") {
        "Ignore" => Vec::new(),
        _ => unknown,
    })
}

fn check_service(place: &Place, before: Option<&Value>, object: &Value) -> Result<(), Box<Answer>> {
    let mut wrong = Vec::new();
    let ports = object["spec"]["ports"].as_array();
    for (index, port) in ports.into_iter().flatten().enumerate() {
        let number = port["port"].as_i64().unwrap_or(0);
        if !(1..=65_535).contains(&number) {
            wrong.push((
                format!("spec.ports[{index}].port"),
                format!("Invalid value: {number}: must be between 1 and 65535, inclusive"),
            ));
        }
    }
    let class = &object["spec"]["loadBalancerClass"];
    let had = before.map(|it| &it["spec"]["loadBalancerClass"]);
    if had.is_some_and(|had| !had.is_null() && had != class) {
        wrong.push((
            "spec.loadBalancerClass".to_owned(),
            format!("Invalid value: {class}: may not change once set"),
        ));
    }
    if ports.is_none_or(Vec::is_empty) && object["spec"]["clusterIP"] != "None" {
        wrong.push(("spec.ports".to_owned(), "Required value".to_owned()));
    }
    if wrong.is_empty() {
        return Ok(());
    }
    Err(Box::new(reply::invalid_fields(place, &wrong)))
}

/// MetalLB's own opinion, as long as its controller runs.
fn webhook(world: &World, place: &Place, object: &Value) -> Result<(), Box<Answer>> {
    let Some(plan) = &world.scenario.metallb else {
        return Ok(());
    };
    let resource = place.resource();
    let name = format!(
        "{}validationwebhook.metallb.io",
        resource.name.to_lowercase()
    );
    let validated = [
        Kind::IpAddressPool,
        Kind::L2Advertisement,
        Kind::BgpAdvertisement,
        Kind::BgpPeer,
        Kind::Community,
    ];
    if !validated.contains(&place.kind) {
        return Ok(());
    }
    if !plan.controller {
        let message = format!(
            "Internal error occurred: failed calling webhook \"{name}\": failed to call webhook: Post \
             \"https://metallb-webhook-service.{}.svc:443/validate?timeout=10s\": no endpoints available for service \
             \"metallb-webhook-service\"",
            plan.namespace
        );
        let code = StatusCode::INTERNAL_SERVER_ERROR;
        return Err(Box::new(reply::refuse(
            code,
            "InternalError",
            &message,
            &Value::Null,
        )));
    }
    let place_is_right = place.namespace.as_deref() == Some(&*plan.namespace);
    let complaint = if place_is_right {
        metallb::complaint_about(world, place.kind, &place.key(), object)
    } else {
        Some(format!(
            "resource must be created in {} namespace",
            plan.namespace
        ))
    };
    let Some(complaint) = complaint else {
        return Ok(());
    };
    let message = format!("admission webhook \"{name}\" denied the request: {complaint}");
    let code = StatusCode::FORBIDDEN;
    Err(Box::new(reply::refuse(
        code,
        "Forbidden",
        &message,
        &json!({}),
    )))
}
