//! A page about one object: lines of labelled text under headings, scrolled as one.
//!
//! Not here: what the lines say. Invariant: the same lines are counted for scrolling and drawn.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::panes::age_and_source;
use crate::rack::Rack;
use crate::rack::link::{Source, SourceState};
use crate::rack::problem::{Problem, Severity, Subject};
use crate::theme::roles::Theme;
use crate::ui::frame::{PaneBox, draw_box};
use crate::ui::led;
use crate::ui::text::{clean, cut_end, put, width, wrap};

/// Cells of a label at the left of a line.
pub(crate) const LABEL: usize = 13;

/// Before reasons and next steps.
const INDENT: &str = "  ";

/// A sentence behind a label is folded beside it when so many cells are left there, else below it.
const BESIDE: usize = 24;

/// A line of the page: pieces of text, each with what it means.
pub(crate) type Line = Vec<(String, Piece)>;

/// What a piece of text means; the theme turns it into a style only when it is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece {
    Plain,
    Label,
    Heading,
    Good,
    Warn,
    Bad,
    Led(led::Led),
    /// A picture, drawn by the page's owner in place of the text.
    Picture,
}

impl Piece {
    fn style(self, theme: &Theme) -> Style {
        match self {
            Piece::Plain | Piece::Picture => theme.text,
            Piece::Label => theme.muted,
            Piece::Heading => theme.title,
            Piece::Good => theme.status_ok,
            Piece::Warn => theme.status_warn,
            Piece::Bad => theme.status_bad,
            Piece::Led(state) => led::led(state, theme).1,
        }
    }
}

/// A heading, with a blank line above when it is not the first.
pub(crate) fn heading(lines: &mut Vec<Line>, text: impl Into<String>) {
    if !lines.is_empty() {
        lines.push(Vec::new());
    }
    lines.push(vec![(text.into(), Piece::Heading)]);
}

pub(crate) fn row(label: &str, text: impl Into<String>) -> Line {
    toned(label, text, Piece::Plain)
}

pub(crate) fn toned(label: &str, text: impl Into<String>, piece: Piece) -> Line {
    vec![
        (format!("{label:LABEL$}"), Piece::Label),
        (text.into(), piece),
    ]
}

/// What is wrong comes first on a page: it is why the page was opened.
pub(crate) fn problems(rack: &Rack, about: &Subject, lines: &mut Vec<Line>) {
    let is_about = |problem: &&Problem| problem.about == *about;
    for problem in rack.problems.iter().filter(is_about) {
        let piece = match problem.severity {
            Severity::Critical => Piece::Bad,
            Severity::Warning => Piece::Warn,
            Severity::Note => Piece::Plain,
        };
        lines.push(vec![(problem.what.clone(), piece)]);
        for text in [&problem.why, &problem.next]
            .into_iter()
            .filter(|text| !text.is_empty())
        {
            lines.push(vec![(format!("{INDENT}{text}"), Piece::Label)]);
        }
    }
}

/// Cells of a line in a box of this width.
pub(crate) fn room(area: Rect) -> usize {
    usize::from(area.width.saturating_sub(3))
}

/// The lines as they stand in a box of this width: sentences are folded, aligned lines are cut when they are drawn.
pub(crate) fn folded(lines: Vec<Line>, area: Rect) -> Vec<Line> {
    let room = room(area);
    let mut all = Vec::with_capacity(lines.len());
    for line in lines {
        let cells: usize = line.iter().map(|(text, _)| width(&clean(text))).sum();
        match line.as_slice() {
            [before @ .., (text, piece)] if cells > room && is_sentence(text, *piece) => {
                fold(before, text, *piece, room, &mut all);
            }
            _ => all.push(line),
        }
    }
    all
}

fn is_sentence(text: &str, piece: Piece) -> bool {
    !matches!(piece, Piece::Heading | Piece::Picture) && text.trim().contains(' ')
}

/// A sentence in several lines: below its own beginning, or below the line when what stands before leaves no room.
fn fold(before: &[(String, Piece)], text: &str, piece: Piece, room: usize, lines: &mut Vec<Line>) {
    let label: usize = before.iter().map(|(text, _)| width(&clean(text))).sum();
    let text = clean(text);
    let is_beside = !before.is_empty() && room >= label + BESIDE;
    // What keeps it apart from what stands before it.
    let gap = text.len() - text.trim_start_matches(' ').len();
    let indent = match (is_beside, before.is_empty()) {
        (true, _) => label + gap,
        (false, true) if !text.starts_with(INDENT) => 0,
        (false, _) => INDENT.len(),
    };
    let mut parts = wrap(text.trim(), room.saturating_sub(indent).max(8)).into_iter();
    if !before.is_empty() {
        let mut first = before.to_vec();
        if is_beside {
            first.extend(
                parts
                    .next()
                    .map(|part| (format!("{:gap$}{part}", ""), piece)),
            );
        }
        lines.push(first);
    }
    lines.extend(parts.map(|part| vec![(format!("{:indent$}{part}", ""), piece)]));
}

/// Why a section is empty: not known yet, not allowed, or really nothing.
pub(crate) fn nothing(rack: &Rack, source: Source, nothing: &str) -> String {
    match rack.link.source(source) {
        SourceState::Forbidden(_) => format!(
            "? {} may not be read; Problems says which rule is missing",
            source.word()
        ),
        SourceState::Waiting => "not read yet".to_owned(),
        _ => nothing.to_owned(),
    }
}

/// Draws the page from the line `scroll` on; `picture` draws what stands for [`Piece::Picture`].
pub(crate) fn draw(
    rack: &Rack,
    (title, lines, scroll): (&str, &[Line], usize),
    theme: &Theme,
    area: Rect,
    buf: &mut Buffer,
    picture: impl Fn(Rect, &mut Buffer),
) {
    let inside = draw_frame(rack, title, theme, area, buf);
    for (line, y) in lines.iter().skip(scroll).zip(inside.top()..inside.bottom()) {
        let mut x = inside.x + 1;
        for (index, (text, piece)) in line.iter().enumerate() {
            let left = inside.right().saturating_sub(x);
            if *piece == Piece::Picture {
                let room = Rect {
                    x,
                    y,
                    width: left.saturating_sub(1).min(60),
                    height: 1,
                };
                picture(room, buf);
                x = room.right();
            } else {
                let mut rest = line.iter().skip(index + 1);
                let is_last =
                    rest.all(|(text, piece)| *piece != Piece::Picture && text.trim().is_empty());
                let text = cut(text, (left, is_last), theme.symbols.ellipsis);
                x = put(buf, (x, y), left, &text, piece.style(theme));
            }
        }
    }
    let below = lines
        .len()
        .saturating_sub(scroll + usize::from(inside.height));
    if below > 0 {
        let more = format!(" {} {below} more ", theme.symbols.arrow_down);
        put(
            buf,
            (inside.x + 1, area.bottom().saturating_sub(1)),
            inside.width,
            &more,
            theme.muted,
        );
    }
}

/// A piece of a line in so many cells, with a sign where words are missing, be they of this piece or of the next.
fn cut(text: &str, (left, is_last): (u16, bool), ellipsis: &str) -> String {
    let mut text = clean(text).into_owned();
    if is_last {
        text.truncate(text.trim_end().len());
    } else if width(&text) >= usize::from(left) {
        text.push(' ');
    }
    cut_end(&text, left.into(), ellipsis).into_owned()
}

/// The object went away while it was looked at: the page says so instead of jumping elsewhere.
pub(crate) fn draw_gone(
    rack: &Rack,
    (title, kind): (&str, &str),
    theme: &Theme,
    area: Rect,
    buf: &mut Buffer,
) {
    let inside = draw_frame(rack, title, theme, area, buf);
    let text = format!("This {kind} is gone from the cluster. esc goes back to the table.");
    put(
        buf,
        (inside.x + 1, inside.y + 1),
        inside.width,
        &text,
        theme.status_warn,
    );
}

fn draw_frame(rack: &Rack, title: &str, theme: &Theme, area: Rect, buf: &mut Buffer) -> Rect {
    let pane_box = PaneBox {
        title: &clean(title),
        right: &age_and_source(rack, theme),
        has_focus: true,
    };
    draw_box(pane_box, area, buf, theme)
}
