//! A k3s server saved and restored through the real sshd, sudo, tar and sqlite, on boards with a root of their own. k3s and
//! systemctl are played by two scripts: what they are asked for is what is tested.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bramble::clients::backup::{self, Key, Lock, Order, Progress};
use bramble::rack::backup::{Datastore, Method};
use jiff::Timestamp;
use serde_json::Value;

use super::bed::{Bed, destination, run, willing};
use super::sshd::{PASSWORD, Sshd, is_there};
use super::typed::Home;

const K3S: &str = r#"#!/bin/sh
echo "k3s $*" >>/var/lib/rancher/asked
db=/var/lib/rancher/k3s/server/db
case $1 in
  --version) echo 'k3s version v1.33.4+k3s1 (148243c4)'; echo 'go version go1.24.5' ;;
  etcd-snapshot)
    mkdir -p $db/snapshots
    case $2 in
      save) { head -c 16 /dev/zero; printf '\355\332\014\355'; cat $db/etcd/member; } >"$db/snapshots/$4-board-1" ;;
      delete) rm -f "$db/snapshots/$3" ;;
    esac ;;
  server)
    [ ! -e /var/lib/rancher/broken ] || { echo 'the snapshot is not for us'; exit 1; }
    for word in "$@"; do case $word in --cluster-reset-restore-path=*) mkdir -p $db/etcd; tail -c +21 "${word#*=}" >$db/etcd/member ;; esac; done ;;
  kubectl) test -e /var/lib/rancher/running ;;
esac
"#;
const SYSTEMCTL: &str = r#"#!/bin/sh
echo "systemctl $*" >>/var/lib/rancher/asked
case $1 in
  is-active) if [ -e /var/lib/rancher/running ]; then echo active; else echo inactive; exit 3; fi ;;
  start) touch /var/lib/rancher/running ;;
  stop) rm -f /var/lib/rancher/running ;;
esac
"#;
const DATA: &str = "var/lib/rancher/k3s";
const TOKEN: &str = "K10marked-token::server:marked";

/// A board with k3s installed, whose user may become root without a password.
struct Board {
    sshd: Sshd,
}

impl Board {
    fn blank() -> Board {
        let board = Board {
            sshd: Sshd::with_root(&[]),
        };
        board.program("k3s", K3S);
        board.program("systemctl", SYSTEMCTL);
        let sudoers = board.sshd.dir.path().join("sudoers");
        fs::write(sudoers, "pi ALL=(ALL) NOPASSWD: ALL\n").unwrap();
        board
    }

    /// One with a server that runs, with this in its datastore.
    fn server() -> Board {
        let board = Board::blank();
        let server = format!("{DATA}/server");
        board.write(&format!("{server}/token"), TOKEN, 0o600);
        symlink("token", board.path(&format!("{server}/node-token"))).unwrap();
        for (name, text, mode) in [
            ("tls/server-ca.crt", "a certificate", 0o644),
            ("tls/server-ca.key", "marked key", 0o600),
            ("tls/etcd/peer.key", "marked key", 0o600),
            ("cred/passwd", "marked password", 0o600),
            ("manifests/with a space.yaml", "kind: Addon", 0o600),
        ] {
            board.write(&format!("{server}/{name}"), text, mode);
        }
        for (name, text, mode) in [
            ("etc/rancher/k3s/config.yaml", "disable: servicelb\n", 0o600),
            ("etc/rancher/k3s/k3s.yaml", "kind: Config\n", 0o644),
            ("etc/rancher/node/password", "marked node password", 0o600),
            ("etc/systemd/system/k3s.service", "[Service]\n", 0o644),
            ("etc/systemd/system/k3s.service.env", "A=b\n", 0o600),
            ("boot/firmware/cmdline.txt", "cgroup_memory=1\n", 0o755),
        ] {
            board.write(name, text, mode);
        }
        board.write("var/lib/rancher/running", "", 0o600);
        board
    }

    fn with_sqlite() -> Board {
        let board = Board::server();
        board.sqlite("PRAGMA journal_mode=WAL; CREATE TABLE kine (name TEXT, value BLOB); INSERT INTO kine VALUES ('/registry/a', 'b'), ('x', randomblob(300000));");
        board
    }

    fn with_etcd() -> Board {
        let board = Board::server();
        board.write(
            &format!("{DATA}/server/db/etcd/member"),
            "the state of etcd",
            0o600,
        );
        board
    }

    fn program(&self, name: &str, text: &str) {
        self.write(&format!("usr/local/bin/{name}"), text, 0o755);
    }

    fn path(&self, name: &str) -> PathBuf {
        self.sshd.root().join(name)
    }

    fn write(&self, name: &str, text: &str, mode: u32) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    fn database(&self) -> PathBuf {
        self.path(&format!("{DATA}/server/db/state.db"))
    }

    fn sqlite(&self, statements: &str) -> String {
        fs::create_dir_all(self.database().parent().unwrap()).unwrap();
        sqlite(&self.database(), statements)
    }

    /// Everything a backup is of, but sqlite's own files: type, mode, owner, bytes.
    fn state(&self) -> BTreeMap<String, (u32, u32, Vec<u8>)> {
        let mut all = BTreeMap::new();
        let roots = [
            &format!("{DATA}/server"),
            "etc/rancher",
            "etc/systemd/system/k3s.service",
            "etc/systemd/system/k3s.service.env",
        ];
        let mut todo: Vec<PathBuf> = roots.iter().map(|name| self.path(name)).collect();
        while let Some(path) = todo.pop() {
            let Ok(meta) = fs::symlink_metadata(&path) else {
                continue;
            };
            let bytes = if meta.is_dir() {
                todo.extend(fs::read_dir(&path).unwrap().map(|it| it.unwrap().path()));
                Vec::new()
            } else if meta.is_symlink() {
                fs::read_link(&path)
                    .unwrap()
                    .into_os_string()
                    .into_encoded_bytes()
            } else {
                fs::read(&path).unwrap()
            };
            let name = path
                .strip_prefix(self.sshd.root())
                .unwrap()
                .display()
                .to_string();
            if !name.contains("state.db") && !name.contains(".before-") {
                all.insert(name, (meta.mode(), meta.uid(), bytes));
            }
        }
        all
    }

    /// What was left behind in the data directory.
    fn leftovers(&self) -> Vec<String> {
        let names = fs::read_dir(self.path(DATA)).unwrap();
        let names = names.map(|it| it.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with(".bramble")).collect()
    }
}

fn sqlite(database: &Path, statements: &str) -> String {
    let output = Command::new("sqlite3")
        .arg(database)
        .arg(statements)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Whether there is what these tests need; says so when there is not.
fn can_run() -> bool {
    let has = |program: &str| Command::new(program).arg("--version").output().is_ok();
    if !is_there() {
        return false;
    }
    if !has("sqlite3") || !has("python3") {
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "CI may skip nothing: there is no sqlite3 or python3; tests/run installs them"
        );
        eprintln!("skipped: there is no sqlite3 or python3");
        return false;
    }
    true
}

/// Somebody with a key of age, and where their backups go.
struct Keeper {
    home: Home,
    recipient: String,
    identity: String,
}

impl Keeper {
    fn new(board: &Board) -> Keeper {
        let home = Home::new(&board.sshd, "").knows(&board.sshd);
        let identity = age::x25519::Identity::generate();
        let secret = identity.to_string();
        let text = format!(
            "# made for a test\n{}\n",
            age::secrecy::ExposeSecret::expose_secret(&secret)
        );
        let file = home.write("key", text.as_bytes());
        Keeper {
            home,
            recipient: identity.to_public().to_string(),
            identity: file.display().to_string(),
        }
    }

    /// The same person at another board.
    fn moves_to(self, board: &Board) -> Keeper {
        let home = Home::new(&board.sshd, "").knows(&board.sshd);
        home.write("key", &fs::read(&self.identity).unwrap());
        for kept in self.kept() {
            let name = Path::new(&kept).file_name().unwrap().to_str().unwrap();
            fs::create_dir_all(home.path().join("kept")).unwrap();
            fs::copy(&kept, home.path().join("kept").join(name)).unwrap();
            let record = format!("{kept}.json");
            fs::copy(
                &record,
                home.path().join("kept").join(format!("{name}.json")),
            )
            .unwrap();
        }
        Keeper {
            identity: home.path().join("key").display().to_string(),
            home,
            ..self
        }
    }

    fn folder(&self) -> String {
        self.home.path().join("kept").display().to_string()
    }

    fn backup(&self, more: &[&str]) -> Output {
        let folder = self.folder();
        let arguments = [
            "backup",
            "board",
            "--to",
            &folder,
            "--recipient",
            &self.recipient,
            "-o",
            "json",
        ];
        self.home.run(&[&arguments[..], more].concat())
    }

    fn restore(&self, file: &str, more: &[&str]) -> Output {
        let arguments = ["restore", file, "board", "--identity", &self.identity];
        self.home.run(&[&arguments[..], more].concat())
    }

    /// The good backups.
    fn kept(&self) -> Vec<String> {
        let output = self
            .home
            .run(&["backup", "list", "--in", &self.folder(), "-o", "json"]);
        let all: Value = serde_json::from_str(&done(&output)).unwrap();
        let files = all.as_array().unwrap().iter();
        files
            .map(|it| it["file"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Everything in the folder, good or not.
    fn files(&self) -> usize {
        fs::read_dir(self.folder()).map_or(0, Iterator::count)
    }
}

#[track_caller]
fn done(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[track_caller]
fn refused(output: &Output, code: i32) -> String {
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    assert!(!text.contains("marked"), "{text}");
    text
}

#[test]
fn a_server_comes_back_on_a_blank_board_byte_for_byte() {
    if !can_run() {
        return;
    }
    let old = Board::with_sqlite();
    let keeper = Keeper::new(&old);
    let said: Value = serde_json::from_str(&done(&keeper.backup(&[]))).unwrap();
    let record = &said[0];
    assert_eq!(record["integrity"], "ok");
    assert_eq!(record["version"], "v1.33.4+k3s1");
    assert_eq!(record["stoppedFor"], Value::Null);
    let file = record["file"].as_str().unwrap().to_owned();
    let sealed = fs::read(&file).unwrap();
    assert!(
        !sealed.windows(6).any(|it| it == b"marked"),
        "it is not encrypted"
    );
    assert_eq!(old.leftovers(), Vec::<String>::new());
    assert!(!old.text("var/lib/rancher/asked").contains("systemctl stop"));
    let verify = keeper
        .home
        .run(&["backup", "verify", &file, "--identity", &keeper.identity]);
    assert!(done(&verify).contains("is good"));

    let new = Board::blank();
    let keeper = keeper.moves_to(&new);
    let file = keeper.kept().remove(0);
    let rehearsal = done(&keeper.restore(&file, &["--dry-run"]));
    assert!(
        rehearsal.contains("rehearsal") && rehearsal.contains("start k3s"),
        "{rehearsal}"
    );
    assert_eq!(new.state(), BTreeMap::new(), "a rehearsal changes nothing");
    let refusal = refused(&keeper.restore(&file, &[]), 5);
    assert!(refusal.contains("--yes"), "{refusal}");
    let said = done(&keeper.restore(&file, &["--yes"]));
    assert!(said.contains("the API says it is ready"), "{said}");
    let (before, after) = (old.state(), new.state());
    assert!(before.len() > 15, "{}", before.len());
    for (name, was) in &before {
        assert_eq!(after.get(name), Some(was), "{name}");
    }
    assert_eq!(after.len(), before.len(), "{:?}", after.keys());
    assert_eq!(new.sqlite(".dump"), old.sqlite(".dump"));
    assert_eq!(new.text("boot/firmware/cmdline.txt"), "cgroup_memory=1\n");
    assert_eq!(new.leftovers(), Vec::<String>::new());
    assert!(new.path("var/lib/rancher/running").exists());

    // Once more, over a server that runs: what is there moves aside.
    new.write(&format!("{DATA}/server/token"), "another", 0o600);
    done(&keeper.restore(&file, &["--yes"]));
    assert_eq!(new.state(), after);
    let aside = fs::read_dir(new.path(DATA)).unwrap();
    let aside: Vec<PathBuf> = aside
        .map(|it| it.unwrap().path())
        .filter(|it| it.display().to_string().contains("server.before-"))
        .collect();
    assert_eq!(aside.len(), 1);
    assert_eq!(
        fs::read_to_string(aside[0].join("token")).unwrap(),
        "another"
    );
    let asked = new.text("var/lib/rancher/asked");
    let stop = asked.find("systemctl stop").unwrap();
    assert!(asked[stop..].contains("systemctl start"), "{asked}");
}

#[test]
fn a_snapshot_of_etcd_is_taken_removed_and_restored_by_a_reset() {
    if !can_run() {
        return;
    }
    let old = Board::with_etcd();
    let keeper = Keeper::new(&old);
    done(&keeper.backup(&[]));
    let snapshots = fs::read_dir(old.path(&format!("{DATA}/server/db/snapshots"))).unwrap();
    assert_eq!(snapshots.count(), 0, "the snapshot stays on the card");

    let new = Board::blank();
    let keeper = keeper.moves_to(&new);
    let file = keeper.kept().remove(0);
    let said = done(&keeper.restore(&file, &["--yes"]));
    assert!(said.contains("on every other server"), "{said}");
    assert_eq!(
        new.text(&format!("{DATA}/server/db/etcd/member")),
        "the state of etcd"
    );
    let asked = new.text("var/lib/rancher/asked");
    let reset = asked
        .lines()
        .find(|line| line.contains("--cluster-reset-restore-path="))
        .unwrap();
    assert!(
        reset.contains("--token-file /var/lib/rancher/k3s/server/token"),
        "{reset}"
    );
    assert!(!asked.contains("marked"), "no token in arguments");

    // A reset that fails leaves the board as it was.
    new.write("var/lib/rancher/broken", "", 0o600);
    let before = new.state();
    let said = refused(&keeper.restore(&file, &["--yes"]), 2);
    assert!(
        said.contains("everything is as it was before") && said.contains("not for us"),
        "{said}"
    );
    assert_eq!(new.state(), before);
    assert_eq!(new.leftovers(), Vec::<String>::new());
    assert!(
        new.path("var/lib/rancher/running").exists(),
        "it runs again"
    );
}

#[test]
fn without_a_token_or_a_server_nothing_is_kept() {
    if !can_run() {
        return;
    }
    let board = Board::with_sqlite();
    let keeper = Keeper::new(&board);
    board.write(&format!("{DATA}/server/token"), "", 0o600);
    let said = refused(&keeper.backup(&[]), 2);
    assert!(said.contains("its token is missing"), "{said}");
    fs::remove_dir_all(board.path(&format!("{DATA}/server"))).unwrap();
    let said = refused(&keeper.backup(&[]), 2);
    assert!(said.contains("there is no k3s server"), "{said}");
    assert_eq!(keeper.files(), 0);
    assert_eq!(board.leftovers(), Vec::<String>::new());
    // And nothing is written in the open.
    let folder = keeper.folder();
    let said = refused(&keeper.home.run(&["backup", "board", "--to", &folder]), 2);
    assert!(said.contains("never written in the open"), "{said}");
}

/// A program that stops half-way, and says so.
const SLOW_TAR: &str = "#!/bin/sh\n/usr/bin/tar \"$@\" | { head -c 65536; touch /var/lib/rancher/half; exec sleep 1000; }\n";

fn wait_for(path: &Path) {
    let end = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while !path.exists() {
        assert!(
            std::time::Instant::now() < end,
            "{} never came",
            path.display()
        );
        std::thread::yield_now();
    }
}

#[test]
fn a_line_that_breaks_in_the_middle_leaves_no_backup_and_no_half_restore() {
    if !can_run() {
        return;
    }
    let board = Board::with_sqlite();
    let keeper = Keeper::new(&board);
    board.program("tar", SLOW_TAR);
    std::thread::scope(|scope| {
        let saving = scope.spawn(|| keeper.backup(&[]));
        wait_for(&board.path("var/lib/rancher/half"));
        board.sshd.cut_sessions();
        let said = refused(&saving.join().unwrap(), 2);
        assert!(
            said.contains("board is not backed up") && said.contains("was lost"),
            "{said}"
        );
    });
    assert_eq!(keeper.files(), 0, "neither a backup nor a half one");

    fs::remove_file(board.path("usr/local/bin/tar")).unwrap();
    fs::remove_file(board.path("var/lib/rancher/half")).unwrap();
    done(&keeper.backup(&[]));
    let file = keeper.kept().remove(0);
    let before = board.state();
    board.program(
        "tar",
        "#!/bin/sh\nhead -c 10000 >/dev/null; touch /var/lib/rancher/half; exec sleep 1000\n",
    );
    std::thread::scope(|scope| {
        let restoring = scope.spawn(|| keeper.restore(&file, &["--yes"]));
        wait_for(&board.path("var/lib/rancher/half"));
        board.sshd.cut_sessions();
        let said = refused(&restoring.join().unwrap(), 2);
        assert!(
            said.contains("nothing was restored") && said.contains("as it was before"),
            "{said}"
        );
    });
    assert_eq!(board.state(), before);
    assert!(board.path("var/lib/rancher/running").exists());

    // A disk there that takes no more.
    board.program("tar", "#!/bin/sh\nhead -c 10000 >/dev/null; exit 2\n");
    let said = refused(&keeper.restore(&file, &["--yes"]), 2);
    assert!(said.contains("is the disk full"), "{said}");
    assert_eq!(board.state(), before);
}

#[test]
fn a_full_disk_here_keeps_nothing_and_says_so() {
    if !can_run() {
        return;
    }
    let board = Board::with_sqlite();
    let keeper = Keeper::new(&board);
    fs::create_dir(keeper.folder()).unwrap();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=128k", "tmpfs", &keeper.folder()])
        .status()
        .unwrap();
    assert!(mounted.success());
    let output = keeper.backup(&[]);
    let (files, folder) = (keeper.files(), keeper.folder());
    Command::new("umount").arg(folder).status().unwrap();
    let said = refused(&output, 2);
    assert!(said.contains("the disk is full"), "{said}");
    assert_eq!(files, 0);
}

#[test]
fn a_passphrase_is_typed_twice_and_a_wrong_one_opens_nothing() {
    if !can_run() {
        return;
    }
    let board = Board::with_sqlite();
    fs::write(board.sshd.dir.path().join("sudoers"), "pi ALL=(ALL) ALL\n").unwrap();
    let keeper = Keeper::new(&board);
    let folder = keeper.folder();
    let mut typed = keeper.home.start(&["backup", "board", "--to", &folder]);
    typed.answer("passphrase for the backup", "marked-one\r");
    typed.answer("the same again", "marked-two\r");
    let (code, said) = typed.end();
    assert!(code == 2 && said.contains("two different"), "{said}");
    let mut typed = keeper.home.start(&["backup", "board", "--to", &folder]);
    typed.answer("passphrase for the backup", "marked-one\r");
    typed.answer("the same again", "marked-one\r");
    typed.answer("sudo password of pi on", &format!("{PASSWORD}\r"));
    let (code, said) = typed.end();
    assert!(code == 0 && said.contains("proved"), "{said}");
    assert!(!said.contains("marked"), "{said}");
    let file = keeper.kept().remove(0);
    let mut typed = keeper.home.start(&["backup", "verify", &file]);
    typed.answer("passphrase of the backup", "marked-two\r");
    let (code, said) = typed.end();
    assert!(
        code == 2 && said.contains("the passphrase is wrong"),
        "{said}"
    );
    let mut typed = keeper.home.start(&["restore", &file, "board"]);
    typed.answer("passphrase of the backup", "marked-one\r");
    typed.answer("sudo password of pi on", &format!("{PASSWORD}\r"));
    typed.answer("Type the board's name to go on", "something else\r");
    let (code, said) = typed.end();
    assert!(code == 5 && said.contains("nothing was done"), "{said}");
}

/// Two counts that are always the same, and something large beside them.
const TABLES: &str = "CREATE TABLE one (n INTEGER); CREATE TABLE two (n INTEGER); INSERT INTO one VALUES (0); \
    INSERT INTO two VALUES (0); CREATE TABLE large (id INTEGER PRIMARY KEY, x BLOB);";
const TRANSACTION: &[u8] =
    b"BEGIN IMMEDIATE; UPDATE one SET n = n + 1; INSERT OR REPLACE INTO large VALUES \
    (abs(random()) % 500, randomblob(3000)); UPDATE two SET n = n + 1; COMMIT; SELECT 'x';\n";

/// Writes one transaction after the other.
struct Busy {
    stop: Arc<AtomicBool>,
    hand: Option<std::thread::JoinHandle<u64>>,
}

impl Busy {
    fn start(database: &Path) -> Busy {
        let stop = Arc::new(AtomicBool::new(false));
        let (is_over, database) = (Arc::clone(&stop), database.to_owned());
        let hand = std::thread::spawn(move || {
            let mut child = Command::new("sqlite3")
                .arg(database)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let (mut asks, mut says) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
            let mut written = 0;
            asks.write_all(b".timeout 10000\n").unwrap();
            while !is_over.load(Ordering::Relaxed) {
                asks.write_all(TRANSACTION).unwrap();
                says.read_exact(&mut [0; 2]).unwrap();
                written += 1;
            }
            drop(asks);
            child.wait().unwrap();
            written
        });
        Busy {
            stop,
            hand: Some(hand),
        }
    }

    fn end(mut self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.hand.take().unwrap().join().unwrap()
    }
}

#[test]
fn a_database_that_is_being_written_is_whole_in_a_hundred_backups() {
    if !can_run() {
        return;
    }
    run(async {
        let board = Board::with_sqlite();
        board.sqlite(TABLES);
        let bed = Bed::for_boards(&[&board.sshd], "", willing);
        let to = destination("board");
        let survey = backup::survey(&bed.ssh, &to, None).await.unwrap();
        let busy = Busy::start(&board.database());
        let folder = tempfile::tempdir().unwrap();
        let identity = age::x25519::Identity::generate();
        let mut last = 0;
        for number in 0..100 {
            let method = if number % 2 == 0 {
                Method::Sqlite3
            } else {
                Method::Python3
            };
            let order = Order {
                to: &to,
                survey: &survey,
                method,
                folder: folder.path(),
                lock: Lock::Recipients(vec![identity.to_public()]),
                at: Timestamp::from_second(1_800_000_000 + number).unwrap(),
            };
            let kept = backup::save(&bed.ssh, order, Arc::new(Progress::default()))
                .await
                .unwrap();
            assert_eq!(
                (kept.record.integrity.as_str(), kept.record.datastore),
                ("ok", Datastore::Sqlite)
            );
            let copy = folder.path().join("state.db");
            extract(&kept.path, &identity, &copy);
            let counted = sqlite(
                &copy,
                "SELECT (SELECT n FROM one) - (SELECT n FROM two), (SELECT n FROM one); PRAGMA integrity_check;",
            );
            let (difference, rest) = counted.split_once('|').unwrap();
            assert_eq!(difference, "0", "backup {number} has half a transaction");
            let (count, check) = rest.split_once('\n').unwrap();
            assert_eq!(check, "ok\n");
            let count: u64 = count.parse().unwrap();
            assert!(
                count >= last,
                "backup {number} is older than the one before"
            );
            last = count;
            fs::remove_file(&kept.path).unwrap();
        }
        let written = busy.end();
        assert!(written > 100 && last > 0, "{written} written, {last} seen");
        assert_eq!(board.leftovers(), Vec::<String>::new());
        eprintln!("100 backups while {written} transactions were written");
    });
}

/// The database out of a backup.
fn extract(file: &Path, identity: &age::x25519::Identity, to: &Path) {
    let decryptor = age::Decryptor::new(fs::File::open(file).unwrap()).unwrap();
    let plain = decryptor
        .decrypt(std::iter::once(identity as &dyn age::Identity))
        .unwrap();
    let mut archive = tar::Archive::new(plain);
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        if entry.path().unwrap().ends_with("db/state.db") {
            std::io::copy(&mut entry, &mut fs::File::create(to).unwrap()).unwrap();
            return;
        }
    }
    panic!("there is no database in {}", file.display());
}

#[test]
fn where_nothing_else_helps_k3s_is_stopped_for_the_copy_and_started_again() {
    if !can_run() {
        return;
    }
    run(async {
        let board = Board::with_sqlite();
        let bed = Bed::for_boards(&[&board.sshd], "", willing);
        let to = destination("board");
        let survey = backup::survey(&bed.ssh, &to, None).await.unwrap();
        assert!(
            survey.is_running && survey.has_service && survey.has_token,
            "{survey:?}"
        );
        assert_eq!(survey.method(false), Ok(Method::Sqlite3));
        let folder = tempfile::tempdir().unwrap();
        let identity = age::x25519::Identity::generate();
        let order = Order {
            to: &to,
            survey: &survey,
            method: Method::Stopped,
            folder: folder.path(),
            lock: Lock::Recipients(vec![identity.to_public()]),
            at: Timestamp::now(),
        };
        let kept = backup::save(&bed.ssh, order, Arc::new(Progress::default()))
            .await
            .unwrap();
        assert!(kept.record.stopped_for.is_some());
        let asked = board.text("var/lib/rancher/asked");
        let stop = asked.find("systemctl stop").unwrap();
        assert!(asked[stop..].contains("systemctl start"), "{asked}");
        assert!(board.path("var/lib/rancher/running").exists());
        backup::open(&kept.path, &Key::Identities(vec![identity])).unwrap();
    });
}

#[test]
fn a_backup_is_copied_to_another_host_whole() {
    if !can_run() {
        return;
    }
    let board = Board::with_sqlite();
    let keeper = Keeper::new(&board);
    let said = done(&keeper.backup(&["--copy-to", "board", "--copy-folder", "copies of it"]));
    let said: Value = serde_json::from_str(&said).unwrap();
    let file = said[0]["file"].as_str().unwrap().to_owned();
    let output = keeper
        .home
        .run(&["backup", "copy", &file, "board", "--folder", "copies of it"]);
    assert!(
        done(&output).contains("with the same hash there"),
        "{output:?}"
    );
    // Somebody has altered it here: what is not whole is not sent on.
    let altered = format!("{file}.moved.tar.age");
    fs::write(&altered, "x").unwrap();
    fs::copy(format!("{file}.json"), format!("{altered}.json")).unwrap();
    let output = keeper.home.run(&["backup", "copy", &altered, "board"]);
    assert!(refused(&output, 2).contains("is not a good backup"));
}
