//! `config.toml` and where our files live.
//!
//! Invariant: a bad file never stops the start; what is wrong is said with its line, the rest counts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// The directories of the program, from one place so that tests can move them.
#[derive(Debug, Clone)]
pub struct Paths {
    /// `$XDG_CONFIG_HOME/bramble`: `config.toml`, `keymap.toml`, `theme.toml`.
    pub config: PathBuf,
    /// `$XDG_STATE_HOME/bramble`: the log, drafts, journals of onboarding.
    pub state: PathBuf,
    /// `$XDG_CACHE_HOME/bramble`: downloads.
    pub cache: PathBuf,
}

/// The user's settings. Every field has a default, so an empty file is a good one.
#[derive(Debug, Clone, Deserialize, PartialEq, Eq)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// Name of a theme.
    pub theme: Option<String>,
    /// `default`, `k9s` or `vim`.
    pub keymap: String,
    /// Plain ASCII symbols, whatever the terminal can do; unset: decided from the locale.
    pub ascii: Option<bool>,
    /// Frames per second, 1 to 60.
    pub max_fps: u16,
    /// A configuration of ssh in place of `~/.ssh/config`.
    pub ssh_config: Option<PathBuf>,
    /// Lines that the log viewer keeps, 1,000 to 1,000,000.
    pub log_lines: usize,
    /// By name of context.
    pub clusters: BTreeMap<String, Cluster>,
    /// Where k3s comes from when boards are onboarded.
    pub k3s: K3s,
    /// By a name of one's own: where pipelines are.
    pub gitlab: BTreeMap<String, Gitlab>,
}

/// Where k3s comes from: mirrors in place of its own addresses, or files for boards without a way to the internet.
#[derive(Debug, Clone, Default, Deserialize, PartialEq, Eq)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct K3s {
    /// Redirects `/<channel>` to a URL that ends in a tag.
    pub channels: Option<String>,
    /// Holds `<tag>/k3s-arm64` and the like.
    pub releases: Option<String>,
    /// The install script.
    pub installer: Option<String>,
    /// Files in place of downloads.
    pub binary_file: Option<PathBuf>,
    pub installer_file: Option<PathBuf>,
    pub images_file: Option<PathBuf>,
}

/// Settings of one GitLab. The token is named in one of four ways and never stands here itself.
#[derive(Debug, Clone, Default, Deserialize, PartialEq, Eq)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Gitlab {
    /// Its root, perhaps with a path: `https://host/gitlab`.
    pub url: String,
    /// Certificates in PEM form that are trusted besides those of the system.
    pub ca_file: Option<PathBuf>,
    /// An environment variable.
    pub token_env: Option<String>,
    /// A command and its arguments that print it: `["pass", "gitlab/token"]`.
    pub token_command: Vec<String>,
    /// A file that only its owner may read.
    pub token_file: Option<PathBuf>,
    /// The token glab keeps of this host.
    pub token_glab: bool,
    /// Paths (`ops/thermo-hub`) or numbers; none: the projects of the token's owner.
    pub projects: Vec<String>,
}

/// Settings of one context.
#[derive(Debug, Clone, Deserialize, PartialEq, Eq)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Cluster {
    /// Refuse everything that changes this cluster.
    pub read_only: bool,
    /// Names of nodes in the order of the trays, top left to bottom right.
    pub trays: Vec<String>,
    /// Connect to the VIPs on the screen now and then, to see whether they answer.
    pub probe: bool,
    /// What the DHCP server of the network hands out: ranges or prefixes, as in MetalLB's pools.
    pub dhcp: Vec<String>,
    /// Addresses of routers.
    pub gateways: Vec<String>,
    /// Where the board of a node is, as one would say it to ssh: `pi@10.0.0.5`, a Host of `~/.ssh/config`.
    pub hosts: BTreeMap<String, String>,
    /// Ask the boards that `hosts` does not name as well, by the names of their nodes.
    pub ssh: bool,
}

impl Default for Cluster {
    fn default() -> Self {
        Self {
            read_only: false,
            trays: Vec::new(),
            probe: true,
            dhcp: Vec::new(),
            gateways: Vec::new(),
            hosts: BTreeMap::new(),
            ssh: false,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            theme: None,
            keymap: "default".to_owned(),
            ascii: None,
            max_fps: 30,
            ssh_config: None,
            log_lines: 100_000,
            clusters: BTreeMap::new(),
            k3s: K3s::default(),
            gitlab: BTreeMap::new(),
        }
    }
}

impl Paths {
    /// The directories of this user; `None` when there is no home at all.
    pub fn of_user() -> Option<Paths> {
        let dirs = directories::ProjectDirs::from("", "", "bramble")?;
        let state = dirs.state_dir().unwrap_or_else(|| dirs.data_local_dir());
        Some(Paths {
            config: dirs.config_dir().to_owned(),
            state: state.to_owned(),
            cache: dirs.cache_dir().to_owned(),
        })
    }

    pub fn config_file(&self) -> PathBuf {
        self.config.join("config.toml")
    }

    pub fn keymap_file(&self) -> PathBuf {
        self.config.join("keymap.toml")
    }

    pub fn theme_file(&self) -> PathBuf {
        self.config.join("theme.toml")
    }
}

impl Config {
    /// Reads `text`; on a mistake the defaults, and a sentence with file, line and column.
    pub fn parse(text: &str, file: &Path) -> (Config, Option<String>) {
        match toml::from_str::<Config>(text) {
            Ok(mut config) => {
                config.max_fps = config.max_fps.clamp(1, 60);
                config.log_lines = config.log_lines.clamp(1_000, 1_000_000);
                (config, None)
            }
            Err(error) => {
                let (line, column) = position(text, error.span().map_or(0, |span| span.start));
                let message = error.message().lines().collect::<Vec<_>>().join(" ");
                (
                    Config::default(),
                    Some(format!("{}:{line}:{column}: {message}", file.display())),
                )
            }
        }
    }

    pub fn cluster(&self, context: &str) -> Cluster {
        self.clusters.get(context).cloned().unwrap_or_default()
    }
}

/// Line and column, from 1, of a byte offset.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset.min(text.len())).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before
        .rsplit('\n')
        .next()
        .unwrap_or_default()
        .chars()
        .count()
        + 1;
    (line, column)
}

/// The text of a file the user may have: `None` when it is not there, a sentence when it cannot be read.
pub fn read_optional(file: &Path) -> (Option<String>, Option<String>) {
    match std::fs::read_to_string(file) {
        Ok(text) => (Some(text), None),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => (None, None),
        Err(error) => (
            None,
            Some(format!("cannot read {}: {error}", file.display())),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> (Config, Option<String>) {
        Config::parse(text, Path::new("config.toml"))
    }

    #[test]
    fn an_empty_file_is_the_defaults() {
        assert_eq!(parse(""), (Config::default(), None));
    }

    #[test]
    fn settings_of_a_context_are_found_by_its_name() {
        let (config, complaint) = parse(
            "theme = \"dark\"\n[clusters.office-rack]\nread-only = true\nprobe = false\ntrays = [\"b\", \"a\"]\n\
             dhcp = [\"10.0.0.0/28\"]\ngateways = [\"10.0.0.1\"]\n",
        );
        assert_eq!(complaint, None);
        assert!(config.cluster("office-rack").read_only);
        assert!(!config.cluster("office-rack").probe);
        assert_eq!(config.cluster("office-rack").dhcp, ["10.0.0.0/28"]);
        assert!(config.cluster("other").probe, "unless it is switched off");
        assert_eq!(config.cluster("other"), Cluster::default());
    }

    #[test]
    fn mirrors_and_files_of_k3s_are_read() {
        let (config, complaint) =
            parse("[k3s]\nreleases = \"https://mirror.lan/k3s\"\nbinary-file = \"/srv/k3s\"\n");
        assert_eq!(complaint, None);
        assert_eq!(config.k3s.binary_file, Some(PathBuf::from("/srv/k3s")));
        let (_, complaint) = parse("[k3s]\nbinary = 3\n");
        assert!(complaint.is_some_and(|it| it.contains("binary")));
    }

    #[test]
    fn a_mistake_is_told_with_line_and_column_and_the_defaults_are_used() {
        for (text, expected) in [
            (
                "theme = \"dark\"\nkeymap = 3\n",
                "config.toml:2:10: invalid type",
            ),
            (
                "themes = \"dark\"\n",
                "config.toml:1:1: unknown field `themes`",
            ),
            ("theme = \n", "config.toml:1:"),
        ] {
            let (config, complaint) = parse(text);
            assert_eq!(config, Config::default());
            assert!(
                complaint
                    .as_ref()
                    .is_some_and(|it| it.starts_with(expected)),
                "{complaint:?}"
            );
        }
    }
}
