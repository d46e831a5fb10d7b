//! The steps of a plan, in the order in which they are taken.

use serde::{Deserialize, Serialize};

use super::cmdline::Edit;
use super::version::Version;
use super::wish::Role;

/// One thing that is done to a board. Each brings about a state and does nothing where it is there already.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Run k3s's own uninstaller and remove what it leaves.
    Clean,
    /// Switch the network clock on and wait for it.
    SetClock,
    EditCmdline(Edit),
    /// Start anew, come back with another boot id, and have the memory controller.
    Reboot {
        boot: String,
    },
    /// The binary, shared by all boards of one kind.
    PushBinary {
        version: Version,
        build: String,
    },
    /// Images for boards without a way to the internet.
    PushImages {
        build: String,
    },
    /// Write a file of k3s's configuration (0600); the token comes at that moment and is kept nowhere else.
    Configure {
        file: String,
        lines: Vec<String>,
        with_token: bool,
    },
    /// Remove the Node that had this name, and its password.
    RemoveOldNode {
        name: String,
    },
    /// The installer, without download and without start.
    Install {
        role: Role,
    },
    /// Start or restart the unit, without waiting for it.
    Start {
        role: Role,
    },
    /// Wait until the Node is there, beats, is Ready, and its system pods run.
    Join {
        role: Role,
        name: String,
    },
}

impl Step {
    /// What it is called in the journal, on the screen and in summaries.
    pub fn name(&self) -> &'static str {
        match self {
            Step::Clean => "clean",
            Step::SetClock => "set the clock",
            Step::EditCmdline(_) => "edit cmdline.txt",
            Step::Reboot { .. } => "reboot",
            Step::PushBinary { .. } => "push k3s",
            Step::PushImages { .. } => "push images",
            Step::Configure { .. } => "write config.yaml",
            Step::RemoveOldNode { .. } => "remove the old node",
            Step::Install { .. } => "install",
            Step::Start { .. } => "start",
            Step::Join { .. } => "join",
        }
    }

    /// What it does, exactly; for the plan.
    pub fn words(&self) -> Vec<String> {
        match self {
            Step::Clean => vec![
                "run k3s-killall.sh and k3s's uninstaller where they are, then remove /etc/rancher, /var/lib/rancher/k3s, \
                 /var/lib/kubelet and the units: local-path volumes on this board are lost"
                    .to_owned(),
            ],
            Step::SetClock => vec!["timedatectl set-ntp true, and wait until the clock is set".to_owned()],
            Step::EditCmdline(edit) => vec![
                format!("edit {} (a copy stays beside it)", edit.path),
                format!("- {}", edit.before),
                format!("+ {}", edit.after),
            ],
            Step::Reboot { .. } => vec!["reboot, and check that the memory controller is there".to_owned()],
            Step::PushBinary { version, build } => {
                vec![format!("put k3s {version} ({build}) at /usr/local/bin/k3s, checked by its SHA-256 on both ends")]
            }
            Step::PushImages { .. } => vec!["put the images into /var/lib/rancher/k3s/agent/images".to_owned()],
            Step::Configure {
                file,
                lines,
                with_token,
            } => {
                let mut words = vec![format!("write {file} (0600; what was there is kept beside it)")];
                words.extend(lines.iter().map(|line| format!("+ {line}")));
                if *with_token {
                    words.push("+ token: *** (over stdin)".to_owned());
                }
                words
            }
            Step::RemoveOldNode { name } => vec![format!("remove node {name} and its password from the cluster")],
            Step::Install { role } => {
                vec![format!("run k3s's installer as {} without download and start", role.command())]
            }
            Step::Start { role } => vec![format!("start {} and follow its journal", role.unit())],
            Step::Join { name, .. } => vec![format!("wait until node {name} is Ready and beats, and its system pods run")],
        }
    }

    /// It cannot be undone, or interrupts what runs on the board.
    pub fn is_dangerous(&self) -> bool {
        matches!(
            self,
            Step::Clean | Step::Reboot { .. } | Step::RemoveOldNode { .. }
        )
    }
}
