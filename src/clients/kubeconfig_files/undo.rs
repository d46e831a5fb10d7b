//! Backups and the way back: every write keeps what was there before and notes what it made of it.
//!
//! A backup lies beside its file (`config.bramble-20261124T082500Z.bak`), 0600. A note is one small file without secrets in
//! the state directory; it is written before the first file gets its new text. Invariant: undo restores bytes only where
//! the file is still what we made of it, or when told to.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::lock::Locks;
use super::{Error, Places, files};
use crate::rack::kubeconfig_change::LastChange;
use crate::rack::problem::Problem;

/// Backups kept of one file, and notes kept at all.
const KEPT: usize = 5;

/// What one write did.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Note {
    /// `merged k3s.yaml`.
    what: String,
    at: Timestamp,
    files: Vec<Changed>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Changed {
    /// As it was named, which is what is locked.
    named: PathBuf,
    /// Where it really is.
    file: PathBuf,
    /// `None`: there was no file before.
    backup: Option<PathBuf>,
    /// SHA-256 of the new text, in hex.
    after: String,
}

/// What has been undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undone {
    pub what: String,
    pub at: Timestamp,
    /// Files that are as they were before.
    pub restored: Vec<PathBuf>,
    /// Files that were made by that write and are gone again.
    pub removed: Vec<PathBuf>,
    /// What others had changed since, and was taken back by force: backups of it.
    pub kept: Vec<PathBuf>,
}

/// The last write on record; `None` when there is none that still says anything.
pub fn last_change(places: &Places) -> Option<LastChange> {
    let mut notes = all(&places.notes).into_iter().rev();
    notes.find_map(|path| {
        let note: Note = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
        let now = |changed: &Changed| fs::read(&changed.file).ok();
        let is_undone = |changed: &Changed| {
            let before = changed.backup.as_ref().map(fs::read);
            before.map_or(Some(None), |before| before.ok().map(Some)) == Some(now(changed))
        };
        let differs = |changed: &Changed| {
            now(changed).as_deref().map(digest).as_ref() != Some(&changed.after)
        };
        (!note.files.iter().all(is_undone)).then(|| LastChange {
            files: note.files.iter().map(|it| it.file.clone()).collect(),
            is_changed_since: note.files.iter().any(|it| differs(it) && !is_undone(it)),
            what: note.what,
            at: note.at,
        })
    })
}

/// Keeps the bytes of `file` beside it.
pub(super) fn back_up(file: &Path, bytes: &[u8], at: Timestamp) -> Result<PathBuf, Box<Problem>> {
    let stamp = at.strftime("%Y%m%dT%H%M%SZ").to_string();
    let mut number = 1_usize;
    let backup = loop {
        let suffix = if number == 1 {
            String::new()
        } else {
            format!("-{number}")
        };
        let mut name = file.as_os_str().to_owned();
        name.push(format!(".bramble-{stamp}{suffix}.bak"));
        let path = PathBuf::from(name);
        if !path.exists() {
            break path;
        }
        number += 1;
    };
    files::stage(&backup, bytes)?.place()?;
    Ok(backup)
}

/// The oldest backups go once the new file is in its place.
pub(super) fn prune_backups(file: &Path) {
    let Some(name) = file
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
    else {
        return;
    };
    let prefix = format!("{name}.bramble-");
    let Ok(entries) = fs::read_dir(files::folder_of(file)) else {
        return;
    };
    let mut backups: Vec<PathBuf> = entries
        .flatten()
        .filter(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.starts_with(&prefix) && name.ends_with(".bak")
        })
        .map(|entry| entry.path())
        .collect();
    // By time: `-10` of one second would stand before `-2` of the same.
    backups.sort_by_key(|path| fs::metadata(path).and_then(|it| it.modified()).ok());
    let superfluous = backups.len().saturating_sub(KEPT);
    for old in backups.iter().take(superfluous) {
        let _ = fs::remove_file(old);
    }
}

impl Note {
    pub(super) fn new(what: &str, at: Timestamp) -> Note {
        Note {
            what: what.to_owned(),
            at,
            files: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, named: &Path, file: &Path, backup: Option<PathBuf>, after: &[u8]) {
        self.files.push(Changed {
            named: named.to_owned(),
            file: file.to_owned(),
            backup,
            after: digest(after),
        });
    }

    /// Writes the note; a problem means that this write cannot be undone by us (its backups are there all the same).
    pub(super) fn write(&self, folder: &Path) -> Result<(), Box<Problem>> {
        make_folder(folder).map_err(|error| files::cannot("write", folder, &error))?;
        let text = serde_json::to_vec_pretty(self).unwrap_or_default();
        let name = format!(
            "{:020}-{}.json",
            self.at.as_microsecond(),
            std::process::id()
        );
        files::stage(&folder.join(name), &text)?.place()?;
        files::clean_up_old(folder);
        let notes = all(folder);
        let superfluous = notes.len().saturating_sub(KEPT);
        for old in notes.iter().take(superfluous) {
            let _ = fs::remove_file(old);
        }
        Ok(())
    }
}

pub(super) fn make_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Notes, oldest first.
fn all(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut notes: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|it| it == "json"))
        .filter(|path| {
            !path
                .file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with('.'))
        })
        .collect();
    notes.sort();
    notes
}

/// Takes the last write back. With `force`, also from files that somebody changed since.
pub fn undo(places: &Places, force: bool, cancel: &CancellationToken) -> Result<Undone, Error> {
    while let Some(path) = all(&places.notes).pop() {
        let bytes = fs::read(&path).map_err(|error| files::cannot("read", &path, &error))?;
        let Ok(note) = serde_json::from_slice::<Note>(&bytes) else {
            // Not ours, or cut off; it can say nothing, and would stand in the way for ever.
            let _ = fs::remove_file(&path);
            continue;
        };
        let named: Vec<PathBuf> = note.files.iter().map(|it| it.named.clone()).collect();
        let locks = Locks::take(&named, cancel)?;
        let undone = restore(&note, force, &locks)?;
        fs::remove_file(&path).map_err(|error| files::cannot("remove", &path, &error))?;
        // A write that was killed before it changed anything is no write.
        if !undone.restored.is_empty() || !undone.removed.is_empty() {
            return Ok(undone);
        }
    }
    let problem = files::problem("there is nothing to undo".to_owned());
    Err(problem.why("no change by bramble is on record").into())
}

fn restore(note: &Note, force: bool, locks: &Locks) -> Result<Undone, Error> {
    let mut undone = Undone {
        what: note.what.clone(),
        at: note.at,
        restored: Vec::new(),
        removed: Vec::new(),
        kept: Vec::new(),
    };
    let mut staged = Vec::new();
    for changed in &note.files {
        locks.covers(&changed.file)?;
        files::clean_up(&changed.file);
        let now = match fs::read(&changed.file) {
            Ok(bytes) => Some(bytes),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(files::cannot("read", &changed.file, &error).into()),
        };
        let before = match &changed.backup {
            None => None,
            Some(backup) => match fs::read(backup) {
                Ok(bytes) => Some(bytes),
                Err(error) => return Err(files::cannot("read", backup, &error).into()),
            },
        };
        if now == before {
            continue;
        }
        if now.as_deref().map(digest).as_ref() != Some(&changed.after) {
            if !force {
                return Err(changed_since(note, changed).into());
            }
            if let Some(bytes) = &now {
                undone
                    .kept
                    .push(back_up(&changed.file, bytes, Timestamp::now())?);
            }
        }
        match before {
            Some(bytes) => {
                staged.push(files::stage(&changed.file, &bytes)?);
                undone.restored.push(changed.file.clone());
            }
            None => undone.removed.push(changed.file.clone()),
        }
    }
    for file in staged {
        file.place()?;
    }
    for file in &undone.removed {
        fs::remove_file(file).map_err(|error| files::cannot("remove", file, &error))?;
        files::sync_folder(file);
    }
    Ok(undone)
}

fn changed_since(note: &Note, changed: &Changed) -> Problem {
    let file = changed.file.display();
    let problem = files::problem(format!(
        "cannot undo what was done at {} ({})",
        note.at.strftime("%F %TZ"),
        note.what
    ))
    .why(format!(
        "{file} was changed since, and that change would be lost"
    ));
    match &changed.backup {
        Some(backup) => problem.next(format!(
            "look at the backup {}, or undo it all the same with --force",
            backup.display()
        )),
        None => problem.next("undo it all the same with --force"),
    }
}

fn digest(bytes: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    digest.as_ref().iter().fold(String::new(), |mut hex, byte| {
        use std::fmt::Write as _;
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
