//! `bramble nodes` and `bramble problems` as a script sees them: output, sentences and exit codes.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use crate::bed::Bed;
use crate::boards;
use crate::hand::JSON;
use crate::place::Who;
use crate::vips;

ask_both_alone!(
    nodes_and_problems_are_printed_with_their_exit_codes,
    what_cannot_be_read_is_one_sentence_and_an_exit_code,
    services_are_printed_watched_and_counted_as_problems,
);

/// Runs the program with a home of its own. It ends by itself, so nothing is left.
fn bramble(home: &Path, kubeconfig: &Path, arguments: &[&str]) -> Output {
    command(home, kubeconfig, arguments).output().unwrap()
}

fn command(home: &Path, kubeconfig: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bramble"));
    command
        .args(arguments)
        .env_clear()
        .env("HOME", home)
        .env("XDG_CONFIG_HOME", home.join("config"))
        .env("XDG_STATE_HOME", home.join("state"))
        .env("KUBECONFIG", kubeconfig);
    command
}

/// A print that goes on until it is dropped.
struct Watched {
    child: Child,
    lines: mpsc::Receiver<String>,
}

impl Watched {
    fn start(mut command: Command) -> Watched {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let (tx, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                let _ = tx.send(line);
            }
        });
        Watched { child, lines }
    }

    /// The next line with these words.
    fn until(&self, words: &str) -> String {
        let mut seen = Vec::new();
        loop {
            let Ok(line) = self.lines.recv_timeout(Duration::from_secs(30)) else {
                panic!("{words:?} never came: {seen:#?}");
            };
            if line.contains(words) {
                return line;
            }
            seen.push(line);
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
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

async fn services_are_printed_watched_and_counted_as_problems(bed: Bed) {
    let board = bed.board().await;
    bed.run_metallb().await;
    vips::put_pool(&bed).await;
    let hand = bed.hand();
    let put = async |name: &str| {
        let service = vips::service(name, &json!({}));
        hand.must(Method::POST, vips::SERVICES, JSON, &service)
            .await;
        let slice = vips::slice(name, &board);
        hand.must(Method::POST, vips::SLICES, JSON, &slice).await;
    };
    put("lamp").await;
    bed.set_address("lamp", Some("192.0.2.65")).await;
    let (home, admin) = (bed.folder(), bed.kubeconfig(Who::Admin));
    let run = |arguments: &[&str]| {
        let output = bramble(&home, &admin, arguments);
        assert_eq!(text(&output.stderr), "", "{arguments:?}");
        (output.status.code().unwrap(), text(&output.stdout))
    };

    let (code, out) = run(&["services", "--fail-on-problems"]);
    assert_eq!(code, 0, "{out}");
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines.len(), 2, "{out}");
    assert!(lines[0].starts_with("VIP"), "{out}");
    let words: Vec<&str> = lines[1].split_whitespace().collect();
    assert_eq!(
        &words[..5],
        [
            "192.0.2.65",
            "default/lamp",
            "LoadBalancer",
            "80/tcp",
            "lan"
        ]
    );
    assert_eq!(&words[6..], ["election", "1/1", "-"]);
    let (code, out) = run(&["services", "-o", "json"]);
    assert_eq!(code, 0, "{out}");
    let all: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(all[0]["addresses"], json!(["192.0.2.65"]));
    assert_eq!(
        (&all[0]["pool"], &all[0]["ready"]),
        (&json!("lan"), &json!(1))
    );
    assert_eq!(all[0]["announcer"]["knownBy"], "election");
    assert_eq!(all[0]["problems"], json!([]));

    // The last board with an endpoint goes: the address is announced by nobody.
    let watched = Watched::start(command(&home, &admin, &["services", "--watch"]));
    watched.until("192.0.2.65");
    hand.must(Method::DELETE, &format!("{}/lamp-x", vips::SLICES), "", "")
        .await;
    let line = watched.until("0/0");
    assert!(
        line.contains("nobody") && line.contains("not announced"),
        "{line}"
    );
    hand.must(Method::DELETE, &format!("{}/lamp", vips::SERVICES), "", "")
        .await;
    let line = watched.until("gone");
    assert!(line.ends_with("default/lamp is gone"), "{line}");
    drop(watched);

    put("waits").await;
    hand.must(
        Method::DELETE,
        "/apis/metallb.io/v1beta1/namespaces/metallb-system/ipaddresspools/lan",
        "",
        "",
    )
    .await;
    let (code, out) = run(&["services"]);
    assert_eq!(code, 0, "{out}");
    assert!(
        out.contains("pending") && out.contains("no pool of addresses"),
        "{out}"
    );
    let (code, out) = run(&["services", "--fail-on-problems", "-o", "json"]);
    assert_eq!(code, 1, "{out}");
    let all: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(all[0]["problems"][0]["severity"], "critical");
    assert_eq!(all[0]["addresses"], json!([]));
}
