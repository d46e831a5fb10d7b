//! Events about Nodes on the wire (core/v1, where the series of events.k8s.io appears as `series`).

use std::borrow::Cow;

use serde::Deserialize;

use super::wire::{Meta, Stamp, null_as_default};
use super::{Kind, Object};
use crate::rack::event::NodeEvent;
use crate::rack::facts::{Change, Fact};
use crate::rack::link::Source;
use crate::rack::node::{NodeName, Uid};

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
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Involved<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Series {
    #[serde(deserialize_with = "null_as_default")]
    count: i64,
    last_observed_time: Stamp,
}

impl From<Wire<'_>> for Object<NodeEvent> {
    fn from(wire: Wire<'_>) -> Self {
        let count = wire.count.max(wire.series.count).max(1);
        let last = wire
            .last_timestamp
            .0
            .or(wire.series.last_observed_time.0)
            .or(wire.event_time.0)
            .or(wire.metadata.creation_timestamp.0);
        Object {
            version: wire.metadata.resource_version.into(),
            item: NodeEvent {
                uid: Uid(wire.metadata.uid.into()),
                node: NodeName::new(&wire.involved_object.name),
                is_warning: wire.kind == "Warning",
                reason: wire.reason.into(),
                message: wire.message.into(),
                count: u32::try_from(count).unwrap_or(u32::MAX),
                last,
            },
        }
    }
}
