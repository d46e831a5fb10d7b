//! Drawing the boards, what is said of the one under the cursor, and its page.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::panes::page::{self, Line, Piece, heading, row};
use crate::rack::Rack;
use crate::rack::onboard::machine::{Board, Stage};
use crate::rack::onboard::runs::Run;
use crate::rack::problem::{Problem, Severity};
use crate::rack::time::short;
use crate::theme::roles::Theme;
use crate::ui::frame::{PaneBox, draw_box};
use crate::ui::text::{clean, cut_end, put, width, wrap};

/// Lines kept for what is said of the board under the cursor.
const BELOW: u16 = 9;
/// Cells of the bar that shows how many steps are done.
const BAR: usize = 8;
const STAGE: u16 = 28;
const TIME: u16 = 5;
const LABEL: u16 = 6;

/// Rows of the list; the head has one line, what is said below has the rest.
pub(super) fn list_height(area: Rect) -> u16 {
    let inside = area.height.saturating_sub(2);
    inside.saturating_sub(BELOW + 1).max(1)
}

fn sign(stage: &Stage, theme: &Theme) -> (&'static str, Style) {
    let symbols = &theme.symbols;
    match stage {
        Stage::Checking => (symbols.connecting, theme.muted),
        Stage::Blocked | Stage::Failed(_) => (symbols.cross, theme.status_bad),
        Stage::Planned(_) => (symbols.note, theme.status_warn),
        Stage::Running => (symbols.arrow_right, theme.text),
        Stage::Joined => (symbols.check, theme.status_ok),
        Stage::Declined => (symbols.dash, theme.muted),
    }
}

/// Where it is, in a few words.
fn stage(run: &Run, rack: &Rack, theme: &Theme) -> String {
    let board = &run.board;
    let step = |none| board.step().map_or(none, |step| step.name());
    match &board.stage {
        Stage::Checking => match rack.onboarding.waits_for(board.host()) {
            Some(server) if board.began.is_none() => format!("waits for {server}"),
            _ => "checking".to_owned(),
        },
        Stage::Blocked | Stage::Declined => "not begun".to_owned(),
        Stage::Planned(_) => "plan to be accepted".to_owned(),
        Stage::Running => {
            let plan = board.journal.plan.as_ref();
            let steps = plan.map_or(1, |plan| plan.steps.len().max(1));
            let full = (board.journal.done.len() * BAR / steps).min(BAR);
            let full_part = theme.symbols.bar_full.repeat(full);
            let empty_part = theme.symbols.bar_empty.repeat(BAR - full);
            format!("{full_part}{empty_part} {}", step(""))
        }
        Stage::Joined => "joined, Ready, beating".to_owned(),
        Stage::Failed(_) => format!("{} failed", step("connecting")),
    }
}

fn note(board: &Board) -> String {
    match board.problems().first() {
        Some(problem) => problem.what.clone(),
        None => board.note.clone(),
    }
}

/// The runs, the filter, and where the cursor is and which row is the first drawn.
pub(super) fn list(
    (runs, filter, (index, offset)): (&[&Run], &str, (Option<usize>, usize)),
    rack: &Rack,
    theme: &Theme,
    area: Rect,
    buf: &mut Buffer,
) {
    let title = match filter {
        "" => "Onboard".to_owned(),
        filter => format!("Onboard /{filter}"),
    };
    let joined = runs.iter().filter(|run| run.board.stage == Stage::Joined);
    let right = format!("{} of {} joined", joined.count(), runs.len());
    let pane_box = PaneBox {
        title: &title,
        right: if runs.is_empty() { "" } else { &right },
        has_focus: true,
    };
    let inside = draw_box(pane_box, area, buf, theme);
    if runs.is_empty() {
        draw_none(rack.onboarding.is_empty(), theme, inside, buf);
        return;
    }
    let widest = runs.iter().map(|run| width(run.board.host())).max();
    let name = u16::try_from(widest.unwrap_or(0)).unwrap_or(u16::MAX);
    let name = name.clamp(5, 20);
    let at = [0, name + 1, name + STAGE + 2, name + STAGE + TIME + 4].map(|x| inside.x + 4 + x);
    let titles = ["BOARD", "STAGE", " TIME", "NOTE"];
    let mut cell = |column: usize, y: u16, text: &str, style: Style| {
        let end = at.get(column + 1).map_or(inside.right(), |next| next - 1);
        let room = end.min(inside.right()).saturating_sub(at[column]);
        let text = cut_end(&clean(text), room.into(), theme.symbols.ellipsis).into_owned();
        put(buf, (at[column], y), room, &text, style);
    };
    for (column, title) in titles.iter().enumerate() {
        cell(column, inside.y, title, theme.muted);
    }
    let height = list_height(area).min(inside.height.saturating_sub(1));
    let rows = runs.iter().skip(offset).zip(inside.y + 1..);
    for (run, y) in rows.take(height.into()) {
        let time = run.board.time(rack.now.mono).map(short).unwrap_or_default();
        cell(0, y, run.board.host(), theme.text);
        cell(1, y, &stage(run, rack, theme), theme.text);
        cell(2, y, &format!("{time:>5}"), theme.muted);
        cell(3, y, &note(&run.board), theme.muted);
    }
    for (at, y) in (offset..runs.len()).zip(inside.y + 1..).take(height.into()) {
        let (sign, style) = sign(&runs[at].board.stage, theme);
        put(buf, (inside.x + 2, y), 2, sign, style);
        if Some(at) == index {
            put(buf, (inside.x, y), 1, theme.symbols.cursor, theme.cursor);
            let line = Rect {
                y,
                height: 1,
                ..inside
            };
            buf.set_style(line, theme.selection);
        }
    }
    let below = Rect {
        y: inside.y + 1 + height,
        height: inside.height.saturating_sub(height + 1),
        ..inside
    };
    if let Some(run) = index.and_then(|index| runs.get(index)) {
        draw_below(run, theme, below, buf);
    }
}

fn draw_none(is_first: bool, theme: &Theme, inside: Rect, buf: &mut Buffer) {
    let text = if is_first {
        "No boards are being onboarded. Added here, they go from a fresh card to a Ready node: checked first, shown as \
         a plan, changed only when you accept it."
    } else {
        "No board matches the filter."
    };
    let room = usize::from(inside.width.saturating_sub(4)).min(88);
    for (line, y) in wrap(text, room).iter().zip(inside.y + 1..inside.bottom()) {
        put(buf, (inside.x + 2, y), inside.width, line, theme.text);
    }
}

/// The most useful about a board in a few lines.
fn draw_below(run: &Run, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let rule = theme.symbols.border.horizontal_top;
    let rule = rule.repeat(area.width.into());
    put(buf, (area.x, area.y), area.width, &rule, theme.border);
    let room = usize::from(area.width.saturating_sub(LABEL + 3));
    let mut lines = Vec::new();
    for (label, text) in below(run) {
        let parts = wrap(&clean(&text), room).into_iter().enumerate();
        lines.extend(parts.map(|(at, line)| (if at == 0 { label } else { "" }, line)));
    }
    let height = usize::from(area.height.saturating_sub(1));
    let is_cut = lines.len() > height;
    let shown = height - usize::from(is_cut && height > 0);
    if is_cut {
        let more = format!("{} more lines: open the board", lines.len() - shown);
        lines.truncate(shown);
        lines.push(("", more));
    }
    let width = area.width.saturating_sub(LABEL + 2);
    for ((label, line), y) in lines.iter().zip(area.y + 1..area.bottom()) {
        put(buf, (area.x + 1, y), LABEL, label, theme.muted);
        put(buf, (area.x + 1 + LABEL, y), width, line, theme.text);
    }
}

fn below(run: &Run) -> Vec<(&'static str, String)> {
    let board = &run.board;
    let problems = board.problems();
    if !problems.is_empty() {
        return problems.iter().flat_map(said).collect();
    }
    match &board.stage {
        Stage::Planned(plan) => {
            let found = board.findings.iter().map(|it| &it.problem);
            let found = found.map(|problem| ("found", problem.sentence()));
            let words = plan.words().into_iter().enumerate();
            let words = words.map(|(at, line)| (if at == 0 { "plan" } else { "" }, line));
            words.chain(found).collect()
        }
        Stage::Running | Stage::Joined => {
            let last = run.lines.iter().rev().take(BELOW.into());
            last.rev().map(|line| ("", line.clone())).collect()
        }
        _ => vec![("", board.note.clone())],
    }
}

fn said(problem: &Problem) -> Vec<(&'static str, String)> {
    let mut lines = vec![
        ("what", problem.what.clone()),
        ("why", problem.why.clone()),
        ("next", problem.next.clone()),
    ];
    let seen = problem.evidence.iter();
    lines.extend(seen.map(|line| ("seen", line.clone())));
    lines.retain(|(_, text)| !text.is_empty());
    lines
}

fn plain(text: impl std::fmt::Display) -> Line {
    vec![(format!("  {text}"), Piece::Plain)]
}

/// Everything about a board: what stands against it, its plan, its steps with their times, its output.
pub(super) fn page_lines(run: &Run, area: Rect) -> Vec<Line> {
    let board = &run.board;
    let wish = &board.journal.wish;
    let mut lines = Vec::new();
    for problem in board.problems() {
        heading(&mut lines, problem.what.clone());
        let parts = said(&problem).into_iter().skip(1);
        lines.extend(parts.map(|(label, text)| plain(format!("{label}: {text}"))));
    }
    heading(&mut lines, "Board");
    lines.push(row("host", wish.host.clone()));
    lines.push(row("becomes", wish.role.words()));
    lines.push(row("k3s", wish.version.to_string()));
    if let Some(url) = &wish.url {
        lines.push(row("server", url.to_string()));
    }
    if let Some(facts) = &board.facts {
        let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "?".to_owned());
        lines.push(row("model", text(&facts.model)));
        lines.push(row("kernel", text(&facts.kernel)));
        lines.push(row("address", text(&facts.address)));
    }
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
    for done in &board.journal.done {
        let how = if done.changed {
            &done.note
        } else {
            "was so already"
        };
        lines.push(plain(format!(
            "{:20} {:>4} s  {how}",
            done.step, done.seconds
        )));
    }
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

pub(super) fn page(
    run: &Run,
    rack: &Rack,
    (scroll, theme): (usize, &Theme),
    area: Rect,
    buf: &mut Buffer,
) {
    let lines = page_lines(run, area);
    let title = format!("Onboard: {}", run.board.host());
    page::draw(rack, (&title, &lines, scroll), theme, area, buf, |_, _| ());
}
