//! The rack picture: each board a tray with its lights, in the order of the case on the wall.
//!
//! Not here: which board stands where and what its lights do. Invariant: all trays have one size,
//! so a tray stays in its place while its values change.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::theme::roles::Theme;
use crate::ui::frame::{PaneBox, draw_box};
use crate::ui::table::Cell;
use crate::ui::text::{cut_end, cut_start, put};

/// The width of a tray.
pub const WIDTH: u16 = 20;
/// The height of a tray.
pub const HEIGHT: u16 = 5;

/// One board as it is drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tray {
    /// Which tray it is: `tray 1`.
    pub title: String,
    /// The lights: sign, style and what it tells.
    pub leds: Vec<Light>,
    /// The name of the board; a long one keeps its end.
    pub name: Cell,
    /// The line below: temperature, or what to do.
    pub line: Vec<Cell>,
    /// Whether the keys act on it.
    pub is_selected: bool,
}

/// A light on a board.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Light {
    /// What it looks like now.
    pub sign: &'static str,
    /// How.
    pub style: Style,
    /// What it tells: `beat`.
    pub label: &'static str,
}

/// The trays that stand side by side in a width; at least one.
pub fn columns(width: u16) -> usize {
    usize::from(width / WIDTH).max(1)
}

/// The rows of trays that are entirely visible in a height; at least one.
pub fn rows(height: u16) -> usize {
    usize::from(height / HEIGHT).max(1)
}

/// Draws trays row by row from the upper left; those handed over are the visible ones.
pub fn draw(trays: &[Tray], area: Rect, buf: &mut Buffer, theme: &Theme) {
    let across = columns(area.width);
    for (row, y) in trays
        .chunks(across)
        .zip((area.top()..area.bottom()).step_by(HEIGHT.into()))
    {
        for (tray, x) in row
            .iter()
            .zip((area.left()..area.right()).step_by(WIDTH.into()))
        {
            let place = Rect::new(x, y, WIDTH, HEIGHT);
            draw_tray(tray, place.intersection(area), buf, theme);
        }
    }
}

fn draw_tray(tray: &Tray, area: Rect, buf: &mut Buffer, theme: &Theme) {
    let pane = PaneBox {
        title: &tray.title,
        right: "",
        has_focus: tray.is_selected,
    };
    let inside = draw_box(pane, area, buf, theme);
    let ellipsis = theme.symbols.ellipsis;
    let start = inside.x.saturating_add(1);
    let room = |x: u16| inside.right().saturating_sub(x);
    let mut ys = inside.top()..inside.bottom();
    if let Some(y) = ys.next() {
        let mut x = start;
        for light in &tray.leds {
            x = put(buf, (x, y), room(x), light.sign, light.style).saturating_add(1);
            x = put(buf, (x, y), room(x), light.label, theme.muted).saturating_add(2);
        }
    }
    if let Some(y) = ys.next() {
        let name = cut_start(&tray.name.text, room(start).into(), ellipsis);
        put(buf, (start, y), room(start), &name, tray.name.style);
        if tray.is_selected {
            let line = Rect {
                y,
                height: 1,
                ..inside
            };
            buf.set_style(line.intersection(buf.area), theme.selection);
            put(
                buf,
                (inside.x, y),
                inside.width,
                theme.symbols.cursor,
                theme.cursor,
            );
        }
    }
    if let Some(y) = ys.next() {
        let mut x = start;
        for cell in &tray.line {
            let text = cut_end(&cell.text, room(x).into(), ellipsis);
            x = put(buf, (x, y), room(x), &text, cell.style).saturating_add(2);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::testing::{at_every_size, drawn, theme};

    fn tray(number: usize, name: &str, is_selected: bool) -> Tray {
        let light = |sign, label| Light {
            sign,
            style: Style::new(),
            label,
        };
        Tray {
            title: format!("tray {number}"),
            leds: vec![light("●", "beat"), light("◌", "act")],
            name: Cell::new(name, Style::new()),
            line: vec![
                Cell::new("51°C", Style::new()),
                Cell::new("▃▃▄▃▃", Style::new()),
            ],
            is_selected,
        }
    }

    #[test]
    fn the_picture_looks_like_the_case() {
        let trays = [
            tray(1, "k3s-server", false),
            tray(2, "a-rather-long-rpi-01", true),
            tray(3, "x", false),
        ];
        let lines = drawn(45, 7, |area, buf| draw(&trays, area, buf, &theme()));
        assert_eq!(
            lines,
            [
                "┌ tray 1 ──────────┐┌ tray 2 ──────────┐",
                "│ ● beat  ◌ act    ││ ● beat  ◌ act    │",
                "│ k3s-server       ││▌…ther-long-rpi-01│",
                "│ 51°C  ▃▃▄▃▃      ││ 51°C  ▃▃▄▃▃      │",
                "└──────────────────┘└──────────────────┘",
                "┌ tray 3 ──────────┐",
                "└──────────────────┘",
            ]
        );
    }

    #[test]
    fn the_grid_follows_the_width() {
        assert_eq!((columns(80), columns(79), columns(3)), (4, 3, 1));
        assert_eq!((rows(24), rows(4)), (4, 1));
    }

    #[test]
    fn no_size_is_too_small_to_draw() {
        let theme = theme();
        let trays = [
            tray(1, "日本語日本語日本語", true),
            tray(2, "", false),
            tray(3, "x", false),
        ];
        at_every_size(|area, buf| {
            draw(&trays, area, buf, &theme);
            draw(&[], area, buf, &theme);
        });
    }
}
