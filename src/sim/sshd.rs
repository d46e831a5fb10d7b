//! The boards' SSH servers: a port on 127.0.0.1 for each, one key for each; anybody is let in unless a test says how.
//!
//! What a command says is decided in `board`. Invariant: a board that is off closes what was open and takes nothing new.

use std::collections::HashMap;
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use russh::keys::PrivateKey;
use russh::keys::ssh_key::private::Ed25519Keypair;
use russh::server::{
    Auth, ChannelOpenHandle, Config, Handler, Msg, Response, Session, VerifiedPublicKey,
};
use russh::{Channel, ChannelId, Error, MethodKind, MethodSet};
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

/// How a board lets somebody in. A password is also what sudo wants then.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum SshLogin {
    /// Without a proof, and sudo asks for nothing.
    #[default]
    Open,
    Password(String),
    /// The server asks in its own words (keyboard-interactive).
    Interactive(String),
    /// Any key that signs.
    Key,
}

impl SshLogin {
    fn methods(&self) -> MethodSet {
        let methods: &[MethodKind] = match self {
            SshLogin::Open => &[MethodKind::None],
            SshLogin::Password(_) => &[MethodKind::Password],
            SshLogin::Interactive(_) => &[MethodKind::KeyboardInteractive],
            SshLogin::Key => &[MethodKind::PublicKey],
        };
        methods.into()
    }

    /// What sudo wants.
    fn password(&self) -> Option<&str> {
        match self {
            SshLogin::Password(password) | SshLogin::Interactive(password) => Some(password),
            SshLogin::Open | SshLogin::Key => None,
        }
    }

    fn lets_in(&self, is_right: bool) -> Auth {
        if is_right {
            return Auth::Accept;
        }
        Auth::Reject {
            proceed_with_methods: Some(self.methods()),
            partial_success: false,
        }
    }
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
    let nodes: Vec<Key> = {
        let world = shared.world();
        let nodes = world.machines.keys().take(MOST);
        nodes.chain(world.blanks.keys()).cloned().collect()
    };
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
                let login = shared.switches().logins.get(&*node).cloned().unwrap_or_default();
                let session = Board {
                    shared: Arc::clone(&shared),
                    node: Arc::clone(&node),
                    input: HashMap::new(),
                    fault,
                    login,
                };
                sessions.spawn(converse(Arc::clone(config), stream, session));
            }
            Some(_) = sessions.join_next(), if !sessions.is_empty() => {}
        }
    }
}

fn is_alive(shared: &Shared, node: &str) -> bool {
    shared.world().is_on(node)
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
    /// What reads its stdin, and what came so far.
    input: HashMap<ChannelId, (Reader, Vec<u8>)>,
    fault: Option<SshFault>,
    login: SshLogin,
}

/// What a channel waits with for its stdin.
enum Reader {
    Script,
    /// A file that is sent; the line says where it goes.
    File(String),
    /// sudo, and the line it runs once it has the password.
    Sudo(String),
}

impl Board {
    /// Runs a line, or waits for the script it reads; `input` came already.
    async fn run(
        &mut self,
        channel: ChannelId,
        line: &str,
        input: Vec<u8>,
        session: &mut Session,
    ) -> Result<(), Error> {
        if line.contains("sh -s") {
            self.input.insert(channel, (Reader::Script, input));
            return Ok(());
        }
        if line.contains(".bramble-push") {
            if self.shared.world().is_pushed(&self.node, line) {
                let said = Said::Text("already\n".to_owned(), 0);
                return self.answer(channel, said, session).await;
            }
            let reader = Reader::File(line.to_owned());
            self.input.insert(channel, (reader, Vec::new()));
            return Ok(());
        }
        let said = self.shared.world().run_program(&self.node, line);
        self.answer(channel, said, session).await
    }

    /// sudo takes one line of its stdin; what follows belongs to the command, which says first that it runs.
    async fn give_password(
        &mut self,
        channel: ChannelId,
        session: &mut Session,
    ) -> Result<(), Error> {
        let Some((Reader::Sudo(line), input)) = self.input.get(&channel) else {
            return Ok(());
        };
        let Some(end) = input.iter().position(|byte| *byte == b'\n') else {
            return Ok(());
        };
        let (password, rest) = input.split_at(end);
        let is_right = self.login.password().map(str::as_bytes) == Some(password);
        if !is_right {
            let words = b"Sorry, try again.\n".to_vec();
            return session.extended_data(channel, 1, words);
        }
        let (line, rest) = (line.clone(), rest.get(1..).unwrap_or_default().to_vec());
        self.input.remove(&channel);
        let mark = line
            .split_once("echo ")
            .and_then(|(_, it)| it.split(';').next());
        session.data(
            channel,
            format!("{}\n", mark.unwrap_or_default()).into_bytes(),
        )?;
        self.run(channel, &line, rest, session).await
    }

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
            Said::Later(time, said) => {
                sleep(time).await;
                Box::pin(self.answer(channel, *said, session)).await
            }
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
        Ok(self.login.lets_in(self.login == SshLogin::Open))
    }

    async fn auth_password(&mut self, _: &str, password: &str) -> Result<Auth, Error> {
        let is_right =
            matches!(&self.login, SshLogin::Password(wanted) if wanted.as_str() == password);
        Ok(self.login.lets_in(is_right))
    }

    async fn auth_publickey(&mut self, _: &str, _: VerifiedPublicKey<'_>) -> Result<Auth, Error> {
        Ok(self.login.lets_in(self.login == SshLogin::Key))
    }

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        _: &str,
        _: &str,
        response: Option<Response<'a>>,
    ) -> Result<Auth, Error> {
        let SshLogin::Interactive(wanted) = &self.login else {
            return Ok(self.login.lets_in(false));
        };
        let Some(mut response) = response else {
            return Ok(Auth::Partial {
                name: format!("board {}", self.node).into(),
                instructions: "The code is on the label of the case.".into(),
                prompts: vec![("Code: ".into(), false)].into(),
            });
        };
        let is_right = response
            .next()
            .is_some_and(|code| *code == *wanted.as_bytes());
        Ok(self.login.lets_in(is_right))
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
            let word = match self.login.password() {
                Some(_) => "asks\n",
                None => "free\n",
            };
            let said = Said::Text(word.to_owned(), 0);
            return self.answer(channel, said, session).await;
        }
        if line.contains("sudo -k -S") {
            self.input.insert(channel, (Reader::Sudo(line), Vec::new()));
            return Ok(());
        }
        self.run(channel, &line, Vec::new(), session).await
    }

    async fn data(
        &mut self,
        channel: ChannelId,
        data: &[u8],
        session: &mut Session,
    ) -> Result<(), Error> {
        if let Some((reader, input)) = self.input.get_mut(&channel)
            && !matches!(reader, Reader::File(_))
        {
            input.extend_from_slice(data);
        }
        self.give_password(channel, session).await
    }

    async fn channel_eof(
        &mut self,
        channel: ChannelId,
        session: &mut Session,
    ) -> Result<(), Error> {
        let said = match self.input.remove(&channel) {
            None => return Ok(()),
            Some((Reader::Script, script)) => {
                let script = String::from_utf8_lossy(&script).into_owned();
                let said = self.shared.world().run_script(&self.node, &script);
                self.shared.planned.notify_one();
                said
            }
            Some((Reader::File(line), _)) => self.shared.world().pushed(&self.node, &line),
            Some((Reader::Sudo(_), _)) => Said::Text(String::new(), 1),
        };
        self.answer(channel, said, session).await
    }
}
