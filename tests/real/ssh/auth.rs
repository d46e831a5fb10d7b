//! Every way to prove who we are, against a real sshd with real PAM.

use std::fs;
use std::process::{Child, Command as Process, Stdio};

use bramble::clients::ssh::{Command, Error};
use bramble::rack::secret::Secret;
use bramble::rack::ssh::{Answer, Question};

use super::bed::{Bed, destination, run, unwilling, willing};
use super::sshd::{PASSPHRASE, PASSWORD, Sshd, is_there, key, keygen, public};

/// Lets a further key in.
fn authorize(server: &Sshd, line: &str) {
    let file = server.home().join(".ssh/authorized_keys");
    let mut text = fs::read_to_string(&file).unwrap();
    text.push_str(line);
    text.push('\n');
    fs::write(file, text).unwrap();
}

#[test]
fn plain_keys_of_every_type_log_in() {
    if !is_there() {
        return;
    }
    run(async {
        let server = Sshd::start(&["PasswordAuthentication no"]);
        for name in ["user", "user-ecdsa", "user-rsa"] {
            authorize(&server, &public(name));
            let bed = Bed::for_boards(&[&server], &format!("IdentityFile KEY({name})"), unwilling);
            assert_eq!(bed.says("id -un").await, "pi\n", "{name}");
            assert_eq!(bed.questions(), [], "{name}");
        }
    });
}

#[test]
fn an_encrypted_key_asks_for_its_passphrase_once_for_all_boards() {
    if !is_there() {
        return;
    }
    run(async {
        let (one, two) = (
            Sshd::start(&["PasswordAuthentication no"]),
            Sshd::start(&["PasswordAuthentication no"]),
        );
        for name in ["locked-ed25519", "locked-ecdsa", "locked-rsa"] {
            authorize(&one, &public(name));
            authorize(&two, &public(name));
            let bed = Bed::for_boards(&[&one, &two], &format!("IdentityFile KEY({name})"), willing);
            let script = Command::script("echo in");
            let (first, second) =
                tokio::join!(bed.run("board", &script), bed.run("board-2", &script));
            assert!(first.unwrap().is_success() && second.unwrap().is_success());
            let expected = Question::Passphrase {
                file: key(name).display().to_string(),
                again: false,
            };
            assert_eq!(bed.questions(), [expected], "{name}");
        }
    });
}

#[test]
fn a_wrong_passphrase_is_asked_again_and_then_left() {
    if !is_there() {
        return;
    }
    run(async {
        let server = Sshd::start(&["PasswordAuthentication no"]);
        authorize(&server, &public("locked-ed25519"));
        let wrong_first = |question: &Question| match question {
            Question::Passphrase { again: true, .. } => Answer::Secret(Secret::new(PASSPHRASE)),
            _ => Answer::Secret(Secret::new("wrong")),
        };
        let bed = Bed::for_boards(&[&server], "IdentityFile KEY(locked-ed25519)", wrong_first);
        assert_eq!(bed.says("echo in").await, "in\n");
        assert_eq!(bed.questions().len(), 2);

        let bed = Bed::for_boards(&[&server], "IdentityFile KEY(locked-ed25519)", unwilling);
        let error = bed
            .run("board", &Command::script("echo in"))
            .await
            .unwrap_err();
        let Error::Denied { tried, .. } = &error else {
            panic!("{error:?}")
        };
        assert!(
            tried[0].contains("its passphrase was not given"),
            "{tried:?}"
        );
        // Boards that come later do not ask again, until a person tries again.
        let _ = bed.run("board", &Command::script("echo in")).await;
        assert_eq!(bed.questions().len(), 1);
        bed.ssh.retry(&destination("board"));
        let _ = bed.run("board", &Command::script("echo in")).await;
        assert_eq!(bed.questions().len(), 1);
    });
}

#[test]
fn a_key_the_server_would_not_take_is_not_asked_about() {
    if !is_there() {
        return;
    }
    run(async {
        let server = Sshd::start(&["PasswordAuthentication no"]);
        let bed = Bed::for_boards(
            &[&server],
            "IdentityFile KEY(locked-rsa)\nIdentityFile KEY(user)",
            willing,
        );
        assert_eq!(bed.says("echo in").await, "in\n");
        assert_eq!(bed.questions(), []);
    });
}

#[test]
fn a_password_is_asked_for_and_a_wrong_one_again() {
    if !is_there() {
        return;
    }
    run(async {
        let server = Sshd::start(&["PubkeyAuthentication no"]);
        let wrong_first = |question: &Question| match question {
            Question::Password { again: true, .. } => Answer::Secret(Secret::new(PASSWORD)),
            _ => Answer::Secret(Secret::new("wrong")),
        };
        let bed = Bed::for_boards(&[&server], "", wrong_first);
        assert_eq!(bed.says("id -un").await, "pi\n");
        let asked = |again| Question::Password {
            user: "pi".to_owned(),
            host: "board".to_owned(),
            again,
        };
        assert_eq!(bed.questions(), [asked(false), asked(true)]);
        // A new connection uses the one that was right.
        server.cut_sessions();
        while bed.run("board", &Command::script("true")).await.is_err() {
            bed.ssh.retry(&destination("board"));
        }
        assert_eq!(bed.questions(), []);
    });
}

#[test]
fn wrong_passwords_come_to_an_end() {
    if !is_there() {
        return;
    }
    run(async {
        let server = Sshd::start(&["PubkeyAuthentication no"]);
        let bed = Bed::for_boards(&[&server], "", |_| Answer::Secret(Secret::new("wrong")));
        let error = bed
            .run("board", &Command::script("true"))
            .await
            .unwrap_err();
        assert!(
            matches!(&error, Error::Denied { tried, .. } if tried[0].contains("3 times")),
            "{error:?}"
        );
        assert!(!format!("{error:?} {error}").contains("wrong\""));
        assert_eq!(bed.questions().len(), 3);

        let bed = Bed::for_boards(&[&server], "", unwilling);
        let error = bed
            .run("board", &Command::script("true"))
            .await
            .unwrap_err();
        assert!(
            matches!(&error, Error::Declined { what, .. } if what.contains("password of pi")),
            "{error:?}"
        );
    });
}

#[test]
fn the_servers_own_questions_are_passed_on() {
    if !is_there() {
        return;
    }
    run(async {
        let server = Sshd::start(&[
            "PubkeyAuthentication no",
            "PasswordAuthentication no",
            "KbdInteractiveAuthentication yes",
        ]);
        let bed = Bed::for_boards(&[&server], "", willing);
        assert_eq!(bed.says("id -un").await, "pi\n");
        let questions = bed.questions();
        let [Question::Interactive { prompts, .. }] = &questions[..] else {
            panic!("{questions:?}")
        };
        assert_eq!(prompts[0].text, "Password: ");
        assert!(!prompts[0].echo);
    });
}

#[test]
fn a_server_may_want_a_key_and_a_password() {
    if !is_there() {
        return;
    }
    run(async {
        let server = Sshd::start(&["AuthenticationMethods publickey,password"]);
        let bed = Bed::for_boards(&[&server], "", willing);
        assert_eq!(bed.says("id -un").await, "pi\n");
        assert!(matches!(bed.questions()[..], [Question::Password { .. }]));
    });
}

#[test]
fn user_certificates_log_in() {
    if !is_there() {
        return;
    }
    run(async {
        let authority = key("authority").with_extension("pub");
        let server = Sshd::start(&[
            "PasswordAuthentication no",
            &format!("TrustedUserCAKeys {}", authority.display()),
        ]);
        for name in ["other", "locked-ecdsa", "user-rsa"] {
            let bed = Bed::for_boards(&[&server], "IdentityFile DIR/id", willing);
            let file = bed.dir.path().join("id");
            fs::copy(key(name), &file).unwrap();
            fs::copy(
                key(name).with_extension("pub"),
                bed.dir.path().join("id.pub"),
            )
            .unwrap();
            let error = bed
                .run("board", &Command::script("true"))
                .await
                .unwrap_err();
            assert!(matches!(error, Error::Denied { .. }), "{error:?}");
            let (ca, public) = (
                key("authority").display().to_string(),
                format!("{}.pub", file.display()),
            );
            keygen(&[
                "-q", "-s", &ca, "-I", "test", "-n", "pi", "-V", "+1h", &public,
            ]);
            bed.ssh.retry(&destination("board"));
            assert_eq!(bed.says("id -un").await, "pi\n", "{name}");
        }
    });
}

/// A real ssh-agent with these keys.
struct Agent {
    socket: String,
    child: Child,
}

impl Agent {
    fn start(dir: &std::path::Path, keys: &[&str]) -> Agent {
        let socket = dir.join("agent").display().to_string();
        let child = Process::new("ssh-agent")
            .args(["-D", "-a", &socket])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let end = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while std::os::unix::net::UnixStream::connect(&socket).is_err() {
            assert!(std::time::Instant::now() < end, "no agent");
            std::thread::yield_now();
        }
        let agent = Agent { socket, child };
        for name in keys {
            agent.add(&key(name));
        }
        agent
    }

    fn add(&self, file: &std::path::Path) {
        let added = Process::new("ssh-add")
            .arg(file)
            .env("SSH_AUTH_SOCK", &self.socket)
            .stderr(Stdio::null())
            .status()
            .unwrap();
        assert!(added.success());
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_agent_signs_with_every_type_of_key() {
    if !is_there() {
        return;
    }
    run(async {
        let server = Sshd::start(&["PasswordAuthentication no"]);
        for name in ["user", "user-ecdsa", "user-rsa"] {
            authorize(&server, &public(name));
            let bed = Bed::for_boards(
                &[&server],
                "IdentityAgent DIR/agent\nIdentityFile none",
                unwilling,
            );
            let _agent = Agent::start(bed.dir.path(), &[name]);
            assert_eq!(bed.says("id -un").await, "pi\n", "{name}");
        }
    });
}

#[test]
fn a_configured_key_of_the_agent_goes_before_its_others() {
    if !is_there() {
        return;
    }
    run(async {
        let server = Sshd::start(&["PasswordAuthentication no", "MaxAuthTries 2"]);
        let bed = Bed::for_boards(
            &[&server],
            "IdentityAgent DIR/agent\nIdentityFile KEY(user)",
            unwilling,
        );
        let _agent = Agent::start(bed.dir.path(), &["other", "user-ecdsa", "user-rsa", "user"]);
        assert_eq!(bed.says("id -un").await, "pi\n");

        let bed = Bed::for_boards(
            &[&server],
            "IdentityAgent DIR/agent\nIdentityFile none",
            unwilling,
        );
        let _agent = Agent::start(bed.dir.path(), &["other", "user-ecdsa", "user-rsa", "user"]);
        let error = bed
            .run("board", &Command::script("true"))
            .await
            .unwrap_err();
        let problem = error.problem(bramble::rack::problem::Subject::Program);
        assert!(problem.next.contains("IdentitiesOnly"), "{problem:?}");
    });
}

#[test]
fn identities_only_leaves_the_agents_others_alone() {
    if !is_there() {
        return;
    }
    run(async {
        let server = Sshd::start(&["PasswordAuthentication no"]);
        let config = "IdentityAgent DIR/agent\nIdentitiesOnly yes\nIdentityFile KEY(other)";
        let bed = Bed::for_boards(&[&server], config, unwilling);
        let _agent = Agent::start(bed.dir.path(), &["user"]);
        let error = bed
            .run("board", &Command::script("true"))
            .await
            .unwrap_err();
        assert!(
            matches!(&error, Error::Denied { tried, .. } if tried.len() == 1),
            "{error:?}"
        );
    });
}

#[test]
fn a_certificate_on_disk_is_signed_for_by_the_key_in_the_agent() {
    if !is_there() {
        return;
    }
    run(async {
        let authority = key("authority").with_extension("pub");
        let server = Sshd::start(&[
            "PasswordAuthentication no",
            &format!("TrustedUserCAKeys {}", authority.display()),
        ]);
        let config = "IdentityAgent DIR/agent\nIdentityFile DIR/id";
        let bed = Bed::for_boards(&[&server], config, unwilling);
        // Only the public half is on disk.
        let public = bed.dir.path().join("id.pub");
        fs::copy(key("other").with_extension("pub"), &public).unwrap();
        let ca = key("authority").display().to_string();
        keygen(&[
            "-q",
            "-s",
            &ca,
            "-I",
            "t",
            "-n",
            "pi",
            "-V",
            "+1h",
            &public.display().to_string(),
        ]);
        let _agent = Agent::start(bed.dir.path(), &["other"]);
        assert_eq!(bed.says("id -un").await, "pi\n");
    });
}

#[test]
fn an_agent_that_is_gone_or_dumb_costs_only_its_keys() {
    if !is_there() {
        return;
    }
    run(async {
        let server = Sshd::start(&["PasswordAuthentication no"]);
        let bed = Bed::for_boards(
            &[&server],
            "IdentityAgent DIR/nothing\nIdentityFile KEY(user)",
            unwilling,
        );
        assert_eq!(bed.says("echo in").await, "in\n");
        let bed = Bed::for_boards(
            &[&server],
            "IdentityAgent DIR/agent\nIdentityFile KEY(other)",
            unwilling,
        );
        let listener =
            std::os::unix::net::UnixListener::bind(bed.dir.path().join("agent")).unwrap();
        std::thread::spawn(move || drop(listener.accept()));
        let error = bed
            .run("board", &Command::script("true"))
            .await
            .unwrap_err();
        assert!(
            matches!(&error, Error::Denied { tried, .. } if tried[0].contains("agent")),
            "{error:?}"
        );
    });
}

#[test]
fn a_key_that_others_may_read_is_refused_as_by_openssh() {
    if !is_there() {
        return;
    }
    run(async {
        use std::os::unix::fs::PermissionsExt;
        let server = Sshd::start(&["PasswordAuthentication no"]);
        let bed = Bed::for_boards(&[&server], "IdentityFile DIR/id", unwilling);
        fs::copy(key("user"), bed.dir.path().join("id")).unwrap();
        fs::set_permissions(bed.dir.path().join("id"), fs::Permissions::from_mode(0o644)).unwrap();
        let error = bed
            .run("board", &Command::script("true"))
            .await
            .unwrap_err();
        assert!(
            matches!(&error, Error::Denied { tried, .. } if tried[0].contains("chmod 600")),
            "{error:?}"
        );
        assert!(
            !super::bed::openssh(bed.dir.path(), "board", &[])
                .status
                .success()
        );
    });
}
