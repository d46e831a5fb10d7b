//! Probing real sockets on loopback: answers, refusals, silence, pace and the end of it.

use std::net::{IpAddr, Ipv4Addr};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;

const FAST: Pace = Pace {
    interval: Duration::from_millis(100),
    patience: Duration::from_millis(200),
    at_once: 2,
};

struct Probing {
    targets: watch::Sender<Vec<Target>>,
    results: mpsc::Receiver<(Target, Outcome)>,
    task: JoinHandle<()>,
}

fn probing(pace: Pace, targets: Vec<Target>) -> Probing {
    let (sender, receiver) = watch::channel(targets);
    let (out, results) = mpsc::channel(64);
    let task = tokio::spawn(follow(receiver, pace, out));
    Probing {
        targets: sender,
        results,
        task,
    }
}

async fn listener() -> (TcpListener, Target) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
    (listener, Target { address, port })
}

#[tokio::test]
async fn a_listener_answers_and_a_dead_one_is_told_within_an_interval_and_the_patience() {
    let (listener, target) = listener().await;
    let mut probing = probing(FAST, vec![target]);
    let (_, first) = probing.results.recv().await.unwrap();
    assert!(first.is_answer(), "{first:?}");
    drop(listener);
    let died = Instant::now();
    let outcome = loop {
        let (_, outcome) = probing.results.recv().await.unwrap();
        if !outcome.is_answer() {
            break outcome;
        }
    };
    assert_eq!(outcome, Outcome::Refused);
    // A busy machine may add to it; without a bound the pace could be anything.
    let bound = FAST.interval + FAST.patience + Duration::from_millis(500);
    assert!(died.elapsed() < bound, "{:?}", died.elapsed());
}

#[tokio::test]
async fn no_port_is_tried_more_often_than_the_pace_says_however_the_screen_scrolls() {
    let (listener, target) = listener().await;
    let pace = Pace {
        interval: Duration::from_secs(60),
        ..FAST
    };
    let mut probing = probing(pace, vec![target]);
    probing.results.recv().await.unwrap();
    for _ in 0..5 {
        probing.targets.send(Vec::new()).unwrap();
        tokio::task::yield_now().await;
        probing.targets.send(vec![target]).unwrap();
        tokio::task::yield_now().await;
    }
    let again = timeout(Duration::from_millis(100), probing.results.recv()).await;
    assert!(again.is_err(), "{again:?}");
    drop(listener);
}

#[tokio::test]
async fn nothing_is_probed_without_targets_and_it_ends_with_its_owner() {
    let Probing {
        targets,
        mut results,
        task,
    } = probing(FAST, Vec::new());
    let nothing = timeout(Duration::from_millis(250), results.recv()).await;
    assert!(nothing.is_err());
    drop(targets);
    timeout(Duration::from_secs(5), task)
        .await
        .unwrap()
        .unwrap();
}

/// Answers one connection with these bytes.
async fn one_answer(bytes: &'static [u8]) -> String {
    let (listener, target) = listener().await;
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 1_024];
        let _ = stream.read(&mut request).await;
        stream.write_all(bytes).await.unwrap();
    });
    format!("http://{target}/")
}

#[tokio::test]
async fn a_url_is_asked_for_its_status() {
    let url = one_answer(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n").await;
    let words = status(&url).await.unwrap();
    assert!(
        words.starts_with(&format!("{url} answers 503 Service Unavailable in ")),
        "{words}"
    );
}

#[tokio::test]
async fn what_is_no_web_server_is_said_to_be_none() {
    let url = one_answer(b"220 mail.example.org ESMTP\r\n").await;
    assert!(matches!(status(&url).await, Err(Error::Http { .. })));
    let url = one_answer(b"").await;
    assert!(matches!(status(&url).await, Err(Error::Http { .. })));
    let secure = one_answer(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        .await
        .replace("http:", "https:");
    assert!(matches!(status(&secure).await, Err(Error::Tls { .. })));
    assert!(matches!(status("nonsense").await, Err(Error::NoUrl(_))));
}
