//! A scripted API server on 127.0.0.1 that speaks just enough HTTP to misbehave on purpose: it can hold a watch open,
//! cut it, send half a line, hang, refuse and come back. Not the simulator: it knows no objects.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;
use tokio::task::JoinSet;

/// What to do with one request.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    /// Code, extra header lines, body.
    Whole(u16, String, String),
    /// The head of a stream and these bytes; then pushes decide.
    Stream(String),
    /// The same, and the connection is closed in the middle of the body.
    Cut(String),
    /// Nothing, for ever.
    Hang,
}

#[derive(Default)]
struct Script {
    next: HashMap<String, VecDeque<Answer>>,
    always: HashMap<String, Answer>,
    requests: Vec<String>,
    is_hanging: bool,
}

pub(super) struct Server {
    pub(super) address: SocketAddr,
    script: Arc<Mutex<Script>>,
    pushes: broadcast::Sender<(String, String)>,
    running: Option<JoinSet<()>>,
}

pub(super) fn json(body: &str) -> Answer {
    status(200, body)
}

pub(super) fn status(code: u16, body: &str) -> Answer {
    Answer::Whole(
        code,
        "Content-Type: application/json\r\n".to_owned(),
        body.to_owned(),
    )
}

pub(super) fn text(code: u16, kind: &str, body: &str) -> Answer {
    Answer::Whole(code, format!("Content-Type: {kind}\r\n"), body.to_owned())
}

/// A list with these items at this version.
pub(super) fn list(version: &str, items: &[&str]) -> Answer {
    json(&format!(
        r#"{{"kind":"List","metadata":{{"resourceVersion":"{version}"}},"items":[{}]}}"#,
        items.join(",")
    ))
}

impl Server {
    pub(super) async fn start() -> Self {
        let mut server = Self {
            address: ([127, 0, 0, 1], 0).into(),
            script: Arc::default(),
            pushes: broadcast::channel(1024).0,
            running: None,
        };
        server.come_back().await;
        server
    }

    /// Listens again, on the port it had before.
    pub(super) async fn come_back(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.address = listener.local_addr().unwrap();
        let (script, pushes) = (self.script.clone(), self.pushes.clone());
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                connections.spawn(serve(stream, script.clone(), pushes.clone()));
            }
        });
        self.running = Some(tasks);
    }

    /// Every connection breaks and new ones are refused.
    pub(super) fn die(&mut self) {
        self.running = None;
    }

    /// Connections are accepted, requests are read, and nothing is ever answered or pushed.
    pub(super) fn hang(&self, is_hanging: bool) {
        self.script.lock().unwrap().is_hanging = is_hanging;
    }

    /// The answers to the next requests of a kind (`list nodes`, `watch pods`, `get /version`), in their order.
    pub(super) fn next(&self, kind: &str, answers: impl IntoIterator<Item = Answer>) {
        let mut script = self.script.lock().unwrap();
        script
            .next
            .entry(kind.to_owned())
            .or_default()
            .extend(answers);
    }

    /// The answer when no other is left for this kind.
    pub(super) fn always(&self, kind: &str, answer: Answer) {
        self.script
            .lock()
            .unwrap()
            .always
            .insert(kind.to_owned(), answer);
    }

    /// Sends bytes on all open streams of a kind.
    pub(super) fn push(&self, kind: &str, bytes: &str) {
        let _ = self.pushes.send((kind.to_owned(), bytes.to_owned()));
    }

    /// Request lines and bodies of one kind so far.
    pub(super) fn requests(&self, kind: &str) -> Vec<String> {
        let script = self.script.lock().unwrap();
        let of_kind = |line: &&String| line.starts_with(kind);
        script.requests.iter().filter(of_kind).cloned().collect()
    }
}

const KINDS: [&str; 16] = [
    "nodes",
    "leases",
    "pods",
    "events",
    "service-events",
    "services",
    "endpointslices",
    "daemonsets",
    "deployments",
    "configmaps",
    "namespaces",
    "storageclasses",
    "persistentvolumeclaims",
    "persistentvolumes",
    "claim-events",
    "mount-events",
];

/// `list nodes`, `watch pods`, `get /version`, `patch …`: what a request is about.
fn kind(method: &str, target: &str) -> String {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let last = path.rsplit('/').next().unwrap_or_default();
    let last = match last {
        // Asked for several times, about Nodes, Services, claims and mounts.
        "events" if query.contains("Service") => "service-events",
        "events" if query.contains("PersistentVolumeClaim") => "claim-events",
        "events" if query.contains("FailedMount") => "mount-events",
        last => last,
    };
    let is_list = KINDS.contains(&last) || path.contains("/apis/metallb.io/") && last != "v1beta1";
    match (method, is_list) {
        ("GET", true) if path.contains("metrics") => "get metrics".to_owned(),
        ("GET", true) if query.contains("watch=true") => format!("watch {last}"),
        ("GET", true) => format!("list {last}"),
        _ => format!("{} {path}", method.to_lowercase()),
    }
}

fn default(kind: &str) -> Answer {
    match kind {
        "get /version" => json(r#"{"gitVersion":"v1.36.2"}"#),
        "get /readyz" => text(200, "text/plain", "ok"),
        "get metrics" => text(404, "text/plain", "404 page not found"),
        kind if kind.starts_with("watch") => Answer::Stream(String::new()),
        kind if kind.starts_with("list") => list("1", &[]),
        _ => text(404, "text/plain", "404 page not found"),
    }
}

async fn serve(
    mut stream: TcpStream,
    script: Arc<Mutex<Script>>,
    pushes: broadcast::Sender<(String, String)>,
) {
    while let Some((method, target, credential, body)) = read(&mut stream).await {
        let kind = kind(&method, &target);
        let mut stream_of_all = pushes.subscribe();
        let answer = {
            let mut script = script.lock().unwrap();
            let request = format!("{kind} {target} {credential} {body}");
            script.requests.push(request);
            let next = script.next.get_mut(&kind).and_then(VecDeque::pop_front);
            let always = script.always.get(&kind).cloned();
            if script.is_hanging {
                Answer::Hang
            } else {
                next.or(always).unwrap_or_else(|| default(&kind))
            }
        };
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\
                    Transfer-Encoding: chunked\r\n\r\n";
        match answer {
            Answer::Hang => std::future::pending().await,
            Answer::Whole(code, headers, body) => {
                let length = body.len();
                let head =
                    format!("HTTP/1.1 {code} X\r\n{headers}Content-Length: {length}\r\n\r\n");
                let _ = stream.write_all((head + &body).as_bytes()).await;
            }
            Answer::Cut(bytes) => {
                let _ = stream.write_all(head.as_bytes()).await;
                let _ = stream.write_all(chunk(&bytes).as_bytes()).await;
                return;
            }
            Answer::Stream(bytes) => {
                let _ = stream.write_all(head.as_bytes()).await;
                let _ = stream.write_all(chunk(&bytes).as_bytes()).await;
                while let Ok((to, bytes)) = stream_of_all.recv().await {
                    let is_hanging = script.lock().unwrap().is_hanging;
                    if to == kind && !is_hanging {
                        let _ = stream.write_all(chunk(&bytes).as_bytes()).await;
                    }
                }
            }
        }
    }
}

fn chunk(bytes: &str) -> String {
    if bytes.is_empty() {
        return String::new();
    }
    format!("{:x}\r\n{bytes}\r\n", bytes.len())
}

/// Method, target, credential and body of the next request.
async fn read(stream: &mut TcpStream) -> Option<(String, String, String, String)> {
    let mut head = vec![stream.read_u8().await.ok()?];
    if head == [0x16] {
        // A TLS handshake: answered as a plain web server does.
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        return None;
    }
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).ok()?;
    let mut words = head.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let header = |wanted: &str| {
        let mut lines = head.lines().filter_map(|line| line.split_once(": "));
        let found = lines.find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.map(|(_, value)| value.to_owned())
    };
    let length = header("content-length").map_or(0, |value| value.parse().unwrap());
    let credential = header("authorization").unwrap_or_default();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some((method, target, credential, String::from_utf8(body).ok()?))
}
