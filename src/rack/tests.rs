//! The rack as a whole: facts in, readings and problems out.

use super::*;
use crate::rack::node::{Address, Condition, NodeInfo, ResourceVersion, Resources, Truth};
use crate::rack::problem::{Severity, Subject};

fn at(seconds: u64) -> Now {
    let wall = Timestamp::from_second(1_790_000_000).unwrap() + Duration::from_secs(seconds);
    Now {
        mono: Duration::from_secs(seconds),
        wall,
    }
}

pub(super) fn node(name: &str, ready: Truth) -> Node {
    Node {
        name: NodeName::new(name),
        uid: Uid(format!("uid-{name}").into()),
        resource_version: ResourceVersion("1".into()),
        created: None,
        labels: BTreeMap::new(),
        taints: Vec::new(),
        unschedulable: false,
        addresses: vec![Address {
            kind: "InternalIP".into(),
            address: "10.0.0.1".into(),
        }],
        conditions: vec![Condition {
            kind: "Ready".into(),
            status: ready,
            reason: "KubeletNotReady".into(),
            message: "the network is not ready".into(),
            since: None,
        }],
        capacity: Resources::default(),
        allocatable: Resources::default(),
        info: NodeInfo::default(),
        pod_cidrs: Vec::new(),
        k3s_args: Vec::new(),
    }
}

fn lease(name: &str, renewed: Now) -> Lease {
    Lease {
        node: NodeName::new(name),
        renewed: Some(renewed.wall),
        duration: Some(Duration::from_secs(40)),
    }
}

fn pod(name: &str, node: &str, status: &str) -> Pod {
    Pod {
        uid: Uid(name.into()),
        namespace: "web".into(),
        name: name.into(),
        node: Some(NodeName::new(node)),
        status: status.into(),
        ready: 1,
        containers: 1,
        restarts: 0,
        created: None,
        owner: None,
        workload: None,
        why: "".into(),
        claims: Box::default(),
    }
}

/// A live rack of two boards, both heard at second 0.
fn rack() -> Rack {
    let mut rack = Rack::new(at(0));
    rack.apply(Fact::Link(LinkState::Live));
    for source in Source::ALL {
        rack.apply(Fact::Source(source, SourceState::Live));
    }
    rack.apply(Fact::Nodes(Change::Listed(vec![
        node("rpi-01", Truth::True),
        node("rpi-02", Truth::True),
    ])));
    rack.apply(Fact::Leases(Change::Listed(vec![
        lease("rpi-01", at(0)),
        lease("rpi-02", at(0)),
    ])));
    rack
}

fn sentences(rack: &mut Rack) -> Vec<String> {
    rack.survey();
    rack.problems
        .iter()
        .map(|problem| problem.what.clone())
        .collect()
}

fn name(text: &str) -> NodeName {
    NodeName::new(text)
}

#[test]
fn a_healthy_rack_has_no_problems() {
    assert_eq!(sentences(&mut rack()), Vec::<String>::new());
}

#[test]
fn a_lost_board_is_the_worst_and_a_late_one_comes_after() {
    let mut rack = rack();
    rack.tick(at(25));
    rack.apply(Fact::Leases(Change::Applied(lease("rpi-02", at(25)))));
    rack.tick(at(41));
    assert_eq!(
        sentences(&mut rack),
        [
            "node rpi-01 has lost its heartbeat",
            "node rpi-02 is late with its heartbeat"
        ]
    );
    assert_eq!(rack.reading(&name("rpi-01")).pulse, Pulse::Lost);
}

#[test]
fn an_outage_of_the_line_makes_no_board_late() {
    let mut rack = rack();
    rack.tick(at(5));
    rack.apply(Fact::Contact);
    let problem = Problem::new(Severity::Critical, Subject::Link, "cannot reach the server");
    rack.apply(Fact::Link(LinkState::Stale { problem }));
    rack.tick(at(300));
    assert_eq!(rack.reading(&name("rpi-01")).pulse, Pulse::Beating);
    assert_eq!(
        rack.reading(&name("rpi-01")).age,
        Some(Duration::from_secs(5))
    );
    rack.apply(Fact::Link(LinkState::Live));
    rack.tick(at(301));
    assert_eq!(
        rack.reading(&name("rpi-01")).pulse,
        Pulse::Beating,
        "the renewals we missed are still on their way"
    );
    rack.apply(Fact::Leases(Change::Applied(lease("rpi-01", at(295)))));
    rack.tick(at(303));
    assert_eq!(rack.reading(&name("rpi-01")).pulse, Pulse::Beating);
    rack.tick(at(316));
    assert_eq!(
        rack.reading(&name("rpi-02")).pulse,
        Pulse::Lost,
        "this one really was silent"
    );
}

#[test]
fn forbidden_leases_make_beats_unknown_and_say_so_once() {
    let mut rack = rack();
    let problem = Problem::new(Severity::Warning, Subject::Link, "may not read leases");
    rack.apply(Fact::Source(
        Source::Leases,
        SourceState::Forbidden(problem),
    ));
    assert_eq!(rack.reading(&name("rpi-01")).pulse, Pulse::Unknown);
    assert_eq!(sentences(&mut rack), ["may not read leases"]);
}

#[test]
fn a_missing_rule_is_one_problem_though_two_sources_stand_on_it() {
    let mut rack = rack();
    for source in [Source::Events, Source::ServiceEvents] {
        let problem = Problem::new(Severity::Warning, Subject::Link, "no events");
        rack.apply(Fact::Source(source, SourceState::Forbidden(problem)));
    }
    assert_eq!(sentences(&mut rack), ["no events"]);
}

#[test]
fn a_condition_of_a_node_says_what_it_comes_to_and_what_to_do() {
    let mut rack = rack();
    let mut pressed = node("rpi-01", Truth::True);
    let condition = |kind: &str, message: &str| Condition {
        kind: kind.into(),
        status: Truth::True,
        message: message.into(),
        ..pressed.conditions[0].clone()
    };
    let (disk, deadlock) = (
        condition("DiskPressure", "kubelet has disk pressure"),
        condition("KernelDeadlock", "a task hangs"),
    );
    pressed.conditions.extend([disk, deadlock]);
    rack.apply(Fact::Nodes(Change::Applied(pressed)));
    rack.survey();
    let why_of = |what: &str| {
        let problem = rack.problems.iter().find(|it| it.what.ends_with(what));
        let problem = problem.unwrap_or_else(|| panic!("{:?}", rack.problems));
        assert!(!problem.next.is_empty(), "{problem:?}");
        problem.why.clone()
    };
    assert!(why_of("has DiskPressure").contains("evicts pods"));
    assert_eq!(why_of("has KernelDeadlock"), "a task hangs");
}

#[test]
fn kinds_of_metallb_that_may_not_be_read_are_one_problem_with_one_command() {
    let mut rack = rack();
    for source in [Source::IpAddressPools, Source::L2Statuses] {
        let word = source.word();
        let next = format!(
            "kubectl create clusterrole bramble-{word}-metallb-io --verb=list,watch --resource={word}.metallb.io"
        );
        let problem = Problem::new(Severity::Warning, Subject::Link, format!("no {word}"));
        rack.apply(Fact::Source(
            source,
            SourceState::Forbidden(problem.next(next)),
        ));
    }
    rack.survey();
    let [problem] = &rack.problems[..] else {
        panic!("{:?}", rack.problems)
    };
    assert_eq!(
        problem.what,
        "not allowed: list, watch on 2 kinds of metallb.io"
    );
    assert_eq!(problem.evidence, ["ipaddresspools, servicel2statuses"]);
    assert_eq!(
        problem.next,
        "kubectl create clusterrole bramble-metallb-io --verb=list,watch \
         --resource=ipaddresspools.metallb.io,servicel2statuses.metallb.io"
    );
}

#[test]
fn pods_are_counted_by_node_and_finished_ones_hold_no_place() {
    let mut rack = rack();
    rack.apply(Fact::Pods(Change::Listed(vec![
        pod("a", "rpi-01", "Running"),
        pod("b", "rpi-01", "Completed"),
        pod("c", "rpi-01", "CrashLoopBackOff"),
    ])));
    assert_eq!(
        rack.pod_counts(&name("rpi-01")),
        Some(PodCounts {
            held: 2,
            failing: 1
        })
    );
    rack.apply(Fact::Pods(Change::Applied(pod("c", "rpi-01", "Running"))));
    rack.apply(Fact::Pods(Change::Deleted(pod("a", "rpi-01", "Running"))));
    assert_eq!(
        rack.pod_counts(&name("rpi-01")),
        Some(PodCounts {
            held: 1,
            failing: 0
        })
    );
    assert_eq!(rack.pod_counts(&name("rpi-02")), Some(PodCounts::default()));
    assert_eq!(sentences(&mut rack), Vec::<String>::new());
}

#[test]
fn pods_that_fail_are_named_with_the_reason() {
    let mut rack = rack();
    let failing = |count: usize| {
        let pods =
            (0..count).map(|number| pod(&format!("p{number}"), "rpi-01", "ImagePullBackOff"));
        Fact::Pods(Change::Listed(pods.collect()))
    };
    rack.apply(failing(1));
    assert_eq!(
        sentences(&mut rack),
        ["a pod on node rpi-01 is failing: ImagePullBackOff"]
    );
    assert!(rack.problems[0].why.contains("p0 ImagePullBackOff"));
    rack.apply(failing(7));
    assert_eq!(sentences(&mut rack), ["7 pods on node rpi-01 are failing"]);
    assert_eq!(rack.problems[0].why, "7 ImagePullBackOff");
    assert_eq!(rack.problems[0].evidence.len(), 6);
    assert_eq!(rack.problems[0].evidence[5], "and 2 more");
}

#[test]
fn pod_counts_are_unknown_until_all_pods_were_read() {
    assert_eq!(Rack::new(at(0)).pod_counts(&name("rpi-01")), None);
}

#[test]
fn a_node_that_says_it_is_not_ready_tells_why() {
    let mut rack = rack();
    rack.apply(Fact::Nodes(Change::Applied(node("rpi-02", Truth::False))));
    rack.survey();
    let problem = &rack.problems[0];
    assert_eq!(
        problem.sentence(),
        "node rpi-02 is NotReady: the network is not ready; read the journal of k3s on the board"
    );
    assert_eq!(problem.evidence, ["NotReady: KubeletNotReady"]);
}

#[test]
fn a_node_without_conditions_is_named() {
    let mut rack = rack();
    let mut bare = node("rpi-02", Truth::True);
    bare.conditions.clear();
    rack.apply(Fact::Nodes(Change::Applied(bare)));
    assert_eq!(sentences(&mut rack), ["node rpi-02 reports no conditions"]);
}

#[test]
fn certificates_warn_at_sixty_thirty_and_seven_days() {
    for (days, expected) in [
        (61, None),
        (59, Some((Severity::Note, "expires in 59 days"))),
        (29, Some((Severity::Warning, "expires in 29 days"))),
        (6, Some((Severity::Critical, "expires in 6 days"))),
        (-1, Some((Severity::Critical, "has expired"))),
    ] {
        let mut rack = rack();
        let ends = rack.now.wall + jiff::SignedDuration::from_hours(days * 24 + 1);
        rack.apply(Fact::Cluster(ClusterInfo {
            certificate_ends: Some(ends),
            ..ClusterInfo::default()
        }));
        rack.survey();
        let found = rack.problems.first();
        assert_eq!(
            found.map(|it| it.severity),
            expected.map(|(severity, _)| severity),
            "{days} days"
        );
        if let Some((_, words)) = expected {
            assert!(
                rack.problems[0].what.ends_with(words),
                "{}",
                rack.problems[0].what
            );
        }
    }
}

#[test]
fn a_kubelet_newer_than_the_server_and_twin_machine_ids_are_found() {
    let mut rack = rack();
    rack.apply(Fact::Cluster(ClusterInfo {
        version: Some("v1.33.4+k3s1".into()),
        ..ClusterInfo::default()
    }));
    for (name, kubelet) in [("rpi-01", "v1.34.0+k3s1"), ("rpi-02", "v1.33.9+k3s1")] {
        let mut twin = node(name, Truth::True);
        twin.info.machine_id = "abc".into();
        twin.info.kubelet_version = kubelet.into();
        rack.apply(Fact::Nodes(Change::Applied(twin)));
    }
    assert_eq!(
        sentences(&mut rack),
        [
            "node rpi-01 runs a kubelet newer than the server",
            "nodes rpi-01, rpi-02 share one machine-id"
        ]
    );
}

#[test]
fn a_lease_of_an_unknown_node_is_a_note() {
    let mut rack = rack();
    rack.apply(Fact::Leases(Change::Applied(lease("ghost", at(0)))));
    assert_eq!(
        sentences(&mut rack),
        ["a Lease \"ghost\" belongs to no node"]
    );
}

#[test]
fn events_come_newest_first_and_an_update_replaces_its_event() {
    let event = |uid: &str, count, second| NodeEvent {
        uid: Uid(uid.into()),
        node: name("rpi-01"),
        is_warning: false,
        reason: "Starting".into(),
        message: "".into(),
        count,
        last: Some(at(second).wall),
    };
    let mut rack = rack();
    rack.apply(Fact::Events(Change::Listed(vec![
        event("b", 1, 20),
        event("a", 1, 10),
    ])));
    rack.apply(Fact::Events(Change::Applied(event("a", 2, 30))));
    let seen: Vec<u32> = rack
        .events_of(&name("rpi-01"))
        .map(|event| event.count)
        .collect();
    assert_eq!(seen, [2, 1]);
}

#[test]
fn an_outage_of_the_api_is_no_flap_and_no_gap_of_a_board() {
    let mut rack = rack();
    rack.tick(at(10));
    rack.apply(Fact::Leases(Change::Applied(lease("rpi-01", at(10)))));
    rack.apply(Fact::Contact);
    let problem = Problem::new(Severity::Critical, Subject::Link, "cannot reach the server");
    rack.apply(Fact::Link(LinkState::Stale { problem }));
    rack.tick(at(100));
    rack.apply(Fact::Link(LinkState::Live));
    rack.tick(at(107));
    rack.apply(Fact::Leases(Change::Applied(lease("rpi-01", at(107)))));
    rack.tick(at(109));
    let beat = rack.beat(&name("rpi-01")).unwrap();
    assert_eq!(
        (beat.flaps(), beat.longest_gap()),
        (0, Some(Duration::from_secs(10)))
    );
    assert_eq!(
        rack.reading(&name("rpi-01")).age,
        Some(Duration::from_secs(2)),
        "heard again: it ages again"
    );
    assert_eq!(
        rack.reading(&name("rpi-02")).pulse,
        Pulse::Beating,
        "not heard yet, and not to be blamed yet"
    );
}
