//! DaemonSets, Deployments, StatefulSets and Jobs as objects: what the scenario's workloads look like to a client, with counts that follow
//! their pods.
//!
//! It makes no pods. Invariant: counts are those of the pods in the store.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::node::Node;
use super::object::Object;
use super::pod::State;
use super::random::uuid;
use super::resource::Kind;
use super::rollouts;
use super::scenario::WorkloadKind;
use super::stamp;
use super::store::Key;
use super::workload::Workload;
use super::world::World;

/// Pods of one workload.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    all: u32,
    ready: u32,
    done: u32,
}

impl World {
    /// Stores the workloads as they are now.
    pub(crate) fn settle_owners(&mut self) {
        let mut counts = BTreeMap::<(String, String), Count>::new();
        for (_, stored) in self.store.iter(Kind::Pod) {
            let Object::Pod(pod) = &*stored.object else {
                continue;
            };
            if pod.deleted.is_some() {
                continue;
            }
            let key = (pod.workload.namespace.clone(), pod.workload.name.clone());
            let count = counts.entry(key).or_default();
            count.all += 1;
            count.ready += u32::from(pod.state == State::Running);
            count.done += u32::from(pod.state == State::Completed);
        }
        let nodes = self.machines.keys();
        let boards = nodes.filter(|name| self.node(name).is_some()).count();
        let boards = u32::try_from(boards).unwrap_or(u32::MAX);
        for (workload, replicas) in self.workloads.clone() {
            let key = (workload.namespace.clone(), workload.name.clone());
            let count = counts.get(&key).copied().unwrap_or_default();
            let key = Key::from(format!("{}/{}", workload.namespace, workload.name));
            let (kind, status) = match workload.kind {
                WorkloadKind::DaemonSet => {
                    let wanted = if self.runs_everywhere(&workload) {
                        boards
                    } else {
                        count.all
                    };
                    (Kind::DaemonSet, daemonset_status(wanted, count))
                }
                WorkloadKind::Deployment => (Kind::Deployment, deployment_status(replicas, count)),
                WorkloadKind::StatefulSet => (Kind::StatefulSet, set_status(count)),
                WorkloadKind::Job => (Kind::Job, job_status(count)),
                WorkloadKind::Pod => continue,
            };
            let mut value = owner(&workload, kind, replicas, &status);
            if let Some(restarted) = self.restarts.get(&key) {
                let template = &mut value["spec"]["template"]["metadata"];
                template["annotations"][rollouts::RESTARTED] = json!(restarted);
            }
            self.settle(kind, &key, value);
        }
    }

    fn runs_everywhere(&self, workload: &Arc<Workload>) -> bool {
        self.daemons.iter().any(|it| Arc::ptr_eq(it, workload))
    }

    /// Whether a board is there for the cluster right now.
    pub(crate) fn is_well(&self, name: &str) -> bool {
        let is_alive = self.machines.get(name).is_some_and(|it| it.alive);
        is_alive && self.node(name).is_some_and(Node::is_ready)
    }
}

fn owner(workload: &Workload, kind: Kind, replicas: u32, status: &Value) -> Value {
    let parse =
        |text: &str| -> Value { serde_json::from_str(&format!("{{{text}}}")).unwrap_or_default() };
    let mut template = parse(&workload.metadata_text);
    let fields = template.as_object_mut();
    if let Some(fields) = fields {
        fields.remove("ownerReferences");
    }
    let mut spec = json!({
        "selector": { "matchLabels": { "app.kubernetes.io/name": workload.name } },
        "template": { "metadata": template, "spec": parse(&workload.spec_text) },
        "revisionHistoryLimit": 10,
    });
    match kind {
        Kind::Deployment => {
            spec["replicas"] = json!(replicas);
            spec["strategy"] = json!({
                "type": "RollingUpdate",
                "rollingUpdate": { "maxUnavailable": "25%", "maxSurge": "25%" },
            });
        }
        Kind::Job => {
            spec["completions"] = json!(replicas);
            spec["parallelism"] = json!(replicas);
        }
        Kind::StatefulSet => {
            spec["replicas"] = json!(replicas);
            spec["serviceName"] = json!(workload.name);
            spec["updateStrategy"] = json!({ "type": "RollingUpdate" });
        }
        _ => spec["updateStrategy"] = json!({ "type": "RollingUpdate" }),
    }
    json!({
        "metadata": {
            "name": workload.name,
            "namespace": workload.namespace,
            "uid": uuid(workload.uid ^ 0x0e0e),
            "generation": 1,
            "creationTimestamp": stamp::seconds(workload.created),
            "labels": workload.own_labels,
        },
        "spec": spec,
        "status": status,
    })
}

fn daemonset_status(wanted: u32, count: Count) -> Value {
    json!({
        "currentNumberScheduled": count.all,
        "numberMisscheduled": 0,
        "desiredNumberScheduled": wanted,
        "numberReady": count.ready,
        "numberAvailable": count.ready,
        "updatedNumberScheduled": count.all,
        "observedGeneration": 1,
    })
}

fn set_status(count: Count) -> Value {
    json!({
        "observedGeneration": 1,
        "replicas": count.all,
        "currentReplicas": count.all,
        "updatedReplicas": count.all,
        "readyReplicas": count.ready,
        "availableReplicas": count.ready,
    })
}

fn job_status(count: Count) -> Value {
    json!({
        "active": count.all - count.done,
        "ready": count.ready,
        "succeeded": count.done,
    })
}

fn deployment_status(replicas: u32, count: Count) -> Value {
    json!({
        "observedGeneration": 1,
        "replicas": count.all,
        "updatedReplicas": count.all,
        "readyReplicas": count.ready,
        "availableReplicas": count.ready,
        "unavailableReplicas": replicas.saturating_sub(count.ready),
    })
}
