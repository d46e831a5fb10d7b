//! A server that gives the answers it was told to, one connection after the other, and remembers what it was asked.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// The raw answers by the beginning of the path; the last one of a path is given again and again.
pub(in crate::clients::gitlab) struct Script {
    answers: Vec<(String, Vec<Vec<u8>>)>,
}

impl Script {
    pub(in crate::clients::gitlab) fn new() -> Script {
        Script {
            answers: Vec::new(),
        }
    }

    /// Below `/api/v4`.
    pub(in crate::clients::gitlab) fn on(
        mut self,
        path: &str,
        answer: impl Into<Vec<u8>>,
    ) -> Script {
        let path = match path {
            "/graphql" => "/gitlab/api/graphql".to_owned(),
            path => format!("/gitlab/api/v4{path}"),
        };
        match self.answers.iter_mut().find(|(of, _)| *of == path) {
            Some((_, answers)) => answers.push(answer.into()),
            None => self.answers.push((path, vec![answer.into()])),
        }
        self
    }

    /// Starts it on a free port of this machine. It ends with the test.
    pub(in crate::clients::gitlab) async fn start(self) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/gitlab/", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let answers = Arc::new(Mutex::new(self.answers));
        let seen = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (answers, seen) = (Arc::clone(&answers), Arc::clone(&seen));
                tokio::spawn(async move {
                    let mut request = Vec::new();
                    let mut part = [0_u8; 4096];
                    loop {
                        let Ok(count @ 1..) = stream.read(&mut part).await else {
                            return;
                        };
                        request.extend_from_slice(&part[..count]);
                        if is_whole(&request) {
                            break;
                        }
                    }
                    let request = String::from_utf8_lossy(&request).into_owned();
                    let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
                    seen.lock().unwrap().push(request);
                    let answer = answer(&mut answers.lock().unwrap(), &path);
                    let _ = stream.write_all(&answer).await;
                    let _ = stream.shutdown().await;
                });
            }
        });
        Server { url, asked }
    }
}

/// The longest beginning of a path that is known decides.
fn answer(answers: &mut [(String, Vec<Vec<u8>>)], path: &str) -> Vec<u8> {
    let known = answers
        .iter_mut()
        .filter(|(of, _)| path.starts_with(of.as_str()))
        .max_by_key(|(of, _)| of.len());
    match known {
        Some((_, answers)) if answers.len() > 1 => answers.remove(0),
        Some((_, answers)) => answers[0].clone(),
        None => json_with("404 Not Found", "", r#"{"error":"404 Not Found"}"#),
    }
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map_or(0, |(_, value)| value.parse().unwrap());
    body.len() >= length
}

pub(in crate::clients::gitlab) struct Server {
    pub(in crate::clients::gitlab) url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// An address nobody listens at: port 1 needs rights that no test has.
    pub(in crate::clients::gitlab) fn unreachable() -> Server {
        Server {
            url: "http://127.0.0.1:1/gitlab".to_owned(),
            asked: Arc::default(),
        }
    }

    /// The requests so far, as they came.
    pub(in crate::clients::gitlab) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// `200 OK` with JSON.
pub(in crate::clients::gitlab) fn json(body: &str) -> Vec<u8> {
    json_with("200 OK", "", body)
}

/// `headers` end with a line end each.
pub(in crate::clients::gitlab) fn json_with(status: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
         Connection: close\r\n{headers}\r\n{body}"
    )
    .into_bytes()
}
