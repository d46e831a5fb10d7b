//! The real kube-apiserver of `tests/real/control-plane`, started in a directory of its own, stopped with this value.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

/// A start on a busy machine with 20,000 pods.
const PATIENCE: Duration = Duration::from_secs(150);

pub(crate) struct ControlPlane {
    child: Child,
    /// Its end is the sign to quit.
    stdin: Option<ChildStdin>,
    answers: Receiver<String>,
    dir: TempDir,
}

/// Builds the control plane, or finds it built. Fails where there is no Go.
pub(crate) fn build() -> Result<PathBuf> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real/control-plane/build");
    let output = Command::new(script)
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run tests/real/control-plane/build")?;
    if !output.status.success() {
        bail!("tests/real/control-plane/build failed");
    }
    Ok(PathBuf::from(String::from_utf8(output.stdout)?.trim()))
}

impl ControlPlane {
    pub(crate) fn start(binary: &Path) -> Result<ControlPlane> {
        let dir = TempDir::new()?;
        // Where it is used, the API server does not share the cores of the terminal: it steps back for the cockpit, and
        // for all that stands beside it here.
        let mut child = Command::new("nice")
            .args(["-n", "10"])
            .arg(binary)
            .arg("--dir")
            .arg(dir.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start the control plane")?;
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().context("no output")?;
        let (tell, answers) = channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if tell.send(line).is_err() {
                    return;
                }
            }
        });
        let control_plane = ControlPlane {
            child,
            stdin,
            answers,
            dir,
        };
        control_plane.answer("ready")?;
        Ok(control_plane)
    }

    /// In the shape of k3s.yaml, with all rights.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.dir.path().join("k3s.yaml")
    }

    /// Sends a command of its protocol and waits for the answer that begins with `expected`.
    pub(crate) fn ask(&mut self, command: &str, expected: &str) -> Result<()> {
        let stdin = self.stdin.as_mut().context("the control plane has ended")?;
        writeln!(stdin, "{command}")?;
        self.answer(expected)
    }

    fn answer(&self, expected: &str) -> Result<()> {
        let answer = self
            .answers
            .recv_timeout(PATIENCE)
            .with_context(|| format!("the control plane does not say {expected:?}"))?;
        if !answer.starts_with(expected) {
            bail!("the control plane says {answer:?} where {expected:?} was awaited");
        }
        Ok(())
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        self.stdin = None;
        for _ in 0..100 {
            if matches!(self.child.try_wait(), Ok(Some(_)) | Err(_)) {
                return;
            }
            thread::sleep(Duration::from_millis(100));
        }
        // Its children die with it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
