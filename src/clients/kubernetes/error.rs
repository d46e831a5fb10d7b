//! What can go wrong with the API server, one variant per thing a person would do something different about.
//!
//! Invariant: no message holds a token, a key, an argument of a plugin or a line of a kubeconfig.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;

use super::cause::Cause;
use crate::rack::node::NodeName;
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
    Conflict(NodeName),
    #[error("{0} is not the node it was")]
    Replaced(NodeName),
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
            Error::Unreachable { server, cause } => unreachable_problem(server, cause),
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
            Error::Conflict(node) => about(node, format!("node {node} was not changed"))
                .why("somebody else changed it at the same moment")
                .next("look at it again and repeat"),
            Error::Replaced(node) => about(node, format!("node {node} was not changed"))
                .why("another node has taken its name since it was shown")
                .next("look at the new one and repeat if it is meant"),
        }
    }
}

fn link(what: impl Into<String>) -> Problem {
    Problem::new(Severity::Warning, Subject::Link, what)
}

fn about(node: &NodeName, what: String) -> Problem {
    Problem::new(Severity::Warning, Subject::Node(node.clone()), what)
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
    when it is restarted within 90 days of the end";

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

fn unreachable_problem(server: &Server, cause: &Cause) -> Problem {
    let url = &server.url;
    let (severity, what, why, next) = words(server, cause);
    let mut problem = Problem::new(severity, Subject::Link, what).next(next);
    problem.why = why;
    if let (Cause::ClientRefused(_), Some(end)) = (cause, server.certificate_ends) {
        problem = problem.evidence(format!("our client certificate is valid until {end}"));
    }
    problem.evidence(format!("server {url} of context {:?}", server.context))
}

const RETRIES: &str = "bramble keeps trying; on the server: systemctl status k3s";

fn words(server: &Server, cause: &Cause) -> (Severity, String, String, String) {
    use Severity::{Critical, Warning};
    let url = &server.url;
    let no_answer = format!("no answer from {url}");
    let distrust = format!("cannot trust {url}");
    let text = |words: &str| words.to_owned();
    match cause {
        Cause::Refused => (
            Warning,
            format!("{url} refuses connections"),
            text("nothing listens there: the API server is down, or address or port are wrong"),
            text(RETRIES),
        ),
        Cause::Silent(seconds) => (
            Warning,
            no_answer,
            format!("nothing came for {seconds} seconds"),
            text("bramble keeps trying; check power, cable and firewall of the server"),
        ),
        Cause::UnknownHost => (
            Warning,
            no_answer,
            text("its name is not known to DNS"),
            text("check server in the kubeconfig, or the name service of this machine"),
        ),
        Cause::NoRoute => (
            Warning,
            no_answer,
            text("there is no route to it"),
            text("bramble keeps trying; check the network of this machine, or the VPN"),
        ),
        Cause::Closed => (
            Warning,
            no_answer,
            text("the connection was closed"),
            text(RETRIES),
        ),
        Cause::UnknownIssuer => (
            Critical,
            distrust,
            text(
                "its certificate is signed by another authority than certificate-authority-data of the kubeconfig",
            ),
            text(
                "is it another cluster, or was k3s installed anew? take a fresh kubeconfig from the server",
            ),
        ),
        Cause::WrongName(names) => (
            Critical,
            distrust,
            match names.as_slice() {
                [] => text("its certificate is for another name"),
                names => format!("its certificate is only for {}", names.join(", ")),
            },
            text(
                "add the name to tls-san of the k3s server, or set tls-server-name in the kubeconfig to one it has",
            ),
        ),
        Cause::ServerExpired(end) => (
            Critical,
            distrust,
            match end {
                Some(end) => format!("its certificate ended {end}"),
                None => text("its certificate has ended"),
            },
            text(
                "restart k3s on the server, which renews it; or is the clock of this machine wrong?",
            ),
        ),
        Cause::ServerNotYet(begin) => (
            Critical,
            distrust,
            match begin {
                Some(begin) => format!("its certificate holds only from {begin} on"),
                None => text("its certificate does not hold yet"),
            },
            text("check the clock of this machine and of the server"),
        ),
        Cause::ClientRefused(alert) => (
            Critical,
            format!("{url} refuses our client certificate"),
            text(alert),
            text(FRESH_CERTIFICATE),
        ),
        Cause::NotTls => (
            Critical,
            format!("{url} does not speak TLS"),
            text("something else listens on that port"),
            text("check server in the kubeconfig: port, or http:// instead of https://"),
        ),
        Cause::WantsTls => (
            Critical,
            format!("{url} does not answer in plain HTTP"),
            text("it probably wants TLS"),
            text("write https:// in server of the kubeconfig"),
        ),
        Cause::BadCertificate(why) => (
            Critical,
            distrust,
            format!("its certificate cannot be used: {why}"),
            text("take a fresh kubeconfig from the server, or have its certificate made anew"),
        ),
        Cause::Other(why) => (Warning, no_answer, text(why), text("bramble keeps trying")),
    }
}

#[cfg(test)]
mod tests;
