//! A board: a real sshd whose root looks like a Raspberry Pi with a fresh card, in namespaces of its own (mounts and
//! process ids).
//!
//! `/etc`, `/boot`, `/sys`, `/usr/local`, `/var/lib` are folders of the test; of `/proc` the kernel's line and the boot
//! id are files of it. sudo, PAM, the shell and curl are the real ones. Dropping it ends everything that runs on it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

use tempfile::TempDir;

use crate::ssh::sshd::key;

pub(crate) const LINE: &str = "console=tty1 root=PARTUUID=4e639091-02 rootwait";
/// Within `usr-local`, where the stand-ins keep what they know.
const SHARE: &str = "usr-local/share/board";

pub(crate) struct Board {
    pub(crate) name: String,
    pub(crate) port: u16,
    dir: TempDir,
    child: Child,
}

impl Board {
    /// A board that has booted for the first time.
    pub(crate) fn blank(name: &str) -> Board {
        let dir = TempDir::new().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        furnish(dir.path(), name, port);
        let child = start(dir.path());
        Board {
            name: name.to_owned(),
            port,
            dir,
            child,
        }
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        write(self.dir.path(), path, text);
    }

    /// The text of a file; empty when there is none.
    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap_or_default()
    }

    /// For the stand-ins: a switch, or something they must know.
    pub(crate) fn tell(&self, name: &str, text: &str) {
        self.write(&format!("{SHARE}/{name}"), text);
    }

    /// What has been done to the board: `boot`, `install agent`, `start k3s-agent`, a line each.
    pub(crate) fn log(&self) -> Vec<String> {
        self.read(&format!("{SHARE}/log"))
            .lines()
            .map(str::to_owned)
            .collect()
    }

    pub(crate) fn count(&self, word: &str) -> usize {
        self.log()
            .iter()
            .filter(|line| line.starts_with(word))
            .count()
    }

    /// Names in a folder, sorted.
    pub(crate) fn list(&self, path: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(path))
            .into_iter()
            .flatten()
            .flatten();
        let mut names: Vec<String> = entries
            .map(|it| it.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    pub(crate) fn has_controllers(&self) -> bool {
        self.read("sys/fs/cgroup/cgroup.controllers")
            .contains("memory")
    }

    /// Memory cgroups are on from the start.
    pub(crate) fn with_controllers(self) -> Board {
        self.write(
            "sys/fs/cgroup/cgroup.controllers",
            "cpuset cpu io memory pids\n",
        );
        self
    }
}

impl Drop for Board {
    /// The board's processes have a namespace of their own, which ends with its first: nothing is killed by a number
    /// that was read from a file.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn write(dir: &Path, path: &str, text: &str) {
    let path = dir.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn program(dir: &Path, name: &str, text: &str) {
    let path = format!("usr-local/bin/{name}");
    write(dir, &path, text);
    fs::set_permissions(dir.join(path), fs::Permissions::from_mode(0o755)).unwrap();
}

fn furnish(dir: &Path, name: &str, port: u16) {
    let copied = Command::new("cp")
        .args(["-a", "/etc"])
        .arg(dir.join("etc"))
        .status()
        .unwrap();
    assert!(copied.success());
    let home = dir.join("home");
    for (path, text) in [
        ("etc/machine-id", format!("{:0>32}\n", port)),
        (
            "etc/sudoers",
            "root ALL=(ALL) ALL\npi ALL=(ALL) NOPASSWD: ALL\n".to_owned(),
        ),
        (
            "sys/firmware/devicetree/base/model",
            "Raspberry Pi 4 Model B Rev 1.4\0".to_owned(),
        ),
        (
            "sys/firmware/devicetree/base/serial-number",
            format!("{port:016}\0"),
        ),
        (
            "sys/class/net/eth0/address",
            "dc:a6:32:00:00:02\n".to_owned(),
        ),
        (
            "sys/fs/cgroup/cgroup.controllers",
            "cpuset cpu io pids\n".to_owned(),
        ),
        (
            "boot/cmdline.txt",
            "DO NOT EDIT THIS FILE\nThe file has moved to /boot/firmware/cmdline.txt\n".to_owned(),
        ),
        ("boot/firmware/cmdline.txt", format!("{LINE}\n")),
        ("var-lib/x", String::new()),
        (
            &format!("{SHARE}/cmdline"),
            format!("coherent_pool=1M cgroup_disable=memory {LINE}\n"),
        ),
        (&format!("{SHARE}/boot_id"), format!("boot-of-{name}\n")),
        (&format!("{SHARE}/hostname"), format!("{name}\n")),
        (&format!("{SHARE}/units/x"), String::new()),
    ] {
        write(dir, path, &text);
    }
    fs::set_permissions(dir.join("etc/sudoers"), fs::Permissions::from_mode(0o440)).unwrap();
    for (file, line) in [
        (
            "passwd",
            format!("pi:x:4242:4242::{}:/bin/sh\n", home.display()),
        ),
        ("group", "pi:x:4242:\n".to_owned()),
        ("shadow", "pi:*:19000:0:99999:7:::\n".to_owned()),
    ] {
        let text = fs::read_to_string(dir.join("etc").join(file)).unwrap_or_default();
        fs::write(dir.join("etc").join(file), text + &line).unwrap();
    }
    for module in ["vxlan", "br_netfilter", "overlay"] {
        fs::create_dir_all(dir.join("sys/module").join(module)).unwrap();
    }
    program(dir, "systemctl", include_str!("systemctl.sh"));
    program(
        dir,
        "uname",
        "#!/bin/sh\ncase $1 in -m) echo aarch64 ;; *) exec /usr/bin/uname \"$@\" ;; esac\n",
    );
    program(
        dir,
        "journalctl",
        &format!(
            "#!/bin/sh\ntail -n 200 \"/{}/journal/$2\" 2>/dev/null\nexit 0\n",
            SHARE.replace("usr-local", "usr/local")
        ),
    );
    program(
        dir,
        "findmnt",
        "#!/bin/sh\ncase $* in */boot/firmware/*) echo '/boot/firmware vfat rw,relatime' ;; *) echo '/ ext4 rw' ;; esac\n",
    );
    program(dir, "timedatectl", "#!/bin/sh\necho NTPSynchronized=yes\n");
    program(
        dir,
        "ip",
        "#!/bin/sh\ncase $* in *get*) echo '192.0.2.1 via 127.0.0.1 dev eth0 src 127.0.0.1 uid 0' ;; *) echo 'default via 127.0.0.1 dev eth0' ;; esac\n",
    );
    program(dir, "dmesg", "#!/bin/sh\nexit 0\n");
    fs::create_dir_all(home.join(".ssh")).unwrap();
    fs::copy(
        key("user").with_extension("pub"),
        home.join(".ssh/authorized_keys"),
    )
    .unwrap();
    for path in [
        home.clone(),
        home.join(".ssh"),
        home.join(".ssh/authorized_keys"),
    ] {
        chown(path, Some(4_242), Some(4_242)).unwrap();
    }
    let config = [
        format!("HostKey {}", key("host-ed25519").display()),
        format!("ListenAddress 127.0.0.1\nPort {port}\nPidFile none\nUsePAM yes\nStrictModes no"),
        "LogLevel VERBOSE\nKbdInteractiveAuthentication no\nPrintMotd no\nMaxStartups 100"
            .to_owned(),
    ];
    write(dir, "sshd_config", &(config.join("\n") + "\n"));
}

fn start(dir: &Path) -> Child {
    let share = dir.join(SHARE);
    let script = format!(
        "set -e; cd \"$0\"; mount -t tmpfs tmpfs /run; mkdir /run/sshd; \
         mount --bind {share}/cmdline /proc/cmdline; mount --bind {share}/boot_id /proc/sys/kernel/random/boot_id; \
         mount --bind {share}/hostname /proc/sys/kernel/hostname; \
         mount --bind etc /etc; mount --bind boot /boot; mount --bind sys /sys; mount --bind usr-local /usr/local; \
         mount --bind var-lib /var/lib; exec /usr/sbin/sshd -D -e -f \"$0/sshd_config\"",
        share = share.display()
    );
    let mut child = Command::new("unshare")
        .args(["--mount", "--pid", "--fork", "--kill-child", "--mount-proc"])
        .args(["sh", "-c", &script])
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
            // Read to the end, whether somebody listens or not: a full pipe would stop sshd.
            let _ = tx.send(line);
        }
    });
    let mut seen = Vec::new();
    loop {
        let Ok(line) = log.recv_timeout(Duration::from_secs(20)) else {
            panic!("sshd never listened; it said:\n{}", seen.join("\n"));
        };
        if line.contains("Server listening") {
            return child;
        }
        seen.push(line);
    }
}
