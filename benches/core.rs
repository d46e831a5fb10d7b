//! What the parts inside the program cost: taking in a fact, drawing a screen, decoding what the API sends.
//!
//! `cargo bench --bench core`, about a minute. Figures of the whole program are in `benches/whole`.

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
#[path = "whole/objects.rs"]
#[allow(dead_code, reason = "shared with the whole-program benchmark")]
mod objects;

use std::fmt::Write as _;
use std::hint::black_box;
use std::io;
use std::time::{Duration, Instant};

use bramble::app::backend::ThriftyBackend;
use bramble::app::{Model, update, view};
use bramble::clients::kubeconfig_files::{self, Places};
use bramble::clients::kubernetes::{Target, read_line, read_list};
use bramble::msg::{Generation, Msg};
use bramble::rack::facts::{Change, Fact};
use bramble::rack::kubeconfig::{Merge, OnConflict, Request, Source as Kubeconfig};
use bramble::rack::link::{LinkState, Source, SourceState};
use bramble::rack::node::{Lease, NodeName, Uid};
use bramble::rack::pod::Pod;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::{Terminal, TerminalOptions, Viewport};
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use crate::fixtures::{at, node, office, tell};

const NODES: usize = 1_000;
const PODS: usize = 20_000;
const SMALL: Size = Size::new(80, 24);
const LARGE: Size = Size::new(160, 48);

fn fact(fact: Fact) -> Msg {
    Msg::Fact {
        generation: Generation::default(),
        fact,
    }
}

fn lease(name: &str, second: u64) -> Lease {
    Lease {
        node: NodeName::new(name),
        renewed: Some(at(second).wall),
        duration: Some(Duration::from_secs(40)),
    }
}

fn pod(index: usize, restarts: u32) -> Pod {
    Pod {
        uid: Uid(format!("0d6f2a4e-5c1b-4a77-9f00-{index:012x}").into()),
        namespace: objects::namespace(index).into(),
        name: objects::pod_name(index).into(),
        node: Some(NodeName::new(&objects::node_name(index % NODES))),
        status: "Running".into(),
        ready: 1,
        containers: 1,
        restarts,
        created: Some(at(0).wall),
        owner: Some("ReplicaSet".into()),
        workload: None,
        why: "".into(),
        claims: Box::default(),
    }
}

/// 1,000 nodes that beat, with 20,000 pods.
fn large(size: Size) -> Model {
    let mut model = fixtures::model(size, "terminal");
    tell(&mut model, Fact::Link(LinkState::Live));
    for source in Source::ALL {
        tell(&mut model, Fact::Source(source, SourceState::Live));
    }
    let names: Vec<String> = (0..NODES).map(objects::node_name).collect();
    let nodes = names
        .iter()
        .enumerate()
        .map(|(index, name)| node(index, name));
    tell(&mut model, Fact::Nodes(Change::Listed(nodes.collect())));
    let leases = names.iter().map(|name| lease(name, 0));
    tell(&mut model, Fact::Leases(Change::Listed(leases.collect())));
    let pods = (0..PODS).map(|index| pod(index, 0));
    tell(&mut model, Fact::Pods(Change::Listed(pods.collect())));
    update(&mut model, Msg::Clock(at(5)));
    model
}

/// Every tenth second all nodes renew their leases: a rack where nothing is wrong.
fn keep_beating(model: &mut Model, second: u64) {
    if second.is_multiple_of(10) {
        let names: Vec<NodeName> = model.rack.nodes().map(|node| node.name.clone()).collect();
        for name in names {
            tell(
                model,
                Fact::Leases(Change::Applied(lease(name.as_str(), second))),
            );
        }
    }
}

/// The sum of what `rounds` calls measured of themselves.
fn timed(rounds: u64, mut once: impl FnMut() -> Duration) -> Duration {
    (0..rounds).map(|_| once()).sum()
}

fn updates(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("update");
    let mut model = office(LARGE, "terminal");
    let mut second = 200;
    group.bench_function("a heartbeat of 4 nodes", |bench| {
        bench.iter(|| {
            second += 10;
            update(
                &mut model,
                fact(Fact::Leases(Change::Applied(lease("rpi-01", second)))),
            )
        });
    });

    let mut model = large(LARGE);
    let mut turn = 0;
    group.bench_function("200 pod changes, 1,000 nodes, 20,000 pods", |bench| {
        let changes = || -> Vec<Msg> {
            turn += 1;
            (0..200)
                .map(|index| fact(Fact::Pods(Change::Applied(pod(index * 97, turn)))))
                .collect()
        };
        bench.iter_batched(
            changes,
            |changes| {
                for change in changes {
                    black_box(update(&mut model, change));
                }
            },
            BatchSize::SmallInput,
        );
    });
    group.bench_function("survey of 1,000 nodes", |bench| {
        bench.iter(|| model.rack.survey());
    });
    let mut second = 10;
    group.bench_function("a tick of 1,000 nodes", |bench| {
        bench.iter_custom(|rounds| {
            timed(rounds, || {
                second += 1;
                keep_beating(&mut model, second);
                let begun = Instant::now();
                update(&mut model, Msg::Clock(at(second)));
                begun.elapsed()
            })
        });
    });
    group.finish();
}

fn filtered(mut model: Model, text: &str) -> Model {
    let keys = std::iter::once('/').chain(text.chars()).map(KeyCode::Char);
    for code in keys.chain([KeyCode::Enter]) {
        update(
            &mut model,
            Msg::Key(KeyEvent::new(code, KeyModifiers::NONE)),
        );
    }
    model
}

fn renders(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("render");
    for size in [SMALL, LARGE] {
        let models = vec![
            ("4 nodes", office(size, "terminal")),
            ("1,000 nodes", large(size)),
            ("1,000 nodes, filtered", filtered(large(size), "board-05")),
        ];
        for (what, model) in models {
            let area = Rect::new(0, 0, size.width, size.height);
            let mut buffer = Buffer::empty(area);
            group.bench_function(
                format!("view, {what}, {}x{}", size.width, size.height),
                |bench| {
                    bench.iter(|| {
                        buffer.reset();
                        view::view(&model, area, &mut buffer)
                    });
                },
            );
        }
    }

    // A second later: what has changed since the last frame, encoded for the terminal.
    for (what, mut model) in [
        ("4 nodes", Box::new(office(LARGE, "terminal"))),
        ("1,000 nodes", Box::new(large(LARGE))),
    ] {
        let viewport = Viewport::Fixed(Rect::new(0, 0, LARGE.width, LARGE.height));
        let backend = ThriftyBackend::new(io::sink());
        let mut terminal = Terminal::with_options(backend, TerminalOptions { viewport }).unwrap();
        let mut second = 200;
        group.bench_function(format!("tick and frame, {what}, 160x48"), |bench| {
            bench.iter_custom(|rounds| {
                timed(rounds, || {
                    second += 1;
                    keep_beating(&mut model, second);
                    let begun = Instant::now();
                    update(&mut model, Msg::Clock(at(second)));
                    terminal
                        .draw(|frame| {
                            let area = frame.area();
                            view::view(&model, area, frame.buffer_mut());
                        })
                        .unwrap();
                    begun.elapsed()
                })
            });
        });
    }
    group.finish();
}

/// An object as the API sends it: with uid, version, time and the memory of who owns which field.
fn as_sent(mut object: Value, managers: &[&str]) -> Value {
    let owned = owned_fields(&object);
    let fields: Vec<Value> = managers
        .iter()
        .map(|manager| {
            json!({
                "manager": manager, "operation": "Update", "apiVersion": "v1",
                "time": "2026-03-01T12:00:00Z", "fieldsType": "FieldsV1", "fieldsV1": owned,
            })
        })
        .collect();
    let metadata = object["metadata"].as_object_mut().unwrap();
    metadata.insert("uid".into(), "0d6f2a4e-5c1b-4a77-9f00-00000000002a".into());
    metadata.insert("resourceVersion".into(), "4711".into());
    metadata.insert("creationTimestamp".into(), "2026-03-01T12:00:00Z".into());
    metadata.insert("managedFields".into(), fields.into());
    object
}

/// What the server remembers of who owns which field: every field once more, by its name.
fn owned_fields(value: &Value) -> Value {
    let of_item = |item: &Value| -> Option<(String, Value)> {
        let object = item.as_object()?;
        let key = ["name", "type", "ip", "containerPort", "mountPath"]
            .into_iter()
            .find(|key| object.contains_key(*key))?;
        let id = json!({ key: object.get(key)? });
        Some((format!("k:{id}"), owned_fields(item)))
    };
    match value {
        Value::Object(fields) => {
            let owned = fields
                .iter()
                .map(|(name, value)| (format!("f:{name}"), owned_fields(value)));
            std::iter::once((".".to_owned(), json!({})))
                .chain(owned)
                .collect::<Map<_, _>>()
                .into()
        }
        Value::Array(items) => items
            .iter()
            .filter_map(of_item)
            .collect::<Map<_, _>>()
            .into(),
        _ => json!({}),
    }
}

fn pod_as_sent(index: usize) -> Value {
    let mut pod = objects::pod(index, index % NODES);
    pod["status"] = objects::pod_status(index, index % NODES, 3);
    as_sent(pod, &["k3s"])
}

fn list(kind: &str, items: &[Value]) -> Vec<u8> {
    let metadata = json!({ "resourceVersion": "4711", "continue": "more" });
    let list = json!({ "kind": kind, "apiVersion": "v1", "metadata": metadata, "items": items });
    serde_json::to_vec(&list).unwrap()
}

fn line(object: &Value) -> Vec<u8> {
    serde_json::to_vec(&json!({ "type": "MODIFIED", "object": object })).unwrap()
}

fn decodes(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode");
    let pods = list("PodList", &(0..500).map(pod_as_sent).collect::<Vec<_>>());
    let nodes = (0..500).map(|index| as_sent(objects::node(index), &["k3s"]));
    let nodes = list("NodeList", &nodes.collect::<Vec<_>>());
    for (what, source, body) in [
        ("a page of 500 pods", Source::Pods, pods),
        ("a page of 500 nodes", Source::Nodes, nodes),
    ] {
        assert!(read_list(source, &body).is_some(), "{what}");
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_function(what, |bench| {
            bench.iter(|| read_list(source, black_box(&body)));
        });
    }
    let lease = as_sent(objects::lease(7), &["k3s"]);
    for (what, source, line) in [
        ("a watch line of a pod", Source::Pods, line(&pod_as_sent(7))),
        ("a watch line of a lease", Source::Leases, line(&lease)),
    ] {
        assert!(read_line(source, &line).is_some(), "{what}");
        group.throughput(Throughput::Bytes(line.len() as u64));
        group.bench_function(what, |bench| {
            bench.iter(|| read_line(source, black_box(&line)));
        });
    }
    group.finish();
}

/// A kubeconfig of 500 racks, each with an authority and a certificate of its own; and one more rack as k3s writes it.
fn kubeconfigs(folder: &std::path::Path) -> (Places, Kubeconfig) {
    let made = |name: &str| {
        let mut params = rcgen::CertificateParams::default();
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, name);
        let key = rcgen::KeyPair::generate().unwrap();
        let pem = |text: &str| {
            // Base64 of base64, as kubeconfigs have it; JSON of a Secret is where the encoder is.
            let bytes = k8s_openapi::ByteString(text.as_bytes().to_vec());
            serde_json::to_value(bytes)
                .unwrap()
                .as_str()
                .unwrap()
                .to_owned()
        };
        (
            pem(&params.self_signed(&key).unwrap().pem()),
            pem(&key.serialize_pem()),
        )
    };
    let mut sections = [String::new(), String::new(), String::new()];
    for index in 0..500 {
        let (authority, _) = made("k3s-server-ca");
        let (certificate, key) = made("system:admin");
        let _ = write!(
            sections[0],
            "- cluster:\n    certificate-authority-data: {authority}\n    server: https://10.0.{}.{}:6443\n  name: rack-{index}\n",
            index / 250,
            index % 250
        );
        let _ = write!(
            sections[1],
            "- context:\n    cluster: rack-{index}\n    user: rack-{index}\n  name: rack-{index}\n"
        );
        let _ = write!(
            sections[2],
            "- name: rack-{index}\n  user:\n    client-certificate-data: {certificate}\n    client-key-data: {key}\n"
        );
    }
    let [clusters, contexts, users] = sections;
    let path = folder.join("config");
    let text = format!(
        "apiVersion: v1\nclusters:\n{clusters}contexts:\n{contexts}current-context: rack-7\nkind: Config\nusers:\n{users}"
    );
    std::fs::write(&path, text).unwrap();
    let ((authority, _), (certificate, key)) = (made("k3s-server-ca"), made("system:admin"));
    let k3s = format!(
        "clusters:\n- name: default\n  cluster: {{server: \"https://127.0.0.1:6443\", certificate-authority-data: {authority}}}\ncontexts:\n- name: default\n  context: {{cluster: default, user: default}}\nusers:\n- name: default\n  user: {{client-certificate-data: {certificate}, client-key-data: {key}}}\n"
    );
    let places = Places {
        target: Target {
            kubeconfig: Some(path),
            ..Target::default()
        },
        notes: folder.join("notes"),
    };
    (
        places,
        Kubeconfig::parse("k3s.yaml", k3s, None, None).unwrap(),
    )
}

/// From files on the disk to a checked new text and its masked difference.
fn merges(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let (places, source) = kubeconfigs(folder.path());
    let request = Request::Merge(Merge {
        source,
        only: None,
        name: None,
        server: Some("rack.lan".to_owned()),
        tls_server_name: None,
        on_conflict: OnConflict::Ask,
        set_current: true,
    });
    let plan = kubeconfig_files::plan(&places, &request).unwrap();
    assert_eq!(plan.entries.len(), 3);
    let mut group = criterion.benchmark_group("kubeconfig of 500 contexts");
    group.bench_function("read", |bench| {
        bench.iter(|| kubeconfig_files::read(&places.target));
    });
    group.bench_function("read, merge one more, check", |bench| {
        bench.iter(|| kubeconfig_files::plan(&places, black_box(&request)).unwrap());
    });
    let cancel = CancellationToken::new();
    let mut asked = ["one.lan", "two.lan"].map(|server| {
        let mut request = request.clone();
        if let Request::Merge(merge) = &mut request {
            merge.server = Some(server.to_owned());
        }
        request
    });
    // Under the lock, with backup and note, flushed to the disk and renamed.
    group.bench_function("merge one more, written", |bench| {
        bench.iter(|| {
            asked.swap(0, 1);
            let written = kubeconfig_files::write_once(&places, &asked[0], None, &cancel);
            assert_eq!(written.unwrap().backups.len(), 1);
        });
    });
    group.bench_function("the masked difference", |bench| {
        bench.iter(|| black_box(&plan).diff());
    });
    group.finish();
}

/// Small samples: whoever wants more digits says so on the command line (`-- --sample-size 100`).
fn config() -> Criterion {
    Criterion::default()
        .sample_size(12)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_millis(1_200))
        .configure_from_args()
}

criterion_group! {
    name = core;
    config = config();
    targets = updates, renders, decodes, merges
}
criterion_main!(core);
