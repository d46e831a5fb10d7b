//! GitLab's JSON as it comes: only the fields we use, and every one that may be missing is optional.

use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;

use crate::rack::pipeline::state::Token;
use crate::rack::pipeline::{
    Detail, Downstream, Job, JobId, JobKind, Pipeline, PipelineId, Project, ProjectId, Runner,
    Status,
};

#[derive(Debug, Deserialize)]
pub(super) struct WireProject {
    id: u64,
    path_with_namespace: String,
    #[serde(default)]
    web_url: String,
    default_branch: Option<String>,
    permissions: Option<Permissions>,
    container_registry_image_prefix: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Permissions {
    project_access: Option<Access>,
    group_access: Option<Access>,
}

#[derive(Debug, Deserialize)]
struct Access {
    access_level: u16,
}

impl From<WireProject> for Project {
    fn from(wire: WireProject) -> Project {
        let level = |permissions: Permissions| {
            let both = [permissions.project_access, permissions.group_access];
            both.into_iter().flatten().map(|it| it.access_level).max()
        };
        Project {
            id: ProjectId(wire.id),
            path: wire.path_with_namespace,
            url: wire.web_url,
            default_branch: wire.default_branch,
            access_level: wire.permissions.and_then(level),
            registry: wire.container_registry_image_prefix,
        }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct WirePipeline {
    id: u64,
    #[serde(default)]
    project_id: u64,
    status: String,
    source: Option<String>,
    #[serde(rename = "ref")]
    branch: Option<String>,
    #[serde(default)]
    sha: String,
    name: Option<String>,
    #[serde(default)]
    web_url: String,
    created_at: Option<Timestamp>,
    updated_at: Option<Timestamp>,
    yaml_errors: Option<String>,
    started_at: Option<Timestamp>,
    finished_at: Option<Timestamp>,
    duration: Option<f64>,
}

impl From<WirePipeline> for Detail {
    fn from(wire: WirePipeline) -> Detail {
        Detail {
            yaml_errors: wire.yaml_errors,
            started: wire.started_at,
            finished: wire.finished_at,
            duration: seconds(wire.duration),
        }
    }
}

impl From<WirePipeline> for Pipeline {
    fn from(wire: WirePipeline) -> Pipeline {
        Pipeline {
            id: PipelineId(wire.id),
            project: ProjectId(wire.project_id),
            status: Status::from_word(&wire.status),
            source: wire.source.unwrap_or_default(),
            branch: wire.branch.unwrap_or_default(),
            sha: wire.sha,
            name: wire.name,
            url: wire.web_url,
            created: wire.created_at,
            updated: wire.updated_at,
        }
    }
}

/// A job; a bridge has the same fields, fewer of them, and its downstream pipeline.
#[derive(Debug, Deserialize)]
pub(super) struct WireJob {
    id: u64,
    name: String,
    #[serde(default)]
    stage: String,
    status: String,
    #[serde(default)]
    allow_failure: bool,
    failure_reason: Option<String>,
    #[serde(rename = "ref")]
    branch: Option<String>,
    created_at: Option<Timestamp>,
    started_at: Option<Timestamp>,
    finished_at: Option<Timestamp>,
    erased_at: Option<Timestamp>,
    duration: Option<f64>,
    queued_duration: Option<f64>,
    archived: Option<bool>,
    tag_list: Option<Vec<String>>,
    runner: Option<WireRunner>,
    web_url: Option<String>,
    downstream_pipeline: Option<WireDownstream>,
}

#[derive(Debug, Deserialize)]
struct WireDownstream {
    id: u64,
    #[serde(default)]
    project_id: u64,
    #[serde(default)]
    status: String,
    #[serde(default)]
    web_url: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct WireRunner {
    id: u64,
    description: Option<String>,
    paused: Option<bool>,
    /// Null when it never called.
    status: Option<String>,
}

impl From<WireRunner> for Runner {
    fn from(wire: WireRunner) -> Runner {
        let description = wire.description.filter(|text| !text.is_empty());
        Runner {
            id: wire.id,
            description: description.unwrap_or_else(|| format!("#{}", wire.id)),
            paused: wire.paused.unwrap_or(false),
            status: wire.status.unwrap_or_else(|| "of unknown state".to_owned()),
        }
    }
}

impl WireJob {
    pub(super) fn job(self) -> Job {
        self.of_kind(JobKind::Job)
    }

    pub(super) fn bridge(mut self) -> Job {
        let downstream = self.downstream_pipeline.take().map(|it| Downstream {
            project: ProjectId(it.project_id),
            pipeline: PipelineId(it.id),
            status: Status::from_word(&it.status),
            url: it.web_url,
        });
        self.of_kind(JobKind::Bridge(downstream))
    }

    fn of_kind(self, kind: JobKind) -> Job {
        Job {
            id: JobId(self.id),
            name: self.name,
            stage: self.stage,
            status: Status::from_word(&self.status),
            allow_failure: self.allow_failure,
            failure_reason: self.failure_reason,
            branch: self.branch.unwrap_or_default(),
            created: self.created_at,
            started: self.started_at,
            finished: self.finished_at,
            erased: self.erased_at,
            duration: seconds(self.duration),
            queued: seconds(self.queued_duration),
            archived: self.archived.unwrap_or(false),
            tags: self.tag_list.unwrap_or_default(),
            runner: self.runner.map(Runner::from),
            url: self.web_url.unwrap_or_default(),
            kind,
        }
    }
}

/// `GET /personal_access_tokens/self`.
#[derive(Debug, Deserialize)]
pub(super) struct WireToken {
    #[serde(default)]
    scopes: Vec<String>,
    expires_at: Option<jiff::civil::Date>,
}

impl From<WireToken> for Token {
    fn from(wire: WireToken) -> Token {
        Token {
            scopes: wire.scopes,
            expires: wire.expires_at,
        }
    }
}

fn seconds(value: Option<f64>) -> Option<Duration> {
    value.and_then(|it| Duration::try_from_secs_f64(it).ok())
}
