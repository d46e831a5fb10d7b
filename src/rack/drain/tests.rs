//! What goes and what stays, what is asked, and how progress reads.

use super::*;

fn pod(name: &str) -> Occupant {
    Occupant {
        pod: PodId {
            namespace: "web".into(),
            name: name.into(),
            uid: Uid(format!("uid-{name}").into()),
        },
        ..Occupant::default()
    }
}

fn owned(name: &str, kind: &str, owner: &str) -> Occupant {
    Occupant {
        controller: Some((kind.into(), owner.into())),
        ..pod(name)
    }
}

fn with_data(mut pod: Occupant) -> Occupant {
    pod.empty_dirs = vec!["cache".into()];
    pod
}

fn finished(mut pod: Occupant) -> Occupant {
    pod.is_finished = true;
    pod
}

#[test]
fn every_pod_meets_the_fate_kubectl_gives_it() {
    let mirror = |pod: Occupant| Occupant {
        is_mirror: true,
        ..pod
    };
    let daemon_sets = BTreeSet::from([("web".into(), "agent".into())]);
    for (pod, expected) in [
        (owned("a", "ReplicaSet", "shop"), Fate::Evict),
        (with_data(owned("b", "ReplicaSet", "shop")), Fate::LoseData),
        (pod("c"), Fate::LosePod),
        (with_data(pod("d")), Fate::LosePod),
        (owned("e", "DaemonSet", "agent"), Fate::DaemonSetStays),
        (
            with_data(owned("f", "DaemonSet", "agent")),
            Fate::DaemonSetStays,
        ),
        (finished(owned("g", "DaemonSet", "agent")), Fate::Evict),
        // The DaemonSet was deleted and left its pod behind.
        (owned("h", "DaemonSet", "gone"), Fate::LosePod),
        (mirror(with_data(pod("i"))), Fate::MirrorStays),
        // A mirror pod is owned by its Node.
        (mirror(owned("j", "Node", "rpi-01")), Fate::MirrorStays),
        (finished(with_data(pod("k"))), Fate::Evict),
        (finished(pod("l")), Fate::Evict),
        (owned("m", "StatefulSet", "db"), Fate::Evict),
    ] {
        let plan = Plan::of(vec![pod.clone()], Some(&daemon_sets));
        assert_eq!(plan.pods, [(pod, expected)]);
    }
}

#[test]
fn a_daemon_set_that_cannot_be_looked_up_is_taken_to_exist() {
    let plan = Plan::of(vec![owned("a", "DaemonSet", "gone")], None);
    assert_eq!(plan.leaving().count(), 0);
}

#[test]
fn one_pod_without_an_answer_holds_everything() {
    let plan = Plan::of(
        vec![
            owned("a", "ReplicaSet", "shop"),
            with_data(owned("b", "ReplicaSet", "shop")),
            pod("c"),
        ],
        None,
    );
    let names = |lose_data, lose_pods| -> Vec<String> {
        let consent = Consent {
            lose_data,
            lose_pods,
            only_mark: false,
        };
        let objections = plan.objections(consent);
        objections.iter().map(|it| it.pod.to_string()).collect()
    };
    assert_eq!(names(false, false), ["web/b", "web/c"]);
    assert_eq!(names(true, false), ["web/c"]);
    assert_eq!(names(false, true), ["web/b"]);
    assert_eq!(names(true, true), [""; 0]);
}

#[test]
fn pods_with_a_volume_on_the_node_are_named() {
    let claims = |mut pod: Occupant, claim: &str| {
        pod.claims = vec![claim.into()];
        pod
    };
    let mut plan = Plan::of(
        vec![
            claims(owned("db-0", "StatefulSet", "db"), "data-db-0"),
            claims(owned("web-0", "StatefulSet", "web"), "on-nfs"),
            claims(finished(owned("job", "Job", "job")), "data-db-0"),
        ],
        None,
    );
    assert!(plan.pinned_pods().is_empty(), "not known");
    plan.pinned = Some(BTreeSet::from([
        "web/data-db-0".to_owned(),
        "other/on-nfs".to_owned(),
    ]));
    let pinned: Vec<String> = plan
        .pinned_pods()
        .iter()
        .map(|it| it.pod.to_string())
        .collect();
    assert_eq!(pinned, ["web/db-0"]);
}

#[test]
fn the_budget_is_read_from_the_words_of_the_server() {
    for (message, expected) in [
        (
            "The disruption budget shop needs 2 healthy pods and has 2 currently",
            Some("shop"),
        ),
        (
            "The disruption budget a.b is still being processed by the server.",
            Some("a.b"),
        ),
        ("Too many requests, please try again later.", None),
        ("disruption budget ", None),
        ("The disruption budget $(rm) needs 2", None),
    ] {
        assert_eq!(budget_in(message), expected, "{message}");
    }
}

fn at(seconds: u64) -> Now {
    Now {
        mono: Duration::from_secs(seconds),
        ..Now::ZERO
    }
}

fn begun(names: &[&str]) -> Drain {
    let mut drain = Drain::begin(NodeName::new("rpi-03"), "office".into(), at(100));
    assert_eq!(drain.word(), "draining");
    drain.apply(News::Cordoned, at(100));
    let pods = names.iter().map(|name| pod(name).pod).collect();
    drain.apply(News::Pods(pods), at(101));
    drain
}

fn tell(drain: &mut Drain, name: &str, news: PodNews, seconds: u64) {
    drain.apply(News::Pod(pod(name).pod.uid, news), at(seconds));
}

#[test]
fn progress_is_counted_pod_by_pod_to_the_end() {
    let mut drain = begun(&["a", "b", "c"]);
    assert!(drain.is_cordoned);
    assert_eq!(drain.word(), "draining 0/3");
    tell(&mut drain, "a", PodNews::Leaving, 102);
    tell(&mut drain, "a", PodNews::Gone, 110);
    // A late word about a pod that is gone, and one about a pod nobody knows.
    tell(&mut drain, "a", PodNews::Leaving, 111);
    tell(&mut drain, "stranger", PodNews::Gone, 111);
    tell(&mut drain, "b", PodNews::Held("busy".into()), 111);
    let tally = Tally {
        all: 3,
        gone: 1,
        held: 1,
        ..Tally::default()
    };
    assert_eq!(
        (drain.tally(), drain.word()),
        (tally, "draining 1/3".into())
    );
    drain.apply(News::Ended(End::Drained), at(142));
    assert_eq!(drain.word(), "drained");
    assert_eq!(
        drain.result().unwrap().unwrap(),
        "node rpi-03 is drained: 3 pods gone in 42s"
    );
    drain.apply(News::Ended(End::Cancelled), at(143));
    assert_eq!(drain.word(), "drained", "the end is the end");
}

#[test]
fn a_stopped_drain_says_what_it_did_and_how_to_undo_it() {
    let mut drain = begun(&["a", "b"]);
    tell(&mut drain, "a", PodNews::Leaving, 102);
    drain.apply(News::Ended(End::Cancelled), at(103));
    let sentence = drain.result().unwrap().unwrap();
    assert_eq!(
        sentence,
        "draining of rpi-03 stopped: 1 of 2 pods evicted; it is still cordoned, uncordon undoes that"
    );
}

#[test]
fn a_budget_that_holds_for_a_minute_is_a_problem_with_its_name() {
    let mut drain = begun(&["a", "b"]);
    let words = "The disruption budget shop needs 2 healthy pods and has 2 currently";
    tell(&mut drain, "a", PodNews::Held(words.into()), 110);
    // Asked again every few seconds: that does not start the time anew.
    tell(&mut drain, "a", PodNews::Held(words.into()), 165);
    assert_eq!(drain.problem(at(169)), None);
    let problem = drain.problem(at(170)).unwrap();
    assert_eq!(problem.what, "draining of node rpi-03 waits for 1 pod");
    assert_eq!(problem.why, format!("web/a is held back for 60s: {words}"));
    assert!(
        problem.next.contains("kubectl edit pdb -n web shop"),
        "{}",
        problem.next
    );
    tell(&mut drain, "a", PodNews::Leaving, 171);
    assert_eq!(drain.problem(at(500)), None, "it goes now");
}
