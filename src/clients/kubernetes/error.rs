//! What can go wrong with the API server, one variant per thing a person would do something different about.
//!
//! Invariant: no message holds a token, a key, an argument of a plugin or a line of a kubeconfig.

mod unreachable;

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;

use super::cause::Cause;
use crate::rack::problem::{Problem, Severity, Subject};

/// Who we were talking to, for messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// The URL without any user or password in it.
    pub url: String,
    pub context: String,
    pub user: String,
    /// When our client certificate ends, if we have one.
    pub certificate_ends: Option<Timestamp>,
}

/// A right of RBAC, in the words of a Role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    pub verbs: &'static str,
    pub resource: &'static str,
    pub group: &'static str,
    pub namespace: Option<&'static str>,
}

#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// The kubeconfig cannot be used.
    #[error("{}", .0.sentence())]
    Kubeconfig(Box<Problem>),
    #[error("no answer from {}", .server.url)]
    Unreachable { server: Box<Server>, cause: Cause },
    /// 401, or a credential plugin that fails.
    #[error("{} does not know us", .server.url)]
    Unauthorized { server: Box<Server>, why: String },
    #[error("missing right: {rule}")]
    Forbidden { rule: Rule, message: String },
    /// The server has no such object or kind.
    #[error("{what} does not exist on the server")]
    Missing { what: String },
    /// The version or continue token is too old.
    #[error("the version is too old")]
    Expired,
    /// 429 and 503: ask again later.
    #[error("the server is busy ({code})")]
    Busy {
        code: u16,
        after: Option<Duration>,
        message: String,
    },
    /// Any other answer that is no success.
    #[error("the server answered {code}")]
    Server { code: u16, message: String },
    /// Something answers there, but it is no Kubernetes.
    #[error("{url} is no Kubernetes API: {what}")]
    NotKubernetes { url: String, what: String },
    /// Kubernetes answered what we cannot read.
    #[error("cannot read {what}: {why}")]
    Unreadable { what: String, why: String },
    #[error("somebody else changed {0} at the same moment")]
    Conflict(Subject),
    #[error("{0} is not the one it was")]
    Replaced(Subject),
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}", self.verbs, self.resource)?;
        if !self.group.is_empty() {
            write!(f, " ({})", self.group)?;
        }
        match self.namespace {
            Some(namespace) => write!(f, " in {namespace}"),
            None => Ok(()),
        }
    }
}

impl Error {
    /// Nothing came back: the line itself is the trouble, not the thing we asked for.
    pub(super) fn is_line(&self) -> bool {
        matches!(self, Error::Unreachable { .. })
    }

    /// In words, with the next step.
    pub fn problem(&self) -> Problem {
        match self {
            Error::Kubeconfig(problem) => (**problem).clone(),
            Error::Unreachable { server, cause } => unreachable::problem(server, cause),
            Error::Unauthorized { server, why } => unauthorized(server, why),
            Error::Forbidden { rule, message } => forbidden(rule, message),
            Error::Missing { what } => link(format!("the server has no {what}")),
            Error::Expired => link("the server has forgotten the version we asked for")
                .next("everything is listed again by itself"),
            Error::Busy { code, message, .. } => link(format!("the API server is busy ({code})"))
                .why(message)
                .next("asked again when the server allows it"),
            Error::Server { code, message } => link(format!("the API server answers {code}"))
                .why(message)
                .next("bramble keeps trying; the log of the server says more: journalctl -u k3s"),
            Error::NotKubernetes { url, what } => {
                link(format!("{url} does not answer like a Kubernetes API"))
                    .why(what)
                    .next("check server in the kubeconfig, and whether a proxy or a login page stands between")
            }
            Error::Unreadable { what, why } => link(format!("cannot read {what}")).why(why),
            Error::Conflict(object) => unchanged(object)
                .why("somebody else changed it at the same moment")
                .next("look at it again and repeat"),
            Error::Replaced(object) => unchanged(object)
                .why("it is gone, or another one has taken its name since it was shown")
                .next("look at the new one and repeat if it is meant"),
        }
    }
}

fn link(what: impl Into<String>) -> Problem {
    Problem::new(Severity::Warning, Subject::Link, what)
}

fn unchanged(object: &Subject) -> Problem {
    let what = format!("{object} was not changed");
    Problem::new(Severity::Warning, object.clone(), what)
}

fn unauthorized(server: &Server, why: &str) -> Problem {
    let Server {
        url, context, user, ..
    } = server;
    let what = format!("{url} does not accept user {user:?} of context {context:?}");
    let problem = Problem::new(Severity::Critical, Subject::Link, what).why(why);
    match server.certificate_ends {
        Some(end) if end < Timestamp::now() => problem
            .evidence(format!("our client certificate ended {end}"))
            .next(FRESH_CERTIFICATE),
        Some(end) => problem
            .evidence(format!("our client certificate is valid until {end}"))
            .next("take a fresh kubeconfig from the server, or another context"),
        None => problem.next("get a fresh token or kubeconfig for this cluster"),
    }
}

const FRESH_CERTIFICATE: &str = "take a fresh kubeconfig: k3s renews /etc/rancher/k3s/k3s.yaml \
    when it is restarted within 120 days of the end";

fn forbidden(rule: &Rule, message: &str) -> Problem {
    let resource = match rule.group {
        "" => rule.resource.to_owned(),
        group => format!("{}.{group}", rule.resource),
    };
    let verbs = rule.verbs.replace(", ", ",");
    let user = quoted(message).unwrap_or("USER");
    let name = format!("bramble-{}", resource.replace('.', "-"));
    let (kind, place) = match rule.namespace {
        Some(namespace) => ("role", format!(" -n {namespace}")),
        None => ("clusterrole", String::new()),
    };
    let grant = format!(
        "kubectl create {kind} {name}{place} --verb={verbs} --resource={resource} && \
         kubectl create {kind}binding {name}{place} --{kind}={name} --user={user}"
    );
    link(format!("not allowed: {rule}"))
        .why(message)
        .next(format!("an administrator can grant it: {grant}"))
}

/// The user in `User "x" cannot list …`, when it is safe to put into a command line.
fn quoted(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("User \"")?;
    let (user, _) = rest.split_once('"')?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "@:._-".contains(c);
    (!user.is_empty() && user.chars().all(is_plain)).then_some(user)
}

#[cfg(test)]
mod tests;
