//! What the simulated GitLab answers: status, headers, JSON or a log.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::{Method, Request, Response};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::registry::Registry;
use super::story::{Job, Project};
use super::{GitlabFault, PATH, SHA, State, TOKEN};

const PROJECT: u64 = 4711;

pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) kind: &'static str,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn json(status: u16, body: &Value) -> Answer {
        Answer {
            status,
            kind: "application/json",
            headers: Vec::new(),
            body: body.to_string(),
        }
    }

    pub(super) fn not_found(what: &str) -> Answer {
        Answer::json(404, &json!({ "message": format!("404 {what} Not Found") }))
    }
}

pub(super) async fn answer(
    state: &Mutex<State>,
    request: Request<Incoming>,
) -> Response<Full<Bytes>> {
    let (parts, body) = request.into_parts();
    let body = body
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes);
    let body: Value = serde_json::from_slice(&body.unwrap_or_default()).unwrap_or_default();
    let header = |name: &str| {
        let value = parts.headers.get(name)?;
        value.to_str().ok().map(str::to_owned)
    };
    let is_known = header("authorization") == Some(format!("Bearer {TOKEN}"));
    let answer = {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        state.asked += 1;
        let fault = state.fault;
        let (path, login) = (parts.uri.path(), header("authorization"));
        let today = Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
        let of_registry = Registry::answer(&state.address, path, login.as_deref());
        let answer = if let Some(answer) = of_registry {
            answer
        } else if path == "/gitlab/jwt/auth" {
            let query = parts.uri.query().unwrap_or_default();
            state.registry.token(query, login.as_deref(), today)
        } else if let Some(id) = deploy_token(path).filter(|_| is_known) {
            match (&parts.method, id) {
                (&Method::POST, _) => state.registry.make(&body, today),
                (&Method::DELETE, id) => state.registry.revoke(id.parse().unwrap_or_default()),
                _ => state.registry.list(today),
            }
        } else if is_known {
            let address = state.address.clone();
            route(&mut state.project, &address, &parts.method, path)
        } else {
            Answer::json(401, &json!({ "message": "401 Unauthorized" }))
        };
        match fault {
            Some(fault) => spoiled(fault, answer),
            None => answer,
        }
    };
    let mut hasher = DefaultHasher::new();
    answer.body.hash(&mut hasher);
    let tag = format!("W/\"{:x}\"", hasher.finish());
    let is_same = answer.status == 200 && header("if-none-match").as_ref() == Some(&tag);
    let (status, body) = if is_same {
        (304, String::new())
    } else {
        (answer.status, answer.body)
    };
    let mut response = Response::builder()
        .status(status)
        .header("content-type", answer.kind)
        .header("etag", tag);
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    let whole = Full::new(Bytes::from(body));
    response.body(whole).unwrap_or_default()
}

/// `answer` is what would have been said.
fn spoiled(fault: GitlabFault, mut answer: Answer) -> Answer {
    match fault {
        GitlabFault::Truncated => {
            answer.body.truncate(answer.body.len() / 2);
            answer
        }
        GitlabFault::Busy(seconds) => Answer {
            kind: "text/plain",
            headers: vec![("retry-after", seconds.to_string())],
            body: "Retry later\n".to_owned(),
            ..Answer::json(429, &Value::Null)
        },
        GitlabFault::BadGateway => Answer {
            kind: "text/html",
            body: "<html><body><h1>502</h1>GitLab is not responding</body></html>".to_owned(),
            ..Answer::json(502, &Value::Null)
        },
        GitlabFault::Expired => {
            let why = "Token is expired. You can either do re-authorization or token refresh.";
            Answer::json(
                401,
                &json!({ "error": "invalid_token", "error_description": why }),
            )
        }
    }
}

/// What stands behind the address of the project's deploy tokens: nothing, or the number of one.
fn deploy_token(path: &str) -> Option<&str> {
    let rest = path.strip_prefix("/gitlab/api/v4/projects/4711/deploy_tokens")?;
    Some(rest.trim_start_matches('/'))
}

fn route(project: &mut Project, address: &str, method: &Method, path: &str) -> Answer {
    let now = Timestamp::now();
    let path = path.strip_prefix("/gitlab/api/v4/").unwrap_or_default();
    let parts: Vec<&str> = path.split('/').collect();
    let number = |text: &str| text.parse::<u64>().unwrap_or_default();
    match (method, parts.as_slice()) {
        (&Method::GET, ["personal_access_tokens", "self"]) => {
            Answer::json(200, &json!({ "scopes": ["api"], "expires_at": null }))
        }
        (&Method::GET, ["projects"]) => Answer::json(200, &json!([about(address)])),
        (&Method::GET, ["projects", "4711" | "ops%2Fthermo-hub"]) => {
            Answer::json(200, &about(address))
        }
        (&Method::GET, ["projects", "4711", "pipelines"]) => {
            let all = project.pipelines().into_iter();
            let list: Vec<Value> = all.map(|id| pipeline(project, id, now)).collect();
            Answer::json(200, &Value::Array(list))
        }
        (&Method::GET, ["projects", "4711", "pipelines", id, "jobs"]) => {
            let of = project
                .jobs
                .iter()
                .rev()
                .filter(|job| job.pipeline == number(id));
            let list: Vec<Value> = of.map(|job| about_job(job, now)).collect();
            Answer::json(200, &Value::Array(list))
        }
        (&Method::GET, ["projects", "4711", "pipelines", _, "bridges"]) => {
            Answer::json(200, &json!([]))
        }
        (&Method::GET, ["projects", "4711", "pipelines", id]) => {
            Answer::json(200, &pipeline(project, number(id), now))
        }
        (&Method::GET, ["projects", "4711", "runners"]) => Answer::json(200, &json!([])),
        (&Method::GET, ["projects", "4711", "jobs", id]) => match project.job(number(id)) {
            Some(job) => Answer::json(200, &about_job(job, now)),
            None => Answer::not_found("Job"),
        },
        (&Method::GET, ["projects", "4711", "jobs", id, "trace"]) => {
            match project.job(number(id)) {
                Some(job) => Answer {
                    kind: "text/plain",
                    body: job.log(now, address),
                    ..Answer::json(200, &Value::Null)
                },
                None => Answer::not_found("Job"),
            }
        }
        (&Method::POST, ["projects", "4711", "jobs", id, verb]) => {
            act(project, number(id), verb, now)
        }
        _ => Answer::json(404, &json!({ "error": "404 Not Found" })),
    }
}

fn act(project: &mut Project, id: u64, verb: &str, now: Timestamp) -> Answer {
    let done = match verb {
        "retry" => project.retry(id, now),
        "play" | "cancel" => project.act(id, verb == "play", now).then_some(id),
        _ => None,
    };
    match done.and_then(|id| project.job(id)) {
        Some(job) => Answer::json(201, &about_job(job, now)),
        None => Answer::json(
            400,
            &json!({ "message": "400 Bad request - Unplayable Job" }),
        ),
    }
}

fn about(address: &str) -> Value {
    json!({
        "id": PROJECT,
        "path_with_namespace": PATH,
        "web_url": format!("https://gitlab.example.com/{PATH}"),
        "default_branch": "main",
        "container_registry_image_prefix": format!("{address}/{PATH}"),
        "permissions": { "project_access": { "access_level": 40 }, "group_access": null },
    })
}

fn pipeline(project: &Project, id: u64, now: Timestamp) -> Value {
    let created = project
        .jobs
        .iter()
        .filter(|job| job.pipeline == id)
        .map(|job| job.created)
        .min();
    let ends = project.jobs.iter().filter(|job| job.pipeline == id);
    let updated = ends.filter_map(Job::ends).max();
    let sha = SHA.get(usize::try_from(id % 2).unwrap_or(0));
    json!({
        "id": id,
        "iid": id - 9_000,
        "project_id": PROJECT,
        "status": project.status(id, now),
        "source": "push",
        "ref": "main",
        "sha": sha,
        "name": null,
        "web_url": format!("https://gitlab.example.com/{PATH}/-/pipelines/{id}"),
        "created_at": created.map(|it| it.to_string()),
        "updated_at": updated.map(|it| it.min(now).to_string()),
        "yaml_errors": null,
    })
}

fn about_job(job: &Job, now: Timestamp) -> Value {
    let status = job.status(now);
    let is_over = matches!(status, "success" | "failed" | "canceled");
    let finished = job.ends().filter(|_| is_over).map(|it| it.min(now));
    let took = finished
        .zip(job.started)
        .map(|(to, from)| to.duration_since(from).as_secs_f64());
    let mut about = json!({
        "id": job.id,
        "name": job.name,
        "stage": job.stage,
        "status": status,
        "allow_failure": false,
        "ref": "main",
        "created_at": job.created.to_string(),
        "started_at": job.started.map(|it| it.to_string()),
        "finished_at": finished.map(|it| it.to_string()),
        "erased_at": null,
        "duration": took,
        "queued_duration": null,
        "archived": false,
        "tag_list": job.tags,
        "web_url": format!("https://gitlab.example.com/{PATH}/-/jobs/{}", job.id),
    });
    if status == "failed" {
        about["failure_reason"] = json!("script_failure");
    }
    if job.started.is_some() {
        about["runner"] = json!({
            "id": 42,
            "description": "pi-builder-01",
            "paused": false,
            "online": true,
            "status": "online",
        });
    }
    about
}
