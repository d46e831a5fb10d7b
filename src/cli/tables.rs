//! `bramble keys` and `bramble themes`: printed from the very tables the cockpit uses.

use std::fmt::Write;
use std::process::ExitCode;

use crate::cli::{Failure, Global, cockpit, print};
use crate::keymap::Keymap;
use crate::keymap::table::Table;
use crate::theme::roles::{ROLES, Theme};

pub(super) fn keys(global: &Global) -> Result<ExitCode, Failure> {
    let loaded = cockpit::load(global);
    print(|out| {
        let mut text = String::new();
        for table in Table::all() {
            let rows = loaded.keymap.bindings(table);
            if rows.is_empty() {
                continue;
            }
            let _ = writeln!(text, "[{}]", table.name());
            for (keys, action) in rows {
                let info = action.info();
                let _ = writeln!(text, "  {keys:22} {:18} {}", info.name, info.help);
            }
            text.push('\n');
        }
        let _ = writeln!(
            text,
            "Keymaps: {}. Your own: keymap.toml beside config.toml.",
            Keymap::preset_names().join(", ")
        );
        complaints(&loaded.complaints, &mut text);
        out.extend_from_slice(text.as_bytes());
        Ok(())
    })
}

pub(super) fn themes(global: &Global) -> Result<ExitCode, Failure> {
    let loaded = cockpit::load(global);
    print(|out| {
        let mut text = String::from("Themes:\n");
        for name in Theme::shipped_names() {
            let _ = writeln!(text, "  {name}");
        }
        text.push_str("\nRoles, for theme.toml beside config.toml:\n");
        for (name, meaning) in ROLES {
            let _ = writeln!(text, "  {name:18} {meaning}");
        }
        complaints(&loaded.complaints, &mut text);
        out.extend_from_slice(text.as_bytes());
        Ok(())
    })
}

fn complaints(complaints: &[crate::rack::problem::Problem], text: &mut String) {
    for complaint in complaints {
        let _ = writeln!(text, "! {}", complaint.sentence());
    }
}
