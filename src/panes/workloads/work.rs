//! What is done to pods and workloads, and the questions before it.

use crate::action::Action;
use crate::effect::Effect;
use crate::form::{Answers, Form, FormField, FormId};
use crate::msg::{Msg, Question};
use crate::panes::Cx;
use crate::panes::workloads::Item;
use crate::rack::pod::{Maker, Pod, PodHealth};
use crate::rack::problem::Subject;
use crate::rack::workload::WorkloadRef;
use crate::rack::workloads::BARE;

const REPLICAS: &str = "replicas";
/// More pods than a rack of small boards holds are a slip of the finger.
const MOST: u32 = 500;

/// Asks before anything is changed. A row that slid under the cursor just now is not acted on.
pub(super) fn ask(item: &Item<'_>, action: Action, is_unsettled: bool, cx: &mut Cx<'_>) {
    if is_unsettled {
        let why = "another row slid under the cursor just now: look, and press again";
        return cx.msgs.push(Msg::warn(why));
    }
    let context = cx.rack.cluster.context.clone();
    let workload = item.workload();
    match (action, item.maker()) {
        (Action::PodShell, _) => match best(item) {
            Some(pod) => cx.effects.push(Effect::Exec {
                context,
                pod: pod.full_name(),
            }),
            None => cx.msgs.push(Msg::warn("none of its pods runs")),
        },
        (Action::PodDelete, _) => {
            let several = "one pod at a time: enter shows the pods, R makes all of them anew";
            cx.msgs.push(item.pod().map_or_else(
                || Msg::info(several),
                |pod| Msg::Ask(deletion(workload, pod, context)),
            ));
        }
        (Action::WorkloadRestart, Some(maker)) if workload.can_roll() => {
            cx.msgs
                .push(Msg::Ask(restart(workload, maker, item, context)));
        }
        (Action::WorkloadScale, Some(maker)) if workload.can_scale() => {
            cx.msgs.push(Msg::Fill(scale_form(workload, maker, item)));
        }
        _ => {
            let text = format!("{workload}: that is for Deployments and their like");
            cx.msgs.push(Msg::info(text));
        }
    }
}

/// The pod a shell is opened in: the one under the cursor, else one that runs.
fn best<'a>(item: &Item<'a>) -> Option<&'a Pod> {
    let runs = |pod: &&&Pod| pod.health() == PodHealth::Running;
    match item {
        Item::Pod(_, pod) => Some(pod),
        Item::Group(group) => group.pods.iter().find(runs).copied(),
    }
}

fn deletion(workload: &WorkloadRef, pod: &Pod, context: String) -> Question {
    let name = pod.full_name();
    let is_bare = &*workload.kind == BARE;
    let line = if is_bare {
        "Nothing makes it anew: it is gone for good.".to_owned()
    } else {
        format!("{workload} makes another in its place.")
    };
    let on = pod.node.as_ref().map(|node| format!("It runs on {node}."));
    let mut question = Question::new(
        format!("Delete pod {name}?"),
        on.into_iter().chain([line]).collect(),
    );
    question.about = vec![(Subject::Pod(name.clone()), pod.uid.clone())];
    question.typed = is_bare.then(|| pod.name.to_string());
    question.then = vec![Effect::DeletePod {
        context,
        pod: name,
        uid: pod.uid.clone(),
    }];
    question
}

fn restart(workload: &WorkloadRef, maker: &Maker, item: &Item<'_>, context: String) -> Question {
    let mut question = Question::new(
        format!("Restart {workload}?"),
        vec![match item {
            Item::Group(group) if group.pods.is_empty() => {
                "It has no pod now; those that come are new anyway.".to_owned()
            }
            Item::Group(group) if group.pods.len() == 1 => "Its pod is made anew.".to_owned(),
            Item::Group(group) => format!(
                "Its {} pods are made anew, one after the other, as its strategy says.",
                group.pods.len()
            ),
            Item::Pod(..) => "All of its pods are made anew, one after the other.".to_owned(),
        }],
    );
    question.then = vec![Effect::RestartWorkload {
        context,
        workload: workload.clone(),
        maker: maker.clone(),
    }];
    question
}

fn scale_form(workload: &WorkloadRef, maker: &Maker, item: &Item<'_>) -> Form {
    let now = match item {
        Item::Group(group) => group.pods.len().to_string(),
        Item::Pod(..) => String::new(),
    };
    Form {
        id: FormId::Scale {
            workload: workload.clone(),
            maker: maker.clone(),
        },
        title: format!("Scale {workload}"),
        lines: vec!["0 stops all of its pods.".to_owned()],
        fields: vec![FormField::text(REPLICAS, "pods", now).help("how many there should be")],
        otherwise: Vec::new(),
    }
}

pub(super) fn complaint(answers: &Answers) -> Option<(&'static str, String)> {
    let text = answers.text(REPLICAS);
    match text.parse::<u32>() {
        Ok(0..=MOST) => None,
        Ok(_) => Some((
            REPLICAS,
            format!("more than {MOST} is a slip of the finger"),
        )),
        Err(_) => Some((REPLICAS, format!("\"{text}\" is no number of pods"))),
    }
}

/// Asks once more, with the name and the number.
pub(super) fn scaled(workload: &WorkloadRef, maker: &Maker, answers: &Answers, cx: &mut Cx<'_>) {
    let Ok(replicas) = answers.text(REPLICAS).parse::<u32>() else {
        return;
    };
    let line = match replicas {
        0 => "All of its pods end, and what it serves is gone.".to_owned(),
        1 => "It is asked for one pod.".to_owned(),
        _ => format!("It is asked for {replicas} pods."),
    };
    let mut question = Question::new(format!("Scale {workload} to {replicas}?"), vec![line]);
    question.then = vec![Effect::ScaleWorkload {
        context: cx.rack.cluster.context.clone(),
        workload: workload.clone(),
        maker: maker.clone(),
        replicas,
    }];
    cx.msgs.push(Msg::Ask(question));
}
