//! What configures MetalLB, on the wire. People edit these objects, so their text is kept: they alone are read as a
//! tree of values, which is affordable because there are few of them.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error as _};
use serde_json::{Map, Value};

use super::wire::{Labels, Selector, Stamp, null_as_default};
use super::{Kind, Object, plural_if_served};
use crate::clients::kubernetes::place::{Notice, Place};
use crate::clients::kubernetes::source::push_encoded;
use crate::rack::config_object::{
    BfdProfile, BgpAdvertisement, BgpPeer, Community, ConfigKind, Head, IpAddressPool,
    L2Advertisement, PoolConfigMap, PoolStatus, Selection, ServiceAllocation, Text,
};
use crate::rack::facts::{Change, Fact};
use crate::rack::link::Source;
use crate::rack::node::{ResourceVersion, Uid};
use crate::rack::selector::LabelSelector;

/// An object with its text: what is common, and the part `S` that is its own.
pub(in crate::clients::kubernetes) struct Wire<S> {
    metadata: Meta,
    spec: S,
    status: Value,
    /// Without managedFields and status.
    tree: Map<String, Value>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Meta {
    name: Box<str>,
    #[serde(default)]
    namespace: Box<str>,
    #[serde(default)]
    uid: Box<str>,
    #[serde(default)]
    resource_version: Box<str>,
    #[serde(default)]
    creation_timestamp: Stamp,
    #[serde(default)]
    deletion_timestamp: Stamp,
    #[serde(default, deserialize_with = "null_as_default")]
    finalizers: Vec<Box<str>>,
    #[serde(default, deserialize_with = "null_as_default")]
    labels: Labels,
}

impl<'de, S: DeserializeOwned + Default> Deserialize<'de> for Wire<S> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut tree = Map::deserialize(deserializer)?;
        let status = tree.remove("status").unwrap_or_default();
        let metadata = tree.get_mut("metadata").and_then(Value::as_object_mut);
        let metadata = metadata.ok_or_else(|| D::Error::missing_field("metadata"))?;
        metadata.remove("managedFields");
        let metadata = Meta::deserialize(&*metadata).map_err(D::Error::custom)?;
        let spec = match tree.get("spec") {
            // An L2Advertisement without a spec is legal and means all pools.
            None | Some(Value::Null) => S::default(),
            Some(spec) => S::deserialize(spec).map_err(D::Error::custom)?,
        };
        Ok(Self {
            metadata,
            spec,
            status,
            tree,
        })
    }
}

/// A kind whose objects carry their text.
pub(in crate::clients::kubernetes) trait Config:
    Sized + Send + 'static
{
    const KIND: ConfigKind;
    const SOURCE: Source;
    const PATH: &'static str;
    type Spec: DeserializeOwned + Default;

    fn new(head: Head, wire: Wire<Self::Spec>) -> Self;
    fn head(&self) -> &Head;
    fn fact(change: Change<Self>) -> Fact;

    fn path(place: &Place) -> Option<Cow<'static, str>> {
        plural_if_served(place, Self::PATH)
    }

    fn notice(_change: &Change<Self>) -> Option<Notice> {
        None
    }
}

impl<C: Config> Kind for C {
    const SOURCE: Source = C::SOURCE;
    const PATH: &'static str = C::PATH;

    type Wire<'a> = Wire<C::Spec>;

    fn name(&self) -> String {
        let head = self.head();
        format!("{}/{}", head.namespace, head.name)
    }

    fn fact(change: Change<Self>) -> Fact {
        C::fact(change)
    }

    fn path(place: &Place) -> Option<Cow<'static, str>> {
        <C as Config>::path(place)
    }

    fn notice(change: &Change<Self>) -> Option<Notice> {
        <C as Config>::notice(change)
    }
}

impl<C: Config> From<Wire<C::Spec>> for Object<C> {
    fn from(mut wire: Wire<C::Spec>) -> Self {
        let version = wire.metadata.resource_version.clone();
        let head = wire.take_head(C::KIND);
        Object {
            version,
            item: C::new(head, wire),
        }
    }
}

impl<S> Wire<S> {
    fn take_head(&mut self, kind: ConfigKind) -> Head {
        // Objects of a list of a built-in kind do not say what they are.
        self.tree
            .insert("apiVersion".to_owned(), kind.api_version().into());
        self.tree.insert("kind".to_owned(), kind.word().into());
        let manifest = serde_json::to_string(&self.tree).unwrap_or_default();
        let meta = std::mem::take(&mut self.metadata);
        Head {
            kind,
            namespace: meta.namespace,
            name: meta.name,
            uid: Uid(meta.uid),
            resource_version: ResourceVersion(meta.resource_version),
            created: meta.creation_timestamp.0,
            deleted: meta.deletion_timestamp.0,
            finalizers: meta.finalizers,
            labels: meta.labels,
            manifest: Text(manifest.into()),
        }
    }

    /// The status, or nothing when there is none or it is odd: it is no part of the configuration.
    fn status<T: DeserializeOwned>(&self) -> Option<T> {
        T::deserialize(&self.status).ok()
    }
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::clients::kubernetes) struct PoolSpec {
    #[serde(deserialize_with = "null_as_default")]
    addresses: Vec<Box<str>>,
    auto_assign: Option<bool>,
    #[serde(rename = "avoidBuggyIPs", deserialize_with = "null_as_default")]
    avoid_buggy_ips: bool,
    service_allocation: Option<Allocation>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Allocation {
    #[serde(deserialize_with = "null_as_default")]
    priority: i64,
    #[serde(deserialize_with = "null_as_default")]
    namespaces: Vec<Box<str>>,
    #[serde(deserialize_with = "null_as_default")]
    namespace_selectors: Vec<Selector>,
    #[serde(deserialize_with = "null_as_default")]
    service_selectors: Vec<Selector>,
}

#[derive(Deserialize)]
struct WirePoolStatus {
    #[serde(rename = "assignedIPv4")]
    assigned_v4: i64,
    #[serde(rename = "assignedIPv6")]
    assigned_v6: i64,
    #[serde(rename = "availableIPv4")]
    available_v4: i64,
    #[serde(rename = "availableIPv6")]
    available_v6: i64,
}

impl Config for IpAddressPool {
    const KIND: ConfigKind = ConfigKind::IpAddressPool;
    const SOURCE: Source = Source::IpAddressPools;
    const PATH: &'static str = "/apis/metallb.io/v1beta1/ipaddresspools";
    type Spec = PoolSpec;

    fn new(head: Head, wire: Wire<PoolSpec>) -> Self {
        let status = wire.status::<WirePoolStatus>().map(|it| PoolStatus {
            assigned_v4: it.assigned_v4,
            assigned_v6: it.assigned_v6,
            available_v4: it.available_v4,
            available_v6: it.available_v6,
        });
        let spec = wire.spec;
        Self {
            head,
            addresses: spec.addresses,
            auto_assign: spec.auto_assign.unwrap_or(true),
            avoid_buggy_ips: spec.avoid_buggy_ips,
            allocation: spec.service_allocation.map(|it| ServiceAllocation {
                priority: it.priority,
                namespaces: it.namespaces,
                namespace_selectors: selectors(it.namespace_selectors),
                service_selectors: selectors(it.service_selectors),
            }),
            status,
        }
    }

    fn head(&self) -> &Head {
        &self.head
    }

    fn fact(change: Change<Self>) -> Fact {
        Fact::IpAddressPools(change)
    }

    fn notice(change: &Change<Self>) -> Option<Notice> {
        let selects = |it: &Self| {
            let allocation = it.allocation.as_ref();
            allocation.is_some_and(|it| !it.namespace_selectors.is_empty())
        };
        match change {
            Change::Listed(all) => Some(Notice::NamespacesMatter(all.iter().any(selects))),
            Change::Applied(it) => selects(it).then_some(Notice::NamespacesMatter(true)),
            Change::Deleted(_) => None,
        }
    }
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::clients::kubernetes) struct AdvertisementSpec {
    #[serde(deserialize_with = "null_as_default")]
    ip_address_pools: Vec<Box<str>>,
    #[serde(deserialize_with = "null_as_default")]
    ip_address_pool_selectors: Vec<Selector>,
    #[serde(deserialize_with = "null_as_default")]
    node_selectors: Vec<Selector>,
    #[serde(deserialize_with = "null_as_default")]
    service_selectors: Vec<Selector>,
    // Of an L2Advertisement.
    #[serde(deserialize_with = "null_as_default")]
    interfaces: Vec<Box<str>>,
    // Of a BGPAdvertisement.
    #[serde(deserialize_with = "null_as_default")]
    peers: Vec<Box<str>>,
    aggregation_length: Option<i64>,
    aggregation_length_v6: Option<i64>,
}

impl AdvertisementSpec {
    fn take_selection(&mut self) -> Selection {
        Selection {
            pools: std::mem::take(&mut self.ip_address_pools),
            pool_selectors: selectors(std::mem::take(&mut self.ip_address_pool_selectors)),
            nodes: selectors(std::mem::take(&mut self.node_selectors)),
            services: selectors(std::mem::take(&mut self.service_selectors)),
        }
    }
}

impl Config for L2Advertisement {
    const KIND: ConfigKind = ConfigKind::L2Advertisement;
    const SOURCE: Source = Source::L2Advertisements;
    const PATH: &'static str = "/apis/metallb.io/v1beta1/l2advertisements";
    type Spec = AdvertisementSpec;

    fn new(head: Head, mut wire: Wire<AdvertisementSpec>) -> Self {
        Self {
            head,
            selection: wire.spec.take_selection(),
            interfaces: wire.spec.interfaces,
        }
    }

    fn head(&self) -> &Head {
        &self.head
    }

    fn fact(change: Change<Self>) -> Fact {
        Fact::L2Advertisements(change)
    }
}

impl Config for BgpAdvertisement {
    const KIND: ConfigKind = ConfigKind::BgpAdvertisement;
    const SOURCE: Source = Source::BgpAdvertisements;
    const PATH: &'static str = "/apis/metallb.io/v1beta1/bgpadvertisements";
    type Spec = AdvertisementSpec;

    fn new(head: Head, mut wire: Wire<AdvertisementSpec>) -> Self {
        Self {
            head,
            selection: wire.spec.take_selection(),
            peers: wire.spec.peers,
            aggregation_length: wire.spec.aggregation_length,
            aggregation_length_v6: wire.spec.aggregation_length_v6,
        }
    }

    fn head(&self) -> &Head {
        &self.head
    }

    fn fact(change: Change<Self>) -> Fact {
        Fact::BgpAdvertisements(change)
    }
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::clients::kubernetes) struct PeerSpec {
    #[serde(deserialize_with = "null_as_default")]
    peer_address: Box<str>,
    #[serde(deserialize_with = "null_as_default")]
    node_selectors: Vec<Selector>,
    bfd_profile: Option<Box<str>>,
}

impl Config for BgpPeer {
    const KIND: ConfigKind = ConfigKind::BgpPeer;
    const SOURCE: Source = Source::BgpPeers;
    const PATH: &'static str = "/apis/metallb.io/v1beta2/bgppeers";
    type Spec = PeerSpec;

    fn new(head: Head, wire: Wire<PeerSpec>) -> Self {
        Self {
            head,
            address: wire.spec.peer_address,
            nodes: selectors(wire.spec.node_selectors),
            bfd_profile: wire.spec.bfd_profile.filter(|it| !it.is_empty()),
        }
    }

    fn head(&self) -> &Head {
        &self.head
    }

    fn fact(change: Change<Self>) -> Fact {
        Fact::BgpPeers(change)
    }
}

/// A spec of which only the text is used.
#[derive(Deserialize, Default)]
pub(in crate::clients::kubernetes) struct Unread {}

impl Config for BfdProfile {
    const KIND: ConfigKind = ConfigKind::BfdProfile;
    const SOURCE: Source = Source::BfdProfiles;
    const PATH: &'static str = "/apis/metallb.io/v1beta1/bfdprofiles";
    type Spec = Unread;

    fn new(head: Head, _: Wire<Unread>) -> Self {
        Self { head }
    }

    fn head(&self) -> &Head {
        &self.head
    }

    fn fact(change: Change<Self>) -> Fact {
        Fact::BfdProfiles(change)
    }
}

impl Config for Community {
    const KIND: ConfigKind = ConfigKind::Community;
    const SOURCE: Source = Source::Communities;
    const PATH: &'static str = "/apis/metallb.io/v1beta1/communities";
    type Spec = Unread;

    fn new(head: Head, _: Wire<Unread>) -> Self {
        Self { head }
    }

    fn head(&self) -> &Head {
        &self.head
    }

    fn fact(change: Change<Self>) -> Fact {
        Fact::Communities(change)
    }
}

impl Config for PoolConfigMap {
    const KIND: ConfigKind = ConfigKind::ConfigMap;
    const SOURCE: Source = Source::PoolConfigMaps;
    const PATH: &'static str = "/api/v1/namespaces/metallb-system/configmaps";
    type Spec = Unread;

    fn new(head: Head, wire: Wire<Unread>) -> Self {
        let data = wire.tree.get("data").and_then(|it| it.get("config"));
        let config = data.and_then(Value::as_str);
        Self {
            head,
            config: config.map(|it| Text(it.into())),
        }
    }

    fn head(&self) -> &Head {
        &self.head
    }

    fn fact(change: Change<Self>) -> Fact {
        Fact::PoolConfigMaps(change)
    }

    fn path(place: &Place) -> Option<Cow<'static, str>> {
        let (namespace, name) = (place.namespace()?, place.config_map());
        let mut path =
            format!("/api/v1/namespaces/{namespace}/configmaps?fieldSelector=metadata.name%3D");
        push_encoded(&mut path, name);
        Some(path.into())
    }
}

fn selectors(wire: Vec<Selector>) -> Vec<LabelSelector> {
    wire.into_iter().map(Into::into).collect()
}
