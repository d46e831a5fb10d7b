//! The storage pane by its keys and screens, against facts told by hand.

use bramble::app::{Model, update};
use bramble::clients::kubernetes::read_list;
use bramble::effect::Effect;
use bramble::msg::Msg;
use bramble::rack::link::Source;
use bramble::rack::problem::{Problem, Severity, Subject};
use bramble::rack::storage::setup::{News, Outcome, Tried};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use insta::assert_snapshot;
use ratatui::layout::Size;
use serde_json::{Value, json};

use crate::fixtures::{at, office, tell};
use crate::screens::text;

const USUAL: Size = Size::new(80, 24);
const NFS: &str = "k8s-sigs.io/nfs-subdir-external-provisioner";

fn list(model: &mut Model, source: Source, items: &[Value]) {
    let list = json!({ "kind": "List", "metadata": { "resourceVersion": "9" }, "items": items });
    let fact = read_list(source, list.to_string().as_bytes()).expect("a list that can be read");
    tell(model, fact);
}

fn claim(name: &str, class: &str, size: &str, volume: &str) -> Value {
    let mut claim = json!({
        "metadata": { "name": name, "namespace": "office", "uid": format!("u-{name}"), "resourceVersion": "1",
            "creationTimestamp": "2026-02-01T12:00:00Z" },
        "spec": { "storageClassName": class, "accessModes": ["ReadWriteMany"],
            "resources": { "requests": { "storage": size } } },
        "status": { "phase": "Pending" },
    });
    if !volume.is_empty() {
        claim["spec"]["volumeName"] = json!(volume);
        claim["status"] = json!({ "phase": "Bound", "capacity": { "storage": size } });
    }
    claim
}

fn volume(name: &str, claim: &str, place: &Value, phase: &str) -> Value {
    let mut volume = json!({
        "metadata": { "name": name, "uid": format!("u-{name}"), "resourceVersion": "1" },
        "spec": {
            "capacity": { "storage": "10Gi" }, "storageClassName": "nas",
            "persistentVolumeReclaimPolicy": if phase == "Bound" { "Delete" } else { "Retain" },
            "claimRef": { "namespace": "office", "name": claim, "uid": format!("u-{claim}") },
        },
        "status": { "phase": phase },
    });
    volume["spec"]["nfs"] = place["nfs"].clone();
    volume["spec"]["hostPath"] = place["hostPath"].clone();
    volume["spec"]["nodeAffinity"] = place["nodeAffinity"].clone();
    volume
}

fn pod(name: &str, node: &str, claim: &str) -> Value {
    json!({
        "metadata": { "name": name, "namespace": "office", "uid": format!("u-{name}"), "resourceVersion": "1",
            "ownerReferences": [{ "kind": "ReplicaSet", "controller": true }] },
        "spec": { "nodeName": node, "containers": [{ "name": "main" }],
            "volumes": [{ "name": "data", "persistentVolumeClaim": { "claimName": claim } }] },
        "status": { "phase": "Running", "conditions": [{ "type": "Ready", "status": "True" }],
            "containerStatuses": [{ "name": "main", "ready": true, "state": { "running": {} } }] },
    })
}

/// The office rack with an NFS server that is one of its boards, a database on a board, and a claim nobody serves.
fn rack(size: Size) -> Model {
    let mut model = office(size, "terminal");
    let class = |name: &str, provisioner: &str| {
        json!({ "metadata": { "name": name, "uid": name, "resourceVersion": "1" }, "provisioner": provisioner,
            "reclaimPolicy": "Delete", "volumeBindingMode": "Immediate", "parameters": { "archiveOnDelete": "true" } })
    };
    let mut default = class("local-path", "rancher.io/local-path");
    default["metadata"]["annotations"] =
        json!({ "storageclass.kubernetes.io/is-default-class": "true" });
    default["volumeBindingMode"] = json!("WaitForFirstConsumer");
    let classes = [
        class("nas", NFS),
        class("nas-old", "fuseim.pri/ifs"),
        default,
    ];
    list(&mut model, Source::StorageClasses, &classes);
    let claims = [
        claim("backup", "nas-old", "50Gi", ""),
        claim("db", "local-path", "8Gi", "pv-db"),
        claim("media", "nas", "100Gi", "pv-media"),
        claim("scratch", "local-path", "1Gi", ""),
    ];
    list(&mut model, Source::Claims, &claims);
    let nfs =
        json!({ "nfs": { "server": "10.10.10.5", "path": "/srv/nfs/office-media-pv-media" } });
    let folder = json!({
        "hostPath": { "path": "/var/lib/rancher/k3s/storage/pv-db" },
        "nodeAffinity": { "required": { "nodeSelectorTerms": [{ "matchExpressions": [
            { "key": "kubernetes.io/hostname", "operator": "In", "values": ["rpi-02"] }] }] } },
    });
    let volumes = [
        volume("pv-db", "db", &folder, "Bound"),
        volume("pv-media", "media", &nfs, "Bound"),
        volume("pv-photos", "photos", &nfs, "Released"),
    ];
    list(&mut model, Source::Volumes, &volumes);
    let pods = [
        pod("paperless-7d9f-a", "rpi-01", "media"),
        pod("paperless-7d9f-b", "rpi-02", "media"),
        pod("db-0", "rpi-02", "db"),
    ];
    list(&mut model, Source::Pods, &pods);
    let provisioner = json!({
        "metadata": { "name": "nfs-client-provisioner", "namespace": "storage", "uid": "p", "resourceVersion": "1" },
        "spec": { "replicas": 1, "template": { "spec": { "containers": [{ "name": "p",
            "image": "registry.k8s.io/sig-storage/nfs-subdir-external-provisioner:v4.0.2",
            "env": [{ "name": "PROVISIONER_NAME", "value": NFS }, { "name": "NFS_SERVER", "value": "10.10.10.5" },
                { "name": "NFS_PATH", "value": "/srv/nfs" }] }] } } },
        "status": { "readyReplicas": 1 },
    });
    list(&mut model, Source::Provisioners, &[provisioner]);
    press(&mut model, "0");
    update(&mut model, Msg::Clock(at(130)));
    model
}

fn press(model: &mut Model, keys: &str) -> Vec<Effect> {
    let mut effects = Vec::new();
    for name in keys.split(' ') {
        let code = match name {
            "enter" => KeyCode::Enter,
            "esc" => KeyCode::Esc,
            "down" => KeyCode::Down,
            "backspace" => KeyCode::Backspace,
            letter => KeyCode::Char(letter.chars().next().unwrap()),
        };
        let key = KeyEvent::new(code, KeyModifiers::NONE);
        effects.extend(update(model, Msg::Key(key)));
    }
    effects
}

fn is_write(effects: &[Effect]) -> bool {
    effects.iter().any(Effect::is_write)
}

#[test]
fn the_claims_at_three_sizes() {
    assert_snapshot!("storage-80x24", text(&rack(USUAL)));
    assert_snapshot!("storage-60x20", text(&rack(Size::new(60, 20))));
    assert_snapshot!("storage-160x48", text(&rack(Size::new(160, 48))));
}

#[test]
fn a_claim_from_its_pods_to_its_folder_and_what_deleting_it_would_do() {
    let mut model = rack(USUAL);
    press(&mut model, "down down enter");
    assert_snapshot!("storage-claim", text(&model));
    press(&mut model, "esc v");
    assert_snapshot!("storage-overview", text(&model));
    press(&mut model, "v");
    assert!(text(&model).contains("office/media"), "{}", text(&model));
}

#[test]
fn faults_are_a_key_and_a_problem_leads_to_its_claim() {
    let mut model = rack(USUAL);
    press(&mut model, "!");
    let screen = text(&model);
    assert!(
        screen.contains("office/backup") && !screen.contains("office/media"),
        "{screen}"
    );
    press(&mut model, "8 / b a c k u p enter enter");
    let screen = text(&model);
    assert!(screen.contains("Storage ▸ office/backup"), "{screen}");
    assert!(screen.contains("fuseim.pri/ifs"), "{screen}");
    press(&mut model, "esc esc");
}

#[test]
fn a_claim_that_goes_away_says_so_on_its_page() {
    let mut model = rack(USUAL);
    press(&mut model, "enter");
    list(&mut model, Source::Claims, &[]);
    assert!(
        text(&model).contains("is gone from the cluster"),
        "{}",
        text(&model)
    );
    press(&mut model, "esc");
    assert!(
        text(&model).contains("no persistentvolumeclaims"),
        "{}",
        text(&model)
    );
}

#[test]
fn a_claim_is_deleted_after_its_name_and_what_becomes_of_the_data_is_said_first() {
    let mut model = rack(USUAL);
    press(&mut model, "down down D");
    assert_snapshot!("storage-delete", text(&model));
    assert!(!is_write(&press(&mut model, "y enter")), "y is no name");
    let effects = press(&mut model, "backspace m e d i a enter");
    let deleted = effects.iter().find_map(|it| match it {
        Effect::ChangeClaim {
            claim, uid, change, ..
        } => Some((claim.to_string(), uid.0.to_string(), change.clone())),
        _ => None,
    });
    assert_eq!(
        deleted,
        Some(("office/media".into(), "u-media".into(), None))
    );
}

#[test]
fn a_claim_gets_more_room_and_never_less() {
    let mut model = rack(USUAL);
    press(&mut model, "down down S");
    press(
        &mut model,
        "backspace backspace backspace backspace backspace 5 G i enter",
    );
    assert!(
        text(&model).contains("never gets smaller than its 100Gi"),
        "{}",
        text(&model)
    );
    press(&mut model, "backspace backspace backspace 2 0 0 G i enter");
    let screen = text(&model);
    assert!(
        screen.contains("Widen claim office/media to 200Gi?"),
        "{screen}"
    );
    assert!(screen.contains("does not allow it"), "{screen}");
    let effects = press(&mut model, "y");
    let change = effects.iter().find_map(|it| match it {
        Effect::ChangeClaim { change, .. } => change.clone(),
        _ => None,
    });
    let expected = json!({ "spec": { "resources": { "requests": { "storage": "200Gi" } } } });
    assert_eq!(change, Some(expected));
}

#[test]
fn a_new_claim_takes_five_answers() {
    let mut model = rack(USUAL);
    press(&mut model, "+");
    assert_snapshot!("storage-new", text(&model));
    press(&mut model, "enter l o g s enter enter enter enter");
    let screen = text(&model);
    assert!(screen.contains("Make claim default/logs?"), "{screen}");
    let effects = press(&mut model, "y");
    let body = effects.iter().find_map(|it| match it {
        Effect::CreateClaim { body, .. } => Some(body.clone()),
        _ => None,
    });
    let body = body.unwrap();
    assert_eq!(
        body["spec"]["storageClassName"], "local-path",
        "the default"
    );
    assert_eq!(body["spec"]["resources"]["requests"]["storage"], "10Gi");
}

/// Through the form to the page that waits for the server's trial.
fn setting_up(model: &mut Model) -> Vec<Effect> {
    press(model, "I enter enter enter enter enter enter enter");
    let screen = text(model);
    assert!(screen.contains("there is a class nas of"), "{screen}");
    press(model, "backspace backspace backspace d i s k");
    press(model, "enter enter enter enter enter")
}

fn hears(model: &mut Model, news: News) {
    let context = model.rack.cluster.context.clone();
    update(model, Msg::Setup { context, news });
}

#[test]
fn a_provisioner_is_tried_shown_asked_about_and_proved() {
    let mut model = rack(USUAL);
    let effects = setting_up(&mut model);
    let manifest = effects.iter().find_map(|it| match it {
        Effect::TrySetup { manifest, .. } => Some(manifest.clone()),
        _ => None,
    });
    let manifest = manifest.expect("the server is asked first");
    assert!(!is_write(&effects), "trying stores nothing");
    assert!(
        text(&model).contains("nothing is stored"),
        "{}",
        text(&model)
    );
    assert!(
        !is_write(&press(&mut model, "a y")),
        "not before it was tried"
    );
    let tried = manifest.objects.iter().map(|it| Tried {
        object: it.id.to_string(),
        outcome: match it.id.kind.as_str() {
            "Namespace" => Outcome::There {
                before: "a: 1\nb: 2\n".into(),
                after: "a: 1\nb: 3\n".into(),
            },
            "StorageClass" => Outcome::New("kind: StorageClass\nprovisioner: x\n".into()),
            _ => Outcome::Later("kind: it\n".into()),
        },
    });
    hears(&mut model, News::Tried(Ok(tried.collect())));
    assert_snapshot!("storage-setup", text(&model));
    assert!(!is_write(&press(&mut model, "a")), "a question comes first");
    assert_snapshot!("storage-setup-question", text(&model));
    let effects = press(&mut model, "y");
    let is_setup = |it: &Effect| matches!(it, Effect::SetUp { setup, .. } if setup.class == "disk");
    assert!(effects.iter().any(is_setup), "{effects:?}");
    hears(&mut model, News::Said("a test claim of 1Mi is made".into()));
    assert!(!is_write(&press(&mut model, "a y")), "once is enough");
    hears(&mut model, News::Ended(Ok(())));
    let screen = text(&model);
    assert!(screen.contains("a test claim of 1Mi is made"), "{screen}");
    assert!(screen.contains("was bound, written, read and"), "{screen}");
}

#[test]
fn a_set_up_the_server_refuses_says_why_and_writes_nothing() {
    let mut model = rack(USUAL);
    setting_up(&mut model);
    let problem = Problem::new(Severity::Warning, Subject::Program, "it stops at the role")
        .why("you may not")
        .next("ask somebody who may");
    hears(&mut model, News::Tried(Err(problem)));
    let screen = text(&model);
    for words in [
        "it stops at the role",
        "you may not",
        "ask somebody who may",
    ] {
        assert!(screen.contains(words), "{words}: {screen}");
    }
    assert!(!is_write(&press(&mut model, "a y")));
    // An answer of another cluster is not for this page.
    let context = "elsewhere".to_owned();
    let news = News::Tried(Ok(Vec::new()));
    update(&mut model, Msg::Setup { context, news });
    assert!(text(&model).contains("it stops at the role"));
}

#[test]
fn nothing_is_promised_of_data_whose_volume_is_not_known_or_whose_folder_is_shared() {
    let mut model = rack(USUAL);
    // Volumes may not be read.
    list(&mut model, Source::Volumes, &[]);
    press(&mut model, "down down D");
    let screen = text(&model);
    assert!(
        screen.contains("Its volume pv-media is not known here"),
        "{screen}"
    );
    assert!(!screen.contains("no data are lost"), "{screen}");

    let mut model = rack(USUAL);
    let mut shared = json!({ "metadata": { "name": "nas", "uid": "nas", "resourceVersion": "2" }, "provisioner": NFS,
        "reclaimPolicy": "Delete", "volumeBindingMode": "Immediate",
        "parameters": { "archiveOnDelete": "true", "pathPattern": "${.PVC.namespace}" } });
    list(&mut model, Source::StorageClasses, &[shared.clone()]);
    let claims = [
        claim("media", "nas", "100Gi", "pv-media"),
        claim("photos", "nas", "1Gi", "pv-photos"),
    ];
    list(&mut model, Source::Claims, &claims);
    update(&mut model, Msg::Clock(at(140)));
    press(&mut model, "g D");
    let screen = text(&model);
    assert!(
        screen.contains("Claim office/photos shares its folder"),
        "{screen}"
    );

    shared["parameters"]["pathPattern"] = json!("${.PVC.namespace}/${.PVC.name}");
    let mut model = rack(USUAL);
    list(&mut model, Source::StorageClasses, &[shared]);
    list(&mut model, Source::Claims, &claims[..1]);
    update(&mut model, Msg::Clock(at(140)));
    press(&mut model, "g D");
    let screen = text(&model);
    assert!(screen.contains("more than one deep"), "{screen}");
}
