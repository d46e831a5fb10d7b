//! What is read from both worlds, and where findings point.

use super::*;
use crate::rack::pools::object::Pool;

fn titles(text: &str) -> Vec<String> {
    read(text, Form::File, None)
        .objects
        .iter()
        .map(|it| it.head.title())
        .collect()
}

fn found(text: &str, form: Form) -> Vec<String> {
    let found = read(text, form, None).findings;
    found
        .iter()
        .map(|it| {
            format!(
                "{:?} {:?} {:?}",
                it.layer.map_or("warning", Layer::word),
                it.kind,
                &text[it.span.clone()]
            )
        })
        .collect()
}

fn pool(text: &str, form: Form) -> Pool {
    let document = read(text, form, None);
    let mut pools = document.objects.into_iter().filter_map(|it| match it.body {
        Body::Pool(pool) => Some(pool),
        _ => None,
    });
    pools.next().unwrap()
}

const POOL: &str = "apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: lan, namespace: metallb-system}\n\
                    spec:\n  addresses:\n  - 10.0.0.1/32\n";

#[test]
fn documents_lists_and_json_are_read_alike() {
    let json = r#"{"apiVersion":"metallb.io/v1beta1","kind":"IPAddressPool","metadata":{"name":"lan"},"spec":{"addresses":["10.0.0.1/32"]}}"#;
    let list =
        format!("{{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [{json}, {json}]}}");
    assert_eq!(
        titles(&format!("{POOL}---\n{POOL}")),
        ["IPAddressPool lan", "IPAddressPool lan"]
    );
    assert_eq!(titles(json), ["IPAddressPool lan"]);
    assert_eq!(titles(&list), ["IPAddressPool lan", "IPAddressPool lan"]);
    assert_eq!(
        titles("apiVersion: v1\nkind: Service\nmetadata: {name: web}\n"),
        [""; 0]
    );
}

#[test]
fn a_pool_is_the_same_in_both_worlds() {
    let inner = "address-pools:\n- name: lan\n  protocol: layer2\n  auto-assign: false\n  avoid-buggy-ips: true\n  addresses: [10.0.0.0/24]\n";
    let legacy = pool(inner, Form::Inner);
    let text = "apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: lan}\n\
                spec: {autoAssign: false, avoidBuggyIPs: true, addresses: [10.0.0.0/24]}\n";
    let resource = pool(text, Form::File);
    assert_eq!(legacy.space(), resource.space());
    assert_eq!((legacy.auto_assign, resource.auto_assign), (false, false));
    let outer = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: config}}\ndata:\n  config: |\n    {}",
        inner.trim_end().replace('\n', "\n    ")
    );
    let wrapped = pool(&outer, Form::File);
    assert_eq!(wrapped.space(), legacy.space());
    assert_eq!(&outer[wrapped.addresses[0].span.clone()], "10.0.0.0/24");
}

#[test]
fn findings_point_at_the_words_that_are_wrong() {
    let cases: [(&str, &[&str]); 9] = [
        ("a\n", &["\"schema\" UnknownKind \"a\""]),
        ("kind: X\n", &["\"schema\" UnknownKind \"X\""]),
        (
            "apiVersion: metallb.io\nkind: BGPPeer\n",
            &["\"schema\" UnknownKind \"metallb.io\""],
        ),
        (
            "apiVersion: metallb.io/v1\nkind: Pool\n",
            &["\"schema\" UnknownKind \"metallb.io/v1\""],
        ),
        (
            "apiVersion: metallb.io/v1beta1\nkind: L2Advertisement\nmetadata: {name: Lan_1}\n",
            &["\"schema\" InvalidName \"Lan_1\""],
        ),
        (
            "apiVersion: metallb.io/v1beta1\nkind: L2Advertisement\nmetadata: {}\n",
            &["\"schema\" Missing \"L2Advertisement\""],
        ),
        (
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: config}\ndata:\n  config:\n    address-pools: []\n",
            &["\"schema\" WrongType \"address-pools: []\""],
        ),
        (
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: config}\ndata:\n  config: |\n    peers: []\n    peers: []\n    x: 1\n",
            &[
                "\"legacy-parser\" RepeatedKey \"peers\"",
                "\"legacy-parser\" UnknownField \"x\"",
            ],
        ),
        ("peers: []\n", &["\"warning\" NoConfigMap \"peers\""]),
    ];
    for (text, expected) in cases {
        assert_eq!(found(text, Form::File), expected, "{text}");
    }
    assert_eq!(found("peers: []\n", Form::Inner), [""; 0]);
}

#[test]
fn a_password_is_never_kept() {
    let text = "peers:\n- peer-address: 10.0.0.1\n  password: hunter2\n";
    let shown = format!("{:?}", read(text, Form::Inner, None));
    assert!(!shown.contains("hunter2"), "{shown}");
}
