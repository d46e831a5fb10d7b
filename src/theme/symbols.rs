//! The signs the program draws with: a set of Unicode and one of ASCII.
//!
//! Not here: colours. Invariant: every sign is one cell wide, and within a set two states
//! never share a sign, so that state can be read without any colour.

use ratatui::symbols::border;

/// One complete set of signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Symbols {
    /// A heartbeat is in time.
    pub led_ok: &'static str,
    /// The moment a heartbeat arrives.
    pub led_pulse: &'static str,
    /// A heartbeat is late.
    pub led_late: &'static str,
    /// The heartbeat is lost.
    pub led_lost: &'static str,
    /// Nothing is known, or nobody may know.
    pub led_unknown: &'static str,
    /// A lamp on a board that is dark now.
    pub led_off: &'static str,
    /// Done, passed.
    pub check: &'static str,
    /// Failed.
    pub cross: &'static str,
    /// Needs a look.
    pub warn: &'static str,
    /// Worth knowing.
    pub note: &'static str,
    /// The link is live.
    pub live: &'static str,
    /// The link is being made.
    pub connecting: &'static str,
    /// The link is gone, what is shown is old.
    pub stale: &'static str,
    /// The other side refuses us.
    pub denied: &'static str,
    /// Left of the row the keys act on.
    pub cursor: &'static str,
    /// Left of a marked row.
    pub mark: &'static str,
    /// Before a line that belongs to the row above.
    pub branch: &'static str,
    /// Where a text was cut.
    pub ellipsis: &'static str,
    /// No value.
    pub dash: &'static str,
    /// Between two parts of a line.
    pub separator: &'static str,
    /// Sorted upwards; more above.
    pub arrow_up: &'static str,
    /// Sorted downwards; more below.
    pub arrow_down: &'static str,
    /// Leads to something; is running.
    pub arrow_right: &'static str,
    /// The filled part of a bar.
    pub bar_full: &'static str,
    /// The empty part of a bar.
    pub bar_empty: &'static str,
    /// Eight heights for sparklines, the lowest first.
    pub bars: [&'static str; 8],
    /// Of temperature; may be nothing.
    pub degree: &'static str,
    /// The lines of boxes.
    pub border: border::Set<'static>,
}

/// For terminals and fonts with Unicode.
pub const UNICODE: Symbols = Symbols {
    led_ok: "●",
    led_pulse: "◉",
    led_late: "◐",
    led_lost: "○",
    led_unknown: "·",
    led_off: "◌",
    check: "✓",
    cross: "✗",
    warn: "!",
    note: "i",
    live: "●",
    connecting: "◐",
    stale: "○",
    denied: "✗",
    cursor: "▌",
    mark: "+",
    branch: "└",
    ellipsis: "…",
    dash: "–",
    separator: "·",
    arrow_up: "▴",
    arrow_down: "▾",
    arrow_right: "▸",
    bar_full: "▓",
    bar_empty: "░",
    bars: ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
    degree: "°",
    border: border::PLAIN,
};

/// For everything else.
pub const ASCII: Symbols = Symbols {
    led_ok: "*",
    led_pulse: "@",
    led_late: "~",
    led_lost: "o",
    led_unknown: ".",
    led_off: "-",
    check: "v",
    cross: "x",
    warn: "!",
    note: "i",
    live: "*",
    connecting: "~",
    stale: "o",
    denied: "x",
    cursor: ">",
    mark: "+",
    branch: "`",
    ellipsis: "~",
    dash: "-",
    separator: "-",
    arrow_up: "^",
    arrow_down: "v",
    arrow_right: ">",
    bar_full: "#",
    bar_empty: ".",
    bars: ["_", ".", ":", "-", "=", "+", "*", "#"],
    degree: "",
    border: border::Set {
        top_left: "+",
        top_right: "+",
        bottom_left: "+",
        bottom_right: "+",
        vertical_left: "|",
        vertical_right: "|",
        horizontal_top: "-",
        horizontal_bottom: "-",
    },
};

impl Symbols {
    /// Every sign that is not a part of a box, for the preview and for tests.
    pub fn all(&self) -> Vec<&'static str> {
        let mut all = vec![
            self.led_ok,
            self.led_pulse,
            self.led_late,
            self.led_lost,
            self.led_unknown,
            self.led_off,
            self.check,
            self.cross,
            self.warn,
            self.note,
            self.live,
            self.connecting,
            self.stale,
            self.denied,
            self.cursor,
            self.mark,
            self.branch,
            self.ellipsis,
            self.dash,
            self.separator,
            self.arrow_up,
            self.arrow_down,
            self.arrow_right,
            self.bar_full,
            self.bar_empty,
        ];
        all.extend(self.bars);
        all
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use unicode_width::UnicodeWidthStr;

    use super::*;

    fn are_different(signs: &[&str]) {
        let set: BTreeSet<_> = signs.iter().collect();
        assert_eq!(set.len(), signs.len(), "{signs:?}");
    }

    #[test]
    fn every_sign_is_one_cell_wide() {
        for set in [UNICODE, ASCII] {
            for sign in set.all() {
                assert_eq!(sign.width(), 1, "{sign}");
            }
        }
        assert!(ASCII.all().iter().all(|sign| sign.is_ascii()));
    }

    #[test]
    fn states_differ_by_their_sign_alone() {
        for s in [UNICODE, ASCII] {
            are_different(&[s.led_ok, s.led_pulse, s.led_late, s.led_lost, s.led_unknown]);
            are_different(&[s.live, s.connecting, s.stale, s.denied]);
            are_different(&[s.check, s.cross, s.warn, s.note]);
            are_different(&s.bars);
        }
    }
}
