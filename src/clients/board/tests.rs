//! The scripts themselves, under dash and under busybox, on a folder made to look like a Raspberry Pi.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::*;

/// A root folder with plain files where a board has sysfs and proc.
struct Root(tempfile::TempDir);

impl Root {
    fn pi4() -> Root {
        let root = Root(tempfile::tempdir().unwrap());
        for (path, text) in [
            ("proc/device-tree/model", "Raspberry Pi 4 Model B Rev 1.4\0"),
            ("proc/device-tree/serial-number", "10000000abcdef01\0"),
            ("proc/sys/kernel/osrelease", "6.12.34+rpt-rpi-v8\n"),
            ("proc/sys/kernel/hostname", "rpi-02\n"),
            (
                "proc/sys/kernel/random/boot_id",
                "e73ac3ee-7792-441c-8753-d792296be53b\n",
            ),
            ("proc/uptime", "3394.47 2673.10\n"),
            ("proc/loadavg", "2.79 2.53 2.21 4/133 7042\n"),
            (
                "proc/meminfo",
                "MemTotal:        3884904 kB\nMemFree:          210811 kB\nMemAvailable:    2235380 kB\nBuffers: 1 kB\n",
            ),
            (
                "proc/mounts",
                "proc /proc proc rw 0 0\n/dev/mmcblk0p2 / ext4 ro,noatime 0 0\n",
            ),
            (
                "proc/net/tcp",
                "  0: 00000000:192B 00000000:0000 0A 00000000:00000000\n",
            ),
            ("etc/machine-id", "3d1219c7c4c5404aaa1f6d2a48adfda4\n"),
            ("sys/class/net/eth0/address", "dc:a6:32:00:00:02\n"),
            ("sys/class/thermal/thermal_zone0/temp", "63783\n"),
            ("sys/class/thermal/thermal_zone0/type", "cpu-thermal\n"),
            (
                "sys/devices/platform/soc/soc:firmware/get_throttled",
                "50005\n",
            ),
            ("sys/class/hwmon/hwmon0/name", "cpu_thermal\n"),
            ("sys/class/hwmon/hwmon1/name", "rpi_volt\n"),
            ("sys/class/hwmon/hwmon1/in0_lcrit_alarm", "1\n"),
            ("sys/class/hwmon/hwmon2/name", "pwmfan\n"),
            ("sys/class/hwmon/hwmon2/fan1_input", "2100\n"),
            ("sys/class/hwmon/hwmon2/pwm1", "125\n"),
            (
                "sys/fs/cgroup/cgroup.controllers",
                "cpuset cpu io memory pids\n",
            ),
        ] {
            root.write(path, text);
        }
        root.led("ACT", "none [mmc0] timer heartbeat default-on", "0");
        root.led("PWR", "none timer [default-on]", "255");
        root.led("mmc0::", "none [mmc0] timer", "0");
        root
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path))
            .unwrap_or_default()
            .trim_end()
            .to_owned()
    }

    fn led(&self, name: &str, trigger: &str, brightness: &str) {
        self.write(
            &format!("sys/class/leds/{name}/trigger"),
            &format!("{trigger}\n"),
        );
        self.write(
            &format!("sys/class/leds/{name}/brightness"),
            &format!("{brightness}\n"),
        );
    }

    /// A program of that name that is found first and does this.
    fn program(&self, name: &str, text: &str) {
        use std::os::unix::fs::PermissionsExt;
        self.write(&format!("bin/{name}"), &format!("#!/bin/sh\n{text}\n"));
        let allowed = fs::Permissions::from_mode(0o755);
        fs::set_permissions(self.path(&format!("bin/{name}")), allowed).unwrap();
    }

    fn run(&self, shell: &[&str], settings: &str, script: &str) -> String {
        let root = self.0.path().display();
        let text = format!("R='{root}'\n{settings}\n{script}");
        let path = format!("{root}/bin:{}", std::env::var("PATH").unwrap());
        let (program, arguments) = shell.split_first().unwrap();
        let mut child = Command::new(program)
            .args(arguments)
            .arg("-s")
            .env_clear()
            .env("PATH", path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), text.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(errors, "", "{shell:?} complains");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

/// The shells that boards have, as far as they are here: all of them with `CI=true`.
fn shells() -> Vec<&'static [&'static str]> {
    let all: [&[&str]; 2] = [&["dash"], &["busybox", "sh"]];
    let is_there = |shell: &&[&str]| {
        let found = Command::new(shell[0]).arg("--help").output().is_ok();
        assert!(
            found || std::env::var("CI").as_deref() != Ok("true"),
            "{shell:?} is missing"
        );
        if !found {
            eprintln!("SKIPPED: {shell:?} is not installed; tests/run installs it");
        }
        found
    };
    all.into_iter().filter(is_there).collect()
}

fn probed(root: &Root, shell: &[&str], deep: bool) -> Reading {
    let settings = if deep { "DEEP=1" } else { "DEEP=0" };
    let text = root.run(shell, settings, PROBE);
    parse(&text).unwrap_or_else(|error| panic!("{shell:?}: {error}: {text}"))
}

#[test]
fn a_board_is_read_alike_by_every_shell() {
    for shell in shells() {
        let root = Root::pi4();
        root.program("uname", "echo aarch64");
        root.program(
            "systemctl",
            "printf 'Id=k3s-agent.service\\nLoadState=loaded\\nActiveState=active\\nSubState=running\\nNRestarts=2\\n'",
        );
        root.program(
            "journalctl",
            "case $2 in k3s-agent.service) echo 'level=fatal msg=\"no'; esac",
        );
        let board = probed(&root, shell, true);
        assert_eq!(
            board.model.as_deref(),
            Some("Raspberry Pi 4 Model B Rev 1.4"),
            "{shell:?}"
        );
        assert_eq!(board.serial.as_deref(), Some("10000000abcdef01"));
        assert_eq!(board.architecture.as_deref(), Some("aarch64"));
        assert_eq!(board.mac.as_deref(), Some("dc:a6:32:00:00:02"));
        assert_eq!(
            (board.temperature, board.uptime),
            (Some(63.783), Some(3_394))
        );
        assert_eq!(board.memory_total, Some(3_884_904 * 1_024));
        assert_eq!(
            board.throttle.map(crate::rack::board::Throttle::word),
            Some("low")
        );
        assert_eq!(board.fan.and_then(|fan| fan.rpm), Some(2_100));
        assert_eq!(board.is_root_read_only, Some(true));
        assert_eq!(board.memory_cgroup, Some(true));
        assert!(board.clock.is_some() && board.listens_on_6443 && !board.disks.is_empty());
        let leds: Vec<_> = board
            .leds
            .iter()
            .map(|led| (&*led.name, led.trigger.as_deref()))
            .collect();
        assert_eq!(leds, [("ACT", Some("mmc0")), ("PWR", Some("default-on"))]);
        assert_eq!(
            board.unit().map(|(name, unit)| (name, unit.restarts)),
            Some(("k3s-agent", 2))
        );
        assert_eq!(
            board.journal,
            [("k3s-agent".into(), "level=fatal msg=\"no".into())]
        );
        let plain = probed(&root, shell, false);
        assert!(
            plain.journal.is_empty() && !plain.listens_on_6443,
            "only when asked for"
        );
    }
}

#[test]
fn who_waits_for_an_export_is_found_with_the_pod() {
    const POD: &str = "pod0f1e2d3c_0000_4000_8000_0123456789ab";
    for shell in shells() {
        let root = Root::pi4();
        let stat = |pid: u32, name: &str, state: &str, parent: u32| {
            let zeros = "0 ".repeat(17);
            let text = format!("{pid} ({name}) {state} {parent} {zeros}4711 0 0\n");
            root.write(&format!("proc/{pid}/stat"), &text);
        };
        stat(7, "a) D (b", "D", 1);
        stat(8, "postgres", "S", 1);
        stat(9, "10.0.0.5-manage", "D", 2);
        root.write("proc/7/cgroup", &format!("0::/kubepods-{POD}.slice/x\n"));
        root.write("proc/10/cgroup", "a process that has just ended\n");
        let board = probed(&root, shell, false);
        assert_eq!(board.nfs.has_client, Some(false), "{shell:?}");
        assert!(board.nfs.waits.is_empty(), "nothing of NFS is mounted");
        let mounts = "/dev/root / ext4 rw 0 0\n10.0.0.5:/srv/a\\040b /mnt nfs4 rw 0 0\n";
        root.write("proc/mounts", mounts);
        root.write("usr/sbin/mount.nfs", "");
        let board = probed(&root, shell, false);
        assert_eq!(board.nfs.has_client, Some(true));
        assert_eq!(board.nfs.mounts, ["10.0.0.5:/srv/a\\040b".into()]);
        let [wait] = board.nfs.waits.as_slice() else {
            panic!("{shell:?}: {:?}", board.nfs.waits);
        };
        assert_eq!((wait.process.pid, wait.process.started), (7, 4711));
        assert_eq!(&*wait.name, "a) D (b");
        let pod = wait.pod.as_ref().map(|it| &*it.0);
        assert_eq!(pod, Some("0f1e2d3c-0000-4000-8000-0123456789ab"));
    }
}

#[test]
fn what_a_board_sees_of_a_server_is_told_alike_by_every_shell() {
    use crate::rack::storage::reach::Exports;
    let node = NodeName::new("rpi-02");
    for shell in shells() {
        let root = Root::pi4();
        root.program("bash", "exit 0");
        root.program(
            "showmount",
            "[ \"$1 $2\" = '-e nas' ] && printf 'Export list for nas:\\n/srv/nfs  10.0.0.0/24\\n/b (everyone)\\n'",
        );
        let told = |root: &Root| {
            let text = root.run(shell, "SERVER='nas'", NFS);
            reach::parse(&node, &text).unwrap_or_else(|| panic!("{shell:?}: {text}"))
        };
        let from = told(&root);
        assert_eq!(from.is_open, Some(true), "{shell:?}");
        let all = ["/srv/nfs 10.0.0.0/24", "/b (everyone)"];
        assert_eq!(from.exports, Exports::Listed(all.map(Into::into).to_vec()));
        root.program("bash", "exit 1");
        root.program(
            "showmount",
            "echo 'clnt_create: RPC: Program not registered' >&2; exit 1",
        );
        let from = told(&root);
        assert_eq!(from.is_open, Some(false));
        let words = "clnt_create: RPC: Program not registered";
        assert_eq!(from.exports, Exports::Untold(words.into()));
    }
}

#[test]
fn an_old_board_and_an_empty_one_are_read_as_far_as_they_go() {
    for shell in shells() {
        let old = Root(tempfile::tempdir().unwrap());
        old.led("led0", "none [mmc0] timer", "1");
        old.write(
            "proc/cgroups",
            "#subsys_name\thierarchy\nmemory\t0\t100\t0\n",
        );
        old.program(
            "vcgencmd",
            "case $1 in get_throttled) echo throttled=0x50000 ;; *) echo \"temp=51.5'C\" ;; esac",
        );
        let board = probed(&old, shell, true);
        assert_eq!(board.temperature, Some(51.5), "{shell:?}");
        assert_eq!(
            board.throttle.map(crate::rack::board::Throttle::word),
            Some("dips")
        );
        assert_eq!((board.leds.len(), board.memory_cgroup), (1, Some(false)));
        let empty = Root(tempfile::tempdir().unwrap());
        let board = probed(&empty, shell, true);
        assert_eq!(
            (board.model, board.temperature, board.leds.len()),
            (None, None, 0)
        );
        assert!(board.architecture.is_some());
    }
}

/// Processor time of all processes of a probe; of sshd and the network none. A Pi 4 takes three to four times as long.
#[test]
fn a_probe_costs_little() {
    const TIMES: u32 = 40;
    let root = Root::pi4();
    let place = root.0.path().display();
    root.write("probe.sh", &format!("R='{place}'\nDEEP=0\n{PROBE}"));
    for shell in shells() {
        let words = shell.join(" ");
        let again = format!(
            "i=0; while [ $i -lt {TIMES} ]; do {words} -s <$R/probe.sh >/dev/null; i=$((i+1)); done; times"
        );
        // The first line is the shell's own time, the second that of what it ran: `0m1.23s 0m0.45s`.
        let told = root.run(shell, "", &again);
        let seconds = |word: &str| -> f64 {
            let (minutes, rest) = word.trim_end_matches('s').split_once('m').unwrap();
            minutes.parse::<f64>().unwrap() * 60.0 + rest.parse::<f64>().unwrap()
        };
        let all: f64 = told.lines().nth(1).unwrap().split(' ').map(seconds).sum();
        let each = all / f64::from(TIMES) * 1e3;
        eprintln!("{shell:?}: {each:.1} ms of processor time for one probe");
        assert!(each < 50.0, "{shell:?} takes {each:.1} ms");
    }
}

const LOCATE: &str = "ACTION=locate LIMIT=120";

#[test]
fn lights_blink_only_after_their_end_is_arranged_and_come_back_as_they_were() {
    for shell in shells() {
        let root = Root::pi4();
        // What systemd would run later; and what the lights said when it was told.
        root.program(
            "systemd-run",
            "for text; do :; done\nprintf '%s' \"$text\" >\"$OUT/later\"\necho \"$@\" >\"$OUT/args\"\ncat \"$OUT/sys/class/leds/ACT/trigger\" >\"$OUT/before\"",
        );
        root.program("systemctl", "exit 0");
        let out = format!("OUT='{}'; export OUT; {LOCATE}", root.0.path().display());
        let answer = root.run(shell, &out, LED);
        assert_eq!(
            answer, "led 1\nled\tACT\tblinks\nled\tPWR\tblinks\nend\n",
            "{shell:?}"
        );
        assert!(
            root.read("before").contains("[mmc0]"),
            "arranged before it blinks"
        );
        assert!(
            root.read("args").contains("--on-active=120"),
            "{}",
            root.read("args")
        );
        for led in ["ACT", "PWR"] {
            let file = |name: &str| root.read(&format!("sys/class/leds/{led}/{name}"));
            assert_eq!(
                (file("trigger"), file("delay_on"), file("delay_off")),
                ("timer".into(), "100".into(), "100".into())
            );
        }
        assert!(
            root.read("sys/class/leds/mmc0::/trigger")
                .contains("[mmc0]"),
            "not a light of the board"
        );

        // Again: what was there before the first time still counts. A real kernel lists all triggers.
        root.led("ACT", "none mmc0 [timer]", "0");
        root.led("PWR", "none default-on [timer]", "0");
        root.run(shell, &out, LED);
        let later = root.read("later");
        let environment = format!(
            "saved='{}'; export R saved",
            root.path("run/bramble-locate").display()
        );
        root.run(shell, &environment, &later);
        assert_eq!(root.read("sys/class/leds/ACT/trigger"), "mmc0", "{shell:?}");
        assert_eq!(root.read("sys/class/leds/PWR/trigger"), "default-on");
        assert!(!root.path("run/bramble-locate").exists());
    }
}

#[test]
fn lights_are_put_back_by_hand_with_the_delays_they_had() {
    for shell in shells() {
        let root = Root::pi4();
        root.led("ACT", "none mmc0 [timer]", "0");
        root.write("sys/class/leds/ACT/delay_on", "700\n");
        root.write("sys/class/leds/ACT/delay_off", "300\n");
        root.led("PWR", "[none] timer", "1");
        root.program("systemd-run", "exit 0");
        root.program("systemctl", "exit 0");
        root.run(shell, LOCATE, LED);
        assert_eq!(root.read("sys/class/leds/ACT/delay_on"), "100");
        assert_eq!(
            root.run(shell, "ACTION=restore LIMIT=1", LED),
            "led 1\nrestored\nend\n"
        );
        assert_eq!(root.read("sys/class/leds/ACT/delay_on"), "700", "{shell:?}");
        assert_eq!(root.read("sys/class/leds/ACT/delay_off"), "300");
        assert_eq!(root.read("sys/class/leds/PWR/trigger"), "none");
        assert_eq!(root.read("sys/class/leds/PWR/brightness"), "1");
    }
}

#[test]
fn nothing_blinks_where_nothing_can_or_where_its_end_cannot_be_arranged() {
    for shell in shells() {
        let root = Root::pi4();
        root.led("ACT", "[none] mmc0", "0");
        fs::remove_dir_all(root.path("sys/class/leds/PWR")).unwrap();
        let answer = root.run(shell, LOCATE, LED);
        assert_eq!(
            answer, "led 1\nled\tACT\tcannot blink\nnothing\nend\n",
            "{shell:?}"
        );

        let root = Root::pi4();
        root.program("systemd-run", "exit 1");
        root.program("systemctl", "exit 0");
        root.program("setsid", "exit 1");
        // Neither way to arrange it: the only setsid in the way fails at once, and a shell cannot see that. So without it:
        let without =
            format!("command() {{ case $2 in setsid|systemd-run) return 1 ;; esac; }}; {LOCATE}");
        let answer = root.run(shell, &without, LED);
        assert_eq!(answer, "led 1\nunscheduled\nend\n", "{shell:?}");
        assert!(
            root.read("sys/class/leds/ACT/trigger").contains("[mmc0]"),
            "not touched"
        );
    }
}

#[test]
fn the_board_itself_ends_it_when_there_is_no_systemd() {
    for shell in shells() {
        let root = Root::pi4();
        let without = "command() { case $2 in systemd-run) return 1 ;; esac; }";
        root.run(shell, &format!("{without}; ACTION=locate LIMIT=0"), LED);
        let deadline = Instant::now() + Duration::from_secs(20);
        while root.read("sys/class/leds/ACT/trigger") != "mmc0" {
            assert!(
                Instant::now() < deadline,
                "{shell:?}: {}",
                root.read("sys/class/leds/ACT/trigger")
            );
            std::thread::yield_now();
        }
    }
}

#[test]
fn the_scripts_please_shellcheck() {
    for (name, text) in [("probe.sh", PROBE), ("led.sh", LED), ("nfs.sh", NFS)] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("src/clients/board")
            .join(name);
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
        let mut check = Command::new("shellcheck");
        let Ok(output) = check.args(["-s", "sh"]).arg(&path).output() else {
            let is_required = std::env::var("CI").as_deref() == Ok("true");
            assert!(!is_required, "shellcheck is missing");
            eprintln!("SKIPPED: shellcheck is not installed; tests/run installs it");
            return;
        };
        let words = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{words}");
    }
}

#[test]
fn the_answer_about_lights_becomes_a_sentence() {
    let node = NodeName::new("rpi-02");
    for (text, action, expected) in [
        (
            "led 1\nled\tACT\tblinks\nled\tPWR\tblinks\nend\n",
            "locate",
            Ok("ACT and PWR of board rpi-02 blink for"),
        ),
        (
            "hi\nled 1\nled\tACT\tblinks\nled\tPWR\tcannot blink\nend\n",
            "locate",
            Ok("ACT of board rpi-02 blinks"),
        ),
        (
            "led 1\nnothing\nend\n",
            "locate",
            Err("no light of this board can blink"),
        ),
        (
            "led 1\nled\tACT\tmay not be changed\nend\n",
            "locate",
            Err("no light of this board can blink"),
        ),
        (
            "led 1\nunscheduled\nend\n",
            "locate",
            Err("cannot be made to end it by itself"),
        ),
        ("", "locate", Err("cut off")),
        ("led 1\nrestored\nend\n", "restore", Ok("as they were")),
        (
            "led 1\nled\tACT\theartbeat\nend\n",
            "heartbeat",
            Ok("beats with its load"),
        ),
        ("led 1\nnothing\nend\n", "heartbeat", Err("no ACT light")),
        (
            "led 1\nled\tACT\tdoes not take it\nend\n",
            "usual",
            Err("does not take it"),
        ),
    ] {
        let answer = light_answer(text, action, &node);
        match (&answer, expected) {
            (Ok(words), Ok(part)) | (Err(words), Err(part)) => {
                assert!(words.contains(part), "{words}");
            }
            _ => panic!("{text:?}: {answer:?}"),
        }
    }
}
