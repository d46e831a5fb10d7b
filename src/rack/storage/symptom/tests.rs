//! Each failure of storage, played by facts, and the words that come of it.

use super::*;
use crate::rack::facts::{Change, ClusterInfo, Fact};
use crate::rack::node::{NodeName, Uid};
use crate::rack::storage::testing::{
    bound, claim, class, event, nfs_volume, pod, provisioner, rack, tell, tell_pods,
    tell_provisioners,
};
use crate::rack::storage::{StorageEvent, VolumePlace};

const NFS: &str = "k8s-sigs.io/nfs-subdir-external-provisioner";
const IMAGE: &str = "registry.k8s.io/sig-storage/nfs-subdir-external-provisioner:v4.0.2";

/// Every problem as one sentence.
fn said(rack: &Rack) -> Vec<String> {
    problems(rack).iter().map(Problem::sentence).collect()
}

#[track_caller]
fn one(rack: &Rack, words: &[&str]) -> Problem {
    let all = problems(rack);
    assert_eq!(all.len(), 1, "{all:#?}");
    let sentence = all[0].sentence();
    for words in words {
        assert!(sentence.contains(words), "{words}: {sentence}");
    }
    all[0].clone()
}

/// A pending claim of class `nas`, the provisioner that runs, and what was said of the claim.
fn waiting(class: StorageClass, running: Vec<Provisioner>, said: &[(&str, &str)]) -> Rack {
    let mut rack = rack();
    let claim = claim("web", "data");
    let events = said
        .iter()
        .map(|(reason, words)| event(&claim.uid, reason, words));
    let events: Vec<StorageEvent> = events.collect();
    tell(&mut rack, vec![class], vec![claim], Vec::new());
    tell_provisioners(&mut rack, running);
    rack.apply(Fact::StorageEvents(Change::Listed(events)));
    rack
}

#[test]
fn a_rack_that_is_well_has_no_problem() {
    let mut rack = rack();
    let claim = bound(claim("web", "data"), "pv-1");
    let volume = nfs_volume("pv-1", "10.0.0.5", Some(&claim));
    tell(
        &mut rack,
        vec![class("nas", NFS)],
        vec![claim],
        vec![volume],
    );
    tell_provisioners(&mut rack, vec![provisioner(NFS, IMAGE, 1)]);
    tell_pods(&mut rack, vec![pod("web", "shop", "Running", &["data"])]);
    assert_eq!(said(&rack), [""; 0]);
}

#[test]
fn a_claim_that_waits_says_for_whom() {
    let nas = || class("nas", NFS);
    let good = || vec![provisioner(NFS, IMAGE, 1)];
    let other = || vec![provisioner("cluster.local/other", IMAGE, 1)];
    for (what, class, running, events, words) in [
        (
            "nobody",
            nas(),
            vec![],
            &[][..],
            &["no Deployment answers to", "install"][..],
        ),
        (
            "another name",
            nas(),
            other(),
            &[],
            &[
                "wants \"k8s-sigs.io",
                "answers to \"cluster.local/other\"",
                "character for character",
            ],
        ),
        (
            "silence",
            nas(),
            good(),
            &[],
            &["runs and says nothing", "leader"],
        ),
        (
            "mkdir",
            nas(),
            good(),
            &[(
                "ProvisioningFailed",
                "unable to create directory: mkdir /persistentvolumes/x: permission denied",
            )],
            &["may not make a folder", "chown"],
        ),
        (
            "io",
            nas(),
            good(),
            &[("ProvisioningFailed", "mkdir: input/output error")],
            &["input/output error", "nfsvers"],
        ),
        (
            "self link",
            nas(),
            good(),
            &[(
                "ProvisioningFailed",
                "unexpected error getting claim reference: selfLink was empty, can't make reference",
            )],
            &["too old", "v4.0.2"],
        ),
        (
            "stranger",
            class("nas", "driver.example.org"),
            vec![],
            &[("ExternalProvisioning", "waiting")],
            &["waits for \"driver.example.org\""],
        ),
    ] {
        let problem = one(&waiting(class, running, events), words);
        assert!(
            problem.what.contains("claim web/data waits for a volume"),
            "{what}"
        );
        assert_eq!(problem.severity, Severity::Warning, "{what}");
    }
    let mut lazy = nas();
    lazy.waits_for_pod = true;
    let problem = one(
        &waiting(lazy.clone(), good(), &[]),
        &["when a pod uses the claim"],
    );
    assert_eq!(problem.severity, Severity::Note, "it is no fault");
    let mut rack = waiting(lazy, good(), &[]);
    tell_pods(&mut rack, vec![pod("web", "shop", "Pending", &["data"])]);
    assert_eq!(said(&rack), [""; 0]);
}

#[test]
fn a_young_claim_and_what_may_not_be_read_are_no_problem() {
    let mut rack = waiting(class("nas", NFS), Vec::new(), &[]);
    let mut young = claim("web", "data");
    young.created = Some(rack.now.wall);
    rack.apply(Fact::Claims(Change::Listed(vec![young])));
    assert_eq!(said(&rack), [""; 0]);
    let mut rack = waiting(class("nas", NFS), Vec::new(), &[]);
    rack.apply(Fact::Source(
        Source::Provisioners,
        crate::rack::link::SourceState::Absent,
    ));
    assert_eq!(said(&rack), [""; 0], "nobody was looked for");
}

#[test]
fn classes_that_are_missing_or_doubled() {
    let pending = |class: Option<&str>| {
        let mut pending = claim("web", "data");
        pending.class = class.map(Into::into);
        pending
    };
    let mut rack = rack();
    tell(
        &mut rack,
        vec![class("nas", NFS)],
        vec![pending(None)],
        vec![],
    );
    one(&rack, &["names no storage class, and none is the default"]);
    tell(
        &mut rack,
        vec![class("nas", NFS)],
        vec![pending(Some("nsa"))],
        vec![],
    );
    one(
        &rack,
        &["there is no StorageClass nsa", "the cluster has nas"],
    );
    tell(
        &mut rack,
        vec![class("nas", NFS)],
        vec![pending(Some(""))],
        vec![],
    );
    one(&rack, &["expressly for no class"]);

    let two = || {
        let mut both = [class("local-path", LOCAL_PATH), class("nas", NFS)];
        both[0].created = Some("2026-01-01T00:00:00Z".parse().unwrap());
        for it in &mut both {
            it.is_default = true;
        }
        both.to_vec()
    };
    tell(&mut rack, two(), vec![], vec![]);
    let problem = one(
        &rack,
        &[
            "nas, local-path",
            "gets the newest, nas",
            "--disable=local-storage",
        ],
    );
    assert_eq!(problem.severity, Severity::Warning);
    rack.apply(Fact::Cluster(ClusterInfo {
        version: Some("v1.25.9+k3s1".into()),
        ..ClusterInfo::default()
    }));
    let problem = one(&rack, &["is refused"]);
    assert_eq!(problem.severity, Severity::Critical);
}

#[test]
fn a_provisioner_that_cannot_run() {
    let mut rack = rack();
    let old = "quay.io/external_storage/nfs-client-provisioner-arm:latest";
    tell_provisioners(&mut rack, vec![provisioner(NFS, old, 1)]);
    one(
        &rack,
        &["cannot make volumes with this Kubernetes", "v4.0.2"],
    );

    let mut crashing = pod(
        "nfs",
        "nfs-client-provisioner-7d9f-x",
        "CrashLoopBackOff",
        &[],
    );
    tell_provisioners(
        &mut rack,
        vec![provisioner(NFS, &IMAGE.replace("v4.0.2", "v4.0.0"), 0)],
    );
    tell_pods(&mut rack, vec![crashing.clone()]);
    let mut node = crate::rack::tests::node("rpi-01", crate::rack::node::Truth::True);
    node.info.architecture = "arm".into();
    rack.apply(Fact::Nodes(Change::Listed(vec![node])));
    one(&rack, &["does not run", "has no image for arm", "v4.0.2"]);

    crashing.status = "ContainerCreating".into();
    tell_pods(&mut rack, vec![crashing]);
    one(&rack, &["does not run", "cannot be mounted"]);

    let mut scaled = provisioner(NFS, IMAGE, 0);
    scaled.desired = 0;
    tell_provisioners(&mut rack, vec![scaled]);
    one(&rack, &["is scaled to nothing", "--replicas 1"]);
}

#[test]
fn mounts_that_fail_say_whose_turn_it_is() {
    for (words, expected) in [
        (
            "mount failed: exit status 32\nMounting command: mount\nOutput: mount: bad option; for several filesystems (e.g. nfs, cifs) you might need a /sbin/mount.<type> helper program.",
            "nfs-common",
        ),
        (
            "Output: mount.nfs: access denied by server while mounting 10.0.0.5:/srv",
            "the boards' own addresses",
        ),
        ("Output: mount.nfs: Connection timed out", "TCP 2049"),
        ("Output: mount.nfs: Connection refused", "TCP 2049"),
        ("Output: something else", "the kubelet's words"),
    ] {
        let mut rack = rack();
        let held = pod("web", "shop", "ContainerCreating", &["data"]);
        let event = event(&held.uid, "FailedMount", words);
        tell_pods(&mut rack, vec![held]);
        rack.apply(Fact::StorageEvents(Change::Listed(vec![event])));
        let problem = one(
            &rack,
            &[
                "pod web/shop cannot mount a volume on node rpi-01",
                expected,
            ],
        );
        assert_eq!(problem.about, Subject::Node(NodeName::new("rpi-01")));
        assert!(
            words.ends_with(problem.evidence.last().unwrap()),
            "{problem:?}"
        );
    }
    // Three pods of one board with one cause are one problem; a pod that runs is none.
    let mut rack = rack();
    let pods: Vec<_> = ["a", "b", "c"]
        .iter()
        .map(|it| pod("web", it, "ContainerCreating", &[]))
        .collect();
    let mut events: Vec<_> = pods
        .iter()
        .map(|it| event(&it.uid, "FailedMount", "mount.nfs: Connection timed out"))
        .collect();
    let well = pod("web", "well", "Running", &[]);
    events.push(event(
        &well.uid,
        "FailedMount",
        "mount.nfs: Connection timed out",
    ));
    tell_pods(&mut rack, pods.into_iter().chain([well]).collect());
    rack.apply(Fact::StorageEvents(Change::Listed(events)));
    one(&rack, &["3 pods cannot mount"]);
}

#[test]
fn folders_that_are_not_what_one_would_expect() {
    let with = |pattern: &str| {
        let mut class = class("nas", NFS);
        class.parameters = [("pathPattern".into(), pattern.into())].into();
        class
    };
    let claims = || {
        vec![
            bound(claim("web", "data"), "pv-1"),
            bound(claim("home", "data"), "pv-2"),
        ]
    };
    let mut rack = rack();
    tell_provisioners(&mut rack, vec![provisioner(NFS, IMAGE, 1)]);
    tell(&mut rack, vec![with("${.PVC.name}")], claims(), vec![]);
    let problem = one(&rack, &["home/data and web/data share the folder data"]);
    assert_eq!(problem.severity, Severity::Critical);
    tell(
        &mut rack,
        vec![with("${.PVC.namespace}-${.PVC.name}")],
        claims(),
        vec![],
    );
    assert_eq!(said(&rack), [""; 0]);
    tell(
        &mut rack,
        vec![with("${.PVC.namespace}/${.PVC.name}")],
        claims(),
        vec![],
    );
    let problem = one(&rack, &["more than one deep", "v4.0.2"]);
    assert_eq!(problem.evidence.len(), 2);
    tell(
        &mut rack,
        vec![with("${.PVC.labels.dir}")],
        claims()[..1].to_vec(),
        vec![],
    );
    one(&rack, &["has the whole export"]);
}

#[test]
fn volumes_that_failed_or_are_kept_and_claims_that_lost_theirs() {
    let mut rack = rack();
    let owner = claim("web", "data");
    let mut failed = nfs_volume("pv-1", "10.0.0.5", Some(&owner));
    failed.phase = VolumePhase::Failed;
    failed.message = "error getting provisioner".into();
    tell(&mut rack, vec![], vec![], vec![failed.clone()]);
    let problem = one(
        &rack,
        &[
            "volume pv-1 of claim web/data could not be deleted",
            "StorageClass nas is gone",
        ],
    );
    assert_eq!(problem.evidence, ["error getting provisioner"]);
    let mut odd = class("nas", NFS);
    odd.parameters = [("archiveOnDelete".into(), "yes".into())].into();
    tell(&mut rack, vec![odd], vec![], vec![failed]);
    one(&rack, &["neither true nor false"]);
    let mut kept = nfs_volume("pv-1", "10.0.0.5", Some(&owner));
    kept.phase = VolumePhase::Released;
    kept.reclaim = Reclaim::Retain;
    kept.place = VolumePlace::Other("csi".into());
    tell(&mut rack, vec![class("nas", NFS)], vec![], vec![kept]);
    one(&rack, &["is kept and used by nobody"]);
    let mut lost = bound(claim("web", "data"), "pv-9");
    lost.phase = ClaimPhase::Lost;
    tell(&mut rack, vec![class("nas", NFS)], vec![lost], vec![]);
    one(&rack, &["has lost its volume"]);
    let mut growing = bound(claim("web", "data"), "pv-9");
    growing.wanted = Some(2 << 30);
    tell(&mut rack, vec![class("nas", NFS)], vec![growing], vec![]);
    tell_provisioners(&mut rack, vec![provisioner(NFS, IMAGE, 1)]);
    one(&rack, &["asks for 2Gi and stays at 1Gi", "does not resize"]);
}

#[test]
fn events_are_kept_for_a_while_and_the_newest_come_first() {
    let mut rack = rack();
    let about = Uid("u".into());
    let said = |number: u32| StorageEvent {
        uid: Uid(format!("e{number}").into()),
        ..event(&about, "ProvisioningFailed", &number.to_string())
    };
    for number in 0..20 {
        rack.apply(Fact::StorageEvents(Change::Applied(said(number))));
    }
    let messages: Vec<&str> = rack.storage.events(&about).map(|it| &*it.message).collect();
    assert_eq!(messages, ["19", "18", "17", "16", "15", "14", "13", "12"]);
}
