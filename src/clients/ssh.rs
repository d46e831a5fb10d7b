//! SSH to the boards: one shared connection per host, commands, files and followed output on it.
//!
//! ```text
//!              resolve (ssh -G)      asking (questions as data, answers awaited)
//!                   │                    ▲
//! Ssh ─► slot ─► dial ─► handler ──► trust (known_hosts)
//!  │    per host   └─► auth ─► identities, keys, agent
//!  └─► connection ─► exec ─► command wrappers, root (sudo), feed (ring of lines)
//! ```
//!
//! russh gives us the protocol. What it does not give, and what is here: OpenSSH's verdict on host keys (its own helpers
//! accept revoked ones), the order of keys, limits of time, the sharing of a connection, the end of remote processes.
//!
//! Every call is a future that does its work while it is polled; this module starts no task. russh does: one for each
//! connection, which ends with it. Private keys are decrypted on the runtime's blocking pool.
//!
//! Invariants: no connection without a verdict on the host key; no secret in an argument, a log line or an error; a
//! channel that is open is read; words of a board pass through unchanged, cleaning them is the view's business.

mod agent;
mod asking;
mod auth;
mod command;
mod connection;
mod dial;
mod error;
mod exec;
mod feed;
mod files;
mod handler;
mod identities;
mod keys;
mod proxy;
mod push;
mod resolve;
mod root;
mod shell;
mod slot;
mod trust;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;

use crate::rack::secret::Secret;
use crate::rack::ssh::Destination;
use crate::rack::ssh::resolved::{Here, Resolved};
use asking::Asker;
use connection::Connection;
use exec::Running;
use keys::KeyRing;
use slot::Slot;
use trust::Trust;

pub use asking::Ask;
pub use command::{Command, Exit, Output, Who, quoted};
pub use error::Error;
pub use feed::{Batch, Feed, Line, Lines, Stream, feed};
pub use push::Push;

/// Handshakes and logins at once with one server: under what sshd takes before it drops some (`MaxStartups 10`), for it
/// may be known by many names. Other servers do not wait for it.
const DIALING: usize = 8;
/// A chain of jump hosts longer than this is a circle.
const MOST_HOPS: usize = 8;
/// What the board's own limit of time gets before ours ends the wait.
const GRACE: Duration = Duration::from_secs(3);

/// Where ssh's files and program are.
#[derive(Debug, Clone)]
pub struct Settings {
    /// A configuration in place of the person's and the system's (`ssh -F`).
    pub config: Option<PathBuf>,
    /// OpenSSH's `ssh`; `None` reads the configuration ourselves.
    pub program: Option<PathBuf>,
    pub here: Here,
    /// Whether a host key that is accepted is written into `known_hosts`; otherwise it counts until the program ends.
    pub keeps_host_keys: bool,
}

impl Settings {
    /// As the person's own `ssh` would have it.
    pub fn of_user() -> Self {
        let variable = |name: &str| std::env::var(name).ok().filter(|it| !it.is_empty());
        let path = std::env::var_os("PATH").unwrap_or_default();
        let found = std::env::split_paths(&path)
            .map(|dir| dir.join("ssh"))
            .find(|file| file.is_file());
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        Self {
            config: None,
            program: found,
            here: Here {
                home: variable("HOME").map(PathBuf::from).unwrap_or_default(),
                user: variable("USER")
                    .or_else(|| variable("LOGNAME"))
                    .unwrap_or_else(|| "root".to_owned()),
                host: host.trim().to_owned(),
            },
            keeps_host_keys: true,
        }
    }
}

/// What ssh's configuration makes of a destination. Connects nowhere (but asks the name service when the destination has
/// an address to fall back on).
pub async fn resolve(settings: &Settings, to: &Destination) -> Result<Resolved, Error> {
    resolve::resolve(settings, to).await
}

/// The command for an interactive session: OpenSSH itself, with the terminal as it is. `None` without `ssh`.
pub fn shell(settings: &Settings, to: &Destination) -> Option<Vec<std::ffi::OsString>> {
    shell::arguments(settings, to)
}

/// All sessions of the program. A clone shares everything.
#[derive(Clone)]
pub struct Ssh {
    inner: Arc<Inner>,
}

struct Inner {
    settings: Settings,
    asker: Asker,
    slots: Mutex<HashMap<Route, Arc<Slot>>>,
    trust: Trust,
    keys: KeyRing,
    /// By name and port of the server.
    dialing: Mutex<HashMap<(String, u16), Arc<Semaphore>>>,
}

/// A host and how it is reached: through its own configured hops, or through these.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Route {
    to: Destination,
    through: Option<Vec<Destination>>,
}

impl Ssh {
    /// `asks` gets the questions; nobody listening declines them.
    pub fn new(settings: Settings, asks: mpsc::Sender<Ask>) -> Self {
        Self {
            inner: Arc::new(Inner {
                asker: Asker::new(asks),
                slots: Mutex::default(),
                trust: Trust::new(settings.keeps_host_keys),
                settings,
                keys: KeyRing::default(),
                dialing: Mutex::default(),
            }),
        }
    }

    /// See [`resolve()`].
    pub async fn resolve(&self, to: &Destination) -> Result<Resolved, Error> {
        resolve::resolve(&self.inner.settings, to).await
    }

    /// Connects, unless there is a connection already, and logs in.
    pub async fn connect(&self, to: &Destination) -> Result<(), Error> {
        self.connection(to).await.map(|_| ())
    }

    /// Runs a command and collects what it says. A failing command is no error: see [`Output::exit`].
    pub async fn run(&self, to: &Destination, command: &Command) -> Result<Output, Error> {
        let connection = self.connection(to).await?;
        let line = command.line();
        let (mut running, heard) = self.start(to, &connection, command.who, &line).await?;
        let begun = Instant::now();
        let end = begun + command.deadline + GRACE;
        let mut output = running
            .feed_and_collect(command.input(), command.limit, end, command.deadline)
            .await?;
        // `timeout` on the board says 124 when it has ended the command.
        if output.exit == Exit::Code(124) && begun.elapsed() >= command.deadline {
            return Err(Error::Deadline {
                at: to.to_string(),
                after: command.deadline,
            });
        }
        output.stdout.splice(0..0, heard);
        Ok(output)
    }

    /// Runs a command with input and output of any length, a piece at a time. Its own stdin, or a script, is `input`'s
    /// business; what it says on stderr and how it ended come back. `None`: nobody took its output any more.
    ///
    /// There is no limit of time here but the command's own on the board: a line that is dead is noticed by its keepalive.
    pub async fn pipe(
        &self,
        to: &Destination,
        command: &Command,
        input: mpsc::Receiver<Bytes>,
        out: &mpsc::Sender<Bytes>,
    ) -> Result<Option<Output>, Error> {
        let connection = self.connection(to).await?;
        let line = command.line();
        let (mut running, heard) = self.start(to, &connection, command.who, &line).await?;
        if !heard.is_empty() && out.send(heard.into()).await.is_err() {
            return Ok(None);
        }
        running.pipe(input, out, command.limit).await
    }

    /// Runs one program (no script) and hands its lines on as they come, until it ends or the [`Lines`] are dropped,
    /// which ends it on the board too. `None`: it was ended by us.
    pub async fn follow(
        &self,
        to: &Destination,
        command: &Command,
        mut feed: Feed,
    ) -> Result<Option<Exit>, Error> {
        let Some(line) = command.following_line() else {
            return Err(Error::Failed {
                at: to.to_string(),
                what: "following a script".to_owned(),
                why: "its stdin is taken; give a program".to_owned(),
            });
        };
        let connection = self.connection(to).await?;
        let (mut running, heard) = self.start(to, &connection, command.who, &line).await?;
        feed.push(Stream::Out, &heard);
        match running.follow(&mut feed).await? {
            None if connection.is_closed() => Err(connection.lost()),
            exit => Ok(exit),
        }
    }

    /// A person asks for this host: what was declined may be asked again, and no pause is kept.
    pub fn retry(&self, to: &Destination) {
        self.inner.keys.ask_again();
        for slot in self.slots_on_the_way(to) {
            slot.retry();
        }
    }

    /// Ends the connection to a host. It comes back when somebody needs it.
    pub fn disconnect(&self, to: &Destination) {
        let mut slots = self
            .inner
            .slots
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        slots.retain(|route, _| route.to != *to);
    }

    /// Forgets every password and every decrypted key.
    pub fn forget_secrets(&self) {
        self.inner.keys.clear();
        let slots = self
            .inner
            .slots
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        slots.values().for_each(|slot| slot.forget_secrets());
    }

    async fn start(
        &self,
        to: &Destination,
        connection: &Connection,
        who: Who,
        line: &str,
    ) -> Result<(Running, Vec<u8>), Error> {
        match who {
            Who::User => Ok((Running::start(connection, line).await?, Vec::new())),
            Who::Root => {
                let slot = self.slot(&Route::direct(to));
                let asker = self.inner.asker.in_batch_mode(connection.resolved.is_batch);
                let mut way = slot.way.lock().await;
                let started = root::start(connection, &mut way, line, &asker).await?;
                Ok((started.running, started.heard))
            }
        }
    }

    async fn connection(&self, to: &Destination) -> Result<Arc<Connection>, Error> {
        self.reach(Route::direct(to), true).await
    }

    /// The connection of a route, made now when there is none.
    async fn reach(&self, route: Route, is_first: bool) -> Result<Arc<Connection>, Error> {
        let slot = self.slot(&route);
        let mut state = slot.state.lock().await;
        if let Some(connection) = state.live() {
            return Ok(connection);
        }
        if let Some(error) = slot.is_pausing() {
            return Err(error);
        }
        let resolved = if is_first {
            // Before a second place is held: a circle would wait for itself.
            self.follow_hops(&route).await?
        } else {
            self.resolve(&route.to).await?
        };
        let dialled = self.dial(&route, resolved, &mut state.password).await;
        let dialled = dialled
            .map(Arc::new)
            .inspect_err(|error| slot.failed(error));
        let connection = dialled?;
        slot.succeeded();
        state.connection = Some(Arc::clone(&connection));
        Ok(connection)
    }

    async fn dial(
        &self,
        route: &Route,
        resolved: Resolved,
        password: &mut Option<Secret>,
    ) -> Result<Connection, Error> {
        let through = match route.hop(&resolved) {
            None => None,
            Some(hop) => {
                let name = hop.to.to_string();
                self.slot(route).goes_through(hop.clone());
                let reached = Box::pin(self.reach(hop, false)).await;
                Some(reached.map_err(|error| Error::Hop {
                    at: route.to.to_string(),
                    hop: name,
                    error: Box::new(error),
                })?)
            }
        };
        let dialing = self.turnstile(&resolved);
        let shared = dial::Shared {
            trust: &self.inner.trust,
            keys: &self.inner.keys,
            dialing: &dialing,
        };
        let asker = self.inner.asker.in_batch_mode(resolved.is_batch);
        dial::dial(&shared, resolved, through, &asker, password).await
    }

    /// How many may knock at a server.
    fn turnstile(&self, resolved: &Resolved) -> Arc<Semaphore> {
        let server = (resolved.host_name.clone(), resolved.port);
        let mut all = self
            .inner
            .dialing
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let own = all.entry(server);
        Arc::clone(own.or_insert_with(|| Arc::new(Semaphore::new(DIALING))))
    }

    /// Walks the way to a host on paper, and says what the host itself is.
    async fn follow_hops(&self, route: &Route) -> Result<Resolved, Error> {
        let first = self.resolve(&route.to).await?;
        let mut next = route.hop(&first);
        for _ in 0..MOST_HOPS {
            let Some(at) = next else {
                return Ok(first);
            };
            next = at.hop(&self.resolve(&at.to).await?);
        }
        Err(Error::Config {
            at: route.to.to_string(),
            why: "its jump hosts lead in a circle".to_owned(),
        })
    }

    fn slot(&self, route: &Route) -> Arc<Slot> {
        let mut slots = self
            .inner
            .slots
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(route.clone()).or_default())
    }

    /// The slots of a host and of the hops it was tried through last: what was declined for another host stays so.
    fn slots_on_the_way(&self, to: &Destination) -> Vec<Arc<Slot>> {
        let slots = self
            .inner
            .slots
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut way = Vec::new();
        let mut next = Some(Route::direct(to));
        while let Some(slot) = next.and_then(|route| slots.get(&route))
            && way.len() <= MOST_HOPS
        {
            way.push(Arc::clone(slot));
            next = slot.behind();
        }
        way
    }
}

impl Route {
    /// The last host on the way; what comes before it replaces its own hops, as with `ssh -J`.
    fn hop(&self, resolved: &Resolved) -> Option<Route> {
        let hops = self.through.as_ref().unwrap_or(&resolved.jumps);
        let (last, before) = hops.split_last()?;
        Some(Route {
            to: last.clone(),
            through: (!before.is_empty()).then(|| before.to_vec()),
        })
    }

    fn direct(to: &Destination) -> Self {
        Self {
            to: to.clone(),
            through: None,
        }
    }
}
