//! Who looks at the process list while boards are onboarded: the arguments of every process of this machine, the boards'
//! own among them, read again and again.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Reads every few milliseconds, so that hardly a command is missed.
const EVERY: Duration = Duration::from_millis(3);

pub(super) struct Watch {
    stop: Arc<AtomicBool>,
    seen: JoinHandle<BTreeSet<String>>,
}

impl Watch {
    pub(super) fn begin() -> Watch {
        let stop = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&stop);
        let seen = std::thread::spawn(move || {
            let mut seen = BTreeSet::new();
            while !ended.load(Ordering::Relaxed) {
                look(&mut seen);
                std::thread::sleep(EVERY);
            }
            seen
        });
        Watch { stop, seen }
    }

    /// Every command line that was seen, arguments with blanks between.
    pub(super) fn end(self) -> BTreeSet<String> {
        self.stop.store(true, Ordering::Relaxed);
        self.seen.join().unwrap()
    }
}

fn look(seen: &mut BTreeSet<String>) {
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let is_process = entry
            .file_name()
            .to_string_lossy()
            .starts_with(|c: char| c.is_ascii_digit());
        // A process may end while it is looked at.
        if is_process && let Ok(line) = fs::read(entry.path().join("cmdline")) {
            let words = line.split(|byte| *byte == 0).map(String::from_utf8_lossy);
            seen.insert(words.collect::<Vec<_>>().join(" "));
        }
    }
}
