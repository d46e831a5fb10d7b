//! Logs of pods against a server that cuts, ends, restarts and misbehaves.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;

use super::server::{Answer, Server, json, list, status, text};
use super::{plain, target};
use crate::clients::kubernetes::{connect, read_logs};
use crate::rack::log::{LogNews, LogQuery, NamePattern, SourceState};

const LOG: &str = "get /api/v1/namespaces/office/pods/web/log";
const POD: &str = "get /api/v1/namespaces/office/pods/web";

fn pod(name: &str, containers: &[&str]) -> String {
    let containers: Vec<String> = containers
        .iter()
        .map(|name| format!(r#"{{"name":"{name}"}}"#))
        .collect();
    format!(
        r#"{{"metadata":{{"name":"{name}","namespace":"office"}},"spec":{{"containers":[{}]}}}}"#,
        containers.join(",")
    )
}

fn state(phase: &str) -> Answer {
    json(&format!(r#"{{"status":{{"phase":"{phase}"}}}}"#))
}

/// Lines numbered from `from`, a hundred milliseconds apart.
fn lines(from: u32, to: u32) -> String {
    let line = |number: u32| {
        let (second, tenth) = (number / 10, number % 10);
        format!("2026-11-24T10:00:{second:02}.{tenth}Z line {number}\n")
    };
    (from..to).map(line).collect()
}

fn query(follow: bool) -> LogQuery {
    LogQuery {
        namespace: Some("office".to_owned()),
        follow,
        ..LogQuery::default()
    }
}

/// Everything that is told until the end, or until `enough` says so.
async fn read(
    server: &Server,
    query: LogQuery,
    enough: impl Fn(&[LogNews]) -> bool,
) -> Vec<LogNews> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    std::fs::write(&path, plain(server)).unwrap();
    let connection = connect(&target(path)).await.unwrap();
    let (out, mut receiver) = mpsc::channel(16);
    let mut all = Vec::new();
    let collecting = async {
        while let Some(news) = receiver.recv().await {
            all.push(news);
            if enough(&all) {
                break;
            }
        }
        drop(receiver);
    };
    let both = async { tokio::join!(read_logs(connection, query, out), collecting) };
    timeout(Duration::from_secs(20), both)
        .await
        .expect("it does not come");
    all
}

fn texts(news: &[LogNews]) -> Vec<String> {
    let lines = news.iter().filter_map(|news| match news {
        LogNews::Lines(lines) => Some(lines),
        _ => None,
    });
    let text = |line: &crate::rack::log::LogLine| String::from_utf8_lossy(&line.text).into_owned();
    lines.flatten().map(text).collect()
}

fn states(news: &[LogNews]) -> Vec<&SourceState> {
    let mut states = Vec::new();
    for news in news {
        if let LogNews::State(_, state) = news {
            states.push(state);
        }
    }
    states
}

fn numbered(from: u32, to: u32) -> Vec<String> {
    (from..to).map(|number| format!("line {number}")).collect()
}

#[tokio::test]
async fn cuts_ends_and_restarts_lose_nothing_and_repeat_nothing() {
    let server = Server::start().await;
    server.always("list pods", list("1", &[&pod("web", &["app"])]));
    server.always(POD, state("Running"));
    // The kubelet answers from the whole second before the last line on; a cut falls into the middle of a line.
    server.next(
        LOG,
        [
            Answer::Cut(format!("{}2026-11-24T10:00:02.5Z li", lines(0, 25))),
            text(200, "text/plain", &lines(10, 40)),
            status(500, r#"{"kind":"Status","message":"the kubelet is away"}"#),
            text(200, "text/plain", &lines(20, 57)),
            Answer::Stream(lines(40, 60)),
        ],
    );
    let news = read(&server, query(true), |all| texts(all).len() >= 60).await;
    assert_eq!(texts(&news), numbered(0, 60));
    let requests = server.requests(LOG);
    assert!(!requests[0].contains("sinceTime"), "{}", requests[0]);
    assert!(
        requests[1].contains("sinceTime=2026-11-24T10%3A00%3A01Z"),
        "{}",
        requests[1]
    );
    assert!(
        states(&news)
            .iter()
            .any(|it| matches!(it, SourceState::Failing(_)))
    );
}

#[tokio::test]
async fn a_pod_that_is_over_ends_its_log_with_the_reason() {
    let server = Server::start().await;
    server.always("list pods", list("1", &[&pod("web", &["app"])]));
    server.next(LOG, [text(200, "text/plain", &lines(0, 5))]);
    server.always(LOG, text(200, "text/plain", &lines(0, 7)));
    server.always(POD, state("Succeeded"));
    let ended = |all: &[LogNews]| {
        let last = states(all).last().copied();
        matches!(last, Some(SourceState::Ended(_)))
    };
    let news = read(&server, query(true), ended).await;
    assert_eq!(texts(&news), numbered(0, 7), "the last words are read too");
    assert_eq!(
        states(&news).last(),
        Some(&&SourceState::Ended("the pod has succeeded".to_owned()))
    );
}

#[tokio::test]
async fn new_pods_are_picked_up_and_containers_chosen_by_name() {
    let server = Server::start().await;
    server.always("list pods", list("1", &[&pod("web", &["app", "proxy"])]));
    server.always(POD, state("Running"));
    let late = format!(
        r#"{{"type":"ADDED","object":{}}}"#,
        pod("web-2", &["app", "proxy"])
    );
    server.next("watch pods", [Answer::Stream(format!("{late}\n"))]);
    server.always(LOG, Answer::Stream(lines(0, 2)));
    let second = "get /api/v1/namespaces/office/pods/web-2/log";
    server.always(second, Answer::Stream(lines(2, 4)));
    let query = LogQuery {
        without: NamePattern::exactly("proxy"),
        ..query(true)
    };
    let news = read(&server, query, |all| texts(all).len() >= 4).await;
    let mut all = texts(&news);
    all.sort();
    assert_eq!(all, numbered(0, 4));
    assert_eq!(server.requests(second).len(), 1);
    assert!(server.requests(second)[0].contains("container=app"));
}

#[tokio::test]
async fn sources_are_merged_by_time() {
    let server = Server::start().await;
    server.always(
        "list pods",
        list("1", &[&pod("web", &["app"]), &pod("api", &["app"])]),
    );
    let all = lines(0, 20);
    let every_second = |first: usize| -> String {
        let lines = all.split_inclusive('\n').skip(first).step_by(2);
        lines.collect()
    };
    let (odd, even) = (every_second(0), every_second(1));
    server.always(LOG, text(200, "text/plain", &odd));
    server.always(
        "get /api/v1/namespaces/office/pods/api/log",
        text(200, "text/plain", &even),
    );
    let news = read(&server, query(false), |_| false).await;
    assert_eq!(texts(&news), numbered(0, 20));
}

#[tokio::test]
async fn what_cannot_be_read_says_why_and_the_rest_goes_on() {
    let server = Server::start().await;
    server.always(
        "list pods",
        list("1", &[&pod("web", &["app"]), &pod("api", &["app"])]),
    );
    let forbidden =
        r#"{"kind":"Status","reason":"Forbidden","message":"pods \"web\" is forbidden"}"#;
    server.always(LOG, status(403, forbidden));
    server.always(
        "get /api/v1/namespaces/office/pods/api/log",
        text(200, "text/plain", &lines(0, 3)),
    );
    let news = read(&server, query(false), |_| false).await;
    assert_eq!(texts(&news), numbered(0, 3));
    let failing = states(&news).into_iter().find_map(|state| match state {
        SourceState::Failing(problem) => Some(problem.sentence()),
        _ => None,
    });
    let sentence = failing.unwrap();
    assert!(
        sentence.contains("office/web (app)") && sentence.contains("pods/log"),
        "{sentence}"
    );
}

#[tokio::test]
async fn a_container_that_has_not_begun_is_waited_for() {
    let server = Server::start().await;
    server.always("list pods", list("1", &[&pod("web", &["app"])]));
    server.always(POD, state("Pending"));
    let waiting = r#"{"kind":"Status","message":"container \"app\" in pod \"web\" is waiting to start: ContainerCreating"}"#;
    server.next(LOG, [status(400, waiting), Answer::Stream(lines(0, 1))]);
    let news = read(&server, query(true), |all| !texts(all).is_empty()).await;
    assert_eq!(
        states(&news).first(),
        Some(&&SourceState::Waiting("ContainerCreating".to_owned()))
    );
}

#[tokio::test]
async fn nothing_found_is_told_once_and_a_namespace_that_is_none() {
    let server = Server::start().await;
    server.always("list pods", list("1", &[]));
    let nothing = |all: &[LogNews]| -> Vec<bool> {
        let found = all.iter().filter_map(|news| match news {
            LogNews::Nothing { is_nowhere } => Some(*is_nowhere),
            _ => None,
        });
        found.collect()
    };
    let missing = r#"{"kind":"Status","message":"namespaces \"office\" not found"}"#;
    server.always("get /api/v1/namespaces/office", status(404, missing));
    let news = read(&server, query(false), |_| false).await;
    assert_eq!(nothing(&news), [true]);
    // A watch that ends at once is taken up again; the next look has a pod.
    server.always("get /api/v1/namespaces/office", json("{}"));
    server.next(
        "list pods",
        [
            list("1", &[]),
            list("1", &[]),
            list("1", &[&pod("web", &["app"])]),
        ],
    );
    server.always("watch pods", text(200, "application/json", ""));
    server.always(LOG, Answer::Stream(lines(0, 1)));
    let news = read(&server, query(true), |all| !texts(all).is_empty()).await;
    assert_eq!(nothing(&news), [false]);
    assert!(matches!(news.first(), Some(LogNews::Nothing { .. })));
}
