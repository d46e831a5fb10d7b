//! The rack pane: nodes with their heartbeats as a table or as a picture, and one node in detail.
//!
//! Invariant: everything is keyed by the node's UID, so a reflashed board under an old name is another row.

mod board;
mod columns;
mod detail;
pub mod drain;
pub(super) mod label;
mod picture;
pub(crate) mod restore;
mod table;
mod vips;

use std::collections::HashSet;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::action::Action;
use crate::effect::Effect;
use crate::msg::{BoardWish, Msg, Question};
use crate::panes::listing::{Listing, visible_rows};
use crate::panes::rack::columns::{COLUMNS, Column};
use crate::panes::{Cx, page, scrolled};
use crate::rack::Rack;
use crate::rack::board::Journal;
use crate::rack::log::feed::Opening;
use crate::rack::node::{Node, NodeName, Role, Uid};
use crate::rack::problem::{Severity, Subject};
use crate::theme::roles::Theme;

/// What the user is doing in the rack pane.
#[derive(Debug, Default)]
pub struct RackPane {
    list: Listing<Uid, Column>,
    view: View,
    /// Node names in the order of the trays, from the config.
    trays: Vec<String>,
    /// The nodes on the screen, from one tick to the next; `None` when that is not known or may change by itself.
    visible: Option<HashSet<NodeName>>,
}

#[derive(Debug, Default, Clone, PartialEq, Eq)]
enum View {
    #[default]
    Table,
    Picture,
    Detail {
        uid: Uid,
        scroll: usize,
        /// Whether `esc` leads back to the picture.
        from_picture: bool,
    },
}

impl RackPane {
    pub fn filter(&self) -> &str {
        &self.list.filter
    }

    pub fn set_filter(&mut self, text: &str) {
        self.list.set_filter(text);
        self.visible = None;
    }

    pub fn set_trays(&mut self, trays: Vec<String>) {
        self.trays = trays;
    }

    /// True in the detail of one node: its own keys apply.
    pub fn is_detail(&self) -> bool {
        matches!(self.view, View::Detail { .. })
    }

    /// Rows may have come or gone.
    pub fn nodes_changed(&mut self, rack: &Rack) {
        let ids = self.ids(rack);
        self.list.rows.settle(&ids, rack.now.mono);
        self.visible = None;
    }

    /// The user has chosen other rows: the cursor goes to one of them before they are drawn.
    pub fn settle(&mut self, rack: &Rack) {
        if self.list.rows.is_chosen_anew() {
            self.nodes_changed(rack);
        }
    }

    /// Whether news of a node's heartbeat or pods can be seen right now. In a big rack most cannot: they need no frame.
    pub fn sees(&self, name: &NodeName, rack: &Rack) -> bool {
        match &self.view {
            View::Table => self
                .visible
                .as_ref()
                .is_none_or(|visible| visible.contains(name)),
            View::Picture => true,
            View::Detail { uid, .. } => rack.node(name).is_some_and(|node| node.uid == *uid),
        }
    }

    /// Looks at the visible rows once more, so that columns keep the width they had.
    pub fn measure(&mut self, rack: &Rack, area: Rect) {
        for widths in table::measure(self, rack, area) {
            self.list.measure(widths.into_iter());
        }
        let is_stable = self.list.filter.is_empty()
            && !self.list.only_faults
            && self.list.sort.is_none_or(|sort| !sort.is_volatile());
        self.visible = (self.view == View::Table && is_stable).then(|| {
            let shown = table::window(self, rack, visible_rows(area));
            shown.nodes.iter().map(|node| node.name.clone()).collect()
        });
    }

    /// Opens the detail of a node. False when there is no such node.
    pub fn show_node(&mut self, name: &NodeName, cx: &mut Cx<'_>) -> bool {
        let Some(node) = cx.rack.node(name) else {
            return false;
        };
        self.visible = None;
        let uid = node.uid.clone();
        if !self.list.rows.select(&self.ids(cx.rack), &uid) {
            self.list.close();
            self.list.rows.select(&self.ids(cx.rack), &uid);
        }
        self.view = View::Detail {
            uid,
            scroll: 0,
            from_picture: self.view == View::Picture,
        };
        true
    }

    /// Closes the innermost thing. False when there was nothing to close.
    pub fn close(&mut self) -> bool {
        self.visible = None;
        match &self.view {
            View::Detail { from_picture, .. } => {
                self.view = if *from_picture {
                    View::Picture
                } else {
                    View::Table
                };
                true
            }
            View::Picture => {
                self.view = View::Table;
                true
            }
            View::Table => self.list.close(),
        }
    }

    pub fn on_action(&mut self, action: Action, cx: &mut Cx<'_>) {
        self.visible = None;
        if let View::Detail { uid, scroll, .. } = &mut self.view {
            let node = cx.rack.node_by_uid(uid);
            let total = node.map_or(0, |node| detail::height(cx.rack, node, cx.area));
            if scrolled(
                scroll,
                action,
                total,
                usize::from(cx.area.height.saturating_sub(2)),
            ) {
                return;
            }
        }
        let ids = self.ids(cx.rack);
        let height = visible_rows(cx.area);
        if !self.is_detail() && self.list.rows.on_action(action, &ids, height) {
            return;
        }
        if self.list.on_action(action) {
            let ids = self.ids(cx.rack);
            return self.list.rows.settle(&ids, cx.rack.now.mono);
        }
        match action {
            Action::RowOpen => self.open(cx),
            Action::PictureToggle => {
                self.view = if self.view == View::Picture {
                    View::Table
                } else {
                    View::Picture
                };
            }
            Action::CopyName => self.with_node(cx, |node| Msg::Copy(node.name.to_string())),
            Action::YamlOpen => {
                self.with_node(cx, |node| Msg::ReadYaml(Subject::Node(node.name.clone())));
            }
            Action::LogsOpen => {
                let context = &cx.rack.cluster.context;
                self.with_node(cx, |node| {
                    let about = Subject::Node(node.name.clone());
                    Opening::of(&about, context).map_or(Msg::nothing_here(action), Msg::OpenLogs)
                });
            }
            Action::NodeCordon => self.ask_to_cordon(cx, true),
            Action::NodeUncordon => self.ask_to_cordon(cx, false),
            Action::NodeLabel => self.with_node(cx, |node| Msg::Fill(label::form(node))),
            Action::NodeDrain => {
                if let Some(node) = self.one_node(cx) {
                    let (msg, effect) = drain::look(cx.rack, node);
                    cx.msgs.push(msg);
                    cx.effects.extend(effect);
                }
            }
            Action::BoardBlink => self.on_board(cx, BoardWish::Blink),
            Action::BoardHeartbeat => self.on_board(cx, BoardWish::Heartbeat),
            Action::BoardJournal => {
                let unit = |node: &Node| match node.role() {
                    Role::Server => "k3s",
                    Role::Agent => "k3s-agent",
                };
                self.with_node(cx, |node| Msg::OnBoard {
                    node: node.name.clone(),
                    wish: BoardWish::Read(Journal::Unit(unit(node).to_owned())),
                });
            }
            Action::BoardPreviousBoot => self.on_board(cx, BoardWish::Read(Journal::PreviousBoot)),
            Action::BoardKernel => self.on_board(cx, BoardWish::Read(Journal::Kernel)),
            Action::BoardRestart => self.on_board(cx, BoardWish::RestartK3s),
            Action::BoardReboot => self.on_board(cx, BoardWish::Reboot),
            Action::BoardHotSwap => self.on_board(cx, BoardWish::HotSwap),
            Action::BoardRestore => self.on_board(cx, BoardWish::Restore),
            Action::NodeRemove => {
                if let Some(node) = self.one_node(cx) {
                    cx.msgs.push(drain::ask_to_remove(cx.rack, node));
                }
            }
            Action::NodeShell => self.with_node(cx, |node| Msg::OpenShell(node.name.clone())),
            other => cx.msgs.push(Msg::nothing_here(other)),
        }
    }

    pub fn hints(&self) -> &'static [Action] {
        match self.view {
            View::Table => &[
                Action::RowOpen,
                Action::BoardBlink,
                Action::NodeCordon,
                Action::NodeDrain,
                Action::BoardJournal,
                Action::FilterOpen,
                Action::PictureToggle,
                Action::FaultsToggle,
                Action::MenuOpen,
                Action::CommandOpen,
            ],
            View::Picture => &[
                Action::RowOpen,
                Action::PictureToggle,
                Action::MenuOpen,
                Action::CommandOpen,
            ],
            View::Detail { .. } => &[
                Action::Close,
                Action::NodeCordon,
                Action::NodeUncordon,
                Action::YamlOpen,
                Action::MenuOpen,
            ],
        }
    }

    pub fn menu(&self, rack: &Rack) -> (String, Vec<Action>) {
        let Some(node) = self.current(rack) else {
            return Default::default();
        };
        let cordon = if node.unschedulable {
            Action::NodeUncordon
        } else {
            Action::NodeCordon
        };
        let drain = match rack.drains.get(&node.uid) {
            Some(drain) if drain.is_running() => Action::Cancel,
            _ => Action::NodeDrain,
        };
        let mut menu = vec![
            cordon,
            drain,
            Action::LogsOpen,
            Action::NodeShell,
            Action::NodeLabel,
            Action::YamlOpen,
            Action::CopyName,
            Action::BoardBlink,
            Action::BoardJournal,
            Action::BoardKernel,
            Action::BoardPreviousBoot,
            Action::BoardHeartbeat,
            Action::BoardRestart,
            Action::BoardReboot,
            Action::BoardHotSwap,
            Action::BoardRestore,
            Action::NodeRemove,
        ];
        if !self.is_detail() {
            menu.insert(0, Action::RowOpen);
            menu.push(Action::RowMark);
        }
        (format!("Node {}", node.name), menu)
    }

    /// The node the keys act on.
    fn current<'a>(&self, rack: &'a Rack) -> Option<&'a Node> {
        match &self.view {
            View::Detail { uid, .. } => rack.node_by_uid(uid),
            View::Table | View::Picture => {
                rack.node_by_uid(self.list.rows.current(&self.ids(rack))?)
            }
        }
    }

    /// Wants something of the board of the one node the keys act on.
    fn on_board(&self, cx: &mut Cx<'_>, wish: BoardWish) {
        if let Some(node) = self.one_node(cx) {
            let node = node.name.clone();
            cx.msgs.push(Msg::OnBoard { node, wish });
        }
    }

    /// The UID of the node the keys act on.
    pub fn current_uid(&self, rack: &Rack) -> Option<Uid> {
        self.current(rack).map(|node| node.uid.clone())
    }

    /// The one node that a grave action is about; several marks, or a row that moved just now, are refused.
    fn one_node<'a>(&self, cx: &mut Cx<'a>) -> Option<&'a Node> {
        let rack = cx.rack;
        let targets = self.targets(rack);
        let is_marked = !self.is_detail() && !self.list.rows.marked().is_empty();
        let why = match targets.as_slice() {
            [] => "there is no node here",
            [_] if !self.is_detail()
                && !is_marked
                && self.list.rows.is_unsettled(rack.now.mono) =>
            {
                "another node slid under the cursor just now: look, and press again"
            }
            [node] => return Some(node),
            _ => "one node at a time: esc takes the marks away",
        };
        cx.msgs.push(Msg::warn(why));
        None
    }

    fn open(&mut self, cx: &mut Cx<'_>) {
        if let Some(node) = self.current(cx.rack) {
            let from_picture = self.view == View::Picture;
            self.view = View::Detail {
                uid: node.uid.clone(),
                scroll: 0,
                from_picture,
            };
        }
    }

    fn with_node(&self, cx: &mut Cx<'_>, ask: impl FnOnce(&Node) -> Msg) {
        let msg = match self.current(cx.rack) {
            Some(node) => ask(node),
            None => Msg::warn("there is no node here"),
        };
        cx.msgs.push(msg);
    }

    /// The marked nodes, else the one under the cursor.
    fn targets<'a>(&self, rack: &'a Rack) -> Vec<&'a Node> {
        if self.is_detail() || self.list.rows.marked().is_empty() {
            return self.current(rack).into_iter().collect();
        }
        // A mark that the filter hides is not acted on: nobody sees it.
        let marked: Vec<&Node> = self
            .chosen(rack)
            .into_iter()
            .filter(|node| self.list.rows.is_marked(&node.uid))
            .collect();
        if marked.is_empty() {
            return self.current(rack).into_iter().collect();
        }
        marked
    }

    /// Asks before anything is changed. The answer acts on these very objects, whatever has slid under the cursor.
    fn ask_to_cordon(&self, cx: &mut Cx<'_>, unschedulable: bool) {
        let all = self.targets(cx.rack);
        let nodes: Vec<&Node> = all
            .iter()
            .filter(|node| node.unschedulable != unschedulable)
            .copied()
            .collect();
        let is_marked = !self.is_detail() && !self.list.rows.marked().is_empty();
        let msg = match (all.first(), nodes.is_empty()) {
            (None, _) => Msg::warn("there is no node here"),
            (Some(_), _)
                if !self.is_detail()
                    && !is_marked
                    && self.list.rows.is_unsettled(cx.rack.now.mono) =>
            {
                Msg::warn("another node slid under the cursor just now: look, and press again")
            }
            (Some(first), true) => {
                let state = if unschedulable {
                    "is cordoned already"
                } else {
                    "takes pods already"
                };
                Msg::info(format!("node {} {state}", first.name))
            }

            (Some(_), false) => Msg::Ask(question(cx.rack, &nodes, unschedulable)),
        };
        cx.msgs.push(msg);
    }

    /// The nodes in the order and the choice of the table.
    fn ids(&self, rack: &Rack) -> Vec<Uid> {
        self.chosen(rack)
            .into_iter()
            .map(|node| node.uid.clone())
            .collect()
    }

    fn chosen<'a>(&self, rack: &'a Rack) -> Vec<&'a Node> {
        if self.view == View::Picture {
            return picture::order(rack, &self.trays);
        }
        let filter = self.list.parsed_filter();
        let faulty = self.list.only_faults.then(|| faulty(rack));
        let passes = |node: &&Node| {
            let cell = |column: &Column| column.cell(rack, node).0;
            let texts = || COLUMNS.iter().map(cell).collect::<Vec<_>>();
            filter.is_empty() || self.list.accepts(&filter, &texts())
        };
        let mut nodes: Vec<&Node> = rack
            .nodes()
            .filter(|node| {
                faulty
                    .as_ref()
                    .is_none_or(|faulty| faulty.contains(&&node.name))
            })
            .filter(passes)
            .collect();
        if let Some(column) = self.list.sort {
            nodes.sort_by_cached_key(|node| column.sort_key(rack, node));
        }
        if self.list.is_reversed {
            nodes.reverse();
        }
        nodes
    }

    pub fn view(&self, rack: &Rack, theme: &Theme, area: Rect, buf: &mut Buffer) {
        match &self.view {
            View::Table => table::draw(self, rack, theme, area, buf),
            View::Picture => picture::draw(self, rack, theme, area, buf),
            View::Detail { uid, scroll, .. } => match rack.node_by_uid(uid) {
                Some(node) => detail::draw(rack, node, *scroll, theme, area, buf),
                None => page::draw_gone(rack, ("Rack", "node"), theme, area, buf),
            },
        }
    }
}

/// Nodes with a problem that is more than a note.
fn faulty(rack: &Rack) -> Vec<&NodeName> {
    rack.problems
        .iter()
        .filter(|problem| problem.severity < Severity::Note)
        .filter_map(|problem| match &problem.about {
            Subject::Node(name) => Some(name),
            _ => None,
        })
        .collect()
}

fn question(rack: &Rack, nodes: &[&Node], unschedulable: bool) -> Question {
    let verb = if unschedulable { "Cordon" } else { "Uncordon" };
    let names: Vec<&str> = nodes.iter().map(|node| node.name.as_str()).collect();
    let title = match names.as_slice() {
        [name] => format!("{verb} node {name}?"),
        names => format!("{verb} {} nodes?", names.len()),
    };
    let held: Option<u32> = nodes
        .iter()
        .map(|node| rack.pod_counts(&node.name).map(|counts| counts.held))
        .sum();
    let mut lines = if names.len() > 1 {
        vec![names.join(", ")]
    } else {
        Vec::new()
    };
    lines.push(match (unschedulable, held) {
        (true, Some(held)) => {
            format!("No new pods will be placed there. The {held} pods it holds now stay.")
        }
        (true, None) => "No new pods will be placed there. The pods it holds now stay.".to_owned(),
        (false, _) => "New pods may be placed there again.".to_owned(),
    });
    if rack.link.is_stale() {
        lines.push("The API server does not answer now: this will probably fail.".to_owned());
    }
    lines.push(format!("Cluster: {}", rack.cluster.context));
    let effect = |node: &&Node| Effect::SetUnschedulable {
        context: rack.cluster.context.clone(),
        node: node.name.clone(),
        uid: node.uid.clone(),
        unschedulable,
    };
    let about = |node: &&Node| (Subject::Node(node.name.clone()), node.uid.clone());
    Question {
        about: nodes.iter().map(about).collect(),
        then: nodes.iter().map(effect).collect(),
        ..Question::new(title, lines)
    }
}

#[cfg(test)]
mod tests;
