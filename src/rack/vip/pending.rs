//! Why a Service has no address: the allocator's way, retraced until the step that fails.
//!
//! The order is MetalLB's: who is in charge, what is asked for, which pools there are, who may have of them, whether
//! anything is left, and with whom an address would be shared.

use std::net::IpAddr;

use super::pools::{Pool, Pools};
use super::request::{Request, families};
use super::scene::Scene;
use super::sharing::{Sharer, may_share};
use super::symptom::{Finding, Symptom};
use crate::rack::event::ServiceEvent;
use crate::rack::link::Source;
use crate::rack::metallb::{Era, MetalLb};
use crate::rack::pools::range::Family;
use crate::rack::problem::{Problem, Severity, Subject};
use crate::rack::service::Service;

/// The first reason why a pending Service has no address; `None` when it may still be on its way.
pub(super) fn why(scene: &Scene<'_>, service: &Service) -> Option<Finding> {
    let finding = in_charge(scene, service)
        .or_else(|| pools_exist(scene, service))
        .or_else(|| asked_for(scene, service))
        .or_else(|| silence(scene, service))?;
    Some(with_event(finding, scene, service))
}

/// What speaks against the request itself. Without pools to look at nothing can be said.
fn asked_for(scene: &Scene<'_>, service: &Service) -> Option<Finding> {
    if !scene.has_metallb() || scene.pools.all.is_empty() {
        return None;
    }
    match Request::of(scene, service) {
        Request::Both => Some(both(scene, service)),
        Request::Unreadable(text) => Some(unreadable(service, &text)),
        Request::Addresses(addresses) => addresses
            .iter()
            .find_map(|address| requested_address(scene, service, *address)),
        Request::Pool(name) => requested_pool(scene, service, &name),
        Request::Anything => anything(scene, service),
    }
}

fn pending(symptom: Symptom, service: &Service, why: String, next: &str) -> Finding {
    let what = format!("service {} waits for an address", service.name);
    let about = Subject::Service(service.name.clone());
    Finding::new(
        symptom,
        Problem::new(Severity::Critical, about, what)
            .why(why)
            .next(next),
    )
}

/// The allocator's own words are the best evidence.
fn with_event(mut finding: Finding, scene: &Scene<'_>, service: &Service) -> Finding {
    if let Some(event) = last_refusal(scene, service) {
        let line = format!("{}: {}", event.reason, event.message);
        finding.problem = finding.problem.evidence(line);
    }
    finding
}

fn last_refusal<'a>(scene: &Scene<'a>, service: &Service) -> Option<&'a ServiceEvent> {
    let refusals = [
        "AllocationFailed",
        "LoadBalancerFailed",
        "svcCannotShareKey",
        "InternalError",
    ];
    let mut events = scene.rack.services.events(&service.uid);
    // An address that was given since makes an older refusal history.
    events
        .find(|it| refusals.contains(&&*it.reason) || &*it.reason == "IPAllocated")
        .filter(|it| &*it.reason != "IPAllocated")
}

fn in_charge(scene: &Scene<'_>, service: &Service) -> Option<Finding> {
    let metallb = &scene.rack.metallb;
    let class = service.class.as_deref();
    if scene.era == Era::Absent && metallb.neighbours().next().is_none() {
        // servicelb is not seen before it has made its first DaemonSet: only k3s's own arguments would tell.
        if metallb.service_lb().next().is_some() {
            return None;
        }
        let why = if metallb.has_leftover_kinds(&scene.rack.link) {
            "MetalLB's kinds are there, its controller is not".to_owned()
        } else {
            "neither MetalLB nor servicelb hands out addresses here".to_owned()
        };
        let next = "install MetalLB, or enable servicelb on the server";
        return Some(pending(Symptom::NoAllocator, service, why, next));
    }
    if !scene.has_metallb() {
        return None;
    }
    let handled = metallb.lb_class();
    if handled == class {
        return None;
    }
    // A class of somebody else, who is there: not MetalLB's business.
    if class.is_some() && metallb.neighbours().next().is_some() {
        return None;
    }
    // Without a class servicelb may be meant, beside a MetalLB that keeps to its own.
    if class.is_none() && metallb.service_lb().next().is_some() {
        return None;
    }
    let why = match (class, handled) {
        (Some(class), Some(handled)) => {
            format!("its loadBalancerClass is \"{class}\", MetalLB here handles only \"{handled}\"")
        }
        (Some(class), None) => format!(
            "its loadBalancerClass is \"{class}\", MetalLB here handles only services without a class"
        ),
        (None, _) => format!(
            "it has no loadBalancerClass, MetalLB here handles only \"{}\"",
            handled.unwrap_or_default()
        ),
    };
    let next = "make the service anew with the right class: it cannot be changed once set";
    Some(pending(Symptom::ForeignClass, service, why, next))
}

fn pools_exist(scene: &Scene<'_>, service: &Service) -> Option<Finding> {
    if !scene.pools.all.is_empty() {
        return None;
    }
    let metallb = &scene.rack.metallb;
    let (why, next, symptom) = match scene.era {
        Era::Crds if !scene.knows(Source::IpAddressPools) => return None,
        Era::Crds => match metallb.leftover_config_map(&scene.rack.link) {
            Some(config_map) => (
                format!(
                    "MetalLB {} does not read ConfigMap {} any more, and there is no IPAddressPool",
                    scene
                        .version
                        .map_or("0.13 or newer".to_owned(), |it| it.to_string()),
                    config_map.head.name
                ),
                "convert the ConfigMap to custom resources in the Pools pane",
                Symptom::NotConverted,
            ),
            None => (
                "MetalLB has no pool of addresses".to_owned(),
                "make an IPAddressPool and an L2Advertisement in the Pools pane",
                Symptom::NoPools,
            ),
        },
        // One that names addresses and cannot be read holds a mistake, and MetalLB goes on with the one before.
        Era::ConfigMap if !scene.knows(Source::PoolConfigMaps) || names_addresses(metallb) => {
            return None;
        }
        Era::ConfigMap => (
            "MetalLB's ConfigMap names no pool of addresses".to_owned(),
            "write a pool into the ConfigMap, in the Pools pane",
            Symptom::NoPools,
        ),
        Era::Unknown | Era::Absent => return None,
    };
    Some(pending(symptom, service, why, next))
}

fn names_addresses(metallb: &MetalLb) -> bool {
    let config = metallb.config_map().and_then(|it| it.config.as_ref());
    config.is_some_and(|text| text.as_str().contains("addresses"))
}

fn both(scene: &Scene<'_>, service: &Service) -> Finding {
    let annotation =
        super::request::annotation(scene, service, crate::rack::service::Wish::Addresses);
    let why = format!(
        "it asks twice: the annotation loadBalancerIPs says {}, spec.loadBalancerIP says {}",
        annotation.unwrap_or_default(),
        service.load_balancer_ip.as_deref().unwrap_or_default(),
    );
    pending(
        Symptom::TwoRequests,
        service,
        why,
        "remove one of the two; keep the annotation",
    )
}

fn unreadable(service: &Service, text: &str) -> Finding {
    pending(
        Symptom::RequestOutsidePools,
        service,
        format!(
            "it asks for \"{text}\", which is no list of at most one IPv4 and one IPv6 address"
        ),
        "correct the request",
    )
}

fn requested_address(scene: &Scene<'_>, service: &Service, address: IpAddr) -> Option<Finding> {
    let family = Family::of(address);
    if !families(service).contains(&family) {
        let why = format!(
            "it asks for {address}, but the service has no {} address in the cluster",
            family.word()
        );
        let next = "ask for an address of the other family, or make the service dual-stack";
        return Some(pending(Symptom::RequestOutsidePools, service, why, next));
    }
    let Some(pool) = scene.pools.holding(address) else {
        let nearest = nearest(&scene.pools, address);
        let free = nearest.map(|pool| scene.pools.free(pool, family, 1));
        let next = match (nearest, free.as_deref()) {
            (Some(pool), Some([free, ..])) => {
                format!(
                    "ask for an address of pool {}, {free} is free; or widen it in the Pools pane",
                    pool.name
                )
            }
            (Some(pool), _) => format!("widen pool {} in the Pools pane", pool.name),
            (None, _) => format!("make a pool with {address} in the Pools pane"),
        };
        let why = format!("it asks for {address}, which is in no pool");
        return Some(pending(Symptom::RequestOutsidePools, service, why, &next));
    };
    let wanted = super::request::annotation(scene, service, crate::rack::service::Wish::Pool);
    if let Some(wanted) = wanted.filter(|wanted| !wanted.is_empty() && *wanted != pool.name) {
        let why = format!(
            "it asks for {address}, which is in pool {}, and for pool {wanted}",
            pool.name
        );
        return Some(pending(
            Symptom::RequestOutsidePools,
            service,
            why,
            "remove one of the two requests",
        ));
    }
    if !pool.allows(service, scene.namespace_labels(service)) {
        return Some(not_allowed(service, pool));
    }
    sharing(scene, service, address)
}

fn requested_pool(scene: &Scene<'_>, service: &Service, name: &str) -> Option<Finding> {
    let Some(pool) = scene.pools.named(name) else {
        let names: Vec<&str> = scene.pools.all.iter().map(|pool| &*pool.name).collect();
        let why = format!("it asks for pool {name}, which does not exist");
        let next = format!("ask for one that does: {}", names.join(", "));
        return Some(pending(Symptom::RequestOutsidePools, service, why, &next));
    };
    if !pool.allows(service, scene.namespace_labels(service)) {
        return Some(not_allowed(service, pool));
    }
    full(scene, service, &[pool])
}

fn anything(scene: &Scene<'_>, service: &Service) -> Option<Finding> {
    let labels = scene.namespace_labels(service);
    let automatic: Vec<&Pool<'_>> = scene
        .pools
        .all
        .iter()
        .filter(|pool| pool.is_automatic(service, labels))
        .collect();
    if !automatic.is_empty() {
        return full(scene, service, &automatic);
    }
    let reason = |pool: &Pool<'_>| {
        if pool.auto_assign {
            format!("{} is for other services (serviceAllocation)", pool.name)
        } else {
            format!("{} has autoAssign off", pool.name)
        }
    };
    let reasons: Vec<String> = scene.pools.all.iter().map(reason).collect();
    let why = format!(
        "no pool gives addresses to it by itself: {}",
        reasons.join("; ")
    );
    let next =
        "ask for a pool with the annotation address-pool, or change the pool in the Pools pane";
    Some(pending(Symptom::NoAutomaticPool, service, why, next))
}

fn not_allowed(service: &Service, pool: &Pool<'_>) -> Finding {
    let why = format!(
        "pool {} is for other services (serviceAllocation)",
        pool.name
    );
    let next = "ask for another pool, or widen the serviceAllocation of this one in the Pools pane";
    pending(Symptom::NoAutomaticPool, service, why, next)
}

/// All of these pools are full in a family that the Service needs.
fn full(scene: &Scene<'_>, service: &Service, pools: &[&Pool<'_>]) -> Option<Finding> {
    let family = *families(service).first()?;
    let uses = pools.iter().map(|pool| (pool, pool.use_of(family)));
    let uses: Vec<_> = uses.collect();
    let says_full = |pool: &Pool<'_>| {
        let status = scene.rack.metallb.pool(&pool.name).and_then(|it| it.status);
        status.is_some_and(|it| match family {
            Family::V4 => it.available_v4 == 0 && it.assigned_v4 > 0,
            Family::V6 => it.available_v6 == 0 && it.assigned_v6 > 0,
        })
    };
    if !uses
        .iter()
        .all(|(pool, it)| it.is_full() || says_full(pool))
    {
        return None;
    }
    let words = |(pool, it): &(&&Pool<'_>, super::pools::Use)| match it.capacity {
        0 => format!("pool {} has no {} address at all", pool.name, family.word()),
        _ => format!(
            "no address left in pool {}: {} in use",
            pool.name,
            it.words()
        ),
    };
    let why: Vec<String> = uses.iter().map(words).collect();
    let next = "widen it in the Pools pane, or free an address";
    Some(pending(Symptom::PoolsFull, service, why.join("; "), next))
}

/// The requested address is somebody else's, and the two may not share it.
fn sharing(scene: &Scene<'_>, service: &Service, address: IpAddr) -> Option<Finding> {
    let ours = Sharer::of(service, scene.reads_new_prefix());
    scene.pools.sharers(address, &service.name).find_map(|other| {
        let refusal = may_share(&ours, &Sharer::of(other, scene.reads_new_prefix())).err()?;
        let (one, two) = (service.name.to_string(), other.name.to_string());
        let why = format!("{address} is taken by {two}, and {}", refusal.words(&one, &two));
        let mut finding = pending(Symptom::SharingRefused, service, why, refusal.advice());
        if service.labels.keys().any(|key| key.ends_with("/allow-shared-ip")) {
            let line = "allow-shared-ip stands among the labels, where it does nothing; it must be an annotation";
            finding.problem = finding.problem.evidence(line);
        }
        Some(finding)
    })
}

/// Nothing speaks against it, and yet there is no address: what the allocator says, or that it says nothing.
fn silence(scene: &Scene<'_>, service: &Service) -> Option<Finding> {
    if let Some(event) = last_refusal(scene, service) {
        let why = format!("MetalLB's controller says: {}", event.message);
        let symptom = if event.message.contains("share") || event.message.contains("already in use")
        {
            Symptom::SharingRefused
        } else {
            Symptom::PoolsFull
        };
        return Some(pending(
            symptom,
            service,
            why,
            "see its events, then the controller's log",
        ));
    }
    let controller = scene.rack.metallb.controller()?;
    (controller.ready == 0).then(|| {
        let why = format!(
            "MetalLB's controller is not ready ({} of {})",
            controller.ready, controller.desired
        );
        let next = "see why its pod does not run";
        pending(Symptom::WebhookDown, service, why, next)
    })
}

/// The pool whose ranges lie nearest to an address of its family.
fn nearest<'p, 'a>(pools: &'p Pools<'a>, address: IpAddr) -> Option<&'p Pool<'a>> {
    let number = |address: IpAddr| match address {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address),
    };
    let distance = |pool: &&Pool<'_>| {
        let of_family = pool
            .space
            .ranges()
            .iter()
            .filter(|it| it.family() == Family::of(address));
        let distances = of_family.map(|range| {
            let (first, last) = range.ends();
            first
                .abs_diff(number(address))
                .min(last.abs_diff(number(address)))
        });
        distances.min()
    };
    let with_family = pools.all.iter().filter(|pool| distance(pool).is_some());
    with_family.min_by_key(|pool| distance(pool))
}
