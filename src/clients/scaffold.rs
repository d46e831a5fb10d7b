//! Files for building images, in a folder a person has named: read for the plan, written after the yes.
//!
//! Invariant: a file is as it was or as it was shown, never half, and one that changed since the plan is left alone.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use crate::rack::scaffold::{Change, Form, NAMES, Plan, plan};

/// Nobody writes a larger one by hand.
const LONGEST: u64 = 1 << 20;

/// Why a file was not read or written.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {why}")]
pub struct Error {
    path: String,
    why: String,
}

fn error(path: &Path, why: impl Into<String>) -> Error {
    Error {
        path: path.display().to_string(),
        why: why.into(),
    }
}

/// What writing the files of `form` into a folder would change. Waits for the disk.
pub fn read(folder: &str, form: Form) -> Result<Plan, Error> {
    let path = super::in_home(folder);
    let is_folder = fs::metadata(&path)
        .map_err(|it| error(&path, it.to_string()))?
        .is_dir();
    if !is_folder {
        return Err(error(&path, "is no folder; name the folder of a project"));
    }
    let [docker, ci] = NAMES.map(|name| standing(&path.join(name)));
    Ok(plan(folder, form, [docker?, ci?]))
}

fn standing(path: &Path) -> Result<Option<String>, Error> {
    let about = match fs::symlink_metadata(path) {
        Ok(about) => about,
        Err(gone) if gone.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(other) => return Err(error(path, other.to_string())),
    };
    if !about.is_file() {
        let why = "is no plain file; move it away, or work in the folder it leads to";
        return Err(error(path, why));
    }
    if about.size() > LONGEST {
        return Err(error(path, "is too large to be one of these files"));
    }
    let text = fs::read(path).map_err(|it| error(path, it.to_string()))?;
    let text = String::from_utf8(text).map_err(|_| error(path, "is no text"))?;
    Ok(Some(text))
}

/// Writes what was shown. A sentence on success; the error says what was written before it, if anything was.
pub fn write(plan: &Plan) -> Result<String, Error> {
    let folder = super::in_home(&plan.folder);
    let mut done: Vec<&str> = Vec::new();
    // All are looked at before the first is written.
    for change in &plan.changes {
        let path = folder.join(change.name);
        if standing(&path)? != change.old {
            return Err(error(
                &path,
                "was changed since it was shown; nothing was written",
            ));
        }
    }
    for change in &plan.changes {
        let path = folder.join(change.name);
        if let Err(fault) = put(&folder, &path, change) {
            let before = match done.as_slice() {
                [] => "nothing was written".to_owned(),
                done => format!("{} is written already", done.join(", ")),
            };
            return Err(error(&path, format!("{fault}; {before}")));
        }
        done.push(change.name);
    }
    Ok(format!(
        "wrote {} into {}",
        done.join(" and "),
        folder.display()
    ))
}

/// The new text beside the file, then in its place. A file that came in between is not written over.
fn put(folder: &Path, path: &Path, change: &Change) -> io::Result<()> {
    let beside = folder.join(format!(
        ".{}.bramble-{}",
        change.name.trim_start_matches('.'),
        std::process::id()
    ));
    let mode = match &change.old {
        Some(_) => fs::metadata(path)?.permissions().mode() & 0o777,
        None => 0o644,
    };
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&beside)
        .and_then(|mut file| {
            file.write_all(change.new.as_bytes())?;
            file.sync_all()
        });
    let placed = written.and_then(|()| match &change.old {
        Some(_) => fs::rename(&beside, path),
        None => fs::hard_link(&beside, path),
    });
    // After a rename it is gone already.
    let _ = fs::remove_file(&beside);
    placed?;
    fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> (tempfile::TempDir, String) {
        let dir = tempfile::tempdir().unwrap();
        let name = dir.path().display().to_string();
        (dir, name)
    }

    #[test]
    fn new_files_are_written_whole_and_leave_nothing_beside_them() {
        let (dir, name) = folder();
        let plan = read(&name, Form::Today).unwrap();
        let done = write(&plan).unwrap();
        assert!(
            done.starts_with("wrote Dockerfile.arm and .gitlab-ci.yml into"),
            "{done}"
        );
        let mut names: Vec<_> = fs::read_dir(dir.path())
            .unwrap()
            .map(|it| it.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, [".gitlab-ci.yml", "Dockerfile.arm"]);
        assert!(read(&name, Form::Today).unwrap().changes.is_empty());
    }

    #[test]
    fn a_file_that_changed_or_came_since_it_was_shown_is_left_alone() {
        let (dir, name) = folder();
        let file = dir.path().join(".gitlab-ci.yml");
        let plan = read(&name, Form::Classic).unwrap();
        fs::write(&file, "mine: yes\n").unwrap();
        let refused = write(&plan).unwrap_err().to_string();
        assert!(refused.contains("nothing was written"), "{refused}");
        assert_eq!(fs::read_to_string(&file).unwrap(), "mine: yes\n");
        assert!(!dir.path().join("Dockerfile.arm").exists());
        let plan = read(&name, Form::Classic).unwrap();
        assert_eq!(
            plan.summary(),
            "Dockerfile.arm (new), .gitlab-ci.yml (changed)"
        );
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        write(&plan).unwrap();
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o640, "the mode stays");
    }

    #[test]
    fn what_is_no_plain_file_is_not_replaced() {
        let (dir, name) = folder();
        std::os::unix::fs::symlink("/etc/passwd", dir.path().join("Dockerfile.arm")).unwrap();
        let refused = read(&name, Form::Today).unwrap_err().to_string();
        assert!(refused.contains("is no plain file"), "{refused}");
        let nowhere = read(&format!("{name}/none"), Form::Today).unwrap_err();
        assert!(nowhere.to_string().contains("No such file"), "{nowhere}");
    }
}
