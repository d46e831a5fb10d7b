//! The columns of the table of Services: what each says, and how it sorts.

use std::borrow::Cow;
use std::net::IpAddr;

use crate::panes::listing::{TableColumn, Tone};
use crate::rack::Rack;
use crate::rack::link::{Source, SourceState};
use crate::rack::problem::Severity;
use crate::rack::service::{Protocol, Service, ServiceKind, ServicePort, TrafficPolicy};
use crate::rack::time::short;
use crate::rack::vip::Vip;
use crate::rack::vip::announcer::{Announcer, Doubt, Witness};
use crate::rack::vip::probe::{History, Target};
use crate::ui::table::layout::Column as Layout;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    Vip,
    Service,
    Ports,
    Pool,
    Announcer,
    Answers,
    Ready,
    Age,
    Type,
    ClusterIp,
    Policy,
    Shared,
}

pub(super) const COLUMNS: [Column; 12] = [
    Column::Vip,
    Column::Service,
    Column::Ports,
    Column::Pool,
    Column::Announcer,
    Column::Answers,
    Column::Ready,
    Column::Age,
    Column::Type,
    Column::ClusterIp,
    Column::Policy,
    Column::Shared,
];

impl TableColumn for Column {
    const ALL: &'static [Column] = &COLUMNS;

    fn layout(self) -> Layout {
        match self {
            // The sign and a whole IPv4 address: it is what the table is for.
            Column::Vip => Layout::words("VIP", 17, 41, 0).hugging(),
            Column::Service => Layout::words("SERVICE", 15, 50, 0)
                .keeping_the_end()
                .hugging(),
            Column::Ports => Layout::words("PORTS", 8, 24, 5),
            Column::Pool => Layout::words("POOL", 6, 24, 6),
            Column::Announcer => Layout::words("ANNOUNCED BY", 12, 30, 2),
            Column::Answers => Layout::words("ANSWERS", 8, 24, 3),
            Column::Ready => Layout::numbers("READY", 5, 7, 1),
            Column::Age => Layout::numbers("AGE", 4, 5, 7),
            Column::Type => Layout::words("TYPE", 9, 12, 9),
            Column::ClusterIp => Layout::words("CLUSTER-IP", 10, 41, 10),
            Column::Policy => Layout::words("POLICY", 7, 7, 11),
            Column::Shared => Layout::words("SHARED WITH", 11, 40, 12),
        }
    }

    fn is_wide_only(self) -> bool {
        matches!(
            self,
            Column::Type | Column::ClusterIp | Column::Policy | Column::Shared
        )
    }
}

impl Column {
    /// True when the order by this column changes without a Service being added.
    pub(super) fn is_volatile(self) -> bool {
        !matches!(self, Column::Service | Column::Age | Column::Type)
    }

    /// What the cell says, and in what tone. An empty text is drawn as a dash: nothing to be known, or nothing there.
    pub(super) fn cell<'a>(self, rack: &'a Rack, service: &'a Service) -> (Cow<'a, str>, Tone) {
        let vip = rack.vips.get(&service.name);
        match self {
            Column::Vip => address(service, vip),
            Column::Service => (service.name.to_string().into(), Tone::Plain),
            Column::Ports => (ports(service).into(), Tone::Plain),
            Column::Pool => match vip.and_then(|vip| vip.pool.as_ref()) {
                Some(pool) => (pool.name.as_str().into(), Tone::Plain),
                None => ("".into(), Tone::Muted),
            },
            Column::Announcer => match vip.and_then(|vip| vip.announcer.as_ref()) {
                Some(it) => announced_by(it),
                None => ("".into(), Tone::Muted),
            },
            Column::Answers => answers(rack, service),
            Column::Ready => ready(rack, vip),
            Column::Age => (
                service
                    .created
                    .map_or("?".into(), |at| short(rack.now.age_of(at)).into()),
                Tone::Muted,
            ),
            Column::Type => (service.kind.word().into(), Tone::Plain),
            Column::ClusterIp => (service.cluster_ips.join(",").into(), Tone::Muted),
            Column::Policy => match service.external_traffic {
                _ if service.kind == ServiceKind::ClusterIp => ("".into(), Tone::Muted),
                TrafficPolicy::Cluster => ("Cluster".into(), Tone::Plain),
                TrafficPolicy::Local => ("Local".into(), Tone::Plain),
            },
            Column::Shared => {
                let partners = vip.map(|vip| vip.partners.iter().map(ToString::to_string));
                let partners: Vec<String> = partners.map(Iterator::collect).unwrap_or_default();
                (partners.join(" ").into(), Tone::Plain)
            }
        }
    }

    /// Sorts the troubled first, names ascending.
    pub(super) fn sort_key(self, rack: &Rack, service: &Service) -> (u128, String) {
        let vip = rack.vips.get(&service.name);
        let number = match self {
            Column::Vip => match service.addresses().next() {
                None => 0,
                Some(IpAddr::V4(address)) => u128::from(u32::from(address)),
                Some(IpAddr::V6(address)) => u128::from(address),
            },
            Column::Ready => vip.and_then(|vip| vip.readiness).map_or(1, |it| {
                u128::from(it.ready > 0) + u128::from(it.ready > 0 && it.ready == it.total)
            }),
            Column::Answers => {
                let history = worst_history(rack, service).map(|(_, history)| history);
                history.map_or(u128::MAX, |it| u128::from(it.silent_for() == 0))
            }
            Column::Age => service.created.map_or(0, |at| {
                u128::MAX - u128::from(at.as_second().unsigned_abs())
            }),
            _ => 0,
        };
        let text = match self {
            Column::Pool | Column::Announcer | Column::Type | Column::Policy => {
                self.cell(rack, service).0.into_owned()
            }
            _ => String::new(),
        };
        (number, format!("{text}\0{}", service.name))
    }
}

fn address<'a>(service: &Service, vip: Option<&Vip>) -> (Cow<'a, str>, Tone) {
    if !service.is_load_balancer() {
        return (service.kind.word().into(), Tone::Muted);
    }
    let tone = match vip.and_then(Vip::severity) {
        Some(Severity::Critical) => Tone::Bad,
        Some(Severity::Warning) => Tone::Warn,
        Some(Severity::Note) | None => Tone::Plain,
    };
    let all = service.ingress.iter().map(|it| match &*it.ip {
        "" => it.hostname.to_string(),
        ip => ip.to_owned(),
    });
    let all: Vec<String> = all.collect();
    if all.is_empty() {
        (
            "pending".into(),
            if tone == Tone::Plain {
                Tone::Warn
            } else {
                tone
            },
        )
    } else {
        (all.join(",").into(), tone)
    }
}

/// `80→8080 443 53/udp`.
pub(super) fn ports(service: &Service) -> String {
    let all: Vec<String> = service.ports.iter().map(|it| port(service, it)).collect();
    all.join(" ")
}

fn port(service: &Service, port: &ServicePort) -> String {
    let mut text = port.port.to_string();
    if service.kind == ServiceKind::NodePort
        && let Some(node_port) = port.node_port
    {
        text = format!("{text}:{node_port}");
    }
    let target = port.target.to_string();
    if target != port.port.to_string() && target != "0" {
        text = format!("{text}→{target}");
    }
    match port.protocol {
        Protocol::Tcp => text,
        Protocol::Udp => text + "/udp",
        Protocol::Sctp => text + "/sctp",
    }
}

/// `rpi-01 eth0`, and how it is known when not from a status.
pub(super) fn announced_by(announcer: &Announcer) -> (Cow<'static, str>, Tone) {
    let mut text = match announcer.nodes.as_slice() {
        [] if announcer.is_unknown => return ("?".into(), Tone::Muted),
        [] => return ("nobody".into(), Tone::Bad),
        [node] => node.to_string(),
        [first, rest @ ..] => format!("{first} +{}", rest.len()),
    };
    if !announcer.interfaces.is_empty() {
        text.push(' ');
        text.push_str(&announcer.interfaces.join(","));
    }
    let (word, tone) = match (&announcer.doubt, announcer.witness) {
        (Some(Doubt::Disagrees { .. }), _) => (" disagree", Tone::Warn),
        (Some(Doubt::Several), _) => (" several", Tone::Bad),
        (Some(Doubt::Dead { .. }), _) => (" computed", Tone::Warn),
        (None, Witness::Status) => ("", Tone::Plain),
        (None, Witness::Event) => (" event", Tone::Plain),
        (None, Witness::Election) => (" computed", Tone::Muted),
    };
    (format!("{text}{word}").into(), tone)
}

/// The TCP ports of the addresses of a Service.
pub(super) fn targets(service: &Service) -> Vec<Target> {
    let ports: Vec<u16> = service
        .ports
        .iter()
        .filter(|it| it.protocol == Protocol::Tcp)
        .map(|it| it.port)
        .collect();
    let addresses = service.addresses().filter(|_| service.is_load_balancer());
    addresses
        .flat_map(|address| {
            ports.iter().map(move |port| Target {
                address,
                port: *port,
            })
        })
        .collect()
}

/// The port that answers worst.
pub(super) fn worst_history<'a>(
    rack: &'a Rack,
    service: &Service,
) -> Option<(Target, &'a History)> {
    let known = targets(service)
        .into_iter()
        .filter_map(|target| Some((target, rack.probes.get(&target)?)));
    // The first of equals: the order of the Service's ports.
    known.min_by_key(|(_, history)| (history.silent_for() == 0, usize::MAX - history.lost()))
}

fn answers(rack: &Rack, service: &Service) -> (Cow<'static, str>, Tone) {
    if service.ingress.is_empty() || !service.is_load_balancer() {
        return ("".into(), Tone::Muted);
    }
    let count = targets(service).len();
    if count == 0 {
        let is_udp = service.ports.iter().any(|it| it.protocol == Protocol::Udp);
        return (if is_udp { "udp" } else { "" }.into(), Tone::Muted);
    }
    if rack.probes.is_off {
        return ("off".into(), Tone::Muted);
    }
    let Some((target, history)) = worst_history(rack, service) else {
        return ("".into(), Tone::Muted);
    };
    let Some(last) = history.last() else {
        return ("".into(), Tone::Muted);
    };
    let mut text = last.words();
    if !last.is_answer() && count > 1 {
        text = format!("{} {text}", target.port);
    }
    let loss = history.lost() * 100 / history.count().max(1);
    if last.is_answer() && loss > 0 {
        text = format!("{text} {loss}% lost");
    }
    let tone = match (last.is_answer(), loss) {
        (false, _) => Tone::Bad,
        (true, 0) => Tone::Plain,
        (true, _) => Tone::Warn,
    };
    (text.into(), tone)
}

fn ready(rack: &Rack, vip: Option<&Vip>) -> (Cow<'static, str>, Tone) {
    match vip.and_then(|vip| vip.readiness) {
        Some(it) => {
            let tone = match it.ready {
                0 => Tone::Bad,
                ready if ready < it.total => Tone::Warn,
                _ => Tone::Plain,
            };
            (format!("{}/{}", it.ready, it.total).into(), tone)
        }
        None if matches!(
            rack.link.source(Source::EndpointSlices),
            SourceState::Waiting
        ) =>
        {
            ("".into(), Tone::Muted)
        }
        None => ("?".into(), Tone::Muted),
    }
}
