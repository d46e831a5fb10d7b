//! Recorded answers of a real API server, read as the rack wants them.

mod services;

use super::*;
use crate::clients::kubernetes::split::Splitter;
use crate::rack::event::NodeEvent;
use crate::rack::node::{Lease, Node, Role, Truth};
use crate::rack::pod::Pod;

const WATCH: &str = include_str!("../../../../tests/it/fixtures/kube/watch-nodes.jsonl");

pub(super) fn items<K: Kind>(list: &str) -> Vec<K> {
    let mut all = Vec::new();
    let mut splitter = Splitter::default();
    let mut each = |json: &[u8]| match object::<K>(json) {
        Ok(object) => all.push(object.item),
        Err(failed) => panic!("{failed:?}"),
    };
    splitter.push(list.as_bytes(), &mut each).unwrap();
    splitter.finish().unwrap();
    all
}

#[test]
fn recorded_nodes_are_read() {
    let nodes: Vec<Node> = items(include_str!(
        "../../../../tests/it/fixtures/kube/nodes.json"
    ));
    assert_eq!(nodes.len(), 4);
    let node = nodes
        .iter()
        .find(|node| node.name.as_str() == "rpi3-0003")
        .unwrap();
    assert_eq!(&*node.uid.0, "4ab50775-5304-4b98-9cd9-40ae88acbdd6");
    assert_eq!(node.created.unwrap().to_string(), "2026-11-23T07:04:46Z");
    assert_eq!(node.internal_ip(), Some("192.168.10.13"));
    assert_eq!(
        (node.ready(), node.role()),
        (Some(Truth::True), Role::Agent)
    );
    assert_eq!(node.status_words(), ["Ready"]);
    assert_eq!(&*node.labels["topology.kubernetes.io/zone"], "rack-0");
    assert_eq!(node.capacity.cpu_milli, Some(4_000));
    assert_eq!(node.capacity.memory_bytes, Some(920 << 20));
    assert_eq!(node.allocatable.disk_bytes, Some(59_492_813_572));
    assert_eq!(node.allocatable.pods, Some(110));
    assert_eq!(&*node.info.kubelet_version, "v1.35.4+k3s1");
    assert_eq!(&*node.info.machine_id, "0000000000000000000000000000005d");
    assert_eq!(&*node.info.boot_id, "00000003-1111-4222-8333-000000000003");
    assert_eq!(&*node.pod_cidrs[0], "10.42.3.0/24");
    assert!(node.condition("DiskPressure").unwrap().since.is_some());
}

#[test]
fn recorded_leases_are_read() {
    let leases: Vec<Lease> = items(include_str!(
        "../../../../tests/it/fixtures/kube/leases.json"
    ));
    let lease = leases
        .iter()
        .find(|lease| lease.node.as_str() == "rpi3-0003")
        .unwrap();
    assert_eq!(
        lease.renewed.unwrap().to_string(),
        "2026-11-23T07:04:53.84179Z"
    );
    assert_eq!(lease.duration.unwrap().as_secs(), 40);
}

#[test]
fn recorded_events_are_read() {
    let events: Vec<NodeEvent> = items(include_str!(
        "../../../../tests/it/fixtures/kube/events.json"
    ));
    assert!(!events.is_empty());
    for event in events {
        assert!(event.node.as_str().starts_with("rpi"), "{event:?}");
        assert!(event.count >= 1 && event.last.is_some() && !event.reason.is_empty());
    }
}

#[test]
fn recorded_pods_say_what_kubectl_said() {
    let pods: Vec<Pod> = items(include_str!("../../../../tests/it/fixtures/kube/pods.json"));
    let expected = include_str!("../../../../tests/it/fixtures/kube/pods.tsv");
    let said: Vec<String> = pods
        .iter()
        .map(|pod| {
            let Pod {
                name,
                ready,
                containers,
                status,
                restarts,
                ..
            } = pod;
            format!("{name}\t{ready}/{containers}\t{status}\t{restarts}")
        })
        .collect();
    assert_eq!(said, expected.lines().collect::<Vec<_>>());
}

#[test]
fn a_recorded_watch_is_read_line_by_line() {
    let words: Vec<String> = WATCH
        .lines()
        .map(|line| match event::<Node>(line.as_bytes()) {
            Event::Applied(object) => format!("+{} {}", object.item.name, object.version),
            Event::Deleted(object) => format!("-{} {}", object.item.name, object.version),
            Event::Bookmark(version) => format!("bookmark {version}"),
            Event::Expired => "expired".to_owned(),
            Event::Error { .. } | Event::Failed { .. } | Event::Garbage(_) => "?".to_owned(),
        })
        .collect();
    assert_eq!(words[0], "+rpi3-0003 2721");
    assert_eq!(words[3], "bookmark 2763");
    assert!(words[4].starts_with("-rpi0-new"), "{words:?}");
    assert_eq!(words[6], "expired");
    assert!(!words.contains(&"?".to_owned()), "{words:?}");
}

#[test]
fn the_order_of_type_and_object_does_not_matter() {
    let line = br#"{"object":{"metadata":{"name":"a","resourceVersion":"3"}},"type":"DELETED"}"#;
    assert!(matches!(event::<Node>(line), Event::Deleted(object) if &*object.version == "3"));
}

#[test]
fn what_cannot_be_read_keeps_its_name_and_version() {
    let line = br#"{"type":"ADDED","object":{"metadata":{"name":"p","namespace":"n",
        "resourceVersion":"5"},"spec":{"containers":7}}}"#;
    let Event::Failed {
        failed,
        is_deletion,
    } = event::<Pod>(line)
    else {
        panic!("it cannot be read")
    };
    assert_eq!(
        (&*failed.name, failed.version.as_deref()),
        ("n/p", Some("5"))
    );
    assert!(
        failed.why.contains("invalid type: integer `7`"),
        "{failed:?}"
    );
    assert!(!is_deletion);
    assert_eq!(
        object::<Pod>(b"{}").err().unwrap().name,
        "an object without a name"
    );
}

#[test]
fn an_error_that_is_no_expiry_keeps_its_words() {
    let line = br#"{"type":"ERROR","object":{"kind":"Status","status":"Failure","code":500,"message":"etcd"}}"#;
    let Event::Error { code, message } = event::<Node>(line) else {
        panic!("it is an error")
    };
    assert_eq!((code, &*message), (500, "etcd"));
    for line in [
        &b"{}"[..],
        b"[]",
        b"nonsense",
        br#"{"type":"SURPRISE","object":{}}"#,
    ] {
        assert!(matches!(event::<Node>(line), Event::Garbage(_)));
    }
}
