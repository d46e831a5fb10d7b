//! A cluster to ask questions of, simulated or real, with a hand on its nodes: the bed plays the kubelets.

use std::sync::Arc;

use bramble::sim::{Scenario, Sim};
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::{Value, json};

use crate::control_plane::{self, ControlPlane};

/// One of the two worlds.
pub(crate) enum Bed {
    Sim(Sim),
    Real {
        plane: Arc<ControlPlane>,
        admin: kube::Client,
    },
}

impl Bed {
    /// Both worlds, or the simulated one alone where the other is skipped.
    pub(crate) async fn both() -> Vec<Bed> {
        let mut beds = vec![Bed::simulated().await];
        if let Some(plane) = control_plane::shared() {
            beds.push(Bed::real(plane).await);
        }
        beds
    }

    pub(crate) async fn simulated() -> Bed {
        let quiet = Scenario::from_toml("node = [{ name = \"resident\" }]").unwrap();
        Bed::Sim(Sim::start(quiet, 1).await.unwrap())
    }

    pub(crate) async fn real(plane: Arc<ControlPlane>) -> Bed {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let kubeconfig = Kubeconfig::from_yaml(&plane.kubeconfig("k3s.yaml")).unwrap();
        let config =
            kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
                .await
                .unwrap();
        Bed::Real {
            plane,
            admin: kube::Client::try_from(config).unwrap(),
        }
    }

    /// For messages: which world a question failed in.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Bed::Sim(_) => "simulator",
            Bed::Real { .. } => "real kube-apiserver",
        }
    }

    /// A kubeconfig that may do everything.
    pub(crate) fn admin(&self) -> String {
        match self {
            Bed::Sim(sim) => sim.kubeconfig(),
            Bed::Real { plane, .. } => plane.kubeconfig("k3s.yaml"),
        }
    }

    /// A kubeconfig that may read nodes and pods, and nothing else.
    pub(crate) fn viewer(&self) -> String {
        match self {
            Bed::Sim(sim) => {
                for what in ["leases", "events", "patch nodes"] {
                    sim.api().forbid(what);
                }
                sim.kubeconfig()
            }
            Bed::Real { plane, .. } => plane.kubeconfig("kubeconfig-viewer.yaml"),
        }
    }

    /// A Ready node and its first heartbeat.
    pub(crate) async fn join(&self, name: &str) {
        self.write("POST", "/api/v1/nodes", &node(name)).await;
        self.status(name, "True").await;
        self.write("POST", LEASES, &lease(name)).await;
    }

    /// What a kubelet does every ten seconds.
    pub(crate) async fn beat(&self, name: &str) {
        match self {
            Bed::Sim(sim) => sim.put(lease(name)).map(drop).unwrap(),
            Bed::Real { .. } => {
                let spec = json!({"spec": lease(name)["spec"]});
                self.write("PATCH", &format!("{LEASES}/{name}"), &spec)
                    .await;
            }
        }
    }

    pub(crate) async fn label(&self, name: &str, key: &str, value: &str) {
        let labels = json!({"metadata": {"labels": {key: value}}});
        match self {
            Bed::Sim(sim) => sim.patch("Node", name, &labels).map(drop).unwrap(),
            Bed::Real { .. } => {
                self.write("PATCH", &format!("/api/v1/nodes/{name}"), &labels)
                    .await;
            }
        }
    }

    pub(crate) async fn remove(&self, name: &str) {
        match self {
            Bed::Sim(sim) => assert!(sim.delete("Node", name)),
            Bed::Real { .. } => {
                self.write("DELETE", &format!("/api/v1/nodes/{name}"), &json!({}))
                    .await;
            }
        }
    }

    /// The API server is gone; connections are refused.
    pub(crate) async fn stop(&self) {
        match self {
            Bed::Sim(sim) => sim.api().kill().await,
            Bed::Real { plane, .. } => drop(plane.order("stop-api")),
        }
    }

    /// The API server is back, and remembers no version of before.
    pub(crate) async fn start_again(&self) {
        match self {
            Bed::Sim(sim) => {
                sim.api().compact();
                sim.api().restart().await;
            }
            Bed::Real { plane, .. } => drop(plane.order("start-api")),
        }
    }

    /// The API server accepts connections and says nothing.
    pub(crate) fn hang(&self) {
        match self {
            Bed::Sim(sim) => sim.api().hang(),
            Bed::Real { plane, .. } => drop(plane.order("hang-api")),
        }
    }

    pub(crate) fn go_on(&self) {
        match self {
            Bed::Sim(sim) => sim.api().resume(),
            Bed::Real { plane, .. } => drop(plane.order("resume-api")),
        }
    }

    async fn status(&self, name: &str, ready: &str) {
        if let Bed::Real { .. } = self {
            let status = json!({"status": node_status(ready)});
            self.write("PATCH", &format!("/api/v1/nodes/{name}/status"), &status)
                .await;
        }
    }

    /// One write as a kubelet would do it. The simulator takes objects as they are.
    async fn write(&self, method: &str, path: &str, body: &Value) {
        match self {
            Bed::Sim(sim) => drop(sim.put(body.clone()).unwrap()),
            Bed::Real { admin, .. } => {
                let merge = "application/merge-patch+json";
                let request = http::Request::builder()
                    .method(method)
                    .uri(path)
                    .header(
                        "content-type",
                        if method == "PATCH" {
                            merge
                        } else {
                            "application/json"
                        },
                    )
                    .body(body.to_string().into_bytes())
                    .unwrap();
                admin.request::<Value>(request).await.unwrap();
            }
        }
    }
}

const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases";

fn node(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
        "status": node_status("True"),
    })
}

fn node_status(ready: &str) -> Value {
    let now = jiff::Timestamp::now().to_string();
    json!({
        "conditions": [{
            "type": "Ready", "status": ready, "reason": "KubeletReady", "message": "kubelet is posting ready status",
            "lastHeartbeatTime": now, "lastTransitionTime": now,
        }],
        "capacity": {"cpu": "4", "memory": "8245736Ki", "pods": "110"},
        "nodeInfo": {
            "architecture": "arm64", "bootID": "b", "containerRuntimeVersion": "containerd://2.0.5-k3s1",
            "kernelVersion": "6.12.25", "kubeProxyVersion": "", "kubeletVersion": "v1.33.4+k3s1", "machineID": "m",
            "operatingSystem": "linux", "osImage": "Debian GNU/Linux 12 (bookworm)", "systemUUID": "s",
        },
    })
}

fn lease(name: &str) -> Value {
    json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": name, "namespace": "kube-node-lease"},
        "spec": {
            "holderIdentity": name, "leaseDurationSeconds": 40,
            "renewTime": format!("{:.6}", jiff::Timestamp::now()),
        },
    })
}
