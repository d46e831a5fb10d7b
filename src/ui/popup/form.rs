//! A form: a few fields below each other, one of them with the cursor, and the keys that send or leave it.
//!
//! Not here: editing, and whether the answers are good (the app and the pane that asked). Invariant: the field with the
//! cursor and the line with the keys are always visible.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::theme::roles::Theme;
use crate::ui::field::Field;
use crate::ui::footer::{Hint, draw_hints};
use crate::ui::popup::{centred, open};
use crate::ui::text::{cut_end, put, width16, wrap};

/// The widest a form gets.
const WIDEST: u16 = 76;
/// The narrowest a field gets before the label is cut.
const FIELD: u16 = 16;

/// Everything a form needs to be drawn.
#[derive(Debug, Clone, Copy)]
pub struct Form<'a> {
    pub title: &'a str,
    /// What it is about; wrapped.
    pub lines: &'a [String],
    pub rows: &'a [Row<'a>],
    /// The row with the cursor.
    pub focus: usize,
    /// What that row is for.
    pub help: &'a str,
    /// What is wrong with the answers so far; takes the place of the help.
    pub complaint: Option<&'a str>,
    pub hints: &'a [Hint],
}

/// One field.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    pub label: &'a str,
    pub value: Value<'a>,
}

#[derive(Debug, Clone, Copy)]
pub enum Value<'a> {
    /// An editable text, and what it would become.
    Text(&'a Field, Option<&'a str>),
    /// An editable text of so many letters that are not shown.
    Secret(usize),
    /// One of several, with its place: `(2 of 3)`.
    Choice(&'a str, usize, usize),
    Toggle(bool),
}

/// Draws the form in the middle of `area`; where the cursor is when the row is a text.
pub fn draw(form: Form<'_>, area: Rect, buf: &mut Buffer, theme: &Theme) -> Option<Position> {
    let width = WIDEST.min(area.width);
    let room = usize::from(width.saturating_sub(4));
    let lines: Vec<String> = form
        .lines
        .iter()
        .flat_map(|line| wrap(line, room))
        .collect();
    let below = wrap(form.complaint.unwrap_or(form.help), room);
    // Two lines are kept for help and complaints, so that the form does not jump while it is filled in.
    let below_height = 2.max(u16::try_from(below.len()).unwrap_or(u16::MAX)).min(4);
    let text = u16::try_from(lines.len()).unwrap_or(u16::MAX);
    let rows = u16::try_from(form.rows.len()).unwrap_or(u16::MAX);
    let gap = u16::from(text > 0);
    let height = text
        .saturating_add(gap)
        .saturating_add(rows)
        .saturating_add(below_height)
        .saturating_add(5);
    let inside = open(form.title, "", centred(area, width, height), buf, theme);
    let keys = inside.bottom().saturating_sub(1);
    let mut end = keys.saturating_sub(1).max(inside.y);
    // What does not fit gives way from the top: the fields stay.
    let fixed = rows.saturating_add(below_height).saturating_add(1);
    let text = text.min(inside.height.saturating_sub(fixed + 2));
    for (line, y) in lines.iter().zip(inside.y..inside.y.saturating_add(text)) {
        put(buf, (inside.x, y), inside.width, line, theme.popup);
    }
    let top = inside.y + text + if text > 0 { gap } else { 0 };
    let shown = end
        .saturating_sub(top)
        .saturating_sub(below_height + 1)
        .max(1);
    let skip = (form.focus + 1).saturating_sub(usize::from(shown));
    let mut cursor = None;
    let label = label_width(form.rows, inside.width);
    for ((index, row), y) in form
        .rows
        .iter()
        .enumerate()
        .skip(skip)
        .zip(top..end.min(top + shown))
    {
        let line = Rect {
            y,
            height: 1,
            ..inside
        };
        let has_focus = index == form.focus;
        let place = draw_row(*row, has_focus, label, line, buf, theme);
        if has_focus {
            cursor = place;
        }
    }
    let style = if form.complaint.is_some() {
        theme.status_warn
    } else {
        theme.muted
    };
    end = end.min(keys);
    let first = (top + shown + 1).min(end);
    for (line, y) in below.iter().zip(first..end) {
        put(buf, (inside.x, y), inside.width, line, style);
    }
    let line = Rect {
        x: inside.x.saturating_sub(1),
        y: keys.max(inside.y),
        height: inside.height.min(1),
        ..inside
    };
    draw_hints(form.hints, line, buf, theme);
    cursor
}

fn label_width(rows: &[Row<'_>], room: u16) -> u16 {
    let widest = rows.iter().map(|row| width16(row.label)).max().unwrap_or(0);
    widest.min(room.saturating_sub(FIELD))
}

fn draw_row(
    row: Row<'_>,
    has_focus: bool,
    label_width: u16,
    line: Rect,
    buf: &mut Buffer,
    theme: &Theme,
) -> Option<Position> {
    let sign = if has_focus { theme.symbols.cursor } else { " " };
    let x = put(buf, (line.x, line.y), line.width.min(2), sign, theme.cursor).max(line.x + 1) + 1;
    let label = cut_end(row.label, label_width.into(), theme.symbols.ellipsis);
    let style = if has_focus { theme.title } else { theme.muted };
    put(
        buf,
        (x, line.y),
        line.right().saturating_sub(x),
        &label,
        style,
    );
    let x = x.saturating_add(label_width).saturating_add(2);
    let room = line.right().saturating_sub(x);
    let field = Rect {
        x,
        width: room,
        ..line
    };
    match row.value {
        Value::Text(text, becomes) => {
            let ghost = becomes
                .filter(|_| has_focus)
                .and_then(|whole| whole.strip_prefix(text.text()));
            let place = text.draw("", field, buf, theme, theme.prompt);
            if let Some(rest) = ghost {
                let after = x.saturating_add(width16(text.text()));
                put(
                    buf,
                    (after, line.y),
                    line.right().saturating_sub(after),
                    rest,
                    theme.muted,
                );
            }
            place.filter(|_| has_focus)
        }
        Value::Secret(letters) => {
            let dots = "*".repeat(letters.min(room.saturating_sub(1).into()));
            let after = put(buf, (x, line.y), room, &dots, theme.prompt);
            (has_focus && room > 0).then(|| Position::new(after, line.y))
        }
        Value::Choice(text, index, count) => {
            let after = put(buf, (x, line.y), room, text, theme.prompt);
            let place = format!("  {} of {count}", index + 1);
            put(
                buf,
                (after, line.y),
                line.right().saturating_sub(after),
                &place,
                theme.muted,
            );
            None
        }
        Value::Toggle(is_on) => {
            let text = if is_on { "[x] yes" } else { "[ ] no" };
            put(buf, (x, line.y), room, text, theme.prompt);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::testing::{at_every_size, drawn, theme};

    fn hints() -> Vec<Hint> {
        let hint = |key: &str, text: &str| Hint {
            key: key.into(),
            text: text.into(),
        };
        vec![hint("enter", "next"), hint("esc", "leave")]
    }

    #[test]
    fn a_form_shows_its_fields_below_each_other() {
        let name = Field::with_text("app");
        let rows = [
            Row {
                label: "key",
                value: Value::Text(&name, Some("apps")),
            },
            Row {
                label: "password",
                value: Value::Secret(3),
            },
            Row {
                label: "pool",
                value: Value::Choice("lan", 0, 2),
            },
            Row {
                label: "remove",
                value: Value::Toggle(true),
            },
        ];
        let lines = ["what it is for".to_owned()];
        let form = Form {
            title: "Label",
            lines: &lines,
            rows: &rows,
            focus: 0,
            help: "a name",
            complaint: None,
            hints: &hints(),
        };
        let mut cursor = None;
        let lines = drawn(34, 14, |area, buf| cursor = draw(form, area, buf, &theme()));
        assert_eq!(
            lines,
            [
                "┌ Label ─────────────────────────┐",
                "│ what it is for                 │",
                "│                                │",
                "│ ▌ key       apps               │",
                "│   password  ***                │",
                "│   pool      lan  1 of 2        │",
                "│   remove    [x] yes            │",
                "│                                │",
                "│ a name                         │",
                "│                                │",
                "│                                │",
                "│ enter next  esc leave          │",
                "└────────────────────────────────┘",
                "",
            ]
        );
        assert_eq!(cursor, Some(Position::new(17, 3)));
    }

    #[test]
    fn no_size_is_too_small_to_draw() {
        let theme = theme();
        let field = Field::with_text("日本");
        let row = Row {
            label: "日本語",
            value: Value::Text(&field, None),
        };
        let rows = [
            row,
            Row {
                label: "",
                value: Value::Choice("日", 0, 1),
            },
        ];
        let lines = vec!["日本語 a long sentence that wraps".to_owned(); 3];
        for focus in 0..3 {
            let form = Form {
                title: "日本",
                lines: &lines,
                rows: &rows,
                focus,
                help: "help",
                complaint: Some("日本語 is wrong"),
                hints: &hints(),
            };
            at_every_size(|area, buf| {
                draw(form, area, buf, &theme);
            });
        }
    }
}
