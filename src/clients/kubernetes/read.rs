//! The decoder by itself, for bytes that are in hand already: the same code that [`super::follow`] uses, without a
//! server. Benchmarks measure it here.

use super::decode::provisioner::Provisioning;
use super::decode::storage::{ClaimEvent, MountEvent};
use super::decode::workload::{DaemonSet, Deployment};
use super::decode::{self, Event, Kind};
use super::split::Splitter;
use crate::rack::announcement::{BgpStatus, L2Status};
use crate::rack::config_object::{
    BfdProfile, BgpAdvertisement, BgpPeer, Community, ConfigurationState, IpAddressPool,
    L2Advertisement, PoolConfigMap,
};
use crate::rack::endpoints::EndpointSlice;
use crate::rack::event::{NodeEvent, ServiceEvent};
use crate::rack::facts::{Change, Fact};
use crate::rack::link::Source;
use crate::rack::namespace::Namespace;
use crate::rack::node::{Lease, Node};
use crate::rack::pod::Pod;
use crate::rack::service::Service;
use crate::rack::storage::{Claim, StorageClass, Volume};

/// A list (or one page of it) as the fact that it is; objects that make no sense are left out.
pub(super) fn list(source: Source, body: &[u8]) -> Option<Fact> {
    fn of<K: Kind>(body: &[u8]) -> Option<Fact> {
        let mut items = Vec::new();
        let mut splitter = Splitter::default();
        let mut each =
            |json: &[u8]| items.extend(decode::object::<K>(json).ok().map(|object| object.item));
        splitter.push(body, &mut each).ok()?;
        splitter.finish().ok()?;
        Some(K::fact(Change::Listed(items)))
    }
    match source {
        Source::Nodes => of::<Node>(body),
        Source::Leases => of::<Lease>(body),
        Source::Pods => of::<Pod>(body),
        Source::Events => of::<NodeEvent>(body),
        Source::Services => of::<Service>(body),
        Source::EndpointSlices => of::<EndpointSlice>(body),
        Source::ServiceEvents => of::<ServiceEvent>(body),
        Source::DaemonSets => of::<DaemonSet>(body),
        Source::Deployments => of::<Deployment>(body),
        Source::Namespaces => of::<Namespace>(body),
        Source::PoolConfigMaps => of::<PoolConfigMap>(body),
        Source::IpAddressPools => of::<IpAddressPool>(body),
        Source::L2Advertisements => of::<L2Advertisement>(body),
        Source::BgpAdvertisements => of::<BgpAdvertisement>(body),
        Source::BgpPeers => of::<BgpPeer>(body),
        Source::BfdProfiles => of::<BfdProfile>(body),
        Source::Communities => of::<Community>(body),
        Source::L2Statuses => of::<L2Status>(body),
        Source::BgpStatuses => of::<BgpStatus>(body),
        Source::ConfigurationStates => of::<ConfigurationState>(body),
        Source::StorageClasses => of::<StorageClass>(body),
        Source::Claims => of::<Claim>(body),
        Source::Volumes => of::<Volume>(body),
        Source::Provisioners => of::<Provisioning>(body),
        Source::ClaimEvents => of::<ClaimEvent>(body),
        Source::MountEvents => of::<MountEvent>(body),
        Source::Metrics => None,
    }
}

/// A line of a watch as the fact that it is.
pub(super) fn line(source: Source, line: &[u8]) -> Option<Fact> {
    fn of<K: Kind>(line: &[u8]) -> Option<Fact> {
        match decode::event::<K>(line) {
            Event::Applied(object) => Some(K::fact(Change::Applied(object.item))),
            Event::Deleted(object) => Some(K::fact(Change::Deleted(object.item))),
            _ => None,
        }
    }
    match source {
        Source::Nodes => of::<Node>(line),
        Source::Leases => of::<Lease>(line),
        Source::Pods => of::<Pod>(line),
        Source::Events => of::<NodeEvent>(line),
        Source::Services => of::<Service>(line),
        Source::EndpointSlices => of::<EndpointSlice>(line),
        Source::ServiceEvents => of::<ServiceEvent>(line),
        Source::DaemonSets => of::<DaemonSet>(line),
        Source::Deployments => of::<Deployment>(line),
        Source::Namespaces => of::<Namespace>(line),
        Source::PoolConfigMaps => of::<PoolConfigMap>(line),
        Source::IpAddressPools => of::<IpAddressPool>(line),
        Source::L2Advertisements => of::<L2Advertisement>(line),
        Source::BgpAdvertisements => of::<BgpAdvertisement>(line),
        Source::BgpPeers => of::<BgpPeer>(line),
        Source::BfdProfiles => of::<BfdProfile>(line),
        Source::Communities => of::<Community>(line),
        Source::L2Statuses => of::<L2Status>(line),
        Source::BgpStatuses => of::<BgpStatus>(line),
        Source::ConfigurationStates => of::<ConfigurationState>(line),
        Source::StorageClasses => of::<StorageClass>(line),
        Source::Claims => of::<Claim>(line),
        Source::Volumes => of::<Volume>(line),
        Source::Provisioners => of::<Provisioning>(line),
        Source::ClaimEvents => of::<ClaimEvent>(line),
        Source::MountEvents => of::<MountEvent>(line),
        Source::Metrics => None,
    }
}
