//! Kubeconfigs on disk: read as kubectl reads them, written so that neither a crash, a full disk nor another program at
//! the same moment loses anything.
//!
//! ```text
//! lock all files ─► clean up after the dead ─► read ─► plan ─► stage new files ─► back up ─► note ─► rename ─► unlock
//!        ▲                                                                                              │
//!        └────────────────── look again: kubectl reads before it locks, and may have undone it ◄────────┘
//! ```
//!
//! Everything blocks and is called on a blocking thread. What is planned is decided in [`crate::rack::kubeconfig`], under
//! the lock and from what the files are then. Invariants: a file under its own name is always whole; nothing is written
//! that was not planned from the bytes it replaces; no secret is in an error.

mod files;
mod handshake;
mod lock;
mod place;
#[cfg(test)]
mod tests;
mod undo;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::clients::kubernetes::Target;
use crate::rack::kubeconfig::{self, EntryChange, Files, Plan, Request};
use crate::rack::problem::Problem;

pub use handshake::{ServerCheck, check_server, check_servers};
pub use lock::{HeldLock, held_locks, remove_lock};
pub use place::{K3S, Place, fetch, parse_place, read_source};
pub use undo::{Undone, last_change, undo};

use lock::Locks;
use undo::Note;

/// How long after a write is looked whether it is still there. `kubectl config` reads the file, then locks it, and
/// removes what it had not read: between the two lie a few milliseconds.
const SECOND_LOOK: Duration = Duration::from_millis(100);
/// A program that undoes a write this often means it.
const TRIES: usize = 5;
/// A file that kubectl is just writing is cut off for a moment.
const REREAD: Duration = Duration::from_millis(20);
const REREADS: usize = 5;

/// Where kubeconfigs are, and where notes for undo are kept.
#[derive(Debug, Clone)]
pub struct Places {
    /// `--kubeconfig`, `KUBECONFIG`, home; the context of it does not count.
    pub target: Target,
    /// `$XDG_STATE_HOME/bramble/kubeconfig-undo`.
    pub notes: PathBuf,
}

/// What was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    /// What was done; nothing at all when everything was as asked already.
    pub plan: Plan,
    pub backups: Vec<PathBuf>,
    /// What people should know: a mode that was too wide, a write that cannot be undone.
    pub notes: Vec<Problem>,
}

/// Why nothing was written.
#[derive(Debug)]
pub enum Error {
    Problem(Box<Problem>),
    /// Another program holds a lock, or left it behind.
    Locked(HeldLock),
    /// A name is taken: the conflicts are in the plan.
    Conflict(Box<Plan>),
    /// The files have changed since the plan was shown; this is what would be done now.
    Changed(Box<Plan>),
}

/// All kubeconfigs of this user, with certificates they name by path. Never fails: problems are inside.
pub fn read(target: &Target) -> Files {
    let mut found = read_once(&target.files());
    for _ in 0..REREADS {
        // Locked means that somebody writes; kubectl cuts the file off first.
        let is_being_written = found.is_suspicious() && !held_locks(&target.files()).is_empty();
        if !is_being_written {
            break;
        }
        std::thread::sleep(REREAD);
        found = read_once(&target.files());
    }
    with_certificates(found)
}

fn read_once(paths: &[PathBuf]) -> Files {
    Files::new(
        paths
            .iter()
            .map(|path| (path.clone(), files::read_text(path)))
            .collect(),
    )
}

fn with_certificates(found: Files) -> Files {
    let mut read = BTreeMap::new();
    for path in found.certificate_paths() {
        if let Ok(bytes) = files::read_bytes(&path) {
            read.insert(path, bytes);
        }
    }
    found.with_certificates(read)
}

/// What a request would do, from the files as they are now.
pub fn plan(places: &Places, request: &Request) -> Result<Plan, Box<Problem>> {
    kubeconfig::plan(&read(&places.target), request)
}

/// Carries a request out. `shown` is what a person has said yes to: anything else is refused.
///
/// `cancel` ends the waiting for locks; what has begun to be written is finished.
pub fn write(
    places: &Places,
    request: &Request,
    shown: Option<&[EntryChange]>,
    cancel: &CancellationToken,
) -> Result<Written, Error> {
    let mut written = write_once(places, request, shown, cancel)?;
    if written.plan.is_nothing() {
        return Ok(written);
    }
    for _ in 0..TRIES {
        std::thread::sleep(SECOND_LOOK);
        match write_once(places, request, None, cancel) {
            Ok(again) if !again.plan.is_nothing() => written.backups.extend(again.backups),
            // A context that is renamed or deleted cannot be found again, and an unfinished look undoes nothing.
            Ok(_) | Err(_) => return Ok(written),
        }
    }
    let problem = files::problem("another program undoes the change again and again".to_owned());
    Err(problem
        .next("find out what writes to the kubeconfig, and try again")
        .into())
}

/// [`write()`] without the second look: for whoever knows that nobody else writes.
pub fn write_once(
    places: &Places,
    request: &Request,
    shown: Option<&[EntryChange]>,
    cancel: &CancellationToken,
) -> Result<Written, Error> {
    let paths = places.target.files();
    if paths.is_empty() {
        return Err(files::problem(
            "there is no home directory to keep a kubeconfig in".to_owned(),
        )
        .into());
    }
    make_home(&paths)?;
    let locks = Locks::take(&paths, cancel)?;
    for path in &paths {
        files::clean_up(path);
    }
    let plan = kubeconfig::plan(&with_certificates(read_once(&paths)), request)?;
    if !plan.conflicts.is_empty() {
        return Err(Error::Conflict(Box::new(plan)));
    }
    if shown.is_some_and(|shown| shown != plan.entries) {
        return Err(Error::Changed(Box::new(plan)));
    }
    let mut written = Written {
        plan,
        backups: Vec::new(),
        notes: Vec::new(),
    };
    if !written.plan.edits.is_empty() {
        replace(places, request, &locks, &mut written)?;
    }
    Ok(written)
}

/// The folder of a first kubeconfig.
fn make_home(paths: &[PathBuf]) -> Result<(), Error> {
    let is_there = |path: &PathBuf| path.symlink_metadata().is_ok();
    if let Some(last) = paths.last()
        && !paths.iter().any(is_there)
    {
        let folder = files::folder_of(last);
        undo::make_folder(folder).map_err(|error| files::cannot("make", folder, &error))?;
    }
    Ok(())
}

/// Puts all new files in their places. Everything that can fail for want of room or rights comes before the first rename.
fn replace(
    places: &Places,
    request: &Request,
    locks: &Locks,
    written: &mut Written,
) -> Result<(), Error> {
    let at = Timestamp::now();
    let mut note = Note::new(&what(request), at);
    let mut staged = Vec::new();
    for edit in &written.plan.edits {
        let file = files::target_of(&edit.file)
            .map_err(|error| files::cannot("write", &edit.file, &error))?;
        locks.covers(&edit.file)?;
        locks.covers(&file)?;
        if file != edit.file {
            files::clean_up(&file);
        }
        written.notes.extend(too_wide(&file));
        staged.push((files::stage(&file, edit.after.as_bytes())?, file, edit));
    }
    for (_, file, edit) in &staged {
        let backup = match &edit.before {
            Some(before) => Some(undo::back_up(file, before.as_bytes(), at)?),
            None => None,
        };
        written.backups.extend(backup.clone());
        note.add(&edit.file, file, backup, edit.after.as_bytes());
    }
    if let Err(problem) = note.write(&places.notes) {
        let what = "this change cannot be taken back with undo".to_owned();
        written.notes.push(
            files::problem(what)
                .why(problem.sentence())
                .next("keep the backup beside the file"),
        );
    }
    for (staged, file, _) in staged {
        staged.place()?;
        undo::prune_backups(&file);
    }
    Ok(())
}

/// A request in a few words, without secrets.
fn what(request: &Request) -> String {
    match request {
        Request::Merge(merge) => format!("merged {}", merge.source.place),
        Request::UseContext { context } => format!("switched to context {context}"),
        Request::SetNamespace { context, .. } => format!("set the namespace of context {context}"),
        Request::RenameContext { from, to } => format!("renamed context {from} to {to}"),
        Request::DeleteContext { context, .. } => format!("deleted context {context}"),
    }
}

#[cfg(unix)]
fn too_wide(file: &Path) -> Option<Problem> {
    use crate::rack::problem::{Severity, Subject};
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(file).ok()?.permissions().mode() & 0o777;
    let what = format!(
        "{} could be read by others (mode {mode:04o})",
        file.display()
    );
    let note = Problem::new(Severity::Warning, Subject::Kubeconfig, what);
    (mode & 0o077 != 0).then(|| {
        note.why("it holds keys")
            .next(format!("it is {:04o} now", mode & 0o600))
    })
}

#[cfg(not(unix))]
fn too_wide(_: &Path) -> Option<Problem> {
    None
}

impl Error {
    /// In the words of the whole program.
    pub fn problem(&self) -> Problem {
        match self {
            Error::Problem(problem) => (**problem).clone(),
            Error::Locked(lock) => lock.problem(),
            Error::Conflict(plan) => {
                let names: Vec<String> = (plan.conflicts.iter())
                    .map(|it| format!("{} {:?}", it.kind.word(), it.name))
                    .collect();
                files::problem(format!(
                    "there is something else by the name of {}",
                    names.join(", ")
                ))
                .why("it leads to another cluster or belongs to another person")
                .next("replace it, or choose another name")
            }
            Error::Changed(_) => files::problem("the kubeconfig has changed meanwhile".to_owned())
                .why("another program wrote it after the change was shown")
                .next("look at the change again"),
        }
    }
}

impl HeldLock {
    /// Who holds it, for how long, and what to do.
    pub fn problem(&self) -> Problem {
        let owner = self
            .owner
            .as_deref()
            .unwrap_or("kubectl, or a tool like it, which leaves no name");
        let age = self
            .age
            .map_or("an unknown time".to_owned(), crate::rack::time::short);
        files::problem(format!("{} is locked", self.file.display()))
            .why(format!("{} was made {age} ago by {owner}", self.lock.display()))
            .next("wait for it; when nothing is running any more it was left behind: remove it with bramble kubeconfig unlock")
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Error::Problem(Box::new(problem))
    }
}

impl From<Box<Problem>> for Error {
    fn from(problem: Box<Problem>) -> Self {
        Error::Problem(problem)
    }
}
