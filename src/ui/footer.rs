//! The last line: the keys that act here, or a notice.
//!
//! Not here: prompts (`prompt`) and how long a notice stays (the app). Invariant: hints are made from the keymap,
//! an action without a key gives none, and the last hint (help) is never left out for another.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::action::Action;
use crate::keymap::Keymap;
use crate::keymap::table::Table;
use crate::theme::roles::Theme;
use crate::ui::frame::fill;
use crate::ui::header::first_line;
use crate::ui::text::{cut_end, put, width16, wrap};

/// Blanks between two hints.
const GAP: u16 = 2;

/// A key and what it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// As the keymap writes it.
    pub key: String,
    /// One or two words.
    pub text: String,
}

/// How bad a notice is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// Worth knowing.
    Info,
    /// Needs a look.
    Warn,
    /// Something failed.
    Bad,
}

/// The hints of some actions when `tables` apply; the words are the help line up to its first colon or semicolon.
pub fn hints(keymap: &Keymap, tables: &[Table], actions: &[Action]) -> Vec<Hint> {
    let hint = |action: &Action| {
        let key = keymap.keys_for(tables, *action)?;
        let help = action.info().help;
        let text = help.split([':', ';']).next().unwrap_or(help);
        Some(Hint {
            key,
            text: text.to_owned(),
        })
    };
    actions.iter().filter_map(hint).collect()
}

/// Draws hints from the left; those before the last one go first when the line is narrow.
pub fn draw_hints(hints: &[Hint], area: Rect, buf: &mut Buffer, theme: &Theme) {
    let area = first_line(area, buf);
    let Some((last, others)) = hints.split_last() else {
        return;
    };
    let mut room = area.width.saturating_sub(1).saturating_sub(size(last));
    let fitting = others.iter().take_while(|hint| {
        let left = room.checked_sub(size(hint).saturating_add(GAP));
        room = left.unwrap_or(0);
        left.is_some()
    });
    let mut x = area.x.saturating_add(1);
    for hint in fitting.chain([last]) {
        let left = |x: u16| area.right().saturating_sub(x);
        x = put(buf, (x, area.y), left(x), &hint.key, theme.hint_key).saturating_add(1);
        x = put(buf, (x, area.y), left(x), &hint.text, theme.hint_text).saturating_add(GAP);
    }
}

/// Draws a notice, cut at its end.
pub fn draw_notice(text: &str, weight: Weight, area: Rect, buf: &mut Buffer, theme: &Theme) {
    let area = first_line(area, buf);
    let (sign, style) = sign(weight, theme);
    let text = format!("{sign} {text}");
    let text = cut_end(
        &text,
        area.width.saturating_sub(2).into(),
        theme.symbols.ellipsis,
    );
    put(
        buf,
        (area.x.saturating_add(1), area.y),
        area.width,
        &text,
        style,
    );
}

/// The most lines a notice takes.
const LONGEST_NOTICE: usize = 4;

/// Draws a notice at the foot of `area`, over as many lines as its words need.
pub fn draw_long_notice(text: &str, weight: Weight, area: Rect, buf: &mut Buffer, theme: &Theme) {
    let area = area.intersection(buf.area);
    let room = usize::from(area.width.saturating_sub(4));
    let mut lines = wrap(text, room);
    if lines.len() > LONGEST_NOTICE {
        let rest = lines.split_off(LONGEST_NOTICE - 1).join(" ");
        lines.push(cut_end(&rest, room, theme.symbols.ellipsis).into_owned());
    }
    let height = u16::try_from(lines.len()).unwrap_or(1).min(area.height);
    let place = Rect {
        y: area.bottom().saturating_sub(height),
        height,
        ..area
    };
    fill(place, buf, theme.text);
    let (sign, style) = sign(weight, theme);
    put(
        buf,
        (place.x.saturating_add(1), place.y),
        place.width,
        sign,
        style,
    );
    for (line, y) in lines.iter().zip(place.top()..place.bottom()) {
        let x = place.x.saturating_add(3);
        put(buf, (x, y), place.right().saturating_sub(x), line, style);
    }
}

fn sign(weight: Weight, theme: &Theme) -> (&'static str, Style) {
    match weight {
        Weight::Info => (theme.symbols.note, theme.notice),
        Weight::Warn => (theme.symbols.warn, theme.notice_warn),
        Weight::Bad => (theme.symbols.cross, theme.notice_bad),
    }
}

fn size(hint: &Hint) -> u16 {
    width16(&hint.key)
        .saturating_add(1)
        .saturating_add(width16(&hint.text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::PaneId;
    use crate::ui::testing::{at_every_size, drawn, theme};

    fn rack_hints() -> Vec<Hint> {
        let (keymap, _) = Keymap::load("default", None);
        let tables = [Table::Pane(PaneId::Rack), Table::List, Table::Global];
        let actions = [
            Action::RowOpen,
            Action::NodeCordon,
            Action::FilterOpen,
            Action::HelpOpen,
        ];
        hints(&keymap, &tables, &actions)
    }

    #[test]
    fn help_is_the_last_hint_to_go() {
        let draw = |width| {
            drawn(width, 1, |area, buf| {
                draw_hints(&rack_hints(), area, buf, &theme());
            })
            .concat()
        };
        assert_eq!(draw(60), " enter open  c cordon  / filter  ? help");
        assert_eq!(draw(38), " enter open  c cordon  ? help");
        assert_eq!(draw(18), " ? help");
    }

    #[test]
    fn an_action_without_a_key_gives_no_hint() {
        let (keymap, _) = Keymap::load("default", None);
        assert_eq!(
            hints(&keymap, &[Table::Question], &[Action::NodeCordon]),
            []
        );
    }

    #[test]
    fn a_notice_begins_with_its_sign() {
        let draw = |weight| {
            drawn(16, 1, |area, buf| {
                draw_notice("rpi-03 is gone now", weight, area, buf, &theme());
            })
            .concat()
        };
        assert_eq!(draw(Weight::Bad), " ✗ rpi-03 is g…");
        assert_eq!(draw(Weight::Warn), " ! rpi-03 is g…");
    }

    #[test]
    fn a_long_notice_grows_upwards_and_keeps_its_end_in_sight() {
        let lines = drawn(16, 5, |area, buf| {
            draw_long_notice("one two three four", Weight::Bad, area, buf, &theme());
        });
        assert_eq!(lines, ["", "", "", " ✗ one two", "   three four"]);
        let long = "word ".repeat(40);
        let lines = drawn(16, 5, |area, buf| {
            draw_long_notice(&long, Weight::Info, area, buf, &theme());
        });
        assert_eq!(lines[0], "");
        assert!(lines[4].ends_with('…'), "{lines:?}");
    }

    #[test]
    fn no_size_is_too_small_to_draw() {
        let theme = theme();
        at_every_size(|area, buf| {
            draw_hints(&rack_hints(), area, buf, &theme);
            draw_hints(&[], area, buf, &theme);
            draw_notice("日本語", Weight::Info, area, buf, &theme);
            draw_long_notice("日本語 and more", Weight::Info, area, buf, &theme);
        });
    }
}
