//! The command line: what can be asked, and which part of the program answers.
//!
//! Exit codes: 0 all is well; 1 `bramble problems` or `bramble services --fail-on-problems` found something, MetalLB would
//! refuse what `bramble pools` was given, the job of `bramble trace` has failed, or a board has not joined, or an image has no build for a node (`bramble arm check`); 2 the command
//! line or a file named on it is wrong; 3 the cluster could not be read; 4 the terminal could not be used; 5 nothing was
//! written, because something is for a person to decide; 130 a signal came before it was done; 101, which is Rust's, a panic.

mod arm;
mod asking;
mod backup;
mod cockpit;
mod demo;
mod exec;
mod gitlab;
mod kubeconfig;
mod logs;
mod onboard;
mod pager;
mod pipelines;
mod pools;
mod report;
mod restore;
mod shell;
mod supplies;
mod tables;
mod trace;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::anyhow;
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::clients::kubernetes::Target;
use crate::complaint::nearest;
use crate::keymap::Keymap;
use crate::theme::roles::Theme;

const AFTER_HELP: &str = "\
Exit codes:
  0    all is well; also when a signal or a closed terminal ends the cockpit
  1    `bramble problems` or `bramble services --fail-on-problems` found something; MetalLB would
       refuse what `bramble pools` was given; the job of `bramble trace` has failed or was canceled;
       a board has not joined; an image given to `bramble arm check` has no build for a node
  2    the command line, or a file named on it, is wrong
  3    the cluster, or GitLab, could not be read
  4    the terminal could not be used
  5    nothing was written: a name is taken, a lock is held, or a certificate does not fit
  130  ctrl-c, or another signal, ended it before it was done
  101  bramble itself failed; the log says where

Files:
  $XDG_CONFIG_HOME/bramble/config.toml, keymap.toml, theme.toml
  $XDG_STATE_HOME/bramble/bramble.log";

/// The keyboard cockpit for bare-metal k3s racks of Raspberry Pis.
///
/// Without a command it shows the rack of the kubeconfig's current context. `bramble demo` shows one without a cluster.
#[derive(Debug, Parser)]
#[command(name = "bramble", version, after_help = AFTER_HELP, max_term_width = 100)]
pub struct Arguments {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Options of every command")]
struct Global {
    /// The context of the kubeconfig to use.
    #[arg(long, global = true, value_name = "NAME")]
    context: Option<String>,
    /// The kubeconfig to read instead of $KUBECONFIG or ~/.kube/config.
    #[arg(long, global = true, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Refuse everything that changes a cluster.
    #[arg(long, global = true)]
    read_only: bool,
    /// A theme by name; `bramble themes` lists them.
    #[arg(long, global = true, value_name = "NAME")]
    theme: Option<String>,
    /// A keymap by name: default, k9s or vim.
    #[arg(long, global = true, value_name = "NAME")]
    keymap: Option<String>,
    /// Draw with plain ASCII signs.
    #[arg(long, global = true)]
    ascii: bool,
    /// What to log: error, warn, info, debug, trace, or per module as in `bramble=trace`.
    #[arg(
        long,
        global = true,
        value_name = "LEVEL",
        env = "BRAMBLE_LOG",
        default_value = "info"
    )]
    log: String,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Play a rack that exists only in this process, and show it.
    Demo {
        /// Which rack: office, bad-day, large, vips, old-metallb, storage or onboard.
        #[arg(long, value_name = "NAME", default_value = "office")]
        scenario: String,
        /// The same seed plays the same story.
        #[arg(long, value_name = "NUMBER", default_value_t = 1)]
        seed: u64,
    },
    /// Print the nodes with their heartbeats.
    Nodes(Report),
    /// Print what is wrong, worst first; exit code 1 when something is worse than a note.
    Problems(Report),
    /// Print the Services with their virtual addresses: who announces them, what is behind them, what is wrong.
    Services {
        #[command(flatten)]
        report: Report,
        /// Services of type NodePort and ClusterIP as well.
        #[arg(short, long)]
        all: bool,
        /// Exit code 1 when something is worse than a note.
        #[arg(long)]
        fail_on_problems: bool,
    },
    /// Print MetalLB's pools and what is used of them; check and convert its configuration without a cluster.
    #[command(args_conflicts_with_subcommands = true)]
    Pools {
        #[command(flatten)]
        report: Report,
        #[command(subcommand)]
        command: Option<Pools>,
    },
    /// Print the claims with their state, where their data are, and who uses them.
    Storage(Report),
    /// Merge, list, switch, rename and delete contexts of kubeconfigs; every change can be undone.
    #[command(subcommand)]
    Kubeconfig(kubeconfig::Kubeconfig),
    /// Save a k3s server over SSH, encrypted and proved; list, verify, prune and schedule backups.
    Backup(Box<backup::BackupArguments>),
    /// Put a saved k3s server back onto a board, or rehearse it.
    Restore(Box<restore::RestoreArguments>),
    /// Bring boards from a fresh card to a Ready node: checked first, shown as a plan, resumable wherever it is cut off.
    Onboard(Box<onboard::OnboardArguments>),
    /// Print the logs of pods, and go on with what comes.
    Logs(Box<logs::LogArguments>),
    /// Print the newest pipelines of the GitLab servers in config.toml.
    Pipelines(pipelines::PipelineArguments),
    /// Print the log of a CI job; exit code 1 when the job has failed or was canceled.
    Trace(trace::TraceArguments),
    /// Images for the architectures of the nodes: check them, and the files that build them.
    #[command(subcommand)]
    Arm(arm::Arm),
    /// Print every key and what it does.
    Keys,
    /// Print the themes and what they style.
    Themes,
    /// Print the completion script for a shell.
    Completions { shell: Shell },
    /// Print the manual page, for `man -l -`.
    Man,
}

#[derive(Debug, Subcommand)]
enum Pools {
    /// Print what is wrong with files of MetalLB's configuration; exit code 1 when MetalLB would refuse them.
    Check(pools::Check),
    /// Print the resources that say what a ConfigMap of MetalLB up to 0.12 says.
    Convert(pools::Convert),
}

#[derive(Debug, Clone, Copy, Args)]
struct Report {
    /// How to print.
    #[arg(short, long, value_enum, default_value = "table")]
    output: Output,
    /// Go on printing what changes.
    #[arg(short, long)]
    watch: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    Table,
    Json,
}

/// Why the program could not do what was asked.
#[derive(Debug)]
pub struct Failure {
    pub code: u8,
    pub error: anyhow::Error,
}

impl Failure {
    fn usage(error: impl Into<anyhow::Error>) -> Failure {
        Failure {
            code: 2,
            error: error.into(),
        }
    }

    fn cluster(error: impl Into<anyhow::Error>) -> Failure {
        Failure {
            code: 3,
            error: error.into(),
        }
    }

    fn terminal(error: impl Into<anyhow::Error>) -> Failure {
        Failure {
            code: 4,
            error: error.into(),
        }
    }
}

/// Does what the arguments ask for.
pub fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    // One TLS provider for everything; an error only says that it is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let Arguments { global, command } = arguments;
    known("theme", global.theme.as_deref(), &Theme::shipped_names())?;
    known("keymap", global.keymap.as_deref(), &Keymap::preset_names())?;
    match command {
        None => cockpit::run(&global, target(&global)),
        Some(Command::Demo { scenario, seed }) => demo::run(&global, &scenario, seed),
        Some(Command::Nodes(report)) => report::nodes(target(&global), report),
        Some(Command::Problems(report)) => report::problems(target(&global), report),
        Some(Command::Services {
            report,
            all,
            fail_on_problems,
        }) => report::services(target(&global), report, all, fail_on_problems),
        Some(Command::Pools { report, command }) => match command {
            None => report::pools(target(&global), report),
            Some(Pools::Check(arguments)) => pools::run_check(&arguments),
            Some(Pools::Convert(arguments)) => pools::run_convert(&arguments),
        },
        Some(Command::Storage(report)) => report::storage(target(&global), report),
        Some(Command::Kubeconfig(command)) => kubeconfig::run(&global, command),
        Some(Command::Backup(arguments)) => backup::run(&global, *arguments),
        Some(Command::Restore(arguments)) => restore::run(&global, &arguments),
        Some(Command::Onboard(arguments)) => onboard::run(&global, &arguments),
        Some(Command::Logs(arguments)) => logs::run(&target(&global), &arguments),
        Some(Command::Pipelines(arguments)) => pipelines::run(&arguments),
        Some(Command::Trace(arguments)) => trace::run(&arguments),
        Some(Command::Arm(command)) => arm::run(&global, command),
        Some(Command::Keys) => tables::keys(&global),
        Some(Command::Themes) => tables::themes(&global),
        Some(Command::Completions { shell }) => print(|out| {
            clap_complete::generate(shell, &mut Arguments::command(), "bramble", out);
            Ok(())
        }),
        Some(Command::Man) => print(|out| clap_mangen::Man::new(Arguments::command()).render(out)),
    }
}

/// A name given on the command line must be one that there is: who types it is there to correct it. In a file it is a
/// notice.
fn known(what: &str, name: Option<&str>, names: &[&str]) -> Result<(), Failure> {
    match name {
        Some(name) if !names.contains(&name) => {
            let all = names.join(", ");
            let hint = match nearest(name, names.iter().copied()) {
                Some(nearest) => format!("did you mean \"{nearest}\"? there are {all}"),
                None => format!("there are {all}"),
            };
            Err(Failure::usage(anyhow!(
                "there is no {what} \"{name}\"; {hint}"
            )))
        }
        _ => Ok(()),
    }
}

/// Where the kubeconfig is, as kubectl decides it.
fn target(global: &Global) -> Target {
    Target {
        kubeconfig: global.kubeconfig.clone(),
        context: global.context.clone(),
        env: std::env::var_os("KUBECONFIG").filter(|value: &OsString| !value.is_empty()),
        home: directories::BaseDirs::new().map(|dirs| dirs.home_dir().to_owned()),
    }
}

/// Prints to stdout. Whoever reads it may go away at any time (`| head`): that is no error.
fn print(write: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>) -> Result<ExitCode, Failure> {
    let mut text = Vec::new();
    write(&mut text).map_err(|error| Failure::usage(anyhow!(error)))?;
    if let Err(error) = std::io::Write::write_all(&mut std::io::stdout().lock(), &text)
        && error.kind() != std::io::ErrorKind::BrokenPipe
    {
        return Err(Failure::terminal(
            anyhow!(error).context("cannot write to standard output"),
        ));
    }
    Ok(ExitCode::SUCCESS)
}
