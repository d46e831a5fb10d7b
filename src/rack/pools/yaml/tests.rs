//! Trees with places, repeated keys, aliases and bombs.

use std::fmt::Write;

use super::*;

fn shown(tree: &Tree<'_>, id: NodeId) -> String {
    match tree.value(id) {
        Value::Scalar(scalar) => scalar.text.to_string(),
        Value::Sequence(items) => {
            let items: Vec<String> = items.iter().map(|it| shown(tree, *it)).collect();
            format!("[{}]", items.join(" "))
        }
        Value::Mapping(entries) => {
            let entries: Vec<String> = entries
                .iter()
                .map(|(key, value)| format!("{}:{}", shown(tree, *key), shown(tree, *value)))
                .collect();
            format!("{{{}}}", entries.join(" "))
        }
    }
}

fn read(text: &str) -> (Vec<String>, Vec<String>) {
    let tree = Tree::read(text);
    (
        tree.documents.iter().map(|id| shown(&tree, *id)).collect(),
        tree.faults
            .iter()
            .map(|it| format!("{:?} {}", text.get(it.span.clone()).unwrap(), it.what))
            .collect(),
    )
}

#[test]
fn documents_become_trees() {
    assert_eq!(
        read("# c\na: 1\nb: [x, 'y']\n---\n---\nc: |\n  t\n---\n").0,
        ["{a:1 b:[x y]}", "{c:t\n}"]
    );
    assert_eq!(read("").0, Vec::<String>::new());
    assert_eq!(read("# only a comment\n").0, Vec::<String>::new());
}

#[test]
fn every_node_knows_its_bytes() {
    let text = "spec:\n  addresses:\n  - 10.0.0.1/32   # mine\n  - \"é/1\"\n";
    let tree = Tree::read(text);
    let list = tree
        .path(tree.documents[0], &["spec", "addresses"])
        .unwrap();
    let spans: Vec<&str> = tree
        .sequence(list)
        .iter()
        .map(|it| &text[tree.span(*it)])
        .collect();
    assert_eq!(spans, ["10.0.0.1/32", "\"é/1\""]);
    assert_eq!(&text[tree.span(list)], "10.0.0.1/32   # mine\n  - \"é/1\"");
}

#[test]
fn a_repeated_key_is_a_fault_and_the_first_counts() {
    let (documents, faults) = read("a: 1\na: 2\n");
    assert_eq!(documents, ["{a:1}"]);
    assert_eq!(faults, ["\"a\" key a stands twice"]);
}

#[test]
fn aliases_and_merge_keys_are_followed() {
    assert_eq!(read("a: &x [1]\nb: *x\n").0, ["{a:[1] b:[1]}"]);
    assert_eq!(
        read("a: &x {k: 1, l: 2}\nb:\n  <<: *x\n  k: 3\n").0,
        ["{a:{k:1 l:2} b:{k:3 l:2}}"]
    );
    let (_, faults) = read("a: &x [*x]\n");
    assert_eq!(faults.len(), 1, "{faults:?}");
}

#[test]
fn a_broken_document_does_not_hide_the_next() {
    let (documents, faults) = read("a: [1\n---\nb: 2\n");
    assert_eq!(documents, ["{b:2}"]);
    assert_eq!(faults.len(), 1, "{faults:?}");
}

#[test]
fn a_bomb_stays_as_small_as_its_text() {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..60 {
        let before = level - 1;
        let names = vec![format!("*a{before}"); 9].join(", ");
        let _ = writeln!(text, "a{level}: &a{level} [{names}]");
    }
    let tree = Tree::read(&text);
    assert!(tree.nodes.len() < text.len(), "{}", tree.nodes.len());
    let deep = "[".repeat(100_000);
    assert_eq!(Tree::read(&deep).faults.len(), 1);
}
