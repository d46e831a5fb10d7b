//! The speakers: who announces each address.
//!
//! The lowest SHA-256 of `NODE#KEY` wins among the nodes that may; KEY is the address since 0.11 and the Service's name
//! before. Invariant: of several speakers that see the same, all elect the same one.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::allocate::{addresses, is_mine};
use super::config::Advertisement;
use super::selects;
use crate::sim::object::Object;
use crate::sim::random::{hash, uuid};
use crate::sim::resource::{Kind, split_key};
use crate::sim::scenario::MetalLbPlan;
use crate::sim::stamp;
use crate::sim::store::Key;
use crate::sim::world::World;

/// A node with that label announces nothing.
const EXCLUDED: &str = "node.kubernetes.io/exclude-from-external-load-balancers";

impl World {
    pub(super) fn announce(&mut self, plan: &MetalLbPlan) {
        let speakers = self.speakers();
        let mut announcers = BTreeMap::new();
        for (key, service) in self.all(Kind::Service) {
            if !is_mine(&service, plan) {
                continue;
            }
            let Some(winner) = self.winner(plan, &key, &service, &speakers) else {
                continue;
            };
            if self.balancer.announcers.get(&key) != Some(&winner) {
                let with = if plan.is_at_least(13, 0) {
                    " with protocol \"layer2\""
                } else {
                    ""
                };
                let message = format!("announcing from node \"{winner}\"{with}");
                self.say_of_service(
                    &key,
                    "Normal",
                    "nodeAssigned",
                    message,
                    "metallb-speaker",
                    &winner,
                );
            }
            announcers.insert(key, winner);
        }
        self.balancer.announcers = announcers;
        if plan.statuses && self.serves(Kind::L2Status) {
            self.settle_l2_statuses(plan);
        }
    }

    /// Nodes whose speaker runs and is heard by the others, with their labels.
    fn speakers(&self) -> BTreeMap<Key, Value> {
        let mut running = BTreeSet::new();
        for (_, stored) in self.store.iter(Kind::Pod) {
            if let Object::Pod(pod) = &*stored.object
                && pod
                    .workload
                    .labels
                    .get("component")
                    .is_some_and(|it| it == "speaker")
                && pod.deleted.is_none()
            {
                running.insert(pod.node_name().to_owned());
            }
        }
        let lives = |name: &str| self.machines.get(name).is_some_and(|it| it.alive);
        let nodes = self.store.iter(Kind::Node);
        let nodes = nodes.filter(|(name, _)| running.contains(&***name) && lives(name));
        nodes
            .map(|(name, stored)| (name.clone(), Value::Object(stored.object.labels(name))))
            .collect()
    }

    fn winner(
        &self,
        plan: &MetalLbPlan,
        key: &Key,
        service: &Value,
        speakers: &BTreeMap<Key, Value>,
    ) -> Option<Key> {
        let ip = *addresses(service).first()?;
        let pools = self.balancer.config.pools.iter();
        let pool = pools.into_iter().find(|pool| pool.contains(ip))?;
        let labels = &service["metadata"]["labels"];
        let takes = |it: &&Advertisement| {
            it.is_l2 && it.takes(pool) && any(&it.spec["serviceSelectors"], labels)
        };
        let advertisements: Vec<&Advertisement> = self
            .balancer
            .config
            .advertisements
            .iter()
            .filter(takes)
            .collect();
        let (is_served, local) = self.serving(key);
        if !is_served {
            return None;
        }
        let is_local = service["spec"]["externalTrafficPolicy"] == "Local";
        let may = |name: &Key, labels: &Value| {
            let is_excluded = plan.is_at_least(14, 2) && labels.get(EXCLUDED).is_some();
            let is_chosen = advertisements
                .iter()
                .any(|it| any(&it.spec["nodeSelectors"], labels));
            is_chosen && !is_excluded && (!is_local || local.contains(&**name))
        };
        let candidates = speakers.iter().filter(|(name, labels)| may(name, labels));
        let election = if plan.is_at_least(11, 0) {
            ip.to_string()
        } else {
            key.to_string()
        };
        let rank = |name: &Key| {
            let text = format!("{name}#{election}");
            let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
            digest.as_ref().to_vec()
        };
        candidates.map(|(name, _)| name.clone()).min_by_key(rank)
    }

    /// Whether any endpoint of a Service is ready, and the nodes that have one that answers.
    fn serving(&self, key: &Key) -> (bool, BTreeSet<String>) {
        let (namespace, name) = split_key(key);
        let (mut is_served, mut nodes) = (false, BTreeSet::new());
        for (_, slice) in self.store.iter(Kind::EndpointSlice) {
            let Object::Given(slice) = &*slice.object else {
                continue;
            };
            let metadata = &slice["metadata"];
            let is_its = metadata["namespace"] == namespace
                && metadata["labels"]["kubernetes.io/service-name"] == name;
            for endpoint in slice["endpoints"].as_array().into_iter().flatten() {
                let conditions = &endpoint["conditions"];
                if is_its && (conditions["ready"] == true || conditions["serving"] == true) {
                    is_served |= conditions["ready"] == true;
                    nodes.extend(endpoint["nodeName"].as_str().map(str::to_owned));
                }
            }
        }
        (is_served, nodes)
    }

    fn settle_l2_statuses(&mut self, plan: &MetalLbPlan) {
        let mut wanted = BTreeMap::new();
        for (service, node) in self.balancer.announcers.clone() {
            let (namespace, name) = split_key(&service);
            let number = hash(self.seed, &format!("status {service} {node}"));
            let letters = format!("{:08x}", number >> 32);
            let key = Key::from(format!(
                "{}/l2-{}",
                plan.namespace,
                letters.get(..5).unwrap_or_default()
            ));
            let created = match self.store.get(Kind::L2Status, &key) {
                Some(stored) => {
                    stored.object.value(&key, 0)["metadata"]["creationTimestamp"].clone()
                }
                None => json!(stamp::seconds(stamp::now())),
            };
            let status = json!({
                "metadata": {
                    "name": split_key(&key).1,
                    "generateName": "l2-",
                    "namespace": plan.namespace,
                    "uid": uuid(number),
                    "creationTimestamp": created,
                    "labels": {
                        "metallb.io/node": &*node,
                        "metallb.io/service-name": name,
                        "metallb.io/service-namespace": namespace,
                    },
                },
                "status": { "node": &*node, "serviceName": name, "serviceNamespace": namespace },
            });
            wanted.insert(key, status);
        }
        let is_stuck = |value: &Value| {
            let node = value["status"]["node"].as_str();
            plan.stuck.is_some() && node == plan.stuck.as_deref()
        };
        for (key, value) in self.all(Kind::L2Status) {
            if !wanted.contains_key(&key) && !is_stuck(&value) {
                self.store.remove(Kind::L2Status, &key);
            }
        }
        for (key, value) in wanted {
            self.settle(Kind::L2Status, &key, value);
        }
    }
}

/// Any of these selectors holds; none at all holds for everything.
fn any(selectors: &Value, labels: &Value) -> bool {
    let selectors = selectors.as_array().map_or(&[][..], Vec::as_slice);
    selectors.is_empty() || selectors.iter().any(|it| selects(it, labels))
}
