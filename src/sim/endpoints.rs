//! EndpointSlices: which pods stand behind each Service, kept true as pods come, fail and go.
//!
//! One slice per Service is enough for a rack. Invariant: a Service without a selector keeps the slices it was given.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

use super::object::Object;
use super::pod::{Pod, State};
use super::random::{hash, uuid};
use super::resource::{Kind, split_key};
use super::stamp;
use super::store::Key;
use super::world::World;

/// The label that nearly every selector asks for.
const APP: &str = "app.kubernetes.io/name";
/// Pods by namespace and app.
type Pods<'a> = HashMap<(&'a str, &'a str), Vec<(&'a Key, &'a Pod)>>;

const SERVICE: &str = "kubernetes.io/service-name";

impl World {
    /// Stores the slices as the pods are now, and removes those of Services that are gone.
    pub(crate) fn settle_endpoints(&mut self) {
        if self.store.len(Kind::Service) == 0 {
            return;
        }
        // A big rack has twenty thousand pods, and nearly every selector names their app: only those are looked at.
        let (mut by_app, mut by_namespace) = (Pods::new(), Pods::new());
        for (key, stored) in self.store.iter(Kind::Pod) {
            if let Object::Pod(pod) = &*stored.object {
                let namespace = pod.workload.namespace.as_str();
                let app = pod.workload.labels.get(APP).map_or("", String::as_str);
                by_app.entry((namespace, app)).or_default().push((key, pod));
                by_namespace
                    .entry((namespace, ""))
                    .or_default()
                    .push((key, pod));
            }
        }
        let mut wanted = BTreeMap::new();
        for (key, service) in self.all(Kind::Service) {
            let Some(selector) = service["spec"]["selector"].as_object() else {
                continue;
            };
            let (namespace, name) = split_key(&key);
            let fits = |pod: &Pod| {
                let mut terms = selector.iter();
                terms.all(|(key, value)| {
                    pod.workload.labels.get(key).map(String::as_str) == value.as_str()
                })
            };
            let pods = match selector.get(APP).and_then(Value::as_str) {
                Some(app) => by_app.get(&(namespace, app)),
                None => by_namespace.get(&(namespace, "")),
            };
            let pods = pods.into_iter().flatten();
            let endpoints: Vec<Value> = pods
                .filter(|(_, pod)| fits(pod) && pod.place.is_some())
                .filter(|(_, pod)| !matches!(pod.state, State::Completed | State::Evicted))
                .map(|(key, pod)| endpoint(key, pod))
                .collect();
            let slice = Key::from(slice_name(&key));
            let value = self.slice(&slice, name, &service, &endpoints);
            wanted.insert(slice, value);
        }
        let old: Vec<Key> = self
            .store
            .iter(Kind::EndpointSlice)
            .filter(|(key, stored)| is_made_here(&stored.object) && !wanted.contains_key(*key))
            .map(|(key, _)| key.clone())
            .collect();
        for key in old {
            self.store.remove(Kind::EndpointSlice, &key);
        }
        for (key, value) in wanted {
            self.settle(Kind::EndpointSlice, &key, value);
        }
    }

    fn slice(&self, key: &Key, service: &str, of: &Value, endpoints: &[Value]) -> Value {
        let created = match self.store.get(Kind::EndpointSlice, key) {
            Some(stored) => stored.object.value(key, 0)["metadata"]["creationTimestamp"].clone(),
            None => json!(stamp::seconds(stamp::now())),
        };
        let (namespace, name) = split_key(key);
        let port = |port: &Value| {
            let number = port["targetPort"].as_u64().unwrap_or(8080);
            json!({
                "name": port["name"].as_str().unwrap_or_default(),
                "protocol": port["protocol"],
                "port": number,
            })
        };
        let ports = of["spec"]["ports"].as_array().into_iter().flatten();
        json!({
            "metadata": {
                "name": name,
                "namespace": namespace,
                "generateName": format!("{service}-"),
                "uid": uuid(hash(self.seed, key)),
                "creationTimestamp": created,
                "labels": {
                    SERVICE: service,
                    "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
                },
                "ownerReferences": [{
                    "apiVersion": "v1",
                    "kind": "Service",
                    "name": service,
                    "uid": of["metadata"]["uid"],
                    "controller": true,
                    "blockOwnerDeletion": true,
                }],
            },
            "addressType": "IPv4",
            "endpoints": endpoints,
            "ports": ports.map(port).collect::<Vec<_>>(),
        })
    }
}

/// `web/shop-x7k2p` for the Service `web/shop`.
fn slice_name(service: &str) -> String {
    let letters = format!("{:08x}", hash(7, service));
    format!("{service}-{}", letters.get(..5).unwrap_or_default())
}

fn is_made_here(object: &Object) -> bool {
    let Object::Given(value) = object else {
        return false;
    };
    let by = &value["metadata"]["labels"]["endpointslice.kubernetes.io/managed-by"];
    *by == json!("endpointslice-controller.k8s.io")
}

fn endpoint(key: &Key, pod: &Pod) -> Value {
    let (namespace, name) = split_key(key);
    let is_running = pod.state == State::Running;
    let is_going = pod.deleted.is_some();
    let place = pod.place.as_ref();
    json!({
        "addresses": [place.map(|it| it.ip.to_string()).unwrap_or_default()],
        "conditions": {
            "ready": is_running && !is_going,
            "serving": is_running,
            "terminating": is_going,
        },
        "nodeName": pod.node_name(),
        "targetRef": {
            "kind": "Pod",
            "namespace": namespace,
            "name": name,
            "uid": uuid(pod.uid),
        },
    })
}
