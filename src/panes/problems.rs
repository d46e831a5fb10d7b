//! Everything that is wrong, worst first, each with its reason, its evidence and the next step.
//!
//! Problems that say the same of many objects stand in one row until it is opened: a big rack with one cause shows one
//! row, not three hundred.

mod draw;
mod rows;

use std::collections::BTreeSet;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::action::{Action, PaneId};
use crate::msg::Msg;
use crate::panes::problems::rows::{Row, RowId, ids};
use crate::panes::rows::Rows;
use crate::panes::{Cx, age_and_source};
use crate::rack::Rack;
use crate::rack::filter::Filter;
use crate::rack::log::feed::Opening;
use crate::rack::problem::{Problem, Subject};
use crate::theme::roles::Theme;
use crate::ui::frame::{PaneBox, draw_box};
use crate::ui::text::put;

/// What the user is doing in the problems pane.
#[derive(Debug, Default)]
pub struct ProblemsPane {
    rows: Rows<RowId>,
    filter: String,
    /// Groups that are shown one by one.
    unfolded: BTreeSet<String>,
    /// More room for the words of the problem under the cursor.
    is_wide: bool,
}

const COLUMNS: [&str; 2] = ["WHAT", "WHY"];

impl ProblemsPane {
    pub fn filter(&self) -> &str {
        &self.filter
    }

    pub fn set_filter(&mut self, text: &str) {
        text.clone_into(&mut self.filter);
    }

    /// Closes the innermost: a filter, an opened group. False when there was none.
    pub fn close(&mut self) -> bool {
        if !std::mem::take(&mut self.filter).is_empty() {
            return true;
        }
        let had_any = !self.unfolded.is_empty();
        self.unfolded.clear();
        had_any
    }

    pub fn hints(&self) -> &'static [Action] {
        &[
            Action::RowOpen,
            Action::FilterOpen,
            Action::WideToggle,
            Action::CopyName,
            Action::CommandOpen,
        ]
    }

    pub fn menu(&self, rack: &Rack) -> (String, Vec<Action>) {
        match self.current(rack) {
            Some(row) => (
                row.problem().what.clone(),
                vec![
                    Action::RowOpen,
                    Action::LogsOpen,
                    Action::WideToggle,
                    Action::CopyName,
                ],
            ),
            None => Default::default(),
        }
    }

    pub fn on_action(&mut self, action: Action, cx: &mut Cx<'_>) {
        let ids = ids(&self.shown(cx.rack));
        let height = usize::from(draw::list_height(cx.area, self.is_wide));
        if self.rows.on_action(action, &ids, height) {
            return;
        }
        match action {
            Action::WideToggle => self.is_wide = !self.is_wide,
            Action::RowOpen | Action::CopyName | Action::LogsOpen => self.with_current(action, cx),
            other => cx.msgs.push(Msg::nothing_here(other)),
        }
    }

    fn with_current(&mut self, action: Action, cx: &mut Cx<'_>) {
        match (self.current(cx.rack), action) {
            (None, _) => {}
            (Some(row), Action::CopyName) => {
                cx.msgs.push(Msg::Copy(row.problem().sentence()));
            }
            (Some(row), Action::LogsOpen) => {
                let opening = Opening::of(&row.problem().about, &cx.rack.cluster.context);
                cx.msgs.push(opening.map_or_else(
                    || Msg::info("what this is about writes no logs"),
                    Msg::OpenLogs,
                ));
            }
            (Some(Row::Group { key, .. }), _) => _ = self.unfolded.insert(key),
            (Some(Row::One(problem)), _) => cx.msgs.push(match &problem.about {
                Subject::Node(node) => Msg::ShowNode(node.clone()),
                Subject::Service(service) => Msg::ShowService(service.clone()),
                Subject::Pod(_) | Subject::Workload(_) => Msg::Focus(PaneId::Workloads),
                Subject::MetalLb => Msg::Focus(PaneId::Services),
                about @ (Subject::Claim(_)
                | Subject::Volume(_)
                | Subject::StorageClass(_)
                | Subject::Storage) => Msg::ShowStorage(about.clone()),
                Subject::Gitlab => Msg::Focus(PaneId::Pipelines),
                Subject::Board(_) => Msg::Focus(PaneId::Onboard),
                Subject::Link | Subject::Kubeconfig | Subject::Settings | Subject::Program => {
                    Msg::info("this is about no object: what to do next stands below")
                }
            }),
        }
    }

    /// The rows as they stand: what passes the filter, in groups.
    fn shown<'a>(&self, rack: &'a Rack) -> Vec<Row<'a>> {
        let (filter, _) = Filter::parse(&self.filter, &COLUMNS);
        let passes = |it: &&Problem| filter.accepts(&[("WHAT", &it.what), ("WHY", &it.why)]);
        rows::grouped(rack.problems.iter().filter(passes), &self.unfolded)
    }

    fn current<'a>(&self, rack: &'a Rack) -> Option<Row<'a>> {
        let rows = self.shown(rack);
        let index = self.rows.index(&ids(&rows))?;
        rows.into_iter().nth(index)
    }

    pub fn view(&self, rack: &Rack, theme: &Theme, area: Rect, buf: &mut Buffer) {
        let rows = self.shown(rack);
        let title = match self.filter.as_str() {
            "" => "Problems".to_owned(),
            filter => format!("Problems /{filter}"),
        };
        let right = age_and_source(rack, theme);
        let pane_box = PaneBox {
            title: &title,
            right: &right,
            has_focus: true,
        };
        let inside = draw_box(pane_box, area, buf, theme);
        if rows.is_empty() {
            let text = if self.filter.is_empty() {
                nothing_wrong(rack)
            } else {
                "No problem matches the filter."
            };
            let at = (inside.x + 1, inside.y + 1);
            put(buf, at, inside.width, text, theme.status_ok);
            return;
        }
        let ids = ids(&rows);
        let height = draw::list_height(area, self.is_wide).min(inside.height);
        let offset = self.rows.offset(&ids, height.into());
        let index = self.rows.index(&ids).unwrap_or_default();
        let list = Rect { height, ..inside };
        for ((at, row), y) in (rows.iter().enumerate().skip(offset)).zip(list.top()..list.bottom())
        {
            let line = Rect {
                y,
                height: 1,
                ..list
            };
            draw::row(row, at == index, line, buf, theme);
        }
        if let Some(row) = rows.get(index) {
            let below = Rect {
                y: list.bottom(),
                height: inside.height.saturating_sub(height),
                ..inside
            };
            draw::explanation(row, self.is_wide, below, buf, theme);
        }
    }
}

fn nothing_wrong(rack: &Rack) -> &'static str {
    if rack.link.is_live() {
        "Nothing is wrong."
    } else {
        "Nothing is known to be wrong."
    }
}
