//! The server that boards join: what it is, its token, and a way to its API. Asked once for all boards of a run.
//!
//! Invariants: its kubeconfig (cluster-admin) is read over SSH and is in no file here; a token lives in a [`Token`] and
//! leaves it only for a board's config.yaml.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::script::Settings;
use super::{Board, Tools, lost, parsed};
use crate::clients::kubernetes::{self, Connection, joining};
use crate::clients::ssh::{Command, Who};
use crate::rack::onboard::findings::Cluster;
use crate::rack::onboard::machine::Failure;
use crate::rack::onboard::token::Token;
use crate::rack::onboard::version::Version;
use crate::rack::onboard::wish::{Role, ServerUrl, Wish};
use crate::rack::onboard::{critical, warning};

const SERVER: &str = include_str!("server.sh");
const PATIENCE: Duration = Duration::from_secs(60);
/// What is known of a cluster is asked again after this.
const FRESH: Duration = Duration::from_secs(10);
/// A token that is short-lived, and a way to an API that may be installed anew, are asked for again after this.
const KEPT: Duration = Duration::from_secs(1_200);
/// For a port of a server to take a connection.
const DIALLING: Duration = Duration::from_secs(3);
const KUBECONFIG: &str = "/etc/rancher/k3s/k3s.yaml";
const LONGEST: usize = 256 * 1024;

/// All servers of a run, by how ssh knows them.
#[derive(Default)]
pub(super) struct Servers {
    known: Mutex<HashMap<String, Arc<Mutex<Known>>>>,
}

#[derive(Default)]
struct Known {
    cluster: Option<(Instant, Cluster)>,
    agent_token: Option<Fetched>,
    server_token: Option<Fetched>,
    connection: Option<(Instant, Connection)>,
}

/// A token, and what kind of file or command it came from.
#[derive(Clone)]
pub(super) struct Fetched {
    pub(super) token: Token,
    pub(super) how: String,
    when: Instant,
}

/// The answer of server.sh.
#[derive(Default)]
struct Answer {
    unit: String,
    version: Option<Version>,
    ca: Option<String>,
    datastore: Option<String>,
    token: Option<(String, String)>,
}

impl Servers {
    async fn slot(&self, server: &str) -> Arc<Mutex<Known>> {
        Arc::clone(
            self.known
                .lock()
                .await
                .entry(server.to_owned())
                .or_default(),
        )
    }

    /// What is known of the cluster. A cluster that cannot be looked at is said to be so; a server that cannot be reached
    /// is a failure.
    pub(super) async fn cluster(&self, tools: &Tools, wish: &Wish) -> Result<Cluster, Failure> {
        let Some(server) = &wish.server else {
            return Ok(Cluster {
                unknown: Some("no server is named that can be asked over SSH".to_owned()),
                ..Cluster::default()
            });
        };
        let slot = self.slot(server).await;
        let mut known = slot.lock().await;
        if let Some((when, cluster)) = &known.cluster
            && when.elapsed() < FRESH
        {
            return Ok(cluster.clone());
        }
        let answer = ask(tools, wish, server, "none").await?;
        let mut cluster = Cluster {
            version: answer.version,
            ca_hash: answer.ca,
            datastore: answer.datastore,
            ..Cluster::default()
        };
        if answer.unit != "active" {
            cluster.unknown = Some(format!(
                "k3s on {server} is {}",
                if answer.unit.is_empty() {
                    "not there"
                } else {
                    &answer.unit
                }
            ));
        }
        match self.connect(tools, wish, server, &mut known).await {
            Err(failure) => cluster.unknown = Some(failure.problem.sentence()),
            Ok(connection) => {
                let looked = tokio::try_join!(
                    joining::nodes(&connection, Timestamp::now()),
                    joining::passwords(&connection)
                );
                match looked {
                    Ok((nodes, passwords)) => {
                        (cluster.nodes, cluster.passwords) = (nodes, passwords);
                    }
                    Err(error) => {
                        known.connection = None;
                        cluster.unknown = Some(error.problem().sentence());
                    }
                }
            }
        }
        known.cluster = Some((Instant::now(), cluster.clone()));
        Ok(cluster)
    }

    /// A token for this board: short-lived for agents where the server can make one.
    pub(super) async fn token(&self, board: &Board<'_>) -> Result<Fetched, Failure> {
        let Some(server) = &board.wish.server else {
            return Err(no_server(board.wish));
        };
        let slot = self.slot(server).await;
        let mut known = slot.lock().await;
        let is_server = board.wish.role.is_server();
        let kept = if is_server {
            &known.server_token
        } else {
            &known.agent_token
        };
        if let Some(fetched) = kept
            && fetched.when.elapsed() < KEPT
        {
            return Ok(fetched.clone());
        }
        let kind = if is_server { "server" } else { "agent" };
        let answer = ask(board.tools, board.wish, server, kind).await?;
        let refused = |why: String, next: &str| Failure {
            problem: critical(
                board.host(),
                format!("there is no token of {server} to join with"),
            )
            .why(why)
            .next(next),
            is_transient: false,
            fix: None,
        };
        let (how, text) = answer.token.ok_or_else(|| {
            refused(
                format!("k3s on {server} has none"),
                "install the server first, or name the right one",
            )
        })?;
        let token = Token::parse(&text)
            .map_err(|why| refused(why, "see /var/lib/rancher/k3s/server/token on the server"))?;
        let theirs = answer.ca.as_deref();
        if let (Some(own), Some(theirs)) = (token.ca_hash.as_deref(), theirs)
            && !own.eq_ignore_ascii_case(theirs)
        {
            return Err(refused(
                "the CA hash in it is not that of the server's CA: the server was installed anew"
                    .to_owned(),
                "restart k3s on the server so that it writes its token again",
            ));
        }
        let fetched = Fetched {
            token,
            how,
            when: Instant::now(),
        };
        let place = if is_server {
            &mut known.server_token
        } else {
            &mut known.agent_token
        };
        *place = Some(fetched.clone());
        Ok(fetched)
    }

    /// A way to the API of the cluster this board is in.
    pub(super) async fn connection(&self, board: &Board<'_>) -> Result<Connection, Failure> {
        let server = match board.wish.role {
            Role::FirstServer { .. } => &board.wish.host,
            Role::Server | Role::Agent => board
                .wish
                .server
                .as_ref()
                .ok_or_else(|| no_server(board.wish))?,
        };
        let slot = self.slot(server).await;
        let mut known = slot.lock().await;
        self.connect(board.tools, board.wish, server, &mut known)
            .await
    }

    async fn connect(
        &self,
        tools: &Tools,
        wish: &Wish,
        server: &str,
        known: &mut Known,
    ) -> Result<Connection, Failure> {
        if let Some((when, connection)) = &known.connection
            && when.elapsed() < KEPT
        {
            return Ok(connection.clone());
        }
        let to = parsed(server, &wish.host)?;
        let read = tools
            .ssh
            .read_file(&to, KUBECONFIG, Who::Root, LONGEST)
            .await;
        let bytes = read.map_err(|error| lost(&wish.host, &error))?;
        let unusable = |why: String| Failure {
            problem: warning(
                &wish.host,
                format!("the kubeconfig of {server} cannot be used"),
            )
            .why(why),
            is_transient: true,
            fix: None,
        };
        let bytes = bytes.ok_or_else(|| unusable(format!("{KUBECONFIG} is not there yet")))?;
        let by_ssh = (tools.ssh.resolve(&to).await)
            .map_err(|error| lost(&wish.host, &error))?
            .host_name;
        let text = String::from_utf8_lossy(&bytes);
        let not_yaml = || unusable("it is not YAML as k3s writes it".to_owned());
        let port = port(&text).ok_or_else(not_yaml)?;
        // Where boards join is not always where we reach it: there may be a tunnel.
        let hosts = wish.url.iter().map(ServerUrl::host).chain([&*by_ssh]);
        let host = answering(hosts, port).await.unwrap_or(&by_ssh);
        let own = reachable(&text, host).ok_or_else(not_yaml)?;
        let connection = kubernetes::connect_with(&own, &format!("{server}:{KUBECONFIG}")).await;
        let connection = connection.map_err(|error| unusable(error.problem().sentence()))?;
        known.connection = Some((Instant::now(), connection.clone()));
        Ok(connection)
    }
}

/// The port of the first server that k3s.yaml names.
fn port(text: &str) -> Option<u16> {
    let value: serde_yaml::Value = serde_yaml::from_str(text).ok()?;
    let server = value
        .get("clusters")?
        .get(0)?
        .get("cluster")?
        .get("server")?;
    let (_, port) = server.as_str()?.rsplit_once(':')?;
    port.trim_end_matches('/').parse().ok()
}

/// The first of these that takes a connection on the port.
async fn answering<'a>(hosts: impl Iterator<Item = &'a str>, port: u16) -> Option<&'a str> {
    for host in hosts {
        let dialling = TcpStream::connect((host, port));
        if matches!(timeout(DIALLING, dialling).await, Ok(Ok(_))) {
            return Some(host);
        }
    }
    None
}

/// k3s.yaml names the server as itself sees it; scheme and port stay.
fn reachable(text: &str, host: &str) -> Option<String> {
    let mut value: serde_yaml::Value = serde_yaml::from_str(text).ok()?;
    for cluster in value.get_mut("clusters")?.as_sequence_mut()? {
        let server = cluster.get_mut("cluster")?.get_mut("server")?;
        let old = server.as_str()?;
        let port = old
            .rsplit_once(':')
            .map_or("6443", |(_, port)| port.trim_end_matches('/'));
        let scheme = old.split("://").next().unwrap_or("https");
        let url = format!("{scheme}://{}:{port}", bracketed(host));
        *server = serde_yaml::Value::from(url);
    }
    serde_yaml::to_string(&value).ok()
}

fn bracketed(host: &str) -> String {
    if host.contains(':') {
        format!("[{host}]")
    } else {
        host.to_owned()
    }
}

async fn ask(tools: &Tools, wish: &Wish, server: &str, token: &str) -> Result<Answer, Failure> {
    let to = parsed(server, &wish.host)?;
    let script = Settings::new().with("TOKEN", token).script(SERVER);
    let command = Command::script(script).as_root().deadline(PATIENCE);
    let output = tools.ssh.run(&to, &command).await.map_err(|error| {
        let mut failure = lost(&wish.host, &error);
        failure.problem.what = format!(
            "the server {server} could not be asked: {}",
            failure.problem.what
        );
        failure
    })?;
    parse(&output.text()).ok_or_else(|| Failure {
        problem: warning(
            &wish.host,
            format!("the answer of the server {server} was cut off"),
        ),
        is_transient: true,
        fix: None,
    })
}

fn parse(text: &str) -> Option<Answer> {
    let mut lines = text
        .lines()
        .skip_while(|line| line.trim_end() != "server 1");
    lines.next()?;
    let mut answer = Answer::default();
    for line in lines {
        let mut fields = line.trim_end().split('\t');
        let (key, first) = (fields.next()?, fields.next().unwrap_or_default());
        match key {
            "end" => return Some(answer),
            "unit" => first.clone_into(&mut answer.unit),
            "version" => answer.version = first.split_whitespace().find_map(Version::parse),
            "ca" => answer.ca = Some(first.to_owned()),
            "datastore" => answer.datastore = Some(first.to_owned()),
            "token" => {
                answer.token = Some((
                    first.to_owned(),
                    fields.next().unwrap_or_default().to_owned(),
                ));
            }
            _ => {}
        }
    }
    None
}

fn no_server(wish: &Wish) -> Failure {
    Failure {
        problem: critical(&wish.host, format!("{} has no server to join", wish.host))
            .next("name one with --server"),
        is_transient: false,
        fix: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_own_kubeconfig_is_turned_to_the_address_boards_use() {
        let text = "clusters:\n- cluster:\n    server: https://127.0.0.1:6443\n  name: default\nusers: []\n";
        assert!(
            reachable(text, "10.0.0.5")
                .unwrap()
                .contains("https://10.0.0.5:6443")
        );
        assert!(
            reachable(text, "fd00::5")
                .unwrap()
                .contains("https://[fd00::5]:6443")
        );
        assert_eq!(port(text), Some(6443));
        assert_eq!(port("clusters: 3"), None);
        assert_eq!(reachable("clusters: 3", "a"), None);
        assert_eq!(reachable("[", "a"), None);
    }

    #[test]
    fn an_answer_of_a_server_that_was_cut_off_is_none() {
        let text = "server 1\nunit\tactive\nversion\tk3s version v1.33.4+k3s1 (x)\ntoken\tnode-token\tmarked\n";
        assert!(parse(text).is_none());
        let answer = parse(&format!("motd\n{text}end\n")).unwrap();
        assert_eq!(
            (answer.unit.as_str(), answer.token.unwrap().0.as_str()),
            ("active", "node-token")
        );
        assert_eq!(answer.version, Version::parse("v1.33.4+k3s1"));
    }
}
