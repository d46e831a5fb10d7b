//! What a Service asks its allocator for: addresses, a pool, or nothing.

use std::net::IpAddr;

use super::scene::Scene;
use crate::rack::pools::range::Family;
use crate::rack::service::{Service, Wish};

/// What a Service asks for, in the allocator's order of precedence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// `loadBalancerIPs` and `spec.loadBalancerIP` at once, which MetalLB refuses.
    Both,
    /// These addresses; the pool too, if that is asked for as well.
    Addresses(Vec<IpAddr>),
    /// A list of addresses that cannot be read.
    Unreadable(String),
    Pool(String),
    /// Whatever there is.
    Anything,
}

impl Request {
    pub(super) fn of(scene: &Scene<'_>, service: &Service) -> Request {
        let wish = |wish: Wish| annotation(scene, service, wish);
        let addresses = wish(Wish::Addresses).filter(|text| !text.trim().is_empty());
        let field = service
            .load_balancer_ip
            .as_deref()
            .filter(|it| !it.is_empty());
        let text = match (addresses, field) {
            (Some(_), Some(_)) => return Request::Both,
            (Some(text), None) | (None, Some(text)) => text,
            (None, None) => {
                return match wish(Wish::Pool) {
                    Some(pool) if !pool.is_empty() => Request::Pool(pool.to_owned()),
                    _ => Request::Anything,
                };
            }
        };
        let parsed: Result<Vec<IpAddr>, _> = text.split(',').map(|it| it.trim().parse()).collect();
        match parsed {
            Ok(addresses) if is_at_most_one_of_each(&addresses) => Request::Addresses(addresses),
            _ => Request::Unreadable(text.to_owned()),
        }
    }
}

/// An annotation as this version of MetalLB reads it.
pub(super) fn annotation<'a>(
    scene: &Scene<'_>,
    service: &'a Service,
    wish: Wish,
) -> Option<&'a str> {
    if scene.reads_new_prefix() {
        service.annotation(wish).map(|it| it.value)
    } else {
        service.old_annotation(wish)
    }
}

/// The families a Service needs, by its cluster addresses.
pub(super) fn families(service: &Service) -> Vec<Family> {
    let addresses = service.cluster_ips.iter().filter_map(|it| it.parse().ok());
    let mut families: Vec<Family> = addresses.map(Family::of).collect();
    families.dedup();
    if families.is_empty() {
        families.push(Family::V4);
    }
    families
}

fn is_at_most_one_of_each(addresses: &[IpAddr]) -> bool {
    let count = |family| {
        addresses
            .iter()
            .filter(|it| Family::of(**it) == family)
            .count()
    };
    count(Family::V4) <= 1 && count(Family::V6) <= 1
}
