//! What ties pods to their place: volumes that lie on one board, and budgets that keep pods running.
//!
//! Objects as the API shows them; nothing here changes by itself.

use serde_json::json;

use super::object::Object;
use super::random::{hash, uuid};
use super::resource::Kind;
use super::stamp;
use super::store::Key;
use super::workload::Workload;
use super::world::World;

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
    let object = Object::Given(Box::new(volume));
    world
        .store
        .put(Kind::PersistentVolume, &Key::from(name), object);
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
