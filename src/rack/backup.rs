//! Backups of a k3s server: what a board said of itself, how it can be saved, what is on record of a backup, which may go.
//!
//! ```text
//! survey (text of a board) ─► Survey ─► method() ─► how it is saved, or why not
//!                                └────► restore::steps() ─► what a restore will do, or why not
//! Record (beside each backup) ─► policy::superfluous() ─► which may go
//! ```
//!
//! Not here: boards, files, encryption (`clients::backup`). Invariants: no backup without the server's token, which nothing
//! restores without; no secret in any of these types.

pub mod policy;
pub mod restore;
pub mod schedule;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::rack::problem::{Problem, Severity, Subject};

/// Where k3s keeps everything unless told otherwise.
pub const DATA_DIR: &str = "/var/lib/rancher/k3s";

/// Days after which a backup is old: one a week, and a day for the one that failed.
const OVERDUE: i64 = 8;

/// Where the state of the cluster is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Datastore {
    /// `server/db/state.db`, of a server that is alone.
    Sqlite,
    /// `server/db/etcd`, of one server or several.
    Etcd,
    /// A database of its own somewhere (`--datastore-endpoint`).
    External,
}

/// How the datastore is copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// sqlite's own online copy, with the program `sqlite3` or the module of Python; k3s runs on.
    Sqlite3,
    Python3,
    /// k3s is stopped for as long as the copy takes; pods run on.
    Stopped,
    /// k3s does not run anyway.
    Cold,
    /// `k3s etcd-snapshot save`.
    Snapshot,
}

/// What a board says of itself. The texts are the board's: hostile.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is something a board has or has not"
)]
pub struct Survey {
    pub data_dir: String,
    pub host_name: String,
    pub arch: String,
    /// `v1.33.4+k3s1`; `None` without k3s.
    pub version: Option<String>,
    pub is_running: bool,
    /// There is a way to stop and start it: systemd's or `OpenRC`'s.
    pub has_service: bool,
    pub datastore: Option<Datastore>,
    /// Of the datastore, in bytes.
    pub datastore_size: u64,
    /// Free on the disk of the data directory, in bytes.
    pub free: u64,
    pub has_token: bool,
    /// There is a server directory at all.
    pub is_server: bool,
    pub has_sqlite3: bool,
    pub has_python3: bool,
}

/// What is on record of a backup, in a file beside it. It holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// As it was asked for: the name to ssh.
    pub host: String,
    pub host_name: String,
    pub at: Timestamp,
    pub version: String,
    pub datastore: Datastore,
    pub data_dir: String,
    /// `ok`, or why it could not be checked.
    pub integrity: String,
    /// Seconds without control plane; none where k3s ran on.
    pub stopped_for: Option<u64>,
    /// Bytes and SHA-256 of what the board sent, in hex, as both ends counted it.
    pub content_size: u64,
    pub content_sum: String,
    /// Of the encrypted file.
    pub size: u64,
    pub sum: String,
    /// `age1…` recipients, or none for a passphrase.
    pub recipients: Vec<String>,
}

/// The backups that are known of. This is a fact about this machine: no cluster knows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Backups {
    pub records: Vec<Record>,
    /// This machine's own name.
    pub here: String,
    /// Where they are; empty where that does not matter.
    pub folder: String,
}

impl Backups {
    /// The newest of a board, by the board's own name.
    pub fn newest(&self, host_name: &str) -> Option<&Record> {
        let of_it = self.records.iter().filter(|it| it.host_name == host_name);
        of_it.max_by_key(|record| record.at)
    }

    /// The file of a backup.
    pub fn file_of(&self, record: &Record) -> String {
        format!("{}/{}", self.folder, file_name(&record.host, record.at))
    }

    /// What is wrong with the backups of a board. Who never made one here may make them elsewhere.
    pub fn problem(&self, host_name: &str, about: &Subject, now: Timestamp) -> Option<Problem> {
        let newest = self.newest(host_name)?;
        let problem = |what: String| Problem::new(Severity::Warning, about.clone(), what);
        if host_name == self.here {
            return Some(
                problem(format!(
                    "the backups of {host_name} are on {host_name} itself"
                ))
                .why("when its card dies, they die with it")
                .next("copy them to another machine, or run bramble backup there"),
            );
        }
        let days = now.duration_since(newest.at).as_hours() / 24;
        (days > OVERDUE).then(|| {
            problem(format!(
                "the newest backup of {host_name} is {days} days old"
            ))
            .why(format!("made at {}", newest.at.strftime("%F %H:%MZ")))
            .next(format!(
                "make one: bramble backup {}; every night by itself: bramble backup schedule {}",
                newest.host, newest.host
            ))
        })
    }
}

impl Method {
    /// For the script on the board.
    pub fn word(self) -> &'static str {
        match self {
            Method::Sqlite3 => "sqlite3",
            Method::Python3 => "python3",
            Method::Stopped => "stopped",
            Method::Cold => "cold",
            Method::Snapshot => "snapshot",
        }
    }
}

impl Datastore {
    pub fn word(self) -> &'static str {
        match self {
            Datastore::Sqlite => "sqlite",
            Datastore::Etcd => "etcd",
            Datastore::External => "external",
        }
    }
}

impl Survey {
    /// Reads `key=value` lines; what is not there is not known.
    pub fn parse(text: &str) -> Survey {
        let all: BTreeMap<&str, &str> = text
            .lines()
            .filter_map(|line| line.split_once('='))
            .collect();
        let get = |key: &str| all.get(key).map(|it| it.trim()).unwrap_or_default();
        let is = |key: &str| get(key) == "yes";
        let number = |key: &str| get(key).parse().unwrap_or(0);
        Survey {
            data_dir: get("data").to_owned(),
            host_name: get("hostname").to_owned(),
            arch: get("arch").to_owned(),
            version: version(get("version")),
            is_running: is("running"),
            has_service: is("service"),
            datastore: match get("datastore") {
                "sqlite" => Some(Datastore::Sqlite),
                "etcd" => Some(Datastore::Etcd),
                "external" => Some(Datastore::External),
                _ => None,
            },
            datastore_size: number("size"),
            free: number("free"),
            has_token: is("token"),
            is_server: is("server"),
            has_sqlite3: is("sqlite3"),
            has_python3: is("python3"),
        }
    }

    /// How this server is saved; `may_stop` allows k3s to be stopped where nothing else helps, `must_stop` prefers it.
    pub fn method(&self, may_stop: bool) -> Result<Method, Box<Problem>> {
        let host = &self.host_name;
        let server = format!("{}/server", self.data_dir);
        let Some(datastore) = self.datastore.filter(|_| self.is_server) else {
            return Err(problem(format!("there is no k3s server on {host}"))
                .why(format!("{server} holds no datastore"))
                .next("an agent has no state of the cluster; name another data directory with --data-dir")
                .into());
        };
        if !self.has_token {
            return Err(problem(format!("{host} is not backed up: its token is missing"))
                .why(format!(
                    "{server}/token is not there or empty, and no backup can be restored without it"
                ))
                .next("find out where the token is: k3s writes the file when it starts")
                .into());
        }
        // The copy and room for the small files; and a card that is full to the brim harms k3s itself.
        let needed = self.datastore_size + self.datastore_size / 10 + (32 << 20);
        if self.free < needed {
            return Err(
                problem(format!("{host} is not backed up: its disk is too full"))
                    .why(format!(
                        "the copy takes {} for a moment, and {} are free",
                        size(needed),
                        size(self.free)
                    ))
                    .next("make room there: k3s crictl rmi --prune")
                    .into(),
            );
        }
        match datastore {
            Datastore::External => Err(problem(format!(
                "{host} keeps the cluster in a database outside"
            ))
            .why("datastore-endpoint is set")
            .next(format!(
                "back that database up with its own tools, and keep {server}/token with it"
            ))
            .into()),
            Datastore::Etcd if !self.is_running => Err(problem(format!(
                "{host} is not backed up: k3s does not run"
            ))
            .why("a snapshot of etcd is taken by the running server")
            .next("start k3s there, or back up another server of the cluster")
            .into()),
            Datastore::Etcd => Ok(Method::Snapshot),
            Datastore::Sqlite if !self.is_running => Ok(Method::Cold),
            Datastore::Sqlite if self.has_sqlite3 => Ok(Method::Sqlite3),
            Datastore::Sqlite if self.has_python3 => Ok(Method::Python3),
            Datastore::Sqlite if may_stop && self.has_service => Ok(Method::Stopped),
            Datastore::Sqlite => Err(problem(format!(
                "{host} can only be backed up with k3s stopped"
            ))
            .why("it has neither sqlite3 nor python3 to copy a database that is being written")
            .next("install sqlite3 there, or allow it with --stop: pods run on, the API is gone for some seconds")
            .into()),
        }
    }
}

/// `v1.33.4+k3s1` of `k3s version v1.33.4+k3s1 (148243c4)`.
fn version(text: &str) -> Option<String> {
    let mut words = text
        .split_whitespace()
        .skip_while(|word| *word != "version");
    words.nth(1).map(str::to_owned)
}

/// `1.2 GiB`, `35 MiB`, `812 KiB`.
pub fn size(bytes: u64) -> String {
    let tenths = |unit: u64| bytes.saturating_mul(10) / unit;
    match bytes {
        0..1_024 => format!("{bytes} B"),
        1_024..1_048_576 => format!("{} KiB", bytes >> 10),
        1_048_576..1_073_741_824 => format!("{} MiB", bytes >> 20),
        _ => format!("{}.{} GiB", tenths(1 << 30) / 10, tenths(1 << 30) % 10),
    }
}

fn problem(what: String) -> Problem {
    Problem::new(Severity::Critical, Subject::Program, what)
}

/// A name for files: letters, digits, `.`, `_`, `-`, and nothing that means a folder.
pub fn file_name(host: &str, at: Timestamp) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
    let plain: String = host
        .chars()
        .map(|letter| if is_plain(letter) { letter } else { '_' })
        .collect();
    let plain = plain.trim_start_matches('.');
    let stamp = at.strftime("%Y%m%dT%H%M%SZ");
    format!("{plain}-{stamp}.tar.age")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "data=/var/lib/rancher/k3s\nhostname=k3s-server\narch=aarch64\n\
        version=k3s version v1.33.4+k3s1 (148243c4)\nrunning=yes\nservice=yes\ndatastore=sqlite\nsize=500000000\n\
        free=9000000000\ntoken=yes\nserver=yes\nsqlite3=no\npython3=yes\n";

    fn survey(changes: &[(&str, &str)]) -> Survey {
        let mut text = SAID.to_owned();
        for (from, to) in changes {
            assert!(text.contains(from), "{from}");
            text = text.replace(from, to);
        }
        Survey::parse(&text)
    }

    #[test]
    fn a_board_is_read_and_saved_with_what_it_has() {
        let board = survey(&[]);
        assert_eq!(board.version.as_deref(), Some("v1.33.4+k3s1"));
        assert_eq!(board.method(false), Ok(Method::Python3));
        for (changes, expected) in [
            (&[("sqlite3=no", "sqlite3=yes")][..], Method::Sqlite3),
            (&[("running=yes", "running=no")], Method::Cold),
            (&[("datastore=sqlite", "datastore=etcd")], Method::Snapshot),
            (&[("python3=yes", "python3=no")], Method::Stopped),
        ] {
            assert_eq!(survey(changes).method(true), Ok(expected), "{changes:?}");
        }
    }

    #[test]
    fn what_cannot_be_restored_or_would_harm_is_refused_with_a_next_step() {
        for (changes, what, next) in [
            (
                &[("token=yes", "token=no")][..],
                "its token is missing",
                "k3s writes the file",
            ),
            (
                &[("server=yes", "server=no")],
                "no k3s server on k3s-server",
                "--data-dir",
            ),
            (
                &[("free=9000000000", "free=500000000")],
                "too full",
                "make room",
            ),
            (
                &[("datastore=sqlite", "datastore=external")],
                "database outside",
                "its own tools",
            ),
            (
                &[("python3=yes", "python3=no")],
                "with k3s stopped",
                "--stop",
            ),
            (
                &[
                    ("datastore=sqlite", "datastore=etcd"),
                    ("running=yes", "running=no"),
                ],
                "k3s does not run",
                "another server",
            ),
        ] {
            let problem = survey(changes).method(false).unwrap_err();
            assert!(problem.what.contains(what), "{problem:?}");
            assert!(problem.next.contains(next), "{problem:?}");
        }
        assert_eq!(
            Survey::parse("").method(true).unwrap_err().severity,
            Severity::Critical
        );
    }

    #[test]
    fn an_old_backup_and_one_on_the_same_card_are_problems() {
        let now = Timestamp::from_second(100 * 86_400).unwrap();
        let mut backups = Backups {
            records: vec![
                policy::tests::record("a", 91),
                policy::tests::record("a", 40),
                policy::tests::record("b", 99),
            ],
            here: "desk".to_owned(),
            folder: "/backups".to_owned(),
        };
        let what = |backups: &Backups, host: &str| {
            let problem = backups.problem(host, &Subject::Program, now);
            problem.map(|it| it.what).unwrap_or_default()
        };
        assert_eq!(what(&backups, "a"), "the newest backup of a is 9 days old");
        assert_eq!(what(&backups, "b"), "");
        assert_eq!(what(&backups, "never"), "");
        backups.here = "b".to_owned();
        assert!(what(&backups, "b").contains("on b itself"));
    }

    #[test]
    fn sizes_and_names_of_files_are_plain() {
        assert_eq!(
            [0, 1_023, 5 << 10, 35 << 20, 1_288_490_189].map(size),
            ["0 B", "1023 B", "5 KiB", "35 MiB", "1.2 GiB"]
        );
        let at = Timestamp::from_second(1_800_000_000).unwrap();
        assert_eq!(
            file_name("pi@rack/../x", at),
            "pi_rack_.._x-20270115T080000Z.tar.age"
        );
        assert_eq!(file_name("../x", at), "_x-20270115T080000Z.tar.age");
    }
}
