//! A root made to look like a Raspberry Pi with k3s: plain files for sysfs, proc and /boot, and programs of a few lines
//! where a board has systemd and the firmware's tools. Real are sshd, sudo, the shells, and whatever a script does.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Run in the server's own mount namespace, in the server's folder, before sshd. The machine's own /proc stays reachable
/// for those who ask about themselves.
pub(crate) const MOUNTS: &str = "mkdir /run/own; mount --bind /proc /run/own; \
    mount --bind pi/bin /usr/local/bin; mount --bind pi/sys /sys; mount --bind pi/boot /boot; \
    if [ -e /etc/machine-id ]; then mount --bind pi/machine-id /etc/machine-id; fi; \
    mount --bind pi/proc /proc; ";

/// What stands where systemd would. `reboot` ends the connection and gives another boot id, `poweroff` ends the server.
const SYSTEMCTL: &str = r#"#!/bin/sh
state=@PI@/state
# The sshds above us, the nearest first, the listener last.
servers() {
  pid=$$ found=''
  while [ "$pid" -gt 1 ]; do
    read -r line <"/run/own/$pid/stat" || break
    name=${line#*\(} rest=${line##*\) }
    case $name in sshd*) found="$found $pid" ;; esac
    pid=$(echo "$rest" | cut -d' ' -f2)
  done
  echo "$found"
}
case $1 in
show) cat "$state/units" ;;
stop) ;;
restart)
  echo "$*" >>"$state/asked"
  sed -i 's/ActiveState=failed/ActiveState=active/; s/SubState=failed/SubState=running/' "$state/units"
  ;;
reboot)
  echo reboot >>"$state/asked"
  cat /run/own/sys/kernel/random/uuid >@PI@/proc/sys/kernel/random/boot_id
  kill -KILL $(servers | cut -d' ' -f2)
  ;;
poweroff)
  echo poweroff >>"$state/asked"
  kill -KILL $(servers)
  ;;
esac
"#;

const JOURNALCTL: &str = r#"#!/bin/sh
state=@PI@/state
case " $* " in
*' -b -1 '*) file=$state/previous ;;
*' -u k3s-agent '* | *' -u k3s-agent.service '*) file=$state/journal ;;
*) exit 0 ;;
esac
case " $* " in *' -f '*) exec tail -n +1 -f "$file" ;; esac
cat "$file"
"#;

const DMESG: &str = r#"#!/bin/sh
case " $* " in *' --follow '*) exec tail -n +1 -f @PI@/state/kernel ;; esac
cat @PI@/state/kernel
"#;

const SYSTEMD_RUN: &str = "#!/bin/sh\necho \"$*\" >>@PI@/state/scheduled\n";

/// The root of one board, below the folder of its server.
pub(crate) struct Pi(PathBuf);

impl Pi {
    /// A Pi 4 that is an agent: warm, throttled since its boot, with lights of the old kind of driver.
    pub(crate) fn build(server: &Path) -> Pi {
        let pi = Pi(server.join("pi"));
        for (path, text) in [
            ("proc/device-tree/model", "Raspberry Pi 4 Model B Rev 1.4\0"),
            ("proc/device-tree/serial-number", "10000000abcdef01\0"),
            ("proc/sys/kernel/osrelease", "6.12.34+rpt-rpi-v8\n"),
            ("proc/sys/kernel/hostname", "rpi-03\n"),
            (
                "proc/sys/kernel/random/boot_id",
                "e73ac3ee-7792-441c-8753-d792296be53b\n",
            ),
            ("proc/uptime", "3394.47 2673.10\n"),
            ("proc/loadavg", "2.79 2.53 2.21 4/133 7042\n"),
            (
                "proc/meminfo",
                "MemTotal: 3884904 kB\nMemFree: 210811 kB\nMemAvailable: 2235380 kB\n",
            ),
            (
                "proc/mounts",
                "proc /proc proc rw 0 0\n/dev/mmcblk0p2 / ext4 rw,noatime 0 0\n",
            ),
            ("proc/cmdline", "console=tty1 root=PARTUUID=1-02 rootwait\n"),
            ("proc/net/tcp", "  sl  local_address\n"),
            ("machine-id", "3d1219c7c4c5404aaa1f6d2a48adfda4\n"),
            ("sys/class/net/eth0/address", "dc:a6:32:00:00:02\n"),
            ("sys/class/thermal/thermal_zone0/temp", "63783\n"),
            ("sys/class/thermal/thermal_zone0/type", "cpu-thermal\n"),
            (
                "sys/devices/platform/soc/soc:firmware/get_throttled",
                "50000\n",
            ),
            (
                "sys/fs/cgroup/cgroup.controllers",
                "cpuset cpu io memory pids\n",
            ),
            (
                "boot/firmware/cmdline.txt",
                "console=tty1 root=PARTUUID=1-02 rootwait\n",
            ),
            (
                "state/units",
                "Id=k3s.service\nLoadState=not-found\nActiveState=inactive\nSubState=dead\nNRestarts=0\n\n\
                 Id=k3s-agent.service\nLoadState=loaded\nActiveState=active\nSubState=running\nNRestarts=0\n",
            ),
            (
                "state/journal",
                "level=info msg=\"Starting k3s-agent\"\nI1124 node.go:9] \"Successfully registered node\"\n",
            ),
            (
                "state/previous",
                "level=fatal msg=\"the last words of the previous boot\"\n",
            ),
            ("state/kernel", "[Tue] Linux version 6.12.34+rpt-rpi-v8\n"),
            ("state/asked", ""),
            ("state/scheduled", ""),
        ] {
            pi.write(path, text);
        }
        pi.start_lights();
        std::os::unix::fs::symlink("/run/own/self", pi.0.join("proc/self")).unwrap();
        for (name, text) in [
            ("systemctl", SYSTEMCTL),
            ("journalctl", JOURNALCTL),
            ("dmesg", DMESG),
            ("systemd-run", SYSTEMD_RUN),
        ] {
            let path = format!("bin/{name}");
            let place = pi.0.display().to_string();
            pi.write(&path, &text.replace("@PI@", &place));
            let mode = fs::Permissions::from_mode(0o755);
            fs::set_permissions(pi.0.join(path), mode).unwrap();
        }
        pi
    }

    /// The lights as after a boot. A plain file forgets the list of triggers with the first that is written.
    pub(crate) fn start_lights(&self) {
        for (name, trigger, brightness) in [
            ("ACT", "none [mmc0] timer heartbeat default-on\n", "0\n"),
            ("PWR", "none mmc0 timer heartbeat [default-on]\n", "255\n"),
        ] {
            self.write(&format!("sys/class/leds/{name}/trigger"), trigger);
            self.write(&format!("sys/class/leds/{name}/brightness"), brightness);
        }
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let file = self.0.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    pub(crate) fn append(&self, path: &str, text: &str) {
        let file = fs::OpenOptions::new().append(true).open(self.0.join(path));
        file.unwrap().write_all(text.as_bytes()).unwrap();
    }

    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.0.join(path)).unwrap()
    }
}
