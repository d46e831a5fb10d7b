//! The pods of the rack: kept, counted by their node, and found again.

use crate::rack::Rack;
use crate::rack::facts::Change;
use crate::rack::link::Source;
use crate::rack::node::{NodeName, Uid};
use crate::rack::pod::{Pod, PodCounts, PodHealth};

impl Rack {
    /// Pods of a node; `None` as long as the pods are not listed or may not be.
    pub fn pod_counts(&self, name: &NodeName) -> Option<PodCounts> {
        self.link
            .has_listed(Source::Pods)
            .then(|| self.counts.get(name).copied().unwrap_or_default())
    }

    /// Every pod that is known, in no order.
    pub(crate) fn pods(&self) -> impl Iterator<Item = &Pod> {
        self.pods.values()
    }

    /// The pods on nodes that fail.
    pub(crate) fn failing_pods(&self) -> impl Iterator<Item = &Pod> {
        self.failing.iter().filter_map(|uid| self.pods.get(uid))
    }

    /// The pods on a node, by namespace and name.
    pub fn pods_on(&self, name: &NodeName) -> Vec<&Pod> {
        let mut pods: Vec<&Pod> = self
            .pods
            .values()
            .filter(|pod| pod.node.as_ref() == Some(name))
            .collect();
        pods.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
        pods
    }

    pub fn pod_by_uid(&self, uid: &Uid) -> Option<&Pod> {
        self.pods.get(uid)
    }

    /// The pods of a namespace, in no order.
    pub fn pods_in(&self, namespace: &str) -> impl Iterator<Item = &Pod> {
        self.pods
            .values()
            .filter(move |pod| *pod.namespace == *namespace)
    }

    pub(super) fn apply_pods(&mut self, change: Change<Pod>) {
        match change {
            Change::Listed(pods) => {
                self.counts.clear();
                self.failing.clear();
                self.pods.clear();
                self.pods.reserve(pods.len());
                for pod in pods {
                    self.count(&pod, true);
                    self.pods.insert(pod.uid.clone(), pod);
                }
            }
            Change::Applied(pod) => {
                if let Some(before) = self.pods.remove(&pod.uid) {
                    self.count(&before, false);
                }
                self.count(&pod, true);
                self.pods.insert(pod.uid.clone(), pod);
            }
            Change::Deleted(pod) => {
                if let Some(before) = self.pods.remove(&pod.uid) {
                    self.count(&before, false);
                }
            }
        }
    }

    fn count(&mut self, pod: &Pod, is_there: bool) {
        let Some(node) = &pod.node else { return };
        let health = pod.health();
        if health == PodHealth::Failing {
            if is_there {
                self.failing.insert(pod.uid.clone());
            } else {
                self.failing.remove(&pod.uid);
            }
        }
        let held = u32::from(health != PodHealth::Done);
        let failing = u32::from(health == PodHealth::Failing);
        if !self.counts.contains_key(node) {
            self.counts.insert(node.clone(), PodCounts::default());
        }
        let Some(counts) = self.counts.get_mut(node) else {
            return;
        };
        if is_there {
            counts.held += held;
            counts.failing += failing;
        } else {
            counts.held = counts.held.saturating_sub(held);
            counts.failing = counts.failing.saturating_sub(failing);
        }
    }
}
