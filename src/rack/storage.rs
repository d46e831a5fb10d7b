//! Where data lies: classes, claims, volumes, the provisioner that makes them, and what is said of them.
//!
//! ```text
//! Pod ──► PersistentVolumeClaim ──► PersistentVolume ──► an NFS export, or a folder of one board
//!                 └─► StorageClass ──► provisioner
//! ```
//!
//! Facts only; [`view`] makes rows of them, [`directory`] the folder a claim gets, [`symptom`] says what is wrong.

pub mod directory;
pub mod reach;
pub mod setup;
pub mod symptom;
#[cfg(test)]
pub(crate) mod testing;
pub mod view;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;

use jiff::Timestamp;

use crate::rack::facts::Change;
use crate::rack::link::{Source, SourceState};
use crate::rack::node::{NodeName, Uid};
use crate::rack::selector::Labels;

/// Events kept for each object.
const EVENTS_KEPT: usize = 8;
/// Objects whose events are kept; more than the biggest rack has claims.
const TALKERS_KEPT: usize = 4_000;

/// A claim's place: `namespace/name`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClaimName {
    pub namespace: Box<str>,
    pub name: Box<str>,
}

impl ClaimName {
    pub fn new(namespace: &str, name: &str) -> ClaimName {
        ClaimName {
            namespace: namespace.into(),
            name: name.into(),
        }
    }
}

impl fmt::Display for ClaimName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// What becomes of a volume whose claim is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reclaim {
    Delete,
    Retain,
    /// `Recycle`, which no server does any more.
    Other,
}

impl Reclaim {
    pub fn parse(word: &str) -> Reclaim {
        match word {
            // What the API fills in for a class that says nothing.
            "Delete" | "" => Reclaim::Delete,
            "Retain" => Reclaim::Retain,
            _ => Reclaim::Other,
        }
    }

    pub fn word(self) -> &'static str {
        match self {
            Reclaim::Delete => "Delete",
            Reclaim::Retain => "Retain",
            Reclaim::Other => "?",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageClass {
    pub name: Box<str>,
    pub uid: Uid,
    pub created: Option<Timestamp>,
    pub provisioner: Box<str>,
    pub is_default: bool,
    pub reclaim: Reclaim,
    /// `volumeBindingMode: WaitForFirstConsumer`: a volume is made when a pod wants it.
    pub waits_for_pod: bool,
    pub can_expand: bool,
    /// Those of the NFS provisioner only: `pathPattern`, `onDelete`, `archiveOnDelete`.
    pub parameters: Labels,
    pub mount_options: Vec<Box<str>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    pub name: ClaimName,
    pub uid: Uid,
    pub created: Option<Timestamp>,
    /// When somebody asked for it to go; it stays as long as a pod uses it.
    pub deleted: Option<Timestamp>,
    /// `None`: none was named and no default filled in; `Some("")`: expressly none.
    pub class: Option<Box<str>>,
    /// Bytes asked for, and bytes there are.
    pub wanted: Option<u64>,
    pub capacity: Option<u64>,
    /// `ReadWriteOnce`, …
    pub access: Vec<Box<str>>,
    pub volume: Option<Box<str>>,
    pub phase: ClaimPhase,
    /// Who picked it up, from the annotation.
    pub provisioner: Option<Box<str>>,
    pub has_selector: bool,
    pub labels: Labels,
    pub annotations: Labels,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClaimPhase {
    Pending,
    Bound,
    /// Its volume is gone.
    Lost,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    pub name: Box<str>,
    pub uid: Uid,
    pub created: Option<Timestamp>,
    pub capacity: Option<u64>,
    pub class: Box<str>,
    pub reclaim: Reclaim,
    pub phase: VolumePhase,
    /// Why it failed, in the provisioner's words.
    pub message: Box<str>,
    pub claim: Option<ClaimRef>,
    pub place: VolumePlace,
    /// From the annotation `pv.kubernetes.io/provisioned-by`.
    pub provisioner: Option<Box<str>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimRef {
    pub name: ClaimName,
    /// Empty in volumes that were written by hand.
    pub uid: Uid,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VolumePhase {
    Pending,
    Available,
    Bound,
    Released,
    Failed,
}

/// Where the data is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VolumePlace {
    Nfs {
        server: Box<str>,
        path: Box<str>,
    },
    /// A folder of one board, or of each; the boards by the volume's node affinity.
    Folder {
        path: Box<str>,
        nodes: Vec<NodeName>,
    },
    /// A CSI driver, or a kind of volume that is named only.
    Other(Box<str>),
}

/// A Deployment that makes volumes below an NFS export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provisioner {
    pub namespace: Box<str>,
    pub name: Box<str>,
    pub uid: Uid,
    pub image: Box<str>,
    /// `PROVISIONER_NAME`, `NFS_SERVER`, `NFS_PATH` of its environment; empty where they are not written out.
    pub provisions: Box<str>,
    pub server: Box<str>,
    pub path: Box<str>,
    pub desired: u32,
    pub ready: u32,
}

/// What was said of a claim, or of a pod that cannot mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageEvent {
    pub uid: Uid,
    /// The object it was said of.
    pub about: Uid,
    pub is_warning: bool,
    pub reason: Box<str>,
    pub message: Box<str>,
    pub component: Box<str>,
    pub count: u32,
    pub last: Option<Timestamp>,
}

/// Everything about storage.
#[derive(Debug, Clone, Default)]
pub struct Storage {
    classes: BTreeMap<Box<str>, StorageClass>,
    claims: BTreeMap<ClaimName, Claim>,
    volumes: BTreeMap<Box<str>, Volume>,
    provisioners: BTreeMap<(Box<str>, Box<str>), Provisioner>,
    /// By the object they are about, newest last.
    events: HashMap<Uid, VecDeque<StorageEvent>>,
    /// What the last look at each NFS server has seen.
    reach: BTreeMap<Box<str>, reach::Seen>,
}

impl Storage {
    pub fn classes(&self) -> impl Iterator<Item = &StorageClass> {
        self.classes.values()
    }

    pub fn class(&self, name: &str) -> Option<&StorageClass> {
        self.classes.get(name)
    }

    /// By namespace, then name.
    pub fn claims(&self) -> impl Iterator<Item = &Claim> {
        self.claims.values()
    }

    pub fn claim(&self, name: &ClaimName) -> Option<&Claim> {
        self.claims.get(name)
    }

    pub fn volumes(&self) -> impl Iterator<Item = &Volume> {
        self.volumes.values()
    }

    pub fn volume(&self, name: &str) -> Option<&Volume> {
        self.volumes.get(name)
    }

    /// The volume a claim is bound to.
    pub fn volume_of(&self, claim: &Claim) -> Option<&Volume> {
        self.volume(claim.volume.as_deref()?)
    }

    pub fn provisioners(&self) -> impl Iterator<Item = &Provisioner> {
        self.provisioners.values()
    }

    /// The classes that claims without a class get: the newest wins from Kubernetes 1.26 on.
    pub fn defaults(&self) -> Vec<&StorageClass> {
        let mut defaults: Vec<&StorageClass> = self.classes().filter(|it| it.is_default).collect();
        defaults.sort_by_key(|it| std::cmp::Reverse(it.created));
        defaults
    }

    /// What was said of an object, newest first.
    pub fn events(&self, about: &Uid) -> impl Iterator<Item = &StorageEvent> {
        self.events.get(about).into_iter().flatten().rev()
    }

    pub(super) fn apply_classes(&mut self, change: Change<StorageClass>) {
        take(&mut self.classes, change, |it| it.name.clone());
    }

    pub(super) fn apply_claims(&mut self, change: Change<Claim>) {
        if let Change::Deleted(claim) = &change {
            self.events.remove(&claim.uid);
        }
        take(&mut self.claims, change, |it| it.name.clone());
    }

    pub(super) fn apply_volumes(&mut self, change: Change<Volume>) {
        take(&mut self.volumes, change, |it| it.name.clone());
    }

    /// Deployments that provision nothing are not kept.
    pub(super) fn apply_provisioners(&mut self, change: Change<Option<Provisioner>>) {
        let change = match change {
            Change::Listed(all) => Change::Listed(all.into_iter().flatten().collect()),
            Change::Applied(Some(one)) => Change::Applied(one),
            Change::Deleted(Some(one)) => Change::Deleted(one),
            Change::Applied(None) | Change::Deleted(None) => return,
        };
        take(&mut self.provisioners, change, |it| {
            (it.namespace.clone(), it.name.clone())
        });
    }

    pub(super) fn apply_events(&mut self, change: Change<StorageEvent>) {
        match change {
            // Lists come from two sources: they add to each other.
            Change::Listed(mut events) => {
                events.sort_by_key(|event| event.last);
                for event in events {
                    self.keep_event(event);
                }
            }
            Change::Applied(event) => self.keep_event(event),
            // What expired on the server is still news to the person looking.
            Change::Deleted(_) => {}
        }
    }

    fn keep_event(&mut self, event: StorageEvent) {
        if self.events.len() >= TALKERS_KEPT && !self.events.contains_key(&event.about) {
            let known: std::collections::HashSet<&Uid> =
                self.claims.values().map(|it| &it.uid).collect();
            self.events.retain(|uid, _| known.contains(uid));
        }
        let said = self.events.entry(event.about.clone()).or_default();
        said.retain(|known| known.uid != event.uid);
        said.push_back(event);
        if said.len() > EVENTS_KEPT {
            said.pop_front();
        }
    }

    /// The server has no such kind, or says no: what was known of it is forgotten.
    pub(super) fn forget(&mut self, source: Source, state: &SourceState) {
        if !matches!(state, SourceState::Absent | SourceState::Forbidden(_)) {
            return;
        }
        match source {
            Source::StorageClasses => self.classes.clear(),
            Source::Claims => self.claims.clear(),
            Source::Volumes => self.volumes.clear(),
            Source::Provisioners => self.provisioners.clear(),
            _ => {}
        }
    }
}

fn take<K: Ord, T>(map: &mut BTreeMap<K, T>, change: Change<T>, key: impl Fn(&T) -> K) {
    match change {
        Change::Listed(all) => *map = all.into_iter().map(|it| (key(&it), it)).collect(),
        Change::Applied(one) => {
            map.insert(key(&one), one);
        }
        Change::Deleted(one) => {
            map.remove(&key(&one));
        }
    }
}
