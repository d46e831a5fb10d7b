//! Where a log says what went wrong, and what is known about it.
//!
//! The last line of a failed job (`ERROR: Job failed: exit code 1`) is never the cause: what stands before it is.

use regex::bytes::Regex;

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

/// What a log says of a failure; found once when it has grown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Finding {
    /// The row a person wants to see first: the first one that says what went wrong.
    pub first_error: Option<usize>,
    /// The first line that is known to mean something, and what.
    pub known: Option<(usize, Known)>,
}

/// The verdict is among the last rows.
const NEAR_END: usize = 30;

pub(super) fn find(trace: &Trace) -> Finding {
    let rows = trace.rows();
    let texts = || {
        rows.iter()
            .enumerate()
            .map(|(index, row)| (index, trace.text(row)))
    };
    let known = signs().and_then(|signs| {
        let (row, text) = texts().find(|(_, text)| signs.is_match(text))?;
        let known = KNOWN
            .iter()
            .find(|known| has(text, known.sign.as_bytes()))?;
        Some((row, *known))
    });
    let near = rows.len().saturating_sub(NEAR_END);
    let mut last_first = texts().skip(near).rev();
    let verdict = last_first.find(|(_, text)| has(text, b"ERROR: Job failed"));
    let verdict = verdict.map(|(row, _)| row);
    let before = verdict.unwrap_or(rows.len());
    let said = errors().and_then(|errors| {
        let mut red = texts()
            .take(before)
            .filter(|(_, text)| errors.is_match(text));
        red.next().map(|(row, _)| row)
    });
    // Without a red line what the script said last before the verdict has the reader's eye in the right place.
    let said_last = || {
        let is_of_script = |row: &super::Row| {
            let stream = trace.stream(row);
            stream.is_none_or(|stream| stream.number != 0) && !trace.plain(row).trim().is_empty()
        };
        rows.get(..verdict?)?.iter().rposition(is_of_script)
    };
    let first_error = said
        .or(known.map(|(row, _)| row))
        .or_else(said_last)
        .or(verdict);
    Finding { first_error, known }
}

/// All signs at once: a log may have a million lines.
fn signs() -> Option<Regex> {
    let all: Vec<String> = KNOWN
        .iter()
        .map(|known| regex::escape(known.sign))
        .collect();
    Regex::new(&all.join("|")).ok()
}

/// Red text, and words that a line is an error with.
fn errors() -> Option<Regex> {
    Regex::new(r"(?-u)\x1b\[(?:[01]{1,2};)?(?:31|91)[;m]|ERROR|error:").ok()
}

fn has(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window == word)
}
