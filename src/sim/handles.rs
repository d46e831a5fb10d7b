//! What tests (and nobody else) do to a running simulation: break boards and the API.
//!
//! The handles hold no state of their own. Invariant: when a call returns, the next request sees
//! its effect.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use super::agenda::Job;
use super::server::Command;
use super::shared::{Ambush, Fault, Shared};
use super::sshd::{SshFault, SshLogin};
use super::stamp;
use super::store::Key;
use super::world::{Pressure, World};

/// One board of the rack. Calls about a board that does not exist do nothing.
#[derive(Debug, Clone)]
pub struct NodeHandle {
    shared: Arc<Shared>,
    name: String,
}

/// The API server of the rack.
#[derive(Debug, Clone)]
pub struct ApiHandle {
    shared: Arc<Shared>,
    commands: mpsc::Sender<Command>,
}

impl NodeHandle {
    pub(crate) fn new(shared: &Arc<Shared>, name: &str) -> Self {
        Self {
            shared: Arc::clone(shared),
            name: name.to_owned(),
        }
    }

    /// Pulls the plug: no more renewals. The cluster notices after its grace time.
    pub fn go_dark(&self) {
        self.change(World::go_dark);
    }

    /// Puts the plug back: the board beats at once; if it was removed, it registers anew.
    pub fn come_back(&self) {
        self.change(|world, name| world.come_back(name, false));
    }

    /// Goes dark now and comes back after `down` with a new boot id.
    pub fn reboot(&self, down: Duration) {
        self.change(|world, name| {
            world.go_dark(name);
            let (node, rebooted) = (Key::from(name), true);
            world
                .agenda
                .add(world.now + down, Job::Back { node, rebooted });
        });
    }

    /// Renews the lease now, besides the usual renewals.
    pub fn beat(&self) {
        self.change(World::beat);
    }

    /// Goes dark and lets the node controller notice at once.
    pub fn be_lost(&self) {
        self.change(|world, name| {
            world.go_dark(name);
            world.lose(name, stamp::now());
        });
    }

    /// The kubelet reports that the container network works, or not (Ready or `NotReady`).
    pub fn set_ready(&self, ready: bool) {
        self.change(|world, name| world.set_network(name, ready));
    }

    /// The kubelet reports a shortage, or its end.
    pub fn set_pressure(&self, pressure: Pressure, short: bool) {
        self.change(|world, name| world.set_pressure(name, pressure, short));
    }

    /// Somebody else cordons or uncordons the node.
    pub fn cordon(&self, cordoned: bool) {
        self.change(|world, name| world.cordon(name, cordoned));
    }

    /// New connections to the board's SSH go wrong like this; `None` ends it.
    pub fn break_ssh(&self, fault: Option<SshFault>) {
        let mut switches = self.shared.switches();
        match fault {
            Some(fault) => _ = switches.ssh.insert(self.name.clone(), fault),
            None => _ = switches.ssh.remove(&self.name),
        }
    }

    /// k3s on the board ends with these words whenever it starts, until somebody restarts its unit. Only SSH tells of it.
    pub fn break_k3s(&self, last_words: &str) {
        self.change(|world, name| {
            if let Some(machine) = world.machines.get_mut(name) {
                machine.hardware.k3s_fails = Some(last_words.to_owned());
            }
        });
    }

    /// New connections to the board's SSH are let in like this.
    pub fn set_ssh_login(&self, login: SshLogin) {
        let mut switches = self.shared.switches();
        switches.logins.insert(self.name.clone(), login);
    }

    /// The firmware reports these bits, and the disk is full or not.
    pub fn set_hardware(&self, throttled: u32, is_disk_full: bool) {
        self.change(|world, name| {
            if let Some(machine) = world.machines.get_mut(name) {
                machine.hardware.throttled = throttled;
                machine.hardware.is_disk_full = is_disk_full;
            }
        });
    }

    /// Somebody else deletes the Node; the board stops talking to the cluster.
    pub fn remove(&self) {
        self.change(|world, name| {
            world.remove_node(name);
        });
    }

    /// The board was reflashed and joins under its old name: new uid, machine id and boot id.
    pub fn replace(&self) {
        self.change(|world, name| {
            world.remove_node(name);
            let machine_id = world.rng.next();
            if let Some(machine) = world.machines.get_mut(name) {
                machine.node.machine = machine_id;
                machine.node.extra = None;
            }
            world.come_back(name, true);
        });
    }

    /// The board gets another host name: the old Node goes, a new one comes.
    #[must_use = "the handle under the old name does nothing any more"]
    pub fn rename(&self, name: &str) -> NodeHandle {
        self.change(|world, old| {
            world.remove_node(old);
            if let Some(machine) = world.machines.remove(old) {
                world.machines.insert(Key::from(name), machine);
                world.come_back(name, true);
            }
        });
        Self::new(&self.shared, name)
    }

    fn change(&self, change: impl FnOnce(&mut World, &str)) {
        change(&mut self.shared.world(), &self.name);
        self.shared.planned.notify_one();
    }
}

impl ApiHandle {
    pub(crate) fn new(shared: &Arc<Shared>, commands: &mpsc::Sender<Command>) -> Self {
        Self {
            shared: Arc::clone(shared),
            commands: commands.clone(),
        }
    }

    /// The port refuses and all connections drop; the rack lives on.
    pub async fn kill(&self) {
        self.order(Command::Kill).await;
    }

    /// The port accepts again, after `kill`; a hang ends too.
    pub async fn restart(&self) {
        self.shared.hung.send_replace(false);
        self.order(Command::Restart).await;
    }

    /// Drops all connections once; new ones are welcome.
    pub async fn drop_connections(&self) {
        self.order(Command::Drop).await;
    }

    /// Accepts connections and answers nothing; open watches fall silent.
    pub fn hang(&self) {
        self.shared.hung.send_replace(true);
    }

    /// Ends a hang: what was asked meanwhile is answered.
    pub fn resume(&self) {
        self.shared.hung.send_replace(false);
    }

    /// Older resource versions and continue tokens are gone from now on.
    pub fn compact(&self) {
        self.shared.world().store.compact();
    }

    /// Forbids a resource (`leases`), one verb on it (`patch nodes`), or everything (`*`). Open watches go on.
    pub fn forbid(&self, what: &str) {
        self.shared.switches().forbidden.insert(what.to_owned());
    }

    /// Takes back a `forbid` of the same text.
    pub fn allow(&self, what: &str) {
        self.shared.switches().forbidden.remove(what);
    }

    /// Spoils the next answer to a path (with its query) that starts so. Faults of one prefix queue.
    pub fn fail_next(&self, path_prefix: &str, fault: Fault) {
        self.ambush(path_prefix, fault, false);
    }

    /// Spoils every such answer until `heal`.
    pub fn fail_always(&self, path_prefix: &str, fault: Fault) {
        self.ambush(path_prefix, fault, true);
    }

    /// Forgets all faults.
    pub fn heal(&self) {
        self.shared.switches().faults.clear();
    }

    /// The requests so far, as `GET /api/v1/nodes?watch=true`; the last ten thousand.
    pub fn request_log(&self) -> Vec<String> {
        self.shared.switches().log.iter().cloned().collect()
    }

    /// The newest resource version.
    pub fn version(&self) -> u64 {
        self.shared.world().store.version()
    }

    fn ambush(&self, path_prefix: &str, fault: Fault, stays: bool) {
        let path_prefix = path_prefix.to_owned();
        self.shared.switches().faults.push_back(Ambush {
            path_prefix,
            fault,
            stays,
        });
    }

    async fn order(&self, command: impl FnOnce(oneshot::Sender<()>) -> Command) {
        let (done, wait) = oneshot::channel();
        // If the server is gone there is nothing left to order.
        if self.commands.send(command(done)).await.is_ok() {
            let _ = wait.await;
        }
    }
}

/// Stores a whole object as given; only what every server adds is added.
pub(crate) fn put(world: &mut World, mut object: Value) -> Result<u64, String> {
    let (kind, key) = kind_and_key(&object)?;
    if let Some(fields) = object.as_object_mut() {
        fields.remove("kind");
        fields.remove("apiVersion");
    }
    let number = super::random::hash(world.rng.next(), &key);
    let metadata = &mut object["metadata"];
    if metadata.get("uid").is_none() {
        metadata["uid"] = Value::from(super::random::uuid(number));
    }
    if metadata.get("creationTimestamp").is_none() {
        metadata["creationTimestamp"] = Value::from(stamp::seconds(stamp::now()));
    }
    let object = super::object::Object::Given(Box::new(object));
    Ok(world.store.put(kind, &Key::from(key), object))
}

fn kind_and_key(object: &Value) -> Result<(super::resource::Kind, String), String> {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str);
    let kind = text("/kind").ok_or("the object has no kind")?;
    let name = text("/metadata/name").ok_or("the object has no metadata.name")?;
    let namespace = text("/metadata/namespace").unwrap_or("default");
    let kind = super::resource::Kind::named(kind)
        .ok_or_else(|| format!("the simulation keeps no objects of kind {kind}"))?;
    Ok((kind, kind.resource().key(namespace, name)))
}
