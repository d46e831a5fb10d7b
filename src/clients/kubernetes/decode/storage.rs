//! Storage on the wire: classes, claims, volumes, and what is said of claims and mounts.

use std::borrow::Cow;

use serde::Deserialize;

use super::event::Wire as EventWire;
use super::wire::{Labels, Stamp, null_as_default, some};
use super::{Kind, Object};
use crate::clients::kubernetes::place::Notice;
use crate::rack::facts::{Change, Fact};
use crate::rack::link::Source;
use crate::rack::node::{NodeName, Uid};
use crate::rack::quantity;
use crate::rack::storage::{
    Claim, ClaimName, ClaimPhase, ClaimRef, Reclaim, StorageClass, StorageEvent, Volume,
    VolumePhase, VolumePlace,
};

/// Annotations that make a class the default; the second was the name before 1.6.
const DEFAULTS: [&str; 2] = [
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
];
const PROVISIONED_BY: &str = "pv.kubernetes.io/provisioned-by";
const PICKED_UP: [&str; 2] = [
    "volume.kubernetes.io/storage-provisioner",
    "volume.beta.kubernetes.io/storage-provisioner",
];
/// Parameters of a class that matter here; those of other drivers may name secrets.
const PARAMETERS: [&str; 3] = ["pathPattern", "onDelete", "archiveOnDelete"];

impl Kind for StorageClass {
    const SOURCE: Source = Source::StorageClasses;
    const PATH: &'static str = "/apis/storage.k8s.io/v1/storageclasses";
    const QUERY: &'static str = "";
    const PAGE: Option<u32> = None;

    type Wire<'a> = ClassWire<'a>;

    fn name(&self) -> String {
        self.name.to_string()
    }

    fn fact(change: Change<Self>) -> Fact {
        Fact::StorageClasses(change)
    }

    fn notice(change: &Change<Self>) -> Option<Notice> {
        // k3s' own, and volumes made by hand, need no Deployment of somebody else.
        let wants_one = |it: &StorageClass| {
            !["rancher.io/local-path", "kubernetes.io/no-provisioner"].contains(&&*it.provisioner)
        };
        match change {
            Change::Listed(all) => Some(Notice::ProvisionersMatter(all.iter().any(wants_one))),
            Change::Applied(it) => wants_one(it).then_some(Notice::ProvisionersMatter(true)),
            Change::Deleted(_) => None,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LabelledMeta<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow, default)]
    namespace: Cow<'a, str>,
    #[serde(borrow, default)]
    uid: Cow<'a, str>,
    #[serde(borrow, default)]
    resource_version: Cow<'a, str>,
    #[serde(default)]
    creation_timestamp: Stamp,
    #[serde(default)]
    deletion_timestamp: Stamp,
    #[serde(default, deserialize_with = "null_as_default")]
    labels: Labels,
    #[serde(default, deserialize_with = "null_as_default")]
    annotations: Labels,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::clients::kubernetes) struct ClassWire<'a> {
    #[serde(borrow)]
    metadata: LabelledMeta<'a>,
    #[serde(borrow, default)]
    provisioner: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "null_as_default")]
    reclaim_policy: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "null_as_default")]
    volume_binding_mode: Cow<'a, str>,
    #[serde(default, deserialize_with = "null_as_default")]
    allow_volume_expansion: bool,
    #[serde(default, deserialize_with = "null_as_default")]
    parameters: Labels,
    #[serde(default, deserialize_with = "null_as_default")]
    mount_options: Vec<Box<str>>,
}

impl From<ClassWire<'_>> for Object<StorageClass> {
    fn from(wire: ClassWire<'_>) -> Self {
        let annotations = &wire.metadata.annotations;
        let is_true = |key: &&str| annotations.get(*key).is_some_and(|it| &**it == "true");
        let mut parameters = wire.parameters;
        parameters.retain(|key, _| PARAMETERS.contains(&&**key));
        Object {
            item: StorageClass {
                is_default: DEFAULTS.iter().any(is_true),
                name: wire.metadata.name.into(),
                uid: Uid(wire.metadata.uid.into()),
                created: wire.metadata.creation_timestamp.0,
                provisioner: wire.provisioner.into(),
                reclaim: Reclaim::parse(&wire.reclaim_policy),
                waits_for_pod: wire.volume_binding_mode == "WaitForFirstConsumer",
                can_expand: wire.allow_volume_expansion,
                parameters,
                mount_options: wire.mount_options,
            },
            version: wire.metadata.resource_version.into(),
        }
    }
}

impl Kind for Claim {
    const SOURCE: Source = Source::Claims;
    const PATH: &'static str = "/api/v1/persistentvolumeclaims";
    const QUERY: &'static str = "";
    const PAGE: Option<u32> = Some(500);

    type Wire<'a> = ClaimWire<'a>;

    fn name(&self) -> String {
        self.name.to_string()
    }

    fn fact(change: Change<Self>) -> Fact {
        Fact::Claims(change)
    }
}

#[derive(Deserialize)]
pub(in crate::clients::kubernetes) struct ClaimWire<'a> {
    #[serde(borrow)]
    metadata: LabelledMeta<'a>,
    #[serde(borrow, default, deserialize_with = "null_as_default")]
    spec: ClaimSpec<'a>,
    #[serde(borrow, default, deserialize_with = "null_as_default")]
    status: ClaimStatus<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct ClaimSpec<'a> {
    storage_class_name: Option<Box<str>>,
    #[serde(borrow, deserialize_with = "null_as_default")]
    resources: Requests<'a>,
    #[serde(deserialize_with = "null_as_default")]
    access_modes: Vec<Box<str>>,
    #[serde(borrow, deserialize_with = "null_as_default")]
    volume_name: Cow<'a, str>,
    selector: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Requests<'a> {
    #[serde(borrow, deserialize_with = "null_as_default")]
    requests: Room<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Room<'a> {
    #[serde(borrow)]
    storage: Option<Cow<'a, str>>,
}

impl Room<'_> {
    fn bytes(&self) -> Option<u64> {
        self.storage.as_deref().and_then(quantity::whole)
    }
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct ClaimStatus<'a> {
    #[serde(borrow, deserialize_with = "null_as_default")]
    phase: Cow<'a, str>,
    #[serde(borrow, deserialize_with = "null_as_default")]
    capacity: Room<'a>,
}

impl From<ClaimWire<'_>> for Object<Claim> {
    fn from(wire: ClaimWire<'_>) -> Self {
        let (metadata, spec) = (wire.metadata, wire.spec);
        let mut annotations = metadata.annotations;
        let provisioner = PICKED_UP
            .iter()
            .find_map(|it| annotations.get(*it).cloned());
        // A copy of the whole claim, and of no use here.
        annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
        Object {
            item: Claim {
                name: ClaimName::new(&metadata.namespace, &metadata.name),
                uid: Uid(metadata.uid.into()),
                created: metadata.creation_timestamp.0,
                deleted: metadata.deletion_timestamp.0,
                class: spec.storage_class_name,
                wanted: spec.resources.requests.bytes(),
                capacity: wire.status.capacity.bytes(),
                access: spec.access_modes,
                volume: some(&spec.volume_name),
                phase: match &*wire.status.phase {
                    "Bound" => ClaimPhase::Bound,
                    "Lost" => ClaimPhase::Lost,
                    _ => ClaimPhase::Pending,
                },
                provisioner,
                has_selector: spec.selector.is_some(),
                labels: metadata.labels,
                annotations,
            },
            version: metadata.resource_version.into(),
        }
    }
}

impl Kind for Volume {
    const SOURCE: Source = Source::Volumes;
    const PATH: &'static str = "/api/v1/persistentvolumes";
    const QUERY: &'static str = "";
    const PAGE: Option<u32> = Some(500);

    type Wire<'a> = VolumeWire<'a>;

    fn name(&self) -> String {
        self.name.to_string()
    }

    fn fact(change: Change<Self>) -> Fact {
        Fact::Volumes(change)
    }
}

#[derive(Deserialize)]
pub(in crate::clients::kubernetes) struct VolumeWire<'a> {
    #[serde(borrow)]
    metadata: LabelledMeta<'a>,
    #[serde(borrow, default, deserialize_with = "null_as_default")]
    spec: VolumeSpec<'a>,
    #[serde(borrow, default, deserialize_with = "null_as_default")]
    status: VolumeStatus<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct VolumeSpec<'a> {
    #[serde(borrow, deserialize_with = "null_as_default")]
    capacity: Room<'a>,
    #[serde(borrow, deserialize_with = "null_as_default")]
    storage_class_name: Cow<'a, str>,
    #[serde(borrow, deserialize_with = "null_as_default")]
    persistent_volume_reclaim_policy: Cow<'a, str>,
    #[serde(borrow)]
    claim_ref: Option<ClaimRefWire<'a>>,
    #[serde(borrow)]
    nfs: Option<NfsWire<'a>>,
    #[serde(borrow)]
    host_path: Option<PathWire<'a>>,
    #[serde(borrow)]
    local: Option<PathWire<'a>>,
    #[serde(borrow)]
    csi: Option<CsiWire<'a>>,
    #[serde(deserialize_with = "null_as_default")]
    node_affinity: Affinity,
}

#[derive(Deserialize)]
struct ClaimRefWire<'a> {
    #[serde(borrow, default)]
    namespace: Cow<'a, str>,
    #[serde(borrow, default)]
    name: Cow<'a, str>,
    #[serde(borrow, default)]
    uid: Cow<'a, str>,
}

#[derive(Deserialize)]
struct NfsWire<'a> {
    #[serde(borrow, default)]
    server: Cow<'a, str>,
    #[serde(borrow, default)]
    path: Cow<'a, str>,
}

#[derive(Deserialize)]
struct PathWire<'a> {
    #[serde(borrow, default)]
    path: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CsiWire<'a> {
    #[serde(borrow, default)]
    driver: Cow<'a, str>,
    #[serde(default, deserialize_with = "null_as_default")]
    volume_attributes: Labels,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Affinity {
    #[serde(deserialize_with = "null_as_default")]
    required: Terms,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Terms {
    #[serde(deserialize_with = "null_as_default")]
    node_selector_terms: Vec<Term>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Term {
    #[serde(deserialize_with = "null_as_default")]
    match_expressions: Vec<Expression>,
}

#[derive(Deserialize)]
struct Expression {
    #[serde(default)]
    key: Box<str>,
    #[serde(default)]
    operator: Box<str>,
    #[serde(default, deserialize_with = "null_as_default")]
    values: Vec<Box<str>>,
}

impl Affinity {
    /// Boards by their host name, which is how every provisioner of folders says it.
    fn nodes(self) -> Vec<NodeName> {
        let all = self.required.node_selector_terms.into_iter();
        let all = all.flat_map(|it| it.match_expressions);
        let hosts = all.filter(|it| &*it.key == "kubernetes.io/hostname" && &*it.operator == "In");
        hosts.flat_map(|it| it.values).map(NodeName).collect()
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct VolumeStatus<'a> {
    #[serde(borrow, deserialize_with = "null_as_default")]
    phase: Cow<'a, str>,
    #[serde(borrow, deserialize_with = "null_as_default")]
    message: Cow<'a, str>,
}

/// The NFS driver of CSI keeps server and share where others keep other things.
fn csi(wire: &CsiWire<'_>) -> VolumePlace {
    let attribute = |key: &str| wire.volume_attributes.get(key).map_or("", |it| &**it);
    let (server, share) = (attribute("server"), attribute("share"));
    if wire.driver == "nfs.csi.k8s.io" && !server.is_empty() {
        let folder = attribute("subdir").trim_matches('/');
        let path = match folder {
            "" => share.to_owned(),
            folder => format!("{}/{folder}", share.trim_end_matches('/')),
        };
        return VolumePlace::Nfs {
            server: server.into(),
            path: path.into(),
        };
    }
    VolumePlace::Other(format!("csi {}", wire.driver).into())
}

impl From<VolumeWire<'_>> for Object<Volume> {
    fn from(wire: VolumeWire<'_>) -> Self {
        let (metadata, spec) = (wire.metadata, wire.spec);
        let folder = spec.local.or(spec.host_path);
        let place = match (spec.nfs, folder, spec.csi) {
            (Some(nfs), ..) => VolumePlace::Nfs {
                server: nfs.server.into(),
                path: nfs.path.into(),
            },
            (None, Some(folder), _) => VolumePlace::Folder {
                path: folder.path.into(),
                nodes: spec.node_affinity.nodes(),
            },
            (None, None, Some(driver)) => csi(&driver),
            (None, None, None) => VolumePlace::Other("?".into()),
        };
        Object {
            item: Volume {
                name: metadata.name.into(),
                uid: Uid(metadata.uid.into()),
                created: metadata.creation_timestamp.0,
                capacity: spec.capacity.bytes(),
                class: spec.storage_class_name.into(),
                reclaim: match &*spec.persistent_volume_reclaim_policy {
                    // A volume made by hand that says nothing is kept.
                    "" => Reclaim::Retain,
                    word => Reclaim::parse(word),
                },
                phase: match &*wire.status.phase {
                    "Available" => VolumePhase::Available,
                    "Bound" => VolumePhase::Bound,
                    "Released" => VolumePhase::Released,
                    "Failed" => VolumePhase::Failed,
                    _ => VolumePhase::Pending,
                },
                message: wire.status.message.into(),
                claim: spec.claim_ref.map(|it| ClaimRef {
                    name: ClaimName::new(&it.namespace, &it.name),
                    uid: Uid(it.uid.into()),
                }),
                place,
                provisioner: metadata.annotations.get(PROVISIONED_BY).cloned(),
            },
            version: metadata.resource_version.into(),
        }
    }
}

/// Events about claims.
pub(in crate::clients::kubernetes) struct ClaimEvent(StorageEvent);

/// `FailedMount` of pods.
pub(in crate::clients::kubernetes) struct MountEvent(StorageEvent);

impl Kind for ClaimEvent {
    const SOURCE: Source = Source::ClaimEvents;
    const PATH: &'static str = "/api/v1/events";
    const QUERY: &'static str = "fieldSelector=involvedObject.kind%3DPersistentVolumeClaim";
    const PAGE: Option<u32> = Some(500);

    type Wire<'a> = EventWire<'a>;

    fn name(&self) -> String {
        format!("event {}", self.0.uid.0)
    }

    fn fact(change: Change<Self>) -> Fact {
        Fact::StorageEvents(change.map(|it| it.0))
    }
}

impl Kind for MountEvent {
    const SOURCE: Source = Source::MountEvents;
    const PATH: &'static str = "/api/v1/events";
    const QUERY: &'static str = "fieldSelector=involvedObject.kind%3DPod%2Creason%3DFailedMount";
    const PAGE: Option<u32> = Some(500);

    type Wire<'a> = EventWire<'a>;

    fn name(&self) -> String {
        format!("event {}", self.0.uid.0)
    }

    fn fact(change: Change<Self>) -> Fact {
        Fact::StorageEvents(change.map(|it| it.0))
    }
}

impl From<EventWire<'_>> for Object<ClaimEvent> {
    fn from(wire: EventWire<'_>) -> Self {
        let (item, version) = wire.storage();
        Object {
            item: ClaimEvent(item),
            version,
        }
    }
}

impl From<EventWire<'_>> for Object<MountEvent> {
    fn from(wire: EventWire<'_>) -> Self {
        let (item, version) = wire.storage();
        Object {
            item: MountEvent(item),
            version,
        }
    }
}
