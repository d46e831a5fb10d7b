//! The one `Problem` type of the whole program: what, why, evidence, next step.

use std::fmt;

use crate::rack::node::NodeName;
use crate::rack::pod::PodName;
use crate::rack::service::ServiceName;
use crate::rack::storage::ClaimName;
use crate::rack::workload::WorkloadRef;

/// Something an operator should know, in words. Messages are lower case, without full stop, and name the object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub severity: Severity,
    pub about: Subject,
    /// What is wrong, with the object's name: `node rpi-03 has lost its heartbeat`.
    pub what: String,
    /// The reason as far as it is known; may be empty.
    pub why: String,
    /// The facts behind it, each a line: condition reasons, times, server messages.
    pub evidence: Vec<String>,
    /// What to do next; may be empty when nothing is to be done but wait.
    pub next: String,
}

/// Worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Critical,
    Warning,
    Note,
}

/// What a problem is about: where `enter` goes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    Link,
    Kubeconfig,
    Node(NodeName),
    Service(ServiceName),
    Pod(PodName),
    Workload(WorkloadRef),
    /// A board that is no Node (yet), by the name ssh knows it by.
    Board(String),
    /// MetalLB as a whole, or one of its pools.
    MetalLb,
    /// A GitLab: its connection, token, pipelines.
    Gitlab,
    Claim(ClaimName),
    Volume(Box<str>),
    StorageClass(Box<str>),
    /// What makes volumes, and storage as a whole.
    Storage,
    /// A keymap, theme or config file of the user.
    Settings,
    Program,
}

impl Subject {
    /// The name of the object, as it stands in sentences about it.
    pub fn name(&self) -> Option<String> {
        match self {
            Subject::Node(name) => Some(name.to_string()),
            Subject::Service(name) => Some(name.to_string()),
            Subject::Pod(name) => Some(name.to_string()),
            Subject::Workload(it) => Some(format!("{}/{}", it.namespace, it.name)),
            Subject::Board(name) => Some(name.clone()),
            Subject::Claim(name) => Some(name.to_string()),
            Subject::Volume(name) | Subject::StorageClass(name) => Some(name.to_string()),
            Subject::MetalLb
            | Subject::Gitlab
            | Subject::Storage
            | Subject::Link
            | Subject::Kubeconfig
            | Subject::Settings
            | Subject::Program => None,
        }
    }
}

/// As a sentence names it: `node rpi-03`.
impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::Link => f.write_str("the connection"),
            Subject::Kubeconfig => f.write_str("the kubeconfig"),
            Subject::Node(name) => write!(f, "node {name}"),
            Subject::Service(name) => write!(f, "service {name}"),
            Subject::Pod(name) => write!(f, "pod {name}"),
            Subject::Workload(it) => write!(f, "{it}"),
            Subject::Board(name) => write!(f, "board {name}"),
            Subject::MetalLb => f.write_str("MetalLB"),
            Subject::Gitlab => f.write_str("GitLab"),
            Subject::Claim(name) => write!(f, "claim {name}"),
            Subject::Volume(name) => write!(f, "volume {name}"),
            Subject::StorageClass(name) => write!(f, "storage class {name}"),
            Subject::Storage => f.write_str("storage"),
            Subject::Settings => f.write_str("the settings"),
            Subject::Program => f.write_str("bramble"),
        }
    }
}

impl Problem {
    pub fn new(severity: Severity, about: Subject, what: impl Into<String>) -> Self {
        Self {
            severity,
            about,
            what: what.into(),
            why: String::new(),
            evidence: Vec::new(),
            next: String::new(),
        }
    }

    #[must_use]
    pub fn why(mut self, why: impl Into<String>) -> Self {
        self.why = why.into();
        self
    }

    #[must_use]
    pub fn next(mut self, next: impl Into<String>) -> Self {
        self.next = next.into();
        self
    }

    #[must_use]
    pub fn evidence(mut self, line: impl Into<String>) -> Self {
        self.evidence.push(line.into());
        self
    }

    /// All of it in one sentence, for a notice or stderr: `what: why; next`.
    pub fn sentence(&self) -> String {
        let mut text = self.what.clone();
        if !self.why.is_empty() {
            text.push_str(": ");
            text.push_str(&self.why);
        }
        if !self.next.is_empty() {
            text.push_str("; ");
            text.push_str(&self.next);
        }
        text
    }
}

impl Severity {
    pub fn word(self) -> &'static str {
        match self {
            Severity::Critical => "critical",
            Severity::Warning => "warning",
            Severity::Note => "note",
        }
    }
}
