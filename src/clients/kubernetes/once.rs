//! Everything once, for the command line: what can be read is there, what cannot says why.

use super::connection::Connection;
use super::decode::Kind;
use super::error::Error;
use super::{metrics, source, supervisor};
use crate::rack::event::NodeEvent;
use crate::rack::facts::Usage;
use crate::rack::node::{Lease, Node};
use crate::rack::pod::Pod;

/// What was there at one moment; each part stands by itself. Objects that could not be read are left out and named.
pub struct Snapshot {
    pub version: Result<String, Error>,
    pub nodes: Result<Vec<Node>, Error>,
    pub leases: Result<Vec<Lease>, Error>,
    pub pods: Result<Vec<Pod>, Error>,
    pub events: Result<Vec<NodeEvent>, Error>,
    pub usage: Result<Vec<Usage>, Error>,
    /// Objects that could not be read, and why.
    pub unreadable: Vec<(String, String)>,
}

pub(super) async fn list(connection: &Connection) -> Snapshot {
    let (version, nodes, leases, pods, events, usage) = tokio::join!(
        supervisor::version(connection),
        all::<Node>(connection),
        all::<Lease>(connection),
        all::<Pod>(connection),
        all::<NodeEvent>(connection),
        metrics::once(connection),
    );
    let mut unreadable = Vec::new();
    Snapshot {
        version,
        nodes: sort_out(nodes, &mut unreadable),
        leases: sort_out(leases, &mut unreadable),
        pods: sort_out(pods, &mut unreadable),
        events: sort_out(events, &mut unreadable),
        usage,
        unreadable,
    }
}

type All<K> = Result<(Vec<K>, Vec<(String, String)>), Error>;

async fn all<K: Kind>(connection: &Connection) -> All<K> {
    let listed = source::list::<K>(connection, false, None).await?;
    Ok((listed.items, listed.failed.into_iter().collect()))
}

fn sort_out<K>(all: All<K>, unreadable: &mut Vec<(String, String)>) -> Result<Vec<K>, Error> {
    let (items, failed) = all?;
    unreadable.extend(failed);
    Ok(items)
}
