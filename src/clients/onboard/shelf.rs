//! Our own files of onboarding, in `$XDG_STATE_HOME/bramble/onboard`: for each board a journal, a transcript, a lock.
//!
//! A journal is old or new, never half: written beside, flushed, renamed. The lock is the kernel's and ends with the
//! program, however that ends. All are 0600: there is no secret in them, but what a rack is made of is nobody's business.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::rack::onboard::journal::Journal;
use crate::rack::onboard::warning;
use crate::rack::problem::Problem;

/// A transcript that has become longer than this is begun anew; the one before stays beside it.
const LONGEST: u64 = 4 << 20;

/// The files of all boards.
#[derive(Debug, Clone)]
pub struct Shelf {
    folder: PathBuf,
}

/// The files of one board, held by this program alone.
#[derive(Debug)]
pub struct Files {
    journal: PathBuf,
    transcript: PathBuf,
    /// Held while this is.
    _lock: File,
}

impl Shelf {
    pub fn new(folder: PathBuf) -> Shelf {
        Shelf { folder }
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Takes the files of a board; another bramble that works on it is a problem.
    pub fn open(&self, host: &str) -> Result<Files, Problem> {
        let fault = |error: &io::Error, file: &Path| {
            warning(host, format!("the run of {host} cannot be kept"))
                .why(format!("{}: {error}", file.display()))
                .next("see that the folder can be written")
        };
        let mut builder = std::fs::DirBuilder::new();
        builder
            .recursive(true)
            .mode(0o700)
            .create(&self.folder)
            .map_err(|error| fault(&error, &self.folder))?;
        let name = file_name(host);
        let path = |end: &str| self.folder.join(format!("{name}.{end}"));
        let lock = path("lock");
        let file = private()
            .append(true)
            .create(true)
            .open(&lock)
            .map_err(|error| fault(&error, &lock))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(
                    warning(host, format!("another bramble onboards {host} right now"))
                        .evidence(format!("{} is held", lock.display()))
                        .next("wait until it has ended, or end it"),
                );
            }
            Err(TryLockError::Error(error)) => return Err(fault(&error, &lock)),
        }
        Ok(Files {
            journal: path("json"),
            transcript: path("log"),
            _lock: file,
        })
    }

    /// The journals that are here, by host; one that cannot be read is a problem.
    pub fn journals(&self) -> (Vec<Journal>, Vec<Problem>) {
        let (mut journals, mut problems) = (Vec::new(), Vec::new());
        let entries = std::fs::read_dir(&self.folder)
            .into_iter()
            .flatten()
            .flatten();
        for path in entries
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|it| it == "json"))
        {
            let read = std::fs::read_to_string(&path).map_err(|error| error.to_string());
            match read.and_then(|text| Journal::read(&text)) {
                Ok(journal) => journals.push(journal),
                Err(why) => problems.push(
                    warning(
                        &path.display().to_string(),
                        "a journal of onboarding cannot be read",
                    )
                    .why(format!("{}: {why}", path.display()))
                    .next("remove the file to begin that board anew"),
                ),
            }
        }
        journals.sort_by(|a, b| a.wish.host.cmp(&b.wish.host));
        (journals, problems)
    }
}

impl Files {
    /// What was kept of this board; `None` when nothing was.
    pub fn read(&self) -> Result<Option<Journal>, String> {
        match std::fs::read_to_string(&self.journal) {
            Ok(text) => Journal::read(&text)
                .map(Some)
                .map_err(|why| format!("{}: {why}", self.journal.display())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(format!("{}: {error}", self.journal.display())),
        }
    }

    /// Puts the journal on the disk.
    pub fn keep(&self, journal: &Journal) -> io::Result<()> {
        let new = self.journal.with_extension("json.new");
        let mut file = private()
            .write(true)
            .create(true)
            .truncate(true)
            .open(&new)?;
        file.write_all(journal.text().as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&new, &self.journal)?;
        // The name counts once the folder is on the disk.
        match self.journal.parent() {
            Some(folder) => File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    }

    /// Adds lines to the transcript. What a board printed must have passed the redactor.
    pub fn tell(&self, lines: &[String]) -> io::Result<()> {
        if std::fs::metadata(&self.transcript).is_ok_and(|it| it.len() > LONGEST) {
            std::fs::rename(&self.transcript, self.transcript.with_extension("log.old"))?;
        }
        let mut file = private().append(true).create(true).open(&self.transcript)?;
        let mut text = lines.join("\n");
        text.push('\n');
        file.write_all(text.as_bytes())
    }

    pub fn transcript(&self) -> &Path {
        &self.transcript
    }
}

fn private() -> OpenOptions {
    let mut open = OpenOptions::new();
    open.mode(0o600);
    open
}

/// A host as the name of a file: letters, digits and a few signs as they are, all else as `%` and its bytes.
pub(super) fn file_name(host: &str) -> String {
    let mut name = String::new();
    for byte in host.bytes() {
        if byte.is_ascii_alphanumeric()
            || matches!(byte, b'-' | b'_' | b'@')
            || (byte == b'.' && !name.is_empty())
        {
            name.push(char::from(byte));
        } else {
            let _ = write!(name, "%{byte:02x}");
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rack::onboard::version::Version;
    use crate::rack::onboard::wish::{Role, Wish};

    fn journal(host: &str) -> Journal {
        Journal::new(Wish {
            host: host.to_owned(),
            role: Role::Agent,
            name: None,
            node_ip: None,
            labels: Vec::new(),
            taints: Vec::new(),
            tls_san: Vec::new(),
            server: None,
            url: None,
            version: Version::parse("v1.33.4+k3s1").unwrap(),
            has_images: false,
            may_clean: false,
            may_replace: false,
            may_ignore_warnings: false,
            leaves: false,
        })
    }

    #[test]
    fn a_journal_is_kept_for_the_next_program_and_for_one_at_a_time() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let shelf = Shelf::new(dir.path().join("onboard"));
        let files = shelf.open("pi@10.0.0.5:2222").unwrap();
        assert_eq!(files.read(), Ok(None));
        files.keep(&journal("pi@10.0.0.5:2222")).unwrap();
        files.tell(&["one".to_owned(), "two".to_owned()]).unwrap();
        let held = shelf.open("pi@10.0.0.5:2222").unwrap_err();
        assert!(held.what.contains("another bramble"), "{held:?}");
        for file in [&files.journal, &files.transcript] {
            assert_eq!(
                std::fs::metadata(file).unwrap().permissions().mode() & 0o777,
                0o600
            );
        }
        drop(files);
        let files = shelf.open("pi@10.0.0.5:2222").unwrap();
        assert_eq!(files.read().unwrap().unwrap().wish.host, "pi@10.0.0.5:2222");
        std::fs::write(shelf.folder().join("broken.json"), "{").unwrap();
        let (journals, problems) = shelf.journals();
        assert_eq!((journals.len(), problems.len()), (1, 1));
    }

    #[test]
    fn a_host_cannot_name_a_file_elsewhere() {
        assert_eq!(file_name("../../etc/passwd"), "%2e.%2f..%2fetc%2fpasswd");
        assert_eq!(file_name("pi@rpi-01.lan"), "pi@rpi-01.lan");
        assert!(!file_name("/a\n\u{1b}").contains(['/', '\n', '\u{1b}']));
    }
}
