//! What talks to the outside. Clients return futures and facts of the rack, or their own error; they know no messages,
//! no panes and no screen.

mod backoff;
pub mod backup;
pub mod board;
pub mod drafts;
pub mod export;
pub mod gitlab;
pub mod kubeconfig_files;
pub mod kubernetes;
pub mod manifest;
pub mod onboard;
pub mod probe;
pub mod process;
pub mod registry;
pub mod scaffold;
pub mod ssh;
mod web;

use std::path::{Path, PathBuf};

/// A file as a person names it: `~/` is the home directory.
pub(crate) fn in_home(file: &str) -> PathBuf {
    match (file.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => Path::new(file).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tilde_is_the_home_directory_at_the_beginning_only() {
        let home = std::env::home_dir().unwrap();
        assert_eq!(in_home("~/a/b"), home.join("a/b"));
        for plain in ["a/b", "/a/~/b", "~other/a", "~"] {
            assert_eq!(in_home(plain), Path::new(plain));
        }
    }
}
