//! Small facts for tests of storage.

use crate::rack::Rack;
use crate::rack::facts::{Change, ClusterInfo, Fact};
use crate::rack::link::{LinkState, Source, SourceState};
use crate::rack::node::{NodeName, Uid};
use crate::rack::pod::Pod;
use crate::rack::selector::Labels;
use crate::rack::storage::{
    Claim, ClaimName, ClaimPhase, ClaimRef, Provisioner, Reclaim, StorageClass, StorageEvent,
    Volume, VolumePhase, VolumePlace,
};
use crate::rack::time::Now;

/// When every test takes place.
pub(crate) fn now() -> Now {
    Now {
        mono: std::time::Duration::from_secs(1_000),
        wall: "2026-03-01T12:00:00Z".parse().unwrap(),
    }
}

/// A rack that is known to have nothing.
pub(crate) fn rack() -> Rack {
    let mut rack = Rack::new(now());
    rack.apply(Fact::Link(LinkState::Live));
    for source in Source::ALL {
        rack.apply(Fact::Source(source, SourceState::Live));
    }
    rack.apply(Fact::Cluster(ClusterInfo {
        version: Some("v1.33.4+k3s1".into()),
        ..ClusterInfo::default()
    }));
    rack
}

pub(crate) fn class(name: &str, provisioner: &str) -> StorageClass {
    StorageClass {
        name: name.into(),
        uid: Uid(name.into()),
        created: Some(now().wall),
        provisioner: provisioner.into(),
        is_default: false,
        reclaim: Reclaim::Delete,
        waits_for_pod: false,
        can_expand: false,
        parameters: Labels::new(),
        mount_options: Vec::new(),
    }
}

/// One that has waited for an hour, of class `nas`.
pub(crate) fn claim(namespace: &str, name: &str) -> Claim {
    Claim {
        name: ClaimName::new(namespace, name),
        uid: Uid(format!("u-{namespace}-{name}").into()),
        created: Some(now().wall - std::time::Duration::from_secs(3_600)),
        deleted: None,
        class: Some("nas".into()),
        wanted: Some(1 << 30),
        capacity: None,
        access: vec!["ReadWriteOnce".into()],
        volume: None,
        phase: ClaimPhase::Pending,
        provisioner: None,
        has_selector: false,
        labels: Labels::new(),
        annotations: Labels::new(),
    }
}

pub(crate) fn bound(claim: Claim, volume: &str) -> Claim {
    Claim {
        volume: Some(volume.into()),
        phase: ClaimPhase::Bound,
        capacity: claim.wanted,
        ..claim
    }
}

pub(crate) fn nfs_volume(name: &str, server: &str, claim: Option<&Claim>) -> Volume {
    Volume {
        name: name.into(),
        uid: Uid(name.into()),
        created: None,
        capacity: Some(1 << 30),
        class: "nas".into(),
        reclaim: Reclaim::Delete,
        phase: if claim.is_some() {
            VolumePhase::Bound
        } else {
            VolumePhase::Available
        },
        message: "".into(),
        claim: claim.map(|it| ClaimRef {
            name: it.name.clone(),
            uid: it.uid.clone(),
        }),
        place: VolumePlace::Nfs {
            server: server.into(),
            path: format!("/srv/{name}").into(),
        },
        provisioner: None,
    }
}

pub(crate) fn provisioner(provisions: &str, image: &str, ready: u32) -> Provisioner {
    Provisioner {
        namespace: "nfs".into(),
        name: "nfs-client-provisioner".into(),
        uid: Uid("p".into()),
        image: image.into(),
        provisions: provisions.into(),
        server: "10.0.0.5".into(),
        path: "/srv".into(),
        desired: 1,
        ready,
    }
}

pub(crate) fn pod(namespace: &str, name: &str, status: &str, claims: &[&str]) -> Pod {
    Pod {
        uid: Uid(format!("u-{name}").into()),
        namespace: namespace.into(),
        name: name.into(),
        node: Some(NodeName::new("rpi-01")),
        status: status.into(),
        ready: u16::from(status == "Running"),
        containers: 1,
        restarts: 0,
        created: None,
        owner: Some(
            if status == "Completed" {
                "Job"
            } else {
                "ReplicaSet"
            }
            .into(),
        ),
        workload: None,
        why: "".into(),
        claims: claims.iter().map(|it| (*it).into()).collect(),
    }
}

pub(crate) fn event(about: &Uid, reason: &str, message: &str) -> StorageEvent {
    StorageEvent {
        uid: Uid(format!("e-{reason}-{}", about.0).into()),
        about: about.clone(),
        is_warning: true,
        reason: reason.into(),
        message: message.into(),
        component: "k8s-sigs.io/nfs-subdir-external-provisioner_nfs".into(),
        count: 1,
        last: Some(now().wall),
    }
}

pub(crate) fn tell(
    rack: &mut Rack,
    classes: Vec<StorageClass>,
    claims: Vec<Claim>,
    volumes: Vec<Volume>,
) {
    rack.apply(Fact::StorageClasses(Change::Listed(classes)));
    rack.apply(Fact::Claims(Change::Listed(claims)));
    rack.apply(Fact::Volumes(Change::Listed(volumes)));
}

pub(crate) fn tell_pods(rack: &mut Rack, pods: Vec<Pod>) {
    rack.apply(Fact::Pods(Change::Listed(pods)));
}

pub(crate) fn tell_provisioners(rack: &mut Rack, all: Vec<Provisioner>) {
    let all = all.into_iter().map(Some).collect();
    rack.apply(Fact::Provisioners(Change::Listed(all)));
}
