//! The log of one container, read to its end and, when it is followed, taken up again without gap or repeat.

use std::fmt::Write as _;
use std::time::Duration;

use http_body_util::BodyExt;
use serde::Deserialize;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{sleep, timeout};

use super::Heard;
use super::cut::{Cut, Cutter};
use crate::clients::backoff::Backoff;
use crate::clients::kubernetes::connection::{Asking, Connection};
use crate::clients::kubernetes::error::{Error, Rule};
use crate::clients::kubernetes::source::push_encoded;
use crate::rack::log::resume::Resume;
use crate::rack::log::{ContainerRef, LogLine, LogQuery, SourceId, SourceState};
use crate::rack::problem::Problem;

static LOG: Rule = Rule {
    verbs: "get",
    resource: "pods/log",
    group: "",
    namespace: None,
};
static POD: Rule = Rule {
    verbs: "get",
    resource: "pods",
    group: "",
    namespace: None,
};
/// The kubelet may have to be asked first.
const HEAD: Duration = Duration::from_secs(20);
/// A log may be silent for hours, a line to the server may be dead: after so long it is taken up again.
const SILENCE: Duration = Duration::from_secs(120);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// A log that is not followed is read to its end: so often is it taken up again when it breaks off before, each time
/// without a new line.
const TRIES: u32 = 3;

/// Why a stream of lines is over.
enum Over {
    End,
    /// The line broke while lines came.
    Cut,
    Failed(Error),
}

/// What the pod says of its container.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    /// More may come.
    Lives,
    /// Nothing more will come, and why.
    Ended(String),
}

pub(super) async fn read(
    connection: &Connection,
    query: &LogQuery,
    container: ContainerRef,
    id: SourceId,
    tell: mpsc::Sender<Heard>,
    slots: &Semaphore,
) {
    let mut reader = Reader {
        connection,
        query,
        container,
        id,
        tell,
        slots,
        resume: Resume::default(),
        rest: None,
        told: None,
    };
    let last = reader.run().await;
    let rest = reader.rest.take();
    reader.take(rest.into_iter().collect()).await;
    reader.state(last).await;
}

struct Reader<'a> {
    connection: &'a Connection,
    query: &'a LogQuery,
    container: ContainerRef,
    id: SourceId,
    tell: mpsc::Sender<Heard>,
    slots: &'a Semaphore,
    resume: Resume,
    /// What stood behind the last line end when the stream was over: half a line when it was cut, all of it when the
    /// program writes no line end. Only when nothing more can come is it known which.
    rest: Option<Cut>,
    told: Option<SourceState>,
}

impl Reader<'_> {
    /// Ends with the state that stays.
    async fn run(&mut self) -> SourceState {
        let mut backoff = Backoff::new();
        let mut tries = 0;
        loop {
            let before = self.resume.newest();
            let over = self.stream().await;
            tries += 1;
            if self.resume.newest() != before {
                backoff.reset();
                tries = 0;
            }
            let fate = match over {
                Over::End if !self.query.follow => {
                    return SourceState::Ended("read to its end".to_owned());
                }
                Over::Cut if !self.query.follow && tries < TRIES => Ok(Fate::Lives),
                Over::Cut if !self.query.follow => {
                    return SourceState::Failing(Box::new(self.problem(&broken_off())));
                }
                Over::Failed(error) if !self.query.follow || is_final(&error) => {
                    return SourceState::Failing(Box::new(self.problem(&error)));
                }
                Over::End | Over::Cut => self.fate().await,
                Over::Failed(error) => {
                    self.cannot(&error).await;
                    self.fate().await
                }
            };
            match fate {
                // Once more, for what was written between the end of the stream and the end of the container.
                Ok(Fate::Ended(why)) => {
                    self.stream().await;
                    return SourceState::Ended(why);
                }
                Ok(Fate::Lives) => {}
                Err(error) => self.cannot(&error).await,
            }
            sleep(backoff.next(LONGEST_PAUSE)).await;
        }
    }

    /// One request, read to its end.
    async fn stream(&mut self) -> Over {
        let path = self.path();
        self.resume.again();
        let opened = {
            // A semaphore that is never closed gives a permit.
            let _slot = self.slots.acquire().await;
            let asking = Asking {
                rule: &LOG,
                what: "such log",
            };
            self.connection.open(&path, asking, HEAD).await
        };
        let mut body = match opened {
            Ok(response) => response.into_body(),
            Err(error) => return Over::Failed(error),
        };
        self.state(SourceState::Reading).await;
        self.rest = None;
        let mut cutter = Cutter::default();
        loop {
            match timeout(SILENCE, body.frame()).await {
                Ok(Some(Ok(frame))) => {
                    let lines = cutter.feed(&frame.into_data().unwrap_or_default());
                    self.take(lines).await;
                }
                // A server that loses its kubelet ends in the middle of a line as if that were all: what stands there is
                // read again, with its other half if there is one.
                Ok(None) => {
                    self.rest = cutter.end();
                    return Over::End;
                }
                Ok(Some(Err(_))) | Err(_) => {
                    self.rest = cutter.end();
                    return Over::Cut;
                }
            }
        }
    }

    /// Hands on the lines that are new.
    async fn take(&mut self, lines: Vec<Cut>) {
        let mut new = Vec::with_capacity(lines.len());
        for cut in lines {
            let is_new = cut
                .time
                .is_none_or(|time| self.resume.take(time, &cut.text));
            if is_new {
                new.push(LogLine {
                    source: self.id,
                    time: cut.time,
                    text: cut.text.into(),
                    cut: cut.lost,
                });
            }
        }
        if !new.is_empty() {
            let _ = self.tell.send(Heard::Lines(new)).await;
        }
    }

    async fn state(&mut self, state: SourceState) {
        if self.told.as_ref() != Some(&state) {
            self.told = Some(state.clone());
            let _ = self.tell.send(Heard::State(self.id, state)).await;
        }
    }

    /// It did not work: told as waiting when the container has not begun yet.
    async fn cannot(&mut self, error: &Error) {
        let waits = match error {
            Error::Server { code: 400, message } => waiting(message),
            _ => None,
        };
        let state = match waits {
            Some(why) => SourceState::Waiting(why),
            None => SourceState::Failing(Box::new(self.problem(error))),
        };
        self.state(state).await;
    }

    fn problem(&self, error: &Error) -> Problem {
        let mut problem = error.problem();
        let ContainerRef {
            namespace,
            pod,
            container,
        } = &self.container;
        let what = format!("the log of {namespace}/{pod} ({container}) cannot be read");
        match error {
            // The kubelet's own words say what there is to say.
            Error::Server { code: 400, message } if !self.query.follow => {
                problem.what = what;
                problem.why.clone_from(message);
                problem.next.clear();
            }
            _ => problem.what = format!("{what}: {}", problem.what),
        }
        problem
    }

    /// Looks at the pod: can more come?
    async fn fate(&self) -> Result<Fate, Error> {
        let mut path = String::from("/api/v1/namespaces/");
        push_encoded(&mut path, &self.container.namespace);
        path.push_str("/pods/");
        push_encoded(&mut path, &self.container.pod);
        let asking = Asking {
            rule: &POD,
            what: "such pod",
        };
        match self.connection.get(&path, asking).await {
            Ok(body) => Ok(fate(&body, &self.container.container)),
            Err(Error::Missing { .. }) => Ok(Fate::Ended("the pod is gone".to_owned())),
            Err(error) => Err(error),
        }
    }

    fn path(&self) -> String {
        let mut path = String::from("/api/v1/namespaces/");
        push_encoded(&mut path, &self.container.namespace);
        path.push_str("/pods/");
        push_encoded(&mut path, &self.container.pod);
        path.push_str("/log?timestamps=true&container=");
        push_encoded(&mut path, &self.container.container);
        if self.query.follow && !self.query.previous {
            path.push_str("&follow=true");
        }
        if self.query.previous {
            path.push_str("&previous=true");
        }
        let since = self.resume.since().or(self.query.since);
        if let Some(since) = since {
            path.push_str("&sinceTime=");
            push_encoded(&mut path, &since.to_string());
        }
        if let (Some(tail), None) = (self.query.tail, self.resume.newest()) {
            let _ = write!(path, "&tailLines={tail}");
        }
        path
    }
}

fn broken_off() -> Error {
    Error::Unreadable {
        what: "the rest of it".to_owned(),
        why: "it broke off before its end, more than once at the same line".to_owned(),
    }
}

/// Trying again cannot help.
fn is_final(error: &Error) -> bool {
    matches!(error, Error::Forbidden { .. })
}

/// `container "x" in pod "y" is waiting to start: ContainerCreating`
fn waiting(message: &str) -> Option<String> {
    let (_, why) = message.split_once("waiting to start: ")?;
    Some(why.trim().to_owned())
}

fn fate(pod: &[u8], container: &str) -> Fate {
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Pod {
        status: Status,
    }
    #[derive(Deserialize, Default)]
    #[serde(default, rename_all = "camelCase")]
    struct Status {
        phase: String,
        container_statuses: Vec<Container>,
        init_container_statuses: Vec<Container>,
    }
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Container {
        name: String,
        state: State,
    }
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct State {
        terminated: Option<Terminated>,
    }
    #[derive(Deserialize, Default)]
    #[serde(default, rename_all = "camelCase")]
    struct Terminated {
        exit_code: i64,
        reason: String,
    }
    let pod: Pod = serde_json::from_slice(pod).unwrap_or_default();
    if !matches!(pod.status.phase.as_str(), "Succeeded" | "Failed") {
        return Fate::Lives;
    }
    let all = pod.status.container_statuses.iter();
    let ended = all
        .chain(&pod.status.init_container_statuses)
        .find(|it| it.name == container)
        .and_then(|it| it.state.terminated.as_ref());
    Fate::Ended(match ended {
        Some(Terminated { exit_code, reason }) if reason.is_empty() => {
            format!("ended with exit code {exit_code}")
        }
        Some(Terminated { exit_code, reason }) => format!("{reason}, exit code {exit_code}"),
        None => format!("the pod has {}", pod.status.phase.to_lowercase()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_pod_that_is_over_ends_its_logs() {
        let pod = |phase: &str, state: &str| {
            let text = format!(
                r#"{{"status":{{"phase":"{phase}","containerStatuses":[{{"name":"app","state":{state}}}]}}}}"#
            );
            fate(text.as_bytes(), "app")
        };
        let terminated = r#"{"terminated":{"exitCode":137,"reason":"OOMKilled"}}"#;
        assert_eq!(pod("Running", terminated), Fate::Lives, "it is restarted");
        assert_eq!(
            pod("Failed", terminated),
            Fate::Ended("OOMKilled, exit code 137".to_owned())
        );
        assert_eq!(
            pod("Succeeded", "{}"),
            Fate::Ended("the pod has succeeded".to_owned())
        );
        assert_eq!(fate(b"nonsense", "app"), Fate::Lives);
    }

    #[test]
    fn a_container_that_has_not_begun_waits_with_its_reason() {
        let message = r#"container "app" in pod "web" is waiting to start: ContainerCreating"#;
        assert_eq!(waiting(message).as_deref(), Some("ContainerCreating"));
        assert_eq!(waiting("previous terminated container not found"), None);
    }
}
