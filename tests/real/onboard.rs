//! `bramble onboard` against real sshds whose roots look like Raspberry Pis, with a stand-in for k3s that registers real
//! Nodes at a real kube-apiserver.
//!
//! What is real: sshd, sudo, the shells, the API server, TLS, the program itself. What stands in: systemd, the firmware,
//! k3s and its installer (scripts beside this page). Skipped aloud without root, OpenSSH or the control plane; with
//! `CI=true` that is a failure.

mod board;
mod keys;
mod releases;
mod supervisor;
mod watch;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use crate::bed::Bed;
use crate::boards;
use crate::place::{Plane, Who, on_real};
use crate::ssh::sshd::{is_there, key, public};
use board::{Board, LINE};
use releases::Releases;
use supervisor::Supervisor;

const VERSION: &str = "v1.33.4+k3s1";
const NEWER: &str = "v1.34.1+k3s1";

/// The desk: a home with ssh's files, the stand-in binaries, the supervisor of the cluster.
struct Desk {
    bed: Bed,
    home: TempDir,
    supervisor: Supervisor,
}

/// What a run of the program said.
struct Said {
    code: i32,
    out: String,
    err: String,
}

impl Said {
    /// The summary of a board.
    fn of(&self, host: &str) -> Value {
        let all: Value = serde_json::from_str(&self.out)
            .unwrap_or_else(|error| panic!("{error}: {} {}", self.out, self.err));
        let all = all.as_array().unwrap();
        all.iter()
            .find(|it| it["host"] == host)
            .cloned()
            .unwrap_or_else(|| panic!("{host}: {all:?}"))
    }

    fn result(&self, host: &str) -> String {
        self.of(host)["result"].as_str().unwrap().to_owned()
    }
}

/// The steps of a board that changed something.
fn changed(summary: &Value) -> Vec<String> {
    let steps = summary["steps"].as_array().unwrap().iter();
    steps
        .filter(|it| it["changed"] == true)
        .map(|it| it["step"].as_str().unwrap().to_owned())
        .collect()
}

fn ask<F: Future<Output = ()>>(question: impl FnOnce(Desk) -> F) {
    if !is_there() {
        return;
    }
    on_real(Plane::Shared, |bed| async {
        question(Desk::new(bed).await).await;
    });
}

fn k3s(version: &str) -> String {
    include_str!("onboard/k3s.sh").replace("@VERSION@", version)
}

impl Desk {
    async fn new(bed: Bed) -> Desk {
        let home = TempDir::new().unwrap();
        let token = fs::read_to_string(bed.kubeconfig(Who::Token)).unwrap();
        let supervisor = Supervisor::start(bed.hand(), &token).await;
        for (name, text) in [
            ("k3s", k3s(VERSION)),
            ("k3s-newer", k3s(NEWER)),
            ("install.sh", include_str!("onboard/install.sh").to_owned()),
        ] {
            fs::write(home.path().join(name), text).unwrap();
        }
        // The person's ssh, with the files of this desk.
        let wrapper = format!(
            "#!/bin/sh\nexec /usr/bin/ssh -F {}/ssh_config \"$@\"\n",
            home.path().display()
        );
        fs::create_dir(home.path().join("bin")).unwrap();
        fs::write(home.path().join("bin/ssh"), wrapper).unwrap();
        fs::set_permissions(
            home.path().join("bin/ssh"),
            fs::Permissions::from_mode(0o755),
        )
        .unwrap();
        Desk {
            bed,
            home,
            supervisor,
        }
    }

    /// A blank board under a name no other test uses.
    fn board(&self) -> Board {
        let board = Board::blank(&boards::new_name());
        self.prepare(&board);
        board
    }

    fn prepare(&self, board: &Board) {
        board.tell("url", &self.supervisor.url);
        board.tell("server-ca.crt", &self.supervisor.ca);
        let admin = fs::read_to_string(self.bed.kubeconfig(Who::Admin)).unwrap();
        board.tell("k3s.yaml", &admin);
    }

    /// A board whose k3s runs already, so that others can join.
    fn server(&self) -> Board {
        let board = self.board().with_controllers();
        board.write("usr-local/bin/k3s", &k3s(VERSION));
        fs::set_permissions(
            board.path("usr-local/bin/k3s"),
            fs::Permissions::from_mode(0o755),
        )
        .unwrap();
        board.write(
            "etc/rancher/k3s/config.yaml",
            &format!("node-name: \"{}\"\n", board.name),
        );
        board.write(
            "etc/systemd/system/k3s.service",
            "[Service]\nExecStart=/usr/local/bin/k3s server\n",
        );
        let data = board.path("var-lib/rancher/k3s/server");
        for (file, text) in [
            ("tls/server-ca.crt", self.supervisor.ca.clone()),
            ("db/state.db", String::new()),
            ("up", String::new()),
        ] {
            fs::create_dir_all(data.join(file).parent().unwrap()).unwrap();
            fs::write(data.join(file), text).unwrap();
        }
        let hash = sha256(self.supervisor.ca.as_bytes());
        fs::write(
            data.join("token"),
            format!("K10{hash}::server:marked-server-token\n"),
        )
        .unwrap();
        fs::copy(data.join("token"), data.join("node-token")).unwrap();
        board.write(
            "etc/rancher/k3s/k3s.yaml",
            &fs::read_to_string(self.bed.kubeconfig(Who::Admin)).unwrap(),
        );
        // systemd would say that it is active.
        board.tell("units/ready", "");
        board.tell("units/k3s.always", "");
        self.supervisor.belongs_to(data);
        board
    }

    /// Makes ssh know these boards by their names.
    fn introduce(&self, boards: &[&Board]) {
        let home = self.home.path().display();
        let mut config = format!(
            "Host *\n UserKnownHostsFile {home}/known_hosts\n GlobalKnownHostsFile none\n IdentityAgent none\n IdentityFile {}\n IdentitiesOnly yes\n User pi\n",
            key("user").display()
        );
        let mut known = String::new();
        for board in boards {
            let (name, port) = (&board.name, board.port);
            let _ = writeln!(config, "Host {name}\n HostName 127.0.0.1\n Port {port}");
            let _ = writeln!(known, "[127.0.0.1]:{port} {}", public("host-ed25519"));
        }
        fs::write(self.home.path().join("ssh_config"), config).unwrap();
        fs::write(self.home.path().join("known_hosts"), known).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let home = self.home.path();
        let mut command = Command::new(env!("CARGO_BIN_EXE_bramble"));
        command
            .arg("onboard")
            .args(arguments)
            .env_clear()
            .env("HOME", home)
            .env("USER", "pi")
            .env("PATH", format!("{}/bin:/usr/bin:/bin", home.display()))
            .env("XDG_CONFIG_HOME", home.join("config"))
            .env("XDG_STATE_HOME", home.join("state"))
            .env("XDG_CACHE_HOME", home.join("cache"))
            .env("KUBECONFIG", home.join("kubeconfig"))
            .stdin(Stdio::null());
        command
    }

    async fn run(&self, arguments: &[&str]) -> Said {
        let output =
            tokio::time::timeout(Duration::from_secs(180), self.command(arguments).output()).await;
        let output = output.expect("bramble onboard ends").unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Said {
            code: output.status.code().unwrap_or(-1),
            out: text(&output.stdout),
            err: text(&output.stderr),
        }
    }

    /// The usual words: this version, the stand-ins, JSON, yes.
    fn words<'a>(&'a self, extra: &[&'a str], files: &'a [String]) -> Vec<&'a str> {
        let mut words = vec![
            "--url",
            &self.supervisor.url,
            "--version",
            VERSION,
            "-o",
            "json",
            "--yes",
        ];
        words.extend(files.iter().map(String::as_str));
        words.extend(extra);
        words
    }

    fn files(&self) -> Vec<String> {
        let path = |name: &str| self.home.path().join(name).display().to_string();
        vec![
            "--binary".to_owned(),
            path("k3s"),
            "--installer".to_owned(),
            path("install.sh"),
        ]
    }

    async fn onboard(&self, extra: &[&str]) -> Said {
        let files = self.files();
        self.run(&self.words(extra, &files)).await
    }

    /// Every file below the home of the desk, with its text.
    fn everything(&self) -> BTreeMap<PathBuf, String> {
        let mut found = BTreeMap::new();
        let mut todo = vec![self.home.path().to_owned()];
        while let Some(path) = todo.pop() {
            if path.is_dir() {
                todo.extend(fs::read_dir(&path).unwrap().map(|it| it.unwrap().path()));
            } else {
                found.insert(
                    path.clone(),
                    String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned(),
                );
            }
        }
        found
    }

    async fn is_ready(&self, node: &str) -> bool {
        let node = self.bed.node(node).await;
        let conditions = node["status"]["conditions"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        conditions
            .iter()
            .any(|it| it["type"] == "Ready" && it["status"] == "True")
    }
}

fn sha256(bytes: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    let mut text = String::new();
    for byte in digest.as_ref() {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// What every board must be like after it has joined, however often the way there was cut off.
fn is_as_it_should_be(board: &Board, unit: &str) {
    assert_eq!(
        board.read("boot/firmware/cmdline.txt"),
        format!("{LINE} cgroup_memory=1 cgroup_enable=memory\n"),
        "{}",
        board.name
    );
    let boot = board.list("boot/firmware");
    assert_eq!(boot.len(), 2, "the line and one copy of it: {boot:?}");
    assert_eq!(board.count("boot"), 1, "rebooted once: {:?}", board.log());
    assert!(board.has_controllers());
    let config = board.path("etc/rancher/k3s/config.yaml");
    assert_eq!(
        fs::metadata(&config).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(
        board
            .list("etc/rancher/k3s")
            .iter()
            .filter(|name| name.contains(".bak-"))
            .count(),
        0
    );
    assert!(
        board
            .path(&format!("etc/systemd/system/{unit}.service"))
            .exists()
    );
    assert_eq!(board.read("usr-local/bin/k3s"), k3s(VERSION));
    for left in [
        "usr-local/bin/k3s.bramble-push",
        "var-lib/rancher/.bramble-install.sh",
        "etc/rancher/k3s/config.yaml.bramble-new",
    ] {
        assert!(!board.path(left).exists(), "{left}");
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "the whole way of a cluster")]
fn a_blank_board_becomes_the_first_server_and_others_join_it() {
    ask(|desk| async move {
        let (server, one, two) = (desk.board(), desk.board(), desk.board());
        desk.introduce(&[&server, &one, &two]);
        desk.supervisor
            .belongs_to(server.path("var-lib/rancher/k3s/server"));
        let hosts = [&*server.name, &*one.name, &*two.name];
        let [s, a, b] = hosts;
        let said = desk
            .onboard(&[s, a, b, "--server", s, "--label", "tray=4"])
            .await;
        assert_eq!(said.code, 0, "{} {}", said.out, said.err);
        for (board, unit) in [(&server, "k3s"), (&one, "k3s-agent"), (&two, "k3s-agent")] {
            assert_eq!(said.result(&board.name), "joined");
            is_as_it_should_be(board, unit);
            assert!(desk.is_ready(&board.name).await);
            let expected = [
                "edit cmdline.txt",
                "reboot",
                "push k3s",
                "write config.yaml",
                "install",
                "start",
                "join",
            ];
            assert_eq!(changed(&said.of(&board.name)), expected);
            assert_eq!(board.count("install"), 1);
        }
        let config = one.read("etc/rancher/k3s/config.yaml");
        assert!(
            config.contains("tray=4")
                && config.contains("token: \"K10")
                && config.contains(&desk.supervisor.url),
            "{config}"
        );
        assert!(!server.read("etc/rancher/k3s/config.yaml").contains("token"));
        assert!(
            !one.read("usr-local/share/board/installer-env")
                .contains("K3S_TOKEN")
        );

        // The new cluster is in our kubeconfig; no token is anywhere on this side.
        let kubeconfig = fs::read_to_string(desk.home.path().join("kubeconfig")).unwrap();
        assert!(
            kubeconfig.contains("current-context") || kubeconfig.contains("contexts:"),
            "{kubeconfig}"
        );
        let tokens: Vec<String> = (server
            .read("var-lib/rancher/k3s/server/tokens")
            .lines()
            .map(str::to_owned))
        .chain(
            server
                .read("var-lib/rancher/k3s/server/token")
                .trim()
                .rsplit("::")
                .next()
                .map(str::to_owned),
        )
        .collect();
        assert_eq!(
            tokens.len(),
            2,
            "one short-lived token for both agents: {tokens:?}"
        );
        for (path, text) in desk.everything() {
            for token in &tokens {
                assert!(
                    !text.contains(token.as_str()),
                    "{} holds a token",
                    path.display()
                );
            }
        }
        assert!(
            tokens
                .iter()
                .all(|token| !said.out.contains(token.as_str())
                    && !said.err.contains(token.as_str()))
        );
        let transcript = said.of(a)["transcript"].as_str().unwrap().to_owned();
        let text = fs::read_to_string(transcript).unwrap();
        assert!(
            text.contains("[INFO]  systemd: Creating service file")
                && text.contains("joined after"),
            "{text}"
        );

        // Again: nothing is left to do.
        let before = one.log();
        let said = desk
            .onboard(&[s, a, b, "--server", s, "--label", "tray=4"])
            .await;
        assert_eq!(said.code, 0, "{} {}", said.out, said.err);
        assert_eq!(changed(&said.of(a)), ["join"]);
        assert_eq!(one.log(), before);

        // A newer version: the binary is replaced, the unit restarted, the node stays the same.
        let files = desk.files();
        let newer = desk.home.path().join("k3s-newer").display().to_string();
        let words = [
            a,
            "--server",
            s,
            "--url",
            &desk.supervisor.url,
            "--version",
            NEWER,
            "-o",
            "json",
            "--yes",
            "--binary",
            &newer,
            &files[2],
            &files[3],
        ];
        let said = desk.run(&words).await;
        assert_eq!(
            said.result(a),
            "blocked",
            "an agent may not be newer than its server"
        );
        let mut words = words.to_vec();
        words[0] = s;
        let said = desk.run(&words).await;
        assert_eq!(said.code, 0, "{} {}", said.out, said.err);
        assert_eq!(
            changed(&said.of(s)),
            ["push k3s", "drain", "install", "start", "join", "uncordon"],
            "its pods have other boards to go to"
        );
        assert_eq!(server.read("usr-local/bin/k3s"), k3s(NEWER));
        words[0] = a;
        assert_eq!(desk.run(&words).await.code, 0);
        let node = desk.bed.node(a).await;
        assert_eq!(node["status"]["nodeInfo"]["kubeletVersion"], NEWER);
    });
}

#[test]
fn many_boards_take_one_download() {
    ask(|desk| async move {
        let server = desk.server();
        let boards: Vec<Board> = (0..4).map(|_| desk.board().with_controllers()).collect();
        let mut all: Vec<&Board> = boards.iter().collect();
        all.push(&server);
        desk.introduce(&all);
        let releases =
            Releases::start(VERSION, &k3s(VERSION), include_str!("onboard/install.sh")).await;
        let mut plan = format!(
            "server: {}\nurl: {}\nchannel: stable\nsources:\n  channels: {base}/channels\n  releases: {base}/releases\n  installer: {base}/install.sh\nboards:\n",
            server.name,
            desk.supervisor.url,
            base = releases.url
        );
        for board in &boards {
            let (name, port) = (&board.name, board.port);
            let _ = writeln!(plan, "- host: {name}\n  labels: [\"tray={port}\"]");
        }
        let file = desk.home.path().join("plan.yaml");
        fs::write(&file, plan).unwrap();
        let file = file.display().to_string();

        let said = desk.run(&["--config", &file, "-o", "json"]).await;
        assert_eq!(said.code, 5, "nobody has said yes: {}", said.err);
        assert!(boards.iter().all(|board| board.log().is_empty()
            && board.list("usr-local/bin").iter().all(|name| name != "k3s")));
        assert_eq!(releases.count("k3s-arm64"), 0);

        let said = desk.run(&["--config", &file, "--yes", "-o", "json"]).await;
        assert_eq!(said.code, 0, "{} {}", said.out, said.err);
        assert_eq!(releases.count("k3s-arm64"), 1, "{:?}", releases.asked());
        for board in &boards {
            assert_eq!(said.result(&board.name), "joined");
            assert!(desk.is_ready(&board.name).await);
            assert!(
                board
                    .read("etc/rancher/k3s/config.yaml")
                    .contains(&format!("tray={}", board.port))
            );
        }
        // What lay in the cache and is not what the release says is fetched anew; what comes broken is refused.
        releases.spoil();
        let another = desk.board().with_controllers();
        desk.introduce(&[&another, &server]);
        let cached = desk
            .home
            .path()
            .join("cache/bramble/k3s")
            .join(VERSION)
            .join("k3s-arm64");
        fs::write(&cached, "#!/bin/sh\necho tampered\n").unwrap();
        let plan = fs::read_to_string(&file).unwrap();
        fs::write(&file, plan.split("boards:").next().unwrap()).unwrap();
        let said = desk
            .run(&["--config", &file, "--yes", "-o", "json", &another.name])
            .await;
        assert_eq!(said.result(&another.name), "failed", "{}", said.err);
        assert!(said.err.contains("SHA-256"), "{}", said.err);
        assert!(!another.path("usr-local/bin/k3s").exists());
    });
}

#[test]
fn what_speaks_against_a_board_is_found_before_anything_is_done() {
    type Fault = fn(&Board);
    ask(|desk| async move {
        let server = desk.server();
        let faults: [(&str, Fault); 8] = [
            ("cannot be the name of a node", |board| {
                board.tell("hostname", "rpi_04\n");
            }),
            ("has data of an earlier k3s", |board| {
                board.write("var-lib/rancher/k3s/agent/x.crt", "");
            }),
            ("ignores the words", |board| {
                board.tell(
                    "cmdline",
                    &format!("{LINE} cgroup_memory=1 cgroup_enable=memory\n"),
                );
            }),
            ("only its first line counts", |board| {
                board.write(
                    "boot/firmware/cmdline.txt",
                    &format!("{LINE}\ncgroup_memory=1\n"),
                );
            }),
            ("another disk's file is in use", |board| {
                board.write("boot/firmware/cmdline.txt", "root=PARTUUID=other\n");
            }),
            ("no default route", |board| {
                board.write("usr-local/bin/ip", "#!/bin/sh\n");
            }),
            ("has a processor k3s does not run on", |board| {
                board.write("usr-local/bin/uname", "#!/bin/sh\necho armv6l\n");
            }),
            ("the unit k3s as well", |board| {
                board.write("etc/systemd/system/k3s.service", "");
            }),
        ];
        let boards: Vec<Board> = faults
            .iter()
            .map(|(_, fault)| {
                let board = desk.board();
                fault(&board);
                board
            })
            .collect();
        let mut all: Vec<&Board> = boards.iter().collect();
        all.push(&server);
        desk.introduce(&all);
        let mut words: Vec<&str> = boards.iter().map(|board| &*board.name).collect();
        words.extend(["--server", &server.name]);
        let said = desk.onboard(&words).await;
        assert_eq!(said.code, 1, "{} {}", said.out, said.err);
        for (board, (what, _)) in boards.iter().zip(&faults) {
            let summary = said.of(&board.name);
            assert_eq!(summary["result"], "blocked", "{what}: {summary}");
            let problems = summary["problems"].to_string();
            assert!(problems.contains(what), "{what}: {problems}");
            assert!(
                board.log().is_empty() && !board.path("usr-local/bin/k3s").exists(),
                "{what}: something was done"
            );
        }
        // The server is away: nobody can join, and it says so.
        fs::remove_file(server.path("var-lib/rancher/k3s/server/up")).unwrap();
        let board = desk.board().with_controllers();
        desk.introduce(&[&board, &server]);
        let said = desk.onboard(&[&board.name, "--server", &server.name]).await;
        assert!(
            said.of(&board.name)["problems"]
                .to_string()
                .contains("the server is not up"),
            "{}",
            said.err
        );
    });
}

#[test]
fn what_goes_wrong_on_the_way_is_said_with_its_cause() {
    ask(|desk| async move {
        let server = desk.server();
        let (wrong, ignores, rejected) =
            (desk.board(), desk.board(), desk.board().with_controllers());
        wrong.tell("wrong-file", "");
        ignores.tell("ignores", "");
        desk.introduce(&[&server, &wrong, &ignores, &rejected]);
        // A board of that name was in the cluster, its node is gone and its password stayed; and this card has one.
        let name = format!("{}.node-password.k3s", rejected.name);
        let secret = json!({ "kind": "Secret", "apiVersion": "v1", "metadata": { "name": name }, "stringData": { "hash": "other" } });
        desk.bed
            .hand()
            .must(
                http::Method::POST,
                "/api/v1/namespaces/kube-system/secrets",
                crate::hand::JSON,
                &secret.to_string(),
            )
            .await;
        rejected.write("etc/rancher/node/password", "of-an-older-card");
        let said = desk
            .onboard(&[
                &wrong.name,
                &ignores.name,
                &rejected.name,
                "--server",
                &server.name,
                "--wait",
                "60",
            ])
            .await;
        assert_eq!(said.code, 1, "{} {}", said.out, said.err);
        for (board, what) in [
            (&wrong, "another file than the one that was edited"),
            (&ignores, "ignores the words"),
            (&rejected, "node password is rejected"),
        ] {
            let summary = said.of(&board.name);
            assert_eq!(summary["result"], "failed", "{summary}");
            let problems = summary["problems"].to_string();
            assert!(problems.contains(what), "{problems}");
        }
        assert_eq!(
            (wrong.count("boot"), ignores.count("boot")),
            (1, 1),
            "not again and again"
        );
        // The way out that was named.
        let said = desk
            .onboard(&["--resume", &rejected.name, "--replace"])
            .await;
        assert_eq!(
            said.code, 1,
            "a resumed plan is the one that was accepted: {} {}",
            said.out, said.err
        );
        fs::remove_file(rejected.path("etc/rancher/node/password")).unwrap();
        let said = desk
            .onboard(&[&rejected.name, "--server", &server.name, "--replace"])
            .await;
        assert_eq!(said.code, 0, "{} {}", said.out, said.err);
        assert!(changed(&said.of(&rejected.name)).contains(&"remove the old node".to_owned()));
        assert!(desk.is_ready(&rejected.name).await);
    });
}

#[test]
fn a_reflashed_board_takes_the_place_of_the_old_one_and_never_of_a_live_one() {
    ask(|desk| async move {
        let server = desk.server();
        let board = desk.board().with_controllers();
        desk.introduce(&[&server, &board]);
        desk.bed.put(&boards::node(&board.name)).await;
        let said = desk
            .onboard(&[&board.name, "--server", &server.name, "--replace"])
            .await;
        assert_eq!(said.result(&board.name), "blocked", "{}", said.err);
        assert!(said.err.contains("it is alive"), "{}", said.err);
        let lost = json!({ "conditions": boards::conditions("False", "gone") });
        desk.bed.report(&board.name, lost).await;
        let said = desk.onboard(&[&board.name, "--server", &server.name]).await;
        assert_eq!(said.result(&board.name), "blocked", "{}", said.err);
        assert!(said.err.contains("was here before"), "{}", said.err);
        let old = desk.bed.node(&board.name).await["metadata"]["uid"].clone();
        let said = desk
            .onboard(&[&board.name, "--server", &server.name, "--replace"])
            .await;
        assert_eq!(said.code, 0, "{} {}", said.out, said.err);
        assert_ne!(desk.bed.node(&board.name).await["metadata"]["uid"], old);
    });
}

#[test]
fn leftovers_are_cleaned_only_when_that_was_asked_for() {
    ask(|desk| async move {
        let server = desk.server();
        let board = desk.board().with_controllers();
        desk.introduce(&[&server, &board]);
        board.write("var-lib/rancher/k3s/storage/pvc-1/data", "marked");
        board.write("var-lib/rancher/k3s/agent/x.crt", "");
        let said = desk.onboard(&[&board.name, "--server", &server.name]).await;
        assert_eq!(said.result(&board.name), "blocked", "{}", said.err);
        assert!(
            board
                .path("var-lib/rancher/k3s/storage/pvc-1/data")
                .exists()
        );
        let said = desk
            .onboard(&[&board.name, "--server", &server.name, "--clean"])
            .await;
        assert_eq!(said.code, 0, "{} {}", said.out, said.err);
        assert_eq!(changed(&said.of(&board.name))[0], "clean");
        assert!(
            !board
                .path("var-lib/rancher/k3s/storage/pvc-1/data")
                .exists()
        );
    });
}

/// Kills that one test takes; a figure of the page on onboarding.
const KILLS: u32 = 50;

#[test]
fn killed_at_fifty_moments_it_ends_where_it_would_have_ended() {
    ask(|desk| async move {
        let server = desk.server();
        let mut kills = 0;
        // The same moments in every run.
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut random = move |below: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % below
        };
        while kills < KILLS {
            let board = desk.board();
            desk.introduce(&[&server, &board]);
            let files = desk.files();
            let fresh = desk.words(&[&board.name, "--server", &server.name], &files);
            let resumed = desk.words(&["--resume", &board.name], &files);
            let mut has_run = false;
            loop {
                let has_journal = desk
                    .home
                    .path()
                    .join(format!("state/bramble/onboard/{}.json", board.name))
                    .exists();
                let words = if has_journal { &resumed } else { &fresh };
                let mut child = desk
                    .command(words)
                    .stdout(Stdio::null())
                    .stderr(Stdio::null())
                    .spawn()
                    .unwrap();
                let moment = Duration::from_millis(200 + random(4_000));
                if kills >= KILLS || has_run && random(8) == 0 {
                    let status = tokio::time::timeout(Duration::from_secs(120), child.wait())
                        .await
                        .unwrap()
                        .unwrap();
                    assert!(status.success(), "{}: {:?}", board.name, board.log());
                    break;
                }
                has_run = true;
                if let Ok(status) = tokio::time::timeout(moment, child.wait()).await {
                    assert!(status.unwrap().success(), "{}", board.name);
                    break;
                }
                child.kill().await.unwrap();
                kills += 1;
            }
            is_as_it_should_be(&board, "k3s-agent");
            assert!(desk.is_ready(&board.name).await);
            let journal = desk
                .home
                .path()
                .join(format!("state/bramble/onboard/{}.json", board.name));
            let journal: Value =
                serde_json::from_str(&fs::read_to_string(journal).unwrap()).unwrap();
            assert_eq!(journal["is_joined"], true);
        }
        eprintln!("{kills} kills");
    });
}
