//! Deployments on the wire, as far as they make volumes. All are asked for, and only while a storage class wants one.

use std::borrow::Cow;

use serde::Deserialize;

use super::wire::null_as_default;
use super::{Kind, Object};
use crate::clients::kubernetes::place::Place;
use crate::rack::facts::{Change, Fact};
use crate::rack::link::Source;
use crate::rack::node::Uid;
use crate::rack::storage::Provisioner;

/// Any Deployment, of which those that provision are kept.
pub(in crate::clients::kubernetes) struct Provisioning {
    name: String,
    item: Option<Provisioner>,
}

impl Kind for Provisioning {
    const SOURCE: Source = Source::Provisioners;
    const PATH: &'static str = "/apis/apps/v1/deployments";
    const QUERY: &'static str = "";
    const PAGE: Option<u32> = Some(500);

    type Wire<'a> = DeploymentWire<'a>;

    fn name(&self) -> String {
        self.name.clone()
    }

    fn fact(change: Change<Self>) -> Fact {
        Fact::Provisioners(change.map(|it| it.item))
    }

    fn path(place: &Place) -> Option<Cow<'static, str>> {
        place.wants_provisioners().then_some(Self::PATH.into())
    }
}

#[derive(Deserialize)]
pub(in crate::clients::kubernetes) struct DeploymentWire<'a> {
    #[serde(borrow)]
    metadata: DeploymentMeta<'a>,
    #[serde(borrow, default, deserialize_with = "null_as_default")]
    spec: DeploymentSpec<'a>,
    #[serde(default, deserialize_with = "null_as_default")]
    status: DeploymentStatus,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeploymentMeta<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow, default)]
    namespace: Cow<'a, str>,
    #[serde(borrow, default)]
    uid: Cow<'a, str>,
    #[serde(borrow, default)]
    resource_version: Cow<'a, str>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct DeploymentSpec<'a> {
    replicas: Option<u32>,
    #[serde(borrow, deserialize_with = "null_as_default")]
    template: Template<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Template<'a> {
    #[serde(borrow, deserialize_with = "null_as_default")]
    spec: PodSpec<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct PodSpec<'a> {
    #[serde(borrow, deserialize_with = "null_as_default")]
    containers: Vec<Container<'a>>,
}

#[derive(Deserialize)]
struct Container<'a> {
    #[serde(borrow, default, deserialize_with = "null_as_default")]
    image: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "null_as_default")]
    env: Vec<Variable<'a>>,
}

#[derive(Deserialize)]
struct Variable<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "null_as_default")]
    value: Cow<'a, str>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct DeploymentStatus {
    #[serde(deserialize_with = "null_as_default")]
    ready_replicas: u32,
}

impl Container<'_> {
    fn variable(&self, name: &str) -> Option<&str> {
        let found = self.env.iter().find(|it| it.name == name);
        found.map(|it| &*it.value)
    }

    /// By its environment, or by its image.
    fn provisions_nfs(&self) -> bool {
        let has = |name| self.variable(name).is_some();
        let last = self.image.rsplit('/').next().unwrap_or(&self.image);
        let repository = last.split([':', '@']).next().unwrap_or(last);
        let names = [
            "nfs-subdir-external-provisioner",
            "nfs-client-provisioner",
            "nfs-client-provisioner-arm",
        ];
        (has("NFS_SERVER") && has("NFS_PATH") && has("PROVISIONER_NAME"))
            || names.contains(&repository)
    }
}

impl From<DeploymentWire<'_>> for Object<Provisioning> {
    fn from(wire: DeploymentWire<'_>) -> Self {
        let (metadata, spec) = (wire.metadata, wire.spec);
        let mut containers = spec.template.spec.containers.into_iter();
        let container = containers.find(Container::provisions_nfs);
        let item = container.map(|it| {
            let text = |name| Box::from(it.variable(name).unwrap_or_default());
            Provisioner {
                namespace: Box::from(&*metadata.namespace),
                name: Box::from(&*metadata.name),
                uid: Uid(Box::from(&*metadata.uid)),
                provisions: text("PROVISIONER_NAME"),
                server: text("NFS_SERVER"),
                path: text("NFS_PATH"),
                image: Box::from(&*it.image),
                desired: spec.replicas.unwrap_or(1),
                ready: wire.status.ready_replicas,
            }
        });
        Object {
            item: Provisioning {
                name: format!("{}/{}", metadata.namespace, metadata.name),
                item,
            },
            version: metadata.resource_version.into(),
        }
    }
}
