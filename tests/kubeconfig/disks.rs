//! Links, modes, locks, folders that nobody may write, disks that are full.

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::home::{Home, done, rack, refused, skip};
use crate::kubectl::WRITTEN;

const MERGE: [&str; 5] = ["merge", "-", "--name", "rack", "--no-check"];

fn source() -> String {
    rack("https://10.0.0.9:6443", "n3w")
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn links_stay_links_and_dangling_ones_get_their_file() {
    let home = Home::new();
    std::fs::create_dir(home.path().join("dotfiles")).unwrap();
    let real = home.write("dotfiles/kube", "# mine\nkind: Config\n");
    symlink("../dotfiles/kube", home.config()).unwrap();
    done(&home.bramble_reading(&MERGE, &source()));
    assert!(home.config().symlink_metadata().unwrap().is_symlink());
    assert!(
        std::fs::read_to_string(&real)
            .unwrap()
            .starts_with("# mine\nkind: Config\nclusters:\n")
    );
    assert_eq!(home.leftovers(), Vec::<String>::new());

    std::fs::remove_file(&real).unwrap();
    done(&home.bramble_reading(&MERGE, &source()));
    assert!(home.config().symlink_metadata().unwrap().is_symlink());
    assert_eq!(mode(&real), 0o600);

    std::fs::remove_dir_all(home.path().join("dotfiles")).unwrap();
    let said = refused(&home.bramble_reading(&MERGE, &source()), 2);
    assert!(said.contains("no such file or folder"), "{said}");
    std::fs::remove_file(home.config()).unwrap();
    symlink("config", home.config()).unwrap();
    let said = refused(&home.bramble_reading(&MERGE, &source()), 2);
    assert!(
        said.contains("cannot read") || said.contains("circle"),
        "{said}"
    );
}

#[test]
fn a_mode_is_kept_but_never_wider_than_0600() {
    for (before, after) in [
        (0o600, 0o600),
        (0o400, 0o400),
        (0o644, 0o600),
        (0o660, 0o600),
        (0o440, 0o400),
    ] {
        let home = Home::new();
        let path = home.write(".kube/config", "kind: Config\n");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(before)).unwrap();
        let output = home.bramble_reading(&MERGE, &source());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        done(&output);
        assert_eq!(mode(&path), after, "{before:o}");
        assert_eq!(
            said.contains("could be read by others"),
            before & 0o077 != 0,
            "{before:o}: {said}"
        );
        for entry in std::fs::read_dir(home.path().join(".kube")).unwrap() {
            assert_eq!(mode(&entry.unwrap().path()) & 0o077, 0);
        }
    }
}

#[test]
fn undo_restores_the_bytes_and_loses_no_later_change() {
    let home = Home::new();
    let before = "# mine\r\nkind: Config\r\nusers: []   # none\r\n";
    home.write(".kube/config", before);
    done(&home.bramble_reading(&MERGE, &source()));
    assert_ne!(home.text(), before);
    let said = done(&home.bramble(&["undo"]));
    assert!(said.contains("merged standard input"), "{said}");
    assert_eq!(home.text(), before);
    assert!(refused(&home.bramble(&["undo"]), 5).contains("nothing to undo"));

    done(&home.bramble_reading(&MERGE, &source()));
    let changed = format!("{}# later\n", home.text());
    home.write(".kube/config", &changed);
    let said = refused(&home.bramble(&["undo"]), 5);
    assert!(
        said.contains("was changed since") && said.contains("--force"),
        "{said}"
    );
    assert_eq!(home.text(), changed);
    done(&home.bramble(&["undo", "--force"]));
    assert_eq!(home.text(), before);

    std::fs::remove_file(home.config()).unwrap();
    done(&home.bramble_reading(&MERGE, &source()));
    done(&home.bramble(&["undo"]));
    assert!(!home.config().exists(), "there was none before");
}

#[test]
fn every_style_comes_back_byte_for_byte() {
    std::thread::scope(|scope| {
        for (style, text) in WRITTEN {
            scope.spawn(move || {
                let home = Home::new();
                home.write(".kube/config", text);
                for change in [
                    &["use", "b"][..],
                    &["namespace", "b", "attic"],
                    &["delete", "b"],
                ] {
                    let output = home.bramble(change);
                    if style == "with anchors" && !output.status.success() {
                        // Text that several entries share is left alone.
                        assert!(refused(&output, 2).contains("shares its text"));
                        assert_eq!(home.text(), text, "{style}: {change:?}");
                        continue;
                    }
                    done(&output);
                    assert_ne!(home.text(), text, "{style}: {change:?}");
                    done(&home.bramble(&["undo"]));
                    assert_eq!(home.text(), text, "{style}: {change:?}");
                }
                done(&home.bramble_reading(&MERGE, &source()));
                done(&home.bramble(&["undo"]));
                assert_eq!(home.text(), text, "{style}: merge");
            });
        }
    });
}

#[test]
fn a_forced_undo_keeps_what_it_takes_away() {
    let home = Home::new();
    home.write(".kube/config", "kind: Config\n");
    done(&home.bramble_reading(&MERGE, &source()));
    let changed = format!("{}# later\n", home.text());
    home.write(".kube/config", &changed);
    let said = done(&home.bramble(&["undo", "--force"]));
    let kept = said.rsplit(' ').next().unwrap().trim();
    assert_eq!(std::fs::read_to_string(kept).unwrap(), changed, "{said}");
}

#[test]
fn a_lock_of_others_is_waited_for_named_and_removed_only_with_a_yes() {
    let home = Home::new();
    let path = home.write(".kube/config", "kind: Config\n");
    let lock = home.write(".kube/config.lock", "");
    let said = refused(&home.bramble_reading(&MERGE, &source()), 5);
    assert!(
        said.contains("is locked")
            && said.contains("kubectl")
            && said.contains("bramble kubeconfig unlock"),
        "{said}"
    );
    assert_eq!(home.text(), "kind: Config\n");
    assert!(lock.exists(), "it is not ours");
    let asked = home.bramble(&["unlock"]);
    assert_eq!(asked.status.code(), Some(5));
    assert!(lock.exists());
    done(&home.bramble(&["unlock", "--yes"]));
    assert!(!lock.exists() && path.exists());
    assert_eq!(done(&home.bramble(&["unlock"])), "nothing is locked\n");

    // One that goes while it is waited for holds nobody up.
    home.write(".kube/config.lock", "");
    let mut command = home.command(&["use", "nothing"]);
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    std::fs::remove_file(&lock).unwrap();
    assert!(refused(&child.wait_with_output().unwrap(), 2).contains("no context"));
}

#[test]
fn ctrl_c_ends_the_waiting_and_leaves_nothing() {
    let home = Home::new();
    home.write(
        ".kube/config",
        "kind: Config\nusers: [{name: a}]\ncontexts: [{name: a}]\n",
    );
    let lock = home.write(".kube/config.lock", "");
    let mut command = home.command(&["use", "a"]);
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let pid = child.id().to_string();
    // The work begins only when the signal is listened for.
    let listens = || {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let caught = status
            .lines()
            .find_map(|line| line.strip_prefix("SigCgt:"))
            .unwrap();
        u64::from_str_radix(caught.trim(), 16).unwrap() & 1 << (2 - 1) != 0
    };
    while !listens() {
        std::thread::yield_now();
    }
    let started = std::time::Instant::now();
    assert!(
        Command::new("kill")
            .args(["-INT", &pid])
            .status()
            .unwrap()
            .success()
    );
    let output = child.wait_with_output().unwrap();
    assert!(
        started.elapsed() < std::time::Duration::from_secs(3),
        "it waited on"
    );
    assert_ne!(output.status.code(), Some(0));
    assert_eq!(home.leftovers(), ["config.lock"]);
    assert!(lock.exists());
}

#[test]
fn a_folder_that_nobody_may_write_changes_nothing() {
    let home = Home::new();
    home.write(".kube/config", "kind: Config\n");
    let folder = home.path().join(".kube");
    let is_root = std::fs::metadata(home.path()).unwrap().uid() == 0;
    let mut command = home.command(&MERGE);
    if is_root {
        // Root may write everywhere: the program runs as nobody.
        for path in [home.path().to_owned(), folder.clone(), home.config()] {
            std::os::unix::fs::chown(&path, Some(65_534), Some(65_534)).unwrap();
        }
        command.uid(65_534).gid(65_534);
    }
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o555)).unwrap();
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let output = match command.spawn() {
        Ok(mut child) => {
            let _ =
                std::io::Write::write_all(&mut child.stdin.take().unwrap(), source().as_bytes());
            child.wait_with_output().unwrap()
        }
        Err(error) => {
            skip(&format!("nobody cannot run the program ({error})"));
            return;
        }
    };
    let said = refused(&output, 2);
    assert!(
        said.contains("no permission") && said.contains("folder must be writable"),
        "{said}"
    );
    assert_eq!(home.text(), "kind: Config\n");
    assert_eq!(home.leftovers(), Vec::<String>::new());
}

/// A small disk of its own; gone with the value.
struct Disk(std::path::PathBuf);

impl Disk {
    fn mount(path: &Path, options: &str) -> Option<Disk> {
        let mut command = Command::new("mount");
        command
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(path)
            .stderr(Stdio::null());
        let is_mounted = command.status().is_ok_and(|status| status.success());
        if !is_mounted {
            skip("a small disk cannot be mounted here");
        }
        is_mounted.then(|| Disk(path.to_owned()))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_changes_nothing_and_leaves_nothing() {
    let home = Home::new();
    let Some(_disk) = Disk::mount(&home.path().join(".kube"), "size=64k") else {
        return;
    };
    let text = format!(
        "kind: Config\n{}",
        "# a line of a long file\n".repeat(1_000)
    );
    home.write(".kube/config", &text);
    let mut rest = 40 << 10;
    // Filled in ever smaller steps, until not a page is left.
    for number in 0.. {
        let name = format!(".kube/filler-{number}");
        if std::fs::write(home.path().join(&name), vec![b'x'; rest]).is_err() {
            let _ = std::fs::remove_file(home.path().join(&name));
            rest /= 2;
        }
        if rest == 0 {
            break;
        }
    }
    let output = home.bramble_reading(&MERGE, &source());
    let said = refused(&output, 2);
    assert!(
        said.contains("the disk is full") && said.contains("nothing has been changed"),
        "{said}"
    );
    assert_eq!(home.text(), text);
    let left: Vec<String> = home
        .leftovers()
        .into_iter()
        .filter(|name| !name.starts_with("filler"))
        .collect();
    assert_eq!(left, Vec::<String>::new());
}

#[test]
fn a_disk_that_is_mounted_read_only_is_named() {
    let home = Home::new();
    let folder = home.path().join(".kube");
    let Some(_disk) = Disk::mount(&folder, "size=64k") else {
        return;
    };
    home.write(".kube/config", "kind: Config\n");
    let remount = Command::new("mount")
        .args(["-o", "remount,ro"])
        .arg(&folder)
        .status()
        .unwrap();
    assert!(remount.success());
    let said = refused(&home.bramble_reading(&MERGE, &source()), 2);
    assert!(said.contains("read-only"), "{said}");
    assert!(
        done(&home.bramble(&["contexts"])).contains("CURRENT"),
        "it can still be read"
    );
}
