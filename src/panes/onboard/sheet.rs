//! The page of a board: what stands against it, what it is, its plan word by word, its steps with their times, its output.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::draw::said;
use crate::panes::page::{self, Line, Piece, heading, row};
use crate::rack::Rack;
use crate::rack::onboard::machine::Stage;
use crate::rack::onboard::runs::Run;
use crate::rack::problem::{Problem, Severity};
use crate::theme::roles::Theme;

fn plain(text: impl std::fmt::Display) -> Line {
    vec![(format!("  {text}"), Piece::Plain)]
}

/// Everything about a board, folded to the width of the page.
pub(super) fn lines(run: &Run, area: Rect) -> Vec<Line> {
    let board = &run.board;
    let mut lines = Vec::new();
    for problem in board.problems() {
        heading(&mut lines, problem.what.clone());
        let parts = said(&problem).into_iter().skip(1);
        lines.extend(parts.map(|(label, text)| row(label, text)));
    }
    about(run, &mut lines);
    let remarks: Vec<&Problem> = board.remarks().collect();
    if !remarks.is_empty() {
        heading(&mut lines, "Found");
    }
    for problem in remarks {
        let piece = match problem.severity {
            Severity::Warning => Piece::Warn,
            _ => Piece::Plain,
        };
        lines.push(vec![(format!("  {}", problem.sentence()), piece)]);
    }
    let plan = match &board.stage {
        Stage::Planned(plan) => Some(plan),
        _ => board.journal.plan.as_ref(),
    };
    if let Some(plan) = plan {
        heading(&mut lines, format!("Plan for node {}", plan.node));
        lines.extend(plan.words().iter().map(plain));
    }
    if !board.journal.done.is_empty() {
        heading(&mut lines, "Done");
    }
    lines.extend(board.journal.done.iter().map(|done| plain(done.words())));
    if !run.lines.is_empty() {
        heading(&mut lines, "Output");
    }
    if run.dropped > 0 {
        let words = format!("{} older lines are in the transcript", run.dropped);
        lines.push(plain(words));
    }
    lines.extend(run.lines.iter().map(plain));
    page::folded(lines, area)
}

fn about(run: &Run, lines: &mut Vec<Line>) {
    let wish = &run.board.journal.wish;
    heading(lines, "Board");
    lines.push(row("host", wish.host.clone()));
    if wish.leaves {
        lines.push(row("becomes", "blank again, out of the cluster"));
    } else {
        lines.push(row("becomes", wish.role.words()));
        lines.push(row("k3s", wish.version.to_string()));
    }
    if let Some(url) = &wish.url {
        lines.push(row("server", url.to_string()));
    }
    if let Some(facts) = &run.board.facts {
        let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "?".to_owned());
        lines.push(row("model", text(&facts.model)));
        lines.push(row("kernel", text(&facts.kernel)));
        lines.push(row("address", text(&facts.address)));
    }
}

pub(super) fn draw(
    run: &Run,
    rack: &Rack,
    (scroll, theme): (usize, &Theme),
    area: Rect,
    buf: &mut Buffer,
) {
    let lines = lines(run, area);
    let title = format!("Onboard: {}", run.board.host());
    page::draw(rack, (&title, &lines, scroll), theme, area, buf, |_, _| ());
}
