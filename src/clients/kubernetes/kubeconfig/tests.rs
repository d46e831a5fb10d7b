//! Kubeconfigs as people have them: several, relative, broken. No sentence may show a secret.

use std::ffi::OsString;
use std::path::PathBuf;

use super::*;

const TOKEN: &str = "s3cr3t-t0ken";

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }
}

fn config(name: &str, cluster: &str, user: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: {name}\n\
         contexts: [{{name: {name}, context: {{cluster: c-{name}, user: u-{name}}}}}]\n\
         clusters: [{{name: c-{name}, cluster: {{{cluster}}}}}]\n\
         users: [{{name: u-{name}, user: {{{user}}}}}]\n"
    )
}

fn good(name: &str) -> String {
    let server = format!("server: \"https://{name}:6443\", insecure-skip-tls-verify: true");
    config(name, &server, &format!("token: {TOKEN}"))
}

fn explicit(path: &Path) -> Target {
    Target {
        kubeconfig: Some(path.to_owned()),
        ..Target::default()
    }
}

fn env(paths: &[&Path]) -> Target {
    Target {
        env: Some(std::env::join_paths(paths).unwrap()),
        ..Target::default()
    }
}

/// What is said about a kubeconfig with this text.
fn said(text: &str) -> String {
    let folder = Folder::new();
    let path = folder.write("config", text);
    let found = find(&explicit(&path));
    let sentence = match found.chosen {
        Ok(_) => "fine".to_owned(),
        Err(problem) => format!("{problem:?} {}", problem.sentence()),
    };
    assert!(!sentence.contains(TOKEN), "a secret is shown: {sentence}");
    assert!(!format!("{:?}", found.info).contains(TOKEN));
    sentence
}

#[test]
fn the_place_is_chosen_as_kubectl_does() {
    let folder = Folder::new();
    let (one, two) = (
        folder.write("one", &good("one")),
        folder.write("two", &good("two")),
    );
    folder.write(".kube/config", &good("home"));
    let context = |target: &Target| find(target).info.context;
    let mut target = env(&[&two]);
    target.home = Some(folder.0.path().to_owned());
    assert_eq!(context(&target), "two");
    target.kubeconfig = Some(one);
    assert_eq!(context(&target), "one");
    target.kubeconfig = None;
    target.env = Some(OsString::new());
    assert_eq!(context(&target), "home", "an empty KUBECONFIG is none");
}

#[test]
fn several_files_are_merged_and_the_first_word_counts() {
    let folder = Folder::new();
    let empty_current = good("one").replace("current-context: one", "current-context: \"\"");
    let one = folder.write("one", &empty_current);
    let clash = good("two").replace("name: two", "name: one");
    let two = folder.write("two", &clash);
    let three = folder.write("three", &good("three"));
    let missing = folder.0.path().join("missing");
    let found = find(&env(&[&missing, &one, &two, &three]));
    assert_eq!(found.info.contexts, ["one", "three"]);
    assert_eq!(found.info.context, "two", "the first current-context set");
    let mut target = env(&[&missing, &one, &two, &three]);
    target.context = Some("one".to_owned());
    let found = find(&target);
    assert_eq!(
        found.info.server, "https://one:6443",
        "the first entry of a name wins"
    );
    assert!(found.chosen.is_ok());
}

#[test]
fn relative_paths_count_from_the_file_that_holds_them() {
    let folder = Folder::new();
    folder.write("deep/token", &format!("{TOKEN}\n"));
    let text = config("a", "server: \"https://a\"", "tokenFile: token");
    let one = folder.write("one", &good("one"));
    let path = folder.write("deep/config", &text);
    let mut target = env(&[&one, &path]);
    target.context = Some("a".to_owned());
    let found = find(&target);
    assert!(found.chosen.is_ok(), "{:?}", found.chosen.err());
}

#[test]
fn no_kubeconfig_says_where_it_looked_and_what_to_do() {
    let folder = Folder::new();
    let target = Target {
        home: Some(folder.0.path().to_owned()),
        ..Target::default()
    };
    let problem = find(&target).chosen.err().unwrap();
    assert_eq!(problem.what, "no kubeconfig was found");
    assert!(problem.why.contains(".kube/config"), "{problem:?}");
    assert!(problem.next.contains("bramble demo"), "{problem:?}");
    assert!(
        problem.next.contains("/etc/rancher/k3s/k3s.yaml"),
        "{problem:?}"
    );
    let named = explicit(&folder.0.path().join("nowhere"));
    let problem = find(&named).chosen.err().unwrap();
    assert!(
        problem.what.contains("nowhere cannot be read"),
        "{problem:?}"
    );
    assert_eq!(problem.why, "there is no such file");
    let problem = find(&explicit(folder.0.path())).chosen.err().unwrap();
    assert_eq!(problem.why, "it is a directory");
}

#[test]
fn broken_files_are_named_with_the_place_of_the_fault() {
    assert!(said("").contains("holds no contexts"));
    assert!(said("  \n").contains("holds no contexts"));
    assert!(said(&format!("users:\n- name: [{TOKEN}\n  x: {{")).contains("is not YAML"));
    let said_yaml = said(&format!("apiVersion: v1\nusers: {TOKEN}\n"));
    assert!(said_yaml.contains("no kubeconfig"), "{said_yaml}");
    assert!(said_yaml.contains("line 2"), "{said_yaml}");
    assert!(said(TOKEN).contains("no kubeconfig"));
    assert!(said(&format!("- {TOKEN}")).contains("no kubeconfig"));
    assert!(said("kind: Deployment\nmetadata: {}").contains("holds no contexts"));
}

#[test]
fn entries_that_lead_nowhere_are_named() {
    let text = good("a");
    for (from, to, expected) in [
        ("cluster: c-a", "cluster: gone", "names cluster \"gone\""),
        ("user: u-a", "user: gone", "names user \"gone\""),
        (
            "current-context: a",
            "current-context: b",
            "there is no context \"b\"",
        ),
        (
            "current-context: a\n",
            "",
            "does not say which context to use",
        ),
        (
            "server: \"https://a:6443\"",
            "server: \"\"",
            "names no server",
        ),
        ("https://a:6443", "https://", "no usable address"),
        ("https://a:6443", "ftp://a", "must begin with https://"),
        ("https://a:6443", "https://a b", "it is no URL"),
    ] {
        let said = said(&text.replace(from, to));
        assert!(said.contains(expected), "{from} -> {to}: {said}");
    }
}

#[test]
fn an_unknown_context_gets_the_nearest_names() {
    let text = good("office-rack");
    let folder = Folder::new();
    let path = folder.write("config", &text);
    let mut target = explicit(&path);
    target.context = Some("ofice".to_owned());
    let problem = find(&target).chosen.err().unwrap();
    assert_eq!(problem.next, "nearest: office-rack");
    assert!(distance("ofice", "office") < distance("ofice", "garage"));
}

#[test]
fn credentials_that_cannot_work_are_named_before_they_are_used() {
    let cluster = "server: \"https://a\", insecure-skip-tls-verify: true";
    for (user, expected) in [
        (
            "client-certificate-data: \"%%%\", client-key-data: aGk=",
            "is not base64",
        ),
        (
            "client-certificate-data: aGk=, client-key-data: aGk=",
            "is no certificate",
        ),
        ("client-certificate-data: aGk=", "no client-key"),
        ("client-key-data: aGk=", "no client-certificate"),
        (
            "client-certificate: nowhere.pem, client-key-data: aGk=",
            "cannot read",
        ),
        ("tokenFile: nowhere", "cannot read"),
        ("token: \"a\\u0001b\"", "characters no token can have"),
        ("token: \" x\\n\"", "fine"),
    ] {
        let said = said(&config("a", cluster, user));
        assert!(said.contains(expected), "{user}: {said}");
    }
    let said = said(&config(
        "a",
        "server: \"https://a\", certificate-authority-data: aGk=",
        "",
    ));
    assert!(said.contains("holds no certificate"), "{said}");
}

#[test]
fn the_end_of_a_client_certificate_is_known_before_any_request() {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::default();
    params.not_after = rcgen::date_time_ymd(2020, 2, 3);
    let certificate = params.self_signed(&key).unwrap();
    let folder = Folder::new();
    folder.write("c.pem", &certificate.pem());
    folder.write("k.pem", &key.serialize_pem());
    let user = "client-certificate: c.pem, client-key: k.pem";
    let text = config("a", "server: \"a:6443\"", user);
    let found = find(&explicit(&folder.write("config", &text)));
    let end = found.info.certificate_ends.unwrap().to_string();
    assert_eq!(end, "2020-02-03T00:00:00Z");
    assert_eq!(
        found.chosen.ok().unwrap().server.certificate_ends,
        found.info.certificate_ends
    );
    assert_eq!(found.info.server, "http://a:6443");
}

#[cfg(unix)]
#[test]
fn an_unreadable_file_says_so() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    let path = folder.write("config", &good("a"));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
    if std::fs::read(&path).is_ok() {
        // Root may read everything; the sentence is checked below all the same.
        let error = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
        assert!(
            unreadable(&path, &error)
                .next
                .contains("write-kubeconfig-mode")
        );
        return;
    }
    let problem = find(&explicit(&path)).chosen.err().unwrap();
    assert_eq!(problem.why, "no permission");
}
