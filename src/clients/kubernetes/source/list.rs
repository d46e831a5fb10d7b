//! Listing one kind: in pages for the big ones, item by item as the bytes come.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use http_body_util::BodyExt;
use tokio::time::{Instant, timeout_at};

use super::asking;
use crate::clients::kubernetes::cause::Cause;
use crate::clients::kubernetes::connection::Connection;
use crate::clients::kubernetes::decode::{self, Kind};
use crate::clients::kubernetes::error::Error;
use crate::clients::kubernetes::line::Line;
use crate::clients::kubernetes::split::{Fault, ListHead, Splitter};

/// One page at most; a slow server with many pods needs its time.
const WHOLE: Duration = Duration::from_secs(60);
/// No byte for so long and it is dead.
const SILENCE: Duration = Duration::from_secs(15);

/// Everything there is of one kind, at one version.
pub(in crate::clients::kubernetes) struct Listed<K> {
    pub(in crate::clients::kubernetes) items: Vec<K>,
    pub(in crate::clients::kubernetes) version: Box<str>,
    /// Objects that could not be read, and why.
    pub(in crate::clients::kubernetes) failed: BTreeMap<String, String>,
}

/// How to ask: from the server's memory, which is quickest and works even when its datastore does not, or in pages,
/// or for everything at once when paging took so long that the server forgot where we were.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Memory,
    Pages(u32),
    Whole,
}

/// Lists one kind. With `needs_fresh` the server's memory is not trusted.
pub(in crate::clients::kubernetes) async fn list<K: Kind>(
    connection: &Connection,
    place: &str,
    needs_fresh: bool,
    line: Option<&Line>,
) -> Result<Listed<K>, Error> {
    let way = match K::PAGE {
        Some(size) => Way::Pages(size),
        None if needs_fresh => Way::Whole,
        None => Way::Memory,
    };
    match pages(connection, place, way, line).await {
        // The rest of a forgotten list can be had, but not a version that fits all of it: begin again.
        Err(Error::Expired) if way != Way::Whole => {
            pages(connection, place, Way::Whole, line).await
        }
        result => result,
    }
}

async fn pages<K: Kind>(
    connection: &Connection,
    place: &str,
    way: Way,
    line: Option<&Line>,
) -> Result<Listed<K>, Error> {
    let mut listed = Listed {
        items: Vec::new(),
        version: Box::default(),
        failed: BTreeMap::new(),
    };
    let mut more = String::new();
    loop {
        let head = page(connection, &path::<K>(place, way, &more), &mut listed, line).await?;
        let version = head.metadata.resource_version;
        more = head.metadata.more;
        if more.is_empty() && version.is_empty() {
            return Err(Error::Unreadable {
                what: format!("the list of {}", K::SOURCE.word()),
                why: "it has no resourceVersion".to_owned(),
            });
        }
        if more.is_empty() {
            listed.version = version.into();
            return Ok(listed);
        }
    }
}

fn path<K: Kind>(place: &str, way: Way, more: &str) -> String {
    let mut path = with_query(place, K::QUERY);
    match way {
        Way::Memory => path.push_str("resourceVersion=0&"),
        Way::Pages(size) => {
            let _ = write!(path, "limit={size}&");
        }
        Way::Whole => {}
    }
    if !more.is_empty() {
        path.push_str("continue=");
        push_encoded(&mut path, more);
    }
    path.trim_end_matches(['&', '?']).to_owned()
}

/// A path that may have a query already, with more of it, ready for the next option.
pub(super) fn with_query(place: &str, query: &str) -> String {
    let mark = if place.contains('?') { '&' } else { '?' };
    let end = if query.is_empty() { "" } else { "&" };
    format!("{place}{mark}{query}{end}")
}

/// Percent-encodes what the server told us to send back.
pub(in crate::clients::kubernetes) fn push_encoded(path: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            path.push(char::from(byte));
        } else {
            let _ = write!(path, "%{byte:02X}");
        }
    }
}

async fn page<K: Kind>(
    connection: &Connection,
    path: &str,
    listed: &mut Listed<K>,
    line: Option<&Line>,
) -> Result<ListHead, Error> {
    let deadline = Instant::now() + WHOLE;
    let response = connection.open(path, asking(K::SOURCE), SILENCE).await?;
    let kind = content_type(&response);
    let mut body = response.into_body();
    let mut splitter = Splitter::default();
    let mut each = |json: &[u8]| match decode::object::<K>(json) {
        Ok(object) => listed.items.push(object.item),
        Err(failed) => {
            listed.failed.insert(failed.name, failed.why);
        }
    };
    let unreadable = |fault: Fault| connection.not_kubernetes(format!("{fault} ({kind})"));
    loop {
        let until = deadline.min(Instant::now() + SILENCE);
        let frame = match timeout_at(until, body.frame()).await {
            Ok(None) => break,
            Ok(Some(Ok(frame))) => frame,
            Ok(Some(Err(error))) => return Err(connection.fault(&error)),
            Err(_) => return Err(connection.silent(SILENCE)),
        };
        if let Some(line) = line {
            line.bytes_came().await;
        }
        if let Ok(bytes) = frame.into_data() {
            splitter.push(&bytes, &mut each).map_err(unreadable)?;
        }
    }
    splitter.finish().map_err(|fault| match fault {
        Fault::Short => Error::Unreachable {
            server: Box::new(connection.server().clone()),
            cause: Cause::Closed,
        },
        fault => unreadable(fault),
    })
}

pub(super) fn content_type<B>(response: &http::Response<B>) -> String {
    let value = response.headers().get(http::header::CONTENT_TYPE);
    let text = value.and_then(|value| value.to_str().ok());
    text.unwrap_or("no content type").to_owned()
}
