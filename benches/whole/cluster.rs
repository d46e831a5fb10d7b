//! A cluster that the bench fills and keeps alive: it plays the kubelets.
//!
//! Nodes and Leases are made first and beat from then on, every 10 seconds; Pods come next, bound to their node, with
//! their status written through the status subresource as kubelets do. With churn on, 100 Pods change each second.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use futures::{StreamExt, stream};
use http::{Method, Request};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use crate::objects;

/// Requests under way at once while filling.
const HANDS: usize = 24;
/// Kubelets and churn step so often.
const STEP: Duration = Duration::from_millis(100);
/// Steps between two heartbeats of a node.
const STEPS: usize = 100;
/// Pods that change in one step while there is churn.
const CHANGES: usize = 10;
/// No request of a kubelet lasts longer: a frozen server must not gather them.
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) struct Cluster {
    runtime: Handle,
    client: Client,
    state: Arc<State>,
    kubelets: Option<JoinHandle<()>>,
    /// When the last node was made.
    grown: Option<Instant>,
}

#[derive(Default)]
struct State {
    nodes: AtomicUsize,
    pods: AtomicUsize,
    is_churning: AtomicBool,
    /// Leases and pods that were really written.
    written: Arc<AtomicU64>,
}

impl Cluster {
    pub(crate) fn connect(runtime: &Handle, kubeconfig: &Path) -> Result<Cluster> {
        let client = runtime.block_on(async {
            let kubeconfig = Kubeconfig::read_from(kubeconfig)?;
            let options = KubeConfigOptions::default();
            let mut config = Config::from_custom_kubeconfig(kubeconfig, &options).await?;
            config.default_retry = false;
            config.proxy_url = None;
            anyhow::Ok(Client::try_from(config)?)
        })?;
        Ok(Cluster {
            runtime: runtime.clone(),
            client,
            state: Arc::default(),
            kubelets: None,
            grown: None,
        })
    }

    /// Adds nodes and pods until there are so many.
    pub(crate) fn grow(&mut self, nodes: usize, pods: usize) -> Result<()> {
        let has = (self.nodes(), self.state.pods.load(Ordering::Relaxed));
        if has == (nodes, pods) {
            return Ok(());
        }
        eprintln!("filling: {nodes} nodes, {pods} pods …");
        let begun = Instant::now();
        let client = self.client.clone();
        self.runtime.block_on(async {
            if has.0 == 0 {
                namespaces(&client).await?;
            }
            at_once((has.0..nodes).map(|index| board(client.clone(), index))).await
        })?;
        self.state.nodes.store(nodes, Ordering::Relaxed);
        self.grown = Some(Instant::now());
        if self.kubelets.is_none() {
            let kubelets = kubelets(self.client.clone(), Arc::clone(&self.state));
            self.kubelets = Some(self.runtime.spawn(kubelets));
        }
        let pods_to_come = (has.1..pods).map(|index| pod(client.clone(), index, index % nodes));
        self.runtime.block_on(at_once(pods_to_come))?;
        self.state.pods.store(pods, Ordering::Relaxed);
        let seconds = begun.elapsed().as_secs();
        eprintln!("filled in {seconds} s; letting it come to rest");
        std::thread::sleep(Duration::from_secs(5));
        Ok(())
    }

    /// Waits until the youngest node is older than 100 s: until then its age is another number every second, on the
    /// screen and in the bytes, as in no cluster that has been there for a day.
    pub(crate) fn come_of_age(&self) {
        let Some(grown) = self.grown else { return };
        let left = Duration::from_secs(105).saturating_sub(grown.elapsed());
        if left > Duration::ZERO {
            eprintln!("waiting {} s until no node is young", left.as_secs());
        }
        std::thread::sleep(left);
    }

    pub(crate) fn nodes(&self) -> usize {
        self.state.nodes.load(Ordering::Relaxed)
    }

    /// Whether pods change all the time.
    pub(crate) fn churn(&self, is_on: bool) {
        self.state.is_churning.store(is_on, Ordering::Relaxed);
    }

    /// Waits for the answer to [`Cluster::cordon`].
    pub(crate) fn answered(&self, request: JoinHandle<Result<Duration>>) -> Result<Duration> {
        self.runtime.block_on(request)?
    }

    /// For what others write to it.
    pub(crate) fn client(&self) -> Client {
        self.client.clone()
    }

    pub(crate) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// Where whoever writes counts what the server has taken.
    pub(crate) fn counter(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.state.written)
    }

    /// Heartbeats and pod changes the server has taken so far.
    pub(crate) fn written(&self) -> u64 {
        self.state.written.load(Ordering::Relaxed)
    }

    /// Cordons a node (or takes it back) without waiting for the answer; tells how long that took.
    pub(crate) fn cordon(&self, index: usize, is_on: bool) -> JoinHandle<Result<Duration>> {
        let path = format!("/api/v1/nodes/{}", objects::node_name(index));
        let body = json!({ "spec": { "unschedulable": is_on } });
        let client = self.client.clone();
        self.runtime.spawn(async move {
            let begun = Instant::now();
            send(&client, Method::PATCH, &path, &body).await?;
            Ok(begun.elapsed())
        })
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(kubelets) = &self.kubelets {
            kubelets.abort();
        }
    }
}

/// Runs everything, [`HANDS`] at a time, and stops at the first failure.
pub(crate) async fn at_once(
    work: impl Iterator<Item = impl Future<Output = Result<()>>>,
) -> Result<()> {
    let mut results = stream::iter(work).buffer_unordered(HANDS);
    while let Some(result) = results.next().await {
        result?;
    }
    Ok(())
}

async fn namespaces(client: &Client) -> Result<()> {
    for index in 0..objects::NAMESPACES {
        let name = objects::namespace(index);
        let namespace =
            json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
        create(client, "/api/v1/namespaces", &namespace).await?;
        // Pods are not let in before their namespace has one; the controller makes it, but later.
        let account = json!({ "metadata": { "name": "default" } });
        let path = format!("/api/v1/namespaces/{name}/serviceaccounts");
        create(client, &path, &account).await?;
    }
    Ok(())
}

async fn board(client: Client, index: usize) -> Result<()> {
    create(&client, "/api/v1/nodes", &objects::node(index)).await?;
    let leases = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases";
    create(&client, leases, &objects::lease(index)).await
}

async fn pod(client: Client, index: usize, node: usize) -> Result<()> {
    let path = format!("/api/v1/namespaces/{}/pods", objects::namespace(index));
    create(&client, &path, &objects::pod(index, node)).await?;
    report(&client, index, node, 0).await
}

/// Writes the status of a pod, as its kubelet does.
async fn report(client: &Client, index: usize, node: usize, turn: usize) -> Result<()> {
    let (namespace, name) = (objects::namespace(index), objects::pod_name(index));
    let path = format!("/api/v1/namespaces/{namespace}/pods/{name}/status");
    let body = json!({ "status": objects::pod_status(index, node, turn) });
    send(client, Method::PATCH, &path, &body).await
}

async fn renew(client: &Client, index: usize) -> Result<()> {
    let name = objects::node_name(index);
    let path = format!("/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{name}");
    let body = json!({ "spec": { "renewTime": objects::renew_time() } });
    send(client, Method::PATCH, &path, &body).await
}

/// Creates an object; one that is there already is fine.
pub(crate) async fn create(client: &Client, path: &str, object: &Value) -> Result<()> {
    for pause in [200, 500, 1_000, 3_000] {
        match send(client, Method::POST, path, object).await {
            Err(error) if is_conflict(&error) => return Ok(()),
            Err(_) => sleep(Duration::from_millis(pause)).await,
            done => return done,
        }
    }
    send(client, Method::POST, path, object).await
}

fn is_conflict(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(kube::Error::Api(status)) if status.code == 409)
}

pub(crate) async fn send(client: &Client, method: Method, path: &str, body: &Value) -> Result<()> {
    let kind = match method {
        Method::PATCH => "application/merge-patch+json",
        _ => "application/json",
    };
    let request = Request::builder()
        .method(method)
        .uri(format!("{path}?fieldManager=k3s"))
        .header("content-type", kind)
        .body(serde_json::to_vec(body)?)?;
    client
        .request_text(request)
        .await
        .with_context(|| format!("cannot write {path}"))?;
    Ok(())
}

/// All heartbeats, spread over their ten seconds, and the churn. Never ends.
async fn kubelets(client: Client, state: Arc<State>) {
    let hands = Arc::new(Semaphore::new(HANDS));
    let mut steps = interval(STEP);
    // A machine that was busy for a moment catches up, so that the rate holds.
    steps.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut changed = 0;
    for step in 0.. {
        steps.tick().await;
        let nodes = state.nodes.load(Ordering::Relaxed);
        // 37 and 100 share no factor: neighbours do not beat at the same moment.
        let due = (0..nodes).filter(|index| index * 37 % STEPS == step % STEPS);
        for index in due {
            let client = client.clone();
            run(&hands, &state, async move { renew(&client, index).await }).await;
        }
        let pods = state.pods.load(Ordering::Relaxed);
        if pods == 0 || !state.is_churning.load(Ordering::Relaxed) {
            continue;
        }
        for _ in 0..CHANGES {
            changed += 1;
            let (index, turn) = (changed * 7_919 % pods, 1 + changed / 100);
            let client = client.clone();
            let change = async move { report(&client, index, index % nodes, turn).await };
            run(&hands, &state, change).await;
        }
    }
}

/// Starts a request as soon as a hand is free.
async fn run(
    hands: &Arc<Semaphore>,
    state: &Arc<State>,
    request: impl Future<Output = Result<()>> + Send + 'static,
) {
    let Ok(hand) = Arc::clone(hands).acquire_owned().await else {
        return;
    };
    let state = Arc::clone(state);
    tokio::spawn(async move {
        // In an outage they fail, as those of real kubelets do.
        if let Ok(Ok(())) = timeout(PATIENCE, request).await {
            state.written.fetch_add(1, Ordering::Relaxed);
        }
        drop(hand);
    });
}
