//! `bramble nodes` and `bramble problems` as a script sees them: output, sentences and exit codes.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::bed::Bed;
use crate::boards;
use crate::place::Who;

ask_both_alone!(
    nodes_and_problems_are_printed_with_their_exit_codes,
    what_cannot_be_read_is_one_sentence_and_an_exit_code,
);

/// Runs the program with a home of its own. It ends by itself, so nothing is left.
fn bramble(home: &Path, kubeconfig: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bramble"))
        .args(arguments)
        .env_clear()
        .env("HOME", home)
        .env("XDG_CONFIG_HOME", home.join("config"))
        .env("XDG_STATE_HOME", home.join("state"))
        .env("KUBECONFIG", kubeconfig)
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

async fn nodes_and_problems_are_printed_with_their_exit_codes(bed: Bed) {
    let (well, ill) = (bed.board().await, bed.board().await);
    bed.put(&boards::pod("shop", &well)).await;
    let (home, admin) = (bed.folder(), bed.kubeconfig(Who::Admin));
    let run = |arguments: &[&str]| {
        let output = bramble(&home, &admin, arguments);
        let errors = text(&output.stderr);
        assert_eq!(errors, "", "{arguments:?}");
        (output.status.code().unwrap(), text(&output.stdout))
    };

    let (code, out) = run(&["nodes", "-o", "json"]);
    assert_eq!(code, 0, "{out}");
    let all: Value = serde_json::from_str(&out).unwrap();
    let all = all.as_array().unwrap();
    let find = |name: &str| all.iter().find(|it| it["name"] == name).unwrap();
    let raw = bed.node(&well).await;
    let node = find(&well);
    assert_eq!(node["status"], json!(["Ready"]));
    assert_eq!(node["beat"], "beating");
    assert!(node["beatAgeSeconds"].as_u64().unwrap() < 30, "{node}");
    assert_eq!(node["pods"], 1);
    assert_eq!(node["cpuMilli"], Value::Null, "there is no metrics-server");
    assert_eq!(
        node["kubeletVersion"],
        raw["status"]["nodeInfo"]["kubeletVersion"]
    );
    assert_eq!(find(&ill)["pods"], 0);

    let (code, out) = run(&["nodes"]);
    assert_eq!(code, 0, "{out}");
    let title = "BEAT  NODE";
    assert!(out.starts_with(title), "{out}");
    assert_eq!(out.lines().count(), 1 + all.len(), "{out}");

    let (code, out) = run(&["problems"]);
    assert_eq!((code, out.as_str()), (0, "nothing is wrong\n"));
    let (code, out) = run(&["problems", "-o", "json"]);
    assert_eq!((code, out.as_str()), (0, "[]\n"));

    let why = "the network is down";
    bed.report(
        &ill,
        json!({ "conditions": boards::conditions("False", why) }),
    )
    .await;
    bed.beat(&ill).await;
    let (code, out) = run(&["problems"]);
    assert_eq!(code, 1, "{out}");
    let line = format!("critical  node {ill} is NotReady: {why}");
    assert!(out.starts_with(&line), "{out}");
    let (code, out) = run(&["problems", "-o", "json"]);
    assert_eq!(code, 1, "{out}");
    let problems: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(problems[0]["severity"], "critical");
    assert_eq!(problems[0]["about"], json!({ "kind": "node", "name": ill }));
    assert_eq!(problems[0]["why"], why);
    assert_eq!(run(&["nodes"]).0, 0, "nodes only prints");
}

async fn what_cannot_be_read_is_one_sentence_and_an_exit_code(bed: Bed) {
    bed.board().await;
    let home = bed.folder();
    let fails = |kubeconfig: &Path, code: i32, words: &str| {
        for command in ["nodes", "problems"] {
            let output = bramble(&home, kubeconfig, &[command]);
            let errors = text(&output.stderr);
            assert_eq!(output.status.code(), Some(code), "{command}: {errors}");
            assert_eq!(text(&output.stdout), "", "{command}");
            assert!(errors.starts_with("bramble: "), "{errors}");
            assert!(errors.contains(words), "{errors} lacks {words}");
            assert_eq!(errors.lines().count(), 1, "{errors}");
        }
    };
    fails(&bed.kubeconfig(Who::Bygone), 3, "fresh");
    fails(&home.join("none.yaml"), 2, "no kubeconfig was found");
    let nonsense = home.join("nonsense.yaml");
    std::fs::write(&nonsense, "not: [a kubeconfig").unwrap();
    fails(&nonsense, 2, "is not YAML");
    if bed.is_real() {
        fails(&bed.kubeconfig(Who::Misled), 3, "cannot trust https://");
    }
    let viewer = bed.kubeconfig(Who::Viewer);
    let output = bramble(&home, &viewer, &["problems"]);
    assert_eq!(
        output.status.code(),
        Some(1),
        "missing rights are a problem"
    );
    let out = text(&output.stdout);
    assert!(out.contains("not allowed: list, watch on leases"), "{out}");
    let output = bramble(&home, &viewer, &["nodes", "-o", "json"]);
    assert_eq!(output.status.code(), Some(0));
    let all: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(all[0]["beat"], "unknown");
    fails(&bed.kubeconfig(Who::Nobody), 3, "list, watch on nodes");

    let admin = bed.kubeconfig(Who::Admin);
    bed.stop_api().await;
    fails(&admin, 3, "refuses connections");
}
