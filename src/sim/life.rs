//! The driver: takes what is due from the agenda and lets it happen, in real time.
//!
//! What happens is decided in `world` and `pods`. Invariant: jobs run in the agenda's order and at
//! the agenda's time, however late the task was woken, so chance falls the same way every time.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::agenda::Job;
use super::resource::Kind;
use super::shared::Shared;
use super::stamp;
use super::store::Key;
use super::world::World;

/// The driver wakes on multiples of this, so a large rack costs fifty wake-ups a second, not three
/// hundred.
const GRAIN_MICROS: u128 = 20_000;

/// Longest sleep when nothing is planned.
const IDLE: Duration = Duration::from_secs(3600);

/// A change by churn is two times out of three followed by a second one, when the pod settles.
const CHANGES_PER_CHURN: f64 = 1.75;

/// What k3s and the kubelet say on a good day.
pub(crate) const REMARKS: [(&str, &str); 4] = [
    (
        "CertificateExpirationOK",
        "Node and Certificate Authority certificates managed by k3s are OK",
    ),
    (
        "NodePasswordValidationComplete",
        "Deferred node password secret validation complete",
    ),
    (
        "NodeAllocatableEnforced",
        "Updated Node Allocatable limit across pods",
    ),
    (
        "NodeHasSufficientMemory",
        "Node status is now: NodeHasSufficientMemory",
    ),
];

/// Plays the rack until it is stopped.
pub(crate) async fn drive(shared: Arc<Shared>, started: Instant) {
    loop {
        let next = {
            let mut world = shared.world();
            run_due(&mut world, started.elapsed());
            world.agenda.next_due().unwrap_or(IDLE)
        };
        tokio::select! {
            () = sleep_until(started + round_up(next)) => {}
            () = shared.planned.notified() => {}
        }
    }
}

fn round_up(time: Duration) -> Duration {
    let micros = time.as_micros().next_multiple_of(GRAIN_MICROS);
    Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
}

/// Runs everything due until `until`.
pub(crate) fn run_due(world: &mut World, until: Duration) {
    // What happened between two wakings has come through the API or from a test.
    world.plan_controllers();
    while let Some((due, job)) = world.agenda.take_due(until) {
        world.now = due;
        run(world, job);
        world.plan_controllers();
    }
    world.now = until;
}

/// Plans the first round of everything that repeats.
pub(crate) fn plan(world: &mut World) {
    let names: Vec<Key> = world.machines.keys().map(Arc::clone).collect();
    for node in names {
        plan_node(world, &node);
    }
    if let Some(wait) = interval(world.scenario.churn / CHANGES_PER_CHURN) {
        world.agenda.add(wait, Job::Churn);
    }
    if let Some(wait) = interval(world.scenario.events) {
        world.agenda.add(wait, Job::Remark);
    }
}

fn plan_node(world: &mut World, node: &Key) {
    let Some(machine) = world.machines.get(node) else {
        return;
    };
    let (alive, epoch) = (machine.alive, machine.epoch);
    let every = machine.beat.every.unwrap_or(world.scenario.beat).0;
    let dark_after = machine.beat.dark_after;
    let back = machine.beat.dark_for.map(|dark| dark.0);
    if alive {
        let (beat, status) = (
            world.rng.up_to(every),
            world.rng.up_to(world.scenario.status_every.0),
        );
        let (first, second) = (Arc::clone(node), Arc::clone(node));
        world.agenda.add(beat, Job::Beat { node: first, epoch });
        world.agenda.add(
            status,
            Job::Status {
                node: second,
                epoch,
            },
        );
        let look = world.scenario.grace.0 + world.rng.up_to(every);
        let node = Arc::clone(node);
        world.agenda.add(look, Job::Watchdog { node });
    }
    if let Some(after) = dark_after {
        let node = Arc::clone(node);
        world.agenda.add(after.0, Job::Dark { node, back });
    }
}

fn run(world: &mut World, job: Job) {
    match job {
        Job::Beat { node, epoch } if is_current(world, &node, epoch) => {
            world.beat(&node);
            world.schedule_beat(&node);
        }
        Job::Status { node, epoch } if is_current(world, &node, epoch) => {
            world.post_status(&node);
            world.schedule_status(&node);
        }
        Job::Beat { .. } | Job::Status { .. } => {}
        Job::Watchdog { node } => watchdog(world, &node),
        Job::GiveUp { node, epoch } => {
            let gone = |it: &super::world::Machine| it.epoch == epoch && !it.heard;
            if world.machines.get(&node).is_some_and(gone) {
                world.give_up_pods_of(&node, stamp::now());
            }
        }
        Job::Dark { node, back } => {
            world.go_dark(&node);
            if let Some(wait) = back {
                let rebooted = false;
                world
                    .agenda
                    .add(world.now + wait, Job::Back { node, rebooted });
            }
        }
        Job::Back { node, rebooted } => {
            world.come_back(&node, rebooted);
            let beat = world.machines.get(&node).map(|machine| &machine.beat);
            let plan = beat.and_then(|beat| Some((beat.alive_for?.0, beat.dark_for?.0)));
            if let Some((alive, dark)) = plan {
                let back = Some(dark);
                world
                    .agenda
                    .add(world.now + alive, Job::Dark { node, back });
            }
        }
        Job::Wake { board } => world.wake(&board),
        Job::Join { board } => world.join(&board),
        Job::Churn => {
            world.churn();
            again(world, world.scenario.churn / CHANGES_PER_CHURN, Job::Churn);
        }
        Job::Remark => {
            remark(world);
            again(world, world.scenario.events, Job::Remark);
        }
        Job::Crash { pod } => world.crash(&pod),
        Job::Settle { pod } => world.settle_pod(&pod),
        Job::Gone { pod } => world.pod_gone(&pod),
        Job::Control => world.control(),
        Job::ServiceLb => world.servicelb(),
    }
}

/// The node controller's look at one lease: too old means lost, else it looks again in time.
fn watchdog(world: &mut World, node: &Key) {
    let grace = world.scenario.grace.0;
    let Some(machine) = world.machines.get(node).filter(|machine| machine.heard) else {
        return;
    };
    let (silent_until, epoch) = (machine.last_beat + grace, machine.epoch);
    if world.node(node).is_none() {
        return;
    }
    let node = Arc::clone(node);
    if silent_until > world.now {
        let look = silent_until + world.rng.up_to(grace / 9);
        world.agenda.add(look, Job::Watchdog { node });
    } else {
        world.lose(&node, stamp::now());
        let due = world.now + world.scenario.eviction_after.0;
        world.agenda.add(due, Job::GiveUp { node, epoch });
    }
}

fn remark(world: &mut World) {
    let alive = world.machines.iter().filter(|(_, machine)| machine.alive);
    let names: Vec<Key> = alive.map(|(name, _)| Arc::clone(name)).collect();
    let name = world.rng.pick(&names).map(Arc::clone);
    let remark = world.rng.pick(&REMARKS).copied();
    if let (Some(name), Some((reason, message))) = (name, remark) {
        world.remark(&name, "Normal", reason, message.to_owned(), stamp::now());
    }
}

fn is_current(world: &World, node: &Key, epoch: u32) -> bool {
    let machine = world.machines.get(node);
    machine.is_some_and(|machine| machine.alive && machine.epoch == epoch)
        && world.store.get(Kind::Node, node).is_some()
}

/// Plans the next of something that happens `rate` times a second.
fn again(world: &mut World, rate: f64, job: Job) {
    if let Some(wait) = interval(rate) {
        let wait = world.rng.around(wait, wait / 2);
        world.agenda.add(world.now + wait, job);
    }
}

/// The time between two of something that happens `rate` times a second; `None` for never.
fn interval(rate: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(1.0 / rate)
        .ok()
        .filter(|wait| !wait.is_zero())
}
