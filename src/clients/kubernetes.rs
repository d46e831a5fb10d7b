//! The Kubernetes API as a stream of facts: one context of a kubeconfig, followed for ever.
//!
//! [`follow`] reads the kubeconfig, connects, lists and watches Nodes, Leases, Pods and the Events of nodes, asks for
//! metrics while they are wanted, notices when the server is gone, and comes back by itself. All of it is one future:
//! drop it and everything ends.
//!
//! ```text
//! kubeconfig ─► dial ─► supervisor ◄─ probe /version        facts
//!     ▲ changes           │  ▲ reports                        ▲
//!     │            dials ─┘  │                                │
//!     └─ stamps           sources (list, watch)   ─► decode ─┤
//!                         metrics ────────────────────────────┘
//! ```
//!
//! kube gives us the kubeconfig's types, credentials, TLS and HTTP. Its watcher is not used: it decodes managedFields
//! into trees of values, repeats a 410 at the start of a watch for ever, does not notice silence, and a new list of
//! 20,000 pods must be decoded item by item into structs of 200 bytes, which it cannot.
//!
//! Every watch is a connection of its own, because HTTP is 1.1: eight on a cluster without MetalLB (Nodes, Leases, Pods,
//! Events of Nodes and of Services, Services, EndpointSlices, DaemonSets); with it two more (the Deployments and the one
//! ConfigMap beside its speaker), one for each of its nine kinds that the server serves, and one for Namespaces while a
//! pool selects by their labels. They are open whatever pane is shown: the count of addresses in the header and the list
//! of problems must not depend on where somebody looked. A kind that is not installed costs no request; see `discovery`.
//!
//! Invariants: nothing is listed on a timer; no task is spawned (but see `dial`); text of the cluster passes through
//! unchanged, cleaning it is the view's business; no secret is in any message.

mod cause;
pub mod claims;
mod connection;
mod decode;
mod describe;
mod dial;
mod discovery;
pub mod drain;
mod error;
mod fleet;
mod idle;
mod images;
mod install;
pub mod joining;
mod kubeconfig;
mod line;
mod lines;
mod logs;
mod metrics;
mod objects;
mod place;
mod pull_secret;
mod read;
pub mod remove;
pub mod services;
mod session;
pub mod setup;
mod source;
mod split;
mod supervisor;
mod write;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};

use crate::rack::facts::Fact;
use crate::rack::fleet::{Contexts, FleetFact, State};
use crate::rack::image::Running;
use crate::rack::link::Source;
use crate::rack::log::{LogNews, LogQuery};
use crate::rack::manifest::Manifest;
use crate::rack::node::{NodeName, Uid};
use crate::rack::pod::{Maker, PodName};
use crate::rack::pool_text::{Change, Changed, Form, Live};
use crate::rack::problem::{Problem, Subject};
use crate::rack::pull_secret::Wanted;
use crate::rack::secret::Secret;
use crate::rack::workload::WorkloadRef;
use crate::rack::workloads::IdleWorkload;

pub use cause::Cause;
pub use connection::Connection;
pub use error::{Error, Rule, Server};
pub use images::Named;
pub use pull_secret::Standing;

/// Where to find the kubeconfig, as kubectl decides it, and which context of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Target {
    /// `--kubeconfig`: exactly this file.
    pub kubeconfig: Option<PathBuf>,
    /// `--context`; `None` takes the current one.
    pub context: Option<String>,
    /// The value of `KUBECONFIG`.
    pub env: Option<OsString>,
    pub home: Option<PathBuf>,
}

impl Target {
    /// The files to read, in kubectl's order, whether they exist or not.
    pub fn files(&self) -> Vec<PathBuf> {
        let (mut files, _) = kubeconfig::locate(self);
        let mut seen = std::collections::HashSet::new();
        files.retain(|file| seen.insert(file.clone()));
        files
    }
}

/// What the screen needs right now; changes steer the polling.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wants {
    pub metrics: bool,
}

/// Follows one context of a kubeconfig for ever: connects, lists, watches, probes, dials again. Ends only when nobody
/// listens to `out` any more.
pub async fn follow(target: Target, wants: watch::Receiver<Wants>, out: mpsc::Sender<Fact>) {
    tokio::select! {
        () = out.closed() => {}
        () = session::follow(target, wants, out.clone()) => {}
    }
}

/// Reads all contexts of the kubeconfig, again whenever a file of it changes, and looks at the cluster behind each now and
/// then, for ever. Ends only when nobody listens to `out` any more.
pub async fn follow_fleet(target: Target, out: mpsc::Sender<FleetFact>) {
    tokio::select! {
        () = out.closed() => {}
        () = fleet::follow(target, out.clone()) => {}
    }
}

/// Looks at the cluster of every context of the kubeconfig once, all at the same time and each within `limit`. A context
/// that cannot be used is not in the answer.
pub async fn look_once(target: &Target, limit: Duration) -> BTreeMap<String, State> {
    fleet::once(target, limit).await
}

/// All contexts of the kubeconfig as the files hold them, asking nobody.
pub async fn contexts(target: &Target) -> Contexts {
    fleet::list(target).await.contexts
}

/// Reads the kubeconfig and makes a client; sends no request yet.
pub async fn connect(target: &Target) -> Result<Connection, Error> {
    let found = session::find(target).await;
    match found.chosen {
        Ok(chosen) => dial::dial(&chosen).await,
        Err(problem) => Err(Error::Kubeconfig(problem)),
    }
}

/// The same with the current context of a kubeconfig in memory, which came from `origin`. One that names a file or a
/// program of this machine is refused.
pub async fn connect_with(text: &str, origin: &str) -> Result<Connection, Error> {
    let chosen = kubeconfig::read(text, origin).map_err(Error::Kubeconfig)?;
    dial::dial(&chosen).await
}

/// The namespace of the context, `default` when it names none.
pub async fn namespace(target: &Target) -> Result<String, Error> {
    let found = session::find(target).await;
    found.chosen.map_err(Error::Kubeconfig)?;
    let namespace = found.info.namespace;
    Ok(namespace.unwrap_or_else(|| "default".to_owned()))
}

/// Cordons (or uncordons) a node: reads it again, refuses when it is not the one with this uid, and changes it only at
/// the version just read.
pub async fn cordon(
    connection: &Connection,
    node: &NodeName,
    uid: &Uid,
    unschedulable: bool,
) -> Result<(), Error> {
    write::cordon(connection, node, uid, unschedulable).await
}

/// Sets a label of a node or removes it (`None`), if the node is still the one with this uid.
pub async fn label(
    connection: &Connection,
    node: &NodeName,
    uid: &Uid,
    key: &str,
    value: Option<&str>,
) -> Result<(), Error> {
    write::label(connection, node, uid, key, value).await
}

/// True when `word` names a kind that has pods: `deploy`, `sts`, `svc`.
pub fn has_pods(word: &str) -> bool {
    logs::workload::is_kind(word)
}

/// The label selector of a workload or Service, such as `deploy/web`.
pub async fn pod_labels(
    connection: &Connection,
    namespace: &str,
    kind: &str,
    name: &str,
) -> Result<String, Error> {
    logs::workload::labels(connection, namespace, kind, name).await
}

/// Reads the logs of pods and tells what comes: until all have ended, or, when the query follows, for ever. Ends when
/// nobody listens to `out` any more.
pub async fn read_logs(connection: Connection, query: LogQuery, out: mpsc::Sender<LogNews>) {
    logs::read(connection, query, out).await;
}

/// Deletes the pod with this uid and no other.
pub async fn delete_pod(connection: &Connection, pod: &PodName, uid: &Uid) -> Result<(), Error> {
    write::delete_guarded(connection, &Subject::Pod(pod.clone()), uid).await
}

/// Has a workload make its pods anew, one after the other, if it is still the one that made them.
pub async fn restart(
    connection: &Connection,
    workload: &WorkloadRef,
    maker: &Maker,
    at: Timestamp,
) -> Result<(), Error> {
    write::restart(connection, workload, maker, at).await
}

/// Asks a workload for so many pods, if it is still the one that made those there are.
pub async fn scale(
    connection: &Connection,
    workload: &WorkloadRef,
    maker: &Maker,
    replicas: u32,
) -> Result<(), Error> {
    write::scale(connection, workload, maker, replicas).await
}

/// The images a workload or pod names, and which nodes it is kept to.
pub async fn named_images(connection: &Connection, object: &Subject) -> Result<Named, Error> {
    images::named(connection, object).await
}

/// The pull secret of that name, if it is one of ours; an error when it is somebody else's.
pub async fn pull_secret(
    connection: &Connection,
    wanted: &Wanted,
) -> Result<Option<Standing>, Error> {
    pull_secret::standing(connection, wanted).await
}

/// Makes a pull secret, or puts it in the place of the one that was read.
pub async fn store_pull_secret(
    connection: &Connection,
    wanted: &Wanted,
    standing: Option<&Standing>,
    manifest: &Secret,
) -> Result<(), Error> {
    pull_secret::store(connection, wanted, standing, manifest).await
}

/// Puts the name of a pull secret where its holder finds it; false when it is there already.
pub async fn attach_pull_secret(connection: &Connection, wanted: &Wanted) -> Result<bool, Error> {
    pull_secret::attach(connection, wanted).await
}

/// The nodes with the architecture their kubelets report.
pub async fn architectures(connection: &Connection) -> Result<Vec<(NodeName, Box<str>)>, Error> {
    images::architectures(connection).await
}

/// What the pods of a namespace (`None`: of all) really run, as far as `wanted` says yes to the name of an image.
pub async fn running_images(
    connection: &Connection,
    namespace: Option<&str>,
    wanted: impl Fn(&str) -> bool,
) -> Result<Vec<Running>, Error> {
    images::running(connection, namespace, wanted).await
}

/// The whole object as YAML, without managedFields.
pub async fn yaml(connection: &Connection, object: &Subject) -> Result<String, Error> {
    write::yaml(connection, object).await
}

/// Deployments and StatefulSets that have no pod.
pub async fn idle_workloads(connection: &Connection) -> Result<Vec<IdleWorkload>, Error> {
    idle::list(connection).await
}

/// A pod or a workload in words, with the events about it.
pub async fn describe(connection: &Connection, object: &Subject) -> Result<String, Error> {
    describe::read(connection, object).await
}

/// Changes to MetalLB's objects: the server tries all of them, then each is made at the version it was read at. What was
/// done, why it stopped, and how the objects are then.
pub async fn change_pools(connection: &Connection, form: &Form, changes: &[Change]) -> Changed {
    objects::carry_out(connection, form, changes).await
}

/// Applies a manifest, object after object; `steps` hears how many are done and what comes next.
pub async fn install(
    connection: &Connection,
    manifest: &Manifest,
    steps: mpsc::Sender<(usize, String)>,
) -> Result<(), Problem> {
    install::install(connection, manifest, steps).await
}

/// MetalLB's objects as they are now.
pub async fn read_pools(connection: &Connection, form: &Form) -> Result<Live, Error> {
    objects::read(connection, form).await
}

/// A list of the API, or one page of it, decoded from bytes in hand; `None` when it is no list. What [`follow`] does
/// with the bytes of a server, open to benchmarks.
pub fn read_list(source: Source, body: &[u8]) -> Option<Fact> {
    read::list(source, body)
}

/// One line of a watch, decoded from bytes in hand; `None` when it tells of no object.
pub fn read_line(source: Source, line: &[u8]) -> Option<Fact> {
    read::line(source, line)
}

#[cfg(test)]
mod tests;
