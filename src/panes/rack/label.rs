//! Setting or removing a label of a node: the form, and what its answers do.

use crate::effect::Effect;
use crate::form::{Answers, Form, FormField, FormId, Input};
use crate::msg::{Msg, Question};
use crate::panes::Cx;
use crate::rack::Rack;
use crate::rack::label::{key_fault, value_fault};
use crate::rack::node::{Node, NodeName, Uid};
use crate::rack::problem::Subject;

const KEY: &str = "key";
const VALUE: &str = "value";
const REMOVE: &str = "remove";

/// Labels under these names belong to the kubelet or the node controller, which set them again.
const OF_THE_SYSTEM: [&str; 5] = [
    "kubernetes.io/hostname",
    "kubernetes.io/arch",
    "kubernetes.io/os",
    "beta.kubernetes.io/arch",
    "beta.kubernetes.io/os",
];

pub(super) fn form(node: &Node) -> Form {
    let keys = node.labels.keys().map(ToString::to_string);
    let offered = keys
        .filter(|key| !OF_THE_SYSTEM.contains(&key.as_str()))
        .collect();
    let key = Input::Text {
        text: String::new(),
        offered,
    };
    Form {
        id: FormId::NodeLabel {
            node: node.name.clone(),
            uid: node.uid.clone(),
        },
        title: format!("Label of node {}", node.name),
        lines: vec!["Workloads choose boards by their labels.".to_owned()],
        fields: vec![
            FormField::new(KEY, "label", key)
                .help("such as disk or example.org/rack; right takes what is offered"),
            FormField::text(VALUE, "value", "").help("may be empty"),
            FormField::new(REMOVE, "remove", Input::Toggle(false))
                .help("space turns it on: the label is taken away"),
        ],
        otherwise: Vec::new(),
    }
}

pub(in crate::panes) fn complaint(
    node: &NodeName,
    answers: &Answers,
    rack: &Rack,
) -> Option<(&'static str, String)> {
    let key = answers.text(KEY);
    if let Some(fault) = key_fault(key) {
        return Some((KEY, fault));
    }
    if OF_THE_SYSTEM.contains(&key) {
        return Some((KEY, format!("{key} is set by the kubelet itself")));
    }
    if answers.is_on(REMOVE) {
        let is_there = rack
            .node(node)
            .is_some_and(|node| node.labels.contains_key(key));
        return (!is_there).then(|| (KEY, format!("node {node} has no label {key}")));
    }
    value_fault(answers.text(VALUE)).map(|fault| (VALUE, fault))
}

/// Asks before the label is changed, with what it was.
pub(in crate::panes) fn filled_in(node: &NodeName, uid: &Uid, answers: &Answers, cx: &mut Cx<'_>) {
    let key = answers.text(KEY);
    let value = (!answers.is_on(REMOVE)).then(|| answers.text(VALUE).to_owned());
    let before = cx
        .rack
        .node(node)
        .and_then(|node| node.labels.get(key))
        .map(ToString::to_string);
    if before == value {
        return cx
            .msgs
            .push(Msg::info(format!("node {node} has that label already")));
    }
    let change = match (&before, &value) {
        (Some(before), Some(value)) => {
            format!("{key} becomes \"{value}\"; it is \"{before}\" now.")
        }
        (None, Some(value)) => format!("{key} is set to \"{value}\"."),
        (Some(before), None) => format!("{key} is taken away; it is \"{before}\" now."),
        (None, None) => format!("{key} is taken away."),
    };
    let lines = vec![
        change,
        "Pods that run now stay; new ones are placed by the new labels.".to_owned(),
        format!("Cluster: {}", cx.rack.cluster.context),
    ];
    let question = Question {
        about: vec![(Subject::Node(node.clone()), uid.clone())],
        then: vec![Effect::SetLabel {
            context: cx.rack.cluster.context.clone(),
            node: node.clone(),
            uid: uid.clone(),
            key: key.to_owned(),
            value,
        }],
        ..Question::new(format!("Label node {node}?"), lines)
    };
    cx.msgs.push(Msg::Ask(question));
}
