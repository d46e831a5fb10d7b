//! The script that puts a backup in its place, under dash and under busybox, when its time is up.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::super::unheard;
use crate::clients::ssh::Error;
use crate::rack::ssh::Destination;

/// The limits of time and the shells that boards have, as far as they are here.
const WAYS: [(&str, &[&str]); 3] = [
    ("dash", &["timeout", "600", "dash", "-s"]),
    (
        "busybox",
        &["busybox", "timeout", "600", "busybox", "sh", "-s"],
    ),
    // Where the signal reaches the shell alone.
    ("busybox", &["busybox", "sh", "-s"]),
];

/// A board with a server that runs, and a backup that is unpacked beside it.
struct Board(tempfile::TempDir);

impl Board {
    fn new() -> Board {
        let board = Board(tempfile::tempdir().unwrap());
        board.write("data/server/token", "old");
        board.write("data/server/db/of-old", "old");
        let unpacked = format!("tmp/out/files{}", board.path("data/server").display());
        board.write(&format!("{unpacked}/token"), "new");
        board.write(&format!("{unpacked}/db/snapshots/on-demand-1"), "new");
        board.program(
            "systemctl",
            "case $1 in is-active) echo active ;; *) echo \"$@\" >>ROOT/asked ;; esac",
        );
        board
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap_or_default()
    }

    /// A program of that name that is found first and does this.
    fn program(&self, name: &str, text: &str) {
        let text = text.replace("ROOT", &self.path("").display().to_string());
        let path = format!("bin/{name}");
        self.write(&path, &format!("#!/bin/sh\n{text}\n"));
        fs::set_permissions(self.path(&path), fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn start(&self, way: &[&str]) -> Child {
        let place = |name: &str| crate::clients::ssh::quoted(&self.path(name).to_string_lossy());
        let script = include_str!("../switch.sh")
            .replace("@TMP@", &place("tmp"))
            .replace("@DATA@", &place("data"))
            .replace("@ASIDE@", ".before-now")
            .replace("@DATASTORE@", "etcd");
        let bin = self.path("bin").display().to_string();
        let mut child = Command::new(way[0])
            .args(&way[1..])
            .env_clear()
            .env("PATH", format!("{bin}:{}", std::env::var("PATH").unwrap()))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), script.as_bytes()).unwrap();
        child
    }

    /// Whether it is as it was before anything began, and k3s was started again.
    fn is_as_before(&self) {
        assert_eq!(self.read("data/server/token"), "old");
        assert_eq!(self.read("data/server/db/of-old"), "old");
        assert!(!self.path("data/server/db/snapshots").exists());
        assert!(!self.path("data/server.before-now").exists());
        assert!(!self.path("tmp").exists());
        let asked = self.read("asked");
        let last = asked.lines().last().unwrap_or_default();
        assert_eq!(last, "start k3s.service", "{asked}");
    }
}

fn is_here(program: &str) -> bool {
    let found = Command::new(program).arg("--help").output().is_ok();
    assert!(
        found || std::env::var("CI").as_deref() != Ok("true"),
        "{program} is missing"
    );
    if !found {
        eprintln!("SKIPPED: {program} is not installed; tests/run installs it");
    }
    found
}

fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(60), "never: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn runs(pid: &str) -> bool {
    let status = fs::read_to_string(Path::new("/proc").join(pid).join("stat")).unwrap_or_default();
    !status.is_empty() && !status.contains(") Z ")
}

#[test]
fn a_reset_that_hangs_until_its_time_is_up_leaves_the_server_as_it_was() {
    for (program, way) in WAYS {
        if !is_here(program) {
            continue;
        }
        let board = Board::new();
        board.program(
            "k3s",
            "trap '' TERM; echo $$ >ROOT/pid.new; mv ROOT/pid.new ROOT/pid; exec sleep 600",
        );
        let mut child = board.start(way);
        wait_for("the reset begins", || board.path("pid").exists());
        assert_eq!(board.read("data/server/token"), "new", "{way:?}");
        let told = Command::new("kill").arg(child.id().to_string()).status();
        assert!(told.unwrap().success());
        wait_for("the script ends", || child.try_wait().unwrap().is_some());
        assert!(!child.wait().unwrap().success(), "{way:?}");
        board.is_as_before();
        let pid = board.read("pid");
        wait_for("the reset ends", || !runs(pid.trim()));
    }
}

#[test]
fn what_cannot_be_moved_aside_stays_where_it_is() {
    for (program, way) in WAYS {
        if !is_here(program) {
            continue;
        }
        let board = Board::new();
        board.program("mv", "exit 1");
        let mut child = board.start(way);
        assert!(!child.wait().unwrap().success(), "{way:?}");
        board.is_as_before();
    }
}

#[test]
fn a_script_whose_time_was_up_is_not_said_to_go_on() {
    let to = Destination::parse("rpi-01").unwrap();
    let at = to.to_string();
    let after = Duration::from_secs(900);
    let late = unheard(
        &to,
        "/data",
        &Error::Deadline {
            at: at.clone(),
            after,
        },
    );
    assert!(late.next.contains("puts everything back"), "{late:?}");
    let why = "the other side closed it".to_owned();
    let lost = unheard(&to, "/data", &Error::Lost { at, why });
    assert!(lost.next.contains("goes on there by itself"), "{lost:?}");
}
