//! Answers: JSON, plain text, and every Status the simulated server refuses with.
//!
//! It decides nothing. Invariant: the words are those of a real kube-apiserver, because clients
//! read them.

use std::io;

use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};
use serde_json::{Value, json};

use super::super::USER;
use super::address::Place;

/// A body that may be a stream and may break.
pub(crate) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// What goes back to the client.
pub(crate) type Answer = Response<Body>;

/// Any body with any content type.
pub(crate) fn with_body(code: StatusCode, content_type: &'static str, body: Body) -> Answer {
    let mut answer = Response::new(body);
    *answer.status_mut() = code;
    let headers = answer.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

pub(crate) fn json_text(code: StatusCode, text: String) -> Answer {
    with_body(code, "application/json", whole(text))
}

pub(crate) fn json_value(code: StatusCode, value: &Value) -> Answer {
    json_text(code, format!("{value}\n"))
}

pub(crate) fn text(code: StatusCode, text: &'static str) -> Answer {
    with_body(code, "text/plain; charset=utf-8", whole(text.to_owned()))
}

/// A body that is known whole.
pub(crate) fn whole(text: String) -> Body {
    let body = Full::new(Bytes::from(text));
    body.map_err(|never| match never {}).boxed_unsync()
}

/// A Status of failure.
pub(crate) fn failure(code: u16, reason: &str, message: &str, details: &Value) -> Value {
    let mut status = json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": code,
    });
    if !details.is_null() {
        status["details"] = details.clone();
    }
    status
}

/// An answer that is a Status of failure.
pub(crate) fn refuse(code: StatusCode, reason: &str, message: &str, details: &Value) -> Answer {
    json_value(code, &failure(code.as_u16(), reason, message, details))
}

/// The Status for a code alone, as a fault asks for it.
pub(crate) fn status(code: u16, retry_after: Option<u64>) -> Answer {
    let (reason, message) = match code {
        401 => ("Unauthorized", "Unauthorized"),
        403 => ("Forbidden", "forbidden"),
        404 => (
            "NotFound",
            "the server could not find the requested resource",
        ),
        409 => ("Conflict", "the object has been modified"),
        410 => ("Expired", "too old resource version"),
        429 => (
            "TooManyRequests",
            "too many requests, please try again later",
        ),
        500 => (
            "InternalError",
            "Internal error occurred: context deadline exceeded",
        ),
        503 => (
            "ServiceUnavailable",
            "the server is currently unable to handle the request",
        ),
        504 => (
            "Timeout",
            "request did not complete within the allotted timeout",
        ),
        _ => (
            "",
            "an error on the server has prevented the request from succeeding",
        ),
    };
    let details = match retry_after {
        Some(seconds) => json!({ "retryAfterSeconds": seconds }),
        None => Value::Null,
    };
    let code = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut answer = refuse(code, reason, message, &details);
    if let Some(seconds) = retry_after {
        answer
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    answer
}

pub(crate) fn unauthorized() -> Answer {
    refuse(
        StatusCode::UNAUTHORIZED,
        "Unauthorized",
        "Unauthorized",
        &Value::Null,
    )
}

pub(crate) fn forbidden(verb: &str, place: &Place) -> Answer {
    let resource = place.resource();
    let plural = match place.subresource {
        "" => resource.plural.to_owned(),
        subresource => format!("{}/{subresource}", resource.plural),
    };
    let scope = match &place.namespace {
        Some(namespace) => format!("in the namespace \"{namespace}\""),
        None => "at the cluster scope".to_owned(),
    };
    let what = with_name(place);
    let message = format!(
        "{what} is forbidden: User \"{USER}\" cannot {verb} resource \"{plural}\" in API group \
         \"{}\" {scope}",
        place.group,
    );
    refuse(
        StatusCode::FORBIDDEN,
        "Forbidden",
        &message,
        &details(place),
    )
}

pub(crate) fn not_found(place: &Place) -> Answer {
    let message = format!("{} not found", with_name(place));
    refuse(StatusCode::NOT_FOUND, "NotFound", &message, &details(place))
}

pub(crate) fn no_resource() -> Answer {
    let message = "the server could not find the requested resource";
    refuse(StatusCode::NOT_FOUND, "NotFound", message, &json!({}))
}

pub(crate) fn not_found_text() -> Answer {
    text(StatusCode::NOT_FOUND, "404 page not found\n")
}

pub(crate) fn method_not_allowed() -> Answer {
    let message = "the server does not allow this method on the requested resource";
    refuse(
        StatusCode::METHOD_NOT_ALLOWED,
        "MethodNotAllowed",
        message,
        &json!({}),
    )
}

pub(crate) fn bad_request(message: &str) -> Answer {
    refuse(StatusCode::BAD_REQUEST, "BadRequest", message, &Value::Null)
}

pub(crate) fn invalid(place: &Place, message: &str, field: &str) -> Answer {
    let mut details = details(place);
    details["causes"] =
        json!([{ "reason": "FieldValueInvalid", "message": message, "field": field }]);
    let what = place.resource().name;
    let name = place.name.as_deref().unwrap_or_default();
    let message = format!("{what} \"{name}\" is invalid: {field}: {message}");
    refuse(
        StatusCode::UNPROCESSABLE_ENTITY,
        "Invalid",
        &message,
        &details,
    )
}

/// Several values that cannot be, each with its field and message.
pub(crate) fn invalid_fields(place: &Place, wrong: &[(String, String)]) -> Answer {
    let resource = place.resource();
    let name = place.name.as_deref().unwrap_or_default();
    let cause = |(field, message): &(String, String)| {
        let reason = if message == "Required value" {
            "FieldValueRequired"
        } else if message.contains("must be of type") {
            "FieldValueTypeInvalid"
        } else {
            "FieldValueInvalid"
        };
        json!({ "reason": reason, "message": message, "field": field })
    };
    let mut details = json!({ "name": name, "kind": resource.name });
    if !resource.group.is_empty() {
        details["group"] = json!(resource.group);
    }
    details["causes"] = wrong.iter().map(cause).collect();
    let words: Vec<String> = wrong
        .iter()
        .map(|(field, message)| format!("{field}: {message}"))
        .collect();
    let words = match words.as_slice() {
        [one] => one.clone(),
        several => format!("[{}]", several.join(", ")),
    };
    let kind = match resource.group {
        "" => resource.name.to_owned(),
        group => format!("{}.{group}", resource.name),
    };
    let message = format!("{kind} \"{name}\" is invalid: {words}");
    let code = StatusCode::UNPROCESSABLE_ENTITY;
    refuse(code, "Invalid", &message, &details)
}

/// There is one of that name.
pub(crate) fn exists(place: &Place) -> Answer {
    let message = format!("{} already exists", with_name(place));
    let code = StatusCode::CONFLICT;
    refuse(code, "AlreadyExists", &message, &details(place))
}

pub(crate) fn conflict(place: &Place, why: &str) -> Answer {
    let message = format!(
        "Operation cannot be fulfilled on {}: {why}",
        with_name(place)
    );
    refuse(StatusCode::CONFLICT, "Conflict", &message, &details(place))
}

pub(crate) fn unsupported_media_type(accepted: &str) -> Answer {
    let message = format!(
        "the body of the request was in an unknown format - accepted media types include: {accepted}"
    );
    let code = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    refuse(code, "UnsupportedMediaType", &message, &Value::Null)
}

pub(crate) fn too_large(limit: usize) -> Answer {
    let message = format!("Request entity too large: limit is {limit}");
    let code = StatusCode::PAYLOAD_TOO_LARGE;
    refuse(code, "RequestEntityTooLarge", &message, &Value::Null)
}

/// `details` of a Status about a resource or an object.
pub(crate) fn details(place: &Place) -> Value {
    let mut details = json!({ "kind": place.resource().plural });
    if let Some(name) = &place.name {
        details["name"] = json!(name);
    }
    if !place.group.is_empty() {
        details["group"] = json!(place.group);
    }
    details
}

/// `nodes "rpi-01"` or `leases.coordination.k8s.io`
fn with_name(place: &Place) -> String {
    let resource = match place.group {
        "" => place.resource().plural.to_owned(),
        group => format!("{}.{group}", place.resource().plural),
    };
    match &place.name {
        Some(name) => format!("{resource} \"{name}\""),
        None => resource,
    }
}
