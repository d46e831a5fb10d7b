//! Manifests of images in the forms registries keep: an index of platforms (OCI or Docker's list), one image, and
//! Docker's schema 1.

use serde::Deserialize;
use serde_json::Value;

use crate::rack::image::platform::Platform;

/// All four at once: a registry that is offered less picks a platform for us.
pub(super) const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, \
     application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.v2+json";
/// Entries of an index that are read; a bomb has more.
const ENTRIES: usize = 200;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Manifest {
    Index(Vec<Entry>),
    /// With the digest of its config.
    Single {
        config: String,
    },
    Schema1(Platform),
}

/// One image of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) digest: String,
    pub(super) platform: Option<Platform>,
    /// An attestation or another paper about images, or a layer: nothing that runs.
    pub(super) is_paper: bool,
    is_cache: bool,
}

/// What the config of an image says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Config {
    pub(super) platform: Platform,
    /// `org.opencontainers.image.revision`.
    pub(super) revision: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    #[serde(default)]
    media_type: String,
    #[serde(default)]
    schema_version: u8,
    manifests: Option<Vec<WireEntry>>,
    config: Option<WireConfigPlace>,
    architecture: Option<String>,
}

#[derive(Deserialize)]
struct WireConfigPlace {
    digest: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireEntry {
    #[serde(default)]
    media_type: String,
    digest: String,
    platform: Option<WirePlatform>,
    #[serde(default)]
    annotations: Value,
}

#[derive(Deserialize)]
struct WirePlatform {
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
    variant: Option<String>,
}

impl WirePlatform {
    fn platform(&self) -> Platform {
        let variant = self.variant.as_deref().unwrap_or_default();
        Platform::new(&self.os, &self.architecture, variant)
    }
}

/// A manifest, by its `Content-Type` and what stands in it; the error says what it is not.
pub(super) fn read(kind: &str, body: &[u8]) -> Result<Manifest, String> {
    let wire: Wire = serde_json::from_slice(body).map_err(|error| {
        if kind.starts_with("text/html") {
            "a web page came instead of a manifest".to_owned()
        } else if error.is_eof() {
            "it ended in the middle".to_owned()
        } else {
            format!("it is no manifest: {error}")
        }
    })?;
    let kind = if wire.media_type.is_empty() {
        kind
    } else {
        &wire.media_type
    };
    if let Some(entries) = wire.manifests {
        let entries = entries.into_iter().take(ENTRIES).map(entry).collect();
        return Ok(Manifest::Index(entries));
    }
    match (wire.config, wire.architecture) {
        (Some(config), _) => Ok(Manifest::Single {
            config: config.digest,
        }),
        (None, Some(architecture)) if wire.schema_version == 1 => {
            Ok(Manifest::Schema1(Platform::new("linux", &architecture, "")))
        }
        _ => Err(format!("{kind:?} is no image")),
    }
}

fn entry(wire: WireEntry) -> Entry {
    let platform = wire.platform.map(|it| it.platform());
    let annotation = wire.annotations.get("vnd.docker.reference.type");
    let is_attestation = annotation.and_then(Value::as_str) == Some("attestation-manifest");
    let is_unknown = platform.as_ref().is_some_and(|it| !it.is_known());
    // Layers in an index are how builders keep a cache.
    let kind = wire.media_type.as_str();
    let is_image = kind.is_empty() || kind.contains("manifest") || kind.contains("image.index");
    let is_cache = kind.contains("cacheconfig") || kind.contains(".layer.");
    Entry {
        digest: wire.digest,
        platform: platform.filter(Platform::is_known),
        is_paper: is_attestation || is_unknown || !is_image,
        is_cache,
    }
}

/// An index that `--cache-to` wrote: layers and a cache config, no image.
pub(super) fn is_cache(entries: &[Entry]) -> bool {
    entries.iter().any(|it| it.is_cache)
}

pub(super) fn config(body: &[u8]) -> Result<Config, String> {
    #[derive(Deserialize)]
    struct WireConfig {
        #[serde(default)]
        os: String,
        #[serde(default)]
        architecture: String,
        variant: Option<String>,
        #[serde(default)]
        config: Value,
    }
    let wire: WireConfig =
        serde_json::from_slice(body).map_err(|error| format!("its config is none: {error}"))?;
    let variant = wire.variant.as_deref().unwrap_or_default();
    let labels = wire.config.get("Labels");
    let revision = labels.and_then(|it| it.get("org.opencontainers.image.revision"));
    Ok(Config {
        platform: Platform::new(&wire.os, &wire.architecture, variant),
        revision: revision.and_then(Value::as_str).map(str::to_owned),
    })
}
