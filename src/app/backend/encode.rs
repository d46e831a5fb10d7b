//! Changed cells to as few bytes as a terminal needs: short moves, one SGR per change of style, nothing to reset that
//! was not set.
//!
//! crossterm's own encoder spends 19 bytes to reset at the end of every frame and up to four sequences on a style; on an
//! idle rack, where a second changes six digits, that is more than the digits. Invariant: every frame begins and ends
//! with the terminal's plain style.

use std::io::{self, Write};

use ratatui::buffer::Cell;
use ratatui::style::{Color, Modifier};
use unicode_width::UnicodeWidthStr;

/// The look of a cell, as far as a terminal is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pen {
    fg: Color,
    bg: Color,
    modifier: Modifier,
}

const PLAIN: Pen = Pen {
    fg: Color::Reset,
    bg: Color::Reset,
    modifier: Modifier::empty(),
};

const MODIFIERS: [(Modifier, u8); 9] = [
    (Modifier::BOLD, 1),
    (Modifier::DIM, 2),
    (Modifier::ITALIC, 3),
    (Modifier::UNDERLINED, 4),
    (Modifier::SLOW_BLINK, 5),
    (Modifier::RAPID_BLINK, 6),
    (Modifier::REVERSED, 7),
    (Modifier::HIDDEN, 8),
    (Modifier::CROSSED_OUT, 9),
];

/// Writes the cells. `width` is the screen's: in its last column terminals differ in where the cursor goes next, so
/// nothing relies on it.
pub(super) fn encode<'a>(
    cells: impl Iterator<Item = (u16, u16, &'a Cell)>,
    width: u16,
    out: &mut impl Write,
) -> io::Result<()> {
    let mut pen = PLAIN;
    // Where the next letter goes by itself; `None` when that is not known.
    let mut next: Option<(u16, u16)> = None;
    for (x, y, cell) in cells {
        if next != Some((x, y)) {
            move_to(next, (x, y), out)?;
        }
        let wanted = Pen {
            fg: cell.fg,
            bg: cell.bg,
            modifier: cell.modifier,
        };
        if wanted != pen {
            style(wanted, out)?;
            pen = wanted;
        }
        out.write_all(cell.symbol().as_bytes())?;
        let cells = u16::try_from(cell.symbol().width()).unwrap_or(1);
        next = x
            .checked_add(cells)
            .filter(|after| *after < width)
            .map(|after| (after, y));
    }
    if pen != PLAIN {
        style(PLAIN, out)?;
    }
    Ok(())
}

/// The shorter of a move along the line and one to a place. Terminals count from 1.
fn move_to(from: Option<(u16, u16)>, to: (u16, u16), out: &mut impl Write) -> io::Result<()> {
    match from {
        Some((x, y)) if y == to.1 && to.0 == x + 1 => out.write_all(b"\x1b[C"),
        Some((x, y)) if y == to.1 && to.0 > x => write!(out, "\x1b[{}C", to.0 - x),
        _ if to == (0, 0) => out.write_all(b"\x1b[H"),
        _ if to.0 == 0 => write!(out, "\x1b[{}H", to.1.saturating_add(1)),
        _ => write!(
            out,
            "\x1b[{};{}H",
            to.1.saturating_add(1),
            to.0.saturating_add(1)
        ),
    }
}

/// One SGR from nothing: shorter than taking the old style back piece by piece.
fn style(pen: Pen, out: &mut impl Write) -> io::Result<()> {
    if pen == PLAIN {
        return out.write_all(b"\x1b[m");
    }
    out.write_all(b"\x1b[0")?;
    for (_, code) in MODIFIERS
        .iter()
        .filter(|(modifier, _)| pen.modifier.contains(*modifier))
    {
        write!(out, ";{code}")?;
    }
    color(pen.fg, 0, out)?;
    color(pen.bg, 10, out)?;
    out.write_all(b"m")
}

/// A colour's code; `shift` is 10 for the ground. The sixteen named ones go by their own codes, so that the user's
/// palette decides about them.
fn color(color: Color, shift: u8, out: &mut impl Write) -> io::Result<()> {
    let code = match color {
        Color::Reset => return Ok(()),
        Color::Black => 30,
        Color::Red => 31,
        Color::Green => 32,
        Color::Yellow => 33,
        Color::Blue => 34,
        Color::Magenta => 35,
        Color::Cyan => 36,
        Color::Gray => 37,
        Color::DarkGray => 90,
        Color::LightRed => 91,
        Color::LightGreen => 92,
        Color::LightYellow => 93,
        Color::LightBlue => 94,
        Color::LightMagenta => 95,
        Color::LightCyan => 96,
        Color::White => 97,
        Color::Indexed(index) => return write!(out, ";{};5;{index}", 38 + shift),
        Color::Rgb(r, g, b) => return write!(out, ";{};2;{r};{g};{b}", 38 + shift),
    };
    write!(out, ";{}", code + shift)
}

#[cfg(test)]
mod tests {
    use ratatui::buffer::Buffer;
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    use super::*;

    /// What goes out to turn `before` into `after`.
    fn bytes(before: &Buffer, after: &Buffer) -> String {
        let mut out = Vec::new();
        encode(before.diff(after).into_iter(), after.area.width, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn buffer(write: impl FnOnce(&mut Buffer)) -> Buffer {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 40, 5));
        write(&mut buffer);
        buffer
    }

    #[test]
    fn neighbours_need_no_move_and_near_ones_a_short_one() {
        let after = buffer(|buf| {
            buf.set_string(0, 0, "ab", Style::new());
            buf.set_string(3, 0, "c", Style::new());
            buf.set_string(10, 0, "d", Style::new());
            buf.set_string(0, 2, "e", Style::new());
            buf.set_string(5, 3, "f", Style::new());
        });
        assert_eq!(
            bytes(&buffer(|_| {}), &after),
            "\x1b[Hab\x1b[Cc\x1b[6Cd\x1b[3He\x1b[4;6Hf"
        );
    }

    #[test]
    fn a_style_is_one_sequence_and_is_taken_back_once() {
        let after = buffer(|buf| {
            buf.set_string(1, 0, "ab", Style::new().red().bold());
            buf.set_string(
                3,
                0,
                "c",
                Style::new().fg(Color::Rgb(1, 2, 3)).on_light_blue(),
            );
            buf.set_string(4, 0, "d", Style::new().fg(Color::Indexed(200)));
        });
        let expected = "\x1b[1;2H\x1b[0;1;31mab\x1b[0;38;2;1;2;3;104mc\x1b[0;38;5;200md\x1b[m";
        assert_eq!(bytes(&buffer(|_| {}), &after), expected);
    }

    #[test]
    fn a_wide_letter_moves_two_cells_and_the_last_column_is_never_relied_on() {
        let after = buffer(|buf| {
            buf.set_string(0, 0, "日x", Style::new());
            buf.set_string(39, 1, "y", Style::new());
            buf.set_string(0, 2, "z", Style::new());
        });
        assert_eq!(
            bytes(&buffer(|_| {}), &after),
            "\x1b[H日x\x1b[2;40Hy\x1b[3Hz"
        );
    }

    /// A real terminal's reading of the bytes must be the buffer itself.
    #[test]
    fn a_terminal_shows_what_was_drawn() {
        let mut terminal = vt100::Parser::new(5.try_into().unwrap(), 40.try_into().unwrap(), 0);
        let mut before = buffer(|_| {});
        for (word, style) in [
            ("first 日本", Style::new().dim()),
            ("sec", Style::new().reversed()),
            ("", Style::new()),
        ] {
            let after = buffer(|buf| {
                for y in 0..5 {
                    buf.set_string(y * 3, y, word, style);
                }
                buf.set_string(35, 4, "edge!", Style::new().underlined());
            });
            terminal.process(bytes(&before, &after).as_bytes());
            for y in 0..5 {
                let shown: String = (0..40)
                    .map(|x| terminal.screen().cell(y, x).unwrap().contents().to_owned())
                    .map(|it| if it.is_empty() { " ".to_owned() } else { it })
                    .collect();
                let drawn: String = (0..40).map(|x| after[(x, y)].symbol().to_owned()).collect();
                assert_eq!(shown.replace(' ', ""), drawn.replace(' ', ""));
            }
            before = after;
        }
    }
}
