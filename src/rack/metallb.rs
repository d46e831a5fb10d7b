//! What is known of MetalLB itself: its configuration objects, its workloads, and from them whether it is there, where,
//! in which version, and who else hands out addresses.
//!
//! Nothing is guessed: as long as the sources that would tell have not been read, the era is `Unknown`.

use std::collections::{BTreeMap, BTreeSet};

use crate::rack::config_object::{
    BfdProfile, BgpAdvertisement, BgpPeer, Community, ConfigurationState, Head, IpAddressPool,
    L2Advertisement, PoolConfigMap,
};
use crate::rack::facts::Change;
use crate::rack::link::{Link, Source, SourceState};
use crate::rack::pools::version::Version;
use crate::rack::workload::{Part, Workload, WorkloadKind};

/// Where MetalLB's manifests put it.
pub const USUAL_NAMESPACE: &str = "metallb-system";

/// `namespace/name`.
type Key = (Box<str>, Box<str>);

/// Facts about MetalLB and its neighbours.
#[derive(Debug, Clone, Default)]
pub struct MetalLb {
    pools: BTreeMap<Key, IpAddressPool>,
    l2: BTreeMap<Key, L2Advertisement>,
    bgp: BTreeMap<Key, BgpAdvertisement>,
    peers: BTreeMap<Key, BgpPeer>,
    bfd: BTreeMap<Key, BfdProfile>,
    communities: BTreeMap<Key, Community>,
    config_maps: BTreeMap<Key, PoolConfigMap>,
    states: BTreeMap<Key, ConfigurationState>,
    workloads: BTreeMap<(WorkloadKind, Box<str>, Box<str>), Workload>,
    /// Plurals that the server serves in `metallb.io/v1beta1`; `None` until it was asked.
    served: Option<BTreeSet<Box<str>>>,
}

/// Which MetalLB this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Era {
    /// Not all of what would tell has been read, or may be.
    Unknown,
    Absent,
    /// Before 0.13: configured by a ConfigMap.
    ConfigMap,
    /// Since 0.13: configured by custom resources.
    Crds,
}

/// How MetalLB speaks BGP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BgpMode {
    Native,
    /// With FRR, beside the speaker or in pods of its own.
    Frr,
}

impl MetalLb {
    /// By namespace, then name.
    pub fn pools(&self) -> impl Iterator<Item = &IpAddressPool> {
        self.pools.values()
    }

    /// The pool of this name in MetalLB's namespace.
    pub fn pool(&self, name: &str) -> Option<&IpAddressPool> {
        let namespace = self.namespace().unwrap_or(USUAL_NAMESPACE);
        self.pools.get(&(namespace.into(), name.into()))
    }

    pub fn l2_advertisements(&self) -> impl Iterator<Item = &L2Advertisement> {
        self.l2.values()
    }

    pub fn bgp_advertisements(&self) -> impl Iterator<Item = &BgpAdvertisement> {
        self.bgp.values()
    }

    pub fn bgp_peers(&self) -> impl Iterator<Item = &BgpPeer> {
        self.peers.values()
    }

    pub fn bfd_profiles(&self) -> impl Iterator<Item = &BfdProfile> {
        self.bfd.values()
    }

    pub fn communities(&self) -> impl Iterator<Item = &Community> {
        self.communities.values()
    }

    pub fn config_states(&self) -> impl Iterator<Item = &ConfigurationState> {
        self.states.values()
    }

    /// The ConfigMap that a MetalLB before 0.13 would read.
    pub fn config_map(&self) -> Option<&PoolConfigMap> {
        self.config_maps.values().next()
    }

    /// Everything that configures MetalLB, kind by kind, each by namespace and name.
    pub fn heads(&self) -> impl Iterator<Item = &Head> {
        (self.pools.values().map(|it| &it.head))
            .chain(self.l2.values().map(|it| &it.head))
            .chain(self.bgp.values().map(|it| &it.head))
            .chain(self.peers.values().map(|it| &it.head))
            .chain(self.bfd.values().map(|it| &it.head))
            .chain(self.communities.values().map(|it| &it.head))
            .chain(self.config_maps.values().map(|it| &it.head))
    }

    pub fn workloads(&self) -> impl Iterator<Item = &Workload> {
        self.workloads.values()
    }

    pub fn speaker(&self) -> Option<&Workload> {
        self.workloads().find(|it| it.part == Part::Speaker)
    }

    pub fn controller(&self) -> Option<&Workload> {
        self.workloads().find(|it| it.part == Part::Controller)
    }

    /// Where MetalLB lives: where its workloads are, else where its configuration is.
    pub fn namespace(&self) -> Option<&str> {
        let workload = self.speaker().or_else(|| self.controller());
        let place = workload.map(|it| &*it.namespace);
        place.or_else(|| self.heads().next().map(|head| &*head.namespace))
    }

    /// From the controller's image, else the speaker's.
    pub fn version(&self) -> Option<Version> {
        let controller = self.controller().and_then(Workload::version);
        controller.or_else(|| self.speaker().and_then(Workload::version))
    }

    /// `--lb-class`: MetalLB handles only Services of this class; `None`: only those without one.
    pub fn lb_class(&self) -> Option<&str> {
        let flag = |it: &'_ Workload| it.flags.iter().any(|flag| flag.starts_with("--lb-class"));
        let workload = self.controller().filter(|it| flag(it));
        (workload.or_else(|| self.speaker())?).flag("--lb-class")
    }

    /// How BGP is spoken, by the environment of its containers. Without the variable the program is native; what 0.16
    /// and newer do without it is not known here.
    pub fn bgp_mode(&self) -> Option<BgpMode> {
        let workloads = || self.controller().into_iter().chain(self.speaker());
        let told = workloads().find_map(|it| it.flag("METALLB_BGP_TYPE"));
        match told {
            Some("native") => Some(BgpMode::Native),
            Some(_) => Some(BgpMode::Frr),
            None if self.version()? < Version::new(0, 16, 0) => Some(BgpMode::Native),
            None => None,
        }
    }

    /// Which MetalLB this is, if it can be said.
    pub fn era(&self, link: &Link) -> Era {
        let takes_config_map = (self.controller().into_iter())
            .chain(self.speaker())
            .any(|it| it.flag("--config").is_some());
        let is_old = self.version().is_some_and(|it| it < Version::new(0, 13, 0));
        let has_workload = self.speaker().is_some() || self.controller().is_some();
        let is_new = self
            .version()
            .is_some_and(|it| it >= Version::new(0, 13, 0));
        let may_see = link.has_listed(Source::DaemonSets);
        match self.serves("ipaddresspools") {
            _ if has_workload && (is_old || takes_config_map) => Era::ConfigMap,
            _ if has_workload && is_new => Era::Crds,
            Some(true) if has_workload || !may_see => Era::Crds,
            Some(_) if !has_workload && may_see => Era::Absent,
            Some(_) | None => Era::Unknown,
        }
    }

    /// A ConfigMap that nothing reads any more: MetalLB has been upgraded past it.
    pub fn leftover_config_map(&self, link: &Link) -> Option<&PoolConfigMap> {
        self.config_map().filter(|_| self.era(link) == Era::Crds)
    }

    /// Custom resources are there, and nothing that would read them.
    pub fn has_leftover_kinds(&self, link: &Link) -> bool {
        self.serves("ipaddresspools") == Some(true) && self.era(link) == Era::Absent
    }

    /// The metallb-operator owns the Deployment; it should not be edited.
    pub fn is_by_operator(&self) -> bool {
        self.serves("metallbs") == Some(true)
    }

    /// Whether the server has this kind of `metallb.io/v1beta1`; `None` until it was asked.
    pub fn serves(&self, plural: &str) -> Option<bool> {
        self.served.as_ref().map(|it| it.contains(plural))
    }

    /// DaemonSets of k3s's servicelb, one per Service it serves.
    pub fn service_lb(&self) -> impl Iterator<Item = &Workload> {
        let is_one = |it: &&Workload| matches!(it.part, Part::ServiceLb(_));
        self.workloads().filter(is_one)
    }

    /// Other allocators: kube-vip, PureLB, Cilium.
    pub fn neighbours(&self) -> impl Iterator<Item = &Workload> {
        let is_one =
            |it: &&Workload| matches!(it.part, Part::KubeVip | Part::PureLb | Part::Cilium);
        self.workloads().filter(is_one)
    }

    pub(super) fn set_served(&mut self, served: BTreeSet<Box<str>>) {
        self.served = Some(served);
    }

    pub(super) fn apply_pools(&mut self, change: Change<IpAddressPool>) {
        apply(&mut self.pools, change, |it| of_head(&it.head));
    }

    pub(super) fn apply_l2(&mut self, change: Change<L2Advertisement>) {
        apply(&mut self.l2, change, |it| of_head(&it.head));
    }

    pub(super) fn apply_bgp(&mut self, change: Change<BgpAdvertisement>) {
        apply(&mut self.bgp, change, |it| of_head(&it.head));
    }

    pub(super) fn apply_peers(&mut self, change: Change<BgpPeer>) {
        apply(&mut self.peers, change, |it| of_head(&it.head));
    }

    pub(super) fn apply_bfd(&mut self, change: Change<BfdProfile>) {
        apply(&mut self.bfd, change, |it| of_head(&it.head));
    }

    pub(super) fn apply_communities(&mut self, change: Change<Community>) {
        apply(&mut self.communities, change, |it| of_head(&it.head));
    }

    pub(super) fn apply_config_maps(&mut self, change: Change<PoolConfigMap>) {
        apply(&mut self.config_maps, change, |it| of_head(&it.head));
    }

    pub(super) fn apply_states(&mut self, change: Change<ConfigurationState>) {
        let key = |it: &ConfigurationState| (it.namespace.clone(), it.name.clone());
        apply(&mut self.states, change, key);
    }

    /// DaemonSets and Deployments come from two sources; a list of one leaves the other alone.
    pub(super) fn apply_workloads(&mut self, kind: WorkloadKind, change: Change<Workload>) {
        if let Change::Listed(_) = change {
            self.workloads.retain(|(known, ..), _| *known != kind);
        }
        let mut keep = |it: Workload| {
            let key = (it.kind, it.namespace.clone(), it.name.clone());
            if it.part == Part::Other {
                self.workloads.remove(&key);
            } else {
                self.workloads.insert(key, it);
            }
        };
        match change {
            Change::Listed(workloads) => workloads.into_iter().for_each(keep),
            Change::Applied(workload) => keep(workload),
            Change::Deleted(it) => {
                self.workloads.remove(&(it.kind, it.namespace, it.name));
            }
        }
    }

    /// The server has no such kind (any more): what was known of it is forgotten.
    pub(super) fn forget(&mut self, source: Source, state: &SourceState) {
        if *state != SourceState::Absent {
            return;
        }
        match source {
            Source::IpAddressPools => self.pools.clear(),
            Source::L2Advertisements => self.l2.clear(),
            Source::BgpAdvertisements => self.bgp.clear(),
            Source::BgpPeers => self.peers.clear(),
            Source::BfdProfiles => self.bfd.clear(),
            Source::Communities => self.communities.clear(),
            Source::PoolConfigMaps => self.config_maps.clear(),
            Source::ConfigurationStates => self.states.clear(),
            _ => {}
        }
    }
}

fn of_head(head: &Head) -> Key {
    (head.namespace.clone(), head.name.clone())
}

fn apply<T>(map: &mut BTreeMap<Key, T>, change: Change<T>, key: impl Fn(&T) -> Key) {
    match change {
        Change::Listed(objects) => *map = objects.into_iter().map(|it| (key(&it), it)).collect(),
        Change::Applied(object) => {
            map.insert(key(&object), object);
        }
        Change::Deleted(object) => {
            map.remove(&key(&object));
        }
    }
}

#[cfg(test)]
mod tests;
