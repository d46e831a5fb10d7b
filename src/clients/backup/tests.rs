//! Sealing, opening and keeping, without a board; the way over SSH is tested against the real sshd.

#[allow(clippy::print_stderr, reason = "a test that skips says so")]
mod copying;
#[allow(clippy::print_stderr, reason = "a test that skips says so")]
mod switching;

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use jiff::Timestamp;
use tokio::sync::mpsc;

use super::*;
use crate::rack::backup::policy::Policy;
use crate::rack::backup::{DATA_DIR, Datastore};
use crate::rack::secret::Secret;

/// A database of four pages, as far as its head says.
fn database() -> Vec<u8> {
    let mut bytes = vec![0; 4 * 4_096];
    bytes[..16].copy_from_slice(b"SQLite format 3\0");
    bytes[16..18].copy_from_slice(&4_096_u16.to_be_bytes());
    bytes[28..32].copy_from_slice(&4_u32.to_be_bytes());
    bytes
}

fn content(token: &[u8], database: &[u8]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    let server = format!("files{DATA_DIR}/server");
    let about =
        format!("format=1\ndata={DATA_DIR}\nhostname=k3s-server\nmethod=sqlite3\nintegrity=ok\n");
    for (name, bytes) in [
        ("about".to_owned(), about.as_bytes()),
        (format!("{server}/token"), token),
        (format!("{server}/db/state.db"), database),
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o600);
        tar.append_data(&mut header, name, bytes).unwrap();
    }
    tar.into_inner().unwrap()
}

fn sealed(folder: &Path, lock: Lock, content: &[u8]) -> (PathBuf, Key, String) {
    let path = folder.join("a.tar.age");
    let (sealing, key) = seal::Sealing::new(lock).unwrap();
    let (pieces, receiver) = mpsc::channel(8);
    let file = fs::File::create(&path).unwrap();
    let sum = std::thread::scope(|scope| {
        let writing = scope.spawn(|| sealing.write(file, receiver, &Progress::default()));
        for piece in content.chunks(5_000) {
            pieces.blocking_send(Bytes::copy_from_slice(piece)).unwrap();
        }
        drop(pieces);
        writing.join().unwrap().unwrap().content_sum
    });
    (path, key, sum)
}

fn recipient() -> (age::x25519::Identity, Lock) {
    let identity = age::x25519::Identity::generate();
    let lock = Lock::Recipients(vec![identity.to_public()]);
    (identity, lock)
}

#[test]
fn what_was_sealed_opens_with_the_right_key_only() {
    let folder = tempfile::tempdir().unwrap();
    let (identity, lock) = recipient();
    let content = content(b"K10token", &database());
    let (path, own, sum) = sealed(folder.path(), lock, &content);
    assert!(!String::from_utf8_lossy(&fs::read(&path).unwrap()).contains("K10token"));
    for key in [own, Key::Identities(vec![identity])] {
        let opened = archive::open(&path, &key, |_| true).unwrap();
        assert_eq!((&opened.sum, opened.size), (&sum, content.len() as u64));
        assert_eq!(opened.about("hostname"), "k3s-server");
        opened.prove(&sum).unwrap();
        assert!(opened.prove("another").is_err());
    }
    let stranger = Key::Identities(vec![age::x25519::Identity::generate()]);
    let problem = archive::open(&path, &stranger, |_| true).unwrap_err();
    assert!(problem.what.contains("none of the keys"), "{problem:?}");
    let problem = archive::open(&path, &Key::Passphrase(Secret::new("x")), |_| true).unwrap_err();
    assert!(problem.next.contains("--identity"), "{problem:?}");
}

#[test]
fn a_wrong_passphrase_is_told_from_a_file_that_is_broken() {
    let folder = tempfile::tempdir().unwrap();
    let lock = Lock::Passphrase(Secret::new("right"));
    let (path, key, _) = sealed(folder.path(), lock, &content(b"t", &database()));
    archive::open(&path, &key, |_| true).unwrap();
    let wrong = Key::Passphrase(Secret::new("wrong"));
    let problem = archive::open(&path, &wrong, |_| true).unwrap_err();
    assert!(
        problem.what.contains("the passphrase is wrong"),
        "{problem:?}"
    );
    let bytes = fs::read(&path).unwrap();
    for (broken, what) in [
        (&bytes[..bytes.len() - 7], "cut off at the end"),
        (&bytes[..bytes.len() / 2], "cut off in the middle"),
        (&bytes[..40], "cut off in its head"),
        (&b"hello"[..], "another file"),
        (&b""[..], "empty"),
    ] {
        fs::write(&path, broken).unwrap();
        let problem = archive::open(&path, &key, |_| true).unwrap_err();
        assert!(!problem.what.contains("passphrase"), "{what}: {problem:?}");
    }
    let mut flipped = bytes.clone();
    let middle = flipped.len() - 100;
    flipped[middle] ^= 1;
    fs::write(&path, flipped).unwrap();
    assert!(archive::open(&path, &key, |_| true).is_err());
}

#[test]
fn what_could_not_be_restored_from_is_not_proved() {
    let mut short = database();
    short.truncate(3 * 4_096);
    for (token, database, why) in [
        (&b""[..], database(), "token is not in it"),
        (b"t", Vec::new(), "cut off"),
        (b"t", b"nothing".repeat(100), "no database of sqlite"),
        (b"t", short, "says 4 pages"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (path, key, sum) = sealed(folder.path(), recipient().1, &content(token, &database));
        let opened = archive::open(&path, &key, |_| true).unwrap();
        let problem = opened.prove(&sum).unwrap_err();
        assert!(problem.why.contains(why), "{why}: {problem:?}");
    }
}

fn record(host: &str, day: i64) -> Record {
    Record {
        host: host.to_owned(),
        host_name: host.to_owned(),
        at: Timestamp::from_second(day * 86_400).unwrap(),
        version: "v1.33.4+k3s1".to_owned(),
        datastore: Datastore::Sqlite,
        data_dir: DATA_DIR.to_owned(),
        integrity: "ok".to_owned(),
        stopped_for: None,
        content_size: 3,
        content_sum: String::new(),
        size: 3,
        sum: String::new(),
        recipients: Vec::new(),
    }
}

fn keep(folder: &Path, host: &str, day: i64) -> Kept {
    let record = record(host, day);
    let draft = store::Draft::new(folder, &file_name(host, record.at)).unwrap();
    io::Write::write_all(&mut draft.file().unwrap(), b"abc").unwrap();
    draft.keep(record).unwrap()
}

#[test]
fn only_whole_files_with_a_record_are_listed_and_nobody_else_may_read_them() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("backups");
    assert_eq!(list(&folder), (Vec::new(), Vec::new()));
    let (old, new) = (keep(&folder, "a", 2), keep(&folder, "a", 3));
    drop(store::Draft::new(&folder, "dropped.tar.age").unwrap());
    let half = store::Draft::new(&folder, "half.tar.age").unwrap();
    assert_eq!(list(&folder), (vec![old.clone(), new.clone()], Vec::new()));
    std::mem::forget(half);
    fs::write(folder.join("foreign.tar.age"), "x").unwrap();
    fs::write(&old.path, "ab").unwrap();
    let (kept, problems) = list(&folder);
    assert_eq!(kept, [new]);
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert_eq!(
        fs::metadata(&folder).unwrap().permissions().mode() & 0o777,
        0o700
    );
    for entry in fs::read_dir(&folder).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert!(
            mode == 0o600 || entry.file_name() == "foreign.tar.age",
            "{entry:?}"
        );
    }
}

#[test]
fn pruning_takes_the_old_ones_with_their_records_and_only_of_that_host() {
    let folder = tempfile::tempdir().unwrap();
    let all: Vec<Kept> = (1..6).map(|day| keep(folder.path(), "a", day)).collect();
    let other = keep(folder.path(), "b", 1);
    let policy = Policy {
        keep: 2,
        keep_days: None,
    };
    let now = Timestamp::from_second(10 * 86_400).unwrap();
    assert_eq!(prune(folder.path(), policy, now, true).unwrap(), all[..3]);
    assert_eq!(list(folder.path()).0.len(), 6, "a rehearsal");
    assert_eq!(prune_of(folder.path(), policy, "a", now).unwrap(), all[..3]);
    assert_eq!(
        list(folder.path()),
        (vec![other, all[3].clone(), all[4].clone()], Vec::new())
    );
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        6,
        "records go too"
    );
}

#[test]
fn keys_print_nothing_and_recipients_that_are_none_are_named() {
    let (identity, lock) = recipient();
    assert!(!format!("{:?}", Key::Identities(vec![identity])).contains("AGE"));
    assert!(!format!("{:?}", Lock::Passphrase(Secret::new("hunter2"))).contains("hunter2"));
    let Lock::Recipients(recipients) = lock else {
        panic!("recipients were made");
    };
    let text = format!("# me\n{}\n\n", recipients[0]);
    assert!(Lock::for_recipients(text.lines()).is_ok());
    for text in ["", "age1nonsense", "AGE-SECRET-KEY-1", "ssh-ed25519 AAAA"] {
        assert!(Lock::for_recipients(text.lines()).is_err(), "{text}");
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    fs::write(&path, "AGE-SECRET-KEY-1BROKEN").unwrap();
    let problem = Key::from_file(&path).unwrap_err();
    assert!(!problem.sentence().contains("BROKEN"), "{problem:?}");
}
