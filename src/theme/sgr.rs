//! The colours that a program's own output asks for: the numbers of `ESC [ … m` to styles.
//!
//! Source: ECMA-48 section 8.3.117 (SGR), and ISO 8613-6 for `38` and `48`. Colours are put on top of a theme's style,
//! and in a theme without colours only the attributes stay.

use std::fmt::Write as _;

use ratatui::style::{Color, Modifier, Style};

const BASIC: [Color; 8] = [
    Color::Black,
    Color::Red,
    Color::Green,
    Color::Yellow,
    Color::Blue,
    Color::Magenta,
    Color::Cyan,
    Color::Gray,
];
const BRIGHT: [Color; 8] = [
    Color::DarkGray,
    Color::LightRed,
    Color::LightGreen,
    Color::LightYellow,
    Color::LightBlue,
    Color::LightMagenta,
    Color::LightCyan,
    Color::White,
];

/// Back to no style.
pub const RESET: &str = "\x1b[0m";

/// The sequence that asks for `style`; `None` when it asks for nothing.
pub fn codes(style: Style) -> Option<String> {
    let mut codes = String::from("\x1b[0");
    let modifiers = [
        (Modifier::BOLD, 1),
        (Modifier::DIM, 2),
        (Modifier::ITALIC, 3),
        (Modifier::UNDERLINED, 4),
        (Modifier::REVERSED, 7),
    ];
    for (modifier, code) in modifiers {
        if style.add_modifier.contains(modifier) {
            let _ = write!(codes, ";{code}");
        }
    }
    for (color, base) in [(style.fg, 30), (style.bg, 40)] {
        if let Some(color) = color {
            put_color(&mut codes, color, base);
        }
    }
    codes.push('m');
    (codes.len() > 4).then_some(codes)
}

/// `base` is 30 for the text and 40 for the ground.
fn put_color(codes: &mut String, color: Color, base: usize) {
    let _ = match color {
        Color::Rgb(red, green, blue) => write!(codes, ";{};2;{red};{green};{blue}", base + 8),
        Color::Indexed(index) => write!(codes, ";{};5;{index}", base + 8),
        color => {
            let basic = BASIC.iter().position(|it| *it == color);
            let bright = BRIGHT.iter().position(|it| *it == color);
            match (basic, bright) {
                (Some(number), _) => write!(codes, ";{}", base + number),
                (_, Some(number)) => write!(codes, ";{}", base + 60 + number),
                (None, None) => Ok(()),
            }
        }
    };
}

/// Changes `style` as the parameters between `ESC [` and `m` say. What is unknown is passed over.
pub fn apply(style: Style, parameters: &[u8]) -> Style {
    let text = std::str::from_utf8(parameters).unwrap_or_default();
    let mut numbers = text
        .split([';', ':'])
        .map(|number| number.parse::<u8>().unwrap_or(0));
    let mut style = style;
    while let Some(number) = numbers.next() {
        style = match number {
            0 => Style::new(),
            1 => style.add_modifier(Modifier::BOLD),
            2 => style.add_modifier(Modifier::DIM),
            3 => style.add_modifier(Modifier::ITALIC),
            4 => style.add_modifier(Modifier::UNDERLINED),
            7 => style.add_modifier(Modifier::REVERSED),
            22 => style.remove_modifier(Modifier::BOLD | Modifier::DIM),
            23 => style.remove_modifier(Modifier::ITALIC),
            24 => style.remove_modifier(Modifier::UNDERLINED),
            27 => style.remove_modifier(Modifier::REVERSED),
            30..=37 => with(style, BASIC.get(usize::from(number - 30)), true),
            38 => with(style, extended(&mut numbers).as_ref(), true),
            39 => Style { fg: None, ..style },
            40..=47 => with(style, BASIC.get(usize::from(number - 40)), false),
            48 => with(style, extended(&mut numbers).as_ref(), false),
            49 => Style { bg: None, ..style },
            90..=97 => with(style, BRIGHT.get(usize::from(number - 90)), true),
            100..=107 => with(style, BRIGHT.get(usize::from(number - 100)), false),
            _ => style,
        };
    }
    style
}

fn with(style: Style, color: Option<&Color>, is_text: bool) -> Style {
    match color {
        Some(color) if is_text => style.fg(*color),
        Some(color) => style.bg(*color),
        None => style,
    }
}

/// `5;N` of the 256 colours, or `2;R;G;B`.
fn extended(numbers: &mut impl Iterator<Item = u8>) -> Option<Color> {
    match numbers.next()? {
        5 => Some(match numbers.next()? {
            low @ 0..=7 => *BASIC.get(usize::from(low))?,
            high @ 8..=15 => *BRIGHT.get(usize::from(high - 8))?,
            other => Color::Indexed(other),
        }),
        2 => Some(Color::Rgb(
            numbers.next()?,
            numbers.next()?,
            numbers.next()?,
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_change_the_style_and_zero_takes_all_back() {
        for (parameters, expected) in [
            (
                "1;31",
                Style::new().fg(Color::Red).add_modifier(Modifier::BOLD),
            ),
            ("38;5;208", Style::new().fg(Color::Indexed(208))),
            ("38;5;1", Style::new().fg(Color::Red)),
            ("48;2;1;2;3", Style::new().bg(Color::Rgb(1, 2, 3))),
            ("97;104", Style::new().fg(Color::White).bg(Color::LightBlue)),
            ("31;0", Style::new()),
            ("", Style::new()),
            ("999;x;38", Style::new()),
            ("38;5", Style::new()),
        ] {
            assert_eq!(
                apply(Style::new(), parameters.as_bytes()),
                expected,
                "{parameters}"
            );
        }
        for parameters in ["0;1;31", "0;3;38;5;208;48;2;1;2;3", "0;97;104", "0;4"] {
            let style = apply(Style::new(), parameters.as_bytes());
            assert_eq!(
                codes(style),
                Some(format!("\x1b[{parameters}m")),
                "there and back"
            );
        }
        assert_eq!(codes(Style::new()), None);
        let style = apply(Style::new(), b"1;4;31");
        assert_eq!(apply(style, b"22;24;39").fg, None);
    }
}
