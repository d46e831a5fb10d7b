//! Objects to text and back: what is not touched is not changed.

use super::*;

const NAMESPACE: &str = "metallb-system";

fn live(objects: &[&str]) -> Live {
    Live {
        form: Form::Objects {
            namespace: NAMESPACE.into(),
        },
        objects: objects
            .iter()
            .map(|json| Known::read(json).unwrap())
            .collect(),
    }
}

const LAN: &str = r#"{"apiVersion":"metallb.io/v1beta1","kind":"IPAddressPool","metadata":{"name":"lan","namespace":"metallb-system",
    "uid":"u1","resourceVersion":"7","generation":2,"creationTimestamp":"2026-01-01T00:00:00Z","finalizers":["x"],
    "annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{}"}},
    "spec":{"addresses":["10.0.0.1-10.0.0.9"],"autoAssign":true},"status":{"assignedIPv4":1}}"#;
const ADVERTISEMENT: &str = r#"{"apiVersion":"metallb.io/v1beta1","kind":"L2Advertisement","metadata":{"name":"all","namespace":"metallb-system",
    "uid":"u2","resourceVersion":"8"}}"#;

#[test]
fn a_text_shows_what_a_person_wrote_and_nothing_of_the_server() {
    let text = live(&[ADVERTISEMENT, LAN]).text();
    assert_eq!(
        text,
        "apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata:
  name: lan
  namespace: metallb-system
spec:
  addresses:
  - 10.0.0.1-10.0.0.9
  autoAssign: true
---
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata:
  name: all
  namespace: metallb-system
"
    );
    assert_eq!(live(&[LAN, ADVERTISEMENT]).changes(&text), Ok(Vec::new()));
    let commented = format!("# why\n{text}---\n# only a comment\n---\n");
    assert_eq!(
        live(&[LAN, ADVERTISEMENT]).changes(&commented),
        Ok(Vec::new())
    );
}

#[test]
fn a_changed_field_is_a_patch_at_the_version_that_was_read() {
    let live = live(&[LAN, ADVERTISEMENT]);
    let text = live
        .text()
        .replace("10.0.0.9", "10.0.0.20")
        .replace("  autoAssign: true\n", "");
    let changes = live.changes(&text).unwrap();
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].sentence(), "change IPAddressPool lan");
    let before = live.objects[0].value.clone();
    assert_eq!(
        changes[0].deed,
        Deed::Patch {
            before,
            patch: json!({ "spec": { "addresses": ["10.0.0.1-10.0.0.20"] } }),
            uid: "u1".into(),
            version: "7".into(),
        }
    );
}

#[test]
fn documents_that_come_are_created_and_those_that_go_are_deleted() {
    let live = live(&[LAN, ADVERTISEMENT]);
    let text = "apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: iot}\nspec: {addresses: [10.0.1.0/28]}\n---\n\
        # kept\napiVersion: metallb.io/v1beta1\nkind: L2Advertisement\nmetadata: {name: all}\n";
    let changes = live.changes(text).unwrap();
    let said: Vec<String> = changes.iter().map(Change::sentence).collect();
    assert_eq!(
        said,
        ["delete IPAddressPool lan", "create IPAddressPool iot"]
    );
    assert!(
        matches!(&changes[0].deed, Deed::Delete { uid, version, .. } if uid == "u1" && version == "7")
    );
    let Deed::Create(body) = &changes[1].deed else {
        panic!("{changes:?}");
    };
    assert_eq!(
        body["metadata"]["namespace"], NAMESPACE,
        "it goes where MetalLB looks"
    );
}

#[test]
fn what_is_not_metallbs_or_stands_twice_is_refused_with_its_line() {
    let live = live(&[]);
    for (text, line, expected) in [
        (
            "apiVersion: v1\nkind: Secret\nmetadata: {name: x}\n",
            0,
            "no kind of MetalLB",
        ),
        ("\n# x\nkind: IPAddressPool\n", 2, "needs apiVersion"),
        (
            "apiVersion: metallb.io/v1beta1\nkind: Community\nmetadata: {}\n",
            0,
            "needs metadata.name",
        ),
        (
            "apiVersion: metallb.io/v1beta1\nkind: Community\nmetadata: {name: a, namespace: default}\n",
            0,
            "only into its own namespace",
        ),
        ("a: 1\n---\nb: [\n", 0, "needs apiVersion"),
        ("# a\n---\nx: 1\n  y: 2\n", 3, "not YAML"),
        ("- a\n- b\n", 0, "needs apiVersion"),
    ] {
        let flaws = live.changes(text).unwrap_err();
        assert_eq!(flaws[0].line, line, "{text:?}: {flaws:?}");
        assert!(flaws[0].what.contains(expected), "{text:?}: {flaws:?}");
    }
    let twice = "apiVersion: metallb.io/v1beta1\nkind: Community\nmetadata: {name: a}\n";
    let flaws = live.changes(&format!("{twice}---\n{twice}")).unwrap_err();
    assert_eq!((flaws.len(), flaws[0].line), (1, 4));
}

#[test]
fn another_version_of_the_api_is_the_same_object() {
    let peer = r#"{"apiVersion":"metallb.io/v1beta1","kind":"BGPPeer","metadata":{"name":"tor","namespace":"metallb-system","uid":"u3",
        "resourceVersion":"9"},"spec":{"myASN":1}}"#;
    let live = live(&[peer]);
    let text = live.text().replace("v1beta1", "v1beta2");
    let changes = live.changes(&text).unwrap();
    assert_eq!(changes.len(), 1);
    assert!(matches!(changes[0].deed, Deed::Patch { .. }), "{changes:?}");
}

#[test]
fn the_config_map_is_edited_as_the_text_inside_it_to_the_byte() {
    let form = Form::ConfigMap {
        namespace: NAMESPACE.into(),
        name: "config".into(),
    };
    let config = "address-pools: # office\n- name: lan\n";
    let whole = json!({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"config","namespace":NAMESPACE,"uid":"u","resourceVersion":"3"},
        "data":{"config":config,"other":"kept"}});
    let live = Live {
        form: form.clone(),
        objects: vec![Known::read(&whole.to_string()).unwrap()],
    };
    assert_eq!(live.text(), config);
    assert_eq!(live.changes(config), Ok(Vec::new()));
    let changes = live.changes("# new\n").unwrap();
    assert_eq!(
        changes[0].deed,
        Deed::Patch {
            before: live.objects[0].value.clone(),
            patch: json!({ "data": { "config": "# new\n" } }),
            uid: "u".into(),
            version: "3".into(),
        },
        "other keys are not touched"
    );
    let none = Live {
        form,
        objects: Vec::new(),
    };
    assert!(matches!(
        none.changes("a").unwrap()[0].deed,
        Deed::Create(_)
    ));
}

#[test]
fn what_was_done_is_taken_back_at_the_version_it_was_left_in() {
    let id = Known::read(LAN).unwrap().id;
    let before = json!({ "spec": { "addresses": ["a"], "autoAssign": true } });
    let after = json!({ "spec": { "addresses": ["b"] } });
    let done = |before: Option<&Value>, after: Option<&Value>| Done {
        id: id.clone(),
        before: before.cloned(),
        after: after.cloned(),
        uid: "u1".into(),
        version: "9".into(),
    };
    let applied = Applied {
        at: jiff::Timestamp::UNIX_EPOCH,
        key: crate::rack::draft::DraftKey {
            context: "office".into(),
            target: "metallb/metallb-system".into(),
        },
        form: None,
        deed: crate::rack::draft::Deed::Edit,
        before: String::new(),
        after: String::new(),
        changes: vec![
            done(Some(&before), Some(&after)),
            done(None, Some(&after)),
            done(Some(&before), None),
        ],
        stopped: String::new(),
    };
    let deeds: Vec<Deed> = undo(&applied)
        .into_iter()
        .map(|change| change.deed)
        .collect();
    let (uid, version) = ("u1".to_owned(), "9".to_owned());
    assert_eq!(
        deeds,
        [
            Deed::Create(before.clone()),
            Deed::Delete {
                before: after.clone(),
                uid: uid.clone(),
                version: version.clone(),
            },
            Deed::Patch {
                patch: json!({ "spec": { "addresses": ["a"], "autoAssign": true } }),
                before: after,
                uid,
                version,
            },
        ]
    );
}

#[test]
fn what_the_server_fills_in_is_no_change_of_a_text_that_leaves_it_out() {
    let known = |kind: &str, version: &str, spec: &Value| {
        let whole = json!({
            "apiVersion": version, "kind": kind,
            "metadata": { "name": "a", "namespace": NAMESPACE, "uid": "u", "resourceVersion": "3" },
            "spec": spec,
        });
        Live {
            form: Form::Objects {
                namespace: NAMESPACE.into(),
            },
            objects: vec![Known::read(&whole.to_string()).unwrap()],
        }
    };
    for (kind, version, spec, text, expected) in [
        (
            "IPAddressPool",
            "metallb.io/v1beta1",
            json!({"addresses": ["a"], "autoAssign": true, "avoidBuggyIPs": false}),
            "{addresses: [a]}",
            None,
        ),
        (
            "IPAddressPool",
            "metallb.io/v1beta1",
            json!({"addresses": ["a"], "autoAssign": false}),
            "{addresses: [a]}",
            Some(json!({"spec": {"autoAssign": null}})),
        ),
        (
            "IPAddressPool",
            "metallb.io/v1beta1",
            json!({"addresses": ["a"], "autoAssign": true}),
            "{addresses: [b]}",
            Some(json!({"spec": {"addresses": ["b"]}})),
        ),
        (
            "BGPAdvertisement",
            "metallb.io/v1beta1",
            json!({"aggregationLength": 32, "localPref": 1}),
            "{localPref: 1}",
            None,
        ),
        (
            "BGPPeer",
            "metallb.io/v1beta2",
            json!({"peerPort": 179}),
            "{}",
            None,
        ),
        (
            "BGPPeer",
            "metallb.io/v1beta2",
            json!({"peerPort": 180}),
            "{}",
            Some(json!({"spec": {"peerPort": null}})),
        ),
    ] {
        let live = known(kind, version, &spec);
        let text =
            format!("apiVersion: {version}\nkind: {kind}\nmetadata: {{name: a}}\nspec: {text}\n");
        let changes = live.changes(&text).unwrap();
        let patch = changes.first().map(|change| match &change.deed {
            Deed::Patch { patch, .. } => patch.clone(),
            other => panic!("{other:?}"),
        });
        assert_eq!(patch, expected, "{kind} {spec} {text}");
    }
}

#[test]
fn a_new_status_says_the_same_and_a_new_object_does_not() {
    let pool = |uid: &str, version: &str, range: &str, free: u32| {
        let whole = json!({
            "apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool",
            "metadata": { "name": "lan", "namespace": NAMESPACE, "uid": uid, "resourceVersion": version },
            "spec": { "addresses": [range] }, "status": { "availableIPv4": free },
        });
        Live {
            form: Form::Objects {
                namespace: NAMESPACE.into(),
            },
            objects: vec![Known::read(&whole.to_string()).unwrap()],
        }
    };
    let live = pool("u", "1", "10.0.0.0/28", 16);
    assert!(live.says_the_same_as(&pool("u", "2", "10.0.0.0/28", 15)));
    assert!(!live.says_the_same_as(&pool("u", "2", "10.0.0.0/29", 15)));
    assert!(
        !live.says_the_same_as(&pool("v", "2", "10.0.0.0/28", 16)),
        "made anew"
    );
    let none = Live {
        objects: Vec::new(),
        ..live.clone()
    };
    assert!(!live.says_the_same_as(&none) && !none.says_the_same_as(&live));
}
