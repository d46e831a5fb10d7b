//! The provisioner itself: whether it runs, and whether its image can run on these boards and with this Kubernetes.

use crate::rack::Rack;
use crate::rack::pod::Pod;
use crate::rack::problem::{Problem, Severity, Subject};
use crate::rack::storage::Provisioner;

/// The image everybody should have: for all boards, and for Kubernetes from 1.20 on.
const GOOD: &str = "registry.k8s.io/sig-storage/nfs-subdir-external-provisioner:v4.0.2";

pub(super) fn check(rack: &Rack, provisioner: &Provisioner, problems: &mut Vec<Problem>) {
    let name = format!("{}/{}", provisioner.namespace, provisioner.name);
    let about = Subject::Storage;
    let is_old = repository(&provisioner.image).starts_with("nfs-client-provisioner");
    if is_old && rack.kubernetes_minor().is_some_and(|it| it >= 20) {
        problems.push(
            Problem::new(
                Severity::Critical,
                about,
                format!("the NFS provisioner {name} cannot make volumes with this Kubernetes"),
            )
            .why(format!(
                "{} needs a field that is gone since 1.20",
                provisioner.image
            ))
            .next(format!("set its image to {GOOD}")),
        );
        return;
    }
    if provisioner.desired == 0 {
        problems.push(
            Problem::new(
                Severity::Warning,
                about,
                format!("the NFS provisioner {name} is scaled to nothing"),
            )
            .why("claims of its class wait until it runs")
            .next(format!(
                "kubectl -n {} scale deployment {} --replicas 1",
                provisioner.namespace, provisioner.name
            )),
        );
        return;
    }
    if provisioner.ready > 0 {
        return;
    }
    let what = format!("the NFS provisioner {name} does not run");
    let problem = Problem::new(Severity::Warning, about, what);
    let prefix = format!("{}-", provisioner.name);
    let is_its =
        |pod: &&Pod| pod.name.starts_with(&*prefix) && pod.owner.as_deref() == Some("ReplicaSet");
    let pod = rack.pods_in(&provisioner.namespace).find(is_its);
    let Some(pod) = pod else {
        problems.push(problem.why("it has no pod").next(format!(
            "kubectl -n {} describe deployment {}",
            provisioner.namespace, provisioner.name
        )));
        return;
    };
    let node = pod.node.as_ref().and_then(|it| rack.node(it));
    let arch = node.map(|it| &*it.info.architecture);
    let is_image = [
        "CrashLoopBackOff",
        "ImagePullBackOff",
        "ErrImagePull",
        "Error",
    ]
    .contains(&&*pod.status);
    let lacks_arm = arch == Some("arm")
        && [":v4.0.0", ":v4.0.1"]
            .iter()
            .any(|it| provisioner.image.ends_with(it));
    let problem = problem.evidence(format!("pod {} is {}", pod.name, pod.status));
    problems.push(if is_image && (lacks_arm || is_old) {
        problem
            .why(format!(
                "{} has no image for {}",
                provisioner.image,
                arch.unwrap_or("this board")
            ))
            .next(format!("set its image to {GOOD}"))
    } else if &*pod.status == "ContainerCreating" {
        problem
            .why("its pod cannot start: most often the export cannot be mounted on its board")
            .next(
                "what the board says of it stands here as a problem of its own, as soon as it does",
            )
    } else {
        problem
            .why("claims of its class wait until it does")
            .next(format!(
                "kubectl -n {} logs deployment/{}",
                provisioner.namespace, provisioner.name
            ))
    });
}

/// `nfs-client-provisioner` of `quay.io/external_storage/nfs-client-provisioner:latest`.
fn repository(image: &str) -> &str {
    let last = image.rsplit('/').next().unwrap_or(image);
    last.split([':', '@']).next().unwrap_or(last)
}
