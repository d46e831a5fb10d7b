//! What is wrong with a Service that has an address: who announces it, what stands behind it, and who fights over it.

use std::net::IpAddr;

use jiff::Timestamp;

use super::announcer::{Announcer, Doubt, Protocol, Witness, assignments};
use super::request::annotation;
use super::scene::Scene;
use super::sharing::{Sharer, may_share};
use super::speakers::Exclusion;
use super::symptom::{Finding, Symptom};
use crate::rack::link::Source;
use crate::rack::metallb::Era;
use crate::rack::node::{NodeName, Truth};
use crate::rack::problem::{Problem, Severity, Subject};
use crate::rack::service::{PREFIX, Service, TrafficPolicy, Wish};
use crate::rack::time::short;

/// From the node's `NotReady`, which itself comes 40 seconds late, to the takeover: more is slow.
const TAKEOVER_SECONDS: i64 = 30;

/// Everything about one Service and its first address.
pub(super) struct Case<'a, 's> {
    pub(super) scene: &'s Scene<'a>,
    pub(super) service: &'a Service,
    pub(super) address: IpAddr,
    /// `None` where MetalLB does not handle the Service.
    pub(super) announcer: Option<&'s Announcer>,
}

/// All findings of a Service that has an address, the gravest cause first.
pub(super) fn findings(case: &Case<'_, '_>) -> Vec<Finding> {
    let rules: [fn(&Case<'_, '_>) -> Option<Finding>; 15] = [
        servicelb_fights,
        nobody_in_charge,
        outside_pools,
        no_endpoints,
        not_advertised,
        no_candidates,
        local_elsewhere,
        dead_announcer,
        several_announcers,
        disagreement,
        wireless,
        sharing_refused,
        slow_failover,
        renumbered,
        annotation_prefix,
    ];
    rules.iter().filter_map(|rule| rule(case)).collect()
}

impl Case<'_, '_> {
    fn finding(&self, symptom: Symptom, severity: Severity, what: &str) -> Finding {
        let what = format!("service {} {what}", self.service.name);
        let about = Subject::Service(self.service.name.clone());
        Finding::new(symptom, Problem::new(severity, about, what))
    }
}

/// MetalLB and k3s's servicelb both write the addresses, in turn.
fn servicelb_fights(case: &Case<'_, '_>) -> Option<Finding> {
    let workload = case.scene.servicelb.get(&case.service.name)?;
    if !case.scene.handles_class(case.service) {
        return None;
    }
    let of_node = |address: &IpAddr| case.scene.node_addresses.get(address).copied();
    let nodes: Vec<String> = (case.service.addresses())
        .filter_map(|address| Some(format!("{address} is node {}", of_node(&address)?)))
        .collect();
    let mut finding = case
        .finding(
            Symptom::ServicelbFights,
            Severity::Critical,
            "is fought over by MetalLB and servicelb",
        )
        .why("k3s's servicelb serves it as well, and both overwrite its addresses in turn")
        .next("start every k3s server with --disable servicelb")
        .evidence(format!(
            "DaemonSet {}/{}",
            workload.namespace, workload.name
        ));
    if !nodes.is_empty() {
        finding = finding.evidence(format!("its address now: {}", nodes.join(", ")));
    }
    Some(finding)
}

/// The address is a leftover: nobody who would have given it is there.
fn nobody_in_charge(case: &Case<'_, '_>) -> Option<Finding> {
    let metallb = &case.scene.rack.metallb;
    let is_served = case.scene.servicelb.contains_key(&case.service.name)
        || metallb.neighbours().next().is_some()
        || case.service.ingress.iter().any(|it| &*it.mode == "Proxy");
    if case.scene.era != Era::Absent || is_served {
        return None;
    }
    Some(
        case.finding(
            Symptom::NobodyInCharge,
            Severity::Critical,
            "keeps an address nobody serves",
        )
        .why(format!(
            "{} was given by a load balancer that is gone; nobody cleans the status after it",
            case.address
        ))
        .next("install MetalLB again, or change the service's type"),
    )
}

/// An address that no pool has (any more).
fn outside_pools(case: &Case<'_, '_>) -> Option<Finding> {
    let scene = case.scene;
    if !scene.handles_class(case.service)
        || scene.pools.all.is_empty()
        || scene.pools.holding(case.address).is_some()
        || scene.node_addresses.contains_key(&case.address)
    {
        return None;
    }
    let finding = case.finding(
        Symptom::EditWithoutEffect,
        Severity::Warning,
        "has an address of no pool",
    );
    let keeps_old = scene.version.is_some_and(|it| !it.is_at_least(14, 2));
    Some(if keeps_old {
        finding
            .why(format!(
                "{} is outside the pools, and MetalLB {} takes no new configuration while it is in use",
                case.address,
                scene.version.map_or(String::new(), |it| it.to_string())
            ))
            .next("make the service anew, or restart MetalLB's controller: until then no pool edit has effect")
    } else {
        finding
            .why(format!("{} is outside the pools", case.address))
            .next("put the address back into a pool in the Pools pane, or let the controller give another one")
    })
}

fn no_endpoints(case: &Case<'_, '_>) -> Option<Finding> {
    let scene = case.scene;
    if !scene.knows(Source::EndpointSlices) {
        return None;
    }
    let readiness = scene.rack.services.readiness(&case.service.name);
    if readiness.serving > 0 {
        return None;
    }
    let why = match readiness.total {
        0 if case.service.selector.is_empty() => "it has no selector and no endpoints".to_owned(),
        0 => format!("its selector {} matches no pod", selector(case.service)),
        total => format!("none of its {total} endpoints is ready"),
    };
    Some(
        case.finding(
            Symptom::NoEndpoints,
            Severity::Critical,
            "has nothing behind it",
        )
        .why(format!(
            "{why}; without a ready endpoint the address is not announced"
        ))
        .next("bring its pods to Ready first"),
    )
}

/// `app=web,tier=front`.
pub(super) fn selector(service: &Service) -> String {
    let pairs: Vec<String> = (service.selector.iter())
        .map(|(k, v)| format!("{k}={v}"))
        .collect();
    pairs.join(",")
}

fn not_advertised(case: &Case<'_, '_>) -> Option<Finding> {
    let scene = case.scene;
    if !scene.handles_class(case.service)
        || !scene.knows(Source::L2Advertisements)
        || !scene.knows(Source::BgpAdvertisements)
        || !scene.advertisements(case.service, case.address)?.is_empty()
    {
        return None;
    }
    let pool = scene.pools.holding(case.address)?;
    let dangling = dangling(scene);
    let mut finding = case
        .finding(
            Symptom::NotAdvertised,
            Severity::Critical,
            "is not announced",
        )
        .why(format!(
            "no L2Advertisement and no BGPAdvertisement takes pool {}",
            pool.name
        ))
        .next(if dangling.is_empty() {
            format!(
                "make an L2Advertisement for pool {} in the Pools pane",
                pool.name
            )
        } else {
            "correct the name in the advertisement, in the Pools pane".to_owned()
        });
    for (advertisement, name) in dangling {
        finding = finding.evidence(format!(
            "{advertisement} names pool {name}, which does not exist"
        ));
    }
    Some(finding)
}

/// Names of pools in advertisements that no pool has.
fn dangling(scene: &Scene<'_>) -> Vec<(String, String)> {
    let l2 = (scene.rack.metallb.l2_advertisements()).map(|it| (&it.head, &it.selection));
    let bgp = (scene.rack.metallb.bgp_advertisements()).map(|it| (&it.head, &it.selection));
    l2.chain(bgp)
        .flat_map(|(head, selection)| selection.pools.iter().map(move |name| (head, name)))
        .filter(|(_, name)| scene.pools.named(name).is_none())
        .map(|(head, name)| {
            (
                format!("{} {}", head.kind.word(), head.name),
                name.to_string(),
            )
        })
        .collect()
}

/// Speakers there may be, but none that may announce this.
fn no_candidates(case: &Case<'_, '_>) -> Option<Finding> {
    let announcer = case.announcer?;
    let candidates = &announcer.candidates;
    if !candidates.nodes.is_empty()
        || candidates.excluded.is_empty()
        || !case.scene.has_endpoints(case.service)
        || case
            .scene
            .advertisements(case.service, case.address)
            .is_some_and(|it| it.is_empty())
    {
        return None;
    }
    let is_all = |exclusion| candidates.excluded.values().all(|it| *it == exclusion);
    let is_any = |exclusion| candidates.excluded.values().any(|it| *it == exclusion);
    let (symptom, next) = if is_all(Exclusion::NoSpeaker) {
        (
            Symptom::SpeakerMissing,
            "see why no speaker pod runs; tolerations and node selectors of the DaemonSet",
        )
    } else if is_any(Exclusion::NoLocalEndpoint) {
        (
            Symptom::LocalElsewhere,
            "set externalTrafficPolicy Cluster, or place pods on a node that may announce",
        )
    } else if is_any(Exclusion::Label) {
        (
            Symptom::ExcludedNodes,
            "take the label off a node, or run the speakers with --ignore-exclude-lb",
        )
    } else {
        (
            Symptom::NotAdvertised,
            "let an advertisement select a node that is up",
        )
    };
    let reasons = candidates.reasons();
    let what = "can be announced by no node";
    let mut finding = case
        .finding(symptom, Severity::Critical, what)
        .why(reasons.join("; "))
        .next(next);
    for line in reasons {
        finding = finding.evidence(line);
    }
    Some(finding)
}

/// The announcing node drops what it has no pod for.
fn local_elsewhere(case: &Case<'_, '_>) -> Option<Finding> {
    if case.service.external_traffic != TrafficPolicy::Local
        || !case.scene.has_endpoints(case.service)
    {
        return None;
    }
    let announcer = case
        .announcer
        .filter(|it| it.witness != Witness::Election)?;
    let node = announcer.node()?;
    let serving = case.scene.rack.services.serving_nodes(&case.service.name);
    if serving.contains(node) || serving.is_empty() {
        return None;
    }
    let places: Vec<&str> = serving.iter().map(|it| it.as_str()).collect();
    Some(
        case.finding(
            Symptom::LocalElsewhere,
            Severity::Critical,
            "is announced where it has no endpoint",
        )
        .why(format!(
            "externalTrafficPolicy is Local, {node} announces, and its pods are on {}",
            places.join(", ")
        ))
        .next("set externalTrafficPolicy Cluster, or place a pod on that node"),
    )
}

fn dead_announcer(case: &Case<'_, '_>) -> Option<Finding> {
    let announcer = case.announcer?;
    let Some(Doubt::Dead { witness, node }) = &announcer.doubt else {
        return None;
    };
    let reason = if case.scene.speakers.is_dead(node) {
        "is not beating or NotReady"
    } else {
        "has no speaker"
    };
    let expected = match announcer.nodes.first() {
        Some(node) => format!("by the election {node} announces it now"),
        None => "no other node could announce it".to_owned(),
    };
    let next = match witness {
        Witness::Status if case.scene.version.is_none_or(|it| !it.is_at_least(16, 0)) => {
            "before 0.16 a status can outlive its node: try the address, and delete the ServiceL2Status when it stays"
        }
        _ => {
            "bring the node back; MetalLB moves the address within seconds when its speakers see each other"
        }
    };
    Some(
        case.finding(
            Symptom::DeadAnnouncer,
            Severity::Warning,
            "is said to be announced by a dead node",
        )
        .why(format!(
            "its {} names {node}, which {reason}; {expected}",
            witness.word()
        ))
        .next(next),
    )
}

fn several_announcers(case: &Case<'_, '_>) -> Option<Finding> {
    let announcer = case.announcer?;
    (announcer.doubt == Some(Doubt::Several)).then(|| {
        let nodes: Vec<&str> = announcer.nodes.iter().map(NodeName::as_str).collect();
        let old = case.scene.version.is_some_and(|it| !it.is_at_least(10, 0));
        let secret = if old {
            "; and the secret memberlist must exist"
        } else {
            ""
        };
        case.finding(
            Symptom::SeveralAnnouncers,
            Severity::Critical,
            "is announced by several nodes",
        )
        .why(format!(
            "{} all say that they announce it: their speakers do not see each other",
            nodes.join(", ")
        ))
        .next(format!(
            "open port 7946, TCP and UDP, between the nodes{secret}"
        ))
    })
}

fn disagreement(case: &Case<'_, '_>) -> Option<Finding> {
    let announcer = case.announcer?;
    let (Some(Doubt::Disagrees { elected }), Some(node)) = (&announcer.doubt, announcer.node())
    else {
        return None;
    };
    Some(
        case.finding(Symptom::DeadAnnouncer, Severity::Note, "is announced by another node than computed")
            .why(format!("its {} says {node}, the election gives {elected}", announcer.witness.word()))
            .next("it may have moved a moment ago; if it stays, the speakers may not see all of each other (port 7946)"),
    )
}

fn wireless(case: &Case<'_, '_>) -> Option<Finding> {
    let announcer = case.announcer?;
    let card = announcer
        .interfaces
        .iter()
        .find(|it| it.starts_with("wl"))?;
    let node = announcer.nodes.first()?;
    Some(
        case.finding(Symptom::Wireless, Severity::Warning, "is announced over Wi-Fi")
            .why(format!("{node} announces it on {card}; many access points and the Pi's Wi-Fi chip drop such answers"))
            .next("put announcers on cable with nodeSelectors, or set promiscuous mode on the card"),
    )
}

/// It has an address, and cannot stand on the one it asks for.
fn sharing_refused(case: &Case<'_, '_>) -> Option<Finding> {
    let scene = case.scene;
    let ours = Sharer::of(case.service, scene.reads_new_prefix());
    let mut others = scene.pools.sharers(case.address, &case.service.name);
    let clash = others.find_map(|other| {
        let refusal = may_share(&ours, &Sharer::of(other, scene.reads_new_prefix())).err()?;
        Some((other, refusal))
    });
    if let Some((other, refusal)) = clash.filter(|_| scene.handles_class(case.service)) {
        let (one, two) = (case.service.name.to_string(), other.name.to_string());
        return Some(
            case.finding(
                Symptom::SharingRefused,
                Severity::Warning,
                "shares an address it should not share",
            )
            .why(format!("{}: {}", case.address, refusal.words(&one, &two)))
            .next(refusal.advice()),
        );
    }
    let refused = scene
        .rack
        .services
        .events(&case.service.uid)
        .find(|event| {
            let is_about = |text| event.message.contains(text);
            &*event.reason == "svcCannotShareKey"
                || (&*event.reason == "AllocationFailed"
                    && (is_about("change sharing key") || is_about("already in use")))
        })?;
    let is_recent = refused
        .last
        .is_none_or(|at| scene.rack.now.age_of(at).as_secs() < 3_600);
    is_recent.then(|| {
        case.finding(
            Symptom::SharingRefused,
            Severity::Warning,
            "was refused a shared address",
        )
        .why(refused.message.to_string())
        .next("see which service has the address, and compare keys, ports and policies")
    })
}

/// The node went long before another one took the address over.
fn slow_failover(case: &Case<'_, '_>) -> Option<Finding> {
    let mut said = assignments(case.scene, case.service);
    let (now_at, _, taken) = said.next()?;
    let (before, _, _) =
        said.find(|(node, protocol, _)| *protocol == Protocol::Layer2 && *node != now_at)?;
    let node = case.scene.rack.node(&before)?;
    let ready = node
        .condition("Ready")
        .filter(|it| it.status != Truth::True)?;
    let seconds = seconds_between(ready.since?, taken?)?;
    (seconds > TAKEOVER_SECONDS).then(|| {
        case.finding(
            Symptom::SlowFailover,
            Severity::Note,
            "took long to fail over",
        )
        .why(format!(
            "{before} was NotReady for {seconds}s before {now_at} took the address"
        ))
        .next("with memberlist it takes seconds: open port 7946 between the nodes")
    })
}

fn seconds_between(earlier: Timestamp, later: Timestamp) -> Option<i64> {
    let seconds = later.as_second() - earlier.as_second();
    (seconds >= 0).then_some(seconds)
}

fn renumbered(case: &Case<'_, '_>) -> Option<Finding> {
    let mut events = case.scene.rack.services.events(&case.service.uid);
    let cleared = events.find(|event| &*event.reason == "ClearAssignment")?;
    let age = cleared.last.map(|at| case.scene.rack.now.age_of(at));
    let ago = age.map_or(String::new(), |age| format!(" {} ago", short(age)));
    Some(
        case.finding(
            Symptom::Renumbered,
            Severity::Note,
            "was given another address",
        )
        .why(format!(
            "MetalLB took its old one away{ago}: its pool was changed"
        ))
        .evidence(format!("{}: {}", cleared.reason, cleared.message))
        .next("tell whoever used the old address, or ask for it again"),
    )
}

/// A request under a prefix that this version does not read.
fn annotation_prefix(case: &Case<'_, '_>) -> Option<Finding> {
    let scene = case.scene;
    let version = scene.version.filter(|_| scene.has_metallb())?;
    if scene.reads_new_prefix() {
        return None;
    }
    let unread: Vec<&str> = [Wish::Pool, Wish::SharingKey, Wish::Addresses]
        .into_iter()
        .filter(|wish| {
            case.service
                .annotations
                .contains_key(&*format!("{PREFIX}{}", wish.key()))
        })
        .filter(|wish| annotation(scene, case.service, *wish).is_none())
        .map(Wish::key)
        .collect();
    let first = unread.first()?;
    Some(
        case.finding(
            Symptom::AnnotationPrefix,
            Severity::Warning,
            "asks in words MetalLB does not read",
        )
        .why(format!(
            "{PREFIX}{first} is read from 0.14.9 on, this is {version}"
        ))
        .next(format!("use metallb.universe.tf/{first}")),
    )
}
