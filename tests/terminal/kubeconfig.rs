//! The Kubeconfig pane with a hand on the keyboard: a k3s.yaml is merged into a kubeconfig of this test, and taken back.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use crate::harness::Start;

const OURS: &str = "\
# the racks of this test
apiVersion: v1
kind: Config
current-context: home
contexts:
- name: home   # in the cellar
  context: {cluster: home, user: home}
clusters:
- name: home
  cluster: {server: \"http://127.0.0.1:1\"}
users:
- name: home
  user: {token: s3cr3t-of-home}
";

/// As k3s writes it, but for the certificates.
const K3S: &str = "\
apiVersion: v1
clusters:
- cluster:
    server: http://127.0.0.1:2
  name: default
contexts:
- context:
    cluster: default
    user: default
  name: default
current-context: default
kind: Config
preferences: {}
users:
- name: default
  user:
    token: s3cr3t-of-k3s
";

#[test]
fn a_k3s_yaml_is_merged_through_the_keyboard_and_taken_back() {
    let start = Start::bramble([])
        .file("ours.yaml", OURS)
        .file("k3s.yaml", K3S)
        .env("KUBECONFIG", "ours.yaml");
    let mut session = start.go();
    session.press("7");
    session.until("refuses connections");
    session.press("a");
    session.until("┌ Merge a kubeconfig");
    session.enter("k3s.yaml");
    session.press("enter");
    session.enter("rack-9");
    session.press("enter");
    session.enter("127.0.0.1");
    session.press("enter enter enter");
    let text = session.until("What would change").contents();
    assert!(text.contains("context rack-9"), "{text}");
    assert!(text.contains("nothing is written yet"), "{text}");
    let ours = session.home().join("ours.yaml");
    assert_eq!(std::fs::read_to_string(&ours).unwrap(), OURS);
    session.press("G");
    let text = session.until("***").contents();
    assert!(!text.contains("s3cr3t"), "{text}");

    session.press("enter");
    session.until("Write this into the kubeconfig?");
    session.press("y");
    session.until("merged k3s.yaml");
    session.until_that("both contexts", |screen| {
        let text = screen.contents();
        text.contains("home") && text.contains("rack-9") && text.contains("CONTEXT")
    });
    let written = std::fs::read_to_string(&ours).unwrap();
    assert!(
        written.starts_with("# the racks of this test\n"),
        "{written}"
    );
    assert!(
        written.contains("- name: home   # in the cellar\n"),
        "{written}"
    );
    assert!(written.contains("token: s3cr3t-of-k3s"), "{written}");
    assert!(written.contains("current-context: home\n"), "{written}");
    let mode = std::fs::metadata(&ours).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    session.press("u");
    session.until("Undo the last change?");
    // What it takes back was read first: a question that comes by itself takes no key for a moment.
    session.count(Duration::from_millis(450));
    session.press("y");
    session.until_gone("Undo the last change?");
    session.until_gone("rack-9");
    assert_eq!(std::fs::read_to_string(&ours).unwrap(), OURS);
    session.press("Q");
    session.until("ended with <0>");
    let seen = String::from_utf8_lossy(&session.bytes()).into_owned();
    assert!(!seen.contains("s3cr3t"), "a secret was on the screen");
}

#[test]
fn read_only_mode_changes_no_kubeconfig() {
    let start = Start::bramble(["--read-only"])
        .file("ours.yaml", OURS)
        .env("KUBECONFIG", "ours.yaml");
    let mut session = start.go();
    session.press("7");
    session.until("refuses connections");
    for key in ["a", "c", "s", "R", "D", "u"] {
        session.press(key);
        session.until("read-only: nothing in");
        session.press("8");
        session.until("┌ Problems");
        session.press("7");
        session.until("┌ Kubeconfig");
    }
    let ours = session.home().join("ours.yaml");
    assert_eq!(std::fs::read_to_string(ours).unwrap(), OURS);
}

#[test]
fn without_a_kubeconfig_the_way_to_one_is_shown() {
    let mut session = Start::bramble([]).file("k3s.yaml", K3S).go();
    session.until("7");
    session.until("No cluster to show yet");
    session.press("7");
    session.until("a merges one");
    session.press("a");
    session.until("┌ Merge a kubeconfig");
    session.enter("k3s.yaml");
    session.press("enter");
    session.enter("first");
    session.press("enter enter enter enter");
    session.until("New file");
    session.press("enter");
    session.until("Write this into the kubeconfig?");
    session.press("y");
    session.until("merged k3s.yaml");
    let first = session.home().join(".kube/config");
    let mode = std::fs::metadata(&first).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    session.until("first");
}
