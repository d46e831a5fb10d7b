//! What `update` does for Services: going to one, and probing what is on the screen.

use std::collections::VecDeque;

use crate::action::PaneId;
use crate::app::{Model, with_panes};
use crate::effect::Effect;
use crate::msg::{Level, Msg};
use crate::rack::service::ServiceName;
use crate::ui::frame;

/// Opens the page of a Service; closing it leads back to where it was asked for.
pub(super) fn show(
    model: &mut Model,
    service: &ServiceName,
    queue: &mut VecDeque<Msg>,
    effects: &mut Vec<Effect>,
) {
    let from = model.focus;
    model.show(PaneId::Services);
    model.return_to = (from != PaneId::Services).then_some(from);
    let shown = with_panes(model, queue, effects, |panes, cx| {
        panes.services.show_service(service, cx.rack)
    });
    if !shown {
        model.notify(
            Level::Warning,
            format!("there is no service \"{service}\" now"),
        );
    }
}

impl Model {
    /// Keeps the probing to what is on the screen. `is_due` when rows may have moved: looking them up is no work for
    /// every message.
    pub(super) fn want_probes(&mut self, is_due: bool, effects: &mut Vec<Effect>) {
        let is_off = self.context_settings().is_some_and(|it| it.is_probe_off);
        self.rack.probes.is_off = is_off;
        let is_shown = self.focus == PaneId::Services && !is_off;
        if is_shown && !is_due {
            return;
        }
        let targets = if is_shown {
            let area = frame::regions(self.size).unwrap_or_default().body;
            self.panes.services.probed(&self.rack, area)
        } else {
            Vec::new()
        };
        if targets != self.probed {
            self.probed.clone_from(&targets);
            effects.push(Effect::Probe {
                generation: self.generation,
                targets,
            });
        }
    }
}
