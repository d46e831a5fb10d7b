//! Files for building an image for ARM: which folder and form, then what would change, then the question.

use crate::effect::Effect;
use crate::form::{Answers, Form, FormField, FormId, Input};
use crate::msg::{Level, Msg, Notice, Question};
use crate::panes::Cx;
use crate::rack::problem::Problem;
use crate::rack::scaffold::{self, Plan};

const FOLDER: &str = "folder";
const FORM: &str = "form";

/// Where, and in which form.
pub(super) fn form() -> Msg {
    let options = ["today: buildx, one image", "classic: qemu-user-static"];
    let options = options.map(str::to_owned).to_vec();
    Msg::Fill(Form {
        id: FormId::ArmScaffold,
        title: "Files for building on ARM".to_owned(),
        lines: vec![
            "Dockerfile.arm and .gitlab-ci.yml. What would change is shown first, then asked."
                .to_owned(),
        ],
        fields: vec![
            FormField::text(FOLDER, "folder", "")
                .help("of the project: from where bramble was started, or ~/ for home"),
            FormField::new(FORM, "form", Input::Choice { options, chosen: 0 })
                .help("left and right choose"),
        ],
        otherwise: Vec::new(),
    })
}

pub(in crate::panes) fn complaint(answers: &Answers) -> Option<(&'static str, String)> {
    let is_empty = answers.text(FOLDER).is_empty();
    is_empty.then(|| (FOLDER, "name the folder of a project".to_owned()))
}

pub(in crate::panes) fn filled_in(answers: &Answers, cx: &mut Cx<'_>) {
    let form = match answers.choice(FORM) {
        0 => scaffold::Form::Today,
        _ => scaffold::Form::Classic,
    };
    cx.effects.push(Effect::PlanScaffold {
        folder: answers.text(FOLDER).to_owned(),
        form,
    });
}

/// Shows every line of the change as a page; the question comes when it is closed.
pub(in crate::panes) fn ask(result: &Result<Plan, Problem>, cx: &mut Cx<'_>) {
    let plan = match result {
        Ok(plan) if plan.changes.is_empty() => {
            let text = "both files are as they would be: nothing to do";
            return cx.msgs.push(Msg::info(text));
        }
        Ok(plan) => plan,
        Err(problem) => {
            return cx.msgs.push(Msg::Notice(Notice {
                level: Level::Error,
                text: problem.sentence(),
            }));
        }
    };
    cx.msgs.push(Msg::ShowPage {
        title: format!("Would be written into {} (esc asks)", plan.folder),
        text: plan.diff(),
    });
    let mut question = Question::new(
        format!("write into {}?", plan.folder),
        vec![plan.summary(), "As it was shown, line by line.".to_owned()],
    );
    question.then = vec![Effect::WriteScaffold(plan.clone())];
    cx.msgs.push(Msg::Ask(question));
}
