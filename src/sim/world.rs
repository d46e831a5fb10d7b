//! The simulated rack: the boards as they really are, and what the cluster does about them.
//!
//! It knows no HTTP and starts no task. Invariant: everything the API shows of a node changes
//! here, with the events, taints and pod conditions that go with it in a real cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use serde_json::Value;

use super::agenda::{Agenda, Job};
use super::board::Hardware;
use super::event::Event;
use super::lease::{self, Lease};
use super::metallb::Balancer;
use super::node::{
    DISK_SHORT, DISK_WELL, MEMORY_SHORT, MEMORY_WELL, NETWORK_NOT_READY, Node, PID_WELL, READY,
};
use super::object::Object;
use super::onboard::Card;
use super::random::{Rng, hash, uuid};
use super::resource::Kind;
use super::scenario::{BeatPlan, Scenario};
use super::stamp;
use super::storage::Keeper;
use super::store::{Key, Store};
use super::workload::Workload;

/// Silence after which MetalLB's speakers count one of them out.
const MEMBERSHIP: Duration = Duration::from_secs(3);

/// Everything there is.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) scenario: Scenario,
    pub(crate) seed: u64,
    pub(crate) rng: Rng,
    pub(crate) agenda: Agenda,
    pub(crate) machines: BTreeMap<Key, Machine>,
    /// Boards that are no nodes, and what is on the cards of those that somebody onboards.
    pub(crate) blanks: BTreeMap<Key, Machine>,
    pub(crate) cards: BTreeMap<Key, Card>,
    /// What runs on every board, also on one that joins later.
    pub(crate) daemons: Vec<Arc<Workload>>,
    /// Everything that runs, with the number of pods it should have.
    pub(crate) workloads: Vec<(Arc<Workload>, u32)>,
    /// The last order to make all pods anew that was followed, by workload.
    pub(crate) restarts: BTreeMap<Key, String>,
    /// Kinds of MetalLB that are installed.
    pub(crate) installed: BTreeSet<Kind>,
    pub(crate) balancer: Balancer,
    pub(crate) keeper: Keeper,
    pub(crate) controllers_planned: bool,
    /// What k3s writes on a server for root: a kubeconfig in which everything is called `default`.
    pub(crate) k3s_yaml: String,
    /// What each manager applied last, by object.
    pub(crate) applied: BTreeMap<(Kind, String), Vec<(String, Value)>>,
    /// Pods that may be picked when some pod shall change; may hold names of pods long gone.
    pub(crate) pods: Vec<Key>,
    /// Time since the start.
    pub(crate) now: Duration,
}

/// A board: what is true of it, whatever the API believes.
#[derive(Debug, Clone)]
pub(crate) struct Machine {
    /// The node as it registers itself.
    pub(crate) node: Node,
    pub(crate) beat: BeatPlan,
    pub(crate) alive: bool,
    /// Counts the times it went or came back; jobs of an older epoch are void.
    pub(crate) epoch: u32,
    pub(crate) last_beat: Duration,
    /// Whether the node controller hears it.
    pub(crate) heard: bool,
    pub(crate) network_works: bool,
    pub(crate) short_of: Vec<Pressure>,
    pub(crate) hardware: Hardware,
}

/// Something wrong with a board that its kubelet reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pressure {
    /// Memory runs out.
    Memory,
    /// The disk is full.
    Disk,
}

impl World {
    /// Whether the API knows objects of this kind.
    pub(crate) fn serves(&self, kind: Kind) -> bool {
        !kind.is_of_metallb() || self.installed.contains(&kind)
    }

    /// The node of that name, unless a test put something else in its place.
    pub(crate) fn node(&self, name: &str) -> Option<&Node> {
        match &*self.store.get(Kind::Node, name)?.object {
            Object::Node(node) => Some(node),
            _ => None,
        }
    }

    /// Changes a node and stores it; nothing happens if there is none.
    pub(crate) fn change_node(&mut self, name: &str, change: impl FnOnce(&mut Node)) {
        let Some(mut node) = self.node(name).cloned() else {
            return;
        };
        change(&mut node);
        self.store
            .put(Kind::Node, &Key::from(name), Object::Node(Box::new(node)));
    }

    /// Renews a lease now, as the kubelet does. A lease a test has put is left as it is.
    pub(crate) fn beat(&mut self, name: &str) {
        let now = self.now;
        let Some(machine) = self.machines.get_mut(name) else {
            return;
        };
        machine.last_beat = now;
        let key: Key = Arc::from(format!("{}/{name}", lease::NAMESPACE));
        let lease = match self.store.get(Kind::Lease, &key).map(|it| &*it.object) {
            Some(Object::Lease(lease)) => Lease {
                renewed: stamp::now_micros(),
                ..lease.clone()
            },
            Some(_) => return,
            None => Lease {
                uid: hash(self.seed, &key),
                node_uid: machine.node.uid,
                created: stamp::now(),
                duration_seconds: self.scenario.lease_duration_seconds,
                renewed: stamp::now_micros(),
            },
        };
        self.store.put(Kind::Lease, &key, Object::Lease(lease));
    }

    /// The board falls silent. The cluster notices later.
    pub(crate) fn go_dark(&mut self, name: &str) {
        if let Some(machine) = self.machines.get_mut(name) {
            machine.alive = false;
            machine.epoch += 1;
            // The speakers miss one of theirs long before the cluster misses the node.
            self.agenda.add(self.now + MEMBERSHIP, Job::Control);
        }
    }

    /// The board is back on the network: it beats at once and says how it is.
    pub(crate) fn come_back(&mut self, name: &str, rebooted: bool) {
        let boot = self.rng.next();
        let Some(machine) = self.machines.get_mut(name) else {
            return;
        };
        machine.alive = true;
        machine.epoch += 1;
        if rebooted {
            machine.node.boot = boot;
            machine.hardware.boot();
        }
        if self.store.get(Kind::Node, name).is_none() {
            self.register(name);
        }
        self.beat(name);
        self.schedule_beat(name);
        self.schedule_status(name);
        if rebooted {
            self.change_node(name, |node| node.boot = boot);
            let message = format!("Node {name} has been rebooted, boot id: {}", uuid(boot));
            let at = stamp::now();
            self.remark(
                name,
                "Normal",
                "Starting",
                "Starting kubelet.".to_owned(),
                at,
            );
            self.remark(name, "Warning", "Rebooted", message, at);
        }
        self.hear(name);
    }

    /// The node controller gives a node up: conditions unknown, taints, pods not ready.
    pub(crate) fn lose(&mut self, name: &str, at: i64) {
        match self.machines.get_mut(name) {
            Some(machine) => machine.heard = false,
            None => return,
        }
        self.change_node(name, |node| {
            for condition in [
                &mut node.memory,
                &mut node.disk,
                &mut node.pid,
                &mut node.ready,
            ] {
                condition.lose(at);
            }
        });
        self.settle_taints(name);
        self.node_controller_says(name, "NodeNotReady", at);
        self.set_pods_heard(name, false, at);
    }

    /// The kubelet posts its status: conditions, the taints that follow, and the pods'.
    pub(crate) fn post_status(&mut self, name: &str) {
        let Some(machine) = self.machines.get(name).filter(|machine| machine.alive) else {
            return;
        };
        let at = stamp::now();
        let short = |pressure| machine.short_of.contains(&pressure);
        let memory = if short(Pressure::Memory) {
            MEMORY_SHORT
        } else {
            MEMORY_WELL
        };
        let disk = if short(Pressure::Disk) {
            DISK_SHORT
        } else {
            DISK_WELL
        };
        let ready = if machine.network_works {
            READY
        } else {
            NETWORK_NOT_READY
        };
        let was_ready = self.node(name).is_some_and(Node::is_ready);
        self.change_node(name, |node| {
            node.memory.say(memory, at);
            node.disk.say(disk, at);
            node.pid.say(PID_WELL, at);
            node.ready.say(ready, at);
        });
        self.settle_taints(name);
        let is_ready = self.node(name).is_some_and(Node::is_ready);
        match (was_ready, is_ready) {
            (false, true) => {
                let message = format!("Node {name} status is now: NodeReady");
                self.remark(name, "Normal", "NodeReady", message, at);
            }
            (true, false) => self.node_controller_says(name, "NodeNotReady", at),
            _ => return,
        }
        self.set_pods_heard(name, is_ready, at);
    }

    /// Changes what is wrong with a board; its kubelet reports it at once.
    pub(crate) fn set_network(&mut self, name: &str, works: bool) {
        if let Some(machine) = self.machines.get_mut(name) {
            machine.network_works = works;
            self.post_status(name);
        }
    }

    /// As `set_network`, for memory and disk.
    pub(crate) fn set_pressure(&mut self, name: &str, pressure: Pressure, short: bool) {
        let Some(machine) = self.machines.get_mut(name) else {
            return;
        };
        machine.short_of.retain(|known| *known != pressure);
        if short {
            machine.short_of.push(pressure);
        }
        let (resource, reasons) = match pressure {
            Pressure::Memory => (
                "memory",
                ["NodeHasSufficientMemory", "NodeHasInsufficientMemory"],
            ),
            Pressure::Disk => (
                "ephemeral-storage",
                ["NodeHasNoDiskPressure", "NodeHasDiskPressure"],
            ),
        };
        self.post_status(name);
        let at = stamp::now();
        let [well, bad] = reasons;
        let reason = if short { bad } else { well };
        let message = format!("Node {name} status is now: {reason}");
        self.remark(name, "Normal", reason, message, at);
        if short {
            let message = format!("Attempting to reclaim {resource}");
            self.remark(name, "Warning", "EvictionThresholdMet", message, at);
        }
    }

    /// Marks a node unschedulable or schedulable, with the taint that goes with it.
    pub(crate) fn cordon(&mut self, name: &str, cordoned: bool) {
        self.change_node(name, |node| {
            node.cordoned = cordoned;
            node.settle_cordon();
        });
    }

    /// Takes a node out of the cluster: its lease and its pods go with it. The board stays known.
    pub(crate) fn remove_node(&mut self, name: &str) -> bool {
        if self.store.remove(Kind::Node, name).is_none() {
            return false;
        }
        self.go_dark(name);
        let lease = format!("{}/{name}", lease::NAMESPACE);
        self.store.remove(Kind::Lease, &lease);
        if !self.scenario.keeps_passwords {
            self.store.remove(Kind::Secret, &password_key(name));
        }
        self.drop_pods_of(name);
        true
    }

    /// The server remembers the hash of a node's password, as k3s does, so that no other board takes its name.
    pub(crate) fn remember_password(&mut self, name: &str) {
        let number = hash(self.seed, &format!("password {name}"));
        let secret = json!({
            "metadata": {
                "name": format!("{name}.node-password.k3s"),
                "namespace": "kube-system",
                "uid": uuid(number),
                "creationTimestamp": stamp::seconds(stamp::now()),
            },
            "data": { "hash": "JDE6MDAwMDAwMDAwMDAwMDAwMDoxNTo4OjE6c2ltdWxhdGVk" },
            "immutable": true,
            "type": "Opaque",
        });
        let object = Object::Given(Box::new(secret));
        self.store.put(Kind::Secret, &password_key(name), object);
    }

    /// A board joins the cluster as a new node object.
    pub(crate) fn register(&mut self, name: &str) {
        let uid = self.rng.next();
        let Some(machine) = self.machines.get_mut(name) else {
            return;
        };
        let at = stamp::now();
        machine.heard = true;
        machine.last_beat = self.now;
        machine.node.uid = uid;
        machine.node.created = at;
        let mut node = machine.node.clone();
        node.ready.transition = at;
        node.taints.clear();
        node.cordoned = false;
        let key = Key::from(name);
        self.store
            .put(Kind::Node, &key, Object::Node(Box::new(node)));
        let message = format!("Node {name} event: Registered Node {name} in Controller");
        self.say(self.node_event(
            name,
            "Normal",
            "RegisteredNode",
            message,
            "node-controller",
            at,
        ));
        let first_look = self.now + self.scenario.grace.0;
        self.agenda.add(first_look, Job::Watchdog { node: key });
        self.remember_password(name);
        for workload in self.daemons.clone() {
            self.spawn(&workload, 0, Some(name), at);
        }
    }

    /// Plans the next renewal of a board's lease.
    pub(crate) fn schedule_beat(&mut self, name: &str) {
        let Some((node, machine)) = self.machines.get_key_value(name) else {
            return;
        };
        let usual = machine.beat.every.unwrap_or(self.scenario.beat).0;
        let late = machine.beat.late.map(|late| late.0);
        let wait = match late {
            Some(late) if self.rng.chance(machine.beat.late_percent) => late,
            _ => usual,
        };
        let wait = self.rng.around(wait, self.scenario.jitter.0.min(wait / 4));
        let (node, epoch) = (Arc::clone(node), machine.epoch);
        self.agenda.add(self.now + wait, Job::Beat { node, epoch });
    }

    /// Plans the next whole status of a kubelet.
    pub(crate) fn schedule_status(&mut self, name: &str) {
        let Some((node, machine)) = self.machines.get_key_value(name) else {
            return;
        };
        let every = self.scenario.status_every.0;
        let wait = self.rng.around(every, every / 25);
        let (node, epoch) = (Arc::clone(node), machine.epoch);
        self.agenda
            .add(self.now + wait, Job::Status { node, epoch });
    }

    /// Records an event; the same thing said again about the same object counts up.
    pub(crate) fn say(&mut self, event: Event) {
        let namespace = match event.object_namespace.as_str() {
            "" => "default",
            namespace => namespace,
        };
        let number = hash(
            self.seed,
            &format!("{}{}{}", event.object, event.reason, event.host),
        );
        let key = format!("{namespace}/{}.{:016x}", event.object, number >> 4);
        let key: Key = Arc::from(key);
        let event = match self.store.get(Kind::Event, &key).map(|it| &*it.object) {
            Some(Object::Event(before)) => Event {
                first: before.first,
                count: before.count + 1,
                ..event
            },
            _ => event,
        };
        self.store
            .put(Kind::Event, &key, Object::Event(Box::new(event)));
    }

    /// A kubelet says something about its node.
    pub(crate) fn remark(
        &mut self,
        name: &str,
        severity: &'static str,
        reason: &'static str,
        message: String,
        at: i64,
    ) {
        let mut event = self.node_event(name, severity, reason, message, "kubelet", at);
        name.clone_into(&mut event.host);
        name.clone_into(&mut event.object_uid);
        self.say(event);
    }

    pub(crate) fn node_event(
        &self,
        name: &str,
        severity: &'static str,
        reason: &'static str,
        message: String,
        component: &'static str,
        at: i64,
    ) -> Event {
        Event {
            about: "Node",
            object: name.to_owned(),
            object_namespace: String::new(),
            object_uid: self
                .node(name)
                .map_or_else(String::new, |node| uuid(node.uid)),
            severity,
            reason,
            message,
            component,
            host: String::new(),
            first: at,
            last: at,
            count: 1,
        }
    }

    /// A lost node is heard again, or a heard one posts its status early.
    fn hear(&mut self, name: &str) {
        let Some((node, machine)) = self.machines.get_key_value(name) else {
            return;
        };
        let (node, was_heard) = (Arc::clone(node), machine.heard);
        if let Some(machine) = self.machines.get_mut(name) {
            machine.heard = true;
        }
        self.post_status(name);
        if !was_heard {
            let next_look = self.now + self.scenario.grace.0;
            self.agenda.add(next_look, Job::Watchdog { node });
            self.end_terminating_pods_of(name);
        }
    }

    fn node_controller_says(&mut self, name: &str, reason: &'static str, at: i64) {
        let message = format!("Node {name} status is now: {reason}");
        self.say(self.node_event(name, "Normal", reason, message, "node-controller", at));
    }

    /// Sets the taints that follow from the conditions.
    fn settle_taints(&mut self, name: &str) {
        let Some(node) = self.node(name) else { return };
        let mut settled = node.clone();
        let unreachable = node.ready.status == "Unknown";
        let not_ready = node.ready.status == "False";
        for effect in ["NoSchedule", "NoExecute"] {
            settled.set_taint("node.kubernetes.io/unreachable", effect, unreachable);
            settled.set_taint("node.kubernetes.io/not-ready", effect, not_ready);
        }
        let (memory, disk) = (node.memory.status == "True", node.disk.status == "True");
        settled.set_taint("node.kubernetes.io/memory-pressure", "NoSchedule", memory);
        settled.set_taint("node.kubernetes.io/disk-pressure", "NoSchedule", disk);
        if settled.taints != node.taints {
            self.store.put(
                Kind::Node,
                &Key::from(name),
                Object::Node(Box::new(settled)),
            );
        }
    }
}

/// Where k3s keeps the password of a node.
fn password_key(name: &str) -> Key {
    Arc::from(format!("kube-system/{name}.node-password.k3s"))
}
