//! Doing something to a job: asked first, with the job named in full.

use crate::action::Action;
use crate::effect::Effect;
use crate::form::{Answers, Form, FormField, FormId};
use crate::msg::{Msg, Question};
use crate::panes::Cx;
use crate::panes::pipelines::PipelinesPane;
use crate::rack::Rack;
use crate::rack::pipeline::state::JobRef;
use crate::rack::pipeline::{Job, Order};

const VARIABLES: &str = "variables";

/// Asks before the job under the cursor is retried, canceled or played.
pub(super) fn ask(pane: &PipelinesPane, action: Action, cx: &mut Cx<'_>) {
    let Some((at, job)) = pane.job(cx.rack) else {
        return cx
            .msgs
            .push(Msg::info("there is no job here: enter opens a pipeline"));
    };
    let is_shifted = pane
        .table()
        .is_some_and(|table| table.rows.is_unsettled(cx.rack.now.mono));
    if is_shifted {
        let text = "another job slid under the cursor just now: look, and press again";
        return cx.msgs.push(Msg::warn(text));
    }
    let instance = cx.rack.builds.instances.get(&at.project.instance);
    let token = instance.and_then(|instance| instance.token.as_ref());
    if token.is_some_and(crate::rack::pipeline::state::Token::is_read_only) {
        let name = &at.project.instance;
        let text = format!("the token of GitLab {name} may only read: acting needs the scope api");
        return cx.msgs.push(Msg::warn(text));
    }
    let (can, order) = match action {
        Action::JobRetry => (job.can_retry(), Order::Retry),
        Action::JobCancel => (job.can_cancel(), Order::Cancel),
        _ => (job.can_play(), Order::Play(Vec::new())),
    };
    if !can {
        let text = format!(
            "{} is {}: no {} of it",
            job.named(),
            job.status,
            order.word()
        );
        return cx.msgs.push(Msg::info(text));
    }
    if action == Action::JobPlay {
        return cx.msgs.push(Msg::Fill(play_form(at, job, cx.rack)));
    }
    let mut question = Question::new(
        format!("{} {}?", order.word(), job.named()),
        about(&at, &job, cx.rack),
    );
    question.lines.push(match order {
        Order::Retry => "A new job with a new number runs; this one keeps its log.".to_owned(),
        _ => "What it has done so far stays done.".to_owned(),
    });
    question.then = vec![Effect::ActOnJob {
        at,
        seen: Box::new(job),
        order,
    }];
    cx.msgs.push(Msg::Ask(question));
}

/// The job, in full.
fn about(at: &JobRef, job: &Job, rack: &Rack) -> Vec<String> {
    let project = rack.builds.project(&at.project);
    let project = project.map_or_else(|| format!("#{}", at.project.project), |it| it.path.clone());
    vec![
        format!("Project  {project} on GitLab {}", at.project.instance),
        format!(
            "Job      {} in stage {}, {}",
            job.name, job.stage, job.status
        ),
        format!("Ref      {}", job.branch),
    ]
}

fn play_form(at: JobRef, job: Job, rack: &Rack) -> Form {
    Form {
        title: format!("Play {}", job.named()),
        lines: about(&at, &job, rack),
        fields: vec![
            FormField::text(VARIABLES, "variables", "")
                .help("for this run: KEY=value, several with blanks between; may be empty"),
        ],
        id: FormId::PlayJob {
            at,
            job: Box::new(job),
        },
        otherwise: Vec::new(),
    }
}

pub(in crate::panes) fn complaint(answers: &Answers) -> Option<(&'static str, String)> {
    variables(answers.text(VARIABLES))
        .err()
        .map(|why| (VARIABLES, why))
}

pub(in crate::panes) fn filled_in(at: &JobRef, job: &Job, answers: &Answers, cx: &mut Cx<'_>) {
    if let Ok(variables) = variables(answers.text(VARIABLES)) {
        cx.effects.push(Effect::ActOnJob {
            at: at.clone(),
            seen: Box::new(job.clone()),
            order: Order::Play(variables),
        });
    }
}

/// `KEY=value KEY2=value`.
fn variables(text: &str) -> Result<Vec<(String, String)>, String> {
    let one = |word: &str| {
        let (key, value) = word
            .split_once('=')
            .ok_or_else(|| format!("{word} is not KEY=value"))?;
        let is_name = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !is_name {
            return Err(format!(
                "{key} is no name of a variable: letters, digits and _"
            ));
        }
        Ok((key.to_owned(), value.to_owned()))
    };
    text.split_whitespace().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_read_or_complained_about() {
        let read = variables("A=1 B_2=x=y").unwrap();
        assert_eq!(
            read,
            [("A".into(), "1".into()), ("B_2".into(), "x=y".into())]
        );
        assert_eq!(variables(" "), Ok(Vec::new()));
        assert_eq!(variables("A"), Err("A is not KEY=value".into()));
        assert!(variables("a-b=1").is_err());
    }
}
