//! The lines of `bramble services`.

use anyhow::anyhow;
use serde_json::{Value, json};

use crate::cli::report::problems::json_of as problem_json;
use crate::cli::report::sheet::{Line, Sheet};
use crate::cli::{Failure, Report};
use crate::rack::Rack;
use crate::rack::link::{Source, SourceState};
use crate::rack::node::NodeName;
use crate::rack::problem::Severity;
use crate::rack::service::{Service, TrafficPolicy};
use crate::rack::vip::Vip;
use crate::rack::vip::announcer::{Announcer, Doubt};
use crate::ui::text::clean;

const TITLES: &[&str] = &[
    "VIP",
    "SERVICE",
    "TYPE",
    "PORTS",
    "POOL",
    "ANNOUNCED BY",
    "KNOWN BY",
    "READY",
    "TROUBLE",
];

pub(super) fn sheet(report: Report) -> Sheet {
    Sheet::new(TITLES, 0, report)
}

/// Services that may not be read are no empty list.
pub(super) fn is_there(rack: &Rack) -> Result<(), Failure> {
    match rack.link.source(Source::Services) {
        SourceState::Forbidden(problem) | SourceState::Failing(problem) => {
            Err(Failure::cluster(anyhow!(problem.sentence())))
        }
        _ => Ok(()),
    }
}

/// True when something is worse than a note.
pub(super) fn is_wrong(rack: &Rack) -> bool {
    rack.vips
        .problems()
        .any(|problem| problem.severity < Severity::Note)
}

pub(super) fn rows(rack: &Rack, shows_all: bool) -> Vec<Line> {
    let empty = Vip::default();
    let line = |service: &Service| {
        let vip = rack.vips.get(&service.name).unwrap_or(&empty);
        Line {
            key: service.name.to_string(),
            cells: cells(service, vip),
            json: json_of(service, vip),
        }
    };
    let services = rack.services.iter();
    services
        .filter(|it| shows_all || it.is_load_balancer())
        .map(line)
        .collect()
}

/// Text from outside is made harmless: stdout may be a terminal.
fn cells(service: &Service, vip: &Vip) -> Vec<String> {
    let dash = || "-".to_owned();
    let cells = [
        match addresses(service).join(",") {
            none if none.is_empty() && service.is_load_balancer() => "pending".to_owned(),
            none if none.is_empty() => dash(),
            some => some,
        },
        service.name.to_string(),
        service.kind.word().to_owned(),
        ports(service).join(","),
        vip.pool.as_ref().map_or_else(dash, |it| it.name.clone()),
        vip.announcer.as_ref().map_or_else(dash, announced),
        vip.announcer.as_ref().map_or_else(dash, known),
        vip.readiness
            .map_or("?".to_owned(), |it| format!("{}/{}", it.ready, it.total)),
        vip.worst().map_or_else(dash, |it| it.why.clone()),
    ];
    cells.iter().map(|it| clean(it).into_owned()).collect()
}

fn addresses(service: &Service) -> Vec<String> {
    let address = |it: &crate::rack::service::Ingress| match &*it.ip {
        "" => it.hostname.to_string(),
        ip => ip.to_owned(),
    };
    service.ingress.iter().map(address).collect()
}

fn ports(service: &Service) -> Vec<String> {
    let port = |it: &crate::rack::service::ServicePort| {
        format!("{}/{}", it.port, it.protocol.word().to_lowercase())
    };
    service.ports.iter().map(port).collect()
}

fn announced(announcer: &Announcer) -> String {
    let nodes: Vec<&str> = announcer.nodes.iter().map(NodeName::as_str).collect();
    if announcer.is_unknown {
        "?".to_owned()
    } else if nodes.is_empty() {
        "nobody".to_owned()
    } else {
        nodes.join(",")
    }
}

fn known(announcer: &Announcer) -> String {
    if announcer.is_unknown {
        return "?".to_owned();
    }
    let word = announcer.witness.word();
    match announcer.doubt {
        Some(Doubt::Disagrees { .. }) => format!("{word},disagrees"),
        Some(Doubt::Dead { .. }) => format!("{word},doubted"),
        Some(Doubt::Several) => format!("{word},several"),
        None => word.to_owned(),
    }
}

/// Raw values, `null` for what is not known.
fn json_of(service: &Service, vip: &Vip) -> Value {
    let announcer = vip.announcer.as_ref().filter(|it| !it.is_unknown);
    let announcer = announcer.map(|it| {
        let names =
            |nodes: &[NodeName]| -> Vec<String> { nodes.iter().map(ToString::to_string).collect() };
        json!({
            "nodes": names(&it.nodes),
            "knownBy": it.witness.word(),
            "doubt": it.doubt.as_ref().map(|_| known(it)),
            "failoverOrder": names(&it.order),
        })
    });
    let problems: Vec<Value> = vip
        .findings
        .iter()
        .map(|it| problem_json(&it.problem))
        .collect();
    json!({
        "namespace": &*service.name.namespace,
        "name": &*service.name.name,
        "type": service.kind.word(),
        "addresses": addresses(service),
        "ports": ports(service),
        "externalTrafficPolicy": match service.external_traffic {
            TrafficPolicy::Local => "Local",
            TrafficPolicy::Cluster => "Cluster",
        },
        "pool": vip.pool.as_ref().map(|it| &it.name),
        "announcer": announcer,
        "ready": vip.readiness.map(|it| it.ready),
        "endpoints": vip.readiness.map(|it| it.total),
        "sharesWith": vip.partners.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "problems": problems,
    })
}
