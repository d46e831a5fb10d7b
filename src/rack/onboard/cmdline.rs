//! The kernel's parameters of a Raspberry Pi: which of its files counts, how it is edited, and whether it helped.
//!
//! Sources: raspberrypi/linux#6439 (the device tree switches the memory controller off, a word on the line switches it
//! on again), k3s-io/k3s#3283 (a second line is ignored), raspberrypi/firmware#2007 (`current/` of an A/B boot).

/// The words k3s needs on boards whose firmware switches the memory controller off.
pub const WANTED: [&str; 2] = ["cgroup_memory=1", "cgroup_enable=memory"];
/// Where the line may stand; the first that is there and no stub counts.
pub const FILES: [&str; 3] = [
    "/boot/firmware/current/cmdline.txt",
    "/boot/firmware/cmdline.txt",
    "/boot/cmdline.txt",
];

/// One of [`FILES`] as it was found on a board.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BootFile {
    pub path: String,
    /// Its lines, carriage returns and all.
    pub lines: Vec<String>,
    /// SHA-256 of its bytes, in hexadecimal.
    pub hash: String,
    pub mount: Option<Mount>,
}

/// The file system a file lies on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    pub point: String,
    /// `vfat` for a boot partition.
    pub kind: String,
    pub is_read_only: bool,
}

/// A change of one file.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Edit {
    pub path: String,
    pub before: String,
    pub after: String,
    /// SHA-256 of the file as it was read: it is not changed when it is another by then.
    pub hash: String,
}

/// What is to be done about the memory controller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cure {
    Edit(Edit),
    /// The line is right, the kernel was started with another one.
    Reboot,
    /// The kernel was started with the words and ignores them.
    KernelIgnoresThem,
    /// No file of a Raspberry Pi's firmware is there.
    NoFile,
    /// There is one, and it must not be touched.
    Refused {
        path: String,
        why: String,
        next: String,
    },
}

/// Whether a file only says that the real one is elsewhere.
fn is_stub(file: &BootFile) -> bool {
    let text = file.lines.join(" ").to_lowercase();
    !text.contains("root=") && (text.contains("moved") || text.contains("do not edit"))
}

/// The file that the firmware reads.
pub fn choose(files: &[BootFile]) -> Option<&BootFile> {
    FILES.iter().find_map(|path| {
        files
            .iter()
            .find(|file| file.path == *path && !is_stub(file))
    })
}

/// What helps a board whose kernel was started with `running` and has no memory controller.
pub fn cure(files: &[BootFile], running: &str) -> Cure {
    let is_running = |word: &str| running.split_whitespace().any(|it| it == word);
    if WANTED.iter().all(|word| is_running(word)) {
        return Cure::KernelIgnoresThem;
    }
    let Some(file) = choose(files) else {
        return Cure::NoFile;
    };
    let refused = |why: String, next: &str| Cure::Refused {
        path: file.path.clone(),
        why,
        next: next.to_owned(),
    };
    match &file.mount {
        Some(mount) if mount.kind != "vfat" => {
            return refused(
                format!(
                    "it lies on {} ({}), which is no boot partition",
                    mount.point, mount.kind
                ),
                "mount the boot partition there, then run the checks again",
            );
        }
        Some(mount) if mount.is_read_only => {
            return refused(
                format!("{} is mounted read-only", mount.point),
                "look for card errors in dmesg, then remount it read-write",
            );
        }
        Some(_) => {}
        None => {
            return refused(
                "it is not known which disk it lies on".to_owned(),
                "see what `findmnt -T` says of it on the board",
            );
        }
    }
    let (before, after) = match edited(&file.lines) {
        Ok(both) => both,
        Err(why) => {
            return refused(
                why,
                "put everything on one line by hand, then run the checks again",
            );
        }
    };
    let strange = before
        .split_whitespace()
        .find(|word| word.starts_with("root=") && !is_running(word));
    if let Some(word) = strange {
        return refused(
            format!("the kernel was not started with its {word}: another disk's file is in use"),
            "mount the boot partition that this system was started from",
        );
    }
    if before == after {
        return Cure::Reboot;
    }
    Cure::Edit(Edit {
        path: file.path.clone(),
        before,
        after,
        hash: file.hash.clone(),
    })
}

/// The line as it is and as it should be; equal when nothing is to be done.
pub fn edited(lines: &[String]) -> Result<(String, String), String> {
    let mut lines = lines
        .iter()
        .map(|line| line.trim_end_matches('\r'))
        .filter(|line| !line.trim().is_empty());
    let line = lines.next().ok_or("it is empty")?;
    let rest: Vec<&str> = lines.collect();
    if !rest.is_empty() {
        let joined = format!("{} {}", line.trim(), rest.join(" "));
        return Err(format!(
            "only its first line counts and it has {}; joined it would be: {joined}",
            rest.len() + 1
        ));
    }
    let mut words: Vec<&str> = line
        .split_whitespace()
        .filter(|word| *word != "cgroup_disable=memory")
        .collect();
    if !words.iter().any(|word| word.starts_with("root=")) {
        return Err("it has no root=, so it is not a kernel's line".to_owned());
    }
    for wanted in WANTED {
        if !words.contains(&wanted) {
            words.push(wanted);
        }
    }
    let is_same = line.split_whitespace().eq(words.iter().copied());
    let after = if is_same {
        line.to_owned()
    } else {
        words.join(" ")
    };
    Ok((line.to_owned(), after))
}

/// How a reboot after an edit turned out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Works,
    /// The same boot as before.
    NotRebooted,
    /// Rebooted, and the words are not on the kernel's line.
    WrongFile,
    /// They are, and there is no memory controller.
    Ignored,
}

/// Judged by the boot before, the boot now, the kernel's line now, and whether the controller is there now.
pub fn verdict(boot_before: &str, boot_now: &str, running: &str, has_memory: bool) -> Verdict {
    if has_memory {
        return Verdict::Works;
    }
    if boot_before == boot_now {
        return Verdict::NotRebooted;
    }
    let has = |wanted: &&str| running.split_whitespace().any(|word| word == *wanted);
    if WANTED.iter().all(has) {
        Verdict::Ignored
    } else {
        Verdict::WrongFile
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUNNING: &str =
        "coherent_pool=1M cgroup_disable=memory console=tty1 root=PARTUUID=4e639091-02 rootwait";
    const LINE: &str = "console=tty1 root=PARTUUID=4e639091-02 rootwait";

    fn file(path: &str, text: &str) -> BootFile {
        BootFile {
            path: path.to_owned(),
            lines: text.lines().map(str::to_owned).collect(),
            hash: "h".to_owned(),
            mount: Some(Mount {
                point: "/boot/firmware".to_owned(),
                kind: "vfat".to_owned(),
                is_read_only: false,
            }),
        }
    }

    #[test]
    fn one_line_is_edited_and_edited_only_once() {
        let after = |text: &str| {
            edited(&text.lines().map(str::to_owned).collect::<Vec<_>>()).map(|(_, after)| after)
        };
        let good = format!("{LINE} cgroup_memory=1 cgroup_enable=memory");
        for (text, expected) in [
            (LINE.to_owned(), Ok(good.clone())),
            (format!("{LINE}\r\n\r\n"), Ok(good.clone())),
            (good.clone(), Ok(good.clone())),
            // Not the same word.
            (
                format!("{LINE} cgroup_enable=cpuset cgroup_memory=1"),
                Ok(format!(
                    "{LINE} cgroup_enable=cpuset cgroup_memory=1 cgroup_enable=memory"
                )),
            ),
            (format!("cgroup_disable=memory {LINE}"), Ok(good.clone())),
            // Blanks are left alone where nothing is to be done.
            (
                format!("{LINE}   cgroup_enable=memory  cgroup_memory=1 "),
                Ok(format!("{LINE}   cgroup_enable=memory  cgroup_memory=1 ")),
            ),
            (
                format!("{LINE}\ncgroup_memory=1 cgroup_enable=memory"),
                Err("only its first line counts"),
            ),
            ("console=tty1".to_owned(), Err("no root=")),
            ("\n\n".to_owned(), Err("empty")),
        ] {
            match (after(&text), expected) {
                (Ok(found), Ok(expected)) => {
                    assert_eq!(found, expected);
                    assert_eq!(
                        after(&found),
                        Ok(found.clone()),
                        "the second time nothing is to be done"
                    );
                }
                (Err(why), Err(part)) => assert!(why.contains(part), "{why}"),
                (found, expected) => panic!("{text:?}: {found:?}, not {expected:?}"),
            }
        }
    }

    #[test]
    fn the_file_the_firmware_reads_is_found() {
        let stub = "The file you are looking for has moved to /boot/firmware/cmdline.txt";
        let (new, old, ab) = (FILES[1], FILES[2], FILES[0]);
        for (files, expected) in [
            (vec![file(old, stub), file(new, LINE)], Some(new)),
            (vec![file(old, LINE)], Some(old)),
            (vec![file(new, LINE), file(ab, LINE)], Some(ab)),
            (vec![file(old, stub)], None),
            (vec![], None),
        ] {
            assert_eq!(choose(&files).map(|file| &*file.path), expected);
        }
    }

    #[test]
    fn a_cure_is_only_offered_where_it_can_help() {
        let with = |change: fn(&mut BootFile)| {
            let mut file = file(FILES[1], LINE);
            change(&mut file);
            cure(&[file], RUNNING)
        };
        assert!(
            matches!(with(|_| ()), Cure::Edit(edit) if edit.after.ends_with("cgroup_enable=memory") && edit.hash == "h")
        );
        assert_eq!(
            with(|file| file.lines[0].push_str(" cgroup_memory=1 cgroup_enable=memory")),
            Cure::Reboot
        );
        assert_eq!(cure(&[], RUNNING), Cure::NoFile);
        assert_eq!(
            cure(
                &[file(FILES[1], LINE)],
                &format!("{RUNNING} cgroup_memory=1 cgroup_enable=memory")
            ),
            Cure::KernelIgnoresThem
        );
        let refused = |cure: Cure, part: &str| match cure {
            Cure::Refused { why, .. } => assert!(why.contains(part), "{why}"),
            other => panic!("{other:?}"),
        };
        refused(with(|file| file.mount = None), "not known");
        refused(
            with(|file| file.mount.as_mut().unwrap().kind = "ext4".to_owned()),
            "no boot partition",
        );
        refused(
            with(|file| file.mount.as_mut().unwrap().is_read_only = true),
            "read-only",
        );
        refused(
            with(|file| file.lines[0] = "root=PARTUUID=other".to_owned()),
            "another disk",
        );
        refused(
            with(|file| file.lines.push("cgroup_memory=1".to_owned())),
            "only its first line",
        );
    }

    #[test]
    fn the_wrong_file_is_told_from_a_kernel_that_ignores_it() {
        let full = "root=x cgroup_memory=1 cgroup_enable=memory";
        for (before, now, running, has_memory, expected) in [
            ("a", "b", full, true, Verdict::Works),
            ("a", "a", "root=x", false, Verdict::NotRebooted),
            (
                "a",
                "b",
                "root=x cgroup_memory=1",
                false,
                Verdict::WrongFile,
            ),
            ("a", "b", full, false, Verdict::Ignored),
        ] {
            assert_eq!(verdict(before, now, running, has_memory), expected);
        }
    }
}
