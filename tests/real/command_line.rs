//! `bramble nodes` and `bramble problems` as a script would call them.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::bed::Bed;
use crate::control_plane;

fn bramble(folder: &Path, kubeconfig: &str, arguments: &[&str]) -> Output {
    let file = folder.join("config");
    std::fs::write(&file, kubeconfig).unwrap();
    Command::new(env!("CARGO_BIN_EXE_bramble"))
        .args(arguments)
        .arg("--kubeconfig")
        .arg(file)
        .env("HOME", folder)
        .env("XDG_CONFIG_HOME", folder)
        .env("XDG_STATE_HOME", folder)
        .env_remove("KUBECONFIG")
        .output()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_are_printed_for_people_and_for_programs() {
    for bed in Bed::both().await {
        bed.join("c-node").await;
        let folder = tempfile::tempdir().unwrap();
        let table = bramble(folder.path(), &bed.admin(), &["nodes"]);
        let text = String::from_utf8_lossy(&table.stdout);
        assert!(
            table.status.success() && text.starts_with("BEAT"),
            "{}: {table:?}",
            bed.name()
        );
        assert!(
            text.lines()
                .any(|line| line.contains("c-node") && line.contains("Ready")),
            "{}: {text}",
            bed.name()
        );
        let json = bramble(folder.path(), &bed.admin(), &["nodes", "-o", "json"]);
        let nodes: Vec<Value> = serde_json::from_slice(&json.stdout).unwrap();
        let node = nodes.iter().find(|node| node["name"] == "c-node").unwrap();
        assert_eq!(
            (&node["beat"], &node["kubeletVersion"]),
            (&"beating".into(), &"v1.33.4+k3s1".into())
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn problems_are_an_exit_code_and_errors_are_one_sentence() {
    let Some(plane) = control_plane::shared() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    // A viewer may not read leases: that is a problem, and no error.
    let viewer = bramble(
        folder.path(),
        &plane.kubeconfig("kubeconfig-viewer.yaml"),
        &["problems"],
    );
    assert_eq!(viewer.status.code(), Some(1), "{viewer:?}");
    assert!(
        String::from_utf8_lossy(&viewer.stdout).contains("leases"),
        "{viewer:?}"
    );
    for (file, code) in [
        ("kubeconfig-badca.yaml", 3),
        ("kubeconfig-expired.yaml", 3),
        ("kubeconfig-nobody.yaml", 3),
    ] {
        let refused = bramble(folder.path(), &plane.kubeconfig(file), &["problems"]);
        let error = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(code), "{file}: {error}");
        assert_eq!(error.lines().count(), 1, "{file}: {error}");
        assert!(refused.stdout.is_empty(), "{file}");
    }
    let nonsense = bramble(folder.path(), "not: [a kubeconfig", &["nodes"]);
    assert_eq!(nonsense.status.code(), Some(2), "{nonsense:?}");
}
