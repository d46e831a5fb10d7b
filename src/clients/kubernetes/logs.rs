//! Logs of pods: found, read, followed for ever, merged by time.
//!
//! ```text
//! pods (list, watch) ─► a reader for each container ─► lines ─► merge ─► batches of news
//! ```
//!
//! A reader takes its log up again after every end: an end may be a rotation, a restart of the kubelet or of the API
//! server, and only a look at the pod tells whether more can come. All of it is one future: drop it and everything
//! ends. Each container is a connection of its own; [`AT_ONCE`] are opened at a time.

mod container;
mod cut;
mod pods;
pub(super) mod workload;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, sleep_until};

use super::connection::Connection;
use crate::rack::log::merge::Merge;
use crate::rack::log::{ContainerRef, LogLine, LogNews, LogQuery, SourceId, SourceState};
use pods::Found;

/// Connections that are opened at a time.
const AT_ONCE: usize = 8;
/// Lines handed on together at most.
const BATCH: usize = 256;
/// Lines that come within this time are handed on together.
const PAUSE: Duration = Duration::from_millis(50);

/// What a reader tells.
enum Heard {
    State(SourceId, SourceState),
    Lines(Vec<LogLine>),
}

/// Reads until everything has ended; when the query follows, until nobody listens to `out` any more.
pub(super) async fn read(connection: Connection, query: LogQuery, out: mpsc::Sender<LogNews>) {
    tokio::select! {
        () = out.closed() => {}
        () = Reading::new(connection, query, out.clone()).run() => {}
    }
}

struct Reading {
    connection: Connection,
    query: LogQuery,
    out: mpsc::Sender<LogNews>,
    known: BTreeMap<ContainerRef, SourceId>,
    left_out: BTreeSet<ContainerRef>,
    merge: Merge,
    start: Instant,
    /// Lines in order that wait to be handed on with others.
    batch: Vec<LogLine>,
    batch_since: Option<Instant>,
}

impl Reading {
    fn new(connection: Connection, query: LogQuery, out: mpsc::Sender<LogNews>) -> Reading {
        Reading {
            connection,
            query,
            out,
            known: BTreeMap::new(),
            left_out: BTreeSet::new(),
            merge: Merge::default(),
            start: Instant::now(),
            batch: Vec::new(),
            batch_since: None,
        }
    }

    async fn run(mut self) {
        let (connection, query) = (self.connection.clone(), self.query.clone());
        let (tell_pods, mut found) = mpsc::channel(16);
        let finding = pods::find(&connection, &query, tell_pods);
        tokio::pin!(finding);
        let (tell, mut heard) = mpsc::channel(64);
        let slots = Semaphore::new(AT_ONCE);
        let mut readers = FuturesUnordered::new();
        let mut is_finding = true;
        loop {
            let wake = self.wake();
            tokio::select! {
                () = &mut finding, if is_finding => is_finding = false,
                Some(found) = found.recv() => match found {
                    Found::Container(container) => if let Some(id) = self.begin(container.clone()).await {
                        readers.push(container::read(&connection, &query, container, id, tell.clone(), &slots));
                    },
                    Found::Nothing { is_nowhere } => self.say(LogNews::Nothing { is_nowhere }).await,
                    Found::Trouble(problem) => self.say(LogNews::Pods(problem)).await,
                },
                Some(heard) = heard.recv() => self.hear(heard).await,
                Some(()) = readers.next(), if !readers.is_empty() => {}
                () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => {
                    self.settle().await;
                }
            }
            if !is_finding && readers.is_empty() && found.is_empty() && heard.is_empty() {
                let rest = self.merge.flush();
                self.batch.extend(rest);
                return self.hand_on().await;
            }
        }
    }

    /// A container that is not read yet gets a number.
    async fn begin(&mut self, container: ContainerRef) -> Option<SourceId> {
        if self.known.contains_key(&container) || self.left_out.contains(&container) {
            return None;
        }
        if self.known.len() >= self.query.most {
            self.left_out.insert(container.clone());
            self.say(LogNews::LeftOut(container)).await;
            return None;
        }
        let id = SourceId(u16::try_from(self.known.len()).ok()?);
        self.known.insert(container.clone(), id);
        self.say(LogNews::Source(id, container)).await;
        Some(id)
    }

    async fn hear(&mut self, heard: Heard) {
        match heard {
            Heard::State(id, state) => {
                // What was written before stands before what became of it.
                self.hand_on().await;
                self.say(LogNews::State(id, state)).await;
            }
            Heard::Lines(lines) => {
                let now = self.start.elapsed();
                let is_alone = self.known.len() == 1;
                for line in lines {
                    let line = if is_alone {
                        Some(line)
                    } else {
                        self.merge.hold(line, now)
                    };
                    self.batch.extend(line);
                }
                self.settle().await;
            }
        }
    }

    /// Takes out what has waited long enough, and hands it on when there is enough of it.
    async fn settle(&mut self) {
        let ready = self.merge.ready(self.start.elapsed());
        self.batch.extend(ready);
        if self.batch.is_empty() {
            return;
        }
        let since = *self.batch_since.get_or_insert_with(Instant::now);
        if self.batch.len() >= BATCH || since.elapsed() >= PAUSE {
            self.hand_on().await;
        }
    }

    async fn hand_on(&mut self) {
        self.batch_since = None;
        if !self.batch.is_empty() {
            let lines = std::mem::take(&mut self.batch);
            self.say(LogNews::Lines(lines)).await;
        }
    }

    fn wake(&self) -> Option<Instant> {
        let held = self.merge.next().map(|at| self.start + at);
        let batch = self.batch_since.map(|since| since + PAUSE);
        [held, batch].into_iter().flatten().min()
    }

    /// Nobody listening is noticed by [`read`].
    async fn say(&self, news: LogNews) {
        let _ = self.out.send(news).await;
    }
}
