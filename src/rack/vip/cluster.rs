//! What is wrong with MetalLB as a whole, or with a pool: problems that belong to no single Service.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::scene::Scene;
use super::symptom::{Finding, Symptom};
use crate::rack::config_object::Verdict;
use crate::rack::link::Source;
use crate::rack::metallb::Era;
use crate::rack::node::{Node, NodeName};
use crate::rack::pools::check::check;
use crate::rack::pools::finding::LineIndex;
use crate::rack::pools::live;
use crate::rack::pools::read::Form;
use crate::rack::problem::{Problem, Severity, Subject};
use crate::rack::service::ServiceName;

/// Names of the Service that the API server sends MetalLB's objects through: since 0.13.4, and before.
const WEBHOOKS: [&str; 2] = ["metallb-webhook-service", "webhook-service"];

/// Mistakes of a configuration that are named: the pools pane has all of them.
const MISTAKES: usize = 3;

/// Everything found, in the order of the list of symptoms.
pub(super) fn findings(scene: &Scene<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    if scene.has_metallb() {
        node_addresses(scene, &mut found);
        found.extend(two_cards(scene));
        found.extend(webhook(scene));
        configuration(scene, &mut found);
        found.extend(config_map(scene));
        found.extend(speaker_missing(scene));
        found.extend(ipvs(scene));
        deleting(scene, &mut found);
        foreign_namespace(scene, &mut found);
    }
    servicelb_pending(scene, &mut found);
    found.extend(old_kind(scene));
    found
}

fn finding(symptom: Symptom, severity: Severity, what: impl Into<String>) -> Finding {
    Finding::new(symptom, Problem::new(severity, Subject::MetalLb, what))
}

/// A pool that would hand out the address of a node, or of the router.
fn node_addresses(scene: &Scene<'_>, found: &mut Vec<Finding>) {
    for pool in &scene.pools.all {
        let inside = |(address, _): &(&IpAddr, &&NodeName)| pool.space.contains(**address);
        let mut nodes: Vec<_> = scene.node_addresses.iter().filter(inside).collect();
        nodes.sort();
        if let Some((address, node)) = nodes.first() {
            let what = format!("pool {} contains the address of node {node}", pool.name);
            let mut it = finding(Symptom::NodeAddressInPool, Severity::Critical, what)
                .why(format!(
                    "{address} would be given to a service, and the node would lose it"
                ))
                .next("in the Pools pane, cut the addresses of nodes out of the pool");
            for (address, node) in &nodes {
                it = it.evidence(format!("{address} is node {node}"));
            }
            found.push(it);
        } else if let Some(router) = router(scene).filter(|it| pool.space.is_usable(*it)) {
            let what = format!("pool {} contains {router}", pool.name);
            found.push(
                finding(Symptom::NodeAddressInPool, Severity::Note, what)
                    .why("the first address of the nodes' network is usually the router's")
                    .next("if it is, cut it out of the pool in the Pools pane"),
            );
        }
    }
}

/// The first address of the /24 that most nodes are in; their real prefix is not known from here.
fn router(scene: &Scene<'_>) -> Option<IpAddr> {
    let mut networks: BTreeMap<[u8; 3], usize> = BTreeMap::new();
    for address in scene.node_addresses.keys() {
        if let IpAddr::V4(address) = address {
            let [a, b, c, _] = address.octets();
            *networks.entry([a, b, c]).or_default() += 1;
        }
    }
    let ([a, b, c], _) = networks.into_iter().max_by_key(|(_, count)| *count)?;
    Some(IpAddr::from([a, b, c, 1]))
}

/// Two addresses of one family in one network: answers may leave by the wrong card.
fn two_cards(scene: &Scene<'_>) -> Option<Finding> {
    let all_name_cards = scene
        .rack
        .metallb
        .l2_advertisements()
        .all(|it| !it.interfaces.is_empty());
    if scene.era != Era::Crds || all_name_cards {
        return None;
    }
    let double = |node: &&Node| network_twice(node).is_some();
    let nodes: Vec<&Node> = scene.rack.nodes().filter(double).collect();
    let first = nodes.first()?;
    let what = format!("node {} has two addresses in one network", first.name);
    let mut it = finding(Symptom::TwoCards, Severity::Note, what)
        .why("answers for a VIP may leave by the other network card")
        .next("name interfaces in the L2Advertisement, and set arp_ignore and arp_announce on the node");
    for node in &nodes {
        if let Some((one, other)) = network_twice(node) {
            it = it.evidence(format!("{}: {one} and {other}", node.name));
        }
    }
    Some(it)
}

fn network_twice(node: &Node) -> Option<(IpAddr, IpAddr)> {
    let internal = node.addresses.iter().filter(|it| &*it.kind == "InternalIP");
    let addresses: Vec<IpAddr> = internal.filter_map(|it| it.address.parse().ok()).collect();
    let network = |address: &IpAddr| match address {
        IpAddr::V4(address) => Some([
            address.octets()[0],
            address.octets()[1],
            address.octets()[2],
        ]),
        IpAddr::V6(_) => None,
    };
    addresses.iter().enumerate().find_map(|(index, one)| {
        let mut rest = addresses.iter().skip(index + 1);
        let other = rest.find(|it| network(it).is_some() && network(it) == network(one))?;
        Some((*one, *other))
    })
}

/// The webhook lives in the controller; without it every change of a pool is refused.
fn webhook(scene: &Scene<'_>) -> Option<Finding> {
    let controller = scene.rack.metallb.controller()?;
    if controller.ready == 0 {
        let what = "MetalLB's controller is not ready".to_owned();
        return Some(
            finding(Symptom::WebhookDown, Severity::Critical, what)
                .why("no service gets an address, and changes of pools fail with \"failed calling webhook\"")
                .evidence(format!("{}/{}: {} of {} ready", controller.namespace, controller.name, controller.ready, controller.desired))
                .next("see why its pod does not run"),
        );
    }
    if scene.era != Era::Crds || !scene.knows(Source::EndpointSlices) {
        return None;
    }
    let names = WEBHOOKS.map(|name| ServiceName::new(&controller.namespace, name));
    let services = &scene.rack.services;
    let name = names.iter().find(|name| services.get(name).is_some())?;
    if services.readiness(name).ready > 0 {
        return None;
    }
    Some(
        finding(Symptom::WebhookSelectsNothing, Severity::Critical, "MetalLB's webhook reaches no pod")
            .why(format!("service {name} has no endpoint though the controller is ready: its selector does not match"))
            .next("install MetalLB from one matching set of manifests"),
    )
}

/// What the components say of the configuration they read.
fn configuration(scene: &Scene<'_>, found: &mut Vec<Finding>) {
    let states = scene.rack.metallb.config_states();
    let mut by_error: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for state in states.filter(|it| it.verdict == Verdict::Invalid) {
        by_error.entry(&state.error).or_default().push(&state.name);
    }
    for (error, components) in by_error {
        let is_aggregation = error.contains("aggregation");
        let (symptom, next) = if is_aggregation {
            (
                Symptom::Aggregation,
                "in the Pools pane, compare the aggregation lengths of all BGPAdvertisements with the pool's ranges",
            )
        } else {
            (
                Symptom::ConfigurationIgnored,
                "correct the configuration in the Pools pane; until then the one before holds",
            )
        };
        let mut it = finding(
            symptom,
            Severity::Critical,
            "MetalLB does not take its configuration",
        )
        .why(error)
        .next(next);
        for component in components {
            it = it.evidence(format!("{component}: Invalid"));
        }
        found.push(it);
    }
}

/// Before 0.13 nothing in the API says that a configuration was refused: its text is judged here.
fn config_map(scene: &Scene<'_>) -> Option<Finding> {
    let config_map = scene.rack.metallb.config_map()?;
    let text = config_map.config.as_ref()?.as_str();
    if scene.era != Era::ConfigMap {
        return None;
    }
    let report = check(text, Form::Inner, &live::facts(scene.rack, &[]));
    let refused: Vec<_> = (report.findings.iter())
        .filter(|it| it.layer.is_some())
        .collect();
    let index = LineIndex::new(text);
    let what = "MetalLB does not take its configuration";
    let mut it = finding(Symptom::ConfigurationIgnored, Severity::Critical, what)
        .why(&refused.first()?.what)
        .next("correct the configuration in the Pools pane; until then the one before holds");
    for mistake in refused.iter().take(MISTAKES) {
        let line = index.place(mistake.span.start).line;
        let what = &mistake.what;
        it = it.evidence(format!(
            "ConfigMap {}, line {line}: {what}",
            config_map.head.name
        ));
    }
    Some(it)
}

fn speaker_missing(scene: &Scene<'_>) -> Option<Finding> {
    let speaker = scene.rack.metallb.speaker()?;
    let running = scene.speakers.running.as_ref();
    let missing: Vec<&str> = scene
        .rack
        .nodes()
        .filter(|node| running.is_some_and(|it| !it.contains(&node.name)))
        .filter(|node| !scene.speakers.is_dead(&node.name))
        .map(|node| node.name.as_str())
        .collect();
    let is_short = speaker.ready < speaker.desired;
    if missing.is_empty() && !is_short {
        return None;
    }
    let what = match missing.as_slice() {
        [] => format!(
            "{} of {} speakers of MetalLB are ready",
            speaker.ready, speaker.desired
        ),
        [node] => format!("no speaker of MetalLB runs on node {node}"),
        nodes => format!("no speaker of MetalLB runs on {} nodes", nodes.len()),
    };
    let mut it = finding(Symptom::SpeakerMissing, Severity::Warning, what)
        .why(format!(
            "DaemonSet {}/{}: {} of {} ready, {} nodes",
            speaker.namespace,
            speaker.name,
            speaker.ready,
            speaker.desired,
            scene.speakers.count()
        ))
        .next("see its pods; a node with a taint of its own needs a toleration in the DaemonSet");
    if let [_, _, ..] = missing.as_slice() {
        it = it.evidence(format!("without a speaker: {}", missing.join(", ")));
    }
    Some(it)
}

/// kube-proxy answers ARP for every VIP on every node.
fn ipvs(scene: &Scene<'_>) -> Option<Finding> {
    let is_set = |node: &Node, flag: &str| node.k3s_args.iter().any(|it| it.contains(flag));
    let mut nodes = scene.rack.nodes();
    let node = nodes.find(|it| {
        is_set(it, "proxy-mode=ipvs")
            && !is_set(it, "ipvs-strict-arp=true")
            && !is_set(it, "ipvs-strict-arp,")
    })?;
    Some(
        finding(
            Symptom::IpvsWithoutStrictArp,
            Severity::Critical,
            "kube-proxy runs in IPVS mode without strict ARP",
        )
        .why("every node answers for every VIP, and they steal it from each other")
        .evidence(format!("node {}: {}", node.name, node.k3s_args.join(" ")))
        .next("start k3s with --kube-proxy-arg=ipvs-strict-arp=true"),
    )
}

fn deleting(scene: &Scene<'_>, found: &mut Vec<Finding>) {
    let now = scene.rack.now;
    let stuck = scene.rack.metallb.heads().filter(|head| {
        let age = head.deleted.map(|at| now.age_of(at));
        !head.finalizers.is_empty() && age.is_some_and(|age| age.as_secs() > 60)
    });
    for head in stuck {
        let what = format!("{} {} does not go away", head.kind.word(), head.name);
        found.push(
            finding(Symptom::LeftoverKinds, Severity::Warning, what)
                .why(format!(
                    "it is deleted and waits for {}",
                    head.finalizers.join(", ")
                ))
                .next(
                    "find who should take the finalizer off; with nobody left, take it off by hand",
                ),
        );
    }
}

/// The kind `AddressPool` outlived the releases that read it.
fn old_kind(scene: &Scene<'_>) -> Option<Finding> {
    let version = scene.version.filter(|it| it.is_at_least(14, 3))?;
    (scene.rack.metallb.serves("addresspools") == Some(true)).then(|| {
        finding(
            Symptom::LeftoverKinds,
            Severity::Note,
            "the kind AddressPool is left over from an older MetalLB",
        )
        .why(format!(
            "MetalLB {version} does not read it; what stands in it has no effect"
        ))
        .next("move its addresses to IPAddressPools, then remove the CRD addresspools.metallb.io")
    })
}

fn foreign_namespace(scene: &Scene<'_>, found: &mut Vec<Finding>) {
    let Some(home) = scene.rack.metallb.namespace() else {
        return;
    };
    let has_workload =
        scene.rack.metallb.speaker().is_some() || scene.rack.metallb.controller().is_some();
    let strangers = scene
        .rack
        .metallb
        .heads()
        .filter(|head| *head.namespace != *home);
    for head in strangers.filter(|_| has_workload && scene.era == Era::Crds) {
        if head.kind == crate::rack::config_object::ConfigKind::ConfigMap {
            continue;
        }
        let what = format!(
            "{} {} stands in the wrong namespace",
            head.kind.word(),
            head.name
        );
        found.push(
            finding(Symptom::ForeignNamespace, Severity::Warning, what)
                .why(format!(
                    "it is in {}, MetalLB reads only {home}",
                    head.namespace
                ))
                .next(format!("make it anew in {home}")),
        );
    }
}

/// A host port can be taken once: the second Service on it waits for ever.
fn servicelb_pending(scene: &Scene<'_>, found: &mut Vec<Finding>) {
    let mut waiting: Vec<_> = scene
        .servicelb
        .iter()
        .filter(|(_, it)| it.ready < it.desired)
        .collect();
    waiting.sort_by_key(|(service, _)| *service);
    for (service, workload) in waiting {
        let ports = |name: &ServiceName| {
            let service = scene.rack.services.get(name);
            let ports = service.map(|it| it.ports.iter().map(|port| (port.protocol, port.port)));
            ports.map(Iterator::collect::<Vec<_>>).unwrap_or_default()
        };
        let ours = ports(service);
        let mut others: Vec<&&ServiceName> = (scene.servicelb.keys())
            .filter(|it| *it != service && ports(it).iter().any(|port| ours.contains(port)))
            .collect();
        others.sort();
        let why = match others.first() {
            Some(other) => format!("service {other} has the same host port"),
            None => "its pods find no free host port, or no node".to_owned(),
        };
        let what = format!("service {service} waits for servicelb");
        let about = Subject::Service((*service).clone());
        found.push(Finding::new(
            Symptom::ServicelbPending,
            Problem::new(Severity::Warning, about, what)
                .why(why)
                .evidence(format!(
                    "DaemonSet {}/{}: {} of {} ready",
                    workload.namespace, workload.name, workload.ready, workload.desired
                ))
                .next("give each service its own port, or use MetalLB, where each has its own address"),
        ));
    }
}
