//! Marked secrets are looked for wherever they could leak: process lists, files, errors, what prints itself.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bramble::clients::ssh::{Command, Who};
use bramble::rack::secret::Secret;
use bramble::rack::ssh::{Answer, Question};

use super::bed::{Bed, destination, run, willing};
use super::leaks::{MARK, leaks, watch_processes};
use super::sshd::{PASSPHRASE, PASSWORD, Sshd, is_there, public};

/// Stands in file contents, scripts and wrong passwords.
const TOKEN: &str = "K10marked-token::server:marked-token";
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
