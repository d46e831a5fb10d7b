//! MetalLB's kinds for a server that does not have them: small custom resource definitions of our own, with as much of
//! the schemas as a writer can run into.

use http::Method;
use serde_json::{Value, json};

use crate::bed::Bed;
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
