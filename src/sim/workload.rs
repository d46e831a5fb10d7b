//! What runs on the rack: a workload, from which its pods take everything they share.
//!
//! Deployments and DaemonSets are served as objects of their own, see `owners`. Invariant: the texts made here are JSON
//! and are made once, however many pods there are.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::random::{hash, hex32, uuid};
use super::scenario::{WorkloadKind, WorkloadPlan};
use super::stamp;

/// The shared part of a workload's pods.
#[derive(Debug)]
pub(crate) struct Workload {
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) kind: WorkloadKind,
    pub(crate) image: String,
    pub(crate) image_id: String,
    /// What k8s puts between the workload's name and the pod's own letters.
    pub(crate) template_hash: String,
    pub(crate) millicores: u32,
    pub(crate) memory_mi: u32,
    pub(crate) uid: u64,
    pub(crate) created: i64,
    /// Labels of its pods.
    pub(crate) labels: BTreeMap<String, String>,
    /// Labels of the Deployment or DaemonSet itself.
    pub(crate) own_labels: BTreeMap<String, String>,
    /// How many boards the scheduler has to choose from.
    pub(crate) boards: usize,
    /// `"labels":{…},"ownerReferences":[…]`
    pub(crate) metadata_text: String,
    /// The fields of `spec` after the node's name, without the opening brace.
    pub(crate) spec_text: String,
    /// Whether `spec_text` names the claim of a pod, with [`POD_NAME`] for the pod's name.
    pub(crate) has_volume: bool,
}

/// Stands for the name of a pod in the text of its workload.
pub(crate) const POD_NAME: &str = "$POD-NAME";

impl Workload {
    pub(crate) fn new(plan: &WorkloadPlan, name: String, seed: u64, boards: usize) -> Self {
        let number = hash(seed, &format!("{}/{name}", plan.namespace));
        let template_hash: String = hex32(number).chars().take(10).collect();
        let metadata = metadata(plan, &name, &template_hash, number);
        let labels = metadata["labels"].as_object().into_iter().flatten();
        let labels =
            labels.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
        let mut own_labels = plan.labels.clone();
        own_labels.insert("app.kubernetes.io/name".to_owned(), name.clone());
        let spec = spec(plan, &name);
        Self {
            namespace: plan.namespace.clone(),
            kind: plan.kind,
            image: plan.image.clone(),
            image_id: image_id(&plan.image, number),
            millicores: plan.cpu,
            memory_mi: plan.memory,
            boards,
            uid: number,
            created: stamp::now() - 40 * 86_400,
            labels: labels.collect(),
            own_labels,
            metadata_text: inner(&metadata),
            spec_text: inner(&spec),
            template_hash,
            has_volume: plan.local_volume.is_some(),
            name,
        }
    }

    pub(crate) fn restart_policy(&self) -> &'static str {
        match self.kind {
            WorkloadKind::Job => "OnFailure",
            _ => "Always",
        }
    }

    /// The name of a pod whose own letters are `suffix`, and whose number is `ordinal`.
    pub(crate) fn pod_name(&self, suffix: &str, ordinal: u32) -> String {
        match self.kind {
            WorkloadKind::Deployment => format!("{}-{}-{suffix}", self.name, self.template_hash),
            WorkloadKind::DaemonSet | WorkloadKind::Job => format!("{}-{suffix}", self.name),
            WorkloadKind::Pod if ordinal == 0 => self.name.clone(),
            WorkloadKind::StatefulSet | WorkloadKind::Pod => format!("{}-{ordinal}", self.name),
        }
    }
}

/// What was pulled: the true digest where the simulated registry has the image.
fn image_id(image: &str, number: u64) -> String {
    let digest = super::gitlab::registry::digest(image)
        .unwrap_or_else(|| format!("sha256:{}{}", hex32(number), hex32(number + 1)));
    let place = image.rsplit_once(':').map_or(image, |(place, _)| place);
    format!("{place}@{digest}")
}

fn metadata(plan: &WorkloadPlan, name: &str, template_hash: &str, number: u64) -> Value {
    let mut metadata = json!({ "labels": plan.labels });
    metadata["labels"]["app.kubernetes.io/name"] = json!(name);
    metadata["labels"]["app.kubernetes.io/instance"] = json!(name);
    let (api, owner, owner_name) = match plan.kind {
        WorkloadKind::Deployment => {
            metadata["labels"]["pod-template-hash"] = json!(template_hash);
            ("apps/v1", "ReplicaSet", format!("{name}-{template_hash}"))
        }
        WorkloadKind::DaemonSet => {
            metadata["labels"]["controller-revision-hash"] = json!(template_hash);
            metadata["labels"]["pod-template-generation"] = json!("1");
            ("apps/v1", "DaemonSet", name.to_owned())
        }
        WorkloadKind::StatefulSet => {
            metadata["labels"]["controller-revision-hash"] =
                json!(format!("{name}-{template_hash}"));
            ("apps/v1", "StatefulSet", name.to_owned())
        }
        WorkloadKind::Job => {
            metadata["labels"]["batch.kubernetes.io/job-name"] = json!(name);
            ("batch/v1", "Job", name.to_owned())
        }
        WorkloadKind::Pod => return metadata,
    };
    metadata["ownerReferences"] = json!([{
        "apiVersion": api,
        "kind": owner,
        "name": owner_name,
        "uid": uuid(number ^ 0x0e0e),
        "controller": true,
        "blockOwnerDeletion": true,
    }]);
    metadata
}

fn spec(plan: &WorkloadPlan, name: &str) -> Value {
    let restart = match plan.kind {
        WorkloadKind::Job => "OnFailure",
        _ => "Always",
    };
    let mut tolerations = vec![
        toleration("node.kubernetes.io/not-ready", "NoExecute", Some(300)),
        toleration("node.kubernetes.io/unreachable", "NoExecute", Some(300)),
    ];
    if plan.kind == WorkloadKind::DaemonSet {
        tolerations = [
            ("not-ready", "NoExecute"),
            ("unreachable", "NoExecute"),
            ("disk-pressure", "NoSchedule"),
            ("memory-pressure", "NoSchedule"),
            ("pid-pressure", "NoSchedule"),
            ("unschedulable", "NoSchedule"),
        ]
        .map(|(key, effect)| toleration(&format!("node.kubernetes.io/{key}"), effect, None))
        .to_vec();
    }
    let mut volumes = vec![
        json!({ "name": "config", "configMap": { "name": format!("{name}-config"), "defaultMode": 420 } }),
        json!({ "name": "tmp", "emptyDir": {} }),
    ];
    if plan.local_volume.is_some() {
        let claim = format!("data-{POD_NAME}");
        volumes.push(json!({ "name": "data", "persistentVolumeClaim": { "claimName": claim } }));
    }
    for claim in &plan.claims {
        volumes.push(json!({ "name": claim, "persistentVolumeClaim": { "claimName": claim } }));
    }
    let mut env = vec![json!({ "name": "TZ", "value": "Europe/Berlin" })];
    env.extend(
        plan.env
            .iter()
            .map(|(name, value)| json!({ "name": name, "value": value })),
    );
    json!({
        "volumes": volumes,
        "containers": [{
            "name": name,
            "image": plan.image,
            "args": plan.args,
            "ports": [{ "name": "main", "containerPort": plan.port, "protocol": "TCP" }],
            "env": env,
            "resources": {
                "limits": { "memory": format!("{}Mi", plan.memory * 2) },
                "requests": {
                    "cpu": format!("{}m", plan.cpu),
                    "memory": format!("{}Mi", plan.memory),
                },
            },
            "volumeMounts": [
                { "name": "config", "mountPath": format!("/etc/{name}") },
                { "name": "tmp", "mountPath": "/tmp" },
            ],
            "readinessProbe": {
                "tcpSocket": { "port": plan.port },
                "timeoutSeconds": 1,
                "periodSeconds": 10,
                "successThreshold": 1,
                "failureThreshold": 3,
            },
            "terminationMessagePath": "/dev/termination-log",
            "terminationMessagePolicy": "File",
            "imagePullPolicy": "IfNotPresent",
        }],
        "restartPolicy": restart,
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "serviceAccountName": "default",
        "serviceAccount": "default",
        "securityContext": {},
        "schedulerName": "default-scheduler",
        "tolerations": tolerations,
        "priority": 0,
        "enableServiceLinks": true,
        "preemptionPolicy": "PreemptLowerPriority",
    })
}

fn toleration(key: &str, effect: &str, seconds: Option<u32>) -> Value {
    let mut toleration = json!({ "key": key, "operator": "Exists", "effect": effect });
    if let Some(seconds) = seconds {
        toleration["tolerationSeconds"] = json!(seconds);
    }
    toleration
}

/// The text of an object without its braces.
fn inner(value: &Value) -> String {
    let text = value.to_string();
    let text = text.strip_prefix('{').unwrap_or(&text);
    text.strip_suffix('}').unwrap_or(text).to_owned()
}
