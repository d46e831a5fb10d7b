//! The status of a Pod as text: phase, conditions, containers.
//!
//! It is text and not a tree because twenty thousand are made for one list. Invariant: for each
//! state it is what a kubelet (or the scheduler, or the node controller) writes.

use std::fmt::Write as _;

use serde_json::Value;

use super::super::random::{hex32, uuid};
use super::super::stamp;
use super::{Pod, State};

/// A condition that is not met: reason and message, either may be empty.
type Why<'a> = (&'a str, &'a str);

/// Appends the status of a pod that was created at `created`.
pub(super) fn write(text: &mut String, pod: &Pod, created: &str) {
    let changed = stamp::seconds(pod.changed);
    let _ = write!(text, r#"{{"phase":"{}","conditions":["#, pod.phase());
    conditions(text, pod, created, &changed);
    text.push_str(r#"],"qosClass":"Burstable""#);
    if pod.state == State::Evicted {
        text.push_str(concat!(
            r#","reason":"Evicted","message":"The node was low on resource: ephemeral-storage. "#,
            r#"Threshold quantity: 3057813186, available: 2611428Ki. ""#,
        ));
    }
    if let Some(place) = &pod.place {
        let host = place.host_ip;
        let _ = write!(
            text,
            r#","hostIP":"{host}","hostIPs":[{{"ip":"{host}"}}],"startTime":"{created}""#
        );
        if !matches!(pod.state, State::Creating | State::Evicted) {
            let ip = place.ip;
            let _ = write!(text, r#","podIP":"{ip}","podIPs":[{{"ip":"{ip}"}}]"#);
        }
        text.push_str(r#","containerStatuses":["#);
        container(text, pod, &changed);
        text.push(']');
    }
    text.push('}');
}

fn conditions(text: &mut String, pod: &Pod, created: &str, changed: &str) {
    if pod.state == State::Unschedulable {
        let boards = pod.workload.boards;
        let message = format!(
            "0/{boards} nodes are available: {boards} Insufficient cpu. preemption: 0/{boards} \
             nodes are available: {boards} No preemption victims found for incoming pod."
        );
        let why = Some(("Unschedulable", &*message));
        condition(text, "PodScheduled", why, created);
        return;
    }
    let waits = format!("containers with unready status: [{}]", pod.workload.name);
    let not_ready = Some(("ContainersNotReady", &*waits));
    let (ready, containers) = match pod.state {
        State::Running => (None, None),
        State::Unheard => (Some(("", "")), None),
        State::Completed => (Some(("PodCompleted", "")), Some(("PodCompleted", ""))),
        _ => (not_ready, not_ready),
    };
    let sandbox = match pod.state {
        State::Creating | State::Completed | State::Evicted => Some(("", "")),
        _ => None,
    };
    let all: [(&str, Option<Why<'_>>, &str); 5] = [
        ("PodReadyToStartContainers", sandbox, created),
        ("Initialized", None, created),
        ("Ready", ready, changed),
        ("ContainersReady", containers, changed),
        ("PodScheduled", None, created),
    ];
    for (number, (name, why, since)) in all.into_iter().enumerate() {
        if number > 0 {
            text.push(',');
        }
        condition(text, name, why, since);
    }
}

/// One condition; `why` says that and why it is not met.
fn condition(text: &mut String, name: &str, why: Option<Why<'_>>, since: &str) {
    let status = if why.is_some() { "False" } else { "True" };
    let _ = write!(
        text,
        concat!(r#"{{"type":"{}","status":"{}","lastProbeTime":null,"lastTransitionTime":"{}""#,),
        name, status, since
    );
    let (reason, message) = why.unwrap_or_default();
    if !reason.is_empty() {
        let _ = write!(text, r#","reason":"{reason}""#);
    }
    if !message.is_empty() {
        let _ = write!(text, r#","message":{}"#, Value::from(message));
    }
    text.push('}');
}

fn container(text: &mut String, pod: &Pod, changed: &str) {
    let workload = &*pod.workload;
    let runs = matches!(pod.state, State::Running | State::Unheard);
    let started = runs || matches!(pod.state, State::Unready | State::Trying);
    let pulled = !matches!(pod.state, State::ImagePull | State::Creating);
    let image_id = if pulled { &*workload.image_id } else { "" };
    let _ = write!(
        text,
        r#"{{"name":{},"image":{},"imageID":{},"ready":{runs},"started":{started},"restartCount":{},"state":"#,
        Value::from(&*workload.name),
        Value::from(&*workload.image),
        Value::from(image_id),
        pod.restarts,
    );
    state(text, pod, changed);
    text.push_str(r#","lastState":"#);
    if pod.restarts == 0 {
        text.push_str("{}");
    } else {
        terminated(text, pod, 1, "Error", changed);
    }
    text.push('}');
}

fn state(text: &mut String, pod: &Pod, changed: &str) {
    match pod.state {
        State::Running | State::Unready | State::Unheard | State::Trying => {
            let _ = write!(text, r#"{{"running":{{"startedAt":"{changed}"}}}}"#);
        }
        State::CrashLoop => {
            let message = format!(
                "back-off 5m0s restarting failed container={} pod={}",
                pod.workload.name,
                uuid(pod.uid)
            );
            waiting(text, "CrashLoopBackOff", &message);
        }
        State::ImagePull => {
            let message = format!(
                "Back-off pulling image \"{}\": ErrImagePull: no match for platform in manifest: \
                 not found",
                pod.workload.image
            );
            waiting(text, "ImagePullBackOff", &message);
        }
        State::Creating | State::Unschedulable => waiting(text, "ContainerCreating", ""),
        State::Completed => terminated(text, pod, 0, "Completed", changed),
        State::Evicted => terminated(text, pod, 137, "ContainerStatusUnknown", changed),
    }
}

fn waiting(text: &mut String, reason: &str, message: &str) {
    let _ = write!(text, r#"{{"waiting":{{"reason":"{reason}""#);
    if !message.is_empty() {
        let _ = write!(text, r#","message":{}"#, Value::from(message));
    }
    text.push_str("}}");
}

fn terminated(text: &mut String, pod: &Pod, code: u32, reason: &str, changed: &str) {
    let _ = write!(
        text,
        concat!(
            r#"{{"terminated":{{"exitCode":{},"reason":"{}","startedAt":"{}","#,
            r#""finishedAt":"{}","containerID":"containerd://{}{}"}}}}"#,
        ),
        code,
        reason,
        stamp::seconds(pod.changed - 9),
        changed,
        hex32(pod.uid),
        hex32(pod.uid ^ 1),
    );
}
