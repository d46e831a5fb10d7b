//! Decides how the line to the server stands, and when everything must be dialled anew.
//!
//! The sources say what they meet; a probe of `/version` settles doubts. The line is *live* while the nodes flow,
//! *stale* as soon as they do not or a probe fails, *denied* when the server knows us and says no. While it is stale
//! only the probe dials, every two seconds at most; its first answer sets all sources going again, each from the
//! version it had. A watch that is silent is no news: nothing may have changed. So after five seconds without any byte
//! the probe asks, and four seconds later the line is known to be dead.

mod clock;
mod sources;

use std::pin::pin;
use std::time::Duration;

use futures::future::{Fuse, FusedFuture, FutureExt};
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use self::sources::Seen;
use super::cause::Cause;
use super::connection::{Asking, Connection};
use super::dial::dial;
use super::error::{Error, Rule};
use super::kubeconfig::Chosen;
use super::line::{Dial, Line, Report};
use super::place::{Notice, Place};
use crate::clients::backoff::Backoff;
use crate::rack::facts::{ClusterInfo, Fact};
use crate::rack::link::{COUNT, LinkState, Source, SourceState};

pub(super) const PROBE: Duration = Duration::from_secs(4);
const SILENCE: Duration = Duration::from_secs(5);
const CAP: Duration = Duration::from_secs(2);

pub(super) struct Supervisor {
    pub(super) chosen: Chosen,
    pub(super) info: ClusterInfo,
    pub(super) line: Line,
    pub(super) dials: watch::Sender<Dial>,
    state: LinkState,
    sources: [Seen; COUNT],
    is_up: bool,
    has_version: bool,
    backoff: Backoff,
    denials: u32,
    /// What took the line down, without its details.
    down: Option<std::mem::Discriminant<Cause>>,
}

/// When to ask the server how it is.
type Ask = Option<Duration>;

impl Supervisor {
    pub(super) fn new(
        chosen: Chosen,
        info: ClusterInfo,
        line: Line,
        dials: watch::Sender<Dial>,
    ) -> Self {
        Self {
            chosen,
            info,
            line,
            dials,
            state: LinkState::Connecting,
            sources: Source::ALL.map(Seen::new),
            is_up: true,
            has_version: false,
            backoff: Backoff::new(),
            denials: 0,
            down: None,
        }
    }

    /// Never ends; dropped with the future it is part of.
    pub(super) async fn run(mut self, mut reports: mpsc::Receiver<Report>) {
        let mut tick = interval(Duration::from_secs(1));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut clock = clock::Clock::new();
        let mut probing = pin!(Fuse::terminated());
        loop {
            let ask = tokio::select! {
                biased;
                Some(report) = reports.recv() => self.on_report(report).await,
                answer = &mut probing => self.on_answer(answer).await,
                _ = tick.tick() => {
                    if clock.has_jumped() {
                        self.redial().await;
                    }
                    let is_silent = self.is_up && self.line.silence() >= SILENCE;
                    is_silent.then_some(Duration::ZERO)
                }
            };
            if let Some(after) = ask
                && probing.is_terminated()
            {
                let connection = self.dials.borrow().connection.clone();
                probing.set(probe(connection, after).fuse());
            }
        }
    }

    async fn on_report(&mut self, report: Report) -> Ask {
        match report {
            Report::Live(source) => self.on_live(source).await,
            Report::Unreadable(source, problem) => {
                if let Some(seen) = self.seen(source) {
                    seen.unreadable = problem;
                    let state = seen.live();
                    self.tell_source(source, state).await;
                }
                None
            }
            Report::Served(served) => {
                self.line.tell(Fact::MetalLbKinds(served.clone())).await;
                self.know(|place| place.set_served(served)).await;
                None
            }
            Report::Gate(source, is_open) => {
                let state = if is_open {
                    SourceState::Waiting
                } else {
                    SourceState::Absent
                };
                if let Some(seen) = self.seen(source) {
                    seen.is_flowing = false;
                }
                self.tell_source(source, state).await;
                None
            }
            Report::Noticed(notice) => {
                self.know(|place| place.take(notice)).await;
                None
            }
            Report::Failed {
                source,
                error,
                tries,
            } => self.on_failure(source, error, tries).await,
        }
    }

    async fn on_live(&mut self, source: Source) -> Ask {
        // A report from before the line went down says nothing any more.
        if !self.is_up {
            return None;
        }
        let seen = self.seen(source)?;
        seen.is_flowing = true;
        let state = seen.live();
        if source == Source::Nodes {
            self.backoff.reset();
            self.denials = 0;
            self.let_others_start();
        }
        self.judge().await;
        self.tell_source(source, state).await;
        let asks_version = source == Source::Nodes && !self.has_version;
        asks_version.then_some(Duration::ZERO)
    }

    async fn on_failure(&mut self, source: Source, error: Error, tries: u32) -> Ask {
        if !self.is_up {
            return None;
        }
        let problem = error.problem();
        let state = match &error {
            Error::Unauthorized { .. } => return self.deny(error).await,
            Error::Unreachable { .. } if source == Source::Nodes => {
                return self.go_down(error).await;
            }
            Error::Unreachable { .. } if tries < 2 => return Some(Duration::ZERO),
            Error::Forbidden { .. } => SourceState::Forbidden(problem),
            Error::Missing { .. } => SourceState::Absent,
            _ => SourceState::Failing(problem),
        };
        if source == Source::DaemonSets {
            let notice = match state {
                SourceState::Absent => Notice::NoSpeaker,
                _ => Notice::SpeakerUnseen,
            };
            self.know(|place| place.take(notice)).await;
        }
        let is_doubtful = error.is_line();
        if let Some(seen) = self.seen(source) {
            seen.is_flowing = false;
        }
        if source == Source::Nodes {
            self.let_others_start();
        }
        self.tell_source(source, state).await;
        self.judge().await;
        is_doubtful.then_some(Duration::ZERO)
    }

    async fn on_answer(&mut self, answer: Result<String, Error>) -> Ask {
        match answer {
            Ok(version) => {
                self.line.bytes_came().await;
                self.has_version = true;
                if self.info.version.as_ref() != Some(&version) {
                    self.info.version = Some(version);
                    self.line.tell(Fact::Cluster(self.info.clone())).await;
                }
                self.come_up();
                None
            }
            Err(error @ Error::Unauthorized { .. }) => self.deny(error).await,
            Err(error) if error.is_line() => self.go_down(error).await,
            // Whatever it says, it speaks. The sources will meet what is wrong.
            Err(_) => {
                self.line.bytes_came().await;
                self.has_version = true;
                self.come_up();
                None
            }
        }
    }

    /// The server is there again: all sources dial.
    fn come_up(&mut self) {
        self.is_up = true;
        self.dials.send_if_modified(|dial| {
            let was_down = !dial.is_up;
            dial.is_up = true;
            was_down
        });
    }

    /// The server does not answer: everything is dropped, and only the probe goes on.
    async fn go_down(&mut self, error: Error) -> Ask {
        let error = self.with_silence(error);
        let is_news = self.is_up || self.down != kind(&error);
        self.down = kind(&error);
        let problem = error.problem();
        let state = match error {
            Error::Unreachable {
                cause: Cause::ClientRefused(_),
                ..
            } => LinkState::Denied { problem },
            _ => LinkState::Stale { problem },
        };
        // The same silence again is no news; how long it lasts is shown by the age of the data.
        if is_news {
            self.tell_link(state).await;
        }
        if self.is_up {
            self.is_up = false;
            self.redial().await;
        }
        Some(self.backoff.next(CAP))
    }

    /// The server says no: credentials are made anew, and it is asked again more and more seldom.
    async fn deny(&mut self, error: Error) -> Ask {
        self.tell_link(LinkState::Denied {
            problem: error.problem(),
        })
        .await;
        self.is_up = false;
        self.redial().await;
        self.denials = self.denials.saturating_add(1);
        let bound = Duration::from_secs(2 << self.denials.min(4));
        Some(self.backoff.between(bound / 2, bound))
    }

    /// Drops all streams and takes new connections.
    async fn redial(&mut self) {
        for seen in &mut self.sources {
            seen.is_flowing = false;
        }
        self.has_version = false;
        self.dials.send_modify(|dial| {
            dial.epoch += 1;
            dial.is_up = false;
        });
        let fresh = dial(&self.chosen).await;
        let is_up = self.is_up;
        self.dials.send_modify(|dial| {
            // When no new client can be made, a plugin fails; the old one is as good as any.
            if let Ok(connection) = fresh {
                dial.connection = connection;
            }
            dial.is_up = is_up;
        });
    }

    /// How the line stands, from how the sources stand.
    async fn judge(&mut self) {
        if !self.is_up {
            return;
        }
        if let Some(state) = sources::link(&self.sources, &self.info.server) {
            self.tell_link(state).await;
        }
    }

    /// More is known of where things are: sources whose kind is there now begin.
    async fn know(&mut self, learn: impl FnOnce(&mut Place)) {
        let mut place = self.dials.borrow().place.clone();
        learn(&mut place);
        let wanted = [
            (Source::Namespaces, place.wants_namespaces()),
            (Source::Provisioners, place.wants_provisioners()),
        ];
        let lacks_kinds = place.has_speaker_without_kinds();
        let is_news = self.dials.send_if_modified(|dial| {
            let before = std::mem::replace(&mut dial.place, place);
            before != dial.place
        });
        if is_news && lacks_kinds {
            // MetalLB has just been installed, or it is so old that it has none.
            self.line.doubt_kinds();
        }
        for (source, is_wanted) in wanted {
            let seen = self.seen(source).map(|seen| &seen.told);
            if is_wanted && seen == Some(&SourceState::Absent) {
                self.tell_source(source, SourceState::Waiting).await;
            }
        }
    }

    fn let_others_start(&mut self) {
        self.dials.send_if_modified(|dial| {
            let is_first = !dial.has_nodes;
            dial.has_nodes = true;
            is_first
        });
    }

    fn seen(&mut self, source: Source) -> Option<&mut Seen> {
        self.sources.iter_mut().find(|it| it.source == source)
    }

    async fn tell_source(&mut self, source: Source, state: SourceState) {
        let Some(seen) = self.seen(source) else {
            return;
        };
        if seen.told != state {
            seen.told = state.clone();
            self.line.tell(Fact::Source(source, state)).await;
        }
    }

    async fn tell_link(&mut self, state: LinkState) {
        if self.state != state {
            self.state = state.clone();
            self.line.tell(Fact::Link(state)).await;
        }
    }

    /// A probe waits four seconds, but the silence before it counts as well.
    fn with_silence(&self, error: Error) -> Error {
        match error {
            Error::Unreachable {
                server,
                cause: Cause::Silent(seconds),
            } => Error::Unreachable {
                server,
                cause: Cause::Silent(self.line.silence().as_secs().max(seconds)),
            },
            error => error,
        }
    }
}

fn kind(error: &Error) -> Option<std::mem::Discriminant<Cause>> {
    match error {
        Error::Unreachable { cause, .. } => Some(std::mem::discriminant(cause)),
        _ => None,
    }
}

/// Asks for the version, the cheapest question there is, and one that nearly everybody may ask.
pub(super) async fn probe(connection: Connection, after: Duration) -> Result<String, Error> {
    sleep(after).await;
    match timeout(PROBE, version(&connection)).await {
        Ok(answer) => answer,
        Err(_) => Err(connection.silent(PROBE)),
    }
}

/// `gitVersion` of the server.
pub(super) async fn version(connection: &Connection) -> Result<String, Error> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Version {
        git_version: String,
    }
    static RULE: Rule = Rule {
        verbs: "get",
        resource: "/version",
        group: "",
        namespace: None,
    };
    let asking = Asking {
        rule: &RULE,
        what: "/version",
    };
    let body = connection.get("/version", asking).await?;
    match serde_json::from_slice::<Version>(&body) {
        Ok(version) => Ok(version.git_version),
        Err(_) => Err(connection.not_kubernetes("its /version is none".to_owned())),
    }
}
