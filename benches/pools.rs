//! What MetalLB's configuration costs while somebody types in it: 2,000 pools of 200 ranges each, a text of 13 MB.
//!
//! `cargo bench --bench pools`. A key must be answered within a frame, 16 ms.

#![allow(clippy::panic, reason = "a bench that cannot begin should say why")]
#![allow(
    missing_docs,
    reason = "criterion's macro writes undocumented functions"
)]

use std::collections::BTreeSet;
use std::fmt::Write;
use std::hint::black_box;
use std::time::Duration;

use bramble::app::{Model, Settings, update, view};
use bramble::clients::kubernetes::read_list;
use bramble::keymap::Keymap;
use bramble::msg::{Generation, Msg};
use bramble::rack::facts::Fact;
use bramble::rack::link::{LinkState, Source, SourceState};
use bramble::rack::pools::check::checker::Checker;
use bramble::rack::pools::check::{Facts, check};
use bramble::rack::pools::read::Form;
use bramble::rack::time::Now;
use bramble::theme::roles::Theme;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use jiff::Timestamp;
use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use serde_json::{Value, json};

const POOLS: usize = 2_000;
const RANGES: usize = 200;

fn resources() -> String {
    let mut text = String::new();
    for pool in 0..POOLS {
        let _ = write!(
            text,
            "---\napiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata:\n  name: pool-{pool}\n  \
             namespace: metallb-system\nspec:\n  addresses:\n"
        );
        for range in 0..RANGES {
            let _ = writeln!(text, "  - {}", written(pool, range));
        }
    }
    text.push_str("---\napiVersion: metallb.io/v1beta1\nkind: L2Advertisement\nmetadata:\n  name: all\n  namespace: metallb-system\n");
    text
}

/// As much as a ConfigMap may hold, 1 MiB.
fn legacy() -> String {
    let mut text = String::from("address-pools:\n");
    let mut pool = 0;
    while text.len() < 1_000_000 {
        let _ = write!(
            text,
            "- name: pool-{pool}\n  protocol: layer2\n  addresses:\n"
        );
        for range in 0..RANGES {
            let first = (pool * RANGES + range) * 8;
            let octets =
                |it: usize| format!("10.{}.{}.{}", it >> 16 & 255, it >> 8 & 255, it & 255);
            let _ = writeln!(text, "  - {}-{}", octets(first), octets(first + 5));
        }
        pool += 1;
    }
    text
}

/// One key: an octet in the middle of the text becomes another, and back.
fn key(criterion: &mut Criterion, what: &str, form: Form, text: &str) {
    let at = text[text.len() / 2..]
        .find(".5-")
        .map_or(0, |it| it + text.len() / 2);
    let at = if at == 0 {
        text[text.len() / 2..]
            .find('-')
            .map_or(0, |it| it + text.len() / 2 - 1)
    } else {
        at + 1
    };
    let mut other = text.to_owned();
    other.replace_range(at..=at, "7");
    let mut checker = Checker::new(form, Facts::default());
    checker.update(text.to_owned());
    let mut turn = false;
    criterion.bench_function(what, |bench| {
        bench.iter_batched(
            || {
                turn = !turn;
                if turn { other.clone() } else { text.to_owned() }
            },
            |text| black_box(checker.update(text).findings.len()),
            BatchSize::LargeInput,
        );
    });
}

/// What the watches tell of these pools.
fn listed(source: Source, items: &[Value]) -> Fact {
    let list = json!({ "kind": "List", "metadata": { "resourceVersion": "9" }, "items": items });
    read_list(source, list.to_string().as_bytes())
        .unwrap_or_else(|| panic!("{source:?} cannot be read"))
}

fn named(name: &str, spec: &Value) -> Value {
    json!({
        "metadata": { "name": name, "namespace": "metallb-system", "uid": name, "resourceVersion": "7" },
        "spec": spec,
    })
}

/// The pools pane of a rack with as many pools, somebody typing in the text of all of them.
fn pane() -> Model {
    let begun = Now {
        mono: Duration::from_secs(1),
        wall: Timestamp::UNIX_EPOCH,
    };
    let theme = Theme::load("terminal", None).0;
    let keymap = Keymap::load("default", None).0;
    let mut model = Model::new(
        begun,
        Size::new(160, 48),
        theme,
        keymap,
        Settings::default(),
    );
    let tell = |model: &mut Model, fact| {
        let generation = Generation::default();
        update(model, Msg::Fact { generation, fact });
    };
    tell(&mut model, Fact::Link(LinkState::Live));
    for source in Source::ALL {
        tell(&mut model, Fact::Source(source, SourceState::Live));
    }
    let kinds = ["ipaddresspools", "l2advertisements"].map(Box::from);
    tell(&mut model, Fact::MetalLbKinds(BTreeSet::from(kinds)));
    for source in [
        Source::BgpAdvertisements,
        Source::BgpPeers,
        Source::BfdProfiles,
        Source::Communities,
        Source::Deployments,
    ] {
        tell(&mut model, listed(source, &[]));
    }
    let labels = json!({ "app": "metallb", "component": "speaker" });
    let containers = json!([{ "name": "speaker", "image": "quay.io/metallb/speaker:v0.15.3" }]);
    let mut speaker = named(
        "speaker",
        &json!({ "template": { "spec": { "containers": containers } } }),
    );
    speaker["metadata"]["labels"] = labels;
    tell(&mut model, listed(Source::DaemonSets, &[speaker]));
    tell(
        &mut model,
        listed(Source::L2Advertisements, &[named("all", &json!({}))]),
    );
    let pools: Vec<Value> = (0..POOLS)
        .map(|pool| {
            let ranges: Vec<String> = (0..RANGES).map(|range| written(pool, range)).collect();
            named(
                &format!("pool-{pool:04}"),
                &json!({ "addresses": ranges, "autoAssign": true }),
            )
        })
        .collect();
    tell(&mut model, listed(Source::IpAddressPools, &pools));
    model
}

fn press(model: &mut Model, code: KeyCode) {
    let key = KeyEvent::new(code, KeyModifiers::NONE);
    black_box(update(model, Msg::Key(key)));
}

/// A key as it is typed in the pane: the text, its check, its signs, what is kept, and the screen.
fn typed(criterion: &mut Criterion) {
    let mut model = pane();
    for key in ['3', '\n', '/'].into_iter().chain("pool-1000".chars()) {
        press(
            &mut model,
            if key == '\n' {
                KeyCode::Enter
            } else {
                KeyCode::Char(key)
            },
        );
    }
    for code in [KeyCode::Enter, KeyCode::Char('e')] {
        press(&mut model, code);
    }
    for _ in 0..7 {
        press(&mut model, KeyCode::Down);
    }
    press(&mut model, KeyCode::End);
    let area = Rect::new(0, 0, 160, 48);
    let mut turn = false;
    criterion.bench_function(
        "a key typed in the pane among 2,000 pools of 200 ranges",
        |bench| {
            bench.iter(|| {
                turn = !turn;
                press(
                    &mut model,
                    if turn {
                        KeyCode::Char('1')
                    } else {
                        KeyCode::Backspace
                    },
                );
                model.settle();
                let mut buf = Buffer::empty(area);
                black_box(view::view(&model, area, &mut buf));
            });
        },
    );
    let mut buf = Buffer::empty(area);
    view::view(&model, area, &mut buf);
    let shown: String = buf
        .content()
        .iter()
        .map(ratatui::buffer::Cell::symbol)
        .collect();
    assert!(
        shown.contains("pool-1000") && shown.contains("draft") || shown.contains("watch"),
        "{shown}"
    );
}

/// `10.0.0.0-10.0.0.5`: pools whose ranges lie between each other's, the worst for finding overlaps.
fn written(pool: usize, range: usize) -> String {
    let first = (range * POOLS + pool) * 8 + (10 << 24);
    let octets = |it: usize| {
        format!(
            "{}.{}.{}.{}",
            it >> 24,
            it >> 16 & 255,
            it >> 8 & 255,
            it & 255
        )
    };
    format!("{}-{}", octets(first), octets(first + 5))
}

fn pools(criterion: &mut Criterion) {
    typed(criterion);
    let text = resources();
    key(
        criterion,
        "a key among 2,000 pools of 200 ranges",
        Form::File,
        &text,
    );
    let config = legacy();
    key(
        criterion,
        "a key in a ConfigMap of 1 MiB",
        Form::Inner,
        &config,
    );
    let small: String = text.split_inclusive("---\n").take(11).collect();
    key(
        criterion,
        "a key among 10 pools of 200 ranges",
        Form::File,
        &small,
    );
    let mut group = criterion.benchmark_group("read");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("2,000 pools of 200 ranges, from nothing", |bench| {
        bench.iter(|| black_box(check(&text, Form::File, &Facts::default()).findings.len()));
    });
    group.finish();
}

fn config() -> Criterion {
    Criterion::default()
        .sample_size(12)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_millis(1_500))
        .configure_from_args()
}

criterion_group! {
    name = benches;
    config = config();
    targets = pools
}
criterion_main!(benches);
