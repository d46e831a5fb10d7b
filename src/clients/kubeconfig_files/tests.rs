//! Locks of the living and the dead, sources, and what undo would take back. What needs the real program is in
//! `tests/kubeconfig`.

use std::path::PathBuf;

use super::*;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn places(&self, file: &std::path::Path) -> Places {
        Places {
            target: Target {
                kubeconfig: Some(file.to_owned()),
                ..Target::default()
            },
            notes: self.0.path().join("notes"),
        }
    }
}

/// Waits for nothing.
fn at_once() -> CancellationToken {
    let cancel = CancellationToken::new();
    cancel.cancel();
    cancel
}

fn held(file: &std::path::Path) -> HeldLock {
    match Locks::take(&[file.to_owned()], &at_once()) {
        Err(Error::Locked(held)) => held,
        Err(error) => panic!("{error:?}"),
        Ok(_) => panic!("it was taken"),
    }
}

#[test]
fn a_lock_excludes_others_and_is_gone_afterwards() {
    let folder = Folder::new();
    let file = folder.write("config", "");
    let locks = Locks::take(std::slice::from_ref(&file), &at_once())
        .ok()
        .unwrap();
    assert_eq!(folder.names(), ["config", "config.lock"]);
    let owner = held(&file).owner.unwrap();
    assert!(
        owner.contains(&format!("pid {}", std::process::id())),
        "{owner}"
    );
    drop(locks);
    assert_eq!(folder.names(), ["config"]);
}

#[cfg(unix)]
#[test]
fn one_file_by_two_names_is_locked_once() {
    let folder = Folder::new();
    let real = folder.0.path().join("real");
    std::fs::create_dir(&real).unwrap();
    std::fs::write(real.join("config"), "").unwrap();
    let linked = folder.0.path().join("linked");
    std::os::unix::fs::symlink(&real, &linked).unwrap();
    // The file's own name is another than the one it was given by: ~/.kube may lead elsewhere, KUBECONFIG be relative.
    let locks = Locks::take(&[linked.join("config")], &at_once());
    assert!(locks.is_ok(), "it waits for itself");
    assert!(real.join("config.lock").exists());
}

#[test]
fn the_lock_of_a_dead_bramble_is_taken_over_and_that_of_anybody_else_is_not() {
    let folder = Folder::new();
    let file = folder.write("config", "");
    folder.write("config.lock", "bramble pid 1 on nowhere\n");
    drop(
        Locks::take(std::slice::from_ref(&file), &at_once())
            .ok()
            .unwrap(),
    );
    assert_eq!(folder.names(), ["config"]);

    folder.write("config.lock", "");
    let lock = held(&file);
    assert_eq!(lock.owner, None);
    assert!(lock.problem().why.contains("kubectl"), "{lock:?}");
    std::fs::remove_file(&lock.lock).unwrap();
    folder.write("config.lock", "made again");
    assert!(remove_lock(&lock).is_err(), "it is another lock by now");
    assert_eq!(folder.names(), ["config", "config.lock"]);
    let again = held_locks(&[file]);
    remove_lock(&again[0]).unwrap();
    assert_eq!(folder.names(), ["config"]);
}

#[test]
fn what_was_shown_is_what_is_written_or_nothing() {
    let folder = Folder::new();
    let file = folder.write("config", "contexts: [{name: a}, {name: b}]\n");
    let places = folder.places(&file);
    let request = Request::DeleteContext {
        context: "a".to_owned(),
        with_orphans: false,
    };
    let shown = plan(&places, &request).unwrap().entries;
    folder.write(
        "config",
        "current-context: a\ncontexts: [{name: a}]\nclusters: [{name: a}]\n",
    );
    let other = Request::RenameContext {
        from: "a".to_owned(),
        to: "c".to_owned(),
    };
    let refused = write(&places, &other, Some(&shown), &at_once());
    assert!(matches!(refused, Err(Error::Changed(_))), "{refused:?}");
    assert!(
        std::fs::read_to_string(&file)
            .unwrap()
            .contains("{name: a}]\nclusters")
    );
    write(&places, &request, Some(&shown), &at_once()).unwrap();
    assert!(
        std::fs::read_to_string(&file)
            .unwrap()
            .contains("contexts: []")
    );
}

#[test]
fn the_last_change_is_told_before_it_is_taken_back() {
    let folder = Folder::new();
    let before = "contexts: [{name: a}, {name: b}]\n";
    let file = folder.write("config", before);
    let places = folder.places(&file);
    assert_eq!(last_change(&places), None);
    let request = Request::UseContext {
        context: "b".to_owned(),
    };
    let written = write(&places, &request, None, &at_once()).unwrap();
    assert_eq!(written.backups.len(), 1);
    let last = last_change(&places).unwrap();
    assert_eq!(last.what, "switched to context b");
    assert!(!last.is_changed_since);
    let ours = std::fs::read_to_string(&file).unwrap();
    folder.write("config", &format!("{ours}# later\n"));
    assert!(last_change(&places).unwrap().is_changed_since);
    folder.write("config", &ours);
    undo(&places, false, &at_once()).unwrap();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), before);
    assert_eq!(last_change(&places), None);
}

#[test]
fn sources_are_read_as_they_are_written() {
    let ssh = |text: &str| match parse_place(text) {
        Ok(Place::Ssh(to)) => to.to_string(),
        other => panic!("{text}: {other:?}"),
    };
    assert_eq!(parse_place("-").unwrap(), Place::StandardInput);
    assert_eq!(
        parse_place("k3s.yaml").unwrap(),
        Place::File(PathBuf::from("k3s.yaml"))
    );
    assert_eq!(ssh("ssh://pi@rack"), "pi@rack");
    assert_eq!(ssh("ssh://rack:2222/"), "rack:2222");
    for bad in [
        "ssh://",
        "ssh://pi:s3cr3t@rack",
        "ssh://-oProxyCommand=x",
        "ssh://a b",
        "ssh://rack:x",
    ] {
        let problem = parse_place(bad).unwrap_err();
        assert!(problem.next.contains("ssh://USER@HOST"), "{problem:?}");
        assert!(!format!("{problem:?}").contains("s3cr3t"), "{problem:?}");
    }
}
