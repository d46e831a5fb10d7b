//! Where the Onboard pane gets k3s from: `[k3s]` of config.toml, k3s's own addresses for what it does not say.

use std::path::Path;

use crate::app::effects::Supplies;
use crate::clients::onboard::depot::{Given, Sources};
use crate::config::{K3s, Paths};

/// Where onboarding gets k3s from. Downloads are kept in our cache, but for a demo's, which go with it.
pub(super) fn of(k3s: &K3s, state: Option<&Path>) -> Supplies {
    let usual = Sources::default();
    let or = |own: &Option<String>, usual: String| own.clone().unwrap_or(usual);
    let cache = Paths::of_user().filter(|paths| state == Some(&paths.state));
    Supplies {
        cache: cache.map(|paths| paths.cache.join("k3s")),
        sources: Sources {
            channels: or(&k3s.channels, usual.channels),
            releases: or(&k3s.releases, usual.releases),
            installer: or(&k3s.installer, usual.installer),
        },
        given: Given {
            binary: k3s.binary_file.clone(),
            images: k3s.images_file.clone(),
            installer: k3s.installer_file.clone(),
        },
    }
}
