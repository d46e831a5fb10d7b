//! What a board says before anything is done to it: the answer of `clients/onboard/preflight.sh`, read strictly in its
//! frame and believed in parts.
//!
//! Every value may be missing and then is not known: nothing is concluded from what is missing but where that is the
//! finding itself. Text stays as it came, cleaning it is the view's business.

use std::collections::BTreeMap;

use super::cmdline::{BootFile, Mount};
use super::version::Version;

/// One answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Facts {
    pub model: Option<String>,
    pub serial: Option<String>,
    pub mac: Option<String>,
    /// `uname -m`.
    pub arch: Option<String>,
    /// Of the userland, which may be another than the kernel's.
    pub bits: Option<u32>,
    pub page_size: Option<u32>,
    pub kernel: Option<String>,
    /// `ID` and `VERSION_ID` of os-release.
    pub os: Option<(String, String)>,
    pub hostname: Option<String>,
    pub machine_id: Option<String>,
    pub boot_id: Option<String>,
    /// Seconds since 1970 by the board's clock.
    pub clock: Option<i64>,
    pub is_clock_synchronised: Option<bool>,
    pub memory_kb: Option<u64>,
    pub cores: Option<u32>,
    pub cgroup: Cgroup,
    /// The kernel's own parameters.
    pub running: Option<String>,
    /// A line of dmesg about parameters the kernel does not know.
    pub unknown_parameters: Option<String>,
    pub boot_files: Vec<BootFile>,
    /// Free kilobytes where k3s keeps its data.
    pub disk_free_kb: Option<u64>,
    pub is_root_read_only: Option<bool>,
    pub card_errors: Option<u32>,
    /// The bits of `vcgencmd get_throttled`.
    pub throttled: Option<u32>,
    pub default_route: Option<String>,
    /// The address this board would use towards the network.
    pub address: Option<String>,
    pub has_curl: bool,
    pub has_wget: bool,
    /// Tools that are missing of those the steps need.
    pub missing_tools: Vec<String>,
    pub missing_modules: Vec<String>,
    pub iptables: Option<String>,
    pub firewall: Option<String>,
    pub init: Option<String>,
    /// Installed units by name without `.service`, and their state: `active`, `failed`, `inactive` …
    pub units: BTreeMap<String, String>,
    /// Data of an earlier k3s.
    pub has_data: bool,
    pub has_node_password: bool,
    pub installed: Option<Installed>,
    /// Top-level keys of config.yaml; values may be secret and are not read.
    pub config_keys: Vec<String>,
    /// SHA-256 of the CA this board has known its cluster by.
    pub known_ca: Option<String>,
    pub datastore: Option<String>,
    /// Folders of local-path volumes: `pvc-…_namespace_claim`.
    pub volumes: Vec<String>,
    pub ping: Option<Answer>,
    /// Its text is the SHA-256 of what came.
    pub cacerts: Option<Answer>,
    /// Milliseconds for 64 synchronous writes of 4 kB.
    pub sync_writes_ms: Option<u64>,
}

/// The controllers of memory and the like.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Cgroup {
    #[default]
    Unknown,
    /// The names in `cgroup.controllers`.
    V2(Vec<String>),
    /// Whether the `memory` row of `/proc/cgroups` is enabled: that file counts on version 1 only.
    V1 { has_memory: bool },
}

/// A k3s that is there already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    pub hash: String,
    pub version: Option<Version>,
}

/// How a URL of the server answered the board: the HTTP status, or a failure of the tool in its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// 0 when there was none.
    pub status: u16,
    pub text: String,
}

impl Cgroup {
    /// Whether there is a memory controller; `None` when it is not known.
    pub fn has_memory(&self) -> Option<bool> {
        match self {
            Cgroup::Unknown => None,
            Cgroup::V2(names) => Some(names.iter().any(|name| name == "memory")),
            Cgroup::V1 { has_memory } => Some(*has_memory),
        }
    }
}

impl Facts {
    /// `arm64`, `armhf` or `amd64`: which of k3s's builds runs here.
    pub fn build(&self) -> Option<&'static str> {
        match (self.arch.as_deref()?, self.bits) {
            // A 64-bit kernel under a 32-bit system.
            ("aarch64" | "arm64", Some(32)) => Some("armhf"),
            ("aarch64" | "arm64", _) => Some("arm64"),
            ("x86_64" | "amd64", _) => Some("amd64"),
            (arch, _) if arch.starts_with("armv7") || arch.starts_with("armv8") => Some("armhf"),
            _ => None,
        }
    }

    /// What makes this board this installation: another value is another board, or another card in it.
    pub fn identity(&self) -> Option<String> {
        self.machine_id.clone().or_else(|| self.serial.clone())
    }

    pub fn is_unit_active(&self, unit: &str) -> bool {
        self.units.get(unit).is_some_and(|state| state == "active")
    }
}

/// Reads the answer of the script; an answer that was cut off is no answer.
pub fn parse(text: &str) -> Result<Facts, String> {
    let mut lines = text
        .lines()
        .skip_while(|line| line.trim_end() != "onboard 1");
    if lines.next().is_none() {
        return Err("the answer of the board is none: its shell said something else".to_owned());
    }
    let mut facts = Facts::default();
    for line in lines {
        if line.trim_end() == "end" {
            return Ok(facts);
        }
        let mut fields = line.split('\t');
        let key = fields.next().unwrap_or_default();
        let values: Vec<&str> = fields.collect();
        take(&mut facts, key, &values);
    }
    Err("the answer of the board was cut off".to_owned())
}

fn take(facts: &mut Facts, key: &str, values: &[&str]) {
    let first = values.first().map(|it| it.trim()).unwrap_or_default();
    let text = || (!first.is_empty()).then(|| first.to_owned());
    match key {
        "model" => facts.model = text(),
        "serial" => facts.serial = text(),
        "mac" => facts.mac = text(),
        "arch" => facts.arch = text(),
        "bits" => facts.bits = first.parse().ok(),
        "pagesize" => facts.page_size = first.parse().ok(),
        "kernel" => facts.kernel = text(),
        "os" => facts.os = Some((first.to_owned(), second(values))),
        "hostname" => facts.hostname = text(),
        "machine" => facts.machine_id = text(),
        "boot" => facts.boot_id = text(),
        "clock" => facts.clock = first.parse().ok(),
        "ntp" => facts.is_clock_synchronised = Some(first == "yes"),
        "memory" => facts.memory_kb = first.parse().ok(),
        "cores" => facts.cores = first.parse().ok(),
        "cgroup2" => facts.cgroup = Cgroup::V2(words(first)),
        "cgroup1" => {
            facts.cgroup = Cgroup::V1 {
                has_memory: first == "1",
            }
        }
        "cmdline" => facts.running = text(),
        "unknown-parameters" => facts.unknown_parameters = text(),
        "boot-file" | "boot-line" | "boot-mount" => take_boot(facts, key, values),
        "disk" => facts.disk_free_kb = first.parse().ok(),
        "root" => facts.is_root_read_only = Some(first.split(',').any(|it| it == "ro")),
        "card-errors" => facts.card_errors = first.parse().ok(),
        "throttled" => facts.throttled = bits(first),
        "route" => facts.default_route = text(),
        "address" => facts.address = text(),
        "tool" => match first {
            "curl" => facts.has_curl = true,
            "wget" => facts.has_wget = true,
            _ => {}
        },
        "no-tool" => facts.missing_tools.extend(text()),
        "no-module" => facts.missing_modules.extend(text()),
        "iptables" => facts.iptables = text(),
        "firewall" => facts.firewall = text(),
        "init" => facts.init = text(),
        "unit" => {
            let state = second(values);
            if !first.is_empty() {
                facts.units.insert(first.to_owned(), state);
            }
        }
        "data" => facts.has_data = true,
        "password" => facts.has_node_password = true,
        "binary" => {
            facts.installed = Some(Installed {
                hash: first.to_owned(),
                version: second(values).split_whitespace().find_map(Version::parse),
            });
        }
        "config" => facts.config_keys.extend(text()),
        "ca" => facts.known_ca = text(),
        "datastore" => facts.datastore = text(),
        "volume" => facts.volumes.extend(text()),
        "ping" => facts.ping = Some(answer(first, values)),
        "cacerts" => facts.cacerts = Some(answer(first, values)),
        "sync-writes" => facts.sync_writes_ms = first.parse().ok(),
        // A later script may say more.
        _ => {}
    }
}

fn take_boot(facts: &mut Facts, key: &str, values: &[&str]) {
    let Some((path, rest)) = values.split_first() else {
        return;
    };
    if facts.boot_files.iter().all(|file| file.path != *path) {
        facts.boot_files.push(BootFile {
            path: (*path).to_owned(),
            ..BootFile::default()
        });
    }
    let mut files = facts.boot_files.iter_mut();
    let Some(file) = files.find(|file| file.path == *path) else {
        return;
    };
    match (key, rest) {
        ("boot-file", [hash, ..]) => (*hash).clone_into(&mut file.hash),
        // A tab inside the line was a blank to the kernel as well.
        ("boot-line", parts) => file.lines.push(parts.join("\t")),
        ("boot-mount", [point, kind, options, ..]) => {
            file.mount = Some(Mount {
                point: (*point).to_owned(),
                kind: (*kind).to_owned(),
                is_read_only: options.split(',').any(|it| it == "ro"),
            });
        }
        _ => {}
    }
}

fn answer(first: &str, values: &[&str]) -> Answer {
    Answer {
        status: first.parse().unwrap_or(0),
        text: second(values),
    }
}

fn second(values: &[&str]) -> String {
    values
        .get(1)
        .map(|it| it.trim())
        .unwrap_or_default()
        .to_owned()
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// `throttled=0x50005`, `0x50005` or, from sysfs, `50005`.
fn bits(text: &str) -> Option<u32> {
    let text = text.strip_prefix("throttled=").unwrap_or(text);
    u32::from_str_radix(text.strip_prefix("0x").unwrap_or(text), 16).ok()
}
