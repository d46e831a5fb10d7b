//! What is known of all GitLabs at this moment: facts as they come, old ones kept when new ones cannot be had.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::waiting::Runners;
use super::{Detail, Job, JobId, Pipeline, PipelineId, Project, ProjectId};
use crate::rack::problem::Problem;
use crate::rack::trace::Trace;

/// The name of a GitLab in the settings: `[gitlab.NAME]`.
pub type InstanceName = Arc<str>;

/// A project of one of the GitLabs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProjectRef {
    pub instance: InstanceName,
    pub project: ProjectId,
}

/// A pipeline of one of the GitLabs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PipelineRef {
    pub project: ProjectRef,
    pub pipeline: PipelineId,
}

/// A job or bridge of one of the GitLabs.
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
}

/// News of one GitLab.
#[derive(Debug, Clone, PartialEq)]
pub enum News {
    Token(InstanceName, Token),
    Projects(InstanceName, Vec<Project>),
    Pipelines(ProjectRef, Vec<Pipeline>),
    Jobs(PipelineRef, Vec<Job>, Detail),
    Runners(JobRef, Runners),
    /// The whole log as it is now.
    Trace(JobRef, Arc<Trace>),
    /// The log was asked for and is what it was.
    TraceUnchanged(JobRef),
    /// An answer that is no news: everything shown is still so.
    Unchanged(InstanceName),
    Trouble(InstanceName, Box<Problem>),
}

/// What is known of one GitLab.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Instance {
    pub url: String,
    pub token: Option<Token>,
    pub projects: Vec<Project>,
    /// Why the last question was not answered; gone with the next answer.
    pub trouble: Option<Problem>,
    /// When it last answered.
    pub answered: Option<Duration>,
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

/// Everything known of pipelines.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Builds {
    pub instances: BTreeMap<InstanceName, Instance>,
    pub pipelines: BTreeMap<ProjectRef, Vec<Pipeline>>,
    pub jobs: BTreeMap<PipelineRef, (Vec<Job>, Detail)>,
    pub runners: BTreeMap<JobRef, Runners>,
    pub trace: Option<OpenTrace>,
}

impl Builds {
    pub fn is_configured(&self) -> bool {
        !self.instances.is_empty()
    }

    /// Takes in news that came at `now`.
    pub fn apply(&mut self, news: News, now: Duration) {
        let name = match &news {
            News::Token(name, _)
            | News::Projects(name, _)
            | News::Unchanged(name)
            | News::Trouble(name, _) => name,
            News::Pipelines(project, _) => &project.instance,
            News::Jobs(pipeline, ..) => &pipeline.project.instance,
            News::Runners(job, _) | News::Trace(job, ..) | News::TraceUnchanged(job) => {
                &job.project.instance
            }
        };
        let instance = self.instances.entry(Arc::clone(name)).or_default();
        match news {
            News::Trouble(_, problem) => {
                instance.trouble = Some(*problem);
                return;
            }
            _ => {
                instance.trouble = None;
                instance.answered = Some(now);
            }
        }
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
            News::Jobs(pipeline, jobs, detail) => _ = self.jobs.insert(pipeline, (jobs, detail)),
            News::Runners(job, runners) => _ = self.runners.insert(job, runners),
            News::Trace(job, trace) => self.grow(&job, trace, now),
            News::TraceUnchanged(job) => {
                if let Some(open) = self.trace.as_mut().filter(|open| open.job == job) {
                    open.asked = Some(now);
                }
            }
            News::Unchanged(_) | News::Trouble(..) => {}
        }
    }

    /// Shows the log of another job from now on, or none.
    pub fn open_trace(&mut self, job: Option<JobRef>) {
        self.trace = job.map(|job| OpenTrace {
            job,
            trace: Arc::default(),
            grew: None,
            asked: None,
        });
    }

    fn grow(&mut self, job: &JobRef, trace: Arc<Trace>, now: Duration) {
        let Some(open) = self.trace.as_mut().filter(|open| open.job == *job) else {
            return;
        };
        open.asked = Some(now);
        if open.trace != trace {
            open.grew = Some(now);
            open.trace = trace;
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
