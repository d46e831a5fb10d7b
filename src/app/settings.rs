//! What the user decided before the program began: config.toml and the command line, as far as [`update()`] needs it.
//!
//! [`update()`]: crate::app::update()

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use crate::rack::ToldNetwork;
use crate::rack::problem::Problem;

/// What config.toml and the command line decided, as far as `update` needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `--read-only`: whatever the context.
    pub read_only: bool,
    /// By name of context.
    pub contexts: BTreeMap<String, ContextSettings>,
    /// Lines that the log viewer keeps.
    pub log_lines: usize,
    /// Plain ASCII symbols.
    pub ascii: bool,
    pub time_zone: TimeZone,
    /// The GitLab servers by their name, with their address.
    pub gitlabs: Vec<(String, String)>,
    /// What is wrong with the user's files; shown as problems.
    pub complaints: Vec<Problem>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            read_only: false,
            contexts: BTreeMap::new(),
            log_lines: 100_000,
            ascii: false,
            time_zone: TimeZone::UTC,
            gitlabs: Vec::new(),
            complaints: Vec::new(),
        }
    }
}

/// What the user decided about one context.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContextSettings {
    pub read_only: bool,
    /// Node names in the order of the trays.
    pub trays: Vec<String>,
    /// Where the boards of nodes are, as one would say it to ssh.
    pub hosts: BTreeMap<String, String>,
    /// Nothing is connected to but the API server.
    pub is_probe_off: bool,
    /// The network around the cluster.
    pub network: ToldNetwork,
    /// Ask the other boards too, by the names of their nodes.
    pub asks_all_boards: bool,
}
