//! The board itself: its processor, its kernel's parameters, its card, its supply, its clock.

use super::{Finding, Fix, Look, fixed, plain};
use crate::rack::onboard::cmdline::{self, Cure};
use crate::rack::onboard::facts::Cgroup;

/// More seconds apart than this and certificates are not yet, or no longer, valid.
const CLOCK: i64 = 60;
/// Kilobytes: binary, images and the first pods.
const DISK: u64 = 3 << 20;
const DISK_TIGHT: u64 = 6 << 20;
/// Kilobytes that a server or an agent needs (docs.k3s.io, requirements), less what firmware keeps for itself.
const SERVER_MEMORY: u64 = 1_800_000;
const AGENT_MEMORY: u64 = 420_000;
/// A good card writes 4 kB synchronously in 1-3 ms; etcd wants under 10.
const SLOW_WRITES: u64 = 64 * 10;

pub(super) fn look(look: &Look<'_>, found: &mut Vec<Finding>) {
    processor(look, found);
    controllers(look, found);
    supply(look, found);
    card(look, found);
    clock(look, found);
}

fn processor(look: &Look<'_>, found: &mut Vec<Finding>) {
    let facts = look.facts;
    let arch = facts.arch.as_deref().unwrap_or("?");
    let model = facts.model.as_deref().unwrap_or("this board");
    if arch.starts_with("armv6") || arch.starts_with("armv5") {
        let problem = look.critical(format!(
            "{} has a processor k3s does not run on",
            look.host()
        ));
        found.push(plain(
            problem
                .why(format!("{model} is {arch}; k3s needs ARMv7 since v1.19.4"))
                .next("use a Raspberry Pi 3, 4, 5 or Zero 2 W"),
        ));
    } else if facts.build().is_none() {
        let problem = look.critical(format!("there is no build of k3s for {}", look.host()));
        found.push(plain(
            problem
                .why(format!("its processor says {arch}"))
                .next("use a 64-bit system on a Raspberry Pi 3 or newer"),
        ));
    }
    if arch == "aarch64" && facts.bits == Some(32) {
        let problem = look.warning(format!(
            "{} has a 32-bit system under a 64-bit kernel",
            look.host()
        ));
        found.push(fixed(
            problem
                .why("k3s for armhf is used, and images must have linux/arm/v7")
                .next("better flash the 64-bit Raspberry Pi OS"),
            Fix::Ignore,
        ));
    }
    if facts.page_size == Some(16_384) {
        let problem = look.note(format!("{} has memory pages of 16 kB", look.host()));
        found.push(plain(
            problem
                .why("k3s runs, some images do not (jemalloc: Unsupported system page size)")
                .next("for those put kernel=kernel8.img into config.txt and reboot"),
        ));
    }
    let (needed, role) = if look.wish.role.is_server() {
        (SERVER_MEMORY, "a server")
    } else {
        (AGENT_MEMORY, "an agent")
    };
    if let Some(memory) = facts.memory_kb.filter(|memory| *memory < needed) {
        let problem = look.warning(format!("{} has little memory for {role}", look.host()));
        found.push(fixed(
            problem
                .why(format!(
                    "{} MB; {role} of k3s wants {} MB",
                    memory / 1_024,
                    needed / 1_000
                ))
                .next("use a larger board, or expect it to run out under load"),
            Fix::Ignore,
        ));
    }
}

fn controllers(look: &Look<'_>, found: &mut Vec<Finding>) {
    let facts = look.facts;
    let what = match &facts.cgroup {
        Cgroup::V2(names) if names.iter().any(|it| it == "memory") => {
            let missing: Vec<&str> = ["cpu", "cpuset"]
                .into_iter()
                .filter(|it| !names.iter().any(|name| name == it))
                .collect();
            if !missing.is_empty() {
                let problem = look.critical(format!(
                    "{} lacks the cgroup controller {}",
                    look.host(),
                    missing.join(" and ")
                ));
                found.push(plain(
                    problem
                        .evidence(format!("cgroup.controllers: {}", names.join(" ")))
                        .next("use the system's own kernel, not one built by hand"),
                ));
            }
            return;
        }
        Cgroup::V2(names) => format!("cgroup.controllers: {}", names.join(" ")),
        Cgroup::V1 { has_memory: true } => return,
        Cgroup::V1 { has_memory: false } => "/proc/cgroups: memory is not enabled".to_owned(),
        Cgroup::Unknown => {
            let problem = look.warning(format!(
                "whether {} has a memory controller is not known",
                look.host()
            ));
            found.push(fixed(
                problem.why("there is neither cgroup.controllers nor /proc/cgroups"),
                Fix::Ignore,
            ));
            return;
        }
    };
    let running = facts.running.as_deref().unwrap_or_default();
    let base = |severe: bool, words: &str| {
        let what_it_is = format!(
            "the kernel of {} has no memory cgroup controller{words}",
            look.host()
        );
        let problem = if severe {
            look.critical(what_it_is)
        } else {
            look.note(what_it_is)
        };
        problem
            .evidence(what.clone())
            .evidence(format!("/proc/cmdline: {running}"))
    };
    found.push(plain(match cmdline::cure(&facts.boot_files, running) {
        Cure::Edit(edit) => base(false, "")
            .why("its firmware switches it off to save memory")
            .next(format!("the plan adds two words to {} and reboots", edit.path)),
        Cure::Reboot => base(false, "")
            .why("its cmdline.txt has the words, the kernel was started without them")
            .next("the plan reboots it"),
        Cure::KernelIgnoresThem => {
            let problem = base(true, ", and ignores the words that switch it on")
                .why("this kernel lacks Raspberry Pi's patch (raspberrypi/linux#6439): rebooting again does not help")
                .next("update kernel and firmware, or use the vendor's kernel");
            facts.unknown_parameters.iter().fold(problem, |problem, line| problem.evidence(line.clone()))
        }
        Cure::NoFile => base(true, "")
            .why("there is no cmdline.txt of a Raspberry Pi's firmware")
            .next("add cgroup_memory=1 cgroup_enable=memory to the boot loader's kernel line by hand, then reboot"),
        Cure::Refused { path, why, next } => {
            base(true, "").why(format!("{path} cannot be edited: {why}")).next(next)
        }
    }));
}

fn supply(look: &Look<'_>, found: &mut Vec<Finding>) {
    let Some(bits) = look.facts.throttled else {
        return;
    };
    if bits & 0x1 != 0 {
        let problem = look.warning(format!(
            "the supply of {} is too weak right now",
            look.host()
        ));
        found.push(fixed(
            problem
                .why("under-voltage while writing ruins cards")
                .evidence(format!("get_throttled: {bits:#x}"))
                .next("use a better supply or a shorter cable first"),
            Fix::Ignore,
        ));
    } else if bits & 0x1_0000 != 0 {
        let problem = look.note(format!(
            "the supply of {} was too weak at some time since it started",
            look.host()
        ));
        found.push(plain(
            problem
                .evidence(format!("get_throttled: {bits:#x}"))
                .next("use a better supply"),
        ));
    }
}

fn card(look: &Look<'_>, found: &mut Vec<Finding>) {
    let facts = look.facts;
    if facts.is_root_read_only == Some(true) {
        let problem = look.critical(format!(
            "the root file system of {} is read-only",
            look.host()
        ));
        found.push(plain(
            problem
                .why("worn cards end like that")
                .next("replace the card"),
        ));
    }
    if let Some(count) = facts.card_errors.filter(|count| *count > 0) {
        let problem = look.warning(format!("the card of {} has errors", look.host()));
        found.push(fixed(
            problem
                .evidence(format!("{count} lines of mmc errors in dmesg"))
                .next("replace the card"),
            Fix::Ignore,
        ));
    }
    match facts.disk_free_kb {
        Some(free) if free < DISK => {
            let problem = look.critical(format!("{} has too little room on its disk", look.host()));
            found.push(plain(
                problem
                    .why(format!(
                        "{} MB are free where k3s keeps its data; {} MB are needed",
                        free / 1_024,
                        DISK / 1_024
                    ))
                    .next("free some, or grow the partition (raspi-config does)"),
            ));
        }
        Some(free) if free < DISK_TIGHT => {
            let problem = look.note(format!("{} has little room on its disk", look.host()));
            found.push(plain(problem.why(format!("{} MB are free", free / 1_024))));
        }
        Some(_) | None => {}
    }
    let has_etcd = look.wish.role == crate::rack::onboard::wish::Role::Server
        || look.wish.role == (crate::rack::onboard::wish::Role::FirstServer { etcd: true });
    if let Some(ms) = facts
        .sync_writes_ms
        .filter(|ms| has_etcd && *ms > SLOW_WRITES)
    {
        let problem = look.warning(format!("the disk of {} is slow for etcd", look.host()));
        found.push(fixed(
            problem
                .why(format!(
                    "{} ms for each synchronous write; etcd wants less than 10",
                    ms / 64
                ))
                .next("use an SSD, or a single server with sqlite"),
            Fix::Ignore,
        ));
    }
}

fn clock(look: &Look<'_>, found: &mut Vec<Finding>) {
    let Some(clock) = look.facts.clock else {
        return;
    };
    let off = clock - look.now;
    if off.abs() > CLOCK {
        let direction = if off < 0 { "behind" } else { "ahead" };
        let problem = look.note(format!(
            "the clock of {} is {} s {direction}",
            look.host(),
            off.abs()
        ));
        found.push(plain(
            problem
                .why("certificates made with a wrong clock are not yet valid elsewhere")
                .next("the plan switches network time on and waits for it before k3s is started"),
        ));
    } else if look.facts.is_clock_synchronised == Some(false) {
        let problem = look.note(format!(
            "the clock of {} is not kept by the network",
            look.host()
        ));
        found.push(plain(problem.next("the plan switches network time on")));
    }
}

/// Whether the plan must set the clock.
pub(in crate::rack::onboard) fn wants_clock(look: &Look<'_>) -> bool {
    let is_off = look
        .facts
        .clock
        .is_some_and(|clock| (clock - look.now).abs() > CLOCK);
    is_off || look.facts.is_clock_synchronised == Some(false)
}
