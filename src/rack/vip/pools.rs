//! The pools of a cluster as the allocator sees them, and who has which address of them.
//!
//! Custom resources and the old ConfigMap come out alike. Lines that MetalLB would refuse are left out here; the Pools
//! pane says what is wrong with them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::rack::Rack;
use crate::rack::config_object::ServiceAllocation;
use crate::rack::pools::entry;
use crate::rack::pools::range::{Family, canonical};
use crate::rack::pools::space::Space;
use crate::rack::selector::Labels;
use crate::rack::service::{Service, ServiceName};

/// One pool.
#[derive(Debug, Clone)]
pub struct Pool<'a> {
    pub name: &'a str,
    pub labels: Option<&'a Labels>,
    pub space: Space,
    pub auto_assign: bool,
    /// Who may have addresses of it; `None`: everybody.
    pub allocation: Option<&'a ServiceAllocation>,
}

/// All pools, and the addresses that Services have.
#[derive(Debug, Clone, Default)]
pub struct Pools<'a> {
    pub all: Vec<Pool<'a>>,
    /// Every address of every `LoadBalancer` Service, with all Services on it.
    pub taken: BTreeMap<IpAddr, Vec<&'a Service>>,
}

/// How much of a pool is left, in one family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Use {
    pub used: u128,
    pub capacity: u128,
}

impl<'a> Pools<'a> {
    /// The pools that MetalLB reads: those in its own namespace.
    pub fn of(rack: &'a Rack) -> Pools<'a> {
        let home = rack.metallb.namespace();
        let here = rack.metallb.pools().filter(|pool| {
            home.is_none_or(|home| home == &*pool.head.namespace) && pool.head.deleted.is_none()
        });
        let of_object = |pool: &'a crate::rack::config_object::IpAddressPool| {
            let entries = pool.addresses.iter().filter_map(|it| entry::parse(it).ok());
            Pool {
                name: &pool.head.name,
                labels: Some(&pool.head.labels),
                space: Space::new(entries.filter_map(|it| it.range), pool.avoid_buggy_ips),
                auto_assign: pool.auto_assign,
                allocation: pool.allocation.as_ref(),
            }
        };
        let mut taken: BTreeMap<IpAddr, Vec<&Service>> = BTreeMap::new();
        for service in rack.services.iter().filter(|it| it.is_load_balancer()) {
            for address in service.addresses().map(canonical) {
                taken.entry(address).or_default().push(service);
            }
        }
        Pools {
            all: here.map(of_object).collect(),
            taken,
        }
    }

    pub fn named(&self, name: &str) -> Option<&Pool<'a>> {
        self.all.iter().find(|pool| pool.name == name)
    }

    /// The pool an address belongs to by its ranges.
    pub fn holding(&self, address: IpAddr) -> Option<&Pool<'a>> {
        self.all.iter().find(|pool| pool.space.contains(address))
    }

    /// Other Services on an address.
    pub fn sharers(
        &self,
        address: IpAddr,
        than: &ServiceName,
    ) -> impl Iterator<Item = &'a Service> {
        let all = self.taken.get(&canonical(address)).into_iter().flatten();
        all.copied().filter(move |service| service.name != *than)
    }

    /// How much of a pool is used in a family.
    pub fn use_of(&self, pool: &Pool<'_>, family: Family) -> Use {
        let is_used =
            |address: &&IpAddr| Family::of(**address) == family && pool.space.is_usable(**address);
        Use {
            used: self.taken.keys().filter(is_used).count() as u128,
            capacity: pool.space.capacity(family),
        }
    }

    /// The addresses nobody has, in the order in which MetalLB would give them.
    pub fn free(&self, pool: &Pool<'_>, family: Family, count: usize) -> Vec<IpAddr> {
        let taken: BTreeSet<IpAddr> = self.taken.keys().copied().collect();
        let of_family = |address: &IpAddr| Family::of(*address) == family;
        let free = pool.space.free(&taken).filter(of_family);
        free.take(count).collect()
    }
}

impl Pool<'_> {
    /// Whether a Service may have an address of this pool at all.
    pub fn allows(&self, service: &Service, namespace_labels: Option<&Labels>) -> bool {
        let Some(allocation) = self.allocation else {
            return true;
        };
        let has_no_namespaces =
            allocation.namespaces.is_empty() && allocation.namespace_selectors.is_empty();
        let is_named = allocation.namespaces.contains(&service.name.namespace);
        // Labels that may not be read rule nothing out.
        let is_selected = !allocation.namespace_selectors.is_empty()
            && namespace_labels.is_none_or(|labels| {
                let mut selectors = allocation.namespace_selectors.iter();
                selectors.any(|it| it.matches(labels))
            });
        let selectors = &allocation.service_selectors;
        (has_no_namespaces || is_named || is_selected)
            && (selectors.is_empty() || selectors.iter().any(|it| it.matches(&service.labels)))
    }

    /// Whether the allocator would take an address of it without being asked for the pool.
    pub fn is_automatic(&self, service: &Service, namespace_labels: Option<&Labels>) -> bool {
        self.auto_assign && self.allows(service, namespace_labels)
    }
}

impl Use {
    pub fn is_full(self) -> bool {
        self.used >= self.capacity
    }

    /// `50 of 50`.
    pub fn words(self) -> String {
        format!(
            "{} of {}",
            self.used,
            crate::rack::pools::space::count_words(self.capacity)
        )
    }
}
