//! The Pipelines pane: projects, the pipelines of one, the jobs of one of those, and the log of a job.
//!
//! Invariant: the facts belong to [`crate::rack::pipeline::state`]; here is where somebody looks, from which follows
//! what is asked for ([`PipelinesPane::looking`]).

pub(super) mod act;
pub(super) mod arm;
mod draw;
mod draw_log;
mod log;
mod rows;
pub(super) mod save;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::action::Action;
use crate::msg::Msg;
use crate::panes::Cx;
use crate::panes::listing::Listing;
use crate::rack::Rack;
use crate::rack::image::Wish;
use crate::rack::pipeline::state::{JobRef, Looking, PipelineRef, ProjectRef};
use crate::rack::pipeline::{Job, JobKind, PipelineId};
use crate::theme::roles::Theme;
use log::LogPage;
use rows::{Column, Key, Line};

/// Where somebody looks.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Project(ProjectRef),
    /// A pipeline; the child of another one behind its parent.
    Pipeline(PipelineRef),
    Log(JobRef),
}

/// What the user is doing in the Pipelines pane.
#[derive(Debug, Default)]
pub struct PipelinesPane {
    /// From the list of projects inwards.
    trail: Vec<Place>,
    /// A table for each step of the trail, the projects first.
    tables: Vec<Listing<Key, Column>>,
    /// Earlier attempts have rows of their own.
    shows_attempts: bool,
    log: LogPage,
    /// The log of another attempt, beside that one; the same keys move both.
    beside: Option<(JobRef, LogPage)>,
    /// Counts how often a log was opened.
    opened: u64,
    /// Counts how often somebody wanted everything anew.
    nudge: u64,
}

impl PipelinesPane {
    /// What is to be asked for.
    pub fn looking(&self, is_shown: bool, rack: &Rack) -> Looking {
        let mut look = Looking {
            is_shown,
            opened: self.opened,
            nudge: self.nudge,
            ..Looking::default()
        };
        for place in &self.trail {
            match place {
                Place::Project(project) => look.project = Some(project.clone()),
                Place::Pipeline(pipeline) => look.pipeline = Some(pipeline.clone()),
                Place::Log(job) => {
                    look.job = Some(job.clone());
                    look.trace = true;
                }
            }
        }
        if !is_shown {
            // Nobody sees it: only the lists go on, slowly.
            (look.pipeline, look.job, look.trace) = (None, None, false);
        } else if let Some((job, _)) = &self.beside {
            look.beside = Some(job.clone());
        } else if look.job.is_none() {
            look.job = self.current(rack).and_then(|line| line.job_ref());
        }
        look
    }

    pub fn filter(&self) -> &str {
        match self.trail.last() {
            Some(Place::Log(_)) => &self.log.filter,
            _ => self.table().map_or("", |table| &table.filter),
        }
    }

    pub fn set_filter(&mut self, text: &str) {
        if let Some(Place::Log(_)) = self.trail.last() {
            for page in self.pages() {
                text.clone_into(&mut page.filter);
                page.is_old = true;
            }
        } else if let Some(table) = self.table_mut() {
            text.clone_into(&mut table.filter);
        }
    }

    /// Closes the innermost thing. False when there was nothing to close.
    pub fn close(&mut self) -> bool {
        if let Some(Place::Log(_)) = self.trail.last() {
            if self.beside.take().is_some() {
                return true;
            }
            if !self.log.filter.is_empty() {
                self.log.filter.clear();
                self.log.is_old = true;
                return true;
            }
        } else if self.table_mut().is_some_and(Listing::close) {
            return true;
        }
        self.trail.pop().is_some()
    }

    /// True while a log is read: its own keys apply.
    pub fn is_log(&self) -> bool {
        matches!(self.trail.last(), Some(Place::Log(_)))
    }

    /// The pages of logs on the screen.
    fn pages(&mut self) -> impl Iterator<Item = &mut LogPage> {
        let beside = self.beside.iter_mut().map(|(_, page)| page);
        std::iter::once(&mut self.log).chain(beside)
    }

    /// News have come.
    pub fn builds_changed(&mut self, rack: &Rack, area: Rect) {
        self.pages().for_each(|page| page.is_old = true);
        self.settle(rack, area);
    }

    /// Keeps the cursor on its row, and the rows of the log true.
    fn settle(&mut self, rack: &Rack, area: Rect) {
        let ids = self.ids(rack);
        let depth = self.trail.len();
        while self.tables.len() <= depth {
            self.tables.push(Listing::default());
        }
        let lines = self.lines(rack);
        if let Some(table) = self.table_mut() {
            table.rows.settle(&ids, rack.now.mono);
            for line in &lines {
                table.measure(line.widths());
            }
        }
        if self.is_log() {
            let height = draw_log::log_height(area, rack);
            self.log.settle(rack.builds.trace.as_ref(), height);
            if let Some((_, page)) = &mut self.beside {
                page.settle(rack.builds.beside.as_ref(), height.saturating_sub(1));
            }
        }
    }

    pub fn on_action(&mut self, action: Action, cx: &mut Cx<'_>) {
        match action {
            Action::Refresh => {
                self.nudge += 1;
                return;
            }
            Action::JobRetry | Action::JobCancel | Action::JobPlay => {
                return act::ask(self, action, cx);
            }
            Action::LogSave if self.is_log() => return cx.msgs.push(save::form(self, cx.rack)),
            Action::ArmScaffold => return cx.msgs.push(arm::form()),
            Action::ImageCheck => {
                cx.msgs.push(match self.job(cx.rack) {
                    Some((_, job)) if job.is_bridge() => Msg::info(format!(
                        "{} starts a pipeline and builds nothing",
                        job.named()
                    )),
                    Some((at, job)) => Msg::ReadImages(Wish::Job(at, job.named())),
                    None => match self.trail.last() {
                        // Its log came before the list of jobs it is in.
                        Some(Place::Log(at)) => {
                            Msg::ReadImages(Wish::Job(at.clone(), format!("job #{}", at.job)))
                        }
                        _ => Msg::info("there is no job here: enter opens a pipeline"),
                    },
                });
                return;
            }
            Action::CopyUrl => return self.copy(cx, Line::url),
            Action::CopyName => return self.copy(cx, Line::name),
            _ => {}
        }
        if self.is_log() {
            if action == Action::AttemptsToggle {
                return self.compare(cx);
            }
            let height = draw_log::log_height(cx.area, cx.rack);
            let builds = &cx.rack.builds;
            self.log.on_action(action, builds.trace.as_ref(), height);
            if let Some((_, page)) = &mut self.beside {
                page.on_action(action, builds.beside.as_ref(), height.saturating_sub(1));
            }
            if action == Action::LogError && !LogPage::has_error(cx.rack) {
                cx.msgs.push(Msg::info(
                    "no line of this log says that something went wrong",
                ));
            }
            return;
        }
        if self.table().is_none() {
            self.settle(cx.rack, cx.area);
        }
        let ids = self.ids(cx.rack);
        let height = draw::rows_shown(cx.area);
        if let Some(table) = self.table_mut()
            && (table.rows.on_action(action, &ids, height) || table.on_action(action))
        {
            return self.settle(cx.rack, cx.area);
        }
        match action {
            Action::RowOpen => self.open(cx),
            Action::AttemptsToggle => {
                self.shows_attempts = !self.shows_attempts;
                self.settle(cx.rack, cx.area);
            }
            other => cx.msgs.push(Msg::nothing_here(other)),
        }
    }

    /// Shows the log of the attempt before beside this one, then of the one before that, then none.
    fn compare(&mut self, cx: &mut Cx<'_>) {
        let Some((at, job)) = self.job(cx.rack) else {
            return;
        };
        let all = self.trail.iter().find_map(|place| match place {
            Place::Pipeline(pipeline) => cx.rack.builds.jobs.get(pipeline),
            _ => None,
        });
        let all = all.map(|(jobs, _)| jobs.as_slice()).unwrap_or_default();
        let is_other = |it: &&Job| it.name == job.name && it.id != job.id;
        let mut others: Vec<_> = all.iter().filter(is_other).map(|it| it.id).collect();
        if others.is_empty() {
            let text = format!("{} has run once: there is no other attempt", job.named());
            return cx.msgs.push(Msg::info(text));
        }
        others.sort_unstable_by(|a, b| b.cmp(a));
        let next = match &self.beside {
            None => others.first(),
            Some((shown, _)) => others.iter().find(|it| **it < shown.job),
        };
        self.beside = next.map(|id| {
            let project = at.project.clone();
            (JobRef { project, job: *id }, LogPage::default())
        });
        // It may have been told whole before, and was closed since.
        self.opened += u64::from(self.beside.is_some());
        self.settle(cx.rack, cx.area);
    }

    /// Shows the log of a job, in its pipeline, in its project.
    pub fn show_job(&mut self, job: &JobRef, pipeline: PipelineId) {
        let project = job.project.clone();
        self.trail = vec![
            Place::Project(project.clone()),
            Place::Pipeline(PipelineRef { project, pipeline }),
            Place::Log(job.clone()),
        ];
        self.tables.clear();
        self.log = LogPage::default();
        self.beside = None;
        self.opened += 1;
    }

    /// Goes one step inwards: into the row under the cursor.
    fn open(&mut self, cx: &mut Cx<'_>) {
        let Some(line) = self.current(cx.rack) else {
            return;
        };
        let place = match &line {
            Line::Project { project, .. } => Place::Project(project.clone()),
            Line::Pipeline { pipeline, .. } => Place::Pipeline(pipeline.clone()),
            Line::Job { job, at, .. } => match &job.kind {
                JobKind::Job => Place::Log(at.clone()),
                JobKind::Bridge(Some(child)) => Place::Pipeline(PipelineRef {
                    project: ProjectRef {
                        instance: at.project.instance.clone(),
                        project: child.project,
                    },
                    pipeline: child.pipeline,
                }),
                JobKind::Bridge(None) => {
                    let text = format!("{} has started no pipeline", job.named());
                    return cx.msgs.push(Msg::info(text));
                }
            },
        };
        if let Place::Log(_) = place {
            self.log = LogPage::default();
            self.beside = None;
            self.opened += 1;
        }
        self.tables.truncate(self.trail.len() + 1);
        self.trail.push(place);
        self.settle(cx.rack, cx.area);
    }

    fn copy(&self, cx: &mut Cx<'_>, what: impl Fn(&Line) -> String) {
        let line = match self.trail.last() {
            Some(Place::Log(job)) => rows::of_job(job, cx.rack),
            _ => self.current(cx.rack),
        };
        cx.msgs.push(match line.map(|line| what(&line)) {
            Some(text) if !text.is_empty() => Msg::Copy(text),
            _ => Msg::info("there is nothing here to copy"),
        });
    }

    pub fn hints(&self, rack: &Rack) -> &'static [Action] {
        match self.trail.last() {
            None => &[
                Action::RowOpen,
                Action::FilterOpen,
                Action::Refresh,
                Action::CommandOpen,
            ],
            Some(Place::Project(_)) => &[
                Action::RowOpen,
                Action::FilterOpen,
                Action::Refresh,
                Action::CopyUrl,
                Action::Close,
            ],
            Some(Place::Pipeline(_)) => &[
                Action::RowOpen,
                Action::JobRetry,
                Action::JobPlay,
                Action::JobCancel,
                Action::AttemptsToggle,
                Action::MenuOpen,
                Action::Close,
            ],
            Some(Place::Log(_)) if !LogPage::has_error(rack) => &[
                Action::RowOpen,
                Action::GoTop,
                Action::GoBottom,
                Action::FilterOpen,
                Action::JobRetry,
                Action::WideToggle,
                Action::Close,
            ],
            Some(Place::Log(_)) => &[
                Action::LogError,
                Action::RowOpen,
                Action::GoBottom,
                Action::FilterOpen,
                Action::JobRetry,
                Action::WideToggle,
                Action::Close,
            ],
        }
    }

    pub fn menu(&self, rack: &Rack) -> (String, Vec<Action>) {
        let job = self.job(rack);
        let mut actions = vec![
            Action::CopyUrl,
            Action::CopyName,
            Action::Refresh,
            Action::ArmScaffold,
        ];
        let Some((_, job)) = job else {
            let name = self.current(rack).map(|line| line.name());
            return (name.unwrap_or_else(|| "Pipelines".to_owned()), actions);
        };
        let offers = [
            (job.can_retry(), Action::JobRetry),
            (job.can_play(), Action::JobPlay),
            (job.can_cancel(), Action::JobCancel),
        ];
        if !job.is_bridge() {
            actions.insert(0, Action::ImageCheck);
        }
        if self.is_log() {
            actions.push(Action::LogSave);
        }
        let offered = offers.iter().filter(|(can, _)| *can).map(|(_, it)| *it);
        actions.splice(0..0, offered);
        (job.named(), actions)
    }

    /// The job the keys act on: the one whose log is read, or the one under the cursor.
    fn job(&self, rack: &Rack) -> Option<(JobRef, Job)> {
        let line = match self.trail.last() {
            Some(Place::Log(job)) => rows::of_job(job, rack),
            _ => self.current(rack),
        };
        match line {
            Some(Line::Job { at, job, .. }) => Some((at, job)),
            _ => None,
        }
    }

    fn table(&self) -> Option<&Listing<Key, Column>> {
        self.tables.get(self.trail.len())
    }

    fn table_mut(&mut self) -> Option<&mut Listing<Key, Column>> {
        self.tables.get_mut(self.trail.len())
    }

    /// The rows as they stand: what passes the filter, in the order that was chosen.
    fn lines(&self, rack: &Rack) -> Vec<Line> {
        let mut lines = match self.trail.last() {
            None => rows::projects(rack),
            Some(Place::Project(project)) => rows::pipelines(project, rack),
            Some(Place::Pipeline(pipeline)) => rows::jobs(pipeline, self.shows_attempts, rack),
            Some(Place::Log(_)) => return Vec::new(),
        };
        let Some(table) = self.table() else {
            return lines;
        };
        let filter = table.parsed_filter();
        lines.retain(|line| {
            (!table.only_faults || line.is_faulty())
                && (filter.is_empty() || table.accepts(&filter, line.texts()))
        });
        if let Some(column) = table.sort {
            lines.sort_by_cached_key(|line| line.sort_key(column));
        }
        if table.is_reversed {
            lines.reverse();
        }
        lines
    }

    fn ids(&self, rack: &Rack) -> Vec<Key> {
        self.lines(rack).iter().map(Line::key).collect()
    }

    fn current(&self, rack: &Rack) -> Option<Line> {
        let mut lines = self.lines(rack);
        let ids: Vec<Key> = lines.iter().map(Line::key).collect();
        let index = match self.table() {
            Some(table) => table.rows.index(&ids)?,
            None => 0,
        };
        (index < lines.len()).then(|| lines.swap_remove(index))
    }

    pub fn view(&self, rack: &Rack, theme: &Theme, area: Rect, buf: &mut Buffer) {
        match self.trail.last() {
            Some(Place::Log(job)) => draw_log::log(self, job, rack, theme, area, buf),
            _ => draw::table(self, rack, theme, area, buf),
        }
    }
}

#[cfg(test)]
mod tests;
