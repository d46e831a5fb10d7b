//! What the program does for the log viewer: opens and closes what is read, and gives it what comes.

use std::collections::VecDeque;

use crate::action::{Action, PaneId};
use crate::app::update::with_panes;
use crate::app::{Model, hosts};
use crate::effect::{Effect, TaskKey};
use crate::msg::{Level, Msg};
use crate::rack::board::Journal;
use crate::rack::log::feed::{BEFORE, FeedId, FeedNews, Opening, Origin};
use crate::rack::log::logbook::Logbook;
use crate::rack::log::query;
use crate::rack::log::ring::Limits;
use crate::rack::node::{NodeName, Role};

impl Model {
    /// An empty logbook of the size that was decided.
    pub(super) fn new_logbook(&self) -> Logbook {
        let lines = self.settings.log_lines;
        // 330 bytes a line: what a thousand lines hold in a small logbook, they hold in a big one.
        let bytes = (Limits::default().bytes / 100_000).saturating_mul(lines);
        Logbook::with_limits(Limits { lines, bytes })
    }
}

/// Shows the viewer with what is to be read, in place of what was or beside it.
pub(super) fn open(model: &mut Model, opening: Opening, effects: &mut Vec<Effect>) {
    model.show(PaneId::Logs);
    let Opening {
        title,
        origins,
        joins,
    } = opening;
    if joins && !model.rack.logbook.is_closed() {
        let book = &mut model.rack.logbook;
        book.title = format!("{}, {title}", book.title);
    } else {
        stop(model, effects);
        model.rack.logbook = model.new_logbook();
        model.rack.logbook.title = title;
        model.panes.logs.reset();
    }
    for origin in origins {
        model.next_feed += 1;
        let feed = FeedId(model.next_feed);
        model.rack.logbook.open(feed, origin.clone());
        effects.push(Effect::OpenFeed { feed, origin });
    }
}

/// Reads no more.
pub(super) fn stop(model: &mut Model, effects: &mut Vec<Effect>) {
    let feeds = model.rack.logbook.feeds().iter();
    effects.extend(feeds.map(|feed| Effect::Stop(TaskKey::Feed(feed.id))));
}

pub(super) fn close(model: &mut Model, effects: &mut Vec<Effect>) {
    stop(model, effects);
    model.rack.logbook = model.new_logbook();
    model.panes.logs.reset();
    model.notify(Level::Info, "no logs are read any more");
}

/// Forgets the lines that are kept.
pub(super) fn clear(model: &mut Model) {
    model.rack.logbook.clear();
    model.panes.logs.reset();
}

/// The same once more: as it was before the restart, or from further back.
pub(super) fn again(model: &mut Model, action: Action, effects: &mut Vec<Effect>) {
    let book = &model.rack.logbook;
    let (change, none): (fn(&Origin) -> Option<Origin>, _) = if action == Action::LogsPrevious {
        (
            Origin::previous,
            "nothing that is read here had a life before this one",
        )
    } else {
        (
            Origin::earlier,
            "what is read here is read from its beginning",
        )
    };
    let all = || book.feeds().iter().map(|feed| &feed.origin);
    if all().all(|origin| change(origin).is_none()) {
        return model.notify(Level::Info, none);
    }
    let origins = all().map(|origin| change(origin).unwrap_or_else(|| origin.clone()));
    let opening = Opening {
        title: again_title(&book.title, action),
        origins: origins.collect(),
        joins: false,
    };
    open(model, opening, effects);
}

fn again_title(title: &str, action: Action) -> String {
    match (action, title.strip_suffix(BEFORE)) {
        (Action::LogsPrevious, Some(title)) => title.to_owned(),
        (Action::LogsPrevious, None) => format!("{title}{BEFORE}"),
        _ => title.to_owned(),
    }
}

/// `:logs QUERY`, or `:logs board/NODE` for what k3s writes on a board, `:logs board/NODE/UNIT` for another unit.
pub(super) fn ask(model: &mut Model, text: &str, joins: bool, queue: &mut VecDeque<Msg>) {
    if let Some(name) = text.trim().strip_prefix("board/") {
        let (name, wanted) = name.split_once('/').unwrap_or((name, ""));
        let node = NodeName::new(name);
        let is_server = model
            .rack
            .node(&node)
            .is_some_and(|it| it.role() == Role::Server);
        let unit = match wanted.trim() {
            "" if is_server => "k3s",
            "" => "k3s-agent",
            unit => unit,
        };
        return match hosts::destination(model, &node) {
            Ok(to) => queue.push_back(Msg::OpenLogs(Opening {
                joins,
                ..Opening::journal(node, to, Journal::Unit(unit.to_owned()))
            })),
            Err(why) => model.notify(Level::Warning, why),
        };
    }
    let context = model.rack.cluster.context.clone();
    match query::parse(text, &context, model.rack.now.wall) {
        Ok(logs) => queue.push_back(Msg::OpenLogs(Opening {
            joins,
            ..Opening::pods(text, logs)
        })),
        Err(why) => model.notify(Level::Warning, why),
    }
}

/// Something came of a feed.
pub(super) fn fed(
    model: &mut Model,
    feed: FeedId,
    news: FeedNews,
    queue: &mut VecDeque<Msg>,
    effects: &mut Vec<Effect>,
) {
    let now = model.rack.now;
    if model.rack.logbook.apply(feed, news, now) {
        with_panes(model, queue, effects, |panes, cx| panes.logs.work(cx));
    }
}

/// Lines of several feeds wait for each other: those that have waited long enough are shown.
pub(super) fn settle(model: &mut Model, queue: &mut VecDeque<Msg>, effects: &mut Vec<Effect>) {
    let now = model.rack.now;
    if model.rack.logbook.settle(now) {
        with_panes(model, queue, effects, |panes, cx| panes.logs.work(cx));
    }
}

#[cfg(test)]
mod tests;
