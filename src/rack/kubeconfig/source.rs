//! What is to be merged: a kubeconfig from somewhere, most often a server's `k3s.yaml`.
//!
//! Invariant: what [`Source::incoming`] hands out can be used: its context leads to a cluster with a server, its
//! certificates are certificates, and its paths are absolute.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::file::File;
use super::names::{ServerUrl, name_of_host};
use super::value::Value;
use super::{Kind, Merge, base64, certificate, certificate_end, fingerprints};
use crate::rack::problem::{Problem, Severity, Subject};

/// A kubeconfig to take contexts from.
#[derive(Clone, PartialEq)]
pub struct Source {
    /// How it is called in sentences: a path, `standard input`, `ssh://pi@rack`.
    pub place: String,
    file: File,
    /// The folder its relative paths count from.
    folder: Option<PathBuf>,
    /// The host it came from: proposes a name.
    host: Option<String>,
}

/// One context of a source, ready to be placed.
pub(super) struct Incoming {
    /// As they are in the source.
    pub(super) was: Names,
    /// As they should be.
    pub(super) names: Names,
    /// It is the only one that is merged.
    pub(super) is_only: bool,
    /// All three have one name, given or proposed.
    pub(super) is_renamed: bool,
    /// Bodies, with server and paths as they will be written.
    pub(super) cluster: Value,
    pub(super) user: Option<Value>,
    pub(super) context: Value,
    /// PEM of the cluster's authority.
    pub(super) authority: Option<Vec<u8>>,
    /// Which certificates it is.
    pub(super) fingerprints: Vec<String>,
    /// The server was asked for, or means more than "this machine": it replaces a known one.
    pub(super) has_own_server: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Names {
    pub(super) cluster: String,
    pub(super) user: String,
    pub(super) context: String,
}

/// The name k3s gives to everything.
const GENERIC: &str = "default";

impl Source {
    /// Reads a text. `folder` is where its relative paths count from, `host` where it came from, as far as known.
    pub fn parse(
        place: &str,
        text: String,
        folder: Option<&Path>,
        host: Option<&str>,
    ) -> Result<Source, Box<Problem>> {
        let file = File::parse(Path::new(place), text)?;
        let source = Source {
            place: place.to_owned(),
            file,
            folder: folder.map(ToOwned::to_owned),
            host: host.map(ToOwned::to_owned),
        };
        if source.file.entries(Kind::Context).next().is_none() {
            return Err(source
                .fault("holds no contexts", "")
                .next("on a k3s server the kubeconfig is /etc/rancher/k3s/k3s.yaml")
                .into());
        }
        Ok(source)
    }

    /// Names of its contexts.
    pub fn contexts(&self) -> Vec<String> {
        self.file
            .entries(Kind::Context)
            .map(|(name, _)| name.to_owned())
            .collect()
    }

    /// When the first client certificate in it ends.
    pub fn certificate_ends(&self) -> Option<Timestamp> {
        let mut users = self.file.entries(Kind::User);
        users.find_map(|(_, item)| {
            let pem = base64(item.get("user")?.filled("client-certificate-data")?)?;
            certificate_end(&pem)
        })
    }

    /// The contexts to merge.
    pub(super) fn incoming(&self, merge: &Merge) -> Result<Vec<Incoming>, Box<Problem>> {
        let all: Vec<(&str, &Value)> = self.file.entries(Kind::Context).collect();
        let chosen: Vec<(&str, &Value)> = match &merge.only {
            Some(only) => all
                .iter()
                .copied()
                .filter(|(name, _)| name == only)
                .collect(),
            None => all.clone(),
        };
        let listed = || {
            all.iter()
                .map(|(name, _)| *name)
                .collect::<Vec<_>>()
                .join(", ")
        };
        if chosen.is_empty() {
            let what = format!(
                "there is no context {:?} in {}",
                merge.only.as_deref().unwrap_or(""),
                self.place
            );
            return Err(Problem::new(Severity::Critical, Subject::Kubeconfig, what)
                .next(format!("it holds: {}", listed()))
                .into());
        }
        let is_one = chosen.len() == 1;
        if !is_one && (merge.name.is_some() || merge.server.is_some()) {
            return Err(self
                .fault(
                    "holds several contexts, and one name or server is not for all of them",
                    "",
                )
                .next(format!("choose one: {}", listed()))
                .into());
        }
        chosen
            .into_iter()
            .map(|(name, item)| self.one(merge, name, item, is_one))
            .collect()
    }

    fn one(
        &self,
        merge: &Merge,
        name: &str,
        item: &Value,
        is_one: bool,
    ) -> Result<Incoming, Box<Problem>> {
        let context = item
            .get("context")
            .cloned()
            .unwrap_or(Value::Map(Vec::new()));
        let text = |key: &str| context.filled(key).unwrap_or_default().to_owned();
        let was = Names {
            cluster: text("cluster"),
            user: text("user"),
            context: name.to_owned(),
        };
        let missing = |kind: Kind, entry: &str| {
            self.fault(
                &format!(
                    "is not whole: context {name:?} names {} {entry:?}, which it does not hold",
                    kind.word()
                ),
                "",
            )
            .next("take a fresh one from the server")
        };
        let body = |kind: Kind, entry: &str| {
            self.file
                .entry(kind, entry)
                .map(|item| item.get(kind.field()).cloned())
        };
        let cluster = body(Kind::Cluster, &was.cluster)
            .ok_or_else(|| missing(Kind::Cluster, &was.cluster))?;
        let user = match was.user.as_str() {
            "" => None,
            user => Some(body(Kind::User, user).ok_or_else(|| missing(Kind::User, user))?),
        };
        let empty = || Value::Map(Vec::new());
        let mut cluster = self.absolute(cluster.unwrap_or_else(empty))?;
        let user = user
            .map(|user| self.absolute(user.unwrap_or_else(empty)))
            .transpose()?;
        self.check_credentials(&was, &cluster, user.as_ref())?;

        let server = self.server(merge, &was.cluster, &cluster)?;
        put(&mut cluster, "server", &server.to_string());
        if let Some(name) = &merge.tls_server_name {
            put(&mut cluster, "tls-server-name", name);
        }
        let proposed = match (&merge.name, name) {
            (Some(name), _) => Some(name.clone()),
            // A name says more than an address.
            (None, GENERIC) if is_one => match &self.host {
                Some(host) if server.is_local() || server.is_address() => Some(name_of_host(host)),
                None if server.is_local() => None,
                _ => Some(name_of_host(&server.host)),
            },
            _ => None,
        };
        let proposed = proposed.filter(|name| !name.is_empty());
        if merge.name.is_some() && proposed.is_none() || proposed.is_none() && name.is_empty() {
            let what = format!("the context of {} has no name", self.place);
            return Err(Problem::new(Severity::Critical, Subject::Kubeconfig, what)
                .next("give it one with --name")
                .into());
        }
        let authority = cluster
            .filled("certificate-authority-data")
            .and_then(base64);
        Ok(Incoming {
            is_only: is_one,
            is_renamed: proposed.is_some(),
            names: match proposed {
                Some(name) => Names {
                    cluster: name.clone(),
                    user: name.clone(),
                    context: name,
                },
                None => was.clone(),
            },
            was,
            fingerprints: authority.as_deref().map(fingerprints).unwrap_or_default(),
            authority,
            has_own_server: merge.server.is_some() || !server.is_local(),
            cluster,
            user,
            context,
        })
    }

    fn server(
        &self,
        merge: &Merge,
        name: &str,
        cluster: &Value,
    ) -> Result<ServerUrl, Box<Problem>> {
        let written = cluster.filled("server").unwrap_or_default();
        let bad = |what: String| {
            Problem::new(Severity::Critical, Subject::Kubeconfig, what)
                .next("write it as HOST, HOST:PORT or https://HOST:6443")
                .into()
        };
        let own = ServerUrl::parse(written).ok_or_else(|| {
            bad(format!(
                "the server of cluster {name:?} in {} is no usable address",
                self.place
            ))
        })?;
        match &merge.server {
            None => Ok(own),
            Some(given) => own
                .with(given)
                .ok_or_else(|| bad(format!("{given:?} is no usable address for a server"))),
        }
    }

    /// Paths in an entry count from the folder of its file, so on the way to another one they become absolute.
    fn absolute(&self, mut body: Value) -> Result<Value, Box<Problem>> {
        for key in [
            "certificate-authority",
            "client-certificate",
            "client-key",
            "tokenFile",
        ] {
            let Some(path) = body.filled(key).map(PathBuf::from) else {
                continue;
            };
            if path.is_absolute() {
                continue;
            }
            let Some(folder) = &self.folder else {
                return Err(self
                    .fault(
                        &format!("names its {key} by a relative path"),
                        "nobody knows from which folder it counts",
                    )
                    .next("merge it from the file it was written in")
                    .into());
            };
            put(&mut body, key, &folder.join(path).display().to_string());
        }
        Ok(body)
    }

    fn check_credentials(
        &self,
        was: &Names,
        cluster: &Value,
        user: Option<&Value>,
    ) -> Result<(), Box<Problem>> {
        let next = "take a fresh one from the server";
        let pem = |body: &Value, key: &str| body.filled(key).and_then(base64);
        if let Some(pem) = pem(cluster, "certificate-authority-data")
            && certificate::first(&pem).is_none()
        {
            let what = format!(
                "cannot be used: the certificate-authority-data of cluster {:?} holds no certificate",
                was.cluster
            );
            return Err(self.fault(&what, "").next(next).into());
        }
        let Some(user) = user else { return Ok(()) };
        let of = format!("of user {:?}", was.user);
        if let Some(pem) = pem(user, "client-certificate-data")
            && certificate::first(&pem).is_none()
        {
            let what =
                format!("cannot be used: the client-certificate-data {of} holds no certificate");
            return Err(self.fault(&what, "").next(next).into());
        }
        let has = |key: &str| user.filled(key).is_some();
        let has_certificate = has("client-certificate-data") || has("client-certificate");
        let has_key = has("client-key-data") || has("client-key");
        if has_certificate != has_key {
            let (there, lacks) = if has_key {
                ("client-key", "client-certificate")
            } else {
                ("client-certificate", "client-key")
            };
            return Err(self
                .fault(
                    &format!("cannot be used: the {there} {of} has no {lacks} beside it"),
                    "",
                )
                .next(next)
                .into());
        }
        Ok(())
    }

    fn fault(&self, what: &str, why: &str) -> Problem {
        let what = format!("kubeconfig {} {what}", self.place);
        Problem::new(Severity::Critical, Subject::Kubeconfig, what).why(why)
    }
}

fn put(map: &mut Value, key: &str, text: &str) {
    match map.get_mut(key) {
        Some(value) => *value = Value::text(text),
        None => {
            if let Value::Map(pairs) = map {
                pairs.push((key.to_owned(), Value::text(text)));
            }
        }
    }
}

impl Names {
    pub(super) fn of(&self, kind: Kind) -> &str {
        match kind {
            Kind::Cluster => &self.cluster,
            Kind::User => &self.user,
            Kind::Context => &self.context,
        }
    }

    pub(super) fn set(&mut self, kind: Kind, name: String) {
        match kind {
            Kind::Cluster => self.cluster = name,
            Kind::User => self.user = name,
            Kind::Context => self.context = name,
        }
    }
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Source({:?}, ***)", self.place)
    }
}
