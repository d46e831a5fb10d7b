//! The skeleton of the screen: the regions, the box of a pane, and the sentence when there is no room.
//!
//! Not here: what stands in the regions (`header`, `footer`, panes). Invariant: regions never overlap
//! and together cover the screen.

use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::style::Style;
use ratatui::widgets::{Block, Clear, Widget};

use crate::theme::roles::Theme;
use crate::ui::text::{cut_end, put, width16, wrap};

/// The smallest screen that is drawn.
pub const LEAST: Size = Size::new(60, 20);

/// Where things are on a screen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Regions {
    /// One line: where we are connected, and how all is.
    pub header: Rect,
    /// One line: the panes.
    pub tabs: Rect,
    /// The pane with its box.
    pub body: Rect,
    /// One line: hints, a notice or a prompt.
    pub footer: Rect,
}

/// The regions of a screen, or nothing when it is smaller than [`LEAST`].
pub fn regions(size: Size) -> Option<Regions> {
    if size.width < LEAST.width || size.height < LEAST.height {
        return None;
    }
    let row = |y, height| Rect::new(0, y, size.width, height);
    Some(Regions {
        header: row(0, 1),
        tabs: row(1, 1),
        body: row(2, size.height - 3),
        footer: row(size.height - 1, 1),
    })
}

/// The inside of a pane's box, known without drawing it.
pub fn inside(area: Rect) -> Rect {
    Rect {
        x: area.x.saturating_add(1),
        y: area.y.saturating_add(1),
        width: area.width.saturating_sub(2),
        height: area.height.saturating_sub(2),
    }
}

/// Empties an area and gives it the ground of `style`.
pub fn fill(area: Rect, buf: &mut Buffer, style: Style) {
    let area = area.intersection(buf.area);
    Clear.render(area, buf);
    buf.set_style(area, style);
}

/// What a box says and whether the keys act in it.
#[derive(Debug, Clone, Copy)]
pub struct PaneBox<'a> {
    /// Left in the upper line.
    pub title: &'a str,
    /// Right in the upper line: age and source. Left out when there is no room.
    pub right: &'a str,
    /// Whether the keys act here.
    pub has_focus: bool,
}

/// Draws a pane's box; the area inside.
pub fn draw_box(pane: PaneBox<'_>, area: Rect, buf: &mut Buffer, theme: &Theme) -> Rect {
    let lines = if pane.has_focus {
        theme.border_focus
    } else {
        theme.border
    };
    let area = area.intersection(buf.area);
    Block::bordered()
        .border_set(theme.symbols.border)
        .border_style(lines)
        .render(area, buf);
    let room = area.width.saturating_sub(4);
    let title = cut_end(
        pane.title,
        room.saturating_sub(2).into(),
        theme.symbols.ellipsis,
    );
    put_label(buf, area.x.saturating_add(1), area.y, &title, theme.title);
    let right = width16(pane.right);
    let taken = width16(&title).saturating_add(right).saturating_add(5);
    if right > 0 && taken < room {
        let x = area.right().saturating_sub(right).saturating_sub(3);
        put_label(buf, x, area.y, pane.right, theme.muted);
    }
    inside(area)
}

/// Draws the one sentence for a screen that is too small.
pub fn draw_too_small(area: Rect, buf: &mut Buffer, theme: &Theme) {
    fill(area, buf, theme.text);
    let sentence = format!(
        "bramble needs {}x{}, this is {}x{}",
        LEAST.width, LEAST.height, area.width, area.height
    );
    let lines = wrap(&sentence, area.width.into());
    let count = u16::try_from(lines.len()).unwrap_or(u16::MAX);
    let top = area.y.saturating_add(area.height.saturating_sub(count) / 2);
    for (line, y) in lines.iter().zip(top..area.bottom()) {
        let margin = area.width.saturating_sub(width16(line)) / 2;
        put(
            buf,
            (area.x.saturating_add(margin), y),
            area.width,
            line,
            theme.text,
        );
    }
}

/// A text in a line of a box, with a blank on either side.
fn put_label(buf: &mut Buffer, x: u16, y: u16, text: &str, style: Style) {
    if text.is_empty() {
        return;
    }
    let after = put(buf, (x, y), 1, " ", style);
    let after = put(buf, (after, y), u16::MAX, text, style);
    put(buf, (after, y), 1, " ", style);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::testing::{at_every_size, drawn, theme};

    #[test]
    fn the_regions_cover_the_screen_without_overlap() {
        for (width, height) in [(60, 20), (80, 24), (160, 48), (65535, 20)] {
            let r = regions(Size::new(width, height)).unwrap();
            let rows = [r.header, r.tabs, r.body, r.footer];
            assert_eq!(rows.iter().map(|area| area.height).sum::<u16>(), height);
            assert!(rows.windows(2).all(|pair| pair[0].bottom() == pair[1].y));
        }
        assert_eq!(regions(Size::new(59, 24)), None);
        assert_eq!(regions(Size::new(80, 19)), None);
    }

    #[test]
    fn a_box_says_what_it_is_and_how_old() {
        let theme = theme();
        let pane = PaneBox {
            title: "Rack",
            right: "3s ago · watch",
            has_focus: true,
        };
        let draw = |width| {
            drawn(width, 3, |area, buf| {
                assert_eq!(draw_box(pane, area, buf, &theme), inside(area));
            })
        };
        assert_eq!(
            draw(30),
            [
                "┌ Rack ────── 3s ago · watch ┐",
                "│                            │",
                "└────────────────────────────┘"
            ]
        );
        assert_eq!(draw(20)[0], "┌ Rack ────────────┐");
        assert_eq!(draw(9)[0], "┌ Ra… ──┐");
    }

    #[test]
    fn a_small_screen_gets_a_sentence() {
        let lines = drawn(50, 3, |area, buf| draw_too_small(area, buf, &theme()));
        assert_eq!(lines, ["", "        bramble needs 60x20, this is 50x3", ""]);
    }

    #[test]
    fn no_size_is_too_small_to_draw() {
        let theme = theme();
        let pane = PaneBox {
            title: "日本",
            right: "語",
            has_focus: false,
        };
        at_every_size(|area, buf| {
            draw_box(pane, area, buf, &theme);
            draw_too_small(area, buf, &theme);
        });
    }
}
