//! A GitLab: its projects, pipelines and jobs, the logs of jobs, and the few things that can be done to them.
//!
//! Every question goes through one pace, is conditional where we have an answer already, and gives an error in words.
//! Invariant: the token is in a header and nowhere else.

mod deploy_token;
mod error;
mod follow;
mod http;
mod images;
mod pace;
mod token;
mod wire;

use std::collections::HashMap;
use std::fmt::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use ::http::{Method, StatusCode, Uri, header};
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::rack::pipeline::state::Token;
use crate::rack::pipeline::waiting::Runners;
use crate::rack::pipeline::{
    Detail, Job, JobId, JobKind, Order, Pipeline, PipelineId, Project, ProjectId, Runner,
};
use crate::rack::secret::Secret;

pub use error::{Error, Fault};
pub use follow::follow;
use http::{Answer, Ask, Http};
use pace::Pace;
pub use token::TokenSource;

/// A list or an object is never larger.
const JSON_MOST: usize = 32 << 20;
/// GitLab ends jobs whose log grows over 100 MB.
const TRACE_MOST: usize = 128 << 20;
/// Answers that are kept, to be asked for conditionally.
const KEPT: usize = 64;
const KEPT_SIZE: usize = 1 << 20;

/// How one GitLab is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    pub name: String,
    /// Its root, perhaps with a path: `https://host/gitlab`.
    pub url: String,
    /// Certificates in PEM form that are trusted besides those of the system.
    pub ca_file: Option<PathBuf>,
    pub token: TokenSource,
    /// Paths or numbers; none: the projects of the token's owner.
    pub projects: Vec<String>,
}

/// A connection to one GitLab.
#[derive(Debug)]
pub struct Gitlab {
    name: String,
    http: Http,
    token: Secret,
    pace: Mutex<Pace>,
    kept: Mutex<HashMap<String, Kept>>,
}

#[derive(Debug)]
struct Kept {
    tag: String,
    body: Arc<Vec<u8>>,
    used: Instant,
}

/// The log of a job, when it is not what we have.
#[derive(Debug, PartialEq, Eq)]
pub enum Log {
    Unchanged,
    /// The bytes, and the tag to ask with next time.
    Whole(Vec<u8>, Option<String>),
    /// The job never ran, or its log was erased.
    None,
}

/// Opens a connection: reads the token, asks nothing yet.
pub async fn connect(settings: &Settings) -> Result<Gitlab, Error> {
    let error = |fault| Error {
        instance: settings.name.clone(),
        asking: "anything".to_owned(),
        fault,
    };
    let http = Http::new(&settings.url, settings.ca_file.as_deref()).map_err(error)?;
    let token = token::read(&settings.token, http.host())
        .await
        .map_err(error)?;
    Ok(Gitlab {
        name: settings.name.clone(),
        http,
        token,
        pace: Mutex::default(),
        kept: Mutex::default(),
    })
}

impl Gitlab {
    /// What the token may do and until when. Tokens that are no access tokens have no such page: they give `None`.
    pub async fn token(&self) -> Result<Option<Token>, Error> {
        let asking = "what the token may do";
        let read = self
            .get::<wire::WireToken>("/personal_access_tokens/self", asking)
            .await;
        match read {
            Ok(token) => Ok(Some(token.into())),
            Err(error) if matches!(error.fault, Fault::NotFound(_) | Fault::Forbidden(_)) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// The project with this path or number.
    pub async fn project(&self, name: &str) -> Result<Project, Error> {
        let path = format!("/projects/{}", encoded(name));
        let asking = format!("project {name}");
        let project = self.get::<wire::WireProject>(&path, &asking).await?;
        Ok(project.into())
    }

    /// The projects of the owner of the token, those that were busy last first; fifty at most.
    pub async fn projects(&self) -> Result<Vec<Project>, Error> {
        let path = "/projects?membership=true&archived=false&order_by=last_activity_at&per_page=50";
        let projects = self.get::<Vec<wire::WireProject>>(path, "the projects");
        Ok(projects.await?.into_iter().map(Project::from).collect())
    }

    /// The newest pipelines of a project.
    pub async fn pipelines(&self, of: ProjectId, most: usize) -> Result<Vec<Pipeline>, Error> {
        let path = format!("/projects/{of}/pipelines?per_page={}", most.clamp(1, 100));
        let pages = most.div_ceil(100);
        let asking = format!("the pipelines of project #{of}");
        let pipelines = self
            .pages::<wire::WirePipeline>(&path, &asking, pages)
            .await?;
        let of_this = |wire: wire::WirePipeline| Pipeline {
            project: of,
            ..wire.into()
        };
        Ok(pipelines.into_iter().take(most).map(of_this).collect())
    }

    /// The jobs and bridges of a pipeline with their earlier attempts, and what it says of itself when there are none.
    pub async fn jobs(
        &self,
        project: ProjectId,
        of: PipelineId,
    ) -> Result<(Vec<Job>, Detail), Error> {
        let base = format!("/projects/{project}/pipelines/{of}");
        let asking = format!("the jobs of pipeline #{of}");
        let path = format!("{base}/jobs?include_retried=true&per_page=100");
        let jobs = self.pages::<wire::WireJob>(&path, &asking, 10).await?;
        let path = format!("{base}/bridges?per_page=100");
        let bridges = self.pages::<wire::WireJob>(&path, &asking, 10).await?;
        let mut all: Vec<Job> = jobs.into_iter().map(wire::WireJob::job).collect();
        all.extend(bridges.into_iter().map(wire::WireJob::bridge));
        let detail = if all.is_empty() {
            let detail = self.get::<wire::WirePipeline>(&base, &asking).await?;
            detail.into()
        } else {
            Detail::default()
        };
        Ok((all, detail))
    }

    /// A job. A bridge is not found: GitLab keeps those apart.
    pub async fn job(&self, project: ProjectId, job: JobId) -> Result<Job, Error> {
        let path = format!("/projects/{project}/jobs/{job}");
        let asking = format!("job #{job}");
        Ok(self.get::<wire::WireJob>(&path, &asking).await?.job())
    }

    /// The log of a job, unless it is the one with this tag.
    pub async fn trace(
        &self,
        project: ProjectId,
        job: JobId,
        tag: Option<&str>,
    ) -> Result<Log, Error> {
        let asking = format!("the log of job #{job}");
        let ask = Ask {
            method: Method::GET,
            path: &format!("/projects/{project}/jobs/{job}/trace"),
            body: None,
            unless: tag,
            most: TRACE_MOST,
        };
        match self.ask(ask, &asking).await {
            Ok(answer) if answer.status == StatusCode::NOT_MODIFIED => Ok(Log::Unchanged),
            Ok(answer) => {
                let tag = answer.header(header::ETAG).map(str::to_owned);
                Ok(Log::Whole(answer.body, tag))
            }
            Err(error) if matches!(error.fault, Fault::NotFound(_)) => Ok(Log::None),
            Err(error) => Err(error),
        }
    }

    /// The runners that have the tags of a job. Only a Maintainer is told.
    pub async fn runners(&self, project: ProjectId, tags: &[String]) -> Result<Runners, Error> {
        let tags: Vec<String> = tags.iter().map(|tag| encoded(tag)).collect();
        let list = match tags.as_slice() {
            [] => String::new(),
            tags => format!("&tag_list={}", tags.join(",")),
        };
        let path = format!("/projects/{project}/runners?per_page=100{list}");
        let asking = format!("the runners of project #{project}");
        match self.get::<Vec<wire::WireRunner>>(&path, &asking).await {
            Ok(runners) => Ok(Runners::Fitting(
                runners.into_iter().map(Runner::from).collect(),
            )),
            Err(error) if matches!(error.fault, Fault::Forbidden(_) | Fault::Scope(_)) => {
                Ok(Runners::Refused(error.fault.to_string()))
            }
            Err(error) => Err(error),
        }
    }

    /// Whether GitLab calls a job stuck: no runner that is online can take it. Only GraphQL says so; `None` when it
    /// does not.
    pub async fn stuck(&self, project: &str, job: JobId) -> Result<Option<bool>, Error> {
        let asking = format!("whether job #{job} is stuck");
        let query = "query($path: ID!, $id: JobID!) { project(fullPath: $path) { job(id: $id) { stuck } } }";
        let variables = json!({ "path": project, "id": format!("gid://gitlab/Ci::Build/{job}") });
        let ask = Ask {
            method: Method::POST,
            path: http::GRAPHQL,
            body: Some(
                json!({ "query": query, "variables": variables })
                    .to_string()
                    .into_bytes(),
            ),
            unless: None,
            most: JSON_MOST,
        };
        let answer = self.ask(ask, &asking).await?;
        let value: serde_json::Value = self.decoded(&answer.body, &asking)?;
        Ok(value["data"]["project"]["job"]["stuck"].as_bool())
    }

    /// Does something to a job or bridge, which is read again first: it must be the one that was seen. The answer is
    /// the number of the job that runs now.
    pub async fn act(&self, project: ProjectId, seen: &Job, order: &Order) -> Result<JobId, Error> {
        let asking = format!("{} of {}", order.word(), seen.named());
        if seen.kind == JobKind::Job {
            let now = self.job(project, seen.id).await?;
            if now.name != seen.name || now.status != seen.status {
                let what = format!("{} is {} now: nothing was done", now.named(), now.status);
                return Err(self.error(&asking, Fault::Changed(what)));
            }
        }
        let body = match order {
            Order::Play(variables) if !variables.is_empty() => {
                let pair = |(key, value): &(String, String)| json!({ "key": key, "value": value });
                let variables: Vec<_> = variables.iter().map(pair).collect();
                Some(json!({ "job_variables_attributes": variables }).to_string())
            }
            _ => None,
        };
        let ask = Ask {
            method: Method::POST,
            path: &format!("/projects/{project}/jobs/{}/{}", seen.id, order.word()),
            body: body.map(String::into_bytes),
            unless: None,
            most: JSON_MOST,
        };
        let answer = self.ask(ask, &asking).await?;
        let job: wire::WireJob = self.decoded(&answer.body, &asking)?;
        Ok(job.job().id)
    }

    /// All of a list, page after page.
    async fn pages<T: DeserializeOwned>(
        &self,
        path: &str,
        asking: &str,
        most: usize,
    ) -> Result<Vec<T>, Error> {
        let (mut path, mut all) = (path.to_owned(), Vec::new());
        for _ in 0..most {
            let (body, next) = self.read(&path, asking).await?;
            all.extend(self.decoded::<Vec<T>>(&body, asking)?);
            match next {
                Some(next) => path = next,
                None => break,
            }
        }
        Ok(all)
    }

    async fn get<T: DeserializeOwned>(&self, path: &str, asking: &str) -> Result<T, Error> {
        let (body, _) = self.read(path, asking).await?;
        self.decoded(&body, asking)
    }

    /// The body, ours if it has not changed, and the path of the next page.
    async fn read(
        &self,
        path: &str,
        asking: &str,
    ) -> Result<(Arc<Vec<u8>>, Option<String>), Error> {
        let known = {
            let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.get(path)
                .map(|it| (it.tag.clone(), Arc::clone(&it.body)))
        };
        let ask = Ask {
            method: Method::GET,
            path,
            body: None,
            unless: known.as_ref().map(|(tag, _)| tag.as_str()),
            most: JSON_MOST,
        };
        let answer = self.ask(ask, asking).await?;
        let next = next_page(path, &answer);
        if let Some((_, body)) = known.filter(|_| answer.status == StatusCode::NOT_MODIFIED) {
            return Ok((body, next));
        }
        let tag = answer.header(header::ETAG).map(str::to_owned);
        let body = Arc::new(answer.body);
        if let Some(tag) = tag.filter(|_| body.len() <= KEPT_SIZE) {
            self.keep(path, tag, &body);
        }
        Ok((body, next))
    }

    fn keep(&self, path: &str, tag: String, body: &Arc<Vec<u8>>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let oldest = kept.iter().min_by_key(|(_, it)| it.used);
        let oldest = oldest.map(|(path, _)| path.clone());
        if let Some(oldest) = oldest.filter(|_| kept.len() >= KEPT) {
            kept.remove(&oldest);
        }
        let body = Arc::clone(body);
        let used = Instant::now();
        kept.insert(path.to_owned(), Kept { tag, body, used });
    }

    /// Asks when it is our turn. A good answer, or why there is none.
    async fn ask(&self, ask: Ask<'_>, asking: &str) -> Result<Answer, Error> {
        let turn = self.pace().turn(Instant::now());
        match turn {
            Ok(wait) if wait.is_zero() => {}
            Ok(wait) => sleep(wait).await,
            Err(left) => return Err(self.error(asking, Fault::Busy(left))),
        }
        let answer = self.http.ask(ask, &self.token).await;
        let answer = answer.map_err(|fault| self.error(asking, fault))?;
        self.pace().learn(&answer.headers);
        match error::of_answer(answer.status, &answer.headers, &answer.body) {
            None => Ok(answer),
            Some(fault) => {
                if let Fault::Busy(wait) = fault {
                    self.pace().silence(Instant::now(), wait);
                }
                Err(self.error(asking, fault))
            }
        }
    }

    fn pace(&self) -> std::sync::MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn decoded<T: DeserializeOwned>(&self, body: &[u8], asking: &str) -> Result<T, Error> {
        let decoded = serde_json::from_slice(body);
        decoded.map_err(|error| {
            let why = if error.is_eof() {
                "it ended in the middle".to_owned()
            } else {
                error.to_string()
            };
            self.error(asking, Fault::Garbled(why))
        })
    }

    fn error(&self, asking: &str, fault: Fault) -> Error {
        Error {
            instance: self.name.clone(),
            asking: asking.to_owned(),
            fault,
        }
    }
}

/// The path of the next page: only the query of the server's link counts, since proxies give it odd hosts.
fn next_page(path: &str, answer: &Answer) -> Option<String> {
    let bare = path.split('?').next().unwrap_or_default();
    let link = answer.header(header::LINK)?;
    let next = link.split(',').find(|part| part.contains("rel=\"next\""))?;
    let address = next.split(['<', '>']).nth(1)?;
    let query = address.parse::<Uri>().ok()?.query()?.to_owned();
    Some(format!("{bare}?{query}"))
}

/// A path or a tag as one part of an address: `ops%2Fthermo-hub`.
fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests;
