//! The client against a scripted server: what it says, in which order, and what it asks.

mod bad_input;
mod fleet;
mod logs;
mod optional;
mod outage;
#[cfg(unix)]
mod plugin;
mod pools;
mod server;
mod stream;
mod tls;
mod writing;

use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use self::server::Server;
use super::{Target, Wants};
use crate::rack::facts::Fact;
use crate::rack::link::{LinkState, Source, SourceState};
use crate::rack::problem::Problem;

const DEADLINE: Duration = Duration::from_secs(20);
const TOKEN: &str = "s3cr3t-t0ken";

/// A running client and what it said so far.
struct Follower {
    facts: mpsc::Receiver<Fact>,
    wants: watch::Sender<Wants>,
    folder: tempfile::TempDir,
    task: JoinSet<()>,
}

/// A kubeconfig with one context `test` and the given server and user fields.
fn kubeconfig(cluster: &str, user: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: test\n\
         contexts: [{{name: test, context: {{cluster: c, user: u}}}}]\n\
         clusters: [{{name: c, cluster: {{{cluster}}}}}]\n\
         users: [{{name: u, user: {{{user}}}}}]\n"
    )
}

fn plain(server: &Server) -> String {
    let cluster = format!("server: \"http://{}\"", server.address);
    kubeconfig(&cluster, &format!("token: {TOKEN}"))
}

impl Follower {
    fn start(kubeconfig: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        std::fs::write(&path, kubeconfig).unwrap();
        Self::with_target(folder, target(path))
    }

    fn with_target(folder: tempfile::TempDir, target: Target) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (wants, wanted) = watch::channel(Wants::default());
        let (out, facts) = mpsc::channel(256);
        let mut task = JoinSet::new();
        task.spawn(super::follow(target, wanted, out));
        Self {
            facts,
            wants,
            folder,
            task,
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("config")
    }

    async fn next(&mut self) -> Fact {
        let fact = tokio::time::timeout(DEADLINE, self.facts.recv()).await;
        fact.expect("a fact in time").expect("more facts")
    }

    /// Waits for a fact that `pick` takes, and answers what it made of it.
    async fn until<T>(&mut self, mut pick: impl FnMut(&Fact) -> Option<T>) -> T {
        let looking = async {
            loop {
                let fact = self.facts.recv().await.expect("more facts");
                if let Some(found) = pick(&fact) {
                    return found;
                }
            }
        };
        tokio::time::timeout(DEADLINE, looking)
            .await
            .expect("the fact in time")
    }

    async fn until_live(&mut self) {
        self.until(|fact| (*fact == Fact::Link(LinkState::Live)).then_some(()))
            .await;
    }

    async fn until_stale(&mut self) -> Problem {
        self.until(|fact| match fact {
            Fact::Link(LinkState::Stale { problem }) => Some(problem.clone()),
            _ => None,
        })
        .await
    }

    async fn until_denied(&mut self) -> Problem {
        self.until(|fact| match fact {
            Fact::Link(LinkState::Denied { problem }) => Some(problem.clone()),
            _ => None,
        })
        .await
    }

    async fn until_source(&mut self, source: Source) -> SourceState {
        self.until(|fact| match fact {
            Fact::Source(of, state) if *of == source && *state != SourceState::Waiting => {
                Some(state.clone())
            }
            _ => None,
        })
        .await
    }
}

fn target(path: PathBuf) -> Target {
    Target {
        kubeconfig: Some(path),
        ..Target::default()
    }
}

/// A node in one line, with nothing but a name and a version.
fn node(name: &str, version: u32) -> String {
    format!(
        r#"{{"metadata":{{"name":"{name}","uid":"uid-{name}","resourceVersion":"{version}"}}}}"#
    )
}

fn event(kind: &str, object: &str) -> String {
    format!("{{\"type\":\"{kind}\",\"object\":{object}}}\n")
}
