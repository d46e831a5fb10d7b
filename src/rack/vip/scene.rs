//! What all Services have in common, gathered once before each is looked at.

use std::collections::HashMap;
use std::net::IpAddr;

use super::pools::Pools;
use super::speakers::{Candidates, Speakers};
use crate::rack::Rack;
use crate::rack::config_object::{BgpAdvertisement, Head, L2Advertisement, Selection};
use crate::rack::link::Source;
use crate::rack::metallb::Era;
use crate::rack::node::NodeName;
use crate::rack::pools::version::Version;
use crate::rack::selector::Labels;
use crate::rack::service::{Service, ServiceName};
use crate::rack::workload::{Part, Workload};

/// The cluster as the rules see it.
pub(super) struct Scene<'a> {
    pub(super) rack: &'a Rack,
    pub(super) era: Era,
    pub(super) version: Option<Version>,
    pub(super) pools: Pools<'a>,
    pub(super) speakers: Speakers<'a>,
    /// servicelb's `DaemonSets` by the Service they were made for.
    pub(super) servicelb: HashMap<&'a ServiceName, &'a Workload>,
    /// Addresses of nodes.
    pub(super) node_addresses: HashMap<IpAddr, &'a NodeName>,
}

impl<'a> Scene<'a> {
    pub(super) fn of(rack: &'a Rack) -> Scene<'a> {
        let version = rack.metallb.version();
        let of_service = |workload: &'a Workload| match &workload.part {
            Part::ServiceLb(Some(service)) => Some((service, workload)),
            _ => None,
        };
        let node_addresses = rack.nodes().flat_map(|node| {
            let parsed = |text: &str| text.parse::<IpAddr>().ok();
            let of_node = node
                .addresses
                .iter()
                .filter_map(move |it| parsed(&it.address));
            of_node.map(move |address| (address, &node.name))
        });
        Scene {
            rack,
            era: rack.metallb.era(&rack.link),
            version,
            pools: Pools::of(rack),
            speakers: Speakers::of(rack, version),
            servicelb: rack.metallb.service_lb().filter_map(of_service).collect(),
            node_addresses: node_addresses.collect(),
        }
    }

    /// Annotations with the prefix `metallb.io/` count.
    pub(super) fn reads_new_prefix(&self) -> bool {
        self.version.is_none_or(|it| it.is_at_least(14, 9))
    }

    /// MetalLB is there, in one form or the other.
    pub(super) fn has_metallb(&self) -> bool {
        matches!(self.era, Era::ConfigMap | Era::Crds)
    }

    /// Whether MetalLB here handles Services of this class, by its `--lb-class`.
    pub(super) fn handles_class(&self, service: &Service) -> bool {
        self.has_metallb() && self.rack.metallb.lb_class() == service.class.as_deref()
    }

    /// The advertisements that take this address for this Service; `None` where the configuration knows none (the
    /// ConfigMap era), or the address is in no pool.
    pub(super) fn advertisements(
        &self,
        service: &Service,
        address: IpAddr,
    ) -> Option<Advertisements<'a>> {
        if self.era != Era::Crds {
            return None;
        }
        let pool = self.pools.holding(address)?;
        let takes = |head: &Head, selection: &Selection| {
            self.is_home(&head.namespace)
                && (pool.labels).is_some_and(|labels| selection.takes_pool(pool.name, labels))
                && selection.takes_service(&service.labels)
        };
        let (l2, bgp) = (
            self.rack.metallb.l2_advertisements(),
            self.rack.metallb.bgp_advertisements(),
        );
        Some(Advertisements {
            l2: l2.filter(|it| takes(&it.head, &it.selection)).collect(),
            bgp: bgp.filter(|it| takes(&it.head, &it.selection)).collect(),
        })
    }

    pub(super) fn candidates(
        &self,
        service: &Service,
        selections: Option<&[&Selection]>,
    ) -> Candidates {
        self.speakers
            .candidates(self.rack, service, selections, self.version)
    }

    pub(super) fn namespace_labels(&self, service: &Service) -> Option<&'a Labels> {
        self.rack.namespace_labels(&service.name.namespace)
    }

    /// At least one endpoint is ready, or nobody knows.
    pub(super) fn has_endpoints(&self, service: &Service) -> bool {
        !self.knows(Source::EndpointSlices)
            || self.rack.services.readiness(&service.name).serving > 0
    }

    /// Whether MetalLB reads objects of this namespace.
    pub(super) fn is_home(&self, namespace: &str) -> bool {
        (self.rack.metallb.namespace()).is_none_or(|home| home == namespace)
    }

    /// A source was read whole, so that what is not in it does not exist.
    pub(super) fn knows(&self, source: Source) -> bool {
        self.rack.link.has_listed(source)
    }
}

/// What announces one address.
#[derive(Debug, Clone, Default)]
pub(super) struct Advertisements<'a> {
    pub(super) l2: Vec<&'a L2Advertisement>,
    pub(super) bgp: Vec<&'a BgpAdvertisement>,
}

impl<'a> Advertisements<'a> {
    pub(super) fn is_empty(&self) -> bool {
        self.l2.is_empty() && self.bgp.is_empty()
    }

    /// The node selectors that decide who may announce: layer 2 where there is any, because only it elects.
    pub(super) fn selections(&self) -> Vec<&'a Selection> {
        let l2 = self.l2.iter().map(|it| &it.selection);
        let bgp = self.bgp.iter().map(|it| &it.selection);
        if self.l2.is_empty() {
            bgp.collect()
        } else {
            l2.collect()
        }
    }

    pub(super) fn names(&self) -> String {
        let l2 = self.l2.iter().map(|it| &*it.head.name);
        let names: Vec<&str> = l2.chain(self.bgp.iter().map(|it| &*it.head.name)).collect();
        names.join(", ")
    }
}
