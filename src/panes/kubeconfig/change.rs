//! Changing the kubeconfig: the forms, the question before it is written, and what is said when it has ended.
//!
//! ```text
//! key ─► (form) ─► preview ─► question ─► written
//!           ▲         │  names taken: form      │ locked: question
//!           └── edit ─┘                          └─► changed meanwhile: preview
//! ```
//!
//! Invariant: nothing is written that was not shown, and nothing without a yes.

use crate::effect::{Effect, RequestId};
use crate::form::{Answers, Form, FormField, FormId, Input};
use crate::msg::{Msg, Question};
use crate::panes::Cx;
use crate::panes::kubeconfig::words;
use crate::panes::kubeconfig::{KubeconfigPane, Stage};
use crate::rack::Rack;
use crate::rack::kubeconfig::{Conflict, ContextEntry, OnConflict, Request};
use crate::rack::kubeconfig_change::{
    Asked, Done, LastChange, Lock, MergeForm, Order, Preview, Refusal,
};
use crate::rack::problem::Problem;
use crate::rack::ssh::Destination;

const SOURCE: &str = "source";
const NAME: &str = "name";
const SERVER: &str = "server";
const CERTIFICATE: &str = "certificate";
const CURRENT: &str = "current";
const NAMESPACE: &str = "namespace";
const ORPHANS: &str = "orphans";
const CHOICE: &str = "choice";

const SSH: &str = "ssh://";
/// k3s' own kubeconfig, on a server.
const K3S: &str = "/etc/rancher/k3s/k3s.yaml";

pub(super) fn merge_form(form: &MergeForm, names: &[String]) -> Form {
    let source = Input::Text {
        text: form.source.clone(),
        offered: vec![K3S.to_owned(), SSH.to_owned()],
    };
    let certificate = Input::Text {
        text: form.certificate_name.clone(),
        offered: names.to_vec(),
    };
    let server = "host or host:port to reach it by; empty: as the source says";
    Form {
        id: FormId::KubeconfigMerge,
        title: "Merge a kubeconfig".to_owned(),
        lines: vec!["Nothing is written before you have seen what would change.".to_owned()],
        fields: vec![
            FormField::new(SOURCE, "source", source)
                .help("a file, or ssh://USER@HOST: the k3s.yaml of a server, read as root"),
            FormField::text(NAME, "name", form.name.clone())
                .help("for cluster, user and context; empty: made from the host"),
            FormField::text(SERVER, "server", form.server.clone()).help(server),
            FormField::new(CERTIFICATE, "certificate name", certificate)
                .help("only if the server's certificate is not for its address: a name it is for"),
            FormField::new(CURRENT, "set current", Input::Toggle(form.set_current))
                .help("space: current-context becomes the merged context"),
        ],
        otherwise: Vec::new(),
    }
}

pub(super) fn rename_form(context: &ContextEntry) -> Form {
    let name = FormField::text(NAME, "new name", context.name.clone());
    Form {
        id: FormId::ContextRename {
            context: context.name.clone(),
        },
        title: format!("Rename context {}", context.name),
        lines: Vec::new(),
        fields: vec![name.help("cluster and user keep their names")],
        otherwise: Vec::new(),
    }
}

pub(super) fn namespace_form(context: &ContextEntry) -> Form {
    let now = context.namespace.clone().unwrap_or_default();
    let field = FormField::text(NAMESPACE, "namespace", now);
    Form {
        id: FormId::ContextNamespace {
            context: context.name.clone(),
        },
        title: format!("Namespace of context {}", context.name),
        lines: vec!["What kubectl looks at when no namespace is named.".to_owned()],
        fields: vec![field.help("empty: default")],
        otherwise: Vec::new(),
    }
}

fn delete_form(context: &str, preview: &Preview) -> Form {
    let orphans: Vec<String> = (preview.plan.orphans.iter())
        .map(|(kind, name)| format!("{} {name}", kind.word()))
        .collect();
    let lines = vec![
        format!("No other context uses {}.", orphans.join(" and ")),
        "Kept, they stay in the file with their keys.".to_owned(),
    ];
    let field = FormField::new(ORPHANS, "delete those too", Input::Toggle(true));
    Form {
        id: FormId::ContextDelete {
            context: context.to_owned(),
        },
        title: format!("Delete context {context}"),
        lines,
        fields: vec![field.help("space changes it; it is asked once more")],
        otherwise: Vec::new(),
    }
}

fn conflict_form(conflicts: &[Conflict]) -> Option<Form> {
    let first = conflicts.first()?;
    let mut lines = Vec::new();
    for conflict in conflicts {
        let (kind, name) = (conflict.kind.word(), &conflict.name);
        lines.push(format!("{kind} {name} is something else already."));
        lines.push(format!("  there: {}", conflict.theirs.join(", ")));
        lines.push(format!("  new:   {}", conflict.ours.join(", ")));
        if !conflict.used_by.is_empty() {
            let used_by = conflict.used_by.join(", ");
            lines.push(format!("  replaced, it changes for: {used_by}"));
        }
    }
    let options = vec!["take another name".to_owned(), "replace it".to_owned()];
    let choice = FormField::new(CHOICE, "what to do", Input::Choice { options, chosen: 0 });
    Some(Form {
        id: FormId::KubeconfigConflict,
        title: format!("The name {} is taken", first.name),
        lines,
        fields: vec![
            choice.help("space or right for the other; esc leaves and writes nothing"),
            FormField::text(NAME, "other name", first.free_name.clone())
                .help("for cluster, user and context; not used when it is replaced"),
        ],
        otherwise: Vec::new(),
    })
}

/// What is wrong with the answers in a form of this pane.
pub(in crate::panes) fn complaint(
    form: &FormId,
    answers: &Answers,
    rack: &Rack,
) -> Option<(&'static str, String)> {
    let wrong = |key, text: &str| Some((key, text.to_owned()));
    match form {
        FormId::KubeconfigMerge => match answers.text(SOURCE) {
            "" => wrong(SOURCE, "say which kubeconfig: a file, or ssh://USER@HOST"),
            "-" => wrong(SOURCE, "standard input is the keyboard here: name a file"),
            source if source.starts_with(SSH) => Some((SOURCE, Destination::parse(source).err()?)),
            _ => None,
        },
        FormId::ContextRename { context } => match answers.text(NAME) {
            "" => wrong(NAME, "a context needs a name"),
            name if name != context && rack.fleet.context(name).is_some() => {
                Some((NAME, format!("there is a context {name} already")))
            }
            _ => None,
        },
        FormId::KubeconfigConflict
            if answers.choice(CHOICE) == 0 && answers.text(NAME).is_empty() =>
        {
            wrong(NAME, "say the other name")
        }
        _ => None,
    }
}

impl KubeconfigPane {
    /// Asks what a change would do; the answer comes as a message.
    pub(super) fn ask_preview(&mut self, asked: Asked, cx: &mut Cx<'_>) {
        self.last_request += 1;
        let request = RequestId(self.last_request);
        if let Asked::Merge(form) = &asked {
            self.form = form.clone();
            self.stage = Stage::Waiting {
                source: form.source.clone(),
            };
        } else {
            self.stage = Stage::Table;
        }
        self.awaited = Some(request);
        cx.effects.push(Effect::PreviewChange { request, asked });
    }

    /// Asks what an undo would take back; the question follows when that is known.
    pub(super) fn ask_undo(&mut self, cx: &mut Cx<'_>) {
        self.last_request += 1;
        let request = RequestId(self.last_request);
        self.awaited = Some(request);
        cx.effects.push(Effect::ReadLastChange { request });
    }

    pub(in crate::panes) fn on_msg(&mut self, msg: &Msg, cx: &mut Cx<'_>) {
        match msg {
            Msg::LastChangeRead { request, change } => {
                let awaited = self.awaited.take_if(|awaited| awaited == request);
                match (awaited, change) {
                    (None, _) => {}
                    (Some(_), Some(change)) => cx.msgs.push(Msg::Ask(undo(change, cx.rack))),
                    (Some(_), None) => {
                        let text = "nothing to undo: no change by bramble is on record";
                        cx.msgs.push(Msg::info(text));
                    }
                }
            }
            Msg::FormSent { form, answers } => self.form_sent(form, answers, cx),
            Msg::ChangePreviewed { request, result } => {
                let awaited = self.awaited.take_if(|awaited| awaited == request);
                match (awaited, result) {
                    (None, _) => {}
                    (Some(_), Ok(preview)) => self.previewed(preview, cx),
                    (Some(_), Err(problem)) => self.failed(problem, cx),
                }
            }
            Msg::KubeconfigChanged { order, result } => self.changed(order, result, cx),
            _ => {}
        }
    }

    fn form_sent(&mut self, form: &FormId, answers: &Answers, cx: &mut Cx<'_>) {
        let asked = match form {
            FormId::KubeconfigMerge => Asked::Merge(MergeForm {
                source: answers.text(SOURCE).to_owned(),
                name: answers.text(NAME).to_owned(),
                server: answers.text(SERVER).to_owned(),
                certificate_name: answers.text(CERTIFICATE).to_owned(),
                set_current: answers.is_on(CURRENT),
                on_conflict: OnConflict::Ask,
            }),
            FormId::KubeconfigConflict => {
                let mut form = self.form.clone();
                if answers.choice(CHOICE) == 0 {
                    answers.text(NAME).clone_into(&mut form.name);
                } else {
                    form.on_conflict = OnConflict::Replace;
                }
                Asked::Merge(form)
            }
            FormId::ContextRename { context } => Asked::Change(Request::RenameContext {
                from: context.clone(),
                to: answers.text(NAME).to_owned(),
            }),
            FormId::ContextNamespace { context } => Asked::Change(Request::SetNamespace {
                context: context.clone(),
                namespace: Some(answers.text(NAMESPACE).to_owned()).filter(|it| !it.is_empty()),
            }),
            FormId::ContextDelete { context } => {
                self.is_orphans_asked = true;
                Asked::Change(Request::DeleteContext {
                    context: context.clone(),
                    with_orphans: answers.is_on(ORPHANS),
                })
            }
            FormId::Ssh { .. }
            | FormId::Onboard
            | FormId::OnboardName { .. }
            | FormId::PlayJob { .. }
            | FormId::NodeLabel { .. }
            | FormId::ServiceAddress { .. }
            | FormId::ServicePool { .. }
            | FormId::ServiceShare { .. }
            | FormId::ClaimCreate
            | FormId::Provisioner
            | FormId::Restore { .. }
            | FormId::ClaimResize { .. }
            | FormId::PoolCreate
            | FormId::PoolDeletions { .. }
            | FormId::Manifest
            | FormId::LogSave
            | FormId::TraceSave
            | FormId::ArmScaffold
            | FormId::PullSecret { .. }
            | FormId::Scale { .. }
            | FormId::Expose => return,
        };
        self.ask_preview(asked, cx);
    }

    fn failed(&mut self, problem: &Problem, cx: &mut Cx<'_>) {
        if matches!(self.stage, Stage::Waiting { .. }) {
            // The form comes back with what was typed, and says what is wrong with it.
            self.stage = Stage::Table;
            let mut form = merge_form(&self.form, &[]);
            form.lines = words::of_problem(problem);
            cx.msgs.push(Msg::Fill(form));
        } else {
            cx.msgs.push(Msg::warn(problem.sentence()));
        }
    }

    fn previewed(&mut self, preview: &Preview, cx: &mut Cx<'_>) {
        self.stage = Stage::Table;
        if let Some(form) = conflict_form(&preview.plan.conflicts) {
            return cx.msgs.push(Msg::Fill(form));
        }
        if preview.plan.is_nothing() {
            let text = "nothing to write: the kubeconfig says so already";
            return cx.msgs.push(Msg::info(text));
        }
        let is_orphans_asked = std::mem::take(&mut self.is_orphans_asked);
        match &preview.request {
            Request::Merge(_) => {
                self.stage = Stage::Preview {
                    preview: Box::new(preview.clone()),
                    scroll: 0,
                };
            }
            Request::DeleteContext { context, .. }
                if !preview.plan.orphans.is_empty() && !is_orphans_asked =>
            {
                cx.msgs.push(Msg::Fill(delete_form(context, preview)));
            }
            _ => cx.msgs.push(Msg::Ask(question(preview, cx.rack))),
        }
    }

    /// Asks whether the preview on the screen is to be written.
    pub(super) fn ask_to_write(&self, cx: &mut Cx<'_>) {
        if let Stage::Preview { preview, .. } = &self.stage {
            cx.msgs.push(Msg::Ask(question(preview, cx.rack)));
        }
    }

    fn changed(&mut self, order: &Order, result: &Result<Box<Done>, Refusal>, cx: &mut Cx<'_>) {
        match result {
            Ok(done) => {
                self.stage = Stage::Table;
                let text = words::done(order, done);
                let note = match &**done {
                    Done::Written { notes, .. } => notes.first(),
                    Done::Undone { .. } => None,
                };
                cx.msgs.push(match note {
                    Some(note) => Msg::warn(format!("{text}; {}", note.sentence())),
                    None => Msg::info(text),
                });
                if let Some(name) = renamed(order)
                    && cx.rack.cluster.context == name.0
                {
                    cx.msgs.push(Msg::TurnTo(name.1.to_owned()));
                }
            }
            Err(Refusal::Problem(problem)) => cx.msgs.push(Msg::warn(problem.sentence())),
            Err(Refusal::Locked(lock)) => cx.msgs.push(Msg::Ask(unlock(order, lock))),
            Err(Refusal::Changed(preview)) => {
                let text = "the kubeconfig has changed meanwhile: this is what it would do now";
                cx.msgs.push(Msg::warn(text));
                self.previewed(preview, cx);
            }
        }
    }
}

fn renamed(order: &Order) -> Option<(&str, &str)> {
    match order {
        Order::Write {
            request: Request::RenameContext { from, to },
            ..
        } => Some((from, to)),
        _ => None,
    }
}

fn question(preview: &Preview, rack: &Rack) -> Question {
    let mut lines = words::changes(&preview.plan);
    if let Request::DeleteContext { context, .. } = &preview.request
        && *context == rack.cluster.context
    {
        lines.push("This session is on it.".to_owned());
    }
    let wrong = preview
        .servers
        .iter()
        .filter_map(|server| server.problem.as_ref());
    lines.extend(wrong.map(|problem| problem.what.clone()));
    lines.extend(preview.plan.notes.iter().map(Problem::sentence));
    lines.push("A backup is kept; u takes it back.".to_owned());
    Question {
        then: vec![Effect::ChangeKubeconfig {
            order: Order::Write {
                request: preview.request.clone(),
                shown: preview.plan.entries.clone(),
            },
            unlock: None,
        }],
        ..Question::new(words::title(&preview.request), lines)
    }
}

/// What would be taken back, and what goes with it.
fn undo(change: &LastChange, rack: &Rack) -> Question {
    let ago = rack.now.wall.duration_since(change.at);
    let ago = words::age(std::time::Duration::try_from(ago).ok());
    let files: Vec<String> = change.files.iter().map(|it| rack.fleet.shown(it)).collect();
    let mut lines = vec![
        format!("{ago} bramble {}.", change.what),
        format!("{} becomes what it was before.", files.join(" and ")),
    ];
    if change.is_changed_since {
        let text = "Somebody changed it since: that goes too, and is kept as a backup beside it.";
        lines.push(text.to_owned());
    }
    Question {
        then: vec![Effect::ChangeKubeconfig {
            order: Order::Undo {
                force: change.is_changed_since,
            },
            unlock: None,
        }],
        ..Question::new("Undo the last change?", lines)
    }
}

/// Who holds the lock, how old it is, and whether to remove it.
fn unlock(order: &Order, lock: &Lock) -> Question {
    let owner = match &lock.owner {
        Some(owner) => owner.clone(),
        None => "kubectl, or a tool like it, which leaves no name".to_owned(),
    };
    let age = words::age(lock.age);
    let lines = vec![
        format!("{} was made {age} by {owner}.", lock.path.display()),
        "A program that is writing holds it for a moment; one that was killed leaves it behind."
            .to_owned(),
        "Remove it only when nothing writes there. Then the change is written.".to_owned(),
    ];
    Question {
        then: vec![Effect::ChangeKubeconfig {
            order: order.clone(),
            unlock: Some(lock.clone()),
        }],
        ..Question::new(
            format!("Remove the lock on {}?", lock.file.display()),
            lines,
        )
    }
}

#[cfg(test)]
mod tests;
