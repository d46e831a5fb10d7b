//! Turns a scenario into a rack as it stands at the start, with a past: ages, restarts, leases,
//! boards that died a while ago.
//!
//! Nothing moves here; `life` does that. Invariant: everything random comes from the seed, so two
//! racks of one seed differ only in their time stamps.

mod blank;
mod network;

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::agenda::{Agenda, Job};
use super::board::Hardware;
use super::lease::{self, Lease};
use super::life;
use super::metallb::Balancer;
use super::node::{Condition, DISK_WELL, MEMORY_WELL, Node, PID_WELL, READY};
use super::object::Object;
use super::pod::{Pod, State};
use super::random::{Rng, hash};
use super::resource::Kind;
use super::scenario::{Health, NodePlan, Scenario, StartState, WorkloadKind, WorkloadPlan};
use super::stamp;
use super::storage;
use super::store::{Key, Store};
use super::workload::Workload;
use super::world::{Machine, Pressure, World};

const DAY: i64 = 86_400;

/// Namespaces every k3s cluster has.
const NAMESPACES: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];

/// The rack of a scenario at the moment it starts.
pub(crate) fn world(scenario: Scenario, seed: u64) -> World {
    let mut rng = Rng::new(hash(seed, &scenario.context));
    let mut world = World {
        store: Store::new(180_000 + rng.below(10_000)),
        seed,
        rng,
        agenda: Agenda::default(),
        machines: BTreeMap::new(),
        blanks: BTreeMap::new(),
        cards: BTreeMap::new(),
        daemons: Vec::new(),
        workloads: Vec::new(),
        restarts: BTreeMap::new(),
        installed: BTreeSet::new(),
        balancer: Balancer::default(),
        keeper: storage::Keeper::default(),
        controllers_planned: false,
        k3s_yaml: String::new(),
        applied: BTreeMap::new(),
        pods: Vec::new(),
        now: Duration::ZERO,
        scenario,
    };
    add_namespaces(&mut world);
    let plans = world.scenario.node.clone();
    for plan in &plans {
        for number in 0..plan.count {
            add_node(&mut world, plan, number);
        }
    }
    let workloads = world.scenario.workload.clone();
    for plan in &workloads {
        for number in 0..plan.count {
            add_workload(&mut world, plan, number);
        }
    }
    for plan in &plans {
        for number in 0..plan.count {
            add_past(&mut world, plan, number);
        }
    }
    network::add(&mut world);
    blank::add(&mut world);
    world.store.settle();
    life::plan(&mut world);
    world
}

fn add_namespaces(world: &mut World) {
    let used = world
        .scenario
        .workload
        .iter()
        .map(|plan| plan.namespace.as_str());
    let mut names: Vec<String> = NAMESPACES
        .into_iter()
        .chain(used)
        .map(str::to_owned)
        .collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let namespace = json!({
            "metadata": {
                "name": name,
                "uid": super::random::uuid(hash(world.seed, &name)),
                "creationTimestamp": stamp::seconds(stamp::now() - 91 * DAY),
                "labels": { "kubernetes.io/metadata.name": name },
            },
            "spec": { "finalizers": ["kubernetes"] },
            "status": { "phase": "Active" },
        });
        let object = Object::Given(Box::new(namespace));
        world.store.put(Kind::Namespace, &Key::from(name), object);
    }
}

fn add_node(world: &mut World, plan: &NodePlan, number: u32) {
    let name: Key = Arc::from(numbered(&plan.name, plan.count, number));
    let now = stamp::now();
    let place = u32::try_from(world.machines.len()).unwrap_or(0);
    let created = now - i64::from(plan.days) * DAY - whole_seconds(&mut world.rng, 7_200);
    let since = created.max(now - 6 * DAY) + whole_seconds(&mut world.rng, 3_600);
    let first = plan.ip.unwrap_or(Ipv4Addr::new(192, 168, 1, 10));
    let condition = |says| Condition::new(says, since, now);
    let machine_text = plan.machine.as_deref().unwrap_or(&name);
    let kubelet = plan
        .kubelet
        .as_deref()
        .unwrap_or(&world.scenario.server_version);
    let node = Node {
        uid: hash(world.seed, &format!("node {name}")),
        created,
        board: plan.board.board(),
        role: plan.role,
        ip: Ipv4Addr::from_bits(first.to_bits().wrapping_add(number)),
        place,
        kubelet: Arc::from(kubelet),
        zone: plan.zone.as_deref().map(Arc::from),
        machine: hash(world.seed, &format!("machine {machine_text}")),
        boot: hash(world.seed, &format!("boot {name}")),
        memory: condition(MEMORY_WELL),
        disk: condition(DISK_WELL),
        pid: condition(PID_WELL),
        ready: condition(READY),
        cordoned: plan.cordoned,
        taints: Vec::new(),
        extra: (!plan.labels.is_empty())
            .then(|| Arc::new(json!({ "metadata": { "labels": plan.labels } }))),
    };
    let mut hardware = Hardware::new(world.seed, &name);
    hardware.throttled = plan.throttled;
    hardware.lacks_nfs = plan.lacks_nfs;
    hardware.warmth = plan.warmth.unwrap_or(hardware.warmth);
    let machine = Machine {
        node: node.clone(),
        beat: plan.beat.clone(),
        alive: plan.beat.dark_since.is_none(),
        epoch: 0,
        last_beat: Duration::ZERO,
        heard: true,
        network_works: true,
        short_of: Vec::new(),
        hardware,
    };
    world.machines.insert(Arc::clone(&name), machine);
    let every = plan.beat.every.unwrap_or(world.scenario.beat).0;
    let ago = match plan.beat.dark_since {
        Some(since) => since.0,
        None => world.rng.up_to(every),
    };
    let lease = Lease {
        uid: hash(world.seed, &format!("lease {name}")),
        node_uid: node.uid,
        created,
        duration_seconds: world.scenario.lease_duration_seconds,
        renewed: stamp::now_micros() - i64::try_from(ago.as_micros()).unwrap_or(0),
    };
    let lease_key = Key::from(format!("{}/{name}", lease::NAMESPACE));
    world
        .store
        .put(Kind::Lease, &lease_key, Object::Lease(lease));
    world
        .store
        .put(Kind::Node, &name, Object::Node(Box::new(node)));
    world.remember_password(&name);
}

fn add_workload(world: &mut World, plan: &WorkloadPlan, number: u32) {
    let name = numbered(&plan.name, plan.count, number);
    let workload = Arc::new(Workload::new(plan, name, world.seed, world.machines.len()));
    if plan.kind == WorkloadKind::DaemonSet && plan.on.is_empty() {
        world.daemons.push(Arc::clone(&workload));
    }
    let nodes = nodes_for(world, plan);
    let count = match (plan.kind, plan.replicas) {
        (WorkloadKind::DaemonSet, _) => nodes.len(),
        (_, Some(replicas)) => usize::try_from(replicas).unwrap_or(0),
        (_, None) => plan.on.len().max(1),
    };
    // A workload spread over all boards starts at a random one, so that the first are not full.
    let replicas = u32::try_from(count).unwrap_or(0);
    world.workloads.push((Arc::clone(&workload), replicas));
    let start = if plan.on.is_empty() && plan.kind != WorkloadKind::DaemonSet {
        usize::try_from(world.rng.below(1 << 20)).unwrap_or(0)
    } else {
        0
    };
    let turns = nodes.iter().cycle().skip(start % nodes.len().max(1));
    for (ordinal, node) in (0..).zip(turns.take(count)) {
        add_pod(world, plan, &workload, ordinal, node);
        if let Some(size) = &plan.local_volume {
            storage::add_local_volume(world, &workload, ordinal, node, size);
        }
    }
    if let Some(least) = plan.budget {
        storage::add_budget(world, &workload, least);
    }
}

fn add_pod(
    world: &mut World,
    plan: &WorkloadPlan,
    workload: &Arc<Workload>,
    ordinal: u32,
    node: &Key,
) {
    let suffix = world.rng.suffix(5);
    let name = workload.pod_name(&suffix, ordinal);
    let key: Key = Arc::from(format!("{}/{name}", workload.namespace));
    let node_created = world.machines.get(node).map_or(0, |it| it.node.created);
    let oldest = (stamp::now() - node_created).min(40 * DAY);
    let created = stamp::now() - 300 - whole_seconds(&mut world.rng, oldest.unsigned_abs());
    let state = match plan.state {
        _ if plan.mount_fault.is_some() => State::Creating,
        StartState::Running => State::Running,
        StartState::CrashLoop => State::CrashLoop,
        StartState::ImagePull => State::ImagePull,
        StartState::Pending => State::Unschedulable,
        StartState::Evicted => State::Evicted,
        StartState::Completed => State::Completed,
    };
    let place = match state {
        State::Unschedulable => None,
        _ => world.place_on(node),
    };
    let pod = Pod {
        workload: Arc::clone(workload),
        place,
        uid: world.rng.next(),
        created,
        changed: match plan.restarts {
            0 => created,
            _ => stamp::now() - whole_seconds(&mut world.rng, 20_000),
        },
        restarts: plan.restarts,
        state,
        deleted: None,
    };
    world.store.put(Kind::Pod, &key, Object::Pod(pod));
    if let Some(fault) = &plan.mount_fault {
        storage::say_mount_fault(world, &key, fault);
    }
    match state {
        State::Running => world.pods.push(key),
        State::CrashLoop => {
            let wait = world.rng.up_to(Duration::from_secs(40));
            world.agenda.add(wait, Job::Crash { pod: key });
        }
        _ => {}
    }
}

/// What went wrong with a node before the start, and what was said about it.
fn add_past(world: &mut World, plan: &NodePlan, number: u32) {
    let name = numbered(&plan.name, plan.count, number);
    world.change_node(&name, Node::settle_cordon);
    let said = stamp::now() - whole_seconds(&mut world.rng, 3_000);
    if let Some((reason, message)) = world.rng.pick(&life::REMARKS).copied() {
        world.remark(&name, "Normal", reason, message.to_owned(), said);
    }
    match plan.health {
        Health::Ready => {}
        Health::NetworkNotReady => world.set_network(&name, false),
        Health::MemoryPressure => world.set_pressure(&name, Pressure::Memory, true),
        Health::DiskPressure => world.set_pressure(&name, Pressure::Disk, true),
    }
    let Some(dark) = plan.beat.dark_since else {
        return;
    };
    let silent = |time: Duration| i64::try_from(time.as_secs()).unwrap_or(0);
    let died = stamp::now() - silent(dark.0);
    if dark.0 < world.scenario.grace.0 {
        let look = world.scenario.grace.0.saturating_sub(dark.0);
        let node = Key::from(name);
        world.agenda.add(look, Job::Watchdog { node });
        return;
    }
    world.change_node(&name, |node| {
        for condition in [
            &mut node.memory,
            &mut node.disk,
            &mut node.pid,
            &mut node.ready,
        ] {
            condition.heartbeat = died - 120;
        }
    });
    world.lose(&name, died + silent(world.scenario.grace.0));
    let node = Key::from(name);
    let given_up = world.scenario.grace.0 + world.scenario.eviction_after.0;
    let wait = given_up.saturating_sub(dark.0);
    if wait.is_zero() {
        let replaced = world.pods.len();
        world.give_up_pods_of(&node, died + silent(given_up));
        for pod in world.pods.split_off(replaced) {
            world.settle_pod(&pod);
            world.pods.push(pod);
        }
    } else {
        world.agenda.add(wait, Job::GiveUp { node, epoch: 0 });
    }
}

/// The nodes a workload runs on, in turn.
fn nodes_for(world: &World, plan: &WorkloadPlan) -> Vec<Key> {
    let all = || world.machines.keys();
    if plan.on.is_empty() {
        return all().map(Arc::clone).collect();
    }
    let wanted = plan.on.iter();
    wanted
        .flat_map(|on| {
            let fits = move |name: &&Key| match on.split_once("{}") {
                Some((start, end)) => name.starts_with(start) && name.ends_with(end),
                None => ***name == **on,
            };
            all().filter(fits)
        })
        .map(Arc::clone)
        .collect()
}

pub(crate) fn numbered(name: &str, count: u32, number: u32) -> String {
    match count {
        0 | 1 => name.to_owned(),
        2..=99 => name.replace("{}", &format!("{:02}", number + 1)),
        _ => name.replace("{}", &format!("{:04}", number + 1)),
    }
}

fn whole_seconds(rng: &mut Rng, limit: u64) -> i64 {
    i64::try_from(rng.below(limit)).unwrap_or(0)
}
