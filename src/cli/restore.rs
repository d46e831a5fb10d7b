//! `bramble restore`: a saved k3s server put back onto a board, or the rehearsal of it.
//!
//! Exit codes: 0 done; 2 it cannot be, and nothing was changed (or it is in its place and does not run, which is said); 5
//! nobody said yes.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::anyhow;
use clap::Args;
use jiff::Timestamp;
use serde_json::json;

use crate::cli::asking::{self, with_ssh};
use crate::cli::backup::{KeyArguments, destination, key, shown, warn, wrong};
use crate::cli::{Failure, Global, Output, print};
use crate::clients::backup::{self, Progress};
use crate::rack::backup::Survey;
use crate::rack::backup::restore::{Choice, Plan, plan};
use crate::ui::text::clean;

#[derive(Debug, Args)]
pub(super) struct RestoreArguments {
    /// The backup.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The board, as one would say it to ssh: HOST, USER@HOST, USER@HOST:PORT. k3s must be installed there.
    #[arg(value_name = "HOST")]
    host: String,
    #[command(flatten)]
    key: KeyArguments,
    /// Open the backup, look at the board, say every step, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
    /// Also onto another version of k3s than the one that was saved.
    #[arg(long)]
    any_version: bool,
    /// How to print.
    #[arg(short, long, value_enum, default_value = "table")]
    output: Output,
}

pub(super) fn run(global: &Global, arguments: &RestoreArguments) -> Result<ExitCode, Failure> {
    let to = destination(&arguments.host)?;
    if global.read_only && !arguments.dry_run {
        return Err(Failure {
            code: 5,
            error: anyhow!(
                "read-only mode: no board is changed; --dry-run shows what would be done"
            ),
        });
    }
    let key = key(&arguments.file, &arguments.key)?;
    let contents = backup::open(&arguments.file, &key).map_err(wrong)?;
    let record = backup::record_or(&arguments.file, &contents);
    let choice = Choice {
        any_version: arguments.any_version,
    };
    with_ssh(global, async |ssh| {
        let board = backup::survey(ssh, &to, Some(&record.data_dir));
        let board = board.await.map_err(wrong)?;
        let plan = plan(&record, &board, choice, Timestamp::now()).map_err(wrong)?;
        warn(&plan.notes);
        if arguments.dry_run {
            return say(arguments, &plan, None);
        }
        if !arguments.yes {
            ask(arguments, &board, &plan)?;
        }
        let progress = Arc::new(Progress::default());
        let restoring = Box::pin(backup::restore(
            ssh,
            &to,
            (&arguments.file, key.clone(), &contents),
            &plan,
            Arc::clone(&progress),
        ));
        let done = shown(&progress, contents.size, restoring)
            .await
            .map_err(wrong)?;
        say(arguments, &plan, Some(&done))
    })
}

/// The name of the board must be typed: the cluster becomes what it was then.
fn ask(arguments: &RestoreArguments, board: &Survey, plan: &Plan) -> Result<(), Failure> {
    if !std::io::stderr().is_terminal() {
        return Err(Failure {
            code: 5,
            error: anyhow!(
                "nobody is there to say yes; give --yes, or see what it would do: --dry-run"
            ),
        });
    }
    let name = clean(&board.host_name).into_owned();
    let mut text = format!("This puts {} onto {name}:\n", arguments.file.display());
    for (number, step) in plan.steps.iter().enumerate() {
        text = format!("{text}  {}. {}\n", number + 1, clean(step));
    }
    text = format!("{text}The cluster becomes what it was then. Type the board's name to go on: ");
    match asking::line(&text) {
        Some(said) if said.trim() == board.host_name => Ok(()),
        _ => Err(Failure {
            code: 5,
            error: anyhow!("nothing was done: {name} was not typed"),
        }),
    }
}

fn say(
    arguments: &RestoreArguments,
    plan: &Plan,
    done: Option<&[String]>,
) -> Result<ExitCode, Failure> {
    print(|out| {
        if arguments.output == Output::Json {
            let all = json!({
                "restored": done.is_some(), "steps": plan.steps, "done": done, "afterwards": plan.afterwards,
                "aside": plan.aside,
            });
            return writeln!(out, "{all:#}");
        }
        match done {
            None => writeln!(
                out,
                "rehearsal: the backup opens and is good; this would be done:"
            )?,
            Some(_) => writeln!(out, "restored, and the API says it is ready:")?,
        }
        for (number, step) in plan.steps.iter().enumerate() {
            writeln!(out, "  {}. {}", number + 1, clean(step))?;
        }
        writeln!(out, "afterwards, by hand:")?;
        for line in &plan.afterwards {
            writeln!(out, "  - {}", clean(line))?;
        }
        Ok(())
    })
}
