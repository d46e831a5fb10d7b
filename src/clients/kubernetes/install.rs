//! A manifest, applied object after object: server-side apply, with strict checking of fields.
//!
//! Not here: reading the file. Invariants: fields that another manager owns are never taken by force; the first refusal
//! ends it, and everything before stays: applying again goes on where it stopped.

use std::collections::HashMap;
use std::time::Duration;

use http::Method;
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::connection::{Asking, Connection};
use super::error::{Error, Rule};
use crate::rack::manifest::{Manifest, ManifestObject};
use crate::rack::problem::{Problem, Severity, Subject};

static RULE: Rule = Rule {
    verbs: "get, create, patch",
    resource: "*",
    group: "*",
    namespace: None,
};
pub(super) static ASKING: Asking = Asking {
    rule: &RULE,
    what: "such kind of object",
};

/// How long a kind that the manifest itself has just made may take to be served, and a webhook to answer.
const PATIENCE: u32 = 20;
const PAUSE: Duration = Duration::from_millis(500);

/// The kinds of one version of a group: plural, and whether they live in a namespace.
pub(super) type Kinds = HashMap<String, (String, bool)>;

/// Applies all objects in their order. `steps` hears how many are done, and what comes next.
pub(super) async fn install(
    connection: &Connection,
    manifest: &Manifest,
    steps: mpsc::Sender<(usize, String)>,
) -> Result<(), Problem> {
    let mut known: HashMap<String, Kinds> = HashMap::new();
    for (done, object) in manifest.objects.iter().enumerate() {
        let _ = steps.send((done, object.id.to_string())).await;
        apply(connection, object, &mut known)
            .await
            .map_err(|error| stopped(manifest, done, object, &error))?;
    }
    Ok(())
}

async fn apply(
    connection: &Connection,
    object: &ManifestObject,
    known: &mut HashMap<String, Kinds>,
) -> Result<(), Error> {
    let path = place(connection, object, known).await?;
    let path = format!("{path}?fieldManager=bramble&fieldValidation=Strict");
    let kind = "application/apply-patch+yaml";
    let body = object.body.to_string().into_bytes();
    let mut tries = 0;
    loop {
        let write = connection.write(Method::PATCH, &path, kind, body.clone(), ASKING);
        match write.await {
            // The webhook of what has just been installed: its pod is on its way.
            Err(Error::Server { message, .. })
                if message.contains("failed calling webhook") && tries < PATIENCE =>
            {
                tries += 1;
                sleep(PAUSE).await;
            }
            answer => return answer.map(drop),
        }
    }
}

/// Where the object stands on the server. A kind that is not there yet may have been made a moment ago.
pub(super) async fn place(
    connection: &Connection,
    object: &ManifestObject,
    known: &mut HashMap<String, Kinds>,
) -> Result<String, Error> {
    let id = &object.id;
    let root = if id.api_version.contains('/') {
        format!("/apis/{}", id.api_version)
    } else {
        format!("/api/{}", id.api_version)
    };
    let mut tries = 0;
    let (plural, is_namespaced) = loop {
        let found = known
            .get(&id.api_version)
            .and_then(|kinds| kinds.get(&id.kind));
        if let Some(found) = found {
            break found.clone();
        }
        match kinds(connection, &root).await {
            Ok(kinds) => drop(known.insert(id.api_version.clone(), kinds)),
            Err(Error::Missing { .. }) => {}
            Err(error) => return Err(error),
        }
        let is_there = known
            .get(&id.api_version)
            .is_some_and(|kinds| kinds.contains_key(&id.kind));
        if !is_there {
            if tries >= PATIENCE {
                return Err(Error::Missing {
                    what: format!("kind {} in {}", id.kind, id.api_version),
                });
            }
            tries += 1;
            sleep(PAUSE).await;
        }
    };
    let mut path = root;
    if is_namespaced {
        path.push_str("/namespaces/");
        let namespace = if id.namespace.is_empty() {
            "default"
        } else {
            &id.namespace
        };
        super::source::push_encoded(&mut path, namespace);
    }
    path.push('/');
    path.push_str(&plural);
    path.push('/');
    super::source::push_encoded(&mut path, &id.name);
    Ok(path)
}

async fn kinds(connection: &Connection, root: &str) -> Result<Kinds, Error> {
    #[derive(Deserialize)]
    struct List {
        resources: Vec<Resource>,
    }
    #[derive(Deserialize)]
    struct Resource {
        name: String,
        kind: String,
        namespaced: bool,
    }
    let body = connection.get(root, ASKING).await?;
    let list: List = serde_json::from_slice(&body).map_err(|error| Error::Unreadable {
        what: format!("the kinds of {root}"),
        why: error.to_string(),
    })?;
    let is_object = |resource: &Resource| !resource.name.contains('/');
    Ok(list
        .resources
        .into_iter()
        .filter(is_object)
        .map(|resource| (resource.kind, (resource.name, resource.namespaced)))
        .collect())
}

pub(super) fn stopped(
    manifest: &Manifest,
    done: usize,
    object: &ManifestObject,
    error: &Error,
) -> Problem {
    let why = match error {
        Error::Server { message, .. } | Error::Forbidden { message, .. } => message.clone(),
        other => other.problem().sentence(),
    };
    let next = match error {
        Error::Forbidden { .. } => "installing needs the rights of a cluster administrator",
        Error::Server { code: 409, .. } => {
            "somebody else manages these fields; apply the manifest the way it was applied before"
        }
        _ => "mend it and install again: what is applied already stays",
    };
    let what = format!(
        "{} stops at {}, after {done} of {} objects",
        manifest.file,
        object.id,
        manifest.objects.len()
    );
    Problem::new(Severity::Warning, Subject::Program, what)
        .why(why)
        .next(next)
}
