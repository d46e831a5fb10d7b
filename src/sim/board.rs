//! A board as it is to somebody who logs in: its lights, sensors, units and journal.
//!
//! Nothing here runs a command: the few that the cockpit sends are known by their words, and answered as a Raspberry Pi
//! with k3s would. Invariant: no text of a client is ever given to a shell.

use std::fmt::Write as _;

use super::random::{hash, uuid};
use super::scenario::Role;
use super::stamp;
use super::world::{Machine, World};

/// What is true of a board besides its kubelet.
#[derive(Debug, Clone)]
pub(crate) struct Hardware {
    /// What drives ACT and PWR, and what drove them before somebody made them blink.
    lights: [&'static str; 2],
    before: Option<[&'static str; 2]>,
    /// The firmware's bits.
    pub(crate) throttled: u32,
    /// Degrees when nothing special happens.
    pub(crate) warmth: f64,
    pub(crate) is_disk_full: bool,
    pub(crate) lacks_nfs: bool,
    /// Time of the last start, by the world's clock in seconds since 1970.
    booted: i64,
    restarts: u32,
    /// The last words of k3s before it ended, while it cannot start.
    pub(crate) k3s_fails: Option<String>,
}

impl Hardware {
    pub(crate) fn new(seed: u64, name: &str) -> Self {
        let number = hash(seed, &format!("hardware {name}"));
        let share = |limit: u64| u32::try_from(number % limit).unwrap_or(0);
        Self {
            lights: ["mmc0", "default-on"],
            before: None,
            throttled: 0,
            warmth: 44.0 + f64::from(share(9)),
            is_disk_full: false,
            lacks_nfs: false,
            booted: stamp::now() - 86_400 - i64::from(share(3_000_000)),
            restarts: 0,
            k3s_fails: None,
        }
    }

    /// Everything a restart clears.
    pub(crate) fn boot(&mut self) {
        self.lights = ["mmc0", "default-on"];
        self.before = None;
        self.throttled &= 0xffff;
        self.booted = stamp::now();
        self.restarts = 0;
    }
}

/// What a command says, and whether the connection lives on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Text(String, u32),
    /// On stderr.
    Complaint(String, u32),
    /// Lines now, and more later.
    Follows(Vec<String>),
    /// The same, after a while.
    Later(std::time::Duration, Box<Said>),
    /// The board goes away in the middle.
    Gone,
}

impl World {
    /// Runs a script that came over stdin.
    pub(crate) fn run_script(&mut self, name: &str, script: &str) -> Said {
        if let Some(said) = self.onboard_script(name, script) {
            return said;
        }
        let Some(machine) = self.machines.get_mut(name) else {
            return Said::Text(String::new(), 0);
        };
        let setting = |key: &str| {
            script
                .lines()
                .find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
                .unwrap_or_default()
        };
        if script.contains("printf 'board 1\\n'") {
            let is_deep = setting("DEEP") == "1";
            let mut text = probe(name, machine, is_deep, self.now.as_secs_f64());
            for line in self.exports_on(name) {
                let _ = writeln!(text, "{line}");
            }
            text.push_str("end\n");
            return Said::Text(text, 0);
        }
        if script.contains("printf 'nfs 1\\n'") {
            let answer = if self.scenario.nfs_hangs {
                "port\tclosed\nuntold\tclnt_create: RPC: Timed out"
            } else {
                "port\topen\nexports\nexport\t/srv/nfs 10.0.0.0/8"
            };
            return Said::Text(format!("nfs 1\n{answer}\nend\n"), 0);
        }
        if script.contains("printf 'led 1\\n'") {
            return Said::Text(lights(&mut machine.hardware, setting("ACTION")), 0);
        }
        Said::Text(String::new(), 0)
    }

    /// Runs one command line.
    pub(crate) fn run_program(&mut self, name: &str, line: &str) -> Said {
        if !self.machines.contains_key(name) {
            // Not a node, or one under another name: nothing of k3s is to be read there.
            return Said::Complaint("bramble-no-such-file\n".to_owned(), 66);
        }
        if line.contains("systemctl reboot") {
            self.restart_board(name, std::time::Duration::from_secs(8));
            return Said::Gone;
        }
        if line.contains("systemctl poweroff") {
            // In the demo somebody is at the rack and puts the board back in after a while.
            self.restart_board(name, std::time::Duration::from_secs(75));
            return Said::Gone;
        }
        let Some(machine) = self.machines.get_mut(name) else {
            return Said::Gone;
        };
        if line.contains("/etc/rancher/k3s/k3s.yaml") {
            return match machine.node.role {
                Role::Server => Said::Text(self.k3s_yaml.clone(), 0),
                Role::Agent => Said::Complaint("bramble-no-such-file\n".to_owned(), 66),
            };
        }
        if line.contains("systemctl restart") {
            machine.hardware.restarts = 0;
            machine.hardware.k3s_fails = None;
            return Said::Text(String::new(), 0);
        }
        if line.contains("dmesg") {
            return Said::Follows(kernel(machine));
        }
        if line.contains("journalctl") {
            // Of another unit than its own it has nothing to say.
            let is_of_other = line.split_once(" -u ").is_some_and(|(_, asked)| {
                let asked = asked.split_whitespace().next().unwrap_or_default();
                let asked = asked.trim_matches(['\'', '"', '\\']);
                asked.trim_end_matches(".service") != unit(machine)
            });
            let lines = if is_of_other {
                Vec::new()
            } else {
                journal(name, machine)
            };
            return if line.contains(" -f") {
                Said::Follows(lines)
            } else {
                Said::Text(lines.join("\n") + "\n", 0)
            };
        }
        Said::Text(String::new(), 0)
    }

    fn restart_board(&mut self, name: &str, down: std::time::Duration) {
        self.go_dark(name);
        let node = super::store::Key::from(name);
        let rebooted = true;
        self.agenda
            .add(self.now + down, super::agenda::Job::Back { node, rebooted });
    }
}

fn unit(machine: &Machine) -> &'static str {
    match machine.node.role {
        Role::Server => "k3s",
        Role::Agent => "k3s-agent",
    }
}

fn probe(name: &str, machine: &Machine, is_deep: bool, seconds: f64) -> String {
    let Machine { node, hardware, .. } = machine;
    let board = node.board;
    let arch = if board.arch == "arm" {
        "armv7l"
    } else {
        "aarch64"
    };
    let sway = (seconds / 40.0).sin() * 2.5;
    let temperature = (hardware.warmth + sway) * 1_000.0;
    let free = if hardware.is_disk_full {
        board.disk_ki / 50
    } else {
        board.disk_ki / 3
    };
    let mut text = String::from("board 1\n");
    let mut line = |key: &str, value: &str| {
        let _ = writeln!(text, "{key}\t{value}");
    };
    line("clock", &stamp::now().to_string());
    line("model", board.model);
    line("serial-number", &format!("{:016x}", node.machine));
    line("arch", arch);
    line("kernel", board.kernel);
    line("host", name);
    line("boot", &uuid(node.boot));
    line("machine", &uuid(node.machine).replace('-', ""));
    line(
        "uptime",
        &format!("{}.00 1.00", stamp::now() - hardware.booted),
    );
    line(
        "load",
        &format!("{:.2} 0.40 0.35 2/310 4711", 0.4 + sway.abs() / 4.0),
    );
    line(
        "memory",
        &format!(
            "MemTotal: {0} kB\tMemFree: {1} kB\tMemAvailable: {1} kB",
            board.memory_ki,
            board.memory_ki * 3 / 5
        ),
    );
    line(
        "disk",
        &format!(
            "/\t{0}\t{1}\t{free}\t/",
            board.disk_ki,
            board.disk_ki - free
        ),
    );
    line("root", "/dev/mmcblk0p2 / ext4 rw,noatime 0 0");
    line("temperature", &format!("{temperature:.0}\tcpu-thermal"));
    line("throttled", &format!("{:x}", hardware.throttled));
    let [act, pwr] = hardware.lights;
    for (led, trigger, lit) in [("ACT", act, "0"), ("PWR", pwr, "255")] {
        let delays = if trigger == "timer" { "100\t100" } else { "\t" };
        let all = ["none", "mmc0", "timer", "heartbeat", "default-on"];
        let all = all.map(|it| {
            if it == trigger {
                format!("[{it}]")
            } else {
                it.to_owned()
            }
        });
        line("led", &format!("{led}\t{lit}\t{delays}\t{}", all.join(" ")));
    }
    let client = if hardware.lacks_nfs { "no" } else { "yes" };
    line("nfs-client", client);
    line("cgroup2", "cpuset cpu io memory pids");
    let active = match &hardware.k3s_fails {
        Some(_) => ["activating", "auto-restart"],
        None => ["active", "running"],
    };
    let restarts = match &hardware.k3s_fails {
        Some(_) => hardware.restarts + 7,
        None => hardware.restarts,
    };
    for (key, value) in [
        ("Id", format!("{}.service", unit(machine))),
        ("LoadState", "loaded".to_owned()),
        ("ActiveState", active[0].to_owned()),
        ("SubState", active[1].to_owned()),
        ("NRestarts", restarts.to_string()),
    ] {
        line("unit", &format!("{key}={value}"));
    }
    if is_deep {
        line("deep", "");
        if hardware.k3s_fails.is_none() && node.role == Role::Server {
            line("listens", "6443");
        }
        for entry in journal(name, machine) {
            line("journal", &format!("{}\t{entry}", unit(machine)));
        }
    }
    text
}

fn lights(hardware: &mut Hardware, action: &str) -> String {
    let words = match action {
        "locate" => {
            hardware.before.get_or_insert(hardware.lights);
            hardware.lights = ["timer", "timer"];
            "led\tACT\tblinks\nled\tPWR\tblinks\n"
        }
        "restore" => {
            if let Some(before) = hardware.before.take() {
                hardware.lights = before;
            }
            "restored\n"
        }
        "heartbeat" => {
            hardware.lights[0] = "heartbeat";
            "led\tACT\theartbeat\n"
        }
        _ => {
            hardware.lights[0] = "mmc0";
            "led\tACT\tmmc0\n"
        }
    };
    format!("led 1\n{words}end\n")
}

fn journal(name: &str, machine: &Machine) -> Vec<String> {
    let at = |ago: i64| stamp::seconds(stamp::now() - ago);
    let unit = unit(machine);
    let end = machine.hardware.k3s_fails.as_ref().map(|words| {
        let at = at(5);
        format!("{at} {name} {unit}[812]: level=fatal msg=\"{words}\"")
    });
    let lines = vec![
        format!(
            "{} {name} {unit}[812]: level=info msg=\"Starting {unit} {}\"",
            at(900),
            machine.node.kubelet
        ),
        format!(
            "{} {name} {unit}[812]: level=info msg=\"Running kubelet --node-labels=\"",
            at(890)
        ),
        format!(
            "{} {name} {unit}[812]: I \"Successfully registered node\" node=\"{name}\"",
            at(880)
        ),
        format!(
            "{} {name} {unit}[812]: level=info msg=\"Tunnel server egress proxy mode: agent\"",
            at(600)
        ),
        format!(
            "{} {name} {unit}[812]: I \"Updated Pod\" source=\"api\"",
            at(30)
        ),
    ];
    lines.into_iter().chain(end).collect()
}

fn kernel(machine: &Machine) -> Vec<String> {
    let mut lines = vec![
        format!("[Tue] Linux version {}", machine.node.board.kernel),
        format!("[Tue] Machine model: {}", machine.node.board.model),
        "[Tue] mmcblk0: mmc0:aaaa SD64G 59.7 GiB".to_owned(),
    ];
    if machine.hardware.throttled & 0x10000 != 0 {
        lines.push("[Tue] hwmon hwmon1: Undervoltage detected!".to_owned());
    }
    lines
}
