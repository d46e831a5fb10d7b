//! Changes from key to write by messages alone: what is asked, what is shown, what is ordered.

use std::path::{Path, PathBuf};
use std::time::Duration;

use ratatui::layout::Rect;

use super::*;
use crate::action::Action;
use crate::form::Answer;
use crate::rack::kubeconfig::{FileText, Files, Merge, Source, plan};
use crate::rack::kubeconfig_change::Server;
use crate::rack::problem::{Severity, Subject};
use crate::rack::time::Now;

const FILE: &str = "\
apiVersion: v1
kind: Config
current-context: home
contexts:
- {name: home, context: {cluster: cellar, user: me}}
- {name: lab, context: {cluster: lab, user: lab}}
clusters:
- {name: cellar, cluster: {server: \"https://10.0.0.1:6443\"}}
- {name: lab, cluster: {server: \"https://10.0.0.2:6443\"}}
users:
- {name: me, user: {token: s3cr3t}}
- {name: lab, user: {token: s3cr3t}}
";
const SOURCE_TEXT: &str = "\
apiVersion: v1
kind: Config
current-context: default
contexts:
- {name: default, context: {cluster: default, user: default}}
clusters:
- {name: default, cluster: {server: \"https://10.0.0.9:6443\"}}
users:
- {name: default, user: {token: other}}
";

struct Desk {
    rack: Rack,
    pane: KubeconfigPane,
    msgs: Vec<Msg>,
    effects: Vec<Effect>,
}

fn files() -> Files {
    let text = FileText::Text(FILE.to_owned());
    Files::new(vec![(PathBuf::from("config"), text)])
}

fn merge(name: &str) -> Request {
    let source = Source::parse(
        "k3s.yaml",
        SOURCE_TEXT.to_owned(),
        Some(Path::new("/")),
        None,
    );
    Request::Merge(Merge {
        source: source.unwrap(),
        only: None,
        name: Some(name.to_owned()),
        server: None,
        tls_server_name: None,
        on_conflict: OnConflict::Ask,
        set_current: false,
    })
}

fn preview(request: Request) -> Preview {
    Preview {
        plan: plan(&files(), &request).unwrap(),
        request,
        servers: Vec::new(),
    }
}

impl Desk {
    /// A session on `home`; the cursor is on it.
    fn new() -> Desk {
        let mut rack = Rack::new(Now::ZERO);
        rack.cluster.context = "home".into();
        let mut pane = KubeconfigPane::default();
        let context = |name: &str| ContextEntry {
            name: name.into(),
            cluster: name.into(),
            server: String::new(),
            user: String::new(),
            namespace: None,
            credential: crate::rack::kubeconfig::Credential::Token,
            file: "config".into(),
            is_current: false,
            problem: None,
        };
        let contexts = crate::rack::fleet::Contexts {
            entries: ["home", "lab"].map(context).into(),
            ..Default::default()
        };
        let fact = crate::rack::fleet::FleetFact::Contexts(contexts);
        rack.fleet.apply(fact, rack.now);
        pane.contexts_changed(&rack);
        Desk {
            rack,
            pane,
            msgs: Vec::new(),
            effects: Vec::new(),
        }
    }

    fn with(&mut self, call: impl FnOnce(&mut KubeconfigPane, &mut Cx<'_>)) {
        let mut cx = Cx {
            rack: &self.rack,
            area: Rect::new(0, 2, 80, 21),
            msgs: Vec::new(),
            effects: Vec::new(),
        };
        call(&mut self.pane, &mut cx);
        (self.msgs, self.effects) = (cx.msgs, cx.effects);
    }

    fn act(&mut self, action: Action) {
        self.with(|pane, cx| pane.on_action(action, cx));
    }

    fn tell(&mut self, msg: &Msg) {
        self.with(|pane, cx| pane.on_msg(msg, cx));
    }

    fn send(&mut self, form: FormId, answers: &[(&'static str, Answer)]) {
        let answers = answers.iter().cloned().collect();
        self.tell(&Msg::FormSent { form, answers });
    }

    /// What the pane wants to be looked at, and the number of its request.
    fn asked(&self) -> (RequestId, Asked) {
        match self.effects.as_slice() {
            [Effect::PreviewChange { request, asked }] => (*request, asked.clone()),
            other => panic!("{other:?}, {:?}", self.msgs),
        }
    }

    /// The preview of what was asked for comes in.
    fn answer(&mut self, preview: Preview) {
        let (request, _) = self.asked();
        let result = Ok(Box::new(preview));
        self.tell(&Msg::ChangePreviewed { request, result });
    }

    fn question(&self) -> &Question {
        match self.msgs.as_slice() {
            [Msg::Ask(question)] => question,
            other => panic!("{other:?}"),
        }
    }

    fn form(&self) -> &Form {
        match self.msgs.as_slice() {
            [Msg::Fill(form)] => form,
            other => panic!("{other:?}"),
        }
    }

    fn ended(&mut self, order: Order, result: Result<Done, Refusal>) {
        let (order, result) = (Box::new(order), result.map(Box::new));
        self.tell(&Msg::KubeconfigChanged { order, result });
    }
}

fn text(text: &str) -> Answer {
    Answer::Text(text.to_owned())
}

fn order(question: &Question) -> Order {
    match question.then.as_slice() {
        [
            Effect::ChangeKubeconfig {
                order,
                unlock: None,
            },
        ] => order.clone(),
        other => panic!("{other:?}"),
    }
}

/// A desk where the merge form has been sent.
fn merging() -> Desk {
    let mut desk = Desk::new();
    desk.act(Action::KubeconfigMerge);
    assert_eq!(desk.form().id, FormId::KubeconfigMerge);
    desk.send(
        FormId::KubeconfigMerge,
        &[(SOURCE, text(" k3s.yaml ")), (NAME, text("rack"))],
    );
    desk
}

#[test]
fn a_merge_is_shown_then_asked_about_then_ordered_as_it_was_shown() {
    let mut desk = merging();
    let (_, Asked::Merge(form)) = desk.asked() else {
        panic!("a merge was asked for");
    };
    assert_eq!(
        (form.source.as_str(), form.name.as_str()),
        ("k3s.yaml", "rack")
    );
    assert!(!desk.pane.is_preview());
    let shown = preview(merge("rack"));
    desk.answer(shown.clone());
    assert!(desk.pane.is_preview());
    assert_eq!(
        (desk.msgs.len(), desk.effects.len()),
        (0, 0),
        "nothing but looking"
    );
    desk.act(Action::ChangeWrite);
    let expected = Order::Write {
        shown: shown.plan.entries.clone(),
        request: shown.request,
    };
    assert_eq!(order(desk.question()), expected);
    assert_eq!(desk.effects, [], "and nothing without a yes");
    let done = Done::Written {
        plan: shown.plan,
        notes: Vec::new(),
    };
    desk.ended(expected, Ok(done));
    assert!(!desk.pane.is_preview());
    assert_eq!(desk.msgs, [Msg::info("merged k3s.yaml; u takes it back")]);
}

#[test]
fn a_preview_nobody_waits_for_any_more_is_dropped() {
    let mut desk = merging();
    let (request, _) = desk.asked();
    assert!(desk.pane.close(), "esc while it is read");
    let result = Ok(Box::new(preview(merge("rack"))));
    desk.tell(&Msg::ChangePreviewed { request, result });
    assert!(!desk.pane.is_preview());
}

#[test]
fn a_source_that_cannot_be_read_brings_the_form_back_with_the_reason() {
    let mut desk = merging();
    let (request, _) = desk.asked();
    let problem = Problem::new(
        Severity::Critical,
        Subject::Kubeconfig,
        "cannot read k3s.yaml",
    )
    .why("there is no such file");
    let result = Err(Box::new(problem));
    desk.tell(&Msg::ChangePreviewed { request, result });
    assert_eq!(
        desk.form().lines,
        ["cannot read k3s.yaml", "there is no such file"]
    );
    let Input::Text { text, .. } = &desk.form().fields[0].input else {
        panic!("a text");
    };
    assert_eq!(text, "k3s.yaml", "what was typed is kept");
}

#[test]
fn a_taken_name_is_asked_about_with_both_sides() {
    let mut desk = merging();
    desk.answer(preview(merge("lab")));
    let form = desk.form().clone();
    assert_eq!(form.id, FormId::KubeconfigConflict);
    let said = form.lines.join("\n");
    assert!(
        said.contains("10.0.0.2") && said.contains("10.0.0.9"),
        "{said}"
    );
    assert!(!said.contains("s3cr3t"), "{said}");
    let other = [(CHOICE, Answer::Choice(0)), (NAME, text("lab-2"))];
    desk.send(FormId::KubeconfigConflict, &other);
    let (_, Asked::Merge(form)) = desk.asked() else {
        panic!("the merge again");
    };
    assert_eq!(
        (form.name.as_str(), form.on_conflict),
        ("lab-2", OnConflict::Ask)
    );
    desk.answer(preview(merge("lab")));
    let replace = [(CHOICE, Answer::Choice(1)), (NAME, text("lab-2"))];
    desk.send(FormId::KubeconfigConflict, &replace);
    let (_, Asked::Merge(form)) = desk.asked() else {
        panic!("the merge again");
    };
    assert_eq!(form.on_conflict, OnConflict::Replace);
}

#[test]
fn names_a_certificate_is_for_are_offered_when_the_form_comes_back() {
    let mut desk = merging();
    let server = Server {
        url: "https://10.0.0.9:6443".into(),
        problem: Some(Problem::new(
            Severity::Critical,
            Subject::Kubeconfig,
            "not for it",
        )),
        names: vec!["kubernetes".into()],
    };
    desk.answer(Preview {
        servers: vec![server],
        ..preview(merge("rack"))
    });
    desk.act(Action::ChangeWrite);
    assert!(desk.question().lines.contains(&"not for it".to_owned()));
    desk.act(Action::ChangeEdit);
    let field = desk.form().fields.iter().find(|it| it.key == CERTIFICATE);
    let Input::Text { offered, .. } = &field.unwrap().input else {
        panic!("a text");
    };
    assert_eq!(offered, &["kubernetes"]);
}

#[test]
fn small_changes_are_asked_about_in_words() {
    let mut desk = Desk::new();
    desk.act(Action::ContextUse);
    desk.answer(preview(Request::UseContext {
        context: "lab".into(),
    }));
    assert_eq!(desk.question().title, "Make lab the current context?");
    let said = desk.question().lines.join("\n");
    assert!(said.contains("becomes lab; it is home now"), "{said}");

    let context = "home".to_owned();
    desk.send(
        FormId::ContextNamespace { context },
        &[(NAMESPACE, text("web"))],
    );
    let (_, asked) = desk.asked();
    let request = Request::SetNamespace {
        context: "home".into(),
        namespace: Some("web".into()),
    };
    assert_eq!(asked, Asked::Change(request.clone()));
    desk.answer(preview(request));
    let said = desk.question().lines.join("\n");
    assert!(
        said.contains("context home is updated in config: "),
        "{said}"
    );
}

#[test]
fn what_is_so_already_is_said_and_not_asked() {
    let mut desk = Desk::new();
    desk.act(Action::ContextUse);
    desk.answer(preview(Request::UseContext {
        context: "home".into(),
    }));
    let text = "nothing to write: the kubeconfig says so already";
    assert_eq!(desk.msgs, [Msg::info(text)]);
}

#[test]
fn a_deletion_offers_what_it_would_leave_behind() {
    let delete = |with_orphans| Request::DeleteContext {
        context: "home".into(),
        with_orphans,
    };
    let mut desk = Desk::new();
    desk.act(Action::ContextDelete);
    assert_eq!(desk.asked().1, Asked::Change(delete(false)));
    desk.answer(preview(delete(false)));
    let said = desk.form().lines.join("\n");
    assert!(said.contains("cluster cellar and user me"), "{said}");
    for (keeps, is_on) in [(true, false), (false, true)] {
        let form = FormId::ContextDelete {
            context: "home".into(),
        };
        desk.send(form, &[(ORPHANS, Answer::Toggle(is_on))]);
        assert_eq!(desk.asked().1, Asked::Change(delete(is_on)));
        desk.answer(preview(delete(is_on)));
        let said = desk.question().lines.join("\n");
        assert!(said.contains("This session is on it."), "{said}");
        assert_eq!(said.contains("user me is removed"), !keeps, "{said}");
    }
}

#[test]
fn the_session_follows_a_context_that_is_renamed() {
    for (from, turns) in [("home", true), ("lab", false)] {
        let mut desk = Desk::new();
        let request = Request::RenameContext {
            from: from.into(),
            to: "cellar".into(),
        };
        let Preview { plan, request, .. } = preview(request);
        let order = Order::Write {
            request,
            shown: plan.entries.clone(),
        };
        let notes = Vec::new();
        desk.ended(order, Ok(Done::Written { plan, notes }));
        let turned = desk.msgs.contains(&Msg::TurnTo("cellar".into()));
        assert_eq!(turned, turns, "{:?}", desk.msgs);
    }
}

#[test]
fn a_lock_is_shown_with_its_age_and_removed_only_after_a_yes() {
    let mut desk = Desk::new();
    let lock = Lock {
        file: "/home/me/.kube/config".into(),
        path: "/home/me/.kube/config.lock".into(),
        owner: None,
        age: Some(Duration::from_secs(7_200)),
    };
    let order = Order::Undo { force: false };
    desk.ended(order.clone(), Err(Refusal::Locked(lock.clone())));
    assert_eq!(
        desk.question().title,
        "Remove the lock on /home/me/.kube/config?"
    );
    assert!(desk.question().lines[0].contains("was made 2h ago by kubectl"));
    let then = [Effect::ChangeKubeconfig {
        order,
        unlock: Some(lock),
    }];
    assert_eq!(desk.question().then, then);
    assert_eq!(desk.effects, []);
}

#[test]
fn a_file_that_changed_meanwhile_is_shown_again() {
    let mut desk = merging();
    let shown = preview(merge("rack"));
    desk.answer(shown.clone());
    desk.act(Action::ChangeWrite);
    let order = order(desk.question());
    desk.ended(order, Err(Refusal::Changed(Box::new(shown))));
    assert!(desk.pane.is_preview());
    assert!(matches!(&desk.msgs[..], [Msg::Notice(notice)] if notice.text.contains("meanwhile")));
}

#[test]
fn answers_that_make_no_sense_are_complained_about_at_their_field() {
    let desk = Desk::new();
    let check = |form: &FormId, answers: &[(&'static str, Answer)]| {
        let answers = answers.iter().cloned().collect();
        complaint(form, &answers, &desk.rack).map(|(key, _)| key)
    };
    let rename = FormId::ContextRename {
        context: "home".into(),
    };
    assert_eq!(check(&FormId::KubeconfigMerge, &[]), Some(SOURCE));
    assert_eq!(
        check(&FormId::KubeconfigMerge, &[(SOURCE, text("-"))]),
        Some(SOURCE)
    );
    assert_eq!(
        check(&FormId::KubeconfigMerge, &[(SOURCE, text("x"))]),
        None
    );
    for (source, complains) in [
        ("ssh://", true),
        ("ssh://pi@", true),
        ("ssh://pi@rack:2222", false),
    ] {
        let complaint = check(&FormId::KubeconfigMerge, &[(SOURCE, text(source))]);
        assert_eq!(complaint.is_some(), complains, "{source}");
    }
    assert_eq!(check(&rename, &[(NAME, text(" "))]), Some(NAME));
    assert_eq!(check(&rename, &[(NAME, text("lab"))]), Some(NAME));
    assert_eq!(check(&rename, &[(NAME, text("home"))]), None);
    let other = [(CHOICE, Answer::Choice(0))];
    assert_eq!(check(&FormId::KubeconfigConflict, &other), Some(NAME));
    let replace = [(CHOICE, Answer::Choice(1))];
    assert_eq!(check(&FormId::KubeconfigConflict, &replace), None);
}

#[test]
fn an_undo_names_what_it_takes_back_before_it_does() {
    let mut desk = Desk::new();
    let ask = |desk: &mut Desk, change: Option<LastChange>| {
        desk.act(Action::KubeconfigUndo);
        let [Effect::ReadLastChange { request }] = desk.effects[..] else {
            panic!("{:?}", desk.effects);
        };
        assert_eq!(desk.msgs, [], "nothing is asked before it is known");
        desk.tell(&Msg::LastChangeRead { request, change });
    };
    ask(&mut desk, None);
    assert!(
        matches!(&desk.msgs[..], [Msg::Notice(notice)] if notice.text.contains("nothing to undo"))
    );
    let change = LastChange {
        what: "deleted context lab".to_owned(),
        at: desk.rack.now.wall - jiff::SignedDuration::from_mins(3),
        files: vec!["/home/me/.kube/config".into()],
        is_changed_since: false,
    };
    ask(&mut desk, Some(change.clone()));
    let lines = desk.question().lines.join("\n");
    assert!(
        lines.contains("3m ago bramble deleted context lab.")
            && lines.contains("/home/me/.kube/config"),
        "{lines}"
    );
    assert_eq!(order(desk.question()), Order::Undo { force: false });
    ask(
        &mut desk,
        Some(LastChange {
            is_changed_since: true,
            ..change
        }),
    );
    assert!(desk.question().lines.join(" ").contains("changed it since"));
    assert_eq!(order(desk.question()), Order::Undo { force: true });
}
