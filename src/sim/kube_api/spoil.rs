//! Answers that are wrong on purpose, as proxies, dying servers and bad lines make them.
//!
//! Only what a test asked for. Invariant: each fault is exactly what its name says; the connection
//! stays usable unless the fault is that it does not.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, stream};
use http_body_util::{BodyExt, StreamBody};
use hyper::StatusCode;
use hyper::body::{Bytes, Frame};
use tokio::time::sleep;

use super::super::shared::{Fault, Shared};
use super::Ask;
use super::reply::{self, Answer};

const PAGE: &str = "<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head>\n\
    <body><center><h1>502 Bad Gateway</h1></center><hr><center>nginx</center></body></html>\n";

const HALF_LIST: &str = r#"{"kind":"List","apiVersion":"v1","metadata":{"resourceVersion":"1"},"items":[{"metadata":{"name":"rpi-0"#;

const HALF_LINE: &str =
    r#"{"type":"MODIFIED","object":{"kind":"Node","apiVersion":"v1","metadata":{"name":"rpi-0"#;

pub(crate) async fn answer(shared: &Arc<Shared>, ask: &Ask, fault: Fault) -> Answer {
    let half = if ask.query.is_watch() {
        HALF_LINE
    } else {
        HALF_LIST
    };
    match fault {
        Fault::Status(code, retry_after) => reply::status(code, retry_after),
        Fault::Unauthorized => reply::unauthorized(),
        Fault::Html(code) => {
            let code = StatusCode::from_u16(code).unwrap_or(StatusCode::BAD_GATEWAY);
            reply::with_body(code, "text/html", reply::whole(PAGE.to_owned()))
        }
        Fault::HalfLine => reply::json_text(StatusCode::OK, half.to_owned()),
        Fault::Garbage => {
            let garbage = "\u{1}\u{2}{]\"\u{1b}[31m\n\0\0 this is not JSON\n";
            reply::json_text(StatusCode::OK, garbage.to_owned())
        }
        Fault::CloseMidWay => {
            let sent = stream::iter([Ok(Frame::data(Bytes::from_static(half.as_bytes())))]);
            let broken = stream::once(async {
                // The half that was sent needs a moment to leave.
                sleep(Duration::from_millis(20)).await;
                Err(io::Error::from(io::ErrorKind::ConnectionAborted))
            });
            let body = StreamBody::new(sent.chain(broken)).boxed_unsync();
            reply::with_body(StatusCode::OK, "application/json", body)
        }
        Fault::Slow(time) => {
            sleep(time).await;
            super::dispatch(shared, ask).await
        }
        Fault::HugeLine(bytes) => {
            let answer = super::dispatch(shared, ask).await;
            answer.map(|body| {
                let huge = Frame::data(Bytes::from(huge_line(bytes)));
                let rest = body.into_data_stream().map(|data| data.map(Frame::data));
                let first = stream::once(async move { Ok(huge) });
                StreamBody::new(first.chain(rest)).boxed_unsync()
            })
        }
    }
}

/// A valid watch line about a node that nobody has, with an annotation of that size.
fn huge_line(bytes: usize) -> String {
    format!(
        concat!(
            r#"{{"type":"ADDED","object":{{"kind":"Node","apiVersion":"v1","#,
            r#""metadata":{{"name":"huge","uid":"00000000-0000-4000-8000-000000000000","#,
            r#""resourceVersion":"1","annotations":{{"huge":"{}"}}}},"spec":{{}},"status":{{}}}}}}"#,
            "\n"
        ),
        "x".repeat(bytes)
    )
}
