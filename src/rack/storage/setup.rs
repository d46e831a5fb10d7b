//! Setting up the NFS subdir external provisioner: what is asked, the objects that come of it, and what speaks against it.
//!
//! Objects are those of the project's own manifests, with names of their own for each class: two exports stand side by
//! side, and an installation that is there already is left alone. Invariant: `PROVISIONER_NAME` and the class are written
//! from one value, and so are the server and path that stand in two places each.

use serde_json::{Value, json};

use crate::rack::Rack;
use crate::rack::draft::ObjectId;
use crate::rack::manifest::{Manifest, ManifestObject};
use crate::rack::problem::Problem;
use crate::rack::storage::ClaimName;

/// The image everybody runs; the only release for 32-bit boards too.
pub const IMAGE: &str = "registry.k8s.io/sig-storage/nfs-subdir-external-provisioner:v4.0.2";
/// Where the provisioner runs, unless another namespace is wanted.
pub const NAMESPACE: &str = "nfs-provisioner";
/// Writes and reads the test file; there is one for every kind of board.
const TRIAL_IMAGE: &str = "docker.io/library/busybox:1.37.0";

/// The answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setup {
    pub server: String,
    pub path: String,
    pub class: String,
    pub namespace: String,
    pub is_default: bool,
    /// The folder of a deleted claim is renamed, not removed.
    pub archives: bool,
    pub image: String,
}

/// A claim that is made, bound, written, read and removed, and the pod that does it.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    pub claim: ClaimName,
    /// The pod has the name of the claim.
    pub claim_body: Value,
    pub pod_body: Value,
    /// The folder stays on the server under `archived-…`.
    pub leaves_folder: bool,
}

impl Setup {
    /// The name of everything but the class: `nfs-nas`.
    pub fn name(&self) -> String {
        format!("nfs-{}", self.class)
    }

    /// What the class and the Deployment call each other.
    pub fn provisioner(&self) -> String {
        format!("k8s-sigs.io/nfs-subdir-external-provisioner-{}", self.class)
    }

    /// Everything, in the order in which it is applied.
    pub fn manifest(&self, rack: &Rack) -> Manifest {
        let name = self.name();
        let runner = format!("{name}-runner");
        let lock = format!("{name}-lock");
        let account =
            json!([{ "kind": "ServiceAccount", "name": name, "namespace": self.namespace }]);
        let role_ref = |kind: &str, name: &str| json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name });
        let rule = |group: &str, resources: &[&str], verbs: &[&str]| json!({ "apiGroups": [group], "resources": resources, "verbs": verbs });
        let rbac = "rbac.authorization.k8s.io/v1";
        let read = ["get", "list", "watch"];
        let rules = json!([
            rule("", &["nodes"], &read),
            rule(
                "",
                &["persistentvolumes"],
                &["get", "list", "watch", "create", "delete"]
            ),
            rule(
                "",
                &["persistentvolumeclaims"],
                &["get", "list", "watch", "update"]
            ),
            rule("storage.k8s.io", &["storageclasses"], &read),
            rule("", &["events"], &["create", "update", "patch"]),
        ]);
        // Without its lock it provisions nothing, and says so only in its log.
        let lock_rules = json!([rule(
            "",
            &["endpoints"],
            &["get", "list", "watch", "create", "update", "patch"],
        )]);
        let mut objects = Vec::new();
        let mut add = |api: &str, kind: &str, namespace: &str, name: &str, rest: Value| {
            objects.push(object(api, kind, namespace, name, rest));
        };
        let none = || json!({});
        let space = &self.namespace;
        add("v1", "Namespace", "", space, none());
        add("v1", "ServiceAccount", space, &name, none());
        add(rbac, "ClusterRole", "", &runner, json!({ "rules": rules }));
        let binding = json!({ "subjects": account, "roleRef": role_ref("ClusterRole", &runner) });
        add(rbac, "ClusterRoleBinding", "", &runner, binding);
        add(rbac, "Role", space, &lock, json!({ "rules": lock_rules }));
        let binding = json!({ "subjects": account, "roleRef": role_ref("Role", &lock) });
        add(rbac, "RoleBinding", space, &lock, binding);
        add("apps/v1", "Deployment", space, &name, self.deployment(rack));
        let class = self.storage_class();
        add("storage.k8s.io/v1", "StorageClass", "", &self.class, class);
        Manifest {
            file: format!("the set-up of storage class {}", self.class),
            objects,
        }
    }

    fn storage_class(&self) -> Value {
        let mut class = json!({
            "provisioner": self.provisioner(),
            "reclaimPolicy": "Delete",
            "volumeBindingMode": "Immediate",
            "parameters": { "archiveOnDelete": if self.archives { "true" } else { "false" } },
        });
        if self.is_default {
            class["metadata"]["annotations"] =
                json!({ "storageclass.kubernetes.io/is-default-class": "true" });
        }
        class
    }

    fn deployment(&self, rack: &Rack) -> Value {
        let name = self.name();
        let labels = json!({ "app": name });
        let env = |name: &str, value: &str| json!({ "name": name, "value": value });
        let mut pod = json!({
            "serviceAccountName": name,
            "containers": [{
                "name": "provisioner",
                "image": self.image,
                "env": [
                    env("PROVISIONER_NAME", &self.provisioner()),
                    env("NFS_SERVER", &self.server),
                    env("NFS_PATH", &self.path),
                ],
                "volumeMounts": [{ "name": "root", "mountPath": "/persistentvolumes" }],
            }],
            "volumes": [{ "name": "root", "nfs": { "server": self.server, "path": self.path } }],
        });
        // Only where it is needed: a rack of one kind of board is left as it is.
        let known = architectures(&self.image);
        if let Some(known) = known.filter(|_| !strangers(rack, &self.image).is_empty()) {
            pod["affinity"] = json!({ "nodeAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [{ "matchExpressions": [
                    { "key": "kubernetes.io/arch", "operator": "In", "values": known },
                ] }],
            } } });
        }
        json!({ "spec": {
            "replicas": 1,
            "strategy": { "type": "Recreate" },
            "selector": { "matchLabels": labels },
            "template": { "metadata": { "labels": labels }, "spec": pod },
        } })
    }

    /// The proof that it works.
    pub fn trial(&self) -> Trial {
        let name = format!("bramble-trial-{}", self.class);
        let labels = json!({ "app.kubernetes.io/managed-by": "bramble" });
        let metadata = json!({ "name": name, "namespace": self.namespace, "labels": labels });
        let script = r#"set -e; echo "$WORD" >/data/bramble; sync; test "$(cat /data/bramble)" = "$WORD"; rm /data/bramble"#;
        Trial {
            claim: ClaimName::new(&self.namespace, &name),
            claim_body: json!({
                "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata,
                "spec": {
                    "storageClassName": self.class,
                    "accessModes": ["ReadWriteMany"],
                    "resources": { "requests": { "storage": "1Mi" } },
                },
            }),
            pod_body: json!({
                "apiVersion": "v1", "kind": "Pod", "metadata": metadata,
                "spec": {
                    "restartPolicy": "Never",
                    "automountServiceAccountToken": false,
                    "terminationGracePeriodSeconds": 0,
                    "containers": [{
                        "name": "trial", "image": TRIAL_IMAGE, "command": ["sh", "-c", script],
                        "env": [{ "name": "WORD", "value": "bramble was here" }],
                        "volumeMounts": [{ "name": "data", "mountPath": "/data" }],
                    }],
                    "volumes": [{ "name": "data", "persistentVolumeClaim": { "claimName": name } }],
                },
            }),
            leaves_folder: self.archives,
        }
    }

    /// What a person should know before they say yes.
    pub fn concerns(&self, rack: &Rack) -> Vec<String> {
        let mut concerns = Vec::new();
        let others: Vec<&str> = rack.storage.defaults().iter().map(|it| &*it.name).collect();
        let others: Vec<&str> = others.into_iter().filter(|it| *it != self.class).collect();
        if self.is_default && !others.is_empty() {
            concerns.push(format!(
                "{} is the default too: with two, the newest wins; k3s puts local-path's mark back at each start unless it runs with --disable=local-storage",
                others.join(", ")
            ));
        }
        if !self.archives {
            concerns.push("deleting a claim removes its folder and all that is in it".to_owned());
        }
        let strangers = strangers(rack, &self.image);
        if !strangers.is_empty() {
            concerns.push(format!(
                "this image does not run on {}: the provisioner goes to other boards",
                strangers.join(", ")
            ));
        }
        if architectures(&self.image).is_none() {
            concerns.push("? which boards this image runs on is not known".to_owned());
        }
        let client = |node| {
            let board = rack.boards.get(node)?;
            board.fresh(rack.now)?.nfs.has_client
        };
        let (mut without, mut unknown) = (Vec::new(), 0);
        for node in rack.nodes() {
            match client(&node.name) {
                Some(true) => {}
                Some(false) => without.push(node.name.as_str()),
                None => unknown += 1,
            }
        }
        if !without.is_empty() {
            concerns.push(format!(
                "{} cannot mount NFS: sudo apt install nfs-common there",
                without.join(", ")
            ));
        }
        if unknown > 0 {
            concerns.push(format!(
                "? whether nfs-common is installed is not known of {unknown} of {} boards: they were not asked over SSH",
                rack.nodes().count()
            ));
        }
        concerns
    }

    /// What cannot be: a class of that name that somebody else answers to, an image that runs on no board.
    pub fn refusal(&self, rack: &Rack) -> Option<(Field, String)> {
        let class = rack.storage.class(&self.class);
        if let Some(class) = class.filter(|it| *it.provisioner != *self.provisioner()) {
            let text = format!("there is a class {} of {}", class.name, class.provisioner);
            return Some((Field::Class, text));
        }
        let count = rack.nodes().count();
        (count > 0 && strangers(rack, &self.image).len() == count)
            .then(|| (Field::Image, "it runs on none of these boards".to_owned()))
    }
}

/// Which answer a refusal is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    Class,
    Image,
}

/// What the known releases run on, in Kubernetes' words; `None` for images we do not know.
pub fn architectures(image: &str) -> Option<&'static [&'static str]> {
    let (name, tag) = image.rsplit_once(':')?;
    if !name.ends_with("/nfs-subdir-external-provisioner") {
        return None;
    }
    match tag {
        "v4.0.0" | "v4.0.1" => Some(&["amd64", "arm64"]),
        "v4.0.2" => Some(&["amd64", "arm64", "arm"]),
        _ => None,
    }
}

/// The boards an image does not run on.
fn strangers<'a>(rack: &'a Rack, image: &str) -> Vec<&'a str> {
    let Some(known) = architectures(image) else {
        return Vec::new();
    };
    rack.nodes()
        .filter(|it| !it.info.architecture.is_empty() && !known.contains(&&*it.info.architecture))
        .map(|it| it.name.as_str())
        .collect()
}

fn object(api: &str, kind: &str, namespace: &str, name: &str, mut rest: Value) -> ManifestObject {
    rest["apiVersion"] = json!(api);
    rest["kind"] = json!(kind);
    rest["metadata"]["name"] = json!(name);
    if !namespace.is_empty() {
        rest["metadata"]["namespace"] = json!(namespace);
    }
    ManifestObject {
        id: ObjectId {
            api_version: api.to_owned(),
            kind: kind.to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        },
        body: rest,
    }
}

/// What a trial of one object says: the server accepts it as it would be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// `Deployment nfs-provisioner/nfs-nas`.
    pub object: String,
    pub outcome: Outcome,
}

/// How a set-up goes on.
#[derive(Debug, Clone, PartialEq)]
pub enum News {
    /// The server has tried everything.
    Tried(Result<Vec<Tried>, Problem>),
    /// A step, as a sentence.
    Said(String),
    Ended(Result<(), Problem>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is not there yet; the text is what is sent.
    New(String),
    /// It is there; what is stored, and what would be.
    There { before: String, after: String },
    /// Its namespace is not there yet: it is tried when that is made, before anything else is.
    Later(String),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rack::node::Truth;
    use crate::rack::storage::testing::{class, rack, tell};

    fn setup() -> Setup {
        Setup {
            server: "10.0.0.5".into(),
            path: "/srv/nfs".into(),
            class: "nas".into(),
            namespace: NAMESPACE.into(),
            is_default: false,
            archives: true,
            image: IMAGE.into(),
        }
    }

    fn with_boards(architectures: &[&str]) -> Rack {
        let mut rack = rack();
        let nodes = architectures.iter().enumerate().map(|(number, it)| {
            let mut node = crate::rack::tests::node(&format!("rpi-0{number}"), Truth::True);
            node.info.architecture = (*it).into();
            node
        });
        let nodes = crate::rack::facts::Change::Listed(nodes.collect());
        rack.apply(crate::rack::facts::Fact::Nodes(nodes));
        rack
    }

    #[test]
    fn what_must_agree_is_written_from_one_value() {
        let manifest = setup().manifest(&with_boards(&["arm64"]));
        let kinds: Vec<&str> = manifest.objects.iter().map(|it| &*it.id.kind).collect();
        assert_eq!(kinds[0], "Namespace");
        assert_eq!(kinds.last(), Some(&"StorageClass"), "claims come last");
        let body = |kind: &str| {
            let found = manifest.objects.iter().find(|it| it.id.kind == kind);
            found.unwrap().body.clone()
        };
        let (class, deployment) = (body("StorageClass"), body("Deployment"));
        let pod = &deployment["spec"]["template"]["spec"];
        let env = &pod["containers"][0]["env"];
        assert_eq!(env[0]["value"], class["provisioner"]);
        assert_eq!(env[1]["value"], pod["volumes"][0]["nfs"]["server"]);
        assert_eq!(env[2]["value"], pod["volumes"][0]["nfs"]["path"]);
        assert_eq!(
            pod["serviceAccountName"],
            body("ServiceAccount")["metadata"]["name"]
        );
        assert_eq!(
            body("RoleBinding")["roleRef"]["name"],
            body("Role")["metadata"]["name"]
        );
        assert_eq!(
            body("Role")["metadata"]["namespace"],
            deployment["metadata"]["namespace"]
        );
        assert_eq!(
            body("ClusterRoleBinding")["roleRef"]["name"],
            body("ClusterRole")["metadata"]["name"]
        );
        assert!(pod["affinity"].is_null(), "every board runs it");
        assert_eq!(class["parameters"]["archiveOnDelete"], "true");
        assert!(class["metadata"]["annotations"].is_null());
    }

    #[test]
    fn images_go_to_boards_that_run_them() {
        let old = Setup {
            image: IMAGE.replace("v4.0.2", "v4.0.0"),
            ..setup()
        };
        let mixed = with_boards(&["arm", "arm64"]);
        let manifest = old.manifest(&mixed);
        let text = manifest.objects[6].body.to_string();
        assert!(text.contains(r#""values":["amd64","arm64"]"#), "{text}");
        assert!(old.concerns(&mixed)[0].contains("does not run on rpi-00:"));
        assert_eq!(old.refusal(&mixed), None);
        let refusal = old.refusal(&with_boards(&["arm"]));
        assert_eq!(refusal.map(|it| it.0), Some(Field::Image));
        assert_eq!(setup().refusal(&with_boards(&["arm"])), None);
        assert_eq!(architectures("example.org/mine:1"), None);
    }

    #[test]
    fn what_speaks_against_it_is_said_first() {
        let mut rack = with_boards(&["arm64"]);
        let mut local = class("local-path", "rancher.io/local-path");
        local.is_default = true;
        tell(
            &mut rack,
            vec![local, class("nas", "fuseim.pri/ifs")],
            Vec::new(),
            Vec::new(),
        );
        let wish = Setup {
            is_default: true,
            archives: false,
            ..setup()
        };
        let said = wish.concerns(&rack);
        assert!(
            said[0].starts_with("local-path is the default too"),
            "{said:?}"
        );
        assert!(said[1].contains("removes its folder"));
        assert!(said[2].contains("not known of 1 of 1 boards"));
        assert_eq!(wish.refusal(&rack).map(|it| it.0), Some(Field::Class));
    }
}
