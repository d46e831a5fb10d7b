//! What the kernel knows of a running process: processor time and memory. Linux only.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};

/// Ticks of `/proc/PID/stat` per second: 100 on every Linux.
const TICKS: u64 = 100;

/// Resident memory in bytes.
#[derive(Clone, Copy)]
pub(crate) struct Memory {
    pub(crate) now: u64,
    pub(crate) peak: u64,
}

/// Processor time of all its threads, user and system.
pub(crate) fn cpu(pid: u32) -> Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))
        .with_context(|| format!("process {pid} is gone"))?;
    // The name in parentheses may hold anything; the fields are counted behind it.
    let (_, fields) = stat.rsplit_once(')').context("/proc/PID/stat")?;
    let ticks = |at: usize| -> Result<u64> {
        let field = fields
            .split_whitespace()
            .nth(at)
            .context("/proc/PID/stat")?;
        Ok(field.parse()?)
    };
    Ok(Duration::from_millis(
        (ticks(11)? + ticks(12)?) * 1_000 / TICKS,
    ))
}

pub(crate) fn memory(pid: u32) -> Result<Memory> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))
        .with_context(|| format!("process {pid} is gone"))?;
    let kilobytes = |name: &str| -> Result<u64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let number = line.and_then(|line| line.split_whitespace().next());
        Ok(number.context("/proc/PID/status")?.parse()?)
    };
    Ok(Memory {
        now: kilobytes("VmRSS:")? * 1_024,
        peak: kilobytes("VmHWM:")? * 1_024,
    })
}

/// How busy the machine is: tasks that want to run, averaged over a minute.
pub(crate) fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace()
        .next()
        .unwrap_or("unknown")
        .to_owned()
}
