//! Why a claim is pending.

use crate::rack::Rack;
use crate::rack::link::Source;
use crate::rack::problem::{Problem, Severity};
use crate::rack::storage::symptom::{Answer, LOCAL_PATH, PATIENCE, about, nfs};
use crate::rack::storage::{Claim, StorageClass, StorageEvent};

pub(super) fn problem(rack: &Rack, claim: &Claim) -> Option<Problem> {
    let age = claim.created.map(|it| rack.now.wall.duration_since(it));
    let is_young = age.is_some_and(|it| it.unsigned_abs() < PATIENCE);
    let what = format!("claim {} waits for a volume", claim.name);
    let new = |severity| Problem::new(severity, about(claim), what.clone());
    let class = match claim.class.as_deref() {
        None if rack.storage.defaults().is_empty() => {
            return Some(
                new(Severity::Warning)
                    .why("it names no storage class, and none is the default")
                    .next("name one in the claim, or make one the default"),
            );
        }
        None => return None,
        Some("") => {
            let why =
                "it asks expressly for no class: only a volume made by hand fits, and none does";
            return Some(new(Severity::Note).why(why));
        }
        Some(name) => name,
    };
    let Some(class) = rack.storage.class(class) else {
        let known: Vec<&str> = rack.storage.classes().map(|it| &*it.name).collect();
        return Some(
            new(Severity::Warning)
                .why(format!("there is no StorageClass {class}"))
                .next(format!("the cluster has {}", or_none(&known))),
        );
    };
    let failed = rack
        .storage
        .events(&claim.uid)
        .find(|it| &*it.reason == "ProvisioningFailed");
    if let Some(event) = failed {
        return Some(refused(new(Severity::Warning), event));
    }
    if class.waits_for_pod {
        let is_used = rack.pods_using(&claim.name).next().is_some();
        return (!is_used).then(|| {
            new(Severity::Note)
                .why(format!(
                    "StorageClass {} makes a volume when a pod uses the claim, and none does",
                    class.name
                ))
                .next("nothing is wrong with it; start what needs it")
        });
    }
    if is_young || &*class.provisioner == LOCAL_PATH {
        return None;
    }
    provisioner(rack, claim, class, new(Severity::Warning))
}

/// Nobody, or somebody else, answers to the name in the class.
fn provisioner(
    rack: &Rack,
    claim: &Claim,
    class: &StorageClass,
    problem: Problem,
) -> Option<Problem> {
    if !rack.link.has_listed(Source::Provisioners) {
        return None;
    }
    let name = &class.provisioner;
    match nfs(rack, class) {
        Some(Answer::Nobody) => {
            let mut others = rack.storage.provisioners().filter(|it| !it.provisions.is_empty());
            Some(match others.next() {
                Some(other) => problem
                    .why(format!("StorageClass {} wants \"{name}\", and Deployment {}/{} answers to \"{}\"", class.name, other.namespace, other.name, other.provisions))
                    .next("both must be the same, character for character: PROVISIONER_NAME in the Deployment, provisioner in the class"),
                None => problem
                    .why(format!("no Deployment answers to \"{name}\", the provisioner of StorageClass {}", class.name))
                    .next("install the provisioner"),
            })
        }
        // Its own rule says what is wrong with it.
        Some(Answer::By(running)) if running.ready < 1 => None,
        Some(Answer::By(_)) if claim.has_selector => Some(
            problem
                .why("it has a selector, and the NFS provisioner refuses those")
                .next("leave the selector out"),
        ),
        Some(Answer::By(running)) => Some(
            problem
                .why(format!("Deployment {}/{} runs and says nothing of it", running.namespace, running.name))
                .next("look at its log: without its Role for leases or endpoints in that namespace it never becomes the leader"),
        ),
        None => {
            let waits = |it: &StorageEvent| &*it.reason == "ExternalProvisioning";
            rack.storage.events(&claim.uid).any(waits).then(|| {
                problem
                    .why(format!("the cluster waits for \"{name}\" to make the volume"))
                    .next("look whether what answers to that name runs")
            })
        }
    }
}

/// The provisioner tried; its words say why it could not.
fn refused(problem: Problem, event: &StorageEvent) -> Problem {
    let message = event.message.to_lowercase();
    let problem = problem.evidence(&*event.message);
    if message.contains("permission denied") {
        problem
            .why("the provisioner may not make a folder on the export")
            .next("on the NFS server: chown nobody:nogroup the export, or chmod 0777 it, or export it with no_root_squash")
    } else if message.contains("input/output error") {
        problem
            .why("the NFS server answers with an input/output error")
            .next("look at the server; a mount option such as nfsvers=4.1 in the class often helps")
    } else if message.contains("selflink was empty") {
        problem
            .why("the provisioner's image is too old for this Kubernetes: it needs a field that is gone since 1.20")
            .next("use registry.k8s.io/sig-storage/nfs-subdir-external-provisioner:v4.0.2")
    } else {
        problem
            .why(format!("{} cannot make it", event.component))
            .next("mend what it says; it tries again by itself")
    }
}

fn or_none(names: &[&str]) -> String {
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}
