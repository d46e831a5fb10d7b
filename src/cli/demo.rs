//! `bramble demo`: starts a simulated rack in this process, writes a kubeconfig that points at it, and runs the
//! ordinary program. Nothing else of bramble knows that it is a demo.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, anyhow};

use crate::cli::{Failure, Global, cockpit};
use crate::clients::gitlab::{Settings, TokenSource};
use crate::clients::kubeconfig_files::Places;
use crate::clients::kubernetes::Target;
use crate::config::K3s;
use crate::sim::{Gitlab, Releases, Scenario, Sim};

pub(super) fn run(global: &Global, scenario: &str, seed: u64) -> Result<ExitCode, Failure> {
    let rack = Scenario::shipped(scenario).map_err(|error| Failure::usage(anyhow!(error)))?;
    let runtime = cockpit::runtime().map_err(Failure::terminal)?;
    let gitlab = runtime
        .block_on(Gitlab::start())
        .context("cannot start the demo's GitLab on 127.0.0.1")
        .map_err(Failure::terminal)?;
    // Its registry has what these workloads run.
    let rack = rack
        .with_image("my-web-app", &format!("{}/web:356a192b", gitlab.images()))
        .with_image("labels", &format!("{}/labels:0.9", gitlab.images()));
    let sim = runtime
        .block_on(Sim::start(rack, seed))
        .context("cannot start the demo rack on 127.0.0.1")
        .map_err(Failure::terminal)?;
    let folder = Folder::make()
        .context("cannot make a folder for the demo")
        .map_err(Failure::terminal)?;
    let kubeconfig = folder
        .write("kubeconfig", &sim.kubeconfig())
        .map_err(Failure::terminal)?;
    let target = Target {
        kubeconfig: Some(kubeconfig),
        context: None,
        env: None,
        home: None,
    };
    // Another demo has other objects under the same names: drafts, and notes for undo, go with it.
    let state = folder.path().join("state");
    let notes = state.join("kubeconfig-undo");
    let known_hosts = folder
        .write("known_hosts", &sim.known_hosts())
        .map_err(Failure::terminal)?;
    let ssh_config = folder
        .write("ssh_config", &sim.ssh_config(&known_hosts))
        .map_err(Failure::terminal)?;
    let name = |node: &str| (node.to_owned(), node.to_owned());
    let token = folder
        .write("gitlab-token", gitlab.token())
        .map_err(Failure::terminal)?;
    let releases = runtime
        .block_on(Releases::start(sim.version()))
        .context("cannot start the demo's releases of k3s on 127.0.0.1")
        .map_err(Failure::terminal)?;
    let below = |path: &str| Some(format!("{}/{path}", releases.url()));
    let stand_in = cockpit::StandIn {
        k3s: K3s {
            channels: below("channels"),
            releases: below("releases"),
            installer: below("install.sh"),
            ..K3s::default()
        },
        gitlab: Settings {
            name: "demo".to_owned(),
            url: gitlab.url(),
            ca_file: None,
            token: TokenSource::File(token),
            projects: Vec::new(),
        },
        state,
        context: sim.context().to_owned(),
        hosts: sim.ssh_boards().map(name).collect(),
        ssh_config,
    };
    let places = Places { target, notes };
    let result = cockpit::run_in(&runtime, global, places, Some(stand_in));
    runtime.block_on(sim.shutdown());
    result
}

/// Names tried for the folder.
const TRIES: u32 = 100;

/// A folder of our own below the system's temporary one, gone when we are.
struct Folder(PathBuf);

impl Folder {
    fn make() -> io::Result<Folder> {
        let name = format!("bramble-demo-{}", std::process::id());
        // Process numbers come again, in containers soon: what a killed demo left must not stop this one.
        for attempt in 0..TRIES {
            let path = std::env::temp_dir().join(format!("{name}-{attempt}"));
            match fs::DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => return Ok(Folder(path)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::other(format!("{name}-* are all taken")))
    }

    fn path(&self) -> &Path {
        &self.0
    }

    fn write(&self, name: &str, text: &str) -> anyhow::Result<PathBuf> {
        let path = self.0.join(name);
        write_private(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    io::Write::write_all(&mut file, text.as_bytes())
}
