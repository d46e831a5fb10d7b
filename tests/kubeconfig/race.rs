//! 200 merges by four hands at once while kubectl writes the same file: nothing of anybody is lost.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use crate::home::{Home, done, has_kubectl, rack};

const MERGES: u32 = 200;
const HANDS: u32 = 4;

#[test]
fn merges_beside_a_busy_kubectl_lose_nothing_of_either() {
    if !has_kubectl() {
        return;
    }
    let home = Home::new();
    home.write(".kube/config", "apiVersion: v1\nkind: Config\n");
    let is_over = AtomicBool::new(false);
    let refused = AtomicU32::new(0);
    let set = std::thread::scope(|scope| {
        let kubectl = scope.spawn(|| {
            let mut set = Vec::new();
            let mut number = 0;
            while !is_over.load(Ordering::Relaxed) {
                let name = format!("kubectl-{number}");
                // kubectl does not wait for a lock; a person would try again.
                if home
                    .kubectl(&["set-context", &name, "--cluster", "c"])
                    .status
                    .success()
                {
                    set.push(name);
                    number += 1;
                } else {
                    refused.fetch_add(1, Ordering::Relaxed);
                }
            }
            set
        });
        let hands: Vec<_> = (0..HANDS)
            .map(|hand| {
                let home = &home;
                scope.spawn(move || {
                    for number in (hand..MERGES).step_by(HANDS as usize) {
                        let source = rack(
                            &format!("https://10.0.0.{number}:6443"),
                            &format!("t{number}"),
                        );
                        let name = format!("rack-{number}");
                        done(&home.bramble_reading(
                            &["merge", "-", "--name", &name, "--no-check"],
                            &source,
                        ));
                    }
                })
            })
            .collect();
        for hand in hands {
            hand.join().unwrap();
        }
        is_over.store(true, Ordering::Relaxed);
        kubectl.join().unwrap()
    });
    let contexts = done(&home.kubectl(&["get-contexts", "-o", "name"]));
    let contexts: std::collections::HashSet<&str> = contexts.lines().collect();
    let merged: Vec<String> = (0..MERGES).map(|number| format!("rack-{number}")).collect();
    for name in merged.iter().chain(&set) {
        assert!(contexts.contains(name.as_str()), "{name} is lost");
    }
    assert!(!set.is_empty(), "kubectl never got the lock");
    assert_eq!(contexts.len(), merged.len() + set.len());
    assert_eq!(home.leftovers(), Vec::<String>::new());
    eprintln!(
        "{MERGES} merges, {} contexts by kubectl, which met a lock {} times",
        set.len(),
        refused.into_inner()
    );
}
