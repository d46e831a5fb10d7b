//! One line of a log as pieces with styles: made readable, coloured, marked where something was found.
//!
//! Only lines on the screen are made; the logbook keeps bytes. Invariant: what comes out of here holds no control
//! character.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use ratatui::style::Style;

use crate::rack::log::pattern::{Pattern, plain, sequence};
use crate::rack::log::readable::{Level, level, readable};
use crate::rack::log::ring::Line;
use crate::rack::time::{Now, short};
use crate::theme::roles::Theme;
use crate::ui::ansi::{self, Span};
use crate::ui::text::clean;

/// What is before each line of the time it was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Times {
    #[default]
    None,
    Local,
    Utc,
    /// How long ago.
    Relative,
}

impl Times {
    pub(super) fn next(self) -> Times {
        match self {
            Times::None => Times::Local,
            Times::Local => Times::Utc,
            Times::Utc => Times::Relative,
            Times::Relative => Times::None,
        }
    }

    pub(super) fn words(self) -> &'static str {
        match self {
            Times::None => "no times",
            Times::Local => "times as on this machine's clock",
            Times::Utc => "times in UTC",
            Times::Relative => "how long ago",
        }
    }

    /// Cells before the text, with the blank behind.
    pub(super) fn width(self) -> usize {
        match self {
            Times::None => 0,
            Times::Local => 13,
            Times::Utc => 14,
            Times::Relative => 6,
        }
    }

    /// As wide as [`Times::width`] says; a time of another day shows the day in place of the fractions.
    pub(super) fn text(self, time: Option<Timestamp>, zone: &TimeZone, now: Now) -> String {
        let width = self.width();
        let Some(time) = time else {
            return " ".repeat(width);
        };
        let clock = |zone: TimeZone| {
            let is_today =
                time.to_zoned(zone.clone()).date() == now.wall.to_zoned(zone.clone()).date();
            let format = if is_today {
                "%H:%M:%S%.3f"
            } else {
                "%m-%d %H:%M"
            };
            time.to_zoned(zone).strftime(format).to_string()
        };
        let text = match self {
            Times::None => return String::new(),
            Times::Local => clock(zone.clone()),
            Times::Utc => format!("{}Z", clock(TimeZone::UTC)),
            Times::Relative => format!("{:>5}", short(now.age_of(time))),
        };
        format!("{text:width$}")
    }
}

/// How lines are shown.
pub(super) struct Look<'a> {
    pub(super) theme: &'a Theme,
    /// JSON and logfmt as sentences.
    pub(super) is_readable: bool,
    /// What was searched for, and what else is marked.
    pub(super) found: Vec<&'a Pattern>,
    /// The theme has no colours: those of others neither.
    pub(super) is_colourless: bool,
}

/// How bad a line says it is.
pub(super) fn level_of(line: &Line<'_>) -> Option<Level> {
    level(&String::from_utf8_lossy(&plain(line.text)))
}

/// The text of a line as it is shown, in one style.
pub(super) fn text(line: &Line<'_>, is_readable: bool) -> String {
    pieces(line, is_readable)
        .into_iter()
        .map(|span| span.text)
        .collect()
}

/// The line as pieces with the styles that the theme has for it.
pub(super) fn spans(line: &Line<'_>, look: &Look<'_>) -> Vec<Span> {
    let mut spans = pieces(line, look.is_readable);
    if look.is_colourless {
        for span in &mut spans {
            span.style = Style {
                fg: None,
                bg: None,
                ..span.style
            };
        }
    }
    if spans.iter().all(|span| span.style == Style::new())
        && let Some(style) = level_of(line).and_then(|level| style_of(level, look.theme))
    {
        for span in &mut spans {
            span.style = style;
        }
    }
    if !look.found.is_empty() {
        let text: String = spans.iter().map(|span| span.text.as_str()).collect();
        let mut places: Vec<_> = look.found.iter().flat_map(|it| it.places(&text)).collect();
        places.sort_unstable();
        spans = ansi::mark(spans, &places, look.theme.match_);
    }
    spans.extend(cut(line, look.theme.status_warn));
    spans
}

/// The same letters without any style: as much room as the line takes.
pub(super) fn bare(line: &Line<'_>, is_readable: bool) -> Vec<Span> {
    let mut spans = pieces(line, is_readable);
    spans.extend(cut(line, Style::new()));
    spans
}

/// Said behind a line that lost its end.
fn cut(line: &Line<'_>, style: Style) -> Option<Span> {
    let text = format!(" [{} more bytes in this line]", line.cut);
    (line.cut > 0).then_some(Span { text, style })
}

fn pieces(line: &Line<'_>, is_readable: bool) -> Vec<Span> {
    let sentence = is_readable
        .then(|| readable(&String::from_utf8_lossy(&plain(line.text))))
        .flatten();
    match sentence {
        Some(text) => vec![Span {
            text: clean(&text).into_owned(),
            style: Style::new(),
        }],
        None => ansi::spans(line.text, sequence),
    }
}

/// Colour comes second: the sign of the level stands before the line.
fn style_of(level: Level, theme: &Theme) -> Option<Style> {
    match level {
        Level::Error => Some(theme.status_bad),
        Level::Warning => Some(theme.status_warn),
        Level::Debug => Some(theme.muted),
        Level::Info => None,
    }
}

/// The sign of a level.
pub(super) fn sign(level: Option<Level>, theme: &Theme) -> (&'static str, Style) {
    match level {
        Some(Level::Error) => (theme.symbols.cross, theme.status_bad),
        Some(Level::Warning) => (theme.symbols.warn, theme.status_warn),
        Some(Level::Debug | Level::Info) | None => (" ", theme.text),
    }
}

/// `20 min`, as a person says it.
pub(super) fn long(time: Duration) -> String {
    let minutes = time.as_secs() / 60;
    match minutes {
        0 => format!("{} s", time.as_secs()),
        1..=119 => format!("{minutes} min"),
        120..=2_879 => format!("{} h", minutes / 60),
        _ => format!("{} days", minutes / 1_440),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rack::log::SourceId;

    fn theme() -> Theme {
        Theme::load("terminal", None).0
    }

    fn line(text: &[u8]) -> Line<'_> {
        Line {
            number: 0,
            source: SourceId(0),
            time: None,
            text,
            cut: 0,
        }
    }

    fn look(theme: &Theme) -> Look<'_> {
        Look {
            theme,
            is_readable: true,
            found: Vec::new(),
            is_colourless: false,
        }
    }

    #[test]
    fn a_line_is_made_readable_coloured_and_marked() {
        let theme = theme();
        let json = line(br#"{"level":"error","msg":"no route","n":3}"#);
        let made = spans(&json, &look(&theme));
        assert_eq!(made[0].text, "ERROR no route  n=3");
        assert_eq!(made[0].style, theme.status_bad);
        let raw = text(&json, false);
        assert!(raw.starts_with("{\"level\""), "{raw}");
        let pattern = Pattern::new("route").unwrap();
        let found = Look {
            found: vec![&pattern],
            ..look(&theme)
        };
        let made = spans(&json, &found);
        assert_eq!(made[1].text, "route");
        assert_eq!(made[1].style, theme.status_bad.patch(theme.match_));
    }

    #[test]
    fn own_colours_win_over_the_levels_and_go_where_there_are_none() {
        let theme = theme();
        let red = line(b"\x1b[1;32mERROR\x1b[0m x");
        assert_ne!(spans(&red, &look(&theme))[0].style, theme.status_bad);
        let plain = Look {
            is_colourless: true,
            ..look(&theme)
        };
        assert_eq!(spans(&red, &plain)[0].style.fg, None);
    }

    #[test]
    fn a_cut_line_says_so_at_its_end() {
        let theme = theme();
        let cut = Line {
            cut: 10_000_000,
            ..line(b"x")
        };
        let made = spans(&cut, &look(&theme));
        assert!(
            made[1]
                .text
                .ends_with(" [10000000 more bytes in this line]"),
            "{made:?}"
        );
    }

    #[test]
    fn times_are_as_wide_as_they_say() {
        let now = Now {
            mono: Duration::ZERO,
            wall: "2026-11-24T12:00:00Z".parse().unwrap(),
        };
        let zone = TimeZone::get("Europe/Berlin").unwrap_or(TimeZone::UTC);
        for times in [Times::Local, Times::Utc, Times::Relative, Times::None] {
            for stamp in [
                "2026-11-24T11:59:30.1234Z",
                "2025-01-01T00:00:00Z",
                "2027-01-01T00:00:00Z",
            ] {
                let text = times.text(stamp.parse().ok(), &zone, now);
                assert_eq!(text.chars().count(), times.width(), "{times:?} {text:?}");
            }
            assert_eq!(times.text(None, &zone, now).len(), times.width());
        }
        let stamp = "2026-11-24T11:59:30.1234Z".parse().ok();
        assert_eq!(Times::Utc.text(stamp, &zone, now), "11:59:30.123Z ");
        assert_eq!(Times::Relative.text(stamp, &zone, now), "  29s ");
        let old = "2026-11-23T11:59:30Z".parse().ok();
        assert_eq!(Times::Utc.text(old, &zone, now), "11-23 11:59Z  ");
    }

    #[test]
    fn lengths_of_time_are_said_in_words() {
        for (seconds, expected) in [
            (30, "30 s"),
            (1_200, "20 min"),
            (7_200, "2 h"),
            (400_000, "4 days"),
        ] {
            assert_eq!(long(Duration::from_secs(seconds)), expected);
        }
    }
}
