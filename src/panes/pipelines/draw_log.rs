//! Drawing the log of a job: what is said of the job, and below it the rows.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::panes::pipelines::PipelinesPane;
use crate::panes::pipelines::draw::{below_banner, frame, sign};
use crate::panes::pipelines::log::LogPage;
use crate::panes::pipelines::rows::tone;
use crate::rack::Rack;
use crate::rack::log::pattern::sequence;
use crate::rack::pipeline::state::{JobRef, OpenTrace};
use crate::rack::pipeline::{Job, Status, clock};
use crate::rack::time::short;
use crate::rack::trace::{Row as LogRow, RowKind};
use crate::theme::roles::Theme;
use crate::ui::ansi;
use crate::ui::frame::inside;
use crate::ui::text::{clean, put, wrap};

/// The line above a log.
const LOG_HEAD: u16 = 1;
/// Lines for what is known of a failure.
const CAUSE_MOST: usize = 3;
/// Bytes of one row of a log that are looked at: a line may be a megabyte.
const ROW_MOST: usize = 8 << 10;

/// Rows of a log, below what is said of its job.
pub(super) fn log_height(area: Rect, rack: &Rack) -> usize {
    let inside = below_banner(inside(area));
    let cause = u16::try_from(cause(rack, inside).len()).unwrap_or(0);
    usize::from(inside.height.saturating_sub(LOG_HEAD + cause))
}

/// What is known of the failure of the job whose log is read, and what to do.
fn cause(rack: &Rack, inside: Rect) -> Vec<String> {
    let open = rack.builds.trace.as_ref();
    let is_failed = |open: &&OpenTrace| {
        let job = rack.builds.job(&open.job);
        job.is_some_and(|job| job.status == Status::Failed)
    };
    let known = open
        .filter(is_failed)
        .and_then(|open| open.trace.finding().known);
    let Some((_, known)) = known else {
        return Vec::new();
    };
    let text = format!("{}; {}", known.what, known.next);
    let mut lines = wrap(&text, usize::from(inside.width.saturating_sub(2)));
    lines.truncate(CAUSE_MOST);
    lines
}

pub(super) fn log(
    pane: &PipelinesPane,
    at: &JobRef,
    rack: &Rack,
    theme: &Theme,
    area: Rect,
    buf: &mut Buffer,
) {
    let inside = frame(pane, rack, theme, area, buf);
    let job = rack.builds.job(at);
    let open = rack.builds.trace.as_ref().filter(|open| open.job == *at);
    let (text, style) = log_head(job, open, rack, theme);
    let head = (inside.x + 1, inside.y);
    put(buf, head, inside.width.saturating_sub(2), &text, style);
    let mut taken = LOG_HEAD.min(inside.height);
    for line in cause(rack, inside) {
        if taken < inside.height {
            let place = (inside.x + 1, inside.y + taken);
            put(
                buf,
                place,
                inside.width.saturating_sub(2),
                &line,
                theme.status_warn,
            );
            taken += 1;
        }
    }
    let body = Rect {
        y: inside.y + taken,
        height: inside.height - taken,
        ..inside
    };
    let Some((other, second)) = &pane.beside else {
        return rows(&pane.log, job, open, body, theme, buf);
    };
    // Two attempts, this one to the left, with a line above each that says which.
    let half = body.width / 2;
    let left = Rect {
        width: half,
        ..body
    };
    let right = Rect {
        x: body.x + half,
        width: body.width - half,
        ..body
    };
    let other_open = rack.builds.beside.as_ref().filter(|it| it.job == *other);
    let sides = [
        (left, at, &pane.log, open),
        (right, other, second, other_open),
    ];
    for (side, at, shown, open) in sides {
        let job = rack.builds.job(at);
        let text = match job {
            Some(job) => format!("#{} {} {}", job.id, sign(&job.status, theme), job.status),
            None => format!("#{}", at.job),
        };
        let width = side.width.saturating_sub(2);
        put(buf, (side.x + 1, side.y), width, &clean(&text), theme.title);
        let below = Rect {
            y: side.y + 1,
            height: side.height.saturating_sub(1),
            ..side
        };
        rows(shown, job, open, below, theme, buf);
    }
}

/// The rows of one log, or why there are none.
fn rows(
    page: &LogPage,
    job: Option<&Job>,
    open: Option<&OpenTrace>,
    body: Rect,
    theme: &Theme,
    buf: &mut Buffer,
) {
    let Some(open) = open else { return };
    if page.shown().is_empty() {
        let text = match job {
            _ if open.asked.is_none() => "Asking for the log".to_owned(),
            _ if !page.filter.is_empty() => "No line has this text.".to_owned(),
            Some(job) => format!("No log: {}", job.why_no_log()),
            None => "No log".to_owned(),
        };
        let at = (body.x + 2, body.y + 1);
        put(
            buf,
            at,
            body.width.saturating_sub(3),
            &clean(&text),
            theme.muted,
        );
        return;
    }
    let window = page.shown().iter().enumerate().skip(page.top);
    for ((index, row), y) in window.zip(body.top()..body.bottom()) {
        if let Some(row) = open.trace.rows().get(*row) {
            let line = Rect {
                y,
                height: 1,
                ..body
            };
            draw_row(page, open, row, index == page.cursor, line, theme, buf);
        }
    }
}

/// The state of the job, how old the log is, and what is known of a failure.
fn log_head(
    job: Option<&Job>,
    open: Option<&OpenTrace>,
    rack: &Rack,
    theme: &Theme,
) -> (String, Style) {
    let Some(job) = job else {
        return (
            "this job is not in the list any more".to_owned(),
            theme.muted,
        );
    };
    let mut parts = vec![format!("{} {}", sign(&job.status, theme), job.status)];
    parts.extend(job.took(rack.now).map(clock));
    if let Some(open) = open {
        match (open.grew, job.status.is_done()) {
            (Some(at), false) => parts.push(format!(
                "as of {} ago; runners report once a minute",
                short(rack.now.since(at))
            )),
            (None, false) => parts.push("runners report once a minute".to_owned()),
            _ => {}
        }
    }
    let separator = format!(" {} ", theme.symbols.separator);
    let style = tone(&job.status).style(false, theme);
    (clean(&parts.join(&separator)).into_owned(), style)
}

fn draw_row(
    page: &LogPage,
    open: &OpenTrace,
    row: &LogRow,
    is_current: bool,
    line: Rect,
    theme: &Theme,
    buf: &mut Buffer,
) {
    let trace = &open.trace;
    let mut x = line.x + 1;
    if page.shows_times
        && let Some(time) = trace.time(row)
    {
        let time = time.strftime("%H:%M:%S").to_string();
        x = put(
            buf,
            (x, line.y),
            line.right().saturating_sub(x),
            &time,
            theme.log_time,
        ) + 1;
    }
    if let RowKind::Head(index) = row.kind {
        let sign = if page.is_folded(index, trace) {
            theme.symbols.arrow_right
        } else {
            theme.symbols.arrow_down
        };
        x = put(
            buf,
            (x, line.y),
            line.right().saturating_sub(x),
            sign,
            theme.muted,
        ) + 1;
    } else if row.section.is_some() {
        x += 2;
    }
    let text = trace.text(row);
    let text = text.get(..ROW_MOST).unwrap_or(text);
    let end = line.right().saturating_sub(9);
    let room_end = match row.kind {
        RowKind::Head(_) => end,
        RowKind::Text => line.right(),
    };
    for span in ansi::spans(text, sequence) {
        let room = room_end.saturating_sub(x);
        x = put(
            buf,
            (x, line.y),
            room,
            &span.text,
            theme.text.patch(span.style),
        );
    }
    if let RowKind::Head(index) = row.kind
        && let Some(section) = trace.sections().get(index.get())
        && !section.hides_duration
        && let Some(took) = section.duration()
    {
        let took = format!("{:>8}", clock(took));
        put(buf, (end, line.y), 8, &took, theme.muted);
    }
    if is_current {
        let beside = Rect {
            x: line.x + 1,
            width: line.width.saturating_sub(1),
            ..line
        };
        buf.set_style(beside, theme.selection);
        put(buf, (line.x, line.y), 1, theme.symbols.cursor, theme.cursor);
    }
}
