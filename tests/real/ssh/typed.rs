//! The real program on a terminal of its own, and somebody who types what it asks for.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use tempfile::TempDir;

use super::sshd::{Sshd, key, public};

/// A person's home with ssh's files: `board` is the server.
pub(crate) struct Home {
    dir: TempDir,
}

/// The program while it runs.
pub(crate) struct Typed {
    child: Box<dyn Child + Send + Sync>,
    keyboard: Box<dyn Write + Send>,
    heard: Receiver<Vec<u8>>,
    said: String,
    _terminal: Box<dyn MasterPty + Send>,
}

impl Home {
    /// `config` stands before the lines for the board.
    pub(crate) fn new(server: &Sshd, config: &str) -> Home {
        let dir = TempDir::new().unwrap();
        let ssh = dir.path().join(".ssh");
        fs::create_dir(&ssh).unwrap();
        fs::create_dir(dir.path().join("no-programs")).unwrap();
        let text = format!(
            "{config}\nHost board\n HostName 127.0.0.1\n Port {}\n User pi\nHost *\n IdentityAgent none\n \
             GlobalKnownHostsFile none\n",
            server.port
        );
        fs::write(ssh.join("config"), text).unwrap();
        let home = Home { dir };
        home.write(".ssh/id_ed25519", &fs::read(key("user")).unwrap());
        home
    }

    /// The server's key is known already.
    pub(crate) fn knows(self, server: &Sshd) -> Home {
        let line = format!("[127.0.0.1]:{} {}\n", server.port, public("host-ed25519"));
        self.write(".ssh/known_hosts", line.as_bytes());
        self
    }

    /// Without a key, a password has to do.
    pub(crate) fn without_key(self) -> Home {
        fs::remove_file(self.path().join(".ssh/id_ed25519")).unwrap();
        self
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path().join(name);
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    /// Everything the program needs to find this home and no other, and no `ssh` that would look into ours.
    fn environment(&self) -> [(&'static str, PathBuf); 2] {
        [
            ("HOME", self.path().to_owned()),
            ("PATH", self.path().join("no-programs")),
        ]
    }

    /// The program without a terminal.
    pub(crate) fn run(&self, arguments: &[&str]) -> std::process::Output {
        // A session of its own has no terminal that could be asked.
        std::process::Command::new("/usr/bin/setsid")
            .arg("--wait")
            .arg(env!("CARGO_BIN_EXE_bramble"))
            .args(arguments)
            .env_clear()
            .envs(self.environment())
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap()
    }

    /// The program on a terminal.
    pub(crate) fn start(&self, arguments: &[&str]) -> Typed {
        let pty = native_pty_system()
            .openpty(PtySize {
                rows: 50,
                cols: 400,
                ..PtySize::default()
            })
            .unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_bramble"));
        command.args(arguments);
        command.env_clear();
        for (name, value) in self.environment() {
            command.env(name, value);
        }
        let child = pty.slave.spawn_command(command).unwrap();
        drop(pty.slave);
        let (tx, heard) = channel();
        let mut reader = pty.master.try_clone_reader().unwrap();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                if tx.send(buffer[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Typed {
            child,
            keyboard: pty.master.take_writer().unwrap(),
            heard,
            said: String::new(),
            _terminal: pty.master,
        }
    }
}

impl Typed {
    /// Waits until the terminal shows `text`, and types `answer` then.
    pub(crate) fn answer(&mut self, text: &str, answer: &str) {
        self.wait_for(text);
        self.keyboard.write_all(answer.as_bytes()).unwrap();
        self.keyboard.flush().unwrap();
    }

    /// Waits until the terminal shows `text` after what was waited for last.
    pub(crate) fn wait_for(&mut self, text: &str) {
        let end = Instant::now() + Duration::from_secs(30);
        let at = loop {
            if let Some(found) = self.said.find(text) {
                break found + text.len();
            }
            let left = end.saturating_duration_since(Instant::now());
            let Ok(bytes) = self.heard.recv_timeout(left) else {
                panic!("the terminal never showed {text:?}, but:\n{}", self.said);
            };
            self.said.push_str(&String::from_utf8_lossy(&bytes));
        };
        self.said.drain(..at);
    }

    /// What it said from there on, and its exit code.
    pub(crate) fn end(mut self) -> (u32, String) {
        while let Ok(bytes) = self.heard.recv_timeout(Duration::from_secs(30)) {
            self.said.push_str(&String::from_utf8_lossy(&bytes));
        }
        let status = self.child.wait().unwrap();
        (status.exit_code(), self.said.replace("\r\n", "\n"))
    }

    /// The id of the process, for signals.
    pub(crate) fn id(&self) -> u32 {
        self.child.process_id().unwrap()
    }
}

impl Drop for Typed {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}
