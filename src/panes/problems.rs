//! Everything that is wrong, worst first, each with its reason, its evidence and the next step.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::action::Action;
use crate::msg::Msg;
use crate::panes::rows::Rows;
use crate::panes::{Cx, age_and_source};
use crate::rack::Rack;
use crate::rack::filter::Filter;
use crate::rack::problem::{Problem, Severity, Subject};
use crate::theme::roles::Theme;
use crate::ui::frame::{PaneBox, draw_box};
use crate::ui::text::{cut_end, put, wrap};

/// A problem is the same one as long as it is about the same object and says the same thing.
type ProblemId = (Subject, String);

/// What the user is doing in the problems pane.
#[derive(Debug, Default)]
pub struct ProblemsPane {
    rows: Rows<ProblemId>,
    filter: String,
}

const COLUMNS: [&str; 2] = ["WHAT", "WHY"];

impl ProblemsPane {
    pub fn filter(&self) -> &str {
        &self.filter
    }

    pub fn set_filter(&mut self, text: &str) {
        text.clone_into(&mut self.filter);
    }

    /// Clears the filter. False when there was none.
    pub fn close(&mut self) -> bool {
        !std::mem::take(&mut self.filter).is_empty()
    }

    pub fn hints(&self) -> &'static [Action] {
        &[
            Action::RowOpen,
            Action::FilterOpen,
            Action::CopyName,
            Action::CommandOpen,
        ]
    }

    pub fn menu(&self, rack: &Rack) -> (String, Vec<Action>) {
        match self.current(rack) {
            Some(problem) => (
                problem.what.clone(),
                vec![Action::RowOpen, Action::CopyName],
            ),
            None => Default::default(),
        }
    }

    pub fn on_action(&mut self, action: Action, cx: &mut Cx<'_>) {
        let ids = ids(&self.chosen(cx.rack));
        if self
            .rows
            .on_action(action, &ids, usize::from(list_height(cx.area)))
        {
            return;
        }
        let Some(problem) = self.current(cx.rack) else {
            return;
        };
        match action {
            Action::RowOpen => cx.msgs.push(match &problem.about {
                Subject::Node(node) => Msg::ShowNode(node.clone()),
                Subject::Service(_)
                | Subject::MetalLb
                | Subject::Link
                | Subject::Kubeconfig
                | Subject::Settings
                | Subject::Program => {
                    Msg::info("this is about no object: what to do next stands below")
                }
            }),
            Action::CopyName => cx.msgs.push(Msg::Copy(problem.sentence())),
            _ => {}
        }
    }

    fn chosen<'a>(&self, rack: &'a Rack) -> Vec<&'a Problem> {
        let (filter, _) = Filter::parse(&self.filter, &COLUMNS);
        rack.problems
            .iter()
            .filter(|problem| filter.accepts(&[("WHAT", &problem.what), ("WHY", &problem.why)]))
            .collect()
    }

    fn current<'a>(&self, rack: &'a Rack) -> Option<&'a Problem> {
        let problems = self.chosen(rack);
        let index = self.rows.index(&ids(&problems))?;
        problems.get(index).copied()
    }

    pub fn view(&self, rack: &Rack, theme: &Theme, area: Rect, buf: &mut Buffer) {
        let problems = self.chosen(rack);
        let title = match self.filter.as_str() {
            "" => "Problems".to_owned(),
            filter => format!("Problems /{filter}"),
        };
        let right = age_and_source(rack, theme);
        let inside = draw_box(
            PaneBox {
                title: &title,
                right: &right,
                has_focus: true,
            },
            area,
            buf,
            theme,
        );
        if problems.is_empty() {
            let text = if self.filter.is_empty() {
                nothing_wrong(rack)
            } else {
                "No problem matches the filter."
            };
            put(
                buf,
                (inside.x + 1, inside.y + 1),
                inside.width,
                text,
                theme.status_ok,
            );
            return;
        }
        let ids = ids(&problems);
        let height = list_height(area);
        let list = Rect {
            height: height.min(inside.height),
            ..inside
        };
        let offset = self.rows.offset(&ids, list.height.into());
        let index = self.rows.index(&ids).unwrap_or_default();
        for ((row, problem), y) in problems
            .iter()
            .enumerate()
            .skip(offset)
            .zip(list.top()..list.bottom())
        {
            draw_row(
                problem,
                row == index,
                Rect {
                    y,
                    height: 1,
                    ..list
                },
                buf,
                theme,
            );
        }
        if let Some(problem) = problems.get(index) {
            let below = Rect {
                y: list.bottom(),
                height: inside.height.saturating_sub(list.height),
                ..inside
            };
            draw_explanation(problem, below, buf, theme);
        }
    }
}

/// Rows of the list; the explanation of the row under the cursor has the rest.
fn list_height(area: Rect) -> u16 {
    area.height
        .saturating_sub(2)
        .saturating_sub(EXPLANATION)
        .max(1)
}

/// Lines kept for the explanation, so that the list does not jump when the cursor moves.
const EXPLANATION: u16 = 8;

fn ids(problems: &[&Problem]) -> Vec<ProblemId> {
    problems
        .iter()
        .map(|problem| (problem.about.clone(), problem.what.clone()))
        .collect()
}

fn nothing_wrong(rack: &Rack) -> &'static str {
    if rack.link.is_live() {
        "Nothing is wrong."
    } else {
        "Nothing is known to be wrong."
    }
}

fn sign(severity: Severity, theme: &Theme) -> (&'static str, Style) {
    match severity {
        Severity::Critical => (theme.symbols.cross, theme.problem_critical),
        Severity::Warning => (theme.symbols.warn, theme.problem_warning),
        Severity::Note => (theme.symbols.note, theme.problem_note),
    }
}

fn draw_row(problem: &Problem, is_current: bool, area: Rect, buf: &mut Buffer, theme: &Theme) {
    let (sign, style) = sign(problem.severity, theme);
    let x = put(
        buf,
        (area.x, area.y),
        1,
        if is_current {
            theme.symbols.cursor
        } else {
            " "
        },
        theme.cursor,
    );
    let x = put(buf, (x, area.y), 2, sign, style) + 1;
    let room = area.right().saturating_sub(x);
    let what = cut_end(&problem.what, room.into(), theme.symbols.ellipsis);
    let after = put(buf, (x, area.y), room, &what, theme.text) + 2;
    let left = area.right().saturating_sub(after);
    if left > 8 {
        let why = cut_end(&problem.why, left.into(), theme.symbols.ellipsis);
        put(buf, (after, area.y), left, &why, theme.muted);
    }
    if is_current {
        buf.set_style(area, theme.selection);
    }
}

fn draw_explanation(problem: &Problem, area: Rect, buf: &mut Buffer, theme: &Theme) {
    let rule = theme
        .symbols
        .border
        .horizontal_top
        .repeat(area.width.into());
    put(buf, (area.x, area.y), area.width, &rule, theme.border);
    let room = usize::from(area.width.saturating_sub(12));
    let parts = [
        ("why", vec![problem.why.clone()]),
        ("seen", problem.evidence.clone()),
        ("next", vec![problem.next.clone()]),
    ];
    let mut y = area.y + 1;
    for (label, texts) in parts {
        let mut label = label;
        for line in texts
            .iter()
            .filter(|text| !text.is_empty())
            .flat_map(|text| wrap(text, room))
        {
            if y >= area.bottom() {
                return;
            }
            put(buf, (area.x + 1, y), 8, label, theme.muted);
            put(
                buf,
                (area.x + 9, y),
                area.width.saturating_sub(10),
                &line,
                theme.text,
            );
            label = "";
            y += 1;
        }
    }
}
