//! SIGKILL at 500 moments of a merge: the file is the old or the new one, whole, 0600, and the next run cleans up.

use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::home::{Home, done, has_kubectl, rack};

const KILLS: u32 = 500;

/// Not random but spread: the same moments in every run.
struct Spread(u64);

impl Spread {
    fn next(&mut self, below: Duration) -> Duration {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let share = u32::try_from(self.0 >> 33).unwrap();
        below.mul_f64(f64::from(share) / f64::from(1_u32 << 31))
    }
}

#[test]
fn a_killed_merge_leaves_the_old_file_or_the_new_one() {
    let home = Home::new();
    let many = (0..200)
        .map(|n| {
            format!("- name: rack-{n}\n  cluster:\n    server: https://10.1.0.{n}:6443  # {n}\n")
        })
        .collect::<Vec<_>>()
        .concat();
    let before =
        format!("# kept\napiVersion: v1\nkind: Config\nclusters:\n{many}contexts: []\nusers: []\n");
    home.write(".kube/config", &before);
    let sources = ["one", "two"].map(|token| {
        home.write(token, rack("https://10.0.0.9:6443", token))
            .display()
            .to_string()
    });
    let merge = |source: &str| {
        let mut command = home.command(&[
            "merge",
            source,
            "--name",
            "new",
            "--no-check",
            "--on-conflict",
            "replace",
        ]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    // How long a merge takes to its last rename; all kills fall into that time and a little after it.
    let mut longest = Duration::ZERO;
    let texts = [0, 1, 0, 1].map(|which| {
        let started = Instant::now();
        let old = home.text();
        let mut child = merge(&sources[which]).spawn().unwrap();
        while home.text() == old {
            assert!(
                started.elapsed() < Duration::from_secs(20),
                "the merge does not write"
            );
            std::thread::yield_now();
        }
        longest = longest.max(started.elapsed());
        assert!(child.wait().unwrap().success());
        home.text()
    });
    let texts = [&texts[2], &texts[3]];

    let mut spread = Spread(7);
    let (mut unchanged, mut changed, mut left) = (0, 0, 0);
    for kill in 0..KILLS {
        let old = home.text();
        let which = usize::from(&old == texts[0]);
        let mut child = merge(&sources[which]).spawn().unwrap();
        let moment = Instant::now() + spread.next(longest.mul_f64(1.2));
        while Instant::now() < moment {
            std::hint::spin_loop();
        }
        child.kill().unwrap();
        child.wait().unwrap();

        let now = home.text();
        assert!(
            now == old || &now == texts[which],
            "kill {kill}: neither the old nor the new file:\n{now}"
        );
        let mode = std::fs::metadata(home.config())
            .unwrap()
            .permissions()
            .mode()
            & 0o777;
        assert_eq!(mode, 0o600, "kill {kill}");
        if now == old {
            unchanged += 1;
        } else {
            changed += 1;
        }
        left += usize::from(!home.leftovers().is_empty());
        if kill % 50 == 0 {
            assert!(
                merge(&sources[0]).status().unwrap().success(),
                "kill {kill}: the next run fails"
            );
            assert_eq!(
                home.leftovers(),
                Vec::<String>::new(),
                "kill {kill}: the next run leaves something"
            );
            if has_kubectl() {
                done(&home.kubectl(&["view"]));
            }
        }
    }
    assert!(merge(&sources[0]).status().unwrap().success());
    assert_eq!(home.leftovers(), Vec::<String>::new());
    eprintln!(
        "{KILLS} kills within {longest:?}: {unchanged} old, {changed} new, {left} left something to clean up"
    );
    assert!(
        unchanged > 0 && changed > 0 && left > 0,
        "the kills did not fall into the merge"
    );
}
