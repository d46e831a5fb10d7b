//! `update` alone: messages in, state and effects out. No runtime, no clock, no screen.

mod swaps;

use std::collections::BTreeMap;
use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::*;
use crate::effect::TaskKey;
use crate::msg::Question;
use crate::rack::facts::{Change, ClusterInfo};
use crate::rack::fleet::{Contexts, FleetFact};
use crate::rack::kubeconfig::{ContextEntry, Credential};
use crate::rack::kubeconfig_change::Order;
use crate::rack::link::LinkState;
use crate::rack::node::{Node, NodeInfo, ResourceVersion, Resources, Uid};
use crate::rack::problem::{Problem, Severity, Subject};
use crate::rack::ssh;

fn node(name: &str, uid: &str) -> Node {
    Node {
        name: NodeName::new(name),
        uid: Uid(uid.into()),
        resource_version: ResourceVersion("1".into()),
        created: None,
        labels: BTreeMap::new(),
        taints: Vec::new(),
        unschedulable: false,
        addresses: Vec::new(),
        conditions: Vec::new(),
        capacity: Resources::default(),
        allocatable: Resources::default(),
        info: NodeInfo::default(),
        pod_cidrs: Vec::new(),
        k3s_args: Vec::new(),
    }
}

fn model() -> Model {
    let (theme, keymap) = (Theme::load("mono", None).0, Keymap::load("default", None).0);
    let mut model = Model::new(
        Now::ZERO,
        Size::new(80, 24),
        theme,
        keymap,
        Settings::default(),
    );
    tell(&mut model, Fact::Link(LinkState::Live));
    let nodes = ["rpi-01", "rpi-02", "rpi-03"].map(|name| node(name, name));
    tell(&mut model, Fact::Nodes(Change::Listed(nodes.into())));
    tick(&mut model, 1_000);
    model
}

fn tell(model: &mut Model, fact: Fact) -> Vec<Effect> {
    update(
        model,
        Msg::Fact {
            generation: model.generation,
            fact,
        },
    )
}

fn tick(model: &mut Model, milliseconds: u64) {
    let now = Now {
        mono: Duration::from_millis(milliseconds),
        ..Now::ZERO
    };
    update(model, Msg::Clock(now));
}

/// Presses keys one after the other; gives the effects of all of them.
fn press(model: &mut Model, keys: &str) -> Vec<Effect> {
    let press = |key: &str| {
        let (code, modifiers) = match key {
            "enter" => (KeyCode::Enter, KeyModifiers::NONE),
            "esc" => (KeyCode::Esc, KeyModifiers::NONE),
            "tab" => (KeyCode::Tab, KeyModifiers::NONE),
            "right" => (KeyCode::Right, KeyModifiers::NONE),
            "ctrl-z" => (KeyCode::Char('z'), KeyModifiers::CONTROL),
            "ctrl-l" => (KeyCode::Char('l'), KeyModifiers::CONTROL),
            "space" => (KeyCode::Char(' '), KeyModifiers::NONE),
            letter => (
                KeyCode::Char(letter.chars().next().unwrap()),
                KeyModifiers::NONE,
            ),
        };
        update(model, Msg::Key(KeyEvent::new(code, modifiers)))
    };
    keys.split_whitespace().flat_map(press).collect()
}

fn type_line(model: &mut Model, text: &str) -> Vec<Effect> {
    for c in text.chars() {
        update(
            model,
            Msg::Key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE)),
        );
    }
    press(model, "enter")
}

fn notice(model: &Model) -> &str {
    model.notice.as_ref().map_or("", |(notice, _)| &notice.text)
}

fn screen(model: &Model) -> String {
    let mut buf = Buffer::empty(Rect::new(0, 0, model.size.width, model.size.height));
    view::view(model, buf.area, &mut buf);
    buf.content
        .iter()
        .map(ratatui::buffer::Cell::symbol)
        .collect()
}

fn cordon(name: &str) -> Effect {
    Effect::SetUnschedulable {
        context: String::new(),
        node: NodeName::new(name),
        uid: Uid(name.into()),
        unschedulable: true,
    }
}

#[test]
fn a_dangerous_key_asks_and_only_a_yes_does_it() {
    let mut model = model();
    assert_eq!(press(&mut model, "j c"), []);
    assert!(screen(&model).contains("Cordon node rpi-02?"));
    assert_eq!(press(&mut model, "n"), []);
    assert_eq!(
        press(&mut model, "y"),
        [Effect::ReadYaml {
            context: String::new(),
            request: RequestId(1),
            object: Subject::Node(NodeName::new("rpi-02"))
        }]
    );
    press(&mut model, "esc");
    assert_eq!(press(&mut model, "c y"), [cordon("rpi-02")]);
    assert_eq!(press(&mut model, "c esc"), []);
}

#[test]
fn marked_nodes_are_cordoned_together() {
    let mut model = model();
    assert_eq!(
        press(&mut model, "space space c y"),
        [cordon("rpi-01"), cordon("rpi-02")]
    );
}

#[test]
fn the_answer_goes_to_the_object_that_was_asked_about_though_rows_move() {
    let mut model = model();
    press(&mut model, "j c");
    tell(
        &mut model,
        Fact::Nodes(Change::Applied(node("aaa-first", "aaa-first"))),
    );
    assert_eq!(press(&mut model, "y"), [cordon("rpi-02")]);
}

#[test]
fn a_question_about_a_replaced_object_closes_itself() {
    let mut model = model();
    press(&mut model, "j c");
    tell(
        &mut model,
        Fact::Nodes(Change::Applied(node("rpi-02", "another board"))),
    );
    assert!(
        notice(&model).starts_with("node rpi-02 is gone or was replaced"),
        "{}",
        notice(&model)
    );
    assert_eq!(
        press(&mut model, "enter"),
        [],
        "nothing is left to say yes to"
    );
}

#[test]
fn a_row_that_slid_under_the_cursor_is_refused_for_a_moment() {
    let mut model = model();
    press(&mut model, "j");
    tell(
        &mut model,
        Fact::Nodes(Change::Deleted(node("rpi-02", "rpi-02"))),
    );
    tick(&mut model, 1_399);
    press(&mut model, "c");
    assert!(
        notice(&model).contains("slid under the cursor"),
        "{}",
        notice(&model)
    );
    assert!(model.popup.is_none());
    tick(&mut model, 1_400);
    press(&mut model, "c");
    assert!(screen(&model).contains("Cordon node rpi-03?"));
}

#[test]
fn read_only_mode_lets_no_write_through_whoever_asks() {
    let mut model = model();
    model.settings.read_only = true;
    assert_eq!(press(&mut model, "c"), [], "not even asked");
    assert!(model.popup.is_none());
    assert!(
        notice(&model).starts_with("read-only"),
        "{}",
        notice(&model)
    );
    model.command_line = None;
    press(&mut model, ":");
    assert_eq!(type_line(&mut model, "node-cordon"), []);
    assert!(model.popup.is_none());
    // The gate itself, for a question that was open before.
    model.settings.read_only = false;
    press(&mut model, "c");
    model.settings.read_only = true;
    assert_eq!(press(&mut model, "y"), []);
}

#[test]
fn a_context_can_be_read_only_in_the_config() {
    let mut model = model();
    let read_only = ContextSettings {
        read_only: true,
        ..ContextSettings::default()
    };
    model
        .settings
        .contexts
        .insert("office".to_owned(), read_only);
    assert!(!model.is_read_only());
    tell(
        &mut model,
        Fact::Cluster(ClusterInfo {
            context: "office".to_owned(),
            ..ClusterInfo::default()
        }),
    );
    assert_eq!(press(&mut model, "c"), []);
    assert!(screen(&model).contains("read-only"));
}

#[test]
fn turning_to_a_context_forgets_the_old_one_and_its_late_facts() {
    let mut model = model();
    let old = model.generation;
    press(&mut model, ":");
    let effects = type_line(&mut model, "ctx home");
    assert_eq!(
        effects,
        [Effect::Follow {
            generation: Generation(1),
            context: Some("home".to_owned())
        }]
    );
    assert_eq!(model.rack.node_count(), 0);
    update(
        &mut model,
        Msg::Fact {
            generation: old,
            fact: Fact::Nodes(Change::Applied(node("late", "late"))),
        },
    );
    assert_eq!(
        model.rack.node_count(),
        0,
        "the fact came from the context before"
    );
}

#[test]
fn a_typed_filter_holds_at_once_and_esc_takes_it_back() {
    let mut model = model();
    press(&mut model, "/ 0 3");
    assert!(!screen(&model).contains("rpi-01"));
    press(&mut model, "esc");
    assert!(screen(&model).contains("rpi-01"));
    press(&mut model, "/ 0 3 enter");
    assert_eq!(
        press(&mut model, "c y"),
        [cordon("rpi-03")],
        "letters are keys again"
    );
    press(&mut model, "esc");
    assert!(screen(&model).contains("rpi-01"), "esc clears the filter");
}

#[test]
fn a_paste_is_one_line_and_without_a_line_it_is_refused() {
    let mut model = model();
    update(&mut model, Msg::Paste("rpi-03\nrm -rf".to_owned()));
    assert!(notice(&model).contains("nothing to paste into"));
    press(&mut model, "/");
    update(&mut model, Msg::Paste("rpi\n03".to_owned()));
    assert_eq!(model.panes.rack.filter(), "rpi 03");
}

#[test]
fn panes_are_reached_by_number_by_tab_and_by_history() {
    let mut model = model();
    for (keys, pane) in [
        ("8", PaneId::Problems),
        ("1", PaneId::Rack),
        ("tab", PaneId::Services),
        ("[", PaneId::Rack),
        ("]", PaneId::Services),
        ("5", PaneId::Pipelines),
        ("7", PaneId::Kubeconfig),
        ("tab", PaneId::Problems),
        ("tab", PaneId::Workloads),
        ("tab", PaneId::Rack),
        ("9", PaneId::Workloads),
        ("0", PaneId::Storage),
    ] {
        press(&mut model, keys);
        assert_eq!(model.focus, pane, "{keys}");
    }
}

#[test]
fn contexts_are_looked_at_only_while_their_pane_is_shown() {
    let mut model = model();
    assert!(press(&mut model, "7").contains(&Effect::FollowFleet));
    assert_eq!(press(&mut model, "j"), [], "once is enough");
    assert_eq!(press(&mut model, "r"), [Effect::FollowFleet]);
    let effects = press(&mut model, "8");
    assert_eq!(effects, [Effect::Stop(TaskKey::Fleet)]);
}

#[test]
fn the_contexts_stay_known_when_the_session_turns_to_one() {
    let mut model = model();
    press(&mut model, "7");
    let context = |name: &str| ContextEntry {
        name: name.into(),
        cluster: name.into(),
        server: String::new(),
        user: String::new(),
        namespace: None,
        credential: Credential::Token,
        file: "config".into(),
        is_current: false,
        problem: None,
    };
    let contexts = Contexts {
        entries: vec![context("home"), context("lab")],
        ..Contexts::default()
    };
    update(&mut model, Msg::Fleet(FleetFact::Contexts(contexts)));
    let effects = press(&mut model, "j enter");
    assert!(
        matches!(&effects[..], [Effect::Follow { context, .. }] if context.as_deref() == Some("lab")),
        "{effects:?}"
    );
    assert_eq!(model.rack.cluster.context, "lab");
    assert_eq!(model.rack.fleet.entries().len(), 2);
    assert_eq!(model.focus, PaneId::Kubeconfig);
    assert_eq!(press(&mut model, "enter"), [], "it is there already");
}

#[test]
fn metrics_are_wanted_only_while_their_pane_is_shown() {
    let mut model = model();
    let switches = |effects: Vec<Effect>| -> Vec<Effect> {
        effects
            .into_iter()
            .filter(|effect| matches!(effect, Effect::WantMetrics(_)))
            .collect()
    };
    model.begin(None);
    assert_eq!(
        switches(press(&mut model, "8")),
        [Effect::WantMetrics(false)]
    );
    assert_eq!(
        switches(press(&mut model, "1")),
        [Effect::WantMetrics(true)]
    );
}

#[test]
fn enter_on_a_problem_goes_to_its_node() {
    let mut model = model();
    tick(&mut model, 5_000);
    press(&mut model, "8 j enter");
    assert_eq!(model.focus, PaneId::Rack);
    assert!(screen(&model).contains("Rack ▸ rpi-02"));
}

#[test]
fn a_node_opened_from_the_problems_closes_back_to_them() {
    let mut model = model();
    tick(&mut model, 5_000);
    press(&mut model, "8 enter esc");
    assert_eq!(model.focus, PaneId::Problems);
    press(&mut model, "1 enter esc");
    assert_eq!(model.focus, PaneId::Rack);
}

#[test]
fn a_mark_that_the_filter_hides_is_not_acted_on() {
    let mut model = model();
    press(&mut model, "space / 0 3 enter");
    assert_eq!(press(&mut model, "c y"), [cordon("rpi-03")]);
}

#[test]
fn the_picture_is_left_before_the_program() {
    let mut model = model();
    assert_eq!(press(&mut model, "p q"), []);
    assert_eq!(press(&mut model, "q"), [Effect::Quit]);
}

#[test]
fn q_closes_the_innermost_and_leaves_only_from_the_top() {
    let mut model = model();
    for keys in ["enter q", "? q", "m q", ": esc", "/ x enter q"] {
        assert!(!press(&mut model, keys).contains(&Effect::Quit), "{keys}");
    }
    assert_eq!(press(&mut model, "q"), [Effect::Quit]);
    assert_eq!(
        press(&mut model, "ctrl-z ctrl-l"),
        [Effect::Suspend, Effect::Repaint]
    );
}

#[test]
fn only_the_awaited_yaml_is_shown() {
    let mut model = model();
    press(&mut model, "y");
    update(
        &mut model,
        Msg::YamlRead {
            request: RequestId(99),
            result: Ok("kind: Ghost".to_owned()),
        },
    );
    assert!(!screen(&model).contains("Ghost"));
    update(
        &mut model,
        Msg::YamlRead {
            request: RequestId(1),
            result: Ok("kind: Node".to_owned()),
        },
    );
    assert!(screen(&model).contains("kind: Node"));
}

#[test]
fn a_failed_task_is_a_notice_and_stays_a_problem() {
    let mut model = model();
    let problem = Problem::new(
        Severity::Critical,
        Subject::Program,
        "a background task of bramble failed",
    );
    update(&mut model, Msg::TaskFailed(TaskKey::Follow, problem));
    assert!(notice(&model).starts_with("a background task"));
    tick(&mut model, 9_000);
    assert_eq!(notice(&model), "", "notices go after a while");
    assert!(
        model
            .rack
            .problems
            .iter()
            .any(|problem| problem.about == Subject::Program)
    );
}

#[test]
fn the_menu_does_what_its_row_says() {
    let mut model = model();
    press(&mut model, "m j enter");
    assert!(screen(&model).contains("Cordon node rpi-01?"));
    assert_eq!(press(&mut model, "y"), [cordon("rpi-01")]);
}

#[test]
fn what_is_wrong_in_the_users_files_is_told_at_the_start_and_kept() {
    let complaint = Problem::new(
        Severity::Warning,
        Subject::Settings,
        "keymap.toml:3:7: unknown action \"quti\"",
    );
    let settings = Settings {
        complaints: vec![complaint],
        ..Settings::default()
    };
    let (theme, keymap) = (Theme::load("mono", None).0, Keymap::load("default", None).0);
    let mut model = Model::new(Now::ZERO, Size::new(80, 24), theme, keymap, settings);
    assert!(screen(&model).contains("keymap.toml:3:7"));
    tick(&mut model, 1_000);
    assert_eq!(model.rack.problems.len(), 1);
}

#[test]
fn a_form_is_filled_in_and_asks_before_anything_is_changed() {
    let mut model = model();
    press(&mut model, "t");
    assert!(screen(&model).contains("Label of node rpi-01"));
    // Enter goes from field to field; the letters are text, also those that are keys elsewhere.
    type_line(&mut model, "quick");
    type_line(&mut model, "yes");
    assert_eq!(press(&mut model, "enter"), []);
    assert!(screen(&model).contains("quick is set to \"yes\"."));
    let expected = Effect::SetLabel {
        context: String::new(),
        node: NodeName::new("rpi-01"),
        uid: Uid("rpi-01".into()),
        key: "quick".to_owned(),
        value: Some("yes".to_owned()),
    };
    assert_eq!(press(&mut model, "y"), [expected]);
}

#[test]
fn a_form_with_a_mistake_is_not_sent_and_says_which_field() {
    let mut model = model();
    press(&mut model, "t b a d / / enter enter enter");
    assert!(screen(&model).contains("is not allowed; letters, digits"));
    assert!(
        matches!(&model.popup, Some(Popup::Form(form)) if form.focus == 0),
        "the cursor stands where the mistake is"
    );
    assert_eq!(press(&mut model, "esc"), []);
    assert!(model.popup.is_none());
}

#[test]
fn a_label_that_is_not_there_cannot_be_removed() {
    let mut model = model();
    press(&mut model, "t n o n e enter enter space enter");
    assert!(screen(&model).contains("node rpi-01 has no label none"));
}

#[test]
fn read_only_opens_no_form_that_changes_something() {
    let mut model = model();
    model.settings.read_only = true;
    press(&mut model, "t");
    assert!(model.popup.is_none());
    assert!(notice(&model).starts_with("read-only"));
    for key in ["a", "c", "s", "R", "D", "u"] {
        press(&mut model, "7");
        model.notice = None;
        assert_eq!(press(&mut model, key), [], "{key}");
        assert!(model.popup.is_none(), "{key}");
        assert!(notice(&model).starts_with("read-only"), "{key}");
    }
}

#[test]
fn the_gate_of_read_only_mode_stops_changes_of_the_kubeconfig() {
    let mut model = model();
    let undo = Effect::ChangeKubeconfig {
        order: Order::Undo { force: false },
        unlock: None,
    };
    let question = Question {
        then: vec![undo],
        ..Question::new("Undo?", Vec::new())
    };
    update(&mut model, Msg::Ask(question));
    tick(&mut model, 2_000);
    model.settings.read_only = true;
    assert_eq!(press(&mut model, "y"), []);
    assert!(notice(&model).starts_with("read-only"));
}

fn question_that_waits() -> Question {
    Question {
        then: vec![cordon("rpi-02")],
        otherwise: vec![Effect::Repaint],
        ..Question::new("Really?", Vec::new())
    }
}

#[test]
fn a_question_that_comes_by_itself_waits_its_turn_and_takes_no_key_by_accident() {
    let mut model = model();
    press(&mut model, "?");
    update(&mut model, Msg::Ask(question_that_waits()));
    assert!(matches!(model.popup, Some(Popup::Help { .. })));
    press(&mut model, "esc");
    assert!(screen(&model).contains("Really?"), "it was left by a key");
    press(&mut model, "n");

    update(&mut model, Msg::Ask(question_that_waits()));
    assert!(screen(&model).contains("Really?"));
    assert_eq!(
        press(&mut model, "y"),
        [],
        "meant for what was there before"
    );
    tick(&mut model, 1_400);
    assert_eq!(press(&mut model, "y"), [cordon("rpi-02")]);
}

#[test]
fn a_question_takes_the_place_of_the_notice_to_wait_for_it_but_not_of_a_warning() {
    let mut model = model();
    update(&mut model, Msg::info("looking at the pods"));
    assert_eq!(notice(&model), "looking at the pods");
    update(&mut model, Msg::Ask(question_that_waits()));
    assert!(model.notice.is_none(), "{:?}", model.notice);
    tick(&mut model, 1_400);
    press(&mut model, "n");

    update(&mut model, Msg::warn("one is late"));
    update(&mut model, Msg::Ask(question_that_waits()));
    assert_eq!(notice(&model), "one is late");
}

#[test]
fn a_task_that_waits_for_an_answer_hears_of_a_no_also_when_the_context_changes() {
    let mut model = model();
    update(&mut model, Msg::Ask(question_that_waits()));
    update(&mut model, Msg::Ask(question_that_waits()));
    assert_eq!(press(&mut model, "n"), [Effect::Repaint]);
    let effects = {
        let mut effects = Vec::new();
        model.turn_to("home", &mut effects);
        effects
    };
    assert!(effects.contains(&Effect::Repaint));
    assert!(model.popup.is_none());
}

#[test]
fn what_cannot_be_undone_wants_its_name_typed() {
    let mut model = model();
    let question = Question {
        typed: Some("rpi-02".to_owned()),
        ..question_that_waits()
    };
    update(&mut model, Msg::Ask(question));
    tick(&mut model, 1_400);
    assert_eq!(type_line(&mut model, "rpi-0"), []);
    assert!(screen(&model).contains("type rpi-02 to go on"));
    assert_eq!(type_line(&mut model, "2"), [cordon("rpi-02")]);
}

#[test]
fn pipelines_are_asked_for_once_their_pane_was_shown_and_less_while_it_is_not() {
    let mut model = model();
    let name: Arc<str> = Arc::from("office");
    model
        .rack
        .builds
        .instances
        .insert(name, Instance::default());
    let before = press(&mut model, "8");
    let is_look = |effect: &Effect| matches!(effect, Effect::LookAtBuilds(_));
    assert!(!before.iter().any(is_look), "nobody has looked yet");
    let shown = |effects: &[Effect]| match effects {
        [Effect::LookAtBuilds(looking)] => Some(looking.is_shown),
        _ => None,
    };
    assert_eq!(shown(&press(&mut model, "5")), Some(true));
    assert_eq!(press(&mut model, "j"), [], "once is enough");
    assert_eq!(
        shown(&press(&mut model, "r")),
        Some(true),
        "everything anew"
    );
    assert_eq!(shown(&press(&mut model, "8")), Some(false));
}

#[test]
fn a_question_of_a_connection_that_ended_closes_and_the_others_stay() {
    let mut model = model();
    for (request, host) in [(1, "rpi-01"), (2, "rpi-02"), (3, "rpi-03")] {
        let question = ssh::Question::Password {
            user: "pi".to_owned(),
            host: host.to_owned(),
            again: false,
        };
        let request = RequestId(request);
        update(&mut model, Msg::SshAsks { request, question });
    }
    assert!(screen(&model).contains("Password of pi on rpi-01"));
    for request in [RequestId(2), RequestId(1)] {
        update(&mut model, Msg::SshAskEnded { request });
    }
    assert_eq!(
        notice(&model),
        "the connection that asked has ended: its question is closed"
    );
    assert!(screen(&model).contains("Password of pi on rpi-03"));
    let request = RequestId(3);
    update(&mut model, Msg::SshAskEnded { request });
    assert!(model.popup.is_none() && model.waiting.is_empty());
}
