//! The file of `bramble onboard --config`: a rack written down. Paths in it are relative to it.
//!
//! ```yaml
//! server: pi@k3s-server
//! version: v1.33.4+k3s1
//! boards:
//!   - host: pi@k3s-server
//!   - host: pi@rpi-01
//!     name: rpi-01
//!     labels: [tray=1]
//! ```

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use serde::Deserialize;

use super::Roles;

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Plan {
    pub(super) server: Option<String>,
    pub(super) url: Option<String>,
    pub(super) etcd: bool,
    pub(super) version: Option<String>,
    pub(super) channel: Option<String>,
    pub(super) tls_san: Vec<String>,
    pub(super) air_gap: AirGap,
    pub(super) sources: Mirrors,
    pub(super) boards: Vec<Entry>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct AirGap {
    pub(super) binary: Option<PathBuf>,
    pub(super) images: Option<PathBuf>,
    pub(super) installer: Option<PathBuf>,
}

/// Where things are fetched from, in place of k3s's own addresses.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Mirrors {
    pub(super) channels: Option<String>,
    pub(super) releases: Option<String>,
    pub(super) installer: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Entry {
    pub(super) host: String,
    #[serde(default)]
    pub(super) role: Option<Roles>,
    #[serde(default)]
    pub(super) name: Option<String>,
    #[serde(default)]
    pub(super) node_ip: Option<String>,
    #[serde(default)]
    pub(super) labels: Vec<String>,
    #[serde(default)]
    pub(super) taints: Vec<String>,
}

impl Entry {
    pub(super) fn of(host: &str) -> Entry {
        Entry {
            host: host.to_owned(),
            role: None,
            name: None,
            node_ip: None,
            labels: Vec::new(),
            taints: Vec::new(),
        }
    }
}

pub(super) fn read(file: &Path) -> anyhow::Result<Plan> {
    let text =
        std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let mut plan: Plan =
        serde_yaml::from_str(&text).map_err(|error| anyhow!("{}: {error}", file.display()))?;
    let folder = file.parent().unwrap_or(Path::new(""));
    for path in [
        &mut plan.air_gap.binary,
        &mut plan.air_gap.images,
        &mut plan.air_gap.installer,
    ]
    .into_iter()
    .flatten()
    {
        *path = folder.join(&*path);
    }
    for (index, entry) in plan.boards.iter().enumerate() {
        if plan.boards[..index]
            .iter()
            .any(|other| other.host == entry.host)
        {
            return Err(anyhow!("{}: {} is there twice", file.display(), entry.host));
        }
    }
    Ok(plan)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> anyhow::Result<Plan> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("plan.yaml");
        std::fs::write(&file, text).unwrap();
        read(&file)
    }

    #[test]
    fn a_rack_is_read_from_its_file() {
        let plan = parsed("server: a\nair-gap: {binary: k3s}\nboards:\n- host: a\n- {host: b, role: server, labels: [x=y]}\n").unwrap();
        assert_eq!(plan.boards.len(), 2);
        assert_eq!(plan.boards[1].role, Some(Roles::Server));
        assert!(
            plan.air_gap.binary.unwrap().is_absolute(),
            "beside the file"
        );
    }

    #[test]
    fn a_mistake_is_said_with_its_place() {
        for (text, words) in [
            ("boards:\n- host: a\n  lables: []\n", "lables"),
            ("boards:\n- {host: a}\n- {host: a}\n", "twice"),
            ("boards: 3\n", "boards"),
        ] {
            let error = parsed(text).unwrap_err().to_string();
            assert!(
                error.contains(words) && error.contains("plan.yaml"),
                "{error}"
            );
        }
    }
}
