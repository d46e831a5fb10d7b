//! Kubernetes objects as a kubelet and kubectl send them, in their usual size: a Node of 5 kB, a Pod of 6 kB once the
//! server has added its managedFields. Every object is a function of its number, so that two runs compare.

use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};

/// Pods of this many namespaces.
pub(crate) const NAMESPACES: usize = 12;

const APPS: [&str; 10] = [
    "traefik",
    "grafana",
    "prometheus",
    "loki",
    "gitea",
    "postgres",
    "mosquitto",
    "home-assistant",
    "pihole",
    "jellyfin",
];
const IMAGES: [&str; 9] = [
    "pause",
    "klipper-lb",
    "klipper-helm",
    "local-path-provisioner",
    "coredns",
    "metrics-server",
    "library-traefik",
    "library-busybox",
    "metallb-speaker",
];

/// The name of board `index`, in the order of the numbers.
pub(crate) fn node_name(index: usize) -> String {
    format!("board-{index:04}")
}

pub(crate) fn namespace(index: usize) -> String {
    format!("team-{:02}", index % NAMESPACES)
}

fn address(index: usize) -> String {
    format!("192.168.{}.{}", 10 + index / 240, 10 + index % 240)
}

fn hours_ago(hours: i64) -> String {
    let now = Timestamp::now();
    let then = now.checked_sub(hours.hours()).unwrap_or(now);
    then.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A board that is Ready.
pub(crate) fn node(index: usize) -> Value {
    let name = node_name(index);
    let ip = address(index);
    let cidr = format!("10.{}.{}.0/24", 42 + index / 256, index % 256);
    let mut labels = json!({
        "beta.kubernetes.io/arch": "arm64",
        "beta.kubernetes.io/instance-type": "k3s",
        "beta.kubernetes.io/os": "linux",
        "kubernetes.io/arch": "arm64",
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "node.kubernetes.io/instance-type": "k3s",
        "topology.kubernetes.io/zone": format!("rack-{}", index / 16),
    });
    if let (0, Some(labels)) = (index, labels.as_object_mut()) {
        labels.insert(
            "node-role.kubernetes.io/control-plane".into(),
            "true".into(),
        );
    }
    let images: Vec<Value> = IMAGES
        .iter()
        .enumerate()
        .map(|(at, image)| {
            json!({
                "names": [
                    format!("registry.example/k3s/{image}@sha256:{:064x}", index * 31 + at),
                    format!("registry.example/k3s/{image}:v1.{at}.3"),
                ],
                "sizeBytes": 9_000_000 + 1_300_000 * at,
            })
        })
        .collect();
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": labels,
            "annotations": {
                "alpha.kubernetes.io/provided-node-ip": ip,
                "flannel.alpha.coreos.com/backend-data": format!("{{\"VNI\":1,\"VtepMAC\":\"d8:3a:dd:00:{:02x}:{:02x}\"}}", index / 256, index % 256),
                "flannel.alpha.coreos.com/backend-type": "vxlan",
                "flannel.alpha.coreos.com/kube-subnet-manager": "true",
                "flannel.alpha.coreos.com/public-ip": ip,
                "k3s.io/hostname": name,
                "k3s.io/internal-ip": ip,
                "k3s.io/node-args": "[\"agent\"]",
                "k3s.io/node-config-hash": format!("{:026X}====", index * 7_919),
                "k3s.io/node-env": "{}",
                "volumes.kubernetes.io/controller-managed-attach-detach": "true",
            },
        },
        "spec": { "podCIDR": cidr, "podCIDRs": [cidr], "providerID": format!("k3s://{name}") },
        "status": {
            "addresses": [{ "type": "InternalIP", "address": ip }, { "type": "Hostname", "address": name }],
            "capacity": { "cpu": "4", "ephemeral-storage": "61156264Ki", "memory": "8245736Ki", "pods": "110" },
            "allocatable": { "cpu": "4", "ephemeral-storage": "59492813572", "memory": "8143336Ki", "pods": "110" },
            "conditions": node_conditions(),
            "daemonEndpoints": { "kubeletEndpoint": { "Port": 10_250 } },
            "images": images,
            "nodeInfo": {
                "architecture": "arm64",
                "bootID": format!("{index:08x}-2222-4333-8444-{index:012x}"),
                "containerRuntimeVersion": "containerd://2.1.5-k3s1",
                "kernelVersion": "6.12.25+rpt-rpi-2712",
                "kubeProxyVersion": "",
                "kubeletVersion": "v1.36.2+k3s1",
                "machineID": format!("{:032x}", index + 1),
                "operatingSystem": "linux",
                "osImage": "Debian GNU/Linux 12 (bookworm)",
                "systemUUID": format!("{:032x}", index + 77),
            },
        },
    })
}

fn node_conditions() -> Value {
    let (beat, since) = (hours_ago(0), hours_ago(700));
    let condition = |kind: &str, status: &str, reason: &str, message: &str| {
        json!({
            "type": kind, "status": status, "reason": reason, "message": message,
            "lastHeartbeatTime": beat, "lastTransitionTime": since,
        })
    };
    json!([
        condition(
            "MemoryPressure",
            "False",
            "KubeletHasSufficientMemory",
            "kubelet has sufficient memory available"
        ),
        condition(
            "DiskPressure",
            "False",
            "KubeletHasNoDiskPressure",
            "kubelet has no disk pressure"
        ),
        condition(
            "PIDPressure",
            "False",
            "KubeletHasSufficientPID",
            "kubelet has sufficient PID available"
        ),
        condition(
            "Ready",
            "True",
            "KubeletReady",
            "kubelet is posting ready status"
        ),
    ])
}

/// A heartbeat of now.
pub(crate) fn lease(index: usize) -> Value {
    let name = node_name(index);
    json!({
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": { "name": name, "namespace": "kube-node-lease" },
        "spec": { "holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": renew_time() },
    })
}

/// Now, with microseconds, as a kubelet writes it.
pub(crate) fn renew_time() -> String {
    Timestamp::now()
        .strftime("%Y-%m-%dT%H:%M:%S.%6fZ")
        .to_string()
}

pub(crate) fn pod_name(index: usize) -> String {
    let app = app(index);
    let hash = (index / APPS.len()).wrapping_mul(2_654_435_761) & 0xff_ffff_ffff;
    format!("{app}-{hash:010x}-{index:05x}")
}

fn app(index: usize) -> &'static str {
    APPS.get(index % APPS.len()).copied().unwrap_or("app")
}

/// Pod `index`, bound to board `node`, as a `ReplicaSet` would make it.
pub(crate) fn pod(index: usize, node: usize) -> Value {
    let app = app(index);
    let container = json!({
        "name": app,
        "image": format!("registry.example/library/{app}:{}.{}", 1 + index % 5, index % 9),
        "imagePullPolicy": "IfNotPresent",
        "ports": [{ "name": "http", "containerPort": 8080, "protocol": "TCP" }],
        "env": [
            { "name": "TZ", "value": "Europe/Berlin" },
            { "name": "POD_IP", "valueFrom": { "fieldRef": { "apiVersion": "v1", "fieldPath": "status.podIP" } } },
        ],
        "resources": { "requests": { "cpu": "20m", "memory": "64Mi" }, "limits": { "memory": "128Mi" } },
        "readinessProbe": {
            "httpGet": { "path": "/healthz", "port": 8080, "scheme": "HTTP" },
            "periodSeconds": 10, "timeoutSeconds": 1, "successThreshold": 1, "failureThreshold": 3,
        },
        "volumeMounts": [{ "name": "config", "mountPath": format!("/etc/{app}") }],
        "securityContext": { "allowPrivilegeEscalation": false, "runAsNonRoot": true, "runAsUser": 1000 },
    });
    // Without tolerationSeconds: a lease that is late on a busy machine must not evict pods.
    let stays = |key: &str| json!({ "key": format!("node.kubernetes.io/{key}"), "operator": "Exists", "effect": "NoExecute" });
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": pod_name(index),
            "namespace": namespace(index),
            "labels": {
                "app.kubernetes.io/name": app,
                "app.kubernetes.io/instance": format!("{app}-{}", index / 40),
                "pod-template-hash": format!("{:09x}", index / APPS.len()),
            },
            "annotations": { "kubectl.kubernetes.io/restartedAt": hours_ago(700) },
        },
        "spec": {
            "nodeName": node_name(node),
            "containers": [container],
            "volumes": [{ "name": "config", "configMap": { "name": format!("{app}-config"), "defaultMode": 420, "optional": true } }],
            "restartPolicy": "Always",
            "terminationGracePeriodSeconds": 30,
            "dnsPolicy": "ClusterFirst",
            "schedulerName": "default-scheduler",
            "enableServiceLinks": true,
            "tolerations": [stays("unreachable"), stays("not-ready")],
        },
    })
}

/// What the kubelet reports of pod `index`. Each `turn` is another restart; every 40th pod is not ready.
pub(crate) fn pod_status(index: usize, node: usize, turn: usize) -> Value {
    let app = app(index);
    let image = format!(
        "registry.example/library/{app}:{}.{}",
        1 + index % 5,
        index % 9
    );
    let since = hours_ago(40 + i64::try_from(index % 500).unwrap_or(0));
    let is_ready = index % 40 != 39;
    let word = if is_ready { "True" } else { "False" };
    let condition = |kind: &str, status: &str| json!({ "type": kind, "status": status, "lastProbeTime": null, "lastTransitionTime": since });
    let ip = format!(
        "10.{}.{}.{}",
        42 + node / 256,
        node % 256,
        2 + index / 7 % 250
    );
    json!({
        "phase": "Running",
        "qosClass": "Burstable",
        "hostIP": address(node),
        "hostIPs": [{ "ip": address(node) }],
        "podIP": ip,
        "podIPs": [{ "ip": ip }],
        "startTime": since,
        "conditions": [
            condition("PodReadyToStartContainers", "True"),
            condition("Initialized", "True"),
            condition("Ready", word),
            condition("ContainersReady", word),
            condition("PodScheduled", "True"),
        ],
        "containerStatuses": [{
            "name": app,
            "image": image,
            "imageID": format!("{image}@sha256:{index:064x}"),
            "containerID": format!("containerd://{:064x}", index * 1_009 + turn),
            "restartCount": turn,
            "ready": is_ready,
            "started": true,
            "state": { "running": { "startedAt": since } },
            "lastState": {
                "terminated": {
                    "exitCode": 1, "reason": "Error", "startedAt": since, "finishedAt": since,
                    "containerID": format!("containerd://{index:064x}"),
                },
            },
        }],
    })
}
