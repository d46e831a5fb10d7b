//! Who is on a node, and what ties them to it: pods, the DaemonSets that own them, volumes that lie on the board.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::clients::kubernetes::connection::{Asking, Connection};
use crate::clients::kubernetes::decode::wire::null_as_default;
use crate::clients::kubernetes::error::{Error, Rule};
use crate::rack::drain::{Occupant, PodId};
use crate::rack::node::{NodeName, Uid};

const fn listing(resource: &'static str, group: &'static str) -> Rule {
    Rule {
        verbs: "list",
        resource,
        group,
        namespace: None,
    }
}
static PODS: Rule = listing("pods", "");
static DAEMON_SETS: Rule = listing("daemonsets", "apps");
static VOLUMES: Rule = listing("persistentvolumes", "");

/// The pods of a node at one version.
pub(super) struct Listed {
    pub(super) occupants: Vec<Occupant>,
    pub(super) version: String,
}

/// `/api/v1/pods` of one node only.
pub(super) fn path(node: &NodeName) -> String {
    let mut path = "/api/v1/pods?fieldSelector=spec.nodeName%3D".to_owned();
    crate::clients::kubernetes::source::push_encoded(&mut path, node.as_str());
    path
}

pub(super) async fn list(connection: &Connection, node: &NodeName) -> Result<Listed, Error> {
    let list: List<Pod> = read(connection, &path(node), &PODS, "pods").await?;
    Ok(Listed {
        version: list.metadata.resource_version,
        occupants: list.items.into_iter().map(occupant).collect(),
    })
}

/// All DaemonSets by namespace and name; `None` when they cannot be read, so that nobody takes them to be gone.
pub(super) async fn daemon_sets(connection: &Connection) -> Option<BTreeSet<(Box<str>, Box<str>)>> {
    let path = "/apis/apps/v1/daemonsets";
    let list: List<Bare> = read(connection, path, &DAEMON_SETS, "daemonsets")
        .await
        .ok()?;
    let name = |it: Bare| (it.metadata.namespace, it.metadata.name);
    Some(list.items.into_iter().map(name).collect())
}

/// The claims whose volume can be used on this node only, as `namespace/name`; `None` when volumes cannot be read.
pub(super) async fn pinned_claims(
    connection: &Connection,
    node: &NodeName,
) -> Option<BTreeSet<String>> {
    let path = "/api/v1/persistentvolumes";
    let list: List<Volume> = read(connection, path, &VOLUMES, "persistentvolumes")
        .await
        .ok()?;
    let pinned = list
        .items
        .into_iter()
        .filter(|volume| volume.is_pinned_to(node));
    let claim = |volume: Volume| volume.spec.claim_ref;
    let claims = pinned.filter_map(claim);
    Some(
        claims
            .map(|it| format!("{}/{}", it.namespace, it.name))
            .collect(),
    )
}

async fn read<T: DeserializeOwned>(
    connection: &Connection,
    path: &str,
    rule: &'static Rule,
    what: &'static str,
) -> Result<T, Error> {
    let body = connection.get(path, Asking { rule, what }).await?;
    serde_json::from_slice(&body).map_err(|error| Error::Unreadable {
        what: format!("the list of {what}"),
        why: error.to_string(),
    })
}

fn occupant(pod: Pod) -> Occupant {
    let Meta {
        namespace,
        name,
        uid,
        owner_references,
        annotations,
        deletion_timestamp,
    } = pod.metadata;
    let owner = owner_references.into_iter().find(|it| it.controller);
    let mut empty_dirs = Vec::new();
    let mut claims = Vec::new();
    for volume in pod.spec.volumes {
        if volume.empty_dir.is_some() {
            empty_dirs.push(volume.name);
        } else if let Some(claim) = volume.persistent_volume_claim {
            claims.push(claim.claim_name);
        }
    }
    Occupant {
        pod: PodId {
            namespace,
            name,
            uid: Uid(uid),
        },
        controller: owner.map(|owner| (owner.kind, owner.name)),
        is_mirror: annotations.mirror.is_some(),
        empty_dirs,
        claims,
        is_finished: matches!(&*pod.status.phase, "Succeeded" | "Failed"),
        is_terminating: deletion_timestamp.is_some(),
    }
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
struct List<T> {
    #[serde(default)]
    metadata: ListMeta,
    #[serde(default = "Vec::new", deserialize_with = "null_as_default")]
    items: Vec<T>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct ListMeta {
    resource_version: String,
}

#[derive(Deserialize)]
struct Pod {
    metadata: Meta,
    #[serde(default)]
    spec: PodSpec,
    #[serde(default)]
    status: PodStatus,
}

#[derive(Deserialize)]
struct Bare {
    metadata: Meta,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    name: Box<str>,
    #[serde(default)]
    namespace: Box<str>,
    #[serde(default)]
    uid: Box<str>,
    #[serde(default, deserialize_with = "null_as_default")]
    owner_references: Vec<Owner>,
    #[serde(default, deserialize_with = "null_as_default")]
    annotations: Annotations,
    #[serde(default)]
    deletion_timestamp: Option<IgnoredAny>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Annotations {
    #[serde(rename = "kubernetes.io/config.mirror")]
    mirror: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Owner {
    #[serde(default)]
    kind: Box<str>,
    #[serde(default)]
    name: Box<str>,
    #[serde(default, deserialize_with = "null_as_default")]
    controller: bool,
}

#[derive(Deserialize, Default)]
struct PodSpec {
    #[serde(default, deserialize_with = "null_as_default")]
    volumes: Vec<PodVolume>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PodVolume {
    #[serde(default)]
    name: Box<str>,
    #[serde(default)]
    empty_dir: Option<IgnoredAny>,
    #[serde(default)]
    persistent_volume_claim: Option<ClaimSource>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClaimSource {
    #[serde(default)]
    claim_name: Box<str>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct PodStatus {
    phase: Cow<'static, str>,
}

#[derive(Deserialize)]
struct Volume {
    #[serde(default)]
    spec: VolumeSpec,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct VolumeSpec {
    claim_ref: Option<ClaimRef>,
    #[serde(deserialize_with = "null_as_default")]
    node_affinity: Affinity,
}

#[derive(Deserialize)]
struct ClaimRef {
    #[serde(default)]
    namespace: Box<str>,
    #[serde(default)]
    name: Box<str>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Affinity {
    #[serde(deserialize_with = "null_as_default")]
    required: Terms,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Terms {
    #[serde(deserialize_with = "null_as_default")]
    node_selector_terms: Vec<Term>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Term {
    #[serde(deserialize_with = "null_as_default")]
    match_expressions: Vec<Expression>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Expression {
    key: Box<str>,
    operator: Box<str>,
    #[serde(deserialize_with = "null_as_default")]
    values: Vec<Box<str>>,
}

impl Volume {
    /// As k3s' local-path provisioner makes them: `kubernetes.io/hostname In [node]` and nothing else.
    fn is_pinned_to(&self, node: &NodeName) -> bool {
        let terms = &self.spec.node_affinity.required.node_selector_terms;
        let is_this_node = |it: &Expression| {
            &*it.key == "kubernetes.io/hostname"
                && &*it.operator == "In"
                && it.values.len() == 1
                && it.values.first().is_some_and(|value| **value == *node.0)
        };
        !terms.is_empty()
            && terms
                .iter()
                .all(|term| term.match_expressions.iter().any(is_this_node))
    }
}
