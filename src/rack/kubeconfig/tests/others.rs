//! Contexts: listing, switching, namespaces, renaming, deleting; and the preview of a changed secret.

use super::*;
use crate::rack::kubeconfig::{Credential, Kind};

const TWO: &str = "apiVersion: v1\nclusters:\n- name: a\n  cluster: {server: \"https://u:p@a:6443\"}\n- name: b\n  cluster: {server: \"https://b\"}\ncontexts:\n# the first\n- name: a\n  context:\n    cluster: a\n    user: u\n# the second\n- name: b\n  context: {cluster: b, user: u, namespace: home}\n# end\nusers:\n- name: u\n  user: {token: s3cr3t}\ncurrent-context: a\n";

fn context(name: &str) -> String {
    name.to_owned()
}

#[test]
fn contexts_tell_what_they_lead_to() {
    let mut text = TWO.replace("cluster: b, user: u", "cluster: b, user: gone");
    text.push_str("preferences: {}\n");
    let all = one(&text).contexts();
    assert_eq!(all[0].server, "https://a:6443", "no password");
    assert!(all[0].is_current);
    assert_eq!(all[0].credential, Credential::Token);
    assert_eq!(all[1].namespace.as_deref(), Some("home"));
    assert!(
        all[1]
            .problem
            .as_ref()
            .unwrap()
            .what
            .contains("names user \"gone\"")
    );
    let admin = one(&k3s(0, 0)).contexts().remove(0);
    assert_eq!(
        admin.credential.ends().unwrap().to_string(),
        "2035-02-03T00:00:00Z"
    );
}

#[test]
fn the_first_file_that_defines_a_name_wins() {
    let other = TWO
        .replace("https://b", "https://other")
        .replace("current-context: a", "current-context: b");
    let all = files(&[
        ("/one", Some("current-context: \"\"\n")),
        ("/two", Some(&other)),
        ("/three", Some(TWO)),
    ]);
    assert_eq!(all.current_context(), Some("b"));
    let contexts = all.contexts();
    assert_eq!(contexts.len(), 2);
    assert_eq!(contexts[1].server, "https://other");
    assert_eq!(contexts[1].file, Path::new("/two"));
    assert_eq!(all.default_file(), Some(Path::new("/one")));
}

#[test]
fn the_current_context_is_switched_in_its_line() {
    let request = Request::UseContext {
        context: context("b"),
    };
    assert_eq!(
        after(TWO, &request),
        TWO.replace("current-context: a", "current-context: b")
    );
    let without = TWO.replace("current-context: a\n", "");
    assert_eq!(
        after(&without, &request),
        TWO.replace("current-context: a", "current-context: b")
    );
    let problem = refusal(
        &one(TWO),
        &Request::UseContext {
            context: context("c"),
        },
    );
    assert_eq!(problem.what, "there is no context \"c\"");
    assert!(problem.next.contains("nearest: "), "{problem:?}");
}

#[test]
fn a_namespace_is_set_and_taken_away() {
    let set = |name: &str, namespace: Option<&str>| Request::SetNamespace {
        context: context(name),
        namespace: namespace.map(ToOwned::to_owned),
    };
    assert_eq!(
        after(TWO, &set("a", Some("no"))),
        TWO.replace("    user: u\n", "    user: u\n    namespace: \"no\"\n")
    );
    assert_eq!(
        after(TWO, &set("b", Some("x"))),
        TWO.replace("namespace: home", "namespace: x")
    );
    assert_eq!(
        after(TWO, &set("b", None)),
        TWO.replace(", namespace: home", "")
    );
    assert_eq!(after(TWO, &set("a", None)), TWO);
    assert!(
        refusal(&one(TWO), &set("a", Some("A b")))
            .what
            .contains("no name a namespace can have")
    );
}

#[test]
fn a_renamed_context_stays_current() {
    let request = Request::RenameContext {
        from: context("a"),
        to: context("office: rack"),
    };
    let plan = planned(&one(TWO), &request);
    assert_eq!(entries(&plan), ["context office: rack renamed was a"]);
    let expected = TWO
        .replace(
            "- name: a\n  context",
            "- name: \"office: rack\"\n  context",
        )
        .replace("current-context: a", "current-context: \"office: rack\"");
    assert_eq!(plan.edits[0].after, expected);
    let taken = Request::RenameContext {
        from: context("a"),
        to: context("b"),
    };
    assert!(
        refusal(&one(TWO), &taken)
            .what
            .contains("there is a context \"b\" already")
    );
    let nameless = Request::RenameContext {
        from: context("a"),
        to: context(" "),
    };
    assert!(
        refusal(&one(TWO), &nameless)
            .what
            .contains("no name for a context")
    );
}

#[test]
fn a_deleted_context_leaves_its_neighbours_and_names_its_orphans() {
    let delete = |name: &str, with_orphans| Request::DeleteContext {
        context: context(name),
        with_orphans,
    };
    let plan = planned(&one(TWO), &delete("a", false));
    assert_eq!(
        plan.orphans,
        [(Kind::Cluster, "a".to_owned())],
        "the user is used by b"
    );
    let expected = TWO
        .replace("- name: a\n  context:\n    cluster: a\n    user: u\n", "")
        .replace("current-context: a", "current-context: \"\"");
    assert_eq!(plan.edits[0].after, expected);
    let plan = planned(&one(TWO), &delete("a", true));
    let expected = expected.replace(
        "- name: a\n  cluster: {server: \"https://u:p@a:6443\"}\n",
        "",
    );
    assert_eq!(plan.edits[0].after, expected);
    assert!(plan.orphans.is_empty());

    let one_left = &plan.edits[0].after;
    let plan = planned(&one(one_left), &delete("b", true));
    let last = &plan.edits[0].after;
    assert!(
        last.contains("clusters: []\n") && last.contains("users: []\n"),
        "{last}"
    );
    assert!(
        last.contains("contexts: []\n# the first\n# the second\n# end\n"),
        "{last}"
    );
    assert!(one(last).problems().is_empty());
}

#[test]
fn a_hidden_entry_that_appears_is_told() {
    let all = files(&[("/one", Some(TWO)), ("/two", Some(TWO))]);
    let plan = planned(
        &all,
        &Request::DeleteContext {
            context: context("a"),
            with_orphans: false,
        },
    );
    assert!(
        plan.notes[0]
            .what
            .contains("context \"a\" of /two counts from now on"),
        "{:?}",
        plan.notes
    );
    assert!(
        plan.orphans.is_empty(),
        "the second file's context uses them still"
    );
}

#[test]
fn a_changed_secret_is_seen_to_change_and_not_shown() {
    let token = |token: &str| {
        format!(
            "clusters:\n- name: c\n  cluster: {{server: \"https://c\"}}\ncontexts:\n- name: c\n  context: {{cluster: c, user: c}}\nusers:\n- name: c\n  user:\n    token: {token}\n    # token: 0ld\n    unknown: {{deep: h1dden}}\n"
        )
    };
    let mut merge = merge_of(&token("n3w"));
    merge.server = None;
    merge.on_conflict = OnConflict::Replace;
    let plan = planned(&one(&token("0lder")), &Request::Merge(merge));
    let text = plan.diff()[0].to_string();
    assert!(
        text.contains("-    token: *** (old)\n+    token: *** (new)\n"),
        "{text}"
    );
    assert!(text.contains(" unknown: {deep: ***}\n"), "{text}");
    for secret in ["n3w", "0ld", "h1dden"] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[test]
fn problems_name_what_leads_nowhere() {
    let text = TWO.replace("current-context: a", "current-context: z");
    let problems = one(&text).problems();
    assert_eq!(problems.len(), 1);
    assert!(
        problems[0].what.contains("\"z\" does not exist"),
        "{problems:?}"
    );
    let more = format!("{TWO}---\nkind: Config\n");
    assert!(one(&more).problems()[0].why.contains("loses the others"));
}
