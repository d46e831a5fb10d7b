//! What 2,000 Services cost: deciding who announces what and why not, a change of one, a second of 200 changes with its
//! frames, a key.
//!
//! `cargo bench --bench services`, about half a minute. The whole program with as many is measured in `benches/whole`.

#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a benchmark that cannot go on should say where; criterion's macro writes undocumented functions"
)]

#[path = "../tests/it/fixtures.rs"]
#[allow(
    dead_code,
    reason = "the tests need more of the fixtures than the benchmarks"
)]
mod fixtures;
#[path = "whole/vips.rs"]
#[allow(dead_code, reason = "shared with the whole-program benchmark")]
mod vips;

use std::collections::BTreeSet;
use std::hint::black_box;
use std::time::Duration;

use bramble::action::PaneId;
use bramble::app::{Model, update, view};
use bramble::clients::kubernetes::{read_line, read_list};
use bramble::msg::{Generation, Msg};
use bramble::rack::facts::{Change, Fact};
use bramble::rack::link::{LinkState, Source, SourceState};
use bramble::rack::node::{Lease, NodeName, Uid};
use bramble::rack::pod::Pod;
use bramble::rack::vip::Vips;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use serde_json::{Value, json};

use crate::fixtures::{at, node, tell};

const SERVICES: usize = 2_000;
const SIZE: Size = Size::new(160, 48);
/// Frames of a second.
const FRAMES: usize = 30;

fn board(index: usize) -> String {
    format!("board-{index:04}")
}

fn namespace(index: usize) -> String {
    format!("team-{:02}", index % 20)
}

/// An object as the API sends it.
fn as_sent(mut object: Value, uid: &str) -> Value {
    let metadata = object["metadata"].as_object_mut().unwrap();
    metadata.insert("uid".into(), uid.into());
    metadata.insert("resourceVersion".into(), "4711".into());
    metadata.insert("creationTimestamp".into(), "2026-03-01T12:00:00Z".into());
    object
}

fn service(index: usize, turn: usize) -> Value {
    let mut service = vips::service(index, &namespace(index), turn);
    service["status"] = vips::ingress(index)["status"].take();
    as_sent(service, &format!("service-{index}"))
}

fn slice(index: usize, nodes: &[String], ready: usize) -> Value {
    let slice = vips::slice(index, &namespace(index), nodes, ready);
    as_sent(slice, &format!("slice-{index}"))
}

fn listed(model: &mut Model, source: Source, items: &[Value]) {
    let list = json!({ "metadata": { "resourceVersion": "4711" }, "items": items });
    let fact = read_list(source, &serde_json::to_vec(&list).unwrap()).unwrap();
    tell(model, fact);
}

fn applied(source: Source, object: &Value) -> Msg {
    let line = json!({ "type": "MODIFIED", "object": object });
    let fact = read_line(source, &serde_json::to_vec(&line).unwrap()).unwrap();
    Msg::Fact {
        generation: Generation::default(),
        fact,
    }
}

fn speaker(node: &str) -> Pod {
    Pod {
        uid: Uid(format!("speaker-{node}").into()),
        namespace: vips::NAMESPACE.into(),
        name: format!("speaker-{node}").into(),
        node: Some(NodeName::new(node)),
        status: "Running".into(),
        ready: 1,
        containers: 1,
        restarts: 0,
        created: Some(at(0).wall),
        owner: Some("DaemonSet".into()),
        workload: None,
        why: "".into(),
        claims: Box::default(),
    }
}

/// So many boards with MetalLB and 2,000 Services on them, all well, in the Services pane.
fn rack(boards: usize) -> (Model, Vec<String>) {
    let mut model = fixtures::model(SIZE, "terminal");
    tell(&mut model, Fact::Link(LinkState::Live));
    for source in Source::ALL {
        tell(&mut model, Fact::Source(source, SourceState::Live));
    }
    let names: Vec<String> = (0..boards).map(board).collect();
    let nodes = names.iter().enumerate();
    let nodes = nodes.map(|(index, name)| node(index, name));
    tell(&mut model, Fact::Nodes(Change::Listed(nodes.collect())));
    let lease = |name: &String| Lease {
        node: NodeName::new(name),
        renewed: Some(at(0).wall),
        duration: Some(Duration::from_secs(40)),
    };
    let leases = names.iter().map(lease).collect();
    tell(&mut model, Fact::Leases(Change::Listed(leases)));
    let pods = names.iter().map(|name| speaker(name)).collect();
    tell(&mut model, Fact::Pods(Change::Listed(pods)));
    let kinds: BTreeSet<Box<str>> = vips::KINDS.iter().map(|it| it.1.into()).collect();
    tell(&mut model, Fact::MetalLbKinds(kinds));
    for (source, object) in [
        (
            Source::DaemonSets,
            vips::workload("DaemonSet", "speaker", boards),
        ),
        (
            Source::Deployments,
            vips::workload("Deployment", "controller", 1),
        ),
        (Source::IpAddressPools, vips::pool()),
        (Source::L2Advertisements, vips::advertisement()),
    ] {
        let uid = format!("{source:?}");
        listed(&mut model, source, &[as_sent(object, &uid)]);
    }
    let all = |made: &dyn Fn(usize) -> Value| (0..SERVICES).map(made).collect::<Vec<_>>();
    listed(
        &mut model,
        Source::Services,
        &all(&|index| service(index, 0)),
    );
    listed(
        &mut model,
        Source::EndpointSlices,
        &all(&|index| slice(index, &names, 3)),
    );
    let status = |index| as_sent(vips::l2_status(index, &namespace(index), &names), "status");
    listed(&mut model, Source::L2Statuses, &all(&status));
    update(&mut model, Msg::Focus(PaneId::Services));
    update(&mut model, Msg::Clock(at(5)));
    model.settle();
    let well = model.rack.vips.problems().count();
    assert_eq!(well, 0, "{:?}", model.rack.vips.problems().next());
    (model, names)
}

fn decisions(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("2,000 Services");
    for boards in [4, 1_000] {
        let (mut model, names) = rack(boards);
        group.bench_function(format!("everything, {boards} boards"), |bench| {
            bench.iter(|| black_box(Vips::of(&model.rack)));
        });
        let mut turn = 0;
        group.bench_function(format!("one change, {boards} boards"), |bench| {
            let change = || {
                turn += 1;
                applied(
                    Source::EndpointSlices,
                    &slice(turn % SERVICES, &names, turn % 4),
                )
            };
            bench.iter_batched(
                change,
                |change| {
                    update(&mut model, change);
                    model.settle();
                },
                BatchSize::SmallInput,
            );
        });
        group.bench_function(
            format!("the survey of a second, {boards} boards"),
            |bench| {
                bench.iter(|| model.rack.survey());
            },
        );
    }
    group.finish();
}

fn frames(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("2,000 Services, 4 boards");
    let (mut model, names) = rack(4);
    let area = Rect::new(0, 0, SIZE.width, SIZE.height);
    let mut buffer = Buffer::empty(area);
    let mut frame = |model: &mut Model| {
        model.settle();
        buffer.reset();
        view::view(model, area, &mut buffer);
    };
    let mut turn = 0;
    let mut second = 5;
    // Milliseconds of it times a tenth are percent of a core.
    group.bench_function("a second of 200 changes and 30 frames", |bench| {
        let changes = || -> Vec<Msg> {
            turn += 1;
            let change = |number: usize| {
                let index = (turn * 200 + number) * 37 % SERVICES;
                if number.is_multiple_of(2) {
                    applied(Source::Services, &service(index, turn))
                } else {
                    applied(Source::EndpointSlices, &slice(index, &names, turn % 4))
                }
            };
            (0..200).map(change).collect()
        };
        bench.iter_batched(
            changes,
            |changes| {
                second += 1;
                update(&mut model, Msg::Clock(at(second)));
                for (number, change) in changes.into_iter().enumerate() {
                    update(&mut model, change);
                    if number % (200 / FRAMES) == 0 {
                        frame(&mut model);
                    }
                }
            },
            BatchSize::PerIteration,
        );
    });
    for (what, keys) in [
        ("a key and its frame", ""),
        ("a key and its frame, filtered", "/svc-1"),
    ] {
        for key in keys.chars() {
            press(&mut model, KeyCode::Char(key));
        }
        if !keys.is_empty() {
            press(&mut model, KeyCode::Enter);
        }
        let mut down = true;
        group.bench_function(what, |bench| {
            bench.iter(|| {
                down = !down;
                press(&mut model, if down { KeyCode::Down } else { KeyCode::Up });
                frame(&mut model);
            });
        });
    }
    group.finish();
}

fn press(model: &mut Model, code: KeyCode) {
    update(model, Msg::Key(KeyEvent::new(code, KeyModifiers::NONE)));
}

fn config() -> Criterion {
    Criterion::default()
        .sample_size(12)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_millis(1_500))
        .configure_from_args()
}

criterion_group! {
    name = services;
    config = config();
    targets = decisions, frames
}
criterion_main!(services);
