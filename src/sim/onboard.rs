//! Boards that are no nodes yet: a card with Raspberry Pi OS on it and nothing else, which the steps of an onboarding turn
//! into a node of the rack. Each may have a trouble of its own.
//!
//! Nothing is run: scripts are known by their words, as in `board`. What they would do to the card is noted in a [`Card`],
//! and the next look at the board sees it. A board whose unit starts joins after a while, or says in its journal why not.

mod facts;
mod journal;

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::agenda::Job;
use super::board::Said;
use super::random::hash;
use super::scenario::Role;
use super::store::Key;
use super::world::{Machine, World};

pub(crate) use super::scenario::Trouble;

/// SHA-256 of the CA of the rack, and of another one.
const CA: &str = "5b1d4ac0b0e9d6a1f3c2877e55d0c9a4411f6a2b8e3d97c05a6f1e2d3c4b5a69";
const OTHER_CA: &str = "0e4d2c1b9a8f7e6d5c4b3a29180f7e6d5c4b3a29180f7e6d5c4b3a29180f7e6d";
/// What the firmware puts before the words of cmdline.txt, as raspberrypi/linux#6439 has it.
const FROM_FIRMWARE: &str = "coherent_pool=1M cgroup_disable=memory";
const LINE: &str =
    "console=tty1 root=PARTUUID=4f5f0c2e-02 rootfstype=ext4 fsck.repair=yes rootwait";
const WORDS: &str = "cgroup_memory=1 cgroup_enable=memory";
/// From the start of the unit until the node registers.
const START: Duration = Duration::from_secs(3);
const REBOOT: Duration = Duration::from_secs(4);

/// What is on the card of a board, as far as onboarding cares.
#[derive(Debug, Clone)]
pub(crate) struct Card {
    pub(crate) trouble: Trouble,
    /// The line of cmdline.txt, and those the kernel was started with.
    line: String,
    running: String,
    is_clock_set: bool,
    /// The version of the binary that is there.
    binary: Option<String>,
    /// The text of config.yaml without its token.
    config: Vec<String>,
    unit: Option<&'static str>,
    /// Since when the unit is being started; it is active once the board is a node.
    started: Option<Duration>,
    has_data: bool,
    /// The name under which it became a node.
    node: Option<Key>,
    boots: u64,
}

impl Card {
    /// Fresh from the imager.
    pub(crate) fn blank(trouble: Trouble) -> Card {
        let words = match trouble {
            Trouble::KernelIgnores => format!("{LINE} {WORDS}"),
            _ => LINE.to_owned(),
        };
        Card {
            running: format!("{FROM_FIRMWARE} {words}"),
            line: words,
            is_clock_set: trouble != Trouble::ClockWrong,
            binary: None,
            config: Vec::new(),
            unit: (trouble == Trouble::BothUnits).then_some("k3s"),
            started: None,
            has_data: matches!(trouble, Trouble::Leftovers | Trouble::BothUnits),
            node: None,
            boots: 0,
            trouble,
        }
    }

    /// Of a board that is a node already.
    fn of_node(name: &Key, machine: &Machine) -> Card {
        let line = format!("{LINE} {WORDS}");
        Card {
            running: format!("{FROM_FIRMWARE} {line}"),
            line,
            binary: Some(machine.node.kubelet.to_string()),
            config: vec!["node-name".to_owned()],
            unit: Some(unit(machine.node.role)),
            has_data: true,
            node: Some(Arc::clone(name)),
            ..Card::blank(Trouble::None)
        }
    }
}

fn unit(role: Role) -> &'static str {
    match role {
        Role::Server => "k3s",
        Role::Agent => "k3s-agent",
    }
}

/// The value of `NAME='…'` in a script; quotes inside are not undone.
fn setting<'a>(script: &'a str, name: &str) -> Option<&'a str> {
    let from = script.find(&format!("\n{name}='"))? + name.len() + 3;
    let rest = script.get(from..)?;
    rest.split("'\n").next()
}

impl World {
    /// The board of that name, be it a node or not.
    pub(crate) fn board(&self, name: &str) -> Option<&Machine> {
        let joined = self.cards.get(name).and_then(|card| card.node.as_deref());
        let machine = self.machines.get(joined.unwrap_or(name));
        machine.or_else(|| self.blanks.get(name))
    }

    /// Whether somebody can log in to it.
    pub(crate) fn is_on(&self, name: &str) -> bool {
        self.board(name).is_some_and(|machine| machine.alive)
    }

    /// Notes what is on the card of a board before the first step.
    fn card(&mut self, name: &str) -> Option<&mut Card> {
        if !self.cards.contains_key(name) {
            let (name, machine) = self.machines.get_key_value(name)?;
            let card = Card::of_node(name, machine);
            self.cards.insert(Arc::clone(name), card);
        }
        self.cards.get_mut(name)
    }

    /// A script of onboarding; `None` when it is none.
    pub(crate) fn onboard_script(&mut self, name: &str, script: &str) -> Option<Said> {
        if script.contains("printf 'onboard 1\\n'") {
            self.card(name)?;
            let is_server_asked = setting(script, "URL").is_some_and(|url| !url.is_empty());
            return Some(self.look(name, is_server_asked));
        }
        if script.contains("printf 'server 1\\n'") {
            return Some(self.server(name, setting(script, "TOKEN").unwrap_or("none")));
        }
        if script.contains("echo '-- journal'") {
            return Some(self.unit_and_journal(name));
        }
        let step = script
            .lines()
            .find_map(|line| line.strip_prefix("STEP="))?
            .to_owned();
        Some(self.step(name, &step, script))
    }

    /// A file that is sent; `None` when it is there already.
    pub(crate) fn is_pushed(&mut self, name: &str, line: &str) -> bool {
        let version = self.scenario.server_version.clone();
        let is_binary = line.contains("/usr/local/bin/k3s'");
        self.card(name)
            .is_some_and(|card| is_binary && card.binary.as_ref() == Some(&version))
    }

    /// A file has arrived whole.
    pub(crate) fn pushed(&mut self, name: &str, line: &str) -> Said {
        let version = self.scenario.server_version.clone();
        if line.contains("/usr/local/bin/k3s'")
            && let Some(card) = self.card(name)
        {
            card.binary = Some(version);
        }
        Said::Text("sent\n".to_owned(), 0)
    }

    fn step(&mut self, name: &str, step: &str, script: &str) -> Said {
        let text = |key: &str| setting(script, key).unwrap_or_default().to_owned();
        let now = self.now;
        let Some(card) = self.card(name) else {
            return Said::Gone;
        };
        let word = match step {
            "clean" => {
                self.clean(name);
                "done"
            }
            "set-clock" => {
                card.is_clock_set = true;
                "done"
            }
            "edit-cmdline" if card.line == text("LINE") => "already",
            "edit-cmdline" => {
                card.line = text("LINE");
                "done"
            }
            "reboot" => return self.reboot(name, &text("BOOT")),
            "configure" => {
                let mut lines: Vec<String> = text("CONTENT").lines().map(str::to_owned).collect();
                lines.retain(|line| !line.starts_with("token:") && !line.starts_with('#'));
                let is_same = card.config == lines;
                card.config = lines;
                if is_same { "already" } else { "done" }
            }
            "install" => {
                card.unit = Some(if text("ROLE") == "server" {
                    "k3s"
                } else {
                    "k3s-agent"
                });
                card.binary = Some(text("VERSION"));
                card.has_data = true;
                "done"
            }
            "start" => {
                card.started = Some(now);
                let board = Key::from(name);
                self.agenda.add(now + START, Job::Join { board });
                "done"
            }
            _ => "failed no step is called that",
        };
        Said::Later(
            self.scenario.step.0,
            Box::new(Said::Text(format!("={word}\n"), 0)),
        )
    }

    /// The board goes down and comes back with what its files say now.
    fn reboot(&mut self, name: &str, boot: &str) -> Said {
        let now = self
            .board(name)
            .map(|machine| super::random::uuid(machine.node.boot));
        if now.is_some_and(|now| now != boot) {
            return Said::Text("=already\n".to_owned(), 0);
        }
        if let Some(machine) = self.blanks.get_mut(name) {
            machine.alive = false;
        }
        let board = Key::from(name);
        self.agenda.add(self.now + REBOOT, Job::Wake { board });
        Said::Gone
    }

    /// A board that was rebooted is there again.
    pub(crate) fn wake(&mut self, name: &str) {
        let seed = self.seed;
        let (Some(card), Some(machine)) = (self.cards.get_mut(name), self.blanks.get_mut(name))
        else {
            return;
        };
        card.boots += 1;
        card.running = match card.trouble {
            Trouble::WrongFile => card.running.clone(),
            _ => format!("{FROM_FIRMWARE} {}", card.line),
        };
        machine.node.boot = hash(seed, &format!("boot {} of {name}", card.boots));
        machine.alive = true;
        machine.hardware.boot();
    }

    /// The unit of a board has had its time: it becomes a node, unless its trouble forbids.
    pub(crate) fn join(&mut self, board: &str) {
        let is_allowed = !matches!(
            self.cards.get(board).map(|card| card.trouble),
            Some(Trouble::ForeignToken | Trouble::Hangs) | None
        );
        if !is_allowed {
            return;
        }
        let kubelet = self.cards.get(board).and_then(|card| card.binary.clone());
        if let Some(node) = self.cards.get(board).and_then(|card| card.node.clone()) {
            // It was a node before and has been started anew, perhaps in another version.
            if let (Some(machine), Some(version)) = (self.machines.get_mut(&node), &kubelet) {
                machine.node.kubelet = Arc::from(version.as_str());
            }
            self.change_node(&node, |node| {
                if let Some(version) = &kubelet {
                    node.kubelet = Arc::from(version.as_str());
                }
            });
            return self.come_back(&node, false);
        }
        let Some(mut machine) = self.blanks.remove(board) else {
            return;
        };
        let Some(card) = self.cards.get_mut(board) else {
            return;
        };
        let value = |key: &str| {
            let line = card.config.iter().find_map(|line| line.strip_prefix(key))?;
            Some(line.trim().trim_matches('"').to_owned())
        };
        let name = Key::from(value("node-name:").unwrap_or_else(|| board.to_owned()));
        let labels = card.config.iter().filter_map(|line| {
            let pair = line
                .strip_prefix("  - ")?
                .trim_matches('"')
                .split_once('=')?;
            Some((pair.0.to_owned(), json!(pair.1)))
        });
        let labels: serde_json::Map<String, serde_json::Value> = labels.collect();
        if !labels.is_empty() {
            machine.node.extra = Some(Arc::new(json!({ "metadata": { "labels": labels } })));
        }
        machine.node.role = match card.unit {
            Some("k3s") => Role::Server,
            _ => Role::Agent,
        };
        if let Some(version) = kubelet {
            machine.node.kubelet = Arc::from(version);
        }
        card.node = Some(Arc::clone(&name));
        self.machines.insert(Arc::clone(&name), machine);
        self.come_back(&name, false);
    }

    /// k3s and all it has left are gone; the cluster notices that the board is silent.
    fn clean(&mut self, board: &str) {
        let Some(node) = self.cards.get(board).and_then(|card| card.node.clone()) else {
            self.cards
                .insert(Key::from(board), Card::cleaned(self.cards.get(board)));
            return;
        };
        self.go_dark(&node);
        if let Some(mut machine) = self.machines.remove(&node) {
            machine.alive = true;
            self.blanks.insert(Key::from(board), machine);
        }
        self.cards
            .insert(Key::from(board), Card::cleaned(self.cards.get(board)));
    }
}

impl Card {
    /// What is on it after k3s's uninstaller: the system as it was.
    fn cleaned(before: Option<&Card>) -> Card {
        let blank = Card::blank(Trouble::None);
        match before {
            Some(card) => Card {
                line: card.line.clone(),
                running: card.running.clone(),
                is_clock_set: card.is_clock_set,
                boots: card.boots,
                ..blank
            },
            None => blank,
        }
    }
}
