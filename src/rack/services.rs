//! All Services of a cluster with what belongs to each: endpoints, announcements, events.
//!
//! Everything is found by the Service's name without a search. It keeps facts and decides nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::IpAddr;

use crate::rack::announcement::{BgpStatus, L2Status};
use crate::rack::endpoints::{self, Endpoint, EndpointSlice, Readiness};
use crate::rack::event::ServiceEvent;
use crate::rack::facts::Change;
use crate::rack::link::{Source, SourceState};
use crate::rack::node::{NodeName, Uid};
use crate::rack::pools::range::canonical;
use crate::rack::service::{Service, ServiceName};

/// Events kept for each Service: its last quarrel with an allocator, not its life.
const EVENTS_KEPT: usize = 12;
/// Services whose events are kept; more than the biggest rack has.
const TALKERS_KEPT: usize = 5_000;

#[derive(Debug, Clone, Default)]
pub struct Services {
    by_name: BTreeMap<ServiceName, Service>,
    by_uid: HashMap<Uid, ServiceName>,
    taken: Taken,
    /// Another number: there are other Services, or one is of another type.
    shape: u64,
    slices: Grouped<EndpointSlice>,
    l2: Grouped<L2Status>,
    bgp: Grouped<BgpStatus>,
    /// By the Service's uid, newest last.
    events: HashMap<Uid, VecDeque<ServiceEvent>>,
}

/// Every address of every `LoadBalancer` Service (IPv4-mapped ones as IPv4), with all Services on it.
pub type Taken = BTreeMap<IpAddr, BTreeSet<ServiceName>>;

impl Services {
    pub fn taken(&self) -> &Taken {
        &self.taken
    }

    /// As long as it is the same, the same Services are there, of the same types.
    pub fn shape(&self) -> u64 {
        self.shape
    }

    /// Sorted by namespace, then name.
    pub fn iter(&self) -> impl Iterator<Item = &Service> {
        self.by_name.values()
    }

    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    pub fn get(&self, name: &ServiceName) -> Option<&Service> {
        self.by_name.get(name)
    }

    pub fn by_uid(&self, uid: &Uid) -> Option<&Service> {
        self.by_name.get(self.by_uid.get(uid)?)
    }

    pub fn slices(&self, name: &ServiceName) -> &[EndpointSlice] {
        self.slices.of(name)
    }

    /// All endpoints of a Service; a dual-stack pod appears once per family.
    pub fn endpoints(&self, name: &ServiceName) -> impl Iterator<Item = &Endpoint> {
        self.slices(name).iter().flat_map(|slice| &slice.endpoints)
    }

    pub fn readiness(&self, name: &ServiceName) -> Readiness {
        endpoints::readiness(self.slices(name))
    }

    /// The nodes that have an endpoint which is ready, or still answers while it goes.
    pub fn serving_nodes(&self, name: &ServiceName) -> BTreeSet<&NodeName> {
        let serving = |it: &&Endpoint| it.is_ready || it.is_serving;
        let serving = self.endpoints(name).filter(serving);
        serving.filter_map(|it| it.node.as_ref()).collect()
    }

    pub fn l2_statuses(&self, name: &ServiceName) -> &[L2Status] {
        self.l2.of(name)
    }

    pub fn bgp_statuses(&self, name: &ServiceName) -> &[BgpStatus] {
        self.bgp.of(name)
    }

    /// The Service an object is known to belong to: a change of its labels may give it to another one.
    pub(super) fn owner_of_slice(&self, slice: &EndpointSlice) -> Option<&ServiceName> {
        self.slices.owners.get(&key(slice))
    }

    pub(super) fn owner_of_l2(&self, status: &L2Status) -> Option<&ServiceName> {
        self.l2.owners.get(&key(status))
    }

    pub(super) fn owner_of_bgp(&self, status: &BgpStatus) -> Option<&ServiceName> {
        self.bgp.owners.get(&key(status))
    }

    /// Every ServiceL2Status, also of Services that are gone.
    pub fn all_l2_statuses(&self) -> impl Iterator<Item = &L2Status> {
        self.l2.groups.values().flatten()
    }

    /// What was said about the Service with this uid, newest first.
    pub fn events(&self, uid: &Uid) -> impl Iterator<Item = &ServiceEvent> {
        self.events.get(uid).into_iter().flatten().rev()
    }

    pub(super) fn apply(&mut self, change: Change<Service>) {
        match change {
            Change::Listed(services) => {
                self.by_name.clear();
                self.by_uid.clear();
                self.taken.clear();
                self.shape += 1;
                for service in services {
                    self.keep(service);
                }
            }
            Change::Applied(service) => self.keep(service),
            Change::Deleted(service) => {
                self.by_uid.remove(&service.uid);
                self.events.remove(&service.uid);
                let is_it = |known: &Service| known.uid == service.uid;
                if self.by_name.get(&service.name).is_some_and(is_it)
                    && let Some(gone) = self.by_name.remove(&service.name)
                {
                    self.leave(&gone);
                    self.shape += 1;
                }
            }
        }
    }

    fn keep(&mut self, service: Service) {
        self.by_uid
            .insert(service.uid.clone(), service.name.clone());
        let before = self.by_name.remove(&service.name);
        if let Some(before) = &before {
            self.leave(before);
            if before.uid != service.uid {
                self.by_uid.remove(&before.uid);
            }
        }
        let is_same =
            |before: Service| (before.uid, before.kind) == (service.uid.clone(), service.kind);
        if !before.is_some_and(is_same) {
            self.shape += 1;
        }
        if service.is_load_balancer() {
            for address in service.addresses().map(canonical) {
                let there = self.taken.entry(address).or_default();
                there.insert(service.name.clone());
            }
        }
        self.by_name.insert(service.name.clone(), service);
    }

    /// Its addresses are taken by it no more.
    fn leave(&mut self, service: &Service) {
        for address in service.addresses().map(canonical) {
            if let Some(there) = self.taken.get_mut(&address) {
                there.remove(&service.name);
                if there.is_empty() {
                    self.taken.remove(&address);
                }
            }
        }
    }

    pub(super) fn apply_slices(&mut self, change: Change<EndpointSlice>) {
        self.slices.apply(change);
    }

    pub(super) fn apply_l2(&mut self, change: Change<L2Status>) {
        self.l2.apply(change);
    }

    pub(super) fn apply_bgp(&mut self, change: Change<BgpStatus>) {
        self.bgp.apply(change);
    }

    pub(super) fn apply_events(&mut self, change: Change<ServiceEvent>) {
        match change {
            Change::Listed(mut events) => {
                self.events.clear();
                events.sort_by_key(|event| event.last);
                for event in events {
                    self.keep_event(event);
                }
            }
            Change::Applied(event) => self.keep_event(event),
            // An event that expired on the server is still news to the person looking.
            Change::Deleted(_) => {}
        }
    }

    /// The server has no such kind (any more): what was known of it is forgotten.
    pub(super) fn forget(&mut self, source: Source, state: &SourceState) {
        match source {
            Source::L2Statuses if *state == SourceState::Absent => self.l2 = Grouped::default(),
            Source::BgpStatuses if *state == SourceState::Absent => self.bgp = Grouped::default(),
            _ => {}
        }
    }

    fn keep_event(&mut self, event: ServiceEvent) {
        if self.events.len() >= TALKERS_KEPT && !self.events.contains_key(&event.service_uid) {
            let known = &self.by_uid;
            self.events.retain(|uid, _| known.contains_key(uid));
        }
        let said = self.events.entry(event.service_uid.clone()).or_default();
        said.retain(|known| known.uid != event.uid);
        said.push_back(event);
        if said.len() > EVENTS_KEPT {
            said.pop_front();
        }
    }
}

/// An object that belongs to a Service.
trait Belongs {
    fn service(&self) -> Option<&ServiceName>;
    fn namespace(&self) -> &str;
    fn name(&self) -> &str;
}

/// Objects by the Service they belong to.
#[derive(Debug, Clone)]
struct Grouped<T> {
    groups: HashMap<ServiceName, Vec<T>>,
    /// By `namespace/name` of the object: where it is, because its label may be changed.
    owners: HashMap<Box<str>, ServiceName>,
}

impl<T> Default for Grouped<T> {
    fn default() -> Self {
        Self {
            groups: HashMap::new(),
            owners: HashMap::new(),
        }
    }
}

impl<T: Belongs> Grouped<T> {
    fn of(&self, service: &ServiceName) -> &[T] {
        self.groups.get(service).map_or(&[], Vec::as_slice)
    }

    fn apply(&mut self, change: Change<T>) {
        match change {
            Change::Listed(objects) => {
                *self = Self::default();
                for object in objects {
                    self.keep(object);
                }
            }
            Change::Applied(object) => self.keep(object),
            Change::Deleted(object) => {
                let key = key(&object);
                if let Some(service) = self.owners.remove(&key) {
                    self.drop_from(&service, &object);
                }
            }
        }
    }

    fn keep(&mut self, object: T) {
        let key = key(&object);
        let service = object.service().cloned();
        if let Some(before) = self.owners.get(&key).cloned() {
            if Some(&before) == service.as_ref() {
                let group = self.groups.entry(before).or_default();
                let same =
                    |it: &T| it.name() == object.name() && it.namespace() == object.namespace();
                match group.iter().position(same).and_then(|at| group.get_mut(at)) {
                    Some(slot) => *slot = object,
                    None => group.push(object),
                }
                return;
            }
            self.owners.remove(&key);
            self.drop_from(&before, &object);
        }
        if let Some(service) = service {
            self.owners.insert(key, service.clone());
            self.groups.entry(service).or_default().push(object);
        }
    }

    fn drop_from(&mut self, service: &ServiceName, object: &T) {
        let Some(group) = self.groups.get_mut(service) else {
            return;
        };
        group.retain(|it| it.name() != object.name() || it.namespace() != object.namespace());
        if group.is_empty() {
            self.groups.remove(service);
        }
    }
}

fn key<T: Belongs>(object: &T) -> Box<str> {
    format!("{}/{}", object.namespace(), object.name()).into()
}

impl Belongs for EndpointSlice {
    fn service(&self) -> Option<&ServiceName> {
        self.service.as_ref()
    }

    fn namespace(&self) -> &str {
        &self.namespace
    }

    fn name(&self) -> &str {
        &self.name
    }
}

impl Belongs for L2Status {
    fn service(&self) -> Option<&ServiceName> {
        self.service.as_ref()
    }

    fn namespace(&self) -> &str {
        &self.namespace
    }

    fn name(&self) -> &str {
        &self.name
    }
}

impl Belongs for BgpStatus {
    fn service(&self) -> Option<&ServiceName> {
        self.service.as_ref()
    }

    fn namespace(&self) -> &str {
        &self.namespace
    }

    fn name(&self) -> &str {
        &self.name
    }
}

#[cfg(test)]
mod tests;
