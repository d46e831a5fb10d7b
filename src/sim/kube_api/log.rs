//! Logs of pods, as the API server fetches them from a kubelet.
//!
//! It keeps nothing: what is written follows from the pod. Invariant: whatever way a log is cut, asking again from a time
//! brings the same lines.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures::stream;
use http_body_util::{BodyExt, StreamBody};
use hyper::StatusCode;
use hyper::body::{Bytes, Frame};
use jiff::Timestamp;
use serde_json::Value;
use tokio::time::sleep;

use super::super::object::Object;
use super::super::pod::log::Log;
use super::super::pod::{Pod, State};
use super::super::resource::Kind;
use super::super::shared::Shared;
use super::super::stamp;
use super::Ask;
use super::address::Place;
use super::reply::{self, Answer};

/// Lines sent at once.
const BATCH: u64 = 500;
/// How often it is looked whether the container still runs.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// One client that reads.
struct Reader {
    shared: Arc<Shared>,
    key: String,
    log: Log,
    next: u64,
    /// Everything up to here is sent at once.
    end: u64,
    follows: bool,
    has_stamps: bool,
}

pub(crate) fn answer(shared: &Arc<Shared>, ask: &Ask, place: &Place) -> Answer {
    match open(shared, ask, place) {
        Ok(None) => reply::with_body(StatusCode::OK, "text/plain", reply::whole(String::new())),
        Ok(Some(reader)) => {
            let frames = stream::unfold(reader, |mut reader| async move {
                let text = reader.more().await?;
                let frame = Ok::<_, io::Error>(Frame::data(Bytes::from(text)));
                Some((frame, reader))
            });
            let body = StreamBody::new(frames).boxed_unsync();
            reply::with_body(StatusCode::OK, "text/plain", body)
        }
        Err(refusal) => *refusal,
    }
}

fn open(shared: &Arc<Shared>, ask: &Ask, place: &Place) -> Result<Option<Reader>, Box<Answer>> {
    let key = place.key();
    let world = shared.world();
    let Some(pod) = world.pod(&key) else {
        return Err(Box::new(reply::not_found(place)));
    };
    let name = place.name.clone().unwrap_or_default();
    let bad = |message: String| Box::new(reply::bad_request(&message));
    let container = match ask.query.get("container") {
        "" => &pod.workload.name,
        wanted => wanted,
    };
    if *container != *pod.workload.name {
        return Err(bad(format!(
            "container {container} is not valid for pod {name}"
        )));
    }
    let waits = |why: &str| {
        bad(format!(
            "container \"{container}\" in pod \"{name}\" is waiting to start: {why}"
        ))
    };
    match pod.state {
        State::Creating => return Err(waits("ContainerCreating")),
        State::ImagePull => return Err(waits("trying and failing to pull image")),
        State::Unschedulable => {
            return Err(bad(format!("pod {name} does not have a host assigned")));
        }
        _ => {}
    }
    let machine = world.machines.get(pod.node_name());
    if let (Some(machine), Some(place)) = (machine, &pod.place)
        && !machine.alive
    {
        let host = place.host_ip;
        let message = format!(
            "Get \"https://{host}:10250/containerLogs/{key}/{container}\": dial tcp {host}:10250: connect: no route to host"
        );
        return Err(Box::new(reply::refuse(
            StatusCode::INTERNAL_SERVER_ERROR,
            "InternalError",
            &message,
            &Value::Null,
        )));
    }
    let is_previous = ask.query.is_on("previous");
    let Some(log) = Log::of(pod, is_previous) else {
        if is_previous {
            return Err(bad(format!(
                "previous terminated container \"{container}\" in pod \"{name}\" not found"
            )));
        }
        return Ok(None);
    };
    let now = stamp::now_micros() / 1_000;
    let end = log.after(now);
    let since = since(ask, now).map_err(bad)?;
    let mut next = log.first(now);
    if let Some(since) = since {
        next = next.max(log.after(since - 1));
    }
    if let Some(tail) = ask.query.number("tailLines") {
        next = next.max(end.saturating_sub(tail));
    }
    Ok(Some(Reader {
        shared: Arc::clone(shared),
        key,
        next,
        end,
        follows: ask.query.is_on("follow") && !log.is_over(),
        has_stamps: ask.query.is_on("timestamps"),
        log,
    }))
}

/// From when on, in milliseconds. The kubelet counts in whole seconds.
fn since(ask: &Ask, now: i64) -> Result<Option<i64>, String> {
    if let Some(seconds) = ask.query.number("sinceSeconds") {
        return Ok(Some(
            now - i64::try_from(seconds).unwrap_or(i64::MAX / 2_000) * 1_000,
        ));
    }
    match ask.query.get("sinceTime") {
        "" => Ok(None),
        text => {
            let time: Timestamp = text
                .parse()
                .map_err(|_| format!("invalid sinceTime: {text}"))?;
            Ok(Some(time.as_second() * 1_000))
        }
    }
}

impl Reader {
    /// The next lines; `None` ends the log.
    async fn more(&mut self) -> Option<String> {
        loop {
            self.shared.answering().await;
            if self.next < self.end {
                let to = self.end.min(self.next + BATCH);
                let mut text = String::new();
                for number in self.next..to {
                    self.log.write(&mut text, number, self.has_stamps);
                }
                self.next = to;
                return Some(text);
            }
            if !self.follows || !self.is_running() {
                return None;
            }
            let now = stamp::now_micros() / 1_000;
            let wait = self.log.time(self.next).saturating_sub(now);
            let wait = Duration::from_millis(u64::try_from(wait).unwrap_or_default());
            sleep(wait.min(LOOK_EVERY)).await;
            self.end = self.log.after(stamp::now_micros() / 1_000);
        }
    }

    fn is_running(&self) -> bool {
        let world = self.shared.world();
        let runs =
            |pod: &Pod| matches!(pod.state, State::Running | State::Unready | State::Unheard);
        match world.store.get(Kind::Pod, &self.key).map(|it| &*it.object) {
            Some(Object::Pod(pod)) => {
                runs(pod)
                    && world
                        .machines
                        .get(pod.node_name())
                        .is_some_and(|it| it.alive)
            }
            _ => false,
        }
    }
}
