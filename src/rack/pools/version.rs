//! Releases of MetalLB, and what each does differently.
//!
//! Which release runs decides what a file means: whether the ConfigMap is read at all, whether an edit is refused or
//! takes addresses away, which prefix annotations have.

use std::fmt;

/// A release. Pre-releases and builds count as the release they lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    pub major: u16,
    pub minor: u16,
    pub patch: u16,
}

/// What happens when an edit would take addresses away from Services.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shrinking {
    /// Up to 0.11: the whole new configuration is refused, in silence, and not tried again.
    RefusedForGood,
    /// 0.12 and 0.13: refused, and tried again until the last of these Services is gone.
    RefusedUntilFree,
    /// From 0.14.2: taken; each of these Services loses its address and gets another, or waits for one.
    Renumbers,
}

impl Version {
    /// The newest release whose rules stand here.
    pub const LATEST: Version = Version::new(0, 16, 1);
    /// The last release that reads the ConfigMap.
    pub const LAST_CONFIG_MAP: Version = Version::new(0, 12, 1);

    pub const fn new(major: u16, minor: u16, patch: u16) -> Version {
        Version {
            major,
            minor,
            patch,
        }
    }

    /// Reads `v0.14.9`, `0.14`, an image (`quay.io/metallb/controller:v0.14.9@sha256:…`) or a tag with a suffix.
    /// `None` for tags that say nothing, such as `main`.
    pub fn parse(text: &str) -> Option<Version> {
        let text = text.split('@').next()?;
        let tag = match text.rsplit_once(':') {
            Some((_, tag)) => tag,
            None => text,
        };
        let tag = tag.trim().trim_start_matches('v');
        let numbers = tag.split(['-', '+']).next()?;
        let mut parts = numbers.split('.').map(str::parse::<u16>);
        let major = parts.next()?.ok()?;
        let minor = parts.next()?.ok()?;
        let patch = match parts.next() {
            Some(patch) => patch.ok()?,
            None => 0,
        };
        parts.next().is_none().then_some(Version {
            major,
            minor,
            patch,
        })
    }

    pub fn is_at_least(self, minor: u16, patch: u16) -> bool {
        self >= Version::new(0, minor, patch)
    }

    /// The ConfigMap is the configuration; later releases ignore it.
    pub fn reads_config_map(self) -> bool {
        !self.is_at_least(13, 0)
    }

    /// `AddressPool` objects are acted on.
    pub fn reads_address_pools(self) -> bool {
        self.is_at_least(13, 0) && !self.is_at_least(14, 2)
    }

    /// The cluster knows the kind `AddressPool`.
    pub fn serves_address_pools(self) -> bool {
        self.is_at_least(13, 0) && !self.is_at_least(14, 3)
    }

    /// A reversed range is an error, not an empty pool.
    pub fn refuses_reversed_ranges(self) -> bool {
        self.is_at_least(11, 0)
    }

    /// What our annotations must begin with. The new prefix is ignored by older releases; the old one is still read by
    /// newer ones, with a warning event.
    pub fn annotation_prefix(self) -> &'static str {
        if self.is_at_least(14, 9) {
            "metallb.io/"
        } else {
            "metallb.universe.tf/"
        }
    }

    pub fn on_shrinking(self) -> Shrinking {
        if self.is_at_least(14, 2) {
            Shrinking::Renumbers
        } else if self.is_at_least(12, 0) {
            Shrinking::RefusedUntilFree
        } else {
            Shrinking::RefusedForGood
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_tags_and_images() {
        let cases = [
            ("v0.14.9", Some(Version::new(0, 14, 9))),
            ("0.12", Some(Version::new(0, 12, 0))),
            ("quay.io/metallb/controller:v0.16.1", Some(Version::LATEST)),
            (
                "registry:5000/metallb/speaker:v0.13.12@sha256:ab:cd",
                Some(Version::new(0, 13, 12)),
            ),
            ("v0.15.0-rc.1+build5", Some(Version::new(0, 15, 0))),
            ("main", None),
            ("registry:5000/metallb/speaker", None),
            ("", None),
            ("0.1.2.3", None),
            ("0.99999999.1", None),
        ];
        for (text, expected) in cases {
            assert_eq!(Version::parse(text), expected, "{text}");
        }
    }

    #[test]
    fn releases_differ_where_the_release_notes_say() {
        let v = |minor, patch| Version::new(0, minor, patch);
        assert_eq!(v(11, 0).on_shrinking(), Shrinking::RefusedForGood);
        assert_eq!(v(13, 12).on_shrinking(), Shrinking::RefusedUntilFree);
        assert_eq!(v(14, 1).on_shrinking(), Shrinking::RefusedUntilFree);
        assert_eq!(v(14, 2).on_shrinking(), Shrinking::Renumbers);
        assert_eq!(v(14, 8).annotation_prefix(), "metallb.universe.tf/");
        assert_eq!(v(14, 9).annotation_prefix(), "metallb.io/");
        assert!(v(12, 1).reads_config_map() && !v(13, 0).reads_config_map());
        assert!(v(14, 1).reads_address_pools() && !v(14, 2).reads_address_pools());
        assert!(v(14, 2).serves_address_pools() && !v(14, 3).serves_address_pools());
        assert!(!v(10, 0).refuses_reversed_ranges() && v(11, 0).refuses_reversed_ranges());
    }
}
