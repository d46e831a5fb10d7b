//! The contexts of the kubeconfig, and how the cluster behind each of them is: facts that outlive a change of context.
//!
//! Not here: reading files and asking servers (clients), and changing the files. Invariant: what is known of a context
//! is kept as long as it means the same cluster and user, and goes with them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::rack::kubeconfig::ContextEntry;
use crate::rack::problem::Problem;
use crate::rack::time::Now;

/// Everything known about the contexts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Fleet {
    /// `None` until the files were read for the first time.
    pub contexts: Option<Contexts>,
    /// By name of context.
    health: BTreeMap<String, Health>,
}

/// The contexts as the files hold them, in the order of kubectl.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Contexts {
    pub entries: Vec<ContextEntry>,
    /// `current-context`, which may name none of them.
    pub current: Option<String>,
    /// The files that were looked at.
    pub files: Vec<PathBuf>,
    /// Written as `~` on screen.
    pub home: Option<PathBuf>,
    /// Why there are no entries, when the files cannot be read at all.
    pub problem: Option<Problem>,
}

/// What the last look at a cluster brought.
#[derive(Debug, Clone, PartialEq)]
pub struct Health {
    pub state: State,
    /// Our own clock when it was told.
    pub at: Duration,
}

#[derive(Debug, Clone, PartialEq)]
pub enum State {
    Up(Answer),
    /// It answers, and says no to us.
    Denied(Fault),
    Down(Fault),
}

/// Why a cluster does not serve us.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// For a cell of a table: `refuses connections`.
    pub brief: String,
    pub problem: Problem,
}

/// What a server says about itself.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answer {
    /// `gitVersion`; `None` when it does not tell us.
    pub version: Option<String>,
    pub ready: Ready,
    /// Nodes that are Ready, of all; `None` when we may not know.
    pub nodes: Option<(u32, u32)>,
    /// From question to answer on a connection that was there.
    pub latency: Option<Duration>,
    /// We did not say who we are: the credential would have come from a plugin.
    pub is_anonymous: bool,
}

/// What `/readyz` says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Ready {
    #[default]
    Unknown,
    Yes,
    /// The checks that failed, as far as it names them.
    No(Vec<String>),
}

/// One piece of news about the contexts.
#[derive(Debug, Clone, PartialEq)]
pub enum FleetFact {
    /// The files were read, for the first time or because one has changed.
    Contexts(Contexts),
    /// These contexts, which mean the same cluster and user, were looked at.
    Asked { contexts: Vec<String>, state: State },
}

impl State {
    /// In the few words that fit into a cell of a table.
    pub fn words(&self) -> Cow<'_, str> {
        match self {
            State::Up(answer) => answer.words(),
            State::Denied(fault) | State::Down(fault) => fault.brief.as_str().into(),
        }
    }
}

impl Answer {
    /// In the few words that fit into a cell of a table.
    pub fn words(&self) -> Cow<'_, str> {
        match (&self.ready, self.version.as_deref()) {
            (Ready::No(failed), _) if failed.is_empty() => "answers, not ready".into(),
            (Ready::No(failed), _) => format!("not ready: {}", failed.join(", ")).into(),
            (_, Some(version)) => version.into(),
            (_, None) => "answers".into(),
        }
    }
}

impl Fleet {
    /// Takes in one piece of news.
    pub fn apply(&mut self, fact: FleetFact, now: Now) {
        match fact {
            FleetFact::Contexts(contexts) => self.take_contexts(contexts),
            FleetFact::Asked { contexts, state } => {
                let health = Health {
                    state,
                    at: now.mono,
                };
                for name in contexts {
                    self.health.insert(name, health.clone());
                }
            }
        }
    }

    fn take_contexts(&mut self, contexts: Contexts) {
        let means_the_same = |name: &String| {
            let is = |context: &&ContextEntry| context.name == *name;
            let before = self.entries().iter().find(is);
            let now = contexts.entries.iter().find(is);
            matches!((before, now), (Some(before), Some(now)) if before.means_the_same_as(now))
        };
        let kept: Vec<String> = (self.health.keys())
            .filter(|name| means_the_same(name))
            .cloned()
            .collect();
        self.health.retain(|name, _| kept.contains(name));
        self.contexts = Some(contexts);
    }

    pub fn entries(&self) -> &[ContextEntry] {
        (self.contexts.as_ref()).map_or(&[], |contexts| contexts.entries.as_slice())
    }

    pub fn context(&self, name: &str) -> Option<&ContextEntry> {
        self.entries().iter().find(|context| context.name == name)
    }

    /// What the last look brought; `None` when nobody has looked yet.
    pub fn health(&self, name: &str) -> Option<&Health> {
        self.health.get(name)
    }

    /// `current-context` of the files.
    pub fn current(&self) -> Option<&str> {
        self.contexts.as_ref()?.current.as_deref()
    }

    /// A path as people write it: `~` for the home.
    pub fn shown(&self, path: &Path) -> String {
        let home = self.contexts.as_ref().and_then(|it| it.home.as_deref());
        match home.and_then(|home| path.strip_prefix(home).ok()) {
            Some(rest) => format!("~/{}", rest.display()),
            None => path.display().to_string(),
        }
    }

    /// True when the contexts come from more than one file.
    pub fn has_several_files(&self) -> bool {
        let mut files = self.entries().iter().map(|context| &context.file);
        let first = files.next();
        files.any(|file| Some(file) != first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rack::kubeconfig::Credential;

    fn context(name: &str, server: &str) -> ContextEntry {
        ContextEntry {
            name: name.into(),
            cluster: "c".into(),
            server: server.into(),
            user: "u".into(),
            namespace: None,
            credential: Credential::Token,
            file: "config".into(),
            is_current: false,
            problem: None,
        }
    }

    fn contexts(entries: &[ContextEntry]) -> FleetFact {
        FleetFact::Contexts(Contexts {
            entries: entries.to_vec(),
            ..Contexts::default()
        })
    }

    #[test]
    fn what_is_known_of_a_context_goes_when_it_means_another_cluster() {
        let mut fleet = Fleet::default();
        let (a, b) = (context("a", "https://one"), context("b", "https://two"));
        fleet.apply(contexts(&[a.clone(), b.clone()]), Now::ZERO);
        let asked = FleetFact::Asked {
            contexts: vec!["a".into(), "b".into()],
            state: State::Up(Answer::default()),
        };
        fleet.apply(asked, Now::ZERO);
        let other_namespace = ContextEntry {
            namespace: Some("web".into()),
            ..a.clone()
        };
        fleet.apply(
            contexts(&[other_namespace, context("b", "https://three")]),
            Now::ZERO,
        );
        assert!(fleet.health("a").is_some(), "still the same cluster");
        assert!(fleet.health("b").is_none(), "another server under the name");
        fleet.apply(contexts(&[b]), Now::ZERO);
        assert!(fleet.health("a").is_none(), "gone");
    }

    #[test]
    fn a_path_below_the_home_is_written_short() {
        let mut fleet = Fleet::default();
        fleet.apply(
            FleetFact::Contexts(Contexts {
                home: Some("/home/pi".into()),
                ..Contexts::default()
            }),
            Now::ZERO,
        );
        assert_eq!(
            fleet.shown(Path::new("/home/pi/.kube/config")),
            "~/.kube/config"
        );
        assert_eq!(fleet.shown(Path::new("/home/pip/x")), "/home/pip/x");
    }

    #[test]
    fn files_are_told_apart_only_when_there_are_several() {
        let mut fleet = Fleet::default();
        assert!(!fleet.has_several_files());
        let mut entries = vec![context("a", ""), context("b", "")];
        fleet.apply(contexts(&entries), Now::ZERO);
        assert!(!fleet.has_several_files());
        entries[1].file = "other".into();
        fleet.apply(contexts(&entries), Now::ZERO);
        assert!(fleet.has_several_files());
    }
}
