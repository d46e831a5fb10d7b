//! Roles to styles: what a thing means decides how it looks, and a theme is a table of that.
//!
//! Not here: drawing (`ui`), and the choice of a theme from config or `NO_COLOR` (the caller's).
//! Invariant: outside this module nobody names a colour; a bad user file never stops the start;
//! state is a symbol first, so the `mono` theme shows everything the others show.

mod load;
pub mod roles;
pub mod sgr;
mod style;
pub mod symbols;

use std::path::Path;

use crate::complaint::Complaint;
use crate::theme::roles::Theme;

/// The theme for `NO_COLOR`.
pub const MONO: &str = "mono";

impl Theme {
    /// The names of the shipped themes; the first is the default.
    pub fn shipped_names() -> Vec<&'static str> {
        load::SHIPPED.iter().map(|(name, _)| *name).collect()
    }

    /// The shipped theme `name`, or the user's file of that name over what it inherits.
    /// The path only names the file in complaints.
    pub fn load(name: &str, user: Option<(&Path, &str)>) -> (Theme, Vec<Complaint>) {
        let loaded = match user {
            None => load::shipped(name),
            Some((path, text)) => load::user(name, path.display().to_string(), text),
        };
        (loaded.theme, loaded.complaints)
    }

    /// This theme drawn with ASCII signs only.
    #[must_use]
    pub fn in_ascii(mut self) -> Theme {
        self.symbols = symbols::ASCII;
        self
    }
}

#[cfg(test)]
mod tests;
