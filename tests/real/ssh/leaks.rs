//! Where a secret can be seen by others: process lists, environments, files that are not the owner's alone.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Every secret of these tests has it in it.
pub(crate) const MARK: &str = "marked-";

/// Samples the arguments and environments of all processes until it is told to stop.
pub(crate) fn watch_processes(
    stop: &Arc<AtomicBool>,
) -> std::thread::JoinHandle<(usize, BTreeSet<String>)> {
    let stop = Arc::clone(stop);
    std::thread::spawn(move || {
        let (mut samples, mut found) = (0, BTreeSet::new());
        while !stop.load(Ordering::Relaxed) {
            for entry in fs::read_dir("/proc").unwrap().flatten() {
                if !entry
                    .file_name()
                    .to_string_lossy()
                    .starts_with(|c: char| c.is_ascii_digit())
                {
                    continue;
                }
                for what in ["cmdline", "environ"] {
                    let Ok(bytes) = fs::read(entry.path().join(what)) else {
                        continue;
                    };
                    let text = String::from_utf8_lossy(&bytes).replace('\0', " ");
                    // The hash of pi's password is made by a command that has to be told the password.
                    if text.contains(MARK) && !text.starts_with("perl -e print crypt") {
                        found.insert(format!("{what}: {text}"));
                    }
                }
            }
            samples += 1;
        }
        (samples, found)
    })
}

/// Files below `dir` that hold a mark and may be read by others.
pub(crate) fn leaks(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut todo = vec![dir.to_owned()];
    while let Some(path) = todo.pop() {
        let meta = fs::symlink_metadata(&path).unwrap();
        if meta.is_dir() {
            todo.extend(
                fs::read_dir(&path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        } else if meta.is_file() {
            let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
            if text.contains(MARK) && meta.permissions().mode() & 0o077 != 0 {
                found.push(path.display().to_string());
            }
        }
    }
    found
}
