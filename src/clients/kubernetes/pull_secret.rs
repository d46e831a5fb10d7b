//! Pull secrets in the cluster: the Secret itself, and its name with whoever pulls by it.
//!
//! Invariants: a Secret that we did not make is never replaced; lists of names only grow, at the version they were read
//! at; what a Secret holds is sent and never read.

use http::Method;
use serde_json::{Value, json};

use super::connection::{Asking, Connection};
use super::error::{Error, Rule};
use super::write::{self, JSON};
use crate::rack::problem::Subject;
use crate::rack::pull_secret::{Holder, TYPE, Wanted, token_of, with};
use crate::rack::secret::Secret;

const fn rule(verbs: &'static str, resource: &'static str) -> Rule {
    Rule {
        verbs,
        resource,
        group: "",
        namespace: None,
    }
}

static GET: Rule = rule("get", "secrets");
static CREATE: Rule = rule("create", "secrets");
static UPDATE: Rule = rule("update", "secrets");
static GET_ACCOUNT: Rule = rule("get", "serviceaccounts");
static PATCH_ACCOUNT: Rule = rule("patch", "serviceaccounts");
/// How often a list is read again that others write at the same time.
const TRIES: usize = 4;

/// A Secret of ours that is there already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    version: String,
    /// The deploy token it was made with, to be revoked once it is replaced.
    pub token: u64,
}

/// The Secret of that name: `None` when there is none; an error when it is somebody else's.
pub(super) async fn standing(
    connection: &Connection,
    wanted: &Wanted,
) -> Result<Option<Standing>, Error> {
    let path = write::namespaced("/api/v1", "secrets", &wanted.namespace, &wanted.name);
    // The head of it is enough: what it holds is nobody's business here.
    let accept = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
    let asking = asking(&GET, "such secret");
    let body = match connection.get_as(accept, &path, asking).await {
        Err(Error::Missing { .. }) => return Ok(None),
        answer => answer?,
    };
    let read = decoded(&body, "the secret")?;
    let metadata = &read["metadata"];
    let foreign = |why: String| Error::Unreadable {
        what: format!("secret {}/{}", wanted.namespace, wanted.name),
        why: format!("{why}: take another name, or delete it first"),
    };
    let token = match token_of(&metadata["annotations"]) {
        Some((token, source)) if source == wanted.source() => token,
        Some((_, source)) => return Err(foreign(format!("it holds the token of {source}"))),
        None => return Err(foreign("it was not made here".to_owned())),
    };
    Ok(Some(Standing {
        token,
        version: metadata["resourceVersion"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
    }))
}

/// Makes the Secret, or replaces what stands there if it is still that.
pub(super) async fn store(
    connection: &Connection,
    wanted: &Wanted,
    standing: Option<&Standing>,
    manifest: &Secret,
) -> Result<(), Error> {
    let mut path = write::namespaced("/api/v1", "secrets", &wanted.namespace, &wanted.name);
    let (method, body, rule) = match standing {
        None => {
            path.truncate(path.rfind('/').unwrap_or(path.len()));
            (Method::POST, manifest.expose().to_owned(), &CREATE)
        }
        Some(standing) => {
            let mut value = decoded(manifest.expose().as_bytes(), "our own secret")?;
            value["metadata"]["resourceVersion"] = json!(standing.version);
            (Method::PUT, value.to_string(), &UPDATE)
        }
    };
    let path = format!("{path}?fieldManager=bramble");
    let asking = asking(rule, "such namespace");
    let answer = connection
        .write(method, &path, JSON, body.into_bytes(), asking)
        .await;
    // An answer that quotes the body would quote the token.
    answer.map(drop).map_err(|error| match error {
        Error::Server { code, .. } => Error::Unreadable {
            what: format!("secret {}/{} ({TYPE})", wanted.namespace, wanted.name),
            why: format!("the server refused it ({code})"),
        },
        other => other,
    })
}

/// Puts the name of the Secret where its holder finds it; false when it is there already.
pub(super) async fn attach(connection: &Connection, wanted: &Wanted) -> Result<bool, Error> {
    let (workload, path, reading, changing) = match &wanted.holder {
        Holder::Account(name) => {
            let path = write::namespaced("/api/v1", "serviceaccounts", &wanted.namespace, name);
            let what = "such service account";
            (
                None,
                path,
                asking(&GET_ACCOUNT, what),
                asking(&PATCH_ACCOUNT, what),
            )
        }
        Holder::Workload(workload, maker) => {
            let uid = write::uid(connection, workload, maker).await?;
            let object = Subject::Workload(workload.clone());
            let (kind, path) = write::found(&object)?;
            (Some((object, uid)), path, kind.getting(), kind.patching())
        }
    };
    for _ in 0..TRIES {
        let body = connection.get(&path, reading).await?;
        let now = decoded(&body, "the holder of the secret")?;
        if let Some((object, uid)) = &workload
            && now["metadata"]["uid"] != *uid.0
        {
            return Err(Error::Replaced(object.clone()));
        }
        let names = match &workload {
            Some(_) => &now["spec"]["template"]["spec"]["imagePullSecrets"],
            None => &now["imagePullSecrets"],
        };
        let Some(names) = with(names, &wanted.name) else {
            return Ok(false);
        };
        let names = json!({ "imagePullSecrets": names });
        let mut change = match &workload {
            Some(_) => json!({ "spec": { "template": { "spec": names } } }),
            None => names,
        };
        change["metadata"] = json!({
            "uid": now["metadata"]["uid"],
            "resourceVersion": now["metadata"]["resourceVersion"],
        });
        let path = format!("{path}?fieldManager=bramble");
        let body = change.to_string().into_bytes();
        match connection.patch(&path, body, changing).await {
            Err(Error::Server { code: 409, .. }) => {}
            answer => return answer.map(|_| true),
        }
    }
    let what = workload.map_or(Subject::Link, |(object, _)| object);
    Err(Error::Conflict(what))
}

fn asking(rule: &'static Rule, what: &'static str) -> Asking {
    Asking { rule, what }
}

fn decoded(body: &[u8], what: &str) -> Result<Value, Error> {
    serde_json::from_slice(body).map_err(|_| Error::Unreadable {
        what: what.to_owned(),
        why: "it is no JSON".to_owned(),
    })
}
