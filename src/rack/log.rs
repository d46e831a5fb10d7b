//! Lines of logs: kept in a ring, merged by time, taken up again without gap or repeat, made readable.
//!
//! Not here: where they come from (`clients`) and how they look (`ui`). Invariant: text stays as it came, as bytes; what
//! it may do to a terminal is the view's business. What is dropped is counted.

pub mod feed;
pub mod logbook;
pub mod merge;
pub mod pattern;
pub mod query;
pub mod readable;
pub mod resume;
pub mod ring;
pub mod sieve;

use jiff::Timestamp;
use regex::{Regex, RegexBuilder};

use crate::rack::problem::Problem;

/// Numbers the sources of one view, in the order in which they were added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(pub u16);

/// One line as it comes from a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    pub source: SourceId,
    /// When it was written, as its source says; `None` for sources without time stamps.
    pub time: Option<Timestamp>,
    /// Without the line end; bytes, since programs write what they like.
    pub text: Box<[u8]>,
    /// Bytes that were cut off its end because the line was too long.
    pub cut: u32,
}

/// Which logs are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogQuery {
    /// `None`: all of them.
    pub namespace: Option<String>,
    /// A label selector, as kubectl writes it; empty takes every pod.
    pub labels: String,
    /// A field selector, such as `spec.nodeName=rpi-01`; empty takes every pod.
    pub fields: String,
    /// Pods by name.
    pub pods: Option<NamePattern>,
    /// Containers by name; `None` takes all but init containers.
    pub containers: Option<NamePattern>,
    /// Containers that are left out.
    pub without: Option<NamePattern>,
    /// From this time on.
    pub since: Option<Timestamp>,
    /// The last lines of each container only.
    pub tail: Option<u64>,
    /// What the container wrote before it was restarted.
    pub previous: bool,
    /// Goes on with what comes, with new pods too.
    pub follow: bool,
    /// Containers read at the same time at most.
    pub most: usize,
}

impl Default for LogQuery {
    fn default() -> LogQuery {
        LogQuery {
            namespace: None,
            labels: String::new(),
            fields: String::new(),
            pods: None,
            containers: None,
            without: None,
            since: None,
            tail: None,
            previous: false,
            follow: true,
            most: 50,
        }
    }
}

/// A regular expression over names, found anywhere in them.
#[derive(Debug, Clone)]
pub struct NamePattern(Regex);

impl NamePattern {
    /// The error is one line.
    pub fn new(text: &str) -> Result<NamePattern, String> {
        let built = RegexBuilder::new(text).size_limit(1 << 20).build();
        let why = |error: regex::Error| {
            let text = error.to_string();
            let last = text.lines().last().unwrap_or_default();
            last.trim_start_matches("error: ").to_owned()
        };
        built.map(NamePattern).map_err(why)
    }

    /// Exactly this name.
    pub fn exactly(name: &str) -> Option<NamePattern> {
        NamePattern::new(&format!("^{}$", regex::escape(name))).ok()
    }

    pub fn is_match(&self, name: &str) -> bool {
        self.0.is_match(name)
    }
}

impl PartialEq for NamePattern {
    fn eq(&self, other: &NamePattern) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Eq for NamePattern {}

/// The container of a pod that lines come from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContainerRef {
    pub namespace: Box<str>,
    pub pod: Box<str>,
    pub container: Box<str>,
}

/// How a source stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceState {
    /// Asked for, nothing came yet; the reason when it is known: `ContainerCreating`.
    Waiting(String),
    Reading,
    /// Nothing more will come.
    Ended(String),
    /// It cannot be read now; tried again unless nothing is followed.
    Failing(Box<Problem>),
}

/// What reading logs brings.
#[derive(Debug, Clone, PartialEq)]
pub enum LogNews {
    /// A source was found; its number is the next one.
    Source(SourceId, ContainerRef),
    State(SourceId, SourceState),
    Lines(Vec<LogLine>),
    /// The pods cannot be found out; the logs that are read go on.
    Pods(Box<Problem>),
    /// The first look has found nothing to read. It comes once.
    Nothing {
        /// The namespace that was asked for does not exist.
        is_nowhere: bool,
    },
    /// More containers match than are read at the same time: this one is left out.
    LeftOut(ContainerRef),
}
