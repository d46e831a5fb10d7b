//! What all Services have in common, gathered once before each is looked at.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::pools::Pools;
use super::speakers::{Candidates, Speakers, needs_endpoint};
use crate::rack::Rack;
use crate::rack::config_object::{BgpAdvertisement, Head, L2Advertisement, Selection};
use crate::rack::link::{Source, SourceState};
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
    pub(super) speakers: &'a Speakers,
    /// servicelb's `DaemonSets` by the Service they were made for.
    pub(super) servicelb: HashMap<&'a ServiceName, &'a Workload>,
    /// Addresses of nodes.
    pub(super) node_addresses: HashMap<IpAddr, &'a NodeName>,
    /// Candidates by the advertisements that choose them: most Services have the same.
    known: RefCell<HashMap<String, Arc<Candidates>>>,
}

impl<'a> Scene<'a> {
    pub(super) fn of(rack: &'a Rack, speakers: &'a Speakers) -> Scene<'a> {
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
            version: rack.metallb.version(),
            pools: Pools::of(rack),
            speakers,
            servicelb: rack.metallb.service_lb().filter_map(of_service).collect(),
            node_addresses: node_addresses.collect(),
            known: RefCell::default(),
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
                && (pool.labels).is_some_and(|labels| selection.takes_pool(&pool.name, labels))
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

    /// Who could announce this Service, given what announces its address.
    pub(super) fn candidates(
        &self,
        service: &Service,
        advertisements: Option<&Advertisements<'_>>,
    ) -> Arc<Candidates> {
        let key = advertisements.map_or(String::new(), Advertisements::key);
        let mut known = self.known.borrow_mut();
        let all = known.entry(key).or_insert_with(|| {
            let selections = advertisements.map(Advertisements::selections);
            Arc::new(self.speakers.candidates(self.rack, selections.as_deref()))
        });
        if needs_endpoint(service, self.version) {
            let serving = self.rack.services.serving_nodes(&service.name);
            Arc::new(all.with_endpoints(&serving))
        } else {
            Arc::clone(all)
        }
    }

    /// Who may announce can be told: from the ConfigMap, or because pools and advertisements may be read.
    pub(super) fn knows_advertisements(&self) -> bool {
        let needed = [
            Source::IpAddressPools,
            Source::L2Advertisements,
            Source::BgpAdvertisements,
        ];
        // A kind that the server does not have holds nothing that could choose.
        let is_absent = |it| *self.rack.link.source(it) == SourceState::Absent;
        let can_tell = |it| self.knows(it) || is_absent(it);
        self.era != Era::Crds || needed.into_iter().all(can_tell)
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

    /// The same for all that choose the same nodes.
    fn key(&self) -> String {
        // No name can hold a blank.
        let kind = if self.l2.is_empty() { "bgp" } else { "l2" };
        let names = self.heads().map(|it| &*it.name);
        std::iter::once(kind)
            .chain(names)
            .collect::<Vec<_>>()
            .join(" ")
    }

    fn heads(&self) -> impl Iterator<Item = &Head> {
        let l2 = self.l2.iter().map(|it| &it.head);
        l2.chain(self.bgp.iter().map(|it| &it.head))
    }

    pub(super) fn names(&self) -> String {
        let names: Vec<&str> = self.heads().map(|it| &*it.name).collect();
        names.join(", ")
    }
}
