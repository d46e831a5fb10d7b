//! kubectl reads and writes every file that bramble has written.

use serde_json::Value;

use crate::home::{Home, done, has_kubectl, rack};

/// Kubeconfigs in the ways people and tools write them; each holds the contexts `a` and `b`.
pub(crate) const WRITTEN: [(&str, &str); 8] = [
    (
        "as kubectl writes",
        "apiVersion: v1\nclusters:\n- cluster:\n    server: https://a\n  name: a\ncontexts:\n- context:\n    cluster: a\n    user: a\n  name: a\n- context:\n    cluster: a\n    user: a\n  name: b\ncurrent-context: a\nkind: Config\npreferences: {}\nusers:\n- name: a\n  user:\n    token: t\n",
    ),
    (
        "indented, with comments",
        "# mine\nkind: Config\napiVersion: v1\nclusters:   # all\n  # the first\n  - name: a\n    cluster:\n      server: https://a   # here\ncontexts:\n  - name: a\n    context: {cluster: a, user: a}\n\n  - name: b\n    context:\n      user: a\n      cluster: a\n# end\nusers:\n  - {name: a, user: {token: 't'}}\ncurrent-context: \"a\"\n",
    ),
    (
        "json",
        r#"{"apiVersion": "v1", "kind": "Config", "clusters": [{"name": "a", "cluster": {"server": "https://a"}}], "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}, {"name": "b", "context": {"cluster": "a", "user": "a"}}], "users": [{"name": "a", "user": {"token": "t"}}], "current-context": "a"}"#,
    ),
    (
        "windows",
        "\u{feff}kind: Config\r\napiVersion: v1\r\ncontexts:\r\n- {name: a, context: {cluster: a, user: a}}\r\n- {name: b, context: {cluster: a, user: a}}\r\nclusters:\r\n- {name: a, cluster: {server: \"https://a\"}}\r\nusers: []\r\ncurrent-context: a\r\n",
    ),
    (
        "without a last line end",
        "current-context: a\nusers:\n- name: a\n  user: {}\nclusters: [{name: a, cluster: {server: \"https://a\"}}]\ncontexts:\n- name: a\n  context: {cluster: a}\n- name: b\n  context: {cluster: a}",
    ),
    (
        "with anchors",
        "x: &c {cluster: a, user: a}\nclusters:\n- name: a\n  cluster: {server: \"https://a\"}\ncontexts:\n- name: a\n  context: *c\n- name: b\n  context:\n    <<: *c\n    namespace: home\nusers:\n- name: a\n  user: {token: t}\ncurrent-context: a\n",
    ),
    (
        "two documents",
        "clusters:\n- name: a\n  cluster: {server: \"https://a\"}\ncontexts:\n- name: a\n  context: {cluster: a}\n- name: b\n  context: {cluster: a}\ncurrent-context: a\n---\nother: document\n",
    ),
    (
        "block scalars and odd keys",
        "current-context: a\nother:\n  deep: [1, 2]\nusers:\n- user:\n    token: |-\n      t\n    as-of: 2024\n  name: a\nclusters:\n-   cluster:\n        server: >-\n            https://a\n    name: a\ncontexts:\n- context:\n    user: a\n    cluster: a\n  name: a\n- context:\n    user: a\n    cluster: a\n  name: b\n",
    ),
];

fn view(home: &Home) -> Value {
    serde_json::from_str(&done(&home.kubectl(&["view", "--raw", "-o", "json"]))).unwrap()
}

/// The body of an entry as kubectl sees it.
fn entry<'a>(view: &'a Value, kind: &str, name: &str) -> &'a Value {
    let all = view[format!("{kind}s")].as_array().unwrap();
    let found = all.iter().find(|it| it["name"] == name);
    &found.unwrap_or_else(|| panic!("no {kind} {name} in {view:#}"))[kind]
}

#[test]
fn every_change_of_every_style_is_read_by_kubectl() {
    if !has_kubectl() {
        return;
    }
    // They mostly wait for the second look of each write.
    std::thread::scope(|scope| {
        for (style, text) in WRITTEN {
            scope.spawn(move || come_and_go(style, text));
        }
    });
}

/// An entry comes, changes, and goes again: what was there before means the same at every step.
fn come_and_go(style: &str, text: &str) {
    let home = Home::new();
    home.write(".kube/config", text);
    let before = view(&home);
    let source = rack("https://127.0.0.1:6443", "n3w");
    done(&home.bramble_reading(
        &[
            "merge",
            "-",
            "--name",
            "0644",
            "--server",
            "fd00::1",
            "--no-check",
            "--set-current",
        ],
        &source,
    ));
    let after = view(&home);
    assert_eq!(
        entry(&after, "cluster", "0644")["server"],
        "https://[fd00::1]:6443",
        "{style}"
    );
    assert_eq!(entry(&after, "user", "0644")["token"], "n3w", "{style}");
    assert_eq!(
        entry(&after, "context", "0644")["cluster"],
        "0644",
        "{style}"
    );
    assert_eq!(after["current-context"], "0644", "{style}");
    for (kind, name) in [("cluster", "a"), ("context", "a"), ("context", "b")] {
        assert_eq!(
            entry(&after, kind, name),
            entry(&before, kind, name),
            "{style}: {kind} {name}"
        );
    }

    done(&home.bramble(&["rename", "0644", "no"]));
    done(&home.bramble(&["namespace", "no", "on"]));
    let after = view(&home);
    assert_eq!(entry(&after, "context", "no")["namespace"], "on", "{style}");
    assert_eq!(after["current-context"], "no", "{style}");
    done(&home.bramble(&["use", "b"]));
    assert_eq!(done(&home.kubectl(&["current-context"])), "b\n", "{style}");
    done(&home.bramble(&["delete", "no", "--with-orphans"]));
    done(&home.bramble(&["use", "a"]));
    let mut after = view(&home);
    let mut before = before;
    // An empty list and none are the same to kubectl.
    for view in [&mut before, &mut after] {
        for key in ["users", "contexts", "clusters"] {
            if view[key].is_null() {
                view[key] = Value::Array(Vec::new());
            }
        }
    }
    assert_eq!(
        after, before,
        "{style}: what came and went has left something"
    );

    done(&home.bramble(&["undo"]));
    done(&home.kubectl(&["use-context", "b"]));
    done(&home.kubectl(&["set-context", "c", "--cluster", "a"]));
}

#[test]
fn several_files_are_changed_where_kubectl_would_change_them() {
    if !has_kubectl() {
        return;
    }
    let with_both = |tool: &dyn Fn(&Home, &str)| {
        let home = Home::new();
        let one = home.write("one", WRITTEN[0].1);
        let two = home.write(
            "two",
            WRITTEN[0]
                .1
                .replace("name: b", "name: c")
                .replace("current-context: a", ""),
        );
        let list = format!(
            "{}:{}:{}",
            home.path().join("none").display(),
            one.display(),
            two.display()
        );
        tool(&home, &list);
        let context = |path| {
            let text = std::fs::read_to_string(path).unwrap();
            (
                text.contains("current-context: c"),
                text.contains("namespace: home"),
            )
        };
        (context(one), context(two))
    };
    let ours = with_both(&|home, list| {
        for arguments in [&["use", "c"][..], &["namespace", "c", "home"][..]] {
            let output = home
                .command(arguments)
                .env("KUBECONFIG", list)
                .output()
                .unwrap();
            done(&output);
        }
    });
    let theirs = with_both(&|home, list| {
        for arguments in [
            &["use-context", "c"][..],
            &["set-context", "c", "--namespace", "home"][..],
        ] {
            let mut command = std::process::Command::new("kubectl");
            command
                .arg("config")
                .args(arguments)
                .env("KUBECONFIG", list)
                .env("HOME", home.path());
            done(&command.output().unwrap());
        }
    });
    assert_eq!(ours, theirs);
}

#[test]
fn what_kubectl_refuses_we_refuse_and_what_it_takes_we_take() {
    if !has_kubectl() {
        return;
    }
    for word in [
        "y",
        "No",
        "on",
        "0644",
        "1_000",
        "0x1f",
        "1e3",
        ".5",
        "+1",
        "12:30:45",
        "2020-01-01",
        "1.2.3",
        "~",
        "null",
        "yEs",
        "=",
        "-.inf",
        "!!str no",
        "'no'",
    ] {
        let text = WRITTEN[0]
            .1
            .replace("  name: b", &format!("  name: {word}"));
        let home = Home::new();
        home.write(".kube/config", &text);
        let kubectl = home.kubectl(&["get-contexts", "-o", "name"]);
        let ours = home.bramble(&["contexts", "-o", "json"]);
        assert_eq!(
            ours.status.success(),
            kubectl.status.success(),
            "{word}: {kubectl:?} {ours:?}"
        );
        if kubectl.status.success() {
            let names: Value = serde_json::from_slice(&ours.stdout).unwrap();
            let name = names[1]["name"].as_str().unwrap();
            let theirs = done(&kubectl);
            assert!(
                theirs.lines().any(|line| line == name),
                "{word}: {theirs:?} {name:?}"
            );
        }
    }
}
