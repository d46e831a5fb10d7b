//! What the user is doing in each pane: cursor, filter, page.
//!
//! Invariant: a pane owns no facts of the rack and knows no other pane; it asks for things through messages.

pub mod kubeconfig;
mod listing;
pub mod logs;
pub mod onboard;
mod page;
pub mod pipelines;
pub mod pools;
pub mod problems;
pub mod rack;
mod rows;
pub mod services;
pub mod storage;
pub mod workloads;

use crossterm::event::KeyEvent;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::action::{Action, PaneId};
use crate::effect::Effect;
use crate::form::{Answers, FormId};
use crate::msg::Msg;
use crate::rack::Rack;
use crate::rack::link::{LinkState, Source, SourceState};
use crate::rack::time::short;
use crate::theme::roles::Theme;
use crate::ui::text::{clean, put, wrap};

/// What a pane may look at, and where it puts what it wants.
pub struct Cx<'a> {
    pub rack: &'a Rack,
    /// Where the pane is drawn, borders included.
    pub area: Rect,
    pub msgs: Vec<Msg>,
    pub effects: Vec<Effect>,
}

/// The panes, one field each.
#[derive(Debug, Default)]
pub struct Panes {
    pub rack: rack::RackPane,
    pub services: services::ServicesPane,
    pub kubeconfig: kubeconfig::KubeconfigPane,
    pub pools: pools::PoolsPane,
    pub storage: storage::StoragePane,
    pub onboard: onboard::OnboardPane,
    pub pipelines: pipelines::PipelinesPane,
    pub logs: logs::LogsPane,
    pub workloads: workloads::WorkloadsPane,
    pub problems: problems::ProblemsPane,
}

impl Panes {
    pub fn on_action(&mut self, pane: PaneId, action: Action, cx: &mut Cx<'_>) {
        match pane {
            PaneId::Rack => self.rack.on_action(action, cx),
            PaneId::Services => self.services.on_action(action, cx),
            PaneId::Kubeconfig => self.kubeconfig.on_action(action, cx),
            PaneId::Onboard => self.onboard.on_action(action, cx),
            PaneId::Pipelines => self.pipelines.on_action(action, cx),
            PaneId::Pools => self.pools.on_action(action, cx),
            PaneId::Storage => self.storage.on_action(action, cx),
            PaneId::Logs => self.logs.on_action(action, cx),
            PaneId::Workloads => self.workloads.on_action(action, cx),
            PaneId::Problems => self.problems.on_action(action, cx),
        }
    }

    /// A message for the pane that waits for it.
    pub fn on_msg(&mut self, msg: &Msg, cx: &mut Cx<'_>) {
        match msg {
            Msg::FormSent { form, answers } => match form {
                FormId::NodeLabel { node, uid } => rack::label::filled_in(node, uid, answers, cx),
                FormId::ServiceAddress { .. }
                | FormId::ServicePool { .. }
                | FormId::ServiceShare { .. }
                | FormId::Expose => services::wish::filled_in(form, answers, cx),
                FormId::ClaimCreate | FormId::ClaimResize { .. } => {
                    storage::wish::filled_in(form, answers, cx);
                }
                FormId::Restore { node, to } => rack::restore::filled_in(node, to, answers, cx),
                FormId::Provisioner => self.storage.begin_setup(answers, cx),
                FormId::PoolCreate | FormId::PoolDeletions { .. } | FormId::Manifest => {
                    self.pools.on_form(form, answers, cx);
                }
                FormId::PlayJob { at, job } => {
                    pipelines::act::filled_in(at, job, answers, cx);
                }
                FormId::Scale { workload, maker } => {
                    workloads::scaled(workload, maker, answers, cx);
                }
                FormId::TraceSave => pipelines::save::filled_in(&self.pipelines, answers, cx),
                FormId::PullSecret {
                    workload,
                    maker,
                    offered,
                } => {
                    let holder = (workload, maker);
                    workloads::pull_secret_wanted(holder, offered, answers, cx);
                }
                FormId::ArmScaffold => pipelines::arm::filled_in(answers, cx),
                FormId::LogSave => self.logs.filled_in(answers, cx),
                FormId::Onboard | FormId::OnboardName { .. } => {
                    onboard::filled_in(form, answers, cx);
                }
                FormId::KubeconfigMerge
                | FormId::KubeconfigConflict
                | FormId::ContextRename { .. }
                | FormId::ContextNamespace { .. }
                | FormId::ContextDelete { .. } => self.kubeconfig.on_msg(msg, cx),
                // The program's own.
                FormId::Ssh { .. } => {}
            },
            Msg::Setup { context, news } => self.storage.setup_news(context, news),
            Msg::ChangePreviewed { .. }
            | Msg::LastChangeRead { .. }
            | Msg::KubeconfigChanged { .. } => {
                self.kubeconfig.on_msg(msg, cx);
            }
            Msg::DrainPlanned {
                node,
                result: Ok(plan),
                ..
            } => {
                let node = cx.rack.node(node);
                cx.msgs
                    .extend(node.map(|node| rack::drain::ask(cx.rack, node, plan)));
            }
            Msg::ScaffoldPlanned(result) => pipelines::arm::ask(result, cx),
            msg => self.pools.on_msg(msg, cx),
        }
    }

    /// True while most keys belong to a text of the pane.
    pub fn is_editing(&self, pane: PaneId) -> bool {
        match pane {
            PaneId::Pools => self.pools.is_editing(),
            PaneId::Rack
            | PaneId::Services
            | PaneId::Storage
            | PaneId::Onboard
            | PaneId::Pipelines
            | PaneId::Logs
            | PaneId::Workloads
            | PaneId::Kubeconfig
            | PaneId::Problems => false,
        }
    }

    /// A key for the text of the pane. False when it was none for it.
    pub fn on_text(&mut self, pane: PaneId, key: KeyEvent, cx: &mut Cx<'_>) -> bool {
        match pane {
            PaneId::Pools => self.pools.on_text(key, cx),
            PaneId::Rack
            | PaneId::Services
            | PaneId::Storage
            | PaneId::Onboard
            | PaneId::Pipelines
            | PaneId::Logs
            | PaneId::Workloads
            | PaneId::Kubeconfig
            | PaneId::Problems => false,
        }
    }

    pub fn on_paste(&mut self, pane: PaneId, text: &str, cx: &mut Cx<'_>) {
        match pane {
            PaneId::Pools => self.pools.on_paste(text, cx),
            PaneId::Rack
            | PaneId::Services
            | PaneId::Storage
            | PaneId::Onboard
            | PaneId::Pipelines
            | PaneId::Logs
            | PaneId::Workloads
            | PaneId::Kubeconfig
            | PaneId::Problems => {}
        }
    }

    /// What is wrong with the answers in a form: the key of the field, and a sentence.
    pub fn complaint(
        &self,
        form: &FormId,
        answers: &Answers,
        rack: &Rack,
    ) -> Option<(&'static str, String)> {
        match form {
            FormId::NodeLabel { node, .. } => rack::label::complaint(node, answers, rack),
            FormId::ServiceAddress { .. }
            | FormId::ServicePool { .. }
            | FormId::ServiceShare { .. }
            | FormId::Expose => services::fault::complaint(form, answers, rack),
            FormId::ClaimCreate | FormId::ClaimResize { .. } => {
                storage::wish::complaint(form, answers, rack)
            }
            FormId::Restore { .. } => rack::restore::complaint(answers),
            FormId::Provisioner => storage::setup::complaint(answers, rack),
            FormId::PoolCreate | FormId::PoolDeletions { .. } | FormId::Manifest => {
                self.pools.complaint(form, answers, rack)
            }
            FormId::PlayJob { .. } => pipelines::act::complaint(answers),
            FormId::Scale { .. } => workloads::complaint(answers),
            FormId::PullSecret { .. } => workloads::pull_secret_complaint(answers, rack),
            FormId::ArmScaffold => pipelines::arm::complaint(answers),
            FormId::LogSave | FormId::TraceSave => logs::complaint(answers),
            FormId::Onboard | FormId::OnboardName { .. } => onboard::complaint(form, answers),
            FormId::KubeconfigMerge
            | FormId::KubeconfigConflict
            | FormId::ContextRename { .. }
            | FormId::ContextNamespace { .. }
            | FormId::ContextDelete { .. } => kubeconfig::change::complaint(form, answers, rack),
            FormId::Ssh { .. } => None,
        }
    }

    /// The text of the pane's filter.
    pub fn filter(&self, pane: PaneId) -> &str {
        match pane {
            PaneId::Rack => self.rack.filter(),
            PaneId::Services => self.services.filter(),
            PaneId::Kubeconfig => self.kubeconfig.filter(),
            PaneId::Onboard => self.onboard.filter(),
            PaneId::Pipelines => self.pipelines.filter(),
            PaneId::Pools => self.pools.filter(),
            PaneId::Storage => self.storage.filter(),
            PaneId::Logs => self.logs.filter(),
            PaneId::Workloads => self.workloads.filter(),
            PaneId::Problems => self.problems.filter(),
        }
    }

    /// Looks after the rows and the cursor of a pane before a frame and before a key: rows may have come or gone.
    pub fn settle(&mut self, pane: PaneId, rack: &Rack) {
        match pane {
            PaneId::Rack => self.rack.settle(rack),
            PaneId::Services => self.services.settle(rack),
            PaneId::Workloads => self.workloads.settle(rack),
            PaneId::Pools
            | PaneId::Storage
            | PaneId::Onboard
            | PaneId::Pipelines
            | PaneId::Logs
            | PaneId::Kubeconfig
            | PaneId::Problems => {}
        }
    }

    /// Columns of the pane that is shown keep the width their visible rows had.
    pub fn measure(&mut self, pane: PaneId, rack: &Rack, area: Rect) {
        match pane {
            PaneId::Rack => self.rack.measure(rack, area),
            PaneId::Services => self.services.measure(rack, area),
            PaneId::Workloads => self.workloads.measure(rack, area),
            PaneId::Storage => self.storage.measure(rack, area),
            PaneId::Kubeconfig => self.kubeconfig.measure(rack, area),
            PaneId::Pools
            | PaneId::Onboard
            | PaneId::Pipelines
            | PaneId::Logs
            | PaneId::Problems => {}
        }
    }

    pub fn set_filter(&mut self, pane: PaneId, text: &str) {
        match pane {
            PaneId::Rack => self.rack.set_filter(text),
            PaneId::Services => self.services.set_filter(text),
            PaneId::Kubeconfig => self.kubeconfig.set_filter(text),
            PaneId::Onboard => self.onboard.set_filter(text),
            PaneId::Pipelines => self.pipelines.set_filter(text),
            PaneId::Pools => self.pools.set_filter(text),
            PaneId::Storage => self.storage.set_filter(text),
            PaneId::Logs => self.logs.set_filter(text),
            PaneId::Workloads => self.workloads.set_filter(text),
            PaneId::Problems => self.problems.set_filter(text),
        }
    }

    /// True on the page of one object: its own keys apply.
    pub fn is_detail(&self, pane: PaneId) -> bool {
        match pane {
            PaneId::Rack => self.rack.is_detail(),
            PaneId::Services => self.services.is_detail(),
            PaneId::Storage => self.storage.is_detail(),
            PaneId::Onboard => self.onboard.is_detail(),
            PaneId::Pools
            | PaneId::Pipelines
            | PaneId::Logs
            | PaneId::Workloads
            | PaneId::Kubeconfig
            | PaneId::Problems => false,
        }
    }

    /// Closes the innermost thing of a pane. False when there was nothing.
    pub fn close(&mut self, pane: PaneId, rack: &Rack) -> bool {
        match pane {
            PaneId::Rack => self.rack.close(),
            PaneId::Services => self.services.close(),
            PaneId::Pools => self.pools.close(),
            PaneId::Storage => self.storage.close(),
            PaneId::Logs => self.logs.close(rack),
            PaneId::Workloads => self.workloads.close(),
            PaneId::Kubeconfig => self.kubeconfig.close(),
            PaneId::Onboard => self.onboard.close(),
            PaneId::Pipelines => self.pipelines.close(),
            PaneId::Problems => self.problems.close(),
        }
    }

    /// The actions worth a hint, most useful first.
    pub fn hints(&self, pane: PaneId, rack: &Rack) -> &'static [Action] {
        match pane {
            PaneId::Rack => self.rack.hints(),
            PaneId::Services => self.services.hints(),
            PaneId::Kubeconfig => self.kubeconfig.hints(),
            PaneId::Onboard => self.onboard.hints(rack),
            PaneId::Pipelines => self.pipelines.hints(rack),
            PaneId::Pools => self.pools.hints(),
            PaneId::Storage => self.storage.hints(),
            PaneId::Logs => self.logs.hints(),
            PaneId::Workloads => self.workloads.hints(),
            PaneId::Problems => self.problems.hints(),
        }
    }

    /// The row under the cursor by name, and everything that can be done with it; empty when there is none.
    pub fn menu(&self, pane: PaneId, rack: &Rack) -> (String, Vec<Action>) {
        match pane {
            PaneId::Rack => self.rack.menu(rack),
            PaneId::Services => self.services.menu(rack),
            PaneId::Kubeconfig => self.kubeconfig.menu(rack),
            PaneId::Onboard => self.onboard.menu(rack),
            PaneId::Pipelines => self.pipelines.menu(rack),
            PaneId::Pools => self.pools.menu(rack),
            PaneId::Storage => self.storage.menu(rack),
            PaneId::Logs => self.logs.menu(rack),
            PaneId::Workloads => self.workloads.menu(rack),
            PaneId::Problems => self.problems.menu(rack),
        }
    }
}

/// How old what the pane shows is, and where it comes from: `3s ago · watch`.
pub(crate) fn age_and_source(rack: &Rack, theme: &Theme) -> String {
    let separator = theme.symbols.separator;
    match (rack.link.last_contact, &rack.link.state) {
        (Some(at), _) => {
            let how = if rack.link.is_live() {
                "watch"
            } else {
                "not updated"
            };
            format!("{} ago {separator} {how}", short(rack.now.since(at)))
        }
        (None, LinkState::Connecting) => "connecting".to_owned(),
        (None, _) => "no data".to_owned(),
    }
}

/// Said in place of rows when there are none: why, and what to do.
pub(crate) fn draw_empty(
    rack: &Rack,
    (source, words): (Source, &str),
    theme: &Theme,
    inside: Rect,
    buf: &mut Buffer,
) {
    let unreadable = format!("{words} cannot be read");
    let none = format!("This cluster has no {}", words.to_lowercase());
    let (head, problem) = match (&rack.link.state, rack.link.source(source)) {
        (LinkState::Nowhere(problem), _) => ("No cluster to show yet", Some(problem)),
        (LinkState::Stale { problem } | LinkState::Denied { problem }, _) => {
            ("No contact yet", Some(problem))
        }
        (_, SourceState::Forbidden(problem) | SourceState::Failing(problem)) => {
            (unreadable.as_str(), Some(problem))
        }
        (LinkState::Connecting, _) | (LinkState::Live, SourceState::Waiting) => {
            ("Connecting", None)
        }
        (LinkState::Live, _) => (none.as_str(), None),
    };
    let room = usize::from(inside.width.saturating_sub(4)).min(88);
    let mut y = inside.y.saturating_add(1);
    put(buf, (inside.x + 2, y), inside.width, head, theme.title);
    y += 2;
    let here = "or press 7: in the Kubeconfig pane, a merges one that is elsewhere".to_owned();
    let texts = match problem {
        Some(problem) if rack.is_nowhere() => {
            vec![&problem.what, &problem.why, &problem.next, &here]
        }
        Some(problem) => vec![&problem.what, &problem.why, &problem.next],
        None => vec![&rack.cluster.server],
    };
    for text in texts.into_iter().filter(|text| !text.is_empty()) {
        for line in wrap(&clean(text), room) {
            if y >= inside.bottom() {
                return;
            }
            put(
                buf,
                (inside.x + 2, y),
                inside.width.saturating_sub(2),
                &line,
                theme.text,
            );
            y += 1;
        }
        y += 1;
    }
}

/// Moves a page of `total` lines in a window of `height`. False when `action` is not a movement.
pub(crate) fn scrolled(scroll: &mut usize, action: Action, total: usize, height: usize) -> bool {
    let last = total.saturating_sub(height);
    let half = (height / 2).max(1);
    *scroll = match action {
        Action::RowDown => *scroll + 1,
        Action::RowUp => scroll.saturating_sub(1),
        Action::HalfDown => *scroll + half,
        Action::HalfUp => scroll.saturating_sub(half),
        Action::PageDown => *scroll + height,
        Action::PageUp => scroll.saturating_sub(height),
        Action::GoTop => 0,
        Action::GoBottom => last,
        _ => return false,
    }
    .min(last);
    true
}
