//! Leaving in the middle of work.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep};

use super::*;
use crate::clients::drafts::Drafts;
use crate::rack::draft::{self, Applied, DraftKey, Known};
use crate::rack::pool_text::{Change, Deed, Form};

const NAMES: [&str; 4] = ["one", "two", "three", "four"];

fn effects(folder: &Path) -> (Effects, mpsc::Receiver<Msg>) {
    let target = Target {
        kubeconfig: Some(folder.join("config")),
        ..Target::default()
    };
    let notes = folder.join("undo");
    Effects::new(Places { target, notes })
}

#[tokio::test(start_paused = true)]
async fn leaving_waits_for_a_change_and_not_for_a_reader() {
    let folder = tempfile::tempdir().unwrap();
    let (mut effects, inbox) = effects(folder.path());
    let is_over = Arc::new(AtomicBool::new(false));
    let (over, told) = (Arc::clone(&is_over), effects.inbox.clone());
    effects.write(TaskKey::Write, async move {
        sleep(Duration::from_secs(5)).await;
        // More than the inbox holds: nobody empties it any more.
        for _ in 0..=INBOX {
            let _ = told.send(Msg::GoOnWithLogs).await;
        }
        over.store(true, Ordering::SeqCst);
    });
    effects.read(TaskKey::Check, std::future::pending());
    let begun = Instant::now();
    effects.finish(inbox).await;
    assert!(is_over.load(Ordering::SeqCst));
    assert_eq!(begun.elapsed().as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn leaving_does_not_wait_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let (effects, inbox) = effects(folder.path());
    effects.write(TaskKey::Write, std::future::pending());
    let begun = Instant::now();
    effects.finish(inbox).await;
    assert_eq!(begun.elapsed().as_secs(), LAST_CHANGE.as_secs());
}

#[tokio::test]
async fn a_change_of_pools_that_is_left_in_the_middle_ends_and_has_its_line() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let written = Arc::new(Mutex::new(Vec::new()));
    let server = tokio::spawn(serve(listener, Arc::clone(&written)));
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: test\n\
         contexts: [{{name: test, context: {{cluster: c, user: u}}}}]\n\
         clusters: [{{name: c, cluster: {{server: \"{url}\"}}}}]\n\
         users: [{{name: u, user: {{token: t}}}}]\n"
    );
    std::fs::write(folder.path().join("config"), kubeconfig).unwrap();
    let (effects, inbox) = effects(folder.path());
    let mut effects = effects.keeping(folder.path());
    let form = Form::Objects {
        namespace: "metallb-system".to_owned(),
    };
    let key = DraftKey {
        context: "test".to_owned(),
        target: "metallb/metallb-system".to_owned(),
    };
    let record = Applied {
        at: Timestamp::UNIX_EPOCH,
        key,
        form: Some(form.clone()),
        deed: draft::Deed::Edit,
        before: "before".to_owned(),
        after: "after".to_owned(),
        changes: Vec::new(),
        stopped: String::new(),
    };
    let changes = NAMES.map(patch).to_vec();
    effects.run(Effect::ChangePools {
        form,
        changes,
        record,
    });
    while written.lock().unwrap().len() < 2 {
        sleep(Duration::from_millis(5)).await;
    }
    effects.finish(inbox).await;
    assert_eq!(*written.lock().unwrap(), NAMES);
    let (history, _) = Drafts::new(folder.path()).history("test").unwrap();
    let kept: Vec<Vec<&str>> = (history.iter())
        .map(|applied| (applied.changes.iter().map(|done| &*done.id.name)).collect())
        .collect();
    assert_eq!(kept, [NAMES]);
    server.abort();
}

fn pool(name: &str) -> String {
    json!({
        "apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool",
        "metadata": { "name": name, "namespace": "metallb-system", "uid": format!("u-{name}"), "resourceVersion": "8" },
        "spec": { "addresses": ["10.0.0.1/32"] },
    })
    .to_string()
}

fn patch(name: &str) -> Change {
    Change {
        id: Known::read(&pool(name)).unwrap().id,
        deed: Deed::Patch {
            patch: json!({ "spec": { "autoAssign": false } }),
            before: json!({ "spec": {} }),
            uid: format!("u-{name}"),
            version: "7".to_owned(),
        },
        line: 0,
    }
}

/// An API server that takes its time over every request, and notes the pools that were patched.
async fn serve(listener: TcpListener, written: Arc<Mutex<Vec<String>>>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        tokio::spawn(answer(stream, Arc::clone(&written)));
    }
}

async fn answer(stream: TcpStream, written: Arc<Mutex<Vec<String>>>) {
    let mut stream = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if stream.read_line(&mut head).await.unwrap_or(0) == 0 {
                return;
            }
        }
        let length = head.to_lowercase();
        let length = length.split_once("content-length: ");
        let length = length.and_then(|(_, rest)| rest.lines().next()?.parse().ok());
        let mut body = vec![0; length.unwrap_or(0)];
        stream.read_exact(&mut body).await.unwrap();
        sleep(Duration::from_millis(50)).await;
        let line = head.lines().next().unwrap_or_default();
        let target = line.split(' ').nth(1).unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let name = path.rsplit('/').next().unwrap_or_default();
        let text = if line.starts_with("PATCH") {
            if !query.contains("dryRun") {
                written.lock().unwrap().push(name.to_owned());
            }
            pool(name)
        } else {
            r#"{"kind":"List","metadata":{"resourceVersion":"9"},"items":[]}"#.to_owned()
        };
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{text}",
            text.len()
        );
        stream.get_mut().write_all(answer.as_bytes()).await.unwrap();
    }
}
