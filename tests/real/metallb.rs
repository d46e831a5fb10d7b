//! MetalLB's kinds for a server that does not have them: small custom resource definitions of our own, with as much of
//! the schemas as a writer can run into.

use http::Method;
use serde_json::{Value, json};

use crate::bed::Bed;
use crate::boards;
use crate::hand::JSON;
use crate::place::Place;

pub(crate) const NAMESPACE: &str = "metallb-system";
const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

/// Kind, plural, served version.
const KINDS: [(&str, &str, &str); 9] = [
    ("IPAddressPool", "ipaddresspools", "v1beta1"),
    ("L2Advertisement", "l2advertisements", "v1beta1"),
    ("BGPAdvertisement", "bgpadvertisements", "v1beta1"),
    ("BGPPeer", "bgppeers", "v1beta2"),
    ("BFDProfile", "bfdprofiles", "v1beta1"),
    ("Community", "communities", "v1beta1"),
    ("ServiceL2Status", "servicel2statuses", "v1beta1"),
    ("ServiceBGPStatus", "servicebgpstatuses", "v1beta1"),
    ("ConfigurationState", "configurationstates", "v1beta1"),
];

impl Bed {
    /// Installs the kinds and the namespace; nothing that would act on them.
    pub(crate) async fn install_metallb(&self) {
        let hand = self.hand();
        let namespace = json!({ "metadata": { "name": NAMESPACE } }).to_string();
        hand.must(Method::POST, "/api/v1/namespaces", JSON, &namespace)
            .await;
        if let Place::Sim(sim) = self.place() {
            sim.install_metallb("0.15.3");
            return;
        }
        for (kind, plural, version) in KINDS {
            let body = definition(kind, plural, version).to_string();
            hand.must(Method::POST, DEFINITIONS, JSON, &body).await;
        }
        let path = |plural: &str, version: &str| format!("/apis/metallb.io/{version}/{plural}");
        let mut often = tokio::time::interval(std::time::Duration::from_millis(100));
        for (_, plural, version) in KINDS {
            while hand
                .send(Method::GET, &path(plural, version), "", "")
                .await
                .code
                != 200
            {
                often.tick().await;
            }
        }
    }

    /// The DaemonSet of the speakers, for which there is no node.
    pub(crate) async fn put_speaker(&self, image: &str) {
        let labels = json!({ "app": "metallb", "component": "speaker" });
        let set = json!({
            "apiVersion": "apps/v1", "kind": "DaemonSet",
            "metadata": { "name": "speaker", "namespace": NAMESPACE, "labels": labels },
            "spec": {
                "selector": { "matchLabels": labels },
                "template": {
                    "metadata": { "labels": labels },
                    "spec": {
                        "nodeSelector": { "none": "at-all" },
                        "containers": [{ "name": "speaker", "image": image }],
                    },
                },
            },
        });
        let path = format!("/apis/apps/v1/namespaces/{NAMESPACE}/daemonsets");
        let hand = self.hand();
        hand.must(Method::POST, &path, JSON, &set.to_string()).await;
    }

    /// MetalLB runs: its controller, and a speaker on every board there is. The workloads are real objects; the test is
    /// their scheduler and kubelet, and whatever MetalLB says is said by the test.
    pub(crate) async fn run_metallb(&self) {
        self.install_metallb().await;
        let nodes = self.hand().get("/api/v1/nodes").await;
        let names = nodes["items"].as_array().unwrap().iter();
        let boards: Vec<&str> = names
            .map(|it| it["metadata"]["name"].as_str().unwrap())
            .collect();
        let (speaker, controller) = (
            workload("DaemonSet", "speaker"),
            workload("Deployment", "controller"),
        );
        if let Place::Sim(sim) = self.place() {
            let count = boards.len();
            let mut speaker = speaker;
            speaker["status"] = json!({ "desiredNumberScheduled": count, "numberReady": count });
            sim.put(speaker).unwrap();
            let mut controller = controller;
            controller["status"] = json!({ "replicas": 1, "readyReplicas": 1 });
            sim.put(controller).unwrap();
            for board in boards {
                let mut pod = boards::pod(&format!("speaker-{board}"), board);
                pod["metadata"]["namespace"] = json!(NAMESPACE);
                pod["metadata"]["ownerReferences"] = json!([{
                    "apiVersion": "apps/v1", "kind": "DaemonSet", "name": "speaker", "uid": "1", "controller": true,
                }]);
                sim.put(pod).unwrap();
            }
            return;
        }
        let hand = self.hand();
        let apps = format!("/apis/apps/v1/namespaces/{NAMESPACE}");
        for (plural, object) in [("daemonsets", &speaker), ("deployments", &controller)] {
            let path = format!("{apps}/{plural}");
            hand.must(Method::POST, &path, JSON, &object.to_string())
                .await;
        }
        let started = self.start_pods(boards.len() + 1, boards[0]);
        let in_time = tokio::time::timeout(std::time::Duration::from_secs(30), started).await;
        in_time.expect("the controllers make the pods of MetalLB");
    }

    /// Binds so many pods of MetalLB, those that ask for no board to `home`, and has them run.
    async fn start_pods(&self, count: usize, home: &str) {
        let hand = self.hand();
        let pods = format!("/api/v1/namespaces/{NAMESPACE}/pods");
        let mut often = tokio::time::interval(std::time::Duration::from_millis(50));
        let mut started = std::collections::BTreeSet::new();
        while started.len() < count {
            often.tick().await;
            let all = hand.get(&pods).await;
            for pod in all["items"].as_array().unwrap() {
                let name = pod["metadata"]["name"].as_str().unwrap().to_owned();
                if !started.insert(name.clone()) {
                    continue;
                }
                let terms = "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms/0/matchFields/0/values/0";
                let board = pod.pointer(terms).and_then(Value::as_str).unwrap_or(home);
                let binding = json!({
                    "kind": "Binding", "apiVersion": "v1", "metadata": { "name": name },
                    "target": { "kind": "Node", "name": board },
                });
                let path = format!("{pods}/{name}/binding");
                hand.must(Method::POST, &path, JSON, &binding.to_string())
                    .await;
                let mut running = boards::pod(&name, board)["status"].take();
                running["containerStatuses"][0]["name"] =
                    pod["spec"]["containers"][0]["name"].clone();
                hand.patch(
                    &format!("{pods}/{name}/status"),
                    &json!({ "status": running }),
                )
                .await;
            }
        }
    }

    /// What a controller writes into the status of a Service of the namespace `default`.
    pub(crate) async fn set_address(&self, service: &str, address: Option<&str>) {
        let ingress: Vec<Value> = address.iter().map(|it| json!({ "ip": it })).collect();
        let patch = json!({ "status": { "loadBalancer": { "ingress": ingress } } });
        if let Place::Sim(sim) = self.place() {
            sim.patch("Service", &format!("default/{service}"), &patch)
                .unwrap();
            return;
        }
        let path = format!("/api/v1/namespaces/default/services/{service}/status");
        self.hand().patch(&path, &patch).await;
    }

    /// Takes a kind away, with its objects.
    pub(crate) async fn uninstall(&self, kind: &str) {
        if let Place::Sim(sim) = self.place() {
            sim.uninstall(kind);
            return;
        }
        let found = KINDS.iter().find(|(name, ..)| *name == kind);
        let (_, plural, _) = found.expect("a kind of MetalLB");
        let path = format!("{DEFINITIONS}/{plural}.metallb.io");
        self.hand().must(Method::DELETE, &path, "", "").await;
    }
}

/// A workload of MetalLB with one container.
fn workload(kind: &str, part: &str) -> Value {
    let labels = json!({ "app": "metallb", "component": part });
    let mut object = json!({
        "apiVersion": "apps/v1", "kind": kind,
        "metadata": { "name": part, "namespace": NAMESPACE, "labels": labels },
        "spec": {
            "selector": { "matchLabels": labels },
            "template": {
                "metadata": { "labels": labels },
                "spec": {
                    "tolerations": [{ "operator": "Exists" }],
                    "containers": [{ "name": part, "image": format!("quay.io/metallb/{part}:v0.15.3") }],
                },
            },
        },
    });
    if kind == "Deployment" {
        object["spec"]["replicas"] = json!(1);
    }
    object
}

pub(crate) fn definition(kind: &str, plural: &str, version: &str) -> Value {
    let texts = json!({ "type": "array", "items": { "type": "string" } });
    let open = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
    let spec = match kind {
        "IPAddressPool" => json!({
            "type": "object",
            "required": ["addresses"],
            "properties": {
                "addresses": texts,
                "autoAssign": { "type": "boolean", "default": true },
                "avoidBuggyIPs": { "type": "boolean", "default": false },
                "serviceAllocation": open,
            },
        }),
        // As of 0.15.3: Services are chosen from 0.16 on.
        "L2Advertisement" => json!({
            "type": "object",
            "properties": {
                "ipAddressPools": texts,
                "interfaces": texts,
                "ipAddressPoolSelectors": { "type": "array", "items": open },
                "nodeSelectors": { "type": "array", "items": open },
            },
        }),
        _ => open.clone(),
    };
    let mut names = json!({ "kind": kind, "plural": plural, "singular": kind.to_lowercase() });
    names["listKind"] = json!(format!("{kind}List"));
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": { "name": format!("{plural}.metallb.io") },
        "spec": {
            "group": "metallb.io",
            "scope": "Namespaced",
            "names": names,
            "versions": [{
                "name": version,
                "served": true,
                "storage": true,
                "schema": { "openAPIV3Schema": {
                    "type": "object",
                    "properties": { "spec": spec, "status": open },
                } },
            }],
        },
    })
}
