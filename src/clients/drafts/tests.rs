//! What is on the disk after good and bad moments.

use std::os::unix::fs::PermissionsExt;

use jiff::Timestamp;
use serde_json::json;

use super::*;
use crate::rack::draft::{Deed, Done, Known, ObjectId};

fn key(context: &str) -> DraftKey {
    DraftKey {
        context: context.to_owned(),
        target: "configmap/metallb-system/config".to_owned(),
    }
}

fn id() -> ObjectId {
    ObjectId {
        api_version: "v1".into(),
        kind: "ConfigMap".into(),
        namespace: "metallb-system".into(),
        name: "config".into(),
    }
}

fn draft(context: &str, text: &str) -> Draft {
    Draft {
        key: key(context),
        read: vec![Known {
            id: id(),
            uid: "u1".into(),
            version: "12".into(),
            value: json!({ "data": { "config": "a: 1" } }),
        }],
        base: "a: 1".into(),
        text: text.into(),
        saved: Timestamp::UNIX_EPOCH,
    }
}

fn applied(context: &str, after: &str) -> Applied {
    Applied {
        at: Timestamp::UNIX_EPOCH,
        key: key(context),
        form: None,
        deed: Deed::Edit,
        before: "a: 1\n# \"quoted\"\n".into(),
        after: after.into(),
        changes: vec![Done {
            id: id(),
            before: Some(json!({ "a": 1 })),
            after: None,
            uid: String::new(),
            version: String::new(),
        }],
        stopped: String::new(),
    }
}

fn modes(folder: &Path) -> Vec<u32> {
    let mut modes = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(path) = open.pop() {
        for entry in std::fs::read_dir(&path).unwrap() {
            let entry = entry.unwrap();
            modes.push(entry.metadata().unwrap().permissions().mode() & 0o777);
            if entry.path().is_dir() {
                open.push(entry.path());
            }
        }
    }
    modes
}

#[test]
fn a_draft_comes_back_as_it_was_and_goes_when_told() {
    let folder = tempfile::tempdir().unwrap();
    let drafts = Drafts::new(&folder.path().join("state"));
    assert_eq!(drafts.load(&key("office")).unwrap(), None);
    let (first, second) = (draft("office", "a: 2\n"), draft("office", "a: 日本\n\t# c"));
    drafts.save(&first).unwrap();
    drafts.save(&second).unwrap();
    drafts.save(&draft("home", "other")).unwrap();
    assert_eq!(drafts.load(&key("office")).unwrap(), Some(second));
    drafts.remove(&key("office")).unwrap();
    drafts.remove(&key("office")).unwrap();
    assert_eq!(drafts.load(&key("office")).unwrap(), None);
    assert!(drafts.load(&key("home")).unwrap().is_some());
}

#[test]
fn nobody_else_may_read_what_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let drafts = Drafts::new(&folder.path().join("state"));
    drafts.save(&draft("office", "password: x")).unwrap();
    drafts.append(&applied("office", "password: x")).unwrap();
    let wide: Vec<u32> = modes(folder.path())
        .into_iter()
        .filter(|mode| mode & 0o077 != 0)
        .collect();
    assert_eq!(wide, Vec::<u32>::new());
}

#[test]
fn names_of_contexts_cannot_leave_the_folder_or_meet() {
    let folder = tempfile::tempdir().unwrap();
    let drafts = Drafts::new(folder.path());
    let long = |end: &str| format!("{}{end}", "arn:aws:eks/".repeat(40));
    let contexts = [
        "../../x",
        "a/b",
        "a%2Fb",
        "",
        ".",
        "日本",
        &long("1"),
        &long("2"),
    ];
    for context in contexts {
        drafts.save(&draft(context, context)).unwrap();
        drafts.append(&applied(context, context)).unwrap();
    }
    for context in contexts {
        let text = drafts.load(&key(context)).unwrap().unwrap().text;
        assert_eq!(text, context);
        assert_eq!(drafts.history(context).unwrap().0[0].after, context);
    }
    let outside = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(outside, 2, "drafts and history, nothing else");
}

#[test]
fn a_write_that_was_cut_off_leaves_the_old_draft() {
    let folder = tempfile::tempdir().unwrap();
    let drafts = Drafts::new(folder.path());
    drafts.save(&draft("office", "old")).unwrap();
    // What a killed process leaves: half a file beside the draft.
    let beside = folder
        .path()
        .join("drafts/.office~configmap%2Fmetallb-system%2Fconfig.json.1");
    std::fs::write(&beside, "{\"key\":").unwrap();
    assert_eq!(drafts.load(&key("office")).unwrap().unwrap().text, "old");
    drafts.save(&draft("office", "new")).unwrap();
    assert_eq!(drafts.load(&key("office")).unwrap().unwrap().text, "new");
}

#[test]
fn a_full_or_forbidden_place_is_told_with_the_file_and_keeps_the_old_draft() {
    let folder = tempfile::tempdir().unwrap();
    let drafts = Drafts::new(folder.path());
    drafts.save(&draft("office", "old")).unwrap();
    // A folder where the temporary file would be: it cannot be written, whoever we are.
    let name = format!(
        "drafts/.office~configmap%2Fmetallb-system%2Fconfig.json.{}",
        std::process::id()
    );
    std::fs::create_dir(folder.path().join(name)).unwrap();
    let error = drafts.save(&draft("office", "new")).unwrap_err();
    let sentence = error.problem().sentence();
    assert!(
        sentence.contains("cannot write") && sentence.contains("office"),
        "{sentence}"
    );
    assert_eq!(drafts.load(&key("office")).unwrap().unwrap().text, "old");
}

#[test]
fn a_draft_nobody_can_read_is_told_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let drafts = Drafts::new(folder.path());
    drafts.save(&draft("office", "old")).unwrap();
    let file = drafts.draft_file(&key("office"));
    std::fs::write(&file, "{\"half\":").unwrap();
    let error = drafts.load(&key("office")).unwrap_err();
    assert!(error.to_string().contains("not a draft"), "{error}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "{\"half\":");
}

#[test]
fn the_history_is_newest_first_and_survives_a_line_that_was_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let drafts = Drafts::new(folder.path());
    assert_eq!(drafts.history("office").unwrap(), (Vec::new(), 0));
    drafts.append(&applied("office", "one")).unwrap();
    drafts.append(&applied("office", "two")).unwrap();
    let file = drafts.history_file("office");
    let whole = std::fs::read(&file).unwrap();
    std::fs::write(&file, &whole[..whole.len() - 9]).unwrap();
    drafts.append(&applied("office", "three")).unwrap();
    let (all, broken) = drafts.history("office").unwrap();
    let texts: Vec<&str> = all.iter().map(|applied| applied.after.as_str()).collect();
    assert_eq!((texts, broken), (vec!["three", "one"], 1));
    assert_eq!(all[0], applied("office", "three"));
}

#[tokio::test]
async fn the_keeper_saves_the_first_at_once_and_the_last_before_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    let drafts = Drafts::new(folder.path());
    let (orders, receiver) = tokio::sync::mpsc::unbounded_channel();
    let (report, mut told) = tokio::sync::mpsc::channel(1);
    let keeper = tokio::spawn(keeper::keep(drafts.clone(), receiver, report));
    for letter in ["a", "ab", "abc"] {
        let draft = Box::new(draft("office", letter));
        orders.send(keeper::Order::Keep(draft)).unwrap();
    }
    orders.send(keeper::Order::Drop(key("home"))).unwrap();
    drop(orders);
    keeper.await.unwrap();
    assert_eq!(drafts.load(&key("office")).unwrap().unwrap().text, "abc");
    assert!(
        told.recv().await.is_none(),
        "all went well: nothing to tell"
    );
}

#[tokio::test]
async fn the_keeper_tells_when_it_cannot_save_and_when_it_can_again() {
    let folder = tempfile::tempdir().unwrap();
    // A file where the folder should be.
    let state = folder.path().join("state");
    std::fs::write(&state, "").unwrap();
    let (orders, receiver) = tokio::sync::mpsc::unbounded_channel();
    let (report, mut told) = tokio::sync::mpsc::channel(1);
    let keeper = tokio::spawn(keeper::keep(Drafts::new(&state), receiver, report));
    let order = || keeper::Order::Keep(Box::new(draft("office", "x")));
    orders.send(order()).unwrap();
    let problem = told.recv().await.unwrap().unwrap_err();
    assert!(
        problem.sentence().contains("only on this screen"),
        "{problem:?}"
    );
    std::fs::remove_file(&state).unwrap();
    orders.send(order()).unwrap();
    assert_eq!(told.recv().await.unwrap(), Ok(()));
    drop(orders);
    keeper.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_draft_that_cannot_be_saved_holds_up_no_other_and_is_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let drafts = Drafts::new(folder.path());
    // A folder where the first draft should be: it cannot be replaced by a file.
    let in_the_way = drafts.draft_file(&key("attic"));
    std::fs::create_dir_all(&in_the_way).unwrap();
    let (orders, receiver) = tokio::sync::mpsc::unbounded_channel();
    let (report, mut told) = tokio::sync::mpsc::channel(1);
    // The first order is carried out alone, and those that come meanwhile together.
    orders.send(keeper::Order::Drop(key("home"))).unwrap();
    for context in ["attic", "office"] {
        let draft = Box::new(draft(context, "x"));
        orders.send(keeper::Order::Keep(draft)).unwrap();
    }
    let keeper = tokio::spawn(keeper::keep(drafts.clone(), receiver, report));
    told.recv().await.unwrap().unwrap_err();
    assert_eq!(drafts.load(&key("office")).unwrap().unwrap().text, "x");
    std::fs::remove_dir(&in_the_way).unwrap();
    assert_eq!(told.recv().await.unwrap(), Ok(()));
    assert_eq!(drafts.load(&key("attic")).unwrap().unwrap().text, "x");
    drop(orders);
    keeper.await.unwrap();
}

#[tokio::test]
async fn a_newer_order_takes_the_place_of_one_that_failed() {
    let folder = tempfile::tempdir().unwrap();
    let drafts = Drafts::new(folder.path());
    let in_the_way = drafts.draft_file(&key("attic"));
    std::fs::create_dir_all(&in_the_way).unwrap();
    let (orders, receiver) = tokio::sync::mpsc::unbounded_channel();
    let (report, mut told) = tokio::sync::mpsc::channel(1);
    let keeper = tokio::spawn(keeper::keep(drafts.clone(), receiver, report));
    let order = |text| keeper::Order::Keep(Box::new(draft("attic", text)));
    orders.send(order("old")).unwrap();
    told.recv().await.unwrap().unwrap_err();
    std::fs::remove_dir(&in_the_way).unwrap();
    orders.send(order("new")).unwrap();
    drop(orders);
    keeper.await.unwrap();
    assert_eq!(drafts.load(&key("attic")).unwrap().unwrap().text, "new");
}

#[tokio::test]
async fn a_write_that_panics_is_not_done() {
    let task = tokio::spawn(async { panic!("as a mistake of ours would") });
    let result = keeper::ended(task.await, "draft".into());
    assert!(result.unwrap_err().to_string().contains("draft"));
}
