//! What the tests of the blocks share: a theme, a drawn buffer as lines, and a walk through all small sizes.
//!
//! Not part of the program: compiled for tests only.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::theme::roles::Theme;

pub(crate) fn theme() -> Theme {
    Theme::load("terminal", None).0
}

/// What `draw` leaves on a fresh screen, line by line without trailing blanks.
pub(crate) fn drawn(width: u16, height: u16, draw: impl FnOnce(Rect, &mut Buffer)) -> Vec<String> {
    let area = Rect::new(0, 0, width, height);
    let mut buf = Buffer::empty(area);
    draw(area, &mut buf);
    lines(&buf)
}

/// The text of a buffer, line by line without trailing blanks; the hidden half of a wide letter is left out.
pub(crate) fn lines(buf: &Buffer) -> Vec<String> {
    let area = buf.area;
    area.rows()
        .map(|row| {
            let mut line = String::new();
            let mut skip = 0;
            for position in row.positions() {
                if skip > 0 {
                    skip -= 1;
                    continue;
                }
                let symbol = buf.cell(position).unwrap().symbol();
                skip = crate::ui::text::width(symbol).saturating_sub(1);
                line.push_str(symbol);
            }
            line.trim_end().to_owned()
        })
        .collect()
}

/// Draws at every size from 0x0 to 30x10, also with an area that reaches out of the buffer.
pub(crate) fn at_every_size(mut draw: impl FnMut(Rect, &mut Buffer)) {
    for width in 0..=30 {
        for height in 0..=10 {
            let area = Rect::new(0, 0, width, height);
            draw(area, &mut Buffer::empty(area));
            let beyond = Rect::new(3, 2, width, height);
            draw(beyond, &mut Buffer::empty(Rect::new(2, 1, 12, 5)));
        }
    }
}
