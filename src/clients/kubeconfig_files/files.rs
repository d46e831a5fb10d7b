//! Reading and replacing whole files: a new one is written beside the old, flushed to the disk, and takes its name.
//!
//! Invariant: under its name there is always a whole file, the old or the new one; it is never wider than 0600; and what
//! we put beside it can be told from everybody else's files.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::lock;
use crate::rack::kubeconfig::FileText;
use crate::rack::problem::{Problem, Severity, Subject};

/// Infixes of our files: `.config.bramble-new-123-0`, `.config.bramble-lock-123-1`.
const NEW: &str = ".bramble-new-";
pub(super) const LOCK: &str = ".bramble-lock-";

/// Larger files are none that a person or kubectl made.
const LARGEST: u64 = 64 << 20;
/// Nothing takes us this long to write.
const ABANDONED: Duration = Duration::from_secs(3_600);
/// Links that lead on and on.
const LONGEST_CHAIN: usize = 40;

/// A file written but not in its place yet; gone when dropped.
pub(super) struct Staged {
    hidden: PathBuf,
    path: PathBuf,
    is_placed: bool,
}

/// The text of a file as [`crate::rack::kubeconfig`] takes it.
pub(super) fn read_text(path: &Path) -> FileText {
    match read_bytes(path) {
        Ok(bytes) => match String::from_utf8(bytes) {
            Ok(text) => FileText::Text(text),
            Err(_) => FileText::Unreadable(
                problem(format!("kubeconfig {} cannot be used", path.display()))
                    .why("it is not text in UTF-8")
                    .next("write it anew in UTF-8, or name another file"),
            ),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => FileText::Missing,
        Err(error) => FileText::Unreadable(cannot("read", path, &error)),
    }
}

/// The bytes of a regular file.
pub(super) fn read_bytes(path: &Path) -> io::Result<Vec<u8>> {
    let metadata = fs::metadata(path)?;
    if metadata.is_dir() {
        return Err(ErrorKind::IsADirectory.into());
    }
    if metadata.len() > LARGEST {
        return Err(io::Error::other(format!(
            "it is larger than {} MiB",
            LARGEST >> 20
        )));
    }
    fs::read(path)
}

/// Where a path leads, through links; the file itself need not exist, its folder must.
pub(super) fn target_of(path: &Path) -> io::Result<PathBuf> {
    let mut path = std::path::absolute(path)?;
    for _ in 0..LONGEST_CHAIN {
        if let Ok(next) = fs::read_link(&path) {
            path = folder_of(&path).join(next);
            continue;
        }
        let folder = fs::canonicalize(folder_of(&path))?;
        return Ok(match path.file_name() {
            Some(name) => folder.join(name),
            None => folder,
        });
    }
    Err(io::Error::other("its links lead in a circle"))
}

pub(super) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// A name beside `path` that nobody has and that tells it is ours.
pub(super) fn hidden(path: &Path, infix: &str) -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or(OsStr::new("kubeconfig")));
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    name.push(format!("{infix}{}-{number}", std::process::id()));
    folder_of(path).join(name)
}

/// Writes what is to be at `path` (no link any more) beside it. Mode and owner are those of the file that is there, but
/// never wider than 0600.
pub(super) fn stage(path: &Path, bytes: &[u8]) -> Result<Staged, Box<Problem>> {
    let staged = Staged {
        hidden: hidden(path, NEW),
        path: path.to_owned(),
        is_placed: false,
    };
    let write = || -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&staged.hidden)?;
        file.write_all(bytes)?;
        #[cfg(unix)]
        if let Ok(old) = fs::metadata(path) {
            take_over(&file, &old)?;
        }
        file.sync_all()
    };
    write().map_err(|error| cannot("write", path, &error))?;
    Ok(staged)
}

#[cfg(unix)]
fn take_over(file: &File, old: &fs::Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let own = file.metadata()?;
    if (own.uid(), own.gid()) != (old.uid(), old.gid()) {
        let moved = std::os::unix::fs::fchown(file, Some(old.uid()), Some(old.gid()));
        // Another group is no loss: the file is for its owner alone.
        if moved.is_err() && own.uid() != old.uid() {
            return moved.map_err(|_| io::Error::other("it belongs to another user"));
        }
    }
    file.set_permissions(fs::Permissions::from_mode(old.mode() & 0o600))
}

impl Staged {
    /// Gives the file its name; the one before is gone with that.
    pub(super) fn place(mut self) -> Result<(), Box<Problem>> {
        fs::rename(&self.hidden, &self.path)
            .map_err(|error| cannot("write", &self.path, &error))?;
        self.is_placed = true;
        sync_folder(&self.path);
        Ok(())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.is_placed {
            let _ = fs::remove_file(&self.hidden);
        }
    }
}

/// The new name is on the disk too. Some file systems refuse to sync a folder; the rename is done all the same.
pub(super) fn sync_folder(path: &Path) {
    if let Ok(folder) = File::open(folder_of(path)) {
        let _ = folder.sync_all();
    }
}

/// Takes away what a run that was killed left beside `path`: new files, new backups, locks not yet made. The lock of
/// `path` must be held, so nobody is at it.
pub(super) fn clean_up(path: &Path) {
    let Some(name) = path.file_name().map(OsStr::to_string_lossy) else {
        return;
    };
    let ours = format!(".{name}.bramble-");
    let Ok(entries) = fs::read_dir(folder_of(path)) else {
        return;
    };
    for entry in entries.flatten() {
        let found = entry.file_name();
        let found = found.to_string_lossy();
        let is_left = found.contains(NEW) || found.contains(LOCK) && lock::is_dead(&entry.path());
        if found.starts_with(&ours) && is_left {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Takes new files away that nobody has finished for an hour, where no lock tells who is at them.
pub(super) fn clean_up_old(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let modified = entry.metadata().and_then(|it| it.modified()).ok();
        let is_old = modified
            .and_then(|it| it.elapsed().ok())
            .is_some_and(|age| age > ABANDONED);
        if is_old && entry.file_name().to_string_lossy().contains(NEW) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// A sentence for an error of the system.
pub(super) fn cannot(verb: &str, path: &Path, error: &io::Error) -> Problem {
    let problem = problem(format!("cannot {verb} {}", path.display()));
    match error.kind() {
        ErrorKind::NotFound => problem.why("there is no such file or folder"),
        ErrorKind::PermissionDenied => problem.why("no permission").next(match verb {
            "read" => "k3s writes its kubeconfig for root only: run this as root, or copy the file",
            _ => "its folder must be writable too: the new file is made beside the old one",
        }),
        ErrorKind::ReadOnlyFilesystem => problem
            .why("the disk is mounted read-only")
            .next("name another file with --into"),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => problem
            .why("the disk is full")
            .next("make room and try again; nothing has been changed"),
        ErrorKind::IsADirectory => problem.why("it is a directory"),
        ErrorKind::InvalidFilename => problem.why("the name is too long"),
        _ => problem.why(error.to_string()),
    }
}

pub(super) fn problem(what: String) -> Problem {
    Problem::new(Severity::Critical, Subject::Kubeconfig, what)
}

/// The name of this machine, for people.
pub(super) fn host_name() -> String {
    let name = rustix::system::uname();
    name.nodename().to_string_lossy().into_owned()
}
