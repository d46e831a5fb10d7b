//! Names, platforms and what they mean for nodes: tables of cases.

use super::name::ImageName;
use super::platform::{Fit, Platform, fit};
use super::*;
use crate::rack::node::NodeName;

fn platform(text: &str) -> Platform {
    let mut parts = text.split('/');
    let mut next = || parts.next().unwrap_or_default();
    Platform::new(next(), next(), next())
}

#[test]
fn names_are_read_as_runtimes_read_them() {
    for (text, expected) in [
        ("nginx", "docker.io/library/nginx"),
        ("grafana/loki:3.5.1", "docker.io/grafana/loki:3.5.1"),
        ("localhost/x", "localhost/x"),
        ("reg.lan:5000/a/b", "reg.lan:5000/a/b"),
        ("reg.lan:5000/a/b:1", "reg.lan:5000/a/b:1"),
    ] {
        assert_eq!(ImageName::parse(text).unwrap().to_string(), expected);
    }
    let digest = format!("sha256:{}", "0a".repeat(32));
    let both = ImageName::parse(&format!("reg.lan/a:1@{digest}")).unwrap();
    assert_eq!(both.reference(), digest);
    assert_eq!(both.tag.as_deref(), Some("1"));
    assert_eq!(ImageName::parse("a").unwrap().reference(), "latest");
    for wrong in [
        "",
        "/",
        "a//b",
        "Reg/App",
        "a:b c",
        "a@sha256:12",
        "a/../\u{1b}[2J",
        "reg.lan/a?x=1",
        "user@host/a",
    ] {
        assert!(ImageName::parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn the_part_of_a_registry_that_is_a_projects_ends_at_a_slash() {
    let image = ImageName::parse("reg.lan/ops/hub/web:1").unwrap();
    assert!(image.is_below("reg.lan/ops/hub") && image.is_below("reg.lan/ops/hub/web"));
    assert!(!image.is_below("reg.lan/ops/hu") && !image.is_below("other.lan/ops/hub"));
}

#[test]
fn spellings_of_one_platform_are_one() {
    for (text, expected) in [
        ("linux/aarch64", "linux/arm64"),
        ("linux/arm64/v8", "linux/arm64"),
        ("linux/arm", "linux/arm/v7"),
        ("linux/arm/7", "linux/arm/v7"),
        ("linux/arm/armv7", "linux/arm/v7"),
        ("linux/armhf", "linux/arm/v7"),
        ("linux/armel", "linux/arm/v6"),
        ("Linux/x86_64", "linux/amd64"),
    ] {
        assert_eq!(platform(text).to_string(), expected, "{text}");
    }
    assert!(!platform("unknown/unknown").is_known());
}

#[test]
fn a_node_runs_what_its_architecture_and_the_older_ones_have() {
    for (node, has, expected) in [
        ("arm64", "linux/arm64", Fit::Fits),
        ("arm64", "linux/arm/v7", Fit::Narrow),
        ("arm64", "linux/amd64", Fit::None),
        ("arm64", "windows/arm64", Fit::None),
        ("arm", "linux/arm/v6", Fit::Fits),
        ("arm", "linux/arm/v7", Fit::Fits),
        ("arm", "linux/arm/v8", Fit::None),
        ("arm", "linux/arm64", Fit::None),
        ("amd64", "linux/386", Fit::Narrow),
        ("riscv64", "linux/riscv64", Fit::Fits),
    ] {
        assert_eq!(fit(node, &[platform(has)]), expected, "{has} on {node}");
    }
    assert_eq!(fit("arm64", &[]), Fit::None);
}

fn checked(platforms: &[&str]) -> Checked {
    Checked {
        image: "reg.lan/hub:1".into(),
        kind: Kind::Platforms(platforms.iter().map(|it| platform(it)).collect()),
        digests: vec![format!("sha256:{}", "0a".repeat(32)).into()],
        revision: None,
        builder: None,
    }
}

fn nodes() -> Vec<(NodeName, Box<str>)> {
    [("pi3", "arm"), ("pi4", "arm64"), ("pi5", "arm64")]
        .map(|(name, architecture)| (NodeName(name.into()), architecture.into()))
        .to_vec()
}

fn hub() -> Subject {
    Subject::Workload(WorkloadRef {
        kind: "Deployment".into(),
        namespace: "web".into(),
        name: "hub".into(),
    })
}

#[test]
fn an_image_without_a_build_for_a_node_is_a_problem_that_names_both() {
    let problem = misfit(&checked(&["linux/amd64"]), &hub(), &nodes(), &[]).unwrap();
    assert_eq!(problem.severity, Severity::Critical);
    assert_eq!(
        problem.what,
        "deployment web/hub: no arm and no arm64 in reg.lan/hub:1"
    );
    let why =
        "it is built for linux/amd64, and nodes pi3 (arm), pi4 (arm64), pi5 (arm64) need another";
    assert_eq!(problem.why, why);
    let some = misfit(&checked(&["linux/arm64"]), &hub(), &nodes(), &[]).unwrap();
    assert_eq!(some.severity, Severity::Warning);
    assert!(
        some.why.ends_with("node pi3 (arm) needs another"),
        "{}",
        some.why
    );
    let selected = misfit(
        &checked(&["linux/arm64"]),
        &hub(),
        &nodes(),
        &["arm64".into()],
    );
    assert_eq!(selected, None);
    let both = checked(&["linux/arm64", "linux/arm/v7"]);
    assert_eq!(misfit(&both, &hub(), &nodes(), &[]), None);
}

#[test]
fn the_page_of_a_job_says_who_runs_its_image_and_who_not_yet() {
    let running = |name: &str, digest: &str| Running {
        pod: PodName {
            namespace: "web".into(),
            name: name.into(),
        },
        workload: None,
        node: Some(NodeName("pi4".into())),
        image: "reg.lan/hub:1".into(),
        digest: Some(digest.into()),
    };
    let image = checked(&["linux/arm64"]);
    let same = image.digests[0].clone();
    let other = format!("sha256:{}", "ff".repeat(32));
    let job = JobRef {
        project: crate::rack::pipeline::state::ProjectRef {
            instance: "office".into(),
            project: crate::rack::pipeline::ProjectId(1),
        },
        job: crate::rack::pipeline::JobId(7),
    };
    let found = Found::Job(OfJob {
        job,
        named: "job \"build\" (#7)".to_owned(),
        images: vec![(
            image,
            vec![running("hub-a", &same), running("hub-b", &other)],
        )],
    });
    let page = page::text(&found, &nodes());
    for line in [
        "Platforms   linux/arm64\n",
        "No build    pi3 (arm)\n",
        "Fits        pi4 (arm64), pi5 (arm64)\n",
        "Runs in     pod web/hub-a on pi4\n",
        "Not yet in  pod web/hub-b on pi4: sha256:ffffffffffff\n",
    ] {
        assert!(page.contains(line), "{line}\n{page}");
    }
}
