//! k3s's releases over HTTP: a channel that leads to a tag, checksums, a binary, the installer; and who asked for what.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

pub(crate) struct Releases {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<String>>>,
    is_spoilt: Arc<AtomicBool>,
}

impl Releases {
    pub(crate) async fn start(version: &str, binary: &str, installer: &str) -> Releases {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let is_spoilt = Arc::new(AtomicBool::new(false));
        let releases = Releases {
            url,
            asked: Arc::clone(&asked),
            is_spoilt: Arc::clone(&is_spoilt),
        };
        let (base, tag) = (releases.url.clone(), version.replace('+', "%2B"));
        let (binary, installer) = (binary.to_owned(), installer.to_owned());
        let sums = format!(
            "{}  k3s-arm64\n{}  k3s-airgap-images-arm64.tar\n",
            super::sha256(binary.as_bytes()),
            "0".repeat(64)
        );
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = Vec::new();
                let mut piece = [0; 4_096];
                while !head.windows(4).any(|it| it == b"\r\n\r\n") {
                    match stream.read(&mut piece).await {
                        Ok(length) if length > 0 => head.extend_from_slice(&piece[..length]),
                        _ => break,
                    }
                }
                let head = String::from_utf8_lossy(&head).into_owned();
                let path = head
                    .split_whitespace()
                    .nth(1)
                    .unwrap_or_default()
                    .to_owned();
                asked.lock().unwrap().push(path.clone());
                let spoilt = if is_spoilt.load(Ordering::Relaxed) {
                    "#"
                } else {
                    ""
                };
                let answer = match path.as_str() {
                    "/channels/stable" => format!(
                        "HTTP/1.1 302 x\r\nLocation: {base}/tag/{tag}\r\nContent-Length: 0\r\n"
                    ),
                    "/install.sh" => body(&installer),
                    path if path == format!("/releases/{tag}/sha256sum-arm64.txt") => body(&sums),
                    path if path == format!("/releases/{tag}/k3s-arm64") => {
                        format!(
                            "HTTP/1.1 302 x\r\nLocation: {base}/objects/k3s-arm64\r\nContent-Length: 0\r\n"
                        )
                    }
                    "/objects/k3s-arm64" => body(&format!("{binary}{spoilt}")),
                    _ => "HTTP/1.1 404 x\r\nContent-Length: 0\r\n".to_owned(),
                };
                let answer = match answer.split_once("\r\n\r\n") {
                    Some((head, body)) => format!("{head}\r\nConnection: close\r\n\r\n{body}"),
                    None => format!("{answer}Connection: close\r\n\r\n"),
                };
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        });
        releases
    }

    /// From now on the binary is not what its checksum says.
    pub(crate) fn spoil(&self) {
        self.is_spoilt.store(true, Ordering::Relaxed);
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// How often the object itself was fetched.
    pub(crate) fn count(&self, name: &str) -> usize {
        self.asked()
            .iter()
            .filter(|path| path.starts_with("/objects/") && path.ends_with(name))
            .count()
    }
}

fn body(text: &str) -> String {
    format!(
        "HTTP/1.1 200 x\r\nContent-Length: {}\r\n\r\n{text}",
        text.len()
    )
}
