//! What of a source is in the files already: the same cluster, the same person, the same context.

use std::collections::HashSet;

use super::keys::{CREDENTIALS, credential_edits, is_filled};
use super::{Placed, problem};
use crate::rack::kubeconfig::contexts::subject;
use crate::rack::kubeconfig::files::Found;
use crate::rack::kubeconfig::plan::Draft;
use crate::rack::kubeconfig::source::Incoming;
use crate::rack::kubeconfig::{Kind, Merge, OnConflict, fingerprints};
use crate::rack::problem::Problem;

/// The entry of the same cluster, whatever its name, unless it is another one of the source.
pub(super) fn known_cluster<'a>(
    draft: &Draft<'a>,
    one: &Incoming,
    placed: &Placed<'_>,
) -> Result<Option<Found<'a>>, Box<Problem>> {
    let wanted = &one.names.cluster;
    let is_claimed = |found: &Found<'a>| {
        let is_namesake = |other: &Incoming| {
            other.was.cluster != one.was.cluster && other.names.cluster == found.name
        };
        (placed.incoming.iter()).any(|it| is_namesake(it) && is_same_cluster(draft, *found, it))
            || placed.clusters.values().any(|name| name == found.name)
    };
    let same: Vec<Found<'a>> = (draft.files.entries(Kind::Cluster))
        .filter(|found| !is_claimed(found) && is_same_cluster(draft, *found, one))
        .collect();
    let has_server = |found: &&Found<'a>| {
        let server = found.item.get("cluster").and_then(|it| it.filled("server"));
        server == one.cluster.filled("server")
    };
    let [first, _, ..] = same.as_slice() else {
        return Ok(same.first().copied());
    };
    let named = same.iter().find(|found| found.name == wanted);
    let named = named.or_else(|| same.iter().find(|found| is_numbered(found.name, wanted)));
    match named.or_else(|| same.iter().find(has_server)) {
        Some(found) => Ok(Some(*found)),
        None if !one.is_only => Ok(Some(*first)),
        None => {
            let all: Vec<&str> = same.iter().map(|found| found.name).collect();
            Err(problem(format!(
                "this cluster is known under several names: {}",
                all.join(", ")
            ))
            .why("they have the same certificate authority")
            .next("say with --name which one it is")
            .into())
        }
    }
}

fn is_same_cluster(draft: &Draft<'_>, found: Found<'_>, one: &Incoming) -> bool {
    let body = found.item.get("cluster");
    let text = |key: &str| body.and_then(|it| it.filled(key));
    if let Some(data) = one.cluster.filled("certificate-authority-data") {
        return text("certificate-authority-data") == Some(data)
            || (draft
                .files
                .pem(found, Kind::Cluster, "certificate-authority"))
            .is_some_and(|pem| fingerprints(&pem) == one.fingerprints);
    }
    ["certificate-authority", "server"]
        .iter()
        .all(|key| text(key) == one.cluster.filled(key))
        && text("certificate-authority-data").is_none()
}

/// The context of a known cluster that this one is, if any.
pub(super) fn known_context<'a>(
    draft: &Draft<'a>,
    merge: &Merge,
    one: &Incoming,
    cluster: Found<'_>,
    placed: &Placed<'_>,
) -> Result<Option<Found<'a>>, Box<Problem>> {
    let on_it = |found: &Found<'a>| {
        found
            .item
            .get("context")
            .and_then(|it| it.filled("cluster"))
            == Some(cluster.name)
    };
    let contexts: Vec<Found<'a>> = draft.files.entries(Kind::Context).filter(on_it).collect();
    let user = |found: &Found<'a>| {
        let body = found.item.get("context");
        body.and_then(|it| it.filled("user")).map(ToOwned::to_owned)
    };
    let is_theirs = |user: &String| {
        let entry = draft.files.find(Kind::User, user);
        entry.is_some_and(|entry| is_same_person(entry, one))
    };
    if let Some(named) = contexts
        .iter()
        .find(|found| found.name == one.names.context)
    {
        // A context of somebody else is a conflict, or is left alone beside a new one.
        if merge.on_conflict != OnConflict::Rename || user(named).is_none_or(|it| is_theirs(&it)) {
            return Ok(Some(*named));
        }
    }
    // Under another name it may be this one only where nobody asked for a name, or where an earlier merge chose it.
    let may_be = |found: &Found<'_>| {
        let mut all = placed.incoming.iter();
        !all.any(|other| other.names.context == found.name)
            && !placed.has(Kind::Context, found.name)
            && (one.is_only && merge.name.is_none() || is_numbered(found.name, &one.names.context))
    };
    let contexts = contexts.into_iter().filter(may_be);
    let same: Vec<(Found<'a>, String)> = contexts
        .filter_map(|found| Some((found, user(&found)?)))
        .filter(|(_, user)| is_theirs(user))
        .collect();
    let users: HashSet<&str> = same.iter().map(|(_, user)| user.as_str()).collect();
    if users.len() > 1 {
        let names: Vec<&str> = same.iter().map(|(found, _)| found.name).collect();
        return Err(problem(format!(
            "this context is known under several names: {}",
            names.join(", ")
        ))
        .why("they have the same cluster and the same person")
        .next("say with --name which one it is")
        .into());
    }
    Ok(same.first().map(|(found, _)| *found))
}

pub(super) fn is_same_person(user: Found<'_>, one: &Incoming) -> bool {
    let Some(new) = &one.user else { return true };
    let Some(old) = user.item.get("user") else {
        return true;
    };
    if !CREDENTIALS
        .iter()
        .any(|key| old.get(key).is_some_and(is_filled))
    {
        return true;
    }
    match (subject(old), subject(new)) {
        (Some(old), Some(new)) => old == new,
        _ => credential_edits(Some(old), new).is_empty(),
    }
}

/// `rack-2` for `rack`.
fn is_numbered(name: &str, of: &str) -> bool {
    let number = name
        .strip_prefix(of)
        .and_then(|rest| rest.strip_prefix('-'));
    number.is_some_and(|number| number.parse::<usize>().is_ok())
}
