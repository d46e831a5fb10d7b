//! One sshd with a user `pi`, and the keys everybody shares.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{LazyLock, OnceLock};
use std::time::Duration;

use tempfile::TempDir;

use super::pi::Pi;

/// What `pi` logs in with, and becomes root with. Marked, so that the test of secrets finds it wherever it leaks.
pub(crate) const PASSWORD: &str = "marked-pi-password";
/// The passphrase of every encrypted test key.
pub(crate) const PASSPHRASE: &str = "marked-passphrase";

/// A server; ends with its sessions when it is dropped.
pub(crate) struct Sshd {
    pub(crate) port: u16,
    pub(crate) dir: TempDir,
    child: Child,
    log: Receiver<String>,
    /// What it looks like inside, when it is a board.
    pub(crate) pi: Option<Pi>,
}

/// Whether there is what these tests need; says so when there is not.
pub(crate) fn is_there() -> bool {
    static FOUND: OnceLock<Result<(), String>> = OnceLock::new();
    let found = FOUND.get_or_init(|| {
        for program in [
            "/usr/sbin/sshd",
            "/usr/bin/ssh",
            "/usr/bin/sudo",
            "/usr/bin/perl",
        ] {
            if !Path::new(program).exists() {
                return Err(format!("there is no {program}; tests/run installs it"));
            }
        }
        let unshare = Command::new("unshare")
            .args(["--mount", "true"])
            .stderr(Stdio::null())
            .status();
        match unshare {
            Ok(status) if status.success() => Ok(()),
            Ok(_) | Err(_) => Err("only root may have a mount namespace of its own".to_owned()),
        }
    });
    if let Err(why) = found {
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "CI may skip nothing: {why}"
        );
        eprintln!("skipped: {why}");
    }
    found.is_ok()
}

impl Sshd {
    /// Starts a server with these lines in front of its configuration. It accepts the key `user`.
    pub(crate) fn start(lines: &[&str]) -> Sshd {
        Self::with_host_keys(lines, &["ed25519"])
    }

    /// A server on a board: see [`Pi`].
    pub(crate) fn on_a_pi(lines: &[&str], host_keys: &[&str]) -> Sshd {
        let files: Vec<PathBuf> = host_keys
            .iter()
            .map(|name| key(&format!("host-{name}")))
            .collect();
        Self::in_dir(TempDir::new().unwrap(), lines, &files, true)
    }

    pub(crate) fn with_host_keys(lines: &[&str], host_keys: &[&str]) -> Sshd {
        let files: Vec<PathBuf> = host_keys
            .iter()
            .map(|name| key(&format!("host-{name}")))
            .collect();
        Self::with_host_key_files(lines, &files)
    }

    pub(crate) fn with_host_key_files(lines: &[&str], host_keys: &[PathBuf]) -> Sshd {
        Self::in_dir(TempDir::new().unwrap(), lines, host_keys, false)
    }

    /// A server on a board with a root of its own where it matters: /etc (a copy of ours), /var/lib/rancher,
    /// /boot/firmware and /usr/local/bin are folders below [`Sshd::root`].
    pub(crate) fn with_root(lines: &[&str]) -> Sshd {
        let dir = TempDir::new().unwrap();
        for folder in ["etc", "var/lib/rancher", "boot/firmware", "usr/local/bin"] {
            fs::create_dir_all(dir.path().join("root").join(folder)).unwrap();
        }
        let copied = Command::new("cp")
            .args(["-a", "/etc/."])
            .arg(dir.path().join("root/etc"))
            .stderr(Stdio::null())
            .status();
        assert!(copied.unwrap().success(), "/etc is not copied");
        Self::in_dir(dir, lines, &[key("host-ed25519")], false)
    }

    fn in_dir(dir: TempDir, lines: &[&str], host_keys: &[PathBuf], is_board: bool) -> Sshd {
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        accounts(dir.path());
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let mut config: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        config.extend(
            host_keys
                .iter()
                .map(|file| format!("HostKey {}", file.display())),
        );
        config.extend(
            [
                "ListenAddress 127.0.0.1",
                &format!("Port {port}"),
                "PidFile none",
                "UsePAM yes",
                "StrictModes no",
                "LogLevel VERBOSE",
                "KbdInteractiveAuthentication no",
                "PrintMotd no",
            ]
            .map(str::to_owned),
        );
        fs::write(dir.path().join("sshd_config"), config.join("\n") + "\n").unwrap();
        let pi = is_board.then(|| Pi::build(dir.path()));
        let (child, log) = spawn(dir.path(), is_board);
        let mut server = Sshd {
            port,
            dir,
            child,
            log,
            pi,
        };
        server.wait_for("Server listening");
        server
    }

    /// Waits until the log says `text`.
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        let mut seen = Vec::new();
        loop {
            let Ok(line) = self.log.recv_timeout(Duration::from_secs(20)) else {
                panic!("sshd never said {text:?}; it said:\n{}", seen.join("\n"));
            };
            if line.contains(text) {
                return line;
            }
            seen.push(line);
        }
    }

    /// What the log has said since the last look.
    pub(crate) fn said(&self) -> Vec<String> {
        self.log.try_iter().collect()
    }

    /// Ends the sessions of the server and what runs in them, without a goodbye.
    pub(crate) fn cut_sessions(&self) {
        for pid in below(self.child.id()) {
            kill(pid);
        }
    }

    /// Ends everything, as a board that loses its power.
    pub(crate) fn stop(&mut self) {
        let all = below(self.child.id());
        kill(self.child.id());
        all.into_iter().for_each(kill);
        let _ = self.child.wait();
    }

    /// Comes back after [`Sshd::stop`], on the same port with the same files.
    pub(crate) fn restart(&mut self) {
        let (child, log) = spawn(self.dir.path(), self.pi.is_some());
        self.child = child;
        self.log = log;
        self.wait_for("Server listening");
    }

    /// Where the board's files are, of a server [with a root](Sshd::with_root).
    pub(crate) fn root(&self) -> PathBuf {
        self.dir.path().join("root")
    }

    /// The home of `pi`.
    pub(crate) fn home(&self) -> PathBuf {
        self.dir.path().join("home")
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.stop();
    }
}

fn spawn(dir: &Path, is_board: bool) -> (Child, Receiver<String>) {
    let mounts = if is_board { super::pi::MOUNTS } else { "" };
    let mut child = Command::new("unshare")
        .args(["--mount", "sh", "-c"])
        .arg(format!(
            "set -e; cd \"$0\"; if [ -d root ]; then mount --bind root/etc /etc; \
             mount -t tmpfs tmpfs /var/lib; mkdir /var/lib/rancher; mount --bind root/var/lib/rancher /var/lib/rancher; \
             mount -t tmpfs tmpfs /boot; mkdir /boot/firmware; mount --bind root/boot/firmware /boot/firmware; \
             mount --bind root/usr/local/bin /usr/local/bin; fi; for f in passwd shadow group sudoers; do mount --bind $f /etc/$f; done; \
             mount -t tmpfs tmpfs /run; mkdir /run/sshd; {mounts}exec /usr/sbin/sshd -D -e -f sshd_config",
        ))
        .arg(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (tx, log) = channel();
    let stderr = BufReader::new(child.stderr.take().unwrap());
    std::thread::spawn(move || {
        for line in stderr.lines().map_while(Result::ok) {
            if tx.send(line).is_err() {
                return;
            }
        }
    });
    (child, log)
}

/// passwd, shadow, group and sudoers with a user `pi` who has a password and may use sudo with it.
fn accounts(dir: &Path) {
    let home = dir.join("home");
    fs::create_dir_all(home.join(".ssh")).unwrap();
    let authorized = home.join(".ssh/authorized_keys");
    fs::copy(key("user").with_extension("pub"), &authorized).unwrap();
    let write = |name: &str, own: &str, mode: u32| {
        let mut text = fs::read_to_string(Path::new("/etc").join(name)).unwrap_or_default();
        text.push_str(own);
        let file = dir.join(name);
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
    };
    write(
        "passwd",
        &format!("pi:x:4242:4242::{}:/bin/sh\n", home.display()),
        0o644,
    );
    write("group", "pi:x:4242:\n", 0o644);
    write(
        "shadow",
        &format!("pi:{}:19000:0:99999:7:::\n", *HASH),
        0o640,
    );
    fs::write(
        dir.join("sudoers"),
        "root ALL=(ALL) ALL\npi ALL=(ALL) ALL\n",
    )
    .unwrap();
    fs::set_permissions(dir.join("sudoers"), fs::Permissions::from_mode(0o440)).unwrap();
    for path in [home.clone(), home.join(".ssh"), authorized] {
        std::os::unix::fs::chown(path, Some(4242), Some(4242)).unwrap();
    }
}

static HASH: LazyLock<String> = LazyLock::new(|| {
    let code = format!("print crypt('{PASSWORD}', '$6$abcdefgh$')");
    let output = Command::new("perl").args(["-e", &code]).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
});

/// A key pair by name, made once for all tests: `user`, `other`, `authority`, `host-KIND` …
pub(crate) fn key(name: &str) -> PathBuf {
    static KEYS: LazyLock<TempDir> = LazyLock::new(|| {
        let dir = TempDir::new().unwrap();
        for (name, kind, passphrase) in [
            ("user", "ed25519", ""),
            ("other", "ed25519", ""),
            ("user-ecdsa", "ecdsa", ""),
            ("user-rsa", "rsa", ""),
            ("locked-ed25519", "ed25519", PASSPHRASE),
            ("locked-ecdsa", "ecdsa", PASSPHRASE),
            ("locked-rsa", "rsa", PASSPHRASE),
            ("authority", "ed25519", ""),
            ("authority-other", "ed25519", ""),
            ("host-ed25519", "ed25519", ""),
            ("host-ed25519-other", "ed25519", ""),
            ("host-ecdsa", "ecdsa", ""),
            ("host-rsa", "rsa", ""),
            ("host-rsa-other", "rsa", ""),
        ] {
            make_key(&dir.path().join(name), kind, passphrase);
        }
        dir
    });
    KEYS.path().join(name)
}

pub(crate) fn make_key(file: &Path, kind: &str, passphrase: &str) {
    // One round: decrypting is slow on purpose, and slower in a debug build.
    keygen(&[
        "-q",
        "-t",
        kind,
        "-a",
        "1",
        "-N",
        passphrase,
        "-C",
        "test",
        "-f",
        &file.display().to_string(),
    ]);
}

pub(crate) fn keygen(arguments: &[&str]) -> String {
    let output = Command::new("ssh-keygen").args(arguments).output().unwrap();
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// The public half, `TYPE BASE64`.
pub(crate) fn public(name: &str) -> String {
    let text = fs::read_to_string(key(name).with_extension("pub")).unwrap();
    text.split_whitespace()
        .take(2)
        .collect::<Vec<_>>()
        .join(" ")
}

fn kill(pid: u32) {
    let _ = Command::new("kill")
        .args(["-KILL", &pid.to_string()])
        .stderr(Stdio::null())
        .status();
}

/// The processes below one, deepest last.
fn below(pid: u32) -> Vec<u32> {
    let mut found = Vec::new();
    let mut parents = vec![pid];
    let all: Vec<(u32, u32)> = fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| {
            let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
            let parent = stat
                .rsplit_once(')')?
                .1
                .split_whitespace()
                .nth(1)?
                .parse()
                .ok()?;
            Some((pid, parent))
        })
        .collect();
    while let Some(parent) = parents.pop() {
        for (pid, _) in all.iter().filter(|(_, of)| *of == parent) {
            found.push(*pid);
            parents.push(*pid);
        }
    }
    found
}
