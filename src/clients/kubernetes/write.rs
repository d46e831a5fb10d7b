//! The writers, and what is read for a person rather than for the table.
//!
//! Every writer reads its object again first and names the version it read, so that nothing is changed that was not
//! seen. The read-only switch stands before this, where effects are run.

use serde::Deserialize;
use serde_json::json;

use super::connection::{Asking, Connection};
use super::error::{Error, Rule};
use crate::rack::node::{NodeName, ResourceVersion, Uid};

const fn rule(verbs: &'static str) -> Rule {
    Rule {
        verbs,
        resource: "nodes",
        group: "",
        namespace: None,
    }
}
static GET: Rule = rule("get");
static PATCH: Rule = rule("patch");

fn asking(rule: &'static Rule) -> Asking {
    Asking {
        rule,
        what: "such node",
    }
}

fn path(node: &NodeName) -> String {
    let mut path = "/api/v1/nodes/".to_owned();
    super::source::push_encoded(&mut path, node.as_str());
    path
}

/// How often a change is tried against a node that others write at the same time: the node controller sets and takes
/// a taint for every cordon, and the kubelet reports now and then.
const TRIES: usize = 4;

/// Sets or clears `spec.unschedulable`, if the node is still the one with this uid. A conflict is settled by reading the
/// node again: the change does not depend on what else is written to it.
pub(super) async fn cordon(
    connection: &Connection,
    node: &NodeName,
    uid: &Uid,
    unschedulable: bool,
) -> Result<(), Error> {
    for _ in 0..TRIES {
        let version = read_again(connection, node, uid).await?;
        let body = json!({
            "metadata": { "uid": &*uid.0, "resourceVersion": &*version.0 },
            "spec": { "unschedulable": unschedulable.then_some(true) },
        });
        let path = format!("{}?fieldManager=bramble", path(node));
        let answer = connection
            .patch(&path, body.to_string().into_bytes(), asking(&PATCH))
            .await;
        match answer {
            Err(Error::Server { code: 409, .. }) => {}
            answer => return answer.map(drop),
        }
    }
    Err(Error::Conflict(node.clone()))
}

async fn read_again(
    connection: &Connection,
    node: &NodeName,
    uid: &Uid,
) -> Result<ResourceVersion, Error> {
    #[derive(Deserialize)]
    struct Object {
        metadata: Meta,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Meta {
        uid: Box<str>,
        resource_version: Box<str>,
    }
    let body = match connection.get(&path(node), asking(&GET)).await {
        Err(Error::Missing { .. }) => return Err(Error::Replaced(node.clone())),
        answer => answer?,
    };
    let object: Object = serde_json::from_slice(&body).map_err(|error| unreadable(node, &error))?;
    if object.metadata.uid != uid.0 {
        return Err(Error::Replaced(node.clone()));
    }
    Ok(ResourceVersion(object.metadata.resource_version))
}

/// The whole node as YAML, without managedFields.
pub(super) async fn node_yaml(connection: &Connection, node: &NodeName) -> Result<String, Error> {
    let body = connection.get(&path(node), asking(&GET)).await?;
    let mut value: serde_yaml::Value =
        serde_json::from_slice(&body).map_err(|error| unreadable(node, &error))?;
    if let Some(metadata) = value.get_mut("metadata").and_then(|it| it.as_mapping_mut()) {
        metadata.remove("managedFields");
    }
    serde_yaml::to_string(&value).map_err(|error| unreadable(node, &error))
}

fn unreadable(node: &NodeName, error: &impl ToString) -> Error {
    Error::Unreadable {
        what: format!("node {node}"),
        why: error.to_string(),
    }
}
