//! One key press as a keymap file writes it: `j`, `G`, `ctrl-d`, `pgup`, `space`.
//!
//! Not here: what a key does. Invariant: two presses a terminal cannot tell apart are equal,
//! and `Key::parse(&key.to_string())` gives the key back.

use std::fmt;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// A key with its modifiers, in the one form in which keys are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    code: KeyCode,
    modifiers: KeyModifiers,
}

/// The names of keys that are not a character; the first name of a key is the one that is shown.
const NAMES: [(&str, KeyCode); 36] = [
    ("enter", KeyCode::Enter),
    ("return", KeyCode::Enter),
    ("esc", KeyCode::Esc),
    ("escape", KeyCode::Esc),
    ("tab", KeyCode::Tab),
    ("backtab", KeyCode::BackTab),
    ("space", KeyCode::Char(' ')),
    ("backspace", KeyCode::Backspace),
    ("del", KeyCode::Delete),
    ("delete", KeyCode::Delete),
    ("ins", KeyCode::Insert),
    ("insert", KeyCode::Insert),
    ("home", KeyCode::Home),
    ("end", KeyCode::End),
    ("pgup", KeyCode::PageUp),
    ("pageup", KeyCode::PageUp),
    ("pgdn", KeyCode::PageDown),
    ("pgdown", KeyCode::PageDown),
    ("pagedown", KeyCode::PageDown),
    ("up", KeyCode::Up),
    ("down", KeyCode::Down),
    ("left", KeyCode::Left),
    ("right", KeyCode::Right),
    ("menu", KeyCode::Menu),
    ("f1", KeyCode::F(1)),
    ("f2", KeyCode::F(2)),
    ("f3", KeyCode::F(3)),
    ("f4", KeyCode::F(4)),
    ("f5", KeyCode::F(5)),
    ("f6", KeyCode::F(6)),
    ("f7", KeyCode::F(7)),
    ("f8", KeyCode::F(8)),
    ("f9", KeyCode::F(9)),
    ("f10", KeyCode::F(10)),
    ("f11", KeyCode::F(11)),
    ("f12", KeyCode::F(12)),
];

const MODIFIERS: [(&str, KeyModifiers); 3] = [
    ("ctrl-", KeyModifiers::CONTROL),
    ("alt-", KeyModifiers::ALT),
    ("shift-", KeyModifiers::SHIFT),
];

impl Key {
    /// The key of a press as the terminal reports it.
    pub fn from_event(event: KeyEvent) -> Key {
        Key::new(event.code, event.modifiers)
    }

    /// The press a terminal reports for this key; tests press keys by name with it.
    pub fn to_event(self) -> KeyEvent {
        KeyEvent::new(self.code, self.modifiers)
    }

    /// The key a file calls `name`.
    pub fn parse(name: &str) -> Option<Key> {
        let mut rest = name;
        let mut modifiers = KeyModifiers::NONE;
        while let Some((stripped, modifier)) = MODIFIERS
            .iter()
            .find_map(|(prefix, modifier)| Some((rest.strip_prefix(prefix)?, *modifier)))
        {
            if stripped.is_empty() {
                break;
            }
            modifiers |= modifier;
            rest = stripped;
        }
        let code = code_of(rest)?;
        Some(Key::new(code, modifiers))
    }

    /// Whether this is ctrl with a letter: too easily pressed for anything that destroys.
    pub fn is_ctrl_letter(self) -> bool {
        self.modifiers.contains(KeyModifiers::CONTROL)
            && matches!(self.code, KeyCode::Char(c) if c.is_alphabetic())
    }

    /// The key a terminal sends in place of this one, which therefore never arrives.
    pub fn taken_over_by(self) -> Option<&'static str> {
        match (self.modifiers, self.code) {
            (KeyModifiers::CONTROL, KeyCode::Char('i')) => Some("tab"),
            (KeyModifiers::CONTROL, KeyCode::Char('m')) => Some("enter"),
            (KeyModifiers::CONTROL, KeyCode::Char('[')) => Some("esc"),
            _ => None,
        }
    }

    fn new(code: KeyCode, modifiers: KeyModifiers) -> Key {
        let modifiers =
            modifiers & (KeyModifiers::CONTROL | KeyModifiers::ALT | KeyModifiers::SHIFT);
        match code {
            // A terminal sends no shift with a character: the character already says it.
            KeyCode::Char(c) if modifiers.contains(KeyModifiers::CONTROL) => Key {
                code: KeyCode::Char(c.to_ascii_lowercase()),
                modifiers: modifiers - KeyModifiers::SHIFT,
            },
            KeyCode::Char(c) => Key {
                code: KeyCode::Char(match modifiers.contains(KeyModifiers::SHIFT) {
                    true => c.to_ascii_uppercase(),
                    false => c,
                }),
                modifiers: modifiers - KeyModifiers::SHIFT,
            },
            KeyCode::Tab if modifiers.contains(KeyModifiers::SHIFT) => {
                Key::new(KeyCode::BackTab, modifiers)
            }
            KeyCode::BackTab => Key {
                code,
                modifiers: modifiers - KeyModifiers::SHIFT,
            },
            _ => Key { code, modifiers },
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (prefix, modifier) in MODIFIERS {
            if self.modifiers.contains(modifier) {
                f.write_str(prefix)?;
            }
        }
        match (NAMES.iter().find(|(_, code)| *code == self.code), self.code) {
            (Some((name, _)), _) => f.write_str(name),
            (None, KeyCode::Char(c)) => write!(f, "{c}"),
            (None, code) => write!(f, "{}", format!("{code:?}").to_lowercase()),
        }
    }
}

/// Keys as a file writes them one after the other: `g g`.
pub fn display(keys: &[Key]) -> String {
    let names: Vec<String> = keys.iter().map(Key::to_string).collect();
    names.join(" ")
}

/// Every key name that `wrong` may have been meant to be.
pub fn candidates(wrong: &str) -> Vec<String> {
    let end = wrong.rsplit(['-', '+']).next().unwrap_or(wrong);
    let mut names: Vec<String> = NAMES.iter().map(|(name, _)| (*name).to_owned()).collect();
    let with_end = MODIFIERS.iter().map(|(prefix, _)| format!("{prefix}{end}"));
    names.extend(with_end.filter(|name| Key::parse(name).is_some()));
    names
}

fn code_of(name: &str) -> Option<KeyCode> {
    let mut chars = name.chars();
    match (chars.next(), chars.next()) {
        (Some(c), None) if !c.is_control() && c != ' ' => Some(KeyCode::Char(c)),
        _ => NAMES
            .iter()
            .find(|(n, _)| *n == name)
            .map(|(_, code)| *code),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(code: KeyCode, modifiers: KeyModifiers) -> Key {
        Key::from_event(KeyEvent::new(code, modifiers))
    }

    #[test]
    fn every_name_survives_a_round_trip() {
        for name in [
            "j",
            "G",
            "!",
            "-",
            "ctrl--",
            "ctrl-d",
            "alt-enter",
            "enter",
            "esc",
            "tab",
            "backtab",
            "space",
            "ctrl-space",
            "pgup",
            "pgdn",
            "f12",
            "[",
            "<",
            "é",
            "shift-up",
            "del",
        ] {
            let key = Key::parse(name).unwrap();
            assert_eq!(key.to_string(), name);
            assert_eq!(Key::parse(&key.to_string()), Some(key));
        }
    }

    #[test]
    fn presses_are_compared_as_terminals_send_them() {
        let shift = KeyModifiers::SHIFT;
        assert_eq!(Key::parse("G").unwrap(), event(KeyCode::Char('G'), shift));
        assert_eq!(Key::parse("shift-g"), Key::parse("G"));
        assert_eq!(
            Key::parse("shift-tab").unwrap(),
            event(KeyCode::BackTab, shift)
        );
        assert_eq!(
            Key::parse("ctrl-d").unwrap(),
            event(KeyCode::Char('D'), KeyModifiers::CONTROL | shift)
        );
    }

    #[test]
    fn nonsense_is_no_key() {
        for name in [
            "",
            " ",
            "ctlr-d",
            "ctrl-",
            "ctrl-alt-",
            "gg",
            "\u{1b}",
            "F13",
        ] {
            assert_eq!(Key::parse(name), None, "{name:?}");
        }
    }
}
