//! Every shipped theme is whole and readable; every mistake in a user's file is found where it stands.

use std::path::Path;

use ratatui::style::{Color, Modifier, Style};

use super::*;
use crate::theme::roles::ROLES;

fn complaints(text: &str) -> Vec<String> {
    let (_, complaints) = Theme::load("mine", Some((Path::new("mine.toml"), text)));
    complaints.iter().map(ToString::to_string).collect()
}

#[test]
fn every_shipped_theme_sets_every_role_without_complaint() {
    for name in Theme::shipped_names() {
        let loaded = load::shipped(name);
        assert_eq!(loaded.complaints, [], "{name}");
        for (role, _) in ROLES {
            assert!(loaded.set.contains(*role), "{name} does not set {role}");
        }
    }
}

#[test]
fn the_terminal_theme_uses_the_sixteen_colors_and_never_the_two_ends() {
    let (theme, _) = Theme::load("terminal", None);
    for (role, style) in theme.roles() {
        for color in [style.fg, style.bg].into_iter().flatten() {
            assert!(!matches!(color, Color::Rgb(..)), "{role}");
        }
        let on_own_ground = style.bg.is_none();
        let unreadable = [
            Color::White,
            Color::Black,
            Color::Yellow,
            Color::Gray,
            Color::DarkGray,
        ];
        let is_unreadable = style.fg.is_some_and(|fg| unreadable.contains(&fg));
        assert!(
            !(on_own_ground && is_unreadable),
            "{role} vanishes on some terminals"
        );
    }
}

#[test]
fn the_theme_for_no_color_has_no_color() {
    let (theme, _) = Theme::load(MONO, None);
    for (role, style) in theme.roles() {
        assert_eq!((style.fg, style.bg), (None, None), "{role}");
    }
    assert!(theme.selection.add_modifier.contains(Modifier::REVERSED));
}

#[test]
fn truecolor_themes_are_readable_on_their_ground() {
    for (name, least) in [("dark", 4.5), ("light", 4.5), ("high-contrast", 8.0)] {
        let (theme, _) = Theme::load(name, None);
        let is_line = ["border", "border-focus", "bar", "sparkline"];
        for (role, style) in theme.roles() {
            let whole = theme.text.patch(style);
            let least = if is_line.contains(&role) { 3.0 } else { least };
            let contrast = contrast(whole);
            assert!(
                contrast >= least,
                "{name}: {role} has a contrast of {contrast:.1}"
            );
        }
        let selected = [
            "led-ok",
            "led-late",
            "led-lost",
            "status-warn",
            "status-bad",
            "muted",
        ];
        for (role, style) in theme.roles() {
            let ground = Style::new().bg(theme.selection.bg.unwrap());
            let contrast = contrast(theme.text.patch(style).patch(ground));
            assert!(
                !selected.contains(&role) || contrast >= 4.0,
                "{name}: selected {role} has {contrast:.1}"
            );
        }
    }
}

#[test]
fn a_user_file_changes_what_it_names_and_keeps_the_rest() {
    let text = "inherits = \"dark\"\nsymbols = \"ascii\"\n[roles]\nled-ok = \"acid\"\nborder-focus = { fg = \"light-red\", bold = true }\n[palette]\nacid = \"#00ff00\"\nember = \"#ff0000\"\n";
    let (theme, complaints) = Theme::load("mine", Some((Path::new("mine.toml"), text)));
    let (dark, _) = Theme::load("dark", None);
    assert_eq!(complaints, []);
    assert_eq!(theme.led_ok, Style::new().fg(Color::Rgb(0, 255, 0)));
    let focus = Style::new()
        .fg(Color::LightRed)
        .add_modifier(Modifier::BOLD);
    assert_eq!(theme.border_focus, focus);
    assert_eq!(
        theme.led_lost.fg,
        Some(Color::Rgb(255, 0, 0)),
        "inherited roles use the new palette"
    );
    assert_eq!(theme.led_late, dark.led_late);
    assert_eq!(theme.symbols, symbols::ASCII);
}

#[test]
fn every_mistake_is_told_with_its_place() {
    let cases = [
        (
            "[roles]\nled-okk = \"red\"\n",
            "mine.toml:2:1: unknown role \"led-okk\"; did you mean \"led-ok\"?",
        ),
        (
            "[roles]\nled-ok = \"gren\"\n",
            "mine.toml:2:10: unknown color \"gren\"; did you mean \"green\"?",
        ),
        (
            "[roles]\nled-ok = \"#12345\"\n",
            "mine.toml:2:10: \"#12345\" is not a color of the form \"#rrggbb\"",
        ),
        (
            "[roles]\nled-ok = 3\n",
            "mine.toml:2:10: a role must be a color or a table such as { fg = \"red\" }, but this is: integer",
        ),
        (
            "[roles]\nled-ok = { fgg = \"red\" }\n",
            "mine.toml:2:12: unknown part of a style \"fgg\"; did you mean \"fg\"?",
        ),
        (
            "[roles]\nled-ok = { bold = 1 }\n",
            "mine.toml:2:19: bold must be true or false, but this is: integer",
        ),
        (
            "[palette]\nacid = true\n",
            "mine.toml:2:8: a color must be a name or \"#rrggbb\", but this is: boolean",
        ),
        (
            "inherits = \"drak\"\n",
            "mine.toml:1:12: unknown theme \"drak\"; did you mean \"dark\"?",
        ),
        (
            "inherits = 1\n",
            "mine.toml:1:12: inherits must be the name of a theme, but this is: integer",
        ),
        (
            "symbols = \"asci\"\n",
            "mine.toml:1:11: unknown set of symbols \"asci\"; did you mean \"ascii\"?",
        ),
        (
            "roles = 1\n",
            "mine.toml:1:9: roles must be a table, but this is: integer",
        ),
        (
            "[rolls]\n",
            "mine.toml:1:2: unknown entry \"rolls\"; did you mean \"roles\"?",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(complaints(text), [expected], "{text}");
    }
}

#[test]
fn a_broken_file_still_gives_a_whole_theme() {
    for text in [
        "[",
        "\u{0}",
        "roles.led-ok.fg.x = 1",
        "[[roles]]\n",
        "= = =\n[roles]\nled-ok = \"red\"",
    ] {
        let (theme, complaints) = Theme::load("mine", Some((Path::new("mine.toml"), text)));
        assert!(!complaints.is_empty(), "{text}");
        let (terminal, _) = Theme::load("terminal", None);
        assert_eq!(theme.led_lost, terminal.led_lost);
    }
    let (theme, complaints) = Theme::load("blueish", None);
    assert_eq!(complaints[0].to_string(), "unknown theme \"blueish\"");
    assert_eq!(theme, Theme::load("terminal", None).0);
}

/// The contrast of text and ground as the WCAG defines it, 1 to 21.
fn contrast(style: Style) -> f64 {
    let (text, ground) = (luminance(style.fg), luminance(style.bg));
    (text.max(ground) + 0.05) / (text.min(ground) + 0.05)
}

fn luminance(color: Option<Color>) -> f64 {
    let Some(Color::Rgb(r, g, b)) = color else {
        panic!("{color:?} has no fixed value");
    };
    let linear = |part: u8| {
        let part = f64::from(part) / 255.0;
        match part <= 0.03928 {
            true => part / 12.92,
            false => ((part + 0.055) / 1.055).powf(2.4),
        }
    };
    0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
}
