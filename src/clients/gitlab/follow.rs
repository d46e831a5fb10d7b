//! Follows one GitLab for as long as somebody wants its news: what is on the screen often, the rest seldom, nothing
//! twice at the same time.
//!
//! An answer that cannot be had is news too; everything is asked again later.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::{Error, Fault, Gitlab, Log, Settings};
use crate::clients::backoff::Backoff;
use crate::rack::pipeline::state::{InstanceName, JobRef, Looking, News, ProjectRef, Token, Topic};
use crate::rack::pipeline::waiting::Runners;
use crate::rack::pipeline::{Group, Job, JobId, Project, Status};
use crate::rack::trace::Trace;

/// A project whose pipelines are on the screen.
const SHOWN: Duration = Duration::from_secs(10);
/// Pipelines of other projects; of all of them while the pane is not on the screen.
const OTHERS: Duration = Duration::from_secs(30);
const UNSEEN: Duration = Duration::from_secs(60);
/// The jobs of the pipeline on the screen, and its log.
const JOBS: Duration = Duration::from_secs(5);
/// What is over may begin again, but seldom does.
const OVER: Duration = Duration::from_secs(30);
const LOG_QUIET: Duration = Duration::from_secs(15);
const RUNNERS: Duration = Duration::from_secs(60);
const PROJECTS: Duration = Duration::from_secs(600);
/// A token that ends is looked at now and then.
const TOKEN: Duration = Duration::from_secs(3_600);
/// From this level on the deploy tokens of a project are told.
const MAINTAINER: u16 = 40;
/// After an error.
const AGAIN: Duration = Duration::from_secs(60);
/// Pipelines of a project that are listed.
pub(super) const MOST: usize = 100;

/// Sends what it hears until either side is gone.
pub async fn follow(
    settings: Settings,
    mut looking: watch::Receiver<Looking>,
    news: mpsc::Sender<News>,
) {
    let name: InstanceName = settings.name.as_str().into();
    let mut backoff = Backoff::new();
    loop {
        match super::connect(&settings).await {
            Ok(gitlab) => {
                let mut follower = Follower {
                    gitlab,
                    settings: &settings,
                    name: Arc::clone(&name),
                    projects: Vec::new(),
                    jobs: HashMap::new(),
                    logs: Vec::new(),
                    due: HashMap::new(),
                    news: &news,
                };
                match follower.run(&mut looking).await {
                    // A token that is refused may be another one by now.
                    Ended::TokenRefused => {}
                    Ended::NobodyListens => return,
                }
            }
            Err(error) => {
                if send(&news, &name, Topic::Token, &error).await.is_err() {
                    return;
                }
            }
        }
        let wait = Instant::now() + backoff.next(AGAIN);
        tokio::select! {
            () = sleep_until(wait) => {}
            () = news.closed() => return,
        }
    }
}

async fn send(
    news: &mpsc::Sender<News>,
    name: &InstanceName,
    topic: Topic,
    error: &Error,
) -> Result<(), ()> {
    let trouble = News::Trouble(Arc::clone(name), topic, Box::new(error.problem()));
    news.send(trouble).await.map_err(|_| ())
}

enum Ended {
    TokenRefused,
    NobodyListens,
}

/// The log that is read now.
struct OpenLog {
    job: JobRef,
    /// Which opening of the log on the screen it was read for.
    opened: u64,
    tag: Option<String>,
    trace: Arc<Trace>,
    /// Answers in a row that brought nothing.
    quiet: u32,
    /// It was read after the job had ended: nothing more comes.
    is_whole: bool,
}

impl OpenLog {
    /// It is what stands on the screen: not the log of another job, nor one that was closed since.
    fn is_of(&self, job: &JobRef, look: &Looking) -> bool {
        self.job == *job && self.opened == look.opened
    }
}

struct Follower<'a> {
    gitlab: Gitlab,
    settings: &'a Settings,
    name: InstanceName,
    projects: Vec<Project>,
    /// The jobs of the pipeline on the screen, by number.
    jobs: HashMap<JobId, Job>,
    /// One, or two beside each other.
    logs: Vec<OpenLog>,
    due: HashMap<Topic, Instant>,
    news: &'a mpsc::Sender<News>,
}

impl Follower<'_> {
    async fn run(&mut self, looking: &mut watch::Receiver<Looking>) -> Ended {
        let mut nudge = (0, 0);
        loop {
            let look = looking.borrow_and_update().clone();
            let wanted = (look.nudge, look.acted);
            if std::mem::replace(&mut nudge, wanted) != wanted {
                self.due.retain(|topic, _| {
                    matches!(
                        topic,
                        Topic::Token | Topic::Projects | Topic::DeployTokens(_)
                    )
                });
            }
            let topics = self.topics(&look);
            let now = Instant::now();
            self.due.retain(|topic, _| topics.contains(topic));
            // What is on the screen stands last in the list and goes first.
            let next = topics
                .iter()
                .rev()
                .map(|topic| (self.due.get(topic).copied().unwrap_or(now), topic))
                .min_by_key(|(due, _)| *due);
            let Some((due, topic)) = next else {
                return Ended::NobodyListens;
            };
            if due > now {
                tokio::select! {
                    () = sleep_until(due) => {}
                    changed = looking.changed() => {
                        if changed.is_err() {
                            return Ended::NobodyListens;
                        }
                        continue;
                    }
                    () = self.news.closed() => return Ended::NobodyListens,
                }
            }
            let topic = topic.clone();
            let asked = self.ask(&topic, &look).await;
            let wait = match &asked {
                Ok(_) => self.interval(&topic, &look),
                Err(error) => match error.fault {
                    Fault::Busy(wait) => wait,
                    _ => AGAIN.min(self.interval(&topic, &look) * 4),
                },
            };
            self.due.insert(topic.clone(), Instant::now() + wait);
            let is_refused =
                matches!(&asked, Err(error) if matches!(error.fault, Fault::Unauthorized(_)));
            let sent = match asked {
                Ok(news) => self.news.send(news).await.map_err(|_| ()),
                Err(error) => send(self.news, &self.name, topic.clone(), &error).await,
            };
            if sent.is_err() {
                return Ended::NobodyListens;
            }
            if is_refused {
                return Ended::TokenRefused;
            }
        }
    }

    /// Everything that is wanted now, the most wanted last.
    fn topics(&self, look: &Looking) -> Vec<Topic> {
        let mut topics = vec![Topic::Token];
        let here = |project: &ProjectRef| project.instance == self.name;
        topics.extend(self.projects.iter().map(|project| {
            Topic::Pipelines(ProjectRef {
                instance: Arc::clone(&self.name),
                project: project.id,
            })
        }));
        let may_see = |it: &&Project| it.access_level.is_none_or(|level| level >= MAINTAINER);
        topics.extend(self.projects.iter().filter(may_see).map(|project| {
            Topic::DeployTokens(ProjectRef {
                instance: Arc::clone(&self.name),
                project: project.id,
            })
        }));
        topics.push(Topic::Projects);
        let pipeline = look.pipeline.iter().filter(|it| here(&it.project));
        topics.extend(pipeline.cloned().map(Topic::Jobs));
        if let Some(job) = look.job.as_ref().filter(|it| here(&it.project)) {
            let waits = self
                .jobs
                .get(&job.job)
                .is_some_and(|job| job.status == Status::Pending || was_never_taken(job));
            if waits {
                topics.push(Topic::Runners(job.clone()));
            }
        }
        let shown = look.job.iter().filter(|_| look.trace).chain(&look.beside);
        for job in shown.filter(|it| here(&it.project)) {
            let is_whole = |log: &OpenLog| log.is_of(job, look) && log.is_whole;
            if !self.logs.iter().any(is_whole) {
                topics.push(Topic::Trace(job.clone()));
            }
        }
        topics
    }

    fn interval(&self, topic: &Topic, look: &Looking) -> Duration {
        match topic {
            Topic::Token | Topic::DeployTokens(_) => TOKEN,
            Topic::Projects => PROJECTS,
            Topic::Pipelines(_) if !look.is_shown => UNSEEN,
            Topic::Pipelines(project)
                if look.project.as_ref() == Some(project) && look.pipeline.is_none() =>
            {
                SHOWN
            }
            Topic::Pipelines(_) => OTHERS,
            Topic::Jobs(_) => {
                let is_over = |job: &Job| job.status.group() == Group::Done;
                if self.jobs.values().all(is_over) {
                    OVER
                } else {
                    JOBS
                }
            }
            Topic::Runners(_) => RUNNERS,
            Topic::Trace(job) => {
                let log = self.logs.iter().find(|log| log.job == *job);
                let quiet = log.map_or(0, |log| log.quiet);
                if quiet >= 2 { LOG_QUIET } else { JOBS }
            }
        }
    }

    async fn ask(&mut self, topic: &Topic, look: &Looking) -> Result<News, Error> {
        match topic {
            Topic::Token => {
                let token = self.gitlab.token().await?;
                let token = token.unwrap_or_else(Token::default);
                Ok(News::Token(Arc::clone(&self.name), token))
            }
            Topic::Projects => {
                let (projects, missing) = self.ask_projects().await?;
                self.projects = projects;
                let news = News::Projects(Arc::clone(&self.name), self.projects.clone());
                match missing {
                    None => Ok(news),
                    // Those that are there are followed all the same.
                    Some(error) => {
                        let _ = self.news.send(news).await;
                        Err(error)
                    }
                }
            }
            Topic::Pipelines(project) => {
                let list = self.gitlab.pipelines(project.project, MOST).await?;
                Ok(News::Pipelines(project.clone(), list))
            }
            Topic::DeployTokens(project) => {
                let tokens = self.gitlab.deploy_tokens(project.project).await?;
                Ok(News::DeployTokens(project.clone(), tokens))
            }
            Topic::Jobs(pipeline) => {
                let (project, id) = (pipeline.project.project, pipeline.pipeline);
                let (jobs, detail) = self.gitlab.jobs(project, id).await?;
                self.jobs = jobs.iter().map(|job| (job.id, job.clone())).collect();
                Ok(News::Jobs(pipeline.clone(), jobs, detail))
            }
            Topic::Runners(job) => {
                let tags = self.jobs.get(&job.job).map(|job| job.tags.clone());
                let tags = tags.unwrap_or_default();
                let mut runners = self.gitlab.runners(job.project.project, &tags).await?;
                let project = self.projects.iter().find(|it| it.id == job.project.project);
                // Who may not see the runners may still be told whether one of them would take it.
                if let (Runners::Refused(_), Some(project)) = (&runners, project)
                    && let Ok(Some(stuck)) = self.gitlab.stuck(&project.path, job.job).await
                {
                    runners = Runners::Stuck(stuck);
                }
                Ok(News::Runners(job.clone(), runners))
            }
            Topic::Trace(job) => self.ask_log(job, look).await,
        }
    }

    /// The projects, and why the first of those that are not there is not.
    async fn ask_projects(&self) -> Result<(Vec<Project>, Option<Error>), Error> {
        if self.settings.projects.is_empty() {
            return Ok((self.gitlab.projects().await?, None));
        }
        let (mut projects, mut missing) = (Vec::new(), None);
        for name in &self.settings.projects {
            match self.gitlab.project(name).await {
                Ok(project) => projects.push(project),
                Err(error) => match error.fault {
                    Fault::NotFound(_) | Fault::Forbidden(_) | Fault::Moved(_) => {
                        missing = missing.or(Some(error));
                    }
                    _ => return Err(error),
                },
            }
        }
        Ok((projects, missing))
    }

    async fn ask_log(&mut self, job: &JobRef, look: &Looking) -> Result<News, Error> {
        let shown = [look.job.as_ref(), look.beside.as_ref()];
        self.logs
            .retain(|log| log.opened == look.opened && shown.contains(&Some(&log.job)));
        if !self.logs.iter().any(|log| log.job == *job) {
            self.logs.push(OpenLog {
                job: job.clone(),
                opened: look.opened,
                tag: None,
                trace: Arc::default(),
                quiet: 0,
                is_whole: false,
            });
        }
        // Known before the log is asked for: what is read after the end is all there is.
        let known = self.jobs.get(&job.job).map(|job| job.status.is_done());
        let is_over = if let Some(is_over) = known {
            is_over
        } else {
            let job = self.gitlab.job(job.project.project, job.job).await?;
            let is_over = job.status.is_done();
            // Without a pipeline on the screen nobody else looks whether it has ended.
            if look.pipeline.is_some() || is_over {
                self.jobs.insert(job.id, job);
            }
            is_over
        };
        let mut logs = self.logs.iter_mut();
        let Some(log) = logs.find(|log| log.job == *job) else {
            return Ok(News::TraceUnchanged(job.clone()));
        };
        let read = self
            .gitlab
            .trace(job.project.project, job.job, log.tag.as_deref())
            .await?;
        let unchanged = News::TraceUnchanged(job.clone());
        log.is_whole = is_over;
        match read {
            Log::Whole(body, tag) => {
                log.tag = tag;
                log.quiet = 0;
                Arc::make_mut(&mut log.trace).take(&body, is_over);
                Ok(News::Trace(job.clone(), Arc::clone(&log.trace)))
            }
            Log::Unchanged | Log::None => {
                log.quiet += 1;
                Ok(unchanged)
            }
        }
    }
}

/// Ended because no runner took it.
fn was_never_taken(job: &Job) -> bool {
    matches!(
        job.failure_reason.as_deref(),
        Some("stuck_or_timeout_failure" | "no_matching_runner")
    )
}

#[cfg(test)]
mod tests;
