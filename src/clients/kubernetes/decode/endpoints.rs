//! EndpointSlices on the wire. Those of headless Services are not asked for: no address leads to them.

use std::borrow::Cow;

use serde::Deserialize;

use super::wire::{Meta, null_as_default, protocol, some};
use super::{Kind, Object};
use crate::rack::endpoints::{Endpoint, EndpointPort, EndpointSlice};
use crate::rack::facts::{Change, Fact};
use crate::rack::link::Source;
use crate::rack::node::NodeName;
use crate::rack::service::ServiceName;

impl Kind for EndpointSlice {
    const SOURCE: Source = Source::EndpointSlices;
    const PATH: &'static str = "/apis/discovery.k8s.io/v1/endpointslices";
    const QUERY: &'static str = "labelSelector=%21service.kubernetes.io%2Fheadless";

    type Wire<'a> = Wire<'a>;

    fn name(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    fn fact(change: Change<Self>) -> Fact {
        Fact::EndpointSlices(change)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::clients::kubernetes) struct Wire<'a> {
    #[serde(borrow)]
    metadata: Meta<'a, SliceLabels<'a>>,
    #[serde(borrow, default, deserialize_with = "null_as_default")]
    address_type: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "null_as_default")]
    ports: Vec<WirePort<'a>>,
    #[serde(borrow, default, deserialize_with = "null_as_default")]
    endpoints: Vec<WireEndpoint<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct SliceLabels<'a> {
    #[serde(borrow, rename = "kubernetes.io/service-name")]
    service: Cow<'a, str>,
}

#[derive(Deserialize)]
struct WirePort<'a> {
    #[serde(borrow, default, deserialize_with = "null_as_default")]
    name: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "null_as_default")]
    protocol: Cow<'a, str>,
    #[serde(default)]
    port: Option<u16>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireEndpoint<'a> {
    #[serde(borrow, default, deserialize_with = "null_as_default")]
    addresses: Vec<Cow<'a, str>>,
    #[serde(default, deserialize_with = "null_as_default")]
    conditions: Conditions,
    #[serde(borrow, default)]
    node_name: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "null_as_default")]
    target_ref: Target<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Conditions {
    ready: Option<bool>,
    serving: Option<bool>,
    terminating: Option<bool>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Target<'a> {
    #[serde(borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    name: Cow<'a, str>,
}

impl From<Wire<'_>> for Object<EndpointSlice> {
    fn from(wire: Wire<'_>) -> Self {
        let metadata = wire.metadata;
        let service = &*metadata.labels.service;
        let has_service = !service.is_empty();
        Object {
            item: EndpointSlice {
                service: has_service.then(|| ServiceName::new(&metadata.namespace, service)),
                namespace: metadata.namespace.into(),
                name: metadata.name.into(),
                family: wire.address_type.into(),
                ports: wire.ports.into_iter().map(port).collect(),
                endpoints: wire.endpoints.into_iter().map(endpoint).collect(),
            },
            version: metadata.resource_version.into(),
        }
    }
}

fn port(wire: WirePort<'_>) -> EndpointPort {
    EndpointPort {
        name: wire.name.into(),
        protocol: protocol(&wire.protocol),
        port: wire.port,
    }
}

fn endpoint(wire: WireEndpoint<'_>) -> Endpoint {
    let is_ready = wire.conditions.ready.unwrap_or(true);
    let pod = some(&wire.target_ref.name).filter(|_| wire.target_ref.kind == "Pod");
    Endpoint {
        address: wire.addresses.into_iter().next().unwrap_or_default().into(),
        node: wire.node_name.and_then(|name| some(&name)).map(NodeName),
        pod,
        is_ready,
        is_serving: wire.conditions.serving.unwrap_or(is_ready),
        is_terminating: wire.conditions.terminating.unwrap_or(false),
    }
}
