//! The pools pane, whole: from keys to objects of a server and back, with others who write at the same time.

use std::path::PathBuf;

use bramble::msg::Msg;
use bramble::rack::draft::{Applied, Deed};
use bramble::rack::pool_text::{Changed, RefusalKind};
use http::Method;
use serde_json::{Value, json};

use crate::bed::Bed;
use crate::cockpit::Cockpit;
use crate::hand::JSON;
use crate::metallb::NAMESPACE;
use crate::place::Who;

ask_both_alone!(
    a_pool_is_made_changed_and_taken_back,
    two_who_change_one_pool_see_both,
    a_refused_trial_changes_nothing_and_stands_at_its_line,
);

const RANGE: &str = "192.0.2.200-192.0.2.209";

fn path(kind: &str, name: &str) -> String {
    format!("/apis/metallb.io/v1beta1/namespaces/{NAMESPACE}/{kind}/{name}")
}

/// A cockpit on the pools of a cluster whose MetalLB has none yet.
async fn opened(bed: &Bed, image: &str) -> Cockpit {
    bed.install_metallb().await;
    bed.put_speaker(image).await;
    let mut cockpit = Cockpit::open(bed, Who::Admin);
    cockpit.press("3");
    cockpit.until("There is no pool yet").await;
    cockpit
}

/// The pool `lan` and what announces it, made by somebody else.
async fn pool_is_there(bed: &Bed) -> Value {
    let pool = json!({
        "apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool",
        "metadata": { "name": "lan", "namespace": NAMESPACE },
        "spec": { "addresses": [RANGE] },
    });
    let l2 = json!({
        "apiVersion": "metallb.io/v1beta1", "kind": "L2Advertisement",
        "metadata": { "name": "lan", "namespace": NAMESPACE },
        "spec": { "ipAddressPools": ["lan"] },
    });
    let hand = bed.hand();
    let collection = |kind: &str| path(kind, "").trim_end_matches('/').to_owned();
    let l2s = collection("l2advertisements");
    hand.must(Method::POST, &l2s, JSON, &l2.to_string()).await;
    let pools = collection("ipaddresspools");
    hand.must(Method::POST, &pools, JSON, &pool.to_string())
        .await
}

async fn lan(bed: &Bed) -> Value {
    bed.hand().get(&path("ipaddresspools", "lan")).await
}

/// Goes to the end of the line that holds the text, ready to type.
fn edit_at(cockpit: &mut Cockpit, text: &str) {
    // What was searched for before stands there still.
    cockpit.press("/ ctrl-u");
    cockpit.enter(text);
    cockpit.press("enter e end");
}

/// Waits for the end of an apply.
async fn applied(cockpit: &mut Cockpit) -> (Applied, Changed) {
    let ended = |msg: &Msg| match msg {
        Msg::PoolsChanged { record, outcome } => Some((*record.clone(), *outcome.clone())),
        _ => None,
    };
    cockpit.until_told("the end of the apply", ended).await
}

/// Drafts on the disk.
fn drafts(bed: &Bed) -> Vec<PathBuf> {
    let folder = bed.folder().join("state/drafts");
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    entries.map(|entry| entry.unwrap().path()).collect()
}

async fn a_pool_is_made_changed_and_taken_back(bed: Bed) {
    let mut cockpit = opened(&bed, "quay.io/metallb/speaker:v0.15.3").await;
    cockpit.press("+");
    let form = cockpit.screen();
    assert!(form.contains("New pool"), "{form}");
    // The name is as proposed; the range is another.
    cockpit.press("enter");
    cockpit.erase(40);
    cockpit.enter(RANGE);
    cockpit.press("enter enter");
    let review = cockpit.screen();
    assert!(review.contains("create IPAddressPool lan"), "{review}");
    assert!(review.contains("create L2Advertisement lan"), "{review}");
    cockpit.press("a y");
    let (_, outcome) = applied(&mut cockpit).await;
    assert_eq!(outcome.refusal, None, "{}", cockpit.screen());
    assert_eq!(outcome.done.len(), 2);
    assert_eq!(lan(&bed).await["spec"]["addresses"], json!([RANGE]));
    let l2 = bed.hand().get(&path("l2advertisements", "lan")).await;
    assert_eq!(l2["spec"]["ipAddressPools"], json!(["lan"]));
    cockpit.until("0/10").await;

    edit_at(&mut cockpit, "192.0.2.209");
    cockpit.erase(1);
    cockpit.enter("8");
    cockpit.press("esc a a y");
    let (record, outcome) = applied(&mut cockpit).await;
    assert_eq!(outcome.refusal, None, "{}", cockpit.screen());
    assert_eq!(record.deed, Deed::Edit);
    let changed = lan(&bed).await;
    assert_eq!(
        changed["spec"]["addresses"],
        json!(["192.0.2.200-192.0.2.208"])
    );
    let managers = changed["metadata"]["managedFields"].as_array();
    let is_ours = |it: &Value| it["manager"] == "bramble";
    assert!(
        managers.is_none_or(|all| all.iter().any(is_ours)),
        "{changed}"
    );
    cockpit.until("0/9").await;

    cockpit.press("u");
    let question = cockpit.screen();
    assert!(
        question.contains("Take back what was applied?"),
        "{question}"
    );
    cockpit.press("y");
    let (record, outcome) = applied(&mut cockpit).await;
    assert_eq!((record.deed, outcome.refusal), (Deed::Undo, None));
    assert_eq!(lan(&bed).await["spec"]["addresses"], json!([RANGE]));

    cockpit.press("h");
    let history = cockpit.screen();
    for line in ["created IPAddressPool lan", "changed IPAddressPool lan"] {
        assert!(history.contains(line), "{history}");
    }
    cockpit.leave().await;
    assert!(drafts(&bed).is_empty(), "applied is not a draft");
    let folder = bed.folder().join("state/history");
    let file = std::fs::read_dir(folder).unwrap().next().unwrap().unwrap();
    let history = std::fs::read_to_string(file.path()).unwrap();
    assert_eq!(history.lines().count(), 3);
}

async fn two_who_change_one_pool_see_both(bed: Bed) {
    let mut cockpit = opened(&bed, "quay.io/metallb/speaker:v0.15.3").await;
    pool_is_there(&bed).await;
    cockpit.until("0/10").await;
    edit_at(&mut cockpit, "192.0.2.209");
    cockpit.erase(1);
    cockpit.enter("8");
    cockpit.press("esc");

    // They are heard of before we apply.
    let path = path("ipaddresspools", "lan");
    let theirs = json!({ "spec": { "autoAssign": false } });
    bed.hand().patch(&path, &theirs).await;
    cockpit.until("changed on the server too").await;
    cockpit.press("a");
    let both = cockpit.screen();
    for words in ["on the server", "yours", "autoAssign: false", "192.0.2.208"] {
        assert!(both.contains(words), "{words}\n{both}");
    }
    cockpit.press("M a a y");
    let (_, outcome) = applied(&mut cockpit).await;
    assert_eq!(outcome.refusal, None, "{}", cockpit.screen());
    let now = lan(&bed).await;
    assert_eq!(now["spec"]["autoAssign"], false, "theirs is kept");
    assert_eq!(now["spec"]["addresses"], json!(["192.0.2.200-192.0.2.208"]));
    cockpit.until("0/9").await;

    // They come between our question and our answer.
    edit_at(&mut cockpit, "192.0.2.208");
    cockpit.erase(1);
    cockpit.enter("7");
    cockpit.press("esc a a");
    let theirs = json!({ "metadata": { "labels": { "site": "office" } } });
    bed.hand().patch(&path, &theirs).await;
    cockpit.press("y");
    let (_, outcome) = applied(&mut cockpit).await;
    let refusal = outcome.refusal.unwrap();
    assert_eq!(refusal.kind, RefusalKind::Conflict, "{refusal:?}");
    assert_eq!(outcome.done, []);
    let now = lan(&bed).await;
    assert_eq!(now["spec"]["addresses"], json!(["192.0.2.200-192.0.2.208"]));
    let both = cockpit.screen();
    for words in ["Changed by somebody else", "site: office", "192.0.2.207"] {
        assert!(both.contains(words), "{words}\n{both}");
    }

    // The text outlives us, and meets what has become of the pool since.
    cockpit.leave().await;
    assert_eq!(drafts(&bed).len(), 1);
    let theirs = json!({ "metadata": { "labels": { "site": "attic" } } });
    bed.hand().patch(&path, &theirs).await;
    let mut again = Cockpit::open(&bed, Who::Admin);
    again.press("3");
    again.until("changed on the server too").await;
    again.press("a M");
    let text = again.screen();
    assert!(text.contains("192.0.2.207"), "{text}");
    again.press("a a y");
    let (_, outcome) = applied(&mut again).await;
    assert_eq!(outcome.refusal, None, "{}", again.screen());
    let now = lan(&bed).await;
    assert_eq!(now["spec"]["addresses"], json!(["192.0.2.200-192.0.2.207"]));
    assert_eq!(now["metadata"]["labels"]["site"], "attic");

    // Somebody deletes it while it is edited.
    again.until("0/8").await;
    edit_at(&mut again, "192.0.2.207");
    again.erase(1);
    again.enter("6");
    again.press("esc a a");
    bed.hand().must(Method::DELETE, &path, JSON, "").await;
    again.press("y");
    let (_, outcome) = applied(&mut again).await;
    assert_eq!(outcome.refusal.unwrap().kind, RefusalKind::Conflict);
}

/// The image's tag says no release: what the newest MetalLB takes is typed without a complaint, and this server is older.
async fn a_refused_trial_changes_nothing_and_stands_at_its_line(bed: Bed) {
    let image = "registry.example/metallb/speaker:stable";
    let mut cockpit = opened(&bed, image).await;
    let before = pool_is_there(&bed).await;
    cockpit.until("0/10").await;
    edit_at(&mut cockpit, "192.0.2.209");
    cockpit.erase(1);
    cockpit.enter("8");
    cockpit.press("esc");
    edit_at(&mut cockpit, "- lan");
    cockpit.paste("\n  serviceSelectors:\n  - matchLabels: {app: web}");
    cockpit.press("esc");
    let screen = cockpit.screen();
    cockpit.press("a a y");
    let (_, outcome) = applied(&mut cockpit).await;
    let refusal = outcome.refusal.unwrap_or_else(|| panic!("{screen}"));
    assert_eq!(refusal.kind, RefusalKind::Refused, "{refusal:?}");
    let why = &refusal.problem.why;
    assert!(
        why.contains("unknown field \"spec.serviceSelectors\""),
        "{why}"
    );
    assert_eq!(outcome.done, [], "the pool before it was only tried");
    assert_eq!(lan(&bed).await, before);
    let screen = cockpit.screen();
    let lines: Vec<&str> = screen.lines().collect();
    let at = |words: &str| lines.iter().position(|line| line.contains(words));
    let field = at("serviceSelectors:").unwrap_or_else(|| panic!("{screen}"));
    let words = at("unknown field").unwrap_or_else(|| panic!("{screen}"));
    assert_eq!(words, field + 1, "{screen}");
    cockpit.leave().await;
    assert_eq!(drafts(&bed).len(), 1, "the draft is kept");
}
