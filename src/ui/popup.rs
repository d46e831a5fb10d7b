//! Boxes over the screen: a question, a menu, the help, a page of text.
//!
//! Not here: what is asked and what an answer does (the app). Invariant: a pop-up never reaches beyond the area it is
//! given, covers what is below it, and leaves that untouched elsewhere.

pub mod form;
pub mod help;
pub mod menu;
pub mod page;
pub mod question;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::theme::roles::Theme;
use crate::ui::frame::{PaneBox, draw_box, fill};

/// An area of a size in the middle of another, cut to it.
pub fn centred(area: Rect, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(area.width), height.min(area.height));
    Rect {
        x: area.x.saturating_add((area.width - width) / 2),
        y: area.y.saturating_add((area.height - height) / 2),
        width,
        height,
    }
}

/// An area of a size in the lower right corner of another, cut to it.
pub fn cornered(area: Rect, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(area.width), height.min(area.height));
    Rect {
        x: area.right().saturating_sub(width),
        y: area.bottom().saturating_sub(height),
        width,
        height,
    }
}

/// Draws an empty pop-up; the area inside, with a blank column on either side.
fn open(title: &str, right: &str, area: Rect, buf: &mut Buffer, theme: &Theme) -> Rect {
    fill(area, buf, theme.popup);
    let pane = PaneBox {
        title,
        right,
        has_focus: true,
    };
    let inside = draw_box(pane, area, buf, theme);
    Rect {
        x: inside.x.saturating_add(1),
        width: inside.width.saturating_sub(2),
        ..inside
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pop_ups_stay_inside_whatever_their_size() {
        let area = Rect::new(2, 1, 20, 7);
        assert_eq!(centred(area, 10, 3), Rect::new(7, 3, 10, 3));
        assert_eq!(cornered(area, 10, 3), Rect::new(12, 5, 10, 3));
        assert_eq!(centred(area, 900, 900), area);
        assert_eq!(cornered(area, 900, 900), area);
        assert_eq!(centred(Rect::ZERO, 5, 5), Rect::ZERO);
    }
}
