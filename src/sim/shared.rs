//! What the driver, the server and the handles share: the world, and the switches tests turn.
//!
//! It decides nothing. Invariant: locks are held for a moment, never across an await.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};

use super::sshd::{SshFault, SshLogin};
use super::world::World;

/// Requests remembered for `request_log`.
const LOG: usize = 10_000;

/// What an answer can be spoiled with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// A Status of this code, with `Retry-After` in seconds if given.
    Status(u16, Option<u64>),
    /// A page of HTML with this code, as a proxy in between sends it.
    Html(u16),
    /// Answers 200 and stops in the middle of a line, ending the body properly.
    HalfLine,
    /// A watch begins with a valid line of about so many bytes.
    HugeLine(usize),
    /// Answers 200 with bytes that are not JSON.
    Garbage,
    /// Answers 200 and drops the connection in the middle of the body.
    CloseMidWay,
    /// 401, as for an expired token.
    Unauthorized,
    /// The right answer, so much later.
    Slow(Duration),
}

/// Everything the parts of a running simulation share.
#[derive(Debug)]
pub(crate) struct Shared {
    world: Mutex<World>,
    switches: Mutex<Switches>,
    /// Rings when a handle has put something on the agenda.
    pub(crate) planned: Notify,
    /// While true nothing is answered and open watches are silent.
    pub(crate) hung: watch::Sender<bool>,
    pub(crate) token: String,
}

/// What tests turn on and off.
#[derive(Debug, Default)]
pub(crate) struct Switches {
    /// `leases`, `patch nodes` for one verb, `*` for everything.
    pub(crate) forbidden: BTreeSet<String>,
    pub(crate) faults: VecDeque<Ambush>,
    pub(crate) log: VecDeque<String>,
    /// What goes wrong with the SSH of boards, by name; it holds for new connections.
    pub(crate) ssh: BTreeMap<String, SshFault>,
    /// How boards let somebody in, by name, where not everybody is.
    pub(crate) logins: BTreeMap<String, SshLogin>,
}

/// A fault that waits for a request.
#[derive(Debug)]
pub(crate) struct Ambush {
    pub(crate) path_prefix: String,
    pub(crate) fault: Fault,
    /// Goes on until healed.
    pub(crate) stays: bool,
}

impl Shared {
    pub(crate) fn new(world: World, token: String) -> Self {
        let switches = Switches {
            forbidden: world.scenario.forbidden.iter().cloned().collect(),
            ..Switches::default()
        };
        Self {
            world: Mutex::new(world),
            switches: Mutex::new(switches),
            planned: Notify::new(),
            hung: watch::Sender::new(false),
            token,
        }
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn switches(&self) -> MutexGuard<'_, Switches> {
        self.switches.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits while the API hangs.
    pub(crate) async fn answering(&self) {
        // The sender lives as long as `self`, so this cannot fail.
        let _ = self.hung.subscribe().wait_for(|hung| !hung).await;
    }
}

impl Switches {
    /// Remembers a request.
    pub(crate) fn note(&mut self, request: String) {
        if self.log.len() >= LOG {
            self.log.pop_front();
        }
        self.log.push_back(request);
    }

    /// The fault that waits for this path, if there is one.
    pub(crate) fn spring(&mut self, path: &str) -> Option<Fault> {
        let hit = |ambush: &Ambush| path.starts_with(&ambush.path_prefix);
        let place = self.faults.iter().position(hit)?;
        let ambush = self.faults.get(place)?;
        let fault = ambush.fault.clone();
        if !ambush.stays {
            self.faults.remove(place);
        }
        Some(fault)
    }

    pub(crate) fn forbids(&self, verb: &str, resource: &str) -> bool {
        let has = |what: &str| self.forbidden.contains(what);
        has("*") || has(resource) || self.forbidden.contains(&format!("{verb} {resource}"))
    }
}
