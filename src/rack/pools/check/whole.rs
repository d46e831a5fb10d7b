//! All rules in order: those of one object, kept while the object does not change, and those of the set, asked anew.

use crate::rack::pools::check::set::Set;
use crate::rack::pools::check::{Facts, addresses, announce, bgp, legacy, peer};
use crate::rack::pools::finding::{Finding, Kind, Layer};
use crate::rack::pools::object::{Body, Head, Object, ObjectKind, Selection};
use crate::rack::pools::range::Family;

/// Where MetalLB is installed unless somebody chose otherwise.
const USUAL_NAMESPACE: &str = "metallb-system";
const USUAL_CONFIG_MAP: &str = "config";

/// What can be said about an object by itself.
pub(super) fn object(object: &Object, facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    let head = &object.head;
    let title = head.title();
    let layer = if head.kind.is_legacy() {
        Layer::LegacyParser
    } else {
        Layer::Webhook
    };
    place(head, facts, &mut findings);
    match &object.body {
        Body::Pool(pool) => {
            addresses::check(head, pool, layer, facts, &mut findings);
            if let Some(allocation) = &pool.allocation {
                peer::repeated(
                    &title,
                    &allocation.namespaces,
                    "serviceAllocation.namespaces",
                    layer,
                    &mut findings,
                );
                for (selectors, field) in [
                    (
                        &allocation.namespace_selectors,
                        "serviceAllocation.namespaceSelectors",
                    ),
                    (
                        &allocation.service_selectors,
                        "serviceAllocation.serviceSelectors",
                    ),
                ] {
                    peer::selectors(&title, selectors, field, layer, &mut findings);
                }
            }
        }
        Body::L2Advertisement(it) => selection(&title, &it.selection, layer, &mut findings),
        Body::BgpAdvertisement(it) => {
            selection(&title, &it.selection, layer, &mut findings);
            peer::repeated(&title, &it.peers, "peers", layer, &mut findings);
            peer::repeated(&title, &it.communities, "communities", layer, &mut findings);
            let is_default = [Family::V4, Family::V6]
                .iter()
                .all(|family| it.aggregation(*family) == i64::from(family.bits()));
            if let Some(selector) = it
                .selection
                .service_selectors
                .first()
                .filter(|_| !is_default)
            {
                let what = format!("{title} chooses Services and aggregates routes");
                findings.push(
                    Finding::error(Layer::Schema, Kind::Exclusive, selector.span.clone(), what)
                        .why("a route for several addresses cannot be for some Services only")
                        .next("leave out one of the two"),
                );
            }
        }
        Body::Peer(it) => peer::check(head, it, layer, facts, &mut findings),
        Body::Profile(it) if head.kind.is_legacy() => peer::profile(head, it, &mut findings),
        Body::Profile(_) | Body::ConfigMap => {}
        Body::Aliases(it) => peer::aliases(head, it, layer, &mut findings),
    }
    findings
}

fn selection(title: &str, selection: &Selection, layer: Layer, findings: &mut Vec<Finding>) {
    peer::repeated(title, &selection.pools, "ipAddressPools", layer, findings);
    for (selectors, field) in [
        (&selection.pool_selectors, "ipAddressPoolSelectors"),
        (&selection.node_selectors, "nodeSelectors"),
        (&selection.service_selectors, "serviceSelectors"),
    ] {
        peer::selectors(title, selectors, field, layer, findings);
    }
}

/// Whether MetalLB looks there at all.
fn place(head: &Head, facts: &Facts, findings: &mut Vec<Finding>) {
    let title = head.title();
    let is_config_map = head.kind == ObjectKind::ConfigMap;
    if matches!(head.kind, ObjectKind::Legacy(_)) {
        return;
    }
    let expected = facts.namespace.as_deref().unwrap_or(USUAL_NAMESPACE);
    match &head.namespace {
        None => findings.push(
            Finding::warning(
                Kind::Namespace,
                head.span.clone(),
                format!("{title} has no namespace"),
            )
            .why("it goes where kubectl happens to point")
            .next(format!("add namespace: {expected}")),
        ),
        Some(namespace) if &*namespace.value != expected => {
            let is_known = facts.namespace.is_some();
            let name = &*namespace.value;
            // Nobody installs MetalLB in default; any other name may be where it runs.
            let finding = if !is_config_map && (is_known || name == "default") {
                let what = format!("{title} is in namespace {name}, where MetalLB does not look");
                Finding::error(
                    Layer::Namespace,
                    Kind::Namespace,
                    namespace.span.clone(),
                    what,
                )
                .why("the webhook refuses it since 0.13.5; before, it was ignored without a word")
            } else if is_known {
                let what =
                    format!("{title} is in namespace {name}, and MetalLB runs in {expected}");
                Finding::warning(Kind::Namespace, namespace.span.clone(), what)
            } else {
                let what = format!("{title} is in namespace {name}");
                Finding::warning(Kind::Namespace, namespace.span.clone(), what)
                    .why("that is right only if MetalLB is installed there")
            };
            findings.push(finding.next(format!("write namespace: {expected}")));
        }
        Some(_) => {}
    }
    let expected = facts.config_map.as_deref().unwrap_or(USUAL_CONFIG_MAP);
    if is_config_map && &*head.name.value != expected {
        findings.push(
            Finding::warning(
                Kind::ConfigMapName,
                head.name.span.clone(),
                format!("{title} is not called {expected}"),
            )
            .why("MetalLB reads the one its containers name with --config=")
            .next("compare it with the arguments of the controller and the speakers"),
        );
    }
}

/// What can be said about the set only.
pub(super) fn set(
    resources: &Set<'_>,
    legacy: &Set<'_>,
    facts: &Facts,
    findings: &mut Vec<Finding>,
) {
    if !resources.is_empty() {
        announce::check(resources, findings);
        bgp::check(resources, facts, findings);
    }
    if !legacy.is_empty() {
        let has_errors = findings.iter().any(|it| it.layer.is_some());
        announce::check(legacy, findings);
        legacy::check(legacy, facts, findings);
        if !has_errors {
            legacy::renamed(legacy, findings);
        }
    }
    if let Some(version) = facts.version {
        wrong_world(resources, legacy, version, findings);
    }
}

/// A configuration for another release than the one that runs.
fn wrong_world(
    resources: &Set<'_>,
    legacy: &Set<'_>,
    version: crate::rack::pools::version::Version,
    findings: &mut Vec<Finding>,
) {
    if legacy.has_config_map && !version.reads_config_map() {
        findings.push(
            Finding::warning(
                Kind::Outdated,
                0..0,
                format!("MetalLB {version} does not read a ConfigMap"),
            )
            .next("convert it to resources"),
        );
    }
    if !resources.is_empty() && version.reads_config_map() {
        let what = format!("MetalLB {version} knows no resources");
        findings.push(
            Finding::error(Layer::Schema, Kind::Outdated, 0..0, what)
                .next("it reads a ConfigMap; resources came with 0.13.0"),
        );
    }
}
