//! Pods in every state, as the API shows them.

use std::net::Ipv4Addr;
use std::sync::Arc;

use serde_json::{Value, json};

use super::{Place, Pod, State};
use crate::sim::scenario::Scenario;
use crate::sim::workload::Workload;

/// A pod whose names try to break out of the text.
fn pod(state: State) -> Pod {
    let text = "[[workload]]\nname = 'web\"\\'\nimage = 'a\"b:1'";
    let plan = Scenario::from_toml(text).unwrap().workload.remove(0);
    let place = Place {
        node: Arc::from("rpi-\"01"),
        host_ip: Ipv4Addr::new(10, 0, 0, 1),
        ip: Ipv4Addr::new(10, 42, 0, 9),
    };
    Pod {
        workload: Arc::new(Workload::new(&plan, plan.name.clone(), 1, 4)),
        place: (state != State::Unschedulable).then_some(place),
        uid: 7,
        created: 1_795_417_486,
        changed: 1_795_417_500,
        restarts: 3,
        state,
        deleted: None,
    }
}

fn value(pod: &Pod) -> Value {
    serde_json::from_str(&pod.text("default/web", 5)).unwrap()
}

#[test]
fn every_state_is_valid_json_with_the_words_of_kubectl() {
    let cases = [
        (State::Running, "Running", "True", "running", ""),
        (State::Unready, "Running", "False", "running", ""),
        (State::Unheard, "Running", "False", "running", ""),
        (State::Trying, "Running", "False", "running", ""),
        (
            State::CrashLoop,
            "Running",
            "False",
            "waiting",
            "CrashLoopBackOff",
        ),
        (
            State::ImagePull,
            "Pending",
            "False",
            "waiting",
            "ImagePullBackOff",
        ),
        (
            State::Creating,
            "Pending",
            "False",
            "waiting",
            "ContainerCreating",
        ),
        (
            State::Completed,
            "Succeeded",
            "False",
            "terminated",
            "Completed",
        ),
        (
            State::Evicted,
            "Failed",
            "False",
            "terminated",
            "ContainerStatusUnknown",
        ),
    ];
    for (state, phase, ready, container, reason) in cases {
        let value = value(&pod(state));
        let status = &value["status"];
        assert_eq!(status["phase"], phase, "{state:?}");
        assert_eq!(status["conditions"][2]["type"], "Ready");
        assert_eq!(status["conditions"][2]["status"], ready, "{state:?}");
        let shown = &status["containerStatuses"][0];
        assert_eq!(shown["name"], "web\"\\");
        assert_eq!(shown["restartCount"], 3);
        let shown = &shown["state"][container];
        assert!(shown.is_object(), "{state:?}");
        assert_eq!(shown["reason"].as_str().unwrap_or_default(), reason);
        assert_eq!(value["spec"]["nodeName"], "rpi-\"01");
        assert_eq!(
            value["metadata"]["ownerReferences"][0]["kind"],
            "ReplicaSet"
        );
    }
}

#[test]
fn a_pod_without_a_node_says_why() {
    let value = value(&pod(State::Unschedulable));
    assert_eq!(value["spec"]["nodeName"], json!(null));
    assert_eq!(value["status"]["conditions"][0]["reason"], "Unschedulable");
    assert_eq!(value["status"]["containerStatuses"], json!(null));
}

#[test]
fn a_pod_that_is_ending_says_until_when() {
    let mut pod = pod(State::Running);
    pod.deleted = Some(1_795_417_500);
    assert_eq!(
        value(&pod)["metadata"]["deletionTimestamp"],
        "2026-11-23T07:05:30Z"
    );
}
