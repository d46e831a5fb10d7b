//! A relay on 127.0.0.1 that counts what the API server sends through it. TLS passes through untouched.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;

/// Ends with the runtime.
pub(crate) struct Relay {
    received: Arc<AtomicU64>,
    kubeconfig: PathBuf,
}

impl Relay {
    /// Stands between the server of `kubeconfig` and those who use [`Relay::kubeconfig`], a copy below `dir`.
    pub(crate) fn start(runtime: &Handle, kubeconfig: &Path, dir: &Path) -> Result<Relay> {
        let text = std::fs::read_to_string(kubeconfig)?;
        let server = text
            .split_once("https://")
            .and_then(|(_, rest)| rest.split_whitespace().next())
            .context("the kubeconfig names no server")?;
        let upstream: SocketAddr = server.parse()?;
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
        let copy = dir.join("relay.yaml");
        let here = listener.local_addr()?.to_string();
        std::fs::write(&copy, text.replace(server, &here))?;
        let received = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&received);
        runtime.spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, upstream, Arc::clone(&counter)));
            }
        });
        Ok(Relay {
            received,
            kubeconfig: copy,
        })
    }

    pub(crate) fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Bytes that came from the API server, over all connections.
    pub(crate) fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }
}

async fn pass(client: TcpStream, upstream: SocketAddr, received: Arc<AtomicU64>) {
    let Ok(server) = TcpStream::connect(upstream).await else {
        return;
    };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::join!(
        copy(from_client, to_server, |_| {}),
        copy(from_server, to_client, |count| {
            received.fetch_add(count, Ordering::Relaxed);
        }),
    );
}

/// Until either end closes; then the other is told.
async fn copy(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    count: impl Fn(u64),
) {
    let mut buffer = vec![0; 32 << 10];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        count(length as u64);
        let bytes = buffer.get(..length).unwrap_or_default();
        if to.write_all(bytes).await.is_err() {
            return;
        }
    }
    let _ = to.shutdown().await;
}
