//! Images in the cluster: what a workload or pod names, and what its containers really run.
//!
//! Read when somebody asks, not watched: of twenty thousand pods nobody needs to keep it.

use serde::Deserialize;

use super::connection::{Asking, Connection};
use super::error::{Error, Rule};
use super::source::push_encoded;
use super::write;
use crate::rack::facts::{Change, Fact};
use crate::rack::image::Running;
use crate::rack::link::Source;
use crate::rack::node::NodeName;
use crate::rack::pod::PodName;
use crate::rack::problem::Subject;
use crate::rack::workload::WorkloadRef;

static LIST_PODS: Rule = Rule {
    verbs: "list",
    resource: "pods",
    group: "",
    namespace: None,
};
static LIST_NODES: Rule = Rule {
    verbs: "list",
    resource: "nodes",
    group: "",
    namespace: None,
};
const ARCHITECTURE: &str = "kubernetes.io/arch";

/// What an object says its pods run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Named {
    /// Of containers and init containers, each once, in their order.
    pub images: Vec<Box<str>>,
    /// The architectures its pods are kept to; empty means any.
    pub only: Vec<Box<str>>,
}

#[derive(Deserialize)]
struct Object {
    spec: Spec,
}

/// Of a pod, or of a workload around the template of its pods.
#[derive(Deserialize)]
struct Spec {
    template: Option<Template>,
    #[serde(flatten)]
    pod: PodSpec,
}

#[derive(Deserialize)]
struct Template {
    #[serde(default)]
    spec: PodSpec,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct PodSpec {
    node_name: Option<Box<str>>,
    init_containers: Vec<Container>,
    containers: Vec<Container>,
    node_selector: std::collections::BTreeMap<String, Box<str>>,
    affinity: Option<Affinity>,
}

#[derive(Deserialize)]
struct Container {
    #[serde(default)]
    image: Box<str>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Affinity {
    node_affinity: Option<NodeAffinity>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct NodeAffinity {
    #[serde(rename = "requiredDuringSchedulingIgnoredDuringExecution")]
    required: Option<Terms>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Terms {
    node_selector_terms: Vec<Term>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Term {
    match_expressions: Vec<Expression>,
}

#[derive(Deserialize)]
struct Expression {
    key: String,
    operator: String,
    #[serde(default)]
    values: Vec<Box<str>>,
}

/// What a workload or pod names.
pub(super) async fn named(connection: &Connection, object: &Subject) -> Result<Named, Error> {
    let body = write::read(connection, object).await?;
    let read: Object = serde_json::from_slice(&body).map_err(|error| Error::Unreadable {
        what: object.to_string(),
        why: error.to_string(),
    })?;
    let spec = read.spec.template.map_or(read.spec.pod, |it| it.spec);
    let mut images: Vec<Box<str>> = Vec::new();
    for container in spec.init_containers.iter().chain(&spec.containers) {
        if !container.image.is_empty() && !images.contains(&container.image) {
            images.push(container.image.clone());
        }
    }
    Ok(Named {
        images,
        only: only(&spec),
    })
}

/// A selector decides; of an affinity only what every term demands counts.
fn only(spec: &PodSpec) -> Vec<Box<str>> {
    if let Some(architecture) = spec.node_selector.get(ARCHITECTURE) {
        return vec![architecture.clone()];
    }
    let affinity = spec
        .affinity
        .as_ref()
        .and_then(|it| it.node_affinity.as_ref());
    let Some(terms) = affinity.and_then(|it| it.required.as_ref()) else {
        return Vec::new();
    };
    let mut all = Vec::new();
    for term in &terms.node_selector_terms {
        let demands = |it: &&Expression| it.key == ARCHITECTURE && it.operator == "In";
        match term.match_expressions.iter().find(demands) {
            Some(expression) => all.extend(expression.values.iter().cloned()),
            // A node of any architecture may meet this term.
            None => return Vec::new(),
        }
    }
    all
}

/// The nodes with the architecture their kubelets report.
pub(super) async fn architectures(
    connection: &Connection,
) -> Result<Vec<(NodeName, Box<str>)>, Error> {
    let asking = Asking {
        rule: &LIST_NODES,
        what: "list of nodes",
    };
    let body = connection.get("/api/v1/nodes", asking).await?;
    match super::read::list(Source::Nodes, &body) {
        Some(Fact::Nodes(Change::Listed(nodes))) => Ok(nodes
            .into_iter()
            .map(|it| (it.name, it.info.architecture))
            .collect()),
        _ => Err(Error::Unreadable {
            what: "the list of nodes".to_owned(),
            why: "it is no list".to_owned(),
        }),
    }
}

#[derive(Deserialize)]
struct Pods {
    #[serde(default)]
    metadata: ListMeta,
    items: Vec<Pod>,
}

#[derive(Deserialize, Default)]
struct ListMeta {
    #[serde(default, rename = "continue")]
    next: Option<String>,
}

#[derive(Deserialize)]
struct Pod {
    metadata: PodMeta,
    #[serde(default)]
    spec: PodSpec,
    #[serde(default)]
    status: Status,
}

#[derive(Deserialize)]
struct PodMeta {
    name: Box<str>,
    namespace: Box<str>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    container_statuses: Vec<ContainerStatus>,
    init_container_statuses: Vec<ContainerStatus>,
}

#[derive(Deserialize)]
struct ContainerStatus {
    #[serde(default)]
    image: Box<str>,
    #[serde(default, rename = "imageID")]
    image_id: Box<str>,
}

/// What the pods of a namespace (`None`: of all) run, if `wanted` says yes to the name of the image. Which workload a pod
/// belongs to is the caller's to say.
pub(super) async fn running(
    connection: &Connection,
    namespace: Option<&str>,
    wanted: impl Fn(&str) -> bool,
) -> Result<Vec<Running>, Error> {
    let mut base = "/api/v1/".to_owned();
    if let Some(namespace) = namespace {
        base.push_str("namespaces/");
        push_encoded(&mut base, namespace);
        base.push('/');
    }
    base.push_str("pods?limit=500");
    let asking = Asking {
        rule: &LIST_PODS,
        what: "such namespace",
    };
    let (mut all, mut path) = (Vec::new(), base.clone());
    loop {
        let body = connection.get(&path, asking).await?;
        let pods: Pods = serde_json::from_slice(&body).map_err(|error| Error::Unreadable {
            what: "the list of pods".to_owned(),
            why: error.to_string(),
        })?;
        for pod in pods.items {
            let statuses = pod.status.init_container_statuses.iter();
            for status in statuses.chain(&pod.status.container_statuses) {
                if wanted(&status.image) {
                    all.push(of(&pod, status));
                }
            }
        }
        match pods.metadata.next.filter(|it| !it.is_empty()) {
            Some(next) => {
                path = format!("{base}&continue=");
                push_encoded(&mut path, &next);
            }
            None => return Ok(all),
        }
    }
}

fn of(pod: &Pod, status: &ContainerStatus) -> Running {
    Running {
        pod: PodName {
            namespace: pod.metadata.namespace.clone(),
            name: pod.metadata.name.clone(),
        },
        workload: None::<WorkloadRef>,
        node: pod.spec.node_name.clone().map(NodeName),
        image: status.image.clone(),
        // `registry/name@sha256:…`; runtimes before containerd put `docker-pullable://` before it.
        digest: status.image_id.rsplit_once('@').map(|(_, it)| it.into()),
    }
}
