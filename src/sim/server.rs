//! The port of the simulated API: accepts connections, and can die and come back.
//!
//! What is answered is decided in `kube_api`. Invariant: after `Kill` is acknowledged the port
//! refuses and no old connection is open; after `Restart` the same port accepts again.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::kube_api;
use super::shared::Shared;

/// What a handle asks of the port; each is acknowledged when done.
#[derive(Debug)]
pub(crate) enum Command {
    Kill(oneshot::Sender<()>),
    Restart(oneshot::Sender<()>),
    /// Drops the connections, goes on accepting.
    Drop(oneshot::Sender<()>),
}

/// Serves until the task is aborted or all handles are gone.
pub(crate) async fn serve(
    shared: Arc<Shared>,
    listener: TcpListener,
    address: SocketAddr,
    mut commands: mpsc::Receiver<Command>,
) {
    let mut listener = Some(listener);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Ok((stream, _)) = accept(listener.as_ref()) => {
                connections.spawn(converse(Arc::clone(&shared), stream));
            }
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            command = commands.recv() => match command {
                None => return,
                Some(Command::Kill(done)) => {
                    listener = None;
                    connections.shutdown().await;
                    let _ = done.send(());
                }
                Some(Command::Drop(done)) => {
                    connections.shutdown().await;
                    let _ = done.send(());
                }
                Some(Command::Restart(done)) => {
                    if listener.is_none() {
                        listener = Some(bind_again(address).await);
                    }
                    let _ = done.send(());
                }
            },
        }
    }
}

/// The next connection; never, while the port is closed.
async fn accept(listener: Option<&TcpListener>) -> io::Result<(TcpStream, SocketAddr)> {
    match listener {
        Some(listener) => listener.accept().await,
        None => std::future::pending().await,
    }
}

async fn converse(shared: Arc<Shared>, stream: TcpStream) {
    // Without this a watch line waits for the acknowledgement of the one before.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let shared = Arc::clone(&shared);
        async move { Ok::<_, Infallible>(kube_api::answer(shared, request).await) }
    });
    // An error here is the client going away or a fault that was asked for.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// The port was ours a moment ago; it may take a moment until it is free again.
async fn bind_again(address: SocketAddr) -> TcpListener {
    loop {
        match TcpListener::bind(address).await {
            Ok(listener) => return listener,
            Err(_) => sleep(Duration::from_millis(20)).await,
        }
    }
}
