//! What a board says of NFS: whether it can mount, what it has mounted, and which of its processes wait for so long that
//! they hang.
//!
//! A process that waits for an NFS server is in uninterruptible wait: no signal ends it, its pod neither works nor goes.
//! One look says little, for every process waits for its disk now and then: only who waits at two looks in a row hangs.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::rack::node::Uid;

/// Who waits for so long waits for more than a slow card.
const HANGS_AFTER: Duration = Duration::from_secs(10);

/// What one answer of the board says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Nfs {
    /// Whether `mount.nfs` is installed, without which the kubelet mounts no export; `None` when the board did not say.
    pub has_client: Option<bool>,
    /// What is mounted: `10.10.10.5:/srv/nfs/web-data`.
    pub mounts: Vec<Box<str>>,
    /// In uninterruptible wait; looked for only where something is mounted.
    pub waits: Vec<Wait>,
}

/// A process in uninterruptible wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    pub process: Process,
    /// As `/proc/PID/stat` has it, at most 15 letters.
    pub name: Box<str>,
    /// The pod it belongs to, by its control group.
    pub pod: Option<Uid>,
}

/// Numbers of processes come again: the time of their start, in ticks since the boot, does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Process {
    pub pid: u32,
    pub started: u64,
}

/// Since when each waits, by our clock.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Waiting(BTreeMap<Process, Duration>);

impl Nfs {
    /// One line of the answer. Other keys are not for us.
    pub(super) fn read(&mut self, key: &str, value: &str) {
        match key {
            "nfs-client" => self.has_client = Some(value == "yes"),
            "nfs" => self.mounts.extend(value.split('\t').next().map(Box::from)),
            "waits" => self.waits.extend(wait(value)),
            _ => {}
        }
    }
}

impl Waiting {
    /// The board has answered: who is not among them any more has gone on.
    pub(super) fn answered(&mut self, waits: &[Wait], at: Duration) {
        let since = |it: &Wait| (it.process, self.0.get(&it.process).copied().unwrap_or(at));
        self.0 = waits.iter().map(since).collect();
    }

    /// Those of an answer that came `at` who hang, and for how long.
    pub fn hanging<'a>(&self, waits: &'a [Wait], at: Duration) -> Vec<(&'a Wait, Duration)> {
        let waited = |it: &Wait| at.saturating_sub(self.0.get(&it.process).copied().unwrap_or(at));
        waits
            .iter()
            .map(|it| (it, waited(it)))
            .filter(|(_, waited)| *waited >= HANGS_AFTER)
            .collect()
    }
}

/// Number, start, name, and the line of its control group.
fn wait(text: &str) -> Option<Wait> {
    let mut fields = text.splitn(4, '\t');
    let process = Process {
        pid: fields.next()?.parse().ok()?,
        started: fields.next()?.parse().ok()?,
    };
    let name = fields.next()?.into();
    let pod = fields.next().and_then(pod_in);
    Some(Wait { process, name, pod })
}

/// The pod of a control group: `…/pod0f1e…/…` by cgroupfs, `…-pod0f1e_….slice/…` by systemd.
fn pod_in(group: &str) -> Option<Uid> {
    const LENGTH: usize = 36;
    let starts = group.match_indices("pod").map(|(at, word)| at + word.len());
    let is_letter = |c: char| c.is_ascii_hexdigit() || c == '-' || c == '_';
    let uid = |start: usize| {
        let uid = group.get(start..start + LENGTH)?;
        let is_whole = uid.chars().all(is_letter) && uid.contains(['-', '_']);
        is_whole.then(|| Uid(uid.replace('_', "-").into()))
    };
    starts.into_iter().find_map(uid)
}

#[cfg(test)]
mod tests {
    use super::*;

    const UID: &str = "0f1e2d3c-0000-4000-8000-0123456789ab";

    #[test]
    fn a_line_of_a_process_names_its_pod() {
        let slice = format!(
            "0::/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod{}.slice/cri-1",
            UID.replace('-', "_")
        );
        for (group, pod) in [
            (
                format!("0::/kubepods/besteffort/pod{UID}/abc"),
                Some(Uid(UID.into())),
            ),
            (slice, Some(Uid(UID.into()))),
            ("0::/system.slice/k3s-agent.service".to_owned(), None),
            ("0::/kubepods/podtooshort".to_owned(), None),
            (
                "0::/pod日本語日本語日本語日本語日本語日本語".to_owned(),
                None,
            ),
            (String::new(), None),
        ] {
            let mut nfs = Nfs::default();
            nfs.read("waits", &format!("812\t4711\tpostgres\t{group}"));
            assert_eq!(nfs.waits[0].pod, pod, "{group}");
            assert_eq!(
                nfs.waits[0].process,
                Process {
                    pid: 812,
                    started: 4711
                }
            );
        }
        for broken in ["", "x\t1\ta\t", "1", "1\t2"] {
            assert_eq!(wait(broken), None, "{broken}");
        }
    }

    #[test]
    fn only_who_waits_at_two_looks_hangs() {
        let wait = |pid, started| Wait {
            process: Process { pid, started },
            name: "x".into(),
            pod: None,
        };
        let at = Duration::from_secs;
        let mut waiting = Waiting::default();
        let first = [wait(1, 10), wait(2, 10)];
        waiting.answered(&first, at(100));
        assert!(waiting.hanging(&first, at(100)).is_empty());
        // Number 2 has ended, and another process has its number now.
        let second = [wait(1, 10), wait(2, 99)];
        waiting.answered(&second, at(115));
        assert_eq!(waiting.hanging(&second, at(115)), [(&second[0], at(15))]);
        waiting.answered(&[], at(130));
        waiting.answered(&second, at(145));
        assert!(
            waiting.hanging(&second, at(145)).is_empty(),
            "it had gone on"
        );
    }
}
