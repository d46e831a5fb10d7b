//! Where a log says what went wrong, and what is known about it.
//!
//! The last line of a failed job (`ERROR: Job failed: exit code 1`) is never the cause: what stands before it is.

use super::Trace;

/// What a line of a log means to those who have seen it before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// A part of the line.
    sign: &'static str,
    /// What it means.
    pub what: &'static str,
    /// What to do.
    pub next: &'static str,
}

const KNOWN: &[Known] = &[
    Known {
        sign: "exec format error",
        what: "the builder cannot run this architecture: it has no ARM emulation, or lost it at a reboot",
        next: "install the emulators in this job (tonistiigi/binfmt --install arm,arm64), or use an arm64 runner",
    },
    Known {
        sign: "qemu: uncaught target signal",
        what: "the emulator crashed, not the program that is built",
        next: "pin another tag of tonistiigi/binfmt, or build on an arm64 runner",
    },
    Known {
        sign: "Value too large for defined data type",
        what: "32-bit emulation cannot read the file system of the builder",
        next: "put the package cache on a tmpfs, or cross-compile on the build platform",
    },
    Known {
        sign: "TLS data loaded from environment",
        what: "buildx needs a context of its own when docker is reached over TLS",
        next: "run docker context create ctx && docker buildx create --use ctx first",
    },
    Known {
        sign: "Cannot connect to the Docker daemon",
        what: "the job has no docker daemon",
        next: "add the service docker:dind, and run it on a privileged runner",
    },
    Known {
        sign: "lookup docker",
        what: "the job does not find the service docker",
        next: "add the service docker:dind, and run it on a privileged runner",
    },
    Known {
        sign: "unauthorized: authentication required",
        what: "the registry refused the push: the token of the job may have run out during it",
        next: "log in again before the push, or raise the registry's token time on the server",
    },
    Known {
        sign: "Job's log exceeded limit of",
        what: "the runner cut the log; the job itself went on",
        next: "raise output_limit of the runner, or let the job say less (--progress quiet)",
    },
    Known {
        sign: "no space left on device",
        what: "a disk of the builder is full",
        next: "run docker system prune on the builder, or give it more room",
    },
];

/// The row a person wants to see first: the first one that says what went wrong. `None` in a log without an error.
pub fn first_error(trace: &Trace) -> Option<usize> {
    let rows = trace.rows();
    let last = rows.iter().rposition(|row| is_verdict(trace.text(row)));
    let before = last.unwrap_or(rows.len());
    let mut errors = rows
        .iter()
        .take(before)
        .enumerate()
        .filter(|(_, row)| is_error(trace.text(row)));
    let known = || known(trace).map(|(row, _)| row);
    // Without a red line what stands before the verdict is the best guess: it has the reader's eye in the right place.
    let said_last = || {
        let shows = |row: &super::Row| !trace.plain(row).trim().is_empty();
        let rows = rows.get(..last?)?;
        rows.iter().rposition(|row| {
            shows(row) && trace.stream(row).is_none_or(|stream| stream.number != 0)
        })
    };
    errors
        .next()
        .map(|(row, _)| row)
        .or_else(known)
        .or_else(said_last)
        .or(last)
}

/// The first line that is known to mean something, and what.
pub fn known(trace: &Trace) -> Option<(usize, Known)> {
    trace.rows().iter().enumerate().find_map(|(index, row)| {
        let text = trace.text(row);
        let known = KNOWN
            .iter()
            .find(|known| has(text, known.sign.as_bytes()))?;
        Some((index, *known))
    })
}

/// `ERROR: Job failed`: how it ended, not why.
fn is_verdict(text: &[u8]) -> bool {
    has(text, b"ERROR: Job failed")
}

fn is_error(text: &[u8]) -> bool {
    let is_red = [
        &b"\x1b[31"[..],
        b"\x1b[91",
        b"\x1b[1;31",
        b"\x1b[0;31",
        b"\x1b[01;31",
    ]
    .iter()
    .any(|red| has(text, red));
    is_red || has(text, b"ERROR") || has(text, b"error:")
}

fn has(text: &[u8], word: &[u8]) -> bool {
    let Some(first) = word.first() else {
        return true;
    };
    // `contains` of one byte is fast, and most lines have none.
    text.contains(first) && text.windows(word.len()).any(|window| window == word)
}
