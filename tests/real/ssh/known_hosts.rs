//! What a host key is worth, line by line: the same file given to OpenSSH and to us.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use bramble::clients::ssh::{Command, Error};
use bramble::rack::ssh::{Answer, Question};

use super::bed::{Bed, destination, openssh, run, unwilling, willing};
use super::sshd::{Sshd, is_there, key, keygen, public};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Known,
    New,
    Changed,
    Revoked,
}
use Verdict::{Changed, Known, New, Revoked};

/// What OpenSSH decides.
fn theirs(bed: &Bed) -> Verdict {
    let output = openssh(bed.dir.path(), "board", &[]);
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    match () {
        () if output.status.success() => Known,
        () if words.contains("REVOKED") || words.contains("revoked") => Revoked,
        () if words.contains("HAS CHANGED") => Changed,
        () if words.contains("Host key verification failed") => New,
        () => panic!("ssh did not come to a verdict: {words}"),
    }
}

async fn ours(bed: &Bed) -> Verdict {
    bed.ssh.retry(&destination("board"));
    let verdict = match bed.run("board", &Command::script("true")).await {
        Ok(_) => Known,
        Err(Error::NewHostKey { .. }) => New,
        Err(Error::HostKeyChanged(_)) => Changed,
        Err(Error::HostKeyRevoked { .. }) => Revoked,
        Err(error) => panic!("{error:?}"),
    };
    bed.ssh.disconnect(&destination("board"));
    verdict
}

/// Fills in `HOST` (the name with port), `PORT`, and `KEY-…`.
fn lines(server: &Sshd, text: &str) -> String {
    let host = format!("[127.0.0.1]:{}", server.port);
    let mut text = text
        .replace("HOST", &host)
        .replace("PORT", &server.port.to_string());
    for name in [
        "host-ed25519-other",
        "host-ed25519",
        "host-ecdsa",
        "host-rsa-other",
        "host-rsa",
        "authority-other",
        "authority",
    ] {
        text = text.replace(&format!("<{name}>"), &public(name));
    }
    text
}

fn hashed(name: &str, key: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("hosts");
    fs::write(&file, format!("{name} {key}\n")).unwrap();
    keygen(&["-q", "-H", "-f", &file.display().to_string()]);
    fs::read_to_string(file).unwrap().trim().to_owned()
}

async fn matrix(server: &Sshd, config: &str, cases: &[(&str, Verdict)]) {
    let bed = Bed::for_boards(&[server], config, unwilling);
    let mut wrong = Vec::new();
    for (text, expected) in cases {
        bed.write_known_hosts(&lines(server, text));
        let (theirs, ours) = (theirs(&bed), ours(&bed).await);
        if theirs != *expected || ours != *expected {
            wrong.push(format!(
                "{text:?}: expected {expected:?}, OpenSSH {theirs:?}, ours {ours:?}"
            ));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn plain_keys_get_the_verdict_openssh_gives() {
    if !is_there() {
        return;
    }
    run(async {
        let server = Sshd::start(&[]);
        let hash = hashed(
            &format!("[127.0.0.1]:{}", server.port),
            &public("host-ed25519"),
        );
        let hash_of_other = hashed(
            &format!("[127.0.0.1]:{}", server.port),
            &public("host-ed25519-other"),
        );
        matrix(
            &server,
            "",
            &[
                ("HOST <host-ed25519>\n", Known),
                ("HOST <host-ed25519>", Known),
                ("HOST <host-ed25519> a comment\r\n", Known),
                ("HOST <host-ed25519>\r\n", Known),
                ("HOST\t<host-ed25519>\n", Known),
                ("  \tHOST  <host-ed25519>\n", Known),
                ("", New),
                ("# HOST <host-ed25519>\n", New),
                ("other,HOST,third <host-ed25519>\n", Known),
                ("other, HOST <host-ed25519>\n", New),
                ("HOST <host-ed25519-other>\n", Changed),
                ("HOST <host-ed25519-other>\nHOST <host-ed25519>\n", Known),
                ("HOST <host-rsa>\n", Changed),
                ("HOST <host-rsa>\nHOST <host-ed25519>\n", Known),
                ("[other]:PORT <host-ed25519>\n", New),
                ("[127.0.0.1]:1 <host-ed25519>\n", New),
                // Known without its port: good enough when nothing is known with it.
                ("127.0.0.1 <host-ed25519>\n", Known),
                ("127.0.0.1 <host-ed25519-other>\n", New),
                (
                    "HOST <host-ed25519-other>\n127.0.0.1 <host-ed25519>\n",
                    Changed,
                ),
                ("@revoked 127.0.0.1 <host-ed25519>\n", Revoked),
                // Patterns.
                ("[*]:* <host-ed25519>\n", Known),
                ("* <host-ed25519>\n", Known),
                ("[127.0.0.?]:PORT <host-ed25519>\n", Known),
                ("[127.0.0.??]:PORT <host-ed25519>\n", New),
                ("[*]:*,!HOST <host-ed25519>\n", New),
                ("!HOST,[*]:* <host-ed25519>\n", New),
                // Excluded with its port, but known without.
                ("*,!HOST <host-ed25519>\n", Known),
                ("!HOST <host-ed25519>\n", New),
                ("!*x,* <host-ed25519>\n", Known),
                // Hashed.
                (&format!("{hash}\n"), Known),
                (&format!("{hash} comment\n"), Known),
                (&format!("{hash_of_other}\n"), Changed),
                (&hash.replace("|1|", "|2|"), New),
                (&hash.replacen('|', "!|", 1), New),
                // What cannot be read is skipped.
                ("HOST ssh-ed25519 AAAA\n", New),
                ("HOST ssh-ed25519\n", New),
                ("HOST\n", New),
                ("HOST ssh-rsa <host-ed25519>\n", New),
                (
                    "HOST nonsense AAAAB3NzaC1yc2EAAAADAQABAAABgQ\nHOST <host-ed25519>\n",
                    Known,
                ),
                ("HOST ssh-ed25519 !!!! x\nHOST <host-ed25519>\n", Known),
                ("@unknown HOST <host-ed25519>\n", New),
                ("@revoked @cert-authority HOST <host-ed25519>\n", New),
                ("\u{0}HOST <host-ed25519>\n", New),
                // Revoked.
                ("@revoked HOST <host-ed25519>\n", Revoked),
                ("@revoked * <host-ed25519>\nHOST <host-ed25519>\n", Revoked),
                (
                    "HOST <host-ed25519>\n@revoked HOST <host-ed25519>\n",
                    Revoked,
                ),
                (
                    "@revoked * <host-ed25519-other>\nHOST <host-ed25519>\n",
                    Known,
                ),
                (
                    "@revoked other <host-ed25519>\nHOST <host-ed25519>\n",
                    Known,
                ),
                ("@REVOKED HOST <host-ed25519>\n", New),
                // An authority is no plain key.
                ("@cert-authority HOST <host-ed25519>\n", New),
                (
                    "@cert-authority HOST <host-ed25519-other>\nHOST <host-ed25519>\n",
                    Known,
                ),
            ],
        )
        .await;
    });
}

#[test]
fn aliases_names_and_their_case_get_the_verdict_openssh_gives() {
    if !is_there() {
        return;
    }
    run(async {
        let server = Sshd::start(&[]);
        matrix(
            &server,
            "Host board\nHostKeyAlias rpi.lan\n",
            &[
                ("rpi.lan <host-ed25519>\n", Known),
                ("RPI.LAN <host-ed25519>\n", Known),
                ("*.lan <host-ed25519>\n", Known),
                ("HOST <host-ed25519>\n", New),
                ("[rpi.lan]:PORT <host-ed25519>\n", New),
                ("rpi.lan <host-rsa>\n", Changed),
                (&hashed("rpi.lan", &public("host-ed25519")), Known),
            ],
        )
        .await;
        // `HostName` in capitals is looked up in small letters.
        matrix(
            &server,
            "Host board\nHostName LOCALHOST\n",
            &[
                ("[localhost]:PORT <host-ed25519>\n", Known),
                ("[LocalHost]:PORT <host-ed25519>\n", Known),
                (
                    &hashed(
                        &format!("[localhost]:{}", server.port),
                        &public("host-ed25519"),
                    ),
                    Known,
                ),
            ],
        )
        .await;
        matrix(
            &server,
            "Host board\nHostKeyAlias RPI.lan\n",
            &[
                ("rpi.lan <host-ed25519>\n", Known),
                (&hashed("rpi.lan", &public("host-ed25519")), Known),
            ],
        )
        .await;
    });
}

#[test]
fn a_host_known_by_one_type_of_key_is_asked_for_that_type() {
    if !is_there() {
        return;
    }
    run(async {
        let server = Sshd::with_host_keys(&[], &["ed25519", "ecdsa", "rsa"]);
        matrix(
            &server,
            "",
            &[
                ("HOST <host-rsa>\n", Known),
                ("HOST <host-ecdsa>\n", Known),
                ("HOST <host-ed25519>\n", Known),
                ("HOST <host-rsa-other>\nHOST <host-ecdsa>\n", Known),
                ("HOST <host-ed25519-other>\n", Changed),
                ("HOST <host-rsa-other>\n", Changed),
                ("@revoked * <host-ed25519>\nHOST <host-rsa>\n", Known),
                ("", New),
            ],
        )
        .await;
    });
}

/// A server whose host key has a certificate made with these options.
fn certified(options: &[&str]) -> (Sshd, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("host");
    for end in ["", ".pub"] {
        let from = PathBuf::from(format!("{}{end}", key("host-ed25519").display()));
        fs::copy(from, PathBuf::from(format!("{}{end}", file.display()))).unwrap();
    }
    let (ca, public) = (
        key("authority").display().to_string(),
        format!("{}.pub", file.display()),
    );
    let mut arguments = vec!["-q", "-s", &ca, "-I", "test"];
    arguments.extend(options);
    arguments.push(&public);
    keygen(&arguments);
    let certificate = format!("HostCertificate {}-cert.pub", file.display());
    let server = Sshd::with_host_key_files(&[&certificate], &[file]);
    (server, dir)
}

#[test]
fn host_certificates_get_the_verdict_openssh_gives() {
    if !is_there() {
        return;
    }
    run(async {
        let (server, _dir) = certified(&["-h", "-n", "127.0.0.1", "-V", "+1h"]);
        matrix(
            &server,
            "",
            &[
                ("@cert-authority * <authority>\n", Known),
                ("@cert-authority HOST <authority>\n", Known),
                ("@cert-authority 127.0.0.1 <authority>\n", Known),
                ("@cert-authority other <authority>\n", New),
                ("@cert-authority * <authority-other>\n", New),
                (
                    "@cert-authority * <authority-other>\nHOST <host-ed25519>\n",
                    Known,
                ),
                (
                    "@cert-authority * <authority>\nHOST <host-ed25519-other>\n",
                    Known,
                ),
                ("HOST <host-ed25519>\n", Known),
                ("HOST <authority>\n", Changed),
                (
                    "@cert-authority * <authority>\n@revoked * <authority>\n",
                    Revoked,
                ),
                (
                    "@cert-authority * <authority>\n@revoked * <host-ed25519>\n",
                    Revoked,
                ),
                ("@revoked * <authority>\nHOST <host-ed25519>\n", Revoked),
            ],
        )
        .await;
        for (options, expected) in [
            (&["-h", "-n", "other", "-V", "+1h"][..], New),
            (&["-h", "-n", "other,127.0.0.1", "-V", "+1h"], Known),
            (&["-h", "-n", "127.0.0.*", "-V", "+1h"], New),
            (&["-h", "-n", "127.0.0.1", "-V", "-2h:-1h"], New),
            (&["-h", "-n", "127.0.0.1", "-V", "+1h:+2h"], New),
        ] {
            let (server, _dir) = certified(options);
            matrix(
                &server,
                "",
                &[("@cert-authority * <authority>\n", expected)],
            )
            .await;
        }
    });
}

#[test]
fn a_new_key_is_asked_about_and_written_as_openssh_reads_it() {
    if !is_there() {
        return;
    }
    run(async {
        let server = Sshd::start(&[]);
        let name = format!("[127.0.0.1]:{}", server.port);
        for before in [
            "",
            "# my hosts",
            &format!("{}\n", hashed("x", &public("host-rsa"))),
        ] {
            let bed = Bed::for_boards(&[&server], "", willing);
            bed.write_known_hosts(before);
            assert_eq!(bed.says("echo in").await, "in\n");
            let questions = bed.questions();
            let [
                Question::NewHostKey {
                    name: asked,
                    key: shown,
                    address,
                    ..
                },
            ] = &questions[..]
            else {
                panic!("{questions:?}");
            };
            assert_eq!((asked, address.as_deref()), (&name, Some("127.0.0.1")));
            let printed = keygen(&[
                "-l",
                "-f",
                &format!("{}.pub", key("host-ed25519").display()),
            ]);
            assert!(printed.contains(&shown.fingerprint()), "{printed}");
            assert_eq!(theirs(&bed), Known, "{}", bed.known_hosts());
            assert_eq!(
                bed.known_hosts().contains("127.0.0.1"),
                !before.starts_with('|')
            );
            assert!(bed.known_hosts().starts_with(before));
            let mode = fs::metadata(bed.known_hosts_file())
                .unwrap()
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    });
}

#[test]
fn without_a_yes_nothing_is_written_and_nobody_is_asked_again() {
    if !is_there() {
        return;
    }
    run(async {
        let server = Sshd::start(&[]);
        let bed = Bed::for_boards(
            &[&server],
            "UserKnownHostsFile DIR/new/deep/known_hosts",
            unwilling,
        );
        for _ in 0..3 {
            let error = bed
                .run("board", &Command::script("true"))
                .await
                .unwrap_err();
            assert!(matches!(error, Error::NewHostKey { .. }), "{error:?}");
        }
        assert_eq!(bed.questions().len(), 1);
        assert!(!bed.dir.path().join("new").exists());
        // `yes` and `accept-new` ask nobody.
        let bed = Bed::for_boards(&[&server], "StrictHostKeyChecking yes", willing);
        bed.write_known_hosts("");
        assert!(matches!(
            bed.run("board", &Command::script("true")).await,
            Err(Error::NewHostKey { .. })
        ));
        let config =
            "StrictHostKeyChecking accept-new\nUserKnownHostsFile DIR/new/deep/known_hosts";
        let bed = Bed::for_boards(&[&server], config, unwilling);
        assert_eq!(bed.says("echo in").await, "in\n");
        assert_eq!(bed.questions(), []);
        let mode = |path: &str| {
            fs::metadata(bed.dir.path().join(path))
                .unwrap()
                .permissions()
                .mode()
                & 0o777
        };
        assert_eq!(
            (mode("new/deep"), mode("new/deep/known_hosts")),
            (0o700, 0o600)
        );
    });
}

#[test]
fn a_reflashed_board_is_refused_until_a_person_accepts_its_new_key() {
    if !is_there() {
        return;
    }
    run(async {
        let server = Sshd::start(&[]);
        for config in ["", "StrictHostKeyChecking no\n"] {
            let bed = Bed::for_boards(&[&server], config, willing);
            let others = "other.lan <host-rsa>\n@revoked * <host-rsa-other>\n";
            let before = lines(
                &server,
                &format!("HOST,rpi <host-ed25519-other> c\nHOST <host-rsa>\n{others}"),
            );
            bed.write_known_hosts(&before);
            let error = bed
                .run("board", &Command::script("true"))
                .await
                .unwrap_err();
            let Error::HostKeyChanged(changed) = error else {
                panic!("{error:?}")
            };
            assert_eq!((changed.old[0].line, changed.old.len()), (1, 2));
            assert_eq!(
                changed.new.to_base64(),
                public("host-ed25519").split(' ').nth(1).unwrap()
            );
            let question = Question::ChangedHostKey {
                host: "board".to_owned(),
                address: Some("127.0.0.1".to_owned()),
                changed: changed.clone(),
            };
            assert_eq!(bed.questions(), [question]);
            assert_eq!(bed.known_hosts(), before, "a no changes nothing");
            // Nobody is asked twice by a background task.
            for _ in 0..3 {
                let again = bed.run("board", &Command::script("true")).await;
                assert_eq!(again.unwrap_err(), Error::HostKeyChanged(changed.clone()));
            }
            assert_eq!(bed.questions(), []);
            bed.answer_with(sure);
            bed.ssh.retry(&destination("board"));
            assert_eq!(bed.says("echo in").await, "in\n");
            assert_eq!(bed.questions().len(), 1);
            assert_eq!(theirs(&bed), Known);
            let after = format!("rpi <host-ed25519-other> c\n{others}HOST <host-ed25519>\n");
            assert_eq!(bed.known_hosts(), lines(&server, &after));
            assert_eq!(
                fs::read_to_string(bed.dir.path().join("known_hosts.old")).unwrap(),
                before
            );
        }
    });
}

/// A person who has reflashed the board.
fn sure(question: &Question) -> Answer {
    match question {
        Question::ChangedHostKey { .. } => Answer::Yes,
        other => willing(other),
    }
}

#[test]
fn a_key_that_can_be_written_nowhere_is_remembered_for_this_run() {
    if !is_there() {
        return;
    }
    run(async {
        let mut server = Sshd::start(&[]);
        let bed = Bed::for_boards(&[&server], "UserKnownHostsFile /dev/null", willing);
        assert_eq!(bed.says("echo in").await, "in\n");
        bed.ssh.disconnect(&destination("board"));
        assert_eq!(bed.says("echo in").await, "in\n");
        assert_eq!(bed.questions().len(), 1);
        // Another key under the same name, in the same run.
        server.stop();
        let other = Sshd::with_host_keys(&[&format!("Port {}", server.port)], &["ed25519-other"]);
        bed.ssh.disconnect(&destination("board"));
        bed.ssh.retry(&destination("board"));
        let error = bed
            .run("board", &Command::script("true"))
            .await
            .unwrap_err();
        assert!(matches!(error, Error::HostKeyChanged(_)), "{error:?}");
        drop(other);
    });
}

#[test]
fn where_nothing_may_be_written_a_yes_counts_for_this_run() {
    if !is_there() {
        return;
    }
    run(async {
        let server = Sshd::start(&[]);
        let before = lines(&server, "HOST <host-ed25519-other>\n");
        for (known, asked) in [("", "new"), (&before, "changed")] {
            let bed = Bed::for_boards(&[&server], "", sure).keeping_nothing();
            bed.write_known_hosts(known);
            for _ in 0..2 {
                assert_eq!(bed.says("echo in").await, "in\n", "{asked}");
                bed.ssh.disconnect(&destination("board"));
            }
            let file = match &bed.questions()[..] {
                [Question::NewHostKey { file, .. }] => file.clone(),
                [Question::ChangedHostKey { changed, .. }] => changed.file.clone(),
                other => panic!("{asked}: {other:?}"),
            };
            assert_eq!(file, None, "{asked}: the form says that nothing is written");
            assert_eq!(bed.known_hosts(), known, "{asked}");
            assert!(!bed.dir.path().join("known_hosts.old").exists());
        }
        // Where nobody need be asked either.
        let config = "StrictHostKeyChecking accept-new\n";
        let bed = Bed::for_boards(&[&server], config, willing).keeping_nothing();
        bed.write_known_hosts("");
        assert_eq!(bed.says("echo in").await, "in\n");
        assert_eq!(bed.known_hosts(), "");
    });
}
