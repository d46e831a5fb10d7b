//! Merging: names, places, conflicts, what is kept.

use super::*;
use crate::rack::kubeconfig::How;

/// A config as a person keeps it: comments, odd spacing, another cluster, and this rack from last year.
fn lived_in() -> String {
    format!(
        "# mine\napiVersion: v1\nkind: Config\ncurrent-context: work   # from nine to five\npreferences: {{}}\n\
         clusters:\n  - name: work\n    cluster: {{ server: 'https://work.example:443' }}\n\n  # the rack on the shelf\n  - name: shelf\n    \
         cluster:\n      server: https://10.0.0.5:6443\n      certificate-authority-data: {}\n      proxy-url: http://jump:3128   # keep\n      \
         extensions:\n        - name: note\n          extension: {{tray: 3}}\ncontexts:\n  - context: {{cluster: work, user: me}}\n    name: work\n  \
         - name: shelf\n    context:\n      cluster: shelf\n      user: shelf-admin\n      namespace: home\nusers:\n  - name: me\n    user: {{token: s3cr3t}}\n  \
         - name: shelf-admin\n    user:\n      # renewed each spring\n      client-certificate-data: {}\n      client-key-data: {}\n      as-of: 2024\n",
        PKI.first_otherwise, PKI.admins[0], PKI.key
    )
}

#[test]
fn a_new_rack_is_added_under_one_name_and_nothing_else_changes() {
    let before = lived_in();
    let request = Request::Merge(merge_of(&k3s(1, 1)));
    let plan = planned(&one(&before), &request);
    assert_eq!(
        entries(&plan),
        [
            "cluster rack added was default",
            "user rack added was default",
            "context rack added was default"
        ]
    );
    let after = after(&before, &request);
    let mut lines = after.lines();
    assert!(
        before.lines().all(|old| lines.any(|line| line == old)),
        "{after}"
    );
    assert!(
        after.contains("      server: https://rack.lan:6443\n    name: rack\ncontexts:"),
        "{after}"
    );
    assert!(
        after.contains("current-context: work   # from nine to five\n"),
        "{after}"
    );
    assert!(!after.contains("default"), "{after}");
}

#[test]
fn the_same_cluster_is_known_by_its_authority_and_keeps_what_people_wrote() {
    let before = lived_in();
    let mut merge = merge_of(&k3s(0, 1));
    merge.server = None;
    let request = Request::Merge(merge.clone());
    let plan = planned(&one(&before), &request);
    assert_eq!(
        entries(&plan),
        [
            "cluster shelf unchanged was default",
            "user shelf-admin updated was default: client-certificate-data",
            "context shelf unchanged was default",
        ]
    );
    assert_eq!(
        after(&before, &request),
        before.replace(&PKI.admins[0], &PKI.admins[1])
    );
    assert_eq!(
        plan.servers[0].url, "https://10.0.0.5:6443",
        "the known address is what will be used"
    );

    merge.server = Some("fd00::5".to_owned());
    let expected = (before.replace(&PKI.admins[0], &PKI.admins[1]))
        .replace("https://10.0.0.5:6443", "\"https://[fd00::5]:6443\"");
    assert_eq!(after(&before, &Request::Merge(merge)), expected);
}

#[test]
fn a_name_that_another_cluster_has_is_asked_about() {
    let before = lived_in();
    let mut merge = merge_of(&k3s(1, 1));
    merge.name = Some("shelf".to_owned());
    let plan = planned(&one(&before), &Request::Merge(merge.clone()));
    assert!(plan.edits.is_empty());
    let names: Vec<(&str, &str)> = plan
        .conflicts
        .iter()
        .map(|it| (it.kind.word(), it.free_name.as_str()))
        .collect();
    assert_eq!(names, [("cluster", "shelf-2"), ("context", "shelf-2")]);
    let conflict = &plan.conflicts[0];
    assert_eq!(conflict.theirs[0], "server https://10.0.0.5:6443");
    assert_eq!(conflict.ours[0], "server https://rack.lan:6443");
    assert!(
        conflict.theirs[1].contains("k3s-server-ca@0"),
        "{conflict:?}"
    );
    assert!(conflict.ours[1].contains("k3s-server-ca@1"), "{conflict:?}");

    merge.on_conflict = OnConflict::Rename;
    let renamed = after(&before, &Request::Merge(merge.clone()));
    assert!(renamed.contains("    name: shelf-2\n"), "{renamed}");
    assert!(renamed.contains("user: shelf-2\n"), "{renamed}");

    merge.on_conflict = OnConflict::Replace;
    let replaced = after(&before, &Request::Merge(merge));
    for kept in [
        "proxy-url: http://jump:3128   # keep",
        "extension: {tray: 3}",
        "namespace: home",
        "# the rack on the shelf",
    ] {
        assert!(replaced.contains(kept), "{kept}: {replaced}");
    }
    assert!(replaced.contains(&PKI.authorities[1]), "{replaced}");
    assert!(!replaced.contains(&PKI.first_otherwise), "{replaced}");
}

#[test]
fn a_replaced_entry_trusts_only_the_new_authority() {
    let before = "clusters:\n- name: rack\n  cluster:\n    server: https://old:1\n    insecure-skip-tls-verify: true\n    \
                  tls-server-name: old\n    certificate-authority: old.pem\ncontexts: []\nusers:\n- name: rack\n  user:\n    token: s3cr3t\n    \
                  exec: {command: old, args: [s3cr3t]}\n    as: bob\n";
    let mut merge = merge_of(&k3s(1, 1));
    merge.on_conflict = OnConflict::Replace;
    let after = after(before, &Request::Merge(merge));
    for gone in ["insecure", "tls-server-name", "old.pem", "s3cr3t", "exec"] {
        assert!(!after.contains(gone), "{gone}: {after}");
    }
    assert!(after.contains("as: bob"), "{after}");
}

#[test]
fn another_persons_credentials_are_not_replaced() {
    let text = format!(
        "clusters:\n- name: rack\n  cluster: {{server: \"https://rack.lan:6443\", certificate-authority-data: {}}}\n\
         contexts:\n- name: rack\n  context: {{cluster: rack, user: alice}}\n\
         users:\n- name: alice\n  user: {{client-certificate-data: {}, client-key-data: {}}}\n",
        PKI.authorities[0], PKI.alice, PKI.key
    );
    let mut merge = merge_of(&k3s(0, 0));
    let plan = planned(&one(&text), &Request::Merge(merge.clone()));
    assert_eq!(plan.conflicts.len(), 1, "{plan:?}");
    assert!(plan.conflicts[0].theirs[0].contains("alice"), "{plan:?}");
    assert!(
        plan.conflicts[0].ours[0].contains("system:admin"),
        "{plan:?}"
    );
    merge.name = Some("rack-admin".to_owned());
    let after = after(&text, &Request::Merge(merge));
    assert!(after.contains(&PKI.alice), "{after}");
    assert!(
        after.contains("{context: {cluster: rack, user: rack-admin}, name: rack-admin}")
            || after.contains("user: rack-admin"),
        "{after}"
    );
}

#[test]
fn an_empty_or_missing_file_becomes_a_whole_one() {
    let request = Request::Merge(merge_of(&k3s(0, 0)));
    for before in [
        "",
        "# notes\n",
        "\u{feff}",
        "---\n",
        "apiVersion: v1\nkind: Config\nclusters: []\ncontexts: null\nusers:\n",
    ] {
        let text = after(before, &request);
        assert!(
            text.starts_with(before.trim_end_matches("clusters: []\ncontexts: null\nusers:\n")),
            "{text:?}"
        );
        assert_eq!(one(&text).contexts()[0].name, "rack");
    }
    let missing = files(&[("/a", None), ("/b", None)]);
    let plan = planned(&missing, &request);
    assert_eq!(
        plan.edits[0].file,
        Path::new("/b"),
        "the last of the list when none exists"
    );
    assert_eq!(plan.edits[0].before, None);
    assert!(
        plan.edits[0]
            .after
            .starts_with("apiVersion: v1\nkind: Config\nclusters:\n- cluster:\n")
    );
}

#[test]
fn several_files_are_written_as_kubectl_writes_them() {
    let (work, shelf) = ("apiVersion: v1\n", lived_in());
    let all = files(&[
        ("/missing", None),
        ("/work", Some(work)),
        ("/shelf", Some(&shelf)),
    ]);
    let mut merge = merge_of(&k3s(0, 1));
    let plan = planned(&all, &Request::Merge(merge.clone()));
    assert_eq!(plan.edits.len(), 1);
    assert_eq!(
        plan.edits[0].file,
        Path::new("/shelf"),
        "what is known stays where it is"
    );
    merge.set_current = true;
    let plan = planned(&all, &Request::Merge(merge.clone()));
    let changed: Vec<&Path> = plan.edits.iter().map(|it| it.file.as_path()).collect();
    assert_eq!(changed, [Path::new("/work"), Path::new("/shelf")]);
    assert_eq!(
        plan.edits[0].after,
        "apiVersion: v1\ncurrent-context: shelf\n"
    );
    let plan = planned(&all, &Request::Merge(merge_of(&k3s(1, 1))));
    assert_eq!(
        plan.edits[0].file,
        Path::new("/work"),
        "what is new goes into the first that exists"
    );
}

#[test]
fn carriage_returns_byte_order_marks_and_missing_line_ends_stay() {
    let request = Request::Merge(merge_of(&k3s(1, 1)));
    let windows = format!("\u{feff}{}", lived_in().replace('\n', "\r\n"));
    let text = after(&windows, &request);
    assert!(text.starts_with("\u{feff}# mine\r\n"));
    assert_eq!(text.matches('\n').count(), text.matches("\r\n").count());
    let cut = lived_in();
    let text = after(cut.trim_end(), &request);
    assert!(!text.ends_with('\n'));
}

#[test]
fn json_stays_json() {
    let before = r#"{"apiVersion":"v1","kind":"Config","clusters":[{"name":"w","cluster":{"server":"https://w"}}],"contexts":[],"users":null}"#;
    let text = after(before, &Request::Merge(merge_of(&k3s(1, 1))));
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        json["clusters"][1]["cluster"]["server"],
        "https://rack.lan:6443"
    );
    assert_eq!(json["users"][0]["name"], "rack");
}

#[test]
fn aliases_and_anchors_of_others_are_left_alone() {
    let before = "x: &ca {server: \"https://a\"}\nclusters:\n- name: a\n  cluster: *ca\n- name: b\n  cluster:\n    <<: *ca\n    tls-server-name: b\ncontexts: []\nusers: []\n";
    let text = after(before, &Request::Merge(merge_of(&k3s(1, 1))));
    assert!(
        text.starts_with(&before[..before.find("contexts").unwrap()]),
        "{text}"
    );
}

#[test]
fn what_cannot_be_changed_safely_is_refused_and_says_where() {
    let shared = "a: &all\n- name: x\n  cluster: {server: \"https://x\"}\nclusters: *all\n";
    let problem = refusal(&one(shared), &Request::Merge(merge_of(&k3s(1, 1))));
    assert!(
        problem.what.contains("cannot be changed without risk"),
        "{problem:?}"
    );
    assert!(problem.why.contains("line 4"), "{problem:?}");
    let broken = files(&[("/good", Some("")), ("/bad", Some("users: s3cr3t\n"))]);
    let problem = refusal(&broken, &Request::Merge(merge_of(&k3s(1, 1))));
    assert!(problem.what.contains("/bad cannot be used"), "{problem:?}");
}

#[test]
fn bad_sources_are_refused_with_a_sentence() {
    let good = k3s(0, 0);
    let said = |text: String, change: &dyn Fn(&mut Merge)| {
        let problem = match Source::parse("k3s.yaml", text, None, None) {
            Err(problem) => problem,
            Ok(source) => {
                let mut merge = merge_of(&good);
                merge.source = source;
                change(&mut merge);
                match plan(&one(""), &Request::Merge(merge)) {
                    Err(problem) => problem,
                    Ok(plan) => panic!("{plan:?}"),
                }
            }
        };
        let said = problem.sentence();
        assert!(
            !said.contains(&PKI.key) && !format!("{problem:?}").contains(&PKI.admins[0]),
            "{said}"
        );
        said
    };
    let same = |_: &mut Merge| {};
    for (text, expected) in [
        (String::new(), "holds no contexts"),
        ("-\t".to_owned(), "line 1"),
        (
            good.replace(&PKI.authorities[0], "aGk="),
            "certificate-authority-data of cluster \"default\" holds no certificate",
        ),
        (
            good.replace(&PKI.admins[0], "aGk="),
            "client-certificate-data of user \"default\" holds no certificate",
        ),
        (
            good.replace(&PKI.admins[0], "aGk"),
            "client-certificate-data is not base64",
        ),
        (good.replace("client-key-data", "key"), "has no client-key"),
        (
            good.replace("cluster: default", "cluster: gone"),
            "names cluster \"gone\"",
        ),
        (
            good.replace("user: default", "user: gone"),
            "names user \"gone\"",
        ),
        (
            good.replace("https://127.0.0.1:6443", "http:// x"),
            "no usable address",
        ),
        (
            good.replace("client-key-data", "client-key"),
            "by a relative path",
        ),
    ] {
        let said = said(text, &same);
        assert!(said.contains(expected), "{expected}: {said}");
    }
    assert!(
        said(good.clone(), &|it| it.server = Some("a b".to_owned()))
            .contains("\"a b\" is no usable address")
    );
    assert!(
        said(good.clone(), &|it| it.only = Some("none".to_owned())).contains("it holds: default")
    );
    assert!(said(good.clone(), &|it| it.name = Some(String::new())).contains("--name"));
    let two = good.replace(
        "- context:",
        "- name: b\n  context: {cluster: default, user: default}\n- context:",
    );
    assert!(said(two, &|it| it.name = Some("x".to_owned())).contains("choose one: b, default"));
}

#[test]
fn relative_paths_become_absolute_on_the_way() {
    let text = "clusters:\n- name: a\n  cluster: {server: \"https://a\", certificate-authority: ca.pem}\n\
                contexts:\n- name: a\n  context: {cluster: a, user: a}\nusers:\n- name: a\n  user: {tokenFile: ../token}\n";
    let mut merge = merge_of(text);
    merge.server = None;
    let after = after("", &Request::Merge(merge));
    assert!(
        after.contains("certificate-authority: /etc/k3s/ca.pem"),
        "{after}"
    );
    assert!(after.contains("tokenFile: /etc/k3s/../token"), "{after}");
}

#[test]
fn a_server_that_means_this_machine_is_told() {
    let mut merge = merge_of(&k3s(0, 0));
    merge.server = None;
    let plan = planned(&one(""), &Request::Merge(merge));
    assert_eq!(plan.entries[0].name, "default");
    assert!(
        plan.notes[0].what.contains("means this machine"),
        "{:?}",
        plan.notes
    );
    assert!(plan.entries.iter().all(|it| it.how == How::Added));
}

#[test]
fn the_preview_shows_what_changes_and_no_secret() {
    let before = lived_in();
    let mut merge = merge_of(&k3s(0, 1));
    merge.set_current = true;
    let plan = planned(&one(&before), &Request::Merge(merge));
    let text = plan.diff()[0].to_string();
    for secret in [
        &PKI.key,
        &PKI.admins[0],
        &PKI.admins[1],
        &PKI.authorities[0],
    ] {
        assert!(!text.contains(secret.as_str()), "{text}");
    }
    assert!(!text.contains("s3cr3t"), "{text}");
    assert!(
        text.contains(
            "-      server: https://10.0.0.5:6443\n+      server: https://rack.lan:6443\n"
        ),
        "{text}"
    );
    assert!(
        text.contains(
            "-current-context: work   # from nine to five\n+current-context: shelf   # from"
        ),
        "{text}"
    );
    let certificate = text
        .lines()
        .filter(|line| line.contains("client-certificate-data: (certificate "))
        .count();
    assert_eq!(certificate, 2, "{text}");
    let debug = format!("{plan:?}");
    assert!(
        !debug.contains("s3cr3t") && !debug.contains(&PKI.key),
        "{debug}"
    );
}
