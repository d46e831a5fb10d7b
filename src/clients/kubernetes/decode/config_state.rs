//! ConfigurationState on the wire: what MetalLB itself says of its configuration, since 0.15.3.

use std::borrow::Cow;

use serde::Deserialize;

use super::wire::{Meta, null_as_default};
use super::{Kind, Object, plural_if_served};
use crate::clients::kubernetes::place::Place;
use crate::rack::config_object::{ConfigurationState, Verdict};
use crate::rack::facts::{Change, Fact};
use crate::rack::link::Source;
use crate::rack::node::NodeName;

impl Kind for ConfigurationState {
    const SOURCE: Source = Source::ConfigurationStates;
    const PATH: &'static str = "/apis/metallb.io/v1beta1/configurationstates";

    type Wire<'a> = Wire<'a>;

    fn name(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    fn fact(change: Change<Self>) -> Fact {
        Fact::ConfigurationStates(change)
    }

    fn path(place: &Place) -> Option<Cow<'static, str>> {
        plural_if_served(place, Self::PATH)
    }
}

#[derive(Deserialize)]
pub(in crate::clients::kubernetes) struct Wire<'a> {
    #[serde(borrow)]
    metadata: Meta<'a, StateLabels<'a>>,
    #[serde(borrow, default, deserialize_with = "null_as_default")]
    status: Status<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct StateLabels<'a> {
    #[serde(borrow, rename = "metallb.io/node-name")]
    node: Option<Cow<'a, str>>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Status<'a> {
    #[serde(borrow, deserialize_with = "null_as_default")]
    result: Cow<'a, str>,
    #[serde(borrow, deserialize_with = "null_as_default")]
    error_summary: Cow<'a, str>,
    #[serde(borrow, deserialize_with = "null_as_default")]
    conditions: Vec<Condition<'a>>,
}

#[derive(Deserialize)]
struct Condition<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    status: Cow<'a, str>,
    #[serde(borrow, default)]
    message: Cow<'a, str>,
}

impl From<Wire<'_>> for Object<ConfigurationState> {
    fn from(wire: Wire<'_>) -> Self {
        let Wire { metadata, status } = wire;
        let conditions = status.conditions.into_iter();
        let complaints = conditions.filter(|it| it.status != "True");
        let node = metadata.labels.node.filter(|it| !it.is_empty());
        Object {
            item: ConfigurationState {
                namespace: metadata.namespace.into(),
                name: metadata.name.into(),
                node: node.map(|it| NodeName(it.into())),
                verdict: match &*status.result {
                    "Valid" => Verdict::Valid,
                    "Invalid" => Verdict::Invalid,
                    _ => Verdict::Unknown,
                },
                error: status.error_summary.into(),
                complaints: complaints
                    .map(|it| (it.kind.into(), it.message.into()))
                    .collect(),
            },
            version: metadata.resource_version.into(),
        }
    }
}
