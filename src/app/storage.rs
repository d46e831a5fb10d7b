//! Looks at NFS servers: which, from which board, and what is kept of them.

use crate::app::{Model, hosts};
use crate::effect::Effect;
use crate::rack::storage::reach::{self, Reach};

/// Asks for a look at every server, also from a board that answers over SSH, when one does.
pub(super) fn look(model: &Model, effects: &mut Vec<Effect>) {
    let servers = reach::servers(&model.rack);
    let is_off = model.context_settings().is_some_and(|it| it.is_probe_off);
    if servers.is_empty() || is_off {
        return;
    }
    let rack = &model.rack;
    let mut fresh = rack
        .boards
        .iter()
        .filter(|(_, it)| it.fresh(rack.now).is_some());
    let board =
        fresh.find_map(|(node, _)| Some((node.clone(), hosts::destination(model, node).ok()?)));
    effects.push(Effect::LookAtNfs {
        context: rack.cluster.context.clone(),
        servers,
        board,
    });
}

/// A look that was begun on another cluster is none.
pub(super) fn looked(model: &mut Model, context: &str, server: Box<str>, reach: Reach) {
    if context == model.rack.cluster.context {
        let at = model.rack.now.mono;
        model.rack.storage.looked(server, reach, at);
    }
}
