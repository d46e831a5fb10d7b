//! `bramble arm`: whether images have a build for the nodes, and the files that make one.

use std::io::{IsTerminal, Write as _};
use std::process::ExitCode;

use anyhow::anyhow;
use clap::{Args, Subcommand};

use crate::cli::{Failure, Global, cockpit, gitlab as settings, print, target};
use crate::clients::gitlab::{self, Settings};
use crate::clients::registry::Registry;
use crate::clients::{kubernetes, scaffold};
use crate::rack::image::name::ImageName;
use crate::rack::image::{Found, Kind, OfObject, misfit, page};
use crate::rack::node::NodeName;
use crate::rack::problem::Subject;
use crate::rack::scaffold::{Form, Plan};
use crate::ui::text::clean;

#[derive(Debug, Subcommand)]
pub(super) enum Arm {
    /// Ask registries what images are built for, against the nodes of the cluster; exit code 1 when one does not fit.
    Check(Check),
    /// Write Dockerfile.arm and .gitlab-ci.yml into the folder of a project: shown first, then asked.
    Scaffold(Scaffold),
}

#[derive(Debug, Args)]
pub(super) struct Check {
    /// Images by name, as in a pod.
    #[arg(value_name = "IMAGE", required = true)]
    images: Vec<String>,
    /// An architecture instead of those of the nodes, as in arm64; no cluster is asked.
    #[arg(long, value_name = "NAME")]
    arch: Vec<String>,
}

#[derive(Debug, Args)]
pub(super) struct Scaffold {
    /// The folder of the project.
    #[arg(value_name = "FOLDER", default_value = ".")]
    folder: String,
    /// The form of before buildx: a tag for each architecture, by qemu-user-static.
    #[arg(long)]
    classic: bool,
    /// Only show what would be written.
    #[arg(long)]
    dry_run: bool,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
}

pub(super) fn run(global: &Global, command: Arm) -> Result<ExitCode, Failure> {
    match command {
        Arm::Check(arguments) => check(global, &arguments),
        Arm::Scaffold(arguments) => write(global, &arguments),
    }
}

fn check(global: &Global, arguments: &Check) -> Result<ExitCode, Failure> {
    let mut names = Vec::new();
    for text in &arguments.images {
        let name = ImageName::parse(text)
            .map_err(|why| Failure::usage(anyhow!(clean(&why).into_owned())))?;
        names.push((text, name));
    }
    // Without a GitLab in the settings everything is asked for without a login.
    let gitlabs = settings::of_user().unwrap_or_default();
    let runtime = cockpit::runtime().map_err(Failure::cluster)?;
    let mut text = String::new();
    let mut code = ExitCode::SUCCESS;
    runtime.block_on(async {
        let nodes = nodes(global, &arguments.arch).await?;
        for (text_of, name) in names {
            let registry = registry_for(&name, &gitlabs).await?;
            let checked = registry.check(&name).await;
            let mut checked = checked.map_err(|error| Failure::cluster(anyhow!(error)))?;
            checked.image = text_of.as_str().into();
            if misfit(&checked, &Subject::Program, &nodes, &[]).is_some()
                || checked.kind == Kind::BuildCache
            {
                code = ExitCode::from(1);
            }
            let found = Found::Object(OfObject {
                object: Subject::Program,
                only: Vec::new(),
                images: vec![checked],
                running: Vec::new(),
            });
            text.push_str(&page::text(&found, &nodes));
        }
        Ok(())
    })?;
    let lines: Vec<_> = text.trim_end().lines().map(|line| clean(line)).collect();
    print(|out| writeln!(out, "{}", lines.join("\n")))?;
    Ok(code)
}

/// The nodes with their architectures; for names given on the command line, those stand for nodes.
async fn nodes(global: &Global, given: &[String]) -> Result<Vec<(NodeName, Box<str>)>, Failure> {
    if !given.is_empty() {
        let node = |it: &String| (NodeName("any node".into()), it.as_str().into());
        return Ok(given.iter().map(node).collect());
    }
    let failure = |error: kubernetes::Error| {
        Failure::cluster(anyhow!(clean(&error.problem().sentence()).into_owned()))
    };
    let connection = kubernetes::connect(&target(global))
        .await
        .map_err(failure)?;
    kubernetes::architectures(&connection)
        .await
        .map_err(failure)
}

/// With the login of the GitLab that an image belongs to, else without one.
async fn registry_for(image: &ImageName, gitlabs: &[Settings]) -> Result<Registry, Failure> {
    for settings in gitlabs {
        if let Ok(gitlab) = gitlab::connect(settings).await
            && let Ok(Some(_)) = gitlab.project_of(image, &settings.projects).await
        {
            return Ok(gitlab.registry());
        }
    }
    Registry::anonymous().map_err(|error| Failure::cluster(anyhow!(error)))
}

fn write(global: &Global, arguments: &Scaffold) -> Result<ExitCode, Failure> {
    let form = if arguments.classic {
        Form::Classic
    } else {
        Form::Today
    };
    let plan = scaffold::read(&arguments.folder, form).map_err(Failure::usage)?;
    if plan.changes.is_empty() {
        return print(|out| writeln!(out, "both files are as they would be: nothing to do"));
    }
    let diff = plan.diff();
    let lines: Vec<_> = diff.lines().map(|line| clean(line)).collect();
    print(|out| writeln!(out, "{}", lines.join("\n")))?;
    if arguments.dry_run {
        return Ok(ExitCode::SUCCESS);
    }
    if global.read_only {
        return Err(Failure::usage(anyhow!("read-only: nothing was written")));
    }
    if !arguments.yes && !is_wanted(&plan)? {
        return Err(Failure {
            code: 5,
            error: anyhow!("nothing was written"),
        });
    }
    let done = scaffold::write(&plan).map_err(|error| Failure {
        code: 5,
        error: anyhow!(error),
    })?;
    print(|out| writeln!(out, "{done}"))
}

/// Asks on the terminal; where there is none, nobody said yes.
fn is_wanted(plan: &Plan) -> Result<bool, Failure> {
    if !std::io::stdin().is_terminal() {
        let why = "nobody can be asked here: --yes writes without a question";
        return Err(Failure {
            code: 5,
            error: anyhow!("{why}; nothing was written"),
        });
    }
    let question = format!("Write {} into {}? [y/N] ", plan.summary(), plan.folder);
    print(|out| write!(out, "{}", clean(&question)))?;
    let mut answer = String::new();
    let read = std::io::stdin().read_line(&mut answer);
    read.map_err(Failure::terminal)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
