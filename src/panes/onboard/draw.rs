//! Drawing the boards, and what is said of the one under the cursor.
//!
//! ```text
//! ┌ Onboard ─────────────────────────────────────────── 1 of 3 joined ┐
//! │   BOARD   STAGE                          TIME  NOTE                │
//! │   ✓ rpi-04 joined, Ready, beating         2m11s                    │
//! │ > ✗ rpi-06 join failed                    0m52s the name is taken  │
//! │ ────────────────────────────────────────────────────────────────── │
//! │  what  …                                                           │
//! └────────────────────────────────────────────────────────────────────┘
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::rack::Rack;
use crate::rack::onboard::findings::Fix;
use crate::rack::onboard::machine::{Board, Stage};
use crate::rack::onboard::runs::Run;
use crate::rack::problem::Problem;
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
/// The cursor, the sign, and a blank after each.
const LEFT: u16 = 4;

/// Rows of the list; the head has one line, what is said below has the rest.
pub(super) fn list_height(area: Rect) -> u16 {
    let inside = area.height.saturating_sub(2);
    inside.saturating_sub(BELOW + 1).max(1)
}

fn sign(run: &Run, theme: &Theme) -> (&'static str, Style) {
    let symbols = &theme.symbols;
    match &run.board.stage {
        Stage::Checking if run.is_cut_off() => (symbols.dash, theme.status_warn),
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
    let next = board
        .journal
        .next()
        .map_or("connecting", |step| step.name());
    match &board.stage {
        Stage::Checking if run.is_cut_off() => format!("cut off before: {next}"),
        Stage::Checking => match rack.onboarding.waits_for(board.host()) {
            Some(other) if board.began.is_none() => format!("waits for {other}"),
            _ => "checking".to_owned(),
        },
        Stage::Blocked => "cannot begin".to_owned(),
        Stage::Declined => "not begun".to_owned(),
        Stage::Planned(_) if run.is_accepted => "accepted, waits its turn".to_owned(),
        Stage::Planned(_) => "plan to be accepted".to_owned(),
        Stage::Running => {
            let plan = board.journal.plan.as_ref();
            let steps = plan.map_or(1, |plan| plan.steps.len().max(1));
            let full = (board.journal.done.len() * BAR / steps).min(BAR);
            let full_part = theme.symbols.bar_full.repeat(full);
            let empty_part = theme.symbols.bar_empty.repeat(BAR - full);
            format!("{full_part}{empty_part} {next}")
        }
        Stage::Joined if board.journal.wish.leaves => "blank again".to_owned(),
        Stage::Joined => "joined, Ready, beating".to_owned(),
        Stage::Failed(_) => format!("{next} failed"),
    }
}

fn note(run: &Run) -> String {
    let board = &run.board;
    match (board.problems().first(), &board.stage) {
        (Some(problem), _) => problem.what.clone(),
        (None, Stage::Planned(plan)) => format!("{} steps", plan.steps.len()),
        (None, Stage::Joined) if board.journal.wish.leaves => "out of the cluster".to_owned(),
        (None, Stage::Joined) => format!("as {}", board.journal.wish.role.words()),
        (None, Stage::Checking) if run.is_cut_off() => "R goes on".to_owned(),
        (None, _) => board.note.clone(),
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
        filter => format!("Onboard /{}", clean(filter)),
    };
    let joined = runs.iter().filter(|run| run.board.stage == Stage::Joined);
    let right = format!("{} of {} joined", joined.count(), runs.len());
    let pane_box = PaneBox {
        title: &title,
        right: &right,
        has_focus: true,
    };
    let inside = draw_box(pane_box, area, buf, theme);
    let height = list_height(area).min(inside.height.saturating_sub(1));
    let table = Rect {
        height: height + 1,
        ..inside
    };
    draw_rows((runs, index, offset), rack, theme, table, buf);
    let below = Rect {
        y: inside.y + 1 + height,
        height: inside.height.saturating_sub(height + 1),
        ..inside
    };
    if let Some(run) = index.and_then(|index| runs.get(index)) {
        draw_below(run, theme, below, buf);
    }
}

fn draw_rows(
    (runs, index, offset): (&[&Run], Option<usize>, usize),
    rack: &Rack,
    theme: &Theme,
    area: Rect,
    buf: &mut Buffer,
) {
    let widest = runs.iter().map(|run| width(run.board.host())).max();
    let name = u16::try_from(widest.unwrap_or(0)).unwrap_or(u16::MAX);
    let name = name.clamp(5, (area.width / 4).clamp(5, 32));
    let at = [0, name + 1, name + STAGE + 2, name + STAGE + TIME + 4].map(|x| area.x + LEFT + x);
    let mut cell = |column: usize, y: u16, text: &str, style: Style| {
        let end = at.get(column + 1).map_or(area.right(), |next| next - 1);
        let room = end.min(area.right()).saturating_sub(at[column]);
        let text = cut_end(&clean(text), room.into(), theme.symbols.ellipsis).into_owned();
        put(buf, (at[column], y), room, &text, style);
    };
    for (column, title) in ["BOARD", "STAGE", " TIME", "NOTE"].iter().enumerate() {
        cell(column, area.y, title, theme.column);
    }
    let lines = area.y.saturating_add(1)..area.bottom();
    for (run, y) in runs.iter().skip(offset).zip(lines.clone()) {
        let time = run.board.time(rack.now.mono).map(short).unwrap_or_default();
        cell(0, y, run.board.host(), theme.text);
        cell(1, y, &stage(run, rack, theme), theme.text);
        cell(2, y, &format!("{time:>5}"), theme.muted);
        cell(3, y, &note(run), theme.muted);
    }
    for ((at, run), y) in runs.iter().enumerate().skip(offset).zip(lines) {
        let (sign, style) = sign(run, theme);
        put(buf, (area.x + 2, y), 2, sign, style);
        if Some(at) == index {
            put(buf, (area.x, y), 1, theme.symbols.cursor, theme.cursor);
            let line = Rect {
                y,
                height: 1,
                ..area
            };
            buf.set_style(line.intersection(buf.area), theme.selection);
        }
    }
}

/// In place of rows: what the pane is for, and the boards of the settings that are no nodes yet; `None`: a filter.
pub(super) fn none(offered: Option<&[String]>, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let pane_box = PaneBox {
        title: "Onboard",
        right: "",
        has_focus: true,
    };
    let inside = draw_box(pane_box, area, buf, theme);
    let mut texts: Vec<String> = match offered {
        Some(_) => vec![
            "No boards are on their way".to_owned(),
            "a adds boards by the names ssh has for them: pi@rpi-04 pi@rpi-05. Each goes from a fresh card to a Ready, \
             beating node."
                .to_owned(),
            "Nothing is changed before you have seen what would be done, board by board, and said yes."
                .to_owned(),
        ],
        None => vec![
            "No board matches the filter".to_owned(),
            "esc clears it.".to_owned(),
        ],
    };
    if let Some(offered) = offered.filter(|it| !it.is_empty()) {
        texts.push(format!("Known, and no nodes yet: {}", offered.join(" ")));
    }
    let room = usize::from(inside.width.saturating_sub(4)).min(76);
    let mut y = inside.y.saturating_add(1);
    for (index, text) in texts.iter().enumerate() {
        let style = if index == 0 { theme.title } else { theme.text };
        for line in wrap(&clean(text), room) {
            if y < inside.bottom() {
                put(buf, (inside.x + 2, y), inside.width, &line, style);
            }
            y = y.saturating_add(1);
        }
        y = y.saturating_add(1);
    }
}

/// The most useful about a board in a few lines.
fn draw_below(run: &Run, theme: &Theme, area: Rect, buf: &mut Buffer) {
    if area.height < 2 {
        return;
    }
    let rule = theme.symbols.border.horizontal_top;
    let rule = rule.repeat(area.width.into());
    put(buf, (area.x, area.y), area.width, &rule, theme.border);
    let room = usize::from(area.width.saturating_sub(LABEL + 3)).max(8);
    let mut lines = Vec::new();
    for (label, text) in below(run) {
        let parts = wrap(&clean(&text), room).into_iter().enumerate();
        lines.extend(parts.map(|(at, line)| (if at == 0 { label } else { "" }, line)));
    }
    let height = usize::from(area.height.saturating_sub(1));
    if lines.len() > height {
        let shown = height.saturating_sub(1);
        let more = format!("{} more lines: enter shows them", lines.len() - shown);
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
        let fix = board.fix().map(|fix| ("key", fix_words(fix).to_owned()));
        return fix
            .into_iter()
            .chain(problems.iter().flat_map(said))
            .collect();
    }
    match &board.stage {
        Stage::Planned(plan) => {
            let found = board.remarks();
            let found = found.map(|problem| ("found", problem.sentence()));
            let words = plan.brief().into_iter().enumerate();
            let words = words.map(|(at, line)| (if at == 0 { "plan" } else { "" }, line));
            words.chain(found).collect()
        }
        Stage::Running | Stage::Joined if !run.lines.is_empty() => {
            let last = run.lines.iter().rev().take(BELOW.into());
            last.rev().map(|line| ("", line.clone())).collect()
        }
        Stage::Running | Stage::Joined => steps_done(board),
        Stage::Checking if run.is_cut_off() => {
            let stopped = board.journal.stopped.iter();
            let stopped = stopped.map(|why| ("why", why.clone()));
            let words = "bramble ended before this board had joined: R goes on where it stands";
            std::iter::once(("", words.to_owned()))
                .chain(stopped)
                .chain(steps_done(board))
                .collect()
        }
        _ => vec![("", board.note.clone())],
    }
}

fn steps_done(board: &Board) -> Vec<(&'static str, String)> {
    let done = board.journal.done.iter().enumerate();
    done.map(|(at, done)| (if at == 0 { "done" } else { "" }, done.words()))
        .collect()
}

/// What the key for a fix would do.
fn fix_words(fix: Fix) -> &'static str {
    match fix {
        Fix::Clean => "f plans it again with what is left removed",
        Fix::Replace => "f plans it again with the old node removed",
        Fix::Ignore => "f goes on in spite of this",
        Fix::Rename => "f or n gives the node another name",
    }
}

/// A problem, part by part.
pub(super) fn said(problem: &Problem) -> Vec<(&'static str, String)> {
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
