//! Lists cut in every place must come out the same.

use super::*;

fn split(text: &str, size: usize) -> Result<(Vec<String>, ListHead), Fault> {
    let mut items = Vec::new();
    let mut splitter = Splitter::default();
    for chunk in text.as_bytes().chunks(size) {
        splitter.push(chunk, &mut |item| {
            items.push(String::from_utf8(item.to_vec()).unwrap());
        })?;
    }
    splitter.finish().map(|head| (items, head))
}

#[test]
fn items_come_whole_however_the_bytes_are_cut() {
    let text = r#" { "kind": "items", "items" : [ {"a":"]}\"{\\"} , {"b":[{},{"items":[1]}]},{}
        ], "metadata": {"resourceVersion": "7", "continue": "x"} }"#;
    for size in 1..=text.len() {
        let (items, head) = split(text, size).unwrap();
        let expected = [r#"{"a":"]}\"{\\"}"#, r#"{"b":[{},{"items":[1]}]}"#, "{}"];
        assert_eq!(items, expected, "chunks of {size}");
        assert_eq!(head.metadata.resource_version, "7");
        assert_eq!(head.metadata.more, "x");
    }
}

#[test]
fn a_real_list_comes_out_the_same_from_small_chunks() {
    let text = include_str!("../../../../tests/it/fixtures/kube/nodes.json");
    let whole = split(text, text.len()).unwrap();
    assert_eq!(whole.0.len(), 4);
    assert_eq!(split(text, 7).unwrap(), whole);
}

#[test]
fn lists_without_items_are_empty() {
    for text in [
        r#"{"items":[],"metadata":{"resourceVersion":"1"}}"#,
        r#"{"items":null,"metadata":{"resourceVersion":"1"}}"#,
        r#"{"metadata":{"resourceVersion":"1"}}"#,
    ] {
        let (items, head) = split(text, 3).unwrap();
        assert!(items.is_empty());
        assert_eq!(head.metadata.resource_version, "1");
    }
}

#[test]
fn items_that_are_no_objects_are_counted_and_passed_over() {
    let text = r#"{"items":[1, "a,]", null, [2,[3]], {"a":1}, true],"metadata":{}}"#;
    for size in [1, 5, 100] {
        let (items, _) = split(text, size).unwrap();
        assert_eq!(items, ["", "", "", "", r#"{"a":1}"#, ""]);
    }
}

#[test]
fn what_is_no_list_says_why() {
    assert_eq!(split("<html>", 9), Err(Fault::NotJson));
    assert_eq!(split("", 9), Err(Fault::NotJson));
    assert_eq!(split(r#"{"items":[{"a":1}"#, 9), Err(Fault::Short));
    assert!(matches!(
        split(r#"{"metadata":7}"#, 9),
        Err(Fault::NotAList(_))
    ));
}
