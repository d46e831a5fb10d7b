//! Drafts and the history of applies, in the state directory: what must outlive us.
//!
//! ```text
//! $XDG_STATE_HOME/bramble/drafts/CONTEXT~TARGET.json     the text as it stands, replaced whole
//!                         history/CONTEXT.jsonl          one line for each apply, only ever appended
//! ```
//!
//! Not here: when something is saved. Invariants: files are 0600 in directories of 0700; a draft is the old one or the new
//! one whatever moment we are killed in; a line of the history is whole or is skipped when read; what cannot be read is
//! left where it is.

pub mod keeper;

use std::fmt::Write as _;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::rack::draft::{Applied, Draft, DraftKey};
use crate::rack::problem::{Problem, Severity, Subject};

/// Longer names are cut and told apart by a number made from the whole.
const LONGEST_NAME: usize = 120;
/// Lines of the history that are handed over: the newest.
const NEWEST: usize = 200;

/// The two directories.
#[derive(Debug, Clone)]
pub struct Drafts {
    root: PathBuf,
}

/// What went wrong, with the file.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot {doing} {}: {why}", .file.display())]
    Io {
        doing: &'static str,
        file: PathBuf,
        why: io::Error,
    },
    /// Somebody else wrote it, or a disk lost a part.
    #[error("{} is not a draft that can be read: {why}", .file.display())]
    Unreadable { file: PathBuf, why: String },
}

impl Error {
    /// In words, with the next step.
    pub fn problem(&self) -> Problem {
        let problem = Problem::new(Severity::Warning, Subject::Program, self.to_string());
        match self {
            Error::Io { .. } => problem
                .next("make room or rights there: until then the text is only on this screen"),
            Error::Unreadable { .. } => {
                problem.next("it is left as it is; move it away to get rid of this")
            }
        }
    }
}

impl Drafts {
    /// `state` is the program's state directory; nothing is made before something is saved.
    pub fn new(state: &Path) -> Drafts {
        Drafts {
            root: state.to_owned(),
        }
    }

    /// Puts the draft in place of the one before. Returns when it is on the disk.
    pub fn save(&self, draft: &Draft) -> Result<(), Error> {
        let file = self.draft_file(&draft.key);
        let bytes = serde_json::to_vec(draft).map_err(|error| Error::Unreadable {
            file: file.clone(),
            why: error.to_string(),
        })?;
        replace(&file, &bytes)
    }

    /// The draft of this key, if there is one.
    pub fn load(&self, key: &DraftKey) -> Result<Option<Draft>, Error> {
        let file = self.draft_file(key);
        let text = match std::fs::read(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(why) => {
                let doing = "read";
                return Err(Error::Io { doing, file, why });
            }
        };
        let draft: Draft = serde_json::from_slice(&text).map_err(|error| Error::Unreadable {
            file: file.clone(),
            why: error.to_string(),
        })?;
        if draft.key != *key {
            let why = format!("it belongs to context {:?}", draft.key.context);
            return Err(Error::Unreadable { file, why });
        }
        Ok(Some(draft))
    }

    /// Forgets the draft of this key.
    pub fn remove(&self, key: &DraftKey) -> Result<(), Error> {
        let file = self.draft_file(key);
        match std::fs::remove_file(&file) {
            Err(why) if why.kind() != io::ErrorKind::NotFound => {
                let doing = "remove";
                Err(Error::Io { doing, file, why })
            }
            _ => Ok(()),
        }
    }

    /// Adds a line to the history, with one write. Returns when it is on the disk.
    pub fn append(&self, applied: &Applied) -> Result<(), Error> {
        let file = self.history_file(&applied.key.context);
        let mut line = serde_json::to_vec(applied).map_err(|error| Error::Unreadable {
            file: file.clone(),
            why: error.to_string(),
        })?;
        line.push(b'\n');
        append(&file, line).map_err(|why| Error::Io {
            doing: "write",
            file,
            why,
        })
    }

    /// What was done in this context, newest first, and how many lines cannot be read.
    pub fn history(&self, context: &str) -> Result<(Vec<Applied>, usize), Error> {
        let file = self.history_file(context);
        let bytes = match std::fs::read(&file) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), 0)),
            Err(why) => {
                let doing = "read";
                return Err(Error::Io { doing, file, why });
            }
        };
        let mut broken = 0;
        let mut all = Vec::new();
        let lines = bytes.split(|byte| *byte == b'\n').rev();
        for line in lines.filter(|line| !line.is_empty()).take(NEWEST) {
            match serde_json::from_slice(line) {
                Ok(applied) => all.push(applied),
                Err(_) => broken += 1,
            }
        }
        Ok((all, broken))
    }

    fn draft_file(&self, key: &DraftKey) -> PathBuf {
        let name = format!("{}~{}.json", encoded(&key.context), encoded(&key.target));
        self.root.join("drafts").join(name)
    }

    fn history_file(&self, context: &str) -> PathBuf {
        let name = format!("{}.jsonl", encoded(context));
        self.root.join("history").join(name)
    }
}

/// Writes beside the file, to the disk, and then takes its name.
fn replace(file: &Path, bytes: &[u8]) -> Result<(), Error> {
    let doing = |doing| {
        move |why| Error::Io {
            doing,
            file: file.to_owned(),
            why,
        }
    };
    let folder = file.parent().unwrap_or(file);
    make(folder).map_err(doing("make the folder of"))?;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let beside = folder.join(format!(".{name}.{}", std::process::id()));
    let written = write(&beside, bytes).map_err(doing("write"));
    let renamed = written.and_then(|()| std::fs::rename(&beside, file).map_err(doing("write")));
    if renamed.is_err() {
        let _ = std::fs::remove_file(&beside);
    }
    renamed?;
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(doing("write"))
}

fn write(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut open = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(file)?;
    open.write_all(bytes)?;
    open.sync_all()
}

/// A line that was cut off by a crash is ended first, so that only that one is lost.
fn append(file: &Path, mut line: Vec<u8>) -> io::Result<()> {
    make(file.parent().unwrap_or(file))?;
    let mut options = OpenOptions::new();
    let mut open = options
        .read(true)
        .append(true)
        .create(true)
        .mode(0o600)
        .open(file)?;
    let length = open.seek(SeekFrom::End(0))?;
    if length > 0 {
        let mut last = [0];
        open.seek(SeekFrom::End(-1))?;
        open.read_exact(&mut last)?;
        if last != *b"\n" {
            line.insert(0, b'\n');
        }
    }
    open.write_all(&line)?;
    open.sync_all()
}

fn make(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// A name that is safe as part of a file name: letters, digits, `.`, `-` and `_`, everything else as `%XX`.
fn encoded(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for (at, byte) in name.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => out.push(byte.into()),
            b'.' if at > 0 => out.push('.'),
            _ => _ = write!(out, "%{byte:02X}"),
        }
    }
    if out.len() > LONGEST_NAME {
        let number = fnv(name.as_bytes());
        out.truncate(LONGEST_NAME - 17);
        let _ = write!(out, "~{number:016x}");
    }
    out
}

/// FNV-1a, 64 bits: only tells long names apart.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests;
