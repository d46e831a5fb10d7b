//! Namespaces on the wire, for their labels.

use std::borrow::Cow;

use serde::Deserialize;

use super::wire::{Labels, Meta};
use super::{Kind, Object};
use crate::clients::kubernetes::place::Place;
use crate::rack::facts::{Change, Fact};
use crate::rack::link::Source;
use crate::rack::namespace::Namespace;

impl Kind for Namespace {
    const SOURCE: Source = Source::Namespaces;
    const PATH: &'static str = "/api/v1/namespaces";

    type Wire<'a> = Wire<'a>;

    fn name(&self) -> String {
        self.name.to_string()
    }

    fn fact(change: Change<Self>) -> Fact {
        Fact::Namespaces(change)
    }

    fn path(place: &Place) -> Option<Cow<'static, str>> {
        place.wants_namespaces().then_some(Self::PATH.into())
    }
}

#[derive(Deserialize)]
pub(in crate::clients::kubernetes) struct Wire<'a> {
    #[serde(borrow)]
    metadata: Meta<'a, Labels>,
}

impl From<Wire<'_>> for Object<Namespace> {
    fn from(wire: Wire<'_>) -> Self {
        Object {
            item: Namespace {
                name: wire.metadata.name.into(),
                labels: wire.metadata.labels,
            },
            version: wire.metadata.resource_version.into(),
        }
    }
}
