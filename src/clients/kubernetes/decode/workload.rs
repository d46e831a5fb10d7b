//! DaemonSets and Deployments on the wire: which of them is an address allocator, and little else.

use std::borrow::Cow;

use serde::Deserialize;

use super::wire::{Meta, null_as_default};
use super::{Kind, Object};
use crate::clients::kubernetes::place::{Notice, Place};
use crate::rack::facts::{Change, Fact};
use crate::rack::link::Source;
use crate::rack::node::Uid;
use crate::rack::service::ServiceName;
use crate::rack::workload::{Part, Workload, WorkloadKind};

/// A DaemonSet as a kind of its own, because it is listed apart from Deployments.
pub(in crate::clients::kubernetes) struct DaemonSet(Workload);

pub(in crate::clients::kubernetes) struct Deployment(Workload);

impl Kind for DaemonSet {
    const SOURCE: Source = Source::DaemonSets;
    const PATH: &'static str = "/apis/apps/v1/daemonsets";

    type Wire<'a> = Wire<'a>;

    fn name(&self) -> String {
        format!("{}/{}", self.0.namespace, self.0.name)
    }

    fn fact(change: Change<Self>) -> Fact {
        Fact::Workloads(WorkloadKind::DaemonSet, change.map(|it| it.0))
    }

    fn notice(change: &Change<Self>) -> Option<Notice> {
        let speaker = |it: &Self| {
            let is_one = it.0.part == Part::Speaker;
            is_one.then(|| Notice::speaker(&it.0))
        };
        match change {
            Change::Listed(all) => Some(all.iter().find_map(speaker).unwrap_or(Notice::NoSpeaker)),
            Change::Applied(it) => speaker(it),
            Change::Deleted(it) => speaker(it).map(|_| Notice::NoSpeaker),
        }
    }
}

impl Kind for Deployment {
    const SOURCE: Source = Source::Deployments;
    const PATH: &'static str = "/apis/apps/v1/namespaces/metallb-system/deployments";

    type Wire<'a> = Wire<'a>;

    fn name(&self) -> String {
        format!("{}/{}", self.0.namespace, self.0.name)
    }

    fn fact(change: Change<Self>) -> Fact {
        Fact::Workloads(WorkloadKind::Deployment, change.map(|it| it.0))
    }

    fn path(place: &Place) -> Option<Cow<'static, str>> {
        let namespace = place.namespace()?;
        Some(format!("/apis/apps/v1/namespaces/{namespace}/deployments").into())
    }
}

#[derive(Deserialize)]
pub(in crate::clients::kubernetes) struct Wire<'a> {
    #[serde(borrow)]
    metadata: Meta<'a, WorkloadLabels<'a>>,
    #[serde(borrow, default, deserialize_with = "null_as_default")]
    spec: Spec<'a>,
    #[serde(default, deserialize_with = "null_as_default")]
    status: Status,
}

/// The labels that allocators put on their workloads.
#[derive(Deserialize, Default)]
#[serde(default)]
struct WorkloadLabels<'a> {
    #[serde(borrow)]
    app: Cow<'a, str>,
    #[serde(borrow)]
    component: Cow<'a, str>,
    #[serde(borrow, rename = "app.kubernetes.io/name")]
    name: Cow<'a, str>,
    #[serde(borrow, rename = "app.kubernetes.io/component")]
    part: Cow<'a, str>,
    #[serde(borrow, rename = "k8s-app")]
    k8s_app: Cow<'a, str>,
    #[serde(borrow, rename = "svccontroller.k3s.cattle.io/svcname")]
    service: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "svccontroller.k3s.cattle.io/svcnamespace")]
    service_namespace: Cow<'a, str>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Spec<'a> {
    replicas: Option<u32>,
    #[serde(borrow, deserialize_with = "null_as_default")]
    template: Template<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Template<'a> {
    #[serde(borrow, deserialize_with = "null_as_default")]
    spec: PodSpec<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct PodSpec<'a> {
    #[serde(borrow, deserialize_with = "null_as_default")]
    containers: Vec<Container<'a>>,
}

#[derive(Deserialize)]
struct Container<'a> {
    #[serde(borrow, default)]
    name: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "null_as_default")]
    image: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "null_as_default")]
    args: Vec<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "null_as_default")]
    env: Vec<Variable<'a>>,
}

#[derive(Deserialize)]
struct Variable<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow, default)]
    value: Option<Cow<'a, str>>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    desired_number_scheduled: Option<u32>,
    number_ready: Option<u32>,
    ready_replicas: Option<u32>,
}

impl Wire<'_> {
    fn part(&self) -> Part {
        let labels = &self.metadata.labels;
        if let Some(service) = &labels.service {
            let namespace = &*labels.service_namespace;
            let is_known = !namespace.is_empty() && !service.is_empty();
            return Part::ServiceLb(is_known.then(|| ServiceName::new(namespace, service)));
        }
        let component = match (&*labels.app, &*labels.name) {
            ("metallb", _) => &*labels.component,
            (_, "metallb") => &*labels.part,
            _ => "",
        };
        match component {
            "speaker" => return Part::Speaker,
            "controller" => return Part::Controller,
            _ => {}
        }
        let runs = |image: &str| {
            let images = self.spec.template.spec.containers.iter();
            images
                .map(|it| &*it.image)
                .any(|it| repository(it) == image)
        };
        let name = &*self.metadata.name;
        if runs("kube-vip") || runs("kube-vip-cloud-provider") {
            Part::KubeVip
        } else if runs("lbnodeagent") || (runs("allocator") && name.contains("purelb")) {
            Part::PureLb
        } else if labels.k8s_app == "cilium" {
            Part::Cilium
        } else {
            Part::Other
        }
    }

    /// The container that does the work: the one named like the part, else the first.
    fn container(&self, part: &Part) -> Option<&Container<'_>> {
        let wanted = match part {
            Part::Speaker => "speaker",
            Part::Controller => "controller",
            _ => "",
        };
        let containers = &self.spec.template.spec.containers;
        let named = containers.iter().find(|it| it.name == wanted);
        named
            .or_else(|| containers.iter().find(|it| it.name.ends_with(wanted)))
            .or(containers.first())
    }

    fn workload(self, kind: WorkloadKind) -> Object<Workload> {
        let part = self.part();
        let container = self.container(&part);
        let image = container.map(|it| Box::from(&*it.image));
        let args = container.into_iter().flat_map(|it| &it.args);
        let flags = args.filter(|it| is_shown(it)).map(|it| Box::from(&**it));
        let env = container.into_iter().flat_map(|it| &it.env);
        let mode = env.filter(|it| it.name == BGP_MODE).filter_map(|it| {
            let value = it.value.as_ref()?;
            Some(format!("{BGP_MODE}={value}").into())
        });
        let flags = flags.chain(mode).collect();
        let (desired, ready) = match kind {
            WorkloadKind::DaemonSet => (
                self.status.desired_number_scheduled,
                self.status.number_ready,
            ),
            WorkloadKind::Deployment => {
                (self.spec.replicas.or(Some(1)), self.status.ready_replicas)
            }
        };
        Object {
            item: Workload {
                kind,
                uid: Uid(self.metadata.uid.into()),
                created: self.metadata.creation_timestamp.0,
                part,
                image: image.unwrap_or_default(),
                flags,
                desired: desired.unwrap_or(0),
                ready: ready.unwrap_or(0),
                namespace: self.metadata.namespace.into(),
                name: self.metadata.name.into(),
            },
            version: self.metadata.resource_version.into(),
        }
    }
}

/// `kube-vip` of `ghcr.io/kube-vip/kube-vip:v0.9.1`.
fn repository(image: &str) -> &str {
    let last = image.rsplit('/').next().unwrap_or(image);
    last.split([':', '@']).next().unwrap_or(last)
}

/// The variable of MetalLB's containers that says how BGP is spoken; kept as if it were a flag.
const BGP_MODE: &str = "METALLB_BGP_TYPE";

/// Arguments of other programs may hold secrets, so only these are kept.
fn is_shown(argument: &str) -> bool {
    let name = argument.split('=').next().unwrap_or(argument);
    ["--config", "--lb-class", "--ignore-exclude-lb"].contains(&name)
}

impl From<Wire<'_>> for Object<DaemonSet> {
    fn from(wire: Wire<'_>) -> Self {
        let Object { version, item } = wire.workload(WorkloadKind::DaemonSet);
        let item = DaemonSet(item);
        Object { version, item }
    }
}

impl From<Wire<'_>> for Object<Deployment> {
    fn from(wire: Wire<'_>) -> Self {
        let Object { version, item } = wire.workload(WorkloadKind::Deployment);
        let item = Deployment(item);
        Object { version, item }
    }
}
