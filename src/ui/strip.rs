//! Small pictures of time: the strip of heartbeats and the sparkline.
//!
//! Not here: gathering the values. Invariant: the newest is always at the right end and always drawn.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::theme::roles::Theme;
use crate::theme::symbols::Symbols;
use crate::ui::header::first_line;
use crate::ui::text::put;

/// What the heartbeat did in one stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beat {
    /// Renewals came in time.
    Ok,
    /// A renewal came late.
    Late,
    /// None came.
    Gap,
    /// We were not looking.
    Unknown,
}

/// Draws the newest beats that fit into the line, one cell each, the newest at the right.
pub fn draw_strip(beats: &[Beat], area: Rect, buf: &mut Buffer, theme: &Theme) {
    let area = first_line(area, buf);
    let shown = beats.len().min(area.width.into());
    let shown_cells = u16::try_from(shown).unwrap_or(area.width);
    let start = area.right().saturating_sub(shown_cells);
    for (beat, x) in beats.iter().skip(beats.len() - shown).zip(start..) {
        let (sign, style) = cell(*beat, theme);
        put(buf, (x, area.y), 1, sign, style);
    }
}

/// The newest `cells` values as bars between 0 and `top`; a value we do not have is a blank.
pub fn sparkline(values: &[Option<f64>], top: f64, cells: usize, symbols: &Symbols) -> String {
    let skipped = values.len().saturating_sub(cells);
    let bar = |value: &Option<f64>| match value {
        Some(value) if value.is_finite() && top > 0.0 => height(*value / top, symbols),
        _ => " ",
    };
    values.iter().skip(skipped).map(bar).collect()
}

fn cell(beat: Beat, theme: &Theme) -> (&'static str, Style) {
    let [low, _, _, middle, .., high] = theme.symbols.bars;
    match beat {
        Beat::Ok => (middle, theme.led_ok),
        Beat::Late => (high, theme.led_late),
        Beat::Gap => (low, theme.led_lost),
        Beat::Unknown => (theme.symbols.led_unknown, theme.led_unknown),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to 0..=7 before the cast"
)]
fn height(share: f64, symbols: &Symbols) -> &'static str {
    let step = (share * 8.0).clamp(0.0, 7.0) as usize;
    symbols.bars.get(step).copied().unwrap_or(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theme::symbols::{ASCII, UNICODE};
    use crate::ui::testing::{at_every_size, drawn, theme};

    #[test]
    fn the_newest_beat_is_at_the_right_end() {
        let beats = [Beat::Unknown, Beat::Ok, Beat::Ok, Beat::Late, Beat::Gap];
        let draw = |width| {
            drawn(width, 1, |area, buf| {
                draw_strip(&beats, area, buf, &theme());
            })
            .concat()
        };
        assert_eq!(draw(7), "  ·▄▄█▁");
        assert_eq!(draw(2), "█▁");
    }

    #[test]
    fn a_sparkline_shows_the_newest_values() {
        let values = [
            Some(0.0),
            Some(50.0),
            None,
            Some(100.0),
            Some(f64::NAN),
            Some(-3.0),
        ];
        assert_eq!(sparkline(&values, 100.0, 9, &UNICODE), "▁▅ █ ▁");
        assert_eq!(sparkline(&values, 100.0, 3, &ASCII), "# _");
        assert_eq!(sparkline(&values, 0.0, 9, &UNICODE), "      ");
        assert_eq!(sparkline(&[], 1.0, 0, &UNICODE), "");
    }

    #[test]
    fn no_size_is_too_small_to_draw() {
        let theme = theme();
        at_every_size(|area, buf| {
            draw_strip(&[Beat::Ok; 20], area, buf, &theme);
            draw_strip(&[], area, buf, &theme);
        });
    }
}
