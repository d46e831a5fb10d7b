//! What ties pods to their place: claims and their volumes, and budgets that keep pods running.
//!
//! Claims are served by whoever answers to the provisioner of their class: k3s' local-path, the CSI driver for NFS, or a
//! Deployment with `PROVISIONER_NAME`. Invariant: only volumes that were made here are taken away here.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::event::Event;
use super::object::Object;
use super::pods::pod_event;
use super::random::{hash, uuid};
use super::resource::{Kind, split_key};
use super::stamp;
use super::store::Key;
use super::workload::Workload;
use super::world::World;

/// What the makers of volumes remember.
#[derive(Debug, Default)]
pub(crate) struct Keeper {
    /// Volumes that were made here.
    made: BTreeSet<Key>,
    /// The last words about each claim, so that nothing is said twice.
    said: BTreeMap<Key, String>,
}

const LOCAL_PATH: &str = "rancher.io/local-path";
const CSI_NFS: &str = "nfs.csi.k8s.io";

/// Who makes the volume of a claim, and where.
enum Maker {
    /// The fields of the volume's `spec` that say where.
    Ready(Value),
    Waits(&'static str, String),
    Refuses(String),
}

impl World {
    /// One look of the makers of volumes.
    pub(crate) fn settle_storage(&mut self) {
        self.settle_set_up();
        for (key, claim) in self.all(Kind::PersistentVolumeClaim) {
            self.settle_claim(&key, claim);
        }
        self.settle_own_pods();
        for key in self.keeper.made.clone() {
            self.settle_volume(&key);
        }
    }

    /// The controllers' part for a provisioner that somebody has set up: its Deployment gets its pod after a moment.
    fn settle_set_up(&mut self) {
        for (key, mut deployment) in self.all(Kind::Deployment) {
            let is_provisioner = deployment
                .pointer("/spec/template/spec/containers/0/env")
                .and_then(Value::as_array)
                .is_some_and(|env| env.iter().any(|it| it["name"] == "PROVISIONER_NAME"));
            if is_provisioner && deployment["status"].is_null() {
                deployment["status"] =
                    json!({ "replicas": 1, "readyReplicas": 1, "availableReplicas": 1 });
                self.settle(Kind::Deployment, &key, deployment);
            }
        }
    }

    /// A pod that somebody has made by hand runs to its end, as soon as its claims are bound and while exports answer.
    fn settle_own_pods(&mut self) {
        if self.scenario.nfs_hangs {
            return;
        }
        for (key, mut pod) in self.given_pods() {
            let (namespace, _) = split_key(&key);
            let volumes = pod["spec"]["volumes"].as_array().into_iter().flatten();
            let claims = volumes.filter_map(|it| it["persistentVolumeClaim"]["claimName"].as_str());
            let is_bound = |claim: &str| {
                let key = format!("{namespace}/{claim}");
                let claim = self.store.get(Kind::PersistentVolumeClaim, &key);
                claim.is_some_and(|it| {
                    it.object.value(&key, it.version)["status"]["phase"] == "Bound"
                })
            };
            let mut claims = claims.peekable();
            let has_claims = claims.peek().is_some();
            let is_new = pod["status"]["phase"].is_null() && pod["spec"]["nodeName"].is_null();
            let is_once = pod["spec"]["restartPolicy"] == "Never";
            if is_new && is_once && has_claims && claims.all(is_bound) {
                pod["status"] = json!({ "phase": "Succeeded" });
                self.settle(Kind::Pod, &key, pod);
            }
        }
    }

    fn given_pods(&self) -> Vec<(Key, Value)> {
        let given = |(key, stored): (&Key, &super::store::Stored)| match &*stored.object {
            Object::Given(value) => Some((Key::clone(key), (**value).clone())),
            _ => None,
        };
        self.store.iter(Kind::Pod).filter_map(given).collect()
    }

    fn settle_claim(&mut self, key: &Key, mut claim: Value) {
        if claim["status"]["phase"].is_null() {
            claim["status"] = json!({ "phase": "Pending" });
        }
        if claim["spec"]["storageClassName"].is_null()
            && let Some(name) = self.default_class()
        {
            claim["spec"]["storageClassName"] = json!(name);
        }
        if claim["spec"]["accessModes"].is_null() {
            claim["spec"]["accessModes"] = json!(["ReadWriteOnce"]);
        }
        if claim["status"]["phase"] == "Pending" {
            let class = claim["spec"]["storageClassName"]
                .as_str()
                .unwrap_or_default();
            let class = self.store.get(Kind::StorageClass, class);
            let class = class.map(|it| it.object.value("", it.version));
            if let Some(class) = class {
                self.provision(key, &mut claim, &class);
            }
        }
        self.settle(Kind::PersistentVolumeClaim, key, claim);
    }

    /// The newest of the classes that are marked.
    fn default_class(&self) -> Option<String> {
        const MARK: &str = "/metadata/annotations/storageclass.kubernetes.io~1is-default-class";
        let classes = self.all(Kind::StorageClass).into_iter();
        let marked = classes.filter(|(_, it)| it.pointer(MARK).is_some_and(|it| it == "true"));
        let newest = marked.max_by_key(|(_, it)| it["metadata"]["creationTimestamp"].to_string());
        newest.map(|(key, _)| key.to_string())
    }

    fn provision(&mut self, key: &Key, claim: &mut Value, class: &Value) {
        let uid = claim["metadata"]["uid"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let volume = format!("pvc-{uid}");
        match self.maker(key, &volume, class) {
            Maker::Ready(place) => {
                let name = Key::from(volume.as_str());
                let object = volume_object(key, &volume, claim, class, &place);
                self.store.put(
                    Kind::PersistentVolume,
                    &name,
                    Object::Given(Box::new(object)),
                );
                self.keeper.made.insert(name);
                claim["spec"]["volumeName"] = json!(volume);
                claim["status"] = json!({
                    "phase": "Bound",
                    "accessModes": claim["spec"]["accessModes"],
                    "capacity": claim["spec"]["resources"]["requests"],
                });
                let words = format!("Successfully provisioned volume {volume}");
                self.say_of_claim(key, &uid, "Normal", "ProvisioningSucceeded", words);
            }
            Maker::Waits(reason, words) => self.say_of_claim(key, &uid, "Normal", reason, words),
            Maker::Refuses(words) => {
                self.say_of_claim(key, &uid, "Warning", "ProvisioningFailed", words);
            }
        }
    }

    fn maker(&self, key: &Key, volume: &str, class: &Value) -> Maker {
        let provisioner = class["provisioner"].as_str().unwrap_or_default();
        let waits = || {
            let words = format!(
                "Waiting for a volume to be created either by the external provisioner '{provisioner}' or manually by the system administrator."
            );
            Maker::Waits("ExternalProvisioning", words)
        };
        let (namespace, name) = split_key(key);
        let folder = format!("{namespace}-{name}-{volume}");
        if provisioner == LOCAL_PATH {
            let Some(node) = self.node_of_user(key) else {
                let words = "waiting for first consumer to be created before binding".to_owned();
                return Maker::Waits("WaitForFirstConsumer", words);
            };
            return Maker::Ready(json!({
                "hostPath": { "path": format!("/var/lib/rancher/k3s/storage/{volume}_{namespace}_{name}"), "type": "DirectoryOrCreate" },
                "nodeAffinity": affinity(&node),
            }));
        }
        if provisioner == CSI_NFS {
            let mut attributes = class["parameters"].clone();
            attributes["subdir"] = json!(folder);
            let place = json!({ "csi": { "driver": CSI_NFS, "volumeHandle": folder, "volumeAttributes": attributes } });
            return Maker::Ready(place);
        }
        let deployments = self.all(Kind::Deployment).into_iter();
        let mut running = deployments.filter_map(|(_, it)| {
            let env = it.pointer("/spec/template/spec/containers/0/env")?.clone();
            let variable = |name: &str| {
                let all = env.as_array()?.iter();
                let found = all.into_iter().find(|it| it["name"] == name)?;
                Some(found["value"].as_str()?.to_owned())
            };
            let is_it = variable("PROVISIONER_NAME")? == provisioner;
            let is_ready = it["status"]["readyReplicas"].as_u64().unwrap_or(0) > 0;
            (is_it && is_ready).then_some((variable("NFS_SERVER")?, variable("NFS_PATH")?))
        });
        match (running.next(), &self.scenario.nfs_fault) {
            (None, _) => waits(),
            (Some(_), Some(fault)) => Maker::Refuses(format!(
                "failed to provision volume with StorageClass \"{}\": {fault}",
                class["metadata"]["name"].as_str().unwrap_or_default()
            )),
            (Some((server, path)), None) => {
                let path = format!("{}/{folder}", path.trim_end_matches('/'));
                Maker::Ready(json!({ "nfs": { "server": server, "path": path } }))
            }
        }
    }

    /// What a board says of NFS: what its pods have mounted, and who waits while exports do not answer.
    pub(crate) fn exports_on(&self, board: &str) -> Vec<String> {
        let volumes = self.all(Kind::PersistentVolume);
        let exports: BTreeMap<String, String> = volumes
            .iter()
            .filter_map(|(_, it)| {
                let text = |path: &str| it.pointer(path)?.as_str();
                let claim = format!(
                    "{}/{}",
                    text("/spec/claimRef/namespace")?,
                    text("/spec/claimRef/name")?
                );
                Some((
                    claim,
                    format!("{}:{}", text("/spec/nfs/server")?, text("/spec/nfs/path")?),
                ))
            })
            .collect();
        if exports.is_empty() {
            return Vec::new();
        }
        let mut lines = Vec::new();
        let pods = self.all(Kind::Pod).into_iter();
        for (key, pod) in pods.filter(|(_, it)| it["spec"]["nodeName"] == board) {
            let (namespace, name) = split_key(&key);
            let volumes = pod["spec"]["volumes"].as_array().into_iter().flatten();
            let claims = volumes.filter_map(|it| it["persistentVolumeClaim"]["claimName"].as_str());
            let used: Vec<&String> = claims
                .filter_map(|it| exports.get(&format!("{namespace}/{it}")))
                .collect();
            let uid = pod["metadata"]["uid"].as_str().unwrap_or_default();
            for export in &used {
                lines.push(format!(
                    "nfs\t{export}\t/var/lib/kubelet/pods/{uid}/volumes/kubernetes.io~nfs/data"
                ));
            }
            if self.scenario.nfs_hangs && !used.is_empty() {
                let number = hash(self.seed, uid) % 30_000;
                let process: String = name.chars().take(15).collect();
                lines.push(format!(
                    "waits\t{number}\t4711\t{process}\t0::/kubepods/besteffort/pod{uid}/main"
                ));
            }
        }
        lines
    }

    /// The board of a pod that uses the claim.
    fn node_of_user(&self, key: &Key) -> Option<String> {
        let (namespace, name) = split_key(key);
        let prefix = format!("{namespace}/");
        let pods = self.all(Kind::Pod).into_iter();
        let mut pods = pods.filter(|(key, _)| key.starts_with(&*prefix));
        pods.find_map(|(_, pod)| {
            let volumes = pod["spec"]["volumes"].as_array()?;
            let uses = |it: &Value| it["persistentVolumeClaim"]["claimName"] == name;
            volumes.iter().any(uses).then_some(())?;
            Some(pod["spec"]["nodeName"].as_str()?.to_owned())
        })
    }

    /// A volume whose claim is gone goes too, or is kept, as its policy says.
    fn settle_volume(&mut self, key: &Key) {
        let Some(stored) = self.store.get(Kind::PersistentVolume, key) else {
            self.keeper.made.remove(key);
            return;
        };
        let mut volume = stored.object.value(key, stored.version);
        let owner = &volume["spec"]["claimRef"];
        let text = |field: &str| owner[field].as_str().unwrap_or_default();
        let claim = format!("{}/{}", text("namespace"), text("name"));
        let uid = text("uid").to_owned();
        let claim = self.store.get(Kind::PersistentVolumeClaim, &claim);
        if claim.is_some_and(|it| it.object.uid("") == uid) {
            return;
        }
        if volume["spec"]["persistentVolumeReclaimPolicy"] == "Retain" {
            volume["status"] = json!({ "phase": "Released" });
            self.settle(Kind::PersistentVolume, key, volume);
        } else {
            self.store.remove(Kind::PersistentVolume, key);
            self.keeper.made.remove(key);
        }
    }

    fn say_of_claim(
        &mut self,
        key: &Key,
        uid: &str,
        severity: &'static str,
        reason: &'static str,
        words: String,
    ) {
        let is_new = self.keeper.said.insert(key.clone(), words.clone()) != Some(words.clone());
        let is_old_news = self.balancer.is_quiet && reason == "ProvisioningSucceeded";
        if !is_new || is_old_news {
            return;
        }
        let (namespace, name) = split_key(key);
        let at = stamp::now();
        let event = Event {
            about: "PersistentVolumeClaim",
            object: name.to_owned(),
            object_namespace: namespace.to_owned(),
            object_uid: uid.to_owned(),
            severity,
            reason,
            message: words,
            component: "persistentvolume-controller",
            host: String::new(),
            first: at,
            last: at,
            count: 1,
        };
        self.say(event);
    }
}

fn affinity(node: &str) -> Value {
    json!({ "required": { "nodeSelectorTerms": [{ "matchExpressions": [{
        "key": "kubernetes.io/hostname", "operator": "In", "values": [node],
    }] }] } })
}

fn volume_object(key: &Key, name: &str, claim: &Value, class: &Value, place: &Value) -> Value {
    let (namespace, claim_name) = split_key(key);
    let policy = class["reclaimPolicy"].as_str().unwrap_or("Delete");
    let mut volume = json!({
        "metadata": {
            "name": name,
            "uid": uuid(hash(7, name)),
            "creationTimestamp": stamp::seconds(stamp::now()),
            "annotations": { "pv.kubernetes.io/provisioned-by": class["provisioner"] },
        },
        "spec": {
            "capacity": claim["spec"]["resources"]["requests"],
            "accessModes": claim["spec"]["accessModes"],
            "claimRef": {
                "kind": "PersistentVolumeClaim",
                "apiVersion": "v1",
                "namespace": namespace,
                "name": claim_name,
                "uid": claim["metadata"]["uid"],
            },
            "persistentVolumeReclaimPolicy": policy,
            "storageClassName": claim["spec"]["storageClassName"],
            "volumeMode": "Filesystem",
        },
        "status": { "phase": "Bound" },
    });
    for (field, value) in place.as_object().into_iter().flatten() {
        volume["spec"][field] = value.clone();
    }
    volume
}

/// What the kubelet says of a pod that cannot mount.
pub(crate) fn say_mount_fault(world: &mut World, key: &Key, fault: &str) {
    let Some(pod) = world.pod(key) else { return };
    let (uid, node) = (uuid(pod.uid), pod.node_name().to_owned());
    let message = format!("MountVolume.SetUp failed for volume \"data\" : {fault}");
    world.say(pod_event(
        key,
        uid,
        "FailedMount",
        message,
        node,
        stamp::now(),
    ));
}

/// The claim of pod number `ordinal`, as a StatefulSet names it.
pub(crate) fn claim_name(workload: &str, ordinal: u32) -> String {
    format!("data-{workload}-{ordinal}")
}

/// A volume that k3s' local-path provisioner made on `node`.
pub(crate) fn add_local_volume(
    world: &mut World,
    workload: &Workload,
    ordinal: u32,
    node: &Key,
    size: &str,
) {
    let claim = claim_name(&workload.name, ordinal);
    let number = hash(world.seed, &format!("{}/{claim}", workload.namespace));
    let name = format!("pvc-{}", uuid(number));
    let volume = json!({
        "metadata": {
            "name": name,
            "uid": uuid(number ^ 0x50),
            "creationTimestamp": stamp::seconds(stamp::now() - 86_400),
            "annotations": { "pv.kubernetes.io/provisioned-by": "rancher.io/local-path" },
        },
        "spec": {
            "capacity": { "storage": size },
            "accessModes": ["ReadWriteOnce"],
            "claimRef": {
                "kind": "PersistentVolumeClaim",
                "apiVersion": "v1",
                "namespace": workload.namespace,
                "name": claim,
                "uid": uuid(number ^ 0x51),
            },
            "hostPath": {
                "path": format!("/var/lib/rancher/k3s/storage/{name}_{}_{claim}", workload.namespace),
                "type": "DirectoryOrCreate",
            },
            "nodeAffinity": { "required": { "nodeSelectorTerms": [{ "matchExpressions": [{
                "key": "kubernetes.io/hostname", "operator": "In", "values": [&**node],
            }] }] } },
            "persistentVolumeReclaimPolicy": "Delete",
            "storageClassName": "local-path",
            "volumeMode": "Filesystem",
        },
        "status": { "phase": "Bound" },
    });
    let claim_object = json!({
        "metadata": {
            "name": claim,
            "namespace": workload.namespace,
            "uid": uuid(number ^ 0x51),
            "creationTimestamp": stamp::seconds(stamp::now() - 86_400),
            "annotations": { "volume.kubernetes.io/storage-provisioner": LOCAL_PATH },
        },
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": { "requests": { "storage": size } },
            "storageClassName": "local-path",
            "volumeMode": "Filesystem",
            "volumeName": name,
        },
        "status": { "phase": "Bound", "accessModes": ["ReadWriteOnce"], "capacity": { "storage": size } },
    });
    let claim_key = Key::from(format!("{}/{claim}", workload.namespace));
    let claim_object = Object::Given(Box::new(claim_object));
    world
        .store
        .put(Kind::PersistentVolumeClaim, &claim_key, claim_object);
    let key = Key::from(name);
    let object = Object::Given(Box::new(volume));
    world.store.put(Kind::PersistentVolume, &key, object);
    world.keeper.made.insert(key);
}

impl World {
    /// The folders of local-path volumes that lie on this board.
    pub(crate) fn local_volumes(&self, node: &str) -> Vec<String> {
        let volumes = self.store.iter(Kind::PersistentVolume);
        let folder = |object: &Object| {
            let Object::Given(volume) = object else {
                return None;
            };
            let at = "/spec/nodeAffinity/required/nodeSelectorTerms/0/matchExpressions/0/values/0";
            let is_here = volume.pointer(at)?.as_str()? == node;
            let path = volume.pointer("/spec/hostPath/path")?.as_str()?;
            is_here.then(|| path.rsplit('/').next().unwrap_or_default().to_owned())
        };
        volumes
            .filter_map(|(_, stored)| folder(&stored.object))
            .collect()
    }
}

/// A budget over the pods of a workload.
pub(crate) fn add_budget(world: &mut World, workload: &Workload, least: u32) {
    let key = Key::from(format!("{}/{}", workload.namespace, workload.name));
    let budget = json!({
        "metadata": {
            "name": workload.name,
            "namespace": workload.namespace,
            "uid": uuid(hash(world.seed, &format!("budget {key}"))),
            "creationTimestamp": stamp::seconds(stamp::now() - 86_400),
        },
        "spec": {
            "minAvailable": least,
            "selector": { "matchLabels": { "app.kubernetes.io/name": workload.name } },
        },
    });
    let object = Object::Given(Box::new(budget));
    world.store.put(Kind::PodDisruptionBudget, &key, object);
}
