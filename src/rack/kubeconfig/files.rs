//! All kubeconfigs of one `KUBECONFIG`, in kubectl's order.
//!
//! Invariant: of several entries with one name, the one in the first file counts, whole.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::Kind;
use super::certificate;
use super::file::File;
use super::value::Value;
use crate::rack::problem::{Problem, Severity, Subject};

/// What a file is found to be.
#[derive(Clone, PartialEq)]
pub enum FileText {
    Missing,
    Text(String),
    Unreadable(Problem),
}

/// The files with what is in them.
#[derive(Clone, PartialEq, Default)]
pub struct Files {
    slots: Vec<Slot>,
    /// Certificates that entries name by path: read by whoever can.
    material: BTreeMap<PathBuf, Vec<u8>>,
}

#[derive(Clone, PartialEq)]
struct Slot {
    path: PathBuf,
    file: Option<File>,
    /// Why it is not usable.
    problem: Option<Problem>,
}

/// An entry and where it is.
#[derive(Clone, Copy)]
pub(super) struct Found<'a> {
    pub(super) slot: usize,
    pub(super) file: &'a File,
    pub(super) name: &'a str,
    pub(super) item: &'a Value,
}

impl Files {
    /// Files in kubectl's order.
    pub fn new(files: Vec<(PathBuf, FileText)>) -> Files {
        let slots = files.into_iter().map(|(path, text)| {
            let (file, problem) = match text {
                FileText::Missing => (None, None),
                FileText::Unreadable(problem) => (None, Some(problem)),
                FileText::Text(text) => match File::parse(&path, text) {
                    Ok(file) => (Some(file), None),
                    Err(problem) => (None, Some(*problem)),
                },
            };
            Slot {
                path,
                file,
                problem,
            }
        });
        Files {
            slots: slots.collect(),
            material: BTreeMap::new(),
        }
    }

    /// Certificates named by path, which only a client can read.
    pub fn certificate_paths(&self) -> Vec<PathBuf> {
        let mut paths = Vec::new();
        for kind in [Kind::Cluster, Kind::User] {
            let key = if kind == Kind::Cluster {
                "certificate-authority"
            } else {
                "client-certificate"
            };
            for found in self.entries(kind) {
                let body = found.item.get(kind.field());
                let path = body.and_then(|body| body.filled(key));
                paths.extend(path.map(|path| found.file.path_of(path)));
            }
        }
        paths
    }

    #[must_use]
    pub fn with_certificates(mut self, read: BTreeMap<PathBuf, Vec<u8>>) -> Files {
        self.material = read;
        self
    }

    /// Every path, in order, whether the file exists or not.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.slots.iter().map(|slot| slot.path.as_path())
    }

    /// True when there is no file at all.
    pub fn is_nowhere(&self) -> bool {
        self.slots
            .iter()
            .all(|slot| slot.file.is_none() && slot.problem.is_none())
    }

    /// False when kubectl would refuse one of the files, and with it all.
    pub fn is_usable(&self) -> bool {
        self.broken().is_none()
    }

    /// True when a file says nothing or cannot be used: it may be in the middle of being written.
    pub fn is_suspicious(&self) -> bool {
        let says_nothing = |slot: &Slot| {
            slot.file
                .as_ref()
                .is_some_and(|file| file.text().is_empty())
        };
        self.slots
            .iter()
            .any(|slot| slot.problem.is_some() || says_nothing(slot))
    }

    /// Where new entries and `current-context` go: the first file that exists, else the last of the list.
    pub fn default_file(&self) -> Option<&Path> {
        let slot = self.default_slot()?;
        self.slots.get(slot).map(|slot| slot.path.as_path())
    }

    pub fn current_context(&self) -> Option<&str> {
        self.current().map(|(_, name)| name)
    }

    /// What keeps files from being used, what kubectl does not read, and entries that lead nowhere.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems: Vec<Problem> = self
            .slots
            .iter()
            .filter_map(|slot| slot.problem.clone())
            .collect();
        for file in self.slots.iter().filter_map(|slot| slot.file.as_ref()) {
            if file.has_more_documents() {
                let what = format!(
                    "kubeconfig {} holds more than one document",
                    file.path.display()
                );
                let problem = Problem::new(Severity::Warning, Subject::Kubeconfig, what)
                    .why("kubectl reads the first and loses the others when it writes")
                    .next("put the others into files of their own and list them in KUBECONFIG");
                problems.push(problem);
            }
        }
        let contexts = self.contexts();
        if let Some(current) = self.current_context()
            && !contexts.iter().any(|it| it.is_current)
        {
            let what = format!("the current context {current:?} does not exist");
            problems.push(
                Problem::new(Severity::Warning, Subject::Kubeconfig, what).next("choose another"),
            );
        }
        problems.extend(contexts.into_iter().filter_map(|it| it.problem));
        problems
    }

    /// A broken file that keeps changes from being planned.
    pub(super) fn broken(&self) -> Option<&Problem> {
        self.slots.iter().find_map(|slot| slot.problem.as_ref())
    }

    pub(super) fn default_slot(&self) -> Option<usize> {
        let exists = |slot: &Slot| slot.file.is_some() || slot.problem.is_some();
        let first = self.slots.iter().position(exists);
        first.or_else(|| self.slots.len().checked_sub(1))
    }

    pub(super) fn path(&self, slot: usize) -> &Path {
        self.slots
            .get(slot)
            .map_or(Path::new(""), |slot| &slot.path)
    }

    pub(super) fn file(&self, slot: usize) -> Option<&File> {
        self.slots.get(slot)?.file.as_ref()
    }

    /// The current context and the file that says so.
    pub(super) fn current(&self) -> Option<(usize, &str)> {
        let slots = self.slots.iter().enumerate();
        let mut said =
            slots.filter_map(|(index, slot)| Some((index, slot.file.as_ref()?.current_context()?)));
        said.next()
    }

    /// All entries of a kind that count, in the order of the files.
    pub(super) fn entries(&self, kind: Kind) -> impl Iterator<Item = Found<'_>> {
        let mut seen = std::collections::HashSet::new();
        self.all(kind).filter(move |found| seen.insert(found.name))
    }

    /// All entries of a kind, those behind an earlier file's too.
    pub(super) fn all(&self, kind: Kind) -> impl Iterator<Item = Found<'_>> {
        let slots = self.slots.iter().enumerate();
        let files = slots.filter_map(|(slot, it)| it.file.as_ref().map(|file| (slot, file)));
        files.flat_map(move |(slot, file)| {
            let entries = file.entries(kind);
            entries.map(move |(name, item)| Found {
                slot,
                file,
                name,
                item,
            })
        })
    }

    pub(super) fn find(&self, kind: Kind, name: &str) -> Option<Found<'_>> {
        self.all(kind).find(|found| found.name == name)
    }

    /// The PEM of a field that is given as base64 or by path; base64 wins.
    pub(super) fn pem(&self, found: Found<'_>, kind: Kind, key: &str) -> Option<Vec<u8>> {
        let body = found.item.get(kind.field())?;
        if let Some(data) = body.filled(&format!("{key}-data")) {
            return certificate::base64(data);
        }
        self.material
            .get(&found.file.path_of(body.filled(key)?))
            .cloned()
    }
}

impl File {
    /// A path of an entry counts from the folder of its file.
    pub(super) fn path_of(&self, written: &str) -> PathBuf {
        let folder = self.path.parent().unwrap_or(Path::new(""));
        folder.join(written)
    }
}

impl std::fmt::Debug for Files {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let paths: Vec<&Path> = self.paths().collect();
        write!(f, "Files({paths:?}, ***)")
    }
}

impl std::fmt::Debug for FileText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            FileText::Missing => "Missing",
            FileText::Text(_) => "***",
            FileText::Unreadable(_) => "Unreadable",
        })
    }
}
