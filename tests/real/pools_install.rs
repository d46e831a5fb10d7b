//! MetalLB out of a manifest file: objects of many kinds, kinds that the file itself brings, and a file that stops
//! half-way.

use std::time::Duration;

use bramble::msg::Msg;
use bramble::rack::problem::Problem;
use http::Method;
use serde_json::{Value, json};

use crate::bed::Bed;
use crate::cockpit::Cockpit;
use crate::hand::{JSON, MERGE};
use crate::metallb::{NAMESPACE, definition};
use crate::place::{self, Plane, Who};

/// The simulator has no kinds that come with a file: only the real server is asked.
mod real {
    use super::{Plane, place};

    #[test]
    fn a_manifest_is_applied_object_by_object_and_gone_on_with_where_it_stopped() {
        place::on_real(Plane::Own, super::a_manifest_is_applied);
    }
}

/// A file as releases have it: several documents, the namespace not first, a list in it, kinds before their objects.
fn manifest(deployment: &Value) -> String {
    let labels = json!({ "app": "metallb", "component": "speaker" });
    let meta = |name: &str| json!({ "name": name, "namespace": NAMESPACE });
    let speaker = json!({
        "apiVersion": "apps/v1", "kind": "DaemonSet",
        "metadata": { "name": "speaker", "namespace": NAMESPACE, "labels": labels },
        "spec": { "selector": { "matchLabels": labels }, "template": {
            "metadata": { "labels": labels },
            "spec": { "nodeSelector": { "none": "at-all" },
                "containers": [{ "name": "speaker", "image": "quay.io/metallb/speaker:v0.15.3" }] },
        } },
    });
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": [
        { "apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta("controller") },
        { "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": { "name": "metallb-system:controller" },
          "rules": [{ "apiGroups": [""], "resources": ["services"], "verbs": ["get", "list"] }] },
    ] });
    let pool = json!({
        "apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool", "metadata": meta("first"),
        "spec": { "addresses": ["192.0.2.200-192.0.2.209"] },
    });
    let documents = [
        list,
        pool,
        definition("IPAddressPool", "ipaddresspools", "v1beta1"),
        definition("L2Advertisement", "l2advertisements", "v1beta1"),
        definition("BGPAdvertisement", "bgpadvertisements", "v1beta1"),
        definition("BGPPeer", "bgppeers", "v1beta2"),
        definition("BFDProfile", "bfdprofiles", "v1beta1"),
        definition("Community", "communities", "v1beta1"),
        deployment.clone(),
        speaker,
    ];
    let documents = documents
        .iter()
        .map(|it| serde_yaml::to_string(it).unwrap());
    let documents: Vec<String> = documents.collect();
    let namespace = "# As a release has it.\napiVersion: v1\nkind: Namespace\nmetadata:\n  name: metallb-system\n  labels:\n    \
                     pod-security.kubernetes.io/enforce: privileged\n";
    format!("{}---\n{namespace}---\n", documents.join("---\n"))
}

fn controller() -> Value {
    let labels = json!({ "app": "metallb", "component": "controller" });
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "name": "controller", "namespace": NAMESPACE, "labels": labels },
        "spec": { "selector": { "matchLabels": labels }, "template": {
            "metadata": { "labels": labels },
            "spec": { "containers": [{ "name": "controller", "image": "quay.io/metallb/controller:v0.15.3" }] },
        } },
    })
}

const OBJECTS: usize = 12;

/// Answers the question, and waits until the row of applies has ended. Gives the objects as they were named, in order.
async fn install(cockpit: &mut Cockpit, file: &str) -> (Vec<String>, Result<(), Problem>) {
    cockpit.press("I");
    let form = cockpit.screen();
    assert!(form.contains("Install MetalLB"), "{form}");
    cockpit.erase(200);
    cockpit.enter(file);
    cockpit.press("enter");
    let question = cockpit.until(&format!("Apply {OBJECTS} objects")).await;
    assert!(
        question.contains("quay.io/metallb/controller:v0.15.3"),
        "{question}"
    );
    cockpit.agree(&format!("Apply {OBJECTS} objects")).await;
    let mut steps = Vec::new();
    loop {
        let told = |msg: &Msg| match msg {
            Msg::InstallStep { done, next } => Some(Ok((*done, next.clone()))),
            Msg::Installed { result, .. } => Some(Err(result.clone())),
            _ => None,
        };
        match cockpit.until_told("the manifest", told).await {
            Ok((done, next)) => {
                assert_eq!(done, steps.len(), "{next}");
                let screen = cockpit.screen();
                assert!(
                    screen.contains(&format!("{done} objects are applied; now {next}"))
                        || screen.contains("There is no pool yet"),
                    "{screen}"
                );
                steps.push(next);
            }
            Err(result) => return (steps, result),
        }
    }
}

async fn a_manifest_is_applied(bed: Bed) {
    let hand = bed.hand();
    let mut cockpit = Cockpit::open(&bed, Who::Admin);
    cockpit.press("3");
    cockpit.until("There is no MetalLB in this cluster").await;
    let file = bed.folder().join("metallb.yaml");
    let name = file.display().to_string();

    // A field with a slip: the server refuses it, and what was applied before stays.
    let mut slip = controller();
    slip["spec"]["replicsa"] = json!(1);
    std::fs::write(&file, manifest(&slip)).unwrap();
    let (steps, result) = install(&mut cockpit, &name).await;
    assert_eq!(steps[0], "Namespace metallb-system", "{steps:?}");
    assert!(
        steps[1..7]
            .iter()
            .all(|it| it.starts_with("CustomResourceDefinition")),
        "{steps:?}"
    );
    assert_eq!(steps.len(), 11, "{steps:?}");
    let problem = result.unwrap_err();
    assert!(
        problem.what.contains("after 10 of 12 objects"),
        "{problem:?}"
    );
    assert!(problem.why.contains("replicsa"), "{problem:?}");
    let screen = cockpit.screen();
    assert!(
        screen.contains("The manifest is applied in part"),
        "{screen}"
    );
    let account = format!("/api/v1/namespaces/{NAMESPACE}/serviceaccounts/controller");
    let before = hand.get(&account).await;
    let deployment = format!("/apis/apps/v1/namespaces/{NAMESPACE}/deployments/controller");
    let missing = hand.send(Method::GET, &deployment, JSON, "").await;
    assert_eq!(missing.code, 404);

    // Somebody else takes a field over: it is not taken back by force.
    let namespace = format!("/api/v1/namespaces/{NAMESPACE}");
    let theirs = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": NAMESPACE,
        "labels": { "pod-security.kubernetes.io/enforce": "baseline" } } })
    .to_string();
    let path = format!("{namespace}?fieldManager=others&force=true");
    hand.must(
        Method::PATCH,
        &path,
        "application/apply-patch+yaml",
        &theirs,
    )
    .await;
    std::fs::write(&file, manifest(&controller())).unwrap();
    let (steps, result) = install(&mut cockpit, &name).await;
    assert_eq!(steps.len(), 1);
    let problem = result.unwrap_err();
    assert!(
        problem.next.contains("somebody else manages"),
        "{problem:?}"
    );
    let now = hand.get(&namespace).await;
    assert_eq!(
        now["metadata"]["labels"]["pod-security.kubernetes.io/enforce"],
        "baseline"
    );
    let theirs = theirs.replace(
        ",\"labels\":{\"pod-security.kubernetes.io/enforce\":\"baseline\"}",
        "",
    );
    let theirs = theirs.replace(
        "\"labels\":{\"pod-security.kubernetes.io/enforce\":\"baseline\"},",
        "",
    );
    hand.must(
        Method::PATCH,
        &path,
        "application/apply-patch+yaml",
        &theirs,
    )
    .await;

    // Once more: what is there already stays as it is, the rest is added.
    let (steps, result) = install(&mut cockpit, &name).await;
    assert_eq!(result, Ok(()));
    assert_eq!(steps.len(), OBJECTS);
    assert_eq!(hand.get(&account).await, before, "applied already");
    let made = hand.get(&deployment).await;
    let managed = made["metadata"]["managedFields"].as_array().unwrap();
    let is_applied = |it: &Value| it["manager"] == "bramble" && it["operation"] == "Apply";
    assert!(managed.iter().any(is_applied), "{made}");

    // The controller's pod is on its way; then it runs.
    cockpit.until("Pools").await;
    cockpit.until("first").await;
    run_the_pods(&bed).await;
    cockpit
        .until("MetalLB 0.15.3 is installed: its controller is ready")
        .await;
    cockpit.press("I");
    let screen = cockpit.screen();
    assert!(
        screen.contains("MetalLB 0.15.3 is here already"),
        "{screen}"
    );
}

/// The kubelet's part: the pods of the controller become ready.
async fn run_the_pods(bed: &Bed) {
    let hand = bed.hand();
    let path = format!("/api/v1/namespaces/{NAMESPACE}/pods");
    let made = async {
        let mut often = tokio::time::interval(Duration::from_millis(50));
        loop {
            let pods = hand
                .get(&format!("{path}?labelSelector=component%3Dcontroller"))
                .await;
            if let Some(name) = pods["items"][0]["metadata"]["name"].as_str() {
                return name.to_owned();
            }
            often.tick().await;
        }
    };
    let name = tokio::time::timeout(Duration::from_secs(20), made).await;
    let name = name.expect("the controller of Deployments makes a pod");
    let status = json!({ "status": { "phase": "Running", "conditions": [{ "type": "Ready", "status": "True" }] } });
    let path = format!("{path}/{name}/status");
    hand.must(Method::PATCH, &path, MERGE, &status.to_string())
        .await;
}
