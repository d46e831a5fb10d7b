//! Pods on the wire: 6.5 kB each, of which about 200 bytes are kept.

use std::borrow::Cow;

use serde::Deserialize;

use super::status;
use super::why;
use super::wire::{Stamp, null_as_default, some};
use super::{Kind, Object};
use crate::rack::facts::{Change, Fact};
use crate::rack::link::Source;
use crate::rack::node::{NodeName, Uid};
use crate::rack::pod::{Controller, Maker, Pod};

impl Kind for Pod {
    const SOURCE: Source = Source::Pods;
    const PATH: &'static str = "/api/v1/pods";
    const PAGE: Option<u32> = Some(500);

    type Wire<'a> = Wire<'a>;

    fn name(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    fn fact(change: Change<Self>) -> Fact {
        Fact::Pods(change)
    }
}

#[derive(Deserialize)]
pub(in crate::clients::kubernetes) struct Wire<'a> {
    #[serde(borrow)]
    metadata: PodMeta<'a>,
    #[serde(borrow, default, deserialize_with = "null_as_default")]
    pub(super) spec: Spec<'a>,
    #[serde(borrow, default, deserialize_with = "null_as_default")]
    pub(super) status: Status<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PodMeta<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow, default)]
    namespace: Cow<'a, str>,
    #[serde(borrow, default)]
    uid: Cow<'a, str>,
    #[serde(borrow, default)]
    resource_version: Cow<'a, str>,
    #[serde(default)]
    creation_timestamp: Stamp,
    #[serde(default)]
    deletion_timestamp: Stamp,
    #[serde(borrow, default, deserialize_with = "null_as_default")]
    owner_references: Vec<Owner<'a>>,
    #[serde(borrow, default, deserialize_with = "null_as_default")]
    labels: PodLabels<'a>,
}

/// What the Deployment controller writes onto the pods of its ReplicaSets.
#[derive(Deserialize, Default)]
#[serde(default)]
struct PodLabels<'a> {
    #[serde(borrow, rename = "pod-template-hash")]
    template_hash: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Owner<'a> {
    #[serde(borrow, default)]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    name: Cow<'a, str>,
    #[serde(borrow, default)]
    uid: Cow<'a, str>,
    #[serde(default, deserialize_with = "null_as_default")]
    controller: bool,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Spec<'a> {
    #[serde(borrow)]
    node_name: Cow<'a, str>,
    #[serde(borrow, deserialize_with = "null_as_default")]
    pub(super) containers: Vec<Container<'a>>,
    #[serde(borrow, deserialize_with = "null_as_default")]
    pub(super) init_containers: Vec<Container<'a>>,
    #[serde(borrow, deserialize_with = "null_as_default")]
    volumes: Vec<PodVolume<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PodVolume<'a> {
    #[serde(borrow, default)]
    persistent_volume_claim: Option<ClaimUse<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClaimUse<'a> {
    #[serde(borrow, default)]
    claim_name: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Container<'a> {
    #[serde(borrow, default)]
    pub(super) name: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) restart_policy: Cow<'a, str>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Status<'a> {
    #[serde(borrow)]
    pub(super) phase: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) reason: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) message: Cow<'a, str>,
    #[serde(borrow, deserialize_with = "null_as_default")]
    pub(super) conditions: Vec<Condition<'a>>,
    #[serde(borrow, deserialize_with = "null_as_default")]
    pub(super) init_container_statuses: Vec<ContainerStatus<'a>>,
    #[serde(borrow, deserialize_with = "null_as_default")]
    pub(super) container_statuses: Vec<ContainerStatus<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Condition<'a> {
    #[serde(borrow, default, rename = "type")]
    pub(super) kind: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) status: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) reason: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) message: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ContainerStatus<'a> {
    #[serde(borrow, default)]
    pub(super) name: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) image: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "null_as_default")]
    pub(super) last_state: State<'a>,
    #[serde(default, deserialize_with = "null_as_default")]
    pub(super) ready: bool,
    #[serde(default, deserialize_with = "null_as_default")]
    pub(super) started: bool,
    #[serde(default, deserialize_with = "null_as_default")]
    pub(super) restart_count: i64,
    #[serde(borrow, default, deserialize_with = "null_as_default")]
    pub(super) state: State<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct State<'a> {
    #[serde(borrow)]
    pub(super) waiting: Option<Waiting<'a>>,
    pub(super) running: Option<Running>,
    #[serde(borrow)]
    pub(super) terminated: Option<Terminated<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Waiting<'a> {
    #[serde(borrow, default)]
    pub(super) reason: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) message: Cow<'a, str>,
}

#[derive(Deserialize)]
pub(super) struct Running {}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Terminated<'a> {
    #[serde(borrow, default)]
    pub(super) reason: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) message: Cow<'a, str>,
    #[serde(default)]
    pub(super) exit_code: i64,
    #[serde(default)]
    pub(super) signal: i64,
}

impl Wire<'_> {
    pub(super) fn is_being_deleted(&self) -> bool {
        self.metadata.deletion_timestamp.0.is_some()
    }
}

impl From<Wire<'_>> for Object<Pod> {
    fn from(wire: Wire<'_>) -> Self {
        let summary = status::summary(&wire);
        let why = why::why(&wire).into_boxed_str();
        let metadata = wire.metadata;
        let volumes = wire.spec.volumes.iter();
        let claims =
            volumes.filter_map(|it| Some(&*it.persistent_volume_claim.as_ref()?.claim_name));
        let owner = metadata.owner_references.iter().find(|it| it.controller);
        Object {
            item: Pod {
                node: some(&wire.spec.node_name).map(NodeName),
                status: summary.word,
                ready: summary.ready,
                containers: summary.containers,
                restarts: summary.restarts,
                created: metadata.creation_timestamp.0,
                owner: owner.map(|owner| Box::from(&*owner.kind)),
                workload: owner.map(|it| Box::new(controller(it, &metadata.labels.template_hash))),
                why,
                claims: claims.map(Box::from).collect(),
                uid: Uid(metadata.uid.into()),
                namespace: metadata.namespace.into(),
                name: metadata.name.into(),
            },
            version: metadata.resource_version.into(),
        }
    }
}

/// The Deployment writes its hash onto its pods and into the name of its ReplicaSet; a ReplicaSet without one stands alone.
fn controller(owner: &Owner<'_>, template_hash: &str) -> Controller {
    let of_deployment = (owner.kind == "ReplicaSet" && !template_hash.is_empty())
        .then(|| owner.name.strip_suffix(template_hash)?.strip_suffix('-'))
        .flatten();
    let maker = Maker {
        uid: Uid((&*owner.uid).into()),
        replica_set: of_deployment.map(|_| (&*owner.name).into()),
    };
    match of_deployment {
        Some(name) => Controller {
            kind: "Deployment".into(),
            name: name.into(),
            maker,
        },
        None => Controller {
            kind: (&*owner.kind).into(),
            name: (&*owner.name).into(),
            maker,
        },
    }
}
