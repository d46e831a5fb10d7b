//! From a resolved host to a connection that is logged in: the way there, the handshake, the host key, the login.
//!
//! The question about a new host key is asked between two connections, not inside the handshake: sshd gives a login two
//! minutes, and counts everyone who has not finished one.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use russh::client::{self, Handle};
use tokio::net::{TcpStream, lookup_host};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout};

use super::Error;
use super::asking::Asker;
use super::auth::Login;
use super::connection::Connection;
use super::handler::{Handler, Told, plain, preferred};
use super::keys::KeyRing;
use super::proxy::proxy;
use super::trust::Trust;
use crate::clients::backoff::Backoff;
use crate::rack::secret::Secret;
use crate::rack::ssh::known_hosts::Verdict;
use crate::rack::ssh::resolved::{Resolved, Strict};
use crate::rack::ssh::{Answer, ChangedKey, HostKey, Question};

/// For a TCP connection, when ssh's configuration says nothing.
const CONNECT: Duration = Duration::from_secs(10);
/// From the first byte to the end of the key exchange; a Pi 1 needs seconds.
const HANDSHAKE: Duration = Duration::from_secs(20);
/// Silence after which the other side is asked whether it lives, and how often it may not answer.
const ALIVE: (Duration, usize) = (Duration::from_secs(15), 3);

/// How often a server may hang up on us before we believe that it wants to, and the longest wait in between.
const DROPS: u32 = 5;
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// What all connections share.
pub(super) struct Shared<'a> {
    pub(super) trust: &'a Trust,
    pub(super) keys: &'a KeyRing,
    /// sshd drops connections when too many are not logged in yet (`MaxStartups`).
    pub(super) dialing: &'a Semaphore,
}

/// Connects and logs in, with as many questions as it takes.
pub(super) async fn dial(
    shared: &Shared<'_>,
    resolved: Resolved,
    through: Option<Arc<Connection>>,
    asker: &Asker,
    password: &mut Option<Secret>,
) -> Result<Connection, Error> {
    let at = resolved.destination.to_string();
    let mut backoff = Backoff::new();
    loop {
        let permit = shared.dialing.acquire().await.map_err(|_| gone(&at))?;
        let told = Arc::new(Told::default());
        let reached = reach(shared, &resolved, through.as_deref(), Arc::clone(&told)).await?;
        let mut handle = match reached {
            Reached::In(handle) => handle,
            Reached::Dropped(error) => {
                if backoff.tries() >= DROPS {
                    return Err(error);
                }
                // The permit is kept: others need not knock meanwhile.
                sleep(backoff.next(LONGEST_WAIT)).await;
                continue;
            }
            Reached::NewKey { key, address } => {
                drop(permit);
                accept_new(shared, &resolved, through.as_deref(), key, address, asker).await?;
                continue;
            }
            Reached::ChangedKey { changed, address } => {
                drop(permit);
                replace_changed(shared, &at, changed, address, asker).await?;
                continue;
            }
        };
        if let (Some(Verdict::New { key }), Strict::AcceptNew) = (told.verdict(), resolved.strict) {
            shared.trust.accept(&resolved, &key)?;
        }
        let login = Login {
            handle: &mut handle,
            resolved: &resolved,
            keys: shared.keys,
            asker,
            told: &told,
            password,
        };
        login.run().await?;
        drop(permit);
        return Ok(Connection::new(handle, told, resolved, through));
    }
}

/// How far a handshake got.
enum Reached {
    In(Handle<Handler>),
    /// Its key is new, and somebody has to be asked.
    NewKey {
        key: HostKey,
        address: Option<SocketAddr>,
    },
    /// It shows another key than the one it is known by.
    ChangedKey {
        changed: Box<ChangedKey>,
        address: Option<SocketAddr>,
    },
    /// It hung up before it had shown a key, as sshd does when too many are not logged in yet.
    Dropped(Error),
}

async fn reach(
    shared: &Shared<'_>,
    resolved: &Resolved,
    through: Option<&Connection>,
    told: Arc<Told>,
) -> Result<Reached, Error> {
    let known = shared.trust.known(resolved);
    let names = resolved.names();
    let (types, has_authority) = known.known_types(&names);
    let (interval, count) = resolved.alive.unwrap_or(ALIVE);
    let config = Arc::new(client::Config {
        preferred: preferred(&types, has_authority),
        keepalive_interval: Some(interval),
        keepalive_max: count,
        nodelay: true,
        inactivity_timeout: None,
        ..client::Config::default()
    });
    let handler = Handler {
        known,
        names,
        accepts_new: resolved.strict == Strict::AcceptNew,
        accepted: None,
        told: Arc::clone(&told),
    };
    let mut address = None;
    let shaken = match (through, &resolved.proxy_command) {
        (Some(hop), _) => {
            let stream = hop.tunnel(&resolved.host_name, resolved.port).await?;
            timeout(HANDSHAKE, client::connect_stream(config, stream, handler)).await
        }
        (None, Some(command)) => {
            let stream = proxy(resolved, command)?;
            timeout(HANDSHAKE, client::connect_stream(config, stream, handler)).await
        }
        (None, None) => {
            let stream = connect(resolved).await?;
            address = stream.peer_addr().ok();
            let _ = stream.set_nodelay(true);
            timeout(HANDSHAKE, client::connect_stream(config, stream, handler)).await
        }
    };
    let at = resolved.destination.to_string();
    match shaken {
        Err(_) => Err(Error::TimedOut {
            at,
            doing: "shaking hands",
            after: HANDSHAKE,
        }),
        Ok(Ok(handle)) => Ok(Reached::In(handle)),
        Ok(Err(error)) => refused(resolved, &told, &error, address, shared.trust),
    }
}

/// Why there was no handshake: our own verdict on the key comes first.
fn refused(
    resolved: &Resolved,
    told: &Told,
    error: &russh::Error,
    address: Option<SocketAddr>,
    trust: &Trust,
) -> Result<Reached, Error> {
    let name = resolved.names().name;
    match told.verdict() {
        Some(Verdict::New { key }) => Ok(Reached::NewKey { key, address }),
        Some(Verdict::Changed { key, old }) => Ok(Reached::ChangedKey {
            changed: Box::new(ChangedKey {
                name,
                old,
                new: key,
                file: trust.file(resolved),
            }),
            address,
        }),
        Some(Verdict::Revoked { key, by }) => Err(Error::HostKeyRevoked {
            name,
            key,
            by: Box::new(by),
        }),
        verdict @ (Some(Verdict::Known(_)) | None) => {
            let failed = Error::Handshake {
                at: resolved.destination.to_string(),
                why: told.goodbye().unwrap_or_else(|| plain(error)),
            };
            let hung_up = matches!(
                error,
                russh::Error::HUP | russh::Error::Disconnect | russh::Error::IO(_)
            );
            if hung_up && verdict.is_none() {
                Ok(Reached::Dropped(failed))
            } else {
                Err(failed)
            }
        }
    }
}

async fn accept_new(
    shared: &Shared<'_>,
    resolved: &Resolved,
    through: Option<&Connection>,
    key: HostKey,
    address: Option<SocketAddr>,
    asker: &Asker,
) -> Result<(), Error> {
    let name = resolved.names().name;
    let refuse = |why: &str| Error::NewHostKey {
        name: name.clone(),
        key: key.clone(),
        why: why.to_owned(),
    };
    match resolved.strict {
        Strict::Refuse => return Err(refuse("StrictHostKeyChecking is on")),
        Strict::AcceptNew => {}
        Strict::Ask => {
            let question = Question::NewHostKey {
                name: name.clone(),
                address: address.map(|address| address.ip().to_string()),
                through: through.map(Connection::at).into_iter().collect(),
                key: key.clone(),
                others: Vec::new(),
                file: shared.trust.file(resolved),
            };
            if asker.ask(question).await != Answer::Yes {
                return Err(refuse("it was not accepted"));
            }
        }
    }
    shared.trust.accept(resolved, &key)
}

/// A changed key is refused, whatever ssh's configuration says, unless a person vouches for it.
async fn replace_changed(
    shared: &Shared<'_>,
    at: &str,
    changed: Box<ChangedKey>,
    address: Option<SocketAddr>,
    asker: &Asker,
) -> Result<(), Error> {
    let question = Question::ChangedHostKey {
        host: at.to_owned(),
        address: address.map(|address| address.ip().to_string()),
        changed: changed.clone(),
    };
    match asker.ask(question).await {
        Answer::Yes => shared.trust.replace(&changed),
        Answer::No | Answer::Secret(_) | Answer::Secrets(_) => Err(Error::HostKeyChanged(changed)),
    }
}

/// Every address of the name in turn, as OpenSSH does it; the last failure is told.
async fn connect(resolved: &Resolved) -> Result<TcpStream, Error> {
    let at = resolved.destination.to_string();
    let limit = resolved.connect_timeout.unwrap_or(CONNECT);
    let end = Instant::now() + limit;
    let timed_out = || Error::TimedOut {
        at: at.clone(),
        doing: "connecting",
        after: limit,
    };
    let unresolved = |why: String| Error::Unresolved {
        at: at.clone(),
        name: resolved.host_name.clone(),
        why,
    };
    let found = timeout(
        limit,
        lookup_host((resolved.host_name.as_str(), resolved.port)),
    )
    .await;
    let found = found.map_err(|_| unresolved("the name service does not answer".to_owned()))?;
    let addresses: Vec<_> = found
        .map_err(|error| unresolved(name_error(&error)))?
        .collect();
    let mut last = unresolved("it has no address".to_owned());
    for (index, address) in addresses.iter().enumerate() {
        // What is left is shared, so that one dead address does not take the time of a live one.
        let left = end.saturating_duration_since(Instant::now());
        let share = left / u32::try_from(addresses.len() - index).unwrap_or(1);
        match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => {
                last = Error::Unreachable {
                    at: at.clone(),
                    place: address.to_string(),
                    why: plain(&error.into()),
                }
            }
            Err(_) => last = timed_out(),
        }
    }
    Err(last)
}

/// The resolver's sentence without the name of the function that failed.
fn name_error(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.strip_prefix("failed to lookup address information: ")
        .map_or(text.clone(), str::to_owned)
}

fn gone(at: &str) -> Error {
    Error::Lost {
        at: at.to_owned(),
        why: "bramble is ending".to_owned(),
    }
}
