//! The pane by messages: where the cursor is, what a key asks for, what is said of a context.

use ratatui::layout::Rect;

use super::*;
use crate::panes::kubeconfig::columns::{Light, health};
use crate::rack::fleet::{Answer, Contexts, FleetFact, Ready, State};
use crate::rack::kubeconfig::Credential;
use crate::rack::link::LinkState;
use crate::rack::problem::{Problem, Severity, Subject};
use crate::rack::time::Now;

fn context(name: &str) -> ContextEntry {
    ContextEntry {
        name: name.into(),
        cluster: name.into(),
        server: format!("https://{name}:6443"),
        user: "admin".into(),
        namespace: None,
        credential: Credential::Token,
        file: "config".into(),
        is_current: false,
        problem: None,
    }
}

fn tell(rack: &mut Rack, pane: &mut KubeconfigPane, contexts: Vec<ContextEntry>) {
    let facts = Contexts {
        entries: contexts,
        current: Some("home".into()),
        ..Contexts::default()
    };
    rack.fleet.apply(FleetFact::Contexts(facts), rack.now);
    pane.contexts_changed(rack);
}

fn asked(rack: &mut Rack, name: &str, state: State) {
    let contexts = vec![name.to_owned()];
    rack.fleet
        .apply(FleetFact::Asked { contexts, state }, rack.now);
}

/// A session on the context `office`, of three.
fn pane() -> (Rack, KubeconfigPane) {
    let mut rack = Rack::new(Now::ZERO);
    rack.cluster.context = "office".into();
    let mut pane = KubeconfigPane::default();
    let contexts = ["office", "home", "lab"].map(context);
    tell(&mut rack, &mut pane, contexts.into());
    (rack, pane)
}

fn act(pane: &mut KubeconfigPane, rack: &Rack, action: Action) -> Vec<Msg> {
    let mut cx = Cx {
        rack,
        area: Rect::new(0, 2, 80, 21),
        msgs: Vec::new(),
        effects: Vec::new(),
    };
    pane.on_action(action, &mut cx);
    cx.msgs
}

fn names(pane: &KubeconfigPane, rack: &Rack) -> Vec<String> {
    pane.ids(rack)
}

#[test]
fn the_cursor_begins_on_the_context_of_the_session_and_follows_it() {
    let (mut rack, mut pane) = pane();
    assert_eq!(names(&pane, &rack), ["home", "lab", "office"]);
    assert_eq!(pane.current(&rack).unwrap().name, "office");
    act(&mut pane, &rack, Action::GoTop);
    let more = ["attic", "home", "lab", "office"].map(context);
    tell(&mut rack, &mut pane, more.into());
    assert_eq!(
        pane.current(&rack).unwrap().name,
        "home",
        "the object, not the row"
    );
}

#[test]
fn enter_turns_the_session_to_the_context_under_the_cursor() {
    let (rack, mut pane) = pane();
    act(&mut pane, &rack, Action::GoTop);
    assert_eq!(
        act(&mut pane, &rack, Action::ContextTurn),
        [Msg::TurnTo("home".into())]
    );
    pane.set_filter("nothing");
    let msgs = act(&mut pane, &rack, Action::ContextTurn);
    assert_eq!(msgs, [Msg::warn("there is no context here")]);
}

#[test]
fn only_faults_shows_what_is_down_unusable_or_ends_soon() {
    let (mut rack, mut pane) = pane();
    let broken = Problem::new(Severity::Critical, Subject::Kubeconfig, "it is broken");
    let soon = jiff::Timestamp::from_second(40 * 86_400).unwrap();
    let contexts = [
        context("good"),
        ContextEntry {
            problem: Some(broken),
            ..context("broken")
        },
        ContextEntry {
            credential: Credential::Certificate { ends: Some(soon) },
            ..context("ending")
        },
        context("unasked"),
        context("unwell"),
    ];
    tell(&mut rack, &mut pane, contexts.into());
    let up = |ready| {
        State::Up(Answer {
            ready,
            ..Answer::default()
        })
    };
    asked(&mut rack, "good", up(Ready::Yes));
    asked(&mut rack, "unwell", up(Ready::No(vec!["etcd".into()])));
    act(&mut pane, &rack, Action::FaultsToggle);
    assert_eq!(names(&pane, &rack), ["broken", "ending", "unwell"]);
    assert!(pane.close());
    assert_eq!(names(&pane, &rack).len(), 5);
}

#[test]
fn the_context_of_the_session_is_as_the_header_says_whatever_the_last_look_brought() {
    let (mut rack, _) = pane();
    asked(&mut rack, "office", State::Up(Answer::default()));
    let light = |rack: &Rack| health(rack, rack.fleet.context("office").unwrap()).light;
    assert_eq!(light(&rack), Light::Up, "connecting says nothing yet");
    let problem = Problem::new(Severity::Warning, Subject::Link, "no answer");
    rack.link.set(LinkState::Stale { problem }, rack.now.mono);
    assert_eq!(light(&rack), Light::Down);
}

#[test]
fn a_filter_looks_at_what_stands_in_the_columns() {
    let (mut rack, mut pane) = pane();
    let mut other = context("other");
    other.file = "elsewhere".into();
    tell(&mut rack, &mut pane, vec![context("home"), other]);
    for (filter, expected) in [
        ("other:6443", vec!["other"]),
        ("server:home", vec!["home"]),
        ("elsewhere", vec![]),
        ("file:elsewhere", vec!["other"]),
        ("login:token !home", vec!["other"]),
    ] {
        pane.set_filter(filter);
        assert_eq!(names(&pane, &rack), expected, "{filter}");
    }
}

#[test]
fn sorting_by_health_has_the_troubled_first() {
    let (mut rack, mut pane) = pane();
    asked(&mut rack, "home", State::Up(Answer::default()));
    pane.list.sort = Some(Column::Health);
    assert_eq!(names(&pane, &rack), ["lab", "office", "home"]);
    act(&mut pane, &rack, Action::SortReverse);
    assert_eq!(names(&pane, &rack), ["home", "office", "lab"]);
}
