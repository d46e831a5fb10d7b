//! Finding and reading the kubeconfig as kubectl does: `--kubeconfig`, else `KUBECONFIG` (several files, the first one
//! to say something wins, missing files are skipped), else `~/.kube/config`.
//!
//! Everything is checked here, before any request, so that each mistake gets a sentence that names the file and the
//! entry. Blocking: called on a blocking thread. Invariant: no sentence holds a token, a key or a line of the file
//! (kube's own parse errors print the lines around the fault).

mod fields;
mod list;
mod stamp;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kube::Config;
use kube::config::{AuthInfo, Context, Kubeconfig};

use super::Target;
use super::cause::Cause;
use super::error::{Error, Server};
use crate::rack::facts::ClusterInfo;
use crate::rack::kubeconfig::display_url;
use crate::rack::problem::{Problem, Severity, Subject};

pub(super) use list::{Group, Listing, list};
pub(super) use stamp::Stamps;

/// What was found, usable or not.
pub(super) struct Found {
    /// As much as could be learned; the contexts are there even when the chosen one is broken.
    pub(super) info: ClusterInfo,
    pub(super) chosen: Result<Chosen, Box<Problem>>,
    /// The files to keep an eye on.
    pub(super) stamps: Stamps,
}

/// One context, ready to be connected to.
#[derive(Clone)]
pub(super) struct Chosen {
    pub(super) config: Config,
    pub(super) server: Server,
    /// The cluster's own proxy-url, as opposed to one from the environment.
    pub(super) has_proxy: bool,
}

impl Chosen {
    /// True when its credential comes from a program, which may ask a person or open a browser.
    pub(super) fn has_plugin(&self) -> bool {
        let user = &self.config.auth_info;
        user.exec.is_some() || user.auth_provider.is_some()
    }

    /// Why it is given up when nothing came back in time.
    pub(super) fn silent(&self, wait: Duration) -> Error {
        Error::Unreachable {
            server: Box::new(self.server.clone()),
            cause: Cause::Silent(wait.as_secs()),
        }
    }

    /// The same without that program: a stranger to the server.
    pub(super) fn without_plugin(&self) -> Chosen {
        let mut stranger = self.clone();
        stranger.config.auth_info.exec = None;
        stranger.config.auth_info.auth_provider = None;
        stranger
    }
}

/// Reads all files and picks the context.
pub(super) fn find(target: &Target) -> Found {
    let (paths, is_explicit) = locate(target);
    let stamps = Stamps::of(&paths);
    let mut files = paths.clone();
    let mut info = ClusterInfo::default();
    let chosen = parse_all(&paths, is_explicit).and_then(|(merged, _)| {
        info.contexts = merged.contexts.iter().map(|it| it.name.clone()).collect();
        choose(merged, target, &paths, &mut info, &mut files)
    });
    Found {
        info,
        chosen,
        stamps: stamps.and(&files),
    }
}

/// The current context of a kubeconfig that stands in no file here: `text` as it came from `origin`, which is not asked
/// what to read or to run on this machine.
pub(super) fn read(text: &str, origin: &str) -> Result<Chosen, Box<Problem>> {
    let path = PathBuf::from(origin);
    let merged =
        Kubeconfig::from_yaml(text).map_err(|error| misread(&path, text.as_bytes(), &error))?;
    if let Some(what) = reach(&merged) {
        return Err(fault(&path, "cannot be used")
            .why(format!("it names a {what} of this machine"))
            .next("look who has written it")
            .into());
    }
    let (mut info, mut files) = (ClusterInfo::default(), Vec::new());
    choose(merged, &Target::default(), &[path], &mut info, &mut files)
}

/// What a kubeconfig would have read or run where it is used.
fn reach(config: &Kubeconfig) -> Option<&'static str> {
    let users = config
        .auth_infos
        .iter()
        .filter_map(|it| it.auth_info.as_ref());
    let clusters = config.clusters.iter().filter_map(|it| it.cluster.as_ref());
    let files_of_users = |user: &AuthInfo| {
        [&user.token_file, &user.client_certificate, &user.client_key].map(Option::is_some)
    };
    let is_program = |user: &AuthInfo| user.exec.is_some() || user.auth_provider.is_some();
    if users.clone().any(is_program) {
        return Some("program");
    }
    let has_file = users.flat_map(files_of_users).any(|it| it)
        || clusters
            .into_iter()
            .any(|it| it.certificate_authority.is_some());
    has_file.then_some("file")
}

/// The files to read, and whether the user named exactly this one.
pub(super) fn locate(target: &Target) -> (Vec<PathBuf>, bool) {
    if let Some(path) = &target.kubeconfig {
        return (vec![path.clone()], true);
    }
    let named: Vec<PathBuf> = target
        .env
        .iter()
        .flat_map(std::env::split_paths)
        .filter(|path| !path.as_os_str().is_empty())
        .collect();
    if !named.is_empty() {
        return (named, false);
    }
    let home = target.home.iter().map(|home| home.join(".kube/config"));
    (home.collect(), false)
}

/// The files as one, and the file that each context stands in: the first that names it.
fn parse_all(
    paths: &[PathBuf],
    is_explicit: bool,
) -> Result<(Kubeconfig, HashMap<String, PathBuf>), Box<Problem>> {
    let mut merged: Option<Kubeconfig> = None;
    let mut origins = HashMap::new();
    for path in paths {
        let next = match std::fs::read(path) {
            Ok(bytes) => parse(path, &bytes)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !is_explicit => continue,
            Err(error) => return Err(unreadable(path, &error).into()),
        };
        for context in &next.contexts {
            let name = context.name.clone();
            origins.entry(name).or_insert_with(|| path.clone());
        }
        merged = Some(match merged {
            None => next,
            Some(first) => first.merge(next).map_err(|error| {
                // Kind or apiVersion differ; this text holds nothing of the files.
                fault(path, "cannot be merged with the files before it").why(error.to_string())
            })?,
        });
    }
    match merged {
        Some(merged) => Ok((merged, origins)),
        None => Err(nowhere(paths).into()),
    }
}

/// Parses one file; relative paths in it become absolute from where it lies.
fn parse(path: &Path, bytes: &[u8]) -> Result<Kubeconfig, Box<Problem>> {
    if bytes.trim_ascii().is_empty() {
        return Ok(Kubeconfig::default());
    }
    let mut config = Kubeconfig::read_from(path).map_err(|error| misread(path, bytes, &error))?;
    config.current_context = config.current_context.filter(|name| !name.is_empty());
    Ok(config)
}

fn choose(
    mut merged: Kubeconfig,
    target: &Target,
    paths: &[PathBuf],
    info: &mut ClusterInfo,
    files: &mut Vec<PathBuf>,
) -> Result<Chosen, Box<Problem>> {
    let path = place(paths);
    let wanted = target.context.clone().filter(|name| !name.is_empty());
    let Some(name) = wanted.or_else(|| merged.current_context.clone()) else {
        return Err(no_context(&path, &info.contexts).into());
    };
    info.context.clone_from(&name);
    let context = context(&merged, &name, &path)?;
    info.user = context.user.clone().unwrap_or_default();
    info.namespace.clone_from(&context.namespace);

    let entry = format!("context {name:?}");
    let cluster = (merged.clusters.iter_mut())
        .find(|it| it.name == context.cluster)
        .and_then(|it| it.cluster.as_mut())
        .ok_or_else(|| missing(&path, &entry, "cluster", &context.cluster))?;
    fields::check_cluster(cluster, &context.cluster, &path, files)?;
    let has_proxy = cluster.proxy_url.is_some();
    info.server = display_url(cluster.server.as_deref().unwrap_or_default());

    let mut certificate_ends = None;
    if !info.user.is_empty() {
        let user = (merged.auth_infos.iter_mut())
            .find(|it| it.name == info.user)
            .and_then(|it| it.auth_info.as_mut())
            .ok_or_else(|| missing(&path, &entry, "user", &info.user))?;
        certificate_ends = fields::check_user(user, &info.user, &path, files)?;
    }
    info.certificate_ends = certificate_ends;
    merged.current_context = Some(name.clone());
    let config = Config::try_from(merged).map_err(|error| {
        // All that could carry a secret was checked above; still only the kind of error is shown.
        fault(&path, "cannot be used").why(fields::plain_reason(&error))
    })?;
    Ok(Chosen {
        config,
        server: Server {
            url: info.server.clone(),
            context: name,
            user: info.user.clone(),
            certificate_ends,
        },
        has_proxy,
    })
}

fn context(merged: &Kubeconfig, name: &str, path: &str) -> Result<Context, Box<Problem>> {
    let named = merged.contexts.iter().find(|it| it.name == name);
    if let Some(context) = named.and_then(|it| it.context.clone()) {
        return Ok(context);
    }
    let mut nearest: Vec<&str> = merged.contexts.iter().map(|it| it.name.as_str()).collect();
    nearest.sort_by_key(|other| distance(other, name));
    nearest.truncate(5);
    let problem = problem(format!("there is no context {name:?} in {path}"));
    let next = match nearest.as_slice() {
        [] => "it holds no contexts at all: merge a kubeconfig into it".to_owned(),
        nearest => format!("nearest: {}", nearest.join(", ")),
    };
    Err(problem.next(next).into())
}

/// Letters to change, add or drop to get from one name to the other.
fn distance(one: &str, two: &str) -> usize {
    let two: Vec<char> = two.chars().collect();
    let mut row: Vec<usize> = (0..=two.len()).collect();
    for (above, letter) in one.chars().enumerate() {
        let mut last = above + 1;
        let mut next = vec![last];
        for ((&diagonal, &up), other) in row.iter().zip(row.iter().skip(1)).zip(&two) {
            let same = diagonal + usize::from(!letter.eq_ignore_ascii_case(other));
            last = same.min(up + 1).min(last + 1);
            next.push(last);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

fn problem(what: impl Into<String>) -> Problem {
    Problem::new(Severity::Critical, Subject::Kubeconfig, what)
}

fn fault(path: impl AsRef<Path>, what: &str) -> Problem {
    problem(format!("kubeconfig {} {what}", path.as_ref().display()))
}

fn place(paths: &[PathBuf]) -> String {
    let paths: Vec<String> = paths
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    paths.join(":")
}

const NEXT_STEPS: &str = "name one with --kubeconfig FILE or KUBECONFIG (on a k3s server: \
    /etc/rancher/k3s/k3s.yaml), or look around in a played rack: bramble demo";

fn nowhere(paths: &[PathBuf]) -> Problem {
    let looked = match paths {
        [] => "there is no home directory to look in".to_owned(),
        paths => format!("looked for {}", place(paths)),
    };
    problem("no kubeconfig was found")
        .why(looked)
        .next(NEXT_STEPS)
}

fn no_context(path: &str, contexts: &[String]) -> Problem {
    if contexts.is_empty() {
        return problem(format!("kubeconfig {path} holds no contexts")).next(NEXT_STEPS);
    }
    problem(format!(
        "kubeconfig {path} does not say which context to use"
    ))
    .why("current-context is not set")
    .next(format!(
        "choose one with --context: {}",
        contexts.join(", ")
    ))
}

fn missing(path: &str, entry: &str, kind: &str, name: &str) -> Problem {
    problem(format!(
        "{entry} names {kind} {name:?}, which kubeconfig {path} does not hold"
    ))
    .next(format!(
        "add the {kind}, or choose another context with --context"
    ))
}

fn unreadable(path: &Path, error: &std::io::Error) -> Problem {
    use std::io::ErrorKind as Kind;
    let problem = fault(path, "cannot be read");
    match error.kind() {
        Kind::NotFound => problem.why("there is no such file").next(NEXT_STEPS),
        Kind::PermissionDenied => problem.why("no permission").next(
            "k3s writes its kubeconfig for root only: copy it to a file of your own, or start k3s \
             with --write-kubeconfig-mode",
        ),
        Kind::IsADirectory => problem.why("it is a directory"),
        _ => problem.why(error.to_string()),
    }
}

/// Says where the fault is, and never what stands there.
fn misread(path: &Path, bytes: &[u8], error: &kube::config::KubeconfigError) -> Problem {
    let kube::config::KubeconfigError::Parse(parse) = error else {
        return fault(path, "cannot be read").why(fields::plain_reason(error));
    };
    let place = parse.location().map_or(String::new(), |place| {
        format!(" at line {}, column {}", place.line(), place.column())
    });
    let is_yaml = serde_yaml::from_slice::<serde_yaml::Value>(bytes).is_ok();
    if is_yaml {
        fault(path, "is YAML but no kubeconfig")
            .why(format!("something of the wrong type stands{place}"))
            .next("compare it with a fresh one: kubectl config view")
    } else {
        fault(path, "is not YAML")
            .why(format!("it cannot be parsed{place}"))
            .next("repair it, or name another with --kubeconfig")
    }
}

#[cfg(test)]
mod tests;
