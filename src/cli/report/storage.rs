//! The lines of `bramble storage`.

use anyhow::anyhow;
use serde_json::{Value, json};

use crate::cli::report::problems::json_of as problem_json;
use crate::cli::report::sheet::{Line, Sheet};
use crate::cli::{Failure, Report};
use crate::rack::Rack;
use crate::rack::link::{Source, SourceState};
use crate::rack::node::NodeName;
use crate::rack::pod::Pod;
use crate::rack::storage::symptom;
use crate::rack::storage::view::{ClaimView, claims, place, size};
use crate::rack::storage::{Volume, VolumePlace};
use crate::ui::text::clean;

const TITLES: &[&str] = &[
    "CLAIM", "STATE", "SIZE", "CLASS", "RECLAIM", "WHERE", "PODS",
];

pub(super) fn sheet(report: Report) -> Sheet {
    Sheet::new(TITLES, 0, report)
}

/// An empty table would look like a rack without claims: without the right to see them, that is said instead.
pub(super) fn is_there(rack: &Rack) -> Result<(), Failure> {
    for source in [Source::Claims, Source::StorageClasses, Source::Volumes] {
        if let SourceState::Forbidden(problem) | SourceState::Failing(problem) =
            rack.link.source(source)
        {
            return Err(Failure::cluster(anyhow!(problem.sentence())));
        }
    }
    Ok(())
}

pub(super) fn rows(rack: &Rack) -> Vec<Line> {
    let line = |view: ClaimView<'_>| Line {
        key: view.claim.name.to_string(),
        cells: cells(&view),
        json: json_of(rack, &view),
    };
    claims(rack).into_iter().map(line).collect()
}

fn cells(view: &ClaimView<'_>) -> Vec<String> {
    let claim = view.claim;
    let or_dash = |text: String| {
        if text.is_empty() {
            "-".to_owned()
        } else {
            text
        }
    };
    let cells = [
        claim.name.to_string(),
        view.state().1.to_owned(),
        claim
            .capacity
            .or(claim.wanted)
            .map_or_else(|| "?".to_owned(), size),
        or_dash(claim.class.as_deref().unwrap_or_default().to_owned()),
        or_dash(view.volume.map_or("", |it| it.reclaim.word()).to_owned()),
        or_dash(view.volume.map_or_else(String::new, place)),
        or_dash(names(&view.pods).join(", ")),
    ];
    cells.iter().map(|it| clean(it).into_owned()).collect()
}

fn names(pods: &[&Pod]) -> Vec<String> {
    pods.iter().map(|it| it.name.to_string()).collect()
}

fn json_of(rack: &Rack, view: &ClaimView<'_>) -> Value {
    let claim = view.claim;
    json!({
        "namespace": claim.name.namespace,
        "name": claim.name.name,
        "state": view.state().1,
        "class": claim.class,
        "accessModes": claim.access,
        "wantedBytes": claim.wanted,
        "capacityBytes": claim.capacity,
        "volume": view.volume.map(volume_json),
        "pods": names(&view.pods),
        "problem": symptom::of_claim(rack, claim).as_ref().map(problem_json),
    })
}

fn volume_json(volume: &Volume) -> Value {
    let place = match &volume.place {
        VolumePlace::Nfs { server, path } => json!({ "nfs": { "server": server, "path": path } }),
        VolumePlace::Folder { path, nodes } => {
            let nodes: Vec<&str> = nodes.iter().map(NodeName::as_str).collect();
            json!({ "folder": { "path": path, "nodes": nodes } })
        }
        VolumePlace::Other(kind) => json!({ "other": kind }),
    };
    json!({ "name": volume.name, "reclaimPolicy": volume.reclaim.word(), "place": place })
}
