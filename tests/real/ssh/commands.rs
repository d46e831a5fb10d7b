//! What runs on a board: scripts, limits, sudo, files, followed output.

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use bramble::clients::ssh::{Command, Error, Exit, Stream, Who, feed};
use bramble::rack::secret::Secret;
use bramble::rack::ssh::{Answer, Question};

use super::bed::{Bed, destination, run, unwilling, willing};
use super::sshd::{PASSWORD, Sshd, is_there};

#[test]
fn a_script_comes_back_with_output_errors_and_exit_code() {
    if !is_there() {
        return;
    }
    run(async {
        let server = Sshd::start(&[]);
        let bed = Bed::for_boards(&[&server], "", unwilling);
        let output = bed
            .run("board", &Command::script("echo out; echo err >&2; exit 3"))
            .await
            .unwrap();
        assert_eq!(
            (output.text().as_str(), output.stderr.as_slice()),
            ("out\n", &b"err\n"[..])
        );
        assert_eq!(
            (output.exit.clone(), output.complaint().as_str()),
            (Exit::Code(3), "err")
        );
        // Longer than any command line, with every kind of quote.
        let long = format!("x='{}'\necho \"${{#x}}\" 'it'\\''s'", "y".repeat(300_000));
        assert_eq!(bed.says(&long).await, "300000 it's\n");
        let killed = bed
            .run("board", &Command::program("kill -TERM $$"))
            .await
            .unwrap();
        assert!(
            matches!(&killed.exit, Exit::Signal(name) if name == "TERM")
                || killed.exit == Exit::Code(143),
            "{killed:?}"
        );
    });
}

#[test]
fn input_and_output_are_bytes_and_have_limits() {
    if !is_there() {
        return;
    }
    run(async {
        let server = Sshd::start(&[]);
        let bed = Bed::for_boards(&[&server], "", unwilling);
        let bytes: Vec<u8> = (0..=255_u8).cycle().take(3_000_000).collect();
        let command = Command::program("cat")
            .stdin(bytes.clone())
            .limit(4_000_000);
        assert_eq!(bed.run("board", &command).await.unwrap().stdout, bytes);
        let output = bed
            .run("board", &Command::program("cat").stdin(bytes).limit(1_000))
            .await
            .unwrap();
        assert_eq!((output.stdout.len(), output.cut), (1_000, 2_999_000));
        // A program that reads nothing ends all the same.
        let output = bed
            .run("board", &Command::program("true").stdin(vec![0; 5_000_000]))
            .await
            .unwrap();
        assert!(output.is_success());
        // What keeps the streams open after the end does not keep us.
        let begun = Instant::now();
        assert_eq!(bed.says("sleep 30 & echo out").await, "out\n");
        assert!(begun.elapsed() < Duration::from_secs(15));
    });
}

#[test]
fn a_deadline_ends_the_command_on_the_board_too() {
    if !is_there() {
        return;
    }
    run(async {
        let server = Sshd::start(&[]);
        let bed = Bed::for_boards(&[&server], "", unwilling);
        let command = Command::script("exec sleep 4711").deadline(Duration::from_secs(1));
        let error = bed.run("board", &command).await.unwrap_err();
        assert!(matches!(error, Error::Deadline { .. }), "{error:?}");
        assert_eq!(
            bed.says("pgrep -fx 'sleep 4711' || echo gone").await,
            "gone\n"
        );
    });
}

#[test]
fn followed_lines_come_as_they_are_said_and_stop_with_the_reader() {
    if !is_there() {
        return;
    }
    run(async {
        let server = Sshd::start(&[]);
        let bed = Bed::for_boards(&[&server], "", unwilling);
        let (tx, mut lines) = feed(100);
        // Says nothing after its first lines: only the end of the channel can end it.
        let command = Command::program("sh -c 'echo one; echo two >&2; exec sleep 4712'");
        let (ssh, to) = (bed.ssh.clone(), destination("board"));
        let following = tokio::spawn(async move { ssh.follow(&to, &command, tx).await });
        let mut seen = Vec::new();
        while seen.len() < 2 {
            seen.extend(lines.next().await.unwrap().lines);
        }
        seen.sort_by_key(|line| line.text.clone());
        assert_eq!(
            (seen[0].text.as_str(), seen[0].stream),
            ("one", Stream::Out)
        );
        assert_eq!(
            (seen[1].text.as_str(), seen[1].stream),
            ("two", Stream::Err)
        );
        // The shell becomes it a moment after its last word.
        let there = "for _ in $(seq 500); do pgrep -fx 'sleep 4712' >/dev/null && echo there && break; done";
        assert_eq!(bed.says(there).await, "there\n");
        drop(lines);
        assert_eq!(following.await.unwrap().unwrap(), None);
        gone(&bed, "sleep 4712").await;

        // One that ends by itself.
        let (tx, mut lines) = feed(100);
        let (to, command) = (
            destination("board"),
            Command::program("sh -c 'echo last; exit 4'"),
        );
        let (exit, batch) = tokio::join!(bed.ssh.follow(&to, &command, tx), lines.next());
        assert_eq!(exit.unwrap(), Some(Exit::Code(4)));
        assert_eq!(batch.unwrap().lines[0].text, "last");
    });
}

/// Waits until a process has ended.
async fn gone(bed: &Bed, line: &str) {
    let end = Instant::now() + Duration::from_secs(20);
    while bed
        .says(&format!("pgrep -fx '{line}' >/dev/null || echo gone"))
        .await
        != "gone\n"
    {
        assert!(Instant::now() < end, "{line} still runs");
    }
}

#[test]
fn a_dropped_follower_ends_its_command_too() {
    if !is_there() {
        return;
    }
    run(async {
        let server = Sshd::start(&[]);
        let bed = Bed::for_boards(&[&server], "", unwilling);
        let (tx, mut lines) = feed(100);
        let command = Command::program("sh -c 'echo one; exec sleep 4713'");
        let (ssh, to) = (bed.ssh.clone(), destination("board"));
        let following = tokio::spawn(async move { ssh.follow(&to, &command, tx).await });
        lines.next().await.unwrap();
        following.abort();
        gone(&bed, "sleep 4713").await;
    });
}

#[test]
fn a_flood_that_nobody_reads_delays_nobody() {
    if !is_there() {
        return;
    }
    run(async {
        let server = Sshd::start(&[]);
        let bed = Bed::for_boards(&[&server], "", unwilling);
        let (tx, mut lines) = feed(1_000);
        let (ssh, to) = (bed.ssh.clone(), destination("board"));
        let following =
            tokio::spawn(async move { ssh.follow(&to, &Command::program("yes"), tx).await });
        // The reader sleeps; others on the same connection are served.
        for _ in 0..3 {
            assert_eq!(bed.says("echo in").await, "in\n");
        }
        let batch = lines.next().await.unwrap();
        assert!(
            batch.lines.len() <= 1_000 && batch.dropped > 1_000,
            "{}",
            batch.dropped
        );
        drop(lines);
        following.await.unwrap().unwrap();
        gone(&bed, "yes").await;
    });
}

#[test]
fn sudo_asks_once_for_a_host_and_again_after_a_wrong_password() {
    if !is_there() {
        return;
    }
    run(async {
        let server = Sshd::start(&[]);
        let wrong_first = |question: &Question| match question {
            Question::Sudo { again: true, .. } => Answer::Secret(Secret::new(PASSWORD)),
            _ => Answer::Secret(Secret::new("wrong")),
        };
        let bed = Bed::for_boards(&[&server], "", wrong_first);
        let script = "id -u; cat; echo end >&2";
        let whole = bed
            .run("board", &Command::script(script).as_root())
            .await
            .unwrap();
        assert_eq!(
            (whole.text().as_str(), whole.stderr.as_slice()),
            ("0\n", &b"end\n"[..])
        );
        let asked = |again| Question::Sudo {
            user: "pi".to_owned(),
            host: "board".to_owned(),
            again,
        };
        assert_eq!(bed.questions(), [asked(false), asked(true)]);
        let command = Command::script("id -u").as_root();
        let both = tokio::join!(bed.run("board", &command), bed.run("board", &command));
        assert_eq!(
            (both.0.unwrap().text(), both.1.unwrap().text()),
            ("0\n".to_owned(), "0\n".to_owned())
        );
        assert_eq!(bed.questions(), []);
        bed.ssh.forget_secrets();
        bed.run("board", &command).await.unwrap();
        assert_eq!(bed.questions(), [asked(false), asked(true)]);
    });
}

#[test]
fn sudo_that_never_accepts_ends_and_names_the_reason() {
    if !is_there() {
        return;
    }
    run(async {
        let server = Sshd::start(&[]);
        let command = Command::script("id -u").as_root();
        let bed = Bed::for_boards(&[&server], "", |_| Answer::Secret(Secret::new("wrong")));
        let error = bed.run("board", &command).await.unwrap_err();
        assert!(matches!(error, Error::WrongPassword { .. }), "{error:?}");
        assert_eq!(bed.questions().len(), 3);
        let bed = Bed::for_boards(&[&server], "", unwilling);
        let error = bed.run("board", &command).await.unwrap_err();
        assert!(matches!(error, Error::Declined { .. }), "{error:?}");
        // Nobody gave pi the right.
        std::fs::write(server.dir.path().join("sudoers"), "root ALL=(ALL) ALL\n").unwrap();
        let bed = Bed::for_boards(&[&server], "", willing);
        let error = bed.run("board", &command).await.unwrap_err();
        assert!(
            matches!(&error, Error::Sudo { why, .. } if why.contains("sudoers")),
            "{error:?}"
        );
    });
}

#[test]
fn sudo_without_a_password_asks_nothing_and_hands_stdin_on() {
    if !is_there() {
        return;
    }
    run(async {
        let server = Sshd::start(&[]);
        std::fs::write(
            server.dir.path().join("sudoers"),
            "pi ALL=(ALL) NOPASSWD: ALL\n",
        )
        .unwrap();
        let bed = Bed::for_boards(&[&server], "", unwilling);
        let output = bed
            .run(
                "board",
                &Command::program("id -u; cat")
                    .as_root()
                    .stdin(b"in".to_vec()),
            )
            .await
            .unwrap();
        assert_eq!(output.text(), "0\nin");
        assert_eq!(bed.questions(), []);
    });
}

#[test]
fn files_of_root_are_read_and_replaced_in_one_step() {
    if !is_there() {
        return;
    }
    run(async {
        let server = Sshd::start(&[]);
        let bed = Bed::for_boards(&[&server], "", willing);
        let to = destination("board");
        let dir = tempfile::tempdir().unwrap();
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let file = dir.path().join("it's a config.yaml");
        let path = file.display().to_string();
        assert_eq!(
            bed.ssh
                .read_file(&to, &path, Who::Root, 1_000)
                .await
                .unwrap(),
            None
        );
        for content in [&b"token: marked\n"[..], b"", &[0, 255, 10, 13, 39]] {
            bed.ssh
                .write_file(&to, &path, content, 0o600, Who::Root)
                .await
                .unwrap();
            let read = bed
                .ssh
                .read_file(&to, &path, Who::Root, 1_000)
                .await
                .unwrap();
            assert_eq!(read.as_deref(), Some(content));
            let mode = std::fs::metadata(&file).unwrap().permissions().mode();
            assert_eq!(mode & 0o7777, 0o600);
        }
        assert_eq!(
            std::fs::read_dir(dir.path()).unwrap().count(),
            1,
            "nothing is left beside it"
        );
        bed.ssh
            .write_file(&to, &path, &[b'x'; 100], 0o600, Who::Root)
            .await
            .unwrap();
        let error = bed
            .ssh
            .read_file(&to, &path, Who::Root, 50)
            .await
            .unwrap_err();
        assert!(error.to_string().contains("longer than 50"), "{error}");
        let error = bed
            .ssh
            .read_file(&to, &path, Who::User, 1_000)
            .await
            .unwrap_err();
        assert!(error.to_string().contains("Permission denied"), "{error}");
        let error = bed
            .ssh
            .write_file(&to, &path, b"x", 0o600, Who::User)
            .await
            .unwrap_err();
        assert!(error.to_string().contains("writing"), "{error}");
        // A full disk leaves the old file.
        let error = bed
            .ssh
            .write_file(&to, "/dev/full/x", b"x", 0o600, Who::Root)
            .await
            .unwrap_err();
        assert!(matches!(error, Error::Failed { .. }), "{error:?}");
        assert_eq!(std::fs::read(&file).unwrap().len(), 100);
    });
}
