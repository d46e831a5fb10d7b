//! k3s' own kubeconfig, fetched from a board as a person does it: on a terminal, through the real sshd and sudo.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use bramble::app::effects::Effects;
use bramble::clients::kubeconfig_files::Places;
use bramble::clients::kubernetes::Target;
use bramble::clients::ssh::Settings;
use bramble::effect::{Effect, RequestId};
use bramble::msg::Msg;
use bramble::rack::kubeconfig_change::{Asked, MergeForm};
use bramble::rack::ssh::Question;
use bramble::rack::ssh::resolved::Here;

use super::bed::{run, willing};
use super::sshd::{PASSWORD, Sshd, is_there, public};
use super::typed::Home;

/// As k3s writes it, for root only.
const K3S: &str = "apiVersion: v1\nclusters:\n- cluster:\n    server: https://127.0.0.1:6443\n  name: default\n\
    contexts:\n- context:\n    cluster: default\n    user: default\n  name: default\ncurrent-context: default\n\
    kind: Config\nusers:\n- name: default\n  user:\n    token: marked-k3s-token\n";
const MERGE: [&str; 4] = ["kubeconfig", "merge", "ssh://board", "--no-check"];

fn place(server: &Sshd) -> PathBuf {
    let folder = server.root().join("etc/rancher/k3s");
    fs::create_dir_all(&folder).unwrap();
    folder.join("k3s.yaml")
}

/// A server with k3s' file, which pi must become root for with a password.
fn server() -> Sshd {
    let server = Sshd::with_root(&[]);
    let file = place(&server);
    fs::write(&file, K3S).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    server
}

fn merged(home: &Home) -> Option<String> {
    fs::read_to_string(home.path().join(".kube/config")).ok()
}

#[test]
fn a_kubeconfig_comes_over_ssh_with_every_question_on_the_terminal() {
    if !is_there() {
        return;
    }
    let server = server();
    let home = Home::new(&server, "").without_key();
    let mut typed = home.start(&MERGE);
    typed.wait_for("is not known yet");
    typed.answer("[y/N] ", "yes\r");
    typed.answer("password of pi on", "wrong\r");
    typed.answer("not accepted; password of pi on", &format!("{PASSWORD}\r"));
    // Two letters too many, taken back.
    typed.answer(
        "sudo password of pi on",
        &format!("{PASSWORD}xx\u{7f}\u{7f}\r"),
    );
    let (code, said) = typed.end();
    assert_eq!(code, 0, "{said}");
    assert!(!said.contains("marked-"), "{said}");
    let text = merged(&home).unwrap();
    assert!(text.contains("server: https://127.0.0.1:6443"), "{text}");
    assert!(text.contains("token: marked-k3s-token"), "{text}");
    let known = fs::read_to_string(home.path().join(".ssh/known_hosts")).unwrap();
    assert!(known.contains(&public("host-ed25519")), "{known}");

    // The key is known now, and the same file changes nothing.
    let mut typed = home.start(&MERGE);
    typed.answer("password of pi on", &format!("{PASSWORD}\r"));
    typed.answer("sudo password of pi on", &format!("{PASSWORD}\r"));
    let (code, said) = typed.end();
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("nothing to change"), "{said}");
}

#[test]
fn who_says_no_or_types_a_wrong_password_writes_nothing() {
    if !is_there() {
        return;
    }
    let server = server();
    let home = Home::new(&server, "");
    let mut typed = home.start(&MERGE);
    typed.answer("[y/N] ", "\r");
    let (code, said) = typed.end();
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("the host key of"), "{said}");

    let home = Home::new(&server, "").knows(&server);
    let mut typed = home.start(&MERGE);
    for _ in 0..3 {
        typed.answer("sudo password of pi on", "marked-wrong\r");
    }
    let (code, said) = typed.end();
    assert_eq!(code, 2, "{said}");
    assert!(
        said.contains("did not accept the password") && !said.contains("marked-"),
        "{said}"
    );

    let mut typed = home.start(&MERGE);
    // ctrl-c in front of a password.
    typed.answer("sudo password of pi on", "mark\u{3}");
    let (code, said) = typed.end();
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("was not given"), "{said}");
    assert_eq!(merged(&home), None);
}

#[test]
fn another_host_key_than_the_known_one_ends_it_unless_the_host_is_typed() {
    if !is_there() {
        return;
    }
    let server = server();
    let home = Home::new(&server, "");
    let line = format!(
        "[127.0.0.1]:{} {}\n",
        server.port,
        public("host-ed25519-other")
    );
    home.write(".ssh/known_hosts", line.as_bytes());
    let mut typed = home.start(&MERGE);
    typed.wait_for("another host key than the one it is known by");
    typed.answer("anything else to refuse: ", "yes\r");
    let (code, said) = typed.end();
    assert_eq!(code, 2, "{said}");
    assert_eq!(merged(&home), None);
    let known = fs::read_to_string(home.path().join(".ssh/known_hosts")).unwrap();
    assert_eq!(known, line, "a yes is not the name of the host");
}

#[test]
fn without_a_terminal_nobody_is_asked_and_it_is_said() {
    if !is_there() {
        return;
    }
    let server = server();
    let home = Home::new(&server, "").knows(&server);
    let output = home.run(&MERGE);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("there is no terminal to answer on"), "{said}");
    assert_eq!(merged(&home), None);

    // Where sudo asks nothing, nothing has to be asked.
    fs::write(
        server.dir.path().join("sudoers"),
        "pi ALL=(ALL) NOPASSWD: ALL\n",
    )
    .unwrap();
    let output = home.run(&MERGE);
    assert!(output.status.success(), "{output:?}");
    assert!(merged(&home).is_some());
}

#[test]
fn an_agent_without_the_file_and_a_line_that_breaks_are_named() {
    if !is_there() {
        return;
    }
    let server = server();
    fs::write(
        server.dir.path().join("sudoers"),
        "pi ALL=(ALL) NOPASSWD: ALL\n",
    )
    .unwrap();
    let home = Home::new(&server, "").knows(&server);
    let file = place(&server);
    fs::remove_file(&file).unwrap();
    let output = home.run(&MERGE);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains("there is no /etc/rancher/k3s/k3s.yaml on board") && said.contains("agent"),
        "{said}"
    );

    // A pipe in place of the file: it is opened for writing when the other side reads it.
    assert!(
        Command::new("mkfifo")
            .arg(&file)
            .status()
            .unwrap()
            .success()
    );
    let typed = home.start(&MERGE);
    let mut pipe = fs::OpenOptions::new().write(true).open(&file).unwrap();
    std::io::Write::write_all(&mut pipe, &K3S.as_bytes()[..K3S.len() / 2]).unwrap();
    server.cut_sessions();
    let (code, said) = typed.end();
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("the connection to board was lost"), "{said}");
    assert_eq!(merged(&home), None);
}

#[test]
fn a_signal_in_front_of_a_password_leaves_the_terminal_as_it_was() {
    if !is_there() {
        return;
    }
    let server = server();
    let home = Home::new(&server, "").knows(&server);
    let mut typed = home.start(&MERGE);
    typed.wait_for("sudo password of pi on");
    let id = typed.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &id])
            .status()
            .unwrap()
            .success()
    );
    let (code, said) = typed.end();
    assert_eq!(code, 130, "{said}");
    assert_eq!(merged(&home), None);
}

#[test]
fn the_cockpit_fetches_it_with_the_questions_as_messages_and_writes_nothing_by_itself() {
    if !is_there() {
        return;
    }
    run(async {
        let server = server();
        let home = Home::new(&server, "");
        let settings = Settings {
            config: Some(home.path().join(".ssh/config")),
            program: None,
            here: Here {
                home: home.path().to_owned(),
                user: "root".to_owned(),
                host: "desk.lan".to_owned(),
            },
            keeps_host_keys: true,
        };
        let kubeconfig = home.path().join("config");
        let target = Target {
            kubeconfig: Some(kubeconfig.clone()),
            ..Target::default()
        };
        let notes = home.path().join("notes");
        let (effects, mut inbox) = Effects::new(Places { target, notes });
        let mut effects = effects.with_ssh(settings);
        effects.run(Effect::PreviewChange {
            request: RequestId(1),
            asked: Asked::Merge(MergeForm {
                source: "ssh://board".to_owned(),
                ..MergeForm::default()
            }),
        });
        let mut asked = Vec::new();
        let preview = loop {
            match inbox.recv().await.unwrap() {
                Msg::SshAsks { request, question } => {
                    effects.run(Effect::AnswerSsh {
                        request,
                        answer: willing(&question),
                    });
                    asked.push(question);
                }
                Msg::ChangePreviewed { result, .. } => break result.unwrap(),
                _ => {}
            }
        };
        assert!(
            matches!(
                asked[..],
                [Question::NewHostKey { .. }, Question::Sudo { .. }]
            ),
            "{asked:?}"
        );
        let names: Vec<&str> = (preview.plan.entries.iter())
            .map(|it| it.name.as_str())
            .collect();
        assert_eq!(names, ["board"; 3]);
        assert_eq!(preview.servers[0].url, "https://127.0.0.1:6443");
        assert!(!kubeconfig.exists());
    });
}
