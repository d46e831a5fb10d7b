//! The folder of backups: files of 0600 in a folder of 0700, a record beside each.
//!
//! Invariants: what is being written has a hidden name, and goes when it does not become a backup; the record is there
//! before the file has its name, so that a file without one is never taken for good.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use ring::digest::{Context, SHA256};

use super::{problem, seal};
use crate::rack::backup::Record;
use crate::rack::backup::policy::{Policy, superfluous};
use crate::rack::problem::{Problem, Severity};

const ENDING: &str = ".tar.age";
const PART: &str = ".part";
/// No backup takes this long.
const ABANDONED: Duration = Duration::from_secs(24 * 3_600);

/// A good backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    pub path: PathBuf,
    pub record: Record,
}

/// A file on its way to be a backup; gone when dropped.
pub(super) struct Draft {
    hidden: PathBuf,
    path: PathBuf,
    file: Option<File>,
    is_kept: bool,
}

impl Draft {
    pub(super) fn new(folder: &Path, name: &str) -> Result<Draft, Box<Problem>> {
        let failed = |error: &io::Error| {
            let what = format!("write backups to {}", folder.display());
            cannot(&what, error)
        };
        make_folder(folder).map_err(|error| failed(&error))?;
        clean_up(folder);
        let hidden = folder.join(format!(".{name}-{}{PART}", std::process::id()));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&hidden).map_err(|error| failed(&error))?;
        Ok(Draft {
            hidden,
            path: folder.join(name),
            file: Some(file),
            is_kept: false,
        })
    }

    /// Where it is until it is kept.
    pub(super) fn hidden(&self) -> &Path {
        &self.hidden
    }

    /// A second hold on the file, to write to.
    pub(super) fn file(&self) -> Result<File, Box<Problem>> {
        let file = self.file.as_ref().map(File::try_clone);
        match file {
            Some(Ok(file)) => Ok(file),
            Some(Err(error)) => Err(cannot("write the backup", &error)),
            None => Err(cannot("write the backup", &ErrorKind::NotFound.into())),
        }
    }

    /// Gives it its name, with its record.
    pub(super) fn keep(mut self, record: Record) -> Result<Kept, Box<Problem>> {
        let failed = |error: io::Error| cannot(&format!("write {}", self.path.display()), &error);
        let text = serde_json::to_vec_pretty(&record).unwrap_or_default();
        let beside = beside(&self.path);
        let hidden = beside.with_file_name(format!(
            ".{}-{}{PART}",
            beside.file_name().unwrap_or_default().display(),
            std::process::id()
        ));
        let write = || -> io::Result<()> {
            if self.path.exists() {
                return Err(ErrorKind::AlreadyExists.into());
            }
            let mut options = OpenOptions::new();
            options.write(true).create(true).truncate(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let mut file = options.open(&hidden)?;
            io::Write::write_all(&mut file, &text)?;
            file.sync_all()?;
            fs::rename(&hidden, &beside)?;
            fs::rename(&self.hidden, &self.path)?;
            if let Some(folder) = self.path.parent() {
                File::open(folder)?.sync_all()?;
            }
            Ok(())
        };
        if let Err(error) = write() {
            let _ = fs::remove_file(&hidden);
            return Err(failed(error));
        }
        self.is_kept = true;
        Ok(Kept {
            path: self.path.clone(),
            record,
        })
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.is_kept {
            let _ = fs::remove_file(&self.hidden);
        }
    }
}

fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// What those left who were killed.
fn clean_up(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_part =
            name.starts_with('.') && Path::new(&*name).extension().is_some_and(|it| it == "part");
        let is_old = entry
            .metadata()
            .and_then(|it| it.modified())
            .is_ok_and(|at| at.elapsed().is_ok_and(|age| age > ABANDONED));
        if is_part && is_old {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// The good backups of a folder, oldest first, and what is wrong with the others. Blocking.
pub fn list(folder: &Path) -> (Vec<Kept>, Vec<Problem>) {
    let (mut kept, mut problems) = (Vec::new(), Vec::new());
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return (kept, problems),
        Err(error) => {
            let what = format!("read the backups in {}", folder.display());
            return (kept, vec![*cannot(&what, &error)]);
        }
    };
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.ends_with(ENDING) || name.starts_with('.') {
            continue;
        }
        let size = entry.metadata().map_or(0, |it| it.len());
        match record_of(&path) {
            Some(record) if record.size == size => kept.push(Kept { path, record }),
            found => {
                let why = match found {
                    Some(record) => {
                        format!("it has {size} bytes, and its record says {}", record.size)
                    }
                    None => "there is no record beside it".to_owned(),
                };
                let mut problem = problem(format!("{} is not a good backup", path.display()))
                    .why(why)
                    .next("do not count on it; make another one");
                problem.severity = Severity::Warning;
                problems.push(problem);
            }
        }
    }
    kept.sort_by(|one, two| (one.record.at, &one.path).cmp(&(two.record.at, &two.path)));
    (kept, problems)
}

/// A backup by its file: whole, and what its record says. Blocking.
pub fn kept(path: &Path) -> Result<Kept, Box<Problem>> {
    let refused = |why: String| {
        let problem = problem(format!("{} is not a good backup", path.display()));
        Box::new(problem.why(why).next("see bramble backup list"))
    };
    let record =
        record_of(path).ok_or_else(|| refused("there is no record beside it".to_owned()))?;
    let (size, sum) = sum_of(path)?;
    if (size, &sum) != (record.size, &record.sum) {
        return Err(refused(
            "its size or hash is another than the record beside it says".to_owned(),
        ));
    }
    Ok(Kept {
        path: path.to_owned(),
        record,
    })
}

/// What is on record of a backup.
pub fn record_of(path: &Path) -> Option<Record> {
    serde_json::from_slice(&fs::read(beside(path)).ok()?).ok()
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".json");
    PathBuf::from(name)
}

/// Removes what a policy lets go, and says what; with `is_rehearsal` it only says so. Blocking.
pub fn prune(
    folder: &Path,
    policy: Policy,
    now: Timestamp,
    is_rehearsal: bool,
) -> Result<Vec<Kept>, Box<Problem>> {
    let (kept, _) = list(folder);
    remove(&kept, policy, now, is_rehearsal)
}

/// The same for the backups of one host. Blocking.
pub fn prune_of(
    folder: &Path,
    policy: Policy,
    host: &str,
    now: Timestamp,
) -> Result<Vec<Kept>, Box<Problem>> {
    let (mut kept, _) = list(folder);
    kept.retain(|it| it.record.host == host);
    remove(&kept, policy, now, false)
}

fn remove(
    kept: &[Kept],
    policy: Policy,
    now: Timestamp,
    is_rehearsal: bool,
) -> Result<Vec<Kept>, Box<Problem>> {
    let records: Vec<Record> = kept.iter().map(|it| it.record.clone()).collect();
    let mut gone = Vec::new();
    for index in superfluous(&records, policy, now) {
        let Some(old) = kept.get(index) else { continue };
        if !is_rehearsal {
            // The file first: without its record it would be a backup that is not good.
            for path in [old.path.clone(), beside(&old.path)] {
                fs::remove_file(&path)
                    .map_err(|error| cannot(&format!("remove {}", path.display()), &error))?;
            }
        }
        gone.push(old.clone());
    }
    Ok(gone)
}

/// Size and SHA-256 of a file.
pub(super) fn sum_of(path: &Path) -> Result<(u64, String), Box<Problem>> {
    let sum = || -> io::Result<(u64, String)> {
        let mut file = File::open(path)?;
        let (mut hash, mut size, mut buffer) = (Context::new(&SHA256), 0, vec![0; 1 << 18]);
        loop {
            let count = file.read(&mut buffer)?;
            if count == 0 {
                return Ok((size, seal::hex(hash.finish().as_ref())));
            }
            size += count as u64;
            hash.update(buffer.get(..count).unwrap_or_default());
        }
    };
    sum().map_err(|error| cannot(&format!("read {}", path.display()), &error))
}

/// What the operating system said, in words, with the next step where there is one.
pub(super) fn cannot(what: &str, error: &io::Error) -> Box<Problem> {
    let problem = problem(format!("cannot {what}"));
    Box::new(match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => problem
            .why("the disk is full")
            .next("make room, or name another folder; nothing was kept"),
        ErrorKind::PermissionDenied => problem.why("no permission"),
        ErrorKind::NotFound => problem.why("there is no such file or folder"),
        ErrorKind::AlreadyExists => problem
            .why("there is one by this name already")
            .next("try again a second later"),
        ErrorKind::UnexpectedEof => problem.why("it is cut off").next("use another backup"),
        _ => problem.why(error.to_string()),
    })
}
