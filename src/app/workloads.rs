//! Which workloads have no pod: asked for while the Workloads pane is shown, since no pod tells of them.

use std::time::Duration;

use crate::action::PaneId;
use crate::app::Model;
use crate::effect::Effect;
use crate::rack::workloads::IdleWorkload;

/// How often it is asked.
const EVERY: Duration = Duration::from_secs(15);

/// At once when the pane is turned to, and now and then while it is shown.
pub(super) fn want(model: &mut Model, effects: &mut Vec<Effect>) {
    if model.focus != PaneId::Workloads || !model.rack.link.is_live() {
        model.idle_asked = None;
        return;
    }
    let now = model.now();
    if model.idle_asked.is_some_and(|at| now.since(at) < EVERY) {
        return;
    }
    model.idle_asked = Some(now.mono);
    effects.push(Effect::ListIdle {
        generation: model.generation,
        context: model.rack.cluster.context.clone(),
    });
}

/// They were listed.
pub(super) fn listed(model: &mut Model, workloads: Vec<IdleWorkload>) {
    if model.rack.idle != workloads {
        model.rack.idle = workloads;
        model.panes.workloads.pods_changed();
    }
}
