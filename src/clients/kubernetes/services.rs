//! The writers of Services: each is tried by the server first (dry run), then done.

use http::Method;
use serde::Deserialize;
use serde_json::Value;

use super::connection::{Asking, Connection};
use super::error::{Error, Rule};
use super::source::push_encoded;
use super::write;
use crate::rack::node::Uid;
use crate::rack::problem::Subject;
use crate::rack::service::ServiceName;
use crate::rack::vip::wish::Exposure;

static GET_DEPLOYMENT: Rule = Rule {
    verbs: "get",
    resource: "deployments",
    group: "apps",
    namespace: None,
};
static CREATE_SERVICE: Rule = Rule {
    verbs: "create",
    resource: "services",
    group: "",
    namespace: None,
};

/// Changes the Service with this uid and no other: the server tries it first, with all its checks, and nothing is written
/// when it refuses.
pub async fn change(
    connection: &Connection,
    service: &ServiceName,
    uid: &Uid,
    change: &Value,
) -> Result<(), Error> {
    let object = Subject::Service(service.clone());
    write::try_change(connection, &object, uid, change).await?;
    write::change_guarded(connection, &object, uid, change).await
}

/// Makes a Service of type `LoadBalancer` for a Deployment, or two where TCP and UDP cannot be in one. All are tried
/// before the first is made.
pub async fn expose(connection: &Connection, exposure: &Exposure) -> Result<(), Error> {
    let selector = selector(connection, &exposure.deployment).await?;
    let manifests = exposure.manifests(&selector);
    let mut path = "/api/v1/namespaces/".to_owned();
    push_encoded(&mut path, &exposure.deployment.namespace);
    path.push_str("/services?fieldManager=bramble&fieldValidation=Strict");
    let asking = Asking {
        rule: &CREATE_SERVICE,
        what: "such namespace",
    };
    for query in ["&dryRun=All", ""] {
        for manifest in &manifests {
            let path = format!("{path}{query}");
            let body = manifest.to_string().into_bytes();
            connection
                .write(Method::POST, &path, "application/json", body, asking)
                .await?;
        }
    }
    Ok(())
}

/// The labels a Deployment selects its pods by, as they stand on the server now.
async fn selector(connection: &Connection, deployment: &ServiceName) -> Result<Value, Error> {
    #[derive(Deserialize)]
    struct Deployment {
        spec: Spec,
    }
    #[derive(Deserialize)]
    struct Spec {
        selector: Selector,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Selector {
        #[serde(default)]
        match_labels: Value,
        #[serde(default)]
        match_expressions: Vec<Value>,
    }
    let mut path = "/apis/apps/v1/namespaces/".to_owned();
    push_encoded(&mut path, &deployment.namespace);
    path.push_str("/deployments/");
    push_encoded(&mut path, &deployment.name);
    let asking = Asking {
        rule: &GET_DEPLOYMENT,
        what: "such deployment",
    };
    let body = connection.get(&path, asking).await?;
    let unreadable = |why: String| Error::Unreadable {
        what: format!("deployment {deployment}"),
        why,
    };
    let read: Deployment =
        serde_json::from_slice(&body).map_err(|error| unreadable(error.to_string()))?;
    let Selector {
        match_labels,
        match_expressions,
    } = read.spec.selector;
    let has_labels = match_labels.as_object().is_some_and(|it| !it.is_empty());
    if !has_labels || !match_expressions.is_empty() {
        let why = "a Service selects by labels alone, and this Deployment does not";
        return Err(unreadable(why.to_owned()));
    }
    Ok(match_labels)
}
