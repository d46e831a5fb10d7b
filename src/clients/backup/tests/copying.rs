//! The script that keeps a copy on another host, under dash and under busybox: whole, cut off, altered, there already.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use jiff::Timestamp;

use super::super::copy::script;
use super::super::store::{Kept, kept, sum_of};
use crate::rack::backup::{Datastore, Record};

const SHELLS: [&[&str]; 2] = [&["dash", "-c"], &["busybox", "sh", "-c"]];

/// The shells that are here: all of them with `CI=true`.
fn shells() -> impl Iterator<Item = &'static [&'static str]> {
    SHELLS.into_iter().filter(|shell| {
        let is_there = Command::new(shell[0]).arg("--help").output().is_ok();
        assert!(
            is_there || std::env::var("CI").as_deref() != Ok("true"),
            "CI may skip nothing: there is no {}",
            shell[0]
        );
        if !is_there {
            eprintln!("skipped: there is no {}", shell[0]);
        }
        is_there
    })
}

fn backup(folder: &Path, bytes: &[u8]) -> Kept {
    let path = folder.join("it's one.tar.age");
    fs::write(&path, bytes).unwrap();
    let (size, sum) = sum_of(&path).unwrap();
    let record = Record {
        host: "pi@k3s-server".into(),
        host_name: "the server's $(name)".into(),
        at: Timestamp::UNIX_EPOCH,
        version: "v1.33.4+k3s1".into(),
        datastore: Datastore::Sqlite,
        data_dir: "/var/lib/rancher/k3s".into(),
        integrity: "ok".into(),
        stopped_for: None,
        content_size: 1,
        content_sum: "@RECORD@".into(),
        size,
        sum,
        recipients: Vec::new(),
    };
    fs::write(
        format!("{}.json", path.display()),
        serde_json::to_vec(&record).unwrap(),
    )
    .unwrap();
    Kept { path, record }
}

/// What it says, and whether it ended well.
fn sent(shell: &[&str], script: &str, bytes: &[u8]) -> (bool, String) {
    let mut child = Command::new(shell[0])
        .args(&shell[1..])
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may refuse before it has read everything.
    let _ = child.stdin.take().unwrap().write_all(bytes);
    let output = child.wait_with_output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

fn names(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut names: Vec<PathBuf> = entries.map(|it| it.unwrap().path()).collect();
    names.sort();
    names
}

#[test]
fn a_copy_has_its_name_only_when_it_is_whole() {
    for shell in shells() {
        let here = tempfile::tempdir().unwrap();
        let there = here.path().join("a folder");
        let bytes = vec![7; 300_000];
        let one = backup(here.path(), &bytes);
        let script = script(&one, there.to_str().unwrap()).unwrap();
        let altered = vec![8; 300_000];
        for wrong in [&bytes[..200_000], &[], &altered] {
            let (is_done, said) = sent(shell, &script, wrong);
            assert!(
                !is_done && said.contains("not what was sent"),
                "{shell:?}: {said}"
            );
            assert!(names(&there).is_empty(), "{shell:?}: nothing is left");
        }
        let (is_done, said) = sent(shell, &script, &bytes);
        assert!(is_done, "{shell:?}: {said}");
        assert_eq!(said.trim(), format!("bramble-kept {}", one.record.sum));
        // It is a backup there as it is here, with its record.
        let copy = kept(&there.join("it's one.tar.age")).unwrap();
        assert_eq!(copy.record, one.record);
        assert_eq!(names(&there).len(), 2);
        let again = sent(shell, &script, &bytes);
        assert!(again.0, "{again:?}: the same once more is no fault");
        fs::write(&copy.path, "another").unwrap();
        let (is_done, said) = sent(shell, &script, &bytes);
        assert!(
            !is_done && said.contains("another one by this name"),
            "{said}"
        );
        assert_eq!(
            fs::read(&copy.path).unwrap(),
            b"another",
            "it is left alone"
        );
    }
}
