//! Marked secrets are looked for wherever they could leak: process lists, files, errors, what prints itself.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bramble::clients::ssh::{Command, Who};
use bramble::rack::secret::Secret;
use bramble::rack::ssh::{Answer, Question};

use super::bed::{Bed, destination, run, willing};
use super::sshd::{PASSPHRASE, PASSWORD, Sshd, is_there, public};

/// Stands in file contents, scripts and wrong passwords.
const TOKEN: &str = "K10marked-token::server:marked-token";
/// Every secret of these tests has it in it.
const MARK: &str = "marked-";

/// Samples the arguments and environments of all processes until it is told to stop.
fn watch_processes(stop: &Arc<AtomicBool>) -> std::thread::JoinHandle<(usize, BTreeSet<String>)> {
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
fn leaks(dir: &Path) -> Vec<String> {
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

#[test]
fn no_secret_is_seen_anywhere() {
    if !is_there() {
        return;
    }
    run(async {
        let server = Sshd::start(&[
            "AuthenticationMethods publickey,password publickey,keyboard-interactive",
        ]);
        let file = server.home().join(".ssh/authorized_keys");
        fs::write(
            &file,
            fs::read_to_string(&file).unwrap() + &public("locked-ed25519") + "\n",
        )
        .unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let watching = watch_processes(&stop);
        let wrong_first = |question: &Question| match question {
            Question::Passphrase { again: false, .. }
            | Question::Password { again: false, .. }
            | Question::Sudo { again: false, .. } => Answer::Secret(Secret::new("marked-wrong")),
            other => willing(other),
        };
        let config = "IdentityFile KEY(locked-ed25519)\nIdentitiesOnly yes";
        let bed = Bed::for_boards(&[&server], config, wrong_first);
        let to = destination("board");
        let script = format!("token={TOKEN}; test -n \"$token\"; sleep 0.5; id -u");
        let output = bed
            .run("board", &Command::script(script.as_str()).as_root())
            .await
            .unwrap();
        assert_eq!(output.text(), "0\n");
        let asked = bed.questions();
        assert!(
            asked
                .iter()
                .any(|it| matches!(it, Question::Passphrase { again: true, .. })),
            "{asked:?}"
        );
        assert!(
            asked
                .iter()
                .any(|it| matches!(it, Question::Password { again: true, .. })),
            "{asked:?}"
        );
        assert!(
            asked
                .iter()
                .any(|it| matches!(it, Question::Sudo { again: true, .. })),
            "{asked:?}"
        );
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.yaml").display().to_string();
        bed.ssh
            .write_file(&to, &path, TOKEN.as_bytes(), 0o600, Who::Root)
            .await
            .unwrap();
        assert_eq!(
            bed.ssh
                .read_file(&to, &path, Who::Root, 100)
                .await
                .unwrap()
                .unwrap(),
            TOKEN.as_bytes()
        );
        let failing = format!("echo {TOKEN} >/dev/null; exit 3");
        let command = Command::script(failing.as_str()).as_root();
        let printed = format!(
            "{command:?} {asked:?} {:?}",
            Answer::Secret(Secret::new(PASSWORD))
        );
        bed.run("board", &command).await.unwrap();
        // Nobody accepts any of these.
        let denied = Bed::for_boards(&[&server], config, |question| match question {
            Question::NewHostKey { .. } => Answer::Yes,
            Question::Passphrase { .. } => Answer::Secret(Secret::new(PASSPHRASE)),
            _ => Answer::Secret(Secret::new("marked-wrong")),
        });
        let error = denied.run("board", &command).await.unwrap_err();
        let problem = error.problem(bramble::rack::problem::Subject::Program);
        stop.store(true, Ordering::Relaxed);
        let (samples, found) = watching.join().unwrap();
        assert!(samples > 20, "{samples} looks are too few to see anything");
        assert_eq!(found, BTreeSet::new());
        for text in [
            printed,
            format!("{error:?} {error}"),
            format!("{problem:?}"),
        ] {
            assert!(!text.contains(MARK), "{text}");
        }
        for dir in [bed.dir.path(), denied.dir.path(), dir.path()] {
            assert_eq!(leaks(dir), Vec::<String>::new());
        }
        // sshd and sudo write what they are told on the command line.
        let log = server.said().join("\n");
        assert!(!log.contains(MARK), "{log}");
    });
}
