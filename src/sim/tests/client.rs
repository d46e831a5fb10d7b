//! A tiny HTTP client for the simulator's own tests, on a bare socket.
//!
//! It speaks HTTP/1.0, so that bodies come without chunks and end with the connection.
//! Invariant: nothing waits longer than the deadline.

use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::sim::Sim;

const DEADLINE: Duration = Duration::from_secs(30);

pub(crate) struct Client {
    address: String,
    token: String,
}

pub(crate) struct Reply {
    pub(crate) code: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

/// The lines of an open watch.
pub(crate) struct Lines(BufReader<TcpStream>);

impl Client {
    pub(crate) fn new(sim: &Sim) -> Self {
        Self {
            address: sim.url().replace("http://", ""),
            token: sim.token().to_owned(),
        }
    }

    pub(crate) fn with_token(sim: &Sim, token: &str) -> Self {
        Self {
            token: token.to_owned(),
            ..Self::new(sim)
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send("GET", path, "", "").await
    }

    /// GET of JSON that must be answered with 200.
    pub(crate) async fn json(&self, path: &str) -> Value {
        let reply = self.get(path).await;
        assert_eq!(reply.code, 200, "{path}: {}", reply.body);
        reply.json()
    }

    pub(crate) async fn merge(&self, path: &str, change: &Value) -> Reply {
        let kind = "application/merge-patch+json";
        self.send("PATCH", path, kind, &change.to_string()).await
    }

    pub(crate) async fn send(&self, method: &str, path: &str, kind: &str, body: &str) -> Reply {
        let mut reader = self.open(method, path, kind, body).await.unwrap();
        let head = read_head(&mut reader).await;
        let mut body = String::new();
        // A connection that is dropped half-way is an answer too.
        let _ = timeout(DEADLINE, reader.read_to_string(&mut body))
            .await
            .expect("body in time");
        let code = head.split(' ').nth(1).unwrap().parse().unwrap();
        Reply { code, head, body }
    }

    pub(crate) async fn watch(&self, path: &str) -> Lines {
        let mut reader = self.open("GET", path, "", "").await.unwrap();
        let head = read_head(&mut reader).await;
        assert!(head.contains(" 200 "), "{head}");
        Lines(reader)
    }

    /// Whether the port takes connections at all.
    pub(crate) async fn connects(&self) -> bool {
        TcpStream::connect(&self.address).await.is_ok()
    }

    async fn open(
        &self,
        method: &str,
        path: &str,
        kind: &str,
        body: &str,
    ) -> std::io::Result<BufReader<TcpStream>> {
        let mut stream = TcpStream::connect(&self.address).await?;
        let request = format!(
            "{method} {path} HTTP/1.0\r\nAuthorization: Bearer {}\r\nContent-Type: {kind}\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.token,
            body.len()
        );
        stream.write_all(request.as_bytes()).await?;
        Ok(BufReader::new(stream))
    }
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

impl Lines {
    /// The next event; `None` when the stream has ended.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        let mut line = String::new();
        let read = timeout(DEADLINE, self.0.read_line(&mut line))
            .await
            .expect("a line in time");
        match read {
            Ok(0) | Err(_) => None,
            Ok(_) => Some(serde_json::from_str(&line).unwrap()),
        }
    }

    /// The first event that fits.
    pub(crate) async fn until(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        loop {
            let event = self.next().await.expect("the stream goes on");
            if fits(&event) {
                return event;
            }
        }
    }

    /// True if nothing comes for that long.
    pub(crate) async fn is_silent(&mut self, time: Duration) -> bool {
        let mut byte = [0];
        timeout(time, self.0.read(&mut byte)).await.is_err()
    }
}

async fn read_head(reader: &mut BufReader<TcpStream>) -> String {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        let read = timeout(DEADLINE, reader.read_line(&mut head))
            .await
            .expect("a head in time");
        assert_ne!(read.unwrap(), 0, "connection closed in the head: {head}");
    }
    head
}
