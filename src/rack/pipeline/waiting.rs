//! Why a job does not run: from its state, its tags and the runners that were asked for.
//!
//! What cannot be known is said to be unknown: only a Maintainer sees the runners of a project.

use std::time::Duration;

use super::{Job, JobKind, Runner, Status};
use crate::rack::time::{Now, short};

/// What is known of the runners that take a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Runners {
    NotAsked,
    /// GitLab does not tell, with its reason.
    Refused(String),
    /// GitLab does not tell which runners there are, but whether any that is online can take the job.
    Stuck(bool),
    /// Those that have the tags of the job.
    Fitting(Vec<Runner>),
}

/// For so long nobody needs to worry about a job that waits for a runner.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a job waits for or why it never ran, in a sentence each; nothing for one that runs or has run.
pub fn why(job: &Job, runners: &Runners, now: Now) -> Vec<String> {
    match (&job.status, job.failure_reason.as_deref()) {
        (Status::Created, _) => vec!["it waits for jobs of earlier stages".to_owned()],
        (Status::Manual, _) if job.allow_failure => {
            vec!["somebody has to start it; the pipeline does not wait for it".to_owned()]
        }
        (Status::Manual, _) => {
            vec!["somebody has to start it; the pipeline waits for it".to_owned()]
        }
        (Status::Scheduled, _) => vec!["it starts by itself after its delay".to_owned()],
        (Status::WaitingForResource, _) => {
            vec!["another job holds its resource group; it runs when that one ends".to_owned()]
        }
        (Status::Preparing, _) => vec!["GitLab prepares what it needs (its cluster)".to_owned()],
        (Status::WaitingForCallback, _) => {
            vec!["it waits for a call from outside".to_owned()]
        }
        (Status::Pending, _) => pending(job, runners, now),
        (Status::Failed, Some(reason)) => never_ran(job, reason, runners),
        (Status::Failed, None) => no_child(job),
        _ => Vec::new(),
    }
}

fn pending(job: &Job, runners: &Runners, now: Now) -> Vec<String> {
    let waited = job
        .queued
        .or_else(|| job.created.map(|created| now.age_of(created)));
    let waited_words = waited.map(|it| format!(" for {}", short(it)));
    let mut lines = vec![format!(
        "it waits for a runner{}",
        waited_words.unwrap_or_default()
    )];
    if waited.is_none_or(|waited| waited >= PATIENCE) {
        lines.extend(about_runners(job, runners));
    }
    lines
}

fn about_runners(job: &Job, runners: &Runners) -> Vec<String> {
    let wanted = match job.tags.as_slice() {
        [] => "that take jobs without tags".to_owned(),
        tags => format!("with the tags [{}]", tags.join(", ")),
    };
    match runners {
        Runners::NotAsked => vec![format!("it needs one of the runners {wanted}")],
        Runners::Refused(why) => {
            vec![format!(
                "whether there are runners {wanted} is not known: {why}"
            )]
        }
        Runners::Stuck(true) => vec![format!(
            "GitLab says that it is stuck: no runner {wanted} is online for this project; a Maintainer sees which there are"
        )],
        Runners::Stuck(false) => vec![format!(
            "GitLab says that it is not stuck: a runner {wanted} is online, and busy with other jobs"
        )],
        Runners::Fitting(runners) if runners.is_empty() => vec![format!(
            "no runner of this project is among those {wanted}: give one its tags, or change the tags of the job"
        )],
        Runners::Fitting(runners) => {
            let ready = |runner: &&Runner| !runner.paused && runner.status == "online";
            let mut lines: Vec<String> = runners
                .iter()
                .filter(|runner| !ready(runner))
                .map(about_runner)
                .collect();
            let names: Vec<&str> = runners
                .iter()
                .filter(ready)
                .map(|runner| runner.description.as_str())
                .collect();
            if names.is_empty() {
                lines.push("no runner that fits is ready".to_owned());
            } else {
                lines.push(format!(
                    "{} would take it: busy with other jobs, or for protected branches only",
                    names.join(", ")
                ));
            }
            lines
        }
    }
}

fn about_runner(runner: &Runner) -> String {
    let name = &runner.description;
    if runner.paused {
        return format!("runner {name} fits but is paused");
    }
    match runner.status.as_str() {
        "never_contacted" => format!("runner {name} fits but has never called GitLab"),
        "offline" => format!("runner {name} fits but has not been heard of for two hours"),
        "stale" => format!("runner {name} fits but has not been heard of for a week"),
        other => format!("runner {name} fits but is {other}"),
    }
}

/// Reasons that need more than GitLab's word.
fn never_ran(job: &Job, reason: &str, runners: &Runners) -> Vec<String> {
    let sentence = match reason {
        "stuck_or_timeout_failure" | "no_matching_runner" => {
            let mut lines = vec!["it never started: no runner took it in time".to_owned()];
            lines.extend(about_runners(job, runners));
            return lines;
        }
        "script_failure" => return Vec::new(),
        "job_execution_timeout" | "job_execution_server_timeout" => {
            "it ran into its time limit: emulated builds are slow; raise the timeout, use a cache, or a native runner"
        }
        "trace_size_exceeded" => {
            "its log grew over the limit of the server, which ended the job: let it say less"
        }
        "runner_system_failure" => {
            "its runner failed, not its script: look at the log's last lines and retry it"
        }
        "image_pull_failure" => "the runner could not pull its image: check the name and the login",
        "downstream_pipeline_creation_failed" => {
            "no pipeline was started: it would have no jobs, or that is not allowed; GitLab's page of the bridge says which"
        }
        "insufficient_bridge_permissions" | "insufficient_upstream_permissions" => {
            "who started this pipeline may not start one in the other project"
        }
        "downstream_bridge_project_not_found" => {
            "the project it starts a pipeline in does not exist"
        }
        "archived_failure" => "it is too old to run",
        "forward_deployment_failure" | "failed_outdated_deployment_job" => {
            "a newer deployment is out already; this one is not put over it"
        }
        "ci_quota_exceeded" => "the compute minutes of this group are used up",
        "user_blocked" => "the account that started it is blocked",
        other => {
            return vec![format!("GitLab's reason: {}", other.replace('_', " "))];
        }
    };
    vec![sentence.to_owned()]
}

fn no_child(job: &Job) -> Vec<String> {
    match &job.kind {
        JobKind::Bridge(None) => vec!["it started no pipeline".to_owned()],
        _ => Vec::new(),
    }
}
