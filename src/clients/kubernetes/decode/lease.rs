//! Leases of `kube-node-lease` on the wire: the heartbeats.

use std::time::Duration;

use serde::Deserialize;

use super::wire::{Meta, Stamp, null_as_default};
use super::{Kind, Object};
use crate::rack::facts::{Change, Fact};
use crate::rack::link::Source;
use crate::rack::node::{Lease, NodeName};

impl Kind for Lease {
    const SOURCE: Source = Source::Leases;
    const PATH: &'static str = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases";

    type Wire<'a> = Wire<'a>;

    fn name(&self) -> String {
        format!("kube-node-lease/{}", self.node)
    }

    fn fact(change: Change<Self>) -> Fact {
        Fact::Leases(change)
    }
}

#[derive(Deserialize)]
pub(in crate::clients::kubernetes) struct Wire<'a> {
    #[serde(borrow)]
    metadata: Meta<'a>,
    #[serde(default, deserialize_with = "null_as_default")]
    spec: Spec,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    renew_time: Stamp,
    lease_duration_seconds: Option<i64>,
}

impl From<Wire<'_>> for Object<Lease> {
    fn from(wire: Wire<'_>) -> Self {
        let duration = wire.spec.lease_duration_seconds;
        Object {
            item: Lease {
                node: NodeName::new(&wire.metadata.name),
                renewed: wire.spec.renew_time.0,
                duration: duration
                    .and_then(|seconds| u64::try_from(seconds).ok())
                    .map(Duration::from_secs),
            },
            version: wire.metadata.resource_version.into(),
        }
    }
}
