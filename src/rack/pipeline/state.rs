//! What is known of all GitLab servers at this moment: facts as they come, old ones kept when new ones cannot be had.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::waiting::Runners;
use super::{Detail, Job, JobId, Pipeline, PipelineId, Project, ProjectId};
use crate::rack::problem::{Problem, Severity, Subject};
use crate::rack::pull_secret::{self, DeployToken};
use crate::rack::trace::Trace;

/// So many days before its end a token is spoken of.
pub const TOKEN_SOON: i32 = 14;

/// The name of a GitLab in the settings: `[gitlab.NAME]`.
pub type InstanceName = Arc<str>;

/// A project of one of the GitLab servers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProjectRef {
    pub instance: InstanceName,
    pub project: ProjectId,
}

/// A pipeline of one of the GitLab servers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PipelineRef {
    pub project: ProjectRef,
    pub pipeline: PipelineId,
}

/// A job or bridge of one of the GitLab servers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobRef {
    pub project: ProjectRef,
    pub job: JobId,
}

/// What the token of an instance is good for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Token {
    /// Empty when GitLab does not tell (tokens that are no access tokens).
    pub scopes: Vec<String>,
    /// The last day it is good for is the one before.
    pub expires: Option<jiff::civil::Date>,
}

impl Token {
    /// It can only read: known when GitLab told its scopes.
    pub fn is_read_only(&self) -> bool {
        !self.scopes.is_empty() && !self.scopes.iter().any(|scope| scope == "api")
    }

    /// Whole days left; negative when it is over.
    pub fn days_left(&self, now: Timestamp) -> Option<i32> {
        let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
        today.until(self.expires?).ok().map(|span| span.get_days())
    }
}

/// What the screen shows now: polled more often than the rest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Looking {
    /// The pane is on the screen at all.
    pub is_shown: bool,
    pub project: Option<ProjectRef>,
    pub pipeline: Option<PipelineRef>,
    pub job: Option<JobRef>,
    /// The log of that job is on the screen.
    pub trace: bool,
    /// And beside it that of another attempt.
    pub beside: Option<JobRef>,
    /// Another number: a log was opened anew, and is told whole again even if it was told before.
    pub opened: u64,
    /// Another number wants everything anew at once.
    pub nudge: u64,
    /// Things done from here since: everything is asked anew after each.
    pub acted: u64,
}

/// One thing that is asked for again and again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// The connection as a whole, and what its token may do.
    Token,
    Projects,
    Pipelines(ProjectRef),
    /// When the tokens that clusters pull with end.
    DeployTokens(ProjectRef),
    Jobs(PipelineRef),
    Runners(JobRef),
    Trace(JobRef),
}

/// News of one GitLab.
#[derive(Debug, Clone, PartialEq)]
pub enum News {
    Token(InstanceName, Token),
    Projects(InstanceName, Vec<Project>),
    Pipelines(ProjectRef, Vec<Pipeline>),
    DeployTokens(ProjectRef, Vec<DeployToken>),
    Jobs(PipelineRef, Vec<Job>, Detail),
    Runners(JobRef, Runners),
    /// The whole log as it is now.
    Trace(JobRef, Arc<Trace>),
    /// The log was asked for and is what it was.
    TraceUnchanged(JobRef),
    /// This cannot be had now; it is asked for again.
    Trouble(InstanceName, Topic, Box<Problem>),
}

/// What is known of one GitLab.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Instance {
    pub url: String,
    pub token: Option<Token>,
    pub projects: Vec<Project>,
    /// What cannot be had, and why; gone when it is answered, or not asked for any more.
    pub troubles: BTreeMap<Topic, Problem>,
    /// When it last answered.
    pub answered: Option<Duration>,
}

impl Instance {
    /// What to say first of what cannot be had.
    pub fn trouble(&self) -> Option<&Problem> {
        self.troubles.values().next()
    }
}

impl News {
    /// Which GitLab it is of, and what it answers.
    fn about(&self) -> (InstanceName, Topic) {
        let of_project = |project: &ProjectRef, topic| (Arc::clone(&project.instance), topic);
        match self {
            News::Token(name, _) => (Arc::clone(name), Topic::Token),
            News::Projects(name, _) => (Arc::clone(name), Topic::Projects),
            News::Trouble(name, topic, _) => (Arc::clone(name), topic.clone()),
            News::Pipelines(project, _) => of_project(project, Topic::Pipelines(project.clone())),
            News::DeployTokens(project, _) => {
                of_project(project, Topic::DeployTokens(project.clone()))
            }
            News::Jobs(pipeline, ..) => {
                of_project(&pipeline.project, Topic::Jobs(pipeline.clone()))
            }
            News::Runners(job, _) => of_project(&job.project, Topic::Runners(job.clone())),
            News::Trace(job, _) | News::TraceUnchanged(job) => {
                of_project(&job.project, Topic::Trace(job.clone()))
            }
        }
    }
}

/// The log that is on the screen.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenTrace {
    pub job: JobRef,
    pub trace: Arc<Trace>,
    /// When its bytes last became more.
    pub grew: Option<Duration>,
    /// When the server last said that this is all.
    pub asked: Option<Duration>,
}

impl OpenTrace {
    fn begun(job: JobRef) -> OpenTrace {
        OpenTrace {
            job,
            trace: Arc::default(),
            grew: None,
            asked: None,
        }
    }
}

/// Everything known of pipelines.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Builds {
    pub instances: BTreeMap<InstanceName, Instance>,
    pub pipelines: BTreeMap<ProjectRef, Vec<Pipeline>>,
    pub deploy_tokens: BTreeMap<ProjectRef, Vec<DeployToken>>,
    pub jobs: BTreeMap<PipelineRef, (Vec<Job>, Detail)>,
    pub runners: BTreeMap<JobRef, Runners>,
    pub trace: Option<OpenTrace>,
    /// The log of another attempt, beside that one.
    pub beside: Option<OpenTrace>,
}

impl Builds {
    pub fn is_configured(&self) -> bool {
        !self.instances.is_empty()
    }

    /// What is wrong with the GitLab servers and their tokens.
    pub fn problems(&self, now: Timestamp) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (name, instance) in &self.instances {
            problems.extend(instance.trouble().cloned());
            let days = instance.token.as_ref().and_then(|it| it.days_left(now));
            if let Some(days) = days.filter(|days| *days <= TOKEN_SOON) {
                let (severity, what) = match days {
                    ..=0 => (Severity::Critical, "has expired".to_owned()),
                    days => (Severity::Warning, format!("expires in {days} days")),
                };
                let what = format!("the token of GitLab {name} {what}");
                let next = "make a new access token and put it where config.toml says";
                problems.push(Problem::new(severity, Subject::Gitlab, what).next(next));
            }
        }
        for (project, tokens) in &self.deploy_tokens {
            if let Some(about) = self.project(project) {
                problems.extend(pull_secret::problems(&about.path, tokens, now));
            }
        }
        problems
    }

    /// Takes in news that came at `now`.
    pub fn apply(&mut self, news: News, now: Duration) {
        let (name, topic) = news.about();
        let instance = self.instances.entry(name).or_default();
        if let News::Trouble(_, topic, problem) = news {
            instance.troubles.insert(topic, *problem);
            return;
        }
        instance.troubles.remove(&topic);
        instance.answered = Some(now);
        match news {
            News::Token(_, token) => instance.token = Some(token),
            News::Projects(name, projects) => {
                let here: BTreeSet<ProjectId> = projects.iter().map(|it| it.id).collect();
                instance.projects = projects;
                self.pipelines.retain(|project, _| {
                    project.instance != name || here.contains(&project.project)
                });
            }
            News::Pipelines(project, pipelines) => _ = self.pipelines.insert(project, pipelines),
            News::DeployTokens(project, tokens) => {
                _ = self.deploy_tokens.insert(project, tokens);
            }
            News::Jobs(pipeline, jobs, detail) => _ = self.jobs.insert(pipeline, (jobs, detail)),
            News::Runners(job, runners) => _ = self.runners.insert(job, runners),
            News::Trace(job, trace) => self.grow(&job, &trace, now),
            News::TraceUnchanged(job) => {
                for open in self.open_logs(&job) {
                    open.asked = Some(now);
                }
            }
            News::Trouble(..) => {}
        }
    }

    /// What is not looked at any more is not asked for either: its troubles are over.
    pub fn look(&mut self, looking: &Looking) {
        for instance in self.instances.values_mut() {
            instance.troubles.retain(|topic, _| match topic {
                Topic::Token | Topic::Projects | Topic::Pipelines(_) | Topic::DeployTokens(_) => {
                    true
                }
                Topic::Jobs(pipeline) => looking.pipeline.as_ref() == Some(pipeline),
                Topic::Runners(job) | Topic::Trace(job) => {
                    looking.job.as_ref() == Some(job) || looking.beside.as_ref() == Some(job)
                }
            });
        }
    }

    /// Shows the log of another job from now on, or none.
    pub fn open_trace(&mut self, job: Option<JobRef>) {
        self.trace = job.map(OpenTrace::begun);
    }

    /// Shows the log of another attempt beside it, or none.
    pub fn open_beside(&mut self, job: Option<JobRef>) {
        self.beside = job.map(OpenTrace::begun);
    }

    fn open_logs(&mut self, job: &JobRef) -> impl Iterator<Item = &mut OpenTrace> {
        let both = self.trace.iter_mut().chain(&mut self.beside);
        both.filter(move |open| open.job == *job)
    }

    fn grow(&mut self, job: &JobRef, trace: &Arc<Trace>, now: Duration) {
        for open in self.open_logs(job) {
            open.asked = Some(now);
            if open.trace != *trace {
                open.grew = Some(now);
                open.trace = Arc::clone(trace);
            }
        }
    }

    pub fn project(&self, project: &ProjectRef) -> Option<&Project> {
        let instance = self.instances.get(&project.instance)?;
        instance.projects.iter().find(|it| it.id == project.project)
    }

    pub fn pipeline(&self, pipeline: &PipelineRef) -> Option<&Pipeline> {
        let all = self.pipelines.get(&pipeline.project)?;
        all.iter().find(|it| it.id == pipeline.pipeline)
    }

    pub fn job(&self, job: &JobRef) -> Option<&Job> {
        self.jobs
            .iter()
            .filter(|(pipeline, _)| pipeline.project == job.project)
            .flat_map(|(_, (jobs, _))| jobs)
            .find(|it| it.id == job.job)
    }
}
