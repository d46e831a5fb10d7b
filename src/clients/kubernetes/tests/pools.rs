//! Changing MetalLB's objects: what is asked of the server, in which order, and what its refusals mean.

use serde_json::{Value, json};

use super::server::{Answer, Server, json as ok, list, status};
use super::{plain, target};
use crate::clients::kubernetes::{change_pools, connect};
use crate::rack::draft::{Known, ObjectId};
use crate::rack::pool_text::{Change, Changed, Deed, Form, Live, RefusalKind};

const POOLS: &str = "/apis/metallb.io/v1beta1/namespaces/metallb-system/ipaddresspools";

fn form() -> Form {
    Form::Objects {
        namespace: "metallb-system".into(),
    }
}

fn pool(name: &str, version: &str) -> String {
    json!({
        "apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool",
        "metadata": { "name": name, "namespace": "metallb-system", "uid": format!("u-{name}"), "resourceVersion": version },
        "spec": { "addresses": ["10.0.0.1/32"] },
    })
    .to_string()
}

fn id(name: &str) -> ObjectId {
    Known::read(&pool(name, "1")).unwrap().id
}

fn patch(name: &str) -> Change {
    Change {
        id: id(name),
        deed: Deed::Patch {
            patch: json!({ "spec": { "autoAssign": false } }),
            before: json!({ "spec": {} }),
            uid: format!("u-{name}"),
            version: "7".into(),
        },
        line: 0,
    }
}

fn create(name: &str) -> Change {
    let body: Value = serde_json::from_str(&pool(name, "1")).unwrap();
    Change {
        id: id(name),
        deed: Deed::Create(body),
        line: 4,
    }
}

fn delete(name: &str) -> Change {
    Change {
        id: id(name),
        deed: Deed::Delete {
            before: json!({ "spec": {} }),
            uid: format!("u-{name}"),
            version: "7".into(),
        },
        line: 0,
    }
}

/// A server with no other objects than two pools.
async fn server() -> Server {
    let server = Server::start().await;
    server.always(&format!("get {POOLS}"), list("9", &[]));
    for name in ["lan", "iot"] {
        server.always(&format!("patch {POOLS}/{name}"), ok(&pool(name, "8")));
        server.always(&format!("delete {POOLS}/{name}"), ok("{}"));
    }
    server.always(&format!("post {POOLS}"), status(201, &pool("new", "8")));
    server
}

async fn change(server: &Server, changes: &[Change]) -> Changed {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    std::fs::write(&path, plain(server)).unwrap();
    let connection = connect(&target(path)).await.unwrap();
    change_pools(&connection, &form(), changes).await
}

fn refusal(code: u16, message: &str) -> Answer {
    let body = json!({ "kind": "Status", "status": "Failure", "code": code, "message": message });
    status(code, &body.to_string())
}

/// The requests that write, as `METHOD PATH?QUERY`, without their bodies.
fn written(server: &Server) -> Vec<String> {
    ["post", "patch", "delete"]
        .iter()
        .flat_map(|method| server.requests(method))
        .collect()
}

#[tokio::test]
async fn everything_is_tried_before_anything_is_done_and_each_at_its_version() {
    let server = server().await;
    let changes = [delete("iot"), patch("lan"), create("new")];
    let outcome = change(&server, &changes).await;
    assert_eq!(outcome.refusal, None);
    let done: Vec<(&str, bool, bool)> = outcome
        .done
        .iter()
        .map(|done| (&*done.id.name, done.before.is_some(), done.after.is_some()))
        .collect();
    assert_eq!(
        done,
        [
            ("iot", true, false),
            ("lan", true, true),
            ("new", false, true)
        ]
    );
    assert_eq!(
        (&*outcome.done[1].uid, &*outcome.done[1].version),
        ("u-lan", "8")
    );
    assert_eq!(
        outcome.live,
        Some(Live {
            form: form(),
            objects: Vec::new()
        })
    );
    let patches = server.requests("patch");
    assert_eq!(patches.len(), 2, "{patches:?}");
    assert!(patches[0].contains("dryRun=All") && !patches[1].contains("dryRun"));
    for patch in &patches {
        assert!(patch.contains("fieldValidation=Strict"), "{patch}");
        assert!(patch.contains(r#""resourceVersion":"7""#), "{patch}");
        assert!(patch.contains(r#""uid":"u-lan""#), "{patch}");
    }
    let deletes = server.requests("delete");
    assert!(
        deletes[1].contains(r#""preconditions":{"resourceVersion":"7","uid":"u-iot"}"#),
        "{deletes:?}"
    );
}

#[tokio::test]
async fn a_refused_trial_changes_nothing_and_is_told_in_the_servers_words() {
    let server = server().await;
    let message = "admission webhook \"ipaddresspoolvalidationwebhook.metallb.io\" denied the request: \
        parsing address pool new: invalid CIDR \"10.0.0.1\"";
    server.next(&format!("post {POOLS}"), [refusal(422, message)]);
    let outcome = change(&server, &[patch("lan"), create("new")]).await;
    let refused = outcome.refusal.unwrap();
    assert_eq!(
        (refused.index, refused.kind),
        (Some(1), RefusalKind::Refused)
    );
    assert_eq!(
        refused.problem.why,
        "parsing address pool new: invalid CIDR \"10.0.0.1\""
    );
    assert!(
        refused.problem.what.contains("nothing was changed"),
        "{:?}",
        refused.problem
    );
    assert!(outcome.done.is_empty());
    assert!(
        written(&server)
            .iter()
            .all(|line| line.contains("dryRun=All"))
    );
    assert!(
        outcome.live.is_some(),
        "what is there now is read in any case"
    );
}

#[tokio::test]
async fn somebody_elses_change_is_a_conflict_whatever_the_server_calls_it() {
    for (change_, code, message) in [
        (patch("lan"), 409, "the object has been modified"),
        (patch("lan"), 404, "ipaddresspools \"lan\" not found"),
        (create("new"), 409, "ipaddresspools \"new\" already exists"),
        (delete("iot"), 409, "the UID in the precondition"),
    ] {
        let server = server().await;
        let kind = match &change_.deed {
            Deed::Create(_) => format!("post {POOLS}"),
            Deed::Patch { .. } => format!("patch {POOLS}/lan"),
            Deed::Delete { .. } => format!("delete {POOLS}/iot"),
        };
        server.next(&kind, [refusal(code, message)]);
        let outcome = change(&server, &[change_]).await;
        let refused = outcome.refusal.unwrap();
        assert_eq!(refused.kind, RefusalKind::Conflict, "{message}");
        assert!(refused.problem.sentence().contains("somebody else"));
        assert!(outcome.done.is_empty());
    }
}

/// MetalLB counts addresses in the status of its pools: between our reading and our writing the version has moved on.
#[tokio::test]
async fn a_version_that_only_the_status_has_moved_on_is_no_conflict() {
    let Deed::Patch { before, .. } = patch("lan").deed else {
        panic!("a patch");
    };
    let is_now = |range: &str| {
        let mut now: Value = serde_json::from_str(&pool("lan", "8")).unwrap();
        now["spec"]["addresses"] = json!([range]);
        now["status"] = json!({ "availableIPv4": 3 });
        ok(&now.to_string())
    };
    let mut change_ = patch("lan");
    if let Deed::Patch { before, .. } = &mut change_.deed {
        *before = Known::read(&pool("lan", "7")).unwrap().value;
    }
    assert_eq!(
        before,
        json!({ "spec": {} }),
        "what the others take for granted"
    );
    let moved = || refusal(409, "the object has been modified");
    let server = server().await;
    server.always("list lan", is_now("10.0.0.1/32"));
    server.next(&format!("patch {POOLS}/lan"), [moved()]);
    let outcome = change(&server, &[change_.clone()]).await;
    assert_eq!(outcome.refusal, None);
    let patches = server.requests("patch");
    let versions: Vec<bool> = patches
        .iter()
        .map(|it| it.contains(r#""resourceVersion":"8""#))
        .collect();
    assert_eq!(versions, [false, true, false], "{patches:?}");

    let server = self::server().await;
    server.always("list lan", is_now("10.0.0.9/32"));
    server.next(&format!("patch {POOLS}/lan"), [moved()]);
    let outcome = change(&server, &[change_]).await;
    assert_eq!(
        outcome.refusal.unwrap().kind,
        RefusalKind::Conflict,
        "it says something else"
    );
}

#[tokio::test]
async fn a_row_that_is_refused_half_way_says_how_far_it_came() {
    let server = server().await;
    let path = format!("patch {POOLS}/iot");
    server.next(
        &path,
        [
            ok(&pool("iot", "8")),
            refusal(500, "no space left on device"),
        ],
    );
    let outcome = change(&server, &[patch("lan"), patch("iot"), create("new")]).await;
    assert_eq!(outcome.done.len(), 1);
    assert_eq!(outcome.done[0].id.name, "lan");
    let refused = outcome.refusal.unwrap();
    assert_eq!(refused.index, Some(1));
    assert!(refused.problem.why.contains("no space left"));
    let is_real = |line: &&String| !line.contains("dryRun");
    assert_eq!(
        server.requests("post").iter().filter(is_real).count(),
        0,
        "the rest is not tried"
    );
}

#[tokio::test]
async fn a_pool_that_fits_only_after_the_one_before_it_is_not_refused_by_its_trial() {
    let overlap = "admission webhook \"x\" denied the request: CIDR \"10.0.0.8/29\" in pool \"new\" overlaps with already defined CIDR \"10.0.0.0/28\"";
    let server = server().await;
    server.next(&format!("post {POOLS}"), [refusal(403, overlap)]);
    // A webhook's refusal is a 403 too, but not about rights.
    let outcome = change(&server, &[patch("lan"), create("new")]).await;
    assert_eq!(outcome.refusal, None, "{outcome:?}");
    assert_eq!((outcome.done.len(), outcome.untried.len()), (2, 1));
    assert!(outcome.untried[0].contains("create IPAddressPool new"));

    let alone = server_with_overlap(overlap).await;
    let outcome = change(&alone, &[create("new")]).await;
    assert_eq!(outcome.refusal.unwrap().kind, RefusalKind::Refused);
}

async fn server_with_overlap(message: &str) -> Server {
    let server = server().await;
    server.always(&format!("post {POOLS}"), refusal(403, message));
    server
}

#[tokio::test]
async fn without_the_right_it_is_told_which_one_is_missing() {
    let server = server().await;
    let message =
        "ipaddresspools.metallb.io \"lan\" is forbidden: User \"ops\" cannot patch resource";
    server.always(&format!("patch {POOLS}/lan"), refusal(403, message));
    let outcome = change(&server, &[patch("lan")]).await;
    let refused = outcome.refusal.unwrap();
    assert_eq!(refused.kind, RefusalKind::Failed);
    assert!(
        refused.problem.next.contains("kubectl create clusterrole"),
        "{:?}",
        refused.problem
    );
}
