//! `bramble backup`: a k3s server saved over SSH, what is kept of it, and what makes it happen every night.
//!
//! Results go to standard output, questions and progress to the terminal. Exit codes: 0 done; 2 the command line, a file or
//! a board is not as it must be, and nothing was kept; 5 something is for a person to decide.

mod say;

use std::collections::BTreeSet;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;

use crate::cli::asking::{self, with_ssh};
use crate::cli::{Failure, Global, Output, print};
use crate::clients::backup::{self, Kept, Key, Lock, Order, Progress};
use crate::clients::ssh::{Settings, Ssh};
use crate::config::Paths;
use crate::rack::backup::Backups;
use crate::rack::backup::policy::Policy;
use crate::rack::backup::schedule::{CONDITIONS, Schedule};
use crate::rack::problem::{Problem, Subject};
use crate::rack::secret::Secret;
use crate::rack::ssh::Destination;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct BackupArguments {
    #[command(flatten)]
    save: Save,
    #[command(subcommand)]
    command: Option<BackupCommand>,
}

#[derive(Debug, Args)]
struct Save {
    /// The server, as one would say it to ssh: HOST, USER@HOST, USER@HOST:PORT.
    #[arg(value_name = "HOST", required = true)]
    host: Option<String>,
    /// Where backups are kept; without it below bramble's own state.
    #[arg(long, value_name = "FOLDER")]
    to: Option<PathBuf>,
    #[command(flatten)]
    lock: LockArguments,
    /// Stop k3s for the copy where the board has no tool for an online one; pods run on.
    #[arg(long)]
    stop: bool,
    /// Remove older backups of this host, but for so many of the newest.
    #[arg(long, value_name = "NUMBER")]
    keep: Option<usize>,
    /// Send a copy to this host too, as one would say it to ssh.
    #[arg(long, value_name = "HOST")]
    copy_to: Option<String>,
    /// Where on that host.
    #[arg(long, value_name = "FOLDER", default_value = backup::COPIES, requires = "copy_to")]
    copy_folder: String,
    /// The board's data directory, where its configuration does not name it.
    #[arg(long, value_name = "FOLDER")]
    data_dir: Option<String>,
    /// How to print.
    #[arg(short, long, value_enum, default_value = "table")]
    output: Output,
}

#[derive(Debug, Args)]
struct LockArguments {
    /// Encrypt for the holder of this key (age1…, from age-keygen); may be given more than once.
    #[arg(long, value_name = "KEY")]
    recipient: Vec<String>,
    /// Encrypt for the keys in this file, a line each.
    #[arg(long, value_name = "FILE")]
    recipients_file: Option<PathBuf>,
    /// Encrypt with the passphrase in the first line of this file; without any of these it is asked for.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["recipient", "recipients_file"])]
    passphrase_file: Option<PathBuf>,
}

/// What opens a backup.
#[derive(Debug, Args)]
pub(super) struct KeyArguments {
    /// The file with the key it was encrypted for, as age-keygen writes it.
    #[arg(long, value_name = "FILE")]
    identity: Option<PathBuf>,
    /// The passphrase is the first line of this file; without either it is asked for.
    #[arg(long, value_name = "FILE", conflicts_with = "identity")]
    passphrase_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum BackupCommand {
    /// List the backups.
    List {
        #[command(flatten)]
        place: Place,
        /// How to print.
        #[arg(short, long, value_enum, default_value = "table")]
        output: Output,
    },
    /// Send a backup to another host, which can keep it and not read it. It has its name there only when its hash is right.
    Copy {
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The host, as one would say it to ssh: HOST, USER@HOST, USER@HOST:PORT.
        #[arg(value_name = "HOST")]
        host: String,
        /// Where on that host; below the home directory there unless it begins with /.
        #[arg(long, value_name = "FOLDER", default_value = backup::COPIES)]
        folder: String,
    },
    /// Open a backup, read it to its end, and say whether it can be restored from.
    Verify {
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        key: KeyArguments,
        /// How to print.
        #[arg(short, long, value_enum, default_value = "table")]
        output: Output,
    },
    /// Remove old backups; the newest good one of each host always stays.
    Prune {
        #[command(flatten)]
        place: Place,
        /// So many of the newest of each host stay.
        #[arg(long, value_name = "NUMBER", default_value_t = 7)]
        keep: usize,
        /// And everything younger than so many days.
        #[arg(long, value_name = "DAYS")]
        keep_days: Option<u32>,
        /// Show what would go, and remove nothing.
        #[arg(long)]
        dry_run: bool,
    },
    /// Print units for systemd, or a line for cron, that back a server up every day.
    Schedule {
        #[arg(value_name = "HOST")]
        host: String,
        /// Encrypt for the holder of this key (age1…); may be given more than once.
        #[arg(long, value_name = "KEY", required = true)]
        recipient: Vec<String>,
        /// At what time of day.
        #[arg(long, value_name = "HH:MM", default_value = "03:30")]
        at: String,
        /// So many backups stay.
        #[arg(long, value_name = "NUMBER", default_value_t = 7)]
        keep: usize,
        /// For whom.
        #[arg(long = "for", value_enum, default_value = "systemd")]
        scheduler: Scheduler,
    },
}

#[derive(Debug, Args)]
struct Place {
    /// Where the backups are; without it below bramble's own state.
    #[arg(long = "in", value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Scheduler {
    Systemd,
    Cron,
}

pub(super) fn run(global: &Global, arguments: BackupArguments) -> Result<ExitCode, Failure> {
    match arguments.command {
        None => save(global, arguments.save),
        Some(BackupCommand::List { place, output }) => list(place.folder, output),
        Some(BackupCommand::Copy { file, host, folder }) => {
            let to = destination(&host)?;
            is_there(&file)?;
            let kept = backup::kept(&file).map_err(wrong)?;
            with_ssh(global, async |ssh| send(ssh, &kept, &to, &folder).await)?;
            print(|out| out.write_all(say::copied(&kept, &to, &folder).as_bytes()))
        }
        Some(BackupCommand::Verify { file, key, output }) => verify(&file, &key, output),
        Some(BackupCommand::Prune {
            place,
            keep,
            keep_days,
            dry_run,
        }) => {
            let folder = folder(place.folder)?;
            let policy = Policy { keep, keep_days };
            let gone = backup::prune(&folder, policy, Timestamp::now(), dry_run).map_err(wrong)?;
            print(|out| out.write_all(say::pruned(&gone, dry_run).as_bytes()))
        }
        Some(BackupCommand::Schedule {
            host,
            recipient,
            at,
            keep,
            scheduler,
        }) => schedule(&host, &recipient, &at, keep, scheduler),
    }
}

fn save(global: &Global, arguments: Save) -> Result<ExitCode, Failure> {
    // Stopping k3s is a change of the cluster; a copy is none.
    if global.read_only && arguments.stop {
        return Err(Failure {
            code: 5,
            error: anyhow!("read-only mode: k3s is not stopped; leave --stop away"),
        });
    }
    let to = destination(arguments.host.as_deref().unwrap_or_default())?;
    let folder = folder(arguments.to)?;
    let away = arguments.copy_to.as_deref().map(destination).transpose()?;
    let lock = lock(&arguments.lock)?;
    let kept = with_ssh(global, async |ssh| {
        let survey = backup::survey(ssh, &to, arguments.data_dir.as_deref());
        let survey = survey.await.map_err(wrong)?;
        let method = survey.method(arguments.stop).map_err(wrong)?;
        let order = Order {
            to: &to,
            survey: &survey,
            method,
            folder: &folder,
            lock,
            at: Timestamp::now(),
        };
        let progress = Arc::new(Progress::default());
        let saving = Box::pin(backup::save(ssh, order, Arc::clone(&progress)));
        let kept = shown(&progress, survey.datastore_size, saving).await;
        let kept = kept.map_err(wrong)?;
        if let Some(away) = &away {
            send(ssh, &kept, away, &arguments.copy_folder).await?;
        }
        Ok(kept)
    })?;
    let gone = match arguments.keep {
        None => Vec::new(),
        Some(keep) => {
            let policy = Policy {
                keep,
                keep_days: None,
            };
            prune_of(&folder, policy, &kept.record.host)?
        }
    };
    print(|out| {
        let text = match arguments.output {
            Output::Table => {
                let folder = &arguments.copy_folder;
                let copied = away.map(|away| say::copied(&kept, &away, folder));
                say::saved(&kept) + &copied.unwrap_or_default() + &say::pruned_quietly(&gone)
            }
            Output::Json => say::as_json(std::slice::from_ref(&kept)),
        };
        out.write_all(text.as_bytes())
    })
}

/// Sends a backup to another host and shows how much has gone.
async fn send(ssh: &Ssh, kept: &Kept, to: &Destination, folder: &str) -> Result<(), Failure> {
    let progress = Arc::new(Progress::default());
    let copying = Box::pin(backup::copy(ssh, kept, (to, folder), Arc::clone(&progress)));
    let copied = shown(&progress, kept.record.size, copying).await;
    copied.map_err(wrong)
}

/// After a backup of one host the others keep theirs.
fn prune_of(folder: &Path, policy: Policy, host: &str) -> Result<Vec<backup::Kept>, Failure> {
    backup::prune_of(folder, policy, host, Timestamp::now()).map_err(wrong)
}

/// Shows on a terminal how much has come, until it is done.
pub(super) async fn shown<T>(
    progress: &Progress,
    expected: u64,
    work: impl Future<Output = T>,
) -> T {
    let mut work = std::pin::pin!(work);
    if !std::io::stderr().is_terminal() {
        return work.await;
    }
    let mut tick = tokio::time::interval(Duration::from_millis(500));
    loop {
        tokio::select! { biased;
            done = &mut work => {
                // The line is not needed any more; if standard error is gone there is nobody to tell.
                let _ = write!(std::io::stderr(), "\r\x1b[K");
                return done;
            }
            _ = tick.tick() => {
                let _ = write!(std::io::stderr(), "\r{}\x1b[K", say::progress(progress.bytes(), expected));
            }
        }
    }
}

fn list(place: Option<PathBuf>, output: Output) -> Result<ExitCode, Failure> {
    let folder = folder(place)?;
    let (kept, problems) = backup::list(&folder);
    let code = print(|out| {
        let text = match output {
            Output::Table if kept.is_empty() => {
                format!(
                    "there are no backups in {}\n",
                    say::plain(&folder.display().to_string())
                )
            }
            Output::Table => say::table(&kept, Timestamp::now()),
            Output::Json => say::as_json(&kept),
        };
        out.write_all(text.as_bytes())
    })?;
    warn(&problems);
    warn(&overdue(&kept));
    Ok(code)
}

/// What is too old, or on the card that it is a backup of.
fn overdue(kept: &[backup::Kept]) -> Vec<Problem> {
    let backups = Backups {
        records: kept.iter().map(|it| it.record.clone()).collect(),
        here: Settings::of_user().here.host,
        folder: String::new(),
    };
    let names: BTreeSet<&str> = (backups.records.iter())
        .map(|it| it.host_name.as_str())
        .collect();
    let problem = |name: &str| backups.problem(name, &Subject::Program, Timestamp::now());
    names.into_iter().filter_map(problem).collect()
}

fn verify(file: &Path, arguments: &KeyArguments, output: Output) -> Result<ExitCode, Failure> {
    let key = key(file, arguments)?;
    let contents = backup::open(file, &key).map_err(wrong)?;
    print(|out| {
        let text = match output {
            Output::Table => say::contents(file, &contents),
            Output::Json => say::contents_as_json(file, &contents),
        };
        out.write_all(text.as_bytes())
    })
}

fn schedule(
    host: &str,
    recipients: &[String],
    at: &str,
    keep: usize,
    scheduler: Scheduler,
) -> Result<ExitCode, Failure> {
    destination(host)?;
    Lock::for_recipients(recipients.iter().map(String::as_str)).map_err(wrong)?;
    let time = at.split_once(':').and_then(|(hour, minute)| {
        let (hour, minute) = (hour.parse().ok()?, minute.parse().ok()?);
        (hour < 24 && minute < 60).then_some((hour, minute))
    });
    let Some(at) = time else {
        return Err(Failure::usage(anyhow!(
            "{at:?} is no time of day; write it as 03:30"
        )));
    };
    let program = std::env::current_exe().map_err(Failure::usage)?;
    let program = program.display().to_string();
    let schedule = Schedule {
        program: &program,
        host,
        recipients,
        keep,
        at,
    };
    print(|out| {
        let text = match scheduler {
            Scheduler::Systemd => schedule.systemd(),
            Scheduler::Cron => schedule.cron(),
        };
        out.write_all(CONDITIONS.as_bytes())?;
        out.write_all(text.as_bytes())
    })
}

pub(super) fn destination(host: &str) -> Result<Destination, Failure> {
    Destination::parse(host).map_err(|why| Failure::usage(anyhow!("{host:?} is no host: {why}")))
}

fn folder(given: Option<PathBuf>) -> Result<PathBuf, Failure> {
    match given {
        Some(folder) => Ok(folder),
        None => Paths::of_user()
            .map(|paths| backup::folder_in(&paths.state))
            .ok_or_else(|| {
                Failure::usage(anyhow!(
                    "there is no home directory; name a folder with --to"
                ))
            }),
    }
}

fn lock(arguments: &LockArguments) -> Result<Lock, Failure> {
    if let Some(file) = &arguments.passphrase_file {
        return Ok(Lock::Passphrase(passphrase_in(file)?));
    }
    let mut recipients = arguments.recipient.clone();
    if let Some(file) = &arguments.recipients_file {
        let text = std::fs::read_to_string(file)
            .map_err(|error| Failure::usage(anyhow!("cannot read {}: {error}", file.display())))?;
        recipients.extend(text.lines().map(str::to_owned));
    }
    if recipients.is_empty() && arguments.recipients_file.is_none() {
        return ask_for_passphrase();
    }
    Lock::for_recipients(recipients.iter().map(String::as_str)).map_err(wrong)
}

fn ask_for_passphrase() -> Result<Lock, Failure> {
    let none = || {
        Failure::usage(anyhow!(
            "a backup holds the keys of the cluster and is never written in the open; give --recipient age1..., or \
             --passphrase-file FILE, or run it in a terminal and type a passphrase"
        ))
    };
    let first = asking::secret("passphrase for the backup: ").ok_or_else(none)?;
    if first.expose().is_empty() {
        return Err(none());
    }
    let second = asking::secret("the same again: ").ok_or_else(none)?;
    if first != second {
        return Err(Failure::usage(anyhow!(
            "these are two different passphrases; try again"
        )));
    }
    Ok(Lock::Passphrase(first))
}

/// Nobody types a passphrase for a file that cannot be read.
fn is_there(file: &Path) -> Result<(), Failure> {
    let shown = file.display();
    let why = match std::fs::File::open(file).and_then(|file| file.metadata()) {
        Ok(it) if it.is_dir() => format!("{shown} is a folder; name a file that backup list shows"),
        Ok(_) => return Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            format!("there is no file {shown}")
        }
        Err(error) => format!("cannot read {shown}: {error}"),
    };
    Err(Failure::usage(anyhow!(say::plain(&why).into_owned())))
}

/// The key for a file: asked for when nothing was given.
pub(super) fn key(file: &Path, arguments: &KeyArguments) -> Result<Key, Failure> {
    is_there(file)?;
    if let Some(identity) = &arguments.identity {
        return Key::from_file(identity).map_err(wrong);
    }
    if let Some(file) = &arguments.passphrase_file {
        return Ok(Key::Passphrase(passphrase_in(file)?));
    }
    let recipients = backup::record_of(file).map_or(Vec::new(), |it| it.recipients);
    if !recipients.is_empty() {
        return Err(Failure::usage(anyhow!(
            "{} is encrypted for {}; give the file with its key: --identity FILE",
            file.display(),
            recipients.join(", ")
        )));
    }
    let secret = asking::secret("passphrase of the backup: ").ok_or_else(|| {
        Failure::usage(anyhow!(
            "there is no terminal to ask for the passphrase on; give --passphrase-file FILE or --identity FILE"
        ))
    })?;
    Ok(Key::Passphrase(secret))
}

fn passphrase_in(file: &Path) -> Result<Secret, Failure> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::usage(anyhow!("cannot read {}: {error}", file.display())))?;
    let text = zeroize::Zeroizing::new(text);
    match text.lines().next() {
        Some(line) if !line.is_empty() => Ok(Secret::new(line)),
        _ => Err(Failure::usage(anyhow!(
            "there is no passphrase in the first line of {}",
            file.display()
        ))),
    }
}

pub(super) fn warn(problems: &[Problem]) {
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

pub(super) fn wrong(problem: impl Into<Box<Problem>>) -> Failure {
    Failure::usage(anyhow!(say::plain(&problem.into().sentence()).into_owned()))
}
