//! TOML values to styles: `"red"`, `"#ffb000"`, `{ fg = "amber", bold = true }`.
//!
//! Not here: which role a style belongs to (`load`). Invariant: a bad value is complained about
//! with its exact place and leaves the inherited style as it was.

use std::collections::BTreeMap;

use ratatui::style::{Color, Modifier, Style};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::complaint::{Source, nearest, quoted};

/// The colours a file has given names to.
pub(super) type Palette = BTreeMap<String, Color>;

/// The user's own 16 colours, and the terminal's ground.
const NAMED: [(&str, Color); 20] = [
    ("default", Color::Reset),
    ("black", Color::Black),
    ("red", Color::Red),
    ("green", Color::Green),
    ("yellow", Color::Yellow),
    ("blue", Color::Blue),
    ("magenta", Color::Magenta),
    ("cyan", Color::Cyan),
    ("gray", Color::Gray),
    ("grey", Color::Gray),
    ("dark-gray", Color::DarkGray),
    ("dark-grey", Color::DarkGray),
    ("light-red", Color::LightRed),
    ("light-green", Color::LightGreen),
    ("light-yellow", Color::LightYellow),
    ("light-blue", Color::LightBlue),
    ("light-magenta", Color::LightMagenta),
    ("light-cyan", Color::LightCyan),
    ("white", Color::White),
    ("light-black", Color::DarkGray),
];

const MODIFIERS: [(&str, Modifier); 5] = [
    ("bold", Modifier::BOLD),
    ("dim", Modifier::DIM),
    ("italic", Modifier::ITALIC),
    ("underline", Modifier::UNDERLINED),
    ("reverse", Modifier::REVERSED),
];

/// The colour of a value: from the palette, one of the 16, or `#rrggbb`.
pub(super) fn color(
    source: &mut Source<'_>,
    palette: &Palette,
    value: &Spanned<DeValue<'_>>,
) -> Option<Color> {
    let DeValue::String(name) = value.get_ref() else {
        source.complain_type("a color", "a name or \"#rrggbb\"", value);
        return None;
    };
    let named = NAMED.iter().find(|(known, _)| known == name);
    if let Some(color) = palette
        .get(name.as_ref())
        .copied()
        .or(named.map(|(_, color)| *color))
        .or_else(|| hex(name))
    {
        return Some(color);
    }
    if name.starts_with('#') {
        let message = format!("{} is not a color of the form \"#rrggbb\"", quoted(name));
        source.complain(&value.span(), message);
    } else {
        let names = NAMED.iter().map(|(known, _)| *known);
        let near = nearest(name, palette.keys().map(String::as_str).chain(names));
        let message = format!("unknown color {}", quoted(name));
        source.complain_nearest(&value.span(), message, near);
    }
    None
}

/// The style of a value: a colour for the text, or a table.
pub(super) fn style(
    source: &mut Source<'_>,
    palette: &Palette,
    value: &Spanned<DeValue<'_>>,
) -> Option<Style> {
    match value.get_ref() {
        DeValue::String(_) => color(source, palette, value).map(|fg| Style::new().fg(fg)),
        DeValue::Table(parts) => Some(from_table(source, palette, parts)),
        _ => {
            source.complain_type(
                "a role",
                "a color or a table such as { fg = \"red\" }",
                value,
            );
            None
        }
    }
}

fn from_table(source: &mut Source<'_>, palette: &Palette, parts: &DeTable<'_>) -> Style {
    let mut style = Style::new();
    for (name, value) in parts {
        let modifier = MODIFIERS.iter().find(|(known, _)| known == name.get_ref());
        match (name.get_ref().as_ref(), modifier, value.get_ref()) {
            ("fg", ..) => style.fg = color(source, palette, value),
            ("bg", ..) => style.bg = color(source, palette, value),
            (_, Some((_, modifier)), DeValue::Boolean(true)) => {
                style = style.add_modifier(*modifier);
            }
            (_, Some(_), DeValue::Boolean(false)) => {}
            (other, Some(_), _) => source.complain_type(other, "true or false", value),
            (other, None, _) => {
                let names = MODIFIERS.iter().map(|(known, _)| *known);
                let near = nearest(other, names.chain(["fg", "bg"]));
                let message = format!("unknown part of a style {}", quoted(other));
                source.complain_nearest(&name.span(), message, near);
            }
        }
    }
    style
}

fn hex(name: &str) -> Option<Color> {
    let digits = name.strip_prefix('#')?;
    let is_hex = digits.len() == 6 && digits.chars().all(|c| c.is_ascii_hexdigit());
    let value = u32::from_str_radix(digits, 16).ok()?;
    is_hex.then(|| Color::from_u32(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_takes_six_digits_and_nothing_else() {
        assert_eq!(hex("#ffb000"), Some(Color::Rgb(0xff, 0xb0, 0x00)));
        for bad in [
            "", "#", "#fff", "ffb000", "#ffb00g", "#+fb000", "#ffb0001", "#é0000",
        ] {
            assert_eq!(hex(bad), None, "{bad}");
        }
    }
}
