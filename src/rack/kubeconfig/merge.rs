//! Where the contexts of a source go: into entries that are known already, or beside them under names that are free.
//!
//! A cluster is known by its certificate authority (by its server where neither has one), a person by the subject of the
//! client certificate (by the token where there is none). Invariants: a known cluster is updated in place and keeps what
//! only people write; credentials of another person are never replaced unless asked; a second merge changes nothing.

mod keys;
mod known;

use std::collections::{HashMap, HashSet};

use super::conflict;
use super::entry::KeyEdit;
use super::files::Found;
use super::names::{ServerUrl, free_name};
use super::plan::Draft;
use super::source::{Incoming, Names};
use super::value::Value;
use super::{Kind, Merge, OnConflict, ServerToCheck};
use keys::{TRUST, credential_edits, replace, set};
use known::{is_same_person, known_cluster, known_context};

use crate::rack::problem::{Problem, Severity, Subject};

/// Names of the source, and what they became.
struct Placed<'a> {
    incoming: &'a [Incoming],
    clusters: HashMap<String, String>,
    users: HashMap<String, String>,
    taken: HashSet<(Kind, String)>,
}

impl Placed<'_> {
    /// True when this merge has written or found it already.
    fn has(&self, kind: Kind, name: &str) -> bool {
        self.taken.contains(&(kind, name.to_owned()))
    }
}

pub(super) fn merge(draft: &mut Draft<'_>, merge: &Merge) -> Result<(), Box<Problem>> {
    let incoming = merge.source.incoming(merge)?;
    let mut placed = Placed {
        incoming: &incoming,
        clusters: HashMap::new(),
        users: HashMap::new(),
        taken: HashSet::new(),
    };
    let mut last = None;
    for one in &incoming {
        last = place(draft, merge, one, &mut placed)?;
    }
    if merge.set_current && draft.plan.conflicts.is_empty() {
        if incoming.len() > 1 {
            return Err(problem(
                "several contexts are merged, and only one can be current".to_owned(),
            )
            .next("choose one of the source's contexts")
            .into());
        }
        draft.set_current(last.as_deref());
    }
    Ok(())
}

/// Places one context; answers its name there.
fn place(
    draft: &mut Draft<'_>,
    merge: &Merge,
    one: &Incoming,
    placed: &mut Placed<'_>,
) -> Result<Option<String>, Box<Problem>> {
    let known = match placed.clusters.get(&one.was.cluster) {
        Some(name) => draft.files.find(Kind::Cluster, name),
        None => known_cluster(draft, one, placed)?,
    };
    let is_placed = placed.clusters.contains_key(&one.was.cluster);
    if let Some(cluster) = known
        && let Some(context) = known_context(draft, merge, one, cluster, placed)?
    {
        update_cluster(draft, merge, one, cluster, placed);
        update_user(draft, merge, one, (context, cluster), placed);
        placed
            .taken
            .insert((Kind::Context, context.name.to_owned()));
        return Ok(Some(context.name.to_owned()));
    }
    Ok(add(draft, merge, one, known, is_placed, placed))
}

fn update_cluster(
    draft: &mut Draft<'_>,
    merge: &Merge,
    one: &Incoming,
    cluster: Found<'_>,
    placed: &mut Placed<'_>,
) {
    if placed
        .clusters
        .insert(one.was.cluster.clone(), cluster.name.to_owned())
        .is_some()
    {
        return;
    }
    placed
        .taken
        .insert((Kind::Cluster, cluster.name.to_owned()));
    let body = cluster.item.get("cluster");
    let keys: &[&str] = match (one.has_own_server, &merge.tls_server_name) {
        (true, Some(_)) => &["server", "tls-server-name"],
        (true, None) => &["server"],
        (false, Some(_)) => &["tls-server-name"],
        (false, None) => &[],
    };
    check_later(draft, one, cluster.name, body);
    draft.edit(
        cluster,
        Kind::Cluster,
        &one.was.cluster,
        set(body, &one.cluster, keys),
    );
}

/// New credentials for the user of a known context.
fn update_user(
    draft: &mut Draft<'_>,
    merge: &Merge,
    one: &Incoming,
    (context, cluster): (Found<'_>, Found<'_>),
    placed: &mut Placed<'_>,
) {
    let named = context
        .item
        .get("context")
        .and_then(|it| it.filled("user"))
        .unwrap_or_default();
    let user = match (&one.user, placed.users.get(&one.was.user)) {
        (None, _) => named.to_owned(),
        (Some(_), Some(user)) => user.clone(),
        (Some(new), None) => match place_user(draft, merge, one, (named, new), cluster, placed) {
            Some(user) => user,
            None => return,
        },
    };
    if one.user.is_some() {
        placed.taken.insert((Kind::User, user.clone()));
        placed.users.insert(one.was.user.clone(), user.clone());
    }
    let point_to = KeyEdit::Set {
        path: vec!["user".to_owned()],
        value: Value::text(&user),
    };
    let edits = if user == named {
        Vec::new()
    } else {
        vec![point_to]
    };
    draft.edit(context, Kind::Context, &one.was.context, edits);
}

/// Answers the name of the user entry that holds the new credentials; `None` when that has to be asked.
fn place_user(
    draft: &mut Draft<'_>,
    merge: &Merge,
    one: &Incoming,
    (named, new): (&str, &Value),
    cluster: Found<'_>,
    placed: &Placed<'_>,
) -> Option<String> {
    let is_free = !placed.has(Kind::User, named);
    let Some(user) = draft.files.find(Kind::User, named).filter(|_| is_free) else {
        let wanted = if named.is_empty() {
            &one.names.user
        } else {
            named
        };
        let free = free(draft, placed, one, &[Kind::User], wanted);
        draft.add(Kind::User, &free, &one.was.user, new.clone());
        return Some(free);
    };
    let edits = credential_edits(user.item.get("user"), new);
    let others = conflict::users_of(draft.files, Kind::User, user.name, |it| {
        it.item.get("context").and_then(|it| it.filled("cluster")) != Some(cluster.name)
    });
    let is_safe = edits.is_empty() || is_same_person(user, one) && others.is_empty();
    match merge.on_conflict {
        OnConflict::Rename if !is_safe => {
            let free = free(draft, placed, one, &[Kind::User], named);
            draft.add(Kind::User, &free, &one.was.user, new.clone());
            Some(free)
        }
        OnConflict::Ask if !is_safe => {
            let conflict = conflict::describe(
                draft.files,
                Kind::User,
                user,
                one,
                others,
                is_taken(draft, placed),
            );
            draft.plan.conflicts.push(conflict);
            None
        }
        _ => {
            draft.edit(user, Kind::User, &one.was.user, edits);
            Some(named.to_owned())
        }
    }
}

/// A context that is not known yet: with its user, and with its cluster unless that is known.
fn add(
    draft: &mut Draft<'_>,
    merge: &Merge,
    one: &Incoming,
    known: Option<Found<'_>>,
    is_placed: bool,
    placed: &mut Placed<'_>,
) -> Option<String> {
    let mut names = one.names.clone();
    if let Some(cluster) = placed.clusters.get(&one.was.cluster) {
        names.cluster.clone_from(cluster);
    } else if let Some(cluster) = known {
        cluster.name.clone_into(&mut names.cluster);
        if one.is_renamed && cluster.name != one.names.context {
            draft.plan.notes.push(known_otherwise(cluster.name));
        }
    }
    if let Some(user) = placed.users.get(&one.was.user) {
        names.user.clone_from(user);
    }
    let mut kinds = Vec::new();
    if !is_placed && known.is_none() {
        kinds.push(Kind::Cluster);
    }
    if one.user.is_some() && !placed.users.contains_key(&one.was.user) {
        kinds.push(Kind::User);
    }
    kinds.push(Kind::Context);
    let is_in_the_way = |kind: &Kind| {
        let name = names.of(*kind);
        is_taken(draft, placed)(*kind, name) && !is_same_user(draft, placed, *kind, name, one)
    };
    let taken: Vec<Kind> = kinds.iter().copied().filter(is_in_the_way).collect();
    // What this merge has just written is not there to be replaced.
    let is_fresh = taken.iter().any(|kind| placed.has(*kind, names.of(*kind)));
    match merge.on_conflict {
        _ if taken.is_empty() => {}
        OnConflict::Replace if !is_fresh => {}
        OnConflict::Ask if !is_fresh => {
            ask(draft, one, &taken, placed, &names);
            return None;
        }
        _ => rename(draft, one, &kinds, &taken, placed, &mut names),
    }
    if let Some(cluster) = known {
        update_cluster(draft, merge, one, cluster, placed);
    }
    for kind in kinds {
        write(draft, one, kind, &names);
        placed.taken.insert((kind, names.of(kind).to_owned()));
    }
    placed
        .clusters
        .insert(one.was.cluster.clone(), names.cluster.clone());
    placed
        .users
        .insert(one.was.user.clone(), names.user.clone());
    Some(names.context)
}

fn ask(draft: &mut Draft<'_>, one: &Incoming, taken: &[Kind], placed: &Placed<'_>, names: &Names) {
    for kind in taken {
        let Some(found) = draft.files.find(*kind, names.of(*kind)) else {
            continue;
        };
        let is_other = |it: &Found<'_>| it.name != names.context;
        let used_by = conflict::users_of(draft.files, *kind, found.name, is_other);
        let is_taken = is_taken(draft, placed);
        let conflict = conflict::describe(draft.files, *kind, found, one, used_by, is_taken);
        draft.plan.conflicts.push(conflict);
    }
}

/// A name that a new entry can have: nobody has it, and nothing else of the source wants it.
fn free(
    draft: &Draft<'_>,
    placed: &Placed<'_>,
    one: &Incoming,
    kinds: &[Kind],
    name: &str,
) -> String {
    free_name(name, |name| {
        let is_wanted = |kind: &Kind| {
            let mut others = placed
                .incoming
                .iter()
                .filter(|it| it.was.of(*kind) != one.was.of(*kind));
            others.any(|other| other.names.of(*kind) == name)
        };
        let is_own = |kind: &Kind| !is_wanted(kind) && !is_taken(draft, placed)(*kind, name);
        !kinds.iter().all(is_own)
    })
}

fn is_taken<'a>(draft: &'a Draft<'_>, placed: &'a Placed<'_>) -> impl Fn(Kind, &str) -> bool + 'a {
    move |kind, name| draft.files.find(kind, name).is_some() || placed.has(kind, name)
}

/// A user entry that says the same already can be shared.
fn is_same_user(
    draft: &Draft<'_>,
    placed: &Placed<'_>,
    kind: Kind,
    name: &str,
    one: &Incoming,
) -> bool {
    if kind != Kind::User || placed.has(kind, name) {
        return false;
    }
    let found = draft.files.find(Kind::User, name);
    let body = found.and_then(|it| it.item.get("user"));
    body.is_some() && body == one.user.as_ref()
}

/// The next free name: one for all three where they share one, else for each that is taken.
fn rename(
    draft: &Draft<'_>,
    one: &Incoming,
    kinds: &[Kind],
    taken: &[Kind],
    placed: &Placed<'_>,
    names: &mut Names,
) {
    if one.is_renamed {
        let free = free(draft, placed, one, kinds, &one.names.context);
        for kind in kinds {
            names.set(*kind, free.clone());
        }
    } else {
        for kind in taken {
            let free = free(draft, placed, one, &[*kind], names.of(*kind));
            names.set(*kind, free);
        }
    }
}

/// Adds an entry, or makes the one of that name the new one.
fn write(draft: &mut Draft<'_>, one: &Incoming, kind: Kind, names: &Names) {
    let mut context = one.context.clone();
    if let Value::Map(pairs) = &mut context {
        pairs.retain(|(key, _)| !["cluster", "user"].contains(&key.as_str()));
        pairs.insert(0, ("cluster".to_owned(), Value::text(&names.cluster)));
        if one.user.is_some() {
            pairs.insert(1, ("user".to_owned(), Value::text(&names.user)));
        }
    }
    let was = one.was.of(kind);
    let found = draft.files.find(kind, names.of(kind));
    let old = found.and_then(|found| found.item.get(kind.field()));
    let new = match kind {
        Kind::Cluster => one.cluster.clone(),
        Kind::User => one.user.clone().unwrap_or(Value::Map(Vec::new())),
        Kind::Context => context,
    };
    if kind == Kind::Cluster {
        check_later(draft, one, names.of(kind), Some(&new));
    }
    let Some(found) = found else {
        draft.add(kind, names.of(kind), was, new);
        return;
    };
    let edits = match kind {
        Kind::User => credential_edits(old, &new),
        Kind::Cluster => {
            let mut edits = set(old, &new, &["server"]);
            edits.extend(replace(old, &new, &TRUST));
            edits
        }
        Kind::Context => {
            let has_namespace = old.is_some_and(|old| old.filled("namespace").is_some());
            let keys: &[&str] = if has_namespace {
                &["cluster", "user"]
            } else {
                &["cluster", "user", "namespace"]
            };
            set(old, &new, keys)
        }
    };
    draft.edit(found, kind, was, edits);
}

/// The server's answer is worth a look before anything is written; and an address that means "this machine" is told.
fn check_later(draft: &mut Draft<'_>, one: &Incoming, name: &str, body: Option<&Value>) {
    let text = |key: &str| body.and_then(|it| it.filled(key)).map(ToOwned::to_owned);
    let own = one.cluster.filled("server").unwrap_or_default();
    let url = if one.has_own_server {
        own.to_owned()
    } else {
        text("server").unwrap_or_else(|| own.to_owned())
    };
    if ServerUrl::parse(&url).is_some_and(|url| url.is_local()) {
        let what = format!(
            "the server of cluster {name:?} is {url}, which means this machine wherever it is read"
        );
        let note = Problem::new(Severity::Warning, Subject::Kubeconfig, what);
        draft.plan.notes.push(
            note.next("unless bramble runs on the server itself, give its address with --server"),
        );
    }
    draft.plan.servers.push(ServerToCheck {
        cluster: name.to_owned(),
        url,
        authority: one.authority.clone(),
        tls_server_name: one
            .cluster
            .filled("tls-server-name")
            .map(ToOwned::to_owned)
            .or_else(|| text("tls-server-name")),
    });
}

fn known_otherwise(name: &str) -> Problem {
    Problem::new(
        Severity::Note,
        Subject::Kubeconfig,
        format!("this cluster is known already, as {name:?}"),
    )
    .why("it has the same certificate authority")
    .next("without --name its own context would be brought up to date")
}

fn problem(what: String) -> Problem {
    Problem::new(Severity::Critical, Subject::Kubeconfig, what)
}
