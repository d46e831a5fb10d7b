//! Nodes on the wire. Images and all annotations but one, most of a node's bytes, are skipped.

use std::borrow::Cow;

use serde::Deserialize;

use super::wire::{Labels, Meta, Stamp, null_as_default};
use super::{Kind, Object};
use crate::rack::facts::{Change, Fact};
use crate::rack::link::Source;
use crate::rack::node::{
    Address, Condition, Node, NodeInfo, NodeName, ResourceVersion, Resources, Taint, Truth, Uid,
    kept_args,
};
use crate::rack::quantity;

impl Kind for Node {
    const SOURCE: Source = Source::Nodes;
    const PATH: &'static str = "/api/v1/nodes";

    type Wire<'a> = Wire<'a>;

    fn name(&self) -> String {
        self.name.as_str().to_owned()
    }

    fn fact(change: Change<Self>) -> Fact {
        Fact::Nodes(change)
    }
}

#[derive(Deserialize)]
pub(in crate::clients::kubernetes) struct Wire<'a> {
    #[serde(borrow)]
    metadata: Meta<'a, Labels, Annotations<'a>>,
    #[serde(borrow, default, deserialize_with = "null_as_default")]
    spec: Spec<'a>,
    #[serde(borrow, default, deserialize_with = "null_as_default")]
    status: Status<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Annotations<'a> {
    /// A JSON array as text.
    #[serde(borrow, rename = "k3s.io/node-args")]
    node_args: Cow<'a, str>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Spec<'a> {
    #[serde(deserialize_with = "null_as_default")]
    unschedulable: bool,
    #[serde(borrow, deserialize_with = "null_as_default")]
    taints: Vec<WireTaint<'a>>,
    #[serde(deserialize_with = "null_as_default", rename = "podCIDRs")]
    pod_cidrs: Vec<Box<str>>,
}

#[derive(Deserialize)]
struct WireTaint<'a> {
    #[serde(borrow, default)]
    key: Cow<'a, str>,
    #[serde(borrow, default)]
    value: Cow<'a, str>,
    #[serde(borrow, default)]
    effect: Cow<'a, str>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Status<'a> {
    #[serde(borrow, deserialize_with = "null_as_default")]
    addresses: Vec<WireAddress<'a>>,
    #[serde(borrow, deserialize_with = "null_as_default")]
    conditions: Vec<WireCondition<'a>>,
    #[serde(borrow, deserialize_with = "null_as_default")]
    capacity: WireResources<'a>,
    #[serde(borrow, deserialize_with = "null_as_default")]
    allocatable: WireResources<'a>,
    #[serde(borrow, deserialize_with = "null_as_default")]
    node_info: WireInfo<'a>,
}

#[derive(Deserialize)]
struct WireAddress<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    address: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireCondition<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    status: Cow<'a, str>,
    #[serde(borrow, default)]
    reason: Cow<'a, str>,
    #[serde(borrow, default)]
    message: Cow<'a, str>,
    #[serde(default)]
    last_transition_time: Stamp,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "kebab-case")]
struct WireResources<'a> {
    #[serde(borrow)]
    cpu: Cow<'a, str>,
    #[serde(borrow)]
    memory: Cow<'a, str>,
    #[serde(borrow)]
    ephemeral_storage: Cow<'a, str>,
    #[serde(borrow)]
    pods: Cow<'a, str>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct WireInfo<'a> {
    #[serde(borrow)]
    architecture: Cow<'a, str>,
    #[serde(borrow)]
    os_image: Cow<'a, str>,
    #[serde(borrow)]
    kernel_version: Cow<'a, str>,
    #[serde(borrow)]
    kubelet_version: Cow<'a, str>,
    #[serde(borrow)]
    container_runtime_version: Cow<'a, str>,
    #[serde(borrow, rename = "machineID")]
    machine_id: Cow<'a, str>,
    #[serde(borrow, rename = "bootID")]
    boot_id: Cow<'a, str>,
}

impl From<Wire<'_>> for Object<Node> {
    fn from(wire: Wire<'_>) -> Self {
        let Wire {
            metadata,
            spec,
            status,
        } = wire;
        let version: Box<str> = metadata.resource_version.into();
        let item = Node {
            name: NodeName::new(&metadata.name),
            uid: Uid(metadata.uid.into()),
            resource_version: ResourceVersion(version.clone()),
            created: metadata.creation_timestamp.0,
            labels: metadata.labels,
            taints: spec.taints.into_iter().map(taint).collect(),
            unschedulable: spec.unschedulable,
            addresses: status.addresses.into_iter().map(address).collect(),
            conditions: status.conditions.into_iter().map(condition).collect(),
            capacity: resources(&status.capacity),
            allocatable: resources(&status.allocatable),
            info: info(status.node_info),
            pod_cidrs: spec.pod_cidrs,
            k3s_args: k3s_args(&metadata.annotations.node_args),
        };
        Object { version, item }
    }
}

/// Text that is no array of arguments says nothing.
fn k3s_args(text: &str) -> Vec<Box<str>> {
    serde_json::from_str(text).map_or_else(|_| Vec::new(), |all: Vec<String>| kept_args(&all))
}

fn taint(wire: WireTaint<'_>) -> Taint {
    Taint {
        key: wire.key.into(),
        value: wire.value.into(),
        effect: wire.effect.into(),
    }
}

fn address(wire: WireAddress<'_>) -> Address {
    Address {
        kind: wire.kind.into(),
        address: wire.address.into(),
    }
}

fn condition(wire: WireCondition<'_>) -> Condition {
    Condition {
        kind: wire.kind.into(),
        status: match &*wire.status {
            "True" => Truth::True,
            "False" => Truth::False,
            _ => Truth::Unknown,
        },
        reason: wire.reason.into(),
        message: wire.message.into(),
        since: wire.last_transition_time.0,
    }
}

fn resources(wire: &WireResources<'_>) -> Resources {
    Resources {
        cpu_milli: quantity::milli(&wire.cpu),
        memory_bytes: quantity::whole(&wire.memory),
        disk_bytes: quantity::whole(&wire.ephemeral_storage),
        pods: quantity::whole(&wire.pods),
    }
}

fn info(wire: WireInfo<'_>) -> NodeInfo {
    NodeInfo {
        architecture: wire.architecture.into(),
        os_image: wire.os_image.into(),
        kernel_version: wire.kernel_version.into(),
        kubelet_version: wire.kubelet_version.into(),
        container_runtime: wire.container_runtime_version.into(),
        machine_id: wire.machine_id.into(),
        boot_id: wire.boot_id.into(),
    }
}
