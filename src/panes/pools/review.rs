//! What a text would change: the objects, the lines, the services. And what was changed before.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use similar::{ChangeTag, group_diff_ops};

use crate::action::Action;
use crate::panes::pools::judge;
use crate::panes::pools::session::Session;
use crate::panes::scrolled;
use crate::rack::Rack;
use crate::rack::draft::{Applied, Deed};
use crate::rack::line_diff;
use crate::rack::pool_text::Change;
use crate::rack::pools::impact::{Fate, impact};
use crate::rack::pools::live;
use crate::rack::pools::read::read;
use crate::rack::pools::version::Version;
use crate::rack::time::short;
use crate::theme::roles::Theme;
use crate::ui::editor::masked;
use crate::ui::text::{clean, cut_end, put, wrap};

/// Lines shown around a change.
const AROUND: usize = 3;

/// Instead of any change, where the text cannot be applied.
const UNKNOWN: &str = "What this would change cannot be said before that is put right.";

/// What applying the text would do.
#[derive(Debug)]
pub(super) struct Review {
    pub(super) title: &'static str,
    /// So many faults keep the text from being applied: nothing is said of changes then.
    errors: usize,
    pub(super) changes: Vec<Change>,
    /// What the Services notice of it, in one sentence; `None` where they notice nothing.
    pub(super) impact: Option<String>,
    lines: Vec<(Look, String)>,
    scroll: usize,
}

/// What a line is; the theme gives its style.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    Plain,
    Heading,
    Muted,
    Added,
    Removed,
    Warn,
    Bad,
}

impl Look {
    pub(super) fn style(self, theme: &Theme) -> Style {
        match self {
            Look::Plain => theme.text,
            Look::Heading => theme.title,
            Look::Muted => theme.muted,
            Look::Added => theme.diff_add,
            Look::Removed => theme.diff_remove,
            Look::Warn => theme.status_warn,
            Look::Bad => theme.status_bad,
        }
    }
}

impl Review {
    pub(super) fn of(session: &Session, rack: &Rack) -> Review {
        let text = session.editor.text();
        let is_touched = session.base != text;
        let errors = session.errors();
        let mut lines: Vec<(Look, String)> = errors
            .iter()
            .map(|error| {
                (
                    Look::Bad,
                    format!("line {}: {}", error.line + 1, error.text),
                )
            })
            .collect();
        let (mut changes, mut impact) = (Vec::new(), None);
        if is_touched && !errors.is_empty() {
            lines.push((Look::Plain, UNKNOWN.to_owned()));
        } else {
            changes = session.changes().clone().unwrap_or_default();
            put_changes(&changes, is_touched, &mut lines);
            impact = put_services(session, &text, rack, &mut lines);
        }
        put_difference(&session.base, &text, &mut lines);
        Review {
            title: "What this changes",
            errors: if is_touched { errors.len() } else { 0 },
            changes,
            impact,
            lines,
            scroll: 0,
        }
    }

    /// A page of its own, with nothing to apply.
    pub(super) fn page(title: &'static str, lines: Vec<(Look, String)>) -> Review {
        Review {
            title,
            errors: 0,
            changes: Vec::new(),
            impact: None,
            lines,
            scroll: 0,
        }
    }

    /// Puts lines before all others.
    pub(super) fn put_first(&mut self, lines: Vec<(Look, String)>) {
        self.lines.splice(0..0, lines);
    }

    pub(super) fn summary(&self) -> String {
        match (self.errors, self.changes.len()) {
            (1, _) => "1 error".to_owned(),
            (2.., _) => format!("{} errors", self.errors),
            (0, 0) => "nothing".to_owned(),
            (0, 1) => "1 object".to_owned(),
            (0, count) => format!("{count} objects"),
        }
    }

    pub(super) fn on_action(&mut self, action: Action, height: usize) {
        scrolled(&mut self.scroll, action, self.lines.len(), height);
    }

    pub(super) fn draw(&self, theme: &Theme, area: Rect, buf: &mut Buffer) {
        draw_lines(&self.lines, self.scroll, theme, area, buf);
    }
}

fn put_changes(changes: &[Change], is_touched: bool, lines: &mut Vec<(Look, String)>) {
    if changes.is_empty() {
        let text = if is_touched {
            "Nothing for the server: only comments and layout differ, and the API does not store those."
        } else {
            "Nothing: the text is what the server has."
        };
        lines.push((Look::Plain, text.to_owned()));
        return;
    }
    for change in changes {
        let look = if change.is_deletion() {
            Look::Bad
        } else {
            Look::Plain
        };
        lines.push((look, change.sentence()));
    }
}

/// What becomes of each Service that notices.
fn put_services(
    session: &Session,
    text: &str,
    rack: &Rack,
    lines: &mut Vec<(Look, String)>,
) -> Option<String> {
    let version = rack.metallb.version();
    let form = judge::read_form(&session.live.form);
    let before = read(&session.base, form, version).objects;
    let after = read(text, form, version).objects;
    let holders = live::holders(rack);
    let newest = version.unwrap_or(Version::LATEST);
    let impact = impact(&before, &after, &holders, newest);
    lines.push((Look::Plain, String::new()));
    let look = if impact.outcomes.is_empty() {
        Look::Plain
    } else {
        Look::Heading
    };
    lines.push((look, impact.words.clone()));
    let noticed = (!impact.outcomes.is_empty()).then_some(impact.words);
    if version.is_none() {
        let text = "MetalLB's version is not known: this is what the newest would do.";
        lines.push((Look::Muted, text.to_owned()));
    }
    for outcome in impact.outcomes {
        let look = match outcome.fate {
            Fate::Pending | Fate::Refused => Look::Bad,
            Fate::Renumbered { .. } => Look::Warn,
            Fate::Gains { .. } | Fate::Moved { .. } => Look::Plain,
        };
        lines.push((look, outcome.words));
    }
    noticed
}

/// The lines that differ, with a few around them. Passwords are not shown.
pub(super) fn put_difference(before: &str, after: &str, lines: &mut Vec<(Look, String)>) {
    if before == after {
        return;
    }
    lines.push((Look::Plain, String::new()));
    let (old, new) = (line_diff::lines(before), line_diff::lines(after));
    let groups = group_diff_ops(line_diff::differences(&old, &new), AROUND);
    for (number, group) in groups.iter().enumerate() {
        if number > 0 {
            lines.push((Look::Muted, "  ...".to_owned()));
        }
        for change in group.iter().flat_map(|op| op.iter_changes(&old, &new)) {
            let (sign, look) = match change.tag() {
                ChangeTag::Equal => (' ', Look::Muted),
                ChangeTag::Insert => ('+', Look::Added),
                ChangeTag::Delete => ('-', Look::Removed),
            };
            let text = masked(change.value().trim_end_matches('\n')).into_owned();
            lines.push((look, format!("{sign} {text}")));
        }
    }
}

/// Lines from one on, each cut at the edge.
pub(super) fn draw_lines(
    lines: &[(Look, String)],
    scroll: usize,
    theme: &Theme,
    area: Rect,
    buf: &mut Buffer,
) {
    let room = usize::from(area.width.saturating_sub(2));
    let rows = lines.iter().flat_map(|(look, text)| {
        let text = clean(text);
        let is_code = matches!(look, Look::Added | Look::Removed | Look::Muted);
        let parts = if is_code {
            vec![cut_end(&text, room, theme.symbols.ellipsis).into_owned()]
        } else {
            wrap(&text, room)
        };
        parts.into_iter().map(|part| (*look, part))
    });
    for ((look, text), y) in rows.skip(scroll).zip(area.top()..area.bottom()) {
        let x = area.x.saturating_add(1);
        put(
            buf,
            (x, y),
            area.width.saturating_sub(1),
            &text,
            look.style(theme),
        );
    }
}

/// Everything applied from here, newest first.
pub(super) fn draw_history(
    history: &[Applied],
    scroll: usize,
    rack: &Rack,
    theme: &Theme,
    area: Rect,
    buf: &mut Buffer,
) {
    let mut lines = Vec::new();
    if history.is_empty() {
        let text = "Nothing was applied from here in this context yet.";
        lines.push((Look::Plain, text.to_owned()));
    }
    for applied in history.iter().skip(scroll) {
        let since = rack.now.wall.duration_since(applied.at);
        let age = std::time::Duration::try_from(since).map_or_else(|_| "?".to_owned(), short);
        let what = match applied.deed {
            Deed::Install => format!("{} {}", applied.deed.word(), applied.after),
            deed => format!("{} {}", deed.word(), applied.key.target),
        };
        lines.push((Look::Heading, format!("{age} ago  {what}")));
        for done in &applied.changes {
            let verb = match (&done.before, &done.after) {
                (None, _) => "created",
                (_, None) => "deleted",
                _ => "changed",
            };
            lines.push((Look::Muted, format!("  {verb} {}", done.id)));
        }
        if !applied.stopped.is_empty() {
            lines.push((Look::Warn, format!("  stopped: {}", applied.stopped)));
        }
    }
    draw_lines(&lines, 0, theme, area, buf);
}
