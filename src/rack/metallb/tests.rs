//! Which MetalLB it is, told from what is there and from what may be seen.

use super::*;
use crate::rack::config_object::{ConfigKind, Text};
use crate::rack::node::{ResourceVersion, Uid};
use crate::rack::selector::Labels;
use crate::rack::time::Now;

fn workload(part: Part, image: &str, flags: &[&str]) -> Workload {
    let (kind, name) = match part {
        Part::Speaker => (WorkloadKind::DaemonSet, "speaker"),
        Part::Controller => (WorkloadKind::Deployment, "controller"),
        _ => (WorkloadKind::DaemonSet, "svclb-shop-0a1b2c3d"),
    };
    Workload {
        kind,
        namespace: "lb".into(),
        name: name.into(),
        uid: Uid(name.into()),
        created: None,
        part,
        image: image.into(),
        flags: flags.iter().map(|it| (*it).into()).collect(),
        desired: 4,
        ready: 4,
    }
}

fn head(kind: ConfigKind, name: &str) -> Head {
    Head {
        kind,
        namespace: "lb".into(),
        name: name.into(),
        uid: Uid(name.into()),
        resource_version: ResourceVersion("7".into()),
        created: None,
        deleted: None,
        finalizers: Vec::new(),
        labels: Labels::new(),
        manifest: Text("{}".into()),
    }
}

fn pool(name: &str) -> IpAddressPool {
    IpAddressPool {
        head: head(ConfigKind::IpAddressPool, name),
        addresses: Vec::new(),
        auto_assign: true,
        avoid_buggy_ips: false,
        allocation: None,
        status: None,
    }
}

fn config_map() -> PoolConfigMap {
    PoolConfigMap {
        head: head(ConfigKind::ConfigMap, "config"),
        config: None,
    }
}

/// A link by which the DaemonSets may be read, or may not.
fn link(sees_workloads: bool) -> Link {
    let mut link = Link::new(Now::ZERO.mono);
    if sees_workloads {
        link.set_source(Source::DaemonSets, SourceState::Live);
    }
    link
}

#[test]
fn the_era_is_told_only_when_it_is_known() {
    use Era::{Absent, ConfigMap, Crds, Unknown};
    const OLD: &str = "quay.io/metallb/speaker:v0.12.1";
    const NEW: &str = "quay.io/metallb/speaker:v0.15.2";
    const ODD: &str = "mirror/speaker:main";
    let kinds = Some(&["ipaddresspools"][..]);
    let none = Some(&[][..]);
    for (served, speaker, flags, sees, expected) in [
        (None, None, &[][..], false, Unknown),
        (None, None, &[], true, Unknown),
        (none, None, &[], false, Unknown),
        (none, None, &[], true, Absent),
        (none, Some(OLD), &[], true, ConfigMap),
        (none, Some(ODD), &["--config=config"], true, ConfigMap),
        (none, Some(ODD), &[], true, Unknown),
        (None, Some(NEW), &[], true, Crds),
        (kinds, Some(NEW), &[], true, Crds),
        (kinds, Some(ODD), &[], true, Crds),
        // Custom resources that nothing reads, and an old one beside them.
        (kinds, None, &[], true, Absent),
        (kinds, Some(OLD), &[], true, ConfigMap),
        (kinds, None, &[], false, Crds),
    ] {
        let mut metallb = MetalLb::default();
        if let Some(served) = served {
            metallb.set_served(served.iter().map(|it| (*it).into()).collect());
        }
        if let Some(image) = speaker {
            let all = vec![workload(Part::Speaker, image, flags)];
            metallb.apply_workloads(WorkloadKind::DaemonSet, Change::Listed(all));
        }
        let link = link(sees);
        assert_eq!(
            metallb.era(&link),
            expected,
            "{served:?} {speaker:?} {flags:?} {sees}"
        );
        let is_leftover = served == kinds && expected == Absent;
        assert_eq!(metallb.has_leftover_kinds(&link), is_leftover);
    }
}

#[test]
fn version_class_and_namespace_come_from_the_workloads() {
    let mut metallb = MetalLb::default();
    metallb.apply_pools(Change::Listed(vec![pool("lan")]));
    assert_eq!((metallb.namespace(), metallb.version()), (Some("lb"), None));
    let speaker = workload(
        Part::Speaker,
        "metallb/speaker:v0.14.8",
        &["--lb-class=lan"],
    );
    metallb.apply_workloads(WorkloadKind::DaemonSet, Change::Listed(vec![speaker]));
    assert_eq!(metallb.version(), Some(Version::new(0, 14, 8)));
    assert_eq!(metallb.lb_class(), Some("lan"));
    let controller = workload(Part::Controller, "metallb/controller:v0.14.9", &[]);
    metallb.apply_workloads(WorkloadKind::Deployment, Change::Applied(controller));
    assert_eq!(
        metallb.version(),
        Some(Version::new(0, 14, 9)),
        "the controller decides"
    );
    metallb.apply_workloads(WorkloadKind::Deployment, Change::Listed(Vec::new()));
    assert!(metallb.speaker().is_some() && metallb.controller().is_none());
    assert!(metallb.pool("lan").is_some() && metallb.pool("wan").is_none());
}

#[test]
fn a_config_map_beside_a_new_metallb_is_a_leftover() {
    let mut metallb = MetalLb::default();
    metallb.set_served(["ipaddresspools".into()].into());
    metallb.apply_config_maps(Change::Listed(vec![config_map()]));
    let speaker = |image| Change::Applied(workload(Part::Speaker, image, &[]));
    metallb.apply_workloads(WorkloadKind::DaemonSet, speaker("m/speaker:v0.12.1"));
    assert!(metallb.leftover_config_map(&link(true)).is_none());
    metallb.apply_workloads(WorkloadKind::DaemonSet, speaker("m/speaker:v0.13.12"));
    assert!(metallb.leftover_config_map(&link(true)).is_some());
}

#[test]
fn what_a_vanished_kind_held_is_forgotten() {
    let mut metallb = MetalLb::default();
    metallb.apply_pools(Change::Listed(vec![pool("lan"), pool("wan")]));
    metallb.apply_config_maps(Change::Listed(vec![config_map()]));
    let kinds: Vec<ConfigKind> = metallb.heads().map(|it| it.kind).collect();
    assert_eq!(kinds.len(), 3);
    metallb.forget(Source::IpAddressPools, &SourceState::Live);
    assert_eq!(metallb.pools().count(), 2);
    metallb.forget(Source::IpAddressPools, &SourceState::Absent);
    assert_eq!((metallb.pools().count(), metallb.heads().count()), (0, 1));
}

#[test]
fn neighbours_are_told_apart_and_others_are_not_kept() {
    let mut metallb = MetalLb::default();
    let mut other = workload(Part::Other, "prometheus", &[]);
    other.name = "node-exporter".into();
    let mut vip = workload(Part::KubeVip, "kube-vip", &[]);
    vip.name = "kube-vip-ds".into();
    let klipper = workload(Part::ServiceLb(None), "klipper-lb", &[]);
    metallb.apply_workloads(
        WorkloadKind::DaemonSet,
        Change::Listed(vec![other, vip, klipper]),
    );
    assert_eq!(metallb.workloads().count(), 2);
    assert_eq!(metallb.service_lb().count(), 1);
    assert_eq!(metallb.neighbours().count(), 1);
}

#[test]
fn how_bgp_is_spoken_is_told_by_the_environment() {
    for (image, flags, expected) in [
        (
            "x/speaker:v0.15.3",
            &["METALLB_BGP_TYPE=frr"][..],
            Some(BgpMode::Frr),
        ),
        (
            "x/speaker:v0.15.3",
            &["METALLB_BGP_TYPE=frr-k8s"],
            Some(BgpMode::Frr),
        ),
        (
            "x/speaker:v0.16.1",
            &["METALLB_BGP_TYPE=native"],
            Some(BgpMode::Native),
        ),
        ("x/speaker:v0.15.3", &[], Some(BgpMode::Native)),
        ("x/speaker:v0.16.1", &[], None),
        ("x/speaker:stable", &[], None),
    ] {
        let mut metallb = MetalLb::default();
        let speaker = workload(Part::Speaker, image, flags);
        metallb.apply_workloads(WorkloadKind::DaemonSet, Change::Listed(vec![speaker]));
        assert_eq!(metallb.bgp_mode(), expected, "{image} {flags:?}");
    }
}
