//! Two changed versions side by side: the server's at the left, ours at the right, lines that belong together level.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use similar::DiffOp;

use crate::action::Action;
use crate::panes::pools::session::Session;
use crate::panes::scrolled;
use crate::rack::line_diff;
use crate::theme::roles::Theme;
use crate::ui::editor::masked;
use crate::ui::text::{clean, cut_end, put};

/// Both texts, line by line.
#[derive(Debug)]
pub(super) struct Conflict {
    rows: Vec<Row>,
    scroll: usize,
}

/// A line of each; `None` where one has none.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    theirs: Option<String>,
    ours: Option<String>,
    differs: bool,
}

impl Conflict {
    /// `None` when nobody else changed anything.
    pub(super) fn of(session: &Session) -> Option<Conflict> {
        let theirs = session.newer.as_ref()?.text();
        let rows = rows(&theirs, &session.editor.text());
        // The first difference is what one came for.
        let first = rows.iter().position(|row| row.differs).unwrap_or(0);
        Some(Conflict {
            rows,
            scroll: first.saturating_sub(3),
        })
    }

    pub(super) fn on_action(&mut self, action: Action, height: usize) {
        scrolled(&mut self.scroll, action, self.rows.len() + 1, height);
    }

    pub(super) fn draw(&self, theme: &Theme, area: Rect, buf: &mut Buffer) {
        let half = area.width / 2;
        let put_in = |x: u16, y: u16, text: &str, style, buf: &mut Buffer| {
            let room = half.saturating_sub(1);
            let text = clean(text);
            let text = cut_end(&text, room.into(), theme.symbols.ellipsis);
            put(buf, (x, y), room, &text, style);
        };
        put_in(area.x, area.y, " on the server", theme.title, buf);
        put_in(area.x + half, area.y, "  yours", theme.title, buf);
        let shown = self.rows.iter().skip(self.scroll);
        for (row, y) in shown.zip(area.top().saturating_add(1)..area.bottom()) {
            let (their_style, our_style) = if row.differs {
                (theme.diff_remove, theme.diff_add)
            } else {
                (theme.muted, theme.muted)
            };
            let sign = |text: &Option<String>, sign: char| match text {
                Some(text) if row.differs => format!("{sign} {}", masked(text)),
                Some(text) => format!("  {}", masked(text)),
                None => String::new(),
            };
            put_in(area.x, y, &sign(&row.theirs, '-'), their_style, buf);
            put_in(area.x + half, y, &sign(&row.ours, '+'), our_style, buf);
        }
    }
}

fn rows(theirs: &str, ours: &str) -> Vec<Row> {
    let (left, right): (Vec<&str>, Vec<&str>) =
        (theirs.split('\n').collect(), ours.split('\n').collect());
    let mut rows = Vec::new();
    for op in line_diff::differences(&left, &right) {
        let (old, new) = (op.old_range(), op.new_range());
        let height = old.len().max(new.len());
        for offset in 0..height {
            let line = |lines: &[&str], range: &std::ops::Range<usize>| {
                let index = range.start + offset;
                lines
                    .get(index)
                    .filter(|_| index < range.end)
                    .map(|line| (*line).to_owned())
            };
            rows.push(Row {
                theirs: line(&left, &old),
                ours: line(&right, &new),
                differs: !matches!(op, DiffOp::Equal { .. }),
            });
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_belong_together_stand_level() {
        let rows = rows("a\nb\nc\nd", "a\nB\nc\nx\nd");
        let shown: Vec<(&str, &str, bool)> = rows
            .iter()
            .map(|row| {
                let text = |side: &Option<String>| side.clone().unwrap_or_default();
                let (theirs, ours) = (text(&row.theirs), text(&row.ours));
                (theirs.leak() as &str, ours.leak() as &str, row.differs)
            })
            .collect();
        assert_eq!(
            shown,
            [
                ("a", "a", false),
                ("b", "B", true),
                ("c", "c", false),
                ("", "x", true),
                ("d", "d", false),
            ]
        );
    }
}
