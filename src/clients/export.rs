//! Text that a person saves: a new file of their own, never over another.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;

/// Why a file was not written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {path}: {why}")]
pub struct Error {
    path: String,
    why: String,
}

/// Writes `bytes` to a new file that only its owner can read; `~/` is the home directory. A sentence on success. Waits
/// for the disk.
pub fn write_new(file: &str, bytes: &[u8]) -> Result<String, Error> {
    let path = super::in_home(file);
    let failed = |error: &io::Error| Error {
        path: path.display().to_string(),
        why: match error.kind() {
            io::ErrorKind::AlreadyExists => "there is such a file already; name another".to_owned(),
            io::ErrorKind::NotFound => "there is no such folder".to_owned(),
            _ => error.to_string(),
        },
    };
    let opened = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path);
    let mut out = opened.map_err(|error| failed(&error))?;
    if let Err(error) = out.write_all(bytes).and_then(|()| out.sync_all()) {
        // Half a file looks like a whole one.
        let _ = std::fs::remove_file(&path);
        return Err(failed(&error));
    }
    let lines = bytes.split_inclusive(|byte| *byte == b'\n').count();
    Ok(format!("saved {lines} lines to {}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_new_file_is_its_owners_alone_and_none_is_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        let file = path.display().to_string();
        let done = write_new(&file, b"one\ntwo\n").unwrap();
        assert!(done.starts_with("saved 2 lines to "), "{done}");
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let error = write_new(&file, b"other").unwrap_err().to_string();
        assert!(error.contains("already"), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), b"one\ntwo\n");
        let nowhere = folder.path().join("no/such.log").display().to_string();
        let error = write_new(&nowhere, b"x").unwrap_err().to_string();
        assert!(error.contains("no such folder"), "{error}");
    }
}
