//! The log of a job to a file: the lines that are shown, or all of them, with the runner's times if wanted.

use crate::effect::Effect;
use crate::form::{Answers, Form, FormField, FormId, Input};
use crate::msg::Msg;
use crate::panes::Cx;
use crate::panes::pipelines::PipelinesPane;
use crate::rack::Rack;
use crate::rack::trace::Trace;

/// The same name as in the form of the log viewer: one rule says what is wrong with it.
const FILE: &str = "file";
const WHICH: &str = "which";
const TIMES: &str = "times";
const COLOURS: &str = "colours";

/// What to save, and where.
pub(super) fn form(pane: &PipelinesPane, rack: &Rack) -> Msg {
    let Some((_, job)) = pane.job(rack) else {
        return Msg::info("there is no log here to save");
    };
    let name: String = (job.name.chars())
        .map(|sign| {
            if sign.is_ascii_alphanumeric() {
                sign
            } else {
                '-'
            }
        })
        .take(60)
        .collect();
    let options = ["every line", "the lines that are shown"].map(str::to_owned);
    let which = Input::Choice {
        options: options.to_vec(),
        chosen: 0,
    };
    Msg::Fill(Form {
        id: FormId::TraceSave,
        title: format!("Save the log of {}", job.named()),
        lines: vec!["A new file that only you can read; nothing is written over.".to_owned()],
        fields: vec![
            FormField::text(FILE, "file", format!("job-{name}-{}.log", job.id))
                .help("from where bramble was started, or ~/ for home"),
            FormField::new(WHICH, "lines", which).help("left and right choose"),
            FormField::new(TIMES, "times", Input::Toggle(false))
                .help("what the runner says before each line"),
            FormField::new(COLOURS, "colours", Input::Toggle(false)).help("keep them"),
        ],
        otherwise: Vec::new(),
    })
}

pub(in crate::panes) fn filled_in(pane: &PipelinesPane, answers: &Answers, cx: &mut Cx<'_>) {
    let Some(open) = &cx.rack.builds.trace else {
        return cx.msgs.push(Msg::warn("the log was closed meanwhile"));
    };
    let trace = &open.trace;
    let rows: Vec<usize> = match answers.choice(WHICH) {
        0 => (0..trace.rows().len()).collect(),
        _ => pane.log.shown().to_vec(),
    };
    cx.effects.push(Effect::SaveLogs {
        file: answers.text(FILE).to_owned(),
        lines: bytes(trace, &rows, answers.is_on(TIMES)),
        with_colours: answers.is_on(COLOURS),
    });
}

fn bytes(trace: &Trace, rows: &[usize], has_times: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    for row in rows.iter().filter_map(|at| trace.rows().get(*at)) {
        if let Some(time) = trace.time(row).filter(|_| has_times) {
            bytes.extend_from_slice(format!("{time} ").as_bytes());
        }
        bytes.extend_from_slice(trace.text(row));
        bytes.push(b'\n');
    }
    bytes
}
