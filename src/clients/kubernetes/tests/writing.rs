//! Cordoning a node, and looking at it as YAML.

use super::server::{Answer, Server, json, status};
use super::{plain, target};
use crate::clients::kubernetes::{Connection, Error, connect, cordon, restart, scale, yaml};
use crate::rack::node::{NodeName, Uid};
use crate::rack::pod::Maker;
use crate::rack::problem::Subject;
use crate::rack::workload::WorkloadRef;

async fn connection(server: &Server) -> Connection {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    std::fs::write(&path, plain(server)).unwrap();
    connect(&target(path)).await.unwrap()
}

const NODE: &str = r#"{"kind":"Node","metadata":{"name":"rpi-01","uid":"u1","resourceVersion":"12",
    "managedFields":[{"manager":"k3s"}]},"spec":{"unschedulable":true}}"#;

async fn try_cordon(
    patched: Answer,
    uid: &str,
    unschedulable: bool,
) -> (Result<(), Error>, Server) {
    let server = Server::start().await;
    server.always("get /api/v1/nodes/rpi-01", json(NODE));
    server.always("patch /api/v1/nodes/rpi-01", patched);
    let (node, uid) = (NodeName::new("rpi-01"), Uid(uid.into()));
    let connection = connection(&server).await;
    let result = cordon(&connection, &node, &uid, unschedulable).await;
    (result, server)
}

#[tokio::test]
async fn a_node_is_cordoned_at_the_version_just_read() {
    let (result, server) = try_cordon(json(NODE), "u1", true).await;
    assert_eq!(result, Ok(()));
    let patch = server.requests("patch").concat();
    let body: serde_json::Value = patch
        .split_once(" {")
        .map(|(_, body)| serde_json::from_str(&format!("{{{body}")).unwrap())
        .unwrap();
    assert_eq!(body["metadata"]["resourceVersion"], "12");
    assert_eq!(body["metadata"]["uid"], "u1");
    assert_eq!(body["spec"]["unschedulable"], true);
    let (_, server) = try_cordon(json(NODE), "u1", false).await;
    assert!(
        server
            .requests("patch")
            .concat()
            .contains(r#""unschedulable":null"#)
    );
}

#[tokio::test]
async fn a_node_with_another_uid_is_left_alone() {
    let (result, server) = try_cordon(json(NODE), "u2", true).await;
    assert_eq!(
        result,
        Err(Error::Replaced(Subject::Node(NodeName::new("rpi-01"))))
    );
    assert!(server.requests("patch").is_empty());
}

#[tokio::test]
async fn a_change_by_somebody_else_meanwhile_is_settled_by_reading_again() {
    let server = Server::start().await;
    server.always("get /api/v1/nodes/rpi-01", json(NODE));
    server.next(
        "patch /api/v1/nodes/rpi-01",
        [status(409, r#"{"reason":"Conflict"}"#)],
    );
    server.always("patch /api/v1/nodes/rpi-01", json(NODE));
    let (node, uid) = (NodeName::new("rpi-01"), Uid("u1".into()));
    let result = cordon(&connection(&server).await, &node, &uid, true).await;
    assert_eq!(result, Ok(()));
    assert_eq!(server.requests("patch").len(), 2);
}

#[tokio::test]
async fn changes_by_somebody_else_without_end_are_a_conflict_and_a_missing_right_is_named() {
    let (result, _) = try_cordon(status(409, r#"{"reason":"Conflict"}"#), "u1", true).await;
    assert_eq!(
        result,
        Err(Error::Conflict(Subject::Node(NodeName::new("rpi-01"))))
    );
    let (result, _) = try_cordon(status(403, r#"{"message":"no"}"#), "u1", true).await;
    let problem = result.unwrap_err().problem();
    assert_eq!(problem.what, "not allowed: patch on nodes");
    assert!(
        problem.next.contains("--verb=patch --resource=nodes"),
        "{problem:?}"
    );
}

#[tokio::test]
async fn a_node_reads_as_yaml_without_managed_fields() {
    let server = Server::start().await;
    server.always("get /api/v1/nodes/rpi-01", json(NODE));
    let node = Subject::Node(NodeName::new("rpi-01"));
    let yaml = yaml(&connection(&server).await, &node).await.unwrap();
    assert!(
        yaml.contains("unschedulable: true") && yaml.contains("uid: u1"),
        "{yaml}"
    );
    assert!(!yaml.contains("managedFields"), "{yaml}");
}

fn of_shop(kind: &str) -> WorkloadRef {
    WorkloadRef {
        kind: kind.into(),
        namespace: "web".into(),
        name: "shop".into(),
    }
}

fn object(uid: &str) -> Answer {
    json(&format!(
        r#"{{"metadata":{{"name":"shop","uid":"{uid}","resourceVersion":"3"}}}}"#
    ))
}

#[tokio::test]
async fn a_workload_that_was_made_anew_since_it_was_shown_is_left_alone() {
    let server = Server::start().await;
    let path = "/apis/apps/v1/namespaces/web/statefulsets/shop";
    server.always(&format!("get {path}"), object("new"));
    server.always(&format!("patch {path}"), object("new"));
    let connection = connection(&server).await;
    let workload = of_shop("StatefulSet");
    let replaced = Err(Error::Replaced(Subject::Workload(workload.clone())));
    let maker = |uid: &str| Maker {
        uid: Uid(uid.into()),
        replica_set: None,
    };
    let (old, at) = (maker("old"), jiff::Timestamp::UNIX_EPOCH);
    assert_eq!(scale(&connection, &workload, &old, 3).await, replaced);
    assert_eq!(restart(&connection, &workload, &old, at).await, replaced);
    assert!(server.requests("patch").is_empty());
    let new = maker("new");
    assert_eq!(scale(&connection, &workload, &new, 3).await, Ok(()));
    assert_eq!(restart(&connection, &workload, &new, at).await, Ok(()));
    assert_eq!(server.requests("patch").len(), 2);
}

#[tokio::test]
async fn a_deployment_is_the_one_whose_replica_set_made_the_pods() {
    let workload = of_shop("Deployment");
    let replaced = Err(Error::Replaced(Subject::Workload(workload.clone())));
    let set = |uid: &str, deployment: &str| {
        json(&format!(
            r#"{{"metadata":{{"uid":"{uid}","ownerReferences":[
                {{"kind":"Deployment","name":"shop","uid":"{deployment}","controller":true}}]}}}}"#
        ))
    };
    let gone = status(404, r#"{"reason":"NotFound"}"#);
    for (case, set, deployment, expected) in [
        ("the same", set("s1", "d1"), "d1", Ok(())),
        ("made anew", set("s2", "d2"), "d2", replaced.clone()),
        ("its sets stayed", set("s1", "d1"), "d2", replaced.clone()),
        ("gone", gone, "d2", replaced.clone()),
    ] {
        let server = Server::start().await;
        let path = "/apis/apps/v1/namespaces/web";
        server.always(&format!("get {path}/replicasets/shop-7d4"), set);
        server.always(&format!("get {path}/deployments/shop"), object(deployment));
        server.always(
            &format!("patch {path}/deployments/shop"),
            object(deployment),
        );
        let maker = Maker {
            uid: Uid("s1".into()),
            replica_set: Some("shop-7d4".into()),
        };
        let result = scale(&connection(&server).await, &workload, &maker, 3).await;
        assert_eq!(result, expected, "{case}");
        let patches = server.requests("patch").len();
        assert_eq!(patches, usize::from(expected.is_ok()), "{case}");
    }
}
