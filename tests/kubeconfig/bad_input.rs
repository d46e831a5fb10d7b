//! Files that are broken in every way: a sentence that names file, line and next step, exit code 2, and not a byte changed.

use crate::home::{Home, done, rack, refused};

#[test]
fn a_broken_kubeconfig_is_left_alone_and_named_with_its_line() {
    for (what, text, expected) in [
        ("tabs", b"users:\n-\tname: s3cr3t\n".to_vec(), "line 2"),
        ("no yaml", b"users: [s3cr3t\n".to_vec(), "line 1"),
        (
            "double keys",
            b"users: []\nusers: []\n".to_vec(),
            "line 2: a key stands twice",
        ),
        (
            "double names",
            b"users:\n- name: a\n- name: a\n".to_vec(),
            "line 3: the name of this user stands twice",
        ),
        (
            "two without names",
            b"users:\n- user: {}\n- user: {}\n".to_vec(),
            "line 3",
        ),
        (
            "a bare word",
            b"contexts:\n- name: no\n".to_vec(),
            "put it in quotes",
        ),
        (
            "no base64",
            b"users:\n- name: a\n  user: {client-key-data: s3cr3t!}\n".to_vec(),
            "client-key-data is not base64",
        ),
        (
            "another kind",
            b"kind: Deployment\napiVersion: apps/v1\n".to_vec(),
            "kind is not Config",
        ),
        ("a list", b"- s3cr3t\n".to_vec(), "no kubeconfig"),
        ("not utf-8", b"users: \xff\xfe\n".to_vec(), "UTF-8"),
        ("utf-16", b"\xff\xfeu\0s\0".to_vec(), "UTF-8"),
        ("zero bytes", b"users: []\0s3cr3t\n".to_vec(), "line 1"),
        ("an endless alias", b"a: &a [*a]\n".to_vec(), "line 1"),
        ("too deep", "[".repeat(5_000).into_bytes(), "line 1"),
        (
            "shared entries",
            b"x: &x [{name: a}]\nusers: *x\n".to_vec(),
            "cannot be changed without risk",
        ),
    ] {
        let home = Home::new();
        home.write(".kube/config", &text);
        let output = home.bramble_reading(
            &["merge", "-", "--server", "rack", "--no-check"],
            &rack("https://127.0.0.1:6443", "n3w"),
        );
        let said = refused(&output, 2);
        assert!(said.contains(expected), "{what}: {said}");
        assert!(said.contains(".kube/config"), "{what}: {said}");
        assert!(
            !said.contains("s3cr3t") && !said.contains("n3w"),
            "{what}: {said}"
        );
        assert_eq!(std::fs::read(home.config()).unwrap(), text, "{what}");
        assert_eq!(home.leftovers(), Vec::<String>::new(), "{what}");
        assert!(
            !home.bramble(&["contexts"]).status.success() || what == "shared entries",
            "{what}"
        );
    }
}

#[test]
fn a_broken_source_is_named_and_nothing_is_written() {
    let good = rack("https://127.0.0.1:6443", "s3cr3t");
    for (what, text, expected) in [
        ("empty", String::new(), "holds no contexts"),
        (
            "cut off",
            good[..good.len() / 2].to_owned(),
            "standard input",
        ),
        (
            "an error page",
            "<html><body>502</body></html>".to_owned(),
            "no kubeconfig",
        ),
        (
            "no certificate",
            good.replace(
                "    server",
                "    certificate-authority-data: aGk=\n    server",
            ),
            "holds no certificate",
        ),
        (
            "a certificate without a key",
            good.replace("token: s3cr3t", "client-certificate-data: aGk="),
            "holds no certificate",
        ),
        (
            "a key that is not base64",
            good.replace(
                "token: s3cr3t",
                "client-certificate-data: aGk=\n    client-key-data: s3cr3t!",
            ),
            "client-key-data is not base64",
        ),
        ("tabs", good.replace("  user:", "\tuser:"), "standard input"),
        (
            "an entry without a name",
            good.replace("- name: default\n  user", "- user"),
            "user",
        ),
        (
            "no server",
            good.replace("server: https://127.0.0.1:6443", "x: y"),
            "no usable address",
        ),
    ] {
        let home = Home::new();
        let output = home.bramble_reading(&["merge", "-", "--server", "rack", "--no-check"], &text);
        let said = refused(&output, 2);
        assert!(said.contains(expected), "{what}: {said}");
        assert!(!said.contains("s3cr3t"), "{what}: {said}");
        assert!(!home.config().exists(), "{what}");
    }
    let home = Home::new();
    let said = refused(&home.bramble(&["merge", "/nowhere/k3s.yaml"]), 2);
    assert!(said.contains("there is no such file"), "{said}");
    let said = refused(&home.bramble(&["merge", "ssh://pi:word@rack"]), 2);
    assert!(
        said.contains("a password has no place in it") && !said.contains("pi:word"),
        "{said}"
    );
}

#[test]
fn a_file_with_nothing_in_it_becomes_a_kubeconfig() {
    for nothing in ["", "\n", "# only a comment\n", "---\n", "\u{feff}", "{}\n"] {
        let home = Home::new();
        home.write(".kube/config", nothing);
        let merged = home.bramble_reading(
            &["merge", "-", "--server", "rack", "--no-check"],
            &rack("https://127.0.0.1:6443", "n3w"),
        );
        assert!(merged.status.success(), "{nothing:?}: {merged:?}");
        let listed = done(&home.bramble(&["contexts", "--no-probe"]));
        assert!(
            listed.contains("https://rack:6443"),
            "{nothing:?}: {listed}"
        );
        assert!(!nothing.starts_with('#') || home.text().starts_with(nothing));
        done(&home.bramble(&["undo"]));
        assert_eq!(home.text(), nothing);
    }
}

#[test]
fn five_megabytes_are_merged_like_five_lines() {
    let home = Home::new();
    let long = "A".repeat(8_000);
    let many =
        (0..700).map(|n| format!("- name: u{n}\n  user: {{client-key-data: {long}}}  # {n}\n"));
    let many = many.collect::<Vec<_>>().concat();
    let text = format!("kind: Config\nusers:\n{many}");
    assert!(text.len() > 5 << 20);
    home.write(".kube/config", &text);
    done(&home.bramble_reading(
        &["merge", "-", "--server", "rack", "--no-check"],
        &rack("https://127.0.0.1:6443", "n3w"),
    ));
    let after = home.text();
    assert!(
        after.starts_with(text.trim_end()),
        "what was there has changed"
    );
    assert!(after.contains("token: n3w"));
}

#[test]
fn hostile_names_reach_no_terminal() {
    let home = Home::new();
    home.write(
        ".kube/config",
        "contexts:\n- name: \"\\e]0;owned\\a\\e[31mred\"\n  context: {}\n",
    );
    let output = home.bramble(&["contexts"]);
    assert!(
        !output.stdout.contains(&0x1b) && !output.stderr.contains(&0x1b),
        "{output:?}"
    );
    let output = home.bramble(&["delete", "\u{1b}[31mnone"]);
    assert!(!output.stderr.contains(&0x1b), "{output:?}");
}
