//! MetalLB's objects written over HTTP: what is taken, what is refused, and in which words.

use serde_json::{Value, json};

use super::client::Client;
use super::start_scenario;

const POOLS: &str = "/apis/metallb.io/v1beta1/namespaces/metallb-system/ipaddresspools";
const L2: &str = "/apis/metallb.io/v1beta1/namespaces/metallb-system/l2advertisements";
const JSON: &str = "application/json";
const MERGE: &str = "application/merge-patch+json";
const APPLY: &str = "application/apply-patch+yaml";

fn pool(name: &str, range: &str) -> String {
    json!({
        "apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool",
        "metadata": { "name": name, "namespace": "metallb-system" },
        "spec": { "addresses": [range] },
    })
    .to_string()
}

/// Code and message of an answer.
async fn told(client: &Client, method: &str, path: &str, kind: &str, body: &str) -> (u16, String) {
    let answer = client.send(method, path, kind, body).await;
    let message = answer.json()["message"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    (answer.code, message)
}

#[tokio::test]
async fn a_pool_is_made_changed_and_removed() {
    let (_sim, client) = start_scenario("office").await;
    let dry = format!("{POOLS}?dryRun=All");
    let made = client
        .send("POST", &dry, JSON, &pool("lab", "10.9.0.0/28"))
        .await;
    assert_eq!(
        (made.code, &made.json()["spec"]["autoAssign"]),
        (201, &json!(true))
    );
    let lab = format!("{POOLS}/lab");
    assert_eq!(client.get(&lab).await.code, 404, "a dry run stores nothing");

    let made = client
        .send("POST", POOLS, JSON, &pool("lab", "10.9.0.0/28"))
        .await
        .json();
    assert_eq!(made["metadata"]["generation"], 1);
    let (code, message) = told(&client, "POST", POOLS, JSON, &pool("lab", "10.9.0.0/28")).await;
    assert_eq!(code, 409);
    assert_eq!(message, "ipaddresspools.metallb.io \"lab\" already exists");

    let version = made["metadata"]["resourceVersion"].clone();
    let patch = |version: &Value| {
        json!({ "metadata": { "resourceVersion": version }, "spec": { "autoAssign": false } })
            .to_string()
    };
    let changed = client.send("PATCH", &lab, MERGE, &patch(&version)).await;
    assert_eq!(
        (changed.code, &changed.json()["metadata"]["generation"]),
        (200, &json!(2))
    );
    let (code, message) = told(&client, "PATCH", &lab, MERGE, &patch(&version)).await;
    assert_eq!(code, 409, "{message}");
    assert!(
        message.contains("the object has been modified"),
        "{message}"
    );
    assert_eq!(client.send("DELETE", &lab, "", "").await.code, 200);
}

#[tokio::test]
async fn mistakes_are_refused_in_the_words_of_a_real_server() {
    let (_sim, client) = start_scenario("office").await;
    let typo =
        pool("lab", "10.9.0.0/28").replace("\"addresses\"", "\"autoAsign\":true,\"addresses\"");
    let strict = format!("{POOLS}?fieldValidation=Strict");
    let wrong = pool("lab", "x").replace("[\"x\"]", "\"x\"");
    let elsewhere = POOLS.replace("metallb-system", "default");
    let nowhere = POOLS.replace("metallb-system", "nowhere");
    for (path, body, code, words) in [
        (
            &*strict,
            &typo,
            400,
            "strict decoding error: unknown field \"spec.autoAsign\"",
        ),
        (
            POOLS,
            &wrong,
            422,
            "spec.addresses in body must be of type array: \"string\"",
        ),
        (
            POOLS,
            &pool("lab", "10.9.0.9"),
            403,
            "denied the request: invalid CIDR",
        ),
        (
            POOLS,
            &pool("lab", "10.9.0.9-10.9.0.1"),
            403,
            "is after the end IP",
        ),
        (
            POOLS,
            &pool("lab", "10.10.10.96/28"),
            403,
            "overlaps with already defined CIDR",
        ),
        (POOLS, &pool("Lab", "10.9.0.0/28"), 422, "RFC 1123"),
        (
            &*elsewhere,
            &pool("lab", "10.9.0.0/28").replace("metallb-system", "default"),
            403,
            "resource must be created in",
        ),
        (
            &*nowhere,
            &pool("lab", "10.9.0.0/28").replace("metallb-system", "nowhere"),
            404,
            "namespaces \"nowhere\" not found",
        ),
        (POOLS, &"nonsense".to_owned(), 400, "error decoding"),
    ] {
        let (got, message) = told(&client, "POST", path, JSON, body).await;
        assert_eq!(got, code, "{body}: {message}");
        assert!(message.contains(words), "{message} lacks {words}");
    }
    let warned = client.send("POST", POOLS, JSON, &typo).await;
    assert_eq!(warned.code, 201);
    assert!(warned.json()["spec"].get("autoAsign").is_none(), "dropped");
    assert!(
        warned
            .head
            .to_lowercase()
            .contains("warning: 299 - \"unknown field"),
        "{}",
        warned.head
    );
}

#[tokio::test]
async fn server_side_apply_makes_changes_and_minds_other_managers() {
    let (_sim, client) = start_scenario("office").await;
    let path = |manager: &str| format!("{L2}/lab?fieldManager={manager}");
    let body = "apiVersion: metallb.io/v1beta1\nkind: L2Advertisement\nmetadata:\n  name: lab\nspec:\n  ipAddressPools: [lab]\n  interfaces: [eth0]\n";
    assert_eq!(
        client
            .send("PATCH", &path("bramble"), APPLY, body)
            .await
            .code,
        201
    );
    let less = body.replace("  interfaces: [eth0]\n", "");
    let applied = client.send("PATCH", &path("bramble"), APPLY, &less).await;
    assert_eq!(applied.code, 200);
    assert!(
        applied.json()["spec"].get("interfaces").is_none(),
        "left out is taken back"
    );
    let other = less.replace("[lab]", "[office]");
    let (code, message) = told(&client, "PATCH", &path("somebody"), APPLY, &other).await;
    assert_eq!(code, 409);
    assert!(
        message.contains("conflicts with \"bramble\"") && message.contains(".spec.ipAddressPools"),
        "{message}"
    );
    let forced = format!("{}&force=true", path("somebody"));
    assert_eq!(client.send("PATCH", &forced, APPLY, &other).await.code, 200);
}

#[tokio::test]
async fn a_replaced_object_needs_the_newest_version_and_keeps_its_status() {
    let (_sim, client) = start_scenario("office").await;
    let office = format!("{POOLS}/company-office");
    let mut pool = client.json(&office).await;
    pool["spec"]["addresses"] = json!(["10.10.10.51-10.10.10.110"]);
    pool["status"] = json!({});
    let replaced = client.send("PUT", &office, JSON, &pool.to_string()).await;
    assert_eq!(replaced.code, 200);
    assert_eq!(replaced.json()["status"]["assignedIPv4"], 12);
    let (code, _) = told(&client, "PUT", &office, JSON, &pool.to_string()).await;
    assert_eq!(code, 409);
    pool["metadata"]
        .as_object_mut()
        .unwrap()
        .remove("resourceVersion");
    let (code, message) = told(&client, "PUT", &office, JSON, &pool.to_string()).await;
    assert_eq!(code, 422, "{message}");
}

#[tokio::test]
async fn a_new_service_gets_an_address_by_itself() {
    let (_sim, client) = start_scenario("office").await;
    let services = "/api/v1/namespaces/web/services";
    let body = json!({
        "metadata": { "name": "cafe" },
        "spec": { "type": "LoadBalancer", "selector": { "app.kubernetes.io/name": "my-web-app" }, "ports": [{ "port": 80, "targetPort": 8080 }] },
    });
    let mut watch = client.watch("/api/v1/services?watch=true").await;
    assert_eq!(
        client
            .send("POST", services, JSON, &body.to_string())
            .await
            .code,
        201
    );
    let line = watch
        .until(|line| {
            line["object"]["metadata"]["name"] == "cafe"
                && !line["object"]["status"]["loadBalancer"]["ingress"].is_null()
        })
        .await;
    assert_eq!(
        line["object"]["status"]["loadBalancer"]["ingress"][0]["ip"],
        "10.10.10.63"
    );
    let cafe = format!("{services}/cafe");
    let class = json!({ "spec": { "loadBalancerClass": "other" } }).to_string();
    assert_eq!(client.send("PATCH", &cafe, MERGE, &class).await.code, 200);
    let class = class.replace("other", "another");
    let (code, message) = told(&client, "PATCH", &cafe, MERGE, &class).await;
    assert_eq!(
        (code, message.contains("may not change once set")),
        (422, true)
    );
}

#[tokio::test]
async fn kinds_that_are_not_installed_are_unknown_paths() {
    let (_sim, client) = start_scenario("old-metallb").await;
    for path in [
        POOLS,
        "/apis/metallb.io/v1beta1",
        "/apis/metallb.io/v1beta1/servicel2statuses",
    ] {
        let answer = client.get(path).await;
        assert_eq!(
            (answer.code, &*answer.body),
            (404, "404 page not found\n"),
            "{path}"
        );
    }
    let (_sim, client) = start_scenario("office").await;
    let kinds = client.json("/apis/metallb.io/v1beta1").await;
    let names: Vec<&str> = kinds["resources"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|it| it["name"].as_str())
        .collect();
    assert!(
        names.contains(&"servicel2statuses") && !names.contains(&"configurationstates"),
        "{names:?}"
    );
}
