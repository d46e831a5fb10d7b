//! Without a terminal: one sentence on standard error, the exit code of the help page, and no panic when a reader goes.

use std::process::{Command, Output, Stdio};

use bramble::sim::{Scenario, Sim};

use crate::harness::Start;

/// `bramble` in an empty home.
fn bramble(home: &tempfile::TempDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bramble"));
    command
        .env_clear()
        .env("HOME", home.path())
        .env("TMPDIR", home.path())
        .stdin(Stdio::null());
    command
}

/// One line on standard error, nothing on standard output.
fn sentence(output: &Output) -> String {
    assert!(output.stdout.is_empty(), "{output:?}");
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.starts_with("bramble: "), "{text}");
    text
}

#[test]
fn without_a_cluster_nodes_exits_2_with_a_sentence() {
    let home = tempfile::tempdir().unwrap();
    for command in ["nodes", "problems"] {
        let output = bramble(&home).arg(command).output().unwrap();
        let text = sentence(&output);
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains("no kubeconfig was found"), "{text}");
        assert!(text.contains("bramble demo"), "{text}");
    }
}

#[test]
fn without_a_terminal_the_cockpit_exits_4_with_a_sentence() {
    let home = tempfile::tempdir().unwrap();
    for arguments in [&[][..], &["demo"][..]] {
        let output = bramble(&home).args(arguments).output().unwrap();
        let text = sentence(&output);
        assert_eq!(output.status.code(), Some(4), "{text}");
        assert!(text.contains("needs a terminal"), "{text}");
    }
    let left = std::fs::read_dir(home.path()).unwrap().count();
    assert_eq!(left, 0, "files were left in the temporary folder");
}

#[test]
fn an_unknown_scenario_exits_2_and_names_the_known_ones() {
    let home = tempfile::tempdir().unwrap();
    let output = bramble(&home)
        .args(["demo", "--scenario", "offise"])
        .output()
        .unwrap();
    let text = sentence(&output);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("office, bad-day, large"), "{text}");
}

#[test]
fn an_unknown_theme_or_keymap_exits_2_and_names_the_nearest() {
    let home = tempfile::tempdir().unwrap();
    for (flag, name, nearest) in [
        ("--theme", "drak", "did you mean \"dark\"?"),
        ("--keymap", "vin", "did you mean \"vim\"?"),
        ("--theme", "zzzzzzzz", "there are"),
    ] {
        let output = bramble(&home).args([flag, name, "keys"]).output().unwrap();
        let text = sentence(&output);
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains(nearest), "{text}");
    }
}

#[test]
fn no_kubeconfig_at_all_is_a_first_screen_that_says_what_to_do() {
    let mut session = Start::bramble([]).go();
    let text = session.until("No cluster to show yet").contents();
    assert!(text.contains("no cluster"), "{text}");
    assert!(text.contains("bramble demo"), "{text}");
    assert!(text.contains("kubeconfig"), "{text}");
    session.press("q");
    assert_eq!(session.ended(), (0, String::new()));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let home = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let scenario = Scenario::shipped("office").unwrap();
    let sim = runtime.block_on(Sim::start(scenario, 1)).unwrap();
    let kubeconfig = home.path().join("kubeconfig");
    std::fs::write(&kubeconfig, sim.kubeconfig()).unwrap();
    let kubeconfig = kubeconfig.display().to_string();

    let whole = bramble(&home)
        .args(["nodes", "--kubeconfig", &kubeconfig])
        .output()
        .unwrap();
    let text = String::from_utf8(whole.stdout).unwrap();
    assert_eq!(text.lines().count(), 5, "{text}");
    assert_eq!(whole.status.code(), Some(0));

    for arguments in [
        &["nodes", "--kubeconfig", &kubeconfig][..],
        &["nodes", "-o", "json", "--kubeconfig", &kubeconfig][..],
        &["problems", "--kubeconfig", &kubeconfig][..],
        &["keys"][..],
        &["themes"][..],
        &["man"][..],
        &["completions", "bash"][..],
        &["--help"][..],
    ] {
        // A pipe that nobody reads: what `| head -1` becomes after its line.
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = bramble(&home)
            .args(arguments)
            .stdout(writer)
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(said, "", "{arguments:?}");
        assert_ne!(output.status.code(), Some(101), "{arguments:?}");
    }
    runtime.block_on(sim.shutdown());
}
