//! What happens to the pods of the simulated rack: they get unready, crash, are evicted, replaced.
//!
//! Nodes are changed in `world` only. Invariant: a pod that a controller owns is replaced when it
//! goes, one that nobody owns is not.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::agenda::Job;
use super::event::Event;
use super::node::Node;
use super::object::Object;
use super::pod::{Place, Pod, State};
use super::random::uuid;
use super::resource::{Kind, split_key};
use super::scenario::WorkloadKind;
use super::stamp;
use super::store::Key;
use super::workload::Workload;
use super::world::World;

impl World {
    pub(crate) fn pod(&self, key: &str) -> Option<&Pod> {
        match &*self.store.get(Kind::Pod, key)?.object {
            Object::Pod(pod) => Some(pod),
            _ => None,
        }
    }

    /// One pod of the rack changes: it gets unready for a while, or its container restarts.
    pub(crate) fn churn(&mut self) {
        let Some(key) = self.rng.pick(&self.pods).map(Arc::clone) else {
            return;
        };
        let (restarts, pause) = (self.rng.chance(25), self.rng.up_to(Duration::from_secs(5)));
        let Some(pod) = self.pod(&key).filter(|pod| pod.state == State::Running) else {
            return;
        };
        if pod.deleted.is_some() {
            return;
        }
        let mut pod = pod.becomes(State::Unready, stamp::now());
        if restarts {
            pod.restarts += 1;
            pod.state = State::Running;
        } else {
            let due = self.now + Duration::from_secs(1) + pause;
            let pod = Arc::clone(&key);
            self.agenda.add(due, Job::Settle { pod });
        }
        self.store.put(Kind::Pod, &key, Object::Pod(pod));
    }

    /// A pod that was starting or unready becomes ready, if its node is heard; one that found no
    /// node looks for one again.
    pub(crate) fn settle_pod(&mut self, key: &Key) {
        let Some(pod) = self.pod(key).cloned() else {
            return;
        };
        let (state, place) = match pod.state {
            State::Creating | State::Unready => {
                let heard = self.node(pod.node_name()).is_some_and(Node::is_ready);
                let state = if heard {
                    State::Running
                } else {
                    State::Unheard
                };
                (state, pod.place.clone())
            }
            State::Unschedulable => {
                let again = self.now + Duration::from_secs(4);
                let retry = Job::Settle {
                    pod: Arc::clone(key),
                };
                self.agenda.add(again, retry);
                let node = self.free_node();
                match node.and_then(|node| self.place_on(&node)) {
                    Some(place) => (State::Creating, Some(place)),
                    None => return,
                }
            }
            _ => return,
        };
        let pod = Pod {
            place,
            ..pod.becomes(state, stamp::now())
        };
        self.store.put(Kind::Pod, key, Object::Pod(pod));
    }

    /// A failing pod goes from waiting to trying, or from trying back to waiting.
    pub(crate) fn crash(&mut self, key: &Key) {
        let rest = self.rng.up_to(Duration::from_secs(20));
        let Some(pod) = self.pod(key) else { return };
        let (next, wait) = match pod.state {
            State::CrashLoop => (State::Trying, Duration::from_secs(4) + rest / 4),
            State::Trying => (State::CrashLoop, Duration::from_secs(30) + rest),
            _ => return,
        };
        let mut pod = pod.becomes(next, stamp::now());
        if next == State::Trying {
            pod.restarts += 1;
        }
        let (name, uid) = (pod.workload.name.clone(), uuid(pod.uid));
        let node = pod.node_name().to_owned();
        self.store.put(Kind::Pod, key, Object::Pod(pod));
        if next == State::CrashLoop {
            let (namespace, pod_name) = split_key(key);
            let message = format!(
                "Back-off restarting failed container {name} in pod {pod_name}_{namespace}({uid})"
            );
            self.say(pod_event(key, uid, "BackOff", message, node, stamp::now()));
        }
        let pod = Arc::clone(key);
        self.agenda.add(self.now + wait, Job::Crash { pod });
    }

    /// Asks a pod to end; false if there is none. It is gone a little later, if its board lives.
    pub(crate) fn delete_pod(&mut self, key: &Key, at: i64) -> bool {
        let Some(stored) = self.store.get(Kind::Pod, key) else {
            return false;
        };
        let pod = match &*stored.object {
            Object::Pod(pod) => pod,
            Object::Given(value) => {
                let ending = ending(value, at);
                return match ending {
                    Some(object) => self.store.put(Kind::Pod, key, object) > 0,
                    None => self.store.remove(Kind::Pod, key).is_some(),
                };
            }
            _ => return false,
        };
        if pod.deleted.is_some() {
            return true;
        }
        let mut ending = pod.clone();
        ending.deleted = Some(at);
        let workload = Arc::clone(&ending.workload);
        let (uid, node) = (uuid(ending.uid), ending.node_name().to_owned());
        self.store.put(Kind::Pod, key, Object::Pod(ending));
        let message = format!("Stopping container {}", workload.name);
        self.say(pod_event(key, uid, "Killing", message, node, at));
        let wait = Duration::from_secs(1) + self.rng.up_to(Duration::from_secs(2));
        let pod = Arc::clone(key);
        self.agenda.add(self.now + wait, Job::Gone { pod });
        if workload.kind == WorkloadKind::Deployment
            && self.live_pods(&workload).len() < self.wanted(&workload)
        {
            self.spawn(&workload, 0, None, at);
        }
        true
    }

    /// A pod that was asked to end has ended. On a dead board it never does.
    pub(crate) fn pod_gone(&mut self, key: &Key) {
        let Some(pod) = self.pod(key).filter(|pod| pod.deleted.is_some()) else {
            return;
        };
        let node = pod.node_name().to_owned();
        if self
            .machines
            .get(&*node)
            .is_some_and(|machine| !machine.alive)
        {
            return;
        }
        let workload = Arc::clone(&pod.workload);
        let at = stamp::now();
        self.store.remove(Kind::Pod, key);
        match workload.kind {
            WorkloadKind::StatefulSet => {
                let ordinal = key
                    .rsplit_once('-')
                    .and_then(|(_, number)| number.parse::<u32>().ok())
                    .unwrap_or(0);
                if (ordinal as usize) < self.wanted(&workload) {
                    self.spawn(&workload, ordinal, None, at);
                }
            }
            WorkloadKind::DaemonSet => self.spawn(&workload, 0, Some(&node), at),
            WorkloadKind::Deployment | WorkloadKind::Job | WorkloadKind::Pod => {}
        }
    }

    /// A new pod of a workload, on the wanted node or on any that takes it.
    pub(crate) fn spawn(
        &mut self,
        workload: &Arc<Workload>,
        ordinal: u32,
        wanted: Option<&str>,
        at: i64,
    ) {
        let node = match wanted {
            Some(name) => self.node(name).map(|_| Key::from(name)),
            None => self.free_node(),
        };
        let suffix = self.rng.suffix(5);
        let name = workload.pod_name(&suffix, ordinal);
        let key: Key = Arc::from(format!("{}/{name}", workload.namespace));
        let place = node.and_then(|node| self.place_on(&node));
        let state = match place {
            Some(_) => State::Creating,
            None => State::Unschedulable,
        };
        let pod = Pod {
            workload: Arc::clone(workload),
            place,
            uid: self.rng.next(),
            created: at,
            changed: at,
            restarts: 0,
            state,
            deleted: None,
        };
        let wait = Duration::from_secs(2) + self.rng.up_to(Duration::from_secs(3));
        self.store.put(Kind::Pod, &key, Object::Pod(pod));
        self.pods.push(Arc::clone(&key));
        self.agenda.add(self.now + wait, Job::Settle { pod: key });
    }

    /// An address for a pod on a node; `None` if there is no such board.
    pub(crate) fn place_on(&mut self, node: &Key) -> Option<Place> {
        let machine = self.machines.get(node)?;
        let (host_ip, place) = (machine.node.ip, machine.node.place);
        let last = u8::try_from(2 + self.rng.below(250)).unwrap_or(2);
        let [_, _, high, low] = place.to_be_bytes();
        Some(Place {
            node: Arc::clone(node),
            host_ip,
            ip: Ipv4Addr::new(10, 42_u8.wrapping_add(high), low, last),
        })
    }

    /// Pods of a node become ready again, or are called not ready by the node controller.
    pub(crate) fn set_pods_heard(&mut self, node: &str, heard: bool, at: i64) {
        let (from, to) = if heard {
            (State::Unheard, State::Running)
        } else {
            (State::Running, State::Unheard)
        };
        for key in self.pods_of(node) {
            if let Some(pod) = self.pod(&key).filter(|pod| pod.state == from) {
                let pod = pod.becomes(to, at);
                self.store.put(Kind::Pod, &key, Object::Pod(pod));
            }
        }
    }

    /// The pods of a node lost too long are to end and to start elsewhere; those of daemons stay.
    pub(crate) fn give_up_pods_of(&mut self, node: &str, at: i64) {
        for key in self.pods_of(node) {
            let stays = |pod: &Pod| pod.workload.kind == WorkloadKind::DaemonSet;
            if !self.pod(&key).is_some_and(stays) {
                self.delete_pod(&key, at);
            }
        }
    }

    /// Pods that could not end because their board was dead do so now.
    pub(crate) fn end_terminating_pods_of(&mut self, node: &str) {
        for key in self.pods_of(node) {
            if self.pod(&key).is_some_and(|pod| pod.deleted.is_some()) {
                let wait = self.rng.up_to(Duration::from_secs(3));
                self.agenda.add(self.now + wait, Job::Gone { pod: key });
            }
        }
    }

    /// The pods of a removed node vanish; those with an owner are replaced.
    pub(crate) fn drop_pods_of(&mut self, node: &str) {
        let at = stamp::now();
        for key in self.pods_of(node) {
            let workload = self.pod(&key).map(|pod| Arc::clone(&pod.workload));
            self.store.remove(Kind::Pod, &key);
            if let Some(workload) = workload
                && workload.kind == WorkloadKind::Deployment
            {
                self.spawn(&workload, 0, None, at);
            }
        }
    }

    fn pods_of(&self, node: &str) -> Vec<Key> {
        let pods = self.store.iter(Kind::Pod);
        pods.filter(|(key, stored)| stored.object.field(key, "spec.nodeName") == node)
            .map(|(key, _)| Arc::clone(key))
            .collect()
    }

    /// A node that is ready and takes new pods.
    fn free_node(&mut self) -> Option<Key> {
        let takes = |node: &Node| node.is_ready() && !node.cordoned && node.taints.is_empty();
        let free: Vec<Key> = self
            .machines
            .keys()
            .filter(|name| self.node(name).is_some_and(takes))
            .map(Arc::clone)
            .collect();
        self.rng.pick(&free).map(Arc::clone)
    }
}

/// A pod that a test put: marked as ending, and left for the test to end, which plays its kubelet. `None` when there is
/// no kubelet to wait for.
fn ending(pod: &Value, at: i64) -> Option<Object> {
    let is_placed = pod["spec"]["nodeName"]
        .as_str()
        .is_some_and(|node| !node.is_empty());
    let mut pod = pod.clone();
    if pod["metadata"].get("deletionTimestamp").is_none() {
        pod["metadata"]["deletionTimestamp"] = json!(stamp::seconds(at + 30));
        pod["metadata"]["deletionGracePeriodSeconds"] = json!(30);
    }
    is_placed.then(|| Object::Given(Box::new(pod)))
}

pub(crate) fn pod_event(
    key: &Key,
    uid: String,
    reason: &'static str,
    message: String,
    host: String,
    at: i64,
) -> Event {
    let (namespace, name) = split_key(key);
    Event {
        about: "Pod",
        object: name.to_owned(),
        object_namespace: namespace.to_owned(),
        object_uid: uid,
        severity: if reason == "Killing" {
            "Normal"
        } else {
            "Warning"
        },
        reason,
        message,
        component: "kubelet",
        host,
        first: at,
        last: at,
        count: 1,
    }
}
