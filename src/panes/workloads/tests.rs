//! The workloads pane through its actions: rows, reasons, logs, questions.

use super::*;
use crate::effect::Effect;
use crate::form::FormId;
use crate::rack::facts::{Change, Fact};
use crate::rack::node::NodeName;
use crate::rack::pod::Controller;
use crate::rack::time::Now;

fn pod(name: &str, status: &str, why: &str, of: Option<(&str, &str)>) -> Pod {
    Pod {
        uid: Uid(name.into()),
        namespace: "web".into(),
        name: name.into(),
        node: Some(NodeName::new("rpi-01")),
        status: status.into(),
        ready: 1,
        containers: 1,
        restarts: 0,
        created: None,
        owner: None,
        workload: of.map(|(kind, name)| {
            Box::new(Controller {
                kind: kind.into(),
                name: name.into(),
                maker: maker(),
            })
        }),
        why: why.into(),
        claims: Box::default(),
    }
}

fn maker() -> Maker {
    Maker {
        uid: Uid("set-of-shop".into()),
        replica_set: Some("shop-7d4".into()),
    }
}

fn rack() -> Rack {
    let mut rack = Rack::new(Now::ZERO);
    let shop = Some(("Deployment", "shop"));
    rack.apply(Fact::Pods(Change::Listed(vec![
        pod("alone", "Running", "", None),
        pod("shop-a", "Running", "", shop),
        pod(
            "shop-b",
            "CrashLoopBackOff",
            "killed for lack of memory",
            shop,
        ),
    ])));
    rack
}

/// Does one action; gives what is asked for.
fn act(pane: &mut WorkloadsPane, rack: &Rack, action: Action) -> (Vec<Msg>, Vec<Effect>) {
    let mut cx = Cx {
        rack,
        area: Rect::new(0, 0, 80, 20),
        msgs: Vec::new(),
        effects: Vec::new(),
    };
    pane.on_action(action, &mut cx);
    (cx.msgs, cx.effects)
}

fn drawn(pane: &mut WorkloadsPane, rack: &Rack) -> String {
    drawn_at(pane, rack, 80)
}

fn drawn_at(pane: &mut WorkloadsPane, rack: &Rack, width: u16) -> String {
    let area = Rect::new(0, 0, width, 12);
    pane.settle(rack);
    let mut buf = Buffer::empty(area);
    pane.view(rack, &Theme::load("terminal", None).0, area, &mut buf);
    let row = |y| {
        (0..area.width)
            .map(|x| buf[(x, y)].symbol())
            .collect::<String>()
    };
    (0..area.height).map(|y| row(y) + "\n").collect()
}

#[test]
fn what_fails_stands_below_its_workload_with_the_reason() {
    let (rack, mut pane) = (rack(), WorkloadsPane::default());
    let shown = drawn(&mut pane, &rack);
    assert!(
        shown.contains("web/shop") && shown.contains("1/2"),
        "{shown}"
    );
    assert!(
        shown.contains("shop-b") && !shown.contains("shop-a"),
        "{shown}"
    );
    assert!(shown.contains("killed for lack of memory"), "{shown}");
    act(&mut pane, &rack, Action::RowDown);
    act(&mut pane, &rack, Action::RowOpen);
    assert!(
        drawn(&mut pane, &rack).contains("shop-a"),
        "all of its pods"
    );
    act(&mut pane, &rack, Action::FaultsToggle);
    assert!(!drawn(&mut pane, &rack).contains("alone"));
}

#[test]
fn the_status_is_whole_however_narrow_the_table_is() {
    let of = Some(("StatefulSet", "observability-prometheus"));
    for status in ["ContainerCreating", "CreateContainerConfigError"] {
        let mut rack = Rack::new(Now::ZERO);
        rack.apply(Fact::Pods(Change::Listed(vec![
            pod("observability-prometheus-0", "Running", "", of),
            pod("observability-prometheus-1", status, "", of),
        ])));
        for width in [60, 80, 160] {
            let shown = drawn_at(&mut WorkloadsPane::default(), &rack, width);
            assert!(shown.contains(&format!("{status} ")), "{shown}");
            assert!(shown.contains("READY"), "{shown}");
        }
    }
}

#[test]
fn several_pods_are_on_a_node_on_several_or_on_none() {
    let of = Some(("Deployment", "shop"));
    let shown = |nodes: [Option<&str>; 2]| {
        let mut pods = vec![
            pod("shop-a", "Running", "", of),
            pod("shop-b", "Running", "", of),
        ];
        for (pod, node) in pods.iter_mut().zip(nodes) {
            pod.node = node.map(NodeName::new);
        }
        let mut rack = Rack::new(Now::ZERO);
        rack.apply(Fact::Pods(Change::Listed(pods)));
        let text = drawn(&mut WorkloadsPane::default(), &rack);
        let row = text.lines().find(|it| it.contains("web/shop"));
        row.unwrap_or_default().to_owned()
    };
    assert!(shown([Some("rpi-01"), Some("rpi-01")]).contains("rpi-01"));
    assert!(shown([Some("rpi-01"), None]).contains("rpi-01"));
    assert!(shown([Some("rpi-01"), Some("rpi-02")]).contains("2 nodes"));
    assert!(shown([None, None]).contains('–'));
}

#[test]
fn logs_are_read_of_the_workload_or_of_the_pod() {
    let (rack, mut pane) = (rack(), WorkloadsPane::default());
    act(&mut pane, &rack, Action::RowDown);
    let (msgs, _) = act(&mut pane, &rack, Action::LogsOpen);
    let [Msg::OpenLogs(opening)] = &msgs[..] else {
        panic!("{msgs:?}");
    };
    assert_eq!(opening.title, "deploy/shop");
    act(&mut pane, &rack, Action::RowDown);
    let (msgs, _) = act(&mut pane, &rack, Action::LogsPrevious);
    let [Msg::OpenLogs(opening)] = &msgs[..] else {
        panic!("{msgs:?}");
    };
    assert_eq!(opening.title, "pod shop-b, before the restart");
}

#[test]
fn a_pod_is_deleted_after_a_question_that_says_what_comes_then() {
    let (rack, mut pane) = (rack(), WorkloadsPane::default());
    let ask = |pane: &mut WorkloadsPane| match &act(pane, &rack, Action::PodDelete).0[..] {
        [Msg::Ask(question)] => Some(question.clone()),
        _ => None,
    };
    let bare = ask(&mut pane).unwrap();
    assert_eq!(
        bare.typed.as_deref(),
        Some("alone"),
        "it does not come back"
    );
    act(&mut pane, &rack, Action::RowDown);
    assert_eq!(ask(&mut pane), None, "not all of a workload at once");
    act(&mut pane, &rack, Action::RowDown);
    let one = ask(&mut pane).unwrap();
    assert_eq!(one.typed, None);
    assert!(
        one.lines.iter().any(|it| it.contains("makes another")),
        "{one:?}"
    );
    assert!(
        matches!(&one.then[..], [Effect::DeletePod { uid, .. }] if *uid == Uid("shop-b".into()))
    );
    assert!(one.then.iter().all(Effect::is_write));
}

#[test]
fn restarting_and_scaling_are_for_what_can() {
    let (rack, mut pane) = (rack(), WorkloadsPane::default());
    let (msgs, _) = act(&mut pane, &rack, Action::WorkloadRestart);
    assert!(matches!(&msgs[..], [Msg::Notice(_)]), "{msgs:?}");
    act(&mut pane, &rack, Action::RowDown);
    let (msgs, _) = act(&mut pane, &rack, Action::WorkloadRestart);
    let [Msg::Ask(question)] = &msgs[..] else {
        panic!("{msgs:?}");
    };
    assert_eq!(question.title, "Restart deployment web/shop?");
    assert!(
        matches!(&question.then[..], [Effect::RestartWorkload { maker: of, .. }] if *of == maker()),
        "{question:?}"
    );
    let (msgs, _) = act(&mut pane, &rack, Action::WorkloadScale);
    let [Msg::Fill(form)] = &msgs[..] else {
        panic!("{msgs:?}");
    };
    assert!(
        matches!(&form.id, FormId::Scale { maker: of, .. } if *of == maker()),
        "{form:?}"
    );
}
