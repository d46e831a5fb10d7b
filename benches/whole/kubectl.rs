//! `kubectl get nodes`, which we are measured against.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// Whether there is a kubectl to compare with.
pub(crate) fn is_there() -> bool {
    Command::new("kubectl")
        .args(["version", "--client"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// From exec to the first row of a node.
pub(crate) fn first_row(kubeconfig: &Path, home: &Path) -> Result<Duration> {
    let started = Instant::now();
    let mut child = Command::new("kubectl")
        .arg("--kubeconfig")
        .arg(kubeconfig)
        .args(["get", "nodes", "--request-timeout=60s"])
        .env("HOME", home)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let stdout = child.stdout.take().context("no output")?;
    let mut took = None;
    for line in BufReader::new(stdout).lines().map_while(Result::ok) {
        if took.is_none() && line.starts_with("board-") {
            took = Some(started.elapsed());
        }
    }
    child.wait()?;
    took.context("kubectl get nodes shows no node")
}
