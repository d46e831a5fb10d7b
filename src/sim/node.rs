//! A Node object: what the API knows of a board, and how k3s writes it.
//!
//! It is not the board: whether the board lives is in `world`. Invariant: a condition changes its
//! `lastTransitionTime` only when its status changes.

use std::net::Ipv4Addr;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::boards::Board;
use super::kube_api::merge;
use super::random::{hex32, uuid};
use super::scenario::Role;
use super::stamp;

/// The compact form of a Node.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) uid: u64,
    pub(crate) created: i64,
    pub(crate) board: &'static Board,
    pub(crate) role: Role,
    pub(crate) ip: Ipv4Addr,
    /// The place in the rack, from which the pod network is numbered.
    pub(crate) place: u32,
    pub(crate) kubelet: Arc<str>,
    pub(crate) zone: Option<Arc<str>>,
    pub(crate) machine: u64,
    /// Changes with every boot.
    pub(crate) boot: u64,
    pub(crate) memory: Condition,
    pub(crate) disk: Condition,
    pub(crate) pid: Condition,
    pub(crate) ready: Condition,
    pub(crate) cordoned: bool,
    pub(crate) taints: Vec<Taint>,
    /// Everything patched that the fields above do not hold, as a merge patch.
    pub(crate) extra: Option<Arc<Value>>,
}

/// Status, reason and message of a condition.
pub(crate) type Says = (&'static str, &'static str, &'static str);

/// One of the four things a kubelet says about its node.
#[derive(Debug, Clone)]
pub(crate) struct Condition {
    pub(crate) status: &'static str,
    pub(crate) reason: &'static str,
    pub(crate) message: &'static str,
    pub(crate) heartbeat: i64,
    pub(crate) transition: i64,
}

/// A taint; `added` only for those the node controller sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Taint {
    pub(crate) key: String,
    pub(crate) value: String,
    pub(crate) effect: String,
    pub(crate) added: Option<String>,
}

impl Condition {
    pub(crate) fn new(says: Says, since: i64, heartbeat: i64) -> Self {
        Self {
            status: says.0,
            reason: says.1,
            message: says.2,
            heartbeat,
            transition: since,
        }
    }

    /// The kubelet says something.
    pub(crate) fn say(&mut self, says: Says, at: i64) {
        if self.status != says.0 {
            self.transition = at;
        }
        (self.status, self.reason, self.message) = says;
        self.heartbeat = at;
    }

    /// The node controller's word for a node it does not hear; the last heartbeat stays.
    pub(crate) fn lose(&mut self, at: i64) {
        let heartbeat = self.heartbeat;
        self.say(UNHEARD, at);
        self.heartbeat = heartbeat;
    }

    fn value(&self, name: &str) -> Value {
        json!({
            "type": name,
            "status": self.status,
            "lastHeartbeatTime": stamp::seconds(self.heartbeat),
            "lastTransitionTime": stamp::seconds(self.transition),
            "reason": self.reason,
            "message": self.message,
        })
    }
}

impl Taint {
    fn by_system(key: &str, effect: &str) -> Self {
        Self {
            key: key.to_owned(),
            value: String::new(),
            effect: effect.to_owned(),
            added: Some(stamp::seconds(stamp::now())),
        }
    }

    fn value(&self) -> Value {
        let mut taint = Map::new();
        taint.insert("key".to_owned(), json!(self.key));
        if !self.value.is_empty() {
            taint.insert("value".to_owned(), json!(self.value));
        }
        taint.insert("effect".to_owned(), json!(self.effect));
        if let Some(added) = &self.added {
            taint.insert("timeAdded".to_owned(), json!(added));
        }
        Value::Object(taint)
    }

    fn read(value: &Value) -> Self {
        let text = |field: &str| value[field].as_str().unwrap_or_default().to_owned();
        Self {
            key: text("key"),
            value: text("value"),
            effect: text("effect"),
            added: value["timeAdded"].as_str().map(str::to_owned),
        }
    }
}

impl Node {
    pub(crate) fn value(&self, name: &str, version: u64) -> Value {
        let mut value = json!({
            "metadata": {
                "name": name,
                "uid": uuid(self.uid),
                "resourceVersion": version.to_string(),
                "creationTimestamp": stamp::seconds(self.created),
                "labels": self.labels(name),
                "annotations": self.annotations(name),
                "finalizers": ["wrangler.cattle.io/node"],
            },
            "spec": self.spec(name),
            "status": self.status(name),
        });
        if let Some(extra) = &self.extra {
            merge::merge_patch(&mut value, extra);
        }
        value
    }

    /// Takes a patched tree apart again: known fields into the struct, the rest into `extra`.
    pub(crate) fn absorb(&mut self, name: &str, patched: &Value) {
        self.cordoned = patched["spec"]["unschedulable"] == json!(true);
        let taints = patched["spec"]["taints"].as_array();
        self.taints = taints.map_or_else(Vec::new, |all| all.iter().map(Taint::read).collect());
        self.extra = None;
        let plain = self.value(name, 0);
        let mut patched = patched.clone();
        patched["metadata"]["resourceVersion"] = json!("0");
        let extra = merge::difference(&plain, &patched);
        self.extra = extra.map(Arc::new);
    }

    /// Adds or removes a taint by key and effect.
    pub(crate) fn set_taint(&mut self, key: &str, effect: &str, wanted: bool) {
        let same = |taint: &Taint| taint.key == key && taint.effect == effect;
        match (self.taints.iter().any(same), wanted) {
            (false, true) => self.taints.push(Taint::by_system(key, effect)),
            (true, false) => self.taints.retain(|taint| !same(taint)),
            _ => {}
        }
    }

    /// The taint that goes with `spec.unschedulable`, as the node controller keeps it.
    pub(crate) fn settle_cordon(&mut self) {
        self.set_taint(
            "node.kubernetes.io/unschedulable",
            "NoSchedule",
            self.cordoned,
        );
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.ready.status == "True"
    }

    fn labels(&self, name: &str) -> Value {
        let mut labels = json!({
            "beta.kubernetes.io/arch": self.board.arch,
            "beta.kubernetes.io/instance-type": "k3s",
            "beta.kubernetes.io/os": "linux",
            "kubernetes.io/arch": self.board.arch,
            "kubernetes.io/hostname": name,
            "kubernetes.io/os": "linux",
            "node.kubernetes.io/instance-type": "k3s",
        });
        if self.role == Role::Server {
            for role in ["control-plane", "etcd", "master"] {
                labels[format!("node-role.kubernetes.io/{role}")] = json!("true");
            }
        }
        if let Some(zone) = &self.zone {
            labels["topology.kubernetes.io/zone"] = json!(&**zone);
        }
        labels
    }

    fn annotations(&self, name: &str) -> Value {
        let [.., a, b, c] = self.uid.to_be_bytes();
        let role = match self.role {
            Role::Server => "server",
            Role::Agent => "agent",
        };
        json!({
            "alpha.kubernetes.io/provided-node-ip": self.ip.to_string(),
            "flannel.alpha.coreos.com/backend-data":
                format!(r#"{{"VNI":1,"VtepMAC":"d8:3a:dd:{a:02x}:{b:02x}:{c:02x}"}}"#),
            "flannel.alpha.coreos.com/backend-type": "vxlan",
            "flannel.alpha.coreos.com/kube-subnet-manager": "true",
            "flannel.alpha.coreos.com/public-ip": self.ip.to_string(),
            "k3s.io/hostname": name,
            "k3s.io/internal-ip": self.ip.to_string(),
            "k3s.io/node-args": format!(r#"["{role}"]"#),
            "k3s.io/node-config-hash": format!("{}====", hex32(self.uid).to_uppercase()),
            "k3s.io/node-env": "{}",
            "node.alpha.kubernetes.io/ttl": "0",
            "volumes.kubernetes.io/controller-managed-attach-detach": "true",
        })
    }

    fn spec(&self, name: &str) -> Value {
        let range = format!("10.{}.{}.0/24", 42 + self.place / 256, self.place % 256);
        let mut spec = json!({
            "podCIDR": range,
            "podCIDRs": [range],
            "providerID": format!("k3s://{name}"),
        });
        if self.cordoned {
            spec["unschedulable"] = json!(true);
        }
        if !self.taints.is_empty() {
            spec["taints"] = self.taints.iter().map(Taint::value).collect();
        }
        spec
    }

    fn status(&self, name: &str) -> Value {
        let memory = self.board.memory_ki;
        json!({
            "capacity": {
                "cpu": "4",
                "ephemeral-storage": format!("{}Ki", self.board.disk_ki),
                "memory": format!("{memory}Ki"),
                "pods": "110",
            },
            "allocatable": {
                "cpu": "4",
                "ephemeral-storage": (self.board.disk_ki * 1024 / 100 * 95).to_string(),
                "memory": format!("{memory}Ki"),
                "pods": "110",
            },
            "conditions": [
                self.memory.value("MemoryPressure"),
                self.disk.value("DiskPressure"),
                self.pid.value("PIDPressure"),
                self.ready.value("Ready"),
            ],
            "addresses": [
                { "type": "InternalIP", "address": self.ip.to_string() },
                { "type": "Hostname", "address": name },
            ],
            "daemonEndpoints": { "kubeletEndpoint": { "Port": 10250 } },
            "nodeInfo": {
                "machineID": hex32(self.machine),
                "systemUUID": hex32(self.machine),
                "bootID": uuid(self.boot),
                "kernelVersion": self.board.kernel,
                "osImage": self.board.os_image,
                "containerRuntimeVersion": "containerd://2.0.5-k3s2",
                "kubeletVersion": &*self.kubelet,
                "kubeProxyVersion": "",
                "operatingSystem": "linux",
                "architecture": self.board.arch,
            },
            "runtimeHandlers": [{
                "name": "",
                "features": { "recursiveReadOnlyMounts": true, "userNamespaces": true },
            }],
            "features": { "supplementalGroupsPolicy": true },
        })
    }
}

pub(crate) const MEMORY_WELL: Says = (
    "False",
    "KubeletHasSufficientMemory",
    "kubelet has sufficient memory available",
);
pub(crate) const MEMORY_SHORT: Says = (
    "True",
    "KubeletHasInsufficientMemory",
    "kubelet has insufficient memory available",
);
pub(crate) const DISK_WELL: Says = (
    "False",
    "KubeletHasNoDiskPressure",
    "kubelet has no disk pressure",
);
pub(crate) const DISK_SHORT: Says = (
    "True",
    "KubeletHasDiskPressure",
    "kubelet has disk pressure",
);
pub(crate) const PID_WELL: Says = (
    "False",
    "KubeletHasSufficientPID",
    "kubelet has sufficient PID available",
);
pub(crate) const READY: Says = ("True", "KubeletReady", "kubelet is posting ready status");
pub(crate) const NETWORK_NOT_READY: Says = (
    "False",
    "KubeletNotReady",
    "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady \
     message:Network plugin returns error: cni plugin not initialized",
);
const UNHEARD: Says = (
    "Unknown",
    "NodeStatusUnknown",
    "Kubelet stopped posting node status.",
);
