//! Making, widening and deleting claims: the forms, what is wrong with their answers, and the question that says first what
//! becomes of the data.

use serde_json::{Value, json};

use crate::effect::Effect;
use crate::form::{Answers, Form, FormField, FormId, Input};
use crate::msg::{Msg, Question};
use crate::panes::Cx;
use crate::panes::storage::detail;
use crate::rack::Rack;
use crate::rack::problem::Subject;
use crate::rack::quantity;
use crate::rack::storage::view::{ClaimView, claim_view, size};
use crate::rack::storage::{Claim, ClaimName};

const NAMESPACE: &str = "namespace";
const NAME: &str = "name";
const SIZE: &str = "size";
const CLASS: &str = "class";
const ACCESS: &str = "access";
/// Modes of access with what they mean.
const MODES: [(&str, &str); 2] = [
    ("ReadWriteOnce", "one board at a time"),
    ("ReadWriteMany", "many boards at once (NFS)"),
];

/// A new claim.
pub(super) fn create_form(rack: &Rack) -> Msg {
    let classes: Vec<String> = rack
        .storage
        .classes()
        .map(|it| it.name.to_string())
        .collect();
    if classes.is_empty() {
        return Msg::warn("there is no storage class that would make a volume");
    }
    let default = rack
        .storage
        .defaults()
        .first()
        .map(|it| it.name.to_string());
    let chosen = classes.iter().position(|it| Some(it) == default.as_ref());
    let modes = MODES.map(|(_, words)| words.to_owned()).to_vec();
    let namespace = rack.cluster.namespace.clone();
    let namespace = namespace.unwrap_or_else(|| "default".to_owned());
    Msg::Fill(Form {
        id: FormId::ClaimCreate,
        title: "New claim".to_owned(),
        lines: vec!["A volume for pods to use.".to_owned()],
        fields: vec![
            FormField::text(NAMESPACE, "namespace", namespace),
            FormField::text(NAME, "name", "").help("lower case letters, digits and dashes"),
            FormField::text(SIZE, "size", "10Gi").help("on NFS nothing enforces it"),
            FormField::new(
                CLASS,
                "class",
                Input::Choice {
                    options: classes,
                    chosen: chosen.unwrap_or(0),
                },
            ),
            FormField::new(
                ACCESS,
                "access",
                Input::Choice {
                    options: modes,
                    chosen: 0,
                },
            ),
        ],
        otherwise: Vec::new(),
    })
}

/// More room for a claim.
pub(super) fn resize_form(claim: &Claim) -> Msg {
    let now = claim.wanted.map_or_else(String::new, size);
    Msg::Fill(Form {
        id: FormId::ClaimResize {
            claim: claim.name.clone(),
            uid: claim.uid.clone(),
        },
        title: format!("Size of claim {}", claim.name),
        lines: vec![format!(
            "It asks for {now} now. A claim never gets smaller."
        )],
        fields: vec![FormField::text(SIZE, "size", now)],
        otherwise: Vec::new(),
    })
}

/// What is wrong with the answers.
pub(in crate::panes) fn complaint(
    form: &FormId,
    answers: &Answers,
    rack: &Rack,
) -> Option<(&'static str, String)> {
    let Some(wanted) = quantity::whole(answers.text(SIZE)).filter(|it| *it > 0) else {
        return Some((SIZE, "write a size such as 500Mi or 10Gi".to_owned()));
    };
    match form {
        FormId::ClaimResize { claim, .. } => {
            let now = rack.storage.claim(claim)?.wanted?;
            (wanted < now).then(|| {
                (
                    SIZE,
                    format!("a claim never gets smaller than its {}", size(now)),
                )
            })
        }
        FormId::ClaimCreate => {
            let (namespace, name) = (answers.text(NAMESPACE), answers.text(NAME));
            for (key, text) in [(NAMESPACE, namespace), (NAME, name)] {
                if !is_name(text) {
                    return Some((key, "lower case letters, digits and dashes, with a letter or digit at both ends".to_owned()));
                }
            }
            let taken = rack
                .storage
                .claim(&ClaimName::new(namespace, name))
                .is_some();
            taken.then(|| (NAME, format!("there is a claim {namespace}/{name} already")))
        }
        _ => None,
    }
}

pub(super) fn is_name(text: &str) -> bool {
    let is_edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_inner = |c: char| is_edge(c) || c == '-';
    text.len() <= 63
        && text.starts_with(is_edge)
        && text.ends_with(is_edge)
        && text.chars().all(is_inner)
}

/// The answers are in: the question before anything is written.
pub(in crate::panes) fn filled_in(form: &FormId, answers: &Answers, cx: &mut Cx<'_>) {
    let question = match form {
        FormId::ClaimCreate => Some(create_question(answers, cx.rack)),
        FormId::ClaimResize { claim, uid } => {
            // One that was made anew under its name is another.
            let claim = cx.rack.storage.claim(claim).filter(|it| it.uid == *uid);
            claim.map(|it| resize_question(it, answers.text(SIZE), cx.rack))
        }
        _ => None,
    };
    cx.msgs.extend(question.map(Msg::Ask));
}

fn create_question(answers: &Answers, rack: &Rack) -> Question {
    let (namespace, name) = (answers.text(NAMESPACE), answers.text(NAME));
    let classes: Vec<_> = rack.storage.classes().collect();
    let class = classes.get(answers.choice(CLASS));
    let (mode, _) = MODES
        .get(answers.choice(ACCESS))
        .copied()
        .unwrap_or(MODES[0]);
    let body = json!({
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": { "name": name, "namespace": namespace },
        "spec": {
            "accessModes": [mode],
            "storageClassName": class.map(|it| &*it.name),
            "resources": { "requests": { "storage": answers.text(SIZE) } },
        },
    });
    let mut lines = vec![format!("{}, {mode}", answers.text(SIZE))];
    if let Some(class) = class {
        let when = if class.waits_for_pod {
            "when a pod uses it"
        } else {
            "at once"
        };
        lines.push(format!(
            "StorageClass {}: {} makes its volume {when}.",
            class.name, class.provisioner
        ));
    }
    lines.push(format!("Cluster: {}", rack.cluster.context));
    Question {
        then: vec![Effect::CreateClaim {
            context: rack.cluster.context.clone(),
            claim: ClaimName::new(namespace, name),
            body,
        }],
        ..Question::new(format!("Make claim {namespace}/{name}?"), lines)
    }
}

fn resize_question(claim: &Claim, wanted: &str, rack: &Rack) -> Question {
    let class = claim.class.as_deref().and_then(|it| rack.storage.class(it));
    let mut lines = vec![match class {
        Some(class) if class.can_expand => {
            format!("StorageClass {} says that it can be done.", class.name)
        }
        Some(class) => format!(
            "StorageClass {} does not allow it: the server will refuse.",
            class.name
        ),
        None => "Its class is not known: the server may refuse.".to_owned(),
    }];
    if class.is_some_and(|it| detail::is_nfs(rack, it)) {
        lines.push(
            "The NFS provisioner does not resize, and enforces no size: only the number changes."
                .to_owned(),
        );
    }
    lines.push(format!("Cluster: {}", rack.cluster.context));
    let change = json!({ "spec": { "resources": { "requests": { "storage": wanted } } } });
    let title = format!("Widen claim {} to {wanted}?", claim.name);
    Question {
        about: about(claim),
        then: vec![effect(claim, Some(change), rack)],
        ..Question::new(title, lines)
    }
}

/// Asks for the name, after saying what becomes of the data.
pub(super) fn delete_question(claim: &Claim, rack: &Rack) -> Msg {
    let pods = rack.pods_using(&claim.name).collect();
    let view: ClaimView<'_> = claim_view(rack, claim, pods);
    let mut lines = vec![detail::fate(rack, &view).map_or_else(
        || "It has no volume: no data are lost.".to_owned(),
        |(text, _)| {
            let mut letters = text.chars();
            let first = letters.next().map(|it| it.to_uppercase().to_string());
            format!("{}{}.", first.unwrap_or_default(), letters.as_str())
        },
    )];
    if !view.pods.is_empty() {
        let names: Vec<&str> = view.pods.iter().take(4).map(|it| &*it.name).collect();
        let use_it = if names.len() == 1 { "uses" } else { "use" };
        lines.push(format!(
            "{} {use_it} it: it goes only when no pod does any more.",
            names.join(", ")
        ));
    }
    lines.push(format!("Cluster: {}", rack.cluster.context));
    Msg::Ask(Question {
        about: about(claim),
        typed: Some(claim.name.name.to_string()),
        then: vec![effect(claim, None, rack)],
        ..Question::new(format!("Delete claim {}?", claim.name), lines)
    })
}

fn about(claim: &Claim) -> Vec<(Subject, crate::rack::node::Uid)> {
    vec![(Subject::Claim(claim.name.clone()), claim.uid.clone())]
}

fn effect(claim: &Claim, change: Option<Value>, rack: &Rack) -> Effect {
    Effect::ChangeClaim {
        context: rack.cluster.context.clone(),
        claim: claim.name.clone(),
        uid: claim.uid.clone(),
        change,
    }
}
