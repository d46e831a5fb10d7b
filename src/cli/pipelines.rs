//! `bramble pipelines`: the newest pipelines of the GitLab servers in config.toml, on standard output.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::anyhow;
use clap::Args;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::cli::report::sheet::{Line, Sheet};
use crate::cli::report::write_lines;
use crate::cli::{Failure, Output, Report, cockpit, gitlab};
use crate::clients::gitlab::{Gitlab, Settings, connect};
use crate::rack::pipeline::{Pipeline, Project};
use crate::rack::time::{Now, short};
use crate::ui::text::clean;

const TITLES: &[&str] = &[
    "PROJECT", "PIPELINE", "STATUS", "REF", "COMMIT", "SOURCE", "AGE",
];

#[derive(Debug, Args)]
pub(super) struct PipelineArguments {
    /// A project by path or number; without it all projects of config.toml.
    #[arg(value_name = "PROJECT")]
    project: Option<String>,
    /// Which GitLab of config.toml; all of them without it.
    #[arg(long, value_name = "NAME")]
    gitlab: Option<String>,
    /// The newest pipelines of each project.
    #[arg(long, value_name = "NUMBER", default_value_t = 10)]
    limit: usize,
    /// How to print.
    #[arg(short, long, value_enum, default_value = "table")]
    output: Output,
}

pub(super) fn run(arguments: &PipelineArguments) -> Result<ExitCode, Failure> {
    let settings = chosen(gitlab::of_user()?, arguments.gitlab.as_deref())?;
    let runtime = cockpit::runtime().map_err(Failure::cluster)?;
    runtime.block_on(async {
        let mut lines = Vec::new();
        for settings in &settings {
            read(settings, arguments, &mut lines).await?;
        }
        let report = Report {
            output: arguments.output,
            watch: false,
        };
        write_lines(&Sheet::new(TITLES, 0, report).first(lines, Now::ZERO))?;
        Ok(ExitCode::SUCCESS)
    })
}

/// The GitLab servers a command is about.
pub(super) fn chosen(all: Vec<Settings>, name: Option<&str>) -> Result<Vec<Settings>, Failure> {
    let Some(name) = name else {
        return Ok(all);
    };
    let names: Vec<&str> = all.iter().map(|it| it.name.as_str()).collect();
    let unknown = anyhow!(
        "config.toml names no GitLab \"{name}\"; there are {}",
        names.join(", ")
    );
    let found = all.into_iter().find(|it| it.name == name);
    found
        .map(|it| vec![it])
        .ok_or_else(|| Failure::usage(unknown))
}

async fn read(
    settings: &Settings,
    arguments: &PipelineArguments,
    lines: &mut Vec<Line>,
) -> Result<(), Failure> {
    let gitlab = connect(settings).await.map_err(|error| failure(&error))?;
    let wanted = arguments.project.clone().map(|name| vec![name]);
    let names = wanted.unwrap_or_else(|| settings.projects.clone());
    for project in projects(&gitlab, &names).await? {
        let pipelines = gitlab.pipelines(project.id, arguments.limit).await;
        let pipelines = pipelines.map_err(|error| failure(&error))?;
        let line = |pipeline: &Pipeline| line(&settings.name, &project, pipeline);
        lines.extend(pipelines.iter().map(line));
    }
    Ok(())
}

/// The projects with these names; none: those of the owner of the token.
pub(super) async fn projects(gitlab: &Gitlab, names: &[String]) -> Result<Vec<Project>, Failure> {
    let mut projects = Vec::new();
    for name in names {
        let project = gitlab.project(name).await;
        projects.push(project.map_err(|error| failure(&error))?);
    }
    if names.is_empty() {
        projects = gitlab.projects().await.map_err(|error| failure(&error))?;
    }
    Ok(projects)
}

pub(super) fn failure(error: &crate::clients::gitlab::Error) -> Failure {
    Failure::cluster(anyhow!(clean(&error.problem().sentence()).into_owned()))
}

fn line(instance: &str, project: &Project, pipeline: &Pipeline) -> Line {
    let age = pipeline.created.map(|created| {
        let age = Timestamp::now().duration_since(created);
        short(Duration::try_from(age).unwrap_or_default())
    });
    let cells = [
        project.path.clone(),
        format!("#{}", pipeline.id),
        pipeline.status.to_string(),
        pipeline.branch.clone(),
        pipeline.short_sha().to_owned(),
        pipeline.source.replace('_', " "),
        age.unwrap_or_else(|| "?".to_owned()),
    ];
    Line {
        key: format!("{instance}/{}", pipeline.id),
        cells: cells.iter().map(|it| clean(it).into_owned()).collect(),
        json: json_of(instance, project, pipeline),
    }
}

fn json_of(instance: &str, project: &Project, pipeline: &Pipeline) -> Value {
    json!({
        "gitlab": instance,
        "project": project.path,
        "id": pipeline.id.0,
        "status": pipeline.status.word(),
        "ref": pipeline.branch,
        "sha": pipeline.sha,
        "source": pipeline.source,
        "name": pipeline.name,
        "createdAt": pipeline.created.map(|it| it.to_string()),
        "updatedAt": pipeline.updated.map(|it| it.to_string()),
        "url": pipeline.url,
    })
}
