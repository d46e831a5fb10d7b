//! What is in a backup: read once from end to end, hashed, and looked at on the way.
//!
//! Invariant: a backup is only called proved when its whole content was read, its hash is the board's, the server's token
//! is in it and not empty, and the datastore in it begins and ends as one does.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::Path;

use ring::digest::{Context, SHA256};
use tar::Archive;

use super::seal::{Key, hex, unsealed};
use super::{problem, store};
use crate::rack::backup::Datastore;
use crate::rack::problem::Problem;

/// The board's own page about itself is a few lines.
const LONGEST_ABOUT: u64 = 64 << 10;
/// How sqlite's files begin, and where the size of a page and their count stand (<https://sqlite.org/fileformat.html>).
const SQLITE: &[u8; 16] = b"SQLite format 3\0";
const HEAD: usize = 100;
/// How bbolt's files, which etcd's are, begin after the head of their first page; and how a zip does, in which k3s may put it.
const BBOLT: [u8; 4] = [0xed, 0xda, 0x0c, 0xed];
const ZIP: &[u8; 4] = b"PK\x03\x04";

/// What was found in a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    about: BTreeMap<String, String>,
    pub datastore: Datastore,
    /// Of the plain text, in bytes.
    pub size: u64,
    /// SHA-256 of the plain text, in hex.
    pub sum: String,
    pub files: usize,
    has_token: bool,
    /// Why the datastore is none.
    fault: Option<String>,
    has_datastore: bool,
}

impl Contents {
    /// What the board wrote about itself; empty when it did not.
    pub fn about(&self, key: &str) -> &str {
        self.about.get(key).map_or("", String::as_str)
    }

    /// Whether it can be restored from.
    pub(super) fn prove(&self, sum: &str) -> Result<(), Box<Problem>> {
        let fault = if self.sum != sum {
            "its hash is not the one the board counted".to_owned()
        } else if !self.has_token {
            "the server's token is not in it".to_owned()
        } else if let Some(fault) = &self.fault {
            fault.clone()
        } else if !self.has_datastore {
            "there is no datastore in it".to_owned()
        } else {
            return Ok(());
        };
        Err(problem("the backup is not whole".to_owned())
            .why(fault)
            .next("make another one; this one is not kept")
            .into())
    }
}

/// Reads a backup to its end; `take` gets every piece of the plain text and says whether to go on. Blocking.
pub(super) fn open(
    file: &Path,
    key: &Key,
    take: impl FnMut(&[u8]) -> bool,
) -> Result<Contents, Box<Problem>> {
    let unsealed = unsealed(file, key)?;
    let mut reader = Counting {
        inner: unsealed,
        hash: Context::new(&SHA256),
        size: 0,
        take,
    };
    let contents = read(&mut reader).map_err(|error| {
        let what = format!("{} cannot be read to its end", file.display());
        let problem = store::cannot("read the backup", &error);
        Box::new(Problem { what, ..*problem })
    })?;
    Ok(Contents {
        size: reader.size,
        sum: hex(reader.hash.finish().as_ref()),
        ..contents
    })
}

fn read<R: Read>(reader: &mut R) -> io::Result<Contents> {
    let mut contents = Contents {
        about: BTreeMap::new(),
        datastore: Datastore::Sqlite,
        size: 0,
        sum: String::new(),
        files: 0,
        has_token: false,
        fault: None,
        has_datastore: false,
    };
    let mut archive = Archive::new(&mut *reader);
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = entry.path()?.display().to_string();
        let kind = entry.header().entry_type();
        if path == "about" {
            let mut text = String::new();
            (&mut entry).take(LONGEST_ABOUT).read_to_string(&mut text)?;
            let lines = text.lines().filter_map(|line| line.split_once('='));
            contents.about = lines
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect();
            continue;
        }
        contents.files += usize::from(!kind.is_dir());
        let server = format!("files{}/server/", contents.about("data"));
        let Some(name) = path.strip_prefix(&server) else {
            continue;
        };
        if name == "token" {
            contents.has_token = kind.is_symlink() || entry.size() > 0;
        } else if name == "db/state.db" {
            contents.has_datastore = true;
            contents.fault = sqlite(&mut entry, contents.about("method"))?;
        } else if name.starts_with("db/snapshots/") && !kind.is_dir() {
            contents.has_datastore = true;
            contents.datastore = Datastore::Etcd;
            contents.fault = snapshot(&mut entry)?;
        }
    }
    // The hash is of everything that was sent, padding too.
    io::copy(reader, &mut io::sink())?;
    Ok(contents)
}

fn sqlite<R: Read>(entry: &mut tar::Entry<'_, R>, method: &str) -> io::Result<Option<String>> {
    let size = entry.size();
    let mut head = [0; HEAD];
    if size < HEAD as u64 {
        return Ok(Some("its state.db is cut off".to_owned()));
    }
    entry.read_exact(&mut head)?;
    if !head.starts_with(SQLITE) {
        return Ok(Some("its state.db is no database of sqlite".to_owned()));
    }
    let page = match u16::from_be_bytes([head[16], head[17]]) {
        1 => 65_536,
        page => u64::from(page),
    };
    let pages = u64::from(u32::from_be_bytes([head[28], head[29], head[30], head[31]]));
    // A copy of files as they lie may have its last pages in the log beside it.
    let is_online = ["sqlite3", "python3"].contains(&method);
    let is_whole = !is_online || page * pages == size;
    Ok((!is_whole)
        .then(|| format!("its state.db has {size} bytes, and says {pages} pages of {page}")))
}

fn snapshot<R: Read>(entry: &mut tar::Entry<'_, R>) -> io::Result<Option<String>> {
    let mut head = [0; 20];
    if entry.size() < head.len() as u64 {
        return Ok(Some("its snapshot of etcd is empty".to_owned()));
    }
    entry.read_exact(&mut head)?;
    let is_one = head.starts_with(ZIP) || head.ends_with(&BBOLT);
    Ok((!is_one).then(|| "its snapshot of etcd is none".to_owned()))
}

/// Hashes and hands on what is read through it.
struct Counting<R, T> {
    inner: R,
    hash: Context,
    size: u64,
    take: T,
}

impl<R: Read, T: FnMut(&[u8]) -> bool> Read for Counting<R, T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        let bytes = buffer.get(..count).unwrap_or_default();
        self.hash.update(bytes);
        self.size += bytes.len() as u64;
        if !bytes.is_empty() && !(self.take)(bytes) {
            return Err(io::Error::other("nobody takes it any more"));
        }
        Ok(count)
    }
}
