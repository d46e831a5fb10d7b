//! Builds of a GitLab: projects, pipelines, jobs, and the rules GitLab keeps for them.
//!
//! Words are GitLab's own. Not here: asking for them (`clients`) and the log of a job ([`super::trace`]).

pub mod state;
pub mod status;
pub mod waiting;

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;

use crate::rack::time::Now;
pub use status::{Group, Status};

macro_rules! number {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }
    };
}

number!(
    /// A project of one GitLab.
    ProjectId
);
number!(
    /// A pipeline, by the number that is its own in the whole GitLab.
    PipelineId
);
number!(
    /// A job or a bridge, by the number that is its own in the whole GitLab. A retried job has another one.
    JobId
);

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    pub id: ProjectId,
    /// `ops/thermo-hub`.
    pub path: String,
    pub url: String,
    pub default_branch: Option<String>,
    /// What the owner of the token may do there: 30 Developer, 40 Maintainer, 50 Owner; `None` when it is not told.
    pub access_level: Option<u16>,
    /// What the names of its images begin with: `registry.example.com/ops/thermo-hub`.
    pub registry: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pipeline {
    pub id: PipelineId,
    pub project: ProjectId,
    pub status: Status,
    /// What set it off: `push`, `schedule`, `parent_pipeline` …
    pub source: String,
    /// A branch, a tag, or `refs/merge-requests/…`.
    pub branch: String,
    pub sha: String,
    pub name: Option<String>,
    pub url: String,
    pub created: Option<Timestamp>,
    pub updated: Option<Timestamp>,
}

impl Pipeline {
    /// The commit as people write it.
    pub fn short_sha(&self) -> &str {
        self.sha.get(..8).unwrap_or(&self.sha)
    }
}

/// What one pipeline says of itself only when it is asked for alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Detail {
    /// What GitLab could not read in the project's `.gitlab-ci.yml`: such a pipeline has no jobs.
    pub yaml_errors: Option<String>,
    pub started: Option<Timestamp>,
    pub finished: Option<Timestamp>,
    pub duration: Option<Duration>,
}

/// A job, or a bridge: a job that starts a pipeline and has no log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    pub id: JobId,
    pub name: String,
    pub stage: String,
    pub status: Status,
    /// A failure of it does not fail the pipeline.
    pub allow_failure: bool,
    /// GitLab's word, on failed jobs only.
    pub failure_reason: Option<String>,
    pub branch: String,
    pub created: Option<Timestamp>,
    pub started: Option<Timestamp>,
    pub finished: Option<Timestamp>,
    /// When its log and artifacts were erased.
    pub erased: Option<Timestamp>,
    pub duration: Option<Duration>,
    /// How long it waited for a runner.
    pub queued: Option<Duration>,
    /// Too old for GitLab to run it again.
    pub archived: bool,
    pub tags: Vec<String>,
    /// Who runs it.
    pub runner: Option<Runner>,
    pub url: String,
    pub kind: JobKind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobKind {
    Job,
    /// With the pipeline it started, if it did.
    Bridge(Option<Downstream>),
}

/// A pipeline that a bridge started, perhaps in another project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Downstream {
    pub project: ProjectId,
    pub pipeline: PipelineId,
    pub status: Status,
    pub url: String,
}

/// A runner as lists of runners tell of it; tags only when it was asked for alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runner {
    pub id: u64,
    pub description: String,
    pub paused: bool,
    /// `online`, `offline`, `stale`, `never_contacted`. Online means heard of within two hours: weak evidence.
    pub status: String,
}

impl Job {
    /// How long it has run, or ran.
    pub fn took(&self, now: Now) -> Option<Duration> {
        match (self.duration, self.started, self.finished) {
            (_, Some(started), None) if self.status.is_alive() => Some(now.age_of(started)),
            (Some(duration), ..) => Some(duration),
            _ => None,
        }
    }

    pub fn is_bridge(&self) -> bool {
        matches!(self.kind, JobKind::Bridge(_))
    }

    /// Failed, and that is allowed.
    pub fn is_warning(&self) -> bool {
        self.allow_failure && self.status == Status::Failed
    }

    pub fn can_cancel(&self) -> bool {
        (self.status.is_alive() && self.status != Status::Canceling)
            || self.status == Status::Scheduled
    }

    pub fn can_retry(&self) -> bool {
        let is_over = matches!(
            self.status,
            Status::Success | Status::Failed | Status::Canceled | Status::Canceling
        );
        is_over && !self.archived
    }

    pub fn can_play(&self) -> bool {
        matches!(self.status, Status::Manual | Status::Scheduled) && !self.archived
    }

    /// `job "build" (#4711)`: how sentences name it.
    pub fn named(&self) -> String {
        let kind = if self.is_bridge() { "bridge" } else { "job" };
        format!("{kind} {:?} (#{})", self.name, self.id)
    }

    /// Why there is no log, for a log of no bytes.
    pub fn why_no_log(&self) -> String {
        match (&self.kind, self.erased, self.started) {
            (JobKind::Bridge(_), ..) => "a bridge starts a pipeline and writes no log".to_owned(),
            (_, Some(at), _) => format!("its log was erased at {at:.0}"),
            (_, _, None) if self.status.is_done() => {
                format!("it never started: it is {}", self.status)
            }
            (_, _, None) => format!("it has not started: it is {}", self.status),
            _ => "nothing has come yet; the runner reports about once a minute".to_owned(),
        }
    }
}

/// What can be done to a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Makes a new job of it, with another number.
    Retry,
    Cancel,
    /// Starts a job that waits for somebody, with variables for this run.
    Play(Vec<(String, String)>),
}

impl Order {
    /// GitLab's word for it.
    pub fn word(&self) -> &'static str {
        match self {
            Order::Retry => "retry",
            Order::Cancel => "cancel",
            Order::Play(_) => "play",
        }
    }
}

/// The attempts of one job name, the latest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempts {
    pub latest: Job,
    /// Newest first.
    pub earlier: Vec<Job>,
}

/// Jobs of one stage, in the order in which they were made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    pub name: String,
    pub jobs: Vec<Attempts>,
}

/// The jobs of a pipeline by stage. GitLab marks neither the order of stages nor which attempt counts: stages come in
/// the order of their oldest job, and the highest number of a name is the attempt that counts.
pub fn stages(jobs: &[Job]) -> Vec<Stage> {
    let mut jobs: Vec<&Job> = jobs.iter().collect();
    jobs.sort_by_key(|job| job.id);
    let mut stages: Vec<Stage> = Vec::new();
    for job in jobs {
        let place = stages.iter().position(|stage| stage.name == job.stage);
        let place = place.unwrap_or_else(|| {
            stages.push(Stage {
                name: job.stage.clone(),
                jobs: Vec::new(),
            });
            stages.len() - 1
        });
        let Some(stage) = stages.get_mut(place) else {
            continue;
        };
        let same = |attempts: &&mut Attempts| attempts.latest.name == job.name;
        match stage.jobs.iter_mut().find(same) {
            Some(attempts) => {
                let before = std::mem::replace(&mut attempts.latest, job.clone());
                attempts.earlier.insert(0, before);
            }
            None => stage.jobs.push(Attempts {
                latest: job.clone(),
                earlier: Vec::new(),
            }),
        }
    }
    stages
}

/// `1:05`, `1:02:03`.
pub fn clock(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

#[cfg(test)]
mod tests;
