//! The light of a heartbeat: a sign and a style.
//!
//! Not here: when a heartbeat is late (`rack` decides). Invariant: each state has its own sign.

use ratatui::style::Style;

use crate::theme::roles::Theme;

/// What a heartbeat does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Led {
    /// In time; `is_pulse` for the moment a renewal arrives.
    Beating {
        /// Whether a renewal has just arrived.
        is_pulse: bool,
    },
    /// Later than it should be.
    Late,
    /// Not there any more.
    Lost,
    /// Nobody may know.
    Unknown,
}

/// The sign of a light and how it looks.
pub fn led(led: Led, theme: &Theme) -> (&'static str, Style) {
    let signs = &theme.symbols;
    match led {
        Led::Beating { is_pulse: true } => (signs.led_pulse, theme.led_pulse),
        Led::Beating { is_pulse: false } => (signs.led_ok, theme.led_ok),
        Led::Late => (signs.led_late, theme.led_late),
        Led::Lost => (signs.led_lost, theme.led_lost),
        Led::Unknown => (signs.led_unknown, theme.led_unknown),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_state_is_told_by_its_sign_in_every_theme() {
        for name in Theme::shipped_names() {
            for theme in [
                Theme::load(name, None).0,
                Theme::load(name, None).0.in_ascii(),
            ] {
                let leds = [
                    Led::Beating { is_pulse: true },
                    Led::Beating { is_pulse: false },
                    Led::Late,
                    Led::Lost,
                    Led::Unknown,
                ];
                let signs: BTreeSet<&str> = leds.map(|state| led(state, &theme).0).into();
                assert_eq!(signs.len(), leds.len(), "{name}");
            }
        }
    }
}
