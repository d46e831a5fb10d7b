//! What a merge would do, as a page to scroll: entries, servers, notes, and the changed lines with secrets masked.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::panes::kubeconfig::words;
use crate::rack::kubeconfig::{FileDiff, How, Request, Sign};
use crate::rack::kubeconfig_change::{Preview, Server};
use crate::rack::problem::Problem;
use crate::theme::roles::Theme;
use crate::ui::frame::{PaneBox, draw_box, inside};
use crate::ui::text::{chop, clean, put, wrap};

/// A line of the page: its style by meaning, so that lines can be counted without a theme.
type Line = (String, Look);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    Plain,
    Muted,
    Heading,
    Good,
    Warn,
    Bad,
    Added,
    Removed,
}

impl Look {
    fn style(self, theme: &Theme) -> Style {
        match self {
            Look::Plain => theme.text,
            Look::Muted => theme.muted,
            Look::Heading => theme.title,
            Look::Good => theme.status_ok,
            Look::Warn => theme.status_warn,
            Look::Bad => theme.status_bad,
            Look::Added => theme.diff_add,
            Look::Removed => theme.diff_remove,
        }
    }
}

/// Lines of the page in a pane of this size.
pub(super) fn height(preview: &Preview, area: Rect) -> usize {
    lines(preview, room(area)).len()
}

fn room(area: Rect) -> usize {
    usize::from(inside(area).width.saturating_sub(2))
}

pub(super) fn draw(preview: &Preview, scroll: usize, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let title = match &preview.request {
        Request::Merge(merge) => format!("merge {}", clean(&merge.source.place)),
        _ => "change".to_owned(),
    };
    let arrow = theme.symbols.arrow_right;
    let pane_box = PaneBox {
        title: &format!("Kubeconfig {arrow} {title}"),
        right: "nothing is written yet",
        has_focus: true,
    };
    let inside = draw_box(pane_box, area, buf, theme);
    let lines = lines(preview, room(area));
    let window = inside.top()..inside.bottom();
    for ((text, look), y) in lines.iter().skip(scroll).zip(window) {
        let at = (inside.x + 1, y);
        let width = inside.width.saturating_sub(2);
        put(buf, at, width, text, look.style(theme));
    }
    let below = (lines.len()).saturating_sub(scroll + usize::from(inside.height));
    if below > 0 {
        let more = format!(" {} {below} more ", theme.symbols.arrow_down);
        let at = (inside.x + 1, area.bottom().saturating_sub(1));
        put(buf, at, inside.width, &more, theme.muted);
    }
}

fn lines(preview: &Preview, room: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    let push = |lines: &mut Vec<Line>, text: &str, look| {
        let text = clean(text);
        lines.extend(wrap(&text, room).into_iter().map(|line| (line, look)));
    };
    let entries = &preview.plan.entries;
    // Said once, when it is the same for all.
    let file = entries.first().map(|first| &first.file);
    let file = file.filter(|file| entries.iter().all(|entry| entry.file == **file));
    let heading = match file {
        Some(file) => format!("What would change in {}", file.display()),
        None => "What would change".to_owned(),
    };
    push(&mut lines, &heading, Look::Heading);
    for entry in entries {
        let (sign, look) = match entry.how {
            How::Added => ("+", Look::Added),
            How::Updated | How::Renamed => ("~", Look::Warn),
            How::Removed => ("-", Look::Removed),
            How::Unchanged => ("=", Look::Muted),
        };
        let text = match file {
            Some(_) => words::entry_alone(entry),
            None => words::entry(entry),
        };
        push(&mut lines, &format!("{sign} {text}"), look);
    }
    match words::current(&preview.plan) {
        Some(text) => push(&mut lines, &format!("~ {text}"), Look::Warn),
        None => push(&mut lines, "= current-context stays as it is", Look::Muted),
    }
    for note in &preview.plan.notes {
        push(&mut lines, &format!("! {}", note.sentence()), Look::Warn);
    }
    for server in &preview.servers {
        lines.push((String::new(), Look::Plain));
        for (text, look) in of_server(server) {
            push(&mut lines, &text, look);
        }
    }
    for diff in preview.plan.diff() {
        lines.push((String::new(), Look::Plain));
        let file = diff.file.display();
        let heading = if diff.is_new {
            format!("New file {file}, secrets masked")
        } else {
            format!("Changed lines of {file}, secrets masked")
        };
        push(&mut lines, &heading, Look::Heading);
        lines.extend(of_diff(&diff, room));
    }
    lines
}

/// Whether the server is who the kubeconfig says, and what to do when not.
fn of_server(server: &Server) -> Vec<Line> {
    let url = &server.url;
    let Some(problem) = &server.problem else {
        let text = format!("{url} answers with a certificate of this cluster, for this address");
        return vec![("The server".to_owned(), Look::Heading), (text, Look::Good)];
    };
    let look = if problem.severity == crate::rack::problem::Severity::Critical {
        Look::Bad
    } else {
        Look::Warn
    };
    let mut lines = vec![
        ("The server".to_owned(), Look::Heading),
        (problem.what.clone(), look),
    ];
    let plain = |text: String| (text, Look::Plain);
    lines.extend((!problem.why.is_empty()).then(|| plain(problem.why.clone())));
    lines.push(plain(next(problem, server)));
    lines
}

/// The next step, in the keys of this page where there is one.
fn next(problem: &Problem, server: &Server) -> String {
    match server.names.first() {
        None => problem.next.clone(),
        Some(name) => {
            let tls_san = problem.next.split(';').next().unwrap_or_default();
            format!("{tls_san}; or press e and give the certificate name {name}")
        }
    }
}

fn of_diff(diff: &FileDiff, room: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    for line in &diff.lines {
        let (sign, look) = match line.sign {
            Sign::Same => (' ', Look::Plain),
            Sign::Added => ('+', Look::Added),
            Sign::Removed => ('-', Look::Removed),
            Sign::Gap => ('@', Look::Muted),
        };
        let text = clean(&line.text);
        let pieces = chop(&text, room.saturating_sub(2).max(1));
        lines.extend(
            pieces
                .into_iter()
                .map(|piece| (format!("{sign} {piece}"), look)),
        );
    }
    lines
}
