//! What all parts of one connection share: where facts go, when the last byte came, and which client to use now.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, watch};
use tokio::time::Instant;

use super::connection::Connection;
use super::error::Error;
use super::place::{Notice, Place};
use crate::rack::facts::Fact;
use crate::rack::link::Source;
use crate::rack::problem::Problem;

/// The line to the server at this moment, as the supervisor sees it. Sources follow it.
#[derive(Clone)]
pub(super) struct Dial {
    /// Grows whenever every stream must be dropped and dialled anew.
    pub(super) epoch: u64,
    pub(super) connection: Connection,
    /// While it is down only the supervisor asks, so that a dead server is not dialled five times over.
    pub(super) is_up: bool,
    /// Nodes come first on the screen, so everything else waits for them.
    pub(super) has_nodes: bool,
    pub(super) place: Place,
}

/// What a source tells the supervisor.
pub(super) enum Report {
    /// Listed, or its watch was taken up again.
    Live(Source),
    /// It works, but these objects could not be read; `None` when all can be read again.
    Unreadable(Source, Option<Problem>),
    /// The kinds of MetalLB that the server serves.
    Served(BTreeSet<Box<str>>),
    /// Where something is.
    Noticed(Notice),
    /// There is use in asking for this kind, or there is none because it is not there.
    Gate(Source, bool),
    /// It does not work; `tries` counts failures in a row.
    Failed {
        source: Source,
        error: Error,
        tries: u32,
    },
}

/// The sending half that every part has.
#[derive(Clone)]
pub(super) struct Line {
    pub(super) out: mpsc::Sender<Fact>,
    pub(super) reports: mpsc::Sender<Report>,
    pub(super) dials: watch::Receiver<Dial>,
    contact: Arc<Contact>,
    /// Rung when a kind that was served is gone, or is there before we knew.
    kinds: Arc<Notify>,
}

struct Contact {
    start: Instant,
    /// Milliseconds since `start`.
    last_byte: AtomicU64,
    last_told: AtomicU64,
}

const NEVER: u64 = u64::MAX;

impl Line {
    pub(super) fn new(
        out: mpsc::Sender<Fact>,
        reports: mpsc::Sender<Report>,
        dials: watch::Receiver<Dial>,
    ) -> Self {
        let contact = Contact {
            start: Instant::now(),
            last_byte: AtomicU64::new(0),
            last_told: AtomicU64::new(NEVER),
        };
        Self {
            out,
            reports,
            dials,
            contact: contact.into(),
            kinds: Arc::default(),
        }
    }

    /// Sends a fact. Nobody listening any more ends the whole future elsewhere.
    pub(super) async fn tell(&self, fact: Fact) {
        let _ = self.out.send(fact).await;
    }

    pub(super) async fn report(&self, report: Report) {
        let _ = self.reports.send(report).await;
    }

    /// Bytes came from the server just now; told at most once a second.
    pub(super) async fn bytes_came(&self) {
        let now = self.contact.now();
        self.contact.last_byte.store(now, Ordering::Relaxed);
        let told = self.contact.last_told.load(Ordering::Relaxed);
        if told == NEVER || now >= told + 1_000 {
            self.contact.last_told.store(now, Ordering::Relaxed);
            self.tell(Fact::Contact).await;
        }
    }

    /// How long nothing has come from the server.
    pub(super) fn silence(&self) -> Duration {
        let last = self.contact.last_byte.load(Ordering::Relaxed);
        Duration::from_millis(self.contact.now().saturating_sub(last))
    }

    /// Waits for a line that is up and `suits`.
    pub(super) async fn dial(&mut self, suits: impl Fn(&Dial) -> bool) -> Dial {
        let is_ready = |dial: &Dial| dial.is_up && suits(dial);
        let ready = self.dials.wait_for(is_ready).await.ok();
        if let Some(dial) = ready.map(|dial| dial.clone()) {
            return dial;
        }
        std::future::pending().await
    }

    /// Ends when every stream of `epoch` must be dropped.
    pub(super) async fn is_over(&mut self, epoch: u64) {
        self.until(|dial| dial.epoch != epoch).await;
    }

    /// Ends as soon as `is_so`.
    pub(super) async fn until(&mut self, is_so: impl Fn(&Dial) -> bool) {
        let is_closed = self.dials.wait_for(is_so).await.is_err();
        if is_closed {
            std::future::pending::<()>().await;
        }
    }

    /// Says that the kinds should be looked at again.
    pub(super) fn doubt_kinds(&self) {
        self.kinds.notify_one();
    }

    /// Ends when somebody doubts what kinds there are.
    pub(super) async fn kinds_changed(&self) {
        self.kinds.notified().await;
    }
}

impl Contact {
    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(NEVER - 1)
    }
}
