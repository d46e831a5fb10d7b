//! The workloads pane: what makes pods, with its pods, how they are and why not well.
//!
//! Invariants: rows are keyed by the workload's name and
//! the pod's UID, so that the cursor follows them; which rows there are is decided once after a change, so that a frame
//! and a key cost what is on the screen, not what is in the cluster.

mod columns;
mod pull_secret;
mod table;
mod work;

use std::collections::BTreeSet;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::action::Action;
use crate::form::Answers;
use crate::msg::Msg;
use crate::panes::Cx;
use crate::panes::listing::{Listing, visible_rows};
use crate::panes::workloads::columns::{COLUMNS, Column};
use crate::rack::Rack;
use crate::rack::image::Wish;
use crate::rack::log::feed::Opening;
use crate::rack::node::Uid;
use crate::rack::pipeline::state::ProjectRef;
use crate::rack::pod::{Maker, Pod, PodHealth};
use crate::rack::problem::Subject;
use crate::rack::workload::WorkloadRef;
use crate::rack::workloads::{BARE, Group, groups};
use crate::theme::roles::Theme;

/// What the user is doing in the workloads pane.
#[derive(Debug, Default)]
pub struct WorkloadsPane {
    list: Listing<RowId, Column>,
    /// Workloads whose pods are all shown.
    open: BTreeSet<WorkloadRef>,
    /// The rows were decided since something last changed.
    is_settled: bool,
    rows: Vec<Row>,
    /// Of each row.
    ids: Vec<RowId>,
    /// Lines on the screen that each row takes.
    lines: Vec<u16>,
}

/// What a row is about, by name: what is known of it is looked up when it is drawn.
#[derive(Debug)]
struct Row {
    workload: WorkloadRef,
    /// Of a workload all of its pods, else the one.
    pods: Vec<Uid>,
    is_group: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum RowId {
    Workload(WorkloadRef),
    Pod(Uid),
}

/// A row: a workload, or one of its pods below it.
#[derive(Debug, Clone)]
enum Item<'a> {
    Group(Group<'a>),
    Pod(WorkloadRef, &'a Pod),
}

impl<'a> Item<'a> {
    fn id(&self) -> RowId {
        match self {
            Item::Group(group) => RowId::Workload(group.workload.clone()),
            Item::Pod(_, pod) => RowId::Pod(pod.uid.clone()),
        }
    }

    fn row(&self) -> Row {
        let pods: &[&Pod] = match self {
            Item::Group(group) => &group.pods,
            Item::Pod(_, pod) => std::slice::from_ref(pod),
        };
        Row {
            workload: self.workload().clone(),
            pods: pods.iter().map(|pod| pod.uid.clone()).collect(),
            is_group: matches!(self, Item::Group(_)),
        }
    }

    fn workload(&self) -> &WorkloadRef {
        match self {
            Item::Group(group) => &group.workload,
            Item::Pod(workload, _) => workload,
        }
    }

    /// The one pod that is meant, if it is one.
    fn pod(&self) -> Option<&'a Pod> {
        match self {
            Item::Group(group) => match group.pods.as_slice() {
                [pod] => Some(*pod),
                _ => None,
            },
            Item::Pod(_, pod) => Some(pod),
        }
    }

    /// Which one the workload is that is shown; `None` for a pod that nothing makes anew.
    fn maker(&self) -> Option<&Maker> {
        match self {
            Item::Group(group) => group.maker(),
            Item::Pod(_, pod) => pod.workload.as_ref().map(|it| &it.maker),
        }
    }

    /// What YAML and logs are asked of.
    fn subject(&self) -> Subject {
        match self {
            Item::Group(group) if &*group.workload.kind != BARE => {
                Subject::Workload(group.workload.clone())
            }
            Item::Group(group) => match group.pods.first() {
                Some(pod) => Subject::Pod(pod.full_name()),
                None => Subject::Workload(group.workload.clone()),
            },
            Item::Pod(_, pod) => Subject::Pod(pod.full_name()),
        }
    }

    /// Why it is not well.
    fn why(&self) -> &'a str {
        match self {
            // Its pods stand below and say it themselves.
            Item::Group(group) => match group.pods.as_slice() {
                [pod] => &pod.why,
                _ => "",
            },
            Item::Pod(_, pod) => &pod.why,
        }
    }
}

impl WorkloadsPane {
    pub fn filter(&self) -> &str {
        &self.list.filter
    }

    pub fn set_filter(&mut self, text: &str) {
        text.clone_into(&mut self.list.filter);
        self.is_settled = false;
    }

    /// Rows may have come or gone: looked at once before the next frame or key, however many pods changed.
    pub fn pods_changed(&mut self) {
        self.is_settled = false;
    }

    /// Decides the rows and finds the one under the cursor again.
    pub fn settle(&mut self, rack: &Rack) {
        if !self.is_settled {
            self.place(rack);
        }
    }

    fn place(&mut self, rack: &Rack) {
        let items = self.items(rack);
        let ids = items.iter().map(Item::id).collect();
        let lines = table::lines(&items);
        let rows = items.iter().map(Item::row).collect();
        self.ids = ids;
        self.lines = lines;
        self.rows = rows;
        self.list.rows.settle(&self.ids, rack.now.mono);
        self.is_settled = true;
    }

    /// A row as it is now; `None` when its pod has gone since.
    fn item<'a>(&self, rack: &'a Rack, index: usize) -> Option<Item<'a>> {
        let row = self.rows.get(index)?;
        let workload = row.workload.clone();
        let mut pods = row.pods.iter().filter_map(|uid| rack.pod_by_uid(uid));
        if row.is_group {
            let pods: Vec<&Pod> = pods.collect();
            let idle = pods.is_empty().then(|| rack.idle_workload(&workload));
            return Some(Item::Group(Group {
                workload,
                pods,
                idle: idle.flatten(),
            }));
        }
        Some(Item::Pod(workload, pods.next()?))
    }

    /// Looks at the visible rows once more, so that columns keep the width they had.
    pub fn measure(&mut self, rack: &Rack, area: Rect) {
        for widths in table::measure(self, rack, area) {
            self.list.measure(widths.into_iter());
        }
    }

    /// Closes the innermost thing. False when there was nothing to close.
    pub fn close(&mut self) -> bool {
        self.is_settled = false;
        if self.list.close() {
            return true;
        }
        let had_any = !self.open.is_empty();
        self.open.clear();
        had_any
    }

    pub fn hints(&self) -> &'static [Action] {
        &[
            Action::RowOpen,
            Action::LogsOpen,
            Action::LogsPrevious,
            Action::DescribeOpen,
            Action::WorkloadRestart,
            Action::WorkloadScale,
            Action::FilterOpen,
            Action::FaultsToggle,
            Action::MenuOpen,
            Action::CommandOpen,
        ]
    }

    pub fn menu(&self, rack: &Rack) -> (String, Vec<Action>) {
        let Some(item) = self.current(rack) else {
            return Default::default();
        };
        let mut menu = vec![
            Action::LogsOpen,
            Action::LogsPrevious,
            Action::DescribeOpen,
            Action::ImageCheck,
            Action::JobShow,
            Action::YamlOpen,
            Action::CopyName,
        ];
        if let Item::Group(_) = item {
            menu.insert(0, Action::RowOpen);
        }
        if item.pod().is_some() {
            menu.extend([Action::PodShell, Action::PodDelete]);
        }
        if item.workload().can_roll() {
            menu.extend([Action::WorkloadRestart, Action::PullSecret]);
        }
        if item.workload().can_scale() {
            menu.push(Action::WorkloadScale);
        }
        (item.subject().to_string(), menu)
    }

    pub fn on_action(&mut self, action: Action, cx: &mut Cx<'_>) {
        self.settle(cx.rack);
        let height = visible_rows(cx.area);
        let (ids, lines) = (&self.ids, &self.lines);
        if self
            .list
            .rows
            .on_action_in_lines(action, ids, height, lines)
        {
            return;
        }
        if self.list.on_action(action) {
            return self.place(cx.rack);
        }
        let Some(item) = self.current(cx.rack) else {
            return cx.msgs.push(Msg::warn("there is no workload here"));
        };
        let context = &cx.rack.cluster.context;
        match action {
            Action::RowOpen => match &item {
                Item::Group(group) => {
                    if !self.open.remove(&group.workload) {
                        self.open.insert(group.workload.clone());
                    }
                    self.place(cx.rack);
                }
                Item::Pod(..) => cx.msgs.push(Msg::Describe(item.subject())),
            },
            Action::DescribeOpen => cx.msgs.push(Msg::Describe(item.subject())),
            Action::LogsOpen | Action::LogsPrevious => {
                let opening = Opening::of(&item.subject(), context);
                let opening = opening.map(|it| match action {
                    Action::LogsPrevious => it.before_restart(),
                    _ => it,
                });
                cx.msgs.push(match opening {
                    Some(opening) => Msg::OpenLogs(opening),
                    None => Msg::info("enter shows its pods: l on one of them reads its logs"),
                });
            }
            Action::YamlOpen => cx.msgs.push(Msg::ReadYaml(item.subject())),
            Action::ImageCheck => cx.msgs.push(Msg::ReadImages(Wish::Object(item.subject()))),
            Action::JobShow => cx.msgs.push(match cx.rack.images.builder(&item.subject()) {
                Some(builder) => Msg::ShowJob(Box::new(builder.clone())),
                None => Msg::info("which job built it is not known: i looks for it"),
            }),
            Action::CopyName => cx.msgs.push(Msg::Copy(match item.pod() {
                Some(pod) => pod.name.to_string(),
                None => item.workload().name.to_string(),
            })),
            Action::PullSecret => cx.msgs.push(pull_secret::form(&item, cx.rack)),
            Action::PodShell
            | Action::PodDelete
            | Action::WorkloadRestart
            | Action::WorkloadScale => {
                let is_unsettled = self.list.rows.is_unsettled(cx.rack.now.mono);
                work::ask(&item, action, is_unsettled, cx);
            }
            other => cx.msgs.push(Msg::nothing_here(other)),
        }
    }

    fn current<'a>(&self, rack: &'a Rack) -> Option<Item<'a>> {
        let index = self.list.rows.index(&self.ids)?;
        self.item(rack, index)
    }

    /// The rows in the order and the choice of the table. Pods that are not well stand below their workload unasked.
    fn items<'a>(&self, rack: &'a Rack) -> Vec<Item<'a>> {
        let filter = self.list.parsed_filter();
        let passes = |item: &Item<'a>| {
            let texts = || COLUMNS.iter().map(|it| it.cell(rack, item).0);
            filter.is_empty() || self.list.accepts(&filter, &texts().collect::<Vec<_>>())
        };
        let mut all: Vec<Group<'a>> = groups(rack);
        all.retain(|group| !self.list.only_faults || group.is_failing());
        if let Some(column) = self.list.sort {
            all.sort_by_cached_key(|group| column.sort_key(rack, group));
        }
        if self.list.is_reversed {
            all.reverse();
        }
        let mut items = Vec::new();
        for group in all {
            let is_open = self.open.contains(&group.workload);
            let is_one = group.pods.len() == 1;
            let workload = group.workload.clone();
            let is_shown = |pod: &&'a Pod| {
                is_open || (!is_one && (pod.health() == PodHealth::Failing || !pod.why.is_empty()))
            };
            let pods: Vec<Item<'a>> = (group.pods.iter().copied())
                .filter(is_shown)
                .map(|pod| Item::Pod(workload.clone(), pod))
                .collect();
            let head = Item::Group(group);
            let keeps = passes(&head);
            let pods: Vec<Item<'a>> = pods
                .into_iter()
                .filter(|pod| keeps || passes(pod))
                .collect();
            if keeps || !pods.is_empty() {
                items.push(head);
                items.extend(pods);
            }
        }
        items
    }

    pub fn view(&self, rack: &Rack, theme: &Theme, area: Rect, buf: &mut Buffer) {
        table::draw(self, rack, theme, area, buf);
    }
}

/// What is wrong with the form for a pull secret.
pub(super) fn pull_secret_complaint(
    answers: &Answers,
    rack: &Rack,
) -> Option<(&'static str, String)> {
    pull_secret::complaint(answers, rack)
}

/// The form for a pull secret was filled in.
pub(super) fn pull_secret_wanted(
    holder: (&WorkloadRef, &Maker),
    offered: &[ProjectRef],
    answers: &Answers,
    cx: &mut Cx<'_>,
) {
    pull_secret::filled_in(holder, offered, answers, cx);
}

/// What is wrong with a number of pods that was typed.
pub(super) fn complaint(answers: &Answers) -> Option<(&'static str, String)> {
    work::complaint(answers)
}

/// The form for scaling was filled in.
pub(super) fn scaled(workload: &WorkloadRef, maker: &Maker, answers: &Answers, cx: &mut Cx<'_>) {
    work::scaled(workload, maker, answers, cx);
}

#[cfg(test)]
mod tests;
