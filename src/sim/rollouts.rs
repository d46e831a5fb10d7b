//! What somebody ordered of a workload: another number of pods, or all of them anew. Seen in the object, done to the pods.
//!
//! All at once, not one after the other. Invariant: an order is followed once, and the number of pods that is wanted is
//! the object's.

use std::sync::Arc;

use serde_json::Value;

use super::object::Object;
use super::resource::Kind;
use super::scenario::WorkloadKind;
use super::stamp;
use super::store::Key;
use super::workload::Workload;
use super::world::World;

/// What `kubectl rollout restart` writes into the template.
pub(crate) const RESTARTED: &str = "kubectl.kubernetes.io/restartedAt";

/// The kind of the object of a workload; `None` for a bare pod, which has none.
pub(crate) fn kind_of(workload: &Workload) -> Option<Kind> {
    match workload.kind {
        WorkloadKind::Deployment => Some(Kind::Deployment),
        WorkloadKind::StatefulSet => Some(Kind::StatefulSet),
        WorkloadKind::DaemonSet => Some(Kind::DaemonSet),
        WorkloadKind::Job => Some(Kind::Job),
        WorkloadKind::Pod => None,
    }
}

impl World {
    /// Looks at every workload for orders that are new.
    pub(crate) fn follow_orders(&mut self) {
        for index in 0..self.workloads.len() {
            let Some((workload, replicas)) = self.workloads.get(index).cloned() else {
                return;
            };
            let Some(ordered) = self.ordered(&workload) else {
                continue;
            };
            let wanted = ordered["spec"]["replicas"].as_u64();
            let wanted = wanted.and_then(|it| u32::try_from(it).ok());
            if let Some(wanted) = wanted.filter(|wanted| *wanted != replicas) {
                if let Some((_, replicas)) = self.workloads.get_mut(index) {
                    *replicas = wanted;
                }
                self.scale(&workload, wanted);
            }
            let stamp = &ordered["spec"]["template"]["metadata"]["annotations"][RESTARTED];
            let key = object_key(&workload);
            if let Some(stamp) = stamp.as_str()
                && self.restarts.get(&key).map(String::as_str) != Some(stamp)
            {
                self.restarts.insert(key, stamp.to_owned());
                let at = stamp::now();
                for pod in self.live_pods(&workload) {
                    self.delete_pod(&pod, at);
                }
            }
        }
    }

    fn ordered(&self, workload: &Workload) -> Option<Value> {
        let key = object_key(workload);
        let stored = self.store.get(kind_of(workload)?, &key)?;
        match &*stored.object {
            Object::Given(value) => Some((**value).clone()),
            _ => None,
        }
    }

    fn scale(&mut self, workload: &Arc<Workload>, wanted: u32) {
        let at = stamp::now();
        let live = self.live_pods(workload);
        let wanted = wanted as usize;
        // The youngest names go first, as those of a StatefulSet do.
        for pod in live.iter().skip(wanted) {
            self.delete_pod(pod, at);
        }
        for ordinal in live.len()..wanted {
            self.spawn(workload, u32::try_from(ordinal).unwrap_or(0), None, at);
        }
    }

    /// The pods of a workload that nobody asked to end, by name.
    pub(crate) fn live_pods(&self, workload: &Arc<Workload>) -> Vec<Key> {
        let is_live = |object: &Object| match object {
            Object::Pod(pod) => Arc::ptr_eq(&pod.workload, workload) && pod.deleted.is_none(),
            _ => false,
        };
        let pods = self.store.iter(Kind::Pod);
        pods.filter(|(_, stored)| is_live(&stored.object))
            .map(|(key, _)| Arc::clone(key))
            .collect()
    }

    /// How many pods a workload should have.
    pub(crate) fn wanted(&self, workload: &Arc<Workload>) -> usize {
        let found = self
            .workloads
            .iter()
            .find(|(it, _)| Arc::ptr_eq(it, workload));
        found.map_or(0, |(_, replicas)| *replicas as usize)
    }
}

pub(crate) fn object_key(workload: &Workload) -> Key {
    Key::from(format!("{}/{}", workload.namespace, workload.name))
}
