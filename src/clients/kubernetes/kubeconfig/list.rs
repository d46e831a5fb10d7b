//! All contexts of the files at once: what each says, where it stands, and which can be used.
//!
//! The files are read once; each context is then checked with nothing but its own entries, so that five hundred of them
//! cost what one file of five hundred costs to read.

use std::collections::HashMap;
use std::path::PathBuf;

use kube::config::{AuthInfo, Context as Named, Kubeconfig, NamedContext};

use super::{Chosen, Stamps, Target, choose, locate, parse_all};
use crate::rack::facts::ClusterInfo;
use crate::rack::fleet::Contexts;
use crate::rack::kubeconfig::{ContextEntry, Credential};

/// What the files hold.
pub(in crate::clients::kubernetes) struct Listing {
    pub(in crate::clients::kubernetes) contexts: Contexts,
    pub(in crate::clients::kubernetes) groups: Vec<Group>,
    /// The files to keep an eye on.
    pub(in crate::clients::kubernetes) stamps: Stamps,
}

/// Contexts that mean the same cluster and user, and how to ask it.
pub(in crate::clients::kubernetes) struct Group {
    pub(in crate::clients::kubernetes) names: Vec<String>,
    pub(in crate::clients::kubernetes) chosen: Chosen,
}

/// Reads all files. Blocking.
pub(in crate::clients::kubernetes) fn list(target: &Target) -> Listing {
    let (paths, is_explicit) = locate(target);
    let stamps = Stamps::of(&paths);
    let mut files = paths.clone();
    let mut contexts = Contexts {
        files: paths.clone(),
        home: target.home.clone(),
        ..Contexts::default()
    };
    let mut groups = Vec::new();
    match parse_all(&paths, is_explicit) {
        Ok((merged, origins)) => {
            contexts.current.clone_from(&merged.current_context);
            let mut by_meaning = HashMap::new();
            for named in &merged.contexts {
                let (mut context, chosen) = one(&merged, named, target, &paths, &mut files);
                context.file = origins.get(&named.name).cloned().unwrap_or_default();
                context.is_current = contexts.current.as_ref() == Some(&named.name);
                if let Some(chosen) = chosen {
                    let meaning = (context.cluster.clone(), context.user.clone());
                    let at = *by_meaning.entry(meaning).or_insert(groups.len());
                    match groups.get_mut(at) {
                        None => groups.push(Group {
                            names: vec![named.name.clone()],
                            chosen,
                        }),
                        Some(Group { names, .. }) => names.push(named.name.clone()),
                    }
                }
                contexts.entries.push(context);
            }
        }
        Err(problem) => contexts.problem = Some(*problem),
    }
    Listing {
        contexts,
        groups,
        stamps: stamps.and(&files),
    }
}

/// One context, and how to ask its cluster if it can be used.
fn one(
    merged: &Kubeconfig,
    named: &NamedContext,
    target: &Target,
    paths: &[PathBuf],
    files: &mut Vec<PathBuf>,
) -> (ContextEntry, Option<Chosen>) {
    let Named {
        cluster,
        user,
        namespace,
        ..
    } = named.context.clone().unwrap_or_default();
    let user = user.unwrap_or_default();
    let wanted = Target {
        context: Some(named.name.clone()),
        ..target.clone()
    };
    let mut info = ClusterInfo::default();
    let alone = alone(merged, named, &cluster, &user);
    let mut credential = (alone.auth_infos.first())
        .and_then(|it| it.auth_info.as_ref())
        .map_or(Credential::Nothing, credential);
    let chosen = choose(alone, &wanted, paths, &mut info, files);
    let (chosen, problem) = match chosen {
        Ok(chosen) => (Some(chosen), None),
        Err(problem) => (None, Some(*problem)),
    };
    if let Credential::Certificate { ends } = &mut credential {
        *ends = info.certificate_ends;
    }
    let context = ContextEntry {
        name: named.name.clone(),
        cluster,
        server: info.server,
        user,
        namespace: namespace.filter(|namespace| !namespace.is_empty()),
        credential,
        file: PathBuf::new(),
        is_current: false,
        problem,
    };
    (context, chosen)
}

/// The context with its cluster and its user, and nothing else.
fn alone(merged: &Kubeconfig, named: &NamedContext, cluster: &str, user: &str) -> Kubeconfig {
    let clusters = merged.clusters.iter().filter(|it| it.name == cluster);
    let users = merged.auth_infos.iter().filter(|it| it.name == user);
    Kubeconfig {
        contexts: vec![named.clone()],
        clusters: clusters.take(1).cloned().collect(),
        auth_infos: users.take(1).cloned().collect(),
        ..Kubeconfig::default()
    }
}

/// By the order in which they are used; when a certificate ends is seen later.
fn credential(user: &AuthInfo) -> Credential {
    let named = |name: Option<&String>| Credential::Plugin(name.cloned().unwrap_or_default());
    if let Some(exec) = &user.exec {
        named(exec.command.as_ref())
    } else if let Some(provider) = &user.auth_provider {
        named(Some(&provider.name))
    } else if user.client_certificate.is_some() || user.client_certificate_data.is_some() {
        Credential::Certificate { ends: None }
    } else if user.token.is_some() || user.token_file.is_some() {
        Credential::Token
    } else if user.username.is_some() {
        Credential::Password
    } else {
        Credential::Nothing
    }
}

#[cfg(test)]
mod tests;
