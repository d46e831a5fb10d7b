//! Boards that are no nodes yet. Nothing of them comes from the world's own dice: a rack with them is the same rack.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use super::numbered;
use crate::sim::board::Hardware;
use crate::sim::node::{Condition, DISK_WELL, MEMORY_WELL, Node, PID_WELL, READY};
use crate::sim::onboard::Card;
use crate::sim::random::hash;
use crate::sim::scenario::{BeatPlan, BlankPlan, Role, Trouble};
use crate::sim::stamp;
use crate::sim::store::Key;
use crate::sim::world::{Machine, World};

pub(super) fn add(world: &mut World) {
    for plan in world.scenario.blank.clone() {
        for number in 0..plan.count {
            add_board(world, &plan, number);
        }
    }
}

fn add_board(world: &mut World, plan: &BlankPlan, number: u32) {
    let name: Key = Arc::from(numbered(&plan.name, plan.count, number));
    let now = stamp::now();
    let condition = |says| Condition::new(says, now, now);
    let place = u32::try_from(world.machines.len() + world.blanks.len()).unwrap_or(0);
    let node = Node {
        uid: hash(world.seed, &format!("node {name}")),
        created: now,
        board: plan.board.board(),
        role: Role::Agent,
        ip: Ipv4Addr::from_bits(plan.ip.to_bits().wrapping_add(number)),
        place,
        kubelet: Arc::from(world.scenario.server_version.as_str()),
        zone: None,
        machine: hash(world.seed, &format!("machine {name}")),
        boot: hash(world.seed, &format!("boot {name}")),
        memory: condition(MEMORY_WELL),
        disk: condition(DISK_WELL),
        pid: condition(PID_WELL),
        ready: condition(READY),
        cordoned: false,
        taints: Vec::new(),
        extra: None,
    };
    let mut hardware = Hardware::new(world.seed, &name);
    hardware.boot();
    let machine = Machine {
        node,
        beat: BeatPlan::default(),
        alive: true,
        epoch: 0,
        last_beat: Duration::ZERO,
        heard: true,
        network_works: true,
        short_of: Vec::new(),
        hardware,
    };
    match plan.trouble {
        // Another board of that name was a node once: its password is still there, or the node is too.
        Trouble::OldPassword => world.remember_password(&name),
        Trouble::OldNode => {
            let mut old = machine.clone();
            old.node.machine = hash(world.seed, &format!("old machine {name}"));
            old.node.created = now - 91 * 86_400;
            world.machines.insert(Arc::clone(&name), old);
            world.register(&name);
            world.go_dark(&name);
            world.lose(&name, now - 3_600);
            world.machines.remove(&name);
        }
        _ => {}
    }
    world
        .cards
        .insert(Arc::clone(&name), Card::blank(plan.trouble));
    world.blanks.insert(name, machine);
}
