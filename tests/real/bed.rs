//! What a question is asked of: a rack that can be changed and broken, simulated or real, in the same words.
//!
//! On the simulator a board is one of its own, so that what it does by itself is asked about too; on the real control
//! plane the test is the kubelet. Invariant: what a method did is in the store of the API when it returns.

use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use bramble::clients::kubernetes::Target;
use http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::boards;
use crate::hand::{Hand, JSON, MERGE};
use crate::place::{Place, Who};

pub(crate) struct Bed {
    place: Place,
    hand: Mutex<Hand>,
    /// Boards of the simulator that no test has asked for yet.
    unused: Mutex<Vec<String>>,
    folder: TempDir,
}

impl Bed {
    pub(crate) async fn new(place: Place, kubeconfig: &str, unused: Vec<String>) -> Self {
        Self {
            place,
            hand: Mutex::new(Hand::new(kubeconfig).await),
            unused: Mutex::new(unused),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    pub(crate) fn is_real(&self) -> bool {
        !matches!(self.place, Place::Sim(_))
    }

    /// The kubeconfig of that user as a file of this test.
    pub(crate) fn kubeconfig(&self, who: Who) -> PathBuf {
        let path = self.folder.path().join(format!("{who:?}.yaml"));
        std::fs::write(&path, self.place.kubeconfig(who)).unwrap();
        path
    }

    pub(crate) fn target(&self, who: Who) -> Target {
        Target {
            kubeconfig: Some(self.kubeconfig(who)),
            ..Target::default()
        }
    }

    /// A folder of this test.
    pub(crate) fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// Requests with all rights.
    pub(crate) fn hand(&self) -> Hand {
        self.hand.lock().unwrap().clone()
    }

    /// A healthy board that has joined, beats, and is at rest.
    pub(crate) async fn board(&self) -> String {
        let name = self.unused.lock().unwrap().pop();
        if let Some(name) = name {
            return name;
        }
        let name = boards::new_name();
        self.join(&name).await;
        name
    }

    /// A kubelet registers under that name; not on the simulator, whose boards do that themselves.
    async fn join(&self, name: &str) {
        self.put(&boards::node(name)).await;
        self.put(&boards::lease(name)).await;
        // A new node is tainted until the node controller has seen it Ready, and is given some labels.
        let at_rest = async {
            let mut often = tokio::time::interval(Duration::from_millis(20));
            loop {
                let node = self.node(name).await;
                let has_label = node["metadata"]["labels"]["beta.kubernetes.io/arch"].is_string();
                if has_label && node["spec"]["taints"].is_null() {
                    return;
                }
                often.tick().await;
            }
        };
        let limit = Duration::from_secs(20);
        let in_time = tokio::time::timeout(limit, at_rest).await;
        in_time.expect("the node controller lets go of a new node");
    }

    /// The node as the API shows it.
    pub(crate) async fn node(&self, name: &str) -> Value {
        self.hand().get(&format!("/api/v1/nodes/{name}")).await
    }

    /// The board renews its lease.
    pub(crate) async fn beat(&self, name: &str) {
        match &self.place {
            Place::Sim(sim) => sim.node(name).beat(),
            Place::Shared(_) | Place::Own(_) => {
                let path = format!(
                    "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{name}"
                );
                let renewed = boards::micros(Timestamp::now());
                let patch = json!({ "spec": { "renewTime": renewed } });
                self.hand().patch(&path, &patch).await;
            }
        }
    }

    /// The kubelet writes this into the status of its node.
    pub(crate) async fn report(&self, name: &str, status: Value) {
        let patch = json!({ "status": status });
        match &self.place {
            Place::Sim(sim) => {
                sim.patch("Node", name, &patch).unwrap();
            }
            Place::Shared(_) | Place::Own(_) => {
                let path = format!("/api/v1/nodes/{name}/status");
                self.hand().patch(&path, &patch).await;
            }
        }
    }

    /// Somebody changes a node.
    pub(crate) async fn change(&self, name: &str, patch: Value) {
        let path = format!("/api/v1/nodes/{name}");
        self.hand().patch(&path, &patch).await;
    }

    /// A new object, with its status.
    pub(crate) async fn put(&self, object: &Value) {
        if let Place::Sim(sim) = &self.place {
            sim.put(object.clone()).unwrap();
            return;
        }
        let (hand, collection) = (self.hand(), boards::collection(object));
        let body = object.to_string();
        hand.must(Method::POST, collection, JSON, &body).await;
        if object["kind"] == "Pod" {
            // A pod begins without a status, whatever was sent.
            let name = object["metadata"]["name"].as_str().unwrap();
            let status = json!({ "status": object["status"] }).to_string();
            let path = format!("{collection}/{name}/status");
            hand.must(Method::PATCH, &path, MERGE, &status).await;
        }
    }

    /// A DaemonSet with its pod on the board. Its controller makes the pod; the test is the scheduler.
    pub(crate) async fn put_daemon_pod(&self, board: &str) {
        let set = boards::daemon_set(board);
        if let Place::Sim(sim) = &self.place {
            let mut pod = boards::pod(&format!("daemon-{board}-x"), board);
            pod["metadata"]["ownerReferences"] = json!([{
                "apiVersion": "apps/v1", "kind": "DaemonSet", "name": format!("daemon-{board}"),
                "uid": "1", "controller": true,
            }]);
            sim.put(set).unwrap();
            sim.put(pod).unwrap();
            return;
        }
        self.put(&set).await;
        let hand = self.hand();
        let path = format!("/api/v1/namespaces/default/pods?labelSelector=daemon%3D{board}");
        let made = async {
            let mut often = tokio::time::interval(Duration::from_millis(50));
            loop {
                let pods = hand.get(&path).await;
                if let Some(name) = pods["items"][0]["metadata"]["name"].as_str() {
                    return name.to_owned();
                }
                often.tick().await;
            }
        };
        let name = tokio::time::timeout(Duration::from_secs(20), made).await;
        let name = name.expect("the controller of DaemonSets makes a pod");
        let binding = json!({
            "kind": "Binding", "apiVersion": "v1", "metadata": { "name": name },
            "target": { "kind": "Node", "name": board },
        });
        let path = format!("/api/v1/namespaces/default/pods/{name}/binding");
        hand.must(Method::POST, &path, JSON, &binding.to_string())
            .await;
    }

    /// The disruption controller has counted so many healthy pods; the simulator counts when it is asked.
    pub(crate) async fn until_budget_counts(&self, name: &str, healthy: u32) {
        if !self.is_real() {
            return;
        }
        let hand = self.hand();
        let path = format!("/apis/policy/v1/namespaces/default/poddisruptionbudgets/{name}");
        let counted = async {
            let mut often = tokio::time::interval(Duration::from_millis(50));
            while hand.get(&path).await["status"]["currentHealthy"] != healthy {
                often.tick().await;
            }
        };
        let in_time = tokio::time::timeout(Duration::from_secs(20), counted).await;
        in_time.expect("the disruption controller counts");
    }

    /// Somebody deletes a pod of the namespace default without waiting for its kubelet.
    pub(crate) async fn delete_pod(&self, name: &str) {
        if let Place::Sim(sim) = &self.place {
            assert!(sim.delete("Pod", &format!("default/{name}")));
            return;
        }
        let path = format!("/api/v1/namespaces/default/pods/{name}?gracePeriodSeconds=0");
        self.hand().must(Method::DELETE, &path, JSON, "").await;
    }

    /// Somebody deletes a node.
    pub(crate) async fn remove(&self, name: &str) {
        let path = format!("/api/v1/nodes/{name}");
        self.hand().must(Method::DELETE, &path, JSON, "").await;
    }

    /// The board is flashed anew and joins under its old name.
    pub(crate) async fn replace(&self, name: &str) {
        if let Place::Sim(sim) = &self.place {
            sim.node(name).replace();
            return;
        }
        self.remove(name).await;
        self.put(&boards::node(name)).await;
    }

    /// The port refuses connections from now on.
    pub(crate) async fn stop_api(&self) {
        match &self.place {
            Place::Sim(sim) => sim.api().kill().await,
            Place::Shared(_) => panic!("others need the shared control plane"),
            Place::Own(plane) => plane.order("stop-api"),
        }
    }

    /// The API is back, with everything it had.
    pub(crate) async fn start_api(&self) {
        match &self.place {
            Place::Sim(sim) => sim.api().restart().await,
            Place::Shared(_) => panic!("others need the shared control plane"),
            Place::Own(plane) => {
                plane.order("start-api");
                // The old connections are dead.
                let hand = Hand::new(&self.place.kubeconfig(Who::Admin)).await;
                *self.hand.lock().unwrap() = hand;
            }
        }
    }

    /// The past is forgotten: no watch can be taken up from a version of before. The real API does so when it is
    /// stopped and started again, but for events, which it asks etcd for.
    pub(crate) fn forget_the_past(&self) {
        match &self.place {
            Place::Sim(sim) => {
                // The world goes on meanwhile, so that no version anybody has heard of is the newest.
                sim.node("board-01").beat();
                sim.api().compact();
            }
            Place::Shared(_) => panic!("others need the shared control plane"),
            Place::Own(plane) => plane.order("compact"),
        }
    }

    /// The API accepts connections and answers nothing.
    pub(crate) fn hang(&self) {
        match &self.place {
            Place::Sim(sim) => sim.api().hang(),
            Place::Shared(_) => panic!("others need the shared control plane"),
            Place::Own(plane) => plane.order("hang-api"),
        }
    }

    pub(crate) fn resume(&self) {
        match &self.place {
            Place::Sim(sim) => sim.api().resume(),
            Place::Shared(_) => panic!("others need the shared control plane"),
            Place::Own(plane) => plane.order("resume-api"),
        }
    }
}
