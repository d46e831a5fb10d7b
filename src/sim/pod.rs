//! A Pod object: which workload it belongs to, where it runs, and what state it is in.
//!
//! It does not change by itself; `life` does that. Invariant: small enough that twenty thousand
//! cost a few megabytes, because everything shared lives in its workload.

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::sync::Arc;

use serde_json::{Value, json};

use super::random::{hex32, uuid};
use super::resource::split_key;
use super::stamp;
use super::workload::Workload;

/// The compact form of a Pod.
#[derive(Debug, Clone)]
pub(crate) struct Pod {
    pub(crate) workload: Arc<Workload>,
    /// `None` while no node has been found for it.
    pub(crate) place: Option<Place>,
    pub(crate) uid: u64,
    pub(crate) created: i64,
    /// When the state last changed.
    pub(crate) changed: i64,
    pub(crate) restarts: u32,
    pub(crate) state: State,
    /// When deletion was asked for.
    pub(crate) deleted: Option<i64>,
}

/// The node a pod runs on, and the pod's own address there.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) node: Arc<str>,
    pub(crate) host_ip: Ipv4Addr,
    pub(crate) ip: Ipv4Addr,
}

/// What a pod is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Running,
    /// Runs, but its readiness probe fails.
    Unready,
    /// Runs as far as anyone knows; its node is not heard from.
    Unheard,
    /// Waits for its next try.
    CrashLoop,
    /// Tries again, and will fail.
    Trying,
    ImagePull,
    Creating,
    Unschedulable,
    Completed,
    Evicted,
}

impl Pod {
    pub(crate) fn node_name(&self) -> &str {
        self.place.as_ref().map_or("", |place| &place.node)
    }

    pub(crate) fn phase(&self) -> &'static str {
        match self.state {
            State::Running | State::Unready | State::Unheard | State::CrashLoop | State::Trying => {
                "Running"
            }
            State::ImagePull | State::Creating | State::Unschedulable => "Pending",
            State::Completed => "Succeeded",
            State::Evicted => "Failed",
        }
    }

    pub(crate) fn restart_policy(&self) -> &'static str {
        self.workload.restart_policy()
    }

    /// The same pod in another state since `at`.
    pub(crate) fn becomes(&self, state: State, at: i64) -> Self {
        Self {
            state,
            changed: at,
            ..self.clone()
        }
    }

    pub(crate) fn text(&self, key: &str, version: u64) -> String {
        let (namespace, name) = split_key(key);
        let workload = &*self.workload;
        let mut text = String::with_capacity(4096);
        let _ = write!(
            text,
            concat!(
                r#"{{"metadata":{{"name":{},"namespace":{},"uid":"{}","resourceVersion":"{}","#,
                r#""generation":1,"creationTimestamp":"{}","#
            ),
            Value::from(name),
            Value::from(namespace),
            uuid(self.uid),
            version,
            stamp::seconds(self.created),
        );
        if let Some(deleted) = self.deleted {
            let until = stamp::seconds(deleted + 30);
            let _ = write!(
                text,
                r#""deletionTimestamp":"{until}","deletionGracePeriodSeconds":30,"#
            );
        }
        let _ = write!(text, r#"{}}},"spec":{{"#, workload.metadata_text);
        if let Some(place) = &self.place {
            let _ = write!(text, r#""nodeName":{},"#, Value::from(&*place.node));
        }
        let _ = write!(
            text,
            r#"{}}},"status":{}}}"#,
            workload.spec_text,
            self.status()
        );
        text
    }

    fn status(&self) -> Value {
        let mut status = json!({
            "phase": self.phase(),
            "conditions": self.conditions(),
            "qosClass": "Burstable",
        });
        if self.state == State::Evicted {
            status["reason"] = json!("Evicted");
            status["message"] = json!(
                "The node was low on resource: ephemeral-storage. Threshold quantity: 3057813186, \
                 available: 2611428Ki. "
            );
        }
        if let Some(place) = &self.place {
            status["hostIP"] = json!(place.host_ip);
            status["hostIPs"] = json!([{ "ip": place.host_ip }]);
            status["startTime"] = json!(stamp::seconds(self.created));
            if !matches!(self.state, State::Creating | State::Evicted) {
                status["podIP"] = json!(place.ip);
                status["podIPs"] = json!([{ "ip": place.ip }]);
            }
            status["containerStatuses"] = json!([self.container()]);
        }
        status
    }

    fn conditions(&self) -> Value {
        let workload = &self.workload.name;
        let created = stamp::seconds(self.created);
        if self.state == State::Unschedulable {
            let boards = self.workload.boards;
            return json!([{
                "type": "PodScheduled",
                "status": "False",
                "lastProbeTime": null,
                "lastTransitionTime": created,
                "reason": "Unschedulable",
                "message": format!(
                    "0/{boards} nodes are available: {boards} Insufficient cpu. preemption: \
                     0/{boards} nodes are available: {boards} No preemption victims found for \
                     incoming pod."
                ),
            }]);
        }
        let changed = stamp::seconds(self.changed);
        let condition = |name: &str, status: &str, since: &str| {
            json!({
                "type": name,
                "status": status,
                "lastProbeTime": null,
                "lastTransitionTime": since,
            })
        };
        let well = |name: &str| condition(name, "True", &created);
        let unready = |name: &str, reason: &str, message: &str| {
            let mut unready = condition(name, "False", &changed);
            unready["reason"] = json!(reason);
            if !message.is_empty() {
                unready["message"] = json!(message);
            }
            unready
        };
        let waits = format!("containers with unready status: [{workload}]");
        let (ready, containers) = match self.state {
            State::Running => (
                condition("Ready", "True", &changed),
                condition("ContainersReady", "True", &changed),
            ),
            State::Unheard => (
                condition("Ready", "False", &changed),
                well("ContainersReady"),
            ),
            State::Completed => (
                unready("Ready", "PodCompleted", ""),
                unready("ContainersReady", "PodCompleted", ""),
            ),
            _ => (
                unready("Ready", "ContainersNotReady", &waits),
                unready("ContainersReady", "ContainersNotReady", &waits),
            ),
        };
        let sandbox = match self.state {
            State::Creating | State::Completed | State::Evicted => {
                condition("PodReadyToStartContainers", "False", &changed)
            }
            _ => well("PodReadyToStartContainers"),
        };
        let (initialized, scheduled) = (well("Initialized"), well("PodScheduled"));
        json!([sandbox, initialized, ready, containers, scheduled])
    }

    fn container(&self) -> Value {
        let changed = stamp::seconds(self.changed);
        let died = |code: u32, reason: &str| {
            json!({ "terminated": {
                "exitCode": code,
                "reason": reason,
                "startedAt": stamp::seconds(self.changed - 9),
                "finishedAt": changed,
                "containerID": format!("containerd://{0}{0}", hex32(self.uid)),
            } })
        };
        let waiting = |reason: &str, message: &str| json!({ "waiting": { "reason": reason, "message": message } });
        let image = &self.workload.image;
        let state = match self.state {
            State::Running | State::Unready | State::Unheard | State::Trying => {
                json!({ "running": { "startedAt": changed } })
            }
            State::CrashLoop => waiting(
                "CrashLoopBackOff",
                &format!(
                    "back-off 5m0s restarting failed container={} pod={}",
                    self.workload.name,
                    uuid(self.uid)
                ),
            ),
            State::ImagePull => waiting(
                "ImagePullBackOff",
                &format!(
                    "Back-off pulling image \"{image}\": ErrImagePull: no match for platform in \
                     manifest: not found"
                ),
            ),
            State::Creating | State::Unschedulable => {
                json!({ "waiting": { "reason": "ContainerCreating" } })
            }
            State::Completed => died(0, "Completed"),
            State::Evicted => died(137, "ContainerStatusUnknown"),
        };
        let last = match self.restarts {
            0 => json!({}),
            _ => died(1, "Error"),
        };
        let runs = matches!(self.state, State::Running | State::Unheard);
        let started = runs || matches!(self.state, State::Unready | State::Trying);
        let pulled = !matches!(self.state, State::ImagePull | State::Creating);
        json!({
            "name": self.workload.name,
            "state": state,
            "lastState": last,
            "ready": runs,
            "restartCount": self.restarts,
            "image": image,
            "imageID": if pulled { &*self.workload.image_id } else { "" },
            "started": started,
        })
    }
}
