//! From a job to the images it pushed, and from an image back to the job: told by the logs of jobs, since GitLab keeps
//! no record of it.

use super::{Error, Fault, Gitlab, Log};
use crate::clients::registry::{Login, Registry};
use crate::rack::image::name::ImageName;
use crate::rack::image::{Builder, Checked};
use crate::rack::pipeline::state::{JobRef, ProjectRef};
use crate::rack::pipeline::{Job, JobId, Pipeline, Project, ProjectId, Status};
use crate::rack::trace::Trace;
use crate::rack::trace::pushed::{Pushed, pushed};

/// Pipelines whose jobs are looked at, and logs that are read, on the way from an image to its job.
const PIPELINES: usize = 5;
const LOGS: usize = 12;
/// Fewer letters of a commit may be a version by accident.
const SHORTEST: usize = 7;

impl Gitlab {
    /// A way to the registry of this GitLab, with the login of its access token (which needs `read_registry`).
    pub fn registry(&self) -> Registry {
        let login = Login {
            user: "oauth2".to_owned(),
            password: self.token.clone(),
            hosts: vec![self.http.host().to_owned()],
        };
        Registry::with(self.http.web().clone(), login)
    }

    /// The project whose part of the registry an image lies in.
    pub async fn project_of(
        &self,
        image: &ImageName,
        named: &[String],
    ) -> Result<Option<Project>, Error> {
        let mut projects = Vec::new();
        if named.is_empty() {
            projects = self.projects().await?;
        }
        for name in named {
            match self.project(name).await {
                Ok(project) => projects.push(project),
                Err(error) if matches!(error.fault, Fault::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
        let owns = |it: &Project| it.registry.as_deref().is_some_and(|it| image.is_below(it));
        Ok(projects.into_iter().find(owns))
    }

    /// The images that the log of a job says were pushed.
    pub async fn pushed(&self, project: ProjectId, job: JobId) -> Result<Vec<Pushed>, Error> {
        match self.trace(project, job, None).await? {
            Log::Whole(body, _) => {
                let mut trace = Trace::new();
                trace.take(&body, true);
                Ok(pushed(&trace))
            }
            Log::Unchanged | Log::None => Ok(Vec::new()),
        }
    }

    /// The job that pushed an image of `project`: first looked for in the pipelines of the commit that its tag or its
    /// label names, then in the newest ones. `None` when no log among those names its digest.
    pub async fn builder(
        &self,
        project: &Project,
        image: &ImageName,
        checked: &Checked,
    ) -> Result<Option<Builder>, Error> {
        let mut pipelines = self.pipelines(project.id, super::follow::MOST).await?;
        let commits = commits(image, checked.revision.as_deref());
        let is_of = |it: &Pipeline| commits.iter().any(|commit| it.sha.starts_with(commit));
        // A stable sort: the newest stay first among those of the commit, and among the others.
        pipelines.sort_by_key(|it| !is_of(it));
        let mut logs = LOGS;
        for pipeline in pipelines.iter().take(PIPELINES) {
            let (mut jobs, _) = self.jobs(project.id, pipeline.id).await?;
            jobs.retain(|it| !it.is_bridge() && it.status == Status::Success);
            jobs.sort_by_key(rank);
            for job in jobs {
                if logs == 0 {
                    return Ok(None);
                }
                logs -= 1;
                let pushed = self.pushed(project.id, job.id).await?;
                if pushed.iter().any(|it| checked.is(&it.digest)) {
                    let instance = self.name.as_str().into();
                    return Ok(Some(Builder {
                        job: JobRef {
                            project: ProjectRef {
                                instance,
                                project: project.id,
                            },
                            job: job.id,
                        },
                        named: job.named(),
                        project: project.path.clone(),
                        pipeline: pipeline.id,
                        commit: pipeline.short_sha().to_owned(),
                    }));
                }
            }
        }
        Ok(None)
    }
}

/// What may be a commit: the label, and words of the tag that are hexadecimal and long enough.
fn commits(image: &ImageName, revision: Option<&str>) -> Vec<String> {
    let words = image.tag.as_deref().unwrap_or_default();
    let words = words.split(['-', '.', '_']).chain(revision);
    let is_commit =
        |word: &&str| word.len() >= SHORTEST && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    words.filter(is_commit).map(str::to_lowercase).collect()
}

/// Jobs whose names speak of building or pushing first.
fn rank(job: &Job) -> (usize, JobId) {
    const WORDS: [&str; 5] = ["build", "image", "docker", "push", "release"];
    let name = format!("{} {}", job.name, job.stage).to_lowercase();
    let place = WORDS.iter().position(|word| name.contains(word));
    (place.unwrap_or(WORDS.len()), job.id)
}
