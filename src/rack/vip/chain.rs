//! The whole way from a request to an answer, step by step in words: pool, advertisement, speaker, announcer, endpoints,
//! and whoever else has a hand in it.

use super::announcer::{Announcer, Doubt, Protocol};
use super::request::{Request, families};
use super::scene::Scene;
use crate::rack::link::{Source, SourceState};
use crate::rack::metallb::Era;
use crate::rack::node::NodeName;
use crate::rack::pools::range::Family;
use crate::rack::service::{Service, TrafficPolicy, Wish};
use crate::rack::vip::{Pooled, Vip};

/// How one step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Well,
    Warn,
    Broken,
    /// Cannot be known from here.
    Unknown,
    /// Plays no part.
    Absent,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// `pool`, `speaker`, …
    pub label: &'static str,
    pub standing: Standing,
    pub words: String,
}

fn step(label: &'static str, standing: Standing, words: impl Into<String>) -> Step {
    Step {
        label,
        standing,
        words: words.into(),
    }
}

/// The chain of one Service of type `LoadBalancer`.
pub(super) fn of(scene: &Scene<'_>, service: &Service, vip: &Vip) -> Vec<Step> {
    let mut steps = vec![allocator(scene, service), asked(scene, service)];
    steps.push(address(service));
    if scene.handles_class(service) {
        steps.push(pool(scene, service, vip));
        steps.extend(advertisement(scene, service, vip));
        steps.push(speaker(scene));
        steps.push(announcer(scene, service, vip.announcer.as_ref()));
    }
    steps.push(endpoints(scene, service));
    steps.extend(servicelb(scene, service));
    steps.extend(mixed(scene, service));
    steps
}

fn allocator(scene: &Scene<'_>, service: &Service) -> Step {
    let version = scene.version.map_or(String::new(), |it| format!(" {it}"));
    let class = service.class.as_deref();
    match scene.era {
        Era::Unknown => step(
            "allocator",
            Standing::Unknown,
            "? not all of what would tell has been read, or may be",
        ),
        Era::Absent => match scene.rack.metallb.neighbours().next() {
            Some(other) => step(
                "allocator",
                Standing::Well,
                format!("{} (no MetalLB)", other.name),
            ),
            None if scene.servicelb.contains_key(&service.name) => {
                step("allocator", Standing::Well, "servicelb of k3s")
            }
            None => step(
                "allocator",
                Standing::Broken,
                "none: no MetalLB, no servicelb for it",
            ),
        },
        Era::ConfigMap | Era::Crds if scene.handles_class(service) => {
            let how = match scene.era {
                Era::ConfigMap => "configured by a ConfigMap",
                _ => "configured by custom resources",
            };
            step(
                "allocator",
                Standing::Well,
                format!("MetalLB{version}, {how}"),
            )
        }
        Era::ConfigMap | Era::Crds => step(
            "allocator",
            Standing::Warn,
            format!(
                "MetalLB{version} does not handle loadBalancerClass {}",
                class.unwrap_or("(none)")
            ),
        ),
    }
}

fn asked(scene: &Scene<'_>, service: &Service) -> Step {
    let key = super::request::annotation(scene, service, Wish::SharingKey);
    let shared = key.map_or(String::new(), |key| {
        format!(", to be shared under the key \"{key}\"")
    });
    let (standing, words) = match Request::of(scene, service) {
        Request::Both => (
            Standing::Broken,
            "two addresses, by annotation and by spec.loadBalancerIP".to_owned(),
        ),
        Request::Unreadable(text) => (
            Standing::Broken,
            format!("\"{text}\", which cannot be read"),
        ),
        Request::Addresses(all) => {
            let all: Vec<String> = all.iter().map(ToString::to_string).collect();
            (Standing::Well, all.join(" and "))
        }
        Request::Pool(pool) => (Standing::Well, format!("any address of pool {pool}")),
        Request::Anything => (Standing::Well, "any address".to_owned()),
    };
    step("asked for", standing, words + &shared)
}

fn address(service: &Service) -> Step {
    let has = |it: &crate::rack::service::Ingress| match (&*it.ip, &*it.hostname) {
        ("", name) => name.to_owned(),
        (ip, _) => ip.to_owned(),
    };
    let all: Vec<String> = service.ingress.iter().map(has).collect();
    if all.is_empty() {
        step("address", Standing::Broken, "none yet: pending")
    } else {
        step("address", Standing::Well, all.join(", "))
    }
}

fn pool(scene: &Scene<'_>, service: &Service, vip: &Vip) -> Step {
    let Some(Pooled { name, is_recorded }) = &vip.pool else {
        if let (true, Request::Pool(name)) = (vip.addresses.is_empty(), Request::of(scene, service))
            && let Some(pool) = scene.pools.named(&name)
        {
            let used = pool.use_of(families(service).first().copied().unwrap_or(Family::V4));
            let standing = if used.is_full() {
                Standing::Broken
            } else {
                Standing::Warn
            };
            let words = format!("none given yet; {name} has {} in use", used.words());
            return step("pool", standing, words);
        }
        return match (vip.addresses.is_empty(), scene.pools.all.len()) {
            (_, 0) if !scene.knows(Source::IpAddressPools) && scene.era == Era::Crds => {
                step("pool", Standing::Unknown, "? pools may not be read")
            }
            (_, 0) => step("pool", Standing::Broken, "there is none"),
            (true, count) => step(
                "pool",
                Standing::Warn,
                format!("none given yet; there {}", are(count)),
            ),
            (false, _) => step("pool", Standing::Warn, "the address is in none"),
        };
    };
    let how = if *is_recorded {
        "recorded by MetalLB"
    } else {
        "by its ranges"
    };
    let Some(pool) = scene.pools.named(name) else {
        if scene.era == Era::Crds && !scene.knows(Source::IpAddressPools) {
            let words = format!("{name} ({how}); ? pools may not be read");
            return step("pool", Standing::Unknown, words);
        }
        return step(
            "pool",
            Standing::Warn,
            format!("{name} ({how}), which does not exist any more"),
        );
    };
    let family = vip
        .addresses
        .first()
        .map_or(Family::V4, |it| Family::of(*it));
    let used = pool.use_of(family);
    let automatic = if pool.auto_assign {
        ""
    } else {
        ", autoAssign off"
    };
    step(
        "pool",
        Standing::Well,
        format!("{name} ({how}), {} in use{automatic}", used.words()),
    )
}

fn are(count: usize) -> String {
    if count == 1 {
        "is one".to_owned()
    } else {
        format!("are {count}")
    }
}

fn advertisement(scene: &Scene<'_>, service: &Service, vip: &Vip) -> Option<Step> {
    let address = *vip.addresses.first()?;
    let can_tell = scene.knows(Source::L2Advertisements) && scene.knows(Source::BgpAdvertisements);
    if scene.era == Era::Crds && !can_tell {
        return Some(step(
            "advertised",
            Standing::Unknown,
            "? advertisements may not be read",
        ));
    }
    let by_config_map = scene.pools.holding(address).and_then(|pool| pool.protocol);
    if let Some(protocol) = by_config_map {
        let kind = match protocol {
            Protocol::Layer2 => "layer 2",
            Protocol::Bgp => "BGP",
        };
        let words = format!("as the ConfigMap says ({kind})");
        return Some(step("advertised", Standing::Well, words));
    }
    let advertisements = scene.advertisements(service, address)?;
    Some(if advertisements.is_empty() {
        step(
            "advertised",
            Standing::Broken,
            "by no L2Advertisement and no BGPAdvertisement",
        )
    } else {
        let kind = match (advertisements.l2.is_empty(), advertisements.bgp.is_empty()) {
            (false, true) => "layer 2",
            (true, _) => "BGP",
            (false, false) => "layer 2 and BGP",
        };
        step(
            "advertised",
            Standing::Well,
            format!("{} ({kind})", advertisements.names()),
        )
    })
}

fn speaker(scene: &Scene<'_>) -> Step {
    let Some(speaker) = scene.rack.metallb.speaker() else {
        return match scene.rack.link.source(Source::DaemonSets) {
            SourceState::Live => step(
                "speakers",
                Standing::Broken,
                "there is no speaker DaemonSet",
            ),
            _ => step(
                "speakers",
                Standing::Unknown,
                "? daemonsets may not be read",
            ),
        };
    };
    let words = format!("{} of {} ready", speaker.ready, speaker.desired);
    let standing = match speaker.ready {
        0 => Standing::Broken,
        ready if ready < speaker.desired => Standing::Warn,
        _ => Standing::Well,
    };
    step("speakers", standing, words)
}

fn announcer(scene: &Scene<'_>, service: &Service, announcer: Option<&Announcer>) -> Step {
    let label = "announced by";
    let Some(announcer) = announcer else {
        return step(label, Standing::Absent, "nobody: it has no address");
    };
    if announcer.is_unknown {
        let why = "? nobody says it, and advertisements may not be read";
        return step(label, Standing::Unknown, why);
    }
    if announcer.nodes.is_empty() {
        let why = if scene.has_endpoints(service) {
            "nobody: no node may announce it"
        } else {
            "nobody: no endpoint is ready"
        };
        return step(label, Standing::Broken, why);
    }
    let names: Vec<&str> = announcer.nodes.iter().map(NodeName::as_str).collect();
    let on = if announcer.interfaces.is_empty() {
        String::new()
    } else {
        format!(" on {}", announcer.interfaces.join(", "))
    };
    let by = match announcer.protocol {
        Protocol::Layer2 => "",
        Protocol::Bgp => " by BGP",
    };
    let (standing, doubt) = match &announcer.doubt {
        None => (Standing::Well, String::new()),
        Some(Doubt::Dead { witness, node }) => (
            Standing::Warn,
            format!(
                "; its {} names {node}, which is not to be believed",
                witness.word()
            ),
        ),
        Some(Doubt::Disagrees { elected }) => (
            Standing::Warn,
            format!("; disagrees with the election, which gives {elected}"),
        ),
        Some(Doubt::Several) => (Standing::Warn, "; only one should".to_owned()),
    };
    let words = format!(
        "{}{on}{by} ({}){doubt}",
        names.join(", "),
        announcer.witness.word()
    );
    step(label, standing, words)
}

fn endpoints(scene: &Scene<'_>, service: &Service) -> Step {
    if !scene.knows(Source::EndpointSlices) {
        return step(
            "endpoints",
            Standing::Unknown,
            "? endpointslices may not be read, or not yet",
        );
    }
    let readiness = scene.rack.services.readiness(&service.name);
    let local = match service.external_traffic {
        TrafficPolicy::Local => ", policy Local: only on its own node",
        TrafficPolicy::Cluster => "",
    };
    let words = format!("{} of {} ready{local}", readiness.ready, readiness.total);
    let standing = match (readiness.serving, readiness.ready) {
        (0, _) => Standing::Broken,
        (_, ready) if ready < readiness.total => Standing::Warn,
        _ => Standing::Well,
    };
    step("endpoints", standing, words)
}

fn servicelb(scene: &Scene<'_>, service: &Service) -> Option<Step> {
    let workload = scene.servicelb.get(&service.name)?;
    let words = format!("{} of {} pods ready", workload.ready, workload.desired);
    Some(if scene.handles_class(service) {
        step(
            "servicelb",
            Standing::Broken,
            format!("serves it as well, beside MetalLB: {words}"),
        )
    } else if workload.ready < workload.desired {
        step("servicelb", Standing::Warn, words)
    } else {
        step("servicelb", Standing::Well, words)
    })
}

/// TCP and UDP in one Service: fine today, not with old releases.
fn mixed(scene: &Scene<'_>, service: &Service) -> Option<Step> {
    let mut protocols: Vec<_> = service.ports.iter().map(|it| it.protocol).collect();
    protocols.sort();
    protocols.dedup();
    if protocols.len() < 2 {
        return None;
    }
    let is_old = scene.version.is_some_and(|it| !it.is_at_least(13, 6));
    Some(if is_old {
        step(
            "protocols",
            Standing::Warn,
            "several in one service; MetalLB is tested with that since 0.13.6: make two with one sharing key",
        )
    } else {
        step(
            "protocols",
            Standing::Well,
            "several in one service, which Kubernetes 1.26 and newer take",
        )
    })
}
