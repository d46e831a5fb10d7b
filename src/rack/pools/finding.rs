//! What is wrong with a configuration, with its place: the line under the cursor, and the line `bramble pools check`
//! prints.

use std::ops::Range;

use crate::rack::problem::{Problem, Severity as Weight, Subject};

/// A finding at some bytes of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub span: Range<usize>,
    /// Who refuses it; `None` for what MetalLB takes and we warn about.
    pub layer: Option<Layer>,
    pub kind: Kind,
    /// What is wrong, with the object's name. Text from the file stands in it as it is: clean it before it is shown.
    pub what: String,
    /// May be empty.
    pub why: String,
    /// What to write instead; may be empty.
    pub next: String,
}

/// Where MetalLB, or what stands before it, refuses something. In the order in which they look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// It cannot be read as YAML, so it never leaves kubectl.
    Yaml,
    /// The API server, by the schema of the kind.
    Schema,
    /// MetalLB reads only its own namespace.
    Namespace,
    /// MetalLB's validating webhook, or its controller where the webhook sees too little.
    Webhook,
    /// The parser of the releases that read a ConfigMap.
    LegacyParser,
    /// That parser's rules for BGP without FRR, or with it.
    LegacyMode,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// MetalLB would refuse the set.
    Error,
    /// MetalLB takes it, and somebody will be sorry.
    Warning,
}

/// What MetalLB would say to the whole set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    Accept,
    Warn,
    Reject,
}

/// The kinds of findings, for tests, for filters and for colours; the words are in the finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Not YAML, a key twice, or a text too large to be an object.
    Syntax,
    RepeatedKey,
    /// No object of Kubernetes, or of a kind or version nobody serves.
    UnknownKind,
    UnknownField,
    WrongType,
    Missing,
    OutOfBounds,
    InvalidName,
    Namespace,
    ConfigMapName,
    /// The text of `data.config` without the ConfigMap around it.
    NoConfigMap,
    /// A kind or version that goes away, or is gone in some releases.
    Outdated,

    BadEntry,
    Reversed,
    Overlap,
    NoAddresses,
    HostBits,
    MixedFamilies,
    NodeAddress,
    GatewayAddress,
    DhcpRange,
    /// A range that looks like a slip of the fingers, or can never answer.
    Implausible,
    /// `a-a` instead of `a/32`.
    SingleAddressRange,

    DuplicateName,
    DuplicateEntry,
    Selector,
    DanglingPool,
    DanglingPeer,
    DanglingProfile,
    DanglingCommunity,
    DanglingSecret,
    NotAnnounced,
    NoPeers,
    NothingToAllocate,
    OnlyOnRequest,
    OneFamilyOnly,

    Protocol,
    Aggregation,
    Community,
    LocalPreference,
    Exclusive,
    Peer,
    Timer,
    BfdEcho,
    Mode,
    RenamedByConversion,
}

impl Finding {
    pub fn error(layer: Layer, kind: Kind, span: Range<usize>, what: impl Into<String>) -> Finding {
        Finding {
            span,
            layer: Some(layer),
            kind,
            what: what.into(),
            why: String::new(),
            next: String::new(),
        }
    }

    pub fn warning(kind: Kind, span: Range<usize>, what: impl Into<String>) -> Finding {
        Finding {
            span,
            layer: None,
            kind,
            what: what.into(),
            why: String::new(),
            next: String::new(),
        }
    }

    #[must_use]
    pub fn why(mut self, why: impl Into<String>) -> Finding {
        self.why = why.into();
        self
    }

    #[must_use]
    pub fn next(mut self, next: impl Into<String>) -> Finding {
        self.next = next.into();
        self
    }

    pub fn severity(&self) -> Severity {
        match self.layer {
            Some(_) => Severity::Error,
            None => Severity::Warning,
        }
    }

    /// All of it in one sentence.
    pub fn sentence(&self) -> String {
        self.problem(Subject::Program).sentence()
    }

    /// The same as every other problem of the program.
    pub fn problem(&self, about: Subject) -> Problem {
        let weight = match self.severity() {
            Severity::Error => Weight::Critical,
            Severity::Warning => Weight::Warning,
        };
        Problem::new(weight, about, self.what.clone())
            .why(self.why.clone())
            .next(self.next.clone())
    }
}

impl Severity {
    pub fn word(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }
}

impl Layer {
    /// As one says it: "refused by …".
    pub fn word(self) -> &'static str {
        match self {
            Layer::Yaml => "yaml",
            Layer::Schema => "schema",
            Layer::Namespace => "namespace",
            Layer::Webhook => "webhook",
            Layer::LegacyParser => "legacy-parser",
            Layer::LegacyMode => "legacy-mode",
        }
    }
}

impl Verdict {
    pub fn of(findings: &[Finding]) -> Verdict {
        match findings.iter().map(Finding::severity).min() {
            None => Verdict::Accept,
            Some(Severity::Warning) => Verdict::Warn,
            Some(Severity::Error) => Verdict::Reject,
        }
    }

    pub fn word(self) -> &'static str {
        match self {
            Verdict::Accept => "accept",
            Verdict::Warn => "warn",
            Verdict::Reject => "reject",
        }
    }
}

/// Line and column of a byte, both from 1; columns count characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub line: usize,
    pub column: usize,
}

/// Finds lines and columns quickly.
#[derive(Debug, Clone)]
pub struct LineIndex<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> LineIndex<'t> {
    pub fn new(text: &'t str) -> LineIndex<'t> {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let starts = std::iter::once(0)
            .chain(breaks.map(|(at, _)| at + 1))
            .collect();
        LineIndex { text, starts }
    }

    pub fn place(&self, at: usize) -> Place {
        let at = at.min(self.text.len());
        let line = self.starts.partition_point(|start| *start <= at).max(1);
        let start = self.starts.get(line - 1).copied().unwrap_or(0);
        let before = self
            .text
            .get(start..boundary(self.text, at))
            .unwrap_or_default();
        Place {
            line,
            column: before.chars().count() + 1,
        }
    }
}

/// The last place between two characters that is not after `at`.
pub(crate) fn boundary(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    (0..=at)
        .rev()
        .find(|it| text.is_char_boundary(*it))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_lines_and_characters() {
        let index = LineIndex::new("ab\né x\n");
        let place = |at| {
            let Place { line, column } = index.place(at);
            (line, column)
        };
        assert_eq!(place(0), (1, 1));
        assert_eq!(place(2), (1, 3));
        assert_eq!(place(3), (2, 1));
        assert_eq!(place(6), (2, 3));
        assert_eq!(place(99), (3, 1));
        assert_eq!(LineIndex::new("").place(0), Place { line: 1, column: 1 });
    }

    #[test]
    fn the_worst_finding_decides() {
        let error = Finding::error(Layer::Yaml, Kind::Syntax, 0..0, "x");
        let warning = Finding::warning(Kind::HostBits, 0..0, "x");
        assert_eq!(Verdict::of(&[]), Verdict::Accept);
        assert_eq!(Verdict::of(std::slice::from_ref(&warning)), Verdict::Warn);
        assert_eq!(Verdict::of(&[warning, error]), Verdict::Reject);
    }
}
