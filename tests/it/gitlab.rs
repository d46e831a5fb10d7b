//! What is followed, against the simulated GitLab: news, faults, logs in every form, and how seldom it is asked.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use bramble::clients::gitlab::{Log, Settings, TokenSource, connect, follow};
use bramble::rack::pipeline::state::{Builds, JobRef, Looking, News, PipelineRef, ProjectRef};
use bramble::rack::pipeline::{Order, PipelineId, ProjectId, Status};
use bramble::rack::trace::Trace;
use bramble::sim::{Gitlab as Sim, GitlabFault};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);

/// A follower, what it has told, and what somebody looks at.
struct Bed {
    sim: Sim,
    builds: Builds,
    looking: watch::Sender<Looking>,
    news: mpsc::Receiver<News>,
    _token: tempfile::TempDir,
}

fn settings(sim: &Sim) -> (Settings, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("token");
    fs::write(&file, sim.token()).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let settings = Settings {
        name: "demo".into(),
        url: sim.url(),
        ca_file: None,
        token: TokenSource::File(file),
        projects: vec!["ops/thermo-hub".into()],
    };
    (settings, dir)
}

/// A connection, and the folder its token is in.
pub(crate) async fn connected(sim: &Sim) -> (bramble::clients::gitlab::Gitlab, tempfile::TempDir) {
    let (settings, token) = settings(sim);
    (connect(&settings).await.unwrap(), token)
}

impl Bed {
    async fn start() -> Bed {
        Bed::of(&["ops/thermo-hub"]).await
    }

    async fn of(projects: &[&str]) -> Bed {
        let sim = Sim::start().await.unwrap();
        let (mut settings, token) = settings(&sim);
        settings.projects = projects.iter().map(|it| (*it).to_owned()).collect();
        let (looking, receiver) = watch::channel(Looking {
            is_shown: true,
            ..Looking::default()
        });
        let (sender, news) = mpsc::channel(4);
        tokio::spawn(follow(settings, receiver, sender));
        Bed {
            sim,
            builds: Builds::default(),
            looking,
            news,
            _token: token,
        }
    }

    /// Takes news in until something holds.
    async fn until(&mut self, what: &str, holds: impl Fn(&Builds) -> bool) {
        while !holds(&self.builds) {
            let news = timeout(PATIENCE, self.news.recv()).await;
            let news = news.unwrap_or_else(|_| panic!("{what} did not come"));
            self.builds.apply(news.unwrap(), Duration::ZERO);
        }
    }

    fn look(&self, change: impl FnOnce(&mut Looking)) {
        self.looking.send_modify(change);
    }
}

fn project() -> ProjectRef {
    ProjectRef {
        instance: "demo".into(),
        project: ProjectId(4711),
    }
}

#[tokio::test]
async fn what_is_looked_at_is_told_down_to_the_log_and_what_a_job_waits_for() {
    let mut bed = Bed::start().await;
    bed.until("pipelines", |it| it.pipelines.contains_key(&project()))
        .await;
    let pipeline = PipelineRef {
        project: project(),
        pipeline: PipelineId(9311),
    };
    bed.look(|it| it.pipeline = Some(pipeline.clone()));
    bed.until("jobs", |it| it.jobs.contains_key(&pipeline))
        .await;
    let job = |name: &str| {
        let (jobs, _) = &bed.builds.jobs[&pipeline];
        let job = jobs.iter().find(|job| job.name == name).unwrap();
        JobRef {
            project: project(),
            job: job.id,
        }
    };
    let (train, lint) = (job("train"), job("lint"));
    bed.look(|it| it.job = Some(train.clone()));
    bed.until("runners", |it| it.runners.contains_key(&train))
        .await;
    bed.builds.open_trace(Some(lint.clone()));
    bed.look(|it| (it.job, it.trace) = (Some(lint), true));
    let has_log = |it: &Builds| {
        it.trace
            .as_ref()
            .is_some_and(|it| !it.trace.rows().is_empty())
    };
    bed.until("the log", has_log).await;
    let trace = &bed.builds.trace.as_ref().unwrap().trace;
    let last = trace.rows().last().unwrap();
    assert_eq!(trace.plain(last), "Job succeeded");
}

#[tokio::test]
async fn faults_are_told_and_the_old_data_stays() {
    for (fault, expected) in [
        (GitlabFault::BadGateway, "(502)"),
        (GitlabFault::Truncated, "it ended in the middle"),
        (GitlabFault::Busy(30), "asking again in 30s"),
        (GitlabFault::Expired, "Token is expired"),
    ] {
        let mut bed = Bed::start().await;
        bed.until("pipelines", |it| it.pipelines.contains_key(&project()))
            .await;
        bed.sim.fail(Some(fault));
        bed.look(|it| it.nudge += 1);
        let trouble = |it: &Builds| it.instances.values().any(|it| it.trouble().is_some());
        bed.until("the trouble", trouble).await;
        let instance = bed.builds.instances.values().next().unwrap();
        let words = instance.trouble().unwrap().sentence();
        assert!(words.contains(expected), "{words}");
        assert!(!words.contains('<'), "{words}");
        assert_eq!(bed.builds.pipelines[&project()].len(), 2);
    }
}

#[tokio::test]
async fn one_wrong_name_is_told_and_does_not_hide_the_other_projects() {
    let mut bed = Bed::of(&["ops/none", "ops/thermo-hub"]).await;
    bed.until("pipelines", |it| it.pipelines.contains_key(&project()))
        .await;
    let trouble = |it: &Builds| it.instances.values().any(|it| it.trouble().is_some());
    bed.until("the trouble", trouble).await;
    let instance = bed.builds.instances.values().next().unwrap();
    let words = instance.trouble().unwrap().sentence();
    assert!(words.contains("project ops/none"), "{words}");
}

#[tokio::test]
async fn a_retry_gives_a_job_with_another_number() {
    let sim = Sim::start().await.unwrap();
    let (settings, _token) = settings(&sim);
    let gitlab = connect(&settings).await.unwrap();
    let (jobs, _) = gitlab
        .jobs(ProjectId(4711), PipelineId(9310))
        .await
        .unwrap();
    let failed = jobs.iter().find(|it| it.status == Status::Failed).unwrap();
    let new = gitlab
        .act(ProjectId(4711), failed, &Order::Retry)
        .await
        .unwrap();
    assert_ne!(new, failed.id);
    let again = gitlab
        .act(ProjectId(4711), failed, &Order::Play(Vec::new()))
        .await;
    let words = again.unwrap_err().to_string();
    assert!(words.contains("Unplayable Job"), "{words}");
}

#[tokio::test]
async fn every_form_of_log_is_read() {
    let sim = Sim::start().await.unwrap();
    let (settings, _token) = settings(&sim);
    let gitlab = connect(&settings).await.unwrap();
    for (pipeline, name) in [(9310, "build"), (9310, "image"), (9311, "build")] {
        let (jobs, _) = gitlab
            .jobs(ProjectId(4711), PipelineId(pipeline))
            .await
            .unwrap();
        let job = jobs.iter().find(|it| it.name == name).unwrap();
        let Log::Whole(body, _) = gitlab.trace(ProjectId(4711), job.id, None).await.unwrap() else {
            panic!("{name} has a log");
        };
        let mut trace = Trace::new();
        trace.take(&body, false);
        let first = trace.plain(&trace.rows()[0]);
        assert_eq!(first, "Running with gitlab-runner 19.4.0", "{name}");
        let titles: Vec<&str> = trace.sections().iter().map(|it| it.name.as_str()).collect();
        assert_eq!(titles, ["prepare-executor", "step-script"], "{name}");
    }
}
