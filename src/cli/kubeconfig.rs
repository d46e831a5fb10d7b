//! `bramble kubeconfig`: everything about kubeconfigs without a screen, a terminal or kubectl.
//!
//! Results go to standard output, warnings to standard error. Exit codes: 0 done, or nothing was to be done; 2 the command
//! line or a file is wrong; 5 nothing was written because something is for a person to decide: a name is taken, a lock is
//! held, the server's certificate does not fit, or the file was changed since.

mod contexts;
mod say;

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::anyhow;
use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::cli::{Failure, Global, Output, asking, cockpit, print, target};
use crate::clients::kubeconfig_files::{self as on_disk, Place, Places, ServerCheck};
use crate::config::Paths;
use crate::rack::kubeconfig::{Merge, OnConflict, Plan, Request, Source, days_left};
use crate::rack::problem::Problem;
use crate::rack::ssh::Destination;

#[derive(Debug, Subcommand)]
pub(super) enum Kubeconfig {
    /// Merge a kubeconfig (k3s.yaml) into ours: known clusters are updated in place, new ones added under one name.
    Merge(MergeArguments),
    /// List the contexts with their servers, whether those answer, and the days left on their certificates.
    Contexts {
        /// How to print.
        #[arg(short, long, value_enum, default_value = "table")]
        output: Output,
        /// Ask no server whether it answers.
        #[arg(long)]
        no_probe: bool,
    },
    /// Make a context the current one.
    Use {
        context: String,
        #[command(flatten)]
        how: How,
    },
    /// Set the namespace of a context; without one, take it away.
    Namespace {
        /// The context.
        name: String,
        namespace: Option<String>,
        #[command(flatten)]
        how: How,
    },
    /// Rename a context; current-context follows.
    Rename {
        from: String,
        to: String,
        #[command(flatten)]
        how: How,
    },
    /// Delete a context.
    Delete {
        /// The context.
        name: String,
        /// Its cluster and user too, where no other context uses them.
        #[arg(long)]
        with_orphans: bool,
        #[command(flatten)]
        how: How,
    },
    /// Take the last change by bramble back.
    Undo {
        /// Also when the file was changed since; those changes are lost.
        #[arg(long)]
        force: bool,
    },
    /// Show locks that kubectl or another tool left behind, and who made them when.
    Unlock {
        /// Remove them.
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, Args)]
pub(super) struct MergeArguments {
    /// A file, `-` for standard input, or `ssh://USER@HOST`; on a k3s server /etc/rancher/k3s/k3s.yaml.
    #[arg(value_name = "SOURCE")]
    source: String,
    /// The name of cluster, user and context; proposed from the server's host.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The server's address in place of the source's: HOST, HOST:PORT or a URL. The port stays unless given.
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// Only this context of a source with several.
    #[arg(long, value_name = "CONTEXT")]
    only: Option<String>,
    /// The kubeconfig to merge into, instead of those kubectl uses.
    #[arg(long, value_name = "FILE")]
    into: Option<PathBuf>,
    /// Make the merged context the current one.
    #[arg(long)]
    set_current: bool,
    /// What to do about a name that another cluster or person has.
    #[arg(long, value_enum, value_name = "WHAT", default_value = "ask")]
    on_conflict: Conflicts,
    /// Check the server's certificate against this name, now and whenever the kubeconfig is used.
    #[arg(long, value_name = "NAME")]
    tls_server_name: Option<String>,
    /// Do not ask the server for its certificate first.
    #[arg(long)]
    no_check: bool,
    #[command(flatten)]
    how: How,
}

#[derive(Debug, Clone, Copy, Args)]
pub(super) struct How {
    /// Show what would change, and write nothing.
    #[arg(long)]
    dry_run: bool,
    /// Print the changed lines (secrets masked) or everything as JSON.
    #[arg(short, long, value_enum)]
    output: Option<Form>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    Diff,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Conflicts {
    /// Write nothing, and show both.
    Ask,
    /// The old entries become the new ones; namespace, proxy-url and extensions stay.
    Replace,
    /// The next free name, such as rack-2.
    Rename,
}

pub(super) fn run(global: &Global, command: Kubeconfig) -> Result<ExitCode, Failure> {
    let places = places(global)?;
    match command {
        Kubeconfig::Merge(arguments) => merge(global, places, arguments),
        Kubeconfig::Contexts { output, no_probe } => contexts::run(&places, output, !no_probe),
        Kubeconfig::Use { context, how } => {
            change(global, &places, Request::UseContext { context }, how, &[])
        }
        Kubeconfig::Namespace {
            name,
            namespace,
            how,
        } => {
            let namespace = namespace.filter(|it| !it.is_empty());
            change(
                global,
                &places,
                Request::SetNamespace {
                    context: name,
                    namespace,
                },
                how,
                &[],
            )
        }
        Kubeconfig::Rename { from, to, how } => change(
            global,
            &places,
            Request::RenameContext { from, to },
            how,
            &[],
        ),
        Kubeconfig::Delete {
            name,
            with_orphans,
            how,
        } => change(
            global,
            &places,
            Request::DeleteContext {
                context: name,
                with_orphans,
            },
            how,
            &[],
        ),
        Kubeconfig::Undo { force } => undo(global, places, force),
        Kubeconfig::Unlock { yes } => unlock(global, &places, yes),
    }
}

pub(super) fn places(global: &Global) -> Result<Places, Failure> {
    let paths =
        Paths::of_user().ok_or_else(|| Failure::usage(anyhow!("there is no home directory")))?;
    Ok(Places {
        target: target(global),
        notes: paths.state.join("kubeconfig-undo"),
    })
}

fn merge(
    global: &Global,
    mut places: Places,
    arguments: MergeArguments,
) -> Result<ExitCode, Failure> {
    let place = on_disk::parse_place(&arguments.source).map_err(wrong)?;
    if place == Place::StandardInput && std::io::stdin().is_terminal() {
        warn(&[say::waiting()]);
    }
    let (source, reached) = match &place {
        Place::Ssh(to) => {
            let (source, address) = fetch(global, to)?;
            (source, Some(address))
        }
        place => (on_disk::read_source(place).map_err(wrong)?, None),
    };
    if let Some(into) = arguments.into {
        places.target.kubeconfig = Some(into);
    }
    if let Some(ends) = source
        .certificate_ends()
        .filter(|ends| days_left(*ends, Timestamp::now()) < 0)
    {
        warn(&[say::over(&source.place, ends)]);
    }
    let request = Request::Merge(Merge {
        source,
        only: arguments.only,
        name: arguments.name,
        server: arguments.server.or(reached),
        tls_server_name: arguments.tls_server_name,
        on_conflict: match arguments.on_conflict {
            Conflicts::Ask => OnConflict::Ask,
            Conflicts::Replace => OnConflict::Replace,
            Conflicts::Rename => OnConflict::Rename,
        },
        set_current: arguments.set_current,
    });
    let plan = on_disk::plan(&places, &request).map_err(wrong)?;
    let checks = if plan.conflicts.is_empty() && !arguments.no_check {
        check(&plan, arguments.how)?
    } else {
        Vec::new()
    };
    change(global, &places, request, arguments.how, &checks)
}

/// Over ssh, with the questions that come up on the terminal.
fn fetch(global: &Global, to: &Destination) -> Result<(Source, String), Failure> {
    asking::with_ssh(global, async |ssh| {
        on_disk::fetch(ssh, to).await.map_err(wrong)
    })
}

/// Asks every server of the plan who it is. A wrong answer ends the merge, none is a warning.
fn check(plan: &Plan, how: How) -> Result<Vec<ServerCheck>, Failure> {
    let checks = on_disk::check_servers(&plan.servers);
    for (server, check) in plan.servers.iter().zip(&checks) {
        let Some(problem) = check.problem(server) else {
            continue;
        };
        if check.is_wrong() && !how.dry_run {
            let next = format!("{}; or write it all the same: --no-check", problem.next);
            if how.output == Some(Form::Json) {
                let text = say::json(plan, None, &checks);
                print(|out| out.write_all(text.as_bytes()))?;
            }
            return Err(undecided(problem.next(next)));
        }
        warn(&[problem]);
    }
    Ok(checks)
}

fn change(
    global: &Global,
    places: &Places,
    request: Request,
    how: How,
    checks: &[ServerCheck],
) -> Result<ExitCode, Failure> {
    if how.dry_run {
        let plan = on_disk::plan(places, &request).map_err(wrong)?;
        return show(&plan, how, None, checks);
    }
    refuse_when_read_only(global)?;
    let places = places.clone();
    let written = finish(move |cancel| on_disk::write(&places, &request, None, cancel))?;
    match written {
        Ok(written) => {
            warn(&written.notes);
            show(&written.plan, how, Some(&written.backups), checks)
        }
        Err(on_disk::Error::Conflict(plan)) => show(&plan, how, None, checks),
        Err(on_disk::Error::Problem(problem)) => Err(wrong(problem)),
        Err(error) => Err(undecided(error.problem())),
    }
}

fn show(
    plan: &Plan,
    how: How,
    backups: Option<&[PathBuf]>,
    checks: &[ServerCheck],
) -> Result<ExitCode, Failure> {
    warn(&plan.notes);
    let text = match how.output {
        None => say::summary(plan, backups),
        Some(Form::Diff) => say::diff(plan),
        Some(Form::Json) => say::json(plan, backups, checks),
    };
    print(|out| {
        out.extend_from_slice(text.as_bytes());
        Ok(())
    })?;
    if plan.conflicts.is_empty() || backups.is_some() {
        return Ok(ExitCode::SUCCESS);
    }
    warn(&[say::undecided(plan)]);
    Ok(ExitCode::from(5))
}

fn undo(global: &Global, places: Places, force: bool) -> Result<ExitCode, Failure> {
    refuse_when_read_only(global)?;
    match finish(move |cancel| on_disk::undo(&places, force, cancel))? {
        Ok(undone) => print(|out| out.write_all(say::undone(&undone).as_bytes())),
        Err(error) => Err(undecided(error.problem())),
    }
}

fn unlock(global: &Global, places: &Places, yes: bool) -> Result<ExitCode, Failure> {
    let locks = on_disk::held_locks(&places.target.files());
    if locks.is_empty() {
        return print(|out| writeln!(out, "nothing is locked"));
    }
    for lock in &locks {
        if yes {
            refuse_when_read_only(global)?;
            on_disk::remove_lock(lock).map_err(|error| {
                Failure::usage(anyhow!("cannot remove {}: {error}", lock.lock.display()))
            })?;
        }
    }
    print(|out| out.write_all(say::locks(&locks, yes).as_bytes()))?;
    Ok(if yes {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(5)
    })
}

/// Does something that must not be cut off: a signal ends the waiting in it, never the writing.
fn finish<T: Send + 'static>(
    work: impl FnOnce(&CancellationToken) -> T + Send + 'static,
) -> Result<T, Failure> {
    let runtime = cockpit::runtime().map_err(Failure::usage)?;
    runtime.block_on(async {
        let cancel = CancellationToken::new();
        let token = cancel.clone();
        let mut signals = Vec::new();
        for kind in [
            SignalKind::interrupt(),
            SignalKind::terminate(),
            SignalKind::hangup(),
        ] {
            signals.push(signal(kind).map_err(Failure::usage)?);
        }
        // Begun only when a signal is heard: before, it would end everything, or be lost where it is ignored.
        let mut work = tokio::task::spawn_blocking(move || work(&token));
        let stop =
            futures::future::select_all(signals.iter_mut().map(|signal| Box::pin(signal.recv())));
        let done = tokio::select! {
            done = &mut work => done,
            _ = stop => {
                cancel.cancel();
                work.await
            }
        };
        done.map_err(|error| {
            Failure::usage(anyhow!(error).context("the change failed in an unforeseen way"))
        })
    })
}

fn refuse_when_read_only(global: &Global) -> Result<(), Failure> {
    if global.read_only {
        return Err(Failure {
            code: 5,
            error: anyhow!("read-only mode: no kubeconfig is changed"),
        });
    }
    Ok(())
}

fn warn(problems: &[Problem]) {
    let mut err = std::io::stderr().lock();
    for problem in problems {
        // If standard error is gone there is nobody to tell.
        let _ = writeln!(
            err,
            "bramble: {}: {}",
            problem.severity.word(),
            say::plain(&problem.sentence())
        );
    }
}

fn wrong(problem: impl Into<Box<Problem>>) -> Failure {
    Failure::usage(anyhow!(say::plain(&problem.into().sentence()).into_owned()))
}

fn undecided(problem: impl Into<Box<Problem>>) -> Failure {
    Failure {
        code: 5,
        error: anyhow!(say::plain(&problem.into().sentence()).into_owned()),
    }
}
