//! What the cluster does by itself when something has changed: endpoints follow pods, DaemonSets and Deployments count
//! theirs, MetalLB hands out and announces addresses, claims get volumes.
//!
//! Changes are looked at a moment after they happen, all together, as real controllers do. Invariant: looking twice
//! without a change in between stores nothing, so the rack comes to rest.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::agenda::Job;
use super::object::Object;
use super::resource::Kind;
use super::store::Key;
use super::world::World;

/// From a change to the controllers' look at it.
const PAUSE: Duration = Duration::from_millis(120);
/// The same where a look is work: controllers of a big cluster lag behind.
const LONG_PAUSE: Duration = Duration::from_secs(1);
const MANY_PODS: usize = 5_000;

impl World {
    /// Plans a look if something has changed since the last one.
    pub(crate) fn plan_controllers(&mut self) {
        if self.store.take_stirred() && !self.controllers_planned {
            self.controllers_planned = true;
            let pause = match self.store.len(Kind::Pod) {
                MANY_PODS.. => LONG_PAUSE,
                _ => PAUSE,
            };
            self.agenda.add(self.now + pause, Job::Control);
        }
    }

    /// One look of all controllers. What they change themselves is seen by the next look.
    pub(crate) fn control(&mut self) {
        self.controllers_planned = false;
        self.store.take_stirred();
        self.follow_orders();
        self.settle_owners();
        self.settle_storage();
        self.settle_endpoints();
        self.settle_metallb();
    }

    /// Stores an object unless it is there just so. The answer says whether it was stored.
    pub(crate) fn settle(&mut self, kind: Kind, key: &Key, mut value: Value) -> bool {
        // The version is the store's.
        let drop_version = |value: &mut Value| {
            let metadata = value["metadata"].as_object_mut();
            metadata.map(|it| it.remove("resourceVersion"));
        };
        drop_version(&mut value);
        if let Some(stored) = self.store.get(kind, key)
            && let Object::Given(before) = &*stored.object
        {
            let mut before = (**before).clone();
            drop_version(&mut before);
            if before == value {
                return false;
            }
        }
        self.store.put(kind, key, Object::Given(Box::new(value)));
        true
    }

    /// All objects of a kind as trees.
    pub(crate) fn all(&self, kind: Kind) -> Vec<(Key, Value)> {
        let tree = |(key, stored): (&Key, &super::store::Stored)| {
            (Arc::clone(key), stored.object.value(key, stored.version))
        };
        self.store.iter(kind).map(tree).collect()
    }
}
