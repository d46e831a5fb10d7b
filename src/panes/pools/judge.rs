//! What MetalLB would think of the text, as signs in the editor; and what is known of the cluster for that.

use crate::rack::pool_text::{Flaw, Form};
use crate::rack::pools::check::Facts;
use crate::rack::pools::check::checker::Checker;
use crate::rack::pools::finding::{Finding, LineIndex, Severity};
use crate::rack::pools::read::Form as ReadForm;
use crate::ui::editor::{Mark, MarkWeight};

/// A checker for a text of this form.
pub(super) fn checker(form: &Form) -> Checker {
    Checker::new(read_form(form), Facts::default())
}

/// The form of a text, as the reader of configurations calls it.
pub(super) fn read_form(form: &Form) -> ReadForm {
    match form {
        Form::ConfigMap { .. } => ReadForm::Inner,
        Form::Objects { .. } => ReadForm::File,
    }
}

/// The findings as signs.
pub(super) fn marks(text: &str, findings: &[Finding]) -> Vec<Mark> {
    if findings.is_empty() {
        return Vec::new();
    }
    let index = LineIndex::new(text);
    findings
        .iter()
        .map(|finding| mark(&index, finding))
        .collect()
}

fn mark(index: &LineIndex<'_>, finding: &Finding) -> Mark {
    let (from, to) = (
        index.place(finding.span.start),
        index.place(finding.span.end),
    );
    let end = if to.line == from.line {
        to.column
    } else {
        // It goes on: only its first line is marked, to its end.
        usize::MAX
    };
    Mark {
        line: from.line.saturating_sub(1),
        columns: from.column.saturating_sub(1)..end.saturating_sub(1),
        weight: match finding.severity() {
            Severity::Error => MarkWeight::Error,
            Severity::Warning => MarkWeight::Warning,
        },
        text: finding.sentence(),
    }
}

/// What keeps a text from being objects, where nothing else is said of that line already.
pub(super) fn add_flaws(marks: &mut Vec<Mark>, flaws: &[Flaw]) {
    for flaw in flaws {
        let is_said = marks
            .iter()
            .any(|mark| mark.line == flaw.line && mark.weight == MarkWeight::Error);
        if !is_said {
            marks.push(Mark {
                line: flaw.line,
                columns: 0..0,
                weight: MarkWeight::Error,
                text: flaw.what.clone(),
            });
        }
    }
}
