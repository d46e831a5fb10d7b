//! A GitLab for the demo and for tests: a project whose jobs run in real seconds, with runners that write their logs
//! in the three ways runners have, and faults to order.
//!
//! It is no GitLab: it answers what a reader of pipelines asks, in the shapes GitLab sends.

mod answers;
mod log;
pub(super) mod registry;
mod story;

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use story::Project;

/// The token it takes.
const TOKEN: &str = "glpat-demo";
/// The one project, and its two commits.
const PATH: &str = "ops/thermo-hub";
const SHA: [&str; 2] = [
    "356a192b7913b04c54574d18c28d46e6395428ab",
    "da4b9237bacccdf19c0760cab7aec4a8359010b0",
];

/// What goes wrong until it is ordered otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GitlabFault {
    /// 429, with a wish not to be asked for this long, in seconds.
    Busy(u64),
    /// 502 and a page, as nginx sends it while GitLab starts.
    BadGateway,
    /// JSON that ends in the middle.
    Truncated,
    /// 401: the token is over.
    Expired,
}

#[derive(Debug)]
struct State {
    /// Its own host and port.
    address: String,
    project: Project,
    registry: registry::Registry,
    fault: Option<GitlabFault>,
    asked: usize,
}

/// A running GitLab. Dropping it ends it.
#[derive(Debug)]
pub struct Gitlab {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    _task: JoinSet<()>,
}

impl Gitlab {
    /// Starts it on a free port of this machine; its story begins now.
    pub async fn start() -> io::Result<Gitlab> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let state = Arc::new(Mutex::new(State {
            address: address.to_string(),
            project: Project::begun(jiff::Timestamp::now()),
            registry: registry::Registry::default(),
            fault: None,
            asked: 0,
        }));
        let mut task = JoinSet::new();
        task.spawn(serve(listener, Arc::clone(&state)));
        Ok(Gitlab {
            address,
            state,
            _task: task,
        })
    }

    /// Its root, which has a path, as behind many a proxy.
    pub fn url(&self) -> String {
        format!("http://{}/gitlab", self.address)
    }

    /// What the names of the project's images begin with.
    pub fn images(&self) -> String {
        format!("{}/{PATH}", self.address)
    }

    pub fn token(&self) -> &'static str {
        TOKEN
    }

    pub fn fail(&self, fault: Option<GitlabFault>) {
        self.state().fault = fault;
    }

    /// The numbers of the deploy tokens there are.
    pub fn deploy_tokens(&self) -> Vec<u64> {
        self.state().registry.ids()
    }

    /// Requests so far.
    pub fn asked(&self) -> usize {
        self.state().asked
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn serve(listener: TcpListener, state: Arc<Mutex<State>>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Ok((stream, _)) = listener.accept() => {
                let state = Arc::clone(&state);
                let service = service_fn(move |request: hyper::Request<Incoming>| {
                    let state = Arc::clone(&state);
                    async move { Ok::<_, Infallible>(answers::answer(&state, request).await) }
                });
                // An error here is the client going away.
                connections.spawn(async move {
                    let _ = http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
}
