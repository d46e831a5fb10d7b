//! The plan for one board: which steps bring it from what it is to what is wished.

use serde::{Deserialize, Serialize};

use super::cmdline::{self, Cure};
use super::config;
use super::findings::{Finding, Fix, Look, board, cluster};
use super::step::Step;
use super::wish::Role;

/// Where k3s reads its flags.
pub const CONFIG: &str = "/etc/rancher/k3s/config.yaml";
/// Read after it; for a server that was set up by somebody else, whose config.yaml is left alone.
pub const ETCD_CONFIG: &str = "/etc/rancher/k3s/config.yaml.d/50-bramble-etcd.yaml";

/// Exactly what is done, in order. It is accepted as it stands and kept in the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The name the Node will have.
    pub node: String,
    pub steps: Vec<Step>,
}

/// The plan for a board with these findings. Steps that only an allowed fix makes possible are in it when the wish allows
/// them.
pub fn plan(look: &Look<'_>, found: &[Finding]) -> Plan {
    let (wish, facts, node) = (look.wish, look.facts, look.node());
    if wish.leaves {
        return leaving(look);
    }
    let has = |fix: Fix| found.iter().any(|finding| finding.fix == Some(fix));
    let cleans = wish.may_clean && has(Fix::Clean);
    let is_member = !cleans && is_member(look);
    let installed = facts.installed.as_ref().filter(|_| !cleans);
    let is_version = installed.is_some_and(|it| it.version.as_ref() == Some(&wish.version));
    let mut steps = Vec::new();
    if cleans {
        steps.push(Step::Clean);
    }
    if board::wants_clock(look) {
        steps.push(Step::SetClock);
    }
    kernel(look, &mut steps);
    if !is_version && let Some(build) = facts.build() {
        steps.push(Step::PushBinary {
            version: wish.version.clone(),
            build: build.to_owned(),
        });
        if wish.has_images {
            steps.push(Step::PushImages {
                build: build.to_owned(),
            });
        }
    }
    if wish.may_replace && has(Fix::Replace) {
        steps.push(Step::RemoveOldNode { name: node.clone() });
    }
    let converts = is_member
        && wish.role == (Role::FirstServer { etcd: true })
        && facts.datastore.as_deref() == Some("sqlite");
    if !is_member {
        steps.push(Step::Configure {
            file: CONFIG.to_owned(),
            lines: config::lines(wish, &node, facts.address.as_deref()),
            with_token: !matches!(wish.role, Role::FirstServer { .. }),
        });
    } else if converts {
        steps.push(Step::Configure {
            file: ETCD_CONFIG.to_owned(),
            lines: vec!["cluster-init: true".to_owned()],
            with_token: false,
        });
    }
    // An upgrade: nothing that runs there is cut off, where there is another board for it.
    let drains = is_member && !is_version && has_other_boards(look, &node);
    if drains {
        steps.push(Step::Drain { name: node.clone() });
    }
    if !is_member || !is_version {
        steps.push(Step::Install { role: wish.role });
    }
    if !is_member || !is_version || converts {
        steps.push(Step::Start { role: wish.role });
    }
    steps.push(Step::Join {
        role: wish.role,
        name: node.clone(),
    });
    if drains {
        steps.push(Step::Uncordon { name: node.clone() });
    }
    Plan { node, steps }
}

/// From a member to a blank board. The Node goes last: k3s would make it anew while it runs.
fn leaving(look: &Look<'_>) -> Plan {
    let node = look.node();
    let known = look.cluster.and_then(|cluster| {
        let mut nodes = cluster.nodes.iter();
        nodes.find(|known| known.name == node && cluster::is_same(look, known))
    });
    let mut steps = Vec::new();
    if known.is_some_and(|known| known.is_ready) && has_other_boards(look, &node) {
        steps.push(Step::Drain { name: node.clone() });
    }
    steps.push(Step::Clean);
    let makes_cluster = matches!(look.wish.role, Role::FirstServer { .. });
    if let Some(known) = known.filter(|_| !makes_cluster) {
        steps.push(Step::Leave {
            name: node.clone(),
            machine: known.machine_id.clone(),
        });
    }
    Plan { node, steps }
}

/// Whether pods of this Node have somewhere to go.
fn has_other_boards(look: &Look<'_>, node: &str) -> bool {
    let nodes = look.cluster.iter().flat_map(|cluster| &cluster.nodes);
    nodes
        .filter(|other| other.is_ready && other.name != node)
        .count()
        > 0
}

/// What the kernel's parameters need.
fn kernel(look: &Look<'_>, steps: &mut Vec<Step>) {
    let facts = look.facts;
    if facts.cgroup.has_memory() != Some(false) {
        return;
    }
    let running = facts.running.as_deref().unwrap_or_default();
    let boot = facts.boot_id.clone().unwrap_or_default();
    match cmdline::cure(&facts.boot_files, running) {
        Cure::Edit(edit) => {
            steps.push(Step::EditCmdline(edit));
            steps.push(Step::Reboot { boot });
        }
        Cure::Reboot => steps.push(Step::Reboot { boot }),
        // Findings that stop the board say so.
        Cure::KernelIgnoresThem | Cure::NoFile | Cure::Refused { .. } => {}
    }
}

/// Whether the board does already what is wished, but perhaps in another version.
fn is_member(look: &Look<'_>) -> bool {
    if !look.facts.is_unit_active(look.wish.role.unit()) {
        return false;
    }
    if matches!(look.wish.role, Role::FirstServer { .. }) {
        return true;
    }
    let node = look.node();
    look.cluster.is_some_and(|it| {
        it.nodes
            .iter()
            .any(|known| known.name == node && cluster::is_same(look, known))
    })
}

impl Plan {
    /// The plan in words, a line each, steps numbered.
    pub fn words(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (index, step) in self.steps.iter().enumerate() {
            for (at, words) in step.words().into_iter().enumerate() {
                lines.push(if at == 0 {
                    format!("{}. {words}", index + 1)
                } else {
                    format!("     {words}")
                });
            }
        }
        lines
    }

    /// The steps in a short line each, numbered.
    pub fn brief(&self) -> Vec<String> {
        let steps = self.steps.iter().zip(1..);
        steps
            .map(|(step, at)| format!("{at}. {}", step.brief()))
            .collect()
    }

    /// Whether it takes pods off the board for a while: not all boards of a cluster may do that at once.
    pub fn drains(&self) -> bool {
        self.steps
            .iter()
            .any(|step| matches!(step, Step::Drain { .. }))
    }

    /// Only a look whether all is well.
    pub fn changes_nothing(&self) -> bool {
        self.steps
            .iter()
            .all(|step| matches!(step, Step::Join { .. }))
    }
}
