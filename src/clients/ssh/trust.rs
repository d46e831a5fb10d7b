//! The `known_hosts` files: read for a verdict, written when the person said yes.
//!
//! Invariant: a file is replaced in one step and keeps its other lines; ours are 0600 in a directory of 0700. Keys that
//! cannot be written anywhere (`/dev/null`), or must not be, are remembered for this run, so that a change is noticed all
//! the same.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ring::rand::{SecureRandom, SystemRandom};

use super::Error;
use crate::rack::ssh::known_hosts::{KnownHosts, edit};
use crate::rack::ssh::resolved::Resolved;
use crate::rack::ssh::{ChangedKey, HostKey};

/// Keys accepted in this run.
#[derive(Debug)]
pub(super) struct Trust {
    /// Whether files are written at all.
    keeps: bool,
    accepted: Mutex<Vec<(String, HostKey)>>,
    /// Two boards that are accepted at once must not write over each other.
    writing: Mutex<()>,
}

impl Trust {
    pub(super) fn new(keeps: bool) -> Trust {
        Trust {
            keeps,
            accepted: Mutex::default(),
            writing: Mutex::default(),
        }
    }

    /// Everything that is known for this host.
    pub(super) fn known(&self, resolved: &Resolved) -> KnownHosts {
        let paths = resolved
            .known_hosts
            .iter()
            .chain(&resolved.global_known_hosts)
            .map(PathBuf::from);
        let files = paths.filter_map(|path| {
            let bytes = fs::read(&path).ok()?;
            Some((path, String::from_utf8_lossy(&bytes).into_owned()))
        });
        let mut known = KnownHosts::read(files);
        for (name, key) in self
            .accepted
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
        {
            known.add(name, key);
        }
        known
    }

    /// Where a new key of this host is written; `None` when nothing is, or its file is no regular one.
    pub(super) fn file(&self, resolved: &Resolved) -> Option<PathBuf> {
        if !self.keeps {
            return None;
        }
        let path = PathBuf::from(resolved.known_hosts.first()?);
        match fs::metadata(&path) {
            Ok(meta) if !meta.is_file() => None,
            Ok(_) | Err(_) => Some(path),
        }
    }

    /// Remembers a key under the host's name.
    pub(super) fn accept(&self, resolved: &Resolved, key: &HostKey) -> Result<(), Error> {
        let name = resolved.names().name;
        if let Some(file) = self.file(resolved) {
            self.write(&file, |text| {
                let is_hidden = resolved.hash_known_hosts || edit::hides_names(text);
                Ok(edit::with_line(text, &line(&name, key, is_hidden)?))
            })
        } else {
            let mut accepted = self.accepted.lock().unwrap_or_else(PoisonError::into_inner);
            accepted.push((name, key.clone()));
            Ok(())
        }
    }

    /// Puts the new key in place of the ones the host was known by. `.old` keeps the file as it was.
    pub(super) fn replace(&self, changed: &ChangedKey) -> Result<(), Error> {
        {
            let mut accepted = self.accepted.lock().unwrap_or_else(PoisonError::into_inner);
            accepted.retain(|(name, _)| *name != changed.name);
        }
        let mut files: Vec<&PathBuf> = changed
            .old
            .iter()
            .map(|old| &old.file)
            .chain(&changed.file)
            .collect();
        files.sort();
        files.dedup();
        for file in files
            .into_iter()
            .filter(|_| self.keeps)
            .filter(|file| file.is_file() || Some(*file) == changed.file.as_ref())
        {
            let is_ours = Some(file) == changed.file.as_ref();
            if !is_ours && fs::metadata(file).is_ok_and(|meta| meta.permissions().readonly()) {
                continue;
            }
            let written = self.write(file, |text| {
                if !text.is_empty() {
                    write_whole(&with_suffix(file, ".old"), text)?;
                }
                let mut new = edit::without(text, &changed.name);
                if is_ours {
                    new = edit::with_line(
                        &new,
                        &line(&changed.name, &changed.new, edit::hides_names(text))?,
                    );
                }
                Ok(new)
            });
            // A file of the system that we may not write keeps its line; the new key in ours counts beside it.
            if is_ours {
                written?;
            }
        }
        if changed.file.is_none() {
            let mut accepted = self.accepted.lock().unwrap_or_else(PoisonError::into_inner);
            accepted.push((changed.name.clone(), changed.new.clone()));
        }
        Ok(())
    }

    fn write(
        &self,
        file: &Path,
        edit: impl FnOnce(&[u8]) -> io::Result<Vec<u8>>,
    ) -> Result<(), Error> {
        let _turn = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        // A link stays one: what it points to is replaced.
        let target = fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
        let written = read_or_empty(&target).and_then(|text| {
            let new = edit(&text)?;
            if new == text {
                Ok(())
            } else {
                write_whole(&target, &new)
            }
        });
        written.map_err(|error| Error::File {
            file: file.display().to_string(),
            why: format!("the host key cannot be written: {error}"),
        })
    }
}

fn read_or_empty(file: &Path) -> io::Result<Vec<u8>> {
    match fs::read(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        read => read,
    }
}

fn line(name: &str, key: &HostKey, is_hidden: bool) -> io::Result<String> {
    let mut salt = [0; 20];
    SystemRandom::new()
        .fill(&mut salt)
        .map_err(|_| io::Error::other("no random numbers"))?;
    Ok(edit::new_line(name, key, is_hidden.then_some(&salt)))
}

/// Writes a file of mode 0600 in one step, and its directory (0700) when there is none.
fn write_whole(file: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(dir) = file.parent()
        && !dir.exists()
    {
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    }
    let temporary = with_suffix(file, &format!(".{}.tmp", std::process::id()));
    let write = || {
        let mut open = OpenOptions::new();
        let mut out = open
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&temporary)?;
        out.write_all(bytes)?;
        out.sync_all()?;
        fs::rename(&temporary, file)
    };
    write().inspect_err(|_| {
        let _ = fs::remove_file(&temporary);
    })
}

fn with_suffix(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
