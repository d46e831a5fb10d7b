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
    /// Cordon the Node and evict its pods, so that nothing is cut off.
    Drain {
        name: String,
    },
    /// Let pods come to the Node again.
    Uncordon {
        name: String,
    },
    /// Remove the Node of this very machine from the cluster, and its password.
    Leave {
        name: String,
        machine: String,
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
            Step::Drain { .. } => "drain",
            Step::Uncordon { .. } => "uncordon",
            Step::Leave { .. } => "leave the cluster",
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
            Step::RemoveOldNode { name } | Step::Leave { name, .. } => vec![format!("remove node {name} and its password from the cluster")],
            Step::Drain { name } => vec![format!(
                "drain node {name}: cordon it and evict its pods, disruption budgets honoured; what they keep in emptyDir \
                 volumes is lost, and a pod that nothing makes again stops it"
            )],
            Step::Uncordon { name } => vec![format!("uncordon node {name}")],
            Step::Install { role } => {
                vec![format!("run k3s's installer as {} without download and start", role.command())]
            }
            Step::Start { role } => vec![format!("start {} and follow its journal", role.unit())],
            Step::Join { name, .. } => vec![format!("wait until node {name} is Ready and beats, and its system pods run")],
        }
    }

    /// What it does, in one short line; for a question.
    pub fn brief(&self) -> String {
        match self {
            Step::Clean => "clean: local-path volumes on this board are lost".to_owned(),
            Step::EditCmdline(edit) => {
                let is_new = |word: &&str| edit.before.split_whitespace().all(|old| old != *word);
                let added: Vec<&str> = edit.after.split_whitespace().filter(is_new).collect();
                format!("edit {}: + {}", edit.path, added.join(" "))
            }
            Step::PushBinary { version, build } => format!("put k3s {version} ({build}) in place"),
            Step::Configure { file, .. } => format!("write {file}"),
            Step::RemoveOldNode { name } => format!("remove the old node {name} and its password"),
            Step::Drain { name } => format!("drain node {name}"),
            Step::Uncordon { name } => format!("uncordon node {name}"),
            Step::Leave { name, .. } => format!("remove node {name} and its password"),
            Step::Install { role } => format!("run k3s's installer as {}", role.command()),
            Step::Start { role } => format!("start {}", role.unit()),
            Step::Join { name, .. } => format!("wait until node {name} is Ready and beats"),
            Step::SetClock | Step::Reboot { .. } | Step::PushImages { .. } => {
                self.name().to_owned()
            }
        }
    }

    /// It cannot be undone: a name is typed before.
    pub fn is_final(&self) -> bool {
        matches!(self, Step::Clean | Step::RemoveOldNode { .. })
    }

    /// It cannot be undone, or interrupts what runs on the board.
    pub fn is_dangerous(&self) -> bool {
        matches!(
            self,
            Step::Clean | Step::Reboot { .. } | Step::RemoveOldNode { .. }
        )
    }
}
