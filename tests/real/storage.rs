//! Classes, claims and volumes as facts, and why a claim waits, said of a real server's own words.

use std::time::Duration;

use bramble::clients::kubernetes::{self, Error, claims, setup};
use bramble::rack::Rack;
use bramble::rack::node::Uid;
use bramble::rack::problem::Subject;
use bramble::rack::storage::setup::{IMAGE, NAMESPACE, Outcome, Setup};
use bramble::rack::storage::view::{Holder, holders};
use bramble::rack::storage::{ClaimName, ClaimPhase, VolumePlace, symptom};
use bramble::rack::time::Now;
use http::Method;
use serde_json::json;

use crate::bed::Bed;
use crate::follower::{Follower, SOON};
use crate::hand::JSON;
use crate::place::Who;

ask_both_alone!(
    a_claim_that_nobody_serves_is_explained_and_a_volume_is_found,
    claims_are_made_once_and_deleted_only_if_they_are_still_the_same,
    a_provisioner_is_tried_set_up_and_proved,
);

const CLASSES: &str = "/apis/storage.k8s.io/v1/storageclasses";
const CLAIMS: &str = "/api/v1/namespaces/default/persistentvolumeclaims";
const VOLUMES: &str = "/api/v1/persistentvolumes";

async fn a_claim_that_nobody_serves_is_explained_and_a_volume_is_found(bed: Bed) {
    let hand = bed.hand();
    let mut follower = Follower::live(bed.target(Who::Admin)).await;
    let class = json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": { "name": "nas" },
        "provisioner": "k8s-sigs.io/nfs-subdir-external-provisioner",
        "parameters": { "pathPattern": "${.PVC.namespace}/${.PVC.name}", "secretName": "not-kept" },
        "mountOptions": ["nfsvers=4.1"],
    });
    hand.must(Method::POST, CLASSES, JSON, &class.to_string())
        .await;
    let claim = json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": { "name": "media", "namespace": "default" },
        "spec": { "storageClassName": "nas", "accessModes": ["ReadWriteMany"],
            "resources": { "requests": { "storage": "1536Mi" } } },
    });
    let made = hand
        .must(Method::POST, CLAIMS, JSON, &claim.to_string())
        .await;
    if bed.is_real() {
        // The controller of volumes does not run there: its part is the test's.
        let event = json!({
            "apiVersion": "v1", "kind": "Event", "metadata": { "name": "media.1", "namespace": "default" },
            "involvedObject": { "kind": "PersistentVolumeClaim", "namespace": "default", "name": "media",
                "uid": made["metadata"]["uid"] },
            "reason": "ExternalProvisioning", "message": "Waiting for a volume to be created", "type": "Normal",
            "source": { "component": "persistentvolume-controller" }, "count": 1,
        });
        let events = "/api/v1/namespaces/default/events";
        hand.must(Method::POST, events, JSON, &event.to_string())
            .await;
    }
    let name = ClaimName::new("default", "media");
    let is_there = |rack: &Rack| {
        let claim = rack.storage.claim(&name);
        let is_said = |uid| rack.storage.events(uid).next().is_some();
        claim.is_some_and(|it| is_said(&it.uid)) && rack.storage.class("nas").is_some()
    };
    follower
        .until("the claim and what is said of it", SOON, is_there)
        .await;
    let known = follower.rack.storage.claim(&name).unwrap();
    assert_eq!(json!(known.uid.0), made["metadata"]["uid"]);
    assert_eq!(known.phase, ClaimPhase::Pending);
    assert_eq!((known.wanted, known.capacity), (Some(1536 << 20), None));
    let class = follower.rack.storage.class("nas").unwrap();
    assert_eq!(
        class.parameters.len(),
        1,
        "only those of the NFS provisioner"
    );
    assert!(!class.waits_for_pod && !class.is_default);
    let said = follower.rack.storage.events(&known.uid).next().unwrap();
    assert_eq!(&*said.reason, "ExternalProvisioning", "{said:?}");

    // Whoever makes volumes is looked for from the moment a class wants one.
    let is_looked_for = |rack: &Rack| {
        rack.link
            .has_listed(bramble::rack::link::Source::Provisioners)
    };
    follower.until("the Deployments", SOON, is_looked_for).await;
    let now = follower.rack.now;
    let minute = Duration::from_secs(60);
    follower.rack.tick(Now {
        mono: now.mono + minute,
        wall: now.wall + minute,
    });
    let claim = follower.rack.storage.claim(&name).unwrap();
    let sentence = symptom::of_claim(&follower.rack, claim).unwrap().sentence();
    assert!(sentence.contains("no Deployment answers to"), "{sentence}");

    let volume = json!({
        "apiVersion": "v1", "kind": "PersistentVolume", "metadata": { "name": "by-hand" },
        "spec": { "capacity": { "storage": "1Gi" }, "accessModes": ["ReadWriteMany"],
            "persistentVolumeReclaimPolicy": "Retain", "storageClassName": "other",
            "nfs": { "server": "192.0.2.5", "path": "/srv/by-hand" } },
    });
    hand.must(Method::POST, VOLUMES, JSON, &volume.to_string())
        .await;
    let has_volume = |rack: &Rack| rack.storage.volume("by-hand").is_some();
    follower.until("the volume", SOON, has_volume).await;
    let volume = follower.rack.storage.volume("by-hand").unwrap();
    let place = VolumePlace::Nfs {
        server: "192.0.2.5".into(),
        path: "/srv/by-hand".into(),
    };
    assert_eq!(volume.place, place);
    let holders = holders(&follower.rack);
    assert_eq!(holders[&Holder::NfsServer("192.0.2.5".into())].unclaimed, 1);

    each_has_its_yaml(&bed, &name).await;
    let path = format!("{CLAIMS}/media");
    hand.must(Method::DELETE, &path, JSON, "").await;
    let is_going = |rack: &Rack| {
        let claim = rack.storage.claim(&name);
        claim.is_none_or(|it| it.deleted.is_some())
    };
    follower.until("the claim goes", SOON, is_going).await;
}

async fn each_has_its_yaml(bed: &Bed, name: &ClaimName) {
    let connection = kubernetes::connect(&bed.target(Who::Admin)).await.unwrap();
    for (subject, words) in [
        (Subject::Claim(name.clone()), "storage: 1536Mi"),
        (Subject::Volume("by-hand".into()), "/srv/by-hand"),
        (Subject::StorageClass("nas".into()), "nfsvers=4.1"),
    ] {
        let yaml = kubernetes::yaml(&connection, &subject).await.unwrap();
        assert!(yaml.contains(words), "{subject}: {yaml}");
    }
}

async fn claims_are_made_once_and_deleted_only_if_they_are_still_the_same(bed: Bed) {
    let connection = kubernetes::connect(&bed.target(Who::Admin)).await.unwrap();
    let name = ClaimName::new("default", "made-here");
    let body = |size: &str| {
        json!({
            "apiVersion": "v1", "kind": "PersistentVolumeClaim",
            "metadata": { "name": "made-here", "namespace": "default" },
            "spec": { "storageClassName": "none-such", "accessModes": ["ReadWriteOnce"],
                "resources": { "requests": { "storage": size } } },
        })
    };
    claims::create(&connection, &name, &body("1Gi"))
        .await
        .unwrap();
    let again = claims::create(&connection, &name, &body("2Gi")).await;
    assert!(
        matches!(again, Err(Error::Server { code: 409, .. })),
        "{again:?}"
    );
    let path = format!("{CLAIMS}/made-here");
    let made = bed.hand().get(&path).await;
    assert_eq!(made["spec"]["resources"]["requests"]["storage"], "1Gi");

    let other = Uid("00000000-0000-4000-8000-000000000000".into());
    let refused = claims::delete(&connection, &name, &other).await;
    assert_eq!(refused, Err(Error::Replaced(Subject::Claim(name.clone()))));
    let uid = Uid(made["metadata"]["uid"].as_str().unwrap().into());
    claims::delete(&connection, &name, &uid).await.unwrap();
    let answer = bed.hand().send(Method::GET, &path, JSON, "").await;
    let is_going = answer.json()["metadata"]["deletionTimestamp"].is_string();
    assert!(answer.code == 404 || is_going, "{}", answer.text);

    let nowhere = ClaimName::new("no-such-namespace", "made-here");
    let mut body = body("1Gi");
    body["metadata"]["namespace"] = json!("no-such-namespace");
    let refused = claims::create(&connection, &nowhere, &body).await;
    assert!(matches!(refused, Err(Error::Missing { .. })), "{refused:?}");
}

async fn a_provisioner_is_tried_set_up_and_proved(bed: Bed) {
    let connection = kubernetes::connect(&bed.target(Who::Admin)).await.unwrap();
    let wanted = Setup {
        server: "192.0.2.5".into(),
        path: "/srv/nfs".into(),
        class: "proved".into(),
        namespace: NAMESPACE.into(),
        is_default: false,
        archives: true,
        image: IMAGE.into(),
    };
    let rack = Rack::new(Now::ZERO);
    let manifest = wanted.manifest(&rack);
    let tried = setup::try_out(&connection, &manifest).await.unwrap();
    let later = tried
        .iter()
        .filter(|it| matches!(it.outcome, Outcome::Later(_)));
    assert_eq!(
        later.count(),
        4,
        "those of a namespace that is not there: {tried:?}"
    );
    let class = format!("{CLASSES}/proved");
    let answer = bed.hand().send(Method::GET, &class, JSON, "").await;
    assert_eq!(answer.code, 404, "a trial stores nothing");

    let (said, mut told) = tokio::sync::mpsc::channel(4);
    let listen = async {
        let mut all = Vec::new();
        while let Some(sentence) = told.recv().await {
            all.push(sentence);
        }
        all
    };
    if bed.is_real() {
        // Nobody makes volumes there: what counts is that a real server takes every object, and takes it twice.
        let (steps, _) = tokio::sync::mpsc::channel(64);
        drop(said);
        kubernetes::install(&connection, &manifest, steps)
            .await
            .unwrap();
        let again = setup::try_out(&connection, &manifest).await.unwrap();
        for one in again {
            let is_same =
                matches!(&one.outcome, Outcome::There { before, after } if before == after);
            assert!(is_same, "{one:?}");
        }
        return;
    }
    let (done, sentences) =
        tokio::join!(setup::set_up(&connection, &manifest, &wanted, said), listen);
    done.unwrap();
    let text = sentences.join("\n");
    for words in [
        "applies StorageClass proved",
        "is bound after",
        "written and read",
        "is removed",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let hand = bed.hand();
    let space = format!("/api/v1/namespaces/{NAMESPACE}");
    for list in ["persistentvolumeclaims", "pods"] {
        let left = hand.get(&format!("{space}/{list}")).await;
        assert_eq!(left["items"], json!([]), "{list}");
    }

    // Somebody else's claim of that name is not ours to remove.
    let claim = json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": { "name": "bramble-trial-proved", "namespace": NAMESPACE },
        "spec": { "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "1Gi" } } },
    });
    let claims = format!("{space}/persistentvolumeclaims");
    hand.must(Method::POST, &claims, JSON, &claim.to_string())
        .await;
    let (said, _told) = tokio::sync::mpsc::channel(64);
    let refused = setup::set_up(&connection, &manifest, &wanted, said).await;
    assert!(refused.unwrap_err().why.contains("not ours"));
    let still = hand.get(&format!("{claims}/bramble-trial-proved")).await;
    assert_eq!(still["spec"]["resources"]["requests"]["storage"], "1Gi");
}
