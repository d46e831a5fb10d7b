//! What MetalLB's configuration costs while somebody types in it: 2,000 pools of 200 ranges each, a text of 13 MB.
//!
//! `cargo bench --bench pools`. A key must be answered within a frame, 16 ms.

#![allow(
    missing_docs,
    reason = "criterion's macro writes undocumented functions"
)]

use std::fmt::Write;
use std::hint::black_box;
use std::time::Duration;

use bramble::rack::pools::check::checker::Checker;
use bramble::rack::pools::check::{Facts, check};
use bramble::rack::pools::read::Form;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

const POOLS: usize = 2_000;
const RANGES: usize = 200;

/// Pools whose ranges lie between each other's: the worst for finding overlaps.
fn resources() -> String {
    let mut text = String::new();
    for pool in 0..POOLS {
        let _ = write!(
            text,
            "---\napiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata:\n  name: pool-{pool}\n  \
             namespace: metallb-system\nspec:\n  addresses:\n"
        );
        for range in 0..RANGES {
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
            let _ = writeln!(text, "  - {}-{}", octets(first), octets(first + 5));
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

fn pools(criterion: &mut Criterion) {
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
