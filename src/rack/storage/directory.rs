//! The folder below an NFS export that a claim gets, and what becomes of it when the claim goes.
//!
//! Rules of the NFS subdir external provisioner, of the released v4.0.2 above all: it finds a folder to delete by the
//! last part of its path only, and a pattern that comes to nothing gives the whole export. *Nothing here asks a server.*

use std::fmt::Write as _;

use crate::rack::storage::{Claim, Reclaim, StorageClass};

const PATTERN: &str = "pathPattern";

/// Why a claim's folder is not what one would expect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trap {
    /// The pattern comes to nothing: the volume is the export itself.
    WholeExport,
    /// More than one folder deep: v4.0.2 looks for its last part directly below the export when it deletes.
    Nested,
}

/// A claim's folder, relative to the export. `volume` is the name of the `PersistentVolume`.
pub fn of(claim: &Claim, class: &StorageClass, volume: &str) -> String {
    match class.parameters.get(PATTERN) {
        Some(pattern) => expand(pattern, claim),
        None => format!("{}-{}-{volume}", claim.name.namespace, claim.name.name),
    }
}

/// What is unusual about it.
pub fn trap(claim: &Claim, class: &StorageClass) -> Option<Trap> {
    let folder = expand(class.parameters.get(PATTERN)?, claim);
    let folder = folder.trim_matches('/');
    if folder.is_empty() {
        Some(Trap::WholeExport)
    } else if folder.contains('/') {
        Some(Trap::Nested)
    } else {
        None
    }
}

/// `${.PVC.name}` and its kin; a label or annotation that is not there is nothing, anything else stays as it is.
fn expand(pattern: &str, claim: &Claim) -> String {
    let mut text = String::new();
    let mut rest = pattern;
    while let Some(at) = rest.find("${.PVC.") {
        let (before, tail) = rest.split_at(at);
        text.push_str(before);
        let Some(end) = tail.find('}') else {
            rest = tail;
            break;
        };
        let (field, after) = (&tail[7..end], &tail[end + 1..]);
        let value = match field.split_once('.') {
            None if field == "name" => Some(&*claim.name.name),
            None if field == "namespace" => Some(&*claim.name.namespace),
            Some(("labels", key)) => Some(claim.labels.get(key).map_or("", |it| &**it)),
            Some(("annotations", key)) => Some(claim.annotations.get(key).map_or("", |it| &**it)),
            _ => None,
        };
        match value {
            Some(value) => text.push_str(value),
            None => {
                let _ = write!(text, "${{.PVC.{field}}}");
            }
        }
        rest = after;
    }
    text.push_str(rest);
    text
}

/// What becomes of the data when a claim is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// The folder stays where it is.
    Stays,
    /// It is renamed, to `archived-` and its name.
    Archived,
    Removed,
    /// The class says something that is neither true nor false: deleting fails, and the volume stays as Failed.
    Refused,
}

/// By the reclaim policy of the volume, and the parameters of its class.
pub fn fate(reclaim: Reclaim, class: &StorageClass) -> Fate {
    if reclaim != Reclaim::Delete {
        return Fate::Stays;
    }
    match class.parameters.get("onDelete").map(|it| &**it) {
        Some("delete") => return Fate::Removed,
        Some("retain") => return Fate::Stays,
        _ => {}
    }
    match class.parameters.get("archiveOnDelete").map(|it| &**it) {
        None | Some("1" | "t" | "T" | "TRUE" | "true" | "True") => Fate::Archived,
        Some("0" | "f" | "F" | "FALSE" | "false" | "False") => Fate::Removed,
        Some(_) => Fate::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rack::storage::testing::{claim, class};

    fn with(parameters: &[(&str, &str)]) -> StorageClass {
        let mut class = class("nas", "k8s-sigs.io/nfs-subdir-external-provisioner");
        class.parameters = parameters
            .iter()
            .map(|(key, value)| ((*key).into(), (*value).into()))
            .collect();
        class
    }

    #[test]
    fn a_pattern_is_filled_in_as_the_provisioner_does() {
        let mut claim = claim("web", "data");
        claim.labels = [("app".into(), "shop".into())].into();
        claim.annotations = [("example.org/dir".into(), "x".into())].into();
        assert_eq!(of(&claim, &with(&[]), "pvc-1"), "web-data-pvc-1");
        for (pattern, expected, trapped) in [
            ("${.PVC.name}", "data", None),
            ("${.PVC.namespace}-${.PVC.name}", "web-data", None),
            (
                "${.PVC.namespace}/${.PVC.name}",
                "web/data",
                Some(Trap::Nested),
            ),
            ("${.PVC.labels.app}", "shop", None),
            ("${.PVC.labels.none}", "", Some(Trap::WholeExport)),
            ("/${.PVC.labels.none}/", "//", Some(Trap::WholeExport)),
            ("${.PVC.annotations.example.org/dir}", "x", None),
            ("a${.PVC.name", "a${.PVC.name", None),
            ("${.PVC.uid}", "${.PVC.uid}", None),
            ("plain", "plain", None),
        ] {
            let class = with(&[("pathPattern", pattern)]);
            assert_eq!(of(&claim, &class, "pvc-1"), expected, "{pattern}");
            assert_eq!(trap(&claim, &class), trapped, "{pattern}");
        }
        assert_eq!(trap(&claim, &with(&[])), None);
    }

    #[test]
    fn the_fate_of_data_follows_three_settings() {
        for (reclaim, parameters, expected) in [
            (Reclaim::Retain, &[("onDelete", "delete")][..], Fate::Stays),
            (Reclaim::Delete, &[], Fate::Archived),
            (
                Reclaim::Delete,
                &[("archiveOnDelete", "true")],
                Fate::Archived,
            ),
            (
                Reclaim::Delete,
                &[("archiveOnDelete", "false")],
                Fate::Removed,
            ),
            (Reclaim::Delete, &[("archiveOnDelete", "no")], Fate::Refused),
            (
                Reclaim::Delete,
                &[("archiveOnDelete", "no"), ("onDelete", "retain")],
                Fate::Stays,
            ),
            (
                Reclaim::Delete,
                &[("archiveOnDelete", "true"), ("onDelete", "delete")],
                Fate::Removed,
            ),
            (
                Reclaim::Delete,
                &[("archiveOnDelete", "false"), ("onDelete", "keep")],
                Fate::Removed,
            ),
        ] {
            assert_eq!(fate(reclaim, &with(parameters)), expected, "{parameters:?}");
        }
    }
}
