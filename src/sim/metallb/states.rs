//! What MetalLB writes about itself: counts of its pools since 0.15.0, and since 0.15.3 what it thinks of its
//! configuration.

use serde_json::json;

use crate::sim::random::{hash, uuid};
use crate::sim::resource::Kind;
use crate::sim::scenario::MetalLbPlan;
use crate::sim::stamp;
use crate::sim::store::Key;
use crate::sim::world::World;

impl World {
    pub(super) fn settle_pool_statuses(&mut self, plan: &MetalLbPlan) {
        if !plan.is_at_least(15, 0) || !plan.controller {
            return;
        }
        for pool in self.balancer.config.pools.clone() {
            let key = Key::from(format!("{}/{}", plan.namespace, pool.name));
            let Some(stored) = self.store.get(Kind::IpAddressPool, &key) else {
                continue;
            };
            let mut value = stored.object.value(&key, stored.version);
            let mut assigned: Vec<_> = self
                .balancer
                .given
                .values()
                .flat_map(|(ips, _)| ips.clone())
                .collect();
            assigned.retain(|ip| pool.contains(*ip));
            assigned.sort_unstable();
            assigned.dedup();
            let all = pool
                .addresses()
                .take(1 << 16)
                .filter(std::net::IpAddr::is_ipv4)
                .count();
            let used = assigned.iter().filter(|ip| ip.is_ipv4()).count();
            value["status"] = json!({
                "assignedIPv4": used,
                "assignedIPv6": assigned.len() - used,
                "availableIPv4": all.saturating_sub(used),
                "availableIPv6": 0,
            });
            self.settle(Kind::IpAddressPool, &key, value);
        }
    }

    pub(super) fn settle_states(&mut self, plan: &MetalLbPlan) {
        if !self.serves(Kind::ConfigurationState) {
            return;
        }
        let complaint = self.balancer.complaint.clone();
        let nodes: Vec<Key> = self.machines.keys().cloned().collect();
        let mut all = vec![("controller".to_owned(), None)];
        all.extend(
            nodes
                .iter()
                .map(|node| (format!("speaker-{node}"), Some(node))),
        );
        for (name, node) in all {
            let key = Key::from(format!("{}/{name}", plan.namespace));
            let (result, truth, reason) = match complaint {
                None => ("Valid", "True", "Reconciled"),
                Some(_) => ("Invalid", "False", "ConfigurationError"),
            };
            let words = complaint.clone().unwrap_or_default();
            let since = match self.store.get(Kind::ConfigurationState, &key) {
                Some(stored) => {
                    stored.object.value(&key, 0)["metadata"]["creationTimestamp"].clone()
                }
                None => json!(stamp::seconds(stamp::now())),
            };
            let mut labels = json!({
                "metallb.io/component-type": if node.is_some() { "speaker" } else { "controller" },
            });
            if let Some(node) = node {
                labels["metallb.io/node-name"] = json!(&**node);
            }
            let state = json!({
                "metadata": {
                    "name": name,
                    "namespace": plan.namespace,
                    "uid": uuid(hash(self.seed, &key)),
                    "creationTimestamp": since,
                    "labels": labels,
                },
                "status": {
                    "result": result,
                    "errorSummary": words,
                    "conditions": [{
                        "type": "configReconcilerValid",
                        "status": truth,
                        "reason": reason,
                        "message": words,
                        "lastTransitionTime": since,
                    }],
                },
            });
            self.settle(Kind::ConfigurationState, &key, state);
        }
    }
}
