//! Services on the wire: 1.6 kB each, half of it managedFields.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;

use super::wire::{Labels, Meta, Port, null_as_default, protocol, some};
use super::{Kind, Object};
use crate::rack::facts::{Change, Fact};
use crate::rack::link::Source;
use crate::rack::node::{ResourceVersion, Uid};
use crate::rack::service::{
    Ingress, Service, ServiceKind, ServiceName, ServicePort, TargetPort, TrafficPolicy,
    is_of_allocator,
};

impl Kind for Service {
    const SOURCE: Source = Source::Services;
    const PATH: &'static str = "/api/v1/services";

    type Wire<'a> = Wire<'a>;

    fn name(&self) -> String {
        self.name.to_string()
    }

    fn fact(change: Change<Self>) -> Fact {
        Fact::Services(change)
    }
}

#[derive(Deserialize)]
pub(in crate::clients::kubernetes) struct Wire<'a> {
    #[serde(borrow)]
    metadata: Meta<'a, Labels, BTreeMap<Cow<'a, str>, Cow<'a, str>>>,
    #[serde(borrow, default, deserialize_with = "null_as_default")]
    spec: Spec<'a>,
    #[serde(borrow, default, deserialize_with = "null_as_default")]
    status: Status<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Spec<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    load_balancer_class: Option<Cow<'a, str>>,
    #[serde(rename = "clusterIPs", deserialize_with = "null_as_default")]
    cluster_ips: Vec<Box<str>>,
    #[serde(borrow)]
    ip_family_policy: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "null_as_default")]
    ports: Vec<WirePort<'a>>,
    #[serde(deserialize_with = "null_as_default")]
    selector: Labels,
    #[serde(borrow)]
    external_traffic_policy: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "loadBalancerIP")]
    load_balancer_ip: Option<Cow<'a, str>>,
    allocate_load_balancer_node_ports: Option<bool>,
    #[serde(deserialize_with = "null_as_default")]
    publish_not_ready_addresses: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WirePort<'a> {
    #[serde(borrow, default, deserialize_with = "null_as_default")]
    name: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "null_as_default")]
    protocol: Cow<'a, str>,
    port: u16,
    #[serde(borrow, default)]
    target_port: Option<Port<'a>>,
    #[serde(default, deserialize_with = "null_as_default")]
    node_port: u16,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Status<'a> {
    #[serde(borrow, deserialize_with = "null_as_default")]
    load_balancer: Balancer<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Balancer<'a> {
    #[serde(borrow, deserialize_with = "null_as_default")]
    ingress: Vec<WireIngress<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireIngress<'a> {
    #[serde(borrow, default, deserialize_with = "null_as_default")]
    ip: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "null_as_default")]
    hostname: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "null_as_default")]
    ip_mode: Cow<'a, str>,
}

impl From<Wire<'_>> for Object<Service> {
    fn from(wire: Wire<'_>) -> Self {
        let Wire {
            metadata,
            spec,
            status,
        } = wire;
        let version: Box<str> = metadata.resource_version.into();
        let of_allocators = metadata.annotations.into_iter();
        let of_allocators = of_allocators.filter(|(key, _)| is_of_allocator(key));
        let item = Service {
            name: ServiceName::new(&metadata.namespace, &metadata.name),
            uid: Uid(metadata.uid.into()),
            resource_version: ResourceVersion(version.clone()),
            created: metadata.creation_timestamp.0,
            deleted: metadata.deletion_timestamp.0,
            finalizers: metadata.finalizers,
            labels: metadata.labels,
            annotations: of_allocators.map(|(k, v)| (k.into(), v.into())).collect(),
            kind: kind(&spec.kind),
            class: spec.load_balancer_class.and_then(|it| some(&it)),
            cluster_ips: spec.cluster_ips,
            family_policy: spec.ip_family_policy.and_then(|it| some(&it)),
            ports: spec.ports.into_iter().map(port).collect(),
            selector: spec.selector,
            external_traffic: match spec.external_traffic_policy.as_deref() {
                Some("Local") => TrafficPolicy::Local,
                _ => TrafficPolicy::Cluster,
            },
            load_balancer_ip: spec.load_balancer_ip.and_then(|it| some(&it)),
            allocates_node_ports: spec.allocate_load_balancer_node_ports.unwrap_or(true),
            publishes_not_ready: spec.publish_not_ready_addresses,
            ingress: status
                .load_balancer
                .ingress
                .into_iter()
                .map(ingress)
                .collect(),
        };
        Object { version, item }
    }
}

fn kind(word: &str) -> ServiceKind {
    match word {
        "LoadBalancer" => ServiceKind::LoadBalancer,
        "NodePort" => ServiceKind::NodePort,
        "ExternalName" => ServiceKind::ExternalName,
        _ => ServiceKind::ClusterIp,
    }
}

fn port(wire: WirePort<'_>) -> ServicePort {
    ServicePort {
        name: wire.name.into(),
        protocol: protocol(&wire.protocol),
        port: wire.port,
        target: match wire.target_port {
            Some(Port::Number(number)) => TargetPort::Number(number),
            Some(Port::Name(name)) => TargetPort::Name(name.into()),
            None => TargetPort::Number(wire.port),
        },
        node_port: (wire.node_port != 0).then_some(wire.node_port),
    }
}

fn ingress(wire: WireIngress<'_>) -> Ingress {
    Ingress {
        ip: wire.ip.into(),
        hostname: wire.hostname.into(),
        mode: wire.ip_mode.into(),
    }
}
