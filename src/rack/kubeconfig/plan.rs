//! Requests as plans: which entries of which file change, and the new text of each file.

use std::collections::BTreeMap;
use std::path::Path;

use super::change::{self, Change};
use super::entry::KeyEdit;
use super::file::File;
use super::files::{Files, Found};
use super::merge;
use super::value::Value;
use super::{CurrentChange, EntryChange, FileEdit, How, Kind, Plan, Request};
use crate::rack::problem::{Problem, Severity, Subject};

/// What `request` would do to `files`.
///
/// An error is a request that cannot be carried out at all; a name that is taken is no error but a conflict in the plan.
pub fn plan(files: &Files, request: &Request) -> Result<Plan, Box<Problem>> {
    if let Some(problem) = files.broken() {
        return Err(problem.clone().into());
    }
    let mut draft = Draft::new(files);
    match request {
        Request::Merge(merge) => merge::merge(&mut draft, merge)?,
        Request::UseContext { context } => {
            draft.context(context)?;
            draft.set_current(Some(context));
        }
        Request::SetNamespace { context, namespace } => {
            draft.set_namespace(context, namespace.as_deref())?;
        }
        Request::RenameContext { from, to } => draft.rename(from, to)?,
        Request::DeleteContext {
            context,
            with_orphans,
        } => draft.delete(context, *with_orphans)?,
    }
    draft.finish()
}

/// A plan in the making.
pub(super) struct Draft<'a> {
    pub(super) files: &'a Files,
    changes: BTreeMap<usize, Vec<Change>>,
    pub(super) plan: Plan,
}

impl<'a> Draft<'a> {
    fn new(files: &'a Files) -> Self {
        Self {
            files,
            changes: BTreeMap::new(),
            plan: Plan::default(),
        }
    }

    fn context(&self, name: &str) -> Result<Found<'a>, Box<Problem>> {
        self.files.find(Kind::Context, name).ok_or_else(|| {
            let mut known: Vec<&str> = self
                .files
                .entries(Kind::Context)
                .map(|it| it.name)
                .collect();
            known.sort_by(|one, two| strsim::jaro(two, name).total_cmp(&strsim::jaro(one, name)));
            known.truncate(5);
            let problem = problem(format!("there is no context {name:?}"));
            match known.as_slice() {
                [] => problem.next("the kubeconfig holds none: merge one"),
                known => problem.next(format!("nearest: {}", known.join(", "))),
            }
            .into()
        })
    }

    /// A new entry, into the default file.
    pub(super) fn add(&mut self, kind: Kind, name: &str, was: &str, body: Value) {
        let Some(slot) = self.files.default_slot() else {
            return;
        };
        let named = ("name".to_owned(), Value::text(name));
        let body = (kind.field().to_owned(), body);
        // The order kubectl writes them in.
        let pairs = if kind == Kind::User {
            vec![named, body]
        } else {
            vec![body, named]
        };
        self.change(
            slot,
            Change::Add {
                kind,
                item: Value::Map(pairs),
            },
        );
        self.note(
            slot,
            kind,
            name,
            How::Added,
            (was != name).then_some(was),
            Vec::new(),
        );
    }

    /// Keys of an entry that is there; the paths begin in its body.
    pub(super) fn edit(&mut self, found: Found<'_>, kind: Kind, was: &str, edits: Vec<KeyEdit>) {
        let fields: Vec<String> = edits.iter().map(KeyEdit::field).collect();
        let how = if edits.is_empty() {
            How::Unchanged
        } else {
            How::Updated
        };
        self.note(
            found.slot,
            kind,
            found.name,
            how,
            (was != found.name).then_some(was),
            fields,
        );
        if !edits.is_empty() {
            let edits = edits
                .into_iter()
                .map(|edit| edit.inside(kind.field()))
                .collect();
            self.change(
                found.slot,
                Change::Edit {
                    kind,
                    name: found.name.to_owned(),
                    edits,
                },
            );
        }
    }

    fn note(
        &mut self,
        slot: usize,
        kind: Kind,
        name: &str,
        how: How,
        was: Option<&str>,
        fields: Vec<String>,
    ) {
        self.plan.entries.push(EntryChange {
            kind,
            name: name.to_owned(),
            how,
            was: was.map(ToOwned::to_owned),
            file: self.files.path(slot).to_owned(),
            fields,
        });
    }

    /// All edits of one entry become one change.
    fn change(&mut self, slot: usize, change: Change) {
        let changes = self.changes.entry(slot).or_default();
        let Change::Edit { kind, name, edits } = change else {
            changes.push(change);
            return;
        };
        let known = changes.iter_mut().find_map(|it| match it {
            Change::Edit {
                kind: of,
                name: named,
                edits,
            } if (*of, &*named) == (kind, &name) => Some(edits),
            _ => None,
        });
        match known {
            Some(known) => known.extend(edits),
            None => changes.push(Change::Edit { kind, name, edits }),
        }
    }

    /// A new current context goes where kubectl puts it; one that only changes its name stays where it is.
    pub(super) fn set_current(&mut self, to: Option<&str>) {
        let now = self.files.current();
        if now.map(|(_, name)| name) == to {
            return;
        }
        let slot = match (now, to) {
            (Some((slot, _)), None) => Some(slot),
            _ => self.files.default_slot(),
        };
        let Some(slot) = slot else { return };
        self.change_current(slot, to);
    }

    fn change_current(&mut self, slot: usize, to: Option<&str>) {
        self.change(slot, Change::SetCurrent(to.unwrap_or_default().to_owned()));
        self.plan.current_context = Some(CurrentChange {
            from: self.files.current_context().map(ToOwned::to_owned),
            to: to.map(ToOwned::to_owned),
            file: self.files.path(slot).to_owned(),
        });
    }

    fn set_namespace(
        &mut self,
        context: &str,
        namespace: Option<&str>,
    ) -> Result<(), Box<Problem>> {
        let found = self.context(context)?;
        let body = found.item.get("context");
        let path = vec!["namespace".to_owned()];
        let edit = match (namespace, body.and_then(|it| it.get("namespace"))) {
            (Some(new), Some(Value::Text(old))) if new == old => None,
            (Some(new), _) if !is_label(new) => {
                return Err(problem(format!("{new:?} is no name a namespace can have"))
                    .next("lower-case letters, digits and dashes, at most 63")
                    .into());
            }
            (Some(new), _) => Some(KeyEdit::Set {
                path,
                value: Value::text(new),
            }),
            (None, None | Some(Value::Null)) => None,
            (None, Some(_)) => Some(KeyEdit::Unset { path }),
        };
        self.edit(found, Kind::Context, context, edit.into_iter().collect());
        Ok(())
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<(), Box<Problem>> {
        let found = self.context(from)?;
        if from == to {
            return Ok(());
        }
        if to.trim().is_empty() || to.chars().any(char::is_control) {
            return Err(problem(format!("{to:?} is no name for a context"))
                .next("give it one with letters")
                .into());
        }
        if let Some(taken) = self.files.find(Kind::Context, to) {
            return Err(problem(format!(
                "there is a context {to:?} already, in {}",
                taken.file.path.display()
            ))
            .next("choose another name, or delete that one first")
            .into());
        }
        self.change(
            found.slot,
            Change::Edit {
                kind: Kind::Context,
                name: from.to_owned(),
                edits: vec![KeyEdit::Set {
                    path: vec!["name".to_owned()],
                    value: Value::text(to),
                }],
            },
        );
        self.note(
            found.slot,
            Kind::Context,
            to,
            How::Renamed,
            Some(from),
            Vec::new(),
        );
        if let Some((slot, current)) = self.files.current()
            && current == from
        {
            self.change_current(slot, Some(to));
        }
        self.uncovers(Kind::Context, from, found);
        Ok(())
    }

    fn delete(&mut self, context: &str, with_orphans: bool) -> Result<(), Box<Problem>> {
        let found = self.context(context)?;
        self.remove(found, Kind::Context);
        if self.files.current_context() == Some(context) {
            self.set_current(None);
        }
        for kind in [Kind::Cluster, Kind::User] {
            let named = |it: &Found<'_>| {
                it.item
                    .get("context")?
                    .filled(kind.field())
                    .map(ToOwned::to_owned)
            };
            let Some(entry) = named(&found) else { continue };
            let is_used = self.files.all(Kind::Context).any(|it| {
                (it.slot, it.name) != (found.slot, found.name)
                    && named(&it).as_deref() == Some(&entry)
            });
            let Some(orphan) = self.files.find(kind, &entry).filter(|_| !is_used) else {
                continue;
            };
            if with_orphans {
                self.remove(orphan, kind);
            } else {
                self.plan.orphans.push((kind, entry));
            }
        }
        Ok(())
    }

    fn remove(&mut self, found: Found<'_>, kind: Kind) {
        self.change(
            found.slot,
            Change::Remove {
                kind,
                name: found.name.to_owned(),
            },
        );
        self.note(found.slot, kind, found.name, How::Removed, None, Vec::new());
        self.uncovers(kind, found.name, found);
    }

    /// An entry of the same name in a later file counts once this one is gone.
    fn uncovers(&mut self, kind: Kind, name: &str, found: Found<'_>) {
        let behind = self
            .files
            .all(kind)
            .find(|it| it.name == name && it.slot != found.slot);
        if let Some(behind) = behind {
            let what = format!(
                "{} {name:?} of {} counts from now on",
                kind.word(),
                behind.file.path.display()
            );
            let note = Problem::new(Severity::Note, Subject::Kubeconfig, what);
            self.plan
                .notes
                .push(note.why("the one in the file before it hid it"));
        }
    }

    fn finish(mut self) -> Result<Plan, Box<Problem>> {
        if !self.plan.conflicts.is_empty() {
            return Ok(self.plan);
        }
        for (slot, changes) in &self.changes {
            let path = self.files.path(*slot);
            let file = self.files.file(*slot);
            let edit = match file {
                Some(file) => rewrite(file, changes)?,
                None => rewrite(&File::parse(path, String::new())?, changes)?,
            };
            if file.is_none_or(|file| file.text() != edit) {
                self.plan.edits.push(FileEdit {
                    file: path.to_owned(),
                    before: file.map(|file| file.text().to_owned()),
                    after: edit,
                });
            }
        }
        Ok(self.plan)
    }
}

fn rewrite(file: &File, changes: &[Change]) -> Result<String, Box<Problem>> {
    let written = change::rewrite(file, changes);
    written.map_err(|fault| unchangeable(&file.path, fault.line, &fault.why).into())
}

fn unchangeable(path: &Path, line: usize, why: &str) -> Problem {
    problem(format!(
        "kubeconfig {} cannot be changed without risk to what is in it",
        path.display()
    ))
    .why(format!("line {line}: {why}"))
    .next("write that part plainly, or let the change go into another file")
}

fn problem(what: impl Into<String>) -> Problem {
    Problem::new(Severity::Critical, Subject::Kubeconfig, what)
}

/// A name as RFC 1123 has it, which is what namespaces have.
fn is_label(name: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=63).contains(&name.len())
        && name.chars().all(inner)
        && !name.starts_with('-')
        && !name.ends_with('-')
}
