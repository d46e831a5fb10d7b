//! The simulated rack: a Kubernetes API on 127.0.0.1 that lives from a scenario file.
//!
//! `bramble demo` starts it and runs the ordinary program against it; tests start it and break
//! things through its handles. It is no Kubernetes: it serves the kinds the cockpit reads, in the
//! shapes a real kube-apiserver sends. It shares no code with the clients, so that a mistake on one
//! side cannot hide the same mistake on the other.
//!
//! ```text
//! scenarios/*.toml ─► scenario ─► populate ─► World ◄── life (agenda, real seconds)
//!                                              │ ▲
//!                    kube_api ◄─ store (versions, history) ◄── handles (tests)
//! ```
//!
//! Invariant: the same scenario and seed give the same names, ages and order of happenings.

mod agenda;
mod board;
mod boards;
mod controllers;
mod endpoints;
mod event;
mod gitlab;
mod handles;
mod kube_api;
mod lease;
mod life;
mod metallb;
mod metrics;
mod node;
mod object;
mod onboard;
mod owners;
mod pod;
mod pods;
mod populate;
mod random;
mod releases;
mod resource;
mod rollouts;
mod scenario;
mod server;
mod services;
mod shared;
mod sshd;
mod stamp;
mod storage;
mod store;
mod workload;
mod world;

#[cfg(test)]
mod tests;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

pub use gitlab::{Gitlab, GitlabFault};
pub use handles::{ApiHandle, NodeHandle};
pub use releases::Releases;
pub use scenario::Scenario;
pub use shared::Fault;
pub use sshd::{SshFault, SshLogin};
pub use world::Pressure;

use server::Command;
use shared::Shared;

/// The user the demo's token belongs to.
pub(crate) const USER: &str = "demo";

/// A running simulation. Dropping it ends it.
#[derive(Debug)]
pub struct Sim {
    shared: Arc<Shared>,
    context: String,
    version: String,
    address: SocketAddr,
    commands: mpsc::Sender<Command>,
    tasks: JoinSet<()>,
    ports: Vec<sshd::Port>,
}

impl Sim {
    /// Starts a rack on a free port of 127.0.0.1.
    pub async fn start(scenario: Scenario, seed: u64) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let context = scenario.context().to_owned();
        let version = scenario.server_version.clone();
        let token = format!("demo-{:016x}", random::hash(seed, "token"));
        let started = Instant::now();
        let shared = Arc::new(Shared::new(populate::world(scenario, seed), token));
        let (commands, orders) = mpsc::channel(8);
        let mut tasks = JoinSet::new();
        shared.world().k3s_yaml = kubeconfig(
            &format!("http://{address}"),
            &shared.token,
            ("default", "default"),
        );
        tasks.spawn(life::drive(Arc::clone(&shared), started));
        tasks.spawn(server::serve(
            Arc::clone(&shared),
            listener,
            address,
            orders,
        ));
        let ports = sshd::start(&shared, &mut tasks).await?;
        Ok(Self {
            shared,
            context,
            version,
            address,
            commands,
            tasks,
            ports,
        })
    }

    /// `http://127.0.0.1:PORT`
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The name of the one context of its kubeconfig.
    pub fn context(&self) -> &str {
        &self.context
    }

    /// The version of k3s its boards run.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The token of the demo's user.
    pub fn token(&self) -> &str {
        &self.shared.token
    }

    /// A kubeconfig for this rack; its one context is named as the scenario says.
    pub fn kubeconfig(&self) -> String {
        kubeconfig(&self.url(), self.token(), (&self.context, USER))
    }

    /// A configuration of ssh under which the boards are found by the names of their nodes, and nothing of the person's
    /// own is used. `known_hosts` is where [`Sim::known_hosts`] was written.
    pub fn ssh_config(&self, known_hosts: &std::path::Path) -> String {
        let host = |port: &sshd::Port| {
            format!(
                "Host {}\n  HostName 127.0.0.1\n  Port {}\n  User pi\n",
                port.node, port.number
            )
        };
        let hosts: String = self.ports.iter().map(host).collect();
        format!(
            "{hosts}Host *\n  UserKnownHostsFile {0}\n  GlobalKnownHostsFile /dev/null\n  \
             IdentityFile none\n  IdentityAgent none\n  StrictHostKeyChecking yes\n",
            known_hosts.display()
        )
    }

    /// The keys of the boards, as `known_hosts` holds them.
    pub fn known_hosts(&self) -> String {
        let line = |port: &sshd::Port| format!("[127.0.0.1]:{} {}\n", port.number, port.key);
        self.ports.iter().map(line).collect()
    }

    /// The names of the boards that have SSH.
    pub fn ssh_boards(&self) -> impl Iterator<Item = &str> {
        self.ports.iter().map(|port| &*port.node)
    }

    /// The board of that name.
    pub fn node(&self, name: &str) -> NodeHandle {
        NodeHandle::new(&self.shared, name)
    }

    /// The API server.
    pub fn api(&self) -> ApiHandle {
        ApiHandle::new(&self.shared, &self.commands)
    }

    /// Stores an object of a known kind as it is given, however odd, and lets watchers see it.
    /// From then on the simulation leaves that object alone. The answer is its resource version.
    pub fn put(&self, object: Value) -> Result<u64, String> {
        let version = handles::put(&mut self.shared.world(), object);
        self.shared.planned.notify_one();
        version
    }

    /// Changes an object by a merge patch, past every check: `patch("Node", "rpi-01", …)`,
    /// `patch("Pod", "web/shop-0", …)`.
    pub fn patch(&self, kind: &str, key: &str, patch: &Value) -> Result<u64, String> {
        let version = kube_api::force_patch(&mut self.shared.world(), kind, key, patch);
        self.shared.planned.notify_one();
        version
    }

    /// Deletes an object at once; false if there is none.
    pub fn delete(&self, kind: &str, key: &str) -> bool {
        let kind = resource::Kind::named(kind);
        let is_gone =
            kind.is_some_and(|kind| self.shared.world().store.remove(kind, key).is_some());
        self.shared.planned.notify_one();
        is_gone
    }

    /// Installs the kinds of a MetalLB of this version (`0.15.3`), and nothing that would act on them.
    pub fn install_metallb(&self, version: &str) {
        self.shared.world().install_metallb(version);
    }

    /// Takes a kind away with all its objects, like the removal of a custom resource definition.
    pub fn uninstall(&self, kind: &str) {
        if let Some(kind) = resource::Kind::named(kind) {
            self.shared.world().uninstall(kind);
        }
    }

    /// Ends the simulation and waits until its port is closed.
    pub async fn shutdown(mut self) {
        self.tasks.shutdown().await;
    }
}

/// One cluster, one user, one context, as kubectl writes them.
fn kubeconfig(url: &str, token: &str, (context, user): (&str, &str)) -> String {
    let context = Value::from(context);
    format!(
        "apiVersion: v1\n\
         clusters:\n\
         - cluster:\n    server: {url}\n  name: {context}\n\
         contexts:\n\
         - context:\n    cluster: {context}\n    user: {user}\n  name: {context}\n\
         current-context: {context}\n\
         kind: Config\n\
         preferences: {{}}\n\
         users:\n\
         - name: {user}\n  user:\n    token: {token}\n"
    )
}
