//! The pools of a cluster as the allocator sees them, and who has which address of them.
//!
//! Custom resources and the old ConfigMap come out alike. Lines that MetalLB would refuse are left out here; the Pools
//! pane says what is wrong with them.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::net::IpAddr;

use super::announcer::Protocol;
use crate::rack::Rack;
use crate::rack::config_object::{IpAddressPool, ServiceAllocation};
use crate::rack::metallb::Era;
use crate::rack::pools::object::{self, Body, Object};
use crate::rack::pools::range::{Family, canonical};
use crate::rack::pools::space::Space;
use crate::rack::pools::{entry, live};
use crate::rack::selector::Labels;
use crate::rack::service::{Service, ServiceName};
use crate::rack::services::{Services, Taken};

/// One pool.
#[derive(Debug, Clone)]
pub struct Pool<'a> {
    pub name: Cow<'a, str>,
    /// `None` for pools of the ConfigMap, which have none.
    pub labels: Option<&'a Labels>,
    pub space: Space,
    pub auto_assign: bool,
    /// Who may have addresses of it; `None`: everybody.
    pub allocation: Option<&'a ServiceAllocation>,
    /// How the ConfigMap has it announced; `None` where advertisements say that.
    pub protocol: Option<Protocol>,
    taken: &'a Taken,
    /// Addresses of it that Services have and that may be handed out: IPv4, IPv6. Counted when somebody asks.
    used: OnceCell<[u128; 2]>,
}

/// All pools, and the addresses that Services have.
#[derive(Debug, Clone)]
pub struct Pools<'a> {
    pub all: Vec<Pool<'a>>,
    pub taken: &'a Taken,
    services: &'a Services,
}

/// How much of a pool is left, in one family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Use {
    pub used: u128,
    pub capacity: u128,
}

impl<'a> Pools<'a> {
    /// The pools that MetalLB reads: its ConfigMap's before 0.13, those in its own namespace since.
    pub fn of(rack: &'a Rack) -> Pools<'a> {
        let taken = rack.services.taken();
        let all: Vec<Pool<'a>> = if rack.metallb.era(&rack.link) == Era::ConfigMap {
            live::objects(rack)
                .into_iter()
                .filter_map(|object| of_config_map(object, taken))
                .collect()
        } else {
            let home = rack.metallb.namespace();
            let here = rack.metallb.pools().filter(|pool| {
                home.is_none_or(|home| home == &*pool.head.namespace) && pool.head.deleted.is_none()
            });
            here.map(|pool| of_object(pool, taken)).collect()
        };
        Pools {
            all,
            taken,
            services: &rack.services,
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
        let others = all.filter(move |name| *name != than);
        others.filter_map(|name| self.services.get(name))
    }

    /// The addresses nobody has, in the order in which MetalLB would give them.
    pub fn free(&self, pool: &Pool<'_>, family: Family, count: usize) -> Vec<IpAddr> {
        // Ranges of the other family are left out whole: a pool may have more of those than could ever be walked past.
        let ranges = pool.space.ranges().iter();
        let all = ranges
            .filter(|range| range.family() == family)
            .flat_map(|range| range.addresses());
        let is_free = |it: &IpAddr| pool.space.is_usable(*it) && !self.taken.contains_key(it);
        all.filter(is_free).take(count).collect()
    }
}

fn of_object<'a>(pool: &'a IpAddressPool, taken: &'a Taken) -> Pool<'a> {
    let entries = pool.addresses.iter().filter_map(|it| entry::parse(it).ok());
    Pool {
        name: Cow::Borrowed(&pool.head.name),
        labels: Some(&pool.head.labels),
        space: Space::new(entries.filter_map(|it| it.range), pool.avoid_buggy_ips),
        auto_assign: pool.auto_assign,
        allocation: pool.allocation.as_ref(),
        protocol: None,
        taken,
        used: OnceCell::new(),
    }
}

/// A pool written in the ConfigMap; `None` for what is none.
fn of_config_map(object: Object, taken: &Taken) -> Option<Pool<'_>> {
    let Body::Pool(pool) = object.body else {
        return None;
    };
    let protocol = pool
        .protocol
        .as_ref()
        .and_then(|it| it.value.as_ref().ok().copied())?;
    Some(Pool {
        name: Cow::Owned(object.head.name.value.into_string()),
        labels: None,
        space: pool.space(),
        auto_assign: pool.auto_assign,
        allocation: None,
        protocol: Some(match protocol {
            object::Protocol::Layer2 => Protocol::Layer2,
            object::Protocol::Bgp => Protocol::Bgp,
        }),
        taken,
        used: OnceCell::new(),
    })
}

impl Pool<'_> {
    /// How much of it is used in a family.
    pub fn use_of(&self, family: Family) -> Use {
        let [v4, v6] = self.used.get_or_init(|| {
            let here = self.taken.keys().filter(|it| self.space.is_usable(**it));
            here.fold([0, 0], |[v4, v6], address| match Family::of(*address) {
                Family::V4 => [v4 + 1, v6],
                Family::V6 => [v4, v6 + 1],
            })
        });
        Use {
            used: match family {
                Family::V4 => *v4,
                Family::V6 => *v6,
            },
            capacity: self.space.capacity(family),
        }
    }

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
