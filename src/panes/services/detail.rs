//! One Service in detail: what is wrong, the chain, who would take over, ports and their answers, endpoints, events.

use std::collections::HashMap;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::panes::page::{self, LABEL, Line, Piece, heading, nothing, row, toned};
use crate::panes::services::columns::targets;
use crate::rack::Rack;
use crate::rack::link::Source;
use crate::rack::pod::{Pod, PodHealth};
use crate::rack::problem::Subject;
use crate::rack::service::{Protocol, Service};
use crate::rack::time::short;
use crate::rack::vip::Vip;
use crate::rack::vip::announcer::{self, Announcer};
use crate::rack::vip::chain::{Standing, Step};
use crate::rack::vip::probe::{History, Outcome, milliseconds};
use crate::theme::roles::Theme;
use crate::theme::symbols::{Symbols, UNICODE};
use crate::ui::strip::sparkline;

/// Attempts in the graph of a port: five minutes.
const GRAPH: usize = 60;

/// How many lines the page has.
pub(super) fn height(rack: &Rack, service: &Service, area: Rect) -> usize {
    page::folded(lines(rack, service, &UNICODE), area).len()
}

pub(super) fn draw(
    rack: &Rack,
    service: &Service,
    scroll: usize,
    theme: &Theme,
    area: Rect,
    buf: &mut Buffer,
) {
    let title = format!("Services {} {}", theme.symbols.arrow_right, service.name);
    let lines = page::folded(lines(rack, service, &theme.symbols), area);
    page::draw(rack, (&title, &lines, scroll), theme, area, buf, |_, _| {});
}

fn lines(rack: &Rack, service: &Service, symbols: &Symbols) -> Vec<Line> {
    let mut lines = Vec::new();
    page::problems(rack, &Subject::Service(service.name.clone()), &mut lines);
    let empty = Vip::default();
    let vip = rack.vips.get(&service.name).unwrap_or(&empty);
    chain(&rack.chain(service), symbols, &mut lines);
    failover(vip, &mut lines);
    ports(rack, service, symbols, &mut lines);
    endpoints(rack, service, &mut lines);
    events(rack, service, &mut lines);
    spec(rack, service, vip, &mut lines);
    lines
}

fn chain(steps: &[Step], symbols: &Symbols, lines: &mut Vec<Line>) {
    if steps.is_empty() {
        return;
    }
    heading(lines, "From the request to the answer");
    for step in steps {
        let (sign, piece) = match step.standing {
            Standing::Well => (symbols.check, Piece::Good),
            Standing::Warn => (symbols.warn, Piece::Warn),
            Standing::Broken => (symbols.cross, Piece::Bad),
            Standing::Unknown => ("?", Piece::Label),
            Standing::Absent => (symbols.dash, Piece::Label),
        };
        let words = match step.standing {
            Standing::Well | Standing::Absent | Standing::Unknown => Piece::Plain,
            Standing::Warn | Standing::Broken => piece,
        };
        lines.push(vec![
            (format!("{:LABEL$}", step.label), Piece::Label),
            (format!("{sign} "), piece),
            (step.words.clone(), words),
        ]);
    }
}

/// Who announces now, and in which order the others would.
fn failover(vip: &Vip, lines: &mut Vec<Line>) {
    let Some(announcer) = &vip.announcer else {
        return;
    };
    heading(lines, "Failover order");
    if announcer.order.is_empty() {
        let is_served = vip.readiness.is_none_or(|it| it.serving > 0);
        let why = if announcer.is_unknown {
            "? not computed: pools and advertisements may not be read"
        } else if announcer.candidates.nodes.is_empty() {
            "nobody could announce it now"
        } else if !is_served {
            "nobody announces it: no endpoint is ready"
        } else if announcer.protocol == announcer::Protocol::Bgp {
            "none: every node that may announces it (BGP)"
        } else {
            "not computed: there are too many nodes"
        };
        lines.push(toned("", why, Piece::Label));
    }
    for (place, node) in announcer.order.iter().enumerate() {
        let is_now = announcer.nodes.contains(node);
        let word = if is_now { "announces it now" } else { "" };
        let piece = if is_now { Piece::Good } else { Piece::Plain };
        lines.push(vec![
            (format!("{:<LABEL$}", place + 1), Piece::Label),
            (format!("{:16} ", node.as_str()), piece),
            (word.to_owned(), Piece::Label),
        ]);
    }
    for reason in announcer.candidates.reasons() {
        lines.push(toned("not", reason, Piece::Label));
    }
    if let Some(words) = if_it_goes(announcer) {
        lines.push(row("", words));
    }
}

fn if_it_goes(announcer: &Announcer) -> Option<String> {
    let node = announcer.node()?;
    if announcer.order.is_empty() {
        return None;
    }
    Some(match announcer.after(node) {
        Some(next) => format!("if {node} goes, it moves to {next}"),
        None => format!("if {node} goes, nobody takes it over"),
    })
}

fn ports(rack: &Rack, service: &Service, symbols: &Symbols, lines: &mut Vec<Line>) {
    heading(lines, "Ports");
    for port in &service.ports {
        let name = if port.name.is_empty() {
            String::new()
        } else {
            format!(" {}", port.name)
        };
        let node_port = port
            .node_port
            .map_or(String::new(), |it| format!(", node port {it}"));
        let word = port.protocol.word().to_lowercase();
        let to = format!("to {} of its pods{node_port}", port.target);
        lines.push(row(&format!("{}/{word}{name}", port.port), to));
        if port.protocol == Protocol::Udp && !service.ingress.is_empty() {
            lines.push(toned(
                "",
                "not probed: UDP gives no sign of life by itself",
                Piece::Label,
            ));
        }
    }
    for target in targets(service) {
        let label = format!("{target} ");
        match rack.probes.get(&target) {
            _ if rack.probes.is_off => {
                lines.push(toned(
                    &label,
                    "not probed: switched off for this context",
                    Piece::Label,
                ));
            }
            None => lines.push(toned(&label, "not probed yet", Piece::Label)),
            Some(history) => lines.push(answer(&label, history, symbols)),
        }
    }
}

/// `2 ms, 0 of 12 lost ▁▁▂▁`.
fn answer(label: &str, history: &History, symbols: &Symbols) -> Line {
    let last = history.last().map_or("?".to_owned(), Outcome::words);
    let piece = match history.silent_for() {
        0 if history.lost() == 0 => Piece::Good,
        0 => Piece::Warn,
        _ => Piece::Bad,
    };
    let latencies = history.latencies();
    let top = latencies.iter().flatten().copied().fold(1.0, f64::max);
    let worst = latencies.iter().flatten().copied().reduce(f64::max);
    let worst = worst.map_or(String::new(), |it| {
        let worst = milliseconds(std::time::Duration::from_secs_f64(it / 1_000.0));
        format!(", worst {worst}")
    });
    vec![
        (format!("{label:LABEL$}"), Piece::Label),
        (last, piece),
        (
            format!("{worst}, {} of {} lost  ", history.lost(), history.count()),
            Piece::Label,
        ),
        (
            sparkline(&latencies, top * 1.5, GRAPH, symbols),
            Piece::Plain,
        ),
    ]
}

fn endpoints(rack: &Rack, service: &Service, lines: &mut Vec<Line>) {
    heading(lines, "Endpoints");
    let mut all: Vec<_> = rack.services.endpoints(&service.name).collect();
    if all.is_empty() {
        let text = nothing(rack, Source::EndpointSlices, "none");
        return lines.push(toned("", text, Piece::Label));
    }
    all.sort_by_key(|it| (it.is_ready, it.node.clone(), it.address.clone()));
    let pods = rack.pods_in(&service.name.namespace);
    let pods: HashMap<&str, &Pod> = pods.map(|pod| (&*pod.name, pod)).collect();
    for endpoint in all {
        let (word, piece) = match (
            endpoint.is_ready,
            endpoint.is_serving,
            endpoint.is_terminating,
        ) {
            (true, ..) => ("ready", Piece::Good),
            (_, true, true) => ("going, still answers", Piece::Warn),
            (_, _, true) => ("going", Piece::Warn),
            _ => ("not ready", Piece::Bad),
        };
        let node = endpoint.node.as_ref().map_or("?", |it| it.as_str());
        let pod = endpoint.pod.as_deref().unwrap_or("(no pod)");
        let known = pods.get(pod).filter(|it| it.health() != PodHealth::Running);
        let trouble = known.map_or(String::new(), |pod| match pod.restarts {
            0 => format!("  {}", pod.status),
            restarts => format!("  {}, {restarts} restarts", pod.status),
        });
        lines.push(vec![
            (format!("{node:16} "), Piece::Plain),
            (format!("{word:12} "), piece),
            (format!("{:16} ", endpoint.address), Piece::Label),
            (pod.to_owned(), Piece::Plain),
            (trouble, Piece::Bad),
        ]);
    }
}

fn events(rack: &Rack, service: &Service, lines: &mut Vec<Line>) {
    heading(lines, "Events");
    let before = lines.len();
    for event in rack.services.events(&service.uid) {
        let age = event
            .last
            .map_or("?".to_owned(), |last| short(rack.now.age_of(last)));
        let times = if event.count > 1 {
            format!(" ({}x)", event.count)
        } else {
            String::new()
        };
        let piece = if event.is_warning {
            Piece::Warn
        } else {
            Piece::Plain
        };
        lines.push(vec![
            (format!("{age:>5} ago  "), Piece::Label),
            (format!("{}{times}  ", event.reason), piece),
            (event.message.to_string(), Piece::Plain),
        ]);
    }
    if lines.len() == before {
        let text = nothing(
            rack,
            Source::ServiceEvents,
            "none; the server forgets them after an hour",
        );
        lines.push(toned("", text, Piece::Label));
    }
}

fn spec(rack: &Rack, service: &Service, vip: &Vip, lines: &mut Vec<Line>) {
    heading(lines, "Service");
    let age = service
        .created
        .map_or("?".to_owned(), |at| short(rack.now.age_of(at)));
    lines.push(row(
        "type",
        format!("{}, made {age} ago", service.kind.word()),
    ));
    if let Some(class) = &service.class {
        lines.push(row("class", &**class));
    }
    lines.push(row("cluster IP", service.cluster_ips.join(", ")));
    let partners: Vec<String> = vip.partners.iter().map(ToString::to_string).collect();
    if !partners.is_empty() {
        lines.push(row("shares with", partners.join(", ")));
    }
    let pairs = |labels: &crate::rack::selector::Labels| {
        let pairs: Vec<String> = labels.iter().map(|(k, v)| format!("{k}={v}")).collect();
        pairs.join(", ")
    };
    if !service.selector.is_empty() {
        lines.push(row("selector", pairs(&service.selector)));
    }
    for (key, value) in &service.annotations {
        lines.push(row("annotation", format!("{key}={value}")));
    }
    if !service.labels.is_empty() {
        lines.push(row("labels", pairs(&service.labels)));
    }
}
