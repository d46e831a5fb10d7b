//! How often a GitLab is asked in the long run, counted request by request.

use super::*;
use crate::clients::gitlab::TokenSource;
use crate::clients::gitlab::tests::gitlab;
use crate::clients::gitlab::tests::server::{Script, json};
use crate::rack::pipeline::state::PipelineRef;
use crate::rack::pipeline::{PipelineId, ProjectId};

/// Two projects of a hundred pipelines of ten jobs each, one pipeline with its running job's log on the screen.
#[tokio::test]
async fn two_hundred_pipelines_with_two_thousand_jobs_cost_less_than_a_request_a_second() {
    let list = |one: &dyn Fn(usize) -> String, count: usize| {
        let all: Vec<String> = (0..count).map(one).collect();
        json(&format!("[{}]", all.join(",")))
    };
    let pipeline = |at: usize| format!(r#"{{"id":{},"status":"running"}}"#, 1_000 - at);
    let job = |at: usize| {
        format!(r#"{{"id":{at},"name":"job-{at}","stage":"s","status":"running","tag_list":[]}}"#)
    };
    let server = Script::new()
        .on(
            "/personal_access_tokens/self",
            json(r#"{"scopes":["api"]}"#),
        )
        .on("/projects/7/pipelines/1000/jobs", list(&job, 10))
        .on("/projects/7/pipelines/1000/bridges", json("[]"))
        .on("/projects/7/pipelines?", list(&pipeline, 100))
        .on("/projects/8/pipelines?", list(&pipeline, 100))
        .on(
            "/projects/7/jobs/3/trace",
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nhello\n",
        )
        .on("/projects/7/deploy_tokens", json("[]"))
        .on("/projects/8/deploy_tokens", json("[]"))
        .on(
            "/projects/7",
            json(r#"{"id":7,"path_with_namespace":"ops/a"}"#),
        )
        .on(
            "/projects/8",
            json(r#"{"id":8,"path_with_namespace":"ops/b"}"#),
        )
        .start()
        .await;
    let settings = Settings {
        name: "office".into(),
        url: server.url.clone(),
        ca_file: None,
        token: TokenSource::Env("NONE".into()),
        projects: vec!["7".into(), "8".into()],
    };
    let (sender, _receiver) = mpsc::channel(64);
    let name: InstanceName = "office".into();
    let mut follower = Follower {
        gitlab: gitlab(&server).await,
        settings: &settings,
        name: Arc::clone(&name),
        projects: Vec::new(),
        jobs: HashMap::new(),
        logs: Vec::new(),
        due: HashMap::new(),
        news: &sender,
    };
    let project = ProjectRef {
        instance: name,
        project: ProjectId(7),
    };
    let look = Looking {
        is_shown: true,
        project: Some(project.clone()),
        pipeline: Some(PipelineRef {
            project: project.clone(),
            pipeline: PipelineId(1_000),
        }),
        job: Some(JobRef {
            project,
            job: JobId(3),
        }),
        trace: true,
        ..Looking::default()
    };
    follower.ask(&Topic::Projects, &look).await.unwrap();
    let mut rate = 0.0;
    let topics = follower.topics(&look);
    assert_eq!(topics.len(), 8, "{topics:?}");
    for topic in topics {
        let before = server.asked().len();
        follower.ask(&topic, &look).await.unwrap();
        let count = u32::try_from(server.asked().len() - before).unwrap();
        rate += f64::from(count) / follower.interval(&topic, &look).as_secs_f64();
    }
    assert!(rate > 0.5 && rate < 1.0, "{rate} requests a second");
    // The list of one project alone on the screen.
    let list = Looking {
        is_shown: true,
        project: look.project.clone(),
        ..Looking::default()
    };
    let shown = follower.interval(&Topic::Pipelines(look.project.clone().unwrap()), &list);
    assert!(1.0 / shown.as_secs_f64() < 0.5);
}
