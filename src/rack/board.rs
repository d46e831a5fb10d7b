//! What a board says about itself over SSH: the answer of `clients/board/probe.sh`, read strictly and believed in parts.
//!
//! Every value may be missing (older kernels, no rights, tools that are not there) and then is not known. Invariant:
//! whatever a board answers, reading it never fails but for an answer that is none or was cut off; text stays as it
//! came, cleaning it is the view's business.

pub mod nfs;
pub mod outage;
pub mod state;

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::rack::board::nfs::Nfs;

/// One answer of a board.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reading {
    pub model: Option<Box<str>>,
    pub serial: Option<Box<str>>,
    /// `uname -m`.
    pub architecture: Option<Box<str>>,
    pub kernel: Option<Box<str>>,
    pub host: Option<Box<str>>,
    pub boot_id: Option<Box<str>>,
    pub machine_id: Option<Box<str>>,
    /// Of `eth0`.
    pub mac: Option<Box<str>>,
    /// Seconds.
    pub uptime: Option<u64>,
    /// Over 1, 5 and 15 minutes.
    pub load: Option<[f32; 3]>,
    /// Bytes.
    pub memory_total: Option<u64>,
    pub memory_available: Option<u64>,
    pub disks: Vec<Disk>,
    /// The root file system is mounted read-only, as worn cards end.
    pub is_root_read_only: Option<bool>,
    /// Degrees Celsius.
    pub temperature: Option<f32>,
    pub throttle: Option<Throttle>,
    pub fan: Option<Fan>,
    pub leds: Vec<BoardLed>,
    /// By name without `.service`, those that are installed.
    pub units: BTreeMap<Box<str>, Unit>,
    pub has_systemd: bool,
    pub memory_cgroup: Option<bool>,
    /// Of mounting, and of who waits for it.
    pub nfs: Nfs,
    /// The board's clock when it answered.
    pub clock: Option<Timestamp>,
    /// The causes of an outage were looked for: what follows is known.
    pub is_deep: bool,
    /// Asked for only when the API is down: whether something listens on 6443.
    pub listens_on_6443: bool,
    /// Asked for only when the API is down: the last lines of each unit, oldest first.
    pub journal: Vec<(Box<str>, Box<str>)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disk {
    /// What was asked about: `/` or `/var/lib/rancher`.
    pub place: Box<str>,
    /// Where that file system is mounted.
    pub mount: Box<str>,
    /// Bytes.
    pub size: u64,
    pub free: u64,
}

/// The bits of `vcgencmd get_throttled`, now and since the board was switched on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Throttle {
    pub now: Limits,
    pub since_boot: Limits,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "four independent bits of the firmware, under its own names"
)]
pub struct Limits {
    pub undervoltage: bool,
    pub capped: bool,
    pub throttled: bool,
    pub soft_temperature: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fan {
    pub rpm: Option<u32>,
    /// Of 255.
    pub pwm: Option<u32>,
}

/// A light on the board, under the name the kernel gives it: ACT and PWR, `led0` and `led1` before 6.1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoardLed {
    pub name: Box<str>,
    pub is_lit: Option<bool>,
    /// What drives it now: `mmc0`, `none`, `timer`, …
    pub trigger: Option<Box<str>>,
    /// What could drive it.
    pub triggers: Vec<Box<str>>,
    /// Milliseconds on and off, while `timer` drives it.
    pub delays: Option<(u32, u32)>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unit {
    /// `active`, `activating`, `failed`, …
    pub active: Box<str>,
    /// `running`, `auto-restart`, …
    pub sub: Box<str>,
    pub restarts: u32,
}

/// What can be done to a board.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// Its lights blink for two minutes, so that it is found.
    Blink,
    StopBlinking,
    /// ACT beats with the load, until the next boot.
    Heartbeat,
    /// ACT shows the card again, as after a boot.
    UsualLight,
    /// A unit of systemd.
    Restart(String),
    Reboot,
    PowerOff,
}

/// What is read of a board's past.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Journal {
    Unit(String),
    PreviousBoot,
    Kernel,
}

/// Why an answer is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    #[error("the board answers something else than asked")]
    NotAnAnswer,
    #[error("the answer of the board was cut off")]
    CutOff,
}

/// Reads the answer of a board. Lines before it, such as a greeting of its shell, are left out.
pub fn parse(text: &str) -> Result<Reading, Unreadable> {
    let mut lines = text.lines().skip_while(|line| *line != "board 1").skip(1);
    let mut reading = Reading {
        has_systemd: true,
        ..Reading::default()
    };
    let mut unit = String::new();
    let mut is_whole = false;
    let mut count = 0;
    for line in lines.by_ref() {
        count += 1;
        if line == "end" {
            is_whole = true;
            break;
        }
        let (key, value) = line.split_once('\t').unwrap_or((line, ""));
        if key == "unit" {
            reading.read_unit(value, &mut unit);
        } else {
            reading.read(key, value);
        }
    }
    match (is_whole, count) {
        (true, _) => {
            reading.units.retain(|_, unit| !unit.active.is_empty());
            Ok(reading)
        }
        (false, 0) => Err(Unreadable::NotAnAnswer),
        (false, _) => Err(Unreadable::CutOff),
    }
}

impl Reading {
    fn read(&mut self, key: &str, value: &str) {
        let text = || {
            Some(value.trim())
                .filter(|it| !it.is_empty())
                .map(Box::from)
        };
        match key {
            "model" => self.model = text(),
            "serial-number" => self.serial = text(),
            "arch" => self.architecture = text(),
            "kernel" => self.kernel = text(),
            "host" => self.host = text(),
            "boot" => self.boot_id = text(),
            "machine" => self.machine_id = text(),
            "mac" => self.mac = text(),
            "uptime" => self.uptime = value.split(['.', ' ']).next().and_then(number),
            "load" => self.load = load(value),
            "memory" => {
                self.memory_total = kilobytes(value, "MemTotal:");
                self.memory_available = kilobytes(value, "MemAvailable:");
            }
            "disk" => self.disks.extend(disk(value)),
            "root" => {
                let options = value.split(' ').nth(3);
                self.is_root_read_only = options.map(|it| it.split(',').any(|word| word == "ro"));
            }
            "temperature" => self.temperature = temperature(value),
            "throttled" => self.throttle = throttle(value),
            // Kernels that do not show the firmware's bits still know this one.
            "undervoltage" if self.throttle.is_none() => {
                let mut throttle = Throttle::default();
                throttle.now.undervoltage = value == "1";
                self.throttle = Some(throttle);
            }
            "fan" => self.fan_mut().rpm = number(value),
            "pwm" => self.fan_mut().pwm = number(value),
            "led" => self.leds.extend(led(value)),
            "cgroup2" => self.memory_cgroup = Some(value.split(' ').any(|word| word == "memory")),
            // The last column is whether it is on; without the row there is no such controller.
            "cgroup1" => self.memory_cgroup = Some(value.split_whitespace().nth(3) == Some("1")),
            "no-systemd" => self.has_systemd = false,
            "clock" => {
                self.clock = number(value).and_then(|it: i64| Timestamp::from_second(it).ok());
            }
            "deep" => self.is_deep = true,
            "listens" => self.listens_on_6443 = true,
            "journal" => {
                if let Some((unit, line)) = value.split_once('\t') {
                    self.journal.push((unit.into(), line.into()));
                }
            }
            _ => self.nfs.read(key, value),
        }
    }

    /// `Id=` begins a unit. Those that are not installed are left out.
    fn read_unit(&mut self, value: &str, current: &mut String) {
        let Some((key, value)) = value.split_once('=') else {
            return;
        };
        if key == "Id" {
            value.trim_end_matches(".service").clone_into(current);
            return;
        }
        if key == "LoadState" && value != "loaded" {
            current.clear();
        }
        if current.is_empty() {
            return;
        }
        let unit = self.units.entry(current.as_str().into()).or_default();
        match key {
            "ActiveState" => unit.active = value.into(),
            "SubState" => unit.sub = value.into(),
            "NRestarts" => unit.restarts = number(value).unwrap_or_default(),
            _ => {}
        }
    }

    fn fan_mut(&mut self) -> &mut Fan {
        self.fan.get_or_insert(Fan {
            rpm: None,
            pwm: None,
        })
    }

    /// The unit that makes it a node: `k3s` on servers, `k3s-agent` else.
    pub fn unit(&self) -> Option<(&str, &Unit)> {
        ["k3s", "k3s-agent"]
            .into_iter()
            .find_map(|name| self.units.get(name).map(|unit| (name, unit)))
    }

    /// Free space of the fullest of its disks, in percent.
    pub fn least_free_percent(&self) -> Option<u64> {
        let percent = |disk: &Disk| disk.free.saturating_mul(100) / disk.size.max(1);
        self.disks.iter().map(percent).min()
    }
}

impl BoardLed {
    /// Whether it can be made to blink.
    pub fn can_blink(&self) -> bool {
        self.triggers.iter().any(|trigger| &**trigger == "timer")
    }
}

impl Throttle {
    /// The state of the supply and the cooling in a word: what is worst now, else what was.
    pub fn word(self) -> &'static str {
        let Throttle { now, since_boot } = self;
        if now.undervoltage {
            "low"
        } else if now.throttled || now.soft_temperature || now.capped {
            "slow"
        } else if since_boot.undervoltage {
            "dips"
        } else {
            "ok"
        }
    }
}

fn number<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.trim().parse().ok()
}

fn load(text: &str) -> Option<[f32; 3]> {
    let mut numbers = text.split(' ').map(|word| word.parse::<f32>().ok());
    let mut next = || numbers.next().flatten().filter(|it| it.is_finite());
    Some([next()?, next()?, next()?])
}

/// The value after `name` in lines of `/proc/meminfo`, in bytes.
fn kilobytes(text: &str, name: &str) -> Option<u64> {
    let (_, rest) = text.split_once(name)?;
    let kilobytes: u64 = rest.split_whitespace().next()?.parse().ok()?;
    kilobytes.checked_mul(1_024)
}

fn disk(text: &str) -> Option<Disk> {
    let mut fields = text.split('\t');
    let place = fields.next()?;
    let mut kilobytes = || fields.next().and_then(number::<u64>)?.checked_mul(1_024);
    let (size, _, free) = (kilobytes()?, kilobytes()?, kilobytes()?);
    Some(Disk {
        place: place.into(),
        mount: fields.next().unwrap_or_default().into(),
        size,
        free,
    })
}

/// Thousandths of a degree from sysfs, or `temp=51.0'C`.
fn temperature(text: &str) -> Option<f32> {
    let (value, _) = text.split_once('\t').unwrap_or((text, ""));
    let degrees = match value.strip_prefix("temp=") {
        Some(rest) => rest.split('\'').next().and_then(number::<f32>)?,
        None => number::<f32>(value)? / 1_000.0,
    };
    // A sensor that is not connected reads -273 or 127 and more.
    (-40.0..=125.0).contains(&degrees).then_some(degrees)
}

/// `50005` or `throttled=0x50005`.
fn throttle(text: &str) -> Option<Throttle> {
    let text = text.trim().trim_start_matches("throttled=");
    let bits = u32::from_str_radix(text.trim_start_matches("0x"), 16).ok()?;
    let limits = |shift: u32| {
        let has = |bit: u32| bits >> (shift + bit) & 1 == 1;
        Limits {
            undervoltage: has(0),
            capped: has(1),
            throttled: has(2),
            soft_temperature: has(3),
        }
    };
    Some(Throttle {
        now: limits(0),
        since_boot: limits(16),
    })
}

/// Name, brightness, delays, and the triggers with the active one in brackets.
fn led(text: &str) -> Option<BoardLed> {
    let mut fields = text.splitn(5, '\t');
    let name = fields.next().filter(|name| !name.is_empty())?;
    let brightness: Option<u32> = fields.next().and_then(number);
    let (on, off) = (
        fields.next().and_then(number),
        fields.next().and_then(number),
    );
    let words: Vec<&str> = fields
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    let marked = |word: &&str| word.starts_with('[') && word.ends_with(']');
    let active = words.iter().copied().find(marked);
    // Without brackets there is only one.
    let active = active.or(words.first().copied().filter(|_| words.len() == 1));
    let active = active.map(|word| word.trim_matches(['[', ']']));
    let plain = |word: &&str| Box::from(word.trim_matches(['[', ']']));
    Some(BoardLed {
        name: name.into(),
        is_lit: brightness.map(|it| it > 0),
        trigger: active.map(Box::from),
        triggers: words.iter().map(plain).collect(),
        delays: on.zip(off).filter(|_| active == Some("timer")),
    })
}

#[cfg(test)]
mod tests;
