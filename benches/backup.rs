//! What a backup costs: a datastore of 500 MB from a real sshd on this machine to a proved file, beside `ssh board cat`.
//!
//! It needs what the SSH tests need (root, sshd, sudo, sqlite3) and says so when that is not there. Board and client share
//! the cores of one machine here, so the figures are lower than between two. `MEGABYTES` chooses another size.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a measurement that cannot go on should say where, and print what it found"
)]
#![allow(
    clippy::cast_precision_loss,
    reason = "megabytes per second need no more than a few digits"
)]

#[path = "../tests/real/ssh/pi.rs"]
#[allow(dead_code, unreachable_pub, reason = "the tests use more of it")]
mod pi;
#[path = "../tests/real/ssh/sshd.rs"]
#[allow(dead_code, unreachable_pub, reason = "the tests use more of it")]
mod sshd;

use std::fs;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bramble::clients::backup::{self, Lock, Order, Progress};
use bramble::clients::ssh::{Settings, Ssh};
use bramble::rack::ssh::Destination;
use bramble::rack::ssh::resolved::Here;
use jiff::Timestamp;
use sshd::{Sshd, is_there, key, public};
use tokio::sync::mpsc;

const DATA: &str = "var/lib/rancher/k3s/server";

/// A board with a datastore of so many megabytes.
fn board(megabytes: u64) -> Sshd {
    let sshd = Sshd::with_root(&[]);
    let server = sshd.root().join(DATA);
    fs::create_dir_all(server.join("db")).unwrap();
    fs::write(server.join("token"), "K10token").unwrap();
    let statements = format!(
        "PRAGMA page_size=4096; CREATE TABLE kine (x BLOB); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n \
         WHERE i < {megabytes}) INSERT INTO kine SELECT randomblob(1000000) FROM n;"
    );
    let made = Command::new("sqlite3")
        .arg(server.join("db/state.db"))
        .arg(statements)
        .status();
    assert!(made.unwrap().success(), "sqlite3 is needed");
    let k3s = sshd.root().join("usr/local/bin/k3s");
    fs::write(
        &k3s,
        "#!/bin/sh\necho 'k3s version v1.33.4+k3s1 (148243c4)'\n",
    )
    .unwrap();
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(k3s, executable).unwrap();
    fs::write(
        sshd.dir.path().join("sudoers"),
        "pi ALL=(ALL) NOPASSWD: ALL\n",
    )
    .unwrap();
    sshd
}

/// Seconds that OpenSSH's own client takes to read the file.
fn cat(config: &str) -> f64 {
    let begun = Instant::now();
    let status = Command::new("ssh")
        .args([
            "-F",
            config,
            "board",
            &format!("sudo cat /{DATA}/db/state.db"),
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status();
    assert!(status.unwrap().success());
    begun.elapsed().as_secs_f64()
}

/// The most memory this process ever had, in MiB.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .unwrap();
    let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib / 1_024
}

/// Seconds from the first byte to the last, and to the proved file.
async fn save(ssh: &Ssh, to: &Destination, folder: &std::path::Path) -> (f64, f64) {
    let survey = backup::survey(ssh, to, None).await.unwrap();
    let order = Order {
        to,
        method: survey.method(false).unwrap(),
        survey: &survey,
        folder,
        lock: Lock::Recipients(vec![age::x25519::Identity::generate().to_public()]),
        at: Timestamp::now(),
    };
    let progress = Arc::new(Progress::default());
    let begun = Instant::now();
    let watching = async {
        let (mut first, mut last, mut seen) = (None, Instant::now(), 0);
        loop {
            tokio::time::sleep(Duration::from_millis(5)).await;
            let bytes = progress.bytes();
            if bytes > seen {
                first.get_or_insert_with(Instant::now);
                (seen, last) = (bytes, Instant::now());
            } else if first.is_some() && last.elapsed() > Duration::from_secs(1) {
                return last.duration_since(first.unwrap()).as_secs_f64();
            }
        }
    };
    let saving = backup::save(ssh, order, Arc::clone(&progress));
    let (streamed, kept) = tokio::join!(watching, saving);
    let kept = kept.unwrap();
    fs::remove_file(kept.path).unwrap();
    (streamed, begun.elapsed().as_secs_f64())
}

fn main() {
    // `cargo test --benches` only wants to see that it starts.
    if !is_there() || std::env::args().any(|word| word == "--test") {
        return;
    }
    let megabytes = std::env::var("MEGABYTES")
        .ok()
        .and_then(|it| it.parse().ok());
    let megabytes = megabytes.unwrap_or(500);
    let board = board(megabytes);
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("config");
    let here = dir.path().display();
    let text = format!(
        "Host board\n HostName 127.0.0.1\n Port {}\n User pi\n IdentityFile {}\n IdentityAgent none\n \
         UserKnownHostsFile {here}/known_hosts\n GlobalKnownHostsFile none\n",
        board.port,
        key("user").display()
    );
    fs::write(&config, text).unwrap();
    let known = format!("[127.0.0.1]:{} {}\n", board.port, public("host-ed25519"));
    fs::write(dir.path().join("known_hosts"), known).unwrap();
    let name = config.display().to_string();
    cat(&name);
    let by_cat = cat(&name);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let (asks, _) = mpsc::channel(1);
    let settings = Settings {
        config: Some(config),
        program: None,
        here: Here {
            home: dir.path().to_owned(),
            user: "root".to_owned(),
            host: "desk".to_owned(),
        },
        keeps_host_keys: true,
    };
    let ssh = Ssh::new(settings, asks);
    let to = Destination::parse("board").unwrap();
    let (streamed, whole) = runtime.block_on(save(&ssh, &to, dir.path()));
    let speed = |seconds: f64| megabytes as f64 / seconds;
    println!("ssh board cat           {:6.1} MB/s", speed(by_cat));
    println!(
        "backup, while it streams {:6.1} MB/s ({:.0} % of cat)",
        speed(streamed),
        100.0 * by_cat / streamed
    );
    println!("backup, copied, sent, opened and proved: {whole:.1} s for {megabytes} MB");
    println!("most memory             {:4} MiB", peak());
}
