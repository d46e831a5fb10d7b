//! The real control plane as a child process: started once for all questions, and ended with this process, because it
//! ends with its standard input.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock};

/// A running kube-apiserver with everything below a folder of its own.
pub(crate) struct ControlPlane {
    folder: tempfile::TempDir,
    process: Mutex<Process>,
}

struct Process {
    child: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
}

/// The one that every question shares which leaves the API up; `None`, said once, where there is none.
pub(crate) fn shared() -> Option<Arc<ControlPlane>> {
    static SHARED: OnceLock<Option<Arc<ControlPlane>>> = OnceLock::new();
    SHARED.get_or_init(|| start().map(Arc::new)).clone()
}

/// One of its own, for questions that take the API down.
pub(crate) fn start() -> Option<ControlPlane> {
    match binary() {
        Ok(binary) => Some(ControlPlane::start(&binary)),
        Err(reason) => {
            assert!(
                std::env::var("CI").as_deref() != Ok("true"),
                "nothing may be skipped in CI: {reason}"
            );
            eprintln!("skipped: the real kube-apiserver: {reason}");
            None
        }
    }
}

/// The cached binary. It is never built from here: that takes minutes and belongs to `tests/run`.
fn binary() -> Result<PathBuf, String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real/control-plane/build");
    let output = Command::new(script)
        .arg("--cached")
        .output()
        .map_err(|error| error.to_string())?;
    match output.status.code() {
        Some(0) => Ok(String::from_utf8_lossy(&output.stdout).trim().into()),
        Some(3) => Err("not built yet; tests/run builds it".to_owned()),
        _ => Err(format!(
            "it cannot be looked for: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        )),
    }
}

impl ControlPlane {
    fn start(binary: &Path) -> ControlPlane {
        let folder = tempfile::tempdir().unwrap();
        let mut child = Command::new(binary)
            .arg("--dir")
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let commands = child.stdin.take().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        let mut process = Process {
            child,
            commands,
            answers,
        };
        let ready = process.answer();
        assert!(ready.starts_with("ready "), "{ready}");
        ControlPlane {
            folder,
            process: Mutex::new(process),
        }
    }

    /// The text of one of its kubeconfigs: `k3s.yaml`, `kubeconfig-viewer.yaml`, …
    pub(crate) fn kubeconfig(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).unwrap()
    }

    /// Gives a command of its protocol and waits for the answer.
    pub(crate) fn order(&self, command: &str) -> String {
        let mut process = self.process.lock().unwrap();
        writeln!(process.commands, "{command}").unwrap();
        let answer = process.answer();
        assert!(!answer.starts_with("error"), "{command}: {answer}");
        answer
    }
}

impl Process {
    fn answer(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        let mut process = self.process.lock().unwrap();
        let _ = writeln!(process.commands, "quit");
        let _ = process.child.wait();
    }
}
