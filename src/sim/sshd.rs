//! The boards' SSH servers: a port on 127.0.0.1 for each, one key for each, anybody is let in.
//!
//! What a command says is decided in `board`. Invariant: a board that is off closes what was open and takes nothing new.

use std::collections::HashMap;
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use russh::keys::PrivateKey;
use russh::keys::ssh_key::private::Ed25519Keypair;
use russh::server::{Auth, ChannelOpenHandle, Config, Handler, Msg, Session};
use russh::{Channel, ChannelId, Error};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::board::Said;
use super::random::hash;
use super::shared::Shared;
use super::store::Key;

/// Boards with a port: a rack of hundreds would need as many.
const MOST: usize = 64;

/// What goes wrong with the SSH of a board.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SshFault {
    /// Every answer comes so much later.
    Slow(Duration),
    /// Half of an answer, then the connection drops.
    DropMidWay,
    /// It shows another host key: the board was reflashed, or somebody is in between.
    OtherKey,
}

/// A board with its port.
#[derive(Debug, Clone)]
pub(crate) struct Port {
    pub(crate) node: Key,
    pub(crate) number: u16,
    /// The line of `known_hosts` without the name: `ssh-ed25519 AAAA…`.
    pub(crate) key: String,
}

/// Opens a port for each board and serves them as tasks of `tasks`.
pub(crate) async fn start(shared: &Arc<Shared>, tasks: &mut JoinSet<()>) -> io::Result<Vec<Port>> {
    let nodes: Vec<Key> = shared.world().machines.keys().take(MOST).cloned().collect();
    let seed = shared.world().seed;
    let mut ports = Vec::new();
    for node in nodes {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let number = listener.local_addr()?.port();
        let key = host_key(seed, &node, "");
        let public = key.public_key().to_openssh().map_err(io::Error::other)?;
        tasks.spawn(serve(Arc::clone(shared), listener, Arc::clone(&node), seed));
        ports.push(Port {
            node,
            number,
            key: public,
        });
    }
    Ok(ports)
}

fn host_key(seed: u64, node: &str, which: &str) -> PrivateKey {
    let mut bytes = [0; 32];
    for (place, chunk) in (0_u8..).zip(bytes.chunks_mut(8)) {
        let number = hash(seed, &format!("host key {which}{node}{place}"));
        chunk.copy_from_slice(&number.to_be_bytes());
    }
    Ed25519Keypair::from_seed(&bytes).into()
}

async fn serve(shared: Arc<Shared>, listener: TcpListener, node: Key, seed: u64) {
    let config = |which| {
        Arc::new(Config {
            keys: vec![host_key(seed, &node, which)],
            auth_rejection_time: Duration::ZERO,
            nodelay: true,
            ..Config::default()
        })
    };
    let (usual, other) = (config(""), config("other "));
    let mut sessions = JoinSet::new();
    loop {
        tokio::select! {
            Ok((stream, _)) = listener.accept() => {
                if !is_alive(&shared, &node) {
                    continue;
                }
                let fault = shared.switches().ssh.get(&*node).cloned();
                let config = if fault == Some(SshFault::OtherKey) { &other } else { &usual };
                let session = Board {
                    shared: Arc::clone(&shared),
                    node: Arc::clone(&node),
                    scripts: HashMap::new(),
                    fault,
                };
                sessions.spawn(converse(Arc::clone(config), stream, session));
            }
            Some(_) = sessions.join_next(), if !sessions.is_empty() => {}
        }
    }
}

fn is_alive(shared: &Shared, node: &str) -> bool {
    let world = shared.world();
    world
        .machines
        .get(node)
        .is_some_and(|machine| machine.alive)
}

async fn converse(config: Arc<Config>, stream: TcpStream, board: Board) {
    // An error is the client going away, or the board.
    if let Ok(session) = russh::server::run_stream(config, stream, board).await {
        let _ = session.await;
    }
}

/// One connection to a board.
struct Board {
    shared: Arc<Shared>,
    node: Key,
    /// What came so far over the stdin of a shell.
    scripts: HashMap<ChannelId, Vec<u8>>,
    fault: Option<SshFault>,
}

impl Board {
    async fn answer(
        &mut self,
        channel: ChannelId,
        said: Said,
        session: &mut Session,
    ) -> Result<(), Error> {
        if let Some(SshFault::Slow(time)) = self.fault {
            sleep(time).await;
        }
        match said {
            Said::Gone => {
                self.shared.planned.notify_one();
                Err(Error::Disconnect)
            }
            Said::Text(text, code) => {
                if self.fault == Some(SshFault::DropMidWay) {
                    let half = text.len() / 2;
                    session.data(
                        channel,
                        text.get(..half).unwrap_or_default().as_bytes().to_vec(),
                    )?;
                    return Err(Error::Disconnect);
                }
                session.data(channel, text.into_bytes())?;
                session.exit_status_request(channel, code)?;
                session.eof(channel)?;
                session.close(channel)
            }
            Said::Complaint(text, code) => {
                session.extended_data(channel, 1, text.into_bytes())?;
                session.exit_status_request(channel, code)?;
                session.eof(channel)?;
                session.close(channel)
            }
            Said::Follows(lines) => {
                for line in lines {
                    session.data(channel, format!("{line}\n").into_bytes())?;
                }
                Ok(())
            }
        }
    }
}

impl Handler for Board {
    type Error = Error;

    async fn auth_none(&mut self, _: &str) -> Result<Auth, Error> {
        Ok(Auth::Accept)
    }

    async fn channel_open_session(
        &mut self,
        _: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Error> {
        reply.accept().await;
        Ok(())
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        data: &[u8],
        session: &mut Session,
    ) -> Result<(), Error> {
        if !is_alive(&self.shared, &self.node) {
            return Err(Error::Disconnect);
        }
        session.channel_success(channel)?;
        let line = String::from_utf8_lossy(data).into_owned();
        if line.contains("sudo -k -n true") {
            return self
                .answer(channel, Said::Text("free\n".to_owned(), 0), session)
                .await;
        }
        if line.contains("sh -s") {
            self.scripts.insert(channel, Vec::new());
            return Ok(());
        }
        let said = self.shared.world().run_program(&self.node, &line);
        self.answer(channel, said, session).await
    }

    async fn data(
        &mut self,
        channel: ChannelId,
        data: &[u8],
        _: &mut Session,
    ) -> Result<(), Error> {
        if let Some(script) = self.scripts.get_mut(&channel) {
            script.extend_from_slice(data);
        }
        Ok(())
    }

    async fn channel_eof(
        &mut self,
        channel: ChannelId,
        session: &mut Session,
    ) -> Result<(), Error> {
        let Some(script) = self.scripts.remove(&channel) else {
            return Ok(());
        };
        let script = String::from_utf8_lossy(&script).into_owned();
        let said = self.shared.world().run_script(&self.node, &script);
        self.answer(channel, said, session).await
    }
}
