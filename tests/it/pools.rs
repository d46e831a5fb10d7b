//! The pools pane by its keys: what is typed, shown, asked and sent off, against facts told by hand.

use std::collections::BTreeSet;

use bramble::app::{Model, update};
use bramble::clients::kubernetes::read_list;
use bramble::effect::Effect;
use bramble::msg::Msg;
use bramble::rack::draft::{Applied, Done, Draft};
use bramble::rack::facts::Fact;
use bramble::rack::link::Source;
use bramble::rack::pool_text::{Change, Changed, Deed, Live, Refusal, RefusalKind};
use bramble::rack::problem::{Problem, Severity, Subject};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use insta::assert_snapshot;
use ratatui::layout::Size;
use serde_json::{Value, json};

use crate::fixtures::{at, office, tell};
use crate::screens::text;

const USUAL: Size = Size::new(80, 24);

fn pool(name: &str, version: &str, range: &str) -> Value {
    json!({
        "metadata": { "name": name, "namespace": "metallb-system", "uid": format!("u-{name}"), "resourceVersion": version },
        "spec": { "addresses": [range], "autoAssign": true },
    })
}

fn list(model: &mut Model, source: Source, items: &Value) {
    let list = json!({ "kind": "List", "metadata": { "resourceVersion": "9" }, "items": items });
    let fact = read_list(source, list.to_string().as_bytes()).expect("a list that can be read");
    tell(model, fact);
}

fn metallb(model: &mut Model, image: &str, arguments: &[&str]) {
    let controller = json!({
        "metadata": {
            "name": "controller", "namespace": "metallb-system", "uid": "c", "resourceVersion": "1",
            "labels": { "app": "metallb", "component": "controller" },
        },
        "spec": {
            "replicas": 1,
            "template": { "spec": { "containers": [{ "name": "controller", "image": image, "args": arguments }] } },
        },
        "status": { "readyReplicas": 1 },
    });
    list(model, Source::Deployments, &json!([controller]));
}

/// The office rack with MetalLB 0.15: two pools, one of them in use, and what announces them.
fn rack(size: Size) -> Model {
    let mut model = office(size, "terminal");
    let kinds = ["ipaddresspools", "l2advertisements"].map(Box::from);
    tell(&mut model, Fact::MetalLbKinds(BTreeSet::from(kinds)));
    for source in [
        Source::DaemonSets,
        Source::PoolConfigMaps,
        Source::BgpAdvertisements,
        Source::BgpPeers,
        Source::BfdProfiles,
        Source::Communities,
    ] {
        list(&mut model, source, &json!([]));
    }
    metallb(&mut model, "quay.io/metallb/controller:v0.15.2", &[]);
    let service = json!({
        "metadata": { "name": "shop", "namespace": "web", "uid": "s", "resourceVersion": "1" },
        "spec": { "type": "LoadBalancer", "clusterIPs": ["10.43.0.9"], "ports": [{ "port": 80 }] },
        "status": { "loadBalancer": { "ingress": [{ "ip": "192.168.7.201" }] } },
    });
    list(&mut model, Source::Services, &json!([service]));
    let advertisement = json!({
        "metadata": { "name": "all", "namespace": "metallb-system", "uid": "u-all", "resourceVersion": "3" },
    });
    list(
        &mut model,
        Source::L2Advertisements,
        &json!([advertisement]),
    );
    pools(&mut model, "7", "192.168.7.200-192.168.7.209");
    press(&mut model, "3");
    model
}

/// What the watch tells of the pools.
fn pools(model: &mut Model, version: &str, range: &str) {
    let items = json!([
        pool("iot", "5", "192.168.7.220/30"),
        pool("lan", version, range),
    ]);
    list(model, Source::IpAddressPools, &items);
}

/// Presses keys by name, or types `text:…`; gives every effect they had.
fn press(model: &mut Model, keys: &str) -> Vec<Effect> {
    let mut effects = Vec::new();
    for name in keys.split(' ') {
        let codes: Vec<KeyCode> = match name {
            "enter" => vec![KeyCode::Enter],
            "esc" => vec![KeyCode::Esc],
            "tab" => vec![KeyCode::Tab],
            "end" => vec![KeyCode::End],
            "down" => vec![KeyCode::Down],
            "backspace" => vec![KeyCode::Backspace],
            _ => match name.strip_prefix("text:") {
                Some(text) => text.chars().map(KeyCode::Char).collect(),
                None => name.chars().map(KeyCode::Char).collect(),
            },
        };
        for code in codes {
            let key = KeyEvent::new(code, KeyModifiers::NONE);
            effects.extend(update(model, Msg::Key(key)));
        }
    }
    effects
}

/// Widens the pool `lan` in the text: its range stands in line 18.
fn widen(model: &mut Model) -> Vec<Effect> {
    press(
        model,
        "down enter e down down down down end backspace backspace backspace text:219 esc",
    )
}

fn changes(effects: &[Effect]) -> Vec<Change> {
    let of = |effect: &Effect| match effect {
        Effect::ChangePools { changes, .. } => Some(changes.clone()),
        _ => None,
    };
    effects.iter().find_map(of).expect("something is changed")
}

fn record(effects: &[Effect]) -> Applied {
    let of = |effect: &Effect| match effect {
        Effect::ChangePools { record, .. } => Some(record.clone()),
        _ => None,
    };
    effects.iter().find_map(of).expect("something is changed")
}

fn drafts(effects: &[Effect]) -> Vec<Draft> {
    let of = |effect: &Effect| match effect {
        Effect::KeepDraft(draft) => Some(draft.clone()),
        _ => None,
    };
    effects.iter().filter_map(of).collect()
}

fn outcome(refusal: Option<(RefusalKind, &str)>, live: Option<Live>) -> Box<Changed> {
    Box::new(Changed {
        done: Vec::new(),
        untried: Vec::new(),
        refusal: refusal.map(|(kind, why)| Refusal {
            index: Some(0),
            kind,
            problem: Problem::new(Severity::Warning, Subject::Program, "refused").why(why),
        }),
        live,
    })
}

#[test]
fn the_pools_at_three_sizes() {
    assert_snapshot!("pools-80x24", text(&rack(USUAL)));
    assert_snapshot!("pools-60x20", text(&rack(Size::new(60, 20))));
    assert_snapshot!("pools-160x48", text(&rack(Size::new(160, 48))));
}

#[test]
fn a_mistake_is_marked_while_it_is_typed_and_is_not_applied() {
    let mut model = rack(USUAL);
    press(
        &mut model,
        "down enter e down down down down end backspace backspace backspace text:1",
    );
    assert_snapshot!("pools-mistake", text(&model));
    let effects = press(&mut model, "esc a a y");
    assert!(!effects.iter().any(Effect::is_write));
    assert!(
        text(&model).contains("not applied: line"),
        "{}",
        text(&model)
    );
}

#[test]
fn an_edit_is_reviewed_asked_and_sent_at_the_version_that_was_read() {
    let mut model = rack(USUAL);
    let effects = widen(&mut model);
    let kept = drafts(&effects);
    assert!(kept.last().unwrap().text.contains("192.168.7.219"));
    let effects = press(&mut model, "a");
    assert!(!effects.iter().any(Effect::is_write), "looked at first");
    assert_snapshot!("pools-review", text(&model));
    assert!(press(&mut model, "a n").is_empty(), "no is no");
    let effects = press(&mut model, "a y");
    let Deed::Patch {
        patch,
        version,
        uid,
        ..
    } = &changes(&effects)[0].deed
    else {
        panic!("{effects:?}");
    };
    assert_eq!((&**version, &**uid), ("7", "u-lan"));
    assert_eq!(
        *patch,
        json!({ "spec": { "addresses": ["192.168.7.200-192.168.7.219"] } })
    );
    assert_eq!(record(&effects).key.context, "office-rack");
}

#[test]
fn nothing_is_said_of_the_changes_of_a_text_that_cannot_be_applied() {
    let mistakes = [
        ("enter text:}", "this is not YAML"),
        ("backspace backspace backspace text:1", "ends before it"),
    ];
    for (keys, fault) in mistakes {
        let mut model = rack(USUAL);
        let to_range = "down enter e down down down down end";
        press(&mut model, &format!("{to_range} {keys} esc d"));
        let screen = text(&model);
        assert!(screen.contains(fault), "{screen}");
        assert!(screen.contains("cannot be said before"), "{screen}");
        assert!(screen.contains("1 error"), "{screen}");
        for untrue in ["nothing", "Nothing", "nobody loses"] {
            assert!(!screen.contains(untrue), "{untrue}:\n{screen}");
        }
    }
}

#[test]
fn services_that_would_lose_their_address_are_named_before() {
    let mut model = rack(USUAL);
    press(
        &mut model,
        "down enter e down down down down end backspace backspace backspace text:200 esc a",
    );
    let screen = text(&model);
    assert!(screen.contains("web/shop loses 192.168.7.201"), "{screen}");
    press(&mut model, "a");
    assert!(text(&model).contains("1 Service"), "{}", text(&model));
}

#[test]
fn somebody_elses_change_stands_beside_ours_and_is_merged() {
    let mut model = rack(USUAL);
    widen(&mut model);
    // They change another line of the same object.
    let mut theirs = pool("lan", "8", "192.168.7.200-192.168.7.209");
    theirs["spec"]["autoAssign"] = json!(false);
    list(
        &mut model,
        Source::IpAddressPools,
        &json!([pool("iot", "5", "192.168.7.220/30"), theirs]),
    );
    assert!(
        text(&model).contains("changed on the server too"),
        "{}",
        text(&model)
    );
    let effects = press(&mut model, "a");
    assert!(!effects.iter().any(Effect::is_write));
    assert_snapshot!("pools-conflict", text(&model));
    press(&mut model, "M");
    let effects = press(&mut model, "a a y");
    let Deed::Patch { patch, version, .. } = &changes(&effects)[0].deed else {
        panic!("{effects:?}");
    };
    assert_eq!(&**version, "8", "at the version of theirs");
    assert_eq!(
        *patch,
        json!({ "spec": { "addresses": ["192.168.7.200-192.168.7.219"] } }),
        "which is kept"
    );
}

#[test]
fn an_untouched_text_follows_the_server() {
    let mut model = rack(USUAL);
    press(&mut model, "enter");
    pools(&mut model, "8", "192.168.7.100/32");
    assert!(
        text(&model).contains("192.168.7.100/32"),
        "{}",
        text(&model)
    );
}

#[test]
fn a_pool_in_use_is_only_deleted_after_its_name() {
    let mut model = rack(USUAL);
    press(&mut model, "enter e");
    let whole = "apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: iot}\nspec: {addresses: [192.168.7.220/30], autoAssign: true}\n---\n\
        apiVersion: metallb.io/v1beta1\nkind: L2Advertisement\nmetadata: {name: all}\n";
    update(
        &mut model,
        Msg::Key(KeyEvent::new(KeyCode::Home, KeyModifiers::CONTROL)),
    );
    for _ in 0..40 {
        // Every line of the old text goes.
        update(
            &mut model,
            Msg::Key(KeyEvent::new(KeyCode::Char('k'), KeyModifiers::CONTROL)),
        );
        update(
            &mut model,
            Msg::Key(KeyEvent::new(KeyCode::Delete, KeyModifiers::NONE)),
        );
    }
    update(&mut model, Msg::Paste(whole.to_owned()));
    press(&mut model, "esc a");
    press(&mut model, "a");
    assert!(
        text(&model).contains("Delete 1 object?"),
        "{}",
        text(&model)
    );
    let effects = press(&mut model, "text:iot enter");
    assert!(
        text(&model).contains("type lan to go on"),
        "{}",
        text(&model)
    );
    assert!(!effects.iter().any(Effect::is_write));
    press(&mut model, "backspace backspace backspace text:lan enter");
    assert!(
        text(&model).contains("Apply to MetalLB?"),
        "{}",
        text(&model)
    );
    let effects = press(&mut model, "y");
    assert!(changes(&effects)[0].is_deletion());
}

#[test]
fn a_refused_trial_stands_in_the_servers_words_at_the_line_it_is_about() {
    let mut model = rack(USUAL);
    widen(&mut model);
    let record = record(&press(&mut model, "a a y"));
    let refused = outcome(
        Some((
            RefusalKind::Refused,
            "invalid CIDR \"192.168.7.219\" in pool \"lan\"",
        )),
        None,
    );
    let record = Box::new(record);
    update(
        &mut model,
        Msg::PoolsChanged {
            record,
            outcome: refused,
        },
    );
    update(&mut model, Msg::Clock(at(140)));
    assert_snapshot!("pools-refused", text(&model));
    let effects = press(&mut model, "e end text:9 esc");
    assert_eq!(drafts(&effects).len(), 1, "the draft is kept as before");
    assert!(
        !text(&model).contains("invalid CIDR \"192"),
        "an edit ends the words"
    );
}

#[test]
fn what_was_applied_can_be_taken_back_from_the_history() {
    let mut model = rack(USUAL);
    widen(&mut model);
    let effects = press(&mut model, "a a y");
    let (mut record, change) = (record(&effects), changes(&effects).remove(0));
    let before = pool("lan", "7", "192.168.7.200-192.168.7.209");
    let mut live: Value = pool("lan", "8", "192.168.7.200-192.168.7.219");
    live["apiVersion"] = json!("metallb.io/v1beta1");
    live["kind"] = json!("IPAddressPool");
    let known = bramble::rack::draft::Known::read(&live.to_string()).unwrap();
    record.changes = vec![Done {
        id: change.id,
        before: Some(before),
        after: Some(known.value.clone()),
        uid: "u-lan".into(),
        version: "8".into(),
    }];
    let done = record.changes.clone();
    let outcome = Box::new(Changed {
        done,
        ..*outcome(None, None)
    });
    update(
        &mut model,
        Msg::PoolsChanged {
            record: Box::new(record),
            outcome,
        },
    );
    pools(&mut model, "8", "192.168.7.200-192.168.7.219");
    press(&mut model, "h");
    assert!(
        text(&model).contains("changed IPAddressPool lan"),
        "{}",
        text(&model)
    );
    press(&mut model, "u");
    assert!(
        text(&model).contains("Take back what was applied?"),
        "{}",
        text(&model)
    );
    let effects = press(&mut model, "y");
    let Deed::Patch { patch, version, .. } = &changes(&effects)[0].deed else {
        panic!("{effects:?}");
    };
    assert_eq!(&**version, "8");
    assert_eq!(
        patch["spec"]["addresses"],
        json!(["192.168.7.200-192.168.7.209"])
    );
}

#[test]
fn to_take_back_a_pool_in_use_its_name_is_typed() {
    let mut model = rack(USUAL);
    widen(&mut model);
    let mut record = record(&press(&mut model, "a a y"));
    let lan = pool("lan", "8", "192.168.7.200-192.168.7.209");
    let mut known = lan.clone();
    known["apiVersion"] = json!("metallb.io/v1beta1");
    known["kind"] = json!("IPAddressPool");
    let known = bramble::rack::draft::Known::read(&known.to_string()).unwrap();
    record.changes = vec![Done {
        id: known.id.clone(),
        before: None,
        after: Some(known.value),
        uid: "u-lan".into(),
        version: "8".into(),
    }];
    let outcome = outcome(None, None);
    let record = Box::new(record);
    update(&mut model, Msg::PoolsChanged { record, outcome });
    press(&mut model, "u");
    let screen = text(&model);
    assert!(
        screen.contains("Services have addresses of lan"),
        "{screen}"
    );
    assert!(press(&mut model, "y enter").is_empty(), "y is no name");
    let effects = press(&mut model, "backspace text:lan enter");
    assert!(changes(&effects)[0].is_deletion());
}

#[test]
fn a_draft_of_last_time_is_there_again_and_can_be_thrown_away() {
    let mut model = rack(USUAL);
    let kept = drafts(&widen(&mut model)).pop().unwrap();
    let mut again = rack(USUAL);
    let key = kept.key.clone();
    let (draft, history) = (Ok(Some(Box::new(kept))), Ok(Vec::new()));
    update(
        &mut again,
        Msg::DraftRead {
            key,
            draft,
            history,
        },
    );
    assert!(
        text(&again).contains("was not applied last time"),
        "{}",
        text(&again)
    );
    press(&mut again, "enter");
    assert!(text(&again).contains("draft"), "{}", text(&again));
    let effects = press(&mut again, "a a y");
    assert_eq!(changes(&effects).len(), 1);
    let effects = press(&mut again, "X");
    assert!(
        effects
            .iter()
            .any(|effect| matches!(effect, Effect::DropDraft(_)))
    );
    update(&mut again, Msg::Clock(at(150)));
    assert!(!text(&again).contains("draft"), "{}", text(&again));
}

#[test]
fn read_only_edits_and_reviews_but_applies_nothing() {
    let mut model = rack(USUAL);
    widen(&mut model);
    press(&mut model, "d");
    let record = record(&press(&mut model, "a y"));
    // Whatever asks for it: the gate is where effects leave.
    let mut readonly = crate::fixtures::model(USUAL, "terminal");
    readonly = Model::new(
        at(0),
        readonly.size,
        readonly.theme.clone(),
        bramble::keymap::Keymap::load("default", None).0,
        bramble::app::Settings {
            read_only: true,
            ..bramble::app::Settings::default()
        },
    );
    let effects = press(&mut readonly, "3 a");
    assert!(effects.is_empty());
    assert!(text(&readonly).contains("read-only"), "{}", text(&readonly));
    assert!(
        Effect::ChangePools {
            form: record.form.clone().unwrap(),
            changes: Vec::new(),
            record
        }
        .is_write()
    );
}

#[test]
fn a_new_pool_takes_three_answers() {
    let mut model = rack(USUAL);
    press(&mut model, "+");
    assert_snapshot!("pools-new", text(&model));
    press(
        &mut model,
        "backspace backspace backspace backspace backspace text:guests enter enter enter",
    );
    let screen = text(&model);
    assert!(screen.contains("create IPAddressPool guests"), "{screen}");
    assert!(screen.contains("create L2Advertisement guests"), "{screen}");
    let effects = press(&mut model, "a y");
    assert_eq!(changes(&effects).len(), 2);
}

#[test]
fn the_old_config_map_is_edited_to_the_byte_and_converted() {
    let mut model = office(USUAL, "terminal");
    tell(&mut model, Fact::MetalLbKinds(BTreeSet::new()));
    list(&mut model, Source::DaemonSets, &json!([]));
    metallb(
        &mut model,
        "quay.io/metallb/controller:v0.12.1",
        &["--config=config"],
    );
    let config = "address-pools: # the office\n- name: lan\n  protocol: layer2\n  addresses:\n  - 192.168.7.200-192.168.7.209\n";
    let map = json!({
        "metadata": { "name": "config", "namespace": "metallb-system", "uid": "m", "resourceVersion": "4" },
        "data": { "config": config },
    });
    list(&mut model, Source::PoolConfigMaps, &json!([map]));
    press(&mut model, "3 enter");
    assert_snapshot!("pools-config-map", text(&model));
    press(&mut model, "C");
    assert_snapshot!("pools-convert", text(&model));
    press(&mut model, "esc e down down down end backspace text:8 esc");
    let effects = press(&mut model, "a a y");
    let Deed::Patch { patch, .. } = &changes(&effects)[0].deed else {
        panic!("{effects:?}");
    };
    assert_eq!(
        patch["data"]["config"],
        config.replace("209", "208"),
        "comments stay"
    );
}

#[test]
fn a_config_map_that_nothing_reads_any_more_becomes_objects_of_the_text() {
    let mut model = rack(USUAL);
    let config =
        "address-pools:\n- name: attic\n  protocol: layer2\n  addresses:\n  - 192.168.9.0/28\n";
    let map = json!({
        "metadata": { "name": "config", "namespace": "metallb-system", "uid": "m", "resourceVersion": "4" },
        "data": { "config": config },
    });
    list(&mut model, Source::PoolConfigMaps, &json!([map]));
    press(&mut model, "C");
    let screen = text(&model);
    assert!(screen.contains("stays as it is, as a backup"), "{screen}");
    assert!(screen.contains("create IPAddressPool attic"), "{screen}");
    let effects = press(&mut model, "a y");
    let made: Vec<String> = changes(&effects).iter().map(Change::sentence).collect();
    assert_eq!(made[0], "create IPAddressPool attic");
    assert_eq!(made.len(), 2, "and what announces it: {made:?}");
}

#[test]
fn without_metallb_the_pane_says_what_to_apply() {
    let mut model = office(USUAL, "terminal");
    tell(&mut model, Fact::MetalLbKinds(BTreeSet::new()));
    for source in [
        Source::DaemonSets,
        Source::Deployments,
        Source::PoolConfigMaps,
    ] {
        list(&mut model, source, &json!([]));
    }
    press(&mut model, "3");
    assert_snapshot!("pools-no-metallb", text(&model));
    press(&mut model, "I");
    assert!(text(&model).contains("Install MetalLB"), "{}", text(&model));
    let effects = press(&mut model, "text:/tmp/metallb.yaml enter");
    assert_eq!(effects, [Effect::ReadManifest("/tmp/metallb.yaml".into())]);
}
