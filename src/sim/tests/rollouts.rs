//! Workloads do what they are asked for.

use std::time::Duration;

use serde_json::{Value, json};

use crate::sim::life;
use crate::sim::object::Object;
use crate::sim::populate;
use crate::sim::resource::Kind;
use crate::sim::rollouts::RESTARTED;
use crate::sim::scenario::Scenario;
use crate::sim::store::Key;
use crate::sim::world::World;

fn world() -> World {
    let mut scenario = Scenario::shipped("office").unwrap();
    scenario.churn = 0.0;
    let mut world = populate::world(scenario, 1);
    pass(&mut world, 5);
    world
}

fn pass(world: &mut World, seconds: u64) {
    let until = world.now + Duration::from_secs(seconds);
    life::run_due(world, until);
}

fn pods(world: &World, prefix: &str) -> Vec<String> {
    let all = world.store.iter(Kind::Pod);
    let mut names: Vec<String> = all.map(|(key, _)| key.to_string()).collect();
    names.retain(|name| name.starts_with(prefix));
    names.sort();
    names
}

/// Somebody changes the object of a workload.
fn order(world: &mut World, kind: Kind, key: &str, change: impl Fn(&mut Value)) {
    let key = Key::from(key);
    let stored = world.store.get(kind, &key).unwrap();
    let mut value = stored.object.value(&key, stored.version);
    change(&mut value);
    world.store.put(kind, &key, Object::Given(Box::new(value)));
    world.plan_controllers();
}

#[test]
fn a_workload_has_as_many_pods_as_it_is_asked_for() {
    let mut world = world();
    for (kind, name, counts) in [
        (Kind::Deployment, "web/my-web-app", [3, 0, 4]),
        (Kind::StatefulSet, "web/redis", [1, 0, 2]),
    ] {
        let prefix = format!("{name}-");
        assert_eq!(pods(&world, &prefix).len(), counts[0]);
        for count in &counts[1..] {
            order(&mut world, kind, name, |it| {
                it["spec"]["replicas"] = json!(count);
            });
            pass(&mut world, 20);
            assert_eq!(pods(&world, &prefix).len(), *count, "{name}");
            let object = world.store.get(kind, &Key::from(name)).unwrap();
            let object = object.object.value(name, object.version);
            assert_eq!(object["status"]["readyReplicas"], json!(count), "{name}");
        }
    }
    assert_eq!(pods(&world, "web/redis-"), ["web/redis-0", "web/redis-1"]);
}

#[test]
fn a_restart_makes_every_pod_anew_and_only_once() {
    let mut world = world();
    let before = pods(&world, "web/my-web-app-");
    order(&mut world, Kind::Deployment, "web/my-web-app", |it| {
        it["spec"]["template"]["metadata"]["annotations"][RESTARTED] = json!("now");
    });
    pass(&mut world, 20);
    let after = pods(&world, "web/my-web-app-");
    assert_eq!(after.len(), before.len());
    assert!(after.iter().all(|pod| !before.contains(pod)), "{after:?}");
    pass(&mut world, 20);
    assert_eq!(pods(&world, "web/my-web-app-"), after);
}
