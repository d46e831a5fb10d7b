//! The contexts of all files, each with what it leads to.

use std::path::PathBuf;

use jiff::Timestamp;

use super::certificate::{self, days_left};
use super::files::{Files, Found};
use super::names::display_url;
use super::value::Value;
use super::{Kind, base64};
use crate::rack::problem::{Problem, Severity, Subject};

/// One context, as a row of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContextEntry {
    pub name: String,
    pub cluster: String,
    pub user: String,
    pub namespace: Option<String>,
    /// Without user and password; empty when the cluster is not there.
    pub server: String,
    pub credential: Credential,
    pub file: PathBuf,
    pub is_current: bool,
    /// Why it cannot be used.
    pub problem: Option<Problem>,
}

/// How a user proves who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    Nothing,
    /// `ends` is unknown for a certificate that is missing or no certificate.
    Certificate {
        ends: Option<Timestamp>,
    },
    Token,
    Password,
    /// A program or an old auth provider, by name.
    Plugin(String),
}

impl ContextEntry {
    /// Whole days until the client certificate ends, negative when it has ended; `None` without one.
    pub fn days_left(&self, now: Timestamp) -> Option<i64> {
        Some(days_left(self.credential.ends()?, now))
    }

    /// Whether two entries lead to the same cluster as the same person.
    pub fn means_the_same_as(&self, other: &ContextEntry) -> bool {
        (&self.cluster, &self.server, &self.user) == (&other.cluster, &other.server, &other.user)
            && self.credential == other.credential
            && self.problem == other.problem
    }
}

impl Credential {
    pub fn word(&self) -> &'static str {
        match self {
            Credential::Nothing => "none",
            Credential::Certificate { .. } => "certificate",
            Credential::Token => "token",
            Credential::Password => "password",
            Credential::Plugin(_) => "plugin",
        }
    }

    /// When it ends, where that can be known.
    pub fn ends(&self) -> Option<Timestamp> {
        match self {
            Credential::Certificate { ends } => *ends,
            _ => None,
        }
    }
}

impl Files {
    /// All contexts, in the order of the files.
    pub fn contexts(&self) -> Vec<ContextEntry> {
        let current = self.current_context();
        let lookup = |kind| {
            self.entries(kind)
                .map(|it| (it.name, it))
                .collect::<std::collections::HashMap<_, _>>()
        };
        let (clusters, users) = (lookup(Kind::Cluster), lookup(Kind::User));
        let contexts = self.entries(Kind::Context).map(|found| {
            let body = found.item.get("context");
            let text = |key| body.and_then(|it| it.filled(key)).map(ToOwned::to_owned);
            let (cluster, user) = (
                text("cluster").unwrap_or_default(),
                text("user").unwrap_or_default(),
            );
            let of_cluster = clusters.get(cluster.as_str()).copied();
            let of_user = users.get(user.as_str()).copied();
            let server = of_cluster.and_then(|it| it.item.get("cluster")?.filled("server"));
            ContextEntry {
                name: found.name.to_owned(),
                namespace: text("namespace"),
                server: server.map(display_url).unwrap_or_default(),
                credential: of_user.map_or(Credential::Nothing, |it| self.credential(it)),
                file: found.file.path.clone(),
                is_current: current == Some(found.name),
                problem: leads_nowhere(
                    found.name,
                    (&cluster, of_cluster),
                    (&user, of_user),
                    server,
                ),
                cluster,
                user,
            }
        });
        contexts.collect()
    }

    /// What a user entry holds; the first that kubectl would use.
    pub(super) fn credential(&self, user: Found<'_>) -> Credential {
        let body = user.item.get("user");
        let has = |key: &str| body.is_some_and(|it| it.filled(key).is_some());
        let name = |map: &str, key: &str| body?.get(map)?.filled(key).map(ToOwned::to_owned);
        if has("client-certificate-data") || has("client-certificate") {
            let pem = self.pem(user, Kind::User, "client-certificate");
            return Credential::Certificate {
                ends: pem.and_then(|pem| certificate::certificate_end(&pem)),
            };
        }
        if has("token") || has("tokenFile") {
            return Credential::Token;
        }
        if let Some(plugin) = name("exec", "command").or_else(|| name("auth-provider", "name")) {
            return Credential::Plugin(plugin);
        }
        if has("username") {
            Credential::Password
        } else {
            Credential::Nothing
        }
    }
}

/// The subject of the client certificate inside a user entry's body.
pub(super) fn subject(body: &Value) -> Option<String> {
    let pem = base64(body.filled("client-certificate-data")?)?;
    certificate::first(&pem).map(|it| it.subject)
}

fn leads_nowhere(
    context: &str,
    (cluster, of_cluster): (&str, Option<Found<'_>>),
    (user, of_user): (&str, Option<Found<'_>>),
    server: Option<&str>,
) -> Option<Problem> {
    let what = if of_cluster.is_none() {
        format!("context {context:?} names cluster {cluster:?}, which no kubeconfig holds")
    } else if of_user.is_none() && !user.is_empty() {
        format!("context {context:?} names user {user:?}, which no kubeconfig holds")
    } else if server.is_none() {
        format!("cluster {cluster:?} of context {context:?} names no server")
    } else {
        return None;
    };
    let problem = Problem::new(Severity::Warning, Subject::Kubeconfig, what);
    Some(problem.next("merge its kubeconfig again, or delete the context"))
}
