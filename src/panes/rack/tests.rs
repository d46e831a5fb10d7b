//! The rack pane: order, choice and the picture's trays.

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::panes::listing;
use crate::rack::facts::{Change, Fact, Usage};
use crate::rack::link::{Source, SourceState};
use crate::rack::node::{Condition, Lease, NodeInfo, ResourceVersion, Resources, Truth};
use crate::rack::pod::Pod;
use crate::rack::time::Now;

fn node(name: &str, ready: Truth) -> Node {
    let ready = Condition {
        kind: "Ready".into(),
        status: ready,
        reason: "".into(),
        message: "".into(),
        since: None,
    };
    Node {
        name: NodeName::new(name),
        uid: Uid(name.into()),
        resource_version: ResourceVersion("1".into()),
        created: None,
        labels: BTreeMap::new(),
        taints: Vec::new(),
        unschedulable: false,
        addresses: Vec::new(),
        conditions: vec![ready],
        capacity: Resources::default(),
        allocatable: Resources {
            cpu_milli: Some(4_000),
            ..Resources::default()
        },
        info: NodeInfo::default(),
        pod_cidrs: Vec::new(),
        k3s_args: Vec::new(),
    }
}

/// Three boards: `a` uses little, `b` is `NotReady` and silent, `c` uses much.
fn rack() -> Rack {
    let mut rack = Rack::new(Now::ZERO);
    for source in Source::ALL {
        rack.apply(Fact::Source(source, SourceState::Live));
    }
    let nodes = vec![
        node("a", Truth::True),
        node("b", Truth::False),
        node("c", Truth::True),
    ];
    rack.apply(Fact::Nodes(Change::Listed(nodes)));
    let usage = |name: &str, cpu_milli| Usage {
        node: NodeName::new(name),
        cpu_milli,
        memory_bytes: 0,
    };
    rack.apply(Fact::Usage(vec![usage("a", 100), usage("c", 3_900)]));
    for name in ["a", "c"] {
        let renewed = Some(jiff::Timestamp::from_second(1).unwrap());
        rack.apply(Fact::Leases(Change::Applied(Lease {
            node: NodeName::new(name),
            renewed,
            duration: None,
        })));
    }
    rack.tick(Now {
        mono: Duration::from_secs(3),
        wall: jiff::Timestamp::from_second(3).unwrap(),
    });
    rack.survey();
    rack
}

fn names(pane: &RackPane, rack: &Rack) -> String {
    pane.chosen(rack)
        .iter()
        .map(|node| node.name.as_str())
        .collect()
}

fn act(pane: &mut RackPane, rack: &Rack, action: Action) -> Vec<Msg> {
    let mut cx = Cx {
        rack,
        area: Rect::new(0, 2, 80, 21),
        msgs: Vec::new(),
        effects: Vec::new(),
    };
    pane.on_action(action, &mut cx);
    cx.msgs
}

#[test]
fn rows_are_sorted_by_name_until_asked_otherwise() {
    let (mut pane, rack) = (RackPane::default(), rack());
    assert_eq!(names(&pane, &rack), "abc");
    for (column, expected) in [
        (Column::Cpu, "cab"),
        (Column::Status, "bac"),
        (Column::Beat, "bac"),
        (Column::Node, "abc"),
    ] {
        pane.list.sort = Some(column);
        assert_eq!(names(&pane, &rack), expected, "{column:?}");
    }
    act(&mut pane, &rack, Action::SortReverse);
    assert_eq!(names(&pane, &rack), "cba");
}

#[test]
fn the_order_goes_round_through_all_columns_and_back() {
    let mut sort: Option<Column> = None;
    let mut seen = 0;
    loop {
        let next = listing::after(sort);
        assert_eq!(listing::before(next), sort);
        sort = next;
        seen += 1;
        if sort.is_none() {
            break;
        }
    }
    assert_eq!(seen, COLUMNS.len() + 1);
}

#[test]
fn only_faults_leaves_what_is_more_than_a_note() {
    let (mut pane, rack) = (RackPane::default(), rack());
    act(&mut pane, &rack, Action::FaultsToggle);
    assert_eq!(names(&pane, &rack), "b");
    assert!(pane.close(), "esc shows all again");
    assert_eq!(names(&pane, &rack), "abc");
}

#[test]
fn a_filter_names_columns_as_the_table_does() {
    let (mut pane, rack) = (RackPane::default(), rack());
    for (filter, expected) in [
        ("status:notready", "b"),
        ("!status:notready", "ac"),
        ("cpu:97%", "c"),
        ("node:a", "a"),
    ] {
        pane.set_filter(filter);
        assert_eq!(names(&pane, &rack), expected, "{filter}");
    }
}

#[test]
fn trays_stand_as_in_the_case_and_unnamed_boards_after_them() {
    let (mut pane, rack) = (RackPane::default(), rack());
    pane.set_trays(vec![
        "c".to_owned(),
        "no such board".to_owned(),
        "b".to_owned(),
    ]);
    act(&mut pane, &rack, Action::PictureToggle);
    assert_eq!(names(&pane, &rack), "cba");
}

#[test]
fn the_detail_follows_its_node_and_says_when_it_is_gone() {
    let (mut pane, mut rack) = (RackPane::default(), rack());
    act(&mut pane, &rack, Action::RowDown);
    act(&mut pane, &rack, Action::RowOpen);
    rack.apply(Fact::Nodes(Change::Applied(node("0", Truth::True))));
    assert_eq!(
        pane.current(&rack).map(|node| node.name.as_str()),
        Some("b")
    );
    rack.apply(Fact::Nodes(Change::Deleted(node("b", Truth::True))));
    let mut buf = Buffer::empty(Rect::new(0, 0, 80, 10));
    pane.view(&rack, &Theme::load("mono", None).0, buf.area, &mut buf);
    let text: String = buf
        .content
        .iter()
        .map(ratatui::buffer::Cell::symbol)
        .collect();
    assert!(text.contains("This node is gone"));
    assert!(
        matches!(
            act(&mut pane, &rack, Action::NodeCordon)[..],
            [Msg::Notice(_)]
        ),
        "nothing to cordon"
    );
}

/// The detail page of a node, entirely, in a box as wide as this.
fn page(rack: &Rack, name: &str, width: u16) -> String {
    let node = rack.node(&NodeName::new(name)).unwrap();
    let area = Rect::new(0, 0, width, 90);
    let mut buf = Buffer::empty(area);
    detail::draw(rack, node, 0, &Theme::load("mono", None).0, area, &mut buf);
    let line = |y| -> String {
        let symbols = (0..width).map(|x| buf[(x, y)].symbol());
        symbols.collect::<String>() + "\n"
    };
    (0..area.height).map(line).collect()
}

#[test]
fn a_server_without_a_backup_says_so_and_how_to_make_one() {
    let mut rack = rack();
    let mut server = node("c", Truth::True);
    let label = "node-role.kubernetes.io/control-plane";
    server.labels.insert(label.into(), "true".into());
    rack.apply(Fact::Nodes(Change::Applied(server)));
    let none = "backup       none on this machine; bramble backup c";
    assert!(page(&rack, "c", 80).contains(none));
    assert!(!page(&rack, "a", 80).contains("backup"), "an agent");
}

fn pod(name: &str, status: &str, restarts: u32) -> Pod {
    Pod {
        uid: Uid(name.into()),
        namespace: "observability".into(),
        name: name.into(),
        node: Some(NodeName::new("a")),
        status: status.into(),
        ready: 1,
        containers: 1,
        restarts,
        created: Some(jiff::Timestamp::UNIX_EPOCH),
        owner: None,
        workload: None,
        why: "".into(),
        claims: Box::default(),
    }
}

#[test]
fn long_names_and_sentences_take_nothing_from_what_stands_beside_them() {
    let mut rack = rack();
    let mut a = node("a", Truth::True);
    let words = "kubelet has disk pressure since the image of a pod filled the card of this board to its last byte";
    a.conditions.push(Condition {
        kind: "DiskPressure".into(),
        status: Truth::True,
        reason: "KubeletHasDiskPressure".into(),
        message: words.into(),
        since: None,
    });
    rack.apply(Fact::Nodes(Change::Applied(a)));
    let long = "prometheus-kube-state-metrics-with-a-very-long-name-7f9c5d6b8-x2x4z";
    let pods = vec![pod(long, "CrashLoopBackOff", 12), pod("b", "Running", 0)];
    rack.apply(Fact::Pods(Change::Listed(pods)));
    for width in [60, 80] {
        let text = page(&rack, "a", width);
        let line = text.lines().find(|it| it.contains("b8-x2x4z")).unwrap();
        assert!(line.contains("…"), "{line}");
        assert!(line.contains("CrashLoopBackOff  1/1"), "{line}");
        assert!(line.contains("3s  12 restarts"), "{line}");
        for word in words.split(' ') {
            assert!(
                text.contains(word),
                "{word} is missing:
{text}"
            );
        }
    }
}

#[test]
fn showing_a_node_that_is_filtered_out_shows_it_all_the_same() {
    let (mut pane, rack) = (RackPane::default(), rack());
    pane.set_filter("node:a");
    let mut cx = Cx {
        rack: &rack,
        area: Rect::new(0, 2, 80, 21),
        msgs: Vec::new(),
        effects: Vec::new(),
    };
    assert!(pane.show_node(&NodeName::new("c"), &mut cx));
    assert!(!pane.show_node(&NodeName::new("zzz"), &mut cx));
    assert_eq!(
        pane.current(&rack).map(|node| node.name.as_str()),
        Some("c")
    );
}

#[test]
fn every_view_draws_at_every_size() {
    let (mut pane, rack) = (RackPane::default(), rack());
    let theme = Theme::load("terminal", None).0;
    for action in [Action::WideToggle, Action::PictureToggle, Action::RowOpen] {
        act(&mut pane, &rack, action);
        for (width, height) in [(0, 0), (1, 1), (2, 9), (9, 2), (60, 17), (300, 100)] {
            let mut buf = Buffer::empty(Rect::new(0, 0, width, height));
            pane.view(&rack, &theme, buf.area, &mut buf);
        }
    }
}
