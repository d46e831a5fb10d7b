//! Pull secrets: made, replaced, and found by who pulls with them.

use bramble::clients::kubernetes::{self, Error};
use bramble::rack::node::Uid;
use bramble::rack::pipeline::ProjectId;
use bramble::rack::pipeline::state::ProjectRef;
use bramble::rack::pod::Maker;
use bramble::rack::pull_secret::{Holder, NewToken, TOKEN_ID, Wanted};
use bramble::rack::secret::Secret;
use bramble::rack::workload::WorkloadRef;
use http::Method;
use serde_json::{Value, json};

use crate::bed::Bed;
use crate::hand::JSON;
use crate::place::Who;

ask_both!(a_pull_secret_replaces_only_its_own_and_is_found_by_who_pulls);

fn token(id: u64) -> NewToken {
    NewToken {
        id,
        user: format!("gitlab+deploy-token-{id}"),
        secret: Secret::new(format!("gldt-{id}")),
    }
}

#[expect(
    clippy::too_many_lines,
    reason = "one Secret from its first token to its last"
)]
async fn a_pull_secret_replaces_only_its_own_and_is_found_by_who_pulls(bed: Bed) {
    let connection = kubernetes::connect(&bed.target(Who::Admin)).await.unwrap();
    let hand = bed.hand();
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "name": "puller", "namespace": "default" },
        "spec": {
            "replicas": 0,
            "selector": { "matchLabels": { "app": "puller" } },
            "template": {
                "metadata": { "labels": { "app": "puller" } },
                "spec": {
                    "containers": [{ "name": "web", "image": "reg.lan/ops/hub:1" }],
                    "imagePullSecrets": [{ "name": "other" }],
                },
            },
        },
    });
    let deployments = "/apis/apps/v1/namespaces/default/deployments";
    let made = hand
        .must(Method::POST, deployments, JSON, &deployment.to_string())
        .await;
    let uid = Uid(made["metadata"]["uid"].as_str().unwrap().into());
    let workload = WorkloadRef {
        kind: "Deployment".into(),
        namespace: "default".into(),
        name: "puller".into(),
    };
    let maker = |uid: Uid| Maker {
        uid,
        replica_set: None,
    };
    let mut wanted = Wanted {
        project: ProjectRef {
            instance: "office".into(),
            project: ProjectId(7),
        },
        path: "ops/hub".to_owned(),
        registry: "reg.lan:5050/ops/hub".to_owned(),
        namespace: "default".into(),
        name: "gitlab-pull".into(),
        holder: Holder::Workload(workload.clone(), maker(uid)),
        ends: "2037-01-01".parse().unwrap(),
        context: "rack".to_owned(),
    };
    let secret = "/api/v1/namespaces/default/secrets/gitlab-pull";
    assert_eq!(
        kubernetes::pull_secret(&connection, &wanted).await,
        Ok(None)
    );
    for id in [1, 2] {
        let standing = kubernetes::pull_secret(&connection, &wanted).await.unwrap();
        assert_eq!(standing.as_ref().map(|it| it.token), (id == 2).then_some(1));
        let manifest = wanted.manifest(&token(id));
        kubernetes::store_pull_secret(&connection, &wanted, standing.as_ref(), &manifest)
            .await
            .unwrap();
        let is_new = kubernetes::attach_pull_secret(&connection, &wanted).await;
        assert_eq!(is_new, Ok(id == 1));
    }
    let stored = hand.get(secret).await;
    assert_eq!(stored["type"], "kubernetes.io/dockerconfigjson");
    assert_eq!(
        stored["metadata"]["annotations"][TOKEN_ID],
        format!("2 {}", wanted.source())
    );
    // The number of a token means nothing in another project.
    let mut other = wanted.clone();
    other.path = "ops/other".into();
    let refused = kubernetes::pull_secret(&connection, &other).await;
    let why = refused.unwrap_err().to_string();
    assert!(why.contains("it holds the token of"), "{why}");
    let now = hand.get(&format!("{deployments}/puller")).await;
    let names = &now["spec"]["template"]["spec"]["imagePullSecrets"];
    assert_eq!(
        *names,
        json!([{ "name": "other" }, { "name": "gitlab-pull" }])
    );

    // One that was replaced meanwhile is not written over.
    let old = kubernetes::pull_secret(&connection, &wanted).await.unwrap();
    hand.patch(
        secret,
        &json!({ "metadata": { "labels": { "touched": "yes" } } }),
    )
    .await;
    let manifest = wanted.manifest(&token(3));
    let refused =
        kubernetes::store_pull_secret(&connection, &wanted, old.as_ref(), &manifest).await;
    let refused = format!("{:?}", refused.unwrap_err());
    assert!(!refused.contains("gldt"), "{refused}");

    // A namesake of the workload is left alone.
    wanted.holder = Holder::Workload(workload, maker(Uid("another".into())));
    let refused = kubernetes::attach_pull_secret(&connection, &wanted).await;
    assert!(matches!(refused, Err(Error::Replaced(_))), "{refused:?}");

    // A Secret of somebody else keeps its name.
    let foreign = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": { "name": "theirs", "namespace": "default" }, "data": {},
    });
    let secrets = "/api/v1/namespaces/default/secrets";
    hand.must(Method::POST, secrets, JSON, &foreign.to_string())
        .await;
    wanted.name = "theirs".into();
    let refused = kubernetes::pull_secret(&connection, &wanted).await;
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("was not made here"), "{refused}");

    if bed.is_real() {
        // The simulated rack keeps no service accounts.
        let account = json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "builder" } });
        let accounts = "/api/v1/namespaces/default/serviceaccounts";
        hand.must(Method::POST, accounts, JSON, &account.to_string())
            .await;
        wanted.name = "gitlab-pull".into();
        wanted.holder = Holder::Account("builder".into());
        assert_eq!(
            kubernetes::attach_pull_secret(&connection, &wanted).await,
            Ok(true)
        );
        assert_eq!(
            kubernetes::attach_pull_secret(&connection, &wanted).await,
            Ok(false)
        );
        let now: Value = hand.get(&format!("{accounts}/builder")).await;
        assert_eq!(now["imagePullSecrets"], json!([{ "name": "gitlab-pull" }]));
    }
}
