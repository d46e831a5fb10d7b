//! Where the demo's boards get k3s from: channels, releases with their checksums, the installer. Nothing of it is k3s; the
//! simulated boards only take note of what they were sent.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::LOCATION;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// Bytes of what stands for k3s's binary.
const SIZE: usize = 3 << 20;
const INSTALLER: &str = "#!/bin/sh\n# Stands for k3s's install script in the demo.\n";

/// A running server. Dropping it ends it.
#[derive(Debug)]
pub struct Releases {
    address: SocketAddr,
    downloads: Arc<AtomicUsize>,
    _task: JoinSet<()>,
}

struct State {
    version: String,
    binary: Bytes,
    downloads: Arc<AtomicUsize>,
}

impl Releases {
    /// Starts it on a free port of this machine, with this version as the newest of all channels.
    pub async fn start(version: &str) -> io::Result<Releases> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let downloads = Arc::new(AtomicUsize::new(0));
        let bytes = version.as_bytes().iter().copied().cycle().take(SIZE);
        let state = Arc::new(State {
            version: version.to_owned(),
            binary: bytes.collect(),
            downloads: Arc::clone(&downloads),
        });
        let mut task = JoinSet::new();
        task.spawn(serve(listener, state));
        Ok(Releases {
            address,
            downloads,
            _task: task,
        })
    }

    /// `http://127.0.0.1:PORT`; below it are `channels`, `releases` and `install.sh`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How often the binary was fetched.
    pub fn downloads(&self) -> usize {
        self.downloads.load(Ordering::Relaxed)
    }
}

async fn serve(listener: TcpListener, state: Arc<State>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Ok((stream, _)) = listener.accept() => {
                let state = Arc::clone(&state);
                let service = service_fn(move |request: Request<Incoming>| {
                    let answer = answer(&state, request.uri().path());
                    async move { Ok::<_, Infallible>(answer) }
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

fn answer(state: &State, path: &str) -> Response<Full<Bytes>> {
    let name = path.rsplit('/').next().unwrap_or_default();
    if path.starts_with("/channels/") {
        let to = format!("/releases/tag/{}", state.version.replace('+', "%2B"));
        let mut response = Response::new(Full::default());
        *response.status_mut() = StatusCode::FOUND;
        if let Ok(to) = to.parse() {
            response.headers_mut().insert(LOCATION, to);
        }
        return response;
    }
    let body = match name {
        "install.sh" => Bytes::from_static(INSTALLER.as_bytes()),
        "k3s" | "k3s-arm64" | "k3s-armhf" => {
            state.downloads.fetch_add(1, Ordering::Relaxed);
            state.binary.clone()
        }
        _ if name.starts_with("sha256sum-") => {
            let digest = ring::digest::digest(&ring::digest::SHA256, &state.binary);
            let mut hex = String::new();
            for byte in digest.as_ref() {
                let _ = write!(hex, "{byte:02x}");
            }
            let all = ["k3s", "k3s-arm64", "k3s-armhf"];
            all.map(|name| format!("{hex}  {name}\n")).concat().into()
        }
        _ => {
            let mut response = Response::new(Full::default());
            *response.status_mut() = StatusCode::NOT_FOUND;
            return response;
        }
    };
    Response::new(Full::new(body))
}
