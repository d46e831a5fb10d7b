//! A screen as an SVG picture: text stays text, lines of boxes are drawn, so that it looks the same with every font.
//!
//! The colours are those of a common dark terminal; the program itself asks for the sixteen of the user's.

use std::fmt::Write;

use vt100::{Cell, Color, Screen};

/// A cell in picture units; the width fits most monospace fonts at this size.
const WIDTH: u32 = 9;
const HEIGHT: u32 = 20;
const FONT: u32 = 15;
const MARGIN: u32 = 14;

const GROUND: &str = "#16181d";
const TEXT: &str = "#d8dee9";
const SIXTEEN: [&str; 16] = [
    "#2e3440", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#c8ccd4",
    "#5c6370", "#ff7b86", "#b1e18b", "#f0d58c", "#7cc4ff", "#d7a1e7", "#6fd3df", "#ffffff",
];

/// How a run of cells looks.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Look {
    ink: String,
    ground: String,
    is_bold: bool,
    is_dim: bool,
    is_underlined: bool,
}

/// The picture of a screen.
pub(crate) fn svg(screen: &Screen) -> String {
    let (rows, columns) = screen.size();
    let (rows, columns) = (rows.get(), columns.get());
    let width = u32::from(columns) * WIDTH + 2 * MARGIN;
    let height = u32::from(rows) * HEIGHT + 2 * MARGIN;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" font-family=\"ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace\" \
         font-size=\"{FONT}\" xml:space=\"preserve\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{GROUND}\"/>\n"
    );
    for row in 0..rows {
        let mut column = 0;
        while column < columns {
            column += run(screen, row, column, columns, &mut out);
        }
    }
    out.push_str("</svg>\n");
    out
}

/// Draws the cells from `column` on that look alike; how many there were.
fn run(screen: &Screen, row: u16, column: u16, columns: u16, out: &mut String) -> u16 {
    let cell = |at: u16| screen.cell(row, at).expect("inside the screen");
    let look = look(cell(column));
    let symbol = symbol(cell(column));
    // Plain letters go by the run; every other sign goes alone to its own place, because fonts differ in their width.
    let goes_on = |at: u16| {
        let (other, first) = (symbol_of(screen, row, at), symbol.as_str());
        look_of(screen, row, at) == look
            && if box_sides(first).is_some() {
                other == first && first == "─"
            } else {
                first.is_ascii() && other.is_ascii()
            }
    };
    let count = (column + 1..columns).take_while(|at| goes_on(*at)).count();
    let count = u16::try_from(count).unwrap_or(0) + 1;
    let text: String = (column..column + count)
        .map(|at| symbol_of(screen, row, at))
        .collect();
    let (x, y) = (
        MARGIN + u32::from(column) * WIDTH,
        MARGIN + u32::from(row) * HEIGHT,
    );
    let wide = u32::from(count) * WIDTH;
    if look.ground != GROUND {
        let ground = &look.ground;
        let _ = writeln!(
            out,
            "<rect x=\"{x}\" y=\"{y}\" width=\"{wide}\" height=\"{HEIGHT}\" fill=\"{ground}\"/>"
        );
    }
    if let Some(sides) = box_sides(&symbol) {
        lines(sides, (x, y), wide, &look, out);
    } else if symbol == "▌" {
        let (half, ink) = (WIDTH / 2, paint("fill", &look));
        let _ = writeln!(
            out,
            "<rect x=\"{x}\" y=\"{y}\" width=\"{half}\" height=\"{HEIGHT}\"{ink}/>"
        );
    } else if !text.trim().is_empty() {
        words(&text, (x, y), &look, out);
    }
    count
}

fn words(text: &str, (x, y): (u32, u32), look: &Look, out: &mut String) {
    // Blanks at the ends are not worth their bytes.
    let begin = text.len() - text.trim_start().len();
    let text = text.trim();
    let x = x + u32::try_from(begin).unwrap_or(0) * WIDTH;
    let length = u32::try_from(text.chars().count()).unwrap_or(0) * WIDTH;
    let mut style = paint("fill", look);
    if look.is_bold {
        style.push_str(" font-weight=\"bold\"");
    }
    if look.is_underlined {
        style.push_str(" text-decoration=\"underline\"");
    }
    let text = text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    let baseline = y + HEIGHT - 5;
    let _ = writeln!(
        out,
        "<text x=\"{x}\" y=\"{baseline}\" textLength=\"{length}\"{style}>{text}</text>"
    );
}

/// Lines from the middle of a cell to its sides: up, right, down, left.
fn lines(sides: [bool; 4], (x, y): (u32, u32), wide: u32, look: &Look, out: &mut String) {
    let [up, right, down, left] = sides;
    let (middle, centre) = (x + WIDTH / 2, y + HEIGHT / 2);
    let mut path = String::new();
    if left || right {
        let from = if left { x } else { middle };
        let to = if right { x + wide } else { middle };
        let _ = write!(path, "M{from} {centre}H{to}");
    }
    if up || down {
        let from = if up { y } else { centre };
        let to = if down { y + HEIGHT } else { centre };
        let _ = write!(path, "M{middle} {from}V{to}");
    }
    let style = paint("stroke", look);
    let _ = writeln!(out, "<path d=\"{path}\"{style}/>");
}

/// The sides a sign of a box reaches: up, right, down, left.
fn box_sides(symbol: &str) -> Option<[bool; 4]> {
    let sides = match symbol {
        "─" => [false, true, false, true],
        "│" => [true, false, true, false],
        "┌" => [false, true, true, false],
        "┐" => [false, false, true, true],
        "└" => [true, true, false, false],
        "┘" => [true, false, false, true],
        "├" => [true, true, true, false],
        "┤" => [true, false, true, true],
        _ => return None,
    };
    Some(sides)
}

fn paint(what: &str, look: &Look) -> String {
    let dim = if look.is_dim { " opacity=\"0.6\"" } else { "" };
    format!(" {what}=\"{}\"{dim}", look.ink)
}

fn symbol(cell: &Cell) -> String {
    match cell.contents() {
        "" => " ".to_owned(),
        text => text.to_owned(),
    }
}

fn symbol_of(screen: &Screen, row: u16, column: u16) -> String {
    symbol(screen.cell(row, column).expect("inside the screen"))
}

fn look_of(screen: &Screen, row: u16, column: u16) -> Look {
    look(screen.cell(row, column).expect("inside the screen"))
}

fn look(cell: &Cell) -> Look {
    let (mut ink, mut ground) = (color(cell.fgcolor(), TEXT), color(cell.bgcolor(), GROUND));
    if cell.inverse() {
        std::mem::swap(&mut ink, &mut ground);
    }
    Look {
        ink,
        ground,
        is_bold: cell.bold(),
        is_dim: cell.dim(),
        is_underlined: cell.underline(),
    }
}

fn color(color: Color, default: &str) -> String {
    match color {
        Color::Default => default.to_owned(),
        Color::Idx(index) => SIXTEEN
            .get(usize::from(index))
            .copied()
            .unwrap_or(TEXT)
            .to_owned(),
        Color::Rgb(r, g, b) => format!("#{r:02x}{g:02x}{b:02x}"),
    }
}

#[test]
fn a_screen_becomes_text_and_lines() {
    let size = |count| std::num::NonZeroU16::new(count).unwrap();
    let mut parser = vt100::Parser::new(size(2), size(6), 0);
    parser.process("┌──┐\r\n\x1b[1;32ma<b\x1b[m ●".as_bytes());
    let picture = svg(parser.screen());
    for part in [
        "<path d=\"M18 24H23M18 24V34\"",
        "<path d=\"M23 24H41\"",
        ">a&lt;b</text>",
        "textLength=\"27\" fill=\"#98c379\" font-weight=\"bold\"",
        ">●</text>",
    ] {
        assert!(picture.contains(part), "{part}\n{picture}");
    }
}
