//! The API itself, request by request: code, reason and shape of what clients lean on, without the program's client.

use http::Method;
use serde_json::{Value, json};

use crate::bed::Bed;
use crate::hand::{Answer, Hand, JSON, MERGE};
use crate::place::Who;

ask_both!(
    refusals_have_the_code_and_reason_of_a_real_server,
    rights_are_refused_in_the_words_of_a_real_server,
    a_list_comes_in_pages_of_one_version,
    a_watch_goes_on_where_the_list_ended,
    a_dry_run_changes_nothing,
);

/// Method, what stands behind `/api/v1/`, content type, body; then the code, reason and `details.kind` of the
/// Status (empty: not asked).
type Case = (
    Method,
    &'static str,
    &'static str,
    &'static str,
    (u16, &'static str, &'static str),
);

/// `B` stands for a board.
fn refusals() -> Vec<Case> {
    let get = |path, status| (Method::GET, path, JSON, "", status);
    let patch = |path, kind, body, status| (Method::PATCH, path, kind, body, status);
    vec![
        get("nodes/none", (404, "NotFound", "nodes")),
        get("nothings", (404, "NotFound", "")),
        get("nodes/B/nothing", (404, "NotFound", "")),
        get(
            "nodes?fieldSelector=spec.nothing%3Da",
            (400, "BadRequest", ""),
        ),
        get("nodes?limit=1&continue=rubbish", (400, "BadRequest", "")),
        get("nodes?resourceVersion=rubbish", (400, "BadRequest", "")),
        get("nodes?resourceVersion=999999999999", (504, "Timeout", "")),
        patch("nodes/none", MERGE, "{}", (404, "NotFound", "nodes")),
        patch(
            "nodes/B",
            MERGE,
            r#"{"metadata":{"resourceVersion":"1"},"spec":{"unschedulable":true}}"#,
            (409, "Conflict", "nodes"),
        ),
        patch(
            "nodes/B",
            MERGE,
            r#"{"metadata":{"uid":"somebody-else"},"spec":{"unschedulable":true}}"#,
            (422, "Invalid", ""),
        ),
        patch(
            "nodes/B",
            MERGE,
            r#"{"metadata":{"name":"other"}}"#,
            (400, "BadRequest", ""),
        ),
        patch("nodes/B", MERGE, "[]", (400, "BadRequest", "")),
        patch("nodes/B", MERGE, "{", (400, "BadRequest", "")),
        patch(
            "nodes/B",
            "text/plain",
            "{}",
            (415, "UnsupportedMediaType", ""),
        ),
        patch("nodes/B?dryRun=Some", MERGE, "{}", (422, "Invalid", "")),
        (
            Method::DELETE,
            "nodes/none",
            JSON,
            "",
            (404, "NotFound", "nodes"),
        ),
        (
            Method::DELETE,
            "nodes/B",
            JSON,
            r#"{"kind":"DeleteOptions","apiVersion":"v1","preconditions":{"uid":"somebody-else"}}"#,
            (409, "Conflict", ""),
        ),
        (
            Method::POST,
            "nodes/B",
            JSON,
            "{}",
            (405, "MethodNotAllowed", ""),
        ),
    ]
}

fn status(answer: &Answer) -> (u16, String, String) {
    let status = answer.json();
    let text = |pointer: &str| {
        let found = status.pointer(pointer).and_then(Value::as_str);
        found.unwrap_or_default().to_owned()
    };
    (answer.code, text("/reason"), text("/details/kind"))
}

async fn refusals_have_the_code_and_reason_of_a_real_server(bed: Bed) {
    let board = bed.board().await;
    let before = bed.node(&board).await;
    let mut wrong = Vec::new();
    for (method, path, kind, body, (code, reason, details)) in refusals() {
        let path = format!("/api/v1/{}", path.replace('B', &board));
        let answer = bed.hand().send(method.clone(), &path, kind, body).await;
        let (its_code, its_reason, its_details) = status(&answer);
        let is_right = its_code == code
            && its_reason == reason
            && (details.is_empty() || its_details == details);
        if !is_right {
            let text: String = answer.text.chars().take(500).collect();
            wrong.push(format!("{method} {path} {body}\n  {} {text}", answer.code));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(bed.node(&board).await, before, "nothing was changed");
}

async fn rights_are_refused_in_the_words_of_a_real_server(bed: Bed) {
    let kubeconfig = |who| std::fs::read_to_string(bed.kubeconfig(who)).unwrap();
    let bygone = Hand::new(&kubeconfig(Who::Bygone)).await;
    let answer = bygone.send(Method::GET, "/api/v1/nodes", JSON, "").await;
    assert_eq!(status(&answer).0, 401);
    assert_eq!(answer.json()["message"], "Unauthorized");
    assert_eq!(answer.content_type, JSON);

    let nobody = Hand::new(&kubeconfig(Who::Nobody)).await;
    let user = if bed.is_real() { "nobody" } else { "demo" };
    for (path, words) in [
        (
            "/api/v1/nodes",
            "nodes is forbidden: User \"USER\" cannot list resource \"nodes\" in API group \"\" at the cluster scope",
        ),
        (
            "/api/v1/nodes/rpi?watch=1",
            "nodes \"rpi\" is forbidden: User \"USER\" cannot get resource \"nodes\" in API group \"\" at the cluster scope",
        ),
        (
            "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases?watch=1",
            "leases.coordination.k8s.io is forbidden: User \"USER\" cannot watch resource \"leases\" in API group \
             \"coordination.k8s.io\" in the namespace \"kube-node-lease\"",
        ),
    ] {
        let answer = nobody.send(Method::GET, path, JSON, "").await;
        assert_eq!(answer.code, 403, "{path}");
        assert_eq!(
            answer.json()["message"],
            words.replace("USER", user),
            "{path}"
        );
    }
    let version = nobody.send(Method::GET, "/version", JSON, "").await;
    assert_eq!(version.code, 200, "everybody who is known may ask that");
}

async fn a_list_comes_in_pages_of_one_version(bed: Bed) {
    bed.board().await;
    bed.board().await;
    let first = bed.hand().get("/api/v1/nodes?limit=1").await;
    assert_eq!(first["kind"], "NodeList");
    assert_eq!(first["apiVersion"], "v1");
    assert_eq!(first["items"].as_array().unwrap().len(), 1);
    assert_eq!(first["items"][0]["kind"], Value::Null, "said once, above");
    assert!(first["metadata"]["remainingItemCount"].as_u64().unwrap() >= 1);
    let token = first["metadata"]["continue"].as_str().unwrap();
    let path = format!("/api/v1/nodes?limit=1&continue={token}");
    let second = bed.hand().get(&path).await;
    let name = |list: &Value| list["items"][0]["metadata"]["name"].clone();
    assert_ne!(name(&first), name(&second));
    let version = |list: &Value| list["metadata"]["resourceVersion"].clone();
    assert_eq!(version(&first), version(&second));
    let path = "/api/v1/nodes?limit=1&resourceVersion=0";
    let from_memory = bed.hand().get(path).await;
    assert!(from_memory["items"].as_array().unwrap().len() > 1);
}

async fn a_watch_goes_on_where_the_list_ended(bed: Bed) {
    let board = bed.board().await;
    let list = bed.hand().get("/api/v1/nodes").await;
    let version = list["metadata"]["resourceVersion"].as_str().unwrap();
    for number in ["1", "2"] {
        bed.change(&board, json!({ "metadata": { "labels": { "n": number } } }))
            .await;
    }
    bed.remove(&board).await;
    let path = format!(
        "/api/v1/nodes?watch=true&timeoutSeconds=1&fieldSelector=metadata.name%3D{board}&resourceVersion={version}"
    );
    // The whole stream: it ends by itself after that second.
    let answer = bed.hand().send(Method::GET, &path, JSON, "").await;
    assert_eq!(answer.code, 200);
    assert_eq!(answer.content_type, JSON);
    let events: Vec<Value> = answer
        .text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let types: Vec<&str> = events
        .iter()
        .map(|it| it["type"].as_str().unwrap())
        .collect();
    assert_eq!(types, ["MODIFIED", "MODIFIED", "DELETED"], "{events:#?}");
    let numbers = ["1", "2", "2"];
    let mut last = 0;
    for (event, number) in events.iter().zip(numbers) {
        let object = &event["object"];
        assert_eq!(
            (&object["kind"], &object["apiVersion"]),
            (&json!("Node"), &json!("v1"))
        );
        assert_eq!(object["metadata"]["labels"]["n"], number);
        let version = object["metadata"]["resourceVersion"].as_str().unwrap();
        let version: u64 = version.parse().unwrap();
        assert!(version > last, "a deletion has a version of its own too");
        last = version;
    }
}

async fn a_dry_run_changes_nothing(bed: Bed) {
    let board = bed.board().await;
    let before = bed.node(&board).await;
    let path = format!("/api/v1/nodes/{board}?dryRun=All");
    let patch = json!({ "spec": { "unschedulable": true } });
    let answer = bed.hand().patch(&path, &patch).await;
    assert_eq!(answer["spec"]["unschedulable"], true);
    assert_eq!(bed.node(&board).await, before);

    // A patch that says what is so already makes no new version.
    let path = format!("/api/v1/nodes/{board}");
    let patch = json!({ "metadata": { "labels": before["metadata"]["labels"] } });
    bed.hand().patch(&path, &patch).await;
    assert_eq!(bed.node(&board).await, before);
}
