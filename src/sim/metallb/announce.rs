//! The speakers: who announces each address.
//!
//! With BGP every node that may does. On layer 2 one does: the lowest SHA-256 of `NODE#KEY` wins among the nodes that may; KEY is the address since 0.11 and the Service's name
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
        let (mut announcers, mut routers) = (BTreeMap::new(), BTreeMap::new());
        for (key, service) in self.all(Kind::Service) {
            if !is_mine(&service, plan) {
                continue;
            }
            if let Some(winner) = self.winner(plan, &key, &service, &speakers) {
                if self.balancer.announcers.get(&key) != Some(&winner) {
                    self.say_announced(plan, &key, &winner, "layer2");
                }
                announcers.insert(key.clone(), winner);
            }
            let nodes = self.candidates(plan, &key, &service, &speakers, false);
            let before = self.balancer.routers.get(&key).cloned();
            for node in nodes.difference(&before.unwrap_or_default()) {
                self.say_announced(plan, &key, node, "bgp");
            }
            if !nodes.is_empty() {
                routers.insert(key, nodes);
            }
        }
        self.balancer.announcers = announcers;
        self.balancer.routers = routers;
        if plan.statuses && self.serves(Kind::L2Status) {
            self.settle_l2_statuses(plan);
        }
        if plan.statuses && self.serves(Kind::BgpStatus) {
            self.settle_bgp_statuses(plan);
        }
    }

    fn say_announced(&mut self, plan: &MetalLbPlan, key: &Key, node: &str, protocol: &str) {
        let with = if plan.is_at_least(13, 0) {
            format!(" with protocol \"{protocol}\"")
        } else {
            String::new()
        };
        let message = format!("announcing from node \"{node}\"{with}");
        let (reason, source) = ("nodeAssigned", "metallb-speaker");
        self.say_of_service(key, "Normal", reason, message, source, node);
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

    /// The one that announces a Service on layer 2.
    fn winner(
        &self,
        plan: &MetalLbPlan,
        key: &Key,
        service: &Value,
        speakers: &BTreeMap<Key, Value>,
    ) -> Option<Key> {
        let ip = *addresses(service).first()?;
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
        let candidates = self.candidates(plan, key, service, speakers, true);
        candidates.into_iter().min_by_key(rank)
    }

    /// The nodes that may announce a Service by advertisements of layer 2, or of BGP; with BGP all of them do.
    fn candidates(
        &self,
        plan: &MetalLbPlan,
        key: &Key,
        service: &Value,
        speakers: &BTreeMap<Key, Value>,
        is_l2: bool,
    ) -> BTreeSet<Key> {
        let addresses = addresses(service);
        let first = addresses.first();
        let mut pools = self.balancer.config.pools.iter();
        let Some(pool) = first.and_then(|ip| pools.find(|pool| pool.contains(*ip))) else {
            return BTreeSet::new();
        };
        let labels = &service["metadata"]["labels"];
        let takes = |it: &&Advertisement| {
            it.is_l2 == is_l2 && it.takes(pool) && any(&it.spec["serviceSelectors"], labels)
        };
        let advertisements = self.balancer.config.advertisements.iter();
        let advertisements: Vec<&Advertisement> = advertisements.filter(takes).collect();
        let (is_served, local) = self.serving(key);
        let is_local = service["spec"]["externalTrafficPolicy"] == "Local";
        let may = |name: &Key, labels: &Value| {
            let is_excluded = plan.is_at_least(14, 2) && labels.get(EXCLUDED).is_some();
            let is_chosen = advertisements
                .iter()
                .any(|it| any(&it.spec["nodeSelectors"], labels));
            is_served && is_chosen && !is_excluded && (!is_local || local.contains(&**name))
        };
        let candidates = speakers.iter().filter(|(name, labels)| may(name, labels));
        candidates.map(|(name, _)| name.clone()).collect()
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
        let all: Vec<(Key, Key)> = self.balancer.announcers.clone().into_iter().collect();
        let wanted = all.iter().map(|(service, node)| {
            let (name, seed) = self.status_name("l2", service, node);
            let mut status = self.status(plan, Kind::L2Status, (&name, seed), service, node);
            if !plan.interfaces.is_empty() {
                let card = |name: &String| json!({ "name": name });
                status["status"]["interfaces"] = plan.interfaces.iter().map(card).collect();
            }
            (name, status)
        });
        let wanted: Vec<(String, Value)> = wanted.collect();
        self.settle_statuses(plan, Kind::L2Status, wanted);
    }

    /// One for each node and Service. It says which peers are told, not whether they listen.
    fn settle_bgp_statuses(&mut self, plan: &MetalLbPlan) {
        let place = format!("{}/", plan.namespace);
        let peers = self.all(Kind::BgpPeer).into_iter();
        let peers = peers.filter_map(|(key, _)| key.strip_prefix(&place).map(str::to_owned));
        let peers: Vec<String> = peers.collect();
        let mut wanted = Vec::new();
        for (service, nodes) in self.balancer.routers.clone() {
            for node in nodes {
                let (name, seed) = self.status_name("bgp", &service, &node);
                let mut status = self.status(plan, Kind::BgpStatus, (&name, seed), &service, &node);
                status["status"]["peers"] = json!(peers);
                wanted.push((name, status));
            }
        }
        self.settle_statuses(plan, Kind::BgpStatus, wanted);
    }

    fn status_name(&self, prefix: &str, service: &Key, node: &Key) -> (String, u64) {
        let number = hash(self.seed, &format!("{prefix} status {service} {node}"));
        let letters = format!("{:08x}", number >> 32);
        let letters = letters.get(..5).unwrap_or_default();
        (format!("{prefix}-{letters}"), number)
    }

    fn status(
        &self,
        plan: &MetalLbPlan,
        kind: Kind,
        (status, number): (&str, u64),
        service: &Key,
        node: &Key,
    ) -> Value {
        let (namespace, name) = split_key(service);
        let key = Key::from(format!("{}/{status}", plan.namespace));
        let created = match self.store.get(kind, &key) {
            Some(stored) => stored.object.value(&key, 0)["metadata"]["creationTimestamp"].clone(),
            None => json!(stamp::seconds(stamp::now())),
        };
        json!({
            "metadata": {
                "name": status,
                "generateName": format!("{}-", status.split('-').next().unwrap_or_default()),
                "namespace": plan.namespace,
                "uid": uuid(number),
                "creationTimestamp": created,
                "labels": {
                    "metallb.io/node": &**node,
                    "metallb.io/service-name": name,
                    "metallb.io/service-namespace": namespace,
                },
            },
            "status": { "node": &**node, "serviceName": name, "serviceNamespace": namespace },
        })
    }

    /// Takes back the statuses that hold no more, but for those of the node whose are stuck.
    fn settle_statuses(&mut self, plan: &MetalLbPlan, kind: Kind, wanted: Vec<(String, Value)>) {
        let place = |name: &str| Key::from(format!("{}/{name}", plan.namespace));
        let wanted: BTreeMap<Key, Value> = (wanted.into_iter())
            .map(|(name, value)| (place(&name), value))
            .collect();
        let is_stuck = |value: &Value| {
            let node = value["status"]["node"].as_str();
            plan.stuck.is_some() && node == plan.stuck.as_deref()
        };
        for (key, value) in self.all(kind) {
            if !wanted.contains_key(&key) && !is_stuck(&value) {
                self.store.remove(kind, &key);
            }
        }
        for (key, value) in wanted {
            self.settle(kind, &key, value);
        }
    }
}

/// Any of these selectors holds; none at all holds for everything.
fn any(selectors: &Value, labels: &Value) -> bool {
    let selectors = selectors.as_array().map_or(&[][..], Vec::as_slice);
    selectors.is_empty() || selectors.iter().any(|it| selects(it, labels))
}
