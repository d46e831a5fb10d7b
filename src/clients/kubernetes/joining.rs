//! What the cluster says of a board that joins: is its name free, is its Node there, does it beat, do its pods run.
//!
//! Small reads for one board at a time, made now and then while somebody waits; everything else follows watches.
//! Contents of secrets are never asked for: only their names.

use std::collections::BTreeSet;

use bytes::Bytes;
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::connection::{Asking, Connection};
use super::error::{Error, Rule};
use super::{remove, source};
use crate::rack::node::{NodeName, PasswordSecret, Uid};
use crate::rack::onboard::findings::KnownNode;

static NODES: Rule = rule("list", "nodes", "", None);
static NODE: Rule = rule("get", "nodes", "", None);
static LEASE: Rule = rule(
    "get",
    "leases",
    "coordination.k8s.io",
    Some("kube-node-lease"),
);
static PODS: Rule = rule("list", "pods", "", Some("kube-system"));
static SECRETS: Rule = rule("list", "secrets", "", Some("kube-system"));
/// Names without contents.
const NAMES: &str =
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";
const PASSWORD: &str = ".node-password.k3s";

const fn rule(
    verbs: &'static str,
    resource: &'static str,
    group: &'static str,
    namespace: Option<&'static str>,
) -> Rule {
    Rule {
        verbs,
        resource,
        group,
        namespace,
    }
}

/// A Node of this name as it is now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Joining {
    pub has_node: bool,
    pub is_ready: bool,
    pub is_uninitialised: bool,
    /// `spec.renewTime` of its Lease, as the server wrote it; only whether it changes counts.
    pub renewed: Option<String>,
    /// Pods of kube-system on it, and how many of them run or have succeeded.
    pub pods: u32,
    pub pods_running: u32,
}

#[derive(Deserialize)]
struct List<T> {
    /// `null` where a list of metadata alone is empty.
    items: Option<Vec<T>>,
}

#[derive(Deserialize)]
struct RawNode {
    metadata: Meta,
    #[serde(default)]
    spec: NodeSpec,
    #[serde(default)]
    status: NodeStatus,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    name: String,
    #[serde(default)]
    uid: String,
    creation_timestamp: Option<Timestamp>,
}

#[derive(Default, Deserialize)]
struct NodeSpec {
    #[serde(default)]
    taints: Vec<Taint>,
}

#[derive(Deserialize)]
struct Taint {
    key: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct NodeStatus {
    conditions: Vec<Condition>,
    node_info: NodeInfo,
}

#[derive(Deserialize)]
struct Condition {
    #[serde(rename = "type")]
    kind: String,
    status: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct NodeInfo {
    #[serde(rename = "machineID")]
    machine_id: String,
    kubelet_version: String,
}

#[derive(Deserialize)]
struct Lease {
    spec: LeaseSpec,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LeaseSpec {
    renew_time: Option<String>,
}

#[derive(Deserialize)]
struct RawPod {
    #[serde(default)]
    status: PodStatus,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PodStatus {
    phase: String,
    conditions: Vec<Condition>,
}

/// All Nodes, as far as a board that joins must know them. `now` is our own clock.
pub async fn nodes(connection: &Connection, now: Timestamp) -> Result<Vec<KnownNode>, Error> {
    let body = connection
        .get("/api/v1/nodes", asking(&NODES, "nodes"))
        .await?;
    let list: List<RawNode> = read(&body, "the nodes")?;
    let known = list.items.into_iter().flatten().map(|node| KnownNode {
        is_ready: is_true(&node.status.conditions, "Ready"),
        age: (node.metadata.creation_timestamp).map_or(0, |made| {
            u64::try_from(now.duration_since(made).as_secs()).unwrap_or(0)
        }),
        machine_id: node.status.node_info.machine_id,
        version: node.status.node_info.kubelet_version,
        name: node.metadata.name,
    });
    Ok(known.collect())
}

/// The names k3s keeps a node password for.
pub async fn passwords(connection: &Connection) -> Result<BTreeSet<String>, Error> {
    #[derive(Deserialize)]
    struct Named {
        metadata: Meta,
    }
    let path = "/api/v1/namespaces/kube-system/secrets";
    let body = connection
        .get_as(NAMES, path, asking(&SECRETS, "secrets"))
        .await?;
    let list: List<Named> = read(&body, "the secrets")?;
    let names = list.items.into_iter().flatten();
    Ok(names
        .filter_map(|it| it.metadata.name.strip_suffix(PASSWORD).map(str::to_owned))
        .collect())
}

/// How far a board has got.
pub async fn look(connection: &Connection, node: &str) -> Result<Joining, Error> {
    let mut path = "/api/v1/nodes/".to_owned();
    source::push_encoded(&mut path, node);
    let raw: RawNode = match connection.get(&path, asking(&NODE, "such node")).await {
        Err(Error::Missing { .. }) => return Ok(Joining::default()),
        answer => read(&answer?, "the node")?,
    };
    let uninitialised = "node.cloudprovider.kubernetes.io/uninitialized";
    let mut joining = Joining {
        has_node: true,
        is_ready: is_true(&raw.status.conditions, "Ready"),
        is_uninitialised: raw
            .spec
            .taints
            .iter()
            .any(|taint| taint.key == uninitialised),
        ..Joining::default()
    };
    let mut path = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/".to_owned();
    source::push_encoded(&mut path, node);
    match connection.get(&path, asking(&LEASE, "such lease")).await {
        Err(Error::Missing { .. }) => {}
        answer => joining.renewed = read::<Lease>(&answer?, "the lease")?.spec.renew_time,
    }
    let mut path = "/api/v1/namespaces/kube-system/pods?fieldSelector=spec.nodeName%3D".to_owned();
    source::push_encoded(&mut path, node);
    let body = connection.get(&path, asking(&PODS, "pods")).await?;
    let pods: List<RawPod> = read(&body, "the pods")?;
    for pod in pods.items.into_iter().flatten() {
        joining.pods += 1;
        let runs = pod.status.phase == "Running" && is_true(&pod.status.conditions, "Ready");
        joining.pods_running += u32::from(runs || pod.status.phase == "Succeeded");
    }
    Ok(joining)
}

/// What became of an old Node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removed {
    /// There was neither a Node nor a password.
    Nothing,
    Removed,
    /// It is Ready: nothing was done.
    IsAlive,
}

/// Removes the Node of that name and its password, unless it is alive: read again first, and removed by its UID.
pub async fn remove_dead(connection: &Connection, node: &str) -> Result<Removed, Error> {
    let name = NodeName::new(node);
    let mut path = "/api/v1/nodes/".to_owned();
    source::push_encoded(&mut path, node);
    match connection.get(&path, asking(&NODE, "such node")).await {
        Err(Error::Missing { .. }) => {
            if !passwords(connection).await?.contains(node) {
                return Ok(Removed::Nothing);
            }
            remove::password(connection, &name).await?;
        }
        answer => {
            let raw: RawNode = read(&answer?, "the node")?;
            if is_true(&raw.status.conditions, "Ready") {
                return Ok(Removed::IsAlive);
            }
            remove(connection, node, &Uid(raw.metadata.uid.into())).await?;
        }
    }
    Ok(Removed::Removed)
}

/// The UID of the Node of that name, if it is of this machine where one is named.
pub async fn uid(
    connection: &Connection,
    node: &str,
    machine: Option<&str>,
) -> Result<Option<Uid>, Error> {
    let mut path = "/api/v1/nodes/".to_owned();
    source::push_encoded(&mut path, node);
    let raw: RawNode = match connection.get(&path, asking(&NODE, "such node")).await {
        Err(Error::Missing { .. }) => return Ok(None),
        answer => read(&answer?, "the node")?,
    };
    let is_it = machine.is_none_or(|machine| raw.status.node_info.machine_id == machine);
    Ok(is_it.then(|| Uid(raw.metadata.uid.into())))
}

/// Removes the Node with this UID, and its password where that stays behind.
pub async fn remove(connection: &Connection, node: &str, uid: &Uid) -> Result<(), Error> {
    let name = NodeName::new(node);
    if remove::node(connection, &name, uid).await? == PasswordSecret::Left {
        remove::password(connection, &name).await?;
    }
    Ok(())
}

fn asking(rule: &'static Rule, what: &'static str) -> Asking {
    Asking { rule, what }
}

fn is_true(conditions: &[Condition], kind: &str) -> bool {
    conditions
        .iter()
        .any(|it| it.kind == kind && it.status == "True")
}

fn read<T: DeserializeOwned>(body: &Bytes, what: &str) -> Result<T, Error> {
    serde_json::from_slice(body).map_err(|error| Error::Unreadable {
        what: what.to_owned(),
        why: error.to_string(),
    })
}
