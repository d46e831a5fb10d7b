//! What boards and servers answer to the questions of an onboarding.

use std::fmt::Write as _;

use super::{CA, Card, OTHER_CA, Trouble, WORDS};
use crate::sim::board::Said;
use crate::sim::random::{hash, hex32, uuid};
use crate::sim::scenario::Role;
use crate::sim::stamp;
use crate::sim::world::{Machine, World};

const CMDLINE: &str = "/boot/firmware/cmdline.txt";

impl World {
    /// The board as it is, before anything is done to it.
    pub(super) fn look(&self, name: &str, is_server_asked: bool) -> Said {
        let (Some(machine), Some(card)) = (self.board(name), self.cards.get(name)) else {
            return Said::Gone;
        };
        let mut text = String::from("onboard 1\n");
        let mut line = |parts: &[&str]| _ = writeln!(text, "{}", parts.join("\t"));
        hardware(name, machine, card, &mut line);
        kernel(card, &mut line);
        health(machine, card, &mut line);
        network(machine, card, is_server_asked, &mut line);
        k3s(machine, card, &mut line);
        let node = card.node.as_deref().unwrap_or(name);
        for folder in self.local_volumes(node) {
            line(&["volume", &folder]);
        }
        text.push_str("end\n");
        Said::Text(text, 0)
    }

    /// The server that is joined, with a token where one is wanted.
    pub(super) fn server(&self, name: &str, token: &str) -> Said {
        let Some(machine) = self.board(name) else {
            return Said::Gone;
        };
        let mut text = String::from("server 1\n");
        let is_server = machine.node.role == Role::Server && self.machines.contains_key(name);
        let state = if is_server { "active" } else { "inactive" };
        let _ = writeln!(text, "unit\t{state}");
        if is_server {
            let version = &machine.node.kubelet;
            let _ = writeln!(text, "version\tk3s version {version} (demo)\nca\t{CA}");
            let servers = self.machines.values();
            let servers = servers.filter(|it| it.node.role == Role::Server).count();
            let datastore = if servers > 1 { "etcd" } else { "sqlite" };
            let _ = writeln!(text, "datastore\t{datastore}");
            let secret = hash(self.seed, "join token");
            match token {
                "agent" => {
                    let id = secret % 1_000_000;
                    let _ = writeln!(text, "token\tshort-lived\tK10{CA}::{id:06}.{secret:016x}");
                }
                "server" => {
                    let _ = writeln!(text, "token\ttoken\tK10{CA}::server:{secret:032x}");
                }
                _ => {}
            }
        }
        text.push_str("end\n");
        Said::Text(text, 0)
    }
}

type Line<'a> = dyn FnMut(&[&str]) + 'a;

fn hardware(name: &str, machine: &Machine, card: &Card, line: &mut Line<'_>) {
    let board = machine.node.board;
    // A board without a clock of its own begins where it was last switched off.
    let behind = if card.is_clock_set { 0 } else { 2 * 86_400 };
    let clock = stamp::now() - behind;
    line(&["clock", &clock.to_string()]);
    line(&["model", board.model]);
    line(&["serial", &format!("{:016x}", machine.node.machine)]);
    let arch = match (card.trouble, board.arch) {
        (Trouble::Armv6, _) => "armv6l",
        (_, "arm") => "armv7l",
        _ => "aarch64",
    };
    line(&["arch", arch]);
    line(&["bits", if arch == "aarch64" { "64" } else { "32" }]);
    let pages = if board.kernel.ends_with("2712") {
        "16384"
    } else {
        "4096"
    };
    line(&["pagesize", pages]);
    line(&["kernel", board.kernel]);
    line(&["hostname", hostname(name, card)]);
    line(&["boot", &uuid(machine.node.boot)]);
    line(&["machine", &hex32(machine.node.machine)]);
    line(&["mac", &format!("dc:a6:32:00:00:{:02x}", machine.node.place)]);
    line(&["os", "debian", "12"]);
    line(&["memory", &board.memory_ki.to_string()]);
    line(&["cores", "4"]);
}

/// What the board calls itself.
fn hostname<'a>(name: &'a str, card: &Card) -> &'a str {
    match card.trouble {
        Trouble::BadName => "raspberry_pi",
        Trouble::NameTaken => "rpi-01",
        _ => name,
    }
}

fn kernel(card: &Card, line: &mut Line<'_>) {
    line(&["cmdline", &card.running]);
    let is_on = card.running.contains(WORDS) && card.trouble != Trouble::KernelIgnores;
    line(&[
        "cgroup2",
        if is_on {
            "cpuset cpu io memory pids"
        } else {
            "cpuset cpu io pids"
        },
    ]);
    let hash = format!("{:064x}", hash(0, &card.line));
    line(&["boot-file", CMDLINE, &hash]);
    line(&["boot-line", CMDLINE, &card.line]);
    match card.trouble {
        Trouble::SecondLine => line(&["boot-line", CMDLINE, WORDS]),
        Trouble::KernelIgnores => line(&[
            "unknown-parameters",
            &format!(
                "Unknown kernel command line parameters \"{WORDS}\", will be passed to user space."
            ),
        ]),
        _ => {}
    }
    match card.trouble {
        Trouble::BootUnmounted => line(&["boot-mount", CMDLINE, "/", "ext4", "rw,noatime"]),
        _ => line(&[
            "boot-mount",
            CMDLINE,
            "/boot/firmware",
            "vfat",
            "rw,relatime",
        ]),
    }
}

fn health(machine: &Machine, card: &Card, line: &mut Line<'_>) {
    let free = match card.trouble {
        Trouble::DiskFull => machine.node.board.disk_ki / 100,
        _ => machine.node.board.disk_ki / 2,
    };
    line(&["disk", &free.to_string()]);
    let root = match card.trouble {
        Trouble::ReadOnlyRoot => "ro,noatime",
        _ => "rw,noatime",
    };
    line(&["root", root]);
    let errors = if card.trouble == Trouble::CardErrors {
        "14"
    } else {
        "0"
    };
    line(&["card-errors", errors]);
    let throttled = match card.trouble {
        Trouble::UnderVoltage => 0x50005,
        _ => machine.hardware.throttled,
    };
    line(&["throttled", &format!("{throttled:x}")]);
    line(&["ntp", if card.is_clock_set { "yes" } else { "no" }]);
    let writes = if card.trouble == Trouble::SlowCard {
        "2400"
    } else {
        "170"
    };
    line(&["sync-writes", writes]);
}

fn network(machine: &Machine, card: &Card, is_server_asked: bool, line: &mut Line<'_>) {
    let address = machine.node.ip.to_string();
    match card.trouble {
        Trouble::NoRoute => {}
        Trouble::LinkLocalRoute => {
            line(&[
                "route",
                "default dev eth0 scope link src 169.254.7.9 metric 1000",
            ]);
            line(&["address", "169.254.7.9"]);
        }
        _ => {
            line(&["route", "default via 10.10.10.1 dev eth0 proto dhcp"]);
            line(&["address", &address]);
        }
    }
    if card.trouble == Trouble::NoTools {
        line(&["no-tool", "flock"]);
    } else {
        line(&["tool", "curl"]);
    }
    if card.trouble == Trouble::NoVxlan {
        line(&["no-module", "vxlan"]);
    }
    let iptables = match card.trouble {
        Trouble::OldIptables => "iptables v1.8.2 (nf_tables)",
        _ => "iptables v1.8.9 (nf_tables)",
    };
    line(&["iptables", iptables]);
    if card.trouble == Trouble::Firewall {
        line(&["firewall", "ufw"]);
    }
    if !is_server_asked || card.trouble == Trouble::NoTools {
        return;
    }
    match card.trouble {
        Trouble::Unreachable => {
            line(&[
                "ping",
                "0",
                "curl: (28) Connection timed out after 8001 milliseconds",
            ]);
            line(&["cacerts", "0", ""]);
        }
        Trouble::ServerDown => line(&["ping", "503", "starting"]),
        Trouble::SomethingElse => {
            line(&["ping", "401", "Unauthorized"]);
            line(&["cacerts", "401", ""]);
        }
        Trouble::OtherServer => {
            line(&["ping", "200", "pong"]);
            line(&["cacerts", "200", OTHER_CA]);
        }
        _ => {
            line(&["ping", "200", "pong"]);
            line(&["cacerts", "200", CA]);
        }
    }
}

fn k3s(machine: &Machine, card: &Card, line: &mut Line<'_>) {
    line(&["init", "systemd"]);
    if let Some(unit) = card.unit {
        let state = match (&card.node, card.started, card.trouble) {
            (Some(_), ..) => "active",
            (None, Some(_), _) => "activating",
            (None, None, _) => "inactive",
        };
        line(&["unit", unit, state]);
    }
    if card.has_data {
        line(&["data", "yes"]);
        let ca = match card.trouble {
            Trouble::Leftovers | Trouble::BothUnits => OTHER_CA,
            _ => CA,
        };
        line(&["ca", ca]);
    }
    if card.node.is_some() {
        line(&["password", "yes"]);
        if machine.node.role == Role::Server {
            line(&["datastore", "sqlite"]);
        }
    }
    if let Some(version) = &card.binary {
        let hash = format!("{:064x}", hash(0, version));
        line(&["binary", &hash, &format!("k3s version {version} (demo)")]);
    }
    for key in card.config.iter().filter_map(|it| it.split_once(':')) {
        if !key.0.starts_with(' ') {
            line(&["config", key.0]);
        }
    }
}
