//! All contexts of the files at once: what each says, where it stands, and which can be used.
//!
//! The files are read once; each context is then checked with nothing but its own entries, so that five hundred of them
//! cost what one file of five hundred costs to read.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use kube::config::{AuthInfo, Context as Named, Kubeconfig, NamedContext};

use super::{Chosen, Stamps, Target, choose, locate, parse_all};
use crate::rack::facts::ClusterInfo;
use crate::rack::fleet::{Context, Contexts, Login};

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
        files: paths.iter().map(|path| shown(path, target)).collect(),
        ..Contexts::default()
    };
    let mut groups = Vec::new();
    match parse_all(&paths, is_explicit) {
        Ok((merged, origins)) => {
            contexts.current.clone_from(&merged.current_context);
            let mut by_meaning = HashMap::new();
            for named in &merged.contexts {
                let (mut context, chosen) = one(&merged, named, target, &paths, &mut files);
                context.file =
                    (origins.get(&named.name)).map_or(String::new(), |it| shown(it, target));
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
) -> (Context, Option<Chosen>) {
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
    let login = (alone.auth_infos.first())
        .and_then(|it| it.auth_info.as_ref())
        .map_or(Login::Nothing, login);
    let chosen = choose(alone, &wanted, paths, &mut info, files);
    let (chosen, problem) = match chosen {
        Ok(chosen) => (Some(chosen), None),
        Err(problem) => (None, Some(*problem)),
    };
    let login = match (login, info.certificate_ends) {
        (Login::Nothing, Some(end)) => Login::Certificate(end),
        (login, _) => login,
    };
    let context = Context {
        name: named.name.clone(),
        cluster,
        server: info.server,
        user,
        namespace: namespace.filter(|namespace| !namespace.is_empty()),
        login,
        file: String::new(),
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

/// By the order in which they are used; whether a certificate can be read is seen later.
fn login(user: &AuthInfo) -> Login {
    if user.exec.is_some() || user.auth_provider.is_some() {
        Login::Plugin
    } else if user.client_certificate.is_some() || user.client_certificate_data.is_some() {
        Login::Nothing
    } else if user.token.is_some() || user.token_file.is_some() {
        Login::Token
    } else if user.username.is_some() {
        Login::Password
    } else {
        Login::Nothing
    }
}

/// A path as people write it: `~` for the home.
fn shown(path: &Path, target: &Target) -> String {
    let below_home = target
        .home
        .as_ref()
        .and_then(|home| path.strip_prefix(home).ok());
    match below_home {
        Some(rest) => format!("~/{}", rest.display()),
        None => path.display().to_string(),
    }
}

#[cfg(test)]
mod tests;
