//! What metrics.k8s.io says about all nodes, in one answer.

use std::borrow::Cow;

use serde::Deserialize;

use super::wire::{Meta, null_as_default};
use crate::rack::facts::Usage;
use crate::rack::node::NodeName;
use crate::rack::quantity;

pub(in crate::clients::kubernetes) const PATH: &str = "/apis/metrics.k8s.io/v1beta1/nodes";

#[derive(Deserialize)]
struct List<'a> {
    #[serde(borrow, deserialize_with = "null_as_default")]
    items: Vec<Item<'a>>,
}

#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow)]
    metadata: Meta<'a>,
    #[serde(borrow)]
    usage: Amounts<'a>,
}

#[derive(Deserialize)]
struct Amounts<'a> {
    #[serde(borrow)]
    cpu: Cow<'a, str>,
    #[serde(borrow)]
    memory: Cow<'a, str>,
}

/// Decodes the list. A node whose figures are no quantities is left out: `?` is shown for it.
pub(in crate::clients::kubernetes) fn list(json: &[u8]) -> serde_json::Result<Vec<Usage>> {
    let list: List<'_> = serde_json::from_slice(json)?;
    Ok(list.items.iter().filter_map(usage).collect())
}

fn usage(item: &Item<'_>) -> Option<Usage> {
    Some(Usage {
        node: NodeName::new(&item.metadata.name),
        cpu_milli: quantity::milli(&item.usage.cpu)?,
        memory_bytes: quantity::whole(&item.usage.memory)?,
    })
}
