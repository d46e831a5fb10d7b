//! Watching one kind from a version on: one line per change, each decoded and sent on at once.

use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use tokio::time::{Instant, timeout_at};

use super::list::{content_type, push_encoded, with_query};
use super::{End, Progress, asking, notice};
use crate::clients::kubernetes::decode::{self, Event, Kind};
use crate::clients::kubernetes::error::Error;
use crate::clients::kubernetes::line::{Dial, Line, Report};
use crate::clients::kubernetes::lines::Lines;
use crate::rack::facts::Change;

/// The server sends the head of a watch at once.
const HEAD: Duration = Duration::from_secs(10);
/// Bookmarks come once a minute even when nothing changes; a watch that misses two of them is taken up again.
const SILENCE: Duration = Duration::from_secs(130);
/// How much longer than asked for a watch may last.
const GRACE: Duration = Duration::from_secs(30);
/// So many lines without sense and the version is given up.
const GARBAGE: u32 = 3;

/// Watches until the stream ends, one way or another. Every event moves the version on.
pub(super) async fn watch<K: Kind>(dial: &Dial, progress: &mut Progress, line: &Line) -> End {
    let low = Duration::from_secs(240);
    let length = progress.backoff.between(low, low + Duration::from_secs(55));
    let path = path::<K>(progress, length);
    let connection = &dial.connection;
    let response = match connection.open(&path, asking(K::SOURCE), HEAD).await {
        Ok(response) => response,
        Err(error) => return error.into(),
    };
    line.bytes_came().await;
    line.report(Report::Live(K::SOURCE)).await;
    let kind = content_type(&response);
    let end = Instant::now() + length + GRACE;
    let mut body = response.into_body();
    let mut lines = Lines::default();
    loop {
        let until = end.min(Instant::now() + SILENCE);
        let bytes = match timeout_at(until, body.frame()).await {
            Ok(Some(Ok(frame))) => frame.into_data().unwrap_or_default(),
            // An end, an error, silence: whatever it was, dialling again tells.
            Ok(None | Some(Err(_))) | Err(_) => return End::Over,
        };
        line.bytes_came().await;
        lines.feed(bytes);
        loop {
            match lines.next() {
                Ok(None) => break,
                Ok(Some(text)) => match take::<K>(&text, &kind, dial, progress, line).await {
                    Ok(()) => {}
                    Err(end) => return end,
                },
                Err(_) => return End::Expired,
            }
        }
    }
}

fn path<K: Kind>(progress: &Progress, length: Duration) -> String {
    let mut path = with_query(&progress.path, K::QUERY);
    let seconds = length.as_secs();
    let _ = write!(
        path,
        "watch=true&allowWatchBookmarks=true&timeoutSeconds={seconds}&resourceVersion="
    );
    push_encoded(&mut path, progress.version.as_deref().unwrap_or_default());
    path
}

/// Deals with one line.
async fn take<K: Kind>(
    text: &Bytes,
    kind: &str,
    dial: &Dial,
    progress: &mut Progress,
    line: &Line,
) -> Result<(), End> {
    let (version, change) = match decode::event::<K>(text) {
        Event::Applied(object) => (object.version, Change::Applied(object.item)),
        Event::Deleted(object) => (object.version, Change::Deleted(object.item)),
        Event::Bookmark(version) => {
            progress.move_on(version);
            return Ok(());
        }
        Event::Error { code, message } => {
            return Err(End::Failed(Error::Server { code, message }));
        }
        // What went away cannot be named, so everything is looked at again.
        Event::Expired
        | Event::Failed {
            is_deletion: true, ..
        } => return Err(End::Expired),
        Event::Failed { failed, .. } => {
            if let Some(version) = failed.version.clone() {
                progress.move_on(version);
            }
            line.report(progress.cannot_read::<K>(failed)).await;
            return Ok(());
        }
        Event::Garbage(why) => return Err(garbage::<K>(why, kind, dial, progress)),
    };
    let item = match &change {
        Change::Applied(item) | Change::Deleted(item) => item,
        Change::Listed(_) => return Ok(()),
    };
    if let Some(report) = progress.can_read(item) {
        line.report(report).await;
    }
    notice(&change, line).await;
    line.tell(K::fact(change)).await;
    progress.move_on(version);
    Ok(())
}

/// Something between us and the server, or the server itself, talks nonsense.
fn garbage<K: Kind>(why: String, kind: &str, dial: &Dial, progress: &mut Progress) -> End {
    progress.garbage += 1;
    if progress.garbage >= GARBAGE {
        progress.garbage = 0;
        progress.version = None;
    }
    if kind.contains("json") {
        return End::Failed(Error::Unreadable {
            what: format!("a line of the watch of {}", K::SOURCE.word()),
            why,
        });
    }
    End::Failed(
        dial.connection
            .not_kubernetes(format!("a watch answers with {kind}")),
    )
}

impl Progress {
    /// An event was dealt with: a break after it resumes from here.
    fn move_on(&mut self, version: Box<str>) {
        if !version.is_empty() {
            self.version = Some(version);
        }
        self.garbage = 0;
        self.needs_fresh = false;
    }
}
