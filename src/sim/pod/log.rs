//! What a simulated container writes: each line follows from the pod and its number, so that nothing is kept and the
//! same question always has the same answer.
//!
//! Invariant: times grow from line to line, and a line never changes.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::super::random::Rng;
use super::{Pod, State};

/// A kubelet keeps so much of a log before it is rotated away.
const KEPT: u64 = 20_000;
/// Lines of a container that fails, or has done its work.
const SHORT: [&str; 5] = [
    "starting",
    "reading the configuration",
    "connecting to the database",
    "retrying in 2s",
    "retrying in 4s",
];

/// The log of one container of one run: the number and time of its lines, and their text.
#[derive(Debug, Clone)]
pub(crate) struct Log {
    seed: u64,
    name: String,
    image: String,
    /// When the first line was written, in milliseconds since 1970.
    begin: i64,
    /// Milliseconds from line to line.
    pace: i64,
    /// It wrote so many and no more; `None` while it goes on.
    count: Option<u64>,
    has_failed: bool,
}

impl Log {
    /// The log of the run that is there now, or of the one before. `None` when that wrote nothing, or never was.
    pub(crate) fn of(pod: &Pod, previous: bool) -> Option<Log> {
        let mut rng = Rng::new(pod.uid);
        let pace = 300 + i64::try_from(rng.below(3_000)).unwrap_or_default();
        let log = Log {
            seed: pod.uid,
            name: pod.workload.name.clone(),
            image: pod.workload.image.clone(),
            begin: pod.created * 1_000,
            pace,
            count: None,
            has_failed: false,
        };
        let short = |has_failed| {
            let count = SHORT.len() as u64 + 1;
            Log {
                begin: pod.changed * 1_000 - 250 * i64::try_from(count).unwrap_or_default(),
                pace: 200,
                count: Some(count),
                has_failed,
                ..log.clone()
            }
        };
        match pod.state {
            _ if previous => (pod.restarts > 0).then(|| short(true)),
            State::Running | State::Unready | State::Unheard => Some(log),
            State::CrashLoop => Some(short(true)),
            State::Completed => Some(short(false)),
            State::Trying
            | State::ImagePull
            | State::Creating
            | State::Unschedulable
            | State::Evicted => None,
        }
    }

    /// When line `number` is written, in milliseconds since 1970.
    pub(crate) fn time(&self, number: u64) -> i64 {
        let jitter = Rng::new(self.seed ^ number).below(u64::try_from(self.pace / 2).unwrap_or(1));
        let at = i64::try_from(number)
            .unwrap_or_default()
            .saturating_mul(self.pace);
        self.begin + at + i64::try_from(jitter).unwrap_or_default()
    }

    /// The number of the first line that is written after `time`.
    pub(crate) fn after(&self, time: i64) -> u64 {
        let whole = u64::try_from((time - self.begin).max(0) / self.pace).unwrap_or_default();
        let next = if whole == 0 && time < self.time(0) {
            0
        } else {
            whole
        };
        let next = if self.time(next) <= time {
            next + 1
        } else {
            next
        };
        self.count.map_or(next, |count| next.min(count))
    }

    /// The first line that is kept when it is `now`.
    pub(crate) fn first(&self, now: i64) -> u64 {
        self.after(now).saturating_sub(KEPT)
    }

    pub(crate) fn is_over(&self) -> bool {
        self.count.is_some()
    }

    /// Appends line `number`, as the kubelet sends it.
    pub(crate) fn write(&self, text: &mut String, number: u64, with_stamp: bool) {
        if with_stamp {
            let stamp =
                Timestamp::from_millisecond(self.time(number)).unwrap_or(Timestamp::UNIX_EPOCH);
            // Nanoseconds, as the kubelet writes them.
            let _ = write!(text, "{stamp:.9} ");
        }
        self.say(text, number);
        text.push('\n');
    }

    fn say(&self, text: &mut String, number: u64) {
        if let Some(count) = self.count {
            let at = usize::try_from(number).unwrap_or_default();
            let last = if self.has_failed {
                "fatal: cannot connect to the database: connection refused"
            } else {
                "done"
            };
            let words = SHORT
                .get(at)
                .filter(|_| number + 1 < count)
                .copied()
                .unwrap_or(last);
            let level = if self.has_failed && number + 1 == count {
                "ERROR"
            } else {
                "INFO"
            };
            let _ = write!(text, "{level} {}: {words}", self.name);
            return;
        }
        let mut rng = Rng::new(self.seed ^ number.wrapping_mul(31));
        let (took, client, bad) = (rng.below(400), rng.below(250), rng.below(100));
        let path = rng.pick(&[
            "/",
            "/api/items",
            "/login",
            "/static/app.js",
            "/health",
            "/metrics",
        ]);
        let path = path.copied().unwrap_or("/");
        let name = &self.name;
        let style = if self.image.contains("registry.office.lan") {
            0
        } else {
            1 + self.seed % 4
        };
        let _ = match style {
            // An application of the office: JSON.
            0 => {
                let (level, message) = match bad {
                    0..=1 => ("error", "upstream did not answer"),
                    2..=6 => ("warn", "slow answer"),
                    _ => ("info", "request"),
                };
                write!(
                    text,
                    r#"{{"level":"{level}","msg":"{message}","path":"{path}","ms":{took},"n":{number}}}"#
                )
            }
            1 => {
                let level = match bad {
                    0..=1 => "error",
                    2..=5 => "warn",
                    _ => "info",
                };
                write!(
                    text,
                    r#"level={level} component={name} msg="reconciled {path}" took={took}ms n={number}"#
                )
            }
            // As Kubernetes itself writes.
            2 => {
                let level = match bad {
                    0 => 'E',
                    1..=3 => 'W',
                    _ => 'I',
                };
                let time =
                    Timestamp::from_millisecond(self.time(number)).unwrap_or(Timestamp::UNIX_EPOCH);
                let time = time.strftime("%m%d %H:%M:%S%.6f");
                write!(
                    text,
                    r#"{level}{time}       1 {name}.go:{took}] "Synced" object="{path}" n={number}"#
                )
            }
            // A server's access log.
            3 => {
                let code = match bad {
                    0..=1 => 502,
                    2..=5 => 404,
                    _ => 200,
                };
                write!(
                    text,
                    r#"10.42.1.{client} - - "GET {path} HTTP/1.1" {code} {} "-" n={number}"#,
                    took * 13
                )
            }
            // With colours.
            _ => {
                let (code, level) = match bad {
                    0..=2 => (31, "ERROR"),
                    3..=8 => (33, "WARN"),
                    _ => (32, "INFO"),
                };
                write!(
                    text,
                    "\x1b[{code}m{level:5}\x1b[0m {name}: handled {path} in {took} ms, n={number}"
                )
            }
        };
    }
}
