//! One logged-in connection to one host, and the sessions on it.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use russh::client::{Handle, Msg};
use russh::{Channel, ChannelOpenFailure, Disconnect};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};

use super::Error;
use super::handler::{Handler, Told, plain};
use crate::rack::ssh::resolved::Resolved;

/// Sessions at once on a connection. sshd allows ten; more than a few at a time only make a board slow.
const SESSIONS: usize = 4;
/// How long to wait for a session to come free, or for the server to open one.
const PATIENCE: Duration = Duration::from_secs(20);

/// Refusals of the only session before they are believed, and the pause between them.
const REFUSALS: u32 = 5;
const PAUSE: Duration = Duration::from_millis(100);

/// A connection that is ready for commands. Dropping the last share of it says goodbye.
pub(super) struct Connection {
    handle: Handle<Handler>,
    told: Arc<Told>,
    pub(super) resolved: Resolved,
    sessions: Arc<Semaphore>,
    /// Shared by every session that is open: their number is the number of its shares.
    open: Arc<()>,
    /// The connection this one goes through; it must not end first.
    _through: Option<Arc<Connection>>,
}

/// A session and the right to have it.
pub(super) struct Session {
    pub(super) channel: Channel<Msg>,
    pub(super) right: Right,
}

/// The right to a session; whoever waits gets it next.
pub(super) struct Right {
    _permit: OwnedSemaphorePermit,
    _open: Arc<()>,
}

impl Connection {
    pub(super) fn new(
        handle: Handle<Handler>,
        told: Arc<Told>,
        resolved: Resolved,
        through: Option<Arc<Connection>>,
    ) -> Self {
        Self {
            handle,
            told,
            resolved,
            sessions: Arc::new(Semaphore::new(SESSIONS)),
            open: Arc::new(()),
            _through: through,
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.handle.is_closed()
    }

    /// The destination as the person named it.
    pub(super) fn at(&self) -> String {
        self.resolved.destination.to_string()
    }

    /// A session for one command. A server that allows fewer than we want is remembered: its `MaxSessions` is learned by
    /// being refused.
    pub(super) async fn session(&self) -> Result<Session, Error> {
        let mut refusals = 0;
        loop {
            let waiting = Arc::clone(&self.sessions).acquire_owned();
            let permit = timeout(PATIENCE, waiting).await.map_err(|_| self.busy())?;
            let permit = permit.map_err(|_| self.lost())?;
            let opened = timeout(PATIENCE, self.handle.channel_open_session()).await;
            match opened.map_err(|_| self.timed_out())? {
                Ok(channel) => {
                    let right = Right {
                        _permit: permit,
                        _open: Arc::clone(&self.open),
                    };
                    return Ok(Session { channel, right });
                }
                Err(russh::Error::ChannelOpenFailure(_)) if self.others() > 0 => permit.forget(),
                Err(russh::Error::ChannelOpenFailure(_)) if refusals < REFUSALS => {
                    // It may not have noticed yet that the last session has ended.
                    refusals += 1;
                    sleep(PAUSE).await;
                }
                Err(russh::Error::ChannelOpenFailure(_)) => {
                    return Err(Error::Refused { at: self.at() });
                }
                Err(error) => return Err(self.lost_by(&error)),
            }
        }
    }

    /// Sessions of ours that are open.
    fn others(&self) -> usize {
        Arc::strong_count(&self.open) - 1
    }

    /// A stream to another host, opened by this one.
    pub(super) async fn tunnel(
        &self,
        host: &str,
        port: u16,
    ) -> Result<russh::ChannelStream<Msg>, Error> {
        let opening = self
            .handle
            .channel_open_direct_tcpip(host, u32::from(port), "127.0.0.1", 0);
        match timeout(PATIENCE, opening)
            .await
            .map_err(|_| self.timed_out())?
        {
            Ok(channel) => Ok(channel.into_stream()),
            Err(russh::Error::ChannelOpenFailure(reason)) => Err(Error::Unreachable {
                at: format!("{host}:{port}"),
                place: format!("{host} port {port}"),
                why: match reason {
                    ChannelOpenFailure::AdministrativelyProhibited => {
                        format!("{} does not allow forwarding", self.at())
                    }
                    _ => format!("{} cannot reach it", self.at()),
                },
            }),
            Err(error) => Err(self.lost_by(&error)),
        }
    }

    pub(super) fn lost(&self) -> Error {
        self.lost_by(&russh::Error::HUP)
    }

    pub(super) fn lost_by(&self, error: &russh::Error) -> Error {
        Error::Lost {
            at: self.at(),
            why: self.told.goodbye().unwrap_or_else(|| plain(error)),
        }
    }

    fn busy(&self) -> Error {
        Error::Busy {
            at: self.at(),
            sessions: self.others(),
        }
    }

    fn timed_out(&self) -> Error {
        Error::TimedOut {
            at: self.at(),
            doing: "opening a session",
            after: PATIENCE,
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // Sent at once or not at all: nobody is left to wait for it.
        let _ = self
            .handle
            .disconnect(Disconnect::ByApplication, "", "")
            .now_or_never();
    }
}
