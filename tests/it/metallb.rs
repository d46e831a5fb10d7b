//! Every file of the shared collection gets the verdict, and the reason, that stand in its index.

use std::fmt::Write;
use std::path::Path;

use bramble::rack::pools::check::{Facts, check};
use bramble::rack::pools::convert::convert;
use bramble::rack::pools::finding::{Kind, Verdict};
use bramble::rack::pools::object::Body;
use bramble::rack::pools::read::{Form, read};
use bramble::rack::pools::space::Space;

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/metallb/valid");
const INDEX: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../shared/data/metallb/index.tsv"
);

/// Words of the index's last column, and the kind of finding that must then be there.
const REASONS: [(&str, Kind); 30] = [
    ("kind AddressPool", Kind::Outdated),
    ("BGPPeer v1beta1", Kind::Outdated),
    ("advertisement names", Kind::DanglingPool),
    ("pool and peer are not in the file", Kind::DanglingPool),
    ("selects nothing until they exist", Kind::DanglingPeer),
    ("autoAssign false: Services", Kind::OnlyOnRequest),
    ("no advertisement in this file", Kind::NotAnnounced),
    ("no L2Advertisement", Kind::NotAnnounced),
    ("all advertisements commented out", Kind::NotAnnounced),
    ("probably a typo", Kind::Implausible),
    ("third octet typo", Kind::Implausible),
    ("cannot be on a home LAN", Kind::Implausible),
    ("no namespace", Kind::Namespace),
    ("without a namespace", Kind::Namespace),
    ("namespace metallb", Kind::Namespace),
    ("namespace network", Kind::Namespace),
    ("network-system", Kind::Namespace),
    ("namespace is metallb", Kind::Namespace),
    ("until Secret", Kind::DanglingSecret),
    ("two IPv6-only pools", Kind::OneFamilyOnly),
    ("inner document alone", Kind::NoConfigMap),
    ("with no peers", Kind::NoPeers),
    ("nothing to allocate", Kind::NothingToAllocate),
    ("only in FRR mode", Kind::Mode),
    ("FRR mode only", Kind::Mode),
    ("compare with the --config", Kind::ConfigMapName),
    ("must match --config", Kind::ConfigMapName),
    ("suggest a /32", Kind::SingleAddressRange),
    ("contains the router", Kind::GatewayAddress),
    ("nodes and router", Kind::GatewayAddress),
];

#[test]
#[allow(
    clippy::print_stdout,
    reason = "the table is what the test is for; a skip is said aloud"
)]
fn verdicts_and_reasons_agree_with_the_index() {
    let Ok(index) = std::fs::read_to_string(INDEX) else {
        assert!(
            std::env::var_os("CI").is_none(),
            "{INDEX} must be there in CI"
        );
        println!("SKIPPED: no {INDEX}");
        return;
    };
    let mut table = format!("{:55} {:8} {:8} reasons\n", "file", "expected", "got");
    let mut wrong = Vec::new();
    let mut reasons = std::collections::BTreeSet::new();
    for line in index.lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        let &[file, _, expected, why] = &columns[..] else {
            panic!("{line}")
        };
        let text = std::fs::read_to_string(Path::new(INDEX).with_file_name(file)).unwrap();
        let report = check(&text, Form::File, &Facts::default());
        let got = report.verdict();
        let first = report.findings.iter().filter_map(|it| it.layer).min();
        let kinds: Vec<Kind> = report.findings.iter().map(|it| it.kind).collect();
        let mut is_right = got.word() == expected;
        if got == Verdict::Reject {
            is_right &= first.is_some_and(|it| why.starts_with(&format!("[{}]", it.word())));
        }
        if got == Verdict::Warn {
            let wanted = REASONS.iter().filter(|(words, _)| why.contains(words));
            let mut has_reason = false;
            for (words, kind) in wanted {
                reasons.insert(*words);
                has_reason = true;
                // The object's place is its name and its namespace: either may be what is unusual.
                let is_place = *kind == Kind::ConfigMapName && kinds.contains(&Kind::Namespace);
                is_right &= kinds.contains(kind) || is_place;
            }
            // Every warning of the index is about something this table knows.
            is_right &= has_reason
                || why.contains("IPv4 and IPv6 plus")
                || why.contains("covers 192.168.1.1");
        }
        let shown = report
            .findings
            .iter()
            .map(|it| format!("{:?}", it.kind))
            .collect::<Vec<_>>()
            .join(" ");
        let mark = if is_right { ' ' } else { '!' };
        let layer = first.map_or("", |it| it.word());
        let _ = writeln!(
            table,
            "{mark}{file:54} {expected:8} {:8} {layer} {shown}",
            got.word()
        );
        if !is_right {
            wrong.push(format!("{file}: {why}\n    {:?}", report.findings));
        }
        for finding in &report.findings {
            assert!(
                text.get(finding.span.clone()).is_some(),
                "{file}: {finding:?}"
            );
        }
    }
    println!("{table}");
    assert!(wrong.is_empty(), "{table}\n{}", wrong.join("\n"));
    assert_eq!(
        reasons.len(),
        REASONS.len(),
        "a reason of the table stands in no line: {reasons:?}"
    );
    assert!(index.lines().count() > 140);
}

#[test]
#[allow(clippy::print_stdout, reason = "a skip is said aloud")]
fn every_accepted_file_converts_to_the_same_addresses() {
    let Ok(files) = std::fs::read_dir(DATA) else {
        assert!(
            std::env::var_os("CI").is_none(),
            "{DATA} must be there in CI"
        );
        println!("SKIPPED: no {DATA}");
        return;
    };
    let spaces = |text: &str, form| -> Vec<Space> {
        let objects = read(text, form, None).objects.into_iter();
        objects
            .filter_map(|it| {
                if let Body::Pool(pool) = it.body {
                    Some(pool.space())
                } else {
                    None
                }
            })
            .collect()
    };
    let mut converted = 0;
    for file in files {
        let path = file.unwrap().path();
        if !path
            .file_name()
            .unwrap()
            .to_string_lossy()
            .starts_with("legacy-")
        {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let conversion = convert(&text, Form::File, &[]).unwrap();
        let report = check(&conversion.yaml, Form::File, &Facts::default());
        assert!(
            report.verdict() < Verdict::Reject,
            "{path:?}: {:?}\n{}",
            report.findings,
            conversion.yaml
        );
        assert_eq!(
            spaces(&text, Form::File),
            spaces(&conversion.yaml, Form::File),
            "{path:?}"
        );
        converted += 1;
    }
    assert!(converted > 30, "{converted}");
}

/// Advertisements that name pools nobody has, with long names.
fn advertisements(count: usize) -> String {
    let mut text = String::new();
    for number in 0..count {
        let name = "x".repeat(200);
        let _ = write!(
            text,
            "---\napiVersion: metallb.io/v1beta1\nkind: L2Advertisement\nmetadata: {{name: a{number}, namespace: metallb-system}}\n\
             spec: {{ipAddressPools: [{name}{number}]}}\n---\napiVersion: metallb.io/v1beta1\nkind: IPAddressPool\n\
             metadata: {{name: {name}y{number}, namespace: metallb-system}}\nspec: {{addresses: [10.0.0.0/8]}}\n"
        );
    }
    text
}

#[test]
fn bombs_and_huge_texts_end_quickly() {
    let aliases = vec!["*p"; 20_000].join(", ");
    let entries = vec!["*e"; 20_000].join(", ");
    let texts = [
        format!(
            "a: &e 10.0.0.0/32\nb: &p {{addresses: [{entries}]}}\napiVersion: v1\nkind: List\nitems: [{aliases}]\n"
        ),
        format!(
            "address-pools:\n- &p {{name: a, protocol: layer2, addresses: [&e 10.0.0.0/32, {entries}]}}\n- {}\n",
            vec!["*p"; 5_000].join("\n- ")
        ),
        "[".repeat(1_000_000),
        "- ".repeat(300_000),
        "a: ".repeat(300_000),
        "{a: ".repeat(300_000),
        "---\n".repeat(200_000),
        "&a ".repeat(300_000),
        "x: |\n".repeat(100_000),
        format!("x: \"{}", "\\u0041".repeat(300_000)),
        "é".repeat(1_000_000),
        "<<: [".repeat(100_000),
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: config}}\ndata:\n  config: |1\n{}x: 1\n",
            " ".repeat(500_000)
        ),
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: config}}\ndata:\n  config: |\n{}",
            "   \n".repeat(200_000)
        ),
        format!("address-pools: []\n{}: 1\n", "z".repeat(500_000)),
        advertisements(1_500),
    ];
    for (number, text) in texts.into_iter().enumerate() {
        let begun = std::time::Instant::now();
        let _ = check(&text, Form::File, &Facts::default());
        let _ = check(&text, Form::Inner, &Facts::default());
        let _ = convert(&text, Form::File, &[]);
        // Parts of a second in a debug build; a bomb that went off takes minutes.
        assert!(
            begun.elapsed().as_secs() < 20,
            "text {number}: {:?}",
            begun.elapsed()
        );
    }
}
