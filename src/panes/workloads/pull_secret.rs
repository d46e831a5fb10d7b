//! A pull secret for a workload: which project's registry, under which name, and who pulls with it.

use jiff::civil::Date;
use jiff::{Span, tz::TimeZone};

use crate::effect::Effect;
use crate::form::{Answers, Form, FormField, FormId, Input};
use crate::msg::{Msg, Question};
use crate::panes::Cx;
use crate::panes::workloads::Item;
use crate::rack::Rack;
use crate::rack::pipeline::Project;
use crate::rack::pipeline::state::ProjectRef;
use crate::rack::pod::Maker;
use crate::rack::pull_secret::{Holder, Wanted, name_complaint};
use crate::rack::workload::WorkloadRef;

const PROJECT: &str = "project";
const NAME: &str = "name";
const WHO: &str = "who";
const ENDS: &str = "ends";

/// The projects that have a registry, as the pane of pipelines has read them.
fn projects(rack: &Rack) -> Vec<(ProjectRef, &Project)> {
    let instances = rack.builds.instances.iter();
    instances
        .flat_map(|(name, instance)| instance.projects.iter().map(move |it| (name, it)))
        .filter(|(_, project)| project.registry.is_some())
        .map(|(name, project)| {
            let at = ProjectRef {
                instance: name.clone(),
                project: project.id,
            };
            (at, project)
        })
        .collect()
}

pub(super) fn form(item: &Item<'_>, rack: &Rack) -> Msg {
    let workload = item.workload();
    let Some(maker) = item.maker().filter(|_| workload.can_roll()) else {
        let text = format!("{workload}: that is for Deployments and their like");
        return Msg::info(text);
    };
    let options: Vec<String> = (projects(rack).iter())
        .map(|(_, project)| project.path.clone())
        .collect();
    if options.is_empty() {
        return Msg::info("no project with a registry is known: 5 reads those of GitLab");
    }
    let year = Span::new().years(1);
    let today = rack.now.wall.to_zoned(TimeZone::UTC).date();
    let ends = today.checked_add(year).unwrap_or(today);
    let who = vec![format!("{workload}"), "service account default".to_owned()];
    Msg::Fill(Form {
        id: FormId::PullSecret {
            workload: workload.clone(),
            maker: maker.clone(),
            offered: projects(rack).into_iter().map(|(at, _)| at).collect(),
        },
        title: format!("Pull secret in {}", workload.namespace),
        lines: vec![
            "A deploy token of the project goes into a Secret, and its name to who pulls."
                .to_owned(),
        ],
        fields: vec![
            FormField::new(PROJECT, "project", Input::Choice { options, chosen: 0 })
                .help("whose images are pulled; left and right choose"),
            FormField::text(NAME, "secret", "gitlab-pull")
                .help("its name; one that was made here is replaced"),
            FormField::new(
                WHO,
                "used by",
                Input::Choice {
                    options: who,
                    chosen: 0,
                },
            )
            .help("a service account counts for new pods that name no secret"),
            FormField::text(ENDS, "ends", ends.to_string())
                .help("the day the token ends, 00:00 UTC"),
        ],
        otherwise: Vec::new(),
    })
}

pub(super) fn complaint(answers: &Answers, rack: &Rack) -> Option<(&'static str, String)> {
    if let Some(why) = name_complaint(answers.text(NAME)) {
        return Some((NAME, why));
    }
    let today = rack.now.wall.to_zoned(TimeZone::UTC).date();
    match answers.text(ENDS).parse::<Date>() {
        Ok(ends) if ends > today => None,
        Ok(_) => Some((ENDS, "that day is over".to_owned())),
        Err(_) => Some((ENDS, "a day is written 2027-11-24".to_owned())),
    }
}

/// Asks, with everything named.
pub(super) fn filled_in(
    (workload, maker): (&WorkloadRef, &Maker),
    offered: &[ProjectRef],
    answers: &Answers,
    cx: &mut Cx<'_>,
) {
    // The list may have changed while the form was open.
    let chosen = offered.get(answers.choice(PROJECT));
    let all = projects(cx.rack);
    let Some((at, project)) = all.iter().find(|(at, _)| Some(at) == chosen) else {
        return cx
            .msgs
            .push(Msg::warn("that project is not there any more"));
    };
    let Ok(ends) = answers.text(ENDS).parse::<Date>() else {
        return;
    };
    let holder = match answers.choice(WHO) {
        0 => Holder::Workload(workload.clone(), maker.clone()),
        _ => Holder::Account("default".into()),
    };
    let context = cx.rack.cluster.context.clone();
    let wanted = Wanted {
        project: at.clone(),
        path: project.path.clone(),
        registry: project.registry.clone().unwrap_or_default(),
        namespace: workload.namespace.clone(),
        name: answers.text(NAME).into(),
        holder,
        ends,
        context: context.clone(),
    };
    let effect = match &wanted.holder {
        Holder::Workload(..) => "It makes its pods anew, one after the other.",
        Holder::Account(_) => "Pods that run already stay as they are.",
    };
    let mut question = Question::new(
        format!("Make pull secret {}/{}?", wanted.namespace, wanted.name),
        vec![
            format!(
                "Token    \"{}\" of {} on GitLab {}",
                wanted.token_name(),
                wanted.path,
                at.instance
            ),
            format!(
                "May      pull from {} until {ends}, nothing else",
                wanted.registry
            ),
            format!("Used by  {}", wanted.holder),
            effect.to_owned(),
            "The token is tried at the registry before the Secret is written.".to_owned(),
        ],
    );
    question.then = vec![Effect::MakePullSecret {
        context,
        wanted: Box::new(wanted),
    }];
    cx.msgs.push(Msg::Ask(question));
}
