//! Lists, single objects, refusals, writes.

use serde_json::json;

use super::client::Client;
use super::{names, quiet};

const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases";

#[tokio::test]
async fn lists_have_the_shape_of_a_real_server() {
    let (_sim, client) = quiet().await;
    let nodes = client.json("/api/v1/nodes").await;
    assert_eq!(
        (&nodes["kind"], &nodes["apiVersion"]),
        (&json!("NodeList"), &json!("v1"))
    );
    assert_eq!(names(&nodes), ["k3s-server", "rpi-01", "rpi-02", "rpi-03"]);
    assert_eq!(nodes["items"][0]["kind"], json!(null));
    assert_eq!(
        nodes["items"][0]["metadata"]["labels"]["node-role.kubernetes.io/control-plane"],
        "true"
    );
    assert_eq!(
        nodes["items"][1]["status"]["conditions"][3]["type"],
        "Ready"
    );
    let leases = client.json(LEASES).await;
    assert_eq!(leases["kind"], "LeaseList");
    assert_eq!(leases["items"][1]["spec"]["leaseDurationSeconds"], 40);
    let events = client
        .json("/api/v1/events?fieldSelector=involvedObject.kind%3DNode")
        .await;
    assert_eq!(events["kind"], "EventList");
    assert_eq!(names(&events).len(), 4);
    let version = client.json("/version").await;
    assert_eq!(version["gitVersion"], "v1.33.4+k3s1");
    for health in ["/readyz", "/livez"] {
        assert_eq!(client.get(health).await.body, "ok");
    }
}

#[tokio::test]
async fn objects_stand_alone_with_kind_and_version() {
    let (_sim, client) = quiet().await;
    let node = client.json("/api/v1/nodes/rpi-01").await;
    assert_eq!(
        (&node["kind"], &node["apiVersion"]),
        (&json!("Node"), &json!("v1"))
    );
    let lease = client.json(&format!("{LEASES}/rpi-01")).await;
    assert_eq!(lease["apiVersion"], "coordination.k8s.io/v1");
    assert_eq!(
        lease["metadata"]["ownerReferences"][0]["uid"],
        node["metadata"]["uid"]
    );
}

#[tokio::test]
async fn pods_are_found_by_namespace_and_node() {
    let (_sim, client) = quiet().await;
    assert_eq!(names(&client.json("/api/v1/pods").await).len(), 6);
    let speakers = client.json("/api/v1/namespaces/metallb-system/pods").await;
    assert_eq!(names(&speakers).len(), 4);
    let on_node = client
        .json("/api/v1/pods?fieldSelector=spec.nodeName%3Drpi-01")
        .await;
    assert_eq!(names(&on_node).len(), 2);
    assert_eq!(on_node["items"][0]["spec"]["nodeName"], "rpi-01");
    let web = client
        .json("/api/v1/pods?labelSelector=app.kubernetes.io%2Fname%3Dweb")
        .await;
    assert_eq!(names(&web).len(), 2);
    let wrong = client
        .get("/api/v1/pods?fieldSelector=spec.nonsense%3D1")
        .await;
    assert_eq!(
        (wrong.code, &wrong.json()["reason"]),
        (400, &json!("BadRequest"))
    );
}

#[tokio::test]
async fn a_list_comes_in_pages_that_expire() {
    let (sim, client) = quiet().await;
    let first = client.json("/api/v1/nodes?limit=3").await;
    assert_eq!(names(&first).len(), 3);
    assert_eq!(first["metadata"]["remainingItemCount"], 1);
    let token = first["metadata"]["continue"].as_str().unwrap();
    let second = client
        .json(&format!("/api/v1/nodes?limit=3&continue={token}"))
        .await;
    assert_eq!(names(&second), ["rpi-03"]);
    assert_eq!(
        second["metadata"]["resourceVersion"],
        first["metadata"]["resourceVersion"]
    );
    assert_eq!(second["metadata"]["continue"], json!(null));
    let all = client.json("/api/v1/nodes?limit=1&resourceVersion=0").await;
    assert_eq!(names(&all).len(), 4);

    sim.node("rpi-01").beat();
    sim.api().compact();
    let expired = client
        .get(&format!("/api/v1/nodes?limit=3&continue={token}"))
        .await;
    assert_eq!(
        (expired.code, &expired.json()["reason"]),
        (410, &json!("Expired"))
    );
    let fresh = expired.json()["metadata"]["continue"]
        .as_str()
        .unwrap()
        .to_owned();
    let rest = client
        .json(&format!("/api/v1/nodes?limit=3&continue={fresh}"))
        .await;
    assert_eq!(names(&rest), ["rpi-03"]);
}

#[tokio::test]
async fn refusals_read_like_those_of_a_real_server() {
    let (sim, client) = quiet().await;
    sim.api().forbid("leases");
    sim.api().forbid("patch nodes");
    let missing = client.get("/api/v1/nodes/no-such-node").await;
    assert_eq!(missing.code, 404);
    assert_eq!(
        missing.json()["message"],
        "nodes \"no-such-node\" not found"
    );
    let forbidden = client.get(LEASES).await;
    assert_eq!(forbidden.code, 403);
    assert_eq!(
        forbidden.json()["message"],
        "leases.coordination.k8s.io is forbidden: User \"demo\" cannot list resource \"leases\" in \
         API group \"coordination.k8s.io\" in the namespace \"kube-node-lease\""
    );
    let patch = client.merge("/api/v1/nodes/rpi-01", &json!({})).await;
    assert_eq!(
        patch.json()["message"],
        "nodes \"rpi-01\" is forbidden: User \"demo\" cannot patch resource \"nodes\" in API group \
         \"\" at the cluster scope"
    );
    let group = client.get("/apis/metallb.io/v1beta1/ipaddresspools").await;
    assert_eq!(
        (group.code, group.body.as_str()),
        (404, "404 page not found\n")
    );
    assert!(group.head.contains("text/plain"));
    let method = client.send("PUT", "/api/v1/nodes", "", "").await;
    assert_eq!(
        (method.code, &method.json()["reason"]),
        (405, &json!("MethodNotAllowed"))
    );
    let stranger = Client::with_token(&sim, "wrong").get("/api/v1/nodes").await;
    assert_eq!(
        (stranger.code, &stranger.json()["reason"]),
        (401, &json!("Unauthorized"))
    );
    sim.api().allow("leases");
    assert_eq!(client.get(LEASES).await.code, 200);
}

#[tokio::test]
async fn reviews_tell_what_requests_may() {
    let (sim, client) = quiet().await;
    sim.api().forbid("patch nodes");
    let ask = async |verb: &str| {
        let body =
            json!({ "spec": { "resourceAttributes": { "verb": verb, "resource": "nodes" } } });
        let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
        let reply = client
            .send("POST", path, "application/json", &body.to_string())
            .await;
        assert_eq!(reply.code, 201);
        reply.json()["status"]["allowed"].clone()
    };
    assert_eq!(
        (ask("patch").await, ask("list").await),
        (json!(false), json!(true))
    );
}

#[tokio::test]
async fn a_cordon_takes_the_version_into_account() {
    let (_sim, client) = quiet().await;
    let path = "/api/v1/nodes/rpi-01";
    let node = client.json(path).await;
    let cordon = json!({
        "metadata": { "resourceVersion": node["metadata"]["resourceVersion"] },
        "spec": { "unschedulable": true },
    });
    let dry = client.merge(&format!("{path}?dryRun=All"), &cordon).await;
    assert_eq!(
        (dry.code, &dry.json()["spec"]["unschedulable"]),
        (200, &json!(true))
    );
    assert_eq!(client.json(path).await, node);

    let done = client.merge(path, &cordon).await.json();
    assert_eq!(
        done["spec"]["taints"][0]["key"],
        "node.kubernetes.io/unschedulable"
    );
    let stale = client.merge(path, &cordon).await;
    assert_eq!(stale.code, 409);
    assert_eq!(
        stale.json()["message"],
        "Operation cannot be fulfilled on nodes \"rpi-01\": the object has been modified; please \
         apply your changes to the latest version and try again"
    );
    let uncordon = json!({ "spec": { "unschedulable": null } });
    let kind = "application/strategic-merge-patch+json";
    let back = client
        .send("PATCH", path, kind, &uncordon.to_string())
        .await
        .json();
    assert_eq!(back["spec"], node["spec"]);
    let same = client.merge(path, &uncordon).await.json();
    assert_eq!(
        same["metadata"]["resourceVersion"],
        back["metadata"]["resourceVersion"]
    );
}

#[tokio::test]
async fn patched_labels_stay_when_the_rack_lives_on() {
    let (sim, client) = quiet().await;
    let path = "/api/v1/nodes/rpi-01";
    let labels = json!({ "metadata": { "labels": { "tray": "2", "kubernetes.io/os": null } } });
    client.merge(path, &labels).await;
    sim.node("rpi-01").set_ready(false);
    let node = client.json(path).await;
    assert_eq!(node["metadata"]["labels"]["tray"], "2");
    assert_eq!(node["metadata"]["labels"]["kubernetes.io/os"], json!(null));
    assert_eq!(node["status"]["conditions"][3]["status"], "False");
}

#[tokio::test]
async fn bodies_that_make_no_sense_are_refused() {
    let (_sim, client) = quiet().await;
    let path = "/api/v1/nodes/rpi-01";
    let merge = "application/merge-patch+json";
    let cases = [
        (path, merge, "{\"spec\":", 400),
        (path, merge, "[]", 400),
        (path, "text/plain", "{}", 415),
        (path, merge, "{\"metadata\":{\"name\":\"x\"}}", 400),
        ("/api/v1/nodes/rpi-01?dryRun=Some", merge, "{}", 422),
    ];
    for (path, kind, body, code) in cases {
        assert_eq!(
            client.send("PATCH", path, kind, body).await.code,
            code,
            "{body}"
        );
    }
}

#[tokio::test]
async fn a_node_is_deleted_with_its_lease_and_pods() {
    let (sim, client) = quiet().await;
    let path = "/api/v1/nodes/rpi-03";
    let wrong = json!({ "preconditions": { "uid": "other" } }).to_string();
    let refused = client
        .send("DELETE", path, "application/json", &wrong)
        .await;
    assert_eq!(
        (refused.code, &refused.json()["reason"]),
        (409, &json!("Conflict"))
    );
    let gone = client.send("DELETE", path, "", "").await;
    assert_eq!(
        (gone.code, &gone.json()["status"]),
        (200, &json!("Success"))
    );
    assert_eq!(client.get(path).await.code, 404);
    assert_eq!(client.get(&format!("{LEASES}/rpi-03")).await.code, 404);
    let pods = "/api/v1/pods?fieldSelector=spec.nodeName=rpi-03";
    assert_eq!(client.json(pods).await["items"], json!([]));
    sim.node("rpi-03").come_back();
    let daemons = names(&client.json(pods).await);
    assert!(matches!(&daemons[..], [name] if name.starts_with("speaker-")));
}

#[tokio::test]
async fn metrics_are_there_unless_the_scenario_says_no() {
    let (_sim, client) = quiet().await;
    let list = client.json("/apis/metrics.k8s.io/v1beta1/nodes").await;
    assert_eq!(list["kind"], "NodeMetricsList");
    assert!(
        list["items"][0]["usage"]["cpu"]
            .as_str()
            .unwrap()
            .ends_with('n')
    );
    let (_sim, client) = super::start("metrics = false\nnode = [{ name = \"a\" }]").await;
    assert_eq!(
        client.get("/apis/metrics.k8s.io/v1beta1/nodes").await.code,
        404
    );
}
