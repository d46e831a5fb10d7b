//! The client against recorded answers and a server that plays them.

#![allow(clippy::print_stderr, reason = "a skip is said aloud")]

pub(super) mod server;
mod tls;

use std::fs;
use std::path::{Path, PathBuf};

use ::http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;

use super::*;
use crate::rack::pipeline::{Status, stages};
use server::{Script, Server, json, json_with};

/// What was recorded and written down for the project; tests without it say so.
const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/gitlab/api");

fn files(under: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(Path::new(DATA).join(under)) else {
        assert!(std::env::var_os("CI").is_none(), "{under} is not there");
        eprintln!("skipped: {under} is not there");
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

pub(super) async fn gitlab(server: &Server) -> Gitlab {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("token");
    fs::write(&file, "glpat-very-secret").unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(&file, mode).unwrap();
    let settings = Settings {
        name: "office".into(),
        url: server.url.clone(),
        ca_file: None,
        token: TokenSource::File(file),
        projects: Vec::new(),
    };
    connect(&settings).await.unwrap()
}

fn decode(text: &str) -> Result<Vec<Job>, serde_json::Error> {
    let jobs: Vec<wire::WireJob> = serde_json::from_str(text)?;
    Ok(jobs.into_iter().map(wire::WireJob::job).collect())
}

/// The recorded answer: its status, headers and body.
fn recorded(text: &str) -> (StatusCode, HeaderMap, String) {
    let text = text.replace("\r\n", "\n");
    let (head, body) = text.split_once("\n\n").unwrap_or((&text, ""));
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap();
    let mut headers = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(':').unwrap();
        let name = HeaderName::try_from(name).unwrap();
        headers.append(name, HeaderValue::from_str(value.trim()).unwrap());
    }
    (status.parse().unwrap(), headers, body.to_owned())
}

#[test]
fn every_recorded_error_has_a_sentence_of_its_own() {
    let mut said: HashMap<String, String> = HashMap::new();
    for file in files("errors") {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        let (status, headers, body) = recorded(&fs::read_to_string(&file).unwrap());
        let fault = error::of_answer(status, &headers, body.as_bytes());
        let is_good = matches!(
            name.as_str(),
            "200-keyset" | "200-page-2" | "200-trace-headers" | "304-not-modified"
        );
        assert_eq!(fault.is_none(), is_good, "{name}: {fault:?}");
        let Some(fault) = fault else { continue };
        let words = fault.to_string();
        assert!(
            !words.contains('<'),
            "{name}: a page is no sentence: {words}"
        );
        said.insert(name, words);
    }
    if said.is_empty() {
        return;
    }
    for (name, expected) in [
        ("200-html-login", "a web page came instead of data"),
        (
            "301-moved",
            "it moved to https://gitlab.example.com/api/v4/projects/81",
        ),
        ("302-signin", "sign-in page"),
        ("400-grape", "refused (400)"),
        ("400-unplayable", "Unplayable Job"),
        (
            "401-expired",
            "the token is refused (401): Token is expired",
        ),
        ("403-insufficient-scope", "it has not the scope api"),
        ("403-not-retryable", "Job is not retryable"),
        ("404-project", "404 Project Not Found"),
        ("429-application", "asking again in 60s"),
        ("429-rack-attack", "too many requests"),
        ("500-html", "the server failed (500): Internal Server Error"),
        ("502-html", "the server failed (502)"),
    ] {
        let words = &said[name];
        assert!(words.contains(expected), "{name}: {words}");
    }
}

#[test]
fn every_recorded_list_and_object_decodes() {
    let mut count = 0;
    for under in ["authored", "docs", "glab", "gitlab4j", "go-gitlab"] {
        for file in files(under) {
            if file.extension().is_none_or(|it| it != "json") {
                continue;
            }
            let name = file.file_name().unwrap().to_string_lossy().into_owned();
            let text = fs::read_to_string(&file).unwrap();
            let result = if name.starts_with("jobs-every") || name.starts_with("jobs-retried") {
                decode(&text).map(|jobs| jobs.len())
            } else if name.contains("ListProjectJobs")
                || name.contains("list-all-jobs-by-pipeline")
                || name == "ci_get-1.json"
            {
                decode(&text).map(|jobs| jobs.len())
            } else if name == "bridges.json" || name.contains("trigger-jobs") {
                serde_json::from_str::<Vec<wire::WireJob>>(&text).map(|it| it.len())
            } else if name.starts_with("pipelines-every")
                || name == "ciList.json"
                || name.contains("list-project-pipelines")
            {
                serde_json::from_str::<Vec<wire::WirePipeline>>(&text).map(|it| it.len())
            } else if name.starts_with("pipeline-detail")
                || name == "ci_get-0.json"
                || name == "pipeline.json"
                || name.contains("single-pipeline")
            {
                serde_json::from_str::<wire::WirePipeline>(&text).map(|_| 1)
            } else if name == "runners-project.json" || name.contains("project-s-runners") {
                serde_json::from_str::<Vec<wire::WireRunner>>(&text).map(|it| it.len())
            } else if name == "project.json" {
                serde_json::from_str::<wire::WireProject>(&text).map(|_| 1)
            } else if name == "job.json" || name.contains("retrieve-a-job-by-job-id") {
                serde_json::from_str::<wire::WireJob>(&text).map(|_| 1)
            } else if name.contains("deploy_tokens--list") || name == "deploy-tokens.json" {
                serde_json::from_str::<Vec<deploy_token::Wire>>(&text).map(|it| it.len())
            } else if name.contains("deploy_tokens--create-a-project")
                || name == "deploy-token-created.json"
            {
                serde_json::from_str::<deploy_token::Wire>(&text).map(|_| 1)
            } else {
                // Of what we never ask for: read as the wrong thing it is a sentence, or an empty list.
                if let Err(error) = decode(&text) {
                    let words = error.to_string();
                    assert!(!words.is_empty(), "{name}");
                }
                continue;
            };
            count += 1;
            assert!(
                result.as_ref().is_ok_and(|it| *it > 0),
                "{name}: {result:?}"
            );
        }
    }
    assert!(count == 0 || count >= 20, "{count} files");
}

#[test]
fn the_states_and_attempts_of_recorded_jobs_are_ours() {
    let [Ok(every), Ok(retried), Ok(bridges)] =
        ["jobs-every-status", "jobs-retried-included", "bridges"]
            .map(|name| fs::read_to_string(format!("{DATA}/authored/{name}.json")))
    else {
        assert!(std::env::var_os("CI").is_none());
        return eprintln!("skipped: the recorded jobs are not there");
    };
    let jobs = decode(&every).unwrap();
    let known = jobs
        .iter()
        .filter(|job| !matches!(job.status, Status::Other(_)));
    let mut words: Vec<&str> = known.map(|job| job.status.word()).collect();
    words.sort_unstable();
    words.dedup();
    assert_eq!(words.len(), 13, "{words:?}");
    assert!(jobs.iter().any(|job| job.archived) && jobs.iter().any(|job| job.erased.is_some()));
    let stages = stages(&decode(&retried).unwrap());
    let unit = stages
        .iter()
        .flat_map(|stage| &stage.jobs)
        .find(|it| it.latest.name == "unit");
    assert_eq!(unit.unwrap().earlier.len(), 2);
    let bridges: Vec<wire::WireJob> = serde_json::from_str(&bridges).unwrap();
    let bridges: Vec<Job> = bridges.into_iter().map(wire::WireJob::bridge).collect();
    let no_child = |job: &&Job| job.kind == JobKind::Bridge(None);
    assert!(bridges.iter().filter(no_child).count() >= 1);
    assert!(bridges.iter().any(|job| !no_child(&job)));
}

#[tokio::test]
async fn lists_are_followed_page_after_page_below_a_path_and_with_the_token() {
    let next = "Link: <http://internal:8080/api/v4/projects/7/pipelines?per_page=100&page=2>; rel=\"next\"\r\n";
    let one = r#"[{"id":1,"status":"running"}]"#;
    let server = Script::new()
        .on(
            "/projects/7/pipelines?per_page=100&page=2",
            json(r#"[{"id":2,"status":"failed"}]"#),
        )
        .on("/projects/7/pipelines", json_with("200 OK", next, one))
        .start()
        .await;
    let gitlab = gitlab(&server).await;
    let pipelines = gitlab.pipelines(ProjectId(7), 200).await.unwrap();
    let ids: Vec<u64> = pipelines.iter().map(|it| it.id.0).collect();
    assert_eq!(ids, [1, 2]);
    let asked = server.asked();
    assert_eq!(asked.len(), 2);
    assert!(
        asked
            .iter()
            .all(|it| it.contains("authorization: Bearer glpat-very-secret"))
    );
    assert!(!format!("{gitlab:?}").contains("glpat"));
}

#[tokio::test]
async fn what_has_not_changed_is_not_sent_again() {
    let tagged = json_with(
        "200 OK",
        "ETag: W/\"a\"\r\n",
        r#"{"id":4,"path_with_namespace":"ops/x"}"#,
    );
    let same = b"HTTP/1.1 304 Not Modified\r\nETag: W/\"a\"\r\nConnection: close\r\n\r\n".to_vec();
    let server = Script::new()
        .on("/projects/ops%2Fx", tagged)
        .on("/projects/ops%2Fx", same)
        .start()
        .await;
    let gitlab = gitlab(&server).await;
    let first = gitlab.project("ops/x").await.unwrap();
    assert_eq!(gitlab.project("ops/x").await.unwrap(), first);
    let asked = server.asked();
    assert!(!asked[0].contains("if-none-match"));
    assert!(asked[1].contains("if-none-match: W/\"a\""), "{}", asked[1]);
}

#[tokio::test]
async fn an_unchanged_log_costs_less_than_two_kibibytes() {
    let log = "x".repeat(4 << 20);
    let whole = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nETag: W/\"l\"\r\nConnection: close\r\n\r\n{log}"
    );
    let same = "HTTP/1.1 304 Not Modified\r\nETag: W/\"l\"\r\nConnection: close\r\n\r\n";
    let path = "/projects/7/jobs/5/trace";
    let server = Script::new().on(path, whole).on(path, same).start().await;
    let gitlab = gitlab(&server).await;
    let Log::Whole(body, tag) = gitlab.trace(ProjectId(7), JobId(5), None).await.unwrap() else {
        panic!("the first read is the whole log");
    };
    assert_eq!(body.len(), log.len());
    let again = gitlab.trace(ProjectId(7), JobId(5), tag.as_deref()).await;
    assert_eq!(again.unwrap(), Log::Unchanged);
    let cost = server.asked()[1].len() + same.len();
    assert!(cost < 2_048, "{cost} bytes");
}

#[tokio::test]
async fn a_server_that_wants_no_questions_gets_none() {
    let busy = json_with(
        "429 Too Many Requests",
        "Retry-After: 40\r\n",
        "Retry later",
    );
    let server = Script::new().on("/projects/1", busy).start().await;
    let gitlab = gitlab(&server).await;
    for _ in 0..3 {
        let error = gitlab.project("1").await.unwrap_err();
        assert!(matches!(error.fault, Fault::Busy(_)), "{error}");
    }
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn half_an_answer_and_no_answer_are_told_apart() {
    let cut =
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{\"id\":";
    let server = Script::new()
        .on("/projects/1", cut)
        .on("/projects/2", json(r#"{"id":2,"path_with"#))
        .on("/projects/3", json(r#"{"id":"three"}"#))
        .start()
        .await;
    let gitlab = gitlab(&server).await;
    for (project, expected) in [
        ("1", "it ended in the middle"),
        ("2", "it ended in the middle"),
        ("3", "the answer is not what GitLab sends: invalid type"),
    ] {
        let error = gitlab.project(project).await.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let gone = Server::unreachable();
    let gitlab = super::tests::gitlab(&gone).await;
    let error = gitlab.project("1").await.unwrap_err().problem().sentence();
    assert!(error.contains("127.0.0.1 cannot be reached"), "{error}");
}

fn job_json(status: &str) -> String {
    format!(r#"{{"id":5,"name":"build","stage":"build","status":"{status}"}}"#)
}

#[tokio::test]
async fn a_job_is_read_again_before_something_is_done_to_it() {
    let server = Script::new()
        .on("/projects/7/jobs/5/play", json(&job_json("pending")))
        .on("/projects/7/jobs/5", json(&job_json("manual")))
        .start()
        .await;
    let gitlab = gitlab(&server).await;
    let mut seen = decode(&format!("[{}]", job_json("manual")))
        .unwrap()
        .remove(0);
    let order = Order::Play(vec![("TARGET".into(), "rack".into())]);
    let job = gitlab.act(ProjectId(7), &seen, &order).await.unwrap();
    assert_eq!(job, JobId(5));
    let asked = server.asked();
    assert!(asked[1].starts_with("POST /gitlab/api/v4/projects/7/jobs/5/play "));
    assert!(asked[1].contains(r#"{"job_variables_attributes":[{"key":"TARGET","value":"rack"}]}"#));
    seen.status = Status::Failed;
    let refused = gitlab.act(ProjectId(7), &seen, &Order::Retry).await;
    let refused = refused.unwrap_err().to_string();
    assert!(
        refused.contains("is manual now: nothing was done"),
        "{refused}"
    );
    assert_eq!(server.asked().len(), 3, "nothing was posted");
}

#[tokio::test]
async fn who_may_not_see_runners_is_told_whether_a_job_is_stuck() {
    let stuck = r#"{"data":{"project":{"job":{"stuck":true}}}}"#;
    let server = Script::new()
        .on("/graphql", json(stuck))
        .on("/graphql", json(r#"{"errors":[{"message":"no"}]}"#))
        .start()
        .await;
    let gitlab = gitlab(&server).await;
    assert_eq!(gitlab.stuck("ops/hub", JobId(5)).await.unwrap(), Some(true));
    assert_eq!(gitlab.stuck("ops/hub", JobId(5)).await.unwrap(), None);
    let asked = &server.asked()[0];
    assert!(asked.starts_with("POST /gitlab/api/graphql "), "{asked}");
    assert!(asked.contains("gid://gitlab/Ci::Build/5"), "{asked}");
}

#[tokio::test]
async fn the_token_says_what_it_may_and_until_when() {
    let own = r#"{"scopes":["read_api"],"expires_at":"2026-12-01"}"#;
    let server = Script::new()
        .on("/personal_access_tokens/self", json(own))
        .start()
        .await;
    let token = gitlab(&server).await.token().await.unwrap().unwrap();
    assert!(token.is_read_only());
    let now: Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
    assert_eq!(token.days_left(now), Some(7));
}

#[test]
fn a_url_must_be_one_of_a_web_server() {
    for (url, is_good) in [
        ("https://git.example.com/gitlab/", true),
        ("http://10.0.0.2:8080", true),
        ("git.example.com", false),
        ("ssh://git.example.com", false),
        ("", false),
    ] {
        assert_eq!(Http::new(url, None).is_ok(), is_good, "{url}");
    }
}
