//! Drawing the list of problems, and below it everything about the one under the cursor.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::panes::problems::rows::Row;
use crate::rack::problem::Severity;
use crate::theme::roles::Theme;
use crate::ui::text::{clean, cut_end, put, wrap};

/// Lines kept for the explanation, so that the list does not jump when the cursor moves.
const EXPLANATION: u16 = 8;
/// Rows of the list that stay when the explanation has more room.
const LEAST_LIST: u16 = 3;

/// Rows of the list; the explanation of the row under the cursor has the rest.
pub(super) fn list_height(area: Rect, is_wide: bool) -> u16 {
    let inside = area.height.saturating_sub(2);
    if is_wide {
        return inside.min(LEAST_LIST);
    }
    inside.saturating_sub(EXPLANATION).max(1)
}

fn sign(severity: Severity, theme: &Theme) -> (&'static str, Style) {
    match severity {
        Severity::Critical => (theme.symbols.cross, theme.problem_critical),
        Severity::Warning => (theme.symbols.warn, theme.problem_warning),
        Severity::Note => (theme.symbols.note, theme.problem_note),
    }
}

pub(super) fn row(row: &Row<'_>, is_current: bool, area: Rect, buf: &mut Buffer, theme: &Theme) {
    let problem = row.problem();
    let (sign, style) = sign(problem.severity, theme);
    let bar = if is_current {
        theme.symbols.cursor
    } else {
        " "
    };
    let x = put(buf, (area.x, area.y), 1, bar, theme.cursor);
    let x = put(buf, (x, area.y), 2, sign, style) + 1;
    let room = area.right().saturating_sub(x);
    let text = match row {
        Row::One(problem) => clean(&problem.what).into_owned(),
        Row::Group { first, count, .. } => format!("{count} times: {}", clean(&first.what)),
    };
    let what = cut_end(&text, room.into(), theme.symbols.ellipsis);
    let after = put(buf, (x, area.y), room, &what, theme.text) + 2;
    let left = area.right().saturating_sub(after);
    if left > 8 {
        let why = clean(&problem.why);
        let why = cut_end(&why, left.into(), theme.symbols.ellipsis);
        put(buf, (after, area.y), left, &why, theme.muted);
    }
    if is_current {
        buf.set_style(area, theme.selection);
    }
}

/// Why, what was seen, what to do next; when it does not fit, the last line says how to see all of it.
pub(super) fn explanation(
    row: &Row<'_>,
    is_wide: bool,
    area: Rect,
    buf: &mut Buffer,
    theme: &Theme,
) {
    let rule = theme
        .symbols
        .border
        .horizontal_top
        .repeat(area.width.into());
    put(buf, (area.x, area.y), area.width, &rule, theme.border);
    let lines = lines(row, usize::from(area.width.saturating_sub(12)));
    let room = usize::from(area.height.saturating_sub(1));
    let is_cut = lines.len() > room;
    let shown = if is_cut { room.saturating_sub(1) } else { room };
    let mut y = area.y.saturating_add(1);
    for (label, line) in lines.iter().take(shown) {
        put(buf, (area.x + 1, y), 8, label, theme.muted);
        let width = area.width.saturating_sub(10);
        put(buf, (area.x + 9, y), width, line, theme.text);
        y += 1;
    }
    if is_cut && y < area.bottom() {
        let more = lines.len() - shown;
        let text = if is_wide {
            format!("{more} more lines do not fit; Y copies all of it")
        } else {
            format!("{more} more lines: w shows them")
        };
        put(
            buf,
            (area.x + 9, y),
            area.width.saturating_sub(10),
            &text,
            theme.muted,
        );
    }
}

/// Names shown of a group.
const NAMED: usize = 20;

fn which(names: &[String]) -> String {
    let some: Vec<&str> = names.iter().take(NAMED).map(String::as_str).collect();
    let more = match names.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{}{more}; enter shows each", some.join(", "))
}

fn lines(row: &Row<'_>, room: usize) -> Vec<(&'static str, String)> {
    let problem = row.problem();
    let which = match row {
        Row::One(_) => String::new(),
        Row::Group { names, .. } => which(names),
    };
    let what = vec![problem.what.clone()];
    let parts = [
        ("what", what),
        ("which", vec![which]),
        ("why", vec![problem.why.clone()]),
        ("seen", problem.evidence.clone()),
        ("next", vec![problem.next.clone()]),
    ];
    let mut lines = Vec::new();
    for (label, texts) in parts {
        let texts = texts.iter().filter(|text| !text.is_empty());
        let wrapped = texts.flat_map(|text| wrap(&clean(text), room));
        lines.extend(
            wrapped
                .enumerate()
                .map(|(index, line)| (if index == 0 { label } else { "" }, line)),
        );
    }
    lines
}
