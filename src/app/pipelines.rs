//! Pipelines: what is asked for follows from where somebody looks, and news go into the rack.

use std::collections::VecDeque;

use crate::action::PaneId;
use crate::app::Model;
use crate::app::update::with_panes;
use crate::effect::Effect;
use crate::msg::Msg;
use crate::rack::pipeline::state::News;
use crate::ui::frame;

/// Takes in news.
pub(super) fn heard(model: &mut Model, news: News) {
    let now = model.rack.now.mono;
    model.rack.builds.apply(news, now);
    let area = frame::regions(model.size).unwrap_or_default().body;
    model.panes.pipelines.builds_changed(&model.rack, area);
}

/// Says what is looked at when that is something else than before. Nothing is asked until the pane was shown once.
pub(super) fn want(model: &mut Model, effects: &mut Vec<Effect>) {
    if !model.rack.builds.is_configured() {
        return;
    }
    let is_shown = model.focus == PaneId::Pipelines;
    let looking = model.panes.pipelines.looking(is_shown, &model.rack);
    if looking == model.looking || (!is_shown && !model.looking.is_shown) {
        return;
    }
    let log = looking.job.clone().filter(|_| looking.trace);
    let open = model.rack.builds.trace.as_ref().map(|open| &open.job);
    // While another pane is on the screen the log stays as it is.
    if is_shown && open != log.as_ref() {
        model.rack.builds.open_trace(log);
    }
    let beside = model.rack.builds.beside.as_ref().map(|open| &open.job);
    if is_shown && beside != looking.beside.as_ref() {
        model.rack.builds.open_beside(looking.beside.clone());
    }
    model.rack.builds.look(&looking);
    model.looking = looking.clone();
    effects.push(Effect::LookAtBuilds(looking));
}

/// Everything anew.
pub(super) fn refresh(model: &mut Model, queue: &mut VecDeque<Msg>, effects: &mut Vec<Effect>) {
    with_panes(model, queue, effects, |panes, cx| {
        panes
            .pipelines
            .on_action(crate::action::Action::Refresh, cx);
    });
}
