//! kubectl's locks: a file `<kubeconfig>.lock` that only one can create, for all files concerned, in sorted order.
//!
//! kubectl's own lock is empty, has mode 0, is never waited for, and stays for ever when its maker dies. Ours says who
//! made it and is held by the system's own file lock besides, so that the next run of bramble knows a dead one for sure and
//! takes it away; nobody else's is touched without a yes. Invariant: a lock appears whole or not at all (it is a hard link
//! to a file that is written and held already), and every one we made is gone when [`Locks`] is dropped.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use tokio_util::sync::CancellationToken;

use super::{Error, files};

/// How long a lock of others is waited for; `kubectl config` needs a few milliseconds.
const PATIENCE: Duration = Duration::from_secs(5);
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(200);

/// What our locks begin with.
const OURS: &str = "bramble ";

/// The lock of somebody else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldLock {
    /// The kubeconfig.
    pub file: PathBuf,
    pub lock: PathBuf,
    /// Who says to hold it; `None` for kubectl and tools like it, which do not say.
    pub owner: Option<String>,
    /// Since it was made; unknown when the clock of its disk is ahead of ours.
    pub age: Option<Duration>,
    identity: Identity,
}

/// Locks of all files concerned.
pub(super) struct Locks {
    held: Vec<Lock>,
    /// Files whose folders let nobody write: they are read without a lock, and cannot be changed.
    unlockable: Vec<(PathBuf, io::Error)>,
}

struct Lock {
    path: PathBuf,
    /// Keeps the system's lock.
    _file: File,
}

/// The same file at the same time: a lock that was taken away and made again is another one.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Identity {
    inode: u64,
    modified: Option<SystemTime>,
}

impl Locks {
    /// Takes the locks of all `files` (and of what they point to), waiting a little for each.
    pub(super) fn take(all: &[PathBuf], cancel: &CancellationToken) -> Result<Locks, Error> {
        let mut paths: Vec<PathBuf> = all.to_vec();
        paths.extend(all.iter().filter_map(|path| files::target_of(path).ok()));
        paths.sort();
        // Two names of one file have one lock.
        let mut seen = HashSet::new();
        paths.retain(|path| seen.insert(entry_of(path)));
        let deadline = Instant::now() + PATIENCE;
        let mut locks = Locks {
            held: Vec::new(),
            unlockable: Vec::new(),
        };
        for file in paths {
            let folder = files::folder_of(&file);
            if !folder.is_dir() {
                continue;
            }
            match wait(&file, deadline, cancel) {
                Ok(lock) => locks.held.push(lock),
                Err(Waited::Held(lock)) => return Err(Error::Locked(lock)),
                Err(Waited::Io(error)) if is_read_only(&error) => {
                    locks.unlockable.push((file, error));
                }
                Err(Waited::Io(error)) => {
                    return Err(files::cannot("lock", &lock_of(&file), &error).into());
                }
            }
        }
        Ok(locks)
    }

    /// Refuses a file that could not be locked.
    pub(super) fn covers(&self, file: &Path) -> Result<(), Error> {
        match self.unlockable.iter().find(|(path, _)| path == file) {
            Some((path, error)) => Err(files::cannot("write", path, error).into()),
            None => Ok(()),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Nothing can be done about a folder that is gone meanwhile.
        let _ = fs::remove_file(&self.path);
    }
}

/// Takes a lock of others away, if it is still the one that was shown.
pub fn remove_lock(lock: &HeldLock) -> io::Result<()> {
    match identity(&lock.lock) {
        Ok(now) if now == lock.identity => fs::remove_file(&lock.lock),
        Ok(_) => Err(io::Error::other("it is another lock by now")),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// The locks of others on these files, without waiting.
pub fn held_locks(all: &[PathBuf]) -> Vec<HeldLock> {
    let mut paths: Vec<PathBuf> = all.to_vec();
    paths.extend(all.iter().filter_map(|path| files::target_of(path).ok()));
    paths.sort();
    let mut seen = HashSet::new();
    paths.retain(|path| seen.insert(entry_of(path)));
    paths.iter().filter_map(|file| look(file).ok()).collect()
}

/// The entry of a folder that a path names, whatever way leads to the folder; a link as the last step is not followed.
fn entry_of(path: &Path) -> PathBuf {
    let folder = fs::canonicalize(files::folder_of(path)).ok();
    let entry = folder.zip(path.file_name());
    entry.map_or_else(|| path.to_owned(), |(folder, name)| folder.join(name))
}

pub(super) fn lock_of(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}

enum Waited {
    Held(HeldLock),
    Io(io::Error),
}

fn wait(file: &Path, deadline: Instant, cancel: &CancellationToken) -> Result<Lock, Waited> {
    let mut pause = FIRST_PAUSE;
    loop {
        match create(file) {
            Ok(lock) => return Ok(lock),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(Waited::Io(error)),
        }
        if take_away_dead(&lock_of(file)) {
            continue;
        }
        if Instant::now() + pause > deadline || cancel.is_cancelled() {
            match look(file) {
                Ok(held) => return Err(Waited::Held(held)),
                // It went this very moment.
                Err(error) if error.kind() == ErrorKind::NotFound && !cancel.is_cancelled() => {
                    continue;
                }
                Err(error) => return Err(Waited::Io(error)),
            }
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Makes the lock: written and held under another name first, then linked, which fails when there is one already.
fn create(file: &Path) -> io::Result<Lock> {
    let path = lock_of(file);
    let hidden = files::hidden(file, files::LOCK);
    let made = new_file(&hidden)?;
    let linked = hold(&made).and_then(|()| fs::hard_link(&hidden, &path));
    let _ = fs::remove_file(&hidden);
    match linked {
        Ok(()) => Ok(Lock { path, _file: made }),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(error),
        // Another run of bramble took our hidden file for a dead one's, or the file system has no hard links.
        Err(_) => {
            let made = new_file(&path)?;
            let lock = Lock {
                path,
                _file: made.try_clone()?,
            };
            hold(&made)?;
            Ok(lock)
        }
    }
}

fn new_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn hold(mut file: &File) -> io::Result<()> {
    // A disk without such locks: ours cannot be known for dead then, which only costs a question.
    let _ = file.try_lock();
    writeln!(
        file,
        "{OURS}pid {} on {}",
        std::process::id(),
        files::host_name()
    )
}

/// True when the lock was that of a bramble that is no more, and is gone now.
fn take_away_dead(path: &Path) -> bool {
    let Ok(mut file) = File::open(path) else {
        return false;
    };
    let mut text = String::new();
    if file.read_to_string(&mut text).is_err()
        || !text.starts_with(OURS)
        || file.try_lock().is_err()
    {
        return false;
    }
    // While we hold this file no other bramble takes it away; it only has to be the one that is there still.
    let is_same = identity(path)
        .ok()
        .zip(file.metadata().ok().map(|it| Identity::of(&it)));
    is_same.is_some_and(|(there, ours)| there == ours) && fs::remove_file(path).is_ok()
}

/// True when nobody holds this hidden lock file any more.
pub(super) fn is_dead(path: &Path) -> bool {
    File::open(path).is_ok_and(|file| file.try_lock().is_ok())
}

fn look(file: &Path) -> io::Result<HeldLock> {
    let lock = lock_of(file);
    let metadata = fs::symlink_metadata(&lock)?;
    let text = fs::read_to_string(&lock).unwrap_or_default();
    let modified = metadata.modified().ok();
    Ok(HeldLock {
        file: file.to_owned(),
        owner: text.starts_with(OURS).then(|| text.trim().to_owned()),
        age: modified.and_then(|it| it.elapsed().ok()),
        identity: Identity::of(&metadata),
        lock,
    })
}

fn identity(path: &Path) -> io::Result<Identity> {
    fs::symlink_metadata(path).map(|it| Identity::of(&it))
}

impl Identity {
    fn of(metadata: &fs::Metadata) -> Identity {
        #[cfg(unix)]
        let inode = std::os::unix::fs::MetadataExt::ino(metadata);
        #[cfg(not(unix))]
        let inode = 0;
        Identity {
            inode,
            modified: metadata.modified().ok(),
        }
    }
}

fn is_read_only(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem
    )
}
