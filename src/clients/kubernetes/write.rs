//! The writers, and what is read for a person rather than for the table.
//!
//! Every writer reads its object again first and names the version it read, so that nothing is changed that was not
//! seen. The read-only switch stands before this, where effects are run.

use http::Method;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::connection::{Asking, Connection};
use super::error::{Error, Rule};
use crate::rack::node::{NodeName, ResourceVersion, Uid};
use crate::rack::pod::Maker;
use crate::rack::problem::Subject;
use crate::rack::workload::WorkloadRef;

pub(super) const JSON: &str = "application/json";

/// The rules that reading and changing one kind of object needs, and its words.
pub(super) struct Kind {
    get: Rule,
    patch: Rule,
    delete: Rule,
    /// For "the server has no such node".
    what: &'static str,
}

const fn rule(verbs: &'static str, resource: &'static str) -> Rule {
    Rule {
        verbs,
        resource,
        group: "",
        namespace: None,
    }
}

static NODE: Kind = Kind {
    get: rule("get", "nodes"),
    patch: rule("patch", "nodes"),
    delete: rule("delete", "nodes"),
    what: "such node",
};

static SERVICE: Kind = Kind {
    get: rule("get", "services"),
    patch: rule("patch", "services"),
    delete: rule("delete", "services"),
    what: "such service",
};

static POD: Kind = Kind {
    get: rule("get", "pods"),
    patch: rule("patch", "pods"),
    delete: rule("delete", "pods"),
    what: "such pod",
};

const fn workload(resource: &'static str, group: &'static str) -> Kind {
    const fn rule(verbs: &'static str, resource: &'static str, group: &'static str) -> Rule {
        Rule {
            verbs,
            resource,
            group,
            namespace: None,
        }
    }
    Kind {
        get: rule("get", resource, group),
        patch: rule("patch", resource, group),
        delete: rule("delete", resource, group),
        what: "such workload",
    }
}

/// The kinds of workloads by name, and where they are.
static WORKLOADS: [(&str, &str, Kind); 5] = [
    (
        "Deployment",
        "/apis/apps/v1",
        workload("deployments", "apps"),
    ),
    (
        "StatefulSet",
        "/apis/apps/v1",
        workload("statefulsets", "apps"),
    ),
    ("DaemonSet", "/apis/apps/v1", workload("daemonsets", "apps")),
    (
        "ReplicaSet",
        "/apis/apps/v1",
        workload("replicasets", "apps"),
    ),
    ("Job", "/apis/batch/v1", workload("jobs", "batch")),
];
static CLAIM: Kind = Kind {
    get: rule("get", "persistentvolumeclaims"),
    patch: rule("patch", "persistentvolumeclaims"),
    delete: rule("delete", "persistentvolumeclaims"),
    what: "such claim",
};

static VOLUME: Kind = Kind {
    get: rule("get", "persistentvolumes"),
    patch: rule("patch", "persistentvolumes"),
    delete: rule("delete", "persistentvolumes"),
    what: "such volume",
};

const fn class_rule(verbs: &'static str) -> Rule {
    Rule {
        group: "storage.k8s.io",
        ..rule(verbs, "storageclasses")
    }
}

static STORAGE_CLASS: Kind = Kind {
    get: class_rule("get"),
    patch: class_rule("patch"),
    delete: class_rule("delete"),
    what: "such storage class",
};

impl Kind {
    pub(super) fn getting(&'static self) -> Asking {
        Asking {
            rule: &self.get,
            what: self.what,
        }
    }

    fn deleting(&'static self) -> Asking {
        Asking {
            rule: &self.delete,
            what: self.what,
        }
    }

    pub(super) fn patching(&'static self) -> Asking {
        Asking {
            rule: &self.patch,
            what: self.what,
        }
    }
}

/// Where an object stands on the server; `None` for what is no object of the API.
fn place(object: &Subject) -> Option<(&'static Kind, String)> {
    match object {
        Subject::Node(name) => {
            let mut path = "/api/v1/nodes/".to_owned();
            super::source::push_encoded(&mut path, name.as_str());
            Some((&NODE, path))
        }
        Subject::Service(name) => {
            let mut path = "/api/v1/namespaces/".to_owned();
            super::source::push_encoded(&mut path, &name.namespace);
            path.push_str("/services/");
            super::source::push_encoded(&mut path, &name.name);
            Some((&SERVICE, path))
        }
        Subject::Claim(name) => {
            let mut path = "/api/v1/namespaces/".to_owned();
            super::source::push_encoded(&mut path, &name.namespace);
            path.push_str("/persistentvolumeclaims/");
            super::source::push_encoded(&mut path, &name.name);
            Some((&CLAIM, path))
        }
        Subject::Volume(name) => {
            let mut path = "/api/v1/persistentvolumes/".to_owned();
            super::source::push_encoded(&mut path, name);
            Some((&VOLUME, path))
        }
        Subject::StorageClass(name) => {
            let mut path = "/apis/storage.k8s.io/v1/storageclasses/".to_owned();
            super::source::push_encoded(&mut path, name);
            Some((&STORAGE_CLASS, path))
        }
        Subject::Pod(pod) => {
            let place = namespaced("/api/v1", "pods", &pod.namespace, &pod.name);
            Some((&POD, place))
        }
        Subject::Workload(it) => {
            let (_, api, kind) = WORKLOADS.iter().find(|(kind, ..)| **kind == *it.kind)?;
            let place = namespaced(api, kind.get.resource, &it.namespace, &it.name);
            Some((kind, place))
        }
        Subject::Link
        | Subject::Kubeconfig
        | Subject::Board(_)
        | Subject::MetalLb
        | Subject::Gitlab
        | Subject::Storage
        | Subject::Settings
        | Subject::Program => None,
    }
}

pub(super) fn namespaced(api: &str, resource: &str, namespace: &str, name: &str) -> String {
    let mut path = format!("{api}/namespaces/");
    super::source::push_encoded(&mut path, namespace);
    path.push('/');
    path.push_str(resource);
    path.push('/');
    super::source::push_encoded(&mut path, name);
    path
}

/// The uid of the workload that made pods: their owner, or the Deployment behind it. A ReplicaSet of another uid, or none,
/// says that the Deployment of then is gone.
pub(super) async fn uid(
    connection: &Connection,
    workload: &WorkloadRef,
    maker: &Maker,
) -> Result<Uid, Error> {
    #[derive(Deserialize)]
    struct Object {
        metadata: Meta,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Meta {
        uid: Box<str>,
        #[serde(default)]
        owner_references: Vec<Owner>,
    }
    #[derive(Deserialize)]
    struct Owner {
        uid: Box<str>,
        name: Box<str>,
        #[serde(default)]
        controller: bool,
    }
    let Some(name) = &maker.replica_set else {
        return Ok(maker.uid.clone());
    };
    let set = Subject::Workload(WorkloadRef {
        kind: "ReplicaSet".into(),
        namespace: workload.namespace.clone(),
        name: name.clone(),
    });
    let replaced = || Error::Replaced(Subject::Workload(workload.clone()));
    let (kind, path) = found(&set)?;
    let body = match connection.get(&path, kind.getting()).await {
        Err(Error::Missing { .. }) => return Err(replaced()),
        answer => answer?,
    };
    let read: Object = serde_json::from_slice(&body).map_err(|error| unreadable(&set, &error))?;
    let mut owners = read.metadata.owner_references.into_iter();
    let owner = owners.find(|it| it.controller && it.name == workload.name);
    match owner {
        Some(owner) if read.metadata.uid == maker.uid.0 => Ok(Uid(owner.uid)),
        _ => Err(replaced()),
    }
}

/// Has a workload make its pods anew, one after the other, as `kubectl rollout restart` does: by a stamp in its template.
pub(super) async fn restart(
    connection: &Connection,
    workload: &WorkloadRef,
    maker: &Maker,
    at: Timestamp,
) -> Result<(), Error> {
    let uid = uid(connection, workload, maker).await?;
    let stamp = json!({ "kubectl.kubernetes.io/restartedAt": at.to_string() });
    let change = json!({ "spec": { "template": { "metadata": { "annotations": stamp } } } });
    let object = Subject::Workload(workload.clone());
    change_guarded(connection, &object, &uid, &change).await
}

/// Asks a workload for so many pods.
pub(super) async fn scale(
    connection: &Connection,
    workload: &WorkloadRef,
    maker: &Maker,
    replicas: u32,
) -> Result<(), Error> {
    let uid = uid(connection, workload, maker).await?;
    let change = json!({ "spec": { "replicas": replicas } });
    let object = Subject::Workload(workload.clone());
    change_guarded(connection, &object, &uid, &change).await
}

/// How often a change is tried against an object that others write at the same time: the node controller sets and takes
/// a taint for every cordon, and the kubelet reports now and then.
const TRIES: usize = 4;

/// Sets or clears `spec.unschedulable`, if the node is still the one with this uid.
pub(super) async fn cordon(
    connection: &Connection,
    node: &NodeName,
    uid: &Uid,
    unschedulable: bool,
) -> Result<(), Error> {
    let change = json!({ "spec": { "unschedulable": unschedulable.then_some(true) } });
    change_guarded(connection, &Subject::Node(node.clone()), uid, &change).await
}

/// Sets a label of a node or removes it (`None`), if the node is still the one with this uid.
pub(super) async fn label(
    connection: &Connection,
    node: &NodeName,
    uid: &Uid,
    key: &str,
    value: Option<&str>,
) -> Result<(), Error> {
    let change = json!({ "metadata": { "labels": { key: value } } });
    change_guarded(connection, &Subject::Node(node.clone()), uid, &change).await
}

/// Has the server try a merge patch with all its checks, without writing it.
pub(super) async fn try_change(
    connection: &Connection,
    object: &Subject,
    uid: &Uid,
    change: &serde_json::Value,
) -> Result<(), Error> {
    patch_guarded(connection, object, uid, change, "&dryRun=All").await
}

/// A merge patch to the object with this uid and no other. A conflict is settled by reading the object again: use it
/// only for changes that do not depend on what else is written to it.
pub(super) async fn change_guarded(
    connection: &Connection,
    object: &Subject,
    uid: &Uid,
    change: &serde_json::Value,
) -> Result<(), Error> {
    patch_guarded(connection, object, uid, change, "").await
}

async fn patch_guarded(
    connection: &Connection,
    object: &Subject,
    uid: &Uid,
    change: &serde_json::Value,
    query: &str,
) -> Result<(), Error> {
    let (kind, path) = found(object)?;
    for _ in 0..TRIES {
        let version = read_again(connection, object, uid).await?;
        let mut body = change.clone();
        body["metadata"]["uid"] = json!(&*uid.0);
        body["metadata"]["resourceVersion"] = json!(&*version.0);
        let path = format!("{path}?fieldManager=bramble{query}");
        let answer = connection
            .patch(&path, body.to_string().into_bytes(), kind.patching())
            .await;
        match answer {
            Err(Error::Server { code: 409, .. }) => {}
            answer => return answer.map(drop),
        }
    }
    Err(Error::Conflict(object.clone()))
}

/// The version the object has now, if it is still the one with this uid.
pub(super) async fn read_again(
    connection: &Connection,
    object: &Subject,
    uid: &Uid,
) -> Result<ResourceVersion, Error> {
    #[derive(Deserialize)]
    struct Object {
        metadata: Meta,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Meta {
        uid: Box<str>,
        resource_version: Box<str>,
    }
    let (kind, path) = found(object)?;
    let body = match connection.get(&path, kind.getting()).await {
        Err(Error::Missing { .. }) => return Err(Error::Replaced(object.clone())),
        answer => answer?,
    };
    let read: Object = serde_json::from_slice(&body).map_err(|error| unreadable(object, &error))?;
    if read.metadata.uid != uid.0 {
        return Err(Error::Replaced(object.clone()));
    }
    Ok(ResourceVersion(read.metadata.resource_version))
}

/// Whether there is an object of that name, whichever it is.
pub(super) async fn exists(connection: &Connection, object: &Subject) -> Result<bool, Error> {
    let (kind, path) = found(object)?;
    match connection.get(&path, kind.getting()).await {
        Ok(_) => Ok(true),
        Err(Error::Missing { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Deletes the object with this uid and no other.
pub(super) async fn delete_guarded(
    connection: &Connection,
    object: &Subject,
    uid: &Uid,
) -> Result<(), Error> {
    let (kind, path) = found(object)?;
    read_again(connection, object, uid).await?;
    let options = json!({
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "preconditions": { "uid": &*uid.0 },
    });
    let body = options.to_string().into_bytes();
    let asking = kind.deleting();
    match connection
        .write(Method::DELETE, &path, JSON, body, asking)
        .await
    {
        Err(Error::Missing { .. } | Error::Server { code: 409, .. }) => {
            Err(Error::Replaced(object.clone()))
        }
        answer => answer.map(drop),
    }
}

/// The whole object as it is now.
pub(super) async fn object(
    connection: &Connection,
    object: &Subject,
) -> Result<serde_json::Value, Error> {
    let (kind, path) = found(object)?;
    let body = connection.get(&path, kind.getting()).await?;
    serde_json::from_slice(&body).map_err(|error| unreadable(object, &error))
}

/// The whole object as it came.
pub(super) async fn read(connection: &Connection, object: &Subject) -> Result<bytes::Bytes, Error> {
    let (kind, path) = found(object)?;
    connection.get(&path, kind.getting()).await
}

/// The whole object as YAML, without managedFields.
pub(super) async fn yaml(connection: &Connection, object: &Subject) -> Result<String, Error> {
    let (kind, path) = found(object)?;
    let body = connection.get(&path, kind.getting()).await?;
    let mut value: serde_yaml::Value =
        serde_json::from_slice(&body).map_err(|error| unreadable(object, &error))?;
    if let Some(metadata) = value.get_mut("metadata").and_then(|it| it.as_mapping_mut()) {
        metadata.remove("managedFields");
    }
    serde_yaml::to_string(&value).map_err(|error| unreadable(object, &error))
}

pub(super) fn found(object: &Subject) -> Result<(&'static Kind, String), Error> {
    place(object).ok_or_else(|| Error::Missing {
        what: format!("object for {object}"),
    })
}

fn unreadable(object: &Subject, error: &impl ToString) -> Error {
    Error::Unreadable {
        what: object.to_string(),
        why: error.to_string(),
    }
}
