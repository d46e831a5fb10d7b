//! ServiceL2Status and ServiceBGPStatus on the wire.

use std::borrow::Cow;

use serde::Deserialize;

use super::wire::{Meta, null_as_default, some};
use super::{Kind, Object, plural_if_served};
use crate::clients::kubernetes::place::Place;
use crate::rack::announcement::{BgpStatus, L2Status};
use crate::rack::facts::{Change, Fact};
use crate::rack::link::Source;
use crate::rack::node::NodeName;
use crate::rack::service::ServiceName;

impl Kind for L2Status {
    const SOURCE: Source = Source::L2Statuses;
    const PATH: &'static str = "/apis/metallb.io/v1beta1/servicel2statuses";

    type Wire<'a> = Wire<'a>;

    fn name(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    fn fact(change: Change<Self>) -> Fact {
        Fact::L2Statuses(change)
    }

    fn path(place: &Place) -> Option<Cow<'static, str>> {
        plural_if_served(place, Self::PATH)
    }
}

impl Kind for BgpStatus {
    const SOURCE: Source = Source::BgpStatuses;
    const PATH: &'static str = "/apis/metallb.io/v1beta1/servicebgpstatuses";

    type Wire<'a> = Wire<'a>;

    fn name(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    fn fact(change: Change<Self>) -> Fact {
        Fact::BgpStatuses(change)
    }

    fn path(place: &Place) -> Option<Cow<'static, str>> {
        plural_if_served(place, Self::PATH)
    }
}

#[derive(Deserialize)]
pub(in crate::clients::kubernetes) struct Wire<'a> {
    #[serde(borrow)]
    metadata: Meta<'a, StatusLabels<'a>>,
    #[serde(borrow, default, deserialize_with = "null_as_default")]
    status: Status<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct StatusLabels<'a> {
    #[serde(borrow, rename = "metallb.io/node")]
    node: Cow<'a, str>,
    #[serde(borrow, rename = "metallb.io/service-name")]
    service: Cow<'a, str>,
    #[serde(borrow, rename = "metallb.io/service-namespace")]
    namespace: Cow<'a, str>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Status<'a> {
    #[serde(borrow, deserialize_with = "null_as_default")]
    node: Cow<'a, str>,
    #[serde(borrow, deserialize_with = "null_as_default")]
    service_name: Cow<'a, str>,
    #[serde(borrow, deserialize_with = "null_as_default")]
    service_namespace: Cow<'a, str>,
    #[serde(borrow, deserialize_with = "null_as_default")]
    interfaces: Vec<Interface<'a>>,
    #[serde(deserialize_with = "null_as_default")]
    peers: Vec<Box<str>>,
}

#[derive(Deserialize)]
struct Interface<'a> {
    #[serde(borrow, default, deserialize_with = "null_as_default")]
    name: Cow<'a, str>,
}

impl Wire<'_> {
    /// 0.14.4 and 0.14.5 wrote no names into the status.
    fn service(&self) -> Option<ServiceName> {
        let (labels, status) = (&self.metadata.labels, &self.status);
        let name = first(&status.service_name, &labels.service)?;
        let namespace = first(&status.service_namespace, &labels.namespace)?;
        Some(ServiceName::new(namespace, name))
    }

    fn node(&self) -> Option<NodeName> {
        first(&self.status.node, &self.metadata.labels.node).map(NodeName::new)
    }
}

fn first<'a>(one: &'a str, other: &'a str) -> Option<&'a str> {
    [one, other].into_iter().find(|it| !it.is_empty())
}

impl From<Wire<'_>> for Object<L2Status> {
    fn from(wire: Wire<'_>) -> Self {
        let (service, node) = (wire.service(), wire.node());
        let interfaces = wire.status.interfaces.iter();
        Object {
            item: L2Status {
                service,
                node,
                interfaces: interfaces.filter_map(|it| some(&it.name)).collect(),
                created: wire.metadata.creation_timestamp.0,
                namespace: wire.metadata.namespace.into(),
                name: wire.metadata.name.into(),
            },
            version: wire.metadata.resource_version.into(),
        }
    }
}

impl From<Wire<'_>> for Object<BgpStatus> {
    fn from(wire: Wire<'_>) -> Self {
        Object {
            item: BgpStatus {
                service: wire.service(),
                node: wire.node(),
                peers: wire.status.peers,
                namespace: wire.metadata.namespace.into(),
                name: wire.metadata.name.into(),
            },
            version: wire.metadata.resource_version.into(),
        }
    }
}
