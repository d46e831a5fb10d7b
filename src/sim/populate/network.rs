//! The network of a rack at its start: Services, MetalLB's kinds and configuration, and what had been handed out long
//! before anybody looked.

use serde_json::Value;

use super::numbered;
use crate::sim::agenda::Job;
use crate::sim::handles;
use crate::sim::resource::{ALL, Kind};
use crate::sim::scenario::MetalLbPlan;
use crate::sim::store::Key;
use crate::sim::world::World;

pub(super) fn add(world: &mut World) {
    if let Some(plan) = &world.scenario.metallb {
        world.installed = kinds(plan);
    }
    for object in world.scenario.object.clone() {
        add_object(world, object);
    }
    let plans = world.scenario.service.clone();
    for plan in &plans {
        for number in 0..plan.count {
            let name = numbered(&plan.name, plan.count, number);
            world.add_service(plan, &name);
        }
    }
    // Everything has been settled long ago, so what went well is not said any more.
    world.balancer.is_quiet = true;
    for _ in 0..3 {
        world.control();
    }
    world.balancer.is_quiet = false;
    if world.scenario.servicelb {
        world.agenda.add(std::time::Duration::ZERO, Job::ServiceLb);
    }
}

impl World {
    /// The kinds of a MetalLB without its pods: it answers, refuses and stores, and does nothing by itself.
    pub(crate) fn install_metallb(&mut self, version: &str) {
        let plan = MetalLbPlan {
            version: version.to_owned(),
            speakers: false,
            ..MetalLbPlan::default()
        };
        self.installed = kinds(&plan);
        self.scenario.metallb = Some(plan);
    }

    /// Watches of the kind end, as a real server ends them.
    pub(crate) fn uninstall(&mut self, kind: Kind) {
        let keys: Vec<Key> = self.store.iter(kind).map(|(key, _)| key.clone()).collect();
        for key in keys {
            self.store.remove(kind, &key);
        }
        self.installed.remove(&kind);
        self.store.ring(kind);
    }
}

/// The kinds that this version of MetalLB brings.
fn kinds(plan: &MetalLbPlan) -> std::collections::BTreeSet<Kind> {
    let since = |kind| match kind {
        Kind::L2Status => (14, 4),
        Kind::BgpStatus => (15, 0),
        Kind::ConfigurationState => (15, 3),
        _ => (13, 0),
    };
    let all = ALL.iter().map(|it| it.kind);
    all.filter(|kind| {
        let (minor, patch) = since(*kind);
        kind.is_of_metallb() && plan.is_at_least(minor, patch)
    })
    .collect()
}

/// A scenario writes objects as a manifest does; a mistake in it is the scenario's, and the object is left out.
fn add_object(world: &mut World, object: Value) {
    if let Err(error) = handles::put(world, object) {
        tracing::warn!("the scenario has an object that cannot be kept: {error}");
    }
}
