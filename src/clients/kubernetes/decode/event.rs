//! Events about Nodes and Services on the wire (core/v1, where the series of events.k8s.io appears as `series`).

use std::borrow::Cow;

use jiff::Timestamp;
use serde::Deserialize;

use super::wire::{Meta, Stamp, null_as_default};
use super::{Kind, Object};
use crate::rack::event::{NodeEvent, ServiceEvent};
use crate::rack::facts::{Change, Fact};
use crate::rack::link::Source;
use crate::rack::node::{NodeName, Uid};
use crate::rack::service::ServiceName;
use crate::rack::storage::StorageEvent;

impl Kind for NodeEvent {
    const SOURCE: Source = Source::Events;
    const PATH: &'static str = "/api/v1/events";
    const QUERY: &'static str = "fieldSelector=involvedObject.kind%3DNode";
    const PAGE: Option<u32> = Some(500);

    type Wire<'a> = Wire<'a>;

    fn name(&self) -> String {
        format!("event {}", self.uid.0)
    }

    fn fact(change: Change<Self>) -> Fact {
        Fact::Events(change)
    }
}

impl Kind for ServiceEvent {
    const SOURCE: Source = Source::ServiceEvents;
    const PATH: &'static str = "/api/v1/events";
    const QUERY: &'static str = "fieldSelector=involvedObject.kind%3DService";
    const PAGE: Option<u32> = Some(500);

    type Wire<'a> = Wire<'a>;

    fn name(&self) -> String {
        format!("event {}", self.uid.0)
    }

    fn fact(change: Change<Self>) -> Fact {
        Fact::ServiceEvents(change)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::clients::kubernetes) struct Wire<'a> {
    #[serde(borrow)]
    metadata: Meta<'a>,
    #[serde(borrow, default, deserialize_with = "null_as_default")]
    involved_object: Involved<'a>,
    #[serde(borrow, default, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    reason: Cow<'a, str>,
    #[serde(borrow, default)]
    message: Cow<'a, str>,
    #[serde(default, deserialize_with = "null_as_default")]
    count: i64,
    #[serde(default)]
    last_timestamp: Stamp,
    #[serde(default)]
    event_time: Stamp,
    #[serde(default, deserialize_with = "null_as_default")]
    series: Series,
    #[serde(borrow, default, deserialize_with = "null_as_default")]
    source: Sender<'a>,
    #[serde(borrow, default, deserialize_with = "null_as_default")]
    reporting_component: Cow<'a, str>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Involved<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    namespace: Cow<'a, str>,
    #[serde(borrow)]
    uid: Cow<'a, str>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Sender<'a> {
    #[serde(borrow)]
    component: Cow<'a, str>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Series {
    #[serde(deserialize_with = "null_as_default")]
    count: i64,
    last_observed_time: Stamp,
}

impl Wire<'_> {
    /// As what is kept of storage; with the version.
    pub(super) fn storage(self) -> (StorageEvent, Box<str>) {
        let event = StorageEvent {
            count: self.count(),
            last: self.last(),
            about: Uid(Box::from(&*self.involved_object.uid)),
            uid: Uid(self.metadata.uid.into()),
            is_warning: self.kind == "Warning",
            reason: self.reason.into(),
            message: self.message.into(),
            component: if self.source.component.is_empty() {
                self.reporting_component.into()
            } else {
                self.source.component.into()
            },
        };
        (event, self.metadata.resource_version.into())
    }

    fn count(&self) -> u32 {
        let count = self.count.max(self.series.count).max(1);
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    fn last(&self) -> Option<Timestamp> {
        (self.last_timestamp.0)
            .or(self.series.last_observed_time.0)
            .or(self.event_time.0)
            .or(self.metadata.creation_timestamp.0)
    }
}

impl From<Wire<'_>> for Object<NodeEvent> {
    fn from(wire: Wire<'_>) -> Self {
        Object {
            item: NodeEvent {
                count: wire.count(),
                last: wire.last(),
                uid: Uid(wire.metadata.uid.into()),
                node: NodeName::new(&wire.involved_object.name),
                is_warning: wire.kind == "Warning",
                reason: wire.reason.into(),
                message: wire.message.into(),
            },
            version: wire.metadata.resource_version.into(),
        }
    }
}

impl From<Wire<'_>> for Object<ServiceEvent> {
    fn from(wire: Wire<'_>) -> Self {
        let about = &wire.involved_object;
        Object {
            item: ServiceEvent {
                count: wire.count(),
                last: wire.last(),
                service: ServiceName::new(&about.namespace, &about.name),
                service_uid: Uid(Box::from(&*about.uid)),
                uid: Uid(wire.metadata.uid.into()),
                is_warning: wire.kind == "Warning",
                reason: wire.reason.into(),
                message: wire.message.into(),
                component: if wire.source.component.is_empty() {
                    wire.reporting_component.into()
                } else {
                    wire.source.component.into()
                },
            },
            version: wire.metadata.resource_version.into(),
        }
    }
}
