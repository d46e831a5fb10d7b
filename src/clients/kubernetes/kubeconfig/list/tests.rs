//! What is read of each context, from files as people have them.

use std::path::Path;

use super::*;
use crate::rack::problem::Problem;

const TOKEN: &str = "s3cr3t-t0ken";

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }
}

fn config(contexts: &str, clusters: &str, users: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts: [{contexts}]\n\
         clusters: [{clusters}]\nusers: [{users}]\n"
    )
}

fn context(name: &str, cluster: &str, user: &str) -> String {
    format!("{{name: {name}, context: {{cluster: {cluster}, user: {user}}}}}")
}

fn cluster(name: &str) -> String {
    format!("{{name: {name}, cluster: {{server: \"http://{name}:6443\"}}}}")
}

fn user(name: &str, fields: &str) -> String {
    format!("{{name: {name}, user: {{{fields}}}}}")
}

fn listed(paths: &[&Path], home: Option<&Path>) -> Listing {
    list(&Target {
        env: Some(std::env::join_paths(paths).unwrap()),
        home: home.map(Path::to_owned),
        ..Target::default()
    })
}

fn names(listing: &Listing) -> Vec<(&str, &str)> {
    (listing.contexts.entries.iter())
        .map(|it| {
            (
                it.name.as_str(),
                it.file.file_name().unwrap().to_str().unwrap(),
            )
        })
        .collect()
}

#[test]
fn every_context_comes_with_the_file_that_names_it_first() {
    let folder = Folder::new();
    let one = config(
        &context("a", "c", "u"),
        &cluster("c"),
        &user("u", "token: x"),
    );
    let both = format!("{}, {}", context("a", "d", "u"), context("b", "c", "u"));
    let two = config(&both, &cluster("d"), "");
    let (one, two) = (folder.write("one", &one), folder.write("two", &two));
    let missing = folder.0.path().join("missing");
    let listing = listed(&[&one, &missing, &two], Some(folder.0.path()));
    assert_eq!(names(&listing), [("a", "one"), ("b", "two")]);
    let Contexts {
        current,
        files,
        entries,
        ..
    } = &listing.contexts;
    assert_eq!(current.as_deref(), Some("a"));
    assert_eq!(files, &[one, missing, two]);
    assert!(entries[0].is_current && !entries[1].is_current);
    assert_eq!(entries[0].server, "http://c:6443", "the first file's word");
}

#[test]
fn contexts_of_one_cluster_and_user_are_asked_once() {
    let folder = Folder::new();
    let contexts = [
        context("a", "c", "u"),
        context("b", "c", "other"),
        context("web", "c", "u"),
    ];
    let users = [user("u", "token: x"), user("other", "token: y")];
    let text = config(&contexts.join(", "), &cluster("c"), &users.join(", "));
    let listing = listed(&[&folder.write("config", &text)], None);
    let groups: Vec<_> = listing.groups.iter().map(|it| it.names.clone()).collect();
    assert_eq!(groups, [vec!["a", "web"], vec!["b"]]);
}

#[test]
fn the_login_of_a_user_is_told_by_its_kind() {
    for (fields, expected) in [
        ("token: x", Credential::Token),
        ("username: x, password: y", Credential::Password),
        ("", Credential::Nothing),
        (
            "token: x, exec: {apiVersion: client.authentication.k8s.io/v1, command: y}",
            Credential::Plugin("y".to_owned()),
        ),
    ] {
        let folder = Folder::new();
        let text = config(&context("a", "c", "u"), &cluster("c"), &user("u", fields));
        let listing = listed(&[&folder.write("config", &text)], None);
        assert_eq!(listing.contexts.entries[0].credential, expected, "{fields}");
        let is_plugin = matches!(expected, Credential::Plugin(_));
        assert_eq!(listing.groups[0].chosen.has_plugin(), is_plugin);
        assert!(!listing.groups[0].chosen.without_plugin().has_plugin());
    }
}

#[test]
fn a_broken_context_says_why_and_spoils_no_other() {
    let folder = Folder::new();
    let contexts = [
        context("a", "c", "u"),
        context("b", "nowhere", "u"),
        context("d", "c", "half"),
        "{name: e}".to_owned(),
    ];
    let users = [
        user("u", &format!("token: {TOKEN}")),
        user("half", &format!("client-key-data: {TOKEN}")),
    ];
    let text = config(&contexts.join(", "), &cluster("c"), &users.join(", "));
    let listing = listed(&[&folder.write("config", &text)], None);
    let problem = |at: usize| {
        let entry = &listing.contexts.entries[at];
        (entry.problem.as_ref()).map_or(String::new(), Problem::sentence)
    };
    assert_eq!(problem(0), "");
    assert!(problem(1).contains("\"nowhere\""), "{}", problem(1));
    assert!(problem(2).contains("client-key"), "{}", problem(2));
    assert!(problem(3).contains('e'), "{}", problem(3));
    assert_eq!(listing.groups.len(), 1);
    assert!(!format!("{:?}", listing.contexts).contains(TOKEN));
}

#[test]
fn without_a_file_there_is_a_problem_and_no_entry() {
    let folder = Folder::new();
    let listing = listed(&[&folder.0.path().join("missing")], None);
    assert!(listing.contexts.entries.is_empty());
    let problem = listing.contexts.problem.unwrap();
    assert_eq!(problem.what, "no kubeconfig was found");
}

#[test]
fn five_hundred_contexts_are_read_in_one_go() {
    let folder = Folder::new();
    let each = |of: fn(usize) -> String| (0..500).map(of).collect::<Vec<_>>().join(",\n ");
    let text = config(
        &each(|i| context(&format!("k{i}"), &format!("c{i}"), &format!("u{i}"))),
        &each(|i| cluster(&format!("c{i}"))),
        &each(|i| user(&format!("u{i}"), "token: x")),
    );
    let path = folder.write("config", &text);
    let begun = std::time::Instant::now();
    let listing = listed(&[&path], None);
    assert_eq!(listing.groups.len(), 500);
    // Reading the file once for each context takes minutes in this build.
    assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
}
